/* The names of outcomes. Neighbours: everybody who writes one down. */
#include <stddef.h>

#include "worker/outcome.h"

static const char *const NAMES[] = {
    [OUTCOME_DONE] = "done",   [OUTCOME_ALREADY] = "already_done",
    [OUTCOME_RETRY] = "retry", [OUTCOME_PERMANENT] = "permanent",
    [OUTCOME_STOP] = "stop",
};

_Static_assert(sizeof(NAMES) / sizeof(*NAMES) == OUTCOME_CLASS_COUNT, "one name an outcome");

const char *outcome_class_name(enum outcome_class class)
{
    return (size_t) class < OUTCOME_CLASS_COUNT ? NAMES[class] : "unknown";
}
