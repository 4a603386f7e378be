/* json.c - JSON strings as in RFC 8259, section 7 (base). */
#include "base/json.h"
#include "base/utf8.h"

static void put_escape(struct strbuf *b, uint32_t cp)
{
    switch (cp) {
    case '"':
        strbuf_puts(b, "\\\"");
        break;
    case '\\':
        strbuf_puts(b, "\\\\");
        break;
    case '\n':
        strbuf_puts(b, "\\n");
        break;
    case '\r':
        strbuf_puts(b, "\\r");
        break;
    case '\t':
        strbuf_puts(b, "\\t");
        break;
    default:
        strbuf_printf(b, "\\u%04x", (unsigned)cp);
    }
}

/* U+2028 and U+2029 are legal in JSON, but end a line in JavaScript and for some line readers. */
static bool needs_escape(uint32_t cp)
{
    return cp < 0x20 || cp == '"' || cp == '\\' || cp == 0x7F || cp == 0x2028 || cp == 0x2029;
}

void json_put_string(struct strbuf *b, const char *s, size_t n)
{
    size_t i = 0, start = 0, len;
    uint32_t cp;

    strbuf_putc(b, '"');
    while (i < n) {
        len = utf8_decode(s + i, n - i, &cp);
        if (cp == UTF8_BAD || needs_escape(cp)) {
            strbuf_add(b, s + start, i - start);
            if (cp == UTF8_BAD)
                strbuf_puts(b, "\xEF\xBF\xBD");
            else
                put_escape(b, cp);
            start = i + len;
        }
        i += len;
    }
    strbuf_add(b, s + start, n - start);
    strbuf_putc(b, '"');
}
