/* kernels_i8mm.c - 64-bit ARM with SMMLA (llm/kernels); neon.h has it all. */
#include "llm/kernels/neon.h"

TYPES(true)

const struct kernels kernels_i8mm = KERNELS("i8mm", 4, 4);
