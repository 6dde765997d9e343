/* Stands in front of the C library's allocator and counts. What always holds: the memory is the C library's own. */
#include "bench/allocations.h"

#include <errno.h>
#include <stddef.h>

extern void *__libc_malloc(size_t size);                     /* NOLINT: glibc's names */
extern void *__libc_calloc(size_t count, size_t size);       /* NOLINT */
extern void *__libc_realloc(void *memory, size_t size);      /* NOLINT */
extern void *__libc_memalign(size_t alignment, size_t size); /* NOLINT */

void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *memory, size_t size);
void *memalign(size_t alignment, size_t size);
void *aligned_alloc(size_t alignment, size_t size);
int posix_memalign(void **out, size_t alignment, size_t size);

static uint64_t calls; /* the benchmarks have one thread */

uint64_t allocations_so_far(void)
{
    return calls;
}

void *malloc(size_t size)
{
    calls++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    calls++;
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    calls++;
    return __libc_realloc(memory, size);
}

void *memalign(size_t alignment, size_t size)
{
    calls++;
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    *out = memalign(alignment, size);
    return *out ? 0 : ENOMEM;
}
