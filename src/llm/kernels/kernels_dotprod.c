/* kernels_dotprod.c - 64-bit ARM with SDOT (llm/kernels); neon.h has it all. */
#include "llm/kernels/neon.h"

TYPES(false)

const struct kernels kernels_dotprod = KERNELS("dotprod", 4, 4);
