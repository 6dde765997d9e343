/* Base 58 with its checksum, bech32, the capitals of Ethereum. */
#include <string.h>

#include <openssl/evp.h>

#include "filters/matchers/characters.h"
#include "filters/matchers/checksum.h"

/* ---- base 58 ---- */

static const char BASE58[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

size_t wd_base58_decode(struct wd_str text, uint8_t *out, size_t room)
{
    size_t used = 0, zeros = 0; /* `used` bytes at the end of `out` hold the number so far */
    memset(out, 0, room);
    while (zeros < text.len && text.data[zeros] == '1')
        zeros++;
    for (size_t i = zeros; i < text.len; i++) {
        const char *digit = text.data[i] ? strchr(BASE58, text.data[i]) : NULL;
        if (!digit)
            return 0;
        unsigned carry = (unsigned)(digit - BASE58);
        for (size_t j = 0; j < used || carry; j++) {
            if (j == room)
                return 0;
            carry += 58U * out[room - 1 - j];
            out[room - 1 - j] = (uint8_t)carry;
            carry >>= 8;
            used = j + 1 > used ? j + 1 : used;
        }
    }
    if (zeros + used > room)
        return 0;
    memmove(out + zeros, out + room - used, used);
    memset(out, 0, zeros);
    return zeros + used;
}

static bool sha256(const uint8_t *bytes, size_t len, uint8_t out[32])
{
    return EVP_Digest(bytes, len, out, NULL, EVP_sha256(), NULL) == 1;
}

bool wd_base58check_holds(const uint8_t bytes[25])
{
    uint8_t once[32], twice[32];
    return sha256(bytes, 21, once) && sha256(once, sizeof(once), twice) && memcmp(twice, bytes + 21, 4) == 0;
}

/* ---- bech32 ---- */

static const char BECH32[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
enum { BECH32_MAX = 90, BECH32_CHECK = 6 };
static const uint32_t BECH32_SUM = 1, BECH32M_SUM = 0x2bc830a3;

static uint32_t append(uint32_t sum, unsigned value)
{
    static const uint32_t GENERATOR[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
    uint32_t top = sum >> 25;
    sum = (sum & 0x1ffffff) << 5 ^ value;
    for (unsigned i = 0; i < 5; i++)
        sum ^= top >> i & 1 ? GENERATOR[i] : 0;
    return sum;
}

static bool has_one_case(struct wd_str text)
{
    bool lower = false, upper = false;
    for (size_t i = 0; i < text.len; i++) {
        lower |= text.data[i] >= 'a' && text.data[i] <= 'z';
        upper |= text.data[i] >= 'A' && text.data[i] <= 'Z';
    }
    return !lower || !upper;
}

static char small(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* The sum over prefix and data; the values of the data go to `values`. 0: not of the alphabet. */
static uint32_t sum_of(struct wd_str text, size_t prefix_len, uint8_t values[BECH32_MAX])
{
    uint32_t sum = 1;
    for (size_t i = 0; i < prefix_len; i++)
        sum = append(sum, (unsigned)small(text.data[i]) >> 5);
    sum = append(sum, 0);
    for (size_t i = 0; i < prefix_len; i++)
        sum = append(sum, (unsigned)small(text.data[i]) & 31);
    for (size_t i = prefix_len + 1; i < text.len; i++) {
        char c = small(text.data[i]);
        const char *value = c ? strchr(BECH32, c) : NULL;
        if (!value)
            return 0;
        values[i - prefix_len - 1] = (uint8_t)(value - BECH32);
        sum = append(sum, (unsigned)(value - BECH32));
    }
    return sum;
}

bool wd_segwit_holds(struct wd_str text, const char *prefix)
{
    uint8_t values[BECH32_MAX];
    size_t prefix_len = strlen(prefix);
    if (text.len > BECH32_MAX || text.len < prefix_len + 1 + 1 + BECH32_CHECK || text.data[prefix_len] != '1' ||
        !has_one_case(text))
        return false;
    for (size_t i = 0; i < prefix_len; i++)
        if (small(text.data[i]) != prefix[i])
            return false;
    uint32_t sum = sum_of(text, prefix_len, values);
    size_t bits = (text.len - prefix_len - 1 - 1 - BECH32_CHECK) * 5, bytes = bits / 8;
    unsigned version = values[0];
    if (sum != (version ? BECH32M_SUM : BECH32_SUM) || version > 16 || bits % 8 > 4 || bytes < 2 || bytes > 40)
        return false;
    return version || bytes == 20 || bytes == 32;
}

/* ---- Ethereum ---- */

bool wd_ethereum_case_holds(const char hex[40])
{
    uint8_t lower[40], hash[32];
    struct wd_str text = {hex, 40};
    if (has_one_case(text))
        return true;
    for (size_t i = 0; i < 40; i++)
        lower[i] = (uint8_t)small(hex[i]);
    wd_keccak256(lower, sizeof(lower), hash);
    for (size_t i = 0; i < 40; i++) {
        unsigned nibble = hash[i / 2] >> (i % 2 ? 0 : 4) & 15;
        if (wd_is_letter_byte(hex[i]) && (nibble >= 8) != (hex[i] < 'a'))
            return false;
    }
    return true;
}
