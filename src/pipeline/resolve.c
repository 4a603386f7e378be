/* resolve.c - see resolve.h (pipeline).
 * Files are found by path in a sorted array, and by the end of their path in another one, sorted by the bytes from the last
 * to the first: an end is a range there. A question costs some binary searches. */
#include "pipeline/resolve.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/size.h"
#include "pipeline/standard.h"

#include <stdlib.h>
#include <string.h>

#define NONE     ((size_t)-1)
#define MANY     ((size_t)-2) /* more than one file could be meant */
#define MAX_PATH 8192

struct text {
    const char *p;
    size_t n;
};

struct file {
    struct text path;
    enum language_id lang;
};

/* A file says that it is part of a package. */
struct member {
    struct text package;
    size_t file;
};

struct fact {
    struct text dir;      /* of the manifest */
    struct text manifest; /* its name */
    const char *key;
    struct text value;
};

struct resolver {
    struct arena arena;
    struct file *files;
    size_t n_files, cap_files;
    size_t *by_tail;
    size_t cap_tail;
    struct member *members; /* by package, then file */
    size_t n_members, cap_members;
    struct fact *facts;
    size_t n_facts, cap_facts;
    struct strbuf path;  /* of the file that is looked for */
    struct strbuf other; /* a second one */
    bool failed;         /* memory ran out */
};

/* ---- text ---------------------------------------------------------------------------------------- */

static struct text text_of(const char *s)
{
    return (struct text){s, strlen(s)};
}

static int compare(struct text a, struct text b)
{
    int c = a.n && b.n ? memcmp(a.p, b.p, size_min(a.n, b.n)) : 0;

    return c ? c : (a.n > b.n) - (a.n < b.n);
}

static bool is(struct text t, const char *s)
{
    return t.n == strlen(s) && memcmp(t.p, s, t.n) == 0;
}

static bool starts(struct text t, const char *s)
{
    return t.n >= strlen(s) && memcmp(t.p, s, strlen(s)) == 0;
}

static bool ends(struct text t, const char *s)
{
    size_t n = strlen(s);

    return t.n >= n && memcmp(t.p + t.n - n, s, n) == 0;
}

static struct text after(struct text t, size_t n)
{
    return (struct text){t.p + n, t.n - n};
}

static struct text first(struct text t, size_t n)
{
    return (struct text){t.p, n};
}

/* The directory of a path, "" for the root. */
static struct text dir_of(struct text path)
{
    const char *slash = memrchr(path.p, '/', path.n);

    return first(path, slash ? (size_t)(slash - path.p) : 0);
}

static struct text name_of(struct text path)
{
    size_t n = dir_of(path).n;

    return after(path, n ? n + 1 : path.n > 0 && path.p[0] == '/' ? 1 : 0);
}

/* A file's name without its ending. */
static struct text stem_of(struct text path)
{
    struct text name = name_of(path);
    const char *dot = memrchr(name.p, '.', name.n);

    return dot && dot > name.p ? first(name, (size_t)(dot - name.p)) : name;
}

/* Go up one directory; false at the root. */
static bool up(struct text *dir)
{
    if (dir->n == 0)
        return false;
    *dir = dir_of(*dir);
    return true;
}

/* Without the last part of a name; "" when there is only one. */
static struct text without_last(struct text name, const char *separator)
{
    size_t n = strlen(separator);

    for (size_t i = name.n; i >= n; i--)
        if (memcmp(name.p + i - n, separator, n) == 0)
            return first(name, i - n);
    return first(name, 0);
}

static struct text last_of(struct text name, const char *separator)
{
    size_t n = without_last(name, separator).n;

    return after(name, n ? n + strlen(separator) : 0);
}

static size_t count_parts(struct text name, const char *separator)
{
    size_t n = name.n > 0;

    for (; name.n > 0; n++) {
        name = without_last(name, separator);
        if (name.n == 0)
            break;
    }
    return n;
}

/* ---- what is known ------------------------------------------------------------------------------- */

struct resolver *resolver_new(void)
{
    return mem_zalloc(sizeof(struct resolver));
}

void resolver_free(struct resolver *r)
{
    if (!r)
        return;
    mem_free(r->files);
    mem_free(r->by_tail);
    mem_free(r->members);
    mem_free(r->facts);
    strbuf_release(&r->path);
    strbuf_release(&r->other);
    arena_release(&r->arena);
    mem_free(r);
}

int resolver_add_file(struct resolver *r, const char *path, size_t len, enum language_id lang,
                      struct dobby_err *e)
{
    if (mem_grow((void **)&r->files, &r->cap_files, r->n_files + 1, sizeof(*r->files)) < 0 ||
        mem_grow((void **)&r->by_tail, &r->cap_tail, r->n_files + 1, sizeof(*r->by_tail)) < 0)
        return err_nomem(e, "the files of the store");
    r->by_tail[r->n_files] = r->n_files;
    r->files[r->n_files++] = (struct file){{path, len}, lang};
    return 0;
}

int resolver_add_package(struct resolver *r, size_t file, const char *name, size_t len,
                         struct dobby_err *e)
{
    char *copy = arena_strndup(&r->arena, name, len);

    if (!copy ||
        mem_grow((void **)&r->members, &r->cap_members, r->n_members + 1, sizeof(*r->members)) < 0)
        return err_nomem(e, "the packages of the store");
    r->members[r->n_members++] = (struct member){{copy, len}, file};
    return 0;
}

int resolver_add_fact(struct resolver *r, const char *path, size_t len, const char *key,
                      const char *value, size_t n, struct dobby_err *e)
{
    struct text all = {arena_strndup(&r->arena, path, len), len};
    char *k = arena_strdup(&r->arena, key), *v = arena_strndup(&r->arena, value, n);

    if (!all.p || !k || !v ||
        mem_grow((void **)&r->facts, &r->cap_facts, r->n_facts + 1, sizeof(*r->facts)) < 0)
        return err_nomem(e, "the manifests of the store");
    r->facts[r->n_facts++] = (struct fact){dir_of(all), name_of(all), k, {v, n}};
    return 0;
}

static int compare_tails(struct text a, struct text b)
{
    while (a.n > 0 && b.n > 0) {
        unsigned char x = (unsigned char)a.p[--a.n], y = (unsigned char)b.p[--b.n];

        if (x != y)
            return x < y ? -1 : 1;
    }
    return (a.n > b.n) - (a.n < b.n);
}

static int by_tail(const void *pa, const void *pb, void *ctx)
{
    const struct resolver *r = ctx;

    return compare_tails(r->files[*(const size_t *)pa].path, r->files[*(const size_t *)pb].path);
}

static int by_package(const void *pa, const void *pb)
{
    const struct member *a = pa, *b = pb;
    int c = compare(a->package, b->package);

    return c ? c : (a->file > b->file) - (a->file < b->file);
}

void resolver_ready(struct resolver *r)
{
    if (r->n_files > 0)
        qsort_r(r->by_tail, r->n_files, sizeof(*r->by_tail), by_tail, r);
    if (r->n_members > 0)
        qsort(r->members, r->n_members, sizeof(*r->members), by_package);
}

/* ---- finding files ------------------------------------------------------------------------------- */

static size_t lower_bound(const struct resolver *r, struct text path)
{
    size_t lo = 0, hi = r->n_files;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (compare(r->files[mid].path, path) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static size_t find(const struct resolver *r, struct text path)
{
    size_t i = lower_bound(r, path);

    return i < r->n_files && compare(r->files[i].path, path) == 0 ? i : NONE;
}

/* Append what `rel` leads to from the end of b: "." and ".." as in paths. False above the root. */
static bool walk_path(struct strbuf *b, struct text rel)
{
    while (rel.n > 0) {
        const char *slash = memchr(rel.p, '/', rel.n);
        struct text part = first(rel, slash ? (size_t)(slash - rel.p) : rel.n);

        rel = after(rel, part.n + (slash != NULL));
        if (is(part, "..")) {
            const char *up_to = b->len ? memrchr(b->s, '/', b->len) : NULL;

            if (b->len == 0)
                return false;
            strbuf_truncate(b, up_to ? (size_t)(up_to - b->s) : 0);
        } else if (part.n > 0 && !is(part, ".")) {
            if (b->len > 0)
                strbuf_putc(b, '/');
            strbuf_add(b, part.p, part.n);
        }
    }
    return true;
}

/* r->path becomes the path `rel` seen from a directory. False when it leads out of the tree. */
static bool join(struct resolver *r, struct text dir, struct text rel)
{
    strbuf_reset(&r->path);
    strbuf_add(&r->path, dir.p, dir.n);
    return walk_path(&r->path, rel) && r->path.len < MAX_PATH;
}

/* The file at r->path with this after it; r->path stays. */
static size_t find_with(struct resolver *r, const char *more)
{
    size_t n = r->path.len, found;

    strbuf_puts(&r->path, more);
    found = find(r, (struct text){strbuf_str(&r->path), r->path.len});
    if (!strbuf_failed(&r->path))
        strbuf_truncate(&r->path, n);
    return found;
}

static size_t find_joined(struct resolver *r, struct text dir, struct text rel, const char *more)
{
    return join(r, dir, rel) ? find_with(r, more) : NONE;
}

/* The only file whose path ends in /tail, or is it; NONE, or MANY. */
static size_t find_tail(struct resolver *r, struct text tail)
{
    size_t lo = 0, hi = r->n_files, found = find(r, tail);
    struct text slashed;

    strbuf_reset(&r->other);
    strbuf_putc(&r->other, '/');
    strbuf_add(&r->other, tail.p, tail.n);
    slashed = (struct text){strbuf_str(&r->other), r->other.len};
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (compare_tails(r->files[r->by_tail[mid]].path, slashed) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (; lo < r->n_files; lo++) {
        struct text path = r->files[r->by_tail[lo]].path;

        if (path.n < slashed.n || memcmp(path.p + path.n - slashed.n, slashed.p, slashed.n) != 0)
            break;
        if (found != NONE)
            return MANY;
        found = r->by_tail[lo];
    }
    return found;
}

/* r->other becomes dir and a byte; the first file that is not before it. */
static size_t lower_bound_with(struct resolver *r, struct text dir, char more)
{
    strbuf_reset(&r->other);
    strbuf_add(&r->other, dir.p, dir.n);
    if (dir.n > 0)
        strbuf_putc(&r->other, more);
    return lower_bound(r, (struct text){strbuf_str(&r->other), r->other.len});
}

/* The first file right in a directory that the language has, not a test where there are others: it stands for a package.
 * With `below`, also deeper down. dir is not in r->other. */
static size_t find_package(struct resolver *r, struct text dir, enum language_id lang, bool below)
{
    size_t i = lower_bound_with(r, dir, '/'), test = NONE, skip = dir.n ? dir.n + 1 : 0;

    while (i < r->n_files) {
        struct text path = r->files[i].path;
        const char *slash;

        if (path.n <= skip || compare(first(path, dir.n), dir) != 0 ||
            (dir.n > 0 && path.p[dir.n] != '/'))
            break;
        slash = memchr(path.p + skip, '/', path.n - skip);
        if (slash && !below) { /* behind that directory */
            i = lower_bound_with(r, first(path, (size_t)(slash - path.p)), '/' + 1);
            continue;
        }
        if (r->files[i].lang == lang && !ends(path, "_test.go"))
            return i;
        if (r->files[i].lang == lang && test == NONE)
            test = i;
        i++;
    }
    return test;
}

/* ---- questions ----------------------------------------------------------------------------------- */

struct ask {
    struct resolver *r;
    size_t from;
    enum language_id lang;
    struct text dir, what;
    struct resolution *out;
};

/* What was looked for is there, or it is not and should be. */
static void answer(struct ask *a, size_t found)
{
    a->out->kind = found == NONE || found == MANY ? RESOLVED_UNKNOWN
                   : found == a->from             ? RESOLVED_ITSELF
                                                  : RESOLVED_FILE;
    a->out->file = found;
}

static bool is_found(size_t found)
{
    return found != NONE && found != MANY;
}

/* Other people's package, or what comes with the language. */
static void answer_package(struct ask *a, struct text name, struct text standard)
{
    if (standard_is(a->lang, standard.p, standard.n)) {
        a->out->kind = RESOLVED_STANDARD;
        return;
    }
    a->out->kind = RESOLVED_PACKAGE;
    strbuf_reset(&a->out->package);
    strbuf_add(&a->out->package, name.p, name.n);
}

/* The first so many parts of a name. */
static struct text first_parts(struct text name, const char *separator, size_t n)
{
    while (count_parts(name, separator) > n)
        name = without_last(name, separator);
    return name;
}

/* Below the file's directory, or one above it, and in the given directories there. */
static size_t find_above(struct ask *a, struct text rel, const char *const *in, size_t n_in,
                         const char *more)
{
    struct text dir = a->dir;
    size_t found;

    do {
        found = find_joined(a->r, dir, rel, more);
        for (size_t i = 0; i < n_in && found == NONE; i++)
            if (join(a->r, dir, text_of(in[i])) && walk_path(&a->r->path, rel))
                found = find_with(a->r, more);
    } while (found == NONE && up(&dir));
    return found;
}

/* A name as a path: its separators become slashes. In r->arena. */
static struct text as_path(struct ask *a, struct text name, const char *separator)
{
    size_t n = strlen(separator);
    char *s = arena_strndup(&a->r->arena, name.p, name.n);
    size_t len = 0;

    for (size_t i = 0; s && i < name.n; len++) {
        bool sep = name.n - i >= n && memcmp(name.p + i, separator, n) == 0;

        s[len] = sep ? '/' : name.p[i];
        i += sep ? n : 1;
    }
    a->r->failed |= !s;
    return (struct text){s ? s : "", s ? len : 0};
}

/* ---- C and C++ ----------------------------------------------------------------------------------- */

static void ask_c(struct ask *a)
{
    static const char *const in[] = {"include", "src"};
    struct text name = a->what.n > 2 ? (struct text){a->what.p + 1, a->what.n - 2} : a->what;
    bool quoted = a->what.n > 0 && a->what.p[0] == '"';
    size_t found = NONE;

    if (starts(name, "/") || (!quoted && standard_is(a->lang, name.p, name.n))) {
        a->out->kind = RESOLVED_STANDARD;
        return;
    }
    if (quoted)
        found = find_joined(a->r, a->dir, name, "");
    if (found == NONE)
        found = find_above(a, name, in, ARRAY_LEN(in), "");
    if (found == NONE && !starts(name, "."))
        found = find_tail(a->r, name);
    if (found == NONE && !quoted)
        answer_package(a, first_parts(name, "/", 1), name);
    else if (found == NONE && standard_is(a->lang, name.p, name.n))
        a->out->kind = RESOLVED_STANDARD;
    else
        answer(a, found);
}

/* ---- Python -------------------------------------------------------------------------------------- */

/* A module or a package at r->path. */
static size_t python_file(struct resolver *r)
{
    static const char *const more[] = {"/__init__.py", ".py", "/__init__.pyi", ".pyi", ".pyw"};
    size_t found = NONE;

    for (size_t i = 0; i < ARRAY_LEN(more) && found == NONE; i++)
        found = find_with(r, more[i]);
    return found;
}

/* The module of this path below a directory; if there is none, its last part may be a name in the module before it. MANY when only
 * the package that it begins with is there. */
static size_t python_below(struct ask *a, struct text dir, struct text path)
{
    size_t found = join(a->r, dir, path) ? python_file(a->r) : NONE;

    if (found == NONE && memchr(path.p, '/', path.n) && join(a->r, dir, dir_of(path)))
        found = python_file(a->r);
    if (found == NONE && join(a->r, dir, first_parts(path, "/", 1)) && python_file(a->r) != NONE)
        found = MANY;
    return found;
}

static bool is_python_package(struct ask *a, struct text dir)
{
    return find_joined(a->r, dir, text_of(""), dir.n ? "/__init__.py" : "__init__.py") != NONE;
}

static void ask_python_relative(struct ask *a, size_t dots)
{
    struct text dir = a->dir, name = after(a->what, dots), path;
    size_t found;

    while (dots-- > 1)
        if (!up(&dir)) {
            answer(a, NONE);
            return;
        }
    if (ends(name, "*"))
        name = first(name, name.n - (name.n > 1 ? 2 : 1));
    path = as_path(a, name, ".");
    found = path.n > 0 ? python_below(a, dir, path) : NONE;
    if (found == NONE && !memchr(path.p, '/', path.n)) /* a name in the package */
        found = find_joined(a->r, dir, text_of(""), dir.n ? "/__init__.py" : "__init__.py");
    answer(a, found);
}

/* The only package of this name that is in no other package, wherever it is. */
static size_t python_elsewhere(struct ask *a, struct text path)
{
    struct text root = first_parts(path, "/", 1), dir;
    struct strbuf init = {0};
    size_t found;

    strbuf_add(&init, root.p, root.n);
    strbuf_puts(&init, "/__init__.py");
    found = find_tail(a->r, (struct text){strbuf_str(&init), init.len});
    strbuf_release(&init);
    if (!is_found(found))
        return found;
    dir = dir_of(dir_of(a->r->files[found].path)); /* that holds the package */
    return is_python_package(a, dir) ? NONE : python_below(a, dir, path);
}

static void ask_python(struct ask *a)
{
    static const char *const in[] = {"", "src", "lib", "python"};
    size_t dots = 0, found = NONE;
    struct text dir = a->dir, name = a->what, path, root;

    while (dots < name.n && name.p[dots] == '.')
        dots++;
    if (dots > 0) {
        ask_python_relative(a, dots);
        return;
    }
    if (ends(name, ".*"))
        name = first(name, name.n - 2);
    path = as_path(a, name, ".");
    root = first_parts(name, ".", 1);
    do {
        if (is_python_package(a, dir))
            continue;
        for (size_t i = 0; i < ARRAY_LEN(in) && found == NONE; i++) {
            if (!join(a->r, dir, text_of(in[i])))
                continue;
            strbuf_reset(&a->r->other);
            strbuf_add(&a->r->other, strbuf_str(&a->r->path), a->r->path.len);
            found = python_below(a, (struct text){strbuf_str(&a->r->other), a->r->other.len}, path);
        }
    } while (found == NONE && up(&dir));
    if (found == NONE && !standard_is(a->lang, root.p, root.n))
        found = python_elsewhere(a, path);
    if (found == NONE)
        answer_package(a, root, name);
    else
        answer(a, found);
}

/* ---- JavaScript and TypeScript ------------------------------------------------------------------- */

/* The file at r->path, as bundlers and compilers look for it. */
static size_t script_file(struct resolver *r)
{
    static const char *const more[] = {
        "",          ".ts",        ".tsx",       ".d.ts",      ".js",        ".jsx",
        ".mjs",      ".cjs",       ".mts",       ".cts",       "/index.ts",  "/index.tsx",
        "/index.js", "/index.jsx", "/index.mjs", "/index.cjs", "/index.d.ts"};
    static const char *const endings[][3] = {{".js", ".ts", ".tsx"},
                                             {".jsx", ".tsx", ".ts"},
                                             {".mjs", ".mts", ".ts"},
                                             {".cjs", ".cts", ".ts"}};
    size_t found = NONE, n = r->path.len;

    for (size_t i = 0; i < ARRAY_LEN(more) && found == NONE; i++)
        found = find_with(r, more[i]);
    for (size_t i = 0; i < ARRAY_LEN(endings) && found == NONE; i++) {
        struct text path = {strbuf_str(&r->path), n};

        if (!ends(path, endings[i][0]))
            continue; /* TypeScript's sources are imported by the names that they get */
        for (size_t k = 1; k < 3 && found == NONE; k++) {
            strbuf_truncate(&r->path, n - strlen(endings[i][0]));
            found = find_with(r, endings[i][k]);
        }
        strbuf_puts(&r->path, endings[i][0]);
    }
    return found;
}

/* Styles, pictures, data: no code. */
static bool is_asset(struct text what)
{
    static const char *const code[] = {"js", "jsx", "ts", "tsx", "mjs", "cjs", "mts", "cts"};
    struct text name = name_of(what);
    const char *dot = memrchr(name.p, '.', name.n);
    static const char *const assets[] = {"css",  "scss", "sass",  "less", "json", "svg",  "png",
                                         "jpg",  "jpeg", "gif",   "webp", "html", "vue",  "svelte",
                                         "wasm", "node", "txt",   "md",   "yaml", "yml",  "graphql",
                                         "ico",  "woff", "woff2", "ttf",  "mdx",  "astro"};
    struct text ending;

    if (memchr(what.p, '?', what.n) || memchr(what.p, '!', what.n))
        return true; /* for a bundler's plug-in */
    if (!dot)
        return false;
    ending = after(name, (size_t)(dot - name.p) + 1);
    for (size_t i = 0; i < ARRAY_LEN(code); i++)
        if (is(ending, code[i]))
            return false;
    for (size_t i = 0; i < ARRAY_LEN(assets); i++)
        if (is(ending, assets[i]))
            return true;
    return false;
}

static size_t find_fact(const struct resolver *r, size_t i, struct text dir, const char *manifest,
                        const char *key)
{
    for (; i < r->n_facts; i++)
        if (compare(r->facts[i].dir, dir) == 0 && is(r->facts[i].manifest, manifest) &&
            strcmp(r->facts[i].key, key) == 0)
            return i;
    return NONE;
}

/* What the name of one of the tree's own packages stands for. */
static size_t script_main(struct ask *a, struct text dir)
{
    static const char *const usual[] = {"src/index", "src/main", "index", "lib/index", "src"};
    size_t found = NONE, at = 0;

    while (found == NONE && (at = find_fact(a->r, at, dir, "package.json", "main")) != NONE)
        if (join(a->r, dir, a->r->facts[at++].value))
            found = script_file(a->r);
    for (size_t i = 0; i < ARRAY_LEN(usual) && found == NONE; i++)
        if (join(a->r, dir, text_of(usual[i])))
            found = script_file(a->r);
    return found;
}

static size_t script_package(struct ask *a, struct text name, struct text rest)
{
    size_t found = NONE;

    for (size_t i = 0; i < a->r->n_facts && found == NONE; i++) {
        const struct fact *f = &a->r->facts[i];

        if (!is(f->manifest, "package.json") || strcmp(f->key, "name") != 0 ||
            compare(f->value, name) != 0)
            continue;
        if (rest.n == 0)
            found = script_main(a, f->dir);
        if (rest.n > 0 && join(a->r, f->dir, rest))
            found = script_file(a->r);
        if (rest.n > 0 && found == NONE && join(a->r, f->dir, text_of("src")) &&
            walk_path(&a->r->path, rest))
            found = script_file(a->r);
        if (found == NONE)
            return MANY; /* it is ours, and where its files come from is not known */
    }
    return found;
}

/* @/a and ~/a mean src/a of the package by convention: only believed when it is there. */
static size_t script_alias(struct ask *a)
{
    struct text dir = a->dir, rest = after(a->what, 2);
    size_t found = NONE;

    do {
        if (join(a->r, dir, text_of("src")) && walk_path(&a->r->path, rest))
            found = script_file(a->r);
        if (found == NONE && join(a->r, dir, rest))
            found = script_file(a->r);
    } while (found == NONE && up(&dir));
    return found;
}

static void ask_script(struct ask *a)
{
    struct text what = a->what, name;
    size_t found = NONE;

    if (is_asset(what)) {
        a->out->kind = RESOLVED_ITSELF;
    } else if (starts(what, ".")) {
        answer(a, join(a->r, a->dir, what) ? script_file(a->r) : NONE);
    } else if (starts(what, "@/") || starts(what, "~/")) {
        answer(a, script_alias(a));
    } else if (starts(what, "#") || starts(what, "/") || memchr(what.p, ':', what.n)) {
        if (starts(what, "node:"))
            a->out->kind = RESOLVED_STANDARD;
        else
            answer(a, NONE); /* the package's own map, or an address */
    } else {
        name = first_parts(what, "/", starts(what, "@") ? 2 : 1);
        found = script_package(a, name, after(what, size_min(what.n, name.n + 1)));
        if (found == NONE)
            answer_package(a, name, what);
        else
            answer(a, found);
    }
}

/* ---- Go ------------------------------------------------------------------------------------------ */

/* The name of the module that holds a package: HOST/OWNER/NAME of the large hosts, else up to the version. */
static struct text go_module(struct text path)
{
    static const char *const hosts[] = {"github.com/", "gitlab.com/", "bitbucket.org/",
                                        "golang.org/", "codeberg.org/"};

    for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
        if (starts(path, hosts[i]))
            return first_parts(path, "/", 3);
    return first_parts(path, "/", 2);
}

static void ask_go(struct ask *a)
{
    const struct fact *best = NULL;
    struct text rest;

    if (is(a->what, "C") || is(a->what, "unsafe")) {
        a->out->kind = RESOLVED_STANDARD;
        return;
    }
    for (size_t i = 0; i < a->r->n_facts; i++) {
        const struct fact *f = &a->r->facts[i];

        if (is(f->manifest, "go.mod") && f->value.n <= a->what.n &&
            compare(first(a->what, f->value.n), f->value) == 0 &&
            (f->value.n == a->what.n || a->what.p[f->value.n] == '/') &&
            (!best || f->value.n > best->value.n))
            best = f;
    }
    if (best) {
        rest = after(a->what, size_min(a->what.n, best->value.n + 1));
        answer(a, join(a->r, best->dir, rest)
                      ? find_package(a->r, (struct text){strbuf_str(&a->r->path), a->r->path.len},
                                     LANGUAGE_GO, false)
                      : NONE);
    } else {
        answer_package(a, go_module(a->what), a->what);
    }
}

/* ---- Rust ---------------------------------------------------------------------------------------- */

/* A module's file at r->path, which is where its children are. */
static size_t rust_file(struct resolver *r)
{
    size_t found = find_with(r, ".rs");

    return found != NONE ? found : find_with(r, "/mod.rs");
}

static bool is_rust_root(struct text name)
{
    return is(name, "lib.rs") || is(name, "main.rs") || is(name, "build.rs");
}

/* The directory of the children of a file's module. */
static struct text rust_children(struct ask *a, struct text path)
{
    struct text name = name_of(path), dir = dir_of(path), parent = name_of(dir);

    if (is(name, "mod.rs") || is_rust_root(name) || is(parent, "tests") || is(parent, "bin") ||
        is(parent, "examples") || is(parent, "benches"))
        return dir;
    (void)a;
    return first(path, path.n - 3); /* a/b.rs: a/b */
}

/* The root of the crate that a file is in: the nearest lib.rs or main.rs above. NONE when there is none. */
static size_t rust_root(struct ask *a)
{
    struct text dir = a->dir;
    size_t found;

    do {
        found = find_joined(a->r, dir, text_of("lib.rs"), "");
        if (found == NONE)
            found = find_joined(a->r, dir, text_of("main.rs"), "");
    } while (found == NONE && up(&dir));
    return found;
}

/* The deepest module on the way from the module at `root`, whose children lie in dir, along the path a::b::Item. */
static size_t rust_along(struct ask *a, size_t root, struct text dir, struct text path)
{
    size_t found = root, next;

    if (!join(a->r, dir, text_of("")))
        return root;
    while (path.n > 0) {
        struct text part = path;

        for (size_t i = 0; i + 1 < path.n; i++)
            if (path.p[i] == ':' && path.p[i + 1] == ':') {
                part = first(path, i);
                break;
            }
        path = after(path, size_min(path.n, part.n + 2));
        if (starts(part, "r#"))
            part = after(part, 2);
        if (!walk_path(&a->r->path, part) || is(part, ".."))
            break;
        next = rust_file(a->r);
        if (next == NONE)
            break;
        found = next;
    }
    return found;
}

/* One of the tree's own crates. */
static size_t rust_crate(struct ask *a, struct text name, struct text rest)
{
    for (size_t i = 0; i < a->r->n_facts; i++) {
        const struct fact *f = &a->r->facts[i];
        size_t root = NONE, at, k;

        if (!is(f->manifest, "Cargo.toml") || strcmp(f->key, "name") != 0 || f->value.n != name.n)
            continue;
        for (k = 0; k < name.n; k++)
            if (name.p[k] != (f->value.p[k] == '-' ? '_' : f->value.p[k]))
                break;
        if (k < name.n)
            continue;
        at = find_fact(a->r, 0, f->dir, "Cargo.toml", "main");
        if (at != NONE && join(a->r, f->dir, a->r->facts[at].value))
            root = find_with(a->r, "");
        if (root == NONE)
            root = find_joined(a->r, f->dir, text_of("src/lib.rs"), "");
        if (root == NONE)
            return MANY; /* ours, and its library is not there */
        return rust_along(a, root, dir_of(a->r->files[root].path), rest);
    }
    return NONE;
}

/* super::super::x from a file: the module above, and what is left of the path. */
static size_t rust_super(struct ask *a, struct text path)
{
    struct text dir = rust_children(a, a->r->files[a->from].path);
    size_t root = NONE;

    while (starts(path, "super::")) {
        if (!up(&dir))
            return NONE;
        path = after(path, 7);
    }
    if (join(a->r, dir, text_of("")))
        root = rust_file(a->r);
    if (root == NONE)
        root = find_joined(a->r, dir, text_of("lib.rs"), "");
    if (root == NONE)
        root = find_joined(a->r, dir, text_of("main.rs"), "");
    return root == NONE ? NONE : rust_along(a, root, dir, path);
}

static void ask_rust(struct ask *a, bool child)
{
    struct text what = a->what, children = rust_children(a, a->r->files[a->from].path), name = what,
                rest;
    size_t found = NONE, root;

    if (child) {
        answer(a, join(a->r, children, what) ? rust_file(a->r) : NONE);
        return;
    }
    if (starts(what, "crate::")) {
        root = rust_root(a);
        answer(a, root == NONE
                      ? NONE
                      : rust_along(a, root, dir_of(a->r->files[root].path), after(what, 7)));
        return;
    }
    if (starts(what, "super::")) {
        answer(a, rust_super(a, what));
        return;
    }
    if (starts(what, "self::")) {
        answer(a, rust_along(a, a->from, children, after(what, 6)));
        return;
    }
    for (size_t i = 0; i + 1 < what.n; i++)
        if (what.p[i] == ':') {
            name = first(what, i);
            break;
        }
    rest = after(what, size_min(what.n, name.n + 2));
    if (standard_is(a->lang, name.p, name.n)) {
        a->out->kind = RESOLVED_STANDARD;
        return;
    }
    if (join(a->r, children, name)) /* a module of its own comes before a crate */
        found = rust_file(a->r);
    if (found != NONE)
        found = rust_along(a, a->from, children, what);
    if (found == NONE)
        found = rust_crate(a, name, rest);
    if (found != NONE)
        answer(a, found);
    else if (name.n > 0 && ((name.p[0] >= 'A' && name.p[0] <= 'Z') || is(name, "self")))
        a->out->kind = RESOLVED_ITSELF; /* variants of an enumeration */
    else
        answer_package(a, name, what);
}

/* ---- by package: Java, Kotlin, Scala, C#, PHP, Haskell ------------------------------------------- */

static bool is_jvm(enum language_id l)
{
    return l == LANGUAGE_JAVA || l == LANGUAGE_KOTLIN || l == LANGUAGE_SCALA;
}

static bool is_kin(enum language_id a, enum language_id b)
{
    return a == b || (is_jvm(a) && is_jvm(b));
}

static size_t first_member(const struct resolver *r, struct text package)
{
    size_t lo = 0, hi = r->n_members;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (compare(r->members[mid].package, package) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* The file of a package that has a name; without one (n 0) the package's first file, if all lie in one directory. */
static size_t find_member(const struct ask *a, struct text package, struct text name)
{
    const struct resolver *r = a->r;
    size_t found = NONE;

    for (size_t i = first_member(r, package);
         i < r->n_members && compare(r->members[i].package, package) == 0; i++) {
        const struct file *f = &r->files[r->members[i].file];

        if (!is_kin(f->lang, a->lang) || (name.n > 0 && compare(stem_of(f->path), name) != 0))
            continue;
        if (found == NONE)
            found = r->members[i].file;
        else if (name.n > 0 || compare(dir_of(r->files[found].path), dir_of(f->path)) != 0)
            return MANY;
    }
    return found;
}

/* Is there a package of the tree that begins with this, as a whole part? */
static bool is_own_root(const struct ask *a, struct text root, char separator)
{
    size_t i = first_member(a->r, root);
    struct text p;

    if (i == a->r->n_members || root.n == 0)
        return false;
    p = a->r->members[i].package;
    return p.n >= root.n && compare(first(p, root.n), root) == 0 &&
           (p.n == root.n || p.p[root.n] == separator) &&
           is_kin(a->r->files[a->r->members[i].file].lang, a->lang);
}

static bool is_star(struct text part)
{
    return is(part, "*") || is(part, "_") || is(part, "given");
}

static void ask_package(struct ask *a, const char *separator, size_t n_parts)
{
    struct text what = a->what, package, name, none = {"", 0};
    size_t found = NONE;

    if (is_star(last_of(what, separator)))
        what = without_last(what, separator);
    /* A class, a class in it, a constant: the longest package that is there, and the part behind it. */
    if (a->lang == LANGUAGE_CSHARP || what.n < a->what.n)
        found = find_member(a, what, none);
    for (package = without_last(what, separator); found == NONE && package.n > 0;
         package = without_last(package, separator)) {
        name = after(what, package.n + strlen(separator));
        name = first_parts(name, separator, 1);
        found = find_member(a, package, name);
        if (found == NONE && name.n == what.n - package.n - strlen(separator) &&
            a->lang != LANGUAGE_JAVA) /* a function of the package, in a file of any name */
            found = find_member(a, package, none);
    }
    if (found != NONE) {
        answer(a, found);
        return;
    }
    package = first_parts(what, separator, n_parts);
    if (is_own_root(a, first_parts(what, separator, 2), separator[0]))
        answer(a, NONE);
    else
        answer_package(a, package, what);
}

static void ask_haskell(struct ask *a)
{
    size_t found = find_member(a, a->what, (struct text){"", 0});

    if (found == NONE)
        answer_package(a, first_parts(a->what, ".", 2), a->what);
    else
        answer(a, found);
}

/* ---- by path ------------------------------------------------------------------------------------- */

/* A path as written in a program, with an ending added when it has none. */
static void ask_path(struct ask *a, const char *ending, bool packages)
{
    struct text what = a->what;
    const char *more = ends(what, ending) ? "" : ending;
    bool open = starts(what, "$/");
    size_t found;

    if (starts(what, "/") || starts(what, "~")) { /* of the system it runs on */
        a->out->kind = RESOLVED_STANDARD;
        return;
    }
    if (open)
        what = after(what, 2);
    found = find_joined(a->r, a->dir, what, more);
    if (found == NONE && (open || !starts(what, ".")))
        found = find_above(a, what, (const char *const[]){"lib", "src"}, 2, more);
    if (found == NONE && (open || !starts(what, "."))) {
        strbuf_reset(&a->r->path);
        if (walk_path(&a->r->path, what) && a->r->path.len > 0) {
            strbuf_puts(&a->r->path, more);
            found = find_tail(a->r, (struct text){strbuf_str(&a->r->path), a->r->path.len});
        }
    }
    if (found == NONE && packages && !open && !starts(what, "."))
        answer_package(a, first_parts(what, "/", 1), what);
    else
        answer(a, found);
}

static void ask_ruby(struct ask *a)
{
    static const char *const in[] = {"lib"};
    struct text what = ends(a->what, ".rb") ? first(a->what, a->what.n - 3) : a->what, root;
    size_t found;

    if (starts(what, ".")) {
        answer(a, find_joined(a->r, a->dir, what, ".rb"));
        return;
    }
    found = find_above(a, what, in, ARRAY_LEN(in), ".rb");
    root = first_parts(what, "/", 1);
    if (found == NONE && !standard_is(a->lang, root.p, root.n)) {
        strbuf_reset(&a->r->path);
        strbuf_puts(&a->r->path, "lib/");
        strbuf_add(&a->r->path, what.p, what.n);
        strbuf_puts(&a->r->path, ".rb");
        found = find_tail(a->r, (struct text){strbuf_str(&a->r->path), a->r->path.len});
    }
    if (found == NONE)
        answer_package(a, root, what);
    else
        answer(a, found);
}

static void ask_lua(struct ask *a)
{
    static const char *const in[] = {"lua", "src", "lib"};
    struct text path = as_path(a, a->what, ".");
    size_t found = find_above(a, path, in, ARRAY_LEN(in), ".lua");

    if (found == NONE)
        found = find_above(a, path, in, ARRAY_LEN(in), "/init.lua");
    if (found == NONE && memchr(path.p, '/', path.n)) {
        strbuf_reset(&a->r->path);
        strbuf_add(&a->r->path, path.p, path.n);
        strbuf_puts(&a->r->path, ".lua");
        found = find_tail(a->r, (struct text){strbuf_str(&a->r->path), a->r->path.len});
    }
    if (found == NONE)
        answer_package(a, first_parts(a->what, ".", 1), a->what);
    else
        answer(a, found);
}

static void ask_zig(struct ask *a)
{
    if (ends(a->what, ".zig"))
        answer(a, find_joined(a->r, a->dir, a->what, ""));
    else
        answer_package(a, a->what, a->what);
}

static void ask_ocaml(struct ask *a)
{
    struct strbuf name = {0};
    struct text file;
    size_t found;

    strbuf_add(&name, a->what.p, a->what.n);
    strbuf_puts(&name, ".ml");
    if (!strbuf_failed(&name) && name.s[0] >= 'A' && name.s[0] <= 'Z')
        name.s[0] = (char)(name.s[0] - 'A' + 'a');
    file = (struct text){strbuf_str(&name), name.len};
    found = find_joined(a->r, a->dir, file, "");
    if (found == NONE && !standard_is(a->lang, a->what.p, a->what.n))
        found = find_tail(a->r, file);
    if (found == NONE)
        answer_package(a, a->what, a->what);
    else
        answer(a, found);
    strbuf_release(&name);
}

static void ask_swift(struct ask *a)
{
    struct text name = first_parts(a->what, ".", 1), dir = a->dir;
    size_t found = NONE;

    do {
        if (join(a->r, dir, text_of("Sources")) && walk_path(&a->r->path, name))
            found = find_package(a->r, (struct text){strbuf_str(&a->r->path), a->r->path.len},
                                 LANGUAGE_SWIFT, true);
    } while (found == NONE && up(&dir));
    if (found == NONE)
        answer_package(a, name, name);
    else
        answer(a, found);
}

/* ---- all ----------------------------------------------------------------------------------------- */

static void ask(struct ask *a, bool child)
{
    switch (a->lang) {
    case LANGUAGE_C:
    case LANGUAGE_CPP:
        ask_c(a);
        break;
    case LANGUAGE_PYTHON:
        ask_python(a);
        break;
    case LANGUAGE_JAVASCRIPT:
    case LANGUAGE_TYPESCRIPT:
    case LANGUAGE_TSX:
        ask_script(a);
        break;
    case LANGUAGE_GO:
        ask_go(a);
        break;
    case LANGUAGE_RUST:
        ask_rust(a, child);
        break;
    case LANGUAGE_JAVA:
    case LANGUAGE_KOTLIN:
    case LANGUAGE_SCALA:
        ask_package(a, ".", 3);
        break;
    case LANGUAGE_CSHARP:
        ask_package(a, ".", 2);
        break;
    case LANGUAGE_PHP:
        if (memchr(a->what.p, '/', a->what.n) || ends(a->what, ".php"))
            ask_path(a, ".php", false);
        else
            ask_package(a, "\\", 2);
        break;
    case LANGUAGE_HASKELL:
        ask_haskell(a);
        break;
    case LANGUAGE_RUBY:
        ask_ruby(a);
        break;
    case LANGUAGE_LUA:
        ask_lua(a);
        break;
    case LANGUAGE_BASH:
        ask_path(a, "", false);
        break;
    case LANGUAGE_ZIG:
        ask_zig(a);
        break;
    case LANGUAGE_OCAML:
        ask_ocaml(a);
        break;
    case LANGUAGE_SWIFT:
        ask_swift(a);
        break;
    default:
        answer(a, NONE);
        break;
    }
}

static int check(struct resolver *r, struct resolution *out, struct dobby_err *e)
{
    return r->failed || strbuf_failed(&r->path) || strbuf_failed(&r->other) ||
                   strbuf_failed(&out->package)
               ? err_nomem(e, "an import")
               : 0;
}

int resolver_ask(struct resolver *r, size_t from, const char *what, size_t n, bool child,
                 struct resolution *out, struct dobby_err *e)
{
    struct ask a = {.r = r,
                    .from = from,
                    .lang = r->files[from].lang,
                    .dir = dir_of(r->files[from].path),
                    .what = {what, n},
                    .out = out};

    answer(&a, NONE);
    ask(&a, child);
    return check(r, out, e);
}

int resolver_program(struct resolver *r, const char *manifest, size_t len, const char *target,
                     size_t n, struct resolution *out, struct dobby_err *e)
{
    struct text path = {manifest, len}, what = {target, n};
    const char *colon = memchr(target, ':', n);
    struct ask a = {.r = r, .from = NONE, .dir = dir_of(path), .what = what, .out = out};

    answer(&a, NONE);
    if (is(name_of(path), "package.json")) {
        answer(&a, join(r, a.dir, what) ? script_file(r) : NONE);
    } else if (is(name_of(path), "pyproject.toml")) {
        a.lang = LANGUAGE_PYTHON;
        a.what = first(what, colon ? (size_t)(colon - target) : n);
        ask_python(&a);
    }
    return check(r, out, e);
}
