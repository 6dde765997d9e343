/* The command line: a table of commands, each with a table of options. Parsing (getopt_long), help, the man page and
 * the shell completions are made from the tables, so they cannot disagree.
 *
 * To add a command: a file with its `struct cli_command`, a line in commands.c, then the target `generated`. */
#ifndef WORKER_CLI_CLI_H
#define WORKER_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "worker/exit_codes.h"

struct cli_option {
    const char *name;     /* long name without dashes; NULL ends a table */
    char letter;          /* '\0': none */
    const char *argument; /* "FILE"; NULL: a switch */
    const char *text;     /* one sentence or more */
};

struct cli_arguments;

struct cli_command {
    const char *name;                 /* "check", "rules lint" */
    const char *operands;             /* "[FILE...]"; NULL: none are taken */
    const char *summary;              /* a few words, no full stop */
    const char *text;                 /* paragraphs separated by '\n', for --help and the man page; may be NULL */
    const struct cli_option *options; /* NULL: only --help */
    int (*run)(const struct cli_arguments *arguments);
    bool hidden; /* not in help, man page and completions */
};

/* What was given. All of it lives as long as the command runs. */
bool cli_has(const struct cli_arguments *arguments, const char *option);
/* The last value of an option, or NULL. */
const char *cli_value(const struct cli_arguments *arguments, const char *option);
/* All values of an option in order, NULL-terminated. */
const char *const *cli_values(const struct cli_arguments *arguments, const char *option);
/* What is no option, NULL-terminated. */
const char *const *cli_operands(const struct cli_arguments *arguments);
size_t cli_operand_count(const struct cli_arguments *arguments);
/* A whole number in [least, most], or a complaint on stderr and false. `fallback` where the option is not given. */
bool cli_number(const struct cli_arguments *arguments, const char *option, long long least, long long most,
                long long fallback, long long *out);

/* "warden check: ..." on stderr, with a hint at --help; returns EXIT_USAGE. */
int cli_usage(const struct cli_arguments *arguments, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "warden check: ..." on stderr; returns `code`. */
int cli_fail(const struct cli_arguments *arguments, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Runs the program: finds the command, parses its options, runs it, ends standard output in order. */
int cli_main(int argc, char **argv);

/* commands.c: all commands, NULL-terminated, in the order of the help. */
const struct cli_command *const *cli_commands(void);

/* help.c */
void cli_print_help(FILE *out);
void cli_print_group_help(const char *group, FILE *out);
void cli_print_command_help(const struct cli_command *command, FILE *out);
void cli_print_version(FILE *out);
extern const struct cli_option CLI_HELP_OPTION;

#endif
