/* graph.h - one step: a ragged batch of columns through all layers (llm).
 * What     Prompt chunks of some sequences and single tokens of others are columns of the same products. A
 *          team of workers runs a step together, each dividing rows and columns by its rank; a team of one
 *          is the common case and meets no barrier.
 * Bits     A column's result depends on its own sequence only: not on what stands beside it, the team's
 *          size, or where chunks end.
 * Owns     Scratch for a fixed number of columns, allocated once. A step allocates nothing.
 * Errors   None can happen inside; a column whose numbers are not finite is marked in bad[].
 * Next     graph.c for the order of operations, engine.c for how steps are filled. */
#ifndef LLM_GRAPH_H
#define LLM_GRAPH_H

#include "base/err.h"
#include "llm/model.h"

#include <stdatomic.h>

#define TEAM_MAX   256
#define TEAM_SPINS 4000 /* for members that have a processor each: about as long as a sleep costs */

/* Consecutive columns of one sequence. */
struct segment {
    size_t col, n;          /* first column and how many */
    size_t pos;             /* position of the first */
    const uint32_t *blocks; /* KV blocks of the sequence, up to the last position's */
};

/* A column whose logits are asked for. */
struct output {
    size_t col;
    float *logits; /* [n_vocab] to fill, or NULL */
    int32_t
        id; /* greedy choice among the allowed ids, lowest on ties; -1 if the logits are not numbers */
    float logprob; /* its log-probability among all ids */
    float margin;  /* how far the runner-up's lies below */
};

struct step {
    size_t n_cols, n_segs, n_outs;
    const int32_t *ids; /* [n_cols] */
    const struct segment *segs;
    struct output *outs;
    _Atomic unsigned char *bad; /* [n_cols] set to 1 for columns that are not finite; relaxed */
    unsigned char *kv_base;
    size_t kv_stride; /* bytes of a KV block, all layers */
    int kv_type;
};

/* Meeting point of the workers of a team; spins a few microseconds, then sleeps. */
struct team {
    unsigned n;
    unsigned spins; /* turns before a member that waits goes to sleep; TEAM_SPINS, or 0 */
    atomic_uint arrived, phase; /* acquire/release: what was written before is seen after */
    atomic_uint sleepers;       /* of those who wait for the phase to change */
};

struct graph;

/* Scratch for `max_cols` columns, contexts of `max_ctx`, teams of up to `ranks`. rope: model_rope_table of at
 * least max_ctx positions, borrowed. */
MUST_CHECK int graph_new(struct graph **out, const struct dobby_model *m, const float *rope,
                         size_t max_cols, size_t max_ctx, unsigned ranks, struct dobby_err *e);
void graph_free(struct graph *g);
size_t graph_bytes(const struct dobby_model *m, size_t max_cols, size_t max_ctx, unsigned ranks);
/* Run one step. Every member calls it with its own rank 0..n-1 and the same graph and step; team NULL: alone.
 * When rank 0 returns, all outputs are in place. */
void graph_step(struct graph *g, const struct step *s, struct team *team, unsigned rank);

/* Panels from..to-1 of w times n > 0 columns from col on of x: y[column - col][row - from * PANEL_ROWS], ldy floats from column to
 * column. tile is scratch. */
void graph_product(const struct kernels *k, struct tile *tile, const struct matrix *w, size_t from,
                   size_t to, const struct acts *x, size_t col, size_t n, float *y, size_t ldy);
/* Bytes of a KV block: 16 tokens of all layers. */
size_t graph_kv_block(const struct dobby_model *m, int kv_type);
void team_wait(struct team *t);

#endif
