/* evalscores.h - sheets that a reader filled in, joined with their keys (cli).
 * What     Either form of a sheet (evalsheet.h), and JSON lines with "id" and "scores" alone, which is what can be kept and shown
 *          where the code is not one's own. Every text must have a whole score from 0 to 4; where a sheet has its texts, they
 *          must be those that the key was made for. Several sheets become one list of units.
 * Next     evaltally.h for what is made of it. */
#ifndef CLI_EVALSCORES_H
#define CLI_EVALSCORES_H

#include "base/arena.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define SCORES_FIGURES 4
extern const char *const scores_figures[SCORES_FIGURES]; /* as the key calls them */

/* What one system got for one unit. */
struct score {
    bool there;
    double score;
    double confidence; /* negative: none */
    bool fallback;
    double figure[SCORES_FIGURES]; /* NAN: none */
};

struct scores_unit {
    const char *language;
    struct score *of; /* [SCORES_SYSTEMS] */
};

#define SCORES_SYSTEMS 64

struct scores {
    struct arena arena;
    struct scores_unit *units;
    size_t n, cap;
    const char *systems[SCORES_SYSTEMS], *sources[SCORES_SYSTEMS];
    size_t n_systems;
};

/* Zero s first; adds the units of one sheet. key NULL: the sheet's name with .key.jsonl behind it.
 * Returns 0; DOBBY_E_FORMAT where a score is missing or wrong, or sheet and key do not belong together; or a failure. */
MUST_CHECK int scores_read(struct scores *s, const char *sheet, const char *key,
                           struct dobby_err *e);
void scores_release(struct scores *s);
/* The number of a system; s->n_systems if there is none. */
size_t scores_system(const struct scores *s, const char *name);

#endif
