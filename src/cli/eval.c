/* eval.c - `dobby eval`: how good are summaries of this tree? (cli)
 * Next     evalsheet.h for the reader's sheet; dobby_eval in dobby.h for what is measured. */
#include "base/mem.h"
#include "cli/adapters.h"
#include "cli/catalogue.h"
#include "cli/cli.h"
#include "cli/evalgiven.h"
#include "cli/evalsheet.h"
#include "cli/evaltable.h"
#include "cli/evaltally.h"
#include "cli/out.h"
#include "cli/sig.h"
#include "cli/view.h"

#include <string.h>

#define LIMIT 200 /* units unless said otherwise; pairs: all */

struct eval_opts {
    struct opt_strings models;
    struct opt_strings tally, keys, systems, prompts;
    const char *sheet, *pairs, *language;
    int limit, seed, no_model, json, quiet;
    int agents, threads, chunk, step_ms, kv, isa, exact, merge, no_adapter, time_limit;
    size_t memory;
    struct cli_log log;
};

#define FIELD(f)       offsetof(struct eval_opts, f)
#define TIME_LIMIT_MAX (24 * 60 * 60) /* seconds */

static const struct opt rows[] = {
    {'m', "model", OPT_STRINGS, FIELD(models), 0, 0, "MODEL", NULL,
     "File or catalogue name of a model; may be given several times"},
    {0, "prompt", OPT_STRINGS, FIELD(prompts), 0, 0, "PROMPT", NULL,
     "plain: examples only; project: and what the tree says around the unit; bare: without "
     "examples; "
     "may be given several times (as summarize asks: project, with an adapter bare)"},
    {0, "systems", OPT_STRINGS, FIELD(systems), 0, 0, "FILE", NULL,
     "Texts by other programs: JSON lines with path, name, system and text"},
    {0, "no-model", OPT_FLAG, FIELD(no_model), 0, 0, NULL, NULL,
     "Ask no model: baselines and the authors' sentences only"},
    {0, "limit", OPT_INT, FIELD(limit), 1, 1 << 30, "N", NULL,
     "Units at most (200; with --pairs alone: all)"},
    {0, "seed", OPT_INT, FIELD(seed), 0, 1 << 30, "N", NULL,
     "Another number takes another sample and order (0)"},
    {0, "language", OPT_STRING, FIELD(language), 0, 0, "LANGUAGE", NULL,
     "Units of this language only"},
    {0, "sheet", OPT_STRING, FIELD(sheet), 0, 0, "FILE", NULL,
     "Write a sheet for a reader to score: Markdown, or JSON lines for FILE.jsonl"},
    {0, "key", OPT_STRINGS, FIELD(keys), 0, 0, "FILE", NULL,
     "Where it is written which text of the sheet is whose (SHEET.key.jsonl)"},
    {0, "tally", OPT_STRINGS, FIELD(tally), 0, 0, "SHEET", NULL,
     "Say what the scores of a filled sheet come to; may be given several times"},
    {0, "json", OPT_FLAG, FIELD(json), 0, 0, NULL, NULL, "The result as one JSON object"},
    {0, "pairs", OPT_STRING, FIELD(pairs), 0, 0, "FILE", NULL,
     "Write questions with the authors' sentences as JSON lines, for training; asks no model"},
    {0, "agents", OPT_INT, FIELD(agents), 1, CLI_AGENTS_MAX, "N", NULL,
     "Units in flight at most (10)"},
    CLI_ENGINE_ROWS(eval_opts),
    {0, "time-limit", OPT_INT, FIELD(time_limit), 1, TIME_LIMIT_MAX, "N", NULL,
     "Seconds of one try of one unit; then it is tried again (600)"},
    {'q', "quiet", OPT_FLAG, FIELD(quiet), 0, 0, NULL, NULL, "No progress, errors only"},
    CLI_LOG_ROWS(eval_opts, log),
    {.name = NULL},
};

const struct opt_verb opt_verb_eval = {
    "eval",
    "[PATH]",
    "Measure summaries against what the authors of documented units wrote",
    "Takes functions and types at or below PATH (.) whose comments say what they are, hides the "
    "comments and\n"
    "summarises them as dobby summarize would; the store is neither read nor changed. Beside the "
    "models stand\n"
    "the authors' sentences, the name in words, the signature, and the nearest other comment.\n"
    "A sheet is scored by a reader: 0 useless, 1 mostly wrong, 2 partly wrong, 3 right but vague, "
    "4 right and\n"
    "specific; then --tally SHEET says what came of it.\n"
    "\nExit status: 0 done, 65 a sheet that is not filled in, 66 nothing is documented; others as "
    "in the manual\n"
    "page.\n",
    rows,
    0,
    1};

struct job {
    char *adapter_dir;
    struct cli *c;
    const struct eval_opts *o;
    struct modelref refs[OPT_MAX_STRINGS];
    struct dobby_eval_model models[OPT_MAX_STRINGS];
    size_t n_models;
    struct eval_given given;
    unsigned prompts;
    struct view view;
    struct sheet sheet;
    struct eval_table table;
    struct out pairs;
    struct strbuf text;   /* scratch */
    struct dobby_err err; /* the first failure of an output */
};

static void on_event(void *ctx, const struct dobby_event *ev)
{
    struct job *j = ctx;

    view_event(&j->view, ev);
}

static int put_pair(struct job *j, const struct dobby_eval_unit *u)
{
    strbuf_reset(&j->text);
    pair_put(&j->text, u);
    if (strbuf_failed(&j->text))
        return err_nomem(&j->err, "a pair");
    return out_write(&j->pairs, strbuf_str(&j->text), j->text.len, &j->err);
}

static int on_unit(void *ctx, const struct dobby_eval_unit *u)
{
    struct job *j = ctx;
    int rc = j->o->sheet ? sheet_add(&j->sheet, u, &j->err) : 0;

    return rc == 0 && j->o->pairs ? put_pair(j, u) : rc;
}

static void on_figures(void *ctx, const struct dobby_eval_figures *f)
{
    struct job *j = ctx;

    eval_table_add(&j->table, f);
}

/* ---- the tally ---------------------------------------------------------------------------------- */

static int check_tally(const struct eval_opts *o, const struct opt_operands *operands,
                       struct dobby_err *e)
{
    if (operands->n > 0 || o->models.n > 0 || o->no_model || o->sheet || o->pairs || o->language ||
        o->limit)
        return err_set(e, DOBBY_E_USAGE,
                       "eval: --tally: reads filled sheets only; leave the other options away");
    if (o->keys.n > 0 && o->keys.n != o->tally.n)
        return err_set(e, DOBBY_E_USAGE, "eval: --key: %zu keys for %zu sheets; give each its own",
                       o->keys.n, o->tally.n);
    return 0;
}

static int tally(struct job *j, const struct opt_operands *operands, struct dobby_err *e)
{
    const struct eval_opts *o = j->o;
    struct scores s = {0};
    int rc = check_tally(o, operands, e);

    for (size_t i = 0; i < o->tally.n && rc == 0; i++)
        rc = scores_read(&s, o->tally.v[i], o->keys.n ? o->keys.v[i] : NULL, e);
    if (rc == 0)
        rc = tally_put(&j->text, &s, o->json != 0, e);
    scores_release(&s);
    return rc;
}

/* ---- options ------------------------------------------------------------------------------------ */

static int check_options(const struct eval_opts *o, struct dobby_err *e)
{
    if (o->no_model && o->models.n > 0)
        return err_set(e, DOBBY_E_USAGE, "eval: --no-model: and so is -m given; leave one away");
    if (o->pairs && o->models.n > 0 && !o->sheet)
        return err_set(e, DOBBY_E_USAGE, "eval: --pairs: asks no model; leave -m away");
    if (o->keys.n > 0 && !o->sheet)
        return err_set(e, DOBBY_E_USAGE, "eval: --key: belongs to a sheet; give --sheet, too");
    return 0;
}

static int find_prompts(struct job *j, struct dobby_err *e)
{
    const struct opt_strings *list = &j->o->prompts;

    for (size_t i = 0; i < list->n; i++) {
        if (strcmp(list->v[i], "plain") == 0)
            j->prompts |= DOBBY_EVAL_PLAIN;
        else if (strcmp(list->v[i], "project") == 0)
            j->prompts |= DOBBY_EVAL_PROJECT;
        else if (strcmp(list->v[i], "bare") == 0)
            j->prompts |= DOBBY_EVAL_BARE;
        else
            return err_set(
                e, DOBBY_E_USAGE,
                "eval: --prompt: \"%s\" is not what it takes; give one of plain project bare",
                list->v[i]);
    }
    return 0;
}

static int add_model(struct job *j, const char *name, struct dobby_err *e)
{
    struct modelref *ref = &j->refs[j->n_models];
    int rc = modelref_resolve(ref, j->c, name, e);

    if (rc == 0)
        rc = modelref_present(ref, e);
    if (rc == 0)
        j->models[j->n_models] = (struct dobby_eval_model){
            ref->path, ref->known ? ref->known->name : NULL, ref->adapter};
    j->n_models++;
    return rc;
}

static int find_models(struct job *j, struct dobby_err *e)
{
    const struct eval_opts *o = j->o;
    int rc = 0;

    if (o->no_model || (o->pairs && !o->sheet))
        return 0;
    if (o->models.n == 0)
        return add_model(j, NULL, e);
    for (size_t i = 0; i < o->models.n && rc == 0; i++)
        rc = add_model(j, o->models.v[i], e);
    return rc;
}

/* ---- the run ------------------------------------------------------------------------------------ */

static void fill(struct dobby_eval *s, struct job *j, const char *path)
{
    const struct eval_opts *o = j->o;

    DOBBY_INIT(*s);
    s->path = path;
    s->cache_dir = j->c->cache;
    s->worker_path = "/proc/self/exe"; /* this very program, even if its file was replaced */
    s->models = j->models;
    s->n_models = j->n_models;
    s->prompts = j->prompts ? j->prompts : o->pairs && !o->sheet ? DOBBY_EVAL_BARE : 0;
    s->adapter_dir = o->models.n > 0 || o->no_adapter ? NULL : j->adapter_dir;
    s->merge_type = o->merge < 0 ? NULL : cli_merge_names[o->merge];
    s->given = j->given.v;
    s->n_given = j->given.n;
    s->limit = o->limit ? (size_t)o->limit : o->pairs && !o->sheet ? 0 : LIMIT;
    s->seed = (uint64_t)o->seed;
    s->language = o->language;
    s->isa = o->isa < 0 ? NULL : cli_isa_names[o->isa];
    s->agents = o->agents;
    s->threads = o->threads;
    s->chunk = o->chunk;
    s->kv = cli_kv_value(o->kv);
    s->exact = o->exact;
    s->step_ms = o->step_ms;
    s->time_limit_ms = o->time_limit * 1000;
    s->memory = o->memory;
    s->stop = sig_stop();
    s->ctx = j;
    s->on_event = on_event;
    s->on_unit = on_unit;
    s->on_figures = j->o->pairs && !j->o->sheet ? NULL : on_figures;
}

static int write_outputs(struct job *j, struct dobby_err *e)
{
    int rc = j->o->pairs ? out_commit(&j->pairs, e) : 0;

    if (rc == 0 && j->o->sheet)
        rc = sheet_write(&j->sheet, j->o->sheet, j->o->keys.n ? j->o->keys.v[0] : NULL,
                         (uint64_t)j->o->seed, e);
    return rc;
}

static int run(struct job *j, const char *path, struct dobby_err *e)
{
    struct dobby_eval_stats st = {0};
    struct dobby_eval s;
    int rc = j->o->pairs ? out_open(&j->pairs, j->o->pairs, e) : 0;

    if (rc < 0)
        return rc;
    fill(&s, j, path);
    sig_install();
    rc = dobby_eval(&s, &st, e);
    term_clear(&j->c->term);
    view_undone(&j->view);
    if (j->err.code) {
        err_clear(e);
        return err_set(e, j->err.code, "%s", j->err.message);
    }
    if (rc == 0)
        rc = write_outputs(j, e);
    if (rc == 0 && s.on_figures)
        eval_table_end(&j->table, &st, j->o->seed);
    if (rc == 0 && st.n_unmatched > 0)
        term_message(&j->c->term, LOG_WARN,
                     "eval: --systems: some texts are for no unit of the sample");
    if (rc == 0)
        term_say(&j->c->term, "%zu of %zu documented units in %zu files", st.n_sampled,
                 st.n_documented, st.n_files);
    return rc;
}

int verb_eval(struct cli *c, int argc, char **argv)
{
    struct eval_opts o = {.isa = -1, .kv = -1, .merge = -1, .log.level = LOG_WARN};
    struct job j = {.c = c, .o = &o, .pairs.fd = -1};
    struct opt_operands operands;
    struct dobby_err e = {0};
    bool broken;
    int printed = EXIT_DONE;
    int rc = cli_options(c, &opt_verb_eval, argc, argv, &o, &operands);

    if (rc >= 0)
        return rc;
    cli_log_apply(c, &o.log, o.quiet);
    j.table.json = o.json != 0;
    view_init(&j.view, &c->term);
    if (o.tally.n > 0) {
        rc = tally(&j, &operands, &e);
        printed = rc == 0 ? cli_print(c, &j.text) : EXIT_DONE;
    } else {
        rc = check_options(&o, &e);
        if (rc == 0)
            rc = find_prompts(&j, &e);
        if (rc == 0)
            rc = find_models(&j, &e);
        if (rc == 0)
            rc = adapters_dir(&j.adapter_dir, &e);
        for (size_t i = 0; i < o.systems.n && rc == 0; i++)
            rc = eval_given_read(&j.given, o.systems.v[i], &e);
        if (rc == 0)
            rc = run(&j, operands.n ? operands.arg[0] : ".", &e);
        if (rc == 0 && j.table.n > 0)
            printed = cli_print(c, &j.table.out);
    }
    broken = j.pairs.broken;
    for (size_t i = 0; i < j.n_models; i++)
        modelref_release(&j.refs[i]);
    out_release(&j.pairs);
    eval_given_release(&j.given);
    mem_free(j.adapter_dir);
    eval_table_release(&j.table);
    sheet_release(&j.sheet);
    strbuf_release(&j.text);
    view_release(&j.view);
    if (broken)
        return EXIT_IO;
    return rc < 0 ? cli_fail(c, &e) : printed;
}
