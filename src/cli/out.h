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

/* One page of the tree, kept for the links to it. */
struct out_entry {
    char *page; /* its path in the tree */
    char *text; /* what its file or directory shows, as Markdown on one line; NULL: nothing */
    char *head; /* of a directory, whose page is written at the end: what it begins with */
};

struct out_tree {
    int fd;             /* the directory */
    const char *name;   /* for messages; borrowed */
    struct strbuf head; /* what the index begins with, if it is anything */
    struct strbuf page;
    struct out_entry now;      /* the page being composed; .page NULL: none */
    bool is_dir;               /* it is a directory's */
    struct out_entry *entries; /* by the path of the source; those ended */
    size_t n_entries, cap_entries;
};

/* The directory is made if it is not there (one level). */
MUST_CHECK int out_tree_open(struct out_tree *t, const char *dir, struct dobby_err *e);
/* Begin the page of a source file (path relative to the root; bytes); ends the one before. A path that would
 * leave the tree ("..", absolute, empty parts) is refused with DOBBY_E_FORMAT. is_dir: of a directory, whose page is called
 * index.md and ends with links to what lies in it; its path may be "." for the root. */
MUST_CHECK int out_tree_begin(struct out_tree *t, const char *path, size_t len, bool is_dir,
                              struct dobby_err *e);
MUST_CHECK int out_tree_add(struct out_tree *t, const void *p, size_t n, struct dobby_err *e);
/* What the page's file or directory shows, as Markdown on one line: stands beside the links to it. */
MUST_CHECK int out_tree_tell(struct out_tree *t, const char *text, size_t n, struct dobby_err *e);
/* End the last page, write those of directories, and index.md: the head, else what the repository shows, then links to all files'
 * pages. */
MUST_CHECK int out_tree_commit(struct out_tree *t, struct dobby_err *e);
void out_tree_release(struct out_tree *t);

#endif
