/* signature.c - a sentence from a name and parameters alone (code). The manual is check.h. */
#include "code/check.h"

#include "base/size.h"
#include "code/chunk.h"
#include "code/text.h"

#include <string.h>

#define MAX_PARAMS 6  /* in a sentence */
#define MAX_LISTED 32 /* that are looked for */

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

void signature_name(struct strbuf *out, const char *name)
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
}

/* The sign of an operator, which it keeps: == of operator==, or the whole name <+>. NULL for other names. */
static const char *operator_sign(const char *name)
{
    size_t n = strlen("operator"), i = 0;

    if (strncmp(name, "operator", n) == 0 && name[n] && !text_is_ident(name[n]) && name[n] != ' ')
        return name + n;
    while (name[i] && !text_is_ident(name[i]))
        i++;
    return i > 0 && !name[i] ? name : NULL;
}

/* One of the words of a list with a space between them; NULL is an empty list. */
static bool is_listed(const char *list, const char *s, size_t n)
{
    while (list && *list) {
        size_t w = strcspn(list, " ");

        if (w == n && memcmp(list, s, n) == 0)
            return true;
        list += w + (list[w] == ' ');
    }
    return false;
}

/* A method named like its class, or as languages call it, makes an object. */
static bool is_constructor(const struct unit *u, const struct language *l)
{
    size_t q = strlen(u->qualified), n = strlen(u->name), sep;

    if (u->kind != UNIT_METHOD)
        return false;
    if (is_listed(l->make, u->name, n))
        return true;
    /* Clock.Clock, geo::Clock::Clock: the part before is the same and whole. */
    sep = q > n && u->qualified[q - n - 1] == ':' ? 2 : 1;
    return q >= 2 * n + sep && strcmp(u->qualified + q - n, u->name) == 0 &&
           memcmp(u->qualified + q - 2 * n - sep, u->name, n) == 0 &&
           (q == 2 * n + sep || !text_is_ident(u->qualified[q - 2 * n - sep - 1])) &&
           !text_is_ident(u->qualified[q - n - 1]);
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

/* "->" and "=>" close nothing. */
static bool closes_at(struct text t, size_t i)
{
    return closes(t.s[i]) && !(t.s[i] == '>' && i > 0 && (t.s[i - 1] == '-' || t.s[i - 1] == '='));
}

/* The bytes between the parentheses at open, or nothing. */
static struct text between(struct text t, size_t open)
{
    size_t i;
    int depth = 0;

    for (i = open; i < t.n; i++) {
        if (opens(t.s[i]))
            depth++;
        else if (closes_at(t, i))
            depth--;
        if (depth == 0)
            return (struct text){t.s + open + 1, i - open - 1};
    }
    return (struct text){t.s, 0};
}

/* The parameter list: the first parentheses after the last part of the name. False when there are none:
 * closures, arrow functions of one bare parameter. */
static bool find_params(struct text *list, struct text sig, const char *name)
{
    size_t n = strlen(name), i;

    for (i = 0; i + n <= sig.n; i++) {
        size_t k = i + n;

        if (memcmp(sig.s + i, name, n) != 0 || (i > 0 && text_is_ident(sig.s[i - 1])) ||
            (k < sig.n && text_is_ident(sig.s[k]) && text_is_ident(name[n - 1])))
            continue;
        while (k < sig.n && sig.s[k] != '(')
            k++;
        if (k == sig.n)
            return false;
        *list = between(sig, k);
        return true;
    }
    return false;
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

/* A quote that opens a default value. Other quotes may be a lifetime of Rust. */
static bool opens_string(struct text t, size_t i)
{
    if (t.s[i] != '"' && t.s[i] != '\'')
        return false;
    while (i > 0 && text_is_space(t.s[i - 1]))
        i--;
    return i > 0 && t.s[i - 1] == '=';
}

/* Up to the first of the given signs outside of brackets and default strings. */
static struct text up_to(struct text t, const char *signs)
{
    size_t i;
    int depth = 0;

    for (i = 0; i < t.n; i++) {
        if (opens_string(t, i)) {
            const char *close = memchr(t.s + i + 1, t.s[i], t.n - i - 1);

            if (close)
                i = (size_t)(close - t.s);
            continue;
        }
        if (depth == 0 && t.s[i] && strchr(signs, t.s[i]))
            return (struct text){t.s, i};
        if (opens(t.s[i]))
            depth++;
        else if (closes_at(t, i))
            depth--;
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

/* "n integer" says a name, "integer" only a type; IN and OUT of SQL say neither. */
static struct text name_before_type(struct text p)
{
    static const char *const modes[] = {"IN", "OUT", "INOUT", "VARIADIC"};
    struct text name = first_ident(p);
    size_t i, rest;

    for (i = 0; i < ARRAY_LEN(modes); i++) {
        if (name.n == strlen(modes[i]) && text_starts(name.s, name.n, modes[i]))
            return name_before_type(
                (struct text){name.s + name.n, p.n - (size_t)(name.s + name.n - p.s)});
    }
    rest = p.n - (size_t)(name.s + name.n - p.s);
    return rest > 0 && text_is_space(name.s[name.n]) ? name : (struct text){p.s, 0};
}

/* The name of one parameter; empty when it has none, as when it is taken apart where it is declared. */
static struct text param_name(struct text p, enum language_id lang)
{
    struct text name;

    if (p.n > 0 && (p.s[0] == '{' || p.s[0] == '['))
        return (struct text){p.s, 0};
    switch (language_get(lang)->params) {
    case PARAMS_DECLARATOR:
        name = pointer_name(p);
        if (name.n == 0)
            name = last_ident(up_to(p, "=["));
        return name;
    case PARAMS_AFTER_TYPE:
        return last_ident(up_to(p, "="));
    case PARAMS_BEFORE_TYPE:
        return lang == LANGUAGE_SQL ? name_before_type(p) : first_ident(p);
    default:
        return last_ident(up_to(p, ":=?"));
    }
}

struct params {
    struct text names[MAX_LISTED];
    size_t n;      /* may be beyond MAX_LISTED */
    bool nameless; /* there are others without a name */
};

static void list_params(struct params *out, struct text all, enum language_id lang)
{
    while (all.n > 0) {
        struct text p = up_to(all, ","), name;
        size_t used = size_min(all.n, p.n + 1);

        all = (struct text){all.s + used, all.n - used};
        while (p.n > 0 && text_is_space(p.s[0]))
            p = (struct text){p.s + 1, p.n - 1};
        if (p.n == 0 || (p.n == 1 && (p.s[0] == '*' || p.s[0] == '/')))
            continue; /* Python's marks between kinds of parameters */
        name = param_name(p, lang);
        if (name.n > 0 && is_listed(language_get(lang)->self, name.s, name.n))
            continue;
        if (name.n > 0 && out->n < MAX_LISTED)
            out->names[out->n] = name;
        out->n += name.n > 0;
        out->nameless |= name.n == 0;
    }
}

static void put_params(struct strbuf *out, const struct params *p)
{
    size_t shown = size_min(p->n, MAX_PARAMS), i;
    bool more = p->n > MAX_PARAMS || p->nameless;

    if (p->n == 0 && p->nameless)
        return;
    strbuf_puts(out, p->n == 0 ? "; takes nothing" : "; takes ");
    for (i = 0; i < shown; i++) {
        if (i > 0)
            strbuf_puts(out, i + 1 == shown && !more ? " and " : ", ");
        strbuf_add(out, p->names[i].s, p->names[i].n);
    }
    if (more)
        strbuf_puts(out, " and more");
}

static void put_subject(struct strbuf *out, const struct unit *u, const struct language *l)
{
    struct text o = owner(u);
    const char *sign = operator_sign(u->name);
    bool constructor = is_constructor(u, l), method = u->kind == UNIT_METHOD;

    if (constructor || u->name[0] == '~' ||
        (method && is_listed(l->unmake, u->name, strlen(u->name)))) {
        strbuf_puts(out, constructor ? "Make " : "Destroy ");
        strbuf_add(out, o.s, o.n);
    } else if (sign) {
        if (!unit_is_outline(u))
            strbuf_puts(out, "Operator ");
        strbuf_puts(out, sign);
    } else {
        signature_name(out, u->name);
    }
    if (unit_is_outline(u)) {
        strbuf_puts(out, ", a ");
        strbuf_puts(out, unit_kind_name(u->kind));
    }
}

/* False when there is no list of parameters, or it is not known how to read one. */
static bool read_params(struct params *out, const struct unit *u, enum language_id lang,
                        const char *source, size_t len)
{
    struct text sig = {source, 0}, list;

    *out = (struct params){0};
    if (u->signature.end <= len && u->signature.start <= u->signature.end)
        sig = (struct text){source + u->signature.start, span_len(u->signature)};
    if (language_get(lang)->params == PARAMS_UNSAID || !find_params(&list, sig, u->name))
        return false;
    list_params(out, list, lang);
    return true;
}

size_t signature_params(struct text *names, size_t max, const struct unit *u, enum language_id lang,
                        const char *source, size_t len)
{
    struct params params;

    if (!read_params(&params, u, lang, source, len) || params.nameless || params.n > MAX_LISTED)
        return 0;
    memcpy(names, params.names, size_min(params.n, max) * sizeof(*names));
    return params.n;
}

void signature_summary(struct strbuf *out, const struct unit *u, enum language_id lang,
                       const char *source, size_t len)
{
    struct params params;

    strbuf_reset(out);
    if (u->kind == UNIT_CHUNK) {
        chunk_summary(out, u, lang);
        return;
    }
    put_subject(out, u, language_get(lang));
    strbuf_puts(out, ", going by the name");
    /* Parentheses behind the name of a type may hold anything: its base, its fields, those of its constructor. */
    if (!unit_is_outline(u) && read_params(&params, u, lang, source, len))
        put_params(out, &params);
    strbuf_putc(out, '.');
}
