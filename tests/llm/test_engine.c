/* test_engine.c - many sequences at once on SmolLM2-135M: the same bits always, shared prefixes, cancels, limits. */
#include "base/fault.h"
#include "dobby.h"
#include "support/models.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct dobby_model *model;

static struct dobby_model *open_model(const char *isa)
{
    struct dobby_model_options o;
    struct dobby_model *m;
    struct dobby_err e = {0};
    DOBBY_INIT(o);
    o.isa = isa;
    if (dobby_model_open(&m, model_path(MODEL_SMOLLM2), &o, &e) < 0)
        fail_msg("%s", e.message);
    return m;
}

static int setup(void **state)
{
    (void)state;
    model = open_model(NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dobby_model_free(model);
    return 0;
}

struct config {
    int threads, agents, chunk;
    size_t kv_memory;
    int kv;
};

static struct dobby_engine *open_engine(struct dobby_model *m, struct config c)
{
    struct dobby_engine_options o;
    struct dobby_engine *en;
    struct dobby_err e = {0};
    DOBBY_INIT(o);
    o.threads = c.threads;
    o.agents = c.agents;
    o.chunk = c.chunk;
    o.kv_memory = c.kv_memory;
    o.kv = c.kv;
    o.context = 2048;
    if (dobby_engine_open(&en, m, &o, &e) < 0)
        fail_msg("%s", e.message);
    return en;
}

#define TOKENS 8

struct answer {
    int32_t ids[TOKENS];
    float logprob[TOKENS], margin[TOKENS];
    size_t n_ids, n_cached;
    int status, n_calls;
    char stop[8], text[256], streamed[256];
};

static void on_done(void *ctx, const struct dobby_result *r)
{
    struct answer *a = ctx;
    a->n_calls++;
    a->status = r->status;
    a->n_ids = r->n_ids;
    a->n_cached = r->n_cached;
    assert_true(r->n_ids <= TOKENS);
    memcpy(a->ids, r->ids, r->n_ids * sizeof(*r->ids));
    memcpy(a->logprob, r->logprob, r->n_ids * sizeof(float));
    memcpy(a->margin, r->margin, r->n_ids * sizeof(float));
    snprintf(a->stop, sizeof(a->stop), "%s", r->stop);
    snprintf(a->text, sizeof(a->text), "%s", r->text);
}

static int on_text(void *ctx, dobby_ticket t, const char *bytes, size_t len)
{
    struct answer *a = ctx;
    size_t at = strlen(a->streamed);
    (void)t;
    assert_true(at + len < sizeof(a->streamed));
    memcpy(a->streamed + at, bytes, len);
    a->streamed[at + len] = '\0';
    return 0;
}

static dobby_ticket submit(struct dobby_engine *en, const int32_t *ids, size_t n, struct answer *a,
                           int max_tokens)
{
    struct dobby_generate g;
    struct dobby_err e = {0};
    dobby_ticket t;
    DOBBY_INIT(g);
    g.max_tokens = max_tokens;
    g.ignore_eog = 1;
    g.ctx = a;
    g.on_done = on_done;
    if (dobby_submit(en, ids, n, &g, &t, &e) < 0)
        fail_msg("%s", e.message);
    return t;
}

/* Prompt i: a beginning that all share, then words of its own, of a length of its own. */
static int32_t *make_prompt(size_t i, size_t *n)
{
    char text[2048];
    int32_t *ids;
    struct dobby_err e = {0};
    int at = snprintf(text, sizeof(text),
                      "The following functions come from a small library that reads and writes "
                      "tables. Each is described "
                      "in one sentence that begins with a verb.\n\n");
    for (size_t k = 0; k <= i % 7; k++)
        at +=
            snprintf(text + at, sizeof(text) - (size_t)at,
                     "int read_%zu_%zu(struct table *t, int row) { return t->cell[row + %zu]; }\n",
                     i, k, i * k);
    if (dobby_tokenize(model, text, (size_t)at, 0, 0, &ids, n, &e) < 0)
        fail_msg("%s", e.message);
    return ids;
}

#define PROMPTS 9

static void run_all(struct dobby_model *m, struct config c, struct answer *out, size_t n_prompts)
{
    struct dobby_engine *en = open_engine(m, c);
    memset(out, 0, n_prompts * sizeof(*out));
    for (size_t i = 0; i < n_prompts; i++) {
        size_t n;
        int32_t *ids = make_prompt(i, &n);
        submit(en, ids, n, &out[i], TOKENS);
        dobby_free(ids);
    }
    dobby_drain(en);
    dobby_engine_free(en);
}

static void compare(const struct answer *want, const struct answer *got, size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(got[i].status, 0);
        assert_int_equal(got[i].n_calls, 1);
        if (got[i].n_ids != want[i].n_ids ||
            memcmp(got[i].ids, want[i].ids, sizeof(want[i].ids)) != 0 ||
            memcmp(got[i].logprob, want[i].logprob, sizeof(want[i].logprob)) != 0 ||
            memcmp(got[i].margin, want[i].margin, sizeof(want[i].margin)) != 0)
            fail_msg("%s: prompt %zu differs: '%s', expected '%s'", what, i, got[i].text,
                     want[i].text);
    }
}

static void test_same_bits(void **state)
{
    static const struct config configs[] = {
        {.threads = 2, .agents = 1, .chunk = 256},
        {.threads = 1, .agents = 10, .chunk = 128},
        {.threads = 3, .agents = 20, .chunk = 17},
        {.threads = 2, .agents = 5, .chunk = 1},
    };
    struct answer want[PROMPTS], got[PROMPTS];
    size_t n = getenv("DOBBY_TEST_SHORT") ? 4 : PROMPTS;

    (void)state;
    run_all(model, (struct config){.threads = 1, .agents = 1, .chunk = 256}, want, n);
    compare(want, want, n, "reference");
    for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
        char what[64];
        snprintf(what, sizeof(what), "%d threads, %d agents, chunk %d", configs[i].threads,
                 configs[i].agents, configs[i].chunk);
        run_all(model, configs[i], got, configs[i].chunk == 1 ? n / 3 : n);
        compare(want, got, configs[i].chunk == 1 ? n / 3 : n, what);
    }
}

static void test_same_bits_on_every_isa(void **state)
{
    static const char *const isas[] = {"scalar",     "avx2",    "avxvnni",
                                       "avx512vnni", "dotprod", "i8mm"};
    struct answer want[PROMPTS], got[PROMPTS];
    size_t n = getenv("DOBBY_TEST_SHORT") ? 1 : 2, tried = 0;

    (void)state;
    run_all(model, (struct config){.threads = 2, .agents = 3}, want, n);
    for (size_t i = getenv("DOBBY_TEST_SHORT") ? 1 : 0; i < sizeof(isas) / sizeof(isas[0]);
         i++) { /* scalar takes its time */
        struct dobby_model_options o;
        struct dobby_model *m;
        struct dobby_err e = {0};
        DOBBY_INIT(o);
        o.isa = isas[i];
        int rc = dobby_model_open(&m, model_path(MODEL_SMOLLM2), &o, &e);
        if (rc == DOBBY_E_UNAVAILABLE)
            continue; /* this machine lacks it, or its architecture does */
        assert_int_equal(rc, 0);
        run_all(m, (struct config){.threads = 2, .agents = 3}, got, n);
        compare(want, got, n, isas[i]);
        dobby_model_free(m);
        tried++;
    }
    print_message("%zu instruction sets compared\n", tried);
    assert_true(tried >= 1 || getenv("DOBBY_TEST_SHORT"));
}

/* Fifty agents at once, cold and then warm, in both types of the cache: each as alone. */
static void test_fifty_agents(void **state)
{
    enum { DIFFERENT = 3, COPIES = 17 };
    bool brief = getenv("DOBBY_TEST_SHORT") != NULL;
    int first = brief ? DOBBY_KV_Q8 : DOBBY_KV_F16;
    size_t n_all = brief ? DIFFERENT * 6 : DIFFERENT * COPIES;
    struct answer want[DIFFERENT], got[DIFFERENT * COPIES];
    int32_t *ids[DIFFERENT];
    size_t n[DIFFERENT];

    (void)state;
    for (size_t i = 0; i < DIFFERENT; i++)
        ids[i] = make_prompt(i, &n[i]);
    for (int kv = first; kv <= DOBBY_KV_Q8; kv++) {
        struct dobby_engine *en =
            open_engine(model, (struct config){.threads = 2, .agents = 50, .kv = kv});
        run_all(model, (struct config){.threads = 1, .agents = 1, .kv = kv}, want, DIFFERENT);
        for (int warm = 0; warm < 2; warm++) {
            size_t n_cached = 0;
            memset(got, 0, sizeof(got));
            for (size_t i = 0; i < n_all; i++)
                submit(en, ids[i % DIFFERENT], n[i % DIFFERENT], &got[i], TOKENS);
            dobby_drain(en);
            for (size_t i = 0; i < n_all; i++) {
                compare(&want[i % DIFFERENT], &got[i], 1, warm ? "fifty, warm" : "fifty, cold");
                n_cached += i < DIFFERENT ? got[i].n_cached : 0;
            }
            assert_true(!warm || n_cached > 0);
        }
        dobby_engine_free(en);
    }
    for (size_t i = 0; i < DIFFERENT; i++)
        dobby_free(ids[i]);
}

/* Ten agents that start at once compute a common beginning of `prefix` tokens once. */
static void cold_prefix(size_t prefix)
{
    enum { TAIL = 39 };
    struct answer a[10];
    struct dobby_engine *en = open_engine(model, (struct config){.threads = 2, .agents = 10});
    int32_t ids[1024];
    struct dobby_stats st;

    memset(a, 0, sizeof(a));
    for (size_t i = 0; i < prefix; i++)
        ids[i] = 300 + (int32_t)(i * 37 % 5000);
    for (int32_t k = 0; k < 10; k++) {
        for (int32_t i = 0; i < TAIL; i++)
            ids[prefix + (size_t)i] = 1000 + 500 * k + i;
        submit(en, ids, prefix + TAIL, &a[k], 2);
    }
    dobby_drain(en);
    for (size_t k = 0; k < 10; k++)
        assert_int_equal(a[k].status, 0);
    dobby_get_stats(en, &st);
    size_t computed = st.n_prompt_tokens - st.n_cached_tokens, ideal = prefix + 10 * TAIL;
    print_message("computed %zu of %zu prompt tokens, ideal %zu\n", computed,
                  (size_t)st.n_prompt_tokens, ideal);
    assert_true(computed <= ideal * 102 / 100);
    assert_int_equal(st.n_columns, computed + 10); /* and one written token each */
    assert_int_equal(st.kv_blocks_used, 0);
    dobby_engine_free(en);
}

static void test_cold_prefix_is_read_once(void **state)
{
    (void)state;
    cold_prefix(401);
    if (!getenv("DOBBY_TEST_SHORT")) /* test_engine_prefix.c has it in any case */
        cold_prefix(777);
}

/* KV memory for little more than one sequence: the others wait, cached blocks are evicted, texts stay the same. */
static void test_small_memory(void **state)
{
    struct answer want[6], got[6];
    struct dobby_model_info info;

    (void)state;
    dobby_model_get_info(model, &info);
    run_all(model, (struct config){.threads = 1, .agents = 1}, want, 6);
    run_all(model,
            (struct config){.threads = 2, .agents = 6, .kv_memory = 320 * info.kv_bytes_per_token},
            got, 6);
    compare(want, got, 6, "small memory");
}

static void test_stop_strings_and_streaming(void **state)
{
    char stop[5];
    const char *stops[] = {"never written", stop, NULL};
    struct dobby_engine *en = open_engine(model, (struct config){.threads = 2});
    struct answer plain = {0}, stopped = {0};
    struct dobby_generate g;
    struct dobby_err e = {0};
    dobby_ticket t;
    size_t n;
    int32_t *ids;

    (void)state;
    assert_int_equal(dobby_tokenize(model, "Once upon a time there was a king who lived in", 46, 0,
                                    0, &ids, &n, &e),
                     0);
    DOBBY_INIT(g);
    g.max_tokens = TOKENS;
    g.on_done = on_done;
    g.on_text = on_text;
    g.ctx = &plain;
    assert_int_equal(dobby_submit(en, ids, n, &g, &t, &e), 0);
    dobby_wait(en, t);
    assert_true(strlen(plain.text) > 20);
    memcpy(stop, plain.text + 11, 4); /* wherever that lies between the tokens */
    stop[4] = '\0';
    g.ctx = &stopped;
    g.stops = stops;
    assert_int_equal(dobby_submit(en, ids, n, &g, &t, &e), 0);
    dobby_wait(en, t);
    assert_string_equal(plain.text, plain.streamed);
    assert_string_equal(stopped.text, stopped.streamed);
    print_message("'%s' stops at '%s' as '%s'\n", plain.text, stop, stopped.text);
    *strstr(plain.text, stop) = '\0';
    assert_string_equal(stopped.stop, "string");
    assert_string_equal(stopped.text, plain.text);
    dobby_free(ids);
    dobby_engine_free(en);
}

static void test_refusals(void **state)
{
    struct dobby_engine *en =
        open_engine(model, (struct config){.threads = 1, .kv_memory = 64 * 23040});
    struct dobby_generate g;
    struct dobby_err e = {0};
    int32_t ids[100] = {0}, bad = 1 << 20;
    dobby_ticket t;

    (void)state;
    DOBBY_INIT(g);
    g.max_tokens = 8;
    assert_int_equal(dobby_submit(en, ids, 0, &g, &t, &e), DOBBY_E_USAGE);
    e.code = 0;
    assert_int_equal(dobby_submit(en, &bad, 1, &g, &t, &e), DOBBY_E_USAGE);
    e.code = 0;
    assert_int_equal(dobby_submit(en, ids, 60, &g, &t, &e),
                     DOBBY_E_LIMIT); /* more than the KV memory */
    assert_non_null(strstr(e.message, "KV memory"));
    e.code = 0;
    g.max_tokens = 1 << 20;
    assert_int_equal(dobby_submit(en, ids, 2, &g, &t, &e),
                     DOBBY_E_LIMIT); /* more than the context */
    /* A newer caller's struct: fine until it asks for something that is not known here. */
    struct {
        struct dobby_generate g;
        uint64_t more;
    } newer = {.g = {.size = sizeof(newer), .max_tokens = 2}, .more = 0};
    assert_int_equal(dobby_submit(en, ids, 2, &newer.g, &t, NULL), 0);
    newer.more = 1;
    e.code = 0;
    assert_int_equal(dobby_submit(en, ids, 2, &newer.g, &t, &e), DOBBY_E_USAGE);
    dobby_engine_free(en);
}

/* Random submits and cancels: every ticket gets exactly one final callback, and what is done has the same text as
 * alone. */
static void test_random_cancels(void **state)
{
    enum { ROUNDS = 40 };
    struct answer want[PROMPTS], got[ROUNDS];
    dobby_ticket ticket[ROUNDS];
    struct dobby_engine *en =
        open_engine(model, (struct config){.threads = 2, .agents = 8, .chunk = 48});
    struct dobby_stats st;
    size_t done = 0, cancelled = 0, rounds = getenv("DOBBY_TEST_SHORT") ? 20 : ROUNDS;

    (void)state;
    srand(4);
    run_all(model, (struct config){.threads = 2, .agents = 4}, want, PROMPTS);
    memset(got, 0, sizeof(got));
    for (size_t i = 0; i < rounds; i++) {
        size_t n;
        int32_t *ids = make_prompt(i % PROMPTS, &n);
        ticket[i] = submit(en, ids, n, &got[i], TOKENS);
        dobby_free(ids);
        if (rand() % 3 == 0)
            dobby_cancel(en, ticket[(size_t)rand() % (i + 1)]);
        if (rand() % 8 == 0)
            dobby_wait(en, ticket[(size_t)rand() % (i + 1)]);
        if (rand() % 25 == 0)
            dobby_drain(en);
    }
    dobby_cancel(en, 999999);
    dobby_drain(en);
    for (size_t i = 0; i < rounds; i++) {
        assert_int_equal(got[i].n_calls, 1);
        if (got[i].status == 0) {
            compare(&want[i % PROMPTS], &got[i], 1, "beside cancels");
            done++;
        } else {
            assert_int_equal(got[i].status, DOBBY_E_CANCELLED);
            cancelled++;
        }
    }
    dobby_get_stats(en, &st);
    print_message("%zu done, %zu cancelled\n", done, cancelled);
    assert_int_equal(st.n_done, done);
    assert_int_equal(st.n_cancelled, cancelled);
    assert_int_equal(st.n_running, 0);
    assert_int_equal(st.kv_blocks_used, 0);
    assert_true(done > 0 && cancelled > 0);
    dobby_engine_free(en);
}

/* Closing an engine with work in flight ends every ticket. */
static void test_free_in_flight(void **state)
{
    struct answer a[9];
    struct dobby_engine *en = open_engine(model, (struct config){.threads = 2, .agents = 4});
    (void)state;
    memset(a, 0, sizeof(a));
    for (size_t i = 0; i < 9; i++) {
        size_t n;
        int32_t *ids = make_prompt(i, &n);
        submit(en, ids, n, &a[i], TOKENS);
        dobby_free(ids);
    }
    dobby_engine_free(en);
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(a[i].n_calls, 1);
}

/* Submitting from a callback, as a pipeline does. */
struct chain {
    struct dobby_engine *en;
    int left;
};

static void on_done_submit(void *ctx, const struct dobby_result *r)
{
    struct chain *c = ctx;
    struct dobby_generate g;
    dobby_ticket t;
    int32_t ids[3] = {100, 200, 300 + c->left};

    assert_int_equal(r->status, 0);
    if (c->left-- == 0)
        return;
    DOBBY_INIT(g);
    g.max_tokens = 1;
    g.ctx = c;
    g.on_done = on_done_submit;
    assert_int_equal(dobby_submit(c->en, ids, 3, &g, &t, NULL), 0);
}

static void test_submit_from_callback(void **state)
{
    struct chain c = {open_engine(model, (struct config){.threads = 2}), 5};
    struct dobby_result first = {0};
    (void)state;
    on_done_submit(&c, &first);
    dobby_drain(c.en);
    assert_int_equal(c.left, -1);
    dobby_engine_free(c.en);
}

/* A callback that fails late: after more was written (it must not be called again), and after all was (the ticket must
 * not count as done). */
struct late {
    struct dobby_engine *en;
    size_t until; /* tokens written; SIZE_MAX: until it has come to its end */
    int n_calls, status;
    size_t len;
    char stop[8];
};

static int on_text_fail_late(void *ctx, dobby_ticket t, const char *bytes, size_t len)
{
    struct late *l = ctx;
    struct dobby_progress p;
    (void)bytes;
    (void)len;
    l->n_calls++;
    do {
        usleep(200);
        dobby_get_progress(l->en, t, &p);
    } while (p.state != DOBBY_ST_GONE && p.n_written < l->until);
    return DOBBY_E_IO;
}

static void on_done_late(void *ctx, const struct dobby_result *r)
{
    struct late *l = ctx;
    l->status = r->status;
    l->len = r->len + r->n_ids;
    snprintf(l->stop, sizeof(l->stop), "%s", r->stop);
}

static void test_callback_fails_late(void **state)
{
    struct dobby_engine *en = open_engine(model, (struct config){.threads = 2});
    const size_t until[] = {3, SIZE_MAX};
    struct dobby_stats st;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct late l = {.en = en, .until = until[i]};
        struct dobby_generate g;
        dobby_ticket t;
        int32_t ids[3] = {100, 200, 300};
        DOBBY_INIT(g);
        g.max_tokens = i ? 4 : 64;
        g.ignore_eog = 1;
        g.ctx = &l;
        g.on_text = on_text_fail_late;
        g.on_done = on_done_late;
        assert_int_equal(dobby_submit(en, ids, 3, &g, &t, NULL), 0);
        dobby_wait(en, t);
        assert_int_equal(l.status, DOBBY_E_IO);
        assert_int_equal(l.n_calls, 1);
        assert_int_equal(l.len, 0);
        assert_string_equal(l.stop,
                            ""); /* it failed; that it had come to its end is no longer true */
    }
    dobby_get_stats(en, &st);
    assert_int_equal(st.n_failed, 2);
    assert_int_equal(st.n_done, 0);
    dobby_engine_free(en);
}

/* Refuse the 1st, 2nd, 3rd ... allocation while an engine opens and takes a prompt: an error each time, no leak. */
static void test_out_of_memory(void **state)
{
    size_t n = 0, ids_n;
    int32_t *ids = make_prompt(0, &ids_n);
    bool hit;

    (void)state;
    do {
        struct dobby_engine_options o;
        struct dobby_engine *en = NULL;
        struct dobby_generate g;
        struct answer a = {0};
        struct dobby_err e = {0};
        dobby_ticket t;
        int rc;
        DOBBY_INIT(o);
        o.threads = 1;
        o.agents = 1;
        o.chunk = 16;
        o.context = 256;
        DOBBY_INIT(g);
        g.max_tokens = 1;
        g.ctx = &a;
        g.on_done = on_done;
        fault_count(true);
        fault_arm(FAULT_ALLOC, ++n, false);
        rc = dobby_engine_open(&en, model, &o, &e);
        if (rc == 0)
            rc = dobby_submit(en, ids, ids_n, &g, &t, &e);
        hit = fault_disarm(FAULT_ALLOC);
        assert_int_equal(rc, hit ? DOBBY_E_NOMEM : 0);
        dobby_engine_free(en);
        assert_int_equal(fault_live(), 0);
        fault_count(false);
    } while (hit);
    assert_true(n > 10);
    dobby_free(ids);
}

/* A worker thread that cannot be started: one is enough, none is an error. */
static void test_threads_that_cannot_start(void **state)
{
    (void)state;
    for (size_t k = 1; k <= 4; k++) {
        struct dobby_engine_options o;
        struct dobby_engine *en = NULL;
        struct dobby_err e = {0};
        struct answer a = {0};
        struct dobby_stats st;
        size_t n;
        int32_t *ids = make_prompt(0, &n);
        DOBBY_INIT(o);
        o.threads = 3;
        fault_arm(FAULT_THREAD, k, true);
        int rc = dobby_engine_open(&en, model, &o, &e);
        fault_disarm(FAULT_THREAD);
        if (k <= 2) { /* the dispatcher, or the first worker */
            assert_true(rc < 0);
            assert_non_null(strchr(e.message, ' '));
        } else {
            assert_int_equal(rc, 0);
            dobby_get_stats(en, &st);
            assert_int_equal(st.threads, (int)k - 2);
            submit(en, ids, n, &a, 2);
            dobby_drain(en);
            assert_int_equal(a.status, 0);
        }
        dobby_engine_free(en);
        dobby_free(ids);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_same_bits_on_every_isa),
        cmocka_unit_test(test_fifty_agents),
        cmocka_unit_test(test_cold_prefix_is_read_once),
        cmocka_unit_test(test_small_memory),
        cmocka_unit_test(test_stop_strings_and_streaming),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_random_cancels),
        cmocka_unit_test(test_free_in_flight),
        cmocka_unit_test(test_submit_from_callback),
        cmocka_unit_test(test_callback_fails_late),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_threads_that_cannot_start),
    };
    return cmocka_run_group_tests_name("engine", tests, setup, teardown);
}
