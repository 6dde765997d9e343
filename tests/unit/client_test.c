/* The HTTP client against a real server on loopback: what goes out, what every end means, and what stays bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/client_server.h"
#include "worker/platform/client.h"
#include "worker/platform/retry_after.h"

#define SHIPPED SOURCE_DIR "/config/platforms/socialplus.yaml"
#define SECRET "s3cr3t-t0ken"

static char token_path[64], api_key_path[64];
static struct action_table *table;
static struct wd_arena *arena;

/* One of each for every test. */
static struct http_server *server;
static struct loop *loop;
static struct token *token;
static struct client *client;
static struct client_options options;

static void write_file(char *path, const char *template, const char *text)
{
    if (!path[0]) {
        strcpy(path, template); /* NOLINT: our own names */
        close(mkstemp(path));
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int set_up_all(void **state)
{
    (void)state;
    struct wd_diagnostics *findings = wd_diagnostics_new();
    enum wd_status status = action_table_load(SHIPPED, &table, findings);
    wd_diagnostics_free(findings);
    arena = wd_arena_new(1 << 20);
    return status == WD_OK && arena ? 0 : -1;
}

static int tear_down_all(void **state)
{
    (void)state;
    action_table_free(table);
    wd_arena_free(arena);
    unlink(token_path);
    unlink(api_key_path);
    return 0;
}

static void open_client(void)
{
    struct wd_error err = {0};
    client_free(client);
    client = client_new(&options, loop, table, token, &err);
    if (!client)
        fail_msg("%s", err.text);
}

static int set_up(void **state)
{
    (void)state;
    struct wd_error err = {0};
    write_file(token_path, "/tmp/warden-client-XXXXXX", SECRET "\n");
    server = server_start();
    loop = loop_new(&err);
    token = token_new(token_path, NULL, &err);
    options = (struct client_options){
        .base_url = server_url(server),
        .user_agent = "warden/test",
        .connect_timeout_ms = 20000,
        .total_timeout_ms = 20000,
        .max_answer_bytes = 65536,
        .max_connections = 64,
    };
    client = NULL;
    open_client();
    wd_arena_reset(arena);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    client_free(client);
    token_free(token);
    loop_free(loop);
    server_stop(server);
    return 0;
}

/* A call for a post, by action. */
static struct platform_call call_of(enum wd_action_kind kind)
{
    struct wd_event event = {.content_type = WD_CONTENT_POST,
                             .content_id = wd_str_from("p/1"),
                             .author.id = wd_str_from("\"u\""),
                             .place.channel_id = wd_str_from("ch")};
    struct wd_action action = {.kind = kind, .duration_ms = 1000};
    struct platform_call call;
    struct wd_error err = {0};
    if (action_table_call(table, &action, &event, arena, &call, &err) != WD_OK)
        fail_msg("%s", err.text);
    return call;
}

struct seen {
    size_t count;
    struct outcome last;
    size_t by_class[OUTCOME_CLASS_COUNT];
};

static void see(void *context, const struct outcome *outcome)
{
    struct seen *seen = context;
    seen->count++;
    seen->last = *outcome;
    seen->by_class[outcome->class]++;
}

static void submit(const struct platform_call *call, struct seen *seen)
{
    struct wd_error err = {0};
    size_t before = seen->count;
    if (client_submit(client, call, "t/0/1/x", see, seen, &err) != WD_OK)
        fail_msg("%s", err.text);
    assert_int_equal(seen->count, before); /* never from inside */
}

static void turn_until(const struct seen *seen, size_t wanted)
{
    for (int i = 0; i < 20000 && seen->count < wanted; i++)
        loop_turn(loop, 1000);
    assert_int_equal(seen->count, wanted);
}

static struct outcome run(enum wd_action_kind kind)
{
    struct seen seen = {0};
    struct platform_call call = call_of(kind);
    submit(&call, &seen);
    turn_until(&seen, 1);
    assert_int_equal(client_in_flight(client), 0);
    assert_null(strstr(seen.last.text, SECRET));
    return seen.last;
}

static char *request(size_t index)
{
    server_wait_requests(server, index + 1);
    char *text = server_request(server, index);
    assert_non_null(text);
    return text;
}

static void expect_part(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no '%s' in:\n%s", part, text);
}

static void expect_no_part(const char *text, const char *part)
{
    if (strcasestr(text, part))
        fail_msg("'%s' in:\n%s", part, text);
}

/* What goes out. */

static void a_call_with_a_body_goes_out_as_it_should(void **state)
{
    (void)state;
    assert_int_equal(run(WD_ACTION_MUTE).class, OUTCOME_DONE);
    char *text = request(0);
    expect_part(text, "PUT /api/v2/channel/ch/users/mute HTTP/1.1\r\n");
    expect_part(text, "\r\nAuthorization: Bearer " SECRET "\r\n");
    expect_part(text, "\r\nIdempotency-Key: t/0/1/x\r\n");
    expect_part(text, "\r\nContent-Type: application/json\r\n");
    expect_part(text, "\r\nAccept: application/json\r\n");
    expect_part(text, "\r\nUser-Agent: warden/test\r\n");
    expect_part(text, "\r\n\r\n{\"userIds\":[\"\\\"u\\\"\"],\"mutePeriod\":1000}");
    expect_no_part(text, "x-api-key");
    expect_no_part(text, "Expect:");
    expect_no_part(text, "Upgrade"); /* never HTTP/2 over cleartext */
    free(text);
}

static void calls_without_a_body_say_so(void **state)
{
    (void)state;
    assert_int_equal(run(WD_ACTION_FLAG).class, OUTCOME_DONE);
    assert_int_equal(run(WD_ACTION_HIDE).class, OUTCOME_DONE);
    assert_int_equal(run(WD_ACTION_REVOKE_SESSIONS).class, OUTCOME_DONE);
    char *post = request(0), *delete = request(1), *delete_with_body = request(2);
    expect_part(post, "POST /api/v3/posts/p%2F1/flag HTTP/1.1\r\n");
    expect_part(post, "\r\nContent-Length: 0\r\n");
    expect_no_part(post, "Content-Type");
    expect_part(delete, "DELETE /api/v4/posts/p%2F1?permanent=false HTTP/1.1\r\n");
    expect_no_part(delete, "Content-");
    expect_part(delete_with_body, "DELETE /api/v4/sessions?userId=%22u%22&isPublic=true HTTP/1.1\r\n");
    expect_part(delete_with_body, "\r\n\r\n{\"userId\":\"\\\"u\\\"\"}");
    free(post);
    free(delete);
    free(delete_with_body);
}

static void the_api_key_is_sent_when_there_is_one(void **state)
{
    (void)state;
    struct wd_error err = {0};
    write_file(api_key_path, "/tmp/warden-client-XXXXXX", "k3y");
    client_free(client);
    client = NULL;
    token_free(token);
    token = token_new(token_path, api_key_path, &err);
    open_client();
    run(WD_ACTION_FLAG);
    char *text = request(0);
    expect_part(text, "\r\nx-api-key: k3y\r\n");
    expect_part(text, "\r\nAuthorization: Bearer " SECRET "\r\n");
    free(text);
}

static void a_webhook_gets_the_decision_and_no_secret(void **state)
{
    (void)state;
    struct wd_error err = {0};
    struct platform_call call;
    struct seen seen = {0};
    char url[128];
    write_file(api_key_path, "/tmp/warden-client-XXXXXX", "k3y");
    client_free(client);
    client = NULL;
    token_free(token);
    token = token_new(token_path, api_key_path, &err);
    open_client();
    snprintf(url, sizeof(url), "%s/hook?x=1", server_url(server));
    assert_int_equal(action_table_notify_call(table, wd_str_from(url), wd_str_from("{\"score\":3}"), &call, &err),
                     WD_OK);
    submit(&call, &seen);
    turn_until(&seen, 1);
    assert_int_equal(seen.last.class, OUTCOME_DONE);
    char *text = request(0);
    expect_part(text, "POST /hook?x=1 HTTP/1.1\r\n");
    expect_part(text, "\r\nContent-Type: application/json\r\n");
    expect_part(text, "\r\n\r\n{\"score\":3}");
    expect_no_part(text, "Authorization");
    expect_no_part(text, "x-api-key");
    free(text);
    server_behave(server, SERVER_REPLIES, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", 0);
    submit(&call, &seen);
    turn_until(&seen, 2);
    assert_int_equal(seen.last.class, OUTCOME_PERMANENT); /* says nothing about the platform's token */
}

static void a_base_path_is_kept_and_its_last_slash_is_not_doubled(void **state)
{
    (void)state;
    char base[128];
    snprintf(base, sizeof(base), "%s/gateway//", server_url(server));
    options.base_url = base;
    open_client();
    run(WD_ACTION_FLAG);
    char *text = request(0);
    expect_part(text, "POST /gateway/api/v3/posts/p%2F1/flag HTTP/1.1\r\n");
    free(text);
}

/* What answers mean. */

#define HEAD(status) "HTTP/1.1 " status "\r\nContent-Type: application/json\r\n"

static void answers_become_outcomes(void **state)
{
    (void)state;
    static const struct {
        const char *reply;
        enum outcome_class class;
        int status, code;
        int64_t retry_after_ms;
        bool throttled;
        const char *text;
    } cases[] = {
        {HEAD("204 No Content") "\r\n", OUTCOME_DONE, 204, 0, -1, false, "HTTP 204"},
        {HEAD("400 Bad Request") "Content-Length: 60\r\n\r\n{\"code\":400300,\"message\":\"Number of flag already "
                                 "exceed\"   }",
         OUTCOME_ALREADY, 400, 400300, -1, false, "Number of flag already exceed"},
        {HEAD("404 Not Found") "Content-Length: 15\r\n\r\n{\"code\":400400}", OUTCOME_PERMANENT, 404, 400400, -1, false,
         "HTTP 404, code 400400"},
        {HEAD("401 Unauthorized") "Content-Length: 0\r\n\r\n", OUTCOME_STOP, 401, 0, -1, false, "HTTP 401"},
        {HEAD("429 Too Many Requests") "Retry-After: 7\r\nContent-Length: 0\r\n\r\n", OUTCOME_RETRY, 429, 0, 7000, true,
         "HTTP 429"},
        {HEAD("429 Too Many Requests") "Content-Length: 0\r\n\r\n", OUTCOME_RETRY, 429, 0, -1, true, "HTTP 429"},
        {HEAD("429 Too Many Requests") "Retry-After: 99999999999999999999\r\nContent-Length: 0\r\n\r\n", OUTCOME_RETRY,
         429, 0, RETRY_AFTER_MAX_MS, true, "HTTP 429"},
        {HEAD("503 Busy") "Date: Mon, 23 Nov 2026 06:00:00 GMT\r\nRetry-After:  Mon, 23 Nov 2026 06:00:30 GMT \r\n"
                          "Content-Length: 0\r\n\r\n",
         OUTCOME_RETRY, 503, 0, 30000, true, "HTTP 503"},
        {HEAD("503 Busy") "Retry-After: Mon, 23 Nov 1998 06:00:30 GMT\r\nContent-Length: 0\r\n\r\n", OUTCOME_RETRY, 503,
         0, 0, true, "HTTP 503"},
        {HEAD("503 Busy") "Content-Length: 0\r\n\r\n", OUTCOME_RETRY, 503, 0, -1, false, "HTTP 503"},
        {HEAD("302 Found") "Location: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", OUTCOME_STOP, 302, 0, -1,
         false, "HTTP 302"},
        {"HTTP/1.1 103 Early Hints\r\nRetry-After: 5\r\n\r\n" HEAD("200 OK") "Content-Length: 2\r\n\r\n{}",
         OUTCOME_DONE, 200, 0, -1, false, "HTTP 200"},
        {HEAD("200 OK") "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", OUTCOME_DONE, 200, 0, -1, false,
         "HTTP 200"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        server_behave(server, SERVER_REPLIES, cases[i].reply, 0);
        struct outcome outcome = run(WD_ACTION_FLAG);
        if (outcome.class != cases[i].class)
            fail_msg("%s: %s (%s)", cases[i].reply, outcome_class_name(outcome.class), outcome.text);
        assert_int_equal(outcome.http_status, cases[i].status);
        assert_int_equal(outcome.platform_code, cases[i].code);
        assert_int_equal(outcome.retry_after_ms, cases[i].retry_after_ms);
        assert_int_equal(outcome.throttled, cases[i].throttled);
        assert_false(outcome.ambiguous);
        expect_part(outcome.text, cases[i].text);
    }
    assert_int_equal(server_connections(server), 1); /* all of it over one kept connection */
}

static void a_date_without_a_date_header_is_relative_to_the_clock(void **state)
{
    (void)state;
    char reply[256], date[64];
    time_t soon = time(NULL) + 100;
    struct tm broken;
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&soon, &broken));
    snprintf(reply, sizeof(reply), "HTTP/1.1 429 Slow\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n", date);
    server_behave(server, SERVER_REPLIES, reply, 0);
    struct outcome outcome = run(WD_ACTION_FLAG);
    assert_in_range(outcome.retry_after_ms, 60000, 100000);
}

static void retry_after_forms(void **state)
{
    (void)state;
    static const char date[] = "Mon, 23 Nov 2026 06:00:00 GMT";
    static const struct {
        const char *value;
        int64_t wanted_ms;
    } cases[] = {
        {"0", 0},
        {"1", 1000},
        {" 120 ", 120000},
        {"3600", 3600000},
        {"3601", 3600000},
        {"18446744073709551616", 3600000},
        {"00000000000000000000000000000002", 2000},
        {"", -1},
        {"-1", -1},
        {"+5", -1},
        {"1.5", -1},
        {"5s", -1},
        {"5 6", -1},
        {"soon", -1},
        {"0x10", -1},
        {"Mon, 23 Nov 2026 06:00:10 GMT", 10000},
        {"Monday, 23-Nov-26 06:01:00 GMT", 60000},
        {"Mon Nov 23 06:00:05 2026", 5000},
        {"Mon, 23 Nov 2026 05:59:59 GMT", 0},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Fri, 31 Dec 9999 23:59:59 GMT", 3600000},
        {"Mon, 99 Nov 2026 66:66:66 GMT", -1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t got = retry_after_ms(cases[i].value, date, 0);
        if (got != cases[i].wanted_ms)
            fail_msg("'%s': %lld ms", cases[i].value, (long long)got);
    }
    assert_int_equal(retry_after_ms("Thu, 01 Jan 1970 00:00:10 GMT", "", 4), 6000);
    assert_int_equal(retry_after_ms("Thu, 01 Jan 1970 00:00:10 GMT", "no date", 4), 6000);
    assert_int_equal(retry_after_ms("Thu, 01 Jan 1970 00:00:10 GMT", NULL, 4), 6000);
}

static void an_answer_that_repeats_the_token_is_blanked(void **state)
{
    (void)state;
    server_behave(server, SERVER_REPLIES,
                  "HTTP/1.1 400 Bad\r\nContent-Length: 65\r\n\r\n"
                  "{\"code\":400000,\"message\":\"token " SECRET " is not allowed\"}    ",
                  0);
    struct outcome outcome = run(WD_ACTION_FLAG);
    expect_part(outcome.text, "token ************ is not allowed");
}

static void a_huge_answer_is_cut_and_classified_by_its_status(void **state)
{
    (void)state;
    server_behave(server, SERVER_FLOODS, "HTTP/1.1 500 Oops\r\nTransfer-Encoding: identity\r\n\r\n", 0);
    struct outcome outcome = run(WD_ACTION_FLAG);
    assert_int_equal(outcome.class, OUTCOME_RETRY);
    assert_int_equal(outcome.http_status, 500);
    assert_false(outcome.ambiguous);
    expect_part(outcome.text, "truncated");
    server_behave(server, SERVER_FLOODS, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", 0);
    outcome = run(WD_ACTION_FLAG);
    assert_int_equal(outcome.class, OUTCOME_DONE);
    assert_int_equal(outcome.http_status, 200);
    server_behave(server, SERVER_REPLIES, SERVER_OK, 0);
    assert_int_equal(run(WD_ACTION_FLAG).class, OUTCOME_DONE);
}

static void headers_without_end_are_cut(void **state)
{
    (void)state;
    server_behave(server, SERVER_FLOODS_LINES, "HTTP/1.1 200 OK\r\n", 0);
    struct outcome outcome = run(WD_ACTION_FLAG);
    assert_int_equal(outcome.class, OUTCOME_RETRY);
    assert_true(outcome.ambiguous);
    assert_int_equal(outcome.http_status, 0);
}

/* Failures on the way. */

static void expect_ambiguous_retry(const char *part)
{
    struct outcome outcome = run(WD_ACTION_FLAG);
    assert_int_equal(outcome.class, OUTCOME_RETRY);
    assert_true(outcome.ambiguous);
    assert_int_equal(outcome.http_status, 0);
    assert_int_equal(outcome.retry_after_ms, -1);
    assert_false(outcome.throttled);
    expect_part(outcome.text, part);
}

static void an_answer_that_does_not_come_whole_is_ambiguous(void **state)
{
    (void)state;
    static const char part[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"code\"";
    server_behave(server, SERVER_CLOSES, "", 0);
    expect_ambiguous_retry("the connection broke");
    server_behave(server, SERVER_RESETS, "", 0);
    expect_ambiguous_retry("the connection broke");
    server_behave(server, SERVER_CLOSES, part, 0);
    expect_ambiguous_retry("the connection broke");
    server_behave(server, SERVER_RESETS, part, 0);
    expect_ambiguous_retry("the connection broke");
    server_behave(server, SERVER_CLOSES, "HTTP/1.1 200 OK\r\nContent-Le", 0);
    expect_ambiguous_retry("the connection broke");
    server_behave(server, SERVER_CLOSES, "220 smtp.example ready\r\n", 0);
    expect_ambiguous_retry("the answer is no HTTP");
}

static void a_kept_connection_that_dies_costs_one_request_and_not_two(void **state)
{
    (void)state;
    assert_int_equal(run(WD_ACTION_FLAG).class, OUTCOME_DONE);
    server_behave(server, SERVER_RESETS, "", 0);
    expect_ambiguous_retry("closed before an answer came");
    assert_int_equal(server_wait_requests(server, 2), 2);
    server_behave(server, SERVER_REPLIES, SERVER_OK, 0);
    assert_int_equal(run(WD_ACTION_FLAG).class, OUTCOME_DONE);
    assert_int_equal(server_wait_requests(server, 3), 3); /* none was sent by libcurl on its own */
}

static void a_slow_answer_passes_its_deadline(void **state)
{
    (void)state;
    options.total_timeout_ms = 100;
    open_client();
    server_behave(server, SERVER_HOLDS, "", 0);
    expect_ambiguous_retry("no whole answer within 100 ms");
    /* A body that trickles does not move the deadline. */
    server_behave(server, SERVER_FLOODS_LINES, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n", 0);
    options.max_answer_bytes = SIZE_MAX / 2;
    open_client();
    expect_ambiguous_retry("no whole answer within 100 ms");
}

static void where_nothing_listens_nothing_was_sent(void **state)
{
    (void)state;
    options.base_url = "http://127.0.0.1:1";
    open_client();
    struct outcome outcome = run(WD_ACTION_FLAG);
    assert_int_equal(outcome.class, OUTCOME_RETRY);
    assert_false(outcome.ambiguous);
    assert_int_equal(outcome.http_status, 0);
    expect_part(outcome.text, "cannot connect");
    options.base_url = "http://does-not-exist.invalid";
    open_client();
    outcome = run(WD_ACTION_FLAG);
    assert_int_equal(outcome.class, OUTCOME_RETRY);
    assert_false(outcome.ambiguous);
    expect_part(outcome.text, "cannot be resolved");
}

static void a_connection_that_is_not_accepted_times_out_before_sending(void **state)
{
    (void)state;
    /* A listener whose queue is full leaves further connections without an answer. */
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int fillers[8], listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(listener, 0), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    for (int i = 0; i < 8; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (struct sockaddr *)&address, length);
    }
    char base[64];
    snprintf(base, sizeof(base), "http://127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
    options.base_url = base;
    options.connect_timeout_ms = 100;
    open_client();
    struct outcome outcome = run(WD_ACTION_FLAG);
    assert_int_equal(outcome.class, OUTCOME_RETRY);
    assert_false(outcome.ambiguous);
    expect_part(outcome.text, "no connection within 100 ms");
    for (int i = 0; i < 8; i++)
        close(fillers[i]);
    close(listener);
}

/* Many, and the order of life. */

static void a_thousand_calls_at_once(void **state)
{
    (void)state;
    enum { CALLS = 1000 };
    struct seen seen = {0};
    struct platform_call call = call_of(WD_ACTION_MUTE);
    options.max_connections = CALLS;
    open_client();
    server_behave(server, SERVER_REPLIES, SERVER_OK, 20);
    for (int round = 1; round <= 2; round++) {
        for (int i = 0; i < CALLS; i++)
            submit(&call, &seen);
        assert_int_equal(client_in_flight(client), CALLS);
        turn_until(&seen, (size_t)CALLS * (size_t)round);
        assert_int_equal(seen.by_class[OUTCOME_DONE], seen.count);
        assert_int_equal(client_in_flight(client), 0);
    }
    assert_true(server_connections(server) <= CALLS); /* the second round used those of the first */
    assert_int_equal(server_wait_requests(server, 2 * CALLS), 2 * CALLS);
}

static void calls_one_after_the_other_keep_their_connection(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++)
        assert_int_equal(run(i % 2 ? WD_ACTION_FLAG : WD_ACTION_MUTE).class, OUTCOME_DONE);
    assert_int_equal(server_connections(server), 1);
}

static void more_than_max_connections_is_refused_and_not_queued(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct platform_call call = call_of(WD_ACTION_FLAG);
    struct wd_error err = {0};
    options.max_connections = 3;
    open_client();
    for (int i = 0; i < 3; i++)
        submit(&call, &seen);
    assert_int_equal(client_submit(client, &call, "k", see, &seen, &err), WD_ERR_UNAVAILABLE);
    expect_part(err.text, "3 calls are on the way");
    turn_until(&seen, 3);
    submit(&call, &seen);
    turn_until(&seen, 4);
}

static void slow_webhooks_leave_room_for_the_platform(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct platform_call flag = call_of(WD_ACTION_FLAG), notify;
    struct wd_error err = {0};
    char url[128];
    snprintf(url, sizeof(url), "%s/hook", server_url(server));
    assert_int_equal(action_table_notify_call(table, wd_str_from(url), wd_str_from("{}"), &notify, &err), WD_OK);
    options.max_connections = 8;
    open_client();
    server_behave(server, SERVER_REPLIES, SERVER_OK, 50);
    size_t accepted = 0;
    while (client_submit(client, &notify, "k", see, &seen, &err) == WD_OK)
        accepted++;
    assert_int_equal(err.status, WD_ERR_UNAVAILABLE);
    assert_in_range(accepted, 1, 4);
    for (size_t i = accepted; i < 8; i++)
        submit(&flag, &seen);
    turn_until(&seen, 8);
    assert_int_equal(client_submit(client, &notify, "k", see, &seen, &err), WD_OK);
    turn_until(&seen, 9);
    assert_int_equal(seen.by_class[OUTCOME_DONE], 9);
}

static void a_key_that_cannot_stand_in_a_header_is_refused(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct platform_call call = call_of(WD_ACTION_FLAG);
    struct wd_error err = {0};
    char long_key[1000];
    memset(long_key, 'k', sizeof(long_key) - 1);
    long_key[sizeof(long_key) - 1] = '\0';
    assert_int_equal(client_submit(client, &call, "a\r\nX-Injected: 1", see, &seen, &err), WD_ERR_INVALID);
    assert_int_equal(client_submit(client, &call, "\xc3\xa9", see, &seen, &err), WD_ERR_INVALID);
    assert_int_equal(client_submit(client, &call, long_key, see, &seen, &err), WD_ERR_INVALID);
    assert_int_equal(client_in_flight(client), 0);
    assert_int_equal(run(WD_ACTION_FLAG).class, OUTCOME_DONE);
}

/* A callback that submits the next call, so that there is never a pause. */
struct chain {
    struct platform_call call;
    int left;
    struct seen seen;
};

static void submit_next(void *context, const struct outcome *outcome)
{
    struct chain *chain = context;
    see(&chain->seen, outcome);
    struct wd_error err = {0};
    if (--chain->left > 0 && client_submit(client, &chain->call, "k", submit_next, chain, &err) != WD_OK)
        fail_msg("%s", err.text);
}

static void a_callback_may_submit(void **state)
{
    (void)state;
    struct wd_error err = {0};
    struct chain chain = {.call = call_of(WD_ACTION_FLAG), .left = 100};
    options.max_connections = 1; /* the finished call has given its place back already */
    open_client();
    assert_int_equal(client_submit(client, &chain.call, "k", submit_next, &chain, &err), WD_OK);
    turn_until(&chain.seen, 100);
    assert_int_equal(chain.seen.by_class[OUTCOME_DONE], 100);
    assert_int_equal(server_connections(server), 1);
}

static void free_the_client(void *context, const struct outcome *outcome)
{
    see(context, outcome);
    client_free(client);
    client = NULL;
}

static void a_callback_may_free_the_client(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct platform_call call = call_of(WD_ACTION_FLAG);
    struct wd_error err = {0};
    for (int i = 0; i < 10; i++)
        assert_int_equal(client_submit(client, &call, "k", free_the_client, &seen, &err), WD_OK);
    turn_until(&seen, 1);
    for (int i = 0; i < 10; i++)
        loop_turn(loop, 5);
    assert_int_equal(seen.count, 1); /* the others are not told */
}

static void freeing_with_calls_on_the_way_tells_nobody(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct platform_call call = call_of(WD_ACTION_FLAG);
    server_behave(server, SERVER_HOLDS, "", 0);
    for (int i = 0; i < 20; i++)
        submit(&call, &seen);
    for (int i = 0; i < 200 && server_wait_requests(server, 0) < 10; i++)
        loop_turn(loop, 5);
    client_free(client);
    client = NULL;
    for (int i = 0; i < 5; i++)
        loop_turn(loop, 5);
    assert_int_equal(seen.count, 0);
}

static void a_new_token_is_used_for_new_calls_and_the_old_one_to_the_end(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct platform_call call = call_of(WD_ACTION_FLAG);
    struct wd_error err = {0};
    server_behave(server, SERVER_REPLIES, SERVER_OK, 100);
    submit(&call, &seen);
    for (int i = 0; i < 2000 && server_wait_requests(server, 0) < 1; i++)
        loop_turn(loop, 1);
    write_file(token_path, "", "rotated");
    assert_true(token_reload(token, &err));
    submit(&call, &seen);
    turn_until(&seen, 2);
    assert_int_equal(seen.by_class[OUTCOME_DONE], 2);
    char *first = request(0), *second = request(1);
    expect_part(first, "Authorization: Bearer " SECRET "\r\n");
    expect_part(second, "Authorization: Bearer rotated\r\n");
    free(first);
    free(second);
}

static void the_environment_s_proxy_is_not_used(void **state)
{
    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("all_proxy", "http://127.0.0.1:1", 1);
    open_client();
    struct outcome direct = run(WD_ACTION_FLAG);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    assert_int_equal(direct.class, OUTCOME_DONE);
    options.proxy = server_url(server); /* a configured one is */
    options.base_url = "http://platform.invalid";
    open_client();
    assert_int_equal(run(WD_ACTION_FLAG).class, OUTCOME_DONE);
    char *text = request(1);
    expect_part(text, "POST http://platform.invalid/api/v3/posts/p%2F1/flag HTTP/1.1\r\n");
    free(text);
}

static void bad_options_are_refused(void **state)
{
    (void)state;
    static const char *const urls[] = {"",
                                       "platform.example",
                                       "ftp://platform.example",
                                       "file:///etc/passwd",
                                       "https://",
                                       "https://user:secret@platform.example",
                                       "https://platform.example/?a=b",
                                       "https://platform.example/#x",
                                       "https://plat form.example"};
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct wd_error err = {0};
        options.base_url = urls[i];
        if (client_new(&options, loop, table, token, &err))
            fail_msg("'%s' was accepted", urls[i]);
        assert_int_equal(err.status, WD_ERR_INVALID);
        assert_null(strstr(err.text, "secret"));
    }
    struct wd_error err = {0};
    options.base_url = "https://platform.example";
    options.ca_file = "/nonexistent/ca.pem";
    assert_null(client_new(&options, loop, table, token, &err));
    expect_part(err.text, "/nonexistent/ca.pem");
    options.ca_file = NULL;
    options.max_connections = 0;
    assert_null(client_new(&options, loop, table, token, &err));
    assert_int_equal(err.status, WD_ERR_INVALID);
}

static void the_check_tells_a_refused_token_from_a_platform_that_is_away(void **state)
{
    (void)state;
    struct wd_error err = {0};
    assert_int_equal(client_check_token(&options, token, &err), WD_OK);
    char *text = request(0);
    expect_part(text, "GET /api/v3/communities HTTP/1.1\r\n");
    expect_part(text, "\r\nAuthorization: Bearer " SECRET "\r\n");
    free(text);
    options.check_path = "/api/v3/sessions";
    server_behave(server, SERVER_REPLIES, "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", 0);
    assert_int_equal(client_check_token(&options, token, &err), WD_ERR_REFUSED);
    expect_part(err.text, "platform.token_file");
    text = request(1);
    expect_part(text, "GET /api/v3/sessions HTTP/1.1\r\n");
    free(text);
    server_behave(server, SERVER_REPLIES, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", 0);
    assert_int_equal(client_check_token(&options, token, &err), WD_ERR_UNAVAILABLE);
    expect_part(err.text, "platform.base_url");
    options.base_url = "http://127.0.0.1:1";
    assert_int_equal(client_check_token(&options, token, &err), WD_ERR_UNAVAILABLE);
    expect_part(err.text, "cannot connect");
    options.base_url = "nonsense";
    assert_int_equal(client_check_token(&options, token, &err), WD_ERR_INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_call_with_a_body_goes_out_as_it_should),
        TEST(calls_without_a_body_say_so),
        TEST(the_api_key_is_sent_when_there_is_one),
        TEST(a_webhook_gets_the_decision_and_no_secret),
        TEST(a_base_path_is_kept_and_its_last_slash_is_not_doubled),
        TEST(answers_become_outcomes),
        TEST(a_date_without_a_date_header_is_relative_to_the_clock),
        TEST(retry_after_forms),
        TEST(an_answer_that_repeats_the_token_is_blanked),
        TEST(a_huge_answer_is_cut_and_classified_by_its_status),
        TEST(headers_without_end_are_cut),
        TEST(an_answer_that_does_not_come_whole_is_ambiguous),
        TEST(a_kept_connection_that_dies_costs_one_request_and_not_two),
        TEST(a_slow_answer_passes_its_deadline),
        TEST(where_nothing_listens_nothing_was_sent),
        TEST(a_connection_that_is_not_accepted_times_out_before_sending),
        TEST(a_thousand_calls_at_once),
        TEST(calls_one_after_the_other_keep_their_connection),
        TEST(more_than_max_connections_is_refused_and_not_queued),
        TEST(slow_webhooks_leave_room_for_the_platform),
        TEST(a_key_that_cannot_stand_in_a_header_is_refused),
        TEST(a_callback_may_submit),
        TEST(a_callback_may_free_the_client),
        TEST(freeing_with_calls_on_the_way_tells_nobody),
        TEST(a_new_token_is_used_for_new_calls_and_the_old_one_to_the_end),
        TEST(the_environment_s_proxy_is_not_used),
        TEST(bad_options_are_refused),
        TEST(the_check_tells_a_refused_token_from_a_platform_that_is_away),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
