/* overview.c - `dobby overview`: what a tree is made of, from its store (cli). */
#include "cli/overview.h"
#include "base/size.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "cli/place.h"

#include <string.h>

struct overview_opts {
    int json;
    const char *output, *store;
};

#define FIELD(f) offsetof(struct overview_opts, f)

static const struct opt rows_overview[] = {
    {0, "json", OPT_FLAG, FIELD(json), 0, 0, NULL, NULL, "One JSON object instead of Markdown"},
    {'o', "output", OPT_STRING, FIELD(output), 0, 0, "FILE", NULL, "Where to write to (stdout)"},
    {0, "store", OPT_STRING, FIELD(store), 0, 0, "FILE", NULL,
     "The store (.dobby/dobby.db of the tree)"},
    {.name = NULL},
};

const struct opt_verb opt_verb_overview = {
    "overview",
    "[PATH]",
    "Tell what a tree is made of: languages, entry points, modules, dependencies",
    "Nothing is computed by a model: it all follows from what the last summarize read. Markdown\n"
    "with a Mermaid diagram of the modules.\n",
    rows_overview,
    0,
    1};

int overview_text(char **text, const char *verb, const char *arg, const char *store, int json,
                  struct dobby_err *e)
{
    struct dobby_store_info info;
    struct dobby_store *s = NULL;
    struct place p = {0};
    const char *path;
    int rc = place_of(&p, verb, arg, e);

    *text = NULL;
    if (rc == 0)
        rc = dobby_store_open(&s, p.near, store, e);
    if (rc == 0)
        rc = dobby_store_get_info(s, &info, e);
    if (rc == 0) {
        path = place_inside(&p, info.root);
        rc = path ? dobby_store_overview(s, path, json, text, e)
                  : err_set(e, DOBBY_E_NOTFOUND,
                            "%s: %s: not in the tree %s; give a path of the tree", verb,
                            strbuf_str(&p.full), info.root);
    }
    dobby_store_free(s);
    place_release(&p);
    return rc;
}

int verb_overview(struct cli *c, int argc, char **argv)
{
    struct out out = {.fd = -1};
    struct opt_operands operands;
    struct overview_opts o = {0};
    struct dobby_err e = {0};
    char *text = NULL;
    bool broken;
    int rc = cli_options(c, &opt_verb_overview, argc, argv, &o, &operands);

    if (rc >= 0)
        return rc;
    cli_log_apply(c, &(struct cli_log){.level = LOG_WARN}, 0);
    rc = overview_text(&text, "overview", operands.n ? operands.arg[0] : ".", o.store, o.json, &e);
    if (rc == 0)
        rc = out_open(&out, o.output, &e);
    if (rc == 0)
        rc = out_write(&out, text, strlen(text), &e);
    if (rc == 0)
        rc = out_commit(&out, &e);
    broken = out.broken;
    out_release(&out);
    dobby_free(text);
    if (broken)
        return EXIT_IO;
    return rc < 0 ? cli_fail(c, &e) : EXIT_DONE;
}
