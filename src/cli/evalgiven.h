/* evalgiven.h - texts by other programs, for `dobby eval --systems` (cli).
 * What     JSON lines: {"path","name","system","text"}, path and name as in the rows of summarize; other members are ignored. */
#ifndef CLI_EVALGIVEN_H
#define CLI_EVALGIVEN_H

#include "base/arena.h"
#include "base/err.h"

struct eval_given {
    struct arena arena;
    struct dobby_eval_given *v;
    size_t n, cap;
};

/* Zero it first; adds the texts of a file. DOBBY_E_FORMAT names the line that is not as it must be. */
MUST_CHECK int eval_given_read(struct eval_given *g, const char *path, struct dobby_err *e);
void eval_given_release(struct eval_given *g);

#endif
