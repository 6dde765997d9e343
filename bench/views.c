/* What a view costs: nanoseconds a text for each view by itself, for ASCII and for other texts, and how many further
 * texts it makes. Usage: bench_views FILE.jsonl, a JSON string or an object with "text" a line. Medians of rounds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "filters/views/views.h"

enum { ROUNDS = 11, ALL = (1 << WD_VIEW_COUNT) - 1 };

struct corpus {
    struct wd_str *texts;
    size_t count, cap;
    uint64_t bytes;
};

static void add(struct corpus *corpus, const char *text, size_t len)
{
    if (corpus->count == corpus->cap) {
        corpus->cap = corpus->cap ? corpus->cap * 2 : 1024;
        corpus->texts = realloc(corpus->texts, corpus->cap * sizeof *corpus->texts);
        if (!corpus->texts)
            exit(1);
    }
    char *copy = malloc(len + 1);
    if (!copy)
        exit(1);
    memcpy(copy, text, len);
    corpus->texts[corpus->count++] = (struct wd_str){copy, len};
    corpus->bytes += len;
}

static bool is_ascii(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] >= 0x80)
            return false;
    return true;
}

static bool read_corpus(const char *path, struct corpus corpora[2])
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t cap = 0;
    if (!file) {
        perror(path);
        return false;
    }
    while (getline(&line, &cap, file) > 0) {
        json_t *value = json_loads(line, JSON_DECODE_ANY, NULL);
        const json_t *text = json_is_object(value) ? json_object_get(value, "text") : value;
        if (json_is_string(text)) {
            const char *data = json_string_value(text);
            size_t len = json_string_length(text);
            add(&corpora[is_ascii(data, len) ? 0 : 1], data, len);
        }
        json_decref(value);
    }
    free(line);
    fclose(file);
    return true;
}

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Texts made beyond the original, in all. */
static size_t make_all(struct wd_view_scratch *scratch, const struct corpus *corpus, uint32_t wanted)
{
    size_t made = 0;
    for (size_t i = 0; i < corpus->count; i++) {
        struct wd_view views[WD_VIEWS_MAX];
        size_t count;
        if (wd_views_make(scratch, corpus->texts[i], wanted, views, &count) != WD_OK)
            exit(1);
        for (size_t j = 0; j < count; j++)
            made += !views[j].same_as_plain;
    }
    return made;
}

static void measure(const char *name, struct wd_view_scratch *scratch, const struct corpus corpora[2], uint32_t wanted)
{
    printf("%-22s", name);
    for (int kind = 0; kind < 2; kind++) {
        double rounds[ROUNDS];
        size_t made = 0;
        double count = corpora[kind].count ? (double)corpora[kind].count : 1;
        for (int i = 0; i < ROUNDS; i++) {
            double start = now_ns();
            made = make_all(scratch, &corpora[kind], wanted);
            rounds[i] = (now_ns() - start) / count;
        }
        qsort(rounds, ROUNDS, sizeof rounds[0], compare);
        printf("%10.0f ns %7.3f texts", rounds[ROUNDS / 2], (double)made / count);
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    struct corpus corpora[2] = {{0}};
    if (argc != 2) {
        fprintf(stderr, "usage: bench_views FILE.jsonl\n");
        return 2;
    }
    struct wd_view_scratch *scratch = wd_view_scratch_new();
    if (!scratch || !read_corpus(argv[1], corpora))
        return 1;
    for (int kind = 0; kind < 2; kind++)
        printf("%s: %zu texts, %.0f bytes each\n", kind ? "other" : "ASCII", corpora[kind].count,
               corpora[kind].count ? (double)corpora[kind].bytes / (double)corpora[kind].count : 0.0);
    printf("%-22s%24s%27s\n", "", "ASCII", "other");
    for (int view = 0; view < WD_VIEW_COUNT; view++)
        measure(wd_view_name((enum wd_view_kind)view), scratch, corpora, 1u << view);
    measure("plain and folded", scratch, corpora, 1u << WD_VIEW_PLAIN | 1u << WD_VIEW_FOLDED);
    measure("all", scratch, corpora, ALL);
    wd_view_scratch_free(scratch);
    for (int kind = 0; kind < 2; kind++) {
        for (size_t i = 0; i < corpora[kind].count; i++)
            free((char *)corpora[kind].texts[i].data);
        free(corpora[kind].texts);
    }
    return 0;
}
