/* Broken rule files and the findings that they must lead to: tests/golden/rules/broken/NAME.yaml and NAME.expected. A
 * difference is printed whole. With WARDEN_GOLDEN_WRITE set in the environment, the expectations are written anew (to
 * be read before they are kept). */
#include "tests/unit/rules_support.h"

#include <dirent.h>
#include <unistd.h>

static const char *const FOLDER = SOURCE_DIR "/tests/golden/rules/broken";
enum { BROKEN_MIN = 25 };

static int is_rule_file(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot && strcmp(dot, ".yaml") == 0;
}

static char *findings_of(const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct wd_ruleset *set = NULL;
    assert_int_equal(wd_ruleset_load(&path, 1, NULL, &set, findings), WD_ERR_INVALID);
    assert_null(set);
    assert_true(wd_diagnostics_errors(findings) > 0);
    wd_diagnostics_print(findings, out);
    wd_diagnostics_free(findings);
    fclose(out);
    return text;
}

static char *contents_of(const char *path)
{
    static char buffer[65536];
    FILE *file = fopen(path, "r");
    buffer[0] = '\0';
    if (!file)
        return buffer;
    buffer[fread(buffer, 1, sizeof(buffer) - 1, file)] = '\0';
    fclose(file);
    return buffer;
}

static void write_golden(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void every_broken_file_is_explained(void **state)
{
    (void)state;
    struct dirent **entries;
    assert_int_equal(chdir(FOLDER), 0);
    int count = scandir(".", &entries, is_rule_file, alphasort), different = 0;
    assert_true(count >= BROKEN_MIN);
    for (int i = 0; i < count; i++) {
        char expected_path[300];
        char *found = findings_of(entries[i]->d_name);
        snprintf(expected_path, sizeof(expected_path), "%.*s.expected", (int)strlen(entries[i]->d_name) - 5,
                 entries[i]->d_name);
        if (getenv("WARDEN_GOLDEN_WRITE"))
            write_golden(expected_path, found);
        const char *expected = contents_of(expected_path);
        if (strcmp(found, expected) != 0) {
            fprintf(stderr, "--- %s: expected\n%s+++ found\n%s", entries[i]->d_name, expected, found);
            different++;
        }
        free(found);
        free(entries[i]);
    }
    free(entries);
    assert_int_equal(different, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_broken_file_is_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
