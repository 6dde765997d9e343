/* Idempotency keys. Neighbours: pipeline.c makes the keys of single calls, outbound.c those of calls for several. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "worker/idempotency.h"

const char *idempotency_key(struct work *work, const struct unit *unit, const struct wd_action *action)
{
    char key[512], object[16] = "";
    if (work->unit_count > 1)
        snprintf(object, sizeof(object), "#%u", (unsigned)unit->index);
    snprintf(key, sizeof(key), "%.249s/%d/%lld/%s%s%.*s%s", work->partition->topic, (int)work->partition->number,
             (long long)work->offset, wd_action_kind_name(action->kind), action->notify_target.len ? ":" : "",
             WD_STR_ARG(action->notify_target), object);
    return wd_arena_copy(work->arena, wd_str_from(key)).data;
}

/* ---- of several ---- */

static int by_origin(const void *left, const void *right)
{
    const struct unit *a = *(const struct unit *const *)left, *b = *(const struct unit *const *)right;
    const struct work *of_a = a->work, *of_b = b->work;
    int topics = strcmp(of_a->partition->topic, of_b->partition->topic);
    if (topics)
        return topics;
    if (of_a->partition->number != of_b->partition->number)
        return of_a->partition->number < of_b->partition->number ? -1 : 1;
    if (of_a->offset != of_b->offset)
        return of_a->offset < of_b->offset ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* The topic stands where it is another than the one before. */
static size_t origin_text(const struct unit *unit, const char *topic_before, char *out, size_t room)
{
    const struct work *work = unit->work;
    const char *topic = work->partition->topic;
    bool is_new = !topic_before || strcmp(topic, topic_before) != 0;
    int length = snprintf(out, room, "%s%.249s%s%d/%lld", topic_before ? "+" : "", is_new ? topic : "",
                          is_new ? "/" : "", (int)work->partition->number, (long long)work->offset);
    if (work->unit_count > 1)
        length += snprintf(out + length, room - (size_t)length, "#%u", (unsigned)unit->index);
    return (size_t)length;
}

/* A list is for people to read as long as it is short; past that, the first origin, how many more, and a digest. */
static enum wd_status write_key(const struct unit *const *units, size_t count, const char *action, char *out,
                                struct wd_error *err)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    unsigned char sum[EVP_MAX_MD_SIZE];
    char text[320], first[320];
    size_t length = 0;
    bool fine = digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; i < count && fine; i++) {
        size_t more = origin_text(units[i], i ? units[i - 1]->work->partition->topic : NULL, text, sizeof(text));
        fine = EVP_DigestUpdate(digest, text, more) == 1;
        if (i == 0)
            memcpy(first, text, more + 1);
        if (length + more < JOINT_KEY_ROOM)
            memcpy(out + length, text, more + 1);
        length += more;
    }
    fine = fine && EVP_DigestFinal_ex(digest, sum, NULL) == 1;
    EVP_MD_CTX_free(digest);
    if (!fine)
        return wd_fail(err, WD_ERR_MEMORY, "no memory for an idempotency key");
    if (length + 1 + strlen(action) <= JOINT_KEY_LIST_MAX) {
        snprintf(out + length, JOINT_KEY_ROOM - length, "/%s", action);
        return WD_OK;
    }
    size_t at = (size_t)snprintf(out, JOINT_KEY_ROOM, "%s+%zu.", first, count - 1);
    for (size_t i = 0; i < 16; i++)
        at += (size_t)snprintf(out + at, JOINT_KEY_ROOM - at, "%02x", sum[i]);
    snprintf(out + at, JOINT_KEY_ROOM - at, "/%s", action);
    return WD_OK;
}

enum wd_status idempotency_key_joint(const struct unit_queue *units, char *out, struct wd_error *err)
{
    const struct unit *sorted[JOINT_KEY_UNITS_MAX], *unit;
    size_t count = 0;
    TAILQ_FOREACH(unit, units, queue_link)
    {
        if (count == JOINT_KEY_UNITS_MAX)
            return wd_fail(err, WD_ERR_INVALID, "more than %d authors in one call", JOINT_KEY_UNITS_MAX);
        sorted[count++] = unit;
    }
    qsort(sorted, count, sizeof(const struct unit *), by_origin);
    return write_key(sorted, count, wd_action_kind_name(sorted[0]->calls[sorted[0]->current].action.kind), out, err);
}
