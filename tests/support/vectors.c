/* vectors.c - see vectors.h. */
#include "support/vectors.h"

#include "dobby.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GREEDY 32

struct pass {
    struct dobby_model *m;
    struct dobby_engine *en;
    size_t n_vocab;
};

/* What one prompt gave: log-probabilities of every position, [n][n_vocab], and the greedy continuation. */
struct seen {
    size_t n, n_vocab;
    float *logp;
    size_t n_seen;
    int32_t greedy[GREEDY];
    size_t n_greedy;
    int status;
};

static void on_logits(void *ctx, size_t pos, const float *logits, size_t n_vocab)
{
    struct seen *s = ctx;
    double max = -(double)INFINITY, sum = 0;

    if (pos >= s->n)
        return;
    for (size_t i = 0; i < n_vocab; i++)
        max = fmax(max, (double)logits[i]);
    for (size_t i = 0; i < n_vocab; i++)
        sum += exp((double)logits[i] - max);
    for (size_t i = 0; i < n_vocab; i++)
        s->logp[pos * n_vocab + i] = (float)((double)logits[i] - max - log(sum));
    s->n_seen++;
}

static void on_done(void *ctx, const struct dobby_result *r)
{
    struct seen *s = ctx;
    s->status = r->status;
    s->n_greedy = r->n_ids < GREEDY ? r->n_ids : GREEDY;
    memcpy(s->greedy, r->ids, s->n_greedy * sizeof(*r->ids));
}

/* path NULL: on the model that is there. */
static void open_pass(struct pass *p, const char *path, int exact, int kv)
{
    struct dobby_model_options mo;
    struct dobby_engine_options eo;
    struct dobby_model_info info;
    struct dobby_err e = {0};

    DOBBY_INIT(mo);
    DOBBY_INIT(eo);
    mo.exact = exact;
    eo.kv = kv;
    if (path && dobby_model_open(&p->m, path, &mo, &e) < 0)
        fail_msg("%s", e.message);
    if (dobby_engine_open(&p->en, p->m, &eo, &e) < 0)
        fail_msg("%s", e.message);
    dobby_model_get_info(p->m, &info);
    p->n_vocab = (size_t)info.n_vocab;
}

static void close_pass(struct pass *p)
{
    dobby_engine_free(p->en);
    dobby_model_free(p->m);
}

static void run_prompt(struct pass *p, const int32_t *ids, size_t n, struct seen *out)
{
    struct dobby_generate g;
    struct dobby_err e = {0};
    dobby_ticket t;

    *out = (struct seen){.n = n, .n_vocab = p->n_vocab, .status = -1};
    out->logp = malloc(n * p->n_vocab * sizeof(float));
    assert_non_null(out->logp);
    DOBBY_INIT(g);
    g.max_tokens = GREEDY;
    g.ignore_eog = 1;
    g.ctx = out;
    g.on_done = on_done;
    g.on_logits = on_logits;
    if (dobby_submit(p->en, ids, n, &g, &t, &e) < 0)
        fail_msg("%s", e.message);
    dobby_drain(p->en);
    assert_int_equal(out->status, 0);
    assert_int_equal(out->n_seen, n);
}

static double number(const json_t *o, size_t i)
{
    return json_number_value(json_array_get(o, i));
}

/* Largest distance of the oracle's top-20 log-probabilities, and KL over them by its second-order term, half the sum of
 * p d^2: the file's five decimals would drown the first-order one. */
static void compare_top(const json_t *oracle, const struct seen *s, double *worst, double *worst_kl)
{
    const json_t *position;
    size_t i, k;

    json_array_foreach(json_object_get(oracle, "positions"), i, position)
    {
        size_t pos = (size_t)json_integer_value(json_object_get(position, "pos"));
        const json_t *top = json_object_get(position, "top"), *pair;
        double kl = 0;
        if (pos >= s->n)
            continue;
        json_array_foreach(top, k, pair)
        {
            double p = number(pair, 1),
                   q = (double)s->logp[pos * s->n_vocab + (size_t)number(pair, 0)];
            *worst = fmax(*worst, fabs(p - q));
            kl += 0.5 * exp(p) * (p - q) * (p - q);
        }
        *worst_kl = fmax(*worst_kl, kl);
    }
}

static double mean_nll(const struct seen *s, const int32_t *ids)
{
    double sum = 0;
    for (size_t i = 0; i + 1 < s->n; i++)
        sum -= (double)s->logp[i * s->n_vocab + (size_t)ids[i + 1]];
    return s->n > 1 ? sum / (double)(s->n - 1) : 0;
}

static double oracle_nll(const json_t *oracle)
{
    const json_t *nll = json_object_get(oracle, "nll");
    double sum = 0;
    for (size_t i = 0; i < json_array_size(nll); i++)
        sum += number(nll, i);
    return json_array_size(nll) ? sum / (double)json_array_size(nll) : 0;
}

/* Greedy tokens equal up to the first step whose gap is under `gap`; after a difference there the texts have parted. */
static size_t compare_greedy(const json_t *oracle, const struct seen *s, double gap)
{
    const json_t *greedy = json_object_get(oracle, "greedy");
    size_t i;

    for (i = 0; i < s->n_greedy; i++) {
        int32_t want = (int32_t)number(json_object_get(greedy, "ids"), i);
        if (s->greedy[i] == want)
            continue;
        if (number(json_object_get(greedy, "gap"), i) >= gap)
            fail_msg("greedy step %zu is %d, the oracle's %d, its gap %g", i, s->greedy[i], want,
                     number(json_object_get(greedy, "gap"), i));
        break;
    }
    return i;
}

/* KL(exact || fast) at every position, appended to kl[]. */
static void compare_passes(const struct seen *exact, const struct seen *fast, double *kl,
                           size_t *n_kl)
{
    for (size_t pos = 0; pos < exact->n; pos++) {
        const float *p = exact->logp + pos * exact->n_vocab, *q = fast->logp + pos * exact->n_vocab;
        double sum = 0;
        for (size_t i = 0; i < exact->n_vocab; i++)
            sum += exp((double)p[i]) * ((double)p[i] - (double)q[i]);
        kl[(*n_kl)++] = sum;
    }
}

/* The divergence of a pass from the exact one, at every position of all prompts. */
struct divergence {
    double *kl;
    size_t n;
};

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static int32_t *read_ids(const json_t *prompt, size_t *n)
{
    const json_t *ids = json_object_get(prompt, "ids");
    int32_t *v;
    *n = json_array_size(ids);
    v = malloc(*n * sizeof(*v));
    assert_non_null(v);
    for (size_t i = 0; i < *n; i++)
        v[i] = (int32_t)number(ids, i);
    return v;
}

/* The same prompt with the cache in 8 bits: how much further it is from the exact pass. */
static void check_q8(struct pass *q8, const json_t *oracle, const int32_t *ids,
                     const struct seen *exact, struct divergence *d)
{
    struct seen s;

    run_prompt(q8, ids, exact->n, &s);
    assert_true(fabs(mean_nll(&s, ids) - oracle_nll(oracle)) < 0.03);
    (void)compare_greedy(oracle, &s, 0.5);
    compare_passes(exact, &s, d->kl, &d->n);
    free(s.logp);
}

static void check_prompt(struct pass *exact, struct pass *fast, struct pass *q8,
                         const json_t *prompt, struct divergence d[2], double *peer_kl)
{
    const json_t *oracle = json_object_get(prompt, "oracle"),
                 *peer = json_object_get(prompt, "llama_cpp");
    const char *name = json_string_value(json_object_get(prompt, "name"));
    struct seen e, f;
    double worst = 0, worst_kl = 0;
    size_t n, same, same8;
    int32_t *ids = read_ids(prompt, &n);

    run_prompt(exact, ids, n, &e);
    run_prompt(fast, ids, n, &f);
    compare_top(oracle, &e, &worst, &worst_kl);
    same = compare_greedy(oracle, &e, 0.001);
    same8 = compare_greedy(oracle, &f, 0.5);
    print_message("%s: %zu tokens; exact: top-20 within %.1e, KL at most %.1e, %zu of %d greedy "
                  "steps compared; "
                  "8-bit: nll %.4f (oracle %.4f), %zu of %d greedy steps compared\n",
                  name, n, worst, worst_kl, same, GREEDY, mean_nll(&f, ids), oracle_nll(oracle),
                  same8, GREEDY);
    assert_true(worst < 0.001);
    assert_true(worst_kl < 1e-6);
    assert_true(same > 0);
    assert_true(fabs(mean_nll(&e, ids) - oracle_nll(oracle)) < 1e-4);
    assert_true(fabs(mean_nll(&f, ids) - oracle_nll(oracle)) < 0.03);
    compare_passes(&e, &f, d[0].kl, &d[0].n);
    check_q8(q8, oracle, ids, &e, &d[1]);
    for (size_t i = 0; i < n; i++)
        *peer_kl += number(json_object_get(peer, "kl"), i);
    free(e.logp);
    free(f.logp);
    free(ids);
}

static double mean_of(const struct divergence *d)
{
    double mean = 0;
    for (size_t i = 0; i < d->n; i++)
        mean += d->kl[i] / (double)d->n;
    return mean;
}

/* Sorts. */
static double p99_of(struct divergence *d)
{
    qsort(d->kl, d->n, sizeof(*d->kl), by_size);
    return d->kl[d->n * 99 / 100];
}

void vectors_check(const char *model_path, const char *json_path, const struct vector_bounds *b)
{
    struct pass exact, fast, q8;
    struct divergence d[2] = {{0}};
    json_error_t why;
    json_t *doc = json_load_file(json_path, 0, &why), *prompts;
    double mean, mean8, p99, p998, peer = 0;
    size_t total = 0;

    if (!doc)
        fail_msg("%s: %s", json_path, why.text);
    prompts = json_object_get(doc, "prompts");
    for (size_t i = 0; i < json_array_size(prompts); i++)
        total += json_array_size(json_object_get(json_array_get(prompts, i), "ids"));
    for (size_t i = 0; i < 2; i++) {
        d[i].kl = malloc(total * sizeof(*d[i].kl));
        assert_non_null(d[i].kl);
    }
    open_pass(&exact, model_path, 1, DOBBY_KV_F32);
    open_pass(&fast, model_path, 0, DOBBY_KV_F16);
    q8 = fast;
    open_pass(&q8, NULL, 0, DOBBY_KV_Q8);
    for (size_t i = 0; i < json_array_size(prompts) && (!b->n_prompts || i < b->n_prompts); i++)
        check_prompt(&exact, &fast, &q8, json_array_get(prompts, i), d, &peer);
    peer /= (double)d[0].n;
    mean = mean_of(&d[0]);
    mean8 = mean_of(&d[1]);
    p99 = p99_of(&d[0]);
    p998 = p99_of(&d[1]);
    print_message("8-bit path, %zu positions: mean KL %.5f (llama.cpp %.5f), 99%% below %.4f; with "
                  "the cache in 8 bits %.5f, 99%% below %.4f\n",
                  d[0].n, mean, peer, p99, mean8, p998);
    assert_true(mean <= 1.2 * peer);
    assert_true(mean8 <= mean + b->q8_loss);
    if (!b->n_prompts)
        assert_true(p99 < b->p99_kl && p998 < b->p99_kl + 10 * b->q8_loss);
    free(d[0].kl);
    free(d[1].kl);
    dobby_engine_free(q8.en); /* its model is the other's */
    close_pass(&exact);
    close_pass(&fast);
    json_decref(doc);
}
