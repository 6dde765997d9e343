#!/usr/bin/env python3
"""Makes frequency_table.c: how surprising a byte is after another, in eighths of bits.

    frequency_generate.py TEXT... > frequency_table.c

TEXT are files of ordinary prose or word lists, as Debian's fortunes and wamerican install them
(/usr/share/games/fortunes/*, /usr/share/dict/words). Only counts of byte pairs go into the table. A word list is
read as running text in which every word is equally common, prose as it is, so give mostly prose.
"""
import math
import sys

SYMBOLS = 48


def symbol_of(byte):
    char = chr(byte)
    if char.isascii() and char.isalpha():
        return ord(char.lower()) - ord("a")
    special = {" ": 26, "\n": 26, "\t": 26, ".": 27, ",": 28, "'": 29, "-": 30, "_": 30, "/": 31, ":": 32, "@": 33,
               "!": 34, "?": 34, '"': 35, "0": 36, "1": 36, "\0": 47}
    if char in special:
        return special[char]
    if char.isascii() and char.isdigit():
        return 37
    if byte < 0x80:
        return 38
    if byte < 0xC0:
        return 39 + ((byte >> 3) & 3)  # continuation bytes
    if byte < 0xD0:
        return 43
    if byte < 0xE0:
        return 44
    if byte < 0xF0:
        return 45
    return 46


def main():
    first = [1.0] * SYMBOLS
    pairs = [[0.5] * SYMBOLS for _ in range(SYMBOLS)]
    table = [symbol_of(byte) for byte in range(256)]
    for path in sys.argv[1:]:
        previous = 26
        with open(path, "rb") as file:
            for byte in b" ".join(file.read().split()):
                here = table[byte]
                first[here] += 1
                pairs[previous][here] += 1
                previous = here

    def eighths(count, total):
        return min(255, round(-8 * math.log2(count / total)))

    def row(values):
        return ", ".join(str(value) for value in values)

    print("/* Made by frequency_generate.py; not for editing. */")
    print('#include "filters/patterns/frequency.h"\n\n/* clang-format off */')
    print("const uint8_t frequency_symbol_of[256] = {")
    for start in range(0, 256, 32):
        print("    " + row(table[start:start + 32]) + ",")
    print("};\nconst uint8_t frequency_first[FREQUENCY_SYMBOLS] = {")
    print("    " + row(eighths(count, sum(first)) for count in first) + ",\n};")
    print("const uint8_t frequency_next[FREQUENCY_SYMBOLS][FREQUENCY_SYMBOLS] = {")
    for counts in pairs:
        print("    {" + row(eighths(count, sum(counts)) for count in counts) + "},")
    print("};")


main()
