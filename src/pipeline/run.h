/* run.h - agents: questions in flight, judged as they come back (pipeline).
 * What     Up to `agents` questions are with the engine at once. An answer is judged: accepted, its summary goes to the
 *          store at once; refused, the same question is put once more in another form (attempt 2), then the unit's
 *          fallback from its signature stands.
 * Cascade  With `defer`, a question that ends with the fallback, or with a text that is doubtful (check_is_low), is put off: nothing
 *          of it is kept but there. A second run over these alone, with `earlier`, asks another model: what it says stands if it is
 *          accepted, doubtful or not; else what the first one said, and if that was refused the fallback.
 * Failure  A failure is no answer, whosever it is: the engine's, a time limit's, of memory here. The attempt is repeated
 *          under its number, after a pause that doubles each time, and a bounded number of times: ENGINE_TRIES in
 *          all, ENGINE_TRIES_AWAY for what may pass by itself (no memory, no server), once for what cannot
 *          (a prompt beyond a limit, a wrong option). Then the question is left undone, and told at the end.
 *          Nobody sleeps meanwhile: the slot waits, the others go on. Each failed try is an attempt in the
 *          store. ENGINE_MAX_FAILURES questions in a row given up, without an answer in between, end the run.
 * Holds    What an attempt asks follows from its number, what is kept from the texts alone: neither time nor the number of
 *          agents nor the order of answers changes a summary.
 * Counted  A unit counts as done when its summary is on the disk. Nobody waits for that but the end of the run. Without a
 *          store it counts when it has been judged.
 * Stop     *stop == 1: nothing new is asked, what is in flight is finished (further attempts included), what waits to be
 *          tried again is left. 2: what is in flight is cancelled. What was done is kept.
 * Threads  All runs on the caller's thread; the engine's callback only hands its result over.
 * Seam     The engine is three functions, so that another one (a server by URL, a script in a test) can stand
 *          behind them. */
#ifndef PIPELINE_RUN_H
#define PIPELINE_RUN_H

#include "base/err.h"
#include "code/check.h"
#include "code/text.h"
#include "code/unit.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENGINE_TRIES          3   /* of one attempt */
#define ENGINE_TRIES_AWAY     8   /* where waiting may help: 11 seconds in all */
#define ENGINE_BACKOFF_MS     100 /* before the second try; twice that before the third ... */
#define ENGINE_BACKOFF_MAX_MS 5000
#define ENGINE_MAX_FAILURES   8   /* questions given up in a row: the engine is broken, not they */
#define RUN_AGENTS_SHOWN      256 /* agents that a tick tells of at most */

/* A question. Pointers live until the next one is asked for. */
struct run_prompt {
    const int32_t *ids; /* the tokens; NULL for an engine that takes words only */
    size_t n;
    const struct dobby_message *msg; /* the words */
    size_t n_msg;
    const char *code; /* what the answer is checked against */
    size_t code_len;
    const char *context; /* what the words show around it: names and numbers there are known */
    size_t context_len;
    const struct text *others; /* sentences that the words show: not to be copied */
    size_t n_others;
    struct unit unit; /* its names live as long as the source */
};

/* The engine, as dobby.h describes its functions of the same names. */
struct run_engine {
    void *ctx;
    int (*submit)(void *ctx, const struct run_prompt *p, const struct dobby_generate *g,
                  dobby_ticket *out, struct dobby_err *e);
    void (*cancel)(void *ctx, dobby_ticket t);
    void (*stats)(void *ctx, struct dobby_stats *out); /* for the progress line; may be NULL */
    void (*progress)(void *ctx, dobby_ticket t, struct dobby_progress *out); /* may be NULL */
};

/* The one of dobby.h. */
struct run_engine run_engine_of(struct dobby_engine *en);

/* Where questions come from. */
struct run_source {
    void *ctx;
    /* Question `item` in the form of `attempt` (0, 1). Returns 0; 1 when its file is not what was planned any more; or a
     * failure, which counts as one of the engine's. */
    int (*prompt)(void *ctx, size_t item, int attempt, struct run_prompt *out, struct dobby_err *e);
    /* "path: name" for a note about it, escaped; valid until the next call. */
    const char *(*label)(void *ctx, size_t item);
};

struct run_item {
    const uint8_t *unit_key, *prompt_key;
    size_t n_same; /* units that its answer serves */
};

/* What a model made of a question that was put off. */
struct run_earlier {
    bool there;        /* it was put off */
    char *text;        /* its sentence, allocated; NULL: all were refused */
    const char *model; /* its name; borrowed */
    double confidence; /* of the text */
    int attempts;      /* that it took */
    uint64_t n_prompt, n_written;
    struct store_txn *txn; /* the record of them, which goes to the store with the summary */
};
void run_earlier_release(struct run_earlier *was); /* what it holds */

/* In units, but n_running. */
struct run_counts {
    size_t n_done, n_failed, n_left, n_running; /* left: the run was stopped */
    size_t n_deferred;                          /* put off; left, when the run was stopped */
    size_t n_replaced;  /* of the done ones: this model's word stands, not the earlier one's */
    size_t n_signature; /* of the done ones: by the fallback */
    uint64_t n_read, n_cached, n_written; /* tokens: of prompts, of these from the cache, sampled */
    uint64_t n_computed;                  /* columns of the engine's steps */
    const struct dobby_agent
        *agents; /* of a tick: those at work by slot, RUN_AGENTS_SHOWN at most */
    size_t n_agents;
};

/* A question that is left undone. */
struct run_failure {
    size_t item;
    int tries;       /* of its last attempt; 0: it was never asked */
    const char *why; /* of the last try */
};

/* What an attempt came to, as it was judged. */
struct run_answer {
    size_t item;
    int attempt; /* 0, 1 */
    enum check_verdict verdict;
    const char *text;    /* what came back */
    const char *summary; /* the accepted sentence; NULL: refused */
    double confidence;   /* of an accepted one, 0..1; negative: none */
    bool last;           /* no other attempt follows: a refused one leaves the fallback */
};

struct run_options {
    const struct run_item *items;
    size_t n_items;
    struct run_engine engine;
    struct run_source source;
    struct run_earlier *
        defer; /* [n_items], all zero, released by the caller; NULL: nothing is put off. With a store only */
    struct run_earlier *
        earlier; /* [n_items], of which the records are taken; NULL: no other model was asked before */
    struct store *store; /* NULL: nothing is kept, and keys of items are not looked at */
    int64_t run;         /* its number in the store */
    const char *model;   /* its name in the store */
    bool remote;         /* it is behind a URL: `source` of its texts is "remote" */
    int agents;          /* at least 1 */
    double
        min_confidence; /* a first answer below is refused, and a second that is low; 0: none is */
    int time_limit_ms;  /* of one try, from its admission; 0: none */
    int backoff_ms;     /* 0: ENGINE_BACKOFF_MS */
    const volatile int *stop;  /* may be NULL */
    struct dobby_trace *trace; /* may be NULL; slot i has row i + 1 of this group: */
    int trace_group;
    void *ctx;
    void (*on_change)(void *ctx, const struct run_counts *c, int tick); /* tick 0: one more unit */
    void (*on_answer)(void *ctx, const struct run_answer *a);           /* may be NULL */
    void (*on_note)(void *ctx, const char *line);
    void (*on_failed)(void *ctx, const struct run_failure *f); /* for each, at the end */
};

/* Ask everything. Returns 0 when all is done, DOBBY_E_UNDONE when units failed or their files changed,
 * DOBBY_E_CANCELLED after *stop, or a failure (of the store, of a broken engine, of memory at the start) that ended it;
 * then, too, *c says what was done, and nothing is in flight any more. */
MUST_CHECK int run_items(const struct run_options *o, struct run_counts *c, struct dobby_err *e);

#endif
