/* When a worker must not trust that it is still a member. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/doze.h"

enum { LONGEST_MS = 3000 };

static void whoever_is_awake_is_a_member(void **state)
{
    (void)state;
    struct doze doze;
    doze_init(&doze, 1000);
    for (int64_t now_ms = 1000; now_ms < 60000; now_ms += 2900) /* whatever the group says or does not say */
        assert_true(doze_is_member(&doze, now_ms, LONGEST_MS, 0));
}

static void after_a_sleep_two_answers_are_wanted(void **state)
{
    (void)state;
    struct doze doze;
    doze_init(&doze, 0);
    assert_true(doze_is_member(&doze, 2000, LONGEST_MS, 1900));
    assert_false(doze_is_member(&doze, 9000, LONGEST_MS, 1900));
    assert_false(doze_is_member(&doze, 9001, LONGEST_MS, 8000)); /* an answer to what was asked before it woke up */
    assert_false(doze_is_member(&doze, 9100, LONGEST_MS, 9050)); /* may be the refusal */
    assert_false(doze_is_member(&doze, 9600, LONGEST_MS, 9050));
    assert_true(doze_is_member(&doze, 9700, LONGEST_MS, 9650));
    assert_true(doze_is_member(&doze, 12000, LONGEST_MS, 9650));
}

static void a_second_sleep_begins_anew(void **state)
{
    (void)state;
    struct doze doze;
    doze_init(&doze, 0);
    assert_false(doze_is_member(&doze, 5000, LONGEST_MS, 0));
    assert_false(doze_is_member(&doze, 5500, LONGEST_MS, 5400));
    assert_false(doze_is_member(&doze, 9000, LONGEST_MS, 5900)); /* the second answer came in its sleep */
    assert_false(doze_is_member(&doze, 9500, LONGEST_MS, 9400));
    assert_true(doze_is_member(&doze, 9900, LONGEST_MS, 9800));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_is_awake_is_a_member),
        cmocka_unit_test(after_a_sleep_two_answers_are_wanted),
        cmocka_unit_test(a_second_sleep_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
