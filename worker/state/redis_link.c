/* See redis_link.h. Neighbours: redis_connect.c connects, redis_tls.c moves the bytes. */
#include "worker/state/redis_link_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FIRST_BACKOFF_MS = 50, LONGEST_BACKOFF_MS = 2000, READ_BYTES = 64 * 1024 };

int64_t redis_link_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- what is expected ---- */

bool redis_link_expect(struct redis_link *link, redis_reply_fn *done, void *context)
{
    if (link->expected_count == link->expected_room) {
        size_t room = link->expected_room ? link->expected_room * 2 : 64;
        struct expected *wider = malloc(room * sizeof(*wider));
        if (!wider)
            return false;
        for (size_t i = 0; i < link->expected_count; i++)
            wider[i] = link->expected[(link->expected_first + i) % link->expected_room];
        free(link->expected);
        link->expected = wider;
        link->expected_first = 0;
        link->expected_room = room;
    }
    size_t at = (link->expected_first + link->expected_count++) % link->expected_room;
    link->expected[at] = (struct expected){
        .done = done, .context = context, .due_ms = redis_link_now_ms() + link->options.state->timeout_ms};
    return true;
}

static struct expected take_expected(struct redis_link *link)
{
    struct expected expected = link->expected[link->expected_first];
    link->expected_first = (link->expected_first + 1) % link->expected_room;
    link->expected_count--;
    return expected;
}

/* ---- ends ---- */

static void tell(struct redis_link *link, bool up, const char *why)
{
    if (link->failing != up)
        return;
    link->failing = !up;
    if (link->options.on_change && !link->freeing)
        link->options.on_change(link->options.context, link->address, up, why);
}

void redis_link_fail(struct redis_link *link, const char *why)
{
    if (why != link->why)
        snprintf(link->why, sizeof(link->why), "%s: %s", link->address, why);
    if (link->socket.fd >= 0)
        loop_unwatch(link->options.loop, link->socket.fd);
    redis_socket_close(&link->socket);
    link->state = LINK_CLOSED;
    redis_link_forget_addresses(link);
    link->generation++;
    link->out_len = link->out_sent = 0;
    if (link->reader)
        redisReaderFree(link->reader);
    link->reader = NULL;
    link->backoff_ms = link->backoff_ms ? link->backoff_ms * 2 : FIRST_BACKOFF_MS;
    if (link->backoff_ms > LONGEST_BACKOFF_MS)
        link->backoff_ms = LONGEST_BACKOFF_MS;
    link->may_connect_ms = redis_link_now_ms() + link->backoff_ms;
    loop_timer_cancel(link->timer);
    tell(link, false, link->why);
    for (size_t left = link->expected_count; left; left--) { /* what comes in meanwhile is turned away or new */
        struct expected expected = take_expected(link);
        expected.done(expected.context, NULL, link->why);
    }
}

void redis_link_note_up(struct redis_link *link)
{
    link->backoff_ms = 0;
    tell(link, true, "");
}

/* ---- bytes out ---- */

static bool out_room(struct redis_link *link, size_t more)
{
    if (link->out_sent && link->out_sent == link->out_len)
        link->out_sent = link->out_len = 0;
    if (link->out_len + more <= link->out_room)
        return true;
    size_t room = (link->out_len + more) * 2;
    char *wider = realloc(link->out, room);
    if (!wider)
        return false;
    link->out = wider;
    link->out_room = room;
    return true;
}

static size_t put_number(char *at, char kind, size_t number)
{
    char digits[24];
    size_t count = 0, length = 0;
    do
        digits[count++] = (char)('0' + number % 10);
    while (number /= 10);
    at[length++] = kind;
    while (count)
        at[length++] = digits[--count];
    at[length++] = '\r';
    at[length++] = '\n';
    return length;
}

bool redis_link_put(struct redis_link *link, const struct wd_str *words, size_t count)
{
    enum { NUMBER_MAX = 24, END = 2 };
    size_t bytes = NUMBER_MAX;
    for (size_t i = 0; i < count; i++)
        bytes += NUMBER_MAX + words[i].len + END;
    if (!out_room(link, bytes))
        return false;
    char *at = link->out + link->out_len;
    at += put_number(at, '*', count);
    for (size_t i = 0; i < count; i++) {
        at += put_number(at, '$', words[i].len);
        if (words[i].len)
            memcpy(at, words[i].data, words[i].len);
        at += words[i].len;
        memcpy(at, "\r\n", END);
        at += END;
    }
    link->out_len = (size_t)(at - link->out);
    return true;
}

static void on_ready(void *context, int fd, unsigned ready);

void redis_link_watch(struct redis_link *link)
{
    bool writing = link->state == LINK_CONNECTING || link->out_sent < link->out_len || link->socket.read_wants_write;
    if (link->socket.shaking)
        writing = link->socket.read_wants_write;
    struct wd_error err = {0};
    if (loop_watch(link->options.loop, link->socket.fd, LOOP_READ | (writing ? LOOP_WRITE : 0), on_ready, link, &err) !=
        WD_OK)
        redis_link_fail(link, err.text);
}

/* False: the link has failed. */
static bool write_out(struct redis_link *link)
{
    while (link->state == LINK_OPEN && !link->socket.shaking && link->out_sent < link->out_len) {
        size_t sent;
        enum redis_io outcome =
            redis_socket_write(&link->socket, link->out + link->out_sent, link->out_len - link->out_sent, &sent);
        link->out_sent += sent;
        if (outcome == REDIS_IO_LATER)
            break;
        if (outcome != REDIS_IO_DONE) {
            redis_link_fail(link, "the connection broke");
            return false;
        }
    }
    return true;
}

/* ---- bytes in ---- */

/* False: the link has failed, or was closed by a function. */
static bool serve_replies(struct redis_link *link)
{
    unsigned generation = link->generation;
    for (;;) {
        void *reply = NULL;
        if (redisReaderGetReply(link->reader, &reply) != REDIS_OK) {
            redis_link_fail(link, "the server does not speak Redis' protocol");
            return false;
        }
        if (!reply)
            return true;
        if (!link->expected_count) {
            freeReplyObject(reply);
            redis_link_fail(link, "the server said something that nobody asked for");
            return false;
        }
        struct expected expected = take_expected(link);
        expected.done(expected.context, reply, NULL);
        freeReplyObject(reply);
        if (generation != link->generation)
            return false;
    }
}

static bool read_in(struct redis_link *link)
{
    char bytes[READ_BYTES];
    for (;;) { /* it says no more than was asked for */
        size_t count;
        enum redis_io outcome = redis_socket_read(&link->socket, bytes, sizeof(bytes), &count);
        if (outcome == REDIS_IO_LATER)
            return true;
        if (outcome != REDIS_IO_DONE) {
            redis_link_fail(link,
                            outcome == REDIS_IO_CLOSED ? "the server closed the connection" : "the connection broke");
            return false;
        }
        if (redisReaderFeed(link->reader, bytes, count) != REDIS_OK) {
            redis_link_fail(link, "no memory for a reply");
            return false;
        }
        if (!serve_replies(link))
            return false;
        if (count < sizeof(bytes) && !link->socket.ssl)
            return true;
    }
    return true;
}

static void on_ready(void *context, int fd, unsigned ready)
{
    struct redis_link *link = context;
    (void)fd;
    (void)ready;
    if (link->state == LINK_CONNECTING && !redis_link_finish_connecting(link))
        return;
    if (link->socket.shaking) {
        char why[REDIS_WHY_MAX - 60];
        enum redis_io outcome = redis_socket_shake(&link->socket, why, sizeof(why));
        if (outcome == REDIS_IO_FAILED || outcome == REDIS_IO_CLOSED) {
            redis_link_fail(link, why);
            return;
        }
    }
    if (!link->socket.shaking && (!read_in(link) || !write_out(link)))
        return;
    if (link->state != LINK_CLOSED)
        redis_link_watch(link);
}

/* The oldest command is the first to be late. */
static void on_timer(void *context)
{
    struct redis_link *link = context;
    if (!link->expected_count)
        return;
    int64_t left = link->expected[link->expected_first].due_ms - redis_link_now_ms();
    if (left <= 0)
        redis_link_fail(link, link->state != LINK_OPEN ? "no connection within state.timeout"
                                                       : "no answer within state.timeout");
    else
        loop_timer_arm(link->timer, (uint64_t)left);
}

/* ---- doors ---- */

static bool split_address(struct redis_link *link)
{
    const char *address = link->address, *colon = strrchr(address, ':');
    size_t length = colon ? (size_t)(colon - address) : strlen(address);
    if (length >= 2 && address[0] == '[' && address[length - 1] == ']') {
        address++;
        length -= 2;
    }
    if (!length || length > REDIS_HOST_MAX)
        return false;
    memcpy(link->host, address, length);
    snprintf(link->port, sizeof(link->port), "%.7s", colon ? colon + 1 : "6379");
    return true;
}

struct redis_link *redis_link_new(const struct redis_link_options *options, const char *address)
{
    struct redis_link *link = calloc(1, sizeof(*link));
    if (!link)
        return NULL;
    link->options = *options;
    link->socket.fd = -1;
    link->address = strdup(address);
    link->timer = loop_timer_new(options->loop, on_timer, link);
    if (link->address && link->timer && split_address(link))
        return link;
    redis_link_free(link);
    return NULL;
}

void redis_link_free(struct redis_link *link)
{
    if (!link)
        return;
    link->freeing = true;
    if (link->timer)
        redis_link_fail(link, "the state store is closed");
    loop_timer_free(link->timer);
    free(link->expected);
    free(link->out);
    free(link->address);
    free(link);
}

const char *redis_link_address(const struct redis_link *link)
{
    return link->address;
}

bool redis_link_is_open(const struct redis_link *link)
{
    return link->state == LINK_OPEN && !link->socket.shaking;
}

const char *redis_link_why(const struct redis_link *link)
{
    return link->why;
}

bool redis_link_send(struct redis_link *link, const struct wd_str *words, size_t count, redis_reply_fn *done,
                     void *context)
{
    if (link->freeing || (link->state == LINK_CLOSED && !redis_link_connect(link)))
        return false;
    size_t before = link->out_len;
    if (!redis_link_put(link, words, count))
        return false;
    if (!redis_link_expect(link, done, context)) {
        link->out_len = before;
        return false;
    }
    if (!loop_timer_armed(link->timer))
        loop_timer_arm(link->timer, (uint64_t)link->options.state->timeout_ms);
    return true;
}

void redis_link_flush(struct redis_link *link)
{
    if (link->state == LINK_OPEN && write_out(link))
        redis_link_watch(link);
}
