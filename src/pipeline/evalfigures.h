/* evalfigures.h - the figures of dobby_eval: of a text, and of all texts of a system (pipeline).
 * What     Each text is measured against its unit's author and code (evalmetric.h), and against the comments of all other documented units:
 *          nearly one of them, COPY_LEAST of the longer one's words in the same order, it is a copy.
 * Next     evalmetric.h; dobby_eval_figures in dobby.h for what comes out. */
#ifndef PIPELINE_EVALFIGURES_H
#define PIPELINE_EVALFIGURES_H

#include "pipeline/evalmetric.h"
#include "pipeline/evalpick.h"

#define COPY_LEAST     0.9
#define COPY_MIN_WORDS 4

/* The comments of all documented units, to find copies of them. */
struct eval_comments {
    struct copy_words *of; /* [n], as pick->all */
    size_t n;
};
MUST_CHECK int eval_comments_make(struct eval_comments *c, const struct eval_pick *p,
                                  struct dobby_err *e);
void eval_comments_release(struct eval_comments *c);

/* Fill the figures of *t, a text for p->all[at]. known: what it may name besides the code: the unit's qualified name, its context. */
void eval_measure(struct dobby_eval_text *t, const struct eval_comments *c,
                  const struct eval_pick *p, size_t at, const char *known);

/* The texts of one system, those of one language or of all (NULL): texts[i * n_systems + system] for p->picked[i]. *f has its first
 * fields set (system, source, language); speed is the caller's. */
MUST_CHECK int eval_figures(struct dobby_eval_figures *f, const struct eval_pick *p,
                            const struct dobby_eval_text *texts, size_t n_systems, size_t system,
                            struct dobby_err *e);

#endif
