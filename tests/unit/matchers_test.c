/* Personal data: cards, phones, e-mail addresses, bank accounts, wallets. */
#include "tests/unit/matchers_support.h"

#include "filters/matchers/checksum.h"

struct example {
    const char *text, *finds; /* finds: "" for none, one|two for several */
};

static void check(const struct example *examples, size_t count, void (*find)(struct wd_str, const struct wd_finder *))
{
    for (size_t i = 0; i < count; i++) {
        const char *found = collect(examples[i].text, find);
        if (strcmp(found, examples[i].finds) != 0)
            fail_msg("'%s': found '%s', not '%s'", examples[i].text, found, examples[i].finds);
    }
}
#define CHECK(examples, find) check(examples, sizeof(examples) / sizeof(*(examples)), find)

/* What nothing here may take for personal data. */
static const char *const HARMLESS[] = {
    "The file is 142,460 bytes, build 192.168.1.50 is green",
    "order 202555018755 has shipped",
    "2026-01-15 12:30, room 204",
    "01.02.2026 12:30:00",
    "04-05-2026 10:11",
    "message 64f1c2a9e4b0a1b2c3d4e5f6 by 0f8fad5b-d9cb-469f-a165-70867728950e",
    "1125899906842624123",
    "1767225600000",
    "call 911",
    "+1 to that, +100 points, +50000000 coins",
    "ISBN 978-3-16-148410-0",
    "9783161484100",
    "10.0.0.1:8080 and 010.020.030.040",
    "3.14159265358979323846",
    "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19",
    "2001:db8::1, 00:1B:44:11:3A:B7",
    "commit 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
    "0xdeadbeef",
    "3c59dc048e8850243be8079a5c74d079",
    "flight DE89 370 at gate 4",
    "AT40 degrees it was too hot",
    "git clone git@host, see you @ the station, @maria",
    "1234 5678 9012 3456",
    "Scunthorpe, assassin, raccoon, Nigeria, viable, 6 itch",
    "Привет, как дела? Γειά σου Κόσμε",
    "₿ 4.111.111.111.111.111",
    "",
};

static void cards(struct wd_str text, const struct wd_finder *finder)
{
    wd_find_cards(text, WD_CARD_ANY, finder);
}

static void grouped_cards(struct wd_str text, const struct wd_finder *finder)
{
    wd_find_cards(text, WD_CARD_GROUPED, finder);
}

static void phones(struct wd_str text, const struct wd_finder *finder)
{
    wd_find_phones(text, WD_PHONE_ANY, finder);
}

static void international_phones(struct wd_str text, const struct wd_finder *finder)
{
    wd_find_phones(text, WD_PHONE_INTERNATIONAL, finder);
}

static void ibans(struct wd_str text, const struct wd_finder *finder)
{
    wd_find_ibans(text, WD_IBAN_ANY, finder);
}

static void grouped_ibans(struct wd_str text, const struct wd_finder *finder)
{
    wd_find_ibans(text, WD_IBAN_GROUPED, finder);
}

static void wallets(struct wd_str text, const struct wd_finder *finder)
{
    wd_find_wallets(text, (1U << WD_WALLET_COUNT) - 1, finder);
}

static void test_harmless(void **state)
{
    (void)state;
    void (*const all[])(struct wd_str, const struct wd_finder *) = {cards, phones, wd_find_emails, ibans, wallets};
    for (size_t i = 0; i < sizeof(HARMLESS) / sizeof(*HARMLESS); i++)
        for (size_t j = 0; j < sizeof(all) / sizeof(*all); j++) {
            const char *found = collect(HARMLESS[i], all[j]);
            if (*found)
                fail_msg("matcher %zu takes '%s' out of '%s'", j, found, HARMLESS[i]);
        }
}

static void test_cards(void **state)
{
    (void)state;
    static const struct example EXAMPLES[] = {
        {"card 5555-5555-5555-4444 works", "5555-5555-5555-4444"},
        {"my visa 4111111111111111 expires", "4111111111111111"},
        {"3782 822463 10005", "3782 822463 10005"},
        {"4111 1111 1111 1111 and 6011-1111-1111-1117.", "4111 1111 1111 1111|6011-1111-1111-1117"},
        {"4111 1111 1111 1111 123", "4111 1111 1111 1111"},
        {"12/28 4111 1111 1111 1111 12/28", "4111 1111 1111 1111"},
        {"4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"},
        {"卡号4111111111111111谢谢", "4111111111111111"},
        {"4111\u00a01111\u00a01111\u00a01111", "4111\u00a01111\u00a01111\u00a01111"},
        {"4111\u20111111\u20111111\u20111111", "4111\u20111111\u20111111\u20111111"},
        {"٤١١١ ١١١١ ١١١١ ١١١١", "٤١١١ ١١١١ ١١١١ ١١١١"},
        {"2223003122003222", "2223003122003222"},
        {"6205 5000 0000 0000 004", "6205 5000 0000 0000 004"},
        {"3056 930902 5904", "3056 930902 5904"},
        {"4111 1111 1111 1112", ""}, /* check digit */
        {"0000 0000 0000 0000", ""}, /* no brand */
        {"94111111111111111", ""},   /* inside a longer number */
        {"41111111111111110", ""},
        {"9-4111-1111-1111-1111", ""},
        {"4111-1111-1111-1111-9", ""},
        {"x4111111111111111", ""},
        {"4111111111111111_", ""},
        {"4.4111111111111111", ""},
        {"411111 1111 111111", ""}, /* groups of no card */
        {"4111  1111  1111  1111", ""},
        {"41111111111111111111111111111111111111", ""},
    };
    CHECK(EXAMPLES, cards);
    static const struct example GROUPED[] = {
        {"my visa 4111111111111111", ""},
        {"4111 1111 1111 1111", "4111 1111 1111 1111"},
    };
    CHECK(GROUPED, grouped_cards);
}

static void test_phones(void **state)
{
    (void)state;
    static const struct example EXAMPLES[] = {
        {"Her number is +1 202-555-0187, call her", "+1 202-555-0187"},
        {"contact: a@b or +49 30 23125 000", "+49 30 23125 000"},
        {"phone 030 23125 011", "030 23125 011"},
        {"(202) 555-0187", "(202) 555-0187"},
        {"202.555.0187 or 1-202-555-0187", "202.555.0187|1-202-555-0187"},
        {"+4915112345678!", "+4915112345678"},
        {"+(44) 20 7946 0958", "+(44) 20 7946 0958"},
        {"0049 30 23125 000", "0049 30 23125 000"},
        {"06 12 34 56 78", "06 12 34 56 78"},
        {"06.12.34.56.78", "06.12.34.56.78"},
        {"030/23125011", "030/23125011"},
        {"(030) 23125-011", "(030) 23125-011"},
        {"+66 81 234 5678 ok", "+66 81 234 5678"},
        {"+971501234567 WhatsApp", "+971501234567"},
        {"+٩٧١ ٥٠ ١٢٣ ٤٥٦٧", "+٩٧١ ٥٠ ١٢٣ ٤٥٦٧"},
        {"room 12 030 23125 011", "030 23125 011"},
        {"电话+8613812345678谢谢", "+8613812345678"},
        {"tel:+12025550187", "+12025550187"},
        {"+999 123 456 789", ""}, /* no country */
        {"+1 102 555 0187", ""},
        {"+1 202 555 018", ""},
        {"5+4915112345678", ""},
        {"4915112345678", ""},
        {"0301234567", ""}, /* digits alone do not tell */
        {"202-511-0187", ""},
        {"#202-555-0187", ""},
        {"202-555-0187a", ""},
        {"202-555-01871", ""},
        {"9202-555-0187", ""},
    };
    CHECK(EXAMPLES, phones);
    static const struct example INTERNATIONAL[] = {
        {"+49 30 23125 000", "+49 30 23125 000"}, {"030 23125 011", ""}, {"(202) 555-0187", ""}};
    CHECK(INTERNATIONAL, international_phones);
}

static void test_emails(void **state)
{
    (void)state;
    static const struct example EXAMPLES[] = {
        {"contact: max.mustermann@example.de or", "max.mustermann@example.de"},
        {"<john+tag@mail.example.co.uk>.", "john+tag@mail.example.co.uk"},
        {"a@b.com,c_d@e-f.org", "a@b.com|c_d@e-f.org"},
        {"'quoted@example.com'", "quoted@example.com"},
        {"mailto:x@y.net?subject=z", "x@y.net"},
        {"иван@пример.рф", "иван@пример.рф"},
        {"x@münchen.de", "x@münchen.de"},
        {"邮箱abc@qq.com谢谢", "邮箱abc@qq.com"},
        {"“john@example.org”", "john@example.org"},
        {"UP@EXAMPLE.COM", "UP@EXAMPLE.COM"},
        {"john@example.org. Next", "john@example.org"},
        {"git@host", ""},
        {"@maria", ""},
        {"a@b", ""},
        {"me@home.sweet", ""}, /* no such top-level domain */
        {"https://user@example.com/", ""},
        {"..@example.com", ""},
        {"a..b@example.com", ""},
        {"a@-.com", ""},
        {"a@.com", ""},
        {"a@@example.com", ""},
        {"x@1.2.3.4", ""},
    };
    CHECK(EXAMPLES, wd_find_emails);
}

static void test_ibans(void **state)
{
    (void)state;
    static const struct example EXAMPLES[] = {
        {"IBAN GB82 WEST 1234 5698 7654 32, send", "GB82 WEST 1234 5698 7654 32"},
        {"my account: DE89370400440532013000", "DE89370400440532013000"},
        {"de89370400440532013000", "de89370400440532013000"},
        {"NO93 8601 1117 947", "NO93 8601 1117 947"},
        {"FR14-2004-1010-0505-0001-3M02-606", "FR14-2004-1010-0505-0001-3M02-606"},
        {"MT84MALT011000012345MTLCAST001S", "MT84MALT011000012345MTLCAST001S"},
        {"账户DE89370400440532013000", "DE89370400440532013000"},
        {"DE88370400440532013000", ""}, /* check digits */
        {"DE8937040044053201300", ""},  /* length */
        {"DE893704004405320130000", ""},
        {"XX89370400440532013000", ""},
        {"xDE89370400440532013000", ""},
        {"DE89 37040044 0532013000", ""},
        {"DE8", ""},
    };
    CHECK(EXAMPLES, ibans);
    static const struct example GROUPED[] = {{"DE89370400440532013000", ""},
                                             {"DE89 3704 0044 0532 0130 00", "DE89 3704 0044 0532 0130 00"}};
    CHECK(GROUPED, grouped_ibans);
}

static void test_wallets(void **state)
{
    (void)state;
    static const struct example EXAMPLES[] = {
        {"BTC bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq if", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"},
        {"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"},
        {"3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"},
        {"1111111111111111111114oLvT2", "1111111111111111111114oLvT2"},
        {"BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4"},
        {"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
         "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"},
        {"ETH to 0xde0B295669a9FD93d5F28D9Ec85E40f4cb697BAe.", "0xde0B295669a9FD93d5F28D9Ec85E40f4cb697BAe"},
        {"0xde0b295669a9fd93d5f28d9ec85e40f4cb697bae", "0xde0b295669a9fd93d5f28d9ec85e40f4cb697bae"},
        {"TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"},
        {"DH5yaieqoZN36fDVciNyRueRGvGLR3mr7L", "DH5yaieqoZN36fDVciNyRueRGvGLR3mr7L"},
        {"a 9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM b", "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM"},
        {"bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdx", ""},
        {"bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwF5mdq", ""}, /* both cases */
        {"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", ""},
        {"0xde0B295669a9FD93d5F28D9Ec85E40f4cb697BaE", ""},
        {"0x0000000000000000000000000000000000000000", ""},
        {"x0xde0b295669a9fd93d5f28d9ec85e40f4cb697bae", ""},
        {"_1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", ""},
        {"bc1 is the name of the bus line", ""},
    };
    CHECK(EXAMPLES, wallets);
}

static void test_keccak(void **state)
{
    (void)state;
    static const uint8_t EMPTY[32] = {0xc5, 0xd2, 0x46, 0x01, 0x86, 0xf7, 0x23, 0x3c, 0x92, 0x7e, 0x7d,
                                      0xb2, 0xdc, 0xc7, 0x03, 0xc0, 0xe5, 0x00, 0xb6, 0x53, 0xca, 0x82,
                                      0x27, 0x3b, 0x7b, 0xfa, 0xd8, 0x04, 0x5d, 0x85, 0xa4, 0x70};
    uint8_t hash[32];
    wd_keccak256((const uint8_t *)"", 0, hash);
    assert_memory_equal(hash, EMPTY, 32);
}

/* Luhn as it is taught: from the right, every second digit twice. */
static bool slow_luhn(const char *digits)
{
    int sum = 0;
    bool twice = false;
    for (size_t i = strlen(digits); i-- > 0; twice = !twice) {
        int value = (digits[i] - '0') * (twice ? 2 : 1);
        sum += value / 10 + value % 10;
    }
    return sum % 10 == 0;
}

static void test_luhn_against_a_model(void **state)
{
    (void)state;
    uint32_t random = 12345;
    for (int round = 0; round < 20000; round++) {
        char text[20] = {0};
        uint8_t digits[19];
        size_t count = 13 + (size_t)round % 7;
        for (size_t i = 0; i < count; i++) {
            random = random * 1664525 + 1013904223;
            digits[i] = (uint8_t)(random >> 24) % 10;
            text[i] = (char)('0' + digits[i]);
        }
        assert_int_equal(wd_luhn_holds(digits, count), slow_luhn(text));
    }
}

/* Every German account number with right check digits is found, every other one is not: by long division. */
static void test_iban_against_a_model(void **state)
{
    (void)state;
    size_t right = 0;
    for (int check = 0; check < 100; check++) {
        char text[32], number[64];
        snprintf(text, sizeof(text), "DE%02d500105175407324931", check);
        snprintf(number, sizeof(number), "5001051754073249311314%02d", check); /* D is 13, E is 14 */
        unsigned rest = 0;
        for (const char *digit = number; *digit; digit++)
            rest = (rest * 10 + (unsigned)(*digit - '0')) % 97;
        bool found = *collect(text, ibans) != '\0';
        assert_int_equal(found, rest == 1);
        right += found;
    }
    assert_in_range(right, 1, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_harmless),
        cmocka_unit_test(test_cards),
        cmocka_unit_test(test_phones),
        cmocka_unit_test(test_emails),
        cmocka_unit_test(test_ibans),
        cmocka_unit_test(test_wallets),
        cmocka_unit_test(test_keccak),
        cmocka_unit_test(test_luhn_against_a_model),
        cmocka_unit_test(test_iban_against_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
