/* The parts of bundles that decide: which version is newer, which name is safe, whose signature it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "worker/bundle/bundle.h"
#include "worker/bundle/minisign.h"

static void versions_are_ordered(void **state)
{
    (void)state;
    static const char *const RISING[] = {"0.0.1",       "0.9.0",         "0.10.0",
                                         "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta",
                                         "1.0.0-beta",  "1.0.0-beta.2",  "1.0.0-beta.11",
                                         "1.0.0-rc.1",  "1.0.0",         "1.0.1",
                                         "1.2.0",       "2.0.0",         "18446744073709551616.0.0"};
    size_t count = sizeof(RISING) / sizeof(RISING[0]);
    for (size_t i = 0; i < count; i++) {
        assert_true(bundle_is_version(RISING[i]));
        for (size_t j = 0; j < count; j++) {
            int order = bundle_compare_versions(RISING[i], RISING[j]);
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
    }
    assert_int_equal(bundle_compare_versions("1.0.0+a", "1.0.0+b"), 0);
    assert_true(bundle_compare_versions("1.0.0-rc.1+z", "1.0.0+a") < 0);
}

static void what_is_no_version_is_refused(void **state)
{
    (void)state;
    static const char *const BAD[] = {"",       "1",          "1.0",    "1.0.0.0", "v1.0.0",   "01.0.0", "1.0.0-",
                                      "1.0.0+", "1.0.0-a..b", "1.0.0 ", "1.0.-1",  "1.0.0/..", "a.b.c"};
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
        assert_false(bundle_is_version(BAD[i]));
}

static void only_plain_names_are_safe(void **state)
{
    (void)state;
    static const char *const GOOD[] = {"a", "rules.yaml", "lists/a_b-c.txt", "a/b/c/d", "9", "_x"};
    static const char *const BAD[] = {"",      "/",    "/a",   "a/",  "a//b", ".",   "..",   "../a",     "a/..",
                                      "a/./b", ".git", "a/.b", "a b", "a\nb", "-rf", "a/-b", "\xc3\xa4", "a\\b"};
    for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++)
        assert_true(archive_name_is_safe(GOOD[i]));
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
        assert_false(archive_name_is_safe(BAD[i]));
    char name[ARCHIVE_NAME_MAX + 2];
    memset(name, 'a', sizeof(name));
    name[ARCHIVE_NAME_MAX] = '\0';
    assert_true(archive_name_is_safe(name));
    name[ARCHIVE_NAME_MAX] = 'a';
    name[ARCHIVE_NAME_MAX + 1] = '\0';
    assert_false(archive_name_is_safe(name));
}

/* Whichever byte of an archive is changed: it is refused, or it is in the contents of a file, where the manifest's
 * checksum sees it. */
static void archives_have_one_form(void **state)
{
    (void)state;
    static const struct archive_file FILES[] = {{.name = "a.yaml", .bytes = "abc", .len = 3},
                                                {.name = "b/c.txt", .bytes = NULL, .len = 0}};
    char *bytes;
    size_t len, count;
    struct wd_error err;
    struct archive_file *files;
    assert_int_equal(archive_write(FILES, 2, &bytes, &len, &err), WD_OK);
    assert_int_equal(len, 512 + 512 + 512 + 1024);
    for (size_t i = 0; i < len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            bytes[i] = (char)(bytes[i] ^ 1 << bit);
            bool is_content = i >= 512 && i < 515;
            enum wd_status status = archive_read(bytes, len, &files, &count, &err);
            assert_int_equal(status == WD_OK, is_content);
            if (status == WD_OK)
                archive_files_free(files);
            bytes[i] = (char)(bytes[i] ^ 1 << bit);
        }
    }
    for (size_t cut = 0; cut < len; cut += 512)
        assert_int_equal(archive_read(bytes, cut, &files, &count, &err), WD_ERR_INVALID);
    assert_int_equal(archive_read(bytes, len, &files, &count, &err), WD_OK);
    assert_int_equal(count, 2);
    assert_string_equal(files[1].name, "b/c.txt");
    archive_files_free(files);
    free(bytes);
}

static void signatures_are_of_one_key_and_one_text(void **state)
{
    (void)state;
    char public_text[MINISIGN_TEXT_MAX], secret_text[MINISIGN_TEXT_MAX], signature[MINISIGN_TEXT_MAX];
    char comment[MINISIGN_COMMENT_MAX + 1];
    struct minisign_public keys[2];
    struct minisign_secret secret;
    struct wd_error err;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(minisign_generate(public_text, secret_text, &err), WD_OK);
        assert_int_equal(minisign_read_public(public_text, strlen(public_text), &keys[i], &err), WD_OK);
    }
    assert_int_equal(minisign_read_secret(secret_text, strlen(secret_text), NULL, &secret, &err), WD_OK);
    assert_int_equal(minisign_sign(&secret, "rules", 5, "two\nlines", signature, &err), WD_ERR_INVALID);
    assert_int_equal(minisign_sign(&secret, "rules", 5, "id=x", signature, &err), WD_OK);
    minisign_forget(&secret);
    size_t len = strlen(signature);
    assert_int_equal(minisign_verify(keys, 2, "rules", 5, signature, len, comment, &err), WD_OK);
    assert_string_equal(comment, "id=x");
    assert_int_equal(minisign_verify(keys, 1, "rules", 5, signature, len, NULL, &err), WD_ERR_REFUSED);
    assert_int_equal(minisign_verify(keys, 0, "rules", 5, signature, len, NULL, &err), WD_ERR_REFUSED);
    assert_int_equal(minisign_verify(keys, 2, "Rules", 5, signature, len, NULL, &err), WD_ERR_REFUSED);
    for (size_t cut = 0; cut + 1 < len; cut++)
        assert_int_not_equal(minisign_verify(keys, 2, "rules", 5, signature, cut, NULL, &err), WD_OK);
    size_t untrusted = strcspn(signature, "\n"); /* but for the comment that nobody signed */
    for (size_t i = untrusted + 1; i + 1 < len; i++) {
        signature[i] = (char)(signature[i] ^ 1);
        assert_int_not_equal(minisign_verify(keys, 2, "rules", 5, signature, len, NULL, &err), WD_OK);
        signature[i] = (char)(signature[i] ^ 1);
    }
}

/* An id that two keys share (ids are chosen by whoever makes a key) must not make one stand for the other. */
static void an_id_alone_proves_nothing(void **state)
{
    (void)state;
    char public_text[MINISIGN_TEXT_MAX], secret_text[MINISIGN_TEXT_MAX], signature[MINISIGN_TEXT_MAX];
    struct minisign_public trusted;
    struct minisign_secret forger;
    struct wd_error err;
    assert_int_equal(minisign_generate(public_text, secret_text, &err), WD_OK);
    assert_int_equal(minisign_read_public(public_text, strlen(public_text), &trusted, &err), WD_OK);
    assert_int_equal(minisign_generate(public_text, secret_text, &err), WD_OK);
    assert_int_equal(minisign_read_secret(secret_text, strlen(secret_text), NULL, &forger, &err), WD_OK);
    memcpy(forger.id, trusted.id, sizeof(forger.id));
    assert_int_equal(minisign_sign(&forger, "rules", 5, "", signature, &err), WD_OK);
    assert_int_equal(minisign_verify(&trusted, 1, "rules", 5, signature, strlen(signature), NULL, &err),
                     WD_ERR_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_ordered),
        cmocka_unit_test(what_is_no_version_is_refused),
        cmocka_unit_test(only_plain_names_are_safe),
        cmocka_unit_test(archives_have_one_form),
        cmocka_unit_test(signatures_are_of_one_key_and_one_text),
        cmocka_unit_test(an_id_alone_proves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
