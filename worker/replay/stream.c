/* Reads a file and decompresses it on the way. Files made of several compressed pieces, as log rotation and `cat` make
 * them, are read to their end; one that ends in the middle of a piece is an error, not a short history. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>
#include <zstd.h>

#include "worker/replay/stream.h"

enum { INPUT_SIZE = 256 * 1024 };

enum form { FORM_PLAIN, FORM_GZIP, FORM_ZSTD };

struct stream {
    int fd;
    const char *path; /* the caller's */
    enum form form;
    uint64_t position, size;
    char *input;
    size_t start, end; /* what of `input` is not used yet */
    bool at_end;       /* of the file */
    bool is_open;      /* in the middle of a compressed piece */
    z_stream zlib;
    bool has_zlib;
    ZSTD_DStream *zstd;
};

/* Reads on behind what is left; false where the system refuses. */
static bool fill(struct stream *stream, struct wd_error *err)
{
    if (stream->start == stream->end)
        stream->start = stream->end = 0;
    ssize_t got;
    do {
        got = read(stream->fd, stream->input + stream->end, INPUT_SIZE - stream->end);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        wd_fail(err, WD_ERR_IO, "%s: %s", stream->path, strerror(errno));
        return false;
    }
    stream->at_end = got == 0;
    stream->end += (size_t)got;
    stream->position += (uint64_t)got;
    return true;
}

static bool starts_with(const struct stream *stream, const unsigned char *magic, size_t len)
{
    return stream->end - stream->start >= len && memcmp(stream->input + stream->start, magic, len) == 0;
}

/* A pipe may bring its first bytes one by one. */
static bool recognise(struct stream *stream, struct wd_error *err)
{
    static const unsigned char GZIP[] = {0x1f, 0x8b}, ZSTD[] = {0x28, 0xb5, 0x2f, 0xfd};
    while (stream->end < sizeof(ZSTD) && !stream->at_end)
        if (!fill(stream, err))
            return false;
    if (starts_with(stream, GZIP, sizeof(GZIP)))
        stream->form = FORM_GZIP;
    else if (starts_with(stream, ZSTD, sizeof(ZSTD)))
        stream->form = FORM_ZSTD;
    enum { WINDOW_BITS_GZIP = 15 + 16 };
    if (stream->form == FORM_GZIP)
        stream->has_zlib = inflateInit2(&stream->zlib, WINDOW_BITS_GZIP) == Z_OK;
    if (stream->form == FORM_ZSTD)
        stream->zstd = ZSTD_createDStream();
    if ((stream->form == FORM_GZIP && !stream->has_zlib) || (stream->form == FORM_ZSTD && !stream->zstd)) {
        wd_fail(err, WD_ERR_MEMORY, "%s: no memory", stream->path);
        return false;
    }
    return true;
}

struct stream *stream_open(const char *path, struct wd_error *err)
{
    struct stream *stream = calloc(1, sizeof(*stream));
    char *input = malloc(INPUT_SIZE);
    if (!stream || !input) {
        free(stream);
        free(input);
        wd_fail(err, WD_ERR_MEMORY, "%s: no memory", path);
        return NULL;
    }
    bool is_stdin = strcmp(path, "-") == 0;
    *stream = (struct stream){.path = is_stdin ? "standard input" : path, .input = input};
    stream->fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (stream->fd < 0 || fstat(stream->fd, &info) != 0) {
        wd_fail(err, errno == ENOENT ? WD_ERR_NOT_FOUND : WD_ERR_IO, "%s: %s", path, strerror(errno));
        stream_close(stream);
        return NULL;
    }
    if (S_ISREG(info.st_mode))
        stream->size = (uint64_t)info.st_size;
    if (recognise(stream, err))
        return stream;
    stream_close(stream);
    return NULL;
}

void stream_close(struct stream *stream)
{
    if (!stream)
        return;
    if (stream->has_zlib)
        inflateEnd(&stream->zlib);
    ZSTD_freeDStream(stream->zstd);
    if (stream->fd > STDIN_FILENO)
        close(stream->fd);
    free(stream->input);
    free(stream);
}

static ssize_t read_plain(struct stream *stream, char *buffer, size_t size)
{
    size_t some = stream->end - stream->start < size ? stream->end - stream->start : size;
    memcpy(buffer, stream->input + stream->start, some);
    stream->start += some;
    return (ssize_t)some;
}

static ssize_t read_gzip(struct stream *stream, char *buffer, size_t size, struct wd_error *err)
{
    stream->zlib.next_in = (Bytef *)stream->input + stream->start;
    stream->zlib.avail_in = (uInt)(stream->end - stream->start);
    stream->zlib.next_out = (Bytef *)buffer;
    stream->zlib.avail_out = (uInt)size;
    if (!stream->is_open && inflateReset(&stream->zlib) != Z_OK)
        return wd_fail(err, WD_ERR_IO, "%s: gzip cannot begin", stream->path), -1;
    stream->is_open = true;
    int result = inflate(&stream->zlib, Z_NO_FLUSH);
    stream->start = stream->end - stream->zlib.avail_in;
    if (result == Z_STREAM_END)
        stream->is_open = false;
    else if (result != Z_OK && result != Z_BUF_ERROR)
        return wd_fail(err, WD_ERR_IO, "%s: damaged gzip: %s", stream->path,
                       stream->zlib.msg ? stream->zlib.msg : "no more is known"),
               -1;
    return (ssize_t)(size - stream->zlib.avail_out);
}

static ssize_t read_zstd(struct stream *stream, char *buffer, size_t size, struct wd_error *err)
{
    ZSTD_inBuffer in = {.src = stream->input + stream->start, .size = stream->end - stream->start};
    ZSTD_outBuffer out = {.dst = buffer, .size = size};
    size_t result = ZSTD_decompressStream(stream->zstd, &out, &in);
    stream->start += in.pos;
    if (ZSTD_isError(result))
        return wd_fail(err, WD_ERR_IO, "%s: damaged zstd: %s", stream->path, ZSTD_getErrorName(result)), -1;
    stream->is_open = result != 0;
    return (ssize_t)out.pos;
}

ssize_t stream_read(struct stream *stream, char *buffer, size_t size, struct wd_error *err)
{
    size_t limit = size < (1U << 30) ? size : 1U << 30; /* zlib counts in 32 bits */
    for (;;) {
        bool may_hold_output = stream->form != FORM_PLAIN && stream->is_open;
        if (stream->start == stream->end && !stream->at_end && !fill(stream, err))
            return -1;
        if (stream->start == stream->end && stream->at_end && !may_hold_output)
            return 0;
        bool had_input = stream->start < stream->end;
        ssize_t got = stream->form == FORM_GZIP   ? read_gzip(stream, buffer, limit, err)
                      : stream->form == FORM_ZSTD ? read_zstd(stream, buffer, limit, err)
                                                  : read_plain(stream, buffer, limit);
        if (got)
            return got;
        if (!had_input && stream->is_open)
            return wd_fail(err, WD_ERR_IO, "%s: the file ends in the middle: it was cut short", stream->path), -1;
    }
}

uint64_t stream_position(const struct stream *stream)
{
    return stream->position - (stream->end - stream->start);
}

uint64_t stream_size(const struct stream *stream)
{
    return stream->size;
}
