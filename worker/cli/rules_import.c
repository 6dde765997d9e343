/* `warden rules import`: rules that other filters keep become a rule set file, and what cannot is reported at its
 * place. Neighbours: rule_lines.h (a rule or word a line), import_set.h (everything else). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <warden/verdict.h>

#include "worker/cli/commands.h"
#include "worker/cli/import_set.h"

enum { IMPORT_MEMORY = 256 << 20 };

typedef void import_fn(struct import_set *set, const char *text, size_t len, const struct import_options *options);

/* A format is read line by line into rule_lines, or as a whole into the model of import_set.h. */
static const struct format {
    const char *name;
    bool is_lines;
    import_fn *read;
} FORMATS[] = {
    {"automoderator", false, import_automoderator},
    {"blocklist", false, import_blocklist},
    {"list", true, NULL},
    {"sigma", false, import_sigma},
    {"tsv", true, NULL},
};

static const struct format *choose_format(const struct cli_arguments *arguments, enum rule_lines_format *lines_out)
{
    static const struct {
        const char *option, *format;
    } ONLY_FOR[] = {{"kind", "list"}, {"karma", "automoderator"}, {"allow", "blocklist"}};
    const char *from = cli_value(arguments, "from"), *kind = cli_value(arguments, "kind");
    const struct format *format = NULL;
    for (size_t i = 0; i < sizeof(FORMATS) / sizeof(*FORMATS) && from; i++)
        if (strcmp(FORMATS[i].name, from) == 0)
            format = &FORMATS[i];
    if (!format) {
        cli_usage(arguments, "--from must be automoderator, blocklist, list, sigma or tsv");
        return NULL;
    }
    for (size_t i = 0; i < sizeof(ONLY_FOR) / sizeof(*ONLY_FOR); i++) {
        if (!cli_has(arguments, ONLY_FOR[i].option) || strcmp(ONLY_FOR[i].format, from) == 0)
            continue;
        cli_usage(arguments, "--%s is for --from %s", ONLY_FOR[i].option, ONLY_FOR[i].format);
        return NULL;
    }
    if (kind && strcmp(kind, "words") != 0 && strcmp(kind, "contains") != 0) {
        cli_usage(arguments, "--kind must be words or contains, not '%s'", kind);
        return NULL;
    }
    *lines_out = *from == 't' ? RULE_LINES_TABLE : kind && *kind == 'c' ? RULE_LINES_PARTS : RULE_LINES_WORDS;
    return format;
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

/* ---- printing ---- */

typedef enum wd_status print_fn(void *rules, FILE *out);

struct lines_to_print {
    const struct rule_lines *lines;
    const struct rule_lines_header *header;
};

static enum wd_status print_lines(void *rules, FILE *out)
{
    const struct lines_to_print *all = rules;
    return rule_lines_print(all->lines, all->header, SIZE_MAX, out);
}

static enum wd_status print_set(void *rules, FILE *out)
{
    return import_print(rules, out);
}

/* Printed whole or not at all: what is redirected to a file is then a rule set or empty. */
static int print_file(const struct cli_arguments *arguments, print_fn *print, void *rules)
{
    const char *path = cli_value(arguments, "output");
    FILE *out = path ? fopen(path, "we") : stdout;
    if (!out)
        return cli_fail(arguments, EXIT_FINDINGS, "%s: %s", path, strerror(errno));
    bool printed = print(rules, out) == WD_OK;
    printed &= path ? fclose(out) == 0 : true;
    if (!printed && path)
        return cli_fail(arguments, EXIT_FINDINGS, "%s: cannot be written: %s", path, strerror(errno));
    return EXIT_FINE; /* cli_main tells of a standard output that failed */
}

/* ---- line by line ---- */

static int convert_lines(const struct cli_arguments *arguments, struct rule_lines *lines,
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
    struct lines_to_print all = {.lines = lines, .header = header};
    int code = kept ? print_file(arguments, print_lines, &all) : EXIT_FINDINGS;
    fprintf(stderr, "%zu of %zu lines imported\n", kept, lines->count);
    return code != EXIT_FINE ? code : kept < lines->count ? EXIT_FINDINGS : EXIT_FINE;
}

static int import_lines(const struct cli_arguments *arguments, enum rule_lines_format format,
                        const struct rule_lines_header *header, FILE *in, const char *path,
                        struct wd_diagnostics *findings)
{
    struct rule_lines lines = {0};
    struct wd_error err = {0};
    int code;
    if (rule_lines_read(&lines, format, path, in, findings, &err) != WD_OK)
        code = cli_fail(arguments, EXIT_FINDINGS, "%s: %s", path, err.text);
    else
        code = convert_lines(arguments, &lines, header, findings);
    rule_lines_fini(&lines);
    return code;
}

/* ---- as a whole ---- */

static int convert_set(const struct cli_arguments *arguments, struct import_set *set, bool is_entries)
{
    struct wd_error err = {0};
    bool loads = import_check(set, &err) == WD_OK;
    size_t kept = import_kept(set);
    wd_diagnostics_sort(set->findings);
    wd_diagnostics_print(set->findings, stderr);
    if (!set->read)
        return EXIT_NOTHING;
    if (!loads)
        return cli_fail(arguments, EXIT_FINDINGS, "%s: %s", set->name, err.text);
    int code = kept ? print_file(arguments, print_set, set) : EXIT_FINDINGS;
    bool is_whole = is_entries ? kept && !set->left_out : kept == set->read && !set->left_out;
    if (is_entries)
        fprintf(stderr, "%zu of %zu entries imported\n", kept ? set->read - set->left_out : 0, set->read);
    else
        fprintf(stderr, "%zu of %zu rules imported, %zu parts left out\n", kept, set->read, set->left_out);
    return code != EXIT_FINE ? code : is_whole ? EXIT_FINE : EXIT_FINDINGS;
}

static int import_whole(const struct cli_arguments *arguments, const struct format *format,
                        const struct rule_lines_header *header, FILE *in, const char *path,
                        struct wd_diagnostics *findings)
{
    const struct import_options options = {.karma_field = cli_value(arguments, "karma"),
                                           .allow = cli_value(arguments, "allow")};
    struct import_set set = {
        .arena = wd_arena_new(IMPORT_MEMORY), .name = path, .findings = findings, .header = header};
    char *text = NULL;
    size_t len = 0;
    struct wd_error err = {0};
    int code;
    if (!set.arena) {
        code = cli_fail(arguments, EXIT_FINDINGS, "no memory");
    } else if (rule_lines_read_whole(in, &text, &len, &err) != WD_OK) {
        code = cli_fail(arguments, EXIT_FINDINGS, "%s: %s", path, err.text);
    } else {
        format->read(&set, text, len, &options);
        code = convert_set(arguments, &set, format->read == import_blocklist);
    }
    free(text);
    wd_arena_free(set.arena);
    return code;
}

static int import(const struct cli_arguments *arguments)
{
    enum rule_lines_format lines_format;
    struct rule_lines_header header;
    const struct format *format = choose_format(arguments, &lines_format);
    if (!format || !choose_header(arguments, &header))
        return EXIT_USAGE;
    if (cli_operand_count(arguments) != 1)
        return cli_usage(arguments, "expected one FILE, or - for standard input");
    const char *path = cli_operands(arguments)[0];
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (!in)
        return cli_fail(arguments, EXIT_FINDINGS, "%s: %s", path, strerror(errno));
    struct wd_diagnostics *findings = wd_diagnostics_new();
    int code = !findings          ? cli_fail(arguments, EXIT_FINDINGS, "no memory")
               : format->is_lines ? import_lines(arguments, lines_format, &header, in, path, findings)
                                  : import_whole(arguments, format, &header, in, path, findings);
    wd_diagnostics_free(findings);
    if (in != stdin)
        fclose(in);
    return code;
}

static const struct cli_option OPTIONS[] = {
    {.name = "from",
     .letter = 'f',
     .argument = "FORMAT",
     .text = "automoderator, blocklist, list, sigma or tsv; see above."},
    {.name = "allow", .argument = "FILE", .text = "Of a blocklist: the phrases that it allows, in the same form."},
    {.name = "id", .argument = "NAME", .text = "Name of the rule set: org.example.imported if not given."},
    {.name = "karma",
     .argument = "FIELD",
     .text = "Of AutoModerator's rules: the field that holds an author's karma, as in author.metadata.karma."},
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
    .summary = "turn rules of other filters into a rule set",
    .text =
        "--from automoderator reads the rules of Reddit's AutoModerator: searches in title, body, domain and url with "
        "their modifiers, age, name and karma of the author, lengths, reports, and actions.\n"
        "--from blocklist reads words as chat platforms such as Discord list them, an entry a line or separated by "
        "commas: word, word*, *word, *word*; --allow names what is free all the same.\n"
        "--from list takes each line for a word or phrase; all together are one rule. Lines in scripts that put no "
        "spaces between words (Chinese, Japanese, Thai, ...) are looked for inside of words, too.\n"
        "--from sigma reads selections of fields and values, and a condition over their names.\n"
        "--from tsv takes each line for a rule: id, kind, caseless (1 or 0) and a PCRE2 expression, separated by tabs; "
        "the kind becomes a tag.\n"
        "In lists and tables empty lines and lines that begin with # are skipped. Rules begin in shadow mode, so that "
        "nothing is done before somebody has looked; where the other filter says nothing of actions, they flag.\n"
        "What cannot be kept is reported on standard error with its place: not-imported (the rule or line is missing), "
        "left-out (a part of it is), changed (it is, and works a little differently). The result loads and passes the "
        "examples that were made for it. The exit code is 0 where all was kept, 1 where something is missing, 4 where "
        "there was nothing.",
    .options = OPTIONS,
    .run = import,
};
