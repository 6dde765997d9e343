/* The store in Redis, on servers of the test's own: the common cases over one server and over a Cluster, login, TLS,
 * and servers that are killed, hang, and move their slots. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/redis_servers.h"
#include "tests/unit/state_cases.h"

enum { FAR = 2000000000 };

static struct redis_servers one, three;

/* The servers sync each change to a disk that others use as well: no call is late because of that. */
static struct state_options options_of(struct redis_servers *servers, const char *prefix)
{
    return (struct state_options){
        .kind = STATE_REDIS, .addresses = servers->addresses, .prefix = prefix, .timeout_ms = 30000, .grace_ms = 60000};
}

#define CASE(name)                                                                                                     \
    static void name(void **state)                                                                                     \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        struct state_world world = {.options = options_of(&one, #name ":")};                                           \
        state_world_open(&world);                                                                                      \
        state_case_##name(&world);                                                                                     \
        state_world_close(&world);                                                                                     \
    }                                                                                                                  \
    static void name##_in_a_cluster(void **state)                                                                      \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        struct state_world world = {.options = options_of(&three, #name ":")};                                         \
        state_world_open(&world);                                                                                      \
        state_case_##name(&world);                                                                                     \
        state_world_close(&world);                                                                                     \
    }

CASE(keeps_values)
CASE(tells_conflicts)
CASE(removes)
CASE(takes_any_bytes)
CASE(equals_a_model)
CASE(counts_across_threads)
CASE(counts_quotas)
CASE(walks)

/* ---- how long values live ---- */

static void gives_values_their_life(void **state)
{
    (void)state;
    struct state_world world = {.options = options_of(&one, "life:")};
    state_world_open(&world);
    state_put_text(world.store, "a:anna", "x", 0, 5000 + 7200000, 5000, NULL); /* two hours, and a minute of grace */
    state_put_text(world.store, "a:bert", "x", 0, 100, 5000, NULL);            /* over: the grace */
    state_world_close(&world);
    assert_true(redis_server_tell(&one, 0, "pttl life:a:anna | awk '{exit !($1 > 7200000 && $1 <= 7260000)}'"));
    assert_true(redis_server_tell(&one, 0, "pttl life:a:bert | awk '{exit !($1 > 50000 && $1 <= 60000)}'"));
}

/* ---- scripts that were forgotten ---- */

static void sends_a_script_that_was_forgotten(void **state)
{
    (void)state;
    struct state_world world = {.options = options_of(&one, "script:")};
    state_world_open(&world);
    uint64_t version = state_put_text(world.store, "a:anna", "one", 0, FAR, 1, NULL);
    assert_true(redis_server_tell(&one, 0, "script flush"));
    state_put_text(world.store, "a:anna", "two", version, FAR, 1, NULL);
    state_world_close(&world);
}

/* ---- login and TLS ---- */

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static enum wd_status try_to_get(struct state_world *world, struct wd_error *err)
{
    struct wd_value value = {0};
    struct state_item item = {.key = wd_str_from("a:anna"), .value = &value};
    enum wd_status status = state_get_now(world->store, &item, 1, err);
    free(value.bytes);
    return status;
}

static void logs_in(void **state)
{
    (void)state;
    struct redis_servers servers;
    char secret[96];
    static const char *const EXTRA[] = {"--requirepass", "the admin's", "--user", "warden", "on",
                                        ">sesame",       "~*",          "+@all",  NULL};
    redis_servers_start(&servers, 1, false, EXTRA);
    snprintf(secret, sizeof(secret), "%s/secret", servers.folder);
    write_file(secret, "sesame\n");
    struct state_world world = {.options = options_of(&servers, "w:")};
    world.options.user = "warden";
    world.options.password_file = secret;
    state_world_open(&world);
    struct wd_error err = {0};
    assert_int_equal(try_to_get(&world, &err), WD_OK);
    state_world_close(&world);

    world.options.password_file = NULL; /* says why it is refused */
    world.options.user = NULL;
    state_world_open(&world);
    assert_int_equal(try_to_get(&world, &err), WD_ERR_UNAVAILABLE);
    assert_non_null(strstr(err.text, "NOAUTH"));
    state_world_close(&world);

    write_file(secret, "the admin's"); /* the password of the default user */
    world.options.password_file = secret;
    state_world_open(&world);
    assert_int_equal(try_to_get(&world, &err), WD_OK);
    state_world_close(&world);

    write_file(secret, "wrong-secret");
    state_world_open(&world);
    assert_int_equal(try_to_get(&world, &err), WD_ERR_UNAVAILABLE);
    assert_non_null(strstr(err.text, "login"));
    assert_null(strstr(err.text, "wrong-secret"));
    state_world_close(&world);
    redis_servers_end(&servers);
}

static bool make_certificates(const char *folder)
{
    char line[700];
    snprintf(line, sizeof(line),
             "cd %s && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=warden-test -addext "
             "subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem >/dev/null 2>&1 && "
             "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=other -keyout /dev/null -out other.pem "
             ">/dev/null 2>&1",
             folder);
    return system(line) == 0; /* NOLINT(cert-env33-c) */
}

static void speaks_tls(void **state)
{
    (void)state;
    char folder[] = "/tmp/warden-tls-XXXXXX", cert[64], key[64], other[64];
    assert_non_null(mkdtemp(folder));
    assert_true(make_certificates(folder));
    snprintf(cert, sizeof(cert), "%s/cert.pem", folder);
    snprintf(key, sizeof(key), "%s/key.pem", folder);
    snprintf(other, sizeof(other), "%s/other.pem", folder);
    struct redis_servers servers;
    const char *extra[] = {"--tls-port",
                           "PORT",
                           "--tls-cert-file",
                           cert,
                           "--tls-key-file",
                           key,
                           "--tls-ca-cert-file",
                           cert,
                           "--tls-auth-clients",
                           "yes",
                           NULL};
    redis_servers_start(&servers, 1, false, extra);
    struct state_world world = {.options = options_of(&servers, "w:")};
    world.options.tls = true;
    world.options.ca_file = cert;
    world.options.cert_file = cert;
    world.options.key_file = key;
    state_world_open(&world);
    state_case_keeps_values(&world);
    state_case_equals_a_model(&world); /* batches of many TLS records */
    state_world_close(&world);

    struct wd_error err = {0};
    world.options.ca_file = other; /* who is not trusted is not spoken to */
    state_world_open(&world);
    assert_int_equal(try_to_get(&world, &err), WD_ERR_UNAVAILABLE);
    assert_non_null(strstr(err.text, "certificate"));
    state_world_close(&world);

    struct state_share *share = NULL;
    world.options.ca_file = "/nowhere/ca.pem";
    assert_int_equal(state_share_open(&world.options, &share, &err), WD_ERR_INVALID);
    assert_non_null(strstr(err.text, "state.ca_file"));
    redis_servers_end(&servers);
    char line[100];
    snprintf(line, sizeof(line), "rm -rf %s", folder);
    assert_int_equal(system(line), 0); /* NOLINT(cert-env33-c) */
}

/* ---- servers that go away: every change is there once, whatever happens in between ---- */

enum { TALLIES = 40, ADDITIONS = 400 };

struct trouble {
    struct redis_servers *servers;
    bool hang; /* instead of dying */
    atomic_bool over;
    unsigned times;
};

static void nap(long ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* By the main thread: the servers end with the thread that started them. */
static void make_trouble(struct trouble *trouble)
{
    for (unsigned i = 0; i < 3; i++) {
        size_t at = i % trouble->servers->count;
        nap(300);
        if (trouble->hang) {
            redis_server_stop_answering(trouble->servers, at, true);
            nap(900);
            redis_server_stop_answering(trouble->servers, at, false);
        } else {
            redis_server_kill(trouble->servers, at);
            nap(400);
            redis_server_restart(trouble->servers, at);
        }
        trouble->times++;
    }
    nap(300);
    atomic_store(&trouble->over, true);
}

/* A value holds the numbers of the changes that it has seen, as values of authors hold the origins of events: so a
 * change whose end is not known can be tried again. */
struct tally {
    uint32_t sum, last[2]; /* by who adds */
};

static bool add_once(struct state_store *store, unsigned who, unsigned tally, uint32_t number, unsigned *failures)
{
    char name[16];
    snprintf(name, sizeof(name), "t:%u", tally);
    for (int tries = 0; tries < 20000; tries++) {
        struct wd_value value = {0};
        struct state_item item = {.key = wd_str_from(name), .value = &value};
        struct wd_error err = {0};
        struct tally now = {0};
        enum wd_status status = state_get_now(store, &item, 1, &err);
        if (value.len == sizeof(now))
            memcpy(&now, value.bytes, sizeof(now));
        free(value.bytes);
        if (status == WD_OK && now.last[who] >= number)
            return true;
        now.sum++;
        now.last[who] = number;
        struct wd_value next = {.bytes = (unsigned char *)&now, .len = sizeof(now), .forget_at_ms = FAR};
        item.value = &next;
        if (status == WD_OK)
            status = state_put_now(store, &item, 1, 1, &err);
        if (status == WD_OK && !item.conflict)
            return true;
        if (status != WD_OK) {
            (*failures)++;
            nap(5);
        }
    }
    return false;
}

struct adder {
    struct state_share *share;
    struct trouble *trouble;
    unsigned who, failures;
    uint32_t added;
    bool fine;
};

static void *run_adder(void *context)
{
    struct adder *adder = context;
    struct wd_error err = {0};
    struct loop *loop = loop_new(&err);
    struct state_store *store = NULL;
    adder->fine = loop && state_open(adder->share, loop, &store, &err) == WD_OK;
    while (adder->fine && (!atomic_load(&adder->trouble->over) || adder->added < ADDITIONS)) {
        adder->added++;
        adder->fine = add_once(store, adder->who, adder->added % TALLIES, adder->added, &adder->failures);
    }
    state_close(store);
    loop_free(loop);
    return NULL;
}

static uint32_t sum_of(struct state_store *store)
{
    uint32_t sum = 0;
    for (unsigned tally = 0; tally < TALLIES; tally++) {
        char name[16];
        snprintf(name, sizeof(name), "t:%u", tally);
        struct wd_value value = {0};
        struct state_item item = {.key = wd_str_from(name), .value = &value};
        struct wd_error err = {0};
        struct tally now = {0};
        enum wd_status status = WD_ERR_UNAVAILABLE;
        for (int tries = 0; status != WD_OK && tries < 300; tries++) {
            status = state_get_now(store, &item, 1, &err);
            if (status != WD_OK)
                nap(20);
        }
        if (status != WD_OK)
            fail_msg("%s", err.text);
        if (value.len == sizeof(now))
            memcpy(&now, value.bytes, sizeof(now));
        free(value.bytes);
        sum += now.sum;
    }
    return sum;
}

static void survives(struct redis_servers *servers, bool hang, const char *prefix)
{
    struct state_world world = {.options = options_of(servers, prefix)};
    world.options.timeout_ms = 300;
    state_world_open(&world);
    struct trouble trouble = {.servers = servers, .hang = hang};
    struct adder adders[2] = {{.share = world.share, .trouble = &trouble, .who = 0},
                              {.share = world.share, .trouble = &trouble, .who = 1}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, run_adder, &adders[i]);
    make_trouble(&trouble);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_true(adders[0].fine && adders[1].fine);
    assert_int_equal(sum_of(world.store), adders[0].added + adders[1].added);
    assert_true(adders[0].failures + adders[1].failures > 0); /* the trouble was felt */
    state_world_close(&world);
}

static void survives_a_kill(void **state)
{
    (void)state;
    survives(&one, false, "kill:");
}

static void survives_a_server_that_hangs(void **state)
{
    (void)state;
    survives(&one, true, "hang:");
}

static void survives_a_kill_in_a_cluster(void **state)
{
    (void)state;
    survives(&three, false, "kill:");
}

/* ---- slots that move ---- */

static void move_slots(const char *from, const char *to)
{
    char line[500];
    snprintf(
        line, sizeof(line),
        "redis-cli --cluster reshard %s --cluster-from $(redis-cli -p %s cluster myid) --cluster-to $(redis-cli -p "
        "%s cluster myid) --cluster-slots 1500 --cluster-yes >%s/reshard.log 2>&1",
        three.addresses[0], from, to, three.folder);
    assert_int_equal(system(line), 0); /* NOLINT(cert-env33-c) */
}

static void *move_about(void *context)
{
    struct trouble *trouble = context;
    char first[8], second[8];
    snprintf(first, sizeof(first), "%d", three.servers[0].port);
    snprintf(second, sizeof(second), "%d", three.servers[1].port);
    nap(200);
    move_slots(first, second);
    move_slots(second, first);
    atomic_store(&trouble->over, true);
    return NULL;
}

static void follows_slots_that_move(void **state)
{
    (void)state;
    struct state_world world = {.options = options_of(&three, "move:")};
    state_world_open(&world);
    struct trouble trouble = {.servers = &three};
    struct adder adder = {.share = world.share, .trouble = &trouble};
    pthread_t mover, thread;
    pthread_create(&mover, NULL, move_about, &trouble);
    pthread_create(&thread, NULL, run_adder, &adder);
    pthread_join(thread, NULL);
    pthread_join(mover, NULL);
    assert_true(adder.fine);
    assert_int_equal(sum_of(world.store), adder.added);
    print_message("%u additions, %u calls that failed on the way\n", adder.added, adder.failures);
    state_world_close(&world);
}

static void tells_that_nobody_is_there(void **state)
{
    (void)state;
    static char *const nowhere[] = {"127.0.0.1:1", NULL};
    struct state_world world = {.options = options_of(&one, "w:")};
    world.options.addresses = nowhere;
    state_world_open(&world);
    struct wd_error err = {0};
    assert_int_equal(try_to_get(&world, &err), WD_ERR_UNAVAILABLE);
    assert_non_null(strstr(err.text, "127.0.0.1:1"));
    assert_non_null(strstr(err.text, "refused"));
    state_world_close(&world);
}

static int start_servers(void **state)
{
    (void)state;
    redis_servers_start(&one, 1, false, NULL);
    redis_servers_start(&three, 3, true, NULL);
    return 0;
}

static int end_servers(void **state)
{
    (void)state;
    redis_servers_end(&one);
    redis_servers_end(&three);
    return 0;
}

int main(int argc, char **argv)
{
#define BOTH(name) cmocka_unit_test(name), cmocka_unit_test(name##_in_a_cluster)
    const struct CMUnitTest tests[] = {
        BOTH(keeps_values),
        BOTH(tells_conflicts),
        BOTH(removes),
        BOTH(takes_any_bytes),
        BOTH(equals_a_model),
        BOTH(counts_across_threads),
        BOTH(counts_quotas),
        BOTH(walks),
        cmocka_unit_test(gives_values_their_life),
        cmocka_unit_test(sends_a_script_that_was_forgotten),
        cmocka_unit_test(logs_in),
        cmocka_unit_test(speaks_tls),
        cmocka_unit_test(survives_a_kill),
        cmocka_unit_test(survives_a_server_that_hangs),
        cmocka_unit_test(survives_a_kill_in_a_cluster),
        cmocka_unit_test(follows_slots_that_move),
        cmocka_unit_test(tells_that_nobody_is_there),
    };
    if (!redis_servers_are_installed()) {
        fprintf(stderr, "skipped: no redis-server (scripts/setup --test installs it)\n");
        return 77;
    }
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, start_servers, end_servers);
}
