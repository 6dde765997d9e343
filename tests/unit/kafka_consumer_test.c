/* The consumer against a broker: the embedded one, or with WARDEN_TEST_KAFKA=host:port a real one. */
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

enum { JOIN_MS = 30000, READ_MS = 20000 };

static void every_record_comes_once_and_in_order(void **state)
{
    (void)state;
    char topic[MEMBER_TOPIC_MAX];
    cluster_topic(topic, "once", 3);
    cluster_produce(topic, 3, 500);
    struct member member, *all = &member;
    member_start(&member, &(struct member_options){.topic = topic, .group = topic});
    assert_false(consumer_is_ready(member.consumer));
    assert_true(members_read(&all, 1, 1500, JOIN_MS));
    assert_true(consumer_is_ready(member.consumer));
    assert_int_equal(member.assigns, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(member.partitions[i].start, -1);
        assert_int_equal(member.partitions[i].records, 500);
        assert_int_equal(member.partitions[i].jumps, 0);
        assert_int_equal(consumer_high_watermark(member.consumer, topic, i), 500);
    }
    assert_int_equal(consumer_high_watermark(member.consumer, "no-such-topic", 0), -1);
    assert_int_equal(member.fatals, 0);
    member_stop(&member);
    assert_int_equal(member.revokes, 1);
    assert_int_equal(member.losses, 0);
    assert_int_equal(member.strays, 0);
}

static void offset_and_metadata_come_back_after_rejoining(void **state)
{
    const char *assignor = *state;
    char topic[MEMBER_TOPIC_MAX];
    cluster_topic(topic, "metadata", 2);
    cluster_produce(topic, 2, 100);
    struct member_options options = {.topic = topic, .group = topic, .assignor = assignor};
    struct member member, *all = &member;
    member_start(&member, &options);
    assert_true(members_read(&all, 1, 200, JOIN_MS));
    struct wd_error err = {.text = ""};
    struct kafka_position positions[] = {{topic, 0, 42, "v1:finished=43,45"}, {topic, 1, 7, NULL}};
    assert_int_equal(consumer_commit_sync(member.consumer, positions, 2, 5000, &err), WD_OK);
    member_stop(&member);

    member_start(&member, &options);
    assert_true(members_read(&all, 1, 58 + 93, JOIN_MS));
    members_idle(&all, 1, 300);
    assert_int_equal(member.records, 58 + 93);
    assert_int_equal(member.partitions[0].start, 42);
    assert_string_equal(member.partitions[0].metadata, "v1:finished=43,45");
    assert_int_equal(member.partitions[1].start, 7);
    assert_string_equal(member.partitions[1].metadata, "(none)");
    assert_int_equal(member.partitions[0].jumps + member.partitions[1].jumps, 0);
    member_stop(&member);

    struct inspect_options inspect = cluster_inspect();
    struct inspect_partition *found = NULL;
    size_t count = 0;
    assert_int_equal(inspect_topic(&inspect, topic, topic, &found, &count, &err), WD_OK);
    assert_int_equal(count, 2);
    assert_int_equal(found[0].committed_offset, 42);
    assert_string_equal(found[0].committed_metadata, "v1:finished=43,45");
    assert_int_equal(found[1].committed_offset, 7);
    assert_null(found[1].committed_metadata);
    assert_int_equal(found[1].first_offset, 0);
    assert_int_equal(found[1].end_offset, 100);
    free(found);
}

static bool committed_once(struct member **members, size_t count, void *goal)
{
    (void)count;
    return members[0]->commits >= *(int *)goal;
}

static void asynchronous_commits_report_and_do_not_overlap(void **state)
{
    (void)state;
    char topic[MEMBER_TOPIC_MAX];
    cluster_topic(topic, "async", 2);
    cluster_produce(topic, 2, 10);
    struct member member, *all = &member;
    member_start(&member, &(struct member_options){.topic = topic, .group = topic});
    struct wd_error err = {.text = ""};
    struct kafka_position early = {topic, 0, 1, NULL};
    assert_int_equal(consumer_commit_async(member.consumer, &early, 1, &err), WD_ERR_UNAVAILABLE); /* not a member */
    assert_true(members_read(&all, 1, 20, JOIN_MS));
    assert_int_equal(member_commit(&member, "a", false, &err), WD_OK);
    assert_int_equal(member_commit(&member, "b", false, &err), WD_ERR_UNAVAILABLE);
    int one = 1;
    assert_true(members_run(&all, 1, committed_once, &one, 10000));
    assert_int_equal(member.commit_status, WD_OK);
    assert_int_equal(member_commit(&member, "c", false, &err), WD_OK);
    assert_int_equal(member_commit(&member, "d", true, &err), WD_OK); /* waits for "c", then goes */
    assert_int_equal(member.commits, 2);
    char *huge = malloc(5000);
    memset(huge, 'x', 4999);
    huge[4999] = '\0';
    assert_int_equal(member_commit(&member, huge, true, &err), WD_ERR_TOO_LARGE);
    free(huge);
    member_stop(&member);
    struct inspect_options inspect = cluster_inspect();
    struct inspect_partition *found = NULL;
    size_t count = 0;
    assert_int_equal(inspect_topic(&inspect, topic, topic, &found, &count, &err), WD_OK);
    assert_string_equal(found[1].committed_metadata, "d");
    free(found);
}

static void a_second_member_takes_over_exactly_where_the_first_stopped(void **state)
{
    const char *assignor = *state;
    enum { PARTITIONS = 6, COUNT = 200 };
    char topic[MEMBER_TOPIC_MAX];
    cluster_topic(topic, "rebalance", PARTITIONS);
    cluster_produce(topic, PARTITIONS, COUNT);
    struct member_options options = {.topic = topic, .group = topic, .assignor = assignor};
    struct member first, second, *both[] = {&first, &second};
    member_start(&first, &options);
    first.commits_on_revoke = true;
    first.commit_metadata = "handed over";
    assert_true(members_read(both, 1, (size_t)PARTITIONS * COUNT, JOIN_MS));
    struct wd_error err = {.text = ""};
    assert_int_equal(member_commit(&first, "handed over", true, &err), WD_OK);

    member_start(&second, &options);
    assert_true(members_assigned(both, 2, PARTITIONS, JOIN_MS));
    assert_int_equal(member_assigned_count(&second), PARTITIONS / 2);
    assert_true(first.revokes >= 1);
    assert_int_equal(first.losses, 0);
    for (int i = 0; i < PARTITIONS; i++)
        if (second.partitions[i].is_assigned) {
            assert_int_equal(second.partitions[i].start, COUNT);
            assert_string_equal(second.partitions[i].metadata, "handed over");
        }
    bool cooperative = strcmp(assignor, "cooperative-sticky") == 0;
    for (int i = 0; cooperative && i < PARTITIONS; i++)
        if (first.partitions[i].is_assigned)
            assert_int_equal(first.partitions[i].assigned_count, 1); /* kept all the time */

    cluster_produce(topic, PARTITIONS, COUNT);
    assert_true(members_read(both, 2, 2UL * PARTITIONS * COUNT, READ_MS));
    members_idle(both, 2, 300);
    assert_int_equal(first.records + second.records, 2 * PARTITIONS * COUNT);
    assert_int_equal(first.strays + second.strays, 0);

    /* The embedded broker refuses what an eager member commits while it is revoked; a real one takes it. */
    if (!cluster_is_embedded())
        assert_int_equal(first.revoke_status, WD_OK);
    assert_int_equal(member_commit(&first, "handed over", true, &err), WD_OK);
    second.commits_on_revoke = true;
    member_stop(&second);
    assert_int_equal(second.revoke_status, WD_OK);
    assert_true(members_assigned(both, 1, PARTITIONS, JOIN_MS));
    members_idle(both, 1, 300);
    assert_int_equal(first.records + second.records, 2 * PARTITIONS * COUNT);
    for (int i = 0; i < PARTITIONS; i++)
        assert_int_equal(first.partitions[i].jumps + second.partitions[i].jumps, 0);
    assert_int_equal(first.fatals + second.fatals, 0);
    member_stop(&first);
}

static void pausing_neither_skips_nor_repeats(void **state)
{
    (void)state;
    enum { PARTITIONS = 4, COUNT = 5000 };
    char topic[MEMBER_TOPIC_MAX];
    cluster_topic(topic, "pause", PARTITIONS);
    cluster_produce(topic, PARTITIONS, COUNT);
    struct member member, *all = &member;
    member_start(&member, &(struct member_options){.topic = topic, .group = topic});
    assert_true(members_assigned(&all, 1, PARTITIONS, JOIN_MS));
    unsigned random = 1;
    for (int round = 0; round < 600; round++) {
        consumer_poll(member.consumer, 37);
        random = random * 1664525 + 1013904223;
        int32_t partition = (int32_t)(random >> 16) % PARTITIONS;
        if (random & 0x8000)
            consumer_pause(member.consumer, topic, partition);
        else
            consumer_resume(member.consumer, topic, partition);
        if (round % 16 == 0)
            members_idle(&all, 1, 20);
    }
    for (int i = 0; i < PARTITIONS; i++)
        consumer_pause(member.consumer, topic, i);
    members_idle(&all, 1, 200);
    size_t before = member.records;
    cluster_produce(topic, PARTITIONS, 10);
    members_idle(&all, 1, 500);
    assert_int_equal(member.records, before);    /* paused is paused */
    consumer_pause(member.consumer, "other", 0); /* not assigned: ignored */
    for (int i = 0; i < PARTITIONS; i++)
        consumer_resume(member.consumer, topic, i);
    assert_true(members_read(&all, 1, (size_t)PARTITIONS * (COUNT + 10), READ_MS));
    for (int i = 0; i < PARTITIONS; i++) {
        assert_int_equal(member.partitions[i].records, COUNT + 10);
        assert_int_equal(member.partitions[i].jumps, 0);
    }
    member_stop(&member);
}

static void latest_begins_at_the_end(void **state)
{
    (void)state;
    char topic[MEMBER_TOPIC_MAX];
    cluster_topic(topic, "latest", 1);
    cluster_produce(topic, 1, 50);
    struct member member, *all = &member;
    member_start(&member, &(struct member_options){.topic = topic, .group = topic, .offset_reset = "latest"});
    assert_true(members_assigned(&all, 1, 1, JOIN_MS));
    members_idle(&all, 1, 1000);
    assert_int_equal(member.records, 0);
    cluster_produce(topic, 1, 5);
    assert_true(members_read(&all, 1, 5, READ_MS));
    assert_int_equal(member.partitions[0].next, 55);
    member_stop(&member);
}

static void keys_values_headers_and_nulls_arrive_as_sent(void **state)
{
    (void)state;
    char topic[MEMBER_TOPIC_MAX];
    cluster_topic(topic, "headers", 1);
    struct wd_error err = {.text = ""};
    struct producer_options options = {.brokers = cluster_addresses(), .delivery_timeout_ms = 10000, .linger_ms = 1};
    struct producer *producer = producer_new(&options, &err);
    assert_non_null(producer);
    struct kafka_header headers[] = {{wd_str_from("reason"), wd_str_from("because")}, {wd_str_from("nothing"), {0}}};
    assert_int_equal(producer_send(producer, topic, 0, (struct wd_str){0}, wd_str_from(""), headers, 2, 1234567890123,
                                   NULL, NULL, &err),
                     WD_OK);
    assert_int_equal(producer_flush(producer, 10000, &err), WD_OK);
    producer_free(producer, 1000);
    struct member member, *all = &member;
    member_start(&member, &(struct member_options){.topic = topic, .group = topic});
    assert_true(members_read(&all, 1, 1, JOIN_MS));
    assert_true(member.first_key_is_null);
    assert_false(member.first_value_is_null);
    assert_string_equal(member.first_value, "");
    assert_int_equal(member.first_timestamp_ms, 1234567890123);
    assert_int_equal(member.first_headers, 2);
    assert_string_equal(member.first_header, "reason=because");
    assert_true(member.first_header_is_null);
    member_stop(&member);
}

/* Polling keeps a member alive even when nothing is read; not polling loses the assignment, which is told as lost. */
static void a_member_that_does_not_poll_loses_its_partitions(void **state)
{
    (void)state;
    char topic[MEMBER_TOPIC_MAX];
    cluster_topic(topic, "lost", 2);
    struct member member, *all = &member;
    struct member_options options = {.topic = topic, .group = topic, .max_poll_interval_ms = 7000};
    member_start(&member, &options);
    assert_true(members_assigned(&all, 1, 2, JOIN_MS));
    members_idle(&all, 1, 9000);
    assert_int_equal(member.revokes, 0);
    struct timespec nine_seconds = {.tv_sec = 9};
    nanosleep(&nine_seconds, NULL);
    members_idle(&all, 1, 200);
    assert_int_equal(member.losses, 1);
    assert_true(members_assigned(&all, 1, 2, JOIN_MS)); /* and comes back by itself */
    member_stop(&member);
}

static struct consumer *with_property(const char *name, const char *value, struct wd_error *err)
{
    const struct kafka_property property = {name, value};
    const struct consumer_callbacks callbacks = {0};
    struct consumer_options options = {.brokers = "127.0.0.1:1",
                                       .group_id = "g",
                                       .topics = (const char *const[]){"t", NULL},
                                       .assignor = "range",
                                       .offset_reset = "earliest",
                                       .session_timeout_ms = 6000,
                                       .max_poll_interval_ms = 60000,
                                       .max_record_bytes = 1000,
                                       .properties = &property,
                                       .property_count = 1};
    return consumer_new(&options, &callbacks, NULL, err);
}

static void bad_properties_are_refused_with_a_hint(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value, *says;
    } CASES[] = {
        {"securty.protocol", "ssl", "did you mean 'security.protocol'?"},
        {"compresion.type", "lz4", "did you mean 'compression.type'?"},
        {"no.such.thing.at.all", "1", "no such property"},
        {"socket.timeout.ms", "soon", "socket.timeout.ms"},
        {"socket.timeout.ms", "1", "socket.timeout.ms"},
        {"enable.auto.commit", "true", "cannot be set"},
        {"enable.auto.offset.store", "true", "cannot be set"},
        {"enable.idempotence", "false", "cannot be set"},
        {"group.id", "other", "kafka.group_id"},
        {"ssl.ca.location", NULL, "no value"},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct wd_error err = {.text = ""};
        assert_null(with_property(CASES[i].name, CASES[i].value, &err));
        assert_int_equal(err.status, WD_ERR_INVALID);
        if (!strstr(err.text, CASES[i].says))
            fail_msg("'%s' does not say \"%s\"", err.text, CASES[i].says);
        assert_non_null(strstr(err.text, CASES[i].name));
        struct kafka_property property = {CASES[i].name, CASES[i].value};
        assert_int_equal(inspect_check_properties(&property, 1, NULL), WD_ERR_INVALID);
    }
    struct wd_error err = {.text = ""};
    assert_int_equal(inspect_check_properties(&(struct kafka_property){"fetch.wait.max.ms", "10"}, 1, &err), WD_OK);
}

static void nobody_there_is_said_and_the_end_comes_in_time(void **state)
{
    (void)state;
    struct wd_error err = {.text = ""};
    struct inspect_options inspect = {.brokers = "127.0.0.1:1", .timeout_ms = 1500};
    int brokers = 0;
    assert_int_equal(inspect_ping(&inspect, &brokers, &err), WD_ERR_UNAVAILABLE);
    assert_non_null(strstr(err.text, "127.0.0.1:1"));
    assert_non_null(strstr(err.text, "refused"));
    struct inspect_options there = cluster_inspect();
    assert_int_equal(inspect_ping(&there, &brokers, &err), WD_OK);
    assert_true(brokers >= 1);
    struct inspect_partition *found = NULL;
    size_t count = 0;
    assert_int_equal(inspect_topic(&there, "", NULL, &found, &count, &err) == WD_OK, false);
}

int main(void)
{
    static char cooperative[] = "cooperative-sticky", range[] = "range", roundrobin[] = "roundrobin";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_properties_are_refused_with_a_hint),
        cmocka_unit_test(nobody_there_is_said_and_the_end_comes_in_time),
        cmocka_unit_test(every_record_comes_once_and_in_order),
        cmocka_unit_test_prestate(offset_and_metadata_come_back_after_rejoining, cooperative),
        cmocka_unit_test_prestate(offset_and_metadata_come_back_after_rejoining, roundrobin),
        cmocka_unit_test(asynchronous_commits_report_and_do_not_overlap),
        cmocka_unit_test_prestate(a_second_member_takes_over_exactly_where_the_first_stopped, cooperative),
        cmocka_unit_test_prestate(a_second_member_takes_over_exactly_where_the_first_stopped, range),
        cmocka_unit_test(pausing_neither_skips_nor_repeats),
        cmocka_unit_test(latest_begins_at_the_end),
        cmocka_unit_test(keys_values_headers_and_nulls_arrive_as_sent),
        cmocka_unit_test(a_member_that_does_not_poll_loses_its_partitions),
    };
    cluster_start(1);
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    cluster_stop();
    return failures;
}
