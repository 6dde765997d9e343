/* Any bytes as a rule file: no crash, an error for what is no rule set, and what loads can judge, be tested and be
 * loaded again with the same digest. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <warden/behaviour.h>
#include <warden/ruletest.h>

enum { ARENA_BYTES = 8 << 20 };

static void require_at(bool holds, int line)
{
    if (holds)
        return;
    fprintf(stderr, "ruleset_fuzz.c:%d: a promise is broken\n", line);
    abort();
}
#define require(holds) require_at(holds, __LINE__)

static struct wd_ruleset *load(const uint8_t *data, size_t size)
{
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct wd_ruleset *set = NULL;
    enum wd_status status = wd_ruleset_load_text("fuzz.yaml", (const char *)data, size, NULL, &set, findings);
    require((status == WD_OK) == (set != NULL));
    require((status == WD_OK) == (wd_diagnostics_errors(findings) == 0));
    for (size_t i = 0; i < wd_diagnostics_count(findings); i++) {
        const struct wd_diagnostic *finding = wd_diagnostics_at(findings, i);
        require(finding->code[0] && finding->message[0] && finding->line >= 0 && finding->column >= 0);
    }
    wd_diagnostics_free(findings);
    return set;
}

/* With what the set remembers: an event that comes again gets the same verdict, and changes nothing. */
static void judge_twice(struct wd_scanner *scanner, const struct wd_ruleset *set, const struct wd_event *event)
{
    struct wd_arena *arena = wd_arena_new(ARENA_BYTES);
    struct wd_value_table *table = wd_value_table_new();
    for (uint64_t number = 1; number <= 12; number++) {
        struct wd_origin origin = {.source = 1, .sequence = (number + 1) / 2};
        struct wd_verdict verdict;
        struct wd_error err = {0};
        static size_t matches, actions;
        wd_arena_reset(arena);
        if (wd_scan_with_table(scanner, set, arena, event, 1000 * (int64_t)origin.sequence, &origin, table, &verdict,
                               &err) != WD_OK)
            break;
        require(number % 2 || (verdict.match_count == matches && verdict.action_count + verdict.held_count == actions));
        matches = verdict.match_count;
        actions = verdict.action_count + verdict.held_count;
    }
    wd_value_table_free(table);
    wd_arena_free(arena);
}

static void judge(const struct wd_ruleset *set, const char *bytes)
{
    struct wd_arena *arena = wd_arena_new(ARENA_BYTES);
    struct wd_scanner *scanner = wd_scanner_new(NULL);
    struct wd_text texts[] = {{WD_FIELD_TEXT, wd_str_from(bytes)}, {WD_FIELD_TITLE, wd_str_from("buy spam now 5%")}};
    struct wd_event event = {.name = wd_str_from("message.didCreate"),
                             .content_type = WD_CONTENT_MESSAGE,
                             .content_id = wd_str_from("m-1"),
                             .author = {.id = wd_str_from("u-1"), .flag_count = -1, .age_days = -1},
                             .place = {.channel_id = wd_str_from("c-1")},
                             .texts = texts,
                             .text_count = 2};
    struct wd_verdict verdict;
    struct wd_error err = {0};
    judge_twice(scanner, set, &event);
    if (wd_scan(scanner, set, arena, &event, 0, &verdict, &err) == WD_OK) {
        for (size_t i = 0; i < verdict.match_count; i++) {
            require(verdict.matches[i].rule < wd_ruleset_rule_count(set));
            for (size_t j = 0; j < verdict.matches[i].span_count; j++) {
                const struct wd_span *span = &verdict.matches[i].spans[j];
                require(span->text_index < 2 && span->start <= span->end &&
                        span->end <= texts[span->text_index].text.len);
            }
        }
    }
    wd_scanner_free(scanner);
    wd_arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wd_ruleset *set = load(data, size);
    if (!set)
        return 0;
    struct wd_ruleset *again = load(data, size);
    require(again && strcmp(wd_ruleset_digest(set), wd_ruleset_digest(again)) == 0);
    struct wd_rule_test_counts counts;
    struct wd_error err = {0};
    if (wd_ruleset_test(set, NULL, NULL, &counts, &err) == WD_OK)
        require(counts.failed <= counts.run && counts.rules == wd_ruleset_rule_count(set));
    judge(set, "b\xD1\x83y  SP4M now, f.r.e.e example@example.org");
    wd_ruleset_unref(set);
    wd_ruleset_unref(again);
    return 0;
}
