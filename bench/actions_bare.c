/* The yardstick: a bare libcurl multi loop over epoll that sends the same requests and looks at nothing but the status.
 * No classification, no limits, no rotation of tokens, one request after the other on every handle. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench/actions.h"

struct bare {
    CURLM *multi;
    int epoll_fd;
    long timeout_ms;
    size_t started, finished, wanted;
};

static void must(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "bare loop: %s\n", what);
    exit(1);
}

static int watch(CURL *easy, curl_socket_t fd, int what, void *context, void *socket_context)
{
    (void)easy;
    struct bare *bare = context;
    struct epoll_event event = {.data.fd = fd};
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(bare->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    event.events = (what & CURL_POLL_IN ? EPOLLIN : 0U) | (what & CURL_POLL_OUT ? EPOLLOUT : 0U);
    if (!socket_context)
        curl_multi_assign(bare->multi, fd, bare);
    return epoll_ctl(bare->epoll_fd, socket_context ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
}

static int set_timer(CURLM *multi, long timeout_ms, void *context)
{
    (void)multi;
    ((struct bare *)context)->timeout_ms = timeout_ms;
    return 0;
}

static size_t ignore(char *data, size_t size, size_t count, void *context)
{
    (void)data;
    (void)context;
    return size * count;
}

static void start(struct bare *bare, CURL *easy)
{
    bare->started++;
    must(curl_multi_add_handle(bare->multi, easy) == CURLM_OK, "add");
}

static void collect(struct bare *bare)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(bare->multi, &left));) {
        CURL *easy = message->easy_handle;
        long status = 0;
        must(message->data.result == CURLE_OK, curl_easy_strerror(message->data.result));
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        must(status == 200, "status is not 200");
        curl_multi_remove_handle(bare->multi, easy);
        bare->finished++;
        if (bare->started < bare->wanted)
            start(bare, easy);
    }
}

static CURL *make_handle(const char *url, struct curl_slist *headers)
{
    CURL *easy = curl_easy_init();
    must(easy != NULL, "no memory");
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "PUT");
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, BENCH_BODY);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 20000L);
    return easy;
}

static void run_loop(struct bare *bare)
{
    struct epoll_event events[256];
    while (bare->finished < bare->wanted) {
        int running;
        int count = epoll_wait(bare->epoll_fd, events, 256, (int)bare->timeout_ms);
        if (count <= 0 || bare->timeout_ms == 0) {
            bare->timeout_ms = -1;
            curl_multi_socket_action(bare->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        }
        for (int i = 0; i < count; i++) {
            int bits = (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                       (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0);
            curl_multi_socket_action(bare->multi, events[i].data.fd, bits, &running);
        }
        collect(bare);
    }
}

void bare_run(const char *base_url, size_t count, size_t in_flight)
{
    struct bare bare = {.multi = curl_multi_init(), .epoll_fd = epoll_create1(EPOLL_CLOEXEC), .wanted = count};
    struct curl_slist *headers = NULL;
    char url[256];
    static const char *const lines[] = {
        "Idempotency-Key: content.events/0/123456/ban", "Content-Type: application/json",
        "Authorization: Bearer 0123456789abcdef0123456789abcdef", "Accept: application/json", "Expect:"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        headers = curl_slist_append(headers, lines[i]);
    snprintf(url, sizeof(url), "%s%s", base_url, BENCH_PATH);
    curl_multi_setopt(bare.multi, CURLMOPT_SOCKETFUNCTION, watch);
    curl_multi_setopt(bare.multi, CURLMOPT_SOCKETDATA, &bare);
    curl_multi_setopt(bare.multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(bare.multi, CURLMOPT_TIMERDATA, &bare);
    curl_multi_setopt(bare.multi, CURLMOPT_MAXCONNECTS, (long)in_flight);
    CURL **handles = calloc(in_flight, sizeof(CURL *));
    must(handles && bare.multi && bare.epoll_fd >= 0, "no memory");
    for (size_t i = 0; i < in_flight; i++)
        start(&bare, handles[i] = make_handle(url, headers));
    run_loop(&bare);
    for (size_t i = 0; i < in_flight; i++)
        curl_easy_cleanup(handles[i]);
    free(handles);
    curl_multi_cleanup(bare.multi);
    curl_slist_free_all(headers);
    close(bare.epoll_fd);
}
