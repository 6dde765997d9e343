/* Files as a whole. Neighbour: document.c. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "filters/base/file.h"

enum { FIRST_ROOM = 64 * 1024 };

enum wd_status wd_file_read(const char *path, size_t most, char **text_out, size_t *len_out)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return errno == ENOENT ? WD_ERR_NOT_FOUND : WD_ERR_IO;
    size_t room = most < FIRST_ROOM ? most : FIRST_ROOM, len = 0;
    char *text = malloc(room);
    enum wd_status status = text ? WD_OK : WD_ERR_MEMORY;
    while (status == WD_OK && len < most) {
        if (len == room) {
            room = room * 2 > most ? most : room * 2;
            char *larger = realloc(text, room);
            if (!larger) {
                status = WD_ERR_MEMORY;
                break;
            }
            text = larger;
        }
        ssize_t got = read(file, text + len, room - len);
        if (got == 0)
            break;
        if (got > 0)
            len += (size_t)got;
        else if (errno != EINTR)
            status = WD_ERR_IO;
    }
    int saved = errno;
    close(file);
    errno = saved;
    if (status != WD_OK) {
        free(text);
        return status;
    }
    *text_out = text;
    *len_out = len;
    return WD_OK;
}
