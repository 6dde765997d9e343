/* The client over HTTP/2, against nghttpd (Debian package nghttp2-server), which speaks nothing else. Where it is not
 * installed the tests say so and are skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/platform/client.h"

enum { STREAMS = 100, CALLS = 400 };

static char folder[] = "/tmp/warden-h2-XXXXXX";
static char base_url[64], key_path[64], certificate_path[64], token_path[64];
static pid_t server;
static struct action_table *table;
static struct loop *loop;
static struct token *token;

static bool is_installed(void)
{
    return system("command -v nghttpd >/dev/null 2>&1") == 0; /* NOLINT(cert-env33-c): fixed */
}

static int connect_to(unsigned port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int result = connect(fd, (struct sockaddr *)&address, sizeof(address));
    close(fd);
    return result;
}

static unsigned free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    close(fd);
    return ntohs(address.sin_port);
}

/* Echoes uploads with 200; allows STREAMS streams a connection. */
static void start_server(void)
{
    char port[16], streams[16];
    unsigned number = free_port();
    snprintf(port, sizeof(port), "%u", number);
    snprintf(streams, sizeof(streams), "%d", STREAMS);
    snprintf(base_url, sizeof(base_url), "https://127.0.0.1:%s", port);
    server = fork();
    assert_true(server >= 0);
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execlp("nghttpd", "nghttpd", "--echo-upload", "-m", streams, "-d", folder, "-a", "127.0.0.1", port, key_path,
               certificate_path, (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 1000 && connect_to(number) != 0; i++)
        usleep(10000);
}

static int set_up(void **state)
{
    (void)state;
    char command[512];
    struct wd_error err = {0};
    if (!is_installed())
        return 0;
    if (!mkdtemp(folder))
        return -1;
    snprintf(key_path, sizeof(key_path), "%s/key.pem", folder);
    snprintf(certificate_path, sizeof(certificate_path), "%s/certificate.pem", folder);
    snprintf(token_path, sizeof(token_path), "%s/token", folder);
    snprintf(command, sizeof(command),
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=warden-test "
             "-addext subjectAltName=IP:127.0.0.1 -keyout %s -out %s >/dev/null 2>&1 && printf abc > %s",
             key_path, certificate_path, token_path);
    if (system(command) != 0) /* NOLINT(cert-env33-c): a fixed command on our own folder */
        return -1;
    struct wd_diagnostics *findings = wd_diagnostics_new();
    enum wd_status status = action_table_load(SOURCE_DIR "/config/platforms/socialplus.yaml", &table, findings);
    wd_diagnostics_free(findings);
    loop = loop_new(&err);
    token = token_new(token_path, NULL, &err);
    start_server();
    return status == WD_OK && loop && token ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    if (!server)
        return 0;
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    action_table_free(table);
    token_free(token);
    loop_free(loop);
    unlink(key_path);
    unlink(certificate_path);
    unlink(token_path);
    return rmdir(folder);
}

static void need_server(void)
{
    if (server)
        return;
    print_message("skipped: nghttpd is not installed (package nghttp2-server)\n");
    skip();
}

struct seen {
    int count, done, ambiguous;
    struct outcome last;
};

static void see(void *context, const struct outcome *outcome)
{
    struct seen *seen = context;
    seen->count++;
    seen->done += outcome->class == OUTCOME_DONE;
    seen->ambiguous += outcome->ambiguous;
    seen->last = *outcome;
}

static struct client *open_client(bool http1_only)
{
    struct client_options options = {
        .base_url = base_url,
        .ca_file = certificate_path,
        .user_agent = "warden/test",
        .connect_timeout_ms = 20000,
        .total_timeout_ms = 20000,
        .max_answer_bytes = 4096,
        .max_connections = CALLS,
        .http1_only = http1_only,
    };
    struct wd_error err = {0};
    struct client *client = client_new(&options, loop, table, token, &err);
    if (!client)
        fail_msg("%s", err.text);
    return client;
}

static void run(struct client *client, int count, struct seen *seen)
{
    static const struct platform_call call = {
        .method = HTTP_PUT, .path = {.data = "/x", .len = 2}, .body = {.data = "{\"a\":1}", .len = 7}};
    struct wd_error err = {0};
    int wanted = seen->count + count;
    for (int i = 0; i < count; i++)
        assert_int_equal(client_submit(client, &call, "k", see, seen, &err), WD_OK);
    for (int i = 0; i < 20000 && seen->count < wanted; i++)
        loop_turn(loop, 1000);
    assert_int_equal(seen->count, wanted);
}

static void many_more_calls_than_streams_are_all_answered(void **state)
{
    (void)state;
    need_server();
    struct seen seen = {0};
    struct client *client = open_client(false);
    for (int round = 0; round < 5; round++)
        run(client, CALLS, &seen);
    client_free(client);
    if (seen.done != seen.count)
        fail_msg("%d of %d: %s", seen.done, seen.count, seen.last.text);
    assert_int_equal(seen.ambiguous, 0);
}

static void http1_only_is_kept(void **state)
{
    (void)state;
    need_server();
    struct seen seen = {0};
    struct client *client = open_client(true);
    run(client, 1, &seen);
    client_free(client);
    assert_int_equal(seen.done, 0); /* this server has no HTTP/1.1 */
    assert_int_equal(seen.last.class, OUTCOME_RETRY);
}

static void a_server_that_dies_leaves_ambiguous_calls_and_no_hang(void **state)
{
    (void)state;
    need_server();
    struct seen seen = {0};
    struct client *client = open_client(false);
    run(client, 10, &seen);
    assert_int_equal(seen.done, 10);
    kill(server, SIGSTOP); /* takes requests, answers none */
    struct wd_error err = {0};
    struct platform_call call = {.method = HTTP_DELETE, .path = wd_str_from("/x")};
    for (int i = 0; i < 10; i++)
        assert_int_equal(client_submit(client, &call, "k", see, &seen, &err), WD_OK);
    for (int i = 0; i < 20; i++)
        loop_turn(loop, 5);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    for (int i = 0; i < 20000 && seen.count < 20; i++)
        loop_turn(loop, 1000);
    client_free(client);
    assert_int_equal(seen.count, 20);
    assert_int_equal(seen.done, 10);
    assert_int_equal(seen.ambiguous, 10);
    start_server();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_more_calls_than_streams_are_all_answered),
        cmocka_unit_test(http1_only_is_kept),
        cmocka_unit_test(a_server_that_dies_leaves_ambiguous_calls_and_no_hang),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
