/* The lists of tests/golden/evasion by rules, in both stages: what must be caught is caught by the rule that names the
 * word and the view, where it stands; what must be left alone matches in no view. */
#include "tests/unit/rules_support.h"

#include "filters/views/views.h"
#include "tests/support/golden.h"

#define GOLDEN SOURCE_DIR "/tests/golden/evasion/"

enum { RULES_MAX = 200 };

/* A rule a view and word, and all of them as a file. */
struct wanted {
    struct {
        char view[16], word[128];
    } rules[RULES_MAX];
    size_t count;
};

static size_t rule_for(struct wanted *wanted, const char *view, const char *word)
{
    size_t i = 0;
    while (i < wanted->count && (strcmp(wanted->rules[i].view, view) != 0 || strcmp(wanted->rules[i].word, word) != 0))
        i++;
    assert_true(i < RULES_MAX);
    if (i == wanted->count) {
        snprintf(wanted->rules[i].view, sizeof(wanted->rules[i].view), "%s", view);
        snprintf(wanted->rules[i].word, sizeof(wanted->rules[i].word), "%s", word);
        wanted->count++;
    }
    return i;
}

static char *yaml_of(const struct wanted *wanted)
{
    char *yaml = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&yaml, &len);
    fputs(HEAD "rules:\n", out);
    for (size_t i = 0; i < wanted->count; i++)
        fprintf(out, "- {id: r%zu, views: [%s], when: {words: ['%s']}, actions: [flag]}\n", i, wanted->rules[i].view,
                wanted->rules[i].word);
    fclose(out);
    return yaml;
}

static FILE *open_list(const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("%s cannot be opened", path);
    return file;
}

static struct bench *bench_at(const char *yaml, enum wd_stage stage)
{
    struct wd_scanner_options options = {.stage = stage};
    struct bench *bench = bench_with(yaml, NULL, &options);
    if (stage == WD_STAGE_PREHOOK)
        bench->event.name = wd_str_from("message.shouldCreate");
    return bench;
}

static const struct wd_rule_match *match_of(struct bench *bench, const char *text, size_t rule)
{
    const struct wd_verdict *verdict = judge(bench, text);
    for (size_t i = 0; i < verdict->match_count; i++)
        if (verdict->matches[i].rule == rule && verdict->matches[i].is_match)
            return &verdict->matches[i];
    return NULL;
}

static bool has_piece(const struct wd_rule_match *match, const char *input, const char *piece)
{
    for (size_t i = 0; i < match->span_count; i++) {
        uint32_t start = match->spans[i].start, end = match->spans[i].end;
        wd_span_to_clusters(wd_str_from(input), &start, &end);
        if (end - start == strlen(piece) && memcmp(input + start, piece, end - start) == 0)
            return true;
    }
    return *piece == '\0';
}

static void evasions_are_caught(enum wd_stage stage)
{
    static struct wanted wanted;
    struct golden_row row = {0};
    FILE *file = open_list(GOLDEN "catch.tsv");
    for (wanted.count = 0; golden_next(file, &row);)
        rule_for(&wanted, row.fields[0], row.fields[1]);
    rewind(file);
    char *yaml = yaml_of(&wanted);
    struct bench *bench = bench_at(yaml, stage);
    size_t caught = 0;
    for (row = (struct golden_row){0}; golden_next(file, &row); caught++) {
        const struct wd_rule_match *match =
            match_of(bench, row.fields[3], rule_for(&wanted, row.fields[0], row.fields[1]));
        if (!match)
            fail_msg("catch.tsv:%d: '%s' is not found in '%s'", row.line, row.fields[1], row.fields[3]);
        if (!has_piece(match, row.fields[3], row.fields[2]))
            fail_msg("catch.tsv:%d: no span is '%s'", row.line, row.fields[2]);
    }
    fclose(file);
    assert_true(caught > 60);
    bench_free(bench);
    free(yaml);
}

static void innocent_texts_match_nothing(enum wd_stage stage)
{
    static const char every_view[] = "plain, folded, stripped, confusable, leet, squeezed, decoded, links";
    size_t left = 0;
    FILE *file = open_list(GOLDEN "leave.tsv");
    for (struct golden_row row = {0}; golden_next(file, &row); left++) {
        char yaml[4096], words[1024];
        snprintf(words, sizeof(words), "%s", row.fields[1]);
        size_t used = (size_t)snprintf(yaml, sizeof(yaml), HEAD "rules:\n");
        char *rest = words;
        for (char *word = strsep(&rest, ","); word; word = strsep(&rest, ","))
            used += (size_t)snprintf(yaml + used, sizeof(yaml) - used,
                                     "- {id: '%s', when: {words: ['%s'], views: [%s]}, actions: [flag],\n"
                                     "   except: [{words: ['%s'], views: [plain]}]}\n",
                                     word, word, every_view, word);
        struct bench *bench = bench_at(yaml, stage);
        const char *found = matched(bench, row.fields[2]);
        if (*found)
            fail_msg("leave.tsv:%d: %s in '%s'", row.line, found, row.fields[2]);
        bench_free(bench);
    }
    fclose(file);
    assert_true(left > 25);
}

static void of_the_worker(void **state)
{
    (void)state;
    evasions_are_caught(WD_STAGE_WORKER);
    innocent_texts_match_nothing(WD_STAGE_WORKER);
}

static void of_a_pre_hook(void **state)
{
    (void)state;
    evasions_are_caught(WD_STAGE_PREHOOK);
    innocent_texts_match_nothing(WD_STAGE_PREHOOK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(of_the_worker), cmocka_unit_test(of_a_pre_hook)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
