/* rows.h - rows of a result on their way out: JSON lines, one Markdown page, or a tree of pages (cli).
 *
 * What     rows_put() is the callback for rows in their order. A failure is kept in `err` and its code returned, so
 *          that the call that hands out the rows ends with it.
 * Next     out.h for where they go. */
#ifndef CLI_ROWS_H
#define CLI_ROWS_H

#include "base/arena.h"
#include "cli/out.h"

struct rows {
    bool jsonl, is_tree;
    struct out out;
    struct out_tree tree;
    struct dobby_row prev; /* copied into the arena `mem[turn]`; path NULL before the first row */
    struct arena mem[2];
    int turn;
    size_t n;
    struct dobby_err err;
};

/* Open where rows go: NULL or "-" is stdout; for Markdown a directory, or a name that ends in a slash, is a tree;
 * anything else a file. */
MUST_CHECK int rows_open(struct rows *r, bool jsonl, const char *path, struct dobby_err *e);
int rows_put(void *ctx, const struct dobby_row *row);
MUST_CHECK int rows_commit(struct rows *r, struct dobby_err *e);
void rows_release(struct rows *r); /* what was not committed is dropped */

#endif
