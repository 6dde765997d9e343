/* The admin token and the optional API key, read from files and read again when the files change. Shared by all
 * shards: thread-safe. The values are wiped from memory when they are replaced and are never printed. */
#ifndef WORKER_PLATFORM_TOKEN_H
#define WORKER_PLATFORM_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include <warden/status.h>

struct token;

/* `api_key_file` may be NULL. Fails where the token file is missing, empty, over 16 KiB, or holds bytes that cannot
 * stand in an HTTP header. Trailing white space is cut. */
struct token *token_new(const char *token_file, const char *api_key_file, struct wd_error *err);
void token_free(struct token *token);

/* Reads the files again when they have changed (device, inode, size or times, of what a symbolic link leads to);
 * returns true when a value is new. A file that cannot be read, or is empty for a moment, leaves the old values in
 * place and fills `err`: tell it from "nothing new" by err->status, which is WD_OK otherwise. Call it on a timer and
 * after a 401. */
bool token_reload(struct token *token, struct wd_error *err);

/* Counts up with every new value: a 401 for an older generation says nothing about the current one. */
uint64_t token_generation(const struct token *token);

/* The values of one generation. They do not change and stay in memory until the last holder releases them; then they
 * are wiped. Do not print or log them. */
struct token_value {
    uint64_t generation;
    const char *token;   /* NUL-terminated, visible ASCII */
    const char *api_key; /* NULL where none is configured */
};
const struct token_value *token_acquire(struct token *token);
void token_release(struct token *token, const struct token_value *value);

#endif
