/* `warden rules match`: JSON lines in, the rules that match out, one line for each: for pipes, and for anyone who wants
 * to check exactness himself. Neighbour: judge.c. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "worker/cli/commands.h"
#include "worker/cli/judge.h"

struct matcher {
    struct judge judge;
    char **quoted_ids; /* JSON strings of the rule ids */
    bool *matched;     /* by rule, for the current line */
    size_t rule_count;
    bool spans;
    uint64_t failures;
};

static void matcher_fini(struct matcher *matcher)
{
    for (size_t i = 0; matcher->quoted_ids && i < matcher->rule_count; i++)
        free(matcher->quoted_ids[i]);
    free(matcher->quoted_ids);
    free(matcher->matched);
    judge_fini(&matcher->judge);
}

static char *quoted(const char *text)
{
    json_t *json = json_string(text);
    char *written = json ? json_dumps(json, JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;
    json_decref(json);
    return written;
}

static bool matcher_init(struct matcher *matcher, const struct wd_ruleset *set, bool spans)
{
    *matcher = (struct matcher){.rule_count = wd_ruleset_rule_count(set), .spans = spans};
    matcher->quoted_ids = calloc(matcher->rule_count + 1, sizeof(char *));
    matcher->matched = calloc(matcher->rule_count + 1, sizeof(bool));
    if (!matcher->quoted_ids || !matcher->matched || !judge_init(&matcher->judge, set))
        return false;
    for (uint32_t i = 0; i < matcher->rule_count; i++) {
        matcher->quoted_ids[i] = quoted(wd_ruleset_rule(set, i)->id);
        if (!matcher->quoted_ids[i])
            return false;
    }
    return true;
}

static void print_failure(struct matcher *matcher, uint64_t line, const char *reason, const char *text)
{
    char *message = quoted(text);
    matcher->failures++;
    printf("{\"n\":%" PRIu64 ",\"rules\":[],\"error\":\"%s\",\"message\":%s}\n", line, reason,
           message ? message : "\"\"");
    free(message);
}

/* Rules of all objects of the record together, in rule order. */
static void print_rules(struct matcher *matcher)
{
    const struct judge *judge = &matcher->judge;
    size_t first = matcher->rule_count, last = 0;
    for (size_t e = 0; e < judge->events.count; e++) {
        for (size_t m = 0; m < judge->verdicts[e].match_count; m++) {
            const struct wd_rule_match *match = &judge->verdicts[e].matches[m];
            if (!match->is_match)
                continue;
            matcher->matched[match->rule] = true;
            first = match->rule < first ? match->rule : first;
            last = match->rule > last ? match->rule : last;
        }
    }
    const char *comma = "";
    for (size_t rule = first; rule < matcher->rule_count && rule <= last; rule++) {
        if (!matcher->matched[rule])
            continue;
        matcher->matched[rule] = false;
        printf("%s%s", comma, matcher->quoted_ids[rule]);
        comma = ",";
    }
}

static void print_spans(const struct matcher *matcher)
{
    const struct judge *judge = &matcher->judge;
    const char *comma = "";
    fputs(",\"spans\":[", stdout);
    for (size_t e = 0; e < judge->events.count; e++) {
        for (size_t m = 0; m < judge->verdicts[e].match_count; m++) {
            const struct wd_rule_match *match = &judge->verdicts[e].matches[m];
            for (size_t s = 0; match->is_match && s < match->span_count; s++) {
                const struct wd_span *span = &match->spans[s];
                const struct wd_text *text = &judge->events.items[e].texts[span->text_index];
                printf("%s{\"rule\":%s,\"object\":%zu,\"field\":\"%s\",\"start\":%" PRIu32 ",\"end\":%" PRIu32
                       ",\"view\":\"%s\"}",
                       comma, matcher->quoted_ids[match->rule], e, wd_text_field_name(text->field), span->start,
                       span->end, wd_view_name(span->view));
                comma = ",";
            }
        }
    }
    putchar(']');
}

static void match_line(struct matcher *matcher, uint64_t line, const char *bytes, size_t len)
{
    const char *reason;
    struct wd_error err = {0};
    if (!judge_record(&matcher->judge, bytes, len, &reason, &err)) {
        print_failure(matcher, line, reason, err.text);
        return;
    }
    printf("{\"n\":%" PRIu64 ",\"rules\":[", line);
    print_rules(matcher);
    putchar(']');
    if (matcher->spans)
        print_spans(matcher);
    fputs("}\n", stdout);
}

/* Empty lines are counted, so that n is the line in the file, but say nothing. */
static uint64_t match_stream(struct matcher *matcher, FILE *in)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    uint64_t number = 0, judged = 0;
    while (!ferror(stdout) && (len = getline(&line, &room, in)) >= 0) {
        number++;
        while (len && (line[len - 1] == '\n' || line[len - 1] == '\r'))
            len--;
        if (!len)
            continue;
        match_line(matcher, number, line, (size_t)len);
        judged++;
    }
    free(line);
    return judged;
}

static int match_all(const struct cli_arguments *arguments, const struct wd_ruleset *set)
{
    const char *path = cli_value(arguments, "events");
    bool from_stdin = !path || strcmp(path, "-") == 0;
    FILE *in = from_stdin ? stdin : fopen(path, "re");
    if (!in)
        return cli_fail(arguments, EXIT_FINDINGS, "%s: %s", path, strerror(errno));
    struct matcher matcher;
    int code = EXIT_FINDINGS;
    if (!matcher_init(&matcher, set, cli_has(arguments, "spans"))) {
        cli_fail(arguments, code, "no memory");
    } else {
        uint64_t judged = match_stream(&matcher, in);
        code = ferror(in)         ? cli_fail(arguments, EXIT_FINDINGS, "%s: cannot be read", from_stdin ? "-" : path)
               : matcher.failures ? EXIT_FINDINGS
               : judged           ? EXIT_FINE
                                  : EXIT_NOTHING;
    }
    matcher_fini(&matcher);
    if (!from_stdin)
        fclose(in);
    return code;
}

static int match(const struct cli_arguments *arguments)
{
    int code;
    struct wd_diagnostics *findings = wd_diagnostics_new();
    if (!findings)
        return cli_fail(arguments, EXIT_FINDINGS, "no memory");
    struct wd_ruleset *set = cli_load_rules(arguments, false, RULES_AS_CONFIGURED, findings, &code);
    if (wd_diagnostics_errors(findings))
        wd_diagnostics_print(findings, stderr); /* warnings are lint's */
    wd_diagnostics_free(findings);
    if (!set)
        return code;
    code = match_all(arguments, set);
    wd_ruleset_unref(set);
    return code;
}

static const struct cli_option OPTIONS[] = {
    CLI_RULES_OPTION,
    {.name = "events", .letter = 'e', .argument = "FILE", .text = "JSON lines; - or nothing: standard input."},
    {.name = "spans", .text = "Print where each rule matched, in bytes of the text as it was written."},
    CLI_CONFIG_OPTIONS,
    {0},
};

const struct cli_command command_rules_match = {
    .name = "rules match",
    .summary = "print which rules match each line of events",
    .text =
        "Reads JSON lines, {\"text\":\"...\"} or whole events, and prints {\"n\":LINE,\"rules\":[IDS in rule order]} "
        "for "
        "each, whatever the rules' modes are (but off). A line that cannot be judged has \"error\" and makes the exit "
        "code 1. What rules remember they remember of the lines before, in their order.",
    .options = OPTIONS,
    .run = match,
};
