/* `warden health`: asks a running worker (or the sandbox) for its health over HTTP, for container health checks in
 * images that hold no other HTTP client. One request on plain sockets: it must work while everything else is broken,
 * and so uses nothing of the worker. */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "worker/cli/commands.h"

enum { ANSWER_MAX = 1 << 20, TIMEOUT_MS = 3000 };

struct question {
    char host[64], port[8];
    const char *path;
    int64_t deadline_ms;
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* An address to listen on everywhere is reached on loopback. */
static const char *reachable(const char *address)
{
    return strcmp(address, "0.0.0.0") == 0 ? "127.0.0.1" : strcmp(address, "::") == 0 ? "::1" : address;
}

/* False: the time is over. */
static bool wait_for(const struct question *question, int fd, short events)
{
    struct pollfd ready = {.fd = fd, .events = events};
    int64_t left_ms = question->deadline_ms - now_ms();
    return left_ms > 0 && poll(&ready, 1, (int)left_ms) == 1;
}

/* A connected socket, or -1 with errno. */
static int open_connection(const struct question *question)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV}, *found;
    if (getaddrinfo(question->host, question->port, &hints, &found) != 0) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int failed = fd < 0 || (connect(fd, found->ai_addr, found->ai_addrlen) != 0 && errno != EINPROGRESS);
    freeaddrinfo(found);
    int problem = failed ? errno : 0;
    socklen_t len = sizeof(problem);
    if (!failed && !wait_for(question, fd, POLLOUT))
        problem = ETIMEDOUT;
    else if (!failed)
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &len);
    if (!problem)
        return fd;
    if (fd >= 0)
        close(fd);
    errno = problem;
    return -1;
}

static bool send_request(const struct question *question, int fd)
{
    char request[1024];
    int len = snprintf(request, sizeof(request), "GET %s HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                       question->path);
    if (len < 0 || (size_t)len >= sizeof(request)) {
        errno = ENAMETOOLONG;
        return false;
    }
    return send(fd, request, (size_t)len, MSG_NOSIGNAL) == len; /* far below a fresh socket's buffer */
}

/* Reads until the other side ends; the answer is NUL-terminated and the caller's. NULL with errno. */
static char *read_answer(const struct question *question, int fd)
{
    char *answer = malloc(ANSWER_MAX + 1);
    size_t len = 0;
    ssize_t got = answer ? 1 : -1;
    while (got > 0 && len < ANSWER_MAX) {
        if (!wait_for(question, fd, POLLIN)) {
            errno = ETIMEDOUT;
            got = -1;
            break;
        }
        got = recv(fd, answer + len, ANSWER_MAX - len, 0);
        len += got > 0 ? (size_t)got : 0;
    }
    if (got < 0) {
        free(answer);
        return NULL;
    }
    answer[len] = '\0';
    return answer;
}

static char *ask(const struct question *question)
{
    int fd = open_connection(question);
    if (fd < 0)
        return NULL;
    char *answer = send_request(question, fd) ? read_answer(question, fd) : NULL;
    int problem = errno;
    close(fd);
    errno = problem;
    return answer;
}

/* Status of "HTTP/1.1 200 OK"; 0 where the answer is none. */
static long status_of(const char *answer)
{
    const char *blank = strncmp(answer, "HTTP/1.", 7) == 0 ? strchr(answer, ' ') : NULL;
    return blank ? strtol(blank, NULL, 10) : 0;
}

static const char *body_of(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n");
    return end ? end + 4 : "";
}

/* Where to ask: --port, else what the configuration says. EXIT_FINE or the exit code of the problem. */
static int find_port(const struct cli_arguments *arguments, struct question *question)
{
    long long port;
    if (!cli_number(arguments, "port", 1, 65535, 0, &port))
        return EXIT_USAGE;
    const char *address = "127.0.0.1";
    struct config *config = NULL;
    if (port == 0) {
        config = cli_load_config(arguments);
        if (!config)
            return EXIT_CONFIG;
        port = config->http.port;
        address = reachable(config->http.address);
    }
    snprintf(question->host, sizeof(question->host), "%s", address);
    snprintf(question->port, sizeof(question->port), "%lld", port);
    config_free(config);
    if (port < 1)
        return cli_fail(arguments, EXIT_CONFIG, "http.port is %lld: there is no fixed port to ask; give --port", port);
    return EXIT_FINE;
}

static int run(const struct cli_arguments *arguments)
{
    struct question question = {.path = cli_value(arguments, "path") ? cli_value(arguments, "path") : "/livez"};
    long long timeout_ms;
    if (!cli_number(arguments, "timeout-ms", 1, 600000, TIMEOUT_MS, &timeout_ms))
        return EXIT_USAGE;
    if (question.path[0] != '/' || strpbrk(question.path, " \t\r\n"))
        return cli_usage(arguments, "--path begins with '/' and holds no blanks");
    int code = find_port(arguments, &question);
    if (code != EXIT_FINE)
        return code;
    question.deadline_ms = now_ms() + timeout_ms;
    char *answer = ask(&question);
    if (!answer)
        return cli_fail(arguments, EXIT_UNREACHABLE, "%s, port %s: %s", question.host, question.port, strerror(errno));
    long status = status_of(answer);
    if (cli_has(arguments, "print"))
        fputs(body_of(answer), stdout);
    if (status != 200)
        code = cli_fail(arguments, EXIT_FINDINGS, "%s on port %s answers %ld", question.path, question.port, status);
    free(answer);
    return code;
}

static const struct cli_option OPTIONS[] = {
    CLI_CONFIG_OPTIONS,
    {.name = "port",
     .letter = 'p',
     .argument = "PORT",
     .text = "Ask 127.0.0.1 here instead of where the configuration says."},
    {.name = "path",
     .argument = "PATH",
     .text = "/livez by default; /readyz tells whether it is a member of its group."},
    {.name = "timeout-ms", .argument = "MS", .text = "3,000 by default."},
    {.name = "print", .text = "Print the body of the answer."},
    {0},
};

const struct cli_command command_health = {
    .name = "health",
    .summary = "ask a running worker how it is",
    .text =
        "Exits with 0 where it answers 200, with 1 where it answers anything else, with 69 where it does not answer. "
        "For the health checks of containers.",
    .options = OPTIONS,
    .run = run,
};
