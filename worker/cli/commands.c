/* All commands, in the order in which people meet them. */
#include "worker/cli/commands.h"

const struct cli_command *const *cli_commands(void)
{
    static const struct cli_command *const ALL[] = {
        &command_run,
        &command_check,
        &command_demo,
        &command_sandbox,
        &command_health,
        &command_config_print,
        &command_config_yaml,
        &command_config_docs,
        &command_config_schema,
        &command_rules_lint,
        &command_rules_test,
        &command_rules_list,
        &command_rules_match,
        &command_rules_explain,
        &command_rules_import,
        &command_rules_bench,
        &command_rules_replay,
        &command_rules_fmt,
        &command_rules_deps,
        &command_rules_build,
        &command_rules_keygen,
        &command_rules_sign,
        &command_rules_verify,
        &command_rules_install,
        &command_rules_pull,
        &command_rules_schema,
        &command_rules_fields,
        &command_state_show,
        &command_state_reset,
        &command_state_top,
        &command_state_export,
        &command_state_import,
        &command_dlq_list,
        &command_dlq_show,
        &command_dlq_replay,
        &command_generate,
        NULL,
    };
    return ALL;
}
