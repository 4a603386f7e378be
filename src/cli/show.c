/* show.c - `dobby show` and `dobby status`: reading a store (cli). */
#include "base/size.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "cli/place.h"
#include "cli/rows.h"

#include <string.h>

struct show_opts {
    struct rows_to to;
    const char *store;
};

#define FIELD(f) offsetof(struct show_opts, f)

static const struct opt rows_show[] = {
    ROWS_FORM_ROW(show_opts, to),
    ROWS_OUTPUT_ROW(show_opts, to),
    ROWS_TITLE_ROW(show_opts, to),
    {0, "store", OPT_STRING, FIELD(store), 0, 0, "FILE", NULL,
     "The store (.dobby/dobby.db of the tree)"},
    {.name = NULL},
};

const struct opt_verb opt_verb_show = {
    "show",
    "PATH[:NAME]",
    "Print summaries from the store: of a directory and what is below it, a file, or one unit",
    "Nothing is computed. NAME is a plain or qualified name, of a function or type. A page of a "
    "whole\n"
    "tree: dobby show --format html -o page.html .\n",
    rows_show,
    1,
    1};

static const struct opt rows_status[] = {
    {0, "store", OPT_STRING, FIELD(store), 0, 0, "FILE", NULL,
     "The store (.dobby/dobby.db of the tree)"},
    {.name = NULL},
};

const struct opt_verb opt_verb_status = {
    "status", "[PATH]", "Tell what the store of a tree holds", NULL, rows_status, 0, 1};

/* ---- show -------------------------------------------------------------------------------------- */

static int print_rows(struct rows *r, const struct place *p, const char *store_path,
                      struct dobby_err *e)
{
    struct dobby_store_info info;
    struct dobby_store *s = NULL;
    const char *path;
    int rc = dobby_store_open(&s, p->near, store_path, e);

    if (rc == 0)
        rc = dobby_store_get_info(s, &info, e);
    if (rc == 0) {
        path = place_inside(p, info.root);
        if (!path)
            rc = err_set(e, DOBBY_E_NOTFOUND,
                         "show: %s: not in the tree %s; give a path of the tree",
                         strbuf_str(&p->full), info.root);
        else
            rc = dobby_store_rows(s, path, p->name, rows_put, r, e);
    }
    if (rc < 0 && r->err.code != 0)
        rc = err_set(e, r->err.code, "%s", r->err.message);
    if (rc == 0 && r->n == 0)
        rc = err_set(e, DOBBY_E_NOTFOUND,
                     "show: %s%s%s: nothing in the store; run dobby summarize on it",
                     strbuf_str(&p->full), p->name ? ":" : "", p->name ? p->name : "");
    dobby_store_free(s);
    return rc;
}

int verb_show(struct cli *c, int argc, char **argv)
{
    struct opt_operands operands;
    struct show_opts o = {0};
    struct dobby_err e = {0};
    struct place p = {0};
    struct rows r = {.out.fd = -1, .tree.fd = -1};
    bool broken;
    int rc = cli_options(c, &opt_verb_show, argc, argv, &o, &operands);

    if (rc >= 0)
        return rc;
    cli_log_apply(c, &(struct cli_log){.level = LOG_WARN}, 0);
    rc = place_named(&p, "show", operands.arg[0], &e);
    o.to.of = strbuf_str(&p.full);
    if (rc == 0)
        rc = rows_open(&r, "show", &o.to, &e);
    if (rc == 0)
        rc = print_rows(&r, &p, o.store, &e);
    if (rc == 0)
        rc = rows_commit(&r, &e);
    broken = r.out.broken;
    rows_release(&r);
    place_release(&p);
    if (broken)
        return EXIT_IO;
    return rc < 0 ? cli_fail(c, &e) : EXIT_DONE;
}

/* ---- status ------------------------------------------------------------------------------------ */

static void put_status(struct strbuf *b, const struct dobby_store_info *i)
{
    strbuf_printf(b, "root:       %s\nstore:      %s (", i->root, i->db_path);
    cli_put_bytes(b, (double)i->db_bytes);
    strbuf_printf(b,
                  ")\nunits:      %llu\nsummaries:  %llu (model %llu, doc %llu, signature "
                  "%llu)\nparents:    %llu (files, directories, the repository)\n"
                  "failed:     %llu\n"
                  "runs:       %llu\n",
                  (unsigned long long)i->n_units, (unsigned long long)i->n_summaries,
                  (unsigned long long)i->n_model, (unsigned long long)i->n_doc,
                  (unsigned long long)i->n_signature, (unsigned long long)i->n_parents,
                  (unsigned long long)i->n_failed, (unsigned long long)i->n_runs);
    if (*i->last_run)
        strbuf_printf(b, "last run:   %s\n", i->last_run);
}

int verb_status(struct cli *c, int argc, char **argv)
{
    struct dobby_store_info info;
    struct opt_operands operands;
    struct dobby_store *s = NULL;
    struct show_opts o = {0};
    struct dobby_err e = {0};
    struct strbuf b = {0};
    int rc = cli_options(c, &opt_verb_status, argc, argv, &o, &operands);

    if (rc >= 0)
        return rc;
    cli_log_apply(c, &(struct cli_log){.level = LOG_WARN}, 0);
    rc = dobby_store_open(&s, operands.n ? operands.arg[0] : ".", o.store, &e);
    if (rc == 0)
        rc = dobby_store_get_info(s, &info, &e);
    if (rc == 0)
        put_status(&b, &info);
    rc = rc < 0 ? cli_fail(c, &e) : cli_print(c, &b);
    dobby_store_free(s);
    strbuf_release(&b);
    return rc;
}
