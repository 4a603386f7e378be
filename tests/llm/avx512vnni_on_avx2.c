/* avx512vnni_on_avx2.c - kernels_avx512vnni.c over SIMDe (tests/llm/emulated.h). */
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/f16c.h>

#include <stdint.h>

/* What SIMDe lacks, through memory. */
#define LANES for (int i = 0; i < 16; i++)
union lanes {
    simde__m512i v;
    simde__m512 f;
    simde__m256i half;
    simde__m128i quarter;
    __m128i part[4];
    __m256 floats[2];
    int32_t i32[16];
    float f32[16];
    int8_t i8[64];
    uint8_t u8[64];
    uint16_t u16[32];
};

static inline int32_t max_lane(simde__m512i v)
{
    union lanes a = {.v = v};
    int32_t m = a.i32[0];

    LANES m = a.i32[i] > m ? a.i32[i] : m;
    return m;
}

static inline simde__m512 from_halves(simde__m256i v)
{
    union lanes a = {.half = v}, r;

    r.floats[0] = _mm256_cvtph_ps(a.part[0]);
    r.floats[1] = _mm256_cvtph_ps(a.part[1]);
    return r.f;
}

static inline simde__m256i to_halves(simde__m512 v)
{
    union lanes a = {.f = v}, r;

    r.part[0] = _mm256_cvtps_ph(a.floats[0], _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    r.part[1] = _mm256_cvtps_ph(a.floats[1], _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    return r.half;
}

static inline simde__m512 to_floats(simde__m512i v)
{
    union lanes a = {.v = v}, r;

    LANES r.f32[i] = (float)a.i32[i];
    return r.f;
}

static inline simde__m512i from_bytes(simde__m128i v)
{
    union lanes a = {.quarter = v}, r;

    LANES r.i32[i] = a.i8[i];
    return r.v;
}

static inline simde__m512i from_unsigned_bytes(simde__m128i v)
{
    union lanes a = {.quarter = v}, r;

    LANES r.i32[i] = a.u8[i];
    return r.v;
}

static inline __m128i low_bytes(simde__m512i v)
{
    union lanes a = {.v = v}, r;

    LANES r.i8[i] = (int8_t)a.i32[i];
    return r.part[0];
}

/* Of SIMDe only constants, of kernels what the compiler makes one. */
static inline simde__m512i left(simde__m512i v, int n)
{
    union lanes a = {.v = v};

    for (int i = 0; i < 32; i++)
        a.u16[i] = (uint16_t)(a.u16[i] << n);
    return a.v;
}

static inline simde__m512i right(simde__m512i v, int n)
{
    union lanes a = {.v = v};

    for (int i = 0; i < 32; i++)
        a.u16[i] = (uint16_t)(a.u16[i] >> n);
    return a.v;
}

#undef _mm512_cvtps_ph
#undef _mm512_slli_epi16
#undef _mm512_srli_epi16
#define _mm512_slli_epi16        left
#define _mm512_srli_epi16        right
#define _mm512_cvtepi32_epi8     low_bytes
#define _mm512_cvtepi32_ps       to_floats
#define _mm512_cvtepi8_epi32     from_bytes
#define _mm512_cvtepu8_epi32     from_unsigned_bytes
#define _mm512_reduce_max_epi32  max_lane
#define _mm512_cvtph_ps          from_halves
#define _mm512_cvtps_ph(v, mode) to_halves(v)
#define __asm__(...) /* hints for registers that are not there */
#define __AVX512F__        1
#define kernels_avx512vnni emulated_avx512vnni
#include "llm/kernels/kernels_avx512vnni.c"
