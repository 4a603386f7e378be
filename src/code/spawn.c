/* spawn.c - see spawn.h (code). */
#include "code/spawn.h"

#include "code/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int spawn_attributes(posix_spawnattr_t *attr)
{
    sigset_t none, all;
    int rc = posix_spawnattr_init(attr);

    if (rc != 0)
        return rc;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawnattr_setsigmask(attr, &none);
    (void)posix_spawnattr_setsigdefault(attr, &all);
    (void)posix_spawnattr_setpgroup(attr, 0);
    return posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
}

static int spawn(pid_t *pid, const char *path, int fd, int git_fd)
{
    char name[] = "dobby", verb[] = "--parse-worker";
    char *argv[] = {name, verb, NULL}, *env[] = {NULL};
    posix_spawn_file_actions_t act;
    posix_spawnattr_t attr;
    int rc = spawn_attributes(&attr);

    if (rc != 0)
        return rc;
    rc = posix_spawn_file_actions_init(&act);
    if (rc == 0) {
        rc = posix_spawn_file_actions_adddup2(&act, fd, STDIN_FILENO);
        if (rc == 0)
            rc = posix_spawn_file_actions_adddup2(&act, fd, STDOUT_FILENO);
        if (rc == 0)
            rc = posix_spawn_file_actions_addopen(&act, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
        if (rc == 0 && git_fd >= 0)
            rc = posix_spawn_file_actions_adddup2(&act, git_fd, PROTOCOL_GIT_FD);
        if (rc == 0)
            rc = posix_spawn(pid, path, &act, &attr, argv, env);
        (void)posix_spawn_file_actions_destroy(&act);
    }
    (void)posix_spawnattr_destroy(&attr);
    return rc;
}

int worker_start(pid_t *pid, int *fd, const char *path, int git_fd, struct dobby_err *e)
{
    int fds[2], rc;

    *pid = 0;
    *fd = -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return err_errno(e, errno, NULL, "parser worker: socket pair");
    /* The worker's end becomes its fd 0 by dup2, which drops close-on-exec only when the numbers differ. */
    if (fds[1] <= STDERR_FILENO) {
        int high = fcntl(fds[1], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

        (void)close(fds[1]);
        fds[1] = high;
    }
    rc = fds[1] < 0 ? errno : spawn(pid, path, fds[1], git_fd);
    if (fds[1] >= 0)
        (void)close(fds[1]);
    *fd = fds[0];
    if (rc == 0 && fcntl(*fd, F_SETFL, O_NONBLOCK) < 0)
        rc = errno;
    if (rc == 0)
        return 0;
    worker_end(pid, fd);
    if (rc == ENOENT || rc == EACCES || rc == ENOEXEC)
        return err_set(e, DOBBY_E_CONFIG, "parser worker: %s: cannot be run: %s; reinstall dobby",
                       path, strerrordesc_np(rc));
    return err_errno(e, rc, NULL, "parser worker: %s", path);
}

void worker_end(pid_t *pid, int *fd)
{
    if (*pid > 0) {
        (void)kill(*pid, SIGKILL);
        while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (*fd >= 0)
        (void)close(*fd);
    *pid = 0;
    *fd = -1;
}
