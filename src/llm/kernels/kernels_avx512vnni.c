/* kernels_avx512vnni.c - 16 rows in the lanes of a 512-bit register (llm/kernels).
 * Picture  | row 0: w0 w1 w2 w3 | row 1: w0 w1 w2 w3 | ... | row 15 |  weights of a group, unpacked in registers or from the tile
 *          |        x0 x1 x2 x3 |        x0 x1 x2 x3 | ... |        |  activations of a column, the same
 *          | row 0 += w0x0+w1x1+w2x2+w3x3 | row 1 += ...   |        |  VPDPBUSD, 32 bits
 * Method   VPDPBUSD multiplies 4 unsigned weights of each row by the same 4 signed activations (a 32-bit
 *          broadcast from memory) and adds them to a 32-bit lane. Weights are the unsigned numbers of the file.
 *          The accumulator starts at -offset * sum(x) instead of zero, which removes the offset for free:
 *            I = sum (u - offset) x = sum u x - offset * sum x
 *          A lane holds at most 32 * 255 * 127 < 2^20 in either direction. Offsets are powers of two: a shift.
 * Shape    8 columns at a time: 8 integer and 8 float accumulators, one weight vector for all of them.
 * Exact    Integers do not round and VPDPBUSD does not saturate; floats end in the reference's operations.
 * Source   Intel 64 and IA-32 Architectures SDM, volume 2 (VPDPBUSD). */
#include "llm/kernels/elem.h"
#include "llm/kernels/pack_layout.h"

#define COLS 8 /* that share a tile */

static inline __m512i load64(const void *p)
{
    return _mm512_loadu_si512(p);
}

/* Groups j and j+4 of a block, unsigned. type and j are constants. */
INLINE void weights(const enum pack_type type, const struct packed_block *p, const int j,
                    __m512i *lo, __m512i *hi)
{
    const __m512i low4 = _mm512_set1_epi8(15), bit4 = _mm512_set1_epi8(16),
                  bits45 = _mm512_set1_epi8(48), flip = _mm512_set1_epi8((char)0x80); /* adds 128 */
    __m512i v = load64(p->qs + 64 * j);

    if (type == PACK_Q8_0) {
        *lo = _mm512_xor_si512(v, flip);
        *hi = _mm512_xor_si512(load64(p->qs + 64 * (j + 4)), flip);
        return;
    }
    *lo = _mm512_and_si512(v, low4);
    *hi = _mm512_and_si512(_mm512_srli_epi16(v, 4), low4);
    if (type == PACK_Q5_0) {
        __m512i h = load64(p->qh);
        *lo = _mm512_or_si512(*lo, _mm512_and_si512(_mm512_slli_epi16(h, 4 - j), bit4));
        *hi = _mm512_or_si512(*hi, _mm512_and_si512(_mm512_srli_epi16(h, j), bit4));
    } else if (type == PACK_Q6_K) {
        __m512i h = load64(p->qh), k = load64(p->qh + 64);
        h = j < 2 ? _mm512_slli_epi16(h, 4 - 2 * j) : _mm512_srli_epi16(h, 2 * j - 4);
        k = j < 2 ? _mm512_slli_epi16(k, 4 - 2 * j) : _mm512_srli_epi16(k, 2 * j - 4);
        *lo = _mm512_or_si512(*lo, _mm512_and_si512(h, bits45));
        *hi = _mm512_or_si512(*hi, _mm512_and_si512(k, bits45));
    }
}

INLINE __m512 bytes_at(const uint8_t *p, const bool is_signed)
{
    __m128i v = _mm_loadu_si128((const void *)p);

    return _mm512_cvtepi32_ps(is_signed ? _mm512_cvtepi8_epi32(v) : _mm512_cvtepu8_epi32(v));
}

/* dw of the rows. */
INLINE __m512 scales(const enum pack_type type, const struct packed_block *p)
{
    __m512 d = v16_load_half(p->d);

    return type == PACK_Q4_K ? _mm512_mul_ps(d, bytes_at(p->sc, false)) : d;
}

/* Factors of the sum, of types with a minimum. */
INLINE __m512 minima(const enum pack_type type, const struct packed_block *p)
{
    __m512 m = v16_load_half(p->m);

    return type == PACK_Q4_K
               ? _mm512_mul_ps(_mm512_sub_ps(_mm512_set1_ps(-0.0f), m), bytes_at(p->mn, false))
               : m;
}

INLINE void unpack(const enum pack_type type, const unsigned char *panel, size_t blk0, size_t n,
                   struct tile *t)
{
    for (size_t b = 0; b < n; b++) {
        struct packed_block p = packed_block(type, panel, blk0 + b);
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) {
            __m512i lo, hi;
            weights(type, &p, j, &lo, &hi);
            _mm512_store_si512((void *)t->q[b * 8 + (size_t)j], lo);
            _mm512_store_si512((void *)t->q[b * 8 + (size_t)j + 4], hi);
        }
        _mm512_store_ps(t->d[b], scales(type, &p));
        if (has_minimum(type))
            _mm512_store_ps(t->m[b], minima(type, &p));
        if (type == PACK_Q6_K) {
            _mm512_store_ps(t->sc[b][0], bytes_at(p.sc, true));
            _mm512_store_ps(t->sc[b][1], bytes_at(p.sc + 16, true));
        }
    }
}

/* Sums of a block so far: s of groups 0..3, h of groups 4..7 where these go apart. */
INLINE void begin(const enum pack_type type, const struct acts *x, size_t k, __m512i *s, __m512i *h)
{
    const unsigned shift = type == PACK_Q4_0   ? 3
                           : type == PACK_Q5_0 ? 4
                           : type == PACK_Q6_K ? 5
                                               : 7;

    *s = *h = _mm512_setzero_si512();
    if (type == PACK_Q6_K) {
        *s = _mm512_slli_epi32(_mm512_set1_epi32(acts_half(x, k, 0)), shift);
        *h = _mm512_slli_epi32(_mm512_set1_epi32(acts_half(x, k, 1)), shift);
    } else if (!has_minimum(type)) {
        *s = _mm512_slli_epi32(_mm512_set1_epi32(x->ns[k]), shift);
    }
}

/* acc + what a block adds to the rows of one column; f of all groups, or of 0..3 with h of the others. */
INLINE __m512 end(const enum pack_type type, __m512 acc, __m512i s, __m512i h, __m512 d, __m512 m,
                  __m512 sc0, __m512 sc1, float dx, float ds)
{
    __m512 f = _mm512_cvtepi32_ps(s);

    if (type == PACK_Q6_K)
        f = _mm512_fmadd_ps(sc1, _mm512_cvtepi32_ps(h),
                            _mm512_mul_ps(sc0, f)); /* exact: below 2^24 */
    acc = _mm512_fmadd_ps(_mm512_mul_ps(d, _mm512_set1_ps(dx)), f, acc);
    return has_minimum(type) ? _mm512_fmadd_ps(m, _mm512_set1_ps(ds), acc) : acc;
}

INLINE __m512i four_of(const int8_t *p)
{
    int32_t v;

    memcpy(&v, p, 4);
    return _mm512_set1_epi32(v);
}

/* NC columns; type and NC are constants at every call, so each call becomes its own straight code. */
INLINE void core(const enum pack_type type, const struct tile *t, size_t blk0, size_t n_blk,
                 const struct acts *x, size_t col, float *y, size_t ldy, bool first, const int NC)
{
    size_t nb = x->k / BLOCK, at = col * nb + blk0;
    const int8_t *q = x->q + col * x->k + blk0 * BLOCK;
    __m512 acc[COLS];

#pragma GCC unroll 8
    for (int c = 0; c < NC; c++)
        acc[c] = first ? _mm512_setzero_ps() : _mm512_loadu_ps(y + (size_t)c * ldy);
    for (size_t b = 0; b < n_blk; b++, at++, q += BLOCK) {
        __m512i s[COLS], h[COLS];
#pragma GCC unroll 8
        for (int c = 0; c < NC; c++)
            begin(type, x, at + (size_t)c * nb, &s[c], &h[c]);
#pragma GCC unroll 8
        for (size_t g = 0; g < 8; g++) {
            __m512i w = _mm512_load_si512((const void *)t->q[b * 8 + g]);
            __m512i *to = type == PACK_Q6_K && g >= 4 ? h : s;
#pragma GCC unroll 8
            for (int c = 0; c < NC; c++)
                to[c] = _mm512_dpbusd_epi32(to[c], w, four_of(q + (size_t)c * x->k + 4 * g));
        }
#pragma GCC unroll 8
        for (int c = 0; c < NC; c++) {
            size_t k = at + (size_t)c * nb;
            acc[c] =
                end(type, acc[c], s[c], h[c], _mm512_load_ps(t->d[b]), _mm512_load_ps(t->m[b]),
                    _mm512_load_ps(t->sc[b][0]), _mm512_load_ps(t->sc[b][1]), x->dx[k], x->ds[k]);
        }
    }
#pragma GCC unroll 8
    for (int c = 0; c < NC; c++)
        _mm512_storeu_ps(y + (size_t)c * ldy, acc[c]);
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
    while (c + 8 <= n_cols)
        CORE(8);
    if (c + 4 <= n_cols)
        CORE(4);
    if (c + 2 <= n_cols)
        CORE(2);
    if (c < n_cols)
        CORE(1);
#undef CORE
}

#define TYPE(name, type)                                                                           \
    static void unpack_##name(const unsigned char *panel, size_t blk0, size_t n, struct tile *t)   \
    {                                                                                              \
        unpack(type, panel, blk0, n, t);                                                           \
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

const struct kernels kernels_avx512vnni = KERNELS("avx512vnni", 4, 4);
