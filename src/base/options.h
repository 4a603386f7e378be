/* options.h - structs of options that callers fill, whatever version of dobby.h they were compiled with (base). */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include "base/err.h"

#include <stddef.h>

/* Copy the caller's struct (whose first member is its size_t size) to *out, a struct of `known` bytes. What an older,
 * smaller one lacks is zero; a newer, larger one may only hold zeros in what is not known here. in NULL: all zero.
 * Returns 0 or DOBBY_E_USAGE; `what` begins the message: "generation". */
MUST_CHECK int options_take(void *out, size_t known, const void *in, const char *what,
                            struct dobby_err *e);

#endif
