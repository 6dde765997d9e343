/* `warden rules fmt`: one layout for rule files, so that differences show what changed. Neighbours: yaml_format.c. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "worker/bundle/files.h"
#include "worker/cli/commands.h"
#include "worker/cli/yaml_format.h"

struct work {
    const struct cli_arguments *arguments;
    bool check;
    size_t files, changed, failed;
};

static void fail(struct work *work, const char *text)
{
    cli_fail(work->arguments, EXIT_FINDINGS, "%s", text);
    work->failed++;
}

/* Keeps who may read the file. */
static void write_back(struct work *work, const char *path, const char *bytes, size_t len)
{
    struct stat info;
    struct wd_error err = {0};
    if (stat(path, &info) != 0)
        wd_fail(&err, WD_ERR_IO, "%s: %s", path, strerror(errno));
    else
        (void)files_write(path, info.st_mode & 0777, bytes, len, &err);
    if (err.status != WD_OK)
        fail(work, err.text);
}

static void take_text(struct work *work, const char *path, const char *text, size_t len)
{
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct wd_error err = {0};
    char *formatted = NULL;
    size_t formatted_len = 0;
    bool is_stdin = strcmp(path, "-") == 0;
    enum wd_status status = findings ? yaml_format(is_stdin ? "standard input" : path, text, len, &formatted,
                                                   &formatted_len, findings, &err)
                                     : wd_fail(&err, WD_ERR_MEMORY, "no memory");
    bool same = status == WD_OK && formatted_len == len && memcmp(formatted, text, len) == 0;
    if (findings)
        wd_diagnostics_print(findings, stderr);
    wd_diagnostics_free(findings);
    work->files++;
    if (status != WD_OK)
        fail(work, err.text);
    else if (is_stdin && !work->check)
        fwrite(formatted, 1, formatted_len, stdout);
    else if (!same)
        printf("%s\n", path);
    work->changed += status == WD_OK && !same;
    if (status == WD_OK && !same && !is_stdin && !work->check)
        write_back(work, path, formatted, formatted_len);
    free(formatted);
}

static void take_file(struct work *work, const char *path)
{
    char *text;
    size_t len;
    struct wd_error err = {0};
    const char *real = strcmp(path, "-") == 0 ? "/dev/stdin" : path;
    if (files_read(real, WD_DOCUMENT_BYTES_MAX, &text, &len, &err) != WD_OK) {
        fail(work, err.text);
        return;
    }
    take_text(work, path, text, len);
    free(text);
}

static int is_rule_file(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return entry->d_name[0] != '.' && dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

/* As loading does: the rule files of a folder, not those in folders below. */
static void take_folder(struct work *work, const char *folder)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_rule_file, alphasort);
    if (count < 0) {
        cli_fail(work->arguments, EXIT_FINDINGS, "%s: %s", folder, strerror(errno));
        work->failed++;
    }
    for (int i = 0; i < count; i++) {
        char *path = NULL;
        if (asprintf(&path, "%s/%s", folder, entries[i]->d_name) >= 0)
            take_file(work, path);
        else
            fail(work, "no memory");
        free(path);
        free(entries[i]);
    }
    free(entries);
}

static int fmt(const struct cli_arguments *arguments)
{
    struct work work = {.arguments = arguments, .check = cli_has(arguments, "check")};
    if (!cli_operand_count(arguments))
        return cli_usage(arguments, "name files or folders; -: standard input");
    for (const char *const *path = cli_operands(arguments); *path; path++) {
        struct stat info;
        if (stat(*path, &info) == 0 && S_ISDIR(info.st_mode))
            take_folder(&work, *path);
        else
            take_file(&work, *path);
    }
    if (work.failed)
        return EXIT_FINDINGS;
    return !work.files ? EXIT_NOTHING : work.check && work.changed ? EXIT_FINDINGS : EXIT_FINE;
}

static const struct cli_option OPTIONS[] = {
    {.name = "check", .text = "Change nothing; print the files that would change and exit with 1 where there are any."},
    {0},
};

const struct cli_command command_rules_fmt = {
    .name = "rules fmt",
    .operands = "PATH...",
    .summary = "give rule files one layout",
    .text =
        "Sets indentation and blank lines, keeps comments and everything inside a line, and prints the files that it "
        "changed. What a file means stays the same: a file of which that cannot be said is left alone. - reads "
        "standard input and prints the result.",
    .options = OPTIONS,
    .run = fmt,
};
