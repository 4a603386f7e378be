/* pretok.c - see pretok.h. Each splitter walks the alternatives of its regular expression in order; class_at() is
 * the only place that knows about encodings. No alternative needs backtracking beyond the last character of a
 * run, so all is linear. */
#include "llm/pretok.h"

#include "base/size.h"
#include "base/utf8.h"
#include "llm/unicode_data.h"

#include <assert.h>
#include <string.h>

/* Classes of a code point; exactly one, but a newline is a space as well. END stands after the last byte. */
enum { END = 0, LETTER = 1, NUMBER = 2, SPACE = 4, NEWLINE = 8, OTHER = 16 };

#define O OTHER
#define S SPACE
#define R (SPACE | NEWLINE)
#define L LETTER
#define N NUMBER
static const unsigned char ASCII[128] = {
    O, O, O, O, O, O, O, O, O, S, R, S, S, R, O, O,
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, /* 00 */
    S, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
    N, N, N, N, N, N, N, N, N, N, O, O, O, O, O, O, /* 20 */
    O, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
    L, L, L, L, L, L, L, L, L, L, L, O, O, O, O, O, /* 40 */
    O, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
    L, L, L, L, L, L, L, L, L, L, L, O, O, O, O, O, /* 60 */
};
#undef O
#undef S
#undef R
#undef L
#undef N

static bool in_ranges(const struct unicode_range *v, size_t n, uint32_t cp)
{
    size_t lo = 0, hi = n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (cp > v[mid].last)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < n && cp >= v[lo].first;
}

static unsigned class_wide(uint32_t cp)
{
    if (cp == UTF8_BAD)
        return OTHER;
    if (in_ranges(UNICODE_LETTERS, ARRAY_LEN(UNICODE_LETTERS), cp))
        return LETTER;
    if (in_ranges(UNICODE_NUMBERS, ARRAY_LEN(UNICODE_NUMBERS), cp))
        return NUMBER;
    if (in_ranges(UNICODE_SPACES, ARRAY_LEN(UNICODE_SPACES), cp))
        return SPACE;
    return OTHER;
}

/* Class of the character at `pos`, and its length in bytes. */
static unsigned class_at(const char *s, size_t n, size_t pos, size_t *len)
{
    uint32_t cp;

    *len = 1;
    if (pos >= n) {
        *len = 0;
        return END;
    }
    if (!(s[pos] & 0x80))
        return ASCII[(unsigned char)s[pos]];
    *len = utf8_decode(s + pos, n - pos, &cp);
    return class_wide(cp);
}

/* End of the run of characters of the classes in `mask` that begins at `pos`. */
static size_t run_end(const char *s, size_t n, size_t pos, unsigned mask)
{
    size_t len;

    while (class_at(s, n, pos, &len) & mask)
        pos += len;
    return pos;
}

#define LONG_S                                                                                     \
    "\xC5\xBF" /* U+017F, another small form of S: equal to it when case does not count */

/* Length of an English contraction ('s 't 're 've 'm 'll 'd) at s, or 0. Case does not count with `fold`. */
static size_t contraction(const char *s, size_t n, bool fold)
{
    static const char *const END_OF[] = {"s", "t", "re", "ve", "m", "ll", "d"};

    if (s[0] != '\'')
        return 0;
    if (fold && n > strlen(LONG_S) && memcmp(s + 1, LONG_S, strlen(LONG_S)) == 0)
        return 1 + strlen(LONG_S);
    for (size_t i = 0; i < ARRAY_LEN(END_OF); i++) {
        size_t k = 0;

        while (END_OF[i][k] && k + 1 < n &&
               (s[k + 1] == END_OF[i][k] || (fold && s[k + 1] == END_OF[i][k] - 'a' + 'A')))
            k++;
        if (!END_OF[i][k])
            return k + 1;
    }
    return 0;
}

/* \s+(?!\S)|\s+ at the start of a run of white space: all of it at the end of the text, else all but its last
 * character, which belongs to what follows; a single one stands alone. `whole`: classes before which a run is whole. */
static size_t spaces(const char *s, size_t n, unsigned whole)
{
    size_t pos = 0, last = 0, len;
    unsigned c;

    while ((c = class_at(s, n, pos, &len)) & SPACE) {
        last = pos;
        pos += len;
    }
    return c == END || (c & whole) || last == 0 ? pos : last;
}

static size_t next_smollm(const char *s, size_t n)
{
    size_t len, skip = s[0] == ' ' ? 1 : 0, k;
    unsigned c = class_at(s, n, 0, &len);

    if (c & NUMBER)
        return len;
    k = contraction(s, n, false);
    if (k > 0)
        return k;
    c = class_at(s, n, skip, &len);
    if (c & (LETTER | OTHER))
        return run_end(s, n, skip, c);
    /* Digits were cut out before this expression ran, so for it the text ends where a digit stands. */
    return spaces(s, n, NUMBER);
}

/* \s*[\r\n]+ : a run of white space up to its last newline; 0 if it has none. */
static size_t newlines(const char *s, size_t n)
{
    size_t pos = 0, end = 0, len;
    unsigned c;

    while ((c = class_at(s, n, pos, &len)) & SPACE) {
        pos += len;
        if (c & NEWLINE)
            end = pos;
    }
    return end;
}

static size_t next_qwen2(const char *s, size_t n)
{
    size_t len, after, skip = s[0] == ' ' ? 1 : 0, k;
    unsigned c = class_at(s, n, 0, &len), second;

    k = contraction(s, n, true);
    if (k > 0)
        return k;
    second = class_at(s, n, len, &after);
    if (c & LETTER)
        return run_end(s, n, len, LETTER);
    if (!(c & (NEWLINE | NUMBER)) && (second & LETTER))
        return run_end(s, n, len, LETTER);
    if (c & NUMBER)
        return len;
    if (class_at(s, n, skip, &after) & OTHER)
        return run_end(s, n, run_end(s, n, skip, OTHER), NEWLINE);
    k = newlines(s, n);
    return k > 0 ? k : spaces(s, n, 0);
}

static const struct {
    const char *name;
    size_t (*next)(const char *s, size_t n);
} KIND[] = {
    [PRETOK_SMOLLM] = {"smollm", next_smollm},
    [PRETOK_QWEN2] = {"qwen2", next_qwen2},
};

bool pretok_find(const char *pre, size_t len, enum pretok_kind *out)
{
    for (size_t i = 0; i < ARRAY_LEN(KIND); i++) {
        if (strlen(KIND[i].name) == len && memcmp(KIND[i].name, pre, len) == 0) {
            *out = (enum pretok_kind)i;
            return true;
        }
    }
    return false;
}

const char *pretok_names(void)
{
    return "smollm, qwen2";
}

size_t pretok_next(enum pretok_kind kind, const char *s, size_t n)
{
    assert(n > 0);
    return KIND[kind].next(s, n);
}
