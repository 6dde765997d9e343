/* What the end of a call means: an answer to classify, or a failure on the way with a class and a text of its own.
 * Neighbours: transfer.c, answer.c. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "worker/platform/answer.h"
#include "worker/platform/retry_after.h"
#include "worker/platform/transfer.h"

static void fail(const struct transfer *transfer, struct outcome *out, enum outcome_class class, CURLcode result,
                 const char *what)
{
    const char *detail = transfer->error[0] ? transfer->error : curl_easy_strerror(result);
    *out = (struct outcome){.class = class, .retry_after_ms = -1, .ambiguous = transfer->sends > 0};
    snprintf(out->text, sizeof(out->text), "%s: %.130s", what, detail);
}

/* libcurl words its time-outs by what it was doing; ours say which limit was passed. */
static void fail_in_time(const struct transfer *transfer, struct outcome *out)
{
    const struct client_options *options = transfer->options;
    bool is_sent = transfer->sends > 0;
    *out = (struct outcome){.class = OUTCOME_RETRY, .retry_after_ms = -1, .ambiguous = is_sent};
    if (is_sent)
        snprintf(out->text, sizeof(out->text), "no whole answer within %d ms", options->total_timeout_ms);
    else
        snprintf(out->text, sizeof(out->text), "no connection within %d ms",
                 options->connect_timeout_ms < options->total_timeout_ms ? options->connect_timeout_ms
                                                                         : options->total_timeout_ms);
}

static void fail_by_result(const struct transfer *transfer, CURLcode result, struct outcome *out)
{
    /* For the platform a bad certificate is a fault of the set-up that only people can heal; a webhook's must not hold
     * moderation for ever. */
    enum outcome_class mistrust = transfer->is_webhook ? OUTCOME_RETRY : OUTCOME_STOP;
    bool is_sent = transfer->sends > 0;
    switch (result) {
    case CURLE_OPERATION_TIMEDOUT:
        fail_in_time(transfer, out);
        return;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        fail(transfer, out, OUTCOME_RETRY, result, "the host name cannot be resolved");
        return;
    case CURLE_COULDNT_CONNECT:
        fail(transfer, out, OUTCOME_RETRY, result, "cannot connect");
        return;
    case CURLE_PEER_FAILED_VERIFICATION:
        fail(transfer, out, mistrust, result, "the server's certificate is refused (platform.ca_file?)");
        return;
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
        fail(transfer, out, mistrust, result, "platform.ca_file cannot be used");
        return;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
        fail(transfer, out, OUTCOME_RETRY, result, "TLS cannot be set up");
        return;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL: /* after sending: the answer was no HTTP */
        fail(transfer, out, is_sent ? OUTCOME_RETRY : OUTCOME_PERMANENT, result,
             is_sent ? "the answer is no HTTP" : "the URL cannot be used");
        return;
    case CURLE_ABORTED_BY_CALLBACK: /* see before_send() */
        *out = (struct outcome){.class = OUTCOME_RETRY, .retry_after_ms = -1, .ambiguous = true};
        snprintf(out->text, sizeof(out->text), "the connection was closed before an answer came");
        return;
    case CURLE_OK:
        fail(transfer, out, OUTCOME_RETRY, CURLE_GOT_NOTHING, "the connection broke before the answer was whole");
        return;
    default:
        fail(transfer, out, OUTCOME_RETRY, result,
             is_sent ? "the connection broke before the answer was whole" : "the request could not be sent");
    }
}

static void blank_secret(struct transfer *transfer, const char *secret)
{
    size_t length = secret ? strlen(secret) : 0;
    char *at = transfer->answer, *end = transfer->answer + transfer->answer_len;
    while (length && (at = memmem(at, (size_t)(end - at), secret, length)))
        memset(at, '*', length);
}

static void classify(struct transfer *transfer, int http_status, const struct action_table *table, struct outcome *out)
{
    struct wd_str body = {0};
    if (!transfer->answer_too_large && transfer->answer_len) {
        const struct token_value *secrets = header_set_secrets(transfer->headers);
        blank_secret(transfer, secrets->token); /* a platform that repeats the token must not put it into our log */
        blank_secret(transfer, secrets->api_key);
        body = (struct wd_str){.data = transfer->answer, .len = transfer->answer_len};
    }
    int64_t wait_ms = transfer->retry_after[0] ? retry_after_ms(transfer->retry_after, transfer->date, time(NULL)) : -1;
    if (table) {
        action_table_classify(table, transfer->call.entry, http_status, body, wait_ms, out);
    } else {
        *out = (struct outcome){
            .class = answer_class_of_status(http_status), .http_status = http_status, .retry_after_ms = wait_ms};
        snprintf(out->text, sizeof(out->text), "HTTP %d", http_status);
    }
    size_t used = strlen(out->text);
    if (transfer->answer_too_large)
        snprintf(out->text + used, sizeof(out->text) - used, " (truncated: the answer is over %zu bytes)",
                 transfer->options->max_answer_bytes);
}

void transfer_outcome(struct transfer *transfer, CURLcode result, const struct action_table *table, struct outcome *out)
{
    long http_status = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &http_status);
    /* libcurl is content with headers that break off: they may have lacked the length of a body. */
    bool is_answer = transfer->headers_ended && http_status >= 200 && http_status <= 999;
    if (is_answer && (result == CURLE_OK || (result == CURLE_WRITE_ERROR && transfer->answer_too_large)))
        classify(transfer, (int)http_status, table, out);
    else if (result == CURLE_WRITE_ERROR && transfer->headers_too_large)
        fail(transfer, out, OUTCOME_RETRY, result, "the headers of the answer are too large");
    else
        fail_by_result(transfer, result, out);
}
