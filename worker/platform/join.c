/* Joining calls: see join.h. The author stands escaped in path or body; what is before and after is the frame, and a
 * joined call is the frame with all authors and separators between. Neighbours: table.c, worker/dispatch/flights.c. */
#include <stdlib.h>
#include <string.h>

#include "worker/platform/join.h"

/* In a query as a path of its own; a body as large as a page of text, though servers take more. */
enum { BODY_BYTES_MAX = 64 * 1024 };

struct parts {
    struct wd_str before, author, after; /* of the text that holds the author */
    struct wd_str other;                 /* the text that does not */
};

static struct parts parts_of(const struct platform_call *call)
{
    struct wd_str text = call->batch->in_query ? call->path : call->body;
    size_t at = (size_t)(call->author.data - text.data), end = at + call->author.len;
    return (struct parts){.before = {text.data, at},
                          .author = call->author,
                          .after = {text.data + end, text.len - end},
                          .other = call->batch->in_query ? call->body : call->path};
}

static uint64_t mix(uint64_t hash, struct wd_str text)
{
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * 1099511628211u;
    return (hash ^ text.len) * 1099511628211u;
}

uint64_t platform_call_frame(const struct platform_call *call)
{
    struct parts parts = parts_of(call);
    return mix(mix(mix(14695981039346656037u ^ call->entry, parts.before), parts.after), parts.other);
}

bool platform_calls_fit(const struct platform_call *a, const struct platform_call *b)
{
    if (a->entry != b->entry || a->batch != b->batch)
        return false;
    struct parts of_a = parts_of(a), of_b = parts_of(b);
    return wd_str_equal(of_a.before, of_b.before) && wd_str_equal(of_a.after, of_b.after) &&
           wd_str_equal(of_a.other, of_b.other);
}

/* "," between two quotes, or "&userIds=". */
static size_t separator_bytes(const struct action_batch *batch)
{
    return batch->in_query ? strlen(batch->field) + 2 : 3;
}

static char *put(char *to, struct wd_str text)
{
    if (text.len)
        memcpy(to, text.data, text.len);
    return to + text.len;
}

static char *put_separator(char *to, const struct action_batch *batch)
{
    if (!batch->in_query)
        return put(to, wd_str_from("\",\""));
    return put(put(put(to, wd_str_from("&")), wd_str_from(batch->field)), wd_str_from("="));
}

size_t platform_call_share_bytes(const struct platform_call *call)
{
    return call->author.len + separator_bytes(call->batch);
}

size_t platform_call_room_bytes(const struct platform_call *call)
{
    size_t most = call->batch->in_query ? PLATFORM_PATH_BYTES_MAX : BODY_BYTES_MAX;
    size_t own = call->batch->in_query ? call->path.len : call->body.len;
    return own < most ? most - own : 0;
}

enum wd_status platform_calls_join(const struct platform_call *call, const struct platform_call *const *others,
                                   size_t count, char **text_out, struct platform_call *joined_out,
                                   struct wd_error *err)
{
    struct parts parts = parts_of(call);
    size_t bytes = parts.before.len + parts.author.len + parts.after.len;
    for (size_t i = 0; i < count; i++)
        bytes += platform_call_share_bytes(others[i]);
    char *text = malloc(bytes + 1);
    if (!text)
        return wd_fail(err, WD_ERR_MEMORY, "no memory for a call of %zu bytes", bytes);
    char *to = put(put(text, parts.before), parts.author);
    for (size_t i = 0; i < count; i++)
        to = put(put_separator(to, call->batch), others[i]->author);
    *put(to, parts.after) = '\0';
    *text_out = text;
    *joined_out = *call;
    *(call->batch->in_query ? &joined_out->path : &joined_out->body) = (struct wd_str){.data = text, .len = bytes};
    joined_out->author = (struct wd_str){0};
    joined_out->batch = NULL;
    return WD_OK;
}
