/* Numbers in the bytes of a value: little-endian wherever it is read, at any address. Times take 48 bits. */
#ifndef FILTERS_BEHAVIOUR_BYTES_H
#define FILTERS_BEHAVIOUR_BYTES_H

#include <stdint.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#define BYTES_SWAP 1
#else
#define BYTES_SWAP 0
#endif

static inline uint16_t load16(const unsigned char *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t load32(const unsigned char *at)
{
    uint32_t n;
    memcpy(&n, at, sizeof n);
    return BYTES_SWAP ? __builtin_bswap32(n) : n;
}

static inline uint64_t load64(const unsigned char *at)
{
    uint64_t n;
    memcpy(&n, at, sizeof n);
    return BYTES_SWAP ? __builtin_bswap64(n) : n;
}

static inline int64_t load48(const unsigned char *at)
{
    return (int64_t)(load32(at) | (uint64_t)load16(at + 4) << 32);
}

static inline void store16(unsigned char *at, uint32_t n)
{
    at[0] = (unsigned char)n;
    at[1] = (unsigned char)(n >> 8);
}

static inline void store32(unsigned char *at, uint32_t n)
{
    n = BYTES_SWAP ? __builtin_bswap32(n) : n;
    memcpy(at, &n, sizeof n);
}

static inline void store64(unsigned char *at, uint64_t n)
{
    n = BYTES_SWAP ? __builtin_bswap64(n) : n;
    memcpy(at, &n, sizeof n);
}

/* 0 <= n < 2^48. */
static inline void store48(unsigned char *at, int64_t n)
{
    store32(at, (uint32_t)n);
    store16(at + 4, (uint32_t)((uint64_t)n >> 32));
}

static inline void store_double(unsigned char *at, double number)
{
    uint64_t n;
    memcpy(&n, &number, sizeof n);
    store64(at, n);
}

/* What is no number of a value (infinite, not a number, negative) reads as 0. */
static inline double load_amount(const unsigned char *at)
{
    uint64_t n = load64(at);
    double number;
    memcpy(&number, &n, sizeof number);
    return number >= 0 && number <= 1e300 ? number : 0;
}

#endif
