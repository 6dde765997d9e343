/* A bounded download with libcurl's easy interface. Neighbours: cli/bundle_pull.c. */
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "worker/platform/fetch.h"

enum { CONNECT_TIMEOUT_S = 10, REDIRECTS_MAX = 5, LEAST_RATE = 1024, STALL_S = 20 };

struct download {
    char *bytes;
    size_t len, room, most;
    bool is_too_large;
};

static size_t on_bytes(char *bytes, size_t size, size_t count, void *context)
{
    struct download *download = context;
    size_t len = size * count;
    if (len > download->most - download->len) {
        download->is_too_large = true;
        return 0;
    }
    if (download->len + len + 1 > download->room) {
        size_t room = 2 * (download->len + len + 1);
        char *more = realloc(download->bytes, room);
        if (!more)
            return 0;
        download->bytes = more;
        download->room = room;
    }
    memcpy(download->bytes + download->len, bytes, len);
    download->len += len;
    return len;
}

static bool is_loopback(const char *url)
{
    static const char *const STARTS[] = {"http://127.0.0.1:", "http://127.0.0.1/", "http://localhost:",
                                         "http://localhost/", "http://[::1]:",     "http://[::1]/"};
    for (size_t i = 0; i < sizeof(STARTS) / sizeof(STARTS[0]); i++)
        if (strncmp(url, STARTS[i], strlen(STARTS[i])) == 0)
            return !strchr(url, '@');
    return false;
}

static bool set_options(CURL *curl, const char *url, const struct fetch_options *options, struct download *download,
                        char *problem)
{
    bool fine = curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, is_loopback(url) ? "http" : "https") == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "https") == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_PROXY, options->proxy ? options->proxy : "") == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_TIMEOUT, options->timeout_s) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long)LEAST_RATE) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)STALL_S) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_USERAGENT, "warden/" WARDEN_VERSION) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, problem) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_WRITEDATA, download) == CURLE_OK;
    if (options->ca_file)
        fine &= curl_easy_setopt(curl, CURLOPT_CAINFO, options->ca_file) == CURLE_OK;
    return fine;
}

static enum wd_status perform(CURL *curl, const char *url, const struct download *download, const char *problem,
                              struct wd_error *err)
{
    CURLcode code = curl_easy_perform(curl);
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (download->is_too_large)
        return wd_fail(err, WD_ERR_TOO_LARGE, "%s has more than %zu bytes", url, download->most);
    if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT)
        return wd_fail(err, WD_ERR_INVALID, "%s: only https:// is fetched", url);
    if (code != CURLE_OK)
        return wd_fail(err, code == CURLE_OUT_OF_MEMORY ? WD_ERR_MEMORY : WD_ERR_UNAVAILABLE, "%s: %s", url,
                       *problem ? problem : curl_easy_strerror(code));
    if (status == 200)
        return WD_OK;
    bool is_passing = status >= 500 || status == 429, is_missing = status == 404 || status == 410;
    return wd_fail(err,
                   is_passing   ? WD_ERR_UNAVAILABLE
                   : is_missing ? WD_ERR_NOT_FOUND
                                : WD_ERR_REFUSED,
                   "%s: HTTP %ld", url, status);
}

enum wd_status fetch_file(const char *url, const struct fetch_options *options, char **out, size_t *len_out,
                          struct wd_error *err)
{
    char problem[CURL_ERROR_SIZE] = "";
    struct download download = {.most = options->max_bytes, .bytes = malloc(1), .room = 1};
    CURL *curl = curl_easy_init();
    enum wd_status status;
    if (!curl || !download.bytes || !set_options(curl, url, options, &download, problem))
        status = wd_fail(err, WD_ERR_MEMORY, "%s: no memory", url);
    else
        status = perform(curl, url, &download, problem, err);
    curl_easy_cleanup(curl);
    if (status != WD_OK) {
        free(download.bytes);
        return status;
    }
    download.bytes[download.len] = '\0';
    *out = download.bytes;
    *len_out = download.len;
    return WD_OK;
}
