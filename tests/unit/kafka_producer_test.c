/* The producer against a broker: the embedded one, or with WARDEN_TEST_KAFKA=host:port a real one. Faults are put into
 * the embedded broker only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/kafka_member.h"

enum { PRODUCE_REQUEST = 0, TOPIC_AUTHORIZATION_FAILED = 29, NOT_LEADER = 6 };

struct reports {
    int total, good, bad;
    enum wd_status last;
    char text[256];
    int64_t last_offset;
};

static void count_report(void *context, enum wd_status status, int32_t partition, int64_t offset, const char *text)
{
    struct reports *reports = context;
    (void)partition;
    reports->total++;
    reports->good += status == WD_OK;
    reports->bad += status != WD_OK;
    reports->last = status;
    reports->last_offset = offset;
    snprintf(reports->text, sizeof(reports->text), "%s", text);
}

static struct producer *producer_at(const char *brokers, int delivery_timeout_ms)
{
    struct wd_error err = {.text = ""};
    struct producer_options options = {.brokers = brokers, .delivery_timeout_ms = delivery_timeout_ms, .linger_ms = 2};
    struct producer *producer = producer_new(&options, &err);
    if (!producer)
        fail_msg("%s", err.text);
    return producer;
}

static enum wd_status send_text(struct producer *producer, const char *topic, const char *text, struct reports *reports,
                                struct wd_error *err)
{
    return producer_send(producer, topic, 0, wd_str_from("k"), wd_str_from(text), NULL, 0, 0, count_report, reports,
                         err);
}

struct seen {
    int64_t count, out_of_place;
};

static void count_in_order(void *context, const struct kafka_record *record)
{
    struct seen *seen = context;
    char expected[32];
    snprintf(expected, sizeof(expected), "%lld", (long long)seen->count);
    seen->out_of_place += !wd_str_is(record->value, expected) || record->offset != seen->count;
    seen->count++;
}

static void every_send_is_reported_once(void **state)
{
    (void)state;
    char topic[MEMBER_TOPIC_MAX];
    cluster_topic(topic, "reports", 1);
    struct producer *producer = producer_at(cluster_addresses(), 20000);
    struct reports reports = {0};
    struct wd_error err = {.text = ""};
    for (int i = 0; i < 1000; i++) {
        char text[32];
        snprintf(text, sizeof(text), "%d", i);
        assert_int_equal(send_text(producer, topic, text, &reports, &err), WD_OK);
    }
    assert_int_equal(producer_in_flight(producer) + (size_t)reports.total, 1000);
    struct pollfd fd = {.fd = producer_event_fd(producer), .events = POLLIN};
    assert_int_equal(poll(&fd, 1, 10000), 1); /* the descriptor tells of the first report */
    assert_int_equal(producer_flush(producer, 20000, &err), WD_OK);
    assert_int_equal(producer_poll(producer), 0);
    assert_int_equal(producer_in_flight(producer), 0);
    producer_free(producer, 1000);
    assert_int_equal(reports.total, 1000);
    assert_int_equal(reports.good, 1000);
    assert_int_equal(reports.last_offset, 999);
    struct seen seen = {0};
    struct inspect_options inspect = cluster_inspect();
    assert_int_equal(inspect_read(&inspect, topic, count_in_order, &seen, &err), WD_OK);
    assert_int_equal(seen.count, 1000);
    assert_int_equal(seen.out_of_place, 0);
}

static void faults_on_the_way_lose_and_repeat_nothing(void **state)
{
    (void)state;
    if (!cluster_is_embedded())
        skip();
    char topic[MEMBER_TOPIC_MAX];
    cluster_topic(topic, "faults", 1);
    struct producer *producer = producer_at(cluster_addresses(), 30000);
    struct reports reports = {0};
    struct wd_error err = {.text = ""};
    for (int i = 0; i < 300; i++) {
        char text[32];
        snprintf(text, sizeof(text), "%d", i);
        if (i % 100 == 50)
            broker_push_errors(cluster_broker(), PRODUCE_REQUEST, NOT_LEADER, 1);
        assert_int_equal(send_text(producer, topic, text, &reports, &err), WD_OK);
        if (i % 50 == 0)
            producer_poll(producer);
    }
    assert_int_equal(producer_flush(producer, 30000, &err), WD_OK);
    producer_free(producer, 1000);
    assert_int_equal(reports.good, 300);
    struct seen seen = {0};
    struct inspect_options inspect = cluster_inspect();
    assert_int_equal(inspect_read(&inspect, topic, count_in_order, &seen, &err), WD_OK);
    assert_int_equal(seen.count, 300);
    assert_int_equal(seen.out_of_place, 0);
}

static void what_nobody_takes_is_reported_at_the_end(void **state)
{
    (void)state;
    struct producer *producer = producer_at("127.0.0.1:1", 60000);
    struct reports reports = {0};
    struct wd_error err = {.text = ""};
    for (int i = 0; i < 10; i++)
        assert_int_equal(send_text(producer, "nowhere", "private words", &reports, &err), WD_OK);
    assert_int_equal(producer_flush(producer, 200, &err), WD_ERR_UNAVAILABLE);
    assert_non_null(strstr(err.text, "10 records"));
    assert_int_equal(reports.total, 0);
    producer_free(producer, 100);
    assert_int_equal(reports.total, 10);
    assert_int_equal(reports.bad, 10);
    assert_true(*reports.text);
    assert_null(strstr(reports.text, "private")); /* the reason, not the record */
}

static void a_delivery_that_takes_too_long_is_reported(void **state)
{
    (void)state;
    struct producer *producer = producer_at("127.0.0.1:1", 500);
    struct reports reports = {0};
    struct wd_error err = {.text = ""};
    assert_int_equal(send_text(producer, "nowhere", "x", &reports, &err), WD_OK);
    assert_int_equal(producer_flush(producer, 10000, &err), WD_OK);
    assert_int_equal(reports.total, 1);
    assert_int_equal(reports.last, WD_ERR_UNAVAILABLE);
    producer_free(producer, 100);
    assert_int_equal(reports.total, 1);
}

static void a_full_queue_says_so_and_takes_more_later(void **state)
{
    (void)state;
    const struct kafka_property small = {"queue.buffering.max.messages", "5"};
    struct producer_options options = {.brokers = "127.0.0.1:1",
                                       .delivery_timeout_ms = 300,
                                       .linger_ms = 1,
                                       .properties = &small,
                                       .property_count = 1};
    struct wd_error err = {.text = ""};
    struct producer *producer = producer_new(&options, &err);
    assert_non_null(producer);
    struct reports reports = {0};
    for (int i = 0; i < 5; i++)
        assert_int_equal(send_text(producer, "nowhere", "x", &reports, &err), WD_OK);
    assert_int_equal(send_text(producer, "nowhere", "x", &reports, &err), WD_ERR_UNAVAILABLE);
    assert_int_equal(producer_in_flight(producer), 5);
    assert_int_equal(producer_flush(producer, 10000, &err), WD_OK);
    assert_int_equal(send_text(producer, "nowhere", "x", &reports, &err), WD_OK);
    producer_free(producer, 0);
    assert_int_equal(reports.total, 6);
}

static void what_is_too_large_is_invalid_and_harms_nothing(void **state)
{
    (void)state;
    char topic[MEMBER_TOPIC_MAX];
    cluster_topic(topic, "large", 1);
    struct producer *producer = producer_at(cluster_addresses(), 20000);
    struct reports reports = {0};
    struct wd_error err = {.text = ""};
    size_t size = (size_t)17 << 20;
    char *large = malloc(size);
    memset(large, 'x', size);
    assert_int_equal(producer_send(producer, topic, 0, (struct wd_str){0}, (struct wd_str){large, size}, NULL, 0, 0,
                                   count_report, &reports, &err),
                     WD_ERR_INVALID);
    free(large);
    assert_int_equal(producer_in_flight(producer), 0);
    assert_int_equal(send_text(producer, topic, "0", &reports, &err), WD_OK);
    assert_int_equal(producer_flush(producer, 20000, &err), WD_OK);
    assert_int_equal(reports.total, 1);
    assert_int_equal(reports.good, 1);
    assert_false(producer_is_fatal(producer, NULL, 0));
    producer_free(producer, 1000);
}

static void a_topic_that_is_refused_ends_the_producer_and_says_so(void **state)
{
    (void)state;
    if (!cluster_is_embedded())
        skip();
    char topic[MEMBER_TOPIC_MAX];
    cluster_topic(topic, "forbidden", 1);
    struct producer *producer = producer_at(cluster_addresses(), 5000);
    struct reports reports = {0};
    struct wd_error err = {.text = ""};
    assert_int_equal(send_text(producer, topic, "0", &reports, &err), WD_OK);
    assert_int_equal(producer_flush(producer, 10000, &err), WD_OK);
    assert_int_equal(reports.good, 1);
    broker_push_errors(cluster_broker(), PRODUCE_REQUEST, TOPIC_AUTHORIZATION_FAILED, 1);
    assert_int_equal(send_text(producer, topic, "1", &reports, &err), WD_OK);
    assert_int_equal(producer_flush(producer, 15000, &err), WD_OK);
    assert_int_equal(reports.total, 2);
    assert_int_equal(reports.last, WD_ERR_REFUSED);
    char text[256];
    assert_true(producer_is_fatal(producer, text, sizeof(text)));
    assert_non_null(strstr(text, "forbidden"));
    assert_int_equal(send_text(producer, topic, "1", &reports, &err), WD_ERR_REFUSED);
    producer_free(producer, 1000);
    assert_int_equal(reports.total, 2);
    producer = producer_at(cluster_addresses(), 5000); /* a new one goes on */
    assert_int_equal(send_text(producer, topic, "1", &reports, &err), WD_OK);
    assert_int_equal(producer_flush(producer, 10000, &err), WD_OK);
    assert_int_equal(reports.last, WD_OK);
    producer_free(producer, 1000);
}

static void an_unknown_topic_is_reported(void **state)
{
    (void)state;
    if (!cluster_is_embedded()) /* a real one may make topics by itself */
        skip();
    struct producer *producer = producer_at(cluster_addresses(), 3000);
    struct reports reports = {0};
    struct wd_error err = {.text = ""};
    broker_set_topic_error(cluster_broker(), "gone", 3 /* unknown topic or partition */);
    enum wd_status status = send_text(producer, "gone", "x", &reports, &err);
    if (status == WD_OK) {
        assert_int_equal(producer_flush(producer, 20000, &err), WD_OK);
        assert_int_equal(reports.total, 1);
        assert_int_equal(reports.bad, 1);
    } else {
        assert_int_equal(status, WD_ERR_INVALID);
    }
    producer_free(producer, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_send_is_reported_once),
        cmocka_unit_test(faults_on_the_way_lose_and_repeat_nothing),
        cmocka_unit_test(what_nobody_takes_is_reported_at_the_end),
        cmocka_unit_test(a_delivery_that_takes_too_long_is_reported),
        cmocka_unit_test(a_full_queue_says_so_and_takes_more_later),
        cmocka_unit_test(what_is_too_large_is_invalid_and_harms_nothing),
        cmocka_unit_test(a_topic_that_is_refused_ends_the_producer_and_says_so),
        cmocka_unit_test(an_unknown_topic_is_reported),
    };
    cluster_start(1);
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    cluster_stop();
    return failures;
}
