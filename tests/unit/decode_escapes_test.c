/* json_unescape reads 64 bytes at once: against plain C that reads one escape after the other, on random strings of
 * every length around the borders of such blocks, in buffers that end where the contract says. The seed is printed;
 * WARDEN_TEST_SEED sets it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "filters/event/json_text.h"

enum { LENGTH_MAX = 300, TIMES = 60000, PADDING = 64 };

static uint64_t state;

static uint32_t below(uint32_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((state >> 33) % n);
}

struct expected {
    char bytes[LENGTH_MAX * 3];
    size_t len;
    bool fine, repaired;
};

static void put(struct expected *out, uint32_t c)
{
    if (c < 0x80) {
        out->bytes[out->len++] = (char)c;
    } else if (c < 0x800) {
        out->bytes[out->len++] = (char)(0xC0 | c >> 6);
        out->bytes[out->len++] = (char)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        out->bytes[out->len++] = (char)(0xE0 | c >> 12);
        out->bytes[out->len++] = (char)(0x80 | (c >> 6 & 0x3F));
        out->bytes[out->len++] = (char)(0x80 | (c & 0x3F));
    } else {
        out->bytes[out->len++] = (char)(0xF0 | c >> 18);
        out->bytes[out->len++] = (char)(0x80 | (c >> 12 & 0x3F));
        out->bytes[out->len++] = (char)(0x80 | (c >> 6 & 0x3F));
        out->bytes[out->len++] = (char)(0x80 | (c & 0x3F));
    }
}

/* The number of \uXXXX at `at`; -1: that does not stand there. */
static long unit_at(const char *text, size_t len, size_t at)
{
    char digits[5] = {0}, *end = NULL;
    if (at + 6 > len || text[at] != '\\' || text[at + 1] != 'u')
        return -1;
    memcpy(digits, text + at + 2, 4);
    if (strspn(digits, "0123456789abcdefABCDEF") != 4)
        return -1;
    return strtol(digits, &end, 16);
}

static void expect(const char *text, size_t len, struct expected *out)
{
    static const char names[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    *out = (struct expected){.fine = true};
    for (size_t at = 0; at < len;) {
        if (text[at] != '\\') {
            out->bytes[out->len++] = text[at++];
            continue;
        }
        const char *name = at + 1 < len && text[at + 1] ? strchr(names, text[at + 1]) : NULL;
        if (name) {
            out->bytes[out->len++] = meant[name - names];
            at += 2;
            continue;
        }
        long high = unit_at(text, len, at), low = unit_at(text, len, at + 6);
        if (high < 0) {
            out->fine = false;
            return;
        }
        at += 6;
        if (high >= 0xD800 && high <= 0xDBFF && low >= 0xDC00 && low <= 0xDFFF) {
            put(out, 0x10000 + (uint32_t)(high - 0xD800) * 1024 + (uint32_t)(low - 0xDC00));
            at += 6;
        } else if (high == 0 || (high >= 0xD800 && high <= 0xDFFF)) {
            put(out, 0xFFFD);
            out->repaired = true;
        } else {
            put(out, (uint32_t)high);
        }
    }
}

/* Pieces of all kinds, one kind oftener than others; seldom one that is wrong. */
static size_t make(char *text, size_t most)
{
    static const char *const pieces[] = {"a",       "bc",      "plain text of some length, more than a vector",
                                         "\\n",     "\\\"",    "\\\\",
                                         "\\/",     "\\u0041", "\\u00e9",
                                         "\\u20AC", "\\ud83d", "\\ude00",
                                         "\\u0000", "\xC3\xA9"};
    static const char *const wrong[] = {"\\x", "\\u12g4", "\\"};
    enum { PIECES = sizeof pieces / sizeof *pieces };
    uint32_t favourite = below(PIECES);
    size_t len = 0;
    while (len < most) {
        const char *piece = below(400) == 0 ? wrong[below(3)] : pieces[below(3) ? favourite : below(PIECES)];
        size_t bytes = strlen(piece);
        if (len + bytes > most)
            break;
        for (size_t i = 0; i < bytes; i++)
            text[len++] = piece[i];
    }
    return len;
}

static void check(const char *made, size_t len)
{
    struct expected expected;
    expect(made, len, &expected);
    char *text = calloc(1, len + PADDING), *target = malloc(len ? len : 1); /* exact, for AddressSanitizer */
    assert_non_null(text);
    assert_non_null(target);
    memcpy(text, made, len);
    for (int pass = 0; pass < 2; pass++) { /* written, then only checked */
        size_t written = 0;
        bool repaired = false;
        assert_int_equal(json_unescape(text, len, pass ? NULL : target, &written, &repaired), expected.fine);
        if (!expected.fine)
            continue;
        assert_int_equal(written, expected.len);
        assert_int_equal(repaired, expected.repaired);
        if (!pass)
            assert_memory_equal(target, expected.bytes, expected.len);
    }
    free(text);
    free(target);
}

static void test_unescapes_as_plain_c_does(void **unused)
{
    (void)unused;
    const char *seed = getenv("WARDEN_TEST_SEED");
    state = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL) * 2654435761u;
    printf("seed %llu\n", (unsigned long long)state);
    char text[LENGTH_MAX];
    for (int i = 0; i < TIMES; i++)
        check(text, make(text, 1 + below(LENGTH_MAX)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_unescapes_as_plain_c_does)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
