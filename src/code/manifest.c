/* manifest.c - see manifest.h (code). */
#include "code/manifest.h"

#include "base/json.h"
#include "base/size.h"
#include "base/strbuf.h"
#include "base/utf8.h"

#include <string.h>

/* A table of TOML and a key in it that say something; key NULL: any, and it is the name of a program. */
struct toml_rule {
    const char *table, *key, *fact;
};

static const struct toml_rule cargo_rules[] = {
    {"package", "name", "name"},
    {"lib", "path", "main"},
};
static const struct toml_rule python_rules[] = {
    {"project", "name", "name"},          {"project.scripts", NULL, "run"},
    {"project.gui-scripts", NULL, "run"}, {"tool.poetry", "name", "name"},
    {"tool.poetry.scripts", NULL, "run"},
};

static const char *base_name(const char *path, size_t *len)
{
    const char *slash = memrchr(path, '/', *len);

    if (slash) {
        *len -= (size_t)(slash + 1 - path);
        return slash + 1;
    }
    return path;
}

static bool is_name(const char *path, size_t len, const char *name)
{
    const char *base = base_name(path, &len);

    return strlen(name) == len && memcmp(base, name, len) == 0;
}

bool manifest_is(const char *path, size_t len)
{
    return is_name(path, len, "go.mod") || is_name(path, len, "package.json") ||
           is_name(path, len, "Cargo.toml") || is_name(path, len, "pyproject.toml");
}

/* ---- facts --------------------------------------------------------------------------------------- */

static bool is_clean(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
            return false;
    return n > 0 && n <= MANIFEST_MAX_VALUE && utf8_valid(s, n);
}

static int add(struct manifest *m, const char *key, const char *name, size_t n_name,
               const char *value, size_t n)
{
    struct strbuf b = {0};
    char *copy = NULL;

    if (!is_clean(value, n) || (name && (!is_clean(name, n_name) || memchr(name, '=', n_name))) ||
        m->n == MANIFEST_MAX_FACTS)
        return 0;
    if (name) {
        strbuf_add(&b, name, n_name);
        strbuf_putc(&b, '=');
    }
    strbuf_add(&b, value, n);
    if (!strbuf_failed(&b))
        copy = arena_strndup(&m->arena, strbuf_str(&b), b.len);
    strbuf_release(&b);
    if (!copy)
        return DOBBY_E_NOMEM;
    m->facts[m->n++] = (struct manifest_fact){key, copy};
    return 0;
}

/* ---- lines --------------------------------------------------------------------------------------- */

struct line {
    const char *p;
    size_t n;
};

static void trim(struct line *l)
{
    while (l->n > 0 && strchr(" \t\r", l->p[0]) && l->p[0]) {
        l->p++;
        l->n--;
    }
    while (l->n > 0 && strchr(" \t\r", l->p[l->n - 1]) && l->p[l->n - 1])
        l->n--;
}

/* The next line of a text, without white space around it; false at the end. */
static bool next_line(struct line *out, struct line *text)
{
    const char *eol;

    if (text->n == 0)
        return false;
    eol = memchr(text->p, '\n', text->n);
    out->p = text->p;
    out->n = eol ? (size_t)(eol - text->p) : text->n;
    text->n -= eol ? out->n + 1 : out->n;
    text->p += eol ? out->n + 1 : out->n;
    trim(out);
    return true;
}

static bool is_text(struct line l, const char *s)
{
    return strlen(s) == l.n && memcmp(l.p, s, l.n) == 0;
}

/* "text" or 'text' at the start of l, without escapes. */
static bool take_string(struct line *l)
{
    const char *end = l->n > 1 ? memchr(l->p + 1, l->p[0], l->n - 1) : NULL;

    if (!end || (l->p[0] != '"' && l->p[0] != '\''))
        return false;
    l->p++;
    l->n = (size_t)(end - l->p);
    return !memchr(l->p, '\\', l->n);
}

static size_t word_len(struct line l)
{
    size_t n = 0;

    while (n < l.n && l.p[n] != ' ' && l.p[n] != '\t')
        n++;
    return n;
}

static int read_go(struct manifest *m, struct line text)
{
    struct line l;

    while (next_line(&l, &text)) {
        if (l.n < 8 || memcmp(l.p, "module", 6) != 0 || (l.p[6] != ' ' && l.p[6] != '\t'))
            continue;
        l.p += 6;
        l.n -= 6;
        trim(&l);
        if (!take_string(&l))
            l.n = word_len(l);
        return add(m, "name", NULL, 0, l.p, l.n);
    }
    return 0;
}

static int read_pair(struct manifest *m, struct line l, struct line table,
                     const struct toml_rule *rules, size_t n_rules)
{
    const char *equals = memchr(l.p, '=', l.n);
    struct line key, value;

    if (!equals)
        return 0;
    key = (struct line){l.p, (size_t)(equals - l.p)};
    value = (struct line){equals + 1, l.n - key.n - 1};
    trim(&key);
    trim(&value);
    if (key.n > 0 && (key.p[0] == '"' || key.p[0] == '\'') && !take_string(&key))
        return 0;
    if (!take_string(&value))
        return 0;
    for (size_t i = 0; i < n_rules; i++) {
        const struct toml_rule *r = &rules[i];

        if (!is_text(table, r->table) || (r->key && !is_text(key, r->key)))
            continue;
        return add(m, r->fact, r->key ? NULL : key.p, key.n, value.p, value.n);
    }
    return 0;
}

/* Does a string of several lines begin or end in this line? */
static bool is_turn(struct line l, const char *quotes)
{
    const char *p = memmem(l.p, l.n, quotes, 3);

    return p && !memmem(p + 3, (size_t)(l.p + l.n - p - 3), quotes, 3);
}

static int read_toml(struct manifest *m, struct line text, const struct toml_rule *rules, size_t n)
{
    struct line l, table = {"", 0};
    bool inside = false;
    int rc = 0;

    while (rc == 0 && next_line(&l, &text)) {
        if (is_turn(l, "\"\"\"") || is_turn(l, "'''"))
            inside = !inside;
        else if (inside || l.n == 0 || l.p[0] == '#')
            continue;
        else if (l.p[0] == '[') {
            const char *end = memchr(l.p, ']', l.n);

            table = (struct line){l.p + 1, end ? (size_t)(end - l.p - 1) : 0};
            trim(&table);
        } else {
            rc = read_pair(m, l, table, rules, n);
        }
    }
    return rc;
}

/* ---- package.json -------------------------------------------------------------------------------- */

static int add_json(struct manifest *m, const char *key, const char *name,
                    const struct json_value *v)
{
    size_t n = 0;
    const char *s = json_value_string(v, &n);

    return s ? add(m, key, name, name ? strlen(name) : 0, s, n) : 0;
}

/* "bin": a path, of a program that is called like the package, or an object of them. */
static int read_bin(struct manifest *m, const struct json_value *doc)
{
    const struct json_value *bin = json_value_member(doc, "bin");
    const char *name = json_value_string(json_value_member(doc, "name"), NULL);
    const char *slash = name ? strrchr(name, '/') : NULL, *key;
    int rc = 0;

    if (json_value_string(bin, NULL))
        return add_json(m, "run", slash ? slash + 1 : name ? name : "bin", bin);
    for (size_t i = 0; rc == 0 && i < MANIFEST_MAX_FACTS && (key = json_value_key(bin, i)); i++)
        rc = add_json(m, "run", key, json_value_member(bin, key));
    return rc;
}

static int read_npm(struct manifest *m, const char *text, size_t n, struct dobby_err *e)
{
    struct json_value *doc = NULL;
    int rc = json_value_parse(&doc, text, n, "package.json", e);

    if (rc < 0)
        return rc;
    rc = add_json(m, "name", NULL, json_value_member(doc, "name"));
    if (rc == 0)
        rc = add_json(m, "main", NULL, json_value_member(doc, "main"));
    if (rc == 0)
        rc = add_json(m, "main", NULL, json_value_member(doc, "module"));
    if (rc == 0 && m->n > 0 && strcmp(m->facts[m->n - 1].key, "main") != 0 &&
        !json_value_member(doc, "exports"))
        rc = add(m, "main", NULL, 0, "index.js", 8); /* what npm takes then */
    if (rc == 0)
        rc = read_bin(m, doc);
    json_value_free(doc);
    return rc;
}

int manifest_read(struct manifest *m, const char *path, size_t len, const char *text, size_t n,
                  struct dobby_err *e)
{
    struct line all = {text, n};
    int rc;

    m->arena = (struct arena){0};
    m->n = 0;
    if (is_name(path, len, "go.mod"))
        rc = read_go(m, all);
    else if (is_name(path, len, "package.json"))
        rc = read_npm(m, text, n, e);
    else if (is_name(path, len, "Cargo.toml"))
        rc = read_toml(m, all, cargo_rules, ARRAY_LEN(cargo_rules));
    else
        rc = read_toml(m, all, python_rules, ARRAY_LEN(python_rules));
    if (rc < 0)
        manifest_release(m);
    return rc == DOBBY_E_NOMEM ? err_nomem(e, "a manifest") : rc;
}

void manifest_release(struct manifest *m)
{
    arena_release(&m->arena);
    m->n = 0;
}
