/* The parts of repeat.c that have files of their own. */
#ifndef FILTERS_MATCHERS_REPEAT_H
#define FILTERS_MATCHERS_REPEAT_H

#include "filters/matchers/matchers.h"

void wd_find_repeated_words(struct wd_str text, const struct wd_repeat *repeat, const struct wd_finder *finder);
void wd_find_repeated_lines(struct wd_str text, const struct wd_repeat *repeat, const struct wd_finder *finder);

/* How often at most a word stands in a row, as wd_find_repeated_words has it; more where only that can tell. `parted`:
 * a character of the text has WD_HINT_PARTS. */
unsigned wd_words_in_a_row(struct wd_str text, bool parted);

#endif
