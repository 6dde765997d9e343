/* What is known of an author himself: u48 first seen, u48 last enforced match (0: none), u32 contents, and u48 pardon
 * where there was one. Neighbour: guilt.c. */
#include "filters/behaviour/value.h"

enum { PROFILE_BYTES = 16, PARDON_BYTES = 6 };

struct wd_profile wd_profile_read(struct wd_session *session)
{
    unsigned char *cell = cell_find(session, WD_CELL_PROFILE, 0);
    if (!cell)
        return (struct wd_profile){0};
    unsigned char *data = cell_data(cell);
    struct wd_profile profile = {
        .first_seen_ms = load48(data), .clean_since_ms = load48(data + 6), .contents = load32(data + 12)};
    if (profile.clean_since_ms == 0)
        profile.clean_since_ms = profile.first_seen_ms;
    if (cell_len(cell) >= PROFILE_BYTES + PARDON_BYTES)
        profile.pardoned_ms = load48(data + PROFILE_BYTES);
    return profile;
}

static unsigned char *profile_cell(struct wd_session *session)
{
    unsigned char *cell = cell_make(session, WD_CELL_PROFILE, 0, PROFILE_BYTES);
    if (cell)
        cell_keep_until(session, cell, session->now_ms + PROFILE_KEEP_MS);
    return cell;
}

void wd_profile_note(struct wd_session *session, bool is_content, bool is_match)
{
    unsigned char *cell = session->repeated ? NULL : profile_cell(session);
    if (!cell)
        return;
    unsigned char *data = cell_data(cell);
    int64_t first_ms = load48(data);
    if (first_ms == 0 || session->now_ms < first_ms)
        store48(data, session->now_ms);
    if (is_match && session->now_ms > load48(data + 6))
        store48(data + 6, session->now_ms);
    uint32_t contents = load32(data + 12);
    if (is_content && contents < UINT32_MAX)
        store32(data + 12, contents + 1);
}

void profile_pardon(struct wd_session *session)
{
    unsigned char *cell = profile_cell(session);
    if (cell && cell_len(cell) < PROFILE_BYTES + PARDON_BYTES) {
        if (!(cell = cell_resize(session, cell, PROFILE_BYTES + PARDON_BYTES)))
            return;
        store48(cell_data(cell) + PROFILE_BYTES, 0);
    }
    if (cell && session->now_ms > load48(cell_data(cell) + PROFILE_BYTES))
        store48(cell_data(cell) + PROFILE_BYTES, session->now_ms);
}
