/* walk_open.h - opening and reading files of a tree that is not trusted (code, private to walk).
 * Holds    No link is followed, a FIFO does not block, what was opened is looked at by its descriptor. */
#ifndef CODE_WALK_OPEN_H
#define CODE_WALK_OPEN_H

#include "base/err.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

enum open_result { OPEN_OK, OPEN_ABSENT, OPEN_LINK, OPEN_NOT_REGULAR, OPEN_FAILED };

/* Open a regular file in a directory for reading. -1 on failure: *how says which, *errnum the errno or 0. */
int open_regular(int dir_fd, const char *name, struct stat *st, enum open_result *how, int *errnum);
/* The same for a path of several components below dir_fd, none of which may be a link. */
int open_below(int dir_fd, const char *path, struct stat *st, enum open_result *how, int *errnum);
/* Append up to max bytes to *out. False on a read error; memory is the buffer's own flag. */
bool read_fd(int fd, struct strbuf *out, size_t max, int *errnum);
int dup_cloexec(int fd);

/* The absolute path of `path`, whether it is a directory (else a regular file), and the root of its tree. Both
 * allocated; NULL on failure. */
MUST_CHECK int find_root(char **root, char **abs, bool *is_dir, const char *path,
                         struct dobby_err *e);

#endif
