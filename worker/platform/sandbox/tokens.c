/* Admin tokens and sessions. Neighbours: api.c asks it for every call, sessions.c makes and ends sessions. */
#include "worker/platform/sandbox/tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { TOKEN_CAP = 10000 };
#define SESSION_LIFE_MS (30ll * 24 * 3600 * 1000)

struct tokens {
    struct token_entry **items;
    size_t count;
};

struct tokens *tokens_new(void)
{
    return calloc(1, sizeof(struct tokens));
}

static void wipe(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

static void entry_free(struct token_entry *entry)
{
    if (!entry)
        return;
    wipe(entry->secret);
    wipe(entry->refresh);
    free(entry->name);
    free(entry->user_id);
    free(entry->device_id);
    free(entry->permissions);
    free(entry);
}

void tokens_free(struct tokens *tokens)
{
    if (!tokens)
        return;
    for (size_t i = 0; i < tokens->count; i++)
        entry_free(tokens->items[i]);
    free(tokens->items);
    free(tokens);
}

bool secret_equal(const char *a, const char *b)
{
    size_t len = strlen(a);
    if (len != strlen(b))
        return false;
    volatile unsigned char difference = 0;
    for (size_t i = 0; i < len; i++)
        difference |= (unsigned char)(a[i] ^ b[i]);
    return difference == 0;
}

struct token_entry *tokens_find(const struct tokens *tokens, const char *secret, int64_t now_ms)
{
    for (size_t i = 0; i < tokens->count; i++)
        if (tokens->items[i]->expires_at_ms > now_ms && secret_equal(tokens->items[i]->secret, secret))
            return tokens->items[i];
    return NULL;
}

bool token_may(const struct token_entry *entry, const char *action)
{
    if (!entry->permissions)
        return true;
    char wanted[64];
    snprintf(wanted, sizeof(wanted), " %s ", action);
    return strstr(entry->permissions, wanted) != NULL;
}

/* Takes the entry over, also on failure. */
static enum wd_status keep(struct tokens *tokens, struct token_entry *entry, struct wd_error *err)
{
    bool is_whole = entry && entry->name && entry->secret && entry->user_id;
    if (is_whole && tokens->count >= TOKEN_CAP) {
        entry_free(entry);
        return wd_fail(err, WD_ERR_TOO_LARGE, "more than %d tokens and sessions", TOKEN_CAP);
    }
    struct token_entry **items =
        is_whole ? realloc(tokens->items, (tokens->count + 1) * sizeof(struct token_entry *)) : NULL;
    if (!items) {
        entry_free(entry);
        return wd_fail(err, WD_ERR_MEMORY, "no memory for a token");
    }
    items[tokens->count++] = entry;
    tokens->items = items;
    return WD_OK;
}

static enum wd_status copy_permissions(const json_t *permissions, char **out, struct wd_error *err)
{
    struct buffer text = {0};
    buffer_text(&text, " ");
    for (size_t i = 0; i < json_array_size(permissions); i++) {
        const char *name = json_string_value(json_array_get(permissions, i));
        if (!name) {
            buffer_free(&text);
            return wd_fail(err, WD_ERR_INVALID, "'permissions' must be a list of action names");
        }
        buffer_format(&text, "%s ", name);
    }
    *out = text.failed ? NULL : text.data;
    return *out ? WD_OK : wd_fail(err, WD_ERR_MEMORY, "no memory for a token");
}

enum wd_status tokens_add_admin(struct tokens *tokens, const char *name, const char *secret, const json_t *permissions,
                                int64_t expires_at_ms, struct wd_error *err)
{
    if (!*name || strlen(secret) < 1)
        return wd_fail(err, WD_ERR_INVALID, "a token needs a name and at least one character");
    for (size_t i = 0; i < tokens->count; i++)
        if (strcmp(tokens->items[i]->name, name) == 0)
            return wd_fail(err, WD_ERR_INVALID, "there is a token '%s' already", name);
    struct token_entry *entry = calloc(1, sizeof(*entry));
    if (!entry)
        return wd_fail(err, WD_ERR_MEMORY, "no memory for a token");
    if (json_is_array(permissions)) {
        enum wd_status status = copy_permissions(permissions, &entry->permissions, err);
        if (status != WD_OK) {
            entry_free(entry);
            return status;
        }
    }
    entry->is_admin = true;
    entry->name = strdup(name);
    entry->secret = strdup(secret);
    /* All admin tokens act as one administrator: a rotated token is no second flagger. */
    entry->user_id = strdup("admin");
    entry->expires_at_ms = expires_at_ms;
    return keep(tokens, entry, err);
}

enum wd_status tokens_end(struct tokens *tokens, const char *name, int64_t when_ms, struct wd_error *err)
{
    for (size_t i = 0; i < tokens->count; i++) {
        if (strcmp(tokens->items[i]->name, name) != 0)
            continue;
        tokens->items[i]->expires_at_ms = when_ms;
        return WD_OK;
    }
    return wd_fail(err, WD_ERR_NOT_FOUND, "there is no token '%s'", name);
}

static char *random_secret(void)
{
    unsigned char bytes[24];
    char *text = malloc(sizeof(bytes) * 2 + 1);
    if (!text || getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) {
        free(text);
        return NULL;
    }
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    return text;
}

static void remove_at(struct tokens *tokens, size_t index)
{
    entry_free(tokens->items[index]);
    tokens->items[index] = tokens->items[--tokens->count];
}

static void end_device(struct tokens *tokens, const char *user_id, const char *device_id)
{
    for (size_t i = tokens->count; i-- > 0;) {
        const struct token_entry *entry = tokens->items[i];
        if (!entry->is_admin && strcmp(entry->device_id, device_id) == 0 && strcmp(entry->user_id, user_id) != 0)
            remove_at(tokens, i);
    }
}

struct token_entry *tokens_add_session(struct tokens *tokens, const char *user_id, const char *device_id,
                                       int64_t now_ms, struct wd_error *err)
{
    end_device(tokens, user_id, device_id);
    struct token_entry *entry = calloc(1, sizeof(*entry));
    if (entry) {
        char name[80];
        snprintf(name, sizeof(name), "session of %s", user_id);
        entry->name = strdup(name);
        entry->secret = random_secret();
        entry->refresh = random_secret();
        entry->user_id = strdup(user_id);
        entry->device_id = strdup(device_id);
        entry->issued_at_ms = now_ms;
        entry->expires_at_ms = now_ms + SESSION_LIFE_MS;
        if (!entry->refresh || !entry->device_id) {
            entry_free(entry);
            entry = NULL;
        }
    }
    return keep(tokens, entry, err) == WD_OK ? entry : NULL;
}

unsigned tokens_end_sessions(struct tokens *tokens, const char *user_id)
{
    unsigned ended = 0;
    for (size_t i = tokens->count; i-- > 0;) {
        if (tokens->items[i]->is_admin || strcmp(tokens->items[i]->user_id, user_id) != 0)
            continue;
        remove_at(tokens, i);
        ended++;
    }
    return ended;
}

void tokens_end_one(struct tokens *tokens, const struct token_entry *entry)
{
    for (size_t i = 0; i < tokens->count; i++) {
        if (tokens->items[i] != entry)
            continue;
        remove_at(tokens, i);
        return;
    }
}

void tokens_print(const struct tokens *tokens, int64_t now_ms, struct buffer *out)
{
    buffer_text(out, "{\"tokens\":[");
    for (size_t i = 0; i < tokens->count; i++) {
        const struct token_entry *entry = tokens->items[i];
        buffer_text(out, i ? ",{\"name\":" : "{\"name\":");
        buffer_json(out, entry->name);
        buffer_format(out, ",\"isAdmin\":%s,\"isValid\":%s}", entry->is_admin ? "true" : "false",
                      entry->expires_at_ms > now_ms ? "true" : "false");
    }
    buffer_text(out, "]}");
}
