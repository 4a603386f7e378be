/* test_utf8.c - every code point, every short sequence of bytes. */
#include "support/test.h"

#include "base/utf8.h"

#include <string.h>

static void test_utf8_round_trip(void **state)
{
    uint32_t cp, got;
    char s[4];
    size_t n;

    (void)state;
    for (cp = 0; cp <= 0x10FFFF; cp++) {
        n = utf8_encode(cp, s);
        if (cp >= 0xD800 && cp <= 0xDFFF) {
            assert_false(utf8_valid(s, n));
            continue;
        }
        if (utf8_decode(s, n, &got) != n || got != cp || !utf8_valid(s, n))
            fail_msg("U+%04X", (unsigned)cp);
        if (n > 1 && (utf8_decode(s, n - 1, &got) != 1 || got != UTF8_BAD))
            fail_msg("U+%04X cut short", (unsigned)cp);
    }
}

/* A sequence of bytes is well-formed exactly if it is what its own code point encodes to. */
static void test_utf8_all_short_sequences(void **state)
{
    unsigned char s[3];
    char back[4];
    uint32_t cp;
    unsigned i;
    size_t n;

    (void)state;
    for (i = 0; i < 1u << 24; i++) {
        s[0] = (unsigned char)(i >> 16);
        s[1] = (unsigned char)(i >> 8);
        s[2] = (unsigned char)i;
        n = utf8_decode((char *)s, 3, &cp);
        if (cp != UTF8_BAD && (utf8_encode(cp, back) != n || memcmp(back, s, n) != 0))
            fail_msg("%06x", i);
        if (cp == UTF8_BAD && n != 1)
            fail_msg("%06x: %zu bytes taken", i, n);
        if (i % 256 == 0 && s[0] < 0x80) /* what begins with ASCII is settled at once */
            i |= 0xFFFF;
    }
}

static void test_utf8_refused(void **state)
{
    static const char *const bad[] = {"\xC0\x80",
                                      "\xC1\xBF",
                                      "\xE0\x9F\xBF",
                                      "\xED\xA0\x80",
                                      "\xF0\x8F\xBF\xBF",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\x80",
                                      "\xFF",
                                      "\xE2\x82",
                                      "a\xE2\x82z",
                                      "\xC3\xC3\xA9",
                                      "\xF0\x9F\x98 \x80"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(utf8_valid(bad[i], strlen(bad[i])));
    assert_true(utf8_valid("", 0));
    assert_true(utf8_valid("a\0b", 3));
}

static void test_utf8_complete(void **state)
{
    (void)state;
    assert_int_equal(utf8_complete("abc", 3), 3);
    assert_int_equal(utf8_complete("", 0), 0);
    assert_int_equal(utf8_complete("a\xC3", 2), 1);
    assert_int_equal(utf8_complete("a\xC3\xA9", 3), 3);
    assert_int_equal(utf8_complete("a\xE2\x82", 3), 1);
    assert_int_equal(utf8_complete("a\xF0\x9F\x98", 4), 1);
    assert_int_equal(utf8_complete("a\xF0\x9F\x98\x80", 5), 5);
    /* What can never become valid is not waited for. */
    assert_int_equal(utf8_complete("a\xE0\x80", 3), 3);
    assert_int_equal(utf8_complete("a\xFF", 2), 2);
    assert_int_equal(utf8_complete("\x80\x80\x80\x80", 4), 4);
    assert_int_equal(utf8_complete("\xED\xA0", 2), 2);
}

static void test_utf8_escape(void **state)
{
    static const char mixed[] =
        "a\tb\n\x1b[31m\x7f \xC2\x9B \xE2\x80\xAE \xEF\xBB\xBF \xC3\xA9\xff";
    struct strbuf b = {0};
    char small[8];

    (void)state;
    utf8_escape(&b, mixed, sizeof(mixed) - 1, "\t");
    assert_string_equal(strbuf_str(&b),
                        "a\tb\\x0A\\x1B[31m\\x7F \\u{9B} \\u{202E} \\u{FEFF} \xC3\xA9\\xFF");
    strbuf_reset(&b);
    utf8_escape(&b, "\0", 1, "\n"); /* NUL is never kept, although strchr would find it */
    assert_string_equal(strbuf_str(&b), "\\x00");
    strbuf_release(&b);
    utf8_escape_fixed(small, sizeof(small), "abcde\nxyz", 9);
    assert_string_equal(small, "abcde"); /* the escape would not fit whole */
    utf8_escape_fixed(small, sizeof(small), "abcdef\xC3\xA9", 8);
    assert_string_equal(small, "abcdef");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8_round_trip), cmocka_unit_test(test_utf8_all_short_sequences),
        cmocka_unit_test(test_utf8_refused),    cmocka_unit_test(test_utf8_complete),
        cmocka_unit_test(test_utf8_escape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
