/* What the store in Redis does beside calls: it looks up names, and asks how much its servers hold. */
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/support/redis_servers.h"
#include "tests/unit/state_cases.h"

enum { FAR = 2000000000 };

static struct redis_servers one, three;

static struct state_options options_of(struct redis_servers *servers, const char *prefix)
{
    return (struct state_options){
        .kind = STATE_REDIS, .addresses = servers->addresses, .prefix = prefix, .timeout_ms = 30000, .grace_ms = 60000};
}

static void nap(long ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* ---- sizes ---- */

static void tells_sizes(struct redis_servers *servers)
{
    enum { VALUES = 100 };
    struct state_world world = {.options = options_of(servers, "size:")};
    struct state_size size = {0};
    state_world_open(&world);
    state_size_of(world.store, &size);
    assert_int_equal(size.values, 0); /* nobody has been asked */
    for (int i = 0; i < VALUES; i++) {
        char key[16];
        snprintf(key, sizeof(key), "s:%d", i);
        state_put_text(world.store, key, "text", 0, FAR, 1, NULL);
    }
    for (int i = 0; i < (int)servers->count; i++)
        assert_true(redis_server_tell(servers, (size_t)i, "config set maxmemory 100mb"));
    for (int tries = 0; size.max_bytes < servers->count * (100 << 20) && tries < 500; tries++) {
        loop_turn(world.loop, 20);
        state_size_of(world.store, &size);
    }
    assert_int_equal(size.max_bytes, servers->count * (100 << 20));
    assert_true(size.values >= VALUES);
    assert_true(size.bytes > VALUES * 50 && size.bytes < (uint64_t)1 << 33);
    for (int i = 0; i < (int)servers->count; i++)
        assert_true(redis_server_tell(servers, (size_t)i, "config set maxmemory 0"));
    state_world_close(&world);
}

static void tells_how_much_there_is(void **state)
{
    (void)state;
    tells_sizes(&one);
}

static void tells_how_much_there_is_in_a_cluster(void **state)
{
    (void)state;
    tells_sizes(&three);
}

/* ---- names ---- */

enum { NAME_SERVER_MS = 700 };

/* The name server takes its time for one name. */
int __real_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found);
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found);
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found)
{
    if (strcmp(host, "slow.test") != 0 || hints->ai_flags & AI_NUMERICHOST)
        return __real_getaddrinfo(host, port, hints, found);
    nap(NAME_SERVER_MS);
    return __real_getaddrinfo("127.0.0.1", port, hints, found);
}

struct ticking {
    struct loop_timer *timer;
    unsigned ticks;
};

static void tick(void *context)
{
    struct ticking *ticking = context;
    ticking->ticks++;
    loop_timer_arm(ticking->timer, 10);
}

static enum wd_status try_to_get(struct state_world *world, struct wd_error *err)
{
    struct wd_value value = {0};
    struct state_item item = {.key = wd_str_from("a:anna"), .value = &value};
    enum wd_status status = state_get_now(world->store, &item, 1, err);
    free(value.bytes);
    return status;
}

static enum wd_status get_by_name(const char *address, int64_t timeout_ms, unsigned *ticks_out, struct wd_error *err)
{
    char *const addresses[] = {(char *)address, NULL};
    struct state_world world = {.options = options_of(&one, "w:")};
    world.options.addresses = addresses;
    world.options.timeout_ms = timeout_ms;
    state_world_open(&world);
    struct ticking ticking = {0};
    ticking.timer = loop_timer_new(world.loop, tick, &ticking);
    loop_timer_arm(ticking.timer, 10);
    enum wd_status status = try_to_get(&world, err);
    *ticks_out = ticking.ticks;
    loop_timer_free(ticking.timer);
    state_world_close(&world); /* whose question may still be open */
    return status;
}

static void looks_names_up_aside(void **state)
{
    (void)state;
    struct wd_error err = {0};
    unsigned ticks;
    char address[64];
    snprintf(address, sizeof(address), "localhost:%d", one.servers[0].port);
    assert_int_equal(get_by_name(address, 3000, &ticks, &err), WD_OK);
    snprintf(address, sizeof(address), "slow.test:%d", one.servers[0].port);
    assert_int_equal(get_by_name(address, 10000, &ticks, &err), WD_OK);
    assert_true(ticks >= 5); /* the loop went on meanwhile */
    assert_int_equal(get_by_name(address, 100, &ticks, &err), WD_ERR_UNAVAILABLE);
    assert_non_null(strstr(err.text, "no connection within state.timeout"));
    assert_int_equal(get_by_name("nobody.invalid:6379", 10000, &ticks, &err), WD_ERR_UNAVAILABLE);
    assert_non_null(strstr(err.text, "nobody.invalid:6379"));
    nap(NAME_SERVER_MS + 100); /* an answer that nobody waits for any more */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_how_much_there_is),
        cmocka_unit_test(tells_how_much_there_is_in_a_cluster),
        cmocka_unit_test(looks_names_up_aside),
    };
    if (!redis_servers_are_installed()) {
        fprintf(stderr, "skipped: no redis-server (scripts/setup --test installs it)\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, start_servers, end_servers);
}
