/* Idempotency keys: the form of those for one, and that a key for several is the same for the same units in any order,
 * and another for others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/idempotency.h"

enum { UNITS = 100 };

static struct partition partitions[3];
static struct work works[UNITS];
static struct unit units[UNITS];
static struct call calls[UNITS];

static void make(size_t count)
{
    static char one[] = "content.events", two[] = "more.events";
    for (int i = 0; i < 3; i++)
        partitions[i] = (struct partition){.topic = i == 2 ? two : one, .number = i};
    for (size_t i = 0; i < count; i++) {
        works[i] = (struct work){.partition = &partitions[0], .offset = 1000 + (int64_t)i, .unit_count = 1};
        calls[i] = (struct call){.action.kind = WD_ACTION_BAN};
        units[i] = (struct unit){.work = &works[i], .calls = &calls[i], .call_count = 1};
    }
}

static const char *key_of(size_t count, unsigned seed)
{
    static char key[JOINT_KEY_ROOM];
    struct unit_queue queue = TAILQ_HEAD_INITIALIZER(queue);
    struct wd_error err = {0};
    for (size_t i = 0; i < count; i++)
        if (rand_r(&seed) % 2)
            TAILQ_INSERT_HEAD(&queue, &units[i], queue_link);
        else
            TAILQ_INSERT_TAIL(&queue, &units[i], queue_link);
    assert_int_equal(idempotency_key_joint(&queue, key, &err), WD_OK);
    return key;
}

static void a_short_key_is_a_list_in_order(void **state)
{
    (void)state;
    make(6);
    works[1].partition = &partitions[1];
    works[2].partition = &partitions[2];
    works[3].partition = &partitions[2];
    works[4].offset = 9;
    works[5].partition = &partitions[2];
    works[5].offset = 1003;
    works[5].unit_count = works[3].unit_count = 2;
    units[5].index = 1;
    for (unsigned seed = 0; seed < 50; seed++)
        assert_string_equal(key_of(6, seed),
                            "content.events/0/9+0/1000+1/1001+more.events/2/1002+2/1003#0+2/1003#1/ban");
}

static void a_long_key_is_a_digest(void **state)
{
    (void)state;
    make(UNITS);
    char first[JOINT_KEY_ROOM];
    snprintf(first, sizeof(first), "%s", key_of(UNITS, 1));
    assert_int_equal(strncmp(first, "content.events/0/1000+99.", 25), 0);
    assert_int_equal(strlen(first), 25 + 32 + 4);
    assert_string_equal(first + 25 + 32, "/ban");
    for (unsigned seed = 2; seed < 50; seed++)
        assert_string_equal(key_of(UNITS, seed), first);
    works[50].offset++;
    assert_string_not_equal(key_of(UNITS, 1), first);
}

static void no_key_is_longer_than_a_list_may_be(void **state)
{
    (void)state;
    char before[JOINT_KEY_ROOM] = "";
    make(UNITS);
    for (size_t count = 2; count <= UNITS; count++) {
        const char *key = key_of(count, (unsigned)count);
        assert_true(strlen(key) <= JOINT_KEY_LIST_MAX);
        assert_string_not_equal(key, before);
        snprintf(before, sizeof(before), "%s", key);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_short_key_is_a_list_in_order),
        cmocka_unit_test(a_long_key_is_a_digest),
        cmocka_unit_test(no_key_is_longer_than_a_list_may_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
