/* How fast actions go out: the worker's client (action table, call, classification) and its dispatch (order, window,
 * gates) on top of it beside a bare libcurl multi loop, against a server in a process of its own on loopback.
 * Questions:
 *
 *   1. An API that answers at once: how far is the client behind the bare loop? Goal: at most 25 %.
 *   2. An API that takes 50 ms, 512 calls in flight: how near to 512 / 50 ms? Goal: at least 90 %.
 *   3. Bans in one channel, alone and up to 100 in a call: how many actions a second, with how many calls?
 *
 * bench_actions [--calls N] [--rounds N] [--check]: with --check a missed goal ends with 1. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/actions.h"
#include "tests/unit/client_server.h"
#include "worker/platform/client.h"

enum { ROUNDS_MAX = 99, LATENCY_MS = 50, BATCH_WAIT_MS = 5 };

struct figure {
    double calls_a_second, cpu_us;
};

struct contest {
    const char *base_url;
    struct action_table *table;
    struct token *token;
    size_t count, in_flight;
    int64_t batch_wait_ms;
    size_t *calls_out; /* what dispatch needed */
};

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "bench_actions: %s\n", what);
    exit(1);
}

/* The server. */

static pid_t start_server(int delay_ms, char *url, size_t room)
{
    int ends[2];
    must(pipe(ends) == 0, "pipe");
    pid_t child = fork();
    must(child >= 0, "fork");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        struct http_server *server = server_start();
        server_behave(server, SERVER_REPLIES, SERVER_OK, delay_ms);
        const char *own = server_url(server);
        must(write(ends[1], own, strlen(own) + 1) > 0, "write");
        for (;;)
            pause();
    }
    ssize_t got = read(ends[0], url, room);
    must(got > 0, "the server did not start");
    close(ends[0]);
    close(ends[1]);
    return child;
}

static void stop_server(pid_t child)
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

/* The client. */

struct calls {
    struct client *client;
    const struct action_table *table;
    struct slot *idle;
    size_t started, finished, wanted, failed;
};

/* A call's memory, as the worker has it per record. */
struct slot {
    struct calls *calls;
    struct wd_arena *arena;
    struct slot *next;
};

static void on_done(void *context, const struct outcome *outcome)
{
    struct slot *slot = context;
    struct calls *calls = slot->calls;
    calls->finished++;
    calls->failed += outcome->class != OUTCOME_DONE;
    slot->next = calls->idle;
    calls->idle = slot;
}

static void submit(struct calls *calls)
{
    static const struct wd_action ban = {.kind = WD_ACTION_BAN, .scope = WD_SCOPE_CHANNEL};
    struct slot *slot = calls->idle;
    calls->idle = slot->next;
    struct wd_event event = {.content_type = WD_CONTENT_MESSAGE,
                             .content_id = wd_str_from("message-1"),
                             .author.id = wd_str_from("user-000000001"),
                             .place.channel_id = wd_str_from("channel-0001")};
    struct platform_call call;
    struct wd_error err;
    char key[64];
    wd_arena_reset(slot->arena);
    snprintf(key, sizeof(key), "content.events/0/%zu/ban", calls->started++);
    must(action_table_call(calls->table, &ban, &event, slot->arena, &call, &err) == WD_OK, "no call");
    must(client_submit(calls->client, &call, key, on_done, slot, &err) == WD_OK, "not submitted");
}

static void client_run(const struct contest *contest)
{
    struct wd_error err;
    struct client_options options = {.base_url = contest->base_url,
                                     .user_agent = "warden/bench",
                                     .connect_timeout_ms = 5000,
                                     .total_timeout_ms = 20000,
                                     .max_answer_bytes = 65536,
                                     .max_connections = contest->in_flight};
    struct loop *loop = loop_new(&err);
    must(loop != NULL, "no loop");
    struct calls calls = {.client = client_new(&options, loop, contest->table, contest->token, &err),
                          .table = contest->table,
                          .wanted = contest->count};
    struct slot *slots = calloc(contest->in_flight, sizeof(*slots));
    must(calls.client && slots, "no client");
    for (size_t i = 0; i < contest->in_flight; i++) {
        slots[i] = (struct slot){.calls = &calls, .arena = wd_arena_new(1 << 20), .next = calls.idle};
        calls.idle = &slots[i];
    }
    while (calls.finished < calls.wanted) {
        while (calls.idle && calls.started < calls.wanted)
            submit(&calls);
        loop_turn(loop, 1000);
    }
    must(calls.failed == 0, "calls failed");
    client_free(calls.client);
    loop_free(loop);
    for (size_t i = 0; i < contest->in_flight; i++)
        wd_arena_free(slots[i].arena);
    free(slots);
}

static void bare_contestant(const struct contest *contest)
{
    bare_run(contest->base_url, contest->count, contest->in_flight);
}

static void dispatch_contestant(const struct contest *contest)
{
    size_t calls = dispatch_contest(contest->base_url, contest->table, contest->token, contest->count,
                                    contest->in_flight, contest->batch_wait_ms);
    if (contest->calls_out)
        *contest->calls_out = calls;
}

/* Measuring. */

static double seconds_of(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct figure measure(void (*contestant)(const struct contest *), const struct contest *contest)
{
    double wall = seconds_of(CLOCK_MONOTONIC), cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    contestant(contest);
    wall = seconds_of(CLOCK_MONOTONIC) - wall;
    cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    return (struct figure){.calls_a_second = (double)contest->count / wall,
                           .cpu_us = cpu * 1e6 / (double)contest->count};
}

static int by_size(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

static struct figure median(const struct figure *figures, int count)
{
    double speeds[ROUNDS_MAX], cpus[ROUNDS_MAX];
    for (int i = 0; i < count; i++) {
        speeds[i] = figures[i].calls_a_second;
        cpus[i] = figures[i].cpu_us;
    }
    qsort(speeds, (size_t)count, sizeof(*speeds), by_size);
    qsort(cpus, (size_t)count, sizeof(*cpus), by_size);
    return (struct figure){.calls_a_second = speeds[count / 2], .cpu_us = cpus[count / 2]};
}

static void print_row(const char *name, struct figure figure)
{
    printf("| %-28s | %9.0f | %7.1f |\n", name, figure.calls_a_second, figure.cpu_us);
}

static bool run_at_once(struct contest *contest, int rounds)
{
    struct figure bare[ROUNDS_MAX], client[ROUNDS_MAX], whole[ROUNDS_MAX];
    char url[64];
    pid_t server = start_server(0, url, sizeof(url));
    contest->base_url = url;
    contest->in_flight = 64;
    for (int i = 0; i < rounds; i++) { /* by turns, so that a busy machine is busy for both */
        bare[i] = measure(bare_contestant, contest);
        client[i] = measure(client_run, contest);
        whole[i] = measure(dispatch_contestant, contest);
    }
    stop_server(server);
    struct figure bare_median = median(bare, rounds), client_median = median(client, rounds);
    struct figure whole_median = median(whole, rounds);
    double cost = client_median.cpu_us / bare_median.cpu_us, whole_cost = whole_median.cpu_us / bare_median.cpu_us;
    print_row("bare libcurl multi loop", bare_median);
    print_row("client", client_median);
    print_row("dispatch and client", whole_median);
    printf("client / bare: %.2f of the calls a second, %.2f of the CPU time a call (goal: at most 1.25)\n",
           client_median.calls_a_second / bare_median.calls_a_second, cost);
    printf(
        "dispatch and client / bare: %.2f of the calls a second, %.2f of the CPU time a call (goal: at most 1.25)\n\n",
        whole_median.calls_a_second / bare_median.calls_a_second, whole_cost);
    return cost <= 1.25 && whole_cost <= 1.25;
}

static bool run_slow(struct contest *contest)
{
    char url[64];
    pid_t server = start_server(LATENCY_MS, url, sizeof(url));
    contest->base_url = url;
    contest->in_flight = 512;
    double ideal = (double)contest->in_flight * 1000 / LATENCY_MS;
    struct figure bare = measure(bare_contestant, contest), client = measure(client_run, contest);
    struct figure whole = measure(dispatch_contestant, contest);
    stop_server(server);
    print_row("bare, 512 in flight, 50 ms", bare);
    print_row("client, 512 in flight, 50 ms", client);
    print_row("dispatch, 512 calls, 50 ms", whole);
    printf("client: %.0f %%, dispatch and client: %.0f %% of %.0f calls a second (goal: at least 90 %%)\n\n",
           client.calls_a_second * 100 / ideal, whole.calls_a_second * 100 / ideal, ideal);
    return client.calls_a_second >= 0.9 * ideal && whole.calls_a_second >= 0.9 * ideal;
}

/* What sharing calls brings; nothing is promised. */
static void run_shared(struct contest *contest, int delay_ms, size_t in_flight)
{
    char url[64];
    size_t calls = 0;
    pid_t server = start_server(delay_ms, url, sizeof(url));
    contest->base_url = url;
    contest->in_flight = in_flight;
    contest->calls_out = &calls;
    for (int shared = 0; shared < 2; shared++) {
        contest->batch_wait_ms = shared ? BATCH_WAIT_MS : 0;
        struct figure figure = measure(dispatch_contestant, contest);
        printf("| %3d ms, %3zu calls | %-6s | %9.0f | %7.0f | %6.1f | %6.1f |\n", delay_ms, in_flight,
               shared ? "shared" : "alone", figure.calls_a_second,
               figure.calls_a_second * (double)calls / (double)contest->count, (double)contest->count / (double)calls,
               figure.cpu_us);
    }
    stop_server(server);
    contest->calls_out = NULL;
    contest->batch_wait_ms = 0;
}

static void load(struct contest *contest)
{
    static char path[] = "/tmp/warden-bench-XXXXXX";
    static const char secret[] = "0123456789abcdef0123456789abcdef";
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct wd_error err = {0};
    int fd = mkstemp(path);
    must(fd >= 0 && write(fd, secret, strlen(secret)) > 0, "no token file");
    close(fd);
    must(action_table_load(SOURCE_DIR "/config/platforms/socialplus.yaml", &contest->table, findings) == WD_OK,
         "the action table cannot be read");
    wd_diagnostics_free(findings);
    contest->token = token_new(path, NULL, &err);
    unlink(path);
    must(contest->token != NULL, err.text);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"calls", required_argument, NULL, 'n'},
                                            {"rounds", required_argument, NULL, 'r'},
                                            {"check", no_argument, NULL, 'c'},
                                            {0}};
    struct contest contest = {.count = 50000};
    int rounds = 3;
    bool check = false;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'n')
            contest.count = strtoul(optarg, NULL, 10);
        else if (option == 'r')
            rounds = (int)strtol(optarg, NULL, 10);
        else if (option == 'c')
            check = true;
        else
            return 2;
    }
    if (contest.count < 1000 || rounds < 1 || rounds > ROUNDS_MAX)
        return 2;
    load(&contest);
    printf("| %-28s | calls/s   | CPU us  |\n|------------------------------|-----------|---------|\n", "");
    bool is_fast = run_at_once(&contest, rounds);
    bool is_near = run_slow(&contest);
    printf("| bans in one channel |        | actions/s | calls/s | users  | CPU us |\n"
           "|---------------------|--------|-----------|---------|--------|--------|\n");
    run_shared(&contest, 0, 64);
    run_shared(&contest, LATENCY_MS, 64);
    token_free(contest.token);
    action_table_free(contest.table);
    return check && !(is_fast && is_near) ? 1 : 0;
}
