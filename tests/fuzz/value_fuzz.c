/* Any bytes as a stored value, and any events upon it: nothing reads or writes outside, what is left is a value again,
 * an event that comes a second time changes no byte, and what people are shown of it can be made.
 *
 * Input: number of events, four bytes for each of them (what it does, which cell, time, amount), the value. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filters/behaviour/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EVENTS_MAX = 64, EVENT_BYTES = 4 };
#define START ((int64_t)1700000000000)

static void require_at(bool holds, int line)
{
    if (holds)
        return;
    fprintf(stderr, "value_fuzz.c:%d: a promise is broken\n", line);
    abort();
}
#define require(holds) require_at(holds, __LINE__)

static const struct wd_band_limits BANDS[] = {{10, 7}, {40, 30}, {100, 50}};
static const struct wd_ladder_step STEPS[] = {{1, 0}, {3, 86400000}, {6, 0}};

static void take_window(struct wd_session *session, uint32_t cell, unsigned amount)
{
    struct wd_window window = {.cell = cell,
                               .kind = (enum wd_window_kind)(cell % 3),
                               .over_ms = (int64_t)1 << cell % 40,
                               .most = cell % 7 == 6 ? 5000 : cell % 7};
    uint64_t items[8];
    for (unsigned i = 0; i < 8; i++)
        items[i] = (uint64_t)amount * (i + 1);
    double told;
    bool is_over = wd_window_take(session, &window, items, amount % 9, amount, window.most / 2, &told);
    require(!is_over || told > window.most / 2);
}

static void take_guilt(struct wd_session *session, uint32_t cell, unsigned amount)
{
    struct wd_score_cell score = {.cell = cell, .half_life_ms = 3600000, .bands = BANDS, .band_count = cell % 4};
    struct wd_ladder ladder = {.cell = cell, .expire_ms = 7 * 86400000LL, .steps = STEPS, .step_count = cell % 4};
    uint32_t strikes;
    require(wd_score_read(session, &score) >= 0);
    struct wd_score_now now = wd_score_add(session, &score, amount);
    require(now.after >= 0 && now.band < (int)score.band_count && (!now.entered || now.band >= 0));
    require(wd_strikes_add(session, &ladder, amount % 4, amount, &strikes) < (int)ladder.step_count);
    require(wd_strikes_read(session, &ladder, amount) <= 64);
    wd_contribution_add(session, cell, amount, amount, wd_str_from("links.shortener"));
    if (amount % 16 == 15)
        wd_take_back_content(session, &score, 1, amount);
    if (amount % 16 == 14)
        wd_take_back_half(session);
    if (amount % 16 == 13)
        wd_forget_guilt(session, amount > 128);
    wd_is_cleared(session, amount);
}

static void take_texts(struct wd_session *session, uint32_t cell, unsigned amount)
{
    struct wd_similar similar = {.cell = cell, .within_ms = 600000, .more_than = 1, .distance = 2};
    struct wd_crowd crowd = {.cell = cell, .within_ms = 30000, .authors = 3, .distance = 3};
    struct wd_session *buckets[WD_CROWD_BUCKETS] = {session, session, session, session};
    uint32_t count;
    wd_similar_take(session, &similar, amount % 3, amount, amount & 1, &count);
    wd_crowd_take(buckets, &crowd, amount % 3, amount, &count);
    require(count <= 512);
}

static void take_people(struct wd_session *session, uint32_t cell, unsigned amount)
{
    struct wd_str names[8];
    char name[2] = {(char)('a' + amount % 26), 'x'};
    double payload;
    wd_profile_note(session, amount & 1, amount & 2);
    struct wd_profile profile = wd_profile_read(session);
    require(profile.first_seen_ms >= 0);
    wd_reporters_add(session, (struct wd_str){name, 1 + amount % 2});
    require(wd_reporters_read(session->value, names) <= 8);
    wd_reporter_judge(session, amount & 1);
    double weight = wd_reporter_weight(session);
    require(weight >= 0.1 && weight <= 2);
    wd_remember_answer(session, cell, amount);
    (void)wd_remembered_answer(session, cell, &payload);
}

static void take(struct wd_session *session, const uint8_t *event)
{
    switch (event[0] % 4) {
    case 0:
        take_window(session, event[1], event[3]);
        break;
    case 1:
        take_guilt(session, event[1], event[3]);
        break;
    case 2:
        take_texts(session, event[1], event[3]);
        break;
    default:
        take_people(session, event[1], event[3]);
    }
}

static int64_t time_of(const uint8_t *event)
{
    static const int64_t STEPS_MS[] = {0, 1, 1000, 60000, 3600000, 86400000, 40 * 86400000LL, INT64_MAX / 255};
    int64_t step = STEPS_MS[event[2] >> 5];
    return step > START ? (event[2] & 1 ? INT64_MAX : INT64_MIN) : START + step * (event[2] & 31);
}

static void count_seen(void *context, const struct wd_cell_seen *seen)
{
    *(double *)context += seen->amount;
}

static void read_contribution(void *context, const struct wd_contribution_seen *seen)
{
    for (size_t i = 0; i < seen->rule.len; i++)
        *(double *)context += seen->rule.data[i];
}

static void show(const struct wd_value *value)
{
    double sum = 0;
    wd_value_each_cell(value->bytes, value->len, count_seen, &sum);
    wd_value_each_contribution(value->bytes, value->len, read_contribution, &sum);
}

static void run_event(struct wd_value *value, const uint8_t *event, uint64_t sequence)
{
    struct wd_session session;
    struct wd_origin origin = {event[0] >> 2, sequence};
    wd_session_open(&session, value, origin, time_of(event));
    value->changed = false;
    take(&session, event);
    require(wd_session_close(&session));
    if (!value->changed)
        return;
    require(value_is_sound(value->bytes, value->len) && value->len <= VALUE_BYTES_MAX + 1024);
    wd_session_open(&session, value, origin, time_of(event));
    require(session.repeated);
    uint64_t before = wd_item_hash((struct wd_str){(const char *)value->bytes, value->len});
    value->changed = false;
    take(&session, event);
    require(wd_session_close(&session) && !value->changed);
    require(before == wd_item_hash((struct wd_str){(const char *)value->bytes, value->len}));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t events = size ? data[0] % EVENTS_MAX : 0, head = 1 + events * EVENT_BYTES;
    if (size < head)
        return 0;
    struct wd_value value = {.len = (uint32_t)(size - head), .capacity = (uint32_t)(size - head)};
    value.bytes = value.len ? malloc(value.len) : NULL;
    if (value.len && !value.bytes)
        return 0;
    if (value.len)
        memcpy(value.bytes, data + head, value.len);
    show(&value);
    for (size_t i = 0; i < events; i++)
        run_event(&value, data + 1 + i * EVENT_BYTES, i + 1);
    show(&value);
    wd_value_prune(&value, START + 86400000 * (int64_t)events);
    require(value.len == 0 || value_is_sound(value.bytes, value.len));
    free(value.bytes);
    uint64_t fingerprint;
    (void)wd_fingerprint((struct wd_str){(const char *)data, size}, 1, &fingerprint);
    return 0;
}
