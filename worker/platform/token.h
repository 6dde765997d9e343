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

/* Reads the files again when they have changed (device, inode, size or times); returns true when the value is new. A
 * file that cannot be read leaves the old value in place and fills `err`. Call it on a timer and after a 401. */
bool token_reload(struct token *token, struct wd_error *err);

/* Counts up with every new value: a 401 for an older generation says nothing about the current one. */
uint64_t token_generation(const struct token *token);

#endif
