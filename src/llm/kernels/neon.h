/* neon.h - products on 64-bit ARM: four rows in the lanes of a 128-bit register (llm/kernels).
 * Included by kernels_dotprod.c and kernels_i8mm.c, which differ in how a tile is multiplied:
 * Method   SDOT adds the products of 4 weights of each of four rows with 4 activations (one lane of a vector of 16) to
 *          32-bit lanes. SMMLA multiplies 2 rows of 8 weights by 2 columns of 8 activations, twice the work:
 *
 *            rows r, r+1:    | r: 8 weights | r+1: 8 weights |     lanes of the sum:
 *            columns c, c+1: | c: 8         | c+1: 8         |     r.c | r.c+1 | r+1.c | r+1.c+1
 *
 *          The even lanes of two such sums are four rows of column c, the odd ones of column c+1 (UZP1, UZP2).
 *          Weights of 4 to 6 bits are at most 63 and signed bytes as they stand; Q8_0 is signed in the file. A sum starts
 *          at -offset * sum(x) instead of zero, which removes the offset. A lane holds at most 32 * 128 * 127 < 2^19.
 * Shape    16 rows by 4 columns: 16 sums, a vector of activations for each column (or pair of them) and weights that pass by;
 *          half of the float accumulators come from memory, once a block.
 * Exact    Integers do not round or saturate; floats end in the reference's operations.
 * Source   Arm Architecture Reference Manual for A-profile (SDOT, SMMLA, UZP1). */
#ifndef LLM_KERNELS_NEON_H
#define LLM_KERNELS_NEON_H

#include "llm/kernels/elem.h"
#include "llm/kernels/pack_layout.h"

#include <arm_neon.h>

#define COLS 4 /* that share a tile */

/* To the left, or to the right where `by` is negative; a constant. */
INLINE uint8x16_t shifted(uint8x16_t v, const int by)
{
    return by < 0 ? v >> -by : v << by;
}

/* Quarter u (rows 4u..4u+3) of groups j and j+4 of a block, signed. type and j are constants. */
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
        a = vbslq_u8(bit4, shifted(h, 4 - j), a);
        b = vbslq_u8(bit4, shifted(h, -j), b);
    } else if (type == PACK_Q6_K) {
        uint8x16_t h = vld1q_u8(p->qh + 16 * u), k = vld1q_u8(p->qh + 64 + 16 * u),
                   bits45 = vdupq_n_u8(48);
        a = vbslq_u8(bits45, shifted(h, 4 - 2 * j), a);
        b = vbslq_u8(bits45, shifted(k, 4 - 2 * j), b);
    }
    *lo = vreinterpretq_s8_u8(a);
    *hi = vreinterpretq_s8_u8(b);
}

INLINE float32x4_t halves_at(const uint16_t *p)
{
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}

/* Bytes 4u..4u+3 of 16; the other quarters of the same 16 share its work. */
INLINE float32x4_t bytes_at(const uint8_t *p, const int u)
{
    uint8x16_t v = vld1q_u8(p);
    uint16x8_t w = u < 2 ? vmovl_u8(vget_low_u8(v)) : vmovl_high_u8(v);

    return vcvtq_f32_u32(u % 2 ? vmovl_high_u16(w) : vmovl_u16(vget_low_u16(w)));
}

INLINE float32x4_t signed_bytes_at(const int8_t *p, const int u)
{
    int8x16_t v = vld1q_s8(p);
    int16x8_t w = u < 2 ? vmovl_s8(vget_low_s8(v)) : vmovl_high_s8(v);

    return vcvtq_f32_s32(u % 2 ? vmovl_high_s16(w) : vmovl_s16(vget_low_s16(w)));
}

/* dw of 4 rows. */
INLINE float32x4_t scales(const enum pack_type type, const struct packed_block *p, const int u)
{
    float32x4_t d = halves_at(p->d + 4 * u);

    return type == PACK_Q4_K ? vmulq_f32(d, bytes_at(p->sc, u)) : d;
}

/* Factors of the sum, of types with a minimum. */
INLINE float32x4_t minima(const enum pack_type type, const struct packed_block *p, const int u)
{
    float32x4_t m = halves_at(p->m + 4 * u);

    return type == PACK_Q4_K ? vmulq_f32(vnegq_f32(m), bytes_at(p->mn, u)) : m;
}

/* Q6_K: factors of half h of a block. */
INLINE float32x4_t factors(const struct packed_block *p, const int h, const int u)
{
    return signed_bytes_at((const int8_t *)p->sc + 16 * h, u);
}

/* Where a sum of 4 rows starts: minus what the offset of the type adds, 1 << shift times the sum of the activations. Q6_K
 * has a sum for each half of a block, other types only one, for half 0. */
INLINE int32x4_t begin(const enum pack_type type, const struct acts *x, size_t k, const int half)
{
    const int shift = type == PACK_Q4_0 ? 3 : type == PACK_Q5_0 ? 4 : 5;

    if (type == PACK_Q6_K)
        return vdupq_n_s32(acts_half(x, k, (size_t)half)) << shift;
    if (half == 0 && (type == PACK_Q4_0 || type == PACK_Q5_0))
        return vld1q_dup_s32(&x->ns[k]) << shift;
    return vdupq_n_s32(0);
}

/* acc + what a block adds to 4 rows of one column: f are its sums, in Q6_K with their factors. */
INLINE float32x4_t end(const enum pack_type type, float32x4_t acc, float32x4_t f, float32x4_t d,
                       float32x4_t m, float dx, float ds)
{
    acc = vfmaq_f32(acc, vmulq_n_f32(d, dx), f);
    return has_minimum(type) ? vfmaq_n_f32(acc, m, ds) : acc;
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

/* The sums of one block for 16 rows and NC columns, s[c][u], or in Q6_K those of one half of it: w are its weights, q its
 * activations, k its place in the arrays of x. */
INLINE void sums(const enum pack_type type, const int8_t *w, const int8_t *q, const struct acts *x,
                 size_t k, const int half, const int NC, int32x4_t s[COLS][4])
{
    const int last = type == PACK_Q6_K ? 4 * half + 4 : 8;

#pragma GCC unroll 4
    for (int c = 0; c < NC; c++)
        s[c][0] = s[c][1] = s[c][2] = s[c][3] =
            begin(type, x, k + (size_t)c * (x->k / BLOCK), half);
#pragma GCC unroll 2
    for (int i = 4 * half; i < last; i += 4) {
        int8x16_t v[COLS];
#pragma GCC unroll 4
        for (int c = 0; c < NC; c++)
            v[c] = vld1q_s8(q + (size_t)c * x->k + 4 * i);
#pragma GCC unroll 4
        for (int u = 0; u < 4; u++) {
            const int8_t *at = w + 64 * i + 16 * u;
#define GROUP(j) /* the instruction wants a lane that is written as a number */                    \
    do {                                                                                           \
        int8x16_t rows = vld1q_s8(at + 64 * (j));                                                  \
        _Pragma("GCC unroll 4") for (int c = 0; c < NC; c++)                                       \
        {                                                                                          \
            s[c][u] = vdotq_laneq_s32(s[c][u], rows, v[c], j);                                     \
        }                                                                                          \
    } while (0)
            GROUP(0);
            GROUP(1);
            GROUP(2);
            GROUP(3);
#undef GROUP
        }
    }
}

#if defined(__ARM_FEATURE_MATMUL_INT8)
/* The same by pairs. A single column stands for both of its pair. */
INLINE void sums_of_pairs(const enum pack_type type, const int8_t *w, const int8_t *q,
                          const struct acts *x, size_t k, const int half, const int NC,
                          int32x4_t s[COLS][4])
{
    const size_t nb = x->k / BLOCK, next = NC > 1;
    const int last = type == PACK_Q6_K ? 4 * half + 4 : 8;
    int32x4_t p[COLS / 2][8];

#pragma GCC unroll 2
    for (int c = 0; c < NC; c += 2) {
        size_t i = k + (size_t)c * nb;
        int32x4_t from = vzip1q_s32(begin(type, x, i, half), begin(type, x, i + next * nb, half));
#pragma GCC unroll 8
        for (int r = 0; r < 8; r++)
            p[c / 2][r] = from;
    }
#pragma GCC unroll 4
    for (int g = 4 * half; g < last; g += 2) {
        int8x16_t v[COLS / 2];
#pragma GCC unroll 2
        for (int c = 0; c < NC; c += 2) {
            const int8_t *at = q + (size_t)c * x->k + 4 * g;
            v[c / 2] = vcombine_s8(vld1_s8(at), vld1_s8(at + next * x->k));
        }
#pragma GCC unroll 8
        for (int r = 0; r < 8; r++) {
            int8x16_t rows = vld1q_s8(w + 64 * g + 16 * r);
#pragma GCC unroll 2
            for (int c = 0; c < NC; c += 2)
                p[c / 2][r] = vmmlaq_s32(p[c / 2][r], rows, v[c / 2]);
        }
    }
#pragma GCC unroll 4
    for (int c = 0; c < NC; c++)
#pragma GCC unroll 4
        for (int u = 0; u < 4; u++)
            s[c][u] = c % 2 ? vuzp2q_s32(p[c / 2][2 * u], p[c / 2][2 * u + 1])
                            : vuzp1q_s32(p[c / 2][2 * u], p[c / 2][2 * u + 1]);
}
#else
#define sums_of_pairs sums /* never asked for */
#endif

/* NC columns; type, NC and pairs are constants at every call. */
INLINE void core(const enum pack_type type, const struct tile *t, size_t blk0, size_t n_blk,
                 const struct acts *x, size_t col, float *y, size_t ldy, bool first, const int NC,
                 const bool pairs)
{
    size_t nb = x->k / BLOCK, at = col * nb + blk0;
    const int8_t *q = x->q + col * x->k + blk0 * BLOCK;
    float32x4_t acc[COLS][4];

#pragma GCC unroll 16
    for (int i = 0; i < 4 * NC; i++)
        acc[i / 4][i % 4] =
            first ? vdupq_n_f32(0) : vld1q_f32(y + (size_t)(i / 4) * ldy + 4 * (i % 4));
    for (size_t b = 0; b < n_blk; b++, at++, q += BLOCK) {
        const int8_t *w = (const int8_t *)t->q[b * 8];
        int32x4_t s[COLS][4];
        float32x4_t f[COLS][4];

        if (pairs)
            sums_of_pairs(type, w, q, x, at, 0, NC, s);
        else
            sums(type, w, q, x, at, 0, NC, s);
#pragma GCC unroll 16
        for (int i = 0; i < 4 * NC; i++) {
            float32x4_t v = vcvtq_f32_s32(s[i / 4][i % 4]);
            f[i / 4][i % 4] =
                type == PACK_Q6_K ? vmulq_f32(v, vld1q_f32(t->sc[b][0] + 4 * (i % 4))) : v;
        }
        if (type == PACK_Q6_K) {
            if (pairs)
                sums_of_pairs(type, w, q, x, at, 1, NC, s);
            else
                sums(type, w, q, x, at, 1, NC, s);
#pragma GCC unroll 16
            for (int i = 0; i < 4 * NC; i++) /* exact: below 2^24 */
                f[i / 4][i % 4] = vfmaq_f32(f[i / 4][i % 4], vcvtq_f32_s32(s[i / 4][i % 4]),
                                            vld1q_f32(t->sc[b][1] + 4 * (i % 4)));
        }
#pragma GCC unroll 16
        for (int i = 0; i < 4 * NC; i++) {
            int c = i / 4, u = i % 4;
            size_t k = at + (size_t)c * nb;
            acc[c][u] = end(type, acc[c][u], f[c][u], vld1q_f32(t->d[b] + 4 * u),
                            vld1q_f32(t->m[b] + 4 * u), x->dx[k], x->ds[k]);
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
