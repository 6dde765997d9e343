/* Finds expressions that an evil text makes slow: each is tried on texts of one size and of four times that size, made
 * of the characters that it names, and its steps are counted. What always holds: steps are counted by PCRE2 callouts,
 * not by a clock, so the answer is the same on every machine. Neighbour: text.c calls this where lint asks for it. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "filters/rules/loader.h"

/* A first look at small sizes; what seems to grow is looked at again at the size of a scanned window. A repeat with an
 * upper bound looks as if it grew until the text is longer than the bound. */
enum { FIRST_BYTES = 128, SECOND_BYTES = 1024, FACTOR = 4, SUSPICIOUS = 7, UNITS_MAX = 24, STEPS_MAX = 2000000 };
/* What a step takes PCRE2's machine code on current processors: 0.7 to 2 on expressions of many kinds. */
static const double STEP_NS = 1.5;

struct counter {
    uint64_t steps;
};

/* Without a repeat or a call of a group, what an attempt does depends on the expression alone. */
static bool can_grow(const struct wd_node *pattern)
{
    for (size_t i = 0; i < pattern->text_len; i++) {
        const char *at = pattern->text + i;
        if (strchr("*+{", *at) || (at[0] == '(' && at[1] == '?' && (strchr("R&P+-", at[2]) || at[2] <= '9')) ||
            (at[0] == '\\' && at[1] == 'g'))
            return true;
    }
    return false;
}

static int count_step(pcre2_callout_block *block, void *context)
{
    struct counter *counter = context;
    (void)block;
    return ++counter->steps > STEPS_MAX ? PCRE2_ERROR_CALLOUT : 0;
}

struct trial {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *context;
    struct counter counter;
    char subject[SECOND_BYTES * FACTOR + 2];
};

/* `unit` over and over, and an end that few expressions want. */
static uint64_t steps_on(struct trial *trial, const char *unit, size_t bytes)
{
    size_t len = strlen(unit), used = 0;
    while (used + len <= bytes)
        for (size_t i = 0; i < len; i++)
            trial->subject[used++] = unit[i];
    trial->subject[used++] = '\x01';
    trial->counter.steps = 0;
    (void)pcre2_match(trial->code, (PCRE2_SPTR)trial->subject, used, 0, PCRE2_NO_UTF_CHECK, trial->match,
                      trial->context);
    return trial->counter.steps;
}

static bool grows_from(struct trial *trial, const char *unit, size_t bytes)
{
    uint64_t small = steps_on(trial, unit, bytes), large = steps_on(trial, unit, bytes * FACTOR);
    return large > STEPS_MAX || large > (small + 16) * SUSPICIOUS;
}

/* Characters and pairs that repeats of this expression can run over: those that it names, and one of each common class.
 */
static size_t gather_units(const struct wd_node *pattern, char units[UNITS_MAX][8])
{
    static const char *const COMMON[] = {"a", "0", " ", "-", ".", "a ", "a.", "0 ", "A", "\xD0\xB0"};
    size_t count = 0;
    for (; count < sizeof(COMMON) / sizeof(*COMMON); count++)
        memcpy(units[count], COMMON[count], strlen(COMMON[count]) + 1);
    for (size_t i = 0; i < pattern->text_len && count < UNITS_MAX; i++) {
        char c = pattern->text[i];
        bool escaped = i > 0 && pattern->text[i - 1] == '\\', known = false;
        for (size_t j = 0; j < count; j++)
            known |= units[j][0] == c && !units[j][1];
        if (known || (unsigned char)c < ' ' || (unsigned char)c >= 0x7F || (!escaped && strchr("\\()[]{}|?*+^$", c)))
            continue;
        units[count][0] = c;
        units[count++][1] = '\0';
    }
    return count;
}

static bool trial_init(struct trial *trial, const struct wd_node *pattern, bool caseless)
{
    int code;
    PCRE2_SIZE offset;
    /* Without the optimisations that a text can get round: the worst is what counts. */
    uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_AUTO_CALLOUT | PCRE2_NO_START_OPTIMIZE | PCRE2_NO_AUTO_POSSESS |
                       (caseless ? PCRE2_CASELESS : 0);
    trial->code = pcre2_compile((PCRE2_SPTR)pattern->text, pattern->text_len, options, &code, &offset, NULL);
    trial->match = pcre2_match_data_create(1, NULL);
    trial->context = pcre2_match_context_create(NULL);
    if (!trial->code || !trial->match || !trial->context)
        return false;
    pcre2_set_callout(trial->context, count_step, &trial->counter);
    return true;
}

static void trial_free(struct trial *trial)
{
    pcre2_code_free(trial->code);
    pcre2_match_data_free(trial->match);
    pcre2_match_context_free(trial->context);
    free(trial);
}

bool wd_check_growth(struct loader *loader, const struct wd_node *node, bool caseless)
{
    const struct wd_ruleset_options *options = loader->options;
    if ((!options->strict && !options->check_growth) || !can_grow(node))
        return true;
    struct trial *trial = calloc(1, sizeof(*trial));
    if (!trial || !trial_init(trial, node, caseless)) {
        loader->out_of_memory = true;
        if (trial)
            trial_free(trial);
        return false;
    }
    char units[UNITS_MAX][8];
    size_t count = gather_units(node, units), at = 0;
    while (at < count && !(grows_from(trial, units[at], FIRST_BYTES) && grows_from(trial, units[at], SECOND_BYTES)))
        at++;
    unsigned long long steps = trial->counter.steps;
    trial_free(trial);
    if (at == count)
        return true;
    bool more = steps > STEPS_MAX;
    steps = more ? STEPS_MAX : steps;
    const char *least = more ? "over" : "about";
    wd_report(
        &loader->reporter, node, options->strict ? WD_ERROR : WD_WARNING, "grows",
        "on a text that repeats '%s' the work grows faster than the text (%s %llu steps for %d KB, %s %.*f ms): put "
        "a bound on the repeats, as in {1,64}",
        units[at], least, steps, SECOND_BYTES * FACTOR / 1024, least, more ? 0 : 2, (double)steps * STEP_NS / 1e6);
    return !options->strict;
}
