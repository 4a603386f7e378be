/* test_cost.c - the yardstick of `bench job`: multiply-adds counted by hand and by loop. */
#include "../bench/cost.h"
#include "support/test.h"

/* Two layers of a model with 2 heads of 3 and one key-value head: q and o 6 x 6, k and v 3 x 6, gate and up 10 x 6, down 6 x 10,
 * and 50 words. */
static struct dobby_model small_model(struct layer layers[2])
{
    struct dobby_model m = {.n_layers = 2, .n_heads = 2, .n_kv = 1, .head_dim = 3};

    for (int i = 0; i < 2; i++) {
        layers[i] = (struct layer){.q = {.rows = 6, .cols = 6},
                                   .k = {.rows = 3, .cols = 6},
                                   .v = {.rows = 3, .cols = 6},
                                   .o = {.rows = 6, .cols = 6},
                                   .gate = {.rows = 10, .cols = 6},
                                   .up = {.rows = 10, .cols = 6},
                                   .down = {.rows = 6, .cols = 10}};
    }
    m.layers = layers;
    m.output = (struct matrix){.rows = 50, .cols = 6};
    return m;
}

static void test_cost_is_that_of_the_shapes(void **state)
{
    struct layer layers[2];
    struct dobby_model m = small_model(layers);
    struct cost c = cost_of(&m);

    (void)state;
    assert_true(c.body == 2 * (36 + 18 + 18 + 36 + 60 + 60 + 60));
    assert_true(c.head == 300);
    assert_true(c.attention == 2 * 2 * 2 * 3); /* keys and values, layers, heads, their size */
}

static void test_span_adds_up_tokens_and_what_each_looks_at(void **state)
{
    struct cost c = {.body = 1000, .head = 7, .attention = 10};
    double sum = 0;

    (void)state;
    assert_true(cost_span(&c, 5, 5) == 0);
    assert_true(cost_span(&c, 0, 1) == 1010); /* the first token looks at itself */
    for (size_t p = 3; p < 40; p++)
        sum += 1000 + 10 * (double)(p + 1);
    assert_true(cost_span(&c, 3, 40) == sum);
    assert_true(cost_span(&c, 0, 40) == cost_span(&c, 0, 3) + sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cost_is_that_of_the_shapes),
        cmocka_unit_test(test_span_adds_up_tokens_and_what_each_looks_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
