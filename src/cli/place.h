/* place.h - where in a tree an operand lies, be it on the disk or only in the store (cli). */
#ifndef CLI_PLACE_H
#define CLI_PLACE_H

#include "base/err.h"
#include "base/strbuf.h"

#include <limits.h>

/* An operand, taken apart. Zeroed or released: nothing to release. */
struct place {
    char near[PATH_MAX]; /* absolute: the nearest file or directory that exists */
    struct strbuf
        full; /* absolute: what was asked for; it may be gone from the disk and still be in the store */
    const char *name; /* borrowed from the operand, or NULL */
};

/* A path. `verb` is for messages. */
MUST_CHECK int place_of(struct place *p, const char *verb, const char *arg, struct dobby_err *e);
/* PATH or PATH:NAME. */
MUST_CHECK int place_named(struct place *p, const char *verb, const char *arg, struct dobby_err *e);
void place_release(struct place *p);
/* The place relative to the root of the tree; NULL if it is not inside. */
const char *place_inside(const struct place *p, const char *root);

#endif
