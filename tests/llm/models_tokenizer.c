/* models_tokenizer.c - Qwen2.5-Coder's tokenizer, prompts and description. */
#include "base/mem.h"
#include "base/thread.h"
#include "llm/gguf.h"
#include "llm/tokenizer.h"
#include "support/models.h"
#include "support/test.h"
#include "support/token_vectors.h"

#include <stdio.h>

static struct gguf g;
static struct tokenizer *t;

static int set_up(void **state)
{
    double start = time_now();

    (void)state;
    if (gguf_open(&g, model_path(MODEL_QWEN), NULL) < 0 || tokenizer_new(&t, &g, NULL) < 0)
        return -1;
    print_message("# note: tables of 151,936 tokens set up in %.0f ms\n",
                  (time_now() - start) * 1e3);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tokenizer_free(t);
    gguf_release(&g);
    return 0;
}

static void test_vectors(void **state)
{
    size_t n;

    (void)state;
    n = check_token_vectors(t, "tests/data/tokenizer-qwen2.5-coder-0.5b.jsonl");
    assert_int_equal(n, 430);
    print_message("# note: %zu texts, all ids equal\n", n);
}

static void test_prompts(void **state)
{
    (void)state;
    assert_int_equal(check_chat_vectors(&g, t, "tests/data/chat-qwen2.5-coder-0.5b.json"), 1);
}

static void test_ends_and_fillers(void **state)
{
    (void)state;
    assert_int_equal(tokenizer_n_vocab(t), 151936);
    for (int32_t id = 0; id < 151936; id++) {
        bool end = id == 151643 || id == 151645 || (id >= 151662 && id <= 151664);

        assert_int_equal(tokenizer_is_eog(t, id), end);
        assert_int_equal(tokenizer_is_unused(t, id), id >= 151665);
    }
}

static void test_description(void **state)
{
    char *s = NULL;

    (void)state;
    assert_int_equal(dobby_model_describe(&s, model_path(MODEL_QWEN), NULL), 0);
    assert_non_null(strstr(s, "architecture    qwen2\n"));
    assert_non_null(strstr(s, "tensor types    F32:121 Q5_0:133 Q8_0:13 Q4_K:12 Q6_K:12\n"));
    assert_non_null(strstr(s, "vocabulary      151,936 (271 unused)\n"));
    assert_non_null(strstr(s, "chat template   chatml, recognised by content\n"));
    mem_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_prompts),
        cmocka_unit_test(test_ends_and_fillers),
        cmocka_unit_test(test_description),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
