/* How fast records become events on one core: the decoder, the token index alone, and jansson's tree (parsed and
 * freed, nothing picked), round by round in the same run, so that the ratios hold on a noisy machine.
 *
 *     bench_decode EVENTS.jsonl [ROUNDS]
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include <warden/decode.h>

#include "filters/event/json_index.h"

enum { ARENA_BYTES = 16 << 20, RECORD_BYTES = 1 << 20, ROUND_MS = 200, MOST_ROUNDS = 101 };

struct records {
    char *bytes; /* all lines, one after the other */
    size_t *starts;
    size_t count, bytes_used;
};

struct bench {
    struct records records;
    struct wd_decoder *decoder;
    struct wd_arena *arena;
    struct json_index *index;
    char *padded;
    size_t events, refused; /* of one pass */
};

typedef void pass_fn(struct bench *bench);

static void give_up(const char *text)
{
    fprintf(stderr, "bench_decode: %s\n", text);
    exit(2);
}

static struct records read_records(const char *path)
{
    struct records records = {0};
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        give_up("the file of events cannot be read");
    long size = ftell(file);
    rewind(file);
    records.bytes = malloc((size_t)size + 1);
    records.starts = malloc(((size_t)size + 2) * sizeof(*records.starts));
    if (size <= 0 || !records.bytes || !records.starts || fread(records.bytes, 1, (size_t)size, file) != (size_t)size)
        give_up("the file of events is empty or cannot be read");
    fclose(file);
    for (size_t at = 0; at < (size_t)size;) {
        const char *end = memchr(records.bytes + at, '\n', (size_t)size - at);
        records.starts[records.count++] = at;
        at = end ? (size_t)(end - records.bytes) + 1 : (size_t)size + 1;
    }
    records.starts[records.count] = records.bytes[size - 1] == '\n' ? (size_t)size : (size_t)size + 1;
    records.bytes_used = (size_t)size;
    return records;
}

static size_t line_length(const struct records *records, size_t i)
{
    return records->starts[i + 1] - records->starts[i] - 1;
}

static void pass_decoder(struct bench *bench)
{
    bench->events = bench->refused = 0;
    for (size_t i = 0; i < bench->records.count; i++) {
        struct wd_events events;
        wd_arena_reset(bench->arena);
        enum wd_decode_outcome outcome =
            wd_decode(bench->decoder, bench->arena, bench->records.bytes + bench->records.starts[i],
                      line_length(&bench->records, i), &events, NULL);
        bench->events += events.count;
        bench->refused += outcome != WD_DECODED;
    }
}

static void pass_index(struct bench *bench)
{
    for (size_t i = 0; i < bench->records.count; i++) {
        const uint32_t *offsets;
        size_t count, len = line_length(&bench->records, i);
        if (len > RECORD_BYTES)
            continue;
        memcpy(bench->padded, bench->records.bytes + bench->records.starts[i], len);
        (void)json_index_run(bench->index, bench->padded, len, &offsets, &count);
    }
}

static void pass_jansson(struct bench *bench)
{
    for (size_t i = 0; i < bench->records.count; i++)
        json_decref(
            json_loadb(bench->records.bytes + bench->records.starts[i], line_length(&bench->records, i), 0, NULL));
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Nanoseconds a record, over as many passes as fill a round. */
static double measure(struct bench *bench, pass_fn *pass)
{
    size_t passes = 0;
    double start = seconds_now(), spent;
    do {
        pass(bench);
        passes++;
        spent = seconds_now() - start;
    } while (spent * 1000 < ROUND_MS);
    return spent * 1e9 / (double)(passes * bench->records.count);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), compare_doubles);
    return values[count / 2];
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        pass_fn *pass;
    } ways[] = {{"decoder", pass_decoder}, {"token index alone", pass_index}, {"jansson tree", pass_jansson}};
    enum { WAYS = sizeof(ways) / sizeof(ways[0]) };
    static double ns[WAYS][MOST_ROUNDS];
    double medians[WAYS];
    if (argc < 2 || argc > 3)
        give_up("usage: bench_decode EVENTS.jsonl [ROUNDS]");
    long rounds = argc == 3 ? strtol(argv[2], NULL, 10) : 7;
    if (rounds < 1 || rounds > MOST_ROUNDS)
        give_up("between 1 and 101 rounds");
    struct bench bench = {.records = read_records(argv[1]),
                          .decoder = wd_decoder_new(RECORD_BYTES),
                          .arena = wd_arena_new(ARENA_BYTES),
                          .index = json_index_new(),
                          .padded = calloc(1, RECORD_BYTES + JSON_PADDING_BYTES)};
    if (!bench.decoder || !bench.arena || !bench.index || !bench.padded)
        give_up("no memory");
    for (long round = 0; round < rounds; round++)
        for (size_t way = 0; way < WAYS; way++)
            ns[way][round] = measure(&bench, ways[way].pass);
    printf("%zu records of %zu bytes, %zu events, %zu refused; kernel %s; medians of %ld rounds\n", bench.records.count,
           bench.records.bytes_used / bench.records.count, bench.events, bench.refused, json_index_kernel(), rounds);
    for (size_t way = 0; way < WAYS; way++) {
        medians[way] = median(ns[way], (size_t)rounds);
        printf("%-20s %12.0f records/s %9.0f ns\n", ways[way].name, 1e9 / medians[way], medians[way]);
    }
    printf("%-20s %12.1f times the tree\n", "ratio", medians[2] / medians[0]);
    return 0;
}
