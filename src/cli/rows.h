/* rows.h - rows of a result on their way out, in the form that was asked for (cli).
 *
 * What     rows_put() is the callback for rows in their order. A failure is kept in `err` and its code returned, so
 *          that the call that hands out the rows ends with it.
 * Forms    JSON lines and Markdown come from the library, a row at a time; page.h, llms.h and scip.h have the others.
 * Next     out.h for where they go. */
#ifndef CLI_ROWS_H
#define CLI_ROWS_H

#include "base/arena.h"
#include "cli/llms.h"
#include "cli/out.h"
#include "cli/page.h"
#include "cli/scip.h"

enum rows_form { ROWS_MD, ROWS_JSONL, ROWS_HTML, ROWS_LLMS, ROWS_SCIP };
extern const char *const rows_forms[]; /* their names, for an option */

struct rows {
    enum rows_form form;
    bool is_tree, begun;
    struct out out;
    struct out_tree tree;
    char *title; /* of the whole: HTML, llms.txt, SCIP; NULL for the others */
    struct page page;
    struct llms llms;
    struct scip scip;
    struct dobby_row prev; /* copied into the arena `mem[turn]`; path NULL before the first row */
    struct arena mem[2];
    int turn;
    size_t n;
    struct dobby_err err;
};

/* What a verb was asked for. */
struct rows_to {
    int form; /* enum rows_form */
    const char *
        output; /* NULL or "-" is stdout; for Markdown a directory, or a name that ends in a slash, is a tree;
                         * anything else a file */
    const char *title; /* NULL: the name of the directory or file `of` */
    const char *of;
};
/* The title of a form that has none is refused (DOBBY_E_USAGE), as is SCIP, which is binary, on a terminal. `verb` is for
 * messages. */
MUST_CHECK int rows_open(struct rows *r, const char *verb, const struct rows_to *to,
                         struct dobby_err *e);
int rows_put(void *ctx, const struct dobby_row *row);
MUST_CHECK int rows_commit(struct rows *r, struct dobby_err *e);
void rows_release(struct rows *r); /* what was not committed is dropped */

/* Rows of a table of options: form and title; the struct has a struct rows_to `f`. */
#define ROWS_FORM_ROW(T, f)                                                                        \
    {                                                                                              \
        0, "format", OPT_CHOICE, offsetof(struct T, f.form), 0, 0, NULL, rows_forms,               \
            "Form of the result (md)"                                                              \
    }
#define ROWS_OUTPUT_ROW(T, f)                                                                      \
    {                                                                                              \
        'o', "output", OPT_STRING, offsetof(struct T, f.output), 0, 0, "FILE|DIR|-", NULL,         \
            "Where the result goes (-: standard output)"                                           \
    }
#define ROWS_TITLE_ROW(T, f)                                                                       \
    {                                                                                              \
        0, "title", OPT_STRING, offsetof(struct T, f.title), 0, 0, "NAME", NULL,                   \
            "Name of the project in html, llms and scip (of the directory)"                        \
    }

#endif
