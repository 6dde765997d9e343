/* `warden sandbox`: a stand-in for the platform, for trying things out and for tests. Neighbour:
 * worker/platform/sandbox. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "worker/cli/commands.h"
#include "worker/platform/sandbox/sandbox.h"

enum { TOKEN_MAX = 16 * 1024, FAULTS_MAX = 1 << 20 };

/* The content of a file without white space at its end, NUL-terminated, to be freed. NULL after a complaint. */
static char *read_small_file(const struct cli_arguments *arguments, const char *path, size_t most)
{
    FILE *file = fopen(path, "re");
    char *text = file ? calloc(1, most + 2) : NULL;
    size_t length = text ? fread(text, 1, most + 1, file) : 0;
    bool fine = text && !ferror(file) && length <= most;
    if (!file || !fine)
        cli_fail(arguments, EXIT_CONFIG, "%s: %s", path, file ? "cannot be read, or is too large" : strerror(errno));
    if (file)
        fclose(file);
    if (!fine) {
        free(text);
        return NULL;
    }
    while (length && strchr(" \t\r\n", text[length - 1]))
        text[--length] = '\0';
    return text;
}

/* What sandbox_start() is given; the strings belong to it. */
struct settings {
    struct sandbox_options options;
    char *token, *api_key, *faults;
};

static void settings_fini(struct settings *settings)
{
    free(settings->token);
    free(settings->api_key);
    free(settings->faults);
}

static bool read_file_option(const struct cli_arguments *arguments, const char *option, size_t most, char **out)
{
    const char *path = cli_value(arguments, option);
    if (!path)
        return true;
    *out = read_small_file(arguments, path, most);
    return *out != NULL;
}

/* EXIT_FINE or the exit code of the problem. */
static int read_settings(const struct cli_arguments *arguments, struct settings *settings)
{
    long long port, latency, latency_max, seed;
    if (!cli_number(arguments, "port", 0, 65535, 8081, &port) ||
        !cli_number(arguments, "latency-ms", 0, 600000, 0, &latency) ||
        !cli_number(arguments, "latency-max-ms", 0, 600000, 0, &latency_max) ||
        !cli_number(arguments, "seed", 0, INT64_MAX, 1, &seed))
        return EXIT_USAGE;
    if (!read_file_option(arguments, "token-file", TOKEN_MAX, &settings->token) ||
        !read_file_option(arguments, "api-key-file", TOKEN_MAX, &settings->api_key) ||
        !read_file_option(arguments, "faults", FAULTS_MAX, &settings->faults))
        return EXIT_CONFIG;
    settings->options = (struct sandbox_options){
        .address = cli_value(arguments, "address"),
        .port = (uint16_t)port,
        .token = settings->token ? settings->token : "sandbox-token",
        .api_key = settings->api_key,
        .latency_min_ms = (uint32_t)latency,
        .latency_max_ms = (uint32_t)latency_max,
        .seed = (uint64_t)seed,
        .strict_objects = cli_has(arguments, "strict-objects"),
        .faults = settings->faults,
    };
    return EXIT_FINE;
}

static void print_counts(const struct sandbox *sandbox)
{
    struct sandbox_counts counts = sandbox_counts(sandbox);
    printf("calls received: %" PRIu64 " (done %" PRIu64 ", already %" PRIu64 ", refused %" PRIu64 ", faulted %" PRIu64
           ")\n",
           counts.received, counts.done, counts.already, counts.refused, counts.faulted);
}

static int serve(const struct cli_arguments *arguments, const struct settings *settings)
{
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ends, NULL); /* before the sandbox's thread is made, which inherits it */
    struct wd_error err;
    struct sandbox *sandbox = sandbox_start(&settings->options, &err);
    if (!sandbox)
        return cli_fail(arguments, err.status == WD_ERR_INVALID ? EXIT_CONFIG : EXIT_FINDINGS, "%s", err.text);
    const char *address = settings->options.address ? settings->options.address : "127.0.0.1";
    bool six = strchr(address, ':') != NULL;
    printf("sandbox listens on http://%s%s%s:%u\n", six ? "[" : "", address, six ? "]" : "",
           (unsigned)sandbox_port(sandbox));
    fflush(stdout);
    int signal_number;
    sigwait(&ends, &signal_number);
    print_counts(sandbox);
    sandbox_stop(sandbox);
    return EXIT_FINE;
}

static int run(const struct cli_arguments *arguments)
{
    struct settings settings = {0};
    int code = read_settings(arguments, &settings);
    if (code == EXIT_FINE)
        code = serve(arguments, &settings);
    settings_fini(&settings);
    return code;
}

static const struct cli_option OPTIONS[] = {
    {.name = "address", .letter = 'a', .argument = "IP", .text = "Where to listen; 127.0.0.1 by default."},
    {.name = "port", .letter = 'p', .argument = "PORT", .text = "8081 by default; 0: any free one (it is printed)."},
    {.name = "token-file",
     .letter = 't',
     .argument = "FILE",
     .text = "The admin token that it accepts; \"sandbox-token\" by default."},
    {.name = "api-key-file", .argument = "FILE", .text = "The API key that it accepts; none by default."},
    {.name = "faults",
     .letter = 'f',
     .argument = "FILE",
     .text = "Faults to begin with, as JSON in the form of POST /__sandbox/faults (docs/sandbox.md)."},
    {.name = "latency-ms", .argument = "MS", .text = "Hold every answer back for this long."},
    {.name = "latency-max-ms", .argument = "MS", .text = "With --latency-ms: for a time between the two."},
    {.name = "strict-objects",
     .text = "Ids that nobody created are unknown (404); otherwise they come into being when they are named."},
    {.name = "seed", .argument = "N", .text = "Seed of everything random; 1 by default."},
    {0},
};

const struct cli_command command_sandbox = {
    .name = "sandbox",
    .summary = "serve a stand-in for the platform's API",
    .text = "Speaks the moderation, session and settings calls of the platform over HTTP, with state; refuses what the "
            "platform refuses. GET /__sandbox/log gives every call received, POST /__sandbox/faults sets faults. Runs "
            "until SIGTERM or SIGINT.",
    .options = OPTIONS,
    .run = run,
};
