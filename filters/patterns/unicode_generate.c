/* Build-time program: asks the PCRE2 that we build with how it folds case and what it calls a word character, a digit
 * and white space, and prints the answer as C tables for unicode.c. So our idea of a character is PCRE2's own. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filters/patterns/unicode.h"

enum { CODE_POINTS = 0x110000, RECORDS_MAX = 256 };

struct subject {
    unsigned char *bytes;
    size_t len;
    uint32_t *code_points; /* by byte offset */
};

static uint32_t fold_to[CODE_POINTS];
static unsigned char flags[CODE_POINTS];

static void die(const char *what)
{
    fprintf(stderr, "unicode_generate: %s\n", what);
    exit(1);
}

static size_t encode(uint32_t c, unsigned char *out)
{
    if (c < 0x80) {
        out[0] = (unsigned char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (unsigned char)(0xC0 | c >> 6);
        out[1] = (unsigned char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (unsigned char)(0xE0 | c >> 12);
        out[1] = (unsigned char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (unsigned char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (unsigned char)(0xF0 | c >> 18);
    out[1] = (unsigned char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (unsigned char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (unsigned char)(0x80 | (c & 0x3F));
    return 4;
}

static struct subject subject_new(void)
{
    struct subject s = {.bytes = malloc((size_t)CODE_POINTS * 4),
                        .code_points = malloc((size_t)CODE_POINTS * 4 * sizeof(uint32_t))};
    if (!s.bytes || !s.code_points)
        die("no memory");
    return s;
}

static void subject_add(struct subject *s, uint32_t c)
{
    s->code_points[s->len] = c;
    s->len += encode(c, s->bytes + s->len);
}

typedef void found(uint32_t c, void *context);

static void each_match(const char *pattern, uint32_t options, const struct subject *s, found *call, void *context)
{
    int error = 0;
    size_t offset = 0;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP | options,
                                     &error, &offset, NULL);
    pcre2_match_data *data = code ? pcre2_match_data_create(1, NULL) : NULL;
    if (!data)
        die(pattern);
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
    size_t from = 0;
    while (pcre2_match(code, s->bytes, s->len, from, PCRE2_NO_UTF_CHECK, data, NULL) > 0) {
        const PCRE2_SIZE *at = pcre2_get_ovector_pointer(data);
        call(s->code_points[at[0]], context);
        from = at[1];
    }
    pcre2_match_data_free(data);
    pcre2_code_free(code);
}

static void set_flag(uint32_t c, void *context)
{
    flags[c] |= *(const unsigned char *)context;
}

static void add_to_subject(uint32_t c, void *context)
{
    subject_add(context, c);
}

struct family {
    uint32_t members[8];
    size_t count;
};

static void add_to_family(uint32_t c, void *context)
{
    struct family *family = context;
    if (family->count == 8)
        die("a character with more than 8 cases");
    family->members[family->count++] = c;
}

/* ASCII before others and small letters before capitals, so that folded text looks like text. */
static uint32_t representative(const struct family *family, const unsigned char *is_small)
{
    uint32_t best = family->members[0];
    for (size_t i = 1; i < family->count; i++) {
        uint32_t c = family->members[i];
        if ((is_small[c] && !is_small[best]) || (is_small[c] == is_small[best] && c < best))
            best = c;
    }
    return best;
}

static void set_true(uint32_t c, void *context)
{
    ((unsigned char *)context)[c] = 1;
}

static void find_families(const struct subject *all)
{
    struct subject cased = subject_new(), rest = subject_new();
    unsigned char *is_small = calloc(CODE_POINTS, 1), *seen = calloc(CODE_POINTS, 1);
    if (!is_small || !seen)
        die("no memory");
    each_match("\\p{Ll}", 0, all, set_true, is_small);
    each_match("[\\p{L&}\\p{Lm}\\p{M}\\p{N}\\p{S}]", 0, all, add_to_subject, &cased);
    each_match("[^\\p{L&}\\p{Lm}\\p{M}\\p{N}\\p{S}]", 0, all, add_to_subject, &rest);
    for (size_t i = 0; i < cased.len; i++) {
        if (i > 0 && (cased.bytes[i] & 0xC0) == 0x80)
            continue;
        uint32_t c = cased.code_points[i];
        if (seen[c])
            continue;
        char pattern[32];
        snprintf(pattern, sizeof pattern, "\\x{%x}", c);
        struct family family = {0};
        each_match(pattern, PCRE2_CASELESS, &cased, add_to_family, &family);
        if (family.count < 2)
            continue;
        /* Nothing outside the categories that we looked through may belong to a family. */
        struct family strangers = {0};
        each_match(pattern, PCRE2_CASELESS, &rest, add_to_family, &strangers);
        if (strangers.count > 0)
            die("a character outside the cased categories has another case");
        uint32_t to = representative(&family, is_small);
        for (size_t k = 0; k < family.count; k++) {
            uint32_t member = family.members[k];
            seen[member] = 1;
            fold_to[member] = to;
            flags[member] |= UNICODE_CASED;
            if ((flags[member] ^ flags[family.members[0]]) & UNICODE_WORD)
                for (size_t m = 0; m < family.count; m++)
                    flags[family.members[m]] |= UNICODE_MIXED_WORD;
        }
    }
    free(is_small);
    free(seen);
    free(cased.bytes);
    free(cased.code_points);
    free(rest.bytes);
    free(rest.code_points);
}

static struct {
    int32_t delta;
    unsigned char flags;
} records[RECORDS_MAX];
static size_t record_count;

static unsigned record_of(uint32_t c)
{
    int32_t delta = (int32_t)fold_to[c] - (int32_t)c;
    for (size_t i = 0; i < record_count; i++)
        if (records[i].delta == delta && records[i].flags == flags[c])
            return (unsigned)i;
    if (record_count == RECORDS_MAX)
        die("too many kinds of characters");
    records[record_count].delta = delta;
    records[record_count].flags = flags[c];
    return (unsigned)record_count++;
}

static unsigned char blocks[CODE_POINTS / UNICODE_BLOCK][UNICODE_BLOCK];

static void print_tables(void)
{
    static unsigned short block_of[CODE_POINTS / UNICODE_BLOCK];
    size_t block_count = 0;
    for (uint32_t b = 0; b < CODE_POINTS / UNICODE_BLOCK; b++) {
        unsigned char block[UNICODE_BLOCK];
        for (uint32_t i = 0; i < UNICODE_BLOCK; i++)
            block[i] = (unsigned char)record_of(b * UNICODE_BLOCK + i);
        size_t k = 0;
        while (k < block_count && memcmp(blocks[k], block, UNICODE_BLOCK) != 0)
            k++;
        if (k == block_count)
            memcpy(blocks[block_count++], block, UNICODE_BLOCK);
        block_of[b] = (unsigned short)k;
    }
    char version[64] = "";
    pcre2_config(PCRE2_CONFIG_UNICODE_VERSION, version);
    printf("/* Made by unicode_generate.c; not for editing. */\n#include \"filters/patterns/unicode.h\"\n\n");
    printf("const char unicode_table_version[] = \"%s\";\n", version);
    printf("const struct unicode_record unicode_records[%d] = {\n", RECORDS_MAX);
    for (size_t i = 0; i < record_count; i++)
        printf("{%d, %u},\n", records[i].delta, records[i].flags);
    printf("};\nconst uint16_t unicode_block_of[%d] = {\n", CODE_POINTS / UNICODE_BLOCK);
    for (size_t b = 0; b < CODE_POINTS / UNICODE_BLOCK; b++)
        printf("%u,%s", block_of[b], b % 24 == 23 ? "\n" : "");
    printf("};\nconst uint8_t unicode_blocks[][UNICODE_BLOCK] = {\n");
    for (size_t k = 0; k < block_count; k++) {
        printf("{");
        for (size_t i = 0; i < UNICODE_BLOCK; i++)
            printf("%u,", blocks[k][i]);
        printf("},\n");
    }
    printf("};\nconst bool unicode_lead_folds[256] = {\n");
    static unsigned char folds[256];
    for (uint32_t c = 0x80; c < CODE_POINTS; c++) {
        unsigned char bytes[4];
        encode(c, bytes);
        folds[bytes[0]] |= fold_to[c] != c;
    }
    for (size_t i = 0; i < 256; i++)
        printf("%u,%s", folds[i], i % 32 == 31 ? "\n" : "");
    printf("};\n");
}

int main(int argc, char **argv)
{
    if (argc != 2 || !freopen(argv[1], "w", stdout))
        die("usage: unicode_generate OUTPUT");
    struct subject all = subject_new();
    for (uint32_t c = 0; c < CODE_POINTS; c++) {
        fold_to[c] = c;
        if (c < 0xD800 || c > 0xDFFF)
            subject_add(&all, c);
    }
    static const struct {
        const char *pattern;
        unsigned char flag;
    } kinds[] = {{"\\w", UNICODE_WORD}, {"\\d", UNICODE_DIGIT}, {"\\s", UNICODE_SPACE}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        unsigned char flag = kinds[i].flag;
        each_match(kinds[i].pattern, 0, &all, set_flag, &flag);
    }
    find_families(&all);
    print_tables();
    free(all.bytes);
    free(all.code_points);
    return fflush(stdout) != 0;
}
