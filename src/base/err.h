/* err.h - failures as values (base). A negative code for the program, a line for the person.
 * The struct is the public one of dobby.h and travels as the last argument. The first failure wins: a
 * later err_set on a struct that already holds one changes nothing, so clean-up code may fail too. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "dobby.h"

#include <stdarg.h>

#define MUST_CHECK __attribute__((warn_unused_result))

/* Set *e (if not NULL and still clear) and return `code`. Message form: "what: where: why; what to do". */
int err_set(struct dobby_err *e, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with ": strerror(errnum)" put after the text and `hint` (may be NULL) after "; ". The code
 * follows errnum: ENOENT _NOTFOUND, EACCES/EPERM/EROFS _PERMISSION, ENOMEM _NOMEM, else _IO. */
int err_errno(struct dobby_err *e, int errnum, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
int err_nomem(struct dobby_err *e, const char *what); /* "out of memory for <what>" */
void err_clear(struct dobby_err *e);

#endif
