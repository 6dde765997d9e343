/* From candidate rules to a verdict. Neighbours: scanner.c. */
#ifndef FILTERS_JUDGE_H
#define FILTERS_JUDGE_H

#include "filters/evaluate.h"

/* Fills the matches, actions and score of *verdict. Sorts `candidates`, so that matches stand in rule order. False
 * where the arena's cap is passed. */
bool wd_judge(struct evaluation *evaluation, uint32_t *candidates, size_t count, struct wd_verdict *verdict);

#endif
