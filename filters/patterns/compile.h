/* What PCRE2 makes of a pattern: compiled with our options, and, where one attempt could take long, a second time so
 * that it can be ended. Neighbours: patterns.c compiles, confirm.c matches. */
#ifndef FILTERS_PATTERNS_COMPILE_H
#define FILTERS_PATTERNS_COMPILE_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdbool.h>
#include <stddef.h>

#include <warden/status.h>
#include <warden/str.h>

/* Settings of every compilation; one a set, while it is built. */
struct pcre_compiler {
    pcre2_compile_context *context;
};
enum wd_status pcre_compiler_init(struct pcre_compiler *compiler, struct wd_error *err) WD_MUST_USE;
void pcre_compiler_fini(struct pcre_compiler *compiler);

struct pcre_program {
    pcre2_code *code;
    bool jit;
};

struct pcre_code {
    struct pcre_program plain;
    /* The same pattern, but PCRE2 calls back at each step of it: slower, and can be ended at any time. Its code is NULL
     * where no attempt of the plain one takes long. */
    struct pcre_program watched;
    size_t looks_back; /* bytes before a hit that it may look at, at most */
    bool line_start;   /* was rewritten to begin at a line start only */
};

/* Compiles PCRE2 syntax. `line_start` puts `(?m:^)` before it. WD_ERR_INVALID: err->column is the byte offset + 1. */
enum wd_status pcre_code_init(struct pcre_code *compiled, struct pcre_compiler *compiler, struct wd_str pattern,
                              bool caseless, bool line_start, struct wd_error *err) WD_MUST_USE;
/* Only asks PCRE2 whether the pattern is valid. */
enum wd_status pcre_code_check(struct pcre_compiler *compiler, struct wd_str pattern, bool caseless,
                               struct wd_error *err) WD_MUST_USE;
void pcre_code_fini(struct pcre_code *compiled);
size_t pcre_code_bytes(const struct pcre_code *compiled);

#endif
