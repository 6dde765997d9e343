/* What remembering costs: events a second by text rules alone, and with signals of behaviour over each kind of store;
 * bytes an author; and how both grow with the number of authors. One thread, by the worker's own code (recall*.c,
 * judging.c): records are copied and decoded, their values recalled, judged, and what has changed stored. The lmdb is
 * synced as a worker does it before commits, once a second, without waiting. All stores run over the same events, in
 * turn; with --wait-for-syncs the lmdb a second time, by a thread that waits for each sync.
 *
 *     state --rules RULES.tsv --events EVENTS.jsonl [--rule-count 1000] [--authors 1000000,...] [--measure 300000]
 *           [--batch 256] [--stores memory,lmdb,redis] [--redis host:port] [--folder /tmp/new] [--cache-mb 256]
 *           [--sync-ms 1000] [--wait-for-syncs] [--crowd] [--json]
 */
#include "bench/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "tests/support/loose_shard.h"
#include "worker/state/state.h"

enum { EVENT_BYTES = 8 << 20, ID_MAX = 32 };
static const int64_t START_MS = INT64_C(1767225600000);

struct bench {
    struct bench_options options;
    struct bench_records records;
    struct wd_ruleset *text, *remembering;
    struct wd_arena *arena; /* of a record that is judged by text alone */
    struct loop *loop;      /* of stores that are only walked */
    uint64_t random, events, matches;
    bool syncing, waits;                    /* one is under way; the thread waits for each */
    double sync_began, longest_sync, stood; /* stood: waiting for syncs */
    size_t syncs;
};

struct figures {
    double events_per_second, processor_ns, bytes_an_author, idle_bytes, values;
    double process_ns;                          /* of all threads: a store may have its own */
    double longest_sync_ms, syncs, stood_share; /* of its time that the measuring thread waited for syncs */
};

static double seconds_of(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- events ---- */

static uint64_t next_random(struct bench *bench)
{
    uint64_t z = bench->random += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* The record that is made the event of an author at a time. */
struct made_event {
    size_t number;
    uint64_t author;
};

static void make_event(void *context, struct wd_arena *arena, struct wd_events *events)
{
    const struct made_event *made = context;
    struct wd_event *event = &events->items[0];
    char *id = wd_arena_alloc(arena, 2 * (size_t)ID_MAX);
    if (!events->count || !id)
        return;
    int length = snprintf(id, ID_MAX, "5f2b1c90e4d3%010llu", (unsigned long long)made->author);
    event->author.id = (struct wd_str){.data = id, .len = (size_t)length};
    length = snprintf(id + ID_MAX, ID_MAX, "content-%zu", made->number);
    event->content_id = (struct wd_str){.data = id + ID_MAX, .len = (size_t)length};
    event->created_at_ms = event->kafka_timestamp_ms = START_MS + (int64_t)made->number / 4;
    events->count = 1;
}

static uint64_t author_of(struct bench *bench, size_t number, size_t authors, bool in_turn)
{
    return in_turn ? number : next_random(bench) % authors;
}

static char topic[] = "bench";

/* Record `number` of the corpus, going round. */
static struct kafka_record record_of(const struct bench *bench, size_t number)
{
    return (struct kafka_record){.topic = topic,
                                 .offset = (int64_t)number,
                                 .timestamp_ms = START_MS + (int64_t)number / 4,
                                 .value = bench->records.items[number % bench->records.count]};
}

/* ---- by text alone: as pipeline.c does it where rules remember nothing ---- */

static void run_text(struct bench *bench, struct loose_shard *worker, size_t first, size_t count, size_t authors)
{
    struct wd_error err;
    struct partition partition = {.topic = topic};
    for (size_t i = first; i < first + count; i++) {
        struct made_event made = {.number = i, .author = author_of(bench, i, authors, false)};
        struct kafka_record record = record_of(bench, i);
        struct passage passage = {
            .shard = &worker->shard, .record = &record, .partition = &partition, .arena = bench->arena};
        wd_arena_reset(bench->arena);
        if (wd_decode(worker->shard.decoder, bench->arena, record.value.data, record.value.len, &passage.events,
                      &err) != WD_DECODED)
            continue;
        make_event(&made, bench->arena, &passage.events);
        passage_judge(&passage);
        worker->on_act(worker->context, &passage);
    }
}

/* ---- with values: as a shard does it ---- */

enum { BURST = 512 }; /* records between two looks at the sockets, as in shard_intake.c */

static void note_verdicts(void *context, const struct passage *passage)
{
    struct bench *bench = context;
    if (passage->failure_class)
        bench_give_up("judging", passage->failure_text);
    for (size_t i = 0; i < passage->events.count; i++)
        bench->matches += passage->verdicts[i].match_count;
    bench->events += passage->events.count;
}

static void wait_for(struct loose_shard *worker, bool (*is_enough)(const struct recalls *recalls))
{
    while (!is_enough(worker->shard.recalls)) {
        loop_turn(worker->shard.loop, 100);
        if (recalls_problem(worker->shard.recalls)[0])
            bench_give_up("the store", recalls_problem(worker->shard.recalls));
    }
}

static void note_synced(void *context, enum wd_status status, const struct wd_error *err)
{
    struct bench *bench = context;
    double took = seconds_of(CLOCK_MONOTONIC) - bench->sync_began;
    if (status != WD_OK)
        bench_give_up("sync", err->text);
    bench->longest_sync = took > bench->longest_sync ? took : bench->longest_sync;
    bench->stood += bench->syncing ? 0 : took;
    bench->syncing = false;
    bench->syncs++;
}

static void sync_now(struct bench *bench, const struct loose_shard *worker)
{
    struct wd_error err = {0};
    bench->sync_began = seconds_of(CLOCK_MONOTONIC);
    enum wd_status status = state_sync(worker->shard.state, &err);
    note_synced(bench, status, &err);
}

static void sync_if_due(struct bench *bench, const struct loose_shard *worker)
{
    if (bench->syncing || (seconds_of(CLOCK_MONOTONIC) - bench->sync_began) * 1e3 < (double)bench->options.sync_ms)
        return;
    if (bench->waits) {
        sync_now(bench, worker);
        return;
    }
    bench->syncing = true;
    bench->sync_began = seconds_of(CLOCK_MONOTONIC);
    state_sync_begin(worker->shard.state, note_synced, bench);
}

static void run_remembering(struct bench *bench, struct loose_shard *worker, size_t first, size_t count, size_t authors,
                            bool in_turn)
{
    struct partition partition = {.topic = topic};
    bench->sync_began = seconds_of(CLOCK_MONOTONIC);
    for (size_t i = first; i < first + count; i++) {
        struct made_event made = {.number = i, .author = author_of(bench, i, authors, in_turn)};
        struct kafka_record record = record_of(bench, i);
        wait_for(worker, recalls_have_room);
        (void)loose_shard_take(worker, &partition, &record, make_event, &made);
        if (i % BURST != BURST - 1)
            continue;
        loop_turn(worker->shard.loop, 0);
        sync_if_due(bench, worker);
    }
    recalls_close_batch(worker->shard.recalls);
    wait_for(worker, recalls_are_idle);
    while (bench->syncing)
        loop_turn(worker->shard.loop, 100);
    sync_now(bench, worker);
}

/* ---- a store ---- */

static struct state_options options_of(const struct bench *bench, enum state_kind kind, size_t authors)
{
    static char *addresses[2];
    static char folder[512], prefix[64];
    addresses[0] = (char *)bench->options.redis;
    snprintf(folder, sizeof(folder), "%s/authors-%zu%s", bench->options.folder, authors,
             bench->waits ? "-waiting" : "");
    snprintf(prefix, sizeof(prefix), "bench.%lld.", (long long)getpid());
    if (kind == STATE_LMDB && access(folder, F_OK) == 0) /* records that values know count no more, and cost less */
        bench_give_up(folder, "is there from an earlier run, whose values know these events already: remove it");
    return (struct state_options){.kind = kind,
                                  .path = folder,
                                  .max_bytes = UINT64_C(64) << 30,
                                  .cache_bytes = (uint64_t)bench->options.cache_mb << 20,
                                  .grace_ms = INT64_C(86400000),
                                  .addresses = addresses,
                                  .prefix = prefix, /* of this run, for the same reason */
                                  .timeout_ms = 10000};
}

/* What authors take of whom two days later all has ended that can end by then: their values as they are pruned, in a
 * table of their own. */
struct idle {
    int64_t now_ms;
    struct state_store *store;
};

static void has_ended(void *context, enum wd_status status, const struct wd_error *err)
{
    (void)context;
    if (status != WD_OK)
        bench_give_up("idle values", err->text);
}

static bool add_idle(void *context, struct wd_str key, const unsigned char *bytes, size_t len, int64_t forget_at_ms)
{
    struct idle *idle = context;
    unsigned char *copy = malloc(len + 1);
    if (!copy)
        bench_give_up("idle values", "no memory");
    memcpy(copy, bytes, len);
    struct wd_value value = {
        .bytes = copy, .len = (uint32_t)len, .capacity = (uint32_t)len + 1, .forget_at_ms = forget_at_ms};
    wd_value_prune(&value, idle->now_ms);
    struct state_item item = {.key = key, .value = &value};
    state_put(idle->store, &item, 1, idle->now_ms, has_ended, NULL);
    free(value.bytes);
    return true;
}

static double measure_idle(struct bench *bench, struct state_store *store, size_t authors, size_t events)
{
    static const int64_t TWO_DAYS_MS = INT64_C(172800000);
    struct state_options options = options_of(bench, STATE_MEMORY, authors);
    struct state_share *share = NULL;
    struct idle idle = {.now_ms = START_MS + (int64_t)events / 4 + TWO_DAYS_MS};
    struct wd_error err;
    if (state_share_open(&options, &share, &err) != WD_OK ||
        state_open(share, bench->loop, &idle.store, &err) != WD_OK || state_each(store, add_idle, &idle, &err) != WD_OK)
        bench_give_up("idle values", err.text);
    struct state_size size;
    state_size_of(idle.store, &size);
    state_close(idle.store);
    state_share_close(share);
    return size.values ? (double)size.bytes / (double)size.values : 0;
}

static void start_worker(struct bench *bench, struct loose_shard *worker, struct state_share *share,
                         struct wd_ruleset *rules)
{
    static char pause[] = "pause";
    worker->config.worker.event_memory = EVENT_BYTES;
    worker->config.state.batch = (int64_t)bench->options.batch;
    worker->config.state.on_failure = pause;
    worker->on_act = note_verdicts;
    worker->context = bench;
    loose_shard_init(worker, share, rules);
}

static struct figures measure_store(struct bench *bench, enum state_kind kind, size_t authors)
{
    struct state_options options = options_of(bench, kind, authors);
    struct state_share *share = NULL;
    struct wd_error err = {0};
    struct figures figures = {0};
    struct loose_shard worker = {0};
    if (state_share_open(&options, &share, &err) != WD_OK)
        bench_give_up(state_kind_name(kind), err.text);
    start_worker(bench, &worker, share, bench->remembering);
    run_remembering(bench, &worker, 0, authors, authors, true); /* everybody once */
    bench->random = 7;
    bench->longest_sync = bench->stood = 0;
    bench->syncs = 0;
    double processor = seconds_of(CLOCK_THREAD_CPUTIME_ID), wall = seconds_of(CLOCK_MONOTONIC);
    double process = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    run_remembering(bench, &worker, authors, bench->options.measure, authors, false);
    double measured = (double)bench->options.measure;
    figures.processor_ns = (seconds_of(CLOCK_THREAD_CPUTIME_ID) - processor) * 1e9 / measured;
    figures.process_ns = (seconds_of(CLOCK_PROCESS_CPUTIME_ID) - process) * 1e9 / measured;
    wall = seconds_of(CLOCK_MONOTONIC) - wall;
    figures.events_per_second = measured / wall;
    figures.stood_share = bench->stood / wall;
    figures.longest_sync_ms = bench->longest_sync * 1e3;
    figures.syncs = (double)bench->syncs;
    struct state_size size;
    state_size_of(worker.shard.state, &size);
    figures.values = (double)size.values;
    figures.idle_bytes =
        kind == STATE_MEMORY ? measure_idle(bench, worker.shard.state, authors, authors + bench->options.measure) : 0;
    figures.bytes_an_author = size.values ? (double)size.bytes / (double)size.values : 0;
    loose_shard_fini(&worker);
    state_share_close(share);
    return figures;
}

static struct figures measure_text(struct bench *bench, size_t authors)
{
    const struct state_options options = options_of(bench, STATE_MEMORY, authors); /* a shard has one; it stays empty */
    struct state_share *share = NULL;
    struct wd_error err = {0};
    struct figures figures = {0};
    struct loose_shard worker = {0};
    if (state_share_open(&options, &share, &err) != WD_OK)
        bench_give_up("text", err.text);
    start_worker(bench, &worker, share, bench->text);
    run_text(bench, &worker, 0, bench->options.measure / 4, authors);
    bench->random = 7;
    double processor = seconds_of(CLOCK_THREAD_CPUTIME_ID), wall = seconds_of(CLOCK_MONOTONIC);
    double process = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    run_text(bench, &worker, authors, bench->options.measure, authors);
    double measured = (double)bench->options.measure;
    figures.processor_ns = (seconds_of(CLOCK_THREAD_CPUTIME_ID) - processor) * 1e9 / measured;
    figures.process_ns = (seconds_of(CLOCK_PROCESS_CPUTIME_ID) - process) * 1e9 / measured;
    figures.events_per_second = measured / (seconds_of(CLOCK_MONOTONIC) - wall);
    loose_shard_fini(&worker);
    state_share_close(share);
    return figures;
}

static void tell(const struct bench *bench, size_t authors, const char *name, const struct figures *figures,
                 const struct figures *text)
{
    if (bench->options.json) {
        json_t *line = json_pack(
            "{s:I, s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "authors", (json_int_t)authors, "store", name,
            "events_per_second", figures->events_per_second, "processor_ns", figures->processor_ns, "process_ns",
            figures->process_ns, "longest_sync_ms", figures->longest_sync_ms, "syncs", figures->syncs, "stood_share",
            figures->stood_share, "bytes_an_author", figures->bytes_an_author, "idle_bytes", figures->idle_bytes,
            "times_text", text->events_per_second / figures->events_per_second);
        json_dumpf(line, stdout, JSON_REAL_PRECISION(6));
        putchar('\n');
        json_decref(line);
    } else {
        printf("%9zu authors  %-7s %8.0f events/s, %6.0f ns of processor an event, %.2f times text alone", authors,
               name, figures->events_per_second, figures->processor_ns,
               text->events_per_second / figures->events_per_second);
        printf("; of all threads %.0f ns, %.2f times", figures->process_ns, figures->process_ns / text->process_ns);
        if (figures->longest_sync_ms >= 0.1)
            printf("; %.0f syncs, the longest %.0f ms, %.1f%% of the time waited for", figures->syncs,
                   figures->longest_sync_ms, 100 * figures->stood_share);
        if (figures->bytes_an_author > 0)
            printf(", %.0f bytes a value all in all (%.0f values)", figures->bytes_an_author, figures->values);
        if (figures->idle_bytes > 0)
            printf(", %.0f of an author who has been idle for two days", figures->idle_bytes);
        putchar('\n');
    }
    fflush(stdout);
}

/* Once more, in a folder of its own; `figures` are of the one before. */
static void measure_waiting(struct bench *bench, size_t authors, const struct figures *figures,
                            const struct figures *text)
{
    bench->waits = true;
    struct figures waiting = measure_store(bench, STATE_LMDB, authors);
    bench->waits = false;
    tell(bench, authors, "waiting", &waiting, text);
    if (!bench->options.json)
        printf("%9zu authors  lmdb without waiting for the disk: %.2f times the events/s\n", authors,
               figures->events_per_second / waiting.events_per_second);
}

int main(int argc, char **argv)
{
    struct wd_error err = {0};
    static struct bench bench;
    bench.options = bench_options_read(argc, argv);
    mkdir(bench.options.folder, 0700);
    bench.records = bench_records_read(bench.options.events);
    bench.text = bench_rules_load(&bench.options, false);
    bench.remembering = bench_rules_load(&bench.options, true);
    bench.arena = wd_arena_new(EVENT_BYTES);
    bench.loop = loop_new(&err);
    if (!bench.arena || !bench.loop)
        bench_give_up("state", "no memory");
    for (size_t i = 0; i < bench.options.author_counts; i++) {
        size_t authors = bench.options.authors[i];
        struct figures text = measure_text(&bench, authors);
        tell(&bench, authors, "text", &text, &text);
        for (int kind = STATE_MEMORY; kind <= STATE_REDIS; kind++) {
            if (!bench.options.with[kind])
                continue;
            struct figures figures = measure_store(&bench, (enum state_kind)kind, authors);
            tell(&bench, authors, state_kind_name((enum state_kind)kind), &figures, &text);
            if (kind == STATE_LMDB && bench.options.wait_for_syncs)
                measure_waiting(&bench, authors, &figures, &text);
        }
    }
    loop_free(bench.loop);
    wd_arena_free(bench.arena);
    wd_ruleset_unref(bench.text);
    wd_ruleset_unref(bench.remembering);
    free(bench.records.items);
    free(bench.records.bytes);
    return 0;
}
