/* Prints findings for programs. Neighbours: rules_list.c (lint), rules_test.c. */
#include <stdbool.h>
#include <string.h>

#include <jansson.h>

#include "worker/cli/lint_codes.h"
#include "worker/cli/machine_report.h"

static const char *const SEVERITIES[] = {[WD_NOTE] = "note", [WD_WARNING] = "warning", [WD_ERROR] = "error"};

static void print(json_t *json, FILE *out)
{
    json_dumpf(json, out, JSON_INDENT(2));
    fputc('\n', out);
    json_decref(json);
}

void machine_report_json(const struct wd_diagnostics *findings, FILE *out)
{
    json_t *list = json_array();
    for (size_t i = 0; i < wd_diagnostics_count(findings); i++) {
        const struct wd_diagnostic *d = wd_diagnostics_at(findings, i);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:i, s:i, s:s}", "severity", SEVERITIES[d->severity],
                                              "code", d->code, "file", d->file, "line", d->line, "column", d->column,
                                              "message", d->message));
    }
    print(list, out);
}

/* ---- SARIF ---- */

/* A path as a URI reference: what has a meaning in one is escaped. */
static json_t *uri_of(const char *path)
{
    char uri[3 * 1024 + 1];
    size_t used = 0;
    for (; *path && used + 3 < sizeof(uri); path++) {
        unsigned char c = (unsigned char)*path;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("/._~-", c);
        used += (size_t)snprintf(uri + used, sizeof(uri) - used, plain ? "%c" : "%%%02X", c);
    }
    uri[used] = '\0';
    return json_string(uri);
}

static json_t *location_of(const struct wd_diagnostic *finding)
{
    json_t *physical = json_pack("{s:{s:o}}", "artifactLocation", "uri", uri_of(finding->file));
    if (physical && finding->line > 0)
        json_object_set_new(physical, "region",
                            json_pack("{s:i, s:i}", "startLine", finding->line, "startColumn",
                                      finding->column > 0 ? finding->column : 1));
    return json_pack("[{s:o}]", "physicalLocation", physical);
}

/* The place of a code among the kinds of findings, which is added where it is new. */
static size_t index_of(json_t *kinds, const char *code)
{
    size_t i;
    const json_t *kind;
    json_array_foreach(kinds, i, kind)
    {
        if (strcmp(json_string_value(json_object_get(kind, "id")), code) == 0)
            return i;
    }
    json_t *added = json_pack("{s:s}", "id", code);
    if (added && lint_code_text(code))
        json_object_set_new(added, "shortDescription", json_pack("{s:s}", "text", lint_code_text(code)));
    json_array_append_new(kinds, added);
    return json_array_size(kinds) - 1;
}

void machine_report_sarif(const struct wd_diagnostics *findings, FILE *out)
{
    json_t *kinds = json_array(), *results = json_array();
    for (size_t i = 0; i < wd_diagnostics_count(findings); i++) {
        const struct wd_diagnostic *d = wd_diagnostics_at(findings, i);
        json_t *result =
            json_pack("{s:s, s:I, s:s, s:{s:s}}", "ruleId", d->code, "ruleIndex", (json_int_t)index_of(kinds, d->code),
                      "level", SEVERITIES[d->severity], "message", "text", d->message);
        if (result && *d->file)
            json_object_set_new(result, "locations", location_of(d));
        json_array_append_new(results, result);
    }
    print(json_pack("{s:s, s:s, s:[{s:{s:{s:s, s:o}}, s:s, s:o}]}", "$schema",
                    "https://json.schemastore.org/sarif-2.1.0.json", "version", "2.1.0", "runs", "tool", "driver",
                    "name", "warden rules lint", "rules", kinds, "columnKind", "unicodeCodePoints", "results", results),
          out);
}

/* ---- JUnit ---- */

/* XML has no place for most control characters, not even escaped. */
static void put_escaped(const char *text, FILE *out)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '&')
            fputs("&amp;", out);
        else if (c == '<')
            fputs("&lt;", out);
        else if (c == '>')
            fputs("&gt;", out);
        else if (c == '"')
            fputs("&quot;", out);
        else if (c == '\n')
            fputs("&#10;", out);
        else
            fputc(c < ' ' || c == 0x7f ? ' ' : c, out);
    }
}

static void put_attribute(const char *name, const char *value, FILE *out)
{
    fprintf(out, " %s=\"", name);
    put_escaped(value, out);
    fputc('"', out);
}

void junit_begin(const char *suite, size_t count, size_t failed, size_t skipped, FILE *out)
{
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite", out);
    put_attribute("name", suite, out);
    fprintf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\">\n", count, failed, skipped);
}

static void begin_case(const char *class_name, const char *name, FILE *out)
{
    fputs("<testcase", out);
    put_attribute("classname", class_name, out);
    put_attribute("name", name, out);
    fputc('>', out);
}

void junit_case(const char *class_name, const char *name, const char *failure, const char *details, FILE *out)
{
    begin_case(class_name, name, out);
    if (failure) {
        fputs("<failure", out);
        put_attribute("message", failure, out);
        fputc('>', out);
        put_escaped(details, out);
        fputs("</failure>", out);
    }
    fputs("</testcase>\n", out);
}

void junit_end(FILE *out)
{
    fputs("</testsuite>\n</testsuites>\n", out);
}

static void finding_case(const struct wd_diagnostic *finding, bool fails, FILE *out)
{
    char name[256];
    snprintf(name, sizeof(name), "%s (%d:%d)", finding->code, finding->line, finding->column);
    if (fails) {
        junit_case(finding->file, name, finding->message, "", out);
        return;
    }
    begin_case(finding->file, name, out);
    fputs("<skipped", out);
    put_attribute("message", finding->message, out);
    fputs("/></testcase>\n", out);
}

void machine_report_junit(const struct wd_diagnostics *findings, bool deny_warnings, FILE *out)
{
    size_t count = wd_diagnostics_count(findings);
    size_t failed = wd_diagnostics_errors(findings) + (deny_warnings ? wd_diagnostics_warnings(findings) : 0);
    junit_begin("warden rules lint", count ? count : 1, failed, count - failed, out);
    for (size_t i = 0; i < count; i++) {
        const struct wd_diagnostic *finding = wd_diagnostics_at(findings, i);
        finding_case(finding, finding->severity == WD_ERROR || (deny_warnings && finding->severity == WD_WARNING), out);
    }
    if (!count) /* a report without a test counts as a mistake in many places */
        junit_case("rules", "no findings", NULL, "", out);
    junit_end(out);
}
