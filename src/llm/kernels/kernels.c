/* kernels.c - which tables this machine can run (llm/kernels). Reference first, better ones after it. */
#include "llm/kernels/kernels.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>

/* clang 14 does not know "f16c" by name. The instructions need the registers of AVX, which "avx2" has asked for. */
static bool have_f16c(void)
{
    unsigned a, b, c, d;

    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}

/* __builtin_cpu_supports asks XGETBV as well: an extension counts only if the system saves its registers. */
static bool have_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && have_f16c();
}

/* No compiler of Debian 12 knows "avxvnni" by name: leaf 7, subleaf 1. Its registers are those of AVX2. */
static bool have_avxvnni(void)
{
    unsigned a, b, c, d;

    return have_avx2() && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1u << 4);
}

static bool have_avx512vnni(void)
{
    return have_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vnni");
}
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>

/* No more than what the Makefile lets the compiler use in these files. */
static bool have_dotprod(void)
{
    return getauxval(AT_HWCAP) & HWCAP_ASIMDDP;
}

static bool have_i8mm(void)
{
    return have_dotprod() && (getauxval(AT_HWCAP2) & HWCAP2_I8MM);
}
#endif

static bool have_always(void)
{
    return true;
}

static const struct {
    const struct kernels *table;
    bool (*usable)(void);
} tables[] = {
    {&kernels_scalar, have_always},
#if defined(__x86_64__)
    {&kernels_avx2, have_avx2},
    {&kernels_avxvnni, have_avxvnni},
    {&kernels_avx512vnni, have_avx512vnni},
#elif defined(__aarch64__)
    {&kernels_dotprod, have_dotprod},
    {&kernels_i8mm, have_i8mm},
#endif
};

/* Names of tables in builds for other processors. */
static const char *const elsewhere[] = {
#if !defined(__x86_64__)
    "avx2",    "avxvnni", "avx512vnni",
#endif
#if !defined(__aarch64__)
    "dotprod", "i8mm",
#endif
};

#define N_TABLES (sizeof(tables) / sizeof(tables[0]))

const struct kernels *kernels_at(size_t i)
{
    for (size_t k = 0; k < N_TABLES; k++)
        if (tables[k].usable() && i-- == 0)
            return tables[k].table;
    return NULL;
}

const struct kernels *kernels_find(const char *name)
{
    for (size_t k = N_TABLES; k-- > 0;)
        if ((!name || strcmp(name, tables[k].table->name) == 0) && tables[k].usable())
            return tables[k].table;
    return NULL;
}

bool kernels_known(const char *name)
{
    for (size_t k = 0; k < N_TABLES; k++)
        if (strcmp(name, tables[k].table->name) == 0)
            return true;
    for (size_t k = 0; k < sizeof(elsewhere) / sizeof(elsewhere[0]); k++)
        if (strcmp(name, elsewhere[k]) == 0)
            return true;
    return false;
}

const char *kernels_name(size_t i)
{
    return i < N_TABLES ? tables[i].table->name : NULL;
}
