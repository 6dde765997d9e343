/* `warden check`: would `warden run` work? A line a thing that is checked, on stdout; findings with their place on
 * stderr. What is independent is checked although something before it failed, so that one run tells everything. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "worker/cli/commands.h"
#include "worker/kafka/inspect.h"
#include "worker/platform/client.h"

enum { KAFKA_TIMEOUT_MS = 10000 };

struct check {
    const struct cli_arguments *arguments;
    struct config *config;
    bool offline;
    bool bad_config, unreachable, failed;
};

static void say(const char *mark, const char *what, const char *format, va_list args)
{
    printf("%-4s  %s: ", mark, what);
    vprintf(format, args);
    putchar('\n');
}

static void ok(const char *what, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void ok(const char *what, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say("ok", what, format, args);
    va_end(args);
}

static void note(const char *what, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void note(const char *what, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say("note", what, format, args);
    va_end(args);
}

/* `flag` is the kind of failure: the field of `check` that decides the exit code. */
static void fail(bool *flag, const char *what, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void fail(bool *flag, const char *what, const char *format, ...)
{
    *flag = true;
    va_list args;
    va_start(args, format);
    say("FAIL", what, format, args);
    va_end(args);
}

static bool *flag_of(struct check *check, enum wd_status status)
{
    if (status == WD_ERR_INVALID || status == WD_ERR_IO || status == WD_ERR_NOT_FOUND)
        return &check->bad_config;
    return status == WD_ERR_UNAVAILABLE ? &check->unreachable : &check->failed;
}

/* Prints findings in their place between the lines of stdout. */
static void print_findings(const struct wd_diagnostics *findings)
{
    fflush(stdout);
    wd_diagnostics_print(findings, stderr);
    fflush(stderr);
}

/* ---- without a network ---- */

static void check_ready(struct check *check)
{
    const char *what = "settings for a run";
    if (check->offline) {
        if (!check->config->platform.token_file)
            note(what, "platform.token_file is not set; `warden run` needs it");
        return;
    }
    struct wd_diagnostics *findings = wd_diagnostics_new();
    if (!findings || config_prepare_run(check->config, findings) != WD_OK)
        fail(&check->bad_config, what, "not complete (see the lines on standard error)");
    else
        ok(what, "complete");
    if (findings)
        print_findings(findings);
    wd_diagnostics_free(findings);
}

static void check_notify_targets(struct check *check, const struct wd_ruleset *set)
{
    const struct config_map *notify = &check->config->platform.notify;
    for (const char *const *target = wd_ruleset_notify_targets(set); target && *target; target++) {
        bool known = false;
        for (size_t i = 0; i < notify->count && !known; i++)
            known = strcmp(notify->items[i].name, *target) == 0;
        if (!known)
            fail(&check->bad_config, "notify", "rules notify '%s', but platform.notify has no such name: add its URL",
                 *target);
    }
}

static void check_rules(struct check *check)
{
    const struct config *config = check->config;
    const struct wd_ruleset_options options = {
        .match_limit = (size_t)config->rules.match_limit,
        .exempt_roles = (const char *const *)config->rules.exempt_roles,
        .sample = config->rules.sample,
        .strict = config->rules.strict,
        .lint = true,
    };
    size_t count = 0, by_mode[4] = {0};
    while (config->rules.paths[count])
        count++;
    /* Of lint only what would keep a reload from its rules: the rest is for who writes them. */
    static const char *const OF_LINT_ALONE[] = {
        "no-examples", "duplicate-condition", "shadowed-rule", "boundary-trap", "case-trap", "word-trap", NULL};
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct wd_ruleset *set = NULL;
    if (findings)
        wd_diagnostics_silence(findings, OF_LINT_ALONE);
    if (!findings ||
        wd_ruleset_load((const char *const *)config->rules.paths, count, &options, &set, findings) != WD_OK) {
        fail(&check->bad_config, "rule sets", "have errors (see the lines on standard error)");
    } else {
        for (size_t i = 0; i < wd_ruleset_rule_count(set); i++)
            by_mode[wd_ruleset_rule(set, (uint32_t)i)->mode % 4]++;
        ok("rule sets", "%zu rules: %zu enforced, %zu in shadow, %zu sampled, %zu off; warnings: %zu",
           wd_ruleset_rule_count(set), by_mode[WD_MODE_ENFORCE], by_mode[WD_MODE_SHADOW], by_mode[WD_MODE_SAMPLE],
           by_mode[WD_MODE_OFF], wd_diagnostics_warnings(findings));
        check_notify_targets(check, set);
        wd_ruleset_unref(set);
    }
    if (findings)
        print_findings(findings);
    wd_diagnostics_free(findings);
}

/* The table is handed on: the token's check wants it. */
static struct action_table *check_table(struct check *check)
{
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct action_table *table = NULL;
    if (!findings || action_table_load(check->config->platform.table, &table, findings) != WD_OK)
        fail(&check->bad_config, "action table", "%s has errors (see the lines on standard error)",
             check->config->platform.table);
    else
        ok("action table", "%s", check->config->platform.table);
    if (findings)
        print_findings(findings);
    wd_diagnostics_free(findings);
    return table;
}

/* ---- Kafka ---- */

static void check_topic(struct check *check, const struct inspect_options *options, const char *topic,
                        const char *purpose)
{
    struct inspect_partition *partitions = NULL;
    size_t count = 0;
    struct wd_error err;
    enum wd_status status = inspect_topic(options, topic, NULL, &partitions, &count, &err);
    if (status == WD_OK)
        ok("topic", "%s (%s) has %zu partitions", topic, purpose, count);
    else if (status == WD_ERR_NOT_FOUND)
        fail(&check->failed, "topic", "%s (%s) does not exist: create it", topic, purpose);
    else
        fail(flag_of(check, status), "topic", "%s (%s): %s", topic, purpose, err.text);
    free(partitions);
}

static void check_cluster(struct check *check, const struct inspect_options *options)
{
    struct wd_error err;
    int brokers = 0;
    enum wd_status status = inspect_ping(options, &brokers, &err);
    if (status != WD_OK) {
        fail(flag_of(check, status), "Kafka", "%s: is kafka.brokers right?", err.text);
        return;
    }
    ok("Kafka", "%d brokers at %s", brokers, options->brokers);
    const struct config *config = check->config;
    for (char **topic = config->kafka.topics; *topic; topic++) {
        if (**topic == '^')
            note("topic", "%s is a regular expression: topics may come later", *topic);
        else
            check_topic(check, options, *topic, "read");
    }
    if (*config->worker.decisions_topic)
        check_topic(check, options, config->worker.decisions_topic, "decisions");
    check_topic(check, options, config->worker.dead_letter_topic, "dead letters");
}

static void check_kafka(struct check *check)
{
    const struct config_map *map = &check->config->kafka.properties;
    struct kafka_property *properties = calloc(map->count + 1, sizeof(*properties));
    if (!properties) {
        fail(&check->failed, "Kafka", "no memory");
        return;
    }
    for (size_t i = 0; i < map->count; i++)
        properties[i] = (struct kafka_property){.name = map->items[i].name, .value = map->items[i].value};
    struct wd_error err;
    if (inspect_check_properties(properties, map->count, &err) != WD_OK) {
        fail(&check->bad_config, "kafka.properties", "%s", err.text);
    } else if (!check->offline) {
        const struct inspect_options options = {.brokers = check->config->kafka.brokers,
                                                .properties = properties,
                                                .property_count = map->count,
                                                .timeout_ms = KAFKA_TIMEOUT_MS};
        check_cluster(check, &options);
    }
    free(properties);
}

/* ---- the platform ---- */

static void check_platform(struct check *check, const struct action_table *table)
{
    const struct config *config = check->config;
    struct wd_error err;
    if (!config->platform.token_file)
        return; /* said before */
    struct token *token = token_new(config->platform.token_file, config->platform.api_key_file, &err);
    if (!token) {
        fail(&check->bad_config, "platform token", "%s", err.text);
        return;
    }
    const struct client_options options = {
        .base_url = config->platform.base_url,
        .ca_file = config->platform.ca_file,
        .user_agent = "warden/" WARDEN_VERSION,
        .connect_timeout_ms = (int)config->platform.connect_timeout_ms,
        .total_timeout_ms = (int)config->platform.total_timeout_ms,
        .max_answer_bytes = (size_t)config->platform.max_answer_bytes,
        .max_connections = 1,
        .proxy = config->platform.proxy,
        .check_path = table ? action_table_check_path(table) : NULL,
    };
    enum wd_status status = client_check_token(&options, token, &err);
    if (status == WD_OK)
        ok("platform token", "accepted by %s", config->platform.base_url);
    else if (status == WD_ERR_REFUSED)
        fail(&check->failed, "platform token", "%s (it is %s)", err.text, config->platform.token_file);
    else
        fail(flag_of(check, status), "platform", "%s", err.text);
    token_free(token);
}

/* ---- all ---- */

static int exit_code(const struct check *check)
{
    if (check->bad_config)
        return EXIT_CONFIG;
    if (check->unreachable)
        return EXIT_UNREACHABLE;
    return check->failed ? EXIT_FINDINGS : EXIT_FINE;
}

static int run(const struct cli_arguments *arguments)
{
    struct check check = {
        .arguments = arguments, .config = cli_load_config(arguments), .offline = cli_has(arguments, "offline")};
    if (!check.config) {
        fail(&check.bad_config, "configuration", "not valid (see the lines on standard error)");
        return EXIT_CONFIG;
    }
    ok("configuration", "valid");
    check_ready(&check);
    check_rules(&check);
    struct action_table *table = check_table(&check);
    check_kafka(&check);
    if (!check.offline)
        check_platform(&check, table);
    action_table_free(table);
    config_free(check.config);
    return exit_code(&check);
}

static const struct cli_option OPTIONS[] = {
    CLI_CONFIG_OPTIONS,
    {.name = "offline", .letter = 'o', .text = "Check files only; connect to nothing."},
    {0},
};

const struct cli_command command_check = {
    .name = "check",
    .summary = "check configuration, rule sets and, without --offline, Kafka and the platform",
    .text =
        "Exits with 0 where `warden run` would work, 78 where configuration, rules or the action table are wrong, 69 "
        "where Kafka or the platform cannot be reached, 1 where they answer and something is missing there.",
    .options = OPTIONS,
    .run = run,
};
