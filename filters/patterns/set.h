/* The inside of a set and of a scratch, shared by patterns.c (which builds) and scan.c (which matches). */
#ifndef FILTERS_PATTERNS_SET_H
#define FILTERS_PATTERNS_SET_H

#include "filters/patterns/confirm.h"
#include "filters/patterns/gates.h"
#include "filters/patterns/literal_index.h"
#include "filters/patterns/patterns.h"
#include "filters/patterns/skeleton.h"
#include "filters/patterns/watch.h"

struct rule {
    struct pcre_code code; /* none where native */
    uint32_t views;
    uint32_t gate; /* number in the gate index, or GATE_NONE */
    bool caseless : 1, all_hits : 1, native : 1;
    uint8_t index_class; /* enum wd_index_class */
};

struct wd_patterns {
    struct rule *rules;
    size_t count;
    const struct wide *wide; /* NULL: portable */
    uint32_t match_limit, quick_limit, subject_bytes;
    struct literal_index literals;
    struct literal_index cased_literals; /* those of rules to which case matters, if `cased_apart` */
    struct skeleton_index skeletons;
    struct gate_index gates;
    uint32_t *others; /* rules that only a gate sieves, or nothing; first those to which case matters */
    size_t other_count, cased_other_count;
    bool cased_apart;     /* else `literals` serves them, too */
    bool cased_skeletons; /* case matters to some rule among the skeletons */
    bool looks_far;       /* some rule looks back further than PATTERN_PIECE_BEHIND */
};

/* Something found: an occurrence of a native rule's string, or (rank CANDIDATE_RANK) a rule to be confirmed. */
struct found {
    uint32_t rule, start, end, rank;
    uint64_t where; /* of a rule to be confirmed: see struct pcre_search */
};

struct wd_pattern_scratch {
    struct pcre_matcher matcher;
    struct watch watch;
    struct pattern_hits hits;
    struct folded_text text;
    struct skeleton_scratch skeleton;
    struct gate_scratch gates;
    uint32_t *positions; /* GRAM_POSITIONS_MAX */
    struct found *found;
    size_t found_count, found_capacity;
    uint32_t *slots; /* by rule: 1 + index of its only entry in `found`; 0 between scans */
    size_t slots_capacity;
};

#endif
