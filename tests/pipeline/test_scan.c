/* test_scan.c - positions of units as the store keeps them: there and back, and refused when they make no sense. */
#include "pipeline/scan.h"
#include "support/test.h"

#include <string.h>

static struct unit sample(void)
{
    return (struct unit){
        .span = {40, 200},
        .signature = {40, 60},
        .body = {61, 200},
        .doc = {0, 39},
        .docstring = {70, 90},
        .depth = 2,
    };
}

static bool read_back(struct unit *u, const struct unit *from, size_t len)
{
    uint8_t bytes[SCAN_SPANS];

    scan_put_spans(bytes, from);
    *u = (struct unit){0};
    return scan_get_spans(u, (struct store_bytes){bytes, sizeof(bytes)}, len);
}

static void test_there_and_back(void **state)
{
    struct unit from = sample(), u;

    (void)state;
    assert_true(read_back(&u, &from, 200));
    assert_memory_equal(&u.span, &from.span, sizeof(u.span));
    assert_memory_equal(&u.signature, &from.signature, sizeof(u.span));
    assert_memory_equal(&u.body, &from.body, sizeof(u.span));
    assert_memory_equal(&u.doc, &from.doc, sizeof(u.span));
    assert_memory_equal(&u.docstring, &from.docstring, sizeof(u.span));
    assert_int_equal(u.depth, 2);
}

/* A store may have been edited: nothing outside the text, or outside of what holds it, is believed. */
static void test_nonsense_is_refused(void **state)
{
    struct unit from = sample(), u;

    (void)state;
    assert_false(read_back(&u, &from, 199)); /* beyond the text */
    from.span.start = 201;
    assert_false(read_back(&u, &from, 4000)); /* ends before it starts */
    from = sample();
    from.body.end = 201;
    assert_false(read_back(&u, &from, 4000));
    from = sample();
    from.signature.start = 39;
    assert_false(read_back(&u, &from, 4000));
    from = sample();
    from.docstring.start = 50; /* before the body */
    assert_false(read_back(&u, &from, 4000));
    from = sample();
    from.doc.end = 41; /* reaches into the unit */
    assert_false(read_back(&u, &from, 4000));
    from = sample();
    from.doc = from.docstring = (struct span){0, 0}; /* absent ones lie nowhere */
    assert_true(read_back(&u, &from, 4000));
    assert_false(scan_get_spans(&u, (struct store_bytes){"short", 5}, 4000));
}

static void test_grammar_names_language_and_version(void **state)
{
    char c[64], py[64];

    (void)state;
    scan_grammar(c, LANGUAGE_C);
    scan_grammar(py, LANGUAGE_PYTHON);
    assert_memory_equal(c, "c/", 2);
    assert_memory_equal(py, "python/", 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_nonsense_is_refused),
        cmocka_unit_test(test_grammar_names_language_and_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
