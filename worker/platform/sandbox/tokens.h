/* Who may call: admin tokens and the access tokens of user sessions. Belongs to the sandbox's lock. Secrets are
 * compared in constant time, never printed, and wiped when they are freed. */
#ifndef WORKER_SANDBOX_TOKENS_H
#define WORKER_SANDBOX_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include <warden/status.h>

#include "worker/platform/sandbox/buffer.h"

struct token_entry {
    char *name; /* stands for it in the log */
    char *secret;
    char *refresh;     /* session: the refresh token, else NULL */
    char *user_id;     /* whose session; for an admin token the name under which it flags */
    char *device_id;   /* session, else NULL */
    char *permissions; /* admin: " flag hide " with blanks around each action; NULL: all */
    bool is_admin;
    int64_t issued_at_ms;
    int64_t expires_at_ms; /* INT64_MAX: never */
};

struct tokens;

struct tokens *tokens_new(void);
void tokens_free(struct tokens *tokens);

/* The token that `secret` names and that is valid now, else NULL. */
struct token_entry *tokens_find(const struct tokens *tokens, const char *secret, int64_t now_ms);
bool token_may(const struct token_entry *entry, const char *action);

/* A second token under the same name replaces nothing: WD_ERR_INVALID. `permissions` is a list of action names; NULL:
 * all. */
enum wd_status tokens_add_admin(struct tokens *tokens, const char *name, const char *secret, const json_t *permissions,
                                int64_t expires_at_ms, struct wd_error *err);
/* Ends the admin token `name` at `when_ms`. WD_ERR_NOT_FOUND where there is none. */
enum wd_status tokens_end(struct tokens *tokens, const char *name, int64_t when_ms, struct wd_error *err);

/* A session with new random tokens. What another user had on this device ends. */
struct token_entry *tokens_add_session(struct tokens *tokens, const char *user_id, const char *device_id,
                                       int64_t now_ms, struct wd_error *err);
/* Ends all sessions of a user; returns how many there were. */
unsigned tokens_end_sessions(struct tokens *tokens, const char *user_id);
void tokens_end_one(struct tokens *tokens, const struct token_entry *entry);

/* Equal in constant time for texts of one length. */
bool secret_equal(const char *a, const char *b);

/* Names and times, no secrets. */
void tokens_print(const struct tokens *tokens, int64_t now_ms, struct buffer *out);

#endif
