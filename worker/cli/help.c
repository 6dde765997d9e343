/* Help and version, from the table of commands. */
#include <string.h>

#include "worker/cli/cli.h"

enum { LINE_WIDTH = 100, OPTION_COLUMN = 26, COMMAND_COLUMN = 16 };

const struct cli_option CLI_HELP_OPTION = {.name = "help", .letter = 'h', .text = "Show this help."};

/* Writes words from `column` on, in lines of at most LINE_WIDTH. '\n' begins a paragraph. */
static void print_words(FILE *out, size_t indent, size_t column, const char *text)
{
    while (*text) {
        size_t word = strcspn(text, " \n");
        if (column > indent && column + 1 + word > LINE_WIDTH) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        }
        column += (size_t)fprintf(out, "%s%.*s", column > indent ? " " : "", (int)word, text);
        text += word;
        if (*text == '\n') {
            fprintf(out, "\n\n%*s", (int)indent, "");
            column = indent;
        }
        text += strspn(text, " \n");
    }
    fputc('\n', out);
}

static void print_option(const struct cli_option *option, FILE *out)
{
    char head[80];
    int length = snprintf(head, sizeof(head), "  %c%c%c --%s%s%s", option->letter ? '-' : ' ',
                          option->letter ? option->letter : ' ', option->letter ? ',' : ' ', option->name,
                          option->argument ? " " : "", option->argument ? option->argument : "");
    fputs(head, out);
    if (length + 2 > OPTION_COLUMN) {
        fputc('\n', out);
        length = 0;
    }
    fprintf(out, "%*s", OPTION_COLUMN - length, "");
    print_words(out, OPTION_COLUMN, OPTION_COLUMN, option->text);
}

void cli_print_command_help(const struct cli_command *command, FILE *out)
{
    fprintf(out, "Usage: warden %s [OPTION...]%s%s\n\n", command->name, command->operands ? " " : "",
            command->operands ? command->operands : "");
    char first = command->summary[0];
    fprintf(out, "%c%s.\n", first >= 'a' && first <= 'z' ? first - 'a' + 'A' : first, command->summary + 1);
    if (command->text) {
        fputc('\n', out);
        print_words(out, 0, 0, command->text);
    }
    fputs("\nOptions:\n", out);
    for (const struct cli_option *option = command->options; option && option->name; option++)
        print_option(option, out);
    print_option(&CLI_HELP_OPTION, out);
}

static void print_command_lines(const char *group, FILE *out)
{
    size_t length = group ? strlen(group) : 0;
    for (const struct cli_command *const *command = cli_commands(); *command; command++) {
        const char *name = (*command)->name;
        if ((*command)->hidden || (group && (strncmp(name, group, length) != 0 || name[length] != ' ')))
            continue;
        fprintf(out, "  %-*s", COMMAND_COLUMN, name);
        print_words(out, COMMAND_COLUMN + 2, COMMAND_COLUMN + 2, (*command)->summary);
    }
}

void cli_print_group_help(const char *group, FILE *out)
{
    fprintf(out, "Usage: warden %s COMMAND [OPTION...]\n\nCommands:\n", group);
    print_command_lines(group, out);
    fprintf(out, "\n`warden %s COMMAND --help` says more about one.\n", group);
}

void cli_print_help(FILE *out)
{
    fputs("Usage: warden COMMAND [OPTION...]\n\n"
          "Reads content events from Kafka, judges them by rules, and calls the platform's admin API.\n\nCommands:\n",
          out);
    print_command_lines(NULL, out);
    fputs("\nOptions:\n  -h, --help      Show this help.\n  -V, --version   Show the version and those of the "
          "libraries.\n\n"
          "Exit codes: 0 fine, 1 findings or failures, 2 wrong usage, 4 nothing to do,\n"
          "69 a service cannot be reached, 78 bad configuration.\n"
          "`warden COMMAND --help` says more about one; `man warden` about all.\n",
          out);
}

void cli_print_version(FILE *out)
{
    fputs("warden " WARDEN_VERSION "\n", out);
    fputs("built with librdkafka " RDKAFKA_VERSION ", libcurl " CURL_VERSION ", PCRE2 " PCRE2_VERSION
          ", ICU " ICU_VERSION ", simdjson " SIMDJSON_VERSION ", jansson " JANSSON_VERSION ", libyaml " YAML_VERSION
          ", libmicrohttpd " MICROHTTPD_VERSION "\n",
          out);
}
