/* readme.c - see readme.h (code). */
#include "code/readme.h"

#include "base/size.h"
#include "code/doc.h"
#include "code/text.h"

#include <string.h>
#include <strings.h>

#define MAX_TEXT       ((size_t)65536) /* bytes that are looked at */
#define MAX_PARAGRAPHS 4               /* what comes later is about parts of it */
#define MAX_PARAGRAPH  ((size_t)4096)

enum readme_form readme_form(const char *name, size_t len)
{
    static const struct {
        const char *end;
        enum readme_form form;
    } ends[] = {
        {"", README_PLAIN},          {".md", README_MARKDOWN}, {".markdown", README_MARKDOWN},
        {".mdown", README_MARKDOWN}, {".rst", README_RST},     {".txt", README_PLAIN}};

    if (len < 6 || strncasecmp(name, "readme", 6) != 0)
        return README_NONE;
    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        if (len - 6 == strlen(ends[i].end) && strncasecmp(name + 6, ends[i].end, len - 6) == 0)
            return ends[i].form;
    return README_NONE;
}

/* ---- lines -------------------------------------------------------------------------------------- */

struct reading {
    enum readme_form form;
    struct text all;
    size_t at;
    struct strbuf *out, paragraph, plain;
    size_t least;        /* words of a sentence */
    size_t n;            /* paragraphs that were judged */
    const char *closing; /* what ends the block that is passed over; NULL: none */
    bool warning;        /* a quote of the kind [!WARNING] is passed over */
    bool indented;       /* a directive is passed over, as far as its lines are indented */
    bool title;          /* the paragraph is a heading by the tag around it */
};

static bool next_line(struct reading *r, struct text *line)
{
    struct text rest = text_skip(r->all, r->at);
    const char *eol = rest.n ? memchr(rest.s, '\n', rest.n) : NULL;

    if (rest.n == 0)
        return false;
    *line = (struct text){rest.s, eol ? (size_t)(eol - rest.s) : rest.n};
    r->at += line->n + 1;
    return true;
}

/* A line under a heading, or a rule. */
static bool is_underline(struct text t)
{
    if (t.n < 2 || !strchr("=-~^\"*+#`':._", t.s[0]) || !t.s[0])
        return false;
    for (size_t i = 1; i < t.n; i++)
        if (t.s[i] != t.s[0])
            return false;
    return true;
}

static bool is_item(struct text t)
{
    size_t i = 0;

    if (t.n > 1 && strchr("-*+", t.s[0]) && t.s[0] && text_is_space(t.s[1]))
        return true;
    while (i < t.n && t.s[i] >= '0' && t.s[i] <= '9')
        i++;
    return (i > 0 && i + 1 < t.n && (t.s[i] == '.' || t.s[i] == ')') && t.s[i + 1] == ' ') ||
           text_begins(t, "\xe2\x80\xa2");
}

/* ":field: text" of reStructuredText. A role has a backtick behind it. */
static bool is_field(struct text t)
{
    const char *colon = t.n > 2 && t.s[0] == ':' ? memchr(t.s + 1, ':', t.n - 1) : NULL;

    return colon && (colon + 1 == t.s + t.n || colon[1] == ' ');
}

/* ---- inline markup ------------------------------------------------------------------------------ */

/* What tags hold between them stays; a comment and the tags go. */
static size_t skip_tag(struct text t)
{
    const char *close;

    if (t.n < 3 || t.s[0] != '<' ||
        !(text_is_letter(t.s[1]) || t.s[1] == '/' || t.s[1] == '!' || t.s[1] == '?'))
        return 0;
    if (text_begins(t, "<http") || text_begins(t, "<mailto:"))
        return 0; /* an address stays, and spoils the sentence that it belongs to */
    if (text_begins(t, "<!--")) {
        close = memmem(t.s, t.n, "-->", 3);
        return close ? (size_t)(close - t.s) + 3 : t.n;
    }
    close = memchr(t.s, '>', t.n);
    return close ? (size_t)(close - t.s) + 1 : 0;
}

/* From the bracket at t.s to the one that closes it, with both; 0 if none does. */
static size_t bracket_len(struct text t, char open, char close)
{
    int depth = 0;

    for (size_t i = 0; i < t.n; i++) {
        depth += t.s[i] == open;
        depth -= t.s[i] == close;
        if (depth == 0)
            return i + 1;
    }
    return 0;
}

static void put_plain(struct strbuf *out, struct text t, int depth);

/* ![image](address) goes, [text](address) and [text][name] give the text. */
static size_t put_link(struct strbuf *out, struct text t, int depth)
{
    bool image = text_begins(t, "![");
    struct text from = text_skip(t, image);
    size_t label = text_begins(from, "[") ? bracket_len(from, '[', ']') : 0, used;
    struct text after = text_skip(from, label);

    if (label == 0)
        return 0;
    used = text_begins(after, "(")   ? bracket_len(after, '(', ')')
           : text_begins(after, "[") ? bracket_len(after, '[', ']')
                                     : 0;
    if (!image && depth < 4)
        put_plain(out, (struct text){from.s + 1, label - 2}, depth + 1);
    return (size_t)image + label + used;
}

/* `text <address>`_ and ``code`` of reStructuredText, `code` of Markdown: the text. */
static size_t put_ticks(struct strbuf *out, struct text t)
{
    size_t ticks = 0, i;
    struct text in;
    const char *address;

    while (ticks < t.n && t.s[ticks] == '`')
        ticks++;
    for (i = ticks; i < t.n; i++)
        if (t.s[i] == '`' && (ticks == 1 || (i + 1 < t.n && t.s[i + 1] == '`')))
            break;
    if (i >= t.n)
        return ticks;
    in = (struct text){t.s + ticks, i - ticks};
    address = ticks == 1 ? memmem(in.s, in.n, " <", 2) : NULL;
    strbuf_add(out, in.s, address ? (size_t)(address - in.s) : in.n);
    for (i = size_min(t.n, i + ticks); i < t.n && t.s[i] == '_' && ticks == 1;)
        i++;
    return i;
}

/* **strong**, *emphasis*, __strong__, _emphasis_: the signs go where words begin or end. */
static bool is_emphasis(struct text all, size_t i)
{
    char before = i > 0 ? all.s[i - 1] : ' ', after = i + 1 < all.n ? all.s[i + 1] : ' ';

    if (all.s[i] == '*')
        return !(text_is_space(before) && text_is_space(after));
    return all.s[i] == '_' &&
           (!text_is_ident(before) || before == '_' || !text_is_ident(after) || after == '_');
}

/* :rocket: */
static size_t skip_emoji(struct text t)
{
    size_t i = 1;

    while (i < t.n && ((t.s[i] >= 'a' && t.s[i] <= 'z') || t.s[i] == '_'))
        i++;
    return i > 2 && i < t.n && t.s[i] == ':' && (i + 1 == t.n || t.s[i + 1] != '`') ? i + 1 : 0;
}

/* |badge| of reStructuredText */
static size_t skip_substitution(struct text t)
{
    const char *close = t.n > 2 ? memchr(t.s + 1, '|', size_min(t.n - 1, 60)) : NULL;

    return close && close > t.s + 1 && !text_is_space(t.s[1]) && !text_is_space(close[-1])
               ? (size_t)(close - t.s) + 1
               : 0;
}

static size_t put_sign(struct strbuf *out, struct text all, size_t i, int depth)
{
    struct text t = text_skip(all, i);
    size_t role;

    switch (t.s[0]) {
    case '<':
        return skip_tag(t);
    case '!':
    case '[':
        return put_link(out, t, depth);
    case '`':
        return put_ticks(out, t);
    case '*':
    case '_':
        return is_emphasis(all, i);
    case '|':
        return skip_substitution(t);
    case ':':
        role = skip_emoji(t);
        if (role == 0) { /* :role:`text` */
            const char *colon = t.n > 1 ? memchr(t.s + 1, ':', size_min(t.n - 1, 40)) : NULL;

            role =
                colon && colon + 1 < t.s + t.n && colon[1] == '`' ? (size_t)(colon - t.s) + 1 : 0;
        }
        return role;
    case '\\':
        return t.n > 1 && !text_is_ident(t.s[1]);
    default:
        return 0;
    }
}

static void put_plain(struct strbuf *out, struct text t, int depth)
{
    for (size_t i = 0; i < t.n && !strbuf_failed(out);) {
        size_t used = put_sign(out, t, i, depth);

        if (used == 0) {
            bool space = text_is_space(t.s[i]);

            if (!space || (out->len > 0 && out->s[out->len - 1] != ' '))
                strbuf_putc(out, space ? ' ' : t.s[i]);
            used = 1;
        }
        i += used;
    }
}

/* ---- judging ------------------------------------------------------------------------------------ */

/* Prose that says nothing of what is here: where to click, what to install, who moved, whom to thank. */
static bool is_aside(struct text t)
{
    static const char *const begins[] = {"note",
                                         "warning",
                                         "important",
                                         "caution",
                                         "tip:",
                                         "attention",
                                         "table of con",
                                         "contents",
                                         "see ",
                                         "click",
                                         "please",
                                         "read the",
                                         "documentation",
                                         "install",
                                         "to install",
                                         "build ",
                                         "status",
                                         "this repository has moved",
                                         "this project has moved",
                                         "this project is no longer",
                                         "this repository is no longer",
                                         "this package has been",
                                         "deprecated",
                                         "website",
                                         "homepage",
                                         "download",
                                         "english |",
                                         "languages:",
                                         "we are hiring",
                                         "we're hiring",
                                         "sponsor",
                                         "thank",
                                         "copyright",
                                         "author",
                                         "maintainer",
                                         "version",
                                         "for more",
                                         "for the full",
                                         "full docu",
                                         "check out",
                                         "welcome to the documentation",
                                         "last updated",
                                         "under construction",
                                         "i ",
                                         "i'm ",
                                         "i've ",
                                         "sure,",
                                         "certainly",
                                         "of course",
                                         "as an ai",
                                         "hello",
                                         "hi ",
                                         "hi,",
                                         "http",
                                         "live demo",
                                         "demo",
                                         "follow ",
                                         "join ",
                                         "star ",
                                         "translations",
                                         "read this",
                                         "work in progress",
                                         "wip",
                                         "the documentation",
                                         "run ",
                                         "first, ",
                                         "before you",
                                         "if you",
                                         "by ",
                                         "below ",
                                         "we ",
                                         "however",
                                         "this was ",
                                         "when you",
                                         "you can",
                                         "you need"};
    static const char *const phrases[] = {
        "ignore previous",   "ignore all",    "ignore the above",
        "ignore any",        "disregard",     "previous instruction",
        "has been archived", "is deprecated", "no longer maintained",
        "for documentation", "can be found",  "do not use this",
        "pull request",      "open an issue"};

    for (size_t i = 0; i < ARRAY_LEN(begins); i++)
        if (text_starts(t.s, t.n, begins[i]))
            return true;
    for (size_t i = 0; i < ARRAY_LEN(phrases); i++)
        if (text_has(t.s, t.n, phrases[i]))
            return true;
    return false;
}

/* Mostly words: what is left of badges, menus and code is not. */
static bool is_prose(struct text t)
{
    size_t letters = 0, signs = 0;

    for (size_t i = 0; i < t.n; i++) {
        letters += text_is_letter(t.s[i]) || t.s[i] == ' ';
        signs += strchr("|{}<>=;$\\^~#@&*", t.s[i]) != NULL;
    }
    return letters * 10 >= t.n * 8 && signs * 20 <= t.n && !memmem(t.s, t.n, " | ", 3) &&
           !memmem(t.s, t.n, " \xc2\xb7 ", 4) && !memmem(t.s, t.n, " \xe2\x80\xa2 ", 5);
}

/* "Name - what it is", "Name: what it is" keep their beginning; a greeting and pictures before the first letter go. */
static struct text first_letter(struct text t)
{
    while (t.n > 0 && !(text_is_ident(t.s[0]) && (unsigned char)t.s[0] < 128) && t.s[0] != '"' &&
           t.s[0] != '(' && !(((unsigned char)t.s[0] & 0xE0) == 0xC0)) {
        /* Signs of three bytes are letters from U+3000 on, and before U+2000; between these lie arrows and pictures. */
        if (((unsigned char)t.s[0] & 0xF0) == 0xE0 && (unsigned char)t.s[0] != 0xE2 && t.n > 2 &&
            !text_begins(t, "\xef\xb8"))
            break;
        t = text_skip(t, 1);
    }
    return t;
}

/* The paragraph is over: is its first sentence the one? */
static bool end_paragraph(struct reading *r)
{
    struct text t;
    size_t n;
    bool good = false;

    if (r->paragraph.len == 0)
        return false;
    strbuf_reset(&r->plain);
    put_plain(&r->plain, (struct text){strbuf_str(&r->paragraph), r->paragraph.len}, 0);
    t = first_letter(text_trim((struct text){strbuf_str(&r->plain), r->plain.len}));
    n = text_sentence(t.s, t.n);
    if (n > 0)
        t.n = n;
    if (t.n > 0 && !r->title) {
        r->n++;
        good = t.n <= DOC_MAX_SENTENCE && text_words(t.s, t.n) >= r->least &&
               text_is_clean(t.s, t.n) && !text_is_legal(t.s, t.n) && !text_has_link(t.s, t.n) &&
               !is_aside(t) && is_prose(t) && t.s[t.n - 1] != ':' && t.s[t.n - 1] != ',';
    }
    if (good) {
        char last = t.s[t.n - 1];

        if (t.s[0] >= 'a' && t.s[0] <= 'z' && t.n > 1 && (t.s[1] == ' '))
            strbuf_putc(r->out, (char)(t.s[0] - 'a' + 'A')); /* "a fast parser" */
        else
            strbuf_putc(r->out, t.s[0]);
        strbuf_add(r->out, t.s + 1, t.n - 1);
        if (last != '.' && last != '!' && last != '?')
            strbuf_putc(r->out, '.');
    }
    strbuf_reset(&r->paragraph);
    r->title = false;
    return good;
}

/* ---- blocks ------------------------------------------------------------------------------------- */

/* A block that is passed over begins here: what ends it. */
static const char *closing_of(const struct reading *r, struct text t)
{
    if (r->form != README_RST && text_begins(t, "```"))
        return "```";
    if (r->form != README_RST && text_begins(t, "~~~") && !is_underline(t))
        return "~~~";
    if (text_begins(t, "<!--") && !memmem(t.s, t.n, "-->", 3))
        return "-->";
    if (text_starts(t.s, t.n, "<details") && !text_has(t.s, t.n, "</details"))
        return "</details";
    if (text_starts(t.s, t.n, "<table") && !text_has(t.s, t.n, "</table"))
        return "</table";
    if (text_starts(t.s, t.n, "<pre") && !text_has(t.s, t.n, "</pre"))
        return "</pre";
    return NULL;
}

/* Lines that are no prose, and end what stood before them. */
static bool is_other(const struct reading *r, struct text line, struct text t)
{
    size_t indent = (size_t)(t.s - line.s);

    if (t.n == 0 || is_item(t) || is_underline(t) || t.s[0] == '|' ||
        (indent >= 4 && r->paragraph.len == 0 && t.s[0] != '<') ||
        (indent > 0 && line.s[0] == '\t' && r->paragraph.len == 0))
        return true;
    if (r->form == README_RST)
        return text_begins(t, "..") || is_field(t) || text_begins(t, "__ ");
    return t.s[0] == '#' || (t.s[0] == '[' && memmem(t.s, t.n, "]: ", 3)) || text_begins(t, "[!") ||
           text_begins(t, ":::") || text_starts(t.s, t.n, "[toc]");
}

/* A heading that is a paragraph so far: the line under it says so. */
static bool is_title(struct reading *r, struct text t)
{
    return r->paragraph.len > 0 && is_underline(t) && strchr("=-~^\"*+#", t.s[0]) &&
           !memchr(strbuf_str(&r->paragraph), '\n', r->paragraph.len);
}

/* Where HTML begins a block, what was before it is over; what it holds is read, unless it is a heading. */
static bool begins_block(struct text t, bool *title)
{
    static const char *const tags[] = {"<p",      "</p",      "<div", "</div", "<br",    "<h1",
                                       "<h2",     "<h3",      "<h4",  "</h1",  "</h2",   "</h3",
                                       "<center", "</center", "<hr",  "<img",  "<a ",    "<ul",
                                       "<li",     "<picture", "<sub", "<kbd",  "<source"};

    *title = false;
    for (size_t i = 0; i < ARRAY_LEN(tags); i++)
        if (text_starts(t.s, t.n, tags[i])) {
            *title = t.s[1] == 'h' || t.s[1] == 'H';
            return true;
        }
    return false;
}

static void add_line(struct reading *r, struct text t)
{
    if (r->paragraph.len > 0)
        strbuf_putc(&r->paragraph, '\n');
    if (r->paragraph.len < MAX_PARAGRAPH)
        strbuf_add(&r->paragraph, t.s, t.n);
}

/* One line. True when the sentence was found. */
static bool read_line(struct reading *r, struct text line)
{
    struct text t = text_trim(line);
    const char *closing;
    bool title, quoted;

    if (r->closing) {
        if (text_has(t.s, t.n, r->closing))
            r->closing = NULL;
        return false;
    }
    if (r->indented) {
        if (t.n == 0 || t.s > line.s)
            return false;
        r->indented = false;
    }
    quoted = r->form != README_RST && text_begins(t, ">");
    while (quoted && text_begins(t, ">"))
        t = text_trim(text_skip(t, 1));
    r->warning = quoted && (r->warning || text_begins(t, "[!"));
    if (r->warning)
        t.n = 0;
    if (is_title(r, t)) {
        strbuf_reset(&r->paragraph);
        return false;
    }
    closing = closing_of(r, t);
    if (closing || is_other(r, line, t)) {
        if (end_paragraph(r))
            return true;
        r->closing = closing;
        r->indented =
            (r->form == README_RST && (text_begins(t, "..") || is_field(t))) || is_item(t);
        return false;
    }
    if (begins_block(t, &title)) {
        if (end_paragraph(r))
            return true;
        r->title = title;
    }
    add_line(r, t);
    return false;
}

/* Between lines of three dashes at the very top. */
static void skip_front_matter(struct reading *r)
{
    struct text line;
    size_t start = r->at;

    if (!next_line(r, &line) || text_trim(line).n != 3 || !text_begins(line, "---")) {
        r->at = start;
        return;
    }
    while (next_line(r, &line))
        if (text_trim(line).n == 3 && text_begins(line, "---"))
            return;
    r->at = start;
}

/* Give back what was read; without memory there is no verdict. */
static bool end_reading(struct reading *r, bool good)
{
    if (strbuf_failed(&r->paragraph) || strbuf_failed(&r->plain)) {
        strbuf_release(r->out);
        r->out->failed = true;
    }
    strbuf_release(&r->paragraph);
    strbuf_release(&r->plain);
    return good && !strbuf_failed(r->out);
}

bool readme_line(struct strbuf *out, const char *text, size_t len)
{
    struct reading r = {.form = README_PLAIN, .out = out, .least = 2};

    add_line(&r, (struct text){text, size_min(len, MAX_PARAGRAPH)});
    return end_reading(&r, end_paragraph(&r));
}

bool readme_sentence(struct strbuf *out, enum readme_form form, const char *text, size_t len)
{
    struct reading r = {
        .form = form, .all = {text, size_min(len, MAX_TEXT)}, .out = out, .least = DOC_MIN_WORDS};
    struct text line;
    bool good = false;

    if (text_begins(r.all, "\xef\xbb\xbf"))
        r.at = 3;
    skip_front_matter(&r);
    while (!good && r.n < MAX_PARAGRAPHS && !strbuf_failed(&r.paragraph) && !strbuf_failed(out) &&
           next_line(&r, &line))
        good = read_line(&r, line);
    if (!good && r.n < MAX_PARAGRAPHS)
        good = end_paragraph(&r);
    return end_reading(&r, good);
}
