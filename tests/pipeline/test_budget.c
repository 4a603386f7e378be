/* test_budget.c - shares of parser workers under a bound (src/pipeline/budget.c). */
#include "pipeline/budget.h"

#include "code/parse.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

#define MIB ((size_t)1 << 20)

static void test_no_bound(void **state)
{
    size_t share = 0;
    int n = 8;

    (void)state;
    assert_int_equal(budget_shares(&share, &n, 0, 0, NULL), 0);
    assert_int_equal(n, 8);
    assert_int_equal(share, PARSE_MAX_SHARE);
    assert_int_equal(budget_check(0, 8, share, NULL), 0);
}

/* All that workers, their replies and the reserve may take stays within the bound; no share is too small; fewer workers
 * come before tiny shares. */
static void test_within(void **state)
{
    (void)state;
    for (size_t bound = 64 * MIB; bound < 4096 * MIB; bound += 32 * MIB)
        for (int want = 1; want <= 64; want *= 4) {
            size_t share = 0, used = 12 * MIB;
            int n = want;

            if (budget_shares(&share, &n, bound, used, NULL) < 0) {
                assert_true(bound < 128 * MIB);
                continue;
            }
            assert_true(n >= 1 && n <= want);
            assert_true(share >= PARSE_MIN_SHARE && share <= PARSE_MAX_SHARE);
            assert_true(n == 1 || share >= 64 * MIB);
            assert_true(used + BUDGET_RESERVE + (size_t)n * share + share / 4 <= bound);
        }
}

static void test_too_small(void **state)
{
    struct dobby_err e = {0};
    size_t share;
    int n = 4;
    unsigned said = 0;

    (void)state;
    assert_int_equal(budget_shares(&share, &n, 20 * MIB, 12 * MIB, &e), DOBBY_E_LIMIT);
    assert_int_equal(sscanf(strstr(e.message, "works is"), "works is %uM", &said), 1);
    n = 4;
    assert_int_equal(budget_shares(&share, &n, said * MIB, 12 * MIB, NULL), 0);
    assert_int_equal(n, 1);
}

/* This process holds more than a megabyte. */
static void test_check(void **state)
{
    struct dobby_err e = {0};

    (void)state;
    assert_int_equal(budget_check(BUDGET_RESERVE + MIB, 0, 0, &e), DOBBY_E_LIMIT);
    assert_non_null(strstr(e.message, "give more"));
    assert_int_equal(budget_check((size_t)1 << 50, 2, PARSE_MAX_SHARE, NULL), 0);
    assert_int_equal(budget_check(512 * MIB, 2, PARSE_MAX_SHARE, NULL), DOBBY_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_bound),
        cmocka_unit_test(test_within),
        cmocka_unit_test(test_too_small),
        cmocka_unit_test(test_check),
    };

    return cmocka_run_group_tests_name("pipeline/budget", tests, NULL, NULL);
}
