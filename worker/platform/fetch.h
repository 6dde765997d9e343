/* One file over HTTPS, with every limit, for commands; the worker's calls have client.h. */
#ifndef WORKER_PLATFORM_FETCH_H
#define WORKER_PLATFORM_FETCH_H

#include <stdbool.h>
#include <stddef.h>

#include <warden/status.h>

struct fetch_options {
    const char *ca_file; /* NULL: the system's */
    const char *proxy;   /* NULL: none, whatever the environment says */
    size_t max_bytes;
    long timeout_s; /* for the whole */
};

/* https://, and http:// to this machine alone. Follows redirects to https only. *out is malloc'ed, with a NUL behind it
 * that is not counted. WD_ERR_NOT_FOUND: 404 or 410; WD_ERR_UNAVAILABLE: no answer, or one of 5xx or 429;
 * WD_ERR_REFUSED: any other; WD_ERR_TOO_LARGE; WD_ERR_INVALID: no such URL. */
enum wd_status fetch_file(const char *url, const struct fetch_options *options, char **out, size_t *len_out,
                          struct wd_error *err) WD_MUST_USE;

#endif
