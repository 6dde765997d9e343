/* The commands, one file each, and what several of them share. */
#ifndef WORKER_CLI_COMMANDS_H
#define WORKER_CLI_COMMANDS_H

#include <warden/diagnostics.h>
#include <warden/ruleset.h>

#include "worker/cli/cli.h"
#include "worker/config.h"

extern const struct cli_command command_run;
extern const struct cli_command command_check;
extern const struct cli_command command_demo;
extern const struct cli_command command_sandbox;
extern const struct cli_command command_health;
extern const struct cli_command command_config_print, command_config_yaml, command_config_docs, command_config_schema;
extern const struct cli_command command_rules_lint, command_rules_test, command_rules_list, command_rules_match;
extern const struct cli_command command_rules_explain, command_rules_schema, command_rules_fields;
extern const struct cli_command command_rules_import, command_rules_bench;
extern const struct cli_command command_rules_replay, command_rules_fmt, command_rules_deps;
extern const struct cli_command command_rules_build, command_rules_keygen, command_rules_sign, command_rules_verify;
extern const struct cli_command command_rules_install, command_rules_pull;
extern const struct cli_command command_dlq_list, command_dlq_show, command_dlq_replay;
extern const struct cli_command command_state_show, command_state_reset, command_state_top;
extern const struct cli_command command_state_export, command_state_import;
extern const struct cli_command command_generate;

/* -c/--config and --set, for the commands that read the configuration. */
#define CLI_CONFIG_OPTIONS                                                                                             \
    {.name = "config",                                                                                                 \
     .letter = 'c',                                                                                                    \
     .argument = "FILE",                                                                                               \
     .text = "The configuration file; else $WARDEN_CONFIG, else the installed one, else the defaults."},               \
    {                                                                                                                  \
        .name = "set", .letter = 's', .argument = "KEY=VALUE",                                                         \
        .text = "Set an option, as in kafka.brokers=localhost:9092; wins over file and environment."                   \
    }

/* Reads the configuration that the arguments ask for. Findings are printed on stderr. NULL where there are errors: then
 * the command ends with EXIT_CONFIG. */
struct config *cli_load_config(const struct cli_arguments *arguments);

/* --rules, for the commands that work on rule sets. */
#define CLI_RULES_OPTION                                                                                               \
    {                                                                                                                  \
        .name = "rules", .letter = 'r', .argument = "PATH",                                                            \
        .text = "A rule file, or a folder of which every *.yaml is read; may be given several times. Without it the "  \
                "configuration's rules.paths."                                                                         \
    }

/* What loading checks beside what it must: see struct wd_ruleset_options. */
enum rule_checks { RULES_AS_CONFIGURED, RULES_DESCRIBED, RULES_LINT, RULES_LINT_BUT_GROWTH, RULES_STRICT };

/* Loads the rule sets named with --rules (else the operands where `use_operands`, else the configuration's rules.paths
 * with its limits) and prints findings on stderr. NULL where there are errors: *code_out is then the exit code. */
struct wd_ruleset *cli_load_rules(const struct cli_arguments *arguments, bool use_operands, enum rule_checks checks,
                                  struct wd_diagnostics *findings, int *code_out);

/* Loads the rule sets named with `option`, to be compared with those of cli_load_rules(): with the same limits. */
struct wd_ruleset *cli_load_other_rules(const struct cli_arguments *arguments, const char *option,
                                        struct wd_diagnostics *findings, int *code_out);

#endif
