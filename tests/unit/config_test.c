/* The configuration: that the files made from the table say what the program does, which source wins, that everything
 * wrong is reported at once and in its place, and that secrets stay where they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/config.h"
#include "worker/config_table.h"

/* ---- help ---- */

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/warden-config-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command); /* NOLINT(cert-env33-c): our own folder */
}

/* Writes `text` into the test's folder; the path stays until the next call with the same name. */
static const char *file_of(const char *name, const char *text)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return path;
}

struct sources {
    const char *yaml; /* NULL: no file */
    const char *sets[8], *environment[8];
};

static struct wd_diagnostics *findings;

static struct config *load(const struct sources *sources)
{
    struct config *config = NULL;
    wd_diagnostics_free(findings);
    findings = wd_diagnostics_new();
    const struct config_source source = {
        .file = sources->yaml ? file_of("warden.yaml", sources->yaml) : NULL,
        .sets = sources->sets,
        .environment = sources->environment,
    };
    enum wd_status status = config_load(&source, &config, findings);
    assert_true((status == WD_OK) == (config != NULL));
    assert_true((status == WD_OK) == (wd_diagnostics_errors(findings) == 0));
    return config;
}

#define LOAD(...) load(&(const struct sources){__VA_ARGS__})

static int drop_findings(void **state)
{
    (void)state;
    wd_diagnostics_free(findings);
    findings = NULL;
    return 0;
}

static void assert_finding(size_t index, const char *code, int line, int column, const char *part)
{
    const struct wd_diagnostic *d = wd_diagnostics_at(findings, index);
    assert_non_null(d);
    assert_string_equal(d->code, code);
    assert_int_equal(d->line, line);
    assert_int_equal(d->column, column);
    if (!strstr(d->message, part))
        fail_msg("'%s' is not in '%s'", part, d->message);
}

static char *printed(const struct config *config, bool as_json)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    config_print(config, out, as_json);
    fclose(out);
    return text;
}

/* The value of every option as config_print() gives it, without where it came from. */
static json_t *values_of(const struct config *config)
{
    char *text = printed(config, true);
    json_t *whole = json_loads(text, 0, NULL);
    free(text);
    assert_non_null(whole);
    const char *section, *name;
    json_t *options, *option;
    void *next;
    json_object_foreach(whole, section, options)
    {
        json_object_foreach_safe(options, next, name, option)
            json_object_set(options, name, json_object_get(option, "value"));
    }
    return whole;
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *text = NULL;
    size_t room = 0;
    ssize_t length = getdelim(&text, &room, '\0', file);
    assert_true(length > 0);
    fclose(file);
    return text;
}

/* ---- what is shipped ---- */

static void the_shipped_file_holds_every_option_with_its_default(void **state)
{
    (void)state;
    struct config *defaults = LOAD(.yaml = NULL);
    struct config *shipped = NULL;
    const struct config_source source = {.file = "config/warden.yaml"};
    assert_int_equal(config_load(&source, &shipped, findings), WD_OK);
    for (size_t i = 0; i < OPTION_COUNT; i++) { /* every one is there */
        assert_int_equal(shipped->origins[i].kind, ORIGIN_FILE);
        assert_int_equal(defaults->origins[i].kind, ORIGIN_DEFAULT);
    }
    json_t *left = values_of(defaults), *right = values_of(shipped);
    if (!json_equal(left, right))
        fail_msg("config/warden.yaml differs from the defaults: build the target 'generated'");
    json_decref(left);
    json_decref(right);
    config_free(defaults);
    config_free(shipped);
}

static void files_made_from_the_table_are_up_to_date(void **state)
{
    (void)state;
    static const char *const PATHS[] = {[CONFIG_FORM_YAML] = "config/warden.yaml",
                                        [CONFIG_FORM_MARKDOWN] = "docs/configuration.md",
                                        [CONFIG_FORM_SCHEMA] = "config/schema/warden.schema.json"};
    for (int form = CONFIG_FORM_YAML; form <= CONFIG_FORM_SCHEMA; form++) {
        char *text = NULL, *kept = read_file(PATHS[form]);
        size_t length = 0;
        FILE *out = open_memstream(&text, &length);
        config_describe((enum config_form)form, out);
        fclose(out);
        if (strcmp(text, kept) != 0)
            fail_msg("%s is out of date: build the target 'generated'", PATHS[form]);
        free(text);
        free(kept);
    }
}

static void every_option_is_described_and_has_a_place_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &OPTIONS[i];
        assert_ptr_equal(option_find(option->section, option->name), option); /* no name twice */
        assert_true(strlen(option->text) > 10);
        char last = option->text[strlen(option->text) - 1];
        assert_true(last == '.' || last == ')');
        for (size_t n = 0; n < i; n++)
            assert_int_not_equal(OPTIONS[n].offset, option->offset);
    }
}

static void defaults_are_those_of_the_documentation(void **state)
{
    (void)state;
    struct config *config = LOAD(.yaml = NULL);
    assert_string_equal(config->kafka.brokers, "localhost:9092");
    assert_string_equal(config->kafka.topics[0], "content.events");
    assert_null(config->kafka.topics[1]);
    assert_null(config->kafka.group_instance_id);
    assert_int_equal(config->kafka.session_timeout_ms, 45000);
    assert_int_equal(config->kafka.max_record_bytes, 1 << 20);
    assert_int_equal(config->kafka.properties.count, 0);
    assert_null(config->platform.token_file);
    assert_int_equal(config->worker.max_held_bytes, 64 << 20);
    assert_int_equal(config->worker.retry_base_ms, 500);
    assert_int_equal(config->worker.retry_max_ms, 60000);
    assert_true(config->worker.breaker_ratio == 0.5);
    assert_false(config->rules.strict);
    assert_int_equal(config->rules.match_limit, 30000);
    assert_int_equal(config->http.port, 8080);
    assert_string_equal(config->log.format, "auto");
    config_free(config);
}

/* ---- sources ---- */

static void the_last_source_wins(void **state)
{
    (void)state;
    struct config *config =
        LOAD(.yaml = "worker: {shards: 1, max_attempts: 1, max_in_flight: 1}\nlog: {level: debug}\n",
             .environment = {"WARDEN_WORKER__MAX_ATTEMPTS=2", "WARDEN_WORKER__MAX_IN_FLIGHT=2", "WARDEN_CONFIG=x",
                             "OTHER_WORKER__SHARDS=9", "WARDEN_"},
             .sets = {"worker.max_in_flight=3", "worker.max_in_flight=4"});
    assert_non_null(config);
    assert_int_equal(config->worker.shards, 1);
    assert_int_equal(config->worker.max_attempts, 2);
    assert_int_equal(config->worker.max_in_flight, 4);
    assert_int_equal(config->worker.retry_max_ms, 60000);
    char *text = printed(config, false);
    assert_non_null(strstr(text, "/warden.yaml:1\n"));
    assert_non_null(strstr(text, "# environment WARDEN_WORKER__MAX_ATTEMPTS\n"));
    assert_non_null(strstr(text, "# --set worker.max_in_flight\n"));
    assert_non_null(strstr(text, "# default\n"));
    free(text);
    config_free(config);
}

static void lists_and_maps_have_two_forms_on_a_line(void **state)
{
    (void)state;
    struct config *config =
        LOAD(.environment = {"WARDEN_KAFKA__TOPICS= a , b",
                             "WARDEN_PLATFORM__NOTIFY={ops: "
                             "\"https://a.example/x?y=1\"}",
                             "WARDEN_RULES__EXEMPT_ROLES="},
             .sets = {"kafka.properties=security.protocol=ssl,client.rack=r1", "kafka.properties.client.rack=r2",
                      "kafka.properties.fetch.min.bytes=1", "rules.paths=[\"one, two\", three]"});
    assert_non_null(config);
    assert_string_equal(config->kafka.topics[0], "a");
    assert_string_equal(config->kafka.topics[1], "b");
    assert_null(config->kafka.topics[2]);
    assert_int_equal(config->kafka.properties.count, 3);
    assert_string_equal(config->kafka.properties.items[1].name, "client.rack");
    assert_string_equal(config->kafka.properties.items[1].value, "r2");
    assert_string_equal(config->kafka.properties.items[2].value, "1");
    assert_string_equal(config->platform.notify.items[0].value, "https://a.example/x?y=1");
    assert_string_equal(config->rules.paths[0], "one, two"); /* from the command line: as it stands */
    assert_null(config->rules.exempt_roles[0]);
    config_free(config);
}

static void texts_on_a_line_are_taken_as_they_stand(void **state)
{
    (void)state;
    struct config *config = LOAD(.environment = {"WARDEN_KAFKA__CLIENT_ID=true",
                                                 "WARDEN_WORKER__DECISIONS_TOPIC=", "WARDEN_KAFKA__GROUP_INSTANCE_ID="},
                                 .sets = {"kafka.group_id=a: [b] # c", "platform.proxy=null"});
    assert_non_null(config);
    assert_string_equal(config->kafka.client_id, "true");
    assert_string_equal(config->kafka.group_id, "a: [b] # c");
    assert_string_equal(config->worker.decisions_topic, "");
    assert_null(config->kafka.group_instance_id);
    assert_null(config->platform.proxy);
    config_free(config);
}

static void an_empty_section_or_file_changes_nothing(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {"", "# nothing\n", "kafka:\nworker:\n", "kafka: {}\n"};
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(*TEXTS); i++) {
        struct config *config = LOAD(.yaml = TEXTS[i]);
        assert_non_null(config);
        assert_string_equal(config->kafka.brokers, "localhost:9092");
        config_free(config);
    }
}

/* ---- values ---- */

static void numbers_have_units_and_bounds(void **state)
{
    (void)state;
    struct config *config = LOAD(.yaml = "kafka: {session_timeout: 1s, max_poll_interval: \"2h\", max_record_bytes: "
                                         "65536}\nworker: {max_held_bytes: \"1GiB\", drain_timeout: 0, breaker_ratio: "
                                         "1}\nhttp: {port: -1}\n");
    assert_non_null(config);
    assert_int_equal(config->kafka.session_timeout_ms, 1000);
    assert_int_equal(config->kafka.max_poll_interval_ms, 7200000);
    assert_int_equal(config->kafka.max_record_bytes, 65536);
    assert_int_equal(config->worker.max_held_bytes, 1 << 30);
    assert_int_equal(config->worker.drain_timeout_ms, 0);
    assert_int_equal(config->http.port, -1);
    config_free(config);
}

static void values_on_both_bounds_are_taken_and_next_to_them_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &OPTIONS[i];
        if (option->type != OPTION_INT && option->type != OPTION_DURATION && option->type != OPTION_SIZE)
            continue;
        const char *unit = option->type == OPTION_DURATION ? "ms" : "";
        const int64_t values[] = {option->least - 1, option->least, option->most, option->most + 1};
        for (int n = 0; n < 4; n++) {
            char set[128];
            snprintf(set, sizeof(set), "%s.%s=%lld%s", option->section, option->name, (long long)values[n], unit);
            config_free(LOAD(.sets = {set}));
            bool refused = false; /* contradictions with other options do not matter here */
            for (size_t f = 0; f < wd_diagnostics_count(findings); f++) {
                const char *code = wd_diagnostics_at(findings, f)->code;
                refused = refused || strcmp(code, "out-of-range") == 0 || strcmp(code, "bad-duration") == 0 ||
                          strcmp(code, "wrong-type") == 0;
            }
            if (refused != (n == 0 || n == 3))
                fail_msg("%s is %s", set, refused ? "refused" : "taken");
        }
    }
}

static void every_error_is_reported_in_its_place(void **state)
{
    (void)state;
    assert_null(
        LOAD(.yaml = "kafka:\n  broker: x\n  topics: 5\n  session_timeout: 5x\nwroker: {}\nlog:\n  level: loud\n",
             .environment = {"WARDEN_HTTP__PORT=99999"}, .sets = {"worker.shards=many"}));
    assert_int_equal(wd_diagnostics_errors(findings), 7);
    assert_finding(0, "wrong-type", 0, 0, "worker.shards"); /* "--set" sorts first, then '/', then 'e' */
    assert_finding(1, "unknown-key", 2, 3, "did you mean 'brokers'?");
    assert_finding(2, "wrong-type", 3, 11, "list");
    assert_finding(3, "bad-duration", 4, 20, "5s, 10m");
    assert_finding(4, "unknown-key", 5, 1, "did you mean 'worker'?");
    assert_finding(5, "unknown-choice", 7, 10, "debug, info, warn, error");
    assert_finding(6, "out-of-range", 0, 0, "-1 to 65535");
    assert_string_equal(wd_diagnostics_at(findings, 0)->file, "--set worker.shards");
    assert_string_equal(wd_diagnostics_at(findings, 6)->file, "environment WARDEN_HTTP__PORT");
}

static void a_contradiction_is_reported_where_somebody_wrote_it(void **state)
{
    (void)state;
    assert_null(LOAD(.yaml = "worker:\n  retry_max: 100ms\n"));
    assert_int_equal(wd_diagnostics_errors(findings), 1);
    assert_finding(0, "contradiction", 2, 14, "worker.retry_max must be at least worker.retry_base");
    assert_null(LOAD(.sets = {"worker.retry_base=5m"}));
    assert_finding(0, "contradiction", 0, 0, "worker.retry_base must be at most worker.retry_max");
    assert_string_equal(wd_diagnostics_at(findings, 0)->file, "--set worker.retry_base");
}

static void addresses_that_cannot_be_meant_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *set;
        bool fine;
    } CASES[] = {
        {"kafka.brokers=a:1,b:65535", true},
        {"kafka.brokers=[::1]:9092,a", true},
        {"kafka.brokers=a:1,", false},
        {"kafka.brokers=,a:1", false},
        {"kafka.brokers=a:0", false},
        {"kafka.brokers=a:65536", false},
        {"kafka.brokers=a:b", false},
        {"kafka.brokers=:9092", false},
        {"kafka.brokers=a b:9092", false},
        {"kafka.topics=^content\\..*", true},
        {"kafka.topics=no spaces", false},
        {"kafka.topics=[]", false},
        {"kafka.topics=a,a", false},
        {"kafka.topics=moderation.dlq", false},
        {"worker.dead_letter_topic=moderation.decisions", false},
        {"platform.base_url=http://127.0.0.1:8081/", true},
        {"platform.base_url=https://a.example/path", false},
        {"platform.base_url=https://user@a.example", false},
        {"platform.base_url=https://:443", false},
        {"platform.base_url=ftp://a.example", false},
        {"platform.base_url=https://a.example\x01", false},
        {"platform.notify=ops=https://a.example/x?y=z", true},
        {"platform.notify=ops=https://a.example/#x", false},
        {"platform.notify=ops=a.example", false},
        {"http.address=::1", true},
        {"http.address=0.0.0.0", true},
        {"http.address=localhost", false},
        {"http.address=1.2.3", false},
        {"rules.paths=", false},
        {"kafka.properties.group.id=x", false},
        {"kafka.properties.sasl.password=x", false},
        {"kafka.properties.sasl.username=x", true},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
        struct config *config = LOAD(.sets = {CASES[i].set});
        if ((config != NULL) != CASES[i].fine)
            fail_msg("%s is %s", CASES[i].set, config ? "taken" : "refused");
        config_free(config);
    }
}

/* Whatever comes in: no crash, no leak, and either a configuration or a finding. */
static void random_sources_never_crash(void **state)
{
    (void)state;
    unsigned seed = 7;
    static const char PIECES[] = "{}[],:=.'\"\\\n\t -#&*!|>%@0123456789abcKafkabrokersnull~\x7f\xc3\xa9\xff";
    for (int round = 0; round < 3000; round++) {
        char text[200], set[80], variable[120];
        const struct option *option = &OPTIONS[(size_t)rand_r(&seed) % OPTION_COUNT];
        int length = snprintf(text, sizeof(text), "%s:\n  %s: ", option->section, option->name);
        for (int n = rand_r(&seed) % 40; n > 0; n--)
            text[length++] = PIECES[(size_t)rand_r(&seed) % (sizeof(PIECES) - 1)];
        text[length] = '\0';
        const char *value = strrchr(text, ':') ? text + strlen(option->section) + strlen(option->name) + 6 : "";
        snprintf(set, sizeof(set), "%s.%s=%s", option->section, option->name, value);
        snprintf(variable, sizeof(variable), "WARDEN_%s__%s=%s", option->section, option->name, value);
        config_free(LOAD(.yaml = text));
        config_free(LOAD(.sets = {set}, .environment = {variable}));
    }
}

/* ---- paths ---- */

static void paths_are_meant_from_the_file_that_names_them(void **state)
{
    (void)state;
    file_of("rules.yaml", "");
    struct config *config = LOAD(.yaml = "platform: {token_file: secrets/token, ca_file: /etc/ca.pem}\n"
                                         "rules: {paths: [rules.yaml, platforms]}\n"
                                         "kafka: {property_files: {sasl.password: pass}}\n",
                                 .sets = {"platform.api_key_file=key"});
    assert_non_null(config);
    char want[128];
    snprintf(want, sizeof(want), "%s/secrets/token", folder);
    assert_string_equal(config->platform.token_file, want);
    assert_string_equal(config->platform.ca_file, "/etc/ca.pem");
    assert_string_equal(config->platform.api_key_file, "key");
    snprintf(want, sizeof(want), "%s/pass", folder);
    assert_string_equal(config->kafka.property_files.items[0].value, want);
    snprintf(want, sizeof(want), "%s/rules.yaml", folder);
    assert_string_equal(config->rules.paths[0], want);
    /* Not beside the file: from the source tree, in which this test runs. */
    assert_string_equal(config->rules.paths[1], "config/platforms");
    assert_string_equal(config->platform.table, "config/platforms/socialplus.yaml");
    config_free(config);
}

/* ---- secrets ---- */

static void no_secret_is_ever_printed(void **state)
{
    (void)state;
    const char *secret = file_of("password", "pa55word\n");
    char set[160];
    snprintf(set, sizeof(set), "kafka.property_files.sasl.password=%s", secret);
    struct config *config = LOAD(.sets = {set, "platform.token_file=/run/secrets/token",
                                          "platform.notify=ops=https://a.example/pa55word?k=pa55word"});
    assert_non_null(config);
    assert_int_equal(config_prepare_run(config, findings), WD_OK);
    assert_string_equal(config->kafka.properties.items[0].value, "pa55word"); /* without the line break */
    for (int json = 0; json < 2; json++) {                                    /* even after they were read */
        char *text = printed(config, json);
        assert_null(strstr(text, "pa55word"));
        assert_non_null(strstr(text, "https://a.example/..."));
        assert_non_null(strstr(text, "/run/secrets/token"));
        free(text);
    }
    config_free(config);
}

static void a_secret_in_the_wrong_place_is_refused_and_not_repeated(void **state)
{
    (void)state;
    static const char *const SETS[] = {
        "platform.token_file=eyJhbGciOi.TOPSECRET.c2ln", "kafka.properties.sasl.password=TOPSECRET",
        "kafka.properties=ssl.key.password=TOPSECRET",   "platform.token=TOPSECRET",
        "platform.base_url=https://TOPSECRET@a.example", "platform.notify=ops=TOPSECRET"};
    for (size_t i = 0; i < sizeof(SETS) / sizeof(*SETS); i++) {
        assert_null(LOAD(.sets = {SETS[i]}));
        for (size_t f = 0; f < wd_diagnostics_count(findings); f++) {
            assert_null(strstr(wd_diagnostics_at(findings, f)->message, "TOPSECRET"));
            assert_null(strstr(wd_diagnostics_at(findings, f)->file, "TOPSECRET"));
        }
    }
}

static void what_a_run_needs_is_checked_before_it(void **state)
{
    (void)state;
    struct config *config =
        LOAD(.yaml = "kafka: {property_files: {sasl.password: nowhere, ssl.key.password: empty}}\n");
    file_of("empty", "\n");
    assert_non_null(config);
    assert_int_equal(config_prepare_run(config, findings), WD_ERR_INVALID);
    assert_int_equal(wd_diagnostics_errors(findings), 3);
    assert_finding(0, "missing-option", 0, 0, "platform.token_file is not set");
    assert_finding(1, "secret-unreadable", 1, 25, "No such file");
    assert_finding(2, "secret-unreadable", 1, 25, "is empty");
    config_free(config);
}

static void the_file_is_found_by_the_environment(void **state)
{
    (void)state;
    assert_string_equal(config_default_file((const char *const[]){"A=b", "WARDEN_CONFIG=/x.yaml", NULL}), "/x.yaml");
    const char *installed = config_default_file((const char *const[]){"WARDEN_CONFIG=", NULL});
    assert_true(!installed || access(installed, F_OK) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_shipped_file_holds_every_option_with_its_default, drop_findings),
        cmocka_unit_test_teardown(files_made_from_the_table_are_up_to_date, drop_findings),
        cmocka_unit_test_teardown(every_option_is_described_and_has_a_place_of_its_own, drop_findings),
        cmocka_unit_test_teardown(defaults_are_those_of_the_documentation, drop_findings),
        cmocka_unit_test_teardown(the_last_source_wins, drop_findings),
        cmocka_unit_test_teardown(lists_and_maps_have_two_forms_on_a_line, drop_findings),
        cmocka_unit_test_teardown(texts_on_a_line_are_taken_as_they_stand, drop_findings),
        cmocka_unit_test_teardown(an_empty_section_or_file_changes_nothing, drop_findings),
        cmocka_unit_test_teardown(numbers_have_units_and_bounds, drop_findings),
        cmocka_unit_test_teardown(values_on_both_bounds_are_taken_and_next_to_them_refused, drop_findings),
        cmocka_unit_test_teardown(every_error_is_reported_in_its_place, drop_findings),
        cmocka_unit_test_teardown(a_contradiction_is_reported_where_somebody_wrote_it, drop_findings),
        cmocka_unit_test_teardown(addresses_that_cannot_be_meant_are_refused, drop_findings),
        cmocka_unit_test_teardown(random_sources_never_crash, drop_findings),
        cmocka_unit_test_teardown(paths_are_meant_from_the_file_that_names_them, drop_findings),
        cmocka_unit_test_teardown(no_secret_is_ever_printed, drop_findings),
        cmocka_unit_test_teardown(a_secret_in_the_wrong_place_is_refused_and_not_repeated, drop_findings),
        cmocka_unit_test_teardown(what_a_run_needs_is_checked_before_it, drop_findings),
        cmocka_unit_test_teardown(the_file_is_found_by_the_environment, drop_findings),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
