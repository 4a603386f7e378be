/* run.c - see run.h (pipeline).
 * A slot is an agent: its item, its attempt, and room for one result. The engine's callback fills the slot's result and
 * puts the slot on the list of those that came back; everything else happens on the thread that runs run_items:
 *
 *     items --> free slot --submit--> engine --on_done--> back --judge--> store (accepted, fallback)
 *                   ^   ^                                  |
 *                   |   +------------- attempt + 1 --------+
 *                   +-- due, once more <-- wait <-- failed +--> too often: left undone */
#include "pipeline/run.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/size.h"
#include "base/thread.h"
#include "base/trace.h"
#include "code/check.h"
#include "code/prompt.h"
#include "llm/realmath.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TICK_MS   100 /* how soon a stop is seen, and how often progress is told */
#define MAX_NOTES 20  /* of failures; the rest are counted */

struct slot {
    struct runner *k;
    bool busy;
    size_t item;
    int attempt;  /* 0, 1 */
    int tries;    /* of this attempt, that failed */
    double since; /* when it was asked, or failed last */
    double
        due; /* it waits until then to be asked once more; 0: the engine has it, or it came back */
    dobby_ticket ticket;
    struct strbuf label; /* for the ticks */
    /* What the answer is checked against. */
    struct strbuf code, context, said; /* said: the texts of others, one after the other */
    struct text *others;
    size_t n_others, cap_others;
    struct unit unit; /* its names live as long as the source's */
    struct store_txn
        *txn; /* the attempts so far; goes to the store with the summary. NULL: none yet */
    uint64_t n_prompt, n_written; /* of its answers: those of failed tries depend on time */
    /* The result, written by the callback before the slot is put on the list. */
    int status;
    bool by_length;
    struct strbuf text, message;
    double confidence; /* negative: none */
    uint64_t r_prompt, r_cached, r_written;
    struct slot *next; /* on the list */
};

/* A summary that is on its way to the disk. */
struct pending {
    uint64_t seq;
    size_t n_units;
};

struct runner {
    const struct run_options *o;
    struct run_counts *c;
    struct dobby_err *e;
    struct slot *slots;
    size_t n_busy, next_item;
    pthread_mutex_t mutex; /* guards back, back_last; a leaf */
    pthread_cond_t came;
    struct slot *back, *back_last; /* slots whose result has come, in the order of coming */
    struct pending *pending;       /* [n_items], from first to n: not yet on the disk */
    size_t first_pending, n_pending;
    struct run_failure *failures;  /* [n_items]; `why` is ours */
    size_t n_failures, n_given_up; /* in all; in a row since the last answer */
    struct dobby_agent *agents;    /* [agents, RUN_AGENTS_SHOWN at most]: for the ticks */
    size_t n_notes;
    bool cancelled; /* what is in flight was told to end */
    int rc;         /* the failure that ends the run */
    double next_tick;
};

/* ---- the engine's side -------------------------------------------------------------------------- */

/* How sure the model was: the geometric mean of its tokens' probabilities, to four digits, so that what is
 * stored and what is shown are the same number. */
static double confidence_of(const struct dobby_result *r)
{
    double sum = 0;

    if (r->n_ids == 0 || !r->logprob)
        return -1;
    for (size_t i = 0; i < r->n_ids; i++)
        sum += (double)r->logprob[i];
    sum = real_exp(sum / (double)r->n_ids); /* a library's exp may differ from machine to machine */
    return sum >= 0 && sum <= 1 ? (double)lround(sum * 10000) / 10000 : sum > 1 ? 1 : -1;
}

static void on_done(void *ctx, const struct dobby_result *r)
{
    struct slot *s = ctx;
    struct runner *k = s->k;

    s->status = r->status;
    s->by_length = strcmp(r->stop, "length") == 0;
    s->confidence = r->status == 0 ? confidence_of(r) : -1;
    s->r_prompt = r->n_prompt;
    s->r_cached = r->n_cached;
    s->r_written = r->n_ids;
    strbuf_reset(&s->text);
    strbuf_reset(&s->message);
    if (r->status == 0)
        strbuf_add(&s->text, r->text, r->len);
    else
        strbuf_puts(&s->message, r->message);
    pthread_mutex_lock(&k->mutex);
    s->next = NULL;
    if (k->back_last)
        k->back_last->next = s;
    else
        k->back = s;
    k->back_last = s;
    pthread_cond_signal(&k->came);
    pthread_mutex_unlock(&k->mutex);
}

/* When there is something to do at the latest: a tick, or a slot that has waited long enough. */
static double next_due(const struct runner *k)
{
    double until = time_now() + TICK_MS / 1000.0;

    for (int i = 0; i < k->o->agents; i++)
        if (k->slots[i].busy && k->slots[i].due > 0 && k->slots[i].due < until)
            until = k->slots[i].due;
    return until;
}

/* The first slot that came back, or NULL when something else is to be done. */
static struct slot *wait_back(struct runner *k)
{
    double until = next_due(k);
    struct timespec ts = {(time_t)until, (long)((until - (double)(time_t)until) * 1e9)};
    struct slot *s;
    int rc = 0;

    pthread_mutex_lock(&k->mutex);
    while (!k->back && rc == 0)
        rc = pthread_cond_timedwait(&k->came, &k->mutex, &ts);
    s = k->back;
    if (s) {
        k->back = s->next;
        if (!k->back)
            k->back_last = NULL;
    }
    pthread_mutex_unlock(&k->mutex);
    return s;
}

/* ---- counting ----------------------------------------------------------------------------------- */

/* Count what has reached the disk since the last time. */
static void count_committed(struct runner *k)
{
    uint64_t upto = k->o->store ? store_committed(k->o->store) : 0;

    while (k->first_pending < k->n_pending && k->pending[k->first_pending].seq <= upto) {
        k->c->n_done += k->pending[k->first_pending++].n_units;
        if (k->o->on_change)
            k->o->on_change(k->o->ctx, k->c, 0);
    }
}

/* Tokens, those of answers that are still being written included. */
static void count_tokens(struct runner *k)
{
    struct dobby_stats stats = {0};

    if (!k->o->engine.stats)
        return; /* take_result counts them */
    k->o->engine.stats(k->o->engine.ctx, &stats);
    k->c->n_read = stats.n_prompt_tokens;
    k->c->n_cached = stats.n_cached_tokens;
    k->c->n_written = stats.n_written_tokens;
    k->c->n_computed = stats.n_columns;
}

/* What the slot is doing. An engine that cannot say, or has just answered, leaves the state at GONE. */
static struct dobby_agent agent_of(const struct runner *k, const struct slot *s, double now)
{
    struct dobby_agent a = {
        .label = strbuf_str(&s->label),
        .slot = (int)(s - k->slots),
        .attempt = s->attempt + 1,
        .tries = s->tries + 1,
        .backing_off = s->due > 0,
        .wait_s = s->due > now ? s->due - now : 0,
    };

    if (!a.backing_off && k->o->engine.progress)
        k->o->engine.progress(k->o->engine.ctx, s->ticket, &a.progress);
    if (a.progress.state == DOBBY_ST_GONE)
        a.progress.ms = 1e3 * (now - s->since);
    return a;
}

static void tell_agents(struct runner *k, double now)
{
    size_t n = 0, max = size_min((size_t)k->o->agents, RUN_AGENTS_SHOWN);

    for (int i = 0; i < k->o->agents && n < max; i++)
        if (k->slots[i].busy)
            k->agents[n++] = agent_of(k, &k->slots[i], now);
    k->c->agents = k->agents;
    k->c->n_agents = n;
}

static void tick(struct runner *k)
{
    double now = time_now();

    count_committed(k);
    if (now < k->next_tick || !k->o->on_change)
        return;
    k->next_tick = now + TICK_MS / 1000.0;
    k->c->n_running = k->n_busy;
    count_tokens(k);
    tell_agents(k, now);
    k->o->on_change(k->o->ctx, k->c, 1);
    k->c->agents = NULL;
    k->c->n_agents = 0;
}

/* With a failure: nothing new is asked, what is in flight is cancelled. The first one wins; 0 changes nothing. */
static void end_run(struct runner *k, int rc)
{
    if (k->rc == 0)
        k->rc = rc;
}

void run_earlier_release(struct run_earlier *was)
{
    store_txn_free(was->txn);
    mem_free(was->text);
    *was = (struct run_earlier){0};
}

/* What another model made of the slot's question before; NULL: it was not asked. */
static struct run_earlier *earlier_of(const struct runner *k, const struct slot *s)
{
    return k->o->earlier ? &k->o->earlier[s->item] : NULL;
}

static void release_slot(struct runner *k, struct slot *s)
{
    store_txn_free(s->txn);
    s->txn = NULL;
    s->busy = false;
    s->due = 0;
    k->n_busy--;
}

static size_t units_of(const struct runner *k, const struct slot *s)
{
    return k->o->items[s->item].n_same;
}

/* Left for another run: this one was stopped, or ends. */
static void leave(struct runner *k, struct slot *s)
{
    k->c->n_left += units_of(k, s);
    release_slot(k, s);
}

static void note_item(struct runner *k, const struct slot *s, const char *what)
{
    struct strbuf b = {0};

    if (!k->o->on_note || k->n_notes++ >= MAX_NOTES)
        return;
    strbuf_printf(&b, "%s: %s", k->o->source.label(k->o->source.ctx, s->item), what);
    if (!strbuf_failed(&b))
        k->o->on_note(k->o->ctx, strbuf_str(&b));
    strbuf_release(&b);
}

/* ---- failures ----------------------------------------------------------------------------------- */

static void trace_slot(const struct runner *k, const struct slot *s, const char *name, double t0,
                       int status)
{
    trace_span(k->o->trace, k->o->trace_group, (int)(s - k->slots) + 1, name, t0, time_now(),
               "\"item\":%zu,\"attempt\":%d,\"failed_tries\":%d,\"status\":%d", s->item,
               s->attempt + 1, s->tries, status);
}

/* A row for each try that ended; a second model's are numbered on. Without a group of changes (no memory) it goes unrecorded, as the try was. */
static void put_attempt(struct runner *k, struct slot *s, const char *outcome, const char *reason)
{
    const struct run_earlier *was = earlier_of(k, s);

    if (!s->txn)
        return;
    store_put_attempt(s->txn, &(struct store_attempt){
                                  .prompt_key = k->o->items[s->item].prompt_key,
                                  .attempt = s->attempt + 1 + (was ? was->attempts : 0),
                                  .outcome = outcome,
                                  .reason = reason,
                                  .text = strbuf_str(&s->text),
                                  .text_len = s->text.len,
                                  .n_written = s->r_written,
                                  .run = k->o->run,
                              });
}

/* How often a question is asked that fails like this. A prompt beyond a limit stays beyond it, a key that is refused
 * stays refused; a server may come back. */
static int tries_for(int code)
{
    switch (code) {
    case DOBBY_E_LIMIT:
    case DOBBY_E_USAGE:
    case DOBBY_E_FORMAT:
    case DOBBY_E_UNSUPPORTED:
    case DOBBY_E_PERMISSION:
    case DOBBY_E_NOTFOUND:
    case DOBBY_E_CONFIG:
        return 1;
    case DOBBY_E_UNAVAILABLE:
    case DOBBY_E_NOMEM:
        return ENGINE_TRIES_AWAY;
    default:
        return ENGINE_TRIES;
    }
}

static double backoff_s(const struct runner *k, int failed_tries)
{
    double ms = k->o->backoff_ms > 0 ? k->o->backoff_ms : ENGINE_BACKOFF_MS;

    for (int i = 1; i < failed_tries && ms < ENGINE_BACKOFF_MAX_MS; i++)
        ms *= 2;
    return 1e-3 * (ms < ENGINE_BACKOFF_MAX_MS ? ms : ENGINE_BACKOFF_MAX_MS);
}

/* The code of a run that a failing engine ends. A server that went away may come back: what is left is left undone, as by any
 * other interruption, and the next run goes on. */
static int ending(int code)
{
    return code == DOBBY_E_UNAVAILABLE || code == DOBBY_E_TIME ? DOBBY_E_UNDONE : code;
}

/* It stays undone. Its file has changed (code 0), or it failed too often. */
static void fail_item(struct runner *k, struct slot *s, int code, const char *why)
{
    note_item(k, s, why);
    k->failures[k->n_failures++] =
        (struct run_failure){.item = s->item, .tries = s->tries, .why = mem_strdup(why)};
    k->c->n_failed += units_of(k, s);
    release_slot(k, s);
    if (k->o->on_change)
        k->o->on_change(k->o->ctx, k->c, 0);
    if (code == 0 || code == DOBBY_E_LIMIT) /* these say nothing about the next question */
        return;
    if (++k->n_given_up >= ENGINE_MAX_FAILURES)
        end_run(k, err_set(k->e, ending(code),
                           "summarize: %d questions in a row came to nothing: %s; see the notes, "
                           "and run it again",
                           ENGINE_MAX_FAILURES, why));
}

static void give_up(struct runner *k, struct slot *s, int code, const char *why)
{
    struct store_txn *txn = s->txn;
    struct dobby_err e = {0};
    int rc = 0;

    s->txn = NULL;
    if (txn)
        rc = store_commit(k->o->store, txn, NULL, &e);
    if (rc == DOBBY_E_NOMEM) /* the reason is told all the same, by fail_item */
        log_msg(LOG_WARN, "out of memory for the record of a failure");
    else if (rc < 0)
        end_run(k, err_set(k->e, rc, "%s", e.message));
    fail_item(k, s, code, why);
}

/* A try without an answer: the slot waits for the next one, or its item is left undone. Of a run that ends, it is left. */
static void failed_try(struct runner *k, struct slot *s, int code, const char *why)
{
    int most = tries_for(code);

    if (k->rc < 0) {
        leave(k, s);
        return;
    }
    s->tries++;
    s->r_written = 0;
    strbuf_reset(&s->text);
    put_attempt(k, s, "failed", why);
    if (s->tries >= most) {
        give_up(k, s, code, why);
        return;
    }
    s->since = time_now();
    s->due = s->since + backoff_s(k, s->tries);
    log_msg(LOG_INFO, "%s: try %d of %d failed: %s; once more in %.1f s",
            k->o->source.label(k->o->source.ctx, s->item), s->tries, most, why,
            backoff_s(k, s->tries));
}

/* ---- results ------------------------------------------------------------------------------------ */

/* Nothing is kept: the unit is done. */
static void finish_unkept(struct runner *k, struct slot *s, const char *text)
{
    k->c->n_done += units_of(k, s);
    k->c->n_signature += text ? 0 : units_of(k, s);
    release_slot(k, s);
    if (k->o->on_change)
        k->o->on_change(k->o->ctx, k->c, 0);
}

/* Memory ran out for what an answer came to: the same attempt will give the same text. */
static void lose_answer(struct runner *k, struct slot *s, const char *why)
{
    s->n_prompt -= s->r_prompt;
    s->n_written -= s->r_written;
    failed_try(k, s, DOBBY_E_NOMEM, why);
}

/* Nothing is kept: another model is to be asked. text NULL: refused. */
static void put_off(struct runner *k, struct slot *s, const char *text)
{
    char *copy = text ? mem_strdup(text) : NULL;

    if (text && !copy) {
        lose_answer(k, s, "out of memory for its answer");
        return;
    }
    k->o->defer[s->item] = (struct run_earlier){.there = true,
                                                .text = copy,
                                                .model = k->o->model,
                                                .confidence = s->confidence,
                                                .attempts = s->attempt + 1,
                                                .n_prompt = s->n_prompt,
                                                .n_written = s->n_written,
                                                .txn = s->txn};
    s->txn = NULL;
    k->c->n_deferred += units_of(k, s);
    release_slot(k, s);
}

/* What is kept of a question; text NULL: refused for good. */
static struct store_summary summary_of(const struct runner *k, const struct slot *s,
                                       const char *text)
{
    const struct run_item *item = &k->o->items[s->item];
    const struct run_earlier *was = earlier_of(k, s);
    bool old = was && !text; /* the first model's word stands */
    struct store_summary sum = {
        .prompt_key = item->prompt_key,
        .unit_key = item->unit_key,
        .text = old ? was->text : text,
        .model = old ? was->model : k->o->model,
        .confidence = old ? was->confidence : s->confidence,
        .attempts = old ? was->attempts : s->attempt + 1,
        .n_prompt = s->n_prompt + (was ? was->n_prompt : 0),
        .n_written = s->n_written + (was ? was->n_written : 0),
        .run = k->o->run,
    };

    sum.source = !sum.text ? "signature" : k->o->remote ? "remote" : "model";
    if (!sum.text)
        sum.confidence = -1;
    return sum;
}

/* text NULL: refused for good. */
static void finish(struct runner *k, struct slot *s, const char *text)
{
    size_t n_units = units_of(k, s);
    struct store_txn *txn = s->txn;
    struct store_summary sum;
    struct dobby_err e = {0};
    uint64_t seq = 0;
    int rc;

    if (!k->o->store) {
        finish_unkept(k, s, text);
        return;
    }
    if (k->o->defer && (!text || check_is_low(s->attempt + 1, s->confidence))) {
        put_off(k, s, text);
        return;
    }
    sum = summary_of(k, s, text);
    store_put_summary(txn, &sum);
    s->txn = NULL; /* the store's from here on */
    rc = store_commit(k->o->store, txn, &seq, &e);
    if (rc == DOBBY_E_NOMEM) { /* only this group is lost */
        lose_answer(k, s, e.message);
    } else if (rc < 0) {
        end_run(k, err_set(k->e, rc, "%s", e.message));
        leave(k, s);
    } else {
        k->pending[k->n_pending++] = (struct pending){seq, n_units};
        k->c->n_signature += sum.text ? 0 : n_units;
        k->c->n_replaced += text && k->o->earlier ? n_units : 0;
        release_slot(k, s);
    }
}

/* A second answer stands only if it is not doubtful on its own account, too. */
static bool is_unsure(const struct runner *k, const struct slot *s)
{
    double least = k->o->min_confidence;

    if (least > 0 && s->attempt > 0 && least < CHECK_LOW_CONFIDENCE)
        least = CHECK_LOW_CONFIDENCE;
    return s->confidence >= 0 && s->confidence < least;
}

static void tell_answer(struct runner *k, const struct slot *s, enum check_verdict v,
                        const char *clean)
{
    struct run_answer a = {
        .item = s->item,
        .attempt = s->attempt,
        .verdict = v,
        .text = strbuf_str(&s->text),
        .summary = v == CHECK_OK ? clean : NULL,
        .confidence = s->confidence,
        .last = v == CHECK_OK || s->attempt + 1 >= PROMPT_ATTEMPTS,
    };

    if (k->o->on_answer)
        k->o->on_answer(k->o->ctx, &a);
}

/* Judge an answer. True if the next attempt is to be made. */
static bool judge(struct runner *k, struct slot *s)
{
    struct check_input in = {.text = strbuf_str(&s->text),
                             .len = s->text.len,
                             .by_length = s->by_length,
                             .code = strbuf_str(&s->code),
                             .code_len = s->code.len,
                             .context = strbuf_str(&s->context),
                             .context_len = s->context.len,
                             .others = s->others,
                             .n_others = s->n_others,
                             .unit = &s->unit};
    struct strbuf clean = {0};
    enum check_verdict v = check_summary(&clean, &in);
    bool again = false;

    if (v == CHECK_NOMEM || strbuf_failed(&clean)) {
        strbuf_release(&clean);
        failed_try(k, s, DOBBY_E_NOMEM, "out of memory while its answer was checked");
        return false;
    }
    if (v == CHECK_OK && is_unsure(k, s))
        v = CHECK_UNSURE;
    k->n_given_up = 0;
    s->n_prompt += s->r_prompt;
    s->n_written += s->r_written;
    tell_answer(k, s, v, strbuf_str(&clean));
    if (v == CHECK_OK) {
        put_attempt(k, s, "accepted", "");
        finish(k, s, strbuf_str(&clean));
    } else {
        put_attempt(k, s, "refused", check_reason(v));
        again = s->attempt + 1 < PROMPT_ATTEMPTS;
        if (again) {
            s->attempt++;
            s->tries = 0;
        } else {
            finish(k, s, NULL);
        }
    }
    strbuf_release(&clean);
    return again;
}

/* What came back in a slot. True if its next attempt is to be made. */
static bool take_result(struct runner *k, struct slot *s)
{
    if (!k->o->engine.stats) {
        k->c->n_read += s->r_prompt;
        k->c->n_cached += s->r_cached;
        k->c->n_written += s->r_written;
    }
    trace_slot(k, s, s->status == 0 ? "question" : "failed question", s->since, s->status);
    if (s->status == DOBBY_E_CANCELLED && k->cancelled)
        leave(k, s);
    else if (strbuf_failed(&s->text) || strbuf_failed(&s->message))
        failed_try(k, s, DOBBY_E_NOMEM, "out of memory for its answer");
    else if (s->status != 0)
        failed_try(k, s, s->status, strbuf_str(&s->message));
    else
        return judge(k, s);
    return false;
}

/* ---- asking ------------------------------------------------------------------------------------- */

/* Keep what the answer is checked against: p's texts are gone by then. */
static int keep_checks(struct slot *s, const struct run_prompt *p, struct dobby_err *e)
{
    size_t at = 0;

    strbuf_reset(&s->code);
    strbuf_reset(&s->context);
    strbuf_reset(&s->said);
    strbuf_add(&s->code, p->code, p->code_len);
    strbuf_add(&s->context, p->context, p->context_len);
    for (size_t i = 0; i < p->n_others; i++)
        strbuf_add(&s->said, p->others[i].s, p->others[i].n);
    if (strbuf_failed(&s->code) || strbuf_failed(&s->context) || strbuf_failed(&s->said) ||
        mem_grow((void **)&s->others, &s->cap_others, p->n_others, sizeof(*s->others)) < 0)
        return err_nomem(e, "a question");
    for (size_t i = 0; i < p->n_others; i++) {
        s->others[i] = (struct text){strbuf_str(&s->said) + at, p->others[i].n};
        at += p->others[i].n;
    }
    s->n_others = p->n_others;
    s->unit = p->unit;
    return 0;
}

static int submit(struct runner *k, struct slot *s, struct dobby_err *e)
{
    static const char *const stops[] = {PROMPT_STOP, NULL};
    struct dobby_generate g;
    struct run_prompt p = {0};
    int rc;

    if (k->o->store && !s->txn)
        s->txn = store_txn_new();
    if (k->o->store && !s->txn)
        return err_nomem(e, "a summary");
    rc = k->o->source.prompt(k->o->source.ctx, s->item, s->attempt, &p, e);
    if (rc != 0)
        return rc;
    rc = keep_checks(s, &p, e);
    if (rc < 0)
        return rc;
    DOBBY_INIT(g);
    g.max_tokens = PROMPT_MAX_TOKENS;
    g.stops = stops;
    g.time_limit_ms = k->o->time_limit_ms;
    g.ctx = s;
    g.on_done = on_done;
    return k->o->engine.submit(k->o->engine.ctx, &p, &g, &s->ticket, e);
}

/* Ask what the slot has to ask. */
static void ask(struct runner *k, struct slot *s)
{
    struct dobby_err why = {0};
    int rc;

    if (s->due > 0)
        trace_slot(k, s, "back off", s->since, 0);
    s->due = 0;
    s->since = time_now();
    if (k->rc < 0 || k->cancelled) {
        leave(k, s);
        return;
    }
    rc = submit(k, s, &why);
    if (rc > 0)
        fail_item(k, s, 0, "changed while it was read; left for the next run");
    else if (rc < 0)
        failed_try(k, s, rc, why.message);
}

static int stop_asked(const struct runner *k)
{
    return k->o->stop ? *k->o->stop : 0;
}

static void start_item(struct runner *k, struct slot *s)
{
    s->item = k->next_item++;
    s->attempt = s->tries = 0;
    s->n_prompt = s->n_written = 0;
    s->busy = true;
    k->n_busy++;
    if (earlier_of(k, s)) {
        s->txn = earlier_of(k, s)->txn;
        earlier_of(k, s)->txn = NULL;
    }
    strbuf_reset(&s->label);
    if (k->o->on_change)
        strbuf_puts(&s->label, k->o->source.label(k->o->source.ctx, s->item));
    ask(k, s);
}

static void fill_slots(struct runner *k)
{
    for (int i = 0; i < k->o->agents; i++)
        while (!k->slots[i].busy && k->next_item < k->o->n_items && k->rc == 0 &&
               stop_asked(k) == 0)
            start_item(k, &k->slots[i]);
}

/* Slots that wait to try again: those whose time has come do; all are left when the run is about to end. */
static void look_at_waiting(struct runner *k)
{
    double now = time_now();

    for (int i = 0; i < k->o->agents; i++) {
        struct slot *s = &k->slots[i];

        if (!s->busy || s->due <= 0)
            continue;
        if (k->rc < 0 || stop_asked(k) > 0)
            leave(k, s);
        else if (s->due <= now)
            ask(k, s);
    }
}

/* After a second stop, or a failure that ends the run. Answers still come, as cancelled ones. */
static void cancel_all(struct runner *k)
{
    if (k->cancelled)
        return;
    k->cancelled = true;
    for (int i = 0; i < k->o->agents; i++)
        if (k->slots[i].busy && k->slots[i].due <= 0)
            k->o->engine.cancel(k->o->engine.ctx, k->slots[i].ticket);
}

static void loop(struct runner *k)
{
    for (;;) {
        struct slot *s;

        look_at_waiting(k);
        fill_slots(k);
        if (k->n_busy == 0)
            return;
        if (k->rc < 0 || stop_asked(k) >= 2)
            cancel_all(k);
        s = wait_back(k);
        if (s && take_result(k, s))
            ask(k, s);
        tick(k);
    }
}

/* ---- the run ------------------------------------------------------------------------------------ */

static int set_up(struct runner *k)
{
    pthread_condattr_t attr;

    size_t n = k->o->n_items ? k->o->n_items : 1, agents = (size_t)k->o->agents;

    k->slots = mem_array(agents, sizeof(*k->slots));
    k->agents = mem_array(size_min(agents, RUN_AGENTS_SHOWN), sizeof(*k->agents));
    k->pending = mem_array(n, sizeof(*k->pending));
    k->failures = mem_array(n, sizeof(*k->failures));
    if (!k->slots || !k->agents || !k->pending || !k->failures || pthread_condattr_init(&attr) != 0)
        return err_nomem(k->e, "the agents");
    for (int i = 0; i < k->o->agents; i++) {
        k->slots[i].k = k;
        trace_row(k->o->trace, k->o->trace_group, i + 1, "slot %d", i + 1);
    }
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC); /* the clock of time_now() */
    pthread_mutex_init(&k->mutex, NULL);
    pthread_cond_init(&k->came, &attr);
    pthread_condattr_destroy(&attr);
    return 0;
}

static void dispose(struct runner *k)
{
    for (int i = 0; k->slots && i < k->o->agents; i++) {
        strbuf_release(&k->slots[i].label);
        strbuf_release(&k->slots[i].code);
        strbuf_release(&k->slots[i].context);
        strbuf_release(&k->slots[i].said);
        mem_free(k->slots[i].others);
        strbuf_release(&k->slots[i].text);
        strbuf_release(&k->slots[i].message);
        store_txn_free(k->slots[i].txn);
    }
    for (size_t i = 0; i < k->n_failures; i++)
        mem_free((char *)k->failures[i].why);
    mem_free(k->slots);
    mem_free(k->agents);
    mem_free(k->pending);
    mem_free(k->failures);
}

/* What was never asked, and what did not reach the disk, is left. */
static void count_rest(struct runner *k)
{
    count_committed(k);
    count_tokens(k);
    for (size_t i = k->first_pending; i < k->n_pending; i++)
        k->c->n_left += k->pending[i].n_units;
    for (size_t i = k->next_item; i < k->o->n_items; i++)
        k->c->n_left += k->o->items[i].n_same;
    if (k->rc < 0 || stop_asked(k) > 0) { /* nobody will ask a second model */
        k->c->n_left += k->c->n_deferred;
        k->c->n_deferred = 0;
    }
    k->c->n_running = 0;
    if (k->n_notes > MAX_NOTES && k->o->on_note) {
        char more[64];

        snprintf(more, sizeof(more), "%zu more notes of this kind", k->n_notes - MAX_NOTES);
        k->o->on_note(k->o->ctx, more);
    }
}

static void tell_failures(const struct runner *k)
{
    for (size_t i = 0; i < k->n_failures && k->o->on_failed; i++) {
        struct run_failure f = k->failures[i];

        if (!f.why)
            f.why = "the reason was lost: out of memory";
        k->o->on_failed(k->o->ctx, &f);
    }
}

int run_items(const struct run_options *o, struct run_counts *c, struct dobby_err *e)
{
    struct runner k = {.o = o, .c = c, .e = e};
    int rc;

    *c = (struct run_counts){0};
    rc = set_up(&k);
    if (rc < 0) {
        dispose(&k);
        return rc;
    }
    loop(&k);
    rc = o->store ? store_flush(o->store, e) : 0; /* also after a failure: what was done is kept */
    end_run(&k, rc);
    count_rest(&k);
    tell_failures(&k);
    pthread_cond_destroy(&k.came);
    pthread_mutex_destroy(&k.mutex);
    dispose(&k);
    if (k.rc < 0)
        return k.rc;
    if (c->n_left > 0)
        return err_set(e, DOBBY_E_CANCELLED,
                       "summarize: stopped with %zu units left; run it again to go on", c->n_left);
    if (c->n_failed > 0)
        return err_set(e, DOBBY_E_UNDONE, "summarize: %zu units are left undone; run it again",
                       c->n_failed);
    return 0;
}
