/* err.c - failures as values (base). Messages are escaped like anything that reaches a terminal: file
 * names in them may hold newlines and control bytes, and the line must stay one. Nothing is allocated. */
#include "base/err.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define RAW_MAX 2048 /* longer than a message, since a cut may fall anywhere before escaping */

static void store(struct dobby_err *e, int code, const char *raw, int n)
{
    size_t len = n < 0 ? 0 : (size_t)n < RAW_MAX ? (size_t)n : utf8_complete(raw, RAW_MAX - 1);

    e->code = code;
    utf8_escape_fixed(e->message, sizeof(e->message), raw, len);
}

int err_set(struct dobby_err *e, int code, const char *fmt, ...)
{
    char raw[RAW_MAX];
    va_list ap;
    int n;

    if (!e || e->code)
        return code;
    va_start(ap, fmt);
    n = vsnprintf(raw, sizeof(raw), fmt, ap);
    va_end(ap);
    store(e, code, raw, n);
    return code;
}

static int code_of(int errnum)
{
    switch (errnum) {
    case ENOENT:
        return DOBBY_E_NOTFOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return DOBBY_E_PERMISSION;
    case ENOMEM:
        return DOBBY_E_NOMEM;
    default:
        return DOBBY_E_IO;
    }
}

int err_errno(struct dobby_err *e, int errnum, const char *hint, const char *fmt, ...)
{
    char raw[RAW_MAX], reason[128];
    int code = code_of(errnum), n, more;
    va_list ap;

    if (!e || e->code)
        return code;
    va_start(ap, fmt);
    n = vsnprintf(raw, sizeof(raw), fmt, ap);
    va_end(ap);
    if (n >= 0 && n < RAW_MAX) {
        more = snprintf(raw + n, sizeof(raw) - (size_t)n, ": %s%s%s",
                        strerror_r(errnum, reason, sizeof(reason)), hint ? "; " : "",
                        hint ? hint : "");
        n = more < 0 ? n : n + more;
    }
    store(e, code, raw, n);
    return code;
}

int err_nomem(struct dobby_err *e, const char *what)
{
    return err_set(e, DOBBY_E_NOMEM, "out of memory for %s; free some, or give a smaller task",
                   what);
}

void err_clear(struct dobby_err *e)
{
    if (e) {
        e->code = 0;
        e->message[0] = '\0';
    }
}
