/* Payment cards. A number counts where its first digits and length are a brand's, its check digit is right, and it
 * stands by itself: in one piece, or in the groups that are printed on cards. */
#include "filters/matchers/characters.h"
#include "filters/matchers/matchers.h"

enum { CARD_MIN = 13, CARD_MAX = 19, PREFIX_DIGITS = 6 };

/* Cards whose first digits, filled up to six, are from `low` to `high`. Lengths as bits 1 << digits. */
struct brand {
    uint32_t low, high;
    uint32_t in_one_piece; /* without groups only usual lengths: numbers of other kinds are too much like the rest */
    uint32_t in_groups;
};
#define LENGTH(n) (1U << (n))
#define LENGTHS_16_TO_19 (LENGTH(16) | LENGTH(17) | LENGTH(18) | LENGTH(19))
static const struct brand BRANDS[] = {
    {400000, 499999, LENGTH(16), LENGTH(13) | LENGTH(16) | LENGTH(19)},       /* Visa */
    {510000, 559999, LENGTH(16), LENGTH(16)},                                 /* Mastercard */
    {222100, 272099, LENGTH(16), LENGTH(16)},                                 /* Mastercard */
    {340000, 349999, LENGTH(15), LENGTH(15)},                                 /* American Express */
    {370000, 379999, LENGTH(15), LENGTH(15)},                                 /* American Express */
    {300000, 305999, LENGTH(14), LENGTH(14) | LENGTH(16)},                    /* Diners Club */
    {360000, 369999, LENGTH(14), LENGTH(14) | LENGTH(16)},                    /* Diners Club */
    {380000, 399999, LENGTH(14), LENGTH(14) | LENGTH(16)},                    /* Diners Club */
    {352800, 358999, LENGTH(16), LENGTHS_16_TO_19},                           /* JCB */
    {601100, 601199, LENGTH(16), LENGTHS_16_TO_19},                           /* Discover */
    {644000, 659999, LENGTH(16), LENGTHS_16_TO_19},                           /* Discover, RuPay */
    {620000, 629999, LENGTHS_16_TO_19, LENGTHS_16_TO_19},                     /* UnionPay */
    {220000, 220499, LENGTH(16), LENGTHS_16_TO_19},                           /* Mir */
    {508500, 508999, LENGTH(16), LENGTH(16)},                                 /* RuPay */
    {606985, 608999, LENGTH(16), LENGTH(16)},                                 /* RuPay */
    {979200, 979289, LENGTH(16), LENGTH(16)},                                 /* Troy */
    {500000, 508499, LENGTH(16), LENGTH(13) | LENGTH(15) | LENGTHS_16_TO_19}, /* Maestro */
    {560000, 589999, LENGTH(16), LENGTH(13) | LENGTH(15) | LENGTHS_16_TO_19}, /* Maestro */
    {670000, 679999, LENGTH(16), LENGTH(13) | LENGTH(15) | LENGTHS_16_TO_19}, /* Maestro */
};

/* Digits from a place on, with the sizes of their groups. */
struct reading {
    uint8_t digits[CARD_MAX];
    size_t digit_count;
    uint8_t groups[CARD_MAX];
    size_t group_count;
};

bool wd_luhn_holds(const uint8_t *digits, size_t count)
{
    unsigned sum = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned digit = digits[count - 1 - i] * (1U + (i & 1));
        sum += digit > 9 ? digit - 9 : digit;
    }
    return count > 0 && sum % 10 == 0;
}

static bool is_of_a_brand(const struct reading *reading)
{
    uint32_t prefix = 0;
    for (size_t i = 0; i < PREFIX_DIGITS; i++)
        prefix = prefix * 10 + reading->digits[i];
    for (size_t i = 0; i < sizeof(BRANDS) / sizeof(*BRANDS); i++) {
        uint32_t lengths = reading->group_count > 1 ? BRANDS[i].in_groups : BRANDS[i].in_one_piece;
        if (prefix >= BRANDS[i].low && prefix <= BRANDS[i].high && lengths >> reading->digit_count & 1)
            return true;
    }
    return false;
}

static bool all_but_last_have(const struct reading *reading, uint8_t size)
{
    for (size_t i = 0; i + 1 < reading->group_count; i++)
        if (reading->groups[i] != size)
            return false;
    return reading->groups[reading->group_count - 1] <= (size == 4 ? 5 : size);
}

/* Groups as on a card: fours, 4-6-5 and 4-6-4; or every digit by itself, which nobody does without a reason. */
static bool is_grouped_like_a_card(const struct reading *reading)
{
    const uint8_t *groups = reading->groups;
    if (reading->group_count == 3 && groups[0] == 4 && groups[1] == 6)
        return groups[2] == 5 || groups[2] == 4;
    return reading->group_count > 2 && (all_but_last_have(reading, 4) || all_but_last_have(reading, 1));
}

static bool stands_alone(struct wd_str text, size_t start, size_t end, const struct reading *reading)
{
    char before = wd_byte_before(text, start), behind = wd_byte_at(text, end), kind;
    bool joined = before == '-' || before == '.' || before == ',' || before == '/';
    if (wd_is_word_byte(before) || before == '+' || (joined && wd_digit_ends_at(text, start - 1)))
        return false;
    joined = behind == '-' || behind == '.' || behind == ',' || behind == '/';
    size_t next = end + 1;
    if (wd_is_word_byte(behind) || (joined && wd_next_digit(text, &next) >= 0))
        return false;
    bool by_digits = reading->group_count > 1 && reading->groups[0] == 1;
    next = end + wd_group_separator(text, end, &kind);
    return !by_digits ||
           (!(before == ' ' && start > 0 && wd_digit_ends_at(text, start - 1)) && wd_next_digit(text, &next) < 0);
}

static bool is_card(struct wd_str text, size_t start, size_t end, enum wd_card_form form, const struct reading *reading)
{
    if (reading->digit_count < CARD_MIN || (form == WD_CARD_GROUPED && reading->group_count == 1))
        return false;
    return (reading->group_count == 1 || is_grouped_like_a_card(reading)) && is_of_a_brand(reading) &&
           wd_luhn_holds(reading->digits, reading->digit_count) && stands_alone(text, start, end, reading);
}

/* Reads one group at *at; false where digits go on past what a card has. */
static bool read_group(struct wd_str text, size_t *at, struct reading *reading)
{
    size_t before = reading->digit_count, next = *at;
    int digit;
    while ((digit = wd_next_digit(text, &next)) >= 0) {
        if (reading->digit_count == CARD_MAX)
            return false;
        reading->digits[reading->digit_count++] = (uint8_t)digit;
        *at = next;
    }
    reading->groups[reading->group_count++] = (uint8_t)(reading->digit_count - before);
    return reading->digit_count > before;
}

/* The end of the longest card that starts at `start`; 0: there is none. */
static size_t card_at(struct wd_str text, size_t start, enum wd_card_form form, struct wd_effort *effort)
{
    struct reading reading = {0};
    size_t at = start, end = 0;
    char kind;
    while (reading.group_count < CARD_MAX && read_group(text, &at, &reading)) {
        wd_note_steps(effort, reading.digit_count < CARD_MIN ? 2 : CARD_MAX);
        if (is_card(text, start, at, form, &reading))
            end = at;
        size_t separator = wd_group_separator(text, at, &kind);
        if (!separator)
            break;
        at += separator;
    }
    return end;
}

void wd_find_cards(struct wd_str text, enum wd_card_form form, const struct wd_finder *finder)
{
    size_t from = 0;
    for (size_t at; (at = wd_find_digit(text, from, finder->effort)) < text.len && wd_goes_on(finder->effort, 1);) {
        size_t end = card_at(text, at, form, finder->effort);
        if (end)
            finder->found(finder->context, at, end);
        wd_note_steps(finder->effort, end ? end - at : 0);
        from = end ? end : wd_skip_digits(text, at, finder->effort);
    }
}
