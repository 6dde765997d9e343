/* Conditions in the words of their author, for who asks why a rule matches. Neighbours: conditions.c. */
#ifndef FILTERS_RULES_DESCRIBE_H
#define FILTERS_RULES_DESCRIBE_H

#include "filters/rules/loader.h"

/* Notes where the condition is written and, where the set is loaded for it, what. */
void wd_describe_condition(struct loader *loader, const struct wd_node *node, struct condition *condition);

#endif
