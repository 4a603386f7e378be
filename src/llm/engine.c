/* engine.c - many sequences on one model: admission, steps, results (llm).
 *
 * A worker thread per core owns some live sequences and steps alone over the shared weights, with no barrier
 * between workers. When fewer sequences live than there are workers, or there are too few columns to be worth a
 * pass over the weights for each core, all workers form one team that steps all sequences together, rows of each
 * matrix divided (graph.h). Both give the same bits, so the choice may depend on time.
 *
 *     submit -> waiting --admit--> live (a worker's list) --sampled to the end--> ended -> dispatcher -> on_done
 *                          \-> parked (its prefix is being read by another) --/
 *
 * The mutex `lock` guards everything here but a running step's scratch. It is never held during a step or a
 * callback. Order: none, it is the only one. A worker looks after its own list between steps ("boundary"):
 * new sequences reach it through its inbox, so a list never changes under a step.
 * Next: sequence.h, kv.h, graph.h. */
#include "llm/engine.h"
#include "base/fault.h"
#include "base/histogram.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/size.h"
#include "base/thread.h"
#include "base/trace.h"
#include "llm/batch.h"
#include "llm/pace.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MIN_COLUMNS      16 /* a core's own pass over the weights pays from about this many columns on */
#define WORTH_WAITING    4    /* tokens of a block in common with one that is being computed */
#define USUAL_POSITION   1024 /* of a prompt's tokens: what a step of `chunk` columns is meant for */
#define TOKENS_PER_AGENT 2048 /* KV memory when nothing is said */

struct worker {
    struct engine *en;
    unsigned index;
    pthread_t thread;
    struct graph *graph;
    struct batch batch;
    struct pace pace;                /* of its own steps */
    struct sequence **live, **inbox; /* [agents] each */
    size_t n_live, n_inbox;
    unsigned gang_seen; /* number of the last team step it took part in */
};

struct engine {
    struct dobby_engine base; /* what callers hold */
    struct dobby_model *m;
    size_t agents, chunk, context;
    int kv_type;
    unsigned n_workers, n_started;
    struct worker *workers;
    float *rope;
    struct graph *team_graph;
    struct team team;
    struct pace team_pace;
    int step_ms; /* 0: no bound */

    pthread_mutex_t lock;
    pthread_cond_t work; /* something changed for the workers */
    pthread_cond_t told; /* the dispatcher has something to do */
    pthread_cond_t gone; /* a sequence's final callback has returned */
    struct kv_pool kv;
    struct sequence *all, *waiting, *parked, *tell, **tell_end;
    size_t n_running; /* live and parked */
    dobby_ticket next_ticket;
    unsigned n_idle; /* workers that wait */
    bool gang;       /* a team steps now; its leader builds and applies */
    unsigned gang_no, gang_leader;
    atomic_bool gang_go; /* read by members after the team's barrier */
    const struct step *gang_step;
    bool closing;
    pthread_t dispatcher;
    bool dispatcher_started;
    struct dobby_stats stats;
    unsigned char *slot_used; /* [agents] */
    struct dobby_trace *trace;
    int lane_cores, lane_agents; /* groups of the trace */
};

/* ---- the dispatcher --------------------------------------------------------------------------------------- */

static void tell(struct engine *en, struct sequence *s)
{
    if (s->queued)
        return;
    s->queued = true;
    s->next = NULL;
    *en->tell_end = s;
    en->tell_end = &s->next;
    pthread_cond_signal(&en->told);
}

static struct dobby_result result_of(const struct sequence *s)
{
    bool done = s->status == 0;

    return (struct dobby_result){
        .ticket = s->ticket,
        .status = s->status,
        .message = s->err.message,
        .text = done ? s->text : "",
        .len = done ? s->len : 0,
        .ids = s->ids + s->n_prompt,
        .logprob = s->logprob,
        .margin = s->margin,
        .n_ids = done ? s->n_out : 0,
        .sum_logprob = done ? s->sum_logprob : 0,
        .stop = done ? s->stop_reason : "",
        .n_prompt = s->n_prompt,
        .n_cached = s->n_cached,
        .ms_queued = 1e3 * ((s->t_admit > 0 ? s->t_admit : s->t_end) - s->t_submit),
        .ms_prompt = s->t_first > 0 ? 1e3 * (s->t_first - s->t_admit) : 0,
        .ms_total = 1e3 * (s->t_end - s->t_submit),
    };
}

static void forget(struct engine *en, struct sequence *s)
{
    if (s->all_prev)
        s->all_prev->all_next = s->all_next;
    else
        en->all = s->all_next;
    if (s->all_next)
        s->all_next->all_prev = s->all_prev;
    sequence_free(s);
    pthread_cond_broadcast(&en->gone);
}

/* What came of it, for the counts; a callback may have turned a success into a failure at the last moment. */
static void count_end(struct engine *en, const struct sequence *s)
{
    if (s->status == 0)
        en->stats.n_done++;
    else if (s->status == DOBBY_E_CANCELLED)
        en->stats.n_cancelled++;
    else
        en->stats.n_failed++;
    if (s->t_admit <= 0)
        return;
    histogram_add(&en->stats.queued_ms, 1e3 * (s->t_admit - s->t_submit));
    if (s->t_first > 0)
        histogram_add(&en->stats.first_token_ms, 1e3 * (s->t_first - s->t_admit));
    if (s->status == 0)
        histogram_add(&en->stats.latency_ms, 1e3 * (s->t_end - s->t_admit));
}

/* Called with the lock held; lets it go around callbacks. Text buffers never move, and bytes below `safe` never
 * change, so they are read without the lock. */
static void tell_one(struct engine *en, struct sequence *s)
{
    size_t from = s->told, to = s->safe;
    bool ended = s->ended, deaf = s->abort != 0; /* told to end: it hears no more */
    int rc = 0;

    s->queued = false;
    s->told = size_max(from, to);
    pthread_mutex_unlock(&en->lock);
    if (s->opt.on_text && to > from && !deaf)
        rc = s->opt.on_text(s->opt.ctx, s->ticket, s->text + from, to - from);
    pthread_mutex_lock(&en->lock);
    if (rc != 0 && s->abort == 0 && s->status == 0) {
        s->abort = engine_callback_code(rc);
        if (s->ended) /* before, or while the callback ran */
            s->status = err_set(&s->err, s->abort, "ended by its callback");
    }
    if (!ended)
        return;
    count_end(en, s);
    pthread_mutex_unlock(&en->lock);
    if (s->opt.on_done) {
        struct dobby_result r = result_of(s);
        s->opt.on_done(s->opt.ctx, &r);
    }
    pthread_mutex_lock(&en->lock);
    forget(en, s);
}

static void *dispatcher_main(void *arg)
{
    struct engine *en = arg;

    pthread_mutex_lock(&en->lock);
    for (;;) {
        while (!en->tell && !(en->closing && !en->all))
            pthread_cond_wait(&en->told, &en->lock);
        if (!en->tell)
            break;
        struct sequence *s = en->tell;
        en->tell = s->next;
        if (!en->tell)
            en->tell_end = &en->tell;
        tell_one(en, s);
    }
    pthread_mutex_unlock(&en->lock);
    return NULL;
}

/* ---- the life of a sequence: all with the lock held --------------------------------------------------------- */

static void drop_blocks(struct engine *en, struct sequence *s)
{
    for (size_t i = s->n_blocks; i-- > 0;)
        kv_drop(&en->kv, s->blocks[i]);
    s->n_blocks = 0;
}

static void end_sequence(struct engine *en, struct sequence *s)
{
    s->ended = true;
    s->t_end = time_now();
    tell(en, s);
}

/* Its time as an agent: waiting for its beginning, reading, writing. */
static void trace_agent(struct engine *en, const struct sequence *s)
{
    double settled = s->t_settled > 0 ? s->t_settled : s->t_end,
           first = s->t_first > 0 ? s->t_first : s->t_end;
    int group = en->lane_agents;

    if (!en->trace)
        return;
    if (settled - s->t_admit > 1e-6)
        trace_span(en->trace, group, s->slot, "wait", s->t_admit, settled, "\"ticket\":%llu",
                   (unsigned long long)s->ticket);
    if (s->t_settled > 0)
        trace_span(en->trace, group, s->slot, "read", settled, first,
                   "\"ticket\":%llu,\"prompt\":%zu,\"cached\":%zu,\"queued_ms\":%.1f",
                   (unsigned long long)s->ticket, s->n_prompt, s->n_cached,
                   1e3 * (s->t_admit - s->t_submit));
    if (s->t_first > 0)
        trace_span(en->trace, group, s->slot, "write", first, s->t_end,
                   "\"ticket\":%llu,\"written\":%zu,\"status\":%d", (unsigned long long)s->ticket,
                   s->n_out, s->status);
}

static void end_running(struct engine *en, struct sequence *s)
{
    drop_blocks(en, s);
    en->n_running--;
    en->slot_used[s->slot] = 0;
    end_sequence(en, s);
    trace_agent(en, s);
}

/* Prompt tokens that may come from the cache: one at least stays to be computed, and all from which logits are wanted. */
static size_t shareable(const struct sequence *s)
{
    return size_min(s->n_prompt - 1, s->opt.on_logits ? s->opt.logits_from : s->n_prompt - 1);
}

static uint32_t last_shared(const struct sequence *s)
{
    return s->n_shared ? s->blocks[s->n_shared - 1] : KV_NONE;
}

/* Share what is ready of the prompt's full blocks, from block n_shared on. With `reserved` a block stands in each place
 * and is given back for the shared one. False when it pays to wait: the next block, or a good part of it, is
 * being computed by another sequence. */
static bool match_prefix(struct engine *en, struct sequence *s, bool reserved)
{
    size_t limit = shareable(s), at, common, pending;

    for (; (s->n_shared + 1) * KV_TOKENS <= limit; s->n_shared++) {
        uint32_t b = kv_find(&en->kv, last_shared(s), s->ids + s->n_shared * KV_TOKENS);
        if (b == KV_NONE)
            break;
        if (!kv_is_ready(&en->kv, b))
            return false;
        kv_pin(&en->kv, b);
        if (reserved)
            kv_drop(&en->kv, s->blocks[s->n_shared]);
        s->blocks[s->n_shared] = b;
    }
    at = s->n_shared * KV_TOKENS;
    if (at >= limit)
        return true;
    (void)kv_find_partial(&en->kv, last_shared(s), s->ids + at, size_min(limit - at, KV_TOKENS),
                          &common, &pending);
    return pending < common + WORTH_WAITING;
}

/* The prefix is settled: copy the common part of the next block, announce the blocks that this sequence will fill. */
static void settle_prefix(struct engine *en, struct sequence *s)
{
    size_t limit = shareable(s), at = s->n_shared * KV_TOKENS, common = 0, pending;
    uint32_t parent = last_shared(s), near = KV_NONE;

    if (at < limit)
        near = kv_find_partial(&en->kv, parent, s->ids + at, size_min(limit - at, KV_TOKENS),
                               &common, &pending);
    if (near != KV_NONE)
        memcpy(en->kv.base + s->blocks[s->n_shared] * en->kv.block_bytes,
               en->kv.base + near * en->kv.block_bytes, en->kv.block_bytes);
    s->pos = s->n_cached = at + common;
    s->n_published = s->n_shared;
    while ((s->n_published + 1) * KV_TOKENS <= s->n_prompt) {
        const int32_t *ids = s->ids + s->n_published * KV_TOKENS;
        if (kv_find(&en->kv, parent, ids) != KV_NONE)
            break; /* it is there, but this sequence computes its own: logits are wanted */
        kv_publish(&en->kv, parent, ids, s->blocks[s->n_published]);
        parent = s->blocks[s->n_published++];
    }
    en->stats.n_cached_tokens += s->n_cached;
    en->stats.n_prefix_hits += s->n_cached > 0;
    s->t_settled = time_now();
}

static void give_to_worker(struct engine *en, struct sequence *s)
{
    struct worker *best = &en->workers[0];
    for (unsigned i = 1; i < en->n_started; i++)
        if (en->workers[i].n_live + en->workers[i].n_inbox < best->n_live + best->n_inbox)
            best = &en->workers[i];
    best->inbox[best->n_inbox++] = s;
}

/* It was told to end, or its time is over. What is complete stays so. */
static bool over(struct sequence *s)
{
    if (!s->ended && !s->abort && s->opt.time_limit_ms > 0 &&
        time_now() - s->t_admit > 1e-3 * s->opt.time_limit_ms)
        s->abort = DOBBY_E_TIME;
    return s->abort != 0;
}

/* Try parked sequences again; what they wait for may be ready or gone. */
static bool unpark(struct engine *en)
{
    bool any = false;
    for (struct sequence **at = &en->parked; *at;) {
        struct sequence *s = *at;
        if (!over(s) && !match_prefix(en, s, true)) {
            at = &s->next;
            continue;
        }
        *at = s->next;
        any = true;
        en->stats.n_parked--;
        if (s->abort) {
            sequence_abort(s);
            end_running(en, s);
            continue;
        }
        settle_prefix(en, s);
        give_to_worker(en, s);
    }
    return any;
}

/* Take what it shares and reserve the worst case of the rest; false and nothing taken when there is not enough. What is
 * shared comes first, lest the reservation evicts it. */
static bool reserve(struct engine *en, struct sequence *s, bool *settled)
{
    *settled = match_prefix(en, s, false);
    if (kv_take(&en->kv, s->n_blocks - s->n_shared, s->blocks + s->n_shared))
        return true;
    while (s->n_shared > 0)
        kv_drop(&en->kv, s->blocks[--s->n_shared]);
    return false;
}

/* Start what fits: agents and the worst case of its KV blocks. In order; nobody overtakes one that waits for memory. */
static bool admit(struct engine *en)
{
    bool any = false;
    while (en->waiting && en->n_running < en->agents) {
        struct sequence *s = en->waiting;
        bool settled;
        if (!reserve(en, s, &settled))
            break;
        en->waiting = s->next;
        en->stats.n_waiting--;
        en->n_running++;
        s->t_admit = time_now();
        while (en->slot_used[s->slot])
            s->slot++;
        en->slot_used[s->slot] = 1;
        any = true;
        if (settled) {
            settle_prefix(en, s);
            give_to_worker(en, s);
        } else {
            struct sequence **end = &en->parked; /* who came first goes on first */
            while (*end)
                end = &(*end)->next;
            s->next = NULL;
            *end = s;
            en->stats.n_parked++;
        }
    }
    return any;
}

static void take_inbox(struct worker *w)
{
    for (size_t i = 0; i < w->n_inbox; i++)
        w->live[w->n_live++] = w->inbox[i];
    w->n_inbox = 0;
}

/* End what was cancelled or has come to its end; keep the order of the others. */
static void sweep(struct worker *w)
{
    size_t kept = 0;
    for (size_t i = 0; i < w->n_live; i++) {
        struct sequence *s = w->live[i];
        if (over(s))
            sequence_abort(s);
        if (s->ended)
            end_running(w->en, s);
        else
            w->live[kept++] = s;
    }
    w->n_live = kept;
}

/* ---- steps ---------------------------------------------------------------------------------------------------- */

/* The next step of the workers from..to-1, alone or as a team. */
static void fill_step(struct engine *en, struct batch *b, struct worker *from, struct worker *to,
                      const struct pace *pace)
{
    double token = batch_token_cost(en->m), cost;

    /* A full step is one of prompts of usual length: columns far into a long one cost several times as much, and a quarter of
     * a step of them would keep everybody else waiting. */
    cost =
        (double)en->chunk * (token + ATTENTION_COST * USUAL_POSITION * batch_position_cost(en->m));
    if (en->step_ms > 0)
        cost = fmin(cost, pace_cost(pace, en->step_ms, MIN_COLUMNS * token));
    batch_begin(b, en->kv.base, en->kv.block_bytes, en->kv_type);
    for (struct worker *w = from; w < to; w++)
        batch_add(b, w->live, w->n_live);
    batch_fill(b, en->m, en->chunk, cost);
}

/* Callbacks that look at logits run here, before anybody changes the sequence. */
static void show_logits(struct engine *en, const struct batch *b)
{
    for (size_t i = 0; i < b->step.n_outs; i++) {
        const struct output *o = &b->outs[i];
        const struct sequence *s = b->seq_of_out[i];
        if (!o->logits)
            continue;
        for (size_t k = 0; k < b->step.n_segs; k++)
            if (b->seq_of_seg[k] == s)
                s->opt.on_logits(s->opt.ctx, b->segs[k].pos + o->col - b->segs[k].col, o->logits,
                                 en->m->n_vocab);
    }
}

/* Take a step's results into its sequences; with the lock. */
static void apply_step(struct engine *en, struct batch *b)
{
    const struct step *st = &b->step;

    en->stats.n_steps++;
    en->stats.n_columns += st->n_cols;
    for (size_t k = 0; k < st->n_segs; k++) {
        struct sequence *s = b->seq_of_seg[k];
        s->pos += st->segs[k].n;
        for (size_t i = 0; i < st->segs[k].n; i++)
            if (atomic_load_explicit(&st->bad[st->segs[k].col + i], memory_order_relaxed) ||
                fault_hit(FAULT_NUMERIC))
                sequence_fail(s, DOBBY_E_NUMERIC,
                              "the model's numbers are not finite: damaged weights, or a prompt "
                              "that overflows them");
        for (size_t n = s->n_shared;
             !s->ended && n < s->n_published && (n + 1) * KV_TOKENS <= s->pos; n++)
            if (!kv_is_ready(&en->kv, s->blocks[n]))
                kv_ready(&en->kv, s->blocks[n]);
    }
    for (size_t i = 0; i < st->n_outs; i++) {
        struct sequence *s = b->seq_of_out[i];
        if (s->ended || s->abort || s->pos != s->n_ids ||
            (i + 1 < st->n_outs && b->seq_of_out[i + 1] == s))
            continue; /* only the last output of a sequence that has read all it has is sampled, and none that
                       * was told to end meanwhile: its callback may have failed, and must not see it done */
        if (s->t_first <= 0)
            s->t_first = time_now();
        if (st->outs[i].id < 0) {
            sequence_fail(s, DOBBY_E_NUMERIC,
                          "the model's logits are not numbers: damaged weights");
            continue;
        }
        en->stats.n_written_tokens++;
        sequence_accept(s, en->m, st->outs[i].id, st->outs[i].logprob, st->outs[i].margin);
        if (s->opt.on_text && s->safe > s->told)
            tell(en, s);
    }
}

/* What stands between steps: cancels, ends, new sequences. Wakes the others if there is something for them. */
static void boundary(struct worker *w)
{
    struct engine *en = w->en;
    bool news;

    take_inbox(w);
    sweep(w);
    news = unpark(en);
    news |= admit(en);
    take_inbox(w);
    if (news)
        pthread_cond_broadcast(&en->work);
}

/* A worker without work gets half of this one's sequences. */
static void share_out(struct worker *w)
{
    struct engine *en = w->en;
    for (unsigned i = 0; i < en->n_started && w->n_live > 1; i++) {
        struct worker *o = &en->workers[i];
        if (o == w || o->n_live + o->n_inbox > 0)
            continue;
        for (size_t n = w->n_live / 2; n > 0; n--)
            o->inbox[o->n_inbox++] = w->live[--w->n_live];
        pthread_cond_broadcast(&en->work);
    }
}

static bool team_is_better(const struct engine *en)
{
    size_t live = 0, cols = 0;

    for (unsigned k = 0; k < en->n_started; k++) {
        const struct worker *w = &en->workers[k];
        live += w->n_live + w->n_inbox;
        for (size_t i = 0; i < w->n_live; i++)
            cols += size_min(w->live[i]->n_ids - w->live[i]->pos, en->chunk);
        for (size_t i = 0; i < w->n_inbox; i++)
            cols += size_min(w->inbox[i]->n_ids - w->inbox[i]->pos, en->chunk);
    }
    return en->n_started > 1 && live > 0 &&
           (live < en->n_started || cols < MIN_COLUMNS * en->n_started);
}

/* Run what fill_step has prepared, as a team's leader or alone; the lock is let go meanwhile. */
static void run_step(struct worker *w, struct team *team)
{
    struct engine *en = w->en;
    const struct step *st = &w->batch.step;
    double start = time_now(), end;

    pthread_mutex_unlock(&en->lock);
    graph_step(team ? en->team_graph : w->graph, st, team, 0);
    end = time_now();
    show_logits(en, &w->batch);
    trace_span(en->trace, en->lane_cores, (int)w->index, team ? "team step" : "step", start, end,
               "\"columns\":%zu,\"sequences\":%zu,\"sampled\":%zu", st->n_cols, st->n_segs,
               st->n_outs);
    pthread_mutex_lock(&en->lock);
    histogram_add(&en->stats.step_ms, 1e3 * (end - start));
    histogram_add(&en->stats.step_columns, (double)st->n_cols);
    en->stats.n_team_steps += team != NULL;
    pace_learn(team ? &en->team_pace : &w->pace, w->batch.cost, 1e3 * (end - start));
    apply_step(en, &w->batch);
}

/* All other workers wait: step everybody's sequences with them until single steps are better again. */
static void lead_team(struct worker *w)
{
    struct engine *en = w->en;

    en->gang = true;
    en->gang_leader = w->index;
    en->team.n = en->n_started;
    atomic_store_explicit(&en->gang_go, true, memory_order_relaxed);
    for (bool first = true;; first = false) {
        for (unsigned i = 0; i < en->n_started; i++) {
            take_inbox(&en->workers[i]);
            sweep(&en->workers[i]);
        }
        unpark(en);
        admit(en);
        bool go = team_is_better(en);
        for (unsigned i = 0; i < en->n_started; i++)
            take_inbox(&en->workers[i]);
        if (first && !go) { /* what was here a moment ago was cancelled */
            en->gang = false;
            break;
        }
        if (go) {
            fill_step(en, &w->batch, en->workers, en->workers + en->n_started, &en->team_pace);
            en->gang_step = &w->batch.step;
        }
        if (first) {
            en->gang_no++;
            pthread_cond_broadcast(&en->work);
        } else {
            atomic_store_explicit(&en->gang_go, go, memory_order_relaxed);
            if (!go)
                en->gang = false;
            team_wait(
                &en->team); /* members read gang_go after this; they spin meanwhile and take no lock */
        }
        if (!go)
            break;
        run_step(w, &en->team);
    }
    w->gang_seen = en->gang_no;
    pthread_cond_broadcast(&en->work);
}

/* A member's side of lead_team; called and left with the lock held. */
static void join_team(struct worker *w)
{
    struct engine *en = w->en;
    unsigned rank = (w->index + en->n_started - en->gang_leader) % en->n_started;

    w->gang_seen = en->gang_no;
    pthread_mutex_unlock(&en->lock);
    do {
        double start = time_now();
        graph_step(en->team_graph, en->gang_step, &en->team, rank);
        trace_span(en->trace, en->lane_cores, (int)w->index, "team step", start, time_now(),
                   "\"rank\":%u", rank);
        team_wait(&en->team);
    } while (atomic_load_explicit(&en->gang_go, memory_order_relaxed));
    pthread_mutex_lock(&en->lock);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct engine *en = w->en;

    pthread_mutex_lock(&en->lock);
    for (;;) {
        if (!en->gang) {
            boundary(w);
            if (en->closing && en->n_running == 0 && !en->waiting)
                break;
            if (team_is_better(en)) {
                if (en->n_idle == en->n_started - 1) {
                    lead_team(w);
                    continue;
                }
            } else if (w->n_live > 0) {
                share_out(w);
                fill_step(en, &w->batch, w, w + 1, &w->pace);
                run_step(w, NULL);
                continue;
            }
        }
        en->n_idle++;
        pthread_cond_wait(&en->work, &en->lock);
        en->n_idle--;
        if (en->gang && w->gang_seen != en->gang_no)
            join_team(w);
    }
    pthread_cond_broadcast(&en->work);
    pthread_mutex_unlock(&en->lock);
    return NULL;
}

/* ---- opening and closing --------------------------------------------------------------------------------------- */

static int worker_init(struct engine *en, unsigned i, struct dobby_err *e)
{
    struct worker *w = &en->workers[i];
    w->en = en;
    w->index = i;
    w->live = mem_array(en->agents, sizeof(struct sequence *));
    w->inbox = mem_array(en->agents, sizeof(struct sequence *));
    if (!w->live || !w->inbox || batch_init(&w->batch, en->chunk, en->agents) < 0)
        return err_nomem(e, "a worker");
    return graph_new(&w->graph, en->m, en->rope, en->chunk, en->context, 1, e);
}

static void worker_release(struct worker *w)
{
    graph_free(w->graph);
    mem_free(w->live);
    mem_free(w->inbox);
    batch_release(&w->batch);
}

size_t engine_scratch(const struct dobby_model *m, size_t threads, size_t agents, size_t chunk,
                      size_t context, size_t n_blocks)
{
    const size_t column = 128, agent = 32 << 10, node = 128; /* more than each of them takes */
    size_t worker = graph_bytes(m, chunk, context, 1) + column * chunk + 64 * agents;
    size_t team =
        threads > 1 ? graph_bytes(m, chunk, context, (unsigned)threads) : 0; /* else unused */

    return threads * worker + team + context * m->head_dim * sizeof(float) + agents * agent +
           n_blocks * node;
}

static int set_up(struct engine *en, const struct dobby_engine_options *o, struct dobby_err *e)
{
    struct dobby_model *m = en->m;
    size_t block, tokens, n_blocks;
    int rc, threads = o->threads > 0 ? o->threads : thread_cpus();

    if (!m->weights)
        return err_set(
            e, DOBBY_E_USAGE,
            "an engine needs the model's weights, and this is its head; load them first");
    if (o->threads < 0 || o->threads > TEAM_MAX || o->agents < 0 || o->agents > 65536 ||
        o->chunk < 0 || o->chunk > 65536 || o->context < 0 || o->step_ms < 0)
        return err_set(
            e, DOBBY_E_USAGE,
            "engine options out of range: threads 0..%d, agents 0..65536, chunk 0..65536",
            TEAM_MAX);
    if (o->kv != DOBBY_KV_F16 && o->kv != DOBBY_KV_Q8 && o->kv != DOBBY_KV_F32)
        return err_set(e, DOBBY_E_USAGE, "KV type %d is not known: f16, q8 and f32 are", o->kv);
    en->agents = o->agents > 0 ? (size_t)o->agents : ENGINE_AGENTS;
    en->chunk = o->chunk > 0 ? (size_t)o->chunk : ENGINE_CHUNK;
    en->context = o->context > 0 ? (size_t)o->context : size_min(m->n_ctx_train, ENGINE_CONTEXT);
    en->step_ms = o->step_ms;
    en->kv_type = m->exact ? DOBBY_KV_F32 : o->kv;
    en->n_workers = (unsigned)threads;
    block = graph_kv_block(m, en->kv_type);
    tokens = size_max(en->agents * size_min(TOKENS_PER_AGENT, en->context), en->context);
    n_blocks = o->kv_memory ? o->kv_memory / block : (tokens + KV_TOKENS - 1) / KV_TOKENS;
    if (n_blocks == 0)
        return err_set(e, DOBBY_E_LIMIT,
                       "KV memory: %zu bytes are less than one block of %zu; give more",
                       o->kv_memory, block);
    if ((rc = kv_pool_init(&en->kv, n_blocks, block, e)) < 0)
        return rc;
    en->rope = mem_array(en->context * m->head_dim, sizeof(float));
    en->workers = mem_array(en->n_workers, sizeof(*en->workers));
    en->slot_used = mem_zalloc(en->agents);
    if (!en->rope || !en->workers || !en->slot_used)
        return err_nomem(e, "an engine");
    model_rope_table(m, en->context, en->rope);
    for (unsigned i = 0; i < en->n_workers; i++)
        if ((rc = worker_init(en, i, e)) < 0)
            return rc;
    return graph_new(&en->team_graph, m, en->rope, en->chunk, en->context, en->n_workers, e);
}

static void name_lanes(struct engine *en)
{
    if (!en->trace)
        return;
    en->lane_cores = trace_group(en->trace, "cores");
    en->lane_agents = trace_group(en->trace, "agents");
    for (unsigned i = 0; i < en->n_started; i++)
        trace_row(en->trace, en->lane_cores, (int)i, "core %u", i);
    for (size_t i = 0; i < en->agents; i++)
        trace_row(en->trace, en->lane_agents, (int)i, "agent %zu", i + 1);
}

/* Fewer workers than asked for are no failure as long as there is one. The lock is held meanwhile, so that no
 * worker counts its fellows before they are all there. */
static int start(struct engine *en, struct dobby_err *e)
{
    struct dobby_err why = {0};
    int rc = thread_start(&en->dispatcher, "dobby-tell", dispatcher_main, en, e);

    if (rc < 0)
        return rc;
    en->dispatcher_started = true;
    pthread_mutex_lock(&en->lock);
    for (; en->n_started < en->n_workers; en->n_started++) {
        char name[16];
        snprintf(name, sizeof(name), "dobby-core%u", en->n_started % 1000);
        rc = thread_start(&en->workers[en->n_started].thread, name, worker_main,
                          &en->workers[en->n_started], &why);
        if (rc < 0)
            break;
    }
    /* With more members than processors the one that all wait for may be the one that does not run. */
    en->team.spins = en->n_started <= (unsigned)thread_cpus() ? TEAM_SPINS : 0;
    pthread_mutex_unlock(&en->lock);
    if (en->n_started == 0)
        return err_set(e, rc, "%s", why.message);
    if (rc < 0)
        log_msg(LOG_WARN, "only %u of %u workers could be started: %s", en->n_started,
                en->n_workers, why.message);
    return 0;
}

static void cancel_one(struct engine *en, struct sequence *s)
{
    if (s->ended || s->abort)
        return;
    s->abort = DOBBY_E_CANCELLED;
    for (struct sequence **at = &en->waiting; *at; at = &(*at)->next)
        if (*at == s) {
            *at = s->next;
            en->stats.n_waiting--;
            sequence_abort(s);
            s->n_blocks = 0; /* none were taken */
            end_sequence(en, s);
            return;
        }
    pthread_cond_broadcast(&en->work);
}

static void engine_free(struct dobby_engine *base)
{
    struct engine *en = (struct engine *)base;

    pthread_mutex_lock(&en->lock);
    en->closing = true;
    for (struct sequence *s = en->all, *next; s; s = next) {
        next = s->all_next;
        cancel_one(en, s);
    }
    pthread_cond_broadcast(&en->work);
    pthread_cond_broadcast(&en->told);
    pthread_mutex_unlock(&en->lock);
    for (unsigned i = 0; i < en->n_started; i++)
        pthread_join(en->workers[i].thread, NULL);
    pthread_mutex_lock(
        &en->lock); /* workers are gone: the dispatcher may be asleep on the last news */
    pthread_cond_broadcast(&en->told);
    pthread_mutex_unlock(&en->lock);
    if (en->dispatcher_started)
        pthread_join(en->dispatcher, NULL);
    for (unsigned i = 0; en->workers && i < en->n_workers; i++)
        worker_release(&en->workers[i]);
    graph_free(en->team_graph);
    kv_pool_release(&en->kv);
    mem_free(en->workers);
    mem_free(en->slot_used);
    mem_free(en->rope);
    pthread_mutex_destroy(&en->lock);
    pthread_cond_destroy(&en->work);
    pthread_cond_destroy(&en->told);
    pthread_cond_destroy(&en->gone);
    mem_free(en);
}

/* ---- what callers do --------------------------------------------------------------------------------------------- */

static int check_prompt(const struct engine *en, const int32_t *ids, size_t n,
                        const struct dobby_generate *g, struct dobby_err *e)
{
    size_t tokens = (size_t)g->max_tokens;

    if (n == 0)
        return err_set(e, DOBBY_E_USAGE, "the prompt is empty; a model needs at least one token");
    if (n > en->context || tokens > en->context - n)
        return err_set(e, DOBBY_E_LIMIT,
                       "prompt of %zu tokens and %zu to write: the context is %zu tokens; shorten "
                       "it or raise the context",
                       n, tokens, en->context);
    if ((n + tokens + KV_TOKENS - 1) / KV_TOKENS > en->kv.n_blocks)
        return err_set(e, DOBBY_E_LIMIT,
                       "prompt of %zu tokens and %zu to write: the KV memory holds %zu tokens; "
                       "give more memory",
                       n, tokens, en->kv.n_blocks * KV_TOKENS);
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= en->m->n_vocab)
            return err_set(e, DOBBY_E_USAGE,
                           "token %zu of the prompt is %d: the vocabulary ends at %zu", i, ids[i],
                           en->m->n_vocab);
    return 0;
}

static int submit_ids(struct engine *en, const int32_t *ids, size_t n,
                      const struct dobby_generate *g, dobby_ticket *out, struct dobby_err *e)
{
    struct sequence *s, **at;
    int rc = check_prompt(en, ids, n, g, e);

    if (rc == 0)
        rc = sequence_new(&s, en->m, ids, n, g, e);
    if (rc < 0)
        return rc;
    s->t_submit = time_now();
    pthread_mutex_lock(&en->lock);
    if (en->closing) {
        pthread_mutex_unlock(&en->lock);
        sequence_free(s);
        return err_set(e, DOBBY_E_CANCELLED, "the engine is closing");
    }
    s->ticket = ++en->next_ticket;
    *out = s->ticket;
    s->all_next = en->all;
    if (en->all)
        en->all->all_prev = s;
    en->all = s;
    for (at = &en->waiting; *at && (*at)->opt.order <= s->opt.order; at = &(*at)->next)
        ;
    s->next = *at;
    *at = s;
    en->stats.n_submitted++;
    en->stats.n_waiting++;
    en->stats.n_prompt_tokens += n;
    pthread_cond_broadcast(&en->work);
    pthread_mutex_unlock(&en->lock);
    return 0;
}

static int submit(struct dobby_engine *base, const struct engine_prompt *p,
                  const struct dobby_generate *g, dobby_ticket *out, struct dobby_err *e)
{
    struct engine *en = (struct engine *)base;
    int32_t *ids = NULL;
    size_t n;
    int rc;

    if (p->ids)
        return submit_ids(en, p->ids, p->n_ids, g, out, e);
    rc = p->msg ? dobby_chat_tokens(en->m, p->msg, p->n_msg, &ids, &n, e)
                : dobby_tokenize(en->m, p->text, p->len, 0, 1, &ids, &n, e);
    if (rc == 0)
        rc = submit_ids(en, ids, n, g, out, e);
    dobby_free(ids);
    return rc;
}

static struct sequence *find_ticket(const struct engine *en, dobby_ticket t)
{
    struct sequence *s = en->all;
    while (s && s->ticket != t)
        s = s->all_next;
    return s;
}

static void cancel(struct dobby_engine *base, dobby_ticket t)
{
    struct engine *en = (struct engine *)base;

    pthread_mutex_lock(&en->lock);
    struct sequence *s = find_ticket(en, t);
    if (s)
        cancel_one(en, s);
    pthread_mutex_unlock(&en->lock);
}

static void wait_for(struct dobby_engine *base, dobby_ticket t)
{
    struct engine *en = (struct engine *)base;

    pthread_mutex_lock(&en->lock);
    while (t ? find_ticket(en, t) != NULL : en->all != NULL)
        pthread_cond_wait(&en->gone, &en->lock);
    pthread_mutex_unlock(&en->lock);
}

static void get_stats(struct dobby_engine *base, struct dobby_stats *out)
{
    struct engine *en = (struct engine *)base;

    pthread_mutex_lock(&en->lock);
    *out = en->stats;
    out->n_running = en->n_running;
    out->kv_blocks_cached = en->kv.n_idle;
    out->kv_blocks_peak = en->kv.n_blocks - en->kv.n_untouched;
    out->kv_blocks_used = en->kv.n_blocks - en->kv.n_free - en->kv.n_idle;
    pthread_mutex_unlock(&en->lock);
}

static bool is_parked(const struct engine *en, const struct sequence *s)
{
    const struct sequence *at = en->parked;
    while (at && at != s)
        at = at->next;
    return at != NULL;
}

static void get_progress(struct dobby_engine *base, dobby_ticket t, struct dobby_progress *out)
{
    struct engine *en = (struct engine *)base;
    const struct sequence *s;

    pthread_mutex_lock(&en->lock);
    s = find_ticket(en, t);
    if (s && !s->ended) {
        out->state = s->t_admit <= 0    ? DOBBY_ST_WAITING
                     : s->t_first > 0   ? DOBBY_ST_WRITING
                     : is_parked(en, s) ? DOBBY_ST_PARKED
                                        : DOBBY_ST_READING;
        out->n_prompt = s->n_prompt;
        out->n_read = size_min(s->pos, s->n_prompt);
        out->n_written = s->n_out;
        out->ms = 1e3 * (time_now() - (s->t_admit > 0 ? s->t_admit : s->t_submit));
    }
    pthread_mutex_unlock(&en->lock);
}

static const char *model_name(const struct dobby_engine *base)
{
    return ((const struct engine *)base)->m->title;
}

static const struct engine_ops ops = {submit,       cancel,     wait_for,   get_stats,
                                      get_progress, model_name, engine_free};

int dobby_engine_open(struct dobby_engine **out, struct dobby_model *m,
                      const struct dobby_engine_options *o, struct dobby_err *e)
{
    struct dobby_engine_options opt;
    struct engine *en;
    int rc = options_take(&opt, sizeof(opt), o, "engine", e);

    *out = NULL;
    if (rc < 0)
        return rc;
    en = mem_zalloc(sizeof(*en));
    if (!en)
        return err_nomem(e, "an engine");
    en->base.ops = &ops;
    en->m = m;
    en->trace = opt.trace;
    en->tell_end = &en->tell;
    pthread_mutex_init(&en->lock, NULL);
    pthread_cond_init(&en->work, NULL);
    pthread_cond_init(&en->told, NULL);
    pthread_cond_init(&en->gone, NULL);
    rc = set_up(en, &opt, e);
    if (rc == 0)
        rc = start(en, e);
    if (rc < 0) {
        engine_free(&en->base);
        return rc;
    }
    name_lanes(en);
    en->stats.kv_block_bytes = en->kv.block_bytes;
    en->stats.threads = (int)en->n_started;
    en->stats.kv_blocks_total = en->kv.n_blocks;
    *out = &en->base;
    return 0;
}
