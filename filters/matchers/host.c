/* Host names: normal form, registrable domain, public suffixes. */
#include <string.h>

#include <idn2.h>
#include <libpsl.h>

#include "filters/matchers/address.h"
#include "filters/matchers/characters.h"
#include "filters/matchers/host.h"

enum { LABEL_MAX = 63 };

static bool set_text(struct wd_host *out, const char *text)
{
    size_t len = strlen(text);
    if (len > WD_HOST_MAX)
        return false;
    memcpy(out->text, text, len + 1);
    out->len = (uint8_t)len;
    return true;
}

/* ---- addresses ---- */

/* Such a host is an address or nothing. */
static bool ends_in_number(const struct wd_host *host)
{
    const char *dot = memrchr(host->text, '.', host->len);
    struct wd_str label = wd_str_from(dot ? dot + 1 : host->text);
    uint64_t value;
    bool all_digits = true;
    for (size_t i = 0; i < label.len; i++)
        all_digits = all_digits && wd_is_digit_byte(label.data[i]);
    return all_digits || (wd_str_starts_with(label, "0x") && wd_address_number(label, &value));
}

static bool take_ipv4(struct wd_host *out)
{
    uint32_t address;
    char text[WD_ADDRESS_TEXT_MAX];
    if (!wd_ipv4_read((struct wd_str){out->text, out->len}, &address))
        return false;
    out->is_address = true;
    wd_ipv4_write(address, text);
    return set_text(out, text);
}

/* In brackets. */
static bool take_ipv6(struct wd_str text, struct wd_host *out)
{
    uint16_t groups[8];
    char copy[WD_ADDRESS_TEXT_MAX];
    if (text.len < 4 || text.data[text.len - 1] != ']' ||
        !wd_ipv6_read((struct wd_str){text.data + 1, text.len - 2}, groups))
        return false;
    out->is_address = true;
    wd_ipv6_write(groups, copy);
    return set_text(out, copy);
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
    out->is_address = false;
    if (text.len && text.data[text.len - 1] == '.')
        text.len--;
    if (!text.len || text.len > WD_HOST_MAX)
        return false;
    if (text.data[0] == '[')
        return take_ipv6(text, out);
    if (!(is_ascii(text) ? take_ascii(text, out) : take_idn(text, out)))
        return false;
    return !ends_in_number(out) || take_ipv4(out);
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
