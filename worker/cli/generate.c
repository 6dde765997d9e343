/* `warden generate ...` (hidden): the man page and the shell completions, from the table of commands. The target
 * `generated` writes them into the repository; a test says when they are out of date. */
#include <errno.h>
#include <string.h>

#include "worker/cli/commands.h"

static bool is_shown(const struct cli_command *command)
{
    return !command->hidden;
}

/* ---- man page ---- */

/* roff: '-' is a hyphen unless escaped; a line must not begin with '.' or '\''. */
static void print_roff(const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", stdout);
    for (; *text; text++) {
        if (*text == '-')
            fputs("\\-", stdout);
        else if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '\n')
            fputs("\n.PP\n", stdout);
        else
            putchar(*text);
    }
}

static void print_roff_option(const struct cli_option *option)
{
    fputs(".TP\n", stdout);
    if (option->letter)
        printf("\\fB\\-%c\\fR, ", option->letter);
    fputs("\\fB\\-\\-", stdout);
    print_roff(option->name);
    fputs("\\fR", stdout);
    if (option->argument)
        printf(" \\fI%s\\fR", option->argument);
    putchar('\n');
    print_roff(option->text);
    putchar('\n');
}

static void print_man_commands(void)
{
    for (const struct cli_command *const *at = cli_commands(); *at; at++) {
        const struct cli_command *command = *at;
        if (!is_shown(command))
            continue;
        fputs(".SS warden ", stdout);
        print_roff(command->name);
        printf(" [\\fIoption\\fR...]%s%s\n", command->operands ? " " : "", command->operands ? command->operands : "");
        char first = command->summary[0];
        putchar(first >= 'a' && first <= 'z' ? first - 'a' + 'A' : first);
        print_roff(command->summary + 1);
        fputs(".\n", stdout);
        if (command->text) {
            fputs(".PP\n", stdout);
            print_roff(command->text);
            putchar('\n');
        }
        for (const struct cli_option *option = command->options; option && option->name; option++)
            print_roff_option(option);
    }
}

/* The page around the commands is written by hand: `path` with a line @COMMANDS@, and @VERSION@ in the head. */
static int generate_man(const struct cli_arguments *arguments, const char *path)
{
    FILE *page = fopen(path, "re");
    if (!page)
        return cli_fail(arguments, EXIT_FINDINGS, "%s: %s", path, strerror(errno));
    char line[4096];
    while (fgets(line, sizeof(line), page)) {
        char *version = strstr(line, "@VERSION@");
        if (strcmp(line, "@COMMANDS@\n") == 0)
            print_man_commands();
        else if (version)
            printf("%.*s%s%s", (int)(version - line), line, WARDEN_VERSION, version + strlen("@VERSION@"));
        else
            fputs(line, stdout);
    }
    fclose(page);
    return EXIT_FINE;
}

/* ---- bash ---- */

/* The words after "warden" or "warden GROUP", each once. */
static void print_names(const char *group)
{
    const char *last = "";
    size_t last_length = 0, group_length = group ? strlen(group) : 0;
    for (const struct cli_command *const *at = cli_commands(); *at; at++) {
        const char *name = (*at)->name;
        if (!is_shown(*at) || (group && (strncmp(name, group, group_length) != 0 || name[group_length] != ' ')))
            continue;
        name += group ? group_length + 1 : 0;
        size_t length = strcspn(name, " ");
        if (length == last_length && strncmp(name, last, length) == 0)
            continue;
        printf("%s%.*s", *last ? " " : "", (int)length, name);
        last = name;
        last_length = length;
    }
}

/* Calls `print` once for each group ("config", "rules"). */
static void each_group(void (*print)(const char *group))
{
    char last[32] = "";
    for (const struct cli_command *const *at = cli_commands(); *at; at++) {
        const char *space = strchr((*at)->name, ' ');
        if (!is_shown(*at) || !space)
            continue;
        char group[32];
        snprintf(group, sizeof(group), "%.*s", (int)(space - (*at)->name), (*at)->name);
        if (strcmp(group, last) != 0)
            print(group);
        snprintf(last, sizeof(last), "%s", group);
    }
}

static void print_bash_group(const char *group)
{
    printf("    %s) words=\"", group);
    print_names(group);
    fputs("\" ;;\n", stdout);
}

static bool takes_file(const struct cli_option *option)
{
    return option->argument && (strcmp(option->argument, "FILE") == 0 || strcmp(option->argument, "PATH") == 0);
}

static void print_bash_options(const struct cli_command *command)
{
    printf("    \"%s\") words=\"", command->name);
    for (const struct cli_option *option = command->options; option && option->name; option++)
        printf("--%s ", option->name);
    fputs("--help\" ;;\n", stdout);
}

static void generate_bash(void)
{
    fputs("# bash completion for warden; made by `warden generate bash`.\n"
          "_warden()\n{\n"
          "    local current=\"${COMP_WORDS[COMP_CWORD]}\" previous=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
          "    local first=\"${COMP_WORDS[1]}\" second=\"${COMP_WORDS[2]}\" words=\"\" command\n"
          "    COMPREPLY=()\n"
          "    case \"$first\" in\n    ",
          stdout);
    const char *bar = "";
    for (const struct cli_command *const *at = cli_commands(); *at; at++) {
        char group[32];
        snprintf(group, sizeof(group), "%.*s", (int)strcspn((*at)->name, " "), (*at)->name);
        bool new_group = strchr((*at)->name, ' ') && is_shown(*at) &&
                         (at == cli_commands() || strncmp(at[-1]->name, (*at)->name, strlen(group) + 1) != 0);
        if (new_group) {
            printf("%s%s", bar, group);
            bar = "|";
        }
    }
    fputs(") command=\"$first $second\" ;;\n    *) command=\"$first\" ;;\n    esac\n"
          "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        words=\"",
          stdout);
    print_names(NULL);
    fputs(" help --help --version\"\n"
          "    elif [[ \"$current\" == -* ]]; then\n    case \"$command\" in\n",
          stdout);
    for (const struct cli_command *const *at = cli_commands(); *at; at++) {
        if (is_shown(*at))
            print_bash_options(*at);
    }
    fputs("    esac\n    elif [ \"$COMP_CWORD\" -eq 2 ]; then\n    case \"$first\" in\n", stdout);
    each_group(print_bash_group);
    fputs("    esac\n    fi\n"
          "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
          "    # Values of options, and operands, are files; so is what nothing above is about.\n"
          "    if [ ${#COMPREPLY[@]} -eq 0 ] && [[ \"$current\" != -* || \"$previous\" == --* ]]; then\n"
          "        COMPREPLY=($(compgen -f -- \"$current\"))\n    fi\n}\n"
          "complete -o filenames -F _warden warden\n",
          stdout);
}

/* ---- zsh ---- */

/* In '...' of a _arguments specification: brackets and colons have a meaning there. */
static void print_zsh_text(const char *text)
{
    for (; *text && *text != '\n'; text++) {
        if (*text == '\'')
            fputs("'\\''", stdout);
        else if (strchr("[]:\\", *text))
            printf("\\%c", *text);
        else
            putchar(*text);
    }
}

static void print_zsh_command(const struct cli_command *command)
{
    printf("    '%s')\n        _arguments", command->name);
    for (const struct cli_option *option = command->options; option && option->name; option++) {
        printf(" \\\n            '*--%s%s[", option->name, option->argument ? "=" : "");
        print_zsh_text(option->text);
        putchar(']');
        if (option->argument)
            printf(":%s:%s", option->argument, takes_file(option) ? "_files" : "");
        putchar('\'');
    }
    printf(" \\\n            '--help[Show this help.]'%s ;;\n", command->operands ? " '*:file:_files'" : "");
}

static void print_zsh_group(const char *group)
{
    printf("    %s) compadd ", group);
    print_names(group);
    fputs(" ;;\n", stdout);
}

static void print_zsh_group_pattern(const char *group)
{
    printf("    %s)\n        (( CURRENT == 3 )) && return\n        command=\"$words[2] $words[3]\"\n"
           "        words=(\"${(@)words[3,-1]}\"); (( CURRENT -= 2 )) ;;\n",
           group);
}

static void generate_zsh(void)
{
    fputs("#compdef warden\n# zsh completion for warden; made by `warden generate zsh`.\n"
          "_warden()\n{\n    local command=\"$words[2]\"\n"
          "    if (( CURRENT == 2 )); then\n        compadd ",
          stdout);
    print_names(NULL);
    fputs(" help\n        return\n    fi\n    if (( CURRENT == 3 )); then\n    case \"$command\" in\n", stdout);
    each_group(print_zsh_group);
    fputs("    esac\n    fi\n    case \"$command\" in\n", stdout);
    each_group(print_zsh_group_pattern);
    /* _arguments counts the words before as operands unless they are taken away. */
    fputs("    *) words=(\"${(@)words[2,-1]}\"); (( CURRENT-- )) ;;\n    esac\n    case \"$command\" in\n", stdout);
    for (const struct cli_command *const *at = cli_commands(); *at; at++) {
        if (is_shown(*at))
            print_zsh_command(*at);
    }
    fputs("    esac\n}\n_warden \"$@\"\n", stdout);
}

/* ---- fish ---- */

static void print_fish_text(const char *text)
{
    putchar('\'');
    for (; *text && *text != '\n'; text++) {
        if (*text == '\'' || *text == '\\')
            putchar('\\');
        putchar(*text);
    }
    putchar('\'');
}

/* The condition under which a command's options are offered. */
static void print_fish_seen(const char *name)
{
    const char *space = strchr(name, ' ');
    printf("complete -c warden -n '__fish_seen_subcommand_from %.*s", (int)strcspn(name, " "), name);
    if (space)
        printf("; and __fish_seen_subcommand_from %s", space + 1);
    putchar('\'');
}

static void print_fish_command(const struct cli_command *command)
{
    const char *space = strchr(command->name, ' ');
    if (space)
        printf("complete -c warden -f -n '__fish_seen_subcommand_from %.*s' -a %s -d ", (int)(space - command->name),
               command->name, space + 1);
    else
        printf("complete -c warden -f -n __fish_use_subcommand -a %s -d ", command->name);
    print_fish_text(command->summary);
    putchar('\n');
    for (const struct cli_option *option = command->options; option && option->name; option++) {
        print_fish_seen(command->name);
        if (option->letter)
            printf(" -s %c", option->letter);
        printf(" -l %s%s -d ", option->name, !option->argument ? "" : takes_file(option) ? " -r -F" : " -x");
        print_fish_text(option->text);
        putchar('\n');
    }
}

static void print_fish_group(const char *group)
{
    printf("complete -c warden -f -n __fish_use_subcommand -a %s\n", group);
}

static void generate_fish(void)
{
    fputs("# fish completion for warden; made by `warden generate fish`.\n", stdout);
    each_group(print_fish_group);
    for (const struct cli_command *const *at = cli_commands(); *at; at++) {
        if (is_shown(*at))
            print_fish_command(*at);
    }
}

/* ---- the command ---- */

static int run(const struct cli_arguments *arguments)
{
    const char *const *operands = cli_operands(arguments);
    const char *what = operands[0] ? operands[0] : "";
    if (strcmp(what, "man") == 0 && operands[1])
        return generate_man(arguments, operands[1]);
    if (strcmp(what, "bash") == 0)
        generate_bash();
    else if (strcmp(what, "zsh") == 0)
        generate_zsh();
    else if (strcmp(what, "fish") == 0)
        generate_fish();
    else
        return cli_usage(arguments, "say what: man FILE, bash, zsh or fish");
    return EXIT_FINE;
}

const struct cli_command command_generate = {
    .name = "generate",
    .operands = "man FILE | bash | zsh | fish",
    .summary = "print the man page or a shell's completions",
    .run = run,
    .hidden = true,
};
