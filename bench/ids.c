/* ids.c - `bench ids`: prompts as token ids, for programs that take them (bench). A rival that is given ids cannot lose or win by
 * its template or tokenizer: it answers the very prompts that dobby answers. */
#include "bench.h"
#include "engine.h"
#include "jsonl.h"

#include "base/json.h"

#include <stdio.h>
#include <string.h>

struct ids_opts {
    int limit;
};

static const struct opt rows[] = {
    {0, "limit", OPT_INT, offsetof(struct ids_opts, limit), 1, 1 << 20, "N", NULL,
     "Prompts of the file to use, at equal distances (all)"},
    {.name = NULL},
};

const struct opt_verb opt_bench_ids = {"bench ids",
                                       "MODEL.gguf PROMPTS.jsonl",
                                       "Write prompts as token ids, a JSON line each",
                                       NULL,
                                       rows,
                                       2,
                                       2};

static int put_ids(const struct dobby_model *m, const struct bench_prompt *p, struct dobby_err *e)
{
    struct strbuf b = {0};
    int32_t *ids = NULL;
    size_t n = 0;
    int rc = dobby_chat_tokens(m, p->msg, p->n_msg, &ids, &n, e);

    strbuf_puts(&b, "{\"id\":");
    json_put_string(&b, p->id, strlen(p->id));
    strbuf_puts(&b, ",\"ids\":[");
    for (size_t i = 0; i < n; i++)
        strbuf_printf(&b, i ? ",%d" : "%d", (int)ids[i]);
    strbuf_puts(&b, "]}\n");
    if (rc == 0 && strbuf_failed(&b))
        rc = err_nomem(e, "a prompt");
    if (rc == 0)
        fwrite(strbuf_str(&b), 1, b.len, stdout);
    strbuf_release(&b);
    dobby_free(ids);
    return rc;
}

int bench_ids(int argc, char **argv)
{
    struct engine_opts engine = {0};
    struct ids_opts o = {0};
    struct opt_operands files;
    struct prompt_file prompts = {0};
    struct dobby_model *m = NULL;
    struct dobby_err e = {0};
    int rc = bench_options(&opt_bench_ids, argc, argv, &o, &files);

    if (rc >= 0)
        return rc;
    rc = prompt_file_read(&prompts, files.arg[1], (size_t)o.limit, &e);
    if (rc == 0)
        rc = bench_open_model(&m, files.arg[0], &engine, &e);
    for (size_t i = 0; i < prompts.n && rc == 0; i++)
        rc = put_ids(m, &prompts.v[i], &e);
    if (rc == 0 && (fflush(stdout) != 0 || ferror(stdout)))
        rc = err_set(&e, DOBBY_E_IO, "standard output: cannot be written");
    dobby_model_free(m);
    prompt_file_release(&prompts);
    return rc < 0 ? bench_fail(&e) : 0;
}
