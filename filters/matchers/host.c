/* Host names: normal form, registrable domain, public suffixes. */
#include <arpa/inet.h>
#include <string.h>

#include <idn2.h>
#include <libpsl.h>

#include "filters/matchers/characters.h"
#include "filters/matchers/host.h"

enum { LABEL_MAX = 63 };

/* ---- addresses ---- */

/* A number as browsers read it in an address: decimal, 0x hexadecimal, 0 octal. False where it is none. */
static bool read_number(const char *text, size_t len, uint64_t *out)
{
    unsigned base = 10;
    size_t at = 0;
    if (len >= 2 && text[0] == '0' && text[1] == 'x') {
        base = 16;
        at = 2;
    } else if (len >= 2 && text[0] == '0') {
        base = 8;
        at = 1;
    }
    uint64_t value = 0;
    for (; at < len; at++) {
        unsigned digit = wd_is_digit_byte(text[at])           ? (unsigned)(text[at] - '0')
                         : text[at] >= 'a' && text[at] <= 'f' ? (unsigned)(text[at] - 'a' + 10)
                                                              : 99;
        if (digit >= base || value > UINT32_MAX)
            return false;
        value = value * base + digit;
    }
    *out = value;
    return len > 0;
}

/* Such a host is an address or nothing. */
static bool ends_in_number(const struct wd_host *host)
{
    const char *dot = memrchr(host->text, '.', host->len);
    const char *label = dot ? dot + 1 : host->text;
    size_t len = (size_t)(host->text + host->len - label);
    uint64_t value;
    bool all_digits = true;
    for (size_t i = 0; i < len; i++)
        all_digits = all_digits && wd_is_digit_byte(label[i]);
    return all_digits || (label[0] == '0' && label[1] == 'x' && read_number(label, len, &value));
}

/* One to four numbers; the last fills what the others left. */
static bool read_ipv4(const struct wd_host *host, uint32_t *address_out)
{
    uint64_t parts[4];
    size_t count = 0, start = 0;
    for (size_t at = 0; at <= host->len; at++) {
        if (at < host->len && host->text[at] != '.')
            continue;
        if (count == 4 || !read_number(host->text + start, at - start, &parts[count]))
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
    *address_out = (uint32_t)address;
    return true;
}

static bool set_text(struct wd_host *out, const char *text)
{
    size_t len = strlen(text);
    if (len > WD_HOST_MAX)
        return false;
    memcpy(out->text, text, len + 1);
    out->len = (uint8_t)len;
    return true;
}

static bool take_address(int family, const void *address, struct wd_host *out)
{
    char text[INET6_ADDRSTRLEN];
    out->is_address = true;
    return inet_ntop(family, address, text, sizeof(text)) && set_text(out, text);
}

static bool take_ipv6(struct wd_str text, struct wd_host *out)
{
    char copy[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (text.len < 4 || text.len - 2 >= sizeof(copy) || text.data[text.len - 1] != ']')
        return false;
    memcpy(copy, text.data + 1, text.len - 2);
    copy[text.len - 2] = '\0';
    return inet_pton(AF_INET6, copy, &address) == 1 && take_address(AF_INET6, &address, out);
}

/* ---- names ---- */

static bool labels_are_fine(const struct wd_host *host)
{
    size_t start = 0;
    for (size_t at = 0; at <= host->len; at++) {
        char c = at < host->len ? host->text[at] : '.';
        if (c == '.') {
            if (at == start || at - start > LABEL_MAX)
                return false;
            start = at + 1;
        } else if (!wd_is_word_byte(c) && c != '-') {
            return false;
        }
    }
    return true;
}

static bool take_ascii(struct wd_str text, struct wd_host *out)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        out->text[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    out->text[text.len] = '\0';
    out->len = (uint8_t)text.len;
    return labels_are_fine(out);
}

static bool take_idn(struct wd_str text, struct wd_host *out)
{
    char copy[WD_HOST_MAX + 1];
    uint8_t *ascii = NULL;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    int flags = IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL;
    bool fine = idn2_lookup_u8((const uint8_t *)copy, &ascii, flags) == IDN2_OK && set_text(out, (char *)ascii);
    idn2_free(ascii);
    return fine && labels_are_fine(out);
}

static bool is_ascii(struct wd_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] & 0x80)
            return false;
    return true;
}

bool wd_host_normalize(struct wd_str text, struct wd_host *out)
{
    uint32_t address;
    out->is_address = false;
    if (text.len && text.data[text.len - 1] == '.')
        text.len--;
    if (!text.len || text.len > WD_HOST_MAX)
        return false;
    if (text.data[0] == '[')
        return take_ipv6(text, out);
    if (!(is_ascii(text) ? take_ascii(text, out) : take_idn(text, out)))
        return false;
    if (!ends_in_number(out))
        return true;
    if (!read_ipv4(out, &address))
        return false;
    address = htonl(address);
    return take_address(AF_INET, &address, out);
}

struct wd_str wd_host_registrable(const struct wd_host *host)
{
    const char *domain = host->is_address ? NULL : psl_registrable_domain(psl_builtin(), host->text);
    return domain ? wd_str_from(domain) : (struct wd_str){host->text, host->len};
}

static bool is_kept_for_examples(const char *label)
{
    static const char *const NAMES[] = {"example", "test", "invalid", "localhost"};
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(*NAMES); i++)
        if (strcmp(label, NAMES[i]) == 0)
            return true;
    return false;
}

bool wd_host_has_known_end(const struct wd_host *host)
{
    const char *dot = memrchr(host->text, '.', host->len);
    if (host->is_address || !dot)
        return false;
    return is_kept_for_examples(dot + 1) ||
           psl_is_public_suffix2(psl_builtin(), dot + 1, PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE) == 1;
}

bool wd_host_is_public_suffix(const struct wd_host *host)
{
    return !host->is_address &&
           psl_is_public_suffix2(psl_builtin(), host->text, PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE) == 1;
}
