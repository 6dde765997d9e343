/* `warden rules bench`: how fast a rule set is on events of one's own, and which rules cost most. What always holds:
 * speed is measured without the counting of costs, costs in rounds of their own. Neighbours: bench_report.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <warden/arena.h>
#include <warden/behaviour.h>
#include <warden/decode.h>

#include "worker/cli/bench_report.h"
#include "worker/cli/commands.h"

enum { RECORD_BYTES_MAX = 16 << 20, ARENA_BYTES = 256 << 20, INPUT_BYTES_MAX = 1 << 30, ROUNDS_MAX = 99 };

struct line {
    size_t start, len;
};

struct bench {
    char *bytes; /* all lines */
    size_t used, room;
    struct line *lines;
    size_t line_count, line_room;
    struct wd_decoder *decoder;
    struct wd_arena *arena;
    struct wd_value_table *table; /* of the pass under way */
    double *longest_ns;           /* by line: the least of the rounds */
    double decode_ns[ROUNDS_MAX], judge_ns[ROUNDS_MAX];
    struct bench_rule *rules;
    struct wd_rule_cost *costs;
    struct bench_report report;
};

/* ---- input ---- */

static bool reserve(struct bench *bench, size_t more)
{
    if (bench->used + more > bench->room) {
        size_t room = (bench->used + more) * 2;
        char *bytes = realloc(bench->bytes, room);
        if (!bytes)
            return false;
        bench->bytes = bytes;
        bench->room = room;
    }
    if (bench->line_count == bench->line_room) {
        size_t room = bench->line_room ? bench->line_room * 2 : 1024;
        struct line *lines = realloc(bench->lines, room * sizeof(*lines));
        if (!lines)
            return false;
        bench->lines = lines;
        bench->line_room = room;
    }
    return true;
}

static bool read_lines(struct bench *bench, FILE *in)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    bool fine = true;
    while (fine && bench->used < INPUT_BYTES_MAX && (len = getline(&line, &room, in)) >= 0) {
        while (len && (line[len - 1] == '\n' || line[len - 1] == '\r'))
            len--;
        fine = reserve(bench, (size_t)len + 1);
        if (!fine || !len)
            continue;
        memcpy(bench->bytes + bench->used, line, (size_t)len);
        bench->lines[bench->line_count++] = (struct line){.start = bench->used, .len = (size_t)len};
        bench->used += (size_t)len + 1;
    }
    free(line);
    return fine;
}

/* ---- measuring ---- */

static uint64_t now_ns(void *context)
{
    (void)context;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static bool judge_events(struct bench *bench, struct wd_scanner *scanner, const struct wd_events *events, size_t line,
                         bool count)
{
    struct bench_report *report = &bench->report;
    for (size_t i = 0; i < events->count; i++) {
        const struct wd_event *event = &events->items[i];
        struct wd_verdict verdict;
        struct wd_origin origin = {.source = 1, .sequence = (uint64_t)(line + 1) << 16 | i};
        int64_t now_ms = wd_event_time_ms(event);
        enum wd_status status = bench->table
                                    ? wd_scan_with_table(scanner, report->set, bench->arena, event, now_ms, &origin,
                                                         bench->table, &verdict, NULL)
                                    : wd_scan(scanner, report->set, bench->arena, event, now_ms, &verdict, NULL);
        if (status != WD_OK)
            return false;
        if (!count)
            continue;
        report->events++;
        report->candidates += verdict.candidates;
        report->matching_events += verdict.match_count > 0;
        for (size_t t = 0; t < event->text_count; t++) {
            report->texts += event->texts[t].text.len > 0;
            report->text_bytes += event->texts[t].text.len;
        }
        for (size_t m = 0; m < verdict.match_count; m++) {
            bench->rules[verdict.matches[m].rule].matches += verdict.matches[m].is_match;
            report->undecided += verdict.matches[m].undecided;
        }
    }
    return true;
}

/* Decodes all lines and judges their events where there is a scanner. With `count` what is found is counted. */
static void pass(struct bench *bench, struct wd_scanner *scanner, bool count, bool time_each)
{
    wd_value_table_free(bench->table); /* each pass begins with nothing remembered */
    bench->table = scanner && wd_ruleset_remembers(bench->report.set) ? wd_value_table_new() : NULL;
    for (size_t i = 0; i < bench->line_count; i++) {
        struct wd_events events = {0};
        uint64_t start = 0;
        wd_arena_reset(bench->arena);
        bool fine = wd_decode(bench->decoder, bench->arena, bench->bytes + bench->lines[i].start, bench->lines[i].len,
                              &events, NULL) == WD_DECODED;
        if (time_each)
            start = now_ns(NULL);
        if (fine && scanner)
            fine = judge_events(bench, scanner, &events, i, count);
        if (time_each) {
            double ns = (double)(now_ns(NULL) - start);
            if (!bench->longest_ns[i] || ns < bench->longest_ns[i])
                bench->longest_ns[i] = ns;
        }
        if (count) {
            bench->report.records++;
            bench->report.refused += !fine;
        }
    }
}

static double timed_pass(struct bench *bench, struct wd_scanner *scanner)
{
    uint64_t start = now_ns(NULL);
    pass(bench, scanner, false, false);
    return (double)(now_ns(NULL) - start);
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(double *values, unsigned count)
{
    qsort(values, count, sizeof(*values), compare_doubles);
    return values[count / 2];
}

static void measure(struct bench *bench, struct wd_scanner *plain, struct wd_scanner *counting, unsigned rounds)
{
    struct bench_report *report = &bench->report;
    pass(bench, plain, true, false); /* fills caches and buffers, too */
    for (unsigned i = 0; i < rounds; i++) {
        bench->decode_ns[i] = timed_pass(bench, NULL);
        bench->judge_ns[i] = timed_pass(bench, plain) - bench->decode_ns[i];
        pass(bench, plain, false, true);
        pass(bench, counting, false, false);
    }
    report->rounds = rounds;
    report->decode_ns = median(bench->decode_ns, rounds);
    report->judge_ns = median(bench->judge_ns, rounds);
    report->judge_ns = report->judge_ns > 1 ? report->judge_ns : 1;
    for (size_t i = 0; i < bench->line_count; i++)
        if (bench->longest_ns[i] > report->longest_event_ns)
            report->longest_event_ns = bench->longest_ns[i];
    for (size_t i = 0; i < wd_ruleset_rule_count(report->set); i++) {
        bench->rules[i].cost.tries = bench->costs[i].tries / rounds;
        bench->rules[i].cost.ns = bench->rules[i].cost.tries ? bench->costs[i].ns / rounds : 0;
    }
}

/* ---- the command ---- */

static void bench_fini(struct bench *bench)
{
    free(bench->bytes);
    free(bench->lines);
    free(bench->longest_ns);
    free(bench->rules);
    free(bench->costs);
    wd_decoder_free(bench->decoder);
    wd_arena_free(bench->arena);
    wd_value_table_free(bench->table);
}

static bool bench_init(struct bench *bench, const struct wd_ruleset *set)
{
    size_t rules = wd_ruleset_rule_count(set);
    bench->decoder = wd_decoder_new(RECORD_BYTES_MAX);
    bench->arena = wd_arena_new(ARENA_BYTES);
    bench->longest_ns = calloc(bench->line_count + 1, sizeof(*bench->longest_ns));
    bench->rules = calloc(rules + 1, sizeof(*bench->rules));
    bench->costs = calloc(rules + 1, sizeof(*bench->costs));
    bench->report.set = set;
    bench->report.rules = bench->rules;
    return bench->decoder && bench->arena && bench->longest_ns && bench->rules && bench->costs;
}

static int run_bench(const struct cli_arguments *arguments, struct bench *bench, const struct wd_ruleset *set)
{
    long long rounds, top;
    if (!cli_number(arguments, "rounds", 1, ROUNDS_MAX, 5, &rounds) ||
        !cli_number(arguments, "top", 0, 1000000, 20, &top))
        return EXIT_USAGE;
    if (!bench->line_count)
        return cli_fail(arguments, EXIT_NOTHING, "there are no events");
    if (!bench_init(bench, set))
        return cli_fail(arguments, EXIT_FINDINGS, "no memory");
    const struct wd_scanner_options plain = {.stage = WD_STAGE_WORKER},
                                    counting = {.stage = WD_STAGE_WORKER, .clock = now_ns, .costs = bench->costs};
    struct wd_scanner *scanners[2] = {wd_scanner_new(&plain), wd_scanner_new(&counting)};
    int code = EXIT_FINDINGS;
    if (scanners[0] && scanners[1]) {
        measure(bench, scanners[0], scanners[1], (unsigned)rounds);
        if (cli_has(arguments, "json"))
            bench_report_print_json(&bench->report, (unsigned)top);
        else
            bench_report_print(&bench->report, (unsigned)top);
        code = bench->report.refused ? EXIT_FINDINGS : EXIT_FINE;
    } else {
        cli_fail(arguments, code, "no memory");
    }
    wd_scanner_free(scanners[0]);
    wd_scanner_free(scanners[1]);
    return code;
}

static int read_input(const struct cli_arguments *arguments, struct bench *bench)
{
    const char *path = cli_value(arguments, "events");
    bool from_stdin = !path || strcmp(path, "-") == 0;
    FILE *in = from_stdin ? stdin : fopen(path, "re");
    if (!in)
        return cli_fail(arguments, EXIT_FINDINGS, "%s: %s", path, strerror(errno));
    bool fine = read_lines(bench, in);
    int code = ferror(in) ? cli_fail(arguments, EXIT_FINDINGS, "%s: cannot be read", from_stdin ? "-" : path)
               : !fine    ? cli_fail(arguments, EXIT_FINDINGS, "no memory")
                          : EXIT_FINE;
    if (!from_stdin)
        fclose(in);
    return code;
}

static int bench_rules(const struct cli_arguments *arguments)
{
    int code;
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct bench *bench = calloc(1, sizeof(*bench));
    if (!findings || !bench) {
        wd_diagnostics_free(findings);
        free(bench);
        return cli_fail(arguments, EXIT_FINDINGS, "no memory");
    }
    uint64_t start = now_ns(NULL);
    struct wd_ruleset *set = cli_load_rules(arguments, false, RULES_AS_CONFIGURED, findings, &code);
    bench->report.load_seconds = (double)(now_ns(NULL) - start) / 1e9;
    if (wd_diagnostics_errors(findings))
        wd_diagnostics_print(findings, stderr);
    wd_diagnostics_free(findings);
    if (set)
        code = read_input(arguments, bench);
    if (set && code == EXIT_FINE)
        code = run_bench(arguments, bench, set);
    bench_fini(bench);
    free(bench);
    wd_ruleset_unref(set);
    return code;
}

static const struct cli_option OPTIONS[] = {
    CLI_RULES_OPTION,
    {.name = "events", .letter = 'e', .argument = "FILE", .text = "JSON lines; - or nothing: standard input."},
    {.name = "sample",
     .argument = "FILE",
     .text = "Messages for the index to learn from, as rules.sample: others than the "
             "events, or the figures flatter."},
    {.name = "rounds", .argument = "N", .text = "Passes over the events; the median counts: 5 if not given."},
    {.name = "top", .argument = "N", .text = "How many of the costliest rules to list: 20 if not given."},
    {.name = "json", .letter = 'j', .text = "Print one JSON object."},
    CLI_CONFIG_OPTIONS,
    {0},
};

const struct cli_command command_rules_bench = {
    .name = "rules bench",
    .summary = "measure how fast rule sets are on given events, and which rules cost most",
    .text = "Reads JSON lines, {\"text\":\"...\"} or whole events, and judges them again and again on one core. Prints "
            "texts and events a second; how many rules the index finds by what; and the costliest rules: their share "
            "of the time that goes into trying rules, how often they were tried and how often they matched, with "
            "advice where something can be done. A set that remembers begins each pass anew and keeps its values in "
            "memory.\n"
            "Figures of one run can be compared with each other; those of two machines cannot.",
    .options = OPTIONS,
    .run = bench_rules,
};
