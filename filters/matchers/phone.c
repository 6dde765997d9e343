/* Telephone numbers. Digits in groups are read from a place on; then every run of whole groups is judged. What always
 * holds: dates, IP addresses, amounts and long numbers are none; where digits alone do not tell, it is not one. */
#include "filters/matchers/characters.h"
#include "filters/matchers/matchers.h"

enum { DIGITS_MAX = 24, GROUPS_MAX = 10, E164_MAX = 15, SEPARATOR_MAX = 3 };

/* Digits from a place on. */
struct number {
    uint8_t digits[DIGITS_MAX];
    size_t digit_count;
    size_t group_count;
    uint8_t first[GROUPS_MAX + 1]; /* index of each group's first digit, and of the end */
    size_t starts[GROUPS_MAX], ends[GROUPS_MAX];
    char separators[GROUPS_MAX + 1]; /* before each group: ' ', '-', '.', '/', ')', and '\0' at both ends */
    bool has_plus, is_whole;         /* is_whole: digits end where the last group does */
    size_t start;                    /* with + or ( */
};

/* A run of groups. */
struct part {
    const struct number *number;
    size_t from, to; /* groups [from, to) */
    const uint8_t *digits;
    size_t digit_count;
};

static size_t group_size(const struct part *part, size_t group)
{
    return (size_t)(part->number->first[part->from + group + 1] - part->number->first[part->from + group]);
}

static size_t groups_in(const struct part *part)
{
    return part->to - part->from;
}

/* The separator before the group, counted from the part's start. */
static char separator(const struct part *part, size_t group)
{
    return part->number->separators[part->from + group];
}

/* ---- country codes ---- */

/* One bit for each assigned code of E.164: 1 and 7 stand for themselves, the rest by two or three digits. */
static bool is_two_digit_code(unsigned code)
{
    static const uint8_t CODES[] = {20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46,
                                    47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58, 60, 61, 62, 63,
                                    64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98};
    return memchr(CODES, (int)code, sizeof(CODES)) != NULL;
}

static bool is_three_digit_code(unsigned code)
{
    static const struct {
        uint16_t low, high;
    } CODES[] = {{211, 213}, {216, 216}, {218, 218}, {220, 258}, {260, 269}, {290, 291}, {297, 299},
                 {350, 359}, {370, 378}, {380, 383}, {385, 387}, {389, 389}, {420, 421}, {423, 423},
                 {500, 509}, {590, 599}, {670, 670}, {672, 683}, {685, 692}, {800, 800}, {808, 808},
                 {850, 850}, {852, 853}, {855, 856}, {870, 870}, {880, 883}, {886, 886}, {888, 888},
                 {960, 968}, {970, 977}, {979, 979}, {992, 996}, {998, 998}};
    for (size_t i = 0; i < sizeof(CODES) / sizeof(*CODES); i++)
        if (code >= CODES[i].low && code <= CODES[i].high)
            return true;
    return false;
}

static bool ends_in_zeros(const struct part *part)
{
    size_t zeros = 0;
    while (zeros < part->digit_count && part->digits[part->digit_count - 1 - zeros] == 0)
        zeros++;
    return zeros > 4; /* an amount */
}

/* `skip`: digits before the country code. */
static bool is_international(const struct part *part, size_t skip)
{
    const uint8_t *digits = part->digits + skip;
    size_t count = part->digit_count - skip;
    if (part->digit_count < skip + 9 || count > E164_MAX || ends_in_zeros(part))
        return false;
    if (digits[0] == 1 || digits[0] == 7)
        return count == 11 && digits[1] >= (digits[0] == 1 ? 2 : 3);
    unsigned two = digits[0] * 10U + digits[1];
    return is_two_digit_code(two) || is_three_digit_code(two * 10 + digits[2]);
}

/* ---- national ---- */

static bool is_date(const struct part *part)
{
    const uint8_t *d = part->digits;
    if (groups_in(part) < 3 || group_size(part, 0) != 2 || group_size(part, 1) != 2 || group_size(part, 2) != 4)
        return false;
    unsigned first = d[0] * 10U + d[1], second = d[2] * 10U + d[3], century = d[4] * 10U + d[5];
    return first <= 31 && second <= 31 && (century == 19 || century == 20);
}

static bool is_ip_address(const struct part *part)
{
    bool is_one = groups_in(part) == 4;
    for (size_t i = 0; i < groups_in(part); i++)
        is_one = is_one && group_size(part, i) <= 3 && (i == 0 || separator(part, i) == '.');
    return is_one;
}

/* Behind the area code anything may stand; after that people keep to one way. */
static bool is_evenly_separated(const struct part *part)
{
    bool dots = groups_in(part) > 2 && separator(part, 2) == '.';
    for (size_t i = 2; i < groups_in(part); i++) {
        char c = separator(part, i);
        if (dots ? c != '.' : c != ' ' && c != '-')
            return false;
    }
    return groups_in(part) < 3 || dots == (separator(part, 1) == '.');
}

static bool is_trunk_number(const struct part *part)
{
    size_t groups = groups_in(part);
    if (part->digits[0] != 0 || part->digits[1] == 0 || part->digit_count < 9 || part->digit_count > 12 || groups < 2 ||
        groups > 6 || group_size(part, 0) > 6)
        return false;
    bool whole = part->from == 0 && part->to == part->number->group_count;
    for (size_t i = 0; i < groups; i++)
        if (group_size(part, i) < 2)
            return false;
    return is_evenly_separated(part) && !is_date(part) && !is_ip_address(part) &&
           (whole || group_size(part, groups - 1) > 2);
}

static bool is_north_american(const struct part *part)
{
    size_t i = groups_in(part) == 4 && part->digits[0] == 1 && group_size(part, 0) == 1;
    const uint8_t *d = part->digits + i;
    if (groups_in(part) != 3 + i || group_size(part, i) != 3 || group_size(part, i + 1) != 3 ||
        group_size(part, i + 2) != 4)
        return false;
    char area = separator(part, i + 1), line = separator(part, i + 2);
    return d[0] >= 2 && d[3] >= 2 && !(d[4] == 1 && d[5] == 1) && line != '/' && line != ')' &&
           (area == line || area == ')' || area == '/');
}

static bool is_phone(const struct part *part, enum wd_phone_form form)
{
    if (part->number->has_plus)
        return part->from == 0 && is_international(part, 0);
    if (part->digit_count < 9)
        return false;
    if (part->digits[0] == 0 && part->digits[1] == 0 && part->digits[2] != 0 &&
        (groups_in(part) > 1 || part->digit_count >= 12) && is_international(part, 2))
        return true;
    return form == WD_PHONE_ANY && (is_trunk_number(part) || is_north_american(part));
}

/* ---- reading ---- */

/* What stands between two groups, as one character; '\0': they do not belong together. */
static char read_separator(struct wd_str text, size_t *at)
{
    static const char *const PAIRS[] = {") ", ")-", ")/", ") - ", " (", "-(", "/(", " - ", " / ", ")", "(", ".", "/"};
    size_t left = text.len - *at, best = 0;
    char kind = '\0';
    for (size_t i = 0; i < sizeof(PAIRS) / sizeof(*PAIRS); i++) {
        size_t len = strlen(PAIRS[i]);
        if (len <= best || len > left || memcmp(text.data + *at, PAIRS[i], len) != 0)
            continue;
        best = len;
        kind = PAIRS[i][0] == '(' || PAIRS[i][1] == '(' ? ')' : PAIRS[i][0] == ' ' ? PAIRS[i][1] : PAIRS[i][0];
    }
    if (!best)
        best = wd_group_separator(text, *at, &kind);
    *at += best;
    return best ? kind : '\0';
}

static bool read_group(struct wd_str text, size_t *at, struct number *number)
{
    size_t before = number->digit_count;
    int digit;
    number->first[number->group_count] = (uint8_t)before;
    number->starts[number->group_count] = *at;
    while (number->digit_count < DIGITS_MAX && (digit = wd_next_digit(text, at)) >= 0)
        number->digits[number->digit_count++] = (uint8_t)digit;
    number->ends[number->group_count] = *at;
    if (number->digit_count == before)
        return false;
    number->group_count++;
    number->first[number->group_count] = (uint8_t)number->digit_count;
    return true;
}

/* Reads groups from `at` on; returns where reading ended. */
static size_t read_number(struct wd_str text, size_t at, struct number *number)
{
    for (;;) {
        if (!read_group(text, &at, number))
            break;
        size_t next = at, digit;
        if (number->group_count == GROUPS_MAX || number->digit_count == DIGITS_MAX)
            break;
        char kind = read_separator(text, &next);
        digit = next;
        if (!kind || wd_next_digit(text, &digit) < 0)
            break;
        number->separators[number->group_count] = kind;
        at = next;
    }
    char behind = wd_byte_at(text, at);
    size_t next = at + 1;
    bool goes_on = (behind == ',' || behind == ':' || behind == '-') && wd_next_digit(text, &next) >= 0;
    number->is_whole = !wd_is_word_byte(behind) && behind != '@' && behind != '%' && !goes_on;
    return at;
}

/* ---- judging ---- */

static bool may_end_at(const struct number *number, size_t group)
{
    return group == number->group_count ? number->is_whole : number->separators[group] == ' ';
}

static bool may_start_at(const struct number *number, size_t group)
{
    return group == 0 || number->separators[group] == ' ';
}

static void judge(const struct number *number, enum wd_phone_form form, const struct wd_finder *finder)
{
    size_t from = 0;
    while (from < number->group_count) {
        size_t to = may_start_at(number, from) ? number->group_count : from;
        for (; to > from; to--) {
            struct part part = {.number = number,
                                .from = from,
                                .to = to,
                                .digits = number->digits + number->first[from],
                                .digit_count = (size_t)(number->first[to] - number->first[from])};
            if (may_end_at(number, to) && is_phone(&part, form))
                break;
        }
        if (to > from)
            finder->found(finder->context, from ? number->starts[from] : number->start, number->ends[to - 1]);
        from = to > from ? to : from + 1;
    }
}

/* Nothing may stand before a number that makes it a part of something else. */
static bool may_begin(struct wd_str text, size_t start)
{
    char before = wd_byte_before(text, start);
    bool joined = before == '.' || before == ',' || before == '-' || before == '/' || before == ':';
    return !wd_is_word_byte(before) && before != '+' && before != '#' && before != '$' &&
           !(joined && wd_digit_ends_at(text, start - 1));
}

void wd_find_phones(struct wd_str text, enum wd_phone_form form, const struct wd_finder *finder)
{
    size_t from = 0;
    for (size_t at; (at = wd_find_digit(text, from, finder->effort)) < text.len && wd_goes_on(finder->effort, 1);) {
        struct number number = {.start = at};
        if (number.start > 0 && text.data[number.start - 1] == '(')
            number.start--;
        if (number.start > 0 && text.data[number.start - 1] == '+') {
            number.start--;
            number.has_plus = true;
        }
        bool may = may_begin(text, number.start);
        size_t end = read_number(text, at, &number);
        wd_note_steps(finder->effort, end - at + number.group_count * number.group_count);
        if (may)
            judge(&number, form, finder);
        from = wd_skip_digits(text, end, finder->effort);
    }
}
