/* made.h - made-up prompts of given lengths through an engine, all submitted at once (bench). */
#ifndef BENCH_MADE_H
#define BENCH_MADE_H

#include "base/err.h"

/* A prompt of n_shared tokens that all prompts of this seed begin with, and n_own that no other one has. */
struct made_prompt {
    int n_shared, n_own, write; /* write: tokens written, whatever they are */
    int order;                  /* as in dobby_generate */
    double latency_ms;          /* filled: admission to end */
};

/* Ask all prompts, in their order, and wait. *seconds: for all. */
MUST_CHECK int made_run(struct dobby_engine *en, struct made_prompt *v, size_t n, unsigned seed,
                        double *seconds, struct dobby_err *e);

#endif
