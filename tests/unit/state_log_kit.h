/* For the tests of the LMDB store's log: a folder, values that tell of which change they are. */
#ifndef TESTS_UNIT_STATE_LOG_KIT_H
#define TESTS_UNIT_STATE_LOG_KIT_H

#include "tests/unit/state_cases.h"

enum { FAR = 2000000000, KEYS = 1500, SIZE_MOST = 1500, REMOVED_EVERY = 5 };

extern char log_folder[128];
int log_make_folder(void **state);
int log_remove_folder(void **state);
struct state_options log_options(uint64_t max_bytes, uint64_t cache_bytes);
uint64_t log_folder_bytes(void);
bool log_has_file(const char *file);

uint64_t log_random(uint64_t *random);
/* Change number `change` of key `key`: its bytes, at most SIZE_MOST; 0: it is a removal. */
uint32_t log_value(unsigned key, uint32_t change, unsigned char *out);
/* The change that a stored value is of; 0: it is not whole. */
uint32_t log_change_of(unsigned key, const unsigned char *bytes, uint32_t len);
void log_put(struct state_store *store, unsigned key, uint32_t change);

struct log_counted {
    unsigned values;
    bool fine; /* all are whole */
};
state_each_fn log_count_one;
struct log_counted log_count_all(struct state_store *store);

#endif
