/* What every kind of state store must do, as test cases over a world that a kind's own test sets up. */
#ifndef TESTS_UNIT_STATE_CASES_H
#define TESTS_UNIT_STATE_CASES_H

#include "worker/state/state.h"

struct state_world {
    struct state_options options;
    struct state_share *share;
    struct loop *loop;
    struct state_store *store;
};

/* Opens share, loop and handle; fails the test where it cannot. */
void state_world_open(struct state_world *world);
void state_world_close(struct state_world *world);

/* One value; text may be "" for a removal. The version that it has then; 0 and *conflict_out where it did not hold. */
uint64_t state_put_text(struct state_store *store, const char *key, const char *text, uint64_t version,
                        int64_t forget_at_ms, int64_t now_ms, bool *conflict_out);
/* The text that is kept, malloc'ed; NULL: none. */
char *state_get_text(struct state_store *store, const char *key, uint64_t *version_out);

/* The cases; each takes a world that is open. */
void state_case_keeps_values(struct state_world *world);
void state_case_tells_conflicts(struct state_world *world);
void state_case_removes(struct state_world *world);
void state_case_takes_any_bytes(struct state_world *world);
void state_case_equals_a_model(struct state_world *world);
void state_case_counts_across_threads(struct state_world *world);
void state_case_counts_quotas(struct state_world *world);
void state_case_walks(struct state_world *world);

#endif
