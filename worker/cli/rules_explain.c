/* `warden rules explain`: one text or event, which rules match it, where, and what would be done. Neighbour: judge.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "worker/cli/commands.h"
#include "worker/cli/judge.h"

enum { EVENT_MAX = 16 << 20 };

/* Text for a terminal: control characters could do anything there. */
static void print_clean(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c < ' ' || c == 0x7f)
            putchar(' ');
        else
            putchar(c);
    }
}

/* The text with the span between marks. */
static void print_span(const struct wd_event *event, const struct wd_span *span)
{
    const struct wd_text *text = &event->texts[span->text_index];
    struct wd_str whole = text->text;
    printf("    %s, view %s: ", wd_text_field_name(text->field), wd_view_name(span->view));
    print_clean(whole.data, span->start);
    fputs(">>", stdout);
    print_clean(whole.data + span->start, span->end - span->start);
    fputs("<<", stdout);
    print_clean(whole.data + span->end, whole.len - span->end);
    putchar('\n');
}

static void print_match(const struct wd_ruleset *set, const struct wd_event *event, const struct wd_rule_match *match)
{
    const struct wd_rule_info *rule = wd_ruleset_rule(set, match->rule);
    const char *what = match->undecided && !match->is_match ? "undecided (a limit ended it)"
                       : match->enforced                    ? "matches"
                                                            : "matches (not enforced)";
    printf("  %s [%s, mode %s] %s: %s\n", rule->id, rule->severity ? rule->severity : "-", wd_mode_name(rule->mode),
           what, rule->title ? rule->title : "");
    for (size_t s = 0; s < match->span_count; s++)
        print_span(event, &match->spans[s]);
}

static void print_actions(const char *label, const struct wd_action *actions, size_t count)
{
    printf("  %s:", label);
    if (!count)
        fputs(" none", stdout);
    for (size_t i = 0; i < count; i++) {
        const struct wd_action *action = &actions[i];
        printf("%s %s", i ? "," : "", wd_action_kind_name(action->kind));
        if (action->scope != WD_SCOPE_NONE)
            printf(" (%s)", wd_scope_name(action->scope));
        if (action->duration_ms)
            printf(" for %lld s", (long long)(action->duration_ms / 1000));
        if (action->notify_target.data)
            printf(" %.*s", WD_STR_ARG(action->notify_target));
    }
    putchar('\n');
}

static int explain_events(const struct judge *judge)
{
    for (size_t e = 0; e < judge->events.count; e++) {
        const struct wd_event *event = &judge->events.items[e];
        const struct wd_verdict *verdict = &judge->verdicts[e];
        printf("%.*s, %s %.*s by %.*s: %zu rules match\n", WD_STR_ARG(event->name),
               wd_content_type_name(event->content_type), WD_STR_ARG(event->content_id), WD_STR_ARG(event->author.id),
               verdict->match_count);
        for (size_t m = 0; m < verdict->match_count; m++)
            print_match(judge->set, event, &verdict->matches[m]);
        if (verdict->exempt)
            fputs("  the author is exempt: nothing is done\n", stdout);
        print_actions("actions", verdict->actions, verdict->action_count);
        if (verdict->shadow_action_count)
            print_actions("shadow rules would add", verdict->shadow_actions, verdict->shadow_action_count);
    }
    return judge->events.count ? EXIT_FINE : EXIT_NOTHING;
}

/* A message by somebody in some channel, so that every action has its target. */
static json_t *event_around(const char *text)
{
    return json_pack("{s:s, s:{s:[{s:s, s:s, s:s, s:{s:s}}], s:[{s:s}]}}", "event", "message.didCreate", "data",
                     "messages", "messageId", "message-1", "channelId", "channel-1", "userId", "user-1", "data", "text",
                     text, "users", "userId", "user-1");
}

/* The record to judge, to be freed: a message with --text, or the content of --event. NULL after a complaint. */
static char *record_of(const struct cli_arguments *arguments, size_t *len_out)
{
    const char *text = cli_value(arguments, "text"), *path = cli_value(arguments, "event");
    if (text) {
        json_t *json = event_around(text);
        char *record = json ? json_dumps(json, JSON_COMPACT) : NULL;
        json_decref(json);
        if (!record)
            cli_fail(arguments, EXIT_USAGE, "--text is not valid UTF-8");
        *len_out = record ? strlen(record) : 0;
        return record;
    }
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    char *record = file ? malloc(EVENT_MAX + 1) : NULL;
    if (!record)
        cli_fail(arguments, EXIT_FINDINGS, "%s: %s", path, file ? "no memory" : strerror(errno));
    else
        *len_out = fread(record, 1, EVENT_MAX + 1, file);
    if (file && file != stdin)
        fclose(file);
    return record;
}

static int explain_record(const struct cli_arguments *arguments, const struct wd_ruleset *set)
{
    size_t len = 0;
    char *record = record_of(arguments, &len);
    struct judge judge = {0};
    int code = EXIT_FINDINGS;
    const char *reason;
    struct wd_error err = {0};
    if (record && !judge_init(&judge, set))
        cli_fail(arguments, code, "no memory");
    else if (record && !judge_record(&judge, record, len, &reason, &err))
        cli_fail(arguments, code, "%s: %s", reason, err.text);
    else if (record)
        code = explain_events(&judge);
    judge_fini(&judge);
    free(record);
    return code;
}

static int explain(const struct cli_arguments *arguments)
{
    if (cli_has(arguments, "text") == cli_has(arguments, "event"))
        return cli_usage(arguments, "give either --text or --event");
    int code;
    struct wd_diagnostics *findings = wd_diagnostics_new();
    if (!findings)
        return cli_fail(arguments, EXIT_FINDINGS, "no memory");
    struct wd_ruleset *set = cli_load_rules(arguments, false, RULES_AS_CONFIGURED, findings, &code);
    if (wd_diagnostics_errors(findings))
        wd_diagnostics_print(findings, stderr);
    wd_diagnostics_free(findings);
    if (!set)
        return code;
    code = explain_record(arguments, set);
    wd_ruleset_unref(set);
    return code;
}

static const struct cli_option OPTIONS[] = {
    CLI_RULES_OPTION,
    {.name = "text", .letter = 't', .argument = "TEXT", .text = "A message with this text."},
    {.name = "event", .letter = 'e', .argument = "FILE", .text = "A whole event as JSON; -: standard input."},
    CLI_CONFIG_OPTIONS,
    {0},
};

const struct cli_command command_rules_explain = {
    .name = "rules explain",
    .summary = "show which rules match a text, where, and what would be done",
    .options = OPTIONS,
    .run = explain,
};
