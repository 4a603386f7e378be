/* rows.c - see rows.h (cli). */
#include "cli/rows.h"

#include <string.h>
#include <sys/stat.h>

static bool is_tree(const char *path)
{
    size_t len = strlen(path);
    struct stat st;

    return (len > 0 && path[len - 1] == '/') || (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

int rows_open(struct rows *r, bool jsonl, const char *path, struct dobby_err *e)
{
    *r = (struct rows){.jsonl = jsonl, .out.fd = -1, .tree.fd = -1};
    r->is_tree = !jsonl && path && strcmp(path, "-") != 0 && is_tree(path);
    return r->is_tree ? out_tree_open(&r->tree, path, e) : out_open(&r->out, path, e);
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

static int put(struct rows *r, const struct dobby_row *row)
{
    bool same = r->prev.path && r->prev.path_len == row->path_len &&
                memcmp(r->prev.path, row->path, row->path_len) == 0;
    const struct dobby_row *prev = r->prev.path && (same || !r->is_tree) ? &r->prev : NULL;
    char *text = r->jsonl ? dobby_row_json(row) : dobby_row_markdown(row, prev);
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
    return rc;
}

int rows_put(void *ctx, const struct dobby_row *row)
{
    struct rows *r = ctx;
    int rc = put(r, row);

    r->n++;
    return rc < 0 ? rc : remember(r, row);
}

int rows_commit(struct rows *r, struct dobby_err *e)
{
    return r->is_tree ? out_tree_commit(&r->tree, e) : out_commit(&r->out, e);
}

void rows_release(struct rows *r)
{
    out_release(&r->out);
    out_tree_release(&r->tree);
    arena_release(&r->mem[0]);
    arena_release(&r->mem[1]);
}
