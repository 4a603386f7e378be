/* script_engine.c - see script_engine.h. */
#include "script_engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_ASKS 20000

struct script_ask {
    dobby_ticket ticket;
    struct dobby_generate g;
    struct script_answer answer;
    uint64_t hash; /* of the ids */
    size_t n_ids;
    bool open, cancelled;
};

static uint64_t hash_ids(const int32_t *ids, size_t n)
{
    uint64_t h = 1469598103934665603u;

    for (size_t i = 0; i < n; i++)
        h = (h ^ (uint32_t)ids[i]) * 1099511628211u;
    return h;
}

static uint32_t roll(struct script_engine *s)
{
    s->seed = s->seed * 1664525u + 1013904223u;
    return s->seed >> 8;
}

static int submit(void *ctx, const struct run_prompt *p, const struct dobby_generate *g,
                  dobby_ticket *out, struct dobby_err *e)
{
    struct script_engine *s = ctx;
    struct script_ask *a;
    int times = 0, rc = 0;

    pthread_mutex_lock(&s->mutex);
    if (s->n_asks == MAX_ASKS)
        abort();
    a = &s->asks[s->n_asks];
    *a = (struct script_ask){.g = *g, .hash = hash_ids(p->ids, p->n), .n_ids = p->n, .open = true};
    for (size_t i = 0; i < s->n_asks; i++)
        times += s->asks[i].hash == a->hash;
    a->answer = s->answer(s->ctx, p->ids, p->n, times);
    a->ticket = ++s->n_asks;
    s->n_submitted++;
    if (a->answer.refuse) {
        a->open = false;
        rc = err_set(e, a->answer.status, "script: refused");
    } else {
        *out = a->ticket;
        if (++s->n_open > s->most_in_flight)
            s->most_in_flight = s->n_open;
        pthread_cond_signal(&s->changed);
    }
    pthread_mutex_unlock(&s->mutex);
    return rc;
}

static void cancel(void *ctx, dobby_ticket t)
{
    struct script_engine *s = ctx;

    pthread_mutex_lock(&s->mutex);
    if (t > 0 && t <= s->n_asks && s->asks[t - 1].open && !s->asks[t - 1].cancelled) {
        s->asks[t - 1].cancelled = true;
        s->n_cancelled++;
        pthread_cond_signal(&s->changed);
    }
    pthread_mutex_unlock(&s->mutex);
}

/* One that may be answered now, by chance; NULL if there is none. */
static struct script_ask *pick(struct script_engine *s)
{
    size_t n = 0, skip;

    for (size_t i = 0; i < s->n_asks; i++)
        n += s->asks[i].open && (s->asks[i].cancelled || !s->hold);
    if (n == 0)
        return NULL;
    skip = roll(s) % n;
    for (size_t i = 0;; i++)
        if (s->asks[i].open && (s->asks[i].cancelled || !s->hold) && skip-- == 0)
            return &s->asks[i];
}

static void answer(const struct script_ask *a)
{
    static const float logprob[] = {-0.25f, -0.75f, -0.5f};
    static const int32_t ids[] = {1, 2, 3};
    int status = a->cancelled ? DOBBY_E_CANCELLED : a->answer.status;
    struct dobby_result r = {
        .ticket = a->ticket,
        .status = status,
        .message = status ? "script: failed" : "",
        .text = status ? "" : a->answer.text,
        .ids = ids,
        .logprob = logprob,
        .n_ids = status ? 0 : 3,
        .stop = status           ? ""
                : a->answer.stop ? a->answer.stop
                                 : "string",
        .n_prompt = a->n_ids,
    };

    r.len = strlen(r.text);
    a->g.on_done(a->g.ctx, &r);
}

static void *dispatcher(void *arg)
{
    struct script_engine *s = arg;

    pthread_mutex_lock(&s->mutex);
    for (;;) {
        struct script_ask *a = pick(s), copy;

        if (!a && s->closing)
            break;
        if (!a) {
            pthread_cond_wait(&s->changed, &s->mutex);
            continue;
        }
        a->open = false;
        s->n_open--;
        copy = *a;
        pthread_mutex_unlock(&s->mutex);
        if (s->delay_us)
            usleep((useconds_t)s->delay_us);
        answer(&copy);
        pthread_mutex_lock(&s->mutex);
    }
    pthread_mutex_unlock(&s->mutex);
    return NULL;
}

void script_start(struct script_engine *s)
{
    s->asks = calloc(MAX_ASKS, sizeof(*s->asks));
    assert_non_null(s->asks);
    s->n_asks = s->n_open = s->n_submitted = s->n_cancelled = s->most_in_flight = 0;
    s->closing = false;
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->changed, NULL);
    assert_int_equal(pthread_create(&s->thread, NULL, dispatcher, s), 0);
}

void script_end(struct script_engine *s)
{
    pthread_mutex_lock(&s->mutex);
    assert_int_equal(s->n_open, 0);
    s->closing = true;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->mutex);
    pthread_join(s->thread, NULL);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->mutex);
    free(s->asks);
    s->asks = NULL;
}

void script_hold(struct script_engine *s, int hold)
{
    pthread_mutex_lock(&s->mutex);
    s->hold = hold;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->mutex);
}

int script_held(struct script_engine *s)
{
    int hold;

    pthread_mutex_lock(&s->mutex);
    hold = s->hold;
    pthread_mutex_unlock(&s->mutex);
    return hold;
}

void script_forget(struct script_engine *s)
{
    pthread_mutex_lock(&s->mutex);
    assert_int_equal(s->n_open, 0);
    s->n_asks = 0;
    pthread_mutex_unlock(&s->mutex);
}

const struct dobby_generate *script_asked(const struct script_engine *s)
{
    return &s->asks[s->n_asks].g;
}

struct run_engine script_seam(struct script_engine *s)
{
    return (struct run_engine){s, submit, cancel, NULL, NULL};
}
