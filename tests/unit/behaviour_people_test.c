/* What people decide counts more than what rules say, and what they report counts by their record. */
#include "tests/unit/remembering_support.h"

static const char SET[] =
    HEAD "behaviour:\n"
         "  scores:\n"
         "    spam:\n"
         "      half_life: 24h\n"
         "      bands: [{at: 20, actions: [hide]}]\n"
         "      reports: {events: [message.didFlag, user.didFlag], points: 4, reporter: json.reporter}\n"
         "  ladders: {default: {steps: [{after: 2, within: 24h, actions: [{ban: channel}]}]}}\n"
         "rules:\n"
         "- {id: word, when: {words: [spam]}, score: {spam: 8}, strikes: 1, actions: [flag]}\n"
         "- {id: away, when: {words: [away]}, actions: [{mute: 1h}, delete]}\n";

static double score_of(const struct stream *s, const char *key, int64_t at_ms)
{
    struct wd_value *value = wd_value_table_get(s->table, wd_str_from(key));
    return wd_value_score(s->set, value->bytes, value->len, "spam", BEGIN + at_ms);
}

static void assert_near(double a, double b)
{
    if (a < b - 0.01 || a > b + 0.01)
        fail_msg("%g is not near %g", a, b);
}

static void cleared_content_is_not_touched_again(void **state)
{
    (void)state;
    struct stream *s = stream_new(SET);
    send(s, 0, "u-1", "spam");
    assert_string_equal(actions_of(s), "flag");
    assert_near(score_of(s, "a:u-1", 0), 8);
    decide(s, SECOND, "message.didClearflag", "u-1", "m-0");
    assert_near(score_of(s, "a:u-1", SECOND), 0);
    /* It is edited: the rule matches again, the person's word stands. */
    s->event.name = wd_str_from("message.didUpdate");
    s->event.content_id = wd_str_from("m-0");
    s->event.kafka_timestamp_ms = BEGIN + 2 * SECOND;
    deliver(s, s->offset++);
    assert_string_equal(rules_of(s), "word");
    assert_string_equal(actions_of(s), "");
    assert_int_equal(s->verdict.held_count, 1);
    assert_int_equal(s->verdict.held[0].action.kind, WD_ACTION_FLAG);
    assert_string_equal(wd_hold_name(s->verdict.held[0].reason), "human_decision");
    /* Other content of his is none of it; the taken back strike is gone, too: this is the second, not the third. */
    s->event.name = wd_str_from("message.didCreate");
    s->event.kafka_timestamp_ms = 0;
    send(s, 3 * SECOND, "u-1", "spam");
    assert_int_equal(s->verdict.ladders[0].strikes, 2);
    stream_free(s);
}

static void approval_counts_as_clearing(void **state)
{
    (void)state;
    struct stream *s = stream_new(SET);
    s->event.name = wd_str_from("post.didCreate");
    s->event.content_type = WD_CONTENT_POST;
    send(s, 0, "u-1", "spam");
    decide(s, SECOND, "post.didApprove", "u-1", "m-0");
    assert_near(score_of(s, "a:u-1", SECOND), 0);
    stream_free(s);
}

static void a_cleared_user_has_half(void **state)
{
    (void)state;
    struct stream *s = stream_new(SET);
    send(s, 0, "u-1", "spam");
    decide(s, 0, "user.didClearFlag", "u-1", "u-1");
    assert_near(score_of(s, "a:u-1", 0), 4);
    send(s, SECOND, "u-1", "spam"); /* the strike of before is gone */
    assert_string_equal(actions_of(s), "flag");
    stream_free(s);
}

static void what_a_pardon_covers_is_not_punished(void **state)
{
    (void)state;
    struct stream *s = stream_new(SET);
    send(s, 0, "u-1", "spam");
    send(s, SECOND, "u-1", "spam");
    assert_string_equal(actions_of(s), "flag ban:channel");
    decide(s, 10 * SECOND, "community.didUnban", "u-1", "c-1");
    assert_near(score_of(s, "a:u-1", 10 * SECOND), 0);
    send(s, 5 * SECOND, "u-1", "away"); /* written before the pardon, and comes late */
    assert_string_equal(actions_of(s), "delete");
    assert_int_equal(s->verdict.held_count, 1);
    assert_int_equal(s->verdict.held[0].action.kind, WD_ACTION_MUTE);
    send(s, 20 * SECOND, "u-1", "away");
    assert_string_equal(actions_of(s), "delete mute:channel:3600000");
    assert_int_equal(s->verdict.held_count, 0);
    stream_free(s);
}

static void a_ban_begins_the_ladder_anew(void **state)
{
    (void)state;
    struct stream *s = stream_new(SET);
    send(s, 0, "u-1", "spam");
    decide(s, SECOND, "channel.didBan", "u-1", "c-1");
    send(s, 2 * SECOND, "u-1", "spam");
    assert_int_equal(s->verdict.ladders[0].strikes, 1);
    assert_string_equal(actions_of(s), "flag");
    stream_free(s);
}

/* ---- reports ---- */

static void report(struct stream *s, int64_t at_ms, const char *author, const char *content, const char *reporter)
{
    char json[64];
    snprintf(json, sizeof(json), "{\"reporter\": \"%s\"}", reporter);
    s->event.object_json = wd_str_from(json);
    decide(s, at_ms, "message.didFlag", author, content);
    s->event.object_json = (struct wd_str){0};
}

static void reports_weigh_by_the_reporters_record(void **state)
{
    (void)state;
    struct stream *s = stream_new(SET);
    send(s, 0, "u-1", "hello");
    report(s, 0, "u-1", "m-0", "r-1");
    assert_near(score_of(s, "a:u-1", 0), 4);
    report(s, 0, "u-1", "m-0", "r-1"); /* once more the same */
    assert_near(score_of(s, "a:u-1", 0), 4);
    report(s, 0, "u-1", "m-0", "r-2");
    assert_near(score_of(s, "a:u-1", 0), 8);
    /* They were wrong; it is taken back, and weighs less the next time. */
    decide(s, 0, "message.didClearflag", "u-1", "m-0");
    assert_near(score_of(s, "a:u-1", 0), 0);
    report(s, 0, "u-2", "m-77", "r-1");
    assert_near(score_of(s, "a:u-2", 0), 4 * 2.0 * 1 / 3);
    /* And right: what they reported was deleted. */
    decide(s, 0, "message.didDelete", "u-2", "m-77");
    report(s, 0, "u-3", "m-88", "r-1");
    assert_near(score_of(s, "a:u-3", 0), 4 * 2.0 * 2 / 4);
    stream_free(s);
}

static void points_of_reports_lead_to_bands(void **state)
{
    (void)state;
    struct stream *s = stream_new(SET);
    for (int i = 0; i < 6; i++) {
        char reporter[8];
        snprintf(reporter, sizeof(reporter), "r-%d", i);
        report(s, i, "u-1", "m-0", reporter);
    }
    assert_near(score_of(s, "a:u-1", 0), 24);
    send(s, SECOND, "u-1", "hello");
    assert_string_equal(actions_of(s), "hide");
    stream_free(s);
}

static void the_arithmetic_of_a_score_is_told(void **state)
{
    (void)state;
    struct stream *s = stream_new(SET);
    send(s, 0, "u-1", "spam");
    send(s, 24 * HOUR, "u-1", "spam");
    struct wd_value *value = wd_value_table_get(s->table, wd_str_from("a:u-1"));
    char *text = wd_value_describe(s->set, wd_str_from("a:u-1"), value->bytes, value->len, BEGIN + 24 * HOUR);
    assert_non_null(strstr(text, "\"name\":\"spam\""));
    assert_non_null(strstr(text, "\"now\":12.0"));
    assert_non_null(strstr(text, "\"rule\":\"word\",\"to\":\"spam\""));
    assert_non_null(strstr(text, "\"age_ms\":86400000,\"left\":4.0"));
    assert_non_null(strstr(text, "\"age_ms\":0,\"left\":8.0"));
    free(text);
    text = wd_value_describe(NULL, wd_str_from("a:u-1"), value->bytes, value->len, BEGIN); /* without names */
    assert_null(strstr(text, "spam"));
    free(text);
    free(wd_value_describe(s->set, wd_str_from("a:u-1"), (const unsigned char *)"no value", 8, BEGIN));
    stream_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cleared_content_is_not_touched_again),
        cmocka_unit_test(approval_counts_as_clearing),
        cmocka_unit_test(a_cleared_user_has_half),
        cmocka_unit_test(what_a_pardon_covers_is_not_punished),
        cmocka_unit_test(a_ban_begins_the_ladder_anew),
        cmocka_unit_test(reports_weigh_by_the_reporters_record),
        cmocka_unit_test(points_of_reports_lead_to_bands),
        cmocka_unit_test(the_arithmetic_of_a_score_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
