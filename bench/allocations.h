/* Counts the allocations of the whole process, those inside libraries too. glibc only. */
#ifndef BENCH_ALLOCATIONS_H
#define BENCH_ALLOCATIONS_H

#include <stdint.h>

/* Calls of malloc, calloc, realloc and their kin until now. */
uint64_t allocations_so_far(void);

#endif
