/* doc_params.c - parameters that a comment names and the code lacks, and the other way round (code). The manual is doc.h.
 * Sources: Javadoc, Doxygen and JSDoc tags; Sphinx' field lists; Google's Python style guide, "Functions and Methods"; rustdoc's
 * headings by convention. */
#include "code/doc.h"

#include "base/size.h"
#include "code/check.h"
#include "code/text.h"

#include <string.h>

#define MAX_TOLD 16 /* of one unit */

struct seeker {
    enum language_id lang;
    struct text signature, all; /* of the unit */
    void (*fn)(void *ctx, const char *name, size_t n);
    void *ctx;
    struct text told[MAX_TOLD];
    size_t n_told, n_right; /* names that are not there, and that are */
};

static struct text skip_space(struct text t)
{
    while (t.n > 0 && text_is_space(t.s[0]))
        t = (struct text){t.s + 1, t.n - 1};
    return t;
}

static size_t ident_len(struct text t)
{
    size_t n = 0;

    while (n < t.n && text_is_ident(t.s[n]))
        n++;
    return n;
}

/* ---- what the unit has --------------------------------------------------------------------------- */

static bool has_name(struct text in, struct text name)
{
    for (size_t i = 0; i + name.n <= in.n; i++) {
        size_t end = i + name.n;

        if (memcmp(in.s + i, name.s, name.n) == 0 && (i == 0 || !text_is_ident(in.s[i - 1])) &&
            (end == in.n || !text_is_ident(in.s[end])))
            return true;
    }
    return false;
}

static bool is_script(enum language_id lang)
{
    return lang == LANGUAGE_JAVASCRIPT || lang == LANGUAGE_TYPESCRIPT || lang == LANGUAGE_TSX;
}

/* Whatever is named may be there: parameters are taken apart, or there is any number of them. */
static bool takes_anything(const struct seeker *k)
{
    struct text sig = k->signature;
    size_t i;

    if (sig.n == 0 || memmem(sig.s, sig.n, "...", 3))
        return true;
    if (k->lang == LANGUAGE_PYTHON) /* *args, **kwargs */
        for (i = 0; i + 1 < sig.n; i++)
            if (sig.s[i] == '*' && text_is_letter(sig.s[i + 1]))
                return true;
    if (is_script(k->lang)) /* ({ a, b }) of an object that has no name */
        return memchr(sig.s, '{', sig.n) || memchr(sig.s, '[', sig.n);
    return false;
}

/* What people write for "it takes nothing". */
static bool is_none(struct text name)
{
    static const char *const words[] = {"none", "None", "NONE", "void", "nothing", "null"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (name.n == strlen(words[i]) && memcmp(name.s, words[i], name.n) == 0)
            return true;
    return false;
}

static void judge(struct seeker *k, struct text name)
{
    if (name.n == 0 || is_none(name))
        return;
    if (has_name(is_script(k->lang) ? k->all : k->signature, name)) {
        k->n_right++;
        return;
    }
    if (k->n_told == MAX_TOLD)
        return;
    for (size_t i = 0; i < k->n_told; i++)
        if (k->told[i].n == name.n && memcmp(k->told[i].s, name.s, name.n) == 0)
            return;
    k->told[k->n_told++] = name;
    if (k->fn)
        k->fn(k->ctx, name.s, name.n);
}

/* ---- names in their dialects --------------------------------------------------------------------- */

/* Behind "@param": "[in,out] a, b what", "{Type} [name=1] what", "name.member what". */
static void read_tag(struct seeker *k, struct text t)
{
    int depth = 0;

    if (t.n == 0 || (!text_begins(t, "[") && !text_is_space(t.s[0])))
        return; /* another tag that begins alike */
    t = skip_space(t);
    if (text_begins(t, "[") &&
        !is_script(k->lang)) { /* Doxygen's direction; JSDoc's optional name */
        const char *close = memchr(t.s, ']', t.n);

        if (!close)
            return;
        t = skip_space(text_skip(t, (size_t)(close - t.s) + 1));
    }
    for (bool type = text_begins(t, "{"); type && t.n > 0; t = text_skip(t, 1)) {
        depth += (t.s[0] == '{') - (t.s[0] == '}');
        type = depth > 0;
    }
    t = skip_space(t);
    if (text_begins(t, "["))
        t = skip_space(text_skip(t, 1));
    for (;;) {
        struct text name = {t.s, ident_len(t)};

        judge(k, name);
        t = skip_space(text_skip(t, name.n));
        if (name.n == 0 || !text_begins(t, ","))
            return;
        t = skip_space(text_skip(t, 1));
    }
}

/* ":param int name: what" */
static void read_field(struct seeker *k, struct text t)
{
    const char *colon = memchr(t.s, ':', t.n);
    size_t end = colon ? (size_t)(colon - t.s) : 0, start;

    if (!colon || t.n == 0 || !text_is_space(t.s[0]))
        return;
    for (start = end; start > 0 && text_is_ident(t.s[start - 1]); start--)
        ;
    if (start > 0 && t.s[start - 1] != '.') /* a member of one */
        judge(k, (struct text){t.s + start, end - start});
}

/* "name: what", "name (type): what", "a, b: what"; anything else is prose. */
static void read_entry(struct seeker *k, struct text t)
{
    struct text names[8];
    size_t n = 0;

    for (;;) {
        size_t w;

        while (text_begins(t, "*") || text_begins(t, "\\") || text_begins(t, "`"))
            t = text_skip(t, 1);
        w = ident_len(t);
        if (w == 0 || n == ARRAY_LEN(names))
            return;
        names[n++] = (struct text){t.s, w};
        t = text_skip(t, w);
        t = skip_space(text_begins(t, "`") ? text_skip(t, 1) : t);
        if (!text_begins(t, ","))
            break;
        t = skip_space(text_skip(t, 1));
    }
    if (text_begins(t, "(")) {
        const char *close = memmem(t.s, t.n, "):", 2);

        if (!close)
            return;
        t = text_skip(t, (size_t)(close - t.s) + 1);
    }
    for (size_t i = 0; i < n && text_begins(t, ":"); i++)
        judge(k, names[i]);
}

/* "* `name` - what" */
static void read_item(struct seeker *k, struct text t)
{
    struct text name;

    if (!text_begins(t, "* `") && !text_begins(t, "- `"))
        return;
    t = text_skip(t, 3);
    name = (struct text){t.s, ident_len(t)};
    if (text_begins(text_skip(t, name.n), "`"))
        judge(k, name);
}

static bool is_args_heading(struct text t)
{
    return t.n < 12 && (text_starts(t.s, t.n, "args:") || text_starts(t.s, t.n, "arguments:") ||
                        text_starts(t.s, t.n, "parameters:") || text_starts(t.s, t.n, "params:"));
}

/* Where in the documentation a line stands. */
struct part {
    bool args;             /* below "Args:" */
    size_t heading, entry; /* indents; entry 0: none came yet */
    bool arguments;        /* below "# Arguments" */
};

static void read_line(struct seeker *k, struct part *p, const struct doc_line *line, bool docstring)
{
    static const char *const tags[] = {"@param", "\\param"};
    static const char *const fields[] = {":param", ":parameter", ":arg", ":argument"};
    struct text t = {line->s, line->n};

    if (t.n == 0)
        return;
    for (size_t i = 0; i < ARRAY_LEN(tags); i++)
        if (text_begins(t, tags[i]))
            read_tag(k, text_skip(t, strlen(tags[i])));
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (text_begins(t, fields[i]))
            read_field(k, text_skip(t, strlen(fields[i])));
    if (p->args && (line->indent <= p->heading || line->indent < p->entry))
        p->args = false;
    if (p->args && p->entry == 0)
        p->entry = line->indent;
    if (p->args && line->indent == p->entry)
        read_entry(k, t);
    if (docstring && is_args_heading(t))
        *p = (struct part){.args = true, .heading = line->indent};
    if (text_begins(t, "#"))
        p->arguments = k->lang == LANGUAGE_RUST && text_starts(t.s, t.n, "# arguments");
    else if (p->arguments)
        read_item(k, t);
}

static struct text text_of(struct span s, const char *source, size_t len)
{
    return s.end <= len && s.start < s.end ? (struct text){source + s.start, s.end - s.start}
                                           : (struct text){source, 0};
}

/* Languages whose ways to document parameters are known here. */
static bool is_known(enum language_id lang)
{
    switch (lang) {
    case LANGUAGE_C:
    case LANGUAGE_CPP:
    case LANGUAGE_PYTHON:
    case LANGUAGE_JAVASCRIPT:
    case LANGUAGE_TYPESCRIPT:
    case LANGUAGE_TSX:
    case LANGUAGE_GO:
    case LANGUAGE_RUST:
    case LANGUAGE_JAVA:
        return true;
    default:
        return false;
    }
}

/* Read all of the documentation. False when there is none, or too much is in doubt. */
static bool read_doc(struct seeker *k, const struct unit *u, const char *source, size_t len)
{
    struct doc_lines lines = doc_lines_of(u, k->lang, source, len);
    struct part part = {0};
    struct doc_line line;

    k->signature = text_of(u->signature, source, len);
    k->all = text_of(u->span, source, len);
    /* What the comment of a type calls parameters are those of its constructor, which stand somewhere in it. */
    if (!is_known(k->lang) || unit_is_outline(u) || lines.n == 0 || takes_anything(k))
        return false;
    while (doc_next_line(&lines, &line))
        read_line(k, &part, &line, lines.docstring);
    return true;
}

void doc_stray_params(const struct unit *u, enum language_id lang, const char *source, size_t len,
                      void (*fn)(void *ctx, const char *name, size_t n), void *ctx)
{
    struct seeker k = {.lang = lang, .fn = fn, .ctx = ctx};

    (void)read_doc(&k, u, source, len);
}

static bool mentions(const struct unit *u, enum language_id lang, const char *source, size_t len,
                     struct text name)
{
    struct doc_lines lines = doc_lines_of(u, lang, source, len);
    struct doc_line line;

    while (doc_next_line(&lines, &line))
        if (has_name((struct text){line.s, line.n}, name))
            return true;
    return false;
}

/* In C and C++ a parameter may be a type alone: what is taken for its name stands first in it. */
static bool is_type_alone(const struct seeker *k, struct text name)
{
    const char *p = name.s;

    if (k->lang != LANGUAGE_C && k->lang != LANGUAGE_CPP)
        return false;
    while (p > k->signature.s && text_is_space(p[-1]))
        p--;
    return p > k->signature.s && (p[-1] == '(' || p[-1] == ',');
}

void doc_missing_params(const struct unit *u, enum language_id lang, const char *source, size_t len,
                        void (*fn)(void *ctx, const char *name, size_t n), void *ctx)
{
    struct seeker k = {.lang = lang};
    struct text names[MAX_TOLD];
    size_t n;

    if (!read_doc(&k, u, source, len) || k.n_right == 0)
        return;
    n = size_min(signature_params(names, MAX_TOLD, u, lang, source, len), MAX_TOLD);
    for (size_t i = 0; i < n; i++)
        if (names[i].s[0] != '_' && !is_type_alone(&k, names[i]) &&
            !mentions(u, lang, source, len, names[i]))
            fn(ctx, names[i].s, names[i].n);
}
