/* See handover.h. Neighbours: run.c offers and collects, shard.c takes. */
#include "worker/handover.h"

#include <stdlib.h>

static void parcel_free(struct rules_parcel *parcel)
{
    if (!parcel)
        return;
    wd_ruleset_unref(parcel->rules);
    wd_scanner_memory_free(parcel->memory);
    rule_counters_free(parcel->counters);
    free(parcel);
}

static struct rules_parcel *parcel_new(struct wd_ruleset *rules)
{
    struct rules_parcel *parcel = calloc(1, sizeof(*parcel));
    if (!parcel)
        return NULL;
    parcel->rules = wd_ruleset_ref(rules);
    parcel->memory = wd_scanner_memory_new(rules);
    parcel->counters = rule_counters_new(rules, wd_ruleset_rule_count(rules));
    if (parcel->memory && parcel->counters)
        return parcel;
    parcel_free(parcel);
    return NULL;
}

bool handover_offer(struct handover *handover, struct wd_ruleset *rules)
{
    handover_collect(handover);
    struct rules_parcel *parcel = parcel_new(rules);
    if (!parcel)
        return false;
    parcel_free(atomic_exchange(&handover->offered, parcel));
    return true;
}

void handover_collect(struct handover *handover)
{
    struct rules_parcel *parcel = atomic_exchange(&handover->returned, NULL);
    while (parcel) {
        struct rules_parcel *next = parcel->next;
        parcel_free(parcel);
        parcel = next;
    }
}

void handover_fini(struct handover *handover)
{
    handover_collect(handover);
    parcel_free(atomic_exchange(&handover->offered, NULL));
}

static void give_back(struct handover *handover, struct rules_parcel *parcel)
{
    parcel->next = atomic_load(&handover->returned);
    while (!atomic_compare_exchange_weak(&handover->returned, &parcel->next, parcel))
        ;
}

/* Where the counters are being read the parcel goes back to where it was, unless a newer one has come. */
static void put_off(struct handover *handover, struct rules_parcel *parcel)
{
    struct rules_parcel *none = NULL;
    if (!atomic_compare_exchange_strong(&handover->offered, &none, parcel))
        give_back(handover, parcel);
}

bool handover_is_offered(const struct handover *handover)
{
    return atomic_load_explicit(&handover->offered, memory_order_relaxed) != NULL;
}

bool handover_take(struct handover *handover, struct wd_ruleset **rules, struct wd_scanner *scanner,
                   struct metrics *metrics)
{
    if (!handover_is_offered(handover))
        return false;
    struct rules_parcel *parcel = atomic_exchange(&handover->offered, NULL);
    if (!parcel)
        return false;
    if (!metrics_exchange_rules(metrics, &parcel->counters)) {
        put_off(handover, parcel);
        return false;
    }
    struct wd_ruleset *old = *rules;
    *rules = parcel->rules;
    parcel->rules = old;
    parcel->memory = wd_scanner_exchange_memory(scanner, parcel->memory);
    give_back(handover, parcel);
    return true;
}
