/* The worker process: rule set, action table, token, shards, gateway, signals. Neighbours: cli/run.c calls
 * run_command(), cli/demo.c uses the worker object in its own process. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "worker/exit_codes.h"
#include "worker/gateway/gateway.h"
#include "worker/log.h"
#include "worker/reload.h"
#include "worker/run.h"
#include "worker/shard.h"
#include "worker/state_choice.h"

struct worker {
    const struct config *config;
    pthread_mutex_t rules_lock; /* of the pointer */
    struct wd_ruleset *rules;
    struct reloader *reloader;
    struct action_table *table;
    struct token *token;
    struct state_share *state; /* NULL: nothing is remembered */
    struct shard **shards;
    const struct metrics **metrics;
    int64_t alone_ms; /* since when, last, nobody else had partitions */
    bool told_group;
    struct metrics *group_metrics;
    size_t shard_count; /* metrics has two more: what belongs to no shard */
};

static size_t wanted_shards(const struct config *config)
{
    if (config->worker.shards > 0)
        return (size_t)config->worker.shards;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 ? (size_t)cores : 1;
}

static bool make_shards(struct worker *worker, struct wd_error *err)
{
    worker->shard_count = wanted_shards(worker->config);
    worker->shards = calloc(worker->shard_count, sizeof(struct shard *));
    worker->metrics = calloc(worker->shard_count + 2, sizeof(const struct metrics *));
    worker->group_metrics = metrics_new();
    if (!worker->shards || !worker->metrics || !worker->group_metrics) {
        wd_fail(err, WD_ERR_MEMORY, "out of memory");
        return false;
    }
    worker->metrics[worker->shard_count] = reloader_metrics(worker->reloader);
    worker->metrics[worker->shard_count + 1] = worker->group_metrics;
    for (size_t i = 0; i < worker->shard_count; i++) {
        struct shard_options options = {.config = worker->config,
                                        .table = worker->table,
                                        .token = worker->token,
                                        .state = worker->state,
                                        .rules = worker->rules,
                                        .number = (unsigned)i,
                                        .count = (unsigned)worker->shard_count};
        worker->shards[i] = shard_new(&options, err);
        if (!worker->shards[i])
            return false;
        worker->metrics[i] = shard_metrics(worker->shards[i]);
    }
    return true;
}

struct worker *worker_new(const struct config *config, struct wd_diagnostics *findings, struct wd_error *err)
{
    struct worker *worker = calloc(1, sizeof(*worker));
    if (!worker) {
        wd_fail(err, WD_ERR_MEMORY, "out of memory");
        return NULL;
    }
    worker->config = config;
    pthread_mutex_init(&worker->rules_lock, NULL);
    worker->reloader = reloader_new(config);
    if (!worker->reloader) {
        wd_fail(err, WD_ERR_MEMORY, "out of memory");
        worker_free(worker);
        return NULL;
    }
    bool rules = rules_load(config, &worker->rules, findings) == WD_OK;
    bool table = action_table_load(config->platform.table, &worker->table, findings) == WD_OK;
    if (!rules || !table) {
        wd_fail(err, WD_ERR_INVALID, "%s cannot be used: see the findings above",
                !rules ? "the rules" : "the action table");
        worker_free(worker);
        return NULL;
    }
    worker->token = token_new(config->platform.token_file, config->platform.api_key_file, err);
    if (!worker->token || state_choose(config, worker->rules, &worker->state, err) != WD_OK ||
        !make_shards(worker, err)) {
        worker_free(worker);
        return NULL;
    }
    return worker;
}

enum wd_status worker_start(struct worker *worker, struct wd_error *err)
{
    for (size_t i = 0; i < worker->shard_count; i++) {
        enum wd_status status = shard_start(worker->shards[i], err);
        if (status == WD_OK)
            continue;
        worker_stop(worker);
        return status;
    }
    return WD_OK;
}

void worker_stop(struct worker *worker)
{
    for (size_t i = 0; i < worker->shard_count; i++)
        shard_stop(worker->shards[i]);
}

bool worker_join(struct worker *worker)
{
    bool clean = true;
    for (size_t i = 0; i < worker->shard_count; i++)
        clean &= shard_join(worker->shards[i]);
    return clean;
}

void worker_free(struct worker *worker)
{
    if (!worker)
        return;
    for (size_t i = 0; worker->shards && i < worker->shard_count; i++)
        shard_free(worker->shards[i]);
    free(worker->shards);
    free(worker->metrics);
    metrics_free(worker->group_metrics);
    state_share_close(worker->state);
    token_free(worker->token);
    action_table_free(worker->table);
    wd_ruleset_unref(worker->rules);
    reloader_free(worker->reloader);
    pthread_mutex_destroy(&worker->rules_lock);
    free(worker);
}

size_t worker_shard_count(const struct worker *worker)
{
    return worker->shard_count;
}

const struct metrics *worker_metrics(const struct worker *worker, size_t shard)
{
    return worker->metrics[shard];
}

const struct wd_ruleset *worker_rules(const struct worker *worker)
{
    return worker->rules;
}

struct wd_ruleset *worker_rules_ref(struct worker *worker)
{
    pthread_mutex_lock(&worker->rules_lock);
    struct wd_ruleset *rules = wd_ruleset_ref(worker->rules);
    pthread_mutex_unlock(&worker->rules_lock);
    return rules;
}

/* ---- reload ---- */

/* Every shard changes by itself between two records; an event is judged by one set or by the other. */
static void reload(struct worker *worker, const char *cause)
{
    struct wd_ruleset *rules = reloader_load(worker->reloader, cause);
    if (!rules)
        return;
    pthread_mutex_lock(&worker->rules_lock);
    struct wd_ruleset *old = worker->rules;
    worker->rules = rules;
    pthread_mutex_unlock(&worker->rules_lock);
    for (size_t i = 0; i < worker->shard_count; i++)
        if (!shard_offer_rules(worker->shards[i], rules))
            log_write(LOG_ERROR, "rules-not-taken", "no memory: a shard stays with the rules that it has",
                      LOG_INT("shard", i), LOG_END);
    wd_ruleset_unref(old);
}

/* Shards give back what they no longer need, and leave the freeing to this thread. */
static void collect_old_rules(struct worker *worker)
{
    for (size_t i = 0; i < worker->shard_count; i++)
        shard_collect_rules(worker->shards[i]);
}

void worker_ask_reload(struct worker *worker)
{
    reloader_ask(worker->reloader);
}

void worker_reload_status(struct worker *worker, struct reload_status *out)
{
    reloader_status(worker->reloader, out);
}

bool worker_is_ready(const struct worker *worker)
{
    for (size_t i = 0; i < worker->shard_count; i++)
        if (!shard_is_ready(worker->shards[i]))
            return false;
    return true;
}

bool worker_state_fails(const struct worker *worker)
{
    for (size_t i = 0; i < worker->shard_count; i++)
        if (shard_state_fails(worker->shards[i]))
            return true;
    return false;
}

void worker_reset_rules(struct worker *worker)
{
    pthread_mutex_lock(&worker->rules_lock);
    wd_ruleset_reset_valves(worker->rules);
    pthread_mutex_unlock(&worker->rules_lock);
    log_write(LOG_INFO, "rules-reset", "rules that were in shadow for matching too much are enforced again", LOG_END);
}

int64_t worker_silence_ms(const struct worker *worker)
{
    int64_t longest = 0;
    for (size_t i = 0; i < worker->shard_count; i++) {
        int64_t silence = shard_has_ended(worker->shards[i]) ? 0 : shard_silence_ms(worker->shards[i]);
        longest = silence > longest ? silence : longest;
    }
    return longest;
}

bool worker_has_ended(const struct worker *worker)
{
    for (size_t i = 0; i < worker->shard_count; i++)
        if (shard_has_ended(worker->shards[i]))
            return true;
    return false;
}

/* Partitions that other processes have while what is remembered is this one's alone. A rebalance takes a while, so it
 * must have been so for some time. */
static void mind_group(struct worker *worker)
{
    enum { SETTLED_MS = 5000 };
    int64_t total = 0, ours = 0;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    for (size_t i = 0; i < worker->shard_count; i++) {
        int64_t seen = shard_topic_partitions(worker->shards[i]);
        total = seen > total ? seen : total;
        ours += (int64_t)metrics_get(worker->metrics[i], METRIC_PARTITIONS);
    }
    bool shared = total > ours && worker_is_ready(worker);
    if (!shared)
        worker->alone_ms = now_ms;
    bool told = shared && now_ms - worker->alone_ms > SETTLED_MS;
    metrics_set(worker->group_metrics, METRIC_STATE_LOCAL_IN_GROUP, told);
    if (told && !worker->told_group)
        log_write(
            LOG_WARN, "state-local-in-group",
            "other processes of the group have partitions, but what rules remember is this one's alone: authors are "
            "judged by a part of what they do, and begin anew when partitions move; use state.store: redis",
            LOG_INT("partitions", total), LOG_INT("ours", ours), LOG_END);
    worker->told_group = told;
}

static const char *rule_label(void *context, uint32_t rule)
{
    const struct wd_rule_info *info = wd_ruleset_rule(context, rule);
    return info ? info->id : NULL;
}

void worker_print_metrics(struct worker *worker, FILE *out)
{
    struct wd_ruleset *rules = worker_rules_ref(worker);
    metrics_print(out, worker->metrics, worker->shard_count + 2, rule_label, rules, wd_ruleset_rule_count(rules));
    wd_ruleset_unref(rules);
}

/* ---- the command ---- */

enum { SIGNAL_POLL_MS = 200 };

static int start_failure(const struct wd_error *err)
{
    log_write(LOG_ERROR, "start-failed", "warden cannot start", LOG_STR("error", err->text), LOG_END);
    if (err->status == WD_ERR_UNAVAILABLE)
        return EXIT_UNREACHABLE;
    return err->status == WD_ERR_MEMORY ? EXIT_FINDINGS : EXIT_CONFIG;
}

/* The signal that came within the time, or 0. */
static int next_signal(int fd, int timeout_ms)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    struct signalfd_siginfo info;
    if (poll(&wait, 1, timeout_ms) <= 0 || read(fd, &info, sizeof(info)) != sizeof(info))
        return 0;
    return (int)info.ssi_signo;
}

static int64_t steady_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void reload_where_asked(struct worker *worker, int signal)
{
    if (signal == SIGHUP)
        reload(worker, "SIGHUP");
    else if (reloader_is_asked(worker->reloader))
        reload(worker, "POST /-/reload");
    else if (reloader_sees_change(worker->reloader, steady_ms()))
        reload(worker, "the files have changed");
}

/* Until every shard has ended. A second signal ends the process at once: what is unfinished stays uncommitted. */
static int serve_signals(struct worker *worker, int fd)
{
    bool stopping = false;
    size_t ended = 0;
    while (ended < worker->shard_count) {
        int signal = next_signal(fd, SIGNAL_POLL_MS);
        collect_old_rules(worker);
        mind_group(worker);
        if (!stopping)
            reload_where_asked(worker, signal);
        if (signal == SIGHUP)
            signal = 0;
        if (signal && stopping) {
            log_write(LOG_WARN, "stopped-at-once", "second signal: ending at once; unfinished records stay uncommitted",
                      LOG_STR("signal", strsignal(signal)), LOG_END);
            _exit(128 + signal);
        }
        bool failed = worker_has_ended(worker) && !stopping;
        if (signal)
            log_write(LOG_INFO, "stopping", "draining: finishing what is under way; a second signal ends at once",
                      LOG_STR("signal", strsignal(signal)), LOG_END);
        if (signal || failed) {
            stopping = true;
            worker_stop(worker);
        }
        ended = 0;
        for (size_t i = 0; i < worker->shard_count; i++)
            ended += shard_has_ended(worker->shards[i]);
    }
    return worker_join(worker) ? EXIT_FINE : EXIT_FINDINGS;
}

/* The signals that serve_signals() waits for; blocked before any thread starts, so that all threads inherit it. */
static int open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    signal(SIGPIPE, SIG_IGN);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
        return -1;
    return signalfd(-1, &set, SFD_CLOEXEC);
}

int run_command(const struct config *config)
{
    struct wd_error err = {0};
    int signals = open_signals();
    struct wd_diagnostics *findings = wd_diagnostics_new();
    if (signals < 0 || !findings) {
        wd_fail(&err, WD_ERR_MEMORY, "cannot set up signals: %s", strerror(errno));
        wd_diagnostics_free(findings);
        return start_failure(&err);
    }
    struct worker *worker = worker_new(config, findings, &err);
    wd_diagnostics_sort(findings);
    wd_diagnostics_print(findings, stderr);
    wd_diagnostics_free(findings);
    struct gateway *gateway = NULL;
    if (!worker || (config->http.port >= 0 && !(gateway = gateway_start(config, worker, &err))) ||
        worker_start(worker, &err) != WD_OK) {
        int code = start_failure(&err);
        gateway_stop(gateway);
        worker_free(worker);
        close(signals);
        return code;
    }
    log_write(LOG_INFO, "started", "warden runs", LOG_STR("version", WARDEN_VERSION),
              LOG_INT("shards", worker->shard_count), LOG_INT("rules", wd_ruleset_rule_count(worker->rules)),
              LOG_STR("ruleset", wd_ruleset_digest(worker->rules)), LOG_INT("http_port", gateway_port(gateway)),
              LOG_END);
    int code = serve_signals(worker, signals);
    gateway_stop(gateway);
    worker_free(worker);
    close(signals);
    log_write(LOG_INFO, "ended", code == EXIT_FINE ? "warden has ended cleanly" : "warden has ended with failures",
              LOG_INT("exit_code", code), LOG_END);
    return code;
}
