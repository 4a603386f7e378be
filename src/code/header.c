/* header.c - see header.h (code). */
#include "code/header.h"

#include "base/size.h"
#include "code/doc.h"
#include "code/text.h"

#include <string.h>
#include <strings.h>

#define MAX_TOP        ((size_t)65536) /* bytes of a file that are looked at */
#define MAX_PARAGRAPHS 3               /* of one comment, that are prose */

struct top {
    enum language_id lang;
    const struct language *l;
    const char *s;
    size_t n, at;
};

static struct text rest(const struct top *t)
{
    return (struct text){t->s + t->at, t->n - t->at};
}

static bool begins_any(struct text t, const char *const *list)
{
    for (; *list; list++)
        if (text_begins(t, *list))
            return true;
    return false;
}

static struct text line_at(const struct top *t, size_t at)
{
    const char *eol = at < t->n ? memchr(t->s + at, '\n', t->n - at) : NULL;

    return (struct text){t->s + at, (eol ? (size_t)(eol - t->s) : t->n) - at};
}

static void skip_line(struct top *t)
{
    t->at = size_min(t->n, t->at + line_at(t, t->at).n + 1);
}

/* White space; how many line ends are in it. */
static size_t skip_space(struct top *t)
{
    size_t n = 0;

    for (; t->at < t->n && text_is_space(t->s[t->at]); t->at++)
        n += t->s[t->at] == '\n';
    return n;
}

/* ---- comments at the top ------------------------------------------------------------------------ */

/* A comment, or those that follow one another without a blank line. */
struct comment {
    struct span span;
    bool docstring;
    bool own;   /* it says that it is about the file */
    bool start; /* ends where code begins that it might be about */
};

/* The end of a block comment that begins at t->at; Haskell's and OCaml's may hold others. */
static size_t block_end(const struct top *t)
{
    size_t open = strlen(t->l->block_open), close = strlen(t->l->block_close), i, depth = 0;
    bool nest = t->lang == LANGUAGE_HASKELL || t->lang == LANGUAGE_OCAML;

    for (i = t->at; i < t->n;) {
        struct text here = {t->s + i, t->n - i};

        if (text_begins(here, t->l->block_open) && (nest || i == t->at)) {
            depth++;
            i += open;
        } else if (text_begins(here, t->l->block_close)) {
            i += close;
            if (--depth == 0)
                return i;
        } else {
            i++;
        }
    }
    return t->n;
}

static bool is_line_comment(const struct top *t, struct text here)
{
    if (t->l->block_open && text_begins(here, t->l->block_open))
        return false; /* Lua: --[[ */
    return (t->l->line && text_begins(here, t->l->line)) ||
           (t->lang == LANGUAGE_PHP && text_begins(here, "#") && !text_begins(here, "#["));
}

/* Comments about the file by their sign. Doxygen uses the same ones for what follows. */
static bool is_inner(const struct top *t, struct text here)
{
    return (t->lang == LANGUAGE_RUST || t->lang == LANGUAGE_ZIG) &&
           (text_begins(here, "//!") || (t->lang == LANGUAGE_RUST && text_begins(here, "/*!")));
}

/* Read the comment at t->at; false when there is none. */
static bool read_comment(struct top *t, struct comment *c)
{
    bool inner = is_inner(t, rest(t));

    *c = (struct comment){.span.start = (uint32_t)t->at, .own = inner};
    if (t->l->block_open && text_begins(rest(t), t->l->block_open)) {
        if (text_begins(rest(t), "{-#")) /* a pragma of Haskell */
            return false;
        t->at = block_end(t);
        c->span.end = (uint32_t)t->at;
        return true;
    }
    if (!is_line_comment(t, rest(t)))
        return false;
    for (;;) {
        struct top next = *t;

        skip_line(t);
        c->span.end = (uint32_t)t->at;
        next.at = t->at;
        if (skip_space(&next) > 0 || !is_line_comment(t, rest(&next)) ||
            is_inner(t, rest(&next)) != inner)
            return true;
        t->at = next.at;
    }
}

/* A string as the first statement of a module. */
static bool read_docstring(struct top *t, struct comment *c)
{
    struct text here = rest(t);
    size_t i = 0, w;

    while (i < here.n && i < 2 && strchr("rRuU", here.s[i]) && here.s[i])
        i++;
    if (i == here.n || (here.s[i] != '"' && here.s[i] != '\''))
        return false;
    w = i + 2 < here.n && here.s[i + 1] == here.s[i] && here.s[i + 2] == here.s[i] ? 3 : 1;
    *c = (struct comment){.span.start = (uint32_t)t->at, .docstring = true, .own = true};
    for (size_t k = i + w; k + w <= here.n; k++) {
        if (here.s[k] == '\\') {
            k++;
            continue;
        }
        if (w == 1 && here.s[k] == '\n')
            return false;
        if (memcmp(here.s + k, here.s + i, w) == 0 && (w == 1 || here.s[k] == here.s[i])) {
            t->at += k + w;
            c->span.end = (uint32_t)t->at;
            return true;
        }
    }
    return false;
}

/* ---- what else stands there --------------------------------------------------------------------- */

/* Lines that may stand before a file's comment. */
static bool is_front(const struct top *t, struct text line)
{
    static const char *const guards[] = {"#ifndef",  "#pragma",  "#if",    "#define", "# define",
                                         "# ifndef", "# pragma", "#endif", NULL};
    static const char *const php[] = {"<?php", "<?", "declare", "namespace", NULL};
    static const char *const strict[] = {"'use ", "\"use ", NULL};

    switch (t->lang) {
    case LANGUAGE_C:
    case LANGUAGE_CPP:
        return begins_any(line, guards);
    case LANGUAGE_PHP:
        return begins_any(line, php);
    case LANGUAGE_JAVASCRIPT:
    case LANGUAGE_TYPESCRIPT:
    case LANGUAGE_TSX:
        return begins_any(line, strict);
    case LANGUAGE_RUST:
        return text_begins(line, "#![");
    case LANGUAGE_HASKELL:
        return text_begins(line, "{-#");
    case LANGUAGE_JAVA:
    case LANGUAGE_KOTLIN:
    case LANGUAGE_SCALA:
        return text_begins(line, "package ") || text_begins(line, "@file:");
    default:
        return false;
    }
}

/* Lines that nothing is about: a comment right before one is the file's. */
static bool is_neutral(const struct top *t, struct text line)
{
    static const char *const known[LANGUAGE_COUNT][8] = {
        [LANGUAGE_C] = {"#"},
        [LANGUAGE_CPP] = {"#", "using ", "namespace ", "extern \"C\"", "import ", "module;"},
        [LANGUAGE_PYTHON] = {"import ", "from "},
        [LANGUAGE_JAVASCRIPT] = {"import ", "import{", "'use ", "\"use ", "require("},
        [LANGUAGE_TYPESCRIPT] = {"import ", "import{", "'use ", "\"use ", "export * from"},
        [LANGUAGE_TSX] = {"import ", "import{", "'use ", "\"use "},
        [LANGUAGE_GO] = {"package "},
        [LANGUAGE_RUST] = {"use ", "mod ", "extern crate ", "#![", "pub mod ", "pub use "},
        [LANGUAGE_JAVA] = {"package ", "import "},
        [LANGUAGE_CSHARP] = {"using ", "namespace ", "#", "global using "},
        [LANGUAGE_RUBY] = {"require", "module "},
        [LANGUAGE_PHP] = {"declare", "namespace ", "use ", "require", "include", "if (!defined",
                          "defined("},
        [LANGUAGE_KOTLIN] = {"package ", "import ", "@file:"},
        [LANGUAGE_SWIFT] = {"import ", "#if"},
        [LANGUAGE_SCALA] = {"package ", "import "},
        [LANGUAGE_LUA] = {"require", "module("},
        [LANGUAGE_ZIG] = {"const std = ", "const builtin = "},
        [LANGUAGE_HASKELL] = {"module ", "import ", "{-#"},
        [LANGUAGE_OCAML] = {"open "},
    };
    const char *eq = memchr(line.s, '=', line.n);

    for (size_t i = 0; i < ARRAY_LEN(known[0]) && known[t->lang][i]; i++)
        if (text_begins(line, known[t->lang][i]))
            return true;
    switch (t->lang) {
    case LANGUAGE_JAVASCRIPT:
    case LANGUAGE_TYPESCRIPT:
    case LANGUAGE_LUA: /* const x = require("x"), local M = {} */
        return eq &&
               (text_has(eq, line.n - (size_t)(eq - line.s), "require") ||
                (t->lang == LANGUAGE_LUA && text_has(eq, line.n - (size_t)(eq - line.s), "{}")));
    default:
        return false;
    }
}

/* A tag that only comments about a file have. */
static bool is_tagged(const struct top *t, struct span s)
{
    static const char *const tags[] = {"@file", "\\file", "@overview", "@module", "@fileoverview"};

    for (size_t i = 0; i < ARRAY_LEN(tags); i++)
        if (memmem(t->s + s.start, span_len(s), tags[i], strlen(tags[i])))
            return true;
    return false;
}

static bool is_units(const struct comment *c, const struct unit *units, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (span_len(units[i].doc) > 0 && units[i].doc.start < c->span.end &&
            units[i].doc.end > c->span.start)
            return true;
    return false;
}

/* How a program is called: NAME [OPTION...] FILE. */
static bool is_usage(struct text t)
{
    return (t.n > 1 && t.s[0] >= 'A' && t.s[0] <= 'Z' &&
            ((t.s[1] >= 'A' && t.s[1] <= 'Z') || t.s[1] == '.' || t.s[1] == ' ')) ||
           text_begins(t, "[") || text_begins(t, "-") || text_begins(t, "<");
}

/* What is said of it, behind a colon or a dash; nothing if nothing is. */
static struct text skip_usage(struct text t)
{
    const char *colon = memmem(t.s, t.n, ": ", 2), *dash = memmem(t.s, t.n, " - ", 3);
    const char *sign = !colon || (dash && dash < colon) ? dash : colon;

    return sign ? text_trim(text_skip(t, (size_t)(sign - t.s) + (sign == dash ? 3 : 2)))
                : text_skip(t, t.n);
}

/* A line that begins with the file's name says the rest of it, whatever signs stand between. *named says so. */
static struct text strip_name(struct text t, const char *name, bool *named)
{
    const char *dot = strrchr(name, '.');
    size_t stem = dot ? (size_t)(dot - name) : strlen(name), w = 0, slash = 0, n;
    struct text left;

    *named = false;
    for (size_t i = 0; i < 4; i++) { /* "File: walk.c", "@file walk.c" */
        static const char *const words[] = {"file name:", "file:", "@file", "\\file"};

        if (text_starts(t.s, t.n, words[i]))
            t = text_trim(text_skip(t, strlen(words[i])));
    }
    while (w < t.n && !text_is_space(t.s[w]) && t.s[w] != ':' && t.s[w] != ',') {
        slash = t.s[w] == '/' ? w + 1 : slash;
        w++;
    }
    n = w - slash;
    if (n == strlen(name) && strncasecmp(t.s + slash, name, n) == 0)
        left = text_trim(text_skip(t, w));
    else if (n == stem && strncasecmp(t.s + slash, name, n) == 0)
        left = text_trim(text_skip(t, w));
    else
        return t;
    n = 0;
    while (n < left.n && (left.s[n] == '-' || left.s[n] == ':' || text_is_space(left.s[n]) ||
                          text_begins(text_skip(left, n), "\xe2\x80\x93") ||
                          text_begins(text_skip(left, n), "\xe2\x80\x94")))
        n += (unsigned char)left.s[n] < 128 ? 1 : 3;
    if (n == 0 && is_usage(left)) {
        left = skip_usage(left);
        *named = left.n > 0;
        return left;
    }
    if (n == 0 && left.n > 0)
        return t; /* "walk lists files" is a sentence that begins so */
    *named = true;
    return text_skip(left, n);
}

/* A script begins with its comment even where its first command follows at once; a comment of one line is about that,
 * unless it names the script. */
static bool heads_script(const struct top *t, const struct comment *c, const char *name)
{
    struct text s = {t->s + c->span.start, span_len(c->span)};
    const char *eol = memchr(s.s, '\n', s.n);
    bool named;

    if (t->lang != LANGUAGE_BASH || !eol)
        return false;
    (void)strip_name(text_trim(text_skip((struct text){s.s, (size_t)(eol - s.s)}, 1)), name,
                     &named);
    return named || (memchr(eol + 1, '\n', s.n - (size_t)(eol + 1 - s.s)) != NULL);
}

/* Is the comment that was just read the file's? *more: another one may follow. */
static bool is_files(const struct top *t, const struct comment *c, const char *name, bool *more)
{
    struct top next = *t;
    struct comment docstring;
    size_t newlines = c->span.end > 0 && t->s[c->span.end - 1] == '\n';
    struct text line;

    newlines += skip_space(&next);
    line = line_at(&next, next.at);
    *more = true;
    if (c->own || is_tagged(t, c->span) || newlines > 1 || next.at == next.n)
        return true;
    if (is_line_comment(t, rest(&next)) ||
        (t->l->block_open && text_begins(rest(&next), t->l->block_open)))
        return true; /* and the next one is asked for itself */
    *more = is_front(t, line) || (t->l->docstrings && read_docstring(&next, &docstring));
    return *more || is_neutral(t, line) || heads_script(t, c, name);
}

/* ---- the paragraphs of a comment ---------------------------------------------------------------- */

/* Lines for editors and version control, names and dates. */
static bool is_clerical(struct text t)
{
    static const char *const begins[] = {
        "vim:",          "vi:",           "ex:",          "kate:",        "Local Variables",
        "coding=",       "$Id",           "$Revision",    "$Header",      "$Date",
        "$Source",       "@(#)",          "Author(s)",    "Written by",   "Created by",
        "Created on",    "Modified by",   "http:",        "https:",       "By ",
        "Last modified", "Last edit",     "Originally",   "Derived from", "Adapted from",
        "Based on ",     "Tests for bug", "Test for bug", "Bug report",   "Report bugs"};
    static const char *const keys[] = {"mode",
                                       "coding",
                                       "end",
                                       "author",
                                       "authors",
                                       "created",
                                       "modified",
                                       "maintainer",
                                       "contact",
                                       "e-mail",
                                       "email",
                                       "date",
                                       "version",
                                       "url",
                                       "homepage",
                                       "website",
                                       "history",
                                       "started",
                                       "original author",
                                       "company",
                                       "project",
                                       "language",
                                       "platform",
                                       "requires",
                                       "status",
                                       "since",
                                       "portability",
                                       "stability",
                                       "usage",
                                       "syntax",
                                       "changelog",
                                       "change log",
                                       "changes",
                                       "ref",
                                       "reference",
                                       "references",
                                       "contributors",
                                       "contributor",
                                       "credits",
                                       "last update",
                                       "license",
                                       "licence",
                                       "category",
                                       "id",
                                       "package",
                                       "type",
                                       "source",
                                       "from",
                                       "to do"};
    const char *colon = memchr(t.s, ':', t.n);

    if (t.n >= 3 && memmem(t.s, t.n, "-*-", 3))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(begins); i++)
        if (text_starts(t.s, t.n, begins[i]))
            return true;
    if (colon) {
        struct text key = text_trim((struct text){t.s, (size_t)(colon - t.s)});

        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
            if (key.n == strlen(keys[i]) && text_starts(key.s, key.n, keys[i]))
                return true;
    }
    return doc_is_directive(t);
}

/* "Description: text", "@brief text", "@fileoverview text": the text. */
static struct text strip_label(struct text t)
{
    static const char *const labels[] = {
        "Description:",   "Purpose:",       "Summary:",      "Synopsis:",         "Abstract:",
        "Overview:",      "Description :",  "Purpose :",     "@brief ",           "\\brief ",
        "@fileoverview ", "@overview ",     "@description ", "@summary ",         "@desc ",
        "\\short ",       "@short ",        "Module:",       "File description:", "Function:",
        "Contents:",      "@fileOverview ", "\\details ",    "@details "};

    for (size_t i = 0; i < ARRAY_LEN(labels); i++)
        if (text_starts(t.s, t.n, labels[i]))
            return text_trim(text_skip(t, strlen(labels[i])));
    return t;
}

/* Does another part begin: a tag, a heading, a list, an example? */
static bool is_part(struct text t)
{
    static const char *const signs[] = {"@",   "\\",  "- ",  "* ",   "+ ",  "# ",  "## ",
                                        "```", "~~~", ">>>", "$ ",   "% ",  "| ",  "o ",
                                        "[!",  "<br", "<p",  "<div", "=> ", ".. ", NULL};

    return begins_any(t, signs) || (t.s[0] == '[' && memmem(t.s, t.n, "]: ", 3)) ||
           (t.n > 2 && t.s[0] >= '0' && t.s[0] <= '9' && (t.s[1] == '.' || t.s[1] == ')') &&
            t.s[2] == ' ');
}

struct reading {
    struct strbuf *out, paragraph;
    const char *name, *stem;
    bool named; /* the paragraph followed the file's name */
    bool legal; /* a paragraph of this comment spoke of rights */
    bool docstring;
    bool torn; /* something was left out where the paragraph begins */
    size_t n;  /* paragraphs so far that were prose */
};

/* Sentences that tell nothing about the code. */
static bool is_empty(const char *s, size_t n)
{
    static const char *const begins[] = {"here ",    "the above ", "this is an internal header",
                                         "gcc note", "note that",  "if ",
                                         "note, "};

    for (size_t i = 0; i < ARRAY_LEN(begins); i++)
        if (text_starts(s, n, begins[i]))
            return true;
    return memmem(s, n, "->", 2) || text_has(s, n, "do not edit") ||
           text_has(s, n, "do not include");
}

/* The paragraph is over: is its first sentence the one? A first one may be a title of a few words. */
static bool end_paragraph(struct reading *r)
{
    const char *s = strbuf_str(&r->paragraph);
    size_t n = r->paragraph.len, least = DOC_MIN_WORDS;
    bool named = r->named, torn = r->torn || r->n > 0, good = false;

    r->named = r->torn = false;
    if (n == 0)
        return false;
    if (r->n == 0)
        least = named || r->docstring ? 2 : 3;
    if (text_is_legal(s, n)) {
        r->legal = true;
    } else if (named && text_starts(s, n, "see ")) {
        r->n = MAX_PARAGRAPHS; /* what else it says is about its inside */
    } else {
        r->n++;
        if (!is_empty(s, n) && (named || !torn || s[0] < 'a' || s[0] > 'z'))
            good = doc_sentence(r->out, s, n, named ? "" : r->stem, least);
    }
    strbuf_reset(&r->paragraph);
    return good;
}

static bool read_paragraphs(struct reading *r, struct doc_lines lines)
{
    struct doc_line line;
    enum { TAG_NONE, TAG_LINE, TAG_PART } tag = TAG_NONE; /* what the next lines may go on with */

    while (r->n < MAX_PARAGRAPHS && !strbuf_failed(r->out) && !strbuf_failed(&r->paragraph) &&
           doc_next_line(&lines, &line)) {
        struct text t = {line.s, line.n}, labelled = strip_label(t);
        bool named = false;

        if (r->paragraph.len > 0 && labelled.s != t.s && end_paragraph(r))
            return true;
        t = labelled;
        if (r->paragraph.len == 0)
            t = strip_name(t, r->name, &named);
        if (t.n == 0 || doc_is_rule(t) || is_clerical(t) || is_part(t) ||
            (line.indent > 0 && r->paragraph.len == 0)) {
            if (end_paragraph(r))
                return true;
            tag = t.n == 0 || doc_is_rule(t) ? TAG_NONE : is_clerical(t) ? TAG_LINE : TAG_PART;
            r->torn = tag != TAG_NONE;
            r->named = named;
            continue;
        }
        if (r->paragraph.len == 0 && !named && labelled.s == line.s &&
            (tag == TAG_PART || (tag == TAG_LINE && (t.s[0] < 'A' || t.s[0] > 'Z'))))
            continue;
        tag = TAG_NONE;
        r->named |= named;
        if (r->paragraph.len > 0)
            strbuf_putc(&r->paragraph, ' ');
        strbuf_add(&r->paragraph, t.s, t.n);
    }
    return end_paragraph(r);
}

/* ---- the whole ---------------------------------------------------------------------------------- */

static void skip_beginning(struct top *t)
{
    if (text_begins(rest(t), "\xef\xbb\xbf"))
        t->at += 3;
    if (text_begins(rest(t), "#!") && !text_begins(rest(t), "#!["))
        skip_line(t);
}

bool header_sentence(struct strbuf *out, enum language_id lang, const char *name,
                     const struct unit *units, size_t n, const char *source, size_t len)
{
    struct top t = {lang, language_get(lang), source, size_min(len, MAX_TOP), 0};
    const char *dot = strrchr(name, '.');
    struct strbuf stem = {0};
    struct reading r = {.out = out, .name = name};
    struct comment c;
    bool good = false, more = true;

    if (!t.l)
        return false;
    strbuf_add(&stem, name, dot ? (size_t)(dot - name) : strlen(name));
    r.stem = strbuf_str(&stem);
    skip_beginning(&t);
    while (!good && more && !strbuf_failed(out) && !strbuf_failed(&r.paragraph)) {
        bool files;

        (void)skip_space(&t);
        if (read_comment(&t, &c)) {
            files = is_files(&t, &c, name, &more);
        } else if (t.l->docstrings && read_docstring(&t, &c)) {
            files = true;
            more = false;
        } else {
            more = is_front(&t, line_at(&t, t.at));
            skip_line(&t);
            continue;
        }
        r.n = 0;
        r.legal = r.named = r.torn = false;
        r.docstring = c.docstring;
        strbuf_reset(&r.paragraph);
        if (files && (c.own || !is_units(&c, units, n)))
            good = read_paragraphs(&r, doc_lines_in(c.span, c.docstring, lang, source, len));
    }
    if (strbuf_failed(&r.paragraph) || strbuf_failed(&stem)) { /* no verdict */
        strbuf_release(out);
        out->failed = true;
        good = false;
    }
    strbuf_release(&r.paragraph);
    strbuf_release(&stem);
    return good;
}
