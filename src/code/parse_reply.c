/* parse_reply.c - units from a parser worker's reply (code). The manual is parse_reply.h. */
#include "code/parse_reply.h"

#include "base/mem.h"
#include "base/reader.h"
#include "base/utf8.h"
#include "code/protocol.h"

#include <string.h>

enum reply_state reply_state(const char *p, size_t n)
{
    struct reader r;
    uint32_t magic, status, len;

    if (n < PROTOCOL_HEAD)
        return REPLY_MORE;
    reader_init(&r, p, n);
    magic = reader_u32(&r);
    status = reader_u32(&r);
    len = reader_u32(&r);
    if (magic != PROTOCOL_REPLY || status >= PROTOCOL_STATUSES || len > PROTOCOL_MAX_REPLY ||
        n - PROTOCOL_HEAD > len)
        return REPLY_BAD;
    return n - PROTOCOL_HEAD < len ? REPLY_MORE : REPLY_WHOLE;
}

struct checker {
    struct unit_list *l;
    const char *source;
    size_t len;
    size_t cap;
    size_t *open; /* units that enclose the next one */
    size_t n_open, open_cap;
    uint32_t *lines; /* where each line begins */
    size_t n_lines, lines_cap;
};

static struct span read_span(struct reader *r)
{
    struct span s;

    s.start = reader_u32(r);
    s.end = reader_u32(r);
    return s;
}

static bool is_inside(struct span in, struct span out)
{
    return out.start <= in.start && in.start <= in.end && in.end <= out.end;
}

/* Ranges lie in the text and in each other. A comment stands before its unit or between its attributes and
 * its body. */
static bool is_sound(const struct unit *u, size_t len)
{
    struct span all = {0, (uint32_t)len}, front = {u->span.start, u->body.start};

    return is_inside(u->span, all) && u->span.start < u->span.end && is_inside(u->body, u->span) &&
           u->body.start < u->body.end && is_inside(u->signature, front) &&
           (span_len(u->docstring) == 0 ? u->docstring.start == u->docstring.end
                                        : is_inside(u->docstring, u->body)) &&
           u->doc.start <= u->doc.end && (u->doc.end <= u->span.start || is_inside(u->doc, front));
}

/* A name without control characters and with whole UTF-8 only; at least one byte. */
static int read_name(struct checker *c, struct reader *r, const char **out)
{
    unsigned char b0 = reader_u8(r), b1 = reader_u8(r);
    size_t n = (size_t)b0 | (size_t)b1 << 8;
    const char *s = reader_bytes(r, n);
    struct strbuf b = {0};

    if (r->failed || n == 0 || n > PROTOCOL_MAX_NAME)
        return DOBBY_E_FORMAT;
    utf8_escape(&b, s, n, "");
    *out = strbuf_failed(&b) ? NULL : arena_strndup(&c->l->arena, strbuf_str(&b), b.len);
    strbuf_release(&b);
    return *out ? 0 : DOBBY_E_NOMEM;
}

/* Is it a list as unit.h has them? Empty names, white space and what a terminal would obey are not. */
static bool is_list(const char *s, size_t n, bool *no_memory)
{
    struct strbuf b = {0};
    size_t words = 1, from = 0;
    bool sound = n <= UNIT_WORDS_BYTES;

    for (size_t i = 0; sound && i <= n; i++) {
        if (i < n && s[i] != '\n') {
            sound = s[i] != ' ';
            continue;
        }
        sound = i > from && i - from <= UNIT_WORD_BYTES;
        words += i < n;
        from = i + 1;
    }
    utf8_escape(&b, s, sound ? n : 0, "\n");
    *no_memory = strbuf_failed(&b);
    sound = sound && words <= UNIT_MAX_WORDS && b.len == n;
    strbuf_release(&b);
    return sound;
}

static int read_words(struct checker *c, struct reader *r, const char **out)
{
    unsigned char b0 = reader_u8(r), b1 = reader_u8(r);
    size_t n = (size_t)b0 | (size_t)b1 << 8;
    const char *s = n == PROTOCOL_UNKNOWN ? NULL : reader_bytes(r, n);
    bool no_memory = false;

    *out = n == 0 ? "" : NULL;
    if (r->failed)
        return DOBBY_E_FORMAT;
    if (n == 0 || n == PROTOCOL_UNKNOWN)
        return 0;
    if (!is_list(s, n, &no_memory))
        return no_memory ? DOBBY_E_NOMEM : DOBBY_E_FORMAT;
    *out = arena_strndup(&c->l->arena, s, n);
    return *out ? 0 : DOBBY_E_NOMEM;
}

/* Lines are found once: units may nest deeply, and each has two. */
static int find_lines(struct checker *c)
{
    const char *p = c->source, *end = p + c->len;

    for (;;) {
        if (mem_grow((void **)&c->lines, &c->lines_cap, c->n_lines + 1, sizeof(*c->lines)) < 0)
            return DOBBY_E_NOMEM;
        c->lines[c->n_lines++] = (uint32_t)(p - c->source);
        p = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
        if (!p)
            return 0;
        p++;
    }
}

/* The number of the line that holds byte `at`. */
static int line_of(const struct checker *c, uint32_t at)
{
    size_t lo = 0, hi = c->n_lines;

    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;

        if (c->lines[mid] <= at)
            lo = mid;
        else
            hi = mid;
    }
    return (int)lo + 1;
}

/* Units come by start and nest. True when u stands rightly after those before it; sets its depth. */
static bool nest(struct checker *c, struct unit *u, const struct span *previous)
{
    if (previous && (u->span.start < previous->start ||
                     (u->span.start == previous->start && u->span.end > previous->end)))
        return false;
    while (c->n_open > 0 && c->l->units[c->open[c->n_open - 1]].span.end <= u->span.start)
        c->n_open--;
    u->depth = (int)c->n_open;
    return c->n_open == 0 || u->span.end <= c->l->units[c->open[c->n_open - 1]].span.end;
}

static int keep(struct checker *c, const struct unit *u)
{
    if (mem_grow((void **)&c->l->units, &c->cap, c->l->n + 1, sizeof(*u)) < 0 ||
        mem_grow((void **)&c->open, &c->open_cap, c->n_open + 1, sizeof(*c->open)) < 0)
        return DOBBY_E_NOMEM;
    c->open[c->n_open++] = c->l->n;
    c->l->units[c->l->n++] = *u;
    return 0;
}

static int read_unit(struct checker *c, struct reader *r, struct unit *u)
{
    uint32_t kind = reader_u32(r);
    int rc;

    *u = (struct unit){0};
    u->span = read_span(r);
    u->signature = (struct span){u->span.start, reader_u32(r)};
    u->body = read_span(r);
    u->doc = read_span(r);
    u->docstring = read_span(r);
    u->kind = (enum unit_kind)kind;
    rc = read_name(c, r, &u->name);
    if (rc == 0)
        rc = read_name(c, r, &u->qualified);
    if (rc == 0)
        rc = read_words(c, r, &u->calls);
    if (rc == 0)
        rc = read_words(c, r, &u->uses);
    if (rc == 0 && (r->failed || kind > UNIT_MODULE || !is_sound(u, c->len)))
        rc = DOBBY_E_FORMAT;
    return rc;
}

static int read_import(struct checker *c, struct reader *r, struct import *im)
{
    uint32_t kind = reader_u32(r), start = reader_u32(r);
    int rc = read_name(c, r, &im->what);

    if (rc == 0 && (r->failed || kind >= IMPORT_KINDS || start > c->len))
        rc = DOBBY_E_FORMAT;
    im->kind = (enum import_kind)kind;
    im->line = rc == 0 ? line_of(c, start) : 0;
    return rc;
}

static int read_imports(struct checker *c, struct reader *r)
{
    uint32_t n = reader_u32(r);
    int rc = r->failed || n > PROTOCOL_MAX_IMPORTS ? DOBBY_E_FORMAT : 0;

    if (rc == 0 && n > 0) {
        c->l->imports = arena_array(&c->l->arena, n, sizeof(*c->l->imports));
        rc = c->l->imports ? 0 : DOBBY_E_NOMEM;
    }
    while (rc == 0 && c->l->n_imports < n) {
        rc = read_import(c, r, &c->l->imports[c->l->n_imports]);
        if (rc == 0 && c->l->n_imports > 0 &&
            c->l->imports[c->l->n_imports].line < c->l->imports[c->l->n_imports - 1].line)
            rc = DOBBY_E_FORMAT;
        c->l->n_imports++;
    }
    return rc;
}

static int read_all(struct checker *c, struct reader *r)
{
    struct span previous = {0};
    bool first = true;
    int rc = 0;

    while (rc == 0 && reader_left(r) > 0) {
        struct unit u;

        rc = read_unit(c, r, &u);
        if (rc < 0)
            break;
        if (!nest(c, &u, first ? NULL : &previous) || c->l->n >= PROTOCOL_MAX_UNITS)
            return DOBBY_E_FORMAT;
        previous = u.span;
        first = false;
        u.start_line = line_of(c, u.span.start);
        u.end_line = line_of(c, u.span.end - 1);
        rc = keep(c, &u);
    }
    return rc;
}

int reply_units(struct unit_list *l, const char *p, size_t n, const char *source, size_t len,
                struct dobby_err *e)
{
    struct checker c = {.l = l, .source = source, .len = len};
    struct reader r;
    uint32_t status;
    int rc;

    *l = (struct unit_list){0};
    reader_init(&r, p, n);
    (void)reader_u32(&r);
    status = reader_u32(&r);
    (void)reader_u32(&r);
    if (status == PROTOCOL_TOO_MANY)
        return DOBBY_E_LIMIT;
    l->partial = status == PROTOCOL_PARTIAL;
    rc = find_lines(&c);
    if (rc == 0)
        rc = read_imports(&c, &r);
    if (rc == 0)
        rc = read_all(&c, &r);
    mem_free(c.open);
    mem_free(c.lines);
    if (rc == 0)
        return 0;
    unit_list_release(l);
    return rc == DOBBY_E_NOMEM ? err_nomem(e, "units") : rc;
}

void unit_list_release(struct unit_list *l)
{
    arena_release(&l->arena);
    mem_free(l->units);
    *l = (struct unit_list){0};
}

static const char *const kind_names[UNIT_KINDS] = {
    [UNIT_FUNCTION] = "function", [UNIT_METHOD] = "method", [UNIT_TYPE] = "type",
    [UNIT_MODULE] = "module",     [UNIT_CHUNK] = "chunk",
};

const char *import_kind_name(enum import_kind k)
{
    static const char *const names[IMPORT_KINDS] = {"import", "types", "child", "package", "entry"};

    return k < IMPORT_KINDS ? names[k] : "";
}

const char *unit_kind_name(enum unit_kind k)
{
    return kind_names[k];
}

bool unit_kind_find(enum unit_kind *out, const char *name)
{
    for (size_t i = 0; i < UNIT_KINDS; i++) {
        if (strcmp(kind_names[i], name) != 0)
            continue;
        *out = (enum unit_kind)i;
        return true;
    }
    return false;
}
