/* test_kernels.c - every table against the definition of the arithmetic (kernels.h), bit for bit.
 * The expected numbers are formed here from the file's blocks, not from the packed layout or the reference table. */
#include "base/mem.h"
#include "llm/kernels/kernels.h"
#include "llm/kernels/pack_layout.h"
#include "llm/pack.h"
#include "llm/quant.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "emulated.h"

static uint64_t seed;

/* The tables that this machine can run, then those of other processors of its kind, their instructions emulated. */
static const struct kernels *table_at(size_t i)
{
    size_t n = 0;

    while (kernels_at(n))
        n++;
    return i < n ? kernels_at(i) : emulated_at(i - n);
}

static uint32_t draw(void) /* splitmix64 */
{
    uint64_t z = (seed += 0x9E3779B97F4A7C15ull);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ z >> 27) * 0x94D049BB133111EBull;
    return (uint32_t)(z >> 32);
}

static float draw_float(float scale)
{
    return ((float)draw() / 4294967296.0f - 0.5f) * 2 * scale;
}

/* How the bytes of weights and activations are made. */
enum shape { RANDOM, ALL_SET, ALL_CLEAR, ALTERNATING, SHAPES };

static unsigned char weight_byte(enum shape s, size_t i)
{
    switch (s) {
    case ALL_SET:
        return 0xFF;
    case ALL_CLEAR:
        return 0;
    case ALTERNATING:
        return i % 2 ? 0xFF : 0x80;
    default:
        return (unsigned char)draw();
    }
}

/* Offsets of half-precision fields in a block: they get sane values, as only the rest may be anything. */
static void make_rows(enum quant_type t, unsigned char *p, size_t bytes, enum shape s)
{
    size_t block = quant_block_bytes(t);
    for (size_t i = 0; i < bytes; i++)
        p[i] = weight_byte(s, i);
    for (size_t b = 0; b < bytes; b += block) {
        uint16_t d = f32_to_f16(draw_float(0.01f)), m = f32_to_f16(draw_float(0.01f));
        size_t at = t == QUANT_Q6_K ? 208 : 0;
        memcpy(p + b + at, &d, 2);
        if (t == QUANT_Q4_1 || t == QUANT_Q4_K)
            memcpy(p + b + 2, &m, 2);
    }
}

static void make_column(float *x, size_t k, enum shape s)
{
    for (size_t i = 0; i < k; i++)
        x[i] = s == ALL_SET       ? 3.0f
               : s == ALL_CLEAR   ? -3.0f
               : s == ALTERNATING ? (i % 2 ? -2.5f : 2.5f)
                                  : draw_float(i % 64 < 32 ? 1.0f : 0.001f);
}

/* One block of 32 columns of the file, taken apart by the layout tables of the format. */
struct block {
    int w[32];  /* value without scale: offset removed */
    float d, m; /* dw and the factor of the sum */
    int sc[2];  /* scales of the halves, 1 where there are none */
};

static uint16_t u16(const unsigned char *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static void take_k4(struct block *o, const unsigned char *b, size_t sub)
{
    const unsigned char *s = b + 4;
    int sc = sub < 4 ? s[sub] & 63 : (s[sub + 4] & 15) | (s[sub - 4] >> 6) << 4;
    int mn = sub < 4 ? s[sub + 4] & 63 : s[sub + 4] >> 4 | (s[sub] >> 6) << 4;
    for (size_t i = 0; i < 32; i++) {
        unsigned char v = b[16 + 32 * (sub / 2) + i];
        o->w[i] = sub % 2 ? v >> 4 : v & 15;
    }
    o->d = f16_to_f32(u16(b)) * (float)sc;
    o->m = -(f16_to_f32(u16(b + 2)) * (float)mn);
}

static void take_k6(struct block *o, const unsigned char *b, size_t sub)
{
    const unsigned char *ql = b + 64 * (sub / 4), *qh = b + 128 + 32 * (sub / 4);
    size_t part = sub % 4;
    for (size_t i = 0; i < 32; i++) {
        int low = part < 2 ? ql[i + 32 * part] & 15 : ql[i + 32 * (part - 2)] >> 4;
        o->w[i] = (low | (qh[i] >> 2 * part & 3) << 4) - 32;
    }
    o->sc[0] = (int8_t)b[192 + 8 * (sub / 4) + 2 * part];
    o->sc[1] = (int8_t)b[192 + 8 * (sub / 4) + 2 * part + 1];
    o->d = f16_to_f32(u16(b + 208));
}

static void take(struct block *o, enum quant_type t, const unsigned char *row, size_t blk)
{
    const unsigned char *b = row + blk * quant_block_bytes(t);
    uint32_t qh = 0;

    *o = (struct block){.sc = {1, 1}};
    if (t == QUANT_Q4_K) {
        take_k4(o, row + blk / 8 * 144, blk % 8);
        return;
    }
    if (t == QUANT_Q6_K) {
        take_k6(o, row + blk / 8 * 210, blk % 8);
        return;
    }
    o->d = f16_to_f32(u16(b));
    o->m = t == QUANT_Q4_1 ? f16_to_f32(u16(b + 2)) : 0;
    if (t == QUANT_Q5_0)
        memcpy(&qh, b + 2, 4);
    for (int i = 0; i < 32; i++) {
        const unsigned char *qs = b + (t == QUANT_Q4_0 ? 2 : t == QUANT_Q4_1 ? 4 : 6);
        int nibble = i < 16 ? qs[i] & 15 : qs[i - 16] >> 4;
        o->w[i] = t == QUANT_Q8_0   ? (int8_t)b[2 + i]
                  : t == QUANT_Q4_1 ? nibble
                  : t == QUANT_Q5_0 ? (nibble | (int)(qh >> i & 1) << 4) - 16
                                    : nibble - 8;
    }
}

static float expected(enum quant_type t, const unsigned char *row, const float *x, size_t k)
{
    float acc = 0;
    for (size_t b = 0; b < k / 32; b++) {
        struct block o;
        float a = 0, dx = 0;
        int64_t sum = 0, half[2] = {0, 0};
        take(&o, t, row, b);
        for (size_t i = 0; i < 32; i++)
            a = fmaxf(a, fabsf(x[b * 32 + i]));
        if (a >= 0x1p-100f)
            dx = a / 127.0f;
        for (size_t i = 0; i < 32; i++) {
            long q = dx > 0 ? lrintf(x[b * 32 + i] * (127.0f / a)) : 0;
            sum += q;
            half[i / 16] += q * o.w[i];
        }
        acc = fmaf(o.d * dx, (float)(o.sc[0] * half[0] + o.sc[1] * half[1]), acc);
        if (t == QUANT_Q4_1 || t == QUANT_Q4_K)
            acc = fmaf(o.m, dx * (float)sum, acc);
    }
    return acc;
}

struct columns {
    struct acts a;
    float *x;
    size_t n;
};

static void columns_new(struct columns *c, size_t n, size_t k, const struct kernels *kern,
                        enum shape s)
{
    *c = (struct columns){.n = n};
    c->x = malloc(n * k * sizeof(float));
    c->a = (struct acts){.k = k};
    c->a.q = malloc(n * k);
    c->a.dx = malloc(n * k / 32 * sizeof(float));
    c->a.ds = malloc(n * k / 32 * sizeof(float));
    c->a.ns = malloc(n * k / 32 * sizeof(int32_t));
    c->a.np = malloc(n * k / 8 * sizeof(int16_t));
    for (size_t i = 0; i < n; i++) {
        make_column(c->x + i * k, k, s);
        assert_true(kern->quantize(&c->a, i, c->x + i * k, 0, k));
    }
    c->a.f = c->x;
}

static void columns_free(struct columns *c)
{
    free(c->x), free(c->a.q), free(c->a.dx), free(c->a.ds), free(c->a.ns), free(c->a.np);
}

static void multiply(const struct kernels *kern, const struct matrix *m, const struct acts *x,
                     size_t n, float *y)
{
    struct tile *t = mem_aligned(64, sizeof(*t));
    size_t blocks = m->cols / BLOCK, ld = m->n_panels * PANEL_ROWS;
    assert_non_null(t);
    for (size_t p = 0; p < m->n_panels; p++)
        for (size_t b = 0; b < blocks; b += TILE_BLOCKS) {
            size_t nb = blocks - b < TILE_BLOCKS ? blocks - b : TILE_BLOCKS;
            kern->unpack[m->type](m->data + p * m->panel_bytes, b, nb, t);
            kern->gemm[m->type](t, b, nb, x, 0, n, y + p * PANEL_ROWS, ld, b == 0);
        }
    mem_free(t);
}

/* rows is no multiple of 16 and cols spans two tiles where the type allows it; n goes through every column count. */
static void check_type(enum quant_type t, size_t rows, size_t cols, enum shape s)
{
    size_t bytes = quant_row_bytes(t, cols), n = 15;
    unsigned char *src = malloc(rows * bytes);
    struct matrix m;
    struct columns c;
    float *y;

    assert_non_null(src);
    make_rows(t, src, rows * bytes, s);
    matrix_shape(&m, pack_type_of(t, false), rows, cols);
    m.data = mem_aligned(64, matrix_bytes(&m));
    assert_non_null(m.data);
    for (size_t p = 0; p < m.n_panels; p++)
        pack_panel(&m, p, t, src, 0);
    y = malloc(n * m.n_panels * PANEL_ROWS * sizeof(*y));
    for (size_t i = 0; table_at(i); i++) {
        const struct kernels *kern = table_at(i);
        columns_new(&c, n, cols, kern, s);
        multiply(kern, &m, &c.a, n, y);
        for (size_t k = 0; k < n; k++)
            for (size_t r = 0; r < rows; r++) {
                float want = expected(t, src + r * bytes, c.x + k * cols, cols);
                float got = y[k * m.n_panels * PANEL_ROWS + r];
                if (memcmp(&want, &got, 4) != 0)
                    fail_msg("%s %s shape %d row %zu column %zu: %a, expected %a", kern->name,
                             quant_name(t), s, r, k, (double)got, (double)want);
            }
        columns_free(&c);
        seed = 7; /* the same columns for the next table */
    }
    free(y);
    free(src);
    mem_free(m.data);
}

static const enum quant_type types[] = {QUANT_Q4_0, QUANT_Q4_1, QUANT_Q5_0,
                                        QUANT_Q8_0, QUANT_Q4_K, QUANT_Q6_K};

static void test_products(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        for (int s = RANDOM; s < SHAPES; s++) {
            check_type(types[i], 37, quant_block_len(types[i]) == 256 ? 1280 : 1120, (enum shape)s);
            check_type(types[i], 16, quant_block_len(types[i]) == 256 ? 256 : 32, (enum shape)s);
        }
}

static void test_pack_row_gives_the_files_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        enum quant_type t = types[i];
        size_t cols = 512, rows = 20, bytes = quant_row_bytes(t, cols);
        unsigned char *src = malloc(rows * bytes);
        float want[512], got[512];
        struct matrix m;
        make_rows(t, src, rows * bytes, RANDOM);
        matrix_shape(&m, pack_type_of(t, false), rows, cols);
        m.data = mem_aligned(64, matrix_bytes(&m));
        for (size_t p = 0; p < m.n_panels; p++)
            pack_panel(&m, p, t, src, 0);
        for (size_t r = 0; r < rows; r++) {
            quant_dequantize(t, src + r * bytes, want, cols);
            pack_row(&m, r, got);
            assert_memory_equal(want, got, sizeof(want));
        }
        free(src);
        mem_free(m.data);
    }
}

static void test_float_matrices(void **state)
{
    static const enum quant_type floats[] = {QUANT_F32, QUANT_F16, QUANT_BF16};
    (void)state;
    for (size_t k = 0; k < 3; k++) {
        size_t cols = 96, rows = 16, n = 7, bytes = quant_row_bytes(floats[k], cols);
        unsigned char *src = malloc(rows * bytes);
        float *w = malloc(rows * cols * sizeof(*w)), y[7 * 16];
        struct matrix m;
        for (size_t i = 0; i < rows * cols; i++) {
            float f = draw_float(1);
            uint16_t h = floats[k] == QUANT_F16 ? f32_to_f16(f) : (uint16_t)(f32_bits(f) >> 16);
            memcpy(src + i * (bytes / cols), floats[k] == QUANT_F32 ? (void *)&f : (void *)&h,
                   bytes / cols);
        }
        quant_dequantize(floats[k], src, w, rows * cols);
        matrix_shape(&m, pack_type_of(floats[k], false), rows, cols);
        m.data = mem_aligned(64, matrix_bytes(&m));
        pack_panel(&m, 0, floats[k], src, 0);
        for (size_t i = 0; table_at(i); i++) {
            struct columns c;
            columns_new(&c, n, cols, table_at(i), RANDOM);
            table_at(i)->gemm_float(m.type, m.data, &c.a, 0, n, y, 16);
            for (size_t col = 0; col < n; col++)
                for (size_t r = 0; r < rows; r++) {
                    float acc = 0;
                    for (size_t j = 0; j < cols; j++)
                        acc = fmaf(w[r * cols + j], c.x[col * cols + j], acc);
                    assert_memory_equal(&acc, &y[col * 16 + r], 4);
                }
            columns_free(&c);
        }
        free(src);
        free(w);
        mem_free(m.data);
    }
}

static void test_quantize_refuses_what_is_not_finite(void **state)
{
    static const float bad[] = {INFINITY, -INFINITY, NAN};
    (void)state;
    for (size_t i = 0; table_at(i); i++)
        for (size_t k = 0; k < 3; k++)
            for (size_t at = 0; at < 32; at++) {
                struct columns c;
                columns_new(&c, 1, 32, table_at(i), RANDOM);
                c.x[at] = bad[k];
                assert_false(table_at(i)->quantize(&c.a, 0, c.x, 0, 32));
                columns_free(&c);
            }
}

static void test_top(void **state)
{
    float x[64];
    (void)state;
    for (size_t i = 0; table_at(i); i++)
        for (size_t at = 0; at < 64; at++) {
            memset(x, 0, sizeof(x));
            assert_true(table_at(i)->top(x, 64) == 0);
            x[at] = -3.5f;
            assert_true(table_at(i)->top(x, 64) == 3.5f);
            x[63 - at] = -INFINITY;
            assert_true(table_at(i)->top(x, 64) == INFINITY);
            x[63 - at] = -NAN;
            assert_true(table_at(i)->top(x, 64) == INFINITY);
        }
}

/* Everything else: each table's bits equal the reference's. */
#define N 96
struct elementwise {
    float norm[N], rope[N], add[N], silu[N];
    struct head_part head;
};

static void run_elementwise(const struct kernels *k, const float *x, const float *y,
                            struct elementwise *o)
{
    static const uint8_t banned[64] = {[3] = 1, [17] = 1};
    memset(o, 0, sizeof(*o));
    k->rmsnorm(x, y, N, 1e-5f, o->norm);
    memcpy(o->rope, x, sizeof(o->rope));
    k->rope(o->rope, 3, 32, y, 0.125f);
    memcpy(o->add, x, sizeof(o->add));
    k->add(o->add, y, N);
    k->silu_mul(x, y, o->silu, N);
    k->head(x, 61, 1000, banned, &o->head);
}

static void test_elementwise(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        struct elementwise want, got;
        float x[N], y[N], scale = powf(10, (float)(round % 9) - 3);
        for (size_t i = 0; i < N; i++) {
            x[i] = draw_float(scale);
            y[i] = draw_float(2);
        }
        run_elementwise(&kernels_scalar, x, y, &want);
        for (size_t i = 1; table_at(i); i++) {
            run_elementwise(table_at(i), x, y, &got);
            assert_memory_equal(&want, &got, sizeof(want));
        }
        for (size_t i = 0; i < N; i++) { /* and the reference is right */
            double silu = (double)x[i] / (1 + exp(-(double)x[i])) * (double)y[i];
            assert_true(fabs((double)want.silu[i] - silu) <= 1e-6 * fabs(silu) + 1e-30);
        }
        double lse = 0;
        for (size_t i = 0; i < 61; i++)
            lse += exp((double)x[i] - (double)want.head.lse_max);
        assert_true(fabs((double)want.head.lse_sum / lse - 1) < 1e-5);
        assert_true(want.head.id >= 1000 && want.head.id != 1003 && want.head.id != 1017);
        assert_true(x[want.head.id - 1000] == want.head.max);
    }
}

/* Attention over a cache that kv_store filled, at several lengths and chunk sizes. */
static void attend(const struct kernels *k, int type, size_t n_ctx, const float *kv, const float *q,
                   float *out, size_t chunk)
{
    enum { HD = 64, KV = 2, GROUP = 3 };
    uint32_t blocks[8] = {5, 2, 7, 0, 1, 6, 3, 4};
    size_t bytes = kv_layer_bytes(type, KV, HD), ld = KV * GROUP * HD;
    unsigned char *base = malloc(8 * bytes);
    float *scratch = malloc(attn_scratch(128, GROUP, HD) * sizeof(float));
    struct kv_view v = {base, bytes, blocks, type, KV, HD};

    memset(base, 0xFF, 8 * bytes); /* NaNs: what lies beyond the last key must not be used */
    for (size_t t = 0; t < n_ctx; t++)
        k->kv_store(&v, t, kv + t * 2 * KV * HD, kv + t * 2 * KV * HD + KV * HD);
    for (size_t t = 0; t < n_ctx; t += chunk)
        for (size_t h = 0; h < KV; h++) {
            struct attn_job j = {.kv = v,
                                 .head = h,
                                 .group = GROUP,
                                 .pos = t,
                                 .n = n_ctx - t < chunk ? n_ctx - t : chunk,
                                 .q = q + t * ld + h * GROUP * HD,
                                 .out = out + t * ld + h * GROUP * HD,
                                 .ldq = ld,
                                 .ldo = ld,
                                 .scratch = scratch};
            k->attention(&j);
        }
    free(base);
    free(scratch);
}

static void test_attention(void **state)
{
    enum { CTX = 77, LD = 2 * 3 * 64, KVN = 2 * 2 * 64 };
    static const size_t chunks[] = {1, 5, 16};
    float *kv = malloc(CTX * KVN * sizeof(float)), *q = malloc(CTX * LD * sizeof(float));
    float *want = malloc(CTX * LD * sizeof(float)), *got = malloc(CTX * LD * sizeof(float));

    (void)state;
    for (size_t i = 0; i < CTX * KVN; i++)
        kv[i] = draw_float(2);
    for (size_t i = 0; i < CTX * LD; i++)
        q[i] = draw_float(1);
    for (int type = DOBBY_KV_F16; type <= DOBBY_KV_F32; type++) {
        attend(&kernels_scalar, type, CTX, kv, q, want, 16);
        for (size_t i = 0; table_at(i); i++)
            for (size_t c = 0; c < 3; c++) {
                attend(table_at(i), type, CTX, kv, q, got, chunks[c]);
                assert_memory_equal(want, got, CTX * LD * sizeof(float));
            }
        if (type == DOBBY_KV_F32) { /* exact attention agrees up to rounding */
            attend(&kernels_exact, type, CTX, kv, q, got, 16);
            for (size_t i = 0; i < CTX * LD; i++)
                assert_true(fabsf(want[i] - got[i]) < 1e-5f);
        }
    }
    free(kv), free(q), free(want), free(got);
}

/* Keys and values in 8 bits come back within half a step of the vector's own scale, at every magnitude. */
static void test_q8_cache(void **state)
{
    enum { HD = 64, KV = 2 };
    static const float magnitudes[] = {1e-30f, 1e-7f, 1e-3f, 1, 1e4f, 8e6f};
    size_t bytes = kv_layer_bytes(DOBBY_KV_Q8, KV, HD);
    unsigned char *base = malloc(bytes), *same = malloc(bytes);
    float k[KV * HD], v[KV * HD];
    uint32_t block = 0;

    (void)state;
    for (size_t m = 0; m < sizeof(magnitudes) / sizeof(magnitudes[0]); m++) {
        struct kv_view view = {base, bytes, &block, DOBBY_KV_Q8, KV, HD};
        for (size_t i = 0; i < KV * HD; i++) {
            k[i] = draw_float(1) * magnitudes[m];
            v[i] = draw_float(1) * magnitudes[m];
        }
        for (size_t i = 0; table_at(i); i++) {
            memset(base, 0, bytes);
            table_at(i)->kv_store(&view, 5, k, v);
            if (i == 0)
                memcpy(same, base, bytes);
            assert_memory_equal(same, base, bytes);
        }
        for (size_t d = 0; d < KV * HD; d++) {
            const uint16_t *scale =
                (const uint16_t *)(const void *)(base + 2 * KV * HD * KV_TOKENS);
            size_t at = (d / HD * KV_TOKENS + 5) * HD + d % HD;
            float dk = f16_to_f32(scale[d / KV_GROUP * KV_TOKENS + 5]),
                  dv = f16_to_f32(scale[(KV * HD * KV_TOKENS + at) / KV_GROUP]),
                  qk = dk * (float)(int8_t)base[d * KV_TOKENS + 5],
                  qv = dv * (float)(int8_t)base[KV * HD * KV_TOKENS + at];
            /* Below float16's normal range (2^-14) scales get coarse: half a unit of 2^-24 on 127 steps. */
            float rest = 127 * 0x1p-25f;
            assert_true(fabsf(qk - k[d]) <= 0.57f * dk + rest);
            assert_true(fabsf(qv - v[d]) <= 0.57f * dv + rest);
        }
    }
    free(base);
    free(same);
}

static void test_find(void **state)
{
    (void)state;
    assert_ptr_equal(kernels_find("scalar"), &kernels_scalar);
    assert_non_null(kernels_find(NULL));
    assert_null(kernels_find("mmx"));
    assert_false(kernels_known("mmx"));
    assert_true(kernels_known("avx2") && kernels_known("dotprod")); /* wherever this runs */
    for (size_t i = 0; table_at(i); i++) {
        assert_true(kernels_known(table_at(i)->name));
        print_message("table %s\n", table_at(i)->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_pack_row_gives_the_files_values),
        cmocka_unit_test(test_float_matrices),
        cmocka_unit_test(test_quantize_refuses_what_is_not_finite),
        cmocka_unit_test(test_elementwise),
        cmocka_unit_test(test_attention),
        cmocka_unit_test(test_q8_cache),
        cmocka_unit_test(test_top),
        cmocka_unit_test(test_find),
    };
    return cmocka_run_group_tests_name("kernels", tests, NULL, NULL);
}
