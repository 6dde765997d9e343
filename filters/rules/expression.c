/* PCRE2 for field values and for checking expressions at load time. Neighbours: fields.c, text.c. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#include "filters/rules/expression.h"

enum { SUBJECT_BYTES_MAX = 4096 };

struct compiled_expression {
    struct compiled_expression *next;
    pcre2_code *code;
};

struct expression_scratch {
    pcre2_match_data *match;
    pcre2_match_context *context;
};

static pcre2_code *compile(struct wd_str pattern, bool caseless, struct wd_error *err)
{
    int code = 0;
    PCRE2_SIZE offset = 0;
    uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C | (caseless ? PCRE2_CASELESS : 0);
    pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)pattern.data, pattern.len, options, &code, &offset, NULL);
    if (compiled)
        return compiled;
    PCRE2_UCHAR words[256] = "";
    pcre2_get_error_message(code, words, sizeof(words));
    (void)wd_fail(err, code == PCRE2_ERROR_NOMEMORY ? WD_ERR_MEMORY : WD_ERR_INVALID, "%s", (const char *)words);
    if (err)
        err->column = (int)offset + 1;
    return NULL;
}

enum wd_status wd_expression_new(struct wd_str pattern, bool caseless, struct compiled_expression **list,
                                 struct wd_error *err)
{
    struct compiled_expression *expression = malloc(sizeof(*expression));
    if (!expression)
        return wd_fail(err, WD_ERR_MEMORY, "no memory");
    *expression = (struct compiled_expression){.next = *list, .code = compile(pattern, caseless, err)};
    if (!expression->code) {
        free(expression);
        return err ? err->status : WD_ERR_INVALID;
    }
    (void)pcre2_jit_compile(expression->code, PCRE2_JIT_COMPLETE); /* without JIT it is slower, not wrong */
    *list = expression;
    return WD_OK;
}

void wd_expressions_free(struct compiled_expression *list)
{
    while (list) {
        struct compiled_expression *next = list->next;
        pcre2_code_free(list->code);
        free(list);
        list = next;
    }
}

enum wd_status wd_expression_check(struct wd_str pattern, bool caseless, bool *can_be_empty_out, struct wd_error *err)
{
    struct wd_error own = {0};
    pcre2_code *code = compile(pattern, caseless, err ? err : &own);
    if (!code)
        return err ? err->status : own.status;
    uint32_t can_be_empty = 0;
    pcre2_pattern_info(code, PCRE2_INFO_MATCHEMPTY, &can_be_empty);
    *can_be_empty_out = can_be_empty != 0;
    pcre2_code_free(code);
    return WD_OK;
}

struct expression_scratch *wd_expression_scratch_new(void)
{
    struct expression_scratch *scratch = malloc(sizeof(*scratch));
    if (!scratch)
        return NULL;
    *scratch = (struct expression_scratch){.match = pcre2_match_data_create(1, NULL),
                                           .context = pcre2_match_context_create(NULL)};
    if (scratch->match && scratch->context)
        return scratch;
    wd_expression_scratch_free(scratch);
    return NULL;
}

void wd_expression_scratch_free(struct expression_scratch *scratch)
{
    if (!scratch)
        return;
    pcre2_match_data_free(scratch->match);
    pcre2_match_context_free(scratch->context);
    free(scratch);
}

enum truth wd_expression_matches(const struct compiled_expression *expression, struct expression_scratch *scratch,
                                 uint32_t match_limit, struct wd_str text)
{
    size_t len = text.len;
    if (len > SUBJECT_BYTES_MAX) {
        len = SUBJECT_BYTES_MAX;
        while (len && ((unsigned char)text.data[len] & 0xC0) == 0x80)
            len--;
    }
    pcre2_set_match_limit(scratch->context, match_limit);
    int found = pcre2_match(expression->code, (PCRE2_SPTR)(text.data ? text.data : ""), len, 0, 0, scratch->match,
                            scratch->context);
    if (found >= 0)
        return YES;
    return found == PCRE2_ERROR_NOMATCH ? NO : UNDECIDED;
}
