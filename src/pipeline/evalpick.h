/* evalpick.h - units whose authors say what they are, to measure summaries against (pipeline).
 * What     Of a scanned tree, the units whose comment gives a good first sentence (wording.h): what summarize would show for
 *          them without asking a model. Of these a sample: equally many of each language as far as they go, and of
 *          each of its files; which ones follows from the seed, the path and the name alone, so that the sample stays as
 *          it is when something else in the tree changes.
 * Hidden   Of a unit that was picked, its own comment. Those of its neighbours stay where a question would show them.
 * Next     eval.c. */
#ifndef PIPELINE_EVALPICK_H
#define PIPELINE_EVALPICK_H

#include "base/arena.h"
#include "base/strbuf.h"
#include "pipeline/scan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A documented unit. Texts lie in the pick's arena. */
struct eval_unit {
    size_t file, unit;    /* of the scan */
    const char *language; /* the unit's */
    const char *target;   /* its author's first sentence */
    /* Of the picked ones only: */
    const char *code; /* as a question may show it */
    size_t code_len;
    const char *words,
        *signature;      /* its name in words; the sentence made from name and parameters */
    const char *sibling; /* the nearest other unit's sentence, or NULL: there is none */
};

struct eval_pick {
    struct arena arena;
    struct eval_unit *all; /* in the order of the scan */
    size_t n_all, cap;
    size_t *picked; /* of all, ascending */
    size_t n_picked;
    size_t n_changed; /* files that changed since the scan: left out */
};

struct eval_pick_options {
    size_t limit; /* 0: all */
    uint64_t seed;
    const char *language;     /* of units; NULL: all */
    const volatile int *stop; /* may be NULL */
};

/* p is uninitialised or released, and left released on failure.
 * Returns 0, also when nothing is documented; DOBBY_E_CANCELLED; or a failure. */
MUST_CHECK int eval_pick(struct eval_pick *p, const struct scan *s, const struct walk *w,
                         const struct eval_pick_options *o, struct dobby_err *e);
void eval_pick_release(struct eval_pick *p);

#endif
