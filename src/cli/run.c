/* run.c - `dobby run`: one completion, streamed to stdout (cli).
 *
 * Threads  The engine's dispatcher thread writes the text as it comes; the main thread waits for the last callback
 *          or a signal, whichever is first. What both touch is settled by dobby_wait(). */
#include "base/file.h"
#include "base/mem.h"
#include "base/size.h"
#include "base/thread.h"
#include "base/utf8.h"
#include "cli/catalogue.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "cli/server.h"
#include "cli/sig.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define STDIN_MAX ((size_t)64 << 20)
#define TOKENS    256 /* to write when nothing is said */

struct run_opts {
    const char *model, *prompt, *trace;
    int tokens, threads, chat, isa, exact, merge, no_adapter, chunk, step_ms, kv, stats, quiet;
    size_t memory;
    struct cli_server server;
    struct cli_log log;
};

#define FIELD(f) offsetof(struct run_opts, f)

static const struct opt rows[] = {
    {'m', "model", OPT_STRING, FIELD(model), 0, 0, "MODEL", NULL,
     "File or catalogue name of the model, or MODEL+ADAPTER; with --engine, the server's name"},
    {'p', "prompt", OPT_TEXT, FIELD(prompt), 0, 0, "TEXT", NULL,
     "The prompt; standard input when absent"},
    {'n', "tokens", OPT_INT, FIELD(tokens), 1, 1 << 20, "N", NULL, "Tokens to write at most (256)"},
    {0, "chat", OPT_FLAG, FIELD(chat), 0, 0, NULL, NULL,
     "Put the prompt into the model's chat template"},
    CLI_ENGINE_ROWS(run_opts),
    CLI_SERVER_ROWS(run_opts, server),
    {0, "stats", OPT_FLAG, FIELD(stats), 0, 0, NULL, NULL,
     "Tell tokens and times at the end, on stderr"},
    {0, "trace", OPT_STRING, FIELD(trace), 0, 0, "FILE", NULL,
     "Record what happened when, for Perfetto or Chrome's trace viewer"},
    {'q', "quiet", OPT_FLAG, FIELD(quiet), 0, 0, NULL, NULL, "Errors only"},
    CLI_LOG_ROWS(run_opts, log),
    {.name = NULL},
};

const struct opt_verb opt_verb_run = {"run",
                                      "",
                                      "Stream one completion of a prompt",
                                      "The text is the most probable one (greedy), the same on "
                                      "every run. It goes to standard output and ends\n"
                                      "with a newline of dobby's own. Ctrl-C ends it.\n",
                                      rows,
                                      0,
                                      0};

struct run {
    struct cli *c;
    const struct run_opts *o;
    char *api_key;
    struct dobby_model *model; /* NULL with an engine by URL */
    struct dobby_engine *engine;
    dobby_ticket ticket;
    struct dobby_trace *trace;
    int done_fd; /* an eventfd: readable once on_done has run */
    /* written by the dispatcher thread, read by the main thread after dobby_wait */
    struct out out;
    struct strbuf held; /* bytes of a character that is not whole yet; for terminals only */
    bool screen;
    struct dobby_err err;
    size_t n_prompt, n_cached, n_written;
    double ms_prompt, ms_total;
};

/* A terminal gets no control characters but line feed and tab; a pipe gets every byte. */
static int emit(struct run *r, const char *bytes, size_t len, bool last)
{
    struct strbuf b = {0};
    size_t n;
    int rc;

    if (!r->screen) {
        rc = out_write(&r->out, bytes, len, &r->err);
        return rc < 0 ? rc : out_flush(&r->out, &r->err);
    }
    strbuf_add(&r->held, bytes, len);
    if (strbuf_failed(&r->held))
        return err_nomem(&r->err, "output");
    n = last ? r->held.len : utf8_complete(strbuf_str(&r->held), r->held.len);
    utf8_escape(&b, strbuf_str(&r->held), n, "\n\t");
    if (n > 0) {
        memmove(r->held.s, r->held.s + n, r->held.len - n);
        strbuf_truncate(&r->held, r->held.len - n);
    }
    rc = strbuf_failed(&b) ? err_nomem(&r->err, "output")
                           : out_write(&r->out, strbuf_str(&b), b.len, &r->err);
    strbuf_release(&b);
    return rc < 0 ? rc : out_flush(&r->out, &r->err);
}

static int on_text(void *ctx, dobby_ticket t, const char *bytes, size_t len)
{
    struct run *r = ctx;

    (void)t;
    return r->err.code == 0 ? emit(r, bytes, len, false) : r->err.code;
}

static void on_done(void *ctx, const struct dobby_result *res)
{
    struct run *r = ctx;
    uint64_t one = 1;

    if (r->err.code == 0 && res->status != 0)
        (void)err_set(&r->err, res->status, "%s", *res->message ? res->message : "run: cancelled");
    r->n_prompt = res->n_prompt;
    r->n_cached = res->n_cached;
    r->n_written = res->n_ids;
    r->ms_prompt = res->ms_prompt;
    r->ms_total = res->ms_total;
    while (write(r->done_fd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
}

static int connect_engine(struct run *r, struct dobby_err *e)
{
    struct dobby_remote_options ro;

    DOBBY_INIT(ro);
    ro.url = r->o->server.url;
    ro.model = r->o->model;
    ro.api_key = r->api_key;
    ro.agents = 1;
    ro.trace = r->trace;
    return dobby_engine_connect(&r->engine, &ro, e);
}

static int prompt_ids(struct run *r, const char *text, size_t len, int32_t **ids, size_t *n,
                      struct dobby_err *e)
{
    struct dobby_message msg = {"user", text, len};
    int rc = r->o->chat ? dobby_chat_tokens(r->model, &msg, 1, ids, n, e)
                        : dobby_tokenize(r->model, text, len, 0, 1, ids, n, e);

    if (rc == 0 && *n == 0)
        rc = err_set(e, DOBBY_E_USAGE,
                     "run: the prompt is empty; give it with -p or on standard input");
    return rc;
}

static int open_head(struct run *r, const struct modelref *ref, struct dobby_err *e)
{
    struct dobby_model_options o;

    DOBBY_INIT(o);
    o.exact = r->o->exact;
    o.isa = r->o->isa < 0 ? NULL : cli_isa_names[r->o->isa];
    o.cache_dir = r->c->cache;
    o.head = 1;
    o.adapter = ref->adapter;
    o.merge_type = r->o->merge < 0 ? NULL : cli_merge_names[r->o->merge];
    return dobby_model_open(&r->model, ref->path, &o, e);
}

/* The bound on memory is checked before the weights are loaded: the prompt's length is known by then. */
static int open_engine(struct run *r, size_t n_prompt, struct dobby_err *e)
{
    struct dobby_engine_options eo;
    struct dobby_memory_options mo;
    struct dobby_memory plan;
    int rc;

    DOBBY_INIT(mo);
    mo.memory = r->o->memory;
    mo.threads = r->o->threads;
    mo.agents = 1;
    mo.chunk = r->o->chunk;
    mo.kv = cli_kv_value(r->o->kv);
    mo.tokens_each = n_prompt + (size_t)(r->o->tokens ? r->o->tokens : TOKENS);
    rc = dobby_memory_plan(&plan, r->model, &mo, e);
    if (rc == 0)
        rc = dobby_model_load(r->model, r->o->threads, e);
    if (rc < 0)
        return rc;
    DOBBY_INIT(eo);
    eo.threads = r->o->threads;
    eo.agents = 1;
    eo.chunk = r->o->chunk;
    eo.kv = cli_kv_value(r->o->kv);
    eo.step_ms = r->o->step_ms;
    eo.trace = r->trace;
    eo.context = plan.context;
    eo.kv_memory = plan.kv;
    return dobby_engine_open(&r->engine, r->model, &eo, e);
}

static int open_local(struct run *r, const struct modelref *ref, const char *text, size_t len,
                      int32_t **ids, size_t *n, struct dobby_err *e)
{
    int rc = open_head(r, ref, e);

    if (rc == 0)
        rc = prompt_ids(r, text, len, ids, n, e);
    return rc == 0 ? open_engine(r, *n, e) : rc;
}

/* Sleep until the last callback; a signal cancels, which brings that callback about. */
static int wait_for_end(struct run *r, struct dobby_err *e)
{
    int seen = 0, rc;

    do {
        rc = sig_wait_fd(r->done_fd, -1, seen, e);
        if (*sig_stop() != seen) {
            seen = *sig_stop();
            dobby_cancel(r->engine, r->ticket);
        }
    } while (rc == 0);
    if (rc < 0)
        dobby_cancel(r->engine, r->ticket);
    dobby_wait(r->engine, r->ticket);
    return rc < 0 ? rc : 0;
}

/* ids: for the model's own engine; a server takes the words. */
static int generate(struct run *r, const char *text, size_t len, const int32_t *ids, size_t n,
                    struct dobby_err *e)
{
    struct dobby_generate g;
    struct dobby_message msg = {"user", text, len};
    int rc;

    DOBBY_INIT(g);
    g.max_tokens = r->o->tokens ? r->o->tokens : TOKENS;
    g.ctx = r;
    g.on_text = on_text;
    g.on_done = on_done;
    rc = r->model     ? dobby_submit(r->engine, ids, n, &g, &r->ticket, e)
         : r->o->chat ? dobby_submit_chat(r->engine, &msg, 1, &g, &r->ticket, e)
                      : dobby_submit_text(r->engine, text, len, &g, &r->ticket, e);
    if (rc == 0)
        rc = wait_for_end(r, e);
    if (rc == 0 && r->err.code != 0 && r->err.code != DOBBY_E_CANCELLED)
        rc = err_set(e, r->err.code, "%s", r->err.message);
    if (rc == 0 && emit(r, "\n", 1, true) < 0)
        rc = err_set(e, r->err.code, "%s", r->err.message);
    if (rc == 0 && r->err.code == DOBBY_E_CANCELLED)
        rc = err_set(e, r->err.code, "%s", r->err.message);
    return rc;
}

static void tell_stats(struct run *r, double s_load)
{
    struct strbuf load = {0};
    double s_prompt = r->ms_prompt / 1000, s_write = (r->ms_total - r->ms_prompt) / 1000;

    cli_put_seconds(&load, s_load);
    if (r->model)
        term_say(&r->c->term,
                 "model loaded in %s; %zu prompt tokens (%zu from cache) in %.2f s, %.1f a second; "
                 "%zu written in %.2f s, %.1f a second",
                 strbuf_str(&load), r->n_prompt, r->n_cached, s_prompt,
                 s_prompt > 0 ? (double)(r->n_prompt - r->n_cached) / s_prompt : 0, r->n_written,
                 s_write, s_write > 0 ? (double)r->n_written / s_write : 0);
    else /* a server does not tell how long it read */
        term_say(&r->c->term,
                 "server reached in %s; %zu prompt tokens (%zu from its cache) read and %zu "
                 "written in %.2f s",
                 strbuf_str(&load), r->n_prompt, r->n_cached, r->n_written, r->ms_total / 1000);
    strbuf_release(&load);
}

/* ref  the model; its path NULL: a server has it */
static int run(struct run *r, const struct modelref *ref, struct dobby_err *e)
{
    struct strbuf text = {0};
    double start = time_now(), s_load;
    int32_t *ids = NULL;
    size_t n = 0, len;
    const char *p;
    int rc = 0;

    if (!r->o->prompt)
        rc = cli_read_stdin(&text, STDIN_MAX, e);
    p = r->o->prompt ? r->o->prompt : strbuf_str(&text);
    len = r->o->prompt ? strlen(p) : text.len;
    if (rc == 0)
        rc = ref->path ? open_local(r, ref, p, len, &ids, &n, e) : connect_engine(r, e);
    s_load = time_now() - start;
    sig_install(); /* up to here nothing is lost when a signal ends the process */
    if (rc == 0)
        rc = out_open(&r->out, NULL, e);
    if (rc == 0)
        rc = generate(r, p, len, ids, n, e);
    if (rc == 0 && r->o->stats)
        tell_stats(r, s_load);
    dobby_engine_free(r->engine);
    dobby_model_free(r->model);
    dobby_free(ids);
    strbuf_release(&text);
    return rc;
}

static int check_options(const struct run_opts *o, struct dobby_err *e)
{
    struct cli_local local = {
        o->chunk,      o->step_ms,
        o->kv,         o->isa,
        o->exact,      o->merge,
        o->no_adapter, o->threads ? "--threads" : o->memory ? "--memory" : NULL};

    return cli_server_check(&o->server, "run", &local, e);
}

int verb_run(struct cli *c, int argc, char **argv)
{
    struct run_opts o = {.isa = -1, .kv = -1, .merge = -1, .log.level = LOG_WARN};
    struct run r = {.c = c, .o = &o, .out.fd = -1};
    struct opt_operands operands;
    struct modelref ref = {0};
    struct dobby_err e = {0};
    int rc = cli_options(c, &opt_verb_run, argc, argv, &o, &operands);

    if (rc >= 0)
        return rc;
    cli_log_apply(c, &o.log, o.quiet);
    r.screen = isatty(STDOUT_FILENO);
    r.done_fd = eventfd(0, EFD_CLOEXEC);
    rc =
        r.done_fd < 0 ? err_errno(&e, errno, NULL, "run: an event counter") : check_options(&o, &e);
    if (rc == 0)
        rc = cli_server_key(&r.api_key, c, &o.server, &e);
    if (rc == 0 && !o.server.url) { /* a server has its own models */
        rc = modelref_resolve(&ref, c, o.model, &e);
        if (rc == 0)
            rc = modelref_check(&ref, o.no_adapter != 0, "run", &e);
        if (rc == 0)
            rc = modelref_present(&ref, &e);
    }
    if (rc == 0 && o.trace)
        rc = dobby_trace_open(&r.trace, o.trace, &e);
    if (rc == 0)
        rc = run(&r, &ref, &e);
    rc = cli_close_trace(r.trace, rc, &e);
    if (r.done_fd >= 0)
        close(r.done_fd);
    rc = rc == 0 ? EXIT_DONE : r.out.broken ? EXIT_IO : cli_fail(c, &e);
    out_release(&r.out);
    strbuf_release(&r.held);
    modelref_release(&ref);
    mem_free(r.api_key);
    return rc;
}
