/* An event that comes again, after whatever crash, leads to the same verdict and the same values; an event that fails
 * has changed none; how fast events come and in what batches changes nothing. */
#include "tests/unit/remembering_support.h"

static const char SET[] = HEAD
    "behaviour:\n"
    "  scores:\n"
    "    spam: {half_life: 1h, bands: [{at: 12, actions: [flag]}, {at: 30, leave: 20, actions: [hide, {mute: 1h}]}],\n"
    "           reports: {events: [message.didFlag], points: 4, reporter: json.reporter}}\n"
    "    heat: {half_life: 10m, mode: shadow, bands: [{at: 5, actions: [delete]}]}\n"
    "  ladders: {default: {steps: [{after: 2, within: 1h, actions: [{mute: 10m}]}, {after: 5, actions: [{ban: "
    "channel}]}]}}\n"
    "  trust: [{name: old, min_contents: 12, clean_for: 10m}, {name: known, min_contents: 4}]\n"
    "rules:\n"
    "- {id: word, when: {words: [spam]}, score: {spam: 6}, strikes: 1, actions: []}\n"
    "- {id: fast, when: {rate: {over: 10s, more_than: {new: 2, default: 4}}}, score: {heat: 2}, actions: [flag]}\n"
    "- {id: place, when: {rate: {over: 20s, per: place, more_than: 9}}, actions: [{notify: ops}]}\n"
    "- {id: wide, when: {rate: {over: 1m, count: {distinct: places}, more_than: 2}}, actions: [flag]}\n"
    "- {id: crowd, when: {coordinated: {authors: 3, within: 30s}}, score: {spam: 3}, actions: [hide]}\n"
    "- {id: again, when: {repeat_of: {within: 5m, more_than: 2}}, score: {spam: 2}, actions: [flag]}\n"
    "- {id: high, when: {score: {spam: {ge: 10, lt: 40}}}, actions: [flag]}\n"
    "- {id: low, when: {all: [{words: [hello]}, {not: {score: {spam: {ge: 1}}}}]}, actions: [flag]}\n"
    "- {id: struck, when: {strikes: {within: 1h, ge: 1}}, actions: []}\n"
    "- {id: first, when: {first_content: true}, actions: [flag]}\n"
    "- {id: stranger, when: {all: [{trust: new}, {words: [hello]}]}, actions: [flag]}\n"
    "- {id: own, when: {words: [eggs]}, escalate: {steps: [{after: 2, within: 10m, actions: [delete]}]}, actions: "
    "[]}\n";

enum { EVENTS = 600, KEYS_SEEN = 4096, BATCH = 8, TEXT = 80 };

static uint64_t seed;

static uint32_t roll(uint32_t sides)
{
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(seed >> 33) % sides;
}

/* ---- histories ---- */

struct made {
    struct wd_event event;
    struct wd_text text;
    char words[TEXT], content[24], author[8], channel[8], json[48];
};

static void make_event(struct made *made, int64_t at_ms, int number)
{
    static const char *const NAMES[] = {"message.didCreate", "message.didCreate", "message.didCreate",
                                        "message.didCreate", "message.didCreate", "message.didCreate",
                                        "message.didUpdate", "message.didFlag",   "message.didClearflag",
                                        "message.didDelete", "user.didClearFlag", "channel.didUnban"};
    static const char *const WORDS[] = {"hello",
                                        "spam",
                                        "eggs",
                                        "spam and eggs",
                                        "good morning to everybody in here",
                                        "win a new phone at our lovely shop today"};
    uint32_t kind = roll(60) ? roll(8) : 8 + roll(4);
    snprintf(made->author, sizeof(made->author), "u-%u", roll(6));
    snprintf(made->channel, sizeof(made->channel), "c-%u", roll(4));
    snprintf(made->content, sizeof(made->content), "m-%d", kind < 6 ? number : number - 1 - (int)roll(8));
    snprintf(made->words, sizeof(made->words), "%s%s", WORDS[roll(6)], roll(3) ? "" : " x");
    snprintf(made->json, sizeof(made->json), "{\"reporter\":\"u-%u\"}", roll(6));
    made->text = (struct wd_text){.field = WD_FIELD_TEXT, .text = wd_str_from(made->words)};
    made->event = (struct wd_event){.name = wd_str_from(NAMES[kind]),
                                    .content_type = WD_CONTENT_MESSAGE,
                                    .content_id = wd_str_from(made->content),
                                    .author = {.id = wd_str_from(made->author), .flag_count = -1, .age_days = -1},
                                    .place = {.channel_id = wd_str_from(made->channel)},
                                    .texts = &made->text,
                                    .text_count = kind < 7,
                                    .created_at_ms = BEGIN + at_ms,
                                    .kafka_timestamp_ms = BEGIN + at_ms,
                                    .object_json = wd_str_from(made->json)};
}

static struct made *make_history(uint64_t start)
{
    struct made *history = calloc(EVENTS, sizeof(*history));
    int64_t at_ms = 0;
    seed = start;
    for (int i = 0; i < EVENTS; i++) {
        at_ms += roll(10) ? roll(4000) : roll(10 * 60000);
        int64_t late_ms = roll(8) ? 0 : roll(15000);
        make_event(&history[i], at_ms > late_ms ? at_ms - late_ms : at_ms, i);
    }
    return history;
}

/* ---- judging with copies of values ---- */

struct copy {
    struct wd_str key;
    unsigned char *bytes;
    uint32_t len;
};

struct judge {
    struct stream *stream;
    char keys[KEYS_SEEN][208]; /* that any event has needed */
    size_t key_count;
    struct copy copies[BATCH * 64]; /* of the batch under way, as they were before it */
    size_t copy_count;
};

static void note_key(struct judge *judge, struct wd_str key)
{
    for (size_t i = 0; i < judge->key_count; i++)
        if (wd_str_is(key, judge->keys[i]))
            return;
    assert_true(judge->key_count < KEYS_SEEN);
    snprintf(judge->keys[judge->key_count++], 208, "%.*s", WD_STR_ARG(key));
}

static void keep_copy(struct judge *judge, struct wd_str key, const struct wd_value *value)
{
    for (size_t i = 0; i < judge->copy_count; i++)
        if (wd_str_equal(judge->copies[i].key, key))
            return;
    struct copy *copy = &judge->copies[judge->copy_count++];
    copy->key = (struct wd_str){.data = strndup(key.data, key.len), .len = key.len};
    copy->len = value->len;
    copy->bytes = malloc(value->len + 1);
    if (value->len)
        memcpy(copy->bytes, value->bytes, value->len);
}

static void end_batch(struct judge *judge)
{
    for (size_t i = 0; i < judge->copy_count; i++) {
        free((char *)judge->copies[i].key.data);
        free(judge->copies[i].bytes);
    }
    judge->copy_count = 0;
}

/* Some values were stored when the worker died; the others are what they were. */
static void crash(struct judge *judge, uint32_t stored_of_four)
{
    for (size_t i = 0; i < judge->copy_count; i++) {
        struct copy *copy = &judge->copies[i];
        struct wd_value *value = wd_value_table_get(judge->stream->table, copy->key);
        if (roll(4) < stored_of_four)
            continue;
        value->len = copy->len;
        if (copy->len)
            memcpy(value->bytes, copy->bytes, copy->len);
    }
}

static size_t take_values(struct judge *judge, const struct wd_recall *recall, size_t from, struct wd_value **values)
{
    for (size_t i = from; i < recall->count; i++) {
        values[i] = wd_value_table_get(judge->stream->table, recall->keys[i]);
        note_key(judge, recall->keys[i]);
        keep_copy(judge, recall->keys[i], values[i]);
    }
    return recall->count;
}

static void put_actions(FILE *out, const char *what, const struct wd_action *actions, size_t count)
{
    fprintf(out, " %s[%s]", what, written(actions, count));
}

static int by_kind(const void *left, const void *right)
{
    const struct wd_action *a = left, *b = right;
    return (int)a->kind - (int)b->kind;
}

/* What was planned, held back or not: what people have decided in between counts when an event comes again. */
static void put_planned(FILE *out, const struct wd_verdict *verdict)
{
    struct wd_action all[32];
    size_t count = 0;
    for (; count < verdict->action_count; count++)
        all[count] = verdict->actions[count];
    for (size_t i = 0; i < verdict->held_count; i++)
        all[count++] = verdict->held[i].action;
    qsort(all, count, sizeof(*all), by_kind);
    put_actions(out, "do", all, count);
}

/* Everything that is carried out or shown of a verdict. */
static char *verdict_text(const struct stream *s)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    const struct wd_verdict *verdict = &s->verdict;
    for (size_t i = 0; i < verdict->match_count; i++)
        fprintf(out, "%s ", wd_ruleset_rule(s->set, verdict->matches[i].rule)->id);
    put_planned(out, verdict);
    put_actions(out, "shadow", verdict->shadow_actions, verdict->shadow_action_count);
    fclose(out);
    return text;
}

static char *judge_one(struct judge *judge, const struct made *made, int64_t offset)
{
    struct stream *s = judge->stream;
    struct wd_value *values[64];
    struct wd_recall recall;
    struct wd_error err = {0};
    struct wd_origin origin = wd_origin_of(wd_str_from("events"), 3, offset, 0);
    int64_t now_ms = wd_event_time_ms(&made->event);
    wd_arena_reset(s->arena);
    assert_int_equal(wd_recall(s->scanner, s->set, s->arena, &made->event, now_ms, &recall, &err), WD_OK);
    size_t first = take_values(judge, &recall, 0, values);
    assert_int_equal(wd_recall_further(s->scanner, s->set, s->arena, &made->event, values, &recall, &err), WD_OK);
    take_values(judge, &recall, first, values);
    assert_int_equal(wd_scan_remembering(s->scanner, s->set, s->arena, &made->event, now_ms, &origin, &recall, values,
                                         &s->verdict, &err),
                     WD_OK);
    return verdict_text(s);
}

static struct judge *judge_new(void)
{
    struct judge *judge = calloc(1, sizeof(*judge));
    judge->stream = stream_new(SET);
    return judge;
}

static void judge_free(struct judge *judge)
{
    end_batch(judge);
    stream_free(judge->stream);
    free(judge);
}

static const char *different_part(const char *a, const char *b, int which)
{
    static char parts[2][200];
    size_t at = 0;
    while (a[at] && a[at] == b[at])
        at++;
    while (at < 40 && a[at] && b[at])
        at++;
    while (a[at] && a[at] == b[at])
        at++;
    snprintf(parts[which], sizeof(parts[which]), "%s", (which ? b : a) + (at > 60 ? at - 60 : 0));
    return parts[which];
}

static void assert_same_values(struct judge *a, struct judge *b)
{
    assert_int_equal(a->key_count, b->key_count);
    for (size_t i = 0; i < a->key_count; i++) {
        struct wd_str key = wd_str_from(a->keys[i]);
        struct wd_value *one = wd_value_table_get(a->stream->table, key);
        struct wd_value *other = wd_value_table_get(b->stream->table, key);
        char *first = wd_value_describe(a->stream->set, key, one->bytes, one->len, BEGIN + DAY);
        char *second = wd_value_describe(b->stream->set, key, other->bytes, other->len, BEGIN + DAY);
        if (strcmp(first, second) != 0)
            fail_msg("values of %s differ:\n%s\n%s\n", a->keys[i], different_part(first, second, 0),
                     different_part(first, second, 1));
        free(first);
        free(second);
    }
}

/* ---- tests ---- */

static void run_with_crashes(uint64_t start)
{
    struct made *history = make_history(start);
    struct judge *calm = judge_new(), *rough = judge_new();
    char *expected[BATCH];
    size_t interesting = 0;
    for (int at = 0; at < EVENTS;) {
        int count = 1 + (int)roll(BATCH);
        count = at + count > EVENTS ? EVENTS - at : count;
        for (int i = 0; i < count; i++) {
            expected[i] = judge_one(calm, &history[at + i], at + i);
            interesting += strlen(expected[i]) > strlen(" do[] shadow[]");
        }
        end_batch(calm);
        for (int attempt = roll(3) ? 1 : 3; attempt > 0; attempt--) {
            for (int i = 0; i < count; i++) {
                char *got = judge_one(rough, &history[at + i], at + i);
                if (strcmp(got, expected[i]) != 0)
                    fail_msg("seed %llu, event %d (%s): '%s', not '%s'", (unsigned long long)start, at + i,
                             history[at + i].event.name.data, got, expected[i]);
                free(got);
            }
            if (attempt > 1)
                crash(rough, roll(5));
            end_batch(rough);
        }
        for (int i = 0; i < count; i++)
            free(expected[i]);
        at += count;
    }
    assert_true(interesting > EVENTS / 4);
    assert_same_values(calm, rough);
    judge_free(calm);
    judge_free(rough);
    free(history);
}

static void a_crash_at_any_point_changes_nothing(void **state)
{
    (void)state;
    for (uint64_t start = 1; start <= 40; start++)
        run_with_crashes(start);
}

static void what_was_all_stored_is_told_to_be_repeated(void **state)
{
    (void)state;
    struct made *history = make_history(7);
    struct judge *judge = judge_new();
    for (int i = 0; i < 100; i++) {
        char *first = judge_one(judge, &history[i], i);
        assert_false(judge->stream->verdict.repeated);
        bool matched = judge->stream->verdict.match_count > 0;
        end_batch(judge);
        char *second = judge_one(judge, &history[i], i);
        end_batch(judge);
        assert_string_equal(first, second);
        if (matched)
            assert_true(judge->stream->verdict.repeated);
        free(first);
        free(second);
    }
    judge_free(judge);
    free(history);
}

/* Three hours behind, and everything at once: the same as when it came one by one, with restarts in between. */
static void a_backlog_gives_the_verdicts_of_live_events(void **state)
{
    (void)state;
    struct made *history = make_history(99);
    struct judge *live = judge_new(), *backlog = judge_new();
    for (int i = 0; i < EVENTS; i++) {
        char *one = judge_one(live, &history[i], i);
        end_batch(live);
        if (i % 50 == 49) { /* a new worker, with what is stored */
            wd_scanner_free(live->stream->scanner);
            live->stream->scanner = wd_scanner_new(NULL);
        }
        char *other = judge_one(backlog, &history[i], i);
        assert_string_equal(one, other);
        free(one);
        free(other);
        if (i % BATCH == BATCH - 1)
            end_batch(backlog);
    }
    assert_same_values(live, backlog);
    judge_free(live);
    judge_free(backlog);
    free(history);
}

/* Whatever is too little memory for an event. */
static void an_event_that_fails_changes_no_value(void **state)
{
    (void)state;
    struct made *history = make_history(5);
    struct judge *judge = judge_new();
    struct stream *s = judge->stream;
    size_t failed = 0;
    for (int i = 0; i < 60; i++) {
        for (size_t cap = 256; cap < 64 * 1024; cap += cap / 3) {
            struct wd_arena *tiny = wd_arena_new(cap);
            struct wd_arena *roomy = s->arena;
            struct wd_value *values[64];
            struct wd_recall recall;
            struct wd_error err = {0};
            struct wd_origin origin = wd_origin_of(wd_str_from("events"), 3, i, 0);
            int64_t now_ms = wd_event_time_ms(&history[i].event);
            wd_arena_reset(roomy);
            assert_int_equal(wd_recall(s->scanner, s->set, roomy, &history[i].event, now_ms, &recall, &err), WD_OK);
            size_t first = take_values(judge, &recall, 0, values);
            assert_int_equal(wd_recall_further(s->scanner, s->set, roomy, &history[i].event, values, &recall, &err),
                             WD_OK);
            take_values(judge, &recall, first, values);
            enum wd_status status = wd_scan_remembering(s->scanner, s->set, tiny, &history[i].event, now_ms, &origin,
                                                        &recall, values, &s->verdict, &err);
            for (size_t j = 0; j < judge->copy_count && status != WD_OK; j++) {
                struct wd_value *value = wd_value_table_get(s->table, judge->copies[j].key);
                assert_int_equal(value->len, judge->copies[j].len);
                if (value->len)
                    assert_memory_equal(value->bytes, judge->copies[j].bytes, value->len);
                assert_false(value->changed);
            }
            failed += status != WD_OK;
            wd_arena_free(tiny);
            if (status == WD_OK)
                break;
        }
        for (size_t j = 0; j < judge->copy_count; j++)
            wd_value_table_get(s->table, judge->copies[j].key)->changed = false;
        end_batch(judge);
    }
    assert_true(failed > 60);
    judge_free(judge);
    free(history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crash_at_any_point_changes_nothing),
        cmocka_unit_test(what_was_all_stored_is_told_to_be_repeated),
        cmocka_unit_test(a_backlog_gives_the_verdicts_of_live_events),
        cmocka_unit_test(an_event_that_fails_changes_no_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
