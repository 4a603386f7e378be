/* test_batch.c - who gets the columns of a step. */
#include "llm/batch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEQS 40
#define COLS 256

static struct dobby_model model = {
    .n_layers = 30, .n_embd = 576, .n_ff = 1536, .n_heads = 9, .n_kv = 3, .head_dim = 64};
static struct sequence seq[SEQS];
static struct sequence *list[SEQS];
static int32_t ids[16384];
static struct batch batch;

static int setup(void **state)
{
    (void)state;
    memset(seq, 0, sizeof(seq));
    for (size_t i = 0; i < SEQS; i++) {
        list[i] = &seq[i];
        seq[i].ids = ids;
        seq[i].ticket = i + 1;
    }
    return batch_init(&batch, COLS, SEQS);
}

static int teardown(void **state)
{
    (void)state;
    batch_release(&batch);
    return 0;
}

/* Sequence i has read pos tokens, of its n. */
static void set(size_t i, size_t pos, size_t n)
{
    seq[i].pos = pos;
    seq[i].n_ids = n;
}

static void fill(size_t n, size_t cols, double cost)
{
    batch_begin(&batch, NULL, 0, 0);
    batch_add(&batch, list, n);
    batch_fill(&batch, &model, cols, cost);
}

static size_t columns_of(size_t i)
{
    size_t n = 0, times = 0;
    for (size_t k = 0; k < batch.step.n_segs; k++)
        if (batch.seq_of_seg[k] == &seq[i]) {
            assert_int_equal(batch.segs[k].pos, seq[i].pos);
            n += batch.segs[k].n;
            times++;
        }
    assert_true(times <= 1); /* one stretch a sequence */
    return n;
}

static void test_writers_and_prompts(void **state)
{
    (void)state;
    set(0, 0, 5000); /* a long prompt that came first */
    set(1, 99, 100); /* writes */
    set(2, 0, 100);
    set(3, 0, 60);
    set(4, 0, 300);
    fill(5, COLS, (double)INFINITY);
    assert_int_equal(batch.step.n_cols, COLS);
    assert_int_equal(columns_of(1), 1);
    assert_int_equal(columns_of(0), 255 / 4 + 1); /* it moves on */
    assert_int_equal(columns_of(3), 60);          /* the least to read */
    assert_int_equal(columns_of(2), 100);
    assert_int_equal(columns_of(4), 255 - 64 - 160);
    /* Outputs: the writer, and the two that come to the end of their prompts. */
    assert_int_equal(batch.step.n_outs, 3);
}

/* Columns far into a prompt cost more; the one that came first gets a quarter of the cost, not of the columns. */
static void test_cost(void **state)
{
    double token = batch_token_cost(&model), far;

    (void)state;
    set(0, 6000, 7000);
    set(1, 0, 200);
    set(2, 0, 200);
    fill(3, COLS, COLS * token);
    far = token + ATTENTION_COST * 6000 * batch_position_cost(&model);
    assert_true((double)columns_of(0) * far <= COLS * token / 4 && columns_of(0) > 5);
    assert_true(columns_of(1) + columns_of(2) > COLS / 2);
    assert_true(batch.cost <= COLS * token * 1.01);
    /* However little a step may cost, the one that came first moves, and writers write. */
    set(1, 199, 200);
    fill(3, COLS, 0);
    assert_int_equal(columns_of(0), 1);
    assert_int_equal(columns_of(1), 1);
    assert_int_equal(columns_of(2), 0);
}

static void test_writers_take_turns(void **state)
{
    size_t seen[SEQS] = {0};

    (void)state;
    for (size_t i = 0; i < SEQS; i++)
        set(i, 9, 10);
    for (size_t step = 0; step < 10; step++) {
        fill(SEQS, 16, (double)INFINITY);
        assert_int_equal(batch.step.n_cols, 16);
        for (size_t i = 0; i < SEQS; i++)
            seen[i] += columns_of(i);
    }
    for (size_t i = 0; i < SEQS; i++)
        assert_int_equal(seen[i], 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_writers_and_prompts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cost, setup, teardown),
        cmocka_unit_test_setup_teardown(test_writers_take_turns, setup, teardown),
    };
    return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
