/* out.c - files and stdout (see out.h); outtree.c has the tree (cli). */
#include "cli/out.h"

#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OUT_BUFFER 65536

static int cannot_create(struct dobby_err *e, const char *path, int errnum)
{
    if (errnum == ENOSPC || errnum == EDQUOT || errnum == EIO)
        return err_set(e, DOBBY_E_IO, "output: %s: %s; make room or choose another place", path,
                       strerror(errnum));
    return err_set(e, DOBBY_E_CREATE, "output: %s: %s; choose a place that you can write to", path,
                   strerror(errnum));
}

/* The name with a dot, the program and the process in it, in the same directory. */
static char *temporary_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t dir = slash ? (size_t)(slash - path) + 1 : 0;
    struct strbuf b = {0};

    strbuf_add(&b, path, dir);
    strbuf_printf(&b, ".%.200s.dobby-%ld", path + dir, (long)getpid());
    return strbuf_take(&b, NULL);
}

/* A new file beside `path` with the mode that the old one has, if there is one. */
static int open_beside(struct out *o, const char *path, const struct stat *old, struct dobby_err *e)
{
    o->tmp = temporary_name(path);
    if (!o->tmp)
        return err_nomem(e, "an output name");
    unlink(o->tmp); /* of a killed process that had our number */
    o->fd = open(o->tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (o->fd < 0) {
        int errnum = errno;

        mem_free(o->tmp);
        o->tmp = NULL;
        return cannot_create(e, path, errnum);
    }
    o->own = true;
    if (old && fchmod(o->fd, old->st_mode & 0777) < 0)
        return cannot_create(e, path, errno);
    return 0;
}

int out_open(struct out *o, const char *path, struct dobby_err *e)
{
    struct stat st;
    bool old;

    *o = (struct out){.fd = -1, .name = path};
    if (!path || strcmp(path, "-") == 0) {
        o->fd = STDOUT_FILENO;
        o->name = "standard output";
        return 0;
    }
    old = stat(path, &st) == 0;
    if (!old || S_ISREG(st.st_mode))
        return open_beside(o, path, old ? &st : NULL, e);
    o->fd =
        open(path,
             O_WRONLY | O_CLOEXEC); /* a device or a pipe; a directory is refused with its reason */
    if (o->fd < 0)
        return cannot_create(e, path, errno);
    o->own = true;
    return 0;
}

int out_flush(struct out *o, struct dobby_err *e)
{
    struct pollfd p = {.fd = o->fd, .events = POLLOUT};
    int rc;

    if (strbuf_failed(&o->buf))
        return err_nomem(e, "output");
    if (o->buf.len == 0)
        return 0;
    rc = file_write_fd(o->fd, o->buf.s, o->buf.len, o->name, e);
    /* The kernel says so when the other end of a pipe is gone; that is no failure to talk about. */
    if (rc < 0 && poll(&p, 1, 0) == 1 && (p.revents & POLLERR))
        o->broken = true;
    strbuf_reset(&o->buf);
    return rc;
}

int out_write(struct out *o, const void *p, size_t n, struct dobby_err *e)
{
    strbuf_add(&o->buf, p, n);
    return o->buf.len >= OUT_BUFFER || strbuf_failed(&o->buf) ? out_flush(o, e) : 0;
}

/* Where a symbolic link points to is what gets replaced, not the link. */
static int put_in_place(struct out *o, struct dobby_err *e)
{
    char target[PATH_MAX];

    if (rename(o->tmp, realpath(o->name, target) ? target : o->name) < 0)
        return cannot_create(e, o->name, errno);
    return 0;
}

int out_commit(struct out *o, struct dobby_err *e)
{
    int rc = out_flush(o, e);

    if (rc < 0 || !o->tmp)
        return rc;
    if (fsync(o->fd) < 0)
        return err_errno(e, errno, "the old file is unchanged", "output: %s", o->name);
    rc = put_in_place(o, e);
    if (rc == 0) {
        mem_free(o->tmp);
        o->tmp = NULL;
    }
    return rc;
}

char *out_abandon(struct out *o)
{
    char *tmp = o->tmp;

    o->tmp = NULL;
    return tmp;
}

void out_release(struct out *o)
{
    if (o->tmp) {
        unlink(o->tmp);
        mem_free(o->tmp);
    }
    if (o->own && o->fd >= 0)
        close(o->fd);
    strbuf_release(&o->buf);
    *o = (struct out){.fd = -1};
}
