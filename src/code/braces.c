/* braces.c - see braces.h (code). */
#include "code/braces.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct pair {
    uint32_t open, close; /* close: 0 until it is known */
};

struct counter {
    const char *s;
    size_t n, at;
    bool swift;
    bool bol; /* nothing but white space stands before it on its line */
    size_t
        skipped; /* conditions that began in a branch that is not counted, and its own: 0 outside of one */
    struct pair *pair; /* by `open` */
    size_t n_pairs, cap;
    size_t *open; /* indices of those that are not closed */
    size_t n_open, open_cap;
};

static bool ahead(const struct counter *c, const char *text)
{
    size_t n = strlen(text);

    return c->n - c->at >= n && memcmp(c->s + c->at, text, n) == 0;
}

/* Behind the next `end`, or to the end of the text. */
static void skip_behind(struct counter *c, const char *end, size_t n)
{
    const char *p = memmem(c->s + c->at, c->n - c->at, end, n);

    c->at = p ? (size_t)(p - c->s) + n : c->n;
}

static void skip_comment(struct counter *c)
{
    size_t depth = 1;

    c->at += 2;
    if (!c->swift) {
        skip_behind(c, "*/", 2);
        return;
    }
    while (c->at < c->n && depth > 0) { /* they nest */
        if (ahead(c, "/*"))
            depth++, c->at++;
        else if (ahead(c, "*/"))
            depth--, c->at++;
        c->at++;
    }
}

/* Up to the quote on the same line. */
static void skip_quoted(struct counter *c, char quote)
{
    for (c->at++; c->at < c->n && c->s[c->at] != quote && c->s[c->at] != '\n'; c->at++)
        c->at += c->s[c->at] == '\\' && c->at + 1 < c->n;
    c->at += c->at < c->n && c->s[c->at] == quote;
}

/* R"mark( ... )mark" */
static void skip_raw(struct counter *c)
{
    char end[20] = ")";
    size_t n = 1;

    for (c->at += 2; c->at < c->n && c->s[c->at] != '(' && n < sizeof(end) - 2; c->at++)
        end[n++] = c->s[c->at];
    end[n++] = '"';
    skip_behind(c, end, n);
}

static void skip_line(struct counter *c)
{
    while (c->at < c->n && (c->s[c->at] != '\n' || (c->at > 0 && c->s[c->at - 1] == '\\')))
        c->at++;
}

/* A directive at `#`: of a condition only the first branch counts. */
static void skip_directive(struct counter *c)
{
    for (c->at++; c->at < c->n && (c->s[c->at] == ' ' || c->s[c->at] == '\t');)
        c->at++;
    if (ahead(c, "if"))
        c->skipped += c->skipped > 0;
    else if (ahead(c, "endif"))
        c->skipped -= c->skipped > 0;
    else if (c->skipped == 0 && ahead(c, "el"))
        c->skipped = 1;
    skip_line(c);
}

static int count_brace(struct counter *c)
{
    if (c->s[c->at] == '}') {
        if (c->n_open > 0)
            c->pair[c->open[--c->n_open]].close = (uint32_t)c->at;
        return 0;
    }
    if (mem_grow((void **)&c->pair, &c->cap, c->n_pairs + 1, sizeof(*c->pair)) < 0 ||
        mem_grow((void **)&c->open, &c->open_cap, c->n_open + 1, sizeof(*c->open)) < 0)
        return -1;
    c->open[c->n_open++] = c->n_pairs;
    c->pair[c->n_pairs++] = (struct pair){(uint32_t)c->at, 0};
    return 0;
}

/* 1'000 has no character in it. */
static bool in_number(const struct counter *c)
{
    char before = c->at > 0 ? c->s[c->at - 1] : ' ';

    return (before >= '0' && before <= '9') || (before >= 'a' && before <= 'f') ||
           (before >= 'A' && before <= 'F');
}

/* True when something was skipped. */
static bool skip_text(struct counter *c)
{
    char ch = c->s[c->at];

    if (ahead(c, "//"))
        skip_line(c);
    else if (ahead(c, "/*"))
        skip_comment(c);
    else if (c->swift && ahead(c, "\"\"\""))
        c->at += 3, skip_behind(c, "\"\"\"", 3);
    else if (!c->swift && ahead(c, "R\""))
        skip_raw(c);
    else if (ch == '"')
        skip_quoted(c, '"');
    else if (ch == '\'' && !c->swift && !in_number(c))
        skip_quoted(c, '\'');
    else if (ch == '#' && c->bol)
        skip_directive(c);
    else
        return false;
    return true;
}

static int count_all(struct counter *c)
{
    int rc = 0;

    c->bol = true;
    while (c->at < c->n && rc == 0) {
        char ch = c->s[c->at];

        if (skip_text(c)) {
            c->bol = false;
            continue;
        }
        if ((ch == '{' || ch == '}') && c->skipped == 0)
            rc = count_brace(c);
        c->bol = ch == '\n' || (c->bol && (ch == ' ' || ch == '\t'));
        c->at++;
    }
    return rc;
}

static const struct pair *pair_at(const struct counter *c, uint32_t open)
{
    size_t lo = 0, hi = c->n_pairs;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (c->pair[mid].open < open)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < c->n_pairs && c->pair[lo].open == open && c->pair[lo].close ? &c->pair[lo] : NULL;
}

/* The white space with which the line of a byte begins. */
static struct span indent_of(const struct finder *f, uint32_t at)
{
    struct span s = {at, at};

    while (s.start > 0 && f->source[s.start - 1] != '\n')
        s.start--;
    for (s.end = s.start; s.end < f->len && (f->source[s.end] == ' ' || f->source[s.end] == '\t');)
        s.end++;
    return s;
}

static bool agrees(const struct finder *f, uint32_t start, uint32_t close)
{
    struct span a = indent_of(f, start), b = indent_of(f, close);

    return b.end == close && span_len(a) == span_len(b) &&
           memcmp(f->source + a.start, f->source + b.start, span_len(a)) == 0;
}

/* A unit ends with its body, or with the semicolon behind it. */
static bool ends_with_body(const struct finder *f, const struct item *it)
{
    return it->node.end == it->body.end &&
           (it->span.end == it->body.end ||
            (it->span.end == it->body.end + 1 && f->source[it->body.end] == ';'));
}

static void mend(const struct finder *f, struct item *it, uint32_t close)
{
    bool semicolon =
        it->span.end > it->body.end && close + 1 < f->len && f->source[close + 1] == ';';

    it->end_before = it->body.end;
    it->node.end = it->body.end = close + 1;
    it->span.end = close + 1 + semicolon;
}

int braces_mend(struct finder *f)
{
    struct counter c = {.s = f->source, .n = f->len, .swift = f->lang == LANGUAGE_SWIFT};
    int rc = count_all(&c);

    for (size_t i = 0; i < f->n && rc == 0; i++) {
        struct item *it = &f->items[i];
        const struct pair *p = pair_at(&c, it->body.start);

        if (it->kind != ITEM_NONE && p && p->close + 1 != it->body.end && ends_with_body(f, it) &&
            agrees(f, it->span.start, p->close))
            mend(f, it, p->close);
    }
    mem_free(c.pair);
    mem_free(c.open);
    return rc;
}

bool braces_disagree(const struct item *outer, const struct item *it)
{
    bool behind = outer->end_before && it->node.start >= outer->end_before;

    return (behind && is_function(outer) && is_function(it)) ||
           ((outer->end_before || it->end_before) && it->span.end > outer->span.end);
}
