/* check_tree.c - dobby_check_tree: which units of a tree have a current summary in the store (pipeline).
 *
 *     walk -> scan (read, hash, parse what the store does not know) -> roll-up -> judge
 *
 * Rule     A file that the store knows by its hash, and whose units were planned by today's recipe, is what the store says
 *          of it. For a unit of any other file its words are made: the sentence of its comment, or the question about
 *          its code (wording.h). It is current if the store shows an answer to the very words, for this place or
 *          any other: a run with the same model finds that answer under the prompt key, and asks nothing. So an
 *          edit elsewhere in the file, a move and a rename leave a unit current.
 * Model    Keys hold it, and here none is known: an answer counts whoever gave it, as long as it was asked by today's
 *          recipe. Nor is the unit key known, so once prompts quote what stands around a unit, the store has to
 *          keep a digest of the code alone for what a run would keep as old; today equal code is equal words.
 * Parents  What files and directories would show now is made by the code that a run uses (rollup.h), with what the store shows of
 *          units, and compared with what they show there.
 * Next     plan.c, which makes the same decisions with keys. */
#include "dobby.h"

#include "base/mem.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/sha256.h"
#include "base/size.h"
#include "base/thread.h"
#include "base/utf8.h"
#include "code/doc.h"
#include "code/since.h"
#include "pipeline/names.h"
#include "pipeline/rollup.h"
#include "pipeline/scan.h"
#include "pipeline/wording.h"

#include <stdlib.h>
#include <string.h>

struct digest {
    uint8_t bytes[KEY_LEN];
};

struct job {
    struct dobby_check o;
    struct dobby_check_stats *st;
    struct dobby_err *e;
    struct walk walk;
    char *scope; /* PATH relative to the root */
    struct store_place place;
    struct store_reader *reader; /* NULL: there is no store */
    struct scan scan;
    struct context *context;
    struct rollup rollup;
    const char **header;      /* of each file, as in rollup_options */
    size_t next_parent;       /* of rollup.rows, to be told */
    struct question question; /* words only: no model stands behind it */
    struct digest recipes[4]; /* today's: [0] and [1] as o.no_docs says, whole and in part */
    struct digest *answered;  /* sorted: all words that the store shows an answer to */
    size_t n_answered, cap_answered;
    bool have_answered;
    struct strbuf source, code, text;
    struct names units, old; /* of the file at hand */
    int *ordinals;           /* of its units */
    size_t cap_ordinals;
};

const char *dobby_finding_name(enum dobby_finding_kind k)
{
    switch (k) {
    case DOBBY_FIND_MISSING:
        return "missing";
    case DOBBY_FIND_STALE:
        return "stale";
    case DOBBY_FIND_DOC_MISMATCH:
        return "doc-mismatch";
    }
    return "";
}

/* ---- words that were answered ------------------------------------------------------------------- */

/* What can be looked for: the words of a question (name NULL), or a comment's sentence under the name of its unit. */
static int digest_words(struct digest *out, const char *language, const char *kind,
                        const char *name, const void *words, size_t n, struct dobby_err *e)
{
    struct sha256 h;

    sha256_begin(&h);
    sha256_field(&h, language, strlen(language));
    sha256_field(&h, kind, strlen(kind));
    sha256_field(&h, name ? "said" : "asked", name ? 4 : 5);
    sha256_field(&h, name ? name : "", name ? strlen(name) : 0);
    sha256_field(&h, words, n);
    return sha256_end(&h, out->bytes, e);
}

static int compare_digests(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct digest));
}

static bool is_todays(const struct job *j, const uint8_t *recipe, size_t n)
{
    for (size_t i = 0; i < n && recipe; i++)
        if (memcmp(j->recipes[i].bytes, recipe, KEY_LEN) == 0)
            return true;
    return false;
}

struct listing {
    struct job *j;
    const struct store_file *file;
    bool todays;
    struct strbuf name;
};

static int list_unit(void *ctx, const struct store_unit *u, bool done)
{
    struct listing *l = ctx;
    struct job *j = l->j;
    const char *language = u->language ? u->language : l->file->language;
    struct digest *d;

    if (!done || u->old || (u->prompt_key && (!u->prompt_hash || !l->todays)))
        return 0;
    if (mem_grow((void **)&j->answered, &j->cap_answered, j->n_answered + 1, sizeof(*j->answered)) <
        0)
        return err_nomem(j->e, "what the store has");
    d = &j->answered[j->n_answered++];
    if (u->prompt_key)
        return digest_words(d, language, u->kind, NULL, u->prompt_hash, KEY_LEN, j->e);
    strbuf_reset(&l->name);
    strbuf_add(&l->name, u->qname.p, u->qname.n);
    if (strbuf_failed(&l->name))
        return err_nomem(j->e, "what the store has");
    return digest_words(d, language, u->kind, strbuf_str(&l->name), u->text,
                        u->text ? strlen(u->text) : 0, j->e);
}

static int list_file(void *ctx, const struct store_file *f)
{
    struct listing *l = ctx;
    struct job *j = l->j;

    if (j->o.stop && *j->o.stop)
        return err_set(j->e, DOBBY_E_CANCELLED, "check: stopped");
    l->file = f;
    l->todays = is_todays(j, f->recipe, ARRAY_LEN(j->recipes));
    return store_each_unit(j->reader, f->path, list_unit, l, j->e);
}

/* All of the store, in and out of scope; once, when the first unit has to be looked for. */
static int list_answered(struct job *j)
{
    struct listing l = {.j = j};
    int rc;

    if (j->have_answered || !j->reader)
        return 0;
    rc = store_each_file(j->reader, (struct store_bytes){"", 0}, list_file, &l, j->e);
    if (rc == 0 && j->n_answered > 0)
        qsort(j->answered, j->n_answered, sizeof(*j->answered), compare_digests);
    j->have_answered = rc == 0;
    strbuf_release(&l.name);
    return rc;
}

static int is_answered(struct job *j, const struct digest *d)
{
    int rc = list_answered(j);

    if (rc < 0)
        return rc;
    return j->n_answered > 0 &&
           bsearch(d, j->answered, j->n_answered, sizeof(*j->answered), compare_digests) != NULL;
}

/* ---- findings ----------------------------------------------------------------------------------- */

static void note(struct job *j, const struct walk_file *wf, const char *what)
{
    struct strbuf b = {0};

    if (!j->o.on_note)
        return;
    utf8_escape(&b, wf->path, wf->path_len, "");
    strbuf_printf(&b, ": %s", what);
    if (!strbuf_failed(&b))
        j->o.on_note(j->o.ctx, strbuf_str(&b));
    strbuf_release(&b);
}

static int tell(struct job *j, const struct scan_file *f, size_t unit, enum dobby_finding_kind kind,
                const char *detail)
{
    const struct unit *u = &f->units[unit];
    struct dobby_finding finding = {
        .kind = kind,
        .path = f->wf->path,
        .path_len = f->wf->path_len,
        .name = u->qualified,
        .unit_kind = unit_kind_name(u->kind),
        .language = scan_language(f, u),
        .ordinal = j->ordinals[unit],
        .start_line = u->start_line,
        .end_line = u->end_line,
        .detail = detail,
    };

    *(kind == DOBBY_FIND_MISSING ? &j->st->n_missing
      : kind == DOBBY_FIND_STALE ? &j->st->n_stale
                                 : &j->st->n_mismatches) += 1;
    return j->o.on_finding ? j->o.on_finding(j->o.ctx, &finding) : 0;
}

/* ---- judging ------------------------------------------------------------------------------------ */

/* Index the names of a file: of its units now, and of those that the store has a summary of. */
static int index_names(struct job *j, const struct scan_file *f)
{
    int rc = names_of_units(&j->units, f->units, f->n, j->e);

    names_reset(&j->old);
    for (size_t i = 0; i < f->n_old && rc == 0; i++)
        if (f->old[i].done)
            rc = names_add(&j->old, f->old[i].qname, i, j->e);
    names_sort(&j->old);
    if (rc == 0 && f->n > 0 &&
        mem_grow((void **)&j->ordinals, &j->cap_ordinals, f->n, sizeof(*j->ordinals)) < 0)
        rc = err_nomem(j->e, "the units of a file");
    if (rc == 0)
        names_number(&j->units, j->ordinals);
    return rc;
}

/* Has this place a summary of the very same code? A run keeps it: only what its question showed around the code has changed. */
static int is_same_code(struct job *j, const struct scan_file *f, const char *qname)
{
    uint8_t code[WORDING_CODE];
    int rc = wording_code(code, &j->code, j->e);

    for (size_t i = names_find(&j->old, qname); rc == 0 && names_at(&j->old, i, qname); i++) {
        const struct old_unit *old = &f->old[j->old.v[i].at];

        if (old->code_hash && old->prompt_key && memcmp(old->code_hash, code, WORDING_CODE) == 0)
            return is_todays(j, f->recipe, ARRAY_LEN(j->recipes));
    }
    return rc;
}

/* 1 if the words about a unit of j->source have their answer in the store, or would be found answered by a run, 0 if not. */
static int has_answer(struct job *j, size_t file, size_t unit)
{
    const struct scan_file *f = &j->scan.files[file];
    const struct unit *u = &f->units[unit];
    const char *doc = context_doc(j->context, file, unit);
    const char *language = scan_language(f, u), *kind = unit_kind_name(u->kind);
    uint8_t words[KEY_LEN];
    struct digest d;
    int rc;

    if (doc) {
        rc = digest_words(&d, language, kind, u->qualified, doc, strlen(doc), j->e);
        return rc < 0 ? rc : is_answered(j, &d);
    }
    for (int bare = 0; bare < 2; bare++) { /* the model may have been one of either sort */
        j->question.bare = bare != 0;
        rc = wording_question(words, &j->question, &j->code, j->context, &j->scan, file, unit,
                              strbuf_str(&j->source), j->source.len, j->e);
        if (rc > 0)
            rc = is_same_code(j, f, u->qualified);
        if (rc == 0)
            rc = digest_words(&d, language, kind, NULL, words, KEY_LEN, j->e);
        if (rc == 0)
            rc = is_answered(j, &d);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* Of this very text and recipe: what the store says of the file holds. */
static bool is_known(const struct job *j, const struct scan_file *f)
{
    return f->known && is_todays(j, f->recipe, 2);
}

/* Its units were planned in the very context, too. */
static int is_settled(struct job *j, size_t file)
{
    const struct scan_file *f = &j->scan.files[file];
    uint8_t context[KEY_LEN];
    int rc = is_known(j, f) ? context_digest(j->context, context, file, j->e) : 0;

    if (rc < 0 || !is_known(j, f) || !f->context)
        return rc;
    return memcmp(f->context, context, KEY_LEN) == 0;
}

/* Read the file once more; 1 if it is not what was scanned. */
static int read_again(struct job *j, const struct scan_file *f)
{
    struct dobby_err why = {0};
    uint8_t hash[KEY_LEN];
    int rc = walk_read(&j->walk, f->wf, &j->source, hash, &why);

    if (rc < 0)
        return err_set(j->e, rc, "%s", why.message);
    return f->wf->skip != WALK_TAKEN || memcmp(hash, f->hash, KEY_LEN) != 0;
}

static int judge_unit(struct job *j, size_t file, size_t unit, bool settled)
{
    const struct scan_file *f = &j->scan.files[file];
    const struct unit *u = &f->units[unit];
    int current = settled ? f->old[unit].done : j->reader ? has_answer(j, file, unit) : 0;

    if (current < 0)
        return current;
    if (current) {
        j->st->n_current++;
        return 0;
    }
    return tell(j, f, unit,
                !settled && names_at(&j->old, names_find(&j->old, u->qualified), u->qualified)
                    ? DOBBY_FIND_STALE
                    : DOBBY_FIND_MISSING,
                NULL);
}

struct stray {
    struct job *j;
    const struct scan_file *f;
    size_t unit;
    int rc;
};

static void tell_stray(void *ctx, const char *name, size_t n)
{
    struct stray *s = ctx;
    struct strbuf *text = &s->j->text;

    if (s->rc != 0)
        return;
    strbuf_reset(text);
    strbuf_add(text, name, n);
    s->rc = strbuf_failed(text)
                ? err_nomem(s->j->e, "a finding")
                : tell(s->j, s->f, s->unit, DOBBY_FIND_DOC_MISMATCH, strbuf_str(text));
}

/* Parameters that a unit's comment names in j->source, and it has not. */
static int judge_doc(struct job *j, const struct scan_file *f, size_t unit)
{
    struct stray s = {.j = j, .f = f, .unit = unit};

    if (!j->o.no_docs)
        doc_stray_params(&f->units[unit], f->wf->language, strbuf_str(&j->source), j->source.len,
                         tell_stray, &s);
    return s.rc;
}

/* ---- files and directories ---------------------------------------------------------------------- */

/* The own words of a file that the store does not know as it is. One that is another file by now keeps what the store has; its
 * units tell of the change. */
static int find_header(struct job *j, size_t file)
{
    const struct scan_file *f = &j->scan.files[file];
    int rc;

    j->header[file] = rollup_as_stored;
    if (is_known(j, f))
        return 0;
    rc = read_again(j, f);
    if (rc == 0)
        rc = rollup_header(&j->text, &j->code, j->o.no_docs, f, strbuf_str(&j->source),
                           j->source.len, j->e);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    j->header[file] = NULL;
    if (j->text.len == 0)
        return 0;
    j->header[file] = arena_strndup(&j->scan.arena, strbuf_str(&j->text), j->text.len);
    return j->header[file] ? 0 : err_nomem(j->e, "a file's comment");
}

static int make_parents(struct job *j)
{
    struct rollup_options o = {.scope = j->scope, .stop = j->o.stop};
    int rc = 0;

    j->header = mem_array(j->scan.n_files + 1, sizeof(*j->header));
    if (!j->header)
        return err_nomem(j->e, "the files");
    for (size_t i = 0; i < j->scan.n_files && rc == 0; i++) {
        if (j->o.stop && *j->o.stop)
            return err_set(j->e, DOBBY_E_CANCELLED, "check: stopped");
        rc = find_header(j, i);
    }
    o.header = j->header;
    return rc < 0 ? rc : rollup_make(&j->rollup, &j->scan, &j->walk, j->reader, &o, j->e);
}

static int tell_parent(struct job *j, const struct rollup_row *row)
{
    const char *slash = memrchr(row->path, '/', row->path_len);
    size_t at = slash ? (size_t)(slash + 1 - row->path) : 0;
    const struct language *l = language_get(row->lang);
    struct dobby_finding finding = {
        .kind = row->state == ROLLUP_MISSING ? DOBBY_FIND_MISSING : DOBBY_FIND_STALE,
        .path = row->path,
        .path_len = row->path_len,
        .unit_kind = row->kind,
        .language = l ? l->name : NULL,
    };
    int rc;

    strbuf_reset(&j->text); /* a directory's path does not end with its name */
    strbuf_add(&j->text, row->path + at, row->path_len - at);
    if (strbuf_failed(&j->text))
        return err_nomem(j->e, "a finding");
    finding.name = strbuf_str(&j->text);
    *(row->state == ROLLUP_MISSING ? &j->st->n_parents_missing : &j->st->n_parents_stale) += 1;
    rc = j->o.on_finding ? j->o.on_finding(j->o.ctx, &finding) : 0;
    return rc;
}

/* Parents up to a path, this one too; NULL: all that are left. A file that its directory's path begins comes behind it. */
static int judge_parents(struct job *j, const struct walk_file *upto)
{
    int rc = 0;

    while (j->next_parent < j->rollup.n && rc == 0) {
        const struct rollup_row *row = &j->rollup.rows[j->next_parent];
        int c = upto ? memcmp(row->path, upto->path, size_min(row->path_len, upto->path_len)) : -1;

        if (c > 0 || (c == 0 && row->path_len > upto->path_len))
            break;
        j->next_parent++;
        if (row->state == ROLLUP_GONE) /* the next run drops it; nothing is wrong until then */
            continue;
        j->st->n_parents++;
        if (row->state != ROLLUP_SAME)
            rc = tell_parent(j, row);
    }
    return rc;
}

/* ---- the judgement ------------------------------------------------------------------------------ */

/* Is the text wanted? That of a settled file only if there are comments to be looked at. */
static bool needs_text(const struct job *j, const struct scan_file *f, bool settled)
{
    if (!settled && j->reader)
        return true;
    for (size_t i = 0; i < f->n && !j->o.no_docs; i++)
        if (span_len(f->units[i].doc) > 0 || span_len(f->units[i].docstring) > 0)
            return true;
    return false;
}

static int judge_file(struct job *j, size_t file)
{
    const struct scan_file *f = &j->scan.files[file];
    int settled = is_settled(j, file);
    bool text = settled >= 0 && needs_text(j, f, settled);
    int rc = settled < 0 ? settled : text ? read_again(j, f) : 0;

    if (rc > 0) {
        j->st->n_changed += f->n;
        note(j, f->wf, "changed while it was read; its units are not judged");
        return 0;
    }
    if (rc == 0)
        rc = index_names(j, f);
    for (size_t i = 0; i < f->n && rc == 0; i++) {
        rc = judge_unit(j, file, i, settled);
        if (rc == 0 && text)
            rc = judge_doc(j, f, i);
    }
    return rc;
}

static int judge_all(struct job *j)
{
    int rc = 0;

    for (size_t i = 0; i < j->scan.n_files && rc == 0; i++) {
        if (j->o.stop && *j->o.stop)
            return err_set(j->e, DOBBY_E_CANCELLED, "check: stopped");
        rc = judge_parents(j, j->scan.files[i].wf);
        if (rc == 0)
            rc = judge_file(j, i);
    }
    if (rc == 0)
        rc = judge_parents(j, NULL);
    if (rc == 0 && j->st->n_changed > 0)
        rc = err_set(j->e, DOBBY_E_UNDONE,
                     "check: %zu units are in files that changed meanwhile; run it again",
                     j->st->n_changed);
    return rc;
}

/* ---- the whole ---------------------------------------------------------------------------------- */

static int make_recipes(struct job *j)
{
    int rc = 0;

    for (size_t i = 0; i < ARRAY_LEN(j->recipes) && rc == 0; i++)
        rc = wording_recipe(j->recipes[i].bytes, i < 2 ? j->o.no_docs : !j->o.no_docs, i % 2 == 0,
                            j->e);
    return rc;
}

/* Nothing is made; that there is no store is no failure. */
static int open_store(struct job *j)
{
    struct dobby_err why = {0};
    int rc = store_place_init(&j->place, j->walk.root, j->o.store_path, j->e);

    if (rc < 0)
        return rc;
    rc = store_reader_open(&j->reader, &j->place, &why);
    j->st->have_store = rc == 0;
    return rc == 0 || rc == DOBBY_E_NOTFOUND ? 0 : err_set(j->e, rc, "%s", why.message);
}

static int do_scan(struct job *j)
{
    struct scan_options o = {
        .scope = {j->scope, strlen(j->scope)},
        .worker_path = j->o.worker_path,
        .parsers = j->o.threads,
        .memory = j->o.memory ? j->o.memory : memory_auto(""),
        .no_docs = j->o.no_docs,
        .stop = j->o.stop,
        .on_note = j->o.on_note,
        .ctx = j->o.ctx,
    };
    int rc = scan_tree(&j->scan, &j->walk, j->reader, &o, j->e);

    j->st->n_files = j->scan.n_files;
    j->st->n_skipped = j->scan.n_skipped;
    j->st->n_units = j->scan.n_units;
    j->st->n_unparsed = j->scan.n_unparsed;
    return rc;
}

static int mark_unchanged(struct job *j)
{
    struct since_options o = {.rev = j->o.since,
                              .scope = j->scope,
                              .worker_path = j->o.worker_path,
                              .memory = j->o.memory,
                              .stop = j->o.stop};

    return j->o.since ? since_mark(&j->walk, &o, j->e) : 0;
}

static int make_context(struct job *j)
{
    struct context_options o = {
        .no_docs = j->o.no_docs, .partly = j->scope[0] || j->o.since, .stop = j->o.stop};

    return context_make(&j->context, &j->scan, &j->walk, j->reader, &o, j->e);
}

static int check_all(struct job *j)
{
    struct walk_options o = {.stop = j->o.stop};
    int rc = walk_tree(&j->walk, j->o.path, &o, j->e);

    if (rc == 0)
        rc = walk_scope(&j->scope, &j->walk, j->o.path, j->e);
    if (rc == 0)
        rc = mark_unchanged(j);
    if (rc == 0)
        rc = make_recipes(j);
    if (rc == 0)
        rc = open_store(j);
    if (rc < 0)
        return rc;
    if (j->o.on_note)
        walk_each_note(&j->walk, j->o.on_note, j->o.ctx);
    rc = do_scan(j);
    if (rc == 0)
        rc = make_context(j);
    if (rc == 0)
        rc = make_parents(j);
    return rc < 0 ? rc : judge_all(j);
}

static void release(struct job *j)
{
    store_reader_free(j->reader);
    store_place_release(&j->place);
    question_release(&j->question);
    rollup_release(&j->rollup);
    context_free(j->context);
    mem_free(j->header);
    scan_release(&j->scan);
    walk_release(&j->walk);
    names_release(&j->units);
    names_release(&j->old);
    strbuf_release(&j->source);
    strbuf_release(&j->code);
    strbuf_release(&j->text);
    mem_free(j->answered);
    mem_free(j->ordinals);
    mem_free(j->scope);
}

int dobby_check_tree(const struct dobby_check *o, struct dobby_check_stats *st, struct dobby_err *e)
{
    struct dobby_check_stats unwanted;
    struct job j = {.st = st ? st : &unwanted, .e = e, .walk.root_fd = -1};
    double start = time_now();
    int rc = options_take(&j.o, sizeof(j.o), o, "check", e);

    *j.st = (struct dobby_check_stats){0};
    if (rc == 0 && (!j.o.path || !j.o.worker_path))
        rc = err_set(e, DOBBY_E_USAGE, "check: %s is not set", j.o.path ? "worker_path" : "path");
    if (rc < 0)
        return rc;
    question_init(&j.question, NULL, NULL, 0, 0);
    rc = check_all(&j);
    release(&j);
    j.st->s_total = time_now() - start;
    return rc;
}
