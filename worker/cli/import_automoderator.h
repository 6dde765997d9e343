/* What the two halves of the AutoModerator reader share. */
#ifndef WORKER_CLI_IMPORT_AUTOMODERATOR_H
#define WORKER_CLI_IMPORT_AUTOMODERATOR_H

#include "worker/cli/import_set.h"

struct automoderator {
    struct import_set *set;
    const struct import_options *options;
    struct import_rule *rule; /* that is being read */
    struct import_condition *all;
};

/* `title+body (includes, regex): [...]`: false where the key is no search of texts. */
bool automoderator_search(struct automoderator *reader, const struct wd_node *node);
/* The group `author`. */
void automoderator_author(struct automoderator *reader, const struct wd_node *node);
/* Refuses the rule for a condition that has no equal. */
void automoderator_refuse(struct automoderator *reader, const struct wd_node *node, const char *why);

#endif
