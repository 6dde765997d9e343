/* `warden dlq list` and `warden dlq show`: what is in the dead-letter topic, and why. Neighbours: dlq_replay.c sends it
 * back; worker/deliver.c writes the headers that are read here. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "worker/cli/dlq.h"
#include "worker/cli/times.h"

enum { TIMEOUT_MS = 10000 };

/* ---- arguments ---- */

static int read_coordinates(const struct cli_arguments *arguments, struct dlq *dlq)
{
    for (const char *const *operand = cli_operands(arguments); *operand; operand++) {
        char *slash, *end;
        long long partition = strtoll(*operand, &slash, 10);
        long long offset = *slash == '/' ? strtoll(slash + 1, &end, 10) : -1;
        if (slash == *operand || *slash != '/' || end == slash + 1 || *end || partition < 0 || partition > INT32_MAX ||
            offset < 0)
            return cli_usage(arguments, "'%s' is no PARTITION/OFFSET of the dead-letter topic, as 0/17", *operand);
        if (dlq->coordinate_count == DLQ_COORDINATES_MAX)
            return cli_usage(arguments, "more than %d letters are named", DLQ_COORDINATES_MAX);
        dlq->coordinates[dlq->coordinate_count].partition = (int32_t)partition;
        dlq->coordinates[dlq->coordinate_count++].offset = offset;
    }
    return EXIT_FINE;
}

static int read_filters(const struct cli_arguments *arguments, struct dlq *dlq)
{
    dlq->topic = cli_value(arguments, "topic");
    dlq->reason = cli_value(arguments, "reason");
    dlq->key = cli_value(arguments, "key");
    if (!cli_number(arguments, "partition", 0, INT32_MAX, -1, &dlq->partition) ||
        !cli_number(arguments, "limit", 1, INT64_MAX, 0, &dlq->limit) ||
        !cli_time(arguments, "since", INT64_MIN, &dlq->from_ms) ||
        !cli_time(arguments, "until", INT64_MAX, &dlq->to_ms))
        return EXIT_USAGE;
    return read_coordinates(arguments, dlq);
}

static int read_configuration(const struct cli_arguments *arguments, struct dlq *dlq)
{
    dlq->config = cli_load_config(arguments);
    if (!dlq->config)
        return EXIT_CONFIG;
    struct wd_diagnostics *findings = wd_diagnostics_new();
    enum wd_status status = findings ? config_read_secrets(dlq->config, findings) : WD_ERR_MEMORY;
    if (findings)
        wd_diagnostics_print(findings, stderr);
    wd_diagnostics_free(findings);
    const struct config_map *map = &dlq->config->kafka.properties;
    dlq->properties = status == WD_OK ? calloc(map->count + 1, sizeof(*dlq->properties)) : NULL;
    if (!dlq->properties)
        return status == WD_ERR_INVALID ? EXIT_CONFIG : cli_fail(arguments, EXIT_CONFIG, "no memory");
    for (size_t i = 0; i < map->count; i++)
        dlq->properties[i] = (struct kafka_property){.name = map->items[i].name, .value = map->items[i].value};
    dlq->inspect = (struct inspect_options){.brokers = dlq->config->kafka.brokers,
                                            .properties = dlq->properties,
                                            .property_count = map->count,
                                            .timeout_ms = TIMEOUT_MS};
    return EXIT_FINE;
}

int dlq_open(const struct cli_arguments *arguments, struct dlq *dlq)
{
    *dlq = (struct dlq){.arguments = arguments};
    int code = read_filters(arguments, dlq);
    return code == EXIT_FINE ? read_configuration(arguments, dlq) : code;
}

void dlq_close(struct dlq *dlq)
{
    free(dlq->properties);
    config_free(dlq->config);
}

bool dlq_is_filtered(const struct dlq *dlq)
{
    return dlq->topic || dlq->reason || dlq->key || dlq->partition >= 0 || dlq->coordinate_count ||
           dlq->from_ms != INT64_MIN || dlq->to_ms != INT64_MAX;
}

/* ---- reading ---- */

bool dlq_is_own_header(struct wd_str name)
{
    static const char *const PREFIXES[] = {"__connect.errors.", "warden."};
    for (size_t i = 0; i < sizeof(PREFIXES) / sizeof(PREFIXES[0]); i++)
        if (name.len >= strlen(PREFIXES[i]) && memcmp(name.data, PREFIXES[i], strlen(PREFIXES[i])) == 0)
            return true;
    return false;
}

/* A non-negative number that fills the text; -1: none. */
static long long number_in(struct wd_str text)
{
    long long number = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || number > INT64_MAX / 10 - 9)
            return -1;
        number = number * 10 + (text.data[i] - '0');
    }
    return text.len ? number : -1;
}

/* The last header of a name counts: an earlier one may be from before a replay. */
static struct letter letter_of(const struct kafka_record *record)
{
    struct letter letter = {.record = record, .partition = -1, .offset = -1};
    for (size_t i = 0; i < record->header_count; i++) {
        struct wd_str name = record->headers[i].name, value = record->headers[i].value;
        if (wd_str_is(name, "__connect.errors.topic"))
            letter.topic = value;
        else if (wd_str_is(name, "__connect.errors.partition"))
            letter.partition = number_in(value);
        else if (wd_str_is(name, "__connect.errors.offset"))
            letter.offset = number_in(value);
        else if (wd_str_is(name, "__connect.errors.exception.message"))
            letter.error = value;
        else if (wd_str_is(name, "warden.reason"))
            letter.reason = value;
        else if (wd_str_is(name, "warden.attempts"))
            letter.attempts = value;
        else if (wd_str_is(name, "warden.replays"))
            letter.replays = number_in(value);
        else if (wd_str_is(name, "warden.value_omitted"))
            letter.value_omitted = true;
    }
    return letter;
}

static bool is_named(const struct dlq *dlq, const struct kafka_record *record)
{
    for (size_t i = 0; i < dlq->coordinate_count; i++)
        if (dlq->coordinates[i].partition == record->partition && dlq->coordinates[i].offset == record->offset)
            return true;
    return dlq->coordinate_count == 0;
}

static bool is_wanted(const struct dlq *dlq, const struct letter *letter)
{
    return is_named(dlq, letter->record) && (!dlq->topic || wd_str_is(letter->topic, dlq->topic)) &&
           (!dlq->reason || wd_str_is(letter->reason, dlq->reason)) &&
           (!dlq->key || wd_str_is(letter->record->key, dlq->key)) &&
           (dlq->partition < 0 || letter->partition == dlq->partition);
}

static int code_of(enum wd_status status)
{
    return status == WD_ERR_UNAVAILABLE ? EXIT_UNREACHABLE : status == WD_ERR_INVALID ? EXIT_CONFIG : EXIT_FINDINGS;
}

int dlq_read(struct dlq *dlq, bool (*on_letter)(void *context, const struct letter *letter), void *context)
{
    struct wd_error err = {0};
    struct inspect_range *range =
        inspect_range_new(&dlq->inspect, dlq->config->worker.dead_letter_topic, dlq->from_ms, dlq->to_ms, &err);
    if (!range)
        return cli_fail(dlq->arguments, code_of(err.status), "%s", err.text);
    const struct kafka_record *record = NULL;
    enum wd_status status;
    long long wanted = 0;
    while ((status = inspect_range_next(range, &record, &err)) == WD_OK && record) {
        inspect_range_progress(range, &dlq->done, &dlq->total);
        struct letter letter = letter_of(record);
        if (!is_wanted(dlq, &letter))
            continue;
        if (!on_letter(context, &letter) || ++wanted == dlq->limit)
            break;
    }
    inspect_range_free(range);
    return status == WD_OK ? EXIT_FINE : cli_fail(dlq->arguments, code_of(status), "%s", err.text);
}

/* ---- printing ---- */

/* Other people's bytes on a terminal: control characters become '?'. */
static void print_text(struct wd_str text, size_t most)
{
    size_t len = most && text.len > most ? most : text.len;
    for (size_t i = 0; i < len; i++)
        putchar((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f ? '?' : text.data[i]);
    if (len < text.len)
        fputs("...", stdout);
}

static void print_time(int64_t timestamp_ms)
{
    char text[32] = "-";
    time_t seconds = (time_t)(timestamp_ms / 1000);
    struct tm parts;
    if (timestamp_ms > 0 && gmtime_r(&seconds, &parts))
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
    printf("%-20s", text);
}

static void print_source(const struct letter *letter)
{
    print_text(letter->topic.data ? letter->topic : wd_str_from("?"), 0);
    printf("/%" PRId64 "/%" PRId64, letter->partition, letter->offset);
}

static bool list_one(void *context, const struct letter *letter)
{
    size_t *count = context;
    char place[48];
    snprintf(place, sizeof(place), "%d/%" PRId64, (int)letter->record->partition, letter->record->offset);
    printf("%-10s  ", place);
    print_time(letter->record->timestamp_ms);
    fputs("  ", stdout);
    print_source(letter);
    fputs("  ", stdout);
    print_text(letter->reason, 0);
    fputs(": ", stdout);
    print_text(letter->error, 120);
    if (letter->replays > 0)
        printf(" (replayed %lld times)", letter->replays);
    putchar('\n');
    ++*count;
    return !ferror(stdout);
}

static int list(const struct cli_arguments *arguments)
{
    struct dlq dlq;
    size_t count = 0;
    int code = dlq_open(arguments, &dlq);
    if (code == EXIT_FINE)
        code = dlq_read(&dlq, list_one, &count);
    if (code == EXIT_FINE)
        fprintf(stderr, "%zu letters\n", count);
    dlq_close(&dlq);
    return code;
}

static bool show_one(void *context, const struct letter *letter)
{
    const struct kafka_record *record = letter->record;
    size_t *count = context;
    printf("%sletter   %d/%" PRId64 ", ", *count ? "\n" : "", (int)record->partition, record->offset);
    print_time(record->timestamp_ms);
    fputs("\nsource   ", stdout);
    print_source(letter);
    fputs("\nreason   ", stdout);
    print_text(letter->reason, 0);
    fputs("\nerror    ", stdout);
    print_text(letter->error, 0);
    fputs("\nattempts ", stdout);
    print_text(letter->attempts, 0);
    fputs("\nkey      ", stdout);
    print_text(record->key, 0);
    for (size_t i = 0; i < record->header_count; i++) {
        if (dlq_is_own_header(record->headers[i].name))
            continue;
        fputs("\nheader   ", stdout);
        print_text(record->headers[i].name, 0);
        fputs(": ", stdout);
        print_text(record->headers[i].value, 0);
    }
    fputs("\nvalue    ", stdout);
    if (letter->value_omitted)
        fputs("(omitted: it was too large for the dead-letter topic)", stdout);
    print_text(record->value, 0);
    putchar('\n');
    ++*count;
    return !ferror(stdout);
}

static int show(const struct cli_arguments *arguments)
{
    struct dlq dlq;
    size_t count = 0;
    int code = dlq_open(arguments, &dlq);
    if (code == EXIT_FINE)
        code = dlq_read(&dlq, show_one, &count);
    if (code == EXIT_FINE && count == 0)
        code = cli_fail(arguments, EXIT_NOTHING, "no such letter");
    dlq_close(&dlq);
    return code;
}

static const struct cli_option FILTERS[] = {DLQ_FILTER_OPTIONS, {0}};

const struct cli_command command_dlq_list = {
    .name = "dlq list",
    .operands = "[PARTITION/OFFSET...]",
    .summary = "list dead letters",
    .text = "A line a letter: its place in the dead-letter topic, when, where it came from, why. The topic is "
            "worker.dead_letter_topic of the configuration.",
    .options = FILTERS,
    .run = list,
};

const struct cli_command command_dlq_show = {
    .name = "dlq show",
    .operands = "[PARTITION/OFFSET...]",
    .summary = "show dead letters with headers and value",
    .text = "Control characters are shown as '?'. Exits with 4 where there is no such letter.",
    .options = FILTERS,
    .run = show,
};
