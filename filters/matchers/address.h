/* IP addresses as text, inside the room. Pure; written here since the system's functions come with the network's
 * headers. Neighbour: host.c. */
#ifndef FILTERS_MATCHERS_ADDRESS_H
#define FILTERS_MATCHERS_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warden/str.h>

enum { WD_ADDRESS_TEXT_MAX = 40 };

/* A number as browsers read it in an address: decimal, 0x hexadecimal, 0 octal; digits in small letters. */
bool wd_address_number(struct wd_str text, uint64_t *out);

/* IPv4 as browsers read it: one to four numbers, the last of which fills what the others left. */
bool wd_ipv4_read(struct wd_str text, uint32_t *out);
void wd_ipv4_write(uint32_t address, char out[WD_ADDRESS_TEXT_MAX]);

/* IPv6 without brackets and zone; written as RFC 5952 wants it. */
bool wd_ipv6_read(struct wd_str text, uint16_t groups_out[8]);
void wd_ipv6_write(const uint16_t groups[8], char out[WD_ADDRESS_TEXT_MAX]);

#endif
