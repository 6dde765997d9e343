/* How long a shard stands still when new rules come: one thread judges texts without an end, another loads rule sets
 * and hands them over, as the worker does (worker/handover.c). In every other reload the shard does by itself what its
 * loader does for it: makes the memory, and frees the old rules. Both ways in one run.
 *
 *     reload --rules RULES.tsv --texts TEXTS.jsonl [--count 10000] [--reloads 20]
 *
 * A pause is the time from one verdict to the next, as processor time of the thread and by the clock on the wall, in
 * which the work of others on the machine shows. */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include <warden/ruleset.h>
#include <warden/scanner.h>

#include "worker/cli/rule_lines.h"
#include "worker/handover.h"

enum {
    ARENA_BYTES = 16 << 20,
    TEXTS_MAX = 100000,
    RELOADS_MAX = 1000,
    AFTER = 2000 /* events that a change can slow */
};

struct texts {
    struct wd_str items[TEXTS_MAX];
    size_t count;
};

struct pause {
    double processor_us, wall_us;
};

enum way { HANDED_OVER, BY_ITSELF, WAYS };

struct shard {
    struct handover handover;
    struct wd_ruleset *rules;
    struct wd_scanner *scanner;
    struct metrics *metrics;
    const struct texts *texts;
    atomic_bool stop;
    _Atomic(enum way) way; /* of the next change */
    atomic_size_t changes;
    struct pause changing[WAYS][RELOADS_MAX], after[WAYS][RELOADS_MAX]; /* the change itself; the longest soon after */
    size_t counts[WAYS];
    struct pause other; /* the longest of all others */
    size_t events;
};

static _Noreturn void give_up(const char *what, const char *why)
{
    fprintf(stderr, "reload: %s: %s\n", what, why);
    exit(2);
}

static double microseconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static struct pause now(void)
{
    return (struct pause){.processor_us = microseconds(CLOCK_THREAD_CPUTIME_ID),
                          .wall_us = microseconds(CLOCK_MONOTONIC)};
}

static struct pause since(struct pause start)
{
    struct pause end = now();
    return (struct pause){end.processor_us - start.processor_us, end.wall_us - start.wall_us};
}

static void keep_longest(struct pause *longest, struct pause pause)
{
    longest->processor_us = pause.processor_us > longest->processor_us ? pause.processor_us : longest->processor_us;
    longest->wall_us = pause.wall_us > longest->wall_us ? pause.wall_us : longest->wall_us;
}

/* ---- input ---- */

static void read_texts(const char *path, struct texts *texts)
{
    char *line = NULL;
    size_t room = 0;
    FILE *file = fopen(path, "r");
    if (!file)
        give_up(path, strerror(errno));
    while (texts->count < TEXTS_MAX && getline(&line, &room, file) > 0) {
        json_t *value = json_loads(line, 0, NULL);
        const char *text = json_string_value(json_object_get(value, "text"));
        if (!text)
            give_up(path, "is no file of lines {\"text\": ...}");
        texts->items[texts->count++] = wd_str_from(strdup(text));
        json_decref(value);
    }
    free(line);
    fclose(file);
}

/* The rules as a file would have them. */
static char *read_rules(const char *path, size_t count, size_t *len_out)
{
    const struct rule_lines_header header = {.id = "bench", .mode = "enforce"};
    struct rule_lines lines;
    struct wd_error err = {0};
    struct wd_diagnostics *findings = wd_diagnostics_new();
    char *yaml = NULL;
    FILE *file = fopen(path, "rb");
    if (!file)
        give_up(path, strerror(errno));
    if (rule_lines_read(&lines, RULE_LINES_TABLE, path, file, findings, &err) != WD_OK ||
        rule_lines_check(&lines, &header, findings, &err) != WD_OK)
        give_up(path, err.text);
    fclose(file);
    FILE *out = open_memstream(&yaml, len_out);
    if (!out || rule_lines_print(&lines, &header, count, out) != WD_OK || fclose(out) != 0)
        give_up(path, "no memory");
    rule_lines_fini(&lines);
    wd_diagnostics_free(findings);
    return yaml;
}

static struct wd_ruleset *load(const char *yaml, size_t len)
{
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct wd_ruleset *set = NULL;
    if (wd_ruleset_load_text("rules.yaml", yaml, len, NULL, &set, findings) != WD_OK)
        give_up("rules", "do not load");
    wd_diagnostics_free(findings);
    return set;
}

/* ---- the shard ---- */

/* As if there were no handover: what comes with the rules is thrown away, the old ones are freed here. */
static bool take_by_itself(struct shard *shard)
{
    if (!handover_take(&shard->handover, &shard->rules, shard->scanner, shard->metrics))
        return false;
    wd_scanner_memory_free(wd_scanner_exchange_memory(shard->scanner, NULL));
    if (metrics_set_rules_of(shard->metrics, shard->rules, wd_ruleset_rule_count(shard->rules)) != 0)
        give_up("counters", "no memory");
    handover_collect(&shard->handover);
    return true;
}

static void judge(struct shard *shard, struct wd_arena *arena, struct wd_str content)
{
    struct wd_text text = {.field = WD_FIELD_TEXT, .text = content};
    struct wd_event event = {.name = wd_str_from("message.didCreate"), .texts = &text, .text_count = 1};
    struct wd_verdict verdict;
    struct wd_error err;
    wd_arena_reset(arena);
    if (wd_scan(shard->scanner, shard->rules, arena, &event, 0, &verdict, &err) != WD_OK)
        give_up("scan", err.text);
    for (uint32_t i = 0; i < verdict.candidates; i++)
        metrics_rule_add(shard->metrics, verdict.candidate_rules[i], RULE_CANDIDATE, 1);
}

static void *run_shard(void *context)
{
    struct shard *shard = context;
    struct wd_arena *arena = wd_arena_new(ARENA_BYTES);
    enum way way = HANDED_OVER;
    size_t quiet = 0; /* events since the last change */
    struct pause before = now();
    for (; !atomic_load(&shard->stop); shard->events++, quiet++) {
        enum way next = atomic_load(&shard->way);
        bool changed = next == BY_ITSELF
                           ? take_by_itself(shard)
                           : handover_take(&shard->handover, &shard->rules, shard->scanner, shard->metrics);
        if (changed) {
            way = next;
            quiet = 0;
            shard->changing[way][shard->counts[way]++] = since(before);
            atomic_fetch_add(&shard->changes, 1);
        }
        judge(shard, arena, shard->texts->items[shard->events % shard->texts->count]);
        struct pause pause = since(before);
        bool is_after = quiet < AFTER && shard->counts[way];
        keep_longest(is_after ? &shard->after[way][shard->counts[way] - 1] : &shard->other, pause);
        before = now();
    }
    wd_arena_free(arena);
    return NULL;
}

/* ---- telling ---- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void tell(const char *what, const struct pause *pauses, size_t count)
{
    double processor[RELOADS_MAX], wall[RELOADS_MAX];
    for (size_t i = 0; i < count; i++) {
        processor[i] = pauses[i].processor_us;
        wall[i] = pauses[i].wall_us;
    }
    qsort(processor, count, sizeof(double), compare);
    qsort(wall, count, sizeof(double), compare);
    printf("  %-34s median %7.0f, longest %7.0f us of processor time; by the clock %7.0f, %7.0f us\n", what,
           processor[count / 2], processor[count - 1], wall[count / 2], wall[count - 1]);
}

static void print_results(const struct shard *shard, size_t rules)
{
    static const char *const WAYS_NAMES[WAYS] = {"handed over", "by the shard itself"};
    printf("%zu rules, %zu events, %zu changes\n", rules, shard->events, atomic_load(&shard->changes));
    for (int way = 0; way < WAYS; way++) {
        printf("%s:\n", WAYS_NAMES[way]);
        tell("the change itself", shard->changing[way], shard->counts[way]);
        tell("longest pause with and after it", shard->after[way], shard->counts[way]);
    }
    printf("longest pause at any other time: %.0f us of processor time, %.0f us by the clock\n",
           shard->other.processor_us, shard->other.wall_us);
}

int main(int argc, char **argv)
{
    static const struct option LONG[] = {{"rules", required_argument, NULL, 'r'},
                                         {"texts", required_argument, NULL, 't'},
                                         {"count", required_argument, NULL, 'c'},
                                         {"reloads", required_argument, NULL, 'n'},
                                         {0}};
    static struct texts texts;
    static struct shard shard;
    const char *rules_path = NULL, *texts_path = NULL;
    size_t count = 10000, reloads = 20, len = 0;
    for (int letter; (letter = getopt_long(argc, argv, "r:t:c:n:", LONG, NULL)) != -1;) {
        if (letter == 'r')
            rules_path = optarg;
        else if (letter == 't')
            texts_path = optarg;
        else if (letter == 'c')
            count = strtoul(optarg, NULL, 10);
        else if (letter == 'n')
            reloads = strtoul(optarg, NULL, 10);
        else
            return 2;
    }
    if (!rules_path || !texts_path || !count || reloads < 2 || reloads > RELOADS_MAX)
        give_up("usage", "reload --rules RULES.tsv --texts TEXTS.jsonl [--count N] [--reloads 2..1000]");
    read_texts(texts_path, &texts);
    char *yaml = read_rules(rules_path, count, &len);
    shard.texts = &texts;
    shard.rules = load(yaml, len);
    shard.scanner = wd_scanner_new(NULL);
    shard.metrics = metrics_new();
    if (metrics_set_rules_of(shard.metrics, shard.rules, wd_ruleset_rule_count(shard.rules)) != 0)
        give_up("counters", "no memory");
    pthread_t thread;
    if (pthread_create(&thread, NULL, run_shard, &shard) != 0)
        give_up("thread", "cannot be started");
    for (size_t i = 0; i < reloads; i++) {
        struct wd_ruleset *set = load(yaml, len);
        atomic_store(&shard.way, (enum way)(i % WAYS));
        if (!handover_offer(&shard.handover, set))
            give_up("offer", "no memory");
        wd_ruleset_unref(set);
        while (atomic_load(&shard.changes) <= i)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
        if (i % WAYS == HANDED_OVER)
            handover_collect(&shard.handover);
    }
    atomic_store(&shard.stop, true);
    pthread_join(thread, NULL);
    print_results(&shard, wd_ruleset_rule_count(shard.rules));
    wd_scanner_free(shard.scanner);
    metrics_free(shard.metrics);
    wd_ruleset_unref(shard.rules);
    handover_fini(&shard.handover);
    for (size_t i = 0; i < texts.count; i++)
        free((char *)texts.items[i].data);
    free(yaml);
    return 0;
}
