/* `warden config ...`: what is in effect, and what could be written. */
#include "worker/cli/commands.h"

static int print(const struct cli_arguments *arguments)
{
    struct config *config = cli_load_config(arguments);
    if (!config)
        return EXIT_CONFIG;
    config_print(config, stdout, cli_has(arguments, "json"));
    config_free(config);
    return EXIT_FINE;
}

static int describe(enum config_form form)
{
    config_describe(form, stdout);
    return EXIT_FINE;
}

static int docs(const struct cli_arguments *arguments)
{
    (void)arguments;
    return describe(CONFIG_FORM_MARKDOWN);
}

static int yaml(const struct cli_arguments *arguments)
{
    (void)arguments;
    return describe(CONFIG_FORM_YAML);
}

static int schema(const struct cli_arguments *arguments)
{
    (void)arguments;
    return describe(CONFIG_FORM_SCHEMA);
}

static const struct cli_option PRINT_OPTIONS[] = {
    CLI_CONFIG_OPTIONS,
    {.name = "json", .letter = 'j', .text = "Print one JSON object."},
    {0},
};

const struct cli_command command_config_print = {
    .name = "config print",
    .summary = "show every option, its value and where it came from",
    .text = "Secrets are not shown, only the paths of their files; of a webhook's URL only the host.",
    .options = PRINT_OPTIONS,
    .run = print,
};

const struct cli_command command_config_yaml = {
    .name = "config yaml",
    .summary = "print a commented configuration file with all defaults",
    .run = yaml,
};

const struct cli_command command_config_docs = {
    .name = "config docs",
    .summary = "print the documentation of all options as Markdown",
    .run = docs,
};

const struct cli_command command_config_schema = {
    .name = "config schema",
    .summary = "print the JSON Schema of the configuration file",
    .run = schema,
};
