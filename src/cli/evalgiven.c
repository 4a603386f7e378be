/* evalgiven.c - see evalgiven.h (cli). */
#include "cli/evalgiven.h"

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define MAX_FILE ((size_t)256 << 20)

static int member(struct eval_given *g, const char **out, const struct json_value *v,
                  const char *key, const char *where, struct dobby_err *e)
{
    size_t n;
    const char *s = json_value_string(json_value_member(v, key), &n);

    if (!s || strlen(s) != n || !*s)
        return err_set(e, DOBBY_E_FORMAT,
                       "eval: %s: %s: is not a text; give path, name, system and text", where, key);
    *out = arena_strndup(&g->arena, s, n);
    return *out ? 0 : err_nomem(e, "a text");
}

static int take_line(struct eval_given *g, const char *line, size_t n, const char *where,
                     struct dobby_err *e)
{
    struct dobby_eval_given x = {0};
    struct json_value *v = NULL;
    int rc = json_value_parse(&v, line, n, where, e);

    if (rc == 0)
        rc = member(g, &x.path, v, "path", where, e);
    if (rc == 0)
        rc = member(g, &x.name, v, "name", where, e);
    if (rc == 0)
        rc = member(g, &x.system, v, "system", where, e);
    if (rc == 0)
        rc = member(g, &x.text, v, "text", where, e);
    json_value_free(v);
    if (rc == 0 && mem_grow((void **)&g->v, &g->cap, g->n + 1, sizeof(*g->v)) < 0)
        rc = err_nomem(e, "a text");
    if (rc == 0)
        g->v[g->n++] = x;
    return rc;
}

int eval_given_read(struct eval_given *g, const char *path, struct dobby_err *e)
{
    struct strbuf text = {0}, where = {0};
    int rc = file_read_all(&text, path, MAX_FILE, e);
    const char *p = strbuf_str(&text), *end = p + text.len;

    for (size_t no = 1; rc == 0 && p < end; no++) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((eol ? eol : end) - p);

        strbuf_reset(&where);
        strbuf_printf(&where, "%s: line %zu", path, no);
        if (strbuf_failed(&where))
            rc = err_nomem(e, "a text");
        else if (n > 0)
            rc = take_line(g, p, n, strbuf_str(&where), e);
        p += n + (eol != NULL);
    }
    strbuf_release(&text);
    strbuf_release(&where);
    return rc;
}

void eval_given_release(struct eval_given *g)
{
    mem_free(g->v);
    arena_release(&g->arena);
    *g = (struct eval_given){0};
}
