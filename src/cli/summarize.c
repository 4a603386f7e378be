/* summarize.c - `dobby summarize`, the main job: options in, progress on stderr, rows out; and `dobby watch`, the same again and
 * again without rows (cli).
 *
 * Threads  Events may come from the library's threads; what they touch here (struct view) has a lock.
 * Next     view.h for the progress line, rows.h for results. */
#include "base/file.h"
#include "base/mem.h"
#include "base/size.h"
#include "cli/adapters.h"
#include "cli/catalogue.h"
#include "cli/cli.h"
#include "cli/overview.h"
#include "cli/rows.h"
#include "cli/server.h"
#include "cli/sig.h"
#include "cli/view.h"

#include <string.h>
#include <sys/stat.h>

struct summarize_opts {
    const char *model, *second, *store, *trace, *since;
    struct rows_to to;
    int agents, threads, chunk, step_ms, kv, isa, exact, merge, no_adapter, time_limit;
    int limit, no_docs, dry_run, json, refresh, fast, stats, quiet;
    size_t memory;
    struct cli_server server;
    struct cli_log log;
};

#define FIELD(f)       offsetof(struct summarize_opts, f)
#define TIME_LIMIT_MAX (24 * 60 * 60) /* seconds */

/* Rows that summarize and watch share: how the work is done; what is kept; what is said. */
#define WORK_ROWS                                                                                  \
    {'m',                                                                                          \
     "model",                                                                                      \
     OPT_STRING,                                                                                   \
     FIELD(model),                                                                                 \
     0,                                                                                            \
     0,                                                                                            \
     "MODEL",                                                                                      \
     NULL,                                                                                         \
     "File or catalogue name of the model, or MODEL+ADAPTER; with --engine, the server's name"},   \
        {0,                                                                                        \
         "second",                                                                                 \
         OPT_STRING,                                                                               \
         FIELD(second),                                                                            \
         0,                                                                                        \
         0,                                                                                        \
         "MODEL",                                                                                  \
         NULL,                                                                                     \
         "A larger model, asked about what the first leaves refused or doubtful"},                 \
        {0,           "fast", OPT_FLAG,                                                            \
         FIELD(fast), 0,      0,                                                                   \
         NULL,        NULL,   "The small model: quick, and much worse (-m " CATALOGUE_FAST ")"},   \
        {0,                                                                                        \
         "agents",                                                                                 \
         OPT_INT,                                                                                  \
         FIELD(agents),                                                                            \
         1,                                                                                        \
         CLI_AGENTS_MAX,                                                                           \
         "N",                                                                                      \
         NULL,                                                                                     \
         "Units in flight at most (10)"},                                                          \
        CLI_ENGINE_ROWS(summarize_opts), CLI_SERVER_ROWS(summarize_opts, server),                  \
    {                                                                                              \
        0, "time-limit", OPT_INT, FIELD(time_limit), 1, TIME_LIMIT_MAX, "N", NULL,                 \
            "Seconds of one try of one unit; then it is tried again (600)"                         \
    }
#define NO_DOCS_ROW                                                                                \
    {                                                                                              \
        0, "no-docs", OPT_FLAG, FIELD(no_docs), 0, 0, NULL, NULL,                                  \
            "Hide doc comments and summarise from the code"                                        \
    }
#define STORE_ROW                                                                                  \
    {                                                                                              \
        0, "store", OPT_STRING, FIELD(store), 0, 0, "FILE", NULL,                                  \
            "The store (.dobby/dobby.db of the tree)"                                              \
    }
#define QUIET_ROWS                                                                                 \
    {'q', "quiet", OPT_FLAG, FIELD(quiet), 0, 0, NULL, NULL, "No progress, errors only"},          \
        CLI_LOG_ROWS(summarize_opts, log)

static const struct opt rows[] = {
    WORK_ROWS,
    ROWS_FORM_ROW(summarize_opts, to),
    ROWS_OUTPUT_ROW(summarize_opts, to),
    ROWS_TITLE_ROW(summarize_opts, to),
    {0, "limit", OPT_INT, FIELD(limit), 1, 1 << 30, "N", NULL, "Do the first N units only"},
    {0, "since", OPT_STRING, FIELD(since), 0, 0, "REV", NULL,
     "Look at files only that differ from this git commit"},
    NO_DOCS_ROW,
    {0, "refresh", OPT_FLAG, FIELD(refresh), 0, 0, NULL, NULL,
     "Redo what was kept although a neighbour changed"},
    STORE_ROW,
    {0, "dry-run", OPT_FLAG, FIELD(dry_run), 0, 0, NULL, NULL,
     "Print the plan: files, units, what is skipped and why"},
    {0, "json", OPT_FLAG, FIELD(json), 0, 0, NULL, NULL, "With --dry-run: one JSON object a file"},
    {0, "stats", OPT_FLAG, FIELD(stats), 0, 0, NULL, NULL,
     "Tell counts, tokens and times at the end, on stderr"},
    {0, "trace", OPT_STRING, FIELD(trace), 0, 0, "FILE", NULL,
     "Record what happened when, for Perfetto or Chrome's trace viewer"},
    QUIET_ROWS,
    {.name = NULL},
};

static const struct opt watch_rows[] = {
    WORK_ROWS,
    NO_DOCS_ROW,
    STORE_ROW,
    {0, "stats", OPT_FLAG, FIELD(stats), 0, 0, NULL, NULL,
     "Tell counts, tokens and times after each run, on stderr"},
    QUIET_ROWS,
    {.name = NULL},
};

const struct opt_verb opt_verb_summarize = {
    "summarize",
    "PATH",
    "Summarise every function and type below a directory, or of one file",
    "Files of languages that dobby has no parser for, notebooks and blocks of code in Markdown "
    "are\n"
    "summarised in chunks; the manual page lists them.\n"
    "What is already in the store and unchanged is not done again. Ctrl-C finishes the units in "
    "flight, a\n"
    "second one leaves at once; both keep what was done, and the next run goes on from there.\n"
    "For Markdown, -o with a directory (or a name that ends in a slash) writes a tree of pages.\n"
    "\nExit status: 0 all done, 75 some units left undone (run it again), 130 after Ctrl-C; others "
    "as in the\n"
    "manual page.\n",
    rows,
    1,
    1};

const struct opt_verb opt_verb_watch = {
    "watch",
    "PATH",
    "Keep the summaries of a directory, or of one file, up to date as it changes",
    "Does what summarize does, then waits until a file changes and does what became due, until "
    "Ctrl-C.\n"
    "Nothing is printed on standard output: show, status and other programs read the store.\n"
    "\nExit status: 130 after Ctrl-C; others as in the manual page.\n",
    watch_rows,
    1,
    1};

/* Whose text it may be. */
struct models {
    struct modelref first, second; /* second: path NULL without one */
};

struct job {
    struct cli *c;
    const struct summarize_opts *o;
    char *api_key, *adapter_dir;
    struct view view;
    struct out plan; /* of a dry run */
    struct rows rows;
    bool told; /* watch: the first run's counts */
    struct dobby_trace *trace;
    struct dobby_err err; /* the first failure of an output */
};

/* ---- dry run ----------------------------------------------------------------------------------- */

static void on_plan_file(struct job *j, const char *json)
{
    struct strbuf b = {0};

    if (j->err.code)
        return;
    if (j->o->json)
        strbuf_printf(&b, "%s\n", json);
    else
        view_plan_line(&b, json);
    if (strbuf_failed(&b))
        (void)err_nomem(&j->err, "the plan");
    else if (out_write(&j->plan, strbuf_str(&b), b.len, &j->err) < 0)
        sig_stop_now();
    strbuf_release(&b);
}

static void on_event(void *ctx, const struct dobby_event *ev)
{
    struct job *j = ctx;

    if (ev->kind == DOBBY_EV_FILE)
        on_plan_file(j, ev->text);
    else
        view_event(&j->view, ev);
}

static int on_row(void *ctx, const struct dobby_row *row)
{
    struct job *j = ctx;

    if (j->rows.n == 0)
        term_clear(&j->c->term); /* results may go to the same screen */
    return rows_put(&j->rows, row);
}

/* ---- the run ----------------------------------------------------------------------------------- */

static void fill(struct dobby_summarize *s, struct job *j, const char *path, const struct models *m)
{
    const struct summarize_opts *o = j->o;
    const struct modelref *ref = &m->first;

    DOBBY_INIT(*s);
    s->path = path;
    s->model_path = ref->path;
    s->model_name = o->server.url ? o->model : ref->known ? ref->known->name : NULL;
    s->engine_url = o->server.url;
    s->api_key = j->api_key;
    s->adapter = ref->adapter;
    s->adapter_dir = o->no_adapter ? NULL : j->adapter_dir;
    s->second_path = m->second.path;
    s->second_name = m->second.known ? m->second.known->name : NULL;
    s->second_adapter = m->second.adapter;
    s->merge_type = o->merge < 0 ? NULL : cli_merge_names[o->merge];
    s->store_path = o->store;
    s->cache_dir = j->c->cache;
    s->worker_path =
        "/proc/self/exe"; /* this very program, even if its file was replaced meanwhile */
    s->isa = o->isa < 0 ? NULL : cli_isa_names[o->isa];
    s->agents = o->agents;
    s->threads = o->threads;
    s->chunk = o->chunk;
    s->step_ms = o->step_ms;
    s->time_limit_ms = o->time_limit * 1000;
    s->trace = j->trace;
    s->kv = cli_kv_value(o->kv);
    s->exact = o->exact;
    s->memory = o->memory;
    s->limit = (size_t)o->limit;
    s->no_docs = o->no_docs;
    s->dry_run = o->dry_run;
    s->refresh = o->refresh;
    s->since = o->since;
    s->stop = sig_stop();
    s->ctx = j;
    s->on_event = on_event;
    s->on_row = o->dry_run ? NULL : on_row;
}

static int open_output(struct job *j, const char *path, struct dobby_err *e)
{
    struct rows_to to = j->o->to;

    if (j->o->dry_run)
        return out_open(&j->plan, to.output, e);
    to.of = path;
    return rows_open(&j->rows, "summarize", &to, e);
}

/* The index of a tree of pages begins with the overview; a tree without files has none. */
static int put_overview(struct job *j, const char *path, struct dobby_err *e)
{
    struct dobby_err why = {0};
    char *text = NULL;
    int rc = overview_text(&text, "summarize", path, j->o->store, 0, &why);

    if (rc == 0)
        strbuf_puts(&j->rows.tree.head, text);
    dobby_free(text);
    return rc == 0 || rc == DOBBY_E_NOTFOUND ? 0 : err_set(e, rc, "%s", why.message);
}

/* Rows of a run that was stopped are not all there: a file keeps what it held before. */
static int commit_output(struct job *j, const char *path, int rc, struct dobby_err *e)
{
    int rc2 = 0;

    if (rc != 0 && rc != DOBBY_E_UNDONE)
        return rc;
    if (!j->o->dry_run && j->rows.is_tree)
        rc2 = put_overview(j, path, e);
    if (rc2 == 0)
        rc2 = j->o->dry_run ? out_commit(&j->plan, e) : rows_commit(&j->rows, e);
    return rc2 < 0 ? rc2 : rc;
}

/* The library says only that a file is not there; the person wants to know how to get it. */
static bool lacks(const struct modelref *ref, const struct dobby_err *e)
{
    return ref->path && strstr(e->message, ref->path) && !file_exists(ref->path);
}

static int better_error(const struct models *m, const char *path, int rc, struct dobby_err *e)
{
    const struct modelref *ref = lacks(&m->first, e) ? &m->first : &m->second;
    struct stat st;

    if (rc != DOBBY_E_NOTFOUND || !lacks(ref, e) || stat(path, &st) < 0)
        return rc;
    err_clear(e);
    return modelref_present(ref, e);
}

static int run(struct job *j, const char *path, const struct models *m, struct dobby_err *e)
{
    struct dobby_summary_stats st = {0};
    struct dobby_err late = {0}; /* "left undone" must not hide a failure to write the results */
    struct dobby_summarize s;
    int rc = open_output(j, path, e);

    if (rc < 0)
        return rc;
    fill(&s, j, path, m);
    sig_install();
    rc = dobby_summarize_tree(&s, &st, e);
    term_clear(&j->c->term);
    view_undone(&j->view);
    if (j->err.code || j->rows.err.code) {
        err_clear(e);
        return err_set(e, j->err.code ? j->err.code : j->rows.err.code, "%s",
                       j->err.code ? j->err.message : j->rows.err.message);
    }
    rc = better_error(m, path, rc, e);
    rc = commit_output(j, path, rc, &late);
    if (late.code) {
        err_clear(e);
        return err_set(e, late.code, "%s", late.message);
    }
    if (rc == 0 || rc == DOBBY_E_UNDONE || rc == DOBBY_E_CANCELLED)
        view_summary(&j->view, &st, rc, j->o->dry_run != 0, j->o->stats != 0);
    return rc;
}

static int check_options(const struct summarize_opts *o, const char *verb, struct dobby_err *e)
{
    struct cli_local local = {o->chunk, o->step_ms, o->kv,         o->isa,
                              o->exact, o->merge,   o->no_adapter, o->fast ? "--fast" : NULL};

    if (o->json && !o->dry_run)
        return err_set(e, DOBBY_E_USAGE,
                       "summarize: --json: only with --dry-run; for results use --format jsonl");
    if (o->fast && o->model)
        return err_set(e, DOBBY_E_USAGE,
                       "%s: --fast: chooses a model, and so does -m; give one of them", verb);
    if (o->second && o->server.url)
        return err_set(e, DOBBY_E_USAGE,
                       "%s: --second: a model after one on this machine, and --engine names a "
                       "server; leave one of them out",
                       verb);
    return cli_server_check(&o->server, verb, &local, e);
}

static int resolve(struct job *j, struct models *m, const char *verb, struct dobby_err *e)
{
    const struct summarize_opts *o = j->o;
    int rc = modelref_resolve(&m->first, j->c, o->fast ? CATALOGUE_FAST : o->model, e);

    if (rc == 0 && o->second)
        rc = modelref_resolve(&m->second, j->c, o->second, e);
    if (rc == 0)
        rc = modelref_check(&m->first, o->no_adapter != 0, verb, e);
    if (rc == 0)
        rc = modelref_check(&m->second, o->no_adapter != 0, verb, e);
    return rc == 0 ? adapters_dir(&j->adapter_dir, e) : rc;
}

/* Whose models it will be: the options fit together, the server's key is read, the models' files are known. */
static int prepare(struct job *j, struct models *m, const char *verb, struct dobby_err *e)
{
    const struct summarize_opts *o = j->o;
    int rc = check_options(o, verb, e);

    if (rc == 0)
        rc = cli_server_key(&j->api_key, j->c, &o->server, e);
    if (rc == 0 && !o->server.url) /* a server has its own models */
        rc = resolve(j, m, verb, e);
    return rc;
}

static void models_release(struct models *m)
{
    modelref_release(&m->first);
    modelref_release(&m->second);
}

/* After each run of watch: its counts if it did anything, and a view that begins anew. */
static void on_round(void *ctx, const struct dobby_summary_stats *st, int rc)
{
    struct job *j = ctx;

    term_clear(&j->c->term);
    view_undone(&j->view);
    if (rc != 0 || st->n_done > 0 || !j->told)
        view_summary(&j->view, st, rc, false, j->o->stats != 0);
    j->told = true;
    view_release(&j->view);
    view_init(&j->view, &j->c->term);
}

static int watch(struct job *j, const char *path, const struct models *m, struct dobby_err *e)
{
    struct dobby_summarize s;
    int rc;

    fill(&s, j, path, m);
    s.on_row = NULL;
    sig_install();
    rc = dobby_watch_tree(&s, on_round, e);
    term_clear(&j->c->term);
    return better_error(m, path, rc, e);
}

int verb_watch(struct cli *c, int argc, char **argv)
{
    struct summarize_opts o = {.isa = -1, .kv = -1, .merge = -1, .log.level = LOG_WARN};
    struct job j = {.c = c, .o = &o};
    struct opt_operands operands;
    struct models m = {0};
    struct dobby_err e = {0};
    int rc = cli_options(c, &opt_verb_watch, argc, argv, &o, &operands);

    if (rc >= 0)
        return rc;
    cli_log_apply(c, &o.log, o.quiet);
    view_init(&j.view, &c->term);
    rc = prepare(&j, &m, "watch", &e);
    if (rc == 0)
        rc = watch(&j, operands.arg[0], &m, &e);
    models_release(&m);
    mem_free(j.api_key);
    mem_free(j.adapter_dir);
    view_release(&j.view);
    return cli_fail(c, &e);
}

int verb_summarize(struct cli *c, int argc, char **argv)
{
    struct summarize_opts o = {.isa = -1, .kv = -1, .merge = -1, .log.level = LOG_WARN};
    struct job j = {.c = c, .o = &o, .plan.fd = -1, .rows.out.fd = -1, .rows.tree.fd = -1};
    struct opt_operands operands;
    struct models m = {0};
    struct dobby_err e = {0};
    bool broken;
    int rc = cli_options(c, &opt_verb_summarize, argc, argv, &o, &operands);

    if (rc >= 0)
        return rc;
    cli_log_apply(c, &o.log, o.quiet);
    view_init(&j.view, &c->term);
    rc = prepare(&j, &m, "summarize", &e);
    if (rc == 0 && o.trace)
        rc = dobby_trace_open(&j.trace, o.trace, &e);
    if (rc == 0)
        rc = run(&j, operands.arg[0], &m, &e);
    rc = cli_close_trace(j.trace, rc, &e);
    broken = j.plan.broken || j.rows.out.broken;
    out_release(&j.plan);
    rows_release(&j.rows);
    models_release(&m);
    mem_free(j.api_key);
    mem_free(j.adapter_dir);
    view_release(&j.view);
    if (broken)
        return EXIT_IO;
    return rc < 0 ? cli_fail(c, &e) : EXIT_DONE;
}
