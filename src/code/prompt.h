/* prompt.h - what a model is asked about a unit (code).
 * What     A conversation: how to write, three short functions as examples, for a type or module one of a type, then the
 *          unit: what is said around it, the question, its code. The first messages are the same for every unit, all but the last
 *          one for units of its sort, so the engine reads them once. No path enters a prompt. A model that was trained for
 *          this question needs no examples (bare).
 * Context  What the repository says around a unit (context.h of the pipeline finds it): comments only, never what a model
 *          wrote, so that a prompt follows from the sources alone. The second form of a question does without it: an
 *          answer that was refused may have been led astray by it.
 * Code     prompt_code is the unit as a model may see it: without its documentation, a type as an outline (doc_hide),
 *          text that speaks to whoever summarises left out (steer.h), secrets replaced (redact.h). Keys are made of it, prompts and
 *          checks use it.
 * Version  PROMPT_VERSION rises with any change to the words, the limits, the redaction, or check.h: it is part of
 *          every key.
 * Next     check.h for what comes back. */
#ifndef CODE_PROMPT_H
#define CODE_PROMPT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/strbuf.h"
#include "code/text.h"
#include "code/unit.h"

#include <stdbool.h>
#include <stddef.h>

#define PROMPT_VERSION    3
#define PROMPT_MAX_TOKENS 48
#define PROMPT_STOP       "\n"
#define PROMPT_ATTEMPTS   2    /* forms of the question; attempt numbers 0 and 1 */
#define PROMPT_MAX_CODE   6000 /* bytes of code that a prompt shows when nothing else is asked */

/* The code of u as a model may see it, in *out (reset first). Depends on the unit's own text and its language only, and for a
 * type on where the units in it are: units are those of its file, by start_line. Here and below, lang is the language of the file.
 * Returns 0, DOBBY_E_NOMEM, _INTERNAL. */
MUST_CHECK int prompt_code(struct strbuf *out, const struct unit *u, enum language_id lang,
                           const char *source, size_t len, const struct unit *units, size_t n_units,
                           struct dobby_err *e);

/* A name and what its documentation says of it, one line. */
struct prompt_note {
    const char *name, *text; /* text NULL: nothing is said */
    size_t file; /* where it stands, for whoever tells: as the finder of notes numbers files */
};

#define PROMPT_NEAR     4
#define PROMPT_CALLED   6
#define PROMPT_CALLERS  2
#define PROMPT_USED     3
#define PROMPT_NOTES    (2 + PROMPT_NEAR + PROMPT_CALLERS + PROMPT_USED + PROMPT_CALLED)
#define PROMPT_MAX_NOTE 160 /* bytes of a note's text that a prompt shows */

/* What stands around a unit. Zeroed: nothing. Texts are borrowed. */
struct prompt_context {
    const char *file;         /* what its file is for; NULL: nothing says it */
    struct prompt_note owner; /* the type or module that it belongs to; name NULL: none */
    struct prompt_note
        near[PROMPT_NEAR]; /* documented units next to it in its file, or in its folder */
    struct prompt_note callers[PROMPT_CALLERS]; /* documented units that call it */
    struct prompt_note used[PROMPT_USED];       /* documented types that it names */
    struct prompt_note called[PROMPT_CALLED];   /* documented units that it calls */
    size_t n_near, n_callers, n_used, n_called;
};

struct prompt {
    const struct dobby_message *msg; /* in the arena */
    size_t n;
    size_t n_shared; /* the first ones are the same for all units */
    const char
        *context; /* what the last message says around the unit, "" if nothing; in the arena */
    struct text said[PROMPT_NOTES]; /* the sentences that it quotes, whole; the context's */
    size_t n_said;
};

/* The first lines of `code` and its last ones, max bytes in all, with a line `...` between; all of it if it fits. Appended to *out. */
void prompt_cut(struct strbuf *out, const char *code, size_t len, size_t max);

/* The conversation about `code` (from prompt_code), of which max_code bytes (0: PROMPT_MAX_CODE) are shown at most:
 * head and tail at line ends, a line `...` between. attempt 0 asks plainly, with the context c (NULL: none), and without
 * examples if bare; 1, after a refused answer, without context. Where there was some, a bare question is put in the same words once
 * more: it was trained so; else the second form names the unit (not a chunk) and warns. Texts live
 * as long as the arena and c's. Returns 0 or DOBBY_E_NOMEM. */
MUST_CHECK int prompt_build(struct prompt *out, struct arena *a, const struct unit *u,
                            enum language_id lang, const char *code, size_t len, size_t max_code,
                            int attempt, bool bare, const struct prompt_context *c,
                            struct dobby_err *e);

#endif
