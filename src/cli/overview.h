/* overview.h - the overview of a place in a tree (cli). */
#ifndef CLI_OVERVIEW_H
#define CLI_OVERVIEW_H

#include "base/err.h"

/* What dobby_store_overview says of the operand `arg`. *text is allocated (dobby_free), NULL on failure. `verb` is for messages. */
MUST_CHECK int overview_text(char **text, const char *verb, const char *arg, const char *store,
                             int json, struct dobby_err *e);

#endif
