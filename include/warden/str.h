/* A piece of text that somebody else owns: pointer and length, not NUL-terminated. `data` is NULL where a field is
 * absent, non-NULL with len 0 where it is present and empty. */
#ifndef WARDEN_STR_H
#define WARDEN_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct wd_str {
    const char *data;
    size_t len;
};

/* For printf("%.*s", WD_STR_ARG(s)). */
#define WD_STR_ARG(s) (int)(s).len, ((s).data ? (s).data : "")

static inline struct wd_str wd_str_from(const char *text)
{
    return (struct wd_str){.data = text, .len = text ? strlen(text) : 0};
}

static inline bool wd_str_equal(struct wd_str a, struct wd_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool wd_str_is(struct wd_str a, const char *text)
{
    return wd_str_equal(a, wd_str_from(text));
}

static inline bool wd_str_starts_with(struct wd_str a, const char *prefix)
{
    size_t n = strlen(prefix);
    return a.len >= n && memcmp(a.data, prefix, n) == 0;
}

#endif
