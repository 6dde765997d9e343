/* Rules that stand a line each: what is read, what is refused, and that what is printed reads back as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <warden/document.h>
#include <warden/ruleset.h>

#include "worker/cli/rule_lines.h"

static const struct rule_lines_header HEADER = {.id = "org.example.t", .mode = "shadow"};

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    return *seed ^= *seed << 17;
}

/* ---- quoting ---- */

static void assert_reads_back(const char *text, size_t len)
{
    char *yaml = NULL;
    size_t yaml_len = 0;
    FILE *out = open_memstream(&yaml, &yaml_len);
    fputs("- {regex: ", out);
    rule_lines_quote(out, (struct wd_str){.data = text, .len = len});
    fputs(", case: sensitive}\n", out);
    fclose(out);
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct wd_document *document = NULL;
    if (wd_document_parse("q", yaml, yaml_len, &document, findings) != WD_OK) {
        wd_diagnostics_print(findings, stderr);
        fail_msg("does not parse: %s", yaml);
    }
    const struct wd_node *node = wd_node_get(wd_document_root(document)->first, "regex");
    assert_non_null(node);
    assert_int_equal(node->text_len, len);
    assert_memory_equal(node->text, text, len);
    assert_true(node->quoted);
    wd_document_free(document);
    wd_diagnostics_free(findings);
    free(yaml);
}

static void any_text_reads_back(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {"",
                                        "plain",
                                        "it's",
                                        "''",
                                        "'",
                                        "\\b(?:a|b)\\b",
                                        "\"quoted\"",
                                        "# no comment",
                                        "a: b",
                                        "- item",
                                        "~",
                                        "null",
                                        "true",
                                        "12",
                                        " leading and trailing ",
                                        "\tTab\t",
                                        "line\nbreak",
                                        "carriage\r\n return",
                                        "\x01\x1b[0m\x7f",
                                        "\xC2\x85 next line",
                                        "\xC2\x80\xC2\x9F",
                                        "\xC2\xA0",
                                        "\xE2\x80\xA8\xE2\x80\xA9",
                                        "\xEF\xBB\xBF",
                                        "\xEF\xBF\xBE\xEF\xBF\xBF",
                                        "\xF0\x9F\x98\x80",
                                        "\xF4\x8F\xBF\xBF",
                                        "{[&*!|>%@`"};
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(*TEXTS); i++)
        assert_reads_back(TEXTS[i], strlen(TEXTS[i]));
}

static size_t put_character(char *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = len; i-- > 1; code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3F));
    out[0] = (char)((0xF00 >> len & 0xFF) | code);
    return len;
}

static void random_texts_read_back(void **state)
{
    (void)state;
    static const uint32_t TOPS[] = {0x20, 0x7F, 0xA0, 0x800, 0x3000, 0x10000, 0x110000};
    uint64_t seed = UINT64_C(0x9E3779B97F4A7C15);
    for (int round = 0; round < 4000; round++) {
        char text[256];
        size_t len = 0, characters = next_random(&seed) % 40;
        for (size_t i = 0; i < characters; i++) {
            uint32_t code = (uint32_t)(1 + next_random(&seed) % (TOPS[next_random(&seed) % 7] - 1));
            len += put_character(text + len, code >= 0xD800 && code <= 0xDFFF ? '\'' : code);
        }
        assert_reads_back(text, len);
    }
}

/* ---- reading and checking ---- */

static struct rule_lines read_text(const char *text, size_t len, enum rule_lines_format format,
                                   struct wd_diagnostics *findings)
{
    struct rule_lines lines;
    FILE *in = fmemopen((void *)text, len, "r");
    assert_non_null(in);
    assert_int_equal(rule_lines_read(&lines, format, "in", in, findings, NULL), WD_OK);
    fclose(in);
    return lines;
}

static struct wd_ruleset *load_printed(const struct rule_lines *lines, size_t most)
{
    char *yaml = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&yaml, &len);
    assert_int_equal(rule_lines_print(lines, &HEADER, most, out), WD_OK);
    fclose(out);
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct wd_ruleset *set = NULL;
    enum wd_status status = wd_ruleset_load_text("out.yaml", yaml, len, NULL, &set, findings);
    if (status != WD_OK)
        wd_diagnostics_print(findings, stderr);
    assert_int_equal(status, WD_OK);
    wd_diagnostics_free(findings);
    free(yaml);
    return set;
}

static bool was_told(const struct wd_diagnostics *findings, int line, const char *code)
{
    for (size_t i = 0; i < wd_diagnostics_count(findings); i++)
        if (wd_diagnostics_at(findings, i)->line == line && strcmp(wd_diagnostics_at(findings, i)->code, code) == 0)
            return true;
    return false;
}

static void lines_that_cannot_be_rules_are_told_and_left_out(void **state)
{
    (void)state;
    static const char TABLE[] = "id\tkind\tcaseless\tpattern\n" /* 1 */
                                "# a comment\n"
                                "\n"
                                "a1\tkw\t1\t\\bgood\\b\r\n" /* 4 */
                                "a2\tkw\t1\n"               /* 5: too few fields */
                                "a3\tkw\tyes\tgood\n"       /* 6: caseless */
                                "a4\tkw\t1\t\n"             /* 7: empty */
                                "a5\tkw\t1\t(unclosed\n"    /* 8 */
                                "a 6\tkw\t1\tgood\n"        /* 9: no name */
                                "a1\tkw\t1\tother\n"        /* 10: a second a1 */
                                "a7\tkw\t0\tx\ty'\"\n"      /* 11: a tab in the expression */
                                "a8\tkw\t1\tbad\xFF\n"      /* 12: no UTF-8 */
                                "a9\t\t0\tCase\n"           /* 13: no kind */
                                "a10\tkw\t1\tlast";         /* 14: no newline */
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct rule_lines lines = read_text(TABLE, sizeof(TABLE) - 1, RULE_LINES_TABLE, findings);
    assert_int_equal(lines.count, 11);
    assert_int_equal(rule_lines_check(&lines, &HEADER, findings, NULL), WD_OK);
    assert_int_equal(rule_lines_kept(&lines), 4);
    for (int line = 5; line <= 7; line++)
        assert_true(was_told(findings, line, "bad-line"));
    assert_true(was_told(findings, 8, "bad-regex"));
    assert_true(was_told(findings, 9, "wrong-type"));
    assert_true(was_told(findings, 10, "duplicate-rule"));
    assert_true(was_told(findings, 12, "bad-line"));
    assert_int_equal(wd_diagnostics_count(findings), 7);
    struct wd_ruleset *set = load_printed(&lines, SIZE_MAX);
    assert_int_equal(wd_ruleset_rule_count(set), 4);
    static const char *const IDS[] = {"a1", "a7", "a9", "a10"};
    for (uint32_t i = 0; i < 4; i++)
        assert_string_equal(wd_ruleset_rule(set, i)->id, IDS[i]);
    wd_ruleset_unref(set);
    set = load_printed(&lines, 2);
    assert_int_equal(wd_ruleset_rule_count(set), 2);
    wd_ruleset_unref(set);
    rule_lines_fini(&lines);
    wd_diagnostics_free(findings);
}

static void a_list_is_one_rule(void **state)
{
    (void)state;
    static const char LIST[] = "\xEF\xBB\xBF"
                               "first word\n  trimmed \n# comment\n\nit's\n\xD1\x84\n- dash\n";
    struct wd_diagnostics *findings = wd_diagnostics_new();
    for (int i = 0; i < 2; i++) {
        struct rule_lines lines = read_text(LIST, sizeof(LIST) - 1, i ? RULE_LINES_PARTS : RULE_LINES_WORDS, findings);
        assert_int_equal(rule_lines_check(&lines, &HEADER, findings, NULL), WD_OK);
        assert_int_equal(rule_lines_kept(&lines), 5);
        assert_int_equal(wd_diagnostics_count(findings), 0);
        struct wd_ruleset *set = load_printed(&lines, SIZE_MAX);
        assert_int_equal(wd_ruleset_rule_count(set), 1);
        assert_int_equal(wd_ruleset_rule(set, 0)->mode, WD_MODE_SHADOW);
        wd_ruleset_unref(set);
        rule_lines_fini(&lines);
    }
    wd_diagnostics_free(findings);
}

static void what_is_no_line_s_fault_is_an_error_of_the_whole(void **state)
{
    (void)state;
    static const char TABLE[] = "a\tkw\t1\tx\n";
    const struct rule_lines_header bad = {.id = "no name at all", .mode = "shadow"};
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct rule_lines lines = read_text(TABLE, sizeof(TABLE) - 1, RULE_LINES_TABLE, findings);
    lines.items[0].number = 2; /* so that the heading's line is no rule's */
    struct wd_error err = {0};
    assert_int_equal(rule_lines_check(&lines, &bad, findings, &err), WD_ERR_INVALID);
    assert_true(err.text[0] != '\0');
    rule_lines_fini(&lines);
    wd_diagnostics_free(findings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_text_reads_back),
        cmocka_unit_test(random_texts_read_back),
        cmocka_unit_test(lines_that_cannot_be_rules_are_told_and_left_out),
        cmocka_unit_test(a_list_is_one_rule),
        cmocka_unit_test(what_is_no_line_s_fault_is_an_error_of_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
