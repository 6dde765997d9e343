/* Keccak-256 of short inputs, for the checksum of Ethereum addresses: OpenSSL 3.0 only has the padding of SHA-3. */
#include <string.h>

#include "filters/matchers/checksum.h"

enum { ROUNDS = 24, LANES = 25 };

static uint64_t rotate(uint64_t value, unsigned bits)
{
    return bits ? value << bits | value >> (64 - bits) : value;
}

/* Theta: every lane takes up the parity of two columns. */
static void mix_columns(uint64_t a[LANES])
{
    uint64_t parity[5];
    for (int x = 0; x < 5; x++)
        parity[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
    for (int i = 0; i < LANES; i++)
        a[i] ^= parity[(i % 5 + 4) % 5] ^ rotate(parity[(i % 5 + 1) % 5], 1);
}

/* Rho and pi: lanes are turned and change places. The offsets are triangular numbers along the walk of pi. */
static void move_lanes(uint64_t a[LANES])
{
    int x = 1, y = 0;
    uint64_t carried = a[1];
    for (unsigned t = 0; t < ROUNDS; t++) {
        int next = (2 * x + 3 * y) % 5;
        x = y;
        y = next;
        uint64_t taken = a[x + 5 * y];
        a[x + 5 * y] = rotate(carried, (t + 1) * (t + 2) / 2 % 64);
        carried = taken;
    }
}

/* Chi: the only step that is not linear. */
static void mix_rows(uint64_t a[LANES])
{
    for (int y = 0; y < LANES; y += 5) {
        uint64_t row[5];
        memcpy(row, a + y, sizeof(row));
        for (int x = 0; x < 5; x++)
            a[y + x] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5]);
    }
}

/* Iota: bits of a linear feedback register at places 2^j - 1. */
static uint64_t round_constant(uint8_t *state)
{
    uint64_t constant = 0;
    for (unsigned j = 0; j < 7; j++) {
        if (*state & 1)
            constant |= UINT64_C(1) << ((1U << j) - 1);
        *state = (uint8_t)(*state << 1 ^ (*state & 0x80 ? 0x71 : 0));
    }
    return constant;
}

static void permute(uint64_t a[LANES])
{
    uint8_t state = 1;
    for (int round = 0; round < ROUNDS; round++) {
        mix_columns(a);
        move_lanes(a);
        mix_rows(a);
        a[0] ^= round_constant(&state);
    }
}

void wd_keccak256(const uint8_t *bytes, size_t len, uint8_t out[32])
{
    uint8_t block[WD_KECCAK_BLOCK] = {0};
    uint64_t lanes[LANES] = {0};
    memcpy(block, bytes, len);
    block[len] ^= 0x01;
    block[WD_KECCAK_BLOCK - 1] ^= 0x80;
    for (size_t i = 0; i < WD_KECCAK_BLOCK; i++)
        lanes[i / 8] ^= (uint64_t)block[i] << (8 * (i % 8));
    permute(lanes);
    for (size_t i = 0; i < 32; i++)
        out[i] = (uint8_t)(lanes[i / 8] >> (8 * (i % 8)));
}
