/* The names that people read and write for the enumerations of the public headers. */
#include <warden/event.h>
#include <warden/verdict.h>

#define NAME_OF(table, value) ((size_t)(value) < sizeof(table) / sizeof((table)[0]) ? (table)[value] : "unknown")

static const char *const CONTENT_TYPES[] = {"other", "message", "post",    "comment",
                                            "story", "user",    "channel", "community"};
static const char *const TEXT_FIELDS[] = {"text", "title", "description", "display_name", "link_text", "author_name"};
static const char *const ACTION_KINDS[] = {"flag", "unflag", "hide",  "delete", "approve",         "decline",
                                           "mute", "ban",    "unban", "remove", "revoke_sessions", "notify"};
static const char *const SCOPES[] = {"", "channel", "community", "global"};
static const char *const MODES[] = {"off", "shadow", "enforce", "sample"};
static const char *const VIEWS[] = {"plain", "folded",   "stripped", "confusable",
                                    "leet",  "squeezed", "decoded",  "links"};
static const char *const HOLDS[] = {"human_decision", "quota", "ban_rate"};

_Static_assert(sizeof(CONTENT_TYPES) / sizeof(*CONTENT_TYPES) == WD_CONTENT_TYPE_COUNT, "one name a content type");
_Static_assert(sizeof(TEXT_FIELDS) / sizeof(*TEXT_FIELDS) == WD_TEXT_FIELD_COUNT, "one name a field");
_Static_assert(sizeof(ACTION_KINDS) / sizeof(*ACTION_KINDS) == WD_ACTION_KIND_COUNT, "one name an action");
_Static_assert(sizeof(SCOPES) / sizeof(*SCOPES) == WD_SCOPE_COUNT, "one name a scope");
_Static_assert(sizeof(VIEWS) / sizeof(*VIEWS) == WD_VIEW_COUNT, "one name a view");
_Static_assert(sizeof(HOLDS) / sizeof(*HOLDS) == WD_HOLD_COUNT, "one name a hold");

const char *wd_content_type_name(enum wd_content_type type)
{
    return NAME_OF(CONTENT_TYPES, type);
}

const char *wd_text_field_name(enum wd_text_field field)
{
    return NAME_OF(TEXT_FIELDS, field);
}

const char *wd_action_kind_name(enum wd_action_kind kind)
{
    return NAME_OF(ACTION_KINDS, kind);
}

const char *wd_scope_name(enum wd_scope scope)
{
    return NAME_OF(SCOPES, scope);
}

const char *wd_mode_name(enum wd_mode mode)
{
    return NAME_OF(MODES, mode);
}

const char *wd_view_name(enum wd_view_kind view)
{
    return NAME_OF(VIEWS, view);
}

const char *wd_hold_name(enum wd_hold hold)
{
    return NAME_OF(HOLDS, hold);
}
