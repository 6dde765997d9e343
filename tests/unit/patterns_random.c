#include "tests/unit/patterns_random.h"

#include <stdio.h>
#include <string.h>

uint32_t random_below(struct random_source *random, uint32_t n)
{
    uint64_t z = random->state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (uint32_t)((z ^ z >> 31) >> 32) % n;
}

static void add(struct random_text *out, const char *text)
{
    size_t n = strlen(text);
    if (out->len + n < RANDOM_TEXT_MAX - 64) {
        memcpy(out->bytes + out->len, text, n);
        out->len += n;
    }
}

#define PICK(random, list) ((list)[random_below((random), sizeof(list) / sizeof *(list))])

static const char *const plain[] = {"a",  "b", "s", "k", "i",   "o", "h", "t", "A", "S", "K", "1", "0", "7",
                                    "_",  "-", "é", "É", "ß",   "ẞ", "σ", "ς", "Σ", "ſ", "K", "ι", "Ι", "中",
                                    "語", "ж", "Ж", "ǅ", "ᲀ", "Ⱥ", "ⱥ", "@", "!", "5", "Å", "å"};
static const char *const words[] = {"ass",    "kiss", "shit", "hook", "base", "taboo", "task", "sisk",  "oak", "kkk",
                                    "straße", "σας",  "ΣΑΣ",  "жаба", "中語", "hob",   "test", "hasha", "éa",  "x.ru"};
static const char *const loose[] = {" ",  "  ",     "\n",     ".",      ",",      "-",    "_",     "!",
                                    "\t", "\u00A0", "\u3000", "\u0345", "\u0301", "٣",    "😀",     "(",
                                    "$",  "@",      "\u200B", "\u1FBE", "|",      "\r\n", "\u2028"};
static const char *const escapes[] = {"\\w", "\\d",      "\\s",   "\\W",  "\\S",     "\\D",     ".",
                                      "\\h", "\\R",      "\\N",   "\\pL", "\\p{Lu}", "\\P{Ll}", "\\p{Greek}",
                                      "\\X", "\\x{3a3}", "\\x41", "\\.",  "\\$"};
static const char *const classes[] = {"[a-k]",       "[^a]",
                                      "[ks]",        "[a@4]",
                                      "[s$5z]",      "[o0]",
                                      "[i1!|]",      "[t7+]",
                                      "[ab]",        "[\\W_]",
                                      "[\\w.-]",     "[^\\W\\d]",
                                      "[éß]",        "[σ-ω]",
                                      "[[:alpha:]]", "[A-Z]",
                                      "[0-9]",       "[\\s_]",
                                      "[.!?]",       "[^a-z]",
                                      "[]a]",        "[\\x{200b}-\\x{200f}]",
                                      "[a\\-b]"};
static const char *const quantifiers[] = {"+",    "*",     "?",    "+?", "*?", "??",  "{2}",  "{1,3}",
                                          "{2,}", "{0,2}", "{3}?", "++", "?+", "{0}", "{4,}", "{1}"};
static const char *const edges[] = {"\\b", "\\b", "\\b", "\\B",  "^",    "$",     "(?<!\\w)", "(?!\\w)",
                                    "\\A", "\\z", "\\Z", "(?m)", "(?i)", "(?-i)", "(?s)",     "\\K"};
static const char *const opens[] = {"(",   "(?:", "(?:",  "(?:",  "(?i:",  "(?-i:", "(?s:",  "(?>",
                                    "(?=", "(?!", "(?<=", "(?<!", "(?<n>", "(?|",   "(?x: ", "(?m:"};

static void expression(struct random_source *random, struct random_text *out, unsigned depth);

static void atom(struct random_source *random, struct random_text *out, unsigned depth)
{
    uint32_t kind = random_below(random, 24);
    if (kind < 8)
        add(out, PICK(random, plain));
    else if (kind < 12)
        add(out, PICK(random, words));
    else if (kind < 14)
        add(out, PICK(random, escapes));
    else if (kind < 17)
        add(out, PICK(random, classes));
    else if (kind < 20)
        add(out, PICK(random, edges));
    else if (kind == 20)
        add(out, random_below(random, 2) ? "\\Qa.s\\E" : "\\1");
    else if (kind == 21)
        add(out, "\\s+");
    else if (depth > 0) {
        add(out, PICK(random, opens));
        expression(random, out, depth - 1);
        add(out, ")");
    }
}

static void expression(struct random_source *random, struct random_text *out, unsigned depth)
{
    uint32_t branches = random_below(random, 4) == 0 ? 1 + random_below(random, 3) : 1;
    for (uint32_t b = 0; b < branches; b++) {
        if (b > 0)
            add(out, "|");
        uint32_t atoms = 1 + random_below(random, 5);
        for (uint32_t i = 0; i < atoms; i++) {
            atom(random, out, depth);
            if (random_below(random, 4) == 0)
                add(out, PICK(random, quantifiers));
        }
    }
}

static void leet(struct random_source *random, struct random_text *out)
{
    static const char *const letters[] = {"h+",     "k+",     "[a@4]+", "[s$5z]+", "[o0]+", "[i1!|]+",
                                          "[t7+]+", "[ck(]+", "[b8]+",  "[u*@v]+", "s+",    "[o0]",
                                          "t",      "[a@4]",  "[_k]+",  "b{2,}"};
    static const char *const separators[] = {"[\\W_]*", "\\W*", "[\\s._-]*", "[ .]*?", "\\s*+"};
    const char *separator = random_below(random, 2) ? PICK(random, separators) : "";
    bool edge = random_below(random, 2);
    add(out, edge ? "\\b" : "");
    uint32_t count = 3 + random_below(random, 5);
    for (uint32_t i = 0; i < count; i++) {
        add(out, i > 0 ? separator : "");
        add(out, PICK(random, letters));
    }
    add(out, edge && random_below(random, 2) ? "\\b" : "");
}

static void shaped(struct random_source *random, struct random_text *out)
{
    const char *a = PICK(random, words), *b = PICK(random, words);
    static const char *const forms[] = {"\\b%s\\b",
                                        "\\b(?:%s|%s)(?:s|ing|er)?\\b",
                                        "\\b%s\\s+%s\\b",
                                        "(?=.*\\b%s\\b)(?=.*%s)",
                                        "\\b%s\\b.{0,5}\\b%s\\b",
                                        "(\\w)\\1{2,}",
                                        "(.{2,4}?)\\1{2,}",
                                        "\\b(\\w+)(?:\\s+\\1\\b){2,}",
                                        "([!?.])\\1{2,}",
                                        "\\b(%s)\\b.*\\b\\1\\b",
                                        "\\d{3,}",
                                        "[A-Z]{3,}",
                                        "^(?!.*%s).*%s",
                                        "(?<=\\$)\\d+ ?%s",
                                        "(?:%s){2,}",
                                        "\\b(?:[a-z]\\s){3,}",
                                        "%s(?=%s)",
                                        "\\p{Cyrillic}+[a-z]+",
                                        "[!?]{2,}",
                                        "(?:\\d[ -]?){4,6}",
                                        "(?<!%s )%s",
                                        "^%s$",
                                        "%s?%s+",
                                        "(?i)%s(?-i)%s",
                                        "(?:%s|(?i:%s))",
                                        "\\b(?:%s\\s){2,}",
                                        "(%s)\\1{1,}",
                                        "^[^a-z]{3,}$",
                                        "\\p{Mn}{2,}",
                                        "(?s)(.{1,3})\\1{2}"};
    char made[256];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(made, sizeof made, PICK(random, forms), a, b);
#pragma GCC diagnostic pop
    add(out, made);
}

void random_pattern(struct random_source *random, struct random_text *out)
{
    out->len = 0;
    uint32_t kind = random_below(random, 8);
    if (kind < 4)
        expression(random, out, 3);
    else if (kind < 6)
        shaped(random, out);
    else
        leet(random, out);
    if (out->len == 0)
        add(out, "a");
}

void random_words(struct random_source *random, struct random_text *out)
{
    out->len = 0;
    uint32_t count = 1 + random_below(random, 3);
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            add(out, random_below(random, 2) ? " " : "  ");
        add(out, random_below(random, 2) ? PICK(random, words) : PICK(random, plain));
        add(out, random_below(random, 4) ? "" : PICK(random, plain));
    }
}

/* The characters of a pattern that are not syntax, by and large. */
static void add_hint(struct random_source *random, const struct random_text *hint, struct random_text *out)
{
    for (size_t i = 0; i < hint->len; i++) {
        char c = hint->bytes[i];
        if (c == '\\' && i + 1 < hint->len) {
            i++;
            add(out, hint->bytes[i] == 's' ? PICK(random, loose) : hint->bytes[i] == 'd' ? "7" : "");
        } else if (!strchr("^$.*+?(){}[]|<>=:", c)) {
            add(out, (char[]){c, '\0'});
        } else if (c == '+' && random_below(random, 2) && i > 0 && (unsigned char)hint->bytes[i - 1] < 0x80) {
            add(out, (char[]){hint->bytes[i - 1], '\0'});
        }
    }
}

static void flip_case(struct random_source *random, struct random_text *out, size_t from)
{
    for (size_t i = from; i < out->len; i++) {
        unsigned char c = (unsigned char)out->bytes[i];
        if (((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) && random_below(random, 3) == 0)
            out->bytes[i] = (char)(c ^ 0x20);
    }
}

void random_subject(struct random_source *random, const struct random_text *hint, struct random_text *out)
{
    out->len = 0;
    uint32_t pieces = random_below(random, 14);
    for (uint32_t i = 0; i < pieces; i++) {
        uint32_t kind = random_below(random, 12);
        size_t from = out->len;
        if (kind < 3)
            add(out, PICK(random, plain));
        else if (kind < 6)
            add(out, PICK(random, words));
        else if (kind < 9)
            add(out, PICK(random, loose));
        else if (kind == 9)
            add_hint(random, hint, out);
        else if (kind == 10 && out->len > 0 && out->len < 400)
            for (uint32_t k = random_below(random, 4); k > 0; k--) {
                const char *again = random_below(random, 2) ? PICK(random, words) : PICK(random, plain);
                add(out, again);
                add(out, random_below(random, 2) ? " " : "");
                add(out, again);
                add(out, random_below(random, 2) ? " " : "");
                add(out, again);
            }
        if (random_below(random, 3) == 0)
            flip_case(random, out, from);
    }
}
