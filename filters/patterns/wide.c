/* See wide.h. */
#include "filters/patterns/wide_internal.h"

static enum wd_vectors limit = WD_VECTORS_BEST;

void wide_limit(enum wd_vectors most)
{
    limit = most;
}

#if defined(__x86_64__)
const struct wide *wide_of(enum wd_vectors most)
{
    most = most > limit ? most : limit;
    if (most == WD_VECTORS_BEST && wide_has_avx512())
        return &wide_avx512;
    return most != WD_VECTORS_NONE && wide_has_avx2() ? &wide_avx2 : NULL;
}
#else
const struct wide *wide_of(enum wd_vectors most)
{
    (void)most;
    return NULL;
}
#endif
