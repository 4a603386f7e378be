/* imports.c - what a file takes from elsewhere (code). The manual is imports.h. */
#include "code/imports.h"

#include "base/mem.h"
#include "base/size.h"
#include "code/protocol.h"

#include <stdlib.h>
#include <string.h>

#define MAX_RECORDS 65536 /* before equal ones are dropped */
#define MAX_DEPTH   32    /* braces in braces; deeper ones are left out */
#define MAX_TEXT    16384 /* bytes of one list of names */

/* How a language writes a list of names. */
struct form {
    const char *separator; /* between the parts of a name */
    const char *skip;      /* words that are no part of one, a space between them */
    const char *rename;    /* words behind which another name follows */
    bool all_self;         /* `self` in braces is what stands before them */
};

static const struct form forms[LANGUAGE_COUNT] = {
    [LANGUAGE_RUST] = {"::", "", "as", true},
    [LANGUAGE_JAVA] = {".", "import static", "", false},
    [LANGUAGE_CSHARP] = {".", "global using static unsafe", "", false},
    [LANGUAGE_PHP] = {"\\", "use function const", "as", false},
    [LANGUAGE_KOTLIN] = {".", "import", "as", false},
    [LANGUAGE_SCALA] = {".", "import", "as", false},
};

/* Functions that import, a space between them. */
static const char *const calls[LANGUAGE_COUNT] = {
    [LANGUAGE_JAVASCRIPT] = "require import",
    [LANGUAGE_TYPESCRIPT] = "require import",
    [LANGUAGE_TSX] = "require import",
    [LANGUAGE_RUBY] = "require require_relative load autoload",
    [LANGUAGE_LUA] = "require",
    [LANGUAGE_BASH] = "source .",
    [LANGUAGE_ZIG] = "@import",
};

void imports_init(struct imports *im, enum language_id lang, struct arena *a, const char *source,
                  size_t len)
{
    *im = (struct imports){.lang = lang, .a = a, .source = source, .len = len};
}

void imports_release(struct imports *im)
{
    mem_free(im->v);
    mem_free(im->scopes);
    mem_free(im->locals);
    *im = (struct imports){0};
}

/* ---- words --------------------------------------------------------------------------------------- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}

static bool is_word(char c)
{
    return (unsigned char)c >= 128 || c == '_' || c == '$' || (c >= '0' && c <= '9') ||
           (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Is the word among those of a list with a space between them? */
static bool in_words(const char *list, const char *word, size_t n)
{
    size_t len;

    for (; list && *list; list += len + (list[len] == ' ')) {
        len = strcspn(list, " ");
        if (len == n && memcmp(list, word, n) == 0)
            return true;
    }
    return false;
}

/* ---- records ------------------------------------------------------------------------------------- */

static void add_to(struct imports *im, struct outline_import **v, size_t *n, size_t *cap,
                   enum import_kind kind, uint32_t start, const char *what, size_t len)
{
    char *copy;

    if (len == 0 || len > PROTOCOL_MAX_NAME || *n >= MAX_RECORDS || im->failed)
        return;
    copy = arena_strndup(im->a, what, len);
    if (!copy || mem_grow((void **)v, cap, *n + 1, sizeof(**v)) < 0) {
        im->failed = true;
        return;
    }
    (*v)[(*n)++] = (struct outline_import){kind, start, copy, len};
}

static void add(struct imports *im, enum import_kind kind, uint32_t start, const char *what,
                size_t len)
{
    add_to(im, &im->v, &im->n, &im->cap, kind, start, what, len);
}

static void add_word(struct imports *im, enum import_kind kind, uint32_t start, const char *what)
{
    add(im, kind, start, what, strlen(what));
}

static void add_buf(struct imports *im, enum import_kind kind, uint32_t start,
                    const struct strbuf *b)
{
    im->failed |= strbuf_failed(b);
    add(im, kind, start, strbuf_str(b), b->len);
}

/* ---- lists of names ------------------------------------------------------------------------------ */

/* A list while it is read: what stands before the open braces, one after the other, then the name itself. */
struct list {
    struct imports *im;
    const struct form *form;
    uint32_t start;
    const char *s;
    size_t n, i;
    struct strbuf name;
    size_t before[MAX_DEPTH]; /* where the name begins that is behind the i-th brace */
    size_t depth;
    bool any;   /* the name has something of its own */
    bool quiet; /* what follows renames it */
};

static size_t list_begin(const struct list *l)
{
    return l->depth > 0 ? l->before[l->depth - 1] : 0;
}

static void list_put(struct list *l)
{
    size_t begin = list_begin(l), sep = strlen(l->form->separator);
    bool self = l->form->all_self && l->name.len == begin + 4 && begin >= sep &&
                memcmp(l->name.s + begin, "self", 4) == 0;

    if (self)
        strbuf_truncate(&l->name, begin - sep);
    if (l->any)
        add_buf(l->im, IMPORT_NAME, l->start, &l->name);
    if (l->name.len >
        begin) /* after `self` it is shorter, and what was before the brace is lost: see open */
        strbuf_truncate(&l->name, begin);
    if (self)
        strbuf_puts(&l->name, l->form->separator);
    l->any = l->quiet = false;
}

/* False when the braces are too deep. */
static bool list_sign(struct list *l, char c)
{
    switch (c) {
    case '{':
        if (l->depth == MAX_DEPTH)
            return false;
        l->before[l->depth++] = l->name.len;
        l->any = l->quiet = false;
        break;
    case '}':
        list_put(l);
        if (l->depth > 0)
            l->depth--;
        strbuf_truncate(&l->name, list_begin(l));
        l->any = l->quiet = false;
        break;
    case ',':
        list_put(l);
        break;
    case ';':
        l->i = l->n;
        break;
    case '=': /* C#: another name stands before it; Scala 2: => and another name behind it */
        if (l->im->lang == LANGUAGE_CSHARP) {
            strbuf_truncate(&l->name, list_begin(l));
            l->any = false;
        } else {
            l->quiet = true;
        }
        break;
    case '<': /* type arguments: the name is over */
        list_put(l);
        l->i = l->n;
        break;
    default: /* signs of the separator, stars */
        if (!l->quiet && !(l->name.len == 0 && strchr(l->form->separator, c))) {
            strbuf_putc(&l->name, c);
            l->any = true;
        }
        break;
    }
    return true;
}

static void list_word(struct list *l)
{
    size_t from = l->i, next;
    const char *word = l->s + from;

    while (l->i < l->n && is_word(l->s[l->i]))
        l->i++;
    for (next = l->i; next < l->n && is_space(l->s[next]);)
        next++;
    if (l->name.len == list_begin(l) && next > l->i && in_words(l->form->skip, word, l->i - from))
        return;
    if (l->any && in_words(l->form->rename, word, l->i - from))
        l->quiet = true;
    if (l->quiet)
        return;
    strbuf_add(&l->name, word, l->i - from);
    l->any = true;
}

/* Behind a comment that begins at l->i; false when there is none. */
static bool skip_comment(struct list *l)
{
    const char *p = l->s + l->i, *end = l->s + l->n;
    bool line =
        (p[0] == '#' && l->im->lang == LANGUAGE_PHP) || (end - p > 1 && p[0] == '/' && p[1] == '/');

    if (line)
        p = memchr(p, '\n', (size_t)(end - p));
    else if (end - p > 1 && p[0] == '/' && p[1] == '*')
        p = memmem(p + 2, (size_t)(end - p - 2), "*/", 2);
    else
        return false;
    l->i = p ? (size_t)(p - l->s) + (line ? 1 : 2) : l->n;
    return true;
}

/* a::{b, c::{d as e, *}} are a::b, a::c::d and a::c::*. */
static void add_list(struct imports *im, struct span s)
{
    struct list l = {.im = im,
                     .form = &forms[im->lang],
                     .start = s.start,
                     .s = im->source + s.start,
                     .n = size_min(span_len(s), MAX_TEXT)};

    while (l.i < l.n) {
        char c = l.s[l.i];

        if (is_space(c))
            l.i++;
        else if (skip_comment(&l))
            continue;
        else if (is_word(c))
            list_word(&l);
        else if (l.i++, !list_sign(&l, c))
            break;
    }
    if (l.depth == 0)
        list_put(&l);
    im->failed |= strbuf_failed(&l.name);
    strbuf_release(&l.name);
}

/* ---- strings ------------------------------------------------------------------------------------- */

static struct span unquoted(const struct imports *im, struct span s)
{
    char q = span_len(s) > 1 ? im->source[s.start] : 0;

    if (q && strchr("\"'`", q) && im->source[s.end - 1] == q)
        return (struct span){s.start + 1, s.end - 1};
    return s;
}

/* A string that stands for itself: nothing is put into it, nothing escaped. */
static bool is_plain(const struct imports *im, struct span s)
{
    for (uint32_t i = s.start; i < s.end; i++)
        if (strchr("\"'`\\\n${", im->source[i]))
            return false;
    return span_len(s) > 0;
}

static void add_string(struct imports *im, struct span s, const char *before)
{
    struct span in = unquoted(im, s);
    struct strbuf b = {0};

    if (im->lang == LANGUAGE_LUA && span_len(s) > 4 && memcmp(im->source + s.start, "[[", 2) == 0)
        in = (struct span){s.start + 2, s.end - 2};
    if (!is_plain(im, in))
        return;
    strbuf_puts(&b, before);
    strbuf_add(&b, im->source + in.start, span_len(in));
    add_buf(im, IMPORT_NAME, s.start, &b);
    strbuf_release(&b);
}

/* The path at the end of an expression that makes one: what stands before its first slash is found out when the program
 * runs, and "$" stands for it. __DIR__ . '/a.php', "$(dirname "$0")/lib.sh", $DIR/lib.sh: $/a.php, $/lib.sh. */
static void add_path(struct imports *im, struct span s)
{
    struct span in = s;
    struct strbuf b = {0};
    uint32_t end = s.end, at;
    char q;

    while (in.start < end && (im->source[in.start] == '(' || is_space(im->source[in.start])))
        in.start++;
    while (end > in.start && (im->source[end - 1] == ')' || is_space(im->source[end - 1])))
        end--;
    in.end = end;
    if (is_plain(im, unquoted(im, in))) {
        in = unquoted(im, in);
        add(im, IMPORT_NAME, s.start, im->source + in.start, span_len(in));
        return;
    }
    q = end > in.start ? im->source[end - 1] : 0;
    if (q == '"' || q == '\'')
        end--;
    for (at = end; at > in.start && !strchr("\"'`\\\n${}() \t", im->source[at - 1]);)
        at--;
    while (at < end && im->source[at] != '/')
        at++;
    if (at + 1 >= end)
        return;
    strbuf_putc(&b, '$');
    strbuf_add(&b, im->source + at, end - at);
    add_buf(im, IMPORT_NAME, s.start, &b);
    strbuf_release(&b);
}

/* ---- matches ------------------------------------------------------------------------------------- */

enum capture {
    CAPTURE_IMPORT,
    CAPTURE_CHILD,
    CAPTURE_FILE,
    CAPTURE_FROM,
    CAPTURE_CALL,
    CAPTURE_PACKAGE,
    CAPTURE_ENTRY,
    CAPTURE_SCOPE,
    CAPTURE_LOCAL,
    CAPTURES
};

static const char *const capture_names[CAPTURES] = {
    "import", "import.child", "import.file", "from", "call", "package", "entry", "scope", "local"};

static int capture_of(const char *name)
{
    for (int i = 0; i < CAPTURES; i++)
        if (strcmp(name, capture_names[i]) == 0)
            return i;
    return -1;
}

/* Without white space. */
static void squeeze(const struct imports *im, struct strbuf *b, struct span s)
{
    for (uint32_t i = s.start; i < s.end; i++)
        if (!is_space(im->source[i]))
            strbuf_putc(b, im->source[i]);
}

static void add_squeezed(struct imports *im, enum import_kind kind, struct span from, struct span s,
                         const char *between)
{
    struct strbuf b = {0};

    squeeze(im, &b, from);
    if (b.len > 0 && b.s[b.len - 1] != '.')
        strbuf_puts(&b, between);
    squeeze(im, &b, s);
    add_buf(im, kind, s.start, &b);
    strbuf_release(&b);
}

static bool ends_in(const struct imports *im, struct span s, const char *tail)
{
    size_t n = strlen(tail);

    return span_len(s) >= n && memcmp(im->source + s.end - n, tail, n) == 0;
}

static void add_call(struct imports *im, struct span call, struct span s)
{
    const char *name = im->source + call.start;

    if (!in_words(calls[im->lang], name, span_len(call)))
        return;
    if (im->lang == LANGUAGE_BASH)
        add_path(im, s);
    else
        add_string(im, s, ends_in(im, call, "require_relative") ? "./" : "");
}

static void add_import(struct imports *im, struct span from, struct span s)
{
    switch (im->lang) {
    case LANGUAGE_C: /* with its quotes or angles: they say where to look */
    case LANGUAGE_CPP:
        add(im, IMPORT_NAME, s.start, im->source + s.start, span_len(s));
        break;
    case LANGUAGE_PYTHON:
        add_squeezed(im, IMPORT_NAME, from, s, ".");
        break;
    case LANGUAGE_JAVASCRIPT:
    case LANGUAGE_TYPESCRIPT:
    case LANGUAGE_TSX:
    case LANGUAGE_GO:
        add_string(im, s, "");
        break;
    case LANGUAGE_RUST:
    case LANGUAGE_JAVA:
    case LANGUAGE_CSHARP:
    case LANGUAGE_PHP:
    case LANGUAGE_KOTLIN:
    case LANGUAGE_SCALA:
        add_list(im, s);
        break;
    default:
        add_squeezed(im, IMPORT_NAME, (struct span){0}, s, "");
        break;
    }
}

/* Scala: a package clause goes on with the one before. */
static void add_package(struct imports *im, struct span s)
{
    struct strbuf b = {0};

    for (size_t i = im->n; im->lang == LANGUAGE_SCALA && i-- > 0;)
        if (im->v[i].kind == IMPORT_PACKAGE) {
            strbuf_add(&b, im->v[i].what, im->v[i].what_len);
            strbuf_putc(&b, '.');
            break;
        }
    squeeze(im, &b, s);
    add_buf(im, IMPORT_PACKAGE, s.start, &b);
    strbuf_release(&b);
}

static bool holds(const struct strbuf *b, const char *text)
{
    return strstr(strbuf_str(b), text) != NULL;
}

static void add_entry(struct imports *im, struct span s)
{
    struct strbuf b = {0};

    if (span_len(s) > 200)
        return;
    squeeze(im, &b, s);
    im->failed |= strbuf_failed(&b);
    switch (im->lang) {
    case LANGUAGE_PYTHON:
        if (holds(&b, "__name__==") && holds(&b, "__main__"))
            add_word(im, IMPORT_ENTRY, s.start, "__main__");
        break;
    case LANGUAGE_JAVASCRIPT:
    case LANGUAGE_TYPESCRIPT:
    case LANGUAGE_TSX:
        if (holds(&b, "(require.main===module") || holds(&b, "(import.meta.main)"))
            add_word(im, IMPORT_ENTRY, s.start, "main");
        break;
    case LANGUAGE_HASKELL:
        if (strcmp(strbuf_str(&b), "main") == 0)
            add_word(im, IMPORT_ENTRY, s.start, "main");
        break;
    case LANGUAGE_SWIFT:
        if (strcmp(strbuf_str(&b), "main") == 0)
            add_word(im, IMPORT_ENTRY, s.start, "@main");
        break;
    case LANGUAGE_SCALA:
        if (strcmp(strbuf_str(&b), "main") == 0)
            add_word(im, IMPORT_ENTRY, s.start, "@main");
        else if (strcmp(strbuf_str(&b), "extendsApp") == 0)
            add_word(im, IMPORT_ENTRY, s.start, "App");
        break;
    default:
        break;
    }
    strbuf_release(&b);
}

static void add_scope(struct imports *im, struct span s)
{
    if (im->failed || im->n_scopes >= MAX_RECORDS)
        return;
    if (mem_grow((void **)&im->scopes, &im->scopes_cap, im->n_scopes + 1, sizeof(s)) < 0)
        im->failed = true;
    else
        im->scopes[im->n_scopes++] = s;
}

bool imports_match(struct imports *im, const TSQuery *q, const TSQueryMatch *m)
{
    struct span at[CAPTURES] = {{0}};
    bool has[CAPTURES] = {false};

    for (uint16_t i = 0; i < m->capture_count; i++) {
        uint32_t len;
        int what = capture_of(ts_query_capture_name_for_id(q, m->captures[i].index, &len));
        TSNode n = m->captures[i].node;

        if (what < 0)
            return false;
        at[what] = (struct span){ts_node_start_byte(n), ts_node_end_byte(n)};
        has[what] = true;
    }
    if (has[CAPTURE_CALL] && has[CAPTURE_IMPORT])
        add_call(im, at[CAPTURE_CALL], at[CAPTURE_IMPORT]);
    else if (has[CAPTURE_IMPORT])
        add_import(im, at[CAPTURE_FROM], at[CAPTURE_IMPORT]);
    else if (has[CAPTURE_CHILD])
        add_squeezed(im, IMPORT_CHILD, (struct span){0}, at[CAPTURE_CHILD], "");
    else if (has[CAPTURE_FILE])
        add_path(im, at[CAPTURE_FILE]);
    else if (has[CAPTURE_PACKAGE])
        add_package(im, at[CAPTURE_PACKAGE]);
    else if (has[CAPTURE_ENTRY])
        add_entry(im, at[CAPTURE_ENTRY]);
    else if (has[CAPTURE_SCOPE] &&
             (!has[CAPTURE_CALL] || ends_in(im, at[CAPTURE_CALL], "TYPE_CHECKING")))
        add_scope(im, at[CAPTURE_SCOPE]);
    else if (has[CAPTURE_LOCAL])
        add_to(im, &im->locals, &im->n_locals, &im->locals_cap, IMPORT_NAME,
               at[CAPTURE_LOCAL].start, im->source + at[CAPTURE_LOCAL].start,
               span_len(at[CAPTURE_LOCAL]));
    return m->capture_count > 0;
}

/* ---- where programs start ------------------------------------------------------------------------ */

static bool says(const struct imports *im, struct span s, const char *word)
{
    return memmem(im->source + s.start, span_len(s), word, strlen(word)) != NULL;
}

static bool is_last(const char *qualified, size_t len, const char *name)
{
    size_t n = strlen(name);

    return len > n && qualified[len - n - 1] == '.' && memcmp(qualified + len - n, name, n) == 0;
}

void imports_function(struct imports *im, const char *qualified, size_t len, struct span signature)
{
    bool starts = false;

    switch (im->lang) {
    case LANGUAGE_JAVA:
        starts = is_last(qualified, len, "main") && says(im, signature, "static") &&
                 says(im, signature, "void");
        break;
    case LANGUAGE_CSHARP:
        starts = is_last(qualified, len, "Main") && says(im, signature, "static");
        break;
    case LANGUAGE_C:
    case LANGUAGE_CPP:
    case LANGUAGE_GO:
    case LANGUAGE_RUST:
    case LANGUAGE_KOTLIN:
    case LANGUAGE_ZIG:
        starts = len == 4 && memcmp(qualified, "main", 4) == 0;
        break;
    default:
        break;
    }
    if (starts)
        add_word(im, IMPORT_ENTRY, signature.start, "main");
}

/* An interpreter line makes a script of any file. */
static void find_shebang(struct imports *im)
{
    if (im->len > 2 && memcmp(im->source, "#!", 2) == 0 &&
        (im->source[2] == '/' || im->source[2] == ' '))
        add_word(im, IMPORT_ENTRY, 0, "#!");
}

/* Only in the right package does `main` start a program: Go's is called main; Haskell's is Main, or none. */
static void check_package(struct imports *im, const char *program, bool or_none)
{
    bool is_program = or_none;
    size_t n = 0;

    for (size_t i = 0; i < im->n; i++)
        if (im->v[i].kind == IMPORT_PACKAGE)
            is_program = strcmp(im->v[i].what, program) == 0;
    for (size_t i = 0; i < im->n; i++)
        if (is_program || im->v[i].kind != IMPORT_ENTRY)
            im->v[n++] = im->v[i];
    im->n = n;
}

/* ---- in the end ---------------------------------------------------------------------------------- */

static int compare_bytes(const char *a, size_t na, const char *b, size_t nb)
{
    int c = memcmp(a, b, size_min(na, nb));

    return c ? c : (na > nb) - (na < nb);
}

static int by_what(const void *pa, const void *pb)
{
    const struct outline_import *a = pa, *b = pb;
    int c = (int)a->kind - (int)b->kind;

    if (c == 0)
        c = compare_bytes(a->what, a->what_len, b->what, b->what_len);
    return c ? c : (a->start > b->start) - (a->start < b->start);
}

static int by_place(const void *pa, const void *pb)
{
    const struct outline_import *a = pa, *b = pb;

    return a->start != b->start ? (a->start > b->start) - (a->start < b->start) : by_what(pa, pb);
}

static bool is_same(const struct outline_import *a, const struct outline_import *b)
{
    return a->kind == b->kind && a->what_len == b->what_len &&
           memcmp(a->what, b->what, a->what_len) == 0;
}

/* OCaml: what a module of this file gives is no other file's. */
static bool is_local(const struct imports *im, const struct outline_import *what)
{
    for (size_t lo = 0, hi = im->n_locals; lo < hi;) {
        size_t mid = lo + (hi - lo) / 2;
        int c = compare_bytes(im->locals[mid].what, im->locals[mid].what_len, what->what,
                              what->what_len);

        if (c == 0)
            return true;
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return false;
}

static void drop_equal(struct imports *im)
{
    size_t n = 0;

    qsort(im->v, im->n, sizeof(*im->v), by_what);
    if (im->n_locals > 1)
        qsort(im->locals, im->n_locals, sizeof(*im->locals), by_what);
    for (size_t i = 0; i < im->n; i++)
        if (!(n > 0 && is_same(&im->v[n - 1], &im->v[i])) && !is_local(im, &im->v[i]))
            im->v[n++] = im->v[i];
    im->n = n;
}

/* Python: in there, imports are for type checkers. Rust: inside of modules that are written here, so many `super` lead to the file, which is where its imports are looked at from.
 * False for what stays in the file. */
static bool leave_scopes(struct outline_import *im, size_t depth, enum language_id lang)
{
    static const char super[] = "super::";
    const size_t n = sizeof(super) - 1;
    size_t up = 0;

    if (depth == 0 || im->kind == IMPORT_ENTRY)
        return true;
    if (lang == LANGUAGE_PYTHON) {
        im->kind = IMPORT_TYPES;
        return true;
    }
    while (im->what_len > n * (up + 1) && memcmp(im->what + n * up, super, n) == 0)
        up++;
    if (im->kind == IMPORT_CHILD || (up > 0 && up <= depth) ||
        (im->what_len > 6 && memcmp(im->what, "self::", 6) == 0))
        return false;
    if (up > 0) {
        im->what += n * depth;
        im->what_len -= n * depth;
    }
    return true;
}

/* Imports and scopes by start; scopes nest like brackets. */
static int leave_all_scopes(struct imports *im)
{
    size_t *open = mem_array(im->n_scopes + 1, sizeof(*open)), n_open = 0, next = 0, n = 0;

    if (!open)
        return -1;
    for (size_t i = 0; i < im->n; i++) {
        for (; next < im->n_scopes && im->scopes[next].start <= im->v[i].start; next++) {
            while (n_open > 0 && im->scopes[open[n_open - 1]].end <= im->scopes[next].start)
                n_open--;
            open[n_open++] = next;
        }
        while (n_open > 0 && im->scopes[open[n_open - 1]].end <= im->v[i].start)
            n_open--;
        if (leave_scopes(&im->v[i], n_open, im->lang))
            im->v[n++] = im->v[i];
    }
    im->n = n;
    mem_free(open);
    return 0;
}

static int by_start(const void *pa, const void *pb)
{
    const struct span *a = pa, *b = pb;

    return a->start != b->start ? (a->start > b->start) - (a->start < b->start)
                                : (b->end > a->end) - (b->end < a->end);
}

/* How many of them, from the first, a reply may have. */
static size_t count_kept(const struct imports *im)
{
    size_t n = 0, bytes = 0;

    while (n < size_min(im->n, PROTOCOL_MAX_IMPORTS) &&
           (bytes += im->v[n].what_len) <= PROTOCOL_MAX_IMPORT_BYTES)
        n++;
    return n;
}

int imports_finish(struct imports *im)
{
    int rc = 0;

    if (im->lang == LANGUAGE_GO)
        check_package(im, "main", false);
    if (im->lang == LANGUAGE_HASKELL)
        check_package(im, "Main", true);
    find_shebang(im);
    if (im->n > 0 && im->n_scopes > 0 && !im->failed) {
        qsort(im->v, im->n, sizeof(*im->v), by_place);
        qsort(im->scopes, im->n_scopes, sizeof(*im->scopes), by_start);
        rc = leave_all_scopes(im);
    }
    if (im->n > 0 && rc == 0) {
        drop_equal(im);
        qsort(im->v, im->n, sizeof(*im->v), by_place);
        im->n = count_kept(im);
    }
    return im->failed ? -1 : rc;
}
