/* `warden demo`: the whole job in one process, with real parts. An embedded Kafka broker, the sandbox over HTTP, the
 * worker, and a producer that feeds sample events; at the end a balance that proves that nothing was lost. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "worker/cli/cli.h"
#include "worker/cli/commands.h"
#include "worker/cli/demo.h"
#include "worker/gateway/gateway.h"
#include "worker/kafka/inspect.h"
#include "worker/log.h"

enum { FRAME_MS = 500, SETTLE_LIMIT_MS = 60000, START_LIMIT_MS = 30000, STEP_MS = 10, PARTITIONS = 12 };

static const char EVENTS_TOPIC[] = "content.events", DECISIONS_TOPIC[] = "moderation.decisions",
                  DEAD_LETTER_TOPIC[] = "moderation.dlq", GROUP[] = "warden-demo";

static volatile sig_atomic_t interrupted;

static void on_signal(int signal)
{
    (void)signal;
    interrupted = 1;
}

int64_t demo_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- the parts ---- */

static bool fill_token(struct demo *demo)
{
    unsigned char raw[24];
    if (getrandom(raw, sizeof(raw), 0) != sizeof(raw))
        return false;
    for (size_t i = 0; i < sizeof(raw); i++)
        snprintf(demo->token + 2 * i, 3, "%02x", raw[i]);
    return true;
}

static bool write_token_file(struct demo *demo, struct wd_error *err)
{
    const char *folder = getenv("TMPDIR");
    snprintf(demo->folder, sizeof(demo->folder), "%s/warden-demo-XXXXXX", folder && *folder ? folder : "/tmp");
    if (!mkdtemp(demo->folder)) {
        wd_fail(err, WD_ERR_IO, "%s: %s", demo->folder, strerror(errno));
        demo->folder[0] = '\0';
        return false;
    }
    snprintf(demo->token_file, sizeof(demo->token_file), "%s/token", demo->folder);
    int fd = open(demo->token_file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool written = fd >= 0 && write(fd, demo->token, strlen(demo->token)) == (ssize_t)strlen(demo->token);
    if (fd >= 0)
        written &= close(fd) == 0;
    if (!written)
        wd_fail(err, WD_ERR_IO, "%s: %s", demo->token_file, strerror(errno));
    return written;
}

static bool start_broker(struct demo *demo, struct wd_error *err)
{
    demo->broker = broker_new(1, err);
    return demo->broker && broker_create_topic(demo->broker, EVENTS_TOPIC, PARTITIONS, err) == WD_OK &&
           broker_create_topic(demo->broker, DECISIONS_TOPIC, PARTITIONS, err) == WD_OK &&
           broker_create_topic(demo->broker, DEAD_LETTER_TOPIC, 1, err) == WD_OK;
}

static bool start_sandbox(struct demo *demo, struct wd_error *err)
{
    struct sandbox_options options = {.token = demo->token, .latency_min_ms = 5, .latency_max_ms = 40};
    demo->sandbox = sandbox_start(&options, err);
    return demo->sandbox != NULL;
}

/* A folder or file of config/ as it is shipped: of the source tree, else of the installation. */
static const char *shipped(const char *in_source, const char *installed)
{
    return access(in_source, R_OK) == 0 || access(installed, R_OK) != 0 ? in_source : installed;
}

static bool make_config(struct demo *demo, struct wd_error *err)
{
    char brokers[300], url[64], token[340], port[32], shards[32], rules[600];
    snprintf(brokers, sizeof(brokers), "kafka.brokers=%s", broker_addresses(demo->broker));
    snprintf(url, sizeof(url), "platform.base_url=http://127.0.0.1:%u", sandbox_port(demo->sandbox));
    snprintf(token, sizeof(token), "platform.token_file=%s", demo->token_file);
    snprintf(port, sizeof(port), "http.port=%d", demo->options.http_port);
    snprintf(shards, sizeof(shards), "worker.shards=%d", demo->options.shards);
    snprintf(rules, sizeof(rules), "rules.paths=[%s, %s]", shipped("config/rules", WARDEN_DATA_DIR "/rules"),
             shipped("config/demo/rules", WARDEN_DATA_DIR "/demo/rules"));
    bool own = demo->options.config_file != NULL; /* then its rules and their memory are meant */
    const char *const sets[] = {brokers,
                                url,
                                token,
                                port,
                                shards,
                                "kafka.group_id=warden-demo",
                                "kafka.session_timeout=6s",
                                "worker.commit_interval=200ms",
                                "kafka.properties={fetch.wait.max.ms: 10}",
                                own ? NULL : rules,
                                "state.store=memory",
                                NULL};
    struct config_source source = {
        .file = demo->options.config_file, .sets = sets, .environment = demo->options.environment};
    struct wd_diagnostics *findings = wd_diagnostics_new();
    if (!findings) {
        wd_fail(err, WD_ERR_MEMORY, "out of memory");
        return false;
    }
    bool loaded =
        config_load(&source, &demo->config, findings) == WD_OK && config_prepare_run(demo->config, findings) == WD_OK;
    wd_diagnostics_print(findings, stderr);
    wd_diagnostics_free(findings);
    if (!loaded)
        wd_fail(err, WD_ERR_INVALID, "the demo's configuration cannot be used: see above");
    return loaded;
}

static bool start_worker(struct demo *demo, struct wd_error *err)
{
    struct wd_diagnostics *findings = wd_diagnostics_new();
    if (!findings) {
        wd_fail(err, WD_ERR_MEMORY, "out of memory");
        return false;
    }
    demo->worker = worker_new(demo->config, findings, err);
    wd_diagnostics_print(findings, stderr);
    wd_diagnostics_free(findings);
    if (!demo->worker || !(demo->gateway = gateway_start(demo->config, demo->worker, err)) ||
        worker_start(demo->worker, err) != WD_OK)
        return false;
    int64_t deadline = demo_now_ms() + START_LIMIT_MS;
    while (!worker_is_ready(demo->worker) && demo_now_ms() < deadline && !interrupted)
        usleep(50000);
    if (worker_is_ready(demo->worker))
        return true;
    wd_fail(err, WD_ERR_UNAVAILABLE, "the worker did not join its consumer group within %d s", START_LIMIT_MS / 1000);
    return false;
}

static void end_parts(struct demo *demo)
{
    if (demo->worker) {
        worker_stop(demo->worker);
        demo->ended_cleanly = worker_join(demo->worker);
    }
    gateway_stop(demo->gateway);
    worker_free(demo->worker);
    if (demo->feed)
        feed_free(demo->feed);
    sandbox_stop(demo->sandbox);
    broker_free(demo->broker);
    config_free(demo->config);
    if (demo->token_file[0])
        unlink(demo->token_file);
    if (demo->folder[0])
        rmdir(demo->folder);
}

/* ---- the run ---- */

uint64_t demo_sum(const struct demo *demo, enum metric metric)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < worker_shard_count(demo->worker); i++)
        sum += metrics_get(worker_metrics(demo->worker, i), metric);
    return sum;
}

static bool read_offsets(const struct demo *demo, const char *topic, const char *group, struct demo_offsets *out)
{
    struct inspect_options options = {.brokers = broker_addresses(demo->broker), .timeout_ms = 5000};
    struct inspect_partition *partitions = NULL;
    size_t count = 0;
    struct wd_error err = {0};
    *out = (struct demo_offsets){0};
    if (inspect_topic(&options, topic, group, &partitions, &count, &err) != WD_OK)
        return false;
    for (size_t i = 0; i < count; i++) {
        out->end += partitions[i].end_offset;
        out->committed += partitions[i].committed_offset > 0 ? partitions[i].committed_offset : 0;
    }
    free(partitions);
    return true;
}

static void produce(struct demo *demo)
{
    int64_t start = demo_now_ms(), end = start + (int64_t)demo->options.seconds * 1000, frame = 0;
    while (!interrupted && (demo->options.serve || demo_now_ms() < end) && !worker_has_ended(demo->worker)) {
        int64_t now = demo_now_ms();
        feed_until(demo->feed, (uint64_t)((now - start) * demo->options.rate / 1000));
        if (now >= frame) {
            read_offsets(demo, EVENTS_TOPIC, GROUP, &demo->offsets);
            table_draw(demo, (now - start) / 1000);
            frame = now + (demo->options.live ? FRAME_MS : 5000);
        }
        usleep(STEP_MS * 1000);
    }
    feed_flush(demo->feed);
}

/* Waits until every record is committed; false where that takes too long. */
static bool settle(struct demo *demo)
{
    int64_t start = demo_now_ms();
    while (demo_now_ms() - start < SETTLE_LIMIT_MS) {
        bool read = read_offsets(demo, EVENTS_TOPIC, GROUP, &demo->offsets);
        table_draw(demo, -1);
        if (read && demo->offsets.committed == demo->offsets.end &&
            (uint64_t)demo->offsets.end == feed_acknowledged(demo->feed))
            return true;
        usleep(200000);
    }
    return false;
}

static bool balance_line(const char *left_name, uint64_t left, const char *right_name, uint64_t right)
{
    printf("  %-4s %s %" PRIu64 " = %s %" PRIu64 "\n", left == right ? "ok" : "FAIL", left_name, left, right_name,
           right);
    return left == right;
}

/* What the worker says of itself against what broker and sandbox saw. */
static bool print_proof(struct demo *demo)
{
    struct sandbox_counts seen = sandbox_counts(demo->sandbox);
    struct demo_offsets decisions, dead;
    bool ok =
        read_offsets(demo, DECISIONS_TOPIC, NULL, &decisions) && read_offsets(demo, DEAD_LETTER_TOPIC, NULL, &dead);
    printf("\nProof (what the worker says = what Kafka and the sandbox saw)\n");
    ok &= balance_line("records produced", feed_acknowledged(demo->feed), "finished",
                       demo_sum(demo, METRIC_RECORDS_FINISHED));
    ok &= balance_line("records finished", demo_sum(demo, METRIC_RECORDS_FINISHED), "committed",
                       (uint64_t)demo->offsets.committed);
    uint64_t shared = demo_sum(demo, METRIC_ACTIONS_BATCHED) - demo_sum(demo, METRIC_CALLS_BATCHED);
    ok &= balance_line("actions planned", demo_sum(demo, METRIC_ACTIONS_PLANNED),
                       "calls that the sandbox answered and what shared them",
                       seen.done + seen.already + seen.refused + shared);
    ok &= balance_line("calls done", demo_sum(demo, METRIC_CALLS_DONE), "carried out by the sandbox", seen.done);
    ok &= balance_line("decision records", demo_sum(demo, METRIC_DECISIONS), "in the decisions topic",
                       (uint64_t)decisions.end);
    ok &= balance_line("dead letters", demo_sum(demo, METRIC_DEAD_LETTERS), "in the dead-letter topic",
                       (uint64_t)dead.end);
    return ok;
}

static int run_demo(struct demo *demo, struct wd_error *err)
{
    if (!fill_token(demo) || !write_token_file(demo, err) || !start_broker(demo, err) || !start_sandbox(demo, err) ||
        !make_config(demo, err))
        return EXIT_FINDINGS;
    uint64_t expected = (uint64_t)demo->options.rate * (uint64_t)demo->options.seconds;
    demo->feed = feed_new(demo->options.events_file, broker_addresses(demo->broker), EVENTS_TOPIC, expected, err);
    if (!demo->feed)
        return EXIT_CONFIG;
    printf("warden demo: an embedded Kafka broker, the Social+ sandbox and the worker, in one process\n"
           "  Kafka    %s (topic %s, %d partitions)\n  sandbox  http://127.0.0.1:%u/__sandbox/log\n",
           broker_addresses(demo->broker), EVENTS_TOPIC, PARTITIONS, sandbox_port(demo->sandbox));
    fflush(stdout);
    if (!start_worker(demo, err))
        return EXIT_FINDINGS;
    printf("  worker   http://127.0.0.1:%u/metrics (%zu shards, %zu rules)\n", gateway_port(demo->gateway),
           worker_shard_count(demo->worker), wd_ruleset_rule_count(worker_rules(demo->worker)));
    if (demo->options.serve)
        printf("Feeding %d events a second until Ctrl-C.\n\n", demo->options.rate);
    else
        printf("Feeding %d events a second for %d s; Ctrl-C ends early.\n\n", demo->options.rate,
               demo->options.seconds);
    produce(demo);
    bool settled = settle(demo);
    table_end(demo);
    story_print(demo, DECISIONS_TOPIC);
    bool proven = print_proof(demo);
    if (!settled)
        printf("  FAIL not every record was committed within %d s after the last one\n", SETTLE_LIMIT_MS / 1000);
    return settled && proven && feed_acknowledged(demo->feed) > 0 ? EXIT_FINE : EXIT_FINDINGS;
}

int demo_run(const struct demo_options *options)
{
    struct demo demo = {.options = *options};
    struct wd_error err = {0};
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    log_configure(options->verbose ? LOG_INFO : LOG_ERROR, LOG_FORMAT_AUTO);
    demo.options.live = isatty(STDOUT_FILENO) && !options->verbose;
    int code = run_demo(&demo, &err);
    end_parts(&demo);
    if (err.status != WD_OK)
        fprintf(stderr, "warden demo: %s\n", err.text);
    else if (!demo.ended_cleanly)
        code = EXIT_FINDINGS;
    printf("\n%s\n", code == EXIT_FINE ? "demo passed: every record was finished and committed, every action arrived"
                                       : "demo FAILED");
    return code;
}

/* ---- the command ---- */

extern char **environ;

static int run(const struct cli_arguments *arguments)
{
    long long seconds, rate, shards, port;
    if (!cli_number(arguments, "seconds", 1, 86400, 30, &seconds) ||
        !cli_number(arguments, "rate", 1, 20000, 200, &rate) || !cli_number(arguments, "shards", 1, 64, 2, &shards) ||
        !cli_number(arguments, "http-port", 0, 65535, 0, &port))
        return EXIT_USAGE;
    const char *events = cli_value(arguments, "events");
    struct demo_options options = {
        .seconds = (int)seconds,
        .rate = (int)rate,
        .shards = (int)shards,
        .http_port = (int)port,
        .serve = cli_has(arguments, "serve"),
        .verbose = cli_has(arguments, "verbose"),
        .events_file = events ? events : shipped("config/demo/events.jsonl", WARDEN_DATA_DIR "/demo/events.jsonl"),
        .config_file = cli_value(arguments, "config"),
        .environment = (const char *const *)environ};
    return demo_run(&options);
}

static const struct cli_option OPTIONS[] = {
    {.name = "seconds", .argument = "N", .text = "How long events are fed; 30 without it."},
    {.name = "rate", .argument = "N", .text = "Events a second; 200 without it."},
    {.name = "serve", .text = "Keep going until Ctrl-C, so that you can look at the addresses that are printed."},
    {.name = "shards", .argument = "N", .text = "Shards of the worker; 2 without it."},
    {.name = "http-port", .argument = "N", .text = "Port for health and metrics; any free one without it."},
    {.name = "events",
     .argument = "FILE",
     .text = "Events to feed, a JSON object a line; the shipped sample without it."},
    {.name = "config", .letter = 'c', .argument = "FILE", .text = "A configuration to start from, as for run."},
    {.name = "verbose", .letter = 'v', .text = "Show the worker's log instead of the live table."},
    {0}};

const struct cli_command command_demo = {
    .name = "demo",
    .summary = "the whole job in one process, with a proof at the end",
    .text =
        "Starts an embedded Kafka broker, the Social+ sandbox and the worker, feeds sample events, and shows what "
        "happens. At the end it compares what the worker says with what Kafka and the sandbox saw, and exits with 1 "
        "where they differ.",
    .options = OPTIONS,
    .run = run,
};
