/* The bytes of a file as they were before they were compressed: plain, gzip or zstd, known by their first bytes.
 * Neighbours: source_files.c. One thread. */
#ifndef WORKER_REPLAY_STREAM_H
#define WORKER_REPLAY_STREAM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <warden/status.h>

struct stream;

/* "-" is standard input. NULL and `err` (WD_ERR_NOT_FOUND, WD_ERR_IO, WD_ERR_MEMORY) where it cannot be read. */
struct stream *stream_open(const char *path, struct wd_error *err);
void stream_close(struct stream *stream);

/* Up to `size` bytes; 0 at the end, -1 and `err` where the file is damaged, cut short or cannot be read. */
ssize_t stream_read(struct stream *stream, char *buffer, size_t size, struct wd_error *err);

/* How far it has come in the file as it is on disk, and how long that is (0 where unknown: a pipe). */
uint64_t stream_position(const struct stream *stream);
uint64_t stream_size(const struct stream *stream);

#endif
