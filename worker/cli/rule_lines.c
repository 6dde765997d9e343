/* Reads rules that stand a line each, and checks them with the loader. What always holds: the text that is checked has
 * the rule of line N in its own line N, so that findings name the line that the person wrote. Neighbours:
 * rule_lines_print.c writes the file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <warden/ruleset.h>

#include "worker/cli/rule_lines_parts.h"

/* ---- reading ---- */

enum wd_status rule_lines_read_whole(FILE *in, char **bytes_out, size_t *len_out, struct wd_error *err)
{
    size_t len = 0, room = 0;
    char *bytes = NULL;
    for (;;) {
        if (len + 1 >= room) {
            room = room ? room * 2 : 1 << 16;
            char *grown = room <= 2 * (size_t)RULE_LINES_BYTES_MAX ? realloc(bytes, room) : NULL;
            if (!grown) {
                free(bytes);
                return room > 2 * (size_t)RULE_LINES_BYTES_MAX
                           ? wd_fail(err, WD_ERR_TOO_LARGE, "more than %d MiB: split it", RULE_LINES_BYTES_MAX >> 20)
                           : wd_fail(err, WD_ERR_MEMORY, "no memory");
            }
            bytes = grown;
        }
        size_t got = fread(bytes + len, 1, room - len - 1, in);
        len += got;
        if (got == 0)
            break;
    }
    if (ferror(in)) {
        free(bytes);
        return wd_fail(err, WD_ERR_IO, "%s", strerror(errno));
    }
    bytes[len] = '\0';
    *bytes_out = bytes;
    *len_out = len;
    return WD_OK;
}

static void refuse(const struct rule_lines *lines, struct rule_line *line, const char *why,
                   struct wd_diagnostics *findings)
{
    line->refused = true;
    wd_diagnose(findings, WD_ERROR, "bad-line", lines->name, line->number, 1, "%s", why);
}

/* Cuts the field up to the next tab off `rest`. */
static bool take_field(struct wd_str *rest, struct wd_str *field_out)
{
    const char *tab = memchr(rest->data, '\t', rest->len);
    if (!tab)
        return false;
    *field_out = (struct wd_str){.data = rest->data, .len = (size_t)(tab - rest->data)};
    *rest = (struct wd_str){.data = tab + 1, .len = rest->len - field_out->len - 1};
    return true;
}

static void read_row(const struct rule_lines *lines, struct rule_line *line, struct wd_diagnostics *findings)
{
    struct wd_str rest = line->text, caseless = {0};
    if (!take_field(&rest, &line->id) || !take_field(&rest, &line->kind) || !take_field(&rest, &caseless)) {
        refuse(lines, line, "expected id, kind, caseless and expression, separated by tabs", findings);
        return;
    }
    line->column = (int)(rest.data - line->text.data) + 1;
    line->text = rest;
    line->caseless = wd_str_is(caseless, "1");
    if (!line->caseless && !wd_str_is(caseless, "0"))
        refuse(lines, line, "the third field must be 1 (case does not matter) or 0", findings);
    else if (!rest.len)
        refuse(lines, line, "the expression is empty: it would match every text", findings);
}

static struct wd_str trimmed(struct wd_str text)
{
    while (text.len && strchr(" \t", text.data[text.len - 1]))
        text.len--;
    while (text.len && strchr(" \t", text.data[0])) {
        text.data++;
        text.len--;
    }
    return text;
}

static bool is_heading(const struct rule_lines *lines, struct wd_str text)
{
    return lines->format == RULE_LINES_TABLE && wd_str_starts_with(text, "id\t");
}

static void add_line(struct rule_lines *lines, struct wd_str text, int number, struct wd_diagnostics *findings)
{
    if (text.len && text.data[text.len - 1] == '\r')
        text.len--;
    if (!trimmed(text).len || text.data[0] == '#' || (number == 1 && is_heading(lines, text)))
        return;
    struct rule_line *line = &lines->items[lines->count++];
    *line = (struct rule_line){.text = text, .caseless = true, .number = number, .column = 1};
    if (!rule_lines_is_utf8(text))
        refuse(lines, line, "not UTF-8: convert the file first (iconv -t UTF-8)", findings);
    else if (memchr(text.data, '\0', text.len))
        refuse(lines, line, "a NUL character: no text holds one", findings);
    else if (lines->format == RULE_LINES_TABLE)
        read_row(lines, line, findings);
    else
        line->text = trimmed(text);
    line->unspaced = !line->refused && lines->format == RULE_LINES_WORDS && wd_is_unspaced(line->text);
}

enum wd_status rule_lines_read(struct rule_lines *lines, enum rule_lines_format format, const char *name, FILE *in,
                               struct wd_diagnostics *findings, struct wd_error *err)
{
    *lines = (struct rule_lines){.name = name, .format = format};
    size_t len = 0, most = 1;
    enum wd_status status = rule_lines_read_whole(in, &lines->bytes, &len, err);
    if (status != WD_OK)
        return status;
    for (size_t i = 0; i < len; i++)
        most += lines->bytes[i] == '\n';
    lines->items = calloc(most, sizeof(*lines->items));
    if (!lines->items) {
        rule_lines_fini(lines);
        return wd_fail(err, WD_ERR_MEMORY, "no memory");
    }
    const char *at = lines->bytes, *end = lines->bytes + len;
    if (len >= 3 && memcmp(at, "\xEF\xBB\xBF", 3) == 0)
        at += 3;
    for (int number = 1; at < end; number++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        add_line(lines, (struct wd_str){.data = at, .len = (size_t)(stop - at)}, number, findings);
        at = stop + 1;
    }
    return WD_OK;
}

void rule_lines_fini(struct rule_lines *lines)
{
    free(lines->items);
    free(lines->bytes);
    *lines = (struct rule_lines){0};
}

size_t rule_lines_kept(const struct rule_lines *lines)
{
    size_t kept = 0;
    for (size_t i = 0; i < lines->count; i++)
        kept += !lines->items[i].refused;
    return kept;
}

/* ---- checking ---- */

static struct rule_line *line_numbered(struct rule_lines *lines, int number)
{
    size_t low = 0, high = lines->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (lines->items[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < lines->count && lines->items[low].number == number ? &lines->items[low] : NULL;
}

/* Hands on what was found, each at the line that it is about; what is about no line only where it is an error. */
static size_t take_findings(struct rule_lines *lines, const struct wd_diagnostics *found, bool with_warnings,
                            struct wd_diagnostics *findings, const char **no_line_out)
{
    size_t refused = 0;
    for (size_t i = 0; i < wd_diagnostics_count(found); i++) {
        const struct wd_diagnostic *one = wd_diagnostics_at(found, i);
        struct rule_line *line = line_numbered(lines, one->line);
        bool is_error = one->severity == WD_ERROR;
        if (!line || (line->refused && is_error))
            *no_line_out = is_error && !line ? one->message : *no_line_out;
        else if (is_error || with_warnings)
            wd_diagnose(findings, one->severity, one->code, lines->name, line->number, line->column, "%s",
                        one->message);
        if (line && is_error && !line->refused) {
            line->refused = true;
            refused++;
        }
    }
    return refused;
}

static enum wd_status check_once(struct rule_lines *lines, const struct rule_lines_header *header,
                                 struct wd_diagnostics *found)
{
    char *yaml = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&yaml, &len);
    if (!out)
        return WD_ERR_MEMORY;
    rule_lines_print_in_place(lines, header, out);
    if (fclose(out) != 0) {
        free(yaml);
        return WD_ERR_MEMORY;
    }
    struct wd_ruleset *set = NULL;
    enum wd_status status = wd_ruleset_load_text(lines->name, yaml, len, NULL, &set, found);
    wd_ruleset_unref(set);
    free(yaml);
    return status;
}

enum wd_status rule_lines_check(struct rule_lines *lines, const struct rule_lines_header *header,
                                struct wd_diagnostics *findings, struct wd_error *err)
{
    while (rule_lines_kept(lines)) {
        struct wd_diagnostics *found = wd_diagnostics_new();
        if (!found)
            return wd_fail(err, WD_ERR_MEMORY, "no memory");
        const char *no_line = NULL;
        enum wd_status status = check_once(lines, header, found);
        size_t refused = take_findings(lines, found, status == WD_OK, findings, &no_line);
        if (status == WD_OK || !refused) {
            if (status == WD_ERR_INVALID || status == WD_ERR_TOO_LARGE)
                wd_fail(err, WD_ERR_INVALID, "%s", no_line ? no_line : "the rules do not load");
            else if (status != WD_OK)
                wd_fail(err, status, "no memory");
            wd_diagnostics_free(found);
            return status;
        }
        wd_diagnostics_free(found);
    }
    return WD_OK;
}
