/* db.c - connections to the database: opening, the schema, errors (store).
 * SQLite 3.40 has a rare fault in resetting the write-ahead log that needs two connections that write or checkpoint
 * (fixed in 3.51.3). So one connection writes, under a lock taken before it is opened (place.c), and all others are read-only.
 * Each connection belongs to one thread, hence NOMUTEX. Source: sqlite.org, "Write-Ahead Logging", "PRAGMA", "STRICT
 * Tables". */
#include "store/db.h"

#include "base/file.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "store/words.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define BUSY_MS                                                                                    \
    5000 /* SQLite's recovery after a crash holds others off for a moment; it is never long */

/* The order of rows in every output, and so the only order in which units are read, is that of units_order.
 * BLOB for what comes from outside as bytes: paths and names need not be UTF-8. */
#define N_LINES "n_lines INTEGER NOT NULL DEFAULT -1" /* -1: not counted */
static const char schema[] =
    "CREATE TABLE files("
    " path BLOB PRIMARY KEY,"
    " hash BLOB NOT NULL CHECK(length(hash)=32),"
    " grammar TEXT NOT NULL,"
    " language TEXT NOT NULL,"
    " recipe BLOB CHECK(recipe IS NULL OR length(recipe)=32),"
    " model BLOB CHECK(model IS NULL OR length(model)=32),"
    " note TEXT," N_LINES ", context BLOB) STRICT, WITHOUT ROWID;"

    "CREATE TABLE summaries("
    " prompt_key BLOB PRIMARY KEY CHECK(length(prompt_key)=32),"
    " unit_key BLOB NOT NULL CHECK(length(unit_key)=32),"
    " source TEXT NOT NULL CHECK(source IN ('model','signature','remote')),"
    " text TEXT CHECK((text IS NULL)=(source='signature')),"
    " model TEXT NOT NULL,"
    " confidence REAL,"
    " attempts INTEGER NOT NULL,"
    " n_prompt INTEGER NOT NULL,"
    " n_written INTEGER NOT NULL,"
    " run INTEGER NOT NULL) STRICT, WITHOUT ROWID;"

    "CREATE TABLE attempts("
    " id INTEGER PRIMARY KEY,"
    " prompt_key BLOB NOT NULL CHECK(length(prompt_key)=32),"
    " attempt INTEGER NOT NULL,"
    " outcome TEXT NOT NULL CHECK(outcome IN ('accepted','refused','failed')),"
    " reason TEXT NOT NULL,"
    " text BLOB,"
    " n_written INTEGER NOT NULL,"
    " run INTEGER NOT NULL) STRICT;"
    "CREATE INDEX attempts_prompt ON attempts(prompt_key, attempt);"

    "CREATE TABLE runs("
    " id INTEGER PRIMARY KEY,"
    " started_ms INTEGER NOT NULL,"
    " ended_ms INTEGER," /* NULL: still running, or killed */
    " options TEXT NOT NULL,"
    " n_units INTEGER NOT NULL,"
    " n_done INTEGER NOT NULL,"
    " n_cached INTEGER NOT NULL,"
    " n_failed INTEGER NOT NULL,"
    " n_left INTEGER NOT NULL,"
    " code INTEGER NOT NULL) STRICT;"

    "CREATE TABLE events("
    " id INTEGER PRIMARY KEY,"
    " run INTEGER NOT NULL,"
    " time_ms INTEGER NOT NULL,"
    " kind TEXT NOT NULL,"
    " text TEXT NOT NULL) STRICT;";

/* `facts` is what manifests say (go.mod, package.json), which have no units. */
static const char schema_imports[] = "CREATE TABLE imports("
                                     " path BLOB NOT NULL REFERENCES files(path) ON DELETE CASCADE,"
                                     " ordinal INTEGER NOT NULL,"
                                     " kind TEXT NOT NULL,"
                                     " what BLOB NOT NULL,"
                                     " line INTEGER NOT NULL,"
                                     " PRIMARY KEY(path, ordinal)) STRICT, WITHOUT ROWID;"
                                     "CREATE TABLE facts("
                                     " path BLOB NOT NULL,"
                                     " ordinal INTEGER NOT NULL,"
                                     " key TEXT NOT NULL,"
                                     " value BLOB NOT NULL,"
                                     " PRIMARY KEY(path, ordinal)) STRICT, WITHOUT ROWID;";

static const char schema_units[] =
    "CREATE TABLE units("
    " id INTEGER PRIMARY KEY,"
    " path BLOB NOT NULL REFERENCES files(path) ON DELETE CASCADE,"
    " qname BLOB NOT NULL,"
    " ordinal INTEGER NOT NULL,"
    " name BLOB NOT NULL,"
    " kind TEXT NOT NULL,"
    " start_line INTEGER,"
    " end_line INTEGER,"
    " spans BLOB,"
    " text TEXT,"
    " unit_key BLOB CHECK(unit_key IS NULL OR length(unit_key)=32),"
    " prompt_hash BLOB CHECK(prompt_hash IS NULL OR length(prompt_hash)=32),"
    " prompt_key BLOB CHECK(prompt_key IS NULL OR length(prompt_key)=32),"
    " old INTEGER NOT NULL DEFAULT 0,"
    " language TEXT," /* NULL: the file's */
    " source TEXT CHECK(source IN ('doc','signature')),"
    " findings TEXT,"         /* a line each; NULL: nobody has looked */
    " calls TEXT, uses TEXT," /* a name a line; NULL: not known */
    " code_hash BLOB,"
    " UNIQUE(path, qname, ordinal)) STRICT;"
    "CREATE UNIQUE INDEX units_order ON units(path, start_line, end_line DESC, kind, qname, "
    "ordinal);"
    "CREATE INDEX units_prompt ON units(prompt_key) WHERE prompt_key IS NOT NULL;";

/* What is searched and counted is what units show, kept current in the very transaction that changes it: the counts by
 * triggers, the index by the writer's own statements, because a schema is not trusted with virtual tables (set_up).
 * Columns, not positions, are kept of each word: nothing asks for phrases. */
static const char schema_views[] =
    "CREATE VIEW done AS SELECT u.id AS id, "
    "coalesce(s.source,u.source,'doc') AS source" /* for any program */
    " FROM units u LEFT JOIN summaries s ON "
    "s.prompt_key=u.prompt_key WHERE " DB_DONE " AND u.ordinal<>" DB_PARENT_TEXT ";"
    "CREATE VIEW shown AS SELECT u.id AS id, u.prompt_key AS "
    "prompt_key,"
    " coalesce(s.source,u.source,'doc') AS source, u.qname AS name, "
    "dobby_marked(u.name,u.qname,u.path) AS marks,"
    " CASE WHEN s.text IS NULL THEN u.text ELSE s.text END AS "
    "text, u.path AS path"
    " FROM units u LEFT JOIN summaries s ON "
    "s.prompt_key=u.prompt_key WHERE " DB_DONE ";"

    "CREATE TRIGGER units_in AFTER INSERT ON units BEGIN "
    "UPDATE counts SET n=n+1 WHERE what=iif(new.ordinal=" DB_PARENT_TEXT ",'parents','units');"
    "UPDATE counts SET n=n+1 WHERE what=(SELECT source FROM done "
    "WHERE id=new.id); END;"
    "CREATE TRIGGER units_out BEFORE DELETE ON units BEGIN "
    "UPDATE counts SET n=n-1 WHERE what=iif(old.ordinal=" DB_PARENT_TEXT ",'parents','units');"
    "UPDATE counts SET n=n-1 WHERE what=(SELECT source FROM done "
    "WHERE id=old.id); END;"
    "CREATE TRIGGER summaries_in AFTER INSERT ON summaries BEGIN "
    "UPDATE counts SET n=n+1 WHERE what='summaries';"
    "UPDATE counts SET n=n+(SELECT count(*) FROM units WHERE "
    "prompt_key=new.prompt_key AND ordinal<>" DB_PARENT_TEXT ")"
    " WHERE what=new.source; END;";

static const char schema_search[] =
    "CREATE VIRTUAL TABLE search USING fts5(" DB_SEARCH_COLUMNS
    ", content='shown', content_rowid='id',"
    " detail=column, tokenize='porter dobby', prefix='3');"

    "CREATE TABLE counts(what TEXT PRIMARY KEY, n INTEGER NOT "
    "NULL) STRICT, WITHOUT ROWID;"
    "INSERT INTO counts VALUES('units',(SELECT count(*) FROM "
    "units)),"
    "('summaries',(SELECT count(*) FROM summaries)),"
    "('doc',0),('model',0),('remote',0),('signature',0),('parents',0);"
    "UPDATE counts SET n=t.n FROM (SELECT source,count(*) AS n "
    "FROM done GROUP BY source) AS t"
    " WHERE t.source=what;"
    "INSERT INTO search(rowid," DB_SEARCH_COLUMNS ") SELECT id," DB_SEARCH_COLUMNS " FROM shown"
    " ORDER BY id;"; /* of an older schema's rows */

/* From schema 1, in which units had no number. */
static const char units_out_of_the_way[] =
    "DROP INDEX units_order; DROP INDEX units_prompt; ALTER TABLE units RENAME TO units_1;";
#define UNIT_COLUMNS                                                                               \
    "path,qname,ordinal,name,kind,start_line,end_line,spans,text,unit_key,prompt_hash,prompt_key," \
    "old"
static const char units_back[] = "INSERT INTO units(" UNIT_COLUMNS ") SELECT " UNIT_COLUMNS
                                 " FROM units_1 ORDER BY path,start_line,end_line DESC,kind,qname,"
                                 "ordinal; DROP TABLE units_1;";
/* From schema 2, in which units had no language of their own, files and directories no rows, and whose index did not know places; all
 * that belongs to that is made anew. Files are read again, and get their lines and imports then, since PARSE_VERSION is another one. */
static const char units_of_2[] =
    "DROP TRIGGER units_in; DROP TRIGGER units_out; DROP TRIGGER summaries_in; DROP TABLE search;"
    "DROP VIEW shown; DROP VIEW done; DROP TABLE counts;"
    "ALTER TABLE units ADD COLUMN language TEXT;"
    "ALTER TABLE units ADD COLUMN source TEXT CHECK(source IN ('doc','signature'));"
    "ALTER TABLE units ADD COLUMN findings TEXT;";
/* From schema 3, in which units had no calls and uses: those come when their files are read again, as above. */
static const char units_of_3[] =
    "ALTER TABLE units ADD COLUMN calls TEXT; ALTER TABLE units ADD COLUMN uses TEXT;"
    "ALTER TABLE units ADD COLUMN code_hash BLOB;";
static const char files_of_3[] = "ALTER TABLE files ADD COLUMN context BLOB;";
static const char files_of_2[] = "ALTER TABLE files ADD COLUMN " N_LINES ";";

/* ---- errors ------------------------------------------------------------------------------------- */

static int open_error(struct dobby_err *e, sqlite3 *db, const char *what, const char *path)
{
    int errnum = db ? sqlite3_system_errno(db) : 0;

    if (errnum)
        return err_errno(e, errnum, "check the folder and its permissions", "%s: %s", what, path);
    return err_set(e, DOBBY_E_IO, "%s: %s: cannot be opened; check the folder and its permissions",
                   what, path);
}

int db_error(struct dobby_err *e, sqlite3 *db, int rc, const char *what, const char *path)
{
    const char *why = db ? sqlite3_errmsg(db) : sqlite3_errstr(rc);

    switch (rc & 0xff) {
    case SQLITE_NOMEM:
        return err_nomem(e, what);
    case SQLITE_FULL:
        return err_set(e, DOBBY_E_IO, "%s: %s: disk full; make room and run it again", what, path);
    case SQLITE_IOERR:
        return err_set(e, DOBBY_E_IO, "%s: %s: %s (error %d); check the disk and run it again",
                       what, path, why, db ? sqlite3_extended_errcode(db) : rc);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
        return err_set(
            e, DOBBY_E_FORMAT,
            "%s: %s: damaged, or not a database (%s); move it away and run again, or name "
            "another with --store",
            what, path, why);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return err_set(e, DOBBY_E_PERMISSION,
                       "%s: %s: %s; check the permissions of file and folder", what, path, why);
    case SQLITE_CANTOPEN:
        return open_error(e, db, what, path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return err_set(e, DOBBY_E_CONFIG,
                       "%s: %s: held by another program (%s); close it and run again", what, path,
                       why);
    default:
        return err_set(e, DOBBY_E_INTERNAL, "%s: %s: %s (error %d); report this", what, path, why,
                       rc);
    }
}

/* ---- statements --------------------------------------------------------------------------------- */

int db_exec(sqlite3 *db, const char *sql, const char *what, const char *path, struct dobby_err *e)
{
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? 0 : db_error(e, db, rc, what, path);
}

int db_prepare(sqlite3_stmt **out, sqlite3 *db, const char *sql, const char *path,
               struct dobby_err *e)
{
    int rc = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);

    return rc == SQLITE_OK ? 0 : db_error(e, db, rc, "cannot read the store", path);
}

int db_int(int64_t *out, sqlite3 *db, const char *sql, const char *path, struct dobby_err *e)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int64(st, 0);
    else
        rc =
            db_error(e, db, rc == SQLITE_DONE ? SQLITE_CORRUPT : rc, "cannot read the store", path);
    sqlite3_finalize(st);
    return rc == SQLITE_ROW ? 0 : rc;
}

/* ---- opening ------------------------------------------------------------------------------------ */

/* Settings that live as long as the connection. */
static int set_up(sqlite3 *db, const char *path, struct dobby_err *e)
{
    int rc;

    sqlite3_extended_result_codes(db, 1);
    sqlite3_busy_timeout(db, BUSY_MS);
    rc = sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (rc == SQLITE_OK)
        rc = words_register(db);
    if (rc != SQLITE_OK)
        return db_error(e, db, rc, "cannot open the store", path);
    return db_exec(db,
                   "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"
                   "PRAGMA temp_store=MEMORY;",
                   "cannot open the store", path, e);
}

/* The schema's version, 0 for an empty file, or a failure. */
static int check_kind(sqlite3 *db, const char *path, struct dobby_err *e)
{
    int64_t id = 0, version = 0, n_objects = 0;
    int rc;

    if ((rc = db_int(&id, db, "PRAGMA application_id", path, e)) < 0 ||
        (rc = db_int(&version, db, "PRAGMA user_version", path, e)) < 0 ||
        (rc = db_int(&n_objects, db, "SELECT count(*) FROM sqlite_schema", path, e)) < 0)
        return rc;
    if (id == 0 && version == 0 && n_objects == 0)
        return 0;
    if (id != DB_APPLICATION_ID)
        return err_set(
            e, DOBBY_E_FORMAT,
            "cannot open the store: %s: a database of another program; name another file "
            "with --store",
            path);
    if (version > DB_SCHEMA)
        return err_set(
            e, DOBBY_E_UNSUPPORTED,
            "cannot open the store: %s: made by a newer dobby (schema %lld, this one knows "
            "%d); use that one, or name another file with --store",
            path, (long long)version, DB_SCHEMA);
    if (version < 1)
        return err_set(
            e, DOBBY_E_FORMAT,
            "cannot open the store: %s: damaged (schema %lld); move it away and run again", path,
            (long long)version);
    return (int)version;
}

/* The log's mode is kept in the file; SQLite answers with the mode that it has then, which is another one where the
 * file system has no shared memory. */
static int set_wal(sqlite3 *db, const char *path, struct dobby_err *e)
{
    sqlite3_stmt *st = NULL;
    const unsigned char *mode = NULL;
    int rc = sqlite3_prepare_v2(db, "PRAGMA journal_mode=WAL", -1, &st, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    if (rc != SQLITE_ROW) {
        rc = db_error(e, db, rc, "cannot open the store", path);
    } else {
        mode = sqlite3_column_text(st, 0);
        rc = mode && strcmp((const char *)mode, "wal") == 0
                 ? 0
                 : err_set(e, DOBBY_E_CONFIG,
                           "cannot open the store: %s: its file system cannot share memory; name a "
                           "file on a local disk with --store",
                           path);
    }
    sqlite3_finalize(st);
    return rc;
}

static int make_schema(sqlite3 *db, const char *path, struct dobby_err *e)
{
    struct strbuf sql = {0};
    int rc;

    strbuf_printf(
        &sql,
        "BEGIN IMMEDIATE; %s %s %s %s %s PRAGMA application_id=%d; PRAGMA user_version=%d; "
        "COMMIT;",
        schema, schema_units, schema_views, schema_search, schema_imports, DB_APPLICATION_ID,
        DB_SCHEMA);
    rc = strbuf_failed(&sql) ? err_nomem(e, "the store's schema")
                             : db_exec(db, strbuf_str(&sql), "cannot make the store", path, e);
    strbuf_release(&sql);
    return rc;
}

/* All of it happens or nothing; a failure leaves the transaction to the connection's end. Needs room for the database once
 * more. */
static int upgrade(sqlite3 *db, int version, const char *path, struct dobby_err *e)
{
    struct strbuf sql = {0};
    int rc;

    log_msg(LOG_INFO, "store: %s: made by an older dobby; brought up to schema %d", path,
            DB_SCHEMA);
    strbuf_puts(&sql, "BEGIN IMMEDIATE;");
    if (version == 1)
        strbuf_printf(&sql, "%s %s %s", units_out_of_the_way, schema_units, units_back);
    else
        strbuf_printf(&sql, "%s %s", version == 2 ? units_of_2 : "", units_of_3);
    if (version < DB_SCHEMA_WIDE)
        strbuf_printf(&sql, "%s %s %s %s", schema_views, schema_search, files_of_2, schema_imports);
    strbuf_printf(&sql, "%s PRAGMA user_version=%d; COMMIT;", files_of_3, DB_SCHEMA);
    rc = strbuf_failed(&sql)
             ? err_nomem(e, "the store's schema")
             : db_exec(db, strbuf_str(&sql), "cannot bring the store up to date", path, e);
    strbuf_release(&sql);
    return rc;
}

int db_open_write(sqlite3 **out, const char *path, struct dobby_err *e)
{
    sqlite3 *db = NULL;
    int rc = sqlite3_open_v2(path, &db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                                 SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_NOFOLLOW,
                             NULL),
        version = 0;

    *out = NULL;
    if (rc != SQLITE_OK) {
        rc = db_error(e, db, rc, "cannot open the store", path);
        goto out;
    }
    rc = set_up(db, path, e);
    if (rc == 0)
        rc = version = check_kind(db, path, e); /* before the mode is set: a foreign file stays */
    if (rc >= 0)
        rc = set_wal(db, path, e);
    if (rc == 0 && version == 0)
        rc = make_schema(db, path, e);
    if (rc == 0 && version > 0 && version < DB_SCHEMA)
        rc = upgrade(db, version, path, e);
    if (rc == 0) /* FULL: a commit is on the disk; a log that once grew is cut back to this */
        rc = db_exec(db, "PRAGMA synchronous=FULL; PRAGMA journal_size_limit=16777216;",
                     "cannot open the store", path, e);
    if (rc == 0) {
        *out = db;
        db = NULL;
    }
out:
    db_close(db, false);
    return rc;
}

/* "file:" with everything but plain characters as %XX, and told to take the file as it stands. */
static void put_uri(struct strbuf *uri, const char *path)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-";

    strbuf_puts(uri, "file:");
    for (const char *c = path; *c; c++) {
        if (strchr(plain, *c))
            strbuf_putc(uri, *c);
        else
            strbuf_printf(uri, "%%%02X", (unsigned)(unsigned char)*c);
    }
    strbuf_puts(uri, "?immutable=1");
}

/* Without a write-ahead log nobody writes, and without the right to write here nobody can begin to through us. */
static bool may_be_immutable(const char *path)
{
    struct strbuf wal = {0};
    struct stat sb;
    bool none = false;

    strbuf_printf(&wal, "%s-wal", path);
    if (!strbuf_failed(&wal))
        none = stat(strbuf_str(&wal), &sb) != 0 ? errno == ENOENT : sb.st_size == 0;
    strbuf_release(&wal);
    return none;
}

static int open_immutable(sqlite3 **out, const char *path)
{
    struct strbuf uri = {0};
    int rc;

    put_uri(&uri, path);
    rc = strbuf_failed(&uri)
             ? SQLITE_NOMEM
             : sqlite3_open_v2(strbuf_str(&uri), out,
                               SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX |
                                   SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_NOFOLLOW,
                               NULL);
    strbuf_release(&uri);
    return rc;
}

/* SQLite opens lazily: only a first read tells whether the log's shared memory can be had. */
static int first_read(sqlite3 *db)
{
    return sqlite3_exec(db, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
}

int db_open_read(sqlite3 **out, const char *path, struct dobby_err *e)
{
    sqlite3 *db = NULL;
    struct stat sb;
    int rc;

    *out = NULL;
    if (stat(path, &sb) != 0)
        return errno == ENOENT ? err_set(e, DOBBY_E_NOTFOUND,
                                         "no store: %s: nothing has been summarised here yet", path)
                               : err_errno(e, errno, NULL, "cannot open the store: %s", path);
    rc = sqlite3_open_v2(path, &db,
                         SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                             SQLITE_OPEN_NOFOLLOW,
                         NULL);
    if (rc == SQLITE_OK) {
        sqlite3_busy_timeout(db, BUSY_MS);
        rc = first_read(db);
    }
    if (((rc & 0xff) == SQLITE_CANTOPEN || (rc & 0xff) == SQLITE_READONLY) &&
        may_be_immutable(path)) {
        db_close(db, false);
        db = NULL;
        rc = open_immutable(&db, path);
    }
    if (rc != SQLITE_OK) {
        rc = db_error(e, db, rc, "cannot open the store", path);
        goto out;
    }
    rc = set_up(db, path, e);
    rc = rc < 0 ? rc : check_kind(db, path, e);
    if (rc == 0)
        rc = err_set(e, DOBBY_E_NOTFOUND, "no store: %s: nothing has been summarised here yet",
                     path);
    if (rc > 0) {
        rc = 0;
        *out = db;
        db = NULL;
    }
out:
    db_close(db, false);
    return rc;
}

void db_close(sqlite3 *db, bool checkpoint)
{
    if (!db)
        return;
    if (checkpoint) /* a tidy-up: everything is in the log and safe, whether or not it succeeds */
        (void)sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    (void)sqlite3_close_v2(db);
}
