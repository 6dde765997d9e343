/* bench/engine: what its parts share. */
#ifndef BENCH_ENGINE_H
#define BENCH_ENGINE_H

#include <stdbool.h>
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
    struct wd_scanner *patient; /* the same, but no rule is ever switched off */
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
engine_pass engine_pass_patient;

/* What the passes in the middle need of the library's inside. NULL: no memory. */
struct engine_inside *engine_inside_new(void);
void engine_inside_free(struct engine_inside *inside);

/* The rules of a measurement. What cannot be read or loaded ends the process with its reasons. */
struct engine_rules;

/* `path`: a rule set (.yaml, .yml) or a table of expressions, whose rules read `views` (NULL-terminated; none: the
 * defaults). Both must outlive what is returned. */
struct engine_rules *engine_rules_read(const char *path, const char *const *views);
void engine_rules_free(struct engine_rules *rules);
bool engine_rules_are_a_table(const struct engine_rules *rules);
/* Of a table. */
size_t engine_rules_count(const struct engine_rules *rules);
struct wd_str engine_rules_text(const struct engine_rules *rules, size_t i);
/* At most `count` rules of a table from `first` on, or the whole rule set; the caller's. Seconds of processor time. */
struct wd_ruleset *engine_rules_load(const struct engine_rules *rules, size_t first, size_t count, double *seconds_out);

/* Record `i`. */
struct wd_str engine_record(const struct engine *engine, size_t i);
uint64_t engine_now_ns(void *context);
/* Of this thread. */
uint64_t engine_processor_ns(void *context);
_Noreturn void engine_give_up(const char *what, const char *why);

enum { ENGINE_LONGEST_AGAIN = 5 };

/* The event that takes longest: processor time, of as many readings as above. */
struct engine_worst {
    size_t record; /* from 1 */
    double median_ns;
    double most_ns; /* of all readings of all events: what else the machine did is in it */
};

struct engine_longest {
    struct engine_worst judged, whole; /* without and with decoding */
    uint64_t ended, switched_off;
};

/* All records once with engine->set, by engine->strict; then the worst of them again with `again`, another set of the
 * same rules, by engine->patient. */
struct engine_longest engine_longest(struct engine *engine, const struct wd_ruleset *again);

#endif
