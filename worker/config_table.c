/* Every option, once. The parser, `warden config print`, docs/configuration.md, config/warden.yaml and the JSON Schema
 * are made from these rows. Neighbours: config_value.c reads values by them, config_check.c what rows cannot say. */
#include <string.h>

#include "worker/config_table.h"

#define KIB (INT64_C(1) << 10)
#define MIB (INT64_C(1) << 20)
#define GIB (INT64_C(1) << 30)
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

enum { TEXT_MAX = 4096, NAME_MAX_BYTES = 249 };

static const char *const ASSIGNORS[] = {"cooperative-sticky", "range", "roundrobin", NULL};
static const char *const OFFSET_RESETS[] = {"earliest", "latest", NULL};
static const char *const LOG_LEVELS[] = {"debug", "info", "warn", "error", NULL};
static const char *const STATE_STORES[] = {"auto", "none", "memory", "lmdb", "redis", NULL};
static const char *const STATE_FAILURES[] = {"pause", "skip", NULL};
static const char *const LOG_FORMATS[] = {"auto", "json", "text", NULL};

const struct option_section SECTIONS[] = {
    {"kafka", "Where events come from, and where decisions and dead letters go."},
    {"platform", "The admin API that carries actions out."},
    {"worker", "How much is done at once, how failures are tried again, where results are written."},
    {"rules", "The rule sets."},
    {"state", "Where rules remember: scores, strikes, windows of authors and places."},
    {"valves", "What holds actions back when there are suddenly too many; each that was is in its decision record."},
    {"http",
     "The HTTP server for health (/livez, /readyz), metrics (/metrics) and reload (/-/reload, /-/rules/reset)."},
    {"log", "Log lines on standard error."},
};
const size_t SECTION_COUNT = sizeof(SECTIONS) / sizeof(*SECTIONS);

/* Nothing is read again while the worker runs, so every option needs a restart. What the files named here hold (rule
 * sets, the token) has rules of its own. */
/* NOLINTBEGIN(bugprone-macro-parentheses): a member cannot stand in parentheses */
#define ROW(part, key, field)                                                                                          \
    .section = #part, .name = (key), .offset = offsetof(struct config, part.field), .needs_restart = true
/* NOLINTEND(bugprone-macro-parentheses) */
#define STRING(shortest, longest) .type = OPTION_STRING, .least = (shortest), .most = (longest)
#define INT(lowest, highest) .type = OPTION_INT, .least = (lowest), .most = (highest)
#define DURATION(shortest, longest) .type = OPTION_DURATION, .least = (shortest), .most = (longest)
#define SIZE(smallest, largest) .type = OPTION_SIZE, .least = (smallest), .most = (largest)
#define ENUM(list) .type = OPTION_ENUM, .choices = (list)

const struct option OPTIONS[] = {
    {ROW(kafka, "brokers", brokers), STRING(1, TEXT_MAX), .default_text = "localhost:9092",
     .text = "Brokers to begin with, as host:port, separated by commas."},
    {ROW(kafka, "group_id", group_id), STRING(1, NAME_MAX_BYTES), .default_text = "warden",
     .text = "The consumer group. Workers of one group share the partitions."},
    {ROW(kafka, "group_instance_id", group_instance_id), STRING(1, 200), .default_text = NULL,
     .text =
         "A fixed name for this process in the group (static membership): a restart within session_timeout then "
         "moves no partitions. Each process needs a name of its own; the shard's number is put behind it, as in -0."},
    {ROW(kafka, "client_id", client_id), STRING(1, NAME_MAX_BYTES), .default_text = "warden",
     .text = "The name by which brokers know this client in logs and quotas."},
    {ROW(kafka, "topics", topics), .type = OPTION_LIST, .default_text = "[content.events]",
     .text = "Topics to read. An entry that begins with ^ is a regular expression over topic names."},
    {ROW(kafka, "assignor", assignor), ENUM(ASSIGNORS), .default_text = "cooperative-sticky",
     .text = "How partitions are shared. All members of a group must agree; cooperative-sticky moves the fewest."},
    {ROW(kafka, "offset_reset", offset_reset), ENUM(OFFSET_RESETS), .default_text = "earliest",
     .text = "Where to begin in a partition for which the group has committed nothing."},
    {ROW(kafka, "session_timeout", session_timeout_ms), DURATION(1 * SECOND, 30 * MINUTE), .default_text = "45s",
     .text = "After this long without a sign of life the group gives a member's partitions to others."},
    {ROW(kafka, "max_poll_interval", max_poll_interval_ms), DURATION(10 * SECOND, 24 * HOUR), .default_text = "5m",
     .text = "After this long without progress of its loop a member leaves the group by itself. At least "
             "session_timeout."},
    {ROW(kafka, "max_record_bytes", max_record_bytes), SIZE(1 * KIB, 64 * MIB), .default_text = "1MiB",
     .text = "Larger records are not decoded: they go to the dead-letter topic."},
    {ROW(kafka, "properties", properties), .type = OPTION_MAP, .default_text = "{}",
     .text = "Any property of librdkafka, as in {security.protocol: sasl_ssl, sasl.mechanism: SCRAM-SHA-512}. A name "
             "that librdkafka does not know is an error. Secrets belong into property_files."},
    {ROW(kafka, "property_files", property_files), .type = OPTION_MAP, .default_text = "{}", .path = PATH_BESIDE,
     .text = "Properties of librdkafka whose value is read from a file, as in {sasl.password: "
             "/run/secrets/kafka_password}."},

    {ROW(platform, "base_url", base_url), STRING(8, 2000), .default_text = "https://apix.us.amity.co",
     .text = "The region's API: https://apix.us.amity.co, https://apix.eu.amity.co or https://apix.sg.amity.co."},
    {ROW(platform, "token_file", token_file), .type = OPTION_SECRET_FILE, .path = PATH_BESIDE, .default_text = NULL,
     .text = "The file with the admin token. `warden run` needs it. It is read again when it changes, so a token is "
             "rotated without a restart."},
    {ROW(platform, "api_key_file", api_key_file), .type = OPTION_SECRET_FILE, .path = PATH_BESIDE, .default_text = NULL,
     .text = "The file with the API key, for calls that take one beside the token."},
    {ROW(platform, "ca_file", ca_file), .type = OPTION_FILE, .path = PATH_BESIDE, .default_text = NULL,
     .text = "Certificates (PEM) to trust in place of the system's."},
    {ROW(platform, "proxy", proxy), STRING(8, 2000), .default_text = NULL,
     .text = "An HTTP proxy for calls to the platform and webhooks, as http://proxy.example.com:3128. null: none, "
             "whatever http_proxy says."},
    {ROW(platform, "table", table), .type = OPTION_FILE, .path = PATH_SHIPPED,
     .default_text = "platforms/socialplus.yaml",
     .text = "The action table: which HTTP call carries which action out, and what its answers mean."},
    {ROW(platform, "connect_timeout", connect_timeout_ms), DURATION(50, 2 * MINUTE), .default_text = "5s",
     .text = "Longest wait for a connection, TLS included. At most total_timeout."},
    {ROW(platform, "total_timeout", total_timeout_ms), DURATION(100, 10 * MINUTE), .default_text = "15s",
     .text = "Longest time for a whole call. A call that ends so counts as perhaps carried out and is tried again."},
    {ROW(platform, "max_answer_bytes", max_answer_bytes), SIZE(1 * KIB, 64 * MIB), .default_text = "256KiB",
     .text = "An answer is read up to this size."},
    {ROW(platform, "max_connections", max_connections), INT(1, 65535), .default_text = "512",
     .text = "Connections to the platform, a shard. Over HTTP/1.1 a call under way takes one."},
    {ROW(platform, "max_retry_after", max_retry_after_ms), DURATION(1 * SECOND, 1 * HOUR), .default_text = "5m",
     .text = "The longest wait that a Retry-After of the platform is obeyed for; a longer one is cut to this."},
    {ROW(platform, "rate_per_second", rate_per_second), .type = OPTION_DOUBLE, .least_number = 0,
     .most_number = 1000000, .default_text = "0",
     .text = "Calls a second to the platform, at most; each shard gets its share. 0: no limit of our own."},
    {ROW(platform, "burst", burst), INT(1, 1000000), .default_text = "100",
     .text = "With a rate: so many calls may go at once after a pause."},
    {ROW(platform, "group_rates", group_rates), .type = OPTION_MAP, .default_text = "{}",
     .text = "Calls a second for single groups of the action table, as in {users: 10, messages: 200}."},
    {ROW(platform, "batch_wait", batch_wait_ms), DURATION(0, 10 * SECOND), .default_text = "5ms",
     .text =
         "An action that the platform takes for several users at a time (batch in the action table) waits this long "
         "for others of its kind, so that they share a call. 0: every action has a call of its own."},
    {ROW(platform, "batch_max", batch_max), INT(1, 1000), .default_text = "100",
     .text = "Users in one call, at most; the action table may allow fewer."},
    {ROW(platform, "notify", notify), .type = OPTION_MAP, .default_text = "{}", .mask = MASK_URL_PATH,
     .text = "Webhooks for the action notify: name and URL, as in {ops: \"https://chat.example.com/hooks/warden\"}. "
             "Rules name them as {notify: ops}."},

    {ROW(worker, "shards", shards), INT(0, 1024), .default_text = "0",
     .text = "Threads, each a member of the consumer group with partitions of its own. 0: as many as there are cores."},
    {ROW(worker, "max_in_flight", max_in_flight), INT(1, 1000000), .default_text = "512",
     .text =
         "Calls under way, a shard; up to eight times as many records are held. Calls a second are about this divided "
         "by the API's latency."},
    {ROW(worker, "max_held_bytes", max_held_bytes), SIZE(1 * MIB, 64 * GIB), .default_text = "64MiB",
     .text = "Bytes of records that a shard holds; past it, it stops reading until work is done. At least "
             "kafka.max_record_bytes."},
    {ROW(worker, "event_memory", event_memory), SIZE(64 * KIB, 4 * GIB), .default_text = "8MiB",
     .text = "Memory for decoding and judging one record; a record that needs more goes to the dead-letter topic. At "
             "least twice kafka.max_record_bytes."},
    {ROW(worker, "event_budget", event_budget_ms), DURATION(0, 1 * MINUTE), .default_text = "4ms",
     .text =
         "Time of its thread for all rules on one event; rules left over are undecided. 0: no limit. Texts of 10,000 "
         "characters and more with many thousand rules may want more."},
    {ROW(worker, "drain_timeout", drain_timeout_ms), DURATION(0, 1 * HOUR), .default_text = "25s",
     .text = "After SIGTERM, how long work under way may take to finish before it is left for the next owner."},
    {ROW(worker, "commit_interval", commit_interval_ms), DURATION(10, 10 * MINUTE), .default_text = "1s",
     .text = "How often finished offsets are committed, where nothing was to be done for their records."},
    {ROW(worker, "commit_after_action", commit_after_action_ms), DURATION(10, 10 * MINUTE), .default_text = "100ms",
     .text = "How long after an action the offset of its record is committed at the latest. Sooner means fewer actions "
             "done twice after a crash, and more commits. At most commit_interval counts."},
    {ROW(worker, "max_attempts", max_attempts), INT(1, 1000), .default_text = "10",
     .text = "Attempts for an action before its record goes to the dead-letter topic. Outages and rate limits of the "
             "platform cost none."},
    {ROW(worker, "retry_base", retry_base_ms), DURATION(1, 10 * MINUTE), .default_text = "500ms",
     .text = "The first wait before a retry is random, up to this; each further one up to twice as long. At most "
             "retry_max."},
    {ROW(worker, "retry_max", retry_max_ms), DURATION(1, 24 * HOUR), .default_text = "60s",
     .text = "The longest wait before a retry."},
    {ROW(worker, "breaker_window", breaker_window_ms), DURATION(100, 1 * HOUR), .default_text = "10s",
     .text = "The time over which the circuit breaker looks at failures."},
    {ROW(worker, "breaker_probe", breaker_probe_ms), DURATION(10, 1 * HOUR), .default_text = "5s",
     .text = "While the breaker is open, one call is tried this often."},
    {ROW(worker, "breaker_ratio", breaker_ratio), .type = OPTION_DOUBLE, .least_number = 0.01, .most_number = 1,
     .default_text = "0.5", .text = "The breaker opens when this share of the calls in the window has failed."},
    {ROW(worker, "breaker_min_calls", breaker_min_calls), INT(1, 1000000), .default_text = "20",
     .text = "Fewer calls than this in the window never open the breaker."},
    {ROW(worker, "max_partition_window", max_partition_window), INT(64, 100000000), .default_text = "65536",
     .text =
         "Records that a partition may be ahead of its oldest unfinished one; past it, the partition is not fetched "
         "until half of them are committed."},
    {ROW(worker, "max_dead_letters_per_minute", max_dead_letters_per_minute), INT(1, 1000000000), .default_text = "600",
     .text =
         "Dead letters that a shard writes in a minute; the rest waits, so that a wrong setting or an outage cannot "
         "empty a topic into the dead-letter topic."},
    {ROW(worker, "stall_timeout", stall_timeout_ms), DURATION(0, 24 * HOUR), .default_text = "5m",
     .text = "A partition with records to read, none of them held back by a closed gate, that has finished nothing for "
             "this long is reported as stalled. 0: never."},
    {ROW(worker, "stall_exit", stall_exit), .type = OPTION_BOOL, .default_text = "false",
     .text = "Leave the group and end with an error when a partition is stalled, so that another worker takes it."},
    {ROW(worker, "decisions_topic", decisions_topic), STRING(0, NAME_MAX_BYTES), .default_text = "moderation.decisions",
     .text = "The topic for decision records: every verdict with an action or a shadow match. Empty (\"\"): none are "
             "written."},
    {ROW(worker, "dead_letter_topic", dead_letter_topic), STRING(1, NAME_MAX_BYTES), .default_text = "moderation.dlq",
     .text = "The topic for records that cannot be processed, with the reason in their headers."},

    {ROW(rules, "paths", paths), .type = OPTION_LIST, .path = PATH_SHIPPED, .default_text = "[rules]",
     .text = "Rule files, and folders of which every *.yaml is read."},
    {ROW(rules, "match_limit", match_limit), INT(1000, 10000000), .default_text = "30_000",
     .text = "PCRE2's match limit for an attempt; a rule that hits it is undecided for that event."},
    {ROW(rules, "rule_budget", rule_budget_ms), DURATION(0, 1 * MINUTE), .default_text = "2ms",
     .text =
         "A rule that takes longer for one text, 20 times within a minute, is switched off until the rules are loaded "
         "anew. 0: never."},
    {ROW(rules, "exempt_roles", exempt_roles), .type = OPTION_LIST,
     .default_text = "[community-moderator, channel-moderator, global-admin, super-moderator]",
     .text = "Authors with one of these roles: matches are recorded, nothing is done."},
    {ROW(rules, "strict", strict), .type = OPTION_BOOL, .default_text = "false",
     .text = "Refuse rules that can take more than linear time, where otherwise there is a warning."},
    {ROW(rules, "watch_interval", watch_interval_ms), DURATION(0, 24 * HOUR), .default_text = "5s",
     .text = "How often the rule files and their lists are looked at; when they have changed and stand still, they are "
             "loaded anew. 0: only at SIGHUP and POST /-/reload."},
    {ROW(rules, "sample", sample), .type = OPTION_FILE, .path = PATH_BESIDE, .default_text = NULL,
     .text =
         "A file of some thousand messages of yours, a text a line or JSON lines of events, read whenever rules are "
         "loaded: the index looks for what is rare in them. Only speed depends on it; `warden rules bench --sample` "
         "tells how much."},
    {ROW(rules, "trusted_keys", trusted_keys), .type = OPTION_LIST, .default_text = "[]",
     .text = "Public keys of minisign's (as RWQ...) that may sign bundles. Once there is one, `warden rules verify`, "
             "`install` and `pull` refuse what none of them has signed."},

    {ROW(state, "store", store), ENUM(STATE_STORES), .default_text = "auto",
     .text =
         "memory: gone with the process; lmdb: kept on this machine; redis: shared by all workers of a group; none: "
         "conditions on behaviour are never true. auto: lmdb where the rules remember something, memory where "
         "state.path cannot be written. Several workers in one group need redis."},
    {ROW(state, "path", path), .type = OPTION_FILE, .path = PATH_BESIDE, .default_text = "/var/lib/warden/state",
     .text = "lmdb: the folder; it is made where it is missing. One process has it at a time."},
    {ROW(state, "size", max_bytes), SIZE(16 * MIB, 1024 * GIB), .default_text = "4GiB",
     .text = "lmdb: the most that the folder may grow to; values may take half of it. Where that is full, what may be "
             "forgotten goes first, then what was not changed for the longest."},
    {ROW(state, "memory_bytes", memory_bytes), SIZE(16 * MIB, 1024 * GIB), .default_text = "256MiB",
     .text = "memory: the most that all values may take, with the same order of going; lmdb: of values kept in memory "
             "as well, besides 21 to 43 bytes for the place of each value on the disk."},
    {ROW(state, "addresses", addresses), .type = OPTION_LIST, .default_text = "[\"localhost:6379\"]",
     .text = "redis: host:port of the server (Redis or Valkey), or of some nodes of a Cluster, which tell the others."},
    {ROW(state, "user", user), STRING(1, 200), .default_text = NULL,
     .text = "redis: the ACL user, where it is not the default one."},
    {ROW(state, "password_file", password_file), .type = OPTION_SECRET_FILE, .path = PATH_BESIDE, .default_text = NULL,
     .text = "redis: the file with the password. It is read with each connection."},
    {ROW(state, "tls", tls), .type = OPTION_BOOL, .default_text = "false",
     .text = "redis: speak TLS, and check the server's name."},
    {ROW(state, "ca_file", ca_file), .type = OPTION_FILE, .path = PATH_BESIDE, .default_text = NULL,
     .text = "redis: certificates (PEM) to trust in place of the system's."},
    {ROW(state, "cert_file", cert_file), .type = OPTION_FILE, .path = PATH_BESIDE, .default_text = NULL,
     .text = "redis: our own certificate (PEM), where the server wants one."},
    {ROW(state, "key_file", key_file), .type = OPTION_SECRET_FILE, .path = PATH_BESIDE, .default_text = NULL,
     .text = "redis: the key of cert_file (PEM)."},
    {ROW(state, "prefix", prefix), STRING(1, 40), .default_text = "warden.",
     .text = "redis: stands before every key, so that several things can share a server: letters, digits and :_.- may "
             "be in it."},
    {ROW(state, "timeout", timeout_ms), DURATION(50, 2 * MINUTE), .default_text = "2s",
     .text = "redis: the longest wait for a connection or an answer."},
    {ROW(state, "grace", grace_ms), DURATION(0, 90 * 24 * HOUR), .default_text = "24h",
     .text = "A value that nothing depends on any more is kept this long, so that records that come late are judged as "
             "they would have been: longer than a worker may be down or behind."},
    {ROW(state, "on_failure", on_failure), ENUM(STATE_FAILURES), .default_text = "pause",
     .text =
         "While the store fails: pause takes nothing new and loses nothing; skip judges by the text rules alone, and "
         "says so in decision records."},
    {ROW(state, "batch", batch), INT(1, 8192), .default_text = "256",
     .text = "Records that are recalled, judged and stored together, at most. With redis up to three such batches are "
             "under "
             "way at once."},

    {ROW(valves, "per_day", per_day), .type = OPTION_MAP, .default_text = "{}",
     .text = "How often an action may be carried out in a day (UTC), as in {ban: 200, delete: 5000, total: 20000}; a "
             "group that shares a store shares the count."},
    {ROW(valves, "bans_per_minute", bans_per_minute), INT(0, 1000000), .default_text = "0",
     .text = "Bans in a minute, at most; what is more is held back. 0: no cap."},
    {ROW(valves, "rule_share", rule_share), .type = OPTION_DOUBLE, .least_number = 0, .most_number = 1,
     .default_text = "0",
     .text = "A rule that matches more than this share of its last events goes into shadow, with an alarm, until POST "
             "/-/rules/reset or a reload. A rule may state its own expected_share. 0: off."},
    {ROW(valves, "rule_share_min_events", rule_share_min_events), INT(0, 100000000), .default_text = "2000",
     .text = "So many events a share needs before it means something."},

    {ROW(http, "address", address), STRING(1, 45), .default_text = "127.0.0.1",
     .text = "The IP address to listen on: 127.0.0.1 for this machine only, 0.0.0.0 or \"::\" for all."},
    {ROW(http, "port", port), INT(-1, 65535), .default_text = "8080", .text = "0: any free port; -1: no server."},
    {ROW(http, "reload_token_file", reload_token_file), .type = OPTION_SECRET_FILE, .path = PATH_BESIDE,
     .default_text = NULL,
     .text = "The file with the token that POST /-/reload and POST /-/rules/reset want as `Authorization: Bearer "
             "TOKEN`, at least 16 characters. "
             "null: rule sets are not reloaded over HTTP. It is read with each request."},

    {ROW(log, "level", level), ENUM(LOG_LEVELS), .default_text = "info", .text = "The least level that is written."},
    {ROW(log, "format", format), ENUM(LOG_FORMATS), .default_text = "auto",
     .text = "json: an object a line; text: for people; auto: text on a terminal, else json."},
};
const size_t OPTION_COUNT = sizeof(OPTIONS) / sizeof(*OPTIONS);

const char *option_type_name(enum option_type type)
{
    static const char *const NAMES[] = {
        [OPTION_STRING] = "text",
        [OPTION_INT] = "whole number",
        [OPTION_BOOL] = "true or false",
        [OPTION_DURATION] = "duration",
        [OPTION_SIZE] = "size",
        [OPTION_DOUBLE] = "number",
        [OPTION_ENUM] = "choice",
        [OPTION_LIST] = "list",
        [OPTION_MAP] = "map",
        [OPTION_FILE] = "file",
        [OPTION_SECRET_FILE] = "secret file",
    };
    return NAMES[type];
}

const struct option *option_find(const char *section, const char *name)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (strcmp(OPTIONS[i].section, section) == 0 && strcmp(OPTIONS[i].name, name) == 0)
            return &OPTIONS[i];
    }
    return NULL;
}
