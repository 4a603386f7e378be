/* cost.c - see cost.h (bench). */
#include "cost.h"

static double weights(const struct matrix *m)
{
    return (double)m->rows * (double)m->cols;
}

struct cost cost_of(const struct dobby_model *m)
{
    struct cost c = {.head = weights(&m->output)};

    for (size_t i = 0; i < m->n_layers; i++) {
        const struct layer *l = &m->layers[i];

        c.body += weights(&l->q) + weights(&l->k) + weights(&l->v) + weights(&l->o) +
                  weights(&l->gate) + weights(&l->up) + weights(&l->down);
    }
    c.attention = 2.0 * (double)m->n_layers * (double)m->n_heads * (double)m->head_dim;
    return c;
}

double cost_span(const struct cost *c, size_t from, size_t to)
{
    double n = (double)(to - from), first = (double)from + 1, last = (double)to;

    return c->body * n + c->attention * n * (first + last) / 2;
}
