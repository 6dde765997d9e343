/* Checks of `warden rules lint` that loading does without: what is allowed, and most likely not meant. What always
 * holds: findings are about rules that loaded, each place once; documents are still there. Neighbours: lint.c begins,
 * lint_regex.c and lint_shadow.c go on; load.c calls after everything compiled. */
#ifndef FILTERS_RULES_LINT_H
#define FILTERS_RULES_LINT_H

#include "filters/rules/loader.h"

void wd_lint_rules(struct loader *loader);

/* A \b that stands beside a character that is no part of a word. */
void wd_lint_boundaries(struct loader *loader, const struct wd_node *expression);

/* Rules with the same condition as another, and rules that another makes superfluous. */
void wd_lint_shadows(struct loader *loader);

#endif
