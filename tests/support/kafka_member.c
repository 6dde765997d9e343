/* The recording group member and the cluster of the Kafka tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/kafka_member.h"

static struct broker *embedded;
static const char *addresses;

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void cluster_start(int broker_count)
{
    addresses = getenv("WARDEN_TEST_KAFKA");
    if (addresses && *addresses)
        return;
    struct wd_error err;
    embedded = broker_new(broker_count, &err);
    if (!embedded) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    addresses = broker_addresses(embedded);
}

void cluster_stop(void)
{
    broker_free(embedded);
    embedded = NULL;
}

bool cluster_is_embedded(void)
{
    return embedded != NULL;
}

struct broker *cluster_broker(void)
{
    return embedded;
}

const char *cluster_addresses(void)
{
    return addresses;
}

struct inspect_options cluster_inspect(void)
{
    return (struct inspect_options){.brokers = addresses, .timeout_ms = 10000};
}

void cluster_topic(char topic[MEMBER_TOPIC_MAX], const char *base, int partitions)
{
    static int counter;
    struct wd_error err = {.text = ""};
    snprintf(topic, MEMBER_TOPIC_MAX, "%s-%d-%lld-%d", base, (int)getpid(), (long long)now_ms(), counter++);
    struct inspect_options options = cluster_inspect();
    enum wd_status status = embedded ? broker_create_topic(embedded, topic, partitions, &err)
                                     : inspect_create_topic(&options, topic, partitions, 1, &err);
    if (status != WD_OK)
        fail_msg("%s", err.text);
}

static void count_delivery(void *context, enum wd_status status, int32_t partition, int64_t offset, const char *text)
{
    (void)partition;
    (void)offset;
    (void)text;
    if (status == WD_OK)
        ++*(int *)context;
}

void cluster_produce(const char *topic, int partitions, int count)
{
    struct wd_error err = {.text = ""};
    struct producer_options options = {.brokers = addresses, .delivery_timeout_ms = 20000, .linger_ms = 5};
    struct producer *producer = producer_new(&options, &err);
    if (!producer)
        fail_msg("%s", err.text);
    int delivered = 0;
    for (int i = 0; i < count; i++)
        for (int p = 0; p < partitions; p++) {
            char value[64];
            snprintf(value, sizeof(value), "%d-%d", p, i);
            if (producer_send(producer, topic, p, wd_str_from("key"), wd_str_from(value), NULL, 0, 0, count_delivery,
                              &delivered, &err) != WD_OK)
                fail_msg("%s", err.text);
        }
    if (producer_flush(producer, 20000, &err) != WD_OK)
        fail_msg("%s", err.text);
    producer_free(producer, 1000);
    assert_int_equal(delivered, partitions * count);
}

/* ------------------------------------------------------------------------------------------------- callbacks */

static void remember_first(struct member *member, const struct kafka_record *record)
{
    snprintf(member->first_key, sizeof(member->first_key), "%.*s", WD_STR_ARG(record->key));
    snprintf(member->first_value, sizeof(member->first_value), "%.*s", WD_STR_ARG(record->value));
    member->first_key_is_null = record->key.data == NULL;
    member->first_value_is_null = record->value.data == NULL;
    member->first_timestamp_ms = record->timestamp_ms;
    member->first_headers = record->header_count;
    if (record->header_count == 0)
        return;
    const struct kafka_header *last = &record->headers[record->header_count - 1];
    member->first_header_is_null = last->value.data == NULL;
    snprintf(member->first_header, sizeof(member->first_header), "%.*s=%.*s", WD_STR_ARG(record->headers[0].name),
             WD_STR_ARG(record->headers[0].value));
}

static void on_record(void *context, const struct kafka_record *record)
{
    struct member *member = context;
    assert_string_equal(record->topic, member->topic);
    assert_in_range(record->partition, 0, MEMBER_PARTITIONS_MAX - 1);
    struct member_partition *partition = &member->partitions[record->partition];
    if (member->records++ == 0)
        remember_first(member, record);
    member->strays += !partition->is_assigned;
    partition->records++;
    partition->jumps += record->offset != partition->next;
    partition->next = record->offset + 1;
}

static void on_assign(void *context, const struct kafka_position *partitions, size_t count)
{
    struct member *member = context;
    member->assigns++;
    for (size_t i = 0; i < count; i++) {
        struct member_partition *partition = &member->partitions[partitions[i].partition];
        assert_false(partition->is_assigned);
        partition->is_assigned = true;
        partition->assigned_count++;
        partition->start = partitions[i].offset;
        partition->next = partitions[i].offset >= 0 ? partitions[i].offset : 0;
        snprintf(partition->metadata, sizeof(partition->metadata), "%s",
                 partitions[i].metadata ? partitions[i].metadata : "(none)");
    }
}

static void on_revoke(void *context, const struct kafka_position *partitions, size_t count, bool lost)
{
    struct member *member = context;
    member->revokes++;
    member->losses += lost;
    assert_int_equal(consumer_poll(member->consumer, 10), 0); /* a poll inside a callback does nothing */
    if (member->commits_on_revoke && !lost) {
        struct wd_error err;
        assert_true(consumer_can_commit(member->consumer));
        member->revoke_status = member_commit(member, member->commit_metadata, true, &err);
        if (member->revoke_status != WD_OK)
            snprintf(member->error, sizeof(member->error), "%s", err.text);
    }
    for (size_t i = 0; i < count; i++)
        member->partitions[partitions[i].partition].is_assigned = false;
}

static void on_error(void *context, bool fatal, const char *text)
{
    struct member *member = context;
    member->errors++;
    member->fatals += fatal;
    snprintf(member->error, sizeof(member->error), "%s", text);
    if (getenv("VERBOSE"))
        fprintf(stderr, "%s%s: %s\n", member->group, fatal ? " FATAL" : "", text);
}

static void on_commit(void *context, enum wd_status status, const char *text, const struct kafka_position *positions,
                      size_t count)
{
    struct member *member = context;
    member->commits++;
    member->commit_status = status;
    assert_non_null(positions);
    assert_true(count > 0);
    if (status != WD_OK)
        snprintf(member->error, sizeof(member->error), "%s", text);
}

/* ------------------------------------------------------------------------------------------------------ life */

void member_start(struct member *member, const struct member_options *options)
{
    const struct consumer_callbacks callbacks = {.on_record = on_record,
                                                 .on_assign = on_assign,
                                                 .on_revoke = on_revoke,
                                                 .on_error = on_error,
                                                 .on_commit = on_commit};
    *member = (struct member){.commit_metadata = "m"};
    snprintf(member->topic, sizeof(member->topic), "%s", options->topic);
    snprintf(member->group, sizeof(member->group), "%s", options->group);
    struct kafka_property properties[8] = {{"fetch.wait.max.ms", "10"}};
    size_t count = 1;
    for (size_t i = 0; i < options->property_count; i++)
        properties[count++] = options->properties[i];
    struct consumer_options consumer_options = {
        .brokers = addresses,
        .group_id = options->group,
        .group_instance_id = options->instance,
        .client_id = "test",
        .topics = (const char *const[]){options->topic, NULL},
        .assignor = options->assignor ? options->assignor : "cooperative-sticky",
        .offset_reset = options->offset_reset ? options->offset_reset : "earliest",
        .session_timeout_ms = 6000,
        .max_poll_interval_ms = options->max_poll_interval_ms ? options->max_poll_interval_ms : 60000,
        .max_record_bytes = 1 << 20,
        .properties = properties,
        .property_count = count,
    };
    struct wd_error err = {.text = ""};
    member->consumer = consumer_new(&consumer_options, &callbacks, member, &err);
    if (!member->consumer)
        fail_msg("%s", err.text);
}

void member_stop(struct member *member)
{
    consumer_close(member->consumer, 10000);
    member->consumer = NULL;
}

size_t member_assigned_count(const struct member *member)
{
    size_t count = 0;
    for (int i = 0; i < MEMBER_PARTITIONS_MAX; i++)
        count += member->partitions[i].is_assigned;
    return count;
}

enum wd_status member_commit(struct member *member, const char *metadata, bool wait, struct wd_error *err)
{
    struct kafka_position positions[MEMBER_PARTITIONS_MAX];
    size_t count = 0;
    for (int32_t i = 0; i < MEMBER_PARTITIONS_MAX; i++)
        if (member->partitions[i].is_assigned)
            positions[count++] = (struct kafka_position){
                .topic = member->topic, .partition = i, .offset = member->partitions[i].next, .metadata = metadata};
    return wait ? consumer_commit_sync(member->consumer, positions, count, 5000, err)
                : consumer_commit_async(member->consumer, positions, count, err);
}

/* ------------------------------------------------------------------------------------------------------- run */

static void turn(struct member **members, size_t count)
{
    struct pollfd fds[8];
    for (size_t i = 0; i < count; i++)
        fds[i] = (struct pollfd){.fd = consumer_event_fd(members[i]->consumer), .events = POLLIN};
    poll(fds, count, 50);
    for (size_t i = 0; i < count; i++)
        consumer_poll(members[i]->consumer, 1000);
}

bool members_run(struct member **members, size_t count, bool (*done)(struct member **members, size_t count, void *goal),
                 void *goal, int timeout_ms)
{
    int64_t deadline = now_ms() + timeout_ms;
    while (!done(members, count, goal)) {
        if (now_ms() > deadline)
            return false;
        turn(members, count);
    }
    return true;
}

static bool have_read(struct member **members, size_t count, void *goal)
{
    size_t records = 0;
    for (size_t i = 0; i < count; i++)
        records += members[i]->records;
    return records >= *(size_t *)goal;
}

bool members_read(struct member **members, size_t count, size_t records, int timeout_ms)
{
    return members_run(members, count, have_read, &records, timeout_ms);
}

static bool are_assigned(struct member **members, size_t count, void *goal)
{
    size_t partitions = 0;
    for (size_t i = 0; i < count; i++) {
        if (member_assigned_count(members[i]) == 0)
            return false;
        partitions += member_assigned_count(members[i]);
    }
    return partitions == *(size_t *)goal;
}

bool members_assigned(struct member **members, size_t count, size_t partitions, int timeout_ms)
{
    return members_run(members, count, are_assigned, &partitions, timeout_ms);
}

static bool never(struct member **members, size_t count, void *goal)
{
    (void)members;
    (void)count;
    (void)goal;
    return false;
}

void members_idle(struct member **members, size_t count, int duration_ms)
{
    (void)members_run(members, count, never, NULL, duration_ms);
}
