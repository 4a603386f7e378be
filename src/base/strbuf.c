/* strbuf.c - growing byte string (base). cap counts the NUL; s is NULL as long as nothing was added. */
#include "base/strbuf.h"
#include "base/mem.h"
#include "base/size.h"

#include <stdio.h>
#include <string.h>

static void fail(struct strbuf *b)
{
    mem_free(b->s);
    b->s = NULL;
    b->len = b->cap = 0;
    b->failed = true;
}

/* Room for n more bytes and the NUL. False when the buffer has failed, now or before. */
static bool reserve(struct strbuf *b, size_t n)
{
    size_t len, need;

    if (b->failed)
        return false;
    if (!size_add(b->len, n, &len) || (b->max && len > b->max) || !size_add(len, 1, &need) ||
        mem_grow((void **)&b->s, &b->cap, need, 1) < 0) {
        fail(b);
        return false;
    }
    return true;
}

void strbuf_add(struct strbuf *b, const void *p, size_t n)
{
    if (!reserve(b, n))
        return;
    if (n)
        memcpy(b->s + b->len, p, n);
    b->len += n;
    b->s[b->len] = '\0';
}

void strbuf_puts(struct strbuf *b, const char *s)
{
    strbuf_add(b, s, strlen(s));
}

void strbuf_putc(struct strbuf *b, char c)
{
    strbuf_add(b, &c, 1);
}

void strbuf_printf(struct strbuf *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    strbuf_vprintf(b, fmt, ap);
    va_end(ap);
}

void strbuf_vprintf(struct strbuf *b, const char *fmt, va_list ap)
{
    size_t room = b->s ? b->cap - b->len : 0;
    va_list again;
    int n;

    if (b->failed)
        return;
    va_copy(again, ap);
    n = vsnprintf(b->s ? b->s + b->len : NULL, room, fmt, ap);
    if (n < 0) {
        fail(b);
    } else if (reserve(b, (size_t)n)) {
        /* The first try is good if all of it fitted; max was checked by reserve in both cases. */
        if ((size_t)n >= room)
            vsnprintf(b->s + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

void strbuf_truncate(struct strbuf *b, size_t len)
{
    if (len >= b->len)
        return;
    b->len = len;
    b->s[len] = '\0';
}

void strbuf_reset(struct strbuf *b)
{
    b->failed = false;
    strbuf_truncate(b, 0);
}

void strbuf_release(struct strbuf *b)
{
    mem_free(b->s);
    *b = (struct strbuf){0};
}

char *strbuf_take(struct strbuf *b, size_t *len)
{
    size_t n;
    char *s;

    strbuf_add(b, "", 0); /* an empty text is an allocated one too */
    n = b->len;
    s = b->failed ? NULL : b->s;
    if (len)
        *len = s ? n : 0;
    b->s = NULL;
    b->len = b->cap = 0;
    b->failed = false;
    return s;
}
