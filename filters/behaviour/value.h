/* Inside the room: how a value lies in its bytes.
 *
 *   value   'w', version, u32 minute from which on it may be forgotten, u48 newest event time, cells...
 *   cell    u32 id, u8 kind, u16 length of what follows the head, u32 minute from which on it may be dropped (0: with
 * the value), then what its kind has
 *
 * All of it is checked when a session opens (value_is_sound), so that the kinds rely on lengths, never on contents.
 * Cells of unknown kinds are kept: other versions of the program may know them. Pointers to cells hold until the next
 * call that may make or resize one. Neighbours: value.c, and every kind. */
#ifndef FILTERS_BEHAVIOUR_VALUE_H
#define FILTERS_BEHAVIOUR_VALUE_H

#include "filters/behaviour/bytes.h"
#include "filters/behaviour/cells.h"

enum {
    VALUE_MARK = 'w',
    VALUE_VERSION = 1,
    VALUE_HEAD = 12,
    VALUE_BYTES_MAX = 128 << 10, /* what is over it goes, the cells first whose time ends first */
    CELL_HEAD = 11,
    CELL_BYTES_MAX = 65535,
    ORIGINS_MAX = 64,
    ORIGIN_BYTES = 22, /* u64 source, u64 sequence, u48 newest event time */
    MINUTE_MS = 60000,
};
#define LATENESS_MS ((int64_t)24 * 3600 * 1000) /* events later than this may find a window gone */
#define TIME_MAX_MS ((int64_t)1 << 47)
/* After the last event: of an author, of a reported content. */
#define PROFILE_KEEP_MS ((int64_t)400 * 24 * 3600 * 1000)
#define REPORTERS_KEEP_MS ((int64_t)90 * 24 * 3600 * 1000)

/* Is it a chain of cells? */
bool value_is_sound(const unsigned char *bytes, size_t len);
/* Does the cell have what its kind has? One that has not counts as absent, and is emptied when it is made. */
bool cell_is_sound(const unsigned char *cell);
/* Looks whether the value is sound and notes where its cells are. */
void value_map(struct wd_session *session);

static inline size_t cell_len(const unsigned char *cell)
{
    return load16(cell + 5);
}

static inline unsigned char *cell_data(unsigned char *cell)
{
    return cell + CELL_HEAD;
}

/* Sound or not: for one that this session has made. */
unsigned char *cell_find_any(const struct wd_session *session, enum wd_cell_kind kind, uint32_t id);
/* NULL: there is none. */
unsigned char *cell_find(const struct wd_session *session, enum wd_cell_kind kind, uint32_t id);
/* The next of its kind after `cell` (NULL: the first). */
unsigned char *cell_next(const struct wd_session *session, enum wd_cell_kind kind, unsigned char *cell);
/* The cell, made with `len` zero bytes where there is none. NULL: no memory, session->out_of_memory is set. Like all
 * that change a value it is not called in a session of a repeated event. */
unsigned char *cell_make(struct wd_session *session, enum wd_cell_kind kind, uint32_t id, size_t len);
unsigned char *cell_resize(struct wd_session *session, unsigned char *cell, size_t len);
void cell_drop(struct wd_session *session, unsigned char *cell);
/* It matters until then (and a day, for late events). Never shortens what the value has. */
void cell_keep_until(struct wd_session *session, unsigned char *cell, int64_t until_ms);

/* A cell that has `head` bytes and then entries of `stride` bytes each. */
struct list_shape {
    uint32_t head, stride;
};
static inline size_t list_count(const unsigned char *cell, struct list_shape shape)
{
    return (uint32_t)(cell_len(cell) - shape.head) / shape.stride;
}
static inline unsigned char *list_entry(unsigned char *cell, struct list_shape shape, size_t i)
{
    return cell_data(cell) + shape.head + i * shape.stride;
}
/* Takes the first `cut` entries away and, where `at` is no SIZE_MAX, opens a gap before what is entry `at` then. */
unsigned char *list_shift(struct wd_session *session, unsigned char *cell, struct list_shape shape, size_t cut,
                          size_t at);
unsigned char *list_remove(struct wd_session *session, unsigned char *cell, struct list_shape shape, size_t at);

/* Remembered answers: bytes by a key that is mixed of cell and question. */
enum answer_question { ANSWER_WINDOW = 1, ANSWER_SCORE, ANSWER_STRIKES, ANSWER_SIMILAR, ANSWER_CROWD, ANSWER_OTHER };
enum { ANSWER_BYTES_MAX = 32 };
void answer_put(struct wd_session *session, enum answer_question question, uint32_t cell, const unsigned char *bytes,
                size_t len);
enum wd_answer_known answer_get(const struct wd_session *session, enum answer_question question, uint32_t cell,
                                unsigned char *out, size_t len);
/* Both for answers that are one number. */
void answer_put_amount(struct wd_session *session, enum answer_question question, uint32_t cell, double amount);
enum wd_answer_known answer_get_amount(const struct wd_session *session, enum answer_question question, uint32_t cell,
                                       double *amount_out);
/* The source is not known any more. */
void answers_forget_source(struct wd_session *session, uint64_t source);
bool answers_are_sound(const unsigned char *data, size_t len);
bool contributions_are_sound(const unsigned char *data, size_t len);
void profile_pardon(struct wd_session *session); /* at the time of the session, which is not repeated */
bool reporters_are_sound(const unsigned char *data, size_t len);

#endif
