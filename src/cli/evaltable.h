/* evaltable.h - the automatic figures of `dobby eval` as a table for people or one JSON object for CI (cli).
 * Next     dobby_eval_figures in dobby.h for what they mean. */
#ifndef CLI_EVALTABLE_H
#define CLI_EVALTABLE_H

#include "base/strbuf.h"
#include "dobby.h"

#include <stdbool.h>

struct eval_table {
    struct strbuf out;
    bool json;
    size_t n;            /* systems told so far */
    char language[64];   /* of the rows at hand; "": all */
    struct strbuf notes; /* of the table: what stands below it */
};

/* Zero it and set json first. Add the figures in the order that dobby_eval tells them, then end it; t->out is the text, failed when memory
 * ran out. */
void eval_table_add(struct eval_table *t, const struct dobby_eval_figures *f);
void eval_table_end(struct eval_table *t, const struct dobby_eval_stats *st, int seed);
void eval_table_release(struct eval_table *t);

#endif
