/* See frequency.h. The shipped table knows pairs of symbols; a sample, where there is one, knows whole 4-grams. */
#include "filters/patterns/frequency.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLE_BITS = 18 };

struct frequency {
    double total;
    uint32_t counts[1u << SAMPLE_BITS];
};

static uint32_t sample_slot(const char *at)
{
    uint32_t gram;
    memcpy(&gram, at, 4);
    return gram * 2654435761u >> (32 - SAMPLE_BITS);
}

struct frequency *frequency_new(const char *folded_sample, size_t len)
{
    struct frequency *frequency = calloc(1, sizeof *frequency);
    if (!frequency)
        return NULL;
    for (size_t i = 0; i + 4 <= len; i++)
        frequency->counts[sample_slot(folded_sample + i)]++;
    frequency->total = len > 4 ? (double)len - 3 : 1;
    return frequency;
}

void frequency_free(struct frequency *frequency)
{
    free(frequency);
}

static unsigned surprise(const char *text, size_t len)
{
    unsigned symbol = frequency_symbol_of[(unsigned char)text[0]];
    unsigned total = frequency_first[symbol];
    for (size_t i = 1; i < len; i++) {
        unsigned next = frequency_symbol_of[(unsigned char)text[i]];
        total += frequency_next[symbol][next];
        symbol = next;
    }
    return total;
}

/* Messages are full of links, which prose and word lists are not. */
static bool is_of_links(const char *text)
{
    static const char *const links[] = {"https://www.", "http://www", ".com/",  ".org/",
                                        ".net/",        "@gmail.com", "youtube"};
    char gram[5] = "";
    memcpy(gram, text, 4);
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        if (strstr(links[i], gram))
            return true;
    return false;
}

static const double expected_of_links = 0.05;

static double expected(const struct frequency *frequency, const char *text, size_t len)
{
    double model = 100 * exp2(-(double)surprise(text, len) / 8);
    if (len == 4 && model < expected_of_links && is_of_links(text))
        model = expected_of_links;
    if (!frequency || len < 4)
        return model;
    double counted = 100.0 * frequency->counts[sample_slot(text)] / frequency->total;
    /* The sample rules; what it never saw is told apart by the model. */
    return counted + model / 16;
}

double frequency_of_rarest(const struct frequency *frequency, const char *text, size_t len, size_t *offset_out)
{
    size_t width = len < 4 ? len : 4;
    double best = expected(frequency, text, width);
    *offset_out = 0;
    for (size_t i = 1; i + width <= len; i++) {
        double here = expected(frequency, text + i, width);
        if (here < best) {
            best = here;
            *offset_out = i;
        }
    }
    return best;
}
