/* outtree.c - a tree of Markdown files, one for each source file (cli); see out.h.
 *
 * Names    Every byte of a path that is not printable UTF-8, and '%' itself, is written as %XX; so two source
 *          files never share a page. A part that would be too long for a file system keeps its head and
 *          ends in "%~" and a piece of its hash. A directory "x.md" is written "x%2Emd", lest it meet the
 *          page of a file "x"; a file "index" at the top is written "%69ndex", lest it meet the index.
 * Trust    The output directory may hold symbolic links that somebody else put there: each part is opened
 *          with O_NOFOLLOW from the one above it, and pages are renamed into place, which replaces a link. */
#include "cli/out.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PART_MAX  240 /* bytes of one path part with ".md"; file systems allow 255 */
#define PART_HEAD 200

int out_tree_open(struct out_tree *t, const char *dir, struct dobby_err *e)
{
    *t = (struct out_tree){.fd = -1, .name = dir};
    if (mkdir(dir, 0777) < 0 && errno != EEXIST)
        return err_set(e, DOBBY_E_CREATE, "output: %s: %s; choose a place that you can write to",
                       dir, strerror(errno));
    t->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (t->fd < 0 || faccessat(t->fd, ".", W_OK, AT_EACCESS) < 0)
        return err_set(e, DOBBY_E_CREATE, "output: %s: %s; choose a place that you can write to",
                       dir, strerror(errno));
    return 0;
}

/* ---- names ------------------------------------------------------------------------------------- */

static bool plain(uint32_t cp)
{
    return cp != UTF8_BAD && cp >= 0x20 && cp != '%' && !(cp >= 0x7f && cp < 0xa0);
}

static int shorten(struct strbuf *b, size_t start, const char *part, size_t len,
                   struct dobby_err *e)
{
    struct sha256 h;
    uint8_t digest[32];
    char hex[17];
    int rc;

    sha256_begin(&h);
    sha256_add(&h, part, len);
    rc = sha256_end(&h, digest, e);
    if (rc < 0)
        return rc;
    hex_encode(hex, digest, 8);
    strbuf_truncate(b, start + utf8_complete(b->s + start, PART_HEAD));
    strbuf_printf(b, "%%~%s", hex);
    return 0;
}

/* Append one part of a path, escaped. */
static int put_part(struct strbuf *b, const char *part, size_t len, bool is_dir,
                    struct dobby_err *e)
{
    size_t start = b->len, step;
    uint32_t cp;

    for (size_t i = 0; i < len; i += step) {
        bool dot = is_dir && i == len - 3 && len >= 3 && memcmp(part + i, ".md", 3) == 0;

        step = utf8_decode(part + i, len - i, &cp);
        if (plain(cp) && !dot) {
            strbuf_add(b, part + i, step);
            continue;
        }
        for (size_t k = 0; k < step; k++)
            strbuf_printf(b, "%%%02X", (unsigned char)part[i + k]);
    }
    if (strbuf_failed(b))
        return err_nomem(e, "an output name");
    return b->len - start > PART_MAX ? shorten(b, start, part, len, e) : 0;
}

static bool bad_part(const char *part, size_t len)
{
    return len == 0 || (len == 1 && part[0] == '.') ||
           (len == 2 && part[0] == '.' && part[1] == '.') || memchr(part, '\0', len) != NULL;
}

static int escape_path(struct strbuf *b, const char *path, size_t len, struct dobby_err *e)
{
    size_t pos = 0;
    int rc = 0;

    if (len == 5 && memcmp(path, "index", 5) == 0) {
        strbuf_puts(b, "%69ndex");
        return 0;
    }
    while (rc == 0 && pos <= len) {
        const char *part = path + pos, *slash = memchr(part, '/', len - pos);
        size_t n = slash ? (size_t)(slash - part) : len - pos;

        if (bad_part(part, n))
            return err_set(e, DOBBY_E_FORMAT,
                           "output: a path of the tree (%.*s) would leave the output directory; "
                           "remove the row or rename the file",
                           (int)(len < 200 ? len : 200), path);
        rc = put_part(b, part, n, slash != NULL, e);
        if (slash)
            strbuf_putc(b, '/');
        pos += n + 1;
    }
    return rc;
}

/* ---- pages ------------------------------------------------------------------------------------- */

static int page_failed(const struct out_tree *t, const char *page, const char *what, int errnum,
                       struct dobby_err *e)
{
    int code = errnum == ENOSPC || errnum == EDQUOT || errnum == EIO ? DOBBY_E_IO : DOBBY_E_CREATE;

    return err_set(e, code, "output: %s/%s: %s: %s; make room, or remove what is in the way",
                   t->name, page, what, strerror(errnum));
}

/* Open the directory that holds the page, making what is missing. On success *leaf is the last part. */
static int open_parent(const struct out_tree *t, const char *page, const char **leaf, int *out,
                       struct dobby_err *e)
{
    int fd = fcntl(t->fd, F_DUPFD_CLOEXEC, 3), next;
    const char *slash;
    char part[PART_MAX + 1];

    for (; fd >= 0 && (slash = strchr(page, '/')) != NULL; page = slash + 1) {
        snprintf(part, sizeof(part), "%.*s", (int)(slash - page), page);
        if (mkdirat(fd, part, 0777) < 0 && errno != EEXIST) {
            next = page_failed(t, part, "cannot make the directory", errno, e);
            close(fd);
            return next;
        }
        next = openat(fd, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0) {
            next = page_failed(t, part, "is not a directory of this tree", errno, e);
            close(fd);
            return next;
        }
        close(fd);
        fd = next;
    }
    if (fd < 0)
        return page_failed(t, page, "cannot open", errno, e);
    *leaf = page;
    *out = fd;
    return 0;
}

static int write_page(const struct out_tree *t, const char *page, const struct strbuf *text,
                      struct dobby_err *e)
{
    char tmp[64];
    const char *leaf = NULL;
    int dir = -1, fd, rc;

    if (strbuf_failed(text))
        return err_nomem(e, "a page");
    rc = open_parent(t, page, &leaf, &dir, e);
    if (rc < 0)
        return rc;
    snprintf(tmp, sizeof(tmp), ".dobby-page-%ld", (long)getpid());
    unlinkat(dir, tmp, 0); /* of a killed process that had our number */
    fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0) {
        rc = page_failed(t, page, "cannot create", errno, e);
        goto out;
    }
    rc = file_write_fd(fd, strbuf_str(text), text->len, page, e);
    if (close(fd) < 0 && rc == 0)
        rc = page_failed(t, page, "cannot write", errno, e);
    if (rc == 0 && renameat(dir, tmp, dir, leaf) < 0)
        rc = page_failed(t, page, "cannot put in place", errno, e);
    if (rc < 0)
        unlinkat(dir, tmp, 0);
out:
    close(dir);
    return rc;
}

/* A link of the index: the text with Markdown's signs escaped, the target with '%' and blanks as a URL. */
static void put_link(struct strbuf *b, const char *page)
{
    size_t len = strlen(page);

    strbuf_puts(b, "- [");
    for (const char *p = page; p < page + len - 3; p++) {
        if (strchr("\\`*_[]<>#|!", *p))
            strbuf_putc(b, '\\');
        strbuf_putc(b, *p);
    }
    strbuf_puts(b, "](");
    for (const char *p = page; *p; p++) {
        if (strchr("% ()<>?#\\\"", *p))
            strbuf_printf(b, "%%%02X", (unsigned char)*p);
        else
            strbuf_putc(b, *p);
    }
    strbuf_puts(b, ")\n");
}

static int end_page(struct out_tree *t, struct dobby_err *e)
{
    int rc;

    if (!t->path)
        return 0;
    rc = write_page(t, t->path, &t->page, e);
    put_link(&t->index, t->path);
    t->n_pages++;
    mem_free(t->path);
    t->path = NULL;
    strbuf_reset(&t->page);
    return rc;
}

int out_tree_begin(struct out_tree *t, const char *path, size_t len, struct dobby_err *e)
{
    struct strbuf b = {0};
    int rc = end_page(t, e);

    if (rc == 0)
        rc = escape_path(&b, path, len, e);
    strbuf_puts(&b, ".md");
    if (rc == 0) {
        t->path = strbuf_take(&b, NULL);
        if (!t->path)
            rc = err_nomem(e, "an output name");
    }
    strbuf_release(&b);
    return rc;
}

int out_tree_add(struct out_tree *t, const void *p, size_t n, struct dobby_err *e)
{
    strbuf_add(&t->page, p, n);
    return strbuf_failed(&t->page) ? err_nomem(e, "a page") : 0;
}

/* What a reader needs to find a page comes after what it is all about. */
static int write_index(struct out_tree *t, struct dobby_err *e)
{
    bool headed = t->head.len > 0 || strbuf_failed(&t->head);

    strbuf_puts(&t->head, headed ? "\n## Pages\n\n" : "# Index\n\n");
    strbuf_add(&t->head, strbuf_str(&t->index), t->index.len);
    if (strbuf_failed(&t->index))
        return err_nomem(e, "a page");
    return write_page(t, "index.md", &t->head, e);
}

int out_tree_commit(struct out_tree *t, struct dobby_err *e)
{
    int rc = end_page(t, e);

    if (rc == 0)
        rc = write_index(t, e);
    /* One sync for all pages: they can be made again from the store at any time, so a file each would only
     * cost time. */
    if (rc == 0 && syncfs(t->fd) < 0)
        rc = err_errno(e, errno, "run it again", "output: %s", t->name);
    return rc;
}

void out_tree_release(struct out_tree *t)
{
    if (t->name && t->fd >= 0) /* a zeroed struct holds no descriptor 0 */
        close(t->fd);
    mem_free(t->path);
    strbuf_release(&t->head);
    strbuf_release(&t->index);
    strbuf_release(&t->page);
    *t = (struct out_tree){.fd = -1};
}
