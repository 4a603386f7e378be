/* elem.h - the float operations of a table, written over v16.h (llm/kernels).
 * Included once by each kernels_ISA.c; what a line means does not depend on the flags, so neither do the bits.
 * Vectors have a multiple of 32 elements (model.c refuses others); head_dim is a multiple of 16. */
#ifndef LLM_KERNELS_ELEM_H
#define LLM_KERNELS_ELEM_H

#include "dobby.h"
#include "llm/kernels/kernels.h"
#include "llm/kernels/v16.h"

static inline bool elem_quantize(const struct acts *a, size_t col, const float *x, size_t k0,
                                 size_t n)
{
    const v16 magic = v16_set1(12582912.0f);
    size_t nb = a->k / BLOCK;

    for (size_t b = k0 / BLOCK; b < (k0 + n) / BLOCK; b++, x += BLOCK) {
        int8_t *q = a->q + col * a->k + b * BLOCK;
        size_t i = col * nb + b;
        v16 lo = v16_load(x), hi = v16_load(x + 16);
        int32_t top = v16i_hmax(v16i_max_abs(v16i_max_abs(v16i_zero(), lo), hi));
        if (top >= 0x7F800000) /* as integers NaN > infinity > any finite number */
            return false;
        float amax = f32_from_bits((uint32_t)top), dx = 0, inv = 0;
        if (amax >= 0x1p-100f) {
            dx = amax / 127.0f;
            inv = 127.0f / amax;
        }
        lo = v16_add(v16_mul(lo, v16_set1(inv)), magic);
        hi = v16_add(v16_mul(hi, v16_set1(inv)), magic);
        v16i_store_low(q, v16_bits(lo));
        v16i_store_low(q + 16, v16_bits(hi));
        lo = v16_sub(magic, lo);
        hi = v16_sub(magic, hi);
        float sum = v8_pair_sums(v8_add(v16_low(lo), v16_high(lo)),
                                 v8_add(v16_low(hi), v16_high(hi)), a->np + 4 * i);
        a->dx[i] = dx;
        a->ds[i] = dx * (0.0f - sum);
        a->ns[i] = (int32_t)sum;
    }
    return true;
}

/* The largest magnitude in x; infinity for a NaN too. */
static inline float elem_top(const float *x, size_t n)
{
    v16i bits = v16i_zero();
    int32_t top;

    for (size_t i = 0; i < n; i += 16)
        bits = v16i_max_abs(bits, v16_load(x + i));
    top = v16i_hmax(bits); /* as integers NaN > infinity > any finite number */
    return top >= 0x7F800000 ? INFINITY : f32_from_bits((uint32_t)top);
}

/* x / sqrt(mean(x^2) + eps) * w */
static inline void elem_rmsnorm(const float *x, const float *w, size_t n, float eps, float *out)
{
    v8 s = v8_zero();
    for (size_t i = 0; i < n; i += 8) {
        v8 v = v8_load(x + i);
        s = v8_fma(v, v, s);
    }
    v16 r = v16_set1(1.0f / sqrtf(v8_sum(s) / (float)n + eps));
    for (size_t i = 0; i < n; i += 16)
        v16_store(out + i, v16_mul(v16_mul(v16_load(x + i), r), v16_load(w + i)));
}

static inline void elem_rope(float *x, size_t n_heads, size_t head_dim, const float *cs,
                             float scale)
{
    size_t half = head_dim / 2;
    v16 k = v16_set1(scale), zero = v16_set1(0);

    for (size_t h = 0; h < n_heads; h++, x += head_dim)
        for (size_t i = 0; i < half; i += 16) {
            v16 a = v16_load(x + i), b = v16_load(x + half + i);
            v16 c = v16_load(cs + i), s = v16_load(cs + half + i);
            v16_store(x + i, v16_mul(v16_fma(a, c, v16_sub(zero, v16_mul(b, s))), k));
            v16_store(x + half + i, v16_mul(v16_fma(a, s, v16_mul(b, c)), k));
        }
}

static inline void elem_add(float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i += 16)
        v16_store(x + i, v16_add(v16_load(x + i), v16_load(y + i)));
}

/* g / (1 + exp(-g)) * u */
static inline void elem_silu_mul(const float *g, const float *u, float *out, size_t n)
{
    const v16 one = v16_set1(1), zero = v16_set1(0);
    for (size_t i = 0; i < n; i += 16) {
        v16 a = v16_load(g + i);
        v16 s = v16_div(a, v16_add(one, v16_exp(v16_sub(zero, a))));
        v16_store(out + i, v16_mul(s, v16_load(u + i)));
    }
}

/* One group of values in 8 bits: scale d = a / 127 rounded to float16, a = max |x|, then q = x / d rounded half to even and
 * kept within 127, since d may have been rounded down. */
static inline uint16_t kv_quantize(const float *x, size_t n, int8_t *q)
{
    const v16 magic = v16_set1(12582912.0f), top = v16_set1(127), bottom = v16_set1(-127);
    uint16_t half = f32_to_f16(elem_top(x, n) / 127.0f);
    float d = f16_to_f32(half), inv = d > 0 ? 1.0f / d : 0;

    for (size_t i = 0; i < n; i += 16) {
        v16 v = v16_mul(v16_load(x + i), v16_set1(inv));
        v = v16_min(v16_max(v, bottom), top);
        v16i_store_low(q + i, v16_bits(v16_add(v, magic)));
    }
    return half;
}

static inline void kv_store_q8(const struct kv_view *kv, unsigned char *block, size_t t,
                               const float *k, const float *v)
{
    size_t n = kv->n_kv * kv->head_dim;
    uint16_t *kscale = (uint16_t *)(void *)(block + 2 * n * KV_TOKENS),
             *vscale = kscale + n / KV_GROUP * KV_TOKENS;
    int8_t *keys = (int8_t *)block, *values = keys + n * KV_TOKENS, q[KV_GROUP];

    for (size_t d = 0; d < n; d += KV_GROUP) { /* groups of all heads, one after the other */
        size_t head = d / kv->head_dim, in = d % kv->head_dim;
        kscale[d / KV_GROUP * KV_TOKENS + t] = kv_quantize(k + d, KV_GROUP, q);
        for (size_t i = 0; i < KV_GROUP; i++)
            keys[(d + i) * KV_TOKENS + t] = q[i];
        size_t at = (head * KV_TOKENS + t) * kv->head_dim + in;
        vscale[at / KV_GROUP] = kv_quantize(v + d, KV_GROUP, values + at);
    }
}

static inline void elem_kv_store(const struct kv_view *kv, size_t pos, const float *k,
                                 const float *v)
{
    unsigned char *block = kv->base + kv->blocks[pos / KV_TOKENS] * kv->stride;
    size_t n = kv->n_kv * kv->head_dim, t = pos % KV_TOKENS;

    if (kv->type == DOBBY_KV_Q8) {
        kv_store_q8(kv, block, t, k, v);
        return;
    }
    for (size_t h = 0; h < kv->n_kv; h++)
        for (size_t d = 0; d < kv->head_dim; d += 16) {
            size_t at = h * kv->head_dim + d,
                   vat = n * KV_TOKENS + (h * KV_TOKENS + t) * kv->head_dim + d;
            if (kv->type == DOBBY_KV_F32) {
                for (size_t i = 0; i < 16; i++)
                    ((float *)block)[(at + i) * KV_TOKENS + t] = k[at + i];
                v16_store((float *)block + vat, v16_load(v + at));
            } else {
                uint16_t half[16];
                v16_store_half(half, v16_load(k + at));
                for (size_t i = 0; i < 16; i++)
                    ((uint16_t *)block)[(at + i) * KV_TOKENS + t] = half[i];
                v16_store_half((uint16_t *)block + vat, v16_load(v + at));
            }
        }
}

/* 16 x head_dim keys ([d][token]) or values ([token][d]) of one head in block i, as floats. */
static inline const float *kv_load(const struct kv_view *kv, size_t i, size_t head, int values,
                                   float *buf)
{
    const unsigned char *block = kv->base + kv->blocks[i] * kv->stride;
    size_t hd = kv->head_dim, n = hd * KV_TOKENS, at = ((values ? kv->n_kv : 0) + head) * n;

    if (kv->type == DOBBY_KV_F32)
        return (const float *)block + at;
    if (kv->type == DOBBY_KV_F16) {
        for (size_t j = 0; j < n; j += 16)
            v16_store(buf + j, v16_load_half((const uint16_t *)block + at + j));
        return buf;
    }
    const int8_t *q = (const int8_t *)block + at;
    const uint16_t *scale =
        (const uint16_t *)(const void *)(block + 2 * kv->n_kv * n) + at / KV_GROUP;
    for (size_t j = 0; j < n; j += 16) {
        v16 d = values ? v16_set1(f16_to_f32(scale[j / KV_GROUP]))
                       : v16_load_half(scale + j / (KV_GROUP * KV_TOKENS) * KV_TOKENS);
        v16_store(buf + j, v16_mul(v16_load_i8(q + j), d));
    }
    return buf;
}

/* A block's keys or values of one head: as they are kept in float16, or as floats. */
static inline const void *attn_block(const struct kv_view *kv, size_t i, size_t head, int values,
                                     bool half, float *buf)
{
    const unsigned char *block = kv->base + kv->blocks[i] * kv->stride;
    size_t at = ((values ? kv->n_kv : 0) + head) * kv->head_dim * KV_TOKENS;

    return half ? (const void *)((const uint16_t *)(const void *)block + at)
                : kv_load(kv, i, head, values, buf);
}

static inline v16 kv_lanes(const void *p, size_t i, const bool half)
{
    return half ? v16_load_half((const uint16_t *)p + i) : v16_load((const float *)p + i);
}

/* n queries, a constant of 1 to 4, against the 16 keys of one block: sums over d in index order. */
static inline __attribute__((always_inline)) void attn_dots(const void *key, const bool half,
                                                            const float *const *q, size_t head_dim,
                                                            float *s, size_t lds, const int n)
{
    v16 a[4] = {v16_set1(0), v16_set1(0), v16_set1(0), v16_set1(0)};

    for (size_t i = 0; i < head_dim; i += 16) {
#pragma GCC unroll 16
        for (size_t j = 0; j < 16; j++) {
            v16 k = kv_lanes(key, (i + j) * KV_TOKENS, half);
#pragma GCC unroll 4
            for (int r = 0; r < n; r++)
                a[r] = v16_fma(v16_set1(q[r][i + j]), k, a[r]);
        }
    }
#pragma GCC unroll 4
    for (int r = 0; r < n; r++)
        v16_store(s + (size_t)r * lds, a[r]);
}

/* Scores of `rows` queries: s[r*lds .. +15]. */
static inline __attribute__((always_inline)) void scores_of(const void *key, const bool half,
                                                            const float *const *q, size_t rows,
                                                            size_t head_dim, float *s, size_t lds)
{
    for (; rows >= 4; rows -= 4, q += 4, s += 4 * lds)
        attn_dots(key, half, q, head_dim, s, lds, 4);
    if (rows == 3)
        attn_dots(key, half, q, head_dim, s, lds, 3);
    else if (rows == 2)
        attn_dots(key, half, q, head_dim, s, lds, 2);
    else if (rows == 1)
        attn_dots(key, half, q, head_dim, s, lds, 1);
}

/* Not inlined: a loop of few registers stays one. */
static __attribute__((noinline)) void attn_scores(const void *key, const bool half,
                                                  const float *const *q, size_t rows,
                                                  size_t head_dim, float *s, size_t lds)
{
    if (half)
        scores_of(key, true, q, rows, head_dim, s, lds);
    else
        scores_of(key, false, q, rows, head_dim, s, lds);
}

/* The largest of m and the lanes; a lane that is no number is passed over. */
static inline float lanes_max(v16 a, float m)
{
    float lane[16];

    v16_store(lane, a);
    for (int i = 0; i < 16; i++)
        m = lane[i] > m ? lane[i] : m;
    return m;
}

/* exp(s - max) over s[0..n-1], zeros up to the next multiple of 16; returns the sum. s has room for whole vectors. */
static inline float attn_softmax(float *s, size_t n)
{
    size_t full = n / 16 * 16, i;
    v16 best = v16_first(v16_load(s), n, v16_set1(s[0])), top;
    v8 sum = v8_zero();

    for (i = 16; i < full; i += 16)
        best = v16_max(best, v16_load(s + i));
    if (i < n)
        best = v16_max(best, v16_first(v16_load(s + i), n - i, best));
    top = v16_set1(lanes_max(best, s[0]));
    for (i = 0; i < n; i += 16) {
        v16 p = v16_exp(v16_sub(v16_load(s + i), top));
        if (n - i < 16)
            p = v16_first(p, n - i, v16_set1(0));
        v16_store(s + i, p);
        sum = v16_fold(sum, p);
    }
    return v8_sum(sum);
}

/* a[r] += sum over n tokens of p[r*lds + t] * value[t], in order; n may be a constant. */
static inline __attribute__((always_inline)) void attn_tokens(const void *value, const bool half,
                                                              const float *p, size_t lds, size_t n,
                                                              size_t head_dim, v16 (*a)[4],
                                                              const int rows, const int wide)
{
#pragma GCC unroll 8
    for (size_t t = 0; t < n; t++) {
        v16 v[4];
#pragma GCC unroll 4
        for (int i = 0; i < wide; i++) {
            v[i] = kv_lanes(value, t * head_dim + 16 * (size_t)i, half);
            if (rows > 1)
                v[i] = v16_keep(v[i]);
        }
#pragma GCC unroll 2
        for (int r = 0; r < rows; r++) {
            v16 w = v16_set1(p[(size_t)r * lds + t]);
#pragma GCC unroll 4
            for (int i = 0; i < wide; i++)
                a[r][i] = v16_fma(w, v[i], a[r][i]);
        }
    }
}

/* Of `rows` outputs, `wide` vectors each, both constants: acc[r][d..] += sum over from <= t < n of p[r*lds + t] *
 * value[t][d..], in order. value[i] is a block of 16 tokens. What is summed stays in registers through all blocks. Whole
 * blocks go without a branch for each token: how well those are foreseen depends on where the loop comes to lie. */
static inline __attribute__((always_inline)) void
attn_sums(const void *const *value, const bool half, const float *p, size_t lds, size_t from,
          size_t n, size_t d, size_t head_dim, float *acc, const int rows, const int wide)
{
    v16 a[2][4];

#pragma GCC unroll 4
    for (int i = 0; i < rows * wide; i++)
        a[i / wide][i % wide] =
            v16_load(acc + (size_t)(i / wide) * head_dim + d + 16 * (size_t)(i % wide));
    for (size_t t = from, end; t < n; t = end) {
        size_t at = t % KV_TOKENS * head_dim + d;
        const void *block = value[t / KV_TOKENS];

        block = half ? (const void *)((const uint16_t *)block + at)
                     : (const void *)((const float *)block + at);
        end = (t / KV_TOKENS + 1) * KV_TOKENS;
        if (end <= n && t % KV_TOKENS == 0) {
            attn_tokens(block, half, p + t, lds, KV_TOKENS, head_dim, a, rows, wide);
        } else {
            end = end < n ? end : n;
            attn_tokens(block, half, p + t, lds, end - t, head_dim, a, rows, wide);
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < rows * wide; i++)
        v16_store(acc + (size_t)(i / wide) * head_dim + d + 16 * (size_t)(i % wide),
                  a[i / wide][i % wide]);
}

/* The whole width of `rows` outputs. */
static inline __attribute__((always_inline)) void
attn_row(const void *const *value, const bool half, const float *p, size_t lds, size_t from,
         size_t n, size_t head_dim, float *acc, const int rows)
{
    const int wide = V16_REGISTERS >= 32 || rows == 1 ? 4 : 2;
    size_t d = 0;

    for (; d + 16 * (size_t)wide <= head_dim; d += 16 * (size_t)wide)
        attn_sums(value, half, p, lds, from, n, d, head_dim, acc, rows, wide);
    for (; d < head_dim; d += 16)
        attn_sums(value, half, p, lds, from, n, d, head_dim, acc, rows, 1);
}

/* Rows in twos share what they load. n[r] tokens count for row r, never fewer than for the row before. */
static inline __attribute__((always_inline)) void
values_of(const void *const *value, const bool half, const float *p, size_t lds, const size_t *n,
          size_t rows, size_t head_dim, float *acc)
{
    size_t r = 0;

    for (; r + 2 <= rows; r += 2, p += 2 * lds, acc += 2 * head_dim) {
        attn_row(value, half, p, lds, 0, n[r], head_dim, acc, 2);
        if (n[r] < n[r + 1])
            attn_row(value, half, p + lds, lds, n[r], n[r + 1], head_dim, acc + head_dim, 1);
    }
    if (r < rows)
        attn_row(value, half, p, lds, 0, n[r], head_dim, acc, 1);
}

static __attribute__((noinline)) void attn_values(const void *const *value, const bool half,
                                                  const float *p, size_t lds, const size_t *n,
                                                  size_t rows, size_t head_dim, float *acc)
{
    if (half)
        values_of(value, true, p, lds, n, rows, head_dim, acc);
    else
        values_of(value, false, p, lds, n, rows, head_dim, acc);
}

/* Scratch: scores [row][padded], accumulators [row][head_dim], converted blocks. A row is (query, head of
 * the group). Keys past a query's own position are computed with their block and then left out. Many rows read a block
 * that was converted once, few rows convert as they read. */
static inline void elem_attention(const struct attn_job *j)
{
    size_t hd = j->kv.head_dim, rows = j->n * j->group, last = j->pos + j->n - 1;
    size_t blocks = last / KV_TOKENS + 1, lds = blocks * KV_TOKENS, wide = ATTN_BLOCKS(hd);
    float *s = j->scratch, *acc = s + rows * lds, *buf = acc + rows * hd;
    bool half = j->kv.type == DOBBY_KV_F16 && rows <= ATTN_FEW;
    const float *q[ATTN_QUERIES * 64];

    for (size_t i = 0, r = 0; i < j->n; i++)
        for (size_t h = 0; h < j->group; h++)
            q[r++] = j->q + i * j->ldq + h * hd;
    for (size_t b = 0; b < blocks; b++)
        attn_scores(attn_block(&j->kv, b, j->head, 0, half, buf), half, q, rows, hd,
                    s + b * KV_TOKENS, lds);
    memset(acc, 0, rows * hd * sizeof(*acc));
    for (size_t r = 0; r < rows; r++) {
        float *out = j->out + r / j->group * j->ldo + r % j->group * hd;
        out[0] =
            attn_softmax(s + r * lds, j->pos + r / j->group + 1); /* the sum waits in the output */
    }
    for (size_t b = 0; b < blocks; b += wide) {
        size_t n[ATTN_QUERIES * 64], at = b * KV_TOKENS;
        const void *value[4];

        for (size_t i = 0; i < wide && b + i < blocks; i++)
            value[i] = attn_block(&j->kv, b + i, j->head, 1, half, buf + i * KV_TOKENS * hd);
        for (size_t i = 0, r = 0; i < j->n; i++) {
            size_t keys = j->pos + i + 1 > at ? j->pos + i + 1 - at : 0;
            for (size_t h = 0; h < j->group; h++)
                n[r++] = keys < wide * KV_TOKENS ? keys : wide * KV_TOKENS;
        }
        attn_values(value, half, s + at, lds, n, rows, hd, acc);
    }
    for (size_t r = 0; r < rows; r++) {
        float *out = j->out + r / j->group * j->ldo + r % j->group * hd;
        v16 sum = v16_set1(out[0]);
        for (size_t d = 0; d < hd; d += 16)
            v16_store(out + d, v16_div(v16_load(acc + r * hd + d), sum));
    }
}

/* The two largest of e[0..n-1], of which every lane keeps its own two; what is no number is passed over. */
static inline void head_two(const float *e, size_t n, float *max, float *second)
{
    v16 first = v16_set1(-INFINITY), next = first;
    float a[16], b[16];

    for (size_t i = 0; i < n; i += 16) {
        v16 v = v16_load(e + i);
        next = v16_max(v16_min(first, v), next);
        first = v16_max(v, first);
    }
    v16_store(a, first);
    v16_store(b, next);
    *max = *second = -INFINITY;
    for (int i = 0; i < 16; i++) {
        float low = a[i] > *max ? *max : a[i];
        *max = a[i] > *max ? a[i] : *max;
        *second = low > *second ? low : *second;
        *second = b[i] > *second ? b[i] : *second;
    }
}

static inline void elem_head(const float *logits, size_t n, int32_t id0, const uint8_t *banned,
                             struct head_part *p)
{
    float e[HEAD_ROWS];
    size_t full = n / 16 * 16, padded = (n + 15) / 16 * 16, i;
    v16 top = v16_set1(logits[0]);
    v8 sum = v8_zero();

    *p = (struct head_part){.id = -1, .lse_max = logits[0]};
    for (i = 0; i < n; i++)
        e[i] = banned && banned[i] ? -INFINITY : logits[i];
    for (; i < padded; i++)
        e[i] = -INFINITY;
    head_two(e, padded, &p->max, &p->second);
    for (i = 0; i < n && p->id < 0; i++)
        if (e[i] == p->max && p->max > -INFINITY)
            p->id = id0 + (int32_t)i;
    for (i = 0; i < full; i += 16)
        top = v16_max(v16_load(logits + i), top);
    p->lse_max = lanes_max(top, p->lse_max);
    for (; i < n; i++)
        p->lse_max = logits[i] > p->lse_max ? logits[i] : p->lse_max;
    top = v16_set1(p->lse_max);
    for (i = 0; i < full; i += 16)
        sum = v16_fold(sum, v16_exp(v16_sub(v16_load(logits + i), top)));
    if (full < n) {
        v16_store(e, v16_exp(v16_sub(v16_load_part(logits + full, n - full), top)));
        sum = v16_fold(sum, v16_load_part(e, n - full));
    }
    p->lse_sum = v8_sum(sum);
}

/* Float matrices, one fmaf a column of W; panels are [column][16 rows]. */
static inline v16 float_weights(enum pack_type type, const unsigned char *panel, size_t k)
{
    if (type == PACK_F32)
        return v16_load((const float *)(const void *)panel + k * 16);
    const uint16_t *h = (const uint16_t *)(const void *)panel + k * 16;
    if (type == PACK_F16)
        return v16_load_half(h);
    float f[16];
    for (int i = 0; i < 16; i++)
        f[i] = bf16_to_f32(h[i]);
    return v16_load(f);
}

static inline void elem_gemm_float(enum pack_type type, const unsigned char *panel,
                                   const struct acts *x, size_t col0, size_t n_cols, float *y,
                                   size_t ldy)
{
    size_t c = 0;
    for (; c + 4 <= n_cols; c += 4) {
        const float *f = x->f + (col0 + c) * x->k;
        v16 a0 = v16_set1(0), a1 = a0, a2 = a0, a3 = a0;
        for (size_t k = 0; k < x->k; k++) {
            v16 w = float_weights(type, panel, k);
            a0 = v16_fma(w, v16_set1(f[k]), a0);
            a1 = v16_fma(w, v16_set1(f[x->k + k]), a1);
            a2 = v16_fma(w, v16_set1(f[2 * x->k + k]), a2);
            a3 = v16_fma(w, v16_set1(f[3 * x->k + k]), a3);
        }
        v16_store(y + c * ldy, a0);
        v16_store(y + (c + 1) * ldy, a1);
        v16_store(y + (c + 2) * ldy, a2);
        v16_store(y + (c + 3) * ldy, a3);
    }
    for (; c < n_cols; c++) {
        const float *f = x->f + (col0 + c) * x->k;
        v16 a = v16_set1(0);
        for (size_t k = 0; k < x->k; k++)
            a = v16_fma(float_weights(type, panel, k), v16_set1(f[k]), a);
        v16_store(y + c * ldy, a);
    }
}

/* The table of a file that defines an unpack_TYPE and a gemm_TYPE for each quantised type. */
/* n, n_bytes: columns that gemm takes together, and of bytes. */
#define KERNELS(label, n, n_bytes)                                                                 \
    {                                                                                              \
        .name = label,                                                                             \
        .unpack =                                                                                  \
            {[PACK_Q4_0] = unpack_q4_0, [PACK_Q4_1] = unpack_q4_1, [PACK_Q5_0] = unpack_q5_0,      \
             [PACK_Q8_0] = unpack_q8_0, [PACK_Q4_K] = unpack_q4_k, [PACK_Q6_K] = unpack_q6_k},     \
        .gemm = {[PACK_Q4_0] = gemm_q4_0, [PACK_Q4_1] = gemm_q4_1, [PACK_Q5_0] = gemm_q5_0,        \
                 [PACK_Q8_0] = gemm_q8_0, [PACK_Q4_K] = gemm_q4_k, [PACK_Q6_K] = gemm_q6_k},       \
        .at_once = {[PACK_Q4_0] = n,       [PACK_Q4_1] = n, [PACK_Q5_0] = n,                       \
                    [PACK_Q8_0] = n_bytes, [PACK_Q4_K] = n, [PACK_Q6_K] = n},                      \
        .gemm_float = elem_gemm_float, .quantize = elem_quantize, .rmsnorm = elem_rmsnorm,         \
        .top = elem_top, .rope = elem_rope, .add = elem_add, .silu_mul = elem_silu_mul,            \
        .kv_store = elem_kv_store, .attention = elem_attention, .head = elem_head                  \
    }

#endif
