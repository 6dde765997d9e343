/* What the tests of native matchers share: finds as text. Static functions, so that each program takes what it needs.
 */
#ifndef TESTS_UNIT_MATCHERS_SUPPORT_H
#define TESTS_UNIT_MATCHERS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "filters/matchers/matchers.h"

/* Collects finds as "one|two". */
struct finds {
    struct wd_str text;
    char out[1024];
    size_t count, last_end;
};

static void note_find(void *context, size_t start, size_t end)
{
    struct finds *finds = context;
    assert_true(start < end && end <= finds->text.len);
    size_t used = strlen(finds->out);
    snprintf(finds->out + used, sizeof(finds->out) - used, "%s%.*s", finds->count++ ? "|" : "", (int)(end - start),
             finds->text.data + start);
    finds->last_end = end;
}

/* An exact copy, so that a sanitizer sees a read past the end. */
__attribute__((unused)) static const char *collect(const char *text,
                                                   void (*find)(struct wd_str, const struct wd_finder *))
{
    static struct finds finds;
    size_t len = strlen(text);
    char *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, text, len);
    finds = (struct finds){.text = {copy, len}};
    struct wd_finder finder = {.found = note_find, .context = &finds};
    find(finds.text, &finder);
    free(copy);
    return finds.out;
}

#endif
