/* tokenize.c - `dobby tokenize`: text on stdin, one line of token ids on stdout (cli). */
#include "base/strbuf.h"
#include "cli/catalogue.h"
#include "cli/cli.h"

#define STDIN_MAX ((size_t)256 << 20)

struct tokenize_opts {
    const char *model;
    int special, add_bos;
};

#define FIELD(f) offsetof(struct tokenize_opts, f)

static const struct opt rows[] = {
    {'m', "model", OPT_STRING, FIELD(model), 0, 0, "MODEL", NULL,
     "File or catalogue name of the model"},
    {0, "special", OPT_FLAG, FIELD(special), 0, 0, NULL, NULL,
     "Parse control tokens written in the text (never for text from outside)"},
    {0, "add-bos", OPT_FLAG, FIELD(add_bos), 0, 0, NULL, NULL,
     "Put the begin token first where the model asks for one"},
    {.name = NULL},
};

const struct opt_verb opt_verb_tokenize = {
    "tokenize", "", "Print the token ids of the text on standard input", NULL, rows, 0, 0};

static int tokenize(struct cli *c, const struct tokenize_opts *o, struct strbuf *line,
                    struct dobby_err *e)
{
    struct dobby_model *model = NULL;
    struct dobby_model_options mo;
    struct strbuf text = {0};
    struct modelref ref = {0};
    int32_t *ids = NULL;
    size_t n = 0;
    int rc;

    DOBBY_INIT(mo);
    mo.cache_dir = c->cache;
    mo.head = 1; /* no weights for tokens */
    rc = modelref_resolve(&ref, c, o->model, e);
    if (rc == 0)
        rc = modelref_plain(&ref, "tokenize", e);
    if (rc == 0)
        rc = modelref_present(&ref, e);
    if (rc == 0)
        rc = cli_read_stdin(&text, STDIN_MAX, e);
    if (rc == 0)
        rc = dobby_model_open(&model, ref.path, &mo, e);
    if (rc == 0)
        rc =
            dobby_tokenize(model, strbuf_str(&text), text.len, o->special, o->add_bos, &ids, &n, e);
    for (size_t i = 0; rc == 0 && i < n; i++)
        strbuf_printf(line, i ? " %d" : "%d", (int)ids[i]);
    strbuf_putc(line, '\n');
    dobby_free(ids);
    dobby_model_free(model);
    strbuf_release(&text);
    modelref_release(&ref);
    return rc;
}

int verb_tokenize(struct cli *c, int argc, char **argv)
{
    struct opt_operands operands;
    struct tokenize_opts o = {0};
    struct dobby_err e = {0};
    struct strbuf line = {0};
    int rc = cli_options(c, &opt_verb_tokenize, argc, argv, &o, &operands);

    if (rc >= 0)
        return rc;
    cli_log_apply(c, &(struct cli_log){.level = LOG_WARN}, 0);
    rc = tokenize(c, &o, &line, &e);
    rc = rc < 0 ? cli_fail(c, &e) : cli_print(c, &line);
    strbuf_release(&line);
    return rc;
}
