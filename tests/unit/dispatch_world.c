/* See dispatch_world.h. */
#include "tests/unit/dispatch_world.h"

const struct dispatch_options OPTIONS = {
    .max_in_flight = 16,
    .max_attempts = 4,
    .backoff = {.base_ms = 100, .max_ms = 2000},
    .gate = {.window_ms = 10000, .failure_ratio = 0.9, .min_calls = 50, .probe_ms = 1000, .ramp_to = 8},
    .seed = 1};

const struct outcome DONE = {.class = OUTCOME_DONE, .http_status = 200, .retry_after_ms = -1};
const struct outcome ALREADY = {.class = OUTCOME_ALREADY, .http_status = 403, .retry_after_ms = -1};
const struct outcome BROKEN = {.class = OUTCOME_RETRY, .http_status = 500, .retry_after_ms = -1};
const struct outcome REFUSED = {.class = OUTCOME_STOP, .http_status = 401, .retry_after_ms = -1};
const struct outcome NEVER = {.class = OUTCOME_PERMANENT, .http_status = 422, .retry_after_ms = -1};

const struct action_batch IN_BODY = {.field = "userIds", .max = 100};
const struct action_batch IN_QUERY = {.field = "userIds", .max = 10, .in_query = true};

int number_of(const struct world *world, const struct unit *unit)
{
    return (int)(unit - world->units);
}

static void check_unit(struct world *world, const struct unit *unit)
{
    int number = number_of(world, unit), author = world->author_of[number];
    assert_int_equal(unit->calls[unit->current].state, CALL_PENDING);
    for (size_t i = 0; i < unit->current; i++)
        assert_int_not_equal(unit->calls[i].state, CALL_PENDING);
    assert_int_equal(world->busy[author]++, 0);
    assert_true(world->last_ended[author] < number);
    for (int earlier = world->last_ended[author] + 1; earlier < number; earlier++)
        assert_true(world->author_of[earlier] != author || world->ended[earlier] || world->dropped[earlier]);
}

/* What stands in the text beside the author, compared letter by letter and not by way of what is tested. */
static void check_same_frame(const struct call *a, const struct call *b)
{
    struct wd_str of_a = a->request.batch->in_query ? a->request.path : a->request.body;
    struct wd_str of_b = b->request.batch->in_query ? b->request.path : b->request.body;
    size_t head_a = (size_t)(a->request.author.data - of_a.data), head_b = (size_t)(b->request.author.data - of_b.data);
    assert_ptr_equal(a->request.batch, b->request.batch);
    assert_int_equal(a->request.entry, b->request.entry);
    assert_int_equal(head_a, head_b);
    assert_memory_equal(of_a.data, of_b.data, head_a);
    assert_string_equal(a->request.author.data + a->request.author.len, b->request.author.data + b->request.author.len);
}

static enum wd_status send_flight(void *context, struct flight *flight, struct wd_error *err)
{
    (void)err;
    struct world *world = context;
    if (world->flying_count >= world->room)
        return WD_ERR_UNAVAILABLE;
    const struct unit *unit;
    size_t users = 0;
    TAILQ_FOREACH(unit, &flight->units, queue_link)
    {
        check_unit(world, unit);
        if (flight->count > 1) {
            assert_false(unit_call(unit)->alone);
            check_same_frame(unit_call(unit), flight_call(flight));
        }
        users++;
    }
    assert_int_equal(users, flight->count);
    assert_true(users == 1 || users <= world->options.batch_max);
    assert_true(users == 1 || users <= flight_call(flight)->request.batch->max);
    world->flying[world->flying_count++] = flight;
    if (world->flying_count > world->widest)
        world->widest = world->flying_count;
    if (users > world->most_users)
        world->most_users = users;
    world->sent++;
    world->users_sent += users;
    return WD_OK;
}

static void on_ended(void *context, struct unit *unit)
{
    struct world *world = context;
    int number = number_of(world, unit);
    assert_false(world->ended[number]);
    world->ended[number] = true;
    world->ended_ms[number] = world->now_ms;
    world->last_ended[world->author_of[number]] = number;
}

static void on_gate(void *context, const char *group, bool open, bool ours, const struct outcome *outcome)
{
    struct world *world = context;
    assert_non_null(group);
    assert_int_equal(open, outcome != NULL);
    world->opened += open;
    world->closed += !open;
    world->ours += ours && open;
}

struct world *world_new(unsigned seed, const struct dispatch_options *options)
{
    struct world *world = calloc(1, sizeof(*world));
    world->seed = seed;
    world->room = SIZE_MAX;
    world->options = *options;
    struct dispatch_port port = {.context = world, .send = send_flight, .ended = on_ended, .gate_changed = on_gate};
    world->dispatch = dispatch_new(options, &port, 0);
    for (int i = 0; i < PARTITIONS; i++)
        TAILQ_INIT(&world->partitions[i].lane);
    for (int i = 0; i < AUTHORS; i++) {
        snprintf(world->ids[i], sizeof(world->ids[i]), "user-%d", i);
        world->last_ended[i] = -1;
    }
    return world;
}

void world_free(struct world *world)
{
    dispatch_free(world->dispatch);
    free(world);
}

/* ---- units ---- */

static struct unit *make(struct world *world, int author, int partition, size_t calls, const char *group)
{
    assert_true(world->unit_count < UNITS_MAX);
    size_t n = world->unit_count++;
    world->author_of[n] = author;
    world->works[n].partition = &world->partitions[partition];
    struct unit *unit = &world->units[n];
    *unit = (struct unit){.work = &world->works[n],
                          .calls = world->calls[n],
                          .call_count = calls,
                          .author_id = wd_str_from(world->ids[author])};
    for (size_t i = 0; i < calls; i++)
        unit->calls[i].request = (struct platform_call){.group = group, .path = wd_str_from("/alone")};
    return unit;
}

struct unit *add(struct world *world, int author, int partition, size_t calls, const char *group)
{
    struct unit *unit = make(world, author, partition, calls, group);
    assert_int_equal(dispatch_add(world->dispatch, unit), WD_OK);
    return unit;
}

void share_call(struct world *world, struct unit *unit, size_t call, const struct action_batch *batch, int place,
                int duration)
{
    int number = number_of(world, unit);
    char *text = world->texts[number][call];
    size_t room = sizeof(world->texts[number][call]);
    const char *id = world->ids[world->author_of[number]];
    struct platform_call *request = &unit->calls[call].request;
    int at = batch->in_query ? snprintf(text, room, "/place/%d/users?userIds=", place)
                             : snprintf(text, room, "{\"place\":%d,\"userIds\":[\"", place);
    snprintf(text + at, room - (size_t)at, batch->in_query ? "%s&period=%d" : "%s\"],\"period\":%d}", id, duration);
    request->batch = batch;
    request->entry = batch->in_query ? 7 : 3;
    request->path = wd_str_from(batch->in_query ? text : "/mute");
    request->body = batch->in_query ? (struct wd_str){0} : wd_str_from(text);
    request->author = (struct wd_str){.data = text + at, .len = strlen(id)};
}

struct unit *add_shared(struct world *world, int author, const struct action_batch *batch, int place, int duration)
{
    struct unit *unit = make(world, author, author % PARTITIONS, 1, "shared");
    share_call(world, unit, 0, batch, place, duration);
    assert_int_equal(dispatch_add(world->dispatch, unit), WD_OK);
    return unit;
}

/* ---- answers ---- */

int64_t run_now(struct world *world)
{
    return dispatch_run(world->dispatch, world->now_ms);
}

void settle(struct world *world, size_t at, struct outcome outcome)
{
    struct flight *flight = world->flying[at];
    const struct unit *unit;
    world->flying[at] = world->flying[--world->flying_count];
    TAILQ_FOREACH(unit, &flight->units, queue_link)
    {
        world->busy[world->author_of[number_of(world, unit)]]--;
    }
    dispatch_settle(world->dispatch, flight, &outcome, world->now_ms);
}

void settle_all(struct world *world, struct outcome outcome)
{
    while (world->flying_count)
        settle(world, world->flying_count - 1, outcome);
}

bool is_aboard(const struct world *world, const struct flight *flight, int author)
{
    const struct unit *unit;
    TAILQ_FOREACH(unit, &flight->units, queue_link)
    {
        if (world->author_of[number_of(world, unit)] == author)
            return true;
    }
    return false;
}

struct outcome by_dice(struct world *world, bool may_refuse)
{
    int dice = rand_r(&world->seed) % 100;
    struct outcome outcome = DONE;
    if (dice < 20)
        outcome = BROKEN;
    else if (dice < 25)
        outcome = (struct outcome){.class = OUTCOME_RETRY, .ambiguous = true, .retry_after_ms = -1};
    else if (dice < 30)
        outcome = (struct outcome){.class = OUTCOME_RETRY,
                                   .http_status = 429,
                                   .throttled = true,
                                   .retry_after_ms = rand_r(&world->seed) % 2000};
    else if (dice < 32)
        outcome = REFUSED;
    else if (dice < 36 && may_refuse)
        outcome = NEVER;
    else if (dice < 40)
        outcome = ALREADY;
    return outcome;
}
