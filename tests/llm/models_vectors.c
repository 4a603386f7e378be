/* models_vectors.c - Qwen2.5-Coder-0.5B Q4_K_M against an independent implementation. */
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
        .p99_kl = 0.004, .q8_loss = 0.008, .n_prompts = getenv("DOBBY_TEST_SHORT") ? 1 : 0};
    (void)state;
    vectors_check(model_path(MODEL_QWEN), "tests/data/logits-qwen2.5-coder-0.5b.json", &b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_logits)};
    return cmocka_run_group_tests_name("vectors", tests, NULL, NULL);
}
