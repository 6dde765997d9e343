/* The sandbox's parts that need no HTTP (faults, objects, journal, text), and its functions for other threads with real
 * calls by libcurl. What the platform answers is tested in tests/integration/sandbox_test.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/platform/sandbox/faults.h"
#include "worker/platform/sandbox/journal.h"
#include "worker/platform/sandbox/sandbox.h"
#include "worker/platform/sandbox/tokens.h"

static enum wd_status add(struct faults *faults, const char *json, uint64_t now_ns, struct wd_error *err)
{
    json_t *value = json_loads(json, 0, NULL);
    assert_non_null(value);
    enum wd_status status = faults_add(faults, value, now_ns, err);
    json_decref(value);
    return status;
}

static struct fault_effect decide(struct faults *faults, const char *method, const char *path, const char *action,
                                  uint64_t now_ns)
{
    const char *users[] = {"ann", "bob"};
    struct fault_subject subject = {
        .method = method, .path = path, .action = action, .object_id = "m1", .user_ids = users, .user_count = 2};
    struct fault_effect effect;
    faults_decide(faults, &subject, now_ns, &effect);
    return effect;
}

static struct fault_effect decide_ban(struct faults *faults, uint64_t now_ns)
{
    return decide(faults, "POST", "/api/v2/users/ban", "ban", now_ns);
}

static void test_fault_errors_name_the_key(void **state)
{
    (void)state;
    static const char *const WRONG[][2] = {
        {"{\"kind\":\"statis\",\"status\":500}", "'kind'"},
        {"{}", "'kind'"},
        {"[]", ""},
        {"{\"kind\":\"status\"}", "'status'"},
        {"{\"kind\":\"reset\",\"status\":500}", "'status'"},
        {"{\"status\":600}", "'status'"},
        {"{\"status\":500,\"shar\":1}", "'shar'"},
        {"{\"status\":500,\"share\":1.5}", "'share'"},
        {"{\"status\":500,\"count\":-1}", "'count'"},
        {"{\"status\":500,\"count\":\"3\"}", "'count'"},
        {"{\"status\":500,\"path\":3}", "'path'"},
        {"{\"status\":500,\"execute\":1}", "'execute'"},
        {"{\"kind\":\"slow\"}", "'latency_ms'"},
        {"{\"kind\":\"broken_json\",\"execute\":false}", "'execute'"},
        {"{\"latency_ms\":[9,3]}", "'latency_ms'"},
        {"{\"status\":429,\"retry_after\":1.5}", "'retry_after'"},
        {"{\"status\":429,\"retry_after\":\"a\\r\\nb\"}", "'retry_after'"},
        {"{\"status\":500,\"period_ms\":5,\"on_ms\":6}", "'on_ms'"},
        {"{\"kind\":\"slow_body\",\"bytes\":0}", "'bytes'"},
        {"[{\"status\":500},{\"status\":1}]", "'status'"},
    };
    struct faults *faults = faults_new(1, 0, 0);
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(*WRONG); i++) {
        struct wd_error err = {0};
        enum wd_status status = add(faults, WRONG[i][0], 0, &err);
        if (strcmp(WRONG[i][0], "[]") == 0) {
            assert_int_equal(status, WD_OK);
            continue;
        }
        assert_int_equal(status, WD_ERR_INVALID);
        if (!strstr(err.text, WRONG[i][1]))
            fail_msg("%s gave: %s", WRONG[i][0], err.text);
    }
    /* All or none: the good half of the last list is not in force. */
    assert_int_equal(decide_ban(faults, 0).kind, FAULT_NONE);
    faults_free(faults);
}

static void test_fault_filters(void **state)
{
    (void)state;
    struct faults *faults = faults_new(1, 0, 0);
    assert_int_equal(
        add(faults, "{\"status\":503,\"method\":\"post\",\"path\":\"/api/v2/*\",\"action\":\"ban\"}", 0, NULL), WD_OK);
    assert_int_equal(decide(faults, "PUT", "/api/v2/users/ban", "ban", 0).kind, FAULT_NONE);
    assert_int_equal(decide(faults, "POST", "/api/v3/users/ban", "ban", 0).kind, FAULT_NONE);
    assert_int_equal(decide(faults, "POST", "/api/v2/users/unban", "unban", 0).kind, FAULT_NONE);
    struct fault_effect effect = decide_ban(faults, 0);
    assert_int_equal(effect.kind, FAULT_STATUS);
    assert_int_equal(effect.status, 503);
    assert_int_equal(effect.code, 500000);
    assert_false(effect.execute);

    faults_clear(faults);
    assert_int_equal(add(faults, "{\"kind\":\"reset\",\"user\":\"bob\",\"object\":\"m1\",\"execute\":true}", 0, NULL),
                     WD_OK);
    assert_int_equal(decide_ban(faults, 0).kind, FAULT_RESET);
    assert_true(decide_ban(faults, 0).execute);
    faults_clear(faults);
    assert_int_equal(add(faults, "{\"kind\":\"reset\",\"user\":\"carol\"}", 0, NULL), WD_OK);
    assert_int_equal(decide_ban(faults, 0).kind, FAULT_NONE);
    faults_free(faults);
}

static unsigned hits(struct faults *faults, unsigned calls, uint64_t now_ns)
{
    unsigned count = 0;
    for (unsigned i = 0; i < calls; i++)
        count += decide_ban(faults, now_ns).kind != FAULT_NONE;
    return count;
}

static void test_fault_counts_and_shares(void **state)
{
    (void)state;
    struct faults *faults = faults_new(7, 0, 0);
    assert_int_equal(add(faults, "{\"status\":500,\"skip\":3,\"count\":2}", 0, NULL), WD_OK);
    assert_int_equal(hits(faults, 3, 0), 0);
    assert_int_equal(hits(faults, 2, 0), 2);
    assert_int_equal(hits(faults, 50, 0), 0);

    faults_clear(faults);
    assert_int_equal(add(faults, "{\"status\":500,\"share\":0.25}", 0, NULL), WD_OK);
    unsigned count = hits(faults, 10000, 0);
    assert_in_range(count, 2200, 2800);

    faults_clear(faults);
    assert_int_equal(add(faults, "{\"status\":429,\"above_per_second\":10}", 0, NULL), WD_OK);
    assert_int_equal(hits(faults, 15, 5000000000u), 5);
    assert_int_equal(hits(faults, 12, 6500000000u), 2);
    faults_free(faults);
}

static void test_fault_schedule(void **state)
{
    (void)state;
    enum { MS = 1000000 };
    struct faults *faults = faults_new(1, 0, 0);
    const char *json = "{\"status\":500,\"after_ms\":100,\"for_ms\":1000,\"period_ms\":200,\"on_ms\":50}";
    uint64_t set = 77 * (uint64_t)MS;
    assert_int_equal(add(faults, json, set, NULL), WD_OK);
    assert_int_equal(hits(faults, 1, set + 99ull * MS), 0);
    assert_int_equal(hits(faults, 1, set + 100ull * MS), 1);
    assert_int_equal(hits(faults, 1, set + 149ull * MS), 1);
    assert_int_equal(hits(faults, 1, set + 150ull * MS), 0);
    assert_int_equal(hits(faults, 1, set + 300ull * MS), 1);
    assert_int_equal(hits(faults, 1, set + 1099ull * MS), 0);
    assert_int_equal(hits(faults, 1, set + 1100ull * MS), 0);
    faults_free(faults);
}

/* The pattern of hits of 64 calls, as bits. */
static uint64_t pattern(uint64_t seed)
{
    uint64_t bits = 0;
    struct faults *faults = faults_new(seed, 0, 0);
    assert_int_equal(add(faults, "{\"status\":500,\"share\":0.5}", 0, NULL), WD_OK);
    for (int i = 0; i < 64; i++)
        bits = bits << 1 | (decide_ban(faults, 0).kind != FAULT_NONE);
    faults_free(faults);
    return bits;
}

static void test_fault_seed(void **state)
{
    (void)state;
    assert_true(pattern(3) == pattern(3));
    assert_true(pattern(3) != pattern(4));
}

static void test_fault_delays_add_up(void **state)
{
    (void)state;
    struct faults *faults = faults_new(1, 10, 20);
    assert_int_equal(
        add(faults, "[{\"latency_ms\":[5,6]},{\"status\":500},{\"latency_ms\":100},{\"kind\":\"reset\"}]", 0, NULL),
        WD_OK);
    for (int i = 0; i < 200; i++) {
        struct fault_effect effect = decide_ban(faults, 0);
        assert_int_equal(effect.kind, FAULT_STATUS);
        assert_in_range(effect.delay_ns, 115000000, 126000000);
    }
    faults_free(faults);
}

static void test_fault_retry_after(void **state)
{
    (void)state;
    static const char *const FORMS[][2] = {
        {"{\"status\":429,\"retry_after\":7}", "7"},
        {"{\"status\":429,\"retry_after\":\"soon\"}", "soon"},
        {"{\"status\":429,\"retry_after\":\"none\"}", ""},
        {"{\"status\":429,\"retry_after\":null}", ""},
        {"{\"status\":429}", ""},
        {"{\"status\":429,\"retry_after\":\"absurd\"}", "99999999999999999999"},
    };
    struct faults *faults = faults_new(1, 0, 0);
    for (size_t i = 0; i < sizeof(FORMS) / sizeof(*FORMS); i++) {
        faults_clear(faults);
        assert_int_equal(add(faults, FORMS[i][0], 0, NULL), WD_OK);
        assert_string_equal(decide_ban(faults, 0).retry_after, FORMS[i][1]);
    }
    faults_clear(faults);
    assert_int_equal(add(faults, "{\"status\":429,\"retry_after\":{\"date_in_s\":3600}}", 0, NULL), WD_OK);
    struct fault_effect effect = decide_ban(faults, 0);
    assert_int_equal(strlen(effect.retry_after), strlen("Mon, 01 Jan 2024 00:00:00 GMT"));
    time_t when = curl_getdate(effect.retry_after, NULL), now = time(NULL);
    assert_true(when >= now + 3590 && when <= now + 3600);
    assert_int_equal(effect.code, 400311);
    faults_free(faults);
}

static void test_objects(void **state)
{
    (void)state;
    struct objects *objects = objects_new();
    char id[32];
    for (int i = 0; i < 5000; i++) {
        snprintf(id, sizeof(id), "u%d", i);
        assert_non_null(objects_make(objects, OBJECT_USER, id, 0));
    }
    assert_int_equal(objects_count(objects, OBJECT_USER), 5000);
    struct object *user = objects_find(objects, OBJECT_USER, "u4999");
    assert_non_null(user);
    assert_ptr_equal(objects_make(objects, OBJECT_USER, "u4999", 0), user);
    assert_null(objects_find(objects, OBJECT_POST, "u4999"));
    assert_null(objects_find(objects, OBJECT_USER, "u5000"));

    struct object *one = objects_make(objects, OBJECT_CHANNEL, "c1", 0);
    struct object *two = objects_make(objects, OBJECT_CHANNEL, "c2", 0);
    objects_make_member(objects, one, "ann", 0)->is_banned = true;
    assert_null(objects_find_member(objects, two, "ann"));
    assert_true(objects_find_member(objects, one, "ann")->is_banned);

    bool failed = false;
    assert_true(object_flag(user, "ann", &failed));
    assert_false(object_flag(user, "ann", &failed));
    assert_true(object_flag(user, "bob", &failed));
    assert_int_equal(user->flagger_count, 2);
    assert_true(object_unflag(user, "ann"));
    assert_false(object_unflag(user, "ann"));
    assert_int_equal(user->flagger_count, 1);
    assert_false(failed);
    objects_free(objects);
}

static void test_json_text(void **state)
{
    (void)state;
    static const char *const TEXTS[][2] = {
        {"plain", "\"plain\""},
        {"a\"b\\c\n\t\x7f", "\"a\\\"b\\\\c\\n\\u0009\\u007f\""},
        {"gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80", "\"gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80\""},
        {"\xFF\xC3", "\"\\ufffd\\ufffd\""},
        {"\xED\xA0\x80", "\"\\ufffd\\ufffd\\ufffd\""},
        {"\xC0\xAF", "\"\\ufffd\\ufffd\""},
    };
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(*TEXTS); i++) {
        struct buffer out = {0};
        buffer_json(&out, TEXTS[i][0]);
        assert_string_equal(out.data, TEXTS[i][1]);
        buffer_free(&out);
    }
    struct buffer out = {0};
    buffer_json(&out, NULL);
    assert_string_equal(out.data, "null");
    buffer_free(&out);
}

static void test_tokens(void **state)
{
    (void)state;
    struct tokens *tokens = tokens_new();
    struct wd_error err;
    assert_int_equal(tokens_add_admin(tokens, "one", "secret-1", NULL, INT64_MAX, &err), WD_OK);
    assert_int_equal(tokens_add_admin(tokens, "one", "secret-2", NULL, INT64_MAX, &err), WD_ERR_INVALID);
    assert_int_equal(tokens_add_admin(tokens, "two", "secret-2", NULL, INT64_MAX, &err), WD_OK);
    assert_non_null(tokens_find(tokens, "secret-1", 1000));
    assert_null(tokens_find(tokens, "secret-", 1000));
    assert_null(tokens_find(tokens, "secret-1x", 1000));
    assert_int_equal(tokens_end(tokens, "one", 2000, &err), WD_OK);
    assert_non_null(tokens_find(tokens, "secret-1", 1999));
    assert_null(tokens_find(tokens, "secret-1", 2000));
    assert_non_null(tokens_find(tokens, "secret-2", 2000));
    assert_int_equal(tokens_end(tokens, "three", 0, &err), WD_ERR_NOT_FOUND);

    struct token_entry *first = tokens_add_session(tokens, "ann", "phone", 0, &err);
    char *first_secret = strdup(first->secret);
    assert_non_null(tokens_find(tokens, first_secret, 30ll * 24 * 3600 * 1000 - 1));
    assert_null(tokens_find(tokens, first_secret, 30ll * 24 * 3600 * 1000));
    assert_non_null(tokens_add_session(tokens, "ann", "tablet", 0, &err));
    assert_non_null(tokens_add_session(tokens, "bob", "phone", 0, &err)); /* another user on ann's phone */
    assert_null(tokens_find(tokens, first_secret, 0));
    assert_int_equal(tokens_end_sessions(tokens, "ann"), 1);
    assert_int_equal(tokens_end_sessions(tokens, "bob"), 1);
    free(first_secret);
    tokens_free(tokens);
}

static void test_journal_is_bounded(void **state)
{
    (void)state;
    struct journal *journal = journal_new(10, 4);
    char uri[] = "/x?a=1";
    struct call call = {.method = "POST", .uri = uri, .path_len = 2, .action = "flag"};
    buffer_text(&call.body, "123456");
    for (int i = 0; i < 25; i++) {
        call.number = 0;
        call.executed = i % 5 == 0;
        journal_begin(journal, &call, 0, journal_tick(journal));
        assert_int_equal(call.number, i + 1);
        journal_end(journal, &call, 0);
    }
    struct buffer out = {0};
    journal_print(journal, 0, 100, NULL, &out);
    json_t *json = json_loads(out.data, 0, NULL);
    const json_t *calls = json_object_get(json, "calls");
    assert_int_equal(json_array_size(calls), 10);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(calls, 0), "n")), 16);
    assert_string_equal(json_string_value(json_object_get(json_array_get(calls, 0), "body")), "1234");
    assert_string_equal(json_string_value(json_object_get(json_array_get(calls, 0), "query")), "a=1");
    assert_int_equal(json_integer_value(json_object_get(json, "dropped")), 15);
    assert_int_equal(json_integer_value(json_object_get(json, "next")), 25);
    json_decref(json);
    buffer_free(&out);
    assert_int_equal(journal_carried_out(journal, "flag"), 5);
    assert_int_equal(journal_carried_out(journal, "ban"), 0);
    journal_clear(journal);
    assert_int_equal(journal_carried_out(journal, "flag"), 0);
    buffer_free(&call.body);
    journal_free(journal);
}

/* ---- with HTTP ---- */

static size_t ignore(char *data, size_t size, size_t count, void *context)
{
    (void)data;
    (void)context;
    return size * count;
}

/* The HTTP status, or minus curl's error. */
static long http(CURL *curl, uint16_t port, const char *method, const char *path)
{
    char url[256];
    long status = 0;
    snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", port, path);
    struct curl_slist *headers = curl_slist_append(NULL, "Authorization: Bearer secret");
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
    /* On a connection that was used before, curl sends a request that got a reset once more by itself. */
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    return code == CURLE_OK ? status : -(long)code;
}

static void test_start_errors(void **state)
{
    (void)state;
    struct wd_error err = {0};
    assert_null(sandbox_start(&(struct sandbox_options){0}, &err));
    assert_int_equal(err.status, WD_ERR_INVALID);
    assert_null(sandbox_start(&(struct sandbox_options){.token = "t", .address = "localhost"}, &err));
    assert_int_equal(err.status, WD_ERR_INVALID);
    assert_null(sandbox_start(&(struct sandbox_options){.token = "t", .faults = "{\"status\":500,"}, &err));
    assert_int_equal(err.status, WD_ERR_INVALID);
    struct sandbox *first = sandbox_start(&(struct sandbox_options){.token = "t"}, &err);
    assert_non_null(first);
    struct sandbox_options taken = {.token = "t", .port = sandbox_port(first)};
    assert_null(sandbox_start(&taken, &err));
    assert_int_equal(err.status, WD_ERR_IO);
    sandbox_stop(first);
    sandbox_stop(NULL);
}

static void test_counts_from_other_threads(void **state)
{
    (void)state;
    struct wd_error err = {0};
    struct sandbox *sandbox = sandbox_start(&(struct sandbox_options){.token = "secret"}, &err);
    assert_non_null(sandbox);
    uint16_t port = sandbox_port(sandbox);
    CURL *curl = curl_easy_init();
    assert_int_equal(http(curl, port, "POST", "/api/v5/messages/m1/flags"), 200);
    assert_int_equal(http(curl, port, "POST", "/api/v5/messages/m1/flags"), 403);
    assert_int_equal(http(curl, port, "DELETE", "/api/v5/messages/m1"), 200);
    assert_int_equal(http(curl, port, "POST", "/nowhere"), 404);
    assert_int_equal(sandbox_carried_out(sandbox, "flag"), 1);
    assert_int_equal(sandbox_carried_out(sandbox, "hide"), 1);
    assert_int_equal(sandbox_carried_out(sandbox, "dance"), 0);

    assert_int_equal(sandbox_faults_set(sandbox, "{\"status\":1}", &err), WD_ERR_INVALID);
    assert_int_equal(sandbox_faults_set(sandbox, "[{\"kind\":\"reset\",\"execute\":true}]", &err), WD_OK);
    assert_true(http(curl, port, "POST", "/api/v5/messages/m2/flags") < 0);
    assert_int_equal(sandbox_faults_set(sandbox, NULL, &err), WD_OK);
    assert_int_equal(http(curl, port, "POST", "/api/v5/messages/m2/flags"), 403); /* it had been carried out */
    assert_int_equal(sandbox_carried_out(sandbox, "flag"), 2);

    struct sandbox_counts counts = sandbox_counts(sandbox);
    assert_int_equal(counts.done, 2);
    assert_int_equal(counts.already, 2);
    assert_int_equal(counts.refused, 1);
    assert_int_equal(counts.faulted, 1);
    assert_int_equal(counts.received, 6);

    assert_int_equal(sandbox_token_add(sandbox, "second", "other", &err), WD_OK);
    assert_int_equal(sandbox_token_revoke(sandbox, "admin", 0, &err), WD_OK);
    assert_int_equal(sandbox_token_revoke(sandbox, "third", 0, &err), WD_ERR_NOT_FOUND);
    assert_int_equal(http(curl, port, "POST", "/api/v5/messages/m3/flags"), 401);
    curl_easy_cleanup(curl);
    sandbox_stop(sandbox);
}

struct client_thread {
    pthread_t thread;
    uint16_t port;
    long status;
};

static void *call_once(void *context)
{
    struct client_thread *client = context;
    CURL *curl = curl_easy_init();
    client->status = http(curl, client->port, "POST", "/api/v5/messages/m1/flags");
    curl_easy_cleanup(curl);
    return NULL;
}

static void wait_for_calls(struct sandbox *sandbox, uint64_t wanted)
{
    for (int i = 0; i < 2000 && sandbox_counts(sandbox).received < wanted; i++)
        usleep(5000);
    assert_int_equal(sandbox_counts(sandbox).received, wanted);
}

/* Hanging calls end when their fault is cleared, and when the sandbox stops: nobody waits for the client's deadline. */
static void test_hanging_calls_are_let_go(void **state)
{
    (void)state;
    struct wd_error err = {0};
    for (int stops = 0; stops < 2; stops++) {
        struct sandbox *sandbox =
            sandbox_start(&(struct sandbox_options){.token = "secret", .faults = "{\"kind\":\"hang\"}"}, &err);
        assert_non_null(sandbox);
        struct client_thread client = {.port = sandbox_port(sandbox)};
        assert_int_equal(pthread_create(&client.thread, NULL, call_once, &client), 0);
        wait_for_calls(sandbox, 1);
        if (stops)
            sandbox_stop(sandbox);
        else
            assert_int_equal(sandbox_faults_set(sandbox, NULL, &err), WD_OK);
        pthread_join(client.thread, NULL);
        assert_int_equal(client.status, -(long)CURLE_GOT_NOTHING);
        if (!stops)
            sandbox_stop(sandbox);
    }
}

int main(void)
{
    curl_global_init(CURL_GLOBAL_ALL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fault_errors_name_the_key),
        cmocka_unit_test(test_fault_filters),
        cmocka_unit_test(test_fault_counts_and_shares),
        cmocka_unit_test(test_fault_schedule),
        cmocka_unit_test(test_fault_seed),
        cmocka_unit_test(test_fault_delays_add_up),
        cmocka_unit_test(test_fault_retry_after),
        cmocka_unit_test(test_objects),
        cmocka_unit_test(test_json_text),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_journal_is_bounded),
        cmocka_unit_test(test_start_errors),
        cmocka_unit_test(test_counts_from_other_threads),
        cmocka_unit_test(test_hanging_calls_are_let_go),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
