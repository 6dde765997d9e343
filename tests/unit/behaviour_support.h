/* For tests of cells: one value and events upon it, with rising sequences of one source. */
#ifndef TESTS_UNIT_BEHAVIOUR_SUPPORT_H
#define TESTS_UNIT_BEHAVIOUR_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "filters/behaviour/cells.h"
#include "filters/behaviour/fingerprint_wide.h"

#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define START ((int64_t)1700000000000)

struct bench {
    struct wd_value value;
    struct wd_session session;
    uint64_t sequence;
};

static inline struct wd_session *event_of(struct bench *bench, uint64_t source, uint64_t sequence, int64_t at_ms)
{
    wd_session_open(&bench->session, &bench->value, (struct wd_origin){source, sequence}, at_ms);
    return &bench->session;
}

/* The next event, `at_ms` after START. */
static inline struct wd_session *event_at(struct bench *bench, int64_t at_ms)
{
    return event_of(bench, 1, ++bench->sequence, START + at_ms);
}

static inline void done(struct bench *bench)
{
    assert_true(wd_session_close(&bench->session));
}

static inline void bench_fini(struct bench *bench)
{
    free(bench->value.bytes);
    memset(bench, 0, sizeof *bench);
}

#endif
