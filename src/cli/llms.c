/* llms.c - see llms.h (cli). */
#include "cli/llms.h"

#include "base/markdown.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

#define NOTE_MAX  240 /* bytes of one text of a line */
#define UNITS_MAX 5   /* named for a file without a summary */

struct told {
    const char *name; /* NULL: not used */
    int lines;
};

struct llms_entry {
    const char *path; /* of a directory without a slash; "" for the top */
    size_t len;       /* of the path; at the end, of what the line shows */
    size_t shown;     /* of the path, in bytes: less than len where a directory is told instead */
    bool directory;
    const char *summary;
    size_t n_files, n_units;
    struct told told[UNITS_MAX]; /* the longest first */
};

/* ---- rows -------------------------------------------------------------------------------------- */

/* A copy that is cut where it is long. NULL for an absent text, and when memory ran out: then *failed. */
static const char *note(struct llms *l, const char *s, bool *failed)
{
    size_t len = s ? strlen(s) : 0;
    char *copy;

    if (!s)
        return NULL;
    if (len <= NOTE_MAX) {
        copy = arena_strndup(&l->mem, s, len);
    } else {
        for (len = utf8_complete(s, NOTE_MAX); len > 0 && s[len - 1] != ' '; len--)
            ;
        if (len == 0)
            len = utf8_complete(s, NOTE_MAX);
        copy = arena_alloc(&l->mem, len + 4);
        if (copy) {
            memcpy(copy, s, len);
            memcpy(copy + len, "\xE2\x80\xA6", 4);
        }
    }
    *failed = *failed || !copy;
    return copy;
}

static struct llms_entry *add(struct llms *l, const struct dobby_row *row, bool directory)
{
    struct llms_entry entry = {.path = arena_strndup(&l->mem, row->path, row->path_len),
                               .len = row->path_len,
                               .shown = row->path_len,
                               .directory = directory};

    if (!entry.path || mem_grow((void **)&l->entries, &l->cap, l->n + 1, sizeof(*l->entries)) < 0)
        return NULL;
    l->n_files += !directory;
    l->entries[l->n] = entry;
    return &l->entries[l->n++];
}

/* A unit takes its place among the longest of its file. */
static bool tell(struct llms *l, struct llms_entry *file, const struct dobby_row *row)
{
    int lines = row->end_line - row->start_line + 1;
    size_t at = UNITS_MAX;
    bool failed = false;

    file->n_units++;
    l->n_units++;
    if (!row->name)
        return true;
    while (at > 0 && (!file->told[at - 1].name || file->told[at - 1].lines < lines))
        at--;
    if (at == UNITS_MAX)
        return true;
    memmove(&file->told[at + 1], &file->told[at], (UNITS_MAX - at - 1) * sizeof(struct told));
    file->told[at] = (struct told){note(l, row->name, &failed), lines};
    return !failed;
}

int llms_row(struct llms *l, const struct dobby_row *row, struct dobby_err *e)
{
    const char *kind = row->kind ? row->kind : "";
    bool directory = strcmp(kind, "directory") == 0, failed = false;
    struct llms_entry *last = l->n > 0 ? &l->entries[l->n - 1] : NULL;

    if (strcmp(kind, "repository") == 0) {
        l->summary = note(l, row->summary, &failed);
        return failed ? err_nomem(e, "llms.txt") : 0;
    }
    if (!last || last->directory != directory || last->len != row->path_len ||
        memcmp(last->path, row->path, row->path_len) != 0)
        last = add(l, row, directory);
    if (!last)
        return err_nomem(e, "llms.txt");
    if (directory || strcmp(kind, "file") == 0)
        last->summary = note(l, row->summary, &failed);
    else
        failed = !tell(l, last, row);
    return failed ? err_nomem(e, "llms.txt") : 0;
}

/* ---- which lines there are --------------------------------------------------------------------- */

/* The length of the directory of a path; 0: the top. */
static size_t parent(const char *path, size_t len)
{
    while (len > 0 && path[len - 1] != '/')
        len--;
    return len > 0 ? len - 1 : 0;
}

/* Bytes, with '/' before all others, so that what lies below a directory stands together. */
static int compare(const char *a, size_t na, const char *b, size_t nb)
{
    size_t n = na < nb ? na : nb;

    for (size_t i = 0; i < n; i++) {
        int x = a[i] == '/' ? 0 : (unsigned char)a[i], y = b[i] == '/' ? 0 : (unsigned char)b[i];

        if (x != y)
            return x - y;
    }
    return na < nb ? -1 : na > nb;
}

/* By the path shown; a directory's own row before what lies in it. */
static int by_path(const void *pa, const void *pb)
{
    const struct llms_entry *a = pa, *b = pb;
    int d = compare(a->path, a->len, b->path, b->len);

    return d ? d : b->directory - a->directory;
}

/* By section, which is the directory, then by the path. A directory that has a section stands at its head. */
static size_t section(const struct llms_entry *entry)
{
    return entry->directory && entry->n_files == 0 ? entry->len : parent(entry->path, entry->len);
}

static int by_section(const void *pa, const void *pb)
{
    const struct llms_entry *a = pa, *b = pb;
    int d = compare(a->path, section(a), b->path, section(b));

    return d ? d : by_path(a, b);
}

/* Entries lo..hi-1 lie below, or are, the directory whose path is the first `len` bytes of theirs. */
struct below {
    size_t lo, hi, len;
};

/* The end of the part of the path that follows the directory of `len` bytes. */
static size_t part_end(const struct llms_entry *x, size_t len)
{
    size_t from = len > 0 ? len + 1 : 0;
    const char *slash = from < x->len ? memchr(x->path + from, '/', x->len - from) : NULL;

    return slash ? (size_t)(slash - x->path) : x->len;
}

/* Where the entries end that share their next part with entry lo. */
static size_t group_end(const struct llms *l, const struct below *d, size_t lo, size_t len)
{
    size_t i = lo + 1;

    while (i < d->hi && part_end(&l->entries[i], d->len) == len &&
           memcmp(l->entries[i].path, l->entries[lo].path, len) == 0)
        i++;
    return i;
}

static size_t first_inside(const struct llms *l, const struct below *d)
{
    return d->len > 0 && l->entries[d->lo].len == d->len ? d->lo + 1 : d->lo; /* its own row */
}

static size_t count_inside(const struct llms *l, const struct below *d)
{
    size_t n = 0;

    for (size_t i = first_inside(l, d); i < d->hi; n++)
        i = group_end(l, d, i, part_end(&l->entries[i], d->len));
    return n;
}

/* Cut what lies deeper than the first `len` bytes of its path: it is told by the directory there. */
static void cut(struct llms *l, size_t lo, size_t hi, size_t len)
{
    for (size_t i = lo; i < hi; i++) {
        struct llms_entry *x = &l->entries[i];

        if (x->shown > len && x->directory)
            x->summary = NULL; /* of a directory in it */
        x->shown = len;
    }
}

/* Open directories, those at the top first, while the lines that this takes are there; the top itself always. */
static int choose_lines(struct llms *l, struct dobby_err *e)
{
    struct below *queue = NULL;
    size_t cap = 0, n = 1, n_lines = 1;
    int rc = 0;

    if (mem_grow((void **)&queue, &cap, 1, sizeof(*queue)) < 0)
        return err_nomem(e, "llms.txt");
    queue[0] = (struct below){0, l->n, 0};
    for (size_t at = 0; rc == 0 && at < n; at++) {
        struct below d = queue[at];
        size_t inside = count_inside(l, &d), end;

        if (at > 0 && n_lines + inside > LLMS_LINES_MAX + 1) {
            cut(l, d.lo, d.hi, d.len);
            continue;
        }
        n_lines += inside - 1;
        for (size_t i = first_inside(l, &d); rc == 0 && i < d.hi; i = end) {
            size_t len = part_end(&l->entries[i], d.len);

            end = group_end(l, &d, i, len);
            if (len == l->entries[end - 1].len && !l->entries[end - 1].directory)
                continue; /* a file */
            if (mem_grow((void **)&queue, &cap, n + 1, sizeof(*queue)) < 0)
                rc = err_nomem(e, "llms.txt");
            else
                queue[n++] = (struct below){i, end, len};
        }
    }
    mem_free(queue);
    return rc;
}

/* Join what is told by one directory, which takes the counts and has a summary if there is a row for it: it is the first. */
static void join(struct llms *l)
{
    size_t n = 0;

    for (size_t i = 0; i < l->n; i++) {
        struct llms_entry x = l->entries[i], *to = n > 0 ? &l->entries[n - 1] : NULL;

        if (!x.directory && x.shown < x.len) {
            x.directory = true;
            x.n_files = 1;
            x.summary = NULL;
        }
        x.len = x.shown;
        if (to && to->directory && x.directory && compare(to->path, to->len, x.path, x.len) == 0) {
            to->n_files += x.n_files;
            to->n_units += x.n_units;
        } else {
            l->entries[n++] = x;
        }
    }
    l->n = n;
}

/* A directory of which nothing is told has no line. */
static void drop_empty(struct llms *l)
{
    size_t n = 0;

    for (size_t i = 0; i < l->n; i++) {
        const struct llms_entry *x = &l->entries[i];

        if (!x->directory || x->n_files > 0 || x->summary)
            l->entries[n++] = *x;
    }
    l->n = n;
}

/* ---- text -------------------------------------------------------------------------------------- */

static void put_count(struct strbuf *out, size_t n, const char *one, const char *many)
{
    strbuf_printf(out, "%zu %s", n, n == 1 ? one : many);
}

static void put_line(struct strbuf *out, const struct llms_entry *x)
{
    const char *slash = x->directory ? "/" : "";
    size_t n_told = 0;

    strbuf_puts(out, "- [");
    markdown_put_text(out, x->path, x->len);
    strbuf_printf(out, "%s](", slash);
    markdown_put_target(out, x->path, x->len);
    strbuf_printf(out, "%s): ", slash);
    if (x->summary)
        markdown_put_text(out, x->summary, strlen(x->summary));
    if (x->n_files > 0) {
        strbuf_puts(out, x->summary ? " (" : "");
        put_count(out, x->n_files, "file", "files");
        strbuf_puts(out, ", ");
        put_count(out, x->n_units, "unit", "units");
        strbuf_puts(out, x->summary ? ")" : "");
    } else if (!x->summary) {
        for (; n_told < UNITS_MAX && x->told[n_told].name; n_told++) {
            strbuf_puts(out, n_told > 0 ? ", " : "");
            markdown_put_code(out, x->told[n_told].name, strlen(x->told[n_told].name));
        }
        if (x->n_units > n_told) {
            strbuf_puts(out, n_told > 0 ? " and " : "");
            put_count(out, x->n_units - n_told, n_told > 0 ? "more unit" : "unit",
                      n_told > 0 ? "more units" : "units");
        }
    }
    strbuf_putc(out, '\n');
}

static void put_head(const struct llms *l, struct strbuf *out, const char *title)
{
    strbuf_puts(out, "# ");
    markdown_put_text(out, title, strlen(title));
    strbuf_puts(out, "\n\n> ");
    if (l->summary) {
        markdown_put_text(out, l->summary, strlen(l->summary));
    } else {
        put_count(out, l->n_files, "file", "files");
        strbuf_puts(out, ", ");
        put_count(out, l->n_units, "unit", "units");
        strbuf_puts(out, ", summarised by dobby.");
    }
    strbuf_putc(out, '\n');
}

int llms_end(struct llms *l, struct strbuf *out, const char *title, struct dobby_err *e)
{
    const struct llms_entry *last = NULL;
    int rc;

    put_head(l, out, title);
    if (l->n == 0) /* there is no array to sort */
        return strbuf_failed(out) ? err_nomem(e, "llms.txt") : 0;
    qsort(l->entries, l->n, sizeof(*l->entries), by_path);
    rc = choose_lines(l, e);
    if (rc < 0)
        return rc;
    join(l);
    drop_empty(l);
    qsort(l->entries, l->n, sizeof(*l->entries), by_section);
    for (size_t i = 0; i < l->n; i++) {
        const struct llms_entry *x = &l->entries[i];

        if (!last || compare(last->path, section(last), x->path, section(x)) != 0) {
            strbuf_puts(out, "\n## ");
            markdown_put_text(out, section(x) ? x->path : "Top level", section(x) ? section(x) : 9);
            strbuf_puts(out, section(x) ? "/\n\n" : "\n\n");
        }
        put_line(out, x);
        last = x;
    }
    return strbuf_failed(out) ? err_nomem(e, "llms.txt") : 0;
}

void llms_release(struct llms *l)
{
    arena_release(&l->mem);
    mem_free(l->entries);
    *l = (struct llms){0};
}
