/* `warden state show`, `state reset` and `state top`: what is remembered, for people. Neighbours: state_lines.c has
 * export and import, state_choice.c the configuration's store. */
#include "worker/cli/state.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>
#include <openssl/evp.h>

#include "worker/cli/times.h"

enum { KEY_MAX = 200, KEPT_OF_LONG_KEY = 120, DIGEST_BYTES = 16 };

/* ---- opening ---- */

static int code_of(enum wd_status status)
{
    return status == WD_ERR_UNAVAILABLE ? EXIT_UNREACHABLE : status == WD_ERR_INVALID ? EXIT_CONFIG : EXIT_FINDINGS;
}

int cli_state_fail(const struct cli_state *state, const struct wd_error *err)
{
    return cli_fail(state->arguments, code_of(err->status), "%s", err->text);
}

static int load_rules(struct cli_state *state)
{
    int code = EXIT_FINE;
    struct wd_diagnostics *findings = wd_diagnostics_new();
    if (!findings)
        return cli_fail(state->arguments, EXIT_FINDINGS, "no memory");
    state->rules = cli_load_rules(state->arguments, false, RULES_AS_CONFIGURED, findings, &code);
    if (wd_diagnostics_errors(findings))
        wd_diagnostics_print(findings, stderr); /* warnings are lint's */
    wd_diagnostics_free(findings);
    return state->rules ? EXIT_FINE : code;
}

int cli_state_open(const struct cli_arguments *arguments, bool read_only, bool with_rules, struct cli_state *state)
{
    struct wd_error err = {0};
    *state = (struct cli_state){.arguments = arguments, .config = cli_load_config(arguments)};
    if (!state->config)
        return EXIT_CONFIG;
    enum state_kind kind = state_kind_asked(state->config);
    if (kind == STATE_NONE || kind == STATE_MEMORY)
        return cli_fail(arguments, EXIT_CONFIG, "state.store is %s: there is nothing outside of the worker to look at",
                        state->config->state.store);
    int code = with_rules ? load_rules(state) : EXIT_FINE;
    if (code != EXIT_FINE)
        return code;
    struct state_options options = state_options_of(state->config, kind);
    options.read_only = read_only;
    state->loop = loop_new(&err);
    if (!state->loop || state_share_open(&options, &state->share, &err) != WD_OK ||
        state_open(state->share, state->loop, &state->store, &err) != WD_OK)
        return cli_state_fail(state, &err);
    return EXIT_FINE;
}

void cli_state_close(struct cli_state *state)
{
    state_close(state->store);
    state_share_close(state->share);
    if (state->loop)
        loop_free(state->loop);
    wd_ruleset_unref(state->rules);
    config_free(state->config);
}

struct wd_str cli_author_key(const char *user, char room[KEY_MAX + 1])
{
    size_t length = strlen(user) + 2;
    if (length <= KEY_MAX) {
        snprintf(room, KEY_MAX + 1, "a:%s", user);
        return (struct wd_str){.data = room, .len = length};
    }
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};
    char *whole = malloc(length + 1);
    if (whole) {
        snprintf(whole, length + 1, "a:%s", user);
        EVP_Digest(whole, length, digest, NULL, EVP_sha256(), NULL);
        memcpy(room, whole, KEPT_OF_LONG_KEY);
    }
    free(whole);
    room[KEPT_OF_LONG_KEY] = '#';
    for (int i = 0; i < DIGEST_BYTES; i++)
        snprintf(room + KEPT_OF_LONG_KEY + 1 + 2 * i, 3, "%02x", digest[i]);
    return (struct wd_str){.data = room, .len = KEPT_OF_LONG_KEY + 1 + 2 * DIGEST_BYTES};
}

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- show ---- */

static void print_time(int64_t at_ms)
{
    char text[40] = "-";
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm parts;
    if (at_ms > 0 && gmtime_r(&seconds, &parts))
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
    printf("%-20s", text);
}

static double number_of(json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

static const char *text_of(json_t *object, const char *name, const char *fallback)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : fallback;
}

/* The contributions to one score, or to none that the rules know: what each was, and what is left of it. */
static void print_contributions(json_t *contributions, json_int_t cell, double half_life_ms)
{
    size_t index;
    json_t *one;
    double left = 0;
    json_array_foreach(contributions, index, one)
    {
        if (json_integer_value(json_object_get(one, "cell")) != cell)
            continue;
        printf("    ");
        print_time((int64_t)number_of(one, "at_ms"));
        printf("  %+8.3f", number_of(one, "points"));
        if (half_life_ms > 0) {
            printf(" * 2^-(%.3f h / %.3f h) = %8.3f", number_of(one, "age_ms") / 3600000, half_life_ms / 3600000,
                   number_of(one, "left"));
            left += number_of(one, "left");
        }
        printf("  %s\n", text_of(one, "rule", ""));
    }
    if (half_life_ms > 0)
        printf("    %-20s  together %.3f; what the score has more comes from older ones\n", "", left);
}

static void print_cell(json_t *cell, json_t *contributions)
{
    const char *kind = text_of(cell, "kind", "?"), *name = text_of(cell, "name", "(not of these rules)");
    json_int_t id = json_integer_value(json_object_get(cell, "cell"));
    if (strcmp(kind, "score") == 0) {
        json_t *band = json_object_get(cell, "band");
        printf("score %s: %.3f", name, number_of(cell, json_object_get(cell, "now") ? "now" : "at_watermark"));
        if (json_is_integer(band))
            printf(", in band %" JSON_INTEGER_FORMAT, json_integer_value(band));
        putchar('\n');
        print_contributions(contributions, id, number_of(cell, "half_life_ms"));
    } else if (strcmp(kind, "strikes") == 0) {
        printf("ladder %s: %.0f strikes\n", name, number_of(cell, "amount"));
        print_contributions(contributions, id, 0);
    } else if (strcmp(kind, "profile") == 0) {
        printf("profile: %.0f contents, first seen ", number_of(cell, "contents"));
        print_time((int64_t)number_of(cell, "first_seen_ms"));
        printf(" clean since ");
        print_time((int64_t)number_of(cell, "clean_since_ms"));
        putchar('\n');
    } else {
        printf("%s%s%s: %g\n", kind, json_object_get(cell, "name") ? " " : "", text_of(cell, "name", ""),
               number_of(cell, json_object_get(cell, "right") ? "right" : "amount"));
    }
}

static int print_value(const struct cli_state *state, struct wd_str key, const struct wd_value *value, int64_t now_ms)
{
    char *text = wd_value_describe(state->rules, key, value->bytes, value->len, now_ms);
    if (!text)
        return cli_fail(state->arguments, EXIT_FINDINGS, "no memory");
    if (cli_has(state->arguments, "json")) {
        puts(text);
        free(text);
        return EXIT_FINE;
    }
    json_t *whole = json_loads(text, 0, NULL), *cell;
    free(text);
    size_t index;
    printf("%.*s: %u bytes, at ", WD_STR_ARG(key), value->len);
    print_time(now_ms);
    putchar('\n');
    json_array_foreach(json_object_get(whole, "cells"), index, cell)
    {
        print_cell(cell, json_object_get(whole, "contributions"));
    }
    json_decref(whole);
    return EXIT_FINE;
}

static int show_key(struct cli_state *state, struct wd_str key, int64_t now_ms)
{
    struct wd_value value = {0};
    struct state_item item = {.key = key, .value = &value};
    struct wd_error err = {0};
    int code;
    if (state_get_now(state->store, &item, 1, &err) != WD_OK)
        code = cli_state_fail(state, &err);
    else if (!value.len)
        code = cli_fail(state->arguments, EXIT_NOTHING, "nothing is remembered of %.*s", WD_STR_ARG(key));
    else
        code = print_value(state, key, &value, now_ms);
    free(value.bytes);
    return code;
}

/* The one user, or the key of --key. False after a complaint. */
static bool read_key(const struct cli_arguments *arguments, char room[KEY_MAX + 1], struct wd_str *key_out)
{
    const char *key = cli_value(arguments, "key");
    if (cli_operand_count(arguments) != (key ? 0 : 1)) {
        cli_usage(arguments, "name one USER, or a key with --key");
        return false;
    }
    *key_out = key ? wd_str_from(key) : cli_author_key(cli_operands(arguments)[0], room);
    if (key_out->len >= 1 && key_out->len <= KEY_MAX)
        return true;
    cli_usage(arguments, "a key has 1 to %d bytes", KEY_MAX);
    return false;
}

static int show(const struct cli_arguments *arguments)
{
    struct cli_state state = {0};
    char room[KEY_MAX + 1];
    struct wd_str key;
    int64_t now_ms;
    if (!read_key(arguments, room, &key) || !cli_time(arguments, "at", wall_ms(), &now_ms))
        return EXIT_USAGE;
    int code = cli_state_open(arguments, true, true, &state);
    if (code == EXIT_FINE)
        code = show_key(&state, key, now_ms);
    cli_state_close(&state);
    return code;
}

/* ---- reset ---- */

static int remove_key(struct cli_state *state, struct wd_str key)
{
    struct wd_value value = {0};
    struct state_item item = {.key = key, .value = &value};
    struct wd_error err = {0};
    do { /* a worker may change it meanwhile */
        if (state_get_now(state->store, &item, 1, &err) != WD_OK)
            return cli_state_fail(state, &err);
        if (!item.version)
            return cli_fail(state->arguments, EXIT_NOTHING, "nothing is remembered of %.*s", WD_STR_ARG(key));
        value.len = 0;
        if (state_put_now(state->store, &item, 1, 0, &err) != WD_OK)
            return cli_state_fail(state, &err);
    } while (item.conflict);
    if (state_sync(state->store, &err) != WD_OK)
        return cli_state_fail(state, &err);
    free(value.bytes);
    printf("%.*s is forgotten\n", WD_STR_ARG(key));
    return EXIT_FINE;
}

static int reset(const struct cli_arguments *arguments)
{
    struct cli_state state = {0};
    char room[KEY_MAX + 1];
    struct wd_str key;
    if (!read_key(arguments, room, &key))
        return EXIT_USAGE;
    int code = cli_state_open(arguments, false, false, &state);
    if (code == EXIT_FINE)
        code = remove_key(&state, key);
    cli_state_close(&state);
    return code;
}

/* ---- top ---- */

struct place {
    double score;
    char key[KEY_MAX + 1];
};

struct ranking {
    const struct cli_state *state;
    const char *score;
    int64_t now_ms;
    struct place *places; /* best first */
    size_t count, most;
};

static bool rank(void *context, struct wd_str key, const unsigned char *bytes, size_t len, int64_t forget_at_ms)
{
    struct ranking *ranking = context;
    (void)forget_at_ms;
    if (!wd_str_starts_with(key, "a:") || key.len > KEY_MAX)
        return true;
    double score = wd_value_score(ranking->state->rules, bytes, len, ranking->score, ranking->now_ms);
    if (!(score > 0) || (ranking->count == ranking->most && score <= ranking->places[ranking->count - 1].score))
        return true;
    size_t at = ranking->count < ranking->most ? ranking->count++ : ranking->count - 1;
    for (; at > 0 && ranking->places[at - 1].score < score; at--)
        ranking->places[at] = ranking->places[at - 1];
    ranking->places[at].score = score;
    snprintf(ranking->places[at].key, sizeof(ranking->places[at].key), "%.*s", WD_STR_ARG(key));
    return true;
}

static int top(const struct cli_arguments *arguments)
{
    struct cli_state state = {0};
    struct wd_error err = {0};
    long long limit;
    struct ranking ranking = {.state = &state, .score = cli_value(arguments, "score")};
    if (!ranking.score)
        return cli_usage(arguments, "name the score: --score spam");
    if (!cli_number(arguments, "limit", 1, 10000, 20, &limit) || !cli_time(arguments, "at", wall_ms(), &ranking.now_ms))
        return EXIT_USAGE;
    ranking.most = (size_t)limit;
    ranking.places = calloc(ranking.most, sizeof(*ranking.places));
    int code = cli_state_open(arguments, true, true, &state);
    if (code == EXIT_FINE && !ranking.places)
        code = cli_fail(arguments, EXIT_FINDINGS, "no memory");
    if (code == EXIT_FINE && state_each(state.store, rank, &ranking, &err) != WD_OK)
        code = cli_state_fail(&state, &err);
    for (size_t i = 0; code == EXIT_FINE && i < ranking.count; i++)
        printf("%10.3f  %s\n", ranking.places[i].score, ranking.places[i].key + 2);
    if (code == EXIT_FINE && !ranking.count)
        code = cli_fail(arguments, EXIT_NOTHING, "nobody has a score '%s' above 0", ranking.score);
    free(ranking.places);
    cli_state_close(&state);
    return code;
}

/* ---- the table ---- */

#define AT_OPTION                                                                                                      \
    {                                                                                                                  \
        .name = "at", .argument = "TIME",                                                                              \
        .text = "The time to which scores decay: 2026-11-01T12:00:00Z, or 2h ago. Now by default."                     \
    }
#define KEY_OPTION                                                                                                     \
    {                                                                                                                  \
        .name = "key", .letter = 'k', .argument = "KEY",                                                               \
        .text = "Any key in place of an author's, as p:channel/C or h:example.com; `warden state export` lists them."  \
    }

static const struct cli_option SHOW_OPTIONS[] = {
    CLI_STATE_OPTIONS, KEY_OPTION, AT_OPTION, {.name = "json", .text = "Print JSON."}, {0}};
static const struct cli_option RESET_OPTIONS[] = {CLI_CONFIG_OPTIONS, KEY_OPTION, {0}};
static const struct cli_option TOP_OPTIONS[] = {
    CLI_STATE_OPTIONS,
    {.name = "score", .argument = "NAME", .text = "The score, as rules name it."},
    {.name = "limit", .letter = 'n', .argument = "N", .text = "So many authors at most; 20 by default."},
    AT_OPTION,
    {0}};

const struct cli_command command_state_show = {
    .name = "state show",
    .operands = "[USER]",
    .summary = "show what is remembered of an author",
    .text =
        "Scores with the arithmetic behind them (which rules gave how many points when, and what is left of each), "
        "strikes, windows. The worker's lmdb may be read while it runs; what it changed in the last commit interval "
        "is not in it yet. Exits with 4 where nothing is remembered.",
    .options = SHOW_OPTIONS,
    .run = show,
};

const struct cli_command command_state_reset = {
    .name = "state reset",
    .operands = "[USER]",
    .summary = "forget what is remembered of an author",
    .text =
        "Scores, strikes, windows and profile begin anew. With redis the workers go on meanwhile; an lmdb must not be "
        "in use. Exits with 4 where nothing is remembered.",
    .options = RESET_OPTIONS,
    .run = reset,
};

const struct cli_command command_state_top = {
    .name = "state top",
    .summary = "list the authors with the highest scores",
    .text = "Looks at every value of the store once.",
    .options = TOP_OPTIONS,
    .run = top,
};
