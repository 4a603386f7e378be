/* model.c - `bench model`: how fast the engine reads and writes (bench).
 * Prints one CSV row a run: model, isa, threads, sequences, test, tokens, tokens a second. Prompts are made of
 * ordinary token ids and differ from run to run, so that no run finds its prompt in the prefix cache. The first
 * run warms up and is not printed. bench/compare pairs it with a peer and summarises. */
#include "bench.h"
#include "engine.h"

#include "base/mem.h"
#include "base/thread.h"

#include <stdio.h>

struct model_opts {
    int threads, prompt, write, sequences, runs;
    struct engine_opts engine;
};

static const struct opt rows[] = {
    {'t', "threads", OPT_INT, offsetof(struct model_opts, threads), 1, 4096, "N", NULL,
     "Processors to compute on (all that the process may use)"},
    {'p', "prompt", OPT_INT, offsetof(struct model_opts, prompt), 0, 1 << 20, "TOKENS", NULL,
     "Length of the prompt that is read (512); 0: no such test"},
    {'n', "tokens", OPT_INT, offsetof(struct model_opts, write), 0, 1 << 20, "TOKENS", NULL,
     "Tokens that are written (64); 0: no such test"},
    {'s', "sequences", OPT_INT, offsetof(struct model_opts, sequences), 1, 4096, "N", NULL,
     "Sequences at once (1)"},
    {'r', "runs", OPT_INT, offsetof(struct model_opts, runs), 1, 1000, "N", NULL,
     "Runs that are printed (5)"},
    ENGINE_ROWS(model_opts, engine),
    {.name = NULL},
};

const struct opt_verb opt_bench_model = {
    "bench model",
    "MODEL.gguf",
    "Speed of reading prompts and of writing",
    "Prints rows model,isa,threads,sequences,test,tokens,tokens_per_second.\n",
    rows,
    1,
    1};

struct bench {
    const struct model_opts *o;
    struct dobby_engine *en;
    struct dobby_model_info info;
    struct dobby_err failure; /* of a sequence */
};

static void on_done(void *ctx, const struct dobby_result *r)
{
    struct bench *b = ctx;

    if (r->status < 0)
        (void)err_set(&b->failure, r->status, "%s", r->message);
}

/* *seconds for all sequences' prompts of n tokens, each followed by `write` tokens. */
static int run_once(double *seconds, struct bench *b, int n, int write, int run,
                    struct dobby_err *e)
{
    int32_t *ids = mem_array((size_t)n, sizeof(*ids));
    struct dobby_generate g;
    double start = time_now();
    int rc = ids ? 0 : err_nomem(e, "a prompt");

    DOBBY_INIT(g);
    g.max_tokens = write;
    g.ignore_eog = 1;
    g.on_done = on_done;
    g.ctx = b;
    for (int s = 0; s < b->o->sequences && rc == 0; s++) {
        dobby_ticket t;

        for (int i = 0; i < n; i++)
            ids[i] = 1000 + (i * 7919 + run * 104729 + s * 1299709) % 20000;
        rc = dobby_submit(b->en, ids, (size_t)n, &g, &t, e);
    }
    dobby_drain(b->en);
    *seconds = time_now() - start;
    mem_free(ids);
    if (rc == 0 && b->failure.code < 0)
        rc = err_set(e, b->failure.code, "%s", b->failure.message);
    return rc;
}

static void put(const struct bench *b, const char *test, int tokens, int counted, double seconds)
{
    struct dobby_stats st;

    dobby_get_stats(b->en, &st);
    printf("%s,%s,%d,%d,%s,%d,%.2f\n", b->info.name, b->info.isa, st.threads, b->o->sequences, test,
           tokens, b->o->sequences * counted / seconds);
    fflush(stdout);
}

static int run_tests(struct bench *b, int run, struct dobby_err *e)
{
    const struct model_opts *o = b->o;
    double one, all;
    int rc = 0;

    if (o->prompt > 0) {
        rc = run_once(&one, b, o->prompt, 1, 2 * run, e);
        if (rc == 0 && run > 0)
            put(b, "prompt", o->prompt, o->prompt, one);
    }
    if (rc < 0 || o->write < 2)
        return rc;
    rc = run_once(&one, b, 16, 1, 2 * run + 1, e);
    if (rc == 0)
        rc = run_once(&all, b, 16, o->write, 2 * run + 1, e);
    if (rc == 0 && run > 0 && all > one)
        put(b, "write", o->write, o->write - 1, all - one);
    return rc;
}

int bench_model(int argc, char **argv)
{
    struct model_opts o = {.prompt = 512, .write = 64, .sequences = 1, .runs = 5};
    struct bench b = {.o = &o};
    struct opt_operands file;
    struct dobby_model *m = NULL;
    struct dobby_err e = {0};
    double start;
    int rc = bench_options(&opt_bench_model, argc, argv, &o, &file);

    if (rc >= 0)
        return rc;
    start = time_now();
    rc = bench_open_model(&m, file.arg[0], &o.engine, &e);
    if (rc == 0)
        rc = bench_open_engine(&b.en, m, &o.engine, o.threads, o.sequences, NULL, &e);
    if (rc == 0) {
        dobby_model_get_info(m, &b.info);
        fprintf(stderr, "dobby-bench: %s loaded in %.2f s, %.0f MB packed, %.0f MB in the file\n",
                file.arg[0], time_now() - start, (double)b.info.packed_size / 1e6,
                (double)b.info.file_size / 1e6);
    }
    for (int run = 0; run <= o.runs && rc == 0; run++)
        rc = run_tests(&b, run, &e);
    dobby_engine_free(b.en);
    dobby_model_free(m);
    return rc < 0 ? bench_fail(&e) : 0;
}
