/* plan.c - see plan.h (pipeline). */
#include "pipeline/plan.h"

#include "base/mem.h"
#include "base/size.h"
#include "base/utf8.h"
#include "code/manifest.h"
#include "pipeline/budget.h"
#include "pipeline/names.h"
#include "pipeline/rollup.h"
#include "pipeline/wording.h"

#include <stdlib.h>
#include <string.h>

#define CHECK_EVERY 1000 /* units: some hundred kilobytes of plan */
#define CHECK_FILE  10   /* a file counts like so many units more */

/* The summary of a place that is not there any more. */
struct vanished {
    const uint8_t *unit_key, *prompt_key;
};

struct planner {
    struct plan *p;
    const struct scan *s;
    struct walk *w;
    struct question *q;
    struct store_reader *r;
    struct store_txn *t;
    const struct plan_options *o;
    struct dobby_err *e;
    struct vanished *vanished; /* by unit_key; equal ones in the order of their places */
    size_t n_vanished, cap_vanished;
    uint8_t recipe[KEY_LEN], part_recipe[KEY_LEN];
    size_t left;      /* units until the limit */
    size_t unchecked; /* units since memory was looked at */
    struct strbuf source, code, text, findings;
    struct names units, old; /* of the file at hand */
    int *ordinals;           /* of its units */
    size_t cap_ordinals;
};

/* What is decided about a unit of a file that is planned anew. */
struct decision {
    uint8_t unit_key[KEY_LEN], prompt_hash[KEY_LEN], prompt_key[KEY_LEN];
    bool asks; /* it has keys */
    bool old;
    bool done;       /* its summary is there */
    size_t n_tokens; /* of its question, where they were made; else 0 */
};

/* ---- names -------------------------------------------------------------------------------------- */

/* Index the names of a file: of its units now, and of those that the store has. */
static int index_names(struct planner *k, const struct scan_file *f)
{
    int rc = names_of_units(&k->units, f->units, f->n, k->e);

    names_reset(&k->old);
    for (size_t i = 0; i < f->n_old && rc == 0; i++)
        rc = names_add(&k->old, f->old[i].qname, i, k->e);
    names_sort(&k->old);
    return rc;
}

/* ---- keys --------------------------------------------------------------------------------------- */

static bool equal_keys(const uint8_t *a, const uint8_t *b)
{
    return a && b && memcmp(a, b, KEY_LEN) == 0;
}

/* ---- items -------------------------------------------------------------------------------------- */

static size_t same_slot(const struct plan *p, const uint8_t key[KEY_LEN])
{
    size_t i;

    memcpy(&i, key, sizeof(i)); /* a digest: its bytes are as good as any hash */
    for (i &= p->same_cap - 1; p->same[i]; i = (i + 1) & (p->same_cap - 1))
        if (memcmp(p->items[p->same[i] - 1].prompt_key, key, KEY_LEN) == 0)
            break;
    return i;
}

static int grow_same(struct plan *p)
{
    size_t cap = p->same_cap ? 2 * p->same_cap : 256;
    size_t *bigger = mem_array(cap, sizeof(*bigger));

    if (!bigger)
        return -1;
    mem_free(p->same);
    p->same = bigger;
    p->same_cap = cap;
    for (size_t i = 0; i < p->n_items; i++)
        p->same[same_slot(p, p->items[i].prompt_key)] = i + 1;
    return 0;
}

/* A unit that waits for the answer under this key. */
static int add_todo(struct planner *k, size_t file, size_t unit, size_t n_tokens,
                    const uint8_t *unit_key, const uint8_t *prompt_key)
{
    struct plan *p = k->p;
    struct plan_item *item;
    size_t slot;

    if ((p->n_items + 1) * 2 > p->same_cap && grow_same(p) < 0)
        return err_nomem(k->e, "the plan");
    slot = same_slot(p, prompt_key);
    p->n_todo++;
    if (p->same[slot]) {
        p->items[p->same[slot] - 1].n_same++;
        return 0;
    }
    if (mem_grow((void **)&p->items, &p->items_cap, p->n_items + 1, sizeof(*p->items)) < 0)
        return err_nomem(k->e, "the plan");
    item = &p->items[p->n_items++];
    *item = (struct plan_item){.file = file, .unit = unit, .n_same = 1, .n_tokens = n_tokens};
    memcpy(item->unit_key, unit_key, KEY_LEN);
    memcpy(item->prompt_key, prompt_key, KEY_LEN);
    p->same[slot] = p->n_items;
    return 0;
}

/* ---- places that vanished ----------------------------------------------------------------------- */

static int compare_vanished(const void *pa, const void *pb)
{
    const struct vanished *a = pa, *b = pb;
    int c = memcmp(a->unit_key, b->unit_key, KEY_LEN);

    return c ? c : memcmp(a->prompt_key, b->prompt_key, KEY_LEN);
}

/* Those of `old` whose names are not among `units`. */
static int add_vanished(struct planner *k, const struct old_unit *old, size_t n,
                        const struct names *units)
{
    for (size_t i = 0; i < n; i++) {
        if (!old[i].done || !old[i].unit_key || !old[i].prompt_key ||
            names_at(units, names_find(units, old[i].qname), old[i].qname))
            continue;
        if (mem_grow((void **)&k->vanished, &k->cap_vanished, k->n_vanished + 1,
                     sizeof(*k->vanished)) < 0)
            return err_nomem(k->e, "the plan");
        k->vanished[k->n_vanished++] =
            (struct vanished){.unit_key = old[i].unit_key, .prompt_key = old[i].prompt_key};
    }
    return 0;
}

static int list_vanished(struct planner *k)
{
    static const struct names nothing;
    const struct scan *s = k->s;
    int rc = 0;

    for (size_t i = 0; i < s->n_gone && rc == 0; i++)
        rc = add_vanished(k, s->gone[i].old, s->gone[i].n_old, &nothing);
    for (size_t i = 0; i < s->n_files && rc == 0; i++) {
        const struct scan_file *f = &s->files[i];

        if (f->known || f->n_old == 0)
            continue;
        rc = index_names(k, f);
        if (rc == 0)
            rc = add_vanished(k, f->old, f->n_old, &k->units);
    }
    if (rc == 0 && k->n_vanished > 0)
        qsort(k->vanished, k->n_vanished, sizeof(*k->vanished), compare_vanished);
    return rc;
}

static const struct vanished *find_vanished(const struct planner *k, const uint8_t *unit_key)
{
    size_t lo = 0, hi = k->n_vanished;

    while (lo < hi) { /* the first that is not less */
        size_t mid = lo + (hi - lo) / 2;

        if (memcmp(k->vanished[mid].unit_key, unit_key, KEY_LEN) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < k->n_vanished && equal_keys(k->vanished[lo].unit_key, unit_key) ? &k->vanished[lo]
                                                                                : NULL;
}

/* ---- settled files ------------------------------------------------------------------------------ */

/* 1 if all of the first n units of f stand in the store as they would be planned now. */
static int is_settled(struct planner *k, const struct scan_file *f, size_t n)
{
    bool asks = false;
    int rc;

    if (!f->known || !equal_keys(f->recipe, k->recipe))
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (!f->old[i].findings) /* an older dobby did not look for any */
            return 0;
        if (f->old[i].old) /* its context may have come back, or a refresh is wanted */
            return 0;
        if (!f->old[i].done && !(f->old[i].unit_key && f->old[i].prompt_key))
            return 0; /* cannot be planned so: plan it again */
        asks |= f->old[i].prompt_key != NULL;
    }
    if (!asks)
        return 1;
    rc = question_keys(k->q, k->e);
    return rc < 0 ? rc : equal_keys(f->model, k->q->digest);
}

static int count_settled(struct planner *k, size_t file, size_t n)
{
    const struct scan_file *f = &k->s->files[file];
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        const struct old_unit *u = &f->old[i];

        if (u->done)
            k->p->n_cached++;
        else
            rc = add_todo(k, file, i, 0, u->unit_key, u->prompt_key);
    }
    return rc;
}

/* ---- deciding ----------------------------------------------------------------------------------- */

/* What the store shows at this place for this code: of several with one name, the first with the key. */
static const struct old_unit *find_old(const struct planner *k, const struct scan_file *f,
                                       const char *qname, const uint8_t *unit_key)
{
    for (size_t i = names_find(&k->old, qname); names_at(&k->old, i, qname); i++)
        if (equal_keys(f->old[k->old.v[i].at].unit_key, unit_key))
            return &f->old[k->old.v[i].at];
    return NULL;
}

static void keep_old(struct decision *d, const uint8_t *prompt_key)
{
    memcpy(d->prompt_key, prompt_key, KEY_LEN);
    d->old = true;
    d->done = true;
}

/* d has its unit_key and prompt_hash: where does its summary come from? */
static int look_up(struct planner *k, const struct scan_file *f, const struct unit *u,
                   struct decision *d)
{
    const struct old_unit *old = find_old(k, f, u->qualified, d->unit_key);
    const struct vanished *gone;
    int rc;

    if (old && !old->old && equal_keys(old->prompt_hash, d->prompt_hash) && old->prompt_key) {
        memcpy(d->prompt_key, old->prompt_key, KEY_LEN); /* equal words: no tokens needed */
        d->done = old->done;
        return 0;
    }
    rc = question_prompt_key(k->q, d->prompt_key, d->prompt_hash, scan_language(f, u),
                             unit_kind_name(u->kind), k->e);
    d->n_tokens = rc == 0 ? k->q->ids.n : 0;
    if (rc == 0)
        rc = store_has_summary(k->r, d->prompt_key, k->e);
    if (rc != 0) {
        d->done = rc > 0;
        return rc < 0 ? rc : 0;
    }
    if (k->o->refresh)
        return 0;
    gone = find_vanished(k, d->unit_key);
    if (old && old->done && old->prompt_key)
        keep_old(d, old->prompt_key);
    else if (gone)
        keep_old(d, gone->prompt_key);
    return 0;
}

/* Code in which a search for secrets had to be given up may not enter a prompt: the fallback stands, under a key of
 * a question without words. */
static int decide_unasked(struct planner *k, const struct scan_file *f, const struct unit *u,
                          struct decision *d)
{
    const char *language = scan_language(f, u), *kind = unit_kind_name(u->kind);
    int rc = key_unit(d->unit_key, &k->q->base, strbuf_str(&k->source) + u->span.start,
                      span_len(u->span), language, kind, k->e);

    if (rc == 0)
        rc = key_prompt(d->prompt_key, &k->q->base, NULL, 0, language, kind, k->e);
    if (rc < 0)
        return rc;
    store_put_summary(k->t, &(struct store_summary){.prompt_key = d->prompt_key,
                                                    .unit_key = d->unit_key,
                                                    .source = "signature",
                                                    .model = k->q->name,
                                                    .confidence = -1,
                                                    .run = k->o->run});
    d->done = true;
    return 0;
}

static int decide(struct planner *k, const struct scan_file *f, const struct unit *u,
                  struct decision *d)
{
    enum language_id lang = f->wf->language;
    const char *language = scan_language(f, u), *kind = unit_kind_name(u->kind);
    int rc = question_keys(k->q, k->e);

    d->asks = true;
    if (rc == 0)
        rc = wording_question(d->prompt_hash, k->q, &k->code, u, lang, strbuf_str(&k->source),
                              k->source.len, f->units, f->n, k->e);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return decide_unasked(k, f, u, d);
    rc =
        key_unit(d->unit_key, &k->q->base, strbuf_str(&k->code), k->code.len, language, kind, k->e);
    return rc < 0 ? rc : look_up(k, f, u, d);
}

/* ---- files that are planned anew ---------------------------------------------------------------- */

/* k->text becomes the summary from the unit's comment (*doc), or what to fall back on. */
static int own_text(struct planner *k, const struct scan_file *f, const struct unit *u, bool *doc)
{
    return wording_own(&k->text, &k->code, k->o->no_docs, u, f->wf->language,
                       strbuf_str(&k->source), k->source.len, doc, k->e);
}

/* Did the store show this very text here? */
static bool had_doc(const struct planner *k, const struct scan_file *f, const char *qname)
{
    for (size_t i = names_find(&k->old, qname); names_at(&k->old, i, qname); i++) {
        const struct old_unit *old = &f->old[k->old.v[i].at];

        if (old->done && !old->prompt_key && old->text &&
            strcmp(old->text, strbuf_str(&k->text)) == 0)
            return true;
    }
    return false;
}

/* The number of each unit among those of its name. */
static int number_units(struct planner *k, const struct scan_file *f)
{
    if (mem_grow((void **)&k->ordinals, &k->cap_ordinals, f->n, sizeof(*k->ordinals)) < 0)
        return err_nomem(k->e, "the plan");
    names_number(&k->units, k->ordinals);
    return 0;
}

/* Put a unit whose plan is given: text and keys of `plan`. */
static void put_unit(struct planner *k, const struct scan_file *f, size_t unit,
                     const struct old_unit *plan)
{
    const struct unit *u = &f->units[unit];
    uint8_t spans[SCAN_SPANS];

    scan_put_spans(spans, u);
    store_put_unit(k->t, (struct store_bytes){f->wf->path, f->wf->path_len},
                   &(struct store_unit){
                       .qname = {u->qualified, strlen(u->qualified)},
                       .name = {u->name, strlen(u->name)},
                       .ordinal = k->ordinals[unit],
                       .kind = unit_kind_name(u->kind),
                       .language = u->language ? language_get(u->language)->name : NULL,
                       .start_line = u->start_line,
                       .end_line = u->end_line,
                       .spans = {spans, sizeof(spans)},
                       .text = plan->text,
                       .unit_key = plan->unit_key,
                       .prompt_hash = plan->prompt_hash,
                       .prompt_key = plan->prompt_key,
                       .old = plan->old,
                       .findings = plan->findings,
                       .calls = u->calls,
                       .uses = u->uses,
                   });
}

/* A unit beyond the limit: as the store has it, if that was of the same text. */
static void put_beyond(struct planner *k, const struct scan_file *f, size_t unit)
{
    static const struct old_unit nothing;

    put_unit(k, f, unit, f->known ? &f->old[unit] : &nothing);
}

static void put_decision(struct planner *k, const struct scan_file *f, size_t unit,
                         const struct decision *d)
{
    put_unit(k, f, unit,
             &(struct old_unit){
                 .text = strbuf_str(&k->text),
                 .unit_key = d->asks ? d->unit_key : NULL,
                 .prompt_hash = d->asks ? d->prompt_hash : NULL,
                 .prompt_key = d->asks ? d->prompt_key : NULL,
                 .old = d->old,
                 .findings = strbuf_str(&k->findings),
             });
}

static int plan_unit(struct planner *k, size_t file, size_t unit)
{
    const struct scan_file *f = &k->s->files[file];
    const struct unit *u = &f->units[unit];
    struct decision d = {.asks = false};
    bool doc;
    int rc = own_text(k, f, u, &doc);

    if (rc < 0)
        return rc;
    if (!doc) {
        rc = decide(k, f, u, &d);
    } else if (had_doc(k, f, u->qualified)) {
        k->p->n_cached++;
    } else {
        k->p->n_doc++;
    }
    if (rc == 0)
        rc = wording_findings(&k->findings, &k->code, k->o->no_docs, u, f->wf->language,
                              strbuf_str(&k->source), k->source.len, k->e);
    if (rc < 0)
        return rc;
    put_decision(k, f, unit, &d);
    if (!d.asks)
        return 0;
    if (d.done) {
        k->p->n_cached++;
        return 0;
    }
    return add_todo(k, file, unit, d.n_tokens, d.unit_key, d.prompt_key);
}

static void note(struct planner *k, const struct walk_file *wf, const char *what)
{
    struct strbuf b = {0};

    if (!k->o->on_note)
        return;
    utf8_escape(&b, wf->path, wf->path_len, "");
    strbuf_printf(&b, ": %s", what);
    if (!strbuf_failed(&b))
        k->o->on_note(k->o->ctx, strbuf_str(&b));
    strbuf_release(&b);
}

/* Read the file once more; 1 if it is not what was scanned. */
static int read_again(struct planner *k, const struct scan_file *f)
{
    struct dobby_err why = {0};
    uint8_t hash[KEY_LEN];
    int rc = walk_read(k->w, f->wf, &k->source, hash, &why);

    if (rc < 0)
        return err_set(k->e, rc, "%s", why.message);
    return f->wf->skip != WALK_TAKEN || memcmp(hash, f->hash, KEY_LEN) != 0;
}

/* Does any of the first n units ask the model? (Its answer goes before the units into the store.) */
static int needs_model(struct planner *k, const struct scan_file *f, size_t n)
{
    bool doc = true;
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0 && doc; i++)
        rc = own_text(k, f, &f->units[i], &doc);
    return rc < 0 ? rc : !doc;
}

/* The recipe of a file of which n units are planned. Another one than the whole file's means: look again next time. Units beyond
 * the limit stay as they were, so that there is none for the file if these were made by another one. */
static const uint8_t *recipe_of(const struct planner *k, const struct scan_file *f, size_t n)
{
    if (n == f->n)
        return k->recipe;
    if (f->known && !equal_keys(f->recipe, k->recipe) && !equal_keys(f->recipe, k->part_recipe))
        return NULL;
    return k->part_recipe;
}

struct copying {
    struct planner *k;
    int ordinal;
};

static int copy_import(void *ctx, struct store_bytes path, const struct store_import *im)
{
    struct copying *c = ctx;

    store_put_import(c->k->t, path, c->ordinal++, im);
    return 0;
}

/* The imports of a file that was put: what the parser found, or what the store has, which goes with the old file. */
static int put_imports(struct planner *k, const struct scan_file *f)
{
    struct store_bytes path = {f->wf->path, f->wf->path_len};
    struct copying c = {.k = k};

    if (f->known)
        return store_each_import(k->r, path, copy_import, &c, k->e);
    for (size_t i = 0; i < f->n_imports; i++)
        store_put_import(k->t, path, (int)i,
                         &(struct store_import){
                             .kind = import_kind_name(f->imports[i].kind),
                             .what = {f->imports[i].what, strlen(f->imports[i].what)},
                             .line = f->imports[i].line,
                         });
    return 0;
}

/* Lines of the text in k->source; a last one without its end counts. */
static int64_t count_lines(const struct planner *k)
{
    const char *p = strbuf_str(&k->source), *end = p + k->source.len;
    int64_t n = 0;

    for (; p < end; n++) {
        p = memchr(p, '\n', (size_t)(end - p));
        p = p ? p + 1 : end;
    }
    return n;
}

/* Plan the first n units of a file, whose text is in k->source, and put it in place of what the store has. */
static int plan_text(struct planner *k, size_t file, size_t n)
{
    const struct scan_file *f = &k->s->files[file];
    char grammar[64];
    int asks = needs_model(k, f, n), rc;

    if (asks < 0)
        return asks;
    rc = asks ? question_keys(k->q, k->e) : 0;
    if (rc == 0)
        rc = index_names(k, f);
    if (rc == 0)
        rc = number_units(k, f);
    if (rc == 0)
        rc = rollup_header(&k->text, &k->code, k->o->no_docs, f, strbuf_str(&k->source),
                           k->source.len, k->e);
    if (rc < 0)
        return rc;
    scan_grammar(grammar, f->wf->language);
    store_put_file(k->t, &(struct store_file){
                             .path = {f->wf->path, f->wf->path_len},
                             .hash = f->hash,
                             .grammar = grammar,
                             .language = language_get(f->wf->language)->name,
                             .recipe = recipe_of(k, f, n),
                             .model = asks ? k->q->digest : NULL,
                             .note = f->note,
                             .n_lines = count_lines(k),
                             .text = k->text.len > 0 ? strbuf_str(&k->text) : NULL,
                             .source = "doc",
                         });
    rc = put_imports(k, f);
    for (size_t i = 0; i < f->n && rc == 0; i++) {
        if (i < n)
            rc = plan_unit(k, file, i);
        else
            put_beyond(k, f, i);
    }
    return rc;
}

/* Now and then: does the process stay within its bound? */
static int check_memory(struct planner *k, const struct scan_file *f)
{
    k->unchecked += f->n + CHECK_FILE;
    if (k->unchecked < CHECK_EVERY)
        return 0;
    k->unchecked = 0;
    return budget_check(k->o->memory, 0, 0, k->e);
}

static int plan_file(struct planner *k, size_t file)
{
    const struct scan_file *f = &k->s->files[file];
    size_t n = k->o->limit ? size_min(f->n, k->left) : f->n;
    int rc = is_settled(k, f, n);

    k->left -= k->o->limit ? n : 0;
    if (rc != 0)
        return rc < 0 ? rc : count_settled(k, file, n);
    rc = read_again(k, f);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return plan_text(k, file, n);
    if (mem_grow((void **)&k->p->left, &k->p->left_cap, k->p->n_left + 1, sizeof(*k->p->left)) < 0)
        return err_nomem(k->e, "the plan");
    k->p->left[k->p->n_left++] = (struct plan_left){file, n};
    k->p->n_changed += n; /* what the store says of it stays; the next run sees the new text */
    note(k, f->wf, "changed while it was read; its units are left for the next run");
    return 0;
}

/* ---- manifests ---------------------------------------------------------------------------------- */

/* k->source has the text. What cannot be read as its kind is a note: a tree is no worse for it. */
static int put_manifest(struct planner *k, const struct walk_file *wf, struct manifest *m)
{
    struct dobby_err why = {0};
    int rc = manifest_read(m, wf->path, wf->path_len, strbuf_str(&k->source), k->source.len, &why);

    if (rc == DOBBY_E_NOMEM)
        return err_set(k->e, rc, "%s", why.message);
    if (rc < 0) {
        note(k, wf, "no JSON that dobby reads; the overview does without it");
        return 0;
    }
    for (size_t i = 0; i < m->n; i++)
        store_put_fact(k->t, (int)i,
                       &(struct store_fact){
                           .path = {wf->path, wf->path_len},
                           .key = m->facts[i].key,
                           .value = {m->facts[i].value, strlen(m->facts[i].value)},
                       });
    manifest_release(m);
    return 0;
}

/* Manifests are few and short: they are read each time. */
static int plan_manifests(struct planner *k)
{
    struct manifest *m = NULL;
    int rc = 0;

    store_drop_facts(k->t, k->o->scope);
    for (size_t i = 0; i < k->w->n_files && rc == 0; i++) {
        const struct walk_file *wf = &k->w->files[i];
        struct dobby_err why = {0};
        bool taken;

        if (wf->is_dir || wf->skip != WALK_LANGUAGE || !manifest_is(wf->path, wf->path_len))
            continue;
        if (!m && !(m = mem_zalloc(sizeof(*m))))
            return err_nomem(k->e, "a manifest");
        rc = walk_read_words(k->w, wf, &k->source, &taken, &why);
        if (rc < 0)
            rc = err_set(k->e, rc, "%s", why.message);
        else if (taken)
            rc = put_manifest(k, wf, m);
        else if (why.message[0])
            note(k, wf, why.message);
    }
    mem_free(m);
    return rc;
}

/* Give away what was decided so far, if it stands without what is to come. */
static int give_group(struct planner *k)
{
    if (!k->o->on_group || k->n_vanished > 0 || store_txn_rows(k->t) < PLAN_GROUP)
        return 0;
    return k->o->on_group(k->o->ctx, &k->t, k->e);
}

/* ---- the plan ----------------------------------------------------------------------------------- */

static int plan_all(struct planner *k)
{
    int rc = wording_recipe(k->recipe, k->o->no_docs, true, k->e);

    if (rc == 0)
        rc = wording_recipe(k->part_recipe, k->o->no_docs, false, k->e);
    if (rc == 0)
        rc = list_vanished(k);
    for (size_t i = 0; i < k->s->n_gone && rc == 0; i++)
        store_drop_file(k->t, k->s->gone[i].path);
    for (size_t i = 0; i < k->s->n_files && rc == 0; i++) {
        if (k->o->stop && *k->o->stop)
            return err_set(k->e, DOBBY_E_CANCELLED, "summarize: stopped while planning");
        rc = plan_file(k, i);
        if (rc == 0)
            rc = give_group(k);
        if (rc == 0)
            rc = check_memory(k, &k->s->files[i]);
    }
    return rc < 0 ? rc : plan_manifests(k);
}

int plan_make(struct plan *p, const struct scan *s, struct walk *w, struct question *q,
              struct store_reader *r, struct store_txn *t, const struct plan_options *o,
              struct dobby_err *e)
{
    struct planner k = {
        .p = p, .s = s, .w = w, .q = q, .r = r, .t = t, .o = o, .e = e, .left = o->limit};
    int rc;

    *p = (struct plan){0};
    rc = plan_all(&k);
    strbuf_release(&k.source);
    strbuf_release(&k.code);
    strbuf_release(&k.text);
    strbuf_release(&k.findings);
    mem_free(k.vanished);
    names_release(&k.units);
    names_release(&k.old);
    mem_free(k.ordinals);
    if (rc < 0)
        plan_release(p);
    return rc;
}

void plan_release(struct plan *p)
{
    mem_free(p->items);
    mem_free(p->left);
    mem_free(p->same);
    *p = (struct plan){0};
}
