/* See facts.h. */
#include "filters/matchers/facts.h"

static size_t skip_other(struct wd_str text, size_t at, size_t end)
{
    while (at < end && text.data[at] & 0x80)
        at++;
    return at;
}

static size_t skip_ascii(struct wd_str text, size_t at, size_t end)
{
    while (at < end && !(text.data[at] & 0x80))
        at++;
    return at;
}

bool wd_next_host_part(struct wd_str text, const struct wd_host_place *place, size_t *at, struct wd_host_place *out)
{
    while ((*at = skip_other(text, *at, place->end)) < place->end) {
        size_t start = *at, end = *at = skip_ascii(text, start, place->end);
        bool is_whole = start == place->start && end == place->end;
        if (!is_whole && memchr(text.data + start, '.', end - start)) {
            *out = (struct wd_host_place){.start = start, .end = end};
            return true;
        }
    }
    return false;
}

/* Appends the host that stands at a place, if one does. */
static bool add(struct wd_text_facts *facts, struct wd_str text, const struct wd_host_place *place, bool is_part)
{
    struct wd_host host;
    if (!wd_host_normalize((struct wd_str){text.data + place->start, place->end - place->start}, &host))
        return false;
    struct wd_host_fact *fact = wd_arena_alloc(facts->arena, sizeof(*fact));
    struct wd_str name = wd_arena_copy(facts->arena, (struct wd_str){host.text, host.len});
    facts->out_of_memory |= !fact || !name.data;
    if (facts->out_of_memory)
        return false;
    *fact = (struct wd_host_fact){
        .start = place->start, .end = place->end, .name = name, .is_address = host.is_address, .is_part = is_part};
    if (facts->last_host)
        facts->last_host->next = fact;
    else
        facts->hosts = fact;
    facts->last_host = fact;
    return true;
}

const struct wd_host_fact *wd_facts_hosts(struct wd_text_facts *facts, struct wd_str text, struct wd_effort *effort)
{
    struct wd_host_place place, part;
    size_t count = 0;
    if (facts->knows_hosts)
        return facts->hosts;
    facts->knows_hosts = true;
    facts->rest = (struct wd_host_search){.text = text, .effort = effort};
    while (count < WD_HOST_FACTS_MAX && !facts->out_of_memory && wd_next_host(&facts->rest, &place)) {
        if (place.is_local)
            continue;
        count += add(facts, text, &place, false);
        for (size_t at = place.start; wd_next_host_part(text, &place, &at, &part);)
            count += add(facts, text, &part, true);
    }
    return facts->hosts;
}
