/* The letters that a character past ASCII is compared as. Also part of the program that writes the table of those that
 * alphabets are made of (fingerprint_generator.c). */
#include "filters/behaviour/fingerprint_letters.h"

#include "filters/views/internal.h"

static void put_letter(struct fingerprint_letters *letters, uint32_t c)
{
    if (letters->count < sizeof letters->at / sizeof *letters->at)
        letters->at[letters->count++] = (uint16_t)(c ^ c >> 16);
}

static void put_ascii(struct fingerprint_letters *letters, unsigned char c)
{
    if (wd_is_ascii_letter(c))
        put_letter(letters, c | 0x20);
    else if (wd_is_ascii_digit(c))
        put_letter(letters, '0');
}

static bool is_flag(uint32_t c)
{
    return c >= 0x1F1E6 && c <= 0x1F1FF;
}

/* One that is folded. */
static void put_character(struct fingerprint_letters *letters, uint32_t c)
{
    const struct wd_look *look = wd_char_look(c);
    if (c < 0x80)
        put_ascii(letters, (unsigned char)c);
    else if (look->kind != WD_LOOK_NONE && !is_flag(c))
        for (const char *text = look->text; *text; text++)
            put_ascii(letters, (unsigned char)*text);
    else if (wd_char_properties(c) & WD_CHAR_DIGIT)
        put_letter(letters, '0');
    else if (wd_char_properties(c) & WD_CHAR_LETTER)
        put_letter(letters, c);
}

void fingerprint_put(struct fingerprint_letters *letters, uint32_t c)
{
    const struct wd_fold *fold = wd_char_fold(c);
    if (!fold) {
        put_character(letters, c);
        return;
    }
    const char *folded = wd_table_fold_bytes + fold->offset;
    for (size_t at = 0; at < fold->length;)
        put_character(letters, wd_utf8_next(folded, fold->length, &at));
}
