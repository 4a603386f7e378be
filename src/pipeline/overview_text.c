/* overview_text.c - an overview as Markdown with a Mermaid diagram, or as JSON (pipeline).
 * Names come from outside. In Markdown they are code spans, in the diagram labels whose signs are all written as numbers but
 * letters, digits and a few that mean nothing there; ids are made of letters, digits and _ and begin with "m_", so that none
 * is a word of Mermaid's. Source: mermaid.js.org, "Flowcharts", "Entity codes to escape characters". */
#include "dobby.h"

#include "base/json.h"
#include "base/markdown.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "pipeline/overview.h"

#include <stdio.h>
#include <string.h>

#define MAX_ENTRIES  25 /* in Markdown; JSON has all */
#define MAX_PACKAGES 15
#define MAX_NODES    25 /* of the diagram */
#define MAX_ARROWS   50
#define MAX_ID       48 /* bytes of an id without its number */

/* ---- Markdown ------------------------------------------------------------------------------------ */

/* In a cell of a table, where a bar ends it even in a code span. */
static void put_cell(struct strbuf *b, void (*put)(struct strbuf *, const char *, size_t),
                     const char *s, size_t n)
{
    struct strbuf t = {0};

    put(&t, s, n);
    for (size_t i = 0; i < t.len; i++) {
        if (t.s[i] == '|' && !(i > 0 && t.s[i - 1] == '\\'))
            strbuf_putc(b, '\\');
        strbuf_putc(b, t.s[i]);
    }
    if (strbuf_failed(&t)) { /* as a failed growth does it */
        strbuf_release(b);
        b->failed = true;
    }
    strbuf_release(&t);
}

/* 12,345 */
static void put_number(struct strbuf *b, int64_t n)
{
    char digits[32];
    int len = snprintf(digits, sizeof(digits), "%lld", (long long)n);

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            strbuf_putc(b, ',');
        strbuf_putc(b, digits[i]);
    }
}

/* "1 file", "2 files" */
static void put_count(struct strbuf *b, int64_t n, const char *what)
{
    put_number(b, n);
    strbuf_printf(b, " %s%s", what, n == 1 ? "" : "s");
}

static void put_more(struct strbuf *b, size_t n, size_t shown)
{
    if (n > shown)
        strbuf_printf(b, "- and %zu more\n", n - shown);
}

static void put_mark(struct strbuf *b, const char *source)
{
    if (source && strcmp(source, "doc") != 0)
        strbuf_printf(b, " *(%s)*", source);
}

static void put_languages(struct strbuf *b, const struct overview *o)
{
    put_count(b, (int64_t)o->n_files, "file");
    strbuf_puts(b, ", ");
    put_count(b, o->n_lines, "line");
    strbuf_puts(b, ", ");
    put_count(b, (int64_t)o->n_units, "unit");
    strbuf_puts(b, " (functions and the like).\n");
    if (o->n_old > 0) {
        strbuf_puts(b, "Of these, ");
        put_count(b, (int64_t)o->n_old, "file");
        strbuf_puts(b, " were read by an older dobby: lines and imports are not known until "
                       "`dobby summarize` reads them again.\n");
    }
    if (o->n_languages == 0)
        return;
    strbuf_puts(b, "\n| Language | Files | Units | Lines |\n|---|---:|---:|---:|\n");
    for (size_t i = 0; i < o->n_languages; i++) {
        const struct overview_language *l = &o->languages[i];

        strbuf_printf(b, "| %s | ", l->title);
        put_number(b, (int64_t)l->n_files);
        strbuf_puts(b, " | ");
        put_number(b, (int64_t)l->n_units);
        strbuf_puts(b, " | ");
        put_number(b, l->n_lines);
        strbuf_puts(b, " |\n");
    }
}

static void put_entry_kind(struct strbuf *b, const struct overview_entry *e)
{
    if (e->is_command) {
        strbuf_puts(b, ": command ");
        markdown_put_code(b, e->what, strlen(e->what));
    } else if (e->is_library) {
        strbuf_puts(b, ": what the package's name stands for");
    } else if (strcmp(e->what, "#!") == 0) {
        strbuf_puts(b, ": script");
    } else {
        strbuf_puts(b, ": ");
        markdown_put_code(b, e->what, strlen(e->what));
    }
}

static void put_entries(struct strbuf *b, const struct overview *o)
{
    size_t shown = o->n_entries < MAX_ENTRIES ? o->n_entries : MAX_ENTRIES;

    if (o->n_entries + o->n_aside_entries == 0)
        return;
    strbuf_puts(b, "\n## Entry points\n\n");
    for (size_t i = 0; i < shown; i++) {
        const struct overview_entry *e = &o->entries[i];

        strbuf_puts(b, "- ");
        markdown_put_code(b, e->path, e->path_len);
        if (e->line > 0)
            strbuf_printf(b, " (line %d)", e->line);
        put_entry_kind(b, e);
        strbuf_putc(b, '\n');
    }
    put_more(b, o->n_entries, shown);
    if (o->n_aside_entries > 0)
        strbuf_printf(b, "- %s%zu in tests, examples, benchmarks and documentation\n",
                      o->n_entries ? "and " : "", o->n_aside_entries);
}

static void put_modules(struct strbuf *b, const struct overview *o)
{
    if (o->n_modules == 0)
        return;
    strbuf_puts(b, "\n## Modules\n\nWhat most files of others import comes first; tests, examples, "
                   "benchmarks and documentation last.\n\n"
                   "| Module | Imported by | Files | Units | Lines | |\n"
                   "|---|---:|---:|---:|---:|---|\n");
    for (size_t i = 0; i < o->n_modules; i++) {
        const struct overview_module *m = &o->modules[i];

        strbuf_puts(b, "| ");
        put_cell(b, markdown_put_code, m->name, m->len);
        strbuf_puts(b, " | ");
        put_number(b, (int64_t)m->n_users);
        strbuf_puts(b, " | ");
        put_number(b, (int64_t)m->n_files);
        strbuf_puts(b, " | ");
        put_number(b, (int64_t)m->n_units);
        strbuf_puts(b, " | ");
        put_number(b, m->n_lines);
        strbuf_puts(b, " | ");
        if (m->text) {
            put_cell(b, markdown_put_text, m->text, strlen(m->text));
            put_mark(b, m->source);
        }
        strbuf_puts(b, " |\n");
    }
}

/* ---- the diagram --------------------------------------------------------------------------------- */

struct diagram {
    const struct overview *o;
    bool shown[OVERVIEW_MODULES];
    char id[OVERVIEW_MODULES][MAX_ID + 16];
};

static void make_id(struct diagram *d, size_t at)
{
    const struct overview_module *m = &d->o->modules[at];
    char *id = d->id[at];
    size_t n = 2;
    int number = 1;

    memcpy(id, "m_", 2);
    for (size_t i = 0; i < m->len && n < MAX_ID; i++) {
        char c = m->name[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        id[n++] = plain ? c : '_';
    }
    id[n] = '\0';
    for (size_t i = 0; i < at; i++)
        if (strcmp(d->id[i], id) == 0) { /* a-b and a/b: from the first one again */
            snprintf(id + n, 16, "_%d", ++number);
            i = (size_t)-1;
        }
}

static void put_label(struct strbuf *b, const char *s, size_t n)
{
    struct strbuf safe = {0};

    utf8_escape(&safe, s, n, "");
    if (strbuf_failed(&safe)) {
        strbuf_release(b);
        b->failed = true;
    }
    for (const char *c = strbuf_str(&safe); *c; c++) {
        bool plain = (unsigned char)*c >= 128 || (*c >= 'a' && *c <= 'z') ||
                     (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || strchr(" ._/-+", *c);

        if (plain)
            strbuf_putc(b, *c);
        else
            strbuf_printf(b, "#%d;", *c);
    }
    strbuf_release(&safe);
}

/* The modules with the heaviest arrows, as many as a reader can follow. */
static size_t choose_nodes(struct diagram *d)
{
    const struct overview *o = d->o;
    size_t n = 0;

    for (size_t i = 0; i < o->n_edges; i++) {
        const struct overview_edge *e = &o->edges[i];
        size_t more = (size_t)!d->shown[e->from] + (size_t)!d->shown[e->to];

        if (n + more > MAX_NODES)
            continue;
        n += more;
        d->shown[e->from] = d->shown[e->to] = true;
    }
    return n;
}

/* The heaviest arrow of each module, then the second ones, and so on, so that none is left without any. */
static void put_arrows(struct strbuf *b, const struct diagram *d)
{
    const struct overview *o = d->o;
    size_t n = 0;

    for (size_t round = 0; round < OVERVIEW_MODULES; round++) {
        size_t seen[OVERVIEW_MODULES] = {0};

        for (size_t i = 0; i < o->n_edges && n < MAX_ARROWS; i++) {
            const struct overview_edge *e = &o->edges[i];

            if (!d->shown[e->from] || !d->shown[e->to] || seen[e->from]++ != round)
                continue;
            strbuf_printf(b, "    %s -->", d->id[e->from]);
            if (e->n > 1)
                strbuf_printf(b, "|%zu|", e->n);
            strbuf_printf(b, " %s\n", d->id[e->to]);
            n++;
        }
    }
}

static void put_diagram(struct strbuf *b, const struct overview *o)
{
    struct diagram d = {.o = o};

    if (choose_nodes(&d) == 0)
        return;
    strbuf_puts(b, "\n```mermaid\nflowchart LR\n");
    for (size_t i = 0; i < o->n_modules; i++) {
        make_id(&d, i);
        if (!d.shown[i])
            continue;
        strbuf_printf(b, "    %s[\"", d.id[i]);
        put_label(b, o->modules[i].name, o->modules[i].len);
        strbuf_puts(b, "\"]\n");
    }
    put_arrows(b, &d);
    strbuf_puts(b, "```\n");
}

/* A line for each module: what it imports, most first. */
static void put_edges(struct strbuf *b, const struct overview *o)
{
    if (o->n_edges == 0)
        return;
    strbuf_puts(b, "\n## What depends on what\n\nThe number says how many times a file of the one "
                   "imports a file of the other.\n");
    put_diagram(b, o);
    strbuf_putc(b, '\n');
    for (size_t m = 0; m < o->n_modules; m++) {
        size_t n = 0;

        for (size_t i = 0; i < o->n_edges; i++) {
            const struct overview_edge *e = &o->edges[i];

            if (e->from != m)
                continue;
            strbuf_puts(b, n ? ", " : "- ");
            if (n++ == 0) {
                markdown_put_code(b, o->modules[m].name, o->modules[m].len);
                strbuf_puts(b, " imports ");
            }
            markdown_put_code(b, o->modules[e->to].name, o->modules[e->to].len);
            if (e->n > 1)
                strbuf_printf(b, " (%zu)", e->n);
        }
        strbuf_puts(b, n ? "\n" : "");
    }
}

static void put_cycles(struct strbuf *b, const struct overview *o)
{
    if (o->n_cycles == 0)
        return;
    strbuf_puts(b, "\n## Cycles\n\n");
    for (size_t i = 0; i < o->n_cycles; i++) {
        const struct overview_cycle *c = &o->cycles[i];

        strbuf_puts(b, "- ");
        for (size_t j = 0; j <= c->n; j++) {
            const struct overview_module *m = &o->modules[c->path[j < c->n ? j : 0]];

            strbuf_puts(b, j ? " → " : "");
            markdown_put_code(b, m->name, m->len);
        }
        if (c->n_modules > c->n) {
            strbuf_puts(b, " is the shortest way around; these reach each other: ");
            for (size_t j = 0; j < c->n_modules; j++) {
                const struct overview_module *m = &o->modules[c->modules[j]];

                strbuf_puts(b, j ? ", " : "");
                markdown_put_code(b, m->name, m->len);
            }
        }
        strbuf_putc(b, '\n');
    }
}

static void put_packages(struct strbuf *b, const struct overview *o)
{
    size_t shown = o->n_packages < MAX_PACKAGES ? o->n_packages : MAX_PACKAGES;

    if (o->n_packages > 0)
        strbuf_puts(b, "\n## Packages of others\n\nStandard libraries are left out, and what only "
                       "tests and examples use.\n\n");
    for (size_t i = 0; i < shown; i++) {
        const struct overview_package *p = &o->packages[i];

        strbuf_puts(b, "- ");
        markdown_put_code(b, p->name, strlen(p->name));
        strbuf_printf(b, " (%s): ", p->language);
        put_count(b, (int64_t)p->n_files, "file");
        strbuf_putc(b, '\n');
    }
    put_more(b, o->n_packages, shown);
    if (o->n_unknown > 0)
        strbuf_printf(b,
                      "\nOf %zu imports, %zu should lead to a file of the tree, and to which one "
                      "is not clear or it is not there.\n",
                      o->n_imports, o->n_unknown);
}

void overview_put_markdown(struct strbuf *b, const struct overview *o)
{
    strbuf_puts(b, "# Overview");
    if (o->name) {
        strbuf_puts(b, ": ");
        markdown_put_code(b, o->name, strlen(o->name));
    }
    strbuf_puts(b, "\n\n");
    if (o->text) {
        markdown_put_text(b, o->text, strlen(o->text));
        put_mark(b, o->source);
        strbuf_puts(b, "\n\n");
    }
    put_languages(b, o);
    put_entries(b, o);
    put_modules(b, o);
    put_edges(b, o);
    put_cycles(b, o);
    put_packages(b, o);
}

/* ---- JSON ---------------------------------------------------------------------------------------- */

static void put_text(struct strbuf *b, const char *before, const char *s)
{
    strbuf_puts(b, before);
    if (s)
        json_put_string(b, s, strlen(s));
    else
        strbuf_puts(b, "null");
}

/* "KEY": or, where it is not UTF-8, "KEY_hex". */
static void put_bytes(struct strbuf *b, const char *key, const char *s, size_t n)
{
    char hex[3];

    if (utf8_valid(s, n)) {
        strbuf_printf(b, "\"%s\":", key);
        json_put_string(b, s, n);
        return;
    }
    strbuf_printf(b, "\"%s_hex\":\"", key);
    for (size_t i = 0; i < n; i++) {
        hex_encode(hex, (const uint8_t *)s + i, 1);
        strbuf_puts(b, hex);
    }
    strbuf_putc(b, '"');
}

static void json_languages(struct strbuf *b, const struct overview *o)
{
    strbuf_puts(b, ",\"languages\":[");
    for (size_t i = 0; i < o->n_languages; i++) {
        const struct overview_language *l = &o->languages[i];

        strbuf_printf(b, "%s{\"language\":\"%s\",\"files\":%zu,\"units\":%zu,\"lines\":%lld}",
                      i ? "," : "", l->name, l->n_files, l->n_units, (long long)l->n_lines);
    }
    strbuf_putc(b, ']');
}

static void json_entries(struct strbuf *b, const struct overview *o)
{
    strbuf_puts(b, ",\"entry_points\":[");
    for (size_t i = 0; i < o->n_entries; i++) {
        const struct overview_entry *e = &o->entries[i];

        strbuf_puts(b, i ? ",{" : "{");
        put_bytes(b, "path", e->path, e->path_len);
        strbuf_printf(b, ",\"kind\":\"%s\"",
                      e->is_command                ? "command"
                      : e->is_library              ? "package"
                      : strcmp(e->what, "#!") == 0 ? "script"
                                                   : "main");
        put_text(b, ",\"name\":", e->is_command ? e->what : NULL);
        if (e->line > 0)
            strbuf_printf(b, ",\"line\":%d}", e->line);
        else
            strbuf_puts(b, ",\"line\":null}");
    }
    strbuf_printf(b, "],\"other_entry_points\":%zu", o->n_aside_entries);
}

static void json_modules(struct strbuf *b, const struct overview *o)
{
    strbuf_puts(b, ",\"modules\":[");
    for (size_t i = 0; i < o->n_modules; i++) {
        const struct overview_module *m = &o->modules[i];

        strbuf_puts(b, i ? ",{" : "{");
        put_bytes(b, "path", m->name, m->len);
        strbuf_printf(b,
                      ",\"aside\":%s,\"imported_by_files\":%zu,\"imported_by_modules\":%zu,"
                      "\"imports_modules\":%zu,\"files\":%zu,\"units\":%zu,\"lines\":%lld",
                      m->aside ? "true" : "false", m->n_users, m->n_used_by, m->n_uses, m->n_files,
                      m->n_units, (long long)m->n_lines);
        put_text(b, ",\"summary\":", m->text);
        put_text(b, ",\"source\":", m->source);
        strbuf_putc(b, '}');
    }
    strbuf_puts(b, "],\"dependencies\":["); /* by the modules' numbers in the list above */
    for (size_t i = 0; i < o->n_edges; i++)
        strbuf_printf(b, "%s{\"from\":%zu,\"to\":%zu,\"imports\":%zu}", i ? "," : "",
                      o->edges[i].from, o->edges[i].to, o->edges[i].n);
    strbuf_puts(b, "],\"cycles\":[");
    for (size_t i = 0; i < o->n_cycles; i++) {
        const struct overview_cycle *c = &o->cycles[i];

        strbuf_puts(b, i ? ",{\"shortest\":[" : "{\"shortest\":[");
        for (size_t j = 0; j < c->n; j++)
            strbuf_printf(b, "%s%zu", j ? "," : "", c->path[j]);
        strbuf_puts(b, "],\"modules\":[");
        for (size_t j = 0; j < c->n_modules; j++)
            strbuf_printf(b, "%s%zu", j ? "," : "", c->modules[j]);
        strbuf_puts(b, "]}");
    }
    strbuf_putc(b, ']');
}

static void json_packages(struct strbuf *b, const struct overview *o)
{
    strbuf_puts(b, ",\"packages\":[");
    for (size_t i = 0; i < o->n_packages; i++) {
        put_text(b, i ? ",{\"name\":" : "{\"name\":", o->packages[i].name);
        put_text(b, ",\"language\":", o->packages[i].language);
        strbuf_printf(b, ",\"files\":%zu}", o->packages[i].n_files);
    }
    strbuf_puts(b, "]");
}

void overview_put_json(struct strbuf *b, const struct overview *o)
{
    put_text(b, "{\"name\":", o->name);
    put_text(b, ",\"summary\":", o->text);
    put_text(b, ",\"source\":", o->source);
    strbuf_printf(b,
                  ",\"files\":%zu,\"units\":%zu,\"lines\":%lld,\"files_of_older_version\":%zu,"
                  "\"imports\":%zu,\"unresolved\":%zu",
                  o->n_files, o->n_units, (long long)o->n_lines, o->n_old, o->n_imports,
                  o->n_unknown);
    json_languages(b, o);
    json_entries(b, o);
    json_modules(b, o);
    json_packages(b, o);
    strbuf_puts(b, "}\n");
}

/* ---- dobby.h ------------------------------------------------------------------------------------- */

int dobby_store_overview(struct dobby_store *s, const char *path, int json, char **out,
                         struct dobby_err *e)
{
    struct store_bytes scope = {path ? path : "", path ? strlen(path) : 0};
    struct overview o;
    struct strbuf b = {0};
    int rc = overview_make(&o, store_reader_of(s), scope, e);

    *out = NULL;
    if (rc < 0)
        return rc;
    if (json)
        overview_put_json(&b, &o);
    else
        overview_put_markdown(&b, &o);
    overview_release(&o);
    *out = strbuf_take(&b, NULL);
    return *out ? 0 : err_nomem(e, "an overview");
}
