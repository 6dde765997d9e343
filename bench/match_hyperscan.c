/* Hyperscan or Vectorscan with PCRE2 confirming, set up as favourably as we know how: one database in block mode, each
 * rule widened so that it is cheap (classes of ASCII and all past it, so that UCP is not needed; no look-arounds; what
 * a back-reference may be) and compiled as a prefilter that reports once. Rules that it refuses are always tried. Known
 * not to be exact: its tables of letters and their cases are older than PCRE2's. */
#include "bench/match.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hs/hs.h>

enum { RULES_MAX = 10000 }; /* for which the build takes two minutes already */

struct hyperscan {
    hs_database_t *database;
    hs_scratch_t *scratch;
    struct match_single *single;
    uint32_t *always;
    size_t always_count;
    unsigned char *seen;
    uint32_t *candidates;
    size_t candidate_count, count;
};

static unsigned flags_of(const struct match_rule *rule)
{
    return HS_FLAG_UTF8 | HS_FLAG_DOTALL | HS_FLAG_PREFILTER | HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY |
           (rule->caseless ? HS_FLAG_CASELESS : 0);
}

static bool is_taken(const char *pattern, unsigned flags)
{
    hs_expr_info_t *info = NULL;
    hs_compile_error_t *error = NULL;
    bool taken = hs_expression_info(pattern, flags, &info, &error) == HS_SUCCESS;
    free(info);
    hs_free_compile_error(error);
    return taken;
}

static bool compile(struct hyperscan *h, const struct match_rule *rules)
{
    const char **patterns = calloc(h->count, sizeof *patterns);
    unsigned *flags = calloc(h->count, sizeof *flags), *ids = calloc(h->count, sizeof *ids), used = 0;
    if (!patterns || !flags || !ids)
        abort();
    for (size_t i = 0; i < h->count; i++) {
        char *pattern = match_widened(rules[i].pattern, MATCH_WIDEN_LOOKS | MATCH_WIDEN_BACKS | MATCH_WIDEN_CLASSES);
        if (!is_taken(pattern, flags_of(&rules[i]))) {
            h->always[h->always_count++] = (uint32_t)i;
            free(pattern);
            continue;
        }
        patterns[used] = pattern;
        flags[used] = flags_of(&rules[i]);
        ids[used++] = (unsigned)i;
    }
    hs_compile_error_t *error = NULL;
    bool done = used > 0 &&
                hs_compile_multi(patterns, flags, ids, used, HS_MODE_BLOCK, NULL, &h->database, &error) == HS_SUCCESS;
    if (error)
        fprintf(stderr, "match: hyperscan: %s\n", error->message);
    hs_free_compile_error(error);
    for (unsigned i = 0; i < used; i++)
        free((char *)patterns[i]);
    free(patterns);
    free(flags);
    free(ids);
    if (getenv("MATCH_VERBOSE"))
        fprintf(stderr, "match: hyperscan leaves %zu rules to PCRE2 alone\n", h->always_count);
    return done && hs_alloc_scratch(h->database, &h->scratch) == HS_SUCCESS;
}

static void hyperscan_free(void *state)
{
    struct hyperscan *h = state;
    hs_free_scratch(h->scratch);
    hs_free_database(h->database);
    match_single_free(h->single);
    free(h->always);
    free(h->seen);
    free(h->candidates);
    free(h);
}

static void *hyperscan_build(const struct match_rule *rules, size_t count)
{
    if (count > RULES_MAX)
        return NULL;
    struct hyperscan *h = calloc(1, sizeof *h);
    if (!h)
        abort();
    h->count = count;
    h->always = calloc(count, sizeof *h->always);
    h->seen = calloc(count, 1);
    h->candidates = calloc(count, sizeof *h->candidates);
    h->single = match_single_new(rules, count, true);
    if (!h->always || !h->seen || !h->candidates)
        abort();
    if (!compile(h, rules)) {
        hyperscan_free(h);
        return NULL;
    }
    return h;
}

static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *context)
{
    (void)from;
    (void)to;
    (void)flags;
    struct hyperscan *h = context;
    if (!h->seen[id]) {
        h->seen[id] = 1;
        h->candidates[h->candidate_count++] = id;
    }
    return 0;
}

static size_t try_rule(struct hyperscan *h, uint32_t rule, struct wd_str text, match_found *found, void *context)
{
    if (!match_single_try(h->single, rule, text))
        return 0;
    if (found)
        found(context, rule);
    return 1;
}

static size_t hyperscan_scan(void *state, struct wd_str text, match_found *found, void *context)
{
    struct hyperscan *h = state;
    size_t matches = 0;
    h->candidate_count = 0;
    if (hs_scan(h->database, text.data, (unsigned)text.len, 0, h->scratch, on_match, h) != HS_SUCCESS)
        abort();
    for (size_t i = 0; i < h->candidate_count; i++) {
        h->seen[h->candidates[i]] = 0;
        matches += try_rule(h, h->candidates[i], text, found, context);
    }
    for (size_t i = 0; i < h->always_count; i++)
        matches += try_rule(h, h->always[i], text, found, context);
    return matches;
}

const struct match_engine match_hyperscan = {"hyperscan", "PCRE2 confirms; not exact: older tables of Unicode",
                                             hyperscan_build, hyperscan_scan, hyperscan_free};
