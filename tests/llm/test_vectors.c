/* test_vectors.c - SmolLM2-135M Q4_1 against an independent implementation. */
#include "support/models.h"
#include "support/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_logits(void **state)
{
    /* The first two prompts are enough where every instruction is watched (DOBBY_TEST_SHORT). */
    struct vector_bounds b = {
        .p99_kl = 0.023, .q8_loss = 0.001, .n_prompts = getenv("DOBBY_TEST_SHORT") ? 1 : 0};
    (void)state;
    vectors_check(model_path(MODEL_SMOLLM2), "tests/data/logits-smollm2-135m.json", &b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_logits)};
    return cmocka_run_group_tests_name("vectors", tests, NULL, NULL);
}
