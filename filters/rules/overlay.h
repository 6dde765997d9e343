/* Overrides: a file that changes rules of other files. Neighbours: load.c applies them before a rule is read. */
#ifndef FILTERS_RULES_OVERLAY_H
#define FILTERS_RULES_OVERLAY_H

#include "filters/rules/loader.h"

struct override {
    const struct wd_node *node;
    const char *rule;
    bool used;
};

/* Collects the overrides of all sources. */
bool wd_gather_overrides(struct loader *loader);
/* The rule's node with what overrides replace and append; the node itself where there is none. NULL where memory is
 * out or an override is broken. */
const struct wd_node *wd_apply_overrides(struct loader *loader, const struct wd_node *rule);
/* Overrides of rules that do not exist are errors. */
void wd_report_unused_overrides(struct loader *loader);

#endif
