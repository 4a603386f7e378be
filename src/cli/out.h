/* out.h - where results go: stdout, a file, or a tree of Markdown files (cli).
 *
 * What     A file is written under a temporary name beside it and renamed when it is whole, so that a reader
 *          never sees half of it and a failed run leaves the old one. Devices, pipes and stdout are written
 *          directly. A tree gets one file for each source file; nothing is ever written outside of it:
 *          components are opened one by one and symbolic links are not followed.
 * Errors   DOBBY_E_CREATE when an output cannot be made, DOBBY_E_IO when it cannot be written. */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include "base/err.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

struct out {
    int fd;           /* -1: none */
    bool own;         /* close it */
    bool broken;      /* the reader of a pipe went away: end quietly */
    const char *name; /* for messages; borrowed */
    char *tmp;        /* temporary name to be renamed, or NULL */
    struct strbuf buf;
};

/* path  NULL or "-": stdout. Borrowed until the release. */
MUST_CHECK int out_open(struct out *o, const char *path, struct dobby_err *e);
MUST_CHECK int out_write(struct out *o, const void *p, size_t n, struct dobby_err *e);
MUST_CHECK int out_flush(struct out *o, struct dobby_err *e);
/* Flush, sync and rename. */
MUST_CHECK int out_commit(struct out *o, struct dobby_err *e);
/* After a failure, for output that cannot be made again: what was written stays under its temporary name, whose string the
 * caller gets (mem_free); NULL when there is no such file. */
char *out_abandon(struct out *o);
/* Close; what was not committed is dropped. */
void out_release(struct out *o);

/* ---- a tree of files ---- */

struct out_tree {
    int fd;                          /* the directory */
    const char *name;                /* for messages; borrowed */
    struct strbuf head, index, page; /* head: what the index begins with, if it is anything */
    char *path; /* of the page being composed: the source file's, escaped; or NULL */
    size_t n_pages;
};

/* The directory is made if it is not there (one level). */
MUST_CHECK int out_tree_open(struct out_tree *t, const char *dir, struct dobby_err *e);
/* Begin the page of a source file (path relative to the root; bytes); ends the one before. A path that would
 * leave the tree ("..", absolute, empty parts) is refused with DOBBY_E_FORMAT. */
MUST_CHECK int out_tree_begin(struct out_tree *t, const char *path, size_t len,
                              struct dobby_err *e);
MUST_CHECK int out_tree_add(struct out_tree *t, const void *p, size_t n, struct dobby_err *e);
/* End the last page and write index.md: the head, then links to all pages. */
MUST_CHECK int out_tree_commit(struct out_tree *t, struct dobby_err *e);
void out_tree_release(struct out_tree *t);

#endif
