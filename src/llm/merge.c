/* merge.c - see merge.h (llm). */
#include "llm/merge.h"

#include "base/mem.h"
#include "llm/kernels/pack_layout.h"
#include "llm/quantize.h"

#include <string.h>

/* What a work item needs besides the panels: all rows of A, one of B, two of the matrix, one rounded. */
struct scratch {
    float *a, *b, *sum, *w;
    unsigned char *row;
};

static int make_scratch(struct scratch *s, const struct merge *g)
{
    size_t cols = g->m->cols, rank = g->pair->rank;

    *s = (struct scratch){.a = mem_array(rank, cols * sizeof(float)),
                          .b = mem_array(rank, sizeof(float)),
                          .sum = mem_array(cols, sizeof(float)),
                          .w = mem_array(cols, sizeof(float)),
                          .row = mem_alloc(quant_row_bytes(g->to, cols))};
    return s->a && s->b && s->sum && s->w && s->row ? 0 : DOBBY_E_NOMEM;
}

static void scratch_release(struct scratch *s)
{
    mem_free(s->a);
    mem_free(s->b);
    mem_free(s->sum);
    mem_free(s->w);
    mem_free(s->row);
}

/* sum[i] += b·a[i]: n independent columns. */
static void add_scaled(float *restrict sum, const float *restrict a, float b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum[i] += b * a[i];
}

/* s->row becomes the rounded row `at` of the file's matrix. */
static int merge_row(const struct merge *g, struct scratch *s, size_t at)
{
    size_t cols = g->m->cols, rank = g->pair->rank;
    const struct gguf_tensor *b = g->pair->b;

    quant_dequantize(g->t->type,
                     (const unsigned char *)g->t->data + at * quant_row_bytes(g->t->type, cols),
                     s->w, cols);
    quant_dequantize(b->type, (const unsigned char *)b->data + at * quant_row_bytes(b->type, rank),
                     s->b, rank);
    memset(s->sum, 0, cols * sizeof(*s->sum));
    for (size_t k = 0; k < rank; k++)
        add_scaled(s->sum, s->a + k * cols, s->b[k], cols);
    add_scaled(s->w, s->sum, g->pair->scale, cols);
    return quantize_row(g->to, s->w, s->row, cols) ? 0 : DOBBY_E_NUMERIC;
}

int merge_panels(const struct merge *g, size_t from, size_t end)
{
    const struct matrix *m = g->m;
    struct scratch s;
    int rc = make_scratch(&s, g);

    if (rc == 0)
        quant_dequantize(g->pair->a->type, g->pair->a->data, s.a, g->pair->rank * m->cols);
    memset(m->data + from * m->panel_bytes, 0, (end - from) * m->panel_bytes);
    for (size_t r = from * PANEL_ROWS; rc == 0 && r < end * PANEL_ROWS && r < m->rows; r++) {
        rc = merge_row(g, &s, pack_source_row(r, g->rope_dim));
        if (rc == 0)
            pack_line(m, r, g->to, s.row);
    }
    scratch_release(&s);
    return rc;
}
