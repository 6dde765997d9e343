/* Reading files that people write. */
#ifndef FILTERS_BASE_FILE_H
#define FILTERS_BASE_FILE_H

#include <stddef.h>

#include <warden/status.h>

/* The first `most` bytes of a file (so ask for one more than may be, to see that it is too much), in memory that the
 * caller frees. WD_ERR_NOT_FOUND; WD_ERR_IO with errno set; WD_ERR_MEMORY. */
enum wd_status wd_file_read(const char *path, size_t most, char **text_out, size_t *len_out) WD_MUST_USE;

#endif
