/* rollup_text.h - sentences about files and directories, made from names alone (pipeline).
 * What     What stands where nobody wrote a better one. They are short, say nothing that is not so, and depend on names only:
 *          a changed body changes none of them.
 *              Defines Cart with add and remove, and the functions load_prices, total and cheapest.
 *              Holds 12 C files, among them parse.c, walk.c (listing the files of a tree) and text.c, and the directory queries.
 * Next     rollup.h for where they are used. */
#ifndef PIPELINE_ROLLUP_TEXT_H
#define PIPELINE_ROLLUP_TEXT_H

#include "base/err.h"
#include "base/strbuf.h"
#include "code/unit.h"

#include <stdbool.h>

/* What a file defines, appended to *out. name: the last component of its path. *sole is the one unit that the sentence is about,
 * if it is about one: what that one shows may be added (rollup_add). Returns 1, or 0 when there is nothing to tell, or a failure. */
MUST_CHECK int rollup_file_text(struct strbuf *out, const struct unit **sole, enum language_id lang,
                                const char *name, const struct unit *units, size_t n,
                                struct dobby_err *e);
/* "Defines the function f." and "Returns its argument." give "Defines the function f: returns its argument."; "f returns its
 * argument." gives "Defines the function f, which returns its argument." Nothing happens where that would be too long. */
void rollup_add(struct strbuf *out, const char *name, const char *text);

/* What a directory holds. */
struct rollup_child {
    const char *name; /* last component; bytes */
    size_t len;
    const char *text; /* what it shows, NULL: nothing */
    bool own_words;   /* the text was written by people about it */
    bool dir;
    enum language_id lang; /* of a file */
};
/* What lies in a directory, appended to *out; children by name. A failed *out tells that memory ran out. */
void rollup_directory_text(struct strbuf *out, const char *name, const struct rollup_child *child,
                           size_t n);

#endif
