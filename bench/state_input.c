/* What bench/state is given: its arguments, events, and rules with and without signals of behaviour. */
#include "bench/state.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/cli/rule_lines.h"
#include "worker/state/state.h"

/* Five signals of the author, a score and a ladder that two of them feed. */
static const char SIGNALS[] =
    "- {id: bench.rate, title: rate, severity: low, scope: {events: ['*']},\n"
    "   when: {rate: {of: '*', over: 10s, per: author, more_than: 8}}, score: {spam: 5}, actions: [flag]}\n"
    "- {id: bench.links, title: links, severity: low, scope: {events: ['*']},\n"
    "   when: {rate: {of: '*', over: 1h, per: author, count: {distinct: links}, more_than: 5}}, strikes: 1, actions: "
    "[flag]}\n"
    "- {id: bench.again, title: again, severity: low, scope: {events: ['*']},\n"
    "   when: {repeat_of: {within: 10m, more_than: 2, distance: 2}}, score: {spam: 3}, actions: [flag]}\n"
    "- {id: bench.score, title: score, severity: low, scope: {events: ['*']}, when: {score: {spam: {ge: 30}}}, "
    "actions: [flag]}\n"
    "- {id: bench.strikes, title: strikes, severity: low, scope: {events: ['*']},\n"
    "   when: {all: [{trust: new}, {strikes: {within: 24h, ge: 3}}]}, actions: [flag]}\n";
static const char CROWD[] = "- {id: bench.crowd, title: crowd, severity: low, scope: {events: ['*']},\n"
                            "   when: {coordinated: {authors: 5, within: 30s, distance: 3}}, actions: [flag]}\n";
static const char BEHAVIOUR[] =
    "behaviour:\n"
    "  scores: {spam: {half_life: 24h, bands: [{at: 40, actions: [flag]}, {at: 80, actions: [hide]}]}}\n"
    "  trust: [{name: regular, min_age: 7d, min_contents: 5}]\n"
    "  ladders: {default: {expire: 7d, steps: [{after: 3, actions: [flag]}]}}\n";

_Noreturn void bench_give_up(const char *what, const char *why)
{
    fprintf(stderr, "state: %s: %s\n", what, why);
    exit(2);
}

struct bench_records bench_records_read(const char *path)
{
    struct bench_records records = {0};
    size_t len = 0;
    struct wd_error err = {0};
    FILE *file = fopen(path, "rb");
    if (!file || rule_lines_read_whole(file, &records.bytes, &len, &err) != WD_OK)
        bench_give_up(path, file ? err.text : strerror(errno));
    fclose(file);
    records.items = malloc((len / 2 + 2) * sizeof(*records.items));
    for (char *at = records.bytes; at < records.bytes + len;) {
        char *end = memchr(at, '\n', (size_t)(records.bytes + len - at));
        end = end ? end : records.bytes + len;
        if (end > at)
            records.items[records.count++] = (struct wd_str){.data = at, .len = (size_t)(end - at)};
        at = end + 1;
    }
    if (!records.count)
        bench_give_up(path, "is empty");
    return records;
}

struct wd_ruleset *bench_rules_load(const struct bench_options *options, bool remembers)
{
    const char *const views[] = {NULL};
    const struct rule_lines_header header = {.id = "bench", .mode = "enforce", .views = views};
    struct rule_lines lines;
    struct wd_error err = {0};
    struct wd_diagnostics *findings = wd_diagnostics_new();
    FILE *file = fopen(options->rules, "rb");
    if (!file || rule_lines_read(&lines, RULE_LINES_TABLE, options->rules, file, findings, &err) != WD_OK ||
        rule_lines_check(&lines, &header, findings, &err) != WD_OK)
        bench_give_up(options->rules, file ? err.text : strerror(errno));
    fclose(file);
    char *yaml = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&yaml, &len);
    if (rule_lines_print(&lines, &header, options->rule_count, out) != WD_OK)
        bench_give_up("rules", "no memory");
    if (remembers)
        fprintf(out, "%s%s%s", SIGNALS, options->crowd ? CROWD : "", BEHAVIOUR);
    fclose(out);
    struct wd_ruleset *set = NULL;
    wd_diagnostics_free(findings);
    findings = wd_diagnostics_new();
    if (wd_ruleset_load_text("rules.yaml", yaml, len, NULL, &set, findings) != WD_OK) {
        wd_diagnostics_print(findings, stderr);
        bench_give_up("rules", "do not load");
    }
    wd_diagnostics_free(findings);
    rule_lines_fini(&lines);
    free(yaml);
    return set;
}

/* ---- arguments ---- */

static void read_counts(struct bench_options *options, const char *text)
{
    char *end = NULL;
    for (options->author_counts = 0; *text && options->author_counts < STATE_COUNTS_MAX; text = *end ? end + 1 : end) {
        options->authors[options->author_counts] = strtoul(text, &end, 10);
        if (end == text || (*end && *end != ',') || !options->authors[options->author_counts])
            bench_give_up("--authors", "expected numbers with commas between");
        options->author_counts++;
    }
}

struct bench_options bench_options_read(int argc, char **argv)
{
    static const struct option LONG[] = {{"rules", required_argument, NULL, 'r'},
                                         {"events", required_argument, NULL, 'e'},
                                         {"authors", required_argument, NULL, 'a'},
                                         {"measure", required_argument, NULL, 'm'},
                                         {"batch", required_argument, NULL, 'b'},
                                         {"stores", required_argument, NULL, 's'},
                                         {"redis", required_argument, NULL, 'R'},
                                         {"folder", required_argument, NULL, 'f'},
                                         {"rule-count", required_argument, NULL, 'c'},
                                         {"cache-mb", required_argument, NULL, 'C'},
                                         {"sync-ms", required_argument, NULL, 'S'},
                                         {"wait-for-syncs", no_argument, NULL, 'W'},
                                         {"crowd", no_argument, NULL, 'w'},
                                         {"json", no_argument, NULL, 'j'},
                                         {0}};
    struct bench_options options = {.rule_count = 1000,
                                    .authors = {1000000},
                                    .author_counts = 1,
                                    .measure = 300000,
                                    .batch = 256,
                                    .cache_mb = 256,
                                    .sync_ms = 1000,
                                    .redis = "127.0.0.1:6379",
                                    .folder = "/tmp/warden-bench-state",
                                    .with = {[STATE_MEMORY] = true, [STATE_LMDB] = true}};
    for (int letter; (letter = getopt_long(argc, argv, "r:e:a:m:b:s:R:f:c:C:S:Wwj", LONG, NULL)) != -1;) {
        switch (letter) {
        case 'r':
            options.rules = optarg;
            break;
        case 'e':
            options.events = optarg;
            break;
        case 'a':
            read_counts(&options, optarg);
            break;
        case 'm':
            options.measure = strtoul(optarg, NULL, 10);
            break;
        case 'b':
            options.batch = strtoul(optarg, NULL, 10);
            break;
        case 'c':
            options.rule_count = strtoul(optarg, NULL, 10);
            break;
        case 'S':
            options.sync_ms = strtoul(optarg, NULL, 10);
            break;
        case 'C':
            options.cache_mb = strtoul(optarg, NULL, 10);
            break;
        case 'R':
            options.redis = optarg;
            break;
        case 'f':
            options.folder = optarg;
            break;
        case 'W':
            options.wait_for_syncs = true;
            break;
        case 'w':
            options.crowd = true;
            break;
        case 'j':
            options.json = true;
            break;
        case 's':
            for (int kind = STATE_MEMORY; kind <= STATE_REDIS; kind++)
                options.with[kind] = strstr(optarg, state_kind_name((enum state_kind)kind)) != NULL;
            break;
        default:
            exit(2);
        }
    }
    if (!options.rules || !options.events || !options.measure || !options.batch || options.batch > STATE_BATCH_MAX)
        bench_give_up("usage",
                      "state --rules RULES.tsv --events EVENTS.jsonl [--rule-count N] [--authors N,N] [--measure N] "
                      "[--batch 1..8192] [--stores memory,lmdb,redis] [--redis host:port] [--folder NEW] "
                      "[--cache-mb N] [--sync-ms N] [--wait-for-syncs] "
                      "[--crowd] [--json]");
    return options;
}
