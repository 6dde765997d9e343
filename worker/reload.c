/* Loading rule sets aside. Nothing here touches a shard: what comes out is a set that was compiled and tested, or the
 * reason why there is none. Neighbours: run.c asks and hands the set on, rules_files.c sees changes. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <warden/ruletest.h>

#include "worker/log.h"
#include "worker/reload.h"
#include "worker/rules_files.h"

enum { UNSTEADY_ATTEMPTS = 3 };

struct reloader {
    const struct config *config;
    struct metrics *metrics;
    struct rules_files tried; /* the files of the last attempt */
    struct rules_files seen;  /* the files at the last look */
    int64_t next_look_ms;
    atomic_bool is_asked;
    pthread_mutex_t lock; /* of status */
    struct reload_status status;
};

static enum wd_status load(const struct config *config, bool lint, struct wd_ruleset **out,
                           struct wd_diagnostics *findings)
{
    const struct wd_ruleset_options options = {.match_limit = (size_t)config->rules.match_limit,
                                               .exempt_roles = (const char *const *)config->rules.exempt_roles,
                                               .sample = config->rules.sample,
                                               .strict = config->rules.strict,
                                               .lint = lint};
    size_t count = 0;
    while (config->rules.paths && config->rules.paths[count])
        count++;
    return wd_ruleset_load((const char *const *)config->rules.paths, count, &options, out, findings);
}

enum wd_status rules_load(const struct config *config, struct wd_ruleset **out, struct wd_diagnostics *findings)
{
    return load(config, false, out, findings);
}

static bool look(const struct reloader *reloader, struct rules_files *out)
{
    return rules_files_look((const char *const *)reloader->config->rules.paths, out);
}

struct reloader *reloader_new(const struct config *config)
{
    struct reloader *reloader = calloc(1, sizeof(*reloader));
    if (!reloader || pthread_mutex_init(&reloader->lock, NULL) != 0) {
        free(reloader);
        return NULL;
    }
    reloader->config = config;
    reloader->metrics = metrics_new();
    if (reloader->metrics && look(reloader, &reloader->tried)) {
        reloader->seen = reloader->tried;
        return reloader;
    }
    reloader_free(reloader);
    return NULL;
}

void reloader_free(struct reloader *reloader)
{
    if (!reloader)
        return;
    metrics_free(reloader->metrics);
    pthread_mutex_destroy(&reloader->lock);
    free(reloader);
}

/* Files that are written one after the other change several times: only what two looks see alike is loaded. */
bool reloader_sees_change(struct reloader *reloader, int64_t now_ms)
{
    int64_t interval_ms = reloader->config->rules.watch_interval_ms;
    struct rules_files now;
    if (!interval_ms || now_ms < reloader->next_look_ms)
        return false;
    reloader->next_look_ms = now_ms + interval_ms;
    if (!look(reloader, &now))
        return false;
    bool stands_still = rules_files_equal(&now, &reloader->seen);
    reloader->seen = now;
    if (!stands_still) /* look again soon: the change is not to wait for two intervals */
        reloader->next_look_ms = now_ms + (interval_ms < 1000 ? interval_ms : 1000);
    return stands_still && !rules_files_equal(&now, &reloader->tried);
}

/* ---- an attempt ---- */

struct problem {
    const struct wd_ruleset *set;
    char *text;
    size_t size;
};

static void first_failure(void *context, const struct wd_rule_test_result *result)
{
    struct problem *problem = context;
    const struct wd_rule_info *rule = wd_ruleset_rule(problem->set, result->rule);
    if (!result->passed && !problem->text[0])
        snprintf(problem->text, problem->size, "%s:%d:%d: %s: an example fails: %s", result->file, result->line,
                 result->column, rule->id, result->reason);
}

static bool passes_its_examples(const struct wd_ruleset *set, char *text, size_t size)
{
    struct problem problem = {.set = set, .text = text, .size = size};
    struct wd_rule_test_counts counts = {0};
    struct wd_error err = {0};
    if (wd_ruleset_test(set, first_failure, &problem, &counts, &err) != WD_OK) {
        snprintf(text, size, "the examples cannot be run: %s", err.text);
        return false;
    }
    return counts.failed == 0;
}

static void first_error(const struct wd_diagnostics *findings, char *text, size_t size)
{
    for (size_t i = 0; i < wd_diagnostics_count(findings); i++) {
        const struct wd_diagnostic *finding = wd_diagnostics_at(findings, i);
        if (finding->severity != WD_ERROR)
            continue;
        size_t errors = wd_diagnostics_errors(findings);
        int used = snprintf(text, size, "%s:%d:%d: %s: %s", finding->file, finding->line, finding->column,
                            finding->code, finding->message);
        if (errors > 1 && used > 0 && (size_t)used < size)
            snprintf(text + used, size - (size_t)used, " (and %zu more errors)", errors - 1);
        return;
    }
    snprintf(text, size, "no memory");
}

static struct wd_ruleset *load_and_test(struct reloader *reloader, char *text, size_t size)
{
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct wd_ruleset *set = NULL;
    if (!findings || load(reloader->config, true, &set, findings) != WD_OK) {
        if (findings) {
            wd_diagnostics_sort(findings);
            first_error(findings, text, size);
        } else {
            snprintf(text, size, "no memory");
        }
    } else if (!passes_its_examples(set, text, size)) {
        wd_ruleset_unref(set);
        set = NULL;
    }
    wd_diagnostics_free(findings);
    return set;
}

/* Loads until the files are the same before and after, so that what is used was there at one time. */
static struct wd_ruleset *load_steady(struct reloader *reloader, char *text, size_t size)
{
    for (int attempt = 0; attempt < UNSTEADY_ATTEMPTS; attempt++) {
        struct rules_files before, after;
        text[0] = '\0';
        if (!look(reloader, &before))
            break;
        struct wd_ruleset *set = load_and_test(reloader, text, size);
        if (look(reloader, &after) && rules_files_equal(&before, &after)) {
            reloader->tried = reloader->seen = after;
            return set;
        }
        wd_ruleset_unref(set);
    }
    snprintf(text, size,
             "the files change while they are read: put a whole folder or file in place at once, by renaming");
    return NULL;
}

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- in the background ---- */

struct background {
    struct reloader *reloader;
    struct wd_ruleset *set;
    char *problem;
    size_t size;
};

/* Shards go first: where all processors are busy, a rule set may take its time. */
static void *load_in_background(void *context)
{
    enum { NICE = 10 };
    struct background *background = context;
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE); /* of this thread alone, on Linux; no matter if it fails */
    background->set = load_steady(background->reloader, background->problem, background->size);
    return NULL;
}

static struct wd_ruleset *load_aside(struct reloader *reloader, char *problem, size_t size)
{
    struct background background = {.reloader = reloader, .problem = problem, .size = size};
    pthread_t thread;
    if (pthread_create(&thread, NULL, load_in_background, &background) != 0)
        return load_steady(reloader, problem, size);
    pthread_join(thread, NULL);
    return background.set;
}

struct wd_ruleset *reloader_load(struct reloader *reloader, const char *cause)
{
    char problem[sizeof(reloader->status.problem)] = "";
    struct wd_ruleset *set = load_aside(reloader, problem, sizeof(problem));
    pthread_mutex_lock(&reloader->lock);
    struct reload_status *status = &reloader->status;
    status->succeeded += set != NULL;
    status->failed += set == NULL;
    status->is_stale = set == NULL;
    status->last_ms = wall_ms();
    snprintf(status->cause, sizeof(status->cause), "%s", cause);
    snprintf(status->problem, sizeof(status->problem), "%s", problem);
    pthread_mutex_unlock(&reloader->lock);
    metrics_add(reloader->metrics, set ? METRIC_RULE_RELOADS : METRIC_RULE_RELOAD_FAILURES, 1);
    metrics_set(reloader->metrics, METRIC_RULES_STALE, set == NULL);
    if (set)
        log_write(LOG_INFO, "rules-reloaded", "new rule sets take over", LOG_STR("cause", cause),
                  LOG_INT("rules", wd_ruleset_rule_count(set)), LOG_STR("ruleset", wd_ruleset_digest(set)), LOG_END);
    else
        log_write(LOG_ERROR, "rules-reload-failed", "the rule sets cannot be used; the old ones stay",
                  LOG_STR("cause", cause), LOG_STR("error", problem), LOG_END);
    return set;
}

void reloader_ask(struct reloader *reloader)
{
    atomic_store(&reloader->is_asked, true);
}

bool reloader_is_asked(struct reloader *reloader)
{
    return atomic_exchange(&reloader->is_asked, false);
}

void reloader_status(struct reloader *reloader, struct reload_status *out)
{
    pthread_mutex_lock(&reloader->lock);
    *out = reloader->status;
    pthread_mutex_unlock(&reloader->lock);
}

const struct metrics *reloader_metrics(const struct reloader *reloader)
{
    return reloader->metrics;
}
