/* Counters: sums over shards, histograms, series by rule, and the text form read back by a small parser of
 * Prometheus' format that refuses what Prometheus would refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/metrics.h"

/* ---- the parser ---- */

enum { SAMPLES_MAX = 4096, FAMILIES_MAX = 128 };

struct sample {
    char series[512]; /* name and labels as written */
    double value;
};

struct family {
    char name[128], type[16];
    bool has_help;
};

struct scrape {
    struct sample samples[SAMPLES_MAX];
    size_t sample_count;
    struct family families[FAMILIES_MAX];
    size_t family_count;
};

static struct family *family_of(struct scrape *scrape, const char *name, size_t length)
{
    for (size_t i = 0; i < scrape->family_count; i++) {
        if (strlen(scrape->families[i].name) == length && memcmp(scrape->families[i].name, name, length) == 0)
            return &scrape->families[i];
    }
    assert_true(scrape->family_count < FAMILIES_MAX);
    struct family *family = &scrape->families[scrape->family_count++];
    snprintf(family->name, sizeof(family->name), "%.*s", (int)length, name);
    return family;
}

static void parse_comment(struct scrape *scrape, const char *line)
{
    char keyword[8], name[128];
    int rest = 0;
    assert_int_equal(sscanf(line, "# %7s %127s %n", keyword, name, &rest), 2);
    struct family *family = family_of(scrape, name, strlen(name));
    if (strcmp(keyword, "HELP") == 0) {
        assert_false(family->has_help); /* stands once */
        assert_true(strlen(line + rest) > 3);
        family->has_help = true;
        return;
    }
    assert_string_equal(keyword, "TYPE");
    assert_int_equal(family->type[0], 0);
    snprintf(family->type, sizeof(family->type), "%s", line + rest);
}

/* name="value",... with \\, \" and \n escaped; returns what follows the closing brace. */
static const char *parse_labels(const char *at)
{
    while (*at != '}') {
        assert_true(isalpha((unsigned char)*at) || *at == '_');
        while (isalnum((unsigned char)*at) || *at == '_')
            at++;
        assert_int_equal(*at++, '=');
        assert_int_equal(*at++, '"');
        for (; *at != '"'; at++) {
            assert_true(*at != '\0' && *at != '\n');
            if (*at == '\\') {
                at++;
                assert_non_null(strchr("\\\"n", *at));
            }
        }
        at++;
        if (*at == ',')
            at++;
        else
            assert_int_equal(*at, '}');
    }
    return at + 1;
}

static void parse_sample(struct scrape *scrape, const char *line)
{
    const char *at = line;
    assert_true(isalpha((unsigned char)*at));
    while (isalnum((unsigned char)*at) || *at == '_' || *at == ':')
        at++;
    size_t name_length = (size_t)(at - line);
    if (*at == '{')
        at = parse_labels(at + 1);
    assert_int_equal(*at, ' ');
    assert_true(scrape->sample_count < SAMPLES_MAX);
    struct sample *sample = &scrape->samples[scrape->sample_count++];
    snprintf(sample->series, sizeof(sample->series), "%.*s", (int)(at - line), line);
    char *end;
    sample->value = strtod(at + 1, &end);
    assert_true(*end == '\0' && end != at + 1);
    for (size_t i = 0; i + 1 < scrape->sample_count; i++)
        assert_string_not_equal(scrape->samples[i].series, sample->series);
    /* It belongs to the family described last, by name or by a histogram's suffix. */
    struct family *family = &scrape->families[scrape->family_count - 1];
    size_t family_length = strlen(family->name);
    assert_true(family->has_help && family->type[0]);
    assert_memory_equal(line, family->name, family_length);
    if (strcmp(family->type, "histogram") != 0)
        assert_int_equal(name_length, family_length);
    if (strcmp(family->type, "counter") == 0)
        assert_string_equal(family->name + family_length - 6, "_total");
}

static struct scrape *parse(char *text)
{
    struct scrape *scrape = calloc(1, sizeof(*scrape));
    assert_int_equal(text[strlen(text) - 1], '\n');
    char *state = NULL;
    for (char *line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
        if (line[0] == '#')
            parse_comment(scrape, line);
        else
            parse_sample(scrape, line);
    }
    return scrape;
}

static double value_of(const struct scrape *scrape, const char *series)
{
    for (size_t i = 0; i < scrape->sample_count; i++) {
        if (strcmp(scrape->samples[i].series, series) == 0)
            return scrape->samples[i].value;
    }
    return NAN;
}

static const char *rule_name(void *context, uint32_t rule)
{
    static const char *const NAMES[] = {"spam.sale", "odd\"name\\\n", "third"};
    (void)context;
    return NAMES[rule];
}

static struct scrape *scrape_of(const struct metrics *const *all, size_t count, size_t rules)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    metrics_print(out, all, count, rule_name, NULL, rules);
    fclose(out);
    struct scrape *scrape = parse(text);
    free(text);
    return scrape;
}

/* ---- the tests ---- */

static void counters_are_summed_over_shards(void **state)
{
    (void)state;
    struct metrics *a = metrics_new(), *b = metrics_new();
    metrics_add(a, METRIC_RECORDS, 3);
    metrics_add(a, METRIC_RECORDS, 4);
    metrics_add(b, METRIC_RECORDS, 1ull << 53);
    metrics_set(a, METRIC_HELD_BYTES, 10);
    metrics_set(b, METRIC_HELD_BYTES, 20);
    metrics_set(b, METRIC_HELD_BYTES, 5);
    metrics_set(a, METRIC_BREAKER_OPEN, 1);
    metrics_set(b, METRIC_BREAKER_OPEN, 1);
    assert_int_equal(metrics_get(a, METRIC_RECORDS), 7);
    struct scrape *scrape = scrape_of((const struct metrics *[]){a, b}, 2, 0);
    assert_true(value_of(scrape, "warden_records_total") == 9007199254740999.0);
    assert_true(value_of(scrape, "warden_held_bytes") == 15);
    assert_true(value_of(scrape, "warden_breaker_open") == 1); /* not 2 */
    assert_true(value_of(scrape, "warden_commits_total") == 0);
    assert_true(value_of(scrape, "warden_build_info{version=\"" WARDEN_VERSION "\"}") == 1);
    free(scrape);
    metrics_free(a);
    metrics_free(b);
}

static void every_metric_is_described_and_named_once(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    for (int i = 0; i < METRIC_COUNT; i++)
        metrics_set(metrics, (enum metric)i, (uint64_t)i + 1000);
    struct scrape *scrape = scrape_of((const struct metrics *[]){metrics}, 1, 0);
    for (int i = 0; i < METRIC_COUNT; i++) { /* each value is there once: no metric prints another's cell */
        size_t found = 0;
        for (size_t n = 0; n < scrape->sample_count; n++)
            found += scrape->samples[n].value == i + 1000;
        assert_int_equal(found, 1);
    }
    free(scrape);
    metrics_free(metrics);
}

/* Calls `check` with each name that follows `before` in the text; returns how many. */
static size_t each_name(const char *text, const char *before, void (*check)(const char *name, const char *other),
                        const char *other)
{
    size_t names = 0;
    for (const char *at = strstr(text, before); at; at = strstr(at + 1, before)) {
        char name[128];
        size_t skipped = before[0] == '#' ? strlen(before) : 1;
        assert_int_equal(sscanf(at + skipped, "%126[a-z_]", name), 1);
        check(name, other);
        names++;
    }
    return names;
}

static void is_documented(const char *name, const char *page)
{
    char plain[140], labelled[140];
    snprintf(plain, sizeof(plain), "`%s`", name);
    snprintf(labelled, sizeof(labelled), "`%s{", name);
    if (!strstr(page, plain) && !strstr(page, labelled))
        fail_msg("docs/metrics.md does not name %s", name);
}

static void is_printed(const char *name, const char *printed)
{
    char line[140];
    snprintf(line, sizeof(line), "# TYPE %s ", name);
    if (!strstr(printed, line))
        fail_msg("docs/metrics.md names %s, which nobody prints", name);
}

/* docs/metrics.md names every metric that is printed, and no other. */
static void every_metric_is_documented(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    size_t len = 0;
    char *printed = NULL, page[32768];
    FILE *doc = fopen(SOURCE_DIR "/docs/metrics.md", "r"), *out = open_memstream(&printed, &len);
    assert_non_null(doc);
    page[fread(page, 1, sizeof(page) - 1, doc)] = '\0';
    metrics_print(out, (const struct metrics *const[]){metrics}, 1, rule_name, NULL, 3);
    fclose(out);
    assert_in_range(each_name(printed, "# TYPE ", is_documented, page), METRIC_COUNT, 200);
    assert_in_range(each_name(page, "`warden_", is_printed, printed), METRIC_COUNT, 200);
    fclose(doc);
    free(printed);
    metrics_free(metrics);
}

static void histograms_count_up_to_their_bounds(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    metrics_observe(metrics, HISTOGRAM_CALL_SECONDS, 0.05); /* on a bound: it belongs there */
    metrics_observe(metrics, HISTOGRAM_CALL_SECONDS, 0.06);
    metrics_observe(metrics, HISTOGRAM_CALL_SECONDS, 1000);
    struct scrape *scrape = scrape_of((const struct metrics *[]){metrics, metrics}, 2, 0);
    assert_true(value_of(scrape, "warden_api_call_seconds_bucket{le=\"0.025\"}") == 0);
    assert_true(value_of(scrape, "warden_api_call_seconds_bucket{le=\"0.05\"}") == 2);
    assert_true(value_of(scrape, "warden_api_call_seconds_bucket{le=\"0.1\"}") == 4);
    assert_true(value_of(scrape, "warden_api_call_seconds_bucket{le=\"10\"}") == 4);
    assert_true(value_of(scrape, "warden_api_call_seconds_bucket{le=\"+Inf\"}") == 6);
    assert_true(value_of(scrape, "warden_api_call_seconds_count") == 6);
    assert_true(fabs(value_of(scrape, "warden_api_call_seconds_sum") - 2000.22) < 1e-9);
    assert_true(value_of(scrape, "warden_scan_seconds_count") == 0);
    free(scrape);
    metrics_free(metrics);
}

static void rules_have_series_once_they_matched(void **state)
{
    (void)state;
    struct metrics *a = metrics_new(), *b = metrics_new();
    assert_int_equal(metrics_set_rules(a, 3), 0);
    assert_int_equal(metrics_set_rules(b, 2), 0); /* a shard that has not changed its rule set yet */
    metrics_rule_add(a, 1, RULE_MATCHED, 2);
    metrics_rule_add(b, 1, RULE_MATCHED, 3);
    metrics_rule_add(a, 1, RULE_SHADOW, 1);
    metrics_rule_add(a, 2, RULE_UNDECIDED, 1);
    metrics_rule_add(a, 2, RULE_CANDIDATE, 4);
    metrics_rule_add(a, 2, RULE_TIMED, 2);
    metrics_rule_add(a, 2, RULE_NANOSECONDS, 1250);
    metrics_rule_add(b, 2, RULE_UNDECIDED, 9); /* out of its range: ignored */
    struct scrape *scrape = scrape_of((const struct metrics *[]){a, b}, 2, 3);
    assert_true(value_of(scrape, "warden_rule_hits_total{rule=\"odd\\\"name\\\\\\n\",kind=\"matched\"}") == 5);
    assert_true(value_of(scrape, "warden_rule_hits_total{rule=\"odd\\\"name\\\\\\n\",kind=\"shadow\"}") == 1);
    assert_true(value_of(scrape, "warden_rule_hits_total{rule=\"third\",kind=\"undecided\"}") == 1);
    assert_true(value_of(scrape, "warden_rule_evaluations_total{rule=\"third\"}") == 4);
    assert_true(value_of(scrape, "warden_rule_timed_total{rule=\"third\"}") == 2);
    assert_true(fabs(value_of(scrape, "warden_rule_seconds_total{rule=\"third\"}") - 0.00000125) < 1e-12);
    assert_true(isnan(value_of(scrape, "warden_rule_seconds_total{rule=\"spam.sale\"}")));
    assert_true(isnan(value_of(scrape, "warden_rule_hits_total{rule=\"spam.sale\",kind=\"matched\"}")));
    free(scrape);
    assert_int_equal(metrics_set_rules(a, 2), 0); /* a reload starts anew */
    assert_int_equal(metrics_rule_get(a, 1, RULE_MATCHED), 0);
    assert_int_equal(metrics_rule_get(b, 1, RULE_MATCHED), 3);
    assert_int_equal(metrics_rule_get(b, 7, RULE_MATCHED), 0);
    metrics_free(a);
    metrics_free(b);
}

/* One thread owns the metrics, changes rule sets too, while another scrapes; ThreadSanitizer watches. */
enum { ROUNDS = 20000, RELOAD_EVERY = 500 };

static atomic_bool owner_done;

static void write_rounds(struct metrics *metrics)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (i % RELOAD_EVERY == 0 && metrics_set_rules(metrics, i % (2 * RELOAD_EVERY) == 0 ? 3 : 2) != 0)
            return; /* cmocka's asserts belong to the main thread: it finds the count short */
        metrics_add(metrics, METRIC_EVENTS, 1);
        metrics_set(metrics, METRIC_IN_FLIGHT, i);
        metrics_rule_add(metrics, i % 3, RULE_MATCHED, 1);
        metrics_observe(metrics, HISTOGRAM_SCAN_SECONDS, 1e-6 * i);
    }
}

static void *own(void *context)
{
    write_rounds(context);
    atomic_store(&owner_done, true);
    return NULL;
}

static void a_scrape_can_come_at_any_time(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    atomic_store(&owner_done, false);
    pthread_t owner;
    assert_int_equal(pthread_create(&owner, NULL, own, metrics), 0);
    double last = 0;
    do {
        struct scrape *scrape = scrape_of((const struct metrics *[]){metrics}, 1, 3);
        double events = value_of(scrape, "warden_events_total");
        assert_true(events >= last); /* a counter never goes back */
        last = events;
        free(scrape);
    } while (!atomic_load(&owner_done));
    pthread_join(owner, NULL);
    assert_int_equal(metrics_get(metrics, METRIC_EVENTS), ROUNDS);
    metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_are_summed_over_shards),
        cmocka_unit_test(every_metric_is_described_and_named_once),
        cmocka_unit_test(every_metric_is_documented),
        cmocka_unit_test(histograms_count_up_to_their_bounds),
        cmocka_unit_test(rules_have_series_once_they_matched),
        cmocka_unit_test(a_scrape_can_come_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
