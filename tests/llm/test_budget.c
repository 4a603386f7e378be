/* test_budget.c - dobby_memory_plan: its arithmetic, and that an engine takes what was planned (src/llm/budget.c). */
#include "code/protocol.h" /* SANITIZED */
#include "llm/engine.h"
#include "llm/graph.h"
#include "support/models.h"
#include "support/test.h"

#include <malloc.h>
#include <string.h>

#define MIB ((size_t)1 << 20)

static struct dobby_model *head;

static int setup(void **state)
{
    struct dobby_model_options o;

    (void)state;
    DOBBY_INIT(o);
    o.head = 1;
    return dobby_model_open(&head, model_path(MODEL_SMOLLM2), &o, NULL);
}

static int teardown(void **state)
{
    (void)state;
    dobby_model_free(head);
    return 0;
}

static struct dobby_memory_options ask(size_t memory, int agents, size_t each)
{
    struct dobby_memory_options o;

    DOBBY_INIT(o);
    o.memory = memory;
    o.threads = 2;
    o.agents = agents;
    o.tokens_each = each;
    return o;
}

static struct dobby_memory plan(struct dobby_memory_options o)
{
    struct dobby_memory p;
    struct dobby_err e = {0};

    if (dobby_memory_plan(&p, head, &o, &e) < 0)
        fail_msg("%s", e.message);
    return p;
}

static size_t sum(const struct dobby_memory *p)
{
    return p->used + p->weights + p->scratch + p->kv + p->reserve;
}

static void test_generous(void **state)
{
    struct dobby_memory_options o = ask(4096 * MIB, 10, 1000);
    struct dobby_memory p;

    (void)state;
    o.shared = 401;
    p = plan(o);
    assert_int_equal(p.memory, 4096 * MIB);
    assert_int_equal(p.agents, 10);
    assert_int_equal(p.context, 1000);
    /* 63 blocks each of which 25 are shared; the shared ones twice */
    assert_int_equal(p.kv, (10 * (63 - 25) + 2 * 25) * 16 * 23040);
    assert_true(sum(&p) <= p.memory && sum(&p) <= p.enough && p.smallest < p.enough);
}

/* The longest sequences count, whatever their order, and only as many as there are agents. */
static void test_longest(void **state)
{
    const uint32_t tokens[] = {20, 1600, 16, 3000, 17, 160};
    struct dobby_memory_options o = ask(4096 * MIB, 3, 0);
    struct dobby_memory p;

    (void)state;
    o.tokens = tokens;
    o.n_tokens = 6;
    p = plan(o);
    assert_int_equal(p.kv, (188 + 100 + 10) * 16 * 23040);
    assert_int_equal(p.context, 3000);
    o.agents = 50; /* more agents than sequences */
    p = plan(o);
    assert_int_equal(p.kv, (188 + 100 + 10 + 2 + 2 + 1) * 16 * 23040);
    assert_int_equal(p.agents, 50);
}

static void test_kv_types(void **state)
{
    struct dobby_memory_options o = ask(4096 * MIB, 10, 1000);
    size_t f16 = plan(o).kv;

    (void)state;
    o.kv = DOBBY_KV_Q8;
    assert_in_range(plan(o).kv, f16 / 2, f16 * 6 / 10);
    o.kv = DOBBY_KV_F32;
    assert_int_equal(plan(o).kv, 2 * f16);
}

static void test_too_small(void **state)
{
    struct dobby_memory_options o = ask(40 * MIB, 10, 1000);
    struct dobby_memory p;
    struct dobby_err e = {0};
    unsigned said = 0;

    (void)state;
    assert_int_equal(dobby_memory_plan(&p, head, &o, &e), DOBBY_E_LIMIT);
    assert_non_null(strstr(e.message, "a bound of 40 MiB is too small"));
    assert_int_equal(sscanf(strstr(e.message, "the smallest that works is"),
                            "the smallest that works is %uM", &said),
                     1);
    assert_int_equal(said * MIB, p.smallest);
    o.memory = p.smallest;
    p = plan(o); /* and it works */
    assert_int_equal(p.agents, 1);
    assert_true(sum(&p) <= p.memory);
}

/* More memory never means fewer agents, and what is said to be enough is. */
static void test_fewer_agents(void **state)
{
    struct dobby_memory p = plan(ask(4096 * MIB, 20, 1000));
    int before = 1;

    (void)state;
    for (size_t memory = p.smallest; memory <= p.enough; memory += 8 * MIB) {
        struct dobby_memory q = plan(ask(memory, 20, 1000));

        assert_true(q.agents >= before && sum(&q) <= memory);
        before = q.agents;
    }
    assert_true(before >= 19);
    assert_int_equal(plan(ask(p.enough, 20, 1000)).agents, 20);
}

static void test_usage(void **state)
{
    struct dobby_memory_options o = ask(0, -1, 0);
    struct dobby_memory p;

    (void)state;
    assert_int_equal(dobby_memory_plan(&p, head, &o, NULL), DOBBY_E_USAGE);
    o = ask(0, 1, 0);
    o.kv = 9;
    assert_int_equal(dobby_memory_plan(&p, head, &o, NULL), DOBBY_E_USAGE);
    o = ask(0, 1, 0); /* auto, and the engine's own context */
    p = plan(o);
    assert_true(p.memory > 0);
    assert_int_equal(p.context, ENGINE_CONTEXT);
}

/* What the heap grew by when weights and engine were made. */
static void test_takes_what_was_planned(void **state)
{
    struct dobby_memory_options o = ask(4096 * MIB, 20, 500);
    struct dobby_memory p = plan(o);
    struct dobby_engine_options eo;
    struct dobby_engine *en;
    struct mallinfo2 a, b;
    size_t weights, engine;

    (void)state;
    assert_int_equal(p.agents, 20);
    a = mallinfo2();
    assert_int_equal(dobby_model_load(head, 2, NULL), 0);
    b = mallinfo2();
    weights = b.uordblks + b.hblkhd - a.uordblks - a.hblkhd;
    DOBBY_INIT(eo);
    eo.threads = 2;
    eo.agents = p.agents;
    eo.context = p.context;
    eo.kv_memory = p.kv;
    assert_int_equal(dobby_engine_open(&en, head, &eo, NULL), 0);
    a = mallinfo2();
    engine = a.uordblks + a.hblkhd - b.uordblks - b.hblkhd;
    if (!SANITIZED) { /* the tables of a head go when its weights come; an allocation of pages is rounded */
        assert_in_range(weights, p.weights - 4 * MIB, p.weights + 4 * MIB);
        assert_in_range(engine, (p.kv + p.scratch) * 9 / 10, p.kv + p.scratch);
    }
    dobby_engine_free(en);
    assert_int_equal(plan(o).weights, 0); /* they are among what is used now */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generous),
        cmocka_unit_test(test_longest),
        cmocka_unit_test(test_kv_types),
        cmocka_unit_test(test_too_small),
        cmocka_unit_test(test_fewer_agents),
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_takes_what_was_planned),
    };

    return cmocka_run_group_tests_name("llm/budget", tests, setup, teardown);
}
