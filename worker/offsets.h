/* Finished offsets of one partition, and the highest offset that is safe to commit. Pure: no I/O, no clock.
 *
 * What always holds: everything below offsets_position() is finished or never existed; offsets are delivered in rising
 * order, with holes (transaction markers, compaction). Finished records above the position are remembered in the commit
 * metadata, so that the next owner of the partition does not carry them out again. */
#ifndef WORKER_OFFSETS_H
#define WORKER_OFFSETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct offsets;

enum { OFFSETS_METADATA_MAX = 3072 }; /* characters, without the NUL; the broker's own limit is 4,096 */

/* `position`: the committed offset, or -1 where nothing is committed (then the first delivery sets it).
 * `metadata`: what was committed with it; NULL or unreadable: nothing is known to be finished above.
 * `limit`: records that may lie between the position and the newest delivery. NULL where memory is out. */
struct offsets *offsets_new(int64_t position, const char *metadata, size_t limit);
void offsets_free(struct offsets *offsets);

enum offsets_delivery {
    OFFSETS_NEW = 0,          /* work on it, then offsets_finish(*ticket_out) */
    OFFSETS_FINISHED_EARLIER, /* finished by an earlier owner: nothing to do, no ticket */
    OFFSETS_BELOW_POSITION,   /* committed already (a rewind): nothing to do, no ticket */
    OFFSETS_FULL,             /* the limit is reached, or memory is out: stop fetching and deliver it again later */
};
enum offsets_delivery offsets_deliver(struct offsets *offsets, int64_t offset, uint64_t *ticket_out);

/* The ticket is of a record that was delivered and is not finished. */
bool offsets_awaits(const struct offsets *offsets, uint64_t ticket);
/* Each ticket exactly once. */
void offsets_finish(struct offsets *offsets, uint64_t ticket);

/* The offset to commit: the first one that is not finished. -1 before anything is known. */
int64_t offsets_position(const struct offsets *offsets);
/* Records delivered and not finished. */
size_t offsets_unfinished(const struct offsets *offsets);
/* Records between the position and the newest delivery, finished ones included. */
size_t offsets_span(const struct offsets *offsets);
/* The offset of the oldest unfinished record, -1 where there is none. */
int64_t offsets_oldest_unfinished(const struct offsets *offsets);

/* Counts up whenever the position or the set above it changes: commit when it differs from the last committed. */
uint64_t offsets_version(const struct offsets *offsets);

/* Writes what is finished above the position as text: "1" and base64 of a checksum and run lengths. Where it does not
 * fit, the runs nearest to the position are kept: forgetting a finished record only means doing it again. Returns the
 * length. */
size_t offsets_metadata(const struct offsets *offsets, char out[OFFSETS_METADATA_MAX + 1]);

#endif
