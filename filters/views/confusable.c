/* View 'confusable': look-alikes become the ASCII letters that they look like, word by word, so that a sentence in
 * another script stays itself:
 * - a word of Latin letters: Latin look-alikes (small capitals, a script a) do; accents only where no language has all
 *   the accented letters of the word;
 * - a word that mixes Latin with another script: if each foreign letter looks like a Latin one;
 * - a word of one other script: if each letter looks like a Latin one, no word of the text shows the script to be
 * really written, and either Latin words stand around it or it has a letter that everyday Russian and so on do not.
 * Capitals and small letters look different, so the case that the user wrote counts, not the folded one. */
#include <string.h>

#include <unicode/uscript.h>

#include "filters/views/internal.h"

/* The text as a whole. */
struct survey {
    bool has_latin;      /* an ASCII letter */
    bool other_looks;    /* look-alikes that are no letters of another script */
    bool mixes;          /* a word with Latin and other letters */
    uint64_t looking[4]; /* bit a script: it has a letter here that looks like a Latin one */
    uint64_t written[4]; /* bit a script: it has one that looks like none */
};

struct word {
    size_t start, end;
    int latin;          /* letters of the Latin script */
    int accented;       /* of these, with an accent */
    uint64_t languages; /* that have all of these */
    int foreign;        /* letters of other scripts */
    int foreign_looks;  /* of these, those that look Latin */
    int foreign_strict; /* of these, without the help of the other case */
    int unusual;        /* of these, not of everyday alphabets */
    uint32_t script;    /* of the last foreign letter */
};

static void script_add(uint64_t set[4], uint32_t script)
{
    set[script >> 6] |= (uint64_t)1 << (script & 63);
}

static bool script_in(const uint64_t set[4], uint32_t script)
{
    return set[script >> 6] >> (script & 63) & 1;
}

static bool is_foreign_letter(uint32_t properties)
{
    uint32_t script = WD_CHAR_SCRIPT(properties);
    return (properties & WD_CHAR_LETTER) && script != USCRIPT_LATIN && script != USCRIPT_COMMON;
}

static bool looks_like_letter(const struct wd_look *look)
{
    return look->kind == WD_LOOK_STRICT || look->kind == WD_LOOK_CASE;
}

/* What the letters of the word before say while the text is looked over. */
struct neighbours {
    bool latin, foreign;
};

static void survey_character(struct survey *survey, struct neighbours *word, uint32_t c)
{
    uint32_t properties = wd_char_properties(c);
    const struct wd_look *look = wd_char_look(c);
    if (!is_foreign_letter(properties)) {
        survey->other_looks |= look->kind != WD_LOOK_NONE;
        word->latin |= WD_CHAR_SCRIPT(properties) == USCRIPT_LATIN;
        if (look->kind == WD_LOOK_NONE && !(properties & (WD_CHAR_LETTER | WD_CHAR_DIGIT | WD_CHAR_MARK)))
            *word = (struct neighbours){0};
        return;
    }
    script_add(looks_like_letter(look) ? survey->looking : survey->written, WD_CHAR_SCRIPT(properties));
    word->foreign = true;
}

static struct survey survey_text(const struct wd_piece *in, struct wd_view_watch *watch)
{
    struct survey survey = {0};
    struct neighbours word = {0};
    for (size_t at = 0; at < in->len && !wd_view_watch_step(watch);) {
        unsigned char byte = (unsigned char)in->data[at];
        if (byte >= 0x80) {
            survey_character(&survey, &word, wd_utf8_next(in->data, in->len, &at));
        } else {
            at++;
            if (wd_is_ascii_letter(byte))
                survey.has_latin = word.latin = true;
            else if (!wd_is_ascii_digit(byte))
                word = (struct neighbours){0};
        }
        survey.mixes |= word.latin && word.foreign;
    }
    return survey;
}

/* Can any word of the text have something to replace? Most texts are plain in their own script. */
static bool is_worth_reading(const struct survey *survey)
{
    bool hidden = false; /* a script of which there are only look-alikes */
    for (int i = 0; i < 4; i++)
        hidden |= (survey->looking[i] & ~survey->written[i]) != 0;
    return survey->other_looks || survey->mixes || hidden;
}

/* The look of the character c at [at, end), as the user wrote it: if he wrote a capital, that of the capital. */
static const struct wd_look *look_at(const struct wd_piece *in, const struct wd_piece *original, size_t at, size_t end,
                                     uint32_t c)
{
    const struct wd_look *look = wd_char_look(c);
    size_t start = wd_piece_start(in, at);
    uint32_t written = wd_utf8_next(original->data, original->len, &start);
    const struct wd_fold *fold = written == c ? NULL : wd_char_fold(written);
    if (!fold || !fold->simple || fold->length != end - at ||
        memcmp(wd_table_fold_bytes + fold->offset, in->data + at, end - at) != 0)
        return look;
    const struct wd_look *capital = wd_char_look(written);
    return looks_like_letter(capital) ? capital : look;
}

static bool is_word_character(uint32_t c, uint32_t properties)
{
    if (c < 0x80)
        return wd_is_ascii_letter(c) || wd_is_ascii_digit(c);
    if (properties & (WD_CHAR_UNSPACED | WD_CHAR_SPACE))
        return false;
    return (properties & (WD_CHAR_LETTER | WD_CHAR_DIGIT | WD_CHAR_MARK)) || wd_char_look(c)->kind != WD_LOOK_NONE;
}

static void count_letter(struct word *word, uint32_t c, uint32_t properties, const struct wd_look *look)
{
    if (!(properties & WD_CHAR_LETTER))
        return;
    if (!is_foreign_letter(properties)) {
        word->latin += c < 0x80 || WD_CHAR_SCRIPT(properties) == USCRIPT_LATIN;
        if (look->kind == WD_LOOK_ACCENT) {
            word->accented++;
            word->languages &= wd_char_languages(c);
        }
        return;
    }
    word->foreign++;
    word->script = WD_CHAR_SCRIPT(properties);
    word->foreign_looks += looks_like_letter(look) || look->kind == WD_LOOK_ACCENT;
    word->foreign_strict += look->kind == WD_LOOK_STRICT;
    word->unusual += looks_like_letter(look) && !(properties & WD_CHAR_EVERYDAY);
}

/* The word that starts at `at`; end == start: none does. */
static struct word read_word(const struct wd_piece *in, const struct wd_piece *original, size_t at)
{
    struct word word = {.start = at, .end = at, .languages = UINT64_MAX};
    while (word.end < in->len) {
        size_t next = word.end;
        uint32_t c = wd_utf8_next(in->data, in->len, &next);
        uint32_t properties = wd_char_properties(c);
        if (!is_word_character(c, properties))
            break;
        const struct wd_look *look = c < 0x80 ? &wd_table_looks[0] : look_at(in, original, word.end, next, c);
        count_letter(&word, c, properties, look);
        word.end = next;
    }
    return word;
}

static bool foreign_letters_go(const struct word *word, const struct survey *survey)
{
    if (word->foreign == 0 || word->foreign_looks < word->foreign)
        return false;
    if (word->latin > 0)
        return true;
    if (script_in(survey->written, word->script))
        return false;
    return word->unusual > 0 || (survey->has_latin && word->foreign_strict == word->foreign);
}

static bool accents_go(const struct word *word)
{
    return word->accented > 0 && word->languages == 0;
}

/* Is the byte at `at` (SIZE_MAX or len: none) of the class? */
static bool ascii_letter_at(const struct wd_piece *in, size_t at)
{
    return at < in->len && wd_is_ascii_letter((unsigned char)in->data[at]);
}

static bool ascii_digit_at(const struct wd_piece *in, size_t at)
{
    return at < in->len && wd_is_ascii_digit((unsigned char)in->data[at]);
}

/* A currency sign before an amount, a trade mark behind a name and a multiplication sign mean themselves. */
static bool symbol_goes(const struct wd_piece *in, size_t at, size_t end, uint32_t c)
{
    size_t before = at - 1; /* wraps to SIZE_MAX at 0, which is no letter */
    bool left = ascii_letter_at(in, before), right = ascii_letter_at(in, end);
    if (ascii_digit_at(in, before) || ascii_digit_at(in, end))
        return false;
    bool means_itself = c == 0xA9 || c == 0xAE || c == 0xD7;
    return means_itself ? left && right : left || right;
}

static bool is_regional(uint32_t c)
{
    return c >= 0x1F1E6 && c <= 0x1F1FF;
}

/* Two regional indicators side by side are a flag; one by itself is a letter. */
static bool is_half_flag(const struct wd_piece *in, size_t at, size_t end)
{
    if (end < in->len) {
        size_t next = end;
        if (is_regional(wd_utf8_next(in->data, in->len, &next)) && wd_piece_start(in, end) == wd_piece_end(in, end))
            return true;
    }
    size_t before = at;
    return at > 0 && is_regional(wd_utf8_previous(in->data, &before)) && wd_piece_end(in, at) == wd_piece_start(in, at);
}

struct word_plan {
    bool foreign, accents;
};

/* Is the character c at [at, end) replaced by its look? */
static bool character_goes(const struct wd_piece *in, size_t at, size_t end, uint32_t c, const struct wd_look *look,
                           struct word_plan plan)
{
    switch ((enum wd_look_kind)look->kind) {
    case WD_LOOK_STRICT:
    case WD_LOOK_CASE:
        return plan.foreign || !is_foreign_letter(wd_char_properties(c));
    case WD_LOOK_ACCENT:
        return is_foreign_letter(wd_char_properties(c)) ? plan.foreign : plan.accents;
    case WD_LOOK_EMBLEM:
        return !is_regional(c) || !is_half_flag(in, at, end);
    case WD_LOOK_SYMBOL:
        return symbol_goes(in, at, end, c);
    default:
        return false;
    }
}

struct replacing {
    const struct wd_piece *in, *original;
    struct wd_stage *out;
    size_t kept; /* what stands before is in `out` */
    bool changed;
};

static void replace_in_word(struct replacing *r, const struct word *word, struct word_plan plan)
{
    for (size_t at = word->start; at < word->end;) {
        size_t start = at;
        if ((unsigned char)r->in->data[at] < 0x80) {
            at++;
            continue;
        }
        uint32_t c = wd_utf8_next(r->in->data, r->in->len, &at);
        const struct wd_look *look = look_at(r->in, r->original, start, at, c);
        if (!character_goes(r->in, start, at, c, look, plan))
            continue;
        if (!r->changed)
            wd_stage_clear(r->out);
        r->changed = true;
        wd_stage_keep(r->out, r->in, r->kept, start);
        wd_stage_put(r->out, r->in, start, at, look->text, strlen(look->text));
        r->kept = at;
    }
}

struct wd_piece wd_view_confuse(struct wd_piece in, const struct wd_piece *original, struct wd_stage *out)
{
    if (in.ascii)
        return in;
    struct survey survey = survey_text(&in, out->watch);
    if (!is_worth_reading(&survey))
        return in;
    struct replacing r = {.in = &in, .original = original, .out = out};
    for (size_t at = 0; at < in.len && !wd_view_watch_step(out->watch);) {
        struct word word = read_word(&in, original, at);
        if (word.end == word.start) {
            wd_utf8_next(in.data, in.len, &at);
            continue;
        }
        struct word_plan plan = {.foreign = foreign_letters_go(&word, &survey), .accents = accents_go(&word)};
        replace_in_word(&r, &word, plan);
        at = word.end;
    }
    if (!r.changed)
        return in;
    wd_stage_keep(out, &in, r.kept, in.len);
    struct wd_piece piece = wd_stage_piece(out, &in);
    piece.ascii = wd_scan_is_ascii(piece.data, piece.len);
    return piece;
}
