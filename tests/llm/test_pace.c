/* test_pace.c - the length of steps: learnt, kept, and never run away with. */
#include "llm/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* A machine whose steps take base + slope * cost, give or take a tenth. */
static double step(double cost, double base, double slope)
{
    return (base + slope * cost) * (0.9 + 0.2 * rand() / (double)RAND_MAX);
}

static void run(double base, double slope, double ms, double work)
{
    struct pace p = {0};
    double late = 0, sum = 0;

    for (int i = 0; i < 300; i++) {
        double cost = pace_cost(&p, ms, 16), t;
        if (i % 7 == 0 || cost > work)
            cost =
                i % 7 == 0 ? 5 : work; /* steps that only write; less work than there is room for */
        t = step(cost, base, slope);
        pace_learn(&p, cost, t);
        if (i >= 100) {
            late += t > 1.2 * ms;
            sum += i % 7 ? t : 0;
        }
    }
    assert_true(late <= 2); /* of 200: p99 within 300 ms of 250 */
    if (work > 1e6)
        assert_true(sum / 171 > 0.7 * ms); /* and the time is used */
}

static void test_steps_keep_their_time(void **state)
{
    (void)state;
    srand(3);
    run(50, 5, 250, 1e9);
    run(1, 0.1, 250, 1e9);
    run(100, 0.5, 250, 1e9);
    run(50, 5, 250, 20); /* there is never more than that to do */
}

static void test_nothing_learnt(void **state)
{
    struct pace p = {0};

    (void)state;
    assert_true(pace_cost(&p, 250, 16) == 16);
    pace_learn(&p, 16, 1e-9); /* a clock that did not move */
    assert_true(pace_cost(&p, 250, 16) <= 64);
    p = (struct pace){0};
    pace_learn(&p, 16, 1000); /* too slow for any step: nothing, not less */
    for (int i = 0; i < 50; i++)
        pace_learn(&p, 1 + i % 3, 1000);
    assert_true(pace_cost(&p, 250, 16) >= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps_keep_their_time),
        cmocka_unit_test(test_nothing_learnt),
    };
    return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
