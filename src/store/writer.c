/* writer.c - changes as groups, and the thread that commits them (store).
 * A group is a list of operations; an operation is the number of an SQL statement and the values for it, so that
 * applying one is a loop over values and not a function a table. Both are packed: the group of a first plan has a row for every
 * unit of the tree. Groups are queued under one mutex:
 *
 *     callers --(txn)--> queue --(all of it, every 100 ms or 500 rows)--> BEGIN IMMEDIATE ... COMMIT --> committed = seq
 *
 * The commit itself runs without the mutex; what arrives meanwhile forms the next one, so a slow disk
 * makes commits larger, not callers slower. */
#include "store/store.h"

#include "base/arena.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/size.h"
#include "base/thread.h"
#include "store/db.h"
#include "store/place.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define COMMIT_MS   100 /* at most this long is lost by kill -9 */
#define COMMIT_ROWS 500 /* enough that the fsync is shared, few enough that it is short */

/* ---- operations --------------------------------------------------------------------------------- */

enum op_kind {
    OP_DROP_FILE,
    OP_DROP_UNITS,
    OP_DROP_PARENT,
    OP_FILE,
    OP_IMPORT,
    OP_DROP_FACTS,
    OP_FACT,
    OP_DIRECTORY,
    OP_UNIT,
    OP_SUMMARY,
    OP_ATTEMPT,
    OP_RUN,
    OP_EVENT,
    OP_KINDS
};

/* By the index of the order of rows. */
#define WHERE_PARENT " WHERE path=?1 AND start_line IS NULL AND ordinal=" DB_PARENT_TEXT

static const char *const op_sql[OP_KINDS] = {
    [OP_DROP_FILE] = "DELETE FROM files WHERE path=?1",
    /* They go by their foreign key, unless another program has edited the file without it. */
    [OP_DROP_UNITS] = "DELETE FROM units WHERE path=?1",
    [OP_FILE] = "INSERT INTO files(path,hash,grammar,language,recipe,model,note,n_lines)"
                " VALUES(?1,?2,?3,?4,?5,?6,?7,?8)",
    [OP_IMPORT] = "INSERT INTO imports(path,ordinal,kind,what,line) VALUES(?1,?2,?3,?4,?5)",
    [OP_DROP_FACTS] = "DELETE FROM facts WHERE ?1=x'' OR path=?1 OR (path>=?2 AND path<?3)",
    [OP_FACT] = "INSERT INTO facts(path,ordinal,key,value) VALUES(?1,?2,?3,?4)",
    [OP_DROP_PARENT] = "DELETE FROM units" WHERE_PARENT,
    [OP_DIRECTORY] = "INSERT INTO files(path,hash,grammar,language)"
                     " VALUES(?1,zeroblob(32)," DB_NO_GRAMMAR ",'')",
    [OP_UNIT] =
        "INSERT INTO units(path,qname,ordinal,name,kind,start_line,end_line,spans,text,unit_key,"
        "prompt_hash,prompt_key,old,language,source,findings,calls,uses) "
        "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18)",
    [OP_SUMMARY] =
        "INSERT INTO summaries(prompt_key,unit_key,source,text,model,confidence,attempts,"
        "n_prompt,n_written,run) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)"
        " ON CONFLICT(prompt_key) DO NOTHING",
    [OP_ATTEMPT] = "INSERT INTO attempts(prompt_key,attempt,outcome,reason,text,n_written,run)"
                   " VALUES(?1,?2,?3,?4,?5,?6,?7)",
    [OP_RUN] = "INSERT INTO runs(id,started_ms,ended_ms,options,n_units,n_done,n_cached,n_failed,"
               "n_left,code) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)"
               " ON CONFLICT(id) DO UPDATE SET ended_ms=excluded.ended_ms,n_units=excluded.n_units,"
               "n_done=excluded.n_done,n_cached=excluded.n_cached,n_failed=excluded.n_failed,"
               "n_left=excluded.n_left,code=excluded.code",
    [OP_EVENT] = "INSERT INTO events(run,time_ms,kind,text) VALUES(?1,?2,?3,?4)",
};

enum value_type { VALUE_NULL, VALUE_INT, VALUE_REAL, VALUE_TEXT, VALUE_BLOB };

/* An operation and its values, one behind the other: a byte for the type; then eight for a number, or four for the
 * length and the bytes. */
struct op {
    struct op *next;
    unsigned char kind, n_values;
    unsigned char packed[];
};

/* A value taken out; text and blob stay where they are. */
struct value {
    enum value_type type;
    size_t n; /* bytes of text or blob */
    union {
        int64_t i;
        double r;
        const void *p;
    } u;
};

struct store_txn {
    struct arena arena;  /* operations */
    struct strbuf build; /* the one that is put together */
    unsigned char n_values;
    struct op *first, *last;
    size_t n_rows;
    bool failed; /* an allocation failed: the group is not whole and must not happen */
    uint64_t seq;
    struct store_txn *next; /* in the queue */
};

struct store_txn *store_txn_new(void)
{
    return mem_zalloc(sizeof(struct store_txn));
}

void store_txn_free(struct store_txn *t)
{
    if (!t)
        return;
    strbuf_release(&t->build);
    arena_release(&t->arena);
    mem_free(t);
}

size_t store_txn_rows(const struct store_txn *t)
{
    return t->n_rows;
}

static void add_number(struct store_txn *t, enum value_type type, const void *p)
{
    strbuf_putc(&t->build, (char)type);
    strbuf_add(&t->build, p, 8);
    t->n_values++;
}

static void add_int(struct store_txn *t, int64_t i)
{
    add_number(t, VALUE_INT, &i);
}

static void add_real(struct store_txn *t, double r)
{
    add_number(t, VALUE_REAL, &r);
}

static void add_null(struct store_txn *t)
{
    strbuf_putc(&t->build, VALUE_NULL);
    t->n_values++;
}

/* Of a line: 0 is none. */
static void add_line(struct store_txn *t, int line)
{
    if (line > 0)
        add_int(t, line);
    else
        add_null(t);
}

static void add_bytes(struct store_txn *t, enum value_type type, const void *p, size_t n)
{
    uint32_t len = p ? (uint32_t)n : 0;

    t->failed |= p && n > UINT32_MAX;
    strbuf_putc(&t->build, (char)type);
    strbuf_add(&t->build, (const char *)&len, sizeof(len));
    strbuf_add(&t->build, p ? p : "", len);
    t->n_values++;
}

static void add_text(struct store_txn *t, const char *s)
{
    if (s)
        add_bytes(t, VALUE_TEXT, s, strlen(s));
    else
        add_null(t);
}

static void add_key(struct store_txn *t, const uint8_t *key)
{
    if (key)
        add_bytes(t, VALUE_BLOB, key, STORE_KEY);
    else
        add_null(t);
}

static void add_blob(struct store_txn *t, struct store_bytes b)
{
    add_bytes(t, VALUE_BLOB, b.p, b.n);
}

/* What was added since the last one becomes an operation at the end of t. A failed allocation sticks. */
static void end_op(struct store_txn *t, enum op_kind kind)
{
    struct op *op = NULL;

    if (!t->failed && !strbuf_failed(&t->build))
        op = arena_alloc(&t->arena, sizeof(*op) + t->build.len);
    t->failed |= !op;
    if (op) {
        op->kind = (unsigned char)kind;
        op->n_values = t->n_values;
        memcpy(op->packed, t->build.s, t->build.len);
        if (t->last)
            t->last->next = op;
        else
            t->first = op;
        t->last = op;
        t->n_rows++;
    }
    t->n_values = 0;
    strbuf_reset(&t->build);
}

/* Take the value at p; what follows it is returned. */
static const unsigned char *take_value(struct value *v, const unsigned char *p)
{
    uint32_t len;

    *v = (struct value){.type = (enum value_type)p[0]};
    p++;
    switch (v->type) {
    case VALUE_INT:
        memcpy(&v->u.i, p, sizeof(v->u.i));
        return p + 8;
    case VALUE_REAL:
        memcpy(&v->u.r, p, sizeof(v->u.r));
        return p + 8;
    case VALUE_TEXT:
    case VALUE_BLOB:
        memcpy(&len, p, sizeof(len));
        v->n = len;
        v->u.p = p + sizeof(len);
        return p + sizeof(len) + len;
    case VALUE_NULL:
        break;
    }
    return p;
}

void store_drop_file(struct store_txn *t, struct store_bytes path)
{
    add_blob(t, path);
    end_op(t, OP_DROP_UNITS);
    add_blob(t, path);
    end_op(t, OP_DROP_FILE);
}

static void put_parent_row(struct store_txn *t, const struct store_parent *p);

void store_put_file(struct store_txn *t, const struct store_file *f)
{
    store_drop_file(t, f->path);
    add_blob(t, f->path);
    add_key(t, f->hash);
    add_text(t, f->grammar);
    add_text(t, f->language);
    add_key(t, f->recipe);
    add_key(t, f->model);
    add_text(t, f->note);
    add_int(t, f->n_lines);
    end_op(t, OP_FILE);
    if (f->text)
        put_parent_row(t, &(struct store_parent){f->path, "file", f->text, f->source});
}

void store_put_import(struct store_txn *t, struct store_bytes path, int ordinal,
                      const struct store_import *im)
{
    add_blob(t, path);
    add_int(t, ordinal);
    add_text(t, im->kind);
    add_blob(t, im->what);
    add_int(t, im->line);
    end_op(t, OP_IMPORT);
}

void store_drop_facts(struct store_txn *t, struct store_bytes scope)
{
    struct strbuf below = {0};

    strbuf_add(&below, scope.p ? scope.p : "", scope.n);
    strbuf_putc(&below, '/');
    t->failed |= strbuf_failed(&below);
    add_blob(t, scope);
    add_blob(t, (struct store_bytes){strbuf_str(&below), below.len});
    if (!strbuf_failed(&below))
        below.s[below.len - 1]++; /* the byte after the slash */
    add_blob(t, (struct store_bytes){strbuf_str(&below), below.len});
    strbuf_release(&below);
    end_op(t, OP_DROP_FACTS);
}

void store_put_fact(struct store_txn *t, int ordinal, const struct store_fact *f)
{
    add_blob(t, f->path);
    add_int(t, ordinal);
    add_text(t, f->key);
    add_blob(t, f->value);
    end_op(t, OP_FACT);
}

void store_put_unit(struct store_txn *t, struct store_bytes path, const struct store_unit *u)
{
    add_blob(t, path);
    add_blob(t, u->qname);
    add_int(t, u->ordinal);
    add_blob(t, u->name);
    add_text(t, u->kind);
    add_line(t, u->start_line);
    add_line(t, u->end_line);
    add_blob(t, u->spans);
    add_text(t, u->text);
    add_key(t, u->unit_key);
    add_key(t, u->prompt_hash);
    add_key(t, u->prompt_key);
    add_int(t, u->old);
    add_text(t, u->language);
    add_text(t, u->source);
    add_text(t, u->findings);
    add_text(t, u->calls);
    add_text(t, u->uses);
    end_op(t, OP_UNIT);
}

/* The row without lines; its path's entry is there. */
static void put_parent_row(struct store_txn *t, const struct store_parent *p)
{
    const char *slash = p->path.n ? memrchr(p->path.p, '/', p->path.n) : NULL;
    size_t dir = slash ? (size_t)(slash + 1 - (const char *)p->path.p) : 0;
    struct store_bytes name = {(const char *)p->path.p + dir, p->path.n - dir};

    store_put_unit(t, p->path,
                   &(struct store_unit){.qname = name,
                                        .name = name,
                                        .ordinal = DB_PARENT,
                                        .kind = p->kind,
                                        .text = p->text,
                                        .source = p->source});
}

void store_put_parent(struct store_txn *t, const struct store_parent *p)
{
    store_drop_parent(t, p->path, p->kind);
    if (strcmp(p->kind, "file") != 0) {
        add_blob(t, p->path);
        end_op(t, OP_DIRECTORY);
    }
    put_parent_row(t, p);
}

void store_drop_parent(struct store_txn *t, struct store_bytes path, const char *kind)
{
    if (strcmp(kind, "file") != 0) {
        store_drop_file(t, path);
        return;
    }
    add_blob(t, path);
    end_op(t, OP_DROP_PARENT);
}

void store_put_summary(struct store_txn *t, const struct store_summary *s)
{
    add_key(t, s->prompt_key);
    add_key(t, s->unit_key);
    add_text(t, s->source);
    add_text(t, s->text);
    add_text(t, s->model);
    if (s->confidence >= 0)
        add_real(t, s->confidence);
    else
        add_null(t);
    add_int(t, s->attempts);
    add_int(t, (int64_t)s->n_prompt);
    add_int(t, (int64_t)s->n_written);
    add_int(t, s->run);
    end_op(t, OP_SUMMARY);
}

void store_put_attempt(struct store_txn *t, const struct store_attempt *a)
{
    add_key(t, a->prompt_key);
    add_int(t, a->attempt);
    add_text(t, a->outcome);
    add_text(t, a->reason);
    add_bytes(t, VALUE_BLOB, a->text, a->text_len);
    add_int(t, (int64_t)a->n_written);
    add_int(t, a->run);
    end_op(t, OP_ATTEMPT);
}

void store_put_run(struct store_txn *t, const struct store_run *r)
{
    add_int(t, r->id);
    add_int(t, r->started_ms);
    if (r->ended_ms)
        add_int(t, r->ended_ms);
    else
        add_null(t);
    add_text(t, r->options);
    add_int(t, (int64_t)r->n_units);
    add_int(t, (int64_t)r->n_done);
    add_int(t, (int64_t)r->n_cached);
    add_int(t, (int64_t)r->n_failed);
    add_int(t, (int64_t)r->n_left);
    add_int(t, r->code);
    end_op(t, OP_RUN);
}

void store_put_event(struct store_txn *t, int64_t run, int64_t time_ms, const char *kind,
                     const char *text)
{
    add_int(t, run);
    add_int(t, time_ms);
    add_text(t, kind);
    add_text(t, text);
    end_op(t, OP_EVENT);
}

/* ---- the store ---------------------------------------------------------------------------------- */

struct store {
    char *path;  /* for messages */
    sqlite3 *db; /* the thread's alone once it runs */
    sqlite3_stmt *op[OP_KINDS], *begin, *commit, *rollback;
    sqlite3_stmt *shown_id, *shown_path, *shown_parent, *search_in, *search_out,
        *waiting;     /* index_sql */
    int64_t *changed; /* units that may show something that the index does not have */
    size_t n_changed, cap_changed;
    int lock_fd;
    pthread_t thread;
    bool started;
    pthread_mutex_t
        mutex; /* guards all below; a leaf: nothing is locked or called under it, SQLite least of all */
    pthread_cond_t work, done;
    bool have_sync; /* mutex and conditions were made */
    struct store_txn *head, *tail;
    size_t queued_rows;
    double first_at; /* when the oldest in the queue came */
    uint64_t last_seq, committed;
    int n_flushing; /* callers that wait: do not let them wait for more to come */
    bool closing;
    int rc; /* 0, or the writer's first failure, which is told to all from then on */
    struct dobby_err err;
};

static int bind_value(sqlite3_stmt *st, int i, const struct value *v)
{
    switch (v->type) {
    case VALUE_INT:
        return sqlite3_bind_int64(st, i, v->u.i);
    case VALUE_REAL:
        return sqlite3_bind_double(st, i, v->u.r);
    case VALUE_TEXT:
        return sqlite3_bind_text64(st, i, v->u.p, v->n, SQLITE_STATIC, SQLITE_UTF8);
    case VALUE_BLOB:
        return sqlite3_bind_blob64(st, i, v->u.p, v->n, SQLITE_STATIC);
    case VALUE_NULL:
        break;
    }
    return sqlite3_bind_null(st, i);
}

/* Step a statement that gives no rows, and make it ready for the next time. */
static int run_statement(sqlite3_stmt *st)
{
    int rc = sqlite3_step(st), reset = sqlite3_reset(st);

    return rc == SQLITE_DONE ? SQLITE_OK : reset != SQLITE_OK ? reset : rc;
}

/* ---- the index ---------------------------------------------------------------------------------- */

/* Rows leave the index before they change, because it has their words alone and must be given the same again, and enter it
 * at the end of the transaction. Both in the order of their numbers: FTS5 writes a piece of index of its own whenever a
 * number is lower than the one before. And one by one, with VALUES: it also writes one at the end of every statement that
 * could be undone alone, as an INSERT ... SELECT can. */
static const char shown_id[] = "SELECT id," DB_SEARCH_COLUMNS " FROM shown WHERE id=?1";
static const char shown_path[] =
    "SELECT id," DB_SEARCH_COLUMNS " FROM shown WHERE path=?1 ORDER BY id";
static const char shown_parent[] =
    "SELECT id," DB_SEARCH_COLUMNS " FROM shown WHERE id=(SELECT id FROM units" WHERE_PARENT ")";
static const char search_in[] =
    "INSERT INTO search(rowid," DB_SEARCH_COLUMNS ") VALUES(?1,?2,?3,?4,?5)";
static const char search_out[] =
    "INSERT INTO search(search,rowid," DB_SEARCH_COLUMNS ") VALUES('delete',?1,?2,?3,?4,?5)";
static const char waiting[] = "SELECT id FROM units WHERE prompt_key=?1";

/* Give what a query finds to a statement, row by row. */
static int run_for_each(sqlite3_stmt *query, sqlite3_stmt *st)
{
    int rc, reset;

    while ((rc = sqlite3_step(query)) == SQLITE_ROW) {
        rc = SQLITE_OK;
        for (int i = 0; i < sqlite3_column_count(query) && rc == SQLITE_OK; i++)
            rc = sqlite3_bind_value(st, i + 1, sqlite3_column_value(query, i));
        if (rc == SQLITE_OK)
            rc = run_statement(st);
        if (rc != SQLITE_OK)
            break;
    }
    reset = sqlite3_reset(query);
    (void)sqlite3_clear_bindings(query);
    (void)sqlite3_clear_bindings(st);
    return rc == SQLITE_DONE ? reset : rc;
}

static int add_changed(struct store *s, int64_t id)
{
    size_t size = 0;
    int64_t *more;

    if (s->n_changed == s->cap_changed) {
        size_t cap = s->cap_changed ? 2 * s->cap_changed : 1024;

        more = size_mul(cap, sizeof(*more), &size) ? mem_realloc(s->changed, size) : NULL;
        if (!more)
            return SQLITE_NOMEM;
        s->changed = more;
        s->cap_changed = cap;
    }
    s->changed[s->n_changed++] = id;
    return SQLITE_OK;
}

static int by_number(const void *pa, const void *pb)
{
    int64_t a = *(const int64_t *)pa, b = *(const int64_t *)pb;

    return (a > b) - (a < b);
}

/* Those that show nothing, because their summary is not there yet, stay out. */
static int index_changed(struct store *s)
{
    int rc = SQLITE_OK;

    if (s->n_changed > 1)
        qsort(s->changed, s->n_changed, sizeof(*s->changed), by_number);
    for (size_t i = 0; i < s->n_changed && rc == SQLITE_OK; i++) {
        if (i > 0 && s->changed[i] == s->changed[i - 1])
            continue;
        rc = sqlite3_bind_int64(s->shown_id, 1, s->changed[i]);
        if (rc == SQLITE_OK)
            rc = run_for_each(s->shown_id, s->search_in);
    }
    s->n_changed = 0;
    return rc;
}

/* Before units of a path go: those that `query` finds. Some of them may have yet to enter the index. */
static int index_drop(struct store *s, sqlite3_stmt *query, const struct value *path)
{
    int rc = bind_value(query, 1, path);

    if (rc == SQLITE_OK && s->n_changed > 0) {
        rc = sqlite3_step(query);
        (void)sqlite3_reset(query); /* it tells again what the step told */
        rc = rc == SQLITE_ROW ? index_changed(s) : rc == SQLITE_DONE ? SQLITE_OK : rc;
    }
    return rc == SQLITE_OK ? run_for_each(query, s->search_out) : rc;
}

/* After a new summary: the units that ask for it. */
static int index_summary(struct store *s, const struct value *prompt_key)
{
    int rc = bind_value(s->waiting, 1, prompt_key), reset;

    while (rc == SQLITE_OK && (rc = sqlite3_step(s->waiting)) == SQLITE_ROW)
        rc = add_changed(s, sqlite3_column_int64(s->waiting, 0));
    reset = sqlite3_reset(s->waiting);
    (void)sqlite3_clear_bindings(s->waiting);
    return rc == SQLITE_DONE ? reset : rc;
}

static int apply_op(struct store *s, const struct op *op)
{
    sqlite3_stmt *st = s->op[op->kind];
    const unsigned char *p = op->packed;
    struct value first, v;
    int rc = SQLITE_OK;

    if (fault_hit(FAULT_WRITE))
        return SQLITE_FULL;
    (void)take_value(&first, p);
    if (op->kind == OP_DROP_UNITS)
        rc = index_drop(s, s->shown_path, &first);
    if (op->kind == OP_DROP_PARENT)
        rc = index_drop(s, s->shown_parent, &first);
    for (int i = 0; i < op->n_values && rc == SQLITE_OK; i++) {
        p = take_value(&v, p);
        rc = bind_value(st, i + 1, &v);
    }
    if (rc == SQLITE_OK)
        rc = run_statement(st);
    (void)sqlite3_clear_bindings(st); /* the values die with their group; it cannot fail */
    if (rc == SQLITE_OK && op->kind == OP_UNIT)
        rc = add_changed(s, sqlite3_last_insert_rowid(s->db));
    if (rc == SQLITE_OK && op->kind == OP_SUMMARY && sqlite3_changes(s->db) > 0)
        rc = index_summary(s, &first);
    return rc;
}

/* Commit a list of groups as one transaction: all of them or none. */
static int commit_list(struct store *s, const struct store_txn *list, struct dobby_err *e)
{
    int rc = run_statement(s->begin), code;

    s->n_changed = 0;
    for (const struct store_txn *t = list; t && rc == SQLITE_OK; t = t->next)
        for (const struct op *op = t->first; op && rc == SQLITE_OK; op = op->next)
            rc = apply_op(s, op);
    if (rc == SQLITE_OK)
        rc = index_changed(s);
    if (rc == SQLITE_OK)
        rc = fault_hit(FAULT_SYNC) ? SQLITE_IOERR_FSYNC : run_statement(s->commit);
    if (rc == SQLITE_OK)
        return 0;
    code = db_error(e, s->db, rc, "cannot write to the store", s->path);
    if (!sqlite3_get_autocommit(s->db)) /* some failures have rolled back already */
        (void)run_statement(s->rollback);
    return code;
}

static void free_list(struct store_txn *list)
{
    while (list) {
        struct store_txn *next = list->next;

        store_txn_free(list);
        list = next;
    }
}

/* Give others a chance to join the commit. Called with the mutex held. */
static void gather(struct store *s)
{
    double until = s->first_at + COMMIT_MS / 1000.0;
    struct timespec ts;

    ts.tv_sec = (time_t)until;
    ts.tv_nsec = (long)((until - (double)ts.tv_sec) * 1e9);
    while (!s->closing && s->n_flushing == 0 && s->queued_rows < COMMIT_ROWS)
        if (pthread_cond_timedwait(&s->work, &s->mutex, &ts) != 0)
            return;
}

static void *writer(void *arg)
{
    struct store *s = arg;

    pthread_mutex_lock(&s->mutex);
    for (;;) {
        struct dobby_err err = {0};
        struct store_txn *list;
        uint64_t seq;
        int rc;

        while (!s->head && !s->closing)
            pthread_cond_wait(&s->work, &s->mutex);
        if (!s->head)
            break;
        gather(s);
        list = s->head;
        seq = s->last_seq;
        rc = s->rc;
        s->head = s->tail = NULL;
        s->queued_rows = 0;
        pthread_mutex_unlock(&s->mutex);

        if (rc == 0)
            rc = commit_list(s, list, &err);
        free_list(list);

        pthread_mutex_lock(&s->mutex);
        if (rc == 0) {
            s->committed = seq;
        } else if (s->rc == 0) {
            s->rc = rc;
            s->err = err;
        }
        pthread_cond_broadcast(&s->done);
    }
    pthread_mutex_unlock(&s->mutex);
    return NULL;
}

static int prepare_all(struct store *s, struct dobby_err *e)
{
    int rc = 0;

    for (int i = 0; i < OP_KINDS && rc == 0; i++)
        rc = db_prepare(&s->op[i], s->db, op_sql[i], s->path, e);
    if (rc == 0)
        rc = db_prepare(&s->search_in, s->db, search_in, s->path, e);
    if (rc == 0)
        rc = db_prepare(&s->search_out, s->db, search_out, s->path, e);
    if (rc == 0)
        rc = db_prepare(&s->shown_id, s->db, shown_id, s->path, e);
    if (rc == 0)
        rc = db_prepare(&s->shown_path, s->db, shown_path, s->path, e);
    if (rc == 0)
        rc = db_prepare(&s->shown_parent, s->db, shown_parent, s->path, e);
    if (rc == 0)
        rc = db_prepare(&s->waiting, s->db, waiting, s->path, e);
    if (rc == 0)
        rc = db_prepare(&s->begin, s->db, "BEGIN IMMEDIATE", s->path, e);
    if (rc == 0)
        rc = db_prepare(&s->commit, s->db, "COMMIT", s->path, e);
    if (rc == 0)
        rc = db_prepare(&s->rollback, s->db, "ROLLBACK", s->path, e);
    return rc;
}

static int make_sync(struct store *s, struct dobby_err *e)
{
    pthread_condattr_t attr;

    if (pthread_condattr_init(&attr) != 0)
        return err_nomem(e, "the store's writer");
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC); /* the clock of time_now() */
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->work, &attr);
    pthread_cond_init(&s->done, &attr);
    pthread_condattr_destroy(&attr);
    s->have_sync = true;
    return 0;
}

/* Release everything; the thread has ended or never ran. */
static void dispose(struct store *s)
{
    for (int i = 0; i < OP_KINDS; i++)
        sqlite3_finalize(s->op[i]);
    sqlite3_finalize(s->search_in);
    sqlite3_finalize(s->search_out);
    sqlite3_finalize(s->shown_id);
    sqlite3_finalize(s->shown_path);
    sqlite3_finalize(s->shown_parent);
    sqlite3_finalize(s->waiting);
    sqlite3_finalize(s->begin);
    sqlite3_finalize(s->commit);
    sqlite3_finalize(s->rollback);
    db_close(s->db, s->started && s->rc == 0);
    if (s->have_sync) {
        pthread_cond_destroy(&s->done);
        pthread_cond_destroy(&s->work);
        pthread_mutex_destroy(&s->mutex);
    }
    if (s->lock_fd >= 0)
        close(s->lock_fd); /* last: the next writer may come now */
    mem_free(s->changed);
    mem_free(s->path);
    mem_free(s);
}

int store_open(struct store **out, const struct store_place *p, struct dobby_err *e)
{
    struct store *s = mem_zalloc(sizeof(*s));
    int rc;

    *out = NULL;
    if (!s)
        return err_nomem(e, "the store");
    s->lock_fd = -1;
    s->path = mem_strdup(p->db);
    rc = s->path ? place_make(p, e) : err_nomem(e, "the store");
    if (rc == 0)
        rc = place_lock(&s->lock_fd, p, e);
    if (rc == 0)
        rc = db_open_write(&s->db, p->db, e);
    if (rc == 0)
        rc = prepare_all(s, e);
    if (rc == 0)
        rc = make_sync(s, e);
    if (rc == 0)
        rc = thread_start(&s->thread, "store", writer, s, e);
    if (rc < 0) {
        dispose(s);
        return rc;
    }
    s->started = true;
    *out = s;
    return 0;
}

int store_close(struct store *s, struct dobby_err *e)
{
    int rc;

    if (!s)
        return 0;
    pthread_mutex_lock(&s->mutex);
    s->closing = true;
    pthread_cond_broadcast(&s->work);
    pthread_mutex_unlock(&s->mutex);
    pthread_join(s->thread, NULL);
    rc = s->rc;
    if (rc < 0)
        err_set(e, rc, "%s", s->err.message);
    dispose(s);
    return rc;
}

/* ---- queueing ----------------------------------------------------------------------------------- */

/* The writer's failure, as ours. Called with the mutex held. */
static int told_failure(const struct store *s, struct dobby_err *e)
{
    return s->rc < 0 ? err_set(e, s->rc, "%s", s->err.message) : 0;
}

static void enqueue(struct store *s, struct store_txn *t)
{
    if (s->tail)
        s->tail->next = t;
    else
        s->head = t;
    s->tail = t;
    if (s->queued_rows == 0)
        s->first_at = time_now();
    s->queued_rows += t->n_rows;
    t->seq = ++s->last_seq;
}

int store_commit(struct store *s, struct store_txn *t, uint64_t *seq, struct dobby_err *e)
{
    int rc;

    if (t->failed) {
        store_txn_free(t);
        return err_nomem(e, "rows for the store");
    }
    pthread_mutex_lock(&s->mutex);
    while (s->rc == 0 && s->queued_rows > STORE_QUEUE_MAX)
        pthread_cond_wait(&s->done, &s->mutex);
    rc = told_failure(s, e);
    if (rc == 0) {
        enqueue(s, t);
        if (seq)
            *seq = t->seq;
        t = NULL;
        pthread_cond_signal(&s->work);
    }
    pthread_mutex_unlock(&s->mutex);
    store_txn_free(t);
    return rc;
}

uint64_t store_committed(struct store *s)
{
    uint64_t n;

    pthread_mutex_lock(&s->mutex);
    n = s->committed;
    pthread_mutex_unlock(&s->mutex);
    return n;
}

int store_flush(struct store *s, struct dobby_err *e)
{
    uint64_t upto;
    int rc;

    pthread_mutex_lock(&s->mutex);
    upto = s->last_seq;
    s->n_flushing++;
    pthread_cond_signal(&s->work);
    while (s->rc == 0 && s->committed < upto)
        pthread_cond_wait(&s->done, &s->mutex);
    s->n_flushing--;
    rc = told_failure(s, e);
    pthread_mutex_unlock(&s->mutex);
    return rc;
}
