/* doc.c - documentation of a unit, and its code without it (code). The manual is doc.h.
 * A comment passes three sieves: comment markers come off line by line, the first paragraph is put together
 * until a tag, a heading or a blank line ends it, inline markup of all dialects is reduced to text. What is
 * left is judged as a sentence. */
#include "code/doc.h"

#include "base/mem.h"
#include "base/size.h"
#include "code/steer.h"
#include "code/text.h"

#include <stdlib.h>
#include <string.h>

#define MAX_RAW ((size_t)16384) /* bytes of a comment that are looked at */

static struct text trim(const char *s, size_t n)
{
    return text_trim((struct text){s, n});
}

/* ---- first sieve: comment markers ----------------------------------------------------------------- */

bool doc_is_directive(struct text t)
{
    static const char *const known[] = {
        "nolint",      "noqa",          "pylint:",     "type:",
        "eslint",      "jshint",        "istanbul",    "prettier-",
        "@ts-",        "clang-format",  "fmt:",        "pragma",
        "coverage:",   "mypy:",         "isort:",      "cppcheck-",
        "lint:",       "export ",       "c8 ",         "v8 ",
        "biome-",      "rubocop:",      "shellcheck ", "phpcs:",
        "phpstan",     "luacheck:",     "swiftlint:",  "ktlint",
        "scalastyle:", "noinspection ", "resharper ",  "frozen_string_literal:",
        "encoding:"};
    size_t i;

    for (i = 0; i < ARRAY_LEN(known); i++)
        if (text_starts(t.s, t.n, known[i]))
            return true;
    return false;
}

/* Go writes directives without a space: //go:noinline, //nolint:all, //export name. */
static bool is_tight_directive(struct text t)
{
    size_t i = 0;

    while (i < t.n && t.s[i] >= 'a' && t.s[i] <= 'z')
        i++;
    return i > 0 && i + 1 < t.n && t.s[i] == ':' && t.s[i + 1] >= 'a' && t.s[i + 1] <= 'z';
}

bool doc_is_rule(struct text t)
{
    size_t i;

    for (i = 0; i < t.n; i++)
        if (text_is_ident(t.s[i]) && t.s[i] != '_')
            return false;
    return t.n > 0;
}

/* The stars at the start of a line, but not the one that closes the comment. */
static struct text strip_stars(struct text t, const char *close)
{
    while (strchr(close, '*') && t.n > 0 && t.s[0] == '*' && !text_begins(t, close))
        t = text_skip(t, 1);
    return t;
}

/* Haddock marks documentation by a bar. */
static struct text strip_bar(struct text t)
{
    struct text bare = trim(t.s, t.n);

    return text_begins(bare, "|") ? text_skip(bare, 1) : t;
}

/* After the opening sign of a block comment: stars, and the marks of documentation of Doxygen and Haddock. */
static struct text strip_opening(struct text t, const struct language *l)
{
    if (l->block_open[0] == '{')
        return strip_bar(t);
    t = strip_stars(t, l->block_close);
    return text_begins(t, "!") ? text_skip(t, 1) : t;
}

/* After the sign of a line comment: what it is repeated by, and the marks of documentation. */
static struct text strip_line(struct text t, const struct language *l)
{
    t = text_skip(t, strlen(l->line));
    if (l->line[0] == '/' && is_tight_directive(t))
        return (struct text){t.s, 0};
    while (t.n > 0 && (t.s[0] == l->line[0] || (l->line[0] == '/' && t.s[0] == '!')))
        t = text_skip(t, 1);
    return l->block_open && l->block_open[0] == '{' ? strip_bar(t) : t;
}

/* One line of a comment without its markers. *block says whether a block comment is open. */
static struct text bare_line(struct text t, const struct language *l, bool *block)
{
    size_t close = l->block_close ? strlen(l->block_close) : 0;

    t = trim(t.s, t.n);
    if (*block) {
        t = strip_stars(t, l->block_close);
    } else if (l->block_open && text_begins(t, l->block_open)) {
        *block = true;
        t = strip_opening(text_skip(t, strlen(l->block_open)), l);
    } else if (l->line && text_begins(t, l->line)) {
        t = strip_line(t, l);
    } else { /* the other sign of PHP */
        while (t.n > 0 && t.s[0] == '#')
            t = text_skip(t, 1);
    }
    if (*block && t.n >= close && memcmp(t.s + t.n - close, l->block_close, close) == 0) {
        *block = false;
        t.n -= close;
        while (t.n > 0 && t.s[t.n - 1] == '*')
            t.n--;
    }
    if (text_begins(t, "<") &&
        !l->xml_docs) /* Doxygen: the comment is about what stands before it */
        t = text_skip(t, 1);
    return trim(t.s, t.n);
}

/* The text between the quotes of a docstring. */
static struct text bare_docstring(const char *s, size_t n)
{
    size_t q = 1;

    while (n > 0 && *s != '"' && *s != '\'') {
        s++;
        n--;
    }
    if (n >= 6 && s[1] == s[0] && s[2] == s[0])
        q = 3;
    return n >= 2 * q ? (struct text){s + q, n - 2 * q} : (struct text){s, 0};
}

/* ---- second sieve: the first paragraph ------------------------------------------------------------- */

/* "@brief Text", "\short Text": the text is the paragraph. */
static struct text strip_brief(struct text t)
{
    static const char *const names[] = {"brief",   "short",       "summary",
                                        "details", "description", "desc"};
    size_t i;

    if (t.n == 0 || (t.s[0] != '@' && t.s[0] != '\\'))
        return t;
    for (i = 0; i < ARRAY_LEN(names); i++) {
        size_t w = strlen(names[i]);

        if (t.n > w + 1 && memcmp(t.s + 1, names[i], w) == 0 && text_is_space(t.s[w + 1])) {
            struct text rest = text_skip(t, w + 1);

            return trim(rest.s, rest.n);
        }
    }
    return t;
}

/* A line that begins another part: a tag, a field, a heading, a list, an example, a code fence. */
static bool is_section(struct text t)
{
    static const char *const heads[] = {
        "args:",   "arguments:", "parameters:", "params:",   "returns:", "return:",
        "raises:", "yields:",    "example:",    "examples:", "note:",    "notes:",
        "usage:",  "see also",   "input:",      "output:",   "inputs:",  "outputs:"};
    size_t i;

    if (t.s[0] == '@' || t.s[0] == '\\' || t.s[0] == ':' || text_begins(t, "```") ||
        text_begins(t, "~~~") || text_begins(t, ">>>"))
        return true;
    if (text_begins(t, "- ") || text_begins(t, "* ") || text_begins(t, "+ ") ||
        text_begins(t, "# ") || text_begins(t, "## "))
        return true;
    for (i = 0; i < ARRAY_LEN(heads); i++)
        if (text_starts(t.s, t.n, heads[i]))
            return true;
    return false;
}

/* C#: only what stands in the element of the summary counts. *over says that it ends on this line. */
static struct text strip_summary(struct text t, bool *over)
{
    static const char close[] = "</summary>";
    const char *end;

    if (text_begins(t, "<summary>"))
        t = text_skip(t, strlen("<summary>"));
    end = memmem(t.s, t.n, close, sizeof(close) - 1);
    *over = end != NULL;
    return trim(t.s, end ? (size_t)(end - t.s) : t.n);
}

/* Elements of C# that hold something other than a summary. */
static bool is_element(struct text t)
{
    static const char *const names[] = {"<param",   "<returns",    "<exception", "<remarks",
                                        "<example", "<inheritdoc", "<typeparam", "<value"};
    size_t i;

    for (i = 0; i < ARRAY_LEN(names); i++)
        if (text_begins(t, names[i]) && !text_begins(t, "<paramref") &&
            !text_begins(t, "<typeparamref"))
            return true;
    return false;
}

bool doc_next_line(struct doc_lines *l, struct doc_line *out)
{
    const char *eol;
    struct text t;
    size_t end;

    if (l->pos > l->n)
        return false;
    eol = l->pos < l->n ? memchr(l->s + l->pos, '\n', l->n - l->pos) : NULL;
    end = eol ? (size_t)(eol - l->s) : l->n;
    t = (struct text){l->s + l->pos, end - l->pos};
    l->pos = end + 1;
    *out = (struct doc_line){0};
    if (l->docstring) {
        struct text inner = trim(t.s, t.n);

        out->indent = (size_t)(inner.s - t.s);
        t = inner;
    } else {
        t = bare_line(t, l->l, &l->block);
    }
    out->s = t.s;
    out->n = t.n;
    return true;
}

/* Put the first paragraph of the comment into *out, lines joined by spaces. */
static void first_paragraph(struct strbuf *out, struct doc_lines l)
{
    struct doc_line line;
    bool over = false;

    while (!over && !strbuf_failed(out) && doc_next_line(&l, &line)) {
        struct text t = {line.s, line.n};

        if (doc_is_directive(t))
            t.n = 0;
        if (l.l->xml_docs && is_element(t))
            return;
        if (l.l->xml_docs)
            t = strip_summary(t, &over);
        if (t.n == 0 || doc_is_rule(t)) {
            if (out->len > 0)
                return;
            continue;
        }
        if (out->len == 0)
            t = strip_brief(t);
        if (t.n == 0 || is_section(t))
            return;
        if (out->len > 0)
            strbuf_putc(out, ' ');
        strbuf_add(out, t.s, t.n);
    }
}

/* ---- third sieve: inline markup -------------------------------------------------------------------- */

static bool is_html_tag(const char *s, size_t n)
{
    static const char *const tags[] = {"p",    "br",  "b",      "i",    "em",  "tt",  "a",
                                       "ul",   "li",  "ol",     "h1",   "h2",  "h3",  "h4",
                                       "code", "pre", "strong", "span", "var", "sup", "sub",
                                       "div",  "kbd", "para",   "see",  "c"};
    size_t i, w = 0;

    if (n > 0 && s[0] == '/') {
        s++;
        n--;
    }
    while (w < n && ((s[w] >= 'a' && s[w] <= 'z') || (s[w] >= '0' && s[w] <= '9')))
        w++;
    for (i = 0; i < ARRAY_LEN(tags); i++)
        if (strlen(tags[i]) == w && memcmp(tags[i], s, w) == 0)
            return w == n || s[w] == ' ' || s[w] == '/';
    return false;
}

/* {@link Type#member label} gives its label, else Type.member; {@code x} gives x. Returns the bytes used, 0 if it is none. */
static size_t put_javadoc(struct strbuf *out, struct text t)
{
    const char *close = memchr(t.s, '}', t.n);
    struct text in;
    size_t w = 2, i;

    if (!text_begins(t, "{@") || !close)
        return 0;
    while (t.s + w < close && text_is_letter(t.s[w]))
        w++;
    in = trim(t.s + w, (size_t)(close - t.s) - w);
    if (text_begins((struct text){t.s + 2, w - 2}, "link")) {
        const char *space = memchr(in.s, ' ', in.n);

        if (space && !memchr(in.s, '(', in.n))
            in = trim(space, in.n - (size_t)(space - in.s));
        if (text_begins(in, "#"))
            in = text_skip(in, 1);
    } else if (in.n == 0) {
        return 0; /* {@inheritDoc} has no text of its own: the brace stays and spoils the sentence */
    }
    for (i = 0; i < in.n; i++)
        strbuf_putc(out, in.s[i] == '#' ? '.' : in.s[i]);
    return (size_t)(close - t.s) + 1;
}

static size_t put_entity(struct strbuf *out, struct text t)
{
    static const struct {
        const char *name, *text;
    } known[] = {{"&lt;", "<"},   {"&gt;", ">"},  {"&amp;", "&"}, {"&quot;", "\""},
                 {"&nbsp;", " "}, {"&#39;", "'"}, {"&apos;", "'"}};
    size_t i;

    for (i = 0; i < ARRAY_LEN(known); i++) {
        if (text_begins(t, known[i].name)) {
            strbuf_puts(out, known[i].text);
            return strlen(known[i].name);
        }
    }
    return 0;
}

/* \c word, @p word, \ref word: the command goes, the word stays. */
static size_t skip_command(struct text t)
{
    static const char *const names[] = {"c", "p", "a", "e", "b", "em", "ref", "link", "code"};
    size_t i, w;

    for (i = 0; i < ARRAY_LEN(names); i++) {
        w = strlen(names[i]);
        if (t.n > w + 1 && memcmp(t.s + 1, names[i], w) == 0 && t.s[w + 1] == ' ')
            return w + 2;
    }
    return 0;
}

/* :class:`~pkg.Type` of Sphinx: the role goes. */
static size_t skip_role(struct text t)
{
    size_t i = 1;

    while (i < t.n && ((t.s[i] >= 'a' && t.s[i] <= 'z') || t.s[i] == ':'))
        i++;
    if (i < 3 || i >= t.n || t.s[i] != '`' || t.s[i - 1] != ':')
        return 0;
    return i + 1 < t.n && t.s[i + 1] == '~' ? i + 2 : i + 1;
}

/* [`Type`], [Type](address), [Type][name] give Type. `before` is the byte before: a[i] is no link. */
static size_t put_bracket(struct strbuf *out, struct text t, char before)
{
    const char *close = memchr(t.s, ']', t.n);
    size_t i, n, used;

    if (!close || text_is_ident(before) || before == ')' || before == ']')
        return 0;
    n = (size_t)(close - t.s) - 1;
    used = n + 2;
    if (n == 0 || (!text_is_letter(t.s[1]) && t.s[1] != '`'))
        return 0;
    for (i = 1; i <= n; i++)
        if (!text_is_ident(t.s[i]) && !strchr("`:.#()!&* ", t.s[i]))
            return 0;
    if (used < t.n && (t.s[used] == '(' || t.s[used] == '[')) {
        const char *end = memchr(t.s + used, t.s[used] == '(' ? ')' : ']', t.n - used);

        if (!end)
            return 0;
        used = (size_t)(end - t.s) + 1;
    }
    for (i = 1; i <= n; i++)
        if (t.s[i] != '`')
            strbuf_putc(out, t.s[i]);
    return used;
}

/* <see cref="Clock.Tick"/> and <paramref name="n"/> of C#: what the attribute names. Returns the bytes used, 0 if it is none. */
static size_t put_reference(struct strbuf *out, struct text t)
{
    const char *close = memmem(t.s, t.n, "/>", 2), *open, *end, *from;

    if (!close ||
        !(text_begins(t, "<see") || text_begins(t, "<paramref") || text_begins(t, "<typeparamref")))
        return 0;
    open = memchr(t.s, '"', (size_t)(close - t.s));
    end = open ? memchr(open + 1, '"', (size_t)(close - open) - 1) : NULL;
    if (!end || memchr(t.s, '>', (size_t)(close - t.s)))
        return 0;
    from = end - open > 2 && open[2] == ':' ? open + 3 : open + 1; /* T:Clock is a type */
    strbuf_add(out, from, (size_t)(end - from));
    return (size_t)(close - t.s) + 2;
}

/* "found at", "see": without what follows, no sentence. */
static bool needs_object(const struct strbuf *out)
{
    static const char *const words[] = {" at", " see", " from", " to", " in",
                                        " by", " of",  " with", ":"};
    size_t n = out->len;

    while (n > 0 && out->s[n - 1] == ' ')
        n--;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t w = strlen(words[i]);

        if (n >= w && memcmp(out->s + n - w, words[i], w) == 0)
            return true;
    }
    return n == 0;
}

static size_t put_tag(struct strbuf *out, struct text t)
{
    const char *close = memchr(t.s, '>', size_min(t.n, 80));
    size_t used = put_reference(out, t);

    if (close && (text_begins(t, "<http://") || text_begins(t, "<https://")) && !needs_object(out))
        return (size_t)(close - t.s) + 1; /* an address: what it belongs to is said before it */
    if (used > 0)
        return used;
    return close && is_html_tag(t.s + 1, (size_t)(close - t.s) - 1) ? (size_t)(close - t.s) + 1 : 0;
}

/* **word** of Markdown; 2 ** n is arithmetic. */
static size_t put_strong(struct strbuf *out, struct text t, char before)
{
    const char *close;

    if (!text_begins(t, "**") || t.n < 5 || text_is_ident(before) || !text_is_letter(t.s[2]))
        return 0;
    close = memmem(t.s + 3, t.n - 3, "**", 2);
    if (!close || text_is_space(close[-1]))
        return 0;
    strbuf_add(out, t.s + 2, (size_t)(close - t.s) - 2);
    return (size_t)(close - t.s) + 2;
}

/* The markup at the start of t: what it says goes to *out. Returns the bytes used, 0 for plain text. */
static size_t put_markup(struct strbuf *out, struct text t, char before)
{
    switch (t.s[0]) {
    case '{':
        return put_javadoc(out, t);
    case '&':
        return put_entity(out, t);
    case '<':
        return put_tag(out, t);
    case '\\':
    case '@':
        return text_is_ident(before) ? 0 : skip_command(t);
    case ':':
        return text_is_ident(before) ? 0 : skip_role(t);
    case '[':
        return put_bracket(out, t, before);
    case '`':
        return 1;
    case '*':
        return put_strong(out, t, before);
    default:
        return 0;
    }
}

static void plain_text(struct strbuf *out, struct text t)
{
    size_t i = 0;

    while (i < t.n && !strbuf_failed(out)) {
        char before = i > 0 ? t.s[i - 1] : ' ';
        size_t used = put_markup(out, text_skip(t, i), before);

        if (used == 0 && text_is_space(t.s[i])) {
            if (out->len > 0 && out->s[out->len - 1] != ' ')
                strbuf_putc(out, ' ');
        } else if (used == 0) {
            strbuf_putc(out, t.s[i]);
        }
        i += used ? used : 1;
    }
}

/* ---- judging ---------------------------------------------------------------------------------------- */

/* Notes to oneself, legal text, generated stubs, pointers elsewhere. */
static bool says_nothing(struct text t)
{
    static const char *const words[] = {"todo",     "fixme",     "xxx",     "hack",
                                        "tbd",      "copyright", "license", "licence",
                                        "licensed", "spdx",      "warranty"};
    static const char *const begins[] = {
        "see ",     "ditto",          "same as",       "as above",    "like above", "note:",
        "warning:", "deprecated",     "args",          "parameter",   "param ",     "returns:",
        "@",        "auto-generated", "autogenerated", "generated by"};
    static const char *const phrases[] = {"all rights reserved", "inheritdoc", "auto-generated",
                                          "(c) "};
    size_t i;

    for (i = 0; i < ARRAY_LEN(words); i++)
        if (text_has_word(t.s, t.n, words[i]))
            return true;
    for (i = 0; i < ARRAY_LEN(begins); i++)
        if (text_starts(t.s, t.n, begins[i]))
            return true;
    for (i = 0; i < ARRAY_LEN(phrases); i++)
        if (text_has(t.s, t.n, phrases[i]))
            return true;
    return false;
}

/* Commented-out code has an eighth of its bytes in signs that prose seldom needs. */
static bool looks_like_code(struct text t)
{
    static const char *const begins[] = {"if (",    "for (", "while (", "return;", "#include",
                                         "#define", "#if",   "import ", "printf("};
    size_t i, signs = 0;

    for (i = 0; i < ARRAY_LEN(begins); i++)
        if (t.n >= strlen(begins[i]) && memcmp(t.s, begins[i], strlen(begins[i])) == 0)
            return true;
    for (i = 0; i < t.n; i++)
        signs += strchr("{};=<>|&[]()\\$%^~+*/", t.s[i]) != NULL;
    return signs * 8 > t.n || t.s[t.n - 1] == ';' || t.s[t.n - 1] == '{' || t.s[t.n - 1] == '}' ||
           memmem(t.s, t.n, "();", 3);
}

static bool has_odd_sign(struct text t)
{
    return memchr(t.s, '@', t.n) || memchr(t.s, '\\', t.n) || memchr(t.s, '{', t.n) ||
           memmem(t.s, t.n, "---", 3) || memmem(t.s, t.n, "===", 3) || memmem(t.s, t.n, "](", 2) ||
           memmem(t.s, t.n, "<|", 2);
}

static bool is_good(struct text t, size_t min_words)
{
    char last = t.n ? t.s[t.n - 1] : ':';

    if (t.n > DOC_MAX_SENTENCE || text_words(t.s, t.n) < min_words || !text_is_clean(t.s, t.n))
        return false;
    if (!text_is_letter(t.s[0]) && t.s[0] != '"' && t.s[0] != '(')
        return false;
    if (last != '.' && last != '!' && last != '?' && !text_is_ident(last) && last != ')' &&
        last != '"' && last != '\'')
        return false;
    return !says_nothing(t) && !looks_like_code(t) && !has_odd_sign(t) &&
           !text_has_link(t.s, t.n) && !text_is_addressed(t.s, t.n) && !steer_found(t.s, t.n);
}

/* "returns the sum" begins with a capital in a list of summaries; the name of the unit keeps its letters. */
static bool may_capitalise(struct text t, const char *name)
{
    size_t n = 0, i;

    while (n < t.n && !text_is_space(t.s[n]))
        n++;
    if (t.s[0] < 'a' || t.s[0] > 'z' || (strlen(name) == n && memcmp(name, t.s, n) == 0))
        return false;
    for (i = 1; i < n; i++)
        if (!(t.s[i] >= 'a' && t.s[i] <= 'z') && t.s[i] != '-' && t.s[i] != ',')
            return false;
    return true;
}

struct doc_lines doc_lines_in(struct span s, bool docstring, enum language_id lang,
                              const char *source, size_t len)
{
    const struct language *l = language_get(lang);
    struct text t;

    if (s.end > len || s.start >= s.end)
        return (struct doc_lines){.l = l, .s = source};
    t = docstring ? bare_docstring(source + s.start, span_len(s))
                  : (struct text){source + s.start, span_len(s)};
    return (struct doc_lines){
        .l = l, .s = t.s, .n = size_min(t.n, MAX_RAW), .docstring = docstring};
}

struct doc_lines doc_lines_of(const struct unit *u, enum language_id lang, const char *source,
                              size_t len)
{
    bool inside = span_len(u->docstring) > 0;

    return doc_lines_in(inside ? u->docstring : u->doc, inside && language_get(lang)->docstrings,
                        lang, source, len);
}

/* `name`, :mod:`name`: what stands there is written so. */
static bool begins_marked(const char *s, size_t n)
{
    return n > 0 && (s[0] == '`' || skip_role((struct text){s, n}) > 0);
}

bool doc_sentence(struct strbuf *out, const char *s, size_t n, const char *name, size_t min_words)
{
    struct strbuf plain = {0};
    struct text t;
    bool good;
    size_t end;

    plain_text(&plain, (struct text){s, n});
    t = trim(strbuf_str(&plain), plain.len);
    end = text_sentence(t.s, t.n);
    if (end > 0)
        t.n = end;
    good = is_good(t, min_words);
    if (strbuf_failed(&plain)) { /* no verdict: the caller is to see that */
        good = false;
        strbuf_release(out);
        out->failed = true;
    }
    if (good) {
        strbuf_putc(out, !begins_marked(s, n) && may_capitalise(t, name)
                             ? (char)(t.s[0] - 'a' + 'A')
                             : t.s[0]);
        strbuf_add(out, t.s + 1, t.n - 1);
        if (end == 0)
            strbuf_putc(out, '.');
    }
    strbuf_release(&plain);
    return good && !strbuf_failed(out);
}

bool doc_first_sentence(struct strbuf *out, const struct unit *u, enum language_id lang,
                        const char *source, size_t len)
{
    struct strbuf paragraph = {0};
    bool good = false;

    first_paragraph(&paragraph, doc_lines_of(u, lang, source, len));
    if (strbuf_failed(&paragraph)) { /* likewise */
        strbuf_release(out);
        out->failed = true;
    } else {
        good = doc_sentence(out, strbuf_str(&paragraph), paragraph.len, u->name, DOC_MIN_WORDS);
    }
    strbuf_release(&paragraph);
    return good;
}

/* ---- code without documentation ---------------------------------------------------------------------- */

/* White space before the unit on its first line, which all its lines share. */
static struct text indentation(const struct unit *u, const char *source)
{
    uint32_t start = u->span.start, i = start;

    while (i > 0 && (source[i - 1] == ' ' || source[i - 1] == '\t'))
        i--;
    if (i > 0 && source[i - 1] != '\n' && source[i - 1] != '\r')
        i = start; /* something else stands before it on the line */
    return (struct text){source + i, start - i};
}

/* Copy lines without the common indentation; every line end becomes "\n". */
static void put_lines(struct strbuf *out, struct text t, struct text indent)
{
    size_t i = 0, k;
    bool line_start = false;

    while (i < t.n) {
        if (line_start)
            for (k = 0; k < indent.n && i < t.n && t.s[i] == indent.s[k]; k++)
                i++;
        line_start = false;
        while (i < t.n && t.s[i] != '\n') {
            if (!(t.s[i] == '\r' && (i + 1 == t.n || t.s[i + 1] == '\n')))
                strbuf_putc(out, t.s[i]);
            i++;
        }
        if (i < t.n) {
            strbuf_putc(out, '\n');
            line_start = true;
            i++;
        }
    }
}

/* Widen a range to whole lines when nothing else stands on them. */
static struct span whole_lines(struct span s, struct span in, const char *source)
{
    uint32_t a = s.start, b = s.end;

    while (a > in.start && (source[a - 1] == ' ' || source[a - 1] == '\t'))
        a--;
    while (b < in.end &&
           (source[b] == ' ' || source[b] == '\t' || source[b] == ';' || source[b] == '\r'))
        b++;
    if (b < in.end && source[b] == '\n' && (a == in.start || source[a - 1] == '\n'))
        return (struct span){a, b + 1};
    /* At the very end of the unit the line break before goes instead. */
    if (b == in.end && a > in.start && source[a - 1] == '\n')
        return (struct span){a - 1, b};
    return (struct span){s.start, b};
}

/* Something other than the docstring, white space and comments is in the body. */
static bool has_statements(const struct unit *u, const char *source)
{
    uint32_t i;
    bool comment = false;

    for (i = u->docstring.end; i < u->body.end; i++) {
        if (source[i] == '\n')
            comment = false;
        else if (source[i] == '#')
            comment = true;
        else if (!comment && !text_is_space(source[i]) && source[i] != ';')
            return true;
    }
    return false;
}

static void trim_out(struct strbuf *out, size_t from)
{
    size_t n = out->len;

    while (n > from && text_is_space(out->s[n - 1]))
        n--;
    if (!strbuf_failed(out) && n < out->len)
        strbuf_truncate(out, n);
}

/* ---- what is left out --------------------------------------------------------------------------------- */

/* A part of the text, and what stands in its place. */
struct cut {
    struct span span;
    const char *sign;
};

struct cuts {
    struct cut *v;
    size_t n, cap;
    bool failed;
};

static void add_cut(struct cuts *c, struct span s, const char *sign)
{
    c->failed |= mem_grow((void **)&c->v, &c->cap, c->n + 1, sizeof(*c->v)) < 0;
    if (!c->failed)
        c->v[c->n++] = (struct cut){s, sign};
}

static int by_start(const void *pa, const void *pb)
{
    const struct cut *a = pa, *b = pb;

    if (a->span.start != b->span.start)
        return a->span.start < b->span.start ? -1 : 1;
    return (a->span.end < b->span.end) - (a->span.end > b->span.end);
}

/* The first of the units that starts on this line or behind it. */
static size_t first_on(const struct unit *units, size_t n, int line)
{
    size_t lo = 0, hi = n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (units[mid].start_line < line)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool is_inside(struct span in, struct span out)
{
    return out.start <= in.start && in.end <= out.end;
}

/* What stands in units inside of u goes with them: lines that one of them takes up are passed over, so that a deep nest costs no
 * more than what is next to its surface. */
static void cut_units(struct cuts *c, const struct unit *u, const char *source,
                      const struct unit *units, size_t n)
{
    size_t i = first_on(units, n, u->start_line);
    int from = 0, to = 0; /* the lines between these are those of a unit that was met */
    struct span last = {0};

    while (i < n && units[i].start_line <= u->end_line) {
        const struct unit *in = &units[i++];

        if (in->start_line > from && in->start_line < to) {
            i = first_on(units, n, to);
            continue;
        }
        if (!is_inside(in->span, u->body) || is_inside(in->span, last))
            continue;
        if (in->end_line > to) {
            from = in->start_line;
            to = in->end_line;
        }
        last = in->span;
        if (span_len(in->doc) > 0 && is_inside(in->doc, u->body))
            add_cut(c, whole_lines(in->doc, u->span, source), "");
        add_cut(c, (struct span){in->signature.end, in->span.end}, " ...");
    }
}

static void find_cuts(struct cuts *c, const struct unit *u, const char *source,
                      const struct unit *units, size_t n_units)
{
    bool alone = span_len(u->docstring) > 0 && !has_statements(u, source);

    if (span_len(u->doc) > 0 && u->doc.start >= u->span.start)
        add_cut(c, whole_lines(u->doc, u->span, source), "");
    if (alone)
        add_cut(c, u->docstring, "...");
    else if (span_len(u->docstring) > 0)
        add_cut(c, whole_lines(u->docstring, u->span, source), "");
    if (unit_is_outline(u) && u->end_line > u->start_line)
        cut_units(c, u, source, units, n_units);
    if (c->n > 1)
        qsort(c->v, c->n, sizeof(*c->v), by_start);
}

void doc_hide(struct strbuf *out, const struct unit *u, const char *source, size_t len,
              const struct unit *units, size_t n_units)
{
    struct text indent = indentation(u, source);
    struct span at = u->span;
    struct cuts cuts = {0};
    size_t i, from = out->len;

    if (u->span.end > len)
        return;
    find_cuts(&cuts, u, source, units, n_units);
    for (i = 0; i < cuts.n; i++) {
        const struct cut *cut = &cuts.v[i];

        if (cut->span.start < at.start) /* of a unit that went with another */
            continue;
        put_lines(out, (struct text){source + at.start, cut->span.start - at.start}, indent);
        strbuf_puts(out, cut->sign);
        at.start = cut->span.end;
        /* What is cut at a line start leaves the next line to be unindented here. */
        if (at.start > u->span.start && source[at.start - 1] == '\n') {
            size_t k;

            for (k = 0; k < indent.n && at.start < at.end && source[at.start] == indent.s[k]; k++)
                at.start++;
        }
    }
    put_lines(out, (struct text){source + at.start, at.end - at.start}, indent);
    trim_out(out, from);
    if (cuts.failed) {
        strbuf_release(out);
        out->failed = true;
    }
    mem_free(cuts.v);
}
