/* What a single value cannot tell: values that contradict each other, names and addresses that cannot be meant, secrets
 * in the wrong place. Neighbours: config.c calls it last; cli/run.c calls config_prepare_run(). */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <warden/verdict.h>

#include "worker/config_table.h"

enum { SECRET_MAX = 64 * 1024 };

void config_report(const struct config *config, const char *section, const char *name, struct wd_diagnostics *findings,
                   const char *code, const char *format, ...)
{
    const struct option *option = option_find(section, name);
    const struct config_origin *origin = &config->origins[option - OPTIONS];
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    wd_diagnose(findings, WD_ERROR, code, origin->name, origin->line, origin->column, "%s.%s %s", section, name, text);
}

static bool is_default(const struct config *config, const char *section, const char *name)
{
    return config->origins[option_find(section, name) - OPTIONS].kind == ORIGIN_DEFAULT;
}

/* ---- pairs ---- */

/* Reports at the one of the two that somebody set. */
static void check_order(const struct config *config, const char *section, const char *lesser, bool holds,
                        const char *greater, struct wd_diagnostics *findings)
{
    if (holds)
        return;
    if (is_default(config, section, lesser))
        config_report(config, section, greater, findings, "contradiction", "must be at least %s.%s", section, lesser);
    else
        config_report(config, section, lesser, findings, "contradiction", "must be at most %s.%s", section, greater);
}

static void check_pairs(const struct config *config, struct wd_diagnostics *findings)
{
    check_order(config, "worker", "retry_base", config->worker.retry_base_ms <= config->worker.retry_max_ms,
                "retry_max", findings);
    check_order(config, "kafka", "session_timeout",
                config->kafka.session_timeout_ms <= config->kafka.max_poll_interval_ms, "max_poll_interval", findings);
    check_order(config, "platform", "connect_timeout",
                config->platform.connect_timeout_ms <= config->platform.total_timeout_ms, "total_timeout", findings);
    bool record_is_set = !is_default(config, "kafka", "max_record_bytes");
    if (config->worker.max_held_bytes < config->kafka.max_record_bytes)
        config_report(config, record_is_set ? "kafka" : "worker", record_is_set ? "max_record_bytes" : "max_held_bytes",
                      findings, "contradiction",
                      "does not fit: worker.max_held_bytes must be at least kafka.max_record_bytes");
    if (config->worker.event_memory / 2 < config->kafka.max_record_bytes)
        config_report(config, record_is_set ? "kafka" : "worker", record_is_set ? "max_record_bytes" : "event_memory",
                      findings, "contradiction",
                      "does not fit: worker.event_memory must be at least twice kafka.max_record_bytes");
}

/* ---- Kafka ---- */

static bool is_topic_name(const char *name)
{
    size_t length = strlen(name);
    if (!length || length > 249 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return false;
    for (; *name; name++) {
        if (!isalnum((unsigned char)*name) && !strchr("._-", *name))
            return false;
    }
    return true;
}

static void check_topics(const struct config *config, struct wd_diagnostics *findings)
{
    char *const *topics = config->kafka.topics;
    if (!topics || !topics[0])
        config_report(config, "kafka", "topics", findings, "no-topic", "names no topic: there would be nothing to do");
    for (size_t i = 0; topics && topics[i]; i++) {
        if (topics[i][0] != '^' && !is_topic_name(topics[i]))
            config_report(config, "kafka", "topics", findings, "bad-topic",
                          "holds '%.80s', which is no topic name: letters, digits, '.', '_' and '-' only", topics[i]);
        for (size_t before = 0; before < i; before++) {
            if (strcmp(topics[before], topics[i]) == 0)
                config_report(config, "kafka", "topics", findings, "duplicate-entry", "names '%.80s' twice", topics[i]);
        }
    }
}

/* A topic that warden writes must not be one that it reads: it would feed itself for ever. */
static void check_written_topic(const struct config *config, const char *name, const char *topic,
                                struct wd_diagnostics *findings)
{
    if (!topic || !*topic)
        return;
    if (!is_topic_name(topic))
        config_report(config, "worker", name, findings, "bad-topic",
                      "is no topic name: letters, digits, '.', '_' and '-' only");
    for (char *const *read = config->kafka.topics; read && *read; read++) {
        if (strcmp(*read, topic) != 0)
            continue;
        if (is_default(config, "worker", name))
            config_report(config, "kafka", "topics", findings, "contradiction",
                          "names '%s', which worker.%s is: warden would feed itself", topic, name);
        else
            config_report(config, "worker", name, findings, "contradiction",
                          "is also read (kafka.topics): warden would feed itself");
    }
}

/* Properties that warden sets itself, and where they are configured; NULL: they cannot be. */
static const struct {
    const char *property, *option;
} OWN_PROPERTIES[] = {
    {"bootstrap.servers", "kafka.brokers"},
    {"metadata.broker.list", "kafka.brokers"},
    {"group.id", "kafka.group_id"},
    {"group.instance.id", "kafka.group_instance_id"},
    {"client.id", "kafka.client_id"},
    {"session.timeout.ms", "kafka.session_timeout"},
    {"max.poll.interval.ms", "kafka.max_poll_interval"},
    {"partition.assignment.strategy", "kafka.assignor"},
    {"auto.offset.reset", "kafka.offset_reset"},
    {"enable.auto.commit", NULL},
    {"enable.auto.offset.store", NULL},
    {"auto.commit.interval.ms", NULL},
    {"enable.idempotence", NULL},
    {"transactional.id", NULL},
    {"acks", NULL},
    {"request.required.acks", NULL},
};

bool config_is_secret_property(const char *name)
{
    static const char *const SECRETS[] = {
        "sasl.password", "ssl.key.password",        "ssl.keystore.password",
        "ssl.key.pem",   "sasl.oauthbearer.config", "sasl.oauthbearer.client.secret",
    };
    for (size_t i = 0; i < sizeof(SECRETS) / sizeof(*SECRETS); i++) {
        if (strcmp(SECRETS[i], name) == 0)
            return true;
    }
    return strstr(name, "password") || strstr(name, "secret");
}

static void check_own_property(const struct config *config, const char *map, const char *name,
                               struct wd_diagnostics *findings)
{
    for (size_t i = 0; i < sizeof(OWN_PROPERTIES) / sizeof(*OWN_PROPERTIES); i++) {
        if (strcmp(OWN_PROPERTIES[i].property, name) != 0)
            continue;
        if (OWN_PROPERTIES[i].option)
            config_report(config, "kafka", map, findings, "reserved-property", "must not set %s: use %s", name,
                          OWN_PROPERTIES[i].option);
        else
            config_report(config, "kafka", map, findings, "reserved-property",
                          "must not set %s: the guarantees rest on it", name);
    }
}

static void check_properties(const struct config *config, struct wd_diagnostics *findings)
{
    const struct config_map *plain = &config->kafka.properties, *files = &config->kafka.property_files;
    for (size_t i = 0; i < plain->count; i++) {
        const char *name = plain->items[i].name;
        check_own_property(config, "properties", name, findings);
        if (config_is_secret_property(name))
            config_report(config, "kafka", "properties", findings, "secret-in-configuration",
                          "must not hold %s: put the value into a file and name it under kafka.property_files", name);
        for (size_t n = 0; n < files->count; n++) {
            if (strcmp(files->items[n].name, name) == 0)
                config_report(config, "kafka", "property_files", findings, "duplicate-key",
                              "and kafka.properties both set %s: keep one of them", name);
        }
    }
    for (size_t i = 0; i < files->count; i++)
        check_own_property(config, "property_files", files->items[i].name, findings);
}

static bool is_port(const char *digits, size_t length)
{
    if (!length || length > 5 || strspn(digits, "0123456789") < length)
        return false;
    long port = strtol(digits, NULL, 10);
    return port >= 1 && port <= 65535;
}

static void check_brokers(const struct config *config, struct wd_diagnostics *findings)
{
    const char *at = config->kafka.brokers;
    while (at && *at) {
        size_t length = strcspn(at, ",");
        const char *end = at + length, *colon = memrchr(at, ':', length);
        bool has_port = colon && (!memchr(at, ']', length) || colon[-1] == ']');
        if (!length || at == colon || memchr(at, ' ', length) ||
            (has_port && !is_port(colon + 1, (size_t)(end - colon - 1))))
            config_report(config, "kafka", "brokers", findings, "bad-address",
                          "holds '%.*s', which is not host:port: write host:port,host:port", (int)length, at);
        at = *end ? end + 1 : end;
        if (*end && !*at)
            config_report(config, "kafka", "brokers", findings, "bad-address", "ends with a comma: take it out");
    }
}

/* ---- HTTP ---- */

/* What is wrong with an absolute URL, or NULL. Credentials would stand in logs; a fragment is never sent. */
static const char *url_problem(const char *url, bool with_path)
{
    const char *host = strncmp(url, "https://", 8) == 0 ? url + 8 : strncmp(url, "http://", 7) == 0 ? url + 7 : NULL;
    if (!host)
        return "must begin with https:// or http://";
    size_t length = strcspn(host, "/?#");
    if (!length || *host == ':')
        return "names no host";
    if (memchr(host, '@', length))
        return "must not hold a user name or password";
    if (url[strcspn(url, " \"<>\\^`{|}")])
        return "holds a character that must be percent-encoded";
    if (!with_path && host[length] && strcmp(host + length, "/") != 0)
        return "must end after the host and port";
    return strchr(url, '#') ? "must not have a fragment (#)" : NULL;
}

static void check_urls(const struct config *config, struct wd_diagnostics *findings)
{
    const char *problem = url_problem(config->platform.base_url, false);
    if (problem)
        config_report(config, "platform", "base_url", findings, "bad-url", "%s", problem);
    problem = config->platform.proxy ? url_problem(config->platform.proxy, false) : NULL;
    if (problem)
        config_report(config, "platform", "proxy", findings, "bad-url", "%s", problem);
    const struct config_map *notify = &config->platform.notify;
    for (size_t i = 0; i < notify->count; i++) {
        problem = url_problem(notify->items[i].value, true);
        if (problem) /* the URL itself may be a secret of the webhook */
            config_report(config, "platform", "notify", findings, "bad-url", "%.80s: the URL %s", notify->items[i].name,
                          problem);
    }
}

static void check_group_rates(const struct config *config, struct wd_diagnostics *findings)
{
    for (size_t i = 0; i < config->platform.group_rates.count; i++) {
        const struct config_pair *pair = &config->platform.group_rates.items[i];
        char *end = NULL;
        double rate = strtod(pair->value, &end);
        if (end == pair->value || *end || !(rate > 0) || rate > 1e6)
            config_report(config, "platform", "group_rates", findings, "bad-rate",
                          "gives '%.80s' the rate '%.80s': calls a second are wanted, above 0 and at most 1000000",
                          pair->name, pair->value);
    }
}

static void check_address(const struct config *config, struct wd_diagnostics *findings)
{
    unsigned char bytes[16];
    const char *address = config->http.address;
    if (inet_pton(AF_INET, address, bytes) != 1 && inet_pton(AF_INET6, address, bytes) != 1)
        config_report(config, "http", "address", findings, "bad-address",
                      "'%.60s' is no IP address: write one, as in 127.0.0.1, 0.0.0.0 or \"::1\"", address);
}

static void check_rule_paths(const struct config *config, struct wd_diagnostics *findings)
{
    if (!config->rules.paths || !config->rules.paths[0])
        config_report(config, "rules", "paths", findings, "no-rules", "names no file or folder: nothing would match");
}

/* ---- state and valves ---- */

static void check_state_addresses(const struct config *config, struct wd_diagnostics *findings)
{
    char *const *addresses = config->state.addresses;
    if (!addresses || !addresses[0])
        config_report(config, "state", "addresses", findings, "bad-address", "names no server");
    for (size_t i = 0; addresses && addresses[i]; i++) {
        const char *colon = strrchr(addresses[i], ':');
        if (!colon || colon == addresses[i] || strchr(addresses[i], '/') || !is_port(colon + 1, strlen(colon + 1)))
            config_report(config, "state", "addresses", findings, "bad-address",
                          "holds '%.80s', which is not host:port", addresses[i]);
    }
}

static void check_state(const struct config *config, struct wd_diagnostics *findings)
{
    check_state_addresses(config, findings);
    for (const char *at = config->state.prefix; *at; at++) {
        if (isalnum((unsigned char)*at) || strchr(":_.-", *at))
            continue;
        config_report(config, "state", "prefix", findings, "bad-prefix",
                      "may hold letters, digits, ':', '_', '.' and '-' only");
        break;
    }
    if (config->state.user && !config->state.password_file)
        config_report(config, "state", "user", findings, "contradiction", "needs state.password_file");
    if (!config->state.cert_file != !config->state.key_file)
        config_report(config, "state", config->state.cert_file ? "cert_file" : "key_file", findings, "contradiction",
                      "needs the other one, too: cert_file and key_file belong together");
    if (config->state.ca_file && !config->state.tls)
        config_report(config, "state", "ca_file", findings, "contradiction", "is of no use without state.tls: true");
}

static bool is_action(const char *name)
{
    for (int kind = 0; kind < WD_ACTION_KIND_COUNT; kind++) {
        if (strcmp(name, wd_action_kind_name((enum wd_action_kind)kind)) == 0)
            return true;
    }
    return strcmp(name, "total") == 0;
}

static void check_valves(const struct config *config, struct wd_diagnostics *findings)
{
    for (size_t i = 0; i < config->valves.per_day.count; i++) {
        const struct config_pair *pair = &config->valves.per_day.items[i];
        char *end = NULL;
        errno = 0;
        long long count = strtoll(pair->value, &end, 10);
        if (!is_action(pair->name))
            config_report(config, "valves", "per_day", findings, "unknown-action",
                          "holds '%.80s', which is no action: `warden config docs` and docs/rule-sets.md list them; "
                          "'total' is all together",
                          pair->name);
        if (end == pair->value || *end || errno || count < 0 || count > INT64_C(1000000000000))
            config_report(config, "valves", "per_day", findings, "bad-count",
                          "gives '%.80s' the count '%.80s': a whole number from 0 on is wanted", pair->name,
                          pair->value);
    }
}

void config_check(const struct config *config, struct wd_diagnostics *findings)
{
    check_state(config, findings);
    check_valves(config, findings);
    check_pairs(config, findings);
    check_brokers(config, findings);
    check_topics(config, findings);
    check_written_topic(config, "decisions_topic", config->worker.decisions_topic, findings);
    check_written_topic(config, "dead_letter_topic", config->worker.dead_letter_topic, findings);
    if (strcmp(config->worker.decisions_topic, config->worker.dead_letter_topic) == 0)
        config_report(config, "worker", "dead_letter_topic", findings, "contradiction",
                      "is the same as worker.decisions_topic: they need a topic each");
    check_properties(config, findings);
    check_urls(config, findings);
    check_group_rates(config, findings);
    check_address(config, findings);
    check_rule_paths(config, findings);
}

/* ---- before a run ---- */

/* The content of a secret's file without the line break at its end; the caller wipes and frees it. */
static char *read_secret(const struct config *config, const char *name, const char *path,
                         struct wd_diagnostics *findings)
{
    FILE *file = fopen(path, "re");
    char *text = file ? calloc(1, SECRET_MAX + 2) : NULL;
    size_t length = text ? fread(text, 1, SECRET_MAX + 1, file) : 0;
    const char *problem = !file ? strerror(errno) : !text ? "no memory" : ferror(file) ? "cannot be read" : NULL;
    if (file)
        fclose(file);
    while (length && (text[length - 1] == '\n' || text[length - 1] == '\r'))
        text[--length] = '\0';
    if (!problem && (!length || length > SECRET_MAX || strlen(text) != length))
        problem = !length ? "is empty" : length > SECRET_MAX ? "is larger than 64 KiB" : "holds a NUL byte";
    if (!problem)
        return text;
    config_report(config, "kafka", "property_files", findings, "secret-unreadable", "%s: file '%.200s': %s", name, path,
                  problem);
    free(text);
    return NULL;
}

enum wd_status config_read_secrets(struct config *config, struct wd_diagnostics *findings)
{
    size_t errors_before = wd_diagnostics_errors(findings);
    for (size_t i = 0; i < config->kafka.property_files.count; i++) {
        const struct config_pair *pair = &config->kafka.property_files.items[i];
        char *secret = read_secret(config, pair->name, pair->value, findings);
        if (secret && !config_map_add(&config->kafka.properties, pair->name, secret))
            wd_diagnose(findings, WD_ERROR, "out-of-memory", "", 0, 0, "no memory for the configuration");
        if (secret)
            explicit_bzero(secret, strlen(secret));
        free(secret);
    }
    return wd_diagnostics_errors(findings) > errors_before ? WD_ERR_INVALID : WD_OK;
}

enum wd_status config_prepare_run(struct config *config, struct wd_diagnostics *findings)
{
    size_t errors_before = wd_diagnostics_errors(findings);
    if (!config->platform.token_file)
        config_report(config, "platform", "token_file", findings, "missing-option",
                      "is not set: put the admin token into a file and name it there");
    if (config_read_secrets(config, findings) != WD_OK)
        return WD_ERR_INVALID;
    return wd_diagnostics_errors(findings) > errors_before ? WD_ERR_INVALID : WD_OK;
}
