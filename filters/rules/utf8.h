/* Small text helpers of the loader. */
#ifndef FILTERS_RULES_UTF8_H
#define FILTERS_RULES_UTF8_H

#include <stdbool.h>

#include <warden/str.h>

/* Valid UTF-8 without NUL. */
bool wd_is_utf8(struct wd_str text);
/* Without white space (ASCII) at both ends. */
struct wd_str wd_trimmed(struct wd_str text);

#endif
