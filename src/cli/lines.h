/* lines.h - lines of a file or a pipe, one after the other, in bounded memory (cli).
 *
 * What     line_reader_fill() reads once, line_reader_next() takes lines out of what was read; in between the caller can
 *          wait for the descriptor, and so for other things too. A line ends with \n or with the input. One that is longer
 *          than `max` bytes is told as such and its rest is passed over, so memory stays below 2 * max + 128 KB. */
#ifndef CLI_LINES_H
#define CLI_LINES_H

#include "base/err.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct line_reader {
    int fd; /* the caller's */
    const char *name;
    size_t max;    /* bytes of a line, its end not counted */
    uint64_t n;    /* lines told so far; the number of the last one, from 1 */
    uint64_t size; /* bytes that were read */
    bool eof;
    /* its own */
    struct strbuf buf;
    size_t at, seen; /* next byte to hand out; behind the bytes known to hold no line end */
    bool skipping;   /* the rest of a line that was too long */
};

enum line_kind {
    LINE_NONE, /* fill first; after the end of the input there are no more */
    LINE_WHOLE,
    LINE_TOO_LONG
};

void line_reader_init(struct line_reader *r, int fd, const char *name, size_t max);
/* The descriptor is left to the caller. */
void line_reader_release(struct line_reader *r);
/* read(2) once; sets eof at the end. DOBBY_E_CANCELLED when a signal came instead of bytes. */
MUST_CHECK int line_reader_fill(struct line_reader *r, struct dobby_err *e);
/* The next line, without its end; *line lives until the next fill. */
enum line_kind line_reader_next(struct line_reader *r, const char **line, size_t *len);
/* True if line_reader_next has something to tell without another fill. */
bool line_reader_ready(struct line_reader *r);

#endif
