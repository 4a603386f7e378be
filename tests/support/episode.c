/* episode.c - see episode.h. */
#include "support/episode.h"

#include "base/fault.h"
#include "base/size.h"
#include "base/thread.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

uint64_t episode_draw(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static size_t below(uint64_t *state, size_t n)
{
    return (size_t)(episode_draw(state) % n);
}

static bool chance(uint64_t *state, int of_hundred)
{
    return (int)below(state, 100) < of_hundred;
}

/* With the lock held. */
__attribute__((format(printf, 2, 3))) static void bad(struct episode *ep, const char *fmt, ...)
{
    va_list ap;

    ep->n_bad++;
    if (ep->n_bad > 20) /* the first ones tell */
        return;
    fprintf(stderr, "seed %llu: ", (unsigned long long)ep->c.seed);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}

/* ---- what is expected -------------------------------------------------------------------------------------- */

void episode_tree(struct episode_prompt *p, size_t n, size_t longest, uint64_t seed)
{
    for (size_t i = 0; i < n; i++) {
        const struct episode_prompt *from = &p[i ? below(&seed, i) : 0];
        size_t keep = i % 4 ? below(&seed, from->n + 1) : 0;
        size_t more = 1 + below(&seed, i % 5 ? longest / 5 : longest * 2 / 3);
        int32_t *ids = malloc(longest * sizeof(*ids));

        if (!ids)
            abort();
        if (keep)
            memcpy(ids, from->ids, keep * sizeof(*ids));
        p[i] = (struct episode_prompt){.ids = ids, .n = size_min(keep + more, longest)};
        for (size_t k = keep; k < p[i].n; k++)
            ids[k] = (int32_t)below(&seed, 256);
    }
}

bool episode_same(const struct episode_prompt *p, const struct dobby_result *r, size_t n)
{
    return r->n_ids == n && memcmp(r->ids, p->want, n * sizeof(*r->ids)) == 0 &&
           memcmp(r->logprob, p->logprob, n * sizeof(float)) == 0 &&
           memcmp(r->margin, p->margin, n * sizeof(float)) == 0;
}

struct learning {
    struct episode_prompt *p;
    struct dobby_model *m;
    int status;
    struct dobby_err *e;
};

static void learned(void *ctx, const struct dobby_result *r)
{
    struct learning *l = ctx;
    struct episode_prompt *p = l->p;

    l->status = r->status;
    if (r->status < 0 || r->n_ids != EPISODE_TOKENS || !(p->text = malloc(r->len + 1))) {
        if (l->e)
            snprintf(l->e->message, sizeof(l->e->message), "a prompt alone: %s", r->message);
        l->status = r->status < 0 ? r->status : DOBBY_E_INTERNAL;
        return;
    }
    memcpy(p->want, r->ids, sizeof(p->want));
    memcpy(p->logprob, r->logprob, sizeof(p->logprob));
    memcpy(p->margin, r->margin, sizeof(p->margin));
    memcpy(p->text, r->text, r->len);
    p->text[r->len] = '\0';
    for (size_t i = 0; i < EPISODE_TOKENS; i++) {
        size_t len;
        dobby_token_bytes(l->m, r->ids[i], &len);
        p->end[i + 1] = p->end[i] + len;
    }
    if (p->end[EPISODE_TOKENS] != r->len)
        l->status = DOBBY_E_INTERNAL;
}

static int learn_one(struct dobby_model *m, int kv, int chunk, struct episode_prompt *p,
                     struct dobby_err *e)
{
    struct learning l = {.p = p, .m = m, .e = e};
    struct dobby_engine_options o;
    struct dobby_engine *en;
    struct dobby_generate g;
    dobby_ticket t;
    int rc;

    DOBBY_INIT(o);
    o.threads = o.agents = 1;
    o.chunk = chunk;
    o.kv = kv;
    o.context = (int)p->n + EPISODE_TOKENS;
    DOBBY_INIT(g);
    g.max_tokens = EPISODE_TOKENS;
    g.ignore_eog = 1;
    g.ctx = &l;
    g.on_done = learned;
    if ((rc = dobby_engine_open(&en, m, &o, e)) < 0)
        return rc;
    rc = dobby_submit(en, p->ids, p->n, &g, &t, e);
    dobby_drain(en);
    dobby_engine_free(en);
    return rc < 0 ? rc : l.status;
}

int episode_learn(struct dobby_model *m, int kv, int chunk, struct episode_prompt *p, size_t n,
                  struct dobby_err *e)
{
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = learn_one(m, kv, chunk, &p[i], e);
    return rc;
}

void episode_forget(struct episode_prompt *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(p[i].text);
        free(p[i].ids);
        p[i] = (struct episode_prompt){0};
    }
}

/* Tokens and bytes that a job's text has when it is done. */
static size_t expected_end(const struct job *j, size_t *len)
{
    const struct episode_prompt *p = j->prompt;
    size_t n = strlen(j->stop), k = (size_t)j->max_tokens;
    const char *hit = n ? memmem(p->text, p->end[k], j->stop, n) : NULL;

    *len = p->end[k];
    if (!hit)
        return k;
    *len = (size_t)(hit - p->text);
    for (k = 1; p->end[k] < *len + n;)
        k++;
    return k;
}

/* ---- callbacks --------------------------------------------------------------------------------------------- */

static void submit_one(struct episode *ep, uint64_t *random);

static void check_done(struct episode *ep, const struct job *j, const struct dobby_result *r)
{
    size_t len, n = expected_end(j, &len);
    const struct episode_prompt *p = j->prompt;
    unsigned long long t = j->ticket;

    if (!episode_same(p, r, n))
        bad(ep, "ticket %llu: not the bits of its prompt alone (%zu tokens, expected %zu)", t,
            r->n_ids, n);
    else if (r->len != len || memcmp(r->text, p->text, len) != 0)
        bad(ep, "ticket %llu: text of %zu bytes, expected %zu", t, r->len, len);
    if (strcmp(r->stop, len < p->end[n] ? "string" : "length") != 0)
        bad(ep, "ticket %llu: stop '%s'", t, r->stop);
    if (j->streams && j->streamed != len)
        bad(ep, "ticket %llu: streamed %zu of %zu bytes", t, j->streamed, len);
    if (j->failed)
        bad(ep, "ticket %llu: done although its callback returned %d", t, j->failed);
    ep->n_columns_least += r->n_prompt - r->n_cached + n - 1;
    ep->n_written += n;
    if (ep->n_log < EPISODE_LOG)
        ep->log[ep->n_log++] =
            (struct episode_log){.ticket = j->ticket,
                                 .order = j->order,
                                 .before = j->before,
                                 .after = j->stage == JOB_KNOWN ? j->after : time_now(),
                                 .queued = 1e-3 * r->ms_queued};
}

static void check_failure(struct episode *ep, const struct job *j, const struct dobby_result *r)
{
    unsigned long long t = j->ticket;
    bool fine = (r->status == DOBBY_E_CANCELLED && (j->cancelled || ep->closing)) ||
                (r->status == DOBBY_E_TIME && j->time_limit_ms > 0) ||
                r->status == DOBBY_E_NUMERIC || /* counted: as often as it was staged */
                (j->failed != 0 && r->status == j->failed);

    ep->n_numeric += r->status == DOBBY_E_NUMERIC;
    if (!fine)
        bad(ep, "ticket %llu: status %d (%s) came of nothing", t, r->status, r->message);
    if (r->message[0] == '\0' || r->text[0] != '\0' || r->len || r->n_ids || r->stop[0])
        bad(ep,
            "ticket %llu: status %d with message '%s', text of %zu bytes and %zu tokens, stop '%s'",
            t, r->status, r->message, r->len, r->n_ids, r->stop);
}

static void free_if_over(struct job *j)
{
    if (j->ended && j->stage == JOB_KNOWN)
        j->stage = JOB_FREE;
}

static void on_done(void *ctx, const struct dobby_result *r)
{
    struct job *j = ctx;
    struct episode *ep = j->ep;
    uint64_t random = ep->c.seed ^ r->ticket << 20;
    bool more;

    pthread_mutex_lock(&ep->lock);
    if (j->stage == JOB_FREE || j->ended)
        bad(ep, "ticket %llu: a second final callback", (unsigned long long)r->ticket);
    if (r->ticket != j->ticket)
        bad(ep, "ticket %llu has the callback of %llu", (unsigned long long)r->ticket,
            (unsigned long long)j->ticket);
    if (r->n_prompt != j->prompt->n || r->n_cached >= r->n_prompt)
        bad(ep, "ticket %llu: %zu of %zu prompt tokens cached", (unsigned long long)r->ticket,
            r->n_cached, r->n_prompt);
    if (r->status == 0) {
        check_done(ep, j, r);
        ep->n_done++;
    } else {
        check_failure(ep, j, r);
        if (r->status == DOBBY_E_CANCELLED)
            ep->n_cancelled++;
        else
            ep->n_failed++;
    }
    ep->n_cached += r->n_cached;
    j->ended = true;
    free_if_over(j);
    more = !ep->closing && chance(&random, ep->c.chain);
    pthread_mutex_unlock(&ep->lock);
    if (more)
        submit_one(ep, &random);
}

static int on_text(void *ctx, dobby_ticket t, const char *bytes, size_t len)
{
    struct job *j = ctx;
    struct episode *ep = j->ep;
    const struct episode_prompt *p = j->prompt;
    bool cancel;
    int rc;

    pthread_mutex_lock(&ep->lock);
    j->pieces++;
    if (j->ended || t != j->ticket)
        bad(ep, "ticket %llu: text after its end", (unsigned long long)t);
    if (j->failed)
        bad(ep, "ticket %llu: text after its callback failed", (unsigned long long)t);
    if (len == 0 || len > p->end[j->max_tokens] - j->streamed ||
        memcmp(bytes, p->text + j->streamed, len) != 0)
        bad(ep, "ticket %llu: streams other bytes", (unsigned long long)t);
    j->streamed += len;
    if (j->pieces == j->fail_at)
        j->failed = j->fail_code;
    rc = j->failed;
    cancel = j->pieces == j->cancel_at;
    j->cancelled |= cancel;
    pthread_mutex_unlock(&ep->lock);
    if (cancel)
        dobby_cancel(ep->en, t);
    return rc;
}

/* ---- acts -------------------------------------------------------------------------------------------------- */

static struct job *free_job(struct episode *ep)
{
    for (size_t i = 0; i < EPISODE_JOBS; i++)
        if (ep->jobs[i].stage == JOB_FREE)
            return &ep->jobs[i];
    return NULL;
}

/* Some bytes of what it will write, as a stop string; texts may hold NUL bytes, strings cannot. */
static void choose_stop(struct job *j, uint64_t *random)
{
    const struct episode_prompt *p = j->prompt;
    size_t len = p->end[EPISODE_TOKENS], n = 1 + below(random, sizeof(j->stop) - 1), at;

    if (len < n)
        return;
    at = below(random, len - n + 1);
    if (!memchr(p->text + at, '\0', n))
        memcpy(j->stop, p->text + at, n);
}

static void plan(struct episode *ep, struct job *j, uint64_t *random)
{
    static const int codes[] = {DOBBY_E_IO, DOBBY_E_LIMIT, DOBBY_E_UNAVAILABLE, DOBBY_E_CANCELLED};
    const struct episode_config *c = &ep->c;

    *j = (struct job){.ep = ep,
                      .stage = JOB_SUBMITTING,
                      .prompt = &c->prompts[below(random, c->n_prompts)],
                      .max_tokens = 1 + (int)below(random, EPISODE_TOKENS)};
    if (c->orders > 1)
        j->order = (int)below(random, (size_t)c->orders);
    if (chance(random, c->limit))
        j->time_limit_ms = 1 + (int)below(random, (size_t)c->limit_ms);
    if (chance(random, c->stop))
        choose_stop(j, random);
    j->streams = chance(random, 50);
    if (chance(random, c->fail)) {
        j->streams = true;
        j->fail_at = 1 + (int)below(random, 4);
        j->fail_code = codes[below(random, 4)];
    }
    if (chance(random, c->cancel)) {
        j->streams = true;
        j->cancel_at = 1 + (int)below(random, 4);
    }
}

static void submitted(struct episode *ep, struct job *j, int rc, const struct dobby_err *e)
{
    if (rc == 0) {
        ep->n_submitted++;
        ep->n_prompt_tokens += j->prompt->n;
        j->stage = JOB_KNOWN;
        free_if_over(j);
        return;
    }
    if (rc == DOBBY_E_NOMEM)
        ep->n_nomem++;
    else if (rc != DOBBY_E_CANCELLED || !ep->closing)
        bad(ep, "submit: code %d: %s", rc, e->message);
    if (e->code != rc || e->message[0] == '\0')
        bad(ep, "submit: code %d without a reason", rc);
    j->stage = JOB_FREE;
}

static void submit_one(struct episode *ep, uint64_t *random)
{
    struct job *j;
    struct dobby_generate g;
    struct dobby_err e = {0};
    const char *stops[] = {NULL, NULL};
    int rc;

    pthread_mutex_lock(&ep->lock);
    j = free_job(ep);
    if (j) {
        plan(ep, j, random);
        j->before = time_now();
        stops[0] = j->stop[0] ? j->stop : NULL;
    }
    pthread_mutex_unlock(&ep->lock);
    if (!j)
        return;
    DOBBY_INIT(g);
    g.max_tokens = j->max_tokens;
    g.ignore_eog = 1;
    g.order = j->order;
    g.time_limit_ms = j->time_limit_ms;
    g.stops = stops;
    g.ctx = j;
    g.on_done = on_done;
    g.on_text = j->streams ? on_text : NULL;
    rc = dobby_submit(ep->en, j->prompt->ids, j->prompt->n, &g, &j->ticket, &e);
    pthread_mutex_lock(&ep->lock);
    j->after = time_now();
    submitted(ep, j, rc, &e);
    pthread_mutex_unlock(&ep->lock);
}

/* Some ticket that is known and has not ended, or 0. */
static dobby_ticket some_ticket(struct episode *ep, uint64_t *random, bool cancel)
{
    size_t from = below(random, EPISODE_JOBS);
    dobby_ticket t = 0;

    pthread_mutex_lock(&ep->lock);
    for (size_t i = 0; i < EPISODE_JOBS && !t; i++) {
        struct job *j = &ep->jobs[(from + i) % EPISODE_JOBS];
        if (j->stage == JOB_KNOWN) {
            t = j->ticket;
            j->cancelled |= cancel;
        }
    }
    pthread_mutex_unlock(&ep->lock);
    return t;
}

static void look_at_counts(struct episode *ep)
{
    struct dobby_stats st;
    uint64_t ended;

    pthread_mutex_lock(&ep->lock); /* what ended before is counted by the engine before */
    ended = ep->n_done + ep->n_cancelled + ep->n_failed;
    pthread_mutex_unlock(&ep->lock);
    dobby_get_stats(ep->en, &st);
    pthread_mutex_lock(&ep->lock);
    if (st.n_done + st.n_cancelled + st.n_failed < ended ||
        st.n_done + st.n_cancelled + st.n_failed + st.n_waiting + st.n_running > st.n_submitted)
        bad(ep, "counts: %llu ended, %zu wait, %zu run, of %llu",
            (unsigned long long)(st.n_done + st.n_cancelled + st.n_failed), st.n_waiting,
            st.n_running, (unsigned long long)st.n_submitted);
    if (st.n_running > (size_t)ep->c.engine.agents || st.n_parked > st.n_running)
        bad(ep, "counts: %zu of %d agents run, %zu parked", st.n_running, ep->c.engine.agents,
            st.n_parked);
    if (st.kv_blocks_used + st.kv_blocks_cached > st.kv_blocks_total ||
        (st.n_running == 0 && st.kv_blocks_used > 0))
        bad(ep, "counts: %zu blocks used and %zu cached of %zu, %zu run", st.kv_blocks_used,
            st.kv_blocks_cached, st.kv_blocks_total, st.n_running);
    pthread_mutex_unlock(&ep->lock);
}

static void look_at_progress(struct episode *ep, uint64_t *random)
{
    dobby_ticket t = chance(random, 90) ? some_ticket(ep, random, false) : 1u << 30;
    struct dobby_progress p;

    dobby_get_progress(ep->en, t, &p);
    if (p.n_read <= p.n_prompt && p.n_written <= EPISODE_TOKENS && p.ms >= 0 &&
        (p.state != DOBBY_ST_GONE) == (p.n_prompt > 0) &&
        (p.state != DOBBY_ST_WRITING || p.n_read == p.n_prompt) &&
        (p.state != DOBBY_ST_WAITING || p.n_read == 0) && (t != 1u << 30 || p.n_prompt == 0))
        return;
    pthread_mutex_lock(&ep->lock);
    bad(ep, "ticket %llu: progress: state %d, %zu of %zu read, %zu written", (unsigned long long)t,
        p.state, p.n_read, p.n_prompt, p.n_written);
    pthread_mutex_unlock(&ep->lock);
}

/* Take the count of the fault that was armed before; arm it anew. */
static void stage_numeric(struct episode *ep, uint64_t *random, bool again)
{
    if (ep->numeric_armed)
        ep->n_numeric_hits += fault_disarm(FAULT_NUMERIC);
    ep->numeric_armed = again;
    if (again)
        fault_arm(FAULT_NUMERIC, 1 + below(random, 600), false);
}

static void submit_short_of_memory(struct episode *ep, uint64_t *random)
{
    fault_arm(FAULT_ALLOC, 1 + below(random, 9), false);
    submit_one(ep, random);
    ep->n_alloc_hits += fault_disarm(FAULT_ALLOC);
}

void episode_act(struct episode *ep, uint64_t *random, bool stager)
{
    size_t act = below(random, 100);

    if (stager && chance(random, ep->c.numeric))
        stage_numeric(ep, random, true);
    if (act < 55) {
        if (stager && chance(random, ep->c.alloc))
            submit_short_of_memory(ep, random);
        else
            submit_one(ep, random);
    } else if (act < 65) {
        dobby_cancel(ep->en, some_ticket(ep, random, true));
    } else if (act < 75) {
        dobby_wait(ep->en, some_ticket(ep, random, false));
    } else if (act < 76) {
        dobby_drain(ep->en);
    } else if (act < 77) {
        dobby_cancel(ep->en, 1u << 30); /* nobody's */
    } else if (act < 84) {
        look_at_counts(ep);
    } else if (act < 94) {
        look_at_progress(ep, random);
    } else {
        usleep((useconds_t)below(random, 1000));
    }
}

/* ---- opening and closing ----------------------------------------------------------------------------------- */

int episode_open(struct episode *ep, struct dobby_model *m, const struct episode_config *c,
                 struct dobby_err *e)
{
    int rc;

    memset(ep, 0, sizeof(*ep));
    ep->c = *c;
    pthread_mutex_init(&ep->lock, NULL);
    rc = dobby_engine_open(&ep->en, m, &c->engine, e);
    if (rc < 0)
        pthread_mutex_destroy(&ep->lock);
    return rc;
}

/* Of two that waited at the same time the one that goes before was admitted before. Times of the engine lie between
 * those around the submit call. */
static void check_order(struct episode *ep)
{
    for (size_t i = 0; i < ep->n_log; i++)
        for (size_t k = 0; k < ep->n_log; k++) {
            const struct episode_log *a = &ep->log[i], *b = &ep->log[k];
            bool first = a->order < b->order || (a->order == b->order && a->after < b->before);
            if (first && a->after < b->before + b->queued && /* it was there when b was admitted */
                a->before + a->queued > b->after + b->queued + 1e-6)
                bad(ep, "ticket %llu (order %d) was admitted after %llu (order %d)",
                    (unsigned long long)a->ticket, a->order, (unsigned long long)b->ticket,
                    b->order);
        }
}

static void check_equal(struct episode *ep, const char *what, uint64_t got, uint64_t want)
{
    if (got != want)
        bad(ep, "counts: %s is %llu, expected %llu", what, (unsigned long long)got,
            (unsigned long long)want);
}

static void check_counts(struct episode *ep, const struct dobby_stats *st)
{
    check_equal(ep, "n_submitted", st->n_submitted, ep->n_submitted);
    check_equal(ep, "n_done", st->n_done, ep->n_done);
    check_equal(ep, "n_cancelled", st->n_cancelled, ep->n_cancelled);
    check_equal(ep, "n_failed", st->n_failed, ep->n_failed);
    check_equal(ep, "n_prompt_tokens", st->n_prompt_tokens, ep->n_prompt_tokens);
    check_equal(ep, "n_cached_tokens", st->n_cached_tokens, ep->n_cached);
    check_equal(ep, "n_waiting", st->n_waiting, 0);
    check_equal(ep, "n_running", st->n_running, 0);
    check_equal(ep, "n_parked", st->n_parked, 0);
    check_equal(ep, "kv_blocks_used", st->kv_blocks_used, 0);
    check_equal(ep, "latency_ms.n", st->latency_ms.n, ep->n_done);
    check_equal(ep, "step_columns.n", st->step_columns.n, st->n_steps);
    if (ep->n_done == ep->n_submitted) { /* nobody left in the middle: each column has its token */
        check_equal(ep, "n_columns", st->n_columns, ep->n_columns_least);
        check_equal(ep, "n_written_tokens", st->n_written_tokens, ep->n_written);
    } else if (st->n_columns < ep->n_columns_least || st->n_written_tokens < ep->n_written) {
        bad(ep, "counts: %llu columns, %llu needed", (unsigned long long)st->n_columns,
            (unsigned long long)ep->n_columns_least);
    }
    check_equal(ep, "failures that were staged", ep->n_numeric, ep->n_numeric_hits);
    check_equal(ep, "refused submits", ep->n_nomem, ep->n_alloc_hits);
}

void episode_check(struct episode *ep)
{
    uint64_t unused = 0;
    struct dobby_stats st;

    do { /* a final callback may have submitted another */
        dobby_drain(ep->en);
    } while (some_ticket(ep, &unused, false));
    stage_numeric(ep, &unused, false);
    dobby_get_stats(ep->en, &st);
    pthread_mutex_lock(&ep->lock);
    check_counts(ep, &st);
    check_order(ep);
    pthread_mutex_unlock(&ep->lock);
}

void episode_close(struct episode *ep)
{
    uint64_t unused = 0;

    pthread_mutex_lock(&ep->lock);
    ep->closing = true;
    pthread_mutex_unlock(&ep->lock);
    dobby_engine_free(ep->en);
    ep->en = NULL;
    stage_numeric(ep, &unused, false);
    for (size_t i = 0; i < EPISODE_JOBS; i++)
        if (ep->jobs[i].stage != JOB_FREE)
            bad(ep, "ticket %llu: no final callback", (unsigned long long)ep->jobs[i].ticket);
    check_equal(ep, "final callbacks", ep->n_done + ep->n_cancelled + ep->n_failed,
                ep->n_submitted);
    check_equal(ep, "failures that were staged", ep->n_numeric, ep->n_numeric_hits);
    check_equal(ep, "refused submits", ep->n_nomem, ep->n_alloc_hits);
    pthread_mutex_destroy(&ep->lock);
}
