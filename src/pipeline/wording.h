/* wording.h - what a unit's own text gives without a model: its summary from a comment, or its question (pipeline).
 * What     Both are functions of the unit's text and language alone. plan.c makes keys of them; check_tree.c, which has
 *          no model and so no keys, compares them with what the store keeps: equal words to one model are an equal
 *          prompt key.
 * Recipe   A digest of what they depend on besides: prompts, limits, whether comments are hidden. The store keeps it with each file.
 * Next     plan.c, check_tree.c. */
#ifndef PIPELINE_WORDING_H
#define PIPELINE_WORDING_H

#include "base/err.h"
#include "base/strbuf.h"
#include "pipeline/question.h"

#include <stdbool.h>

/* whole: of a file all of whose units were planned; else of one that was cut by a limit, whose other units have neither text
 * nor keys, or have them by the same recipe. */
MUST_CHECK int wording_recipe(uint8_t out[KEY_LEN], int no_docs, bool whole, struct dobby_err *e);

/* *text (reset first) becomes the summary from the unit's comment (*doc), if it is a good one and holds no secret that
 * cannot be taken out; else what to fall back on. *scratch is overwritten. */
MUST_CHECK int wording_own(struct strbuf *text, struct strbuf *scratch, int no_docs,
                           const struct unit *u, enum language_id lang, const char *source,
                           size_t len, bool *doc, struct dobby_err *e);

/* *text (reset first) becomes where the unit's comment and its code disagree, a line each without an end at the last: "doc-mismatch: NAME"
 * for a parameter that only the comment has, "doc-missing-parameter: NAME" for one of which it alone says nothing. Empty: nothing, and
 * with no_docs. */
MUST_CHECK int wording_findings(struct strbuf *text, struct strbuf *scratch, int no_docs,
                                const struct unit *u, enum language_id lang, const char *source,
                                size_t len, struct dobby_err *e);

/* The digest of the words that a model is asked about u, one of the n_units of its file, with, q->prompt; *code (reset first)
 * is the unit as it may see it.
 * Returns 1; 0 when the code may not enter a prompt, because a search for secrets had to be given up: then *code holds nothing,
 * and the digest is that of a question without words; or a failure. */
MUST_CHECK int wording_question(uint8_t out[KEY_LEN], struct question *q, struct strbuf *code,
                                const struct unit *u, enum language_id lang, const char *source,
                                size_t len, const struct unit *units, size_t n_units,
                                struct dobby_err *e);

#endif
