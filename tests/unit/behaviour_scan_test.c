/* Rules on behaviour, judged with a table of values: windows, likeness, scores, ladders, trust. */
#include "tests/unit/remembering_support.h"

static const char RATE[] =
    HEAD "rules: [{id: fast, when: {rate: {of: message.didCreate, over: 10s, more_than: 3}}, actions: [hide]}]\n";

static void a_window_slides_with_event_time(void **state)
{
    (void)state;
    struct stream *s = stream_new(RATE);
    assert_true(wd_ruleset_remembers(s->set));
    for (int i = 0; i < 3; i++) {
        send(s, i * SECOND, "u-1", "hi");
        assert_string_equal(rules_of(s), "");
    }
    send(s, 3 * SECOND, "u-1", "hi");
    assert_string_equal(rules_of(s), "fast");
    assert_string_equal(actions_of(s), "hide");
    send(s, 4 * SECOND, "u-2", "hi"); /* somebody else */
    assert_string_equal(rules_of(s), "");
    send(s, 20 * SECOND, "u-1", "hi"); /* the window has passed on */
    assert_string_equal(rules_of(s), "");
    stream_free(s);
}

static void without_values_nothing_is_true(void **state)
{
    (void)state;
    struct stream *s = stream_new(RATE);
    struct wd_recall recall;
    struct wd_origin origin = {1, 1};
    struct wd_error err = {0};
    for (int i = 0; i < 10; i++)
        send(s, i, "u-1", "hi");
    assert_string_equal(rules_of(s), "fast");
    assert_false(s->verdict.without_state);
    assert_int_equal(wd_recall(s->scanner, s->set, s->arena, &s->event, BEGIN, &recall, &err), WD_OK);
    assert_int_equal(recall.count, 1);
    assert_true(wd_str_is(recall.keys[0], "a:u-1"));
    assert_int_equal(
        wd_scan_remembering(s->scanner, s->set, s->arena, &s->event, BEGIN, &origin, &recall, NULL, &s->verdict, &err),
        WD_OK);
    assert_string_equal(rules_of(s), "");
    assert_true(s->verdict.without_state);
    stream_free(s);
}

static void sets_of_texts_remember_nothing(void **state)
{
    (void)state;
    struct stream *s =
        stream_new(HEAD "rules: [{id: word, when: {words: [spam]}, score: {spam: 5}, actions: [flag]}]\n");
    struct wd_recall recall;
    struct wd_error err = {0};
    assert_false(wd_ruleset_remembers(s->set));
    send(s, 0, "u-1", "spam");
    assert_string_equal(rules_of(s), "word");
    assert_int_equal(wd_recall(s->scanner, s->set, s->arena, &s->event, BEGIN, &recall, &err), WD_OK);
    assert_int_equal(recall.count, 0);
    assert_null(recall.prepared);
    stream_free(s);
}

static void mentions_that_straddle_the_hour_count_together(void **state)
{
    (void)state;
    struct stream *s =
        stream_new(HEAD "rules: [{id: flood, when: {rate: {over: 10m, count: {distinct: mentions}, more_than: 39}}, "
                        "actions: [flag]}]\n");
    char names[40][8];
    struct wd_str mentions[40];
    for (int i = 0; i < 40; i++) {
        snprintf(names[i], sizeof(names[i]), "v-%d", i);
        mentions[i] = wd_str_from(names[i]);
    }
    for (int i = 0; i < 4; i++) { /* ten each: 55, 58, 61 and 64 minutes past the hour */
        s->event.mentions = mentions + 10 * i;
        s->event.mention_count = 10;
        send(s, 55 * MINUTE + i * 3 * MINUTE, "u-1", "look");
        assert_string_equal(rules_of(s), i == 3 ? "flood" : "");
    }
    stream_free(s);
}

static const char CROWD[] =
    HEAD "rules: [{id: crowd, when: {coordinated: {authors: 5, within: 30s}}, actions: [hide]}]\n";

static void the_same_text_by_many_is_found_by_the_sixth(void **state)
{
    (void)state;
    struct stream *s = stream_new(CROWD);
    int first = 0, found = 0;
    for (int i = 0; i < 48; i++) {
        char author[16], text[128];
        snprintf(author, sizeof(author), "bot-%d", i);
        snprintf(text, sizeof(text), "Join our channel for free gift cards today %c%c%c", 'a' + i % 26,
                 'a' + i * 7 % 26, 'a' + i * 11 % 26);
        send(s, i * 333, author, text);
        if (s->verdict.match_count && !first)
            first = i + 1;
        found += s->verdict.match_count > 0;
    }
    assert_true(first >= 5 && first <= 6);
    assert_true(found >= 42);
    for (int i = 0; i < 48; i++) { /* too short to say anything */
        char author[16];
        snprintf(author, sizeof(author), "fan-%d", i);
        send(s, 60 * SECOND + i * 333, author, "gg");
        assert_string_equal(rules_of(s), "");
    }
    stream_free(s);
}

static void one_author_is_no_crowd_but_repeats_himself(void **state)
{
    (void)state;
    struct stream *s =
        stream_new(HEAD "rules:\n"
                        "- {id: crowd, when: {coordinated: {authors: 3, within: 30s}}, actions: [hide]}\n"
                        "- {id: again, when: {repeat_of: {within: 10m, more_than: 2}}, actions: [flag]}\n");
    for (int i = 0; i < 4; i++) {
        send(s, i * MINUTE / 10, "u-1", "Buy cheap followers at my place, best prices in town");
        assert_string_equal(rules_of(s), i < 2 ? "" : "again");
    }
    send(s, 30 * SECOND, "u-1", "Something else altogether, about cats and their whiskers");
    assert_string_equal(rules_of(s), "");
    stream_free(s);
}

static void an_edit_repeats_nothing(void **state)
{
    (void)state;
    struct stream *s =
        stream_new(HEAD "rules: [{id: again, when: {repeat_of: {within: 10m, more_than: 1}}, actions: [flag]}]\n");
    static const char TEXT[] = "The meeting is moved to Thursday at noon, same room";
    send(s, 0, "u-1", TEXT);
    struct wd_str id = s->event.content_id;
    assert_string_equal(rules_of(s), "");
    s->event.name = wd_str_from("message.didUpdate");
    s->text.text = wd_str_from("The meeting is moved to Thursday at noon, same room!");
    for (int i = 0; i < 5; i++) {
        s->event.content_id = id;
        s->event.created_at_ms += SECOND;
        deliver(s, s->offset++);
        assert_string_equal(rules_of(s), "");
    }
    s->event.name = wd_str_from("message.didCreate");
    send(s, 10 * SECOND, "u-1", TEXT);
    assert_string_equal(rules_of(s), "again");
    stream_free(s);
}

static const char SCORES[] = HEAD "behaviour:\n"
                                  "  scores:\n"
                                  "    spam:\n"
                                  "      half_life: 24h\n"
                                  "      bands:\n"
                                  "      - {at: 10, actions: [flag]}\n"
                                  "      - {at: 20, leave: 12, actions: [hide, {mute: 1h}, {notify: ops}]}\n"
                                  "rules: [{id: word, when: {words: [spam]}, score: {spam: 6}, actions: []}]\n";

static void bands_act_on_content_while_they_hold_and_on_the_author_once(void **state)
{
    (void)state;
    struct stream *s = stream_new(SCORES);
    static const char *const PLANNED[] = {"", "flag", "flag", "hide mute:channel:3600000 notify=ops", "hide"};
    for (int i = 0; i < 5; i++) {
        send(s, i, "u-1", "spam");
        assert_string_equal(actions_of(s), PLANNED[i]);
        assert_int_equal(s->verdict.score_count, 1);
        assert_true(s->verdict.scores[0].after > 6 * i + 5.9 && s->verdict.scores[0].after < 6 * i + 6.1);
        assert_int_equal(s->verdict.scores[0].entered, i == 1 || i == 3);
    }
    send(s, 10, "u-1", "harmless"); /* the band holds */
    assert_string_equal(actions_of(s), "hide");
    assert_int_equal(s->verdict.match_count, 0);
    send(s, 24 * HOUR, "u-1", "harmless"); /* 15 points: above 12, where it is left */
    assert_string_equal(actions_of(s), "hide");
    send(s, 36 * HOUR, "u-1", "harmless"); /* 10.6: in the first band */
    assert_string_equal(actions_of(s), "flag");
    send(s, 72 * HOUR, "u-1", "harmless"); /* 3.75: in none */
    assert_string_equal(actions_of(s), "");
    assert_int_equal(s->verdict.score_count, 0);
    double left = 0;
    struct wd_value *value = wd_value_table_get(s->table, wd_str_from("a:u-1"));
    left = wd_value_score(s->set, value->bytes, value->len, "spam", BEGIN + 72 * HOUR);
    assert_true(left > 3.7 && left < 3.8);
    stream_free(s);
}

static void shadow_scores_act_in_shadow(void **state)
{
    (void)state;
    struct stream *s =
        stream_new(HEAD "behaviour:\n"
                        "  scores: {spam: {half_life: 24h, mode: shadow, bands: [{at: 10, actions: [flag]}]}}\n"
                        "rules: [{id: word, when: {words: [spam]}, score: {spam: 12}, actions: []}]\n");
    send(s, 0, "u-1", "spam");
    assert_string_equal(actions_of(s), "");
    assert_string_equal(written(s->verdict.shadow_actions, s->verdict.shadow_action_count), "flag");
    assert_int_equal(s->verdict.score_count, 1);
    assert_false(s->verdict.scores[0].enforced);
    stream_free(s);
}

static void shadow_rules_and_exempt_authors_give_no_points(void **state)
{
    (void)state;
    struct stream *s = stream_new(
        HEAD
        "behaviour: {scores: {spam: {half_life: 24h}}, ladders: {default: {steps: [{after: 1, actions: [ban]}]}}}\n"
        "rules:\n"
        "- {id: shadow, when: {words: [maybe]}, score: {spam: 6}, strikes: 1, mode: shadow, actions: [flag]}\n"
        "- {id: word, when: {words: [spam]}, score: {spam: 6}, strikes: 1, actions: []}\n");
    static const struct wd_str ROLES[] = {{"channel-moderator", 17}};
    send(s, 0, "u-1", "maybe");
    assert_int_equal(s->verdict.score_count + s->verdict.ladder_count + s->verdict.action_count, 0);
    s->event.author.roles = ROLES;
    s->event.author.role_count = 1;
    send(s, 1, "u-1", "spam");
    assert_true(s->verdict.exempt);
    assert_int_equal(s->verdict.score_count + s->verdict.ladder_count + s->verdict.action_count, 0);
    s->event.author.role_count = 0;
    send(s, 2, "u-1", "spam");
    assert_int_equal(s->verdict.score_count, 1);
    assert_true(s->verdict.scores[0].before == 0);
    assert_int_equal(s->verdict.ladders[0].strikes, 1);
    assert_string_equal(actions_of(s), "ban:channel");
    stream_free(s);
}

static void a_ladder_rises_with_strikes(void **state)
{
    (void)state;
    struct stream *s = stream_new(HEAD "behaviour:\n"
                                       "  ladders:\n"
                                       "    default: {steps: [{after: 1, within: 24h, actions: [flag]}, {after: 3, "
                                       "within: 24h, actions: [{mute: 1h}]},\n"
                                       "              {after: 4, within: 7d, actions: [{ban: channel}]}]}\n"
                                       "rules: [{id: word, when: {words: [spam]}, strikes: 1, actions: []}]\n");
    static const char *const PLANNED[] = {"flag", "", "mute:channel:3600000", "ban:channel"};
    for (int i = 0; i < 4; i++) {
        send(s, i * HOUR, "u-1", "spam");
        assert_string_equal(actions_of(s), PLANNED[i]);
        assert_int_equal(s->verdict.ladder_count, 1);
        assert_int_equal(s->verdict.ladders[0].strikes, i + 1);
    }
    send(s, 30 * DAY, "u-1", "spam"); /* all is forgotten */
    assert_string_equal(actions_of(s), "flag");
    stream_free(s);
}

static void a_rule_has_a_ladder_of_its_own(void **state)
{
    (void)state;
    struct stream *s = stream_new(
        HEAD
        "rules:\n"
        "- {id: a, when: {words: [spam]}, escalate: {by: author, steps: [{after: 2, actions: [hide]}]}, actions: []}\n"
        "- {id: b, when: {words: [eggs]}, escalate: {by: author, steps: [{after: 2, actions: [delete]}]}, actions: "
        "[]}\n");
    send(s, 0, "u-1", "spam");
    send(s, 1, "u-1", "eggs");
    assert_string_equal(actions_of(s), "");
    assert_string_equal(s->verdict.ladders[0].name, "b");
    send(s, 2, "u-1", "spam");
    assert_string_equal(actions_of(s), "hide");
    stream_free(s);
}

static void conditions_read_scores_and_strikes_before_the_event(void **state)
{
    (void)state;
    struct stream *s = stream_new(
        HEAD "behaviour: {scores: {spam: {half_life: 24h}}, ladders: {default: {steps: [{after: 60, actions: []}]}}}\n"
             "rules:\n"
             "- {id: word, when: {words: [spam]}, score: {spam: 6}, strikes: 1, actions: []}\n"
             "- {id: high, when: {score: {spam: {ge: 6}}}, actions: [flag]}\n"
             "- {id: struck, when: {strikes: {within: 1h, ge: 2}}, actions: [flag]}\n"
             "- {id: calm, when: {all: [{words: [hello]}, {not: {score: {spam: {gt: 0}}}}]}, actions: [flag]}\n");
    send(s, 0, "u-1", "spam hello");
    assert_string_equal(rules_of(s), "word calm");
    send(s, 0, "u-1", "spam hello");
    assert_string_equal(rules_of(s), "word high");
    send(s, 0, "u-1", "nothing");
    assert_string_equal(rules_of(s), "high struck");
    assert_int_equal(s->verdict.candidates, 2); /* 'calm' needs its word */
    send(s, 2 * HOUR, "u-1", "nothing");        /* no strikes within the hour; the score is 11.3 */
    assert_string_equal(rules_of(s), "high");
    stream_free(s);
}

static void trust_moves_limits(void **state)
{
    (void)state;
    struct stream *s = stream_new(
        HEAD "behaviour: {trust: [{name: trusted, min_age: 90d, clean_for: 1d}, {name: regular, min_age: 7d}]}\n"
             "rules:\n"
             "- {id: fast, when: {rate: {over: 10s, more_than: {new: 1, default: 3}}}, actions: [flag]}\n"
             "- {id: stranger, when: {all: [{trust: new}, {words: [link]}]}, actions: [flag]}\n");
    send(s, 0, "u-1", "link");
    assert_string_equal(s->verdict.trust, "new");
    assert_string_equal(rules_of(s), "stranger");
    send(s, 1, "u-1", "a");
    assert_string_equal(rules_of(s), "fast");
    assert_int_equal(s->verdict.candidates, 1); /* trust alone makes no candidate of 'stranger' */
    s->event.author.created_at_ms = BEGIN - 10 * DAY;
    for (int i = 0; i < 3; i++) {
        send(s, i, "u-2", "link");
        assert_string_equal(s->verdict.trust, "regular");
        assert_string_equal(rules_of(s), "");
    }
    send(s, 3, "u-2", "link");
    assert_string_equal(rules_of(s), "fast");
    s->event.author.created_at_ms = BEGIN - 100 * DAY;
    send(s, 0, "u-3", "a");
    assert_string_equal(s->verdict.trust, "regular"); /* clean only since it was first seen */
    send(s, 2 * DAY, "u-3", "a");
    assert_string_equal(s->verdict.trust, "trusted");
    stream_free(s);
}

static void the_first_content_is_told(void **state)
{
    (void)state;
    struct stream *s =
        stream_new(HEAD "rules:\n"
                        "- {id: first, when: {first_content: true}, actions: []}\n"
                        "- {id: later, when: {all: [{first_content: false}, {words: [x]}]}, actions: []}\n");
    send(s, 0, "u-1", "x");
    assert_string_equal(rules_of(s), "first");
    send(s, 1, "u-1", "x");
    assert_string_equal(rules_of(s), "later");
    send(s, 2, "u-2", "x");
    assert_string_equal(rules_of(s), "first");
    stream_free(s);
}

static void windows_have_many_keys(void **state)
{
    (void)state;
    struct stream *s = stream_new(
        HEAD
        "rules:\n"
        "- {id: place, when: {rate: {over: 1m, per: place, count: {distinct: authors}, more_than: 2}}, actions: []}\n"
        "- {id: here, when: {rate: {over: 1m, per: author_in_place, more_than: 1}}, actions: []}\n"
        "- {id: host, when: {rate: {over: 1m, per: host, more_than: 1}}, actions: []}\n"
        "- {id: all, when: {rate: {over: 1m, per: network, more_than: 4}}, actions: []}\n"
        "- {id: kind, when: {rate: {over: 1m, per: content.data_type, more_than: 1}}, actions: []}\n"
        "- {id: sum, when: {rate: {over: 1m, count: {sum: mentions.count}, more_than: 2}}, actions: []}\n");
    struct wd_str mentions[] = {{"v-1", 3}, {"v-2", 3}};
    s->event.mentions = mentions;
    s->event.mention_count = 2;
    send(s, 0, "u-1", "see https://www.Evil.example/a");
    assert_string_equal(rules_of(s), "");
    send(s, 1, "u-2", "see http://evil.example/b");
    assert_string_equal(rules_of(s), "host");
    send(s, 2, "u-3", "hello");
    assert_string_equal(rules_of(s), "place");
    send(s, 3, "u-3", "hello");
    assert_string_equal(rules_of(s), "place here sum");
    s->event.place.channel_id = wd_str_from("c-2");
    s->event.data_type = wd_str_from("image");
    send(s, 4, "u-3", "hello");
    assert_string_equal(rules_of(s), "all sum");
    send(s, 5, "u-4", "hello");
    assert_string_equal(rules_of(s), "all kind");
    stream_free(s);
}

static void long_keys_are_cut(void **state)
{
    (void)state;
    struct stream *s = stream_new(RATE);
    char id[501];
    memset(id, 'x', 500);
    id[500] = '\0';
    for (int i = 0; i < 4; i++)
        send(s, i, id, "hi");
    assert_string_equal(rules_of(s), "fast");
    id[499] = 'y';
    send(s, 5, id, "hi");
    assert_string_equal(rules_of(s), "");
    stream_free(s);
}

static void equal_conditions_share_a_cell(void **state)
{
    (void)state;
    struct stream *s = stream_new(HEAD "rules:\n"
                                       "- {id: a, when: {rate: {over: 10s, more_than: 1}}, actions: []}\n"
                                       "- {id: b, when: {rate: {over: 10s, more_than: 3}}, actions: []}\n"
                                       "- {id: c, when: {rate: {over: 20s, more_than: 3}}, actions: []}\n");
    for (int i = 0; i < 4; i++)
        send(s, i, "u-1", "hi");
    assert_string_equal(rules_of(s), "a b c");
    struct wd_value *value = wd_value_table_get(s->table, wd_str_from("a:u-1"));
    char *text = wd_value_describe(s->set, wd_str_from("a:u-1"), value->bytes, value->len, BEGIN);
    int windows = 0;
    for (const char *at = text; (at = strstr(at, "\"kind\":\"count\"")); at++)
        windows++;
    assert_int_equal(windows, 2);
    free(text);
    stream_free(s);
}

static void an_events_time_is_bounded_by_kafkas(void **state)
{
    (void)state;
    struct wd_event event = {
        .name = wd_str_from("message.didCreate"), .created_at_ms = 1000, .kafka_timestamp_ms = 5000};
    assert_int_equal(wd_event_time_ms(&event), 1000);
    event.created_at_ms = 5000 + 6 * MINUTE;
    assert_int_equal(wd_event_time_ms(&event), 5000 + 5 * MINUTE);
    event.created_at_ms = 0;
    assert_int_equal(wd_event_time_ms(&event), 5000);
    event.kafka_timestamp_ms = 0;
    assert_int_equal(wd_event_time_ms(&event), 0);
    /* A report of an old message is of now. */
    event = (struct wd_event){.name = wd_str_from("message.didFlag"), .created_at_ms = 1000, .updated_at_ms = 2000};
    assert_int_equal(wd_event_time_ms(&event), 2000);
    event.kafka_timestamp_ms = 9000;
    assert_int_equal(wd_event_time_ms(&event), 9000);
    event.name = wd_str_from("message.didCreate");
    assert_int_equal(wd_event_time_ms(&event), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_slides_with_event_time),
        cmocka_unit_test(without_values_nothing_is_true),
        cmocka_unit_test(sets_of_texts_remember_nothing),
        cmocka_unit_test(mentions_that_straddle_the_hour_count_together),
        cmocka_unit_test(the_same_text_by_many_is_found_by_the_sixth),
        cmocka_unit_test(one_author_is_no_crowd_but_repeats_himself),
        cmocka_unit_test(an_edit_repeats_nothing),
        cmocka_unit_test(bands_act_on_content_while_they_hold_and_on_the_author_once),
        cmocka_unit_test(shadow_scores_act_in_shadow),
        cmocka_unit_test(shadow_rules_and_exempt_authors_give_no_points),
        cmocka_unit_test(a_ladder_rises_with_strikes),
        cmocka_unit_test(a_rule_has_a_ladder_of_its_own),
        cmocka_unit_test(conditions_read_scores_and_strikes_before_the_event),
        cmocka_unit_test(trust_moves_limits),
        cmocka_unit_test(the_first_content_is_told),
        cmocka_unit_test(windows_have_many_keys),
        cmocka_unit_test(long_keys_are_cut),
        cmocka_unit_test(equal_conditions_share_a_cell),
        cmocka_unit_test(an_events_time_is_bounded_by_kafkas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
