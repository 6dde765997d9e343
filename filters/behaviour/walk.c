/* Values for people: see walk.h. Reads like the kinds do, changes nothing. */
#include "filters/behaviour/value.h"

static double sum_amounts(const unsigned char *entries, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += load_amount(entries + i * 10 + 2);
    return sum;
}

static size_t count_texts(const unsigned char *data, size_t len)
{
    size_t count = 0;
    for (size_t at = 0; at < len; at += 1u + data[at])
        count++;
    return count;
}

static size_t entries(size_t bytes, size_t stride)
{
    return bytes / stride;
}

/* Entries of `stride` bytes behind `head` bytes that open with the watermark; each opens with its time. */
static void see_times(struct wd_cell_seen *seen, const unsigned char *data, size_t len, size_t stride)
{
    seen->watermark_ms = load48(data);
    seen->amount = (double)entries(len - 6, stride);
    seen->oldest_ms = len > 6 ? load48(data + 6) : 0;
}

static void see_score(struct wd_cell_seen *seen, const unsigned char *data)
{
    seen->amount = load_amount(data);
    seen->watermark_ms = load48(data + 8);
    seen->band = data[14] - 1;
}

static void see_profile(struct wd_cell_seen *seen, const unsigned char *data, size_t len)
{
    seen->oldest_ms = load48(data);
    seen->watermark_ms = load48(data + 6) ? load48(data + 6) : load48(data);
    seen->amount = load32(data + 12);
    seen->pardoned_ms = len >= 22 ? load48(data + 16) : 0;
}

static void see_numbers(struct wd_cell_seen *seen, const unsigned char *data, size_t len)
{
    switch (seen->kind) {
    case WD_CELL_COUNT:
        seen->watermark_ms = load48(data);
        seen->amount = (double)load64(data + 12);
        break;
    case WD_CELL_DISTINCT:
    case WD_CELL_SUM:
        seen->watermark_ms = load48(data);
        seen->amount =
            seen->kind == WD_CELL_SUM ? sum_amounts(data + 12, entries(len - 12, 10)) : (double)entries(len - 12, 10);
        break;
    case WD_CELL_SCORE:
        see_score(seen, data);
        break;
    case WD_CELL_STRIKES:
        see_times(seen, data, len, 14);
        break;
    case WD_CELL_SIMILAR:
    case WD_CELL_CROWD:
        see_times(seen, data, len, 22);
        break;
    case WD_CELL_PROFILE:
        see_profile(seen, data, len);
        break;
    case WD_CELL_RECORD:
        seen->amount = load32(data);
        seen->wrong = load32(data + 4);
        break;
    case WD_CELL_CLEARED:
        seen->amount = (double)entries(len, 8);
        break;
    case WD_CELL_ORIGINS:
        seen->amount = (double)entries(len, ORIGIN_BYTES);
        break;
    case WD_CELL_REPORTERS:
        seen->amount = (double)count_texts(data, len);
        break;
    default:
        break;
    }
}

void wd_value_each_cell(const unsigned char *bytes, size_t len,
                        void (*each)(void *context, const struct wd_cell_seen *seen), void *context)
{
    if (!value_is_sound(bytes, len))
        return;
    for (size_t at = VALUE_HEAD; at < len; at += CELL_HEAD + cell_len(bytes + at)) {
        const unsigned char *cell = bytes + at;
        struct wd_cell_seen seen = {.cell = load32(cell), .kind = (enum wd_cell_kind)cell[4], .band = -1};
        if (!cell_is_sound(cell))
            continue;
        seen.keep_until_ms = (int64_t)load32(cell + 7) * MINUTE_MS;
        see_numbers(&seen, cell + CELL_HEAD, cell_len(cell));
        each(context, &seen);
    }
}

void wd_value_each_contribution(const unsigned char *bytes, size_t len,
                                void (*each)(void *context, const struct wd_contribution_seen *seen), void *context)
{
    if (!value_is_sound(bytes, len))
        return;
    for (size_t at = VALUE_HEAD; at < len; at += CELL_HEAD + cell_len(bytes + at)) {
        const unsigned char *data = bytes + at + CELL_HEAD, *end = data + cell_len(bytes + at);
        if (bytes[at + 4] != WD_CELL_CONTRIBUTIONS || !cell_is_sound(bytes + at))
            continue;
        for (; data < end; data += 27u + data[26]) {
            struct wd_contribution_seen seen = {.at_ms = load48(data), .cell = load32(data + 6)};
            seen.points = load_amount(data + 10);
            seen.content = load64(data + 18);
            seen.rule = (struct wd_str){(const char *)data + 27, data[26]};
            each(context, &seen);
        }
    }
}
