/* db.h - what the writer and the readers of a store share: opening, schema, errors. Private to store. */
#ifndef STORE_DB_H
#define STORE_DB_H

#include "base/err.h"
#include "store/store.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#define DB_APPLICATION_ID                                                                          \
    0x646f6262             /* "dobb": SQLite's application_id, which tells our files from others' */
#define DB_SCHEMA        4 /* user_version */
#define DB_SCHEMA_COUNTS 2 /* from this one on there are `counts` */
/* From this one on there are rows of files and directories, imports and facts, lines of files, findings and a language of units, and
 * `search` is as it is asked. */
#define DB_SCHEMA_WIDE  3
#define DB_SCHEMA_WORDS 4 /* from this one on units have calls and uses */

/* A unit u of the plan, joined with its summary s, is done when it has its own text, or its prompt has a summary. */
#define DB_DONE                                                                                    \
    "(CASE WHEN u.prompt_key IS NULL THEN u.unit_key IS NULL AND u.text IS NOT NULL"               \
    " ELSE s.prompt_key IS NOT NULL END)"

/* A file's own row, a directory's, the repository's has this number and no lines. */
#define DB_PARENT      (-1)
#define DB_PARENT_TEXT "-1"
/* Of an entry of `files` that is a directory or the repository: no parser cuts it into units. */
#define DB_NO_GRAMMAR "''"

#define DB_SEARCH_COLUMNS "name,marks,text,path" /* of the index, and of the view `shown` */

/* Set *e for an SQLite result code and return the DOBBY_E_* code. db may be NULL. */
int db_error(struct dobby_err *e, sqlite3 *db, int rc, const char *what, const char *path);
/* Open for the one writer: made if missing, write-ahead log, schema checked or made. */
MUST_CHECK int db_open_write(sqlite3 **out, const char *path, struct dobby_err *e);
/* Open for reading; DOBBY_E_NOTFOUND when there is no file. */
MUST_CHECK int db_open_read(sqlite3 **out, const char *path, struct dobby_err *e);
/* Checkpoint (the writer only) and close. NULL is fine. */
void db_close(sqlite3 *db, bool checkpoint);
/* Run statements that give no rows. */
MUST_CHECK int db_exec(sqlite3 *db, const char *sql, const char *what, const char *path,
                       struct dobby_err *e);
/* Prepare a statement that is kept. */
MUST_CHECK int db_prepare(sqlite3_stmt **out, sqlite3 *db, const char *sql, const char *path,
                          struct dobby_err *e);
/* The integer that a query or pragma gives. */
MUST_CHECK int db_int(int64_t *out, sqlite3 *db, const char *sql, const char *path,
                      struct dobby_err *e);

#endif
