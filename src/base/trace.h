/* trace.h - what happened when, for Chrome's trace viewer and Perfetto (base).
 * What     An array of JSON objects, an event a line: complete spans ("ph":"X") on lanes. A lane is a pair of numbers,
 *          group ("pid") and row ("tid"), which the viewers show as a named box with named rows.
 * Trust    Spans carry numbers and words of dobby's own, never text from outside.
 * Threads  Any; one lock, a leaf, under which the file is written every 64 KB. A write that fails is remembered, what
 *          follows is dropped, and dobby_trace_close tells it.
 * Source   Trace Event Format, the Chromium project. */
#ifndef BASE_TRACE_H
#define BASE_TRACE_H

#include "base/err.h"

/* All take a NULL trace and do nothing then. */

/* A new group with this name; returns its number. */
int trace_group(struct dobby_trace *t, const char *name);
void trace_row(struct dobby_trace *t, int group, int row, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* A span from t0 to t1, both of time_now(). `args` is a format for the inside of a JSON object: "\"columns\":%zu". */
void trace_span(struct dobby_trace *t, int group, int row, const char *name, double t0, double t1,
                const char *args, ...) __attribute__((format(printf, 7, 8)));

#endif
