/* `warden run`: reads the configuration, makes sure that what only a running worker needs is there, and hands over to
 * worker/run.c. */
#include <string.h>

#include "worker/cli/commands.h"
#include "worker/log.h"
#include "worker/run.h"

static enum log_level level_of(const char *name)
{
    static const char *const NAMES[] = {"debug", "info", "warn", "error"};
    for (int level = LOG_DEBUG; level <= LOG_ERROR; level++) {
        if (strcmp(NAMES[level], name) == 0)
            return (enum log_level)level;
    }
    return LOG_INFO;
}

static enum log_format format_of(const char *name)
{
    return strcmp(name, "json") == 0 ? LOG_FORMAT_JSON : strcmp(name, "text") == 0 ? LOG_FORMAT_TEXT : LOG_FORMAT_AUTO;
}

static int run(const struct cli_arguments *arguments)
{
    struct config *config = cli_load_config(arguments);
    struct wd_diagnostics *findings = wd_diagnostics_new();
    int code = EXIT_CONFIG;
    if (config && findings) {
        enum wd_status ready = config_prepare_run(config, findings);
        wd_diagnostics_print(findings, stderr);
        if (ready == WD_OK) {
            log_configure(level_of(config->log.level), format_of(config->log.format));
            code = run_command(config);
            log_flush();
        }
    }
    wd_diagnostics_free(findings);
    config_free(config);
    return code;
}

static const struct cli_option OPTIONS[] = {CLI_CONFIG_OPTIONS, {0}};

const struct cli_command command_run = {
    .name = "run",
    .summary = "consume events, judge them, act, commit",
    .text = "Runs the worker until SIGTERM or SIGINT, which make it finish the work under way (worker.drain_timeout), "
            "commit, and exit with 0. A second signal ends it at once.",
    .options = OPTIONS,
    .run = run,
};
