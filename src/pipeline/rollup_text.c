/* rollup_text.c - see rollup_text.h (pipeline). */
#include "pipeline/rollup_text.h"

#include "base/mem.h"
#include "base/size.h"
#include "base/utf8.h"
#include "code/language.h"
#include "code/text.h"
#include "pipeline/names.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_NAMES  5  /* of a kind that are named */
#define MAX_OWNERS 3  /* types whose methods are named */
#define ALL_OWNERS 64 /* that are told apart */
#define MAX_NAME   60 /* bytes of a name that is shown */
#define MAX_ASIDE                                                                                  \
    20 /* bytes of what a sentence says in parentheses at its end, and its directory does not repeat */
#define MAX_GIST 90 /* bytes of a child's sentence in its directory's */
#define MAX_TEXT 380

/* ---- lists -------------------------------------------------------------------------------------- */

/* Names of one kind, the first ones kept. */
struct list {
    const char *name[MAX_NAMES];
    size_t n, kept;
};

static void add_name(struct list *l, const char *name)
{
    for (size_t i = 0; i < l->kept; i++)
        if (strcmp(l->name[i], name) == 0)
            return; /* overloads, and implementations of several traits */
    l->n++;
    if (l->kept < MAX_NAMES && strlen(name) <= MAX_NAME)
        l->name[l->kept++] = name;
}

/* "a", "a and b", "a, b and c", "a, b, c and 4 more": `most` names. */
static void put_list(struct strbuf *b, const struct list *l, size_t most)
{
    size_t shown = size_min(l->kept, most), more = l->n - shown;

    for (size_t i = 0; i < shown; i++) {
        if (i > 0)
            strbuf_puts(b, i + 1 == shown && more == 0 ? " and " : ", ");
        strbuf_puts(b, l->name[i]);
    }
    if (more > 0)
        strbuf_printf(b, " and %zu more", more);
}

/* "the function a", "the functions a and b", "7 functions: a, b, c, d, e and 2 more". */
static void put_kind(struct strbuf *b, const struct list *l, size_t most, const char *one,
                     const char *many)
{
    size_t shown = size_min(l->kept, most);

    if (shown == 0) {
        strbuf_printf(b, "%zu %s", l->n, l->n == 1 ? one : many);
    } else if (l->n > shown) {
        strbuf_printf(b, "%zu %s: ", l->n, many);
        put_list(b, l, most);
    } else {
        strbuf_printf(b, "the %s ", l->n == 1 ? one : many);
        put_list(b, l, most);
    }
}

/* ---- files -------------------------------------------------------------------------------------- */

/* A type by its methods, or by itself. */
struct owner {
    const char *at; /* its name, in a qualified one */
    size_t len;
    const struct unit *type; /* where it is a unit */
    struct list methods;
    struct list hidden; /* those that nobody calls by name */
};

struct file {
    const struct language *l;
    const char *name;
    struct owner owners[ALL_OWNERS];
    size_t n_owners, more_owners;
    struct list functions, modules;
    const struct unit *function, *module; /* one of them */
};

static bool is_kind(const struct unit *u, const char *kind)
{
    return strcmp(unit_kind_name(u->kind), kind) == 0;
}

/* Bytes of the qualified name before the sign that stands before its last part. */
static size_t owner_len(const struct unit *u)
{
    size_t all = strlen(u->qualified), last = strlen(u->name), n;

    if (last >= all)
        return 0;
    n = all - last;
    while (n > 0 && strchr(".:\\#", u->qualified[n - 1]))
        n--;
    return n;
}

/* Circle of geo::Circle and of &'a Circle. */
static struct text last_part(const char *s, size_t n)
{
    size_t at = n;

    while (at > 0 && !strchr(".:\\#", s[at - 1]) && !(s[0] == '&' && s[at - 1] == ' '))
        at--;
    return (struct text){s + at, size_min(n - at, MAX_NAME)};
}

static struct owner *find_owner(struct file *f, const char *qualified, size_t qualified_len)
{
    struct text name = last_part(qualified, qualified_len);
    const char *at = name.s;
    size_t len = name.n;

    for (size_t i = f->n_owners; i-- > 0;) /* the last one, nearly always */
        if (f->owners[i].len == len && memcmp(f->owners[i].at, at, len) == 0)
            return &f->owners[i];
    if (f->n_owners == ALL_OWNERS) {
        f->more_owners++;
        return NULL;
    }
    f->owners[f->n_owners] = (struct owner){.at = at, .len = len};
    return &f->owners[f->n_owners++];
}

static bool is_listed(const char *list, const char *name)
{
    size_t n = strlen(name);

    for (const char *p = list; p && *p;) {
        size_t w = strcspn(p, " ");

        if (w == n && memcmp(p, name, n) == 0)
            return true;
        p += w + strspn(p + w, " ");
    }
    return false;
}

/* Not what a file is about: a constructor, what a leading underscore hides. */
static bool is_hidden(const struct language *l, const struct unit *u)
{
    return u->name[0] == '_' || u->name[0] == '~' || is_listed(l->make, u->name) ||
           is_listed(l->unmake, u->name);
}

static void add_method(struct file *f, const struct unit *u)
{
    size_t len = owner_len(u);
    struct owner *o = len > 0 ? find_owner(f, u->qualified, len) : NULL;

    if (!o)
        return;
    if (is_hidden(f->l, u) || (strlen(u->name) == o->len && memcmp(u->name, o->at, o->len) == 0))
        o->hidden.n++; /* a constructor is called like its type */
    else
        add_name(&o->methods, u->name);
}

/* Functions in other functions are a matter of these. */
static bool is_nested(const struct unit *u, const struct unit *units, const struct names *names)
{
    size_t len = owner_len(u);
    char owner[512];

    if (u->depth == 0 || len == 0 || len >= sizeof(owner))
        return false;
    memcpy(owner, u->qualified, len);
    owner[len] = '\0';
    for (size_t i = names_find(names, owner); names_at(names, i, owner); i++)
        if (is_kind(&units[names->v[i].at], "function") ||
            is_kind(&units[names->v[i].at], "method"))
            return true;
    return false;
}

/* walk_tree of walk.c: such names are what others call it by. */
static bool has_stem(const char *name, const char *file)
{
    const char *dot = strchr(file, '.');
    size_t n = dot ? (size_t)(dot - file) : strlen(file);

    return n > 1 && strncasecmp(name, file, n) == 0;
}

/* Functions in three rounds: what is named like the file or is where a program begins, what others see, the rest. */
static int round_of(const struct file *f, const struct unit *u)
{
    if (has_stem(u->name, f->name) || strcmp(u->name, "main") == 0)
        return 0;
    return is_hidden(f->l, u) ? 2 : 1;
}

static void add_functions(struct file *f, const struct unit *units, size_t n,
                          const struct names *names)
{
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < n; i++)
            if (is_kind(&units[i], "function") && round_of(f, &units[i]) == round &&
                !is_nested(&units[i], units, names)) {
                add_name(&f->functions, units[i].name);
                f->function = &units[i];
            }
}

static void add_others(struct file *f, const struct unit *units, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct unit *u = &units[i];
        struct owner *o;

        if (is_kind(u, "method")) {
            add_method(f, u);
        } else if (is_kind(u, "type")) {
            o = find_owner(f, u->qualified, strlen(u->qualified));
            if (o && !o->type)
                o->type = u;
        } else if (is_kind(u, "module")) {
            add_name(&f->modules, u->name);
            f->module = u;
        }
    }
}

/* Do methods stand inside of their class, so that the file that has them defines it? */
static bool is_inside(enum language_id lang)
{
    static const enum language_id outside[] = {LANGUAGE_C,     LANGUAGE_CPP,     LANGUAGE_GO,
                                               LANGUAGE_RUST,  LANGUAGE_ZIG,     LANGUAGE_LUA,
                                               LANGUAGE_SWIFT, LANGUAGE_HASKELL, LANGUAGE_SQL};

    for (size_t i = 0; i < ARRAY_LEN(outside); i++)
        if (lang == outside[i])
            return false;
    return true;
}

static void put_owner(struct strbuf *b, const struct owner *o, size_t most, enum language_id lang)
{
    struct text name = {o->at, o->len};

    if (o->type || is_inside(lang)) {
        strbuf_add(b, name.s, name.n);
        if (o->methods.kept > 0 && most > 0) {
            strbuf_puts(b, " with ");
            put_list(b, &o->methods, most);
        }
        return;
    }
    if (o->methods.kept == 0 || most == 0) {
        strbuf_puts(b, "methods");
    } else {
        strbuf_puts(b, o->methods.n == 1 ? "the method " : "the methods ");
        put_list(b, &o->methods, most);
    }
    strbuf_puts(b, " of ");
    strbuf_add(b, name.s, name.n);
}

/* Is this type to be named by itself? Others are in a list. */
static bool is_rich(const struct owner *o)
{
    return o->methods.n + o->hidden.n > 0;
}

static void put_and(struct strbuf *b, size_t *n, size_t all)
{
    if (*n > 0)
        strbuf_puts(b, *n + 1 == all ? ", and " : ", ");
    ++*n;
}

static size_t count_rich(const struct file *f)
{
    size_t n = 0;

    for (size_t i = 0; i < f->n_owners; i++)
        n += is_rich(&f->owners[i]);
    return n;
}

static bool all_tests(const struct list *l)
{
    for (size_t i = 0; i < l->kept; i++)
        if (strncasecmp(l->name[i], "test", 4) != 0)
            return false;
    return l->kept > 1;
}

/* Types without methods; room holds their names. */
static void list_plain(struct list *l, const struct file *f, char room[][MAX_NAME + 1])
{
    for (size_t i = 0; i < f->n_owners; i++) {
        struct text name = {f->owners[i].at, f->owners[i].len};

        if (is_rich(&f->owners[i]))
            continue;
        if (l->kept < MAX_NAMES) {
            memcpy(room[l->kept], name.s, name.n);
            room[l->kept][name.n] = '\0';
            add_name(l, room[l->kept]);
        } else {
            l->n++;
        }
    }
}

static void put_file(struct strbuf *b, const struct file *f, size_t most, enum language_id lang)
{
    size_t rich = count_rich(f), shown = size_min(rich, MAX_OWNERS), n = 0, done = 0, all;
    char room[MAX_NAMES][MAX_NAME + 1];
    struct list plain = {.n = f->more_owners};

    list_plain(&plain, f, room);
    all = shown + (rich > shown) + (plain.n > 0) + (f->modules.n > 0) + (f->functions.n > 0);
    strbuf_puts(b, "Defines ");
    for (size_t i = 0; i < f->n_owners && done < shown; i++) {
        if (!is_rich(&f->owners[i]))
            continue;
        put_and(b, &n, all);
        put_owner(b, &f->owners[i], most, lang);
        done++;
    }
    if (rich > shown) {
        put_and(b, &n, all);
        strbuf_printf(b, "%s%zu more type%s", is_inside(lang) ? "" : "methods of ", rich - shown,
                      rich - shown == 1 ? "" : "s");
    }
    if (plain.n > 0) {
        put_and(b, &n, all);
        put_kind(b, &plain, most, "type", "types");
    }
    if (f->modules.n > 0) {
        put_and(b, &n, all);
        put_kind(b, &f->modules, most, "module", "modules");
    }
    if (f->functions.n > 0) {
        bool tests = all_tests(&f->functions);

        put_and(b, &n, all);
        put_kind(b, &f->functions, most, tests ? "test" : "function",
                 tests ? "tests" : "functions");
    }
    strbuf_putc(b, '.');
}

/* The one unit that is all there is; of a type with methods the type. */
static const struct unit *sole_of(const struct file *f)
{
    if (f->n_owners == 1 && f->functions.n + f->modules.n == 0)
        return f->owners[0].type;
    if (f->n_owners > 0)
        return NULL;
    if (f->functions.n == 1 && f->modules.n == 0)
        return f->function;
    return f->functions.n == 0 && f->modules.n == 1 ? f->module : NULL;
}

int rollup_file_text(struct strbuf *out, const struct unit **sole, enum language_id lang,
                     const char *name, const struct unit *units, size_t n, struct dobby_err *e)
{
    struct file *f = mem_zalloc(sizeof(*f));
    struct names names = {0};
    size_t start = out->len;
    int rc = f ? names_of_units(&names, units, n, e) : err_nomem(e, "a file's sentence");

    *sole = NULL;
    if (rc == 0) {
        f->l = language_get(lang);
        f->name = name;
        add_others(f, units, n);
        add_functions(f, units, n, &names);
        rc = f->n_owners + f->modules.n + f->functions.n > 0;
    }
    if (rc > 0) {
        for (size_t most = MAX_NAMES + 1; most-- > 0;) { /* fewer names where they are long */
            strbuf_truncate(out, start);
            put_file(out, f, most, lang);
            if (strbuf_failed(out) || out->len - start <= MAX_TEXT)
                break;
        }
        *sole = sole_of(f);
        if (strbuf_failed(out))
            rc = err_nomem(e, "a file's sentence");
    }
    names_release(&names);
    mem_free(f);
    return rc;
}

/* The first word is no name: a capital and small letters, or an article. */
static bool may_lower(const char *s)
{
    size_t i = 1;

    if (s[0] < 'A' || s[0] > 'Z')
        return false;
    while (s[i] >= 'a' && s[i] <= 'z')
        i++;
    return (i > 1 || s[0] == 'A') && (s[i] == ' ' || s[i] == ',' || s[i] == '/' || s[i] == '-');
}

static void put_lowered(struct strbuf *b, const char *s, size_t n)
{
    if (n == 0)
        return;
    strbuf_putc(b, may_lower(s) ? (char)(s[0] - 'A' + 'a') : s[0]);
    strbuf_add(b, s + 1, n - 1);
}

void rollup_add(struct strbuf *out, const char *name, const char *text)
{
    size_t n = strlen(text), w = strlen(name);

    if (strbuf_failed(out) || out->len == 0 || n == 0 || out->len + n > MAX_TEXT)
        return;
    strbuf_truncate(out, out->len - 1); /* its full stop */
    if (n > w + 1 && memcmp(text, name, w) == 0 && text[w] == ' ' && text[w + 1] >= 'a' &&
        text[w + 1] <= 'z') {
        strbuf_puts(out, ", which");
        strbuf_puts(out, text + w);
        return;
    }
    strbuf_puts(out, ": ");
    put_lowered(out, text, n);
}

/* ---- directories -------------------------------------------------------------------------------- */

/* The few that are named first: by which a folder is entered, those called like it, those that say what they are. */
static int weight(const struct rollup_child *c, const char *dir)
{
    static const char *const entries[] = {"main.", "index.",    "lib.", "mod.",
                                          "app.",  "__main__.", "cli."};
    size_t n = strlen(dir);

    for (size_t i = 0; i < ARRAY_LEN(entries); i++)
        if (text_starts(c->name, c->len, entries[i]))
            return 0;
    if (n > 0 && text_starts(c->name, c->len, dir) && c->len > n && c->name[n] == '.')
        return 0;
    if (text_starts(c->name, c->len, "__init__.") || text_starts(c->name, c->len, "test"))
        return 3;
    return c->own_words ? 1 : 2;
}

/* Without the full stop, and without a word or two in parentheses before it. */
static size_t gist_len(const char *s, size_t n)
{
    const char *open;

    if (n > 0 && s[n - 1] == '.')
        n--;
    open = n > 0 && s[n - 1] == ')' ? memrchr(s, '(', n) : NULL;
    if (open && open - s > 2 && open[-1] == ' ' && (size_t)(s + n - open) <= MAX_ASIDE)
        n = (size_t)(open - s) - 1;
    return n;
}

/* Text in parentheses behind a name: a short sentence that people wrote. */
static void put_gist(struct strbuf *b, const struct rollup_child *c)
{
    size_t n = c->text ? gist_len(c->text, strlen(c->text)) : 0;

    if (!c->own_words || n < 2 || n > MAX_GIST || memchr(c->text, '(', n) ||
        memchr(c->text, ')', n) || memchr(c->text, ';', n) || memchr(c->text, ':', n))
        return;
    strbuf_puts(b, " (");
    put_lowered(b, c->text, n);
    strbuf_putc(b, ')');
}

static void put_name(struct strbuf *b, const struct rollup_child *c)
{
    utf8_escape(b, c->name, c->len, "");
}

#define MAX_CHOSEN 5

/* One of walk.c and walk.h is enough. */
static bool is_twin(const struct rollup_child *a, const struct rollup_child *b)
{
    const char *dot = memchr(a->name, '.', a->len);
    size_t stem = dot ? (size_t)(dot - a->name) : 0;

    return stem > 0 && b->len > stem && b->name[stem] == '.' && memcmp(a->name, b->name, stem) == 0;
}

static int compare_places(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;

    return (x > y) - (x < y);
}

/* The children of a kind that are named. */
struct chosen {
    size_t at[MAX_CHOSEN], n;
    size_t all; /* of the kind */
};

static void choose_of_weight(struct chosen *c, const struct rollup_child *child, size_t n, bool dir,
                             const char *name, size_t most, int w)
{
    for (size_t i = 0; i < n && c->n < most; i++) {
        bool twin = false;

        if (child[i].dir != dir || weight(&child[i], name) != w)
            continue;
        for (size_t k = 0; k < c->n && !dir; k++)
            twin |= is_twin(&child[i], &child[c->at[k]]);
        if (!twin)
            c->at[c->n++] = i;
    }
}

/* All if there are few, else those of the least weight; in their order. */
static struct chosen choose(const struct rollup_child *child, size_t n, bool dir, const char *name,
                            size_t most)
{
    struct chosen c = {.n = 0};

    for (size_t i = 0; i < n; i++)
        if (child[i].dir == dir && c.all++ <= most) /* "and 1 more" is no shorter than its name */
            c.at[c.n++] = i;
    if (c.all <= most + 1)
        return c;
    c.n = 0;
    for (int w = 0; w < 4; w++)
        choose_of_weight(&c, child, n, dir, name, most, w);
    if (c.n > 1)
        qsort(c.at, c.n, sizeof(c.at[0]), compare_places);
    return c;
}

/* TSX is TypeScript for people. */
static enum language_id titled(enum language_id lang)
{
    const struct language *l = language_get(lang);

    for (int i = 0; l && i < (int)lang; i++)
        if (language_get((enum language_id)i) &&
            strcmp(language_get((enum language_id)i)->title, l->title) == 0)
            return (enum language_id)i;
    return lang;
}

static void put_number(struct strbuf *b, size_t n)
{
    if (n == 1)
        strbuf_puts(b, "one");
    else
        strbuf_printf(b, "%zu", n);
}

/* "12 C files", "3 files of Python and C". */
static void put_count(struct strbuf *b, const struct rollup_child *child, size_t n, size_t all)
{
    size_t count[LANGUAGE_COUNT] = {0}, kinds = 0, left;
    enum language_id most = LANGUAGE_NONE;

    for (size_t i = 0; i < n; i++)
        if (!child[i].dir && language_get(child[i].lang))
            count[titled(child[i].lang)]++;
    for (int i = 0; i < LANGUAGE_COUNT; i++)
        kinds += count[i] > 0 && language_get((enum language_id)i);
    for (int i = LANGUAGE_COUNT; i-- > 0;)
        if (count[i] > 0 && language_get((enum language_id)i))
            most = (enum language_id)i;
    if (kinds == 1 && count[most] == all) {
        put_number(b, all);
        strbuf_printf(b, " %s file%s", language_get(most)->title, all == 1 ? "" : "s");
        return;
    }
    put_number(b, all);
    strbuf_printf(b, " file%s", all == 1 ? "" : "s");
    left = size_min(kinds, 3);
    for (size_t k = 0; k < left; k++) {
        int best = -1;

        for (int i = 0; i < LANGUAGE_COUNT; i++)
            if (language_get((enum language_id)i) && count[i] > 0 &&
                (best < 0 || count[i] > count[best]))
                best = i;
        strbuf_printf(b, "%s%s",
                      k == 0                        ? " of "
                      : k + 1 == left && kinds <= 3 ? " and "
                                                    : ", ",
                      language_get((enum language_id)best)->title);
        count[best] = 0;
    }
    if (kinds > 3)
        strbuf_puts(b, " and others");
}

static void put_chosen(struct strbuf *b, const struct rollup_child *child, const struct chosen *c,
                       bool dir, bool gists)
{
    for (size_t i = 0; i < c->n; i++) {
        if (i > 0)
            strbuf_puts(b, i + 1 == c->n && (c->n == c->all || !dir) ? " and " : ", ");
        put_name(b, &child[c->at[i]]);
        if (gists)
            put_gist(b, &child[c->at[i]]);
    }
    if (dir && c->all > c->n)
        strbuf_printf(b, " and %zu more", c->all - c->n);
}

static void put_directory(struct strbuf *b, const char *name, const struct rollup_child *child,
                          size_t n, bool gists)
{
    struct chosen files = choose(child, n, false, name, gists ? 3 : 4),
                  dirs = choose(child, n, true, name, 4);

    strbuf_puts(b, "Holds ");
    if (files.all > 0) {
        put_count(b, child, n, files.all);
        strbuf_puts(b, files.all == 1 ? ", " : files.n < files.all ? ", among them " : ": ");
        put_chosen(b, child, &files, false, gists);
    }
    if (dirs.all > 0) {
        strbuf_puts(b, files.all > 0 ? ", and " : "");
        strbuf_puts(b, dirs.all == 1 ? "the directory " : "the directories ");
        put_chosen(b, child, &dirs, true, gists);
    }
    strbuf_putc(b, '.');
}

/* One file and nothing else: its own sentence is what there is to say. */
static bool put_only(struct strbuf *b, const struct rollup_child *c)
{
    size_t n = c->text ? strlen(c->text) : 0;

    if (n == 0 || n > MAX_TEXT - MAX_NAME)
        return false;
    strbuf_puts(b, "Holds one file, ");
    put_name(b, c);
    if (text_starts(c->text, n, "Defines ")) {
        strbuf_puts(b, ", which ");
        put_lowered(b, c->text, n);
    } else {
        strbuf_puts(b, ": ");
        put_lowered(b, c->text, n);
    }
    return true;
}

void rollup_directory_text(struct strbuf *out, const char *name, const struct rollup_child *child,
                           size_t n)
{
    size_t start = out->len;

    if (n == 1 && !child->dir && put_only(out, child))
        return;
    put_directory(out, name, child, n, true);
    if (strbuf_failed(out) || out->len - start <= MAX_TEXT)
        return;
    strbuf_truncate(out, start); /* shorter */
    put_directory(out, name, child, n, false);
}
