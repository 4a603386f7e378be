/* check.c - `dobby check`: which summaries are missing or stale, for CI and hooks (cli).
 * Next     sarif.h for one of the forms; dobby_check_tree in dobby.h for what is meant. */
#include "base/utf8.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "cli/sarif.h"
#include "cli/sig.h"

#include <stdio.h>
#include <string.h>

enum format { FORMAT_TEXT, FORMAT_JSONL, FORMAT_SARIF };

struct check_opts {
    const char *output, *store, *since;
    int format, threads, no_docs, strict, quiet;
    size_t memory;
    struct cli_log log;
};

#define FIELD(f) offsetof(struct check_opts, f)

static const char *const formats[] = {"text", "jsonl", "sarif", NULL};

static const struct opt rows[] = {
    {0, "format", OPT_CHOICE, FIELD(format), 0, 0, NULL, formats, "Form of the findings (text)"},
    {'o', "output", OPT_STRING, FIELD(output), 0, 0, "FILE|-", NULL,
     "Where the findings go (-: standard output)"},
    {0, "since", OPT_STRING, FIELD(since), 0, 0, "REV", NULL,
     "Judge files only that differ from this git commit"},
    {0, "strict", OPT_FLAG, FIELD(strict), 0, 0, NULL, NULL,
     "Comments that name a parameter that is not there count, too"},
    {0, "no-docs", OPT_FLAG, FIELD(no_docs), 0, 0, NULL, NULL,
     "The summaries were made with --no-docs"},
    {0, "store", OPT_STRING, FIELD(store), 0, 0, "FILE", NULL,
     "The store (.dobby/dobby.db of the tree)"},
    {'t', "threads", OPT_INT, FIELD(threads), 1, CLI_THREADS_MAX, "N", NULL,
     "Parsers at most (as many as there are processors)"},
    {0, "memory", OPT_SIZE, FIELD(memory), 1 << 20, 1LL << 50, "SIZE|auto", cli_memory_words,
     "Memory of all processes at most (auto: 70% of what is there)"},
    {'q', "quiet", OPT_FLAG, FIELD(quiet), 0, 0, NULL, NULL, "No summary line, errors only"},
    CLI_LOG_ROWS(check_opts, log),
    {.name = NULL},
};

const struct opt_verb opt_verb_check = {
    "check",
    "[PATH]",
    "Tell which summaries are missing or stale, for CI",
    "No model is needed and no summary is changed. A line for each function, type, file and "
    "directory at\n"
    "or below PATH (.) whose summary the store lacks (missing) or that has changed since it was "
    "made\n"
    "(stale): what dobby summarize would do.\n"
    "Comments that document a parameter that the function lacks are told, too (doc-mismatch).\n"
    "\nExit status: 0 all are there and current, 1 some are missing or stale; others as in the "
    "manual page.\n",
    rows,
    0,
    1};

struct job {
    struct cli *c;
    const struct check_opts *o;
    struct out out;
    struct strbuf text;   /* scratch */
    size_t n;             /* findings */
    struct dobby_err err; /* the first failure of the output */
};

static void on_note(void *ctx, const char *line)
{
    struct job *j = ctx;

    term_say(&j->c->term, "%s", line);
}

static int write_text(struct job *j)
{
    if (strbuf_failed(&j->text))
        return err_nomem(&j->err, "a finding");
    return out_write(&j->out, strbuf_str(&j->text), j->text.len, &j->err);
}

static void put_line(struct strbuf *b, const struct dobby_finding *f)
{
    utf8_escape(b, f->path, f->path_len, "");
    if (f->start_line > 0)
        strbuf_printf(b, ":%d", f->start_line);
    strbuf_printf(b, ": %s: ", dobby_finding_name(f->kind));
    if (f->start_line > 0)
        utf8_escape(b, f->name, strlen(f->name), "");
    else
        strbuf_puts(b, f->unit_kind);
    if (f->detail) {
        strbuf_puts(b, ": has no parameter ");
        utf8_escape(b, f->detail, strlen(f->detail), "");
    }
    strbuf_putc(b, '\n');
}

static int on_finding(void *ctx, const struct dobby_finding *f)
{
    struct job *j = ctx;
    char *line;
    int rc = 0;

    strbuf_reset(&j->text);
    if (j->o->format == FORMAT_SARIF) {
        rc = sarif_result(&j->text, f, j->n, &j->err);
    } else if (j->o->format == FORMAT_JSONL) {
        line = dobby_finding_json(f);
        if (!line)
            return err_nomem(&j->err, "a finding");
        strbuf_puts(&j->text, line);
        dobby_free(line);
    } else {
        put_line(&j->text, f);
    }
    j->n++;
    return rc < 0 ? rc : write_text(j);
}

/* What stands around the results of a SARIF log. */
static int frame(struct job *j, void (*put)(struct strbuf *b))
{
    if (j->o->format != FORMAT_SARIF)
        return 0;
    strbuf_reset(&j->text);
    put(&j->text);
    return write_text(j);
}

static void summary(struct job *j, const struct dobby_check_stats *st)
{
    struct strbuf total = {0};
    char comments[64] = "", parents[96] = "";

    cli_put_seconds(&total, st->s_total);
    if (st->n_mismatches > 0)
        snprintf(comments, sizeof(comments), "; %zu parameters in comments only", st->n_mismatches);
    if (st->n_parents_missing + st->n_parents_stale > 0)
        snprintf(parents, sizeof(parents), "; of files and directories %zu missing, %zu stale",
                 st->n_parents_missing, st->n_parents_stale);
    term_say(&j->c->term, "%zu units in %zu files: %zu current, %zu missing, %zu stale%s%s%s (%s)",
             st->n_units, st->n_files, st->n_current, st->n_missing, st->n_stale, parents, comments,
             st->have_store ? "" : "; there is no store yet", strbuf_str(&total));
    strbuf_release(&total);
}

/* 0 or 1 with all findings written, or a failure. */
static int run(struct job *j, const char *path, struct dobby_err *e)
{
    struct dobby_check_stats st = {0};
    struct dobby_check o;
    int rc;

    DOBBY_INIT(o);
    o.path = path;
    o.store_path = j->o->store;
    o.worker_path = "/proc/self/exe"; /* this very program, even if its file was replaced */
    o.threads = j->o->threads;
    o.memory = j->o->memory;
    o.no_docs = j->o->no_docs;
    o.since = j->o->since;
    o.stop = sig_stop();
    o.ctx = j;
    o.on_note = on_note;
    o.on_finding = on_finding;
    sig_install();
    rc = out_open(&j->out, j->o->output, &j->err);
    if (rc == 0)
        rc = frame(j, sarif_begin);
    if (rc == 0)
        rc = dobby_check_tree(&o, &st, e);
    if (rc == 0)
        rc = frame(j, sarif_end);
    if (rc == 0)
        rc = out_commit(&j->out, &j->err);
    if (j->err.code) {
        err_clear(e);
        return err_set(e, j->err.code, "%s", j->err.message);
    }
    if (rc < 0)
        return rc;
    summary(j, &st);
    return st.n_missing + st.n_stale + st.n_parents_missing + st.n_parents_stale +
               (j->o->strict ? st.n_mismatches : 0) >
           0;
}

int verb_check(struct cli *c, int argc, char **argv)
{
    struct check_opts o = {.log.level = LOG_WARN};
    struct job j = {.c = c, .o = &o, .out.fd = -1};
    struct opt_operands operands;
    struct dobby_err e = {0};
    bool broken;
    int rc = cli_options(c, &opt_verb_check, argc, argv, &o, &operands);

    if (rc >= 0)
        return rc;
    cli_log_apply(c, &o.log, o.quiet);
    rc = run(&j, operands.n ? operands.arg[0] : ".", &e);
    broken = j.out.broken;
    out_release(&j.out);
    strbuf_release(&j.text);
    if (broken)
        return EXIT_IO;
    if (rc < 0)
        return cli_fail(c, &e);
    return rc > 0 ? EXIT_FOUND : EXIT_DONE;
}
