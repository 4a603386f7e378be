/* kernels_avx2.c - two halves of 8 rows in the lanes of 256-bit registers (llm/kernels).
 * Method   VPMADDUBSW multiplies unsigned weights by signed activations (|x| <= 127) and adds pairs in 16 bits. Several
 *          such results are added in 16 bits before one VPMADDWD widens them, as many as cannot overflow:
 *            4 bits: 8 * 2 * 15 * 127 = 30480     5 bits: 4 * 2 * 31 * 127 = 31496
 *            6 bits: 2 * 2 * 63 * 127 = 32004     all < 32768
 *          Bytes (Q8_0) are multiplied as |w| * (sign(w) x): one result is at most 2 * 128 * 127 = 32512, so each is
 *          widened by itself. |-128| is 128 as an unsigned byte, and x is never -128, so its negation exists.
 * Shape    16 rows by 3 columns: 6 float accumulators, 6 sums in 16 bits, two weight vectors, one of activations: 5 loads for
 *          6 products, where 8 rows by 4 columns need 5 for 4. Where sums in 32 bits or signs are kept besides (Q6_K, Q8_0),
 *          16 registers hold 8 rows by 4 columns.
 * Exact    Integers do not round; floats end in the reference's operations. */
#include "llm/kernels/elem.h"
#include "llm/kernels/pack_layout.h"

static inline __m256i load32(const void *p)
{
    return _mm256_loadu_si256(p);
}

static inline void store32(uint8_t *q, __m256i v)
{
    _mm256_store_si256((void *)q, v);
}

/* Half u (0, 1: rows 8u..8u+7) of the nibbles; high: 8 vectors of the bits above them, or NULL. */
static inline void unpack_nibbles(struct tile *t, size_t b, size_t u, const uint8_t *qs,
                                  const __m256i *high)
{
    const __m256i low4 = _mm256_set1_epi8(15);
    for (size_t j = 0; j < 4; j++) {
        __m256i v = load32(qs + 64 * j + 32 * u);
        __m256i lo = _mm256_and_si256(v, low4),
                hi = _mm256_and_si256(_mm256_srli_epi16(v, 4), low4);
        if (high) {
            lo = _mm256_or_si256(lo, high[j]);
            hi = _mm256_or_si256(hi, high[j + 4]);
        }
        store32(t->q[b * 8 + j][8 * u], lo);
        store32(t->q[b * 8 + j + 4][8 * u], hi);
    }
}

static void unpack_q4_0(const unsigned char *panel, size_t blk0, size_t n, struct tile *t)
{
    const struct pack_q4_0 *p = (const struct pack_q4_0 *)(const void *)panel + blk0;
    for (size_t b = 0; b < n; b++, p++) {
        unpack_nibbles(t, b, 0, p->qs[0], NULL);
        unpack_nibbles(t, b, 1, p->qs[0], NULL);
        v16_store(t->d[b], v16_load_half(p->d));
    }
}

static void unpack_q4_1(const unsigned char *panel, size_t blk0, size_t n, struct tile *t)
{
    const struct pack_q4_1 *p = (const struct pack_q4_1 *)(const void *)panel + blk0;
    for (size_t b = 0; b < n; b++, p++) {
        unpack_nibbles(t, b, 0, p->qs[0], NULL);
        unpack_nibbles(t, b, 1, p->qs[0], NULL);
        v16_store(t->d[b], v16_load_half(p->d));
        v16_store(t->m[b], v16_load_half(p->m));
    }
}

static void unpack_q5_0(const unsigned char *panel, size_t blk0, size_t n, struct tile *t)
{
    const struct pack_q5_0 *p = (const struct pack_q5_0 *)(const void *)panel + blk0;
    const __m256i bit4 = _mm256_set1_epi8(16);
    for (size_t b = 0; b < n; b++, p++) {
        for (size_t u = 0; u < 2; u++) {
            __m256i h = load32(p->qh + 32 * u), high[8];
            for (int g = 0; g < 8; g++)
                high[g] = _mm256_and_si256(
                    g < 4 ? _mm256_slli_epi16(h, 4 - g) : _mm256_srli_epi16(h, g - 4), bit4);
            unpack_nibbles(t, b, u, p->qs[0], high);
        }
        v16_store(t->d[b], v16_load_half(p->d));
    }
}

static void unpack_q8_0(const unsigned char *panel, size_t blk0, size_t n, struct tile *t)
{
    const struct pack_q8_0 *p = (const struct pack_q8_0 *)(const void *)panel + blk0;
    for (size_t b = 0; b < n; b++, p++) {
        memcpy(t->q[b * 8], p->qs, sizeof(p->qs));
        v16_store(t->d[b], v16_load_half(p->d));
    }
}

static inline v16 bytes_to_floats(const void *p, bool is_signed)
{
    __m128i v = _mm_loadu_si128(p), w = _mm_srli_si128(v, 8);
    if (is_signed)
        return (v16){_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(v)),
                     _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(w))};
    return (v16){_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(v)),
                 _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(w))};
}

static void unpack_q4_k(const unsigned char *panel, size_t blk0, size_t n, struct tile *t)
{
    const struct pack_q4_k *p = (const struct pack_q4_k *)(const void *)panel + blk0 / 8;
    for (size_t b = 0; b < n; b++) {
        const struct pack_q4_k *s = p + b / 8;
        unpack_nibbles(t, b, 0, s->b[b % 8].qs[0], NULL);
        unpack_nibbles(t, b, 1, s->b[b % 8].qs[0], NULL);
        v16_store(t->d[b], v16_mul(v16_load_half(s->d), bytes_to_floats(s->b[b % 8].sc, false)));
        v16_store(t->m[b], v16_mul(v16_sub(v16_set1(-0.0f), v16_load_half(s->dmin)),
                                   bytes_to_floats(s->b[b % 8].m, false)));
    }
}

static void unpack_q6_k(const unsigned char *panel, size_t blk0, size_t n, struct tile *t)
{
    const struct pack_q6_k *p = (const struct pack_q6_k *)(const void *)panel + blk0 / 8;
    const __m256i bits45 = _mm256_set1_epi8(48);
    for (size_t b = 0; b < n; b++) {
        const struct pack_q6_k *s = p + b / 8;
        for (size_t u = 0; u < 2; u++) {
            __m256i high[8];
            for (size_t h = 0; h < 2; h++) {
                __m256i v = load32(s->b[b % 8].qh[h] + 32 * u);
                high[4 * h] = _mm256_and_si256(_mm256_slli_epi16(v, 4), bits45);
                high[4 * h + 1] = _mm256_and_si256(_mm256_slli_epi16(v, 2), bits45);
                high[4 * h + 2] = _mm256_and_si256(v, bits45);
                high[4 * h + 3] = _mm256_and_si256(_mm256_srli_epi16(v, 2), bits45);
            }
            unpack_nibbles(t, b, u, s->b[b % 8].qs[0], high);
        }
        v16_store(t->d[b], v16_load_half(s->d));
        v16_store(t->sc[b][0], bytes_to_floats(s->b[b % 8].sc[0], true));
        v16_store(t->sc[b][1], bytes_to_floats(s->b[b % 8].sc[1], true));
    }
}

/* Keep the compiler from working ahead: sums in the order of the text leave every value in a register. Costs nothing. */
#define IN_ORDER(v) __asm__ volatile("" : "+x"(v))

enum { OFFSET, MINIMUM, HALVES, BYTES };
#define SUMS 6 /* of 8 rows and a column, at once */

static inline __m256i four_of(const int8_t *p)
{
    int32_t v;
    memcpy(&v, p, 4);
    return _mm256_set1_epi32(v);
}

/* Sums over groups g0..g1-1 of a block for R halves of 8 rows and NC columns, column after column, added to s: `run` results
 * share 16 bits. */
static inline __attribute__((always_inline)) void dots(__m256i *s, const uint8_t *w,
                                                       const int8_t *q, size_t ldq, const int g0,
                                                       const int g1, const int run, const int R,
                                                       const int NC, const int kind)
{
    const __m256i ones = _mm256_set1_epi16(1);
#pragma GCC unroll 8
    for (int g = g0; g < g1; g += run) {
        __m256i t[SUMS];
#pragma GCC unroll 8
        for (int j = 0; j < run; j++) {
            __m256i v[2], a[2];
#pragma GCC unroll 2
            for (int u = 0; u < R; u++) {
                v[u] = _mm256_load_si256((const void *)(w + (g + j) * 64 + 32 * u));
                a[u] = kind == BYTES ? _mm256_abs_epi8(v[u]) : v[u];
            }
#pragma GCC unroll 4
            for (int c = 0; c < NC; c++) {
                __m256i x = four_of(q + (size_t)c * ldq + (g + j) * 4);
#pragma GCC unroll 2
                for (int u = 0; u < R; u++) {
                    int i = c * R + u;
                    __m256i p =
                        _mm256_maddubs_epi16(a[u], kind == BYTES ? _mm256_sign_epi8(x, v[u]) : x);
                    t[i] = j ? _mm256_add_epi16(t[i], p) : p;
                    IN_ORDER(t[i]);
                }
            }
        }
#pragma GCC unroll 8
        for (int i = 0; i < R * NC; i++) {
            s[i] = _mm256_add_epi32(s[i], _mm256_madd_epi16(t[i], ones));
            IN_ORDER(s[i]);
        }
    }
}

/* R halves of 8 rows from half u0 on, and NC columns; R, NC, kind, shift and run are constants at every call. */
static inline __attribute__((always_inline)) void core(const struct tile *t, size_t u0, size_t blk0,
                                                       size_t n_blk, const struct acts *x,
                                                       size_t col, float *y, size_t ldy, bool first,
                                                       const int R, const int NC, const int kind,
                                                       const int shift, const int run)
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
        __m256i s[SUMS], h[SUMS];
#pragma GCC unroll 8
        for (int i = 0; i < R * NC; i++) {
            size_t k = at + (size_t)(i / R) * nb;
            if (kind == OFFSET)
                s[i] = _mm256_slli_epi32(_mm256_set1_epi32(x->ns[k]), shift);
            else if (kind == HALVES)
                s[i] = _mm256_slli_epi32(_mm256_set1_epi32(x->nh[2 * k]), shift);
            else
                s[i] = _mm256_setzero_si256();
        }
        if (kind == HALVES) {
#pragma GCC unroll 8
            for (int i = 0; i < R * NC; i++)
                h[i] = _mm256_slli_epi32(
                    _mm256_set1_epi32(x->nh[2 * (at + (size_t)(i / R) * nb) + 1]), shift);
            dots(s, w, q, x->k, 0, 4, run, R, NC, kind);
            dots(h, w, q, x->k, 4, 8, run, R, NC, kind);
        } else {
            dots(s, w, q, x->k, 0, 8, run, R, NC, kind);
        }
#pragma GCC unroll 8
        for (int i = 0; i < R * NC; i++) {
            size_t k = at + (size_t)(i / R) * nb, u = 8 * (u0 + (size_t)(i % R));
            __m256 f = _mm256_cvtepi32_ps(s[i]), d = _mm256_load_ps(t->d[b] + u);
            if (kind == HALVES)
                f = _mm256_fmadd_ps(
                    _mm256_load_ps(t->sc[b][1] + u), _mm256_cvtepi32_ps(h[i]),
                    _mm256_mul_ps(_mm256_load_ps(t->sc[b][0] + u), f)); /* exact: below 2^24 */
            acc[i] = _mm256_fmadd_ps(_mm256_mul_ps(d, _mm256_set1_ps(x->dx[k])), f, acc[i]);
            if (kind == MINIMUM)
                acc[i] =
                    _mm256_fmadd_ps(_mm256_load_ps(t->m[b] + u), _mm256_set1_ps(x->ds[k]), acc[i]);
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

static inline __attribute__((always_inline)) void gemm(const struct tile *t, size_t blk0,
                                                       size_t n_blk, const struct acts *x,
                                                       size_t col0, size_t n_cols, float *y,
                                                       size_t ldy, bool first, const int kind,
                                                       const int shift, const int run)
{
#define CORE(R, NC)                                                                                \
    core(t, u, blk0, n_blk, x, col0 + c, y + c * ldy, ldy, first, R, NC, kind, shift, run)
    const bool both = kind == OFFSET || kind == MINIMUM;

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

#define GEMM(name, kind, shift, run)                                                               \
    static void name(const struct tile *t, size_t blk0, size_t n_blk, const struct acts *x,        \
                     size_t col0, size_t n_cols, float *y, size_t ldy, bool first)                 \
    {                                                                                              \
        gemm(t, blk0, n_blk, x, col0, n_cols, y, ldy, first, kind, shift, run);                    \
    }
GEMM(gemm_q4_0, OFFSET, 3, 8)
GEMM(gemm_q5_0, OFFSET, 4, 4)
GEMM(gemm_q8_0, BYTES, 0, 1)
GEMM(gemm_min, MINIMUM, 0, 8)
GEMM(gemm_q6_k, HALVES, 5, 2)

const struct kernels kernels_avx2 = KERNELS("avx2");
