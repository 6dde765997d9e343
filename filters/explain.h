/* A rule's answer in full. Neighbours: scanner.c has read the texts by then, evaluate.c answers. */
#ifndef FILTERS_EXPLAIN_H
#define FILTERS_EXPLAIN_H

#include <warden/explain.h>

#include "filters/evaluate.h"

/* The conditions of a rule that is about the event; false where the arena's cap is passed. */
bool wd_explain_rule(struct evaluation *evaluation, const struct rule *rule, struct wd_explanation *out);

#endif
