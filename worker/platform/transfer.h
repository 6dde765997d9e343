/* One call on one libcurl easy handle: its options, what it receives, and what its end means. Handles are used again.
 * What always holds: nothing follows a redirect or an environment proxy, certificates are checked, what is received is
 * bounded, a request goes out at most once, and no text for people holds a secret. Neighbours: client.c runs many of
 * them on a loop. */
#ifndef WORKER_PLATFORM_TRANSFER_H
#define WORKER_PLATFORM_TRANSFER_H

#include "worker/platform/client.h"
#include "worker/platform/headers.h"

struct transfer {
    CURL *easy;
    const struct client_options *options;
    struct transfer *next, *previous; /* in the client's lists */

    /* The request. */
    struct platform_call call;
    client_done_fn *done;
    void *context;
    struct header_set *headers;
    struct curl_slist key_header;
    char key_text[512];
    char *url;
    size_t url_room;
    bool is_webhook;

    /* The answer. */
    unsigned sends; /* times that libcurl was about to send the request */
    char *answer;   /* NUL-terminated */
    size_t answer_len, answer_room, header_bytes;
    bool headers_ended, answer_too_large, headers_too_large;
    char retry_after[64], date[64];
    char error[CURL_ERROR_SIZE];
};

/* WD_ERR_INVALID where the base URL cannot be one. `*out` is malloc'ed, without a slash at the end. */
enum wd_status transfer_read_base_url(const char *base_url, char **out, struct wd_error *err);

/* libcurl's own start, once for all threads. */
enum wd_status transfer_global_init(struct wd_error *err);

/* `options` must outlive it. */
struct transfer *transfer_new(const struct client_options *options, struct wd_error *err);
void transfer_free(struct transfer *transfer);

/* Makes it ready to be run with this call; takes a reference to `headers`. */
enum wd_status transfer_prepare(struct transfer *transfer, const struct platform_call *call,
                                const char *idempotency_key, struct header_set *headers, struct wd_error *err);

/* What the end means. `table` may be NULL: then only HTTP's own meaning counts. */
void transfer_outcome(struct transfer *transfer, CURLcode result, const struct action_table *table,
                      struct outcome *out);

/* Lets go of what the last call held. */
void transfer_recycle(struct transfer *transfer);

#endif
