/* page.h - rows of a result as one HTML page that needs nothing else: no network, no other file (cli).
 *
 * What     The page is page.html with page.css and page.js in it, embedded at build time, and the rows as JSON, a line a row, which
 *          the script turns into what one looks at. The same rows and title give the same bytes.
 * Rows     In their order: [path, name, kind, start_line, end_line, language, summary, source, confidence in percent, model,
 *          findings, label]. 0 for path, kind, language, source and model: as in the row before. What has no label and no findings
 *          is left out at the end; findings before a label are null where there are none.
 *          Text is made safe to look at (utf8_escape), so a path that is not UTF-8 shows its bytes.
 * Trust    Nothing in a row reaches the page as markup: the data hold no '<', the script writes text nodes only, and the page's
 *          policy allows the one script and the one style sheet whose hashes it names, and no address at all.
 * Cost     Nothing is kept but the row before: the page is written as rows come.
 * Next     page.js for what is done with them. */
#ifndef CLI_PAGE_H
#define CLI_PAGE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/strbuf.h"

#include <stdbool.h>

struct page {
    size_t rest;           /* where page.html goes on after the rows */
    struct dobby_row prev; /* copied into mem[turn]; path NULL before the first row */
    struct arena mem[2];
    int turn;
};

/* Zero it first. All append to `out`, which they do not empty, and return 0, DOBBY_E_NOMEM or what hashing returned. */
MUST_CHECK int page_begin(struct page *p, struct strbuf *out, const char *title,
                          struct dobby_err *e);
MUST_CHECK int page_row(struct page *p, struct strbuf *out, const struct dobby_row *row,
                        struct dobby_err *e);
MUST_CHECK int page_end(struct page *p, struct strbuf *out, struct dobby_err *e);
void page_release(struct page *p);

#endif
