/* engine.c - see engine.h (bench). */
#include "engine.h"

#include "base/mem.h"
#include "base/size.h"
#include "base/thread.h"
#include "cli/adapters.h"
#include "cli/catalogue.h"
#include "cost.h"

#include <string.h>

int bench_open_model(struct dobby_model **m, const char *path, const struct engine_opts *o,
                     struct dobby_err *e)
{
    struct dobby_model_options mo;

    size_t n;
    const char *with = modelref_split(path, &n);
    char *adapter = NULL, *model = mem_strndup(path, n);
    int rc = model ? 0 : err_nomem(e, "a path");

    if (rc == 0 && with)
        rc = adapters_resolve(&adapter, with, e);
    DOBBY_INIT(mo);
    mo.isa = o->isa;
    mo.adapter = adapter;
    mo.merge_type = o->merge;
    if (rc == 0)
        rc = dobby_model_open(m, model, &mo, e);
    mem_free(model);
    mem_free(adapter);
    return rc;
}

int bench_open_engine(struct dobby_engine **en, struct dobby_model *m, const struct engine_opts *o,
                      int threads, int agents, struct dobby_trace *trace, struct dobby_err *e)
{
    struct dobby_engine_options eo;

    DOBBY_INIT(eo);
    eo.threads = threads;
    eo.agents = agents;
    eo.chunk = o->chunk;
    eo.step_ms = o->step_ms;
    eo.trace = trace;
    if (o->kv && strcmp(o->kv, "q8") == 0)
        eo.kv = DOBBY_KV_Q8;
    else if (o->kv && strcmp(o->kv, "f16") != 0)
        return err_set(e, DOBBY_E_USAGE, "--kv %s: f16 or q8", o->kv);
    return dobby_engine_open(en, m, &eo, e);
}

static void keep_failure(void *ctx, const struct dobby_result *r)
{
    if (r->status < 0)
        (void)err_set(ctx, r->status, "%s", r->message);
}

int bench_probe(double *rate, double *seconds, struct dobby_engine *en, const struct cost *c, int n,
                struct dobby_err *e)
{
    static int round; /* a number that no prompt of this process had before */
    struct dobby_generate g;
    struct dobby_err why = {0};
    int32_t ids[PROBE_TOKENS];
    double start = time_now();
    int rc = 0;

    DOBBY_INIT(g);
    g.max_tokens = 1;
    g.ignore_eog = 1;
    g.on_done = keep_failure;
    g.ctx = &why;
    for (int s = 0; s < n && rc == 0; s++) {
        dobby_ticket t;

        round++;
        for (int i = 0; i < PROBE_TOKENS; i++)
            ids[i] = 1000 + (i * 7919 + round * 104729) % 20000;
        rc = dobby_submit(en, ids, PROBE_TOKENS, &g, &t, e);
    }
    dobby_drain(en);
    *seconds = time_now() - start;
    *rate = n * (cost_span(c, 0, PROBE_TOKENS) + c->head) / *seconds;
    if (rc == 0 && why.code < 0)
        rc = err_set(e, why.code, "%s", why.message);
    return rc;
}
