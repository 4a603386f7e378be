/* term.h - what a person sees on stderr: lines, and one progress line rewritten in place (cli).
 *
 * What     Messages are escaped, so that no file name or model text can drive the terminal. On a terminal
 *          the progress line is redrawn at most five times a second, cut to the width, and wiped before
 *          a message; elsewhere it becomes a plain line every few seconds. With the JSON form every line
 *          is an object with `level` and `message`. On a terminal with room for them, more lines stand
 *          above the progress line; all are redrawn and wiped together.
 * Size     Asked for at each draw, so that nothing has to be done about a change. Narrower than the lines that stand
 *          there, a terminal wraps them (nearly all do): they are counted as they lie now before they are wiped.
 * Threads  Any: log lines of the library come from its threads. One lock, a leaf. */
#ifndef CLI_TERM_H
#define CLI_TERM_H

#include "base/log.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#define TERM_LINES_MAX 64 /* above the progress line */

struct term {
    pthread_mutex_t lock; /* guards all below; nothing is locked or called back under it */
    bool tty;             /* rewriting in place is possible */
    bool color, json, quiet;
    size_t
        n_shown; /* lines on the screen that will be rewritten, the last one with the cursor behind it */
    unsigned short shown[TERM_LINES_MAX + 1]; /* their columns */
    double drawn;                             /* time_now() of the last progress line */
    int level;                                /* enum log_level: messages above it are dropped */
};

void term_init(struct term *t, bool no_color);
/* json: the form of lines; quiet: errors only, no progress. */
void term_configure(struct term *t, bool json, int level, bool quiet);
/* One line, wiping the progress line first. LOG_ERROR lines are always shown; LOG_INFO lines of the program
 * itself (term_say) unless quiet. */
void term_message(struct term *t, int level, const char *text);
void term_say(struct term *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* True if a new progress line would be drawn now: ask before composing one. */
bool term_due(struct term *t);
/* Lines that have room above the progress line now; 0 where nothing is rewritten in place, and on small terminals. */
size_t term_room(struct term *t);
/* Draw the fields, most important first, as many as fit in the width; above them these lines (escaped, may be NULL when
 * there are none), cut to the width. Lines beyond term_room() are left out. */
void term_progress(struct term *t, const char *const *fields, size_t n, const char *const *lines,
                   size_t n_lines);
/* Wipe the progress line and those above it; results may be going to the same screen. */
void term_clear(struct term *t);
/* Start counting the time to the next plain line from now. */
void term_restart(struct term *t);

#endif
