/* Places in a text that can be hosts of links. Linear: no byte is looked at more than a few times. */
#include "filters/matchers/characters.h"
#include "filters/matchers/host.h"

enum { AUTHORITY_MAX = 512 };

static bool is_host_byte(char c)
{
    return wd_is_word_byte(c) || (c & 0x80) || c == '-' || c == '.';
}

static bool is_dot_or_dash(char c)
{
    return c == '.' || c == '-';
}

static bool is_slash(char c)
{
    return c == '/' || c == '\\';
}

static bool ends_address(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || (c && strchr("<>\"|`", c));
}

static bool is_address_byte(char c)
{
    return !ends_address(c);
}

static bool ends_authority(char c)
{
    return ends_address(c) || (c && strchr("/?#\\(){}'", c));
}

/* After so many bytes of a walk it asks whether to go on. What is left of them is for note_host() to count. */
static inline bool walks_on(const struct wd_host_search *search, size_t walked)
{
    return walked == 0 || walked % WD_EFFORT_PATIENCE != 0 || wd_goes_on(search->effort, WD_EFFORT_PATIENCE);
}

/* Behind the bytes from `at` on that are such; before that where the search should end. */
static inline size_t skip(const struct wd_host_search *search, size_t at, bool (*is_such)(char c))
{
    struct wd_str text = search->text;
    for (size_t start = at; at < text.len && is_such(text.data[at]) && walks_on(search, at - start);)
        at++;
    return at;
}

static size_t host_end(const struct wd_host_search *search, size_t at)
{
    struct wd_str text = search->text;
    if (wd_byte_at(text, at) == '[') {
        size_t end = at + 1;
        while (end < text.len && end - at < 48 &&
               (wd_is_alnum_byte(text.data[end]) || text.data[end] == ':' || text.data[end] == '.'))
            end++;
        return wd_byte_at(text, end) == ']' ? end + 1 : at;
    }
    size_t end = at;
    for (size_t i = at; i < text.len && is_host_byte(text.data[i]) && walks_on(search, i - at); i++)
        if (!is_dot_or_dash(text.data[i]))
            end = i + 1;
    return end;
}

/* What follows a host belongs to its link; where that reaches is only ever looked for once. */
static void enter_rest(struct wd_host_search *search, size_t host_ends)
{
    struct wd_str text = search->text;
    size_t at = host_ends;
    if (wd_byte_at(text, at) == ':' && wd_is_digit_byte(wd_byte_at(text, at + 1)))
        at = skip(search, at + 1, wd_is_digit_byte);
    char c = wd_byte_at(text, at);
    if (c != '/' && c != '?' && c != '#' && c != '\\')
        return;
    if (at < search->rest_end)
        return;
    search->rest_end = skip(search, at, is_address_byte);
}

/* The host of an address whose "://" is at `at`: behind the last @ of the authority. */
static bool host_behind_scheme(struct wd_host_search *search, size_t at, struct wd_host_place *out)
{
    struct wd_str text = search->text;
    size_t start = at + 3;
    start = skip(search, start, is_slash); /* browsers take any number of them */
    *out = (struct wd_host_place){.start = start, .has_scheme = true};
    for (size_t i = start; i < text.len && i - start < AUTHORITY_MAX && !ends_authority(text.data[i]); i++)
        if (text.data[i] == '@') {
            out->start = i + 1;
            out->has_user = true;
        }
    out->end = host_end(search, out->start);
    search->at = out->end > at + 3 ? out->end : at + 3;
    if (out->end <= out->start)
        return false;
    enter_rest(search, out->end);
    return true;
}

/* The host whose dot is at `at`, from `lowest` on. */
static bool host_around(struct wd_host_search *search, size_t lowest, size_t at, struct wd_host_place *out)
{
    struct wd_str text = search->text;
    size_t start = at, end = skip(search, at + 1, is_host_byte);
    while (start > lowest && is_host_byte(text.data[start - 1]) && walks_on(search, at - start))
        start--;
    search->at = end;
    start = skip(search, start, is_dot_or_dash);
    start = start < end ? start : end;
    end = end > start ? host_end(search, start) : start;
    bool has_dot = end > start && memchr(text.data + start, '.', end - start);
    if (!has_dot && (at < start || at >= end || text.data[at] == '.'))
        return false;
    char before = wd_byte_before(text, start), behind = wd_byte_at(text, end);
    bool in_path = (before == '/' || before == '\\') && wd_byte_before(text, start - 1) != before;
    if (behind == '@' || in_path)
        return false;
    *out = (struct wd_host_place){.start = start, .end = end, .is_local = before == '@'};
    enter_rest(search, end);
    return true;
}

/* The ideographic full stop, which browsers read as a dot, between ASCII letters or digits. */
static bool is_ideographic_dot(struct wd_str text, size_t at)
{
    return at + 3 < text.len && memcmp(text.data + at, "\xE3\x80\x82", 3) == 0 &&
           wd_is_alnum_byte(wd_byte_before(text, at)) && wd_is_alnum_byte(text.data[at + 3]);
}

/* The steps up to where the search is, and what a caller will pay for a name that is not ASCII. */
static bool note_host(struct wd_host_search *search, size_t from, const struct wd_host_place *place)
{
    size_t steps = search->at - from + 16;
    for (size_t i = place ? place->start : 0; place && i < place->end && i - place->start <= WD_HOST_MAX; i++)
        if (search->text.data[i] & 0x80) {
            steps += WD_EFFORT_CHECKSUM;
            break;
        }
    return wd_goes_on(search->effort, steps);
}

bool wd_next_host(struct wd_host_search *search, struct wd_host_place *out)
{
    struct wd_str text = search->text;
    size_t lowest = search->at, counted = search->at;
    for (size_t at = search->at; at < text.len; at++) {
        if (at - counted > WD_EFFORT_PATIENCE) {
            if (!wd_goes_on(search->effort, at - counted))
                break;
            counted = at;
        }
        char c = text.data[at];
        if (c == ':' && at > 0 && at + 3 < text.len && text.data[at + 1] == '/' && text.data[at + 2] == '/' &&
            wd_is_alnum_byte(text.data[at - 1])) {
            bool found = host_behind_scheme(search, at, out);
            if (!note_host(search, counted, found ? out : NULL))
                break;
            if (found)
                return true;
            lowest = counted = search->at;
            at = search->at - 1;
        } else if ((c == '.' || (c == '\xE3' && is_ideographic_dot(text, at))) && at >= search->rest_end) {
            bool found = host_around(search, lowest > search->rest_end ? lowest : search->rest_end, at, out);
            if (!note_host(search, counted, found ? out : NULL))
                break;
            if (found)
                return true;
            lowest = counted = search->at;
            at = search->at - 1;
        }
    }
    search->at = text.len;
    return false;
}
