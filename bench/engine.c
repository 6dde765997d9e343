/* How fast the whole library is on one core, JSON bytes to verdicts, and where the time goes: events a second, each
 * stage, allocations, the longest event, memory and load time of the rules. All ways run in turn, round by round, so
 * that their ratios hold on a noisy machine.
 *
 *     engine --rules RULES.tsv|RULES.yaml --events EVENTS.jsonl [--counts 10,100,1000,10000] [--rounds 5]
 *            [--budget MS [--each]] [--view VIEW]... [--vectors avx2|none] [--json]
 *
 * --counts, --each and --view are for a table; a rule set is taken as it is.
 * With --budget only this: the longest event where that many milliseconds are all that an event may take (see
 * engine_longest.c), with all rules and, with --each, with each rule by itself, which then is never switched off.
 */
#include "bench/engine.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "bench/allocations.h"
#include "filters/patterns/wide.h"

enum { RECORD_BYTES = 16 << 20, ARENA_BYTES = 64 << 20, COUNTS_MAX = 16, ROUNDS_MAX = 99, VIEWS_MAX = 8 };
/* As the worker has them unless it is told otherwise. */
enum { EVENT_BUDGET_NS = 4000000, RULE_BUDGET_NS = 2000000 };

enum way { JANSSON, DECODE, VIEWS, CANDIDATES, CONFIRMED, WHOLE, GUARDED, WAY_COUNT };
static engine_pass *const PASSES[WAY_COUNT] = {engine_pass_jansson,    engine_pass_decode,    engine_pass_views,
                                               engine_pass_candidates, engine_pass_confirmed, engine_pass_whole,
                                               engine_pass_guarded};

struct options {
    const char *rules, *events;
    const char *views[VIEWS_MAX + 1];
    size_t view_count;
    size_t counts[COUNTS_MAX], count_count;
    unsigned rounds, budget_ms;
    bool json, each;
};

struct outcome {
    size_t rules;
    double load_seconds, set_bytes, resident_bytes;
    double ns[WAY_COUNT]; /* an event; medians */
    double allocations;   /* an event */
    double longest_ns, longest_99_9_ns;
    struct engine_longest strict; /* with --budget */
    uint64_t events, matches, candidates, refused;
};

_Noreturn void engine_give_up(const char *what, const char *why)
{
    fprintf(stderr, "engine: %s: %s\n", what, why);
    exit(2);
}

uint64_t engine_now_ns(void *context)
{
    (void)context;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t engine_processor_ns(void *context)
{
    (void)context;
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Processor time: what else the machine does matters less. */
static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double resident_bytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%*d %ld", &pages) != 1) /* NOLINT(cert-err34-c): the kernel wrote it */
        pages = 0;
    if (file)
        fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

/* ---- input ---- */

static struct engine_records read_records(const char *path)
{
    struct engine_records records = {0};
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        engine_give_up(path, strerror(errno));
    long size = ftell(file);
    rewind(file);
    records.bytes = malloc((size_t)(size > 0 ? size : 0) + 1);
    records.starts = malloc(((size_t)(size > 0 ? size : 0) + 2) * sizeof(*records.starts));
    if (size <= 0 || !records.bytes || !records.starts || fread(records.bytes, 1, (size_t)size, file) != (size_t)size)
        engine_give_up(path, "is empty or cannot be read");
    fclose(file);
    size_t bytes = (size_t)size;
    if (records.bytes[bytes - 1] != '\n')
        records.bytes[bytes++] = '\n';
    for (size_t at = 0; at < bytes;) {
        records.starts[records.count++] = at;
        at = (size_t)((const char *)memchr(records.bytes + at, '\n', bytes - at) - records.bytes) + 1;
    }
    records.starts[records.count] = bytes;
    records.byte_count = bytes - records.count;
    return records;
}

/* ---- measuring ---- */

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), compare_doubles);
    return values[count / 2];
}

static void measure_ways(struct engine *engine, unsigned rounds, struct outcome *outcome)
{
    static double ns[WAY_COUNT][ROUNDS_MAX];
    for (unsigned round = 0; round < rounds; round++) {
        for (int way = 0; way < WAY_COUNT; way++) {
            double start = now_seconds();
            PASSES[way](engine);
            ns[way][round] = (now_seconds() - start) * 1e9 / (double)engine->records.count;
        }
    }
    for (int way = 0; way < WAY_COUNT; way++)
        outcome->ns[way] = median(ns[way], rounds);
}

/* Each record's least time of several passes, so that what is left is its own. */
static void measure_longest(struct engine *engine, unsigned rounds, struct outcome *outcome)
{
    struct engine_records all = engine->records;
    double *least = calloc(all.count, sizeof(*least));
    if (!least)
        engine_give_up("records", "no memory");
    for (unsigned round = 0; round < rounds + 2; round++) {
        for (size_t i = 0; i < all.count; i++) {
            engine->records = (struct engine_records){.bytes = all.bytes, .starts = all.starts + i, .count = 1};
            uint64_t start = engine_now_ns(NULL);
            engine_pass_whole(engine);
            double ns = (double)(engine_now_ns(NULL) - start);
            if (!round || ns < least[i])
                least[i] = ns;
        }
    }
    engine->records = all;
    qsort(least, all.count, sizeof(*least), compare_doubles);
    outcome->longest_ns = least[all.count - 1];
    outcome->longest_99_9_ns = least[all.count - 1 - all.count / 1000];
    free(least);
}

static struct outcome measure(struct engine *engine, const struct engine_rules *rules, size_t first, size_t count,
                              unsigned rounds)
{
    struct outcome outcome = {0};
    double before = resident_bytes();
    struct wd_ruleset *set = engine_rules_load(rules, first, count, &outcome.load_seconds);
    outcome.resident_bytes = resident_bytes() - before;
    outcome.set_bytes = (double)wd_ruleset_memory(set);
    outcome.rules = wd_ruleset_rule_count(set);
    engine->set = set;
    if (engine->strict) { /* without a budget hostile events would take for ever */
        double seconds;
        struct wd_ruleset *again = engine_rules_load(rules, first, count, &seconds);
        outcome.strict = engine_longest(engine, again);
        wd_ruleset_unref(again);
        wd_ruleset_unref(set);
        return outcome;
    }
    for (int way = 0; way < WAY_COUNT; way++)
        PASSES[way](engine); /* fills caches and buffers */
    uint64_t allocations = allocations_so_far();
    engine_pass_whole(engine);
    outcome.allocations = (double)(allocations_so_far() - allocations) / (double)engine->records.count;
    outcome.events = engine->events;
    outcome.matches = engine->matches;
    outcome.candidates = engine->candidates;
    outcome.refused = engine->refused;
    measure_ways(engine, rounds, &outcome);
    measure_longest(engine, rounds, &outcome);
    wd_ruleset_unref(set);
    return outcome;
}

/* ---- telling ---- */

static void print_strict(const struct outcome *o, unsigned budget_ms)
{
    const struct engine_longest *longest = &o->strict;
    printf("\n%zu rules, a budget of %u ms of processor time; medians of %d, in brackets the longest of all readings\n",
           o->rules, budget_ms, ENGINE_LONGEST_AGAIN);
    printf("  longest event %.2f ms (%.2f ms), record %zu; with decoding %.2f ms (%.2f ms), record %zu\n",
           longest->judged.median_ns / 1e6, longest->judged.most_ns / 1e6, longest->judged.record,
           longest->whole.median_ns / 1e6, longest->whole.most_ns / 1e6, longest->whole.record);
    printf("  %llu events ended by it, %llu rules switched off\n", (unsigned long long)longest->ended,
           (unsigned long long)longest->switched_off);
}

static void measure_each(struct engine *engine, const struct engine_rules *rules, unsigned budget_ms)
{
    double longest_ns = 0;
    for (size_t i = 0; i < engine_rules_count(rules); i++) {
        struct outcome outcome = measure(engine, rules, i, 1, 1);
        double ns = outcome.strict.judged.median_ns;
        printf("%8.2f ms (record %zu)  %3llu ended  %.*s\n", ns / 1e6, outcome.strict.judged.record,
               (unsigned long long)outcome.strict.ended, WD_STR_ARG(engine_rules_text(rules, i)));
        longest_ns = ns > longest_ns ? ns : longest_ns;
    }
    printf("%8.2f ms is the longest event of all, a budget of %u ms of processor time\n", longest_ns / 1e6, budget_ms);
}

static void print_outcome(const struct outcome *o)
{
    const double *ns = o->ns;
    printf("\n%zu rules: load %.3f s, %.1f MB (%.1f MB more resident)\n", o->rules, o->load_seconds, o->set_bytes / 1e6,
           o->resident_bytes / 1e6);
    printf("  %9.0f events/s whole, %.0f with time budgets; decoded by jansson it could be %.0f at most\n",
           1e9 / ns[WHOLE], 1e9 / ns[GUARDED], 1e9 / ns[JANSSON]);
    printf("  %9.0f ns an event: decode %.0f, views %.0f, index %.0f, confirm %.0f, conditions and plan %.0f\n",
           ns[WHOLE], ns[DECODE], ns[VIEWS] - ns[DECODE], ns[CANDIDATES] - ns[VIEWS], ns[CONFIRMED] - ns[CANDIDATES],
           ns[WHOLE] - ns[CONFIRMED]);
    printf("  longest event %.0f us, of 99.9 %% %.0f us; %.4f allocations an event\n", o->longest_ns / 1e3,
           o->longest_99_9_ns / 1e3, o->allocations);
    printf("  %.2f candidates and %.3f matches an event\n", (double)o->candidates / (double)o->events,
           (double)o->matches / (double)o->events);
}

static json_t *outcome_json(const struct outcome *o)
{
    static const char *const NAMES[WAY_COUNT] = {"jansson",   "decode", "views",  "candidates",
                                                 "confirmed", "whole",  "guarded"};
    json_t *ns = json_object();
    for (int way = 0; way < WAY_COUNT; way++)
        json_object_set_new(ns, NAMES[way], json_real(o->ns[way]));
    return json_pack("{s:I, s:f, s:f, s:f, s:f, s:o, s:f, s:f, s:f, s:I, s:f, s:f}", "rules", (json_int_t)o->rules,
                     "events_per_second", 1e9 / o->ns[WHOLE], "load_seconds", o->load_seconds, "set_bytes",
                     o->set_bytes, "resident_bytes", o->resident_bytes, "ns_per_record_until", ns, "longest_ns",
                     o->longest_ns, "longest_99_9_ns", o->longest_99_9_ns, "allocations_per_record", o->allocations,
                     "events", (json_int_t)o->events, "matches_per_event", (double)o->matches / (double)o->events,
                     "candidates_per_event", (double)o->candidates / (double)o->events);
}

static void read_counts(struct options *options, const char *text)
{
    char *end = NULL;
    for (options->count_count = 0; *text && options->count_count < COUNTS_MAX; text = *end ? end + 1 : end) {
        options->counts[options->count_count] = strtoul(text, &end, 10);
        if (end == text || (*end && *end != ',') || !options->counts[options->count_count])
            engine_give_up("--counts", "expected numbers with commas between");
        options->count_count++;
    }
}

/* As on a processor that has no more. */
static void limit_vectors(const char *most)
{
    if (strcmp(most, "avx2") != 0 && strcmp(most, "none") != 0)
        engine_give_up("--vectors", "expected avx2 or none");
    wide_limit(strcmp(most, "avx2") == 0 ? WD_VECTORS_AVX2 : WD_VECTORS_NONE);
}

static struct options read_options(int argc, char **argv)
{
    static const struct option LONG[] = {
        {"rules", required_argument, NULL, 'r'},   {"events", required_argument, NULL, 'e'},
        {"counts", required_argument, NULL, 'c'},  {"rounds", required_argument, NULL, 'n'},
        {"view", required_argument, NULL, 'v'},    {"budget", required_argument, NULL, 'b'},
        {"vectors", required_argument, NULL, 'w'}, {"each", no_argument, NULL, 'a'},
        {"json", no_argument, NULL, 'j'},          {0}};
    struct options options = {.rounds = 5, .counts = {10, 100, 1000, 10000}, .count_count = 4};
    for (int letter; (letter = getopt_long(argc, argv, "r:e:c:n:v:b:w:aj", LONG, NULL)) != -1;) {
        if (letter == 'r')
            options.rules = optarg;
        else if (letter == 'e')
            options.events = optarg;
        else if (letter == 'c')
            read_counts(&options, optarg);
        else if (letter == 'n')
            options.rounds = (unsigned)strtoul(optarg, NULL, 10);
        else if (letter == 'v' && options.view_count < VIEWS_MAX)
            options.views[options.view_count++] = optarg;
        else if (letter == 'b')
            options.budget_ms = (unsigned)strtoul(optarg, NULL, 10);
        else if (letter == 'w')
            limit_vectors(optarg);
        else if (letter == 'a')
            options.each = true;
        else if (letter == 'j')
            options.json = true;
        else
            exit(2);
    }
    if (!options.rules || !options.events || !options.rounds || options.rounds > ROUNDS_MAX)
        engine_give_up(
            "usage",
            "engine --rules RULES.tsv|RULES.yaml --events EVENTS.jsonl [--counts N,N] [--rounds 1..99] [--view VIEW] "
            "[--budget MS [--each]] [--vectors avx2|none] [--json]");
    return options;
}

int main(int argc, char **argv)
{
    struct options options = read_options(argc, argv);
    struct engine_rules *rules = engine_rules_read(options.rules, options.views);
    const struct wd_scanner_options plain = {.stage = WD_STAGE_WORKER},
                                    guarded = {.stage = WD_STAGE_WORKER,
                                               .clock = engine_now_ns,
                                               .processor_clock = engine_processor_ns,
                                               .event_budget_ns = EVENT_BUDGET_NS,
                                               .rule_budget_ns = RULE_BUDGET_NS};
    const struct wd_scanner_options patient = {.stage = WD_STAGE_WORKER,
                                               .clock = engine_processor_ns,
                                               .event_budget_ns = options.budget_ms * UINT64_C(1000000)};
    const struct wd_scanner_options strict = {.stage = WD_STAGE_WORKER,
                                              .clock = engine_processor_ns,
                                              .event_budget_ns = options.budget_ms * UINT64_C(1000000),
                                              .rule_budget_ns = options.each ? 0 : RULE_BUDGET_NS};
    struct engine engine = {.records = read_records(options.events),
                            .decoder = wd_decoder_new(RECORD_BYTES),
                            .arena = wd_arena_new(ARENA_BYTES),
                            .scanner = wd_scanner_new(&plain),
                            .guarded = wd_scanner_new(&guarded),
                            .strict = options.budget_ms ? wd_scanner_new(&strict) : NULL,
                            .patient = options.budget_ms ? wd_scanner_new(&patient) : NULL,
                            .inside = engine_inside_new()};
    if (!engine.decoder || !engine.arena || !engine.scanner || !engine.guarded ||
        (options.budget_ms && (!engine.strict || !engine.patient)) || !engine.inside)
        engine_give_up("engine", "no memory");
    if (!engine_rules_are_a_table(rules))
        options.count_count = 1; /* a set is taken as it is */
    json_t *all = json_array();
    if (!options.json)
        printf("%zu records of %zu bytes; one core, medians of %u rounds\n", engine.records.count,
               engine.records.byte_count / engine.records.count, options.rounds);
    if (options.each && options.budget_ms)
        measure_each(&engine, rules, options.budget_ms);
    for (size_t i = 0; i < options.count_count && !options.each; i++) {
        struct outcome outcome = measure(&engine, rules, 0, options.counts[i], options.rounds);
        if (outcome.refused)
            fprintf(stderr, "engine: %zu records or events were refused\n", (size_t)outcome.refused);
        if (options.budget_ms)
            print_strict(&outcome, options.budget_ms);
        else if (options.json)
            json_array_append_new(all, outcome_json(&outcome));
        else
            print_outcome(&outcome);
        fflush(stdout);
    }
    if (options.json && !options.budget_ms) {
        json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
        putchar('\n');
    }
    json_decref(all);
    engine_rules_free(rules);
    free(engine.records.bytes);
    free(engine.records.starts);
    wd_scanner_free(engine.scanner);
    wd_scanner_free(engine.guarded);
    wd_scanner_free(engine.strict);
    wd_scanner_free(engine.patient);
    engine_inside_free(engine.inside);
    wd_decoder_free(engine.decoder);
    wd_arena_free(engine.arena);
    return 0;
}
