/* engine.h - models and engines as the benchmarks open them (bench). */
#ifndef BENCH_ENGINE_H
#define BENCH_ENGINE_H

#include "base/err.h"

/* Options that every verb with a model has; rows in ENGINE_ROWS. */
struct engine_opts {
    const char *isa, *kv, *merge;
    int chunk, step_ms;
};

#define ENGINE_ROWS(T, f)                                                                          \
    {0,                                                                                            \
     "isa",                                                                                        \
     OPT_STRING,                                                                                   \
     offsetof(struct T, f.isa),                                                                    \
     0,                                                                                            \
     0,                                                                                            \
     "NAME",                                                                                       \
     NULL,                                                                                         \
     "Instruction set (the best of this machine)"},                                                \
        {0,                                                                                        \
         "kv",                                                                                     \
         OPT_STRING,                                                                               \
         offsetof(struct T, f.kv),                                                                 \
         0,                                                                                        \
         0,                                                                                        \
         "TYPE",                                                                                   \
         NULL,                                                                                     \
         "Type of cached keys and values: f16 or q8 (f16)"},                                       \
        {0,                                                                                        \
         "merge-type",                                                                             \
         OPT_STRING,                                                                               \
         offsetof(struct T, f.merge),                                                              \
         0,                                                                                        \
         0,                                                                                        \
         "TYPE",                                                                                   \
         NULL,                                                                                     \
         "What weights changed by an adapter are rounded to (what it says, or Q8_0)"},             \
        {0,     "chunk", OPT_INT, offsetof(struct T, f.chunk),     1,                              \
         65536, "N",     NULL,    "Tokens of a step at most (256)"},                               \
    {                                                                                              \
        0, "step-ms", OPT_INT, offsetof(struct T, f.step_ms), 1, 60000, "N", NULL,                 \
            "Shrink steps until they take about this long (not at all)"                            \
    }

/* path may be MODEL+ADAPTER (cli/catalogue.h). */
MUST_CHECK int bench_open_model(struct dobby_model **m, const char *path,
                                const struct engine_opts *o, struct dobby_err *e);
/* kv_memory 0: the engine's own choice. */
MUST_CHECK int bench_open_engine(struct dobby_engine **en, struct dobby_model *m,
                                 const struct engine_opts *o, int threads, int agents,
                                 struct dobby_trace *trace, struct dobby_err *e);

struct cost;
/* Rate of reading prompts of 512 tokens, `n` of them at once, in multiply-adds a second (cost.h): all of a prompt's work, the
 * sampled token included. Every call reads other tokens, so nothing comes from the cache. en has at least n agents. */
MUST_CHECK int bench_probe(double *rate, double *seconds, struct dobby_engine *en,
                           const struct cost *c, int n, struct dobby_err *e);
#define PROBE_TOKENS 512

#endif
