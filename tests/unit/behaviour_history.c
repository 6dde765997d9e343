/* Random histories: how events are made, delivered in batches, lost in crashes and delivered again. See
 * behaviour_world.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/behaviour_world.h"

#define START ((int64_t)1700000000000)
#define MINUTE ((int64_t)60000)
#define HOUR (60 * MINUTE)

enum { CRASHES_MAX = 12, TEXTS = 7, EVERYTHING = (1 << QUESTION_COUNT) - 1 };

uint64_t draw(struct history *history, uint64_t below)
{
    uint64_t z = history->random += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (z ^ z >> 31) % below;
}

/* Some of them alike: the same but for one, two, three or four parts. */
static uint64_t text_of(struct history *history)
{
    static const uint64_t LIKE[TEXTS] = {0,   0x11, 0x1100000000, 0x110000110011, 0x11001100110011, 0x9999999999999999,
                                         0x77};
    return 0x0807060504030201u ^ LIKE[draw(history, TEXTS)];
}

static int bucket_value(struct history *history, uint64_t fingerprint, unsigned bucket)
{
    char key[48];
    wd_crowd_key(&MODEL_CROWD, fingerprint, bucket, (struct wd_str){0}, key, sizeof key);
    for (int i = 0; i < BUCKET_VALUES; i++) {
        if (!history->bucket_keys[i][0])
            strcpy(history->bucket_keys[i], key);
        if (strcmp(history->bucket_keys[i], key) == 0)
            return AUTHORS + PLACES + i;
    }
    abort(); /* there are fewer texts than that */
}

static void make_event(struct history *history, size_t e, int64_t at_ms)
{
    struct event *event = &history->events[e];
    *event = (struct event){
        .at_ms = at_ms, .author = (int)draw(history, AUTHORS), .place = (int)draw(history, PLACES + 1) - 1};
    event->content = 1000 + e;
    event->is_edit = e > 0 && draw(history, 6) == 0;
    if (event->is_edit) { /* of something that he wrote */
        event->content = history->events[draw(history, e)].content;
        event->author = history->events[event->content - 1000].author;
    }
    event->fingerprint = text_of(history);
    event->item_count = draw(history, ITEMS_MAX + 1);
    for (size_t i = 0; i < ITEMS_MAX; i++)
        event->items[i] = draw(history, 9);
    event->amount = (double)draw(history, 8);
    event->points[0] = draw(history, 3) ? 0 : (double)(1 + draw(history, 25));
    event->points[1] = draw(history, 4) ? 0 : (double)(1 + draw(history, 15));
    event->strikes = draw(history, 5) ? 0 : 1 + (uint32_t)draw(history, 2);
    event->is_match = draw(history, 3) == 0;
    if (draw(history, 12) == 0)
        event->decision = (enum decision)(1 + draw(history, 4));
    event->about = history->events[draw(history, e + 1)].content;
    for (unsigned b = 0; b < WD_CROWD_BUCKETS; b++)
        history->buckets[e][b] = bucket_value(history, event->fingerprint, b);
    size_t source = draw(history, SOURCES);
    event->origin.source = source;
    event->origin.sequence = (history->sources[source].count + 1) << 16 | draw(history, 3);
    history->sources[source].events[history->sources[source].count++] = e;
}

void history_init(struct history *history, uint64_t seed)
{
    static const int64_t GAPS_MS[] = {100, 1500, 20000, 5 * MINUTE, HOUR, 9 * HOUR};
    static const int64_t LATE_MS[] = {1, 3000, 10 * MINUTE, 9 * HOUR};
    memset(history, 0, sizeof *history);
    history->seed = history->random = seed;
    history->event_count = 20 + draw(history, EVENTS_MAX - 19);
    int64_t gap_ms = GAPS_MS[draw(history, 6)], late_ms = LATE_MS[draw(history, 4)], clock_ms = START;
    for (size_t e = 0; e < history->event_count; e++) {
        clock_ms += (int64_t)draw(history, (uint64_t)gap_ms * 2);
        if (draw(history, 40) == 0)
            clock_ms += 30 * HOUR;
        make_event(history, e, draw(history, 4) ? clock_ms : clock_ms - (int64_t)draw(history, (uint64_t)late_ms));
    }
    history->asked = EVERYTHING;
    history->crashes = draw(history, 4) > 0 ? 0 : CRASHES_MAX;
    history->may_reload = draw(history, 2);
    history->may_prune = draw(history, 2);
    history->batch_max = 1 + draw(history, 40);
    for (int v = 0; v < VALUES; v++)
        for (int score = 0; score < SCORE_COUNT; score++)
            history->stored[v].model.level[score] = history->batch[v].model.level[score] = -1;
}

static void copy_twin(struct twin *to, const struct twin *from)
{
    unsigned char *bytes = to->value.bytes;
    uint32_t capacity = to->value.capacity;
    if (capacity < from->value.len) {
        bytes = realloc(bytes, from->value.len);
        capacity = from->value.len;
    }
    if (from->value.len)
        memcpy(bytes, from->value.bytes, from->value.len);
    *to = *from;
    to->value.bytes = bytes;
    to->value.capacity = capacity;
}

struct twin *world_value(struct history *history, int v)
{
    struct twin *twin = &history->batch[v];
    if (twin->batch != history->batch_number)
        copy_twin(twin, &history->stored[v]);
    twin->batch = history->batch_number;
    return twin;
}

/* The next event of a source that is not more than three hours ahead of another. SIZE_MAX: all are delivered. */
static size_t next_event(struct history *history)
{
    int64_t first_ms = INT64_MAX;
    size_t fitting[SOURCES], count = 0;
    for (int s = 0; s < SOURCES; s++)
        if (history->sources[s].next < history->sources[s].count) {
            int64_t at_ms = history->events[history->sources[s].events[history->sources[s].next]].at_ms;
            first_ms = at_ms < first_ms ? at_ms : first_ms;
        }
    for (size_t s = 0; s < SOURCES; s++)
        if (history->sources[s].next < history->sources[s].count &&
            history->events[history->sources[s].events[history->sources[s].next]].at_ms <= first_ms + 3 * HOUR)
            fitting[count++] = s;
    if (count == 0)
        return SIZE_MAX;
    size_t source = fitting[draw(history, count)];
    return history->sources[source].events[history->sources[source].next++];
}

static void prune(struct twin *twin, int64_t now_ms)
{
    wd_value_prune(&twin->value, now_ms);
    if ((twin->model.ring_ms / MINUTE + 24 * 60 + 1) * MINUTE <= now_ms)
        twin->model.ring_count = 0, twin->model.ring_ms = 0;
    if ((twin->model.dropped_ms / MINUTE + 24 * 60 + 1) * MINUTE <= now_ms)
        memset(twin->model.dropped, 0, sizeof twin->model.dropped);
}

static void store_value(struct history *history, int v)
{
    copy_twin(&history->stored[v], &history->batch[v]);
    int role = v < AUTHORS ? 0 : v < AUTHORS + PLACES ? 1 : 2;
    for (size_t e = 0; e < history->event_count; e++) {
        bool is_of_value = role == 0 ? history->events[e].author == v : history->events[e].place == v - AUTHORS;
        if (role == 2 || !is_of_value || !history->tells[e][role] || history->is_told[e][role])
            continue;
        history->is_told[e][role] = true;
        for (int q = 0; q < QUESTION_COUNT; q++)
            if ((q == Q_PLACE || q == Q_PLACE_AUTHORS) == (role == 1) && q != Q_CROWD)
                history->told[e][q] = history->telling[e][q];
    }
    if (history->may_prune && draw(history, 3) == 0)
        prune(&history->stored[v], history->newest_ms < history->prune_ms ? history->newest_ms : history->prune_ms);
}

/* After a crash: back to what was finished, or a little further. */
static void rewind_sources(struct history *history, const size_t finished[SOURCES], bool further)
{
    for (int s = 0; s < SOURCES; s++) {
        history->sources[s].next = finished[s];
        for (uint64_t steps = further ? draw(history, 12) : 0; steps > 0 && history->sources[s].next > 0; steps--) {
            size_t before = history->sources[s].events[history->sources[s].next - 1];
            if (history->events[before].at_ms < history->newest_ms - 14 * HOUR)
                break;
            history->sources[s].next--;
        }
    }
}

/* A rule set that does not ask one or two of the questions. */
static void reload(struct history *history)
{
    uint32_t one = 1u << draw(history, QUESTION_COUNT), other = 1u << draw(history, QUESTION_COUNT);
    history->asked = EVERYTHING & ~(one | other);
}

static bool run_batch(struct history *history, bool *done_out)
{
    size_t finished[SOURCES], size = 1 + draw(history, history->batch_max);
    for (int s = 0; s < SOURCES; s++)
        finished[s] = history->sources[s].next;
    history->batch_number++;
    memset(history->tells, 0, sizeof history->tells);
    memset(history->telling, 0, sizeof history->telling);
    history->prune_ms = INT64_MAX;
    for (size_t i = 0; i < size; i++) {
        size_t e = next_event(history);
        if ((*done_out = e == SIZE_MAX))
            break;
        int64_t at_ms = history->events[e].at_ms;
        history->newest_ms = at_ms > history->newest_ms ? at_ms : history->newest_ms;
        history->prune_ms = at_ms + 20 * HOUR < history->prune_ms ? at_ms + 20 * HOUR : history->prune_ms;
        if (!world_take(history, e))
            return false;
    }
    bool crashes = history->crashes < CRASHES_MAX && draw(history, 3) == 0;
    bool rewinds = crashes || (history->crashes < CRASHES_MAX && draw(history, 8) == 0);
    history->crashes += rewinds;
    for (int v = 0; v < VALUES; v++)
        if (history->batch[v].batch == history->batch_number && (!crashes || draw(history, 2)))
            store_value(history, v);
    for (int s = 0; s < SOURCES && !crashes; s++)
        finished[s] = history->sources[s].next;
    if (rewinds) {
        rewind_sources(history, finished, draw(history, 2));
        *done_out = false;
    }
    if (history->may_reload && draw(history, 4) == 0)
        reload(history);
    return true;
}

bool history_run(struct history *history)
{
    for (bool done = false; !done;)
        if (!run_batch(history, &done))
            return false;
    return true;
}

void history_fini(struct history *history)
{
    for (int v = 0; v < VALUES; v++) {
        free(history->stored[v].value.bytes);
        free(history->batch[v].value.bytes);
    }
}
