/* scip.c - see scip.h (cli). */
#include "cli/scip.h"

#include "base/log.h"
#include "base/markdown.h"
#include "base/mem.h"
#include "base/size.h"
#include "base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Numbers of scip.proto. */
enum { INDEX_METADATA = 1, INDEX_DOCUMENTS = 2 };
enum { METADATA_TOOL_INFO = 2, METADATA_PROJECT_ROOT = 3, METADATA_ENCODING = 4 };
enum { TOOL_NAME = 1, TOOL_VERSION = 2 };
enum { DOCUMENT_PATH = 1, DOCUMENT_OCCURRENCES, DOCUMENT_SYMBOLS, DOCUMENT_LANGUAGE };
enum { DOCUMENT_POSITION_ENCODING = 6 };
enum { OCCURRENCE_RANGE = 1, OCCURRENCE_SYMBOL, OCCURRENCE_ROLES };
enum { OCCURRENCE_DIAGNOSTICS = 6, OCCURRENCE_ENCLOSING = 7 };
enum { DIAGNOSTIC_SEVERITY = 1, DIAGNOSTIC_MESSAGE = 3, DIAGNOSTIC_SOURCE = 4 };
enum { SYMBOL_SYMBOL = 1, SYMBOL_DOCUMENTATION = 3, SYMBOL_KIND = 5, SYMBOL_DISPLAY_NAME = 6 };
enum { ENCODING_UTF8 = 1, POSITION_UTF8 = 1, ROLE_DEFINITION = 1, SEVERITY_WARNING = 2 };

/* What a kind of row is, and how its symbol ends. */
static const struct kind {
    const char *name;
    unsigned number; /* of SymbolInformation.Kind */
    const char *end;
} kinds[] = {
    {"function", 17, "()."}, {"method", 26, "()."}, {"type", 54, "#"}, {"module", 29, "/"},
    {"file", 16, "/"},       {NULL, 0, "."}, /* a chunk, and what is to come */
};

static const char *const languages[][2] = {
    {"c", "C"},
    {"cpp", "CPP"},
    {"csharp", "CSharp"},
    {"python", "Python"},
    {"javascript", "JavaScript"},
    {"typescript", "TypeScript"},
    {"tsx", "TypeScriptReact"},
    {"go", "Go"},
    {"rust", "Rust"},
    {"java", "Java"},
    {"ruby", "Ruby"},
    {"php", "PHP"},
    {"kotlin", "Kotlin"},
    {"swift", "Swift"},
    {"scala", "Scala"},
    {"lua", "Lua"},
    {"bash", "ShellScript"},
    {"zig", "Zig"},
    {"haskell", "Haskell"},
    {"ocaml", "OCaml"},
    {"sql", "SQL"},
    {"markdown", "Markdown"},
};

/* Of the file that is being collected. */
struct scip_unit {
    const char *scope;     /* descriptors of what holds it, within the file: "Circle#" */
    const char *name;      /* of its own, unescaped; "" for the file itself */
    const char *shown;     /* its name in the row */
    const char *doc;       /* Markdown or NULL */
    const char **findings; /* NULL-terminated or NULL */
    const struct kind *kind;
    int start, end;
    size_t order; /* among the rows */
    unsigned nth; /* among those alike, from 0 */
};

/* ---- protocol buffers -------------------------------------------------------------------------- */

static void put_varint(struct strbuf *b, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        strbuf_putc(b, (char)(v | 0x80));
    strbuf_putc(b, (char)v);
}

static void put_number(struct strbuf *b, unsigned field, uint64_t v)
{
    put_varint(b, field << 3 | 0);
    put_varint(b, v);
}

static void put_bytes(struct strbuf *b, unsigned field, const char *s, size_t n)
{
    put_varint(b, field << 3 | 2);
    put_varint(b, n);
    strbuf_add(b, s, n);
}

/* Text from outside, which a string of the schema holds only as UTF-8. */
static void put_text(struct strbuf *b, unsigned field, const char *s)
{
    struct strbuf safe = {0};

    if (utf8_valid(s, strlen(s))) {
        put_bytes(b, field, s, strlen(s));
        return;
    }
    utf8_escape(&safe, s, strlen(s), "\n\t");
    put_bytes(b, field, strbuf_str(&safe), safe.len);
    b->failed = b->failed || safe.failed;
    strbuf_release(&safe);
}

/* A message inside of another; its memory is used again. */
static void put_message(struct strbuf *b, unsigned field, struct strbuf *message)
{
    put_bytes(b, field, strbuf_str(message), message->len);
    b->failed = b->failed || message->failed;
    strbuf_truncate(message, 0);
}

/* From line `start` to the beginning of line `end`, counted from 0; of one number: an empty place. */
static void put_range(struct strbuf *b, unsigned field, int start, int end)
{
    struct strbuf packed = {0};

    put_varint(&packed, (uint64_t)start);
    put_varint(&packed, 0);
    if (end > start)
        put_varint(&packed, (uint64_t)end);
    put_varint(&packed, 0);
    put_message(b, field, &packed);
    strbuf_release(&packed);
}

/* ---- symbols ----------------------------------------------------------------------------------- */

static bool simple(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c && strchr("_+-$", c));
}

/* An identifier as it is, or between backticks with those inside doubled. Text that is not UTF-8 shows its bytes. */
static void put_identifier(struct strbuf *b, const char *s, size_t n)
{
    struct strbuf safe = {0};
    bool plain = n > 0;

    for (size_t i = 0; i < n; i++)
        plain = plain && simple((unsigned char)s[i]);
    if (plain) {
        strbuf_add(b, s, n);
        return;
    }
    utf8_escape(&safe, n > 0 ? s : " ", n > 0 ? n : 1, "");
    strbuf_putc(b, '`');
    for (const char *c = strbuf_str(&safe); *c; c++)
        strbuf_puts(b, *c == '`' ? "``" : (char[]){*c, '\0'});
    strbuf_putc(b, '`');
    b->failed = b->failed || safe.failed;
    strbuf_release(&safe);
}

/* The package's name: a space in it is doubled. */
static void put_package(struct strbuf *b, const char *s)
{
    struct strbuf safe = {0};

    utf8_escape(&safe, *s ? s : ".", *s ? strlen(s) : 1, "");
    for (const char *c = strbuf_str(&safe); *c; c++)
        strbuf_puts(b, *c == ' ' ? "  " : (char[]){*c, '\0'});
    b->failed = b->failed || safe.failed;
    strbuf_release(&safe);
}

static void put_symbol(struct strbuf *b, const struct scip *s, const struct scip_unit *u)
{
    bool called = u->kind->end[0] == '(';

    strbuf_puts(b, "dobby . ");
    put_package(b, s->title);
    strbuf_puts(b, " . ");
    for (size_t from = 0, n; from <= s->path_len; from += n + 1) {
        const char *slash = memchr(s->path + from, '/', s->path_len - from);

        n = slash ? (size_t)(slash - s->path) - from : s->path_len - from;
        put_identifier(b, s->path + from, n);
        strbuf_putc(b, '/');
    }
    if (!*u->name) /* the file */
        return;
    strbuf_puts(b, u->scope);
    if (u->nth > 0 && !called) {
        struct strbuf name = {0};

        strbuf_printf(&name, "%s~%u", u->name, u->nth + 1);
        put_identifier(b, strbuf_str(&name), name.len);
        b->failed = b->failed || name.failed;
        strbuf_release(&name);
    } else {
        put_identifier(b, u->name, strlen(u->name));
    }
    if (u->nth > 0 && called)
        strbuf_printf(b, "(+%u).", u->nth);
    else
        strbuf_puts(b, u->kind->end);
}

/* The length of the sign between two parts of a qualified name at s; 0: none. */
static size_t sign(const char *s)
{
    return strncmp(s, "::", 2) == 0 ? 2 : *s && strchr(".\\", *s) ? 1 : 0;
}

static bool word(unsigned char c)
{
    return c >= 0x80 || (simple(c) && c != '+' && c != '-') || (c && strchr("~?!=@", c));
}

/* Whether a name is words with signs between them; another (an operator's) stays in one piece. */
static bool divides(const char *s)
{
    size_t n, k;

    do {
        for (n = 0; word((unsigned char)s[n]); n++)
            ;
        k = sign(s + n);
        if (n == 0 || (s[n] && k == 0))
            return false;
        s += n + k;
    } while (k > 0);
    return true;
}

/* "geo::Circle::area" into the descriptors geo#Circle# and the name area. */
static int divide(struct arena *a, struct scip_unit *u, struct dobby_err *e)
{
    struct strbuf scope = {0};
    const char *s = u->shown, *from = s;

    if (divides(s)) {
        for (size_t k; *s; s++) {
            k = sign(s);
            if (k == 0)
                continue;
            put_identifier(&scope, from, (size_t)(s - from));
            strbuf_putc(&scope, '#');
            from = s + k;
            s = from - 1;
        }
    }
    u->scope = strbuf_failed(&scope) ? NULL : arena_strdup(a, strbuf_str(&scope));
    u->name = arena_strdup(a, from);
    strbuf_release(&scope);
    return u->scope && u->name ? 0 : err_nomem(e, "the index");
}

static int by_symbol(const void *pa, const void *pb)
{
    const struct scip_unit *a = pa, *b = pb;
    int d = strcmp(a->scope, b->scope);

    if (d == 0)
        d = strcmp(a->name, b->name);
    if (d == 0)
        d = strcmp(a->kind->end, b->kind->end);
    return d ? d : a->order < b->order ? -1 : 1;
}

static int by_order(const void *pa, const void *pb)
{
    const struct scip_unit *a = pa, *b = pb;

    return a->order < b->order ? -1 : 1;
}

/* Number those that would have the same symbol. */
static void tell_apart(struct scip_unit *u, size_t n)
{
    qsort(u, n, sizeof(*u), by_symbol);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(u[i].scope, u[i - 1].scope) == 0 && strcmp(u[i].name, u[i - 1].name) == 0 &&
            strcmp(u[i].kind->end, u[i - 1].kind->end) == 0)
            u[i].nth = u[i - 1].nth + 1;
    }
    qsort(u, n, sizeof(*u), by_order);
}

/* ---- documents --------------------------------------------------------------------------------- */

static void put_diagnostics(struct strbuf *b, const char *const *findings)
{
    struct strbuf d = {0};

    for (; findings && *findings; findings++) {
        put_number(&d, DIAGNOSTIC_SEVERITY, SEVERITY_WARNING);
        put_text(&d, DIAGNOSTIC_MESSAGE, *findings);
        put_text(&d, DIAGNOSTIC_SOURCE, "dobby");
        put_message(b, OCCURRENCE_DIAGNOSTICS, &d);
    }
    strbuf_release(&d);
}

static void put_occurrence(struct strbuf *b, const struct scip_unit *u, const struct strbuf *symbol)
{
    bool whole = u->start < 1; /* the file: a place at its beginning */

    put_range(b, OCCURRENCE_RANGE, whole ? 0 : u->start - 1, whole ? 0 : u->start);
    put_bytes(b, OCCURRENCE_SYMBOL, strbuf_str(symbol), symbol->len);
    put_number(b, OCCURRENCE_ROLES, ROLE_DEFINITION);
    put_diagnostics(b, (const char *const *)u->findings);
    if (!whole)
        put_range(b, OCCURRENCE_ENCLOSING, u->start - 1, u->end > u->start ? u->end : u->start);
}

static void put_information(struct strbuf *b, const struct scip_unit *u,
                            const struct strbuf *symbol)
{
    put_bytes(b, SYMBOL_SYMBOL, strbuf_str(symbol), symbol->len);
    if (u->doc)
        put_text(b, SYMBOL_DOCUMENTATION, u->doc);
    if (u->kind->number)
        put_number(b, SYMBOL_KIND, u->kind->number);
    put_text(b, SYMBOL_DISPLAY_NAME, u->shown);
}

static const char *language_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(languages); i++) {
        if (strcmp(languages[i][0], name) == 0)
            return languages[i][1];
    }
    return name;
}

/* The document of the file whose rows were collected, if there is one; forget them. */
static int end_document(struct scip *s, struct strbuf *out, struct dobby_err *e)
{
    struct strbuf document = {0}, part = {0}, symbol = {0};
    int rc = 0;

    if (!s->path)
        return 0;
    if (!utf8_valid(s->path, s->path_len)) {
        s->n_left_out++;
        goto out;
    }
    tell_apart(s->units, s->n);
    put_bytes(&document, DOCUMENT_PATH, s->path, s->path_len);
    for (int pass = 0; pass < 2; pass++) { /* all occurrences, then all symbols */
        for (size_t i = 0; i < s->n; i++) {
            strbuf_truncate(&symbol, 0);
            put_symbol(&symbol, s, &s->units[i]);
            document.failed = document.failed || symbol.failed;
            if (pass == 0)
                put_occurrence(&part, &s->units[i], &symbol);
            else
                put_information(&part, &s->units[i], &symbol);
            put_message(&document, pass == 0 ? DOCUMENT_OCCURRENCES : DOCUMENT_SYMBOLS, &part);
        }
    }
    if (s->language)
        put_text(&document, DOCUMENT_LANGUAGE, language_of(s->language));
    put_number(&document, DOCUMENT_POSITION_ENCODING, POSITION_UTF8);
    put_message(out, INDEX_DOCUMENTS, &document);
    if (strbuf_failed(out))
        rc = err_nomem(e, "the index");
out:
    strbuf_release(&document);
    strbuf_release(&part);
    strbuf_release(&symbol);
    s->path = s->language = NULL;
    s->n = 0;
    arena_reset(&s->file);
    return rc;
}

/* ---- rows -------------------------------------------------------------------------------------- */

static const struct kind *kind_of(const struct dobby_row *row)
{
    const struct kind *k = kinds;

    while (k->name && (!row->kind || strcmp(k->name, row->kind) != 0))
        k++;
    return k;
}

/* The summary, and where it comes from as far as a reader should be wary of it. */
static int put_doc(struct arena *a, const char **doc, const struct dobby_row *row,
                   struct dobby_err *e)
{
    struct strbuf b = {0};

    if (!row->summary)
        return 0;
    markdown_put_text(&b, row->summary, strlen(row->summary));
    if (row->source && strcmp(row->source, "signature") == 0)
        strbuf_puts(&b, "\n\n*From name and parameters only.*");
    else if (row->source && row->confidence >= 0)
        strbuf_printf(&b, "\n\n*By a %s, sure of it to %ld%%%s.*",
                      strcmp(row->source, "remote") == 0 ? "remote model" : "model",
                      lround(fmin(row->confidence, 1) * 100), row->label ? ": doubtful" : "");
    else if (row->label)
        strbuf_printf(&b, "\n\n*By a %s: doubtful.*",
                      strcmp(row->source, "remote") == 0 ? "remote model" : "model");
    *doc = strbuf_failed(&b) ? NULL : arena_strdup(a, strbuf_str(&b));
    strbuf_release(&b);
    return *doc ? 0 : err_nomem(e, "the index");
}

static int copy_findings(struct arena *a, const char ***out, const char *const *findings,
                         struct dobby_err *e)
{
    size_t n = 0;

    while (findings && findings[n])
        n++;
    if (n == 0)
        return 0;
    *out = arena_array(a, n + 1, sizeof(**out));
    for (size_t i = 0; *out && i < n; i++) {
        (*out)[i] = arena_strdup(a, findings[i]);
        if (!(*out)[i])
            *out = NULL;
    }
    return *out ? 0 : err_nomem(e, "the index");
}

static int add_unit(struct scip *s, const struct dobby_row *row, struct dobby_err *e)
{
    struct scip_unit u = {
        .kind = kind_of(row), .start = row->start_line, .end = row->end_line, .order = s->n};
    const char *slash = memrchr(s->path, '/', s->path_len);
    char unnamed[32];
    int rc = put_doc(&s->file, &u.doc, row, e);

    if (rc == 0)
        rc = copy_findings(&s->file, &u.findings, row->findings, e);
    if (rc < 0)
        return rc;
    snprintf(unnamed, sizeof(unnamed), "line %d", row->start_line);
    if (row->kind && strcmp(row->kind, "file") == 0) {
        u.shown = slash ? slash + 1 : s->path;
        u.scope = u.name = "";
        u.start = 0;
    } else {
        u.shown = arena_strdup(&s->file, row->name && *row->name ? row->name : unnamed);
        rc = u.shown ? divide(&s->file, &u, e) : err_nomem(e, "the index");
    }
    if (rc == 0 && mem_grow((void **)&s->units, &s->cap, s->n + 1, sizeof(u)) < 0)
        rc = err_nomem(e, "the index");
    if (rc == 0)
        s->units[s->n++] = u;
    return rc;
}

int scip_begin(struct scip *s, struct strbuf *out, const char *title, struct dobby_err *e)
{
    struct strbuf metadata = {0}, tool = {0};

    s->title = arena_strdup(&s->whole, title);
    put_text(&tool, TOOL_NAME, "dobby");
    put_text(&tool, TOOL_VERSION, DOBBY_VERSION);
    put_message(&metadata, METADATA_TOOL_INFO, &tool);
    put_text(&metadata, METADATA_PROJECT_ROOT, "file:///");
    put_number(&metadata, METADATA_ENCODING, ENCODING_UTF8);
    put_message(out, INDEX_METADATA, &metadata);
    strbuf_release(&tool);
    strbuf_release(&metadata);
    return !s->title || strbuf_failed(out) ? err_nomem(e, "the index") : 0;
}

int scip_row(struct scip *s, struct strbuf *out, const struct dobby_row *row, struct dobby_err *e)
{
    const char *kind = row->kind ? row->kind : "";
    int rc;

    if (strcmp(kind, "directory") == 0 || strcmp(kind, "repository") == 0)
        return 0;
    if (!s->path || s->path_len != row->path_len || memcmp(s->path, row->path, row->path_len)) {
        rc = end_document(s, out, e);
        if (rc < 0)
            return rc;
        s->path = arena_strndup(&s->file, row->path, row->path_len);
        s->path_len = row->path_len;
        if (!s->path)
            return err_nomem(e, "the index");
    }
    if (!s->language && row->language) {
        s->language = arena_strdup(&s->file, row->language);
        if (!s->language)
            return err_nomem(e, "the index");
    }
    return add_unit(s, row, e);
}

int scip_end(struct scip *s, struct strbuf *out, struct dobby_err *e)
{
    int rc = end_document(s, out, e);

    if (rc == 0 && s->n_left_out > 0)
        log_msg(LOG_WARN, "scip: %zu file%s left out: %s not UTF-8, as the format wants it",
                s->n_left_out, s->n_left_out == 1 ? " is" : "s are",
                s->n_left_out == 1 ? "its path is" : "their paths are");
    return rc;
}

void scip_release(struct scip *s)
{
    arena_release(&s->whole);
    arena_release(&s->file);
    mem_free(s->units);
    *s = (struct scip){0};
}
