/* prompt_tree.c - dobby_prompt_tree: the questions that a run would put about units (pipeline).
 * Same     Made by the code that a run uses: scan.h, context.h, question.h.
 * Next     plan.c and summarize.c, which ask them. */
#include "dobby.h"

#include "base/mem.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/utf8.h"
#include "pipeline/context.h"
#include "pipeline/question.h"
#include "pipeline/scan.h"

#include <string.h>

struct job {
    struct dobby_prompt o;
    struct dobby_err *e;
    struct walk walk;
    char *file; /* relative to the root */
    struct store_place place;
    struct store_reader *reader; /* NULL: there is no store */
    struct scan scan;
    struct context *context;
    struct question question;
    struct strbuf source, code;
    size_t n; /* units told of */
};

/* ---- the tree ----------------------------------------------------------------------------------- */

/* Nothing is made; that there is no store is no failure. */
static int open_store(struct job *j)
{
    struct dobby_err why = {0};
    int rc = store_place_init(&j->place, j->walk.root, j->o.store_path, j->e);

    if (rc < 0)
        return rc;
    rc = store_reader_open(&j->reader, &j->place, &why);
    return rc == 0 || rc == DOBBY_E_NOTFOUND ? 0 : err_set(j->e, rc, "%s", why.message);
}

/* All of the tree that the file is in: its context comes from other files. */
static int walk_all(struct job *j)
{
    struct walk_options wo = {.stop = j->o.stop};
    char *root = NULL;
    int rc = walk_root(&root, j->o.path, j->e);

    if (rc == 0)
        rc = walk_tree(&j->walk, root, &wo, j->e);
    mem_free(root);
    return rc;
}

static int look(struct job *j)
{
    int rc = walk_all(j);

    if (rc == 0)
        rc = walk_scope(&j->file, &j->walk, j->o.path, j->e);
    if (rc == 0)
        rc = open_store(j);
    if (rc == 0)
        rc = scan_tree(&j->scan, &j->walk, j->reader,
                       &(struct scan_options){.scope = {"", 0},
                                              .worker_path = j->o.worker_path,
                                              .parsers = j->o.threads,
                                              .memory = j->o.memory ? j->o.memory : memory_auto(""),
                                              .no_docs = j->o.no_docs,
                                              .stop = j->o.stop,
                                              .on_note = j->o.on_note,
                                              .ctx = j->o.ctx},
                       j->e);
    if (rc == 0)
        rc = context_make(&j->context, &j->scan, &j->walk, j->reader,
                          &(struct context_options){.no_docs = j->o.no_docs, .stop = j->o.stop},
                          j->e);
    return rc;
}

/* ---- a unit ------------------------------------------------------------------------------------- */

static void add_notes(struct job *j, struct dobby_prompt_note *out, size_t *n, const char *what,
                      const struct prompt_note *notes, size_t n_notes)
{
    for (size_t i = 0; i < n_notes; i++) {
        struct store_bytes path = context_path(j->context, notes[i].file);

        if (notes[i].name)
            out[(*n)++] =
                (struct dobby_prompt_note){what, notes[i].name, notes[i].text, path.p, path.n};
    }
}

static int tell(struct job *j, size_t file, size_t unit)
{
    const struct scan_file *f = &j->scan.files[file];
    const struct unit *u = &f->units[unit];
    const char *doc = context_doc(j->context, file, unit);
    struct dobby_prompt_note notes[PROMPT_NOTES];
    struct prompt_context around;
    struct dobby_prompt_unit out = {.path = f->wf->path,
                                    .path_len = f->wf->path_len,
                                    .name = u->qualified,
                                    .kind = unit_kind_name(u->kind),
                                    .language = scan_language(f, u),
                                    .start_line = u->start_line,
                                    .end_line = u->end_line,
                                    .doc = doc,
                                    .notes = notes};
    int rc = prompt_code(&j->code, u, f->wf->language, strbuf_str(&j->source), j->source.len,
                         f->units, f->n, j->e);

    if (rc < 0)
        return rc;
    context_find(j->context, &around, file, unit, doc);
    rc = question_words(&j->question, u, f->wf->language, strbuf_str(&j->code), j->code.len,
                        j->o.second ? 1 : 0, &around, j->e);
    if (rc < 0)
        return rc;
    if (j->question.prompt.context[0]) {
        if (around.file)
            notes[out.n_notes++] =
                (struct dobby_prompt_note){"file", "", around.file, f->wf->path, f->wf->path_len};
        add_notes(j, notes, &out.n_notes, "owner", &around.owner, 1);
        add_notes(j, notes, &out.n_notes, "near", around.near, around.n_near);
        add_notes(j, notes, &out.n_notes, "caller", around.callers, around.n_callers);
        add_notes(j, notes, &out.n_notes, "used", around.used, around.n_used);
        add_notes(j, notes, &out.n_notes, "called", around.called, around.n_called);
    }
    out.msg = j->question.prompt.msg;
    out.n_msg = j->question.prompt.n;
    out.n_examples = j->question.prompt.n - 2;
    j->n++;
    return j->o.on_unit(j->o.ctx, &out);
}

/* ---- the file ----------------------------------------------------------------------------------- */

/* Is it the file, or a directory around it that was not entered? */
static bool is_left_out(const struct walk_file *wf, const char *file)
{
    size_t n = strlen(file);

    return wf->skip != WALK_TAKEN && wf->path_len <= n &&
           memcmp(wf->path, file, wf->path_len) == 0 &&
           (wf->path_len == n || (wf->is_dir && file[wf->path_len] == '/'));
}

static int no_file(struct job *j)
{
    for (size_t i = 0; i < j->walk.n_files; i++) {
        const struct walk_file *wf = &j->walk.files[i];

        if (is_left_out(wf, j->file))
            return err_set(j->e, DOBBY_E_NOTFOUND, "prompt: %s: is left out: %s", j->o.path,
                           walk_skip_text(wf->skip));
    }
    return err_set(j->e, DOBBY_E_NOTFOUND,
                   "prompt: %s: no file of the tree %s; give a source file, and a NAME in it",
                   j->o.path, j->walk.root);
}

static int tell_file(struct job *j, size_t file)
{
    const struct scan_file *f = &j->scan.files[file];
    uint8_t hash[KEY_LEN];
    int rc = walk_read(&j->walk, f->wf, &j->source, hash, j->e);

    if (rc == 0 && (f->wf->skip != WALK_TAKEN || memcmp(hash, f->hash, KEY_LEN) != 0))
        rc = err_set(j->e, DOBBY_E_IO, "prompt: %s: changed while it was read; try again",
                     j->o.path);
    for (size_t i = 0; i < f->n && rc == 0; i++)
        if (!j->o.name || strcmp(j->o.name, f->units[i].name) == 0 ||
            strcmp(j->o.name, f->units[i].qualified) == 0)
            rc = tell(j, file, i);
    if (rc == 0 && j->n == 0)
        rc =
            err_set(j->e, DOBBY_E_NOTFOUND,
                    "prompt: %s: %s%s; dobby summarize --dry-run --json tells its units", j->o.path,
                    j->o.name ? "has no unit called " : "has no units", j->o.name ? j->o.name : "");
    return rc;
}

static int do_all(struct job *j)
{
    size_t file = 0;
    int rc = look(j);

    if (rc < 0)
        return rc;
    while (file < j->scan.n_files &&
           (j->scan.files[file].wf->path_len != strlen(j->file) ||
            memcmp(j->scan.files[file].wf->path, j->file, strlen(j->file)) != 0))
        file++;
    return file < j->scan.n_files ? tell_file(j, file) : no_file(j);
}

int dobby_prompt_tree(const struct dobby_prompt *o, struct dobby_err *e)
{
    struct job j = {.e = e, .walk.root_fd = -1};
    int rc = options_take(&j.o, sizeof(j.o), o, "prompt", e);

    if (rc < 0)
        return rc;
    if (!j.o.path || !j.o.worker_path || !j.o.on_unit)
        return err_set(e, DOBBY_E_USAGE, "prompt: path, worker_path or on_unit is not set");
    question_init(&j.question, NULL, NULL, 0, 0);
    j.question.bare = j.o.bare != 0;
    rc = do_all(&j);
    question_release(&j.question);
    context_free(j.context);
    scan_release(&j.scan);
    store_reader_free(j.reader);
    store_place_release(&j.place);
    walk_release(&j.walk);
    mem_free(j.file);
    strbuf_release(&j.source);
    strbuf_release(&j.code);
    return rc;
}
