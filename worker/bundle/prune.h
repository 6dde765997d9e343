/* Earlier versions of an installed bundle: how many of them stay. Neighbours: install.c calls this under its lock. */
#ifndef WORKER_BUNDLE_PRUNE_H
#define WORKER_BUNDLE_PRUNE_H

#include <stddef.h>

/* Removes from INTO/.bundles what attempts that were cut off left, and of the versions of bundle `id` all but `keep`
 * of those that were in use last, `current` and `before` (names in .bundles; `before` may be "") not counted: these
 * two are never removed, nor is anything of other bundles. What cannot be removed stays: it is tried again with the
 * next installation. */
void prune_bundles(const char *into, const char *id, const char *current, const char *before, size_t keep);

/* Removes a folder with all that is in it. */
void prune_tree(const char *path);

#endif
