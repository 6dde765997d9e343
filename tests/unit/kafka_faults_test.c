/* The consumer and an embedded broker that misbehaves: refuses, falls silent, goes away and comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/kafka_member.h"

enum { JOIN_MS = 30000 };
/* Kafka's numbers. */
enum { FETCH = 1, OFFSET_COMMIT = 8, OFFSET_FETCH = 9, HEARTBEAT = 12 };
enum { DISCONNECT = -195, COORDINATOR_LOADING = 14, ILLEGAL_GENERATION = 22 };
enum { GROUP_AUTHORIZATION_FAILED = 30 };

static int64_t seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* What one test left of its faults must not hit the next. */
static int heal(void **state)
{
    (void)state;
    static const int KINDS[] = {FETCH, OFFSET_COMMIT, OFFSET_FETCH, HEARTBEAT};
    for (size_t i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]); i++)
        broker_push_errors(cluster_broker(), KINDS[i], 0, 0);
    return 0;
}

static void ignore_error(void *context, bool fatal, const char *text)
{
    (void)context;
    (void)fatal;
    (void)text;
}

/* A topic of two partitions with 100 records each, and a group that has committed 40 and 60. */
static void begin_in_the_middle(char topic[MEMBER_TOPIC_MAX])
{
    cluster_topic(topic, "middle", 2);
    cluster_produce(topic, 2, 100);
    struct member member, *all = &member;
    member_start(&member, &(struct member_options){.topic = topic, .group = topic});
    assert_true(members_read(&all, 1, 200, JOIN_MS));
    struct wd_error err = {.text = ""};
    struct kafka_position positions[] = {{topic, 0, 40, "forty"}, {topic, 1, 60, "sixty"}};
    assert_int_equal(consumer_commit_sync(member.consumer, positions, 2, 5000, &err), WD_OK);
    member_stop(&member);
}

static void reading_waits_until_the_committed_offsets_are_known(void **state)
{
    const int error = *(const int *)*state;
    char topic[MEMBER_TOPIC_MAX];
    begin_in_the_middle(topic);
    struct member member, *all = &member;
    broker_push_errors(cluster_broker(), OFFSET_FETCH, error, 4);
    member_start(&member, &(struct member_options){.topic = topic, .group = topic});
    assert_true(members_read(&all, 1, 100, JOIN_MS + 30000));
    members_idle(&all, 1, 300);
    assert_int_equal(member.records, 100);
    assert_int_equal(member.partitions[0].start, 40);
    assert_string_equal(member.partitions[0].metadata, "forty");
    assert_int_equal(member.partitions[1].start, 60);
    assert_int_equal(member.partitions[0].jumps + member.partitions[1].jumps, 0);
    assert_int_equal(member.fatals, 0);
    assert_int_equal(member.assigns, 1);
    if (error == GROUP_AUTHORIZATION_FAILED) {
        assert_true(member.errors >= 1);
        assert_non_null(strstr(member.error, "committed offsets of 2 new partitions"));
    }
    member_stop(&member);
}

static void leaving_while_the_offsets_are_unknown_works(void **state)
{
    (void)state;
    char topic[MEMBER_TOPIC_MAX];
    begin_in_the_middle(topic);
    struct member member, *all = &member;
    broker_push_errors(cluster_broker(), OFFSET_FETCH, GROUP_AUTHORIZATION_FAILED, 1000);
    member_start(&member, &(struct member_options){.topic = topic, .group = topic});
    members_idle(&all, 1, 6000);
    assert_int_equal(member.assigns, 0);
    assert_false(consumer_is_ready(member.consumer));
    assert_false(consumer_can_commit(member.consumer));
    member_stop(&member);
    assert_int_equal(member.revokes, 0); /* nothing was given, nothing is taken */
    assert_int_equal(member.records, 0);
}

static bool has_lost(struct member **members, size_t count, void *goal)
{
    (void)count;
    (void)goal;
    return members[0]->losses > 0;
}

static void a_stale_generation_is_refused_and_the_member_comes_back(void **state)
{
    (void)state;
    char topic[MEMBER_TOPIC_MAX];
    begin_in_the_middle(topic);
    struct member member, *all = &member;
    member_start(&member, &(struct member_options){.topic = topic, .group = topic});
    assert_true(members_read(&all, 1, 100, JOIN_MS));
    broker_push_errors(cluster_broker(), OFFSET_COMMIT, ILLEGAL_GENERATION, 1);
    struct wd_error err = {.text = ""};
    assert_int_equal(member_commit(&member, "stale", true, &err), WD_ERR_REFUSED);
    assert_non_null(strstr(err.text, "ILLEGAL_GENERATION"));
    assert_true(members_run(&all, 1, has_lost, NULL, JOIN_MS));
    assert_false(consumer_can_commit(member.consumer));
    assert_true(members_assigned(&all, 1, 2, JOIN_MS));
    assert_int_equal(member.partitions[0].start, 40); /* the refused commit has changed nothing */
    assert_string_equal(member.partitions[0].metadata, "forty");
    assert_true(members_read(&all, 1, 200, JOIN_MS)); /* what was not committed is read again */
    assert_int_equal(member_commit(&member, "fresh", true, &err), WD_OK);
    member_stop(&member);
}

static void broken_connections_lose_and_repeat_nothing(void **state)
{
    (void)state;
    enum { ROUNDS = 10, COUNT = 300 };
    char topic[MEMBER_TOPIC_MAX];
    cluster_topic(topic, "cut", 2);
    /* The pause after a broken connection doubles up to this: the test is of what gets through, not of pauses. */
    const struct kafka_property soon[] = {{"reconnect.backoff.max.ms", "200"}};
    struct member member, *all = &member;
    member_start(&member,
                 &(struct member_options){.topic = topic, .group = topic, .properties = soon, .property_count = 1});
    for (int i = 1; i <= ROUNDS; i++) {
        broker_push_errors(cluster_broker(), FETCH, DISCONNECT, 2);
        broker_push_errors(cluster_broker(), HEARTBEAT, DISCONNECT, 1);
        cluster_produce(topic, 2, COUNT);
        assert_true(members_read(&all, 1, (size_t)2 * COUNT * (size_t)i, JOIN_MS));
    }
    members_idle(&all, 1, 300);
    assert_int_equal(member.records, 2 * COUNT * ROUNDS);
    assert_int_equal(member.partitions[0].jumps + member.partitions[1].jumps, 0);
    member_stop(&member);
}

static bool is_ready(struct member **members, size_t count, void *goal)
{
    (void)count;
    return consumer_is_ready(members[0]->consumer) == *(bool *)goal;
}

static void readiness_follows_the_brokers(void **state)
{
    (void)state;
    bool yes = true, no = false;
    char topic[MEMBER_TOPIC_MAX];
    cluster_topic(topic, "ready", 1);
    struct member member, *all = &member;
    struct wd_error err = {.text = ""};
    member_start(&member, &(struct member_options){.topic = topic, .group = topic});
    assert_true(members_run(&all, 1, is_ready, &yes, JOIN_MS));
    assert_int_equal(broker_set_up(cluster_broker(), 1, false, &err), WD_OK);
    assert_true(members_run(&all, 1, is_ready, &no, JOIN_MS));
    assert_true(member.errors >= 1);
    assert_int_equal(member.fatals, 0);
    assert_int_equal(broker_set_up(cluster_broker(), 1, true, &err), WD_OK);
    assert_true(members_run(&all, 1, is_ready, &yes, JOIN_MS)); /* without a record or a commit */
    cluster_produce(topic, 1, 10);
    assert_true(members_read(&all, 1, 10, JOIN_MS));
    member_stop(&member);
}

/* The group cannot be left and nothing can be committed, but the end comes. */
static void the_end_comes_when_nobody_answers(void **state)
{
    const bool silent = *(const bool *)*state;
    char topic[MEMBER_TOPIC_MAX];
    cluster_topic(topic, "silence", 2);
    cluster_produce(topic, 2, 10);
    struct member member, *all = &member;
    struct wd_error err = {.text = ""};
    member_start(&member, &(struct member_options){.topic = topic, .group = topic});
    member.commits_on_revoke = true;
    assert_true(members_read(&all, 1, 20, JOIN_MS));
    if (silent)
        assert_int_equal(broker_set_delay(cluster_broker(), 1, 120000, &err), WD_OK);
    else
        assert_int_equal(broker_set_up(cluster_broker(), 1, false, &err), WD_OK);
    assert_int_equal(member_commit(&member, "late", false, &err), WD_OK); /* stays under way */
    int64_t began = seconds_now();
    assert_int_equal(member_commit(&member, "later", true, &err), WD_ERR_UNAVAILABLE);
    consumer_close(member.consumer, 3000);
    assert_true(seconds_now() - began < 30);
    assert_int_equal(member.revokes, 1);
    assert_int_equal(member_assigned_count(&member), 0);
    assert_int_equal(broker_set_delay(cluster_broker(), 1, 0, &err), WD_OK);
    assert_int_equal(broker_set_up(cluster_broker(), 1, true, &err), WD_OK);
}

static void a_partition_that_comes_back_is_not_paused_any_more(void **state)
{
    (void)state;
    char topic[MEMBER_TOPIC_MAX];
    cluster_topic(topic, "unpaused", 2);
    struct member_options options = {.topic = topic, .group = topic};
    struct member first, second, *both[] = {&first, &second};
    member_start(&first, &options);
    assert_true(members_assigned(both, 1, 2, JOIN_MS));
    consumer_pause(first.consumer, topic, 0);
    consumer_pause(first.consumer, topic, 1);
    member_start(&second, &options);
    assert_true(members_assigned(both, 2, 2, JOIN_MS));
    int moved = second.partitions[0].is_assigned ? 0 : 1;
    member_stop(&second);
    assert_true(members_assigned(both, 1, 2, JOIN_MS));
    cluster_produce(topic, 2, 5);
    assert_true(members_read(both, 1, 5, JOIN_MS));
    members_idle(both, 1, 500);
    assert_int_equal(first.partitions[1 - moved].assigned_count, 1);
    assert_int_equal(first.partitions[moved].records, 5);
    assert_int_equal(first.partitions[1 - moved].records, 0); /* kept all the time, and still paused */
    consumer_resume(first.consumer, topic, 1 - moved);
    assert_true(members_read(both, 1, 10, JOIN_MS));
    member_stop(&first);
}

static void nobody_there_and_closing_works(void **state)
{
    (void)state;
    const struct consumer_callbacks callbacks = {.on_error = ignore_error};
    struct consumer_options options = {.brokers = "127.0.0.1:1",
                                       .group_id = "g",
                                       .topics = (const char *const[]){"t", NULL},
                                       .assignor = "cooperative-sticky",
                                       .offset_reset = "earliest",
                                       .session_timeout_ms = 6000,
                                       .max_poll_interval_ms = 60000,
                                       .max_record_bytes = 1000};
    struct wd_error err = {.text = ""};
    struct consumer *consumer = consumer_new(&options, &callbacks, NULL, &err);
    assert_non_null(consumer);
    assert_false(consumer_is_ready(consumer));
    int64_t began = seconds_now();
    consumer_close(consumer, 1000);
    assert_true(seconds_now() - began < 15);
}

int main(void)
{
    static int loading = COORDINATOR_LOADING, forbidden = GROUP_AUTHORIZATION_FAILED, cut = DISCONNECT;
    static bool silent = true, gone = false;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate_setup_teardown(reading_waits_until_the_committed_offsets_are_known, NULL, heal,
                                                 &loading),
        cmocka_unit_test_prestate_setup_teardown(reading_waits_until_the_committed_offsets_are_known, NULL, heal,
                                                 &forbidden),
        cmocka_unit_test_prestate_setup_teardown(reading_waits_until_the_committed_offsets_are_known, NULL, heal, &cut),
        cmocka_unit_test_teardown(a_stale_generation_is_refused_and_the_member_comes_back, heal),
        cmocka_unit_test_teardown(broken_connections_lose_and_repeat_nothing, heal),
        cmocka_unit_test_teardown(readiness_follows_the_brokers, heal),
        cmocka_unit_test_teardown(a_partition_that_comes_back_is_not_paused_any_more, heal),
        cmocka_unit_test_prestate_setup_teardown(the_end_comes_when_nobody_answers, NULL, heal, &gone),
        cmocka_unit_test_prestate_setup_teardown(the_end_comes_when_nobody_answers, NULL, heal, &silent),
        cmocka_unit_test_teardown(nobody_there_and_closing_works, heal),
        cmocka_unit_test_teardown(leaving_while_the_offsets_are_unknown_works, heal),
    };
    unsetenv("WARDEN_TEST_KAFKA"); /* a real broker cannot be told to misbehave */
    cluster_start(1);
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    cluster_stop();
    return failures;
}
