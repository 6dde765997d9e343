/* Answers in the platform's form. Neighbours: every handler. */
#include "worker/platform/sandbox/call.h"

#include <stdio.h>
#include <string.h>

const char *call_outcome_name(enum call_outcome outcome)
{
    static const char *const NAMES[] = {"done", "already", "refused", "faulted"};
    return NAMES[outcome];
}

const char *call_query(const struct call *call, const char *name)
{
    for (size_t i = 0; i < call->query_count; i++)
        if (strcmp(call->query[i].name, name) == 0)
            return call->query[i].value;
    return NULL;
}

static void answer_error(struct call *call, int status, int code, const char *message, const char *detail)
{
    call->status = status;
    call->code = code;
    call->answer.len = 0;
    buffer_format(&call->answer, "{\"status\":\"error\",\"code\":%d,\"message\":", code);
    buffer_json(&call->answer, message);
    buffer_text(&call->answer, ",\"data\":{\"detail\":");
    buffer_json(&call->answer, detail);
    buffer_text(&call->answer, "}}");
}

void call_refuse(struct call *call, int status, int code, const char *message)
{
    call->outcome = CALL_REFUSED;
    call->executed = false;
    answer_error(call, status, code, message, NULL);
}

void call_already(struct call *call, int status, int code, const char *message)
{
    call_refuse(call, status, code, message);
    call->outcome = CALL_ALREADY;
}

void call_invalid(struct call *call, const char *detail)
{
    call->outcome = CALL_REFUSED;
    call->executed = false;
    answer_error(call, 422, 500000, "parameters validation error", detail);
}

void call_not_found(struct call *call, const char *what)
{
    char message[96];
    snprintf(message, sizeof(message), "%s not found", what);
    call_refuse(call, 404, 400400, message);
}

void call_no_memory(struct call *call)
{
    call_refuse(call, 500, 500000, "the sandbox is out of memory or of room for objects");
}

void call_done(struct call *call)
{
    call->status = 200;
    call->code = 0;
    call->outcome = CALL_DONE;
    call->executed = true;
    if (call->answer.len == 0)
        buffer_text(&call->answer, "{\"success\":true}");
}
