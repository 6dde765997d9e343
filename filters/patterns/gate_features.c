/* See gate_features.h. */
#include "filters/patterns/gate_features.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "filters/patterns/unicode.h"

struct feature {
    char source[GATE_SOURCE_MAX];
    bool caseless;
};

struct gate_builder {
    struct feature features[GATE_FEATURES];
    unsigned char *subject; /* all characters from U+0080 to SUBJECT_END */
    size_t subject_len;
};

static enum wd_status make_subject(struct gate_builder *builder)
{
    builder->subject = malloc((size_t)SUBJECT_END * 4);
    if (!builder->subject)
        return WD_ERR_MEMORY;
    for (uint32_t c = 0x80; c < SUBJECT_END; c++) {
        if (c >= 0xD800 && c <= 0xDFFF)
            continue;
        builder->subject_len += utf8_encode(c, builder->subject + builder->subject_len);
    }
    return WD_OK;
}

static void mark_ascii(struct gate_index *index, pcre2_code *code, pcre2_match_data *data, uint32_t bit)
{
    for (unsigned c = 0; c < 128; c++) {
        unsigned char byte = (unsigned char)c;
        if (pcre2_match(code, &byte, 1, 0, PCRE2_NO_UTF_CHECK, data, NULL) != PCRE2_ERROR_NOMATCH)
            index->ascii[c] |= bit;
    }
}

static void mark_blocks(struct gate_index *index, pcre2_code *code, pcre2_match_data *data, uint32_t bit)
{
    const struct gate_builder *builder = index->builder;
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(data);
    size_t from = 0;
    int rc;
    while ((rc = pcre2_match(code, builder->subject, builder->subject_len, from, PCRE2_NO_UTF_CHECK, data, NULL)) > 0 &&
           at[1] > from) {
        uint32_t used, first = utf8_decode(builder->subject + at[0], &used);
        uint32_t last = utf8_decode_before(builder->subject + at[1], &used);
        for (uint32_t c = first; c <= last; c++) {
            index->blocks[c / UNICODE_BLOCK] |= bit;
            index->kinds[unicode_flags(c) & 7] |= bit;
        }
        from = at[1];
    }
    if (rc == PCRE2_ERROR_NOMATCH)
        return;
    for (uint32_t b = 0; b < SUBJECT_END / UNICODE_BLOCK; b++)
        index->blocks[b] |= bit;
    for (uint32_t k = 0; k < 8; k++)
        index->kinds[k] |= bit;
}

static enum wd_status ask(struct gate_index *index, const struct gate_demand *demand, uint32_t bit,
                          bool *understood_out)
{
    char pattern[GATE_SOURCE_MAX + 16];
    int len = snprintf(pattern, sizeof pattern, "(?:%s)+", demand->source), error;
    size_t offset;
    uint32_t options = PCRE2_UTF | PCRE2_UCP | (demand->caseless ? PCRE2_CASELESS : 0);
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, (size_t)len, options, &error, &offset, NULL);
    pcre2_match_data *data = code ? pcre2_match_data_create(1, NULL) : NULL;
    *understood_out = data != NULL;
    if (data) {
        pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
        mark_ascii(index, code, data, bit);
        mark_blocks(index, code, data, bit);
    }
    pcre2_match_data_free(data);
    pcre2_code_free(code);
    return WD_OK;
}

enum wd_status gate_feature_of(struct gate_index *index, const struct gate_demand *demand, int *feature_out)
{
    struct gate_builder *builder = index->builder;
    *feature_out = -1;
    for (size_t i = 0; i < index->feature_count; i++)
        if (builder->features[i].caseless == demand->caseless &&
            strcmp(builder->features[i].source, demand->source) == 0)
            *feature_out = (int)i;
    if (*feature_out >= 0 || index->feature_count == GATE_FEATURES)
        return WD_OK;
    if (!builder->subject && make_subject(builder) != WD_OK)
        return WD_ERR_MEMORY;
    bool understood;
    enum wd_status status = ask(index, demand, 1u << index->feature_count, &understood);
    if (status != WD_OK || !understood)
        return status;
    struct feature *feature = &builder->features[index->feature_count];
    memcpy(feature->source, demand->source, sizeof feature->source);
    feature->caseless = demand->caseless;
    *feature_out = (int)index->feature_count++;
    return WD_OK;
}

enum wd_status gate_builder_init(struct gate_index *index)
{
    if (index->builder)
        return WD_OK;
    index->builder = calloc(1, sizeof *index->builder);
    index->blocks = calloc(SUBJECT_END / UNICODE_BLOCK, sizeof *index->blocks);
    return index->builder && index->blocks ? WD_OK : WD_ERR_MEMORY;
}

void gate_builder_free(struct gate_builder *builder)
{
    if (!builder)
        return;
    free(builder->subject);
    free(builder);
}
