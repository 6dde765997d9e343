/* What the two halves of the Sigma reader share. */
#ifndef WORKER_CLI_IMPORT_SIGMA_H
#define WORKER_CLI_IMPORT_SIGMA_H

#include "worker/cli/import_set.h"

struct sigma {
    struct import_set *set;
    struct import_rule *rule; /* that is being read */
    const struct wd_node *detection;
};

/* Puts what a selection says into a condition. */
void sigma_add_selection(struct sigma *sigma, struct import_condition *in, const struct wd_node *selection);
/* Reads `sel1 and (sel2 or not 1 of filter_*)` and puts it into `in`. False: it was reported. */
bool sigma_add_condition(struct sigma *sigma, struct import_condition *in, const struct wd_node *condition);

#endif
