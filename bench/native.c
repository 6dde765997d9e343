/* What native matchers cost: nanoseconds a text for twenty rules together and for each by itself, beyond what a set
 * costs that looks at nothing. All sets run in turn, round by round; medians of the thread's processor time.
 *
 *     native --texts TEXTS.jsonl [--rounds 9] [--only RULE|together|nothing] [--json]
 *     native --print [--views VIEW,VIEW]
 *
 * With --only one set alone, for a profiler. --print: the twenty rules as a rule set, for bench/engine. Texts are lines
 * of {"text": ...}. What holds for a machine are the ratios within one run. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include <warden/ruleset.h>
#include <warden/scanner.h>

enum { ROUNDS_MAX = 99, ARENA_BYTES = 64 << 20, YAML_BYTES = 16384 };

/* As moderators write them: what is asked for often stands here more than once. */
static const struct {
    const char *name, *when;
} RULES[] = {
    {"repeat_words_6", "{repeat: {of: words, at_least: 6}}"},
    {"repeat_words_3", "{repeat: {of: words, at_least: 3, min_length: 3}}"},
    {"repeat_characters_8", "{repeat: {of: characters, at_least: 8}}"},
    {"repeat_characters_5", "{repeat: {of: characters, at_least: 5}}"},
    {"repeat_chunks_5", "{repeat: {of: chunks, at_least: 5}}"},
    {"repeat_lines_4", "{repeat: {of: lines, at_least: 4}}"},
    {"domain_scam", "{domain: [evil.example, freemoney.test, scam.example]}"},
    {"domain_shorteners", "{domain: [bit.ly, tinyurl.com, t.co, goo.gl, is.gd]}"},
    {"domain_rivals", "{domain: [rival.example, other.example, 203.0.113.7]}"},
    {"domain_chat", "{domain: [discord.gg, t.me, telegram.me, chat.whatsapp.com]}"},
    {"links_3", "{links: {at_least: 3}}"},
    {"links_other_host", "{links: {with: [other_host, user, address]}}"},
    {"caps", "{caps: {share: 70%, letters: 12}}"},
    {"emoji", "{emoji: {at_least: 10}}"},
    {"zalgo", "{zalgo: {marks: 4}}"},
    {"script", "{script: {is: [Cyrillic], share: 50%}}"},
    {"email", "{email: any}"},
    {"phone", "{phone: any}"},
    {"card", "{card: any}"},
    {"wallet", "{wallet: any}"},
};
enum { RULE_COUNT = sizeof(RULES) / sizeof(*RULES), ALL = RULE_COUNT, NONE, SET_COUNT };

struct texts {
    struct wd_str *items;
    size_t count, bytes;
};

struct side {
    const char *name;
    struct wd_ruleset *set;
    struct wd_scanner *scanner;
    uint64_t matches;
    double ns[ROUNDS_MAX];
};

static _Noreturn void give_up(const char *what, const char *why)
{
    fprintf(stderr, "native: %s: %s\n", what, why);
    exit(2);
}

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static struct texts read_texts(const char *path)
{
    struct texts texts = {0};
    size_t room = 0, cap = 0;
    char *line = NULL;
    FILE *file = fopen(path, "r");
    if (!file)
        give_up(path, "cannot be opened");
    while (getline(&line, &cap, file) > 0) {
        json_t *value = json_loads(line, 0, NULL);
        const json_t *text = json_object_get(value, "text");
        if (texts.count == room) {
            room = room ? room * 2 : 1024;
            texts.items = realloc(texts.items, room * sizeof(*texts.items));
        }
        char *copy = json_is_string(text) ? malloc(json_string_length(text) + 1) : NULL;
        if (!texts.items || !copy)
            give_up(path, "is no file of lines {\"text\": ...}");
        memcpy(copy, json_string_value(text), json_string_length(text) + 1);
        texts.items[texts.count++] = (struct wd_str){copy, json_string_length(text)};
        texts.bytes += json_string_length(text);
        json_decref(value);
    }
    free(line);
    fclose(file);
    if (!texts.count)
        give_up(path, "is empty");
    return texts;
}

/* `which`: a rule, ALL, or NONE, whose only rule asks for an author that there is not. `views`: "" for the defaults. */
static size_t print_set(char *yaml, size_t size, size_t which, const char *views)
{
    size_t used = (size_t)snprintf(yaml, size, "ruleset: {id: bench, version: 1.0.0, format: 1}\nrules:\n");
    for (size_t i = 0; i < RULE_COUNT && used < size; i++)
        if (which == i || which == ALL)
            used += (size_t)snprintf(yaml + used, size - used,
                                     "- {id: %s, mode: enforce, actions: [flag], %s%s%swhen: %s}\n", RULES[i].name,
                                     *views ? "views: [" : "", views, *views ? "], " : "", RULES[i].when);
    if (which == NONE)
        used += (size_t)snprintf(yaml + used, size - used,
                                 "- {id: none, actions: [flag], when: {field: author.id, in: [nobody]}}\n");
    if (used >= size)
        give_up("rules", "too many");
    return used;
}

static struct side make_side(size_t which)
{
    static const char *const NAMES[] = {"together", "nothing"};
    char yaml[YAML_BYTES];
    size_t used = print_set(yaml, sizeof(yaml), which, "");
    struct side side = {.name = which < RULE_COUNT ? RULES[which].name : NAMES[which - RULE_COUNT]};
    struct wd_diagnostics *findings = wd_diagnostics_new();
    const struct wd_scanner_options options = {.stage = WD_STAGE_WORKER};
    side.scanner = wd_scanner_new(&options);
    if (wd_ruleset_load_text("bench.yaml", yaml, used, NULL, &side.set, findings) != WD_OK || !side.scanner) {
        wd_diagnostics_print(findings, stderr);
        give_up(side.name, "does not load");
    }
    wd_diagnostics_free(findings);
    return side;
}

static double pass(struct side *side, struct wd_arena *arena, const struct texts *texts)
{
    double start = now_ns();
    side->matches = 0;
    for (size_t i = 0; i < texts->count; i++) {
        struct wd_text text = {.field = WD_FIELD_TEXT, .text = texts->items[i]};
        struct wd_event event = {.name = wd_str_from("message.didCreate"),
                                 .content_type = WD_CONTENT_MESSAGE,
                                 .author = {.id = wd_str_from("u-1")},
                                 .texts = &text,
                                 .text_count = 1};
        struct wd_verdict verdict;
        struct wd_error err;
        wd_arena_reset(arena);
        if (wd_scan(side->scanner, side->set, arena, &event, 0, &verdict, &err) != WD_OK)
            give_up(side->name, err.text);
        side->matches += verdict.match_count;
    }
    return (now_ns() - start) / (double)texts->count;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_results(const struct side *sides, const struct texts *texts, unsigned rounds, bool json)
{
    double base = sides[NONE].ns[rounds / 2];
    if (!json)
        printf("%zu texts of %.0f bytes; a set that looks at nothing takes %.0f ns a text, with all rules %.0f ns\n",
               texts->count, (double)texts->bytes / (double)texts->count, base, sides[ALL].ns[rounds / 2]);
    for (size_t i = 0; i <= ALL; i++) {
        double ns = sides[i].ns[rounds / 2] - base;
        if (json)
            printf("{\"rules\":\"%s\",\"ns\":%.1f,\"matches\":%llu}\n", sides[i].name, ns,
                   (unsigned long long)sides[i].matches);
        else
            printf("  %-22s %7.0f ns %8llu matches\n", sides[i].name, ns, (unsigned long long)sides[i].matches);
    }
}

int main(int argc, char **argv)
{
    static const struct option LONG[] = {{"texts", required_argument, NULL, 't'},
                                         {"rounds", required_argument, NULL, 'n'},
                                         {"only", required_argument, NULL, 'o'},
                                         {"json", no_argument, NULL, 'j'},
                                         {"print", no_argument, NULL, 'p'},
                                         {"views", required_argument, NULL, 'v'},
                                         {0}};
    const char *path = NULL, *only = NULL, *views = "";
    unsigned rounds = 9;
    bool json = false, print = false;
    for (int letter; (letter = getopt_long(argc, argv, "t:n:o:jpv:", LONG, NULL)) != -1;) {
        if (letter == 't')
            path = optarg;
        else if (letter == 'n')
            rounds = (unsigned)strtoul(optarg, NULL, 10);
        else if (letter == 'o')
            only = optarg;
        else if (letter == 'j')
            json = true;
        else if (letter == 'p')
            print = true;
        else if (letter == 'v')
            views = optarg;
        else
            return 2;
    }
    if (print) {
        char yaml[YAML_BYTES];
        print_set(yaml, sizeof(yaml), ALL, views);
        fputs(yaml, stdout);
        return 0;
    }
    if (!path || !rounds || rounds > ROUNDS_MAX)
        give_up("usage", "native --texts TEXTS.jsonl [--rounds 1..99] [--only SET] [--json]");
    struct texts texts = read_texts(path);
    struct wd_arena *arena = wd_arena_new(ARENA_BYTES);
    static struct side sides[SET_COUNT];
    for (size_t i = 0; i < SET_COUNT; i++)
        sides[i] = make_side(i);
    for (unsigned round = 0; round < rounds; round++)
        for (size_t i = 0; i < SET_COUNT; i++)
            if (!only || strcmp(only, sides[i].name) == 0)
                sides[i].ns[round] = pass(&sides[i], arena, &texts);
    for (size_t i = 0; i < SET_COUNT; i++)
        qsort(sides[i].ns, rounds, sizeof(double), compare);
    print_results(sides, &texts, rounds, json);
    for (size_t i = 0; i < SET_COUNT; i++) {
        wd_scanner_free(sides[i].scanner);
        wd_ruleset_unref(sides[i].set);
    }
    for (size_t i = 0; i < texts.count; i++)
        free((char *)texts.items[i].data);
    free(texts.items);
    wd_arena_free(arena);
    return 0;
}
