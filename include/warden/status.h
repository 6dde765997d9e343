/* Status codes and the error object of every call that can fail.
 *
 * A function that fails returns a status other than WD_OK and fills `err` when the caller passed one; on success it
 * leaves `err` alone. The caller owns the error object; it holds no pointers and needs no clean-up. */
#ifndef WARDEN_STATUS_H
#define WARDEN_STATUS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define WD_MUST_USE __attribute__((warn_unused_result))
#define WD_PRINTF(format_index, first) __attribute__((format(printf, format_index, first)))
#else
#define WD_MUST_USE
#define WD_PRINTF(format_index, first)
#endif

enum wd_status {
    WD_OK = 0,
    WD_ERR_INVALID,     /* the input is wrong: fix it, trying again does not help */
    WD_ERR_MEMORY,      /* no memory */
    WD_ERR_TOO_LARGE,   /* a stated limit was passed */
    WD_ERR_NOT_FOUND,   /* a file or an entry does not exist */
    WD_ERR_IO,          /* the system refused: text holds errno's words */
    WD_ERR_UNAVAILABLE, /* a service cannot be reached now */
    WD_ERR_REFUSED,     /* a service was reached and said no */
};

enum { WD_ERROR_FILE_MAX = 256, WD_ERROR_TEXT_MAX = 768 };

struct wd_error {
    enum wd_status status;
    int line;   /* 1-based, 0 where there is none */
    int column; /* 1-based, in bytes, 0 where there is none */
    char file[WD_ERROR_FILE_MAX];
    char text[WD_ERROR_TEXT_MAX];
};

/* Stable lower-case name of a status, as in "too_large". */
const char *wd_status_name(enum wd_status status);

/* Fills `err` (which may be NULL) and returns `status`, so that `return wd_fail(...)` reads well. */
enum wd_status wd_fail(struct wd_error *err, enum wd_status status, const char *format, ...) WD_PRINTF(3, 4);

/* Puts "<context>: " before the text of `err` on its way up; returns the status of `err` unchanged. */
enum wd_status wd_error_prefix(struct wd_error *err, enum wd_status status, const char *format, ...) WD_PRINTF(3, 4);

#ifdef __cplusplus
}
#endif
#endif
