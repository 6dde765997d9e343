/* What rule_lines.c and rule_lines_print.c share. */
#ifndef WORKER_CLI_RULE_LINES_PARTS_H
#define WORKER_CLI_RULE_LINES_PARTS_H

#include "worker/cli/rule_lines.h"

/* As rule_lines_print, but the rule of line N stands in line N. For the loader, not for people. */
void rule_lines_print_in_place(const struct rule_lines *lines, const struct rule_lines_header *header, FILE *out);

#endif
