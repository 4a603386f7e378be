/* summarize.c - dobby_summarize_tree: the stages of a run, one after the other (pipeline).
 *
 *     walk -> scan (read, hash, parse what is new) -> plan (store, keys) -> run (engine) -> rows
 *                                                          `-> roll-up       `-> roll-up
 *
 * The lock of the store is taken before the scan, so that two runs never do the same work; the model is opened after
 * the plan, and only if something is left to ask. With an engine by URL no model file is there: the server is asked for the
 * name of its model when the first key is wanted, and not at all when the caller gave one and nothing is left to ask. With a second
 * model the run has two passes (struct pass): what the first puts off the second is asked, and only one of them is loaded. Next: scan.h, plan.h, run.h in this order. */
#include "dobby.h"

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/sha256.h"
#include "base/thread.h"
#include "base/trace.h"
#include "base/utf8.h"
#include "code/since.h"
#include "llm/remote_msg.h"
#include "pipeline/agents.h"
#include "pipeline/plan.h"
#include "pipeline/rollup.h"
#include "pipeline/run.h"
#include "pipeline/summarize.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEFAULT_AGENTS 10
#define MAX_AGENTS     4096
#define MAX_EVENTS     1000 /* notes that are kept in the store, a run; failures as many */
#define TIME_LIMIT_MS  (10 * 60 * 1000) /* of one try of one agent, unless said otherwise */

/* The first model is asked about all items of the plan, a second one about those that the first put off. */
struct pass {
    struct question *q;
    size_t which; /* 0, 1 */
    size_t n;
    struct run_item *items;
    size_t *order;               /* [n]: which items of the plan */
    struct run_earlier *earlier; /* [n]: of a second pass; else NULL */
    struct run_earlier *defer;   /* [n]: of a first pass that a second one may follow; else NULL */
};

struct job {
    struct dobby_summarize o;
    struct dobby_summary_stats *st;
    struct dobby_err *e;
    double start;
    struct walk walk;
    struct store_place place;
    struct store *store;
    struct store_reader *reader;
    struct store_txn *txn; /* what goes to the store with the next commit */
    struct scan scan;
    struct context *context;
    struct question question, second; /* second: nothing without a second model */
    struct plan plan;
    const struct pass *pass; /* while questions are asked */
    struct dobby_engine *engine;
    const struct run_engine *given;   /* NULL: the model's own engine, or the server's */
    char *server_model;               /* the name that rows and keys have for a server's model */
    char *adapter;                    /* of the directory's; NULL: none, or o.adapter */
    char *model_name;                 /* with an adapter's behind it; NULL: o.model_name as it is */
    char *second_name;                /* the same of o.second_name */
    struct run_counts counts, before; /* of the pass; of the one before it */
    struct store_run run;
    size_t n_events, n_failures; /* put to the store */
    int trace_group;
    char *scope; /* PATH relative to the root */
    struct strbuf label, source, code;
    size_t source_file; /* whose text is in source; SIZE_MAX: none */
};

/* ---- events ------------------------------------------------------------------------------------- */

static int64_t wall_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The counts as they are now. */
static struct dobby_event event_now(const struct job *j, enum dobby_event_kind kind,
                                    const char *text)
{
    return (struct dobby_event){
        .kind = kind,
        .text = text,
        .n_total = j->scan.n_units,
        .n_done = j->plan.n_doc + j->before.n_done + j->counts.n_done,
        .n_cached = j->plan.n_cached,
        .n_failed = j->plan.n_changed + j->before.n_failed + j->counts.n_failed,
        .n_running = j->counts.n_running,
        .n_tokens_read = j->before.n_read + j->counts.n_read,
        .n_tokens_written = j->before.n_written + j->counts.n_written,
        .seconds = time_now() - j->start,
        .n_tokens_computed = j->before.n_computed + j->counts.n_computed,
        .agents = j->counts.agents,
        .n_agents = j->counts.n_agents,
    };
}

static void emit(struct job *j, enum dobby_event_kind kind, const char *text)
{
    struct dobby_event ev = event_now(j, kind, text);

    if (j->o.on_event)
        j->o.on_event(j->o.ctx, &ev);
}

/* One question, or one file, that is left undone; what and why go to the store, too. */
static void tell_failed(struct job *j, const char *what, const char *why, int tries, size_t n_units)
{
    struct dobby_event ev = event_now(j, DOBBY_EV_FAILED, what);
    struct strbuf b = {0};

    ev.failure = why;
    ev.n_tries = tries;
    ev.n_units = n_units;
    strbuf_printf(&b, "%s: %s (%d tries, %zu units)", what, why, tries, n_units);
    if (j->txn && !strbuf_failed(&b) && j->n_failures++ < MAX_EVENTS)
        store_put_event(j->txn, j->run.id, wall_ms(), "failed", strbuf_str(&b));
    strbuf_release(&b);
    if (j->o.on_event)
        j->o.on_event(j->o.ctx, &ev);
}

/* A stage has ended that began at `start`. */
static double stage_done(struct job *j, const char *name, double start)
{
    double now = time_now();

    trace_span(j->o.trace, j->trace_group, 0, name, start, now, "\"units\":%zu", j->scan.n_units);
    return now - start;
}

static void on_note(void *ctx, const char *line)
{
    struct job *j = ctx;

    if (j->txn && j->n_events++ < MAX_EVENTS)
        store_put_event(j->txn, j->run.id, wall_ms(), "note", line);
    emit(j, DOBBY_EV_NOTE, line);
}

static void on_change(void *ctx, const struct run_counts *c, int tick)
{
    (void)c; /* it is j->counts */
    emit(ctx, tick ? DOBBY_EV_TICK : DOBBY_EV_UNIT, NULL);
}

static bool stopped(const struct job *j)
{
    return j->o.stop && *j->o.stop;
}

/* ---- options ------------------------------------------------------------------------------------ */

/* What a model is called that nobody named. */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static int check_second(struct dobby_summarize *o, struct dobby_err *e)
{
    if (o->second_path && !o->model_path)
        return err_set(e, DOBBY_E_USAGE,
                       "summarize: a second model, and no model file that is asked first; name "
                       "one");
    if (o->second_adapter && !o->second_path)
        return err_set(e, DOBBY_E_USAGE,
                       "summarize: an adapter for a second model, and no such model; name one");
    if (!o->second_name && o->second_path)
        o->second_name = base_name(o->second_path);
    return 0;
}

static int check_options(struct dobby_summarize *o, struct dobby_err *e)
{
    if (!o->path || !o->worker_path)
        return err_set(e, DOBBY_E_USAGE, "summarize: %s is not set",
                       o->path ? "worker_path" : "path");
    if (o->agents < 0 || o->agents > MAX_AGENTS)
        return err_set(e, DOBBY_E_USAGE, "summarize: %d agents; use 1 to %d", o->agents,
                       MAX_AGENTS);
    if (o->time_limit_ms < 0 || o->step_ms < 0)
        return err_set(e, DOBBY_E_USAGE, "summarize: %s: %d is negative; use 0 for the default",
                       o->step_ms < 0 ? "step_ms" : "time_limit_ms",
                       o->step_ms < 0 ? o->step_ms : o->time_limit_ms);
    if (o->agents == 0)
        o->agents = DEFAULT_AGENTS;
    if (o->engine_url && o->model_path)
        return err_set(e, DOBBY_E_USAGE,
                       "summarize: both a model file and an engine's URL; give one of them");
    if (o->adapter && !o->model_path)
        return err_set(e, DOBBY_E_USAGE,
                       "summarize: an adapter, and no model file that it could be added to; name "
                       "one");
    if (o->time_limit_ms == 0)
        o->time_limit_ms = TIME_LIMIT_MS;
    if (o->memory == 0)
        o->memory = memory_auto("");
    if (!o->model_name && o->model_path)
        o->model_name = base_name(o->model_path);
    return check_second(o, e);
}

/* ---- the adapter ---------------------------------------------------------------------------------- */

/* *name becomes "MODEL+ADAPTER", with the adapter's file name without its end; *mem holds it. */
static int name_adapter(struct job *j, char **mem, const char **name, const char *adapter)
{
    const char *base = base_name(adapter);
    size_t n = strlen(base);
    struct strbuf b = {0};

    if (n > 5 && strcmp(base + n - 5, ".gguf") == 0)
        n -= 5;
    strbuf_printf(&b, "%s+%.*s", *name, (int)n, base);
    *mem = strbuf_take(&b, NULL);
    strbuf_release(&b);
    *name = *mem;
    return *mem ? 0 : err_nomem(j->e, "a model's name");
}

static int take_adapter(struct job *j)
{
    int rc = 0;

    if (!j->o.adapter && j->o.adapter_dir && j->o.model_path)
        rc = question_find_adapter(&j->adapter, j->o.adapter_dir, j->o.model_path, j->o.cache_dir,
                                   j->e);
    j->o.adapter = j->adapter ? j->adapter : j->o.adapter;
    if (rc == 0 && j->o.merge_type && !j->o.adapter)
        rc = err_set(j->e, DOBBY_E_USAGE,
                     "summarize: a type for merged weights (%.20s), and no adapter to merge",
                     j->o.merge_type);
    if (rc == 0 && j->o.adapter)
        rc = name_adapter(j, &j->model_name, &j->o.model_name, j->o.adapter);
    j->question.adapter_path = j->o.adapter;
    j->question.merge_type = j->o.merge_type;
    return rc;
}

static int take_second(struct job *j)
{
    int rc = 0;

    if (!j->o.second_path)
        return 0;
    if (j->o.second_adapter)
        rc = name_adapter(j, &j->second_name, &j->o.second_name, j->o.second_adapter);
    question_init(&j->second, j->o.second_path, j->o.cache_dir, j->o.exact, j->o.kv);
    j->second.adapter_path = j->o.second_adapter;
    j->second.name = j->o.second_name;
    j->second.isa = j->o.isa;
    j->second.own = j->given == NULL;
    j->question.second = &j->second;
    return rc;
}

/* ---- walk and scan ------------------------------------------------------------------------------ */

static int mark_unchanged(struct job *j)
{
    struct since_options o = {.rev = j->o.since,
                              .scope = j->scope,
                              .worker_path = j->o.worker_path,
                              .memory = j->st->memory,
                              .stop = j->o.stop};

    return j->o.since ? since_mark(&j->walk, &o, j->e) : 0;
}

static int do_walk(struct job *j)
{
    struct walk_options o = {.stop = j->o.stop};
    double start = time_now();
    int rc;

    emit(j, DOBBY_EV_STAGE, "walk");
    rc = walk_tree(&j->walk, j->o.path, &o, j->e);
    if (rc == 0)
        rc = walk_scope(&j->scope, &j->walk, j->o.path, j->e);
    if (rc == 0)
        rc = mark_unchanged(j);
    j->st->s_walk = stage_done(j, "walk", start);
    return rc;
}

static int do_scan(struct job *j)
{
    struct scan_options o = {
        .scope = {j->scope, strlen(j->scope)},
        .worker_path = j->o.worker_path,
        .parsers = j->o.threads,
        .memory = j->st->memory,
        .limit = j->o.limit,
        .no_docs = j->o.no_docs,
        .stop = j->o.stop,
        .on_note = on_note,
        .ctx = j,
    };
    double start = time_now();
    int rc;

    emit(j, DOBBY_EV_STAGE, "parse");
    rc = scan_tree(&j->scan, &j->walk, j->reader, &o, j->e);
    j->st->n_files = j->scan.n_files;
    j->st->n_skipped = j->scan.n_skipped;
    j->st->n_units = j->scan.n_units;
    j->st->n_unparsed = j->scan.n_unparsed;
    j->st->n_parser_ends = j->scan.n_parser_ends;
    j->st->s_parse = j->scan.s_parse;
    (void)stage_done(j, "parse", start);
    return rc;
}

/* ---- dry run ------------------------------------------------------------------------------------ */

static void put_json(struct strbuf *b, const char *before, const char *s, size_t n)
{
    strbuf_puts(b, before);
    json_put_string(b, s, n);
}

static void put_path(struct strbuf *b, const struct walk_file *wf)
{
    char hex[3];

    if (utf8_valid(wf->path, wf->path_len)) {
        put_json(b, "{\"path\":", wf->path, wf->path_len);
        return;
    }
    strbuf_puts(b, "{\"path_hex\":\"");
    for (size_t i = 0; i < wf->path_len; i++) {
        hex_encode(hex, (const uint8_t *)wf->path + i, 1);
        strbuf_puts(b, hex);
    }
    strbuf_putc(b, '"');
}

/* Names, a line each, as an array; null where they are not known. */
static void put_names(struct strbuf *b, const char *key, const char *names)
{
    const char *p = names;

    strbuf_printf(b, ",\"%s\":%s", key, names ? "[" : "null");
    while (p && *p) {
        size_t n = strcspn(p, "\n");

        put_json(b, p > names ? "," : "", p, n);
        p += n + (p[n] != '\0');
    }
    if (names)
        strbuf_putc(b, ']');
}

static void put_units(struct strbuf *b, const struct scan_file *f, size_t n)
{
    const char *language = language_get(f->wf->language)->name;

    put_json(b, ",\"language\":", language, strlen(language));
    strbuf_puts(b, ",\"units\":[");
    for (size_t i = 0; i < n; i++) {
        const struct unit *u = &f->units[i];

        put_json(b, i ? ",{\"name\":" : "{\"name\":", u->qualified, strlen(u->qualified));
        strbuf_printf(b, ",\"kind\":\"%s\",\"start_line\":%d,\"end_line\":%d",
                      unit_kind_name(u->kind), u->start_line, u->end_line);
        if (u->language)
            put_json(b, ",\"language\":", scan_language(f, u), strlen(scan_language(f, u)));
        put_names(b, "calls", u->calls);
        put_names(b, "uses", u->uses);
        strbuf_putc(b, '}');
    }
    strbuf_putc(b, ']');
    if (f->note)
        put_json(b, ",\"note\":", f->note, strlen(f->note));
}

/* An object for each file of the walk, in its order; files that lie beyond the limit have none. */
static int tell_plan(struct job *j)
{
    struct strbuf b = {0};
    size_t next = 0, left = j->scan.n_units;
    int rc = 0;

    for (size_t i = 0; i < j->walk.n_files && rc == 0; i++) {
        const struct walk_file *wf = &j->walk.files[i];
        const char *why = walk_skip_text(wf->skip);

        strbuf_reset(&b);
        put_path(&b, wf);
        if (wf->skip != WALK_TAKEN) {
            put_json(&b, ",\"skipped\":", why, strlen(why));
        } else if (next < j->scan.n_files && j->scan.files[next].wf == wf) {
            const struct scan_file *f = &j->scan.files[next++];
            size_t n = f->n < left ? f->n : left;

            put_units(&b, f, n);
            left -= n;
        } else {
            continue;
        }
        strbuf_putc(&b, '}');
        if (strbuf_failed(&b))
            rc = err_nomem(j->e, "the plan");
        else
            emit(j, DOBBY_EV_FILE, strbuf_str(&b));
    }
    strbuf_release(&b);
    return rc;
}

static int dry_run(struct job *j)
{
    int rc;

    walk_each_note(&j->walk, on_note, j);
    rc = do_scan(j);
    if (rc == 0)
        emit(j, DOBBY_EV_PLAN, NULL);
    return rc == 0 ? tell_plan(j) : rc;
}

/* ---- store and plan ----------------------------------------------------------------------------- */

static int open_store(struct job *j)
{
    int rc = store_place_init(&j->place, j->walk.root, j->o.store_path, j->e);

    if (rc == 0)
        rc = store_open(&j->store, &j->place, j->e);
    if (rc == 0)
        rc = store_reader_open(&j->reader, &j->place, j->e);
    if (rc == 0)
        rc = store_next_run(j->reader, &j->run.id, j->e);
    if (rc < 0)
        return rc;
    j->run.started_ms = wall_ms();
    j->txn = store_txn_new();
    return j->txn ? 0 : err_nomem(j->e, "the plan");
}

/* Put the run's row as it is now, and commit it with everything that is waiting in j->txn. */
static int commit_run(struct job *j, struct dobby_err *e)
{
    struct store_txn *txn = j->txn;
    struct strbuf options = {0};
    int rc;

    strbuf_printf(&options,
                  "model=%s second=%s engine=%s agents=%d limit=%zu no_docs=%d refresh=%d exact=%d "
                  "kv=%d",
                  j->question.name, j->second.name ? j->second.name : "",
                  j->o.engine_url ? "remote" : "dobby", j->o.agents, j->o.limit, j->o.no_docs,
                  j->o.refresh, j->o.exact, j->o.kv);
    j->run.options = strbuf_str(&options);
    store_put_run(txn, &j->run);
    j->txn = NULL;
    rc = strbuf_failed(&options) ? err_nomem(e, "the run") : 0;
    if (rc == 0)
        rc = store_commit(j->store, txn, NULL, e);
    else
        store_txn_free(txn);
    strbuf_release(&options);
    return rc < 0 ? rc : store_flush(j->store, e);
}

/* A part of the plan that stands alone: it may go to the disk while the rest is made. */
static int give_group(void *ctx, struct store_txn **t, struct dobby_err *e)
{
    struct job *j = ctx;
    struct store_txn *more = store_txn_new();
    int rc = more ? store_commit(j->store, *t, NULL, e) : err_nomem(e, "the plan");

    if (more)
        j->txn = *t = more;
    return rc;
}

static int do_plan(struct job *j)
{
    struct plan_options o = {
        .no_docs = j->o.no_docs,
        .refresh = j->o.refresh,
        .scope = {j->scope, strlen(j->scope)},
        .limit = j->o.limit,
        .memory = j->st->memory,
        .run = j->run.id,
        .stop = j->o.stop,
        .on_note = on_note,
        .on_group = give_group,
        .ctx = j,
    };
    struct context_options co = {.no_docs = j->o.no_docs,
                                 .partly = j->scope[0] || j->o.limit > 0 || j->o.since,
                                 .stop = j->o.stop};
    double start = time_now();
    int rc;

    emit(j, DOBBY_EV_STAGE, "plan");
    rc = context_make(&j->context, &j->scan, &j->walk, j->reader, &co, j->e);
    if (rc == 0)
        rc = plan_make(&j->plan, &j->scan, &j->walk, &j->question, j->context, j->reader, j->txn,
                       &o, j->e);
    if (rc < 0)
        return rc;
    j->run.n_units = j->scan.n_units;
    j->run.n_cached = j->plan.n_cached;
    j->run.n_left = j->plan.n_todo;
    rc = commit_run(j, j->e);
    (void)stage_done(j, "plan", start);
    if (rc == 0)
        emit(j, DOBBY_EV_PLAN, NULL);
    return rc;
}

/* ---- roll-up ------------------------------------------------------------------------------------ */

/* What files and directories show, by what the store has now. It is short, so a stop waits for it. */
static int roll_up(struct job *j)
{
    struct rollup_options o = {
        .scope = j->scope, .cut = j->o.limit > 0 && j->scan.n_units >= j->o.limit, .above = true};
    struct store_txn *txn = store_txn_new();
    struct rollup u = {0};
    double start = time_now();
    size_t n = 0;
    int rc = txn ? rollup_make(&u, &j->scan, &j->walk, j->reader, &o, j->e)
                 : err_nomem(j->e, "what files and directories show");

    if (rc == 0)
        n = rollup_put(&u, txn);
    rollup_release(&u);
    if (rc == 0 && n > 0) {
        rc = store_commit(j->store, txn, NULL, j->e);
        txn = NULL; /* the store's */
    }
    store_txn_free(txn);
    if (rc == 0 && n > 0)
        rc = store_flush(j->store, j->e);
    j->st->n_parents += rc == 0 ? n : 0;
    (void)stage_done(j, "roll up", start);
    return rc;
}

/* ---- run ---------------------------------------------------------------------------------------- */

/* The server, once; it is asked for its model's name there and then. */
static int connect_engine(struct job *j, struct dobby_err *e)
{
    struct dobby_remote_options ro;
    double start = time_now();
    int rc;

    if (j->engine)
        return 0;
    emit(j, DOBBY_EV_STAGE, "connect");
    DOBBY_INIT(ro);
    ro.url = j->o.engine_url;
    ro.model = j->o.model_name;
    ro.api_key = j->o.api_key;
    ro.agents = j->o.agents;
    ro.trace = j->o.trace;
    rc = dobby_engine_connect(&j->engine, &ro, e);
    j->st->s_load += time_now() - start;
    return rc;
}

/* For the keys. The same name whether it was given or the server told it, and never the path of a file. */
static int ask_name(void *ctx, const char **name, struct dobby_err *e)
{
    struct job *j = ctx;
    const char *given = j->o.model_name;
    int rc = given ? remote_check_name(given, strlen(given), e) : connect_engine(j, e);

    if (rc < 0)
        return rc;
    j->server_model = mem_strdup(given ? remote_title(given) : dobby_engine_model(j->engine));
    *name = j->server_model;
    return *name ? 0 : err_nomem(e, "a model's name");
}

/* The text of a file as it was scanned: 1 if it is another one by now. Units of a file follow one another, so its
 * text is kept until another file's is wanted. */
static int source_text(struct job *j, size_t file, struct dobby_err *e)
{
    const struct scan_file *f = &j->scan.files[file];
    struct dobby_err why = {0};
    uint8_t hash[KEY_LEN];
    int rc;

    if (j->source_file == file)
        return 0;
    j->source_file = SIZE_MAX;
    rc = walk_read(&j->walk, f->wf, &j->source, hash, &why);
    if (rc < 0)
        return err_set(e, rc, "%s", why.message);
    if (f->wf->skip != WALK_TAKEN || memcmp(hash, f->hash, KEY_LEN) != 0)
        return 1;
    j->source_file = file;
    return 0;
}

static const struct plan_item *item_of(const struct job *j, size_t item)
{
    return &j->plan.items[j->pass->order[item]];
}

static int next_prompt(void *ctx, size_t item, int attempt, struct run_prompt *out,
                       struct dobby_err *e)
{
    struct job *j = ctx;
    const struct plan_item *it = item_of(j, item);
    const struct scan_file *f = &j->scan.files[it->file];
    const struct unit *u = &f->units[it->unit];
    enum language_id lang = f->wf->language;
    struct question *q = j->pass->q;
    struct prompt_context around;
    int rc = source_text(j, it->file, e);

    if (rc != 0)
        return rc;
    rc = prompt_code(&j->code, u, lang, strbuf_str(&j->source), j->source.len, f->units, f->n, e);
    context_find(j->context, &around, it->file, it->unit, NULL);
    if (rc == 0)
        rc = question_words(q, u, lang, strbuf_str(&j->code), j->code.len, attempt, &around, e);
    if (rc == 0)
        rc = question_tokens(q, e);
    *out = (struct run_prompt){
        .ids = q->ids.id,
        .n = q->ids.n,
        .msg = q->prompt.msg,
        .n_msg = q->prompt.n,
        .code = strbuf_str(&j->code),
        .code_len = j->code.len,
        .context = q->prompt.context,
        .context_len = q->prompt.context ? strlen(q->prompt.context) : 0,
        .others = q->prompt.said,
        .n_others = q->prompt.n_said,
        .unit = question_unit(u),
    };
    return rc;
}

static int stopped_with(struct job *j, size_t n_left)
{
    return err_set(j->e, DOBBY_E_CANCELLED,
                   "summarize: stopped with %zu units left; run it again to go on", n_left);
}

/* Count the tokens of every question: those that were planned in an earlier run, or for another model, are made anew. One whose file has changed
 * meanwhile will not be asked. */
static int count_tokens(struct job *j, uint32_t *tokens)
{
    int rc = 0;

    for (size_t i = 0; i < j->pass->n && rc == 0; i++) {
        const struct plan_item *it = item_of(j, i);
        struct run_prompt p = {.n = j->pass->earlier ? 0 : it->n_tokens};

        if (stopped(j))
            return stopped_with(j, j->counts.n_left);
        if (p.n == 0)
            rc = next_prompt(j, i, 0, &p, j->e);
        if (rc == 0)
            tokens[i] = (uint32_t)agents_tokens(&j->scan.files[it->file].units[it->unit], p.n);
        rc = rc > 0 ? 0 : rc;
    }
    return rc;
}

static void tell_agents(struct job *j, const struct dobby_memory *p)
{
    char text[160];

    if (p->agents >= j->o.agents)
        return;
    snprintf(text, sizeof(text),
             "memory: agents: %d instead of %d: a bound of %zu MiB holds no more; %zuM is enough "
             "for all",
             p->agents, j->o.agents, p->memory >> 20, p->enough >> 20);
    on_note(j, text);
}

static struct agents_options agents_options(const struct job *j)
{
    return (struct agents_options){.memory = j->st->memory,
                                   .threads = j->o.threads,
                                   .agents = j->o.agents,
                                   .chunk = j->o.chunk,
                                   .kv = j->o.kv,
                                   .step_ms = j->o.step_ms,
                                   .trace = j->o.trace};
}

/* How many agents, now that the longest questions are known. */
static int plan_memory(struct job *j)
{
    struct agents_options o = agents_options(j);
    uint32_t *tokens = mem_array(j->pass->n, sizeof(*tokens));
    int rc = tokens ? count_tokens(j, tokens) : err_nomem(j->e, "the units");

    if (rc == 0)
        rc = agents_plan(&j->st->plan, j->pass->q, tokens, j->pass->n, &o, j->e);
    mem_free(tokens);
    if (rc < 0)
        return rc;
    j->st->agents = j->st->plan.agents;
    tell_agents(j, &j->st->plan);
    return 0;
}

static int load_model(struct job *j)
{
    struct agents_options o = agents_options(j);
    double start = time_now();
    int rc = plan_memory(j);

    if (rc < 0)
        return rc;
    emit(j, DOBBY_EV_STAGE, "load");
    rc = agents_open(&j->engine, j->pass->q, &j->st->plan, &o, j->e);
    j->st->s_load += stage_done(j, "load", start);
    return rc;
}

static const char *label(void *ctx, size_t item)
{
    struct job *j = ctx;
    const struct plan_item *it = item_of(j, item);
    const struct scan_file *f = &j->scan.files[it->file];

    strbuf_reset(&j->label);
    utf8_escape(&j->label, f->wf->path, f->wf->path_len, "");
    strbuf_puts(&j->label, ": ");
    utf8_escape(&j->label, f->units[it->unit].qualified, strlen(f->units[it->unit].qualified), "");
    return strbuf_str(&j->label);
}

static void on_failed(void *ctx, const struct run_failure *f)
{
    struct job *j = ctx;

    tell_failed(j, label(j, f->item), f->why, f->tries, item_of(j, f->item)->n_same);
}

/* Files that changed between the scan and the plan: their units were never asked. */
static void tell_changed(struct job *j)
{
    for (size_t i = 0; i < j->plan.n_left; i++) {
        const struct walk_file *wf = j->scan.files[j->plan.left[i].file].wf;

        strbuf_reset(&j->label);
        utf8_escape(&j->label, wf->path, wf->path_len, "");
        tell_failed(j, strbuf_str(&j->label), "changed while it was read", 0,
                    j->plan.left[i].n_units);
    }
}

static int ask_all(struct job *j)
{
    const struct run_engine own = j->given ? j->given[j->pass->which] : run_engine_of(j->engine);
    struct run_options o = {
        .items = j->pass->items,
        .n_items = j->pass->n,
        .defer = j->pass->defer,
        .earlier = j->pass->earlier,
        .engine = own,
        .source = {j, next_prompt, label},
        .store = j->store,
        .run = j->run.id,
        .model = j->pass->q->name,
        .remote = j->o.engine_url != NULL,
        .agents = j->st->agents,
        .min_confidence = j->pass->q->bare ? CHECK_MIN_CONFIDENCE : 0,
        .time_limit_ms = j->o.time_limit_ms,
        .stop = j->o.stop,
        .trace = j->o.trace,
        .trace_group = j->trace_group,
        .ctx = j,
        .on_change = on_change,
        .on_note = on_note,
        .on_failed = on_failed,
    };
    double start = time_now();
    int rc;

    emit(j, DOBBY_EV_STAGE, j->pass->earlier ? "second" : "summarize");
    rc = run_items(&o, &j->counts, j->e);
    j->st->s_infer += stage_done(j, "summarize", start);
    j->st->agents = j->o.agents;
    if (own.stats)
        own.stats(own.ctx, &j->st->engine);
    return rc;
}

/* Its model is the question's. */
static void free_engine(struct job *j)
{
    dobby_engine_free(j->engine);
    j->engine = NULL;
}

/* Room for n questions; the caller releases it in any case. */
static int pass_init(struct pass *p, struct question *q, size_t which, size_t n,
                     struct dobby_err *e)
{
    *p = (struct pass){.q = q, .which = which, .n = n};
    p->items = mem_array(n, sizeof(*p->items));
    p->order = mem_array(n, sizeof(*p->order));
    return p->items && p->order ? 0 : err_nomem(e, "the units");
}

static void pass_release(struct pass *p)
{
    for (size_t i = 0; i < p->n; i++) {
        if (p->defer)
            run_earlier_release(&p->defer[i]);
        if (p->earlier)
            run_earlier_release(&p->earlier[i]);
    }
    mem_free(p->items);
    mem_free(p->order);
    mem_free(p->defer);
    mem_free(p->earlier);
}

static int ask_pass(struct job *j, const struct pass *p)
{
    int rc = 0;

    j->pass = p;
    for (size_t i = 0; i < p->n; i++) {
        const struct plan_item *it = item_of(j, i);

        p->items[i] = (struct run_item){it->unit_key, it->prompt_key, it->n_same};
    }
    if (!j->given)
        rc = j->o.engine_url ? connect_engine(j, j->e) : load_model(j);
    if (rc == 0)
        rc = ask_all(j);
    free_engine(j);
    question_close(p->q);
    return rc;
}

/* Make the second pass of what the first put off: its records move there. */
static int put_in_second(struct job *j, struct pass *p, const struct pass *first)
{
    size_t n = 0;
    int rc;

    for (size_t i = 0; i < first->n; i++)
        n += first->defer[i].there;
    rc = pass_init(p, &j->second, 1, n, j->e);
    p->earlier = mem_array(n, sizeof(*p->earlier));
    if (rc < 0 || !p->earlier)
        return rc < 0 ? rc : err_nomem(j->e, "the units");
    n = 0;
    for (size_t i = 0; i < first->n; i++) {
        if (!first->defer[i].there)
            continue;
        p->order[n] = first->order[i];
        p->earlier[n++] = first->defer[i];
        first->defer[i] = (struct run_earlier){0};
    }
    return 0;
}

/* One count of both passes. */
static void join_counts(struct job *j)
{
    struct run_counts *c = &j->counts;

    c->n_done += j->before.n_done;
    c->n_failed += j->before.n_failed;
    c->n_signature += j->before.n_signature;
    c->n_read += j->before.n_read;
    c->n_cached += j->before.n_cached;
    c->n_written += j->before.n_written;
    c->n_computed += j->before.n_computed;
    j->before = (struct run_counts){0};
}

/* Of two passes: the second one's failure, unless units were left undone by either, or both. */
static int join_failures(struct job *j, int first, int rc, const struct dobby_err *why)
{
    if (rc == 0)
        return first;
    if (j->e)
        err_clear(j->e);
    if (rc == DOBBY_E_UNDONE && j->counts.n_left == 0)
        return err_set(j->e, rc, "summarize: %zu units are left undone; run it again",
                       j->counts.n_failed);
    return err_set(j->e, rc, "%s", why->message);
}

/* What the first model left, `first` being what its pass returned. */
static int ask_second(struct job *j, const struct pass *one, int first)
{
    struct dobby_err why = {0}, *e = j->e;
    struct pass p = {0};
    int rc;

    j->st->n_second = j->counts.n_deferred;
    j->before = j->counts;
    j->counts = (struct run_counts){.n_left = j->before.n_deferred}; /* until run_items says */
    log_msg(LOG_INFO, "second model: %zu units go on to %s", j->st->n_second, j->second.name);
    j->e = &why;
    rc = put_in_second(j, &p, one);
    if (rc == 0)
        rc = ask_pass(j, &p);
    pass_release(&p);
    j->e = e;
    join_counts(j);
    j->st->n_replaced = j->counts.n_replaced;
    return join_failures(j, first, rc, &why);
}

/* Before the first model goes to work: the second one's file must be one, and one agent with it fit into the bound. Neither is open
 * then, as the other will not be. */
static int look_at_second(struct job *j)
{
    struct agents_options o = agents_options(j);
    struct dobby_memory plan;
    struct dobby_err why = {0};
    uint32_t least = PROMPT_MAX_TOKENS;
    int rc;

    if (j->given)
        return 0;
    o.agents = 1;
    question_close(&j->question);
    rc = agents_plan(&plan, &j->second, &least, 1, &o, &why);
    question_close(&j->second);
    return rc < 0 ? err_set(j->e, rc, "second model: %s", why.message) : 0;
}

static int do_run(struct job *j)
{
    struct pass p = {0};
    int rc;

    if (j->plan.n_items == 0)
        return 0;
    j->counts.n_left = j->plan.n_todo; /* until run_items says otherwise */
    if (stopped(j))
        return stopped_with(j, j->plan.n_todo);
    rc = pass_init(&p, &j->question, 0, j->plan.n_items, j->e);
    for (size_t i = 0; rc == 0 && i < p.n; i++)
        p.order[i] = i;
    if (rc == 0 && j->o.second_path) {
        p.defer = mem_array(p.n, sizeof(*p.defer));
        rc = p.defer ? look_at_second(j) : err_nomem(j->e, "the units");
    }
    if (rc == 0)
        rc = ask_pass(j, &p);
    if ((rc == 0 || rc == DOBBY_E_UNDONE) && j->counts.n_deferred > 0)
        rc = ask_second(j, &p, rc);
    pass_release(&p);
    j->pass = NULL;
    return rc;
}

/* ---- the whole ---------------------------------------------------------------------------------- */

static void count(struct job *j)
{
    j->st->n_done = j->plan.n_doc + j->counts.n_done;
    j->st->n_cached = j->plan.n_cached;
    j->st->n_failed = j->plan.n_changed + j->counts.n_failed;
    j->st->n_left = j->counts.n_left;
    j->st->n_tokens_read = j->counts.n_read;
    j->st->n_tokens_cached = j->counts.n_cached;
    j->st->n_tokens_written = j->counts.n_written;
}

/* A failure after the work: it is told unless one that weighs more was told before. */
static int later_failure(struct job *j, int rc, int later, const struct dobby_err *why)
{
    if (later == 0 || (rc != 0 && rc != DOBBY_E_UNDONE))
        return rc;
    if (j->e)
        err_clear(j->e);
    return why->code ? err_set(j->e, later, "%s", why->message) : later;
}

/* After answers have come: some parents quote them. */
static int roll_up_again(struct job *j, int rc)
{
    struct dobby_err why = {0}, *e = j->e;
    int later = 0;

    if (j->plan.n_items > 0) {
        j->e = &why;
        later = roll_up(j);
        j->e = e;
    }
    return later_failure(j, rc, later, &why);
}

/* The run's last word in the store. */
static int end_run(struct job *j, int rc)
{
    struct dobby_err why = {0};
    int end;

    count(j);
    j->run.ended_ms = wall_ms();
    j->run.n_done = j->st->n_done;
    j->run.n_cached = j->st->n_cached;
    j->run.n_failed = j->st->n_failed;
    j->run.n_left = j->st->n_left;
    j->run.code = rc;
    if (!j->txn)
        j->txn = store_txn_new();
    end = j->txn ? commit_run(j, &why) : err_nomem(&why, "the run");
    return later_failure(j, rc, end, &why);
}

/* Of a run since a commit: the rows of the files that it looked at, of as many units as it did. */
static int put_looked_at(struct job *j, struct dobby_err *e)
{
    size_t left = j->scan.n_units;
    int rc = 0;

    for (size_t i = 0; i < j->scan.n_files && rc == 0 && left > 0; i++) {
        const struct scan_file *f = &j->scan.files[i];
        size_t n = f->n < left ? f->n : left;

        if (n > 0)
            rc = store_each_row(j->reader, (struct store_bytes){f->wf->path, f->wf->path_len}, NULL,
                                n, j->o.on_row, j->o.ctx, e);
        left -= n;
    }
    return rc;
}

static int put_rows(struct job *j, int rc)
{
    struct dobby_err why = {0};
    int row;

    if ((rc != 0 && rc != DOBBY_E_UNDONE) || !j->o.on_row)
        return rc;
    row = j->o.since ? put_looked_at(j, &why)
                     : store_each_row(j->reader, (struct store_bytes){j->scope, strlen(j->scope)},
                                      NULL, j->o.limit, j->o.on_row, j->o.ctx, &why);
    return later_failure(j, rc, row, &why);
}

static int do_all(struct job *j)
{
    int rc = open_store(j);

    if (rc < 0)
        return rc;
    walk_each_note(&j->walk, on_note, j);
    rc = do_scan(j);
    if (rc == 0)
        rc = do_plan(j);
    if (rc == 0)
        rc = roll_up(j);
    if (rc < 0)
        return rc;
    j->txn = store_txn_new(); /* for the notes of the run; without it they are only told */
    rc = do_run(j);
    if (rc == 0 || rc == DOBBY_E_UNDONE)
        rc = roll_up_again(j, rc);
    tell_changed(j);
    if (rc == 0 && j->plan.n_changed > 0)
        rc = err_set(j->e, DOBBY_E_UNDONE, "summarize: %zu units are left undone; run it again",
                     j->plan.n_changed);
    rc = end_run(j, rc);
    return put_rows(j, rc);
}

static int release(struct job *j, int rc)
{
    int end;

    free_engine(j); /* a server's that the plan asked for, when there was nothing to run */
    store_txn_free(j->txn);
    store_reader_free(j->reader); /* before the writer, which tidies up when it is the last */
    end = store_close(j->store, rc == 0 ? j->e : NULL);
    store_place_release(&j->place);
    plan_release(&j->plan);
    question_release(&j->question);
    question_release(&j->second);
    context_free(j->context);
    mem_free(j->server_model);
    mem_free(j->model_name);
    mem_free(j->second_name);
    mem_free(j->adapter);
    scan_release(&j->scan);
    walk_release(&j->walk);
    mem_free(j->scope);
    strbuf_release(&j->label);
    strbuf_release(&j->source);
    strbuf_release(&j->code);
    return rc == 0 ? end : rc;
}

int summarize_tree(const struct dobby_summarize *o, const struct run_engine *engine,
                   struct dobby_summary_stats *st, struct dobby_err *e)
{
    struct dobby_summary_stats unwanted;
    struct job j = {.st = st ? st : &unwanted, .e = e, .given = engine, .source_file = SIZE_MAX};
    int rc;

    *j.st = (struct dobby_summary_stats){0};
    j.walk.root_fd = -1;
    j.start = time_now();
    rc = options_take(&j.o, sizeof(j.o), o, "summarize", e);
    if (rc == 0)
        rc = check_options(&j.o, e);
    if (rc < 0)
        return rc;
    j.st->agents = j.o.agents;
    j.st->memory = j.o.memory;
    j.trace_group = trace_group(j.o.trace, "run");
    trace_row(j.o.trace, j.trace_group, 0, "stages");
    if (j.o.engine_url)
        question_init_remote(&j.question, ask_name, &j);
    else
        question_init(&j.question, j.o.model_path, j.o.cache_dir, j.o.exact, j.o.kv);
    rc = take_adapter(&j);
    if (!j.o.engine_url && j.o.model_name)
        j.question.name = j.o.model_name;
    j.question.isa = j.o.isa;
    j.question.own = engine == NULL && !j.o.engine_url;
    if (rc == 0)
        rc = take_second(&j);
    if (rc == 0)
        rc = do_walk(&j);
    if (rc == 0)
        rc = j.o.dry_run ? dry_run(&j) : do_all(&j);
    rc = release(&j, rc);
    j.st->s_total = time_now() - j.start;
    return rc;
}

int dobby_summarize_tree(const struct dobby_summarize *o, struct dobby_summary_stats *st,
                         struct dobby_err *e)
{
    return summarize_tree(o, NULL, st, e);
}
