/* tracked.h - which files a git repository tracks (code).
 * What     The index of the repository at a directory, read once into a sorted table of paths.
 * Trust    None: .git must be a directory and its index a regular file of the same owner's making, both
 *          opened without following links; libgit2 parses the bytes of that very descriptor. No configuration, hook,
 *          alternate or other file of the repository is looked at, and the git command is never run.
 * Fallback An index that cannot be used is no failure: the table stays empty and a note says why.
 * Owns     One arena. Threads: immutable once open. */
#ifndef CODE_TRACKED_H
#define CODE_TRACKED_H

#include "base/arena.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct tracked_path {
    const char *path; /* relative to the root of the repository */
    size_t len;
    bool gitlink; /* a submodule */
};

struct tracked {
    struct arena arena;
    struct tracked_path *paths; /* by bytes */
    size_t n;
    bool loaded;      /* there is an index and it was read */
    bool repository;  /* there is a .git of any kind */
    const char *note; /* static: why the index is not used, or NULL */
};

/* t is uninitialised or released. Returns 0 (also without a repository), or DOBBY_E_NOMEM. */
MUST_CHECK int tracked_open(struct tracked *t, int root_fd, struct dobby_err *e);
void tracked_release(struct tracked *t);

/* The entry of a path, or NULL. O(log n). */
const struct tracked_path *tracked_find(const struct tracked *t, const char *path, size_t len);
/* Something below the directory is tracked. "" is the root. */
bool tracked_below(const struct tracked *t, const char *dir, size_t len);

#endif
