/* One call: see transfer.h. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/platform/retry_after.h"
#include "worker/platform/transfer.h"

enum { HEADER_BYTES_MAX = 64 * 1024, ANSWER_ROOM_KEPT = 16 * 1024, CURL_REFUSES = 0 };

static CURLcode global_result;

static void init_globally(void)
{
    global_result = curl_global_init(CURL_GLOBAL_DEFAULT);
}

enum wd_status transfer_global_init(struct wd_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_globally);
    if (global_result == CURLE_OK)
        return WD_OK;
    return wd_fail(err, WD_ERR_UNAVAILABLE, "libcurl cannot start: %s", curl_easy_strerror(global_result));
}

static bool has_url_part(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    bool has = curl_url_get(url, part, &text, 0) == CURLUE_OK;
    curl_free(text);
    return has;
}

enum wd_status transfer_read_base_url(const char *base_url, char **out, struct wd_error *err)
{
    CURLU *url = curl_url();
    if (!url)
        return wd_fail(err, WD_ERR_MEMORY, "no memory for the base URL");
    bool is_http = strncasecmp(base_url, "https://", 8) == 0 || strncasecmp(base_url, "http://", 7) == 0;
    bool is_url =
        is_http && !strpbrk(base_url, " \t\r\n\\") && curl_url_set(url, CURLUPART_URL, base_url, 0) == CURLUE_OK;
    bool is_bare = is_url && !has_url_part(url, CURLUPART_USER) && !has_url_part(url, CURLUPART_PASSWORD) &&
                   !has_url_part(url, CURLUPART_QUERY) && !has_url_part(url, CURLUPART_FRAGMENT);
    curl_url_cleanup(url);
    if (!is_url)
        return wd_fail(err, WD_ERR_INVALID, "the base URL has to look like https://apix.us.amity.co");
    if (!is_bare)
        return wd_fail(err, WD_ERR_INVALID, "the base URL must have no user name, password, query or fragment");
    size_t length = strlen(base_url);
    while (base_url[length - 1] == '/')
        length--;
    *out = strndup(base_url, length);
    return *out ? WD_OK : wd_fail(err, WD_ERR_MEMORY, "no memory for the base URL");
}

/* Called by libcurl: what arrives. */

static size_t receive_body(char *data, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    size_t bytes = size * count, limit = transfer->options->max_answer_bytes;
    if (bytes > limit - transfer->answer_len) {
        transfer->answer_too_large = true; /* the rest is not worth the connection */
        return CURL_REFUSES;
    }
    size_t needed = transfer->answer_len + bytes + 1;
    if (needed > transfer->answer_room) {
        size_t room = needed < 1024 ? 1024 : needed * 2;
        char *answer = realloc(transfer->answer, room);
        if (!answer)
            return CURL_REFUSES;
        transfer->answer = answer;
        transfer->answer_room = room;
    }
    memcpy(transfer->answer + transfer->answer_len, data, bytes);
    transfer->answer_len += bytes;
    transfer->answer[transfer->answer_len] = '\0';
    return bytes;
}

static void take_header(const char *name, const char *data, size_t bytes, char *to, size_t room)
{
    size_t length = strlen(name);
    if (bytes <= length || strncasecmp(data, name, length) != 0)
        return;
    const char *from = data + length, *end = data + bytes;
    while (from < end && (*from == ' ' || *from == '\t'))
        from++;
    while (end > from && (unsigned char)end[-1] <= ' ')
        end--;
    size_t len = (size_t)(end - from) < room ? (size_t)(end - from) : room - 1;
    memcpy(to, from, len);
    to[len] = '\0';
}

static size_t receive_header(char *data, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    size_t bytes = size * count;
    transfer->header_bytes += bytes;
    if (transfer->header_bytes > HEADER_BYTES_MAX) {
        transfer->headers_too_large = true;
        return CURL_REFUSES;
    }
    if (bytes >= 5 && memcmp(data, "HTTP/", 5) == 0) { /* a new answer, perhaps after a 1xx one */
        transfer->retry_after[0] = transfer->date[0] = '\0';
        transfer->headers_ended = false;
    } else if (data[0] == '\r' || data[0] == '\n') {
        transfer->headers_ended = true;
    }
    take_header("retry-after:", data, bytes, transfer->retry_after, sizeof(transfer->retry_after));
    take_header("date:", data, bytes, transfer->date, sizeof(transfer->date));
    return bytes;
}

/* libcurl sends a request again by itself where a kept connection dies before an answer. The platform may have carried
 * it out, so that is for the caller to decide. */
static int before_send(void *context, char *remote_address, char *local_address, int remote_port, int local_port)
{
    (void)remote_address;
    (void)local_address;
    (void)remote_port;
    (void)local_port;
    struct transfer *transfer = context;
    return ++transfer->sends == 1 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/* A handle. */

static CURLcode set_security(CURL *easy, const struct client_options *options)
{
    CURLcode result = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    result = result ? result : curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    result = result ? result : curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    result = result ? result : curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    result = result ? result : curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    result = result ? result : curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    /* The empty name also keeps libcurl from reading the environment. */
    result = result ? result : curl_easy_setopt(easy, CURLOPT_PROXY, options->proxy ? options->proxy : "");
    if (!result && options->ca_file)
        result = curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
    return result;
}

static CURLcode set_limits(CURL *easy, const struct client_options *options)
{
    CURLcode result = curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    result = result ? result : curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_timeout_ms);
    result = result ? result : curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)options->total_timeout_ms);
    result = result ? result : curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    long version = options->http1_only ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS;
    result = result ? result : curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, version);
    if (!result && !options->http1_only &&
        strncasecmp(options->base_url, "https://", 8) == 0) /* one connection with streams, not one a call */
        result = curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
    result = result ? result : curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    if (!result && options->user_agent)
        result = curl_easy_setopt(easy, CURLOPT_USERAGENT, options->user_agent);
    return result;
}

static CURLcode set_callbacks(struct transfer *transfer)
{
    CURL *easy = transfer->easy;
    CURLcode result = curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    result = result ? result : curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
    result = result ? result : curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive_body);
    result = result ? result : curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    result = result ? result : curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, receive_header);
    result = result ? result : curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    result = result ? result : curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_send);
    return result ? result : curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
}

struct transfer *transfer_new(const struct client_options *options, struct wd_error *err)
{
    struct transfer *transfer = calloc(1, sizeof(*transfer));
    if (!transfer || !(transfer->easy = curl_easy_init())) {
        free(transfer);
        (void)wd_fail(err, WD_ERR_MEMORY, "no memory for an HTTP call");
        return NULL;
    }
    transfer->options = options;
    CURLcode result = set_security(transfer->easy, options);
    result = result ? result : set_limits(transfer->easy, options);
    result = result ? result : set_callbacks(transfer);
    if (result == CURLE_OK)
        return transfer;
    (void)wd_fail(err, WD_ERR_INVALID, "libcurl refuses an option: %s", curl_easy_strerror(result));
    transfer_free(transfer);
    return NULL;
}

void transfer_free(struct transfer *transfer)
{
    if (!transfer)
        return;
    curl_easy_cleanup(transfer->easy);
    transfer_recycle(transfer);
    free(transfer->url);
    free(transfer->answer);
    free(transfer);
}

void transfer_recycle(struct transfer *transfer)
{
    header_set_release(transfer->headers);
    transfer->headers = NULL;
    transfer->done = NULL;
    if (transfer->answer_room <= ANSWER_ROOM_KEPT)
        return;
    free(transfer->answer);
    transfer->answer = NULL;
    transfer->answer_room = 0;
}

/* The request. */

static enum wd_status write_key(struct transfer *transfer, const char *key, struct wd_error *err)
{
    for (const char *at = key; *at; at++)
        if (*at < 0x20 || *at >= 0x7F)
            return wd_fail(err, WD_ERR_INVALID, "the idempotency key holds a byte that cannot stand in a header");
    int length = snprintf(transfer->key_text, sizeof(transfer->key_text), "Idempotency-Key: %s", key);
    if (length < 0 || (size_t)length >= sizeof(transfer->key_text))
        return wd_fail(err, WD_ERR_INVALID, "the idempotency key is too long");
    return WD_OK;
}

static enum wd_status write_url(struct transfer *transfer, struct wd_str path, struct wd_error *err)
{
    const char *base = transfer->is_webhook ? "" : transfer->options->base_url;
    size_t base_len = strlen(base), needed = base_len + path.len + 1;
    if (needed > transfer->url_room) {
        char *url = realloc(transfer->url, needed * 2);
        if (!url)
            return wd_fail(err, WD_ERR_MEMORY, "no memory for an HTTP call");
        transfer->url = url;
        transfer->url_room = needed * 2;
    }
    memcpy(transfer->url, base, base_len);
    memcpy(transfer->url + base_len, path.data, path.len);
    transfer->url[needed - 1] = '\0';
    return WD_OK;
}

static CURLcode set_method(CURL *easy, const struct platform_call *call)
{
    bool has_body = call->body.data != NULL;
    bool is_post = has_body || call->method == HTTP_POST || call->method == HTTP_PUT;
    const char *name = call->method == (is_post ? HTTP_POST : HTTP_GET) ? NULL : http_method_name(call->method);
    CURLcode result = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, name);
    if (result || !is_post)
        return result ? result : curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    result = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
    result = result ? result : curl_easy_setopt(easy, CURLOPT_POSTFIELDS, has_body ? call->body.data : "");
    return result ? result : curl_easy_setopt(easy, CURLOPT_POST, 1L);
}

/* A private certificate authority stands instead of the system's for the platform, beside it for webhooks. */
static CURLcode set_authorities(struct transfer *transfer)
{
    if (!transfer->options->ca_file)
        return CURLE_OK;
    const char *system_path = curl_version_info(CURLVERSION_NOW)->capath;
    return curl_easy_setopt(transfer->easy, CURLOPT_CAPATH, transfer->is_webhook ? system_path : NULL);
}

enum wd_status transfer_prepare(struct transfer *transfer, const struct platform_call *call,
                                const char *idempotency_key, struct header_set *headers, struct wd_error *err)
{
    transfer->call = *call;
    transfer->is_webhook = call->path.len == 0 || call->path.data[0] != '/';
    transfer->sends = 0;
    transfer->answer_len = transfer->header_bytes = 0;
    transfer->headers_ended = transfer->answer_too_large = transfer->headers_too_large = false;
    transfer->retry_after[0] = transfer->date[0] = transfer->error[0] = '\0';
    enum wd_status status = write_key(transfer, idempotency_key, err);
    if (status == WD_OK)
        status = write_url(transfer, call->path, err);
    if (status != WD_OK)
        return status;
    enum header_use use = transfer->is_webhook ? HEADERS_WEBHOOK
                          : call->body.data    ? HEADERS_PLATFORM_BODY
                                               : HEADERS_PLATFORM_NO_BODY;
    transfer->key_header = (struct curl_slist){.data = transfer->key_text, .next = header_set_list(headers, use)};
    CURL *easy = transfer->easy;
    CURLcode result = curl_easy_setopt(easy, CURLOPT_URL, transfer->url);
    result = result ? result : curl_easy_setopt(easy, CURLOPT_HTTPHEADER, &transfer->key_header);
    result = result ? result : set_method(easy, call);
    result = result ? result : set_authorities(transfer);
    if (result)
        return wd_fail(err, WD_ERR_MEMORY, "libcurl refuses the call: %s", curl_easy_strerror(result));
    transfer->headers = header_set_acquire(headers);
    return WD_OK;
}
