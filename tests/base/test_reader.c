/* test_reader.c - bounded reads: values, and the first failure that sticks. */
#include "support/test.h"

#include "base/reader.h"

static const unsigned char data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static void test_reader_values(void **state)
{
    struct reader r;

    (void)state;
    reader_init(&r, data, sizeof(data));
    assert_int_equal(reader_u8(&r), 1);
    assert_int_equal(reader_u16(&r), 0x0302);
    assert_int_equal(reader_u32(&r), 0x07060504);
    assert_true(reader_u64(&r) == 0x0F0E0D0C0B0A0908);
    assert_int_equal(reader_left(&r), 0);
    assert_false(r.failed);
    assert_non_null(reader_bytes(&r, 0)); /* nothing, at the very end, is still there */
    assert_false(r.failed);
}

static void test_reader_first_failure_sticks(void **state)
{
    struct reader r;

    (void)state;
    reader_init(&r, data, 6);
    assert_int_equal(reader_u32(&r), 0x04030201);
    assert_int_equal(reader_u32(&r), 0);
    assert_true(r.failed);
    assert_int_equal(r.fail_pos, 4);
    assert_int_equal(r.fail_need, 4);
    assert_int_equal(reader_u8(&r), 0); /* although a byte is left */
    assert_null(reader_bytes(&r, 1));
    assert_int_equal(r.fail_need, 4);
}

static void test_reader_huge_length(void **state)
{
    struct reader r;

    (void)state;
    reader_init(&r, data, sizeof(data));
    reader_u8(&r);
    assert_null(reader_bytes(&r, SIZE_MAX)); /* pos + n wraps; n > len - pos does not */
    assert_true(r.failed);
    assert_int_equal(r.fail_pos, 1);
    reader_init(&r, NULL, 0);
    assert_int_equal(reader_u8(&r), 0);
    assert_true(r.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reader_values),
        cmocka_unit_test(test_reader_first_failure_sticks),
        cmocka_unit_test(test_reader_huge_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
