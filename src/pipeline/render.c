/* render.c - a row of the result as a line of JSON or as Markdown, a finding as a line of JSON (pipeline).
 * JSON: the keys and their order are a promise to other programs; fields are added at the end, never renamed. A path that
 * is not UTF-8 is given as `path_hex` instead of `path`, so that it can be given back exactly.
 * Markdown: a heading per file or directory and its own sentence under it, an entry per unit; names, paths and summaries through
 * base/markdown.h. */
#include "dobby.h"

#include "base/json.h"
#include "base/markdown.h"
#include "base/sha256.h"
#include "base/strbuf.h"
#include "base/utf8.h"

#include <math.h>
#include <string.h>

/* ---- JSON --------------------------------------------------------------------------------------- */

static void put_key(struct strbuf *b, const char *key)
{
    strbuf_printf(b, "%s\"%s\":", b->len > 1 ? "," : "", key);
}

static void put_text(struct strbuf *b, const char *key, const char *s)
{
    put_key(b, key);
    if (s)
        json_put_string(b, s, strlen(s));
    else
        strbuf_puts(b, "null");
}

static void put_line(struct strbuf *b, const char *key, int line)
{
    put_key(b, key);
    if (line > 0)
        strbuf_printf(b, "%d", line);
    else
        strbuf_puts(b, "null");
}

static void put_path(struct strbuf *b, const char *path, size_t n)
{
    char hex[3];

    if (utf8_valid(path, n)) {
        put_key(b, "path");
        json_put_string(b, path, n);
        return;
    }
    put_key(b, "path_hex");
    strbuf_putc(b, '"');
    for (size_t i = 0; i < n; i++) {
        hex_encode(hex, (const uint8_t *)path + i, 1);
        strbuf_puts(b, hex);
    }
    strbuf_putc(b, '"');
}

/* Four decimals, in whole numbers so that no locale writes a comma. */
static void put_confidence(struct strbuf *b, double c)
{
    put_key(b, "confidence");
    if (!(c >= 0)) { /* absent, or not a number */
        strbuf_puts(b, "null");
    } else {
        long parts = lround((c > 1 ? 1 : c) * 10000);

        strbuf_printf(b, "%ld.%04ld", parts / 10000, parts % 10000);
    }
}

static void put_findings(struct strbuf *b, const char *const *findings)
{
    put_key(b, "findings");
    if (!findings) {
        strbuf_puts(b, "null");
        return;
    }
    strbuf_putc(b, '[');
    for (size_t i = 0; findings[i]; i++) {
        if (i > 0)
            strbuf_putc(b, ',');
        json_put_string(b, findings[i], strlen(findings[i]));
    }
    strbuf_putc(b, ']');
}

char *dobby_row_json(const struct dobby_row *row)
{
    struct strbuf b = {0};

    strbuf_putc(&b, '{');
    put_path(&b, row->path, row->path_len);
    put_text(&b, "name", row->name);
    put_text(&b, "kind", row->kind);
    put_line(&b, "start_line", row->start_line);
    put_line(&b, "end_line", row->end_line);
    put_text(&b, "language", row->language);
    put_text(&b, "summary", row->summary);
    put_text(&b, "source", row->source);
    put_text(&b, "model", row->model);
    put_confidence(&b, row->confidence);
    put_text(&b, "key", row->key);
    put_findings(&b, row->findings);
    put_text(&b, "label", row->label);
    strbuf_puts(&b, "}\n");
    return strbuf_take(&b, NULL);
}

char *dobby_finding_json(const struct dobby_finding *f)
{
    struct strbuf b = {0};

    strbuf_putc(&b, '{');
    put_path(&b, f->path, f->path_len);
    put_text(&b, "name", f->name);
    put_text(&b, "kind", f->unit_kind);
    put_line(&b, "start_line", f->start_line);
    put_line(&b, "end_line", f->end_line);
    put_text(&b, "language", f->language);
    put_text(&b, "finding", dobby_finding_name(f->kind));
    put_text(&b, "detail", f->detail);
    strbuf_puts(&b, "}\n");
    return strbuf_take(&b, NULL);
}

/* ---- Markdown ----------------------------------------------------------------------------------- */

/* A file's, a directory's or the repository's own row: what is below its heading. */
static bool is_parent(const struct dobby_row *row)
{
    return row->start_line <= 0 && row->kind &&
           (strcmp(row->kind, "file") == 0 || strcmp(row->kind, "directory") == 0 ||
            strcmp(row->kind, "repository") == 0);
}

/* Where the text comes from, as far as a reader should be wary of it. */
static void put_mark(struct strbuf *b, const struct dobby_row *row)
{
    const char *source = row->source ? row->source : "";

    if (strcmp(source, "doc") == 0)
        strbuf_puts(b, is_parent(row) ? " *(in its own words)*" : " *(from its comment)*");
    else if (strcmp(source, "signature") == 0 && row->kind && strcmp(row->kind, "chunk") == 0)
        strbuf_puts(b, " *(not summarised)*");
    else if (strcmp(source, "signature") == 0)
        strbuf_puts(b,
                    is_parent(row) ? " *(from names only)*" : " *(from name and parameters only)*");
    else if (row->confidence >= 0)
        strbuf_printf(b, " *(%s, %ld%%%s%s)*", source, lround(row->confidence * 100),
                      row->label ? ", " : "", row->label ? row->label : "");
    else if (row->label)
        strbuf_printf(b, " *(%s, %s)*", source, row->label);
}

static bool same_file(const struct dobby_row *a, const struct dobby_row *b)
{
    return a && a->path_len == b->path_len && memcmp(a->path, b->path, a->path_len) == 0;
}

static void put_heading(struct strbuf *b, const struct dobby_row *row, bool first)
{
    strbuf_puts(b, first ? "## " : "\n## ");
    if (is_parent(row) && strcmp(row->kind, "repository") == 0)
        strbuf_puts(b, "The repository");
    else
        markdown_put_code(b, row->path, row->path_len);
    strbuf_puts(b, "\n\n");
}

static void put_summary(struct strbuf *b, const struct dobby_row *row)
{
    if (row->summary)
        markdown_put_text(b, row->summary, strlen(row->summary));
    put_mark(b, row);
    strbuf_putc(b, '\n');
}

char *dobby_row_markdown(const struct dobby_row *row, const struct dobby_row *prev)
{
    struct strbuf b = {0};

    if (!same_file(prev, row))
        put_heading(&b, row, !prev);
    else if (is_parent(prev))
        strbuf_putc(&b, '\n');
    if (is_parent(row)) {
        put_summary(&b, row);
        return strbuf_take(&b, NULL);
    }
    strbuf_puts(&b, "- ");
    if (row->name) {
        strbuf_puts(&b, "**");
        markdown_put_code(&b, row->name, strlen(row->name));
        strbuf_puts(&b, "**");
    }
    if (row->start_line > 0)
        strbuf_printf(&b, " (lines %d-%d)", row->start_line, row->end_line);
    strbuf_puts(&b, ": ");
    put_summary(&b, row);
    for (size_t i = 0; row->findings && row->findings[i]; i++) {
        strbuf_puts(&b, "  - *");
        markdown_put_text(&b, row->findings[i], strlen(row->findings[i]));
        strbuf_puts(&b, "*\n");
    }
    return strbuf_take(&b, NULL);
}
