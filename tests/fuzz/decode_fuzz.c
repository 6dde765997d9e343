/* Any bytes through the decoder: no crash, and what comes out keeps the promises of <warden/event.h>: valid UTF-8
 * without NUL, JSON slices that decode again, the same events from the same bytes. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <warden/decode.h>

#include "tests/support/utf8.h"

enum { ARENA_BYTES = 8 << 20, RECORD_BYTES = 64 << 10 };

static void require_at(bool holds, int line)
{
    if (holds)
        return;
    fprintf(stderr, "decode_fuzz.c:%d: a promise is broken\n", line);
    abort();
}
#define require(holds) require_at(holds, __LINE__)

static void check_text(struct wd_str text)
{
    require(text.data || text.len == 0);
    require(text.len == 0 || (utf8_is_valid(text.data, text.len) && !memchr(text.data, 0, text.len)));
}

static void check_list(const struct wd_str *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_text(items[i]);
}

static void check_author(const struct wd_author *author)
{
    check_text(author->id);
    check_text(author->display_name);
    check_list(author->roles, author->role_count);
    require(author->age_days >= -1 || author->age_days < 0); /* no NaN */
}

static void check_event(const struct wd_event *event)
{
    const struct wd_str fixed[] = {event->name,
                                   event->raw_name,
                                   event->content_id,
                                   event->parent_id,
                                   event->data_type,
                                   event->place.channel_id,
                                   event->place.community_id,
                                   event->place.target_type,
                                   event->place.target_id,
                                   event->object_json,
                                   event->author_json};
    check_list(fixed, sizeof(fixed) / sizeof(fixed[0]));
    check_author(&event->author);
    for (size_t i = 0; i < event->text_count; i++) {
        require(event->texts[i].text.len > 0 && event->texts[i].field < WD_TEXT_FIELD_COUNT);
        check_text(event->texts[i].text);
    }
    for (size_t i = 0; i < event->link_count; i++) {
        check_text(event->links[i].url);
        check_text(event->links[i].shown);
    }
    for (size_t i = 0; i < event->attachment_count; i++) {
        check_text(event->attachments[i].type);
        check_text(event->attachments[i].ref);
    }
    check_list(event->mentions, event->mention_count);
    check_list(event->tags, event->tag_count);
    require(event->content_type < WD_CONTENT_TYPE_COUNT && event->flag_count >= 0);
}

static void check_paths(struct wd_decoder *decoder, struct wd_arena *arena, const struct wd_event *event)
{
    static const char *const PATHS[] = {"data.text", "metadata", "tags.0", "metadata.a.1.b", "", "."};
    for (size_t i = 0; i < sizeof(PATHS) / sizeof(PATHS[0]); i++)
        check_text(wd_decode_path(decoder, arena, event->object_json, wd_str_from(PATHS[i])));
    require(event->object_json.data && event->object_json.data[0] == '{');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct wd_decoder *decoder;
    static struct wd_arena *arena, *again;
    struct wd_events events, same;
    if (!decoder) {
        decoder = wd_decoder_new(RECORD_BYTES);
        arena = wd_arena_new(ARENA_BYTES);
        again = wd_arena_new(ARENA_BYTES);
        require(decoder && arena && again);
    }
    wd_arena_reset(arena);
    wd_arena_reset(again);
    enum wd_decode_outcome outcome = wd_decode(decoder, arena, (const char *)data, size, &events, NULL);
    require(outcome == WD_DECODED || events.count == 0);
    for (size_t i = 0; i < events.count; i++) {
        check_event(&events.items[i]);
        if (i < 4)
            check_paths(decoder, arena, &events.items[i]);
    }
    require(wd_decode(decoder, again, (const char *)data, size, &same, NULL) == outcome && same.count == events.count);
    for (size_t i = 0; i < events.count; i++)
        require(wd_str_equal(events.items[i].content_id, same.items[i].content_id));
    return 0;
}
