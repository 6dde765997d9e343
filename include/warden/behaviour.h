/* What rules remember from event to event: which values an event needs, and the judgement with them. A program that
 * judges events by a set with behaviour conditions (wd_ruleset_remembers) gets the values from its store, lets the scan
 * change them, and stores what has changed before it acts. Pure: no clock, no I/O. */
#ifndef WARDEN_BEHAVIOUR_H
#define WARDEN_BEHAVIOUR_H

#include <warden/scanner.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where an event comes from: what was applied to a value once is not applied again. Sequences rise within a source. */
struct wd_origin {
    uint64_t source;
    uint64_t sequence;
};
/* offset << 16 | object, of the partition as source. */
struct wd_origin wd_origin_of(struct wd_str topic, int32_t partition, int64_t offset, uint32_t object);

/* One value. The caller's table owns it and its bytes (malloc'ed; the scan may realloc them); zeroed means empty. */
struct wd_value {
    unsigned char *bytes;
    uint32_t len, capacity;
    bool changed;         /* by a scan; the caller clears it when it has stored the value */
    int64_t forget_at_ms; /* event time from which on nothing in it matters: a store may drop it then */
};

/* The keys (texts, unique within the event, at most 200 bytes) of the values that an event needs. In the arena. */
struct wd_recall {
    const struct wd_str *keys;
    size_t count;
    const void *prepared; /* the scanner's: fingerprints and the like, valid as long as the arena and the set */
};

bool wd_ruleset_remembers(const struct wd_ruleset *set);

enum wd_status wd_recall(struct wd_scanner *scanner, const struct wd_ruleset *set, struct wd_arena *arena,
                         const struct wd_event *event, int64_t now_ms, struct wd_recall *recall_out,
                         struct wd_error *err) WD_MUST_USE;
/* With the values that came (same order as keys): further keys, appended to recall (the earlier ones keep their
 * places). Mostly none. */
enum wd_status wd_recall_further(struct wd_scanner *scanner, const struct wd_ruleset *set, struct wd_arena *arena,
                                 const struct wd_event *event, struct wd_value *const *values, struct wd_recall *recall,
                                 struct wd_error *err) WD_MUST_USE;

/* wd_scan with values, in the order of recall->keys. `values` NULL: without state, behaviour conditions are not true
 * and nothing is remembered (verdict->without_state). On an error no value has changed. */
enum wd_status wd_scan_remembering(struct wd_scanner *scanner, const struct wd_ruleset *set, struct wd_arena *arena,
                                   const struct wd_event *event, int64_t now_ms, const struct wd_origin *origin,
                                   const struct wd_recall *recall, struct wd_value *const *values,
                                   struct wd_verdict *verdict_out, struct wd_error *err) WD_MUST_USE;

/* When the event happened: of an object that was made created_at, of anything else Kafka's time (what the object says
 * of its times is about the object); the other one where there is none; at most Kafka's + 5 minutes. */
int64_t wd_event_time_ms(const struct wd_event *event);

/* A value for people: each cell with its name (of `set`, which may be NULL), numbers at `now_ms` and, for scores, the
 * arithmetic: contributions with their decay. JSON text, malloc'ed; NULL where memory is out. */
char *wd_value_describe(const struct wd_ruleset *set, struct wd_str key, const unsigned char *bytes, size_t len,
                        int64_t now_ms);
/* Drops what nothing can come of any more at now_ms, up to the whole value (len 0), and sets forget_at_ms; for stores
 * that look through values nobody has asked for. Changes no answer to an event that is less than a day late. */
void wd_value_prune(struct wd_value *value, int64_t now_ms);
/* The score `name` of a value at now_ms, for `state top`. 0 where it has none. */
double wd_value_score(const struct wd_ruleset *set, const unsigned char *bytes, size_t len, const char *name,
                      int64_t now_ms);

/* A plain table in memory for commands, tests and programs without a store. Not thread-safe. */
struct wd_value_table;
struct wd_value_table *wd_value_table_new(void);
void wd_value_table_free(struct wd_value_table *table);
/* The value of a key, made empty where there is none; stays where it is until the table is freed. NULL: no memory. */
struct wd_value *wd_value_table_get(struct wd_value_table *table, struct wd_str key);
/* wd_recall, wd_recall_further and wd_scan_remembering with the values of a table. */
enum wd_status wd_scan_with_table(struct wd_scanner *scanner, const struct wd_ruleset *set, struct wd_arena *arena,
                                  const struct wd_event *event, int64_t now_ms, const struct wd_origin *origin,
                                  struct wd_value_table *table, struct wd_verdict *verdict_out,
                                  struct wd_error *err) WD_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
