/* mix.c - see mix.h. The loops follow `core` in kernels_avx2.c, kernels_avxvnni.c and kernels_avx512vnni.c. */
#include "mix.h"

#include "base/size.h"
#include "base/thread.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>

#define TURNS 20000

/* The compiler knows neither what is in v nor whether it is needed. */
#define OPAQUE(v) __asm__ volatile("" : "+x"(v))
#define AVX2      __attribute__((target("avx2,fma"), always_inline)) static inline

/* A block of 32 columns for 8 rows and 4 columns: `run` products share 16 bits, with an offset if there is one. */
AVX2 void block_avx2(__m256 *acc, __m256i *x, __m256i w, __m256 d, const int run, const int offset,
                     const int minimum, const int bytes)
{
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i s[4], t[4];

#pragma GCC unroll 8
    for (int g = 0; g < 8; g++) {
        __m256i a = w;
        OPAQUE(w);
        if (bytes)
            a = _mm256_abs_epi8(w);
#pragma GCC unroll 4
        for (int c = 0; c < 4; c++) {
            OPAQUE(x[c]);
            __m256i p = _mm256_maddubs_epi16(a, bytes ? _mm256_sign_epi8(x[c], w) : x[c]);
            if (g % run)
                t[c] = _mm256_add_epi16(t[c], p);
            else
                t[c] = offset ? _mm256_add_epi16(_mm256_slli_epi16(x[c], 4), p) : p;
            OPAQUE(t[c]);
        }
        if (g % run == run - 1) {
#pragma GCC unroll 4
            for (int c = 0; c < 4; c++) {
                __m256i wide = _mm256_madd_epi16(t[c], ones);
                s[c] = g == run - 1 ? wide : _mm256_add_epi32(s[c], wide);
                OPAQUE(s[c]);
            }
        }
    }
#pragma GCC unroll 4
    for (int c = 0; c < 4; c++) {
        OPAQUE(d);
        acc[c] = _mm256_fmadd_ps(_mm256_mul_ps(d, d), _mm256_cvtepi32_ps(s[c]), acc[c]);
        if (minimum)
            acc[c] = _mm256_fmadd_ps(d, d, acc[c]);
        OPAQUE(acc[c]);
    }
}

#define LOOP_AVX2(name, run, offset, minimum, bytes)                                               \
    __attribute__((target("avx2,fma"))) static void name(void)                                     \
    {                                                                                              \
        __m256i x[4], w = _mm256_set1_epi8(3);                                                     \
        __m256 acc[4], d = _mm256_set1_ps(1e-3f);                                                  \
        for (int c = 0; c < 4; c++) {                                                              \
            x[c] = _mm256_set1_epi8((char)(c + 1));                                                \
            acc[c] = _mm256_setzero_ps();                                                          \
        }                                                                                          \
        for (int i = 0; i < TURNS; i++)                                                            \
            block_avx2(acc, x, w, d, run, offset, minimum, bytes);                                 \
    }
LOOP_AVX2(q_avx2, 8, 1, 0, 0)
LOOP_AVX2(q_min_avx2, 8, 0, 1, 0)
LOOP_AVX2(q6_avx2, 4, 1, 0, 0)
LOOP_AVX2(q8_avx2, 1, 0, 0, 1)

/* Fused multiply-adds alone: 16 rows and 4 columns, 32 terms. */
__attribute__((target("avx2,fma"))) static void float_avx2(void)
{
    __m256 acc[8], w = _mm256_set1_ps(1e-3f), x = _mm256_set1_ps(1.0f);

#pragma GCC unroll 8 /* or they stay in memory */
    for (int i = 0; i < 8; i++)
        acc[i] = _mm256_setzero_ps();
    for (int i = 0; i < TURNS * 32; i++) {
#pragma GCC unroll 8
        for (int c = 0; c < 8; c++) {
            acc[c] = _mm256_fmadd_ps(w, x, acc[c]);
            OPAQUE(acc[c]);
        }
    }
}

#define AVXVNNI __attribute__((target("avx2,fma,avxvnni"), always_inline)) static inline

/* The same for 8 rows and 8 columns with dot products. */
AVXVNNI void block_avxvnni(__m256 *acc, __m256i *x, __m256i w, __m256 d, const int minimum,
                           const int halves)
{
    __m256i s[8];

#pragma GCC unroll 8
    for (int c = 0; c < 8; c++)
        s[c] = _mm256_setzero_si256();
#pragma GCC unroll 8
    for (int g = 0; g < 8; g++) {
        OPAQUE(w);
#pragma GCC unroll 8
        for (int c = 0; c < 8; c++) {
            s[c] = _mm256_dpbusd_avx_epi32(s[c], w, x[c % 4]);
            OPAQUE(s[c]);
        }
    }
#pragma GCC unroll 8
    for (int c = 0; c < 8; c++) {
        __m256 f = _mm256_cvtepi32_ps(s[c]);
        OPAQUE(d);
        if (halves)
            f = _mm256_fmadd_ps(d, _mm256_cvtepi32_ps(x[c % 4]), _mm256_mul_ps(d, f));
        acc[c % 2] = _mm256_fmadd_ps(_mm256_mul_ps(d, d), f, acc[c % 2]);
        if (minimum)
            acc[c % 2] = _mm256_fmadd_ps(d, d, acc[c % 2]);
        OPAQUE(acc[c % 2]);
    }
}

#define LOOP_AVXVNNI(name, minimum, halves)                                                        \
    __attribute__((target("avx2,fma,avxvnni"))) static void name(void)                             \
    {                                                                                              \
        __m256i x[4], w = _mm256_set1_epi8(3);                                                     \
        __m256 acc[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()}, d = _mm256_set1_ps(1e-3f);     \
        for (int c = 0; c < 4; c++)                                                                \
            x[c] = _mm256_set1_epi8((char)(c + 1));                                                \
        for (int i = 0; i < TURNS; i++)                                                            \
            block_avxvnni(acc, x, w, d, minimum, halves);                                          \
    }
LOOP_AVXVNNI(q_avxvnni, 0, 0)
LOOP_AVXVNNI(q_min_avxvnni, 1, 0)
LOOP_AVXVNNI(q6_avxvnni, 0, 1)

#define AVX512       "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"
#define OPAQUE512(v) __asm__ volatile("" : "+v"(v))

__attribute__((target(AVX512), always_inline)) static inline void
block_avx512(__m512 *acc, __m512i *x, __m512i w, __m512 d, const int minimum, const int halves)
{
    __m512i s[8];

#pragma GCC unroll 8
    for (int c = 0; c < 8; c++)
        s[c] = _mm512_setzero_si512();
#pragma GCC unroll 8
    for (int g = 0; g < 8; g++) {
        OPAQUE512(w);
#pragma GCC unroll 8
        for (int c = 0; c < 8; c++) {
            s[c] = _mm512_dpbusd_epi32(s[c], w, x[c]);
            OPAQUE512(s[c]);
        }
    }
#pragma GCC unroll 8
    for (int c = 0; c < 8; c++) {
        __m512 f = _mm512_cvtepi32_ps(s[c]);
        OPAQUE512(d);
        if (halves)
            f = _mm512_fmadd_ps(d, _mm512_cvtepi32_ps(x[c]), _mm512_mul_ps(d, f));
        acc[c] = _mm512_fmadd_ps(_mm512_mul_ps(d, d), f, acc[c]);
        if (minimum)
            acc[c] = _mm512_fmadd_ps(d, d, acc[c]);
        OPAQUE512(acc[c]);
    }
}

#define LOOP_AVX512(name, minimum, halves)                                                         \
    __attribute__((target(AVX512))) static void name(void)                                         \
    {                                                                                              \
        __m512i x[8], w = _mm512_set1_epi8(3);                                                     \
        __m512 acc[8], d = _mm512_set1_ps(1e-3f);                                                  \
        for (int c = 0; c < 8; c++) {                                                              \
            x[c] = _mm512_set1_epi8((char)(c + 1));                                                \
            acc[c] = _mm512_setzero_ps();                                                          \
        }                                                                                          \
        for (int i = 0; i < TURNS; i++)                                                            \
            block_avx512(acc, x, w, d, minimum, halves);                                           \
    }
LOOP_AVX512(q_avx512, 0, 0)
LOOP_AVX512(q_min_avx512, 1, 0)
LOOP_AVX512(q6_avx512, 0, 1)

__attribute__((target("avx512f"))) static void float_avx512(void)
{
    __m512 acc[8], w = _mm512_set1_ps(1e-3f), x = _mm512_set1_ps(1.0f);

#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        acc[i] = _mm512_setzero_ps();
    for (int i = 0; i < TURNS * 32; i++) {
#pragma GCC unroll 8
        for (int c = 0; c < 8; c++) {
            acc[c] = _mm512_fmadd_ps(w, x, acc[c]);
            OPAQUE512(acc[c]);
        }
    }
}

static const struct {
    const char *isa;
    void (*loop)(void);
    double macs; /* of one call */
    enum pack_type types[4];
    size_t n_types;
} loops[] = {
    {"avx2", q_avx2, TURNS * 1024.0, {PACK_Q4_0, PACK_Q5_0}, 2},
    {"avx2", q_min_avx2, TURNS * 1024.0, {PACK_Q4_1, PACK_Q4_K}, 2},
    {"avx2", q6_avx2, TURNS * 1024.0, {PACK_Q6_K}, 1},
    {"avx2", q8_avx2, TURNS * 1024.0, {PACK_Q8_0}, 1},
    {"avx2", float_avx2, TURNS * 2048.0, {PACK_F16, PACK_BF16, PACK_F32}, 3},
    {"avxvnni", q_avxvnni, TURNS * 2048.0, {PACK_Q4_0, PACK_Q5_0, PACK_Q8_0}, 3},
    {"avxvnni", q_min_avxvnni, TURNS * 2048.0, {PACK_Q4_1, PACK_Q4_K}, 2},
    {"avxvnni", q6_avxvnni, TURNS * 2048.0, {PACK_Q6_K}, 1},
    {"avxvnni", float_avx2, TURNS * 2048.0, {PACK_F16, PACK_BF16, PACK_F32}, 3},
    {"avx512vnni", q_avx512, TURNS * 4096.0, {PACK_Q4_0, PACK_Q5_0, PACK_Q8_0}, 3},
    {"avx512vnni", q_min_avx512, TURNS * 4096.0, {PACK_Q4_1, PACK_Q4_K}, 2},
    {"avx512vnni", q6_avx512, TURNS * 4096.0, {PACK_Q6_K}, 1},
    {"avx512vnni", float_avx512, TURNS * 4096.0, {PACK_F16, PACK_BF16, PACK_F32}, 3},
};

#define PROBE_SECONDS 0.01

double mix_rate(const char *isa, enum pack_type type)
{
    for (size_t i = 0; i < ARRAY_LEN(loops); i++)
        for (size_t t = 0; t < loops[i].n_types; t++)
            if (loops[i].types[t] == type && strcmp(loops[i].isa, isa) == 0) {
                double start = time_used(), macs = 0, seconds;

                do {
                    loops[i].loop();
                    macs += loops[i].macs;
                    seconds = time_used() - start;
                } while (seconds < PROBE_SECONDS);
                return macs / seconds;
            }
    return 0;
}
#else
double mix_rate(const char *isa, enum pack_type type)
{
    (void)isa, (void)type;
    return 0;
}
#endif
