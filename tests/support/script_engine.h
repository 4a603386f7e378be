/* script_engine.h - an engine that a test writes the lines of.
 * A thread answers what was submitted, one at a time, in an order that a seed decides; what it answers is a function of
 * the ids. Behind the seam of pipeline/run.h, as the real one is. */
#ifndef TESTS_SCRIPT_ENGINE_H
#define TESTS_SCRIPT_ENGINE_H

#include "pipeline/run.h"

#include <pthread.h>
#include <stdbool.h>

struct script_answer {
    int status;       /* 0, or the failure */
    const char *text; /* of status 0 */
    const char *stop; /* NULL: "string" */
    bool refuse;      /* submit itself fails with `status` */
};

struct script_engine {
    /* What to answer to these ids, asked for the nth time (from 0). Called with the engine's lock held. */
    struct script_answer (*answer)(void *ctx, const int32_t *ids, size_t n, int times);
    void *ctx;
    uint32_t seed;
    int hold;     /* 1: answer nothing but cancellations until it is 0 again */
    int delay_us; /* before each answer */
    /* What it saw. */
    size_t n_submitted, n_cancelled, most_in_flight;
    /* Its own. */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct script_ask *asks;
    size_t n_asks, n_open;
    bool closing;
};

void script_start(struct script_engine *s);
void script_end(struct script_engine *s); /* all must have been answered */
struct run_engine script_seam(struct script_engine *s);
void script_hold(struct script_engine *s, int hold);
int script_held(struct script_engine *s);
/* Forget what was asked so far; nothing may be open. Tickets and `times` start again. */
void script_forget(struct script_engine *s);
/* From within `answer`: what the question was asked with. */
const struct dobby_generate *script_asked(const struct script_engine *s);

#endif
