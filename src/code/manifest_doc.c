/* manifest_doc.c - see manifest_doc.h (code). */
#include "code/manifest_doc.h"

#include "base/json.h"
#include "base/size.h"
#include "code/readme.h"
#include "code/text.h"

#include <string.h>

enum form { FORM_NONE, FORM_JSON, FORM_TABLES, FORM_GEMSPEC };

static enum form form_of(const char *name, size_t len)
{
    static const struct {
        const char *name;
        enum form form;
    } known[] = {{"package.json", FORM_JSON},
                 {"composer.json", FORM_JSON},
                 {"Cargo.toml", FORM_TABLES},
                 {"pyproject.toml", FORM_TABLES},
                 {"setup.cfg", FORM_TABLES}};
    static const char end[] = ".gemspec";

    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strlen(known[i].name) == len && memcmp(known[i].name, name, len) == 0)
            return known[i].form;
    return len > sizeof(end) && memcmp(name + len - (sizeof(end) - 1), end, sizeof(end) - 1) == 0
               ? FORM_GEMSPEC
               : FORM_NONE;
}

bool manifest_known(const char *name, size_t len)
{
    return form_of(name, len) != FORM_NONE;
}

/* The value behind the sign: what stands between quotes, or all of the line where the form has no quotes. */
static bool value_of(struct text t, bool bare, struct text *out)
{
    const char *close;

    t = text_trim(t);
    if (t.n == 0 || (t.s[0] != '"' && t.s[0] != '\'')) {
        *out = t;
        return bare && t.n > 0;
    }
    if (t.n > 2 && t.s[1] == t.s[0] && t.s[2] == t.s[0]) /* three quotes: more than a line */
        return false;
    close = memchr(t.s + 1, t.s[0], t.n - 1);
    if (!close || memchr(t.s, '\\', (size_t)(close - t.s)) || memmem(t.s, t.n, "#{", 2))
        return false;
    *out = (struct text){t.s + 1, (size_t)(close - t.s) - 1};
    return true;
}

/* "key = value" at the start of a line. */
static bool is_key(struct text line, const char *key, struct text *after)
{
    struct text rest;

    if (!text_begins(line, key))
        return false;
    rest = text_trim(text_skip(line, strlen(key)));
    if (rest.n == 0 || rest.s[0] != '=')
        return false;
    *after = text_skip(rest, 1);
    return true;
}

/* spec.summary = "text": the name before the dot is anybody's. */
static bool is_summary(struct text line, struct text *after)
{
    const char *dot = memchr(line.s, '.', line.n);
    struct text rest = dot ? text_skip(line, (size_t)(dot - line.s) + 1) : line;

    for (const char *c = line.s; dot && c < dot; c++)
        if (!text_is_ident(*c))
            return false;
    return dot && (is_key(rest, "summary", after) || is_key(rest, "description", after));
}

static bool find_line(struct text *out, enum form form, const char *text, size_t n)
{
    static const char *const tables[] = {"[package]", "[project]", "[tool.poetry]", "[metadata]",
                                         "[workspace.package]"};
    bool in = form == FORM_GEMSPEC;

    for (size_t at = 0; at < n;) {
        const char *eol = memchr(text + at, '\n', n - at);
        size_t end = eol ? (size_t)(eol - text) : n;
        struct text line = text_trim((struct text){text + at, end - at}), after;

        at = end + 1;
        if (form == FORM_TABLES && text_begins(line, "[")) {
            in = false;
            for (size_t i = 0; i < ARRAY_LEN(tables); i++)
                in |= line.n == strlen(tables[i]) && text_begins(line, tables[i]);
            continue;
        }
        if (in &&
            (form == FORM_GEMSPEC ? is_summary(line, &after) : is_key(line, "description", &after)))
            return value_of(after, form == FORM_TABLES, out);
    }
    return false;
}

bool manifest_sentence(struct strbuf *out, const char *name, size_t len, const char *text, size_t n)
{
    enum form form = form_of(name, len);
    struct json_value *doc = NULL;
    struct dobby_err e = {0};
    struct text value = {NULL, 0};
    bool good = false;

    if (form == FORM_JSON) {
        /* One that is no JSON has no description; whoever uses it will tell. */
        if (json_value_parse(&doc, text, n, name, &e) == 0)
            value.s = json_value_string(json_value_member(doc, "description"), &value.n);
        else if (e.code == DOBBY_E_NOMEM)
            out->failed = true;
    } else if (form != FORM_NONE && !find_line(&value, form, text, n)) {
        value.s = NULL;
    }
    if (value.s)
        good = readme_line(out, value.s, value.n);
    json_value_free(doc);
    return good && !strbuf_failed(out);
}
