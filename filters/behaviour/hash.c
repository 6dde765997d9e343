/* The hash by which values know items, contents and authors: the same on every machine and in every version, for it is
 * stored. Eight bytes at a time into a product of 128 bits whose halves are folded. No secret is in it: two items that
 * somebody makes equal count as one, which is of no use to him. */
#include "filters/behaviour/bytes.h"
#include "filters/behaviour/cells.h"

static uint64_t fold_product(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t load_up_to_8(const unsigned char *at, size_t len)
{
    uint64_t n = 0;
    for (size_t i = 0; i < len; i++)
        n |= (uint64_t)at[i] << (8 * i);
    return n;
}

uint64_t wd_item_hash(struct wd_str text)
{
    static const uint64_t A = 0xA0761D6478BD642FULL, B = 0xE7037ED1A0B428DBULL, C = 0x8EBC6AF09C88C6E3ULL;
    const unsigned char *at = (const unsigned char *)text.data;
    uint64_t hash = A ^ fold_product(text.len ^ B, C);
    size_t left = text.len;
    for (; left >= 8; left -= 8, at += 8)
        hash = fold_product(load64(at) ^ B, hash ^ C) + A;
    if (left)
        hash = fold_product(load_up_to_8(at, left) ^ B, hash ^ C) + A;
    return fold_product(hash ^ A, C ^ text.len);
}
