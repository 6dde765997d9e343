/* Any bytes through all native matchers: no crash, finds in order of sense and within the text, nothing found that the
 * features of the text rule out, and no more steps than the length of the text allows. The first byte picks parameters,
 * among them how often the text stands behind itself, so that long ones are tried. Bytes that are no UTF-8 go in, too.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filters/matchers/features.h"
#include "filters/matchers/host.h"
#include "filters/matchers/matchers.h"

static void require_at(bool holds, int line)
{
    if (holds)
        return;
    fprintf(stderr, "matchers_fuzz.c:%d: a promise is broken\n", line);
    abort();
}
#define require(holds) require_at(holds, __LINE__)

enum { STEPS_A_BYTE = 3000, COPIES_MAX = 64, LONG = 1 << 18 };

struct finds {
    struct wd_str text;
    size_t count;
};

static void take(void *context, size_t start, size_t end)
{
    struct finds *finds = context;
    require(start < end && end <= finds->text.len);
    finds->count++;
}

/* What the features of the text rule out must not be found. */
static void check_features(uint32_t features, uint32_t needs, struct finds *finds)
{
    require(finds->count == 0 || !(needs & ~features));
    finds->count = 0;
}

/* STEPS_A_BYTE a search is far above what any needs: what grows faster than the text is past it on long ones. */
static void check_steps(const struct wd_effort *effort, struct wd_str text, uint64_t searches)
{
    require(effort->steps <= searches * (text.len + 1024) * STEPS_A_BYTE);
}

static void find_data(struct wd_str text, uint8_t choice)
{
    struct finds finds = {.text = text};
    struct wd_effort effort = {.steps = 0};
    struct wd_finder finder = {.found = take, .context = &finds, .effort = &effort};
    uint32_t features = wd_text_features(text, UINT32_MAX, NULL);
    wd_find_cards(text, choice & 1 ? WD_CARD_GROUPED : WD_CARD_ANY, &finder);
    check_features(features, WD_FEATURE_DIGITS_13, &finds);
    wd_find_phones(text, choice & 1 ? WD_PHONE_INTERNATIONAL : WD_PHONE_ANY, &finder);
    check_features(features, WD_FEATURE_DIGITS_9, &finds);
    wd_find_emails(text, &finder);
    check_features(features, WD_FEATURE_AT, &finds);
    wd_find_ibans(text, choice & 1 ? WD_IBAN_GROUPED : WD_IBAN_ANY, &finder);
    check_features(features, WD_FEATURE_DIGITS_4, &finds);
    wd_find_wallets(text, (1U << WD_WALLET_COUNT) - 1, &finder);
    check_features(features, WD_FEATURE_LONG, &finds);
    check_steps(&effort, text, 5);
}

static void find_manner(struct wd_str text, uint8_t choice)
{
    struct finds finds = {.text = text};
    struct wd_effort effort = {.steps = 0};
    struct wd_finder finder = {.found = take, .context = &finds, .effort = &effort};
    struct wd_repeat repeat = {.unit = (enum wd_repeat_unit)(choice & 3),
                               .at_least = 2 + (choice >> 2 & 3),
                               .min_length = 1 + (choice >> 4 & 3),
                               .max_length = 4 + (choice >> 6) * 32U};
    wd_find_repeats(text, &repeat, &finder);
    finds.count = 0;
    check_steps(&effort, text, 1);
    effort.steps = 0;
    wd_find_zalgo(text, 2 + (choice & 3), &finder);
    check_features(wd_text_features(text, UINT32_MAX, NULL), WD_FEATURE_NON_ASCII | WD_FEATURE_MARKS, &finds);
    struct wd_letter_case letters = wd_count_case(text, &effort);
    require(letters.upper + letters.lower <= text.len);
    struct wd_emoji_count emoji = wd_count_emoji(text, &effort);
    require(emoji.emoji + emoji.others <= text.len && emoji.start <= emoji.end && emoji.end <= text.len);
    require(!emoji.emoji || wd_text_features(text, UINT32_MAX, NULL) & WD_FEATURE_EMOJI);
    const int scripts[] = {25, 8};
    struct wd_script_share share = wd_count_scripts(text, scripts, 2, &effort);
    require(share.of_scripts <= share.letters && share.letters <= text.len);
    check_steps(&effort, text, 4);
}

static void find_hosts(struct wd_str text)
{
    struct wd_effort effort = {.steps = 0};
    struct wd_host_search search = {.text = text, .effort = &effort};
    struct wd_host_place place;
    struct wd_host host, again;
    size_t last = 0;
    while (wd_next_host(&search, &place)) {
        require(place.start < place.end && place.end <= text.len && search.at > last);
        last = search.at;
        if (!wd_host_normalize((struct wd_str){text.data + place.start, place.end - place.start}, &host))
            continue;
        require(host.len == strlen(host.text) && host.len <= WD_HOST_MAX);
        struct wd_str part = wd_host_registrable(&host);
        require(part.len <= host.len);
        bool is_v6 = strchr(host.text, ':') != NULL;
        require(is_v6 || (wd_host_normalize((struct wd_str){host.text, host.len}, &again) &&
                          strcmp(again.text, host.text) == 0));
    }
    check_steps(&effort, text, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    size_t copies = data[0] % 16 == 15 && size < LONG / COPIES_MAX ? COPIES_MAX : 1, len = (size - 1) * copies;
    char *copy = malloc(len ? len : 1); /* no larger, so that a sanitizer sees a read past the end */
    if (!copy)
        return 0;
    for (size_t i = 0; i < copies; i++)
        memcpy(copy + i * (size - 1), data + 1, size - 1);
    struct wd_str text = {copy, len};
    find_data(text, data[0]);
    find_manner(text, data[0]);
    find_hosts(text);
    free(copy);
    return 0;
}
