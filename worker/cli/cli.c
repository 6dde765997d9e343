/* Finds the command, parses its options with a getopt_long table made from the command's own, runs it. Neighbours:
 * commands.c (the table), help.c (what --help prints). */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <warden/diagnostics.h>

#include "worker/cli/cli.h"

enum { OPTIONS_MAX = 32, NAMES_MAX = 64 };

struct given {
    const struct cli_option *option;
    const char *value; /* NULL for a switch */
};

struct cli_arguments {
    const struct cli_command *command;
    struct given *given;
    size_t given_count;
    const char **values; /* room for cli_values() */
    const char *const *operands;
    size_t operand_count;
};

/* ---- what commands ask ---- */

bool cli_has(const struct cli_arguments *arguments, const char *option)
{
    for (size_t i = 0; i < arguments->given_count; i++) {
        if (strcmp(arguments->given[i].option->name, option) == 0)
            return true;
    }
    return false;
}

const char *cli_value(const struct cli_arguments *arguments, const char *option)
{
    const char *value = NULL;
    for (size_t i = 0; i < arguments->given_count; i++) {
        if (strcmp(arguments->given[i].option->name, option) == 0)
            value = arguments->given[i].value;
    }
    return value;
}

/* `values` has room for every list at once: each option's values stand behind those of the options before it. */
const char *const *cli_values(const struct cli_arguments *arguments, const char *option)
{
    size_t start = 0;
    for (const struct cli_option *before = arguments->command->options;
         before && before->name && strcmp(before->name, option) != 0; before++) {
        for (size_t i = 0; i < arguments->given_count; i++)
            start += arguments->given[i].option == before;
        start++;
    }
    size_t count = start;
    for (size_t i = 0; i < arguments->given_count; i++) {
        if (strcmp(arguments->given[i].option->name, option) == 0)
            arguments->values[count++] = arguments->given[i].value;
    }
    arguments->values[count] = NULL;
    return arguments->values + start;
}

const char *const *cli_operands(const struct cli_arguments *arguments)
{
    return arguments->operands;
}

size_t cli_operand_count(const struct cli_arguments *arguments)
{
    return arguments->operand_count;
}

bool cli_number(const struct cli_arguments *arguments, const char *option, long long least, long long most,
                long long fallback, long long *out)
{
    const char *text = cli_value(arguments, option);
    *out = fallback;
    if (!text)
        return true;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < least || value > most) {
        cli_usage(arguments, "--%s '%s' is not a whole number from %lld to %lld", option, text, least, most);
        return false;
    }
    *out = value;
    return true;
}

static void complain(const struct cli_command *command, const char *format, va_list args)
{
    fflush(stdout); /* so that what was said before stands before it */
    fprintf(stderr, "warden%s%s: ", command ? " " : "", command ? command->name : "");
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

int cli_usage(const struct cli_arguments *arguments, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain(arguments->command, format, args);
    va_end(args);
    fprintf(stderr, "`warden %s --help` says how it is used.\n", arguments->command->name);
    return EXIT_USAGE;
}

int cli_fail(const struct cli_arguments *arguments, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain(arguments->command, format, args);
    va_end(args);
    return code;
}

/* ---- options ---- */

static size_t option_count(const struct cli_option *options)
{
    size_t count = 0;
    for (; options && options[count].name; count++)
        ;
    return count;
}

static void report_option(const struct cli_arguments *arguments, const char *word, int problem)
{
    const struct cli_option *options = arguments->command->options;
    const char *names[OPTIONS_MAX + 2] = {CLI_HELP_OPTION.name, NULL};
    for (size_t i = 0; i < option_count(options) && i < OPTIONS_MAX; i++)
        names[i + 1] = options[i].name;
    char name[64];
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + strspn(word, "-"), "="), word + strspn(word, "-"));
    const char *near = strncmp(word, "--", 2) == 0 ? wd_did_you_mean(name, names) : NULL;
    if (problem == ':')
        cli_usage(arguments, "%s needs a value", word);
    else if (near && strcmp(near, name) == 0)
        cli_usage(arguments, "--%s takes no value", name);
    else
        cli_usage(arguments, "there is no option %s%s%s%s", word, near ? " (did you mean '--" : "", near ? near : "",
                  near ? "'?)" : "");
}

/* The tables of getopt_long; option i has the value FIRST_VALUE + i. */
enum { FIRST_VALUE = 1000 };

static void make_tables(const struct cli_option *options, struct option *table, char *letters)
{
    *letters++ = ':'; /* say ':' where a value is missing */
    for (size_t i = 0; i < option_count(options); i++) {
        table[i] = (struct option){.name = options[i].name,
                                   .has_arg = options[i].argument ? required_argument : no_argument,
                                   .val = FIRST_VALUE + (int)i};
        if (options[i].letter) {
            *letters++ = options[i].letter;
            if (options[i].argument)
                *letters++ = ':';
        }
    }
    *letters++ = 'h';
    *letters = '\0';
    table[option_count(options)] = (struct option){.name = "help", .has_arg = no_argument, .val = 'h'};
    table[option_count(options) + 1] = (struct option){0};
}

static const struct cli_option *option_of(const struct cli_option *options, int value)
{
    if (value >= FIRST_VALUE)
        return &options[value - FIRST_VALUE];
    for (size_t i = 0; i < option_count(options); i++) {
        if (options[i].letter == value)
            return &options[i];
    }
    return NULL;
}

/* -1: go on; else the exit code. argv[0] is the command's name. */
static int parse_options(struct cli_arguments *arguments, int argc, char **argv)
{
    const struct cli_option *options = arguments->command->options;
    struct option table[OPTIONS_MAX + 2];
    char letters[2 * OPTIONS_MAX + 4];
    make_tables(options, table, letters);
    opterr = 0;
    optind = 1;
    for (;;) {
        int before = optind;
        int value = getopt_long(argc, argv, letters, table, NULL);
        if (value == -1)
            break;
        if (value == 'h') {
            cli_print_command_help(arguments->command, stdout);
            return EXIT_FINE;
        }
        if (value == '?' || value == ':') {
            char letter[3] = {'-', (char)optopt, '\0'};
            bool is_letter = optopt && optopt < FIRST_VALUE && strncmp(argv[before], "--", 2) != 0;
            report_option(arguments, is_letter ? letter : argv[optind - 1], value);
            return EXIT_USAGE;
        }
        arguments->given[arguments->given_count++] =
            (struct given){.option = option_of(options, value), .value = optarg};
    }
    arguments->operands = (const char *const *)argv + optind;
    arguments->operand_count = (size_t)(argc - optind);
    if (arguments->operand_count && !arguments->command->operands)
        return cli_usage(arguments, "'%s' is not expected here", argv[optind]);
    return -1;
}

static int run_command_line(const struct cli_command *command, int argc, char **argv)
{
    struct cli_arguments arguments = {
        .command = command,
        .given = calloc((size_t)argc + 1, sizeof(struct given)),
        .values = calloc((size_t)argc + OPTIONS_MAX + 1, sizeof(char *)),
    };
    int code = EXIT_FINDINGS;
    if (!arguments.given || !arguments.values) {
        fputs("warden: no memory\n", stderr);
    } else {
        code = parse_options(&arguments, argc, argv);
        if (code < 0)
            code = command->run(&arguments);
    }
    free(arguments.given);
    free(arguments.values);
    return code;
}

/* ---- commands ---- */

/* "rules lint" takes two words. */
static size_t words_that_match(const struct cli_command *command, int argc, char **argv)
{
    const char *space = strchr(command->name, ' ');
    size_t first = space ? (size_t)(space - command->name) : strlen(command->name);
    if (argc < 1 || strlen(argv[0]) != first || memcmp(argv[0], command->name, first) != 0)
        return 0;
    if (!space)
        return 1;
    return argc > 1 && strcmp(argv[1], space + 1) == 0 ? 2 : 0;
}

static bool is_group(const char *word)
{
    size_t length = strlen(word);
    for (const struct cli_command *const *command = cli_commands(); *command; command++) {
        if (strncmp((*command)->name, word, length) == 0 && (*command)->name[length] == ' ')
            return true;
    }
    return false;
}

/* The names that could stand at a place: first words, or the second words of a group. */
static const char *near_name(const char *group, const char *word)
{
    static char firsts[NAMES_MAX][32];
    const char *names[NAMES_MAX + 1] = {NULL};
    size_t count = 0;
    for (const struct cli_command *const *command = cli_commands(); *command && count < NAMES_MAX; command++) {
        const char *name = (*command)->name, *space = strchr(name, ' ');
        if ((*command)->hidden)
            continue;
        if (!group)
            snprintf(firsts[count], sizeof(firsts[count]), "%.*s", (int)strcspn(name, " "), name);
        else if (space && strlen(group) == (size_t)(space - name) && strncmp(name, group, strlen(group)) == 0)
            snprintf(firsts[count], sizeof(firsts[count]), "%s", space + 1);
        else
            continue;
        names[count] = firsts[count];
        count++;
    }
    return wd_did_you_mean(word, names);
}

static int unknown_command(const char *group, const char *word)
{
    const char *near = near_name(group, word);
    fprintf(stderr, "warden: there is no command '%s%s%s'", group ? group : "", group ? " " : "", word);
    if (near)
        fprintf(stderr, " (did you mean '%s%s%s'?)", group ? group : "", group ? " " : "", near);
    fprintf(stderr, "\n`warden%s%s --help` lists the commands.\n", group ? " " : "", group ? group : "");
    return EXIT_USAGE;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int run_group(int argc, char **argv)
{
    if (argc > 1 && !is_help(argv[1]))
        return unknown_command(argv[0], argv[1]);
    cli_print_group_help(argv[0], argc > 1 ? stdout : stderr);
    return argc > 1 ? EXIT_FINE : EXIT_USAGE;
}

static int dispatch(int argc, char **argv)
{
    if (argc < 1) {
        cli_print_help(stderr);
        return EXIT_USAGE;
    }
    if (is_help(argv[0]) || (strcmp(argv[0], "help") == 0 && argc == 1)) {
        cli_print_help(stdout);
        return EXIT_FINE;
    }
    if (strcmp(argv[0], "--version") == 0 || strcmp(argv[0], "-V") == 0) {
        cli_print_version(stdout);
        return EXIT_FINE;
    }
    for (const struct cli_command *const *command = cli_commands(); *command; command++) {
        size_t words = words_that_match(*command, argc, argv);
        if (words)
            return run_command_line(*command, argc - (int)words + 1, argv + words - 1);
    }
    if (is_group(argv[0]))
        return run_group(argc, argv);
    return unknown_command(NULL, argv[0]);
}

/* `warden help rules lint` is `warden rules lint --help`. */
static int dispatch_help(int argc, char **argv)
{
    static char help[] = "--help";
    char *words[4] = {NULL};
    int count = 0;
    for (; count < argc && count < 2; count++)
        words[count] = argv[count];
    words[count++] = help;
    return dispatch(count, words);
}

/* A reader that has seen enough (`| head`) is no failure; a full disk is. */
static int end_output(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    if (errno == EPIPE)
        return code;
    fprintf(stderr, "warden: standard output: %s\n", strerror(errno));
    return code == EXIT_FINE ? EXIT_FINDINGS : code;
}

int cli_main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "help") == 0)
        return end_output(dispatch_help(argc - 2, argv + 2));
    return end_output(dispatch(argc - 1, argv + 1));
}
