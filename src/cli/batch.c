/* batch.c - `dobby batch`: a file of prompts in, a file of completions out, by the same agents as the main job (cli).
 * Next     batchrun.h for how lines go through the engine, batchline.h for what they hold. */
#include "base/mem.h"
#include "base/size.h"
#include "base/thread.h"
#include "cli/batchline.h"
#include "cli/batchrun.h"
#include "cli/catalogue.h"
#include "cli/cli.h"
#include "cli/server.h"
#include "cli/sig.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define AGENTS         10
#define TOKENS_LONGEST 8192 /* of one prompt and its text, where memory allows it */
#define TOKENS_USUAL   2048
#define TIME_LIMIT_MAX (7 * 24 * 3600) /* seconds */

struct batch_opts {
    const char *model, *output, *stop, *trace;
    int tokens, agents, time_limit, threads, chunk, step_ms, kv, isa, exact, merge, no_adapter,
        stats, quiet;
    size_t memory;
    struct cli_server server;
    struct cli_log log;
};

#define FIELD(f) offsetof(struct batch_opts, f)

static const struct opt rows[] = {
    {'m', "model", OPT_STRING, FIELD(model), 0, 0, "MODEL", NULL,
     "File or catalogue name of the model, or MODEL+ADAPTER; with --engine, the server's name"},
    {'o', "output", OPT_STRING, FIELD(output), 0, 0, "FILE|-", NULL,
     "Where the completions go (-: standard output)"},
    {'n', "tokens", OPT_INT, FIELD(tokens), 1, BATCH_TOKENS_MAX, "N", NULL,
     "Tokens to write at most, for lines without max_tokens (256)"},
    {0, "stop", OPT_STRING, FIELD(stop), 0, 0, "STR", NULL,
     "Text that ends a completion, for lines without stop"},
    {0, "agents", OPT_INT, FIELD(agents), 1, CLI_AGENTS_MAX, "N", NULL,
     "Prompts in flight at most (10)"},
    {0, "time-limit", OPT_INT, FIELD(time_limit), 1, TIME_LIMIT_MAX, "N", NULL,
     "Seconds of one try of a prompt at most, from its start (none)"},
    CLI_ENGINE_ROWS(batch_opts),
    CLI_SERVER_ROWS(batch_opts, server),
    {0, "stats", OPT_FLAG, FIELD(stats), 0, 0, NULL, NULL,
     "Tell tokens, times and memory at the end, on stderr"},
    {0, "trace", OPT_STRING, FIELD(trace), 0, 0, "FILE", NULL,
     "Record what happened when, for Perfetto or chrome://tracing"},
    {'q', "quiet", OPT_FLAG, FIELD(quiet), 0, 0, NULL, NULL, "No progress, errors only"},
    CLI_LOG_ROWS(batch_opts, log),
    {.name = NULL},
};

const struct opt_verb opt_verb_batch = {
    "batch",
    "FILE.jsonl",
    "Complete every prompt of a file of JSON lines",
    "FILE may be - for standard input. A line is an object with an id (a string or a number; the\n"
    "line's number if there is none) and either \"prompt\": \"TEXT\" or \"messages\":\n"
    "[{\"role\": \"user\", \"content\": \"TEXT\"}, ...]; \"max_tokens\": N and \"stop\": \"STR\" "
    "or [\"STR\", ...]\n"
    "are for this line alone. Out comes, in the same order and as soon as it is there,\n"
    "{\"id\", \"text\", \"tokens\", \"logprob\", \"stop\"}; logprob is the sum of the natural "
    "logarithms of the\n"
    "probabilities of the tokens, stop is end, string or length. A line that failed is {\"id\", "
    "\"error\"};\n"
    "the others go on. The texts do not depend on --agents, -t or --chunk,\n"
    "unless --engine chooses a server.\n"
    "\nExit status: 0 all done, 65 some lines were wrong, 75 some failed for a reason that may "
    "pass, 130\n"
    "after Ctrl-C (what is at work is finished; a second one leaves at once); others as in the "
    "manual\n"
    "page.\n",
    rows,
    1,
    1};

struct batch {
    struct cli *c;
    const struct batch_opts *o;
    int in;
    const char *in_name;
    uint64_t in_size;
    struct out out;
    struct dobby_trace *trace;
    char *api_key;
    struct dobby_model *model; /* NULL with an engine by URL */
    struct dobby_engine *engine;
    struct batch_counts counts;
    int agents; /* that memory allows */
    double s_load;
};

/* ---- opening ------------------------------------------------------------------------------------ */

static int open_input(struct batch *b, const char *path, struct dobby_err *e)
{
    struct stat st;

    b->in_name = strcmp(path, "-") == 0 ? "standard input" : path;
    b->in = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (b->in < 0)
        return err_errno(e, errno, "give a file with one JSON object a line, or -", "open: %s",
                         path);
    if (fstat(b->in, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
        b->in_size = (uint64_t)st.st_size;
    return 0;
}

/* One line as long as the engine takes by default beside usual ones; where memory does not allow it, usual ones only: a line
 * that is longer then fails by itself. Lines are not known beforehand. */
static int plan_memory(struct batch *b, struct dobby_memory *plan, struct dobby_err *e)
{
    size_t n = (size_t)b->o->agents;
    uint32_t *tokens = mem_array(n, sizeof(*tokens));
    struct dobby_memory_options o;
    bool short_lines;
    int rc;

    if (!tokens)
        return err_nomem(e, "a memory plan");
    for (size_t i = 0; i < n; i++)
        tokens[i] = i == 0 ? TOKENS_LONGEST : TOKENS_USUAL;
    DOBBY_INIT(o);
    o.memory = b->o->memory;
    o.threads = b->o->threads;
    o.agents = b->o->agents;
    o.chunk = b->o->chunk;
    o.kv = cli_kv_value(b->o->kv);
    o.tokens = tokens;
    o.n_tokens = n;
    rc = dobby_memory_plan(plan, b->model, &o, NULL);
    short_lines = rc == DOBBY_E_LIMIT;
    tokens[0] = TOKENS_USUAL;
    if (rc < 0)
        rc = dobby_memory_plan(plan, b->model, &o, e);
    mem_free(tokens);
    if (rc == 0 && !b->o->quiet && (plan->agents < b->o->agents || short_lines))
        term_say(&b->c->term,
                 "memory: agents: %d of %d, lines of %d tokens at most: a bound of %zu MiB holds "
                 "no more",
                 plan->agents, b->o->agents, plan->context, plan->memory >> 20);
    return rc;
}

static int open_engine(struct batch *b, const struct modelref *ref, struct dobby_err *e)
{
    struct dobby_engine_options eo;
    struct dobby_model_options mo;
    struct dobby_memory plan;
    double start = time_now();
    int rc;

    DOBBY_INIT(mo);
    mo.exact = b->o->exact;
    mo.threads = b->o->threads;
    mo.isa = b->o->isa < 0 ? NULL : cli_isa_names[b->o->isa];
    mo.cache_dir = b->c->cache;
    mo.head = 1;
    mo.adapter = ref->adapter;
    mo.merge_type = b->o->merge < 0 ? NULL : cli_merge_names[b->o->merge];
    rc = dobby_model_open(&b->model, ref->path, &mo, e);
    if (rc == 0)
        rc = plan_memory(b, &plan, e);
    if (rc == 0)
        rc = dobby_model_load(b->model, b->o->threads, e);
    if (rc < 0)
        return rc;
    DOBBY_INIT(eo);
    eo.threads = b->o->threads;
    eo.agents = b->agents = plan.agents;
    eo.chunk = b->o->chunk;
    eo.step_ms = b->o->step_ms;
    eo.kv = cli_kv_value(b->o->kv);
    eo.context = plan.context;
    eo.kv_memory = plan.kv;
    eo.trace = b->trace;
    rc = dobby_engine_open(&b->engine, b->model, &eo, e);
    b->s_load = time_now() - start;
    return rc;
}

static int connect_engine(struct batch *b, struct dobby_err *e)
{
    struct dobby_remote_options ro;
    double start = time_now();
    int rc;

    DOBBY_INIT(ro);
    ro.url = b->o->server.url;
    ro.model = b->o->model;
    ro.api_key = b->api_key;
    ro.agents = b->agents = b->o->agents;
    ro.trace = b->trace;
    rc = dobby_engine_connect(&b->engine, &ro, e);
    b->s_load = time_now() - start;
    return rc;
}

static void release(struct batch *b)
{
    dobby_engine_free(b->engine);
    dobby_model_free(b->model);
    (void)dobby_trace_close(b->trace, NULL); /* NULL unless a failure is being told already */
    out_release(&b->out);
    mem_free(b->api_key);
    if (b->in > STDIN_FILENO)
        close(b->in);
}

/* ---- the last words ----------------------------------------------------------------------------- */

static void tell_tokens(struct term *t, const struct batch *b, const struct dobby_stats *st)
{
    const struct batch_counts *c = &b->counts;
    double computed = st->n_columns ? (double)st->n_columns : (double)c->n_written;

    term_say(t,
             "stats: prompt tokens %" PRIu64 ", from the prefix cache %" PRIu64
             " (%.0f%%), written %" PRIu64 "; tries repeated %" PRIu64,
             c->n_prompt, c->n_cached,
             c->n_prompt ? 100.0 * (double)c->n_cached / (double)c->n_prompt : 0, c->n_written,
             c->n_retries);
    term_say(t, "stats: seconds: load %.3f, infer %.3f; %.1f tokens computed a second", b->s_load,
             c->seconds, c->seconds > 0 ? computed / c->seconds : 0);
}

static void tell_histogram(struct term *t, const char *what, const struct dobby_histogram *h)
{
    if (h->n > 0)
        term_say(t,
                 "stats: %s: %" PRIu64
                 " of them, mean %.1f, half below %.1f, 95%% below %.1f, most %.1f",
                 what, h->n, h->sum / (double)h->n, dobby_quantile(h, 0.5), dobby_quantile(h, 0.95),
                 h->max);
}

static void tell_stats(const struct batch *b)
{
    struct term *t = &b->c->term;
    struct dobby_stats st = {0};
    struct strbuf peak = {0}, total = {0};

    dobby_get_stats(b->engine, &st);
    tell_tokens(t, b, &st);
    tell_histogram(t, "ms from start to first token", &st.first_token_ms);
    tell_histogram(t, "ms from start to end", &st.latency_ms);
    tell_histogram(t, "ms of a step", &st.step_ms);
    tell_histogram(t, "columns of a step", &st.step_columns);
    cli_put_bytes(&peak, (double)st.kv_blocks_peak * (double)st.kv_block_bytes);
    cli_put_bytes(&total, (double)st.kv_blocks_total * (double)st.kv_block_bytes);
    if (st.kv_blocks_total > 0)
        term_say(t, "stats: keys and values: %s of %s at most", strbuf_str(&peak),
                 strbuf_str(&total));
    strbuf_release(&peak);
    strbuf_release(&total);
}

static void tell_end(const struct batch *b, int rc)
{
    const struct batch_counts *c = &b->counts;
    struct strbuf s = {0};

    cli_put_seconds(&s, c->seconds);
    term_say(&b->c->term,
             "%" PRIu64 " lines in %s: %" PRIu64 " done, %" PRIu64 " wrong, %" PRIu64 " failed%s",
             c->n_done + c->n_bad + c->n_failed, strbuf_str(&s), c->n_done, c->n_bad, c->n_failed,
             rc == DOBBY_E_CANCELLED ? "; stopped, what was done is kept" : "");
    strbuf_release(&s);
    if (b->o->stats)
        tell_stats(b);
}

/* ---- the run ------------------------------------------------------------------------------------ */

/* ref  the model; its path NULL: a server has it */
static int open_all(struct batch *b, const struct modelref *ref, struct dobby_err *e)
{
    int rc = out_open(&b->out, b->o->output, e);

    if (rc == 0 && b->o->trace)
        rc = dobby_trace_open(&b->trace, b->o->trace, e);
    if (rc < 0)
        return rc;
    return b->o->server.url ? connect_engine(b, e) : open_engine(b, ref, e);
}

/* Hours of work may stand in a file that cannot be finished: it stays under the name that it has. */
static void keep_what_is_there(struct batch *b)
{
    char *tmp = out_abandon(&b->out);
    struct strbuf text = {0};

    if (!tmp)
        return;
    strbuf_printf(&text, "output: what was written so far is kept in %s", tmp);
    term_message(&b->c->term, LOG_WARN, strbuf_failed(&text) ? tmp : strbuf_str(&text));
    strbuf_release(&text);
    mem_free(tmp);
}

/* Completions are all the result there is, so a file of them is put in place after a stop or a failure, too. */
static int finish_output(struct batch *b, int rc, struct dobby_err *e)
{
    struct dobby_err late = {0};
    int rc2 = b->counts.torn ? rc : out_commit(&b->out, &late);

    if (rc2 < 0 && (b->counts.torn || late.code))
        keep_what_is_there(b);
    if (!late.code || (rc < 0 && rc != DOBBY_E_CANCELLED))
        return rc;
    err_clear(e); /* that it was stopped must not hide that the output is not there */
    return err_set(e, late.code, "%s", late.message);
}

static int finish(struct batch *b, int rc, struct dobby_err *e)
{
    int rc2;

    term_clear(&b->c->term);
    rc = finish_output(b, rc, e);
    if (rc == 0 || rc == DOBBY_E_CANCELLED)
        tell_end(b, rc);
    dobby_engine_free(b->engine); /* the trace's last spans are its workers' */
    b->engine = NULL;
    rc2 = dobby_trace_close(b->trace, rc == 0 ? e : NULL);
    b->trace = NULL;
    return rc < 0 ? rc : rc2;
}

static int run(struct batch *b, const struct modelref *ref, struct dobby_err *e)
{
    struct batch_options o = {
        .in = b->in,
        .in_name = b->in_name,
        .in_size = b->in_size,
        .out = &b->out,
        .term = &b->c->term,
        .max_tokens = b->o->tokens,
        .stop = b->o->stop,
        .time_limit_ms = b->o->time_limit * 1000,
    };
    int rc;

    sig_install(); /* before the output: a temporary file shall not be left behind */
    rc = open_all(b, ref, e);
    if (rc < 0)
        return rc;
    o.engine = b->engine;
    o.agents = b->agents;
    rc = batch_run(&o, &b->counts, e);
    return finish(b, rc, e);
}

static int check_options(const struct batch_opts *o, struct dobby_err *e)
{
    struct cli_local local = {
        o->chunk,      o->step_ms,
        o->kv,         o->isa,
        o->exact,      o->merge,
        o->no_adapter, o->threads ? "--threads" : o->memory ? "--memory" : NULL};

    return cli_server_check(&o->server, "batch", &local, e);
}

/* Where the model's file is; a server has its own models. */
static int find_model(const struct batch *b, struct modelref *ref, struct dobby_err *e)
{
    int rc;

    if (b->o->server.url)
        return 0;
    rc = modelref_resolve(ref, b->c, b->o->model, e);
    if (rc == 0)
        rc = modelref_check(ref, b->o->no_adapter != 0, "batch", e);
    return rc < 0 ? rc : modelref_present(ref, e);
}

int verb_batch(struct cli *c, int argc, char **argv)
{
    struct batch_opts o = {
        .isa = -1, .kv = -1, .merge = -1, .tokens = 256, .agents = AGENTS, .log.level = LOG_WARN};
    struct batch b = {.c = c, .o = &o, .in = -1, .out.fd = -1};
    struct opt_operands operands;
    struct modelref ref = {0};
    struct dobby_err e = {0};
    bool broken;
    int rc = cli_options(c, &opt_verb_batch, argc, argv, &o, &operands);

    if (rc >= 0)
        return rc;
    cli_log_apply(c, &o.log, o.quiet);
    rc = check_options(&o, &e);
    if (rc == 0)
        rc = cli_server_key(&b.api_key, c, &o.server, &e);
    if (rc == 0)
        rc = open_input(&b, operands.arg[0], &e);
    if (rc == 0)
        rc = find_model(&b, &ref, &e);
    if (rc == 0)
        rc = run(&b, &ref, &e);
    broken = b.out.broken;
    release(&b);
    modelref_release(&ref);
    if (broken)
        return EXIT_IO;
    if (rc < 0)
        return cli_fail(c, &e);
    return b.counts.n_failed > 0 ? EXIT_UNDONE : b.counts.n_bad > 0 ? EXIT_DATA : EXIT_DONE;
}
