/* fairness.c - `bench fairness`: who waits for whom? (bench)
 *   equal        Many short prompts of one length, all agents busy: how far apart are quick and slow ones, from admission to end?
 *   beside_long  The same when two prompts of thousands of tokens are admitted before them: how much later do the short ones end?
 * How long a step takes, with and without --step-ms, is the job's to tell (bench job). */
#include "bench.h"
#include "engine.h"
#include "made.h"

#include "base/mem.h"
#include "base/thread.h"

#include <stdio.h>

struct fairness_opts {
    int agents, threads, rounds, count;
    struct engine_opts engine;
};

static const struct opt rows[] = {
    {'a', "agents", OPT_INT, offsetof(struct fairness_opts, agents), 3, 4096, "N", NULL,
     "Sequences in flight (10)"},
    {'t', "threads", OPT_INT, offsetof(struct fairness_opts, threads), 1, 256, "N", NULL,
     "Processors to compute on (all that the process may use)"},
    {'c', "count", OPT_INT, offsetof(struct fairness_opts, count), 1, 100000, "N", NULL,
     "Short prompts (80)"},
    {'r', "rounds", OPT_INT, offsetof(struct fairness_opts, rounds), 1, 1000, "N", NULL,
     "How often all runs (1)"},
    ENGINE_ROWS(fairness_opts, engine),
    {.name = NULL},
};

const struct opt_verb opt_bench_fairness = {
    "bench fairness",
    "MODEL.gguf",
    "Latency of equal prompts, and of short ones beside long ones",
    "Prints rows agents,threads,case,round,value,unit.\n",
    rows,
    1,
    1};

#define SHORT_TOKENS 200 /* about what a function has, without the instructions */
#define SHORT_WRITE  24
#define LONG_TOKENS  6000
#define N_LONG       2

struct fairness {
    struct dobby_model *m;
    const struct fairness_opts *o;
    struct made_prompt *v; /* the long ones first */
    double *sorted;        /* [count] */
    int round;
};

/* n_long long prompts, then the short ones, through an engine of their own. */
static int run(struct fairness *f, const char *name, size_t n_long, struct dobby_err *e)
{
    size_t n = (size_t)f->o->count;
    struct dobby_engine *en = NULL;
    double seconds, p50, p95;
    int rc = bench_open_engine(&en, f->m, &f->o->engine, f->o->threads, f->o->agents, NULL, e);

    for (size_t i = 0; i < n_long; i++)
        f->v[i] = (struct made_prompt){.n_own = LONG_TOKENS, .write = SHORT_WRITE};
    for (size_t i = 0; i < n; i++)
        f->v[n_long + i] = (struct made_prompt){.n_own = SHORT_TOKENS, .write = SHORT_WRITE};
    if (rc == 0)
        rc = made_run(en, f->v, n_long + n, 1 + (unsigned)f->round, &seconds, e);
    dobby_engine_free(en);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < n; i++)
        f->sorted[i] = f->v[n_long + i].latency_ms;
    bench_sort(f->sorted, n);
    p50 = bench_quantile(f->sorted, n, 0.50);
    p95 = bench_quantile(f->sorted, n, 0.95);
    printf("%d,%d,%s_p50,%d,%.1f,ms\n", f->o->agents, f->o->threads, name, f->round, p50);
    printf("%d,%d,%s_p95,%d,%.1f,ms\n", f->o->agents, f->o->threads, name, f->round, p95);
    printf("%d,%d,%s_max,%d,%.1f,ms\n", f->o->agents, f->o->threads, name, f->round,
           f->sorted[n - 1]);
    printf("%d,%d,%s_spread,%d,%.3f,ratio\n", f->o->agents, f->o->threads, name, f->round,
           p95 / p50);
    fflush(stdout);
    return 0;
}

static int run_rounds(struct fairness *f, struct dobby_err *e)
{
    int rc = 0;

    for (f->round = 0; f->round < f->o->rounds && rc == 0; f->round++) {
        rc = run(f, "equal", 0, e);
        if (rc == 0)
            rc = run(f, "beside_long", N_LONG, e);
    }
    return rc;
}

int bench_fairness(int argc, char **argv)
{
    struct fairness_opts o = {.agents = 10, .rounds = 1, .count = 80};
    struct fairness f = {.o = &o};
    struct opt_operands file;
    struct dobby_err e = {0};
    int rc = bench_options(&opt_bench_fairness, argc, argv, &o, &file);

    if (rc >= 0)
        return rc;
    if (o.threads == 0)
        o.threads = thread_cpus();
    f.v = mem_array((size_t)o.count + N_LONG, sizeof(*f.v));
    f.sorted = mem_array((size_t)o.count, sizeof(*f.sorted));
    rc = f.v && f.sorted ? 0 : err_nomem(&e, "the prompts");
    if (rc == 0)
        rc = bench_open_model(&f.m, file.arg[0], &o.engine, &e);
    if (rc == 0)
        rc = run_rounds(&f, &e);
    dobby_model_free(f.m);
    mem_free(f.v);
    mem_free(f.sorted);
    return rc < 0 ? bench_fail(&e) : 0;
}
