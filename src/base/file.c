/* file.c - files, directories, maps (base). Every system call that can fail has a door for staged
 * failures; messages name the call and the path. */
#include "base/file.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/size.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char disk_full[] = "free some space, then run it again";

static int open_file(const char *path, int flags, mode_t mode)
{
    int fd;

    if (fault_hit(FAULT_OPEN)) {
        errno = EMFILE;
        return -1;
    }
    do
        fd = open(path, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    return fd;
}

static ssize_t read_some(int fd, void *p, size_t n)
{
    ssize_t got;

    if (fault_hit(FAULT_READ)) {
        errno = EIO;
        return -1;
    }
    do
        got = read(fd, p, n);
    while (got < 0 && errno == EINTR);
    return got;
}

static int sync_fd(int fd)
{
    if (fault_hit(FAULT_SYNC)) {
        errno = EIO;
        return -1;
    }
    return fsync(fd);
}

/* ---- reading ---------------------------------------------------------------------------------- */

static int map_fd(struct file_map *m, int fd, const char *path, struct dobby_err *e)
{
    struct stat st;
    void *p;

    if (fstat(fd, &st) < 0)
        return err_errno(e, errno, NULL, "stat: %s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(e, DOBBY_E_FORMAT, "map: %s: %s; give a regular file", path,
                       S_ISDIR(st.st_mode) ? "is a directory" : "is not a regular file");
    if (st.st_size == 0)
        return 0;
    if ((uint64_t)st.st_size > SIZE_MAX)
        return err_set(e, DOBBY_E_LIMIT,
                       "map: %s: larger than the address space; use a 64-bit machine", path);
    p = fault_hit(FAULT_READ) ? (errno = ENOMEM, MAP_FAILED)
                              : mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED)
        return err_errno(e, errno, NULL, "map: %s", path);
    m->data = p;
    m->size = (size_t)st.st_size;
    return 0;
}

int file_map_open(struct file_map *m, const char *path, struct dobby_err *e)
{
    int fd, rc;

    *m = (struct file_map){0};
    fd = open_file(path, O_RDONLY | O_NONBLOCK, 0); /* a pipe without a writer must not hang us */
    if (fd < 0)
        return err_errno(e, errno, NULL, "open: %s", path);
    rc = map_fd(m, fd, path, e);
    close(fd);
    return rc;
}

void file_map_close(struct file_map *m)
{
    if (m->data)
        munmap((void *)(uintptr_t)m->data, m->size);
    *m = (struct file_map){0};
}

/* The page cache holds files in stretches of up to 2 MB, aligned in the file; since Linux 6.18 a touch maps the whole
 * stretch, and it always mapped the 64 KB around an address. So everything within reach of a touch is given up. */
void file_map_forget(const struct file_map *m, const void *p, size_t size)
{
    const size_t around = (size_t)64 << 10;
    size_t from, to;

    if (!m->data || size == 0)
        return;
    from = (size_t)((const unsigned char *)p - (const unsigned char *)m->data);
    to = (from + size + FILE_MAP_STEP - 1) / FILE_MAP_STEP * FILE_MAP_STEP + around;
    from = from / FILE_MAP_STEP * FILE_MAP_STEP;
    from -= from > around ? around : from;
    to = to < m->size ? to : m->size; /* the system rounds up to a page */
    /* Advice: without it memory is spent, no more. */
    (void)madvise((unsigned char *)(uintptr_t)m->data + from, to - from, MADV_DONTNEED);
}

static int64_t nanoseconds(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int file_identify(struct file_id *id, const char *path, struct dobby_err *e)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return err_errno(e, errno, NULL, "stat: %s", path);
    *id = (struct file_id){.dev = st.st_dev,
                           .ino = st.st_ino,
                           .size = (uint64_t)st.st_size,
                           .mtime_ns = nanoseconds(st.st_mtim),
                           .ctime_ns = nanoseconds(st.st_ctim)};
    return 0;
}

static int read_fd(struct strbuf *out, int fd, const char *path, size_t max, struct dobby_err *e)
{
    size_t start = out->len;
    char block[16384];
    ssize_t n;

    while ((n = read_some(fd, block, sizeof(block))) > 0) {
        if ((size_t)n > max - (out->len - start))
            return err_set(e, DOBBY_E_LIMIT, "read: %s: larger than %zu bytes; give a smaller file",
                           path, max);
        strbuf_add(out, block, (size_t)n);
        if (strbuf_failed(out))
            return err_nomem(e, "reading a file");
    }
    return n < 0 ? err_errno(e, errno, NULL, "read: %s", path) : 0;
}

int file_read_all(struct strbuf *out, const char *path, size_t max, struct dobby_err *e)
{
    size_t start = out->len;
    int fd, rc;

    fd = open_file(path, O_RDONLY, 0);
    if (fd < 0)
        return err_errno(e, errno, NULL, "open: %s", path);
    rc = read_fd(out, fd, path, max, e);
    close(fd);
    if (rc < 0)
        strbuf_truncate(out, start);
    return rc;
}

/* ---- writing ---------------------------------------------------------------------------------- */

/* For outputs, "no such directory" is not an input that is missing: _CREATE, unless it is about
 * permission or space. */
static int create_error(struct dobby_err *e, int errnum, const char *what, const char *path)
{
    char reason[128];

    if (errnum == ENOSPC || errnum == EDQUOT)
        return err_errno(e, errnum, disk_full, "%s: %s: disk full", what, path);
    if (errnum == EACCES || errnum == EPERM || errnum == EROFS)
        return err_errno(e, errnum, "choose a place that you may write to", "%s: %s", what, path);
    return err_set(e, DOBBY_E_CREATE, "%s: %s: %s; choose another place", what, path,
                   strerror_r(errnum, reason, sizeof(reason)));
}

int file_write_fd(int fd, const void *p, size_t n, const char *name, struct dobby_err *e)
{
    const char *s = p;
    ssize_t k;

    while (n > 0) {
        k = fault_hit(FAULT_WRITE) ? (errno = ENOSPC, -1) : write(fd, s, n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0 && (errno == ENOSPC || errno == EDQUOT))
            return err_errno(e, errno, disk_full, "write: %s: disk full", name);
        if (k < 0)
            return err_errno(e, errno, NULL, "write: %s", name);
        s += k;
        n -= (size_t)k;
    }
    return 0;
}

/* Open a new file beside `path` and put its name into *tmp. The process id keeps processes apart, the
 * counter threads, and O_EXCL what an earlier crash left. Created, not chmodded: the umask holds. */
static int open_temporary(struct strbuf *tmp, const char *path, unsigned mode, struct dobby_err *e)
{
    static atomic_uint counter;
    int fd, tries;

    for (tries = 0; tries < 100; tries++) {
        strbuf_reset(tmp);
        strbuf_printf(tmp, "%s.tmp-%ld-%u", path, (long)getpid(), atomic_fetch_add(&counter, 1));
        if (strbuf_failed(tmp))
            return err_nomem(e, "a file name");
        fd = open_file(tmp->s, O_WRONLY | O_CREAT | O_EXCL, (mode_t)mode);
        if (fd >= 0)
            return fd;
        if (errno != EEXIST)
            break;
    }
    return create_error(e, errno, "create", path);
}

/* The name is durable only when its directory is. */
static int sync_dir_of(const char *path, struct dobby_err *e)
{
    const char *slash = strrchr(path, '/');
    char *dir =
        slash ? mem_strndup(path, slash == path ? 1 : (size_t)(slash - path)) : mem_strdup(".");
    int fd, rc = 0;

    if (!dir)
        return err_nomem(e, "a directory name");
    fd = open_file(dir, O_RDONLY | O_DIRECTORY, 0);
    /* Some file systems cannot sync a directory (EINVAL); that is no failure of ours. */
    if (fd < 0 || (sync_fd(fd) < 0 && errno != EINVAL))
        rc = err_errno(e, errno, NULL, "sync: %s", dir);
    if (fd >= 0)
        close(fd);
    mem_free(dir);
    return rc;
}

int file_write_atomic(const char *path, const void *p, size_t n, unsigned mode, struct dobby_err *e)
{
    struct strbuf tmp = {0};
    int fd = open_temporary(&tmp, path, mode, e), rc;

    if (fd < 0) {
        strbuf_release(&tmp);
        return fd;
    }
    rc = file_write_fd(fd, p, n, path, e);
    if (rc == 0 && sync_fd(fd) < 0)
        rc = err_errno(e, errno, NULL, "sync: %s", path);
    if (close(fd) < 0 && rc == 0)
        rc = err_errno(e, errno, NULL, "close: %s", path);
    if (rc == 0 && rename(tmp.s, path) < 0)
        rc = create_error(e, errno, "rename", path);
    if (rc < 0)
        unlink(tmp.s);
    else
        rc = sync_dir_of(path, e);
    strbuf_release(&tmp);
    return rc;
}

/* mkdir, where something that is there already is fine as long as it is a directory. */
static int make_dir(const char *path, unsigned mode, struct dobby_err *e)
{
    struct stat st;
    int errnum;

    if (mkdir(path, (mode_t)mode) == 0)
        return 0;
    errnum = errno; /* a read-only file system says EROFS for a directory that is there, too */
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return 0;
    return create_error(e, errnum == EEXIST ? ENOTDIR : errnum, "make directory", path);
}

int file_mkdirs(const char *path, unsigned mode, struct dobby_err *e)
{
    char *dir = mem_strdup(path), *p;
    int rc = 0;

    if (!dir)
        return err_nomem(e, "a directory name");
    for (p = dir + 1; rc == 0 && dir[0] && *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        rc = make_dir(dir, mode, e);
        *p = '/';
    }
    if (rc == 0)
        rc = make_dir(dir, mode, e);
    mem_free(dir);
    return rc;
}

bool file_exists(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0;
}

void file_join(struct strbuf *out, const char *dir, const char *name)
{
    strbuf_reset(out);
    strbuf_puts(out, dir);
    if (out->len > 0 && out->s[out->len - 1] != '/')
        strbuf_putc(out, '/');
    strbuf_puts(out, name);
}
