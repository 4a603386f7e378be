/* place.c - where a store lies: .dobby in the root of a tree, or a file that was named (store).
 * The directory's name is resolved once, symbolic links included, because the database itself is opened without
 * following any; only a `.dobby` that is a link is refused, as somebody else's tree could point it anywhere. */
#include "store/store.h"

#include "base/file.h"
#include "base/mem.h"
#include "store/place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DIR_NAME  ".dobby"
#define DB_NAME   "dobby.db"
#define LOCK_NAME "store.lock"

#define LOCK_TRIES    20
#define LOCK_PAUSE_MS 15

static char *join(const char *dir, const char *name)
{
    struct strbuf b = {0};
    char *s;

    file_join(&b, dir, name);
    s = strbuf_take(&b, NULL);
    strbuf_release(&b);
    return s;
}

/* The side file's name follows from the database alone, so that the same database has the same lock however it was named. */
static char *lock_path(const char *dir, const char *name)
{
    struct strbuf b = {0};
    char *s;

    if (strcmp(name, DB_NAME) == 0)
        return join(dir, LOCK_NAME);
    strbuf_printf(&b, "%s/%s.lock", dir, name);
    s = strbuf_take(&b, NULL);
    strbuf_release(&b);
    return s;
}

static int real_dir(char out[PATH_MAX], const char *dir, struct dobby_err *e)
{
    if (!realpath(dir, out))
        return err_errno(e, errno, "name a folder that exists", "cannot open the store: %s", dir);
    return 0;
}

static int check_own_dir(const char *dir, struct dobby_err *e)
{
    struct stat sb;

    if (lstat(dir, &sb) != 0)
        return errno == ENOENT ? 0 : err_errno(e, errno, NULL, "cannot open the store: %s", dir);
    if (S_ISLNK(sb.st_mode))
        return err_set(
            e, DOBBY_E_CONFIG,
            "cannot open the store: %s: is a symbolic link, which is not followed; remove "
            "it, or name a database with --store",
            dir);
    if (!S_ISDIR(sb.st_mode))
        return err_set(
            e, DOBBY_E_CONFIG,
            "cannot open the store: %s: is not a folder; move it away, or name a database "
            "with --store",
            dir);
    return 0;
}

/* Fill p for the database `name` in `dir`; both are joined as they stand. */
static int fill(struct store_place *p, const char *dir, const char *name, struct dobby_err *e)
{
    p->db = join(dir, name);
    p->lock = lock_path(dir, name);
    return p->db && p->lock ? 0 : err_nomem(e, "the store's path");
}

static int init_named(struct store_place *p, const char *db_path, struct dobby_err *e)
{
    const char *slash = strrchr(db_path, '/'), *name = slash ? slash + 1 : db_path;
    char dir[PATH_MAX], *parent;
    int rc;

    if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return err_set(e, DOBBY_E_USAGE, "cannot open the store: %s: is not the name of a file",
                       db_path);
    parent = slash ? mem_strndup(db_path, slash == db_path ? 1 : (size_t)(slash - db_path))
                   : mem_strdup(".");
    if (!parent)
        return err_nomem(e, "the store's path");
    rc = real_dir(dir, parent, e);
    if (rc == 0)
        rc = fill(p, dir, name, e);
    mem_free(parent);
    return rc;
}

static int init_own(struct store_place *p, const char *root, struct dobby_err *e)
{
    char *dir = join(root, DIR_NAME);
    int rc;

    if (!dir)
        return err_nomem(e, "the store's path");
    p->own_dir = true;
    rc = check_own_dir(dir, e);
    if (rc == 0)
        rc = fill(p, dir, DB_NAME, e);
    mem_free(dir);
    return rc;
}

int store_place_init(struct store_place *p, const char *root, const char *db_path,
                     struct dobby_err *e)
{
    char real[PATH_MAX];
    int rc;

    *p = (struct store_place){0};
    rc = real_dir(real, root, e);
    if (rc < 0)
        return rc;
    p->root = mem_strdup(real);
    if (!p->root)
        rc = err_nomem(e, "the store's path");
    else
        rc = db_path ? init_named(p, db_path, e) : init_own(p, real, e);
    if (rc < 0)
        store_place_release(p);
    return rc;
}

void store_place_release(struct store_place *p)
{
    mem_free(p->root);
    mem_free(p->db);
    mem_free(p->lock);
    *p = (struct store_place){0};
}

/* ---- making and locking ------------------------------------------------------------------------- */

/* .dobby holds its own ignore file, so that what we write never shows up as a change of the user's. */
int place_make(const struct store_place *p, struct dobby_err *e)
{
    static const char ignore[] = "*\n";
    char *dir, *file;
    int rc = 0;

    if (!p->own_dir)
        return 0;
    dir = join(p->root, DIR_NAME);
    file = dir ? join(dir, ".gitignore") : NULL;
    if (!file) {
        rc = err_nomem(e, "the store's path");
        goto out;
    }
    if (mkdir(dir, 0777) != 0 && errno != EEXIST) {
        rc = err_errno(e, errno, "name a database elsewhere with --store", "cannot make %s", dir);
        goto out;
    }
    rc = check_own_dir(dir, e); /* again: it may have been made by somebody else just now */
    if (rc == 0 && !file_exists(file))
        rc = file_write_atomic(file, ignore, sizeof(ignore) - 1, 0644, e);
out:
    mem_free(file);
    mem_free(dir);
    return rc;
}

/* Who holds the lock? For the message only: it may have changed since. */
static long holder(int fd)
{
    char text[32];
    ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

    if (n <= 0)
        return 0;
    text[n] = '\0';
    return strtol(text, NULL, 10);
}

/* A writer that was killed while it started a parser leaves a child that holds the lock until its exec, an instant
 * later: so a lock that is held is asked for again for a moment. */
static int take_flock(int fd)
{
    struct timespec pause = {0, LOCK_PAUSE_MS * 1000000L};

    for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; i++) {
        if (errno == EINTR)
            continue;
        if (errno != EWOULDBLOCK || i >= LOCK_TRIES)
            return -1;
        nanosleep(&pause, NULL);
        errno = EWOULDBLOCK;
    }
    return 0;
}

int place_lock(int *out, const struct store_place *p, struct dobby_err *e)
{
    char text[32];
    long pid;
    int fd, n, rc;

    *out = -1;
    fd = open(p->lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
    if (fd < 0)
        return err_errno(e, errno, "check the folder and its permissions",
                         "cannot lock the store: %s", p->lock);
    if (take_flock(fd) != 0) {
        if (errno == EWOULDBLOCK) {
            pid = holder(fd);
            rc = err_set(
                e, DOBBY_E_CONFIG,
                "cannot open the store: %s: another dobby (%ld) is writing to it; wait for it "
                "to end, or name another database with --store",
                p->db, pid);
        } else {
            rc = err_errno(e, errno, NULL, "cannot lock the store: %s", p->lock);
        }
        close(fd);
        return rc;
    }
    n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    rc = ftruncate(fd, 0) == 0 ? file_write_fd(fd, text, (size_t)n, p->lock, e)
                               : err_errno(e, errno, NULL, "cannot lock the store: %s", p->lock);
    if (rc < 0) {
        close(fd);
        return rc;
    }
    *out = fd;
    return 0;
}
