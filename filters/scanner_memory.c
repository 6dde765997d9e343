/* What a scanner keeps for a rule set, and what event names mean to it. What always holds: arrays as long as the set
 * are never cleared, entries count only where they carry the generation of the event. Neighbours: scanner_internal.h.
 */
#include <stdlib.h>
#include <string.h>

#include "filters/rules/behaviour.h"
#include "filters/scanner_internal.h"

static size_t scope_words(const struct wd_ruleset *set)
{
    return set->scope_count / 64 + 1;
}

static size_t signal_words(const struct wd_ruleset *set)
{
    return set->behaviour ? set->behaviour->signal_count / 64 + 1 : 0;
}

/* Written to here, so that the scanner's thread meets no page for the first time. */
static void *zeros(size_t count, size_t size)
{
    void *memory = malloc((count + 1) * size);
    return memory ? memset(memory, 0, (count + 1) * size) : NULL;
}

static void place_names(struct wd_scanner_memory *memory, const struct wd_ruleset *set)
{
    uint64_t *bits = memory->name_bits;
    for (size_t i = 0; i <= CACHED_NAMES; i++) {
        memory->names[i] = (struct cached_name){.scopes = bits, .signals = bits + scope_words(set)};
        bits += scope_words(set) + signal_words(set);
    }
}

struct wd_scanner_memory *wd_scanner_memory_new(const struct wd_ruleset *set)
{
    struct wd_scanner_memory *memory = zeros(1, sizeof(*memory));
    if (!memory)
        return NULL;
    memory->serial = set->serial;
    memory->lists = zeros(set->leaf_count, sizeof(*memory->lists));
    memory->touched = zeros(set->rule_count, sizeof(*memory->touched));
    memory->candidates = zeros(set->rule_count, sizeof(*memory->candidates));
    memory->name_bits = zeros((CACHED_NAMES + 1) * (scope_words(set) + signal_words(set)), sizeof(*memory->name_bits));
    memory->skip = zeros(set->atom_count / 64, sizeof(*memory->skip));
    memory->rule_shares = zeros(set->rule_count, sizeof(*memory->rule_shares));
    memory->scope_shares = zeros(set->scope_count, sizeof(*memory->scope_shares));
    memory->answers = zeros(set->behaviour ? set->behaviour->signal_count : 0, sizeof(*memory->answers));
    memory->questions = zeros(set->behaviour ? set->behaviour->question_count : 0, sizeof(*memory->questions));
    if (!memory->lists || !memory->touched || !memory->candidates || !memory->name_bits || !memory->skip ||
        !memory->rule_shares || !memory->scope_shares || !memory->answers || !memory->questions) {
        wd_scanner_memory_free(memory);
        return NULL;
    }
    place_names(memory, set);
    return memory;
}

void wd_scanner_memory_free(struct wd_scanner_memory *memory)
{
    if (!memory)
        return;
    free(memory->lists);
    free(memory->touched);
    free(memory->candidates);
    free(memory->name_bits);
    free(memory->skip);
    free(memory->rule_shares);
    free(memory->scope_shares);
    free(memory->answers);
    free(memory->questions);
    free(memory);
}

struct wd_scanner_memory *wd_scanner_exchange_memory(struct wd_scanner *scanner, struct wd_scanner_memory *memory)
{
    struct wd_scanner_memory *old = scanner->memory;
    scanner->memory = memory;
    return old;
}

bool wd_scanner_fit(struct wd_scanner *scanner, const struct wd_ruleset *set)
{
    if (scanner->memory && scanner->memory->serial == set->serial)
        return true;
    wd_scanner_memory_free(scanner->memory);
    scanner->memory = wd_scanner_memory_new(set);
    return scanner->memory != NULL;
}

/* ---- event names ---- */

static bool ends_with(struct wd_str name, const char *end)
{
    size_t len = strlen(end);
    return name.len >= len && memcmp(name.data + name.len - len, end, len) == 0;
}

static bool ends_with_one(struct wd_str name, const char *const *ends)
{
    for (; *ends; ends++)
        if (ends_with(name, *ends))
            return true;
    return false;
}

static bool begins_with_one(struct wd_str name, const char *const *begins)
{
    for (; *begins; begins++)
        if (wd_str_starts_with(name, *begins))
            return true;
    return false;
}

bool wd_event_makes_object(struct wd_str name)
{
    static const char *const MADE[] = {".didCreate", ".didReply", ".shouldCreate", NULL};
    return ends_with_one(name, MADE);
}

uint32_t wd_event_traits(struct wd_str name)
{
    static const char *const WRITTEN[] = {"message.", "post.", "comment.", "story.", NULL};
    static const char *const DESCRIBED[] = {"user.", "channel.", "community.", NULL};
    static const char *const MADE[] = {".didCreate", ".didReply", NULL};
    static const char *const ABOUT_TO_BE_MADE[] = {".shouldCreate", NULL};
    static const char *const EDITED[] = {".didUpdate", ".shouldUpdate", NULL};
    static const char *const CLEARED[] = {".didClearFlag", ".didClearflag", NULL};
    static const char *const PROVED[] = {".didBan", ".didDelete", ".didDecline", NULL};
    bool written = begins_with_one(name, WRITTEN), made = ends_with_one(name, MADE),
         edited = ends_with_one(name, EDITED), cleared = ends_with_one(name, CLEARED),
         of_user = wd_str_starts_with(name, "user.");
    uint32_t traits = 0;
    if ((written || begins_with_one(name, DESCRIBED)) && (made || edited || ends_with_one(name, ABOUT_TO_BE_MADE)))
        traits |= TRAIT_CONTENT;
    traits |= written && made ? TRAIT_NEW_CONTENT : 0;
    traits |= edited ? TRAIT_EDIT : 0;
    traits |= (cleared && !of_user) || ends_with(name, ".didApprove") ? TRAIT_CLEARS_CONTENT : 0;
    traits |= cleared && of_user ? TRAIT_CLEARS_USER : 0;
    traits |= ends_with(name, ".didBan") ? TRAIT_BANS : 0;
    traits |= ends_with(name, ".didUnban") ? TRAIT_UNBANS : 0;
    traits |= ends_with_one(name, PROVED) ? TRAIT_PROVES_REPORTS : 0;
    return traits;
}

static bool one_covers(const char *const *globs, size_t count, struct wd_str name)
{
    for (size_t i = 0; i < count; i++)
        if (wd_glob_matches(globs[i], name))
            return true;
    return false;
}

static void cover_behaviour(const struct behaviour *behaviour, struct wd_str name, struct cached_name *cached)
{
    for (size_t i = 0; i < behaviour->signal_count; i++)
        if (one_covers(behaviour->signals[i].globs, behaviour->signals[i].glob_count, name))
            cached->signals[i / 64] |= UINT64_C(1) << i % 64;
    for (size_t i = 0; i < behaviour->score_count; i++)
        if (one_covers(behaviour->scores[i].reports.globs, behaviour->scores[i].reports.glob_count, name))
            cached->reports |= 1U << i;
}

static void cover(const struct wd_ruleset *set, struct wd_str name, struct cached_name *cached)
{
    memset(cached->scopes, 0, scope_words(set) * sizeof(*cached->scopes));
    memset(cached->signals, 0, signal_words(set) * sizeof(*cached->signals));
    cached->reports = 0;
    cached->traits = wd_event_traits(name);
    for (size_t i = 0; i < set->scope_count; i++)
        if (set->scopes[i].is_live && wd_scope_covers(&set->scopes[i], name))
            cached->scopes[i / 64] |= UINT64_C(1) << i % 64;
    if (set->behaviour)
        cover_behaviour(set->behaviour, name, cached);
}

static uint64_t mixed(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 29;
}

/* Eight bytes at a time; the last ones lie over those before. */
static uint64_t name_hash(struct wd_str name)
{
    uint64_t hash = name.len, word = 0;
    if (name.len < sizeof(word)) {
        for (size_t i = 0; i < name.len; i++)
            word = word << 8 | (unsigned char)name.data[i];
        return mixed(hash, word);
    }
    for (size_t at = 0; at < name.len - sizeof(word); at += sizeof(word)) {
        memcpy(&word, name.data + at, sizeof(word));
        hash = mixed(hash, word);
    }
    memcpy(&word, name.data + name.len - sizeof(word), sizeof(word));
    return mixed(hash, word);
}

const struct cached_name *wd_scanner_name(struct wd_scanner *scanner, const struct wd_ruleset *set, struct wd_str name)
{
    struct cached_name *cached = &scanner->memory->names[name_hash(name) >> 32 & (CACHED_NAMES - 1)];
    if (name.len == 0 || name.len > CACHED_NAME_BYTES) {
        cached = &scanner->memory->names[CACHED_NAMES];
        cover(set, name, cached);
        return cached;
    }
    if (cached->len != name.len || memcmp(cached->name, name.data, name.len) != 0) {
        cover(set, name, cached);
        memcpy(cached->name, name.data, name.len);
        cached->len = name.len;
    }
    return cached;
}
