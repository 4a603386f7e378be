/* v16.h - sixteen float lanes, written once for every instruction set (llm/kernels).
 * Each lane does one IEEE operation, rounded once, so the three versions below give the same bits; only
 * their speed differs. v8 is the accumulator of split reductions (kernels.h, "Bits").
 * No function here may be anything but static inline: the file is compiled once for each set of flags. */
#ifndef LLM_KERNELS_V16_H
#define LLM_KERNELS_V16_H

#include "llm/quant.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__AVX512F__) || (defined(__AVX2__) && defined(__FMA__) && defined(__F16C__))
#include <immintrin.h>
#define V16_X86 1
#elif defined(__ARM_FEATURE_DOTPROD) /* not in the reference, which any 64-bit ARM runs */
#include <arm_neon.h>
#define V16_NEON 1
#endif

#if defined(V16_X86)
typedef __m256 v8;

static inline v8 v8_load(const float *p)
{
    return _mm256_loadu_ps(p);
}
static inline void v8_store(float *p, v8 a)
{
    _mm256_storeu_ps(p, a);
}
static inline v8 v8_zero(void)
{
    return _mm256_setzero_ps();
}
static inline v8 v8_add(v8 a, v8 b)
{
    return _mm256_add_ps(a, b);
}
static inline v8 v8_fma(v8 a, v8 b, v8 c)
{
    return _mm256_fmadd_ps(a, b, c);
}
/* Of small whole numbers, whose sums are exact in any order: a[0]+a[1] + a[4]+a[5], a[2]+a[3] + a[6]+a[7], the same of b; returns
 * the sum of all. */
static inline float v8_pair_sums(v8 a, v8 b, int16_t out[4])
{
    __m128 f = _mm_hadd_ps(_mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1)),
                           _mm_add_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1)));
    __m128i n = _mm_cvttps_epi32(f);

    _mm_storel_epi64((void *)out, _mm_packs_epi32(n, n));
    f = _mm_add_ps(f, _mm_movehl_ps(f, f));
    return _mm_cvtss_f32(_mm_add_ss(f, _mm_movehdup_ps(f)));
}
#elif defined(V16_NEON)
typedef struct {
    float32x4_t a, b;
} v8;

static inline v8 v8_load(const float *p)
{
    return (v8){vld1q_f32(p), vld1q_f32(p + 4)};
}
static inline void v8_store(float *p, v8 x)
{
    vst1q_f32(p, x.a);
    vst1q_f32(p + 4, x.b);
}
static inline v8 v8_zero(void)
{
    return (v8){vdupq_n_f32(0), vdupq_n_f32(0)};
}
static inline v8 v8_add(v8 x, v8 y)
{
    return (v8){vaddq_f32(x.a, y.a), vaddq_f32(x.b, y.b)};
}
static inline v8 v8_fma(v8 x, v8 y, v8 z)
{
    return (v8){vfmaq_f32(z.a, x.a, y.a), vfmaq_f32(z.b, x.b, y.b)};
}
static inline float v8_pair_sums(v8 x, v8 y, int16_t out[4])
{
    float32x4_t f = vpaddq_f32(vaddq_f32(x.a, x.b), vaddq_f32(y.a, y.b));

    vst1_s16(out, vmovn_s32(vcvtq_s32_f32(f)));
    return vaddvq_f32(f);
}
#else
typedef struct {
    float f[8];
} v8;

static inline v8 v8_load(const float *p)
{
    v8 r;
    memcpy(&r, p, sizeof(r));
    return r;
}
static inline void v8_store(float *p, v8 a)
{
    memcpy(p, &a, sizeof(a));
}
static inline v8 v8_zero(void)
{
    return (v8){{0}};
}
static inline v8 v8_add(v8 a, v8 b)
{
    for (int i = 0; i < 8; i++)
        a.f[i] += b.f[i];
    return a;
}
static inline v8 v8_fma(v8 a, v8 b, v8 c)
{
    for (int i = 0; i < 8; i++)
        c.f[i] = fmaf(a.f[i], b.f[i], c.f[i]);
    return c;
}
static inline float v8_pair_sums(v8 a, v8 b, int16_t out[4])
{
    float f[4] = {a.f[0] + a.f[1] + a.f[4] + a.f[5], a.f[2] + a.f[3] + a.f[6] + a.f[7],
                  b.f[0] + b.f[1] + b.f[4] + b.f[5], b.f[2] + b.f[3] + b.f[6] + b.f[7]};

    for (int i = 0; i < 4; i++)
        out[i] = (int16_t)f[i];
    return f[0] + f[1] + f[2] + f[3];
}
#endif

/* The fixed tree ((0+4)+(2+6))+((1+5)+(3+7)). */
static inline float v8_sum(v8 a)
{
    float f[8];
    v8_store(f, a);
    return ((f[0] + f[4]) + (f[2] + f[6])) + ((f[1] + f[5]) + (f[3] + f[7]));
}

#if defined(__AVX512F__)
#define V16_REGISTERS 32 /* vectors that can be at hand at once */
typedef __m512 v16;
typedef __m512i v16i;

static inline v16 v16_load(const float *p)
{
    return _mm512_loadu_ps(p);
}
static inline void v16_store(float *p, v16 a)
{
    _mm512_storeu_ps(p, a);
}
static inline v16 v16_set1(float f)
{
    return _mm512_set1_ps(f);
}
/* The first n lanes of a, or all, the others of b. */
static inline v16 v16_first(v16 a, size_t n, v16 b)
{
    return n >= 16 ? a : _mm512_mask_blend_ps((__mmask16)((1u << n) - 1), b, a);
}
/* In registers from here on, where a compiler would rather load it again. */
static inline v16 v16_keep(v16 a)
{
    __asm__("" : "+v"(a));
    return a;
}
static inline v16 v16_add(v16 a, v16 b)
{
    return _mm512_add_ps(a, b);
}
static inline v16 v16_sub(v16 a, v16 b)
{
    return _mm512_sub_ps(a, b);
}
static inline v16 v16_mul(v16 a, v16 b)
{
    return _mm512_mul_ps(a, b);
}
static inline v16 v16_div(v16 a, v16 b)
{
    return _mm512_div_ps(a, b);
}
static inline v16 v16_fma(v16 a, v16 b, v16 c)
{
    return _mm512_fmadd_ps(a, b, c);
}
static inline v16 v16_max(v16 a, v16 b) /* a > b ? a : b */
{
    return _mm512_max_ps(a, b);
}
static inline v16 v16_min(v16 a, v16 b) /* a < b ? a : b */
{
    return _mm512_min_ps(a, b);
}
static inline v16i v16_bits(v16 a)
{
    return _mm512_castps_si512(a);
}
static inline v16 v16_of_bits(v16i a)
{
    return _mm512_castsi512_ps(a);
}
static inline v16i v16i_add(v16i a, v16i b)
{
    return _mm512_add_epi32(a, b);
}
static inline v16i v16i_shl23(v16i a)
{
    return _mm512_slli_epi32(a, 23);
}
static inline v16i v16i_max_abs(v16i m, v16 a) /* max(m, bits of |a|) as integers */
{
    return _mm512_max_epi32(
        m, _mm512_and_si512(_mm512_castps_si512(a), _mm512_set1_epi32(0x7FFFFFFF)));
}
static inline int32_t v16i_hmax(v16i a)
{
    return _mm512_reduce_max_epi32(a);
}
static inline v16i v16i_zero(void)
{
    return _mm512_setzero_si512();
}
static inline v16 v16_load_half(const uint16_t *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}
static inline void v16_store_half(uint16_t *p, v16 a)
{
    _mm256_storeu_si256((__m256i *)p,
                        _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
static inline v16 v16_load_i8(const int8_t *p)
{
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)));
}
/* The low byte of each lane. */
static inline void v16i_store_low(int8_t *p, v16i a)
{
    _mm_storeu_si128((__m128i *)p, _mm512_cvtepi32_epi8(a));
}
static inline v8 v16_low(v16 a)
{
    return _mm512_castps512_ps256(a);
}
static inline v8 v16_high(v16 a)
{
    return _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(a), 1));
}
#elif defined(V16_X86)
#define V16_REGISTERS 8
typedef struct {
    __m256 a, b;
} v16;
typedef struct {
    __m256i a, b;
} v16i;

static inline v16 v16_load(const float *p)
{
    return (v16){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}
static inline void v16_store(float *p, v16 x)
{
    _mm256_storeu_ps(p, x.a);
    _mm256_storeu_ps(p + 8, x.b);
}
static inline v16 v16_set1(float f)
{
    return (v16){_mm256_set1_ps(f), _mm256_set1_ps(f)};
}
static inline v16 v16_first(v16 x, size_t n, v16 y)
{
    static const int32_t lanes[32] = {-1, -1, -1, -1, -1, -1, -1, -1,
                                      -1, -1, -1, -1, -1, -1, -1, -1};
    const int32_t *p = lanes + 16 - (n < 16 ? n : 16);
    __m256 a = _mm256_castsi256_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
    __m256 b = _mm256_castsi256_ps(_mm256_loadu_si256((const __m256i *)(const void *)(p + 8)));

    return (v16){_mm256_blendv_ps(y.a, x.a, a), _mm256_blendv_ps(y.b, x.b, b)};
}
static inline v16 v16_keep(v16 x)
{
    __asm__("" : "+x"(x.a), "+x"(x.b));
    return x;
}
static inline v16 v16_add(v16 x, v16 y)
{
    return (v16){_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)};
}
static inline v16 v16_sub(v16 x, v16 y)
{
    return (v16){_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)};
}
static inline v16 v16_mul(v16 x, v16 y)
{
    return (v16){_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)};
}
static inline v16 v16_div(v16 x, v16 y)
{
    return (v16){_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)};
}
static inline v16 v16_fma(v16 x, v16 y, v16 z)
{
    return (v16){_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
}
static inline v16 v16_max(v16 x, v16 y)
{
    return (v16){_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)};
}
static inline v16 v16_min(v16 x, v16 y)
{
    return (v16){_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)};
}
static inline v16i v16_bits(v16 x)
{
    return (v16i){_mm256_castps_si256(x.a), _mm256_castps_si256(x.b)};
}
static inline v16 v16_of_bits(v16i x)
{
    return (v16){_mm256_castsi256_ps(x.a), _mm256_castsi256_ps(x.b)};
}
static inline v16i v16i_add(v16i x, v16i y)
{
    return (v16i){_mm256_add_epi32(x.a, y.a), _mm256_add_epi32(x.b, y.b)};
}
static inline v16i v16i_shl23(v16i x)
{
    return (v16i){_mm256_slli_epi32(x.a, 23), _mm256_slli_epi32(x.b, 23)};
}
static inline v16i v16i_max_abs(v16i m, v16 x)
{
    __m256i k = _mm256_set1_epi32(0x7FFFFFFF);
    return (v16i){_mm256_max_epi32(m.a, _mm256_and_si256(_mm256_castps_si256(x.a), k)),
                  _mm256_max_epi32(m.b, _mm256_and_si256(_mm256_castps_si256(x.b), k))};
}
static inline int32_t v16i_hmax(v16i x)
{
    __m256i m = _mm256_max_epi32(x.a, x.b);
    __m128i n = _mm_max_epi32(_mm256_castsi256_si128(m), _mm256_extracti128_si256(m, 1));
    n = _mm_max_epi32(n, _mm_shuffle_epi32(n, 0x4E));
    n = _mm_max_epi32(n, _mm_shuffle_epi32(n, 0xB1));
    return _mm_cvtsi128_si32(n);
}
static inline v16i v16i_zero(void)
{
    return (v16i){_mm256_setzero_si256(), _mm256_setzero_si256()};
}
static inline v16 v16_load_half(const uint16_t *p)
{
    return (v16){_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)),
                 _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p + 8)))};
}
static inline void v16_store_half(uint16_t *p, v16 x)
{
    _mm_storeu_si128((__m128i *)p,
                     _mm256_cvtps_ph(x.a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    _mm_storeu_si128((__m128i *)(p + 8),
                     _mm256_cvtps_ph(x.b, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
static inline v16 v16_load_i8(const int8_t *p)
{
    __m128i q = _mm_loadu_si128((const __m128i *)p);
    return (v16){_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(q)),
                 _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(q, 8)))};
}
static inline void v16i_store_low(int8_t *p, v16i x)
{
    const __m256i pick =
        _mm256_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 4, 8, 12,
                         -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
    __m256i a = _mm256_shuffle_epi8(x.a, pick), b = _mm256_shuffle_epi8(x.b, pick);
    __m128i lo = _mm_unpacklo_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    __m128i hi = _mm_unpacklo_epi32(_mm256_castsi256_si128(b), _mm256_extracti128_si256(b, 1));
    _mm_storeu_si128((__m128i *)p, _mm_unpacklo_epi64(lo, hi));
}
static inline v8 v16_low(v16 x)
{
    return x.a;
}
static inline v8 v16_high(v16 x)
{
    return x.b;
}
#elif defined(V16_NEON)
#define V16_REGISTERS 8
typedef struct {
    float32x4_t v[4];
} v16;
typedef struct {
    int32x4_t v[4];
} v16i;

/* Quarters one after the other. */
#define V16_QUARTERS  for (int i = 0; i < 4; i++)

static inline v16 v16_load(const float *p)
{
    v16 r;
    V16_QUARTERS r.v[i] = vld1q_f32(p + 4 * i);
    return r;
}
static inline void v16_store(float *p, v16 x)
{
    V16_QUARTERS vst1q_f32(p + 4 * i, x.v[i]);
}
static inline v16 v16_set1(float f)
{
    v16 r;
    V16_QUARTERS r.v[i] = vdupq_n_f32(f);
    return r;
}
static inline v16 v16_first(v16 x, size_t n, v16 y)
{
    static const uint32_t lanes[4] = {0, 1, 2, 3};
    uint32x4_t some = vdupq_n_u32((uint32_t)(n < 16 ? n : 16)), lane = vld1q_u32(lanes);
    V16_QUARTERS x.v[i] =
        vbslq_f32(vcltq_u32(vaddq_u32(lane, vdupq_n_u32(4 * (uint32_t)i)), some), x.v[i], y.v[i]);
    return x;
}
static inline v16 v16_keep(v16 x)
{
    return x;
}
static inline v16 v16_add(v16 x, v16 y)
{
    V16_QUARTERS x.v[i] = vaddq_f32(x.v[i], y.v[i]);
    return x;
}
static inline v16 v16_sub(v16 x, v16 y)
{
    V16_QUARTERS x.v[i] = vsubq_f32(x.v[i], y.v[i]);
    return x;
}
static inline v16 v16_mul(v16 x, v16 y)
{
    V16_QUARTERS x.v[i] = vmulq_f32(x.v[i], y.v[i]);
    return x;
}
static inline v16 v16_div(v16 x, v16 y)
{
    V16_QUARTERS x.v[i] = vdivq_f32(x.v[i], y.v[i]);
    return x;
}
static inline v16 v16_fma(v16 x, v16 y, v16 z)
{
    V16_QUARTERS z.v[i] = vfmaq_f32(z.v[i], x.v[i], y.v[i]);
    return z;
}
/* Not FMAX and FMIN, which treat what is no number in another way. */
static inline v16 v16_max(v16 x, v16 y)
{
    V16_QUARTERS x.v[i] = vbslq_f32(vcgtq_f32(x.v[i], y.v[i]), x.v[i], y.v[i]);
    return x;
}
static inline v16 v16_min(v16 x, v16 y)
{
    V16_QUARTERS x.v[i] = vbslq_f32(vcltq_f32(x.v[i], y.v[i]), x.v[i], y.v[i]);
    return x;
}
static inline v16i v16_bits(v16 x)
{
    v16i r;
    V16_QUARTERS r.v[i] = vreinterpretq_s32_f32(x.v[i]);
    return r;
}
static inline v16 v16_of_bits(v16i x)
{
    v16 r;
    V16_QUARTERS r.v[i] = vreinterpretq_f32_s32(x.v[i]);
    return r;
}
static inline v16i v16i_add(v16i x, v16i y)
{
    V16_QUARTERS x.v[i] = vaddq_s32(x.v[i], y.v[i]);
    return x;
}
static inline v16i v16i_shl23(v16i x)
{
    V16_QUARTERS x.v[i] = vshlq_n_s32(x.v[i], 23);
    return x;
}
static inline v16i v16i_max_abs(v16i m, v16 x)
{
    int32x4_t k = vdupq_n_s32(0x7FFFFFFF);
    V16_QUARTERS m.v[i] = vmaxq_s32(m.v[i], vandq_s32(vreinterpretq_s32_f32(x.v[i]), k));
    return m;
}
static inline int32_t v16i_hmax(v16i x)
{
    return vmaxvq_s32(vmaxq_s32(vmaxq_s32(x.v[0], x.v[1]), vmaxq_s32(x.v[2], x.v[3])));
}
static inline v16i v16i_zero(void)
{
    v16i r;
    V16_QUARTERS r.v[i] = vdupq_n_s32(0);
    return r;
}
static inline v16 v16_load_half(const uint16_t *p)
{
    v16 r;
    V16_QUARTERS r.v[i] = vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p + 4 * i)));
    return r;
}
static inline void v16_store_half(uint16_t *p, v16 x)
{
    V16_QUARTERS vst1_u16(p + 4 * i, vreinterpret_u16_f16(vcvt_f16_f32(x.v[i])));
}
static inline v16 v16_load_i8(const int8_t *p)
{
    int8x16_t q = vld1q_s8(p);
    int16x8_t a = vmovl_s8(vget_low_s8(q)), b = vmovl_s8(vget_high_s8(q));
    return (v16){
        {vcvtq_f32_s32(vmovl_s16(vget_low_s16(a))), vcvtq_f32_s32(vmovl_s16(vget_high_s16(a))),
         vcvtq_f32_s32(vmovl_s16(vget_low_s16(b))), vcvtq_f32_s32(vmovl_s16(vget_high_s16(b)))}};
}
static inline void v16i_store_low(int8_t *p, v16i x)
{
    int16x8_t a = vcombine_s16(vmovn_s32(x.v[0]), vmovn_s32(x.v[1])),
              b = vcombine_s16(vmovn_s32(x.v[2]), vmovn_s32(x.v[3]));
    vst1q_s8(p, vcombine_s8(vmovn_s16(a), vmovn_s16(b)));
}
static inline v8 v16_low(v16 x)
{
    return (v8){x.v[0], x.v[1]};
}
static inline v8 v16_high(v16 x)
{
    return (v8){x.v[2], x.v[3]};
}
#undef V16_QUARTERS
#else
#define V16_REGISTERS 8
typedef struct {
    float f[16];
} v16;
typedef struct {
    uint32_t u[16];
} v16i;

#define V16_LANES for (int i = 0; i < 16; i++)

static inline v16 v16_load(const float *p)
{
    v16 r;
    memcpy(&r, p, sizeof(r));
    return r;
}
static inline void v16_store(float *p, v16 a)
{
    memcpy(p, &a, sizeof(a));
}
static inline v16 v16_first(v16 a, size_t n, v16 b)
{
    V16_LANES a.f[i] = (size_t)i < n ? a.f[i] : b.f[i];
    return a;
}
static inline v16 v16_keep(v16 a)
{
    return a;
}
static inline v16 v16_set1(float f)
{
    v16 r;
    V16_LANES r.f[i] = f;
    return r;
}
static inline v16 v16_add(v16 a, v16 b)
{
    V16_LANES a.f[i] += b.f[i];
    return a;
}
static inline v16 v16_sub(v16 a, v16 b)
{
    V16_LANES a.f[i] -= b.f[i];
    return a;
}
static inline v16 v16_mul(v16 a, v16 b)
{
    V16_LANES a.f[i] *= b.f[i];
    return a;
}
static inline v16 v16_div(v16 a, v16 b)
{
    V16_LANES a.f[i] /= b.f[i];
    return a;
}
static inline v16 v16_fma(v16 a, v16 b, v16 c)
{
    V16_LANES c.f[i] = fmaf(a.f[i], b.f[i], c.f[i]);
    return c;
}
static inline v16 v16_max(v16 a, v16 b)
{
    V16_LANES a.f[i] = a.f[i] > b.f[i] ? a.f[i] : b.f[i];
    return a;
}
static inline v16 v16_min(v16 a, v16 b)
{
    V16_LANES a.f[i] = a.f[i] < b.f[i] ? a.f[i] : b.f[i];
    return a;
}
static inline v16i v16_bits(v16 a)
{
    v16i r;
    memcpy(&r, &a, sizeof(r));
    return r;
}
static inline v16 v16_of_bits(v16i a)
{
    v16 r;
    memcpy(&r, &a, sizeof(r));
    return r;
}
static inline v16i v16i_add(v16i a, v16i b)
{
    V16_LANES a.u[i] += b.u[i];
    return a;
}
static inline v16i v16i_shl23(v16i a)
{
    V16_LANES a.u[i] <<= 23;
    return a;
}
static inline v16i v16i_max_abs(v16i m, v16 a)
{
    v16i b = v16_bits(a);
    V16_LANES m.u[i] = (b.u[i] & 0x7FFFFFFFu) > m.u[i] ? b.u[i] & 0x7FFFFFFFu : m.u[i];
    return m;
}
static inline int32_t v16i_hmax(v16i a)
{
    uint32_t m = 0;
    V16_LANES m = a.u[i] > m ? a.u[i] : m;
    return (int32_t)m;
}
static inline v16i v16i_zero(void)
{
    return (v16i){{0}};
}
static inline v16 v16_load_half(const uint16_t *p)
{
    v16 r;
    V16_LANES r.f[i] = f16_to_f32(p[i]);
    return r;
}
static inline void v16_store_half(uint16_t *p, v16 a)
{
    V16_LANES p[i] = f32_to_f16(a.f[i]);
}
static inline v16 v16_load_i8(const int8_t *p)
{
    v16 r;
    V16_LANES r.f[i] = p[i];
    return r;
}
static inline void v16i_store_low(int8_t *p, v16i a)
{
    V16_LANES p[i] = (int8_t)(uint8_t)a.u[i];
}
static inline v8 v16_low(v16 a)
{
    return v8_load(a.f);
}
static inline v8 v16_high(v16 a)
{
    return v8_load(a.f + 8);
}
#undef V16_LANES
#endif

/* Add the 16 lanes to 8 accumulators, element i to lane i mod 8, in index order. */
static inline v8 v16_fold(v8 acc, v16 a)
{
    return v8_add(v8_add(acc, v16_low(a)), v16_high(a));
}

/* exp(x) for x clamped to -86..88, relative error below 2^-22: x = n ln 2 + r with |r| <= ln 2 / 2, Taylor's
 * polynomial of degree 7 (its remainder, 0.3466^8 / 8!, is 5e-9), then n added to the exponent. The magic number
 * 1.5 * 2^23 rounds to an integer and leaves it in the low bits of the mantissa. */
static inline v16 v16_exp(v16 x)
{
    const v16 magic = v16_set1(12582912.0f);
    x = v16_min(v16_max(x, v16_set1(-86.0f)), v16_set1(88.0f));
    v16 t = v16_fma(x, v16_set1(0x1.715476p+0f), magic), n = v16_sub(t, magic);
    v16 r = v16_fma(n, v16_set1(-0x1.62e4p-1f), x), p;
    r = v16_fma(n, v16_set1(-0x1.7f7d1cp-20f), r);
    p = v16_set1(1.0f / 5040);
    p = v16_fma(p, r, v16_set1(1.0f / 720));
    p = v16_fma(p, r, v16_set1(1.0f / 120));
    p = v16_fma(p, r, v16_set1(1.0f / 24));
    p = v16_fma(p, r, v16_set1(1.0f / 6));
    p = v16_fma(p, r, v16_set1(0.5f));
    p = v16_fma(p, r, v16_set1(1.0f));
    p = v16_fma(p, r, v16_set1(1.0f));
    return v16_of_bits(v16i_add(v16_bits(p), v16i_shl23(v16_bits(t))));
}

/* The first n of 16 floats, zeros after; for tails. */
static inline v16 v16_load_part(const float *p, size_t n)
{
    float f[16] = {0};
    memcpy(f, p, n * sizeof(*f));
    return v16_load(f);
}

#endif
