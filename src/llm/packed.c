/* packed.c - see packed.h. All numbers of the header are in the machine's own order: a file from a machine with another one
 * has another magic number, and counts as absent. */
#include "llm/packed.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/size.h"
#include "base/strbuf.h"
#include "base/thread.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MAGIC        0x314B505942424F44ull /* "DOBBYPK1" */
#define HEADER_BYTES 4096
#define STEP         ((size_t)4 << 20) /* bytes a work item */

struct header {
    uint64_t magic, size[PACKED_PARTS];
    uint8_t table[32];
    char sha256[64];
    uint8_t content[32]; /* SHA-256 of all before this field and of the parts */
    uint8_t fill[HEADER_BYTES - 8 - 8 * PACKED_PARTS - 32 - 64 - 32];
};
_Static_assert(sizeof(struct header) == HEADER_BYTES, "a page");

static void put_header(struct header *h, const struct packed *k)
{
    memset(h, 0, sizeof(*h));
    h->magic = MAGIC;
    for (size_t i = 0; i < PACKED_PARTS; i++)
        h->size[i] = k->part[i].size;
    memcpy(h->table, k->table, sizeof(h->table));
    memcpy(h->sha256, k->sha256, sizeof(h->sha256));
}

static int put_path(struct strbuf *dir, struct strbuf *path, const char *cache_dir,
                    const char *name, struct dobby_err *e)
{
    file_join(dir, cache_dir, "packed");
    file_join(path, strbuf_str(dir), name);
    return strbuf_failed(dir) || strbuf_failed(path) ? err_nomem(e, "a path") : 0;
}

const char *packed_name(struct arena *mem, const char *sha256, const char *adapter_sha256,
                        const char *merge_type)
{
    char name[192];

    snprintf(name, sizeof(name), "%s+%s-%s", sha256, adapter_sha256, merge_type);
    return arena_strdup(mem, name);
}

/* ---- reading -------------------------------------------------------------------------------------------- */

static bool read_at(int fd, void *p, size_t n, uint64_t at)
{
    unsigned char *to = p;

    while (n > 0) {
        ssize_t got = pread(fd, to, n, (off_t)at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        to += got;
        at += (uint64_t)got;
        n -= (size_t)got;
    }
    return true;
}

/* Why the file cannot be trusted or is no packed file at all; NULL: it is one, and *h is its header. */
static const char *examine(int fd, struct header *h)
{
    uint64_t size = HEADER_BYTES;
    struct stat st;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return "it is no regular file";
    if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
        return "others could have written it";
    if (!read_at(fd, h, sizeof(*h), 0) || h->magic != MAGIC)
        return "it does not begin as one of these does";
    for (size_t i = 0; i < PACKED_PARTS; i++)
        if (h->size[i] > (uint64_t)1 << 48)
            return "its sizes are wrong";
        else
            size += h->size[i];
    return (uint64_t)st.st_size == size ? NULL : "its size is wrong";
}

struct reading {
    const struct packed *k;
    int fd;
    atomic_bool failed;
};

static size_t steps_of(size_t size)
{
    return (size + STEP - 1) / STEP;
}

/* Work item i: a stretch of the first part, or of the second, which stand behind each other. */
static void read_some(void *ctx, size_t i)
{
    struct reading *r = ctx;
    uint64_t base = HEADER_BYTES;
    size_t part = 0, at;

    for (; i >= steps_of(r->k->part[part].size); part++) {
        i -= steps_of(r->k->part[part].size);
        base += r->k->part[part].size;
    }
    at = i * STEP;
    if (!read_at(r->fd, (unsigned char *)r->k->part[part].data + at,
                 size_min(STEP, r->k->part[part].size - at), base + at))
        atomic_store(&r->failed, true);
}

/* NULL: it holds what k asks for. */
static const char *compare(int fd, const struct packed *k)
{
    struct header want, h;
    const char *why = examine(fd, &h);

    put_header(&want, k);
    if (!why && memcmp(&h, &want, offsetof(struct header, content)) != 0)
        why = "it is of another layout";
    return why;
}

static bool read_file(const struct packed *k, int fd, const char *path, int threads)
{
    struct reading r = {.k = k, .fd = fd};
    const char *why = compare(fd, k);
    size_t n = 0;

    if (why) {
        log_msg(LOG_INFO, "packed weights: %s: not used: %s", path, why);
        return false;
    }
    for (size_t i = 0; i < PACKED_PARTS; i++)
        n += steps_of(k->part[i].size);
    thread_parallel(threads, n, read_some, &r);
    if (atomic_load(&r.failed))
        log_msg(LOG_WARN, "packed weights: %s: cannot be read; packing anew", path);
    return !atomic_load(&r.failed);
}

bool packed_read(const struct packed *k, int threads)
{
    struct strbuf dir = {0}, path = {0};
    bool done = false;
    int fd = -1;

    if (!k->cache_dir)
        return false;
    if (put_path(&dir, &path, k->cache_dir, k->name, NULL) < 0)
        errno = ENOMEM;
    else
        fd = open(path.s, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0) {
        done = read_file(k, fd, path.s, threads);
        close(fd);
    } else if (errno != ENOENT && errno != ENOTDIR) {
        log_msg(LOG_INFO, "packed weights: %s: not used: %s", strbuf_str(&path), strerror(errno));
    }
    strbuf_release(&dir);
    strbuf_release(&path);
    return done;
}

/* ---- writing -------------------------------------------------------------------------------------------- */

struct packed_writer {
    pthread_t thread;
    struct packed k;
    struct strbuf dir, path, part;
};

/* Is there room for it, and as much again? */
static bool has_room(const char *dir, uint64_t size)
{
    struct statvfs fs;

    return statvfs(dir, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize / 2 > size;
}

static int write_parts(const struct packed_writer *w, int fd, struct header *h, struct dobby_err *e)
{
    struct sha256 sum;
    int rc = 0;

    sha256_begin(&sum);
    sha256_add(&sum, h, offsetof(struct header, content));
    if (lseek(fd, HEADER_BYTES, SEEK_SET) < 0)
        rc = err_errno(e, errno, NULL, "seek: %s", w->part.s);
    for (size_t i = 0; i < PACKED_PARTS; i++)
        for (size_t at = 0; rc == 0 && at < w->k.part[i].size; at += STEP) {
            const unsigned char *p = (const unsigned char *)w->k.part[i].data + at;
            size_t n = size_min(STEP, w->k.part[i].size - at);

            sha256_add(&sum, p, n);
            rc = file_write_fd(fd, p, n, w->part.s, e);
        }
    if (sha256_end(&sum, h->content, rc == 0 ? e : NULL) < 0 && rc == 0)
        rc = e->code;
    if (rc == 0 && lseek(fd, 0, SEEK_SET) < 0)
        rc = err_errno(e, errno, NULL, "seek: %s", w->part.s);
    if (rc == 0)
        rc = file_write_fd(fd, h, sizeof(*h), w->part.s, e);
    if (rc == 0 && fsync(fd) < 0)
        rc = err_errno(e, errno, NULL, "sync: %s", w->part.s);
    if (rc == 0 && rename(w->part.s, w->path.s) < 0)
        rc = err_errno(e, errno, NULL, "rename: %s", w->part.s);
    return rc;
}

/* Has another process written it since we looked? */
static bool is_there(const struct packed_writer *w)
{
    int fd = open(w->path.s, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool there = fd >= 0 && !compare(fd, &w->k);

    if (fd >= 0)
        close(fd);
    return there;
}

/* The part file as ours alone, empty. Negative: not; *e tells why, unless another process has it, or had it. */
static int take_part(const struct packed_writer *w, struct dobby_err *e)
{
    struct stat mine, there;
    int fd = open(w->part.s, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);

    if (fd < 0) {
        (void)err_errno(e, errno, NULL, "open: %s", w->part.s);
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &mine) < 0 || stat(w->part.s, &there) < 0 ||
        mine.st_ino != there.st_ino || mine.st_dev != there.st_dev) {
        log_msg(LOG_INFO, "packed weights: %s: another process writes it", w->part.s);
        close(fd);
        return -1;
    }
    if (ftruncate(fd, 0) < 0 || fchmod(fd, 0600) < 0) {
        (void)err_errno(e, errno, NULL, "empty: %s", w->part.s);
        close(fd);
        return -1;
    }
    return fd;
}

static void *write_file(void *arg)
{
    struct packed_writer *w = arg;
    struct dobby_err e = {0};
    struct header h;
    int fd;

    put_header(&h, &w->k);
    if (file_mkdirs(w->dir.s, 0700, &e) == 0) {
        if (!has_room(w->dir.s, w->k.part[0].size + w->k.part[1].size)) {
            log_msg(LOG_INFO, "packed weights: %s: not kept: there is little room", w->path.s);
            return NULL;
        }
        fd = take_part(w, &e);
        if (fd >= 0) {
            if (is_there(w) || write_parts(w, fd, &h, &e) < 0)
                (void)unlink(w->part.s);
            close(fd);
        }
    }
    if (e.code < 0)
        log_msg(LOG_WARN, "packed weights: not kept: %s", e.message);
    return NULL;
}

static void writer_free(struct packed_writer *w)
{
    strbuf_release(&w->dir);
    strbuf_release(&w->path);
    strbuf_release(&w->part);
    mem_free(w);
}

struct packed_writer *packed_write(const struct packed *k)
{
    struct packed_writer *w = k->cache_dir ? mem_zalloc(sizeof(*w)) : NULL;
    struct dobby_err e = {0};

    if (!w)
        return NULL;
    w->k = *k;
    if (put_path(&w->dir, &w->path, k->cache_dir, k->name, &e) == 0) {
        strbuf_printf(&w->part, "%s.part", w->path.s);
        if (!strbuf_failed(&w->part) &&
            thread_start(&w->thread, "dobby-packed", write_file, w, &e) == 0)
            return w;
    }
    log_msg(LOG_WARN, "packed weights: not kept: %s", e.code < 0 ? e.message : "out of memory");
    writer_free(w);
    return NULL;
}

void packed_write_end(struct packed_writer *w)
{
    if (!w)
        return;
    pthread_join(w->thread, NULL);
    writer_free(w);
}

/* ---- verifying ------------------------------------------------------------------------------------------ */

/* NULL: intact. */
static const char *check_content(int fd)
{
    struct header h;
    const char *why = examine(fd, &h);
    unsigned char *buf = mem_alloc(STEP);
    uint64_t at = HEADER_BYTES, end = HEADER_BYTES;
    struct sha256 sum;
    uint8_t found[32];
    bool readable = buf != NULL;

    if (!why) {
        sha256_begin(&sum);
        sha256_add(&sum, &h, offsetof(struct header, content));
        for (size_t i = 0; i < PACKED_PARTS; i++)
            end += h.size[i];
        while (readable && at < end) {
            size_t n = (size_t)(end - at < STEP ? end - at : STEP);

            readable = read_at(fd, buf, n, at);
            if (readable)
                sha256_add(&sum, buf, n);
            at += n;
        }
        if (sha256_end(&sum, found, NULL) < 0 || !readable)
            why = "it cannot be read";
        else if (memcmp(found, h.content, sizeof(found)) != 0)
            why = "its checksum is wrong";
    }
    mem_free(buf);
    return why;
}

/* One file, whose path is there. */
static int verify_file(const char *path, struct dobby_err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), removed;
    const char *why;

    if (fd < 0)
        return err_errno(e, errno, NULL, "packed weights: %s", path);
    why = check_content(fd);
    close(fd);
    if (!why)
        return 0;
    removed = unlink(path);
    return err_set(e, DOBBY_E_FORMAT, "packed weights: %s: %s; %s", path, why,
                   removed == 0 ? "removed, the next run packs them anew"
                                : "remove it, then the next run packs them anew");
}

/* Is a file of this name kept for the source, with an adapter or without? One that is being written is not. */
static bool is_kept(const char *name, const char *sha256)
{
    size_t n = strlen(name);

    return strncmp(name, sha256, 64) == 0 && (n == 64 || name[64] == '+') &&
           (n < 5 || strcmp(name + n - 5, ".part") != 0);
}

/* All files of an open directory. *n counts them; a damaged one does not hide the others. */
static int verify_all(DIR *d, const char *dir, const char *sha256, size_t *n, struct dobby_err *e)
{
    const struct dirent *at;
    int worst = 0;

    while ((at = readdir(d)) != NULL) {
        struct strbuf path = {0};
        int rc = 0;

        if (!is_kept(at->d_name, sha256))
            continue;
        file_join(&path, dir, at->d_name);
        rc = strbuf_failed(&path) ? err_nomem(e, "a path") : verify_file(path.s, worst ? NULL : e);
        strbuf_release(&path);
        worst = worst ? worst : rc;
        ++*n;
    }
    return worst;
}

int packed_verify(const char *cache_dir, const char *sha256, struct dobby_err *e)
{
    struct strbuf dir = {0}, path = {0};
    size_t n = 0;
    DIR *d;
    int rc = cache_dir ? put_path(&dir, &path, cache_dir, sha256, e)
                       : err_set(e, DOBBY_E_NOTFOUND, "packed weights: nothing is kept");

    if (rc == 0) {
        d = opendir(dir.s);
        if (!d && errno != ENOENT && errno != ENOTDIR)
            rc = err_errno(e, errno, NULL, "packed weights: %s", dir.s);
        if (d) {
            rc = verify_all(d, dir.s, sha256, &n, e);
            closedir(d);
        }
        if (rc == 0 && n == 0)
            rc = err_set(e, DOBBY_E_NOTFOUND, "packed weights: %s: not there", path.s);
    }
    strbuf_release(&dir);
    strbuf_release(&path);
    return rc;
}
