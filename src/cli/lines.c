/* lines.c - see lines.h (cli). */
#include "cli/lines.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define CHUNK 65536

void line_reader_init(struct line_reader *r, int fd, const char *name, size_t max)
{
    *r = (struct line_reader){.fd = fd, .name = name, .max = max};
}

void line_reader_release(struct line_reader *r)
{
    strbuf_release(&r->buf);
}

/* Move what is left to the front, so that the buffer grows with the longest line only. */
static void compact(struct line_reader *r)
{
    size_t left = r->buf.len - r->at;

    if (r->at == 0)
        return;
    if (left > 0)
        memmove(r->buf.s, r->buf.s + r->at, left);
    strbuf_truncate(&r->buf, left);
    r->seen -= r->at;
    r->at = 0;
}

int line_reader_fill(struct line_reader *r, struct dobby_err *e)
{
    char chunk[CHUNK];
    ssize_t n;

    if (r->eof)
        return 0;
    n = read(r->fd, chunk, sizeof(chunk));
    if (n < 0 && errno == EINTR)
        return DOBBY_E_CANCELLED;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0; /* somebody else made it non-blocking, and was quicker */
    if (n < 0)
        return err_errno(e, errno, "give a file or a pipe with one JSON object a line", "read: %s",
                         r->name);
    compact(r);
    r->eof = n == 0;
    r->size += (uint64_t)n;
    strbuf_add(&r->buf, chunk, (size_t)n);
    return strbuf_failed(&r->buf) ? err_nomem(e, "a line of the input") : 0;
}

/* The line end at or behind `at`, or NULL. Each byte is looked at once, however often this is asked. */
static const char *find_end(struct line_reader *r)
{
    const char *s = strbuf_str(&r->buf), *end;
    size_t from = r->seen > r->at ? r->seen : r->at;

    end = memchr(s + from, '\n', r->buf.len - from);
    r->seen = end ? (size_t)(end - s) : r->buf.len;
    return end;
}

/* Pass over a line that was told as too long, as far as it is there. */
static void skip(struct line_reader *r)
{
    const char *end = find_end(r);

    r->at = end ? (size_t)(end - r->buf.s) + 1 : r->buf.len;
    r->skipping = !end && !r->eof;
}

bool line_reader_ready(struct line_reader *r)
{
    if (r->skipping)
        skip(r);
    return !r->skipping &&
           (find_end(r) || r->buf.len - r->at > r->max || (r->eof && r->at < r->buf.len));
}

enum line_kind line_reader_next(struct line_reader *r, const char **line, size_t *len)
{
    const char *end;
    size_t start;

    if (!line_reader_ready(r))
        return LINE_NONE;
    start = r->at;
    end = find_end(r);
    r->n++;
    *line = r->buf.s + start;
    *len = (end ? (size_t)(end - r->buf.s) : r->buf.len) - start;
    if (*len > r->max) {
        skip(r);
        return LINE_TOO_LONG;
    }
    r->at = start + *len + (end ? 1 : 0);
    return LINE_WHOLE;
}
