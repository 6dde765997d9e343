/* A ring of calls that grows to its limit. What is known when a call is decided is written as JSON at once; what comes
 * later (its end) is kept in numbers, so that writing costs one allocation a call. Neighbours: answer.c, control.c. */
#include "worker/platform/sandbox/journal.h"

#include <stdlib.h>
#include <string.h>

enum { ACTION_MAX = 64, FIRST_RING = 1024 };

struct entry {
    uint64_t number, start, end;
    int64_t end_ms;
    const char *action;
    char *text; /* the JSON members that never change */
    bool answered, gone;
};

struct action_counts {
    const char *name; /* static storage */
    uint64_t carried_out;
    uint64_t outcomes[CALL_OUTCOME_COUNT];
};

struct journal {
    struct entry *ring; /* entry n is at n % capacity */
    size_t capacity, limit, body_limit;
    uint64_t first, last; /* numbers held: first..last; none where first > last */
    uint64_t tick, dropped;
    struct action_counts actions[ACTION_MAX];
    size_t action_count;
    uint64_t outcomes[CALL_OUTCOME_COUNT];
};

struct journal *journal_new(size_t limit, size_t body_limit)
{
    struct journal *journal = calloc(1, sizeof(*journal));
    if (!journal)
        return NULL;
    journal->limit = limit;
    journal->body_limit = body_limit;
    journal->first = 1;
    return journal;
}

void journal_free(struct journal *journal)
{
    if (!journal)
        return;
    journal_clear(journal);
    free(journal->ring);
    free(journal);
}

uint64_t journal_tick(struct journal *journal)
{
    return ++journal->tick;
}

static struct entry *entry_at(const struct journal *journal, uint64_t number)
{
    return &journal->ring[number % journal->capacity];
}

static void grow(struct journal *journal)
{
    size_t capacity = journal->capacity ? journal->capacity * 2 : FIRST_RING;
    if (capacity > journal->limit)
        capacity = journal->limit;
    struct entry *ring = calloc(capacity, sizeof(*ring));
    if (!ring)
        return; /* an old call is dropped instead */
    for (uint64_t n = journal->first; n <= journal->last; n++)
        ring[n % capacity] = *entry_at(journal, n);
    free(journal->ring);
    journal->ring = ring;
    journal->capacity = capacity;
}

static void drop_first(struct journal *journal)
{
    free(entry_at(journal, journal->first)->text);
    entry_at(journal, journal->first)->text = NULL;
    journal->first++;
    journal->dropped++;
}

static void print_headers(const struct call *call, struct buffer *out)
{
    buffer_text(out, ",\"idempotency_key\":");
    buffer_json(out, call->idempotency_key);
    buffer_text(out, ",\"headers\":{\"content-type\":");
    buffer_json(out, call->content_type);
    buffer_text(out, ",\"user-agent\":");
    buffer_json(out, call->user_agent);
    buffer_format(out, ",\"x-api-key\":%s},\"token\":", call->api_key ? "true" : "false");
    buffer_json(out, call->token_name);
}

static void print_subject(const struct call *call, struct buffer *out)
{
    buffer_text(out, ",\"action\":");
    buffer_json(out, call->action);
    buffer_format(out, ",\"object_type\":\"%s\",\"object_id\":", object_type_name(call->object_type));
    buffer_json(out, call->object_id);
    buffer_format(out, ",\"place_type\":\"%s\",\"place_id\":", object_type_name(call->place_type));
    buffer_json(out, call->place_id);
    buffer_text(out, ",\"user_ids\":[");
    for (size_t i = 0; i < call->user_count; i++) {
        if (i)
            buffer_text(out, ",");
        buffer_json(out, call->user_ids[i]);
    }
    buffer_text(out, "]");
    if (call->place_type == OBJECT_NONE || !call->user_count)
        return;
    buffer_text(out, ",\"changed\":[");
    for (size_t i = 0; i < call->user_count; i++)
        buffer_format(out, "%s%s", i ? "," : "", call->changed[i] ? "true" : "false");
    buffer_text(out, "]");
}

static char *print_call(const struct call *call, size_t body_limit, int64_t now_ms)
{
    struct buffer out = {0};
    size_t body_len = call->body.len < body_limit ? call->body.len : body_limit;
    const char *query = call->uri[call->path_len] == '?' ? call->uri + call->path_len + 1 : "";
    buffer_format(&out, ",\"time_ms\":%lld,\"method\":", (long long)now_ms);
    buffer_json(&out, call->method);
    buffer_text(&out, ",\"path\":");
    buffer_json_bytes(&out, call->uri, call->path_len);
    buffer_text(&out, ",\"query\":");
    buffer_json(&out, query);
    buffer_text(&out, ",\"body\":");
    buffer_json_bytes(&out, call->body.data ? call->body.data : "", body_len);
    buffer_format(&out, ",\"body_bytes\":%zu", call->body.len);
    print_headers(call, &out);
    print_subject(call, &out);
    buffer_format(&out, ",\"status\":%d,\"code\":%d,\"outcome\":\"%s\",\"executed\":%s", call->status, call->code,
                  call_outcome_name(call->outcome), call->executed ? "true" : "false");
    if (call->effect.fault_id)
        buffer_format(&out, ",\"fault\":\"%s\",\"fault_id\":%u", fault_kind_name(call->effect.kind),
                      call->effect.fault_id);
    if (out.failed)
        buffer_free(&out);
    char *exact = out.data ? realloc(out.data, out.len + 1) : NULL;
    return exact ? exact : out.data;
}

static void count(struct journal *journal, const struct call *call)
{
    journal->outcomes[call->outcome]++;
    size_t i = 0;
    while (i < journal->action_count && strcmp(journal->actions[i].name, call->action) != 0)
        i++;
    if (i == journal->action_count && i < ACTION_MAX)
        journal->actions[journal->action_count++] = (struct action_counts){.name = call->action};
    if (i == ACTION_MAX)
        return;
    journal->actions[i].outcomes[call->outcome]++;
    journal->actions[i].carried_out += call->executed;
}

void journal_begin(struct journal *journal, struct call *call, int64_t now_ms, uint64_t start)
{
    count(journal, call);
    size_t held = journal->last + 1 - journal->first;
    if (held == journal->capacity && journal->capacity < journal->limit)
        grow(journal);
    if (journal->capacity == 0) {
        journal->dropped++;
        return;
    }
    if (held == journal->capacity)
        drop_first(journal);
    call->number = ++journal->last;
    *entry_at(journal, call->number) = (struct entry){.number = call->number,
                                                      .start = start,
                                                      .action = call->action,
                                                      .text = print_call(call, journal->body_limit, now_ms)};
}

void journal_end(struct journal *journal, const struct call *call, int64_t now_ms)
{
    uint64_t tick = journal_tick(journal);
    if (call->number < journal->first || call->number > journal->last)
        return;
    struct entry *entry = entry_at(journal, call->number);
    entry->end = tick;
    entry->end_ms = now_ms;
    entry->gone = call->gone;
    entry->answered = call->stage == CALL_READY || call->stage == CALL_ANSWERED;
}

void journal_clear(struct journal *journal)
{
    for (uint64_t n = journal->first; n <= journal->last; n++) {
        free(entry_at(journal, n)->text);
        entry_at(journal, n)->text = NULL;
    }
    journal->first = journal->last + 1;
    journal->dropped = 0;
    journal->action_count = 0;
    memset(journal->outcomes, 0, sizeof(journal->outcomes));
}

static void print_entry(const struct entry *entry, struct buffer *out)
{
    buffer_format(out, "{\"n\":%llu,\"start\":%llu,\"end\":", (unsigned long long)entry->number,
                  (unsigned long long)entry->start);
    if (entry->end)
        buffer_format(out, "%llu,\"end_ms\":%lld", (unsigned long long)entry->end, (long long)entry->end_ms);
    else
        buffer_text(out, "null");
    buffer_format(out, ",\"answered\":%s,\"gone\":%s", entry->answered ? "true" : "false",
                  entry->gone ? "true" : "false");
    buffer_text(out, entry->text ? entry->text : ",\"text\":null");
    buffer_text(out, "}");
}

void journal_print(const struct journal *journal, uint64_t since, size_t limit, const char *action, struct buffer *out)
{
    uint64_t n = since + 1 > journal->first ? since + 1 : journal->first;
    size_t printed = 0;
    buffer_text(out, "{\"calls\":[");
    for (; n <= journal->last && printed < limit; n++) {
        const struct entry *entry = entry_at(journal, n);
        if (action && strcmp(action, entry->action) != 0)
            continue;
        buffer_text(out, printed++ ? ",\n" : "\n");
        print_entry(entry, out);
    }
    uint64_t next = n > since + 1 ? n - 1 : since;
    buffer_format(out, "],\n\"next\":%llu,\"last\":%llu,\"dropped\":%llu}\n", (unsigned long long)next,
                  (unsigned long long)journal->last, (unsigned long long)journal->dropped);
}

static void print_outcomes(const uint64_t *outcomes, struct buffer *out)
{
    for (int i = 0; i < CALL_OUTCOME_COUNT; i++)
        buffer_format(out, ",\"%s\":%llu", call_outcome_name((enum call_outcome)i), (unsigned long long)outcomes[i]);
}

void journal_print_stats(const struct journal *journal, struct buffer *out)
{
    uint64_t received = 0;
    for (int i = 0; i < CALL_OUTCOME_COUNT; i++)
        received += journal->outcomes[i];
    buffer_format(out, "{\"received\":%llu", (unsigned long long)received);
    print_outcomes(journal->outcomes, out);
    buffer_text(out, ",\"actions\":{");
    for (size_t i = 0; i < journal->action_count; i++) {
        const struct action_counts *counts = &journal->actions[i];
        buffer_format(out, "%s\n\"%s\":{\"carried_out\":%llu", i ? "," : "", *counts->name ? counts->name : "other",
                      (unsigned long long)counts->carried_out);
        print_outcomes(counts->outcomes, out);
        buffer_text(out, "}");
    }
    buffer_text(out, "}}\n");
}

uint64_t journal_outcome_count(const struct journal *journal, enum call_outcome outcome)
{
    return journal->outcomes[outcome];
}

uint64_t journal_carried_out(const struct journal *journal, const char *action)
{
    for (size_t i = 0; i < journal->action_count; i++)
        if (strcmp(journal->actions[i].name, action) == 0)
            return journal->actions[i].carried_out;
    return 0;
}
