/* test_adapter.c - adapters: what is merged against sums made apart, the same bits whatever computes them, what is refused, what
 * is kept packed, and which one a directory has for a model. */
#include "support/test.h"
#include "support/tiny_adapter.h"

#include "base/fault.h"
#include "base/mem.h"
#include "base/size.h"
#include "llm/adapter.h"
#include "llm/model.h"
#include "llm/quantize.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fix {
    char *dir, *model, *lora;
};

static int begin(void **state)
{
    struct fix *f = calloc(1, sizeof(*f));

    f->dir = temp_dir();
    f->model = strdup(tiny_write(f->dir, &tiny_plain));
    f->lora = strdup(tiny_adapter_write(f->dir, "lora.gguf", &tiny_plain, &tiny_lora));
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fix *f = *state;

    temp_dir_remove(f->dir);
    free(f->model);
    free(f->lora);
    free(f);
    return 0;
}

static struct dobby_model_options options(const char *adapter, const char *merge_type)
{
    struct dobby_model_options o;

    DOBBY_INIT(o);
    o.threads = 2;
    o.adapter = adapter;
    o.merge_type = merge_type;
    return o;
}

static struct dobby_model *must_open(const char *path, const struct dobby_model_options *o)
{
    struct dobby_model *m;
    struct dobby_err e = {0};

    if (dobby_model_open(&m, path, o, &e) < 0)
        fail_msg("%s", e.message);
    return m;
}

/* ---- values ------------------------------------------------------------------------------------------- */

static float *values_of(const struct gguf *g, const char *name, size_t *cols)
{
    const struct gguf_tensor *t = gguf_find_tensor(g, name);
    float *v;

    assert_non_null(t);
    v = malloc(t->dim[0] * t->dim[1] * sizeof(*v));
    quant_dequantize(t->type, t->data, v, t->dim[0] * t->dim[1]);
    *cols = t->dim[0];
    return v;
}

/* Row `at` of the file's matrix with the pair added: float32, in the order that merge.h fixes; and in double. */
static void sum_row(float *out, double *exact, const float *w, const float *a, const float *b,
                    size_t at, size_t cols, size_t rank, float scale)
{
    for (size_t c = 0; c < cols; c++) {
        volatile float s = 0, p; /* each step rounded by itself */
        double d = 0;

        for (size_t k = 0; k < rank; k++) {
            p = b[at * rank + k] * a[k * cols + c];
            s = s + p;
            d += (double)b[at * rank + k] * (double)a[k * cols + c];
        }
        p = scale * s;
        out[c] = w[at * cols + c] + p;
        exact[c] = (double)w[at * cols + c] + (double)scale * d;
    }
}

/* Every value of one matrix of the model; heads of 64 rows whose pairs lie side by side in the file if moved. */
static void compare(const struct matrix *m, const struct gguf *base, const struct gguf *lora,
                    const char *name, enum quant_type to, bool moved)
{
    char pair[64];
    size_t cols, rank, n;
    float *w = values_of(base, name, &cols), *a, *b, got[512], want[512];
    double exact[512];
    uint8_t blocks[4096];

    snprintf(pair, sizeof(pair), "%s.lora_a", name);
    a = values_of(lora, pair, &n);
    assert_int_equal(n, cols);
    snprintf(pair, sizeof(pair), "%s.lora_b", name);
    b = values_of(lora, pair, &rank);
    for (size_t r = 0; r < m->rows; r++) {
        size_t i = r % 64, at = !moved ? r : r - i + (i < 32 ? 2 * i : 2 * (i - 32) + 1);

        sum_row(want, exact, w, a, b, at, cols, rank, 16.0f / (float)rank);
        for (size_t c = 0; c < cols; c++)
            assert_true(fabs((double)want[c] - exact[c]) < 1e-6);
        assert_true(quantize_row(to, want, blocks, cols));
        quant_dequantize(to, blocks, want, cols);
        pack_row(m, r, got);
        if (memcmp(got, want, cols * sizeof(*got)) != 0)
            fail_msg("%s as %s: row %zu differs", name, quant_name(to), r);
    }
    free(w);
    free(a);
    free(b);
}

static void test_values(void **state)
{
    static const char *const types[] = {"F32", "F16", "Q8_0", "Q5_0", "Q4_1", "Q4_0"};
    struct fix *f = *state;
    struct gguf base, lora;

    assert_int_equal(gguf_open(&base, f->model, NULL), 0);
    assert_int_equal(gguf_open(&lora, f->lora, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        for (int exact = 0; exact < 2; exact++) {
            struct dobby_model_options o = options(f->lora, types[i]);
            struct dobby_model *m;
            enum quant_type to;

            o.exact = exact;
            m = must_open(f->model, &o);
            assert_true(quantize_type(types[i], strlen(types[i]), &to));
            compare(&m->layers[0].q, &base, &lora, "blk.0.attn_q.weight", to, true);
            compare(&m->layers[1].k, &base, &lora, "blk.1.attn_k.weight", to, true);
            compare(&m->layers[1].v, &base, &lora, "blk.1.attn_v.weight", to, false);
            compare(&m->layers[0].o, &base, &lora, "blk.0.attn_output.weight", to, false);
            compare(&m->layers[1].gate, &base, &lora, "blk.1.ffn_gate.weight", to, false);
            compare(&m->layers[0].down, &base, &lora, "blk.0.ffn_down.weight", to, false);
            dobby_model_free(m);
        }
    gguf_release(&base);
    gguf_release(&lora);
}

/* Every type that a pair may have, for an architecture whose rows are not moved. */
static void test_types_of_pairs(void **state)
{
    static const enum quant_type types[] = {QUANT_F32, QUANT_F16, QUANT_BF16, QUANT_Q8_0};
    struct fix *f = *state;
    struct tiny_model t = tiny_plain;
    const char *path;
    struct gguf base, lora;

    t.arch = "qwen2";
    path = tiny_write(f->dir, &t);
    assert_int_equal(gguf_open(&base, path, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(types) * ARRAY_LEN(types); i++) {
        struct tiny_adapter ta = tiny_lora;
        struct dobby_model_options o = options(NULL, NULL);
        struct dobby_model *m;

        ta.arch = "qwen2";
        ta.a = types[i % ARRAY_LEN(types)];
        ta.b = types[i / ARRAY_LEN(types)];
        o.adapter = tiny_adapter_write(f->dir, "pair.gguf", &tiny_plain, &ta);
        assert_int_equal(gguf_open(&lora, o.adapter, NULL), 0);
        m = must_open(base.name, &o);
        compare(&m->layers[1].q, &base, &lora, "blk.1.attn_q.weight", QUANT_Q8_0, false);
        compare(&m->layers[0].up, &base, &lora, "blk.0.ffn_up.weight", QUANT_Q8_0, false);
        dobby_model_free(m);
        gguf_release(&lora);
    }
    gguf_release(&base);
}

/* ---- the same bits ------------------------------------------------------------------------------------ */

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

/* Logits after a prompt of 40 bytes. */
static void last_logits(struct dobby_model *m, struct logits *out)
{
    struct dobby_engine *en;
    struct dobby_generate g;
    struct dobby_err e = {0};
    dobby_ticket t;
    int32_t ids[40];

    DOBBY_INIT(g);
    g.max_tokens = 1;
    g.ctx = out;
    g.on_logits = on_logits;
    g.on_done = on_done;
    g.logits_from = 39;
    for (int i = 0; i < 40; i++)
        ids[i] = 32 + i * 7 % 90;
    if (dobby_engine_open(&en, m, NULL, &e) < 0 || dobby_submit(en, ids, 40, &g, &t, &e) < 0)
        fail_msg("%s", e.message);
    dobby_drain(en);
    dobby_engine_free(en);
    assert_int_equal(out->status, 0);
}

static double distance(const float *a, const float *b)
{
    double d = 0, s = 0;

    for (size_t i = 0; i < 256; i++) {
        d += pow((double)a[i] - (double)b[i], 2);
        s += pow((double)a[i], 2);
    }
    return sqrt(d / s);
}

static void test_same_bits(void **state)
{
    struct fix *f = *state;
    struct dobby_model_options o = options(NULL, "Q5_0"), plain = options(NULL, NULL);
    struct tiny_adapter t = tiny_lora;
    struct dobby_model *one, *many, *m;
    struct logits fast, slow, exact, without;

    t.size = 0.4f;
    o.adapter = strdup(tiny_adapter_write(f->dir, "strong.gguf", &tiny_plain, &t));
    o.threads = 1;
    one = must_open(f->model, &o);
    o.threads = 4;
    many = must_open(f->model, &o);
    assert_int_equal(one->weights_size, many->weights_size);
    assert_memory_equal(one->weights, many->weights, one->weights_size);
    last_logits(one, &fast);
    dobby_model_free(one);
    dobby_model_free(many);
    o.isa = "scalar";
    m = must_open(f->model, &o);
    last_logits(m, &slow);
    dobby_model_free(m);
    assert_memory_equal(fast.last, slow.last, sizeof(fast.last));
    o.isa = NULL;
    o.exact = 1;
    m = must_open(f->model, &o);
    last_logits(m, &exact);
    dobby_model_free(m);
    assert_true(distance(exact.last, fast.last) < 0.05);
    m = must_open(f->model, &plain);
    last_logits(m, &without);
    dobby_model_free(m);
    if (!(distance(without.last, fast.last) > 0.25)) /* it does something */
        fail_msg("%g apart", distance(without.last, fast.last));
    free((void *)(uintptr_t)o.adapter);
}

/* ---- what is refused ---------------------------------------------------------------------------------- */

static void test_refusals(void **state)
{
    static const char other[] = "00000000000000000000000000000000000000000000000000000000000000ff";
    struct fix *f = *state;
    struct refusal {
        struct tiny_adapter t;
        int code;
        const char *part;
    } cases[40];
    size_t n = 0;

#define CASE(want, text, ...)                                                                      \
    do {                                                                                           \
        struct tiny_adapter t = tiny_lora;                                                         \
        __VA_ARGS__;                                                                               \
        cases[n++] = (struct refusal){t, want, text};                                              \
    } while (0)
    CASE(DOBBY_E_UNSUPPORTED, "general.type is not \"adapter\"", t.general_type = NULL);
    CASE(DOBBY_E_UNSUPPORTED, "general.type is not \"adapter\"", t.general_type = "model");
    CASE(DOBBY_E_UNSUPPORTED, "adapter.type is not \"lora\"", t.type = "ia3");
    CASE(DOBBY_E_UNSUPPORTED, "adapter.type is not \"lora\"", t.type = NULL);
    CASE(DOBBY_E_UNSUPPORTED, "made for another model", t.arch = "qwen2");
    CASE(DOBBY_E_UNSUPPORTED, "made for another model", t.arch = NULL);
    CASE(DOBBY_E_UNSUPPORTED, "alora", t.string = "adapter.alora.invocation_tokens");
    CASE(DOBBY_E_FORMAT, "adapter.lora.alpha is missing", t.alpha = NAN);
    CASE(DOBBY_E_FORMAT, "adapter.lora.alpha is inf", t.alpha = INFINITY);
    CASE(DOBBY_E_FORMAT, "adapter.lora.alpha is 0", t.alpha = 0);
    CASE(DOBBY_E_FORMAT, "adapter.lora.alpha is -1", t.alpha = -1);
    CASE(DOBBY_E_FORMAT, "do not fit into Q8_0", t.alpha = 1e30f);
    CASE(DOBBY_E_FORMAT, "do not fit into Q4_1", t.alpha = 3e38f; t.merge = "Q4_1"; t.size = 100);
    CASE(DOBBY_E_FORMAT, "not 64 hex digits", t.base = "abc");
    CASE(DOBBY_E_FORMAT, "not 64 hex digits",
         t.base = "00000000000000000000000000000000000000000000000000000000000000FF");
    CASE(DOBBY_E_UNSUPPORTED, "made for the model with the SHA-256 000000000000...",
         t.base = other);
    CASE(DOBBY_E_UNSUPPORTED, "dobby.merge.type names a type", t.merge = "Q6_K");
    CASE(DOBBY_E_FORMAT, "it has no tensors", t.empty = true);
    CASE(DOBBY_E_FORMAT, "attn_q.weight.lora_a stands alone: its lora_b is missing",
         t.drop = "blk.0.attn_q.weight.lora_b");
    CASE(DOBBY_E_FORMAT, "ffn_up.weight.lora_b stands alone: its lora_a is missing",
         t.drop = "blk.1.ffn_up.weight.lora_a");
    CASE(DOBBY_E_FORMAT, "blk.0.attn_k.weight.lora_a", t.twice = "blk.0.attn_k.weight.lora_a");
    CASE(DOBBY_E_UNSUPPORTED, "not part of a low-rank pair", t.extra = "blk.0.attn_q.bias");
    CASE(DOBBY_E_UNSUPPORTED, "not part of a low-rank pair", t.extra = ".lora_a");
    CASE(DOBBY_E_FORMAT, "stands alone", t.extra = "blk.7.attn_q.weight.lora_a");
    CASE(DOBBY_E_FORMAT, "is of the rank 33, and", t.tall = "blk.0.attn_q.weight.lora_a");
    CASE(DOBBY_E_FORMAT, "is of the rank 32, and", t.wide = "blk.0.attn_q.weight.lora_b");
    CASE(DOBBY_E_FORMAT, "the model's is 256x256", t.wide = "blk.1.attn_q.weight.lora_a");
    CASE(DOBBY_E_FORMAT, "the model's is 512x256", t.tall = "blk.1.ffn_down.weight.lora_b");
    CASE(DOBBY_E_LIMIT, "the limit is 512", t.rank = 544);
    CASE(DOBBY_E_FORMAT, "not finite", t.spoil = "blk.1.ffn_gate.weight.lora_a");
    CASE(DOBBY_E_FORMAT, "not finite", t.spoil = "blk.0.attn_v.weight.lora_b");
    CASE(DOBBY_E_UNSUPPORTED, "is of the type Q4_0", t.a = QUANT_Q4_0);
#undef CASE
    for (size_t i = 0; i < n; i++) {
        struct dobby_model_options o = options(NULL, NULL);
        struct dobby_model *m;
        struct dobby_err e = {0};
        int rc;

        o.adapter = tiny_adapter_write(f->dir, "bad.gguf", &tiny_plain, &cases[i].t);
        rc = dobby_model_open(&m, f->model, &o, &e);
        if (rc != cases[i].code || !strstr(e.message, cases[i].part) || m)
            fail_msg("case %zu: code %d '%s', expected %d '%s'", i, rc, e.message, cases[i].code,
                     cases[i].part);
    }
}

/* A matrix that the model does not have, and the embeddings, which are looked up and not multiplied. */
static void test_unknown_matrices(void **state)
{
    struct fix *f = *state;
    struct tiny_model more = tiny_plain;
    struct dobby_model_options o = options(NULL, NULL);
    struct dobby_model *m;
    struct dobby_err e = {0};

    more.layers = 3;
    o.adapter = tiny_adapter_write(f->dir, "bad.gguf", &more, &tiny_lora);
    assert_int_equal(dobby_model_open(&m, f->model, &o, &e), DOBBY_E_FORMAT);
    assert_non_null(strstr(e.message, "it changes blk.2."));
    err_clear(&e);
    o.adapter = f->model;
    assert_int_equal(dobby_model_open(&m, f->model, &o, &e), DOBBY_E_UNSUPPORTED);
    err_clear(&e);
    o.adapter = temp_path(f->dir, "absent.gguf");
    assert_int_equal(dobby_model_open(&m, f->model, &o, &e), DOBBY_E_NOTFOUND);
    err_clear(&e);
    o = options(NULL, "Q8_0");
    assert_int_equal(dobby_model_open(&m, f->model, &o, &e), DOBBY_E_USAGE);
    err_clear(&e);
    o = options(f->lora, "Q9_9");
    assert_int_equal(dobby_model_open(&m, f->model, &o, &e), DOBBY_E_USAGE);
    assert_non_null(strstr(e.message, "Q8_0 Q5_0"));
}

/* Every byte of head and tables changed, and every length that the file could be cut to: never more than a refusal. */
static void test_damaged(void **state)
{
    struct fix *f = *state;
    struct tiny_adapter t = tiny_lora;
    struct dobby_model_options o = options(NULL, NULL);
    struct dobby_model *m;
    char *text, *bad = strdup(temp_path(f->dir, "bad.gguf"));
    size_t n, refused = 0;

    t.rank = 1;
    t.a = t.b = QUANT_F16;
    o.head = 1;
    text = get_file(tiny_adapter_write(f->dir, "small.gguf", &tiny_plain, &t), &n);
    o.adapter = bad;
    for (size_t i = 0; i < 1600; i++) {
        text[i] ^= (char)0x91;
        put_file(bad, text, n);
        text[i] ^= (char)0x91;
        refused += dobby_model_open(&m, f->model, &o, NULL) < 0;
        dobby_model_free(m);
    }
    assert_true(refused > 800);
    for (size_t i = 0; i < n; i += 97) {
        put_file(bad, text, i);
        assert_true(dobby_model_open(&m, f->model, &o, NULL) < 0);
    }
    free(text);
    free(bad);
}

static void test_out_of_memory(void **state)
{
    struct fix *f = *state;
    size_t n = 0;
    bool hit;

    do {
        struct dobby_model_options o = options(f->lora, NULL);
        struct dobby_model *m;
        int rc;

        o.threads = 1;
        fault_count(true);
        fault_arm(FAULT_ALLOC, ++n, false);
        rc = dobby_model_open(&m, f->model, &o, NULL);
        hit = fault_disarm(FAULT_ALLOC);
        assert_int_equal(rc, hit ? DOBBY_E_NOMEM : 0);
        dobby_model_free(m);
        assert_int_equal(fault_live(), 0);
        fault_count(false);
    } while (hit);
    assert_true(n > 30);
}

/* An adapter that is replaced between head and weights. */
static void test_replaced(void **state)
{
    struct fix *f = *state;
    struct dobby_model_options o = options(f->lora, NULL);
    struct dobby_model *m;
    struct dobby_err e = {0};
    size_t n;
    char *text = get_file(f->lora, &n);

    o.head = 1;
    m = must_open(f->model, &o);
    assert_int_equal(rename(f->lora, temp_path(f->dir, "before")), 0);
    put_file(f->lora, text, n);
    assert_int_equal(dobby_model_load(m, 1, &e), DOBBY_E_IO);
    assert_null(m->weights);
    free(text);
    dobby_model_free(m);
}

/* ---- memory, and what is kept --------------------------------------------------------------------------- */

static void test_sizes(void **state)
{
    struct fix *f = *state;
    struct dobby_model_options o = options(f->lora, "F16"), plain = options(NULL, NULL);
    struct dobby_memory_options mo;
    struct dobby_memory memory;
    struct dobby_model *without, *m;
    struct dobby_model_info info;
    size_t head;

    o.head = 1;
    without = must_open(f->model, &plain);
    m = must_open(f->model, &o);
    head = model_weights(m);
    assert_true(head > model_weights(without));
    DOBBY_INIT(mo);
    mo.memory = (size_t)1 << 30;
    assert_int_equal(dobby_memory_plan(&memory, m, &mo, NULL), 0);
    assert_int_equal(memory.weights, head);
    assert_int_equal(dobby_model_load(m, 2, NULL), 0);
    assert_int_equal(model_weights(m), head);
    dobby_model_get_info(m, &info);
    assert_string_equal(info.adapter, f->lora);
    assert_string_equal(info.merge_type, "F16");
    assert_int_equal(strlen(info.adapter_sha256), 64);
    assert_int_equal(info.packed_size, head);
    dobby_model_get_info(without, &info);
    assert_string_equal(info.adapter, "");
    assert_string_equal(info.adapter_sha256, "");
    assert_string_equal(info.merge_type, "");
    dobby_model_free(m);
    dobby_model_free(without);
}

/* Byte `at` of a file becomes another one. */
static void change_byte(const char *path, size_t at)
{
    size_t n;
    char *text = get_file(path, &n);

    text[at] ^= 1;
    put_file(path, text, n);
    free(text);
}

static void test_packed(void **state)
{
    struct fix *f = *state;
    struct dobby_model_options o = options(f->lora, NULL);
    struct dobby_model *m;
    char kept[600], other[600], cache[300], sha[65];
    unsigned char *weights;
    size_t size;

    snprintf(cache, sizeof(cache), "%s", temp_path(f->dir, "cache"));
    o.cache_dir = cache;
    m = must_open(f->model, &o);
    size = m->weights_size;
    weights = malloc(size);
    memcpy(weights, m->weights, size);
    snprintf(sha, sizeof(sha), "%s", m->sha256);
    snprintf(kept, sizeof(kept), "%s/packed/%s+%s-Q8_0", cache, m->sha256, m->adapter_sha256);
    snprintf(other, sizeof(other), "%s/packed/%s+%s-Q4_1", cache, m->sha256, m->adapter_sha256);
    dobby_model_free(m);
    assert_int_equal(access(kept, R_OK), 0);
    assert_int_equal(dobby_model_verify_packed(sha, cache, NULL), 0);
    m = must_open(f->model, &o);
    assert_memory_equal(m->weights, weights, size);
    dobby_model_free(m);

    change_byte(kept, 4096 + 40); /* arrives: so it is the file that was read */
    m = must_open(f->model, &o);
    assert_int_equal(m->weights[40], weights[40] ^ 1);
    dobby_model_free(m);

    o.merge_type = "Q4_1"; /* another file, and another one without */
    dobby_model_free(must_open(f->model, &o));
    assert_int_equal(access(other, R_OK), 0);
    assert_int_equal(rename(kept, other), 0); /* what does not belong there is not used */
    m = must_open(f->model, &o);
    assert_true(m->weights_size < size);
    dobby_model_free(m);
    o = options(NULL, NULL);
    o.cache_dir = cache;
    m = must_open(f->model, &o);
    assert_true(m->weights_size != size);
    dobby_model_free(m);
    assert_int_equal(dobby_model_verify_packed(sha, cache, NULL), 0);
    change_byte(other, 5000);
    assert_int_equal(dobby_model_verify_packed(sha, cache, NULL), DOBBY_E_FORMAT);
    assert_int_equal(access(other, R_OK), -1);
    assert_int_equal(dobby_model_verify_packed(sha, cache, NULL), 0);
    free(weights);
}

/* ---- a directory, a description -------------------------------------------------------------------------- */

static void test_default(void **state)
{
    static const char other[] = "00000000000000000000000000000000000000000000000000000000000000ff";
    struct fix *f = *state;
    struct tiny_adapter t = tiny_lora;
    char *dir = temp_dir(), *found;
    struct dobby_err e = {0};

    assert_false(adapter_any(dir));
    assert_false(adapter_any(temp_path(dir, "absent")));
    assert_int_equal(adapter_default(&found, temp_path(dir, "absent"), other, &e), 0);
    assert_null(found);
    (void)tiny_adapter_write(dir, "a.gguf", &tiny_plain, &t); /* says nothing of its model */
    t.base = other;
    (void)tiny_adapter_write(dir, "b.txt", &tiny_plain, &t);
    put_file(temp_path(dir, "0.gguf"), "no adapter", 10);
    assert_int_equal(link(f->model, temp_path(dir, "1.gguf")), 0);
    assert_true(adapter_any(dir));
    assert_int_equal(adapter_default(&found, dir, other, &e), 0);
    assert_null(found);
    (void)tiny_adapter_write(dir, "d.gguf", &tiny_plain, &t);
    (void)tiny_adapter_write(dir, "c.gguf", &tiny_plain, &t);
    assert_int_equal(adapter_default(&found, dir, other, &e), 0);
    assert_string_equal(found, temp_path(dir, "c.gguf"));
    mem_free(found);
    temp_dir_remove(dir);
}

static void test_description(void **state)
{
    struct fix *f = *state;
    struct tiny_adapter t = tiny_lora;
    struct dobby_model_options o = options(NULL, NULL);
    struct dobby_model *m = must_open(f->model, &o);
    char *text, *path;

    t.base = m->sha256;
    t.merge = "Q5_0";
    path = strdup(tiny_adapter_write(f->dir, "known.gguf", &tiny_plain, &t));
    assert_int_equal(dobby_adapter_describe(&text, path, f->model, NULL, NULL), 0);
    assert_non_null(strstr(text, "rank            32\n"));
    assert_non_null(strstr(text, "alpha           16 (weight alpha / rank: 0.5)\n"));
    assert_non_null(strstr(text, m->sha256));
    assert_non_null(strstr(text, "(this model)"));
    assert_non_null(strstr(text, "tensors         28 for 14 matrices, F16:14 Q8_0:14\n"));
    assert_non_null(strstr(text, "merge type      Q5_0\n"));
    dobby_free(text);
    assert_int_equal(dobby_model_describe(&text, f->lora, NULL), 0);
    assert_non_null(strstr(text, "made for        not said"));
    assert_non_null(strstr(text, "merge type      Q8_0 (none is stated)\n"));
    dobby_free(text);
    assert_int_equal(dobby_adapter_describe(&text, f->model, NULL, NULL, NULL),
                     DOBBY_E_UNSUPPORTED);
    assert_null(text);
    free(path);
    dobby_model_free(m);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_values),        TEST(test_types_of_pairs),   TEST(test_same_bits),
        TEST(test_refusals),      TEST(test_unknown_matrices), TEST(test_damaged),
        TEST(test_out_of_memory), TEST(test_replaced),         TEST(test_sizes),
        TEST(test_packed),        TEST(test_default),          TEST(test_description),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
