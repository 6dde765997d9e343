/* The action table: the shipped one call by call, escaping, answers, and every mistake with its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/platform/join.h"
#include "worker/platform/table.h"

#define SHIPPED SOURCE_DIR "/config/platforms/socialplus.yaml"

static struct wd_arena *arena;
static struct action_table *shipped;

static int set_up(void **state)
{
    (void)state;
    struct wd_diagnostics *findings = wd_diagnostics_new();
    arena = wd_arena_new(1 << 20);
    if (action_table_load(SHIPPED, &shipped, findings) != WD_OK)
        wd_diagnostics_print(findings, stderr);
    wd_diagnostics_free(findings);
    return shipped ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    action_table_free(shipped);
    wd_arena_free(arena);
    return 0;
}

static struct wd_event event_of(enum wd_content_type type)
{
    struct wd_event event = {
        .name = wd_str_from("x.didCreate"),
        .content_type = type,
        .content_id = wd_str_from("c1"),
        .author = {.id = wd_str_from("u1")},
        .place = {.channel_id = wd_str_from("ch1"), .community_id = wd_str_from("co1")},
    };
    return event;
}

static struct platform_call call_of(const struct wd_action *action, const struct wd_event *event)
{
    struct wd_error err = {0};
    struct platform_call call;
    if (action_table_call(shipped, action, event, arena, &call, &err) != WD_OK)
        fail_msg("%s", err.text);
    return call;
}

/* The calls of the platform's specification. */
static const struct {
    enum wd_action_kind kind;
    enum wd_content_type content;
    enum wd_scope scope;
    const char *line; /* method, path, body */
} EXPECTED[] = {
    {WD_ACTION_FLAG, WD_CONTENT_MESSAGE, 0, "POST /api/v5/messages/c1/flags "},
    {WD_ACTION_FLAG, WD_CONTENT_POST, 0, "POST /api/v3/posts/c1/flag "},
    {WD_ACTION_FLAG, WD_CONTENT_COMMENT, 0, "POST /api/v3/comments/c1/flag {\"commentId\":\"c1\"}"},
    {WD_ACTION_FLAG, WD_CONTENT_STORY, 0, "POST /api/v4/stories/c1/flags "},
    {WD_ACTION_FLAG, WD_CONTENT_USER, 0, "POST /api/v4/me/flags/u1 "},
    {WD_ACTION_UNFLAG, WD_CONTENT_MESSAGE, 0, "DELETE /api/v5/messages/c1/flags "},
    {WD_ACTION_UNFLAG, WD_CONTENT_POST, 0, "DELETE /api/v3/posts/c1/unflag "},
    {WD_ACTION_UNFLAG, WD_CONTENT_COMMENT, 0, "DELETE /api/v3/comments/c1/unflag "},
    {WD_ACTION_UNFLAG, WD_CONTENT_STORY, 0, "DELETE /api/v4/stories/c1/flags "},
    {WD_ACTION_UNFLAG, WD_CONTENT_USER, 0, "DELETE /api/v4/me/flags/u1 "},
    {WD_ACTION_UNFLAG, WD_CONTENT_MESSAGE, WD_SCOPE_GLOBAL, "DELETE /api/v5/messages/c1/flags/all "},
    {WD_ACTION_UNFLAG, WD_CONTENT_POST, WD_SCOPE_GLOBAL, "DELETE /api/v3/posts/c1/flags "},
    {WD_ACTION_UNFLAG, WD_CONTENT_COMMENT, WD_SCOPE_GLOBAL, "DELETE /api/v3/comments/c1/flags "},
    {WD_ACTION_UNFLAG, WD_CONTENT_STORY, WD_SCOPE_GLOBAL, "DELETE /api/v4/stories/c1/flags/all "},
    {WD_ACTION_UNFLAG, WD_CONTENT_USER, WD_SCOPE_GLOBAL, "DELETE /api/v2/users/u1/flags "},
    {WD_ACTION_HIDE, WD_CONTENT_MESSAGE, 0, "DELETE /api/v5/messages/c1?permanent=false "},
    {WD_ACTION_HIDE, WD_CONTENT_POST, 0, "DELETE /api/v4/posts/c1?permanent=false "},
    {WD_ACTION_HIDE, WD_CONTENT_COMMENT, 0, "DELETE /api/v4/comments/c1?permanent=false "},
    {WD_ACTION_HIDE, WD_CONTENT_STORY, 0, "DELETE /api/v4/stories/c1?permanent=false "},
    {WD_ACTION_DELETE, WD_CONTENT_MESSAGE, 0, "DELETE /api/v5/messages/c1?permanent=true "},
    {WD_ACTION_DELETE, WD_CONTENT_POST, 0, "DELETE /api/v4/posts/c1?permanent=true "},
    {WD_ACTION_DELETE, WD_CONTENT_COMMENT, 0, "DELETE /api/v4/comments/c1?permanent=true "},
    {WD_ACTION_DELETE, WD_CONTENT_STORY, 0, "DELETE /api/v4/stories/c1?permanent=true "},
    {WD_ACTION_DELETE, WD_CONTENT_USER, 0, "DELETE /api/v4/users/u1 "},
    {WD_ACTION_APPROVE, WD_CONTENT_POST, 0, "POST /api/v3/posts/c1/approve "},
    {WD_ACTION_DECLINE, WD_CONTENT_POST, 0, "POST /api/v3/posts/c1/decline "},
    {WD_ACTION_MUTE, WD_CONTENT_MESSAGE, WD_SCOPE_NONE,
     "PUT /api/v2/channel/ch1/users/mute {\"userIds\":[\"u1\"],\"mutePeriod\":600000}"},
    {WD_ACTION_MUTE, WD_CONTENT_MESSAGE, WD_SCOPE_CHANNEL,
     "PUT /api/v2/channel/ch1/users/mute {\"userIds\":[\"u1\"],\"mutePeriod\":600000}"},
    {WD_ACTION_MUTE, WD_CONTENT_CHANNEL, 0, "PUT /api/v2/channel/ch1/mute {\"mutePeriod\":600000}"},
    {WD_ACTION_BAN, WD_CONTENT_POST, WD_SCOPE_GLOBAL, "POST /api/v2/users/ban {\"userId\":\"u1\"}"},
    {WD_ACTION_BAN, WD_CONTENT_MESSAGE, WD_SCOPE_CHANNEL, "PUT /api/v3/channels/ch1/users/ban {\"userIds\":[\"u1\"]}"},
    {WD_ACTION_BAN, WD_CONTENT_POST, WD_SCOPE_COMMUNITY,
     "PUT /api/v3/communities/co1/users/ban {\"userIds\":[\"u1\"]}"},
    {WD_ACTION_UNBAN, WD_CONTENT_USER, WD_SCOPE_GLOBAL, "POST /api/v2/users/unban {\"userId\":\"u1\"}"},
    {WD_ACTION_UNBAN, WD_CONTENT_USER, WD_SCOPE_CHANNEL, "PUT /api/v3/channels/ch1/users/unban {\"userIds\":[\"u1\"]}"},
    {WD_ACTION_UNBAN, WD_CONTENT_OTHER, WD_SCOPE_COMMUNITY,
     "PUT /api/v3/communities/co1/users/unban {\"userIds\":[\"u1\"]}"},
    {WD_ACTION_REMOVE, WD_CONTENT_MESSAGE, WD_SCOPE_CHANNEL, "DELETE /api/v3/channels/ch1/users?userIds=u1 "},
    {WD_ACTION_REMOVE, WD_CONTENT_COMMENT, WD_SCOPE_COMMUNITY, "DELETE /api/v3/communities/co1/users?userIds=u1 "},
    {WD_ACTION_REVOKE_SESSIONS, WD_CONTENT_STORY, 0,
     "DELETE /api/v4/sessions?userId=u1&isPublic=true {\"userId\":\"u1\"}"},
};

static void the_shipped_table_makes_the_calls_of_the_specification(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(EXPECTED) / sizeof(EXPECTED[0]); i++) {
        struct wd_action action = {.kind = EXPECTED[i].kind, .scope = EXPECTED[i].scope, .duration_ms = 600000};
        struct wd_event event = event_of(EXPECTED[i].content);
        struct platform_call call = call_of(&action, &event);
        char line[256];
        snprintf(line, sizeof(line), "%s %.*s %.*s", http_method_name(call.method), WD_STR_ARG(call.path),
                 WD_STR_ARG(call.body));
        assert_string_equal(line, EXPECTED[i].line);
        assert_string_equal(call.group, action_table_group_name(shipped, call.group_index));
    }
}

static void what_the_platform_cannot_do_is_not_found(void **state)
{
    (void)state;
    static const struct {
        enum wd_action_kind kind;
        enum wd_content_type content;
        enum wd_scope scope;
    } missing[] = {
        {WD_ACTION_FLAG, WD_CONTENT_CHANNEL, 0},
        {WD_ACTION_HIDE, WD_CONTENT_USER, 0},
        {WD_ACTION_APPROVE, WD_CONTENT_STORY, 0},
        {WD_ACTION_BAN, WD_CONTENT_POST, WD_SCOPE_NONE},
        {WD_ACTION_MUTE, WD_CONTENT_MESSAGE, WD_SCOPE_COMMUNITY},
    };
    for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++) {
        struct wd_action action = {.kind = missing[i].kind, .scope = missing[i].scope, .duration_ms = 1};
        struct wd_event event = event_of(missing[i].content);
        struct platform_call call;
        struct wd_error err = {0};
        assert_int_equal(action_table_call(shipped, &action, &event, arena, &call, &err), WD_ERR_NOT_FOUND);
        assert_non_null(strstr(err.text, wd_action_kind_name(action.kind)));
    }
}

static void expect_invalid(const struct wd_action *action, const struct wd_event *event, const char *part)
{
    struct platform_call call;
    struct wd_error err = {0};
    assert_int_equal(action_table_call(shipped, action, event, arena, &call, &err), WD_ERR_INVALID);
    if (!strstr(err.text, part))
        fail_msg("'%s' does not say '%s'", err.text, part);
}

static void a_missing_value_is_permanent_and_named(void **state)
{
    (void)state;
    struct wd_event event = event_of(WD_CONTENT_POST);
    event.place = (struct wd_place){0};
    struct wd_action ban = {.kind = WD_ACTION_BAN, .scope = WD_SCOPE_CHANNEL};
    expect_invalid(&ban, &event, "{channel_id}");
    event.author.id = wd_str_from("");
    ban.scope = WD_SCOPE_GLOBAL;
    expect_invalid(&ban, &event, "{author_id}");
    struct wd_action notify = {.kind = WD_ACTION_NOTIFY};
    expect_invalid(&notify, &event, "webhook");
}

static void a_mute_without_duration_is_refused_because_zero_would_unmute(void **state)
{
    (void)state;
    struct wd_event event = event_of(WD_CONTENT_MESSAGE);
    struct wd_action mute = {.kind = WD_ACTION_MUTE};
    expect_invalid(&mute, &event, "{duration_ms}");
    mute.duration_ms = -1;
    expect_invalid(&mute, &event, "{duration_ms}");
    mute.duration_ms = INT64_MAX;
    assert_non_null(strstr(call_of(&mute, &event).body.data, ":9223372036854775807}"));
}

static void ids_cannot_leave_their_place_in_a_path(void **state)
{
    (void)state;
    static const struct {
        const char *id, *path;
    } cases[] = {
        {"a/b", "/api/v3/posts/a%2Fb/flag"},
        {"../../v2/users/ban", "/api/v3/posts/..%2F..%2Fv2%2Fusers%2Fban/flag"},
        {"a?x=1&y#z", "/api/v3/posts/a%3Fx%3D1%26y%23z/flag"},
        {"%2e%2e", "/api/v3/posts/%252e%252e/flag"},
        {"a b+c", "/api/v3/posts/a%20b%2Bc/flag"},
        {"\xc3\xa9\xf0\x9f\x98\x80", "/api/v3/posts/%C3%A9%F0%9F%98%80/flag"},
        {"\"'\\\r\n", "/api/v3/posts/%22%27%5C%0D%0A/flag"},
        {"...", "/api/v3/posts/.../flag"},
        {"AZaz09-._~", "/api/v3/posts/AZaz09-._~/flag"},
    };
    struct wd_event event = event_of(WD_CONTENT_POST);
    struct wd_action flag = {.kind = WD_ACTION_FLAG};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        event.content_id = wd_str_from(cases[i].id);
        assert_string_equal(call_of(&flag, &event).path.data, cases[i].path);
    }
    event.content_id = wd_str_from(".");
    expect_invalid(&flag, &event, "'.'");
    event.content_id = wd_str_from("..");
    expect_invalid(&flag, &event, "'.'");
    struct wd_action hide = {.kind = WD_ACTION_HIDE}; /* the last segment, with a query behind it */
    expect_invalid(&hide, &event, "'.'");
    char *huge = malloc(9001);
    memset(huge, 'x', 9000);
    huge[9000] = '\0';
    event.content_id = wd_str_from(huge);
    expect_invalid(&flag, &event, "9019 bytes");
    free(huge);
}

static void ids_cannot_leave_their_place_in_a_query_or_a_body(void **state)
{
    (void)state;
    static const char *const ids[] = {"a&isPublic=false", "\"],\"x\":[\"", "\\\"\b\f\n\r\t\x01\x1f/",
                                      "\xf0\x9f\x98\x80\xe2\x80\xa8"};
    struct wd_event event = event_of(WD_CONTENT_POST);
    struct wd_action revoke = {.kind = WD_ACTION_REVOKE_SESSIONS};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        event.author.id = wd_str_from(ids[i]);
        struct platform_call call = call_of(&revoke, &event);
        json_t *body = json_loadb(call.body.data, call.body.len, 0, NULL);
        assert_non_null(body);
        assert_int_equal(json_object_size(body), 1);
        assert_string_equal(json_string_value(json_object_get(body, "userId")), ids[i]);
        json_decref(body);
        assert_ptr_equal(strchr(strchr(call.path.data, '&') + 1, '&'), NULL);
        assert_non_null(strstr(call.path.data, "&isPublic=true"));
    }
}

static void places_fall_back_to_the_object_and_the_target(void **state)
{
    (void)state;
    struct wd_event channel = event_of(WD_CONTENT_CHANNEL), post = event_of(WD_CONTENT_POST);
    channel.place = (struct wd_place){0};
    post.place = (struct wd_place){.target_type = wd_str_from("community"), .target_id = wd_str_from("t1")};
    struct wd_action mute = {.kind = WD_ACTION_MUTE, .duration_ms = 5};
    struct wd_action ban = {.kind = WD_ACTION_BAN, .scope = WD_SCOPE_COMMUNITY};
    assert_string_equal(call_of(&mute, &channel).path.data, "/api/v2/channel/c1/mute");
    assert_string_equal(call_of(&ban, &post).path.data, "/api/v3/communities/t1/users/ban");
    post.place.target_type = wd_str_from("user");
    expect_invalid(&ban, &post, "{community_id}");
}

static void an_arena_that_is_full_is_too_large(void **state)
{
    (void)state;
    struct wd_arena *small = wd_arena_new(32);
    struct wd_event event = event_of(WD_CONTENT_POST);
    struct wd_action flag = {.kind = WD_ACTION_FLAG};
    struct platform_call call;
    struct wd_error err = {0};
    event.content_id = wd_str_from("0123456789012345678901234567890123456789");
    assert_int_equal(action_table_call(shipped, &flag, &event, small, &call, &err), WD_ERR_TOO_LARGE);
    wd_arena_free(small);
}

static void batches_and_the_check_are_exposed(void **state)
{
    (void)state;
    struct wd_event event = event_of(WD_CONTENT_MESSAGE);
    struct wd_action action = {.kind = WD_ACTION_BAN, .scope = WD_SCOPE_CHANNEL};
    const struct action_batch *batch = action_table_batch(shipped, call_of(&action, &event).entry);
    assert_non_null(batch);
    assert_string_equal(batch->field, "userIds");
    assert_int_equal(batch->max, 100);
    assert_false(batch->in_query);
    action.kind = WD_ACTION_REMOVE;
    batch = action_table_batch(shipped, call_of(&action, &event).entry);
    assert_true(batch && batch->in_query);
    action = (struct wd_action){.kind = WD_ACTION_FLAG};
    assert_null(action_table_batch(shipped, call_of(&action, &event).entry));
    assert_null(action_table_batch(shipped, UINT32_MAX));
    assert_string_equal(action_table_check_path(shipped), "/api/v3/communities");
    assert_null(action_table_group_name(shipped, action_table_group_count(shipped)));
}

/* ---- calls for several authors ---- */

static struct platform_call call_on(const struct wd_action *action, const char *author, const char *channel)
{
    struct wd_event event = event_of(WD_CONTENT_MESSAGE);
    event.author.id = wd_str_from(author);
    event.place.channel_id = wd_str_from(channel);
    return call_of(action, &event);
}

static const struct wd_action MUTE = {.kind = WD_ACTION_MUTE, .duration_ms = 60000};
static const struct wd_action REMOVE = {.kind = WD_ACTION_REMOVE, .scope = WD_SCOPE_CHANNEL};

static void expect_joined(const struct wd_action *action, const char *const *authors, size_t count, const char *path,
                          const char *body)
{
    struct platform_call calls[4], joined;
    const struct platform_call *others[4];
    struct wd_error err = {0};
    char *text;
    for (size_t i = 0; i < count; i++) {
        calls[i] = call_on(action, authors[i], "ch 1");
        others[i] = &calls[i];
        assert_true(platform_calls_fit(&calls[0], &calls[i]));
        assert_true(platform_call_frame(&calls[0]) == platform_call_frame(&calls[i]));
    }
    assert_int_equal(platform_calls_join(&calls[0], others + 1, count - 1, &text, &joined, &err), WD_OK);
    assert_string_equal(joined.path.data, path);
    assert_int_equal(joined.path.len, strlen(path));
    assert_string_equal(joined.body.data ? joined.body.data : "", body);
    assert_int_equal(joined.body.len, strlen(body));
    assert_int_equal(joined.method, calls[0].method);
    assert_int_equal(joined.entry, calls[0].entry);
    free(text);
}

static void authors_are_put_together_in_body_and_query(void **state)
{
    (void)state;
    static const char *const authors[] = {"u1", "o'h\"ara", "\303\274/&=", "u4"};
    expect_joined(&MUTE, authors, 4, "/api/v2/channel/ch%201/users/mute",
                  "{\"userIds\":[\"u1\",\"o'h\\\"ara\",\"\303\274/&=\",\"u4\"],\"mutePeriod\":60000}");
    expect_joined(&REMOVE, authors, 3,
                  "/api/v3/channels/ch%201/users?userIds=u1&userIds=o%27h%22ara&userIds=%C3%BC%2F%26%3D", "");
    expect_joined(&REMOVE, authors, 1, "/api/v3/channels/ch%201/users?userIds=u1", "");
}

static void only_calls_that_differ_in_the_author_fit(void **state)
{
    (void)state;
    static const struct wd_action longer = {.kind = WD_ACTION_MUTE, .duration_ms = 60001};
    static const struct wd_action ban = {.kind = WD_ACTION_BAN, .scope = WD_SCOPE_CHANNEL};
    static const struct wd_action unban = {.kind = WD_ACTION_UNBAN, .scope = WD_SCOPE_CHANNEL};
    static const struct wd_action flag = {.kind = WD_ACTION_FLAG};
    struct platform_call mute = call_on(&MUTE, "u1", "c"), other_place = call_on(&MUTE, "u2", "d");
    struct platform_call other_time = call_on(&longer, "u2", "c"), other_row = call_on(&ban, "u2", "c");
    struct platform_call twin = call_on(&MUTE, "u2", "c"), undone = call_on(&unban, "u1", "c");
    struct platform_call alone = call_on(&flag, "u1", "c");
    assert_true(platform_calls_fit(&mute, &twin));
    assert_false(platform_calls_fit(&mute, &other_place));
    assert_false(platform_calls_fit(&mute, &other_time));
    assert_false(platform_calls_fit(&mute, &other_row));
    assert_false(platform_calls_fit(&other_row, &undone));
    assert_null(alone.batch);
    /* an id that looks like the rest of the call moves no boundary */
    struct platform_call sly = call_on(&MUTE, "u\"],\"mutePeriod\":1}", "c");
    assert_true(platform_calls_fit(&mute, &sly));
    assert_true(platform_call_frame(&mute) != platform_call_frame(&other_place));
}

static void a_joined_path_stays_within_what_servers_take(void **state)
{
    (void)state;
    char id[400];
    memset(id, '/', sizeof(id) - 1); /* each becomes three bytes */
    id[sizeof(id) - 1] = '\0';
    struct platform_call calls[20], joined;
    const struct platform_call *others[20];
    struct wd_error err = {0};
    size_t count = 0, room;
    char *text;
    for (int i = 0; i < 20; i++)
        calls[i] = call_on(&REMOVE, id, "c");
    room = platform_call_room_bytes(&calls[0]);
    while (count < 19 && platform_call_share_bytes(&calls[count + 1]) <= room) {
        room -= platform_call_share_bytes(&calls[count + 1]);
        others[count] = &calls[count + 1];
        count++;
    }
    assert_int_equal(count, 5);
    assert_int_equal(platform_calls_join(&calls[0], others, count, &text, &joined, &err), WD_OK);
    assert_int_equal(joined.path.len, strlen(joined.path.data));
    assert_int_equal(joined.path.len + room, PLATFORM_PATH_BYTES_MAX);
    free(text);
}

static void a_webhook_is_called_by_its_own_url(void **state)
{
    (void)state;
    struct platform_call call;
    struct wd_error err = {0};
    struct wd_str payload = wd_str_from("{\"a\":1}"), url = wd_str_from("https://hooks.example/x?y=z");
    assert_int_equal(action_table_notify_call(shipped, url, payload, &call, &err), WD_OK);
    assert_int_equal(call.method, HTTP_POST);
    assert_true(wd_str_equal(call.path, url));
    assert_true(wd_str_equal(call.body, payload));
    assert_string_equal(call.group, "notify");
    static const char *const bad[] = {"",
                                      "ftp://x/",
                                      "/api/v3/x",
                                      "http://",
                                      "https:///x",
                                      "https://user:secret@x/",
                                      "http://x/a b",
                                      "http://x/\r\nInjected: 1",
                                      "https://x\\y",
                                      "file:///etc/passwd"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        err = (struct wd_error){0};
        assert_int_equal(action_table_notify_call(shipped, wd_str_from(bad[i]), payload, &call, &err), WD_ERR_INVALID);
        assert_null(strstr(err.text, "secret"));
    }
    assert_int_equal(action_table_notify_call(shipped, wd_str_from("http://x/a@b?c@d"), payload, &call, &err), WD_OK);
}

/* Answers. */

static const char *class_of(enum wd_action_kind kind, enum wd_scope scope, int status, const char *body)
{
    struct wd_action action = {.kind = kind, .scope = scope, .duration_ms = 1};
    struct wd_event event = event_of(WD_CONTENT_POST);
    struct outcome outcome;
    action_table_classify(shipped, call_of(&action, &event).entry, status, wd_str_from(body), -1, &outcome);
    assert_int_equal(outcome.http_status, status);
    return outcome_class_name(outcome.class);
}

#define ERROR_BODY(code, message) "{\"status\":\"error\",\"code\":" #code ",\"message\":\"" message "\",\"data\":{}}"

static void answers_are_classified_as_documented(void **state)
{
    (void)state;
    static const struct {
        enum wd_action_kind kind;
        enum wd_scope scope;
        int status;
        const char *body, *class;
    } cases[] = {
        {WD_ACTION_FLAG, 0, 200, "{}", "done"},
        {WD_ACTION_FLAG, 0, 204, NULL, "done"},
        {WD_ACTION_FLAG, 0, 200, "no JSON", "done"},
        {WD_ACTION_FLAG, 0, 403, ERROR_BODY(400300, "Number of flag already exceed"), "already_done"},
        {WD_ACTION_FLAG, 0, 400, ERROR_BODY(400300, "NUMBER OF FLAG ALREADY EXCEED."), "already_done"},
        {WD_ACTION_FLAG, 0, 403, ERROR_BODY(400300, "Forbidden"), "stop"},
        {WD_ACTION_HIDE, 0, 403, ERROR_BODY(400300, "Number of flag already exceed"), "stop"},
        {WD_ACTION_FLAG, 0, 400, ERROR_BODY(400000, "Bad request"), "permanent"},
        {WD_ACTION_DELETE, 0, 400, ERROR_BODY(400000, "User is already deleted"), "already_done"},
        {WD_ACTION_HIDE, 0, 404, ERROR_BODY(400400, "Not found"), "already_done"},
        {WD_ACTION_FLAG, 0, 404, ERROR_BODY(400400, "Not found"), "permanent"},
        {WD_ACTION_HIDE, 0, 404, "<html>nginx</html>",
         "permanent"}, /* not the platform's own words: a wrong base URL */
        {WD_ACTION_HIDE, 0, 404, NULL, "permanent"},
        {WD_ACTION_FLAG, 0, 401, ERROR_BODY(400100, "Unauthorized"), "stop"},
        {WD_ACTION_FLAG, 0, 401, NULL, "stop"},
        {WD_ACTION_FLAG, 0, 400, ERROR_BODY(400100, "User is not in the community"), "permanent"},
        {WD_ACTION_FLAG, 0, 403, ERROR_BODY(400301, "Permission denied"), "stop"},
        {WD_ACTION_FLAG, 0, 400, ERROR_BODY(400301, "Permission denied"), "stop"},
        {WD_ACTION_BAN, WD_SCOPE_GLOBAL, 403, ERROR_BODY(400312, "Banned"), "already_done"},
        {WD_ACTION_BAN, WD_SCOPE_GLOBAL, 403, ERROR_BODY(400306, "Exempt"), "permanent"},
        {WD_ACTION_BAN, WD_SCOPE_CHANNEL, 403, ERROR_BODY(400304, "Banned"), "already_done"},
        {WD_ACTION_HIDE, 0, 403, ERROR_BODY(400304, "Banned"), "permanent"},
        {WD_ACTION_UNBAN, WD_SCOPE_GLOBAL, 400, ERROR_BODY(400316, "Unbanned"), "already_done"},
        {WD_ACTION_APPROVE, 0, 409, ERROR_BODY(400315, "Exists"), "already_done"},
        {WD_ACTION_FLAG, 0, 422, ERROR_BODY(500000, "Parameters validation error"), "permanent"},
        {WD_ACTION_FLAG, 0, 500, ERROR_BODY(500000, "Unexpected"), "retry"},
        {WD_ACTION_FLAG, 0, 503, NULL, "retry"},
        {WD_ACTION_FLAG, 0, 429, ERROR_BODY(400311, "Rate limit"), "retry"},
        {WD_ACTION_FLAG, 0, 408, NULL, "retry"},
        {WD_ACTION_FLAG, 0, 418, NULL, "permanent"},
        {WD_ACTION_FLAG, 0, 302, NULL, "stop"},
        {WD_ACTION_FLAG, 0, 999, NULL, "retry"},
        {WD_ACTION_FLAG, 0, 400, "{\"code\":\"x\",\"message\":[1]}", "permanent"},
        {WD_ACTION_FLAG, 0, 400, "[[[[", "permanent"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *class = class_of(cases[i].kind, cases[i].scope, cases[i].status, cases[i].body);
        if (strcmp(class, cases[i].class) != 0)
            fail_msg("case %zu (HTTP %d, %s): %s, not %s", i, cases[i].status, cases[i].body, class, cases[i].class);
    }
}

static void throttling_needs_a_429_or_a_503_that_names_a_time(void **state)
{
    (void)state;
    struct outcome outcome;
    action_table_classify(shipped, 0, 429, wd_str_from(NULL), -1, &outcome);
    assert_true(outcome.throttled);
    assert_int_equal(outcome.retry_after_ms, -1);
    action_table_classify(shipped, 0, 503, wd_str_from(NULL), -1, &outcome);
    assert_false(outcome.throttled);
    action_table_classify(shipped, 0, 503, wd_str_from(NULL), 0, &outcome);
    assert_true(outcome.throttled);
    action_table_classify(shipped, 0, 500, wd_str_from(NULL), 1000, &outcome);
    assert_false(outcome.throttled);
    assert_int_equal(outcome.retry_after_ms, 1000);
}

static void a_refusal_that_breaks_off_is_asked_again(void **state)
{
    (void)state;
    static const char HALF[] = "{\"status\":\"error\",\"code\":4004";
    struct outcome outcome;
    for (int status = 400; status < 500; status++) {
        action_table_classify(shipped, 0, status, wd_str_from(HALF), -1, &outcome);
        assert_int_equal(outcome.class, status == 401 ? OUTCOME_STOP : OUTCOME_RETRY);
        assert_int_equal(outcome.platform_code, 0);
    }
    assert_non_null(strstr(outcome.text, "breaks off"));
    action_table_classify(shipped, 0, 200, wd_str_from(HALF), -1, &outcome);
    assert_int_equal(outcome.class, OUTCOME_DONE);
    action_table_classify(shipped, 0, 413, wd_str_from("<html>too large</html>"), -1, &outcome);
    assert_int_equal(outcome.class, OUTCOME_PERMANENT); /* a proxy's page is whole, only not JSON */
}

static void the_text_of_an_outcome_is_one_bounded_line(void **state)
{
    (void)state;
    struct outcome outcome;
    action_table_classify(shipped, 0, 400, wd_str_from(ERROR_BODY(400000, "two\\nlines\\u0007")), -1, &outcome);
    assert_string_equal(outcome.text, "HTTP 400, code 400000: two lines ");
    assert_int_equal(outcome.platform_code, 400000);
    char body[2000] = "{\"code\":400000,\"message\":\"";
    for (int i = 0; i < 300; i++)
        strcat(body, "\xc3\xa9");
    strcat(body, "\"}");
    action_table_classify(shipped, 0, 400, wd_str_from(body), -1, &outcome);
    size_t length = strlen(outcome.text);
    assert_true(length > 100 && length < sizeof(outcome.text));
    assert_int_equal((unsigned char)outcome.text[length - 1], 0xa9); /* cut between characters */
    action_table_classify(shipped, UINT32_MAX, 200, wd_str_from(NULL), -1, &outcome);
    assert_int_equal(outcome.class, OUTCOME_DONE);
}

/* Mistakes: a table in, findings out. */

static void load_text(const char *text, enum wd_status expected, char *findings_out, size_t room)
{
    char path[] = "/tmp/warden-table-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct action_table *table;
    enum wd_status status = action_table_load(path, &table, findings);
    unlink(path);
    assert_int_equal(status == WD_OK, table != NULL);
    action_table_free(table);
    wd_diagnostics_sort(findings);
    findings_out[0] = '\0';
    size_t used = 0;
    for (size_t i = 0; i < wd_diagnostics_count(findings); i++) {
        const struct wd_diagnostic *d = wd_diagnostics_at(findings, i);
        assert_string_equal(d->file, path);
        used += (size_t)snprintf(findings_out + used, room - used, "%d:%d: %s: %s\n", d->line, d->column, d->code,
                                 d->message);
    }
    wd_diagnostics_free(findings);
    if (status != expected)
        fail_msg("status %s, findings:\n%s", wd_status_name(status), findings_out);
}

#define ROW "actions:\n  - action: flag\n    content: post\n    group: g\n    method: POST\n"

static void every_mistake_has_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *finding;
    } cases[] = {
        {"", "1:1: bad-value: want a map with 'answers' and 'actions'\n"},
        {"answers: {}\n", "1:1: missing-key: the table has no 'actions'\n"},
        {"actions: {}\n", "1:10: bad-value: 'actions' is a list of rows\n"},
        {ROW "    path: /x\nanswer: {}\n",
         "7:1: unknown-key: 'answer' is not known at the top of an action table (did you mean 'answers'?)\n"},
        {ROW "    paht: /x\n", "2:5: missing-key: this row has no 'path'\n"
                               "6:5: unknown-key: 'paht' is not known in a row (did you mean 'path'?)\n"},
        {"actions:\n  - action: falg\n    group: g\n    method: POST\n    path: /x\n",
         "2:13: bad-value: 'falg' is not an action (did you mean 'flag'?)\n"},
        {"actions:\n  - action: flag\n    content: [post, massage]\n    scope: glob\n    group: G\n    method: PATCH\n"
         "    path: /x\n",
         "3:21: bad-value: 'massage' is not a content type (did you mean 'message'?)\n"
         "4:12: bad-value: 'glob' is not a scope (did you mean 'global'?)\n"
         "5:12: bad-value: a group is a name of at most 40 lower-case letters, digits, '_' and '-'\n"
         "6:13: bad-value: 'PATCH' is not a method\n"},
        {ROW "    path: /x/{contnet_id}\n",
         "6:15: unknown-placeholder: there is no placeholder {contnet_id} (did you mean {content_id}?)\n"},
        {ROW "    path: \"/x/{content_id\"\n",
         "6:15: bad-template: '{' without its partner: write '{{' where a brace is meant\n"},
        {ROW "    path: x\n", "6:11: bad-path: a path begins with one '/', as in /api/v3/posts\n"},
        {ROW "    path: //evil.example/x\n", "6:11: bad-path: a path begins with one '/', as in /api/v3/posts\n"},
        {ROW "    path: /a/../{content_id}\n", "6:11: bad-path: a path must not have '.' or '..' as a segment\n"},
        {ROW "    path: /a/%2E%2e/b\n",
         "6:14: bad-path: this character cannot stand in a path: percent-encode it (%25)\n"},
        {ROW "    path: \"/a b\"\n",
         "6:14: bad-path: this character cannot stand in a path: percent-encode it (%20)\n"},
        {ROW "    path: /x\n    body: {a: {author_id}}\n",
         "7:15: bad-template: put the placeholder in quotes: \"{author_id}\"\n"},
        {ROW "    path: /x\n    body: {a: [\"{user_id}\"]}\n",
         "7:18: unknown-placeholder: there is no placeholder {user_id}\n"},
        {ROW "    path: /x\n    batch: {field: userIds, max: 100}\n",
         "7:20: bad-value: 'userIds' must be a list of the body with the one entry \"{author_id}\", or a parameter of "
         "the "
         "query\n"},
        {ROW "    path: /x?userIds={author_id}\n    batch: {field: userIds, max: 1}\n",
         "7:34: bad-value: 'max' is a number from 2 to 1000\n"},
        {ROW "    path: /x?userIds={author_id}\n    batch: {field: userIds, max: 9, already_for_all: perhaps}\n",
         "7:54: bad-value: 'already_for_all' is true or false\n"},
        {ROW "    path: /{author_id}\n    body: {userIds: [\"{author_id}\"]}\n    batch: {field: userIds, max: 9}\n",
         "8:12: bad-value: a call for several authors can name {author_id} only in its list: take it out elsewhere, or "
         "the batch\n"},
        {ROW "    path: /x\n    answers: {alredy: [404], retry: [42, 4yy], stop: 401, done: [{sttus: 2}]}\n",
         "7:15: unknown-key: 'alredy' is not known as an outcome (did you mean 'already'?)\n"
         "7:38: bad-answer: want an HTTP status (404), a class (4xx), a platform code (400300) or {status, code, "
         "message}\n"
         "7:42: bad-answer: want an HTTP status (404), a class (4xx), a platform code (400300) or {status, code, "
         "message}\n"
         "7:54: bad-answer: want a list, as [404, 4xx, 400300]\n"
         "7:67: unknown-key: 'sttus' is not known in a condition (did you mean 'status'?)\n"},
        {ROW "    path: /x\n  - action: flag\n    content: any\n    group: g\n    method: POST\n    path: /y\n",
         "7:5: duplicate-row: flag on a post has a row already, at line 2\n"},
        {"actions:\n  - action: notify\n    group: g\n    method: POST\n    path: /x\n",
         "5:5: bad-row: a notify row has no 'path': it posts the decision to the URL in platform.notify of the "
         "configuration\n"},
        {"check: {path: \"/x/{author_id}\"}\n" ROW "    path: /x\n",
         "1:15: bad-path: the check has no event, so its path can have no placeholders\n"},
        {"actions:\n  - action: flag\n    group: g\n    method: GET\n    path: /x\n",
         "4:13: bad-value: GET changes nothing: want POST, PUT or DELETE\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char findings[4096];
        load_text(cases[i].text, WD_ERR_INVALID, findings, sizeof(findings));
        assert_string_equal(findings, cases[i].finding);
    }
}

static void a_missing_file_is_a_finding(void **state)
{
    (void)state;
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct action_table *table;
    assert_int_not_equal(action_table_load("/nonexistent/table.yaml", &table, findings), WD_OK);
    assert_null(table);
    assert_int_equal(wd_diagnostics_errors(findings), 1);
    wd_diagnostics_free(findings);
}

static struct action_table *load_good(const char *text)
{
    char path[] = "/tmp/warden-table-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct action_table *table;
    if (action_table_load(path, &table, findings) != WD_OK)
        wd_diagnostics_print(findings, stderr);
    unlink(path);
    assert_non_null(table);
    wd_diagnostics_free(findings);
    return table;
}

/* Types and quoting of body templates. */
static void bodies_keep_types_and_quote_by_themselves(void **state)
{
    (void)state;
    static const char text[] =
        "actions:\n  - action: mute\n    group: g\n    method: PUT\n    path: /x\n    body:\n"
        "      \"a\\\"b\": [1, -2, 1.5, true, null, \"true\", \"1\", plain, \"{{x}}\"]\n"
        "      n: \"{duration_ms}\"\n      s: \"for {duration_ms} ms\"\n      u: \"<{author_id}|{event_name}>\"\n"
        "      e: {}\n      l: []\n";
    struct action_table *table = load_good(text);
    struct wd_event event = event_of(WD_CONTENT_POST);
    struct wd_action mute = {.kind = WD_ACTION_MUTE, .duration_ms = 7};
    struct platform_call call;
    struct wd_error err = {0};
    assert_int_equal(action_table_call(table, &mute, &event, arena, &call, &err), WD_OK);
    assert_string_equal(call.body.data, "{\"a\\\"b\":[1,-2,1.5,true,null,\"true\",\"1\",\"plain\",\"{x}\"],\"n\":7,"
                                        "\"s\":\"for 7 ms\",\"u\":\"<u1|x.didCreate>\",\"e\":{},\"l\":[]}");
    action_table_free(table);
}

/* The changes of one row that docs/platforms.md offers. */
static void the_documented_alternatives_make_their_calls(void **state)
{
    (void)state;
    static const struct {
        const char *row, *line;
        enum wd_action_kind kind;
    } cases[] = {
        {"action: flag, method: POST, path: '/api/v3/messages/{content_id}/flag'", "POST /api/v3/messages/c1/flag ",
         WD_ACTION_FLAG},
        {"action: hide, method: PUT, path: '/api/v5/messages/{content_id}', body: {data: {text: ''}}",
         "PUT /api/v5/messages/c1 {\"data\":{\"text\":\"\"}}", WD_ACTION_HIDE},
        {"action: revoke_sessions, method: DELETE, path: '/api/v4/sessions/users/{author_id}?isPublic=true'",
         "DELETE /api/v4/sessions/users/u1?isPublic=true ", WD_ACTION_REVOKE_SESSIONS},
        {"action: delete, method: DELETE, path: '/api/v4/users/{author_id}?deleteAll=true'",
         "DELETE /api/v4/users/u1?deleteAll=true ", WD_ACTION_DELETE},
        {"action: hide, method: PUT, path: /api/v3/users, body: {userId: '{author_id}', displayName: removed}",
         "PUT /api/v3/users {\"userId\":\"u1\",\"displayName\":\"removed\"}", WD_ACTION_HIDE},
        {"action: unban, method: PUT, path: '/api/v2/channel/{channel_id}/users/mute', "
         "body: {userIds: ['{author_id}'], mutePeriod: 0}",
         "PUT /api/v2/channel/ch1/users/mute {\"userIds\":[\"u1\"],\"mutePeriod\":0}", WD_ACTION_UNBAN},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[512], line[256];
        snprintf(text, sizeof(text), "actions:\n  - {group: g, %s}\n", cases[i].row);
        struct action_table *table = load_good(text);
        struct wd_event event = event_of(WD_CONTENT_MESSAGE);
        struct wd_action action = {.kind = cases[i].kind};
        struct platform_call call;
        struct wd_error err = {0};
        assert_int_equal(action_table_call(table, &action, &event, arena, &call, &err), WD_OK);
        snprintf(line, sizeof(line), "%s %.*s %.*s", http_method_name(call.method), WD_STR_ARG(call.path),
                 WD_STR_ARG(call.body));
        assert_string_equal(line, cases[i].line);
        action_table_free(table);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shipped_table_makes_the_calls_of_the_specification),
        cmocka_unit_test(what_the_platform_cannot_do_is_not_found),
        cmocka_unit_test(a_missing_value_is_permanent_and_named),
        cmocka_unit_test(a_mute_without_duration_is_refused_because_zero_would_unmute),
        cmocka_unit_test(ids_cannot_leave_their_place_in_a_path),
        cmocka_unit_test(ids_cannot_leave_their_place_in_a_query_or_a_body),
        cmocka_unit_test(places_fall_back_to_the_object_and_the_target),
        cmocka_unit_test(an_arena_that_is_full_is_too_large),
        cmocka_unit_test(batches_and_the_check_are_exposed),
        cmocka_unit_test(authors_are_put_together_in_body_and_query),
        cmocka_unit_test(only_calls_that_differ_in_the_author_fit),
        cmocka_unit_test(a_joined_path_stays_within_what_servers_take),
        cmocka_unit_test(a_webhook_is_called_by_its_own_url),
        cmocka_unit_test(answers_are_classified_as_documented),
        cmocka_unit_test(throttling_needs_a_429_or_a_503_that_names_a_time),
        cmocka_unit_test(the_text_of_an_outcome_is_one_bounded_line),
        cmocka_unit_test(a_refusal_that_breaks_off_is_asked_again),
        cmocka_unit_test(every_mistake_has_its_place),
        cmocka_unit_test(a_missing_file_is_a_finding),
        cmocka_unit_test(the_documented_alternatives_make_their_calls),
        cmocka_unit_test(bodies_keep_types_and_quote_by_themselves),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
