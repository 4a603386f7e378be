/* walk_open.c - opening and reading files of a tree (code). The manual is walk_open.h. */
#include "code/walk_open.h"

#include "base/fault.h"
#include "base/mem.h"
#include "base/size.h"
#include "code/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int open_regular(int dir_fd, const char *name, struct stat *st, enum open_result *how, int *errnum)
{
    int fd = -1;

    errno = EMFILE;
    if (!fault_hit(FAULT_OPEN))
        fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    *errnum = 0;
    if (fd < 0) {
        *how = errno == ENOENT ? OPEN_ABSENT : errno == ELOOP ? OPEN_LINK : OPEN_FAILED;
        *errnum = errno;
        return -1;
    }
    if (fstat(fd, st) < 0) {
        *how = OPEN_FAILED;
        *errnum = errno;
    } else {
        *how = S_ISREG(st->st_mode) ? OPEN_OK : OPEN_NOT_REGULAR;
    }
    if (*how == OPEN_OK)
        return fd;
    (void)close(fd);
    return -1;
}

int open_below(int dir_fd, const char *path, struct stat *st, enum open_result *how, int *errnum)
{
    char name[NAME_MAX + 1];
    int fd = dir_fd, next;
    const char *slash;

    while ((slash = strchr(path, '/')) != NULL) {
        size_t n = (size_t)(slash - path);

        next = -1;
        errno = ENAMETOOLONG;
        if (n <= NAME_MAX) {
            memcpy(name, path, n);
            name[n] = '\0';
            next = openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        }
        *errnum = errno;
        if (fd != dir_fd)
            (void)close(fd);
        fd = next;
        if (fd < 0) {
            *how = *errnum == ENOENT ? OPEN_ABSENT : OPEN_FAILED;
            return -1;
        }
        path = slash + 1;
    }
    next = open_regular(fd, path, st, how, errnum);
    if (fd != dir_fd)
        (void)close(fd);
    return next;
}

bool read_fd(int fd, struct strbuf *out, size_t max, int *errnum)
{
    char chunk[65536];
    size_t left = max;

    while (left > 0) {
        ssize_t n = -1;

        errno = EIO;
        if (!fault_hit(FAULT_READ))
            n = read(fd, chunk, size_min(left, sizeof(chunk)));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            *errnum = errno;
            return false;
        }
        if (n == 0)
            break;
        strbuf_add(out, chunk, (size_t)n);
        left -= (size_t)n;
    }
    return true;
}

int dup_cloexec(int fd)
{
    return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

/* ---- the root ---------------------------------------------------------------------------------- */

/* `dir`/`name` is a mark of a root that its owner, the superuser or this user has set: a stranger's
 * /tmp/.git must not draw everything below /tmp into one tree. */
static bool is_mark(const char *dir, const char *name, bool file_too, uid_t owner)
{
    char path[PATH_MAX];
    struct stat st;
    int n = snprintf(path, sizeof(path), "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, name);

    if (n < 0 || (size_t)n >= sizeof(path) || lstat(path, &st) < 0)
        return false;
    if (!S_ISDIR(st.st_mode) && !(file_too && S_ISREG(st.st_mode)))
        return false;
    return st.st_uid == owner || st.st_uid == 0 || st.st_uid == geteuid();
}

/* Cut dir down to the root in place; false when nothing marks one. */
static bool climb(char *dir, uid_t owner)
{
    for (;;) {
        char *slash = strrchr(dir, '/');

        if (is_mark(dir, ".dobby", false, owner) || is_mark(dir, ".git", true, owner))
            return true;
        if (strcmp(dir, "/") == 0)
            return false;
        slash[slash == dir] = '\0';
    }
}

int find_root(char **root, char **abs, bool *is_dir, const char *path, struct dobby_err *e)
{
    char real[PATH_MAX], dir[PATH_MAX];
    struct stat st;

    *root = *abs = NULL;
    if (!realpath(path, real) || stat(real, &st) < 0)
        return err_errno(e, errno, "name an existing directory or file", "%s", path);
    *is_dir = S_ISDIR(st.st_mode);
    if (!*is_dir && !S_ISREG(st.st_mode))
        return err_set(e, DOBBY_E_USAGE, "%s: neither a directory nor a regular file", path);
    memcpy(dir, real, strlen(real) + 1);
    if (!*is_dir) {
        char *slash = strrchr(dir, '/');

        slash[slash == dir] = '\0';
    }
    *abs = mem_strdup(real);
    *root = mem_strdup(dir);
    if (*root && climb(dir, st.st_uid))
        memcpy(*root, dir, strlen(dir) + 1);
    if (*abs && *root)
        return 0;
    mem_free(*abs);
    mem_free(*root);
    *root = *abs = NULL;
    return err_nomem(e, "a path");
}

int walk_root(char **root, const char *path, struct dobby_err *e)
{
    char *abs = NULL;
    bool is_dir;
    int rc = find_root(root, &abs, &is_dir, path, e);

    mem_free(abs);
    return rc;
}

int walk_scope(char **scope, const struct walk *w, const char *path, struct dobby_err *e)
{
    char real[PATH_MAX];
    size_t n = strlen(w->root);
    const char *rel = "";

    if (realpath(path, real) && strncmp(real, w->root, n) == 0)
        rel = real + n + (real[n] == '/');
    *scope = mem_strdup(rel);
    return *scope ? 0 : err_nomem(e, "the path");
}
