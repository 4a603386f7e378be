/* sig.h - Ctrl-C, TERM and broken pipes (cli).
 *
 * What     After sig_install() the first SIGINT or SIGTERM asks for an orderly end, the second for an end at
 *          once, and the third ends the process in the handler. A signal that was ignored when the program
 *          started stays ignored, as shells expect for jobs in the background.
 * Threads  Call from the main thread. The library's threads block all signals, so handlers run there. */
#ifndef CLI_SIG_H
#define CLI_SIG_H

#include "base/err.h"

#include <poll.h>
#include <stdbool.h>

/* At start: writing to a closed pipe becomes an error of that write. */
void sig_ignore_pipe(void);
void sig_install(void);
/* Whether the cursor stands behind a progress line: a signal that ends the process leaves it first. Any thread. */
void sig_line_open(bool open);
/* True once after the process was stopped and goes on: what stood on the screen may be elsewhere now. */
bool sig_resumed(void);
/* 0 go on, 1 end in order, 2 leave at once; the word that dobby_summarize.stop wants. */
const volatile int *sig_stop(void);
/* Ask for an end at once without a signal: nobody reads the results any more. */
void sig_stop_now(void);
/* 130 or 143 once a signal came, else 0. */
int sig_exit_code(void);
/* Wait until fd can be read, timeout_ms has passed (negative: never) or *sig_stop() is no longer `seen`, the
 * value that the caller acted upon: so no signal is lost between the caller's check and the wait.
 * Returns 1 readable, 0 signal or time out, or DOBBY_E_IO. */
MUST_CHECK int sig_wait_fd(int fd, int timeout_ms, int seen, struct dobby_err *e);
/* The same for any of several; revents tell which. Returns how many. */
MUST_CHECK int sig_wait_fds(struct pollfd *fds, size_t n, int timeout_ms, int seen,
                            struct dobby_err *e);

#endif
