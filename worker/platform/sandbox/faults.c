/* Decides which calls go wrong. Delays add up; of all other faults the first that hits a call wins. Neighbours:
 * faults_parse.c reads them, answer.c carries them out. */
#include "worker/platform/sandbox/faults.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "worker/platform/sandbox/faults_parse.h"

enum { FAULT_CAP = 1000 };

struct faults {
    struct fault *items;
    size_t count;
    unsigned last_id;
    uint64_t seed, random; /* `random` is for the delay of every call */
    uint64_t latency_min_ns, latency_max_ns;
};

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static uint64_t random_between(uint64_t *state, uint64_t low, uint64_t high)
{
    return high > low ? low + next_random(state) % (high - low + 1) : low;
}

struct faults *faults_new(uint64_t seed, uint32_t latency_min_ms, uint32_t latency_max_ms)
{
    struct faults *faults = calloc(1, sizeof(*faults));
    if (!faults)
        return NULL;
    faults->seed = faults->random = seed;
    faults_set_latency(faults, latency_min_ms, latency_max_ms);
    return faults;
}

void faults_set_latency(struct faults *faults, uint32_t min_ms, uint32_t max_ms)
{
    faults->latency_min_ns = min_ms * 1000000ull;
    faults->latency_max_ns = (max_ms > min_ms ? max_ms : min_ms) * 1000000ull;
}

void faults_clear(struct faults *faults)
{
    for (size_t i = 0; i < faults->count; i++)
        fault_fini(&faults->items[i]);
    free(faults->items);
    faults->items = NULL;
    faults->count = 0;
}

void faults_free(struct faults *faults)
{
    if (!faults)
        return;
    faults_clear(faults);
    free(faults);
}

static enum wd_status add_list(struct faults *faults, const json_t *list, uint64_t now_ns, struct wd_error *err)
{
    size_t more = json_array_size(list);
    if (faults->count + more > FAULT_CAP)
        return wd_fail(err, WD_ERR_TOO_LARGE, "more than %d faults at a time", FAULT_CAP);
    if (more == 0)
        return WD_OK;
    struct fault *items = realloc(faults->items, (faults->count + more) * sizeof(*items));
    if (!items)
        return wd_fail(err, WD_ERR_MEMORY, "no memory for %zu faults", more);
    faults->items = items;
    for (size_t i = 0; i < more; i++) {
        struct fault *fault = &items[faults->count + i];
        enum wd_status status = fault_parse(json_array_get(list, i), fault, err);
        if (status != WD_OK) {
            while (i > 0)
                fault_fini(&items[faults->count + --i]);
            return status;
        }
        fault->set_ns = now_ns;
        fault->id = faults->last_id + 1 + (unsigned)i;
        fault->random = faults->seed * 1000003u + fault->id;
    }
    faults->count += more;
    faults->last_id += (unsigned)more;
    return WD_OK;
}

enum wd_status faults_add(struct faults *faults, const json_t *json, uint64_t now_ns, struct wd_error *err)
{
    const json_t *list = json_is_array(json) ? json : json_object_get(json, "faults");
    const json_t *seed = json_object_get(json, "seed");
    if (seed && !json_is_integer(seed))
        return wd_fail(err, WD_ERR_INVALID, "faults: 'seed' must be a number");
    if (seed && list)
        faults->seed = faults->random = (uint64_t)json_integer_value(seed);
    if (json_is_array(list))
        return add_list(faults, list, now_ns, err);
    json_t *one = json_array();
    if (!one || json_array_append(one, (json_t *)json) != 0) {
        json_decref(one);
        return wd_fail(err, WD_ERR_INVALID, "faults: must be a JSON object or a list of them");
    }
    enum wd_status status = add_list(faults, one, now_ns, err);
    json_decref(one);
    return status;
}

enum wd_status faults_replace(struct faults *faults, const json_t *json, uint64_t now_ns, struct wd_error *err)
{
    struct faults old = *faults;
    faults->items = NULL;
    faults->count = 0;
    enum wd_status status = faults_add(faults, json, now_ns, err);
    if (status != WD_OK) {
        faults_clear(faults);
        *faults = old;
        return status;
    }
    faults_clear(&old);
    return WD_OK;
}

static bool matches(const struct fault *fault, const struct fault_subject *subject)
{
    if (fault->method && strcasecmp(fault->method, subject->method) != 0)
        return false;
    if (fault->path && fnmatch(fault->path, subject->path, 0) != 0)
        return false;
    if (fault->action && strcmp(fault->action, subject->action) != 0)
        return false;
    if (fault->object && (!subject->object_id || strcmp(fault->object, subject->object_id) != 0))
        return false;
    bool user_found = !fault->user;
    for (size_t i = 0; !user_found && i < subject->user_count; i++)
        user_found = strcmp(fault->user, subject->user_ids[i]) == 0;
    return user_found;
}

static bool is_scheduled(const struct fault *fault, uint64_t now_ns)
{
    uint64_t age = now_ns - fault->set_ns;
    if (age < fault->after_ns)
        return false;
    age -= fault->after_ns;
    if (fault->for_ns && age >= fault->for_ns)
        return false;
    return !fault->period_ns || age % fault->period_ns < fault->on_ns;
}

/* True where this call is one too many in the running second. */
static bool is_above_rate(struct fault *fault, uint64_t now_ns)
{
    if (!fault->above_per_second)
        return true;
    if (now_ns - fault->window_ns >= 1000000000u) {
        fault->window_ns = now_ns;
        fault->window_calls = 0;
    }
    return ++fault->window_calls > fault->above_per_second;
}

static bool hits(struct fault *fault, const struct fault_subject *subject, uint64_t now_ns)
{
    if (!matches(fault, subject) || !is_scheduled(fault, now_ns))
        return false;
    if (++fault->seen <= fault->skip || fault->applied >= fault->count || !is_above_rate(fault, now_ns))
        return false;
    if (fault->share < 1 && (double)(next_random(&fault->random) >> 11) * 0x1p-53 >= fault->share)
        return false;
    fault->applied++;
    return true;
}

static void print_retry_after(const struct fault *fault, char out[64])
{
    if (fault->retry_after_form == RETRY_AFTER_DATE) {
        time_t when = time(NULL) + (time_t)fault->retry_after_s;
        struct tm parts;
        if (gmtime_r(&when, &parts))
            strftime(out, 64, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    } else {
        memcpy(out, fault->retry_after, 64);
    }
}

static void apply(struct fault *fault, struct fault_effect *out)
{
    out->kind = fault->kind;
    out->fault_id = fault->id;
    out->execute = fault->execute;
    out->status = fault->status;
    out->code = fault->code;
    out->bytes = fault->bytes;
    out->pause_ns = fault->pause_ns;
    print_retry_after(fault, out->retry_after);
}

void faults_decide(struct faults *faults, const struct fault_subject *subject, uint64_t now_ns,
                   struct fault_effect *effect_out)
{
    *effect_out = (struct fault_effect){.execute = true};
    effect_out->delay_ns = random_between(&faults->random, faults->latency_min_ns, faults->latency_max_ns);
    for (size_t i = 0; i < faults->count; i++) {
        struct fault *fault = &faults->items[i];
        if (effect_out->kind != FAULT_NONE && fault->kind != FAULT_SLOW)
            continue;
        if (!hits(fault, subject, now_ns))
            continue;
        effect_out->delay_ns += random_between(&fault->random, fault->latency_min_ns, fault->latency_max_ns);
        if (fault->kind != FAULT_SLOW)
            apply(fault, effect_out);
    }
}

void faults_print(const struct faults *faults, struct buffer *out)
{
    buffer_text(out, "{\"faults\":[");
    for (size_t i = 0; i < faults->count; i++) {
        const struct fault *fault = &faults->items[i];
        buffer_format(out, "%s{\"id\":%u,\"kind\":\"%s\",\"seen\":%llu,\"applied\":%llu}", i ? "," : "", fault->id,
                      fault_kind_name(fault->kind), (unsigned long long)fault->seen,
                      (unsigned long long)fault->applied);
    }
    buffer_format(out, "],\"latency_ms\":[%llu,%llu]}", (unsigned long long)(faults->latency_min_ns / 1000000),
                  (unsigned long long)(faults->latency_max_ns / 1000000));
}
