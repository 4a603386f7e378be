/* quantize.h - floats to blocks: the reverse of quant_dequantize, for weights that dobby computed itself (llm).
 * What     Rows of float32 rounded to one of a few tensor types, with the bits that ggml's reference gives
 *          (quantize_row_*_ref), so that another program's file of the same numbers is the same file.
 * Bits     Every product, quotient and sum is rounded to float32 once, in the order of that code, without fused operations:
 *          the same blocks on every machine. Halves round to nearest, ties to even. Of x, a block of 32 values:
 *            Q8_0  d = max|x| / 127, i = 1/d, q = x·i rounded to the nearest integer, halves away from zero
 *            Q5_0  m = the first value of greatest magnitude, d = m / -16, q = min(31, trunc(x·i + 16.5))
 *            Q4_0  the same with d = m / -8, q = min(15, trunc(x·i + 8.5))
 *            Q4_1  m = min x, d = (max x - m) / 15, q = min(15, trunc((x - m)·i + 0.5))
 *          i is 0 where d is 0 or too small to have a reciprocal. The stored d and m are halves; q comes of the unrounded ones.
 *          F16 rounds each value, F32 keeps it.
 * Source   ggml-quants.c of the ggml project; checked against its Python package's own quantisers (tests/data/quantize.json).
 * Next     merge.c for who needs it. */
#ifndef LLM_QUANTIZE_H
#define LLM_QUANTIZE_H

#include "llm/quant.h"

/* Can values be rounded to this type here? */
bool quantize_supported(enum quant_type t);
/* The type of this name ("Q8_0", exactly) that can; false if there is none. */
bool quantize_type(const char *name, size_t len, enum quant_type *out);
/* "F32 F16 ..." of all of them, for messages. */
const char *quantize_names(void);

/* n values at src (a multiple of the type's block) to blocks at dst. False when a value is not finite or a block's scale
 * does not fit into its half: then dst holds nothing of use. */
bool quantize_row(enum quant_type t, const float *src, void *dst, size_t n);

#endif
