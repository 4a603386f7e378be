/* agents.c - see agents.h (pipeline). */
#include "pipeline/agents.h"

#include <string.h>

#define SECOND_FORM                                                                                \
    24 /* tokens that prompt.c's second question takes more than its first, and a few */

size_t agents_tokens(const struct unit *u, size_t n_tokens)
{
    return n_tokens + SECOND_FORM + strlen(u->name) + PROMPT_MAX_TOKENS;
}

int agents_plan(struct dobby_memory *out, struct question *q, const uint32_t *tokens, size_t n,
                const struct agents_options *o, struct dobby_err *e)
{
    struct dobby_memory_options m;
    int rc = question_model(q, e);

    DOBBY_INIT(m);
    m.memory = o->memory;
    m.threads = o->threads;
    m.agents = o->agents;
    m.chunk = o->chunk;
    m.kv = o->kv;
    m.tokens = tokens;
    m.n_tokens = n;
    if (rc == 0)
        rc = question_shared(q, &m.shared, e);
    return rc < 0 ? rc : dobby_memory_plan(out, q->model, &m, e);
}

int agents_open(struct dobby_engine **out, struct question *q, const struct dobby_memory *plan,
                const struct agents_options *o, struct dobby_err *e)
{
    struct dobby_engine_options en;
    int rc = dobby_model_load(q->model, o->threads, e);

    DOBBY_INIT(en);
    en.threads = o->threads;
    en.agents = plan->agents;
    en.chunk = o->chunk;
    en.kv = o->kv;
    en.step_ms = o->step_ms;
    en.context = plan->context;
    en.kv_memory = plan->kv;
    en.trace = o->trace;
    return rc < 0 ? rc : dobby_engine_open(out, q->model, &en, e);
}
