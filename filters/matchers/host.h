/* Host names and addresses in one form, so that they can be compared. Pure; what always holds: a normal host is ASCII,
 * in small letters, without a dot at the end. Neighbours: hosts_in_text.c finds hosts, domain_set.c looks them up. */
#ifndef FILTERS_MATCHERS_HOST_H
#define FILTERS_MATCHERS_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warden/str.h>

#include "filters/matchers/effort.h"

enum { WD_HOST_MAX = 253 };

struct wd_host {
    char text[WD_HOST_MAX + 1]; /* NUL-terminated */
    uint8_t len;
    bool is_address; /* IPv4 in four numbers, whatever it was written as; IPv6 as RFC 5952 has it, without brackets */
};

/* False where `text` is neither a host name nor an address. Names that are not ASCII become their xn-- form. */
bool wd_host_normalize(struct wd_str text, struct wd_host *out);

/* The part that somebody registered: "example.co.uk" of "www.example.co.uk"; the whole host where there is none. */
struct wd_str wd_host_registrable(const struct wd_host *host);

/* Whether the last label is a top-level domain that exists, or one that is kept for examples. */
bool wd_host_has_known_end(const struct wd_host *host);

/* Whether strangers register names below it: "com", "co.uk", but not "github.io". */
bool wd_host_is_public_suffix(const struct wd_host *host);

/* ---- hosts in texts ---- */

struct wd_host_place {
    size_t start, end; /* of the host in the text */
    bool has_scheme;   /* it stands behind "://" */
    bool has_user;     /* and behind user@, which people take for the host */
    bool is_local;     /* the host of an e-mail address, not of a link */
};

/* The next place at or behind *at that can be a host; *at moves behind it. False: there is none. In the path and query
 * of a link only those with a scheme count. Candidates without a scheme have a dot, nothing more is known of them. */
struct wd_host_search {
    struct wd_str text;
    size_t at, rest_end;
    struct wd_effort *effort; /* NULL: as long as it takes */
};
bool wd_next_host(struct wd_host_search *search, struct wd_host_place *out);

/* ---- sets ---- */

/* Entries are normal hosts; they and the slots belong to the caller and must outlive the set. */
struct wd_domain_set {
    const struct wd_str *entries;
    const uint32_t *slots; /* index + 1 by hash */
    size_t slot_mask;
};
/* Slots that `count` entries need; they must be zero when the set is filled. */
size_t wd_domain_slots(size_t count);
void wd_domain_set_fill(struct wd_domain_set *set, const struct wd_str *entries, size_t count, uint32_t *slots,
                        size_t slot_count);
/* Whether the host is an entry or below one. Addresses only as they are. */
bool wd_domain_set_has(const struct wd_domain_set *set, struct wd_str name, bool is_address);

#endif
