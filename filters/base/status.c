/* The error object. Neighbours: everybody. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <warden/status.h>

static const char *const STATUS_NAMES[] = {
    [WD_OK] = "ok",
    [WD_ERR_INVALID] = "invalid",
    [WD_ERR_MEMORY] = "out_of_memory",
    [WD_ERR_TOO_LARGE] = "too_large",
    [WD_ERR_NOT_FOUND] = "not_found",
    [WD_ERR_IO] = "io",
    [WD_ERR_UNAVAILABLE] = "unavailable",
    [WD_ERR_REFUSED] = "refused",
};

const char *wd_status_name(enum wd_status status)
{
    size_t count = sizeof(STATUS_NAMES) / sizeof(STATUS_NAMES[0]);
    return (size_t)status < count ? STATUS_NAMES[status] : "unknown";
}

enum wd_status wd_fail(struct wd_error *err, enum wd_status status, const char *format, ...)
{
    if (!err)
        return status;
    err->status = status;
    err->line = err->column = 0;
    err->file[0] = '\0';
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    return status;
}

enum wd_status wd_error_prefix(struct wd_error *err, enum wd_status status, const char *format, ...)
{
    if (!err)
        return status;
    char tail[WD_ERROR_TEXT_MAX];
    memcpy(tail, err->text, sizeof(tail));
    va_list args;
    va_start(args, format);
    int head = vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    if (head >= 0 && (size_t)head < sizeof(err->text))
        snprintf(err->text + head, sizeof(err->text) - (size_t)head, ": %.*s", (int)(sizeof(err->text) - (size_t)head),
                 tail);
    return status;
}
