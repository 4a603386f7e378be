/* spawn.h - starting and ending a worker process (code, private to the parser and since.c).
 * What     `path --parse-worker` on one end of a socket pair, with an empty environment, in a process group of its own: what
 *          a terminal sends (Ctrl-C) does not reach it, the parent decides when it ends.
 * Next     parse_worker.c for the other side. */
#ifndef CODE_SPAWN_H
#define CODE_SPAWN_H

#include "base/err.h"

#include <sys/types.h>

/* Start one. *fd is the parent's end, which does not block.
 * git_fd  what the worker has as PROTOCOL_GIT_FD; -1: nothing. Above 2.
 * Returns 0, or DOBBY_E_CONFIG when path is no program, _NOMEM, _IO; *pid is 0 and *fd -1 then. */
MUST_CHECK int worker_start(pid_t *pid, int *fd, const char *path, int git_fd, struct dobby_err *e);
/* Kill it, wait for it, close *fd. *pid becomes 0 and *fd -1, which is fine to be called with. */
void worker_end(pid_t *pid, int *fd);

#endif
