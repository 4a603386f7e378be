/* wording.h - what a unit's own text gives without a model: its summary from a comment, or its question (pipeline).
 * What     The comment's sentence is a function of the unit's text and language alone, a question also of what stands around the
 *          unit (context.h). plan.c makes keys of them; check_tree.c, which has
 *          no model and so no keys, compares them with what the store keeps: equal words to one model are an equal
 *          prompt key.
 * Recipe   A digest of what they depend on besides: prompts, limits, whether comments are hidden. The store keeps it with each file.
 * Next     plan.c, check_tree.c. */
#ifndef PIPELINE_WORDING_H
#define PIPELINE_WORDING_H

#include "base/err.h"
#include "base/strbuf.h"
#include "pipeline/context.h"
#include "pipeline/question.h"
#include "pipeline/scan.h"

#include <stdbool.h>

/* whole: of a file all of whose units were planned; else of one that was cut by a limit, whose other units have neither text
 * nor keys, or have them by the same recipe. */
MUST_CHECK int wording_recipe(uint8_t out[KEY_LEN], int no_docs, bool whole, struct dobby_err *e);

/* *text (reset first) becomes the summary from the unit's comment, if it is a good one (*doc) and holds no secret that
 * cannot be taken out. *scratch is overwritten. */
MUST_CHECK int wording_doc(struct strbuf *text, struct strbuf *scratch, const struct unit *u,
                           enum language_id lang, const char *source, size_t len, bool *doc,
                           struct dobby_err *e);
/* *text (reset first) becomes doc, what wording_doc gave, or where it is NULL what to fall back on. */
MUST_CHECK int wording_own(struct strbuf *text, const char *doc, const struct unit *u,
                           enum language_id lang, const char *source, size_t len,
                           struct dobby_err *e);

/* *text (reset first) becomes where the unit's comment and its code disagree, a line each without an end at the last: "doc-mismatch: NAME"
 * for a parameter that only the comment has, "doc-missing-parameter: NAME" for one of which it alone says nothing. Empty: nothing, and
 * with no_docs. */
MUST_CHECK int wording_findings(struct strbuf *text, struct strbuf *scratch, int no_docs,
                                const struct unit *u, enum language_id lang, const char *source,
                                size_t len, struct dobby_err *e);

/* The digest of the words that a model is asked about a unit of a scan's file whose text is given, with q->prompt, in the context c;
 * *code (reset first) is the unit as it may see it.
 * Returns 1; 0 when the code may not enter a prompt, because a search for secrets had to be given up: then *code holds nothing,
 * and the digest is that of a question without words; or a failure. */
MUST_CHECK int wording_question(uint8_t out[KEY_LEN], struct question *q, struct strbuf *code,
                                struct context *c, const struct scan *s, size_t file, size_t unit,
                                const char *source, size_t len, struct dobby_err *e);
/* A digest of the code alone, for what is kept when only what stands around it has changed. */
#define WORDING_CODE 16
MUST_CHECK int wording_code(uint8_t out[WORDING_CODE], const struct strbuf *code,
                            struct dobby_err *e);

#endif
