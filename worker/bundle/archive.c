/* Writes and reads the one form of archive.h: an entry's header is made anew from name and length and compared byte by
 * byte, so there is nothing in it that could be read in two ways. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/bundle/archive.h"

enum { BLOCK = 512, END_BLOCKS = 2 };

/* The fields of a ustar header that are not zero. */
enum {
    AT_NAME = 0,
    AT_MODE = 100,
    AT_UID = 108,
    AT_GID = 116,
    AT_SIZE = 124,
    AT_TIME = 136,
    AT_SUM = 148,
    AT_TYPE = 156,
    AT_MAGIC = 257,
    AT_DEVICE_MAJOR = 329,
    AT_DEVICE_MINOR = 337
};

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
}

bool archive_name_is_safe(const char *name)
{
    size_t len = strnlen(name, ARCHIVE_NAME_MAX + 1);
    bool at_start = true;
    if (!len || len > ARCHIVE_NAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (at_start ? name[i] == '.' || name[i] == '-' || !is_name_character(name[i])
                     : name[i] != '/' && !is_name_character(name[i]))
            return false;
        at_start = name[i] == '/';
    }
    return !at_start;
}

static size_t padded(size_t len)
{
    return (len + BLOCK - 1) / BLOCK * BLOCK;
}

static void put(char *header, int at, const char *text, size_t len)
{
    memcpy(header + at, text, len);
}

/* `name` is safe and `len` at most ARCHIVE_BYTES_MAX. */
static void make_header(const char *name, size_t len, char *header)
{
    memset(header, 0, BLOCK);
    put(header, AT_NAME, name, strlen(name));
    put(header, AT_MODE, "0000644", 7);
    put(header, AT_UID, "0000000", 7);
    put(header, AT_GID, "0000000", 7);
    snprintf(header + AT_SIZE, 12, "%011zo", len);
    put(header, AT_TIME, "00000000000", 11);
    memset(header + AT_SUM, ' ', 8);
    header[AT_TYPE] = '0';
    put(header, AT_MAGIC, "ustar\00000", 8);
    put(header, AT_DEVICE_MAJOR, "0000000", 7);
    put(header, AT_DEVICE_MINOR, "0000000", 7);
    unsigned sum = 0;
    for (int i = 0; i < BLOCK; i++)
        sum += (unsigned char)header[i];
    snprintf(header + AT_SUM, 8, "%06o", sum);
    header[AT_SUM + 7] = ' ';
}

static enum wd_status check_files(const struct archive_file *files, size_t count, size_t *size_out,
                                  struct wd_error *err)
{
    size_t size = END_BLOCKS * BLOCK;
    if (count > ARCHIVE_FILES_MAX)
        return wd_fail(err, WD_ERR_TOO_LARGE, "%zu files; %d is the most", count, ARCHIVE_FILES_MAX);
    for (size_t i = 0; i < count; i++) {
        if (!archive_name_is_safe(files[i].name))
            return wd_fail(err, WD_ERR_INVALID,
                           "the name '%s' cannot be in a bundle: at most %d letters, digits, '.', '_', '-' and '/'",
                           files[i].name, ARCHIVE_NAME_MAX);
        if (i && strcmp(files[i - 1].name, files[i].name) >= 0)
            return wd_fail(err, WD_ERR_INVALID, "'%s' stands twice or out of order", files[i].name);
        if (files[i].len > ARCHIVE_BYTES_MAX || size > ARCHIVE_BYTES_MAX)
            return wd_fail(err, WD_ERR_TOO_LARGE, "more than %d MiB", ARCHIVE_BYTES_MAX >> 20);
        size += BLOCK + padded(files[i].len);
    }
    if (size > ARCHIVE_BYTES_MAX)
        return wd_fail(err, WD_ERR_TOO_LARGE, "more than %d MiB", ARCHIVE_BYTES_MAX >> 20);
    *size_out = size;
    return WD_OK;
}

enum wd_status archive_write(const struct archive_file *files, size_t count, char **out, size_t *len_out,
                             struct wd_error *err)
{
    size_t size = 0;
    enum wd_status status = check_files(files, count, &size, err);
    if (status != WD_OK)
        return status;
    char *bytes = calloc(1, size);
    if (!bytes)
        return wd_fail(err, WD_ERR_MEMORY, "no memory");
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        make_header(files[i].name, files[i].len, bytes + at);
        if (files[i].len)
            memcpy(bytes + at + BLOCK, files[i].bytes, files[i].len);
        at += BLOCK + padded(files[i].len);
    }
    *out = bytes;
    *len_out = size;
    return WD_OK;
}

/* ---- reading ---- */

static bool is_zero(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i])
            return false;
    return true;
}

static bool read_octal(const char *text, size_t digits, size_t *out)
{
    size_t value = 0;
    for (size_t i = 0; i < digits; i++) {
        if (text[i] < '0' || text[i] > '7')
            return false;
        value = value * 8 + (size_t)(text[i] - '0');
    }
    *out = value;
    return true;
}

/* One entry at the start of `bytes`; *used_out is its length with padding. */
static enum wd_status read_entry(const char *bytes, size_t left, struct archive_file *file, char *name,
                                 size_t *used_out, struct wd_error *err)
{
    char wanted[BLOCK];
    if (left < BLOCK)
        return wd_fail(err, WD_ERR_INVALID, "the archive is cut short");
    memcpy(name, bytes, ARCHIVE_NAME_MAX + 1);
    if (name[ARCHIVE_NAME_MAX] || !archive_name_is_safe(name))
        return wd_fail(err, WD_ERR_INVALID, "an entry has a name that leads elsewhere or is not a plain one");
    if (!read_octal(bytes + AT_SIZE, 11, &file->len) || file->len > ARCHIVE_BYTES_MAX)
        return wd_fail(err, WD_ERR_INVALID, "the entry '%s' has no valid length", name);
    make_header(name, file->len, wanted);
    if (memcmp(bytes, wanted, BLOCK) != 0)
        return wd_fail(err, WD_ERR_INVALID, "the entry '%s' is not a plain file as `warden rules build` writes it",
                       name);
    size_t room = padded(file->len);
    if (room > left - BLOCK)
        return wd_fail(err, WD_ERR_INVALID, "the archive is cut short in '%s'", name);
    file->name = name;
    file->bytes = bytes + BLOCK;
    if (!is_zero(file->bytes + file->len, room - file->len))
        return wd_fail(err, WD_ERR_INVALID, "there is something behind the contents of '%s'", name);
    *used_out = BLOCK + room;
    return WD_OK;
}

static enum wd_status read_entries(const char *bytes, size_t len, struct archive_file *files, char *names,
                                   size_t *count_out, struct wd_error *err)
{
    size_t at = 0, count = 0, end = len - END_BLOCKS * BLOCK;
    while (at < end) {
        size_t used;
        if (count == ARCHIVE_FILES_MAX)
            return wd_fail(err, WD_ERR_TOO_LARGE, "more than %d files", ARCHIVE_FILES_MAX);
        enum wd_status status =
            read_entry(bytes + at, end - at, &files[count], names + count * (ARCHIVE_NAME_MAX + 1), &used, err);
        if (status != WD_OK)
            return status;
        if (count && strcmp(files[count - 1].name, files[count].name) >= 0)
            return wd_fail(err, WD_ERR_INVALID, "the entry '%s' stands twice or out of order", files[count].name);
        count++;
        at += used;
    }
    *count_out = count;
    return WD_OK;
}

enum wd_status archive_read(const char *bytes, size_t len, struct archive_file **files_out, size_t *count_out,
                            struct wd_error *err)
{
    if (len > ARCHIVE_BYTES_MAX)
        return wd_fail(err, WD_ERR_TOO_LARGE, "more than %d MiB", ARCHIVE_BYTES_MAX >> 20);
    if (len < END_BLOCKS * BLOCK || len % BLOCK || !is_zero(bytes + len - END_BLOCKS * BLOCK, END_BLOCKS * BLOCK))
        return wd_fail(err, WD_ERR_INVALID, "this is no bundle, or one that is cut short");
    size_t room = len / BLOCK < ARCHIVE_FILES_MAX ? len / BLOCK : ARCHIVE_FILES_MAX;
    struct archive_file *files = malloc(room * sizeof(*files) + room * (ARCHIVE_NAME_MAX + 1));
    if (!files)
        return wd_fail(err, WD_ERR_MEMORY, "no memory");
    enum wd_status status = read_entries(bytes, len, files, (char *)(files + room), count_out, err);
    if (status != WD_OK) {
        free(files);
        return status;
    }
    *files_out = files;
    return WD_OK;
}

void archive_files_free(struct archive_file *files)
{
    free(files);
}
