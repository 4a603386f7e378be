/* utf8.h - UTF-8 as in RFC 3629: no surrogates, no overlong forms, at most U+10FFFF (base). */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decode one code point at s (n >= 1 bytes). Returns its length 1..4 and sets *cp; for an invalid or cut
 * sequence returns 1 and *cp = UTF8_BAD. */
#define UTF8_BAD 0xFFFFFFFFu
size_t utf8_decode(const char *s, size_t n, uint32_t *cp);
size_t utf8_encode(uint32_t cp, char out[4]); /* returns the length */
bool utf8_valid(const char *s, size_t n);
/* Length of the longest prefix that does not end inside a sequence that could still become valid. */
size_t utf8_complete(const char *s, size_t n);
/* Copy for a terminal or a log line: control characters (C0 but not the ones in `keep`, DEL, C1), bidi and zero-width
 * controls (U+200B..F, U+202A..E, U+2066..9, U+FEFF) and bytes that are not UTF-8 become \xHH or \u{HEX}. */
void utf8_escape(struct strbuf *out, const char *s, size_t n, const char *keep);

#endif
