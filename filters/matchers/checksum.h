/* Checksums of wallet addresses, inside the room. Pure. Neighbour: wallet.c. */
#ifndef FILTERS_MATCHERS_CHECKSUM_H
#define FILTERS_MATCHERS_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warden/str.h>

/* Keccak-256 as Ethereum uses it (padding 0x01, not that of SHA-3). `len` is at most 135 bytes: one block. */
enum { WD_KECCAK_BLOCK = 136 };
void wd_keccak256(const uint8_t *bytes, size_t len, uint8_t out[32]);

/* Base 58 to bytes; leading ones are zero bytes. The number of bytes; 0 where the text is none or has too many. */
size_t wd_base58_decode(struct wd_str text, uint8_t *out, size_t room);
/* 21 bytes (version and hash) and 4 of double SHA-256 over them. */
bool wd_base58check_holds(const uint8_t bytes[25]);

/* A segregated witness address (BIP 173, BIP 350) for the human-readable part `prefix` ("bc"). */
bool wd_segwit_holds(struct wd_str text, const char *prefix);

/* Mixed-case checksum of an Ethereum address (ERC-55): `hex` are its 40 digits. True where all letters have one case:
 * then there is no checksum. */
bool wd_ethereum_case_holds(const char hex[40]);

#endif
