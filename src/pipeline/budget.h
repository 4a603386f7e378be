/* budget.h - the bound on the memory of the process tree, while a tree is read and planned (pipeline).
 * What     Until the model is loaded, memory goes to parser workers and to what was found. Both are held below the
 *          bound by measuring: workers get shares of what the process leaves, and reading ends with a word before
 *          the bound is passed. The engine's part is planned by dobby_memory_plan once all questions are known.
 * Next     scan.c and plan.c for who asks, code/parse.h for what a share holds. */
#ifndef PIPELINE_BUDGET_H
#define PIPELINE_BUDGET_H

#include "base/err.h"

#include <stddef.h>

/* Kept free while a tree is read: what grows between two looks at the memory, pages of the program and its grammars
 * that were not touched yet, the store's page cache, texts of files. */
#define BUDGET_RESERVE ((size_t)16 << 20)

/* How many parser workers with what share: at most *n, fewer when the memory is short. bound 0: no bound, shares of
 * PARSE_MAX_SHARE. Returns 0, or DOBBY_E_LIMIT with the smallest bound that works when not even one fits. */
MUST_CHECK int budget_parsers(size_t *share, int *n, size_t bound, struct dobby_err *e);
/* The same for a process that holds `used` bytes. */
MUST_CHECK int budget_shares(size_t *share, int *n, size_t bound, size_t used, struct dobby_err *e);
/* Do the process as it is, n workers with this share and the reserve stay within the bound (0: none)?
 * Returns 0 or DOBBY_E_LIMIT. */
MUST_CHECK int budget_check(size_t bound, int n, size_t share, struct dobby_err *e);

#endif
