/* find.c - `dobby find`: search in a store (cli). */
#include "base/size.h"
#include "base/utf8.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "cli/place.h"

#include <string.h>

struct find_opts {
    int limit, jsonl;
    const char *in, *store;
};

#define FIELD(f) offsetof(struct find_opts, f)

#define LIMIT_MAX 100000

static const char *const formats[] = {"text", "jsonl", NULL};

static const struct opt rows_find[] = {
    {0, "limit", OPT_INT, FIELD(limit), 1, LIMIT_MAX, "N", NULL, "Results at most (20)"},
    {0, "in", OPT_STRING, FIELD(in), 0, 0, "PATH", NULL,
     "Only what lies in this file or directory, and in its tree"},
    {0, "format", OPT_CHOICE, FIELD(jsonl), 0, 0, NULL, formats, "Form of the result (text)"},
    {0, "store", OPT_STRING, FIELD(store), 0, 0, "FILE", NULL,
     "The store (.dobby/dobby.db of the tree)"},
    {.name = NULL},
};

const struct opt_verb opt_verb_find = {
    "find",
    "WORD...",
    "Search the store: names, summaries and paths, the best first",
    "A function, type, file or directory is found when it holds all the words, in any order. "
    "Names\n"
    "are searched by their parts: parseHeader and parse_header by parseHeader, parseheader, parse\n"
    "header, header, head. Nothing is special in a word. Without --in it is the tree of the "
    "current\n"
    "directory.\n",
    rows_find,
    1,
    OPT_MAX_OPERANDS};

struct found {
    struct out out;
    bool jsonl;
    struct strbuf line;
    struct dobby_err err;
};

/* path:line  name  summary, on one line whatever they hold; path  file  summary of what has no lines; the label at the end. */
static void put_text(struct strbuf *b, const struct dobby_row *row)
{
    utf8_escape(b, row->path, row->path_len, "");
    if (row->start_line > 0) {
        strbuf_printf(b, ":%d  ", row->start_line);
        utf8_escape(b, row->name, strlen(row->name), "");
    } else {
        strbuf_printf(b, "  %s", row->kind);
    }
    strbuf_puts(b, "  ");
    utf8_escape(b, row->summary, strlen(row->summary), "");
    if (row->label)
        strbuf_printf(b, "  (%s)", row->label);
    strbuf_putc(b, '\n');
}

static int put_row(void *ctx, const struct dobby_row *row)
{
    struct found *f = ctx;
    char *json = NULL;

    strbuf_reset(&f->line);
    if (f->jsonl) {
        json = dobby_row_json(row);
        if (!json)
            return err_nomem(&f->err, "a row");
        strbuf_puts(&f->line, json);
        dobby_free(json);
    } else {
        put_text(&f->line, row);
    }
    if (strbuf_failed(&f->line))
        return err_nomem(&f->err, "a row");
    return out_write(&f->out, strbuf_str(&f->line), f->line.len, &f->err);
}

static int search(struct found *f, const struct find_opts *o, const char *query,
                  struct dobby_err *e)
{
    struct dobby_store_info info;
    struct dobby_store *s = NULL;
    struct place p = {0};
    const char *path = "";
    int rc = o->in ? place_of(&p, "find", o->in, e) : 0;

    if (rc == 0)
        rc = dobby_store_open(&s, o->in ? p.near : ".", o->store, e);
    if (rc == 0 && o->in) {
        rc = dobby_store_get_info(s, &info, e);
        path = rc == 0 ? place_inside(&p, info.root) : NULL;
        if (rc == 0 && !path)
            rc = err_set(e, DOBBY_E_NOTFOUND,
                         "find: %s: not in the tree %s; give a path of the tree",
                         strbuf_str(&p.full), info.root);
    }
    if (rc == 0)
        rc = dobby_store_find(s, query, path, (size_t)o->limit, put_row, f, e);
    if (rc < 0 && f->err.code != 0)
        rc = err_set(e, f->err.code, "%s", f->err.message);
    dobby_store_free(s);
    place_release(&p);
    return rc;
}

int verb_find(struct cli *c, int argc, char **argv)
{
    struct found f = {.out.fd = -1};
    struct opt_operands words;
    struct find_opts o = {.limit = 20};
    struct strbuf query = {0};
    struct dobby_err e = {0};
    bool broken;
    int rc = cli_options(c, &opt_verb_find, argc, argv, &o, &words);

    if (rc >= 0)
        return rc;
    cli_log_apply(c, &(struct cli_log){.level = LOG_WARN}, 0);
    for (size_t i = 0; i < words.n; i++) {
        strbuf_puts(&query, words.arg[i]);
        strbuf_putc(&query, ' ');
    }
    f.jsonl = o.jsonl != 0;
    rc = strbuf_failed(&query) ? err_nomem(&e, "a query") : out_open(&f.out, NULL, &e);
    if (rc == 0)
        rc = search(&f, &o, strbuf_str(&query), &e);
    if (rc == 0)
        rc = out_commit(&f.out, &e);
    broken = f.out.broken;
    out_release(&f.out);
    strbuf_release(&f.line);
    strbuf_release(&query);
    if (broken)
        return EXIT_IO;
    return rc < 0 ? cli_fail(c, &e) : EXIT_DONE;
}
