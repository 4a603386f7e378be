/* pip.c - see pip.h (cli). */
#include "cli/pip.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "cli/cli.h"
#include "cli/sig.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define STDERR_MAX 65536 /* of pip's words; more is cut */
#define POLL_MS    200

extern char **environ;

/* ---- the directory ----------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

void pip_clean(const char *dir)
{
    /* What cannot be removed now stands in the way of the next download, which then says so. */
    (void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

void pip_clean_all(const char *prefix)
{
    const char *base = strrchr(prefix, '/') + 1;
    struct strbuf dir = {0}, path = {0};
    struct dirent *de;
    DIR *d;

    strbuf_add(&dir, prefix, (size_t)(base - prefix));
    d = opendir(strbuf_str(&dir));
    while (d && (de = readdir(d)) != NULL) {
        if (strncmp(de->d_name, base, strlen(base)) != 0)
            continue;
        file_join(&path, strbuf_str(&dir), de->d_name);
        if (!strbuf_failed(&path))
            pip_clean(strbuf_str(&path));
    }
    if (d)
        closedir(d);
    strbuf_release(&dir);
    strbuf_release(&path);
}

/* Bytes of the regular files in and below the directory; what vanishes meanwhile counts nothing. */
static uint64_t bytes_below(int parent, const char *name, int depth)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    uint64_t sum = 0;
    struct dirent *de;
    struct stat st;

    if (!d) {
        if (fd >= 0)
            close(fd);
        return 0;
    }
    while ((de = readdir(d)) != NULL) {
        if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0 ||
            fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        if (S_ISREG(st.st_mode))
            sum += (uint64_t)st.st_size;
        else if (S_ISDIR(st.st_mode) && depth < 8)
            sum += bytes_below(dirfd(d), de->d_name, depth + 1);
    }
    closedir(d);
    return sum;
}

static int find_wheel(char **wheel, const char *dir, const char *package, struct dobby_err *e)
{
    struct strbuf b = {0};
    DIR *d = opendir(dir);
    struct dirent *de;

    *wheel = NULL;
    if (!d)
        return err_errno(e, errno, NULL, "pip: %s", dir);
    while (!*wheel && (de = readdir(d)) != NULL) {
        size_t len = strlen(de->d_name);

        if (len > 4 && strcmp(de->d_name + len - 4, ".whl") == 0) {
            file_join(&b, dir, de->d_name);
            *wheel = strbuf_take(&b, NULL);
        }
    }
    closedir(d);
    if (!*wheel)
        return err_set(e, DOBBY_E_UNAVAILABLE,
                       "pip: %s: it ended well but left no wheel; look at its configuration",
                       package);
    return 0;
}

/* ---- the process ------------------------------------------------------------------------------- */

/* The environment with TMPDIR replaced: pip unpacks there, and /tmp may be small. */
static char **environment(char *tmpdir, struct dobby_err *e)
{
    size_t n = 0, k = 0;
    char **env;

    while (environ[n])
        n++;
    env = mem_array(n + 2, sizeof(*env));
    if (!env) {
        (void)err_nomem(e, "an environment");
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        if (strncmp(environ[i], "TMPDIR=", 7) != 0)
            env[k++] = environ[i];
    }
    env[k] = tmpdir;
    return env;
}

/* The child's side of the fork; it returns only when python3 cannot be started. */
static int become_pip(int err_fd, const char *spec, const char *dir, char **env)
{
    const char *argv[] = {"python3",
                          "-m",
                          "pip",
                          "download",
                          "--no-deps",
                          "--only-binary",
                          ":all:",
                          "--no-cache-dir",
                          "--no-input",
                          "--disable-pip-version-check",
                          "--progress-bar",
                          "off",
                          "--quiet",
                          "--retries",
                          "2",
                          "--dest",
                          dir,
                          spec,
                          NULL};
    int null = open("/dev/null", O_RDONLY);

    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(err_fd, STDOUT_FILENO) < 0 ||
        dup2(err_fd, STDERR_FILENO) < 0)
        return errno;
    signal(SIGPIPE, SIG_DFL); /* dobby ignores it, and that would be inherited */
    /* The array of pointers to constants is not written to; the prototype is older than const. */
    execvpe(argv[0], (char *const *)argv, env);
    return errno;
}

/* Start pip with its messages going to err_fd. It dies when dobby does, however that comes about: an orphan would go
 * on writing into a directory that the next pull cleans. Fork is fine here: a pull has one thread. */
static int spawn(pid_t *pid, int err_fd, const char *spec, const char *dir, char **env,
                 struct dobby_err *e)
{
    int failed[2], errnum = 0;
    pid_t parent = getpid();

    if (pipe2(failed, O_CLOEXEC) < 0)
        return err_errno(e, errno, NULL, "pip: a pipe");
    *pid = fork();
    if (*pid == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
            _exit(EXIT_INTERNAL);
        errnum = become_pip(err_fd, spec, dir, env);
        while (write(failed[1], &errnum, sizeof(errnum)) < 0 && errno == EINTR)
            ;
        _exit(EXIT_INTERNAL);
    }
    if (*pid < 0)
        errnum = errno;
    close(failed[1]);
    /* Closed by exec without a word, or the number of what went wrong. */
    while (*pid > 0 && read(failed[0], &errnum, sizeof(errnum)) < 0 && errno == EINTR)
        ;
    close(failed[0]);
    if (errnum && *pid > 0)
        waitpid(*pid, NULL, 0);
    if (errnum == ENOENT)
        return err_set(e, DOBBY_E_UNAVAILABLE,
                       "pip: python3: not found; install python3 and python3-pip");
    return errnum ? err_errno(e, errnum, NULL, "pip: cannot start python3") : 0;
}

/* Collect pip's words until it closes the pipe, telling the progress. */
static int attend(pid_t pid, int fd, const char *dir, struct strbuf *words,
                  int (*on_progress)(void *ctx, uint64_t bytes), void *ctx, struct dobby_err *e)
{
    char chunk[4096];
    ssize_t n = 1;
    int rc = 0;

    while (rc == 0 && n != 0) {
        int seen = *sig_stop();

        rc = on_progress(ctx, bytes_below(AT_FDCWD, dir, 0));
        if (rc == 0)
            rc = sig_wait_fd(fd, POLL_MS, seen, e);
        if (rc <= 0)
            continue;
        rc = 0;
        n = read(fd, chunk, sizeof(chunk));
        if (n > 0 && words->len < STDERR_MAX)
            strbuf_add(words, chunk, (size_t)n);
        else if (n < 0 && errno != EINTR)
            rc = err_errno(e, errno, NULL, "pip: reading its messages");
    }
    if (rc < 0)
        kill(pid, SIGTERM);
    return rc;
}

static bool says(const struct strbuf *words, const char *what)
{
    return strcasestr(strbuf_str(words), what) != NULL;
}

/* The last line that says something, for the message. */
static void last_line(char out[200], const struct strbuf *words)
{
    size_t end = words->len, start;

    do {
        while (end > 0 && strchr("\r\n ", words->s[end - 1]))
            end--;
        for (start = end; start > 0 && words->s[start - 1] != '\n'; start--)
            ;
        snprintf(out, 200, "%.*s", (int)(end - start), words->len ? words->s + start : "");
        end = start;
    } while (end > 0 && strncmp(out, "ERROR:", 6) != 0);
    if (strncmp(out, "ERROR: ", 7) == 0)
        memmove(out, out + 7, strlen(out + 7) + 1);
}

static int explain(const struct strbuf *words, int status, const char *spec, struct dobby_err *e)
{
    char line[200];

    last_line(line, words);
    if (says(words, "No module named pip"))
        return err_set(e, DOBBY_E_UNAVAILABLE, "pip: python3 has no pip; install python3-pip");
    if (says(words, "No space left on device") || says(words, "Disk quota exceeded"))
        return err_set(e, DOBBY_E_IO, "pip: %s: disk full; make room or set DOBBY_CACHE", spec);
    if (WIFSIGNALED(status))
        return err_set(e, DOBBY_E_UNAVAILABLE, "pip: %s: killed by signal %d; pull again", spec,
                       WTERMSIG(status));
    if (says(words, "connection") || says(words, "resolve") || says(words, "unreachable") ||
        says(words, "timed out"))
        return err_set(e, DOBBY_E_UNAVAILABLE,
                       "pip: %s: no connection to the package index; go online or check pip's "
                       "configuration, then pull "
                       "again: parts that are here are kept",
                       spec);
    return err_set(e, DOBBY_E_UNAVAILABLE,
                   "pip: %s: %s; check the network and pip's configuration, then pull again: parts "
                   "that are here are "
                   "kept",
                   spec, *line ? line : "failed without a word");
}

static int reap(pid_t pid, int *status)
{
    while (waitpid(pid, status, 0) < 0) {
        if (errno != EINTR)
            return -1;
    }
    return 0;
}

static int run_pip(const char *spec, const char *dir, char **env,
                   int (*on_progress)(void *ctx, uint64_t bytes), void *ctx, struct dobby_err *e)
{
    struct strbuf words = {0};
    int fd[2], status = 0, rc;
    pid_t pid = -1;

    if (pipe2(fd, O_CLOEXEC) < 0)
        return err_errno(e, errno, NULL, "pip: a pipe");
    rc = spawn(&pid, fd[1], spec, dir, env, e);
    close(fd[1]);
    if (rc == 0) {
        rc = attend(pid, fd[0], dir, &words, on_progress, ctx, e);
        if (reap(pid, &status) < 0 && rc == 0)
            rc = err_errno(e, errno, NULL, "pip: waiting for it");
        if (rc == 0 && status != 0)
            rc = explain(&words, status, spec, e);
    }
    if (rc == DOBBY_E_CANCELLED)
        rc = err_set(e, rc, "pip: %s: stopped", spec);
    close(fd[0]);
    strbuf_release(&words);
    return rc;
}

int pip_download(char **wheel, const char *package, const char *version, const char *dir,
                 int (*on_progress)(void *ctx, uint64_t bytes), void *ctx, struct dobby_err *e)
{
    struct strbuf spec = {0}, tmpdir = {0};
    char **env = NULL;
    int rc;

    *wheel = NULL;
    pip_clean(dir);
    strbuf_printf(&spec, "%s==%s", package, version);
    strbuf_printf(&tmpdir, "TMPDIR=%s", dir);
    rc = strbuf_failed(&spec) || strbuf_failed(&tmpdir) ? err_nomem(e, "a command")
                                                        : file_mkdirs(dir, 0700, e);
    if (rc == 0)
        env = environment(tmpdir.s, e);
    if (rc == 0)
        rc = env ? run_pip(strbuf_str(&spec), dir, env, on_progress, ctx, e) : DOBBY_E_NOMEM;
    if (rc == 0)
        rc = find_wheel(wheel, dir, package, e);
    mem_free(env);
    strbuf_release(&spec);
    strbuf_release(&tmpdir);
    return rc;
}
