/* Reads and writes IP addresses. */
#include "filters/matchers/address.h"

#include <stdio.h>

#include "filters/matchers/characters.h"

enum { IPV6_GROUPS = 8 };

static unsigned digit_of(char c)
{
    if (wd_is_digit_byte(c))
        return (unsigned)(c - '0');
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : 99;
}

bool wd_address_number(struct wd_str text, uint64_t *out)
{
    unsigned base = 10;
    size_t at = 0;
    if (text.len >= 2 && text.data[0] == '0') {
        base = text.data[1] == 'x' ? 16 : 8;
        at = base == 16 ? 2 : 1;
    }
    uint64_t value = 0;
    for (; at < text.len; at++) {
        unsigned digit = digit_of(text.data[at]);
        if (digit >= base || value > UINT32_MAX)
            return false;
        value = value * base + digit;
    }
    *out = value;
    return text.len > 0;
}

bool wd_ipv4_read(struct wd_str text, uint32_t *out)
{
    uint64_t parts[4];
    size_t count = 0, start = 0;
    for (size_t at = 0; at <= text.len; at++) {
        if (at < text.len && text.data[at] != '.')
            continue;
        if (count == 4 || !wd_address_number((struct wd_str){text.data + start, at - start}, &parts[count]))
            return false;
        count++;
        start = at + 1;
    }
    uint64_t address = parts[count - 1];
    if (address >> (8 * (5 - count)))
        return false;
    for (size_t i = 0; i + 1 < count; i++) {
        if (parts[i] > 255)
            return false;
        address |= parts[i] << (8 * (3 - i));
    }
    *out = (uint32_t)address;
    return true;
}

void wd_ipv4_write(uint32_t address, char out[WD_ADDRESS_TEXT_MAX])
{
    snprintf(out, WD_ADDRESS_TEXT_MAX, "%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255,
             address & 255);
}

/* One to four hexadecimal digits at *at, which moves behind them. */
static bool read_group(struct wd_str text, size_t *at, uint16_t *out)
{
    size_t start = *at;
    unsigned value = 0;
    while (*at < text.len && *at - start < 4 && digit_of(text.data[*at]) < 16)
        value = value * 16 + digit_of(text.data[(*at)++]);
    *out = (uint16_t)value;
    return *at > start;
}

/* The last two groups may be written as an IPv4 address. */
static bool read_tail(struct wd_str text, size_t at, uint16_t *groups, size_t count)
{
    uint32_t address;
    struct wd_str tail = {text.data + at, text.len - at};
    size_t dots = 0;
    for (size_t i = 0; i < tail.len; i++)
        dots += tail.data[i] == '.';
    if (count > IPV6_GROUPS - 2 || dots != 3 || !wd_ipv4_read(tail, &address))
        return false;
    groups[count] = (uint16_t)(address >> 16);
    groups[count + 1] = (uint16_t)address;
    return true;
}

bool wd_ipv6_read(struct wd_str text, uint16_t groups_out[8])
{
    uint16_t groups[IPV6_GROUPS] = {0};
    size_t count = 0, gap = SIZE_MAX, at = 0;
    if (wd_str_starts_with(text, "::")) {
        gap = 0;
        at = 2;
    }
    while (at < text.len) {
        size_t start = at;
        if (count == IPV6_GROUPS || !read_group(text, &at, &groups[count]))
            return false;
        if (wd_byte_at(text, at) == '.') {
            if (!read_tail(text, start, groups, count))
                return false;
            count += 2;
            break;
        }
        count++;
        if (at == text.len)
            break;
        if (text.data[at++] != ':' || at == text.len)
            return false;
        if (text.data[at] != ':')
            continue;
        if (gap != SIZE_MAX)
            return false;
        gap = count;
        at++;
    }
    if (gap == SIZE_MAX ? count != IPV6_GROUPS : count >= IPV6_GROUPS)
        return false;
    memset(groups_out, 0, IPV6_GROUPS * sizeof(*groups_out));
    size_t before = gap == SIZE_MAX ? count : gap;
    memcpy(groups_out, groups, before * sizeof(*groups));
    memcpy(groups_out + IPV6_GROUPS - (count - before), groups + before, (count - before) * sizeof(*groups));
    return true;
}

/* The first of the longest runs of two and more zero groups; its length is 0 where there is none. */
static size_t longest_zeros(const uint16_t groups[8], size_t *length_out)
{
    size_t best = 0, length = 1;
    for (size_t i = 0; i < IPV6_GROUPS; i++) {
        size_t end = i;
        while (end < IPV6_GROUPS && groups[end] == 0)
            end++;
        if (end - i > length) {
            best = i;
            length = end - i;
        }
    }
    *length_out = length > 1 ? length : 0;
    return best;
}

void wd_ipv6_write(const uint16_t groups[8], char out[WD_ADDRESS_TEXT_MAX])
{
    size_t length, gap = longest_zeros(groups, &length), used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < IPV6_GROUPS; i++) {
        bool in_gap = length && i >= gap && i < gap + length;
        if (in_gap && i == gap)
            used += (size_t)snprintf(out + used, WD_ADDRESS_TEXT_MAX - used, "::");
        if (in_gap)
            continue;
        bool colon = i > 0 && !(length && i == gap + length);
        used += (size_t)snprintf(out + used, WD_ADDRESS_TEXT_MAX - used, "%s%x", colon ? ":" : "", groups[i]);
    }
}
