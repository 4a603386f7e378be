/* sig.c - see sig.h (cli). */
#include "cli/sig.h"

#include "cli/cli.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

/* Signals belong to the process, so this state does too. An int is written whole on every machine that dobby
 * knows; its readers poll. */
static volatile int stop;
static volatile sig_atomic_t first_signal, line_open, resumed;

static void on_signal(int sig)
{
    if (stop >= 2) {
        if (line_open && write(STDERR_FILENO, "\r\n", 2) < 0) {
            /* nobody is left to tell */
        }
        _exit(EXIT_SIGNAL + sig);
    }
    if (!first_signal)
        first_signal = sig;
    stop = stop + 1;
}

void sig_ignore_pipe(void)
{
    struct sigaction sa = {.sa_handler = SIG_IGN};

    sigaction(SIGPIPE, &sa, NULL);
}

static void install(int sig)
{
    struct sigaction sa = {.sa_handler = on_signal}, old;

    sigemptyset(&sa.sa_mask);
    if (sigaction(sig, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
        sigaction(sig, &sa, NULL); /* no SA_RESTART: a waiting call shall wake up */
}

static void on_continue(int sig)
{
    (void)sig;
    resumed = 1;
}

void sig_install(void)
{
    struct sigaction cont = {.sa_handler = on_continue, .sa_flags = SA_RESTART};

    sigemptyset(&cont.sa_mask);
    sigaction(SIGCONT, &cont, NULL);
    install(SIGINT);
    install(SIGTERM);
}

void sig_line_open(bool open)
{
    line_open = open;
}

bool sig_resumed(void)
{
    bool was = resumed;

    resumed = 0;
    return was;
}

const volatile int *sig_stop(void)
{
    return &stop;
}

void sig_stop_now(void)
{
    stop = 2;
}

int sig_exit_code(void)
{
    return first_signal ? EXIT_SIGNAL + first_signal : 0;
}

int sig_wait_fds(struct pollfd *fds, size_t n, int timeout_ms, int seen, struct dobby_err *e)
{
    struct timespec ts = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};
    sigset_t block, before;
    int rc = 0;

    for (size_t i = 0; i < n; i++)
        fds[i].revents = 0;
    sigemptyset(&block);
    sigaddset(&block, SIGINT);
    sigaddset(&block, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &block, &before);
    if (stop == seen) /* with the signals blocked it cannot change before ppoll opens the door */
        rc = ppoll(fds, n, timeout_ms < 0 ? NULL : &ts, &before);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc < 0 && errno != EINTR)
        return err_errno(e, errno, NULL, "waiting");
    return rc > 0 ? rc : 0;
}

int sig_wait_fd(int fd, int timeout_ms, int seen, struct dobby_err *e)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return sig_wait_fds(&p, 1, timeout_ms, seen, e);
}
