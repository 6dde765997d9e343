/* bench/state: what its parts share. */
#ifndef BENCH_STATE_H
#define BENCH_STATE_H

#include <stdbool.h>
#include <stddef.h>

#include <warden/ruleset.h>

enum { STATE_COUNTS_MAX = 16, STATE_BATCH_MAX = 8192 };

struct bench_options {
    const char *rules, *events, *redis, *folder;
    size_t rule_count, authors[STATE_COUNTS_MAX], author_counts, measure, batch, cache_mb, sync_ms;
    bool with[4], wait_for_syncs, crowd, json;
};

/* Lines of a file, in `bytes`. Both are the caller's. */
struct bench_records {
    char *bytes;
    struct wd_str *items;
    size_t count;
};

/* What cannot be read or loaded ends the process with its reasons. */
struct bench_options bench_options_read(int argc, char **argv);
struct bench_records bench_records_read(const char *path);
/* The first rules of the table, alone or with signals of behaviour. The caller's. */
struct wd_ruleset *bench_rules_load(const struct bench_options *options, bool remembers);
_Noreturn void bench_give_up(const char *what, const char *why);

#endif
