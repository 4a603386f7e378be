/* rows.c - see rows.h (cli). */
#include "cli/rows.h"

#include "base/mem.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const rows_forms[] = {"md", "jsonl", "html", "llms", "scip", NULL};

static bool is_tree(const char *path)
{
    size_t len = strlen(path);
    struct stat st;

    return (len > 0 && path[len - 1] == '/') || (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

/* The last part of a path, which may be gone from the disk. */
static char *name_of(const char *path)
{
    char full[PATH_MAX];
    const char *s = realpath(path, full) ? full : path;
    size_t len = strlen(s), from;

    while (len > 1 && s[len - 1] == '/')
        len--;
    for (from = len; from > 0 && s[from - 1] != '/'; from--)
        ;
    return mem_strndup(s + from, len - from);
}

int rows_open(struct rows *r, const char *verb, const struct rows_to *to, struct dobby_err *e)
{
    bool stdout_wanted = !to->output || strcmp(to->output, "-") == 0;

    *r = (struct rows){.form = (enum rows_form)to->form, .out.fd = -1, .tree.fd = -1};
    if (to->title && r->form < ROWS_HTML)
        return err_set(e, DOBBY_E_USAGE,
                       "%s: --title: only --format html, llms and scip have a title; leave it out",
                       verb);
    if (r->form == ROWS_SCIP && stdout_wanted && isatty(STDOUT_FILENO))
        return err_set(e, DOBBY_E_USAGE,
                       "%s: --format scip: is binary, and standard output a terminal; give -o "
                       "index.scip",
                       verb);
    if (r->form >= ROWS_HTML) {
        r->title = to->title ? mem_strdup(to->title) : name_of(to->of);
        if (!r->title)
            return err_nomem(e, "a title");
    }
    r->is_tree = r->form == ROWS_MD && !stdout_wanted && is_tree(to->output);
    return r->is_tree ? out_tree_open(&r->tree, to->output, e) : out_open(&r->out, to->output, e);
}

static char *keep(struct arena *a, const char *s)
{
    return s ? arena_strdup(a, s) : NULL;
}

/* The row before is needed to see where a new file begins, and rows live for one callback only. */
static int remember(struct rows *r, const struct dobby_row *row)
{
    struct arena *a = &r->mem[r->turn ^= 1];

    arena_reset(a);
    r->prev = *row;
    r->prev.path = arena_strndup(a, row->path, row->path_len);
    r->prev.name = keep(a, row->name);
    r->prev.kind = keep(a, row->kind);
    r->prev.language = r->prev.summary = r->prev.source = r->prev.model = r->prev.key = NULL;
    r->prev.findings = NULL;
    r->prev.label = NULL;
    if (!r->prev.path || (row->name && !r->prev.name) || (row->kind && !r->prev.kind))
        return err_nomem(&r->err, "a row");
    return 0;
}

static bool is_kind(const struct dobby_row *row, const char *kind)
{
    return row->kind && strcmp(row->kind, kind) == 0;
}

static bool is_directory(const struct dobby_row *row)
{
    return is_kind(row, "directory") || is_kind(row, "repository");
}

/* The line under the heading stands in the indexes, too. */
static int tell(struct rows *r, const char *text)
{
    const char *line = strstr(text, "\n\n");
    size_t n = line ? strcspn(line + 2, "\n") : 0;

    return n > 0 ? out_tree_tell(&r->tree, line + 2, n, &r->err) : 0;
}

/* Forms in which a row stands by itself. */
static int put_text(struct rows *r, const struct dobby_row *row)
{
    bool same = r->prev.path && r->prev.path_len == row->path_len &&
                memcmp(r->prev.path, row->path, row->path_len) == 0;
    const struct dobby_row *prev = r->prev.path && (same || !r->is_tree) ? &r->prev : NULL;
    char *text = r->form == ROWS_JSONL ? dobby_row_json(row) : dobby_row_markdown(row, prev);
    int rc = 0;

    if (!text)
        return err_nomem(&r->err, "a row");
    if (!r->is_tree)
        rc = out_write(&r->out, text, strlen(text), &r->err);
    if (r->is_tree && !same)
        rc = out_tree_begin(&r->tree, row->path, row->path_len, is_directory(row), &r->err);
    if (r->is_tree && rc == 0)
        rc = out_tree_add(&r->tree, text, strlen(text), &r->err);
    if (r->is_tree && rc == 0 && !same && (is_directory(row) || is_kind(row, "file")))
        rc = tell(r, text);
    dobby_free(text);
    return rc < 0 ? rc : remember(r, row);
}

static int begin(struct rows *r, struct dobby_err *e)
{
    if (r->begun)
        return 0;
    r->begun = true;
    if (r->form == ROWS_HTML)
        return page_begin(&r->page, &r->out.buf, r->title, e);
    if (r->form == ROWS_SCIP)
        return scip_begin(&r->scip, &r->out.buf, r->title, e);
    return 0;
}

int rows_put(void *ctx, const struct dobby_row *row)
{
    struct rows *r = ctx;
    int rc;

    r->n++;
    if (r->form < ROWS_HTML)
        return put_text(r, row);
    rc = begin(r, &r->err);
    if (rc == 0 && r->form == ROWS_HTML)
        rc = page_row(&r->page, &r->out.buf, row, &r->err);
    else if (rc == 0 && r->form == ROWS_LLMS)
        rc = llms_row(&r->llms, row, &r->err);
    else if (rc == 0)
        rc = scip_row(&r->scip, &r->out.buf, row, &r->err);
    return rc < 0 ? rc : out_write(&r->out, "", 0, &r->err);
}

int rows_commit(struct rows *r, struct dobby_err *e)
{
    int rc = begin(r, e);

    if (rc == 0 && r->form == ROWS_HTML)
        rc = page_end(&r->page, &r->out.buf, e);
    else if (rc == 0 && r->form == ROWS_LLMS)
        rc = llms_end(&r->llms, &r->out.buf, r->title, e);
    else if (rc == 0 && r->form == ROWS_SCIP)
        rc = scip_end(&r->scip, &r->out.buf, e);
    if (rc < 0)
        return rc;
    return r->is_tree ? out_tree_commit(&r->tree, e) : out_commit(&r->out, e);
}

void rows_release(struct rows *r)
{
    out_release(&r->out);
    out_tree_release(&r->tree);
    page_release(&r->page);
    llms_release(&r->llms);
    scip_release(&r->scip);
    mem_free(r->title);
    arena_release(&r->mem[0]);
    arena_release(&r->mem[1]);
    *r = (struct rows){.out.fd = -1, .tree.fd = -1};
}
