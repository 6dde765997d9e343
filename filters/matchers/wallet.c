/* Wallet addresses: runs of letters and digits whose checksum is right. */
#include "filters/matchers/characters.h"
#include "filters/matchers/checksum.h"
#include "filters/matchers/matchers.h"

enum { WALLET_MIN = 26, WALLET_MAX = 90 };

/* Addresses in base 58 with a version byte. */
static const struct {
    enum wd_wallet wallet;
    char first;
    uint8_t version;
} VERSIONS[] = {
    {WD_WALLET_BITCOIN, '1', 0x00},  {WD_WALLET_BITCOIN, '3', 0x05},  {WD_WALLET_LITECOIN, 'L', 0x30},
    {WD_WALLET_LITECOIN, 'M', 0x32}, {WD_WALLET_DOGECOIN, 'D', 0x1e}, {WD_WALLET_DOGECOIN, '9', 0x16},
    {WD_WALLET_DOGECOIN, 'A', 0x16}, {WD_WALLET_TRON, 'T', 0x41},
};

static bool wants(uint32_t wanted, enum wd_wallet wallet)
{
    return wanted >> wallet & 1;
}

static bool is_base58check(struct wd_str text, uint32_t wanted)
{
    uint8_t bytes[25];
    if (text.len > 35)
        return false;
    for (size_t i = 0; i < sizeof(VERSIONS) / sizeof(*VERSIONS); i++)
        if (VERSIONS[i].first == text.data[0] && wants(wanted, VERSIONS[i].wallet) &&
            wd_base58_decode(text, bytes, sizeof(bytes)) == sizeof(bytes) && bytes[0] == VERSIONS[i].version &&
            wd_base58check_holds(bytes))
            return true;
    return false;
}

static bool is_ethereum(struct wd_str text)
{
    if (text.len != 42 || text.data[0] != '0' || (text.data[1] | 0x20) != 'x')
        return false;
    bool differs = false;
    for (size_t i = 2; i < text.len; i++) {
        if (!wd_is_digit_byte(text.data[i]) && ((text.data[i] | 0x20) < 'a' || (text.data[i] | 0x20) > 'f'))
            return false;
        differs |= text.data[i] != text.data[2];
    }
    return differs && wd_ethereum_case_holds(text.data + 2);
}

/* Without a checksum: so it must at least look as random as one does. */
static bool is_solana(struct wd_str text)
{
    uint8_t bytes[32];
    bool lower = false, upper = false, digit = false;
    if (text.len < 43 || text.len > 44)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        lower |= text.data[i] >= 'a' && text.data[i] <= 'z';
        upper |= text.data[i] >= 'A' && text.data[i] <= 'Z';
        digit |= wd_is_digit_byte(text.data[i]);
    }
    return lower && upper && digit && wd_base58_decode(text, bytes, sizeof(bytes)) == sizeof(bytes);
}

static bool is_wallet(struct wd_str text, uint32_t wanted)
{
    return is_base58check(text, wanted) || (wants(wanted, WD_WALLET_ETHEREUM) && is_ethereum(text)) ||
           (wants(wanted, WD_WALLET_BITCOIN) && wd_segwit_holds(text, "bc")) ||
           (wants(wanted, WD_WALLET_LITECOIN) && wd_segwit_holds(text, "ltc")) ||
           (wants(wanted, WD_WALLET_SOLANA) && is_solana(text));
}

static bool has_space(const char *bytes)
{
    uint64_t eight;
    memcpy(&eight, bytes, sizeof(eight));
    eight ^= UINT64_C(0x2020202020202020); /* a space is zero now */
    return (eight - UINT64_C(0x0101010101010101)) & ~eight & UINT64_C(0x8080808080808080);
}

/* A run that is long enough reaches eight bytes and more to one side of any of its places; in most texts there is a
 * space on both. */
static bool may_be_in_run(struct wd_str text, size_t at)
{
    bool before = at >= 8 && !has_space(text.data + at - 8),
         behind = at + 9 <= text.len && !has_space(text.data + at + 1);
    return (before || behind) && wd_is_word_byte(text.data[at]);
}

bool wd_may_have_wallets(struct wd_str text)
{
    for (size_t at = WALLET_MIN - 1; at < text.len; at += WALLET_MIN)
        if (may_be_in_run(text, at))
            return true;
    return false;
}

/* Behind the word bytes from `at` on; the text's end where the search should end. */
static size_t run_end(struct wd_str text, size_t at, struct wd_effort *effort)
{
    size_t counted = at;
    for (; at < text.len && wd_is_word_byte(text.data[at]); at++)
        if (at - counted >= WD_EFFORT_PATIENCE) {
            if (!wd_goes_on(effort, at - counted))
                return text.len;
            counted = at;
        }
    wd_note_steps(effort, at - counted);
    return at;
}

void wd_find_wallets(struct wd_str text, uint32_t wanted, const struct wd_finder *finder)
{
    /* A run that is long enough covers one of the places looked at. */
    for (size_t at = WALLET_MIN - 1; at < text.len; at += WALLET_MIN) {
        if (!may_be_in_run(text, at)) {
            wd_note_steps(finder->effort, 1);
            continue;
        }
        size_t start = at, end = run_end(text, at + 1, finder->effort);
        while (start > 0 && at - start <= WALLET_MIN && wd_is_word_byte(text.data[start - 1]))
            start--;
        struct wd_str run = {text.data + start, end - start};
        bool is_long = run.len >= WALLET_MIN && run.len <= WALLET_MAX;
        if (!wd_goes_on(finder->effort, WALLET_MIN + (is_long ? WD_EFFORT_CHECKSUM : 0)))
            return;
        if (is_long && is_wallet(run, wanted))
            finder->found(finder->context, start, end);
        at = end - 1; /* so that the next place is WALLET_MIN behind the run */
    }
}
