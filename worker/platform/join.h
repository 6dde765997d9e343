/* One call for several authors: where the action table's row has a `batch`, calls that differ in nothing but the author
 * are put together. Pure: compares and joins the texts that action_table_call() has made. */
#ifndef WORKER_PLATFORM_JOIN_H
#define WORKER_PLATFORM_JOIN_H

#include "worker/platform/table.h"

/* All of these are for calls whose `batch` is set. */

/* A number that calls which fit have in common. */
uint64_t platform_call_frame(const struct platform_call *call);
/* The same row, the same place, the same everything but the author. */
bool platform_calls_fit(const struct platform_call *a, const struct platform_call *b);
/* Bytes that this call's author takes beside others, and bytes that others may take beside this one's. */
size_t platform_call_share_bytes(const struct platform_call *call);
size_t platform_call_room_bytes(const struct platform_call *call);

/* The call that `call` becomes with the authors of `count` others beside its own. *text_out is malloc'ed, holds what
 * became longer, and must outlive the joined call, as must `call`. */
enum wd_status platform_calls_join(const struct platform_call *call, const struct platform_call *const *others,
                                   size_t count, char **text_out, struct platform_call *joined_out,
                                   struct wd_error *err);

#endif
