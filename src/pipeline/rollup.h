/* rollup.h - what files, directories and the repository show (pipeline).
 * What     Extracted, or made of names; no model is asked.
 *              file        its header comment or module docstring (header.h), else a sentence of what it defines (rollup_text.h)
 *              directory   its README's sentence, else what its package says of itself (the comment of __init__.py, doc.go,
 *                          lib.rs, index.js ...; a manifest's description), else a sentence of what it holds
 *              repository  as a directory; a manifest before a package's comment
 *          A file without either, and a directory without files of the plan below it, have none. READMEs and manifests are read as
 *          sources are (walk_read): regular files that no rule ignores; secrets are taken out.
 * When     After the plan and again after the run, when more texts are known. All are made anew, which is cheap; only those whose text
 *          is another one than the store's are put there: a parent changes if the text of what it used has.
 * Scope    Of a part of a tree, what is at or below PATH is made, and what lies above it as far as the store has it already: from
 *          the files that the store knows there. With a limit on units that was reached, the files that were read, and no
 *          directories: what lies beyond is not known.
 * Later    A text that a model wrote about a file would be a summary under a prompt key, as a function's: its row shows that one, and
 *          this text is what it falls back on.
 * Next     rollup_text.h; summarize.c and check_tree.c, which use it. */
#ifndef PIPELINE_ROLLUP_H
#define PIPELINE_ROLLUP_H

#include "base/arena.h"
#include "base/err.h"
#include "pipeline/scan.h"
#include "store/store.h"

#include <stdbool.h>

enum rollup_state { ROLLUP_SAME, ROLLUP_MISSING, ROLLUP_STALE, ROLLUP_GONE };

/* A parent that there should be, or (ROLLUP_GONE) should not be any more. */
struct rollup_row {
    const char *path; /* "." for the repository */
    size_t path_len;
    const char *kind; /* static */
    const char *text;
    const char *source;      /* static: "doc" or "signature" */
    enum language_id lang;   /* of a file */
    enum rollup_state state; /* beside what the store has */
};

struct rollup {
    struct arena arena;
    struct rollup_row *rows; /* by the bytes of their path */
    size_t n, cap;
};

struct rollup_options {
    const char *scope; /* PATH relative to the root, "" for all of it */
    bool cut;          /* a limit was reached: no directories */
    bool above;        /* the directories above the scope, too */
    /* Of each file of the scan: its own words, NULL: it has none, rollup_as_stored: the store knows. NULL: it knows all. */
    const char *const *header;
    const volatile int *stop;
};

extern const char rollup_as_stored[];

/* r  NULL: there is no store.
 * Returns 0, DOBBY_E_CANCELLED, or a failure; u is released then. */
MUST_CHECK int rollup_make(struct rollup *u, const struct scan *s, const struct walk *w,
                           struct store_reader *r, const struct rollup_options *o,
                           struct dobby_err *e);
/* Put what is not the same; returns how many rows. */
size_t rollup_put(const struct rollup *u, struct store_txn *t);
void rollup_release(struct rollup *u);

/* A file's own words: *text (reset first) becomes its header's sentence, secrets taken out, or stays empty. */
MUST_CHECK int rollup_header(struct strbuf *text, struct strbuf *scratch, int no_docs,
                             const struct scan_file *f, const char *source, size_t len,
                             struct dobby_err *e);

#endif
