/* The valve against a rule that suddenly matches far too much of the events that it is about. Counts are each thread's
 * own, over two halves of a window of events, so that counting costs no thread another's time; what they lead to holds
 * for all threads. Neighbours: judge.c asks, filters/rules/ruleset.c resets. */
#include "filters/scanner_internal.h"

static uint32_t half_window(const struct wd_scanner *scanner)
{
    uint32_t least = scanner->options.rule_share_min_events;
    return least > WD_SHARE_EVENTS / 2 ? least : WD_SHARE_EVENTS / 2;
}

/* After a reset counting begins anew. */
static void begin_anew(struct wd_scanner *scanner)
{
    struct wd_scanner_memory *memory = scanner->memory;
    uint32_t resets = atomic_load_explicit(&scanner->set->guards->resets, memory_order_acquire);
    if (memory->shares_since == resets)
        return;
    memory->shares_since = resets;
    for (size_t i = 0; i < scanner->set->rule_count; i++)
        memory->rule_shares[i] = (struct share){0};
    for (size_t i = 0; i < scanner->set->scope_count; i++)
        memory->scope_shares[i] = (struct share){0};
}

void wd_valve_count_event(struct wd_scanner *scanner)
{
    if (scanner->options.rule_share <= 0)
        return;
    begin_anew(scanner);
    uint32_t half = half_window(scanner);
    for (size_t i = 0; i < scanner->set->scope_count; i++) {
        if (!(scanner->event_name->scopes[i / 64] >> i % 64 & 1))
            continue;
        struct share *share = &scanner->memory->scope_shares[i];
        if (share->now >= half)
            *share = (struct share){.epoch = share->epoch + 1, .before = share->now};
        share->now++;
    }
}

/* Brings a rule's counts to the half in which its scope's are. */
static void follow(struct share *share, const struct share *scope)
{
    if (share->epoch == scope->epoch)
        return;
    share->before = share->epoch + 1 == scope->epoch ? share->now : 0;
    share->now = 0;
    share->epoch = scope->epoch;
}

bool wd_valve_holds(struct wd_scanner *scanner, uint32_t index)
{
    const struct rule *rule = &scanner->set->rules[index];
    struct guard *guard = &scanner->set->guards->rules[index];
    double allowed = rule->expected_share >= 0 ? rule->expected_share : scanner->options.rule_share;
    if (atomic_load_explicit(&guard->is_shadowed, memory_order_relaxed))
        return true;
    if (scanner->options.rule_share <= 0)
        return false;
    const struct share *scope = &scanner->memory->scope_shares[rule->scope];
    struct share *share = &scanner->memory->rule_shares[index];
    uint32_t least = scanner->options.rule_share_min_events, events = scope->now + scope->before;
    follow(share, scope);
    share->now++;
    if (events < (least ? least : WD_SHARE_EVENTS / 2) || share->now + share->before <= allowed * events)
        return false;
    if (!atomic_exchange_explicit(&guard->is_shadowed, true, memory_order_relaxed) &&
        scanner->alarmed_count < SWITCHED_OFF_MAX)
        scanner->alarmed[scanner->alarmed_count++] = index;
    return true;
}
