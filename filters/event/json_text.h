/* The small grammars inside JSON: escapes, numbers; and the repair of bytes that are no UTF-8. Pure functions. */
#ifndef FILTERS_EVENT_JSON_TEXT_H
#define FILTERS_EVENT_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Checks the content of a JSON string (between the quotes) and, where `target` is not NULL, writes it unescaped; it
 * needs at most `len` bytes. Lone surrogates and \u0000 become U+FFFD and set *repaired_out; it is not cleared.
 * false at a wrong escape. */
bool json_unescape(const char *content, size_t len, char *target, size_t *len_out, bool *repaired_out);

/* Bytes of the JSON number at `text`, 0 where there is none. Reads up to the first byte that cannot belong to it, so
 * `text` needs an end that is no digit. */
size_t json_number_length(const char *text);

/* For the text of a valid JSON number. false where it is no integer, or does not fit; or is not finite. */
bool json_parse_int(const char *number, size_t len, int64_t *out);
bool json_parse_double(const char *number, size_t len, double *out);

/* Replaces what is not UTF-8 (each maximal wrong piece) and raw NUL bytes inside strings by U+FFFD. `target` needs
 * 3 * len bytes, or is NULL to learn the length only. Returns the new length; it equals the old one, with
 * *changed_out false, where nothing was wrong. */
size_t json_repair(const char *text, size_t len, char *target, bool *changed_out);

#endif
