/* See compile.h. UTF, UCP, LF newlines, JIT where the machine allows it. */
#include "filters/patterns/compile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum wd_status pcre_compiler_init(struct pcre_compiler *compiler, struct wd_error *err)
{
    *compiler = (struct pcre_compiler){0};
    compiler->context = pcre2_compile_context_create(NULL);
    if (!compiler->context || pcre2_set_newline(compiler->context, PCRE2_NEWLINE_LF) != 0) {
        pcre_compiler_fini(compiler);
        return wd_fail(err, WD_ERR_MEMORY, "no memory for the pattern compiler");
    }
    return WD_OK;
}

void pcre_compiler_fini(struct pcre_compiler *compiler)
{
    pcre2_compile_context_free(compiler->context);
    *compiler = (struct pcre_compiler){0};
}

static enum wd_status compile_failure(int code, size_t offset, struct wd_error *err)
{
    if (code == PCRE2_ERROR_HEAP_FAILED)
        return wd_fail(err, WD_ERR_MEMORY, "no memory to compile a pattern");
    char words[256];
    if (pcre2_get_error_message(code, (PCRE2_UCHAR *)words, sizeof words) < 0)
        snprintf(words, sizeof words, "error %d of PCRE2", code);
    enum wd_status status = wd_fail(err, WD_ERR_INVALID, "%s at byte %zu of the pattern", words, offset);
    if (err)
        err->column = offset < INT32_MAX ? (int)offset + 1 : 0;
    return status;
}

/* A pattern as it is handed to PCRE2: `prefix` bytes of `text` are ours. */
struct source {
    struct wd_str text;
    size_t prefix;
    uint32_t options;
};

static enum wd_status compile(struct pcre_compiler *compiler, const struct source *source, pcre2_code **out,
                              struct wd_error *err)
{
    int code = 0;
    size_t offset = 0;
    *out = pcre2_compile((PCRE2_SPTR)(source->text.data ? source->text.data : ""), source->text.len, source->options,
                         &code, &offset, compiler->context);
    if (!*out)
        return compile_failure(code, offset >= source->prefix ? offset - source->prefix : 0, err);
    return WD_OK;
}

static uint32_t options_of(bool caseless)
{
    return PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C | (caseless ? PCRE2_CASELESS : 0);
}

enum wd_status pcre_code_check(struct pcre_compiler *compiler, struct wd_str pattern, bool caseless,
                               struct wd_error *err)
{
    pcre2_code *code = NULL;
    struct source source = {.text = pattern, .options = options_of(caseless)};
    enum wd_status status = compile(compiler, &source, &code, err);
    pcre2_code_free(code);
    return status;
}

static struct pcre_program program_of(pcre2_code *code)
{
    return (struct pcre_program){.code = code, .jit = pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0};
}

/* A second repeat, a back-reference, or a call of a group may make each backtrack of an attempt as long as the text;
 * with one repeat alone a backtrack is short, and the match limit bounds how many there are. What is counted too often,
 * as in classes, costs memory only. */
static unsigned count_repeats(struct wd_str pattern)
{
    unsigned count = 0;
    for (size_t i = 0; i < pattern.len; i++) {
        const char *at = pattern.data + i;
        size_t rest = pattern.len - i;
        bool escape = rest > 1 && *at == '\\', call = rest > 2 && at[0] == '(' && at[1] == '?';
        count += strchr("*+{", *at) && *at;
        count += escape && at[1] && strchr("123456789gk", at[1]);
        if (call && at[2] && strchr("R&P+-0123456789", at[2]))
            count += 2;
        i += escape;
    }
    return count;
}

/* The second program is for texts that few see, so where it cannot be had, as when it becomes too large for PCRE2, the
 * match limit has to do. */
static void add_watched(struct pcre_code *compiled, struct pcre_compiler *compiler, const struct source *source)
{
    struct source watched = *source;
    watched.options |= PCRE2_AUTO_CALLOUT;
    pcre2_code *code = NULL;
    if (compile(compiler, &watched, &code, NULL) == WD_OK)
        compiled->watched = program_of(code);
}

/* Where nothing repeats, an attempt from each start is short and the match limit is enough. Else PCRE2 is made to call
 * back at each start (its search for possible starts still comes first), so that the deadline holds within a search.
 * What a pattern begins with as in (*VERB) must stay its beginning: such a pattern is always watched. */
static enum wd_status compile_programs(struct pcre_code *compiled, struct pcre_compiler *compiler,
                                       struct source *source, unsigned repeats, struct wd_error *err)
{
    pcre2_code *code = NULL;
    if (repeats > 0 && source->prefix == 0)
        source->options |= PCRE2_AUTO_CALLOUT;
    enum wd_status status = compile(compiler, source, &code, err);
    if (status != WD_OK)
        return status;
    compiled->plain = program_of(code);
    uint32_t characters = 0;
    pcre2_pattern_info(code, PCRE2_INFO_MAXLOOKBEHIND, &characters);
    compiled->looks_back = (size_t)4 * characters;
    if (repeats > 1 && source->prefix > 0)
        add_watched(compiled, compiler, source);
    return WD_OK;
}

enum wd_status pcre_code_init(struct pcre_code *compiled, struct pcre_compiler *compiler, struct wd_str pattern,
                              bool caseless, bool line_start, struct wd_error *err)
{
    *compiled = (struct pcre_code){.line_start = line_start};
    bool verb = pattern.len >= 2 && memcmp(pattern.data, "(*", 2) == 0;
    unsigned repeats = count_repeats(pattern);
    struct wd_str prefix = wd_str_from(line_start ? "(?m:^)(?C)" : repeats && !verb ? "(?C)" : "");
    char *joined = malloc(prefix.len + pattern.len + 1);
    if (!joined)
        return wd_fail(err, WD_ERR_MEMORY, "no memory to compile a pattern");
    memcpy(joined, prefix.data, prefix.len);
    if (pattern.len > 0)
        memcpy(joined + prefix.len, pattern.data, pattern.len);
    struct source source = {.text = {.data = joined, .len = prefix.len + pattern.len},
                            .prefix = prefix.len,
                            .options = options_of(caseless)};
    enum wd_status status = compile_programs(compiled, compiler, &source, repeats, err);
    free(joined);
    return status;
}

void pcre_code_fini(struct pcre_code *compiled)
{
    pcre2_code_free(compiled->plain.code);
    pcre2_code_free(compiled->watched.code);
    *compiled = (struct pcre_code){0};
}

static size_t program_bytes(const struct pcre_program *program)
{
    size_t size = 0, jit = 0;
    if (!program->code)
        return 0;
    pcre2_pattern_info(program->code, PCRE2_INFO_SIZE, &size);
    pcre2_pattern_info(program->code, PCRE2_INFO_JITSIZE, &jit);
    return size + jit;
}

size_t pcre_code_bytes(const struct pcre_code *compiled)
{
    return program_bytes(&compiled->plain) + program_bytes(&compiled->watched);
}
