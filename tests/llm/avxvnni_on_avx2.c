/* avxvnni_on_avx2.c - kernels_avxvnni.c over SIMDe (tests/llm/emulated.h). */
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/f16c.h>
#define _mm256_dpbusd_avx_epi32 simde_mm256_dpbusd_epi32
#define kernels_avxvnni         emulated_avxvnni
#include "llm/kernels/kernels_avxvnni.c"
