/* What is found out of a text once and asked for by several conditions. What always holds: facts are those of one text,
 * live in the event's arena, and are found when somebody asks first. Neighbours: kinds_links.c asks. */
#ifndef FILTERS_MATCHERS_FACTS_H
#define FILTERS_MATCHERS_FACTS_H

#include <stdbool.h>
#include <stddef.h>

#include <warden/arena.h>
#include <warden/str.h>

#include "filters/matchers/host.h"

/* A place of the text that names a host. Where words are written without spaces a host stands right among other
 * characters: so a place is followed by its parts that are ASCII, and of these the first that is wanted counts where
 * the whole is not. */
struct wd_host_fact {
    struct wd_host_fact *next;
    size_t start, end;
    struct wd_str name; /* normal */
    bool is_address, is_part;
};

struct wd_text_facts {
    struct wd_arena *arena;
    bool knows_hosts, out_of_memory;
    struct wd_host_fact *hosts, *last_host;
    struct wd_host_search rest; /* goes on behind the hosts that are listed: there are WD_HOST_FACTS_MAX at most */
};
enum { WD_HOST_FACTS_MAX = 64 };

/* The hosts of the text's links. */
const struct wd_host_fact *wd_facts_hosts(struct wd_text_facts *facts, struct wd_str text, struct wd_effort *effort);

/* The next ASCII part with a dot of a place that has other characters, too; *at starts at place->start. */
bool wd_next_host_part(struct wd_str text, const struct wd_host_place *place, size_t *at, struct wd_host_place *out);

#endif
