/* test_mem.c - the allocator's door, staged failures, sizes. */
#include "support/test.h"

#include "base/fault.h"
#include "base/mem.h"
#include "base/size.h"

#include <string.h>

static void test_mem_basic(void **state)
{
    char *s, *t;
    void *p;

    (void)state;
    fault_count(true);
    p = mem_alloc(0);
    assert_non_null(p);
    s = mem_strndup("abcdef", 3);
    assert_string_equal(s, "abc");
    t = mem_dup("xyz", 4);
    assert_string_equal(t, "xyz");
    assert_int_equal(fault_live(), 3);
    p = mem_realloc(p, 100);
    assert_int_equal(fault_live(), 3);
    mem_free(p);
    mem_free(s);
    mem_free(t);
    mem_free(NULL);
    assert_int_equal(fault_live(), 0);
    fault_count(false);
}

static void test_mem_zeroed_and_aligned(void **state)
{
    static const unsigned char zero[96];
    unsigned char *p = mem_array(12, 8);
    unsigned char *q = mem_aligned(4096, 10);

    (void)state;
    assert_memory_equal(p, zero, 96);
    assert_int_equal((uintptr_t)q % 4096, 0);
    mem_free(p);
    mem_free(q);
    p = mem_aligned(1, 1);
    assert_non_null(p);
    mem_free(p);
}

static void test_mem_refuses_products_that_wrap(void **state)
{
    size_t cap = SIZE_MAX / 4;
    void *p = NULL;

    (void)state;
    assert_null(mem_array(SIZE_MAX / 2, 3));
    assert_int_equal(mem_grow(&p, &cap, SIZE_MAX / 2, 16), -1);
    assert_null(p);
    assert_int_equal(cap, SIZE_MAX / 4);
    assert_null(mem_strndup("", SIZE_MAX));
}

static void test_mem_grow(void **state)
{
    int *v = NULL;
    size_t cap = 0, n;

    (void)state;
    for (n = 0; n < 1000; n++) {
        assert_int_equal(mem_grow((void **)&v, &cap, n + 1, sizeof(*v)), 0);
        assert_true(cap > n);
        v[n] = (int)n;
    }
    assert_true(cap <= 2048);
    for (n = 0; n < 1000; n++)
        assert_int_equal(v[n], n);
    fault_arm(FAULT_ALLOC, 1, false);
    assert_int_equal(mem_grow((void **)&v, &cap, cap + 1, sizeof(*v)), -1);
    assert_true(fault_disarm(FAULT_ALLOC));
    assert_int_equal(v[999], 999); /* untouched */
    mem_free(v);
}

static void test_fault_nth_and_sticky(void **state)
{
    void *p;
    int i;

    (void)state;
    fault_arm(FAULT_ALLOC, 3, false);
    for (i = 1; i <= 5; i++) {
        p = mem_alloc(1);
        assert_int_equal(p == NULL, i == 3);
        mem_free(p);
    }
    assert_true(fault_disarm(FAULT_ALLOC));
    fault_arm(FAULT_ALLOC, 2, true);
    for (i = 1; i <= 4; i++) {
        p = mem_zalloc(1);
        assert_int_equal(p == NULL, i >= 2);
        mem_free(p);
    }
    assert_true(fault_disarm(FAULT_ALLOC));
    fault_arm(FAULT_ALLOC, 2, false);
    assert_false(fault_hit(FAULT_READ)); /* classes are apart */
    p = mem_alloc(1);
    assert_false(fault_disarm(FAULT_ALLOC)); /* one call was not enough */
    mem_free(p);
}

static void test_size(void **state)
{
    size_t r = 7;

    (void)state;
    assert_true(size_add(SIZE_MAX - 1, 1, &r) && r == SIZE_MAX);
    assert_false(size_add(SIZE_MAX, 1, &r));
    assert_false(size_mul(SIZE_MAX / 2 + 1, 2, &r));
    assert_false(size_align(SIZE_MAX - 3, 16, &r));
    assert_int_equal(r, SIZE_MAX); /* a failure leaves the output alone */
    assert_true(size_align(17, 16, &r) && r == 32);
    assert_true(size_align(0, 16, &r) && r == 0);
    assert_true(size_mul(0, SIZE_MAX, &r) && r == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mem_basic),
        cmocka_unit_test(test_mem_zeroed_and_aligned),
        cmocka_unit_test(test_mem_refuses_products_that_wrap),
        cmocka_unit_test(test_mem_grow),
        cmocka_unit_test(test_fault_nth_and_sticky),
        cmocka_unit_test(test_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
