/* Texts a second by number of rules: our index beside PCRE2 one by one and, where they were found when this was
 * configured, RE2::Set and Hyperscan or Vectorscan. All run in turn on one thread, round by round, so that the ratios
 * of a run can be trusted even where its figures cannot. */
#include "bench/match.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

enum { COUNTS_MAX = 16, ROUNDS_MAX = 99 };

static const struct match_engine *const engines[] = {
    &match_index,     &match_avx2, &match_portable, &match_pcre2,
#ifdef HAVE_RE2
    &match_re2,
#endif
#ifdef HAVE_HYPERSCAN
    &match_hyperscan,
#endif
};
enum { ENGINES = sizeof engines / sizeof engines[0], INDEXES = 3 /* the first so many are ways of our index */ };

struct options {
    const char *rules, *texts, *only;
    size_t counts[COUNTS_MAX], count_count;
    unsigned rounds;
    double seconds; /* of one engine in one round */
    bool json, check;
};

struct outcome {
    double build_seconds, texts_per_second, memory_bytes;
    double matches_per_text;
    bool ran;
};

/* Processor time of this thread: the same as time where nothing else runs, and nearer the truth where something does.
 */
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    char line[128] = "";
    if (file) {
        if (!fgets(line, sizeof line, file))
            line[0] = '\0';
        fclose(file);
    }
    char *rest = line;
    strtoul(line, &rest, 10);
    return (double)strtoul(rest, NULL, 10) * (double)sysconf(_SC_PAGESIZE);
}

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Runs through the texts, from where the last round stopped, until the time is up. */
static double run_round(const struct match_engine *engine, void *state, const struct match_texts *texts, double seconds,
                        size_t *cursor, double *matches, double *scans)
{
    double start = now(), end = start;
    size_t done = 0, batch = 16; /* texts between two looks at the clock, which takes time itself */
    while (end - start < seconds) {
        double last = end;
        for (size_t i = 0; i < batch; i++) {
            *matches += (double)engine->scan(state, texts->items[*cursor], NULL, NULL);
            *cursor = *cursor + 1 < texts->count ? *cursor + 1 : 0;
        }
        done += batch;
        end = now();
        if (end - last < 0.001)
            batch *= 2;
    }
    *scans += (double)done;
    return (double)done / (end - start);
}

/* Once through the texts, if that is not too long: engines that build as they go have then built most. */
static void warm_up(const struct match_engine *engine, void *state, const struct match_texts *texts)
{
    static const double most_seconds = 3;
    double start = now();
    for (size_t i = 0; i < texts->count && now() - start < most_seconds; i++)
        engine->scan(state, texts->items[i], NULL, NULL);
}

static bool is_wanted(const struct options *options, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = options->only; at && (at = strstr(at, name)); at += len)
        if ((at == options->only || at[-1] == ',') && (at[len] == ',' || at[len] == '\0'))
            return true;
    return options->only == NULL;
}

static void measure(const struct options *options, const struct match_rules *rules, size_t count,
                    const struct match_texts *texts, struct outcome outcomes[ENGINES])
{
    void *states[ENGINES] = {0};
    double speeds[ENGINES][ROUNDS_MAX], matches[ENGINES] = {0}, scans[ENGINES] = {0};
    size_t cursors[ENGINES] = {0};
    for (size_t e = 0; e < ENGINES; e++) {
        outcomes[e] = (struct outcome){0};
        if (!is_wanted(options, engines[e]->name))
            continue;
        double before = resident_bytes(), start = now();
        states[e] = engines[e]->build(rules->items, count);
        outcomes[e].build_seconds = now() - start;
        outcomes[e].ran = states[e] != NULL;
        if (states[e])
            warm_up(engines[e], states[e], texts);
        outcomes[e].memory_bytes = resident_bytes() - before;
    }
    for (unsigned round = 0; round < options->rounds; round++)
        for (size_t e = 0; e < ENGINES; e++)
            if (states[e])
                speeds[e][round] =
                    run_round(engines[e], states[e], texts, options->seconds, &cursors[e], &matches[e], &scans[e]);
    for (size_t e = 0; e < ENGINES; e++) {
        if (!states[e])
            continue;
        qsort(speeds[e], options->rounds, sizeof speeds[e][0], compare_doubles);
        outcomes[e].texts_per_second = speeds[e][options->rounds / 2];
        outcomes[e].matches_per_text = matches[e] / scans[e];
        engines[e]->free(states[e]);
    }
}

static void print_table(size_t count, const struct outcome outcomes[ENGINES])
{
    double ours = outcomes[0].texts_per_second;
    for (size_t e = 0; e < ENGINES; e++) {
        const struct outcome *o = &outcomes[e];
        if (!o->ran)
            continue;
        printf("%6zu rules  %-10s %12.0f texts/s  %8.2f us  index is %7.2f x  build %8.3f s  %7.1f MB  %.4f matches\n",
               count, engines[e]->name, o->texts_per_second, 1e6 / o->texts_per_second, ours / o->texts_per_second,
               o->build_seconds, o->memory_bytes / 1e6, o->matches_per_text);
    }
    fflush(stdout);
}

static json_t *outcomes_json(size_t count, const struct outcome outcomes[ENGINES])
{
    json_t *list = json_array();
    for (size_t e = 0; e < ENGINES; e++) {
        const struct outcome *o = &outcomes[e];
        if (!o->ran)
            continue;
        json_array_append_new(list, json_pack("{s:I, s:s, s:s, s:f, s:f, s:f, s:f}", "rules", (json_int_t)count,
                                              "engine", engines[e]->name, "note", engines[e]->note, "texts_per_second",
                                              o->texts_per_second, "build_seconds", o->build_seconds, "memory_bytes",
                                              o->memory_bytes, "matches_per_text", o->matches_per_text));
    }
    return list;
}

/* ---- --check: do the index and PCRE2 agree to the last pair? ---- */

struct pairs {
    unsigned char *matched;
};

static void mark(void *context, uint32_t rule)
{
    ((struct pairs *)context)->matched[rule] ^= 1;
}

struct checking {
    const struct match_rules *rules;
    size_t count;
    unsigned char *expected, *found; /* by rule, of one text */
    size_t matches, wrong[INDEXES];
};

static void check_text(struct checking *checking, size_t text, struct wd_str bytes, void *states[INDEXES])
{
    for (size_t e = 0; e < INDEXES; e++) {
        if (!states[e])
            continue;
        memcpy(checking->found, checking->expected, checking->count);
        struct pairs pairs = {.matched = checking->found};
        engines[e]->scan(states[e], bytes, mark, &pairs);
        for (size_t r = 0; r < checking->count; r++)
            if (checking->found[r] && ++checking->wrong[e] < 20)
                fprintf(stderr, "text %zu, rule %zu: only one of %s and pcre2 says match: %.*s\n", text, r,
                        engines[e]->name, WD_STR_ARG(checking->rules->items[r].pattern));
    }
}

static int check(const struct options *options, const struct match_rules *rules, size_t count,
                 const struct match_texts *texts)
{
    struct checking checking = {
        .rules = rules, .count = count, .expected = calloc(count + 1, 1), .found = calloc(count + 1, 1)};
    void *states[INDEXES] = {0}, *pcre2 = match_pcre2.build(rules->items, count);
    int failed = 0;
    if (!checking.expected || !checking.found)
        abort();
    for (size_t e = 0; e < INDEXES; e++)
        states[e] = is_wanted(options, engines[e]->name) ? engines[e]->build(rules->items, count) : NULL;
    for (size_t t = 0; t < texts->count; t++) {
        struct pairs pairs = {.matched = checking.expected};
        memset(checking.expected, 0, count);
        checking.matches += match_pcre2.scan(pcre2, texts->items[t], mark, &pairs);
        check_text(&checking, t, texts->items[t], states);
    }
    for (size_t e = 0; e < INDEXES; e++) {
        if (!states[e])
            continue;
        printf("%zu rules x %zu texts: %zu matches, %zu pairs of %s differ\n", count, texts->count, checking.matches,
               checking.wrong[e], engines[e]->name);
        failed |= checking.wrong[e] > 0;
        engines[e]->free(states[e]);
    }
    match_pcre2.free(pcre2);
    free(checking.expected);
    free(checking.found);
    return failed;
}

static void usage(FILE *to)
{
    fputs(
        "usage: match --rules FILE --texts FILE [--counts 10,100,1000] [--rounds 5] [--seconds 0.5]\n"
        "             [--engines index,avx2,portable,pcre2,re2,hyperscan] [--json]\n"
        "             [--check]\n"
        "  --rules    lines of id, kind, caseless (0 or 1) and pattern, separated by tabs; a set of N is the first N\n"
        "  --texts    lines of {\"text\": \"...\"}\n"
        "  --seconds  how long each engine runs in each round\n"
        "  --check    compare the index (each of its ways in --engines) with PCRE2 on every pair instead\n",
        to);
}

static void parse_counts(struct options *options, const char *list)
{
    options->count_count = 0;
    for (char *end; options->count_count < COUNTS_MAX && *list; list = *end ? end + 1 : end) {
        unsigned long count = strtoul(list, &end, 10);
        if (end == list) {
            usage(stderr);
            exit(2);
        }
        options->counts[options->count_count++] = count;
    }
}

static struct options parse_options(int argc, char **argv)
{
    static const struct option names[] = {
        {"rules", required_argument, NULL, 'r'},   {"texts", required_argument, NULL, 't'},
        {"counts", required_argument, NULL, 'c'},  {"rounds", required_argument, NULL, 'n'},
        {"seconds", required_argument, NULL, 's'}, {"engines", required_argument, NULL, 'e'},
        {"json", no_argument, NULL, 'j'},          {"check", no_argument, NULL, 'k'},
        {"help", no_argument, NULL, 'h'},          {0}};
    struct options options = {.rounds = 5, .seconds = 0.5};
    parse_counts(&options, "10,100,1000,10000");
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (c) {
        case 'r':
            options.rules = optarg;
            break;
        case 't':
            options.texts = optarg;
            break;
        case 'c':
            parse_counts(&options, optarg);
            break;
        case 'n':
            options.rounds = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 's':
            options.seconds = strtod(optarg, NULL);
            break;
        case 'e':
            options.only = optarg;
            break;
        case 'j':
            options.json = true;
            break;
        case 'k':
            options.check = true;
            break;
        default:
            usage(c == 'h' ? stdout : stderr);
            exit(c == 'h' ? 0 : 2);
        }
    }
    if (!options.rules || !options.texts || options.rounds == 0 || options.rounds > ROUNDS_MAX) {
        usage(stderr);
        exit(2);
    }
    return options;
}

int main(int argc, char **argv)
{
    struct options options = parse_options(argc, argv);
    struct match_rules rules = match_rules_read(options.rules);
    struct match_texts texts = match_texts_read(options.texts);
    json_t *all = json_array();
    int failed = texts.count == 0;
    for (size_t i = 0; i < options.count_count && texts.count > 0; i++) {
        size_t count = options.counts[i] < rules.count ? options.counts[i] : rules.count;
        struct outcome outcomes[ENGINES];
        if (options.check) {
            failed |= check(&options, &rules, count, &texts);
            continue;
        }
        measure(&options, &rules, count, &texts, outcomes);
        if (options.json)
            json_array_extend(all, outcomes_json(count, outcomes));
        else
            print_table(count, outcomes);
    }
    if (options.json && !options.check) {
        json_dumpf(all, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    json_decref(all);
    match_rules_free(&rules);
    match_texts_free(&texts);
    return failed;
}
