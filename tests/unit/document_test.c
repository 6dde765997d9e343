/* YAML documents: the tree with its places, every refusal with its place, typed readings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <warden/document.h>

static struct wd_document *parsed(const char *yaml)
{
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct wd_document *document = NULL;
    assert_int_equal(wd_document_parse("t.yaml", yaml, strlen(yaml), &document, findings), WD_OK);
    assert_int_equal(wd_diagnostics_count(findings), 0);
    wd_diagnostics_free(findings);
    return document;
}

struct expectation {
    const char *code;
    int line, column;
};

static void expect_refusal(const char *yaml, size_t len, enum wd_status status, const struct expectation *wanted,
                           size_t count)
{
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct wd_document *document = (struct wd_document *)&document;
    assert_int_equal(wd_document_parse("t.yaml", yaml, len, &document, findings), status);
    assert_null(document);
    wd_diagnostics_sort(findings);
    assert_int_equal(wd_diagnostics_count(findings), count);
    for (size_t i = 0; i < count; i++) {
        const struct wd_diagnostic *found = wd_diagnostics_at(findings, i);
        assert_string_equal(found->code, wanted[i].code);
        assert_string_equal(found->file, "t.yaml");
        assert_int_equal(found->line, wanted[i].line);
        assert_int_equal(found->column, wanted[i].column);
    }
    wd_diagnostics_free(findings);
}

#define REFUSED(yaml, status, ...)                                                                                     \
    do {                                                                                                               \
        const struct expectation wanted_[] = {__VA_ARGS__};                                                            \
        expect_refusal(yaml, sizeof(yaml) - 1, status, wanted_, sizeof(wanted_) / sizeof(*wanted_));                   \
    } while (0)

static void nodes_know_their_places(void **state)
{
    (void)state;
    struct wd_document *document = parsed("a: 1\nb:\n- x\n- {c: 'é', d: [y]}\n");
    const struct wd_node *root = wd_document_root(document);
    assert_int_equal(root->kind, WD_NODE_MAP);
    assert_int_equal(root->count, 2);
    const struct wd_node *b = wd_node_get(root, "b");
    assert_int_equal(b->kind, WD_NODE_LIST);
    assert_int_equal(b->count, 2);
    assert_int_equal(b->key->line, 2);
    const struct wd_node *d = wd_node_get(b->first->next, "d");
    assert_int_equal(d->line, 4);
    assert_int_equal(d->column, 15); /* in characters: é is one */
    assert_string_equal(wd_node_get(b->first->next, "c")->text, "é");
    assert_true(wd_node_get(b->first->next, "c")->quoted);
    assert_int_equal(wd_node_get(b->first->next, "c")->style, WD_STYLE_SINGLE_QUOTED);
    assert_null(wd_node_get(root, "zebra"));
    assert_null(wd_node_get(b, "c"));
    wd_document_free(document);
}

static void an_empty_file_has_no_root(void **state)
{
    (void)state;
    struct wd_document *document = parsed("# nothing\n");
    assert_null(wd_document_root(document));
    assert_string_equal(wd_document_name(document), "t.yaml");
    wd_document_free(document);
}

static void what_can_surprise_is_refused_at_its_place(void **state)
{
    (void)state;
    REFUSED("a: &x 1\nb: *x\n", WD_ERR_INVALID, {"yaml-anchor", 1, 4}, {"yaml-alias", 2, 4});
    REFUSED("a: !!str 1\nb: ! 2\n", WD_ERR_INVALID, {"yaml-tag", 1, 4}, {"yaml-tag", 2, 4});
    REFUSED("a: {<<: {b: 1}}\n", WD_ERR_INVALID, {"yaml-merge", 1, 5});
    REFUSED("? [a]\n: 1\n", WD_ERR_INVALID, {"yaml-key", 1, 3});
    REFUSED("a: 1\n---\nb: 2\n", WD_ERR_INVALID, {"yaml-documents", 2, 1});
    REFUSED("a: \"x\\0y\"\n", WD_ERR_INVALID, {"yaml-nul", 1, 4});
}

static void duplicate_keys_are_all_found(void **state)
{
    (void)state;
    REFUSED("a: 1\nb: {c: 1, c: 2}\na: 3\n\"a\": 4\n", WD_ERR_INVALID, {"duplicate-key", 2, 11},
            {"duplicate-key", 3, 1}, {"duplicate-key", 4, 1});
}

static void syntax_errors_have_a_place(void **state)
{
    (void)state;
    REFUSED("a:\n\tb: 1\n", WD_ERR_INVALID, {"yaml-tab", 2, 1});
    REFUSED("a: [1, 2\nb: 1\n", WD_ERR_INVALID, {"yaml-syntax", 2, 2});
    REFUSED("a: 1\nb: \xff\n", WD_ERR_INVALID, {"yaml-encoding", 2, 4});
    REFUSED("a: 1\nb: \x01\n", WD_ERR_INVALID, {"yaml-encoding", 2, 4});
}

static void depth_and_size_are_bounded(void **state)
{
    (void)state;
    char deep[80];
    memset(deep, '[', sizeof(deep));
    expect_refusal(deep, sizeof(deep), WD_ERR_TOO_LARGE, &(struct expectation){"too-deep", 1, 65}, 1);
    size_t len = (size_t)WD_DOCUMENT_BYTES_MAX + 1;
    char *large = malloc(len);
    memset(large, '#', len);
    expect_refusal(large, len, WD_ERR_TOO_LARGE, &(struct expectation){"too-large", 0, 0}, 1);
    memset(large, 'a', len);
    for (size_t i = 0; i + 1 < len; i += 2)
        large[i] = ',';
    large[0] = '[';
    large[1] = 'a';
    expect_refusal(large, len - 1, WD_ERR_TOO_LARGE, &(struct expectation){"too-many-nodes", 1, 2000000}, 1);
    free(large);
}

static void a_missing_file_and_a_folder_are_findings(void **state)
{
    (void)state;
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct wd_document *document;
    assert_int_equal(wd_document_load("no/such/file.yaml", &document, findings), WD_ERR_NOT_FOUND);
    assert_string_equal(wd_diagnostics_at(findings, 0)->code, "file-not-found");
    assert_int_equal(wd_document_load(SOURCE_DIR, &document, findings), WD_ERR_IO);
    assert_string_equal(wd_diagnostics_at(findings, 1)->code, "file-unreadable");
    wd_diagnostics_free(findings);
}

static const struct wd_node *value_of(struct wd_document **document, const char *value)
{
    char yaml[128];
    snprintf(yaml, sizeof(yaml), "v: %s\n", value);
    wd_document_free(*document);
    *document = parsed(yaml);
    return wd_node_get(wd_document_root(*document), "v");
}

static void scalars_are_read_strictly(void **state)
{
    (void)state;
    struct wd_document *d = NULL;
    int64_t n = 0;
    double x = 0;
    bool yes = false;
    assert_true(wd_node_int(value_of(&d, "10_000"), &n) && n == 10000);
    assert_true(wd_node_int(value_of(&d, "-5"), &n) && n == -5);
    assert_false(wd_node_int(value_of(&d, "1_"), &n));
    assert_false(wd_node_int(value_of(&d, "0x10"), &n));
    assert_false(wd_node_int(value_of(&d, "'5'"), &n));
    assert_false(wd_node_int(value_of(&d, "9223372036854775808"), &n));
    assert_true(wd_node_bool(value_of(&d, "true"), &yes) && yes);
    assert_false(wd_node_bool(value_of(&d, "yes"), &yes));
    assert_true(wd_node_double(value_of(&d, "0.25"), &x) && x == 0.25);
    assert_false(wd_node_double(value_of(&d, "nan"), &x));
    assert_false(wd_node_double(value_of(&d, "1e999"), &x));
    assert_true(wd_node_duration(value_of(&d, "2h"), &n) && n == 7200000);
    assert_true(wd_node_duration(value_of(&d, "500ms"), &n) && n == 500);
    assert_true(wd_node_duration(value_of(&d, "0"), &n) && n == 0);
    assert_false(wd_node_duration(value_of(&d, "5"), &n));
    assert_false(wd_node_duration(value_of(&d, "5 s"), &n));
    assert_false(wd_node_duration(value_of(&d, "-5s"), &n));
    assert_false(wd_node_duration(value_of(&d, "9223372036854775807d"), &n));
    assert_true(wd_node_size(value_of(&d, "64KiB"), &n) && n == 65536);
    assert_true(wd_node_size(value_of(&d, "512"), &n) && n == 512);
    assert_false(wd_node_size(value_of(&d, "64KB"), &n));
    assert_true(wd_node_is_null(value_of(&d, "~")) && wd_node_is_null(value_of(&d, "")));
    assert_false(wd_node_is_null(value_of(&d, "''")));
    wd_document_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_know_their_places),
        cmocka_unit_test(an_empty_file_has_no_root),
        cmocka_unit_test(what_can_surprise_is_refused_at_its_place),
        cmocka_unit_test(duplicate_keys_are_all_found),
        cmocka_unit_test(syntax_errors_have_a_place),
        cmocka_unit_test(depth_and_size_are_bounded),
        cmocka_unit_test(a_missing_file_and_a_folder_are_findings),
        cmocka_unit_test(scalars_are_read_strictly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
