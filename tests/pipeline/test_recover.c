/* test_recover.c - whole runs with SmolLM2-135M under faults: numbers that are not finite, memory that is refused, threads that
 * cannot start, a time limit that nothing meets. A fault costs tries, at worst it leaves units undone with a reason; it
 * never changes a text. This program is its own parser worker. */
#include "support/models.h"
#include "support/test.h"

#include "base/fault.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "dobby.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define N_UNITS 3

/* A fault that begins with a stage of the run. */
struct fault {
    const char *stage; /* NULL: none */
    enum fault_class kind;
    size_t nth;
    bool sticky;
};

struct fix {
    char *dir;
    const char *tree;
    struct dobby_summarize o;
    struct dobby_summary_stats st;
    struct dobby_err e;
    struct fault fault;
    struct strbuf rows, undone;
    char *want; /* the rows of a run without faults, and the columns that it computed */
    size_t n_columns;
};

static int on_row(void *ctx, const struct dobby_row *row)
{
    struct fix *f = ctx;
    char *line = row->start_line > 0 ? dobby_row_json(row) : NULL;

    if (row->start_line == 0) /* files and directories: test_tree.c */
        return 0;
    assert_non_null(line);
    strbuf_puts(&f->rows, line);
    dobby_free(line);
    return 0;
}

static void on_event(void *ctx, const struct dobby_event *ev)
{
    struct fix *f = ctx;

    if (ev->kind == DOBBY_EV_FAILED)
        strbuf_printf(&f->undone, "%s: %s\n", ev->text, ev->failure);
    if (ev->kind == DOBBY_EV_STAGE && f->fault.stage && strcmp(ev->text, f->fault.stage) == 0)
        fault_arm(f->fault.kind, f->fault.nth, f->fault.sticky);
}

/* A run over a store with nothing in it (`fresh`), or with what the last run left there. */
static int run(struct fix *f, bool fresh, struct fault fault)
{
    int rc;

    if (fresh) {
        (void)unlink(temp_path(f->tree, ".dobby/dobby.db"));
        (void)unlink(temp_path(f->tree, ".dobby/dobby.db-wal"));
        (void)unlink(temp_path(f->tree, ".dobby/dobby.db-shm"));
    }
    f->fault = fault;
    f->e = (struct dobby_err){0};
    strbuf_reset(&f->rows);
    strbuf_reset(&f->undone);
    rc = dobby_summarize_tree(&f->o, &f->st, &f->e);
    if (rc == 0 || rc == DOBBY_E_UNDONE)
        assert_int_equal(f->st.n_done + f->st.n_cached + f->st.n_failed, N_UNITS);
    return rc;
}

/* The next run does what is left, and then all is as if there had been no fault. */
static void expect_whole(struct fix *f)
{
    struct fault none = {0};

    if (run(f, false, none) != 0)
        fail_msg("%s", f->e.message);
    assert_string_equal(strbuf_str(&f->rows), f->want);
    assert_int_equal(f->undone.len, 0);
}

static int setup(void **state)
{
    static const char code[] = "int add(int a, int b)\n{\n    return a + b;\n}\n\n"
                               "int clamp(int x, int low, int high)\n{\n    if (x < low)\n"
                               "        return low;\n    return x > high ? high : x;\n}\n\n"
                               "int parse_digit(char c)\n{\n    if (c < '0' || c > '9')\n"
                               "        return -1;\n    return c - '0';\n}\n";
    static char tree[4096];
    struct fix *f = calloc(1, sizeof(*f));
    struct fault none = {0};

    assert_non_null(f);
    f->dir = temp_dir();
    snprintf(tree, sizeof(tree), "%s", temp_path(f->dir, "tree"));
    f->tree = tree;
    assert_int_equal(mkdir(tree, 0755), 0);
    assert_int_equal(mkdir(temp_path(tree, ".dobby"), 0755), 0);
    put_file(temp_path(tree, "a.c"), code, strlen(code));
    DOBBY_INIT(f->o);
    f->o.path = f->tree;
    f->o.model_path = model_path(MODEL_SMOLLM2);
    f->o.cache_dir = f->dir;
    f->o.worker_path = "/proc/self/exe";
    f->o.agents = 3;
    f->o.threads = 2;
    f->o.ctx = f;
    f->o.on_event = on_event;
    f->o.on_row = on_row;
    if (run(f, true, none) != 0)
        fail_msg("%s", f->e.message);
    f->want = mem_strdup(strbuf_str(&f->rows));
    assert_non_null(f->want);
    f->n_columns = f->st.engine.n_columns;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fix *f = *state;

    strbuf_release(&f->rows);
    strbuf_release(&f->undone);
    mem_free(f->want);
    temp_dir_remove(f->dir);
    free(f);
    return 0;
}

static void test_stats_are_of_the_engine(void **state)
{
    struct fix *f = *state;
    const struct dobby_stats *en = &f->st.engine;

    assert_int_equal(f->st.agents, 3);
    assert_true(en->n_done >= N_UNITS && en->n_done == en->n_submitted);
    assert_int_equal(en->n_prompt_tokens, f->st.n_tokens_read);
    assert_int_equal(en->latency_ms.n, en->n_done);
    assert_true(en->kv_blocks_total > 0 && en->step_ms.n == en->n_steps && en->n_steps > 0);
}

/* One column's numbers are infinite: in the prompt that all share, in a text, in the last step. */
static void test_numbers_that_are_not_finite(void **state)
{
    struct fix *f = *state;
    const size_t nth[] = {f->n_columns / 2, 1, f->n_columns * 9 / 10};

    for (size_t i = 0; i < (getenv("DOBBY_TEST_SHORT") ? 1 : 3); i++) {
        assert_int_equal(run(f, true, (struct fault){"summarize", FAULT_NUMERIC, nth[i], false}),
                         0);
        assert_true(fault_disarm(FAULT_NUMERIC));
        assert_int_equal(f->st.engine.n_failed, 1);
        assert_string_equal(strbuf_str(&f->rows), f->want);
    }
}

static void test_numbers_that_are_never_finite(void **state)
{
    struct fix *f = *state;

    assert_int_equal(run(f, true, (struct fault){"summarize", FAULT_NUMERIC, 1, true}),
                     DOBBY_E_UNDONE);
    assert_true(fault_disarm(FAULT_NUMERIC));
    assert_int_equal(f->st.n_failed, N_UNITS);
    assert_int_equal(f->rows.len, 0);
    assert_non_null(strstr(strbuf_str(&f->undone), "a.c: add: the model's numbers are not finite"));
    expect_whole(f);
}

static void test_memory_that_is_refused(void **state)
{
    static const size_t nth[] = {1, 9, 40, 110};
    struct fix *f = *state;
    size_t n = getenv("DOBBY_TEST_SHORT") ? 2 : sizeof(nth) / sizeof(nth[0]);

    for (size_t i = 0; i < n; i++) {
        int rc = run(f, true, (struct fault){"summarize", FAULT_ALLOC, nth[i], false});

        assert_true(fault_disarm(FAULT_ALLOC));
        if (rc != 0 && rc != DOBBY_E_NOMEM)
            fail_msg("allocation %zu: code %d: %s", nth[i], rc, f->e.message);
        assert_true(rc == 0 || nth[i] < 9); /* before the first question */
        if (rc != 0)
            expect_whole(f);
        assert_string_equal(strbuf_str(&f->rows), f->want);
    }
}

/* Fewer threads than were asked for do; without one of a kind the run says so, and the next one goes on. */
static void test_threads_that_cannot_start(void **state)
{
    struct fix *f = *state;
    size_t n_failed = 0;

    for (size_t nth = 1; nth <= 4; nth++) {
        int rc = run(f, true, (struct fault){"load", FAULT_THREAD, nth, true});

        (void)fault_disarm(FAULT_THREAD);
        if (rc != 0) {
            assert_non_null(strchr(f->e.message, ' '));
            assert_int_equal(f->rows.len, 0);
            n_failed++;
            expect_whole(f);
        }
        assert_string_equal(strbuf_str(&f->rows), f->want);
    }
    assert_in_range(n_failed, 1, 3);
}

/* A limit that nothing meets leaves all undone, and never a text that was cut short. */
static void test_time_limit(void **state)
{
    struct fix *f = *state;

    f->o.time_limit_ms = 1;
    assert_int_equal(run(f, true, (struct fault){0}), DOBBY_E_UNDONE);
    assert_int_equal(f->st.n_failed, N_UNITS);
    assert_int_equal(f->rows.len, 0);
    assert_non_null(strstr(strbuf_str(&f->undone), "a.c: clamp: no end after 1 ms"));
    f->o.time_limit_ms = -1;
    assert_int_equal(run(f, false, (struct fault){0}), DOBBY_E_USAGE);
    f->o.time_limit_ms = 0;
    expect_whole(f);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stats_are_of_the_engine),
        cmocka_unit_test(test_numbers_that_are_not_finite),
        cmocka_unit_test(test_numbers_that_are_never_finite),
        cmocka_unit_test(test_memory_that_is_refused),
        cmocka_unit_test(test_threads_that_cannot_start),
        cmocka_unit_test(test_time_limit),
    };

    if (argc > 1 && strcmp(argv[1], "--parse-worker") == 0)
        return dobby_parse_worker();
    return cmocka_run_group_tests_name("recover", tests, setup, teardown);
}
