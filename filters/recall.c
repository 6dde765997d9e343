/* Which values an event needs. What always holds: the keys of one event are distinct and at most KEYS_MAX; an event
 * that no rule covers and nothing counts needs none. Neighbours: remember.h; remember.c judges with the values. */
#include <string.h>

#include "filters/recall.h"

enum { CLOCKS_DIFFER_MS = 5 * 60 * 1000, REPORTER_MAX = 100 };

static int64_t latest(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* What an object says of its times is about the object: only where it was made that is when the event happened. */
int64_t wd_event_time_ms(const struct wd_event *event)
{
    int64_t received = latest(event->kafka_timestamp_ms, 0), stated = latest(event->created_at_ms, 0);
    if (!wd_event_makes_object(event->name))
        stated = received ? received : latest(stated, latest(event->edited_at_ms, event->updated_at_ms));
    if (!stated)
        return received;
    return received && stated > received + CLOCKS_DIFFER_MS ? received + CLOCKS_DIFFER_MS : stated;
}

struct wd_origin wd_origin_of(struct wd_str topic, int32_t partition, int64_t offset, uint32_t object)
{
    uint64_t hash = 14695981039346656037U;
    for (size_t i = 0; i < topic.len; i++)
        hash = (hash ^ (unsigned char)topic.data[i]) * 1099511628211U;
    hash = (hash ^ (unsigned char)'/') * 1099511628211U;
    for (int i = 0; i < 4; i++)
        hash = (hash ^ ((uint32_t)partition >> 8 * i & 0xFF)) * 1099511628211U;
    return (struct wd_origin){.source = hash, .sequence = (uint64_t)offset << 16 | (object & 0xFFFF)};
}

bool wd_ruleset_remembers(const struct wd_ruleset *set)
{
    return set->behaviour != NULL;
}

/* ---- links and fingerprints: once an event, where a signal asks ---- */

static const struct link_list *links_of(struct recalling *recalling)
{
    if (!recalling->has_links &&
        !wd_list_links(recalling->scanner, recalling->arena, recalling->event, &recalling->links))
        recalling->out_of_memory = true;
    recalling->has_links = true;
    return &recalling->links;
}

/* What the author wrote, title and body. The fingerprint folds by itself. */
static struct wd_str compared_text(struct recalling *recalling)
{
    const struct wd_event *event = recalling->event;
    struct wd_str all = {0};
    for (size_t i = 0; i < event->text_count; i++) {
        struct wd_str text = event->texts[i].text;
        if (event->texts[i].field != WD_FIELD_TEXT && event->texts[i].field != WD_FIELD_TITLE)
            continue;
        if (!all.len) {
            all = text;
            continue;
        }
        char *joined = wd_arena_alloc(recalling->arena, all.len + text.len + 1);
        if (!joined) {
            recalling->out_of_memory = true;
            break;
        }
        memcpy(joined, all.data, all.len);
        joined[all.len] = ' ';
        memcpy(joined + all.len + 1, text.data, text.len);
        all = (struct wd_str){.data = joined, .len = all.len + text.len + 1};
    }
    return all;
}

static bool fingerprint_of(struct recalling *recalling, uint32_t min_length, uint64_t *out)
{
    if (!recalling->is_joined)
        recalling->compared = compared_text(recalling);
    recalling->is_joined = true;
    if (recalling->fingerprint_length != min_length) {
        recalling->fingerprint_length = min_length;
        recalling->has_fingerprint = recalling->compared.len >= min_length &&
                                     wd_fingerprint(recalling->compared, min_length, &recalling->fingerprint);
    }
    *out = recalling->fingerprint;
    return recalling->has_fingerprint;
}

/* ---- feedings ---- */

static void feed(struct recalling *recalling, uint32_t signal, int key)
{
    struct prepared *prepared = recalling->prepared;
    if (key >= 0)
        prepared->feedings[prepared->feeding_count++] = (struct feeding){.signal = signal, .keys = {(uint16_t)key}};
}

static void feed_hosts(struct recalling *recalling, uint32_t signal)
{
    const struct link_list *links = links_of(recalling);
    for (size_t i = 0; i < links->host_count; i++) {
        const struct wd_str parts[] = {wd_str_from("h:"), links->hosts[i]};
        feed(recalling, signal, wd_key_of(recalling, parts, 2));
    }
}

static void feed_values(struct recalling *recalling, uint32_t index, const struct signal *signal)
{
    struct wd_str values[VALUES_MAX];
    size_t count = wd_field_values(signal->per_field, recalling->evaluation, values, VALUES_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct wd_str parts[] = {wd_str_from("x:"), wd_str_from(signal->per_field_name), wd_str_from("="),
                                       values[i]};
        if (wd_has(values[i]))
            feed(recalling, index, wd_key_of(recalling, parts, 4));
    }
}

static void feed_window(struct recalling *recalling, uint32_t index, const struct signal *signal)
{
    if (signal->thing == THING_LINKS)
        (void)links_of(recalling);
    switch (signal->per) {
    case SUBJECT_AUTHOR:
        feed(recalling, index, wd_author_key(recalling, recalling->event->author.id));
        break;
    case SUBJECT_PLACE:
    case SUBJECT_AUTHOR_IN_PLACE:
        feed(recalling, index, wd_place_key(recalling, signal->per == SUBJECT_AUTHOR_IN_PLACE));
        break;
    case SUBJECT_HOST:
        feed_hosts(recalling, index);
        break;
    case SUBJECT_CONTENT:
        feed(recalling, index, wd_content_key(recalling));
        break;
    case SUBJECT_NETWORK:
        feed(recalling, index, wd_network_key(recalling));
        break;
    default:
        feed_values(recalling, index, signal);
        break;
    }
}

static void feed_crowd(struct recalling *recalling, uint32_t index, const struct signal *signal, uint64_t fingerprint)
{
    struct feeding feeding = {.signal = index, .fingerprint = fingerprint};
    struct wd_str place = {0};
    if (signal->per == SUBJECT_PLACE) {
        place = wd_place_text(recalling->arena, recalling->event);
        if (!place.data)
            return;
    }
    for (unsigned bucket = 0; bucket < WD_CROWD_BUCKETS; bucket++) {
        char key[KEY_MAX + 1];
        size_t len = wd_crowd_key(&signal->crowd, fingerprint, bucket, place, key, sizeof(key));
        int index_of_key = wd_add_key(recalling, key, len);
        if (index_of_key < 0)
            return;
        feeding.keys[bucket] = (uint16_t)index_of_key;
    }
    recalling->prepared->feedings[recalling->prepared->feeding_count++] = feeding;
}

static void feed_likeness(struct recalling *recalling, uint32_t index, const struct signal *signal)
{
    uint64_t fingerprint;
    if (!wd_has(recalling->event->author.id) || !wd_has(recalling->event->content_id) || recalling->event->is_deleted ||
        !fingerprint_of(recalling, signal->min_length, &fingerprint))
        return;
    if (signal->kind == SIGNAL_CROWD) {
        feed_crowd(recalling, index, signal, fingerprint);
        return;
    }
    struct prepared *prepared = recalling->prepared;
    size_t before = prepared->feeding_count;
    feed(recalling, index, wd_author_key(recalling, recalling->event->author.id));
    if (prepared->feeding_count > before)
        prepared->feedings[before].fingerprint = fingerprint;
}

static void feed_signals(struct recalling *recalling)
{
    const struct behaviour *behaviour = recalling->behaviour;
    for (uint32_t i = 0; i < behaviour->signal_count; i++) {
        if (!(recalling->name->signals[i / 64] >> i % 64 & 1))
            continue;
        if (behaviour->signals[i].kind == SIGNAL_WINDOW)
            feed_window(recalling, i, &behaviour->signals[i]);
        else
            feed_likeness(recalling, i, &behaviour->signals[i]);
    }
}

/* ---- reports ---- */

static void recall_report(struct recalling *recalling)
{
    struct prepared *prepared = recalling->prepared;
    prepared->content = wd_content_key(recalling);
    for (size_t i = 0; i < recalling->behaviour->score_count && !prepared->reporter_id.data; i++) {
        const struct field_params *field = recalling->behaviour->scores[i].reports.reporter;
        struct wd_str id;
        if (!(recalling->name->reports >> i & 1) || !field || !wd_field_values(field, recalling->evaluation, &id, 1) ||
            !id.len || id.len > REPORTER_MAX)
            continue;
        prepared->reporter_id = wd_arena_copy(recalling->arena, id);
        recalling->out_of_memory |= !prepared->reporter_id.data;
        prepared->reporter = wd_author_key(recalling, id);
    }
}

static bool is_about_reports(const struct behaviour *behaviour, uint32_t traits)
{
    return behaviour->has_reports && traits & (TRAIT_PROVES_REPORTS | TRAIT_CLEARS_CONTENT | TRAIT_CLEARS_USER);
}

/* ---- doors ---- */

static bool is_needed(const struct wd_ruleset *set, const struct cached_name *name)
{
    bool needed = name->reports || name->traits & TRAITS_OF_PEOPLE || is_about_reports(set->behaviour, name->traits);
    for (size_t i = 0; i < set->scope_count / 64 + 1 && !needed; i++)
        needed = name->scopes[i] != 0;
    for (size_t i = 0; i < set->behaviour->signal_count / 64 + 1 && !needed; i++)
        needed = name->signals[i] != 0;
    return needed;
}

static struct prepared *prepare(struct wd_arena *arena, const struct wd_ruleset *set, uint32_t traits)
{
    struct prepared *prepared = wd_arena_alloc(arena, sizeof(*prepared));
    if (!prepared)
        return NULL;
    prepared->serial = set->serial;
    prepared->traits = traits;
    prepared->key_count = prepared->link_count = prepared->feeding_count = 0;
    prepared->author = prepared->content = prepared->reporter = NO_KEY;
    prepared->judged_count = 0;
    prepared->is_further = false;
    prepared->reporter_id = (struct wd_str){0};
    prepared->feedings = wd_arena_alloc(arena, (set->behaviour->feedings_most + 1) * sizeof(*prepared->feedings));
    return prepared->feedings ? prepared : NULL;
}

/* Field by field: the links are filled when they are listed. */
static void begin_recalling(struct recalling *recalling, struct wd_scanner *scanner, struct wd_arena *arena,
                            const struct wd_event *event)
{
    recalling->scanner = scanner;
    recalling->behaviour = NULL;
    recalling->evaluation = NULL;
    recalling->event = event;
    recalling->arena = arena;
    recalling->prepared = NULL;
    recalling->name = NULL;
    recalling->out_of_memory = recalling->has_links = recalling->is_joined = recalling->has_fingerprint = false;
    recalling->compared = (struct wd_str){0};
    recalling->fingerprint_length = 0;
    recalling->fingerprint = 0;
}

static void recall(struct recalling *recalling)
{
    struct prepared *prepared = recalling->prepared;
    prepared->author = wd_author_key(recalling, recalling->event->author.id);
    feed_signals(recalling);
    if (recalling->has_links) {
        prepared->link_count = recalling->links.link_count;
        memcpy(prepared->links, recalling->links.links, prepared->link_count * sizeof(*prepared->links));
    }
    if (recalling->name->reports)
        recall_report(recalling);
    else if (is_about_reports(recalling->behaviour, recalling->name->traits))
        prepared->content = wd_content_key(recalling);
}

enum wd_status wd_recall(struct wd_scanner *scanner, const struct wd_ruleset *set, struct wd_arena *arena,
                         const struct wd_event *event, int64_t now_ms, struct wd_recall *recall_out,
                         struct wd_error *err)
{
    *recall_out = (struct wd_recall){0};
    if (!set->behaviour)
        return WD_OK;
    if (!wd_scanner_fit(scanner, set))
        return wd_fail(err, WD_ERR_MEMORY, "no memory to scan with %zu rules", set->rule_count);
    struct evaluation evaluation = {
        .set = set, .event = event, .now_ms = now_ms, .arena = arena, .decoder = scanner->decoder};
    struct recalling recalling;
    begin_recalling(&recalling, scanner, arena, event);
    recalling.behaviour = set->behaviour;
    recalling.evaluation = &evaluation;
    recalling.name = wd_scanner_name(scanner, set, event->name);
    if (!is_needed(set, recalling.name))
        return WD_OK;
    recalling.prepared = prepare(arena, set, recalling.name->traits);
    if (recalling.prepared)
        recall(&recalling);
    if (!recalling.prepared || recalling.out_of_memory || evaluation.out_of_memory)
        return wd_fail(err, WD_ERR_TOO_LARGE, "the event needs more memory than one event may take");
    *recall_out = (struct wd_recall){
        .keys = recalling.prepared->keys, .count = recalling.prepared->key_count, .prepared = recalling.prepared};
    return WD_OK;
}

enum wd_status wd_recall_further(struct wd_scanner *scanner, const struct wd_ruleset *set, struct wd_arena *arena,
                                 const struct wd_event *event, struct wd_value *const *values,
                                 struct wd_recall *recall_in, struct wd_error *err)
{
    struct prepared *prepared = (struct prepared *)recall_in->prepared; /* made by wd_recall, in the caller's arena */
    if (!prepared || prepared->content < 0 || prepared->is_further ||
        !is_about_reports(set->behaviour, prepared->traits))
        return WD_OK;
    struct wd_str ids[REPORTERS_MAX];
    struct recalling recalling;
    begin_recalling(&recalling, scanner, arena, event);
    recalling.prepared = prepared;
    size_t count = wd_reporters_read(values[prepared->content], ids);
    prepared->is_further = true;
    for (size_t i = 0; i < count; i++)
        prepared->judged[prepared->judged_count++] = wd_author_key(&recalling, ids[i]);
    recall_in->count = prepared->key_count;
    if (recalling.out_of_memory)
        return wd_fail(err, WD_ERR_TOO_LARGE, "the event needs more memory than one event may take");
    return WD_OK;
}
