/* A disk that a test holds, for whole processes: loaded before the C library (LD_PRELOAD) it stands before fdatasync()
 * and fsync(). In the folder $WARDEN_TEST_DISK: while there is a file `hold` they wait; where there is a file `fail`
 * they end with the errno that it has; each writes a line to `log` when it begins and when it ends. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOOK_US = 2000 };

static void path_of(const char *name, char path[512])
{
    const char *folder = getenv("WARDEN_TEST_DISK");
    snprintf(path, 512, "%s/%s", folder ? folder : "/nowhere", name);
}

static void tell(const char *line)
{
    char path[512];
    path_of("log", path);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, line, strlen(line)) < 0)
        abort();
    close(fd);
}

static void wait_while_held(void)
{
    char path[512];
    path_of("hold", path);
    while (access(path, F_OK) == 0)
        usleep(LOOK_US);
}

/* 0: it does not fail. */
static int failure(void)
{
    char path[512], text[16] = "";
    path_of("fail", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t len = read(fd, text, sizeof(text) - 1);
    close(fd);
    return len > 0 ? (int)strtol(text, NULL, 10) : EIO;
}

static int sync_as(const char *name, int fd)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    tell("begin\n");
    wait_while_held();
    int code = failure(), result = code || !real ? -1 : real(fd), why = code ? code : errno;
    tell("end\n");
    errno = why;
    return result;
}

int fdatasync(int fd)
{
    return sync_as("fdatasync", fd);
}

int fsync(int fd)
{
    return sync_as("fsync", fd);
}
