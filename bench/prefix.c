/* prefix.c - `bench prefix`: is a beginning in common read once? (bench)
 * Prompts with a beginning in common start at the same moment on an engine that has seen nothing. Ideal is: the beginning once, the rest
 * of each prompt once. 401 and 777 are no multiples of a KV block (16) or of a step (256). */
#include "bench.h"
#include "engine.h"
#include "made.h"

#include "base/thread.h"

#include <stdio.h>

#define OWN 100 /* tokens of each prompt behind the beginning */

struct prefix_opts {
    const char *shared;
    int agents, threads;
    struct engine_opts engine;
};

static const struct opt rows[] = {
    {0, "shared", OPT_STRING, offsetof(struct prefix_opts, shared), 0, 0, "TOKENS,...", NULL,
     "Length of the beginning in common (401,777)"},
    {'a', "agents", OPT_INT, offsetof(struct prefix_opts, agents), 1, 4096, "N", NULL,
     "Prompts that start at once (10)"},
    {'t', "threads", OPT_INT, offsetof(struct prefix_opts, threads), 1, 256, "N", NULL,
     "Processors to compute on (all that the process may use)"},
    ENGINE_ROWS(prefix_opts, engine),
    {.name = NULL},
};

const struct opt_verb opt_bench_prefix = {"bench prefix",
                                          "MODEL.gguf",
                                          "Tokens computed when prompts share their beginning",
                                          "Prints rows agents,threads,case,round,value,unit.\n",
                                          rows,
                                          1,
                                          1};

static int run(struct dobby_model *m, const struct prefix_opts *o, int shared, struct dobby_err *e)
{
    struct made_prompt v[4096];
    struct dobby_engine *en = NULL;
    struct dobby_stats st;
    double seconds, ideal = shared + (double)o->agents * OWN;
    int rc = bench_open_engine(&en, m, &o->engine, o->threads, o->agents, NULL, e);

    for (int i = 0; i < o->agents; i++)
        v[i] = (struct made_prompt){.n_shared = shared, .n_own = OWN, .write = 1};
    if (rc == 0)
        rc = made_run(en, v, (size_t)o->agents, (unsigned)shared, &seconds, e);
    if (rc == 0) {
        dobby_get_stats(en, &st);
        printf("%d,%d,prefix_%d_asked,0,%llu,tokens\n", o->agents, o->threads, shared,
               (unsigned long long)st.n_prompt_tokens);
        printf("%d,%d,prefix_%d_computed,0,%llu,tokens\n", o->agents, o->threads, shared,
               (unsigned long long)st.n_columns);
        printf("%d,%d,prefix_%d_over_ideal,0,%.5f,ratio\n", o->agents, o->threads, shared,
               (double)st.n_columns / ideal);
    }
    dobby_engine_free(en);
    return rc;
}

int bench_prefix(int argc, char **argv)
{
    struct prefix_opts o = {.agents = 10, .shared = "401,777"};
    struct opt_operands file;
    struct dobby_model *m = NULL;
    struct bench_list shared;
    struct dobby_err e = {0};
    int rc = bench_options(&opt_bench_prefix, argc, argv, &o, &file);

    if (rc >= 0)
        return rc;
    if (o.threads == 0)
        o.threads = thread_cpus();
    rc = bench_numbers(&shared, o.shared, "--shared", &e);
    if (rc == 0)
        rc = bench_open_model(&m, file.arg[0], &o.engine, &e);
    for (size_t i = 0; i < shared.n && rc == 0; i++)
        rc = run(m, &o, shared.v[i], &e);
    dobby_model_free(m);
    return rc < 0 ? bench_fail(&e) : 0;
}
