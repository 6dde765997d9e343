/* Memory of the views: none is asked for in steady state, and when it runs out at any place the call says so and the
 * scratch is good for the next text. The linker puts the three functions below in front of the C library's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "filters/views/views.h"

enum { ALL = (1 << WD_VIEW_COUNT) - 1 };

static int calls;        /* since the last reset */
static int failing_call; /* fails, 1-based; 0: none */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);

static bool fails_now(void)
{
    return ++calls == failing_call;
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return fails_now() ? NULL : __real_realloc(block, size);
}

static void reset(int failing)
{
    calls = 0;
    failing_call = failing;
}

/* Makes every step write something. */
static const char busy_text[] =
    "S_h-1.7 ѕhіt ＡＢ \xE2\x80\xAEtihs\xE2\x80\xAC cafe\xCC\x81 s\xCC\xB6 %D1%82 %25D1%2582 "
    "shiiiit a$$h01e s h i t [a.com](http://b.org/x) \xE2\x80\x8B";

static void a_steady_stream_allocates_nothing(void **state)
{
    (void)state;
    reset(0);
    struct wd_view_scratch *scratch = wd_view_scratch_new();
    assert_non_null(scratch);
    struct wd_view views[WD_VIEWS_MAX];
    size_t count;
    assert_int_equal(wd_views_make(scratch, wd_str_from(busy_text), ALL, views, &count), WD_OK);
    assert_true(calls > 5);
    reset(0);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(wd_views_make(scratch, wd_str_from(i % 2 ? busy_text : "Just text"), ALL, views, &count),
                         WD_OK);
    }
    assert_int_equal(calls, 0);
    wd_view_scratch_free(scratch);
}

static void running_out_of_memory_is_told_and_survived(void **state)
{
    (void)state;
    char text[6000] = ""; /* longer than the first buffers, so that they grow as well */
    while (strlen(text) + sizeof busy_text < sizeof text)
        strcat(text, busy_text);
    int failures = 0;
    for (int call = 1;; call++) {
        struct wd_view views[WD_VIEWS_MAX];
        size_t count;
        reset(call);
        struct wd_view_scratch *scratch = wd_view_scratch_new();
        if (!scratch) {
            failures++;
            continue;
        }
        enum wd_status status = wd_views_make(scratch, wd_str_from(text), ALL, views, &count);
        bool failed = calls >= call;
        reset(0);
        assert_int_equal(status, failed ? WD_ERR_MEMORY : WD_OK);
        assert_true(failed ? count == 0 : count > 10);
        failures += failed;
        assert_int_equal(wd_views_make(scratch, wd_str_from(text), ALL, views, &count), WD_OK);
        assert_true(count > 10);
        wd_view_scratch_free(scratch);
        if (!failed)
            break;
    }
    assert_true(failures > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_steady_stream_allocates_nothing),
        cmocka_unit_test(running_out_of_memory_is_told_and_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
