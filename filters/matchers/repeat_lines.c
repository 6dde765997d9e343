/* Lines that come again, anywhere in a text. What always holds: the first LINES_MAX different lines are remembered, the
 * others are not counted. */
#include "filters/matchers/characters.h"
#include "filters/matchers/repeat.h"

enum { LINES_MAX = 512, LINE_SLOTS = 1024, FEW_LINES = 8 };

struct line {
    struct wd_str text;
    uint32_t times; /* 0: the slot is free */
};

/* Lines that were seen; up to FEW_LINES stand one behind the other, which is all that most texts need. */
struct lines {
    size_t different, slot_count;
    struct line slots[LINE_SLOTS];
};

static struct wd_str trimmed(struct wd_str line)
{
    while (line.len && (line.data[0] == ' ' || line.data[0] == '\t' || line.data[0] == '\r')) {
        line.data++;
        line.len--;
    }
    while (line.len &&
           (line.data[line.len - 1] == ' ' || line.data[line.len - 1] == '\t' || line.data[line.len - 1] == '\r'))
        line.len--;
    return line;
}

static size_t count_characters(struct wd_str text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += !wd_continues_character(text.data[i]);
    return count;
}

static uint64_t hash_of(struct wd_str text)
{
    uint64_t hash = 14695981039346656037U;
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * 1099511628211U;
    return hash ^ hash >> 32;
}

static struct line *free_or_same(struct lines *lines, struct wd_str text, struct wd_effort *effort)
{
    size_t slot = lines->slot_count == FEW_LINES ? 0 : hash_of(text) % LINE_SLOTS, probes = text.len;
    while (lines->slots[slot].times && !wd_str_equal(lines->slots[slot].text, text)) {
        slot = (slot + 1) % lines->slot_count;
        probes++;
    }
    wd_note_steps(effort, probes);
    return &lines->slots[slot];
}

static void make_slots(struct lines *lines, size_t count)
{
    lines->different = 0;
    lines->slot_count = count;
    for (size_t i = 0; i < count; i++)
        lines->slots[i].times = 0;
}

static void hash_lines(struct lines *lines, struct wd_effort *effort)
{
    struct line few[FEW_LINES];
    size_t count = lines->different;
    memcpy(few, lines->slots, count * sizeof(*few));
    make_slots(lines, LINE_SLOTS);
    for (size_t i = 0; i < count; i++)
        *free_or_same(lines, few[i].text, effort) = few[i];
    lines->different = count;
}

/* The line's entry, with its times so far; NULL: it is new, and there are too many. */
static struct line *line_of(struct lines *lines, struct wd_str text, struct wd_effort *effort)
{
    if (lines->slot_count == FEW_LINES && lines->different == FEW_LINES - 1)
        hash_lines(lines, effort); /* one slot stays free, at which a search ends */
    struct line *line = free_or_same(lines, text, effort);
    if (line->times)
        return line;
    if (lines->different == LINES_MAX)
        return NULL;
    lines->different++;
    line->text = text;
    return line;
}

void wd_find_repeated_lines(struct wd_str text, const struct wd_repeat *repeat, const struct wd_finder *finder)
{
    struct lines lines;
    if (!memchr(text.data, '\n', text.len))
        return;
    make_slots(&lines, FEW_LINES);
    for (size_t at = 0; at < text.len;) {
        const char *stop = memchr(text.data + at, '\n', text.len - at);
        size_t end = stop ? (size_t)(stop - text.data) : text.len;
        struct wd_str line = trimmed((struct wd_str){text.data + at, end - at});
        if (!wd_goes_on(finder->effort, end - at + 1))
            return;
        at = end + 1;
        size_t characters = count_characters(line);
        if (!line.len || characters < repeat->min_length || characters > repeat->max_length)
            continue;
        struct line *known = line_of(&lines, line, finder->effort);
        size_t start = (size_t)(line.data - text.data);
        if (known && ++known->times >= repeat->at_least)
            finder->found(finder->context, start, start + line.len);
    }
}
