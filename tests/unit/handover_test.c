/* Rules on their way to a shard: its thread exchanges pointers and neither allocates nor frees anything, however large
 * the rule sets are; nothing is lost or freed twice whatever the order of offers and takes. The linker leads all
 * allocations of the program through this file (--wrap). */
#include "tests/unit/rules_support.h"

#include <pthread.h>
#include <stdatomic.h>

#include "worker/handover.h"

/* ---- who allocates and frees ---- */

static _Thread_local volatile bool is_shard; /* volatile: the compiler knows of malloc that it reads no such thing */
static atomic_size_t by_shard;

static void note_call(void)
{
    if (is_shard)
        atomic_fetch_add(&by_shard, 1);
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void __real_free(void *memory);
void __real_wd_ruleset_unref(struct wd_ruleset *set);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __wrap_free(void *memory);
void __wrap_wd_ruleset_unref(struct wd_ruleset *set);

void *__wrap_malloc(size_t size)
{
    note_call();
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    note_call();
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    note_call();
    return __real_realloc(memory, size);
}

void __wrap_free(void *memory)
{
    note_call();
    __real_free(memory);
}

void __wrap_wd_ruleset_unref(struct wd_ruleset *set)
{
    note_call();
    __real_wd_ruleset_unref(set);
}

/* ---- a shard ---- */

static struct wd_ruleset *some_rules(unsigned number)
{
    char yaml[512];
    snprintf(yaml, sizeof(yaml),
             HEAD "rules:\n- {id: first, when: {words: [w%u]}, actions: [flag]}\n"
                  "- {id: second, when: {regex: 'x+%u'}, actions: [flag]}\n",
             number, number);
    return load(yaml);
}

struct shard {
    struct handover handover;
    struct wd_ruleset *rules;
    struct wd_scanner *scanner;
    struct metrics *metrics;
    atomic_size_t taken;
    atomic_bool stop;
};

static struct shard *shard_new(void)
{
    struct shard *shard = calloc(1, sizeof(*shard));
    shard->rules = some_rules(0);
    shard->scanner = wd_scanner_new(NULL);
    shard->metrics = metrics_new();
    assert_int_equal(metrics_set_rules_of(shard->metrics, shard->rules, 2), 0);
    return shard;
}

static void shard_free(struct shard *shard)
{
    wd_scanner_free(shard->scanner);
    metrics_free(shard->metrics);
    wd_ruleset_unref(shard->rules);
    handover_fini(&shard->handover);
    free(shard);
}

static bool take(struct shard *shard)
{
    return handover_take(&shard->handover, &shard->rules, shard->scanner, shard->metrics);
}

static void test_take(void **state)
{
    (void)state;
    struct shard *shard = shard_new();
    assert_false(take(shard));
    struct wd_ruleset *next = some_rules(1), *last = some_rules(2);
    assert_true(handover_offer(&shard->handover, next));
    assert_true(handover_offer(&shard->handover, last)); /* the newer counts */
    metrics_rule_add(shard->metrics, 1, RULE_MATCHED, 7);
    assert_true(take(shard));
    assert_ptr_equal(shard->rules, last);
    assert_int_equal(metrics_rule_get(shard->metrics, 1, RULE_MATCHED), 0);
    assert_false(take(shard));
    wd_ruleset_unref(next);
    wd_ruleset_unref(last);
    handover_collect(&shard->handover);
    handover_collect(&shard->handover);
    shard_free(shard);
}

/* A sanitizer tells what is left or freed twice. */
static void test_left_over(void **state)
{
    (void)state;
    for (int order = 0; order < 4; order++) {
        struct shard *shard = shard_new();
        struct wd_ruleset *next = some_rules(1);
        assert_true(handover_offer(&shard->handover, next));
        if (order & 1)
            assert_true(take(shard));
        if (order & 2)
            assert_true(handover_offer(&shard->handover, next));
        wd_ruleset_unref(next);
        shard_free(shard);
    }
}

/* Judges without an end, as a shard does; events whose verdicts are of half a set would name rules that do not match.
 */
static void *run_shard(void *context)
{
    struct shard *shard = context;
    struct wd_arena *arena = wd_arena_new(1 << 20);
    struct wd_verdict verdict;
    struct wd_error err;
    struct wd_text text = {.field = WD_FIELD_TEXT, .text = wd_str_from("w1 xx2 w3")};
    struct wd_event event = {.name = wd_str_from("message.didCreate"), .texts = &text, .text_count = 1};
    while (!atomic_load(&shard->stop)) {
        is_shard = true;
        bool taken = take(shard);
        is_shard = false;
        atomic_fetch_add(&shard->taken, taken);
        wd_arena_reset(arena);
        if (wd_scan(shard->scanner, shard->rules, arena, &event, 0, &verdict, &err) != WD_OK)
            abort();
        for (size_t i = 0; i < verdict.match_count; i++)
            metrics_rule_add(shard->metrics, verdict.matches[i].rule, RULE_MATCHED, 1);
    }
    wd_arena_free(arena);
    return NULL;
}

static const char *rule_name(void *context, uint32_t rule)
{
    return wd_ruleset_rule(context, rule)->id;
}

static void scrape(const struct shard *shard, struct wd_ruleset *set)
{
    FILE *nowhere = fopen("/dev/null", "w");
    metrics_print(nowhere, (const struct metrics *const[]){shard->metrics}, 1, rule_name, set, 2);
    fclose(nowhere);
}

static void test_shard_neither_allocates_nor_frees(void **state)
{
    (void)state;
    enum { OFFERS = 300 };
    struct shard *shard = shard_new();
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_shard, shard), 0);
    for (unsigned i = 0; i < OFFERS; i++) {
        struct wd_ruleset *set = some_rules(i % 4);
        size_t before = atomic_load(&shard->taken);
        assert_true(handover_offer(&shard->handover, set));
        scrape(shard, set); /* a reader in the way puts the change off, and no more */
        while (i % 3 && atomic_load(&shard->taken) == before)
            sched_yield();
        wd_ruleset_unref(set);
    }
    atomic_store(&shard->stop, true);
    pthread_join(thread, NULL);
    assert_in_range(atomic_load(&shard->taken), OFFERS / 2, OFFERS);
    assert_int_equal(atomic_load(&by_shard), 0);
    is_shard = true; /* and the counting counts */
    void *volatile memory = malloc(1);
    free(memory);
    is_shard = false;
    assert_int_equal(atomic_load(&by_shard), 2);
    shard_free(shard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_left_over),
        cmocka_unit_test(test_shard_neither_allocates_nor_frees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
