/* strbuf.h - growing byte string, always NUL-terminated (base).
 * A failed growth sets `failed` and drops the text; later calls do nothing, so a whole document is built and
 * asked once: if (strbuf_failed(&sb)). The zeroed struct is a valid empty string. */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct strbuf {
    char *s; /* NULL until something was added: use strbuf_str() to read */
    size_t len, cap;
    size_t max; /* cap on len; 0: none. Beyond it the buffer fails. */
    bool failed;
};

void strbuf_add(struct strbuf *b, const void *p, size_t n);
void strbuf_puts(struct strbuf *b, const char *s);
void strbuf_putc(struct strbuf *b, char c);
void strbuf_printf(struct strbuf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strbuf_vprintf(struct strbuf *b, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
void strbuf_truncate(struct strbuf *b, size_t len); /* keeps the memory; len <= b->len */
void strbuf_reset(struct strbuf *b);                /* empty, failed cleared, memory kept */
void strbuf_release(struct strbuf *b);              /* back to the zeroed struct */
/* Take the string (allocated, free with mem_free) and reset; NULL if failed. Never NULL otherwise. */
char *strbuf_take(struct strbuf *b, size_t *len);

static inline bool strbuf_failed(const struct strbuf *b)
{
    return b->failed;
}

static inline const char *strbuf_str(const struct strbuf *b)
{
    return b->s ? b->s : "";
}

#endif
