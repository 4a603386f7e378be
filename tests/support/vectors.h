/* vectors.h - a model's logits against those of an independent float64 implementation (tests/support).
 * tests/data/logits-MODEL.json holds prompts with the oracle's top-20 log-probabilities, negative log-likelihoods and
 * greedy tokens, and the same from llama.cpp on the same file. */
#ifndef SUPPORT_VECTORS_H
#define SUPPORT_VECTORS_H

#include <stddef.h>

/* Bounds of tests: see the tolerance table that came with the vectors. */
struct vector_bounds {
    double p99_kl;    /* 99% of the positions of the 8-bit path stay below */
    double q8_loss;   /* mean KL that the cache in 8 bits may add */
    size_t n_prompts; /* how many of the prompts to run; 0: all */
};

/* Runs exact mode against the oracle, then the 8-bit path against exact mode at every position. Asserts with
 * cmocka's functions and prints what it measured. */
void vectors_check(const char *model_path, const char *json_path, const struct vector_bounds *b);

#endif
