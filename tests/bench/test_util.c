/* test_util.c - what the verbs of dobby-bench share: numbers, quantiles, choices at equal distances. */
#include "../bench/bench.h"
#include "support/test.h"

#include <math.h>
#include <string.h>

static void test_numbers(void **state)
{
    static const char *const bad[] = {"",
                                      "0",
                                      "1,",
                                      ",1",
                                      "1,,2",
                                      "a",
                                      "1 2",
                                      "4097",
                                      "-1",
                                      "1,2,x",
                                      "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1"};
    struct bench_list l;

    (void)state;
    assert_int_equal(bench_numbers(&l, "1,20,4096", "--agents", NULL), 0);
    assert_int_equal(l.n, 3);
    assert_true(l.v[0] == 1 && l.v[1] == 20 && l.v[2] == 4096);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct dobby_err e = {0};

        assert_int_equal(bench_numbers(&l, bad[i], "--agents", &e), DOBBY_E_USAGE);
        assert_non_null(strstr(e.message, "--agents"));
    }
}

static void test_quantiles_are_of_nearest_rank(void **state)
{
    double v[] = {30, 10, 20, 40};

    (void)state;
    bench_sort(v, 4);
    assert_true(bench_quantile(v, 4, 0.5) == 20);
    assert_true(bench_quantile(v, 4, 0.75) == 30);
    assert_true(bench_quantile(v, 4, 0.95) == 40);
    assert_true(bench_quantile(v, 4, 0) == 10);
    assert_true(bench_quantile(v, 1, 0.95) == 10);
    assert_true(bench_quantile(v, 0, 0.5) == 0);
}

/* As many as were asked for, no two neighbouring distances further apart than one. */
static void test_taken_at_equal_distances(void **state)
{
    (void)state;
    for (size_t n = 1; n < 60; n++) {
        for (size_t count = 1; count <= n + 1; count++) {
            size_t taken = 0, last = 0, least = n, most = 0;

            for (size_t i = 0; i < n; i++) {
                if (!bench_is_taken(i, n, count))
                    continue;
                if (taken++ > 0) {
                    least = i - last < least ? i - last : least;
                    most = i - last > most ? i - last : most;
                }
                last = i;
            }
            assert_int_equal(taken, count < n ? count : n);
            assert_true(taken < 2 || most - least <= 1);
        }
    }
    assert_true(bench_is_taken(3, 5, 0)); /* no limit */
}

/* Against values made with numpy: p = softmax([1, 2, 3]), q = softmax([3, 2, 1]). */
static void test_divergence(void **state)
{
    const float a[] = {1, 2, 3}, b[] = {3, 2, 1}, shifted[] = {101, 102, 103};

    (void)state;
    assert_true(fabs(bench_divergence(a, b, 3) - 1.1504210) < 1e-6);
    assert_true(bench_divergence(a, a, 3) == 0);
    assert_true(bench_divergence(a, shifted, 3) <
                1e-12); /* what is added to all logits changes nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_quantiles_are_of_nearest_rank),
        cmocka_unit_test(test_divergence),
        cmocka_unit_test(test_taken_at_equal_distances),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
