/* What the rule files say, as one number: so that a change is seen, whatever it was made with. */
#ifndef WORKER_RULES_FILES_H
#define WORKER_RULES_FILES_H

#include <stdbool.h>

enum { RULES_FILES_DIGEST = 32 };

struct rules_files {
    unsigned char digest[RULES_FILES_DIGEST]; /* SHA-256 */
};

/* Over the names and contents of everything below the folders in `paths` (NULL-terminated), and of single files and
 * the lists beside and below them. What cannot be read counts as such. Names that begin with a dot are left out. False:
 * no memory. */
bool rules_files_look(const char *const *paths, struct rules_files *out);
bool rules_files_equal(const struct rules_files *a, const struct rules_files *b);

#endif
