/* Between the two sources of the build-time program tables_generator. */
#ifndef FILTERS_VIEWS_TABLES_GENERATOR_H
#define FILTERS_VIEWS_TABLES_GENERATOR_H

#include <unicode/utypes.h>

#include "filters/views/tables.h"

/* Ends the program with a message if an ICU call failed. */
void tables_must(UErrorCode status, const char *what);

void tables_looks_open(void);
/* The look of a character with these properties (see tables.h), between open and close. */
struct wd_look tables_look_of(UChar32 c, uint32_t properties);
void tables_looks_close(void);

#endif
