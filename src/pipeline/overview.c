/* overview.c - see overview.h (pipeline).
 *
 *     store: files, sizes, facts, imports --> resolver --> links between files --> modules --> edges, cycles, ranks */
#include "pipeline/overview.h"

#include "base/mem.h"
#include "base/size.h"
#include "pipeline/resolve.h"

#include <stdlib.h>
#include <string.h>

#define NONE        ((size_t)-1)
#define SMALL_TREE  24 /* files that are no asides: each is a module */
#define MOST        2 /* a directory is most of a tree when it has more than one in so many of its lines */
#define RANK_SCRIPT 3

struct file {
    const char *path;
    size_t len;
    enum language_id lang;
    int64_t n_lines;
    size_t n_units, module;
    bool inside; /* of the scope */
    bool aside;
};

struct link {
    size_t from, to; /* files */
};

/* A file that uses a package. */
struct use {
    const char *package;
    enum language_id lang;
    size_t file;
};

enum node_kind { NODE_TREE, NODE_OWN, NODE_FILE };

/* A module in the making. */
struct node {
    const char *name;
    size_t len;
    enum node_kind kind;
    size_t n_files;
    int64_t n_lines;
    bool aside, done; /* done: it cannot be divided */
    const struct file *first;
};

struct maker {
    struct overview *o;
    struct store_reader *r;
    struct store_bytes scope;
    struct dobby_err *e;
    struct resolver *resolver;
    struct resolution answer;
    struct file *files;
    size_t n_files, cap_files, next; /* next: cursor of what comes in the order of files */
    struct link *links;
    size_t n_links, cap_links;
    struct use *uses;
    size_t n_uses, cap_uses;
    struct node nodes[OVERVIEW_MODULES];
    size_t n_nodes;
    int64_t main_lines;
    size_t main_files, cap_entries;
};

static int no_memory(struct maker *k)
{
    return err_nomem(k->e, "an overview");
}

static int compare(const char *a, size_t na, const char *b, size_t nb)
{
    int c = memcmp(a, b, size_min(na, nb));

    return c ? c : (na > nb) - (na < nb);
}

static int compare_numbers(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

/* ---- asides -------------------------------------------------------------------------------------- */

static bool is_word_of(const char *list, const char *s, size_t n)
{
    size_t len;

    for (; *list; list += len + (list[len] == ' ')) {
        len = strcspn(list, " ");
        if (len == n && strncasecmp(list, s, n) == 0)
            return true;
    }
    return false;
}

static bool has_end(const char *s, size_t n, const char *end)
{
    size_t len = strlen(end);

    return n > len && memcmp(s + n - len, end, len) == 0;
}

/* Of directories by their whole name, of files by what test runners look for. */
static bool is_aside(const char *path, size_t len)
{
    static const char dirs[] = "test tests testing testdata testcases unittests __tests__ "
                               "__mocks__ spec specs e2e fixtures "
                               "example examples sample samples demo demos tutorial tutorials "
                               "bench benches benchmark benchmarks doc docs docs_src "
                               "documentation androidtest integrationtest functionaltest";
    static const char *const ends[] = {
        "_test.go",   "_test.py",   "_tests.py",  ".test.js",    ".test.ts",  ".test.jsx",
        ".test.tsx",  ".spec.js",   ".spec.ts",   ".spec.tsx",   ".test.mjs", "_spec.rb",
        "_test.rb",   "Test.java",  "Tests.java", "Tests.cs",    "Test.kt",   "Test.php",
        "Test.scala", "Spec.scala", "Spec.hs",    "Tests.swift", "_test.exs", "_test.c",
        "_test.cc",   "_test.cpp",  "_spec.lua"};
    const char *p = path, *end = path + len, *slash;

    while ((slash = memchr(p, '/', (size_t)(end - p))) != NULL) {
        if (is_word_of(dirs, p, (size_t)(slash - p)))
            return true;
        p = slash + 1;
    }
    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        if (has_end(p, (size_t)(end - p), ends[i]))
            return true;
    return (end - p > 5 && memcmp(p, "test_", 5) == 0) ||
           is_word_of("conftest.py", p, (size_t)(end - p));
}

/* ---- reading the store --------------------------------------------------------------------------- */

static enum language_id language_named(const char *name)
{
    for (int i = LANGUAGE_NONE + 1; i < LANGUAGE_COUNT; i++)
        if (strcmp(language_get((enum language_id)i)->name, name) == 0)
            return (enum language_id)i;
    return LANGUAGE_NONE;
}

static bool in_scope(const struct maker *k, const char *path, size_t len)
{
    const struct store_bytes *s = &k->scope;

    if (s->n == 0)
        return true;
    return len >= s->n && memcmp(path, s->p, s->n) == 0 && (len == s->n || path[s->n] == '/');
}

static int add_file(void *ctx, const struct store_file *f)
{
    struct maker *k = ctx;
    enum language_id lang = language_named(f->language);
    struct file *file;

    if (lang == LANGUAGE_NONE)
        return 0; /* a row that stands for a directory, or for text of no language */
    if (mem_grow((void **)&k->files, &k->cap_files, k->n_files + 1, sizeof(*k->files)) < 0)
        return no_memory(k);
    file = &k->files[k->n_files++];
    *file = (struct file){.path = arena_strndup(&k->o->arena, f->path.p, f->path.n),
                          .len = f->path.n,
                          .lang = lang,
                          .n_lines = f->n_lines < 0 ? 0 : f->n_lines,
                          .module = NONE};
    if (!file->path)
        return no_memory(k);
    file->inside = in_scope(k, file->path, file->len);
    file->aside = is_aside(
        file->path + (k->scope.n && file->inside ? size_min(k->scope.n + 1, file->len) : 0),
        file->len - (k->scope.n && file->inside ? size_min(k->scope.n + 1, file->len) : 0));
    k->o->n_old += file->inside && f->n_lines < 0;
    return resolver_add_file(k->resolver, file->path, file->len, lang, k->e);
}

/* The file of a path, where paths come in order; NULL when there is none. */
static struct file *next_file(struct maker *k, struct store_bytes path)
{
    while (k->next < k->n_files) {
        struct file *f = &k->files[k->next];
        int c = compare(f->path, f->len, path.p, path.n);

        if (c >= 0)
            return c == 0 ? f : NULL;
        k->next++;
    }
    return NULL;
}

static int add_size(void *ctx, struct store_bytes path, int64_t n_units)
{
    struct file *f = next_file(ctx, path);

    if (f)
        f->n_units = (size_t)n_units;
    return 0;
}

static int add_fact(void *ctx, const struct store_fact *f)
{
    struct maker *k = ctx;
    const char *path = f->path.p;

    /* The top's own manifest has the name of it all. */
    if (strcmp(f->key, "name") == 0 && !k->o->name && k->scope.n == 0 &&
        !memchr(path, '/', f->path.n)) {
        k->o->name = arena_strndup(&k->o->arena, f->value.p, f->value.n);
        if (!k->o->name)
            return no_memory(k);
    }
    return resolver_add_fact(k->resolver, path, f->path.n, f->key, f->value.p, f->value.n, k->e);
}

/* ---- entries ------------------------------------------------------------------------------------- */

static int add_entry(struct maker *k, const struct file *f, const struct overview_entry *entry)
{
    struct overview *o = k->o;
    struct overview_entry *last;
    char *what;

    if (!f->inside)
        return 0;
    if (f->aside) {
        o->n_aside_entries++;
        return 0;
    }
    what = arena_strdup(&o->arena, entry->what);
    if (!what ||
        mem_grow((void **)&o->entries, &k->cap_entries, o->n_entries + 1, sizeof(*o->entries)) < 0)
        return no_memory(k);
    last = &o->entries[o->n_entries++];
    *last = *entry;
    last->path = f->path;
    last->path_len = f->len;
    last->what = what;
    return 0;
}

static bool is_build_script(const struct file *f)
{
    const char *slash = memrchr(f->path, '/', f->len), *name = slash ? slash + 1 : f->path;

    return is_word_of("build.rs build.zig setup.py", name, f->len - (size_t)(name - f->path));
}

static int add_start(struct maker *k, const struct file *f, const struct store_import *im)
{
    char what[16] = "";
    bool script = im->what.n == 2 && memcmp(im->what.p, "#!", 2) == 0;

    if (is_build_script(f)) /* its main starts no program of the tree */
        return 0;
    memcpy(what, im->what.p, size_min(im->what.n, sizeof(what) - 1));
    return add_entry(k, f,
                     &(struct overview_entry){.what = what,
                                              .line = script ? 0 : im->line,
                                              .rank = script ? RANK_SCRIPT : 2});
}

struct programs {
    struct maker *k;
    struct strbuf name;
    struct strbuf named; /* the last manifest that has a name, which comes first */
};

/* NAME=TARGET of a manifest, or the file that a package's name stands for. */
static int add_program(void *ctx, const struct store_fact *f)
{
    struct programs *p = ctx;
    struct maker *k = p->k;
    const char *value = f->value.p, *equals = memchr(value, '=', f->value.n);
    bool run = strcmp(f->key, "run") == 0 && equals,
         package = strcmp(f->key, "main") == 0 && p->named.len == f->path.n &&
                   memcmp(strbuf_str(&p->named), f->path.p, f->path.n) == 0 &&
                   memmem(f->path.p, f->path.n, "package.json", 12);
    size_t skip = run ? (size_t)(equals - value) + 1 : 0;
    int rc;

    if (strcmp(f->key, "name") == 0) {
        strbuf_reset(&p->named);
        strbuf_add(&p->named, f->path.p, f->path.n);
        return strbuf_failed(&p->named) ? no_memory(k) : 0;
    }
    if (!run && !package)
        return 0;
    strbuf_reset(&p->name);
    strbuf_add(&p->name, run ? value : "package", run ? skip - 1 : 7);
    if (strbuf_failed(&p->name))
        return no_memory(k);
    rc = resolver_program(k->resolver, f->path.p, f->path.n, value + skip, f->value.n - skip,
                          &k->answer, k->e);
    if (rc < 0 || k->answer.kind != RESOLVED_FILE)
        return rc;
    return add_entry(k, &k->files[k->answer.file],
                     &(struct overview_entry){.what = strbuf_str(&p->name),
                                              .is_command = run,
                                              .is_library = package,
                                              .rank = run ? 0 : 1});
}

static int by_file(const void *pa, const void *pb)
{
    const struct overview_entry *a = pa, *b = pb;
    int c = compare(a->path, a->path_len, b->path, b->path_len);

    if (c == 0)
        c = a->rank - b->rank;
    if (c == 0)
        c = (a->line > b->line) - (a->line < b->line);
    return c ? c : strcmp(a->what, b->what);
}

static int by_entry(const void *pa, const void *pb)
{
    const struct overview_entry *a = pa, *b = pb;

    return a->rank != b->rank ? a->rank - b->rank : by_file(pa, pb);
}

/* A file that is installed as a command, or has a main, is not told again as a script. */
static void tidy_entries(struct overview *o)
{
    size_t n = 0;

    if (o->n_entries > 1)
        qsort(o->entries, o->n_entries, sizeof(*o->entries), by_file);
    for (size_t i = 0; i < o->n_entries; i++) {
        const struct overview_entry *e = &o->entries[i], *last = n ? &o->entries[n - 1] : NULL;
        bool same = last && last->path == e->path;

        if (same && (strcmp(last->what, e->what) == 0 || (e->rank > 1 && !last->is_library)))
            continue;
        o->entries[n++] = *e;
    }
    o->n_entries = n;
    if (n > 1)
        qsort(o->entries, n, sizeof(*o->entries), by_entry);
}

/* ---- imports ------------------------------------------------------------------------------------- */

static int add_package_of(void *ctx, struct store_bytes path, const struct store_import *im)
{
    struct maker *k = ctx;
    struct file *f = next_file(k, path);

    if (!f)
        return 0;
    if (strcmp(im->kind, "package") == 0)
        return resolver_add_package(k->resolver, (size_t)(f - k->files), im->what.p, im->what.n,
                                    k->e);
    return strcmp(im->kind, "entry") == 0 ? add_start(k, f, im) : 0;
}

static int add_use(struct maker *k, const struct file *f)
{
    struct use *u;

    if (mem_grow((void **)&k->uses, &k->cap_uses, k->n_uses + 1, sizeof(*k->uses)) < 0)
        return no_memory(k);
    u = &k->uses[k->n_uses++];
    *u = (struct use){arena_strdup(&k->o->arena, strbuf_str(&k->answer.package)), f->lang,
                      (size_t)(f - k->files)};
    return u->package ? 0 : no_memory(k);
}

static int add_link(void *ctx, struct store_bytes path, const struct store_import *im)
{
    struct maker *k = ctx;
    struct file *f = next_file(k, path);
    bool child = strcmp(im->kind, "child") == 0;
    int rc;

    if (!f || !f->inside || (!child && strcmp(im->kind, "import") != 0))
        return 0;
    rc = resolver_ask(k->resolver, (size_t)(f - k->files), im->what.p, im->what.n, child,
                      &k->answer, k->e);
    if (rc < 0)
        return rc;
    k->o->n_imports += !f->aside;
    k->o->n_unknown += !f->aside && k->answer.kind == RESOLVED_UNKNOWN;
    if (k->answer.kind == RESOLVED_PACKAGE)
        return add_use(k, f);
    if (k->answer.kind != RESOLVED_FILE)
        return 0;
    if (mem_grow((void **)&k->links, &k->cap_links, k->n_links + 1, sizeof(*k->links)) < 0)
        return no_memory(k);
    k->links[k->n_links++] = (struct link){(size_t)(f - k->files), k->answer.file};
    return 0;
}

static int by_link(const void *pa, const void *pb)
{
    const struct link *a = pa, *b = pb;
    int c = compare_numbers(a->from, b->from);

    return c ? c : compare_numbers(a->to, b->to);
}

static void tidy_links(struct maker *k)
{
    size_t n = 0;

    if (k->n_links > 1)
        qsort(k->links, k->n_links, sizeof(*k->links), by_link);
    for (size_t i = 0; i < k->n_links; i++)
        if (n == 0 || by_link(&k->links[n - 1], &k->links[i]) != 0)
            k->links[n++] = k->links[i];
    k->n_links = n;
}

static int load(struct maker *k)
{
    static const struct store_bytes all = {"", 0};
    struct programs p = {.k = k};
    int rc = store_each_file(k->r, all, add_file, k, k->e);

    if (rc == 0)
        rc = store_each_size(k->r, k->scope, add_size, k, k->e);
    if (rc == 0)
        rc = store_each_fact(k->r, all, add_fact, k, k->e);
    k->next = 0;
    if (rc == 0)
        rc = store_each_import(k->r, all, add_package_of, k, k->e);
    if (rc < 0)
        return rc;
    resolver_ready(k->resolver);
    k->next = 0;
    rc = store_each_import(k->r, k->scope, add_link, k, k->e);
    if (rc == 0)
        rc = store_each_fact(k->r, k->scope, add_program, &p, k->e);
    strbuf_release(&p.name);
    strbuf_release(&p.named);
    tidy_links(k);
    tidy_entries(k->o);
    return rc;
}

/* ---- modules ------------------------------------------------------------------------------------- */

/* Do imports of this language lead to files, not to packages of many? */
static bool imports_files(enum language_id l)
{
    return !(l == LANGUAGE_GO || l == LANGUAGE_JAVA || l == LANGUAGE_CSHARP ||
             l == LANGUAGE_KOTLIN || l == LANGUAGE_SCALA || l == LANGUAGE_SWIFT ||
             l == LANGUAGE_SQL);
}

static bool pairs_files(enum language_id l)
{
    return l == LANGUAGE_C || l == LANGUAGE_CPP;
}

/* What of a file's path names the part of a node that it is in. */
static size_t part_of(const struct maker *k, const struct node *n, const struct file *f,
                      enum node_kind *kind)
{
    size_t skip = n->len == 0 ? 0 : n->len + 1;
    const char *slash, *dot;

    if (n->kind == NODE_TREE && f->len > skip) {
        slash = memchr(f->path + skip, '/', f->len - skip);
        *kind = slash ? NODE_TREE : NODE_OWN;
        return slash ? (size_t)(slash - f->path) : n->len;
    }
    *kind = NODE_FILE;
    slash = memrchr(f->path, '/', f->len);
    skip = slash ? (size_t)(slash - f->path) + 1 : 0;
    dot = memrchr(f->path + skip, '.', f->len - skip);
    (void)k;
    return pairs_files(f->lang) && dot && dot > f->path + skip ? (size_t)(dot - f->path) : f->len;
}

static void count_in(struct node *n, const struct file *f)
{
    if (n->n_files++ == 0)
        n->first = f;
    n->n_lines += f->n_lines;
    n->aside &= f->aside;
}

/* Put the files of node `at` into parts[], which begins empty; *to has the part of each file. False when there are too many. */
static bool find_parts(const struct maker *k, size_t at, struct node *parts, size_t *n_parts,
                       size_t room, size_t *to)
{
    *n_parts = 0;
    for (size_t i = 0; i < k->n_files; i++) {
        const struct file *f = &k->files[i];
        enum node_kind kind;
        size_t len, p;

        if (f->module != at)
            continue;
        len = part_of(k, &k->nodes[at], f, &kind);
        for (p = *n_parts; p-- > 0;) /* files come in order: the last ones are the likely ones */
            if (parts[p].kind == kind && compare(parts[p].name, parts[p].len, f->path, len) == 0)
                break;
        if (p == NONE) {
            if (*n_parts == room)
                return false;
            p = (*n_parts)++;
            parts[p] = (struct node){.name = f->path, .len = len, .kind = kind, .aside = true};
        }
        count_in(&parts[p], f);
        to[i] = p;
    }
    return true;
}

/* Is the node's code in a language that imports files? */
static bool has_file_imports(const struct maker *k, size_t at)
{
    int64_t files = 0, packages = 0;

    for (size_t i = 0; i < k->n_files; i++)
        if (k->files[i].module == at)
            *(imports_files(k->files[i].lang) ? &files : &packages) += k->files[i].n_lines + 1;
    return files > packages;
}

static bool may_divide(const struct maker *k, size_t at)
{
    const struct node *n = &k->nodes[at];

    if (n->done || n->kind == NODE_FILE || (n->n_files < 2 && k->main_files > SMALL_TREE))
        return false;
    if (n->aside && k->main_files > 0)
        return false;
    return n->kind == NODE_TREE ||
           ((k->main_files <= SMALL_TREE || n->n_lines * MOST > k->main_lines) &&
            has_file_imports(k, at));
}

/* Divide node `at`; its first part takes its place. */
static void divide(struct maker *k, size_t at, size_t *to)
{
    struct node parts[OVERVIEW_MODULES] = {{0}};
    size_t n_parts, room = OVERVIEW_MODULES - k->n_nodes + 1;

    if (!find_parts(k, at, parts, &n_parts, room, to)) {
        k->nodes[at].done = true;
        return;
    }
    for (size_t i = 0; i < k->n_files; i++)
        if (k->files[i].module == at && to[i] > 0)
            k->files[i].module = k->n_nodes + to[i] - 1;
    k->nodes[at] = parts[0];
    for (size_t p = 1; p < n_parts; p++)
        k->nodes[k->n_nodes++] = parts[p];
}

/* Always the largest, so that what is left whole is small. */
static int find_modules(struct maker *k)
{
    size_t *to = mem_array(k->n_files + 1, sizeof(*to));
    struct node all = {.name = "", .kind = NODE_TREE, .aside = true};

    if (!to)
        return no_memory(k);
    for (size_t i = 0; i < k->n_files; i++) {
        struct file *f = &k->files[i];

        if (!f->inside)
            continue;
        f->module = 0;
        count_in(&all, f);
        k->main_files += !f->aside;
        k->main_lines += f->aside ? 0 : f->n_lines;
    }
    k->nodes[0] = all;
    k->n_nodes = all.n_files > 0;
    for (;;) {
        size_t best = NONE;

        for (size_t i = 0; i < k->n_nodes; i++)
            if (may_divide(k, i) && (best == NONE || k->nodes[i].n_lines > k->nodes[best].n_lines))
                best = i;
        if (best == NONE)
            break;
        divide(k, best, to);
    }
    mem_free(to);
    return 0;
}

/* ---- edges --------------------------------------------------------------------------------------- */

static bool is_main(const struct maker *k, size_t module)
{
    return module != NONE && (!k->nodes[module].aside || k->main_files == 0);
}

/* Does it say anything what this file uses? */
static bool counts(const struct maker *k, const struct file *f)
{
    return !f->aside || k->main_files == 0;
}

/* Files of other modules that import one of each module. Links of one file stand together. */
static void count_users(struct maker *k, struct overview_module *modules)
{
    bool seen[OVERVIEW_MODULES];

    for (size_t i = 0; i < k->n_links; i++) {
        const struct file *from = &k->files[k->links[i].from], *to = &k->files[k->links[i].to];

        if (i == 0 || k->links[i].from != k->links[i - 1].from)
            memset(seen, 0, sizeof(seen));
        if (to->module == NONE || to->module == from->module || seen[to->module] ||
            !counts(k, from))
            continue;
        seen[to->module] = true;
        modules[to->module].n_users++;
    }
}

static int by_edge(const void *pa, const void *pb)
{
    const struct overview_edge *a = pa, *b = pb;
    int c = compare_numbers(b->n, a->n);

    if (c == 0)
        c = compare_numbers(a->from, b->from);
    return c ? c : compare_numbers(a->to, b->to);
}

/* n[from][to] from the links; modules have their final numbers in `place`. */
static int put_edges(struct maker *k, const size_t *place)
{
    struct overview *o = k->o;
    size_t(*n)[OVERVIEW_MODULES] = mem_array(OVERVIEW_MODULES, sizeof(*n)), count = 0;

    if (!n)
        return no_memory(k);
    for (size_t i = 0; i < k->n_links; i++) {
        const struct file *from = &k->files[k->links[i].from], *to = &k->files[k->links[i].to];

        if (!is_main(k, from->module) || !is_main(k, to->module) || from->module == to->module ||
            !counts(k, from))
            continue;
        count += n[place[from->module]][place[to->module]]++ == 0;
    }
    o->edges = arena_array(&o->arena, count + 1, sizeof(*o->edges));
    for (size_t a = 0; o->edges && a < OVERVIEW_MODULES; a++)
        for (size_t b = 0; b < OVERVIEW_MODULES; b++)
            if (n[a][b] > 0) {
                o->edges[o->n_edges++] = (struct overview_edge){a, b, n[a][b]};
                o->modules[a].n_uses++;
                o->modules[b].n_used_by++;
            }
    mem_free(n);
    if (!o->edges)
        return no_memory(k);
    qsort(o->edges, o->n_edges, sizeof(*o->edges), by_edge);
    return 0;
}

struct ranked {
    struct overview_module m;
    size_t node;
};

static int by_rank(const void *pa, const void *pb)
{
    const struct overview_module *a = &((const struct ranked *)pa)->m,
                                 *b = &((const struct ranked *)pb)->m;
    int c = a->aside - b->aside;

    if (c == 0)
        c = compare_numbers(b->n_users, a->n_users);
    if (c == 0)
        c = (b->n_lines > a->n_lines) - (b->n_lines < a->n_lines);
    return c ? c : compare(a->name, a->len, b->name, b->len);
}

/* A directory, a file, or "err.*" for files that share all but their ending. */
static int name_module(struct maker *k, struct overview_module *m, const struct node *n)
{
    struct strbuf b = {0};

    if (n->kind == NODE_FILE && n->n_files == 1)
        strbuf_add(&b, n->first->path, n->first->len);
    else
        strbuf_add(&b, n->len ? n->name : ".", n->len ? n->len : 1);
    if (n->kind == NODE_FILE && n->n_files > 1)
        strbuf_puts(&b, ".*");
    m->len = b.len;
    m->name = strbuf_failed(&b) ? NULL : arena_strndup(&k->o->arena, strbuf_str(&b), b.len);
    strbuf_release(&b);
    return m->name ? 0 : no_memory(k);
}

static int put_modules(struct maker *k)
{
    struct overview *o = k->o;
    struct overview_module modules[OVERVIEW_MODULES] = {{0}};
    struct ranked ranked[OVERVIEW_MODULES];
    size_t place[OVERVIEW_MODULES];

    for (size_t i = 0; i < k->n_nodes; i++) {
        const struct node *n = &k->nodes[i];

        modules[i] = (struct overview_module){
            .aside = !is_main(k, i), .n_files = n->n_files, .n_lines = n->n_lines};
        if (name_module(k, &modules[i], n) < 0)
            return DOBBY_E_NOMEM;
    }
    for (size_t i = 0; i < k->n_files; i++)
        if (k->files[i].module != NONE)
            modules[k->files[i].module].n_units += k->files[i].n_units;
    count_users(k, modules);
    for (size_t i = 0; i < k->n_nodes; i++)
        ranked[i] = (struct ranked){modules[i], i};
    qsort(ranked, k->n_nodes, sizeof(*ranked), by_rank);
    o->n_modules = k->n_nodes;
    o->modules = arena_array(&o->arena, k->n_nodes + 1, sizeof(*o->modules));
    if (!o->modules)
        return no_memory(k);
    for (size_t i = 0; i < k->n_nodes; i++) {
        o->modules[i] = ranked[i].m;
        place[ranked[i].node] = i;
    }
    return put_edges(k, place);
}

/* ---- cycles -------------------------------------------------------------------------------------- */

/* The shortest way from `start` back to itself, or nothing. Edges are asked in the order of modules. */
static size_t shortest_cycle(const struct overview *o, size_t start, size_t *path)
{
    size_t before[OVERVIEW_MODULES], queue[OVERVIEW_MODULES], head = 0, tail = 0, n = 0;

    for (size_t i = 0; i < OVERVIEW_MODULES; i++)
        before[i] = NONE;
    queue[tail++] = start;
    while (head < tail) {
        size_t at = queue[head++];

        for (size_t i = 0; i < o->n_edges; i++) {
            const struct overview_edge *e = &o->edges[i];

            if (e->from != at)
                continue;
            if (e->to == start) { /* back: the way is found from its end */
                for (; at != start; at = before[at])
                    path[n++] = at;
                path[n++] = start;
                for (size_t a = 0, b = n - 1; a < b; a++, b--) {
                    size_t swap = path[a];

                    path[a] = path[b];
                    path[b] = swap;
                }
                return n;
            }
            if (before[e->to] == NONE) {
                before[e->to] = at;
                queue[tail++] = e->to;
            }
        }
    }
    return 0;
}

/* Modules that reach each other, each set once, by its first module. */
static int put_cycles(struct maker *k)
{
    struct overview *o = k->o;
    bool reach[OVERVIEW_MODULES][OVERVIEW_MODULES] = {{false}}, told[OVERVIEW_MODULES] = {false};
    size_t path[OVERVIEW_MODULES], n = o->n_modules;

    for (size_t i = 0; i < o->n_edges; i++)
        reach[o->edges[i].from][o->edges[i].to] = true;
    for (size_t m = 0; m < n; m++)
        for (size_t a = 0; a < n; a++)
            for (size_t b = 0; b < n && reach[a][m]; b++)
                reach[a][b] |= reach[m][b];
    o->cycles = arena_array(&o->arena, n + 1, sizeof(*o->cycles));
    if (!o->cycles)
        return no_memory(k);
    for (size_t a = 0; a < n; a++) {
        struct overview_cycle *c = &o->cycles[o->n_cycles];

        if (told[a] || !reach[a][a])
            continue;
        *c = (struct overview_cycle){.n = shortest_cycle(o, a, path)};
        c->path = arena_array(&o->arena, c->n + 1, sizeof(*c->path));
        c->modules = arena_array(&o->arena, n, sizeof(*c->modules));
        if (!c->path || !c->modules)
            return no_memory(k);
        memcpy(c->path, path, c->n * sizeof(*path));
        for (size_t b = a; b < n; b++)
            if (reach[a][b] && reach[b][a]) {
                told[b] = true;
                c->modules[c->n_modules++] = b;
            }
        o->n_cycles++;
    }
    return 0;
}

/* ---- languages and packages ---------------------------------------------------------------------- */

static int by_language(const void *pa, const void *pb)
{
    const struct overview_language *a = pa, *b = pb;
    int c = (b->n_lines > a->n_lines) - (b->n_lines < a->n_lines);

    if (c == 0)
        c = compare_numbers(b->n_files, a->n_files);
    return c ? c : strcmp(a->name, b->name);
}

static int put_languages(struct maker *k)
{
    struct overview *o = k->o;
    struct overview_language all[LANGUAGE_COUNT] = {{0}};

    for (size_t i = 0; i < k->n_files; i++) {
        const struct file *f = &k->files[i];
        struct overview_language *l = &all[f->lang];

        if (!f->inside)
            continue;
        l->n_files++;
        l->n_units += f->n_units;
        l->n_lines += f->n_lines;
        o->n_files++;
        o->n_units += f->n_units;
        o->n_lines += f->n_lines;
    }
    o->languages = arena_array(&o->arena, LANGUAGE_COUNT, sizeof(*o->languages));
    if (!o->languages)
        return no_memory(k);
    for (int i = LANGUAGE_NONE + 1; i < LANGUAGE_COUNT; i++)
        if (all[i].n_files > 0) {
            all[i].name = language_get((enum language_id)i)->name;
            all[i].title = i == LANGUAGE_TSX ? "TSX" : language_get((enum language_id)i)->title;
            o->languages[o->n_languages++] = all[i];
        }
    qsort(o->languages, o->n_languages, sizeof(*o->languages), by_language);
    return 0;
}

/* Languages that share their packages. */
static const char *package_language(enum language_id l)
{
    if (l == LANGUAGE_TYPESCRIPT || l == LANGUAGE_TSX)
        l = LANGUAGE_JAVASCRIPT;
    if (l == LANGUAGE_CPP)
        l = LANGUAGE_C;
    return language_get(l)->title;
}

static int by_use(const void *pa, const void *pb)
{
    const struct use *a = pa, *b = pb;
    int c = strcmp(package_language(a->lang), package_language(b->lang));

    if (c == 0)
        c = strcmp(a->package, b->package);
    return c ? c : compare_numbers(a->file, b->file);
}

static int by_package(const void *pa, const void *pb)
{
    const struct overview_package *a = pa, *b = pb;
    int c = compare_numbers(b->n_files, a->n_files);

    if (c == 0)
        c = strcmp(a->name, b->name);
    return c ? c : strcmp(a->language, b->language);
}

static int put_packages(struct maker *k)
{
    struct overview *o = k->o;
    struct overview_package *last = NULL;
    size_t n = 0;

    for (size_t i = 0; i < k->n_uses; i++)
        if (counts(k, &k->files[k->uses[i].file]))
            k->uses[n++] = k->uses[i];
    k->n_uses = n;
    if (k->n_uses > 1)
        qsort(k->uses, k->n_uses, sizeof(*k->uses), by_use);
    o->packages = arena_array(&o->arena, k->n_uses + 1, sizeof(*o->packages));
    if (!o->packages)
        return no_memory(k);
    for (size_t i = 0; i < k->n_uses; i++) {
        const struct use *u = &k->uses[i];
        bool same = last && strcmp(last->name, u->package) == 0 &&
                    strcmp(last->language, package_language(u->lang)) == 0;

        if (!same) {
            last = &o->packages[o->n_packages++];
            *last = (struct overview_package){u->package, package_language(u->lang), 0};
        }
        last->n_files += !same || u->file != k->uses[i - 1].file;
    }
    if (o->n_packages > 1)
        qsort(o->packages, o->n_packages, sizeof(*o->packages), by_package);
    return 0;
}

/* ---- sentences ----------------------------------------------------------------------------------- */

static bool is_path(const struct store_parent *p, const char *path, size_t len)
{
    return p->path.n == len && len > 0 && memcmp(p->path.p, path, len) == 0;
}

static int add_text(void *ctx, const struct store_parent *p)
{
    const char *path = p->path.p;
    struct maker *k = ctx;
    struct overview *o = k->o;
    const char **text = NULL, **source = NULL;

    if (strcmp(p->kind, "repository") == 0) {
        text = k->scope.n == 0 ? &o->text : NULL;
        source = &o->source;
    } else if (is_path(p, k->scope.p, k->scope.n)) {
        text = &o->text;
        source = &o->source;
    }
    for (size_t i = 0; i < o->n_modules && !text; i++)
        if (is_path(p, o->modules[i].name, o->modules[i].len) && !o->modules[i].text) {
            text = &o->modules[i].text;
            source = &o->modules[i].source;
        }
    /* Of files that share all but their ending, the one that comes first. */
    for (size_t i = 0; i < o->n_modules && !text; i++) {
        const struct overview_module *m = &o->modules[i];

        if (has_end(m->name, m->len, ".*") && p->path.n > m->len - 1 && !m->text &&
            memcmp(path, m->name, m->len - 1) == 0 &&
            !memchr(path + m->len - 1, '.', p->path.n - m->len + 1) &&
            !memchr(path + m->len - 1, '/', p->path.n - m->len + 1)) {
            text = &o->modules[i].text;
            source = &o->modules[i].source;
        }
    }
    if (!text || !*p->text)
        return 0;
    *text = arena_strdup(&o->arena, p->text);
    *source = arena_strdup(&o->arena, p->source);
    return *text && *source ? 0 : no_memory(k);
}

/* ---- all ----------------------------------------------------------------------------------------- */

int overview_make(struct overview *o, struct store_reader *r, struct store_bytes scope,
                  struct dobby_err *e)
{
    struct maker *k = mem_zalloc(sizeof(*k));
    int rc;

    *o = (struct overview){0};
    if (!k)
        return err_nomem(e, "an overview");
    *k = (struct maker){.o = o, .r = r, .scope = scope, .e = e, .resolver = resolver_new()};
    rc = k->resolver ? load(k) : no_memory(k);
    if (rc == 0)
        rc = find_modules(k);
    if (rc == 0 && k->n_nodes == 0)
        rc = err_set(e, DOBBY_E_NOTFOUND,
                     "overview: %.*s%sno file in the store; run dobby summarize on it",
                     (int)scope.n, (const char *)scope.p, scope.n ? ": " : "");
    if (rc == 0)
        rc = put_modules(k);
    if (rc == 0)
        rc = put_cycles(k);
    if (rc == 0)
        rc = put_languages(k);
    if (rc == 0)
        rc = put_packages(k);
    if (rc == 0)
        rc = store_each_parent(r, scope, add_text, k, e);
    resolver_free(k->resolver);
    strbuf_release(&k->answer.package);
    mem_free(k->files);
    mem_free(k->links);
    mem_free(k->uses);
    mem_free(k);
    if (rc < 0)
        overview_release(o);
    return rc;
}

void overview_release(struct overview *o)
{
    mem_free(o->entries);
    arena_release(&o->arena);
    *o = (struct overview){0};
}
