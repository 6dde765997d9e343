/* `warden rules replay`: what rule sets would have done with the events of the past. Neighbours: worker/replay. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "worker/cli/commands.h"
#include "worker/cli/times.h"
#include "worker/replay/replay.h"

enum { THREADS_MAX = 256, SAMPLES_MAX = 100, SAMPLES_DEFAULT = 5, QUIET_PERIOD_S = 10, TERMINAL_PERIOD_MS = 500 };

/* ---- progress ---- */

struct progress {
    bool is_terminal, quiet, has_spoken;
    double last_seconds;
};

static void print_left(const struct replay_progress *now)
{
    if (!now->total || !now->done || now->seconds < 1)
        return;
    double part = (double)now->done / (double)now->total;
    double left = part < 1 ? now->seconds * (1 - part) / part : 0;
    fprintf(stderr, ", %.0f %%, %.0f s left", part > 1 ? 100.0 : part * 100, left);
}

/* On a terminal a line that is written over; elsewhere a line from time to time, and none for what is quickly done. */
static void on_progress(void *context, const struct replay_progress *now)
{
    struct progress *progress = context;
    double period = progress->is_terminal ? TERMINAL_PERIOD_MS / 1000.0 : QUIET_PERIOD_S;
    bool due = now->has_ended ? progress->has_spoken || progress->is_terminal
                              : now->seconds - progress->last_seconds >= period;
    if (progress->quiet || !due)
        return;
    progress->last_seconds = now->seconds;
    progress->has_spoken = true;
    double rate = now->seconds > 0 ? (double)now->records / now->seconds : 0;
    fprintf(stderr, "%s%llu records, %.0f a second", progress->is_terminal ? "\r\x1b[K" : "",
            (unsigned long long)now->records, rate);
    if (now->has_ended)
        fprintf(stderr, ", %.1f s in all", now->seconds);
    else
        print_left(now);
    if (!progress->is_terminal || now->has_ended)
        fputc('\n', stderr);
}

/* ---- the command ---- */

/* Files are named with --events, as operands, or both. malloc'ed, NULL-terminated. */
static const char **event_files(const struct cli_arguments *arguments, size_t *count_out)
{
    const char *const *named = cli_values(arguments, "events"), *const *operands = cli_operands(arguments);
    size_t count = 0, used = 0;
    while (named[count])
        count++;
    const char **files = calloc(count + cli_operand_count(arguments) + 1, sizeof(*files));
    for (; files && used < count; used++)
        files[used] = named[used];
    for (size_t i = 0; files && i < cli_operand_count(arguments); i++)
        files[used++] = operands[i];
    *count_out = used;
    return files;
}

static int write_html(const struct cli_arguments *arguments, const json_t *report)
{
    const char *path = cli_value(arguments, "html");
    if (!path)
        return EXIT_FINE;
    FILE *out = fopen(path, "we");
    if (!out)
        return cli_fail(arguments, EXIT_FINDINGS, "%s: %s", path, strerror(errno));
    replay_print_html(report, out);
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed)
        return cli_fail(arguments, EXIT_FINDINGS, "%s: cannot be written whole: %s", path, strerror(errno));
    return EXIT_FINE;
}

static int print_report(const struct cli_arguments *arguments, const struct replay_options *options,
                        struct tally *tally)
{
    json_t *report = replay_report(options, tally);
    if (!report)
        return cli_fail(arguments, EXIT_FINDINGS, "no memory");
    int code = write_html(arguments, report);
    if (cli_has(arguments, "json")) {
        json_dumpf(report, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(10));
        putchar('\n');
    } else {
        replay_print_table(report, stdout);
    }
    json_decref(report);
    return code != EXIT_FINE ? code : tally->events ? EXIT_FINE : EXIT_NOTHING;
}

static int replay_source(const struct cli_arguments *arguments, struct replay_options *options)
{
    struct progress progress = {.is_terminal = isatty(STDERR_FILENO) == 1, .quiet = cli_has(arguments, "quiet")};
    struct tally tally = {0};
    struct wd_error err = {0};
    options->on_progress = on_progress;
    options->context = &progress;
    if (replay_run(options, &tally, &err) != WD_OK)
        return cli_fail(arguments, err.status == WD_ERR_UNAVAILABLE ? EXIT_UNREACHABLE : EXIT_FINDINGS, "%s", err.text);
    int code = print_report(arguments, options, &tally);
    tally_fini(&tally);
    return code;
}

/* NULL after a complaint; *code_out is then the exit code. */
static struct source *topic_source(const struct cli_arguments *arguments, int *code_out)
{
    int64_t from_ms, to_ms;
    *code_out = EXIT_USAGE;
    if (!cli_time(arguments, "from", 0, &from_ms) || !cli_time(arguments, "to", INT64_MAX, &to_ms))
        return NULL;
    if (from_ms >= to_ms) {
        cli_usage(arguments, "--from is not before --to");
        return NULL;
    }
    *code_out = EXIT_CONFIG;
    struct config *config = cli_load_config(arguments);
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct wd_error err = {0};
    struct source *source = NULL;
    if (config && findings && config_read_secrets(config, findings) == WD_OK) {
        source = source_topic_new(config, cli_value(arguments, "topic"), from_ms, to_ms, &err);
        if (!source)
            *code_out = cli_fail(arguments, err.status == WD_ERR_UNAVAILABLE ? EXIT_UNREACHABLE : EXIT_FINDINGS, "%s",
                                 err.text);
    }
    if (findings)
        wd_diagnostics_print(findings, stderr);
    wd_diagnostics_free(findings);
    config_free(config);
    return source;
}

static int replay_rules(const struct cli_arguments *arguments, struct replay_options *options)
{
    int code = EXIT_FINDINGS;
    size_t count = 0;
    struct wd_error err = {0};
    const char **files = event_files(arguments, &count);
    if (!files)
        return cli_fail(arguments, EXIT_FINDINGS, "no memory");
    if (cli_has(arguments, "topic"))
        options->source = topic_source(arguments, &code);
    else if (!(options->source = source_files_new(files, count, &err)))
        code = cli_fail(arguments, EXIT_FINDINGS, "%s", err.text);
    if (options->source)
        code = replay_source(arguments, options);
    source_free(options->source);
    free(files);
    return code;
}

static int load_and_replay(const struct cli_arguments *arguments, struct replay_options *options,
                           struct wd_diagnostics *findings)
{
    int code;
    struct wd_ruleset *rules = cli_load_rules(arguments, false, RULES_AS_CONFIGURED, findings, &code), *against = NULL;
    if (rules && cli_has(arguments, "against"))
        against = cli_load_other_rules(arguments, "against", findings, &code);
    if (wd_diagnostics_errors(findings))
        wd_diagnostics_print(findings, stderr); /* warnings are lint's */
    if (rules && (against || !cli_has(arguments, "against"))) {
        options->rules = rules;
        options->against = against;
        code = replay_rules(arguments, options);
    }
    wd_ruleset_unref(rules);
    wd_ruleset_unref(against);
    return code;
}

static int replay(const struct cli_arguments *arguments)
{
    bool has_files = cli_has(arguments, "events") || cli_operand_count(arguments);
    if (has_files == cli_has(arguments, "topic"))
        return cli_usage(arguments, "give either files of events or --topic");
    if (has_files && (cli_has(arguments, "from") || cli_has(arguments, "to")))
        return cli_usage(arguments, "--from and --to go with --topic");
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    long long threads, samples;
    if (!cli_number(arguments, "threads", 1, THREADS_MAX, cores > 0 ? cores : 1, &threads) ||
        !cli_number(arguments, "samples", 0, SAMPLES_MAX, SAMPLES_DEFAULT, &samples))
        return EXIT_USAGE;
    struct replay_options options = {.threads = (size_t)threads, .samples = (size_t)samples};
    struct wd_diagnostics *findings = wd_diagnostics_new();
    if (!findings)
        return cli_fail(arguments, EXIT_FINDINGS, "no memory");
    int code = load_and_replay(arguments, &options, findings);
    wd_diagnostics_free(findings);
    return code;
}

static const struct cli_option OPTIONS[] = {
    CLI_RULES_OPTION,
    {.name = "against",
     .letter = 'a',
     .argument = "PATH",
     .text = "Rule files or folders to compare with, as the version that is live; may be given several times."},
    {.name = "events",
     .letter = 'e',
     .argument = "FILE",
     .text = "JSON lines, also compressed with gzip or zstd; -: standard input; may be given several times."},
    {.name = "topic",
     .argument = "TOPIC",
     .text = "Read the records of a topic instead. No group is joined and nothing is committed."},
    {.name = "from",
     .argument = "TIME",
     .text = "Of the topic: records from this time on, as 2026-11-01, 2026-11-01T12:00:00Z (UTC) or 7d (ago)."},
    {.name = "to", .argument = "TIME", .text = "... and before this time. Without it: what is there now."},
    {.name = "json", .letter = 'j', .text = "Print one JSON object."},
    {.name = "html", .argument = "FILE", .text = "Write the report as one HTML file, too, that needs no network."},
    {.name = "samples", .argument = "N", .text = "Examples to show of each kind, 5 unless given."},
    {.name = "threads",
     .argument = "N",
     .text = "Threads, as many as there are cores unless given. They change nothing in the result: rules that remember "
             "take one."},
    {.name = "quiet", .letter = 'q', .text = "Print no progress."},
    CLI_CONFIG_OPTIONS,
    {0},
};

const struct cli_command command_rules_replay = {
    .name = "rules replay",
    .operands = "[FILE...]",
    .summary = "show what rules would have done with past events, and what changes",
    .text =
        "Judges every event without any side effect and counts matches by rule and planned actions; with --against "
        "also which decisions are new, gone or changed. Lines are whole events, {\"text\":\"...\"}, or either in the "
        "envelope of kcat -J; a member \"label\":\"bad\" or \"ok\" in a line gives precision and recall. Rules that "
        "remember see the "
        "events in the order in which they stand, at the times that they state, beginning with nothing "
        "remembered.\nExits "
        "with "
        "4 where there is no event.",
    .options = OPTIONS,
    .run = replay,
};
