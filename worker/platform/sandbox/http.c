/* From libmicrohttpd's callbacks to calls: headers, body, path and query, each with a limit. Neighbours: answer.c takes
 * a call whose request is complete. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "worker/platform/sandbox/server.h"

enum { IDLE_TIMEOUT_S = 120, CONNECTION_MEMORY = 32 * 1024, SWALLOW_MAX = 64 << 20, BACKLOG = 4096 };

static void call_free(struct call *call)
{
    json_decref(call->json);
    buffer_free(&call->body);
    buffer_free(&call->answer);
    free(call->decoded);
    free(call->uri);
    free(call);
}

/* The first that is heard of a request: its target as it was sent. */
static void *on_target(void *context, const char *uri, struct MHD_Connection *connection)
{
    (void)connection;
    struct call *call = calloc(1, sizeof(*call));
    if (!call)
        return NULL;
    call->sandbox = context;
    call->action = "";
    call->uri = strdup(uri);
    call->decoded = malloc(2 * strlen(uri) + 2);
    if (call->uri && call->decoded)
        return call;
    call_free(call);
    return NULL;
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* Decodes text[0..len) at *to with a NUL behind it; returns its start. Sets is_malformed on bad escapes and %00. */
static const char *decode(struct call *call, const char *text, size_t len, bool plus_is_space, char **to)
{
    const char *start = *to;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '%') {
            int high = i + 2 < len ? hex_value(text[i + 1]) : -1;
            int low = i + 2 < len ? hex_value(text[i + 2]) : -1;
            call->is_malformed |= high < 0 || low < 0 || (high == 0 && low == 0);
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        *(*to)++ = c;
    }
    *(*to)++ = '\0';
    return start;
}

static void add_query(struct call *call, const char *name, const char *value)
{
    if (call->query_count < CALL_QUERY_MAX)
        call->query[call->query_count++] = (struct query_value){.name = name, .value = value};
}

/* One name=value; the values of userIds may also stand in one, separated by commas. */
static void parse_pair(struct call *call, const char *pair, size_t len, char **to)
{
    size_t name_len = strcspn(pair, "=&");
    bool has_value = name_len < len;
    const char *name = decode(call, pair, name_len, true, to);
    const char *value = has_value ? pair + name_len + 1 : pair + name_len;
    size_t left = len - name_len - (has_value ? 1 : 0);
    bool is_list = strcmp(name, "userIds") == 0 || strcmp(name, "userIds[]") == 0;
    for (;;) {
        const char *comma = is_list ? memchr(value, ',', left) : NULL;
        size_t part = comma ? (size_t)(comma - value) : left;
        add_query(call, name, decode(call, value, part, true, to));
        if (!comma)
            return;
        value += part + 1;
        left -= part + 1;
    }
}

static void parse_target(struct call *call)
{
    char *to = call->decoded;
    const char *at = call->uri;
    call->path_len = strcspn(at, "?");
    const char *path_end = at + call->path_len;
    while (at < path_end && *at == '/') {
        size_t len = strcspn(++at, "/?");
        if (call->segment_count == CALL_SEGMENT_MAX) {
            call->segment_count = 0; /* longer than any path of ours */
            break;
        }
        call->segments[call->segment_count++] = decode(call, at, len, false, &to);
        at += len;
    }
    at = *path_end == '?' ? path_end + 1 : path_end;
    while (*at) {
        size_t len = strcspn(at, "&");
        if (len)
            parse_pair(call, at, len, &to);
        at += len + (at[len] == '&');
    }
}

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return (ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24) == 127;
    if (address->sa_family != AF_INET6)
        return false;
    const struct in6_addr *six = &((const struct sockaddr_in6 *)address)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(six) || (IN6_IS_ADDR_V4MAPPED(six) && six->s6_addr[12] == 127);
}

static void begin(struct call *call, struct MHD_Connection *connection, const char *method)
{
    call->connection = connection;
    call->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    call->is_loopback =
        is_loopback(MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
    snprintf(call->method, sizeof(call->method), "%s", method);
    call->authorization = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
    call->api_key = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "X-Api-Key");
    call->idempotency_key = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Idempotency-Key");
    call->content_type = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Type");
    call->user_agent = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "User-Agent");
    parse_target(call);
}

/* A body over the limit is swallowed without being kept, so that the client gets to read the refusal. */
static enum MHD_Result take_body(struct call *call, const char *data, size_t len)
{
    if (call->body.len + len <= CALL_BODY_MAX && !call->body_too_large) {
        buffer_add(&call->body, data, len);
        return call->body.failed ? MHD_NO : MHD_YES;
    }
    call->body_too_large = true;
    call->sent += len; /* nothing of the answer is sent yet: counts what is swallowed */
    return call->sent > SWALLOW_MAX ? MHD_NO : MHD_YES;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_len, void **state)
{
    (void)context;
    (void)url;
    (void)version;
    struct call *call = *state;
    if (!call)
        return MHD_NO;
    if (!call->connection) {
        begin(call, connection, method);
        return MHD_YES;
    }
    if (*upload_len) {
        enum MHD_Result result = take_body(call, upload, *upload_len);
        *upload_len = 0;
        return result;
    }
    if (call->stage == CALL_COLLECTING)
        answer_decide(call);
    return call->stage == CALL_WAITING ? MHD_YES : answer_send(call);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    (void)context;
    (void)connection;
    struct call *call = *state;
    if (!call)
        return;
    *state = NULL;
    waiting_remove(call);
    call->gone |= code == MHD_REQUEST_TERMINATED_CLIENT_ABORT || code == MHD_REQUEST_TERMINATED_READ_ERROR;
    answer_end(call);
    call_free(call);
}

struct MHD_Daemon *http_listen(struct sandbox *sandbox, size_t max_connections)
{
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, sandbox,
                            MHD_OPTION_LISTEN_SOCKET, sandbox->listen_fd, MHD_OPTION_URI_LOG_CALLBACK, on_target,
                            sandbox, MHD_OPTION_NOTIFY_COMPLETED, on_completed, sandbox, MHD_OPTION_CONNECTION_LIMIT,
                            (unsigned)max_connections, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT_S,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
                            MHD_OPTION_LISTEN_BACKLOG_SIZE, (unsigned)BACKLOG, MHD_OPTION_END);
}
