/* Events as text: see decode_dump.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "tests/unit/decode_dump.h"

static void print_string(FILE *out, struct wd_str s)
{
    if (!s.data) {
        fputs("-", out);
        return;
    }
    fputc('"', out);
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        if (c < 0x20 || c == '"' || c == '\\' || c == 0x7F)
            fprintf(out, "\\x%02x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

static void print_member(FILE *out, const char *name, struct wd_str s)
{
    if (!s.data)
        return;
    fprintf(out, "  %s: ", name);
    print_string(out, s);
    fputc('\n', out);
}

static void print_number(FILE *out, const char *name, int64_t value, int64_t absent)
{
    if (value != absent)
        fprintf(out, "  %s: %" PRId64 "\n", name, value);
}

static void print_strings(FILE *out, const char *name, const struct wd_str *items, size_t count)
{
    if (count == 0)
        return;
    fprintf(out, "  %s:", name);
    for (size_t i = 0; i < count; i++) {
        fputc(' ', out);
        print_string(out, items[i]);
    }
    fputc('\n', out);
}

/* JSON in one spelling: sorted, without spaces. */
static void print_json(FILE *out, const char *name, struct wd_str text, bool repaired)
{
    if (!text.data)
        return;
    json_t *value = repaired ? NULL : json_loadb(text.data, text.len, JSON_DECODE_ANY, NULL);
    char *printed = value ? json_dumps(value, JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    fprintf(out, "  %s: %s\n", name, repaired ? "(as sent)" : printed ? printed : "(jansson refuses it)");
    free(printed);
    json_decref(value);
}

static void print_author(FILE *out, const struct wd_author *author)
{
    print_member(out, "author.id", author->id);
    print_member(out, "author.display_name", author->display_name);
    print_strings(out, "author.roles", author->roles, author->role_count);
    print_number(out, "author.created_at_ms", author->created_at_ms, 0);
    print_number(out, "author.flag_count", author->flag_count, -1);
    if (author->age_days >= 0)
        fprintf(out, "  author.age_days: %.6g\n", author->age_days);
    if (author->is_global_ban)
        fputs("  author.is_global_ban\n", out);
    if (author->is_known)
        fputs("  author.is_known\n", out);
}

static void print_lists(FILE *out, const struct wd_event *event)
{
    for (size_t i = 0; i < event->text_count; i++) {
        char name[64];
        snprintf(name, sizeof(name), "texts[%zu].%s", i, wd_text_field_name(event->texts[i].field));
        print_member(out, name, event->texts[i].text);
    }
    for (size_t i = 0; i < event->link_count; i++) {
        print_member(out, "link.url", event->links[i].url);
        print_member(out, "link.shown", event->links[i].shown);
    }
    for (size_t i = 0; i < event->attachment_count; i++) {
        print_member(out, "attachment.type", event->attachments[i].type);
        print_member(out, "attachment.ref", event->attachments[i].ref);
    }
    print_strings(out, "mentions", event->mentions, event->mention_count);
    print_strings(out, "tags", event->tags, event->tag_count);
}

static void print_event(FILE *out, const struct wd_event *event)
{
    fprintf(out, "event %s\n", wd_content_type_name(event->content_type));
    print_member(out, "name", event->name);
    print_member(out, "raw_name", event->raw_name);
    print_member(out, "content_id", event->content_id);
    print_member(out, "parent_id", event->parent_id);
    print_member(out, "data_type", event->data_type);
    print_member(out, "channel_id", event->place.channel_id);
    print_member(out, "community_id", event->place.community_id);
    print_member(out, "target_type", event->place.target_type);
    print_member(out, "target_id", event->place.target_id);
    print_author(out, &event->author);
    print_lists(out, event);
    if (event->mentions_channel)
        fputs("  mentions_channel\n", out);
    print_number(out, "flag_count", event->flag_count, 0);
    if (event->is_deleted)
        fputs("  is_deleted\n", out);
    print_number(out, "created_at_ms", event->created_at_ms, 0);
    print_number(out, "edited_at_ms", event->edited_at_ms, 0);
    print_number(out, "updated_at_ms", event->updated_at_ms, 0);
    print_number(out, "kafka_timestamp_ms", event->kafka_timestamp_ms, 0);
    if (event->repaired)
        fputs("  repaired\n", out);
    print_json(out, "object_json", event->object_json, event->repaired);
    print_json(out, "author_json", event->author_json, event->repaired);
}

char *dump_events(enum wd_decode_outcome outcome, const struct wd_events *events)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    fprintf(out, "%s, %zu events\n", wd_decode_outcome_name(outcome), events->count);
    for (size_t i = 0; i < events->count; i++)
        print_event(out, &events->items[i]);
    fclose(out);
    return text;
}

char *read_file(const char *path, size_t *len_out)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("cannot open %s", path);
    size_t capacity = 4096, len = 0, got;
    char *bytes = malloc(capacity);
    while (bytes && (got = fread(bytes + len, 1, capacity - len - 1, file)) > 0) {
        len += got;
        if (len == capacity - 1) {
            char *larger = realloc(bytes, capacity *= 2);
            assert_non_null(larger);
            bytes = larger;
        }
    }
    assert_non_null(bytes);
    fclose(file);
    bytes[len] = '\0';
    *len_out = len;
    return bytes;
}
