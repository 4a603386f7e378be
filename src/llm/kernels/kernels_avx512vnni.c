/* kernels_avx512vnni.c - 16 rows in the lanes of a 512-bit register (llm/kernels).
 * Method   VPDPBUSD multiplies 4 unsigned weights of each row by the same 4 signed activations (a 32-bit
 *          broadcast from memory) and adds them to a 32-bit lane. Weights are the unsigned numbers of the file.
 *          The accumulator starts at -offset * sum(x) instead of zero, which removes the offset for free:
 *            I = sum (u - offset) x = sum u x - offset * sum x
 *          A lane holds at most 32 * 255 * 127 < 2^20 in either direction. Offsets are powers of two: a shift.
 * Shape    8 columns at a time: 8 integer and 8 float accumulators, one weight vector for all of them.
 * Exact    Integers do not round and VPDPBUSD does not saturate; floats end in the reference's operations. */
#include "llm/kernels/elem.h"
#include "llm/kernels/pack_layout.h"

static inline void store(uint8_t (*q)[4], __m512i v)
{
    _mm512_store_si512((void *)q, v);
}

static inline __m512i load64(const void *p)
{
    return _mm512_loadu_si512(p);
}

/* Nibbles with up to two more bits on top, which come as 8 vectors (bits 4 and 5 in place). */
static inline void unpack_nibbles(struct tile *t, size_t b, const uint8_t *qs, const __m512i *high)
{
    const __m512i low4 = _mm512_set1_epi8(15);
    for (size_t j = 0; j < 4; j++) {
        __m512i v = load64(qs + 64 * j);
        __m512i lo = _mm512_and_si512(v, low4),
                hi = _mm512_and_si512(_mm512_srli_epi16(v, 4), low4);
        if (high) {
            lo = _mm512_or_si512(lo, high[j]);
            hi = _mm512_or_si512(hi, high[j + 4]);
        }
        store(t->q[b * 8 + j], lo);
        store(t->q[b * 8 + j + 4], hi);
    }
}

static void unpack_q4_0(const unsigned char *panel, size_t blk0, size_t n, struct tile *t)
{
    const struct pack_q4_0 *p = (const struct pack_q4_0 *)(const void *)panel + blk0;
    for (size_t b = 0; b < n; b++, p++) {
        unpack_nibbles(t, b, p->qs[0], NULL);
        v16_store(t->d[b], v16_load_half(p->d));
    }
}

static void unpack_q4_1(const unsigned char *panel, size_t blk0, size_t n, struct tile *t)
{
    const struct pack_q4_1 *p = (const struct pack_q4_1 *)(const void *)panel + blk0;
    for (size_t b = 0; b < n; b++, p++) {
        unpack_nibbles(t, b, p->qs[0], NULL);
        v16_store(t->d[b], v16_load_half(p->d));
        v16_store(t->m[b], v16_load_half(p->m));
    }
}

static void unpack_q5_0(const unsigned char *panel, size_t blk0, size_t n, struct tile *t)
{
    const struct pack_q5_0 *p = (const struct pack_q5_0 *)(const void *)panel + blk0;
    const __m512i bit4 = _mm512_set1_epi8(16);
    for (size_t b = 0; b < n; b++, p++) {
        __m512i h = load64(p->qh), high[8];
        for (unsigned g = 0; g < 8; g++)
            high[g] = _mm512_and_si512(
                g < 4 ? _mm512_slli_epi16(h, 4 - g) : _mm512_srli_epi16(h, g - 4), bit4);
        unpack_nibbles(t, b, p->qs[0], high);
        v16_store(t->d[b], v16_load_half(p->d));
    }
}

static void unpack_q8_0(const unsigned char *panel, size_t blk0, size_t n, struct tile *t)
{
    const struct pack_q8_0 *p = (const struct pack_q8_0 *)(const void *)panel + blk0;
    const __m512i flip = _mm512_set1_epi8((char)0x80); /* adds 128 */
    for (size_t b = 0; b < n; b++, p++) {
        for (size_t g = 0; g < 8; g++)
            store(t->q[b * 8 + g], _mm512_xor_si512(load64(p->qs[g]), flip));
        v16_store(t->d[b], v16_load_half(p->d));
    }
}

static inline v16 bytes_to_floats(const void *p, bool is_signed)
{
    __m128i v = _mm_loadu_si128(p);
    return _mm512_cvtepi32_ps(is_signed ? _mm512_cvtepi8_epi32(v) : _mm512_cvtepu8_epi32(v));
}

static void unpack_q4_k(const unsigned char *panel, size_t blk0, size_t n, struct tile *t)
{
    const struct pack_q4_k *p = (const struct pack_q4_k *)(const void *)panel + blk0 / 8;
    for (size_t b = 0; b < n; b++) {
        const struct pack_q4_k *s = p + b / 8;
        unpack_nibbles(t, b, s->b[b % 8].qs[0], NULL);
        v16_store(t->d[b], v16_mul(v16_load_half(s->d), bytes_to_floats(s->b[b % 8].sc, false)));
        v16_store(t->m[b], v16_mul(v16_sub(v16_set1(-0.0f), v16_load_half(s->dmin)),
                                   bytes_to_floats(s->b[b % 8].m, false)));
    }
}

static void unpack_q6_k(const unsigned char *panel, size_t blk0, size_t n, struct tile *t)
{
    const struct pack_q6_k *p = (const struct pack_q6_k *)(const void *)panel + blk0 / 8;
    const __m512i bits45 = _mm512_set1_epi8(48);
    for (size_t b = 0; b < n; b++) {
        const struct pack_q6_k *s = p + b / 8;
        __m512i high[8];
        for (size_t h = 0; h < 2; h++) {
            __m512i v = load64(s->b[b % 8].qh[h]);
            high[4 * h] = _mm512_and_si512(_mm512_slli_epi16(v, 4), bits45);
            high[4 * h + 1] = _mm512_and_si512(_mm512_slli_epi16(v, 2), bits45);
            high[4 * h + 2] = _mm512_and_si512(v, bits45);
            high[4 * h + 3] = _mm512_and_si512(_mm512_srli_epi16(v, 2), bits45);
        }
        unpack_nibbles(t, b, s->b[b % 8].qs[0], high);
        v16_store(t->d[b], v16_load_half(s->d));
        v16_store(t->sc[b][0], bytes_to_floats(s->b[b % 8].sc[0], true));
        v16_store(t->sc[b][1], bytes_to_floats(s->b[b % 8].sc[1], true));
    }
}

enum { OFFSET, MINIMUM, HALVES };

/* NC columns; kind and shift are constants at every call, so each call becomes its own straight code. */
static inline __attribute__((always_inline)) void
core(const struct tile *t, size_t blk0, size_t n_blk, const struct acts *x, size_t col, float *y,
     size_t ldy, bool first, const int NC, const int kind, const unsigned shift)
{
    size_t nb = x->k / BLOCK, at = col * nb + blk0;
    const int8_t *q = x->q + col * x->k + blk0 * BLOCK;
    __m512 acc[8];

#pragma GCC unroll 8
    for (int c = 0; c < NC; c++)
        acc[c] = first ? _mm512_setzero_ps() : _mm512_loadu_ps(y + (size_t)c * ldy);
    for (size_t b = 0; b < n_blk; b++, at++, q += BLOCK) {
        __m512i s[8], h[8];
#pragma GCC unroll 8
        for (int c = 0; c < NC; c++) {
            size_t i = at + (size_t)c * nb;
            if (kind == MINIMUM) {
                s[c] = _mm512_setzero_si512();
            } else if (kind == OFFSET) {
                s[c] = _mm512_slli_epi32(_mm512_set1_epi32(x->ns[i]), shift);
            } else {
                s[c] = _mm512_slli_epi32(_mm512_set1_epi32(x->nh[2 * i]), shift);
                h[c] = _mm512_slli_epi32(_mm512_set1_epi32(x->nh[2 * i + 1]), shift);
            }
        }
#pragma GCC unroll 8
        for (size_t g = 0; g < 8; g++) {
            __m512i w = _mm512_load_si512((const void *)t->q[b * 8 + g]);
#pragma GCC unroll 8
            for (int c = 0; c < NC; c++) {
                int32_t four;
                memcpy(&four, q + (size_t)c * x->k + g * 4, 4);
                if (kind == HALVES && g >= 4)
                    h[c] = _mm512_dpbusd_epi32(h[c], w, _mm512_set1_epi32(four));
                else
                    s[c] = _mm512_dpbusd_epi32(s[c], w, _mm512_set1_epi32(four));
            }
        }
        __m512 d = _mm512_load_ps(t->d[b]);
#pragma GCC unroll 8
        for (int c = 0; c < NC; c++) {
            size_t i = at + (size_t)c * nb;
            __m512 f = _mm512_cvtepi32_ps(s[c]);
            if (kind == HALVES)
                f = _mm512_fmadd_ps(
                    _mm512_load_ps(t->sc[b][1]), _mm512_cvtepi32_ps(h[c]),
                    _mm512_mul_ps(_mm512_load_ps(t->sc[b][0]), f)); /* exact: below 2^24 */
            acc[c] = _mm512_fmadd_ps(_mm512_mul_ps(d, _mm512_set1_ps(x->dx[i])), f, acc[c]);
            if (kind == MINIMUM)
                acc[c] = _mm512_fmadd_ps(_mm512_load_ps(t->m[b]), _mm512_set1_ps(x->ds[i]), acc[c]);
        }
    }
#pragma GCC unroll 8
    for (int c = 0; c < NC; c++)
        _mm512_storeu_ps(y + (size_t)c * ldy, acc[c]);
}

static inline __attribute__((always_inline)) void
gemm(const struct tile *t, size_t blk0, size_t n_blk, const struct acts *x, size_t col0,
     size_t n_cols, float *y, size_t ldy, bool first, const int kind, const unsigned shift)
{
    size_t c = 0;
    for (; c + 8 <= n_cols; c += 8)
        core(t, blk0, n_blk, x, col0 + c, y + c * ldy, ldy, first, 8, kind, shift);
    for (; c + 4 <= n_cols; c += 4)
        core(t, blk0, n_blk, x, col0 + c, y + c * ldy, ldy, first, 4, kind, shift);
    if (c + 2 <= n_cols) {
        core(t, blk0, n_blk, x, col0 + c, y + c * ldy, ldy, first, 2, kind, shift);
        c += 2;
    }
    if (c < n_cols)
        core(t, blk0, n_blk, x, col0 + c, y + c * ldy, ldy, first, 1, kind, shift);
}

#define GEMM(name, kind, shift)                                                                    \
    static void name(const struct tile *t, size_t blk0, size_t n_blk, const struct acts *x,        \
                     size_t col0, size_t n_cols, float *y, size_t ldy, bool first)                 \
    {                                                                                              \
        gemm(t, blk0, n_blk, x, col0, n_cols, y, ldy, first, kind, shift);                         \
    }
GEMM(gemm_q4_0, OFFSET, 3)
GEMM(gemm_q5_0, OFFSET, 4)
GEMM(gemm_q8_0, OFFSET, 7)
GEMM(gemm_min, MINIMUM, 0)
GEMM(gemm_q6_k, HALVES, 5)

const struct kernels kernels_avx512vnni = KERNELS("avx512vnni");
