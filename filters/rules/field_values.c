/* What fields of an event hold, and how they compare. What always holds: a field that the event does not have is equal
 * to nothing, greater than nothing and smaller than nothing. Neighbours: fields.c read the comparisons. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filters/evaluate.h"
#include "filters/rules/fields.h"

int wd_compare_bytes(const void *left, const void *right)
{
    const struct wd_str *a = left, *b = right;
    size_t shorter = a->len < b->len ? a->len : b->len;
    int order = shorter ? memcmp(a->data, b->data, shorter) : 0;
    return order ? order : (a->len > b->len) - (a->len < b->len);
}

/* A field's value: one text, several, or a number. */
struct value {
    bool absent;
    double number;
    bool is_number;
    struct wd_str text;
    const struct wd_str *texts;
    size_t text_count;
};

static struct value text_value(struct wd_str text)
{
    return (struct value){.absent = !text.data || !text.len, .text = text};
}

static struct value number_value(double number)
{
    return (struct value){.number = number, .is_number = true};
}

static struct value boolean_value(bool yes)
{
    return (struct value){.text = wd_str_from(yes ? "true" : "false")};
}

static struct value texts_value(const struct wd_str *texts, size_t count)
{
    return (struct value){.absent = !count, .texts = texts, .text_count = count};
}

int64_t wd_distinct_mentions(const struct wd_event *event)
{
    int64_t count = 0;
    for (size_t i = 0; i < event->mention_count; i++) {
        bool seen = i >= 1000; /* enough for any bound that means something; keeps the cost bounded */
        for (size_t j = 0; j < i && !seen; j++)
            seen = wd_str_equal(event->mentions[i], event->mentions[j]);
        count += !seen;
    }
    return count;
}

static struct value attachment_types(struct evaluation *evaluation)
{
    const struct wd_event *event = evaluation->event;
    struct wd_str *types = wd_arena_zalloc(evaluation->arena, event->attachment_count + 1, sizeof(*types));
    if (!types) {
        evaluation->out_of_memory = true;
        return (struct value){.absent = true};
    }
    for (size_t i = 0; i < event->attachment_count; i++)
        types[i] = event->attachments[i].type;
    return texts_value(types, event->attachment_count);
}

/* What was sent as a number compares as one. */
static struct value json_value(struct evaluation *evaluation, struct wd_str object, struct wd_str path)
{
    struct value value = {.absent = true};
    if (!object.data)
        return value;
    value.text = wd_decode_path(evaluation->decoder, evaluation->arena, object, path);
    value.absent = !value.text.data;
    char digits[64];
    if (value.absent || !value.text.len || value.text.len >= sizeof(digits))
        return value;
    memcpy(digits, value.text.data, value.text.len);
    digits[value.text.len] = '\0';
    struct wd_node node = {.kind = WD_NODE_SCALAR, .text = digits, .text_len = value.text.len};
    value.is_number = wd_node_double(&node, &value.number);
    return value;
}

/* What a tool line states counts before what follows from the times. */
static struct value author_age(const struct wd_author *author, int64_t now_ms)
{
    if (author->is_known && author->age_days >= 0)
        return number_value(author->age_days);
    if (author->created_at_ms <= 0)
        return (struct value){.absent = true};
    return number_value((double)(now_ms - author->created_at_ms) / 86400000.0);
}

static struct value author_value(const struct wd_author *author, enum field_id id, int64_t now_ms)
{
    switch (id) {
    case FIELD_AUTHOR_ID:
        return text_value(author->id);
    case FIELD_AUTHOR_DISPLAY_NAME:
        return text_value(author->display_name);
    case FIELD_AUTHOR_ROLES:
        return texts_value(author->roles, author->role_count);
    case FIELD_AUTHOR_AGE_DAYS:
        return author_age(author, now_ms);
    case FIELD_AUTHOR_FLAG_COUNT:
        return author->flag_count >= 0 && author->is_known ? number_value((double)author->flag_count)
                                                           : (struct value){.absent = true};
    case FIELD_AUTHOR_IS_GLOBAL_BAN:
        return boolean_value(author->is_global_ban);
    default:
        return boolean_value(author->is_known);
    }
}

static struct value place_value(const struct wd_place *place, enum field_id id)
{
    switch (id) {
    case FIELD_CHANNEL_ID:
        return text_value(place->channel_id);
    case FIELD_COMMUNITY_ID:
        return text_value(place->community_id);
    case FIELD_TARGET_TYPE:
        return text_value(place->target_type);
    default:
        return text_value(place->target_id);
    }
}

static struct value content_value(struct evaluation *evaluation, enum field_id id)
{
    const struct wd_event *event = evaluation->event;
    switch (id) {
    case FIELD_EVENT:
        return text_value(event->name);
    case FIELD_CONTENT_TYPE:
        return text_value(wd_str_from(wd_content_type_name(event->content_type)));
    case FIELD_CONTENT_ID:
        return text_value(event->content_id);
    case FIELD_PARENT_ID:
        return text_value(event->parent_id);
    case FIELD_DATA_TYPE:
        return text_value(event->data_type);
    case FIELD_FLAG_COUNT:
        return event->flag_count >= 0 ? number_value((double)event->flag_count) : (struct value){.absent = true};
    case FIELD_TAGS:
        return texts_value(event->tags, event->tag_count);
    case FIELD_MENTIONS:
        return texts_value(event->mentions, event->mention_count);
    case FIELD_MENTION_COUNT:
        return number_value((double)wd_distinct_mentions(event));
    case FIELD_MENTIONS_CHANNEL:
        return boolean_value(event->mentions_channel);
    case FIELD_LINK_COUNT:
        return number_value((double)event->link_count);
    case FIELD_ATTACHMENT_COUNT:
        return number_value((double)event->attachment_count);
    case FIELD_ATTACHMENT_TYPES:
        return attachment_types(evaluation);
    case FIELD_IS_DELETED:
        return boolean_value(event->is_deleted);
    default:
        return boolean_value(event->edited_at_ms > event->created_at_ms);
    }
}

static struct value field_value(struct evaluation *evaluation, const struct field_params *params)
{
    const struct wd_event *event = evaluation->event;
    if (params->id == FIELD_OBJECT_JSON)
        return json_value(evaluation, event->object_json, params->path);
    if (params->id == FIELD_AUTHOR_JSON)
        return json_value(evaluation, event->author_json, params->path);
    if (params->id >= FIELD_AUTHOR_ID && params->id <= FIELD_AUTHOR_IS_KNOWN)
        return author_value(&event->author, params->id, evaluation->now_ms);
    if (params->id >= FIELD_CHANNEL_ID && params->id <= FIELD_TARGET_ID)
        return place_value(&event->place, params->id);
    return content_value(evaluation, params->id);
}

static bool is_one_of(const struct comparison *comparison, const struct value *value, struct wd_str text)
{
    if (text.data && bsearch(&text, comparison->texts, comparison->text_count, sizeof(text), wd_compare_bytes))
        return true;
    if (!value->is_number)
        return false;
    char digits[32]; /* 3 and 3.0 are the same number */
    struct wd_str plain = {.data = digits, .len = (size_t)snprintf(digits, sizeof(digits), "%.15g", value->number)};
    return bsearch(&plain, comparison->texts, comparison->text_count, sizeof(plain), wd_compare_bytes) != NULL;
}

static bool equals(const struct comparison *comparison, const struct value *value, struct wd_str text)
{
    if (value->is_number && comparison->is_number)
        return value->number == comparison->number;
    return text.data && wd_str_equal(text, comparison->text);
}

static enum truth compare_text(struct evaluation *evaluation, const struct comparison *comparison,
                               const struct value *value, struct wd_str text)
{
    switch (comparison->operator_id) {
    case OP_EQ:
    case OP_NE: /* the caller turns it round */
        return equals(comparison, value, text) ? YES : NO;
    case OP_IN:
        return is_one_of(comparison, value, text) ? YES : NO;
    default:
        return wd_expression_matches(comparison->expression, evaluation->expressions, evaluation->set->match_limit,
                                     text);
    }
}

/* True where one of the value's texts compares; an unknown one makes it unknown. */
static enum truth compare_texts(struct evaluation *evaluation, const struct comparison *comparison,
                                const struct value *value)
{
    if (!value->texts)
        return compare_text(evaluation, comparison, value, value->text);
    enum truth all = NO;
    for (size_t i = 0; i < value->text_count && all != YES; i++) {
        enum truth one = compare_text(evaluation, comparison, value, value->texts[i]);
        all = one != NO ? one : all;
    }
    return all;
}

static enum truth compare(struct evaluation *evaluation, const struct comparison *comparison, const struct value *value)
{
    enum operator_id operator_id = comparison->operator_id;
    if (operator_id == OP_EXISTS)
        return value->absent != comparison->yes ? YES : NO;
    if (value->absent)
        return operator_id == OP_NE ? YES : NO;
    if (operator_id == OP_EQ || operator_id == OP_IN || operator_id == OP_MATCHES)
        return compare_texts(evaluation, comparison, value);
    if (operator_id == OP_NE)
        return compare_texts(evaluation, comparison, value) == YES ? NO : YES;
    if (!value->is_number)
        return NO;
    double left = value->number, right = comparison->number;
    bool yes = operator_id == OP_LT   ? left < right
               : operator_id == OP_GT ? left > right
               : operator_id == OP_LE ? left <= right
                                      : left >= right;
    return yes ? YES : NO;
}

enum truth wd_evaluate_field(const struct leaf *leaf, struct evaluation *evaluation)
{
    const struct field_params *params = leaf->params;
    struct value value = field_value(evaluation, params);
    enum truth all = YES;
    for (size_t i = 0; i < params->count; i++) {
        enum truth one = compare(evaluation, &params->comparisons[i], &value);
        if (one == NO)
            return NO;
        all = one == UNDECIDED ? UNDECIDED : all;
    }
    return all;
}

/* ---- for people ---- */

static struct wd_str joined(struct evaluation *evaluation, const struct value *value)
{
    size_t len = 1;
    for (size_t i = 0; i < value->text_count; i++)
        len += value->texts[i].len + 2;
    char *text = wd_arena_alloc(evaluation->arena, len), *at = text;
    for (size_t i = 0; i < value->text_count && text; i++) {
        if (i) {
            *at++ = ',';
            *at++ = ' ';
        }
        memcpy(at, value->texts[i].data, value->texts[i].len);
        at += value->texts[i].len;
    }
    evaluation->out_of_memory |= !text;
    return (struct wd_str){.data = text, .len = text ? (size_t)(at - text) : 0};
}

struct wd_str wd_field_text(const struct leaf *leaf, struct evaluation *evaluation)
{
    struct value value = field_value(evaluation, leaf->params);
    if (value.absent)
        return (struct wd_str){0};
    if (value.texts)
        return joined(evaluation, &value);
    if (value.text.data)
        return value.text;
    char digits[32];
    snprintf(digits, sizeof(digits), "%.6g", value.number);
    struct wd_str text = wd_arena_copy(evaluation->arena, wd_str_from(digits));
    evaluation->out_of_memory |= !text.data;
    return text;
}

/* ---- for what is remembered ---- */

size_t wd_field_values(const struct field_params *params, struct evaluation *evaluation, struct wd_str *out,
                       size_t most)
{
    struct value value = field_value(evaluation, params);
    size_t count = 0;
    if (value.absent || !most)
        return 0;
    for (; value.texts && count < value.text_count && count < most; count++)
        out[count] = value.texts[count];
    if (value.texts)
        return count;
    if (!value.text.data) {
        char digits[32];
        snprintf(digits, sizeof(digits), "%.15g", value.number);
        value.text = wd_arena_copy(evaluation->arena, wd_str_from(digits));
        evaluation->out_of_memory |= !value.text.data;
    }
    out[0] = value.text;
    return value.text.data ? 1 : 0;
}

bool wd_field_number(const struct field_params *params, struct evaluation *evaluation, double *out)
{
    struct value value = field_value(evaluation, params);
    *out = value.number;
    return !value.absent && value.is_number && isfinite(value.number);
}
