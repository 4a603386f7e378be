/* parse_worker.c - the process that parses (code).
 * What     Reads a text, parses it, answers with positions of units; again until its input ends. Nothing that
 *          happens in here can hurt more than one file: memory is bounded, no file can be opened for writing,
 *          no process started, and the parent ends it by a kill when it takes too long.
 * Next     protocol.h for the form, outline.c for what is looked for, parse.c for the parent. */
#include "base/arena.h"
#include "base/mem.h"
#include "base/reader.h"
#include "base/strbuf.h"
#include "code/outline.h"
#include "code/parse.h"
#include "code/protocol.h"
#include "code/revision.h"
#include "dobby.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- memory ------------------------------------------------------------------------------------ */

/* tree-sitter's own allocator aborts; a status of our own tells the parent what happened. */
static void *or_end(void *p)
{
    if (!p)
        _exit(PROTOCOL_EXIT_NOMEM);
    return p;
}

static void *worker_malloc(size_t n)
{
    return or_end(mem_alloc(n));
}

static void *worker_calloc(size_t n, size_t size)
{
    return or_end(mem_array(n, size));
}

static void *worker_realloc(void *p, size_t n)
{
    return or_end(mem_realloc(p, n));
}

/* ---- the process -------------------------------------------------------------------------------- */

static void limit(int what, rlim_t value)
{
    struct rlimit r = {value, value};

    /* A limit that the system does not take leaves the others, and the parent's kill. */
    (void)setrlimit((__rlimit_resource_t)what, &r);
}

static void lock_down(void)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)prctl(PR_SET_DUMPABLE, 0);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_NPROC, 0);
    limit(RLIMIT_NOFILE, 16);
    if (!SANITIZED)                          /* sanitizers reserve terabytes of shadow memory */
        limit(RLIMIT_DATA, PARSE_MAX_SHARE); /* the parent lowers it to this worker's share */
}

static bool read_exact(void *p, size_t n)
{
    size_t done = 0;

    while (done < n) {
        ssize_t got = read(STDIN_FILENO, (char *)p + done, n - done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

static bool write_exact(const void *p, size_t n)
{
    size_t done = 0;

    while (done < n) {
        ssize_t put = write(STDOUT_FILENO, (const char *)p + done, n - done);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        done += (size_t)put;
    }
    return true;
}

/* ---- one text ----------------------------------------------------------------------------------- */

/* Compiled queries take up to some megabytes each; a worker's share has room for a few at a time. */
#define MAX_QUERIES 4

struct worker {
    struct {
        TSQuery *query;
        enum language_id lang;
        uint64_t used; /* the later, the larger */
    } queries[MAX_QUERIES];
    uint64_t n_served;
    struct arena arena;
    struct strbuf reply;
    char *source;
    size_t source_cap;
};

static void put_u32(struct strbuf *b, uint32_t v)
{
    unsigned char p[4];

    protocol_put_u32(p, v);
    strbuf_add(b, p, sizeof(p));
}

static void put_span(struct strbuf *b, struct span s)
{
    put_u32(b, s.start);
    put_u32(b, s.end);
}

static void put_name(struct strbuf *b, const char *s, size_t n)
{
    unsigned char len[2];

    if (n > PROTOCOL_MAX_NAME)
        n = PROTOCOL_MAX_NAME;
    len[0] = (unsigned char)n;
    len[1] = (unsigned char)(n >> 8);
    strbuf_add(b, len, sizeof(len));
    strbuf_add(b, s, n);
}

/* A list of names as in unit.h. */
static void put_words(struct strbuf *b, const char *s)
{
    size_t n = s ? strlen(s) : PROTOCOL_UNKNOWN;
    unsigned char len[2] = {(unsigned char)n, (unsigned char)(n >> 8)};

    strbuf_add(b, len, sizeof(len));
    if (s)
        strbuf_add(b, s, n);
}

static void put_outline(struct strbuf *b, const struct outline *o)
{
    size_t i;

    put_u32(b, (uint32_t)o->imports.n);
    for (i = 0; i < o->imports.n; i++) {
        const struct outline_import *im = &o->imports.v[i];

        put_u32(b, im->kind);
        put_u32(b, im->start);
        put_name(b, im->what, im->what_len);
    }
    for (i = 0; i < o->n; i++) {
        const struct outline_unit *u = &o->units[i];

        put_u32(b, u->kind);
        put_span(b, u->span);
        put_u32(b, u->signature_end);
        put_span(b, u->body);
        put_span(b, u->doc);
        put_span(b, u->docstring);
        put_name(b, u->name, u->name_len);
        put_name(b, u->qualified, u->qualified_len);
        put_words(b, u->calls);
        put_words(b, u->uses);
    }
}

/* A new parser for each text: what an earlier one left behind cannot change the units of this one. */
static TSTree *parse(enum language_id lang, const char *source, size_t len)
{
    TSParser *parser = ts_parser_new();
    TSTree *tree = NULL;

    if (ts_parser_set_language(parser, outline_grammar(lang)))
        tree = ts_parser_parse_string(parser, NULL, source, (uint32_t)len);
    ts_parser_delete(parser);
    return tree;
}

/* The query of a language, compiled when it is not among those that were used last. NULL when it does not fit the grammar. */
static const TSQuery *find_query(struct worker *w, enum language_id lang)
{
    uint32_t offset;
    size_t i, at = 0;

    for (i = 0; i < MAX_QUERIES; i++) {
        if (w->queries[i].query && w->queries[i].lang == lang) {
            w->queries[i].used = ++w->n_served;
            return w->queries[i].query;
        }
        if (w->queries[i].used < w->queries[at].used)
            at = i;
    }
    if (w->queries[at].query)
        ts_query_delete(w->queries[at].query);
    w->queries[at].query = outline_query(lang, &offset);
    w->queries[at].lang = lang;
    w->queries[at].used = ++w->n_served;
    return w->queries[at].query;
}

/* What w->reply holds. Exit status, or -1 to go on. */
static int reply(struct worker *w, uint32_t status)
{
    unsigned char head[PROTOCOL_HEAD];

    protocol_put_u32(head, PROTOCOL_REPLY);
    protocol_put_u32(head + 4, status);
    protocol_put_u32(head + 8, (uint32_t)w->reply.len);
    if (!write_exact(head, sizeof(head)) || !write_exact(strbuf_str(&w->reply), w->reply.len))
        return 0; /* the parent went away */
    return -1;
}

/* Exit status, or -1 to go on. */
static int answer(struct worker *w, enum language_id lang, size_t len)
{
    struct outline o;
    enum protocol_status status;
    const TSQuery *query = find_query(w, lang); /* before there is a tree, which may be large */
    TSTree *tree = query ? parse(lang, w->source, len) : NULL;

    if (!tree)
        return PROTOCOL_EXIT_FORM;
    strbuf_reset(&w->reply);
    arena_reset(&w->arena);
    if (outline_find(&o, &w->arena, tree, query, lang, w->source, len) < 0) {
        outline_release(&o);
        return PROTOCOL_EXIT_NOMEM;
    }
    status = o.too_many                                   ? PROTOCOL_TOO_MANY
             : ts_node_has_error(ts_tree_root_node(tree)) ? PROTOCOL_PARTIAL
                                                          : PROTOCOL_OK;
    put_outline(&w->reply, &o);
    outline_release(&o);
    ts_tree_delete(tree);
    if (strbuf_failed(&w->reply))
        return PROTOCOL_EXIT_NOMEM;
    return reply(w, (uint32_t)status);
}

/* The text is a commit's name and a path, each with its NUL. */
static int answer_since(struct worker *w, size_t len)
{
    struct dobby_err e = {0};
    const char *nul = memchr(w->source, '\0', len);
    int rc;

    if (!nul)
        return PROTOCOL_EXIT_FORM;
    strbuf_reset(&w->reply);
    rc = revision_list(&w->reply, PROTOCOL_GIT_FD, w->source, nul + 1, &e);
    if (rc < 0) {
        strbuf_reset(&w->reply);
        strbuf_puts(&w->reply, e.message);
    }
    return strbuf_failed(&w->reply) ? PROTOCOL_EXIT_NOMEM : reply(w, (uint32_t)-rc);
}

/* One request. Exit status, or -1 to go on. */
static int serve(struct worker *w)
{
    unsigned char head[PROTOCOL_HEAD];
    struct reader r;
    uint32_t magic, lang, len;

    if (!read_exact(head, sizeof(head)))
        return 0;
    reader_init(&r, head, sizeof(head));
    magic = reader_u32(&r);
    lang = reader_u32(&r);
    len = reader_u32(&r);
    if ((magic != PROTOCOL_REQUEST || !language_has_grammar((enum language_id)lang)) &&
        magic != PROTOCOL_SINCE)
        return PROTOCOL_EXIT_FORM;
    if (len > PARSE_MAX_SOURCE)
        return PROTOCOL_EXIT_FORM;
    if (mem_grow((void **)&w->source, &w->source_cap, len + 1, 1) < 0)
        return PROTOCOL_EXIT_NOMEM;
    if (!read_exact(w->source, len))
        return 0;
    w->source[len] = '\0';
    return magic == PROTOCOL_SINCE ? answer_since(w, len) : answer(w, (enum language_id)lang, len);
}

int dobby_parse_worker(void)
{
    struct worker w = {0};
    unsigned char hello[8];
    int i, status = -1;

    lock_down();
    ts_set_allocator(worker_malloc, worker_calloc, worker_realloc, mem_free);
    protocol_put_u32(hello, PROTOCOL_HELLO);
    protocol_put_u32(hello + 4, PARSE_VERSION);
    if (!write_exact(hello, sizeof(hello)))
        status = 0;
    while (status < 0)
        status = serve(&w);
    for (i = 0; i < MAX_QUERIES; i++)
        if (w.queries[i].query)
            ts_query_delete(w.queries[i].query);
    arena_release(&w.arena);
    strbuf_release(&w.reply);
    mem_free(w.source);
    return status;
}
