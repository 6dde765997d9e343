/* Semantic versions: how they are written and which is newer. Neighbours: bundle.h. */
#include <string.h>

#include "worker/bundle/bundle.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A number without leading zeros; *text moves behind it. */
static bool take_number(const char **text)
{
    const char *at = *text;
    while (is_digit(*at))
        at++;
    bool fine = at > *text && (**text != '0' || at == *text + 1);
    *text = at;
    return fine;
}

/* "rc.1": parts of letters, digits and '-', not empty. */
static bool take_parts(const char **text)
{
    for (;;) {
        const char *at = *text;
        while (is_digit(*at) || (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || *at == '-')
            at++;
        if (at == *text)
            return false;
        *text = at;
        if (*at != '.')
            return true;
        (*text)++;
    }
}

bool bundle_is_version(const char *text)
{
    if (strnlen(text, BUNDLE_VERSION_MAX + 1) > BUNDLE_VERSION_MAX)
        return false;
    for (int i = 0; i < 3; i++) {
        if (!take_number(&text) || (i < 2 && *text++ != '.'))
            return false;
    }
    if (*text == '-' && (text++, !take_parts(&text)))
        return false;
    if (*text == '+' && (text++, !take_parts(&text)))
        return false;
    return !*text;
}

static size_t part_length(const char *text)
{
    return strcspn(text, ".-+");
}

static int compare_texts(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order ? order : (a_len > b_len) - (a_len < b_len);
}

static int compare_numbers(const char *a, size_t a_len, const char *b, size_t b_len)
{
    return a_len != b_len ? (a_len > b_len) - (a_len < b_len) : memcmp(a, b, a_len);
}

/* What is behind the '-': numbers come before words, and less parts before more. */
static int compare_prerelease(const char *a, const char *b)
{
    for (;;) {
        size_t a_len = strcspn(a, ".+"), b_len = strcspn(b, ".+");
        bool a_number = strspn(a, "0123456789") == a_len, b_number = strspn(b, "0123456789") == b_len;
        int order = a_number != b_number ? (a_number ? -1 : 1)
                    : a_number           ? compare_numbers(a, a_len, b, b_len)
                                         : compare_texts(a, a_len, b, b_len);
        if (order)
            return order;
        bool a_more = a[a_len] == '.', b_more = b[b_len] == '.';
        if (!a_more || !b_more)
            return a_more - b_more;
        a += a_len + 1;
        b += b_len + 1;
    }
}

int bundle_compare_versions(const char *a, const char *b)
{
    for (int i = 0; i < 3; i++) {
        size_t a_len = part_length(a), b_len = part_length(b);
        int order = compare_numbers(a, a_len, b, b_len);
        if (order)
            return order;
        a += a_len + (i < 2 && a[a_len] == '.');
        b += b_len + (i < 2 && b[b_len] == '.');
    }
    bool a_pre = *a == '-', b_pre = *b == '-';
    if (!a_pre || !b_pre)
        return b_pre - a_pre; /* a release is newer than what led to it */
    return compare_prerelease(a + 1, b + 1);
}
