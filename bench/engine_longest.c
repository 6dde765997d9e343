/* The event that takes longest under a budget of time. One reading tells little: on a machine that others use, too, any
 * event now and then takes a millisecond more. So all records are read once, with a set in which rules that waste time
 * are still on; then the worst of them again and again, with a set in which no rule is ever switched off, and an event
 * takes the median of that. What is a hole in the budget shows each time. */
#include "bench/engine.h"

#include <stdlib.h>

enum { WORST = 20 };

struct reading {
    size_t record;
    double judged_ns, whole_ns;
};

static struct reading read_one(struct engine *engine, size_t record, engine_pass *pass)
{
    struct engine_records all = engine->records;
    engine->records = (struct engine_records){.bytes = all.bytes, .starts = all.starts + record, .count = 1};
    uint64_t start = engine_processor_ns(NULL);
    engine_pass_decode(engine);
    uint64_t decoded = engine_processor_ns(NULL);
    pass(engine);
    uint64_t end = engine_processor_ns(NULL);
    engine->records = all;
    return (struct reading){.record = record,
                            .judged_ns = (double)(end - decoded) - (double)(decoded - start),
                            .whole_ns = (double)(end - decoded)};
}

static int longest_judged_first(const void *left, const void *right)
{
    double a = ((const struct reading *)left)->judged_ns, b = ((const struct reading *)right)->judged_ns;
    return (a < b) - (a > b);
}

static int longest_whole_first(const void *left, const void *right)
{
    double a = ((const struct reading *)left)->whole_ns, b = ((const struct reading *)right)->whole_ns;
    return (a < b) - (a > b);
}

/* By one of the two times of a reading, which the order goes by. */
static struct engine_worst worst_of(struct engine *engine, struct reading *readings,
                                    int (*order)(const void *, const void *), double (*time_of)(const struct reading *))
{
    size_t count = engine->records.count;
    qsort(readings, count, sizeof(*readings), order);
    struct engine_worst worst = {.most_ns = time_of(&readings[0])};
    for (size_t i = 0; i < count && i < WORST; i++) {
        struct reading again[ENGINE_LONGEST_AGAIN];
        for (size_t k = 0; k < ENGINE_LONGEST_AGAIN; k++)
            again[k] = read_one(engine, readings[i].record, engine_pass_patient);
        qsort(again, ENGINE_LONGEST_AGAIN, sizeof(*again), order);
        double median_ns = time_of(&again[ENGINE_LONGEST_AGAIN / 2]);
        if (time_of(&again[0]) > worst.most_ns)
            worst.most_ns = time_of(&again[0]);
        if (median_ns > worst.median_ns) {
            worst.median_ns = median_ns;
            worst.record = readings[i].record + 1;
        }
    }
    return worst;
}

static double judged_time(const struct reading *reading)
{
    return reading->judged_ns;
}

static double whole_time(const struct reading *reading)
{
    return reading->whole_ns;
}

struct engine_longest engine_longest(struct engine *engine, const struct wd_ruleset *again)
{
    struct engine_longest longest = {0};
    struct reading *readings = calloc(engine->records.count, sizeof(*readings));
    if (!readings)
        engine_give_up("records", "no memory");
    for (size_t i = 0; i < engine->records.count; i++) {
        readings[i] = read_one(engine, i, engine_pass_strict);
        longest.ended += engine->ended;
        longest.switched_off += engine->switched_off;
    }
    engine->set = again;
    longest.judged = worst_of(engine, readings, longest_judged_first, judged_time);
    longest.whole = worst_of(engine, readings, longest_whole_first, whole_time);
    free(readings);
    return longest;
}
