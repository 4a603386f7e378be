#!/usr/bin/env python3
"""Write src/llm/unicode_data.h: the code points that are letters (\\p{L}), numbers (\\p{N}) or White_Space.

Usage: tools/gen-unicode.py > src/llm/unicode_data.h
The classes come from the module unicodedata, so the Unicode version is that of the Python that runs this, or of the
package unicodedata2 where it is installed. The committed table was made with unicodedata2 16.0.0: Unicode 16 is what
the tokenizers library of the models' makers uses today. White_Space is a property that unicodedata does not have; its
25 code points are all space separators, the line and paragraph separators and six control characters.
"""
import sys

try:
    import unicodedata2 as unicodedata
except ImportError:
    import unicodedata

LIMIT = 0x110000
CONTROL_SPACES = {0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x85}


def is_letter(c):
    return unicodedata.category(chr(c)).startswith("L")


def is_number(c):
    return unicodedata.category(chr(c)).startswith("N")


def is_space(c):
    return c in CONTROL_SPACES or unicodedata.category(chr(c)) in ("Zs", "Zl", "Zp")


def ranges(test):
    """First and last code points of the runs where test holds, from U+0080 on."""
    out = []
    for c in range(0x80, LIMIT):
        if not test(c):
            continue
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def table(name, what, test):
    rows = ranges(test)
    print(f"/* {what}, beyond ASCII: {len(rows)} ranges. */")
    print(f"static const struct unicode_range {name}[] = {{")
    line = "   "
    for first, last in rows:
        item = f" {{0x{first:04X}, 0x{last:04X}}},"
        if len(line) + len(item) > 100:
            print(line)
            line = "   "
        line += item
    print(line)
    print("};\n")


def main():
    if is_letter(0x41) is not True or is_space(0x3000) is not True or is_number(0x0660) is not True:
        sys.exit("unicodedata does not know well-known characters")
    print(f"""/* unicode_data.h - letters, numbers and white space of Unicode {unicodedata.unidata_version} (llm).
 * Written by tools/gen-unicode.py; do not edit. Ranges are inclusive and ascending. ASCII is left out: pretok.c
 * has a table of its own for it. Included by pretok.c only. */
#ifndef LLM_UNICODE_DATA_H
#define LLM_UNICODE_DATA_H

#include <stdint.h>

struct unicode_range {{
    uint32_t first, last;
}};

/* clang-format off */
""")
    table("UNICODE_LETTERS", "\\p{L}", is_letter)
    table("UNICODE_NUMBERS", "\\p{N}", is_number)
    table("UNICODE_SPACES", "White_Space", is_space)
    print("#endif")


main()
