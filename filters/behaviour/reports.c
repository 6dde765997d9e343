/* Reports: who has reported a content (on its value), and how right a reporter was before (on his own).
 *
 *   REPORTERS  for each: u8 length, text
 *   RECORD     u32 right, u32 wrong
 */
#include "filters/behaviour/value.h"

enum { REPORTERS_MAX = 8, REPORTER_BYTES_MAX = 100, RECORD_BYTES = 8 };

bool reporters_are_sound(const unsigned char *data, size_t len)
{
    size_t count = 0;
    for (size_t at = 0; at < len; at += 1u + data[at], count++)
        if (len - at - 1 < data[at])
            return false;
    return count <= REPORTERS_MAX;
}

static size_t read_reporters(unsigned char *cell, struct wd_str out[REPORTERS_MAX])
{
    size_t count = 0;
    unsigned char *data = cell_data(cell);
    for (size_t at = 0; at < cell_len(cell) && count < REPORTERS_MAX; at += 1u + data[at])
        out[count++] = (struct wd_str){(const char *)data + at + 1, data[at]};
    return count;
}

void wd_reporters_add(struct wd_session *content, struct wd_str reporter)
{
    if (content->repeated || reporter.len == 0 || reporter.len > REPORTER_BYTES_MAX)
        return;
    unsigned char *cell = cell_make(content, WD_CELL_REPORTERS, 0, 0);
    if (!cell)
        return;
    cell_keep_until(content, cell, content->now_ms + REPORTERS_KEEP_MS);
    struct wd_str known[REPORTERS_MAX];
    size_t count = read_reporters(cell, known);
    for (size_t i = 0; i < count; i++)
        if (wd_str_equal(known[i], reporter))
            return;
    size_t len = cell_len(cell);
    if (count >= REPORTERS_MAX || !(cell = cell_resize(content, cell, len + 1 + reporter.len)))
        return;
    cell_data(cell)[len] = (unsigned char)reporter.len;
    memcpy(cell_data(cell) + len + 1, reporter.data, reporter.len);
}

size_t wd_reporters_read(const struct wd_value *content, struct wd_str out[8])
{
    struct wd_value value = *content;
    struct wd_session session = {.value = &value};
    value_map(&session);
    unsigned char *cell = cell_find(&session, WD_CELL_REPORTERS, 0);
    return cell ? read_reporters(cell, out) : 0;
}

double wd_reporter_weight(struct wd_session *reporter)
{
    unsigned char *cell = cell_find(reporter, WD_CELL_RECORD, 0);
    double right = cell ? load32(cell_data(cell)) : 0, wrong = cell ? load32(cell_data(cell) + 4) : 0;
    double weight = 2 * (right + 1) / (right + wrong + 2);
    return weight < 0.1 ? 0.1 : weight;
}

void wd_reporter_judge(struct wd_session *reporter, bool was_right)
{
    unsigned char *cell = reporter->repeated ? NULL : cell_make(reporter, WD_CELL_RECORD, 0, RECORD_BYTES);
    if (!cell)
        return;
    unsigned char *count = cell_data(cell) + (was_right ? 0 : 4);
    uint32_t n = load32(count);
    store32(count, n < UINT32_MAX ? n + 1 : n);
    cell_keep_until(reporter, cell, reporter->now_ms + PROFILE_KEEP_MS);
}
