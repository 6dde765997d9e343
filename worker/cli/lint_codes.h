/* The checks of `warden rules lint` that loading does without. */
#ifndef WORKER_CLI_LINT_CODES_H
#define WORKER_CLI_LINT_CODES_H

#include <stddef.h>

/* What a check is about; NULL where the code is none of them, or that of an error that loading refuses. */
const char *lint_code_text(const char *code);
/* NULL past the last. */
const char *lint_code_at(size_t index);

#endif
