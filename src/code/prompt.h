/* prompt.h - what a model is asked about a unit (code).
 * What     A conversation: how to write, three short functions as examples, for a type or module one of a type, then the unit.
 *          The first messages are the same for every unit, all but the last one for units of its sort, so the engine reads
 *          them once. No path enters a prompt.
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
#include "code/unit.h"

#include <stddef.h>

#define PROMPT_VERSION    2
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

struct prompt {
    const struct dobby_message *msg; /* in the arena */
    size_t n;
    size_t n_shared; /* the first ones are the same for all units */
};

/* The conversation about `code` (from prompt_code), of which max_code bytes (0: PROMPT_MAX_CODE) are shown at most:
 * head and tail at line ends, a line `...` between. attempt 0 asks plainly; 1, after a refused answer, names the
 * unit (not a chunk) and warns. Texts live as long as the arena. Returns 0 or DOBBY_E_NOMEM. */
MUST_CHECK int prompt_build(struct prompt *out, struct arena *a, const struct unit *u,
                            enum language_id lang, const char *code, size_t len, size_t max_code,
                            int attempt, struct dobby_err *e);

#endif
