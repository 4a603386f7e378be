/* test_model.c - loading a model: every type of tensor computes, and what does not fit is refused by name. */
#include "support/test.h"
#include "support/tiny_model.h"

#include "base/fault.h"
#include "base/size.h"
#include "dobby.h"
#include "llm/model.h"
#include "llm/realmath.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct logits {
    float last[256];
    int status;
};

static void on_logits(void *ctx, size_t pos, const float *logits, size_t n)
{
    struct logits *l = ctx;
    (void)pos;
    assert_int_equal(n, 256);
    memcpy(l->last, logits, sizeof(l->last));
}

static void on_done(void *ctx, const struct dobby_result *r)
{
    ((struct logits *)ctx)->status = r->status;
}

/* Logits after a prompt of 50 bytes. */
static void last_logits(struct dobby_model *m, struct logits *out)
{
    struct dobby_engine_options o;
    struct dobby_engine *en;
    struct dobby_generate g;
    struct dobby_err e = {0};
    dobby_ticket t;
    int32_t ids[50];

    DOBBY_INIT(o);
    DOBBY_INIT(g);
    o.threads = 2;
    g.max_tokens = 1;
    g.ctx = out;
    g.on_logits = on_logits;
    g.on_done = on_done;
    g.logits_from = 49;
    for (int i = 0; i < 50; i++)
        ids[i] = 32 + i * 7 % 90;
    if (dobby_engine_open(&en, m, &o, &e) < 0 || dobby_submit(en, ids, 50, &g, &t, &e) < 0)
        fail_msg("%s", e.message);
    dobby_drain(en);
    dobby_engine_free(en);
    assert_int_equal(out->status, 0);
}

/* Distance of two sets of logits, relative to their spread. */
static double distance(const float *a, const float *b)
{
    double d = 0, s = 0;
    for (size_t i = 0; i < 256; i++) {
        d += pow((double)a[i] - (double)b[i], 2);
        s += pow((double)a[i], 2);
    }
    return sqrt(d / s);
}

static void test_every_type_computes(void **unused)
{
    static const enum quant_type types[] = {QUANT_Q4_0, QUANT_Q4_1, QUANT_Q5_0,
                                            QUANT_Q8_0, QUANT_Q4_K, QUANT_Q6_K,
                                            QUANT_F32,  QUANT_F16,  QUANT_BF16};
    char *dir = temp_dir();

    (void)unused;
    for (size_t i = 0; i <= ARRAY_LEN(types); i++)
        for (int qwen = 0; qwen < 2; qwen++) {
            struct tiny_model t = tiny_plain;
            struct logits exact, fast, again;
            t.arch = qwen ? "qwen2" : "llama";
            t.tied = i % 2;
            for (size_t k = 0; k < 7 && i < ARRAY_LEN(types); k++)
                t.type[k] = types[i];
            const char *path = tiny_write(dir, &t);
            struct dobby_model *m = tiny_open(path, 1, NULL);
            last_logits(m, &exact);
            dobby_model_free(m);
            m = tiny_open(path, 0, NULL);
            last_logits(m, &fast);
            dobby_model_free(m);
            m = tiny_open(path, 0, "scalar");
            last_logits(m, &again);
            dobby_model_free(m);
            assert_memory_equal(fast.last, again.last, sizeof(fast.last));
            if (!(distance(exact.last, fast.last) < 0.05))
                fail_msg("%s, type %zu: logits %g apart", t.arch, i,
                         distance(exact.last, fast.last));
        }
    temp_dir_remove(dir);
}

/* What is wrong, the code, and a part of the message. */
static void test_refusals(void **unused)
{
    struct refusal {
        struct tiny_model t;
        int code;
        const char *part;
    } cases[24];
    size_t n = 0;
    char *dir = temp_dir();

    (void)unused;
#define CASE(want, text, ...)                                                                      \
    do {                                                                                           \
        struct tiny_model t = tiny_plain;                                                          \
        __VA_ARGS__;                                                                               \
        cases[n++] = (struct refusal){t, want, text};                                              \
    } while (0)
    CASE(DOBBY_E_UNSUPPORTED, "architecture 'bloom' is not supported", t.arch = "bloom");
    CASE(DOBBY_E_FORMAT, "llama.block_count is 0", t.layers = 0);
    CASE(DOBBY_E_FORMAT, "llama.block_count is 513", t.layers = 513);
    CASE(DOBBY_E_FORMAT, "the key llama.block_count is missing", t.drop = "block_count");
    CASE(DOBBY_E_FORMAT, "llama.attention.head_count is 0", t.heads = 0);
    CASE(DOBBY_E_FORMAT, "head_count_kv is 0", t.kv = 0);
    CASE(DOBBY_E_FORMAT, "does not divide", t.kv = 3);
    CASE(DOBBY_E_FORMAT, "not a multiple of attention.head_count", t.heads = 3; t.kv = 1;
         t.type[3] = QUANT_F32);
    CASE(DOBBY_E_FORMAT, "heads of 32 to 256", t.heads = 16; t.kv = 16);
    CASE(DOBBY_E_FORMAT, "feed_forward_length is 0", t.ff = 0);
    CASE(DOBBY_E_FORMAT, "epsilon is -1", t.eps = -1);
    CASE(DOBBY_E_FORMAT, "epsilon is nan", t.eps = NAN);
    CASE(DOBBY_E_FORMAT, "freq_base is 0", t.base = 0);
    CASE(DOBBY_E_UNSUPPORTED, "expert_count is set", t.extra = "expert_count");
    CASE(DOBBY_E_UNSUPPORTED, "sliding_window is set", t.extra = "attention.sliding_window");
    CASE(DOBBY_E_FORMAT, "rotated whole", t.extra = "rope.dimension_count");
    CASE(DOBBY_E_FORMAT, "blk.1.ffn_up.weight is missing", t.drop = "blk.1.ffn_up.weight");
    CASE(DOBBY_E_FORMAT, "blk.0.attn_k.weight is 256x129x1x1, expected 256x128",
         t.wrong = "blk.0.attn_k.weight");
    CASE(DOBBY_E_FORMAT, "output_norm.weight is 256x2x1x1, expected 256x1",
         t.wrong = "output_norm.weight");
    CASE(DOBBY_E_FORMAT, "token_embd.weight is missing", t.drop = "token_embd.weight");
    CASE(DOBBY_E_FORMAT, "blk.1.attn_norm.weight is missing", t.drop = "blk.1.attn_norm.weight");
    CASE(DOBBY_E_FORMAT, "blk.0.attn_q.bias is missing", t.arch = "qwen2";
         t.drop = "blk.0.attn_q.bias");
#undef CASE
    for (size_t i = 0; i < n; i++) {
        struct dobby_model *m;
        struct dobby_err e = {0};
        int rc = dobby_model_open(&m, tiny_write(dir, &cases[i].t), NULL, &e);
        if (rc != cases[i].code || !strstr(e.message, cases[i].part) || m)
            fail_msg("case %zu: code %d '%s', expected %d '%s'", i, rc, e.message, cases[i].code,
                     cases[i].part);
    }
    temp_dir_remove(dir);
}

static void test_options(void **unused)
{
    char *dir = temp_dir();
    const char *path = tiny_write(dir, &tiny_plain);
    struct dobby_model_options o;
    struct dobby_model *m;
    struct dobby_err e = {0};

    (void)unused;
    DOBBY_INIT(o);
    o.isa = "mmx";
    assert_int_equal(dobby_model_open(&m, path, &o, &e), DOBBY_E_USAGE);
    assert_non_null(strstr(e.message, "unknown instruction set 'mmx'"));
    struct {
        struct dobby_model_options o;
        uint64_t more; /* what a newer caller asks for, and this library does not know */
    } newer = {.o = {.size = sizeof(newer)}, .more = 1};
    assert_int_equal(dobby_model_open(&m, path, &newer.o, NULL), DOBBY_E_USAGE);
    assert_int_equal(dobby_model_open(&m, temp_path(dir, "absent.gguf"), NULL, NULL),
                     DOBBY_E_NOTFOUND);
    temp_dir_remove(dir);
}

/* Weights with a scale that is no number: the sequence fails with a reason, nothing hangs. */
static void test_nan_weights(void **unused)
{
    char *dir = temp_dir();
    struct dobby_engine *en;
    struct dobby_generate g;
    struct dobby_err e = {0};
    struct logits l = {.status = 1};
    struct dobby_model *m = tiny_open(tiny_write(dir, &tiny_plain), 0, NULL);
    int32_t ids[3] = {65, 66, 67};
    dobby_ticket t;

    (void)unused;
    ((float *)(uintptr_t)m->layers[1].ffn_norm)[7] = NAN;
    DOBBY_INIT(g);
    g.ctx = &l;
    g.on_done = on_done;
    assert_int_equal(dobby_engine_open(&en, m, NULL, &e), 0);
    assert_int_equal(dobby_submit(en, ids, 3, &g, &t, &e), 0);
    dobby_drain(en);
    assert_int_equal(l.status, DOBBY_E_NUMERIC);
    dobby_engine_free(en);
    dobby_model_free(m);
    temp_dir_remove(dir);
}

/* A model in two steps: its head has tokens and sizes and no engine, then it is the same as one opened whole. */
static void test_head(void **unused)
{
    char *dir = temp_dir();
    const char *path = tiny_write(dir, &tiny_plain);
    struct dobby_model_options o;
    struct dobby_model *whole = tiny_open(path, 0, NULL), *m;
    struct dobby_engine *en;
    struct dobby_err e = {0};
    struct dobby_model_info a, b;

    (void)unused;
    DOBBY_INIT(o);
    o.head = 1;
    assert_int_equal(dobby_model_open(&m, path, &o, &e), 0);
    dobby_model_get_info(whole, &a);
    dobby_model_get_info(m, &b);
    assert_true(a.packed_size > 0 && a.packed_size == b.packed_size);
    assert_string_equal(a.sha256, b.sha256);
    assert_int_equal(dobby_engine_open(&en, m, NULL, &e), DOBBY_E_USAGE);
    assert_non_null(strstr(e.message, "load them first"));
    err_clear(&e);
    assert_int_equal(dobby_model_load(m, 1, &e), 0);
    assert_int_equal(dobby_model_load(m, 1, &e), 0); /* nothing to do */
    assert_int_equal(m->weights_size, whole->weights_size);
    assert_memory_equal(m->weights, whole->weights, m->weights_size);
    dobby_model_free(m);
    dobby_model_free(whole);
    temp_dir_remove(dir);
}

/* A file that is replaced between head and weights is refused, and the head can be asked again. */
static void test_head_replaced(void **unused)
{
    char *dir = temp_dir();
    const char *path = tiny_write(dir, &tiny_plain);
    struct dobby_model_options o;
    struct dobby_model *m;
    struct dobby_err e = {0};
    char *text;
    size_t n;

    (void)unused;
    DOBBY_INIT(o);
    o.head = 1;
    assert_int_equal(dobby_model_open(&m, path, &o, &e), 0);
    text = get_file(path, &n);
    assert_int_equal(rename(path, temp_path(dir, "before")), 0);
    put_file(path, text, n);
    assert_int_equal(dobby_model_load(m, 1, &e), DOBBY_E_IO);
    assert_non_null(strstr(e.message, "changed while it was read"));
    assert_null(m->weights);
    free(text);
    dobby_model_free(m);
    temp_dir_remove(dir);
}

static void test_out_of_memory(void **unused)
{
    char *dir = temp_dir();
    const char *path = tiny_write(dir, &tiny_plain);
    size_t n = 0;
    bool hit;

    (void)unused;
    do {
        struct dobby_model_options o;
        struct dobby_model *m;
        DOBBY_INIT(o);
        o.threads = 1;
        fault_count(true);
        fault_arm(FAULT_ALLOC, ++n, false);
        int rc = dobby_model_open(&m, path, &o, NULL);
        hit = fault_disarm(FAULT_ALLOC);
        assert_int_equal(rc, hit ? DOBBY_E_NOMEM : 0);
        dobby_model_free(m);
        assert_int_equal(fault_live(), 0);
        fault_count(false);
    } while (hit);
    assert_true(n > 10);
    temp_dir_remove(dir);
}

static uint32_t draw(uint32_t *state) /* xorshift */
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Ours against the C library's, within what realmath.h promises. */
static void test_real_functions(void **unused)
{
    uint32_t state = 99;

    (void)unused;
    for (int i = 0; i < 100000; i++) {
        double x = ((double)draw(&state) / 4294967296.0 - 0.5) * pow(10, draw(&state) % 6), s, c;
        double y = exp(x / 1e4 * 60);
        assert_true(fabs(real_exp(x / 1e3) / exp(x / 1e3) - 1) < 1e-14);
        assert_true(fabs(real_log(y) - log(y)) <= 1e-15 * fmax(1, fabs(log(y))));
        real_sincos(x, &s, &c);
        assert_true(fabs(s - sin(x)) < 1e-15 && fabs(c - cos(x)) < 1e-15);
    }
    assert_true(real_exp(-1e9) <= 0 && real_exp(0) >= 1 && real_log(1) <= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type_computes),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_nan_weights),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_head_replaced),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_real_functions),
    };
    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
