/* Which values an event needs. What always holds: the keys of one event are distinct and at most KEYS_MAX; an event
 * that no rule covers and nothing counts needs none. Neighbours: remember.h; remember.c judges with the values. */
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "filters/remember.h"
#include "filters/views/views.h"

enum { CLOCKS_DIFFER_MS = 5 * 60 * 1000, KEY_MAX = 200, KEY_HEAD = 120, KEY_DIGEST = 16, REPORTER_MAX = 100 };
enum { COMPARED_BYTES = 4096 }; /* of a text, for its fingerprint */

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

/* ---- keys ---- */

struct recalling {
    struct wd_scanner *scanner;
    const struct behaviour *behaviour;
    struct evaluation *evaluation; /* for fields */
    const struct wd_event *event;
    struct wd_arena *arena;
    struct prepared *prepared;
    const struct cached_name *name;
    bool out_of_memory;
    bool has_links;
    struct link_list links;
    struct wd_str folded; /* what is compared; absent where nothing is */
    bool is_folded;
    uint32_t fingerprint_length; /* min_length of the one below; 0: none yet */
    bool has_fingerprint;
    uint64_t fingerprint;
};

/* A key that is too long keeps its beginning, for people. */
static size_t shorten(char *key, size_t len)
{
    unsigned char digest[32];
    size_t head = KEY_HEAD;
    if (!EVP_Digest(key, len, digest, NULL, EVP_sha256(), NULL))
        return 0;
    while (head && ((unsigned char)key[head] & 0xC0) == 0x80)
        head--;
    key[head] = '#';
    for (size_t i = 0; i < KEY_DIGEST; i++)
        snprintf(key + head + 1 + 2 * i, 3, "%02x", digest[i]);
    return head + 1 + 2 * KEY_DIGEST;
}

static bool is_same_key(struct wd_str a, const char *key, size_t len)
{
    return a.len == len && memcmp(a.data, key, len) == 0;
}

/* Index of the key, put behind the others where it is new; NO_KEY where memory is out. */
static int add_key(struct recalling *recalling, char *key, size_t len)
{
    struct prepared *prepared = recalling->prepared;
    if (len > KEY_MAX)
        len = shorten(key, len);
    for (size_t i = 0; i < prepared->key_count; i++)
        if (is_same_key(prepared->keys[i], key, len))
            return (int)i;
    struct wd_str copy = wd_arena_copy(recalling->arena, (struct wd_str){.data = key, .len = len});
    if (!copy.data || !len || prepared->key_count == KEYS_MAX) {
        recalling->out_of_memory = true;
        return NO_KEY;
    }
    prepared->keys[prepared->key_count] = copy;
    return (int)prepared->key_count++;
}

/* The parts, one behind the other. */
static int key_of(struct recalling *recalling, const struct wd_str *parts, size_t count)
{
    char small[KEY_MAX + 1], *key = small;
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    if (len > KEY_MAX)
        key = wd_arena_alloc(recalling->arena, len + 1);
    if (!key) {
        recalling->out_of_memory = true;
        return NO_KEY;
    }
    len = 0;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len)
            memcpy(key + len, parts[i].data, parts[i].len);
        len += parts[i].len;
    }
    return add_key(recalling, key, len);
}

static bool has(struct wd_str text)
{
    return text.data && text.len;
}

static int author_key(struct recalling *recalling, struct wd_str id)
{
    const struct wd_str parts[] = {wd_str_from("a:"), id};
    return has(id) ? key_of(recalling, parts, 2) : NO_KEY;
}

/* The most local place: TYPE and id. False where the event has none. */
static bool place_of(const struct wd_event *event, struct wd_str *type_out, struct wd_str *id_out)
{
    const struct wd_place *place = &event->place;
    *type_out = has(place->channel_id)     ? wd_str_from("channel")
                : has(place->community_id) ? wd_str_from("community")
                                           : place->target_type;
    *id_out = has(place->channel_id)     ? place->channel_id
              : has(place->community_id) ? place->community_id
                                         : place->target_id;
    return has(*type_out) && has(*id_out);
}

struct wd_str wd_place_text(struct wd_arena *arena, const struct wd_event *event)
{
    struct wd_str type, id;
    if (!place_of(event, &type, &id))
        return (struct wd_str){0};
    char *text = wd_arena_alloc(arena, type.len + id.len + 1);
    if (!text)
        return (struct wd_str){0};
    memcpy(text, type.data, type.len);
    text[type.len] = '/';
    memcpy(text + type.len + 1, id.data, id.len);
    return (struct wd_str){.data = text, .len = type.len + id.len + 1};
}

static int place_key(struct recalling *recalling, bool with_author)
{
    struct wd_str type, id, author = recalling->event->author.id;
    if (!place_of(recalling->event, &type, &id) || (with_author && !has(author)))
        return NO_KEY;
    const struct wd_str slash = wd_str_from("/");
    const struct wd_str alone[] = {wd_str_from("p:"), type, slash, id},
                        together[] = {wd_str_from("ap:"), author, wd_str_from("@"), type, slash, id};
    return with_author ? key_of(recalling, together, 6) : key_of(recalling, alone, 4);
}

static int content_key(struct recalling *recalling)
{
    const struct wd_str parts[] = {wd_str_from("c:"), recalling->event->content_id};
    return has(recalling->event->content_id) ? key_of(recalling, parts, 2) : NO_KEY;
}

static int network_key(struct recalling *recalling)
{
    const struct wd_str parts[] = {wd_str_from("n:")};
    return key_of(recalling, parts, 1);
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

/* The confusable view of a text, cut to what is compared. */
static struct wd_str folded_text(struct recalling *recalling, struct wd_str text)
{
    struct wd_view views[WD_VIEWS_MAX];
    size_t count = 0;
    wd_views_stop_when(recalling->scanner->views, NULL, NULL);
    if (text.len > COMPARED_BYTES)
        text.len = COMPARED_BYTES;
    while (text.len && text.len == COMPARED_BYTES && ((unsigned char)text.data[text.len - 1] & 0x80))
        text.len--; /* not inside a character */
    if (wd_views_make(recalling->scanner->views, text, 1U << WD_VIEW_CONFUSABLE, views, &count) != WD_OK || !count)
        return text;
    return views[0].text;
}

/* What the author wrote, title and body. */
static struct wd_str compared_text(struct recalling *recalling)
{
    const struct wd_event *event = recalling->event;
    char *all = NULL;
    size_t len = 0;
    for (size_t i = 0; i < event->text_count; i++) {
        enum wd_text_field field = event->texts[i].field;
        if (field != WD_FIELD_TEXT && field != WD_FIELD_TITLE)
            continue;
        struct wd_str folded = folded_text(recalling, event->texts[i].text);
        if (len + folded.len + 1 > 2 * COMPARED_BYTES)
            break;
        if (!all)
            all = wd_arena_alloc(recalling->arena, 2 * COMPARED_BYTES);
        if (!all) {
            recalling->out_of_memory = true;
            break;
        }
        memcpy(all + len, folded.data, folded.len);
        len += folded.len;
        all[len++] = ' ';
    }
    return (struct wd_str){.data = all, .len = len};
}

static bool fingerprint_of(struct recalling *recalling, uint32_t min_length, uint64_t *out)
{
    if (!recalling->is_folded)
        recalling->folded = compared_text(recalling);
    recalling->is_folded = true;
    if (recalling->fingerprint_length != min_length) {
        recalling->fingerprint_length = min_length;
        recalling->has_fingerprint =
            recalling->folded.data && wd_fingerprint(recalling->folded, min_length, &recalling->fingerprint);
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
        feed(recalling, signal, key_of(recalling, parts, 2));
    }
}

static void feed_values(struct recalling *recalling, uint32_t index, const struct signal *signal)
{
    struct wd_str values[VALUES_MAX];
    size_t count = wd_field_values(signal->per_field, recalling->evaluation, values, VALUES_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct wd_str parts[] = {wd_str_from("x:"), wd_str_from(signal->per_field_name), wd_str_from("="),
                                       values[i]};
        if (has(values[i]))
            feed(recalling, index, key_of(recalling, parts, 4));
    }
}

static void feed_window(struct recalling *recalling, uint32_t index, const struct signal *signal)
{
    if (signal->thing == THING_LINKS)
        (void)links_of(recalling);
    switch (signal->per) {
    case SUBJECT_AUTHOR:
        feed(recalling, index, author_key(recalling, recalling->event->author.id));
        break;
    case SUBJECT_PLACE:
    case SUBJECT_AUTHOR_IN_PLACE:
        feed(recalling, index, place_key(recalling, signal->per == SUBJECT_AUTHOR_IN_PLACE));
        break;
    case SUBJECT_HOST:
        feed_hosts(recalling, index);
        break;
    case SUBJECT_CONTENT:
        feed(recalling, index, content_key(recalling));
        break;
    case SUBJECT_NETWORK:
        feed(recalling, index, network_key(recalling));
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
        int index_of_key = add_key(recalling, key, len);
        if (index_of_key < 0)
            return;
        feeding.keys[bucket] = (uint16_t)index_of_key;
    }
    recalling->prepared->feedings[recalling->prepared->feeding_count++] = feeding;
}

static void feed_likeness(struct recalling *recalling, uint32_t index, const struct signal *signal)
{
    uint64_t fingerprint;
    if (!has(recalling->event->author.id) || !has(recalling->event->content_id) || recalling->event->is_deleted ||
        !fingerprint_of(recalling, signal->min_length, &fingerprint))
        return;
    if (signal->kind == SIGNAL_CROWD) {
        feed_crowd(recalling, index, signal, fingerprint);
        return;
    }
    struct prepared *prepared = recalling->prepared;
    size_t before = prepared->feeding_count;
    feed(recalling, index, author_key(recalling, recalling->event->author.id));
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
    prepared->content = content_key(recalling);
    for (size_t i = 0; i < recalling->behaviour->score_count && !prepared->reporter_id.data; i++) {
        const struct field_params *field = recalling->behaviour->scores[i].reports.reporter;
        struct wd_str id;
        if (!(recalling->name->reports >> i & 1) || !field || !wd_field_values(field, recalling->evaluation, &id, 1) ||
            !id.len || id.len > REPORTER_MAX)
            continue;
        prepared->reporter_id = wd_arena_copy(recalling->arena, id);
        recalling->out_of_memory |= !prepared->reporter_id.data;
        prepared->reporter = author_key(recalling, id);
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

static struct prepared *prepare(struct wd_arena *arena, const struct wd_ruleset *set)
{
    struct prepared *prepared = wd_arena_alloc(arena, sizeof(*prepared));
    if (!prepared)
        return NULL;
    prepared->serial = set->serial;
    prepared->key_count = prepared->link_count = prepared->feeding_count = 0;
    prepared->author = prepared->content = prepared->reporter = NO_KEY;
    prepared->judged_count = 0;
    prepared->is_further = false;
    prepared->reporter_id = (struct wd_str){0};
    prepared->feedings = wd_arena_alloc(arena, (set->behaviour->feedings_most + 1) * sizeof(*prepared->feedings));
    return prepared->feedings ? prepared : NULL;
}

static void recall(struct recalling *recalling)
{
    struct prepared *prepared = recalling->prepared;
    prepared->author = author_key(recalling, recalling->event->author.id);
    feed_signals(recalling);
    if (recalling->has_links) {
        memcpy(prepared->links, recalling->links.links, sizeof(prepared->links));
        prepared->link_count = recalling->links.link_count;
    }
    if (recalling->name->reports)
        recall_report(recalling);
    else if (is_about_reports(recalling->behaviour, recalling->name->traits))
        prepared->content = content_key(recalling);
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
    struct recalling recalling = {.scanner = scanner,
                                  .behaviour = set->behaviour,
                                  .evaluation = &evaluation,
                                  .event = event,
                                  .arena = arena,
                                  .name = wd_scanner_name(scanner, set, event->name)};
    if (!is_needed(set, recalling.name))
        return WD_OK;
    recalling.prepared = prepare(arena, set);
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
        !is_about_reports(set->behaviour, wd_event_traits(event->name)))
        return WD_OK;
    struct wd_str ids[REPORTERS_MAX];
    struct recalling recalling = {.scanner = scanner, .event = event, .arena = arena, .prepared = prepared};
    size_t count = wd_reporters_read(values[prepared->content], ids);
    prepared->is_further = true;
    for (size_t i = 0; i < count; i++)
        prepared->judged[prepared->judged_count++] = author_key(&recalling, ids[i]);
    recall_in->count = prepared->key_count;
    if (recalling.out_of_memory)
        return wd_fail(err, WD_ERR_TOO_LARGE, "the event needs more memory than one event may take");
    return WD_OK;
}
