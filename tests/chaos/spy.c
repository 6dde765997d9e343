/* What the chaos harness needs of Kafka and kafkatool does not do: it looks at every commit and meddles on purpose.
 *
 *   chaosspy watch ADDRESSES TOPIC GROUP            a JSON line for each committed offset that it sees change
 *   chaosspy commits ADDRESSES GROUP                every commit, from Kafka's own log of them (real Kafka only)
 *   chaosspy commit ADDRESSES TOPIC GROUP           commits "PARTITION OFFSET METADATA" lines from stdin, as an
 * outsider chaosspy abort ADDRESSES TOPIC PARTITIONS VALUE a transaction with VALUE in each partition, taken back
 *   chaosspy topic ADDRESSES TOPIC NAME=VALUE       sets an option of the topic
 *
 * A test tool: it speaks to librdkafka directly, so that it shares no code with what it checks. */
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>
#include <librdkafka/rdkafka.h>

enum { TIMEOUT_MS = 20000, WATCH_PERIOD_MS = 15, PARTITIONS_MAX = 1024 };

static int fail(const char *doing, const char *why)
{
    fprintf(stderr, "chaosspy: %s: %s\n", doing, why);
    return 1;
}

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void nap(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* `settings` ends with NULL: name, value, name, value. */
static rd_kafka_t *client_new(rd_kafka_type_t type, const char *addresses, const char *const *settings)
{
    char why[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", addresses, why, sizeof(why));
    for (; *settings; settings += 2)
        if (rd_kafka_conf_set(conf, settings[0], settings[1], why, sizeof(why)) != RD_KAFKA_CONF_OK)
            fail(settings[0], why);
    rd_kafka_t *client = rd_kafka_new(type, conf, why, sizeof(why));
    if (!client)
        fail("client", why);
    return client;
}

static void end_client(rd_kafka_t *client)
{
    rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

static void print_commit(const char *topic, int partition, int64_t offset, const char *metadata, size_t size,
                         int64_t ms)
{
    json_t *text = json_stringn(metadata ? metadata : "", metadata ? size : 0);
    json_t *line = json_pack("{s:s, s:i, s:I, s:o, s:I}", "topic", topic, "partition", partition, "offset",
                             (json_int_t)offset, "metadata", text ? text : json_string("?"), "ms", (json_int_t)ms);
    json_dumpf(line, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(line);
}

static rd_kafka_topic_partition_list_t *partitions_of(rd_kafka_t *client, const char *topic)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
    const rd_kafka_metadata_t *metadata;
    rd_kafka_topic_partition_list_t *list = NULL;
    if (rd_kafka_metadata(client, 0, handle, &metadata, TIMEOUT_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        int count = metadata->topic_cnt == 1 ? metadata->topics[0].partition_cnt : 0;
        list = rd_kafka_topic_partition_list_new(count);
        for (int i = 0; i < count; i++)
            rd_kafka_topic_partition_list_add(list, topic, metadata->topics[0].partitions[i].id);
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_topic_destroy(handle);
    return list;
}

/* ------------------------------------------------------------------------------------------------------- watch */

struct seen {
    int64_t offset;
    char *metadata;
};

static void look(const rd_kafka_topic_partition_t *element, struct seen *seen, int64_t ms)
{
    size_t size = element->metadata ? element->metadata_size : 0;
    char *metadata = strndup(element->metadata ? (const char *)element->metadata : "", size);
    if (element->offset >= 0 &&
        (element->offset != seen->offset || !seen->metadata || strcmp(metadata, seen->metadata) != 0)) {
        print_commit(element->topic, element->partition, element->offset, metadata, strlen(metadata), ms);
        seen->offset = element->offset;
        free(seen->metadata);
        seen->metadata = metadata;
        return;
    }
    free(metadata);
}

/* Until it is killed: what it has printed is whole lines. */
static int watch(char **words)
{
    const char *const settings[] = {"group.id", words[2], "socket.timeout.ms", "5000", "log_level", "0", NULL};
    static struct seen seen[PARTITIONS_MAX];
    rd_kafka_t *client = client_new(RD_KAFKA_CONSUMER, words[0], settings);
    rd_kafka_topic_partition_list_t *all = client ? partitions_of(client, words[1]) : NULL;
    if (!all || all->cnt > PARTITIONS_MAX)
        return fail(words[1], "no such topic, or too many partitions");
    for (int i = 0; i < PARTITIONS_MAX; i++)
        seen[i].offset = -1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (;; nap(WATCH_PERIOD_MS)) {
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_copy(all);
        rd_kafka_resp_err_t code = rd_kafka_committed(client, list, 3000);
        int64_t ms = wall_ms();
        for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++)
            if (!list->elems[i].err)
                look(&list->elems[i], &seen[i], ms);
        rd_kafka_topic_partition_list_destroy(list);
    }
}

/* ----------------------------------------------------------------------------------------------------- commits */

struct reader {
    const unsigned char *at, *end;
    int bad;
};

static uint64_t take(struct reader *reader, int bytes)
{
    uint64_t value = 0;
    if (reader->end - reader->at < bytes) {
        reader->bad = 1;
        return 0;
    }
    while (bytes--)
        value = value << 8 | *reader->at++;
    return value;
}

static size_t take_text(struct reader *reader, char *out, size_t room)
{
    size_t size = (size_t)take(reader, 2);
    if (reader->bad || size >= room || (size_t)(reader->end - reader->at) < size) {
        reader->bad = 1;
        return 0;
    }
    memcpy(out, reader->at, size);
    out[size] = '\0';
    reader->at += size;
    return size;
}

/* Keys of version 0 and 1 are commits; values of version 3 have a leader's epoch before the metadata. */
static void print_offsets_record(const rd_kafka_message_t *message, const char *group)
{
    char of_group[512], topic[512], metadata[8192];
    struct reader key = {message->key, (unsigned char *)message->key + message->key_len, 0};
    struct reader value = {message->payload, (unsigned char *)message->payload + message->len, 0};
    uint64_t version = take(&key, 2);
    if (version > 1 || !message->payload)
        return;
    take_text(&key, of_group, sizeof(of_group));
    take_text(&key, topic, sizeof(topic));
    int partition = (int)take(&key, 4);
    if (key.bad || strcmp(of_group, group) != 0)
        return;
    uint64_t form = take(&value, 2);
    int64_t offset = (int64_t)take(&value, 8);
    if (form >= 3)
        take(&value, 4);
    size_t size = take_text(&value, metadata, sizeof(metadata));
    int64_t ms = (int64_t)take(&value, 8);
    if (!value.bad)
        print_commit(topic, partition, offset, metadata, size, ms);
}

static int commits(char **words)
{
    static const char LOG[] = "__consumer_offsets";
    const char *const settings[] = {"group.id",
                                    "chaosspy",
                                    "enable.auto.commit",
                                    "false",
                                    "fetch.wait.max.ms",
                                    "50",
                                    "auto.offset.reset",
                                    "earliest",
                                    "enable.partition.eof",
                                    "true",
                                    NULL};
    rd_kafka_t *client = client_new(RD_KAFKA_CONSUMER, words[0], settings);
    rd_kafka_topic_partition_list_t *list = client ? partitions_of(client, LOG) : NULL;
    if (!list)
        return fail(LOG, "cannot be read");
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_poll_set_consumer(client);
    rd_kafka_assign(client, list);
    int open = list->cnt, code = 0;
    while (open > 0 && code == 0) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, TIMEOUT_MS);
        if (!message)
            code = fail(LOG, "no record came in time");
        else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            open--;
        else if (message->err)
            code = fail(LOG, rd_kafka_message_errstr(message));
        else
            print_offsets_record(message, words[1]);
        if (message)
            rd_kafka_message_destroy(message);
    }
    rd_kafka_topic_partition_list_destroy(list);
    end_client(client);
    return code;
}

/* ------------------------------------------------------------------------------------------------------ meddling */

static int commit(char **words)
{
    const char *const settings[] = {"group.id", words[2], "enable.auto.commit", "false", NULL};
    rd_kafka_t *client = client_new(RD_KAFKA_CONSUMER, words[0], settings);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    char line[8192];
    while (fgets(line, sizeof(line), stdin)) {
        char *at = line;
        int32_t partition = (int32_t)strtol(at, &at, 10);
        int64_t offset = strtoll(at, &at, 10);
        at += strspn(at, " ");
        at[strcspn(at, "\n")] = '\0';
        rd_kafka_topic_partition_t *element = rd_kafka_topic_partition_list_add(list, words[1], partition);
        element->offset = offset;
        element->metadata = strdup(at);
        element->metadata_size = strlen(at);
    }
    rd_kafka_resp_err_t code = rd_kafka_commit(client, list, 0);
    for (int i = 0; !code && i < list->cnt; i++)
        code = list->elems[i].err;
    rd_kafka_topic_partition_list_destroy(list);
    end_client(client);
    return code ? fail("commit", rd_kafka_err2str(code)) : 0;
}

static int error_out(const char *doing, rd_kafka_error_t *error)
{
    if (!error)
        return 0;
    int code = fail(doing, rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return code;
}

static int abort_transaction(char **words)
{
    char id[64];
    snprintf(id, sizeof(id), "chaosspy-%" PRId64, wall_ms());
    const char *const settings[] = {"transactional.id", id, "linger.ms", "0", NULL};
    rd_kafka_t *client = client_new(RD_KAFKA_PRODUCER, words[0], settings);
    if (!client)
        return 1;
    int code = error_out("init", rd_kafka_init_transactions(client, TIMEOUT_MS));
    if (!code)
        code = error_out("begin", rd_kafka_begin_transaction(client));
    int partitions = (int)strtol(words[2], NULL, 10);
    for (int i = 0; !code && i < partitions; i++)
        if (rd_kafka_producev(client, RD_KAFKA_V_TOPIC(words[1]), RD_KAFKA_V_PARTITION(i),
                              RD_KAFKA_V_VALUE(words[3], strlen(words[3])), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                              RD_KAFKA_V_END))
            code = fail("produce", "refused");
    if (!code) /* the records must be in the log before they are taken back */
        code = rd_kafka_flush(client, TIMEOUT_MS) ? fail("flush", "not in time") : 0;
    if (!code)
        code = error_out("abort", rd_kafka_abort_transaction(client, TIMEOUT_MS));
    rd_kafka_destroy(client);
    return code;
}

static int set_topic(char **words)
{
    const char *const settings[] = {NULL};
    rd_kafka_t *client = client_new(RD_KAFKA_PRODUCER, words[0], settings);
    char *equals = strchr(words[2], '=');
    if (!client || !equals)
        return fail("topic", "NAME=VALUE is wanted");
    *equals = '\0';
    rd_kafka_ConfigResource_t *change = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, words[1]);
    rd_kafka_ConfigResource_set_config(change, words[2], equals + 1);
    rd_kafka_queue_t *answers = rd_kafka_queue_new(client);
    rd_kafka_AlterConfigs(client, &change, 1, NULL, answers);
    rd_kafka_event_t *event = rd_kafka_queue_poll(answers, TIMEOUT_MS);
    int code = !event                        ? fail("topic", "no answer")
               : rd_kafka_event_error(event) ? fail("topic", rd_kafka_event_error_string(event))
                                             : 0;
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_ConfigResource_destroy(change);
    rd_kafka_queue_destroy(answers);
    rd_kafka_destroy(client);
    return code;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int words;
        int (*run)(char **words);
    } COMMANDS[] = {
        {"watch", 3, watch},     {"commits", 2, commits}, {"commit", 3, commit}, {"abort", 4, abort_transaction},
        {"topic", 3, set_topic},
    };
    for (size_t i = 0; argc > 1 && i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++)
        if (strcmp(argv[1], COMMANDS[i].name) == 0 && argc - 2 == COMMANDS[i].words) {
            int code = COMMANDS[i].run(argv + 2);
            return fflush(stdout) == 0 ? code : fail(argv[1], strerror(errno));
        }
    return fail("arguments", "the head of tests/chaos/spy.c lists the commands"), 2;
}
