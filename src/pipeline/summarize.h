/* summarize.h - dobby_summarize_tree with an engine of the caller's choice (pipeline).
 * The public function opens the model, or connects to a server; a script in a test comes in here. */
#ifndef PIPELINE_SUMMARIZE_H
#define PIPELINE_SUMMARIZE_H

#include "base/err.h"
#include "pipeline/run.h"

/* As dobby_summarize_tree; engine NULL: that of the model; else with a second model an array of two. The model file is read for keys and tokens
 * in any case but that of an engine by URL. */
MUST_CHECK int summarize_tree(const struct dobby_summarize *o, const struct run_engine *engine,
                              struct dobby_summary_stats *st, struct dobby_err *e);

#endif
