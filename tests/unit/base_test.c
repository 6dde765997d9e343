/* Arena, findings, 'did you mean'. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <warden/arena.h>
#include <warden/diagnostics.h>
#include <warden/status.h>

static void arena_refuses_past_its_cap(void **state)
{
    (void)state;
    struct wd_arena *arena = wd_arena_new(1000);
    assert_non_null(wd_arena_alloc(arena, 900));
    assert_null(wd_arena_alloc(arena, 200));
    assert_null(wd_arena_alloc(arena, SIZE_MAX));
    assert_null(wd_arena_zalloc(arena, SIZE_MAX / 2, 4));
    wd_arena_reset(arena);
    assert_int_equal(wd_arena_used(arena), 0);
    assert_non_null(wd_arena_alloc(arena, 900));
    wd_arena_free(arena);
}

static void arena_holds_little_more_than_what_is_used(void **state)
{
    (void)state;
    struct wd_arena *arena = wd_arena_new_sized(10 << 20, 8192);
    assert_int_equal(wd_arena_held(arena), 8192);
    assert_non_null(wd_arena_alloc(arena, 41000)); /* something large does not make the next block larger */
    assert_non_null(wd_arena_alloc(arena, 1000));
    assert_non_null(wd_arena_alloc(arena, 7500));
    assert_in_range(wd_arena_held(arena), 8192 + 41000 + 8192, 8192 + 41008 + 16384);
    wd_arena_reset(arena);
    assert_int_equal(wd_arena_held(arena), 8192);
    wd_arena_free(arena);
}

static void arena_grows_past_its_first_block(void **state)
{
    (void)state;
    struct wd_arena *arena = wd_arena_new(10 << 20);
    for (int i = 0; i < 100; i++) {
        unsigned char *at = wd_arena_zalloc(arena, 1, 50000);
        assert_non_null(at);
        assert_int_equal((uintptr_t)at % 16, 0);
        at[49999] = 1;
    }
    wd_arena_free(arena);
}

static void findings_sort_by_place_and_count_by_severity(void **state)
{
    (void)state;
    struct wd_diagnostics *list = wd_diagnostics_new();
    wd_diagnose(list, WD_ERROR, "b", "f", 3, 1, "second");
    wd_diagnose(list, WD_WARNING, "a", "f", 1, 9, "first");
    wd_diagnose(list, WD_ERROR, "c", "f", 3, 1, "third");
    wd_diagnostics_sort(list);
    assert_string_equal(wd_diagnostics_at(list, 0)->message, "first");
    assert_string_equal(wd_diagnostics_at(list, 1)->message, "second");
    assert_string_equal(wd_diagnostics_at(list, 2)->message, "third");
    assert_int_equal(wd_diagnostics_errors(list), 2);
    assert_int_equal(wd_diagnostics_warnings(list), 1);
    assert_null(wd_diagnostics_at(list, 3));
    wd_diagnostics_free(list);
}

static void a_slip_is_recognised_and_another_word_is_not(void **state)
{
    (void)state;
    const char *const keys[] = {"brokers", "group_id", "topics", "batch_wait_ms", NULL};
    assert_string_equal(wd_did_you_mean("borkers", keys), "brokers");
    assert_string_equal(wd_did_you_mean("topic", keys), "topics");
    assert_string_equal(wd_did_you_mean("batch_wait", keys), "batch_wait_ms");
    assert_null(wd_did_you_mean("zebra", keys));
    assert_null(wd_did_you_mean("", keys));
}

static void prefix_is_put_before_the_text(void **state)
{
    (void)state;
    struct wd_error err = {0};
    assert_int_equal(wd_fail(&err, WD_ERR_IO, "no such file"), WD_ERR_IO);
    assert_int_equal(wd_error_prefix(&err, WD_ERR_IO, "reading %s", "a.yaml"), WD_ERR_IO);
    assert_string_equal(err.text, "reading a.yaml: no such file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_refuses_past_its_cap),
        cmocka_unit_test(arena_grows_past_its_first_block),
        cmocka_unit_test(arena_holds_little_more_than_what_is_used),
        cmocka_unit_test(findings_sort_by_place_and_count_by_severity),
        cmocka_unit_test(a_slip_is_recognised_and_another_word_is_not),
        cmocka_unit_test(prefix_is_put_before_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
