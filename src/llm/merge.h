/* merge.h - a matrix of the model with its pair of an adapter added, packed (llm).
 * What     W' = W + scale·B·A, rounded to a tensor type (quantize.h) and packed as if the model's file held it so.
 * Bits     All float32, each operation rounded once, none fused. W is what quant_dequantize says, and so are A and B; for each
 *          element s = 0, then s = s + B[row][k]·A[k][col] for k = 0, 1, ... rank-1, and w' = w + scale·s. Columns do not
 *          meet before they are rounded: however many are computed at once, on whatever machine, the bits are the same.
 * Cost     rows·cols·rank multiply-adds, a second or so for a model of 500 million parameters and rank 16; once, where packed
 *          weights are kept (packed.h).
 * Next     adapter.h for the pair, model.c for who merges what. */
#ifndef LLM_MERGE_H
#define LLM_MERGE_H

#include "llm/adapter.h"
#include "llm/pack.h"

struct merge {
    const struct matrix *m;      /* of the packed form of `to` */
    const struct gguf_tensor *t; /* W in the model's file */
    size_t rope_dim;             /* as in pack_panel */
    const struct adapter_pair *pair;
    enum quant_type to;
};

/* Panels from..end-1 of the matrix. Returns 0, DOBBY_E_NOMEM, or DOBBY_E_NUMERIC: a merged value is not finite, or too large
 * for the type. */
MUST_CHECK int merge_panels(const struct merge *g, size_t from, size_t end);

#endif
