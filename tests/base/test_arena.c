/* test_arena.c - pieces, growth, reset, refused allocations. */
#include "support/test.h"

#include "base/arena.h"
#include "base/fault.h"

#include <string.h>

static void test_arena_pieces(void **state)
{
    struct arena a = {0};
    unsigned char *p[300];
    size_t i, k, sum = 0;

    (void)state;
    for (i = 0; i < 300; i++) {
        p[i] = arena_alloc(&a, i);
        assert_non_null(p[i]);
        assert_int_equal((uintptr_t)p[i] % 16, 0);
        for (k = 0; k < i; k++)
            assert_int_equal(p[i][k], 0);
        memset(p[i], (int)(i & 255), i);
        sum += i;
    }
    assert_int_equal(a.used, sum);
    for (i = 0; i < 300; i++) /* no piece was written by another */
        for (k = 0; k < i; k++)
            assert_int_equal(p[i][k], i & 255);
    arena_release(&a);
    arena_release(&a);
}

static void test_arena_strings_and_overflow(void **state)
{
    struct arena a = {0};

    (void)state;
    assert_string_equal(arena_strdup(&a, "alpha"), "alpha");
    assert_string_equal(arena_strndup(&a, "alphabet", 5), "alpha");
    assert_string_equal(arena_strndup(&a, NULL, 0), "");
    assert_null(arena_array(&a, SIZE_MAX / 2, 3));
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_alloc(&a, SIZE_MAX - 40));
    assert_null(arena_strndup(&a, "", SIZE_MAX));
    arena_release(&a);
}

static void test_arena_reset_keeps_one_block(void **state)
{
    struct arena a = {0};
    int round;

    (void)state;
    fault_count(true);
    for (round = 0; round < 3; round++) {
        memset(arena_alloc(&a, 100), 1, 100);
        memset(arena_alloc(&a, 1 << 20), 2, 1 << 20);
        memset(arena_alloc(&a, 100000), 3, 100000);
        arena_reset(&a);
        assert_int_equal(a.used, 0);
        assert_int_equal(fault_live(), 1);
    }
    /* What is handed out again is zero again, and the kept block is the one that fits. */
    assert_int_equal(((unsigned char *)arena_alloc(&a, 1 << 20))[99999], 0);
    assert_int_equal(fault_live(), 1);
    arena_release(&a);
    assert_int_equal(fault_live(), 0);
    fault_count(false);
}

static int fill(struct arena *a)
{
    int i;

    for (i = 0; i < 4; i++)
        if (!arena_alloc(a, 70000))
            return -1;
    return 0;
}

static void test_arena_nomem(void **state)
{
    size_t n = 0;
    int rc;

    (void)state;
    fault_count(true);
    do {
        struct arena a = {0};
        fault_arm(FAULT_ALLOC, ++n, false);
        rc = fill(&a);
        arena_release(&a);
        assert_int_equal(fault_live(), 0);
    } while (fault_disarm(FAULT_ALLOC));
    assert_true(rc == 0 && n == 5);
    fault_count(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena_pieces),
        cmocka_unit_test(test_arena_strings_and_overflow),
        cmocka_unit_test(test_arena_reset_keeps_one_block),
        cmocka_unit_test(test_arena_nomem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
