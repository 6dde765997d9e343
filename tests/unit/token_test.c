/* The token file: what is accepted, every way of replacing it, and readers on other threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/platform/token.h"

static char folder[64];

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/warden-token-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command); /* NOLINT(cert-env33-c): a fixed command on our own folder */
}

static const char *path_of(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static const char *write_bytes(const char *name, const char *bytes, size_t len)
{
    const char *path = path_of(name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    fclose(file);
    return path;
}

static const char *write_text(const char *name, const char *text)
{
    return write_bytes(name, text, strlen(text));
}

static struct token *open_token(const char *file, const char *api_key_file)
{
    struct wd_error err = {0};
    struct token *token = token_new(file, api_key_file, &err);
    if (!token)
        fail_msg("%s", err.text);
    return token;
}

static void expect_token(struct token *token, const char *wanted)
{
    const struct token_value *value = token_acquire(token);
    assert_string_equal(value->token, wanted);
    assert_int_equal(value->generation, token_generation(token));
    token_release(token, value);
}

static void white_space_at_the_end_is_cut(void **state)
{
    (void)state;
    struct token *token = open_token(write_text("t", "abc.DEF-1\r\n \t\n"), write_text("k", "key==\n"));
    const struct token_value *value = token_acquire(token);
    assert_string_equal(value->token, "abc.DEF-1");
    assert_string_equal(value->api_key, "key==");
    assert_int_equal(value->generation, 1);
    token_release(token, value);
    token_free(token);
}

static void without_an_api_key_file_there_is_none(void **state)
{
    (void)state;
    struct token *token = open_token(write_text("t", "abc"), NULL);
    const struct token_value *value = token_acquire(token);
    assert_null(value->api_key);
    token_release(token, value);
    token_free(token);
}

static void what_cannot_be_a_secret_is_refused_without_repeating_it(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        enum wd_status status;
    } cases[] = {
        {"", 0, WD_ERR_INVALID},
        {" \n\t\n", 4, WD_ERR_INVALID},
        {"SECRET one", 10, WD_ERR_INVALID},
        {"SECRET\nSECRET\n", 14, WD_ERR_INVALID},
        {" SECRET", 7, WD_ERR_INVALID},
        {"SEC\0RET", 7, WD_ERR_INVALID},
        {"SECRET\xc3\xa9", 8, WD_ERR_INVALID},
        {"\xef\xbb\xbfSECRET", 9, WD_ERR_INVALID},
        {"SECRET\x7f", 7, WD_ERR_INVALID},
        {"Bearer SECRET", 13, WD_ERR_INVALID},
        {"SECRET\r\nX-Injected: 1", 21, WD_ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wd_error err = {0};
        assert_null(token_new(write_bytes("bad", cases[i].bytes, cases[i].len), NULL, &err));
        assert_int_equal(err.status, cases[i].status);
        assert_null(strstr(err.text, "SEC"));
        assert_non_null(strstr(err.text, "/bad"));
        /* The same bytes as an API key. */
        err = (struct wd_error){0};
        assert_null(token_new(write_text("t", "fine"), path_of("bad"), &err));
        assert_int_equal(err.status, cases[i].status);
    }
}

static void size_kind_and_presence_are_checked(void **state)
{
    (void)state;
    struct wd_error err = {0};
    assert_null(token_new(path_of("absent"), NULL, &err));
    assert_int_equal(err.status, WD_ERR_NOT_FOUND);
    assert_null(token_new(folder, NULL, &err));
    assert_int_equal(err.status, WD_ERR_INVALID);
    assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
    assert_null(token_new(path_of("fifo"), NULL, &err)); /* and does not hang */
    assert_int_equal(err.status, WD_ERR_INVALID);
    char *large = malloc(16 * 1024 + 1);
    memset(large, 'x', 16 * 1024 + 1);
    assert_null(token_new(write_bytes("large", large, 16 * 1024 + 1), NULL, &err));
    assert_int_equal(err.status, WD_ERR_TOO_LARGE);
    token_free(open_token(write_bytes("large", large, 16 * 1024), NULL));
    free(large);
}

static void expect_reload(struct token *token, bool is_new, enum wd_status status)
{
    struct wd_error err = {0};
    bool got = token_reload(token, &err);
    if (got != is_new || err.status != status)
        fail_msg("reload: %d, status %s: %s", got, wd_status_name(err.status), err.text);
}

static void a_file_that_is_written_again_is_read_again(void **state)
{
    (void)state;
    struct token *token = open_token(write_text("t", "one"), NULL);
    expect_reload(token, false, WD_OK);
    write_text("t", "two"); /* the same size, within the clock's grain */
    expect_reload(token, true, WD_OK);
    expect_token(token, "two");
    assert_int_equal(token_generation(token), 2);
    expect_reload(token, false, WD_OK);
    write_text("t", "two\n"); /* touched, but no new value */
    expect_reload(token, false, WD_OK);
    assert_int_equal(token_generation(token), 2);
    token_free(token);
}

static void a_file_that_is_renamed_into_place_is_read_again(void **state)
{
    (void)state;
    struct token *token = open_token(write_text("t", "one"), NULL);
    write_text("new", "two");
    assert_int_equal(rename(path_of("new"), path_of("t")), 0);
    expect_reload(token, true, WD_OK);
    expect_token(token, "two");
    token_free(token);
}

/* As Kubernetes replaces secrets: the file is a link through a folder that is itself a link, which is swapped. */
static void a_swapped_symbolic_link_is_followed(void **state)
{
    (void)state;
    assert_int_equal(mkdir(path_of("v1"), 0700), 0);
    assert_int_equal(mkdir(path_of("v2"), 0700), 0);
    write_text("v1/token", "one");
    write_text("v2/token", "two");
    assert_int_equal(symlink("v1", path_of("..data")), 0);
    assert_int_equal(symlink("..data/token", path_of("token")), 0);
    struct token *token = open_token(path_of("token"), NULL);
    expect_reload(token, false, WD_OK);
    assert_int_equal(symlink("v2", path_of("..tmp")), 0);
    assert_int_equal(rename(path_of("..tmp"), path_of("..data")), 0);
    expect_reload(token, true, WD_OK);
    expect_token(token, "two");
    token_free(token);
}

static void an_unreadable_file_leaves_the_old_value_and_says_so_until_it_heals(void **state)
{
    (void)state;
    struct token *token = open_token(write_text("t", "one"), write_text("k", "key"));
    unlink(path_of("t"));
    expect_reload(token, false, WD_ERR_NOT_FOUND);
    expect_reload(token, false, WD_ERR_NOT_FOUND);
    expect_token(token, "one");
    write_text("t", ""); /* in the middle of being written */
    expect_reload(token, false, WD_ERR_INVALID);
    write_text("t", "two");
    expect_reload(token, true, WD_OK);
    expect_token(token, "two");
    write_text("k", "bad key");
    expect_reload(token, false, WD_ERR_INVALID);
    expect_token(token, "two");
    write_text("k", "key2");
    expect_reload(token, true, WD_OK);
    assert_int_equal(token_generation(token), 3);
    token_free(token);
}

static void a_held_value_survives_its_replacement(void **state)
{
    (void)state;
    struct token *token = open_token(write_text("t", "one"), NULL);
    const struct token_value *held = token_acquire(token);
    const struct token_value *again = token_acquire(token);
    write_text("t", "two");
    expect_reload(token, true, WD_OK);
    assert_string_equal(held->token, "one");
    token_release(token, held);
    assert_string_equal(again->token, "one");
    token_release(token, again);
    expect_token(token, "two");
    token_free(token);
}

struct reader {
    struct token *token;
    atomic_bool *stop;
    bool torn, backwards;
};

/* Every value is one letter repeated: anything else was read while it was being replaced. */
static void *read_all_the_time(void *context)
{
    struct reader *reader = context;
    uint64_t last = 0;
    while (!atomic_load(reader->stop)) {
        const struct token_value *value = token_acquire(reader->token);
        size_t length = strlen(value->token);
        if (length != 64 || strspn(value->token, (char[]){value->token[0], '\0'}) != length)
            reader->torn = true;
        if (value->generation < last)
            reader->backwards = true;
        last = value->generation;
        token_release(reader->token, value);
    }
    return NULL;
}

static void readers_on_other_threads_see_whole_values(void **state)
{
    (void)state;
    char text[65] = {0};
    memset(text, 'a', 64);
    atomic_bool stop = false;
    struct token *token = open_token(write_text("t", text), NULL);
    struct reader readers[2] = {{.token = token, .stop = &stop}, {.token = token, .stop = &stop}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_all_the_time, &readers[i]), 0);
    for (int i = 1; i <= 200; i++) {
        memset(text, 'a' + i % 26, 64);
        write_text("new", text);
        assert_int_equal(rename(path_of("new"), path_of("t")), 0);
        expect_reload(token, true, WD_OK);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_false(readers[i].torn);
        assert_false(readers[i].backwards);
    }
    assert_int_equal(token_generation(token), 201);
    token_free(token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(white_space_at_the_end_is_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_an_api_key_file_there_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_a_secret_is_refused_without_repeating_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(size_kind_and_presence_are_checked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_written_again_is_read_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_renamed_into_place_is_read_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_swapped_symbolic_link_is_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unreadable_file_leaves_the_old_value_and_says_so_until_it_heals, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_held_value_survives_its_replacement, set_up, tear_down),
        cmocka_unit_test_setup_teardown(readers_on_other_threads_see_whole_values, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
