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
 * controls (U+200B..F, U+2028..E, U+2066..9, U+FEFF) and bytes that are not UTF-8 become \xHH or \u{HEX}. */
void utf8_escape(struct strbuf *out, const char *s, size_t n, const char *keep);
/* The same for the one code point (or bad byte) at s, n >= 1: returns the bytes read, *out_len those written. */
#define UTF8_ESCAPE_MAX 12
size_t utf8_escape_one(char out[UTF8_ESCAPE_MAX], size_t *out_len, const char *s, size_t n,
                       const char *keep);
/* The same into `size` bytes with the NUL, without allocating; what does not fit is cut between code points. */
void utf8_escape_fixed(char *out, size_t size, const char *s, size_t n);

#endif
