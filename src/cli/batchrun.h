/* batchrun.h - many prompts through an engine: lines in, completions out in their order (cli).
 *
 * What     A window of lines moves over the input. Lines enter it as they are read, up to `agents` times two of them are with
 *          the engine, and a line leaves when it and all before it are settled: so memory is bounded by the window, whatever
 *          the length of the input, and a slow reader of the output slows the reading of the input.
 * Faults   A try that failed for a reason that may pass (time, server, memory, numbers that are not finite) is repeated,
 *          BATCH_TRIES in all, each after a longer pause; then the line gets an error in its place. A line that is wrong
 *          gets one at once. A reason that holds for all lines (a refused key), or BATCH_FAILURES lines in a row that the
 *          engine failed, end the run.
 * Stop     After the first signal what is with the engine is finished and nothing new is asked; after the second it is
 *          cancelled. Lines without a result are left out; those that are written stand in their order.
 * Threads  batch_run works on the calling thread; the engine's dispatcher only puts results on a list.
 * Next     batchline.h for the lines, batch.c for the verb. */
#ifndef CLI_BATCHRUN_H
#define CLI_BATCHRUN_H

#include "cli/out.h"
#include "cli/term.h"

#include <stdint.h>

#define BATCH_LINE_MAX ((size_t)16 << 20) /* bytes of a line */
#define BATCH_HELD_MAX ((size_t)64 << 20) /* bytes of lines in the window, or one line */
#define BATCH_TRIES    3
#define BATCH_FAILURES 20
#define BATCH_NOTES    20 /* failed lines that are told on stderr; the rest are counted */

struct batch_options {
    struct dobby_engine *engine;
    int agents; /* of the engine */
    int in;     /* descriptor of the input */
    const char *in_name;
    uint64_t in_size; /* bytes, for the progress line; 0: not known */
    struct out *out;  /* not committed here */
    struct term *term;
    int max_tokens;    /* for lines that do not say */
    const char *stop;  /* the same; NULL: none */
    int time_limit_ms; /* of a try; 0: none */
    int pause_ms;      /* before the second try, six times that before the third; 0: 500 */
};

struct batch_counts {
    uint64_t n_done, n_bad,
        n_failed; /* lines with a text; wrong in themselves; failed by the engine */
    uint64_t n_retries;
    uint64_t n_prompt, n_cached, n_written; /* tokens of the done ones */
    double seconds;
    bool torn; /* the output could not be written, and may end in the middle of a line */
};

/* Returns 0 when every line of the input has its line in the output (c tells which are errors), DOBBY_E_CANCELLED after a
 * stop with lines left, or the failure that ended the run: of the input, the output or the engine. In each case the output
 * holds whole lines, and the engine has nothing left to do. */
MUST_CHECK int batch_run(const struct batch_options *o, struct batch_counts *c,
                         struct dobby_err *e);

#endif
