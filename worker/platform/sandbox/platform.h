/* The platform behind the HTTP: its state and its calls. Belongs to the sandbox's lock. */
#ifndef WORKER_SANDBOX_PLATFORM_H
#define WORKER_SANDBOX_PLATFORM_H

#include "worker/platform/sandbox/call.h"
#include "worker/platform/sandbox/tokens.h"

/* One entry of the platform's own word lists. */
struct list_rule {
    uint64_t id;
    char *regex;
    bool exact_word;
};

struct word_list {
    struct list_rule *items;
    size_t count;
};

struct platform {
    struct objects *objects;
    struct tokens *tokens;
    char *api_key; /* NULL: none is accepted */
    bool strict_objects;
    json_int_t report_min_users;
    json_t *settings; /* section name -> object */
    char *prehook_secret;
    struct word_list blocklist, allowlist;
    uint64_t last_rule_id;
};

enum access { ACCESS_ADMIN, ACCESS_ADMIN_OR_KEY, ACCESS_ANY_TOKEN, ACCESS_API_KEY, ACCESS_NONE };

/* Ids in a pattern: '*' names the object, '+' the place. */
struct route {
    const char *method, *pattern;
    const char *action; /* "" where it is no moderation call */
    enum object_type object, place;
    enum access access;
    void (*serve)(struct platform *platform, struct call *call);
};

enum wd_status platform_init(struct platform *platform, const char *api_key, bool strict_objects, struct wd_error *err);
void platform_fini(struct platform *platform);

/* Finds the route and fills what the call is about; where there is none the call is refused and false returned. */
bool platform_route(struct call *call);
/* Checks the token and carries the call out. */
void platform_serve(struct platform *platform, struct call *call);

int64_t platform_now_ms(void);

/* Handlers, by file. */
extern const struct route MODERATION_ROUTES[], PLACE_ROUTES[], USER_ROUTES[], SETTING_ROUTES[], LIST_ROUTES[];

/* The object that the call names: made where needed. NULL where it does not exist (strict) or is deleted for good, or
 * hidden and `hidden_too` is false; the call is then refused. */
struct object *platform_object(struct platform *platform, struct call *call, bool hidden_too);
struct object *platform_user(struct platform *platform, struct call *call, const char *user_id);
struct object *platform_place(struct platform *platform, struct call *call);
/* Fills call->user_ids with whom the call names, before anything is checked: for the log and for faults. */
void platform_name_users(struct call *call);
/* Fills call->token where it is a good one, for the log and for permissions. */
void platform_name_token(struct platform *platform, struct call *call);
/* Reads {"userIds":[1..100]} or ?userIds= into call->user_ids. False: the call is refused. */
bool platform_user_ids(struct call *call);
/* Writes {"<plural>":[object]} as the answer and ends the call well. */
void platform_show(struct call *call, const struct object *object);

#endif
