/* Templates: see template.h. A template is a list of parts, each a piece of fixed text or a placeholder; expanding
 * walks it twice, to measure and to write. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "worker/platform/table.h"
#include "worker/platform/template.h"

struct template_part {
    struct template_part *next;
    struct wd_str literal; /* data NULL: the placeholder */
    enum placeholder placeholder;
};

static const char *const NAMES[PLACEHOLDER_COUNT + 1] = {
    [PLACEHOLDER_CONTENT_ID] = "content_id",
    [PLACEHOLDER_CONTENT_TYPE] = "content_type",
    [PLACEHOLDER_PARENT_ID] = "parent_id",
    [PLACEHOLDER_AUTHOR_ID] = "author_id",
    [PLACEHOLDER_CHANNEL_ID] = "channel_id",
    [PLACEHOLDER_COMMUNITY_ID] = "community_id",
    [PLACEHOLDER_TARGET_ID] = "target_id",
    [PLACEHOLDER_TARGET_TYPE] = "target_type",
    [PLACEHOLDER_EVENT_NAME] = "event_name",
    [PLACEHOLDER_DURATION_MS] = "duration_ms",
    [PLACEHOLDER_COUNT] = NULL,
};

/* Compiling. */

struct compiler {
    struct template *out;
    const char *file;
    struct wd_arena *arena;
    struct wd_diagnostics *findings;
    const struct wd_node *node; /* being compiled, for places */
    bool failed;
};

#define REPORT(compiler, code, line, column, ...)                                                                      \
    do {                                                                                                               \
        (compiler)->failed = true;                                                                                     \
        wd_diagnose((compiler)->findings, WD_ERROR, code, (compiler)->file, line, column, __VA_ARGS__);                \
    } while (0)

static struct template_part *add_part(struct compiler *compiler)
{
    struct template_part *part = wd_arena_zalloc(compiler->arena, 1, sizeof(*part));
    if (!part) {
        REPORT(compiler, "out-of-memory", 0, 0, "the action table is too large for its memory");
        return NULL;
    }
    if (compiler->out->last)
        compiler->out->last->next = part;
    else
        compiler->out->first = part;
    compiler->out->last = part;
    return part;
}

static void add_literal(struct compiler *compiler, const char *text, size_t len)
{
    if (len == 0)
        return;
    struct wd_str copy = wd_arena_copy(compiler->arena, (struct wd_str){.data = text, .len = len});
    struct template_part *part = add_part(compiler);
    if (part && copy.data)
        part->literal = copy;
    else if (part)
        REPORT(compiler, "out-of-memory", 0, 0, "the action table is too large for its memory");
}

static void add_placeholder(struct compiler *compiler, const struct wd_node *node, const char *name, size_t len)
{
    for (int i = 0; i < PLACEHOLDER_COUNT; i++) {
        if (strlen(NAMES[i]) != len || memcmp(NAMES[i], name, len) != 0)
            continue;
        struct template_part *part = add_part(compiler);
        if (part)
            part->placeholder = (enum placeholder)i;
        return;
    }
    char word[64];
    snprintf(word, sizeof(word), "%.*s", (int)len, name);
    int column = node->column + (int)(name - node->text) + (node->quoted ? 1 : 0);
    const char *near = wd_did_you_mean(word, NAMES);
    REPORT(compiler, "unknown-placeholder", node->line, column, "there is no placeholder {%s}%s%s%s", word,
           near ? " (did you mean {" : "", near ? near : "", near ? "}?)" : "");
}

typedef void literal_fn(struct compiler *compiler, const char *text, size_t len);

/* Splits text into fixed pieces, given to `literal`, and placeholders. "{{" and "}}" stand for single braces. */
static void compile_text(struct compiler *compiler, const struct wd_node *node, literal_fn *literal)
{
    const char *from = node->text, *end = node->text + node->text_len;
    compiler->node = node;
    for (const char *at = from; at < end;) {
        if (*at != '{' && *at != '}') {
            at++;
            continue;
        }
        literal(compiler, from, (size_t)(at - from));
        if (at + 1 < end && at[1] == *at) {
            literal(compiler, at, 1);
            from = at += 2;
            continue;
        }
        const char *close = *at == '{' ? memchr(at, '}', (size_t)(end - at)) : NULL;
        if (!close) {
            REPORT(compiler, "bad-template", node->line, node->column + (int)(at - node->text) + (node->quoted ? 1 : 0),
                   "'%c' without its partner: write '%c%c' where a brace is meant", *at, *at, *at);
            return;
        }
        add_placeholder(compiler, node, at + 1, (size_t)(close - at - 1));
        from = at = close + 1;
    }
    literal(compiler, from, (size_t)(end - from));
}

static bool is_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

static bool is_dots(const char *segment, size_t len)
{
    return (len == 1 && segment[0] == '.') || (len == 2 && segment[0] == '.' && segment[1] == '.');
}

/* True where a segment of the path, up to its query, is "." or "..": servers and proxies take those as steps. */
static bool has_dot_segment(const char *path, size_t len)
{
    const char *query = memchr(path, '?', len);
    const char *end = query ? query : path + len;
    for (const char *from = path; from < end;) {
        const char *slash = memchr(from, '/', (size_t)(end - from));
        const char *to = slash ? slash : end;
        if (is_dots(from, (size_t)(to - from)))
            return true;
        from = to + 1;
    }
    return false;
}

static bool is_allowed_in_path(const char *at)
{
    unsigned char c = (unsigned char)*at;
    if (c == '%') /* percent-encoded by hand, but never a dot or a slash */
        return strchr("0123456789abcdefABCDEF", at[1]) && at[1] && strchr("0123456789abcdefABCDEF", at[2]) && at[2] &&
               strncasecmp(at, "%2e", 3) != 0 && strncasecmp(at, "%2f", 3) != 0;
    return is_unreserved(c) || (c && strchr("/?&=:@!$'()*+,;{}", c));
}

/* Braces have no place in a path, so that "{{" is a slip there. */
static void add_path_literal(struct compiler *compiler, const char *text, size_t len)
{
    if (len == 1 && (*text == '{' || *text == '}'))
        REPORT(compiler, "bad-path", compiler->node->line, compiler->node->column,
               "a brace cannot stand in a path: percent-encode it (%%%02X)", *text);
    add_literal(compiler, text, len);
}

bool template_compile_path(struct template *out, const struct wd_node *node, const char *file, struct wd_arena *arena,
                           struct wd_diagnostics *findings)
{
    struct compiler compiler = {.out = out, .file = file, .arena = arena, .findings = findings};
    *out = (struct template){0};
    if (node->kind != WD_NODE_SCALAR || node->text[0] != '/' || node->text[1] == '/') {
        REPORT(&compiler, "bad-path", node->line, node->column, "a path begins with one '/', as in /api/v3/posts");
        return false;
    }
    for (const char *at = node->text; *at; at++)
        if (!is_allowed_in_path(at)) {
            REPORT(&compiler, "bad-path", node->line, node->column + (int)(at - node->text) + (node->quoted ? 1 : 0),
                   "this character cannot stand in a path: percent-encode it (%%%02X)", (unsigned char)*at);
            break;
        }
    if (has_dot_segment(node->text, node->text_len))
        REPORT(&compiler, "bad-path", node->line, node->column, "a path must not have '.' or '..' as a segment");
    compile_text(&compiler, node, add_path_literal);
    return !compiler.failed;
}

/* Bodies. */

/* How many bytes `c` takes inside a JSON string; writes them where `to` is not NULL. */
static size_t escape_json(unsigned char c, char *to)
{
    static const char SHORT[][3] = {['\b'] = "\\b", ['\f'] = "\\f", ['\n'] = "\\n", ['\r'] = "\\r",
                                    ['\t'] = "\\t", ['"'] = "\\\"", ['\\'] = "\\\\"};
    if (c < sizeof(SHORT) / sizeof(SHORT[0]) && SHORT[c][0]) {
        if (to)
            memcpy(to, SHORT[c], 2);
        return 2;
    }
    if (c >= 0x20) {
        if (to)
            *to = (char)c;
        return 1;
    }
    static const char HEX[] = "0123456789abcdef";
    if (to)
        memcpy(to, (char[]){'\\', 'u', '0', '0', HEX[c >> 4], HEX[c & 15]}, 6);
    return 6;
}

static void add_json_literal(struct compiler *compiler, const char *text, size_t len)
{
    size_t needed = 0;
    for (size_t i = 0; i < len; i++)
        needed += escape_json((unsigned char)text[i], NULL);
    char *escaped = needed ? wd_arena_alloc(compiler->arena, needed) : NULL;
    if (!escaped) {
        if (needed)
            REPORT(compiler, "out-of-memory", 0, 0, "the action table is too large for its memory");
        return;
    }
    char *to = escaped;
    for (size_t i = 0; i < len; i++)
        to += escape_json((unsigned char)text[i], to);
    add_literal(compiler, escaped, needed);
}

static void compile_string(struct compiler *compiler, const struct wd_node *node)
{
    add_literal(compiler, "\"", 1);
    compile_text(compiler, node, add_json_literal);
    add_literal(compiler, "\"", 1);
}

static void compile_scalar(struct compiler *compiler, const struct wd_node *node)
{
    char number[40];
    bool flag;
    int64_t whole;
    double real;
    if (wd_node_is_null(node))
        add_literal(compiler, "null", 4);
    else if (wd_node_bool(node, &flag))
        add_literal(compiler, flag ? "true" : "false", flag ? 4 : 5);
    else if (wd_node_int(node, &whole))
        add_literal(compiler, number, (size_t)snprintf(number, sizeof(number), "%" PRId64, whole));
    else if (wd_node_double(node, &real) && real - real == 0) /* JSON knows no infinity */
        add_literal(compiler, number, (size_t)snprintf(number, sizeof(number), "%.17g", real));
    else if (strcmp(node->text, "{duration_ms}") == 0) /* the one placeholder that is a number, standing alone */
        add_placeholder(compiler, node, node->text + 1, node->text_len - 2);
    else
        compile_string(compiler, node);
}

/* `key: {author_id}` without quotes is a map to YAML. */
static bool is_unquoted_placeholder(const struct wd_node *node)
{
    if (node->kind != WD_NODE_MAP || node->count != 1 || !node->first->key || !wd_node_is_null(node->first))
        return false;
    for (int i = 0; i < PLACEHOLDER_COUNT; i++)
        if (strcmp(node->first->key->text, NAMES[i]) == 0)
            return true;
    return false;
}

static void compile_node(struct compiler *compiler, const struct wd_node *node)
{
    if (node->kind == WD_NODE_SCALAR) {
        compile_scalar(compiler, node);
        return;
    }
    if (is_unquoted_placeholder(node)) {
        REPORT(compiler, "bad-template", node->line, node->column, "put the placeholder in quotes: \"{%s}\"",
               node->first->key->text);
        return;
    }
    bool is_map = node->kind == WD_NODE_MAP;
    add_literal(compiler, is_map ? "{" : "[", 1);
    for (const struct wd_node *child = node->first; child; child = child->next) {
        if (child != node->first)
            add_literal(compiler, ",", 1);
        if (is_map) {
            add_literal(compiler, "\"", 1);
            add_json_literal(compiler, child->key->text, child->key->text_len);
            add_literal(compiler, "\":", 2);
        }
        compile_node(compiler, child);
    }
    add_literal(compiler, is_map ? "}" : "]", 1);
}

bool template_compile_body(struct template *out, const struct wd_node *node, const char *file, struct wd_arena *arena,
                           struct wd_diagnostics *findings)
{
    struct compiler compiler = {.out = out, .file = file, .arena = arena, .findings = findings};
    *out = (struct template){0};
    compile_node(&compiler, node);
    return !compiler.failed;
}

/* Expanding. */

static size_t escape_percent(unsigned char c, char *to)
{
    static const char HEX[] = "0123456789ABCDEF";
    if (is_unreserved(c)) {
        if (to)
            *to = (char)c;
        return 1;
    }
    if (to)
        memcpy(to, (char[]){'%', HEX[c >> 4], HEX[c & 15]}, 3);
    return 3;
}

typedef size_t escape_fn(unsigned char c, char *to);

size_t template_count(const struct template *template, enum placeholder placeholder)
{
    size_t count = 0;
    for (const struct template_part *part = template->first; part; part = part->next)
        count += !part->literal.data && part->placeholder == placeholder;
    return count;
}

/* Measures where `to` is NULL, else writes. */
static size_t expand(const struct template *template, const struct template_values *values, escape_fn *escape, char *to,
                     struct wd_str *author_out)
{
    size_t length = 0;
    for (const struct template_part *part = template->first; part; part = part->next) {
        if (part->literal.data) {
            if (to)
                memcpy(to + length, part->literal.data, part->literal.len);
            length += part->literal.len;
            continue;
        }
        struct wd_str value = values->of[part->placeholder];
        size_t at = length;
        for (size_t i = 0; i < value.len; i++)
            length += escape((unsigned char)value.data[i], to ? to + length : NULL);
        if (to && part->placeholder == PLACEHOLDER_AUTHOR_ID)
            *author_out = (struct wd_str){.data = to + at, .len = length - at};
    }
    return length;
}

static enum wd_status expand_into(const struct template *template, const struct template_values *values,
                                  escape_fn *escape, struct wd_arena *arena, struct wd_str *out,
                                  struct wd_str *author_out, struct wd_error *err)
{
    for (const struct template_part *part = template->first; part; part = part->next)
        if (!part->literal.data && values->of[part->placeholder].len == 0)
            return wd_fail(err, WD_ERR_INVALID, "the call needs {%s} and the event has none", NAMES[part->placeholder]);
    size_t length = expand(template, values, escape, NULL, author_out);
    char *text = wd_arena_alloc(arena, length + 1);
    if (!text)
        return wd_fail(err, WD_ERR_TOO_LARGE, "no room in the event's memory for a call of %zu bytes", length);
    expand(template, values, escape, text, author_out);
    text[length] = '\0';
    *out = (struct wd_str){.data = text, .len = length};
    return WD_OK;
}

enum wd_status template_expand_path(const struct template *path, const struct template_values *values,
                                    struct wd_arena *arena, struct wd_str *out, struct wd_str *author_out,
                                    struct wd_error *err)
{
    struct wd_str built;
    enum wd_status status = expand_into(path, values, escape_percent, arena, &built, author_out, err);
    if (status != WD_OK)
        return status;
    if (built.len > PLATFORM_PATH_BYTES_MAX)
        return wd_fail(err, WD_ERR_INVALID, "the path would be %zu bytes long, more than %d", built.len,
                       PLATFORM_PATH_BYTES_MAX);
    if (has_dot_segment(built.data, built.len))
        return wd_fail(err, WD_ERR_INVALID, "an id of the event is '.' or '..', which cannot stand in a path");
    *out = built;
    return WD_OK;
}

enum wd_status template_expand_body(const struct template *body, const struct template_values *values,
                                    struct wd_arena *arena, struct wd_str *out, struct wd_str *author_out,
                                    struct wd_error *err)
{
    return expand_into(body, values, escape_json, arena, out, author_out, err);
}
