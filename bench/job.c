/* job.c - `bench job`: many prompts through the engine, against what the hardware can give (bench).
 *
 * What     The prompts of a file, all submitted at once, with each number of agents and threads that is asked for. An engine is
 *          made anew for each run, so its cache is cold. Before and after each run the same process reads prompts of 512 tokens
 *          for some seconds (probe): the rate in multiply-adds a second that this machine reaches at that moment.
 * Bound    The job's multiply-adds (cost.h) over that rate: a token that several prompts have at the same place after the same
 *          tokens is counted once, as are written tokens that are read again; the head once a sampled token. Efficiency is the
 *          bound over the time measured. The probe that gives the higher rate, one prompt or one a thread, counts;
 *          efficiency_prompt is what it would be with one prompt, which the threads read together.
 * Checked  The SHA-256 of all texts in order: a row of its own, equal for all runs of one model and KV type.
 * Next     engine.h for the probe, bench/job for rivals and repetition. */
#include "bench.h"
#include "cost.h"
#include "engine.h"
#include "jsonl.h"

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/size.h"
#include "base/thread.h"
#include "code/prompt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROBE_SECONDS 3.0

struct job_opts {
    const char *agents, *threads, *trace, *slice, *output;
    int limit, rounds, tokens, no_probe;
    struct engine_opts engine;
};

static const struct opt rows[] = {
    {'a', "agents", OPT_STRING, offsetof(struct job_opts, agents), 0, 0, "N,...", NULL,
     "Sequences in flight (10)"},
    {'t', "threads", OPT_STRING, offsetof(struct job_opts, threads), 0, 0, "N,...", NULL,
     "Processors to compute on (all that the process may use)"},
    {0, "limit", OPT_INT, offsetof(struct job_opts, limit), 1, 1 << 20, "N", NULL,
     "Prompts of the file to use, at equal distances (all)"},
    {0, "slice", OPT_STRING, offsetof(struct job_opts, slice), 0, 0, "I/N", NULL,
     "Of these, each Nth one from the Ith on (1/1): a share for each of N processes"},
    {'r', "rounds", OPT_INT, offsetof(struct job_opts, rounds), 1, 1000, "N", NULL,
     "How often each case runs, in turn (1)"},
    {'n', "tokens", OPT_INT, offsetof(struct job_opts, tokens), 1, 1 << 20, "N", NULL,
     "Tokens of an answer at most (as dobby summarize)"},
    {0, "no-probe", OPT_FLAG, offsetof(struct job_opts, no_probe), 0, 0, NULL, NULL,
     "Leave out the probe, and with it bound and efficiency"},
    {'o', "output", OPT_STRING, offsetof(struct job_opts, output), 0, 0, "FILE", NULL,
     "Write the texts of the last run, a JSON line each"},
    {0, "trace", OPT_STRING, offsetof(struct job_opts, trace), 0, 0, "FILE", NULL,
     "Write the last run as a trace for Perfetto or Chrome"},
    ENGINE_ROWS(job_opts, engine),
    {.name = NULL},
};

const struct opt_verb opt_bench_job = {
    "bench job",
    "MODEL.gguf PROMPTS.jsonl",
    "Answer many prompts at once; compare with what the hardware can give",
    "Prints rows agents,threads,case,round,value,unit. bench/job makes the prompts, adds rivals "
    "and the machine.\n",
    rows,
    2,
    2};

/* One prompt and what became of it. */
struct task {
    struct run *run;
    int32_t *ids;
    size_t n,
        n_common; /* tokens; of these, the beginning that another prompt has too: counted there */
    /* written by the engine's dispatcher, read after dobby_drain */
    double latency_ms;
    char *text;
    size_t len, n_out;
    bool sampled_end;
};

struct job {
    struct dobby_model *m;
    struct cost cost;
    struct prompt_file prompts;
    struct task *tasks;
    size_t n;
    const struct job_opts *o;
    struct bench_list agents, threads;
};

struct run {
    const struct job *job;
    int agents, threads, round;
    struct dobby_err err; /* the first failure of a task */
    double seconds, rate, rate_each;
    struct dobby_stats st;
};

/* ---- the prompts ---------------------------------------------------------------------------------------- */

static int by_ids(const void *pa, const void *pb)
{
    const struct task *a = *(struct task *const *)pa, *b = *(struct task *const *)pb;
    size_t n = size_min(a->n, b->n);

    for (size_t i = 0; i < n; i++)
        if (a->ids[i] != b->ids[i])
            return a->ids[i] < b->ids[i] ? -1 : 1;
    return (a->n > b->n) - (a->n < b->n);
}

/* What each prompt has in common with the one before it in the order of their tokens: so every distinct beginning
 * is left to one of them. At least the last token of each is computed, whatever they share. */
static int find_common(struct job *j, struct dobby_err *e)
{
    struct task **order = mem_array(j->n, sizeof(*order));

    if (!order)
        return err_nomem(e, "the prompts");
    for (size_t i = 0; i < j->n; i++)
        order[i] = &j->tasks[i];
    qsort(order, j->n, sizeof(*order), by_ids);
    for (size_t i = 1; i < j->n; i++) {
        const struct task *before = order[i - 1];
        struct task *t = order[i];
        size_t most = size_min(t->n - 1, before->n);

        while (t->n_common < most && t->ids[t->n_common] == before->ids[t->n_common])
            t->n_common++;
    }
    mem_free(order);
    return 0;
}

/* Leave the prompts that the slice names. */
static int cut_slice(struct job *j, struct dobby_err *e)
{
    unsigned i, n;
    char end;

    if (!j->o->slice)
        return 0;
    if (sscanf(j->o->slice, "%u/%u%c", &i, &n, &end) != 2 || i < 1 || i > n)
        return err_set(e, DOBBY_E_USAGE, "--slice %s: give it as 2/10", j->o->slice);
    if (j->prompts.n < n)
        return err_set(e, DOBBY_E_USAGE, "--slice %s: there are only %zu prompts", j->o->slice,
                       j->prompts.n);
    for (size_t k = 0; i - 1 + k * n < j->prompts.n; k++)
        j->prompts.v[k] = j->prompts.v[i - 1 + k * n];
    j->prompts.n = (j->prompts.n - i) / n + 1;
    return 0;
}

static int encode(struct job *j, struct dobby_err *e)
{
    int rc = 0;

    j->n = j->prompts.n;
    j->tasks = mem_array(j->n, sizeof(*j->tasks));
    if (!j->tasks)
        return err_nomem(e, "the prompts");
    for (size_t i = 0; i < j->n && rc == 0; i++)
        rc = dobby_chat_tokens(j->m, j->prompts.v[i].msg, j->prompts.v[i].n_msg, &j->tasks[i].ids,
                               &j->tasks[i].n, e);
    return rc < 0 ? rc : find_common(j, e);
}

static void forget_texts(struct job *j)
{
    for (size_t i = 0; i < j->n; i++) {
        mem_free(j->tasks[i].text);
        j->tasks[i].text = NULL;
    }
}

/* ---- one run -------------------------------------------------------------------------------------------- */

static void on_done(void *ctx, const struct dobby_result *r)
{
    struct task *t = ctx;

    t->latency_ms = r->ms_total - r->ms_queued;
    t->n_out = r->n_ids;
    t->sampled_end = strcmp(r->stop, "end") == 0;
    t->text = mem_strndup(r->text, r->len);
    t->len = r->len;
    if (r->status < 0)
        (void)err_set(&t->run->err, r->status, "%s", r->message);
    else if (!t->text)
        (void)err_nomem(&t->run->err, "an answer");
}

static int submit_all(struct run *r, struct dobby_engine *en, struct dobby_err *e)
{
    static const char *const stops[] = {PROMPT_STOP, NULL};
    const struct job *j = r->job;
    struct dobby_generate g;
    int rc = 0;

    DOBBY_INIT(g);
    g.max_tokens = j->o->tokens ? j->o->tokens : PROMPT_MAX_TOKENS;
    g.stops = stops;
    g.on_done = on_done;
    for (size_t i = 0; i < j->n && rc == 0; i++) {
        dobby_ticket t;

        j->tasks[i].run = r;
        g.ctx = &j->tasks[i];
        rc = dobby_submit(en, j->tasks[i].ids, j->tasks[i].n, &g, &t, e);
    }
    return rc;
}

/* Prompts are read, n at once, for PROBE_SECONDS at least: one of them takes less than the machine's moods. */
static int probe_for_long(double *rate, struct run *r, struct dobby_engine *en, int n,
                          struct dobby_err *e)
{
    double macs = 0, seconds = 0, once, s;

    while (seconds < PROBE_SECONDS) {
        int rc = bench_probe(&once, &s, en, &r->job->cost, n, e);

        if (rc != 0)
            return rc;
        macs += once * s;
        seconds += s;
    }
    *rate += macs / seconds / 2;
    return 0;
}

/* Called before and after the job; the mean of both counts. */
static int probe(struct run *r, struct dobby_engine *en, struct dobby_err *e)
{
    int rc;

    if (r->job->o->no_probe)
        return 0;
    rc = probe_for_long(&r->rate, r, en, 1, e);
    return rc == 0 ? probe_for_long(&r->rate_each, r, en, r->threads, e) : rc;
}

static int run_job(struct run *r, struct dobby_trace *trace, struct dobby_err *e)
{
    struct dobby_engine *en = NULL, *probe_en = NULL;
    const struct engine_opts *o = &r->job->o->engine;
    double start;
    int rc = bench_open_engine(&probe_en, r->job->m, o, r->threads, r->threads, NULL, e);

    if (rc == 0)
        rc = probe(r, probe_en, e);
    if (rc == 0)
        rc = bench_open_engine(&en, r->job->m, o, r->threads, r->agents, trace, e);
    start = time_now();
    if (rc == 0) {
        rc = submit_all(r, en, e);
        dobby_drain(en);
        r->seconds = time_now() - start;
        dobby_get_stats(en, &r->st);
    }
    dobby_engine_free(en);
    if (rc == 0)
        rc = probe(r, probe_en, e);
    dobby_engine_free(probe_en);
    if (rc == 0 && r->err.code < 0)
        rc = err_set(e, r->err.code, "%s", r->err.message);
    return rc;
}

/* ---- what it says ------------------------------------------------------------------------------------------ */

static void row(const struct run *r, const char *name, double value, const char *unit)
{
    printf("%d,%d,%s,%d,%.10g,%s\n", r->agents, r->threads, name, r->round, value, unit);
}

/* The multiply-adds that the job needs at least; *tokens: of these, tokens through the body. */
static double needed(const struct job *j, double *tokens)
{
    double macs = 0;

    *tokens = 0;
    for (size_t i = 0; i < j->n; i++) {
        const struct task *t = &j->tasks[i];
        size_t sampled = t->n_out + t->sampled_end;
        size_t end = t->n + sampled - 1; /* the last one is not read again */

        macs += cost_span(&j->cost, t->n_common, end) + j->cost.head * (double)sampled;
        *tokens += (double)(end - t->n_common);
    }
    return macs;
}

static int put_texts(const struct run *r, struct dobby_err *e)
{
    uint8_t hash[32];
    char hex[65];
    struct sha256 h;
    int rc;

    sha256_begin(&h);
    for (size_t i = 0; i < r->job->n; i++)
        sha256_field(&h, r->job->tasks[i].text, r->job->tasks[i].len);
    rc = sha256_end(&h, hash, e);
    hex_encode(hex, hash, sizeof(hash));
    if (rc == 0)
        printf("%d,%d,texts,%d,%.16s,sha256\n", r->agents, r->threads, r->round, hex);
    return rc;
}

static int put_latency(const struct run *r, struct dobby_err *e)
{
    size_t n = r->job->n;
    double *v = mem_array(n, sizeof(*v));

    if (!v)
        return err_nomem(e, "the latencies");
    for (size_t i = 0; i < n; i++)
        v[i] = r->job->tasks[i].latency_ms;
    bench_sort(v, n);
    row(r, "latency_p50", bench_quantile(v, n, 0.50), "ms");
    row(r, "latency_p95", bench_quantile(v, n, 0.95), "ms");
    mem_free(v);
    return 0;
}

static int report(const struct run *r, struct dobby_err *e)
{
    const struct job *j = r->job;
    const struct dobby_stats *st = &r->st;
    double tokens, macs = needed(j, &tokens);
    int rc;

    row(r, "wall", r->seconds, "s");
    row(r, "functions", (double)j->n / r->seconds, "1/s");
    row(r, "tokens_asked", (double)st->n_prompt_tokens, "tokens");
    row(r, "tokens_cached", (double)st->n_cached_tokens, "tokens");
    row(r, "tokens_written", (double)st->n_written_tokens, "tokens");
    row(r, "tokens_computed", (double)st->n_columns, "tokens");
    row(r, "tokens_needed", tokens, "tokens");
    row(r, "steps", (double)st->n_steps, "steps");
    row(r, "team_steps", (double)st->n_team_steps, "steps");
    row(r, "step_columns", st->step_columns.sum / (double)st->step_columns.n, "tokens");
    row(r, "step_p50", dobby_quantile(&st->step_ms, 0.50), "ms");
    row(r, "step_p99", dobby_quantile(&st->step_ms, 0.99), "ms");
    row(r, "step_max", st->step_ms.max, "ms");
    row(r, "kv_peak", (double)(st->kv_blocks_peak * st->kv_block_bytes), "B");
    row(r, "kv_peak_blocks", (double)st->kv_blocks_peak, "blocks");
    rc = put_latency(r, e);
    if (rc == 0)
        rc = put_texts(r, e);
    if (rc == 0 && !j->o->no_probe) {
        double best = r->rate > r->rate_each ? r->rate : r->rate_each;

        row(r, "macs_needed", macs, "macs");
        row(r, "rate_prompt", r->rate, "macs/s");
        row(r, "rate_prompt_each", r->rate_each, "macs/s");
        row(r, "bound", macs / best, "s");
        row(r, "efficiency", macs / best / r->seconds, "ratio");
        row(r, "efficiency_prompt", macs / r->rate / r->seconds, "ratio");
        fprintf(
            stderr,
            "dobby-bench: %d agents, %d threads, round %d: %.2f s for %zu prompts; bound %.2f s; "
            "efficiency %.3f (one prompt's rate %.3f)\n",
            r->agents, r->threads, r->round, r->seconds, j->n, macs / best,
            macs / best / r->seconds, macs / r->rate / r->seconds);
    }
    fflush(stdout);
    return rc;
}

/* {"id":...,"text":...} a line, in the order of the prompts. */
static int write_texts(const struct job *j, struct dobby_err *e)
{
    struct strbuf b = {0};
    int rc;

    for (size_t i = 0; i < j->n; i++) {
        strbuf_puts(&b, "{\"id\":");
        json_put_string(&b, j->prompts.v[i].id, strlen(j->prompts.v[i].id));
        strbuf_puts(&b, ",\"text\":");
        json_put_string(&b, j->tasks[i].text, j->tasks[i].len);
        strbuf_puts(&b, "}\n");
    }
    rc = strbuf_failed(&b) ? err_nomem(e, "the texts")
                           : file_write_atomic(j->o->output, strbuf_str(&b), b.len, 0644, e);
    strbuf_release(&b);
    return rc;
}

/* ---- all runs --------------------------------------------------------------------------------------------- */

static int run_one(struct job *j, int agents, int threads, int round, bool last,
                   struct dobby_err *e)
{
    struct run r = {.job = j, .agents = agents, .threads = threads, .round = round};
    struct dobby_trace *trace = NULL;
    int rc = 0;

    if (last && j->o->trace)
        rc = dobby_trace_open(&trace, j->o->trace, e);
    if (rc == 0)
        rc = run_job(&r, trace, e);
    if (dobby_trace_close(trace, rc == 0 ? e : NULL) < 0 && rc == 0)
        rc = e->code;
    if (rc == 0)
        rc = report(&r, e);
    if (rc == 0 && last && j->o->output)
        rc = write_texts(j, e);
    forget_texts(j);
    return rc;
}

static int run_all(struct job *j, struct dobby_err *e)
{
    int rc = 0;

    for (int round = 0; round < j->o->rounds && rc == 0; round++)
        for (size_t t = 0; t < j->threads.n && rc == 0; t++)
            for (size_t a = 0; a < j->agents.n && rc == 0; a++)
                rc = run_one(
                    j, j->agents.v[a], j->threads.v[t], round,
                    round + 1 == j->o->rounds && t + 1 == j->threads.n && a + 1 == j->agents.n, e);
    return rc;
}

static int take_lists(struct job *j, struct dobby_err *e)
{
    int rc = bench_numbers(&j->agents, j->o->agents ? j->o->agents : "10", "--agents", e);

    if (rc < 0)
        return rc;
    if (j->o->threads)
        return bench_numbers(&j->threads, j->o->threads, "--threads", e);
    j->threads = (struct bench_list){{thread_cpus()}, 1};
    return 0;
}

int bench_job(int argc, char **argv)
{
    struct job_opts o = {.rounds = 1};
    struct job j = {.o = &o};
    struct opt_operands files;
    struct dobby_err e = {0};
    int rc = bench_options(&opt_bench_job, argc, argv, &o, &files);

    if (rc >= 0)
        return rc;
    rc = take_lists(&j, &e);
    if (rc == 0)
        rc = prompt_file_read(&j.prompts, files.arg[1], (size_t)o.limit, &e);
    if (rc == 0)
        rc = cut_slice(&j, &e);
    if (rc == 0)
        rc = bench_open_model(&j.m, files.arg[0], &o.engine, &e);
    if (rc == 0) {
        j.cost = cost_of(j.m);
        rc = encode(&j, &e);
    }
    if (rc == 0)
        rc = run_all(&j, &e);
    for (size_t i = 0; i < j.n && j.tasks; i++)
        dobby_free(j.tasks[i].ids);
    mem_free(j.tasks);
    dobby_model_free(j.m);
    prompt_file_release(&j.prompts);
    return rc < 0 ? bench_fail(&e) : 0;
}
