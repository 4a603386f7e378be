/* episode.h - an engine's life under random use, held against a model of what may come of it.
 * What     An episode is one engine from opening to closing. Random acts submit prompts whose answers alone are known,
 *          cancel, wait, drain, ask for progress and counts; callbacks fail, cancel and submit; time limits pass;
 *          faults are staged. Whatever the order of things, the model knows what may come of a ticket:
 *            done        only with the bits of the same prompt alone, and never after its callback failed
 *            cancelled   only if somebody asked for it, or the engine was closing
 *            time        only with a limit
 *            numeric     exactly as often as the fault was delivered
 *            own code    only if its callback returned that code
 *          and exactly one final callback for each ticket, in the order of admission that was asked for, with counts
 *          that agree and every KV block given back.
 * Failures Every breach is printed to stderr with the seed and counted in n_bad; nothing here ends the program, for
 *          callbacks run on threads that a test framework cannot unwind.
 * Threads  episode_act from any number of threads, each with its own random state. `lock` guards all but `en`; the
 *          engine is never called with it held.
 * Next     llm/test_engine_random.c (a tiny model, a thousand short episodes), soak/soak.c (an hour). */
#ifndef TESTS_EPISODE_H
#define TESTS_EPISODE_H

#include "dobby.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EPISODE_TOKENS 16 /* written at most */
#define EPISODE_JOBS   48 /* tickets at a time */
#define EPISODE_LOG    512

/* A prompt, and what it becomes when nothing runs beside it. */
struct episode_prompt {
    int32_t *ids; /* malloc'd */
    size_t n;
    int32_t want[EPISODE_TOKENS];
    float logprob[EPISODE_TOKENS], margin[EPISODE_TOKENS];
    size_t end[EPISODE_TOKENS + 1]; /* bytes of text after that many tokens */
    char *text;                     /* of all tokens */
};

/* Make n prompts of token ids below 256 that form a tree: each continues one made before it from a random place. The ids are
 * allocated; episode_forget frees them. */
void episode_tree(struct episode_prompt *p, size_t n, size_t longest, uint64_t seed);
/* Compute what each prompt becomes, each in an engine of its own with one agent: nothing is shared, nothing cached.
 * Returns 0 or the code of what failed, described in *e. */
int episode_learn(struct dobby_model *m, int kv, int chunk, struct episode_prompt *p, size_t n,
                  struct dobby_err *e);
void episode_forget(struct episode_prompt *p, size_t n);
/* Whether a result that is done holds the bits of the prompt's first n tokens. */
bool episode_same(const struct episode_prompt *p, const struct dobby_result *r, size_t n);

enum job_stage { JOB_FREE, JOB_SUBMITTING, JOB_KNOWN };
struct job {
    struct episode *ep;
    enum job_stage stage;
    bool ended;
    dobby_ticket ticket; /* written by the engine; read by others from JOB_KNOWN on */
    const struct episode_prompt *prompt;
    int max_tokens, order, time_limit_ms;
    char stop[8];                   /* a stop string, or "" */
    size_t streamed;                /* bytes handed to on_text */
    bool streams;                   /* has an on_text */
    int pieces, fail_at, fail_code; /* its on_text returns fail_code at that piece; 0: never */
    int cancel_at;                  /* its on_text cancels it at that piece; 0: never */
    int failed;                     /* what its on_text has returned */
    bool cancelled;                 /* somebody asked for it */
    double before, after;           /* the submit call */
};

struct episode_log { /* of a job that was done, for the order of admission */
    dobby_ticket ticket;
    int order;
    double before, after, queued; /* seconds */
};

/* What may happen; of a hundred, how often. */
struct episode_config {
    struct dobby_engine_options engine;
    struct episode_prompt *prompts;
    size_t n_prompts;
    uint64_t seed;
    int fail, cancel, limit,
        stop;           /* callbacks that fail, and that cancel; short time limits; stop strings */
    int orders;         /* submit with so many different orders */
    int chain;          /* finals that submit another */
    int numeric, alloc; /* acts that stage a fault */
    int limit_ms;       /* the longest time limit */
};

struct episode {
    struct dobby_engine *en;
    struct episode_config c;
    pthread_mutex_t lock;
    struct job jobs[EPISODE_JOBS];
    struct episode_log log[EPISODE_LOG];
    size_t n_log, n_bad;
    bool closing, numeric_armed;
    uint64_t n_submitted, n_done, n_cancelled, n_failed, n_prompt_tokens, n_cached, n_written;
    uint64_t n_columns_least;           /* that done jobs must have cost */
    uint64_t n_numeric, n_numeric_hits; /* failures, and deliveries of the fault */
    uint64_t n_nomem, n_alloc_hits;
    dobby_ticket last_ticket;
};

uint64_t episode_draw(uint64_t *state); /* splitmix64 */
/* Open the engine; a failure is returned, with the episode as good as closed. */
int episode_open(struct episode *ep, struct dobby_model *m, const struct episode_config *c,
                 struct dobby_err *e);
/* One random act. Only the thread that passes `stager` stages faults. */
void episode_act(struct episode *ep, uint64_t *random, bool stager);
/* Drain, hold counts and order against the model. */
void episode_check(struct episode *ep);
/* Free the engine, whatever is in flight, and hold what came of each ticket against the model. */
void episode_close(struct episode *ep);

#endif
