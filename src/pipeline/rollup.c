/* rollup.c - see rollup.h (pipeline).
 * Directories are made from the deepest up, since one may name what those below it say. Children are found in one list that is
 * sorted by the directory they lie in. */
#include "pipeline/rollup.h"

#include "base/mem.h"
#include "base/size.h"
#include "code/header.h"
#include "code/manifest_doc.h"
#include "code/readme.h"
#include "code/redact.h"
#include "code/text.h"
#include "pipeline/rollup_text.h"

#include <stdlib.h>
#include <string.h>

#define REPOSITORY "."

static const char kind_file[] = "file", kind_directory[] = "directory",
                  kind_repository[] = "repository", source_doc[] = "doc",
                  source_made[] = "signature";

const char rollup_as_stored[] = "";

struct path {
    const char *s;
    size_t n;
};

/* What the store shows. */
struct stored {
    struct path path;
    const char *kind, *text;
    bool doc;
    bool wanted;
};

/* A file or a directory below some directory. */
struct child {
    struct path path;
    const char *text;
    bool doc, dir;
    enum language_id lang;
};

/* A README or manifest. */
struct note {
    const struct walk_file *wf;
    const struct walk *w;
};

struct maker {
    struct rollup *u;
    const struct scan *s;
    const struct walk *w;
    struct walk above; /* the directories above the scope */
    struct store_reader *r;
    const struct rollup_options *o;
    struct dobby_err *e;
    struct stored *stored; /* by path */
    size_t n_stored, cap_stored;
    struct child *children; /* by the directory that they lie in, then by path */
    size_t n_children, cap_children;
    struct path *dirs; /* by path; "" is the root */
    size_t n_dirs, cap_dirs;
    struct note *notes; /* by path */
    size_t n_notes, cap_notes;
    struct rollup_child *list; /* scratch */
    size_t cap_list;
    struct strbuf text, scratch, source;
};

static int nomem(struct maker *k)
{
    return err_nomem(k->e, "what files and directories show");
}

static bool stopped(const struct maker *k)
{
    return k->o->stop && *k->o->stop;
}

/* ---- paths -------------------------------------------------------------------------------------- */

static int compare_bytes(struct path a, struct path b)
{
    int c = memcmp(a.s, b.s, size_min(a.n, b.n));

    return c ? c : (a.n > b.n) - (a.n < b.n);
}

/* The directory that something lies in; "" for the root's. */
static struct path parent_of(struct path p)
{
    const char *slash = p.n ? memrchr(p.s, '/', p.n) : NULL;

    return (struct path){p.s, slash ? (size_t)(slash - p.s) : 0};
}

static struct path name_of(struct path p)
{
    struct path dir = parent_of(p);
    size_t at = dir.n + (dir.n > 0);

    return (struct path){p.s + at, p.n - at};
}

/* At or below a directory, "" being above everything. */
static bool is_below(struct path p, struct path dir)
{
    return dir.n == 0 ||
           (p.n >= dir.n && memcmp(p.s, dir.s, dir.n) == 0 && (p.n == dir.n || p.s[dir.n] == '/'));
}

static struct path scope_of(const struct maker *k)
{
    return (struct path){k->o->scope, strlen(k->o->scope)};
}

/* How the root's row is called, and any other directory's. */
static struct path row_path(struct path dir)
{
    return dir.n ? dir : (struct path){REPOSITORY, strlen(REPOSITORY)};
}

static const char *row_kind(struct path dir)
{
    return dir.n ? kind_directory : kind_repository;
}

/* ---- what the store has ------------------------------------------------------------------------- */

static int add_stored(void *ctx, const struct store_parent *p)
{
    struct maker *k = ctx;
    struct stored *st;

    if (mem_grow((void **)&k->stored, &k->cap_stored, k->n_stored + 1, sizeof(*k->stored)) < 0)
        return nomem(k);
    st = &k->stored[k->n_stored];
    *st = (struct stored){
        .path = {arena_strndup(&k->u->arena, p->path.p, p->path.n), p->path.n},
        .kind = strcmp(p->kind, kind_file) == 0        ? kind_file
                : strcmp(p->kind, kind_directory) == 0 ? kind_directory
                                                       : kind_repository,
        .text = arena_strdup(&k->u->arena, p->text),
        .doc = strcmp(p->source, source_doc) == 0,
    };
    if (!st->path.s || !st->text)
        return nomem(k);
    k->n_stored++;
    return 0;
}

static struct stored *find_stored(const struct maker *k, struct path p)
{
    size_t lo = 0, hi = k->n_stored;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (compare_bytes(k->stored[mid].path, p) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < k->n_stored && compare_bytes(k->stored[lo].path, p) == 0 ? &k->stored[lo] : NULL;
}

/* ---- rows --------------------------------------------------------------------------------------- */

static int push_row(struct maker *k, const struct rollup_row *row)
{
    struct rollup *u = k->u;

    if (mem_grow((void **)&u->rows, &u->cap, u->n + 1, sizeof(*u->rows)) < 0)
        return nomem(k);
    u->rows[u->n++] = *row;
    return 0;
}

static int add_row(struct maker *k, struct path p, const char *kind, const char *text, bool doc,
                   enum language_id lang)
{
    struct stored *st = find_stored(k, p);
    enum rollup_state state = ROLLUP_MISSING;

    if (st) {
        st->wanted = true;
        state = st->kind == kind && st->doc == doc && strcmp(st->text, text) == 0 ? ROLLUP_SAME
                                                                                  : ROLLUP_STALE;
    }
    return push_row(
        k, &(struct rollup_row){p.s, p.n, kind, text, doc ? source_doc : source_made, lang, state});
}

static int add_gone(struct maker *k, struct path p, const char *kind)
{
    return push_row(
        k, &(struct rollup_row){.path = p.s, .path_len = p.n, .kind = kind, .state = ROLLUP_GONE});
}

/* Directories that the store has and should not have, where directories were made. */
static int add_gone_directories(struct maker *k)
{
    struct path scope = scope_of(k);
    int rc = 0;

    for (size_t i = 0; i < k->n_stored && rc == 0; i++) {
        const struct stored *st = &k->stored[i];
        bool made = st->kind == kind_repository ? scope.n == 0 : is_below(st->path, scope);

        if (made && !st->wanted && st->kind != kind_file)
            rc = add_gone(k, st->path, st->kind);
    }
    return rc;
}

/* k->text as a text of the arena. */
static const char *keep_text(struct maker *k)
{
    return strbuf_failed(&k->text) ? NULL
                                   : arena_strndup(&k->u->arena, strbuf_str(&k->text), k->text.len);
}

/* ---- files -------------------------------------------------------------------------------------- */

static int add_child(struct maker *k, const struct child *c)
{
    if (mem_grow((void **)&k->children, &k->cap_children, k->n_children + 1, sizeof(*k->children)) <
        0)
        return nomem(k);
    k->children[k->n_children++] = *c;
    return 0;
}

/* k->text becomes the sentence of what a file defines; empty when it defines nothing. */
static int make_text(struct maker *k, const struct scan_file *f, const char *name)
{
    const struct unit *sole = NULL;
    const char *source = "";
    int rc;

    strbuf_reset(&k->text);
    rc = rollup_file_text(&k->text, &sole, f->wf->language, name, f->units, f->n, k->e);
    if (rc <= 0 || !sole || !k->r)
        return rc < 0 ? rc : 0;
    strbuf_reset(&k->scratch);
    rc = store_unit_text(k->r, (struct store_bytes){f->wf->path, f->wf->path_len}, sole->qualified,
                         &k->scratch, &source, k->e);
    if (rc > 0 && strcmp(source, source_made) != 0)
        rollup_add(&k->text, sole->name, strbuf_str(&k->scratch));
    return rc < 0 ? rc : 0;
}

static int make_file(struct maker *k, size_t file)
{
    const struct scan_file *f = &k->s->files[file];
    struct path p = {f->wf->path, f->wf->path_len};
    const struct stored *st = find_stored(k, p);
    struct child c = {.path = p, .lang = f->wf->language};
    int rc = 0;

    if (k->o->header && k->o->header[file] != rollup_as_stored)
        c.text = k->o->header[file];
    else if (st && st->kind == kind_file && st->doc)
        c.text = st->text;
    c.doc = c.text != NULL;
    if (!c.text) {
        rc = make_text(k, f, name_of(p).s);
        if (rc == 0 && k->text.len > 0 && !(c.text = keep_text(k)))
            rc = nomem(k);
    }
    if (rc == 0 && c.text)
        rc = add_row(k, p, kind_file, c.text, c.doc, c.lang);
    else if (rc == 0 && st && st->kind == kind_file)
        rc = add_gone(k, p, kind_file);
    return rc < 0 ? rc : add_child(k, &c);
}

static enum language_id language_of(const char *name)
{
    for (int i = 0; i < LANGUAGE_COUNT; i++)
        if (language_get((enum language_id)i) &&
            strcmp(language_get((enum language_id)i)->name, name) == 0)
            return (enum language_id)i;
    return LANGUAGE_NONE;
}

static const struct walk_file *find_walked(const struct walk *w, struct path p)
{
    size_t lo = 0, hi = w->n_files;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (compare_bytes((struct path){w->files[mid].path, w->files[mid].path_len}, p) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == w->n_files ||
        compare_bytes((struct path){w->files[lo].path, w->files[lo].path_len}, p) != 0)
        return NULL;
    return &w->files[lo];
}

/* A file of the store that the scan has not: outside of the scope, if it is still there where the directories above the scope were
 * looked at, or in it and as a commit has it. */
static bool is_apart(const struct maker *k, struct path p)
{
    const struct walk_file *wf;

    if (is_below(p, scope_of(k))) {
        wf = find_walked(k->w, p);
        return wf && wf->skip == WALK_UNCHANGED;
    }
    return !is_below(scope_of(k), parent_of(p)) || find_walked(&k->above, p);
}

static int add_apart(void *ctx, const struct store_file *f)
{
    struct maker *k = ctx;
    struct path p = {f->path.p, f->path.n};
    const struct stored *st;

    if (!is_apart(k, p))
        return 0;
    st = find_stored(k, p);
    p.s = arena_strndup(&k->u->arena, f->path.p, f->path.n);
    if (!p.s)
        return nomem(k);
    return add_child(k, &(struct child){.path = p,
                                        .text = st ? st->text : NULL,
                                        .doc = st && st->doc,
                                        .lang = language_of(f->language)});
}

/* ---- directories -------------------------------------------------------------------------------- */

static int compare_children(const void *pa, const void *pb)
{
    const struct child *a = pa, *b = pb;
    int c = compare_bytes(parent_of(a->path), parent_of(b->path));

    return c ? c : compare_bytes(a->path, b->path);
}

static int compare_dirs(const void *a, const void *b)
{
    return compare_bytes(*(const struct path *)a, *(const struct path *)b);
}

/* All directories above some file, once each, and each as a child of its own one. Children come in the order of paths, so
 * that the directories of the one before are known. */
static int list_dirs(struct maker *k)
{
    size_t n_files = k->n_children, n = 0;
    int rc = 0;

    for (size_t i = 0; i < n_files; i++)
        for (struct path d = parent_of(k->children[i].path);; d = parent_of(d)) {
            if (i > 0 && is_below(k->children[i - 1].path, d) &&
                k->children[i - 1].path.n > d.n) /* it has been listed */
                break;
            if (mem_grow((void **)&k->dirs, &k->cap_dirs, k->n_dirs + 1, sizeof(*k->dirs)) < 0)
                return nomem(k);
            k->dirs[k->n_dirs++] = d;
            if (d.n == 0)
                break;
        }
    if (k->n_dirs > 1)
        qsort(k->dirs, k->n_dirs, sizeof(*k->dirs), compare_dirs);
    for (size_t i = 0; i < k->n_dirs; i++) /* files need not be next to each other by path */
        if (i == 0 || compare_dirs(&k->dirs[i], &k->dirs[n - 1]) != 0)
            k->dirs[n++] = k->dirs[i];
    k->n_dirs = n;
    for (size_t i = 0; i < k->n_dirs && rc == 0; i++)
        if (k->dirs[i].n > 0)
            rc = add_child(k,
                           &(struct child){.path = k->dirs[i], .dir = true, .lang = LANGUAGE_NONE});
    if (rc == 0 && k->n_children > 1)
        qsort(k->children, k->n_children, sizeof(*k->children), compare_children);
    return rc;
}

/* The children of a directory: *first, and their number. */
static size_t children_of(const struct maker *k, struct path dir, size_t *first)
{
    size_t lo = 0, hi = k->n_children, end;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (compare_bytes(parent_of(k->children[mid].path), dir) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (end = lo; end < k->n_children; end++)
        if (compare_bytes(parent_of(k->children[end].path), dir) != 0)
            break;
    *first = lo;
    return end - lo;
}

/* ---- READMEs and manifests ---------------------------------------------------------------------- */

static int add_notes(struct maker *k, const struct walk *w)
{
    for (size_t i = 0; i < w->n_files; i++) {
        const struct walk_file *wf = &w->files[i];
        struct path name = name_of((struct path){wf->path, wf->path_len});

        if (wf->is_dir ||
            (wf->skip != WALK_TAKEN && wf->skip != WALK_LANGUAGE && wf->skip != WALK_NO_CODE &&
             wf->skip != WALK_UNCHANGED) ||
            (readme_form(name.s, name.n) == README_NONE && !manifest_known(name.s, name.n)))
            continue;
        if (mem_grow((void **)&k->notes, &k->cap_notes, k->n_notes + 1, sizeof(*k->notes)) < 0)
            return nomem(k);
        k->notes[k->n_notes++] = (struct note){wf, w};
    }
    return 0;
}

static int compare_notes(const void *pa, const void *pb)
{
    const struct walk_file *a = ((const struct note *)pa)->wf, *b = ((const struct note *)pb)->wf;
    struct path x = {a->path, a->path_len}, y = {b->path, b->path_len};
    int c = compare_bytes(parent_of(x), parent_of(y));

    return c ? c : compare_bytes(x, y);
}

/* k->scratch as k->text, without secrets; a text that cannot be searched for them is not used. */
static int clean_text(struct maker *k)
{
    struct dobby_err why = {0};
    int rc;

    strbuf_reset(&k->text);
    if (strbuf_failed(&k->scratch))
        return nomem(k);
    rc = redact(&k->text, strbuf_str(&k->scratch), k->scratch.len, NULL, &why);
    if (rc == DOBBY_E_LIMIT)
        strbuf_reset(&k->text);
    else if (rc < 0)
        return err_set(k->e, rc, "%s", why.message);
    return strbuf_failed(&k->text) ? nomem(k) : k->text.len > 0;
}

/* 1 with the sentence of a README or manifest in k->text. What cannot be read has none: the walk, or the scan, has told. */
static int read_note(struct maker *k, const struct note *note)
{
    struct path name = name_of((struct path){note->wf->path, note->wf->path_len});
    enum readme_form form = readme_form(name.s, name.n);
    struct dobby_err why = {0};
    bool taken;
    int rc = walk_read_words(note->w, note->wf, &k->source, &taken, &why);

    if (rc < 0)
        return err_set(k->e, rc, "%s", why.message);
    strbuf_reset(&k->scratch);
    if (!taken)
        return 0;
    if (form != README_NONE
            ? readme_sentence(&k->scratch, form, strbuf_str(&k->source), k->source.len)
            : manifest_sentence(&k->scratch, name.s, name.n, strbuf_str(&k->source), k->source.len))
        return clean_text(k);
    return strbuf_failed(&k->scratch) ? nomem(k) : 0;
}

/* 1 with the first good sentence of the directory's READMEs (or manifests) in k->text. README.md comes before README.rst. */
static int find_note(struct maker *k, struct path dir, bool readme)
{
    size_t lo = 0, hi = k->n_notes;
    int rc = 0;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const struct walk_file *wf = k->notes[mid].wf;

        if (compare_bytes(parent_of((struct path){wf->path, wf->path_len}), dir) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (; lo < k->n_notes && rc == 0; lo++) {
        struct path p = {k->notes[lo].wf->path, k->notes[lo].wf->path_len}, name = name_of(p);

        if (compare_bytes(parent_of(p), dir) != 0)
            break;
        if ((readme_form(name.s, name.n) != README_NONE) == readme)
            rc = read_note(k, &k->notes[lo]);
    }
    return rc;
}

/* ---- the text of a directory -------------------------------------------------------------------- */

/* The file whose comment is about the package that the directory is. go: it is one of Go. */
static bool is_package(const struct child *c, bool go)
{
    static const char *const names[] = {"__init__.py", "doc.go", "package-info.java",
                                        "lib.rs",      "mod.rs", "root.zig"};
    struct path name = name_of(c->path);

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strlen(names[i]) == name.n && memcmp(names[i], name.s, name.n) == 0)
            return true;
    return go && c->lang == LANGUAGE_GO && text_starts(c->text, strlen(c->text), "Package ");
}

static const char *find_package(const struct maker *k, size_t first, size_t n)
{
    size_t files = 0, go = 0;

    for (size_t i = first; i < first + n; i++) {
        files += !k->children[i].dir;
        go += !k->children[i].dir && k->children[i].lang == LANGUAGE_GO;
    }
    for (size_t i = first; i < first + n; i++)
        if (k->children[i].doc && !k->children[i].dir &&
            is_package(&k->children[i], 2 * go > files))
            return k->children[i].text;
    return NULL;
}

/* What a crate or package keeps in src/ is what it is about. */
static const char *find_inner(const struct maker *k, struct path dir)
{
    struct strbuf path = {0};
    const char *text = NULL;
    size_t first, n;

    strbuf_add(&path, dir.s, dir.n);
    strbuf_puts(&path, dir.n ? "/src" : "src");
    if (!strbuf_failed(&path)) {
        n = children_of(k, (struct path){strbuf_str(&path), path.len}, &first);
        text = find_package(k, first, n);
    }
    strbuf_release(&path);
    return text;
}

/* k->text becomes what a directory holds. */
static int list_children(struct maker *k, struct path dir, size_t first, size_t n)
{
    struct path name = name_of(dir);

    if (mem_grow((void **)&k->list, &k->cap_list, n + 1, sizeof(*k->list)) < 0)
        return nomem(k);
    for (size_t i = 0; i < n; i++) {
        const struct child *c = &k->children[first + i];
        struct path at = name_of(c->path);

        k->list[i] = (struct rollup_child){at.s, at.n, c->text, c->doc, c->dir, c->lang};
    }
    strbuf_reset(&k->scratch);
    strbuf_add(&k->scratch, name.s, name.n);
    strbuf_reset(&k->text);
    rollup_directory_text(&k->text, strbuf_str(&k->scratch), k->list, n);
    return strbuf_failed(&k->text) || strbuf_failed(&k->scratch) ? nomem(k) : 0;
}

/* The text of a directory; *doc: somebody's own words. */
static int directory_text(struct maker *k, struct path dir, const char **text, bool *doc)
{
    size_t first, n = children_of(k, dir, &first);
    const char *package = find_package(k, first, n);
    int rc = find_note(k, dir, true);

    if (rc == 0 && (dir.n == 0 || !package))
        rc = find_note(k, dir, false);
    *doc = rc != 0;
    if (rc == 0 && !package)
        package = find_inner(k, dir);
    if (rc == 0 && package) {
        *text = package;
        *doc = true;
        return 0;
    }
    if (rc == 0)
        rc = list_children(k, dir, first, n);
    if (rc < 0)
        return rc;
    *text = keep_text(k);
    return *text ? 0 : nomem(k);
}

/* Is a directory's row to be made: at or below the scope, or above it and in the store. */
static bool is_wanted(const struct maker *k, struct path dir)
{
    struct path scope = scope_of(k);

    if (is_below(dir, scope) && (dir.n > 0 || scope.n == 0))
        return true;
    return k->o->above && is_below(scope, dir) && find_stored(k, row_path(dir));
}

/* A directory among the children of its own one. */
static struct child *find_dir(struct maker *k, struct path dir)
{
    const struct child key = {.path = dir};
    size_t lo = 0, hi = k->n_children;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (compare_children(&k->children[mid], &key) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    while (lo < k->n_children && !k->children[lo].dir) /* an outdated file of that path */
        lo++;
    return lo < k->n_children && compare_children(&k->children[lo], &key) == 0 ? &k->children[lo]
                                                                               : NULL;
}

static int make_directory(struct maker *k, struct path dir)
{
    const char *text = NULL;
    bool doc = false;
    struct child *c = dir.n ? find_dir(k, dir) : NULL;
    const struct stored *st;
    int rc;

    if (!is_wanted(k, dir)) { /* outside: what it shows may be quoted above the scope */
        st = find_stored(k, dir);
        if (c && st) {
            c->text = st->text;
            c->doc = st->doc;
        }
        return 0;
    }
    rc = directory_text(k, dir, &text, &doc);
    if (rc < 0)
        return rc;
    if (c) {
        c->text = text;
        c->doc = doc;
    }
    return add_row(k, row_path(dir), row_kind(dir), text, doc, LANGUAGE_NONE);
}

static int make_directories(struct maker *k)
{
    int rc = list_dirs(k);

    if (rc == 0)
        rc = add_notes(k, k->w);
    if (rc == 0)
        rc = add_notes(k, &k->above);
    if (rc == 0 && k->n_notes > 1)
        qsort(k->notes, k->n_notes, sizeof(*k->notes), compare_notes);
    for (size_t i = k->n_dirs; i-- > 0 && rc == 0;) { /* "a/b" comes behind "a" */
        if (stopped(k))
            return err_set(k->e, DOBBY_E_CANCELLED, "stopped while directories were described");
        rc = make_directory(k, k->dirs[i]);
    }
    return rc;
}

/* ---- the whole ---------------------------------------------------------------------------------- */

static int compare_rows(const void *pa, const void *pb)
{
    const struct rollup_row *a = pa, *b = pb;

    return compare_bytes((struct path){a->path, a->path_len}, (struct path){b->path, b->path_len});
}

/* Files of which only the store knows; `above` the scope the directories are listed. */
static int look_apart(struct maker *k, bool above)
{
    struct walk_options wo = {.stop = k->o->stop, .toward = k->o->scope};
    struct store_bytes scope = {k->o->scope, above ? 0 : strlen(k->o->scope)};
    int rc = above ? walk_tree(&k->above, k->w->root, &wo, k->e) : 0;

    return rc < 0 ? rc : store_each_file(k->r, scope, add_apart, k, k->e);
}

static bool has_unchanged(const struct walk *w)
{
    for (size_t i = 0; i < w->n_files; i++)
        if (w->files[i].skip == WALK_UNCHANGED)
            return true;
    return false;
}

static int make_all(struct maker *k)
{
    bool above = k->o->above && *k->o->scope && k->r && !k->o->cut;
    struct path scope = scope_of(k);
    struct store_bytes from = {scope.s, above ? 0 : scope.n};
    int rc = k->r ? store_each_parent(k->r, from, add_stored, k, k->e) : 0;

    for (size_t i = 0; i < k->s->n_files && rc == 0; i++) {
        if (stopped(k))
            return err_set(k->e, DOBBY_E_CANCELLED, "stopped while files were described");
        rc = make_file(k, i);
    }
    if (rc == 0 && (above || (k->r && !k->o->cut && has_unchanged(k->w))))
        rc = look_apart(k, above);
    if (rc == 0 && !k->o->cut)
        rc = make_directories(k);
    if (rc == 0 && !k->o->cut)
        rc = add_gone_directories(k);
    if (rc == 0 && k->u->n > 1)
        qsort(k->u->rows, k->u->n, sizeof(*k->u->rows), compare_rows);
    return rc;
}

int rollup_make(struct rollup *u, const struct scan *s, const struct walk *w,
                struct store_reader *r, const struct rollup_options *o, struct dobby_err *e)
{
    struct maker k = {.u = u, .s = s, .w = w, .r = r, .o = o, .e = e, .above.root_fd = -1};
    int rc;

    *u = (struct rollup){0};
    rc = make_all(&k);
    walk_release(&k.above);
    mem_free(k.stored);
    mem_free(k.children);
    mem_free(k.dirs);
    mem_free(k.notes);
    mem_free(k.list);
    strbuf_release(&k.text);
    strbuf_release(&k.scratch);
    strbuf_release(&k.source);
    if (rc < 0)
        rollup_release(u);
    return rc;
}

size_t rollup_put(const struct rollup *u, struct store_txn *t)
{
    size_t n = 0;

    for (size_t i = 0; i < u->n; i++) {
        const struct rollup_row *row = &u->rows[i];
        struct store_bytes path = {row->path, row->path_len};

        if (row->state == ROLLUP_SAME)
            continue;
        if (row->state == ROLLUP_GONE)
            store_drop_parent(t, path, row->kind);
        else
            store_put_parent(t, &(struct store_parent){path, row->kind, row->text, row->source});
        n++;
    }
    return n;
}

void rollup_release(struct rollup *u)
{
    mem_free(u->rows);
    arena_release(&u->arena);
    *u = (struct rollup){0};
}

int rollup_header(struct strbuf *text, struct strbuf *scratch, int no_docs,
                  const struct scan_file *f, const char *source, size_t len, struct dobby_err *e)
{
    struct path name = name_of((struct path){f->wf->path, f->wf->path_len});
    struct dobby_err why = {0};
    int rc;

    strbuf_reset(text);
    strbuf_reset(scratch);
    if (no_docs || !header_sentence(scratch, f->wf->language, name.s, f->units, f->n, source, len))
        return strbuf_failed(scratch) ? err_nomem(e, "a file's comment") : 0;
    rc = redact(text, strbuf_str(scratch), scratch->len, NULL, &why);
    if (rc == DOBBY_E_LIMIT)
        strbuf_reset(text);
    else if (rc < 0)
        return err_set(e, rc, "%s", why.message);
    return strbuf_failed(text) ? err_nomem(e, "a file's comment") : 0;
}
