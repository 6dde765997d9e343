/* The client over TLS: a certificate of our own making is refused without ca_file and accepted with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/platform/client.h"

static char folder[] = "/tmp/warden-tls-XXXXXX";
static char base_url[64], key_path[64], certificate_path[64], token_path[64], other_path[64];
static char *key, *certificate;
static struct MHD_Daemon *daemon_;
static unsigned requests;
static struct action_table *table;
static struct loop *loop;
static struct token *token;

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_size, void **request)
{
    (void)context;
    (void)url;
    (void)method;
    (void)version;
    (void)upload;
    if (!*request) {
        *request = &requests;
        return MHD_YES;
    }
    if (*upload_size) {
        *upload_size = 0;
        return MHD_YES;
    }
    requests++;
    static char body[] = "{}";
    struct MHD_Response *response = MHD_create_response_from_buffer(2, body, MHD_RESPMEM_PERSISTENT);
    enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

static char *read_file(const char *path)
{
    char *text = calloc(1, 16384);
    FILE *file = fopen(path, "r");
    if (!text || !file)
        abort();
    if (fread(text, 1, 16383, file) == 0)
        abort();
    fclose(file);
    return text;
}

static int make_certificate(const char *key_to, const char *certificate_to, const char *names)
{
    char command[512];
    snprintf(command, sizeof(command),
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=warden-test "
             "-addext subjectAltName=%s -keyout %s -out %s >/dev/null 2>&1",
             names, key_to, certificate_to);
    return system(command); /* NOLINT(cert-env33-c): a fixed command on our own folder */
}

static int set_up(void **state)
{
    (void)state;
    struct wd_error err = {0};
    if (!mkdtemp(folder))
        return -1;
    snprintf(key_path, sizeof(key_path), "%s/key.pem", folder);
    snprintf(certificate_path, sizeof(certificate_path), "%s/certificate.pem", folder);
    snprintf(other_path, sizeof(other_path), "%s/other.pem", folder);
    snprintf(token_path, sizeof(token_path), "%s/token", folder);
    if (make_certificate(key_path, other_path, "IP:127.0.0.1") != 0 ||
        make_certificate(key_path, certificate_path, "IP:127.0.0.1") != 0)
        return -1;
    key = read_file(key_path);
    certificate = read_file(certificate_path);
    daemon_ = MHD_start_daemon(MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_TLS, 0, NULL, NULL, answer, NULL,
                               MHD_OPTION_HTTPS_MEM_KEY, key, MHD_OPTION_HTTPS_MEM_CERT, certificate, MHD_OPTION_END);
    if (!daemon_)
        return -1;
    snprintf(base_url, sizeof(base_url), "https://127.0.0.1:%u",
             (unsigned)MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_BIND_PORT)->port);
    FILE *file = fopen(token_path, "w");
    fputs("abc", file);
    fclose(file);
    struct wd_diagnostics *findings = wd_diagnostics_new();
    enum wd_status status = action_table_load(SOURCE_DIR "/config/platforms/socialplus.yaml", &table, findings);
    wd_diagnostics_free(findings);
    loop = loop_new(&err);
    token = token_new(token_path, NULL, &err);
    return status == WD_OK && loop && token ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    MHD_stop_daemon(daemon_);
    free(key);
    free(certificate);
    action_table_free(table);
    token_free(token);
    loop_free(loop);
    unlink(key_path);
    unlink(certificate_path);
    unlink(other_path);
    unlink(token_path);
    return rmdir(folder);
}

static struct client_options options_with(const char *ca_file)
{
    return (struct client_options){
        .base_url = base_url,
        .ca_file = ca_file,
        .user_agent = "warden/test",
        .connect_timeout_ms = 20000,
        .total_timeout_ms = 20000,
        .max_answer_bytes = 4096,
        .max_connections = 50,
    };
}

struct seen {
    int count, done;
    struct outcome last;
};

static void see(void *context, const struct outcome *outcome)
{
    struct seen *seen = context;
    seen->count++;
    seen->done += outcome->class == OUTCOME_DONE;
    seen->last = *outcome;
}

static struct seen run(const struct client_options *options, const struct platform_call *call, int count)
{
    struct wd_error err = {0};
    struct seen seen = {0};
    struct client *client = client_new(options, loop, table, token, &err);
    if (!client)
        fail_msg("%s", err.text);
    for (int i = 0; i < count; i++)
        assert_int_equal(client_submit(client, call, "k", see, &seen, &err), WD_OK);
    for (int i = 0; i < 20000 && seen.count < count; i++)
        loop_turn(loop, 1000);
    assert_int_equal(seen.count, count);
    client_free(client);
    return seen;
}

static const struct platform_call CALL = {.method = HTTP_POST, .path = {.data = "/x", .len = 2}};

static void an_unknown_certificate_stops_and_nothing_is_sent(void **state)
{
    (void)state;
    const char *const authorities[] = {NULL, other_path};
    for (int i = 0; i < 2; i++) {
        struct client_options options = options_with(authorities[i]);
        unsigned before = requests;
        struct seen seen = run(&options, &CALL, 1);
        assert_int_equal(seen.last.class, OUTCOME_STOP);
        assert_false(seen.last.ambiguous);
        assert_non_null(strstr(seen.last.text, "certificate is refused"));
        assert_int_equal(requests, before);
        struct wd_error err = {0};
        assert_int_equal(client_check_token(&options, token, &err), WD_ERR_UNAVAILABLE);
        assert_non_null(strstr(err.text, "certificate is refused"));
    }
}

static void a_certificate_for_another_host_stops(void **state)
{
    (void)state;
    struct client_options options = options_with(certificate_path);
    char other_name[64];
    snprintf(other_name, sizeof(other_name), "https://localhost:%s", strrchr(base_url, ':') + 1);
    options.base_url = other_name; /* the certificate names 127.0.0.1 only */
    struct seen seen = run(&options, &CALL, 1);
    assert_int_equal(seen.last.class, OUTCOME_STOP);
}

static void with_its_authority_it_is_accepted(void **state)
{
    (void)state;
    struct client_options options = options_with(certificate_path);
    unsigned before = requests;
    struct seen seen = run(&options, &CALL, 50);
    assert_int_equal(seen.done, 50);
    assert_int_equal(requests, before + 50);
    struct wd_error err = {0};
    if (client_check_token(&options, token, &err) != WD_OK)
        fail_msg("%s", err.text);
}

static void a_file_that_holds_no_certificate_stops(void **state)
{
    (void)state;
    struct client_options options = options_with(token_path);
    struct seen seen = run(&options, &CALL, 1);
    assert_int_equal(seen.last.class, OUTCOME_STOP);
    assert_non_null(strstr(seen.last.text, "ca_file"));
}

static void a_webhook_with_a_bad_certificate_does_not_stop_moderation(void **state)
{
    (void)state;
    struct client_options options = options_with(NULL);
    struct platform_call call = {.method = HTTP_POST, .path = wd_str_from(base_url), .body = wd_str_from("{}")};
    struct seen seen = run(&options, &call, 1);
    assert_int_equal(seen.last.class, OUTCOME_RETRY);
    options.ca_file = certificate_path;
    assert_int_equal(run(&options, &call, 1).done, 1);
}

static void cleartext_to_a_tls_port_and_back_fails_clearly(void **state)
{
    (void)state;
    struct client_options options = options_with(NULL);
    char cleartext[64];
    snprintf(cleartext, sizeof(cleartext), "http://%s", base_url + 8);
    options.base_url = cleartext;
    struct seen seen = run(&options, &CALL, 1);
    assert_int_equal(seen.last.class, OUTCOME_RETRY);
    assert_true(seen.last.text[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_certificate_stops_and_nothing_is_sent),
        cmocka_unit_test(a_certificate_for_another_host_stops),
        cmocka_unit_test(with_its_authority_it_is_accepted),
        cmocka_unit_test(a_file_that_holds_no_certificate_stops),
        cmocka_unit_test(a_webhook_with_a_bad_certificate_does_not_stop_moderation),
        cmocka_unit_test(cleartext_to_a_tls_port_and_back_fails_clearly),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
