/* agents.h - an engine for questions that are known: how many agents the memory allows, and the model loaded for them (pipeline).
 * What     The tokens of every question are counted first, so that the bound on memory holds with the longest in flight at once. Then
 *          the weights go where the questions' tokens come from (question.h).
 * Next     dobby_memory_plan in dobby.h; summarize.c and eval.c, which ask. */
#ifndef PIPELINE_AGENTS_H
#define PIPELINE_AGENTS_H

#include "pipeline/question.h"

#include <stddef.h>
#include <stdint.h>

struct agents_options {
    size_t memory;                           /* bound in bytes */
    int threads, agents, chunk, kv, step_ms; /* as in dobby_engine_options */
    struct dobby_trace *trace;               /* may be NULL */
};

/* Tokens that a question about u of n_tokens may take with its answer: the second form of a question may say more than the first, and
 * name the function. */
size_t agents_tokens(const struct unit *u, size_t n_tokens);
/* Plan for n questions of so many tokens; the model's head is opened. DOBBY_E_LIMIT when not even one agent fits. */
MUST_CHECK int agents_plan(struct dobby_memory *out, struct question *q, const uint32_t *tokens,
                           size_t n, const struct agents_options *o, struct dobby_err *e);
/* Load q's model and open an engine on it, as planned; the caller frees it before q. */
MUST_CHECK int agents_open(struct dobby_engine **out, struct question *q,
                           const struct dobby_memory *plan, const struct agents_options *o,
                           struct dobby_err *e);

#endif
