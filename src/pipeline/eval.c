/* eval.c - dobby_eval: how good are summaries of a tree's documented units? (pipeline)
 *
 *     walk -> scan -> pick (evalpick.h) -> a run for each model and prompt -> units with all their texts
 *
 * Same     A model is asked by the code that a run uses: the question is prompt.h's, asked and judged by run.c. What is different is
 *          that a comment which would have made the question needless is hidden, and that nothing is kept.
 * Systems  Texts of a unit stand in the order author, name, signature, sibling, then models by prompts, then what was given, by the
 *          first line that names a system.
 * Next     evalpick.h for the sample, run.h for the agents. */
#include "dobby.h"

#include "base/mem.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/size.h"
#include "base/thread.h"
#include "base/utf8.h"
#include "pipeline/agents.h"
#include "pipeline/context.h"
#include "pipeline/evalfigures.h"
#include "pipeline/evalpick.h"
#include "pipeline/question.h"
#include "pipeline/run.h"

#include <string.h>

#define DEFAULT_AGENTS 10
#define MAX_AGENTS     4096
#define MAX_SYSTEMS    64
#define TIME_LIMIT_MS  (10 * 60 * 1000)
#define BASELINES      4 /* the systems that need no model: the first of enum dobby_eval_source */

struct system {
    const char *name;
    enum dobby_eval_source source;
    size_t model; /* of o.models */
    const char *adapter;
    unsigned prompt; /* one bit */
    double s_infer;  /* of its run */
    uint64_t n_read, n_cached, n_written;
};

struct job {
    struct dobby_eval o;
    struct dobby_eval_stats *st;
    struct dobby_err *e;
    double start;
    struct walk walk;
    char *scope;
    struct scan scan;
    struct context *context;
    struct eval_pick pick;
    struct arena arena; /* names of systems, texts */
    struct system systems[MAX_SYSTEMS];
    size_t n_systems;
    struct dobby_eval_text *texts; /* [n_picked][n_systems] */
    struct strbuf label, shown;
    /* of the run at hand: */
    size_t system;
    struct question question;
    struct run_counts counts;
    size_t n_before, n_asked; /* answers of earlier runs; of all runs */
};

/* ---- events ------------------------------------------------------------------------------------- */

static void emit(struct job *j, enum dobby_event_kind kind, const char *text)
{
    struct dobby_event ev = {
        .kind = kind,
        .text = text,
        .n_total = j->n_asked,
        .n_done = j->n_before + j->counts.n_done,
        .n_failed = j->counts.n_failed,
        .n_running = j->counts.n_running,
        .n_tokens_read = j->counts.n_read,
        .n_tokens_written = j->counts.n_written,
        .seconds = time_now() - j->start,
        .n_tokens_computed = j->counts.n_computed,
        .agents = j->counts.agents,
        .n_agents = j->counts.n_agents,
    };

    if (j->o.on_event)
        j->o.on_event(j->o.ctx, &ev);
}

static void on_note(void *ctx, const char *line)
{
    emit(ctx, DOBBY_EV_NOTE, line);
}

static void on_change(void *ctx, const struct run_counts *c, int tick)
{
    (void)c; /* it is j->counts */
    emit(ctx, tick ? DOBBY_EV_TICK : DOBBY_EV_UNIT, NULL);
}

/* ---- options ------------------------------------------------------------------------------------ */

static int check_options(struct dobby_eval *o, struct dobby_err *e)
{
    if (!o->path || !o->worker_path)
        return err_set(e, DOBBY_E_USAGE, "eval: %s is not set", o->path ? "worker_path" : "path");
    if (o->agents < 0 || o->agents > MAX_AGENTS)
        return err_set(e, DOBBY_E_USAGE, "eval: %d agents; use 1 to %d", o->agents, MAX_AGENTS);
    if (o->time_limit_ms < 0 || o->step_ms < 0)
        return err_set(e, DOBBY_E_USAGE, "eval: a time is negative; use 0 for the default");
    if (o->prompts & ~(DOBBY_EVAL_PLAIN | DOBBY_EVAL_PROJECT | DOBBY_EVAL_BARE))
        return err_set(e, DOBBY_E_USAGE, "eval: prompts: 0x%x: no such prompt", o->prompts);
    if (o->agents == 0)
        o->agents = DEFAULT_AGENTS;
    if (o->time_limit_ms == 0)
        o->time_limit_ms = TIME_LIMIT_MS;
    if (o->memory == 0)
        o->memory = memory_auto("");
    return 0;
}

/* ---- systems ------------------------------------------------------------------------------------ */

static int add_system(struct job *j, const char *name, enum dobby_eval_source source, size_t model,
                      unsigned prompt)
{
    for (size_t i = 0; i < j->n_systems; i++)
        if (strcmp(j->systems[i].name, name) == 0)
            return err_set(j->e, DOBBY_E_USAGE,
                           "eval: two systems are called %s; name them differently", name);
    if (j->n_systems == MAX_SYSTEMS)
        return err_set(j->e, DOBBY_E_LIMIT, "eval: more than %d systems; compare fewer at once",
                       MAX_SYSTEMS);
    j->systems[j->n_systems++] =
        (struct system){.name = name, .source = source, .model = model, .prompt = prompt};
    return 0;
}

static const char *model_name(const struct dobby_eval_model *m)
{
    const char *slash = strrchr(m->path, '/');

    return m->name ? m->name : slash ? slash + 1 : m->path;
}

/* "MODEL+ADAPTER PROMPT": the adapter's file name without its end. */
static int add_model(struct job *j, size_t model, const char *adapter, unsigned prompt)
{
    const char *slash = adapter ? strrchr(adapter, '/') : NULL, *base = slash ? slash + 1 : adapter;
    size_t n = base ? strlen(base) : 0;
    struct strbuf b = {0};
    const char *name;
    int rc;

    n -= n > 5 && strcmp(base + n - 5, ".gguf") == 0 ? 5 : 0;
    strbuf_printf(&b, "%s%s%.*s %s", model_name(&j->o.models[model]), base ? "+" : "", (int)n,
                  base ? base : "",
                  prompt == DOBBY_EVAL_PLAIN     ? "plain"
                  : prompt == DOBBY_EVAL_PROJECT ? "project"
                                                 : "bare");
    name = strbuf_failed(&b) ? NULL : arena_strdup(&j->arena, strbuf_str(&b));
    strbuf_release(&b);
    if (!name)
        return err_nomem(j->e, "a model's name");
    rc = add_system(j, name, DOBBY_EVAL_MODEL, model, prompt);
    if (rc == 0)
        j->systems[j->n_systems - 1].adapter = adapter;
    return rc;
}

/* A model by its prompts: those that are wanted, or the one that a run would use. */
static int add_prompts(struct job *j, size_t model)
{
    const struct dobby_eval_model *m = &j->o.models[model];
    const char *adapter = m->adapter;
    char *found = NULL;
    unsigned prompts;
    int rc = 0;

    if (!adapter && j->o.adapter_dir)
        rc = question_find_adapter(&found, j->o.adapter_dir, m->path, j->o.cache_dir, j->e);
    if (rc == 0 && found && !(adapter = arena_strdup(&j->arena, found)))
        rc = err_nomem(j->e, "an adapter");
    mem_free(found);
    prompts = j->o.prompts ? j->o.prompts : adapter ? DOBBY_EVAL_BARE : DOBBY_EVAL_PROJECT;
    for (unsigned p = DOBBY_EVAL_PLAIN; p <= DOBBY_EVAL_BARE && rc == 0; p <<= 1)
        if (prompts & p)
            rc = add_model(j, model, adapter, p);
    return rc;
}

/* The number of a system by its name; n_systems if there is none. */
static size_t find_system(const struct job *j, const char *name)
{
    size_t i = 0;

    while (i < j->n_systems && strcmp(j->systems[i].name, name) != 0)
        i++;
    return i;
}

static int add_given(struct job *j)
{
    size_t own = j->n_systems;
    int rc = 0;

    for (size_t i = 0; i < j->o.n_given && rc == 0; i++) {
        const char *name = j->o.given[i].system;
        size_t at = find_system(j, name);

        if (at == j->n_systems || at < own) /* the latter is told: two are called so */
            rc = add_system(j, name, DOBBY_EVAL_GIVEN, 0, 0);
    }
    return rc;
}

static int list_systems(struct job *j)
{
    static const char *const baselines[BASELINES] = {"author", "name", "signature", "sibling"};
    int rc = 0;

    for (size_t i = 0; i < BASELINES && rc == 0; i++)
        rc = add_system(j, baselines[i], (enum dobby_eval_source)i, 0, 0);
    for (size_t i = 0; i < j->o.n_models && rc == 0; i++)
        rc = add_prompts(j, i);
    return rc == 0 ? add_given(j) : rc;
}

/* ---- walk, scan, pick --------------------------------------------------------------------------- */

static int look(struct job *j)
{
    struct walk_options wo = {.stop = j->o.stop};
    int rc;

    emit(j, DOBBY_EV_STAGE, "walk");
    rc = walk_tree(&j->walk, j->o.path, &wo, j->e);
    if (rc == 0)
        rc = walk_scope(&j->scope, &j->walk, j->o.path, j->e);
    if (rc < 0)
        return rc;
    walk_each_note(&j->walk, on_note, j);
    emit(j, DOBBY_EV_STAGE, "parse");
    return scan_tree(&j->scan, &j->walk, NULL,
                     &(struct scan_options){.scope = {j->scope, strlen(j->scope)},
                                            .worker_path = j->o.worker_path,
                                            .parsers = j->o.threads,
                                            .memory = j->o.memory,
                                            .stop = j->o.stop,
                                            .on_note = on_note,
                                            .ctx = j},
                     j->e);
}

static int nothing(struct job *j)
{
    return err_set(j->e, DOBBY_E_NOTFOUND,
                   "eval: %s: no%s%s function or type of %zu has a comment whose first sentence "
                   "could be compared with; choose a tree that is documented",
                   j->o.path, j->o.language ? " " : "", j->o.language ? j->o.language : "",
                   j->scan.n_units);
}

static int pick(struct job *j)
{
    struct eval_pick_options o = {
        .limit = j->o.limit, .seed = j->o.seed, .language = j->o.language, .stop = j->o.stop};
    int rc = eval_pick(&j->pick, &j->scan, &j->walk, &o, j->e);

    if (rc < 0)
        return rc;
    if (j->pick.n_changed > 0)
        on_note(j, "eval: some files changed while they were read, and were left out");
    j->st->n_files = j->scan.n_files;
    j->st->n_units = j->scan.n_units;
    j->st->n_documented = j->pick.n_all;
    j->st->n_sampled = j->pick.n_picked;
    j->n_asked = j->pick.n_picked * j->o.n_models;
    return j->pick.n_picked > 0 ? 0 : nothing(j);
}

/* ---- texts that are there ----------------------------------------------------------------------- */

static const struct eval_unit *unit_of(const struct job *j, size_t i)
{
    return &j->pick.all[j->pick.picked[i]];
}

static struct dobby_eval_text *text_of(const struct job *j, size_t i, size_t system)
{
    return &j->texts[i * j->n_systems + system];
}

static int set_baselines(struct job *j)
{
    size_t n;

    if (size_mul(j->pick.n_picked, j->n_systems, &n))
        j->texts = arena_array(&j->arena, n, sizeof(*j->texts));
    if (!j->texts)
        return err_nomem(j->e, "the texts");
    for (size_t i = 0; i < j->pick.n_picked; i++) {
        const struct eval_unit *x = unit_of(j, i);
        const char *own[BASELINES] = {x->target, x->words, x->signature, x->sibling};

        for (size_t s = 0; s < j->n_systems; s++)
            *text_of(j, i, s) = (struct dobby_eval_text){.system = j->systems[s].name,
                                                         .source = j->systems[s].source,
                                                         .text = s < BASELINES ? own[s] : NULL,
                                                         .confidence = -1,
                                                         .refused = ""};
    }
    return 0;
}

/* A given text goes to every unit of its path and name. */
static void set_given(struct job *j)
{
    for (size_t g = 0; g < j->o.n_given; g++) {
        const struct dobby_eval_given *x = &j->o.given[g];
        size_t system = find_system(j, x->system), n = 0;

        for (size_t i = 0; i < j->pick.n_picked; i++) {
            const struct scan_file *f = &j->scan.files[unit_of(j, i)->file];

            if (strcmp(f->wf->path, x->path) == 0 &&
                strcmp(f->units[unit_of(j, i)->unit].qualified, x->name) == 0) {
                text_of(j, i, system)->text = x->text;
                n++;
            }
        }
        j->st->n_unmatched += n == 0;
    }
}

/* ---- asking ------------------------------------------------------------------------------------- */

/* q->prompt is the question about a unit of the sample. All that knows how questions are made. */
static int eval_question(struct job *j, struct question *q, const struct eval_unit *x, int attempt,
                         unsigned prompt, struct dobby_err *e)
{
    const struct scan_file *f = &j->scan.files[x->file];
    struct prompt_context around = {0};

    if (prompt != DOBBY_EVAL_PLAIN)
        context_find(j->context, &around, x->file, x->unit,
                     context_doc(j->context, x->file, x->unit));
    q->bare = prompt == DOBBY_EVAL_BARE;
    return question_words(q, &f->units[x->unit], f->wf->language, x->code, x->code_len, attempt,
                          &around, e);
}

static int next_prompt(void *ctx, size_t item, int attempt, struct run_prompt *out,
                       struct dobby_err *e)
{
    struct job *j = ctx;
    const struct eval_unit *x = unit_of(j, item);
    int rc = eval_question(j, &j->question, x, attempt, j->systems[j->system].prompt, e);

    if (rc == 0)
        rc = question_tokens(&j->question, e);
    *out = (struct run_prompt){
        .ids = j->question.ids.id,
        .n = j->question.ids.n,
        .msg = j->question.prompt.msg,
        .n_msg = j->question.prompt.n,
        .code = x->code,
        .code_len = x->code_len,
        .context = j->question.prompt.context,
        .context_len = j->question.prompt.context ? strlen(j->question.prompt.context) : 0,
        .others = j->question.prompt.said,
        .n_others = j->question.prompt.n_said,
        .unit = question_unit(&j->scan.files[x->file].units[x->unit]),
    };
    return rc;
}

static const char *label(void *ctx, size_t item)
{
    struct job *j = ctx;
    const struct scan_file *f = &j->scan.files[unit_of(j, item)->file];
    const char *name = f->units[unit_of(j, item)->unit].qualified;

    strbuf_reset(&j->label);
    utf8_escape(&j->label, f->wf->path, f->wf->path_len, "");
    strbuf_puts(&j->label, ": ");
    utf8_escape(&j->label, name, strlen(name), "");
    return strbuf_str(&j->label);
}

static void on_answer(void *ctx, const struct run_answer *a)
{
    struct job *j = ctx;
    struct dobby_eval_text *t = text_of(j, a->item, j->system);
    const char *why = check_reason(a->verdict);
    struct strbuf b = {0};

    if (a->summary) {
        t->text = arena_strdup(&j->arena, a->summary);
        t->confidence = a->confidence;
        return;
    }
    strbuf_printf(&b, "%s%s%s", t->refused, *t->refused ? "; " : "", why);
    t->refused = strbuf_failed(&b) ? NULL : arena_strdup(&j->arena, strbuf_str(&b));
    t->refused = t->refused ? t->refused : why;
    strbuf_release(&b);
    if (a->last) {
        t->fallback = 1;
        t->text = unit_of(j, a->item)->signature;
    }
}

static void on_failed(void *ctx, const struct run_failure *f)
{
    struct job *j = ctx;
    struct dobby_event ev = {.kind = DOBBY_EV_FAILED,
                             .text = label(j, f->item),
                             .failure = f->why,
                             .n_tries = f->tries,
                             .n_units = 1};

    if (j->o.on_event)
        j->o.on_event(j->o.ctx, &ev);
}

static int count_tokens(struct job *j, uint32_t *tokens)
{
    int rc = 0;

    for (size_t i = 0; i < j->pick.n_picked && rc == 0; i++) {
        const struct eval_unit *x = unit_of(j, i);
        struct run_prompt p;

        rc = next_prompt(j, i, 0, &p, j->e);
        tokens[i] = (uint32_t)agents_tokens(&j->scan.files[x->file].units[x->unit], p.n);
    }
    return rc;
}

static int open_engine(struct job *j, struct dobby_engine **en, struct dobby_memory *plan)
{
    struct agents_options o = {.memory = j->o.memory,
                               .threads = j->o.threads,
                               .agents = j->o.agents,
                               .chunk = j->o.chunk,
                               .kv = j->o.kv,
                               .step_ms = j->o.step_ms};
    uint32_t *tokens = mem_array(j->pick.n_picked, sizeof(*tokens));
    int rc = tokens ? count_tokens(j, tokens) : err_nomem(j->e, "the units");

    if (rc == 0)
        rc = agents_plan(plan, &j->question, tokens, j->pick.n_picked, &o, j->e);
    mem_free(tokens);
    if (rc < 0)
        return rc;
    emit(j, DOBBY_EV_STAGE, "load");
    return agents_open(en, &j->question, plan, &o, j->e);
}

static void note_speed(struct job *j, double seconds)
{
    struct system *s = &j->systems[j->system];

    s->s_infer = seconds;
    s->n_read = j->counts.n_read;
    s->n_cached = j->counts.n_cached;
    s->n_written = j->counts.n_written;
}

static int ask_all(struct job *j, struct dobby_engine *en, int agents)
{
    static const uint8_t no_key[KEY_LEN];
    struct run_item *items = mem_array(j->pick.n_picked, sizeof(*items));
    struct run_options o = {
        .items = items,
        .n_items = j->pick.n_picked,
        .engine = run_engine_of(en),
        .source = {j, next_prompt, label},
        .model = j->systems[j->system].name,
        .agents = agents,
        .min_confidence =
            j->systems[j->system].prompt == DOBBY_EVAL_BARE ? CHECK_MIN_CONFIDENCE : 0,
        .time_limit_ms = j->o.time_limit_ms,
        .stop = j->o.stop,
        .ctx = j,
        .on_change = on_change,
        .on_answer = on_answer,
        .on_note = on_note,
        .on_failed = on_failed,
    };
    double start;
    int rc;

    if (!items)
        return err_nomem(j->e, "the units");
    for (size_t i = 0; i < j->pick.n_picked; i++)
        items[i] = (struct run_item){no_key, no_key, 1};
    emit(j, DOBBY_EV_STAGE, "summarize");
    start = time_now();
    rc = run_items(&o, &j->counts, j->e);
    note_speed(j, time_now() - start);
    mem_free(items);
    return rc;
}

static int run_system(struct job *j)
{
    const struct dobby_eval_model *m = &j->o.models[j->systems[j->system].model];
    struct dobby_engine *en = NULL;
    struct dobby_memory plan = {0};
    int rc;

    question_init(&j->question, m->path, j->o.cache_dir, j->o.exact, j->o.kv);
    j->question.name = model_name(m);
    j->question.isa = j->o.isa;
    j->question.adapter_path = j->systems[j->system].adapter;
    j->question.merge_type = j->systems[j->system].adapter ? j->o.merge_type : NULL;
    j->question.own = true;
    j->counts = (struct run_counts){0};
    rc = open_engine(j, &en, &plan);
    if (rc == 0)
        rc = ask_all(j, en, plan.agents);
    dobby_engine_free(en);
    question_release(&j->question);
    j->n_before += j->counts.n_done;
    j->counts = (struct run_counts){0};
    return rc;
}

static int run_models(struct job *j)
{
    int rc = 0;

    for (size_t s = 0; s < j->n_systems && rc == 0; s++) {
        j->system = s;
        if (j->systems[s].source == DOBBY_EVAL_MODEL)
            rc = run_system(j);
    }
    return rc;
}

/* ---- figures ------------------------------------------------------------------------------------ */

/* What a text may name besides the code: the unit's own name, and what the tree says around it. */
static int known_words(struct job *j, struct question *q, const struct eval_unit *x)
{
    int rc = eval_question(j, q, x, 0, DOBBY_EVAL_PROJECT, j->e);

    strbuf_reset(&j->shown);
    if (rc == 0)
        strbuf_printf(&j->shown, "%s\n%s", j->scan.files[x->file].units[x->unit].qualified,
                      q->prompt.context);
    return rc == 0 && strbuf_failed(&j->shown) ? err_nomem(j->e, "a unit") : rc;
}

static int measure(struct job *j)
{
    struct eval_comments comments = {0};
    struct question words;
    int rc = eval_comments_make(&comments, &j->pick, j->e);

    question_init(&words, NULL, NULL, 0, 0); /* no model stands behind it */
    for (size_t i = 0; i < j->pick.n_picked && rc == 0; i++) {
        rc = known_words(j, &words, unit_of(j, i));
        for (size_t s = 0; s < j->n_systems && rc == 0; s++)
            eval_measure(text_of(j, i, s), &comments, &j->pick, j->pick.picked[i],
                         strbuf_str(&j->shown));
    }
    question_release(&words);
    eval_comments_release(&comments);
    return rc;
}

static int tell_system(struct job *j, size_t system, const char *language)
{
    const struct system *s = &j->systems[system];
    struct dobby_eval_figures f = {.system = s->name, .source = s->source, .language = language};
    int rc = eval_figures(&f, &j->pick, j->texts, j->n_systems, system, j->e);

    if (rc < 0)
        return rc;
    if (!language) {
        f.s_infer = s->s_infer;
        f.n_tokens_read = s->n_read;
        f.n_tokens_cached = s->n_cached;
        f.n_tokens_written = s->n_written;
    }
    j->o.on_figures(j->o.ctx, &f);
    return 0;
}

/* Is unit i the first of its language? */
static bool is_new_language(const struct job *j, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(unit_of(j, k)->language, unit_of(j, i)->language) == 0)
            return false;
    return true;
}

static int tell_language(struct job *j, const char *language)
{
    int rc = 0;

    for (size_t s = 0; s < j->n_systems && rc == 0; s++)
        rc = tell_system(j, s, language);
    return rc;
}

static int tell_figures(struct job *j)
{
    size_t n_languages = 0;
    int rc = 0;

    if (!j->o.on_figures)
        return 0;
    for (size_t i = 0; i < j->pick.n_picked; i++)
        n_languages += is_new_language(j, i);
    rc = tell_language(j, NULL);
    for (size_t i = 0; i < j->pick.n_picked && n_languages > 1 && rc == 0; i++)
        if (is_new_language(j, i))
            rc = tell_language(j, unit_of(j, i)->language);
    return rc;
}

/* ---- handing out -------------------------------------------------------------------------------- */

/* The lowest bit of those that are compared. */
static unsigned first_prompt(const struct job *j)
{
    return j->o.prompts ? j->o.prompts & (~j->o.prompts + 1) : DOBBY_EVAL_PROJECT;
}

static int tell_unit(struct job *j, struct question *q, size_t i)
{
    const struct eval_unit *x = unit_of(j, i);
    const struct scan_file *f = &j->scan.files[x->file];
    const struct unit *u = &f->units[x->unit];
    struct dobby_eval_unit out = {
        .path = f->wf->path,
        .path_len = f->wf->path_len,
        .name = u->qualified,
        .kind = unit_kind_name(u->kind),
        .language = x->language,
        .start_line = u->start_line,
        .end_line = u->end_line,
        .target = x->target,
        .texts = text_of(j, i, 0),
        .n_texts = j->n_systems,
    };
    int rc = eval_question(j, q, x, 0, first_prompt(j), j->e);

    if (rc < 0)
        return rc;
    strbuf_reset(&j->shown);
    prompt_cut(&j->shown, x->code, x->code_len, PROMPT_MAX_CODE);
    if (strbuf_failed(&j->shown))
        return err_nomem(j->e, "a unit");
    out.code = strbuf_str(&j->shown);
    out.code_len = j->shown.len;
    out.msg = q->prompt.msg;
    out.n_msg = q->prompt.n;
    return j->o.on_unit(j->o.ctx, &out);
}

static int tell_units(struct job *j)
{
    struct question words;
    int rc = 0;

    question_init(&words, NULL, NULL, 0, 0); /* no model stands behind it */
    for (size_t i = 0; i < j->pick.n_picked && j->o.on_unit && rc == 0; i++)
        rc = tell_unit(j, &words, i);
    question_release(&words);
    return rc;
}

/* ---- the whole ---------------------------------------------------------------------------------- */

static int do_all(struct job *j)
{
    int rc = list_systems(j);

    if (rc == 0)
        rc = look(j);
    if (rc == 0)
        rc = context_make(&j->context, &j->scan, &j->walk, NULL,
                          &(struct context_options){.stop = j->o.stop}, j->e);
    if (rc == 0)
        rc = pick(j);
    if (rc == 0)
        rc = set_baselines(j);
    if (rc < 0)
        return rc;
    set_given(j);
    rc = run_models(j);
    if (rc == 0)
        rc = measure(j);
    if (rc == 0)
        rc = tell_units(j);
    return rc == 0 ? tell_figures(j) : rc;
}

static void release(struct job *j)
{
    eval_pick_release(&j->pick);
    context_free(j->context);
    scan_release(&j->scan);
    walk_release(&j->walk);
    mem_free(j->scope);
    arena_release(&j->arena);
    strbuf_release(&j->label);
    strbuf_release(&j->shown);
}

int dobby_eval(const struct dobby_eval *o, struct dobby_eval_stats *st, struct dobby_err *e)
{
    struct dobby_eval_stats unwanted;
    struct job j = {.st = st ? st : &unwanted, .e = e, .walk.root_fd = -1};
    int rc;

    *j.st = (struct dobby_eval_stats){0};
    j.start = time_now();
    rc = options_take(&j.o, sizeof(j.o), o, "eval", e);
    if (rc == 0)
        rc = check_options(&j.o, e);
    if (rc == 0)
        rc = do_all(&j);
    release(&j);
    j.st->s_total = time_now() - j.start;
    return rc;
}
