/* emulated.c - see emulated.h. */
#include "emulated.h"

#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
extern const struct kernels emulated_avxvnni, emulated_avx512vnni;
static const struct kernels *const tables[] = {&emulated_avxvnni, &emulated_avx512vnni};
#else
static const struct kernels *const tables[] = {NULL};
#endif

/* What emulates them uses AVX2. */
static bool usable(void)
{
    return kernels_find("avx2") != NULL;
}

static bool wanted(const struct kernels *t)
{
    return t && usable() && !kernels_find(t->name);
}

const struct kernels *emulated_at(size_t i)
{
    for (size_t k = 0; k < sizeof(tables) / sizeof(tables[0]); k++)
        if (wanted(tables[k]) && i-- == 0)
            return tables[k];
    return NULL;
}
