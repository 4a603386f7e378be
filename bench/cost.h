/* cost.h - multiply-adds of a model's work (bench).
 * What     The yardstick of `bench job`: how much arithmetic a job is, so that its time can be set against the rate at which
 *          the same machine does such arithmetic when it reads one long prompt.
 * Counted  Body: every weight of every layer's matrices, once for each token computed. Attention: for a token at position p, products with
 *          p + 1 keys and p + 1 values in every head. Head: every weight of the output matrix, for each token sampled. Norms,
 *          rotations, activations are left out on both sides of the comparison. */
#ifndef BENCH_COST_H
#define BENCH_COST_H

#include "llm/model.h"

struct cost {
    double body, head; /* a token */
    double attention;  /* a token and a position that it looks at */
};

struct cost cost_of(const struct dobby_model *m);
/* Tokens at positions from..to-1 through body and attention. */
double cost_span(const struct cost *c, size_t from, size_t to);

#endif
