/* utf8.c - UTF-8 by the table of well-formed sequences of RFC 3629, section 4 (base). */
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

/* Length that a lead byte promises and the range of its second byte, which shuts out overlong forms,
 * surrogates and what lies beyond U+10FFFF. 0 for a byte that cannot lead. */
static size_t lead(unsigned char c, unsigned char *lo, unsigned char *hi)
{
    *lo = 0x80;
    *hi = 0xBF;
    if (c < 0x80)
        return 1;
    if (c < 0xC2)
        return 0;
    if (c < 0xE0)
        return 2;
    if (c < 0xF0) {
        if (c == 0xE0)
            *lo = 0xA0;
        if (c == 0xED)
            *hi = 0x9F;
        return 3;
    }
    if (c > 0xF4)
        return 0;
    if (c == 0xF0)
        *lo = 0x90;
    if (c == 0xF4)
        *hi = 0x8F;
    return 4;
}

/* How many of the n bytes at s begin a sequence that is well-formed so far; *len is its whole length. */
static size_t well_formed(const char *s, size_t n, size_t *len)
{
    const unsigned char *u = (const unsigned char *)s;
    unsigned char lo, hi;
    size_t i;

    *len = lead(u[0], &lo, &hi);
    if (*len == 0)
        return 0;
    for (i = 1; i < *len && i < n; i++) {
        if (u[i] < lo || u[i] > hi)
            return i;
        lo = 0x80;
        hi = 0xBF;
    }
    return i;
}

size_t utf8_decode(const char *s, size_t n, uint32_t *cp)
{
    static const unsigned char mask[5] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    const unsigned char *u = (const unsigned char *)s;
    size_t len, i;

    if (well_formed(s, n, &len) != len || len == 0) {
        *cp = UTF8_BAD;
        return 1;
    }
    *cp = u[0] & mask[len];
    for (i = 1; i < len; i++)
        *cp = *cp << 6 | (u[i] & 0x3F);
    return len;
}

size_t utf8_encode(uint32_t cp, char out[4])
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xC0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3F));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xE0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3F));
        out[2] = (char)(0x80 | (cp & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | (cp >> 18 & 0x07));
    out[1] = (char)(0x80 | (cp >> 12 & 0x3F));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3F));
    out[3] = (char)(0x80 | (cp & 0x3F));
    return 4;
}

bool utf8_valid(const char *s, size_t n)
{
    size_t i = 0, len;

    while (i < n) {
        if ((unsigned char)s[i] < 0x80) { /* most text is ASCII */
            i++;
            continue;
        }
        if (well_formed(s + i, n - i, &len) != len || len == 0)
            return false;
        i += len;
    }
    return true;
}

size_t utf8_complete(const char *s, size_t n)
{
    size_t back, len;

    for (back = 1; back <= 3 && back <= n; back++) {
        const char *p = s + n - back;
        if (((unsigned char)*p & 0xC0) == 0x80)
            continue;
        return well_formed(p, back, &len) == back && len > back ? n - back : n;
    }
    return n;
}

/* What must not reach a terminal: it moves the cursor, hides text or turns its direction. */
static bool unsafe(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7F && cp <= 0x9F) || (cp >= 0x200B && cp <= 0x200F) ||
           (cp >= 0x2028 && cp <= 0x202E) || (cp >= 0x2066 && cp <= 0x2069) || cp == 0xFEFF;
}

size_t utf8_escape_one(char out[UTF8_ESCAPE_MAX], size_t *out_len, const char *s, size_t n,
                       const char *keep)
{
    uint32_t cp;
    size_t len = utf8_decode(s, n, &cp);
    int k;

    if (cp != UTF8_BAD && (!unsafe(cp) || (keep && cp && cp < 0x80 && strchr(keep, (int)cp)))) {
        memcpy(out, s, len);
        *out_len = len;
        return len;
    }
    if (cp == UTF8_BAD || cp < 0x80)
        k = snprintf(out, UTF8_ESCAPE_MAX, "\\x%02X", (unsigned)(unsigned char)s[0]);
    else
        k = snprintf(out, UTF8_ESCAPE_MAX, "\\u{%X}", (unsigned)cp);
    *out_len = (size_t)k;
    return len;
}

void utf8_escape(struct strbuf *out, const char *s, size_t n, const char *keep)
{
    char piece[UTF8_ESCAPE_MAX];
    size_t i = 0, len;

    while (i < n) {
        i += utf8_escape_one(piece, &len, s + i, n - i, keep);
        strbuf_add(out, piece, len);
    }
}

void utf8_escape_fixed(char *out, size_t size, const char *s, size_t n)
{
    char piece[UTF8_ESCAPE_MAX];
    size_t i = 0, pos = 0, len;

    while (i < n) {
        i += utf8_escape_one(piece, &len, s + i, n - i, NULL);
        if (len > size - 1 - pos)
            break;
        memcpy(out + pos, piece, len);
        pos += len;
    }
    out[pos] = '\0';
}
