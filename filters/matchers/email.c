/* E-mail addresses. Local parts are those that people have, not all that RFC 5321 allows. */
#include "filters/matchers/characters.h"
#include "filters/matchers/host.h"
#include "filters/matchers/matchers.h"

enum { LOCAL_MAX = 64 };

static bool is_local_byte(char c)
{
    return wd_is_alnum_byte(c) || (c & 0x80) || (c && strchr("._%+-'", c));
}

static bool is_host_byte(char c)
{
    return wd_is_alnum_byte(c) || (c & 0x80) || c == '-' || c == '.';
}

/* Characters of other scripts that are no letters, as quotation marks, end a name. */
static size_t letters_from(struct wd_str text, size_t start, size_t end)
{
    for (size_t at = start; at < end;) {
        bool is_ascii = !(text.data[at] & 0x80);
        uint32_t c = wd_next_character(text, &at);
        if (!is_ascii && !u_isalnum((UChar32)c) && !(U_MASK(u_charType((UChar32)c)) & U_GC_M_MASK))
            start = at;
    }
    return start < end ? start : end;
}

/* Where the local part that ends at the @ starts; `at` itself where there is none. */
static size_t local_start(struct wd_str text, size_t lowest, size_t at)
{
    size_t start = at;
    while (start > lowest && at - start <= LOCAL_MAX && is_local_byte(text.data[start - 1]))
        start--;
    if (at - start > LOCAL_MAX)
        return at;
    while (start < at && wd_continues_character(text.data[start]))
        start++; /* `lowest` can lie within a character */
    start = letters_from(text, start, at);
    while (start < at && !wd_is_alnum_byte(text.data[start]) && !(text.data[start] & 0x80))
        start++;
    bool is_user_of_link = start >= 2 && text.data[start - 1] == '/' && text.data[start - 2] == '/';
    bool is_fine =
        start < at && text.data[at - 1] != '.' && !is_user_of_link && !memmem(text.data + start, at - start, "..", 2);
    return is_fine ? start : at;
}

/* The end of the domain that starts at `start`, where it is one; else `start`. */
static size_t domain_end(struct wd_str text, size_t start, struct wd_effort *effort)
{
    struct wd_host host;
    size_t end = start, ascii_end = start;
    while (end < text.len && end - start <= WD_HOST_MAX && is_host_byte(text.data[end])) {
        ascii_end += ascii_end == end && !(text.data[end] & 0x80);
        end++;
    }
    while (ascii_end > start && (text.data[ascii_end - 1] == '.' || text.data[ascii_end - 1] == '-'))
        ascii_end--;
    while (end > start && (text.data[end - 1] == '.' || text.data[end - 1] == '-'))
        end--;
    wd_note_steps(effort, end - start + (end > ascii_end ? WD_EFFORT_CHECKSUM : 0));
    const size_t ends[2] = {end,
                            ascii_end}; /* the address can stand among characters that are written without spaces */
    for (int i = 0; i < 2; i++)
        if (wd_byte_at(text, ends[i]) != '@' && wd_byte_at(text, ends[i]) != '_' &&
            wd_host_normalize((struct wd_str){text.data + start, ends[i] - start}, &host) && host.text[0] != '-' &&
            wd_host_has_known_end(&host))
            return ends[i];
    return start;
}

void wd_find_emails(struct wd_str text, const struct wd_finder *finder)
{
    size_t lowest = 0;
    while (lowest < text.len) {
        const char *sign = memchr(text.data + lowest, '@', text.len - lowest);
        if (!sign)
            return;
        size_t at = (size_t)(sign - text.data), start = local_start(text, lowest, at);
        if (!wd_goes_on(finder->effort, at - lowest + LOCAL_MAX))
            return;
        size_t end = start < at ? domain_end(text, at + 1, finder->effort) : at + 1;
        if (end > at + 1)
            finder->found(finder->context, start, end);
        lowest = end;
    }
}
