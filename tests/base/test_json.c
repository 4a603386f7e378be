/* test_json.c - JSON documents from outside: values, refusals with their place, bounds, memory that runs out. Writing
 * strings is tested in test_strbuf.c. */
#include "support/test.h"

#include "base/fault.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/size.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static struct json_value *parse(const char *text)
{
    struct dobby_err e = {0};
    struct json_value *v;

    if (json_value_parse(&v, text, strlen(text), "test", &e) < 0)
        fail_msg("%s: %s", text, e.message);
    return v;
}

static void test_json_values(void **state)
{
    struct json_value *v =
        parse(" { \"s\" : \"a\\u0000b\\u00e9\" , \"i\":-9223372036854775808,\"r\":2.5,\"t\":true,"
              "\"f\":false,\"n\":null,\"a\":[1,\"x\"],\"o\":{\"\":1}} ");
    const struct json_value *a = json_value_member(v, "a");
    int64_t i;
    size_t len;
    double d;
    bool b;

    (void)state;
    assert_int_equal(json_value_type(v), JSON_VALUE_OBJECT);
    assert_int_equal(json_value_len(v), 8);
    assert_memory_equal(json_value_string(json_value_member(v, "s"), &len), "a\0b\xC3\xA9", 6);
    assert_int_equal(len, 5); /* a NUL inside does not end it */
    assert_true(json_value_integer(json_value_member(v, "i"), &i) && i == INT64_MIN);
    assert_false(json_value_integer(json_value_member(v, "r"), &i));
    assert_true(json_value_number(json_value_member(v, "r"), &d) && d == 2.5);
    assert_true(json_value_number(json_value_at(a, 0), &d) && d == 1);
    assert_false(json_value_number(json_value_at(a, 1), &d));
    assert_true(json_value_bool(json_value_member(v, "t"), &b) && b);
    assert_true(json_value_bool(json_value_member(v, "f"), &b) && !b);
    assert_false(json_value_bool(json_value_member(v, "n"), &b));
    assert_int_equal(json_value_type(json_value_member(v, "n")), JSON_VALUE_NULL);
    assert_int_equal(json_value_len(a), 2);
    assert_string_equal(json_value_string(json_value_at(a, 1), NULL), "x");
    assert_null(json_value_at(a, 2));
    assert_null(json_value_at(v, 0));
    assert_int_equal(json_value_len(json_value_member(v, "o")), 1);
    assert_string_equal(json_value_type_name(a), "an array");
    assert_string_equal(json_value_type_name(json_value_member(v, "n")), "null");
    json_value_free(v);
    v = parse("\"alone\"");
    assert_string_equal(json_value_string(v, NULL), "alone");
    json_value_free(v);
}

static void test_json_absent(void **state)
{
    struct json_value *v = parse("[]");
    size_t len = 7;
    int64_t i;
    double d;
    bool b;

    (void)state;
    assert_null(json_value_member(NULL, "x"));
    assert_null(json_value_member(v, "x"));
    assert_null(json_value_at(NULL, 0));
    assert_null(json_value_string(NULL, &len));
    assert_int_equal(len, 0);
    assert_int_equal(json_value_len(NULL), 0);
    assert_int_equal(json_value_type(NULL), JSON_VALUE_NULL);
    assert_string_equal(json_value_type_name(NULL), "nothing");
    assert_false(json_value_integer(NULL, &i) || json_value_number(NULL, &d) ||
                 json_value_bool(NULL, &b));
    json_value_free(v);
    json_value_free(NULL);
}

static void test_json_refused(void **state)
{
    static const struct {
        const char *text;
        size_t len; /* 0: strlen */
        const char *says;
    } bad[] = {
        {"", 0, "test: byte 1: not JSON"},
        {"{\"a\":1,}", 0, "test: byte 8: not JSON"},
        {"{\"a\":1", 0, "not JSON"},
        {"{} {}", 0, "not JSON"},
        {"nul", 0, "not JSON"},
        {"'a'", 0, "not JSON"},
        {"[01]", 0, "not JSON"},
        {"[1e400]", 0, "real number overflow"},
        {"[9223372036854775808]", 0, "too big integer"},
        {"{\"a\":1,\"a\":2}", 0, "duplicate object key"},
        {"{\"a\":1,\"\\u0061\":2}", 0, "duplicate object key"}, /* however it is spelled */
        {"[\"\\ud800\"]", 0, "not JSON"},
        {"[\"\xFF\"]", 0, "not JSON"},
        {"[\"\xC0\x80\"]", 0, "not JSON"}, /* an overlong NUL */
        {"[\"a\0b\"]", 7, "not JSON"},     /* a NUL that is not escaped */
        {"[\"a\nb\"]", 0, "not JSON"},
        {"[1]\0", 4, "not JSON"},
        {"{\"a\\u0000b\":1}", 0, "not JSON"},
        {"\xEF\xBB\xBF{}", 0, "not JSON"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        size_t len = bad[i].len ? bad[i].len : strlen(bad[i].text);
        struct dobby_err e = {0};
        struct json_value *v;
        char *exact = mem_dup(bad[i].text, len); /* a read behind it would be seen */

        assert_int_equal(json_value_parse(&v, exact, len, "test", &e), DOBBY_E_FORMAT);
        assert_null(v);
        if (!strstr(e.message, bad[i].says))
            fail_msg("row %zu: %s", i, e.message);
        assert_null(strchr(e.message, '\n'));
        mem_free(exact);
    }
}

/* n times `unit`, parsed. */
static int parse_many(const char *head, const char *unit, size_t n, const char *tail,
                      struct dobby_err *e)
{
    struct strbuf b = {0};
    struct json_value *v;
    int rc;

    strbuf_puts(&b, head);
    for (size_t i = 0; i < n; i++)
        strbuf_puts(&b, unit);
    strbuf_puts(&b, tail);
    assert_false(strbuf_failed(&b));
    rc = json_value_parse(&v, b.s, b.len, "test", e);
    json_value_free(v);
    strbuf_release(&b);
    return rc;
}

static void test_json_bounds(void **state)
{
    struct dobby_err e = {0};

    (void)state;
    assert_int_equal(parse_many("", "[", JSON_DEPTH_MAX + 1, "", &e), DOBBY_E_LIMIT);
    assert_non_null(
        strstr(e.message, "test: byte 65: objects and arrays are nested deeper than 64"));
    err_clear(&e);
    assert_int_equal(parse_many("", "{\"a\":", 1000000, "", &e), DOBBY_E_LIMIT);
    err_clear(&e);
    assert_int_equal(parse_many("[", "0,", JSON_VALUES_MAX, "0]", &e), DOBBY_E_LIMIT);
    assert_non_null(strstr(e.message, "more than 1048576 values"));
    err_clear(&e);
    /* Brackets in strings count for nothing, nor does one behind an escaped quote; what was closed is not deep. */
    assert_int_equal(parse_many("[\"", "[{,\\\"[", 100000, "\"]", &e), 0);
    assert_int_equal(parse_many("[", "[],", 1000, "0]", &e), 0);
    assert_int_equal(parse_many("", "[", JSON_DEPTH_MAX, "", &e),
                     DOBBY_E_FORMAT); /* deep enough, but open */
}

static void test_json_text_member(void **state)
{
    static const struct {
        const char *text, *want;
    } row[] = {
        {"{\"id\":1.10}", "1.10"},
        {" { \"x\" : {\"id\":3,\"y\":\"}\\\"\"} , \"id\" : 1e2 } ", "1e2"},
        {"{\"a\":\"\\\"id\\\":5\",\"b\":[\"id\",{\"id\":4}],\"id\":\"s, }\"}", "\"s, }\""},
        {"{\"id\":[ 1, {\"a\" : 2} ]\t\n,\"z\":0}", "[ 1, {\"a\" : 2} ]"},
        {"{}", NULL},
        {" { } ", NULL},
        {"{\"i\":\"id\"}", NULL},
        {"{\"ids\":1,\"xid\":2}", NULL},
        {"{\"\\u0069d\":1}", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(row); i++) {
        size_t len = strlen(row[i].text), n;
        char *exact = mem_dup(row[i].text, len);
        const char *s;

        json_value_free(parse(row[i].text)); /* the function's condition */
        s = json_text_member(exact, len, "id", &n);
        if (!s != !row[i].want || (s && (n != strlen(row[i].want) || memcmp(s, row[i].want, n))))
            fail_msg("row %zu: %.*s", i, s ? (int)n : 4, s ? s : "none");
        mem_free(exact);
    }
}

static void test_json_text_element(void **state)
{
    static const struct {
        const char *text, *want;
    } row[] = {
        {"[1.10, \"a],\" ,{\"b\":[2,3]} , [] ]", "1.10|\"a],\"|{\"b\":[2,3]}|[]|"},
        {" [ 7 ] ", "7|"},
        {"[]", ""},
        {"[ ]", ""},
        {"{\"a\":[1]}", ""},
        {"\"[1]\"", ""},
        {"5", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(row); i++) {
        size_t len = strlen(row[i].text), pos = 0, n;
        char *exact = mem_dup(row[i].text, len);
        struct strbuf got = {0};
        const char *s;

        json_value_free(parse(row[i].text)); /* the function's condition */
        while ((s = json_text_element(exact, len, &pos, &n)) != NULL) {
            strbuf_add(&got, s, n);
            strbuf_putc(&got, '|');
        }
        assert_string_equal(strbuf_str(&got), row[i].want);
        strbuf_release(&got);
        mem_free(exact);
    }
}

/* The library leaves jansson's allocator alone; here it is ours, so that it can be refused. */
static void test_json_nomem(void **state)
{
    static const char text[] =
        "{\"id\":\"a\",\"messages\":[{\"role\":\"user\",\"n\":[1,2.5,null]}]}";
    struct json_value *v;
    size_t n = 0;
    int rc;

    (void)state;
    json_set_alloc_funcs(mem_alloc, mem_free);
    fault_count(true);
    do {
        struct dobby_err e = {0};

        fault_arm(FAULT_ALLOC, ++n, false);
        rc = json_value_parse(&v, text, sizeof(text) - 1, "test", &e);
        /* A string that cannot be kept looks to jansson like one that is malformed: json.h says so. */
        assert_true(rc == 0 || rc == DOBBY_E_NOMEM || rc == DOBBY_E_FORMAT);
        assert_true((rc == 0) == (v != NULL));
        json_value_free(v);
        assert_int_equal(fault_live(), 0);
    } while (fault_disarm(FAULT_ALLOC));
    fault_count(false);
    json_set_alloc_funcs(malloc, free);
    assert_true(rc == 0 && n > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_values),      cmocka_unit_test(test_json_absent),
        cmocka_unit_test(test_json_refused),     cmocka_unit_test(test_json_bounds),
        cmocka_unit_test(test_json_text_member), cmocka_unit_test(test_json_text_element),
        cmocka_unit_test(test_json_nomem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
