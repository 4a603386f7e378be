/* kernels_avxvnni.c - two halves of 8 rows in the lanes of 256-bit registers, with dot products (llm/kernels).
 * Picture  | row 0: w0 w1 w2 w3 | row 1: w0 w1 w2 w3 | ... | row 7 |  weights of a group, from the tile
 *          |        x0 x1 x2 x3 |        x0 x1 x2 x3 | ... |       |  activations of a column, the same
 *          | row 0 += w0x0+w1x1+w2x2+w3x3 | row 1 += ...   |       |  VPDPBUSD, 32 bits
 * Method   VPDPBUSD in its 256-bit form, for processors that have it without AVX-512: 4 unsigned weights of each row by the
 *          same 4 signed activations, added to a 32-bit lane. Bytes (Q8_0) become unsigned by adding 128. The sum starts at
 *          -offset * sum(x), which removes the offset; a lane holds at most 32 * 255 * 127 < 2^20 in either direction.
 * Shape    16 rows by 4 columns: 8 sums, which is what the latency of the instruction asks for, two vectors of weights and
 *          one of activations; float accumulators come from memory once a block.
 * Exact    Integers do not round and VPDPBUSD does not saturate; floats end in the reference's operations.
 * Source   Intel Architecture Instruction Set Extensions Programming Reference (VPDPBUSD, VEX form). */
#include "llm/kernels/x86_256.h"

#define COLS 4

/* What the offset of a type adds to every weight is 1 << this, or nothing. */
INLINE int shift_of(const enum pack_type type)
{
    return type == PACK_Q4_0 ? 3 : type == PACK_Q5_0 ? 4 : type == PACK_Q6_K ? 5 : 7;
}

INLINE __m256i minus_offset(const enum pack_type type, int32_t minus_sum)
{
    return has_minimum(type) ? _mm256_setzero_si256()
                             : _mm256_slli_epi32(_mm256_set1_epi32(minus_sum), shift_of(type));
}

INLINE __m256i as_unsigned(const enum pack_type type, __m256i w)
{
    return type == PACK_Q8_0 ? _mm256_xor_si256(w, _mm256_set1_epi8((char)0x80)) : w;
}

/* Q6_K: factors of half h of a block. */
INLINE __m256 factors(const struct packed_block *p, const int h, const int u)
{
    return _mm256_cvtepi32_ps(
        _mm256_cvtepi8_epi32(_mm_loadl_epi64((const void *)(p->sc + 16 * h + 8 * u))));
}

/* Sums of a block so far: s of groups 0..3 (or all), h of groups 4..7. */
INLINE void begin(const enum pack_type type, const struct acts *x, size_t k, __m256i *s, __m256i *h)
{
    *s = minus_offset(type, type == PACK_Q6_K ? acts_half(x, k, 0) : x->ns[k]);
    *h = type == PACK_Q6_K ? minus_offset(type, acts_half(x, k, 1)) : _mm256_setzero_si256();
}

/* acc + what a block adds to 8 rows of one column. */
INLINE __m256 end(const enum pack_type type, __m256 acc, __m256i s, __m256i h, __m256 d, __m256 m,
                  __m256 sc0, __m256 sc1, float dx, float ds)
{
    __m256 f;

    if (type == PACK_Q6_K)
        f = _mm256_fmadd_ps(sc1, _mm256_cvtepi32_ps(h),
                            _mm256_mul_ps(sc0, _mm256_cvtepi32_ps(s))); /* exact: below 2^24 */
    else
        f = _mm256_cvtepi32_ps(_mm256_add_epi32(s, h));
    acc = _mm256_fmadd_ps(_mm256_mul_ps(d, _mm256_set1_ps(dx)), f, acc);
    return has_minimum(type) ? _mm256_fmadd_ps(m, _mm256_set1_ps(ds), acc) : acc;
}

INLINE void core(const enum pack_type type, const struct tile *t, size_t blk0, size_t n_blk,
                 const struct acts *x, size_t col, float *y, size_t ldy, bool first, const int NC)
{
    size_t nb = x->k / BLOCK, at = col * nb + blk0;
    const int8_t *q = x->q + col * x->k + blk0 * BLOCK;
    __m256 acc[2 * COLS];

#pragma GCC unroll 8
    for (int i = 0; i < 2 * NC; i++)
        acc[i] =
            first ? _mm256_setzero_ps() : _mm256_loadu_ps(y + (size_t)(i / 2) * ldy + 8 * (i % 2));
    for (size_t b = 0; b < n_blk; b++, at++, q += BLOCK) {
        __m256i s[2 * COLS], h[2 * COLS];
#pragma GCC unroll 8
        for (int i = 0; i < 2 * NC; i++)
            begin(type, x, at + (size_t)(i / 2) * nb, &s[i], &h[i]);
#pragma GCC unroll 8
        for (int g = 0; g < 8; g++) {
            __m256i w0 = _mm256_load_si256((const void *)t->q[b * 8 + (size_t)g][0]),
                    w1 = _mm256_load_si256((const void *)t->q[b * 8 + (size_t)g][8]);
            __m256i *to = type == PACK_Q6_K && g >= 4 ? h : s;
#pragma GCC unroll 4
            for (int c = 0; c < NC; c++) {
                __m256i four = four_of(q + (size_t)c * x->k + 4 * g);
                to[2 * c] = _mm256_dpbusd_avx_epi32(to[2 * c], w0, four);
                to[2 * c + 1] = _mm256_dpbusd_avx_epi32(to[2 * c + 1], w1, four);
            }
        }
#pragma GCC unroll 8
        for (int i = 0; i < 2 * NC; i++) {
            size_t k = at + (size_t)(i / 2) * nb;
            int u = 8 * (i % 2);
            acc[i] = end(type, acc[i], s[i], h[i], _mm256_load_ps(t->d[b] + u),
                         _mm256_load_ps(t->m[b] + u), _mm256_load_ps(t->sc[b][0] + u),
                         _mm256_load_ps(t->sc[b][1] + u), x->dx[k], x->ds[k]);
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < 2 * NC; i++)
        _mm256_storeu_ps(y + (size_t)(i / 2) * ldy + 8 * (i % 2), acc[i]);
}

INLINE void gemm(const enum pack_type type, const struct tile *t, size_t blk0, size_t n_blk,
                 const struct acts *x, size_t col0, size_t n_cols, float *y, size_t ldy, bool first)
{
#define CORE(NC)                                                                                   \
    do {                                                                                           \
        core(type, t, blk0, n_blk, x, col0 + c, y + c * ldy, ldy, first, NC);                      \
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

INLINE void unpack_rest(const enum pack_type type, const unsigned char *panel, size_t blk0,
                        size_t n, struct tile *t)
{
    unpack(type, panel, blk0, n, t);
    if (type == PACK_Q8_0)
        for (size_t i = 0; i < n * 8; i++)
            for (int u = 0; u < 2; u++) {
                __m256i *at = (void *)t->q[i][8 * u];
                _mm256_store_si256(at, as_unsigned(type, _mm256_load_si256(at)));
            }
    if (type == PACK_Q6_K)
        for (size_t b = 0; b < n; b++) {
            struct packed_block p = packed_block(type, panel, blk0 + b);
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++)
                _mm256_store_ps(t->sc[b][i / 2] + 8 * (i % 2), factors(&p, i / 2, i % 2));
        }
}

#define TYPE(name, type)                                                                           \
    static void unpack_##name(const unsigned char *panel, size_t blk0, size_t n, struct tile *t)   \
    {                                                                                              \
        unpack_rest(type, panel, blk0, n, t);                                                      \
    }                                                                                              \
    static void gemm_##name(const struct tile *t, size_t blk0, size_t n_blk, const struct acts *x, \
                            size_t col0, size_t n_cols, float *y, size_t ldy, bool first)          \
    {                                                                                              \
        gemm(type, t, blk0, n_blk, x, col0, n_cols, y, ldy, first);                                \
    }
TYPE(q4_0, PACK_Q4_0)
TYPE(q4_1, PACK_Q4_1)
TYPE(q5_0, PACK_Q5_0)
TYPE(q8_0, PACK_Q8_0)
TYPE(q4_k, PACK_Q4_K)
TYPE(q6_k, PACK_Q6_K)

const struct kernels kernels_avxvnni = KERNELS("avxvnni", 4, 4);
