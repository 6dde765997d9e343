/* Every allocation of loading a configuration fails once: it must end in a finding or in a whole configuration, never
 * in a crash or a leak (the sanitizer builds look for both). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/config.h"

/* The linker gives us these in place of the C library's (see config.cmake). */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
char *__wrap_strdup(const char *text);

static long until_failure = -1; /* allocations; -1: none fails */
static bool failed;

static bool fails_now(void)
{
    if (until_failure < 0 || until_failure-- > 0)
        return false;
    failed = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return fails_now() ? NULL : __real_realloc(memory, size);
}

char *__wrap_strdup(const char *text)
{
    return fails_now() ? NULL : __real_strdup(text);
}

static char path[64];

static int write_configuration(void **state)
{
    (void)state;
    snprintf(path, sizeof(path), "/tmp/warden-memory-XXXXXX");
    int fd = mkstemp(path);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (!file)
        return -1;
    fputs("kafka: {topics: [a, b], properties: {client.rack: x}, brokers: \"h:1\"}\n"
          "platform: {token_file: t, notify: {ops: \"https://a.example/x\"}}\n"
          "rules: {paths: [r]}\n",
          file);
    return fclose(file);
}

static int remove_configuration(void **state)
{
    (void)state;
    return unlink(path);
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    const struct config_source source = {
        .file = path,
        .sets = (const char *const[]){"kafka.properties.linger.ms=5", "kafka.topics=c,d", "log.level=warn", NULL},
        .environment = (const char *const[]){"WARDEN_WORKER__SHARDS=2", "WARDEN_KAFKA__PROPERTIES={a: b}", NULL},
    };
    long failures = 0;
    for (long nth = 0;; nth++) {
        struct wd_diagnostics *findings = wd_diagnostics_new();
        struct config *config = NULL;
        assert_non_null(findings);
        failed = false;
        until_failure = nth;
        enum wd_status status = config_load(&source, &config, findings);
        until_failure = -1;
        if (status == WD_OK) {
            assert_non_null(config);
            assert_string_equal(config->kafka.topics[0], "c"); /* nothing was lost without a word */
            assert_string_equal(config->platform.notify.items[0].name, "ops");
        } else {
            assert_null(config);
            assert_true(failed);
            assert_true(wd_diagnostics_errors(findings) > 0 || status == WD_ERR_MEMORY);
            failures++;
        }
        config_free(config);
        wd_diagnostics_free(findings);
        if (!failed)
            break; /* there are not so many allocations */
    }
    assert_true(failures > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_allocation_may_fail, write_configuration, remove_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
