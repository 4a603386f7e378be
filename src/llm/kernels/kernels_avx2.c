/* kernels_avx2.c - two halves of 8 rows in the lanes of 256-bit registers (llm/kernels).
 * Picture  One product, of group g (4 columns) of 8 rows with a column of activations:
 *
 *            weights, from the tile:     | row 0: w0 w1 w2 w3 | row 1: w0 w1 w2 w3 | ... | row 7 |  32 bytes
 *            activations, the same:      |        x0 x1 x2 x3 |        x0 x1 x2 x3 | ... |       |
 *            VPMADDUBSW, 16 bits:        | w0x0+w1x1  w2x2+w3x3 | ...                            |
 *            added over the groups,      | sum of columns 0, 1  sum of columns 2, 3 (mod 4) | ... |
 *            VPMADDWD by 1, 32 bits:     |          row 0           |          row 1          | ... |
 *
 * Method   VPMADDUBSW multiplies unsigned weights by signed activations (|x| <= 127) and adds pairs in 16 bits: at most
 *          2 * 63 * 127 = 16002, never saturated. Such results of a block are added in 16 bits before one VPMADDWD widens them. A
 *          16-bit lane adds half of the block's columns, 16:
 *            4 bits with a minimum: 16 * 15 * 127 = 30480 < 32768
 *          Where an offset makes weights signed, it is removed from the activations' sums in the same 16 bits, whose wrapping
 *          around on the way does not matter, since what comes out fits:
 *            4 bits: 16 * 8 * 127 = 16256     5 bits: 16 * 16 * 127 = 32512
 *            6 bits: 8 * 32 * 127 = 32512 in each half of a block, all < 32768
 *          Each half of a block of Q6_K has an integer scale, by which VPMADDWD multiplies while it widens: a lane then holds at
 *          most 2 * 2 * 32512 * 128 < 2^24.
 *          Bytes (Q8_0) are multiplied as |w| * (sign(w) x): one result is at most 2 * 128 * 127 = 32512, so each is
 *          widened by itself. |-128| is 128 as an unsigned byte, and x is never -128, so its negation exists.
 * Shape    16 rows by 3 columns: 6 sums in 16 bits, 6 float accumulators or sums in 32 bits, two vectors of weights, one of
 *          activations: 5 loads for 6 products, where 8 rows by 4 columns need 5 for 4. Where signs are kept besides (Q8_0),
 *          16 registers hold 8 rows by 5 columns, and the other 8 rows follow while these columns are in the level-1 cache.
 * Exact    Integers do not round; floats end in the reference's operations.
 * Source   Intel 64 and IA-32 Architectures SDM, volume 2 (PMADDUBSW, PMADDWD); formats of the blocks as in pack_layout.h. */
#include "llm/kernels/x86_256.h"

/* Keep the compiler from working ahead: sums in the order of the text leave every value in a register. Costs nothing. */
#define IN_ORDER(v) __asm__ volatile("" : "+x"(v))

enum { OFFSET, MINIMUM, FACTORS, BYTES };
#define SUMS           6 /* of 8 rows and a column, at once */
#define TOGETHER       3 /* columns */
#define TOGETHER_BYTES 5

/* Q6_K: the factor of half h of a block twice in each of 8 lanes, to multiply pairs by. */
INLINE __m256i factor_pairs(const struct packed_block *p, const int h, const int u)
{
    __m256i f = _mm256_cvtepi8_epi32(_mm_loadl_epi64((const void *)(p->sc + 16 * h + 8 * u)));

    return _mm256_blend_epi16(f, _mm256_slli_epi32(f, 16), 0xAA);
}

/* What a block's (OFFSET) or half a block's (FACTORS) sums in 16 bits start from: minus the offset, 1 << shift, times the sums
 * of the activations that meet in a lane. */
INLINE __m256i start(const struct acts *x, size_t k, const int kind, const int half,
                     const int shift)
{
    __m256i n = four_of((const int8_t *)(x->np + 4 * k + 2 * half));

    if (kind == OFFSET)
        n = _mm256_add_epi16(n, four_of((const int8_t *)(x->np + 4 * k + 2)));
    return _mm256_slli_epi16(n, shift);
}

/* acc + what a block adds to 8 rows of one column. */
INLINE __m256 end(__m256 acc, __m256i s, __m256 d, __m256 m, const struct acts *x, size_t k,
                  const int kind)
{
    acc = _mm256_fmadd_ps(_mm256_mul_ps(d, _mm256_set1_ps(x->dx[k])), _mm256_cvtepi32_ps(s), acc);
    return kind == MINIMUM ? _mm256_fmadd_ps(m, _mm256_set1_ps(x->ds[k]), acc) : acc;
}

/* s = products of block k with R halves of 8 rows and NC columns, column after column; f0, f1: factors of the block's halves. */
INLINE void dots(__m256i *s, const uint8_t *w, const int8_t *q, const struct acts *x, size_t k,
                 const __m256i *f0, const __m256i *f1, const int R, const int NC, const int kind,
                 const int shift)
{
    const int run = kind == BYTES ? 1 : kind == FACTORS ? 4 : 8;
    const __m256i ones = _mm256_set1_epi16(1);
    size_t nb = x->k / BLOCK;
    __m256i sum[SUMS];

#pragma GCC unroll 8
    for (int g = 0; g < 8; g++) {
        __m256i v[2], a[2];
#pragma GCC unroll 2
        for (int u = 0; u < R; u++) {
            v[u] = _mm256_load_si256((const void *)(w + g * 64 + 32 * u));
            a[u] = kind == BYTES ? _mm256_abs_epi8(v[u]) : v[u];
        }
#pragma GCC unroll 5
        for (int c = 0; c < NC; c++) {
            __m256i four = four_of(q + (size_t)c * x->k + g * 4), from = four;
            if (g % run == 0 && (kind == OFFSET || kind == FACTORS))
                from = start(x, k + (size_t)c * nb, kind, g / run, shift);
#pragma GCC unroll 2
            for (int u = 0; u < R; u++) {
                int i = c * R + u;
                __m256i p =
                    _mm256_maddubs_epi16(a[u], kind == BYTES ? _mm256_sign_epi8(four, v[u]) : four);
                if (g % run)
                    sum[i] = _mm256_add_epi16(sum[i], p);
                else
                    sum[i] = kind == OFFSET || kind == FACTORS ? _mm256_add_epi16(from, p) : p;
                IN_ORDER(sum[i]);
            }
        }
        if (g % run == run - 1) {
#pragma GCC unroll 8
            for (int i = 0; i < R * NC; i++) {
                __m256i by = kind != FACTORS ? ones : (g < 4 ? f0 : f1)[i % R];
                __m256i wide = _mm256_madd_epi16(sum[i], by);
                s[i] = g == run - 1 ? wide : _mm256_add_epi32(s[i], wide);
                IN_ORDER(s[i]);
            }
        }
    }
}

/* R halves of 8 rows from half u0 on, and NC columns, column after column; R, NC, kind, shift and run are constants at every
 * call. */
INLINE void core(const struct tile *t, size_t u0, size_t blk0, size_t n_blk, const struct acts *x,
                 size_t col, float *y, size_t ldy, bool first, const int R, const int NC,
                 const int kind, const int shift)
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
        dots(s, w, q, x, at, f0 + u0, f1 + u0, R, NC, kind, shift);
#pragma GCC unroll 8
        for (int i = 0; i < R * NC; i++) {
            size_t u = 8 * (u0 + (size_t)(i % R));
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
                 size_t n_cols, float *y, size_t ldy, bool first, const int kind, const int shift)
{
#define CORE(R, NC)                                                                                \
    core(t, u, blk0, n_blk, x, col0 + c, y + c * ldy, ldy, first, R, NC, kind, shift)
    const bool both = kind != BYTES;

    for (size_t c = 0, n, left = n_cols; left > 0; left -= n, c += n) {
        n = together(left, both ? TOGETHER : TOGETHER_BYTES);
        for (size_t u = 0; u < (both ? 1 : 2); u++) {
            if (both && n == 3)
                CORE(2, 3);
            else if (both && n == 2)
                CORE(2, 2);
            else if (both)
                CORE(2, 1);
            else if (n == 5)
                CORE(1, 5);
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

#define TYPE(name, type, kind, shift)                                                              \
    static void unpack_##name(const unsigned char *panel, size_t blk0, size_t n, struct tile *t)   \
    {                                                                                              \
        unpack_rest(type, panel, blk0, n, t);                                                      \
    }                                                                                              \
    static void gemm_##name(const struct tile *t, size_t blk0, size_t n_blk, const struct acts *x, \
                            size_t col0, size_t n_cols, float *y, size_t ldy, bool first)          \
    {                                                                                              \
        gemm(t, blk0, n_blk, x, col0, n_cols, y, ldy, first, kind, shift);                         \
    }
TYPE(q4_0, PACK_Q4_0, OFFSET, 3)
TYPE(q4_1, PACK_Q4_1, MINIMUM, 0)
TYPE(q5_0, PACK_Q5_0, OFFSET, 4)
TYPE(q8_0, PACK_Q8_0, BYTES, 0)
TYPE(q4_k, PACK_Q4_K, MINIMUM, 0)
TYPE(q6_k, PACK_Q6_K, FACTORS, 5)

const struct kernels kernels_avx2 = KERNELS("avx2", TOGETHER, TOGETHER_BYTES);
