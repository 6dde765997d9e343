/* Log lines: the level, the rate limit of each kind, and the one write. Neighbours: log_line.c (the form of a line).
 *
 * The lock is held while kinds are looked up, never while a line is formed or written. */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "worker/log.h"
#include "worker/log_line.h"

enum {
    KINDS_MAX = 128,
    MS = 1000000,    /* nanoseconds */
    QUIET_MS = 3000, /* a storm is over: its count is written with the next line of any kind */
};

/* A token bucket a kind: full at LOG_BURST, one token back a second. */
struct kind {
    const char *event; /* NULL: free */
    enum log_level level;
    int tokens;
    int64_t refilled_ms; /* when the last token came back */
    int64_t seen_ms;
    uint64_t held_back; /* since the last line of this kind */
};

static atomic_int least_level = LOG_INFO;
static atomic_bool as_json = true;
static pthread_mutex_t kinds_lock = PTHREAD_MUTEX_INITIALIZER;
static struct kind kinds[KINDS_MAX]; /* under kinds_lock */
static uint64_t forgotten;           /* under kinds_lock: held back by kinds whose place was needed for others */

void log_configure(enum log_level level, enum log_format format)
{
    bool json = format == LOG_FORMAT_JSON || (format == LOG_FORMAT_AUTO && !isatty(STDERR_FILENO));
    atomic_store(&least_level, (int)level);
    atomic_store(&as_json, json);
}

bool log_enabled(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&least_level, memory_order_relaxed);
}

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / MS;
}

static void write_line(const struct log_line *line)
{
    size_t written = 0;
    while (written < line->used) {
        ssize_t count = write(STDERR_FILENO, line->bytes + written, line->used - written);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return; /* nobody can be told */
        written += (size_t)count;
    }
}

/* The kind's entry: its own, else a free one, else the one that was silent longest. */
static struct kind *find_kind(enum log_level level, const char *event, int64_t now_ms)
{
    struct kind *best = &kinds[0];
    for (size_t i = 0; i < KINDS_MAX; i++) {
        struct kind *kind = &kinds[i];
        if (kind->event && kind->level == level && strcmp(kind->event, event) == 0)
            return kind;
        if (best->event && (!kind->event || kind->seen_ms < best->seen_ms))
            best = kind;
    }
    forgotten += best->held_back;
    *best = (struct kind){.event = event, .level = level, .tokens = LOG_BURST, .refilled_ms = now_ms};
    return best;
}

/* Whether a line of this kind may be written now; *more_out is how many were held back before it. */
static bool may_write(enum log_level level, const char *event, uint64_t *more_out)
{
    *more_out = 0;
    if (level == LOG_DEBUG)
        return true;
    int64_t now_ms = monotonic_ms();
    pthread_mutex_lock(&kinds_lock);
    struct kind *kind = find_kind(level, event, now_ms);
    kind->seen_ms = now_ms;
    int64_t back = (now_ms - kind->refilled_ms) / 1000;
    if (back > 0) {
        kind->tokens = back >= LOG_BURST - kind->tokens ? LOG_BURST : kind->tokens + (int)back;
        kind->refilled_ms += back * 1000;
    }
    bool may = kind->tokens > 0;
    if (may) {
        kind->tokens--;
        *more_out = kind->held_back;
        kind->held_back = 0;
    } else {
        kind->held_back++;
    }
    pthread_mutex_unlock(&kinds_lock);
    return may;
}

static void add_fields(struct log_line *line, va_list fields)
{
    for (;;) {
        enum log_field_kind kind = (enum log_field_kind)va_arg(fields, int);
        if (kind == LOG_FIELD_END)
            return;
        const char *name = va_arg(fields, const char *);
        if (kind == LOG_FIELD_STR)
            log_line_str(line, name, va_arg(fields, const char *));
        else if (kind == LOG_FIELD_INT)
            log_line_int(line, name, va_arg(fields, int64_t));
        else
            log_line_num(line, name, va_arg(fields, double));
    }
}

static void write_held_back(enum log_level level, const char *event, uint64_t count)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct log_line line;
    log_line_begin(&line, atomic_load(&as_json), &now, level, event, "more lines of this kind were held back");
    log_line_int(&line, "more_of_these", (int64_t)count);
    log_line_end(&line);
    write_line(&line);
}

/* Takes the counts of kinds that have been silent for `quiet_ms`, and writes them. */
static void flush_quiet(int64_t quiet_ms)
{
    struct kind held[KINDS_MAX];
    size_t count = 0;
    int64_t now_ms = monotonic_ms();
    pthread_mutex_lock(&kinds_lock);
    for (size_t i = 0; i < KINDS_MAX; i++) {
        if (!kinds[i].held_back || now_ms - kinds[i].seen_ms < quiet_ms)
            continue;
        held[count++] = kinds[i];
        kinds[i].held_back = 0;
    }
    uint64_t others = forgotten;
    forgotten = 0;
    pthread_mutex_unlock(&kinds_lock);
    for (size_t i = 0; i < count; i++)
        write_held_back(held[i].level, held[i].event, held[i].held_back);
    if (others)
        write_held_back(LOG_INFO, "log-lines-held-back", others);
}

void log_flush(void)
{
    flush_quiet(0);
}

void log_write(enum log_level level, const char *event, const char *message, ...)
{
    uint64_t more;
    if (!log_enabled(level) || !may_write(level, event, &more))
        return;
    int saved_errno = errno;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct log_line line;
    log_line_begin(&line, atomic_load_explicit(&as_json, memory_order_relaxed), &now, level, event, message);
    if (more)
        log_line_int(&line, "more_of_these", (int64_t)more);
    va_list fields;
    va_start(fields, message);
    add_fields(&line, fields);
    va_end(fields);
    log_line_end(&line);
    write_line(&line);
    if (level != LOG_DEBUG)
        flush_quiet(QUIET_MS);
    errno = saved_errno;
}
