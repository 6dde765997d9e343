/* A stream of events that is judged with a table of values: for the tests of behaviour. */
#ifndef TESTS_UNIT_REMEMBERING_SUPPORT_H
#define TESTS_UNIT_REMEMBERING_SUPPORT_H

#include "tests/unit/rules_support.h"

#include <warden/behaviour.h>

static const int64_t SECOND = 1000, MINUTE = 60000, HOUR = 3600000, DAY = 86400000;
static const int64_t BEGIN = 1767225600000;

struct stream {
    struct wd_ruleset *set;
    struct wd_scanner *scanner;
    struct wd_arena *arena;
    struct wd_value_table *table;
    struct wd_event event; /* of the last send: what a test changes here stays for the next ones */
    struct wd_text text;
    struct wd_verdict verdict;
    int64_t offset;
    char id[32];
};

__attribute__((unused)) static struct stream *stream_with(const char *yaml, const struct wd_scanner_options *options)
{
    struct stream *stream = calloc(1, sizeof(*stream));
    stream->set = load(yaml);
    stream->scanner = wd_scanner_new(options);
    stream->arena = wd_arena_new(8 << 20);
    stream->table = wd_value_table_new();
    stream->event = (struct wd_event){.name = wd_str_from("message.didCreate"),
                                      .content_type = WD_CONTENT_MESSAGE,
                                      .author = {.flag_count = -1, .age_days = -1},
                                      .place = {.channel_id = wd_str_from("c-1")}};
    return stream;
}

__attribute__((unused)) static struct stream *stream_new(const char *yaml)
{
    return stream_with(yaml, NULL);
}

__attribute__((unused)) static void stream_free(struct stream *stream)
{
    wd_value_table_free(stream->table);
    wd_scanner_free(stream->scanner);
    wd_ruleset_unref(stream->set);
    wd_arena_free(stream->arena);
    free(stream);
}

/* Judges stream->event as it stands, as the record at `offset`. */
__attribute__((unused)) static const struct wd_verdict *deliver(struct stream *stream, int64_t offset)
{
    struct wd_error err = {0};
    struct wd_origin origin = wd_origin_of(wd_str_from("events"), 0, offset, 0);
    wd_arena_reset(stream->arena);
    enum wd_status status =
        wd_scan_with_table(stream->scanner, stream->set, stream->arena, &stream->event,
                           wd_event_time_ms(&stream->event), &origin, stream->table, &stream->verdict, &err);
    if (status != WD_OK)
        fail_msg("%s", err.text);
    return &stream->verdict;
}

/* A new message, or what event.name says, at BEGIN + at_ms. */
__attribute__((unused)) static const struct wd_verdict *send(struct stream *stream, int64_t at_ms, const char *author,
                                                             const char *text)
{
    snprintf(stream->id, sizeof(stream->id), "m-%lld", (long long)stream->offset);
    stream->event.content_id = wd_str_from(stream->id);
    stream->event.author.id = wd_str_from(author);
    stream->event.created_at_ms = BEGIN + at_ms;
    stream->text = (struct wd_text){.field = WD_FIELD_TEXT, .text = wd_str_from(text)};
    stream->event.texts = &stream->text;
    stream->event.text_count = text ? 1 : 0;
    return deliver(stream, stream->offset++);
}

/* Something that people have done about `content` of `author`. */
__attribute__((unused)) static const struct wd_verdict *decide(struct stream *stream, int64_t at_ms, const char *name,
                                                               const char *author, const char *content)
{
    struct wd_event before = stream->event;
    stream->event.name = wd_str_from(name);
    stream->event.author.id = wd_str_from(author);
    stream->event.content_id = wd_str_from(content);
    stream->event.text_count = 0;
    /* what the object says of its creation is long ago: the record's time is that of the decision */
    stream->event.created_at_ms = 0;
    stream->event.kafka_timestamp_ms = BEGIN + at_ms;
    const struct wd_verdict *verdict = deliver(stream, stream->offset++);
    stream->event = before;
    return verdict;
}

/* "a b": rules that match. */
__attribute__((unused)) static const char *rules_of(const struct stream *stream)
{
    static char ids[1024];
    ids[0] = '\0';
    for (size_t i = 0; i < stream->verdict.match_count; i++)
        snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids), "%s%s", ids[0] ? " " : "",
                 wd_ruleset_rule(stream->set, stream->verdict.matches[i].rule)->id);
    return ids;
}

__attribute__((unused)) static const char *actions_of(const struct stream *stream)
{
    return written(stream->verdict.actions, stream->verdict.action_count);
}

#endif
