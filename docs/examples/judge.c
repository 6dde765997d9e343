/* Judges one text by a rule set: judge RULES.yaml "text". Exit code 0: nothing to do, 1: actions, 2: not judged.
 * Build: cc judge.c $(pkg-config --cflags --libs warden) -o judge */
#include <stdio.h>
#include <warden/scanner.h>

int main(int argc, char **argv)
{
    struct wd_ruleset *rules = NULL;
    struct wd_diagnostics *findings = wd_diagnostics_new();
    if (argc != 3 || wd_ruleset_load((const char *const *)&argv[1], 1, NULL, &rules, findings) != WD_OK) {
        wd_diagnostics_print(findings, stderr);
        return 2;
    }
    struct wd_arena *arena = wd_arena_new(8 << 20);
    struct wd_scanner *scanner = wd_scanner_new(NULL);
    struct wd_text text = {.field = WD_FIELD_TEXT, .text = wd_str_from(argv[2])};
    struct wd_event event = {.name = wd_str_from("message.didCreate"),
                             .content_type = WD_CONTENT_MESSAGE,
                             .content_id = wd_str_from("m-1"),
                             .author = {.id = wd_str_from("u-1")},
                             .place = {.channel_id = wd_str_from("c-1")},
                             .texts = &text,
                             .text_count = 1};
    struct wd_verdict verdict;
    struct wd_error err = {0};
    if (wd_scan(scanner, rules, arena, &event, 0, &verdict, &err) != WD_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 2;
    }
    for (size_t i = 0; i < verdict.match_count; i++)
        printf("matches %s\n", wd_ruleset_rule(rules, verdict.matches[i].rule)->id);
    for (size_t i = 0; i < verdict.action_count; i++)
        printf("asks for %s\n", wd_action_kind_name(verdict.actions[i].kind));
    wd_scanner_free(scanner);
    wd_arena_free(arena);
    wd_ruleset_unref(rules);
    wd_diagnostics_free(findings);
    return verdict.action_count > 0;
}
