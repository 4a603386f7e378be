/* since.h - which files of a tree differ from a commit (code).
 * What     Reads each file of a walk that the commit has as well and compares its bytes with what the commit holds; those that
 *          are equal get WALK_UNCHANGED. What the commit has not (added, untracked, renamed) stays taken, and so does a file
 *          that git stores in another form than it checks out (line ends, filters, LFS): its bytes do differ.
 * Trust    None in the repository: revision.h, in a parser process that is ended when it takes long or much memory.
 * Cost     One look into the repository, and every file read once. */
#ifndef CODE_SINCE_H
#define CODE_SINCE_H

#include "base/err.h"
#include "code/walk.h"

struct since_options {
    const char *rev;          /* as a person writes it: revision.h */
    const char *scope;        /* what was walked, relative to the root; "" is all of it */
    const char *worker_path;  /* as in parse.h */
    size_t memory;            /* bound on the process tree, bytes; 0: none */
    const volatile int *stop; /* may be NULL */
};

/* Mark the files of w. Returns 0; DOBBY_E_NOTFOUND without a repository or for no such commit, _USAGE for a name that is
 * none, _UNSUPPORTED for a repository that is not read, _FORMAT for a damaged one, _LIMIT, _CANCELLED, _CONFIG, _NOMEM. */
MUST_CHECK int since_mark(struct walk *w, const struct since_options *o, struct dobby_err *e);

#endif
