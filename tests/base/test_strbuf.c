/* test_strbuf.c - growing strings, their cap, their failures; JSON strings. */
#include "support/test.h"

#include "base/fault.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strbuf.h"

#include <jansson.h>
#include <string.h>

static void test_strbuf_build(void **state)
{
    struct strbuf b = {0};
    size_t n;
    char *s;
    int i;

    (void)state;
    assert_string_equal(strbuf_str(&b), "");
    strbuf_puts(&b, "one");
    strbuf_putc(&b, ' ');
    strbuf_add(&b, "two\0three", 9);
    strbuf_printf(&b, " %d", 4);
    assert_int_equal(b.len, 15);
    assert_memory_equal(b.s, "one two\0three 4", 16);
    strbuf_truncate(&b, 3);
    assert_string_equal(strbuf_str(&b), "one");
    strbuf_reset(&b);
    for (i = 0; i < 1000; i++)
        strbuf_printf(&b, "%04d,", i); /* crosses every growth at every offset */
    assert_int_equal(b.len, 5000);
    assert_memory_equal(b.s + 4990, "0998,0999,", 11);
    s = strbuf_take(&b, &n);
    assert_int_equal(n, 5000);
    assert_int_equal(strlen(s), 5000);
    mem_free(s);
    assert_null(b.s);
    s = strbuf_take(&b, NULL);
    assert_string_equal(s, ""); /* an empty one too is there to be freed */
    mem_free(s);
    strbuf_release(&b);
}

static void test_strbuf_cap(void **state)
{
    struct strbuf b = {.max = 10};

    (void)state;
    strbuf_puts(&b, "0123456789");
    assert_false(strbuf_failed(&b));
    strbuf_putc(&b, 'x');
    assert_true(strbuf_failed(&b));
    assert_int_equal(b.len, 0);
    strbuf_puts(&b, "later"); /* does nothing */
    assert_null(strbuf_take(&b, NULL));
    assert_false(strbuf_failed(&b)); /* taking resets, the cap stays */
    strbuf_printf(&b, "%s", "0123456789a");
    assert_true(strbuf_failed(&b));
    strbuf_release(&b);
    strbuf_add(&b, "x", SIZE_MAX); /* refused before a byte is read */
    assert_true(strbuf_failed(&b));
    strbuf_release(&b);
}

static void build(struct strbuf *b)
{
    int i;

    for (i = 0; i < 50; i++)
        strbuf_printf(b, "line %d\n", i);
    json_put_string(b, "a\"b\x01\xff", 5);
}

static void test_strbuf_nomem(void **state)
{
    size_t n = 0;
    bool failed;

    (void)state;
    fault_count(true);
    do {
        struct strbuf b = {0};
        fault_arm(FAULT_ALLOC, ++n, false);
        build(&b);
        failed = strbuf_failed(&b);
        strbuf_release(&b);
        assert_int_equal(fault_live(), 0);
    } while (fault_disarm(FAULT_ALLOC));
    assert_true(!failed && n > 2);
    fault_count(false);
}

static void test_json_escapes(void **state)
{
    struct strbuf b = {0};
    static const char in[] =
        "q\" b\\ /\b\f\n\r\t\x01\x7f \xE2\x80\xA8 \xC3\xA9 \xF0\x9F\x98\x80 \xff\xE2\x80.";

    (void)state;
    json_put_string(&b, in, sizeof(in) - 1);
    assert_string_equal(strbuf_str(&b),
                        "\"q\\\" b\\\\ /\\u0008\\u000c\\n\\r\\t\\u0001\\u007f \\u2028 \xC3\xA9 "
                        "\xF0\x9F\x98\x80 \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD.\"");
    strbuf_release(&b);
}

/* Whatever the bytes, another program's strict reader takes the string, and it is the same text. */
static void test_json_is_read_by_jansson(void **state)
{
    struct strbuf b = {0};
    unsigned char in[3];
    unsigned i, k;

    (void)state;
    for (i = 0; i < 65536; i += 7) {
        json_t *v;
        in[0] = (unsigned char)(i >> 8);
        in[1] = (unsigned char)i;
        in[2] = 'z';
        strbuf_reset(&b);
        json_put_string(&b, (char *)in, 3);
        v = json_loadb(b.s, b.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_non_null(v);
        for (k = 0; k < 3 && in[k] < 0x80; k++)
            assert_int_equal((unsigned char)json_string_value(v)[k], in[k]);
        json_decref(v);
    }
    strbuf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strbuf_build),
        cmocka_unit_test(test_strbuf_cap),
        cmocka_unit_test(test_strbuf_nomem),
        cmocka_unit_test(test_json_escapes),
        cmocka_unit_test(test_json_is_read_by_jansson),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
