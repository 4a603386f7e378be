/* reader.c - questions to a store (store).
 * Every query is short and its statement is reset before the call returns, because an open read
 * keeps the write-ahead log from being reset. Callbacks run inside a query: they may put into a txn, and must not
 * ask the same reader the same question. */
#include "store/store.h"

#include "base/mem.h"
#include "base/sha256.h"
#include "base/size.h"
#include "code/check.h"
#include "store/db.h"
#include "store/words.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

struct store_reader {
    char *path;
    sqlite3 *db;
    sqlite3_stmt *has, *units, *text; /* asked thousands of times, so kept */
    int64_t
        version; /* of the schema, when the call at hand began: a writer may bring it up beside a reader */
};

#define MAX_FINDINGS 32 /* of one unit: 16 of either kind */

/* A scope as a condition on `path`, with three parameters: itself, and what is >= "scope/" and < "scope0", 0 being the
 * byte after the slash. The empty scope is everything. */
#define IN_SCOPE(col) " (?1=x'' OR " col "=?1 OR (" col ">=?2 AND " col "<?3)) "
static int read_error(struct store_reader *r, int rc, struct dobby_err *e)
{
    return db_error(e, r->db, rc, "cannot read the store", r->path);
}

#define UNIT_SQL(more)                                                                             \
    "SELECT u.qname,u.ordinal,u.name,u.kind,u.start_line,u.end_line,u.spans,u.text,"               \
    "u.unit_key,u.prompt_hash,u.prompt_key,u.old," DB_DONE "," more                                \
    " FROM units u LEFT JOIN summaries s ON s.prompt_key=u.prompt_key"                             \
    " WHERE u.path=?1 AND u.ordinal<>" DB_PARENT_TEXT                                              \
    " ORDER BY u.start_line,u.end_line DESC,u.kind,u.qname,u.ordinal"

static int look_version(struct store_reader *r, struct dobby_err *e)
{
    return db_int(&r->version, r->db, "PRAGMA user_version", r->path, e);
}

static int prepare_kept(struct store_reader *r, struct dobby_err *e)
{
    int rc = look_version(r, e);

    if (rc == 0)
        rc = db_prepare(&r->has, r->db, "SELECT 1 FROM summaries WHERE prompt_key=?1", r->path, e);
    if (rc == 0)
        rc = db_prepare(&r->units, r->db,
                        r->version < DB_SCHEMA_WIDE ? UNIT_SQL("NULL,NULL,NULL,NULL,NULL")
                        : r->version < DB_SCHEMA_WORDS
                            ? UNIT_SQL("u.language,u.findings,NULL,NULL,NULL")
                            : UNIT_SQL("u.language,u.findings,u.calls,u.uses,u.code_hash"),
                        r->path, e);
    if (rc == 0)
        rc = db_prepare(&r->text, r->db,
                        "SELECT CASE WHEN s.text IS NULL THEN u.text ELSE s.text END,s.source"
                        " FROM units u LEFT JOIN summaries s ON s.prompt_key=u.prompt_key"
                        " WHERE u.path=?1 AND u.qname=?2 AND u.ordinal=0 AND " DB_DONE,
                        r->path, e);
    return rc;
}

int store_reader_open(struct store_reader **out, const struct store_place *p, struct dobby_err *e)
{
    struct store_reader *r = mem_zalloc(sizeof(*r));
    int rc;

    *out = NULL;
    if (!r)
        return err_nomem(e, "the store");
    r->path = mem_strdup(p->db);
    rc = r->path ? db_open_read(&r->db, p->db, e) : err_nomem(e, "the store");
    if (rc == 0)
        rc = prepare_kept(r, e);
    if (rc < 0) {
        store_reader_free(r);
        return rc;
    }
    *out = r;
    return 0;
}

void store_reader_free(struct store_reader *r)
{
    if (!r)
        return;
    sqlite3_finalize(r->has);
    sqlite3_finalize(r->units);
    sqlite3_finalize(r->text);
    db_close(r->db, false);
    mem_free(r->path);
    mem_free(r);
}

/* ---- columns ------------------------------------------------------------------------------------ */

static struct store_bytes col_bytes(sqlite3_stmt *st, int i)
{
    const void *p = sqlite3_column_blob(st, i);

    return (struct store_bytes){p ? p : "", (size_t)sqlite3_column_bytes(st, i)};
}

/* A key, or NULL; the table's checks say that it is 32 bytes, a damaged file may say otherwise. */
static const uint8_t *col_key(sqlite3_stmt *st, int i)
{
    const void *p = sqlite3_column_blob(st, i);

    return p && sqlite3_column_bytes(st, i) == STORE_KEY ? p : NULL;
}

static const uint8_t *col_code_hash(sqlite3_stmt *st, int i)
{
    const void *p = sqlite3_column_blob(st, i);

    return p && sqlite3_column_bytes(st, i) == STORE_CODE ? p : NULL;
}

static const char *col_text(sqlite3_stmt *st, int i)
{
    return (const char *)sqlite3_column_text(st, i);
}

static const char *col_text_or(sqlite3_stmt *st, int i, const char *instead)
{
    const char *s = col_text(st, i);

    return s ? s : instead;
}

/* The bounds of a scope; `mem` gets the two derived ones. SQLITE_OK or a code. */
static int bind_scope(sqlite3_stmt *st, struct store_bytes scope, struct strbuf *mem)
{
    size_t n = scope.n + 1;
    int rc;

    strbuf_reset(mem);
    strbuf_add(mem, scope.p ? scope.p : "", scope.n);
    strbuf_putc(mem, '/');
    strbuf_add(mem, scope.p ? scope.p : "", scope.n);
    strbuf_putc(mem, '/' + 1);
    if (strbuf_failed(mem))
        return SQLITE_NOMEM;
    rc = sqlite3_bind_blob64(st, 1, mem->s, scope.n, SQLITE_STATIC);
    if (scope.n == 0 && rc == SQLITE_OK)
        rc = sqlite3_bind_zeroblob(st, 1, 0); /* not NULL */
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_blob64(st, 2, mem->s, n, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_blob64(st, 3, mem->s + n, n, SQLITE_STATIC);
    return rc;
}

/* ---- files and units ---------------------------------------------------------------------------- */

static void file_of(struct store_file *f, sqlite3_stmt *st)
{
    *f = (struct store_file){
        .path = col_bytes(st, 0),
        .hash = col_key(st, 1),
        .grammar = col_text_or(st, 2, ""),
        .language = col_text_or(st, 3, ""),
        .recipe = col_key(st, 4),
        .model = col_key(st, 5),
        .note = col_text(st, 6),
        .n_lines = sqlite3_column_int64(st, 7),
        .context = col_key(st, 8),
        .text = col_text(st, 9),
        .source = "doc",
    };
}

/* What stands in its own comment; a row without lines is the first of its path in the index. */
#define FILE_TEXT                                                                                  \
    "(SELECT u.text FROM units u WHERE u.path=files.path AND u.start_line IS NULL"                 \
    " AND u.ordinal=" DB_PARENT_TEXT " AND u.source='doc')"
#define FILES(lines)                                                                               \
    "SELECT path,hash,grammar,language,recipe,model,note," lines                                   \
    " FROM files WHERE grammar<>" DB_NO_GRAMMAR " AND" IN_SCOPE("path") "ORDER BY path"
int store_each_file(struct store_reader *r, struct store_bytes scope,
                    int (*fn)(void *ctx, const struct store_file *f), void *ctx,
                    struct dobby_err *e)
{
    sqlite3_stmt *st = NULL;
    struct strbuf mem = {0};
    int rc, ret = 0;

    rc = sqlite3_prepare_v2(r->db,
                            r->version < DB_SCHEMA_WIDE    ? FILES("-1,NULL,NULL")
                            : r->version < DB_SCHEMA_WORDS ? FILES("n_lines,NULL," FILE_TEXT)
                                                           : FILES("n_lines,context," FILE_TEXT),
                            -1, &st, NULL);
    if (rc == SQLITE_OK)
        rc = bind_scope(st, scope, &mem);
    while (rc == SQLITE_OK && ret == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct store_file f;

        file_of(&f, st);
        if (!f.hash) {
            rc = SQLITE_CORRUPT;
            break;
        }
        ret = fn(ctx, &f);
        rc = SQLITE_OK;
    }
    if (rc != SQLITE_OK && rc != SQLITE_DONE)
        ret = read_error(r, rc, e);
    sqlite3_finalize(st);
    strbuf_release(&mem);
    return ret;
}

static void unit_of(struct store_unit *u, sqlite3_stmt *st)
{
    *u = (struct store_unit){
        .qname = col_bytes(st, 0),
        .ordinal = sqlite3_column_int(st, 1),
        .name = col_bytes(st, 2),
        .kind = col_text_or(st, 3, ""),
        .start_line = sqlite3_column_int(st, 4),
        .end_line = sqlite3_column_int(st, 5),
        .spans = col_bytes(st, 6),
        .text = col_text(st, 7),
        .unit_key = col_key(st, 8),
        .prompt_hash = col_key(st, 9),
        .prompt_key = col_key(st, 10),
        .old = sqlite3_column_int(st, 11) != 0,
        .language = col_text(st, 13),
        .findings = col_text(st, 14),
        .calls = col_text(st, 15),
        .uses = col_text(st, 16),
        .code_hash = col_code_hash(st, 17),
    };
}

int store_each_unit(struct store_reader *r, struct store_bytes path,
                    int (*fn)(void *ctx, const struct store_unit *u, bool done), void *ctx,
                    struct dobby_err *e)
{
    sqlite3_stmt *st = r->units;
    int rc = sqlite3_bind_blob64(st, 1, path.p, path.n, SQLITE_STATIC), ret = 0;

    while (rc == SQLITE_OK && ret == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct store_unit u;

        unit_of(&u, st);
        ret = fn(ctx, &u, sqlite3_column_int(st, 12) != 0);
        rc = SQLITE_OK;
    }
    if (rc != SQLITE_OK && rc != SQLITE_DONE)
        ret = read_error(r, rc, e);
    (void)sqlite3_reset(st);
    (void)sqlite3_clear_bindings(st);
    return ret;
}

static void parent_of(struct store_parent *p, sqlite3_stmt *st)
{
    const char *source = col_text(st, 3);

    *p = (struct store_parent){
        .path = col_bytes(st, 0),
        .kind = col_text_or(st, 1, ""),
        .text = col_text_or(st, 2, ""),
        .source = source && strcmp(source, "signature") == 0 ? "signature" : "doc",
    };
}

int store_each_parent(struct store_reader *r, struct store_bytes scope,
                      int (*fn)(void *ctx, const struct store_parent *p), void *ctx,
                      struct dobby_err *e)
{
    sqlite3_stmt *st = NULL;
    struct strbuf mem = {0};
    int rc = look_version(r, e), ret = 0;

    if (rc < 0 || r->version < DB_SCHEMA_WIDE)
        return rc;
    rc = sqlite3_prepare_v2(
        r->db,
        "SELECT u.path,u.kind,u.text,u.source FROM files f JOIN units u"
        " ON u.path=f.path AND u.start_line IS NULL AND u.ordinal=" DB_PARENT_TEXT
        " WHERE" IN_SCOPE("f.path") "ORDER BY f.path",
        -1, &st, NULL);
    if (rc == SQLITE_OK)
        rc = bind_scope(st, scope, &mem);
    while (rc == SQLITE_OK && ret == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct store_parent p;

        parent_of(&p, st);
        ret = fn(ctx, &p);
        rc = SQLITE_OK;
    }
    if (rc != SQLITE_OK && rc != SQLITE_DONE)
        ret = read_error(r, rc, e);
    sqlite3_finalize(st);
    strbuf_release(&mem);
    return ret;
}

int store_unit_text(struct store_reader *r, struct store_bytes path, const char *qname,
                    struct strbuf *out, const char **source, struct dobby_err *e)
{
    sqlite3_stmt *st = r->text;
    int rc = sqlite3_bind_blob64(st, 1, path.p, path.n, SQLITE_STATIC), ret = 0;

    if (rc == SQLITE_OK)
        rc = sqlite3_bind_blob64(st, 2, qname, strlen(qname), SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
        const char *said = col_text_or(st, 1, "doc");

        *source = strcmp(said, "model") == 0       ? "model"
                  : strcmp(said, "remote") == 0    ? "remote"
                  : strcmp(said, "signature") == 0 ? "signature"
                                                   : "doc";
        strbuf_puts(out, col_text_or(st, 0, ""));
        ret = strbuf_failed(out) ? err_nomem(e, "a summary") : 1;
    } else if (rc != SQLITE_DONE) {
        ret = read_error(r, rc, e);
    }
    (void)sqlite3_reset(st);
    (void)sqlite3_clear_bindings(st);
    return ret;
}

int store_has_summary(struct store_reader *r, const uint8_t prompt_key[STORE_KEY],
                      struct dobby_err *e)
{
    int rc = sqlite3_bind_blob64(r->has, 1, prompt_key, STORE_KEY, SQLITE_STATIC), ret;

    if (rc == SQLITE_OK)
        rc = sqlite3_step(r->has);
    ret = rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : read_error(r, rc, e);
    (void)sqlite3_reset(r->has);
    return ret;
}

/* ---- imports and facts -------------------------------------------------------------------------- */

/* Prepare and bind a question about a scope that a store of schema 2 cannot answer. */
static int ask_scope(sqlite3_stmt **st, struct store_reader *r, const char *sql,
                     struct store_bytes scope, struct strbuf *mem, struct dobby_err *e)
{
    int rc;

    if (r->version < DB_SCHEMA_WIDE)
        return err_set(e, DOBBY_E_UNSUPPORTED,
                       "store: %s: made by an older dobby, without imports; run dobby summarize on "
                       "the tree once",
                       r->path);
    rc = sqlite3_prepare_v2(r->db, sql, -1, st, NULL);
    if (rc == SQLITE_OK)
        rc = bind_scope(*st, scope, mem);
    return rc == SQLITE_OK ? 0 : read_error(r, rc, e);
}

int store_each_import(struct store_reader *r, struct store_bytes scope,
                      int (*fn)(void *ctx, struct store_bytes path, const struct store_import *im),
                      void *ctx, struct dobby_err *e)
{
    sqlite3_stmt *st = NULL;
    struct strbuf mem = {0};
    int ret = ask_scope(&st, r,
                        "SELECT path,kind,what,line FROM imports WHERE" IN_SCOPE(
                            "path") "ORDER BY path,ordinal",
                        scope, &mem, e),
        rc = SQLITE_ROW;

    while (ret == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct store_import im = {col_text_or(st, 1, ""), col_bytes(st, 2),
                                  sqlite3_column_int(st, 3)};

        ret = fn(ctx, col_bytes(st, 0), &im);
    }
    if (ret == 0 && rc != SQLITE_DONE)
        ret = read_error(r, rc, e);
    sqlite3_finalize(st);
    strbuf_release(&mem);
    return ret;
}

int store_each_fact(struct store_reader *r, struct store_bytes scope,
                    int (*fn)(void *ctx, const struct store_fact *f), void *ctx,
                    struct dobby_err *e)
{
    sqlite3_stmt *st = NULL;
    struct strbuf mem = {0};
    int ret = ask_scope(
            &st, r,
            "SELECT path,key,value FROM facts WHERE" IN_SCOPE("path") "ORDER BY path,ordinal",
            scope, &mem, e),
        rc = SQLITE_ROW;

    while (ret == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct store_fact f = {col_bytes(st, 0), col_text_or(st, 1, ""), col_bytes(st, 2)};

        ret = fn(ctx, &f);
    }
    if (ret == 0 && rc != SQLITE_DONE)
        ret = read_error(r, rc, e);
    sqlite3_finalize(st);
    strbuf_release(&mem);
    return ret;
}

#define PARENTS "('file','directory','repository')"

int store_each_size(struct store_reader *r, struct store_bytes scope,
                    int (*fn)(void *ctx, struct store_bytes path, int64_t n_units), void *ctx,
                    struct dobby_err *e)
{
    sqlite3_stmt *st = NULL;
    struct strbuf mem = {0};
    int rc = sqlite3_prepare_v2(
            r->db,
            "SELECT path,count(*) FROM units WHERE" IN_SCOPE("path") "AND kind NOT IN " PARENTS
                                                                     " GROUP BY path ORDER BY path",
            -1, &st, NULL),
        ret = 0;

    if (rc == SQLITE_OK)
        rc = bind_scope(st, scope, &mem);
    while (rc == SQLITE_OK && ret == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        ret = fn(ctx, col_bytes(st, 0), sqlite3_column_int64(st, 1));
        rc = SQLITE_OK;
    }
    if (rc != SQLITE_OK && rc != SQLITE_DONE)
        ret = read_error(r, rc, e);
    sqlite3_finalize(st);
    strbuf_release(&mem);
    return ret;
}

/* ---- rows --------------------------------------------------------------------------------------- */

enum row_col {
    R_PATH,
    R_QNAME,
    R_NAME,
    R_KIND,
    R_START,
    R_END,
    R_LANGUAGE,
    R_OWN_TEXT,
    R_KEY,
    R_SOURCE,
    R_TEXT,
    R_MODEL,
    R_CONFIDENCE,
    R_ATTEMPTS,
    R_DONE,
    R_PARENT,
    R_OWN_SOURCE,
    R_FINDINGS
};

/* An older store does not have all columns. */
#define ROW_COLUMNS                                                                                \
    "SELECT u.path,u.qname,u.name,u.kind,u.start_line,u.end_line,nullif(%s,''),u.text,"            \
    "u.prompt_key,s.source,s.text,s.model,s.confidence,s.attempts," DB_DONE                        \
    ",u.ordinal=" DB_PARENT_TEXT ",%s,%s"
#define ROW_JOIN  " JOIN files f ON f.path=u.path LEFT JOIN summaries s ON s.prompt_key=u.prompt_key"
#define ROW_ORDER "u.path,u.start_line,u.end_line DESC,u.kind,u.qname,u.ordinal"
#define ROW_REST  " FROM units u" ROW_JOIN " WHERE" IN_SCOPE("u.path") "ORDER BY " ROW_ORDER

static void put_row_columns(struct strbuf *b, const struct store_reader *r)
{
    bool older = r->version < DB_SCHEMA_WIDE;

    strbuf_printf(b, ROW_COLUMNS, older ? "f.language" : "coalesce(u.language,f.language)",
                  older ? "NULL" : "u.source", older ? "NULL" : "u.findings");
}

/* What a row points to besides the columns. */
struct row_mem {
    char hex[2 * STORE_KEY + 1];
    struct strbuf text;
    const char *findings[MAX_FINDINGS + 1];
};

/* The lines of m->text as an array, or NULL when there are none. */
static const char *const *split_findings(struct row_mem *m, const char *lines)
{
    size_t n = 0;

    strbuf_reset(&m->text);
    strbuf_puts(&m->text, lines);
    for (char *p = m->text.s; p && *p && n < MAX_FINDINGS;) {
        char *end = p + strcspn(p, "\n");

        m->findings[n++] = p;
        p = *end ? end + 1 : end;
        *end = '\0';
    }
    m->findings[n] = NULL;
    return n > 0 ? m->findings : NULL;
}

/* NULL: the text is not a model's, or not doubtful. */
static const char *label_of(const char *source, int attempts, double confidence)
{
    bool written = strcmp(source, "model") == 0 || strcmp(source, "remote") == 0;

    return written && check_is_low(attempts, confidence) ? "low" : NULL;
}

/* Fill a row from a unit that is done. SQLITE_OK or _NOMEM. */
static int row_of(struct dobby_row *row, sqlite3_stmt *st, struct row_mem *m)
{
    char *hex = m->hex;
    const uint8_t *key = col_key(st, R_KEY);
    const char *source = key ? col_text_or(st, R_SOURCE, "") : col_text_or(st, R_OWN_SOURCE, "doc");
    bool own = !key || strcmp(source, "signature") == 0; /* the text is the unit's own */

    double confidence = sqlite3_column_type(st, R_CONFIDENCE) == SQLITE_NULL
                            ? -1
                            : sqlite3_column_double(st, R_CONFIDENCE);

    if (key)
        hex_encode(hex, key, STORE_KEY);
    *row = (struct dobby_row){
        .path = col_text_or(st, R_PATH, ""),
        .path_len = (size_t)sqlite3_column_bytes(st, R_PATH),
        .name = col_text_or(st, R_QNAME, ""),
        .kind = col_text(st, R_KIND),
        .start_line = sqlite3_column_int(st, R_START),
        .end_line = sqlite3_column_int(st, R_END),
        .language = col_text(st, R_LANGUAGE),
        .summary = col_text_or(st, own ? R_OWN_TEXT : R_TEXT, ""),
        .source = source,
        .model = key ? col_text(st, R_MODEL) : NULL,
        .confidence = confidence,
        .key = key ? hex : NULL,
        .findings = split_findings(m, col_text_or(st, R_FINDINGS, "")),
        .label = key ? label_of(source, sqlite3_column_int(st, R_ATTEMPTS), confidence) : NULL,
    };
    return strbuf_failed(&m->text) ? SQLITE_NOMEM : SQLITE_OK;
}

static bool is_named(sqlite3_stmt *st, const char *name)
{
    return !name || strcmp(col_text_or(st, R_QNAME, ""), name) == 0 ||
           strcmp(col_text_or(st, R_NAME, ""), name) == 0;
}

int store_each_row(struct store_reader *r, struct store_bytes scope, const char *name, size_t limit,
                   int (*fn)(void *ctx, const struct dobby_row *row), void *ctx,
                   struct dobby_err *e)
{
    sqlite3_stmt *st = NULL;
    struct strbuf mem = {0}, sql = {0};
    struct dobby_row row;
    struct row_mem m = {.text = {0}};
    size_t n = 0;
    int rc = look_version(r, e), ret = 0;

    if (rc < 0)
        return rc;
    rc = SQLITE_NOMEM;
    put_row_columns(&sql, r);
    strbuf_puts(&sql, ROW_REST);
    if (!strbuf_failed(&sql))
        rc = sqlite3_prepare_v2(r->db, strbuf_str(&sql), -1, &st, NULL);
    if (rc == SQLITE_OK)
        rc = bind_scope(st, scope, &mem);
    while (rc == SQLITE_OK && ret == 0 && (limit == 0 || n < limit) &&
           (rc = sqlite3_step(st)) == SQLITE_ROW) {
        rc = SQLITE_OK;
        n += sqlite3_column_int(st, R_PARENT) == 0;
        if (sqlite3_column_int(st, R_DONE) && is_named(st, name)) {
            rc = row_of(&row, st, &m);
            ret = rc == SQLITE_OK ? fn(ctx, &row) : 0;
        }
    }
    if (rc != SQLITE_OK && rc != SQLITE_DONE)
        ret = read_error(r, rc, e);
    sqlite3_finalize(st);
    strbuf_release(&mem);
    strbuf_release(&sql);
    strbuf_release(&m.text);
    return ret;
}

/* ---- find --------------------------------------------------------------------------------------- */

#define CANDIDATES    4000 /* matches of a tier that are ranked, and counted of a word */
#define ENOUGH        250 /* of a tier, or ten times the limit: then no further window is looked at */
#define WINDOW        ((int64_t)1 << 17) /* numbers of rows: the first window; others double them */
#define PREFIX_MIN    3                  /* bytes: what the index keeps beginnings of */
#define PREFIX_COMMON 1000               /* a word that so many hold is no beginning of another */

/* A query, and the tiers it is asked in: each finds what the ones before did not, and the next is asked only while too
 * little was found. So a name beats a text, a whole word its beginning, and the time does not depend on how many match.
 * The lists of frequent words are long although few rows may stand in all of them: a tier looks at rows in the order of
 * their numbers, window after window, and ends with the one that has brought enough. */
enum tier { TIER_NAME_IS, TIER_NAME_HAS, TIER_ANYWHERE, TIER_BEGINNINGS, TIERS };

struct match {
    int64_t id;
    double score;
};

struct find {
    struct words words;
    struct strbuf joined, place; /* the place: of the scope, "" for all */
    double weight[WORDS_MAX];    /* by how few rows hold the word */
    bool prefix[WORDS_MAX];
    size_t n_prefix;
    struct match *match; /* [CANDIDATES], of the tier at hand */
    size_t n_matches;
    bool found[TIERS]; /* it had a match */
};

/* A word has letters and digits only, or bytes beyond ASCII: nothing that ends a string or means something there. */
static void put_all(struct strbuf *b, const struct words *w, const bool *prefix, const char *mark)
{
    strbuf_putc(b, '(');
    for (size_t i = 0; i < w->n; i++) {
        strbuf_puts(b, i ? " AND \"" : "\"");
        strbuf_puts(b, mark);
        strbuf_add(b, w->word[i].p, w->word[i].n);
        strbuf_puts(b, prefix && prefix[i] ? "\"*" : "\"");
    }
    strbuf_putc(b, ')');
}

static void put_tier(struct strbuf *b, const struct find *f, enum tier tier)
{
    switch (tier) {
    case TIER_NAME_IS:
        strbuf_printf(b, "\"%c%c%s\"", WORDS_MARK, WORDS_NAME_IS, strbuf_str(&f->joined));
        break;
    case TIER_NAME_HAS:
        put_all(b, &f->words, NULL, (const char[]){WORDS_MARK, WORDS_NAME_HAS, '\0'});
        break;
    case TIER_ANYWHERE:
        put_all(b, &f->words, NULL, "");
        break;
    default:
        put_all(b, &f->words, f->prefix, "");
        break;
    }
}

/* The tier's own words come first: dobby_score counts just these. */
static void put_match(struct strbuf *b, const struct find *f, enum tier tier)
{
    bool any = false;

    strbuf_reset(b);
    strbuf_putc(b, '(');
    put_tier(b, f, tier);
    for (int before = 0; before < (int)tier; before++)
        if (f->found[before]) {
            strbuf_puts(b, any ? " OR " : " NOT (");
            put_tier(b, f, (enum tier)before);
            any = true;
        }
    strbuf_puts(b, any ? "))" : ")");
    /* A digest: rows of another place with an equal one are left out at the end. */
    if (f->place.len > 0)
        strbuf_printf(b, " AND \"%c%s\"", WORDS_MARK, strbuf_str(&f->place));
}

/* The matches of a tier with their scores, in the order of their numbers. */
static void put_match_sql(struct strbuf *b, size_t n_weights)
{
    strbuf_reset(b);
    strbuf_puts(b, "SELECT rowid,dobby_score(search");
    for (size_t i = 0; i < n_weights; i++)
        strbuf_printf(b, ",?%zu", 2 + i);
    strbuf_puts(b, ") FROM search WHERE search MATCH ?1 ORDER BY rowid");
}

/* What rows show that were ranked. */
static void put_find_sql(struct strbuf *b, const struct store_reader *r, const struct find *f)
{
    size_t rank = 0;

    strbuf_reset(b);
    strbuf_puts(b, "WITH top(id,rank) AS (VALUES");
    for (size_t i = 0; i < f->n_matches; i++) {
        rank += i > 0 && f->match[i].score < f->match[i - 1].score;
        strbuf_printf(b, "%s(%lld,%zu)", i ? "," : "", (long long)f->match[i].id, rank);
    }
    strbuf_puts(b, ") ");
    put_row_columns(b, r);
    strbuf_puts(b, " FROM top CROSS JOIN units u ON u.id=top.id" ROW_JOIN " WHERE" IN_SCOPE(
                       "u.path") "AND " DB_DONE " ORDER BY top.rank," ROW_ORDER " LIMIT ?4");
}

/* Up to CANDIDATES rows hold the word. */
static int count_word(struct store_reader *r, sqlite3_stmt *st, struct store_bytes word,
                      struct strbuf *b, int64_t *out, struct dobby_err *e)
{
    struct words one = {.word = {word}, .n = 1};
    int rc;

    strbuf_reset(b);
    put_all(b, &one, NULL, "");
    if (strbuf_failed(b))
        return err_nomem(e, "a query");
    rc = sqlite3_bind_text64(st, 1, b->s, b->len, SQLITE_STATIC, SQLITE_UTF8);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int64(st, 0);
    rc = rc == SQLITE_ROW ? 0 : read_error(r, rc, e);
    (void)sqlite3_reset(st);
    return rc;
}

/* Inverse document frequency, and which words may be beginnings. */
static int weigh(struct store_reader *r, struct find *f, struct strbuf *b, struct dobby_err *e)
{
    sqlite3_stmt *st = NULL;
    int64_t n_rows = 0, n = 0;
    int rc =
        db_int(&n_rows, r->db, "SELECT sum(n) FROM counts WHERE what NOT IN ('units','summaries')",
               r->path, e);

    strbuf_reset(b);
    strbuf_printf(b, "SELECT count(*) FROM (SELECT 1 FROM search WHERE search MATCH ?1 LIMIT %d)",
                  CANDIDATES);
    if (rc == 0)
        rc = strbuf_failed(b) ? err_nomem(e, "a query")
                              : db_prepare(&st, r->db, strbuf_str(b), r->path, e);
    for (size_t i = 0; i < f->words.n && rc == 0; i++) {
        rc = count_word(r, st, f->words.word[i], b, &n, e);
        f->weight[i] = log(1 + ((double)(n_rows > n ? n_rows - n : 0) + 0.5) / ((double)n + 0.5));
        f->prefix[i] = f->words.word[i].n >= PREFIX_MIN && n < PREFIX_COMMON;
        f->n_prefix += f->prefix[i];
    }
    sqlite3_finalize(st);
    return rc;
}

/* Matches in the order of their numbers, until there is no room or a window has ended with enough of them. SQLITE_OK or a code. */
static int add_matches(struct find *f, sqlite3_stmt *st, int64_t window, size_t enough)
{
    int rc = SQLITE_OK;

    f->n_matches = 0;
    while (f->n_matches < CANDIDATES && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(st, 0);

        if (id > window && f->n_matches >= enough)
            break;
        while (id > window)
            window = window < INT64_MAX / 2 ? 2 * window : INT64_MAX;
        f->match[f->n_matches++] = (struct match){id, sqlite3_column_double(st, 1)};
    }
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

/* The best first; equal ones by their numbers, which says nothing yet. */
static int by_score(const void *pa, const void *pb)
{
    const struct match *a = pa, *b = pb;

    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return (a->id > b->id) - (a->id < b->id);
}

/* The statement of put_match_sql with all that is the same in every window. SQLITE_OK or a code. */
static int start_tier(sqlite3_stmt **st, struct store_reader *r, const struct find *f,
                      enum tier tier, struct strbuf *match)
{
    size_t n_weights = tier == TIER_NAME_IS ? 1 : f->words.n;
    struct strbuf text = {0};
    int rc = SQLITE_NOMEM;

    put_match_sql(&text, n_weights);
    put_match(match, f, tier);
    if (!strbuf_failed(&text) && !strbuf_failed(match))
        rc = sqlite3_prepare_v2(r->db, strbuf_str(&text), -1, st, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text64(*st, 1, match->s, match->len, SQLITE_STATIC, SQLITE_UTF8);
    for (size_t i = 0; i < n_weights && rc == SQLITE_OK; i++)
        rc = sqlite3_bind_double(*st, 2 + (int)i, tier == TIER_NAME_IS ? 1 : f->weight[i]);
    strbuf_release(&text);
    return rc;
}

/* Keep the best `limit`, and all that equal the last of them: which of these comes first only the rows tell. */
static void keep_best(struct find *f, size_t limit)
{
    size_t n = limit;

    if (f->n_matches > 1)
        qsort(f->match, f->n_matches, sizeof(*f->match), by_score);
    while (n > 0 && n < f->n_matches && f->match[n].score == f->match[n - 1].score)
        n++;
    if (n > 0 && n < f->n_matches)
        f->n_matches = n;
}

/* Fill f->match with a tier's matches, the best first. */
static int rank_tier(struct store_reader *r, struct find *f, enum tier tier, size_t limit,
                     struct dobby_err *e)
{
    size_t enough = size_min(
        limit ? size_max(ENOUGH, 10 * size_min(limit, CANDIDATES)) : CANDIDATES, CANDIDATES);
    struct strbuf match = {0};
    sqlite3_stmt *st = NULL;
    int rc = start_tier(&st, r, f, tier, &match);

    f->n_matches = 0;
    /* FTS5 puts all that begins so together first: looking at less of it saves nothing. */
    if (rc == SQLITE_OK)
        rc = add_matches(f, st, tier == TIER_BEGINNINGS ? INT64_MAX : WINDOW, enough);
    sqlite3_finalize(st);
    strbuf_release(&match);
    f->found[tier] = f->n_matches > 0;
    keep_best(f, limit);
    return rc == SQLITE_OK ? 0 : read_error(r, rc, e);
}

/* Hand out a tier's rows and add their number to *n. */
static int find_tier(struct store_reader *r, struct find *f, enum tier tier,
                     struct store_bytes scope, size_t limit, size_t *n,
                     int (*fn)(void *ctx, const struct dobby_row *row), void *ctx,
                     struct dobby_err *e)
{
    struct strbuf text = {0}, mem = {0};
    struct row_mem m = {.text = {0}};
    sqlite3_stmt *st = NULL;
    struct dobby_row row;
    int rc = SQLITE_NOMEM, ret = rank_tier(r, f, tier, limit, e);

    if (ret < 0 || f->n_matches == 0)
        return ret;
    put_find_sql(&text, r, f);
    if (!strbuf_failed(&text))
        rc = sqlite3_prepare_v2(r->db, strbuf_str(&text), -1, &st, NULL);
    if (rc == SQLITE_OK)
        rc = bind_scope(st, scope, &mem);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(st, 4, limit ? (sqlite3_int64)limit : -1);
    while (rc == SQLITE_OK && ret == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        rc = row_of(&row, st, &m);
        ++*n;
        ret = rc == SQLITE_OK ? fn(ctx, &row) : 0;
    }
    if (rc != SQLITE_OK && rc != SQLITE_DONE)
        ret = read_error(r, rc, e);
    sqlite3_finalize(st);
    strbuf_release(&text);
    strbuf_release(&mem);
    strbuf_release(&m.text);
    return ret;
}

static int take_query(struct store_reader *r, struct find *f, struct store_bytes query,
                      struct store_bytes scope, struct dobby_err *e)
{
    int rc = look_version(r, e);

    if (rc < 0)
        return rc;
    if (r->version < DB_SCHEMA_WIDE)
        return err_set(e, DOBBY_E_UNSUPPORTED,
                       "find: %s: made by an older dobby, without an index; run dobby summarize on "
                       "the tree once",
                       r->path);
    words_take(&f->words, query);
    words_join(&f->joined, query);
    if (scope.n > 0 && words_place(&f->place, scope) != SQLITE_OK)
        return err_nomem(e, "a query");
    f->match = mem_array(CANDIDATES, sizeof(*f->match));
    if (!f->match || strbuf_failed(&f->joined) || strbuf_failed(&f->place))
        return err_nomem(e, "a query");
    if (f->words.n == 0)
        return err_set(e, DOBBY_E_USAGE, "find: no word in the query; give letters or digits");
    if (f->words.too_many)
        return err_set(e, DOBBY_E_USAGE, "find: too many words (limit %d); give fewer", WORDS_MAX);
    return 0;
}

int store_find(struct store_reader *r, struct store_bytes query, struct store_bytes scope,
               size_t limit, int (*fn)(void *ctx, const struct dobby_row *row), void *ctx,
               struct dobby_err *e)
{
    struct find f = {0};
    struct strbuf mem = {0};
    size_t n = 0;
    int rc = take_query(r, &f, query, scope, e);
    bool begun = false;

    if (rc == 0) { /* all tiers see the same rows */
        rc = db_exec(r->db, "BEGIN", "cannot read the store", r->path, e);
        begun = rc == 0;
    }
    if (rc == 0)
        rc = weigh(r, &f, &mem, e);
    for (int tier = 0; tier < TIERS && rc == 0 && (limit == 0 || n < limit); tier++)
        if (tier < TIER_BEGINNINGS || f.n_prefix > 0)
            rc = find_tier(r, &f, (enum tier)tier, scope, limit ? limit - n : 0, &n, fn, ctx, e);
    if (begun) /* nothing was written: there is nothing to lose */
        (void)sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
    strbuf_release(&f.joined);
    strbuf_release(&f.place);
    strbuf_release(&mem);
    mem_free(f.match);
    return rc;
}

/* ---- counts ------------------------------------------------------------------------------------- */

int store_next_run(struct store_reader *r, int64_t *out, struct dobby_err *e)
{
    return db_int(out, r->db, "SELECT coalesce(max(id),0)+1 FROM runs", r->path, e);
}

/* What triggers keep; a store of schema 1 has no such table, and is counted. */
static const char counts_kept[] =
    "SELECT sum(n) FILTER(WHERE what='units'),sum(n) FILTER(WHERE what='summaries'),"
    "sum(n) FILTER(WHERE what='doc'),sum(n) FILTER(WHERE what='signature'),"
    "sum(n) FILTER(WHERE what IN ('model','remote')),(SELECT count(*) FROM runs),"
    "sum(n) FILTER(WHERE what='parents') FROM counts";
static const char counts_made[] =
    "SELECT (SELECT count(*) FROM units),(SELECT count(*) FROM summaries),"
    "count(*) FILTER(WHERE u.prompt_key IS NULL),count(*) FILTER(WHERE s.source='signature'),"
    "count(*) FILTER(WHERE s.source IN ('model','remote')),(SELECT count(*) FROM runs),0"
    " FROM units u LEFT JOIN summaries s ON s.prompt_key=u.prompt_key WHERE " DB_DONE;

static int put_counts(struct dobby_store_info *out, struct store_reader *r, struct dobby_err *e)
{
    uint64_t *const to[] = {&out->n_units, &out->n_summaries, &out->n_doc,    &out->n_signature,
                            &out->n_model, &out->n_runs,      &out->n_parents};
    sqlite3_stmt *st = NULL;
    int rc = look_version(r, e);

    if (rc < 0)
        return rc;
    rc = sqlite3_prepare_v2(r->db, r->version < DB_SCHEMA_COUNTS ? counts_made : counts_kept, -1,
                            &st, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    for (int i = 0; rc == SQLITE_ROW && i < (int)ARRAY_LEN(to); i++) {
        int64_t n = sqlite3_column_int64(st, i);

        *to[i] = n > 0 ? (uint64_t)n : 0;
    }
    rc = rc == SQLITE_ROW ? 0 : read_error(r, rc, e);
    sqlite3_finalize(st);
    return rc;
}

/* A line about the last run: when it began, what it did, how it ended. */
static int put_last(struct strbuf *out, struct store_reader *r, uint64_t *n_failed,
                    struct dobby_err *e)
{
    sqlite3_stmt *st = NULL;
    struct tm tm;
    char when[32];
    time_t t;
    int rc = sqlite3_prepare_v2(r->db,
                                "SELECT started_ms,ended_ms,n_done,n_cached,n_failed,n_left,code"
                                " FROM runs ORDER BY id DESC LIMIT 1",
                                -1, &st, NULL);

    *n_failed = 0;
    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
        t = (time_t)(sqlite3_column_int64(st, 0) / 1000);
        if (!gmtime_r(&t, &tm) || strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
            when[0] = '\0';
        *n_failed = (uint64_t)sqlite3_column_int64(st, 4);
        strbuf_printf(
            out, "%s: %lld done, %lld from the store, %lld failed, %lld left", when,
            (long long)sqlite3_column_int64(st, 2), (long long)sqlite3_column_int64(st, 3),
            (long long)sqlite3_column_int64(st, 4), (long long)sqlite3_column_int64(st, 5));
        if (sqlite3_column_type(st, 1) == SQLITE_NULL)
            strbuf_puts(out, ", not ended");
        else
            strbuf_printf(out, ", %.1f s, code %d",
                          (double)(sqlite3_column_int64(st, 1) - sqlite3_column_int64(st, 0)) /
                              1000,
                          sqlite3_column_int(st, 6));
        rc = SQLITE_OK;
    }
    rc = rc == SQLITE_OK || rc == SQLITE_DONE ? 0 : read_error(r, rc, e);
    sqlite3_finalize(st);
    if (rc == 0 && strbuf_failed(out))
        rc = err_nomem(e, "the store's counts");
    return rc;
}

int store_counts(struct store_reader *r, struct dobby_store_info *out, struct strbuf *last,
                 struct dobby_err *e)
{
    struct stat sb;
    int rc;

    out->db_bytes = stat(r->path, &sb) == 0 ? (uint64_t)sb.st_size : 0;
    rc = put_counts(out, r, e);
    if (rc < 0)
        return rc;
    return put_last(last, r, &out->n_failed, e);
}
