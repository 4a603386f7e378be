/* run_engine.c - an engine of dobby.h behind the seam of run.h (pipeline). */
#include "pipeline/run.h"

static int engine_submit(void *ctx, const struct run_prompt *p, const struct dobby_generate *g,
                         dobby_ticket *out, struct dobby_err *e)
{
    return p->ids ? dobby_submit(ctx, p->ids, p->n, g, out, e)
                  : dobby_submit_chat(ctx, p->msg, p->n_msg, g, out, e);
}

static void engine_cancel(void *ctx, dobby_ticket t)
{
    dobby_cancel(ctx, t);
}

static void engine_stats(void *ctx, struct dobby_stats *out)
{
    dobby_get_stats(ctx, out);
}

static void engine_progress(void *ctx, dobby_ticket t, struct dobby_progress *out)
{
    dobby_get_progress(ctx, t, out);
}

struct run_engine run_engine_of(struct dobby_engine *en)
{
    return (struct run_engine){en, engine_submit, engine_cancel, engine_stats, engine_progress};
}
