/* test_batchrun.c - many prompts through an engine that a test writes the lines of: order, window, tries, ends. */
#include "support/test.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/size.h"
#include "base/thread.h"
#include "cli/batchrun.h"
#include "cli/sig.h"
#include "llm/engine.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the engine --------------------------------------------------------------------------------- */

#define FLYING_MAX 256

/* A prompt tells what becomes of it: "CODE TIMES TEXT" fails TIMES times with the code -CODE, "submit CODE TIMES TEXT" so
 * that it is not even taken; then, and all other prompts, it is answered with the prompt itself in angle brackets. */
struct flying {
    dobby_ticket ticket;
    struct dobby_generate g;
    char *text;
    bool cancelled;
};

struct fake {
    struct dobby_engine base;
    pthread_t thread;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t came, gone;
    struct flying fly[FLYING_MAX];
    size_t n, most;
    int n_calling;
    bool hold, closing; /* hold: answer cancelled ones only */
    dobby_ticket last;
    uint32_t seed;
    size_t n_submitted;
    int tries[1000];
    int max_tokens, n_stops; /* of the last prompt */
};

/* How often the prompt was tried before; prompts end with their number in such tests. */
static int count_try(struct fake *f, const char *text)
{
    const char *space = strrchr(text, ' ');
    int number = space ? atoi(space + 1) : 0;

    assert_in_range(number, 0, 999);
    return f->tries[number]++;
}

static int verdict(struct fake *f, const char *text)
{
    int code, times;

    if (sscanf(text, "%d %d", &code, &times) != 2)
        return 0;
    return count_try(f, text) < times ? -code : 0;
}

static void answer(struct flying *y, int status)
{
    struct dobby_result r = {
        .ticket = y->ticket, .status = status, .message = "", .text = "", .stop = ""};
    static const float logprob[] = {-1, -2};
    struct strbuf text = {0};

    if (status < 0)
        r.message = "it failed";
    strbuf_printf(&text, "<%s>", y->text);
    if (status == 0) {
        r.text = strbuf_str(&text);
        r.len = text.len;
        r.logprob = logprob;
        r.n_ids = 2;
        r.sum_logprob = -3;
        r.stop = "end";
    }
    y->g.on_done(y->g.ctx, &r);
    strbuf_release(&text);
    mem_free(y->text);
}

/* One that may be answered now, in an order that the seed decides; n: none. */
static size_t choose(struct fake *f)
{
    size_t start;

    if (f->n == 0)
        return 0;
    f->seed = f->seed * 1664525u + 1013904223u;
    start = (f->seed >> 8) % f->n;
    for (size_t i = 0; i < f->n; i++) {
        size_t k = (start + i) % f->n;

        if (f->fly[k].cancelled || !f->hold)
            return k;
    }
    return f->n;
}

static void *fake_main(void *arg)
{
    struct fake *f = arg;

    pthread_mutex_lock(&f->lock);
    for (;;) {
        size_t k = choose(f);
        struct flying y;
        int status;

        if (k == f->n) {
            if (f->closing)
                break;
            pthread_cond_wait(&f->came, &f->lock);
            continue;
        }
        y = f->fly[k];
        f->fly[k] = f->fly[--f->n];
        status = y.cancelled ? DOBBY_E_CANCELLED : verdict(f, y.text);
        f->n_calling++;
        pthread_mutex_unlock(&f->lock);
        answer(&y, status);
        pthread_mutex_lock(&f->lock);
        f->n_calling--;
        pthread_cond_broadcast(&f->gone);
    }
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

static int fake_submit(struct dobby_engine *en, const struct engine_prompt *p,
                       const struct dobby_generate *g, dobby_ticket *out, struct dobby_err *e)
{
    struct fake *f = (struct fake *)en;
    char *text = p->msg ? mem_strndup(p->msg[p->n_msg - 1].text, p->msg[p->n_msg - 1].len)
                        : mem_strndup(p->text, p->len);
    int rc = 0;

    assert_non_null(text);
    pthread_mutex_lock(&f->lock);
    f->max_tokens = g->max_tokens;
    for (f->n_stops = 0; g->stops[f->n_stops];)
        f->n_stops++;
    f->n_submitted++;
    if (strncmp(text, "submit ", 7) == 0)
        rc = verdict(f, text + 7);
    if (rc < 0) {
        rc = err_set(e, rc, "it was not taken");
        mem_free(text);
    } else {
        assert_true(f->n < FLYING_MAX);
        f->fly[f->n++] = (struct flying){.ticket = *out = ++f->last, .g = *g, .text = text};
        f->most = size_max(f->most, f->n);
        pthread_cond_broadcast(&f->came);
    }
    pthread_mutex_unlock(&f->lock);
    return rc;
}

static void fake_cancel(struct dobby_engine *en, dobby_ticket t)
{
    struct fake *f = (struct fake *)en;

    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < f->n; i++)
        f->fly[i].cancelled |= f->fly[i].ticket == t;
    pthread_cond_broadcast(&f->came);
    pthread_mutex_unlock(&f->lock);
}

static void fake_wait(struct dobby_engine *en, dobby_ticket t)
{
    struct fake *f = (struct fake *)en;

    assert_int_equal(t, 0);
    pthread_mutex_lock(&f->lock);
    while (f->n > 0 || f->n_calling > 0)
        pthread_cond_wait(&f->gone, &f->lock);
    pthread_mutex_unlock(&f->lock);
}

static void fake_stats(struct dobby_engine *en, struct dobby_stats *out)
{
    (void)en;
    *out = (struct dobby_stats){0};
}

/* The first two are at work, the rest waits. */
static void fake_progress(struct dobby_engine *en, dobby_ticket t, struct dobby_progress *out)
{
    (void)en;
    out->state = t <= 2 ? DOBBY_ST_WRITING : DOBBY_ST_WAITING;
}

static const struct engine_ops fake_ops = {.submit = fake_submit,
                                           .cancel = fake_cancel,
                                           .wait = fake_wait,
                                           .stats = fake_stats,
                                           .progress = fake_progress};

static void fake_start(struct fake *f, uint32_t seed)
{
    *f = (struct fake){.base.ops = &fake_ops, .seed = seed};
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->came, NULL);
    pthread_cond_init(&f->gone, NULL);
    assert_int_equal(thread_start(&f->thread, "fake", fake_main, f, NULL), 0);
}

static void fake_stop(struct fake *f)
{
    pthread_mutex_lock(&f->lock);
    assert_int_equal(f->n, 0);
    f->closing = true;
    pthread_cond_broadcast(&f->came);
    pthread_mutex_unlock(&f->lock);
    pthread_join(f->thread, NULL);
}

/* ---- a run -------------------------------------------------------------------------------------- */

struct job_run {
    struct fake engine;
    struct term term;
    struct out out;
    struct batch_options o;
    struct batch_counts c;
    struct dobby_err e;
    char *dir;
    struct strbuf got; /* the output */
    int watched;       /* the input, for let_go */
};

static void run_start(struct job_run *t, uint32_t seed, int agents)
{
    *t = (struct job_run){.dir = temp_dir()};
    fake_start(&t->engine, seed);
    term_init(&t->term, true);
    term_configure(&t->term, false, LOG_ERROR, true);
    t->o = (struct batch_options){.engine = &t->engine.base,
                                  .agents = agents,
                                  .in_name = "test",
                                  .term = &t->term,
                                  .out = &t->out,
                                  .max_tokens = 9,
                                  .pause_ms = 1};
}

static int run_fd(struct job_run *t, int in)
{
    const char *path = temp_path(t->dir, "out");
    int rc;

    assert_int_equal(out_open(&t->out, path, NULL), 0);
    t->o.in = in;
    rc = batch_run(&t->o, &t->c, &t->e);
    close(in);
    assert_int_equal(out_commit(&t->out, NULL), 0);
    out_release(&t->out);
    assert_int_equal(file_read_all(&t->got, path, 1 << 26, NULL), 0);
    return rc;
}

static int run(struct job_run *t, const char *input)
{
    const char *path = temp_path(t->dir, "in");

    put_file(path, input, strlen(input));
    return run_fd(t, open(path, O_RDONLY | O_CLOEXEC));
}

static void run_end(struct job_run *t)
{
    fake_stop(&t->engine);
    strbuf_release(&t->got);
    temp_dir_remove(t->dir);
}

static void has(const struct job_run *t, const char *line)
{
    if (!strstr(strbuf_str(&t->got), line))
        fail_msg("no %s in:\n%s", line, strbuf_str(&t->got));
}

/* The ids of the output, which are numbers here, are first, first + 1, ... n of them. */
static void in_order(const struct job_run *t, size_t n)
{
    const char *s = strbuf_str(&t->got);
    size_t i = 0;

    for (; *s; s = strchr(s, '\n') + 1, i++) {
        assert_int_equal(strncmp(s, "{\"id\":", 6), 0);
        assert_int_equal(atoi(s + 6), i + 1);
    }
    assert_int_equal(i, n);
}

static void test_batchrun_order(void **state)
{
    struct strbuf in = {0};
    struct job_run t;

    (void)state;
    for (int i = 1; i <= 999; i++)
        strbuf_printf(&in,
                      i % 10 == 0   ? "{\"prompt\":%d}\n"          /* refused */
                      : i % 10 == 5 ? "{\"prompt\":\"16 1 %d\"}\n" /* one try fails */
                                    : "{\"prompt\":\"p %d\"}\n",
                      i);
    for (uint32_t seed = 1; seed <= 3; seed++) {
        run_start(&t, seed, (int)seed * 7);
        assert_int_equal(run(&t, strbuf_str(&in)), 0);
        in_order(&t, 999);
        assert_int_equal(t.c.n_done, 900);
        assert_int_equal(t.c.n_bad, 99);
        assert_int_equal(t.c.n_failed, 0);
        assert_int_equal(t.c.n_retries, 100);
        assert_int_equal(t.c.n_written, 1800);
        assert_true(t.engine.most <= seed * 14);
        has(&t,
            "{\"id\":7,\"text\":\"<p 7>\",\"tokens\":2,\"logprob\":-3.000000,\"stop\":\"end\"}\n");
        has(&t, "{\"id\":15,\"text\":\"<16 1 15>\"");
        has(&t, "{\"id\":20,\"error\":\"line 20: prompt: is an integer; give a string\"}\n");
        run_end(&t);
    }
    strbuf_release(&in);
}

static void test_batchrun_tries(void **state)
{
    struct job_run t;

    (void)state;
    run_start(&t, 1, 4);
    assert_int_equal(run(&t, "{\"prompt\":\"16 2 1\"}\n"       /* time, twice */
                             "{\"prompt\":\"16 3 2\"}\n"       /* time, always */
                             "{\"prompt\":\"13 1 3\"}\n"       /* numbers */
                             "{\"prompt\":\"1 9 4\"}\n"        /* memory, always */
                             "{\"prompt\":\"12 9 5\"}\n"       /* too long: once is enough */
                             "{\"prompt\":\"submit 1 1 6\"}\n" /* not even taken, once */
                             "{\"prompt\":\"submit 12 9 7\"}\n"
                             "\n"
                             "{\"messages\":[{\"role\":\"user\",\"content\":\"8 2 "
                             "8\"}],\"stop\":\"x\",\"max_tokens\":3}"),
                     0);
    assert_int_equal(t.c.n_done, 4);
    assert_int_equal(t.c.n_failed, 2);
    assert_int_equal(t.c.n_bad, 2);
    has(&t, "{\"id\":1,\"text\":\"<16 2 1>\"");
    has(&t, "{\"id\":2,\"error\":\"line 2: it failed (3 tries)\"}\n{\"id\":3,\"text\"");
    has(&t, "{\"id\":4,\"error\":\"line 4: it failed (3 tries)\"}\n");
    has(&t, "{\"id\":5,\"error\":\"line 5: it failed\"}\n");
    has(&t, "{\"id\":6,\"text\":\"<submit 1 1 6>\"");
    has(&t, "{\"id\":7,\"error\":\"line 7: it was not taken\"}\n{\"id\":9,\"text\":\"<8 2 8>\"");
    assert_int_equal(t.engine.tries[2], 3);
    assert_int_equal(t.engine.tries[4], 3);
    assert_int_equal(t.engine.tries[5], 1);
    assert_int_equal(t.engine.n_stops, 1);
    assert_int_equal(t.engine.max_tokens, 3);
    run_end(&t);
}

static void test_batchrun_engine_dead(void **state)
{
    struct strbuf in = {0};
    struct job_run t;

    (void)state;
    for (int i = 1; i <= 900; i++)
        strbuf_printf(&in, "{\"prompt\":\"8 9 %d\"}\n", i);
    run_start(&t, 1, 2);
    assert_int_equal(run(&t, strbuf_str(&in)), DOBBY_E_UNAVAILABLE);
    assert_non_null(strstr(t.e.message, "batch: the engine failed 20 lines in a row: line "));
    assert_in_range(t.c.n_failed, BATCH_FAILURES,
                    BATCH_FAILURES + 4);     /* those that came in meanwhile */
    assert_true(t.engine.n_submitted < 200); /* three tries for each line of the window, of 900 */
    run_end(&t);

    run_start(
        &t, 1,
        2); /* time limits are the lines' affair, and a wrong line is no failure of the engine */
    strbuf_reset(&in);
    for (int i = 1; i <= 90; i++)
        strbuf_printf(&in, "{\"prompt\":\"%d 9 %d\"}\n", i % 2 ? 16 : 12, i);
    assert_int_equal(run(&t, strbuf_str(&in)), 0);
    assert_int_equal(t.c.n_failed, 45);
    assert_int_equal(t.c.n_bad, 45);
    run_end(&t);

    run_start(&t, 1, 2); /* what holds for all ends it with the first */
    strbuf_reset(&in);
    for (int i = 1; i <= 900; i++)
        strbuf_printf(&in, "{\"prompt\":\"6 9 %d\"}\n", i);
    assert_int_equal(run(&t, strbuf_str(&in)), DOBBY_E_PERMISSION);
    assert_true(t.engine.n_submitted <= 4);
    run_end(&t);
    strbuf_release(&in);
}

/* The first line is slow: the window fills behind it, and reading waits. */
static void *let_go(void *arg)
{
    struct job_run *t = arg;
    size_t before = 0, now = 1;

    while (now != before) {
        before = now;
        usleep(100000);
        now = (size_t)lseek(t->watched, 0, SEEK_CUR);
    }
    pthread_mutex_lock(&t->engine.lock);
    t->engine.hold = false;
    pthread_cond_broadcast(&t->engine.came);
    pthread_mutex_unlock(&t->engine.lock);
    return (void *)before;
}

static void test_batchrun_window(void **state)
{
    struct strbuf in = {0}, pad = {0};
    pthread_t thread;
    struct job_run t;
    void *read_before;

    (void)state;
    while (pad.len < 10000)
        strbuf_puts(&pad, "0123456789");
    for (int i = 1; i <= 2000; i++)
        strbuf_printf(&in, "{\"prompt\":\"p %s\"}\n", strbuf_str(&pad));
    run_start(&t, 1, 2);
    t.engine.hold = true;
    put_file(temp_path(t.dir, "in"), in.s, in.len);
    t.watched = open(temp_path(t.dir, "in"), O_RDONLY | O_CLOEXEC);
    assert_int_equal(thread_start(&thread, "let-go", let_go, &t, NULL), 0);
    assert_int_equal(run_fd(&t, t.watched), 0);
    pthread_join(thread, &read_before);
    assert_true((size_t)read_before < 80 * pad.len); /* of 2000 lines */
    in_order(&t, 2000);
    run_end(&t);
    strbuf_release(&in);
    strbuf_release(&pad);
}

static void wait_for_n(struct fake *f, size_t want)
{
    size_t n = want + 1;

    while (n != want) {
        usleep(1000);
        pthread_mutex_lock(&f->lock);
        n = f->n;
        pthread_mutex_unlock(&f->lock);
    }
}

static void *stop_later(void *arg)
{
    struct job_run *t = arg;

    wait_for_n(&t->engine, 4); /* two agents: so many are with the engine */
    kill(getpid(), SIGINT);
    wait_for_n(&t->engine, 2); /* those that waited were cancelled */
    pthread_mutex_lock(&t->engine.lock);
    t->engine.hold = false;
    pthread_cond_broadcast(&t->engine.came);
    pthread_mutex_unlock(&t->engine.lock);
    return NULL;
}

static void test_batchrun_stop(void **state)
{
    struct strbuf in = {0};
    pthread_t thread;
    struct job_run t;

    (void)state;
    for (int i = 1; i <= 900; i++)
        strbuf_printf(&in, "{\"prompt\":\"p %d\"}\n", i);
    sig_install();
    run_start(&t, 1, 2);
    t.engine.hold = true;
    assert_int_equal(thread_start(&thread, "stop", stop_later, &t, NULL), 0);
    assert_int_equal(run(&t, strbuf_str(&in)), DOBBY_E_CANCELLED);
    pthread_join(thread, NULL);
    assert_int_equal(sig_exit_code(), 130);
    in_order(&t, 2); /* the two at work were finished; those that waited were not */
    assert_int_equal(t.c.n_done, 2);
    run_end(&t);
    strbuf_release(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batchrun_order),       cmocka_unit_test(test_batchrun_tries),
        cmocka_unit_test(test_batchrun_engine_dead), cmocka_unit_test(test_batchrun_window),
        cmocka_unit_test(test_batchrun_stop), /* last: a stop stays */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
