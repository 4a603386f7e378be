/* test_remote_tree.c - whole runs over a small tree with an engine by URL: real walk, parsers, keys, store and network, a
 * scripted server. This program is its own parser worker. */
#include "store/store_help.h"
#include "support/http_script.h"

#include "base/strbuf.h"
#include "dobby.h"

#include <stdatomic.h>

#define CODE                                                                                       \
    "/* Adds two numbers and returns the sum of them. */\n"                                        \
    "int add(int a, int b)\n{\n    return a + b;\n}\n\n"                                           \
    "int twice(int a)\n{\n    return 2 * a;\n}\n\n"                                                \
    "int thrice(int a)\n{\n    return 3 * a;\n}\n\n"                                               \
    "int quad(int a)\n{\n    return 4 * a;\n}\n"
#define N_ASKED 3 /* the fourth has a comment */

enum mood { GOOD, REFUSED, NO_KEY, LOGPROBS };

struct fix {
    struct http_script s;
    char *dir, *tree, url[64];
    struct dobby_summarize o;
    struct dobby_summary_stats st;
    struct dobby_err e;
    struct strbuf rows, stages;
    atomic_int mood, good_left; /* answers until it is busy; negative: for ever */
    const char *id;             /* what the server calls its model */
};

static void answer_good(int fd, enum mood mood)
{
    http_reply(
        fd, 200,
        mood == REFUSED ? "{\"choices\":[{\"message\":{\"content\":\"See https://example.org.\"}}]}"
        : mood == LOGPROBS
            ? "{\"choices\":[{\"message\":{\"content\":\"Multiply the argument and give the "
              "product back.\"},\"logprobs\":{\"content\":[{\"token\":\"Return\",\"logprob\":-0.5},"
              "{\"token\":\" x\",\"logprob\":-0.5}]}}]}"
            : "{\"choices\":[{\"message\":{\"content\":\"Multiply the argument and give the "
              "product back.\\nIt is fast.\"},\"finish_reason\":\"stop\"}],"
              "\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":9}}");
}

static bool serve(struct http_script *s, int fd, const struct http_request *q)
{
    struct fix *f = s->ctx;
    char list[256];

    if (strcmp(q->method, "GET") == 0) {
        snprintf(list, sizeof(list), "{\"data\":[{\"id\":\"%s\"}]}", f->id);
        http_reply(fd, 200, list);
        return true;
    }
    if (f->good_left == 0)
        http_reply(fd, 503, "{\"error\":{\"message\":\"gone fishing\"}}");
    else if (f->mood == NO_KEY)
        http_reply(fd, 401, "{\"error\":{\"message\":\"Invalid API Key\"}}");
    else
        answer_good(fd, f->mood);
    if (f->good_left > 0)
        f->good_left--;
    return true;
}

static int on_row(void *ctx, const struct dobby_row *row)
{
    struct fix *f = ctx;
    char *line = row->start_line > 0 ? dobby_row_json(row) : NULL;

    if (row->start_line == 0) /* files and directories: test_tree.c */
        return 0;
    strbuf_puts(&f->rows, line);
    dobby_free(line);
    return 0;
}

static void on_event(void *ctx, const struct dobby_event *ev)
{
    struct fix *f = ctx;

    if (ev->kind == DOBBY_EV_STAGE)
        strbuf_printf(&f->stages, "%s ", ev->text);
}

static void server_up(struct fix *f)
{
    http_start(&f->s);
    snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%d", f->s.port);
}

static struct fix *begin(void)
{
    struct fix *f = calloc(1, sizeof(*f));
    char *path;
    FILE *out;

    assert_non_null(f);
    f->s.answer = serve;
    f->s.ctx = f;
    f->good_left = -1;
    f->id = "/home/me/models/tiny.gguf";
    server_up(f);
    f->dir = scratch_new();
    assert_true(asprintf(&f->tree, "%s/tree", f->dir) > 0);
    assert_true(asprintf(&path, "%s/m.c", f->tree) > 0);
    assert_int_equal(mkdir(f->tree, 0755), 0);
    out = fopen(path, "w");
    assert_non_null(out);
    assert_true(fputs(CODE, out) >= 0);
    assert_int_equal(fclose(out), 0);
    free(path);
    DOBBY_INIT(f->o);
    f->o.path = f->tree;
    f->o.worker_path = "/proc/self/exe";
    f->o.engine_url = f->url;
    f->o.agents = 2;
    f->o.threads = 1;
    f->o.ctx = f;
    f->o.on_row = on_row;
    f->o.on_event = on_event;
    return f;
}

static void end(struct fix *f)
{
    http_stop(&f->s);
    strbuf_release(&f->rows);
    strbuf_release(&f->stages);
    scratch_remove(f->dir);
    free(f->tree);
    free(f);
}

static int run(struct fix *f)
{
    strbuf_reset(&f->rows);
    strbuf_reset(&f->stages);
    f->e = (struct dobby_err){0};
    return dobby_summarize_tree(&f->o, &f->st, &f->e);
}

static void run_ok(struct fix *f)
{
    if (run(f) != 0)
        fail_msg("%s", f->e.message);
}

static size_t count(const struct fix *f, const char *what)
{
    size_t n = 0;

    for (const char *at = strbuf_str(&f->rows); (at = strstr(at, what)); at++)
        n++;
    return n;
}

static int requests(struct fix *f)
{
    int n;

    pthread_mutex_lock(&f->s.lock);
    n = f->s.n_requests;
    f->s.n_requests = 0;
    pthread_mutex_unlock(&f->s.lock);
    return n;
}

static void test_rows(void **state)
{
    struct fix *f = begin();
    char *first;

    (void)state;
    run_ok(f);
    assert_int_equal(requests(f), 1 + N_ASKED);
    assert_int_equal(count(f, "\"source\":\"remote\",\"model\":\"tiny.gguf\",\"confidence\":null"),
                     N_ASKED);
    assert_int_equal(count(f, "\"summary\":\"Multiply the argument and give the product back.\""),
                     N_ASKED);
    assert_int_equal(count(f, "\"source\":\"doc\",\"model\":null"), 1);
    assert_int_equal(count(f, "\"key\":null"), 1);
    assert_int_equal(count(f, "/home/me"), 0);
    assert_int_equal(count(f, "127.0.0.1"), 0);
    assert_non_null(strstr(f->stages.s, "connect summarize"));
    assert_int_equal(f->st.n_tokens_read, 100 * N_ASKED);
    assert_int_equal(f->st.n_tokens_written, 9 * N_ASKED);
    first = strbuf_take(&f->rows, NULL);
    run_ok(f); /* all is there; only the name is asked for */
    assert_int_equal(requests(f), 1);
    assert_string_equal(f->rows.s, first);
    dobby_free(first);
    end(f);
}

/* Keys are of the words and of the model's name: not of the URL, and whether the name was given or told is the same. */
static void test_named_model_needs_no_server(void **state)
{
    struct fix *f = begin();

    (void)state;
    run_ok(f);
    (void)requests(f);
    f->o.model_name = "tiny.gguf";
    f->o.engine_url = "http://127.0.0.1:1";
    run_ok(f);
    assert_int_equal(f->st.n_cached, N_ASKED + 1);
    assert_null(strstr(f->stages.s, "connect"));
    f->o.model_name = "/elsewhere/tiny.gguf"; /* a path is no part of the name */
    run_ok(f);
    assert_int_equal(count(f, "elsewhere"), 0);
    assert_int_equal(requests(f), 0);
    end(f);
}

static void test_other_model_is_asked_anew(void **state)
{
    struct fix *f = begin();

    (void)state;
    run_ok(f);
    (void)requests(f);
    f->id = "owner/large";
    run_ok(f);
    assert_int_equal(requests(f), 1 + N_ASKED);
    assert_int_equal(count(f, "\"model\":\"owner/large\""), N_ASKED);
    f->id = "/other/path/tiny.gguf"; /* the first one again: its texts are still there */
    run_ok(f);
    assert_int_equal(requests(f), 1);
    assert_int_equal(count(f, "\"model\":\"tiny.gguf\""), N_ASKED);
    end(f);
}

static void test_refused_texts_fall_back(void **state)
{
    struct fix *f = begin();

    (void)state;
    f->mood = REFUSED;
    run_ok(f);
    assert_int_equal(requests(f), 1 + 2 * N_ASKED); /* both forms of the question */
    assert_int_equal(count(f, "\"source\":\"signature\""), N_ASKED);
    end(f);
}

static void test_confidence(void **state)
{
    struct fix *f = begin();

    (void)state;
    f->mood = LOGPROBS;
    run_ok(f);
    assert_int_equal(count(f, "\"confidence\":0.6065"), N_ASKED); /* exp(-0.5) */
    end(f);
}

/* The server goes away after the first answer: that one is kept, the others are left, and the next run goes on. */
static void test_server_goes_and_comes(void **state)
{
    struct fix *f = begin();

    (void)state;
    f->o.agents = 1;
    f->good_left = 1;
    assert_int_equal(run(f), DOBBY_E_UNDONE);
    assert_non_null(strstr(f->e.message, "run it again"));
    assert_int_equal(f->st.n_done, 2); /* one by its comment */
    assert_int_equal(f->st.n_failed + f->st.n_left, N_ASKED - 1);
    f->good_left = -1;
    (void)requests(f);
    run_ok(f);
    assert_int_equal(requests(f), 1 + N_ASKED - 1);
    assert_int_equal(count(f, "\"source\":\"remote\""), N_ASKED);
    end(f);
}

static void test_nobody_answers(void **state)
{
    struct fix *f = begin();

    (void)state;
    http_stop(&f->s);
    assert_int_equal(run(f), DOBBY_E_UNAVAILABLE);
    assert_non_null(strstr(f->e.message, f->url));
    server_up(f);
    run_ok(f);
    end(f);
}

/* A key that is refused is refused the next time, too: nothing is asked twice. */
static void test_refusals_are_not_repeated(void **state)
{
    struct fix *f = begin();

    (void)state;
    f->mood = NO_KEY;
    assert_int_equal(run(f), DOBBY_E_UNDONE);
    assert_int_equal(requests(f), 1 + N_ASKED);
    end(f);
}

static void test_dry_run_asks_nobody(void **state)
{
    struct fix *f = begin();

    (void)state;
    f->o.dry_run = 1;
    f->o.engine_url = "http://127.0.0.1:1";
    run_ok(f);
    assert_int_equal(f->st.n_units, N_ASKED + 1);
    assert_int_equal(requests(f), 0);
    end(f);
}

static void test_options(void **state)
{
    struct fix *f = begin();

    (void)state;
    f->o.model_path = "x.gguf";
    assert_int_equal(run(f), DOBBY_E_USAGE);
    f->o.model_path = NULL;
    f->o.engine_url = "ftp://127.0.0.1";
    assert_int_equal(run(f), DOBBY_E_USAGE);
    f->o.engine_url = f->url;
    f->o.model_name = "a\nb";
    assert_int_equal(run(f), DOBBY_E_FORMAT);
    end(f);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_named_model_needs_no_server),
        cmocka_unit_test(test_other_model_is_asked_anew),
        cmocka_unit_test(test_refused_texts_fall_back),
        cmocka_unit_test(test_confidence),
        cmocka_unit_test(test_server_goes_and_comes),
        cmocka_unit_test(test_nobody_answers),
        cmocka_unit_test(test_refusals_are_not_repeated),
        cmocka_unit_test(test_dry_run_asks_nobody),
        cmocka_unit_test(test_options),
    };

    if (argc > 1 && strcmp(argv[1], "--parse-worker") == 0)
        return dobby_parse_worker();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
