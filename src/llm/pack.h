/* pack.h - matrices in the layout that the kernels want (llm).
 * What     A matrix of the file becomes panels of 16 rows (kernels/pack_layout.h), padded with zero rows, in
 *          memory that the caller provides. All instruction sets share the layout. Exact models hold float32.
 * Bits     Packing moves bits and never rounds.
 * Next     model.c for who packs what, graph.c for the products. */
#ifndef LLM_PACK_H
#define LLM_PACK_H

#include "llm/gguf.h"
#include "llm/kernels/kernels.h"

#include <stdbool.h>
#include <stddef.h>

struct matrix {
    enum pack_type type;
    size_t rows, cols; /* y(rows) = W(rows, cols) x(cols) */
    size_t n_panels, panel_bytes;
    unsigned char *data;
    const float *bias; /* [rows], added last; NULL: none */
};

/* The packed form of a tensor type; with `exact`, always float32. */
enum pack_type pack_type_of(enum quant_type type, bool exact);
/* Do columns of the packed type go through 8-bit activations? (else through floats) */
static inline bool pack_is_quantized(enum pack_type t)
{
    return t < PACK_F16;
}
/* Fill in *m except data and bias. Sizes come from a checked file: they cannot wrap. */
void matrix_shape(struct matrix *m, enum pack_type type, size_t rows, size_t cols);
static inline size_t matrix_bytes(const struct matrix *m)
{
    return m->n_panels * m->panel_bytes;
}
/* Pack panel `p` of `src` (type `from`, m->cols by m->rows). rope_dim > 0: rows are heads of that many rows
 * whose rotary pairs lie side by side (2i, 2i+1); they are moved to (i, i + rope_dim/2), the one pairing that the
 * kernels know. Scores do not change: queries and keys move alike. */
void pack_panel(const struct matrix *m, size_t p, enum quant_type from, const void *src,
                size_t rope_dim);
/* The same for one row: `row`, of m->cols values of the type `from`, becomes row r of the matrix, whose panel was zeroed or holds
 * other rows. */
void pack_line(const struct matrix *m, size_t r, enum quant_type from, const void *row);
/* Which row of the file stands in row r of the matrix. */
size_t pack_source_row(size_t r, size_t rope_dim);
/* Row r of a packed matrix as floats, [cols]; for embeddings that share the output matrix. */
void pack_row(const struct matrix *m, size_t r, float *out);

#endif
