/* `warden rules explain`: one text or event, which rules match it, where, why, and what would be done. Neighbours:
 * judge.c, explain_report.c, explain_json.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "worker/cli/commands.h"
#include "worker/cli/explain_report.h"
#include "worker/cli/judge.h"

enum { EVENT_MAX = 16 << 20 };

/* Which rules are shown beside those that match. */
struct interest {
    bool *wanted;         /* by rule */
    struct judge *behind; /* has judged all records but the last */
    json_t *json;         /* NULL: print for people */
};

static bool explain_rule(const struct judge *judge, const struct judge *behind, const struct wd_event *event,
                         uint32_t rule, const struct wd_rule_match *match, struct explained *out, struct wd_error *err)
{
    *out = (struct explained){.info = wd_ruleset_rule(judge->set, rule), .match = match};
    struct wd_origin origin = judge_origin(judge, (size_t)(event - judge->events.items));
    return wd_explain_with_table(judge->scanner, judge->set, judge->arena, event, wd_event_time_ms(event), &origin,
                                 behind->table, rule, &out->explanation, err) == WD_OK;
}

/* The rules that match, and the others that somebody asked for, in their order. */
static bool explain_rules(const struct judge *judge, const struct interest *interest, const struct wd_event *event,
                          const struct wd_verdict *verdict, struct explained *rules, size_t *count_out,
                          struct wd_error *err)
{
    size_t next = 0;
    *count_out = 0;
    for (uint32_t i = 0; i < wd_ruleset_rule_count(judge->set); i++) {
        const struct wd_rule_match *match = NULL;
        if (next < verdict->match_count && verdict->matches[next].rule == i)
            match = &verdict->matches[next++];
        if ((match || interest->wanted[i]) &&
            !explain_rule(judge, interest->behind, event, i, match, &rules[(*count_out)++], err))
            return false;
    }
    return true;
}

static int explain_events(const struct cli_arguments *arguments, const struct judge *judge,
                          const struct interest *interest)
{
    struct explained *rules = calloc(wd_ruleset_rule_count(judge->set) + 1, sizeof(*rules));
    struct wd_error err = {0};
    int code = judge->events.count ? EXIT_FINE : EXIT_NOTHING;
    for (size_t e = 0; e < judge->events.count && code == EXIT_FINE; e++) {
        const struct wd_event *event = &judge->events.items[e];
        const struct wd_verdict *verdict = &judge->verdicts[e];
        size_t count = 0;
        if (!rules || !explain_rules(judge, interest, event, verdict, rules, &count, &err)) {
            code = cli_fail(arguments, EXIT_FINDINGS, "%s", rules ? err.text : "no memory");
        } else if (interest->json) {
            json_array_append_new(interest->json, explain_json_event(event, verdict, rules, count));
        } else {
            explain_print_event(event, verdict);
            for (size_t i = 0; i < count; i++)
                explain_print_rule(event, &rules[i]);
            explain_print_outcome(verdict, rules, count);
            explain_print_behaviour(judge, event, verdict);
        }
    }
    free(rules);
    return code;
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

/* What happened before, for both. */
static bool judge_lines(const struct cli_arguments *arguments, FILE *in, const char *path, struct judge *judge,
                        struct judge *behind)
{
    char *line = NULL;
    size_t room = 0, number = 0;
    ssize_t len;
    const char *reason;
    struct wd_error err = {0};
    bool fine = true;
    while (fine && (len = getline(&line, &room, in)) >= 0) {
        number++;
        while (len && (line[len - 1] == '\n' || line[len - 1] == '\r'))
            len--;
        fine = !len || (judge_record(judge, line, (size_t)len, &reason, &err) &&
                        judge_record(behind, line, (size_t)len, &reason, &err));
    }
    free(line);
    if (!fine)
        cli_fail(arguments, EXIT_FINDINGS, "%s:%zu: %s: %s", path, number, reason, err.text);
    return fine;
}

static bool judge_history(const struct cli_arguments *arguments, struct judge *judge, struct judge *behind)
{
    const char *path = cli_value(arguments, "after");
    if (!path)
        return true;
    FILE *in = fopen(path, "re");
    if (!in) {
        cli_fail(arguments, EXIT_FINDINGS, "%s: %s", path, strerror(errno));
        return false;
    }
    bool fine = judge_lines(arguments, in, path, judge, behind);
    fclose(in);
    return fine;
}

static int explain_record(const struct cli_arguments *arguments, const struct wd_ruleset *set,
                          struct interest *interest)
{
    size_t len = 0;
    char *record = record_of(arguments, &len);
    struct judge judge = {0}, behind = {0};
    int code = EXIT_FINDINGS;
    const char *reason;
    struct wd_error err = {0};
    interest->behind = &behind;
    if (record && (!judge_init(&judge, set) || !judge_init(&behind, set)))
        cli_fail(arguments, code, "no memory");
    else if (record && !judge_history(arguments, &judge, &behind))
        code = EXIT_FINDINGS;
    else if (record && !judge_record(&judge, record, len, &reason, &err))
        cli_fail(arguments, code, "%s: %s", reason, err.text);
    else if (record)
        code = explain_events(arguments, &judge, interest);
    judge_fini(&judge);
    judge_fini(&behind);
    free(record);
    return code;
}

/* --why-not RULE: a rule that is not there is a slip. */
static bool want_rule(const struct cli_arguments *arguments, const struct wd_ruleset *set, const char *id, bool *wanted)
{
    size_t count = wd_ruleset_rule_count(set);
    const char **ids = calloc(count + 1, sizeof(*ids));
    bool found = false;
    for (uint32_t i = 0; i < count && ids; i++) {
        ids[i] = wd_ruleset_rule(set, i)->id;
        if (strcmp(ids[i], id) == 0)
            found = wanted[i] = true;
    }
    const char *near = found || !ids ? NULL : wd_did_you_mean(id, ids);
    if (!found)
        cli_usage(arguments, "--why-not: there is no rule '%s'%s%s%s", id, near ? " (did you mean '" : "",
                  near ? near : "", near ? "'?)" : "");
    free(ids);
    return found;
}

static int explain_with(const struct cli_arguments *arguments, const struct wd_ruleset *set)
{
    struct interest interest = {.wanted = calloc(wd_ruleset_rule_count(set) + 1, sizeof(bool)),
                                .json = cli_has(arguments, "json") ? json_array() : NULL};
    int code = interest.wanted ? EXIT_FINE : cli_fail(arguments, EXIT_FINDINGS, "no memory");
    for (const char *const *id = cli_values(arguments, "why-not"); *id && code == EXIT_FINE; id++)
        code = want_rule(arguments, set, *id, interest.wanted) ? EXIT_FINE : EXIT_USAGE;
    if (code == EXIT_FINE)
        code = explain_record(arguments, set, &interest);
    if (code == EXIT_FINE && interest.json) {
        json_dumpf(interest.json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
        putchar('\n');
    }
    json_decref(interest.json);
    free(interest.wanted);
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
    struct wd_ruleset *set = cli_load_rules(arguments, false, RULES_DESCRIBED, findings, &code);
    if (wd_diagnostics_errors(findings))
        wd_diagnostics_print(findings, stderr);
    wd_diagnostics_free(findings);
    if (!set)
        return code;
    code = explain_with(arguments, set);
    wd_ruleset_unref(set);
    return code;
}

static const struct cli_option OPTIONS[] = {
    CLI_RULES_OPTION,
    {.name = "text", .letter = 't', .argument = "TEXT", .text = "A message with this text."},
    {.name = "event", .letter = 'e', .argument = "FILE", .text = "A whole event as JSON; -: standard input."},
    {.name = "after",
     .argument = "FILE",
     .text = "JSON lines of the events before, for rules that remember: they are judged first, in their order."},
    {.name = "why-not",
     .letter = 'w',
     .argument = "RULE",
     .text = "Show this rule, too, though it does not match; may be given several times."},
    {.name = "json", .letter = 'j', .text = "Print a JSON array, an object an event."},
    CLI_CONFIG_OPTIONS,
    {0},
};

const struct cli_command command_rules_explain = {
    .name = "rules explain",
    .summary = "show which rules match a text, where, and what would be done",
    .text =
        "Each rule that matches is shown with its conditions: true or false, what they found between >> and << in the "
        "text as it was written, the view that it was found in; then what the rule asks for, the score and the "
        "actions of all rules together. Conditions on behaviour are shown with what their windows and scores hold "
        "after "
        "the events of --after, and the author's score as the sum of what is left of each contribution. --why-not says "
        "of a rule that does not match which condition kept it.",
    .options = OPTIONS,
    .run = explain,
};
