/* From the JSON of a fault to a struct fault: every key is known, of the right type and in range, or it is an error
 * that names it. Neighbours: faults.c. */
#include "worker/platform/sandbox/faults_parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const KINDS[] = {"none",     "status", "slow",  "hang",      "slow_body",
                                    "cut_body", "reset",  "close", "huge_body", "broken_json"};
_Static_assert(sizeof(KINDS) / sizeof(*KINDS) == FAULT_KIND_COUNT, "one name a kind");

#define MS 1000000u
#define HANG_MS 120000
#define HUGE_BYTES (64 << 20)

const char *fault_kind_name(enum fault_kind kind)
{
    return KINDS[kind];
}

enum key_type { KEY_TEXT, KEY_COUNT, KEY_MS, KEY_SHARE, KEY_BOOL, KEY_OTHER };

struct key {
    const char *name;
    enum key_type type;
    size_t offset;
};

#define FIELD(member) offsetof(struct fault, member)
static const struct key KEYS[] = {
    {"kind", KEY_OTHER, 0},
    {"method", KEY_TEXT, FIELD(method)},
    {"path", KEY_TEXT, FIELD(path)},
    {"action", KEY_TEXT, FIELD(action)},
    {"user", KEY_TEXT, FIELD(user)},
    {"object", KEY_TEXT, FIELD(object)},
    {"share", KEY_SHARE, FIELD(share)},
    {"skip", KEY_COUNT, FIELD(skip)},
    {"count", KEY_COUNT, FIELD(count)},
    {"above_per_second", KEY_COUNT, FIELD(above_per_second)},
    {"after_ms", KEY_MS, FIELD(after_ns)},
    {"for_ms", KEY_MS, FIELD(for_ns)},
    {"period_ms", KEY_MS, FIELD(period_ns)},
    {"on_ms", KEY_MS, FIELD(on_ns)},
    {"status", KEY_OTHER, 0},
    {"code", KEY_OTHER, 0},
    {"retry_after", KEY_OTHER, 0},
    {"latency_ms", KEY_OTHER, 0},
    {"bytes", KEY_COUNT, FIELD(bytes)},
    {"pause_ms", KEY_MS, FIELD(pause_ns)},
    {"execute", KEY_BOOL, FIELD(execute)},
};
enum { KEY_TABLE_COUNT = sizeof(KEYS) / sizeof(*KEYS) };

static enum wd_status wrong(struct wd_error *err, const char *key, const char *wanted)
{
    return wd_fail(err, WD_ERR_INVALID, "fault: '%s' must be %s", key, wanted);
}

static enum wd_status parse_simple(const struct key *key, const json_t *value, struct fault *out, struct wd_error *err)
{
    char *field = (char *)out + key->offset;
    switch (key->type) {
    case KEY_TEXT:
        if (!json_is_string(value))
            return wrong(err, key->name, "a string");
        *(char **)field = strdup(json_string_value(value));
        return *(char **)field ? WD_OK : wd_fail(err, WD_ERR_MEMORY, "no memory for a fault");
    case KEY_SHARE:
        if (!json_is_number(value) || json_number_value(value) < 0 || json_number_value(value) > 1)
            return wrong(err, key->name, "a number from 0 to 1");
        *(double *)field = json_number_value(value);
        return WD_OK;
    case KEY_COUNT:
    case KEY_MS:
        if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > INT64_MAX / MS)
            return wrong(err, key->name, "a whole number, 0 or more");
        *(uint64_t *)field = (uint64_t)json_integer_value(value) * (key->type == KEY_MS ? MS : 1);
        return WD_OK;
    case KEY_BOOL:
        if (!json_is_boolean(value))
            return wrong(err, key->name, "true or false");
        *(bool *)field = json_is_true(value);
        return WD_OK;
    case KEY_OTHER:
        break;
    }
    return WD_OK;
}

static enum wd_status parse_kind(const json_t *json, struct fault *out, struct wd_error *err)
{
    const char *name = json_string_value(json_object_get(json, "kind"));
    if (!name && json_object_get(json, "status"))
        name = "status";
    if (!name && json_object_get(json, "latency_ms"))
        name = "slow";
    for (int kind = FAULT_STATUS; name && kind < FAULT_KIND_COUNT; kind++)
        if (strcmp(name, KINDS[kind]) == 0)
            out->kind = (enum fault_kind)kind;
    if (out->kind == FAULT_NONE)
        return wrong(err, "kind",
                     "one of status, slow, hang, slow_body, cut_body, reset, close, huge_body, broken_json");
    return WD_OK;
}

static int default_code(int status)
{
    switch (status) {
    case 401:
        return 400100;
    case 403:
        return 400301;
    case 404:
        return 400400;
    case 429:
        return 400311;
    default:
        return status >= 422 ? 500000 : 400000;
    }
}

static enum wd_status parse_status(const json_t *json, struct fault *out, struct wd_error *err)
{
    const json_t *status = json_object_get(json, "status");
    const json_t *code = json_object_get(json, "code");
    if (out->kind == FAULT_STATUS && !status)
        return wrong(err, "status", "given with the kind 'status'");
    if (status && out->kind != FAULT_STATUS)
        return wrong(err, "status", "left out: only the kind 'status' has one");
    if (status && (!json_is_integer(status) || json_integer_value(status) < 200 || json_integer_value(status) > 599))
        return wrong(err, "status", "a number from 200 to 599");
    if (code && !json_is_integer(code))
        return wrong(err, "code", "a number");
    out->status = (int)json_integer_value(status);
    out->code = code ? (int)json_integer_value(code) : default_code(out->status);
    return WD_OK;
}

static enum wd_status parse_retry_after(const json_t *json, struct fault *out, struct wd_error *err)
{
    const json_t *value = json_object_get(json, "retry_after");
    const json_t *date = json_is_object(value) ? json_object_get(value, "date_in_s") : NULL;
    const char *text = json_string_value(value);
    if (!value || json_typeof(value) == JSON_NULL || (text && strcmp(text, "none") == 0))
        return WD_OK;
    if (json_is_integer(date)) {
        out->retry_after_form = RETRY_AFTER_DATE;
        out->retry_after_s = json_integer_value(date);
        return WD_OK;
    }
    out->retry_after_form = RETRY_AFTER_TEXT;
    if (json_is_integer(value)) {
        snprintf(out->retry_after, sizeof(out->retry_after), "%lld", (long long)json_integer_value(value));
        return WD_OK;
    }
    if (!text || strlen(text) >= sizeof(out->retry_after) || strpbrk(text, "\r\n"))
        return wrong(err, "retry_after",
                     "seconds, {\"date_in_s\":N}, \"absurd\", \"none\", or the header's text (at most 63 bytes)");
    snprintf(out->retry_after, sizeof(out->retry_after), "%s",
             strcmp(text, "absurd") == 0 ? "99999999999999999999" : text);
    return WD_OK;
}

static enum wd_status parse_latency(const json_t *json, struct fault *out, struct wd_error *err)
{
    const json_t *value = json_object_get(json, "latency_ms");
    const json_t *low = json_is_array(value) ? json_array_get(value, 0) : value;
    const json_t *high = json_is_array(value) ? json_array_get(value, 1) : value;
    if (!value && out->kind == FAULT_SLOW)
        return wrong(err, "latency_ms", "given with the kind 'slow'");
    if (!value)
        return WD_OK;
    if (!json_is_integer(low) || !json_is_integer(high) || json_integer_value(low) < 0 ||
        json_integer_value(high) < json_integer_value(low) || json_integer_value(high) > 3600 * 1000)
        return wrong(err, "latency_ms", "milliseconds up to an hour, or [lowest, highest]");
    out->latency_min_ns = (uint64_t)json_integer_value(low) * MS;
    out->latency_max_ns = (uint64_t)json_integer_value(high) * MS;
    return WD_OK;
}

/* These need the answer of the platform, and so the action carried out. */
static bool keeps_answer(enum fault_kind kind)
{
    return kind != FAULT_STATUS && kind != FAULT_HANG && kind != FAULT_RESET;
}

/* What a kind means where nothing else is said. */
static void set_defaults(struct fault *out)
{
    out->execute = keeps_answer(out->kind);
    out->share = 1;
    out->count = UINT64_MAX;
    out->bytes = out->kind == FAULT_HUGE_BODY ? HUGE_BYTES : 1;
    out->pause_ns = (uint64_t)(out->kind == FAULT_HANG ? HANG_MS : 100) * MS;
}

static enum wd_status check_keys(const json_t *json, struct wd_error *err)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)json, name, value)
    {
        int known = 0;
        while (known < KEY_TABLE_COUNT && strcmp(KEYS[known].name, name) != 0)
            known++;
        if (known == KEY_TABLE_COUNT)
            return wd_fail(err, WD_ERR_INVALID, "fault: there is no key '%.80s'", name);
    }
    return WD_OK;
}

static enum wd_status parse_all(const json_t *json, struct fault *out, struct wd_error *err)
{
    enum wd_status status = check_keys(json, err);
    if (status == WD_OK)
        status = parse_kind(json, out, err);
    set_defaults(out);
    for (size_t i = 0; status == WD_OK && i < KEY_TABLE_COUNT; i++) {
        const json_t *value = json_object_get(json, KEYS[i].name);
        if (value)
            status = parse_simple(&KEYS[i], value, out, err);
    }
    if (status == WD_OK)
        status = parse_status(json, out, err);
    if (status == WD_OK)
        status = parse_retry_after(json, out, err);
    if (status == WD_OK)
        status = parse_latency(json, out, err);
    if (status == WD_OK && out->on_ns > out->period_ns)
        status = wrong(err, "on_ms", "at most 'period_ms'");
    if (status == WD_OK && keeps_answer(out->kind) && !out->execute)
        status = wrong(err, "execute", "true or left out for this kind");
    if (status == WD_OK && out->bytes == 0)
        status = wrong(err, "bytes", "1 or more");
    return status;
}

enum wd_status fault_parse(const json_t *json, struct fault *out, struct wd_error *err)
{
    *out = (struct fault){0};
    if (!json_is_object(json))
        return wd_fail(err, WD_ERR_INVALID, "fault: must be a JSON object, as {\"kind\":\"status\",\"status\":503}");
    enum wd_status status = parse_all(json, out, err);
    if (status != WD_OK)
        fault_fini(out);
    return status;
}

void fault_fini(struct fault *fault)
{
    free(fault->method);
    free(fault->path);
    free(fault->action);
    free(fault->user);
    free(fault->object);
    *fault = (struct fault){0};
}
