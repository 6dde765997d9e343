/* `warden rules import`: rules that other filters keep a line each become a rule set file, and what cannot is reported
 * line by line. Neighbour: rule_lines.h. */
#include <errno.h>
#include <string.h>

#include <warden/verdict.h>

#include "worker/cli/commands.h"
#include "worker/cli/rule_lines.h"

static bool choose_format(const struct cli_arguments *arguments, enum rule_lines_format *out)
{
    const char *from = cli_value(arguments, "from"), *kind = cli_value(arguments, "kind");
    bool is_table = from && strcmp(from, "tsv") == 0, is_list = from && strcmp(from, "list") == 0;
    if (!is_table && !is_list) {
        cli_usage(arguments, "--from must be tsv or list");
        return false;
    }
    if (kind && is_table) {
        cli_usage(arguments, "--kind is for --from list");
        return false;
    }
    if (kind && strcmp(kind, "words") != 0 && strcmp(kind, "contains") != 0) {
        cli_usage(arguments, "--kind must be words or contains, not '%s'", kind);
        return false;
    }
    *out = is_table ? RULE_LINES_TABLE : kind && *kind == 'c' ? RULE_LINES_PARTS : RULE_LINES_WORDS;
    return true;
}

static bool is_view(const char *name)
{
    for (int view = 0; view < WD_VIEW_COUNT; view++)
        if (strcmp(wd_view_name((enum wd_view_kind)view), name) == 0)
            return true;
    return false;
}

/* As rule sets and rules may be called. */
static bool is_name(const char *text)
{
    size_t len = strlen(text);
    bool begins = len && len <= 128 && strchr("._-", text[0]) == NULL;
    return begins && strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

static bool choose_header(const struct cli_arguments *arguments, struct rule_lines_header *header)
{
    const char *id = cli_value(arguments, "id"), *mode = cli_value(arguments, "mode");
    *header = (struct rule_lines_header){.id = id ? id : "org.example.imported",
                                         .mode = mode ? mode : wd_mode_name(WD_MODE_SHADOW),
                                         .views = cli_values(arguments, "view")};
    if (strcmp(header->mode, "off") != 0 && strcmp(header->mode, "shadow") != 0 &&
        strcmp(header->mode, "enforce") != 0) {
        cli_usage(arguments, "--mode must be off, shadow or enforce, not '%s'", mode);
        return false;
    }
    if (!is_name(header->id)) {
        cli_usage(arguments, "--id: '%s' is no name: use letters, digits, '.', '_' and '-'", header->id);
        return false;
    }
    for (const char *const *view = header->views; *view; view++) {
        if (is_view(*view))
            continue;
        cli_usage(arguments, "'%s' is no view: see `warden rules fields`", *view);
        return false;
    }
    return true;
}

/* Printed whole or not at all: what is redirected to a file is then a rule set or empty. */
static int print_file(const struct cli_arguments *arguments, const struct rule_lines *lines,
                      const struct rule_lines_header *header)
{
    const char *path = cli_value(arguments, "output");
    FILE *out = path ? fopen(path, "we") : stdout;
    if (!out)
        return cli_fail(arguments, EXIT_FINDINGS, "%s: %s", path, strerror(errno));
    bool printed = rule_lines_print(lines, header, SIZE_MAX, out) == WD_OK;
    printed &= path ? fclose(out) == 0 : true;
    if (!printed && path)
        return cli_fail(arguments, EXIT_FINDINGS, "%s: cannot be written: %s", path, strerror(errno));
    return EXIT_FINE; /* cli_main tells of a standard output that failed */
}

static int convert(const struct cli_arguments *arguments, struct rule_lines *lines,
                   const struct rule_lines_header *header, struct wd_diagnostics *findings)
{
    struct wd_error err = {0};
    bool loads = rule_lines_check(lines, header, findings, &err) == WD_OK;
    size_t kept = rule_lines_kept(lines);
    wd_diagnostics_sort(findings);
    wd_diagnostics_print(findings, stderr);
    if (!lines->count)
        return EXIT_NOTHING;
    if (!loads)
        return cli_fail(arguments, EXIT_FINDINGS, "%s: %s", lines->name, err.text);
    int code = kept ? print_file(arguments, lines, header) : EXIT_FINDINGS;
    fprintf(stderr, "%zu of %zu lines imported\n", kept, lines->count);
    return code != EXIT_FINE ? code : kept < lines->count ? EXIT_FINDINGS : EXIT_FINE;
}

static int import(const struct cli_arguments *arguments)
{
    enum rule_lines_format format;
    struct rule_lines_header header;
    if (!choose_format(arguments, &format) || !choose_header(arguments, &header))
        return EXIT_USAGE;
    if (cli_operand_count(arguments) != 1)
        return cli_usage(arguments, "expected one FILE, or - for standard input");
    const char *path = cli_operands(arguments)[0];
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (!in)
        return cli_fail(arguments, EXIT_FINDINGS, "%s: %s", path, strerror(errno));
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct rule_lines lines = {0};
    struct wd_error err = {0};
    int code;
    if (!findings)
        code = cli_fail(arguments, EXIT_FINDINGS, "no memory");
    else if (rule_lines_read(&lines, format, path, in, findings, &err) != WD_OK)
        code = cli_fail(arguments, EXIT_FINDINGS, "%s: %s", path, err.text);
    else
        code = convert(arguments, &lines, &header, findings);
    rule_lines_fini(&lines);
    wd_diagnostics_free(findings);
    if (in != stdin)
        fclose(in);
    return code;
}

static const struct cli_option OPTIONS[] = {
    {.name = "from", .letter = 'f', .argument = "FORMAT", .text = "tsv or list; see above."},
    {.name = "id", .argument = "NAME", .text = "Name of the rule set: org.example.imported if not given."},
    {.name = "kind",
     .argument = "KIND",
     .text = "Of a list: words (whole words, if not given) or contains (inside words, too)."},
    {.name = "mode", .argument = "MODE", .text = "off, shadow (if not given) or enforce."},
    {.name = "output", .letter = 'o', .argument = "FILE", .text = "Write there; else standard output."},
    {.name = "view",
     .argument = "VIEW",
     .text =
         "A view of the texts to match in; may be given several times. Without it the rules read plain and folded."},
    {0},
};

const struct cli_command command_rules_import = {
    .name = "rules import",
    .operands = "FILE",
    .summary = "turn rules that stand a line each into a rule set",
    .text =
        "With --from tsv each line is a rule: id, kind, caseless (1 or 0) and a PCRE2 expression, separated by tabs; "
        "the kind becomes a tag. With --from list each line is a word or phrase, and all together are one rule. "
        "Empty lines and lines that begin with # are skipped.\n"
        "The rules flag, and begin in shadow mode, so that nothing is done before somebody has looked.\n"
        "A line that cannot be a rule is left out and reported on standard error with its number and reason: the "
        "exit code is then 1. It is 4 where there was no line at all.",
    .options = OPTIONS,
    .run = import,
};
