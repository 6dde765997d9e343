/* Single PCRE2 expressions, for field values: few, short and run seldom, so outside the shared index.
 * Neighbours: fields.c; patterns in texts are filters/patterns. */
#ifndef FILTERS_RULES_EXPRESSION_H
#define FILTERS_RULES_EXPRESSION_H

#include <stdbool.h>
#include <stdint.h>

#include <warden/status.h>
#include <warden/str.h>

#include "filters/rules/leaves.h"

struct compiled_expression; /* a list: freed as a whole with the rule set */
struct expression_scratch;  /* of one thread */

/* Puts a new expression before `*list`. Otherwise the words of PCRE2 in `err`, its byte offset + 1 in err->column. */
enum wd_status wd_expression_new(struct wd_str pattern, bool caseless, struct compiled_expression **list,
                                 struct wd_error *err);
void wd_expressions_free(struct compiled_expression *list);
/* Only whether it is one; *can_be_empty_out: it can match the empty text. */
enum wd_status wd_expression_check(struct wd_str pattern, bool caseless, bool *can_be_empty_out, struct wd_error *err);

struct expression_scratch *wd_expression_scratch_new(void);
void wd_expression_scratch_free(struct expression_scratch *scratch);

/* Reads at most the first 4,096 bytes. UNDECIDED where the match limit ended it. */
enum truth wd_expression_matches(const struct compiled_expression *expression, struct expression_scratch *scratch,
                                 uint32_t match_limit, struct wd_str text);

#endif
