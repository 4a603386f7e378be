/* chunk_notebook.c - cells of a Jupyter notebook (code). The manual is chunk.h.
 * A notebook is parsed once to see that it is JSON. Where its cells stand in the file is then found in the text itself, since
 * a parsed document has no positions: the span of a cell goes from the first quote of its `source` to the last, be it a string
 * or an array of strings.
 * Source   nbformat 4 (nbformat.v4.schema.json). */
#include "base/json.h"
#include "base/size.h"
#include "code/chunk_list.h"

#include <stdio.h>
#include <string.h>

/* How a member of an object is written; nothing if it is not there. */
static struct text member(struct text object, const char *key)
{
    size_t n = 0;
    const char *s = text_begins(object, "{") ? json_text_member(object.s, object.n, key, &n) : NULL;

    return s ? (struct text){s, n} : (struct text){object.s, 0};
}

/* The same of a string, without its quotes. */
static struct text member_word(struct text object, const char *key)
{
    struct text t = member(object, key);

    return text_begins(t, "\"") ? (struct text){t.s + 1, t.n - 2} : (struct text){t.s, 0};
}

/* By language_info, which the kernel wrote, else by kernelspec; LANGUAGE_NONE when neither names one that we know. */
static enum language_id language_of_notebook(struct text notebook)
{
    static const char *const where[][2] = {{"language_info", "name"}, {"kernelspec", "language"}};
    struct text meta = member(notebook, "metadata");

    for (size_t i = 0; i < ARRAY_LEN(where); i++) {
        struct text word = member_word(member(meta, where[i][0]), where[i][1]);
        enum language_id id = word.n > 0 ? language_of_word(word.s, word.n) : LANGUAGE_NONE;

        if (id != LANGUAGE_NONE)
            return id;
    }
    return LANGUAGE_NONE;
}

/* The first line of a cell says that all of it is something else: %%bash, %%html. False: no code. */
static bool apply_magic(struct text code, enum language_id *lang)
{
    static const char *const prose[] = {"html", "HTML", "latex", "markdown", "svg", "SVG"};
    struct text word = text_skip(code, 2);
    enum language_id id;
    size_t n = 0;

    if (!text_begins(code, "%%"))
        return true;
    while (n < word.n && (text_is_ident(word.s[n]) || word.s[n] == '+'))
        n++;
    for (size_t i = 0; i < ARRAY_LEN(prose); i++)
        if (strlen(prose[i]) == n && text_begins(word, prose[i]))
            return false;
    id = language_of_word(word.s, n);
    if (id != LANGUAGE_NONE)
        *lang = id;
    return true;
}

/* The strings between the first quote and the last, put together. */
static int decode(struct strbuf *out, struct text strings, struct dobby_err *e)
{
    struct strbuf array = {0};
    struct json_value *v = NULL;
    int rc;

    strbuf_putc(&array, '[');
    strbuf_add(&array, strings.s, strings.n);
    strbuf_putc(&array, ']');
    rc = strbuf_failed(&array)
             ? err_nomem(e, "a cell")
             : json_value_parse(&v, strbuf_str(&array), array.len, "a notebook's cell", e);
    for (size_t i = 0; rc == 0 && i < json_value_len(v); i++) {
        size_t n = 0;
        const char *s = json_value_string(json_value_at(v, i), &n);

        if (s)
            strbuf_add(out, s, n);
    }
    json_value_free(v);
    strbuf_release(&array);
    return rc == 0 && strbuf_failed(out) ? err_nomem(e, "a cell") : rc;
}

/* From the first quote of a string or an array to the last; nothing if there is none. */
static struct text strings_of(struct text value)
{
    bool fits = text_begins(value, "\"") || text_begins(value, "[");
    const char *first = fits ? memchr(value.s, '"', value.n) : NULL;
    const char *last = fits ? memrchr(value.s, '"', value.n) : NULL;

    return first && last > first ? (struct text){first, (size_t)(last + 1 - first)}
                                 : (struct text){value.s, 0};
}

/* One cell of the list; `number` counts from 1. *code is scratch. */
static int add_cell(struct chunk_list *c, struct text cell, size_t number, enum language_id lang,
                    struct strbuf *code)
{
    struct text type = member_word(cell, "cell_type");
    struct text strings = strings_of(member(cell, "source")), t;
    struct dobby_err why = {0};
    char name[32];
    int rc, n;

    if (type.n != 4 || !text_begins(type, "code") || strings.n == 0)
        return 0;
    strbuf_reset(code);
    rc = decode(code, strings, &why);
    if (rc < 0) /* other things than strings are in the array */
        return rc == DOBBY_E_NOMEM ? err_nomem(c->e, "a cell") : 0;
    t = chunk_trim((struct text){strbuf_str(code), code->len});
    if (t.n == 0 || !apply_magic(t, &lang))
        return 0;
    n = snprintf(name, sizeof(name), "cell %zu", number);
    return chunk_add(
        c,
        (struct span){(uint32_t)(strings.s - c->text), (uint32_t)(strings.s + strings.n - c->text)},
        lang, (struct text){name, (size_t)n});
}

/* Set c->note unless the text is a notebook of this format. */
static int check_notebook(struct chunk_list *c)
{
    struct dobby_err why = {0};
    struct json_value *v = NULL;
    int64_t format = 0;
    int rc = json_value_parse(&v, c->text, c->len, "a notebook", &why);

    if (rc == DOBBY_E_NOMEM)
        return err_nomem(c->e, "a notebook");
    if (rc == DOBBY_E_LIMIT)
        c->note = CHUNK_TOO_MUCH;
    else if (rc < 0 || !json_value_integer(json_value_member(v, "nbformat"), &format) ||
             format != 4)
        c->note = CHUNK_NO_NOTEBOOK;
    json_value_free(v);
    return 0;
}

int chunk_notebook(struct chunk_list *c)
{
    struct text all = chunk_trim((struct text){c->text, c->len}), cells, cell;
    struct strbuf code = {0};
    size_t pos = 0, number = 0;
    enum language_id lang;
    int rc = check_notebook(c);

    if (rc < 0 || c->note)
        return rc;
    lang = language_of_notebook(all);
    cells = member(all, "cells");
    while (rc == 0 && (cell.s = json_text_element(cells.s, cells.n, &pos, &cell.n)) != NULL)
        rc = add_cell(c, cell, ++number, lang, &code);
    strbuf_release(&code);
    return rc;
}

int chunk_cell(struct strbuf *out, const struct unit *u, const char *text, size_t len,
               struct dobby_err *e)
{
    struct dobby_err why = {0};
    int rc;

    if (u->span.end > len || u->span.start >= u->span.end)
        return err_set(e, DOBBY_E_INTERNAL, "chunk: %s lies outside of its notebook", u->name);
    rc = decode(out, (struct text){text + u->span.start, span_len(u->span)}, &why);
    if (rc == DOBBY_E_NOMEM || rc == 0)
        return rc < 0 ? err_set(e, rc, "%s", why.message) : 0;
    return err_set(e, DOBBY_E_INTERNAL, "chunk: %s is no cell of its notebook", u->name);
}
