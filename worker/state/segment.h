/* A piece of the log of values: records, one behind the other, and at the end a directory of their hashes and where
 * they begin, so that opening a log reads a twentieth of it. Knows nothing of where pieces are kept. Neighbours:
 * lmdb_flush.c and lmdb_clean.c fill segments, lmdb_load.c and lmdb_read() look into them.
 *
 * Layout, integers as the machine has them: records (version 8, forget_at_ms 8, value length 4, key length 1, key,
 * value); hashes, 8 each; beginnings, 4 each, the top bit marking a removal; count 4; mark 4. */
#ifndef WORKER_STATE_SEGMENT_H
#define WORKER_STATE_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warden/str.h>

enum {
    SEGMENT_BYTES = 64 << 10, /* a longer record has one of its own */
    SEGMENT_RECORDS = 1900,   /* more do not fit */
    RECORD_HEADER = 21,
};

/* ---- places ---- */

/* Segment number 40 bits, where the record begins in it 16, its length in units of 64 bytes 8 (the longest: all that
 * are longer). A later record has a higher place. */
uint64_t place_of_record(uint64_t segment, size_t begin, size_t bytes);
uint64_t place_segment(uint64_t place);
size_t place_begin(uint64_t place);
/* Rounded, and at most 16 KB: for sums in which what was added is taken off again. */
uint64_t place_bytes(uint64_t place);

/* ---- building ---- */

struct segment {
    struct segment *next;
    uint64_t number; /* once it is in the log */
    uint32_t count;
    size_t used, room; /* of bytes; once it is sealed, `used` counts the directory */
    uint64_t hashes[SEGMENT_RECORDS];
    uint32_t begins[SEGMENT_RECORDS + 1];
    unsigned char bytes[];
};

/* For at least one record of `bytes`. NULL: no memory. */
struct segment *segment_new(size_t bytes);
void segment_free(struct segment *segment);
bool segment_has_room(const struct segment *segment, size_t bytes);

struct record {
    uint64_t version;
    int64_t forget_at_ms;
    struct wd_str key;
    const unsigned char *bytes;
    uint32_t len; /* 0: it was removed */
};
size_t record_bytes(const struct record *record);
/* There is room. */
void segment_add(struct segment *segment, uint64_t hash, const struct record *record);
/* A record as it stands in another segment; not a removal. */
void segment_add_copy(struct segment *segment, uint64_t hash, const unsigned char *bytes, size_t len);
void segment_seal(struct segment *segment);

/* ---- looking ---- */

struct segment_view {
    const unsigned char *bytes, *hashes, *begins;
    size_t records_end;
    uint32_t count;
};
/* False: it is none (NULL), or damaged. */
bool segment_open(const void *bytes, size_t len, struct segment_view *out);
uint64_t segment_hash(const struct segment_view *view, uint32_t record);
bool segment_is_removal(const struct segment_view *view, uint32_t record);
size_t segment_begin(const struct segment_view *view, uint32_t record);
size_t segment_record_bytes(const struct segment_view *view, uint32_t record);
/* False: damaged. */
bool segment_record(const struct segment_view *view, uint32_t record, struct record *out);
/* The record that begins there, with nothing else looked at. False: damaged, or `bytes` is NULL. */
bool segment_record_at(const unsigned char *bytes, size_t len, size_t begin, struct record *out);

#endif
