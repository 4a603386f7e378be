/* view.h - what `summarize` tells a person while it works and at its end (cli).
 *
 * Threads  view_event may be called from any thread; it has one lock, below which only the terminal's is taken. */
#ifndef CLI_VIEW_H
#define CLI_VIEW_H

#include "base/strbuf.h"
#include "cli/term.h"
#include "dobby.h"

#include <pthread.h>

struct view {
    struct term *term;
    pthread_mutex_t lock; /* guards all below */
    char stage[32];
    size_t n_notes; /* told so far, and beyond VIEW_NOTES only counted */
    double
        infer_start; /* seconds of the run when the first unit of the model's was in flight; < 0: not yet */
    size_t done_at_start; /* units settled by then: what the store had, and what needed no model */
    int told_stop;        /* the value of *sig_stop() that was announced */
};

#define VIEW_NOTES 20

void view_init(struct view *v, struct term *t);
void view_release(struct view *v);
void view_event(struct view *v, const struct dobby_event *ev);
/* The last words: counts and times. */
void view_summary(struct view *v, const struct dobby_summary_stats *st, int rc, bool dry_run,
                  bool stats);
/* A line for people from a planned file's JSON object: language, number of units or why it is skipped, path. */
void view_plan_line(struct strbuf *out, const char *json);

#endif
