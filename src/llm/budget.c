/* budget.c - dobby_memory_plan: how many agents fit (llm).
 * What is measured is what the process holds now; all else is arithmetic over the same functions that the engine
 * allocates by. An agent is admitted with the blocks of its worst case, so a pool of planned size bounds KV whatever
 * comes. The pool has room for the shared beginning twice: an agent that waits for it to be read by another has blocks
 * reserved for it meanwhile. Next: engine.c, set_up(). */
#include "base/mem.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/size.h"
#include "base/thread.h"
#include "llm/engine.h"
#include "llm/graph.h"

#include <stdlib.h>

#define MIB ((size_t)1 << 20)
/* What grows while agents work, beyond what is counted: the store's queue and page cache, pages of the program
 * itself that were not touched yet, and for each thread its stack, its heap, and a huge page's rounding. */
#define RESERVE        (14 * MIB)
#define RESERVE_THREAD (2 * MIB)

/* The request with nothing left to default. */
struct request {
    const struct dobby_model *m;
    size_t threads, agents, chunk, context, shared; /* shared: whole blocks */
    size_t block;                                   /* bytes */
    size_t *blocks; /* [agents] of each sequence, the longest first */
};

static int compare_sizes(const void *pa, const void *pb)
{
    size_t a = *(const size_t *)pa, b = *(const size_t *)pb;

    return (a < b) - (a > b);
}

static size_t blocks_of(size_t tokens)
{
    return (tokens + KV_TOKENS - 1) / KV_TOKENS;
}

/* Tokens of sequence i. What is longer than the model was trained for, an engine refuses. */
static size_t tokens_of(const struct request *r, const struct dobby_memory_options *o, size_t i)
{
    size_t each = o->tokens_each ? o->tokens_each : ENGINE_CONTEXT;

    return size_min(o->tokens ? o->tokens[i] : each, r->m->n_ctx_train);
}

/* The longest sequences that can be in flight at once, and the context that they need. */
static int list_blocks(struct request *r, const struct dobby_memory_options *o, struct dobby_err *e)
{
    size_t n = o->tokens ? o->n_tokens : r->agents;
    size_t *all = mem_array(size_max(n, r->agents), sizeof(*all));

    if (!all)
        return err_nomem(e, "a memory plan");
    r->context = 1;
    for (size_t i = 0; i < n; i++) {
        all[i] = blocks_of(tokens_of(r, o, i));
        r->context = size_max(r->context, tokens_of(r, o, i));
    }
    if (n > 0)
        qsort(all, n, sizeof(*all), compare_sizes);
    r->blocks = all; /* those behind the first `agents` are not looked at */
    return 0;
}

static int take_request(struct request *r, const struct dobby_memory_options *o,
                        struct dobby_err *e)
{
    if (o->threads < 0 || o->threads > TEAM_MAX || o->agents < 0 || o->agents > 65536 ||
        o->chunk < 0 || o->chunk > 65536)
        return err_set(e, DOBBY_E_USAGE,
                       "memory plan: threads 0..%d, agents 0..65536, chunk 0..65536 are possible",
                       TEAM_MAX);
    if (o->kv != DOBBY_KV_F16 && o->kv != DOBBY_KV_Q8 && o->kv != DOBBY_KV_F32)
        return err_set(e, DOBBY_E_USAGE, "KV type %d is not known: f16, q8 and f32 are", o->kv);
    r->threads = (size_t)(o->threads > 0 ? o->threads : thread_cpus());
    r->agents = o->agents > 0 ? (size_t)o->agents : ENGINE_AGENTS;
    r->chunk = o->chunk > 0 ? (size_t)o->chunk : ENGINE_CHUNK;
    r->block = graph_kv_block(r->m, r->m->exact ? DOBBY_KV_F32 : o->kv);
    r->shared = o->shared / KV_TOKENS;
    return list_blocks(r, o, e);
}

/* Blocks of the pool for n agents. */
static size_t pool_blocks(const struct request *r, size_t n)
{
    size_t sum = 2 * r->shared;

    for (size_t i = 0; i < n; i++)
        sum += size_max(r->blocks[i], r->shared) - r->shared;
    return size_max(sum, 1);
}

static size_t reserve_of(const struct request *r)
{
    return RESERVE + r->threads * RESERVE_THREAD;
}

/* Bytes of n agents, with everything that is not there yet. */
static size_t need_of(const struct request *r, size_t n)
{
    size_t blocks = pool_blocks(r, n);

    return blocks * r->block + reserve_of(r) +
           engine_scratch(r->m, r->threads, n, r->chunk, r->context, blocks);
}

/* A bound as it is told: what the process holds differs a little from run to run. */
static size_t as_bound(size_t used, size_t rest)
{
    return (used + used / 16 + rest + 3 * MIB) / MIB * MIB;
}

static int too_small(const struct dobby_memory *p, const struct request *r, struct dobby_err *e)
{
    return err_set(e, DOBBY_E_LIMIT,
                   "memory: a bound of %zu MiB is too small: %zu MiB are in use, weights take %zu, "
                   "scratch for %zu threads %zu, the keys and values of %zu tokens %zu, and %zu "
                   "stay in reserve; the smallest that works is %zuM",
                   p->memory / MIB, p->used / MIB, p->weights / MIB, r->threads, p->scratch / MIB,
                   r->context, p->kv / MIB, p->reserve / MIB, p->smallest / MIB);
}

/* The most agents that fit, at least one. */
static size_t fitting(const struct request *r, size_t room)
{
    size_t lo = 1, hi = r->agents;

    while (lo < hi) { /* need_of grows with n */
        size_t mid = hi - (hi - lo) / 2;

        if (need_of(r, mid) <= room)
            lo = mid;
        else
            hi = mid - 1;
    }
    return lo;
}

static int plan(struct dobby_memory *p, const struct request *r, struct dobby_err *e)
{
    size_t loaded = p->used + p->weights, n, blocks;

    p->smallest = as_bound(p->used, p->weights + need_of(r, 1));
    p->enough = as_bound(p->used, p->weights + need_of(r, r->agents));
    n = fitting(r, p->memory > loaded ? p->memory - loaded : 0);
    blocks = pool_blocks(r, n);
    p->agents = (int)n;
    p->context = (int)r->context;
    p->kv = blocks * r->block;
    p->scratch = engine_scratch(r->m, r->threads, n, r->chunk, r->context, blocks);
    p->reserve = reserve_of(r);
    if (p->memory < loaded || p->memory - loaded < need_of(r, 1))
        return too_small(p, r, e);
    return 0;
}

int dobby_memory_plan(struct dobby_memory *out, const struct dobby_model *m,
                      const struct dobby_memory_options *o, struct dobby_err *e)
{
    struct dobby_memory_options opt;
    struct request r = {.m = m};
    int rc = options_take(&opt, sizeof(opt), o, "memory", e);

    *out = (struct dobby_memory){0};
    if (rc == 0)
        rc = take_request(&r, &opt, e);
    if (rc == 0) {
        mem_trim(); /* what was freed is not in use */
        out->memory = opt.memory ? opt.memory : memory_auto("");
        out->used = memory_used();
        out->weights = m->weights ? 0 : model_weights(m);
        rc = plan(out, &r, e);
    }
    mem_free(r.blocks);
    return rc;
}
