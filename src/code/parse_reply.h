/* parse_reply.h - checking what a parser worker said (code, private to parse.c).
 * Trust    None: every number is checked against the text and its neighbours before a struct unit is made. */
#ifndef CODE_PARSE_REPLY_H
#define CODE_PARSE_REPLY_H

#include "base/err.h"
#include "code/unit.h"

#include <stddef.h>

enum reply_state { REPLY_MORE, REPLY_WHOLE, REPLY_BAD };

/* Whether n bytes are a whole reply, its beginning, or something else. */
enum reply_state reply_state(const char *p, size_t n);

/* The units of a whole reply about `source`. l is uninitialised; released on failure.
 * Returns 0, DOBBY_E_FORMAT (out of form), _LIMIT (the worker found too many), _NOMEM (and *e set). */
MUST_CHECK int reply_units(struct unit_list *l, const char *p, size_t n, const char *source,
                           size_t len, struct dobby_err *e);

#endif
