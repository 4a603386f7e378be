/* test_engine_prefix.c - a beginning that many prompts share is read once, also when they all start at the same moment, and also
 * when the one that reads it ends half-way. On a tiny model; test_engine.c does it on a real one. */
#include "support/episode.h"
#include "support/test.h"
#include "support/tiny_model.h"

#include "base/fault.h"
#include "base/size.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGENTS 10
#define TAIL   39 /* tokens of its own */
#define WRITE  2
#define BEATS  60 /* tokens that the metronome writes */

static struct dobby_model *model;

static int setup(void **state)
{
    char *dir = temp_dir();

    (void)state;
    model = tiny_open(tiny_write(dir, &tiny_small), 0, NULL);
    temp_dir_remove(dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dobby_model_free(model);
    return 0;
}

struct group {
    struct episode_prompt prompts[AGENTS];
    struct dobby_engine *en;
    size_t prefix;
    int threads, chunk;
    atomic_uint_fast64_t reader; /* the ticket to cancel */
    unsigned beats, cancel_at;
};

struct answer {
    const struct episode_prompt *p;
    int status;
    bool same;
};

static void make_group(struct group *g)
{
    uint64_t random = 3;
    struct dobby_err e = {0};

    for (size_t k = 0; k < AGENTS; k++) {
        struct episode_prompt *p = &g->prompts[k];
        p->n = g->prefix + TAIL;
        p->ids = malloc(p->n * sizeof(*p->ids));
        assert_non_null(p->ids);
        for (size_t i = 0; i < g->prefix; i++)
            p->ids[i] = k ? g->prompts[0].ids[i] : (int32_t)(episode_draw(&random) % 256);
        for (size_t i = g->prefix; i < p->n; i++) /* no two tails begin alike */
            p->ids[i] = i == g->prefix ? (int32_t)k : (int32_t)(episode_draw(&random) % 256);
    }
    if (episode_learn(model, DOBBY_KV_F16, 256, g->prompts, AGENTS, &e) < 0)
        fail_msg("%s", e.message);
}

static void open_group(struct group *g)
{
    struct dobby_engine_options o;
    struct dobby_err e = {0};

    DOBBY_INIT(o);
    o.threads = g->threads;
    o.agents = AGENTS + 1;
    o.chunk = g->chunk;
    o.context = (int)g->prefix + TAIL + BEATS;
    if (dobby_engine_open(&g->en, model, &o, &e) < 0)
        fail_msg("%s", e.message);
}

static void on_done(void *ctx, const struct dobby_result *r)
{
    struct answer *a = ctx;
    a->status = r->status;
    a->same = r->status == 0 && episode_same(a->p, r, WRITE);
}

static void submit_all(struct group *g, struct answer *a)
{
    for (size_t k = 0; k < AGENTS; k++) {
        struct dobby_generate o;
        struct dobby_err e = {0};
        dobby_ticket t;
        a[k] = (struct answer){.p = &g->prompts[k], .status = 1};
        DOBBY_INIT(o);
        o.max_tokens = WRITE;
        o.ignore_eog = 1;
        o.ctx = &a[k];
        o.on_done = on_done;
        if (dobby_submit(g->en, a[k].p->ids, a[k].p->n, &o, &t, &e) < 0)
            fail_msg("%s", e.message);
        if (k == 0)
            atomic_store(&g->reader, t);
    }
}

/* Of these prompts all are done with the bits that they have alone, but for those that ended with `code`. */
static size_t count_done(const struct answer *a, int code)
{
    size_t n = 0;
    for (size_t k = 0; k < AGENTS; k++) {
        if (a[k].status == code)
            continue;
        assert_int_equal(a[k].status, 0);
        assert_true(a[k].same);
        n++;
    }
    return n;
}

/* Columns that the engine computed for prompts; `others` were for something else. */
static size_t prompt_columns(struct group *g, size_t n_done, size_t others)
{
    struct dobby_stats st;
    dobby_get_stats(g->en, &st);
    assert_int_equal(st.kv_blocks_used, 0);
    assert_int_equal(st.n_running + st.n_waiting + st.n_parked, 0);
    return st.n_columns - n_done * (WRITE - 1) - others;
}

static void test_ten_cold_starts(void **state)
{
    static const size_t prefixes[] = {401, 777};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct group g = {.prefix = prefixes[i]};
        make_group(&g);
        for (g.threads = 1; g.threads <= 3; g.threads++)
            for (g.chunk = 64; g.chunk <= 256; g.chunk *= 2) {
                struct answer a[AGENTS];
                size_t ideal = g.prefix + AGENTS * TAIL, asked = AGENTS * (g.prefix + TAIL);
                open_group(&g);
                submit_all(&g, a);
                dobby_drain(g.en);
                assert_int_equal(count_done(a, 1), AGENTS);
                size_t computed = prompt_columns(&g, AGENTS, 0);
                print_message("%zu shared, %d workers, chunk %d: %zu of %zu computed, ideal %zu\n",
                              g.prefix, g.threads, g.chunk, computed, asked, ideal);
                assert_true(computed >= ideal && computed <= ideal * 102 / 100);
                dobby_engine_free(g.en);
            }
        episode_forget(g.prompts, AGENTS);
    }
}

/* A column of the reader counts as infinite half-way: the next goes on from the blocks that are ready. */
static void test_reader_fails_half_way(void **state)
{
    struct group g = {.prefix = 401, .chunk = 64};

    (void)state;
    make_group(&g);
    for (g.threads = 1; g.threads <= 3; g.threads++)
        for (size_t at = 1; at <= 401; at += 80) {
            struct answer a[AGENTS];
            open_group(&g);
            fault_arm(FAULT_NUMERIC, at, false); /* all the others wait for the reader */
            submit_all(&g, a);
            dobby_drain(g.en);
            assert_true(fault_disarm(FAULT_NUMERIC));
            assert_int_equal(count_done(a, DOBBY_E_NUMERIC), AGENTS - 1);
            size_t computed = prompt_columns(&g, AGENTS - 1, 0),
                   ideal = g.prefix + (AGENTS - 1) * TAIL;
            print_message("%d workers, column %zu infinite: %zu computed, ideal %zu\n", g.threads,
                          at, computed, ideal);
            /* What is lost is the step in which it happened, and what others shared only in part. */
            assert_true(computed <= ideal + (size_t)g.chunk + ideal * 2 / 100);
            dobby_engine_free(g.en);
        }
    episode_forget(g.prompts, AGENTS);
}

/* A sequence of its own whose every token calls back between two steps. */
static void on_beat(void *ctx, size_t pos, const float *logits, size_t n)
{
    struct group *g = ctx;
    (void)pos;
    (void)logits;
    (void)n;
    if (++g->beats >= g->cancel_at)
        dobby_cancel(g->en, atomic_load(&g->reader)); /* 0 as long as there is none */
}

static void start_metronome(struct group *g)
{
    struct dobby_generate o;
    struct dobby_err e = {0};
    dobby_ticket t;
    int32_t id = 255;

    DOBBY_INIT(o);
    o.max_tokens = BEATS;
    o.ignore_eog = 1;
    o.ctx = g;
    o.on_logits = on_beat;
    if (dobby_submit(g->en, &id, 1, &o, &t, &e) < 0)
        fail_msg("%s", e.message);
}

/* The reader is cancelled between two steps, at a moment that varies with the workers' pace. */
static void test_reader_is_cancelled_half_way(void **state)
{
    struct group g = {.prefix = 777, .chunk = 64};
    size_t cancelled = 0;

    (void)state;
    make_group(&g);
    for (g.threads = 1; g.threads <= 3; g.threads++)
        for (g.cancel_at = 1; g.cancel_at <= 20; g.cancel_at += 4) {
            struct answer a[AGENTS];
            size_t n, computed, ideal;
            atomic_store(&g.reader, 0);
            g.beats = 0;
            open_group(&g);
            submit_all(&g, a);
            start_metronome(&g);
            dobby_drain(g.en);
            n = count_done(a, DOBBY_E_CANCELLED);
            assert_true(n >= AGENTS - 1);
            cancelled += AGENTS - n;
            computed = prompt_columns(&g, n, BEATS);
            ideal = g.prefix + AGENTS * TAIL;
            if (computed > ideal + (size_t)g.chunk + ideal * 2 / 100)
                fail_msg("%d workers, cancelled at beat %u: %zu computed, ideal %zu", g.threads,
                         g.cancel_at, computed, ideal);
            dobby_engine_free(g.en);
        }
    print_message("%zu readers were cancelled in time\n", cancelled);
    assert_true(cancelled > 0);
    episode_forget(g.prompts, AGENTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ten_cold_starts),
        cmocka_unit_test(test_reader_fails_half_way),
        cmocka_unit_test(test_reader_is_cancelled_half_way),
    };
    return cmocka_run_group_tests_name("engine_prefix", tests, setup, teardown);
}
