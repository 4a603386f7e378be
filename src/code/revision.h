/* revision.h - the files of a commit, by their hashes (code).
 * What     Finds the commit that a person names and lists its tree. Only objects and names of commits are read; no
 *          configuration, hook, filter or alternate of the repository is, and the git command is never run.
 * Trust    None: directories and files of .git are opened below its descriptor without following links, and must be
 *          regular; loose objects are inflated here, within a bound. libgit2 opens packs, whose files were looked at before, and
 *          compares every object with its hash. A pack can still keep it busy for ever, or ask for all
 *          memory: so this runs in a parser process (since.h), which has bounds on both.
 * Names    A branch, tag, remote branch (origin/main), HEAD or @, whole or abbreviated hash, then any of ~N, ^N, ^{} and
 *          ^{commit}. What needs logs or a search (@{1}, :/words) is refused.
 * Source   gitrevisions(7), gitformat-pack(5), gitrepository-layout(5).
 * Next     since.h for who asks. */
#ifndef CODE_REVISION_H
#define CODE_REVISION_H

#include "base/err.h"
#include "base/strbuf.h"

#include <stddef.h>

#define REVISION_ID        20                 /* bytes of a SHA-1 */
#define REVISION_MAX_LIST  ((size_t)64 << 20) /* bytes */
#define REVISION_MAX_FILES 4000000

/* Append to *out, for each regular file of the tree at or below `scope` ("": all of it), its hash, the length of its path
 * as u16, and its path relative to the root, by bytes of path within each directory. Links and submodules are left out.
 * git_fd  the directory .git
 * Returns 0; DOBBY_E_NOTFOUND for no such commit (in a shallow clone it says so), _USAGE for a name that is none,
 * _UNSUPPORTED for a repository that is not read (SHA-256, reftable, alternates), _FORMAT for damage, _LIMIT, _NOMEM. */
MUST_CHECK int revision_list(struct strbuf *out, int git_fd, const char *rev, const char *scope,
                             struct dobby_err *e);

/* What git calls a file of these bytes. Between revision_begin and revision_end. 0 or DOBBY_E_INTERNAL. */
MUST_CHECK int revision_begin(struct dobby_err *e);
MUST_CHECK int revision_file_id(unsigned char id[REVISION_ID], const void *text, size_t len,
                                struct dobby_err *e);
void revision_end(void);

#endif
