/* wheel.h - one member out of a Python wheel (cli). A wheel is a zip file; the only file that touches libzip.
 *
 * Trust    None in the archive: no more than the expected size is unpacked, so a bomb stays small. */
#ifndef CLI_WHEEL_H
#define CLI_WHEEL_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* Hand the bytes of `member` to `sink` piece by piece; a sink's return value other than 0 ends it with that.
 * Returns 0, DOBBY_E_FORMAT when the archive is damaged, lacks the member, or the member has another size. */
MUST_CHECK int wheel_read(const char *path, const char *member, uint64_t size,
                          int (*sink)(void *ctx, const void *p, size_t n, struct dobby_err *e),
                          void *ctx, struct dobby_err *e);

#endif
