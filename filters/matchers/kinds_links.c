/* Conditions on links: domain (whose), links (how many, and of what kind). Both look at the texts and at the hyperlink
 * items of the event. Neighbours: hosts_in_text.c, domain_set.c; the view 'links' of filters/views. */
#include <string.h>

#include "filters/matchers/facts.h"
#include "filters/matchers/features.h"
#include "filters/matchers/host.h"
#include "filters/matchers/kinds.h"
#include "filters/rules/loader.h"
#include "filters/rules/utf8.h"

/* ---- domain: the entries ---- */

static const struct key DOMAIN_ELEMENT = {.name = "", .type = KEY_TEXT, .doc = "a domain, as in example.com"};
static const struct key DOMAIN_ALTERNATIVES[] = {
    {.name = "", .type = KEY_LIST, .element = &DOMAIN_ELEMENT, .doc = "a list of domains, as in [example.com]"},
    {.name = "", .type = KEY_IDENTIFIER, .doc = "the name of a list of this file"},
    {.doc = NULL},
};
static const struct key DOMAIN_KEYS[] = {
    {.name = "domain",
     .type = KEY_EITHER,
     .required = true,
     .alternatives = DOMAIN_ALTERNATIVES,
     .doc = "domains with all below them, and IP addresses: a list of them, or the name of a list of kind domain"},
    LEAF_FIELDS_KEY,
    LEAF_NAME_KEY,
    KEYS_END,
};

/* Where an entry stands, for findings. */
struct entry_place {
    struct loader *loader;
    const struct wd_node *node; /* NULL: a line of a list file */
    const char *file;
    int line;
};

static void report_entry(const struct entry_place *place, enum wd_severity severity, const char *code,
                         struct wd_str entry, const char *what)
{
    int len = entry.len < 60 ? (int)entry.len : 60;
    if (place->node)
        wd_report(&place->loader->reporter, place->node, severity, code, "'%.*s' %s", len, entry.data, what);
    else if (!place->loader->reporter.quiet)
        wd_diagnose(place->loader->reporter.findings, severity, code, place->file, place->line, 1, "'%.*s' %s", len,
                    entry.data, what);
}

static bool add_entry(const struct entry_place *place, struct wd_str entry, struct wd_str *out)
{
    struct wd_host host;
    struct wd_str name = entry;
    if (wd_str_starts_with(name, "*."))
        name = (struct wd_str){name.data + 2, name.len - 2};
    if (!wd_host_normalize(name, &host)) {
        report_entry(place, WD_ERROR, "bad-domain", entry,
                     "is no domain: write it without scheme, port and path, as in example.com");
        return false;
    }
    if (wd_host_is_public_suffix(&host))
        report_entry(place, WD_WARNING, "public-suffix", entry, "is a public suffix: it covers every site below it");
    *out = wd_arena_copy(place->loader->arena, (struct wd_str){host.text, host.len});
    place->loader->out_of_memory |= !out->data;
    return out->data != NULL;
}

static struct wd_domain_set *make_set(struct loader *loader, const struct wd_str *entries, size_t count)
{
    size_t slot_count = wd_domain_slots(count);
    struct wd_domain_set *set = wd_loader_alloc(loader, 1, sizeof(*set));
    uint32_t *slots = wd_loader_alloc(loader, slot_count, sizeof(*slots));
    if (!set || !slots)
        return NULL;
    memset(slots, 0, slot_count * sizeof(*slots));
    wd_domain_set_fill(set, entries, count, slots, slot_count);
    return set;
}

static const struct wd_domain_set *set_of_nodes(struct loader *loader, const struct wd_node *list)
{
    size_t count = 0;
    bool fine = true;
    struct wd_str *entries = wd_loader_alloc(loader, list->count, sizeof(*entries));
    for (const struct wd_node *node = list->first; node && entries; node = node->next) {
        struct entry_place place = {.loader = loader, .node = node};
        bool added = add_entry(&place, wd_trimmed((struct wd_str){node->text, node->text_len}), &entries[count]);
        count += added;
        fine &= added;
    }
    return entries && fine ? make_set(loader, entries, count) : NULL;
}

/* A list is read once, however many conditions name it. */
static const struct wd_domain_set *set_of_list(struct loader *loader, const struct wd_node *name)
{
    struct list *list = (struct list *)wd_find_list(loader, name, 1U << LIST_DOMAIN);
    if (!list || list->domains || list->domains_failed)
        return list ? list->domains : NULL;
    size_t count = 0;
    struct wd_str *entries = wd_loader_alloc(loader, list->entry_count + 1, sizeof(*entries));
    for (size_t i = 0; i < list->entry_count && entries; i++) {
        struct entry_place place = {.loader = loader,
                                    .file = list->file ? list->file : wd_source_of(loader, name)->path,
                                    .line = list->entries[i].line};
        bool added = add_entry(&place, list->entries[i].text, &entries[count]);
        count += added;
        list->domains_failed |= !added;
    }
    list->domains = entries && !list->domains_failed ? make_set(loader, entries, count) : NULL;
    return list->domains;
}

static bool prepare_domain(struct loader *loader, const struct wd_node *node, struct leaf *leaf)
{
    const struct wd_node *value = wd_node_get(node, "domain");
    leaf->params = value->kind == WD_NODE_LIST ? set_of_nodes(loader, value) : set_of_list(loader, value);
    leaf->needs = WD_FEATURE_HOST;
    return leaf->params != NULL;
}

/* ---- domain: the search ---- */

static bool is_of_set(const struct wd_domain_set *set, struct wd_str text, const struct wd_host_place *place)
{
    struct wd_host host;
    return wd_host_normalize((struct wd_str){text.data + place->start, place->end - place->start}, &host) &&
           wd_domain_set_has(set, (struct wd_str){host.text, host.len}, host.is_address);
}

static bool part_is_of_set(const struct wd_domain_set *set, struct wd_str text, struct wd_host_place *place)
{
    struct wd_host_place part;
    for (size_t at = place->start; wd_next_host_part(text, place, &at, &part);)
        if (is_of_set(set, text, &part)) {
            *place = part;
            return true;
        }
    return false;
}

static bool next_of_set(const struct wd_domain_set *set, struct wd_host_search *search, struct wd_host_place *out)
{
    while (wd_next_host(search, out))
        if (!out->is_local && (is_of_set(set, search->text, out) || part_is_of_set(set, search->text, out)))
            return true;
    return false;
}

static void search_domain(const struct leaf *leaf, struct wd_str text, struct span_sink *sink)
{
    struct wd_text_facts *facts = wd_facts_of(sink);
    bool place_counts = false;
    for (const struct wd_host_fact *fact = wd_facts_hosts(facts, text, wd_effort_of(sink)); fact; fact = fact->next) {
        if (place_counts && fact->is_part)
            continue;
        place_counts = wd_domain_set_has(leaf->params, fact->name, fact->is_address);
        if (place_counts)
            wd_span_found(sink, fact->start, fact->end);
    }
    struct wd_host_search rest = facts->rest;
    struct wd_host_place place;
    while (next_of_set(leaf->params, &rest, &place))
        wd_span_found(sink, place.start, place.end);
}

static bool takes_domain_link(const struct leaf *leaf, const struct wd_link *link, uint64_t *key_out)
{
    struct wd_host_search search = {.text = link->url};
    struct wd_host_place place;
    *key_out = 0;
    return link->url.len && next_of_set(leaf->params, &search, &place);
}

const struct leaf_kind wd_domain_leaf = {
    .shape = {"a 'domain' condition", "condition_domain", "A link leads to one of the domains.", DOMAIN_KEYS, false},
    .reads = READS_TEXTS,
    .views = 1U << WD_VIEW_STRIPPED,
    .prepare = prepare_domain,
    .search = search_domain,
    .takes_link = takes_domain_link,
};

/* ---- links ---- */

enum link_trait { OTHER_HOST, USER, ADDRESS, PORT, PUNYCODE, TRAIT_COUNT };
static const char *const TRAITS[] = {"other_host", "user", "address", "port", "punycode", NULL};
static const char *const COUNTED[] = {"links", "hosts", NULL};
enum { LINKS_NEEDED_MAX = 20 }; /* no more than a text has finds */

struct links_params {
    uint32_t traits; /* bits 1 << enum link_trait; 0: any link */
    bool by_host;
};

static const struct key TRAIT_ELEMENT = {
    .name = "",
    .type = KEY_CHOICE,
    .choices = TRAITS,
    .doc = "other_host: the text shown names another host; user: something@ stands before the host; address: an IP "
           "address in place of a name; port; punycode: a name with letters that are not ASCII"};
static const struct key LINKS_PARAMETERS[] = {
    {.name = "at_least", .type = KEY_INTEGER, .low = 1, .high = LINKS_NEEDED_MAX, .doc = "so many: 1 if not given"},
    {.name = "of", .type = KEY_CHOICE, .choices = COUNTED, .doc = "different links (default), or different hosts"},
    {.name = "with",
     .type = KEY_LIST,
     .element = &TRAIT_ELEMENT,
     .doc = "only links with one of: other_host, user, address, port, punycode"},
    KEYS_END,
};
static const struct shape LINKS = {"'links'", "links", "Links to count.", LINKS_PARAMETERS, false};
static const struct key LINKS_KEYS[] = {
    {.name = "links", .type = KEY_MAP, .required = true, .shape = &LINKS, .doc = "as in {at_least: 3, of: hosts}"},
    LEAF_FIELDS_KEY,
    LEAF_NAME_KEY,
    KEYS_END,
};

static bool prepare_links(struct loader *loader, const struct wd_node *node, struct leaf *leaf)
{
    const struct wd_node *map = wd_node_get(node, "links"), *with = wd_node_get(map, "with"),
                         *of = wd_node_get(map, "of"), *at_least = wd_node_get(map, "at_least");
    struct links_params *params = wd_loader_alloc(loader, 1, sizeof(*params));
    int64_t needed = 1;
    if (!params || (at_least && !wd_node_int(at_least, &needed)))
        return false;
    *params = (struct links_params){.by_host = of && strcmp(of->text, "hosts") == 0};
    for (const struct wd_node *trait = with ? with->first : NULL; trait; trait = trait->next)
        for (int i = 0; i < TRAIT_COUNT; i++)
            params->traits |= strcmp(TRAITS[i], trait->text) == 0 ? 1U << i : 0;
    leaf->params = params;
    leaf->finds_needed = (uint32_t)needed;
    leaf->needs = WD_FEATURE_LINK;
    return true;
}

static uint64_t key_of(struct wd_str text)
{
    uint64_t hash = 14695981039346656037U;
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * 1099511628211U;
    return hash;
}

static uint32_t traits_of(const struct wd_host *host)
{
    bool punycode = wd_str_starts_with((struct wd_str){host->text, host->len}, "xn--") || strstr(host->text, ".xn--");
    return (host->is_address ? 1U << ADDRESS : 0U) | (punycode ? 1U << PUNYCODE : 0U);
}

/* A text of the view: `host/path`, or `displayed -> host/path`. */
static void search_links(const struct leaf *leaf, struct wd_str text, struct span_sink *sink)
{
    const struct links_params *params = leaf->params;
    const char *arrow = memmem(text.data, text.len, " -> ", 4);
    size_t start = arrow ? (size_t)(arrow - text.data) + 4 : 0, end = start;
    while (end < text.len && !strchr("/?#", text.data[end]))
        end++;
    struct wd_host host;
    struct wd_str name = {text.data + start, end - start};
    bool known = wd_host_normalize(name, &host);
    uint32_t traits = known ? traits_of(&host) : 0;
    traits |= wd_written_before(sink, start) == '@' ? 1U << USER : 0;
    traits |= wd_written_behind(sink, end) == ':' ? 1U << PORT : 0;
    traits |= arrow ? 1U << OTHER_HOST : 0;
    if (params->traits ? !(traits & params->traits) : arrow != NULL)
        return; /* a link whose text names another host comes by itself, too */
    struct wd_str counted = {text.data + start, text.len - start};
    if (params->by_host)
        counted = known ? wd_host_registrable(&host) : name;
    if (end > start)
        wd_span_found_as(sink, start, end, key_of(counted));
}

static bool shows_other_host(const struct wd_link *link, const struct wd_host *host)
{
    struct wd_host_search search = {.text = link->shown};
    struct wd_host_place place;
    struct wd_host shown;
    if (!link->shown.len)
        return false;
    while (wd_next_host(&search, &place)) {
        struct wd_str name = {link->shown.data + place.start, place.end - place.start};
        if (place.is_local || !wd_host_normalize(name, &shown) || !(place.has_scheme || wd_host_has_known_end(&shown)))
            continue;
        return !wd_str_equal(wd_host_registrable(&shown), wd_host_registrable(host));
    }
    return false;
}

static bool takes_link(const struct leaf *leaf, const struct wd_link *link, uint64_t *key_out)
{
    const struct links_params *params = leaf->params;
    struct wd_host_search search = {.text = link->url};
    struct wd_host_place place = {0};
    struct wd_host host;
    if (!link->url.len)
        return false;
    if (!wd_next_host(&search, &place) ||
        !wd_host_normalize((struct wd_str){link->url.data + place.start, place.end - place.start}, &host))
        host = (struct wd_host){0};
    uint32_t traits = traits_of(&host) | (place.has_user ? 1U << USER : 0U);
    bool has_port = host.len && place.end < link->url.len && link->url.data[place.end] == ':';
    traits |= (has_port ? 1U << PORT : 0U) | (host.len && shows_other_host(link, &host) ? 1U << OTHER_HOST : 0U);
    *key_out = key_of(params->by_host && host.len ? wd_host_registrable(&host) : link->url);
    return !params->traits || (traits & params->traits);
}

const struct leaf_kind wd_links_leaf = {
    .shape = {"a 'links' condition", "condition_links", "There are so many links.", LINKS_KEYS, false},
    .reads = READS_TEXTS,
    .views = 1U << WD_VIEW_LINKS,
    .prepare = prepare_links,
    .search = search_links,
    .takes_link = takes_link,
};
