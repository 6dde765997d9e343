/* What it costs to remember: events a second by text rules alone, and by the same rules with signals, scores, a ladder
 * and trust beside them, on values in memory. Both ways in turn, round by round, by processor time, without decoding.
 *
 *     behaviour --rules RULES.tsv --texts MESSAGES.jsonl [--count 1000] [--authors 1000000] [--places 1000]
 *               [--events 100000] [--rounds 5] [--signals rate,repeat_of,coordinated,links,raid]
 *
 * Authors write with equal likelihood, a thousand messages a second of event time. Every author has a value before the
 * first round. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <warden/behaviour.h>
#include <warden/decode.h>

#include "bench/allocations.h"
#include "worker/cli/rule_lines.h"

enum { ROUNDS_MAX = 99, ARENA_BYTES = 16 << 20, TEXT_BYTES = 1 << 30, RECORD_BYTES = 1 << 20 };
static const int64_t BEGIN_MS = 1767225600000;

static const struct {
    const char *name, *rule;
} SIGNALS[] = {
    {"rate", "- {id: s.rate, when: {rate: {of: message.didCreate, over: 10s, more_than: {new: 6, default: 12}}}, "
             "score: {spam: 3}, strikes: 1, actions: [flag]}\n"},
    {"repeat_of", "- {id: s.repeat, when: {repeat_of: {within: 10m, more_than: 3}}, score: {spam: 6}, strikes: 1, "
                  "actions: [flag]}\n"},
    {"coordinated", "- {id: s.crowd, when: {coordinated: {authors: 5, within: 30s}}, score: {spam: 10}, actions: "
                    "[flag]}\n"},
    {"links", "- {id: s.links, when: {rate: {over: 10m, count: {distinct: links}, more_than: 10}}, score: {spam: 4}, "
              "strikes: 1, actions: [flag]}\n"},
    {"raid", "- {id: s.raid, when: {all: [{trust: new}, {rate: {over: 10s, per: place, count: {distinct: authors}, "
             "more_than: 30}}]}, score: {risk: 2}, actions: []}\n"},
};
enum { SIGNAL_COUNT = sizeof(SIGNALS) / sizeof(*SIGNALS) };

static const char SECTION[] =
    "behaviour:\n"
    "  scores:\n"
    "    spam: {half_life: 24h, bands: [{at: 20, actions: [flag]}, {at: 40, leave: 25, actions: [hide, {mute: 1h}]}]}\n"
    "    risk: {half_life: 7d}\n"
    "  ladders: {default: {expire: 30d, steps: [{after: 3, within: 24h, actions: [{mute: 1h}]}]}}\n"
    "  trust: [{name: trusted, min_age: 90d, clean_for: 30d, min_contents: 20}, {name: regular, min_age: 7d}]\n";

static const char *const VIEWS[] = {NULL};

struct options {
    const char *rules, *texts, *signals;
    size_t count, authors, places, events;
    unsigned rounds;
};

struct world {
    struct options options;
    struct wd_ruleset *plain, *remembering;
    struct wd_scanner *scanners[2];
    struct wd_arena *arena, *kept;
    struct wd_value_table *table;
    struct wd_event *events; /* with texts; authors and times are made */
    size_t event_count;
    uint64_t number; /* of the message that comes next */
    uint64_t matches[2];
};

static _Noreturn void give_up(const char *what, const char *why)
{
    fprintf(stderr, "behaviour: %s: %s\n", what, why);
    exit(2);
}

static double processor_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- input ---- */

static void read_texts(struct world *world)
{
    FILE *file = fopen(world->options.texts, "r");
    struct wd_decoder *decoder = wd_decoder_new(RECORD_BYTES);
    char *line = NULL;
    size_t room = 0, event_room = 0;
    ssize_t len;
    world->kept = wd_arena_new(TEXT_BYTES);
    if (!file || !decoder || !world->kept)
        give_up(world->options.texts, strerror(errno));
    while ((len = getline(&line, &room, file)) > 0) {
        struct wd_events events = {0};
        struct wd_str kept = wd_arena_copy(world->kept, (struct wd_str){.data = line, .len = (size_t)len});
        if (!kept.data || wd_decode(decoder, world->kept, kept.data, kept.len, &events, NULL) != WD_DECODED ||
            !events.count)
            continue;
        if (world->event_count == event_room) {
            event_room = event_room ? 2 * event_room : 1024;
            world->events = realloc(world->events, event_room * sizeof(*world->events));
            if (!world->events)
                give_up("texts", "no memory");
        }
        world->events[world->event_count++] = events.items[0];
    }
    free(line);
    fclose(file);
    wd_decoder_free(decoder);
    if (!world->event_count)
        give_up(world->options.texts, "has no texts");
}

static bool is_wanted(const char *signals, const char *name)
{
    const char *at = signals ? strstr(signals, name) : NULL;
    return !signals || (at && (at == signals || at[-1] == ',') && strchr(",", at[strlen(name)]));
}

static struct wd_ruleset *load(const struct rule_lines *lines, const struct options *options, bool remembers)
{
    static const struct rule_lines_header HEADER = {.id = "bench", .mode = "enforce", .views = VIEWS};
    char *yaml = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&yaml, &len);
    if (!out || rule_lines_print(lines, &HEADER, options->count, out) != WD_OK)
        give_up("rules", "no memory");
    for (size_t i = 0; i < SIGNAL_COUNT && remembers; i++)
        if (is_wanted(options->signals, SIGNALS[i].name))
            fputs(SIGNALS[i].rule, out);
    fputs(remembers ? SECTION : "", out);
    if (fclose(out) != 0)
        give_up("rules", "no memory");
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct wd_ruleset *set = NULL;
    if (wd_ruleset_load_text("rules.yaml", yaml, len, NULL, &set, findings) != WD_OK) {
        wd_diagnostics_print(findings, stderr);
        give_up("rules", "do not load");
    }
    wd_diagnostics_free(findings);
    free(yaml);
    return set;
}

static void read_rules(struct world *world)
{
    static const struct rule_lines_header HEADER = {.id = "bench", .mode = "enforce", .views = VIEWS};
    struct rule_lines lines;
    struct wd_error err = {0};
    struct wd_diagnostics *findings = wd_diagnostics_new();
    FILE *file = fopen(world->options.rules, "r");
    if (!file)
        give_up(world->options.rules, strerror(errno));
    if (rule_lines_read(&lines, RULE_LINES_TABLE, world->options.rules, file, findings, &err) != WD_OK ||
        rule_lines_check(&lines, &HEADER, findings, &err) != WD_OK)
        give_up(world->options.rules, err.text);
    fclose(file);
    wd_diagnostics_free(findings);
    world->plain = load(&lines, &world->options, false);
    world->remembering = load(&lines, &world->options, true);
    rule_lines_fini(&lines);
}

/* ---- events ---- */

static uint64_t mixed(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

struct names {
    char author[32], place[32], content[32];
};

static void make_event(const struct world *world, uint64_t number, uint64_t author, struct names *names,
                       struct wd_event *event)
{
    *event = world->events[number % world->event_count];
    event->name = wd_str_from("message.didCreate");
    event->content_type = WD_CONTENT_MESSAGE;
    event->created_at_ms = BEGIN_MS + (int64_t)number;
    snprintf(names->author, sizeof(names->author), "user-%llu", (unsigned long long)author);
    snprintf(names->place, sizeof(names->place), "channel-%llu",
             (unsigned long long)(mixed(number) % world->options.places));
    snprintf(names->content, sizeof(names->content), "m-%llu", (unsigned long long)number);
    event->author = (struct wd_author){.id = wd_str_from(names->author), .flag_count = -1, .age_days = -1};
    event->place = (struct wd_place){.channel_id = wd_str_from(names->place)};
    event->content_id = wd_str_from(names->content);
}

static void judge(struct world *world, bool remembers, uint64_t number, uint64_t author)
{
    struct names names;
    struct wd_event event;
    struct wd_verdict verdict;
    struct wd_error err;
    struct wd_origin origin = {.source = 1, .sequence = number << 16};
    make_event(world, number, author, &names, &event);
    wd_arena_reset(world->arena);
    enum wd_status status = remembers ? wd_scan_with_table(world->scanners[1], world->remembering, world->arena, &event,
                                                           event.created_at_ms, &origin, world->table, &verdict, &err)
                                      : wd_scan(world->scanners[0], world->plain, world->arena, &event,
                                                event.created_at_ms, &verdict, &err);
    if (status != WD_OK)
        give_up("an event", err.text);
    world->matches[remembers] += verdict.match_count;
}

static void fill(struct world *world)
{
    for (uint64_t i = 0; i < world->options.authors; i++)
        judge(world, true, world->number++, i);
}

/* Nanoseconds an event. */
static double pass(struct world *world, bool remembers, uint64_t first)
{
    double start = processor_seconds();
    for (uint64_t i = 0; i < world->options.events; i++)
        judge(world, remembers, first + i, mixed(~(first + i)) % world->options.authors);
    return (processor_seconds() - start) * 1e9 / (double)world->options.events;
}

/* ---- the report ---- */

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void measure(struct world *world)
{
    static double plain[ROUNDS_MAX], remembering[ROUNDS_MAX];
    uint64_t allocations = 0;
    unsigned rounds = world->options.rounds;
    for (unsigned i = 0; i < rounds; i++) {
        plain[i] = pass(world, false, world->number);
        uint64_t before = allocations_so_far();
        remembering[i] = pass(world, true, world->number);
        allocations = allocations_so_far() - before;
        world->number += world->options.events;
    }
    qsort(plain, rounds, sizeof(*plain), compare_doubles);
    qsort(remembering, rounds, sizeof(*remembering), compare_doubles);
    printf("%-32s %8.0f ns an event, %9.0f events/s\n", "text rules alone", plain[rounds / 2], 1e9 / plain[rounds / 2]);
    printf("%-32s %8.0f ns an event, %9.0f events/s: %.2f times the cost\n", "and what is remembered",
           remembering[rounds / 2], 1e9 / remembering[rounds / 2], remembering[rounds / 2] / plain[rounds / 2]);
    printf("%.3f allocations an event in the last round (values that grow, and new keys)\n",
           (double)allocations / (double)world->options.events);
}

/* The values of a sample of authors. */
static void tell_sizes(const struct world *world)
{
    enum { SAMPLE = 10000 };
    size_t bytes = 0, room = 0, count = 0;
    for (; count < SAMPLE && count < world->options.authors; count++) {
        char key[32];
        snprintf(key, sizeof(key), "a:user-%llu", (unsigned long long)(mixed(count) % world->options.authors));
        const struct wd_value *value = wd_value_table_get(world->table, wd_str_from(key));
        bytes += value->len;
        room += value->capacity;
    }
    printf("%.0f bytes an author on average, %.0f with what is kept free\n", (double)bytes / (double)count,
           (double)room / (double)count);
}

static size_t number_of(const char *text, size_t most)
{
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    if (*end || !value || value > most)
        give_up(text, "is no number that can be");
    return (size_t)value;
}

static struct options read_options(int argc, char **argv)
{
    static const struct option LONG[] = {{"rules", 1, NULL, 'r'},   {"texts", 1, NULL, 't'},   {"count", 1, NULL, 'c'},
                                         {"authors", 1, NULL, 'a'}, {"places", 1, NULL, 'p'},  {"events", 1, NULL, 'e'},
                                         {"rounds", 1, NULL, 'n'},  {"signals", 1, NULL, 's'}, {0}};
    struct options options = {.count = 1000, .authors = 1000000, .places = 1000, .events = 100000, .rounds = 5};
    for (int option; (option = getopt_long(argc, argv, "", LONG, NULL)) != -1;) {
        switch (option) {
        case 'r':
            options.rules = optarg;
            break;
        case 't':
            options.texts = optarg;
            break;
        case 's':
            options.signals = optarg;
            break;
        case 'c':
            options.count = number_of(optarg, 1000000);
            break;
        case 'a':
            options.authors = number_of(optarg, 100000000);
            break;
        case 'p':
            options.places = number_of(optarg, 100000000);
            break;
        case 'e':
            options.events = number_of(optarg, 100000000);
            break;
        case 'n':
            options.rounds = (unsigned)number_of(optarg, ROUNDS_MAX);
            break;
        default:
            give_up("usage", "behaviour --rules RULES.tsv --texts MESSAGES.jsonl");
        }
    }
    if (!options.rules || !options.texts)
        give_up("usage", "behaviour --rules RULES.tsv --texts MESSAGES.jsonl");
    return options;
}

int main(int argc, char **argv)
{
    struct world world = {.options = read_options(argc, argv)};
    world.scanners[0] = wd_scanner_new(NULL);
    world.scanners[1] = wd_scanner_new(NULL);
    world.arena = wd_arena_new(ARENA_BYTES);
    world.table = wd_value_table_new();
    if (!world.scanners[0] || !world.scanners[1] || !world.arena || !world.table)
        give_up("start", "no memory");
    read_texts(&world);
    read_rules(&world);
    fill(&world);
    printf("%zu text rules, %zu authors, %zu events a round, medians of %u rounds by processor time\n",
           world.options.count, world.options.authors, world.options.events, world.options.rounds);
    measure(&world);
    tell_sizes(&world);
    wd_value_table_free(world.table);
    wd_ruleset_unref(world.plain);
    wd_ruleset_unref(world.remembering);
    wd_scanner_free(world.scanners[0]);
    wd_scanner_free(world.scanners[1]);
    wd_arena_free(world.arena);
    wd_arena_free(world.kept);
    free(world.events);
    return 0;
}
