/* What remembering costs: nanoseconds of thread CPU an operation on the cells of a value, and the bytes of an author's
 * value when he writes and when he has stopped. Usage: bench_cells [AUTHORS [EVENTS]]. Each line is measured with all
 * authors in turn at random, so with many of them it has the caches against it. Medians of rounds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "filters/behaviour/cells.h"

enum { ROUNDS = 7, PLACES = 500, BUCKETS = 1 << 16 };
#define START ((int64_t)1700000000000)
#define HOUR_MS ((int64_t)3600000)

struct bench {
    struct wd_value *authors, *places, *buckets;
    size_t author_count, events;
    uint64_t sequence, random;
    int64_t now_ms;
};

static const struct wd_window RATE = {.cell = 1, .kind = WD_WINDOW_COUNT, .over_ms = 10000, .most = 8};
static const struct wd_window MENTIONS = {.cell = 2, .kind = WD_WINDOW_DISTINCT, .over_ms = 600000, .most = 40};
static const struct wd_window BURST = {.cell = 3, .kind = WD_WINDOW_COUNT, .over_ms = 60000, .most = 300};
static const struct wd_band_limits BANDS[] = {{40, 30}, {80, 50}};
static const struct wd_score_cell SPAM = {.cell = 4, .half_life_ms = 24 * HOUR_MS, .bands = BANDS, .band_count = 2};
static const struct wd_ladder_step STEPS[] = {{1, 0}, {3, 24 * HOUR_MS}, {6, 0}};
static const struct wd_ladder LADDER = {.cell = 5, .expire_ms = 168 * HOUR_MS, .steps = STEPS, .step_count = 3};
static const struct wd_similar REPEAT = {.cell = 6, .within_ms = 600000, .more_than = 2, .distance = 2};
static const struct wd_crowd CROWD = {.cell = 7, .within_ms = 30000, .authors = 5, .distance = 3};

static uint64_t draw(struct bench *bench)
{
    uint64_t z = bench->random += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static void nothing(struct wd_session *author, struct bench *bench)
{
    (void)author, (void)bench;
}

static void profile(struct wd_session *author, struct bench *bench)
{
    (void)bench;
    wd_profile_note(author, true, false);
}

static void rate(struct wd_session *author, struct bench *bench)
{
    (void)bench;
    wd_window_take(author, &RATE, NULL, 0, 0, 8, NULL);
}

static void mentions(struct wd_session *author, struct bench *bench)
{
    wd_window_take(author, &MENTIONS, (uint64_t[]){draw(bench) % 100}, draw(bench) % 4 == 0, 0, 40, NULL);
}

static void score(struct wd_session *author, struct bench *bench)
{
    (void)bench;
    wd_score_add(author, &SPAM, 1);
}

static void strike(struct wd_session *author, struct bench *bench)
{
    uint32_t strikes;
    wd_strikes_add(author, &LADDER, 1, draw(bench), &strikes);
}

static void repeat(struct wd_session *author, struct bench *bench)
{
    uint32_t count;
    wd_similar_take(author, &REPEAT, draw(bench), draw(bench), false, &count);
}

static void crowd(struct wd_session *author, struct bench *bench)
{
    uint64_t fingerprint = (draw(bench) % bench->author_count + 1) * 0x9E3779B97F4A7C15u; /* as many texts as authors */
    struct wd_session sessions[WD_CROWD_BUCKETS], *pointers[WD_CROWD_BUCKETS];
    for (unsigned b = 0; b < WD_CROWD_BUCKETS; b++) {
        size_t bucket = fingerprint >> 16 * b & (BUCKETS - 1);
        wd_session_open(pointers[b] = &sessions[b], &bench->buckets[bucket * WD_CROWD_BUCKETS + b], author->origin,
                        author->now_ms);
    }
    uint32_t authors;
    wd_crowd_take(pointers, &CROWD, fingerprint, draw(bench), &authors);
    for (unsigned b = 0; b < WD_CROWD_BUCKETS; b++)
        if (!wd_session_close(&sessions[b]))
            abort();
}

static void place(struct wd_session *author, struct bench *bench)
{
    struct wd_session session;
    wd_session_open(&session, &bench->places[draw(bench) % PLACES], author->origin, author->now_ms);
    wd_window_take(&session, &BURST, NULL, 0, 0, 300, NULL);
    if (!wd_session_close(&session))
        abort();
}

static void five_signals(struct wd_session *author, struct bench *bench)
{
    rate(author, bench);
    mentions(author, bench);
    repeat(author, bench);
    if (draw(bench) % 20 == 0)
        score(author, bench);
    else
        wd_score_add(author, &SPAM, 0);
    profile(author, bench);
    place(author, bench);
}

static void five_signals_and_crowd(struct wd_session *author, struct bench *bench)
{
    five_signals(author, bench);
    crowd(author, bench);
}

static double thread_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* A message of each author every `gap_ms` on average. */
static double run(struct bench *bench, void (*operation)(struct wd_session *, struct bench *), int64_t gap_ms)
{
    double start = thread_ns();
    for (size_t i = 0; i < bench->events; i++) {
        struct wd_session session;
        bench->now_ms += (int64_t)(draw(bench) % (uint64_t)(2 * gap_ms + 1)) / (int64_t)bench->author_count;
        struct wd_value *author = &bench->authors[draw(bench) % bench->author_count];
        wd_session_open(&session, author, (struct wd_origin){1, ++bench->sequence}, bench->now_ms);
        operation(&session, bench);
        if (!wd_session_close(&session))
            abort();
    }
    return (thread_ns() - start) / (double)bench->events;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void report(struct bench *bench, const char *name, void (*operation)(struct wd_session *, struct bench *))
{
    double rounds[ROUNDS];
    for (int i = 0; i < ROUNDS; i++)
        rounds[i] = run(bench, operation, 20000);
    qsort(rounds, ROUNDS, sizeof *rounds, compare);
    printf("%-34s %7.0f ns\n", name, rounds[ROUNDS / 2]);
}

static void forget(struct wd_value *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(values[i].bytes);
        values[i] = (struct wd_value){0};
    }
}

static void clear(struct bench *bench)
{
    forget(bench->authors, bench->author_count);
    forget(bench->places, PLACES);
    forget(bench->buckets, (size_t)BUCKETS * WD_CROWD_BUCKETS);
}

static double mean_bytes(const struct bench *bench)
{
    double sum = 0;
    for (size_t i = 0; i < bench->author_count; i++)
        sum += bench->authors[i].len;
    return sum / (double)bench->author_count;
}

/* Twenty messages of each, a point in twenty, and then nothing for two days. */
static void report_bytes(struct bench *bench)
{
    clear(bench);
    for (size_t i = 0; i < bench->author_count * 20; i++) {
        struct wd_session session;
        bench->now_ms += 1 + 20000 / (int64_t)bench->author_count;
        wd_session_open(&session, &bench->authors[i % bench->author_count], (struct wd_origin){1, ++bench->sequence},
                        bench->now_ms);
        five_signals(&session, bench);
        if (!wd_session_close(&session))
            abort();
    }
    printf("bytes of an author who writes      %7.0f\n", mean_bytes(bench));
    for (size_t i = 0; i < bench->author_count; i++)
        wd_value_prune(&bench->authors[i], bench->now_ms + 48 * HOUR_MS);
    printf("bytes of one idle for two days     %7.0f\n", mean_bytes(bench));
}

static void report_fingerprint(struct bench *bench)
{
    char text[64];
    double start = thread_ns();
    uint64_t sum = 0;
    for (size_t i = 0; i < bench->events; i++) {
        uint64_t fingerprint = 0;
        int len = snprintf(text, sizeof text, "win a new phone today, just click on %016llx here",
                           (unsigned long long)draw(bench));
        wd_fingerprint((struct wd_str){text, (size_t)len}, 20, &fingerprint);
        sum ^= fingerprint;
    }
    printf("%-34s %7.0f ns (of 57 bytes, with printing the text)%s\n", "fingerprint",
           (thread_ns() - start) / (double)bench->events, sum == 0 ? "!" : "");
}

int main(int argc, char **argv)
{
    struct bench bench = {.author_count = 1000, .events = 200000, .now_ms = START};
    if (argc > 1)
        bench.author_count = strtoull(argv[1], NULL, 10);
    if (argc > 2)
        bench.events = strtoull(argv[2], NULL, 10);
    if (bench.author_count == 0 || bench.events == 0)
        return 2;
    bench.authors = calloc(bench.author_count, sizeof *bench.authors);
    bench.places = calloc(PLACES, sizeof *bench.places);
    bench.buckets = calloc((size_t)BUCKETS * WD_CROWD_BUCKETS, sizeof *bench.buckets);
    if (!bench.authors || !bench.places || !bench.buckets)
        return 1;
    printf("%zu authors\n", bench.author_count);
    run(&bench, five_signals, 20000); /* values as they are in use */
    report(&bench, "open and close", nothing);
    report(&bench, "profile", profile);
    report(&bench, "rate", rate);
    report(&bench, "distinct mentions", mentions);
    report(&bench, "score", score);
    report(&bench, "strike", strike);
    report(&bench, "repetition", repeat);
    clear(&bench);
    report(&bench, "five signals, author and place", five_signals);
    report(&bench, "and a crowd in four buckets", five_signals_and_crowd);
    report_fingerprint(&bench);
    report_bytes(&bench);
    clear(&bench);
    free(bench.authors);
    free(bench.places);
    free(bench.buckets);
    return 0;
}
