/* Likeness: one author who repeats himself, many who write nearly the same, and fingerprints under what spammers do to
 * texts. */
#include "tests/unit/behaviour_support.h"

#include <stdio.h>

#include "tests/unit/behaviour_texts.h"

static const struct wd_crowd CROWD = {.cell = 21, .within_ms = 30 * SECOND, .authors = 5, .distance = 3};
static const struct wd_similar REPEAT = {.cell = 22, .within_ms = 10 * MINUTE, .more_than = 2, .distance = 2};

enum { MIN_LENGTH = 20, BUCKETS_MAX = 512 };

/* The network's buckets by key. */
struct network {
    struct {
        char key[64];
        struct wd_value value;
    } buckets[BUCKETS_MAX];
    size_t count;
    uint64_t sequence;
};

static struct wd_value *bucket_of(struct network *network, const char *key)
{
    for (size_t i = 0; i < network->count; i++)
        if (strcmp(network->buckets[i].key, key) == 0)
            return &network->buckets[i].value;
    assert_true(network->count < BUCKETS_MAX);
    strcpy(network->buckets[network->count].key, key);
    return &network->buckets[network->count++].value;
}

static void network_fini(struct network *network)
{
    for (size_t i = 0; i < network->count; i++)
        free(network->buckets[i].value.bytes);
}

static bool crowd_takes(struct network *network, struct wd_origin origin, uint64_t fingerprint, uint64_t author,
                        int64_t at_ms, uint32_t *authors_out)
{
    struct wd_session sessions[WD_CROWD_BUCKETS], *pointers[WD_CROWD_BUCKETS];
    for (unsigned b = 0; b < WD_CROWD_BUCKETS; b++) {
        char key[64];
        size_t len = wd_crowd_key(&CROWD, fingerprint, b, (struct wd_str){0}, key, sizeof key);
        assert_int_equal(len, strlen(key));
        wd_session_open(&sessions[b], bucket_of(network, key), origin, START + at_ms);
        pointers[b] = &sessions[b];
    }
    bool is_crowd = wd_crowd_take(pointers, &CROWD, fingerprint, author, authors_out);
    for (unsigned b = 0; b < WD_CROWD_BUCKETS; b++)
        assert_true(wd_session_close(&sessions[b]));
    return is_crowd;
}

/* A message of `author`; false too where the text is too short to have a fingerprint. */
static bool writes(struct network *network, const char *text, uint64_t author, int64_t at_ms)
{
    uint64_t fingerprint;
    uint32_t authors;
    struct wd_origin origin = {1, ++network->sequence};
    return wd_fingerprint(wd_str_from(text), MIN_LENGTH, &fingerprint) &&
           crowd_takes(network, origin, fingerprint, author, at_ms, &authors);
}

static void test_48_accounts_with_nearly_one_message_are_caught_by_the_sixth(void **state)
{
    (void)state;
    static struct network network;
    uint32_t random = 1;
    for (uint64_t i = 0; i < 48; i++) {
        char text[128];
        int len = snprintf(text, sizeof text, "Get your free gift cards now at best-gifts.example ");
        for (int k = 0; k < 5; k++) {
            random = random * 1664525 + 1013904223;
            text[len + k] = (char)('a' + (random >> 24) % 26);
        }
        text[len + 5] = 0;
        bool is_caught = writes(&network, text, 1000 + i, (int64_t)i * 16 * SECOND / 48);
        if (i < 4)
            assert_false(is_caught);
        if (i >= 5)
            assert_true(is_caught);
    }
    network_fini(&network);
}

static void test_48_people_who_write_gg_are_no_crowd(void **state)
{
    (void)state;
    static struct network network;
    for (uint64_t i = 0; i < 48; i++)
        assert_false(writes(&network, i % 2 ? "gg" : "GG!!! 🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉", i, (int64_t)i * 300));
    assert_int_equal(network.count, 0);
}

static void test_48_ordinary_messages_are_no_crowd(void **state)
{
    (void)state;
    static struct network network;
    for (uint64_t i = 0; i < 48; i++)
        assert_false(writes(&network, ORDINARY_TEXTS[i], i, (int64_t)i * 300));
    assert_true(network.count > 150); /* they do have fingerprints */
    network_fini(&network);
}

static void test_one_author_is_no_crowd(void **state)
{
    (void)state;
    static struct network network;
    for (int i = 0; i < 48; i++)
        assert_false(writes(&network, ORDINARY_TEXTS[0], 7, i * 300));
    network_fini(&network);
}

static void test_a_crowd_that_takes_its_time_is_none(void **state)
{
    (void)state;
    static struct network network;
    for (uint64_t i = 0; i < 20; i++)
        assert_false(writes(&network, ORDINARY_TEXTS[0], i, (int64_t)i * 7500)); /* four in thirty seconds */
    network_fini(&network);
}

static void test_a_bucket_that_was_not_written_learns_the_answer(void **state)
{
    (void)state;
    static struct network network;
    uint64_t fingerprint;
    uint32_t authors;
    assert_true(wd_fingerprint(wd_str_from(ORDINARY_TEXTS[0]), MIN_LENGTH, &fingerprint));
    for (uint64_t i = 1; i < 5; i++)
        assert_false(crowd_takes(&network, (struct wd_origin){1, i}, fingerprint, i, 0, &authors));
    struct wd_value kept = network.buckets[2].value; /* of the event that follows, this one is not written */
    kept.bytes = memcpy(malloc(kept.len), kept.bytes, kept.len);
    kept.capacity = kept.len;
    assert_true(crowd_takes(&network, (struct wd_origin){1, 5}, fingerprint, 5, 0, &authors));
    assert_true(crowd_takes(&network, (struct wd_origin){1, 6}, fingerprint, 6, 0, &authors));
    assert_int_equal(authors, 6);
    free(network.buckets[2].value.bytes);
    network.buckets[2].value = kept;
    assert_true(crowd_takes(&network, (struct wd_origin){1, 5}, fingerprint, 5, 0, &authors));
    assert_int_equal(authors, 5);
    assert_true(crowd_takes(&network, (struct wd_origin){1, 6}, fingerprint, 6, 0, &authors));
    assert_int_equal(authors, 6);
    network_fini(&network);
}

static bool repeats(struct bench *bench, int64_t at_ms, const char *text, uint64_t content, bool is_edit)
{
    uint64_t fingerprint;
    uint32_t count;
    assert_true(wd_fingerprint(wd_str_from(text), 0, &fingerprint));
    event_at(bench, at_ms);
    bool is_repeated = wd_similar_take(&bench->session, &REPEAT, fingerprint, content, is_edit, &count);
    done(bench);
    return is_repeated;
}

static void test_the_third_repetition_within_ten_minutes_is_one_too_many(void **state)
{
    (void)state;
    struct bench bench = {0};
    assert_false(repeats(&bench, 0, "Look at my page!", 1, false));
    assert_false(repeats(&bench, MINUTE, "look at my page", 2, false));
    assert_false(repeats(&bench, MINUTE, ORDINARY_TEXTS[3], 3, false));
    assert_true(repeats(&bench, 9 * MINUTE, "Look, at my PAGE", 4, false));
    assert_false(repeats(&bench, 12 * MINUTE, "Look at my page!", 5, false)); /* two of them are too old */
    bench_fini(&bench);
}

static void test_edits_are_no_repetitions_of_themselves(void **state)
{
    (void)state;
    struct bench bench = {0};
    assert_false(repeats(&bench, 0, ORDINARY_TEXTS[0], 1, false));
    for (int i = 1; i < 6; i++)
        assert_false(repeats(&bench, i, ORDINARY_TEXTS[0], 1, true));
    assert_false(repeats(&bench, 6, ORDINARY_TEXTS[0], 2, false));
    assert_false(repeats(&bench, 7, ORDINARY_TEXTS[1], 1, true)); /* the first is another text now */
    assert_false(repeats(&bench, 8, ORDINARY_TEXTS[0], 3, false));
    assert_true(repeats(&bench, 9, ORDINARY_TEXTS[0], 1, true));
    assert_false(repeats(&bench, 10, ORDINARY_TEXTS[0], 1, true)); /* saved without a change */
    bench_fini(&bench);
}

static unsigned distance(const char *a, const char *b)
{
    uint64_t one = 0, other = 0;
    assert_true(wd_fingerprint(wd_str_from(a), 1, &one) && wd_fingerprint(wd_str_from(b), 1, &other));
    return wd_fingerprint_distance(one, other);
}

static void test_disguise_does_not_move_a_fingerprint(void **state)
{
    (void)state;
    static const char PLAIN[] = "Win a new phone today, just click on 123 links";
    assert_int_equal(distance(PLAIN, "WIN A NEW PHONE TODAY just click on 987 links!!!"), 0);
    assert_int_equal(distance(PLAIN, "W.i.n a n-e-w phone today, just *click* on 555 links 🎁🇺🇸"), 0);
    assert_int_equal(distance(PLAIN, "Wіn а nеw рhоne tоdaу, just сliсk on 123 links"), 0); /* Cyrillic */
    assert_int_equal(distance(PLAIN, "Wín ä new phöne today, just click on ١٢٣ links"), 0);
    assert_int_equal(distance(PLAIN, "Ｗｉｎ a new phone today, just click on 123 links"), 0); /* full width */
    assert_true(distance(PLAIN, ORDINARY_TEXTS[5]) > 4);
}

static void test_every_script_has_fingerprints(void **state)
{
    (void)state;
    assert_int_equal(distance("Сегодня вечером встречаемся у метро", "сегодня, вечером встречаемся у метро!"), 0);
    assert_true(distance("Сегодня вечером встречаемся у метро", "Завтра утром идём гулять в старый парк") > 4);
    assert_int_equal(distance("今天晚上我们在地铁站见面吃火锅", "今天晚上，我们在地铁站见面，吃火锅！"), 0);
    assert_true(distance("今天晚上我们在地铁站见面吃火锅", "明天早上大家一起去公园跑步吧") > 4);
    uint64_t fingerprint;
    assert_false(wd_fingerprint(wd_str_from("🎉🎉 ... !!"), 0, &fingerprint));
    assert_false(wd_fingerprint((struct wd_str){0}, 0, &fingerprint));
    assert_true(wd_fingerprint(wd_str_from("ok"), 2, &fingerprint));
    assert_false(wd_fingerprint(wd_str_from("ok"), 3, &fingerprint));
}

static void test_unlike_texts_are_far_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < 48; i++)
        for (size_t k = i + 1; k < 48; k++)
            assert_true(distance(ORDINARY_TEXTS[i], ORDINARY_TEXTS[k]) > 4);
}

/* Stored in values: it may not change from version to version. */
static void test_hashes_and_fingerprints_are_the_same_for_ever(void **state)
{
    (void)state;
    uint64_t fingerprint;
    assert_true(wd_fingerprint(wd_str_from("Get your free gift cards now"), 0, &fingerprint));
    assert_true(fingerprint == KEPT_FINGERPRINT);
    assert_true(wd_item_hash(wd_str_from("message/6af1")) == KEPT_HASH);
    assert_true(wd_item_hash((struct wd_str){0}) == wd_item_hash(wd_str_from("")));
    assert_true(wd_item_hash(wd_str_from("a")) != wd_item_hash((struct wd_str){"a\0", 2}));
}

/* A text of anything, of any length up to some thousand letters: by the number, the same for ever. */
static size_t any_text(unsigned number, char *text, size_t room)
{
    static const char *const PARTS[] = {"a",  "b",  "E",        "T ",   "word ", "12", ". ", "!", "-", "é", "слово ",
                                        "ａ", "今", "\xE2\x80", "\xFF", "😀",     "🇩🇪", "١٢", "½", "ﬃ", "İ"};
    unsigned random = number * 2654435761U + 1, foreign = number % 3;
    size_t len = 0, most = number % 50 == 49 ? room : number % 7 == 0 ? number % 24 : number % 400;
    while (len + 16 < room && len < most) {
        random = random * 1664525 + 1013904223;
        len += (size_t)sprintf(text + len, "%s", PARTS[(random >> 16) % (foreign ? foreign * 9 : 21)]);
    }
    return len;
}

static uint64_t sum_of_fingerprints(void)
{
    static char text[9000];
    uint64_t sum = 0;
    for (unsigned number = 0; number < 20000; number++) {
        size_t len = any_text(number, text, sizeof text);
        uint64_t fingerprint = 0;
        bool is_some = wd_fingerprint((struct wd_str){text, len}, number % 5, &fingerprint);
        sum = (sum ^ (is_some ? fingerprint : 1)) * 0x9E3779B97F4A7C15U;
        sum ^= sum >> 32;
    }
    return sum;
}

static void test_fingerprints_are_the_same_on_every_processor(void **state)
{
    (void)state;
    for (int vectors = FINGERPRINT_BEST; vectors <= FINGERPRINT_NONE; vectors++) {
        fingerprint_limit((enum fingerprint_vectors)vectors);
        assert_true(sum_of_fingerprints() == KEPT_SUM);
    }
    fingerprint_limit(FINGERPRINT_BEST);
}

static void test_places_have_buckets_of_their_own(void **state)
{
    (void)state;
    char network[64], here[64], there[64];
    wd_crowd_key(&CROWD, 0x1122334455667788, 1, (struct wd_str){0}, network, sizeof network);
    assert_string_equal(network, "f:00000015:1:5566");
    wd_crowd_key(&CROWD, 0x1122334455667788, 1, wd_str_from("channel/a"), here, sizeof here);
    wd_crowd_key(&CROWD, 0x1122334455667788, 1, wd_str_from("channel/b"), there, sizeof there);
    assert_true(strcmp(here, there) != 0 && strncmp(here, network, strlen(network)) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_48_accounts_with_nearly_one_message_are_caught_by_the_sixth),
        cmocka_unit_test(test_48_people_who_write_gg_are_no_crowd),
        cmocka_unit_test(test_48_ordinary_messages_are_no_crowd),
        cmocka_unit_test(test_one_author_is_no_crowd),
        cmocka_unit_test(test_a_crowd_that_takes_its_time_is_none),
        cmocka_unit_test(test_a_bucket_that_was_not_written_learns_the_answer),
        cmocka_unit_test(test_the_third_repetition_within_ten_minutes_is_one_too_many),
        cmocka_unit_test(test_edits_are_no_repetitions_of_themselves),
        cmocka_unit_test(test_disguise_does_not_move_a_fingerprint),
        cmocka_unit_test(test_every_script_has_fingerprints),
        cmocka_unit_test(test_unlike_texts_are_far_apart),
        cmocka_unit_test(test_hashes_and_fingerprints_are_the_same_for_ever),
        cmocka_unit_test(test_fingerprints_are_the_same_on_every_processor),
        cmocka_unit_test(test_places_have_buckets_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
