#include "tests/support/redis_servers.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 64, WAIT_STEPS = 1200, STEP_MS = 50, BUS_OFFSET = 10000 };

static void give_up(const char *what)
{
    fprintf(stderr, "redis_servers: %s\n", what);
    abort();
}

static void nap(void)
{
    struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
    nanosleep(&step, NULL);
}

bool redis_servers_are_installed(void)
{
    return system("redis-server --version >/dev/null 2>&1 && redis-cli --version >/dev/null 2>&1") == 0; /* NOLINT */
}

/* A port that is free now, whose Cluster bus port exists, too. */
static int free_port(void)
{
    for (int tries = 0; tries < 100; tries++) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof(address);
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        bool bound = fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0 &&
                     getsockname(fd, (struct sockaddr *)&address, &size) == 0;
        close(fd);
        if (bound && ntohs(address.sin_port) < 65535 - BUS_OFFSET)
            return ntohs(address.sin_port);
    }
    give_up("no free port");
    return 0;
}

static bool run(const char *command)
{
    int status = system(command); /* NOLINT(cert-env33-c): a test's own words */
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool redis_server_tell(const struct redis_servers *servers, size_t at, const char *command)
{
    char line[600];
    snprintf(line, sizeof(line), "redis-cli -h 127.0.0.1 -p %d %s >>%s/cli.log 2>&1", servers->servers[at].port,
             command, servers->folder);
    return run(line);
}

static bool is_listening(int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool listening = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    close(fd);
    return listening;
}

static void run_server(const struct redis_servers *servers, const struct redis_server *server)
{
    char port[8], folder[80], log[100];
    snprintf(port, sizeof(port), "%d", server->port);
    snprintf(folder, sizeof(folder), "%s/%d", servers->folder, server->port);
    snprintf(log, sizeof(log), "%s/log", folder);
    const char *arguments[ARGUMENTS_MAX] = {"redis-server",
                                            "--dir",
                                            folder,
                                            "--logfile",
                                            log,
                                            "--bind",
                                            "127.0.0.1",
                                            "--save",
                                            "",
                                            "--appendonly",
                                            "yes",
                                            "--cluster-enabled",
                                            servers->cluster ? "yes" : "no",
                                            "--appendfsync",
                                            "always",
                                            "--cluster-node-timeout",
                                            "15000", /* a busy machine is no failed node */
                                            "--cluster-require-full-coverage",
                                            "no"};
    size_t count = 19;
    bool has_port = false;
    for (const char *const *more = servers->extra; more && *more && count + 3 < ARGUMENTS_MAX; more++) {
        has_port |= strcmp(*more, "--tls-port") == 0;
        arguments[count++] = strcmp(*more, "PORT") == 0 ? port : *more;
    }
    arguments[count++] = "--port";
    arguments[count++] = has_port ? "0" : port;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execvp("redis-server", (char *const *)arguments);
    _exit(127);
}

void redis_server_restart(struct redis_servers *servers, size_t at)
{
    struct redis_server *server = &servers->servers[at];
    server->process = fork();
    if (server->process == 0)
        run_server(servers, server);
    if (server->process < 0)
        give_up("cannot fork");
    for (int step = 0; !is_listening(server->port); step++) {
        if (step == WAIT_STEPS)
            give_up("a server does not come up");
        nap();
    }
}

static void join_cluster(struct redis_servers *servers)
{
    char line[400];
    int length = snprintf(line, sizeof(line), "redis-cli --cluster create");
    for (size_t i = 0; i < servers->count; i++)
        length += snprintf(line + length, sizeof(line) - (size_t)length, " %s", servers->servers[i].address);
    snprintf(line + length, sizeof(line) - (size_t)length, " --cluster-yes >%s/create.log 2>&1", servers->folder);
    if (!run(line))
        give_up("the Cluster cannot be made");
    for (size_t i = 0; i < servers->count; i++)
        for (int step = 0; !redis_server_tell(servers, i, "cluster info | grep -q cluster_state:ok"); step++) {
            if (step == WAIT_STEPS)
                give_up("the Cluster does not settle");
            nap();
        }
}

void redis_servers_start(struct redis_servers *servers, size_t count, bool cluster, const char *const *extra)
{
    *servers = (struct redis_servers){
        .folder = "/tmp/warden-redis-XXXXXX", .count = count, .cluster = cluster, .extra = extra};
    if (!mkdtemp(servers->folder))
        give_up("no folder");
    for (size_t i = 0; i < count; i++) {
        struct redis_server *server = &servers->servers[i];
        char line[160];
        server->port = free_port();
        snprintf(server->address, sizeof(server->address), "127.0.0.1:%d", server->port);
        servers->addresses[i] = server->address;
        snprintf(line, sizeof(line), "mkdir %s/%d", servers->folder, server->port);
        if (!run(line))
            give_up("no folder for a server");
        redis_server_restart(servers, i);
    }
    if (cluster)
        join_cluster(servers);
}

void redis_server_kill(struct redis_servers *servers, size_t at)
{
    struct redis_server *server = &servers->servers[at];
    if (!server->process)
        return;
    kill(server->process, SIGKILL);
    waitpid(server->process, NULL, 0);
    server->process = 0;
}

void redis_server_stop_answering(struct redis_servers *servers, size_t at, bool stop)
{
    kill(servers->servers[at].process, stop ? SIGSTOP : SIGCONT);
}

void redis_servers_end(struct redis_servers *servers)
{
    char line[100];
    for (size_t i = 0; i < servers->count; i++)
        redis_server_kill(servers, i);
    snprintf(line, sizeof(line), "rm -rf %s", servers->folder);
    run(line);
}
