/* What several commands begin with: the configuration and the rule sets, with every finding on stderr. */
#include <unistd.h>

#include "worker/cli/commands.h"

struct config *cli_load_config(const struct cli_arguments *arguments)
{
    const char *const *environment = (const char *const *)environ;
    const char *file = cli_value(arguments, "config");
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct config *config = NULL;
    if (!findings) {
        cli_fail(arguments, EXIT_CONFIG, "no memory");
        return NULL;
    }
    struct config_source source = {
        .file = file ? file : config_default_file(environment),
        .sets = cli_values(arguments, "set"),
        .environment = environment,
    };
    if (config_load(&source, &config, findings) == WD_ERR_MEMORY)
        cli_fail(arguments, EXIT_CONFIG, "no memory");
    fflush(stdout);
    wd_diagnostics_print(findings, stderr);
    wd_diagnostics_free(findings);
    return config;
}

static struct wd_ruleset *load_paths(const struct cli_arguments *arguments, const char *const *paths,
                                     const struct wd_ruleset_options *options, struct wd_diagnostics *findings,
                                     int *code_out)
{
    size_t count = 0;
    while (paths && paths[count])
        count++;
    struct wd_ruleset *set = NULL;
    enum wd_status status = wd_ruleset_load(paths, count, options, &set, findings);
    if (status == WD_OK)
        return set;
    *code_out = EXIT_CONFIG;
    if (!wd_diagnostics_errors(findings))
        cli_fail(arguments, EXIT_CONFIG, "the rule sets cannot be loaded: %s", wd_status_name(status));
    return NULL;
}

/* With the limits of the configuration. `paths` NULL: those that it names. */
static struct wd_ruleset *load_as_configured(const struct cli_arguments *arguments, const char *const *paths,
                                             enum rule_checks checks, struct wd_diagnostics *findings, int *code_out)
{
    const char *sample = cli_value(arguments, "sample");
    struct config *config = cli_load_config(arguments);
    if (!config) {
        *code_out = EXIT_CONFIG;
        return NULL;
    }
    const struct wd_ruleset_options options = {
        .match_limit = (size_t)config->rules.match_limit,
        .exempt_roles = (const char *const *)config->rules.exempt_roles,
        .sample = sample ? sample : config->rules.sample,
        .check_growth = checks == RULES_LINT,
        .strict = checks == RULES_STRICT || config->rules.strict,
        .lint = checks >= RULES_LINT,
        .describe = checks == RULES_DESCRIBED,
    };
    struct wd_ruleset *set =
        load_paths(arguments, paths ? paths : (const char *const *)config->rules.paths, &options, findings, code_out);
    config_free(config);
    return set;
}

struct wd_ruleset *cli_load_rules(const struct cli_arguments *arguments, bool use_operands, enum rule_checks checks,
                                  struct wd_diagnostics *findings, int *code_out)
{
    *code_out = EXIT_FINE;
    const char *const *paths = cli_values(arguments, "rules");
    if (!paths[0] && use_operands)
        paths = cli_operands(arguments);
    if (paths[0]) {
        const struct wd_ruleset_options options = {.sample = cli_value(arguments, "sample"),
                                                   .check_growth = checks == RULES_LINT,
                                                   .strict = checks == RULES_STRICT,
                                                   .lint = checks >= RULES_LINT,
                                                   .describe = checks == RULES_DESCRIBED};
        return load_paths(arguments, paths, &options, findings, code_out);
    }
    return load_as_configured(arguments, NULL, checks, findings, code_out);
}

struct wd_ruleset *cli_load_other_rules(const struct cli_arguments *arguments, const char *option,
                                        struct wd_diagnostics *findings, int *code_out)
{
    const char *const *paths = cli_values(arguments, option);
    *code_out = EXIT_FINE;
    if (!cli_has(arguments, "rules"))
        return load_as_configured(arguments, paths, RULES_AS_CONFIGURED, findings, code_out);
    const struct wd_ruleset_options options = {0};
    return load_paths(arguments, paths, &options, findings, code_out);
}
