/* What the tests of rule sets share: loading from text, events, judging. Static functions, so that each test program
 * takes what it needs. */
#ifndef TESTS_UNIT_RULES_SUPPORT_H
#define TESTS_UNIT_RULES_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <warden/ruleset.h>
#include <warden/scanner.h>

#define HEAD "ruleset: {id: t, version: 1.0.0, format: 1}\n"

__attribute__((unused)) static struct wd_ruleset *load_with(const char *yaml, const struct wd_ruleset_options *options)
{
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct wd_ruleset *set = NULL;
    enum wd_status status = wd_ruleset_load_text("t.yaml", yaml, strlen(yaml), options, &set, findings);
    if (status != WD_OK)
        wd_diagnostics_print(findings, stderr);
    assert_int_equal(status, WD_OK);
    assert_non_null(set);
    wd_diagnostics_free(findings);
    return set;
}

__attribute__((unused)) static struct wd_ruleset *load(const char *yaml)
{
    return load_with(yaml, NULL);
}

/* A scanner with a set, an arena, and one event to change as a test likes. */
struct bench {
    struct wd_ruleset *set;
    struct wd_scanner *scanner;
    struct wd_arena *arena;
    struct wd_text texts[4];
    struct wd_event event;
    struct wd_verdict verdict;
};

__attribute__((unused)) static struct bench *bench_with(const char *yaml, const struct wd_ruleset_options *rules,
                                                        const struct wd_scanner_options *scanner)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    bench->set = load_with(yaml, rules);
    bench->scanner = wd_scanner_new(scanner);
    bench->arena = wd_arena_new(8 << 20);
    bench->event = (struct wd_event){.name = wd_str_from("message.didCreate"),
                                     .content_type = WD_CONTENT_MESSAGE,
                                     .content_id = wd_str_from("m-1"),
                                     .author = {.id = wd_str_from("u-1"), .flag_count = -1},
                                     .place = {.channel_id = wd_str_from("c-1")}};
    bench->event.texts = bench->texts;
    return bench;
}

__attribute__((unused)) static struct bench *bench_new(const char *yaml)
{
    return bench_with(yaml, NULL, NULL);
}

__attribute__((unused)) static void bench_free(struct bench *bench)
{
    wd_scanner_free(bench->scanner);
    wd_ruleset_unref(bench->set);
    wd_arena_free(bench->arena);
    free(bench);
}

__attribute__((unused)) static const struct wd_verdict *judge_event(struct bench *bench)
{
    struct wd_error err = {0};
    wd_arena_reset(bench->arena);
    assert_int_equal(
        wd_scan(bench->scanner, bench->set, bench->arena, &bench->event, 1000000000000, &bench->verdict, &err), WD_OK);
    return &bench->verdict;
}

__attribute__((unused)) static const struct wd_verdict *judge(struct bench *bench, const char *text)
{
    bench->texts[0] = (struct wd_text){.field = WD_FIELD_TEXT, .text = wd_str_from(text)};
    bench->event.text_count = 1;
    return judge_event(bench);
}

/* "a b" for the ids of the rules that matched, in order. */
__attribute__((unused)) static const char *matched(struct bench *bench, const char *text)
{
    static char ids[1024];
    const struct wd_verdict *verdict = text ? judge(bench, text) : judge_event(bench);
    ids[0] = '\0';
    for (size_t i = 0; i < verdict->match_count; i++) {
        if (!verdict->matches[i].is_match)
            continue;
        snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids), "%s%s", ids[0] ? " " : "",
                 wd_ruleset_rule(bench->set, verdict->matches[i].rule)->id);
    }
    return ids;
}

/* "hide mute:channel:3600000 notify=ops" */
__attribute__((unused)) static const char *written(const struct wd_action *actions, size_t count)
{
    static char text[2][1024];
    static int turn;
    char *out = text[turn = !turn];
    out[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(out);
        const struct wd_action *action = &actions[i];
        used += (size_t)snprintf(out + used, sizeof(text[0]) - used, "%s%s", i ? " " : "",
                                 wd_action_kind_name(action->kind));
        if (action->scope)
            used += (size_t)snprintf(out + used, sizeof(text[0]) - used, ":%s", wd_scope_name(action->scope));
        if (action->duration_ms)
            used += (size_t)snprintf(out + used, sizeof(text[0]) - used, ":%lld", (long long)action->duration_ms);
        if (action->notify_target.data)
            snprintf(out + used, sizeof(text[0]) - used, "=%.*s", WD_STR_ARG(action->notify_target));
    }
    return out;
}

__attribute__((unused)) static const char *planned(struct bench *bench, const char *text)
{
    const struct wd_verdict *verdict = judge(bench, text);
    return written(verdict->actions, verdict->action_count);
}

#endif
