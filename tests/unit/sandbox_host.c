/* Runs the sandbox by itself for tests of it: prints its port and ends when stdin does. Arguments are name=value. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/platform/sandbox/sandbox.h"

static void set_option(struct sandbox_options *options, const char *name, const char *value)
{
    if (strcmp(name, "address") == 0)
        options->address = value;
    else if (strcmp(name, "token") == 0)
        options->token = value;
    else if (strcmp(name, "api_key") == 0)
        options->api_key = value;
    else if (strcmp(name, "log_limit") == 0)
        options->log_limit = strtoul(value, NULL, 10);
    else if (strcmp(name, "log_body_limit") == 0)
        options->log_body_limit = strtoul(value, NULL, 10);
    else if (strcmp(name, "latency_min_ms") == 0)
        options->latency_min_ms = (uint32_t)strtoul(value, NULL, 10);
    else if (strcmp(name, "latency_max_ms") == 0)
        options->latency_max_ms = (uint32_t)strtoul(value, NULL, 10);
    else if (strcmp(name, "seed") == 0)
        options->seed = strtoul(value, NULL, 10);
    else if (strcmp(name, "faults") == 0)
        options->faults = value;
    else
        fprintf(stderr, "sandbox_host: there is no option '%s'\n", name);
}

int main(int argc, char **argv)
{
    struct sandbox_options options = {.token = "admin-token", .api_key = "the-key"};
    struct wd_error err;
    for (int i = 1; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (equals) {
            *equals = '\0';
            set_option(&options, argv[i], equals + 1);
        }
    }
    struct sandbox *sandbox = sandbox_start(&options, &err);
    if (!sandbox) {
        fprintf(stderr, "sandbox_host: %s\n", err.text);
        return 1;
    }
    printf("%u\n", sandbox_port(sandbox));
    fflush(stdout);
    char buffer[256];
    while (read(STDIN_FILENO, buffer, sizeof(buffer)) > 0)
        ;
    sandbox_stop(sandbox);
    return 0;
}
