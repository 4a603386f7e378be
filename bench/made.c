/* made.c - see made.h (bench). */
#include "made.h"

#include "base/mem.h"
#include "base/thread.h"

struct one {
    struct made_prompt *p;
    struct dobby_err err;
};

static void on_done(void *ctx, const struct dobby_result *r)
{
    struct one *o = ctx;

    o->p->latency_ms = r->ms_total - r->ms_queued;
    if (r->status < 0)
        (void)err_set(&o->err, r->status, "%s", r->message);
}

/* Ordinary tokens; which one stands where does not matter, only that beginnings differ where they should. */
static void make_ids(int32_t *ids, const struct made_prompt *p, unsigned seed, unsigned number)
{
    unsigned x = seed * 2654435761u;

    for (int i = 0; i < p->n_shared + p->n_own; i++) {
        if (i == p->n_shared) /* the first own token alone tells them apart: up to 19000 prompts */
            x = number * 2246822519u + seed;
        x = x * 1664525u + 1013904223u;
        ids[i] = i == p->n_shared ? (int32_t)(1000 + (seed * 977 + number) % 19000)
                                  : (int32_t)(1000 + (x >> 8) % 19000);
    }
}

static int submit(struct dobby_engine *en, struct one *o, unsigned seed, unsigned number,
                  struct dobby_err *e)
{
    size_t n = (size_t)(o->p->n_shared + o->p->n_own);
    int32_t *ids = mem_array(n, sizeof(*ids));
    struct dobby_generate g;
    dobby_ticket t;
    int rc;

    if (!ids)
        return err_nomem(e, "a prompt");
    make_ids(ids, o->p, seed, number);
    DOBBY_INIT(g);
    g.max_tokens = o->p->write;
    g.ignore_eog = 1;
    g.order = o->p->order;
    g.on_done = on_done;
    g.ctx = o;
    rc = dobby_submit(en, ids, n, &g, &t, e);
    mem_free(ids);
    return rc;
}

int made_run(struct dobby_engine *en, struct made_prompt *v, size_t n, unsigned seed,
             double *seconds, struct dobby_err *e)
{
    struct one *all = mem_array(n, sizeof(*all));
    double start = time_now();
    int rc = all ? 0 : err_nomem(e, "prompts");

    for (size_t i = 0; i < n && rc == 0; i++) {
        all[i].p = &v[i];
        rc = submit(en, &all[i], seed, (unsigned)i, e);
    }
    dobby_drain(en);
    *seconds = time_now() - start;
    for (size_t i = 0; i < n && rc == 0; i++)
        if (all[i].err.code < 0)
            rc = err_set(e, all[i].err.code, "%s", all[i].err.message);
    mem_free(all);
    return rc;
}
