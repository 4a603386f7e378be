/* signature.c - a sentence from a name and parameters alone (code). The manual is check.h. */
#include "code/check.h"

#include "base/size.h"
#include "code/text.h"

#include <string.h>

#define MAX_PARAMS 6

struct text {
    const char *s;
    size_t n;
};

/* ---- the name as words ------------------------------------------------------------------------------------- */

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

/* Where the word that begins at i ends: at an underscore, before a capital after a small letter, before the last
 * capital of HTTPServer. */
static size_t word_end(const char *s, size_t n, size_t i)
{
    size_t k = i + 1;

    for (; k < n && text_is_ident(s[k]) && s[k] != '_' && s[k] != '$'; k++) {
        if (is_upper(s[k]) && !is_upper(s[k - 1]))
            break;
        if (is_upper(s[k]) && k + 1 < n && is_lower(s[k + 1]))
            break;
    }
    return k;
}

/* Two capitals or more stay as they are (HTTP), all else is written small. */
static void put_word(struct strbuf *out, const char *s, size_t n, bool first)
{
    bool acronym = n > 1;
    size_t i;

    for (i = 0; i < n; i++)
        acronym = acronym && !is_lower(s[i]);
    for (i = 0; i < n; i++) {
        char c = s[i];

        if (!acronym && is_upper(c))
            c = (char)(c - 'A' + 'a');
        if (first && i == 0 && is_lower(c))
            c = (char)(c - 'a' + 'A');
        strbuf_putc(out, c);
    }
}

static void put_name(struct strbuf *out, const char *name)
{
    size_t n = strlen(name), i = 0;
    bool first = true;

    while (i < n) {
        size_t end;

        if (!text_is_ident(name[i]) || name[i] == '_' || name[i] == '$') {
            i++;
            continue;
        }
        end = word_end(name, n, i);
        if (!first)
            strbuf_putc(out, ' ');
        put_word(out, name + i, end - i, first);
        first = false;
        i = end;
    }
    if (first) { /* nothing but signs: an operator */
        strbuf_puts(out, "Operator ");
        strbuf_puts(out, name);
    }
}

/* A method named like its class, or as languages call it, makes an object. */
static bool is_constructor(const struct unit *u)
{
    static const char *const names[] = {"constructor", "__init__", "__new__"};
    size_t q = strlen(u->qualified), n = strlen(u->name), i;

    if (u->kind != UNIT_METHOD)
        return false;
    for (i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(u->name, names[i]) == 0)
            return true;
    return q > n + 1 && q >= 2 * n + 1 && memcmp(u->qualified + q - n, u->name, n) == 0 &&
           !text_is_ident(u->qualified[q - n - 1]) &&
           strncmp(u->qualified + q - n - (u->qualified[q - n - 1] == ':' ? 2 : 1) - n, u->name,
                   n) == 0;
}

/* The type that a constructor makes: the part of the qualified name before the last. */
static struct text owner(const struct unit *u)
{
    size_t end = strlen(u->qualified) - strlen(u->name), start;

    while (end > 0 && !text_is_ident(u->qualified[end - 1]))
        end--;
    start = end;
    while (start > 0 && text_is_ident(u->qualified[start - 1]))
        start--;
    return (struct text){u->qualified + start, end - start};
}

/* ---- parameters ---------------------------------------------------------------------------------------------- */

static bool opens(char c)
{
    return c == '(' || c == '[' || c == '{' || c == '<';
}

static bool closes(char c)
{
    return c == ')' || c == ']' || c == '}' || c == '>';
}

/* The bytes between the parentheses at open, or nothing. "->" and "=>" close nothing. */
static struct text between(struct text t, size_t open)
{
    size_t i;
    int depth = 0;

    for (i = open; i < t.n; i++) {
        if (opens(t.s[i]))
            depth++;
        else if (closes(t.s[i]) &&
                 !(t.s[i] == '>' && i > 0 && (t.s[i - 1] == '-' || t.s[i - 1] == '=')))
            depth--;
        if (depth == 0)
            return (struct text){t.s + open + 1, i - open - 1};
    }
    return (struct text){t.s, 0};
}

/* The parameter list: the first parentheses after the last part of the name. */
static struct text find_params(struct text sig, const char *name)
{
    size_t n = strlen(name), i;

    for (i = 0; i + n <= sig.n; i++) {
        size_t k = i + n;

        if (memcmp(sig.s + i, name, n) != 0 || (i > 0 && text_is_ident(sig.s[i - 1])) ||
            (k < sig.n && text_is_ident(sig.s[k]) && text_is_ident(name[n - 1])))
            continue;
        while (k < sig.n && sig.s[k] != '(')
            k++;
        if (k < sig.n)
            return between(sig, k);
    }
    return (struct text){sig.s, 0};
}

static struct text last_ident(struct text t)
{
    size_t end = t.n, start;

    while (end > 0 && !text_is_ident(t.s[end - 1]))
        end--;
    start = end;
    while (start > 0 && text_is_ident(t.s[start - 1]))
        start--;
    return (struct text){t.s + start, end - start};
}

static struct text first_ident(struct text t)
{
    size_t start = 0, end;

    while (start < t.n && !text_is_ident(t.s[start]))
        start++;
    end = start;
    while (end < t.n && text_is_ident(t.s[end]))
        end++;
    return (struct text){t.s + start, end - start};
}

/* Up to the first of the given signs outside of brackets. */
static struct text up_to(struct text t, const char *signs)
{
    size_t i;
    int depth = 0;

    for (i = 0; i < t.n; i++) {
        if (opens(t.s[i]))
            depth++;
        else if (closes(t.s[i]))
            depth--;
        else if (depth == 0 && t.s[i] && strchr(signs, t.s[i]))
            return (struct text){t.s, i};
    }
    return t;
}

/* void (*hook)(int): the name is in the first parentheses, after the star. */
static struct text pointer_name(struct text t)
{
    size_t i;

    for (i = 0; i + 1 < t.n; i++)
        if (t.s[i] == '(' && (t.s[i + 1] == '*' || t.s[i + 1] == '^' || t.s[i + 1] == '&'))
            return first_ident((struct text){t.s + i, t.n - i});
    return (struct text){t.s, 0};
}

/* The name of one parameter; empty when it has none that is worth saying. */
static struct text param_name(struct text p, enum language_id lang)
{
    struct text name;

    switch (lang) {
    case LANGUAGE_C:
    case LANGUAGE_CPP:
    case LANGUAGE_JAVA:
        name = pointer_name(p);
        if (name.n == 0)
            name = last_ident(up_to(p, "=["));
        break;
    case LANGUAGE_GO:
        name = first_ident(p);
        break;
    default:
        name = last_ident(up_to(p, ":=?"));
        break;
    }
    if (memchr(p.s, '{', p.n) == p.s)
        name.n = 0; /* destructured: it has parts, no name */
    if ((name.n == 4 && (memcmp(name.s, "self", 4) == 0 || memcmp(name.s, "void", 4) == 0)) ||
        (name.n == 3 && memcmp(name.s, "cls", 3) == 0))
        name.n = 0;
    return name;
}

static size_t list_params(struct text *out, size_t max, struct text all, enum language_id lang)
{
    size_t n = 0;

    while (all.n > 0) {
        struct text p = up_to(all, ","), name;

        while (p.n > 0 && text_is_space(p.s[0]))
            p = (struct text){p.s + 1, p.n - 1};
        name = param_name(p, lang);
        if (name.n > 0 && n < max)
            out[n] = name;
        n += name.n > 0;
        p = up_to(all, ",");
        all = (struct text){all.s + size_min(all.n, p.n + 1), all.n - size_min(all.n, p.n + 1)};
    }
    return n;
}

static void put_params(struct strbuf *out, const struct text *params, size_t n)
{
    size_t shown = size_min(n, MAX_PARAMS), i;

    if (n == 0)
        strbuf_puts(out, "takes nothing");
    for (i = 0; i < shown; i++) {
        strbuf_puts(out, i == 0 ? "takes " : (i + 1 == shown && n <= MAX_PARAMS) ? " and " : ", ");
        strbuf_add(out, params[i].s, params[i].n);
    }
    if (n > MAX_PARAMS)
        strbuf_puts(out, " and more");
}

void signature_summary(struct strbuf *out, const struct unit *u, enum language_id lang,
                       const char *source, size_t len)
{
    struct text sig = {source, 0}, params[MAX_PARAMS];
    size_t n;

    strbuf_reset(out);
    if (u->signature.end <= len && u->signature.start <= u->signature.end)
        sig = (struct text){source + u->signature.start, span_len(u->signature)};
    n = list_params(params, MAX_PARAMS, find_params(sig, u->name), lang);
    if (is_constructor(u)) {
        struct text o = owner(u);

        strbuf_puts(out, "Make ");
        strbuf_add(out, o.s, o.n);
    } else {
        put_name(out, u->name);
    }
    strbuf_puts(out, ", going by the name; ");
    put_params(out, params, n);
    strbuf_putc(out, '.');
}
