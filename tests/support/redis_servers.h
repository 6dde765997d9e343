/* Real Redis servers for tests: one, or a Cluster of three, on free ports of this machine, in a folder of their own.
 * They end with the test. */
#ifndef TESTS_SUPPORT_REDIS_SERVERS_H
#define TESTS_SUPPORT_REDIS_SERVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { REDIS_SERVERS_MAX = 4 };

struct redis_server {
    int port;
    pid_t process; /* 0: not running */
    char address[40];
};

struct redis_servers {
    char folder[64];
    struct redis_server servers[REDIS_SERVERS_MAX];
    size_t count;
    char *addresses[REDIS_SERVERS_MAX + 1];
    bool cluster;
    const char *const *extra; /* further arguments of each server, NULL-terminated; NULL: none */
};

bool redis_servers_are_installed(void);
/* Starts them and waits until they answer; ends the test's process where that fails. */
void redis_servers_start(struct redis_servers *servers, size_t count, bool cluster, const char *const *extra);
/* SIGKILL. */
void redis_server_kill(struct redis_servers *servers, size_t at);
void redis_server_stop_answering(struct redis_servers *servers, size_t at, bool stop); /* SIGSTOP, SIGCONT */
/* With what it had on the disk: all that it ever answered for (appendfsync always). */
void redis_server_restart(struct redis_servers *servers, size_t at);
/* Runs redis-cli at a server; true where it ended well. */
bool redis_server_tell(const struct redis_servers *servers, size_t at, const char *command);
void redis_servers_end(struct redis_servers *servers);

#endif
