/* What becomes of a call: carried out or not, its answer, whole, late, in pieces or never. Neighbours: platform.c
 * carries out, faults.c decides what goes wrong, waiting.c holds calls back, http.c calls in. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "worker/platform/sandbox/server.h"

#define CONTROL_PREFIX "/__sandbox/"
#define WEBHOOK_PREFIX "/__sandbox/webhooks/"

/* The bytes around the padding of a huge answer: it is good JSON, only long. */
static const char HUGE_HEAD[] = "{\"padding\":\"";
static const char HUGE_TAIL[] = "\"}";

static bool is_control(const struct call *call)
{
    return strncmp(call->uri, CONTROL_PREFIX, sizeof(CONTROL_PREFIX) - 1) == 0 &&
           strncmp(call->uri, WEBHOOK_PREFIX, sizeof(WEBHOOK_PREFIX) - 1) != 0;
}

static void apply_effect(struct call *call)
{
    bool executed = call->executed;
    switch (call->effect.kind) {
    case FAULT_STATUS:
        call_refuse(call, call->effect.status, call->effect.code, "a fault that was asked for");
        break;
    case FAULT_RESET:
    case FAULT_HANG:
        call->status = call->code = 0;
        break;
    case FAULT_HUGE_BODY:
        if (call->status == 200)
            break;
        call->effect.kind = FAULT_NONE; /* a refusal stays what it is: no platform says that it did what it did not */
        return;
    case FAULT_BROKEN_JSON:
        call->answer.len /= 2;
        break;
    case FAULT_CUT_BODY:
        break;
    default:
        return; /* the right answer */
    }
    call->executed = executed;
    call->outcome = CALL_FAULTED;
}

static bool is_request_usable(struct call *call)
{
    if (call->is_malformed)
        call_refuse(call, 400, 400000, "the path or the query is not well encoded");
    else if (call->body_too_large)
        call_refuse(call, 413, 400000, "the body is longer than 1 MiB");
    else
        return true;
    return false;
}

static void serve(struct sandbox *sandbox, struct call *call)
{
    uint64_t start = journal_tick(sandbox->journal);
    if (call->body.len && !call->body_too_large)
        call->json = json_loadb(call->body.data, call->body.len, JSON_REJECT_DUPLICATES, NULL);
    bool routed = is_request_usable(call) && platform_route(call);
    platform_name_users(call);
    platform_name_token(&sandbox->platform, call);
    char path[512];
    snprintf(path, sizeof(path), "%.*s", (int)call->path_len, call->uri);
    struct fault_subject subject = {.method = call->method,
                                    .path = path,
                                    .action = call->action,
                                    .object_id = call->object_id ? call->object_id : call->place_id,
                                    .user_ids = call->user_ids,
                                    .user_count = call->user_count};
    faults_decide(sandbox->faults, &subject, server_now_ns(), &call->effect);
    if (routed && call->effect.execute)
        platform_serve(&sandbox->platform, call);
    apply_effect(call);
    journal_begin(sandbox->journal, call, platform_now_ms(), start);
}

void answer_decide(struct call *call)
{
    struct sandbox *sandbox = call->sandbox;
    waiting_poll_hangups(sandbox);
    pthread_mutex_lock(&sandbox->lock);
    if (is_control(call))
        control_serve(sandbox, call);
    else
        serve(sandbox, call);
    pthread_mutex_unlock(&sandbox->lock);

    const struct fault_effect *effect = &call->effect;
    uint64_t delay_ns = effect->delay_ns + (effect->kind == FAULT_HANG ? effect->pause_ns : 0);
    if (delay_ns)
        waiting_add(call, server_now_ns() + delay_ns);
    else
        call->stage = effect->kind == FAULT_RESET || effect->kind == FAULT_HANG ? CALL_ENDING : CALL_READY;
}

void answer_end(struct call *call)
{
    if (call->ended || !call->number)
        return;
    call->ended = true;
    pthread_mutex_lock(&call->sandbox->lock);
    journal_end(call->sandbox->journal, call, platform_now_ms());
    pthread_mutex_unlock(&call->sandbox->lock);
}

/* A connected socket that is disconnected sends a reset at once; a close alone would first say an orderly goodbye. */
static void reset_connection(int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    (void)connect(fd, &nobody, sizeof(nobody));
}

static uint64_t answer_length(const struct call *call)
{
    uint64_t huge = call->effect.bytes < sizeof(HUGE_HEAD) + sizeof(HUGE_TAIL) ? sizeof(HUGE_HEAD) + sizeof(HUGE_TAIL)
                                                                               : call->effect.bytes;
    return call->effect.kind == FAULT_HUGE_BODY ? huge : call->answer.len;
}

static void copy_huge(const struct call *call, uint64_t at, char *out, size_t len)
{
    uint64_t tail = answer_length(call) - (sizeof(HUGE_TAIL) - 1);
    for (size_t i = 0; i < len; i++, at++)
        out[i] = at < sizeof(HUGE_HEAD) - 1 ? HUGE_HEAD[at] : at >= tail ? HUGE_TAIL[at - tail] : 'x';
}

/* Gives the next piece of a body that does not go out in one. */
static ssize_t read_piece(void *context, uint64_t at, char *out, size_t max)
{
    struct call *call = context;
    enum fault_kind kind = call->effect.kind;
    uint64_t left = answer_length(call) - at;
    bool is_cut = kind == FAULT_CUT_BODY && at >= call->answer.len / 2;
    if (call->stage == CALL_ENDING || is_cut)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (kind == FAULT_CUT_BODY)
        left = call->answer.len / 2 - at;
    if (kind == FAULT_SLOW_BODY && !call->piece_due) {
        waiting_add(call, server_now_ns() + call->effect.pause_ns);
        return call->stage == CALL_ENDING ? MHD_CONTENT_READER_END_WITH_ERROR : 0;
    }
    call->piece_due = false;
    if (kind == FAULT_SLOW_BODY && left > call->effect.bytes)
        left = call->effect.bytes;
    size_t len = left < max ? (size_t)left : max;
    if (kind == FAULT_HUGE_BODY)
        copy_huge(call, at, out, len);
    else
        memcpy(out, call->answer.data + at, len);
    if (at + len == answer_length(call)) {
        call->stage = CALL_ANSWERED;
        answer_end(call);
    }
    return (ssize_t)len;
}

static struct MHD_Response *make_response(struct call *call)
{
    enum fault_kind kind = call->effect.kind;
    if (kind == FAULT_SLOW_BODY || kind == FAULT_CUT_BODY || kind == FAULT_HUGE_BODY)
        return MHD_create_response_from_callback(answer_length(call), 65536, read_piece, call, NULL);
    /* The call outlives the response: it is freed when the connection has completed it. */
    return MHD_create_response_from_buffer(call->answer.len, call->answer.data, MHD_RESPMEM_PERSISTENT);
}

enum MHD_Result answer_send(struct call *call)
{
    if (call->stage == CALL_ENDING) {
        answer_end(call);
        if (call->effect.kind == FAULT_RESET)
            reset_connection(call->fd);
        return MHD_NO;
    }
    if (call->answer.failed || !call->answer.data)
        call->effect.kind = FAULT_NONE;
    struct MHD_Response *response = make_response(call);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", call->answer_type ? call->answer_type : "application/json");
    if (call->effect.retry_after[0])
        MHD_add_response_header(response, "Retry-After", call->effect.retry_after);
    if (call->effect.kind == FAULT_CLOSE)
        MHD_add_response_header(response, "Connection", "close");
    bool is_whole = call->effect.kind != FAULT_SLOW_BODY && call->effect.kind != FAULT_CUT_BODY &&
                    call->effect.kind != FAULT_HUGE_BODY;
    if (is_whole) {
        answer_end(call);
        call->stage = CALL_ANSWERED;
    }
    call->piece_due = false;
    enum MHD_Result result = MHD_queue_response(call->connection, (unsigned)call->status, response);
    MHD_destroy_response(response);
    return result;
}
