/* Path and body templates of the action table: text with placeholders, compiled once, filled for every call.
 *
 * What always holds: a value can never leave the place that the template gives it. In paths and queries every byte but
 * RFC 3986's unreserved ones is percent-encoded and no segment can become "." or ".."; in bodies the template is a
 * YAML tree, so that quoting and escaping are never written by hand. A value that is absent or empty is an error.
 * Neighbours: table.c. */
#ifndef WORKER_PLATFORM_TEMPLATE_H
#define WORKER_PLATFORM_TEMPLATE_H

#include <warden/arena.h>
#include <warden/diagnostics.h>
#include <warden/document.h>
#include <warden/event.h>
#include <warden/verdict.h>

enum placeholder {
    PLACEHOLDER_CONTENT_ID = 0,
    PLACEHOLDER_CONTENT_TYPE,
    PLACEHOLDER_PARENT_ID,
    PLACEHOLDER_AUTHOR_ID,
    PLACEHOLDER_CHANNEL_ID,   /* of the place; for channel events the channel itself */
    PLACEHOLDER_COMMUNITY_ID, /* the same for communities; else the target where that is a community */
    PLACEHOLDER_TARGET_ID,
    PLACEHOLDER_TARGET_TYPE,
    PLACEHOLDER_EVENT_NAME,
    PLACEHOLDER_DURATION_MS, /* a number; absent where the action has none */
    PLACEHOLDER_COUNT
};

/* What stands for each placeholder. It points into the event and into itself: do not copy it. */
struct template_values {
    struct wd_str of[PLACEHOLDER_COUNT];
    char duration_ms[24];
};
void template_values_init(struct template_values *values, const struct wd_action *action, const struct wd_event *event);

struct template_part;

/* In the arena that it was compiled into. first is NULL where there is no template. */
struct template
{
    struct template_part *first, *last;
};

/* Both report every mistake with its place in `file` and return false where there was one. Memory that is out is a
 * finding as well. */
bool template_compile_path(struct template *out, const struct wd_node *node, const char *file, struct wd_arena *arena,
                           struct wd_diagnostics *findings);
bool template_compile_body(struct template *out, const struct wd_node *node, const char *file, struct wd_arena *arena,
                           struct wd_diagnostics *findings);

/* How often the placeholder stands in it. */
size_t template_count(const struct template *template, enum placeholder placeholder);

/* Fills the placeholders. *out is in the arena and NUL-terminated. *author_out points to where {author_id} stands in
 * it, escaped, and is left alone where there is none. WD_ERR_INVALID: a value is missing, or it cannot
 * stand in this path. WD_ERR_TOO_LARGE: the arena is full. */
enum wd_status template_expand_path(const struct template *path, const struct template_values *values,
                                    struct wd_arena *arena, struct wd_str *out, struct wd_str *author_out,
                                    struct wd_error *err);
enum wd_status template_expand_body(const struct template *body, const struct template_values *values,
                                    struct wd_arena *arena, struct wd_str *out, struct wd_str *author_out,
                                    struct wd_error *err);

#endif
