/* x86_256.h - packed weights in 256-bit registers, 8 rows each (llm/kernels).
 * Included by kernels_avx2.c and kernels_avxvnni.c: what they multiply is the same, how they do differs. Half u of a panel is
 * its rows 8u..8u+7. */
#ifndef LLM_KERNELS_X86_256_H
#define LLM_KERNELS_X86_256_H

#include "llm/kernels/elem.h"
#include "llm/kernels/pack_layout.h"

static inline __m256i load32(const void *p)
{
    return _mm256_loadu_si256(p);
}

static inline __m256 halves_at(const uint16_t *p)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const void *)p));
}

/* Half u (0, 1: rows 8u..8u+7) of groups j and j+4 of a block: unsigned, in Q8_0 signed. type and j are constants. */
INLINE void weights(const enum pack_type type, const struct packed_block *p, const int j,
                    const int u, __m256i *lo, __m256i *hi)
{
    const __m256i low4 = _mm256_set1_epi8(15), bit4 = _mm256_set1_epi8(16),
                  bits45 = _mm256_set1_epi8(48);
    __m256i v = load32(p->qs + 64 * j + 32 * u);

    if (type == PACK_Q8_0) {
        *lo = v;
        *hi = load32(p->qs + 64 * (j + 4) + 32 * u);
        return;
    }
    *lo = _mm256_and_si256(v, low4);
    *hi = _mm256_and_si256(_mm256_srli_epi16(v, 4), low4);
    if (type == PACK_Q5_0) {
        __m256i h = load32(p->qh + 32 * u);
        *lo = _mm256_or_si256(*lo, _mm256_and_si256(_mm256_slli_epi16(h, 4 - j), bit4));
        *hi = _mm256_or_si256(*hi, _mm256_and_si256(_mm256_srli_epi16(h, j), bit4));
    } else if (type == PACK_Q6_K) {
        __m256i h = load32(p->qh + 32 * u), k = load32(p->qh + 64 + 32 * u);
        h = j < 2 ? _mm256_slli_epi16(h, 4 - 2 * j) : _mm256_srli_epi16(h, 2 * j - 4);
        k = j < 2 ? _mm256_slli_epi16(k, 4 - 2 * j) : _mm256_srli_epi16(k, 2 * j - 4);
        *lo = _mm256_or_si256(*lo, _mm256_and_si256(h, bits45));
        *hi = _mm256_or_si256(*hi, _mm256_and_si256(k, bits45));
    }
}

/* dw of 8 rows. */
INLINE __m256 scales(const enum pack_type type, const struct packed_block *p, const int u)
{
    __m256 d = halves_at(p->d + 8 * u);

    if (type != PACK_Q4_K)
        return d;
    return _mm256_mul_ps(d, _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(
                                _mm_loadl_epi64((const void *)(p->sc + 8 * u)))));
}

/* Factors of the sum, of types with a minimum. */
INLINE __m256 minima(const enum pack_type type, const struct packed_block *p, const int u)
{
    __m256 m = halves_at(p->m + 8 * u);

    if (type != PACK_Q4_K)
        return m;
    return _mm256_mul_ps(
        _mm256_sub_ps(_mm256_set1_ps(-0.0f), m),
        _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)(p->mn + 8 * u)))));
}

/* All of a tile but the factors of Q6_K. */
INLINE void unpack(const enum pack_type type, const unsigned char *panel, size_t blk0, size_t n,
                   struct tile *t)
{
    for (size_t b = 0; b < n; b++) {
        struct packed_block p = packed_block(type, panel, blk0 + b);
#pragma GCC unroll 2
        for (int u = 0; u < 2; u++) {
#pragma GCC unroll 4
            for (int j = 0; j < 4; j++) {
                __m256i lo, hi;
                weights(type, &p, j, u, &lo, &hi);
                _mm256_store_si256((void *)t->q[b * 8 + (size_t)j][8 * u], lo);
                _mm256_store_si256((void *)t->q[b * 8 + (size_t)j + 4][8 * u], hi);
            }
            _mm256_store_ps(t->d[b] + 8 * u, scales(type, &p, u));
            if (has_minimum(type))
                _mm256_store_ps(t->m[b] + 8 * u, minima(type, &p, u));
        }
    }
}

/* The same four activations for every row. */
static inline __m256i four_of(const int8_t *p)
{
    int32_t v;
    memcpy(&v, p, 4);
    return _mm256_set1_epi32(v);
}

#endif
