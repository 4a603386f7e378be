/* quality.c - `bench quality`: what keys and values in 8 bits cost (bench).
 * What     Every prompt is answered with the cache in f16. Then prompt and answer are read once with f16 and once with q8, and the
 *          distributions over the next token at each place of the answer are compared: Kullback-Leibler divergence of q8's from f16's, in
 *          nats, and how often both prefer the same token. And the prompt is answered once more with q8: is the text the same?
 * Next     job.c for speed. */
#include "bench.h"
#include "engine.h"
#include "jsonl.h"

#include "base/mem.h"
#include "base/size.h"
#include "base/thread.h"
#include "code/prompt.h"
#include "llm/model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct quality_opts {
    int limit, threads;
    const char *isa;
};

static const struct opt rows[] = {
    {0, "limit", OPT_INT, offsetof(struct quality_opts, limit), 1, 1 << 20, "N", NULL,
     "Prompts of the file to use, at equal distances (all)"},
    {'t', "threads", OPT_INT, offsetof(struct quality_opts, threads), 1, 256, "N", NULL,
     "Processors to compute on (all that the process may use)"},
    {0, "isa", OPT_STRING, offsetof(struct quality_opts, isa), 0, 0, "NAME", NULL,
     "Instruction set (the best of this machine)"},
    {.name = NULL},
};

const struct opt_verb opt_bench_quality = {"bench quality",
                                           "MODEL.gguf PROMPTS.jsonl",
                                           "What keys and values in 8 bits cost in agreement",
                                           "Prints rows agents,threads,case,round,value,unit.\n",
                                           rows,
                                           2,
                                           2};

#define PLACES (PROMPT_MAX_TOKENS + 1) /* the end of the prompt, and each token of the answer */

struct quality {
    struct dobby_model *m;
    struct dobby_engine *f16, *q8;
    const struct quality_opts *o;
    size_t n_vocab;
    float *seen; /* [PLACES][n_vocab]: logits with f16 */
    size_t from; /* position of the first place */
    int32_t answer[PLACES];
    size_t n_answer;
    struct dobby_err err; /* of a ticket */
    /* over all prompts */
    double *kl;
    size_t n_kl, cap_kl;
    size_t n_agree, n_prompts, n_same;
    bool no_memory;
};

/* ---- comparing ---------------------------------------------------------------------------------------------- */

static size_t largest(const float *x, size_t n)
{
    size_t at = 0;

    for (size_t i = 1; i < n; i++)
        at = x[i] > x[at] ? i : at;
    return at;
}

static double log_sum(const float *x, size_t n, double max)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += exp((double)x[i] - max);
    return max + log(sum);
}

double bench_divergence(const float *p, const float *q, size_t n)
{
    double zp = log_sum(p, n, (double)p[largest(p, n)]),
           zq = log_sum(q, n, (double)q[largest(q, n)]), kl = 0;

    for (size_t i = 0; i < n; i++)
        kl += exp((double)p[i] - zp) * (((double)p[i] - zp) - ((double)q[i] - zq));
    return kl > 0 ? kl : 0; /* less is rounding */
}

static void keep(void *ctx, size_t pos, const float *logits, size_t n)
{
    struct quality *k = ctx;

    if (pos - k->from < PLACES)
        memcpy(k->seen + (pos - k->from) * n, logits, n * sizeof(*logits));
}

static void compare(void *ctx, size_t pos, const float *logits, size_t n)
{
    struct quality *k = ctx;
    const float *before = k->seen + (pos - k->from) * n;

    if (pos - k->from >
        k->n_answer) /* what it would write behind the answer is nobody's question */
        return;
    if (mem_grow((void **)&k->kl, &k->cap_kl, k->n_kl + 1, sizeof(*k->kl)) < 0) {
        k->no_memory = true;
        return;
    }
    k->kl[k->n_kl++] = bench_divergence(before, logits, n);
    k->n_agree += largest(before, n) == largest(logits, n);
}

/* ---- asking --------------------------------------------------------------------------------------------------- */

static void on_answer(void *ctx, const struct dobby_result *r)
{
    struct quality *k = ctx;

    if (r->status < 0) {
        (void)err_set(&k->err, r->status, "%s", r->message);
        return;
    }
    k->n_answer = size_min(r->n_ids, PLACES - 1);
    memcpy(k->answer, r->ids, k->n_answer * sizeof(*r->ids));
}

static void on_read(void *ctx, const struct dobby_result *r)
{
    struct quality *k = ctx;

    if (r->status < 0)
        (void)err_set(&k->err, r->status, "%s", r->message);
}

static int ask(struct quality *k, struct dobby_engine *en, const int32_t *ids, size_t n,
               const struct dobby_generate *g, struct dobby_err *e)
{
    dobby_ticket t;
    int rc = dobby_submit(en, ids, n, g, &t, e);

    if (rc == 0)
        dobby_wait(en, t);
    if (rc == 0 && k->err.code < 0)
        rc = err_set(e, k->err.code, "%s", k->err.message);
    return rc;
}

static int answer(struct quality *k, struct dobby_engine *en, const int32_t *ids, size_t n,
                  struct dobby_err *e)
{
    static const char *const stops[] = {PROMPT_STOP, NULL};
    struct dobby_generate g;

    DOBBY_INIT(g);
    g.max_tokens = PROMPT_MAX_TOKENS;
    g.stops = stops;
    g.on_done = on_answer;
    g.ctx = k;
    return ask(k, en, ids, n, &g, e);
}

static int read_with(struct quality *k, struct dobby_engine *en, const int32_t *ids, size_t n,
                     void (*fn)(void *, size_t, const float *, size_t), struct dobby_err *e)
{
    struct dobby_generate g;

    DOBBY_INIT(g);
    g.max_tokens = 1;
    g.ignore_eog = 1;
    g.on_done = on_read;
    g.on_logits = fn;
    g.logits_from = k->from;
    g.ctx = k;
    return ask(k, en, ids, n, &g, e);
}

/* ids: room for PLACES more. */
static int compare_prompt(struct quality *k, int32_t *ids, size_t n, struct dobby_err *e)
{
    int32_t first[PLACES];
    size_t n_first;
    int rc = answer(k, k->f16, ids, n, e);

    if (rc < 0)
        return rc;
    n_first = k->n_answer;
    memcpy(first, k->answer, n_first * sizeof(*first));
    memcpy(ids + n, first, n_first * sizeof(*first));
    k->from = n - 1;
    rc = read_with(k, k->f16, ids, n + n_first, keep, e);
    if (rc == 0)
        rc = read_with(k, k->q8, ids, n + n_first, compare, e);
    if (rc == 0)
        rc = answer(k, k->q8, ids, n, e);
    if (rc == 0 && k->no_memory)
        rc = err_nomem(e, "the divergences");
    k->n_prompts++;
    k->n_same += k->n_answer == n_first && memcmp(first, k->answer, n_first * sizeof(*first)) == 0;
    return rc;
}

static int compare_all(struct quality *k, const struct prompt_file *f, struct dobby_err *e)
{
    int rc = 0;

    for (size_t i = 0; i < f->n && rc == 0; i++) {
        int32_t *ids = NULL, *room;
        size_t n = 0;

        rc = dobby_chat_tokens(k->m, f->v[i].msg, f->v[i].n_msg, &ids, &n, e);
        if (rc < 0)
            return rc;
        room = mem_array(n + PLACES, sizeof(*room));
        if (room) {
            memcpy(room, ids, n * sizeof(*ids));
            rc = compare_prompt(k, room, n, e);
        } else {
            rc = err_nomem(e, "a prompt");
        }
        mem_free(room);
        dobby_free(ids);
    }
    return rc;
}

static void put(const struct quality *k, const char *name, double value, const char *unit)
{
    printf("1,%d,kv_q8_%s,0,%.6g,%s\n", k->o->threads, name, value, unit);
}

static void report(struct quality *k)
{
    double sum = 0;

    for (size_t i = 0; i < k->n_kl; i++)
        sum += k->kl[i];
    bench_sort(k->kl, k->n_kl);
    put(k, "places", (double)k->n_kl, "places");
    put(k, "kl_mean", sum / (double)k->n_kl, "nats");
    put(k, "kl_p99", bench_quantile(k->kl, k->n_kl, 0.99), "nats");
    put(k, "kl_max", bench_quantile(k->kl, k->n_kl, 1), "nats");
    put(k, "top1_equal", (double)k->n_agree / (double)k->n_kl, "ratio");
    put(k, "texts_equal", (double)k->n_same / (double)k->n_prompts, "ratio");
}

static int open_all(struct quality *k, const char *path, struct dobby_err *e)
{
    struct engine_opts f16 = {.isa = k->o->isa}, q8 = {.isa = k->o->isa, .kv = "q8"};
    int rc = bench_open_model(&k->m, path, &f16, e);

    if (rc == 0)
        rc = bench_open_engine(&k->f16, k->m, &f16, k->o->threads, 1, NULL, e);
    if (rc == 0)
        rc = bench_open_engine(&k->q8, k->m, &q8, k->o->threads, 1, NULL, e);
    if (rc < 0)
        return rc;
    k->n_vocab = k->m->n_vocab;
    k->seen = mem_array(PLACES * k->n_vocab, sizeof(*k->seen));
    return k->seen ? 0 : err_nomem(e, "the logits");
}

int bench_quality(int argc, char **argv)
{
    struct quality_opts o = {0};
    struct quality k = {.o = &o};
    struct opt_operands files;
    struct prompt_file prompts = {0};
    struct dobby_err e = {0};
    int rc = bench_options(&opt_bench_quality, argc, argv, &o, &files);

    if (rc >= 0)
        return rc;
    if (o.threads == 0)
        o.threads = thread_cpus();
    rc = prompt_file_read(&prompts, files.arg[1], (size_t)o.limit, &e);
    if (rc == 0)
        rc = open_all(&k, files.arg[0], &e);
    if (rc == 0)
        rc = compare_all(&k, &prompts, &e);
    if (rc == 0)
        report(&k);
    dobby_engine_free(k.f16);
    dobby_engine_free(k.q8);
    dobby_model_free(k.m);
    mem_free(k.seen);
    mem_free(k.kl);
    prompt_file_release(&prompts);
    return rc < 0 ? bench_fail(&e) : 0;
}
