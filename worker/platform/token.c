/* The admin token and the API key: see token.h. Values are reference-counted generations under one mutex, so that a
 * request that is on its way keeps the one that it was sent with. What always holds: a value is wiped before its memory
 * is given back, and no error text holds a byte of it. Neighbours: client.c, transfer.c. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "worker/platform/token.h"

enum { SECRET_BYTES_MAX = 16 * 1024, FRESH_SECONDS = 2 };

/* What tells that a file is another one or was written again. */
struct identity {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified, changed;
    bool known; /* false: read again in any case */
};

struct value {
    struct token_value public; /* first, so that both have the same address */
    size_t references;
    size_t token_len, api_key_len;
    char token[SECRET_BYTES_MAX + 1];
    char api_key[SECRET_BYTES_MAX + 1];
};

struct token {
    pthread_mutex_t mutex;
    char *token_file, *api_key_file; /* api_key_file may be NULL */
    struct identity token_identity, api_key_identity;
    struct value *current;
    _Atomic uint64_t generation; /* of current: asked for on every call, so without the lock */
};

static void value_free(struct value *value)
{
    if (!value)
        return;
    explicit_bzero(value, sizeof(*value));
    free(value);
}

static bool is_same(const struct identity *a, const struct identity *b)
{
    return a->known && b->known && a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static struct identity identity_of(const struct stat *info)
{
    /* A file that was written a moment ago may be written again within the clock's grain, unseen: look once more. */
    bool is_fresh = llabs((long long)time(NULL) - (long long)info->st_mtim.tv_sec) < FRESH_SECONDS;
    return (struct identity){.device = info->st_dev,
                             .inode = info->st_ino,
                             .size = info->st_size,
                             .modified = info->st_mtim,
                             .changed = info->st_ctim,
                             .known = !is_fresh};
}

static bool has_changed(const char *path, const struct identity *seen)
{
    struct stat info;
    if (!path)
        return false;
    if (stat(path, &info) != 0)
        return true; /* reading it will tell why */
    struct identity now = identity_of(&info);
    now.known = true;
    return !is_same(seen, &now);
}

/* Reads at most `room` bytes; *len_out may be `room`, which the caller takes as too much. */
static enum wd_status read_bytes(const char *path, char *to, size_t room, size_t *len_out, struct identity *identity,
                                 struct wd_error *err)
{
    /* Without O_NONBLOCK a FIFO in the place of the file would hang the worker. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return wd_fail(err, errno == ENOENT ? WD_ERR_NOT_FOUND : WD_ERR_IO, "cannot read %s: %s", path,
                       strerror(errno));
    struct stat info;
    size_t len = 0;
    ssize_t got = -1;
    enum wd_status status = WD_OK;
    if (fstat(fd, &info) != 0)
        status = wd_fail(err, WD_ERR_IO, "cannot read %s: %s", path, strerror(errno));
    else if (!S_ISREG(info.st_mode))
        status = wd_fail(err, WD_ERR_INVALID, "%s is not an ordinary file", path);
    while (status == WD_OK && len < room && (got = read(fd, to + len, room - len)) != 0) {
        if (got > 0)
            len += (size_t)got;
        else if (errno != EINTR)
            status = wd_fail(err, WD_ERR_IO, "cannot read %s: %s", path, strerror(errno));
    }
    close(fd);
    *len_out = len;
    if (status == WD_OK)
        *identity = identity_of(&info);
    return status;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static enum wd_status check_bytes(const char *path, const char *text, size_t len, struct wd_error *err)
{
    if (len == 0)
        return wd_fail(err, WD_ERR_INVALID, "%s is empty: it has to hold the secret and nothing else", path);
    if (len > SECRET_BYTES_MAX)
        return wd_fail(err, WD_ERR_TOO_LARGE, "%s is larger than %d bytes: is it the right file?", path,
                       SECRET_BYTES_MAX);
    if (len >= 7 && strncasecmp(text, "Bearer ", 7) == 0)
        return wd_fail(err, WD_ERR_INVALID, "%s begins with 'Bearer': put only the token into it", path);
    for (size_t i = 0; i < len; i++)
        if (text[i] <= 0x20 || text[i] >= 0x7F)
            return wd_fail(err, WD_ERR_INVALID,
                           "byte %zu of %s cannot stand in an HTTP header: the file has to hold the secret and nothing "
                           "else, in one line",
                           i + 1, path);
    return WD_OK;
}

/* `to` has room for SECRET_BYTES_MAX + 1 bytes. */
static enum wd_status read_secret(const char *path, char *to, size_t *len_out, struct identity *identity,
                                  struct wd_error *err)
{
    char bytes[SECRET_BYTES_MAX + 64]; /* a little more, for white space at the end */
    size_t len = 0;
    enum wd_status status = read_bytes(path, bytes, sizeof(bytes), &len, identity, err);
    while (status == WD_OK && len > 0 && is_space(bytes[len - 1]))
        len--;
    if (status == WD_OK)
        status = check_bytes(path, bytes, len, err);
    if (status == WD_OK) {
        memcpy(to, bytes, len);
        to[len] = '\0';
        *len_out = len;
    }
    explicit_bzero(bytes, sizeof(bytes));
    return status;
}

static enum wd_status read_value(struct token *token, struct value **out, struct identity *token_identity,
                                 struct identity *api_key_identity, struct wd_error *err)
{
    struct value *value = calloc(1, sizeof(*value));
    if (!value)
        return wd_fail(err, WD_ERR_MEMORY, "no memory for the token");
    enum wd_status status = read_secret(token->token_file, value->token, &value->token_len, token_identity, err);
    if (status == WD_OK && token->api_key_file)
        status = read_secret(token->api_key_file, value->api_key, &value->api_key_len, api_key_identity, err);
    if (status != WD_OK) {
        value_free(value);
        return status;
    }
    value->public.token = value->token;
    value->public.api_key = token->api_key_file ? value->api_key : NULL;
    value->references = 1;
    *out = value;
    return WD_OK;
}

struct token *token_new(const char *token_file, const char *api_key_file, struct wd_error *err)
{
    struct token *token = calloc(1, sizeof(*token));
    if (!token) {
        (void)wd_fail(err, WD_ERR_MEMORY, "no memory for the token");
        return NULL;
    }
    pthread_mutex_init(&token->mutex, NULL);
    token->token_file = strdup(token_file);
    token->api_key_file = api_key_file ? strdup(api_key_file) : NULL;
    if (!token->token_file || (api_key_file && !token->api_key_file))
        (void)wd_fail(err, WD_ERR_MEMORY, "no memory for the token");
    else
        (void)read_value(token, &token->current, &token->token_identity, &token->api_key_identity, err);
    if (!token->current) {
        token_free(token);
        return NULL;
    }
    token->current->public.generation = 1;
    token->generation = 1;
    return token;
}

void token_free(struct token *token)
{
    if (!token)
        return;
    value_free(token->current);
    pthread_mutex_destroy(&token->mutex);
    free(token->token_file);
    free(token->api_key_file);
    free(token);
}

static void release_locked(struct value *value)
{
    if (--value->references == 0)
        value_free(value);
}

static bool is_equal(const struct value *a, const struct value *b)
{
    return a->token_len == b->token_len && a->api_key_len == b->api_key_len &&
           memcmp(a->token, b->token, a->token_len) == 0 && memcmp(a->api_key, b->api_key, a->api_key_len) == 0;
}

bool token_reload(struct token *token, struct wd_error *err)
{
    bool is_new = false;
    struct value *value = NULL;
    if (err)
        err->status = WD_OK;
    pthread_mutex_lock(&token->mutex);
    struct identity token_identity, api_key_identity = token->api_key_identity;
    if ((has_changed(token->token_file, &token->token_identity) ||
         has_changed(token->api_key_file, &token->api_key_identity)) &&
        read_value(token, &value, &token_identity, &api_key_identity, err) == WD_OK) {
        token->token_identity = token_identity;
        token->api_key_identity = api_key_identity;
        is_new = !is_equal(value, token->current);
        if (is_new) {
            value->public.generation = token->current->public.generation + 1;
            release_locked(token->current);
            token->current = value;
            token->generation = value->public.generation;
        } else {
            value_free(value);
        }
    }
    pthread_mutex_unlock(&token->mutex);
    return is_new;
}

uint64_t token_generation(const struct token *token)
{
    return token->generation;
}

const struct token_value *token_acquire(struct token *token)
{
    pthread_mutex_lock(&token->mutex);
    struct value *value = token->current;
    value->references++;
    pthread_mutex_unlock(&token->mutex);
    return &value->public;
}

void token_release(struct token *token, const struct token_value *value)
{
    if (!value)
        return;
    pthread_mutex_lock(&token->mutex);
    release_locked((struct value *)value);
    pthread_mutex_unlock(&token->mutex);
}
