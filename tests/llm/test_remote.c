/* test_remote.c - an engine by URL against a server that the test scripts: answers, limits, cancels, many in flight, servers
 * that are odd, hostile or gone, and every allocation refused once. */
#include "support/http_script.h"
#include "support/test.h"

#include "base/fault.h"
#include "base/strbuf.h"
#include "base/thread.h"
#include "dobby.h"
#include "llm/engine.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MODELS "{\"object\":\"list\",\"data\":[{\"id\":\"/models/tiny.gguf\"}]}"
#define CHAT(text)                                                                                 \
    "{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"" text                       \
    "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":2,"    \
    "\"prompt_tokens_details\":{\"cached_tokens\":4}}}"

/* ---- what a test has --------------------------------------------------------------------------------------------- */

struct answer {
    int n_calls, status, n_pieces;
    char text[256], streamed[256], stop[8], message[1024];
    size_t n_ids, n_prompt, n_cached;
    bool has_logprob;
    double ms_total;
    int order; /* which one ended it was */
    int piece_code;
};

struct fix {
    struct http_script s;
    struct dobby_engine *en;
    struct dobby_err e;
    struct strbuf seen; /* last request's headers and body; under the server's lock */
    atomic_int n_ended;
};

static struct fix *the; /* for callbacks that have an answer as their context */

static void on_done(void *ctx, const struct dobby_result *r)
{
    struct answer *a = ctx;

    a->n_calls++;
    a->status = r->status;
    snprintf(a->text, sizeof(a->text), "%s", r->text);
    snprintf(a->stop, sizeof(a->stop), "%s", r->stop);
    snprintf(a->message, sizeof(a->message), "%s", r->message);
    a->n_ids = r->n_ids;
    a->n_prompt = r->n_prompt;
    a->n_cached = r->n_cached;
    a->has_logprob = r->logprob != NULL;
    a->ms_total = r->ms_total;
    a->order = atomic_fetch_add(&the->n_ended, 1);
    assert_null(r->ids);
    assert_null(r->margin);
    assert_true(r->status == 0 || (r->len == 0 && r->text[0] == '\0' && r->message[0]));
}

static int on_text(void *ctx, dobby_ticket t, const char *bytes, size_t len)
{
    struct answer *a = ctx;

    (void)t;
    a->n_pieces++;
    snprintf(a->streamed, sizeof(a->streamed), "%.*s", (int)len, bytes);
    return a->piece_code;
}

static int connect_to(struct fix *f, const char *model, const char *key, int agents,
                      struct dobby_trace *trace)
{
    struct dobby_remote_options o;
    char url[64];

    snprintf(url, sizeof(url), "http://127.0.0.1:%d", f->s.port);
    DOBBY_INIT(o);
    o.url = url;
    o.model = model;
    o.api_key = key;
    o.agents = agents;
    o.trace = trace;
    f->e = (struct dobby_err){0};
    return dobby_engine_connect(&f->en, &o, &f->e);
}

static void begin(struct fix *f,
                  bool (*answer)(struct http_script *s, int fd, const struct http_request *q),
                  int agents)
{
    *f = (struct fix){.s = {.answer = answer, .ctx = f}};
    the = f;
    http_start(&f->s);
    if (connect_to(f, NULL, NULL, agents, NULL) < 0)
        fail_msg("%s", f->e.message);
}

static void end(struct fix *f)
{
    dobby_engine_free(f->en);
    http_stop(&f->s);
    strbuf_release(&f->seen);
}

/* GET /v1/models, for every script. True if it was that. */
static bool is_models(int fd, const struct http_request *q)
{
    if (strcmp(q->method, "GET") != 0)
        return false;
    assert_string_equal(q->path, "/v1/models");
    http_reply(fd, 200, MODELS);
    return true;
}

static struct dobby_generate options(struct answer *a)
{
    struct dobby_generate g;

    DOBBY_INIT(g);
    g.max_tokens = 16;
    g.ctx = a;
    g.on_done = on_done;
    return g;
}

static dobby_ticket ask_as(struct fix *f, const char *text, const struct dobby_generate *g)
{
    struct dobby_message msg = {"user", text, strlen(text)};
    dobby_ticket t = 0;

    if (dobby_submit_chat(f->en, &msg, 1, g, &t, &f->e) < 0)
        fail_msg("%s", f->e.message);
    return t;
}

static dobby_ticket ask(struct fix *f, const char *text, struct answer *a)
{
    struct dobby_generate g = options(a);

    return ask_as(f, text, &g);
}

static void ask_and_wait(struct fix *f, struct answer *a)
{
    *a = (struct answer){0};
    dobby_wait(f->en, ask(f, "x", a));
    assert_int_equal(a->n_calls, 1);
}

static void wait_requests(struct http_script *s, int n)
{
    pthread_mutex_lock(&s->lock);
    while (s->n_requests < n)
        pthread_cond_wait(&s->changed, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

static int requests(struct fix *f)
{
    int n;

    pthread_mutex_lock(&f->s.lock);
    n = f->s.n_requests;
    pthread_mutex_unlock(&f->s.lock);
    return n;
}

/* ---- plain answers ----------------------------------------------------------------------------------------------- */

/* Notes the request, answers by interface. */
static bool plain(struct http_script *s, int fd, const struct http_request *q)
{
    struct fix *f = s->ctx;

    if (is_models(fd, q))
        return true;
    pthread_mutex_lock(&s->lock);
    strbuf_reset(&f->seen);
    strbuf_puts(&f->seen, q->headers);
    strbuf_puts(&f->seen, q->body);
    pthread_mutex_unlock(&s->lock);
    if (strcmp(q->path, "/v1/chat/completions") == 0)
        http_reply(fd, 200, CHAT("Adds two.\\nMore."));
    else if (strcmp(q->path, "/v1/completions") == 0)
        http_reply(fd, 200,
                   "{\"choices\":[{\"text\":\" a b\",\"finish_reason\":\"length\","
                   "\"logprobs\":{\"tokens\":[\" a\",\" b\"],\"token_logprobs\":[-1,-2]}}]}");
    else
        http_reply(fd, 404, "{}");
    return true;
}

static void test_chat(void **state)
{
    static const char *const stops[] = {"\n", NULL};
    struct answer a = {0};
    struct dobby_generate g = options(&a);
    struct dobby_stats st;
    struct dobby_progress pr;
    struct fix f;
    dobby_ticket t;

    (void)state;
    begin(&f, plain, 3);
    assert_string_equal(dobby_engine_model(f.en), "tiny.gguf"); /* never the path */
    g.stops = stops;
    g.on_text = on_text;
    t = ask_as(&f, "x", &g);
    assert_true(t != 0);
    dobby_wait(f.en, t);
    assert_int_equal(a.n_calls, 1);
    assert_int_equal(a.status, 0);
    assert_string_equal(a.text, "Adds two.");
    assert_string_equal(a.streamed, "Adds two.");
    assert_int_equal(a.n_pieces, 1);
    assert_string_equal(a.stop, "string");
    assert_true(a.n_prompt == 10 && a.n_cached == 4 && a.n_ids == 2 && !a.has_logprob);
    assert_non_null(strstr(f.seen.s, "\"model\":\"/models/tiny.gguf\"")); /* as the server says */
    assert_non_null(strstr(f.seen.s, "Content-Type: application/json"));
    assert_null(strstr(f.seen.s, "Authorization"));
    dobby_get_stats(f.en, &st);
    assert_true(st.n_submitted == 1 && st.n_done == 1 && st.n_running == 0 && st.n_waiting == 0);
    assert_true(st.n_prompt_tokens == 10 && st.n_cached_tokens == 4 && st.n_written_tokens == 2);
    assert_true(st.latency_ms.n == 1 && st.queued_ms.n == 1);
    dobby_get_progress(f.en, t, &pr);
    assert_int_equal(pr.state, DOBBY_ST_GONE);
    end(&f);
}

static void test_text(void **state)
{
    struct answer a = {0};
    struct dobby_generate g = options(&a);
    const int32_t id = 1;
    struct fix f;
    dobby_ticket t;

    (void)state;
    begin(&f, plain, 0);
    assert_int_equal(dobby_submit_text(f.en, "x", 1, &g, &t, NULL), 0);
    dobby_wait(f.en, t);
    assert_string_equal(a.text, " a b");
    assert_string_equal(a.stop, "length");
    assert_true(a.has_logprob && a.n_ids == 2);
    assert_int_equal(dobby_submit(f.en, &id, 1, &g, &t, NULL), DOBBY_E_UNSUPPORTED);
    assert_int_equal(dobby_submit_text(f.en, "", 0, &g, &t, NULL), DOBBY_E_USAGE);
    dobby_drain(f.en);
    end(&f);
}

static void test_callback_code(void **state)
{
    struct answer a = {.piece_code = DOBBY_E_IO}, b = {.piece_code = 7};
    struct fix f;

    (void)state;
    begin(&f, plain, 1);
    for (int i = 0; i < 2; i++) {
        struct dobby_generate g = options(i ? &b : &a);

        g.on_text = on_text;
        dobby_wait(f.en, ask_as(&f, "x", &g));
    }
    assert_int_equal(a.status, DOBBY_E_IO);
    assert_int_equal(b.status, DOBBY_E_INTERNAL);
    end(&f);
}

/* ---- connecting -------------------------------------------------------------------------------------------------- */

static bool list_status(struct http_script *s, int fd, const struct http_request *q)
{
    (void)q;
    http_reply(fd, *(int *)s->ctx,
               *(int *)s->ctx == 200 ? "{\"data\":[]}" : "{\"error\":{\"message\":\"why\"}}");
    return true;
}

static void test_connect_status(void **state)
{
    static const struct {
        int status;
        const char *model;
        int code;
    } t[] = {
        {200, NULL, DOBBY_E_FORMAT},
        {200, "m", 0},
        {404, "m", 0},
        {405, "m", 0},
        {404, NULL, DOBBY_E_NOTFOUND},
        {503, "m", DOBBY_E_UNAVAILABLE},
        {401, "m", DOBBY_E_PERMISSION},
        {500, NULL, DOBBY_E_UNAVAILABLE},
        {302, "m", DOBBY_E_CONFIG},
        {200, "a\nb", DOBBY_E_FORMAT},
        {200, "", DOBBY_E_FORMAT},
    };
    struct fix f = {.s = {.answer = list_status}};
    int status;

    (void)state;
    f.s.ctx = &status;
    http_start(&f.s);
    for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
        status = t[i].status;
        if (connect_to(&f, t[i].model, NULL, 1, NULL) != t[i].code)
            fail_msg("%d %s: %s", status, t[i].model ? t[i].model : "-", f.e.message);
        assert_true((f.en != NULL) == (t[i].code == 0));
        dobby_engine_free(f.en);
    }
    http_stop(&f.s);
}

static void test_connect_nobody(void **state)
{
    struct fix f = {.s = {.answer = plain}};

    (void)state;
    http_start(&f.s);
    http_stop(&f.s); /* its port is free now */
    assert_int_equal(connect_to(&f, NULL, NULL, 1, NULL), DOBBY_E_UNAVAILABLE);
    assert_null(f.en);
    assert_non_null(strstr(f.e.message, "is the server running"));
}

static void test_connect_usage(void **state)
{
    static const char *const urls[] = {
        NULL,
        "",
        "localhost",
        "127.0.0.1:80",
        "http://",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:70/",
        "http://me:secret@127.0.0.1:1/",
        "http://me@127.0.0.1:1/",
        "http://127.0.0.1:1/?key=secret",
        "http://127.0.0.1:1/#secret",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:1/ x",
        "http://127.0.0.1:1/\r\nX: y",
    };
    static const char *const keys[] = {"", "a b", "a\r\nX: y", "k\xC3\xA9y", "\x7f"};
    struct dobby_remote_options o;
    struct dobby_engine *en;

    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
        struct dobby_err e = {0};

        DOBBY_INIT(o);
        o.url = urls[i];
        if (dobby_engine_connect(&en, &o, &e) != DOBBY_E_USAGE)
            fail_msg("%s: %s", urls[i], e.message);
        assert_null(en);
        assert_null(strstr(e.message, "secret"));
    }
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        DOBBY_INIT(o);
        o.url = "http://127.0.0.1:1";
        o.api_key = keys[i];
        assert_int_equal(dobby_engine_connect(&en, &o, NULL), DOBBY_E_USAGE);
    }
    DOBBY_INIT(o);
    o.url = "http://127.0.0.1:1";
    o.agents = 100000;
    assert_int_equal(dobby_engine_connect(&en, &o, NULL), DOBBY_E_USAGE);
    o.agents = -1;
    assert_int_equal(dobby_engine_connect(&en, &o, NULL), DOBBY_E_USAGE);
}

static bool by_path(struct http_script *s, int fd, const struct http_request *q)
{
    bool models = strcmp(q->path, "/deep/er/v1/models") == 0;

    (void)s;
    http_reply(fd, models || strcmp(q->path, "/deep/er/v1/chat/completions") == 0 ? 200 : 404,
               models ? MODELS : CHAT("Yes."));
    return true;
}

static void test_url_path(void **state)
{
    static const char *const tails[] = {"/deep/er", "/deep/er/", "/deep/er/v1", "/deep/er/v1//"};
    struct fix f = {.s = {.answer = by_path}};

    (void)state;
    the = &f;
    http_start(&f.s);
    for (size_t i = 0; i < sizeof(tails) / sizeof(*tails); i++) {
        struct dobby_remote_options o;
        struct answer a;
        char url[96];

        snprintf(url, sizeof(url), "http://localhost:%d%s", f.s.port, tails[i]);
        DOBBY_INIT(o);
        o.url = url;
        if (dobby_engine_connect(&f.en, &o, &f.e) < 0)
            fail_msg("%s: %s", url, f.e.message);
        ask_and_wait(&f, &a);
        assert_string_equal(a.text, "Yes.");
        dobby_engine_free(f.en);
    }
    http_stop(&f.s);
}

/* What is meant for this machine does not go through a proxy, whatever the environment says. */
static void test_no_proxy_for_loopback(void **state)
{
    struct answer a;
    struct fix f;

    (void)state;
    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    assert_int_equal(setenv("all_proxy", "http://127.0.0.1:1", 1), 0);
    begin(&f, plain, 1);
    ask_and_wait(&f, &a);
    assert_int_equal(a.status, 0);
    end(&f);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
}

/* ---- the key and the trace --------------------------------------------------------------------------------------- */

static bool with_key(struct http_script *s, int fd, const struct http_request *q)
{
    if (!strstr(q->headers, "Authorization: Bearer sk-very-secret\r\n"))
        http_reply(fd, 401, "{\"error\":{\"message\":\"no key\"}}");
    else if (strstr(q->body, "fail"))
        http_reply(fd, 401, "{\"error\":{\"message\":\"sk-very-secret is wrong\"}}");
    else
        return plain(s, fd, q);
    return true;
}

static void test_key_and_trace(void **state)
{
    struct fix f = {.s = {.answer = with_key}};
    struct answer a = {0}, b = {0};
    char *dir = temp_dir(), *text;
    const char *path = temp_path(dir, "trace.json");
    struct dobby_trace *trace;
    json_t *doc;
    size_t n_ask = 0, n;

    (void)state;
    the = &f;
    f.s.ctx = &f;
    http_start(&f.s);
    assert_int_equal(connect_to(&f, NULL, NULL, 2, NULL), DOBBY_E_PERMISSION);
    assert_int_equal(dobby_trace_open(&trace, path, NULL), 0);
    assert_int_equal(connect_to(&f, NULL, "sk-very-secret", 2, trace), 0);
    ask(&f, "good", &a);
    ask(&f, "fail", &b);
    dobby_drain(f.en);
    assert_int_equal(a.status, 0);
    assert_int_equal(b.status, DOBBY_E_PERMISSION);
    assert_null(strstr(b.message, "very-secret"));
    end(&f);
    assert_int_equal(dobby_trace_close(trace, NULL), 0);
    text = get_file(path, NULL);
    assert_null(strstr(text, "very-secret"));
    assert_null(strstr(text, "127.0.0.1"));
    assert_null(strstr(text, "Adds"));
    doc = json_loads(text, 0, NULL);
    assert_non_null(doc);
    n = json_array_size(doc);
    for (size_t i = 0; i < n; i++) {
        const json_t *o = json_array_get(doc, i);

        if (strcmp(json_string_value(json_object_get(o, "name")), "ask") != 0)
            continue;
        n_ask++;
        assert_true(json_integer_value(json_object_get(o, "dur")) >= 0);
        assert_non_null(json_object_get(json_object_get(o, "args"), "ticket"));
    }
    assert_int_equal(n_ask, 2);
    json_decref(doc);
    free(text);
    temp_dir_remove(dir);
}

/* ---- many, in order ---------------------------------------------------------------------------------------------- */

/* The first 20 questions are answered when all 20 are there; the body says which one it is. A question counts until just
 * before its answer: the next one may come as soon as that has gone out. */
static int n_asked, n_open, most_open; /* under the server's lock */
static bool together(struct http_script *s, int fd, const struct http_request *q)
{
    char body[256], *at = strstr(q->body, "number ");

    if (is_models(fd, q))
        return true;
    pthread_mutex_lock(&s->lock);
    if (++n_asked == 20)
        pthread_cond_broadcast(&s->changed);
    if (++n_open > most_open)
        most_open = n_open;
    while (n_asked < 20 && !s->closing)
        pthread_cond_wait(&s->changed, &s->lock);
    n_open--;
    pthread_mutex_unlock(&s->lock);
    snprintf(body, sizeof(body), CHAT("Answer %d."), at ? atoi(at + 7) : -1);
    http_reply(fd, 200, body);
    return true;
}

static void test_twenty_in_flight(void **state)
{
    struct answer a[100] = {{0}};
    struct dobby_stats st;
    struct fix f;
    char text[32], want[32];

    (void)state;
    n_asked = n_open = most_open = 0;
    begin(&f, together, 20);
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof(text), "number %d", i);
        ask(&f, text, &a[i]);
    }
    dobby_drain(f.en);
    for (int i = 0; i < 100; i++) {
        snprintf(want, sizeof(want), "Answer %d.", i);
        assert_int_equal(a[i].n_calls, 1);
        assert_string_equal(a[i].text, want);
    }
    dobby_get_stats(f.en, &st);
    assert_true(st.n_done == 100 && st.latency_ms.n == 100 && st.n_prompt_tokens == 1000);
    dobby_engine_free(f.en);
    f.en = NULL;
    pthread_mutex_lock(&f.s.lock);
    assert_int_equal(most_open, 20);
    assert_true(f.s.n_conn <= 22); /* connections are kept */
    pthread_mutex_unlock(&f.s.lock);
    end(&f);
}

/* Holds the first question until the server is stopped or `go` is set. */
static atomic_int go;
static bool hold_first(struct http_script *s, int fd, const struct http_request *q)
{
    if (is_models(fd, q))
        return true;
    while (q->number == 1 && !go && !s->closing)
        http_linger(s, 5);
    http_reply(fd, 200, CHAT("Yes."));
    return true;
}

static void test_order(void **state)
{
    static const int order[] = {0, 5, -1, 5, 2, -1}, want[] = {0, 4, 1, 5, 3, 2};
    struct answer a[6] = {{0}};
    struct fix f;

    (void)state;
    go = 0;
    begin(&f, hold_first, 1);
    for (int i = 0; i < 6; i++) {
        struct dobby_generate g = options(&a[i]);

        g.order = order[i];
        ask_as(&f, "x", &g);
        if (i == 0)
            wait_requests(&f.s, 2); /* it has gone out; the others wait */
    }
    go = 1;
    dobby_drain(f.en);
    for (int i = 0; i < 6; i++)
        assert_int_equal(a[i].order, want[i]);
    end(&f);
}

/* ---- limits and cancels ------------------------------------------------------------------------------------------ */

/* Never answers a question that says "slow". */
static bool slow(struct http_script *s, int fd, const struct http_request *q)
{
    if (is_models(fd, q))
        return true;
    if (strstr(q->body, "slow")) {
        http_raw(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"choices\"", 52);
        http_linger(s, 60000);
        return false;
    }
    http_reply(fd, 200, CHAT("Yes."));
    return true;
}

static void test_time_limit(void **state)
{
    struct answer a[4] = {{0}};
    struct fix f;

    (void)state;
    begin(&f, slow, 2);
    for (int i = 0; i < 4;
         i++) { /* two agents: the last two begin when the first two are given up */
        struct dobby_generate g = options(&a[i]);

        g.time_limit_ms = i < 3 ? 150 : 20000;
        ask_as(&f, i < 3 ? "slow" : "x", &g);
    }
    dobby_drain(f.en);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(a[i].status, DOBBY_E_TIME);
        assert_non_null(strstr(a[i].message, "150 ms"));
        assert_true(a[i].ms_total >= 150);
    }
    assert_true(a[2].ms_total >= 300); /* it waited first, which did not count */
    assert_int_equal(a[3].status, 0);
    end(&f);
}

static void test_cancel(void **state)
{
    struct answer a[3] = {{0}};
    struct dobby_progress pr;
    struct dobby_stats st;
    struct fix f;
    dobby_ticket t[3];

    (void)state;
    begin(&f, slow, 1);
    t[0] = ask(&f, "slow", &a[0]);
    t[1] = ask(&f, "slow", &a[1]);
    t[2] = ask(&f, "x", &a[2]);
    wait_requests(&f.s, 2);
    dobby_get_progress(f.en, t[0], &pr);
    assert_int_equal(pr.state, DOBBY_ST_READING);
    dobby_get_progress(f.en, t[1], &pr);
    assert_int_equal(pr.state, DOBBY_ST_WAITING);
    dobby_cancel(f.en, t[1]);
    dobby_wait(f.en, t[1]);
    assert_int_equal(a[1].status, DOBBY_E_CANCELLED);
    assert_int_equal(a[0].n_calls, 0);
    dobby_cancel(f.en, t[0]);
    dobby_cancel(f.en, t[0]);
    dobby_cancel(f.en, 12345);
    dobby_drain(f.en);
    assert_int_equal(a[0].status, DOBBY_E_CANCELLED);
    assert_int_equal(a[2].status, 0);
    dobby_get_stats(f.en, &st);
    assert_true(st.n_cancelled == 2 && st.n_done == 1 && st.n_failed == 0);
    end(&f);
}

/* Freeing cancels what waits and what is in flight; every callback comes, and may try to go on. */
static void on_done_again(void *ctx, const struct dobby_result *r)
{
    struct answer *a = ctx;
    struct dobby_generate g = options(a + 1);
    struct dobby_message msg = {"user", "x", 1};
    dobby_ticket t;

    on_done(ctx, r);
    if (dobby_submit_chat(the->en, &msg, 1, &g, &t, NULL) == 0)
        dobby_cancel(the->en, t);
}

static void test_free_in_flight(void **state)
{
    struct answer a[12] = {{0}};
    struct fix f;

    (void)state;
    begin(&f, slow, 2);
    for (int i = 0; i < 12; i += 2) {
        struct dobby_generate g = options(&a[i]);

        g.on_done = on_done_again;
        ask_as(&f, "slow", &g);
    }
    wait_requests(&f.s, 3);
    end(&f);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(a[i].n_calls, i % 2 == 0); /* a closing engine takes nothing new */
        assert_int_equal(a[i].status, i % 2 ? 0 : DOBBY_E_CANCELLED);
    }
}

static void test_submit_from_callback(void **state)
{
    struct answer a[2] = {{0}};
    struct dobby_generate g = options(&a[0]);
    struct fix f;

    (void)state;
    begin(&f, plain, 1);
    g.on_done = on_done_again;
    ask_as(&f, "x", &g);
    dobby_drain(f.en);
    assert_int_equal(a[0].status, 0);
    assert_int_equal(a[1].n_calls, 1);
    assert_int_equal(a[1].status, DOBBY_E_CANCELLED);
    end(&f);
}

/* ---- odd and hostile servers ------------------------------------------------------------------------------------- */

struct oddity {
    const char *raw; /* the whole answer */
    int code;        /* what comes of it */
    const char *says;
};

static const struct oddity oddities[] = {
    {"", DOBBY_E_UNAVAILABLE, "is the server running"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"choices\":[", DOBBY_E_UNAVAILABLE, ""},
    {"HTTP/1.1 200 OK\r\nContent-Le", DOBBY_E_UNAVAILABLE, ""},
    {"SSH-2.0-OpenSSH_9.2\r\n", DOBBY_E_FORMAT, "no HTTP answer"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", DOBBY_E_FORMAT, "not JSON"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", DOBBY_E_FORMAT, "no text"},
    {"HTTP/1.1 204 No Content\r\n\r\n", DOBBY_E_UNAVAILABLE, "without content"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", DOBBY_E_UNAVAILABLE, ""},
    {"HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n", DOBBY_E_UNAVAILABLE, "429"},
    {"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", DOBBY_E_UNAVAILABLE, "503"},
    {"HTTP/1.1 413 Big\r\nContent-Length: 0\r\n\r\n", DOBBY_E_LIMIT, "413"},
    {"HTTP/1.1 400 Bad\r\n\r\n{\"error\":\"a\\u001b[2J\\nb\"}", DOBBY_E_FORMAT, "[2J"},
    {"HTTP/1.1 302 Found\r\nLocation: /v1/models\r\nContent-Length: 0\r\n\r\n", DOBBY_E_CONFIG,
     "redirects are not followed"},
    {"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
     DOBBY_E_CONFIG, "redirects"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", DOBBY_E_UNAVAILABLE, ""},
};

static atomic_int odd;
static bool be_odd(struct http_script *s, int fd, const struct http_request *q)
{
    const char *raw;

    (void)s;
    if (is_models(fd, q))
        return true;
    raw = oddities[atomic_load(&odd)].raw;
    http_raw(fd, raw, strlen(raw));
    return false;
}

static void test_odd_servers(void **state)
{
    struct answer a;
    struct fix f;

    (void)state;
    begin(&f, be_odd, 1);
    for (size_t i = 0; i < sizeof(oddities) / sizeof(*oddities); i++) {
        int before = requests(&f);

        atomic_store(&odd, (int)i);
        ask_and_wait(&f, &a);
        if (a.status != oddities[i].code || !strstr(a.message, oddities[i].says))
            fail_msg("%s: %d, %s", oddities[i].raw, a.status, a.message);
        assert_null(strpbrk(a.message, "\x1b\n"));
        assert_int_equal(requests(&f), before + 1); /* nothing is repeated, nothing followed */
    }
    end(&f);
}

/* Bytes without end: a body, then headers. Neither may grow here. */
static bool endless(struct http_script *s, int fd, const struct http_request *q)
{
    bool body = strstr(q->body, "body") != NULL;
    char block[4096];

    if (is_models(fd, q))
        return true;
    memset(block, 'x', sizeof(block));
    http_raw(fd, "HTTP/1.1 200 OK\r\n", 17);
    http_raw(fd, body ? "\r\n" : "X: ", body ? 2 : 3);
    for (size_t sent = 0; sent < (size_t)16 << 20 && !s->closing; sent += sizeof(block))
        http_raw(fd, block, sizeof(block));
    return false;
}

static void test_endless_answers(void **state)
{
    struct answer a = {0}, b = {0};
    struct fix f;

    (void)state;
    begin(&f, endless, 2);
    ask(&f, "body", &a);
    ask(&f, "headers", &b);
    dobby_drain(f.en);
    assert_int_equal(a.status, DOBBY_E_LIMIT);
    assert_non_null(strstr(a.message, "longer than"));
    assert_true(b.status < 0 && b.status != DOBBY_E_TIME);
    end(&f);
}

/* A server that closes each connection after its answer, and one that dies in between. */
static bool closing(struct http_script *s, int fd, const struct http_request *q)
{
    (void)s;
    if (!is_models(fd, q))
        http_reply(fd, 200, CHAT("Yes."));
    return false;
}

static void test_connection_closed_after_each(void **state)
{
    struct answer a;
    struct fix f;

    (void)state;
    begin(&f, closing, 1);
    for (int i = 0; i < 5; i++) {
        ask_and_wait(&f, &a);
        assert_int_equal(a.status, 0);
    }
    end(&f);
}

/* No socket of the engine's would be inherited by a process that is started meanwhile. */
static void test_sockets_are_not_inherited(void **state)
{
    struct answer a;
    struct fix f;
    int n = 0;

    (void)state;
    begin(&f, plain, 1);
    ask_and_wait(&f, &a);
    for (int fd = 3; fd < 256; fd++) {
        struct sockaddr_in at;
        socklen_t len = sizeof(at);

        if (getpeername(fd, (struct sockaddr *)&at, &len) != 0 || at.sin_family != AF_INET ||
            ntohs(at.sin_port) != f.s.port)
            continue; /* none that leads to the server */
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        n++;
    }
    assert_true(n > 0);
    end(&f);
}

static void test_server_dies(void **state)
{
    struct answer a;
    struct fix f;

    (void)state;
    begin(&f, plain, 1);
    ask_and_wait(&f, &a);
    assert_int_equal(a.status, 0);
    http_stop(&f.s);
    ask_and_wait(&f, &a);
    assert_int_equal(a.status, DOBBY_E_UNAVAILABLE);
    dobby_engine_free(f.en);
    strbuf_release(&f.seen);
}

/* ---- log-probabilities refused ----------------------------------------------------------------------------------- */

static bool no_logprobs(struct http_script *s, int fd, const struct http_request *q)
{
    (void)s;
    if (is_models(fd, q))
        return true;
    if (strstr(q->body, "logprobs"))
        http_reply(fd, 400, "{\"error\":{\"message\":\"This model does not support logprobs\"}}");
    else
        http_reply(fd, 200, CHAT("Yes."));
    return true;
}

static void test_logprobs_refused(void **state)
{
    struct answer a;
    struct fix f;

    (void)state;
    begin(&f, no_logprobs, 1);
    ask_and_wait(&f, &a);
    assert_int_equal(a.status, 0);
    assert_int_equal(requests(&f), 3); /* models, refused, asked again */
    ask_and_wait(&f, &a);
    assert_int_equal(a.status, 0);
    assert_int_equal(requests(&f), 4); /* from now on without */
    end(&f);
}

/* ---- faults ------------------------------------------------------------------------------------------------------ */

static void test_faults(void **state)
{
    struct fix f = {.s = {.answer = plain}};
    size_t n = 0;
    bool bit;

    (void)state;
    the = &f;
    f.s.ctx = &f;
    strbuf_puts(&f.seen, "grown before anything is counted: it holds what the server saw ........");
    http_start(&f.s);
    do {
        struct dobby_message msg = {"user", "x", 1};
        struct answer a = {0};
        struct dobby_generate g = options(&a);
        dobby_ticket t;
        int rc;

        f.s.answer = by_path; /* it notes nothing: the server's own memory is not to be refused */
        fault_count(true);
        fault_arm(FAULT_ALLOC, ++n, false);
        {
            struct dobby_remote_options o;
            char url[96];

            snprintf(url, sizeof(url), "http://127.0.0.1:%d/deep/er", f.s.port);
            DOBBY_INIT(o);
            o.url = url;
            o.api_key = "key";
            rc = dobby_engine_connect(&f.en, &o, NULL);
        }
        assert_true(rc == 0 || rc == DOBBY_E_NOMEM);
        if (rc == 0) {
            rc = dobby_submit_chat(f.en, &msg, 1, &g, &t, NULL);
            assert_true(rc == 0 || rc == DOBBY_E_NOMEM);
            dobby_drain(f.en);
            assert_int_equal(a.n_calls, rc == 0);
            assert_true(a.status == 0 || a.status == DOBBY_E_NOMEM);
            rc = a.status ? a.status : rc;
        }
        dobby_engine_free(f.en);
        bit = fault_disarm(FAULT_ALLOC);
        assert_true(bit ? rc == DOBBY_E_NOMEM : rc == 0);
        assert_int_equal(fault_live(), 0);
        fault_count(false);
    } while (bit);
    assert_true(n > 15);
    fault_arm(FAULT_THREAD, 1, false);
    f.s.answer = plain;
    assert_true(connect_to(&f, NULL, NULL, 1, NULL) < 0);
    assert_null(f.en);
    assert_true(fault_disarm(FAULT_THREAD));
    http_stop(&f.s);
    strbuf_release(&f.seen);
}

/* ---- at random --------------------------------------------------------------------------------------------------- */

/* Answers, fails, or dawdles, by the number of the request. */
static bool moody(struct http_script *s, int fd, const struct http_request *q)
{
    if (is_models(fd, q))
        return true;
    switch (q->number % 5) {
    case 0:
        http_linger(s, 3);
        break;
    case 1:
        http_reply(fd, 503, "{}");
        return true;
    case 2:
        return false;
    }
    http_reply(fd, 200, CHAT("Yes."));
    return true;
}

static void test_random(void **state)
{
    static struct answer a[300];
    unsigned seed = 7;
    struct dobby_stats st;
    struct fix f;
    dobby_ticket t[300];
    int n_of[3] = {0};

    (void)state;
    begin(&f, moody, 20);
    for (int i = 0; i < 300; i++) {
        struct dobby_generate g = options(&a[i]);

        seed = seed * 1664525u + 1013904223u;
        g.order = (int)(seed >> 28);
        g.time_limit_ms = 5000;
        t[i] = ask_as(&f, "x", &g);
        if (seed >> 8 & 1)
            dobby_cancel(f.en, t[(seed >> 9) % (unsigned)(i + 1)]);
        if (i % 50 == 49)
            dobby_wait(f.en, t[i]);
    }
    dobby_drain(f.en);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(a[i].n_calls, 1);
        assert_true(a[i].status == 0 || a[i].status == DOBBY_E_CANCELLED ||
                    a[i].status == DOBBY_E_UNAVAILABLE);
        n_of[a[i].status == 0 ? 0 : a[i].status == DOBBY_E_CANCELLED ? 1 : 2]++;
    }
    dobby_get_stats(f.en, &st);
    assert_true(st.n_done == (uint64_t)n_of[0] && st.n_cancelled == (uint64_t)n_of[1] &&
                st.n_failed == (uint64_t)n_of[2]);
    assert_true(n_of[0] > 0 && n_of[1] > 0 && n_of[2] > 0);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chat),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_callback_code),
        cmocka_unit_test(test_connect_status),
        cmocka_unit_test(test_connect_nobody),
        cmocka_unit_test(test_connect_usage),
        cmocka_unit_test(test_url_path),
        cmocka_unit_test(test_no_proxy_for_loopback),
        cmocka_unit_test(test_key_and_trace),
        cmocka_unit_test(test_twenty_in_flight),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_time_limit),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_free_in_flight),
        cmocka_unit_test(test_submit_from_callback),
        cmocka_unit_test(test_odd_servers),
        cmocka_unit_test(test_endless_answers),
        cmocka_unit_test(test_connection_closed_after_each),
        cmocka_unit_test(test_sockets_are_not_inherited),
        cmocka_unit_test(test_server_dies),
        cmocka_unit_test(test_logprobs_refused),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
