/* What an event needs, while that is found out. Neighbours: recall.c, recall_keys.c, link_list.c. */
#ifndef FILTERS_RECALL_H
#define FILTERS_RECALL_H

#include "filters/remember.h"

enum { KEY_MAX = 200 };

/* The links of an event: their hashes, and at most HOSTS_MAX distinct hosts. */
struct link_list {
    uint64_t links[LINKS_MAX];
    size_t link_count;
    struct wd_str hosts[HOSTS_MAX];
    size_t host_count;
};
bool wd_list_links(struct wd_scanner *scanner, struct wd_arena *arena, const struct wd_event *event,
                   struct link_list *out);

struct recalling {
    struct wd_scanner *scanner;
    const struct behaviour *behaviour;
    struct evaluation *evaluation; /* for fields */
    const struct wd_event *event;
    struct wd_arena *arena;
    struct prepared *prepared;
    const struct cached_name *name;
    bool out_of_memory;
    bool has_links;
    struct link_list links;
    struct wd_str compared; /* absent where nothing is */
    bool is_joined;
    uint32_t fingerprint_length; /* min_length of the one below; 0: none yet */
    bool has_fingerprint;
    uint64_t fingerprint;
};

bool wd_has(struct wd_str text);

/* Index of a key among those of the event, put behind the others where it is new; NO_KEY where the event has no such
 * thing, or memory is out. wd_add_key may change the bytes. */
int wd_add_key(struct recalling *recalling, char *key, size_t len);
int wd_key_of(struct recalling *recalling, const struct wd_str *parts, size_t count);
int wd_author_key(struct recalling *recalling, struct wd_str id);
int wd_place_key(struct recalling *recalling, bool with_author);
int wd_content_key(struct recalling *recalling);
int wd_network_key(struct recalling *recalling);

#endif
