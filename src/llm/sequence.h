/* sequence.h - one agent's work inside the engine: a prompt, what was written after it, and its place (llm).
 * What     Everything a sequence will ever need is allocated when it is submitted; nothing while it runs.
 * Threads  Fields are guarded by the engine's mutex, except that the worker which owns a live sequence reads ids,
 *          n_ids, pos and blocks during a step without it: only that worker changes them, with the mutex held,
 *          between steps.
 * Next     engine.c for its life. */
#ifndef LLM_SEQUENCE_H
#define LLM_SEQUENCE_H

#include "base/err.h"
#include "llm/kv.h"
#include "llm/model.h"

struct sequence {
    struct sequence *all_prev, *all_next; /* every sequence whose final callback has not returned */
    struct sequence *next; /* of the queue it stands in: waiting, parked, or to be told */
    dobby_ticket ticket;
    struct dobby_generate opt; /* stops replaced by the copy below */
    int32_t *ids;              /* [max_ids] prompt, then written tokens */
    size_t n_prompt, n_ids, max_ids;
    size_t pos;       /* tokens whose keys and values are in the cache */
    uint32_t *blocks; /* [n_blocks] */
    size_t n_blocks;
    size_t n_shared;         /* leading blocks that were ready when they were matched */
    size_t n_published;      /* leading blocks that stand in the tree, the shared ones included */
    size_t n_cached;         /* prompt tokens taken from the cache */
    float *logprob, *margin; /* [max_tokens] */
    size_t n_out;
    double sum_logprob;
    char *text; /* [max_tokens * longest token + 1] */
    size_t len, safe,
        told; /* written; of these, no part of a stop string or cut character; handed to on_text */
    char **stops; /* [n_stops], copies */
    size_t n_stops;
    float *logits;      /* on_logits: [HEAD_COLS][n_vocab] */
    bool ended, queued; /* final; stands in the queue of the dispatcher */
    int abort;          /* asked to end with this code; 0: not */
    int status;
    int slot; /* 0..agents-1 while it is admitted: its lane in a trace */
    const char *stop_reason;
    struct dobby_err err;
    double t_submit, t_admit, t_settled, t_first, t_end; /* settled: its beginning was there */
};

#define SEQ_LOGIT_COLS 32 /* columns a step at most for sequences with on_logits */

/* g: complete (api.c). */
MUST_CHECK int sequence_new(struct sequence **out, const struct dobby_model *m, const int32_t *ids,
                            size_t n, const struct dobby_generate *g, struct dobby_err *e);
void sequence_free(struct sequence *s);
/* Take a sampled token: text, stop strings, limits. Sets `ended` with stop_reason when the sequence is complete. */
void sequence_accept(struct sequence *s, const struct dobby_model *m, int32_t id, float logprob,
                     float margin);
/* End it without a text; the first failure wins. */
void sequence_fail(struct sequence *s, int code, const char *message);
/* End it as `abort` says. */
void sequence_abort(struct sequence *s);

#endif
