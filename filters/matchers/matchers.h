/* Native matchers: what expressions do badly or not at all. Each is a pure function of a text and its parameters that
 * reports spans of that text, in order. What always holds: `text` is valid UTF-8 (anything else is read safely, with
 * results of no meaning); time is linear in its length; nothing is kept, so threads need no care; memory is allocated
 * only by libidn2 for host names that are not ASCII and by OpenSSL for what looks like a wallet. Digits are those of
 * all scripts, but in accounts, wallets and hosts. Neighbours: kinds_*.c make conditions of them; features.h tells
 * cheaply which texts they can find nothing in; effort.h ends a search before its text does. */
#ifndef FILTERS_MATCHERS_H
#define FILTERS_MATCHERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warden/str.h>

#include "filters/matchers/effort.h"

/* Takes what is found: bytes [start, end) of the text, end > start. */
struct wd_finder {
    void (*found)(void *context, size_t start, size_t end);
    void *context;
    struct wd_effort *effort; /* NULL: as long as it takes */
};

/* ---- personal data ---- */

/* Payment cards: prefix and length of a known brand and a right check digit. Grouped: written in groups as on a card.
 * Never a part of a longer number. */
enum wd_card_form { WD_CARD_ANY, WD_CARD_GROUPED };
void wd_find_cards(struct wd_str text, enum wd_card_form form, const struct wd_finder *finder);
/* The check digit of payment cards; `digits` are values 0 to 9. */
bool wd_luhn_holds(const uint8_t *digits, size_t count);

/* Telephone numbers: with + or 00 and an assigned country code; as well, where not only those, numbers with a leading 0
 * and those of North America, in groups as people write them. */
enum wd_phone_form { WD_PHONE_ANY, WD_PHONE_INTERNATIONAL };
void wd_find_phones(struct wd_str text, enum wd_phone_form form, const struct wd_finder *finder);

/* E-mail addresses whose domain ends in a top-level domain that exists (or is kept for examples). */
void wd_find_emails(struct wd_str text, const struct wd_finder *finder);

/* Bank accounts: country, its length and ISO 7064 check digits. Grouped: in groups of four. */
enum wd_iban_form { WD_IBAN_ANY, WD_IBAN_GROUPED };
void wd_find_ibans(struct wd_str text, enum wd_iban_form form, const struct wd_finder *finder);

/* Wallet addresses with a right checksum; Solana's have none: 32 bytes in base 58 are taken for one. */
enum wd_wallet {
    WD_WALLET_BITCOIN,
    WD_WALLET_LITECOIN,
    WD_WALLET_DOGECOIN,
    WD_WALLET_TRON,
    WD_WALLET_ETHEREUM, /* capitals are checked where there are both kinds of letters */
    WD_WALLET_SOLANA,
    WD_WALLET_COUNT
};
/* `wanted`: bits 1 << enum wd_wallet. */
void wd_find_wallets(struct wd_str text, uint32_t wanted, const struct wd_finder *finder);

/* Whether there can be any: a quick look. */
bool wd_may_have_wallets(struct wd_str text);

/* ---- manner of writing ---- */

enum wd_repeat_unit {
    WD_REPEAT_CHARACTERS, /* one character, with its marks, again and again */
    WD_REPEAT_WORDS,      /* a word again and again, whatever its (ASCII) case and what stands between */
    WD_REPEAT_LINES,      /* a line, anywhere in the text; of the first 512 different lines */
    WD_REPEAT_CHUNKS,     /* any piece of text again and again */
};
struct wd_repeat {
    enum wd_repeat_unit unit;
    uint32_t at_least;               /* times, 2 and more */
    uint32_t min_length, max_length; /* characters of a word, line or chunk; a chunk has at most WD_CHUNK_MAX */
};
enum { WD_CHUNK_MAX = 100 };
void wd_find_repeats(struct wd_str text, const struct wd_repeat *repeat, const struct wd_finder *finder);

/* Letters in capitals among letters that have case. */
struct wd_letter_case {
    uint64_t upper, lower;
};
/* Counts are of the whole text, or of no meaning where the effort ended. */
struct wd_letter_case wd_count_case(struct wd_str text, struct wd_effort *effort);

/* Letters of the scripts, among all letters. `scripts` are codes of ICU (UScriptCode). */
struct wd_script_share {
    uint64_t letters, of_scripts;
};
struct wd_script_share wd_count_scripts(struct wd_str text, const int *scripts, size_t script_count,
                                        struct wd_effort *effort);

/* Emoji as people see them (a family, a flag or a key-cap is one), other visible characters, and where the first emoji
 * starts and the last ends. */
struct wd_emoji_count {
    uint64_t emoji, others;
    size_t start, end;
};
struct wd_emoji_count wd_count_emoji(struct wd_str text, struct wd_effort *effort);

/* Characters with at least `marks` marks that belong to no script in particular. */
void wd_find_zalgo(struct wd_str text, uint32_t marks, const struct wd_finder *finder);

#endif
