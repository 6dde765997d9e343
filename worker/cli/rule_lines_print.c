/* Writes rules as a rule set file. What always holds: any UTF-8 text reads back byte by byte. Neighbours: rule_lines.c.
 */
#include <string.h>

#include "worker/cli/rule_lines_parts.h"

/* ---- characters ---- */

/* The character at `at` and its length in bytes; 0 where it is not well formed. */
static size_t decode(struct wd_str text, size_t at, uint32_t *code_out)
{
    static const uint32_t LEAST[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *byte = (const unsigned char *)text.data + at;
    size_t len = byte[0] < 0x80 ? 1 : byte[0] >> 5 == 6 ? 2 : byte[0] >> 4 == 14 ? 3 : byte[0] >> 3 == 30 ? 4 : 0;
    if (!len || len > text.len - at)
        return 0;
    uint32_t code = len == 1 ? byte[0] : byte[0] & (0x7FU >> len);
    for (size_t i = 1; i < len; i++) {
        if (byte[i] >> 6 != 2)
            return 0;
        code = code << 6 | (byte[i] & 0x3F);
    }
    *code_out = code;
    return code < LEAST[len] || code > 0x10FFFF || code >> 11 == 0x1B ? 0 : len;
}

bool rule_lines_is_utf8(struct wd_str text)
{
    uint32_t code;
    for (size_t at = 0, len; at < text.len; at += len)
        if (!(len = decode(text, at, &code)))
            return false;
    return true;
}

/* YAML reads it in quotes as it is, and it is no line break to YAML. */
static bool is_printable(uint32_t code)
{
    return code == '\t' || (code >= 0x20 && code <= 0x7E) ||
           (code >= 0xA0 && code <= 0xFFFD && code != 0xFEFF && code != 0x2028 && code != 0x2029) || code >= 0x10000;
}

static bool fits_single_quotes(struct wd_str text)
{
    uint32_t code = 0;
    for (size_t at = 0, len; at < text.len; at += len) {
        len = decode(text, at, &code);
        if (!len || !is_printable(code))
            return false;
    }
    return true;
}

static void print_escaped(FILE *out, struct wd_str text)
{
    uint32_t code = 0;
    fputc('"', out);
    for (size_t at = 0, len; at < text.len && (len = decode(text, at, &code)); at += len) {
        if (code == '"' || code == '\\')
            fprintf(out, "\\%c", (int)code);
        else if (is_printable(code))
            fwrite(text.data + at, 1, len, out);
        else
            fprintf(out, code <= 0xFF ? "\\x%02X" : code <= 0xFFFF ? "\\u%04X" : "\\U%08X", (unsigned)code);
    }
    fputc('"', out);
}

void rule_lines_quote(FILE *out, struct wd_str text)
{
    if (!fits_single_quotes(text)) {
        print_escaped(out, text);
        return;
    }
    fputc('\'', out);
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\'')
            fputc('\'', out);
        fputc(text.data[i], out);
    }
    fputc('\'', out);
}

/* ---- rules ---- */

static void print_header(const struct rule_lines_header *header, FILE *out)
{
    fprintf(out, "ruleset: {id: ");
    rule_lines_quote(out, wd_str_from(header->id));
    fprintf(out, ", version: 1.0.0, format: 1, default_mode: %s}", header->mode);
}

static void print_views(const struct rule_lines_header *header, const char *before, const char *after, FILE *out)
{
    if (!header->views || !header->views[0])
        return;
    fprintf(out, "%sviews: [", before);
    for (size_t i = 0; header->views[i]; i++)
        fprintf(out, "%s%s", i ? ", " : "", header->views[i]);
    fprintf(out, "]%s", after);
}

/* Between `separator`s: a rule on one line or on several. */
static void print_rule(const struct rule_line *line, const struct rule_lines_header *header, const char *separator,
                       FILE *out)
{
    fprintf(out, "id: ");
    rule_lines_quote(out, line->id);
    if (line->kind.len) {
        fprintf(out, "%stags: [", separator);
        rule_lines_quote(out, line->kind);
        fputc(']', out);
    }
    fprintf(out, "%sstatus: experimental", separator);
    print_views(header, separator, "", out);
    fprintf(out, "%swhen: {regex: ", separator);
    rule_lines_quote(out, line->text);
    fprintf(out, "%s}%sactions: [flag]", line->caseless ? "" : ", case: sensitive", separator);
}

static const char *list_kind(const struct rule_lines *lines)
{
    return lines->format == RULE_LINES_WORDS ? "words" : "contains";
}

/* Which entries a list of a printed file has. */
static bool is_in_list(const struct rule_line *line, bool unspaced)
{
    return !line->refused && line->unspaced == unspaced;
}

static size_t count_in_list(const struct rule_lines *lines, bool unspaced)
{
    size_t count = 0;
    for (size_t i = 0; i < lines->count; i++)
        count += is_in_list(&lines->items[i], unspaced);
    return count;
}

static void print_list_rule(const char *condition, const struct rule_lines_header *header, const char *separator,
                            FILE *out)
{
    fprintf(out, "id: ");
    rule_lines_quote(out, wd_str_from(header->id));
    fprintf(out, "%sstatus: experimental", separator);
    print_views(header, separator, "", out);
    fprintf(out, "%swhen: {%s}%sactions: [flag]", separator, condition, separator);
}

static void print_list(const struct rule_lines *lines, const char *name, const char *kind, bool unspaced, FILE *out)
{
    fprintf(out, "  %s:\n    kind: %s\n    items:\n", name, kind);
    for (size_t i = 0; i < lines->count; i++) {
        if (!is_in_list(&lines->items[i], unspaced))
            continue;
        fputs("    - ", out);
        rule_lines_quote(out, lines->items[i].text);
        fputc('\n', out);
    }
}

/* What must match: an entry by itself; and what must not: one that letters make a longer word. */
static void print_list_examples(const struct rule_lines *lines, FILE *out)
{
    const struct rule_line *spaced = NULL, *unspaced = NULL;
    for (size_t i = 0; i < lines->count; i++) {
        const struct rule_line *line = &lines->items[i];
        if (!line->refused && line->unspaced && !unspaced)
            unspaced = line;
        else if (!line->refused && !line->unspaced && !spaced)
            spaced = line;
    }
    fputs("  tests:\n    match: [", out);
    if (spaced)
        rule_lines_quote(out, spaced->text);
    fputs(spaced && unspaced ? ", " : "", out);
    if (unspaced)
        rule_lines_quote(out, unspaced->text);
    fputs("]\n", out);
}

static void print_lists(const struct rule_lines *lines, const struct rule_lines_header *header, FILE *out)
{
    bool spaced = count_in_list(lines, false) > 0, unspaced = count_in_list(lines, true) > 0;
    char condition[128];
    fputs("\nlists:\n", out);
    if (spaced)
        print_list(lines, "imported", list_kind(lines), false, out);
    if (unspaced)
        print_list(lines, "imported_unspaced", "contains", true, out);
    snprintf(condition, sizeof(condition),
             spaced && unspaced ? "any: [{%s: imported}, {contains: imported_unspaced}]"
             : spaced           ? "%s: imported"
                                : "contains: imported_unspaced",
             list_kind(lines));
    fputs("rules:\n- ", out);
    print_list_rule(condition, header, "\n  ", out);
    fputc('\n', out);
    print_list_examples(lines, out);
}

void rule_lines_print_in_place(const struct rule_lines *lines, const struct rule_lines_header *header, FILE *out)
{
    bool is_table = lines->format == RULE_LINES_TABLE;
    fputc('{', out);
    print_header(header, out);
    fprintf(out, is_table ? ", rules: [" : ", lists: {imported: {kind: %s, items: [", list_kind(lines));
    int at = 1;
    for (size_t i = 0; i < lines->count; i++) {
        const struct rule_line *line = &lines->items[i];
        if (line->refused)
            continue;
        for (; at < line->number; at++)
            fputc('\n', out);
        fputs(is_table ? "{" : "", out);
        if (is_table)
            print_rule(line, header, ", ", out);
        else
            rule_lines_quote(out, line->text);
        fputs(is_table ? "}," : ",", out);
    }
    fputc(']', out);
    if (!is_table) {
        char condition[64];
        snprintf(condition, sizeof(condition), "%s: imported", list_kind(lines));
        fputs("}}, rules: [{", out);
        print_list_rule(condition, header, ", ", out);
        fputs("}]", out);
    }
    fputs("}\n", out);
}

enum wd_status rule_lines_print(const struct rule_lines *lines, const struct rule_lines_header *header, size_t most,
                                FILE *out)
{
    print_header(header, out);
    if (lines->format != RULE_LINES_TABLE) {
        print_lists(lines, header, out);
        return ferror(out) ? WD_ERR_IO : WD_OK;
    }
    fputs("\nrules:\n", out);
    for (size_t i = 0; i < lines->count && most; i++) {
        const struct rule_line *line = &lines->items[i];
        if (line->refused)
            continue;
        most--;
        fputs("- ", out);
        print_rule(line, header, "\n  ", out);
        fputc('\n', out);
    }
    return ferror(out) ? WD_ERR_IO : WD_OK;
}
