/* view.h - what `summarize` tells a person while it works and at its end (cli).
 *
 * What     A progress line; on a terminal with room, a line for each agent above it. At the end the counts, and what was left
 *          undone: a line for each reason, with how many units and the first of them.
 * Threads  view_event may be called from any thread; it has one lock, below which only the terminal's is taken. */
#ifndef CLI_VIEW_H
#define CLI_VIEW_H

#include "base/strbuf.h"
#include "cli/term.h"
#include "dobby.h"

#include <pthread.h>

#define VIEW_NOTES   20
#define VIEW_REASONS 10 /* told at the end; the rest are counted */
#define VIEW_NAMES   3  /* of a reason's units */

/* Questions left undone for one reason: texts that differ only in numbers are one. */
struct view_reason {
    char *why;
    char *name[VIEW_NAMES];
    size_t n_questions, n_units;
};

struct view {
    struct term *term;
    pthread_mutex_t lock; /* guards all below */
    char stage[32];
    size_t n_notes; /* told so far, and beyond VIEW_NOTES only counted */
    double
        infer_start; /* seconds of the run when the first unit of the model's was in flight; < 0: not yet */
    size_t done_at_start; /* units settled by then: what the store had, and what needed no model */
    int told_stop;        /* the value of *sig_stop() that was announced */
    bool live;            /* the last line drawn had agents above it */
    struct strbuf line[TERM_LINES_MAX];
    struct view_reason reason[VIEW_REASONS];
    size_t n_reasons, n_other; /* other: units of further reasons */
};

void view_init(struct view *v, struct term *t);
void view_release(struct view *v);
void view_event(struct view *v, const struct dobby_event *ev);
/* What was left undone and why; nothing if nothing was. */
void view_undone(struct view *v);
/* A line about an agent at work. */
void view_agent_line(struct strbuf *out, const struct dobby_agent *a);
/* The last words: counts and times. */
void view_summary(struct view *v, const struct dobby_summary_stats *st, int rc, bool dry_run,
                  bool stats);
/* A line for people from a planned file's JSON object: language, number of units or why it is skipped, path. */
void view_plan_line(struct strbuf *out, const char *json);

#endif
