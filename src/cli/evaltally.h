/* evaltally.h - what a reader's scores say: means, how far on the way to the author, whether confidence means something (cli).
 *
 * Way      (mean - mean of `name`) / (mean of `author` - mean of `name`), over the units that all three were scored for: readers differ
 *          in how strict they are, and both ends move with them.
 * Bounds   95%, by drawing the units anew 2,000 times (bootstrap, percentiles), the same way each time.
 * Trust    Thirds and halves of a model's accepted answers by confidence, the lowest first, with their mean score.
 * Figures  Rank correlation (Spearman) of each automatic figure in the key with the score, over the texts of models and other programs.
 * Next     evalscores.h for the input. */
#ifndef CLI_EVALTALLY_H
#define CLI_EVALTALLY_H

#include "base/strbuf.h"
#include "cli/evalscores.h"

/* Append the report: a table for people, or one JSON object on a line. */
MUST_CHECK int tally_put(struct strbuf *out, const struct scores *s, bool json,
                         struct dobby_err *e);

#endif
