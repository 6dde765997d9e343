/* Answer lists: see answer.h. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "worker/platform/answer.h"

enum { WEIGHT_CLASS = 1, WEIGHT_STATUS = 2, WEIGHT_CODE = 4, WEIGHT_MESSAGE = 8 };

static const char *const LIST_KEYS[] = {"done", "already", "retry", "permanent", "stop", NULL};
static const enum outcome_class LIST_CLASSES[] = {OUTCOME_DONE, OUTCOME_ALREADY, OUTCOME_RETRY, OUTCOME_PERMANENT,
                                                  OUTCOME_STOP};
static const char *const CONDITION_KEYS[] = {"status", "code", "message", NULL};

struct reader {
    const char *file;
    struct wd_arena *arena;
    struct wd_diagnostics *findings;
    bool failed;
};

#define REPORT(reader, code, node, ...)                                                                                \
    do {                                                                                                               \
        (reader)->failed = true;                                                                                       \
        wd_diagnose((reader)->findings, WD_ERROR, code, (reader)->file, (node)->line, (node)->column, __VA_ARGS__);    \
    } while (0)

static void report_unknown_key(struct reader *reader, const struct wd_node *key, const char *const *known,
                               const char *place)
{
    const char *near = wd_did_you_mean(key->text, known);
    REPORT(reader, "unknown-key", key, "'%s' is not known %s%s%s%s", key->text, place, near ? " (did you mean '" : "",
           near ? near : "", near ? "'?)" : "");
}

static bool read_status(const struct wd_node *node, struct answer_condition *condition)
{
    int64_t number;
    const char *text = node->kind == WD_NODE_SCALAR ? node->text : "";
    if (text[0] >= '1' && text[0] <= '5' && strcasecmp(text + 1, "xx") == 0) {
        condition->status_from = (text[0] - '0') * 100;
        condition->status_to = condition->status_from + 99;
        condition->weight += WEIGHT_CLASS;
        return true;
    }
    if (!wd_node_int(node, &number) || number < 100 || number > 599)
        return false;
    condition->status_from = condition->status_to = (int)number;
    condition->weight += WEIGHT_STATUS;
    return true;
}

static bool read_code(const struct wd_node *node, struct answer_condition *condition)
{
    int64_t number;
    if (!wd_node_int(node, &number) || number < 100000 || number > 999999)
        return false;
    condition->code = (int)number;
    condition->weight += WEIGHT_CODE;
    return true;
}

static bool read_message(struct reader *reader, const struct wd_node *node, struct answer_condition *condition)
{
    if (node->kind != WD_NODE_SCALAR || node->text_len == 0)
        return false;
    struct wd_str copy = wd_arena_copy(reader->arena, (struct wd_str){.data = node->text, .len = node->text_len});
    condition->message = copy.data;
    condition->weight += WEIGHT_MESSAGE;
    return copy.data != NULL;
}

static void read_condition_map(struct reader *reader, const struct wd_node *node, struct answer_condition *condition)
{
    if (!node->first)
        REPORT(reader, "bad-answer", node, "an empty condition: give 'status', 'code' or 'message'");
    for (const struct wd_node *value = node->first; value; value = value->next) {
        if (strcmp(value->key->text, "status") == 0) {
            if (!read_status(value, condition))
                REPORT(reader, "bad-answer", value, "'status' is a number from 100 to 599 or a class as 4xx");
        } else if (strcmp(value->key->text, "code") == 0) {
            if (!read_code(value, condition))
                REPORT(reader, "bad-answer", value, "'code' is a platform code of six digits, as 400300");
        } else if (strcmp(value->key->text, "message") == 0) {
            if (!read_message(reader, value, condition))
                REPORT(reader, "bad-answer", value, "'message' is a part of the platform's message");
        } else {
            report_unknown_key(reader, value->key, CONDITION_KEYS, "in a condition");
        }
    }
}

static void read_condition(struct reader *reader, const struct wd_node *node, struct answer_condition *condition)
{
    if (node->kind == WD_NODE_MAP)
        read_condition_map(reader, node, condition);
    else if (!read_status(node, condition) && !read_code(node, condition))
        REPORT(reader, "bad-answer", node,
               "want an HTTP status (404), a class (4xx), a platform code (400300) or {status, code, message}");
}

static size_t count_conditions(struct reader *reader, const struct wd_node *node)
{
    size_t count = 0;
    for (const struct wd_node *list = node->first; list; list = list->next)
        if (list->kind == WD_NODE_LIST)
            count += list->count;
        else
            REPORT(reader, "bad-answer", list, "want a list, as [404, 4xx, 400300]");
    return count;
}

static bool key_class(const char *key, enum outcome_class *out)
{
    for (size_t i = 0; LIST_KEYS[i]; i++)
        if (strcmp(key, LIST_KEYS[i]) == 0) {
            *out = LIST_CLASSES[i];
            return true;
        }
    return false;
}

bool answer_list_read(struct answer_list *out, const struct wd_node *node, const char *file, struct wd_arena *arena,
                      struct wd_diagnostics *findings)
{
    struct reader reader = {.file = file, .arena = arena, .findings = findings};
    *out = (struct answer_list){0};
    if (node->kind != WD_NODE_MAP) {
        REPORT(&reader, "bad-answer", node, "want a map of done, already, retry, permanent, stop to lists of answers");
        return false;
    }
    size_t count = count_conditions(&reader, node);
    struct answer_condition *items = wd_arena_zalloc(arena, count, sizeof(*items));
    if (!items) {
        REPORT(&reader, "out-of-memory", node, "the action table is too large for its memory");
        return false;
    }
    size_t used = 0;
    for (const struct wd_node *list = node->first; list; list = list->next) {
        enum outcome_class class;
        if (!key_class(list->key->text, &class)) {
            report_unknown_key(&reader, list->key, LIST_KEYS, "as an outcome");
            continue;
        }
        for (const struct wd_node *entry = list->kind == WD_NODE_LIST ? list->first : NULL; entry;
             entry = entry->next) {
            struct answer_condition *item = &items[used++];
            item->class = class;
            read_condition(&reader, entry, item);
            if ((item->code || item->message) && item->status_from >= 200 && item->status_from < 300)
                out->reads_success = true;
        }
    }
    out->items = items;
    out->count = used;
    return !reader.failed;
}

/* Answers. */

static void copy_line(char *to, size_t room, const char *from)
{
    size_t len = strlen(from);
    if (len >= room) {
        len = room - 1;
        while (len > 0 && ((unsigned char)from[len] & 0xC0) == 0x80)
            len--;
    }
    for (size_t i = 0; i < len; i++)
        to[i] = (unsigned char)from[i] < 0x20 || from[i] == 0x7F ? ' ' : from[i];
    to[len] = '\0';
}

void answer_body_read(struct answer_body *out, struct wd_str json)
{
    *out = (struct answer_body){0};
    if (json.len == 0)
        return;
    json_t *root = json_loadb(json.data, json.len, 0, NULL);
    out->is_broken = !root && json.data[0] == '{';
    json_int_t code = json_integer_value(json_object_get(root, "code"));
    const char *message = json_string_value(json_object_get(root, "message"));
    if (code > 0 && code <= 999999999)
        out->code = (int)code;
    if (message)
        copy_line(out->message, sizeof(out->message), message);
    json_decref(root);
}

static bool holds(const struct answer_condition *condition, int http_status, const struct answer_body *body)
{
    if (condition->status_from ? http_status < condition->status_from || http_status > condition->status_to
                               : http_status >= 200 && http_status < 300)
        return false;
    if (condition->code && (!body || body->code != condition->code))
        return false;
    return !condition->message || (body && strcasestr(body->message, condition->message));
}

const struct answer_condition *answer_list_find(const struct answer_list *list, int http_status,
                                                const struct answer_body *body)
{
    const struct answer_condition *best = NULL;
    for (size_t i = 0; i < list->count; i++)
        if ((!best || list->items[i].weight > best->weight) && holds(&list->items[i], http_status, body))
            best = &list->items[i];
    return best;
}

enum outcome_class answer_class_of_status(int http_status)
{
    if (http_status >= 200 && http_status < 300)
        return OUTCOME_DONE;
    if (http_status == 401 || http_status == 403)
        return OUTCOME_STOP;
    if (http_status >= 300 && http_status < 400) /* never followed: the base URL is not the platform's */
        return OUTCOME_STOP;
    if (http_status == 408 || http_status == 425 || http_status == 429)
        return OUTCOME_RETRY;
    return http_status >= 400 && http_status < 500 ? OUTCOME_PERMANENT : OUTCOME_RETRY;
}
