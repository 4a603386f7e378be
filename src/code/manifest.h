/* manifest.h - what a package's manifest says that imports and entry points are read by (code).
 * What     go.mod, package.json, Cargo.toml and pyproject.toml have no units, but they name the package that other files import
 *          from, and programs that it installs. Only that is read:
 *            name   the package: a Go module's path, an npm package's name, a crate, a Python project
 *            main   of an npm package the file that its name stands for; of a crate the path of its library
 *            run    NAME=TARGET, a program: a file (npm), or module:function (Python)
 * Left out  setup.py and setup.cfg, [[bin]] of Cargo (its files have a function main), exports of npm.
 * Trust    None in the text. TOML is read line by line: strings on one line in tables that are looked for; a value
 *          in any other form is not seen.
 * Next     pipeline/plan.c, which puts it into the store; pipeline/resolve.c, which uses it. */
#ifndef CODE_MANIFEST_H
#define CODE_MANIFEST_H

#include "base/arena.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define MANIFEST_MAX_FACTS 1000
#define MANIFEST_MAX_VALUE 1000 /* bytes; longer ones are left out */

struct manifest_fact {
    const char *key, *value; /* value: no control characters, valid UTF-8 */
};

struct manifest {
    struct arena arena;
    struct manifest_fact facts[MANIFEST_MAX_FACTS]; /* as they stand in the text */
    size_t n;
};

/* Is the file of this path (bytes) a manifest, by its name? */
bool manifest_is(const char *path, size_t len);
/* Read one. m is uninitialised or released; on failure it is left released.
 * Returns 0, DOBBY_E_FORMAT or _LIMIT for a text that is no JSON where it should be, DOBBY_E_NOMEM. */
MUST_CHECK int manifest_read(struct manifest *m, const char *path, size_t len, const char *text,
                             size_t n, struct dobby_err *e);
void manifest_release(struct manifest *m);

#endif
