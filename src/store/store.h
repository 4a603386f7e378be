/* store.h - summaries under content keys, kept in a database (store).
 * What     Files, the units in them, and what was written about each. A unit's row holds what the plan knew (keys,
 *          the text to fall back on); a summary is kept under its prompt key, apart from any place, so that it serves
 *          every unit that asks the same, wherever it moves. What a unit shows is the join of the two.
 *
 *              files(path) --< units(path, qualified name, ordinal) >-- summaries(prompt_key) --< attempts
 *
 *          A file, a directory and the repository have a row of their own, a parent of the units' rows: a unit without lines, whose
 *          text was put together from what lies below it or was found beside it. A directory's path is that of an entry of `files`
 *          that is not handed out as a file.
 *
 *          What units show is also indexed by its words (`search`) and counted (`counts`), in the transaction that
 *          changes it.
 * Writing  Exactly one writer per database on a host (flock on a side file, taken before the database is opened; the
 *          other connections are read-only and cannot checkpoint). Changes are built as a `struct store_txn` and queued;
 *          one thread commits all that is queued, at most 100 ms or 500 rows after the first, and
 *          fsyncs. So nobody waits for a disk, and something counts as done when store_committed() has reached it.
 * Failure  The writer's first failure (disk full, I/O, damage) sticks: every later call returns it, nothing more is
 *          written, and what was committed before stays.
 * Trust    Some in the database: values are typed and checked by it; damage and foreign files are told, never repaired
 *          or deleted. Names and paths are bytes.
 * Threads  A writer: store_commit, store_committed, store_flush from any thread. A reader or a txn: one thread at a time.
 * Next     db.c for the schema, writer.c for the queue, reader.c for the queries, words.h for the index, place.c for where it all lies. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/err.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_CODE 16
#define STORE_KEY  32 /* bytes of a key or a digest: SHA-256 */

/* Bytes that need not be UTF-8 nor end in NUL. */
struct store_bytes {
    const void *p;
    size_t n;
};

/* A file whose units are known. Digests may be NULL where said. */
struct store_file {
    struct store_bytes path; /* relative to the root */
    const uint8_t *hash;     /* SHA-256 of the bytes that were read */
    const char *grammar; /* what cut it into units, with its version: another one, another cut */
    const char *language;
    const uint8_t
        *recipe; /* what its units' plan depends on apart from the model; NULL: on several such */
    const uint8_t
        *model;       /* the part of their keys that the model gives; NULL: no unit needed one */
    const char *note; /* what is odd about it ("parsed in part"), NULL: nothing */
    const uint8_t *context; /* digest of what its prompts show from other files; NULL: not known */
    int64_t n_lines;        /* lines of text; -1: an older dobby did not count them */
    const char *text,
        *source; /* of its own row: as of a parent; NULL: it has none; read, only if it is "doc" */
};

/* What a file says about what is outside of it: struct import of code/unit.h. */
struct store_import {
    const char *kind; /* "import", "types", "child", "package" or "entry" */
    struct store_bytes what;
    int line; /* 1-based */
};

/* What a manifest says: struct manifest_fact of code/manifest.h. */
struct store_fact {
    struct store_bytes path; /* of the manifest, which is no file in the sense above */
    const char *key;
    struct store_bytes value;
};

/* What a file, a directory or the repository shows. */
struct store_parent {
    struct store_bytes path; /* "." for the repository */
    const char *kind;        /* "file", "directory", "repository" */
    const char *text;
    const char *source; /* "doc": its own words; "signature": made from what it holds */
};

/* A unit of a file, as planned. */
struct store_unit {
    struct store_bytes qname; /* qualified name: Class.method */
    struct store_bytes name;  /* its last part */
    int ordinal; /* 0, 1, ... among those of one file and name, in the order of lines */
    const char *kind;
    const char *language;     /* NULL: its file's */
    int start_line, end_line; /* 1-based, inclusive */
    struct store_bytes spans; /* where its parts lie; encoded by the caller */
    const char *text; /* without a prompt: the summary (source `doc`); else what to fall back on */
    const uint8_t *unit_key;    /* these three are NULL for `doc`, and where not planned */
    const uint8_t *prompt_hash; /* digest of the prompt's text */
    const uint8_t *prompt_key;  /* the summary that it shows, once there is one */
    bool old;                   /* kept although the prompt's context has changed */
    const char *source;         /* of text, where it is the summary; NULL: "doc" */
    const char *
        findings; /* where comment and code disagree, a line each; "": nowhere; NULL: nobody has looked */
    const uint8_t *
        code_hash; /* STORE_CODE bytes of a digest of its code alone, of what asks; NULL: not known */
    const char *calls, *uses; /* a name a line; "": none; NULL: not known */
};

/* What was made of one prompt. */
struct store_summary {
    const uint8_t *prompt_key, *unit_key;
    const char *
        source; /* "model", or "signature": all its texts were refused, the unit's fallback stands */
    const char *text;  /* NULL for "signature" */
    const char *model; /* name for people */
    double confidence; /* 0..1, negative: none */
    int attempts;
    uint64_t n_prompt, n_written; /* tokens, over all attempts */
    int64_t run;
};

/* One text that the model wrote. */
struct store_attempt {
    const uint8_t *prompt_key;
    int attempt;         /* 1, 2; a second model's are numbered on */
    const char *outcome; /* "accepted", "refused" or "failed" */
    const char *reason;  /* why, "" if accepted */
    const char *text;    /* as written; may be invalid UTF-8 */
    size_t text_len;
    uint64_t n_written;
    int64_t run;
};

struct store_run {
    int64_t id;
    int64_t started_ms, ended_ms; /* since 1970 */
    const char *options;          /* a line for people */
    uint64_t n_units, n_done, n_cached, n_failed, n_left;
    int code; /* DOBBY_OK or DOBBY_E_* it ended with */
};

/* ---- where it lies ------------------------------------------------------------------------------ */

/* Paths of a store. Zeroed or released: nothing to release. */
struct store_place {
    char *root;   /* real path of the tree's root; NULL when only a database was named */
    char *db;     /* real path of its directory, then the file's name */
    char *lock;   /* the side file */
    bool own_dir; /* the database lies in ROOT/.dobby, which is ours to make */
};
/* root     directory of the tree
 * db_path  the database, or NULL for ROOT/.dobby/dobby.db
 * Nothing is made. A `.dobby` that is a symbolic link, or no directory, is refused (DOBBY_E_CONFIG). */
MUST_CHECK int store_place_init(struct store_place *p, const char *root, const char *db_path,
                                struct dobby_err *e);
void store_place_release(struct store_place *p);

/* ---- writing ------------------------------------------------------------------------------------ */

struct store;
struct store_txn;

/* Make what is missing (.dobby, its .gitignore, the database), take the lock, check the schema, start the thread. A database
 * of an older schema is brought up to this one, in one transaction: all rows stay.
 * DOBBY_E_CONFIG when another process writes (says which), _FORMAT for a foreign or damaged file, _UNSUPPORTED for one
 * made by a newer dobby, _PERMISSION, _IO, _NOMEM. *out is NULL on failure. */
MUST_CHECK int store_open(struct store **out, const struct store_place *p, struct dobby_err *e);
/* Commit what is queued, checkpoint, stop the thread, release the lock. Returns the writer's failure if there was
 * one; s is gone in any case. NULL is fine. */
int store_close(struct store *s, struct dobby_err *e);

/* A group of changes that happen together or not at all. The puts copy what they are given; a failed
 * allocation sticks and is told by store_commit. */
struct store_txn *store_txn_new(void); /* NULL: out of memory */
void store_txn_free(struct store_txn *t);
size_t store_txn_rows(const struct store_txn *t);
/* Put a file in place of what was known of it; its units go with the old one. */
void store_put_file(struct store_txn *t, const struct store_file *f);
void store_put_unit(struct store_txn *t, struct store_bytes path, const struct store_unit *u);
/* After its file: the imports that it has, in their order. */
void store_put_import(struct store_txn *t, struct store_bytes path, int ordinal,
                      const struct store_import *im);
/* What manifests in a scope say goes, then comes what they say now. */
void store_drop_facts(struct store_txn *t, struct store_bytes scope);
void store_put_fact(struct store_txn *t, int ordinal, const struct store_fact *f);
void store_drop_file(struct store_txn *t,
                     struct store_bytes path); /* its units too; summaries stay */
/* Put a parent in place of what was there. The file of a file's row must be there. */
void store_put_parent(struct store_txn *t, const struct store_parent *p);
void store_drop_parent(struct store_txn *t, struct store_bytes path, const char *kind);
void store_put_summary(struct store_txn *t,
                       const struct store_summary *s); /* an equal key: the first stays */
void store_put_attempt(struct store_txn *t, const struct store_attempt *a);
void store_put_run(struct store_txn *t,
                   const struct store_run *r); /* inserted, or brought up to date by id */
void store_put_event(struct store_txn *t, int64_t run, int64_t time_ms, const char *kind,
                     const char *text);

/* Queue t, which belongs to the store from here on (freed on failure too). *seq (may be NULL) is its number: 1, 2, ...
 * Waits only when more than STORE_QUEUE_MAX rows are queued (some 20 MB of units); as many again may be on their way to the disk. */
#define STORE_QUEUE_MAX 50000u
MUST_CHECK int store_commit(struct store *s, struct store_txn *t, uint64_t *seq,
                            struct dobby_err *e);
/* All up to this number are on disk. */
uint64_t store_committed(struct store *s);
/* Wait until everything queued is on disk. Returns the writer's failure if there was one. */
MUST_CHECK int store_flush(struct store *s, struct dobby_err *e);

/* ---- reading ------------------------------------------------------------------------------------ */

struct store_reader;

/* DOBBY_E_NOTFOUND when there is no database, otherwise as store_open. Sees what was committed when each call
 * starts. A database on a medium that cannot be written is read as it stands. */
MUST_CHECK int store_reader_open(struct store_reader **out, const struct store_place *p,
                                 struct dobby_err *e);
void store_reader_free(struct store_reader *r);

/* In all of these: `scope` is a path relative to the root, meaning itself and what lies below it; empty: everything.
 * A callback that returns non-zero ends the call with that value. What it is given lives until it returns. */

/* Files in the order of their path's bytes; no directories. */
MUST_CHECK int store_each_file(struct store_reader *r, struct store_bytes scope,
                               int (*fn)(void *ctx, const struct store_file *f), void *ctx,
                               struct dobby_err *e);
/* Units of one file by start_line, end_line descending, kind, name, without its own row. `done`: its summary is there. */
MUST_CHECK int store_each_unit(struct store_reader *r, struct store_bytes path,
                               int (*fn)(void *ctx, const struct store_unit *u, bool done),
                               void *ctx, struct dobby_err *e);
/* Imports of files in the order of their paths' bytes, those of one file in theirs; and what manifests say, likewise. Both
 * DOBBY_E_UNSUPPORTED when an older dobby made the store: the next store_open and a run give it what is missing. */
MUST_CHECK int store_each_import(struct store_reader *r, struct store_bytes scope,
                                 int (*fn)(void *ctx, struct store_bytes path,
                                           const struct store_import *im),
                                 void *ctx, struct dobby_err *e);
MUST_CHECK int store_each_fact(struct store_reader *r, struct store_bytes scope,
                               int (*fn)(void *ctx, const struct store_fact *f), void *ctx,
                               struct dobby_err *e);
/* How many functions and the like each file has, in the order of the paths' bytes; those that have none are left out. */
MUST_CHECK int store_each_size(struct store_reader *r, struct store_bytes scope,
                               int (*fn)(void *ctx, struct store_bytes path, int64_t n_units),
                               void *ctx, struct dobby_err *e);
/* Parents in the order of their path's bytes. */
MUST_CHECK int store_each_parent(struct store_reader *r, struct store_bytes scope,
                                 int (*fn)(void *ctx, const struct store_parent *p), void *ctx,
                                 struct dobby_err *e);
/* The text that a unit shows, and where it comes from (static), appended to *out: 1, or 0 if there is none yet. */
MUST_CHECK int store_unit_text(struct store_reader *r, struct store_bytes path, const char *qname,
                               struct strbuf *out, const char **source, struct dobby_err *e);
/* 1 if there is a summary under this key, 0 if not. */
MUST_CHECK int store_has_summary(struct store_reader *r, const uint8_t prompt_key[STORE_KEY],
                                 struct dobby_err *e);
/* Units that have a summary, and parents, in the order of the JSONL output; of these, the ones up to the `limit`th unit of
 * the scope (0: all; parents do not count) whose qualified or last name is `name` (NULL: any). */
MUST_CHECK int store_each_row(struct store_reader *r, struct store_bytes scope, const char *name,
                              size_t limit, int (*fn)(void *ctx, const struct dobby_row *row),
                              void *ctx, struct dobby_err *e);
/* Search in qualified names, shown texts and paths of what store_each_row shows. `query` is any text: what counts are its
 * words (words.h), which a row has to hold all of, in any order. The best come first: functions of just that name (its words
 * written as one), then those whose name holds all words, then those that hold them anywhere, then those that hold words
 * which begin so (from three letters on, unless the word itself is common); within each by BM25, then in the order of the
 * JSONL output. At most `limit` (0: all that is ranked). Of each of the four at most 4,000 are ranked, the ones that came
 * into the store first; with a limit, and not for beginnings, no more rows are looked at once 250 matches or ten times the limit
 * were found among the first 131,072 that came, or twice, four times ... as many. So the time is bounded however many match. A callback must not call it again.
 * DOBBY_E_USAGE without a word or with more than 32, DOBBY_E_UNSUPPORTED when the store has no index yet: an older dobby made
 * it, and the next store_open makes one. */
MUST_CHECK int store_find(struct store_reader *r, struct store_bytes query,
                          struct store_bytes scope, size_t limit,
                          int (*fn)(void *ctx, const struct dobby_row *row), void *ctx,
                          struct dobby_err *e);
/* The number for a new run: one more than the highest. */
MUST_CHECK int store_next_run(struct store_reader *r, int64_t *out, struct dobby_err *e);
/* What stands behind an open store. */
struct store_reader *store_reader_of(struct dobby_store *s);
/* Counts and the last run, for dobby_store_get_info. `last` (a line, "" if none) is appended to. */
MUST_CHECK int store_counts(struct store_reader *r, struct dobby_store_info *out,
                            struct strbuf *last, struct dobby_err *e);

#endif
