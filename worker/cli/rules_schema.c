/* `warden rules schema` and `warden rules fields`: what can be written in a rule, from the loader's own tables. */
#include <warden/ruleschema.h>

#include "worker/cli/commands.h"

static int schema(const struct cli_arguments *arguments)
{
    enum wd_status status = wd_ruleset_schema_print(stdout);
    return status == WD_OK ? EXIT_FINE : cli_fail(arguments, EXIT_FINDINGS, "%s", wd_status_name(status));
}

static int fields(const struct cli_arguments *arguments)
{
    enum wd_status status = wd_ruleset_fields_print(stdout);
    return status == WD_OK ? EXIT_FINE : cli_fail(arguments, EXIT_FINDINGS, "%s", wd_status_name(status));
}

const struct cli_command command_rules_schema = {
    .name = "rules schema",
    .summary = "print the JSON Schema of rule files",
    .run = schema,
};

const struct cli_command command_rules_fields = {
    .name = "rules fields",
    .summary = "list what can be written in a rule",
    .run = fields,
};
