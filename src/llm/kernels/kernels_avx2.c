/* kernels_avx2.c - two halves of 8 rows in the lanes of 256-bit registers (llm/kernels).
 * Method   VPMADDUBSW multiplies unsigned weights by signed activations (|x| <= 127) and adds pairs in 16 bits. Several
 *          such results are added in 16 bits before one VPMADDWD widens them, as many as cannot overflow:
 *            4 bits: 8 * 2 * 15 * 127 = 30480     5 bits: 4 * 2 * 31 * 127 = 31496
 *            6 bits: 2 * 2 * 63 * 127 = 32004     all < 32768
 *          Where each 16 columns have an integer scale (Q6_K), VPMADDWD multiplies by it while it widens: a lane then holds at
 *          most 4 * 2 * 32004 * 128 < 2^25, and the offset is removed as -32 * (sc0 * sum0 + sc1 * sum1).
 *          Bytes (Q8_0) are multiplied as |w| * (sign(w) x): one result is at most 2 * 128 * 127 = 32512, so each is
 *          widened by itself. |-128| is 128 as an unsigned byte, and x is never -128, so its negation exists.
 * Shape    16 rows by 3 columns: 6 sums in 16 bits, 6 float accumulators or sums in 32 bits, two vectors of weights, one of
 *          activations: 5 loads for 6 products, where 8 rows by 4 columns need 5 for 4. Where signs are kept besides (Q8_0),
 *          16 registers hold 8 rows by 4 columns.
 * Exact    Integers do not round; floats end in the reference's operations. */
#include "llm/kernels/x86_256.h"

/* Keep the compiler from working ahead: sums in the order of the text leave every value in a register. Costs nothing. */
#define IN_ORDER(v) __asm__ volatile("" : "+x"(v))

enum { OFFSET, MINIMUM, FACTORS, BYTES };
#define SUMS 6 /* of 8 rows and a column, at once */

/* Q6_K: the factor of half h of a block twice in each of 8 lanes, to multiply pairs by. */
INLINE __m256i factor_pairs(const struct packed_block *p, const int h, const int u)
{
    __m256i f = _mm256_cvtepi8_epi32(_mm_loadl_epi64((const void *)(p->sc + 16 * h + 8 * u)));

    return _mm256_blend_epi16(f, _mm256_slli_epi32(f, 16), 0xAA);
}

/* Q6_K: the offset of all weights of 8 rows, removed. f: factors of the halves. */
INLINE __m256i offsets(const struct acts *x, size_t k, __m256i f0, __m256i f1, const int shift)
{
    int32_t sums; /* of both halves, 16 bits each */

    memcpy(&sums, x->nh + 2 * k, 4);
    return _mm256_slli_epi32(
        _mm256_madd_epi16(_mm256_blend_epi16(f0, f1, 0xAA), _mm256_set1_epi32(sums)), shift);
}

/* acc + what a block adds to 8 rows of one column. */
INLINE __m256 end(__m256 acc, __m256i s, __m256 d, __m256 m, const struct acts *x, size_t k,
                  const int kind)
{
    acc = _mm256_fmadd_ps(_mm256_mul_ps(d, _mm256_set1_ps(x->dx[k])), _mm256_cvtepi32_ps(s), acc);
    return kind == MINIMUM ? _mm256_fmadd_ps(m, _mm256_set1_ps(x->ds[k]), acc) : acc;
}

/* Adds a block's products of R halves of 8 rows and NC columns to s, column after column; `run` of them share 16 bits. */
INLINE void dots(__m256i *s, const uint8_t *w, const int8_t *q, size_t ldq, const int R,
                 const int NC, const int kind, const int run)
{
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i sum[SUMS];

#pragma GCC unroll 8
    for (int g = 0; g < 8; g++) {
        __m256i v[2], a[2];
#pragma GCC unroll 2
        for (int u = 0; u < R; u++) {
            v[u] = _mm256_load_si256((const void *)(w + g * 64 + 32 * u));
            a[u] = kind == BYTES ? _mm256_abs_epi8(v[u]) : v[u];
        }
#pragma GCC unroll 4
        for (int c = 0; c < NC; c++) {
            __m256i four = four_of(q + (size_t)c * ldq + g * 4);
#pragma GCC unroll 2
            for (int u = 0; u < R; u++) {
                int i = c * R + u;
                __m256i p =
                    _mm256_maddubs_epi16(a[u], kind == BYTES ? _mm256_sign_epi8(four, v[u]) : four);
                sum[i] = g % run ? _mm256_add_epi16(sum[i], p) : p;
                IN_ORDER(sum[i]);
            }
        }
        if (g % run == run - 1) {
#pragma GCC unroll 8
            for (int i = 0; i < R * NC; i++) {
                __m256i wide = _mm256_madd_epi16(sum[i], ones);
                s[i] = g == run - 1 ? wide : _mm256_add_epi32(s[i], wide);
                IN_ORDER(s[i]);
            }
        }
    }
}

/* The same where two products share 16 bits and each half of the block has factors: four vectors of weights at a time, so
 * that no sum of products waits for others. */
INLINE void pairs(__m256i *s, const uint8_t *w, const int8_t *q, size_t ldq, const __m256i *f0,
                  const __m256i *f1, const int R, const int NC)
{
#pragma GCC unroll 4
    for (int g = 0; g < 8; g += 2) {
        __m256i v[2], z[2], f[2];
#pragma GCC unroll 2
        for (int u = 0; u < R; u++) {
            v[u] = _mm256_load_si256((const void *)(w + g * 64 + 32 * u));
            z[u] = _mm256_load_si256((const void *)(w + g * 64 + 64 + 32 * u));
            f[u] = (g < 4 ? f0 : f1)[u];
            IN_ORDER(v[u]);
            IN_ORDER(z[u]);
            IN_ORDER(f[u]);
        }
#pragma GCC unroll 4
        for (int c = 0; c < NC; c++) {
            __m256i x = four_of(q + (size_t)c * ldq + g * 4),
                    y = four_of(q + (size_t)c * ldq + g * 4 + 4);
#pragma GCC unroll 2
            for (int u = 0; u < R; u++) {
                __m256i p =
                    _mm256_add_epi16(_mm256_maddubs_epi16(v[u], x), _mm256_maddubs_epi16(z[u], y));
                s[c * R + u] = _mm256_add_epi32(s[c * R + u], _mm256_madd_epi16(p, f[u]));
                IN_ORDER(s[c * R + u]);
            }
        }
    }
}

/* R halves of 8 rows from half u0 on, and NC columns, column after column; R, NC, kind, shift and run are constants at every
 * call. */
INLINE void core(const struct tile *t, size_t u0, size_t blk0, size_t n_blk, const struct acts *x,
                 size_t col, float *y, size_t ldy, bool first, const int R, const int NC,
                 const int kind, const int shift, const int run)
{
    size_t nb = x->k / BLOCK, at = col * nb + blk0;
    const int8_t *q = x->q + col * x->k + blk0 * BLOCK;
    __m256 acc[SUMS];

    y += 8 * u0;
#pragma GCC unroll 8
    for (int i = 0; i < R * NC; i++)
        acc[i] =
            first ? _mm256_setzero_ps() : _mm256_loadu_ps(y + (size_t)(i / R) * ldy + 8 * (i % R));
    for (size_t b = 0; b < n_blk; b++, at++, q += BLOCK) {
        const uint8_t *w = t->q[b * 8][8 * u0];
        const __m256i *f0 = (const void *)t->sc[b][0], *f1 = (const void *)t->sc[b][1];
        __m256i s[SUMS];
        if (kind == FACTORS) {
#pragma GCC unroll 8
            for (int i = 0; i < R * NC; i++)
                s[i] = offsets(x, at + (size_t)(i / R) * nb, f0[u0 + (size_t)(i % R)],
                               f1[u0 + (size_t)(i % R)], shift);
            pairs(s, w, q, x->k, f0 + u0, f1 + u0, R, NC);
        } else {
            dots(s, w, q, x->k, R, NC, kind, run);
        }
#pragma GCC unroll 8
        for (int i = 0; i < R * NC; i++) {
            size_t u = 8 * (u0 + (size_t)(i % R)), k = at + (size_t)(i / R) * nb;
            if (kind == OFFSET)
                s[i] = _mm256_add_epi32(s[i],
                                        _mm256_slli_epi32(_mm256_set1_epi32(x->ns[k]), shift));
            acc[i] = end(acc[i], s[i], _mm256_load_ps(t->d[b] + u), _mm256_load_ps(t->m[b] + u), x,
                         at + (size_t)(i / R) * nb, kind);
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < R * NC; i++)
        _mm256_storeu_ps(y + (size_t)(i / R) * ldy + 8 * (i % R), acc[i]);
}

/* How many of the columns that are left go together: rests of two do better than a rest of one. */
static inline size_t together(size_t left, size_t most)
{
    return left <= most ? left : left == most + 1 ? most / 2 + 1 : most;
}

INLINE void gemm(const struct tile *t, size_t blk0, size_t n_blk, const struct acts *x, size_t col0,
                 size_t n_cols, float *y, size_t ldy, bool first, const int kind, const int shift,
                 const int run)
{
#define CORE(R, NC)                                                                                \
    core(t, u, blk0, n_blk, x, col0 + c, y + c * ldy, ldy, first, R, NC, kind, shift, run)
    const bool both = kind != BYTES;

    for (size_t u = 0; u < (both ? 1 : 2); u++) {
        size_t c = 0, n;
        for (size_t left = n_cols; left > 0; left -= n, c += n) {
            n = together(left, both ? 3 : 4);
            if (both && n == 3)
                CORE(2, 3);
            else if (both && n == 2)
                CORE(2, 2);
            else if (both)
                CORE(2, 1);
            else if (n == 4)
                CORE(1, 4);
            else if (n == 3)
                CORE(1, 3);
            else if (n == 2)
                CORE(1, 2);
            else
                CORE(1, 1);
        }
    }
#undef CORE
}

INLINE void unpack_rest(const enum pack_type type, const unsigned char *panel, size_t blk0,
                        size_t n, struct tile *t)
{
    unpack(type, panel, blk0, n, t);
    if (type == PACK_Q6_K)
        for (size_t b = 0; b < n; b++) {
            struct packed_block p = packed_block(type, panel, blk0 + b);
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++)
                _mm256_store_si256((void *)(t->sc[b][i / 2] + 8 * (i % 2)),
                                   factor_pairs(&p, i / 2, i % 2));
        }
}

#define TYPE(name, type, kind, shift, run)                                                         \
    static void unpack_##name(const unsigned char *panel, size_t blk0, size_t n, struct tile *t)   \
    {                                                                                              \
        unpack_rest(type, panel, blk0, n, t);                                                      \
    }                                                                                              \
    static void gemm_##name(const struct tile *t, size_t blk0, size_t n_blk, const struct acts *x, \
                            size_t col0, size_t n_cols, float *y, size_t ldy, bool first)          \
    {                                                                                              \
        gemm(t, blk0, n_blk, x, col0, n_cols, y, ldy, first, kind, shift, run);                    \
    }
TYPE(q4_0, PACK_Q4_0, OFFSET, 3, 8)
TYPE(q4_1, PACK_Q4_1, MINIMUM, 0, 8)
TYPE(q5_0, PACK_Q5_0, OFFSET, 4, 4)
TYPE(q8_0, PACK_Q8_0, BYTES, 0, 1)
TYPE(q4_k, PACK_Q4_K, MINIMUM, 0, 8)
TYPE(q6_k, PACK_Q6_K, FACTORS, 5, 2)

const struct kernels kernels_avx2 = KERNELS("avx2");
