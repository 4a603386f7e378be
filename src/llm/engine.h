/* engine.h - what stands behind a struct dobby_engine: the model's own engine, or a server by URL (llm).
 * What     The public calls of dobby.h are in api.c; each goes to one function of a table.
 * Next     engine.c for the model's own, remote.c for the server. */
#ifndef LLM_ENGINE_H
#define LLM_ENGINE_H

#include "base/err.h"

/* A prompt in one of three forms: ids, or text, or a conversation. */
struct engine_prompt {
    const int32_t *ids;
    size_t n_ids;
    const char *text;
    size_t len;
    const struct dobby_message *msg;
    size_t n_msg;
};

struct dobby_engine;
struct engine_ops {
    /* g is complete (of this version's size); its checks are the engine's. */
    int (*submit)(struct dobby_engine *en, const struct engine_prompt *p,
                  const struct dobby_generate *g, dobby_ticket *out, struct dobby_err *e);
    void (*cancel)(struct dobby_engine *en, dobby_ticket t);
    void (*wait)(struct dobby_engine *en, dobby_ticket t); /* 0: for all */
    void (*stats)(struct dobby_engine *en, struct dobby_stats *out);
    void (*progress)(struct dobby_engine *en, dobby_ticket t, struct dobby_progress *out);
    const char *(*model)(const struct dobby_engine *en);
    void (*free)(struct dobby_engine *en);
};

/* What an option of 0 means. */
#define ENGINE_AGENTS  10
#define ENGINE_CHUNK   256
#define ENGINE_CONTEXT 8192 /* or what the model was trained for, if that is less */

/* Bytes that an engine on the model takes besides its KV blocks: scratch of its workers and of their team, tables,
 * and what each agent and each of n_blocks costs beside. All numbers as the engine uses them (no 0 for a default). */
size_t engine_scratch(const struct dobby_model *m, size_t threads, size_t agents, size_t chunk,
                      size_t context, size_t n_blocks);

/* First member of each engine's own struct. */
struct dobby_engine {
    const struct engine_ops *ops;
};

/* The code of a ticket whose on_text returned rc: it has had enough. */
static inline int engine_callback_code(int rc)
{
    return rc < 0 && rc >= DOBBY_E_TIME ? rc : DOBBY_E_INTERNAL;
}

#endif
