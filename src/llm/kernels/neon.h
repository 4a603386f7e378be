/* neon.h - products on 64-bit ARM: four rows in the lanes of a 128-bit register (llm/kernels).
 * Included by kernels_dotprod.c and kernels_i8mm.c, which differ in one instruction:
 * Method   SDOT adds the products of 4 weights of each of four rows with 4 activations (one lane of a vector of 16) to
 *          32-bit lanes. SMMLA multiplies 2 rows of 8 weights by 2 columns of 8 activations, twice the work:
 *
 *            rows r, r+1:  | r: 8 weights | r+1: 8 weights |      lanes of the sum:
 *            columns c, c+1: | c: 8       | c+1: 8         |      r.c | r.c+1 | r+1.c | r+1.c+1
 *
 *          The even lanes of two such sums are four rows of column c, the odd ones of column c+1 (UZP1, UZP2).
 *          Weights of 4 to 6 bits are at most 63 and signed bytes as they stand; Q8_0 is signed in the file. What their
 *          offset adds is removed by -offset * sum(x), in integers. A lane holds at most 32 * 128 * 127 < 2^19.
 * Shape    16 rows by 4 columns: 16 sums, 4 vectors of weights and 4 of activations in 32 registers.
 * Exact    Integers do not round or saturate; floats end in the reference's operations. */
#ifndef LLM_KERNELS_NEON_H
#define LLM_KERNELS_NEON_H

#include "llm/kernels/elem.h"
#include "llm/kernels/pack_layout.h"

#include <arm_neon.h>

#define INLINE static inline __attribute__((always_inline))

/* Quarter u (rows 4u..4u+3) of groups j and j+4 of a block. type and j are constants. */
INLINE void weights(const enum pack_type type, const struct packed_block *p, const int j,
                    const int u, int8x16_t *lo, int8x16_t *hi)
{
    uint8x16_t v = vld1q_u8(p->qs + 64 * j + 16 * u), a, b;

    if (type == PACK_Q8_0) {
        *lo = vreinterpretq_s8_u8(v);
        *hi = vreinterpretq_s8_u8(vld1q_u8(p->qs + 64 * (j + 4) + 16 * u));
        return;
    }
    a = vandq_u8(v, vdupq_n_u8(15));
    b = vshrq_n_u8(v, 4);
    if (type == PACK_Q5_0) {
        uint8x16_t h = vld1q_u8(p->qh + 16 * u), bit4 = vdupq_n_u8(16);
        a = vorrq_u8(a, vandq_u8(vshlq_u8(h, vdupq_n_s8((int8_t)(4 - j))), bit4));
        b = vorrq_u8(b, vandq_u8(vshlq_u8(h, vdupq_n_s8((int8_t)-j)), bit4));
    } else if (type == PACK_Q6_K) {
        uint8x16_t h = vld1q_u8(p->qh + 16 * u), k = vld1q_u8(p->qh + 64 + 16 * u),
                   bits45 = vdupq_n_u8(48);
        int8x16_t by = vdupq_n_s8((int8_t)(4 - 2 * j)); /* negative: to the right */
        a = vorrq_u8(a, vandq_u8(vshlq_u8(h, by), bits45));
        b = vorrq_u8(b, vandq_u8(vshlq_u8(k, by), bits45));
    }
    *lo = vreinterpretq_s8_u8(a);
    *hi = vreinterpretq_s8_u8(b);
}

INLINE float32x4_t halves_at(const uint16_t *p)
{
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}

INLINE uint16x4_t bytes_at(const uint8_t *p)
{
    uint32_t four;

    memcpy(&four, p, 4);
    return vget_low_u16(vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(four))));
}

/* dw of 4 rows. */
INLINE float32x4_t scales(const enum pack_type type, const struct packed_block *p, const int u)
{
    float32x4_t d = halves_at(p->d + 4 * u);

    return type == PACK_Q4_K ? vmulq_f32(d, vcvtq_f32_u32(vmovl_u16(bytes_at(p->sc + 4 * u)))) : d;
}

/* Factors of the sum, of types with a minimum. */
INLINE float32x4_t minima(const enum pack_type type, const struct packed_block *p, const int u)
{
    float32x4_t m = halves_at(p->m + 4 * u);

    return type == PACK_Q4_K ? vmulq_f32(vsubq_f32(vdupq_n_f32(-0.0f), m),
                                         vcvtq_f32_u32(vmovl_u16(bytes_at(p->mn + 4 * u))))
                             : m;
}

/* Q6_K: factors of half h of a block. */
INLINE float32x4_t factors(const struct packed_block *p, const int h, const int u)
{
    int16x4_t wide = vreinterpret_s16_u16(bytes_at(p->sc + 16 * h + 4 * u));

    return vcvtq_f32_s32(vmovl_s16(vshr_n_s16(vshl_n_s16(wide, 8), 8)));
}

INLINE bool has_minimum(const enum pack_type type)
{
    return type == PACK_Q4_1 || type == PACK_Q4_K;
}

/* What the offset of a type adds to each weight is 1 << shift; 0 where there is none. */
INLINE int offset_of(const enum pack_type type)
{
    return type == PACK_Q4_0 ? 8 : type == PACK_Q5_0 ? 16 : type == PACK_Q6_K ? 32 : 0;
}

/* A tile in groups of 4 columns, or, for pairs of rows, groups 2g and 2g+1 together: pair r of 8 columns at byte 16r. */
INLINE void unpack(const enum pack_type type, const unsigned char *panel, size_t blk0, size_t n,
                   struct tile *t, const bool pairs)
{
    for (size_t b = 0; b < n; b++) {
        struct packed_block p = packed_block(type, panel, blk0 + b);
#pragma GCC unroll 4
        for (int u = 0; u < 4; u++) {
            int8x16_t w[8];
#pragma GCC unroll 4
            for (int j = 0; j < 4; j++)
                weights(type, &p, j, u, &w[j], &w[j + 4]);
#pragma GCC unroll 4
            for (int g = 0; g < 8; g += 2) {
                int8_t *at = (int8_t *)t->q[b * 8 + (size_t)g][0];
                if (pairs) {
                    int32x4_t k = vreinterpretq_s32_s8(w[g]), l = vreinterpretq_s32_s8(w[g + 1]);
                    vst1q_s8(at + 32 * u, vreinterpretq_s8_s32(vzip1q_s32(k, l)));
                    vst1q_s8(at + 32 * u + 16, vreinterpretq_s8_s32(vzip2q_s32(k, l)));
                } else {
                    vst1q_s8(at + 16 * u, w[g]);
                    vst1q_s8(at + 64 + 16 * u, w[g + 1]);
                }
            }
            vst1q_f32(t->d[b] + 4 * u, scales(type, &p, u));
            if (has_minimum(type))
                vst1q_f32(t->m[b] + 4 * u, minima(type, &p, u));
            if (type == PACK_Q6_K) {
                vst1q_f32(t->sc[b][0] + 4 * u, factors(&p, 0, u));
                vst1q_f32(t->sc[b][1] + 4 * u, factors(&p, 1, u));
            }
        }
    }
}

/* Sums of one block for 16 rows and NC columns: s[c][u] over groups g0..g1-1. */
INLINE void dots(int32x4_t s[4][4], const int8_t *w, const int8_t *q, size_t ldq, const int g0,
                 const int g1, const int NC)
{
#pragma GCC unroll 2
    for (int half = g0; half < g1; half += 4) {
        int8x16_t x[4];
#pragma GCC unroll 4
        for (int c = 0; c < NC; c++)
            x[c] = vld1q_s8(q + (size_t)c * ldq + 4 * half);
#pragma GCC unroll 4
        for (int u = 0; u < 4; u++) {
            const int8_t *at = w + 64 * half + 16 * u;
            int8x16_t a = vld1q_s8(at), b = vld1q_s8(at + 64), d = vld1q_s8(at + 128),
                      e = vld1q_s8(at + 192);
#pragma GCC unroll 4
            for (int c = 0; c < NC; c++) {
                s[c][u] = vdotq_laneq_s32(s[c][u], a, x[c], 0);
                s[c][u] = vdotq_laneq_s32(s[c][u], b, x[c], 1);
                s[c][u] = vdotq_laneq_s32(s[c][u], d, x[c], 2);
                s[c][u] = vdotq_laneq_s32(s[c][u], e, x[c], 3);
            }
        }
    }
}

#if defined(__ARM_FEATURE_MATMUL_INT8)
/* The same by pairs: NC is even, or 1, when the only column stands for both. */
INLINE void dots_pairs(int32x4_t s[4][4], const int8_t *w, const int8_t *q, size_t ldq,
                       const int g0, const int g1, const int NC)
{
#pragma GCC unroll 2
    for (int c = 0; c < NC; c += 2) {
        const int8_t *x = q + (size_t)c * ldq, *z = NC == 1 ? x : x + ldq;
        int32x4_t p[8];
#pragma GCC unroll 8
        for (int r = 0; r < 8; r++)
            p[r] = vdupq_n_s32(0);
#pragma GCC unroll 4
        for (int g = g0; g < g1; g += 2) {
            int8x16_t xz = vcombine_s8(vld1_s8(x + 4 * g), vld1_s8(z + 4 * g));
#pragma GCC unroll 8
            for (int r = 0; r < 8; r++)
                p[r] = vmmlaq_s32(p[r], vld1q_s8(w + 64 * g + 16 * r), xz);
        }
#pragma GCC unroll 4
        for (int u = 0; u < 4; u++) {
            s[c][u] = vaddq_s32(s[c][u], vuzp1q_s32(p[2 * u], p[2 * u + 1]));
            if (NC > 1)
                s[c + 1][u] = vaddq_s32(s[c + 1][u], vuzp2q_s32(p[2 * u], p[2 * u + 1]));
        }
    }
}
#endif

/* NC columns; type, NC and pairs are constants at every call. */
INLINE void core(const enum pack_type type, const struct tile *t, size_t blk0, size_t n_blk,
                 const struct acts *x, size_t col, float *y, size_t ldy, bool first, const int NC,
                 const bool pairs)
{
    size_t nb = x->k / BLOCK, at = col * nb + blk0;
    const int8_t *q = x->q + col * x->k + blk0 * BLOCK;
    float32x4_t acc[4][4];
    const bool two = type == PACK_Q6_K;

#pragma GCC unroll 16
    for (int i = 0; i < 4 * NC; i++)
        acc[i / 4][i % 4] =
            first ? vdupq_n_f32(0) : vld1q_f32(y + (size_t)(i / 4) * ldy + 4 * (i % 4));
    for (size_t b = 0; b < n_blk; b++, at++, q += BLOCK) {
        const int8_t *w = (const int8_t *)t->q[b * 8];
        int32x4_t s[4][4], h[4][4];
#pragma GCC unroll 16
        for (int i = 0; i < 4 * NC; i++) {
            size_t k = at + (size_t)(i / 4) * nb;
            s[i / 4][i % 4] = vdupq_n_s32(offset_of(type) * (two ? x->nh[2 * k] : x->ns[k]));
            h[i / 4][i % 4] = vdupq_n_s32(two ? offset_of(type) * x->nh[2 * k + 1] : 0);
        }
#if defined(__ARM_FEATURE_MATMUL_INT8)
        if (pairs) {
            dots_pairs(s, w, q, x->k, 0, two ? 4 : 8, NC);
            if (two)
                dots_pairs(h, w, q, x->k, 4, 8, NC);
        } else
#endif
        {
            dots(s, w, q, x->k, 0, two ? 4 : 8, NC);
            if (two)
                dots(h, w, q, x->k, 4, 8, NC);
        }
#pragma GCC unroll 16
        for (int i = 0; i < 4 * NC; i++) {
            int c = i / 4, u = i % 4;
            size_t k = at + (size_t)c * nb;
            float32x4_t f = vcvtq_f32_s32(s[c][u]);
            if (two)
                f = vfmaq_f32(vmulq_f32(vld1q_f32(t->sc[b][0] + 4 * u), f),
                              vld1q_f32(t->sc[b][1] + 4 * u),
                              vcvtq_f32_s32(h[c][u])); /* exact: below 2^24 */
            acc[c][u] = vfmaq_f32(acc[c][u],
                                  vmulq_f32(vld1q_f32(t->d[b] + 4 * u), vdupq_n_f32(x->dx[k])), f);
            if (has_minimum(type))
                acc[c][u] = vfmaq_f32(acc[c][u], vld1q_f32(t->m[b] + 4 * u), vdupq_n_f32(x->ds[k]));
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < 4 * NC; i++)
        vst1q_f32(y + (size_t)(i / 4) * ldy + 4 * (i % 4), acc[i / 4][i % 4]);
}

INLINE void gemm(const enum pack_type type, const struct tile *t, size_t blk0, size_t n_blk,
                 const struct acts *x, size_t col0, size_t n_cols, float *y, size_t ldy, bool first,
                 const bool pairs)
{
#define CORE(NC)                                                                                   \
    do {                                                                                           \
        core(type, t, blk0, n_blk, x, col0 + c, y + c * ldy, ldy, first, NC, pairs);               \
        c += NC;                                                                                   \
    } while (0)
    size_t c = 0;
    while (c + 4 <= n_cols)
        CORE(4);
    if (c + 2 <= n_cols)
        CORE(2);
    if (c < n_cols)
        CORE(1);
#undef CORE
}

#define TYPE(name, type, pairs)                                                                    \
    static void unpack_##name(const unsigned char *panel, size_t blk0, size_t n, struct tile *t)   \
    {                                                                                              \
        unpack(type, panel, blk0, n, t, pairs);                                                    \
    }                                                                                              \
    static void gemm_##name(const struct tile *t, size_t blk0, size_t n_blk, const struct acts *x, \
                            size_t col0, size_t n_cols, float *y, size_t ldy, bool first)          \
    {                                                                                              \
        gemm(type, t, blk0, n_blk, x, col0, n_cols, y, ldy, first, pairs);                         \
    }
#define TYPES(pairs)                                                                               \
    TYPE(q4_0, PACK_Q4_0, pairs)                                                                   \
    TYPE(q4_1, PACK_Q4_1, pairs)                                                                   \
    TYPE(q5_0, PACK_Q5_0, pairs)                                                                   \
    TYPE(q8_0, PACK_Q8_0, pairs)                                                                   \
    TYPE(q4_k, PACK_Q4_K, pairs)                                                                   \
    TYPE(q6_k, PACK_Q6_K, pairs)

#endif
