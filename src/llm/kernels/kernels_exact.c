/* kernels_exact.c - float32 weights, dot products summed in double in index order and rounded once (llm/kernels).
 * For tests and for finding errors (--exact). Products of two floats are exact in double. The compiler may
 * put different outputs into the lanes of a vector; the order of a sum is as written. */
#include "llm/kernels/elem.h"

#define COLS 2

static inline __attribute__((always_inline)) void
products(const float *w, const struct acts *x, size_t col0, size_t n_cols, float *y, size_t ldy)
{
    for (size_t c = 0; c < n_cols; c += COLS) {
        size_t second = n_cols - c > 1;
        const float *f = x->f + (col0 + c) * x->k, *g = f + second * x->k;
        double a[PANEL_ROWS] = {0}, b[PANEL_ROWS] = {0};
        for (size_t k = 0; k < x->k; k++)
            for (size_t r = 0; r < PANEL_ROWS; r++) {
                double v = (double)w[k * PANEL_ROWS + r];
                a[r] += v * (double)f[k];
                b[r] += v * (double)g[k];
            }
        for (size_t r = 0; r < PANEL_ROWS; r++) {
            y[c * ldy + r] = (float)a[r];
            y[(c + second) * ldy + r] = (float)(second ? b[r] : a[r]);
        }
    }
}

#if defined(__x86_64__)
/* The same lines with four lanes instead of two: nothing is contracted, so nothing but the speed changes. */
static __attribute__((target("avx2"))) void products_avx2(const float *w, const struct acts *x,
                                                          size_t col0, size_t n_cols, float *y,
                                                          size_t ldy)
{
    products(w, x, col0, n_cols, y, ldy);
}
#endif

static void gemm_exact(enum pack_type type, const unsigned char *panel, const struct acts *x,
                       size_t col0, size_t n_cols, float *y, size_t ldy)
{
    const float *w = (const float *)(const void *)panel;
    (void)type; /* exact models hold PACK_F32 only */
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        products_avx2(w, x, col0, n_cols, y, ldy);
        return;
    }
#endif
    products(w, x, col0, n_cols, y, ldy);
}

/* Nothing is quantised: only the check for finite numbers remains. */
static bool check_finite(const struct acts *a, size_t col, const float *x, size_t k0, size_t n)
{
    (void)a, (void)col, (void)k0;
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}

static void attention_exact(const struct attn_job *j)
{
    size_t hd = j->kv.head_dim, n = hd * KV_TOKENS;
    float *s = j->scratch;

    for (size_t r = 0; r < j->n * j->group; r++) {
        size_t keys = j->pos + r / j->group + 1;
        const float *q = j->q + r / j->group * j->ldq + r % j->group * hd;
        float *out = j->out + r / j->group * j->ldo + r % j->group * hd;
        for (size_t t = 0; t < keys; t++) {
            const float *k =
                (const float *)(const void *)(j->kv.base +
                                              j->kv.blocks[t / KV_TOKENS] * j->kv.stride) +
                j->head * n + t % KV_TOKENS;
            double dot = 0;
            for (size_t d = 0; d < hd; d++)
                dot += (double)q[d] * (double)k[d * KV_TOKENS];
            s[t] = (float)dot;
        }
        double sum = 0, acc[256] = {0};
        (void)attn_softmax(s, keys);
        for (size_t t = 0; t < keys; t++) {
            const float *v =
                (const float *)(const void *)(j->kv.base +
                                              j->kv.blocks[t / KV_TOKENS] * j->kv.stride) +
                (j->kv.n_kv + j->head) * n + t % KV_TOKENS * hd;
            sum += (double)s[t];
            for (size_t d = 0; d < hd; d++)
                acc[d] += (double)s[t] * (double)v[d];
        }
        for (size_t d = 0; d < hd; d++)
            out[d] = (float)(acc[d] / sum);
    }
}

const struct kernels kernels_exact = {
    .name = "exact",
    .gemm_float = gemm_exact,
    .quantize = check_finite,
    .rmsnorm = elem_rmsnorm,
    .top = elem_top,
    .rope = elem_rope,
    .add = elem_add,
    .silu_mul = elem_silu_mul,
    .kv_store = elem_kv_store,
    .attention = attention_exact,
    .head = elem_head,
};
