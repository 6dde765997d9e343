/* Hosts: normal form, registrable domain, places in texts, sets. */
#include "tests/unit/matchers_support.h"

#include "filters/matchers/host.h"

static const char *normal(const char *text)
{
    static struct wd_host host;
    return wd_host_normalize(wd_str_from(text), &host) ? host.text : "-";
}

static void test_normal_form(void **state)
{
    (void)state;
    static const char *const EXAMPLES[][2] = {
        {"Example.COM", "example.com"},
        {"example.com.", "example.com"},
        {"Пример.рф", "xn--e1afmkfd.xn--p1ai"},
        {"münchen.de", "xn--mnchen-3ya.de"},
        {"evil\u3002com", "evil.com"},
        {"192.168.1.1", "192.168.1.1"},
        {"3232235777", "192.168.1.1"},
        {"0xC0A80101", "192.168.1.1"},
        {"0300.0250.1.1", "192.168.1.1"},
        {"192.168.257", "192.168.1.1"},
        {"[::1]", "::1"},
        {"[2001:DB8:0:0::1]", "2001:db8::1"},
        {"[2001:db8:0:0:1:0:0:1]", "2001:db8::1:0:0:1"},
        {"[::]", "::"},
        {"[1::]", "1::"},
        {"[::ffff:192.168.1.1]", "::ffff:c0a8:101"},
        {"[1:2:3:4:5:6:7:8]", "1:2:3:4:5:6:7:8"},
        {"[1:2:3:4:5:6:0:8]", "1:2:3:4:5:6:0:8"},
        {"[1:2:3:4:5:6:7]", "-"},
        {"[1:2:3:4:5:6:7:8:9]", "-"},
        {"[1::2::3]", "-"},
        {"[1:2:3:4:5:6:7:8::]", "-"},
        {"[12345::]", "-"},
        {"[1:]", "-"},
        {"[:1]", "-"},
        {"[::1.2.3]", "-"},
        {"256.1.1.1", "-"},
        {"1.2.3.4.5", "-"},
        {"1.2.3.four", "1.2.3.four"},
        {"0xg.example", "0xg.example"},
        {"a_b.example", "a_b.example"},
        {"", "-"},
        {".", "-"},
        {"a..b", "-"},
        {"a b", "-"},
        {"[::1", "-"},
        {"[zz]", "-"},
        {"exa$mple.com", "-"},
    };
    for (size_t i = 0; i < sizeof(EXAMPLES) / sizeof(*EXAMPLES); i++)
        assert_string_equal(normal(EXAMPLES[i][0]), EXAMPLES[i][1]);
    char label[70], name[300];
    memset(label, 'a', 64);
    label[64] = '\0';
    assert_string_equal(normal(label), "-");
    memset(name, 'a', 254);
    for (size_t i = 50; i < 254; i += 51)
        name[i] = '.';
    name[254] = '\0';
    assert_string_equal(normal(name), "-");
    name[253] = '\0';
    assert_string_equal(normal(name), name);
}

static void test_registrable(void **state)
{
    (void)state;
    static const char *const EXAMPLES[][2] = {
        {"www.example.co.uk", "example.co.uk"}, {"a.b.example.com", "example.com"}, {"co.uk", "co.uk"},
        {"192.168.1.1", "192.168.1.1"},         {"me.github.io", "me.github.io"},   {"localhost", "localhost"},
    };
    for (size_t i = 0; i < sizeof(EXAMPLES) / sizeof(*EXAMPLES); i++) {
        struct wd_host host;
        assert_true(wd_host_normalize(wd_str_from(EXAMPLES[i][0]), &host));
        struct wd_str found = wd_host_registrable(&host);
        assert_true(wd_str_is(found, EXAMPLES[i][1]));
    }
    struct wd_host host;
    assert_true(wd_host_normalize(wd_str_from("co.uk"), &host) && wd_host_is_public_suffix(&host));
    assert_true(wd_host_normalize(wd_str_from("github.io"), &host) && !wd_host_is_public_suffix(&host));
    assert_true(wd_host_normalize(wd_str_from("example.co.uk"), &host) && !wd_host_is_public_suffix(&host));
    assert_true(wd_host_normalize(wd_str_from("example.sweet"), &host) && !wd_host_has_known_end(&host));
    assert_true(wd_host_normalize(wd_str_from("example.test"), &host) && wd_host_has_known_end(&host));
}

/* Places as "host" with marks: s scheme, u user, l e-mail. */
static void hosts(struct wd_str text, const struct wd_finder *finder)
{
    struct wd_host_search search = {.text = text};
    struct wd_host_place place;
    while (wd_next_host(&search, &place)) {
        finder->found(finder->context, place.start, place.end);
        struct finds *finds = finder->context;
        size_t used = strlen(finds->out);
        snprintf(finds->out + used, sizeof(finds->out) - used, "%s%s%s", place.has_scheme ? "~s" : "",
                 place.has_user ? "~u" : "", place.is_local ? "~l" : "");
    }
}

static void test_places(void **state)
{
    (void)state;
    static const char *const EXAMPLES[][2] = {
        {"see http://evil.com/x and good.org.", "evil.com~s|good.org"},
        {"http://good.com@evil.com/", "evil.com~s~u"},
        {"http://good.com:80@evil.com:81/", "evil.com~s~u"},
        {"HTTPS://WWW.Evil.com?q", "WWW.Evil.com~s"},
        {"http:///evil.com", "evil.com~s"},
        {"http://[::1]:80/x", "[::1]~s"},
        {"http://3232235777/", "3232235777~s"},
        {"http://safe.com/evil.com/x", "safe.com~s"},
        {"http://safe.com/?u=http://evil.com/", "safe.com~s|evil.com~s"},
        {"safe.com/evil.com other.com", "safe.com|other.com"},
        {"safe.com:8080/evil.com", "safe.com"},
        {"john@evil.com", "evil.com~l"},
        {"good.com@evil.com", "evil.com~l"},
        {"//evil.com/x", "evil.com"},
        {"/etc/foo.conf", ""},
        {"a/b.c", ""},
        {"[text](http://evil.com)", "evil.com~s"},
        {"evil\u3002com", "evil\u3002com"},
        {"看evil.com谢谢", "看evil.com谢谢"},
        {"no host... here: or :// there", ""},
        {"...", ""},
        {"http://", ""},
        {"://x.y", "x.y"},
        {"http://a/http://b/http://c", "a~s|b~s|c~s"},
        {"x.", ""},
        {".x", ""},
        {"a.b-.", "a.b"},
    };
    for (size_t i = 0; i < sizeof(EXAMPLES) / sizeof(*EXAMPLES); i++)
        assert_string_equal(collect(EXAMPLES[i][0], hosts), EXAMPLES[i][1]);
}

static bool set_has(const struct wd_domain_set *set, const char *name)
{
    struct wd_host host;
    assert_true(wd_host_normalize(wd_str_from(name), &host));
    return wd_domain_set_has(set, (struct wd_str){host.text, host.len}, host.is_address);
}

static void test_set(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"evil.com", "sub.good.org", "1.2.3.4", "evil.com", "3.4"};
    struct wd_str entries[5];
    for (size_t i = 0; i < 5; i++)
        entries[i] = wd_str_from(NAMES[i]);
    uint32_t slots[16] = {0};
    struct wd_domain_set set;
    assert_int_equal(wd_domain_slots(5), 16);
    wd_domain_set_fill(&set, entries, 5, slots, 16);
    assert_true(set_has(&set, "evil.com"));
    assert_true(set_has(&set, "WWW.a.b.EVIL.com."));
    assert_false(set_has(&set, "notevil.com"));
    assert_false(set_has(&set, "evil.com.org"));
    assert_false(set_has(&set, "com"));
    assert_true(set_has(&set, "x.sub.good.org"));
    assert_false(set_has(&set, "good.org"));
    assert_true(set_has(&set, "1.2.3.4"));
    assert_true(set_has(&set, "0x01020304"));
    assert_false(set_has(&set, "9.9.3.4")); /* an address is not below another */
}

static void test_large_set(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    struct wd_str *entries = calloc(COUNT, sizeof(*entries));
    char *names = malloc(COUNT * 24);
    size_t slot_count = wd_domain_slots(COUNT);
    uint32_t *slots = calloc(slot_count, sizeof(*slots));
    assert_true(entries && names && slots);
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(names + i * 24, 24, "host%zu.example", i * 2);
        entries[i] = wd_str_from(names + i * 24);
    }
    struct wd_domain_set set;
    wd_domain_set_fill(&set, entries, COUNT, slots, slot_count);
    for (size_t i = 0; i < COUNT * 2; i += 7) {
        char name[40];
        snprintf(name, sizeof(name), "www.host%zu.example", i);
        assert_int_equal(set_has(&set, name), i % 2 == 0);
    }
    free(entries);
    free(names);
    free(slots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normal_form), cmocka_unit_test(test_registrable), cmocka_unit_test(test_places),
        cmocka_unit_test(test_set),         cmocka_unit_test(test_large_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
