/* test_engine_same.c - the same bits whatever runs beside a prompt: all combinations, on a tiny model.
 * 1, 2, 10, 50 agents x 1, 2 workers x chunks of 1, 17, 128, 256 x cold and warm prefix cache x every type of the cache x
 * every instruction set of this machine, quiet and with cancels and infinite columns in between; each prompt against itself
 * alone with the scalar reference. And the logits of a long prompt, whose columns a team divides into blocks, with teams of
 * several sizes. test_engine.c does a selection on a real model. */
#include "support/episode.h"
#include "support/test.h"
#include "support/tiny_model.h"

#include "base/fault.h"
#include "base/size.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROMPTS  12
#define LONGEST  90
#define WRITE    5
#define KV_TYPES 3

static struct episode_prompt prompts[KV_TYPES][PROMPTS];

struct run {
    int kv, agents, threads, chunk;
    bool trouble;
};

struct answer {
    const struct episode_prompt *p;
    int status, n_calls;
    bool same;
    size_t n_cached;
};

static int setup(void **state)
{
    char *dir = temp_dir();
    struct dobby_model *m = tiny_open(tiny_write(dir, &tiny_small), 0, "scalar");

    (void)state;
    for (int kv = 0; kv < KV_TYPES; kv++) {
        struct dobby_err e = {0};
        episode_tree(prompts[kv], PROMPTS, LONGEST, 11);
        if (episode_learn(m, kv, 256, prompts[kv], PROMPTS, &e) < 0)
            fail_msg("%s", e.message);
    }
    dobby_model_free(m);
    temp_dir_remove(dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int kv = 0; kv < KV_TYPES; kv++)
        episode_forget(prompts[kv], PROMPTS);
    return 0;
}

static void on_done(void *ctx, const struct dobby_result *r)
{
    struct answer *a = ctx;
    a->status = r->status;
    a->n_calls++;
    a->same = r->status == 0 && episode_same(a->p, r, WRITE);
    a->n_cached += r->n_cached;
}

static dobby_ticket submit(struct dobby_engine *en, struct answer *a)
{
    struct dobby_generate g;
    struct dobby_err e = {0};
    dobby_ticket t;

    DOBBY_INIT(g);
    g.max_tokens = WRITE;
    g.ignore_eog = 1;
    g.ctx = a;
    g.on_done = on_done;
    if (dobby_submit(en, a->p->ids, a->p->n, &g, &t, &e) < 0)
        fail_msg("%s", e.message);
    return t;
}

/* All prompts at once; in trouble each has a twin that is cancelled sooner or later, and columns count as infinite: who is
 * hit by that is asked again, as a pipeline does. Returns tokens found in the cache. */
static size_t run_all(struct dobby_engine *en, const struct run *r, const char *what)
{
    struct answer a[PROMPTS] = {{0}}, twin[PROMPTS] = {{0}};
    dobby_ticket last = 0;
    size_t n_cached = 0;

    for (size_t i = 0; i < PROMPTS; i++) {
        a[i].p = &prompts[r->kv][i];
        twin[i].p = &prompts[r->kv][(i * 5 + 3) % PROMPTS];
        if (r->trouble) {
            fault_arm(FAULT_NUMERIC, 1 + (i * 37 + (size_t)r->chunk) % 60, false);
            dobby_cancel(en, last);
            last = submit(en, &twin[i]);
            if (i % 2)
                dobby_cancel(en, last);
        }
        submit(en, &a[i]);
    }
    dobby_drain(en);
    fault_disarm(FAULT_NUMERIC);
    for (size_t i = 0; i < PROMPTS; i++) {
        if (r->trouble && a[i].status == DOBBY_E_NUMERIC) {
            submit(en, &a[i]);
            dobby_drain(en);
        }
        if (a[i].status != 0 || !a[i].same || a[i].n_calls < 1)
            fail_msg("%s: kv %d, %d agents, %d workers, chunk %d%s: prompt %zu: status %d, %s",
                     what, r->kv, r->agents, r->threads, r->chunk, r->trouble ? ", in trouble" : "",
                     i, a[i].status, a[i].same ? "same bits" : "other bits");
        n_cached += a[i].n_cached;
    }
    return n_cached;
}

/* Cold, then warm. */
static void run_twice(struct dobby_model *m, const struct run *r, const char *what)
{
    struct dobby_engine_options o;
    struct dobby_engine *en;
    struct dobby_err e = {0};

    DOBBY_INIT(o);
    o.kv = r->kv;
    o.agents = r->agents;
    o.threads = r->threads;
    o.chunk = r->chunk;
    o.context = LONGEST + WRITE;
    if (dobby_engine_open(&en, m, &o, &e) < 0)
        fail_msg("%s", e.message);
    run_all(en, r, what);
    if (run_all(en, r, what) == 0)
        fail_msg("%s: nothing was in the cache the second time", what);
    dobby_engine_free(en);
}

static void all_runs(struct dobby_model *m, const char *isa)
{
    static const int agents[] = {1, 2, 10, 50}, chunks[] = {1, 17, 128, 256};
    size_t n = 0, every = getenv("DOBBY_TEST_SHORT") ? 2 : 1;
    struct run r = {0};

    for (r.kv = 0; r.kv < KV_TYPES; r.kv++)
        for (size_t a = 0; a < ARRAY_LEN(agents); a += every)
            for (size_t c = every - 1; c < ARRAY_LEN(chunks); c += every)
                for (r.threads = 1; r.threads <= 2; r.threads++)
                    for (int trouble = 0; trouble < 2; trouble++, n++) {
                        r.agents = agents[a];
                        r.chunk = chunks[c];
                        r.trouble = trouble;
                        run_twice(m, &r, isa);
                    }
    print_message("%s: %zu combinations, cold and warm\n", isa, n);
}

static void test_same_bits_in_all_combinations(void **state)
{
    static const char *const isas[] = {"scalar",     "avx2",    "avxvnni",
                                       "avx512vnni", "dotprod", "i8mm"};
    char *dir = temp_dir();
    const char *path = tiny_write(dir, &tiny_small);
    size_t tried = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(isas); i++) {
        struct dobby_model_options o;
        struct dobby_model *m;
        struct dobby_err e = {0};
        DOBBY_INIT(o);
        o.isa = isas[i];
        int rc = dobby_model_open(&m, path, &o, &e);
        if (rc == DOBBY_E_UNAVAILABLE)
            continue; /* this machine lacks it, or its architecture does */
        if (rc < 0)
            fail_msg("%s", e.message);
        all_runs(m, isas[i]);
        dobby_model_free(m);
        tried++;
    }
    assert_true(tried >= 1); /* scalar is everywhere */
    temp_dir_remove(dir);
}

/* ---- a long prompt, alone ------------------------------------------------------------------------------------ */

#define LONG_PROMPT 700
#define LOGITS_FROM 600
#define VOCAB       256 /* of the tiny model */

struct logits {
    float *v; /* [LONG_PROMPT - LOGITS_FROM][n_vocab] */
    size_t n_vocab, n;
    int status;
};

static void on_logits(void *ctx, size_t pos, const float *logits, size_t n_vocab)
{
    struct logits *l = ctx;

    if (pos < LOGITS_FROM || pos >= LONG_PROMPT || n_vocab > VOCAB)
        return; /* missed in n */
    memcpy(l->v + (pos - LOGITS_FROM) * VOCAB, logits, n_vocab * sizeof(*logits));
    l->n++;
}

static void on_end(void *ctx, const struct dobby_result *r)
{
    ((struct logits *)ctx)->status = r->status;
}

static void read_long(struct dobby_model *m, int kv, int threads, int chunk, struct logits *l)
{
    int32_t ids[LONG_PROMPT];
    struct dobby_engine_options o;
    struct dobby_generate g;
    struct dobby_engine *en;
    struct dobby_err e = {0};
    dobby_ticket t;

    for (int i = 0; i < LONG_PROMPT; i++)
        ids[i] = (i * i + 7 * i) % 251;
    DOBBY_INIT(o);
    o.kv = kv;
    o.agents = 1;
    o.threads = threads;
    o.chunk = chunk;
    o.context = LONG_PROMPT + WRITE;
    if (dobby_engine_open(&en, m, &o, &e) < 0)
        fail_msg("%s", e.message);
    DOBBY_INIT(g);
    g.max_tokens = 1;
    g.ignore_eog = 1;
    g.ctx = l;
    g.on_done = on_end;
    g.on_logits = on_logits;
    g.logits_from = LOGITS_FROM;
    l->n = 0;
    l->status = 1;
    memset(l->v, 0, (LONG_PROMPT - LOGITS_FROM) * VOCAB * sizeof(*l->v));
    if (dobby_submit(en, ids, LONG_PROMPT, &g, &t, &e) < 0)
        fail_msg("%s", e.message);
    dobby_drain(en);
    dobby_engine_free(en);
    assert_int_equal(l->status, 0);
    assert_int_equal(l->n, LONG_PROMPT - LOGITS_FROM);
}

static void test_a_team_divides_a_long_prompt(void **state)
{
    static const int threads[] = {2, 3, 5}, chunks[] = {100, 256, 512};
    size_t bytes = (LONG_PROMPT - LOGITS_FROM) * VOCAB * sizeof(float);
    struct logits alone = {.v = test_malloc(bytes)}, team = {.v = test_malloc(bytes)};
    char *dir = temp_dir();
    struct dobby_model *m = tiny_open(tiny_write(dir, &tiny_small), 0, NULL);

    (void)state;
    for (int kv = 0; kv < KV_TYPES; kv++) {
        read_long(m, kv, 1, 17, &alone);
        for (size_t t = 0; t < ARRAY_LEN(threads); t++)
            for (size_t c = 0; c < ARRAY_LEN(chunks); c++) {
                read_long(m, kv, threads[t], chunks[c], &team);
                if (memcmp(alone.v, team.v, bytes) != 0)
                    fail_msg("kv %d, %d workers, chunk %d: other logits", kv, threads[t],
                             chunks[c]);
            }
    }
    dobby_model_free(m);
    test_free(alone.v);
    test_free(team.v);
    temp_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits_in_all_combinations),
        cmocka_unit_test(test_a_team_divides_a_long_prompt),
    };
    return cmocka_run_group_tests_name("engine_same", tests, setup, teardown);
}
