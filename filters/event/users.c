/* The users beside the content of a record: kept as they come, found by any of their ids. A few are searched one by
 * one; many are sorted first, so that a record with thousands of objects and users stays cheap. */
#include <string.h>

#include "filters/event/decoder.h"

enum { SEARCH_ONE_BY_ONE = 8 };

void users_add(struct wd_decoder *decoder, const struct draft *draft)
{
    struct user *user = list_push(decoder, &decoder->users.list, sizeof(*user));
    if (!user)
        return;
    *user = (struct user){.author = content_author(draft),
                          .ids = {draft->strings[KEY_USER_ID], draft->strings[KEY_USER_INTERNAL_ID],
                                  draft->strings[KEY_USER_PUBLIC_ID], draft->strings[KEY_UNDERSCORE_ID]},
                          .json = draft->json};
}

static int compare_strings(struct wd_str a, struct wd_str b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return memcmp(a.data, b.data, a.len);
}

static bool is_before(const struct user_id *a, const struct user_id *b)
{
    int order = compare_strings(a->id, b->id);
    return order < 0 || (order == 0 && a->rank < b->rank);
}

static void sift_down(struct user_id *heap, size_t root, size_t count)
{
    struct user_id moving = heap[root];
    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && is_before(&heap[child], &heap[child + 1]))
            child++;
        if (!is_before(&moving, &heap[child]))
            break;
        heap[root] = heap[child];
    }
    heap[root] = moving;
}

/* Heap sort: no allocation, and no input makes it slow. */
static void sort(struct user_id *ids, size_t count)
{
    for (size_t root = count / 2; root-- > 0;)
        sift_down(ids, root, count);
    for (size_t end = count; end-- > 1;) {
        struct user_id last = ids[end];
        ids[end] = ids[0];
        ids[0] = last;
        sift_down(ids, 0, end);
    }
}

static bool sort_ids(struct wd_decoder *decoder)
{
    struct users *users = &decoder->users;
    const struct user *all = users->list.items;
    size_t count = users->list.count, used = 0;
    struct user_id *ids = wd_arena_alloc(decoder->arena, count * USER_ID_KINDS * sizeof(*ids));
    if (!ids)
        return json_fail(&decoder->reader, JSON_NO_MEMORY);
    for (size_t kind = 0; kind < USER_ID_KINDS; kind++)
        for (size_t i = 0; i < count; i++)
            if (all[i].ids[kind].len)
                ids[used++] = (struct user_id){.id = all[i].ids[kind], .rank = (uint32_t)(kind * count + i)};
    sort(ids, used);
    users->sorted = ids;
    users->sorted_count = used;
    return true;
}

static const struct user *find_sorted(struct wd_decoder *decoder, struct wd_str id)
{
    struct users *users = &decoder->users;
    if (!users->sorted && !sort_ids(decoder))
        return NULL;
    size_t low = 0, high = users->sorted_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_strings(users->sorted[middle].id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == users->sorted_count || !wd_str_equal(users->sorted[low].id, id))
        return NULL;
    const struct user *all = users->list.items;
    return &all[users->sorted[low].rank % users->list.count];
}

const struct user *users_find(struct wd_decoder *decoder, struct wd_str id)
{
    const struct user *all = decoder->users.list.items;
    size_t count = decoder->users.list.count;
    if (count > SEARCH_ONE_BY_ONE)
        return find_sorted(decoder, id);
    for (size_t kind = 0; kind < USER_ID_KINDS; kind++)
        for (size_t i = 0; i < count; i++)
            if (all[i].ids[kind].len && wd_str_equal(all[i].ids[kind], id))
                return &all[i];
    return NULL;
}
