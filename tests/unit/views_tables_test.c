/* The built tables against ICU and PCRE2, code point by code point, and the cluster rules against ICU's iterator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <unicode/ubrk.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>
#include <unicode/uspoof.h>
#include <unicode/ustring.h>

#include "filters/views/internal.h"

enum { TEXT_MAX = 256 };

static bool is_surrogate(UChar32 c)
{
    return c >= 0xD800 && c <= 0xDFFF;
}

static size_t fold_by_icu(UChar32 c, char out[TEXT_MAX])
{
    UErrorCode status = U_ZERO_ERROR;
    UChar source[2], result[TEXT_MAX];
    int32_t source_len = 0, len;
    U16_APPEND_UNSAFE(source, source_len, c);
    int32_t result_len =
        unorm2_normalize(unorm2_getNFKCCasefoldInstance(&status), source, source_len, result, TEXT_MAX, &status);
    u_strToUTF8(out, TEXT_MAX, &len, result, result_len, &status);
    assert_true(U_SUCCESS(status));
    return (size_t)len;
}

static void folds_are_those_of_icu(void **state)
{
    (void)state;
    UErrorCode status = U_ZERO_ERROR;
    const UNormalizer2 *casefold = unorm2_getNFKCCasefoldInstance(&status);
    for (UChar32 c = 1; c <= 0x10FFFF; c++) {
        if (is_surrogate(c))
            continue;
        char expected[TEXT_MAX], self[4];
        size_t expected_len = fold_by_icu(c, expected), self_len = wd_utf8_put((uint32_t)c, self);
        const struct wd_fold *fold = wd_char_fold((uint32_t)c);
        const char *folded = fold ? wd_table_fold_bytes + fold->offset : self;
        size_t folded_len = fold ? fold->length : self_len;
        if (folded_len != expected_len || memcmp(folded, expected, folded_len) != 0)
            fail_msg("U+%04X folds to '%.*s', not '%.*s'", c, (int)folded_len, folded, (int)expected_len, expected);
        bool boundary = wd_char_properties((uint32_t)c) & WD_CHAR_BOUNDARY;
        if (boundary != (bool)unorm2_hasBoundaryBefore(casefold, c))
            fail_msg("U+%04X: boundary", c);
    }
}

static bool matches_caselessly(const char *pattern, size_t pattern_len, const char *subject, size_t len)
{
    int error;
    PCRE2_SIZE offset;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, pattern_len, PCRE2_LITERAL | PCRE2_UTF | PCRE2_CASELESS,
                                     &error, &offset, NULL);
    assert_non_null(code);
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(code, NULL);
    int count = pcre2_match(code, (PCRE2_SPTR)subject, len, 0, PCRE2_ANCHORED, data, NULL);
    pcre2_match_data_free(data);
    pcre2_code_free(code);
    return count > 0;
}

/* A text that differs only by case is not scanned again for caseless patterns: so the pairs must be those of PCRE2. */
static void simple_folds_are_pairs_of_pcre2(void **state)
{
    (void)state;
    int count = 0;
    for (UChar32 c = 1; c <= 0x10FFFF; c++) {
        const struct wd_fold *fold = is_surrogate(c) ? NULL : wd_char_fold((uint32_t)c);
        if (!fold || !fold->simple)
            continue;
        char self[4];
        size_t len = wd_utf8_put((uint32_t)c, self);
        if (!matches_caselessly(wd_table_fold_bytes + fold->offset, fold->length, self, len))
            fail_msg("U+%04X is no caseless pair of its folding for PCRE2", c);
        count++;
    }
    assert_true(count > 1300);
}

static int32_t skeleton(const USpoofChecker *checker, UChar32 c, UChar out[TEXT_MAX])
{
    UErrorCode status = U_ZERO_ERROR;
    UChar source[2];
    int32_t len = 0;
    U16_APPEND_UNSAFE(source, len, c);
    len = uspoof_getSkeleton(checker, 0, source, len, out, TEXT_MAX, &status);
    assert_true(U_SUCCESS(status));
    return len;
}

static bool are_confusable(const USpoofChecker *checker, UChar32 a, UChar32 b)
{
    UChar x[TEXT_MAX], y[TEXT_MAX];
    int32_t x_len = skeleton(checker, a, x), y_len = skeleton(checker, b, y);
    return x_len == y_len && u_memcmp(x, y, x_len) == 0;
}

/* Cyrillic, Greek and Armenian letters that ICU holds for a letter of ours are in the table, as that letter. */
static void look_alikes_are_those_of_icu(void **state)
{
    (void)state;
    UErrorCode status = U_ZERO_ERROR;
    USpoofChecker *checker = uspoof_open(&status);
    assert_true(U_SUCCESS(status));
    int count = 0;
    for (UChar32 c = 0x370; c <= 0x58F; c++) {
        if (!u_isalpha(c))
            continue;
        const struct wd_look *look = wd_char_look((uint32_t)c);
        for (UChar32 letter = 'a'; letter <= 'z'; letter++) {
            bool alike = are_confusable(checker, c, letter) || are_confusable(checker, c, letter - 32);
            if (!alike || (letter == 'l' && look->text[0] == 'i') || (letter == 'i' && look->text[0] == 'l'))
                continue;
            if (look->kind != WD_LOOK_STRICT || look->text[0] != letter)
                fail_msg("U+%04X looks like %c, the table says '%s' (%d)", c, (char)letter, look->text, look->kind);
            count++;
        }
    }
    uspoof_close(checker);
    assert_true(count > 60);
}

static void looks_are_small_letters(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        const struct wd_look *look = wd_char_look(c);
        if (c < 0x80)
            assert_int_equal(look->kind, WD_LOOK_NONE);
        else if (look->kind != WD_LOOK_NONE)
            assert_true(islower((unsigned char)look->text[0]) && look->text[1] == 0);
    }
    assert_string_equal(wd_char_look(0x441)->text, "c");
    assert_string_equal(wd_char_look(0x41D)->text, "h");       /* capital en looks like H */
    assert_string_equal(wd_char_look(0x39D)->text, "n");       /* capital nu like N, */
    assert_string_equal(wd_char_look(0x3BD)->text, "v");       /* small nu like v */
    assert_string_equal(wd_char_look(0x1F170)->text, "a");     /* negative squared A */
    assert_int_equal(wd_char_look(0x431)->kind, WD_LOOK_NONE); /* be looks like no letter */
}

static uint32_t random_state = 7;

static UChar32 random_code_point(void)
{
    static const struct {
        UChar32 first, last;
    } ranges[] = {{'\n', '\r'},     {'a', 'c'},         {0x300, 0x303},     {0x600, 0x605},     {0x1100, 0x1102},
                  {0x1160, 0x1163}, {0x11A8, 0x11AA},   {0xAC00, 0xAC02},   {0xAC1C, 0xAC1C},   {0x200C, 0x200D},
                  {0x200B, 0x200D}, {0x1F1E6, 0x1F1FF}, {0x1F1E6, 0x1F1FF}, {0x1F466, 0x1F469}, {0x1F3FB, 0x1F3FF},
                  {0xFE0F, 0xFE0F}, {0x20E3, 0x20E3},   {0x0E33, 0x0E34},   {0x0B95, 0x0B97},   {0x0BBF, 0x0BC1},
                  {0x2764, 0x2764}};
    random_state = random_state * 1664525u + 1013904223u;
    size_t at = (random_state >> 8) % (sizeof ranges / sizeof ranges[0]);
    random_state = random_state * 1664525u + 1013904223u;
    return ranges[at].first + (UChar32)((random_state >> 8) % (uint32_t)(ranges[at].last - ranges[at].first + 1));
}

/* Offsets in UTF-8 of ICU's boundaries must be exactly where our clusters end. */
static void check_clusters(UBreakIterator *iterator, const UChar *utf16, int32_t len)
{
    UErrorCode status = U_ZERO_ERROR;
    char text[TEXT_MAX * 3];
    int32_t text_len;
    u_strToUTF8(text, sizeof text, &text_len, utf16, len, &status);
    ubrk_setText(iterator, utf16, len, &status);
    assert_true(U_SUCCESS(status));
    struct wd_str original = {text, (size_t)text_len};
    int32_t previous = 0;
    for (int32_t end = ubrk_next(iterator); end != UBRK_DONE; end = ubrk_next(iterator)) {
        int32_t before, piece;
        u_strToUTF8(NULL, 0, &before, utf16, previous, &status);
        status = U_ZERO_ERROR;
        u_strToUTF8(NULL, 0, &piece, utf16 + previous, end - previous, &status);
        status = U_ZERO_ERROR;
        assert_int_equal(wd_cluster_end(text, (size_t)text_len, (size_t)before), before + piece);
        for (uint32_t at = (uint32_t)before; at < (uint32_t)(before + piece); at++) {
            uint32_t from = at, to = at + 1;
            wd_span_to_clusters(original, &from, &to);
            assert_int_equal(from, before);
            assert_int_equal(to, before + piece);
        }
        previous = end;
    }
}

static void clusters_are_those_of_icu(void **state)
{
    (void)state;
    UErrorCode status = U_ZERO_ERROR;
    UBreakIterator *iterator = ubrk_open(UBRK_CHARACTER, "en", NULL, 0, &status);
    assert_true(U_SUCCESS(status));
    for (int i = 0; i < 3000; i++) {
        UChar text[TEXT_MAX];
        int32_t len = 0;
        while (len < 24) {
            UChar32 c = random_code_point();
            U16_APPEND_UNSAFE(text, len, c);
        }
        check_clusters(iterator, text, len);
    }
    ubrk_close(iterator);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folds_are_those_of_icu),       cmocka_unit_test(simple_folds_are_pairs_of_pcre2),
        cmocka_unit_test(look_alikes_are_those_of_icu), cmocka_unit_test(looks_are_small_letters),
        cmocka_unit_test(clusters_are_those_of_icu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
