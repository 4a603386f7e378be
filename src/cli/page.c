/* page.c - see page.h (cli). */
#include "cli/page.h"

#include "base/json.h"
#include "base/sha256.h"
#include "base/utf8.h"

#include <math.h>
#include <string.h>

/* Made from page.html, page.css and page.js by the linker: see the Makefile. */
extern const char _binary_src_cli_page_html_start[], _binary_src_cli_page_html_end[];
extern const char _binary_src_cli_page_css_start[], _binary_src_cli_page_css_end[];
extern const char _binary_src_cli_page_js_start[], _binary_src_cli_page_js_end[];

struct text {
    const char *s;
    size_t len;
};
#define EMBEDDED(name)                                                                             \
    ((struct text){                                                                                \
        _binary_src_cli_page_##name##_start,                                                       \
        (size_t)(_binary_src_cli_page_##name##_end - _binary_src_cli_page_##name##_start)})

/* ---- what stands in the page ------------------------------------------------------------------- */

static void put_base64(struct strbuf *b, const uint8_t p[32])
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < 32; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16 | (uint32_t)p[i + 1] << 8 | (i + 2 < 32 ? p[i + 2] : 0);

        for (int shift = 18; shift >= 0; shift -= 6)
            strbuf_putc(b, i + 2 >= 32 && shift == 0 ? '=' : digit[v >> shift & 63]);
    }
}

/* As a Content-Security-Policy names it: sha256-... */
static int put_hash(struct strbuf *b, struct text t, struct dobby_err *e)
{
    struct sha256 h;
    uint8_t digest[32];
    int rc;

    sha256_begin(&h);
    sha256_add(&h, t.s, t.len);
    rc = sha256_end(&h, digest, e);
    if (rc < 0)
        return rc;
    strbuf_puts(b, "sha256-");
    put_base64(b, digest);
    return 0;
}

static int put_html(struct strbuf *b, const char *s, struct dobby_err *e)
{
    struct strbuf safe = {0};
    int rc = 0;

    utf8_escape(&safe, s, strlen(s), "");
    if (strbuf_failed(&safe))
        rc = err_nomem(e, "the page");
    for (const char *c = strbuf_str(&safe); *c; c++) {
        if (strchr("&<>\"'", *c))
            strbuf_printf(b, "&#%d;", *c);
        else
            strbuf_putc(b, *c);
    }
    strbuf_release(&safe);
    return rc;
}

/* Copy page.html from *pos up to the next @@name@@, and put *pos behind it. The name, or one of length 0 at the end. */
static struct text next_slot(struct strbuf *out, size_t *pos)
{
    struct text t = EMBEDDED(html), name = {"", 0};
    const char *from = t.s + *pos, *end = t.s + t.len;
    const char *at = memmem(from, (size_t)(end - from), "@@", 2), *close;

    if (at) {
        close = memmem(at + 2, (size_t)(end - at - 2), "@@", 2);
        name = (struct text){at + 2, (size_t)(close - at - 2)};
        *pos = (size_t)(close + 2 - t.s);
    } else {
        at = end;
        *pos = t.len;
    }
    strbuf_add(out, from, (size_t)(at - from));
    return name;
}

static bool is(struct text name, const char *s)
{
    return name.len == strlen(s) && memcmp(name.s, s, name.len) == 0;
}

/* Up to the rows, or behind them to the end. */
static int put_template(struct page *p, struct strbuf *out, const char *title, struct dobby_err *e)
{
    struct text name;
    int rc = 0;

    while (rc == 0 && (name = next_slot(out, &p->rest)).len > 0 && !is(name, "rows")) {
        if (is(name, "style"))
            strbuf_add(out, EMBEDDED(css).s, EMBEDDED(css).len);
        else if (is(name, "script"))
            strbuf_add(out, EMBEDDED(js).s, EMBEDDED(js).len);
        else if (is(name, "style-hash"))
            rc = put_hash(out, EMBEDDED(css), e);
        else if (is(name, "script-hash"))
            rc = put_hash(out, EMBEDDED(js), e);
        else
            rc = put_html(out, title, e);
    }
    return rc == 0 && strbuf_failed(out) ? err_nomem(e, "the page") : rc;
}

int page_begin(struct page *p, struct strbuf *out, const char *title, struct dobby_err *e)
{
    return put_template(p, out, title, e);
}

int page_end(struct page *p, struct strbuf *out, struct dobby_err *e)
{
    return put_template(p, out, "", e);
}

/* ---- rows -------------------------------------------------------------------------------------- */

/* A JSON string that is safe to look at, and holds nothing that could end the element it stands in. */
static int put_string(struct strbuf *b, const char *s, size_t n, struct dobby_err *e)
{
    struct strbuf safe = {0}, json = {0};
    const char *from, *at;
    int rc = 0;

    utf8_escape(&safe, s, n, "");
    json_put_string(&json, strbuf_str(&safe), safe.len);
    if (strbuf_failed(&safe) || strbuf_failed(&json))
        rc = err_nomem(e, "the page");
    for (from = strbuf_str(&json); (at = strchr(from, '<')) != NULL; from = at + 1) {
        strbuf_add(b, from, (size_t)(at - from));
        strbuf_puts(b, "\\u003c");
    }
    strbuf_puts(b, from);
    strbuf_release(&safe);
    strbuf_release(&json);
    return rc;
}

static int put_text(struct strbuf *b, const char *s, struct dobby_err *e)
{
    strbuf_putc(b, ',');
    if (s)
        return put_string(b, s, strlen(s), e);
    strbuf_puts(b, "null");
    return 0;
}

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* 0 for what the row before had. */
static int put_again(const struct page *p, struct strbuf *b, const char *s, const char *before,
                     struct dobby_err *e)
{
    if (!p->prev.path || !same(s, before))
        return put_text(b, s, e);
    strbuf_puts(b, ",0");
    return 0;
}

static int put_findings(struct strbuf *b, const struct dobby_row *row, struct dobby_err *e)
{
    const char *const *findings = row->findings;
    int rc = 0;

    if (!findings || !findings[0]) {
        strbuf_puts(b, row->label ? ",null" : "");
        return 0;
    }
    strbuf_puts(b, ",[");
    for (size_t i = 0; rc == 0 && findings[i]; i++) {
        strbuf_puts(b, i > 0 ? "," : "");
        rc = put_string(b, findings[i], strlen(findings[i]), e);
    }
    strbuf_putc(b, ']');
    return rc;
}

static bool copy(struct arena *a, const char **to, const char *s)
{
    *to = s ? arena_strdup(a, s) : NULL;
    return !s || *to;
}

/* What the next row may have again. */
static int remember(struct page *p, const struct dobby_row *row, struct dobby_err *e)
{
    struct arena *a = &p->mem[p->turn ^= 1];

    arena_reset(a);
    p->prev = (struct dobby_row){.path = arena_strndup(a, row->path, row->path_len),
                                 .path_len = row->path_len};
    if (!p->prev.path || !copy(a, &p->prev.kind, row->kind) ||
        !copy(a, &p->prev.language, row->language) || !copy(a, &p->prev.source, row->source) ||
        !copy(a, &p->prev.model, row->model))
        return err_nomem(e, "the page");
    return 0;
}

int page_row(struct page *p, struct strbuf *out, const struct dobby_row *row, struct dobby_err *e)
{
    const struct dobby_row *prev = &p->prev;
    bool again = prev->path && prev->path_len == row->path_len &&
                 memcmp(prev->path, row->path, row->path_len) == 0;
    int rc = 0;

    strbuf_puts(out, prev->path ? ",\n[" : "\n[");
    if (again)
        strbuf_putc(out, '0');
    else
        rc = put_string(out, row->path, row->path_len, e);
    if (rc == 0)
        rc = put_text(out, row->name, e);
    if (rc == 0)
        rc = put_again(p, out, row->kind, prev->kind, e);
    strbuf_printf(out, ",%d,%d", row->start_line, row->end_line);
    if (rc == 0)
        rc = put_again(p, out, row->language, prev->language, e);
    if (rc == 0)
        rc = put_text(out, row->summary, e);
    if (rc == 0)
        rc = put_again(p, out, row->source, prev->source, e);
    if (row->confidence >= 0)
        strbuf_printf(out, ",%ld", lround(fmin(row->confidence, 1) * 100));
    else
        strbuf_puts(out, ",null");
    if (rc == 0)
        rc = put_again(p, out, row->model, prev->model, e);
    if (rc == 0)
        rc = put_findings(out, row, e);
    if (rc == 0 && row->label)
        rc = put_text(out, row->label, e);
    strbuf_putc(out, ']');
    if (rc == 0 && strbuf_failed(out))
        rc = err_nomem(e, "the page");
    return rc < 0 ? rc : remember(p, row, e);
}

void page_release(struct page *p)
{
    arena_release(&p->mem[0]);
    arena_release(&p->mem[1]);
    *p = (struct page){0};
}
