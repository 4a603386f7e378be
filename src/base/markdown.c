/* markdown.c - see markdown.h (base). */
#include "base/markdown.h"

#include "base/utf8.h"

#include <string.h>

/* As a failed growth does it: no text, and all that follows does nothing. */
static void fail(struct strbuf *b)
{
    strbuf_release(b);
    b->failed = true;
}

void markdown_put_text(struct strbuf *b, const char *s, size_t n)
{
    static const char special[] = "\\`*_[]<>#|~!&$";
    struct strbuf safe = {0};

    utf8_escape(&safe, s, n, "");
    if (strbuf_failed(&safe)) {
        fail(b);
    } else {
        for (const char *c = strbuf_str(&safe); *c; c++) {
            /* Escaping every underscore would make names unreadable; within a word it marks nothing. */
            bool word = *c == '_' && c > safe.s && c[1] && c[1] != ' ' && c[-1] != ' ';

            if (strchr(special, *c) && !word)
                strbuf_putc(b, '\\');
            strbuf_putc(b, *c);
        }
    }
    strbuf_release(&safe);
}

void markdown_put_code(struct strbuf *b, const char *s, size_t n)
{
    struct strbuf safe = {0};
    size_t longest = 0, run = 0;
    bool pad;

    utf8_escape(&safe, s, n, "");
    if (strbuf_failed(&safe)) {
        fail(b);
        goto out;
    }
    for (const char *c = strbuf_str(&safe); *c; c++) {
        run = *c == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    pad = longest > 0 || safe.len == 0;
    for (size_t i = 0; i <= longest; i++)
        strbuf_putc(b, '`');
    strbuf_puts(b, pad ? " " : "");
    strbuf_puts(b, strbuf_str(&safe));
    strbuf_puts(b, pad ? " " : "");
    for (size_t i = 0; i <= longest; i++)
        strbuf_putc(b, '`');
out:
    strbuf_release(&safe);
}

void markdown_put_target(struct strbuf *b, const char *path, size_t n)
{
    static const char plain[] = "/-._~";

    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)path[i];
        bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (word || (c && strchr(plain, c)))
            strbuf_putc(b, (char)c);
        else
            strbuf_printf(b, "%%%02X", c);
    }
}
