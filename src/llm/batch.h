/* batch.h - what a step holds: which columns of which sequences (llm).
 * What     Candidates are the sequences of a worker, or of a whole team. Each that writes puts its one token into the
 *          step; prompts share the columns that are left: the one admitted first gets a quarter of them, so
 *          that it always moves on, the rest goes to those with the least to read, so that a long prompt does not
 *          stop short ones. Where there are more writers than columns they take turns.
 * Bits     Which columns travel together changes no result, so all of this may depend on time.
 * Owns     Arrays made once for a number of columns and sequences.
 * Next     graph.h for the step itself, pace.h for its length. */
#ifndef LLM_BATCH_H
#define LLM_BATCH_H

#include "llm/graph.h"
#include "llm/sequence.h"

struct batch {
    struct step step;
    int32_t *ids;
    struct segment *segs;
    struct output *outs;
    _Atomic unsigned char *bad;
    struct sequence **seq_of_seg; /* [n_segs] */
    struct sequence **seq_of_out; /* [n_outs] */
    struct candidate *cand;       /* [max_seqs] */
    size_t n_cand, turn;
    double cost; /* of the step, in multiply-adds; see batch_fill */
};

MUST_CHECK int batch_init(struct batch *b, size_t cols, size_t seqs);
void batch_release(struct batch *b);

/* Begin a new step without candidates. */
void batch_begin(struct batch *b, unsigned char *kv_base, size_t kv_stride, int kv_type);
void batch_add(struct batch *b, struct sequence *const *seqs, size_t n);
/* Fill the step: at most `cols` columns, and prompts only as long as its cost stays within `cost`, but for one token of
 * the oldest. The cost counts the multiply-adds of the products once and those of attention
 * ATTENTION_COST times, since they run in floats. */
void batch_fill(struct batch *b, const struct dobby_model *m, size_t cols, double cost);
#define ATTENTION_COST 3

/* Multiply-adds of the layers for a token, and of its attention for each position before it. */
double batch_token_cost(const struct dobby_model *m);
double batch_position_cost(const struct dobby_model *m);

#endif
