/* bench/engine: what its two halves share. */
#ifndef BENCH_ENGINE_H
#define BENCH_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include <warden/arena.h>
#include <warden/decode.h>
#include <warden/ruleset.h>
#include <warden/scanner.h>

struct engine_records {
    char *bytes; /* all lines, one after the other */
    size_t *starts;
    size_t count, byte_count;
};

struct engine {
    struct engine_records records;
    const struct wd_ruleset *set;
    struct wd_decoder *decoder;
    struct wd_arena *arena;
    struct wd_scanner *scanner; /* without a clock */
    struct wd_scanner *guarded; /* with the budgets of a worker */
    struct wd_scanner *strict;  /* with the budgets that were asked for, in processor time */
    struct engine_inside *inside;
    uint64_t events, matches, candidates, refused; /* of the last pass that judges */
    uint64_t ended, switched_off;                  /* by their time, of the last pass that judges */
};

/* Ways through all records; each does what the one before it does and more. */
typedef void engine_pass(struct engine *engine);
engine_pass engine_pass_jansson; /* the tree alone: parsed and freed */
engine_pass engine_pass_decode;
engine_pass engine_pass_views;      /* decode, views of the texts */
engine_pass engine_pass_candidates; /* decode, views, index; nothing is confirmed */
engine_pass engine_pass_confirmed;  /* decode, views, index, confirmation */
engine_pass engine_pass_whole;      /* decode, judge: all of it */
engine_pass engine_pass_guarded;    /* the same with time budgets */
engine_pass engine_pass_strict;

/* What the passes in the middle need of the library's inside. NULL: no memory. */
struct engine_inside *engine_inside_new(void);
void engine_inside_free(struct engine_inside *inside);

/* Record `i`. */
struct wd_str engine_record(const struct engine *engine, size_t i);
uint64_t engine_now_ns(void *context);

#endif
