/* pip.h - fetch one wheel by the user's own pip (cli).
 *
 * What     `python3 -m pip download --no-deps --only-binary :all:`: nothing of the package is run, the index is the
 *          one that the user's pip is configured for, and neither cache nor temporary directory outside of `dir`
 *          is used.
 * Errors   The last lines of pip decide: no pip or no network is DOBBY_E_UNAVAILABLE, a full disk DOBBY_E_IO. */
#ifndef CLI_PIP_H
#define CLI_PIP_H

#include "base/err.h"

#include <stdint.h>

/* Download into the directory `dir`, which is emptied first. *wheel is the path of the file, allocated.
 * on_progress hears several times a second how many bytes lie in `dir`; other than 0 it ends the download. */
MUST_CHECK int pip_download(char **wheel, const char *package, const char *version, const char *dir,
                            int (*on_progress)(void *ctx, uint64_t bytes), void *ctx,
                            struct dobby_err *e);
/* Remove the directory and what is in it. */
void pip_clean(const char *dir);
/* The same for every entry beside `prefix` whose path starts with it: what killed processes left. */
void pip_clean_all(const char *prefix);

#endif
