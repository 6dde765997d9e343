/* Grapheme clusters: UAX 29 (Unicode 15.0) by rules over the break classes, and beyond it the conjuncts of Indic
 * scripts (consonant, virama, consonant), so that a redaction never leaves half of a letter behind. */
#include "filters/views/internal.h"

enum { LOOK_BACK_MAX = 4096 /* bytes; a longer run without any break is cut there */ };

/* What the characters before a possible break leave behind. */
struct cluster_state {
    uint32_t previous;     /* properties */
    bool regional_odd;     /* an unpaired regional indicator stands before */
    bool pictographic;     /* pictograph and extenders stand before */
    bool pictographic_zwj; /* and then a joiner */
    bool consonant;        /* a consonant, extenders ... */
    bool linked;           /* ... and a virama among them */
};

static enum wd_break_class break_class_of(uint32_t properties)
{
    return (enum wd_break_class)(properties & WD_CHAR_BREAK_MASK);
}

static bool is_control(enum wd_break_class class)
{
    return class == WD_BREAK_CR || class == WD_BREAK_LF || class == WD_BREAK_CONTROL;
}

static bool hangul_joins(enum wd_break_class a, enum wd_break_class b)
{
    if (a == WD_BREAK_L)
        return b == WD_BREAK_L || b == WD_BREAK_V || b == WD_BREAK_LV || b == WD_BREAK_LVT;
    if (a == WD_BREAK_LV || a == WD_BREAK_V)
        return b == WD_BREAK_V || b == WD_BREAK_T;
    return (a == WD_BREAK_LVT || a == WD_BREAK_T) && b == WD_BREAK_T;
}

/* Rules that need only the two characters. 1: no break, -1: break, 0: the state decides. */
static int pair_rule(enum wd_break_class a, enum wd_break_class b)
{
    if (a == WD_BREAK_CR && b == WD_BREAK_LF)
        return 1;
    if (is_control(a) || is_control(b))
        return -1;
    if (b == WD_BREAK_EXTEND || b == WD_BREAK_ZWJ || b == WD_BREAK_SPACING_MARK || a == WD_BREAK_PREPEND)
        return 1;
    return hangul_joins(a, b);
}

static bool breaks_before(const struct cluster_state *state, uint32_t next)
{
    int pair = pair_rule(break_class_of(state->previous), break_class_of(next));
    if (pair != 0)
        return pair < 0;
    if (state->pictographic_zwj && (next & WD_CHAR_PICTOGRAPHIC))
        return false;
    if (state->linked && (next & WD_CHAR_CONSONANT))
        return false;
    return !(state->regional_odd && break_class_of(next) == WD_BREAK_REGIONAL);
}

static void pass(struct cluster_state *state, uint32_t properties)
{
    enum wd_break_class class = break_class_of(properties);
    bool extends = class == WD_BREAK_EXTEND || class == WD_BREAK_ZWJ;
    state->regional_odd = class == WD_BREAK_REGIONAL && !state->regional_odd;
    state->pictographic_zwj = state->pictographic && class == WD_BREAK_ZWJ;
    state->pictographic = (properties & WD_CHAR_PICTOGRAPHIC) || (state->pictographic && class == WD_BREAK_EXTEND);
    if (properties & WD_CHAR_CONSONANT) {
        state->consonant = true;
        state->linked = false;
    } else if (state->consonant && (properties & WD_CHAR_LINKER)) {
        state->linked = true;
    } else if (!extends) {
        state->consonant = state->linked = false;
    }
    state->previous = properties;
}

size_t wd_cluster_end(const char *data, size_t len, size_t at)
{
    struct cluster_state state = {0};
    pass(&state, wd_char_properties(wd_utf8_next(data, len, &at)));
    while (at < len) {
        size_t next = at;
        uint32_t properties = wd_char_properties(wd_utf8_next(data, len, &next));
        if (breaks_before(&state, properties))
            return at;
        pass(&state, properties);
        at = next;
    }
    return at;
}

/* A break whatever else stands before: between an ordinary character or a control and one that is not attached. */
static bool breaks_surely(uint32_t previous, uint32_t next)
{
    enum wd_break_class a = break_class_of(previous), b = break_class_of(next);
    int pair = pair_rule(a, b);
    if (pair != 0)
        return pair < 0;
    if ((next & WD_CHAR_PICTOGRAPHIC) || b == WD_BREAK_REGIONAL || (next & WD_CHAR_CONSONANT))
        return a == WD_BREAK_OTHER && !(previous & (WD_CHAR_PICTOGRAPHIC | WD_CHAR_CONSONANT));
    return true;
}

/* A start of a cluster at or before `at` from which clusters can be counted forward. */
static size_t safe_start(const char *data, size_t len, size_t at)
{
    size_t lowest = at > LOOK_BACK_MAX ? at - LOOK_BACK_MAX : 0, peek = at;
    if (at >= len)
        return at;
    uint32_t next = wd_char_properties(wd_utf8_next(data, len, &peek));
    while (at > lowest) {
        size_t before = at;
        uint32_t previous = wd_char_properties(wd_utf8_previous(data, &before));
        if (breaks_surely(previous, next))
            return at;
        at = before;
        next = previous;
    }
    return at;
}

static size_t character_start(const char *data, size_t at)
{
    while (at > 0 && ((unsigned char)data[at] & 0xC0) == 0x80)
        at--;
    return at;
}

void wd_span_to_clusters(struct wd_str original, uint32_t *start, uint32_t *end)
{
    if (*start >= *end || *end > original.len)
        return;
    size_t from = character_start(original.data, *start);
    size_t at = safe_start(original.data, original.len, from);
    size_t next = wd_cluster_end(original.data, original.len, at);
    while (next <= from) {
        at = next;
        next = wd_cluster_end(original.data, original.len, at);
    }
    *start = (uint32_t)at;
    while (next < *end)
        next = wd_cluster_end(original.data, original.len, next);
    *end = (uint32_t)next;
}
