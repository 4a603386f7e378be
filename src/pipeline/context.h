/* context.h - what a repository says around a unit, for its prompt (pipeline).
 * What     Sentences of documentation, by where they stand: the file's own, that of the type which a unit belongs to, those of
 *          its documented neighbours, of what it calls and of what calls it. Found by name, among the units of the tree:
 *              near     the nearest documented units before and behind it in its file; where there are none, in its folder
 *              callers  documented units that call it; tests only of what belongs to tests
 *              called   a unit of that name in the same type, else in the same file, else the only one in its folder, else the
 *                       only one of the tree in its language, if the name is not short
 *              used     a type or module of that name, likewise
 *          Where several could be meant, none is: a wrong neighbour is worse than none.
 * Holds    Only what people wrote: no summary of a model enters, so prompts follow from the sources alone, whatever was written
 *          before, and in any order. A sentence or name that speaks to a model is no context, so that one comment cannot steer
 *          the summaries of others.
 * Partly   Where a run looks at a part of the tree, the rest is as the store has it; in an empty store it is not there.
 * Change   context_digest is what the prompts of a file take from outside of the file: as long as it and the file are the
 *          same, so are the prompts.
 * Owns     Its index; sentences and units are the scan's.
 * Threads  One at a time.
 * Next     prompt.h for how it is shown; plan.c, summarize.c, check_tree.c, eval.c and prompt_tree.c, which use it. */
#ifndef PIPELINE_CONTEXT_H
#define PIPELINE_CONTEXT_H

#include "base/err.h"
#include "code/prompt.h"
#include "pipeline/scan.h"

#include <stdbool.h>
#include <stddef.h>

struct context;

struct context_options {
    int no_docs;              /* there is no context: nothing is looked at */
    bool partly;              /* files may be left out of the scan that the store knows */
    const volatile int *stop; /* may be NULL */
};

/* s, w and r must live as long. r may be NULL: nothing is known. Documentation of files that the store knows by an older recipe is
 * read again. Returns 0, DOBBY_E_CANCELLED or a failure; *out is NULL then. */
MUST_CHECK int context_make(struct context **out, struct scan *s, struct walk *w,
                            struct store_reader *r, const struct context_options *o,
                            struct dobby_err *e);
void context_free(struct context *c); /* NULL is fine */

/* The good first sentence of a unit's comment, NULL: it has none, or comments are not looked at. Files as in the scan. */
const char *context_doc(const struct context *c, size_t file, size_t unit);

/* What stands around a unit. Texts live as long as c. hide (NULL: nothing): a sentence that must not be shown, wherever it
 * stands: of a unit whose own comment is hidden, to see what a model makes of it. */
void context_find(struct context *c, struct prompt_context *out, size_t file, size_t unit,
                  const char *hide);
/* The path of the file that a note is from; it need not be UTF-8. */
struct store_bytes context_path(const struct context *c, size_t note_file);
/* What the prompts of its units show from other files. */
MUST_CHECK int context_digest(struct context *c, uint8_t out[KEY_LEN], size_t file,
                              struct dobby_err *e);

#endif
