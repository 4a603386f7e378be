/* prompts.c - `bench prompts`: functions of source trees as prompts (bench).
 * What     The questions that `dobby summarize --no-docs` would ask about functions of the trees, in the same words, a JSON line
 *          each: one job for every program that is compared. Of each tree, the same number of functions, taken at equal
 *          distances in the order of the outputs, so that small and large, early and late ones are there. Types are left
 *          out: what was measured before there were any stays comparable. */
#include "bench.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/size.h"
#include "code/prompt.h"
#include "code/walk.h"
#include "pipeline/question.h"
#include "pipeline/scan.h"

#include <stdio.h>
#include <string.h>

struct prompts_opts {
    int count;
};

static const struct opt rows[] = {
    {'n', "count", OPT_INT, offsetof(struct prompts_opts, count), 1, 1 << 20, "N", NULL,
     "Functions of each tree at most (all)"},
    {.name = NULL},
};

const struct opt_verb opt_bench_prompts = {
    "bench prompts",
    "PATH...",
    "Write functions of source trees as prompts, a JSON line each",
    "The prompts are those of dobby summarize --no-docs.\n",
    rows,
    1,
    OPT_MAX_OPERANDS};

static void put_line(struct strbuf *b, const struct scan_file *f, const struct unit *u,
                     const struct prompt *p)
{
    struct strbuf id = {0};

    strbuf_printf(&id, "%s:%d:%s", f->wf->path, u->start_line, u->qualified);
    strbuf_puts(b, "{\"id\":");
    json_put_string(b, strbuf_str(&id), id.len);
    strbuf_puts(b, ",\"messages\":[");
    for (size_t i = 0; i < p->n; i++) {
        strbuf_puts(b, i ? ",{\"role\":" : "{\"role\":");
        json_put_string(b, p->msg[i].role, strlen(p->msg[i].role));
        strbuf_puts(b, ",\"content\":");
        json_put_string(b, p->msg[i].text, p->msg[i].len);
        strbuf_putc(b, '}');
    }
    strbuf_puts(b, "]}\n");
    strbuf_release(&id);
}

struct tree {
    struct walk w;
    struct scan s;
    struct question q; /* used for its words only: no model is opened */
    struct strbuf source, code, line;
};

static int put_unit(struct tree *t, const struct scan_file *f, const struct unit *u,
                    struct dobby_err *e)
{
    int rc = prompt_code(&t->code, u, f->wf->language, strbuf_str(&t->source), t->source.len,
                         f->units, f->n, e);

    if (rc ==
        DOBBY_E_LIMIT) { /* no prompt can be made of it: dobby summarize would not ask either */
        err_clear(e);
        return 0;
    }
    if (rc == 0)
        rc = question_words(&t->q, u, f->wf->language, strbuf_str(&t->code), t->code.len, 0, NULL,
                            e);
    if (rc < 0)
        return rc;
    strbuf_reset(&t->line);
    put_line(&t->line, f, u, &t->q.prompt);
    if (strbuf_failed(&t->line))
        return err_nomem(e, "a prompt");
    fwrite(strbuf_str(&t->line), 1, t->line.len, stdout);
    return 0;
}

static size_t count_functions(const struct scan *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_files; i++)
        for (size_t k = 0; k < s->files[i].n; k++)
            n += !unit_is_outline(&s->files[i].units[k]);
    return n;
}

static int put_tree(struct tree *t, size_t count, struct dobby_err *e)
{
    size_t seen = 0, n = count_functions(&t->s);
    int rc = 0;

    for (size_t i = 0; i < t->s.n_files && rc == 0; i++) {
        struct scan_file *f = &t->s.files[i];
        uint8_t hash[KEY_LEN];

        if (f->n > 0)
            rc = walk_read(&t->w, f->wf, &t->source, hash, e);
        if (rc == 0 && f->n > 0 && memcmp(hash, f->hash, KEY_LEN) != 0)
            rc = err_set(e, DOBBY_E_IO, "%s: changed while it was read; try again", f->wf->path);
        for (size_t k = 0; k < f->n && rc == 0; k++)
            if (!unit_is_outline(&f->units[k]) && bench_is_taken(seen++, n, count))
                rc = put_unit(t, f, &f->units[k], e);
    }
    return rc;
}

static int prompts_of(const char *path, size_t count, struct dobby_err *e)
{
    struct scan_options so = {.worker_path = "/proc/self/exe"};
    struct tree t = {0};
    int rc = walk_tree(&t.w, path, NULL, e);

    if (rc < 0)
        return rc;
    question_init(&t.q, NULL, NULL, 0, 0);
    rc = scan_tree(&t.s, &t.w, NULL, &so, e);
    if (rc == 0) {
        rc = put_tree(&t, count, e);
        scan_release(&t.s);
    }
    question_release(&t.q);
    walk_release(&t.w);
    strbuf_release(&t.source);
    strbuf_release(&t.code);
    strbuf_release(&t.line);
    return rc;
}

int bench_prompts(int argc, char **argv)
{
    struct prompts_opts o = {0};
    struct opt_operands paths;
    struct dobby_err e = {0};
    int rc = bench_options(&opt_bench_prompts, argc, argv, &o, &paths);

    if (rc >= 0)
        return rc;
    rc = 0;
    for (size_t i = 0; i < paths.n && rc == 0; i++)
        rc = prompts_of(paths.arg[i], (size_t)o.count, &e);
    if (rc == 0 && (fflush(stdout) != 0 || ferror(stdout)))
        rc = err_set(&e, DOBBY_E_IO, "standard output: cannot be written");
    return rc < 0 ? bench_fail(&e) : 0;
}
