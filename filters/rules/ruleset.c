/* What can be asked of a loaded set. Neighbours: load.c makes it. */
#include <string.h>

#include "filters/rules/rules.h"

size_t wd_ruleset_rule_count(const struct wd_ruleset *set)
{
    return set->rule_count;
}

const struct wd_rule_info *wd_ruleset_rule(const struct wd_ruleset *set, uint32_t rule)
{
    return rule < set->rule_count ? &set->rules[rule].info : NULL;
}

const char *wd_ruleset_digest(const struct wd_ruleset *set)
{
    return set->digest;
}

const char *const *wd_ruleset_notify_targets(const struct wd_ruleset *set)
{
    static const char *const NONE[] = {NULL};
    return set->notify_targets ? (const char *const *)set->notify_targets : NONE;
}

const char *wd_ruleset_user_message(const struct wd_ruleset *set, uint32_t rule, const char *language)
{
    if (rule >= set->rule_count)
        return NULL;
    const struct rule *r = &set->rules[rule];
    const char *english = NULL;
    for (size_t i = 0; i < r->message_count; i++) {
        if (language && strcmp(r->messages[i].language, language) == 0)
            return r->messages[i].text;
        if (strcmp(r->messages[i].language, "en") == 0)
            english = r->messages[i].text;
    }
    return english ? english : r->message_count ? r->messages[0].text : NULL;
}

bool wd_glob_matches(const char *glob, struct wd_str name)
{
    size_t len = strlen(glob);
    if (len && glob[len - 1] == '*')
        return name.len >= len - 1 && memcmp(glob, name.data ? name.data : "", len - 1) == 0;
    return name.len == len && memcmp(glob, name.data ? name.data : "", len) == 0;
}

bool wd_scope_covers(const struct scope *scope, struct wd_str event_name)
{
    for (size_t i = 0; i < scope->glob_count; i++)
        if (wd_glob_matches(scope->globs[i], event_name))
            return true;
    return false;
}

bool wd_ruleset_wants(const struct wd_ruleset *set, struct wd_str event_name)
{
    for (size_t i = 0; i < set->scope_count; i++)
        if (set->scopes[i].is_live && wd_scope_covers(&set->scopes[i], event_name))
            return true;
    return false;
}
