/* outtree.c - a tree of Markdown files, one for each source file and directory (cli); see out.h.
 *
 * Names    Every byte of a path that is not printable UTF-8, and '%' itself, is written as %XX; so two source
 *          files never share a page. A part that would be too long for a file system keeps its head and
 *          ends in "%~" and a piece of its hash. A directory "x.md" is written "x%2Emd", lest it meet the
 *          page of a file "x"; a file "index" is written "%69ndex", lest it meet the index of its directory.
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
#define INDEX     "index.md" /* of a directory, and of all */

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

static int escape_path(struct strbuf *b, const char *path, size_t len, bool is_dir,
                       struct dobby_err *e)
{
    size_t pos = 0;
    int rc = 0;

    while (rc == 0 && pos <= len) {
        const char *part = path + pos, *slash = memchr(part, '/', len - pos);
        size_t n = slash ? (size_t)(slash - part) : len - pos;

        if (bad_part(part, n))
            return err_set(e, DOBBY_E_FORMAT,
                           "output: a path of the tree (%.*s) would leave the output directory; "
                           "remove the row or rename the file",
                           (int)(len < 200 ? len : 200), path);
        if (!slash && !is_dir && n == 5 && memcmp(part, "index", 5) == 0)
            strbuf_puts(b, "%69ndex");
        else
            rc = put_part(b, part, n, slash != NULL || is_dir, e);
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

/* A link: the text with Markdown's signs escaped, the target with '%' and blanks as a URL; then what is told of it. Both from
 * byte `from` of the page's path on; `end` bytes at its end are no part of the text. */
static void put_link(struct strbuf *b, const struct out_entry *entry, size_t from, size_t end)
{
    const char *page = entry->page + from;
    size_t len = strlen(page);

    strbuf_puts(b, "- [");
    for (const char *p = page; p < page + len - end; p++) {
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
    strbuf_putc(b, ')');
    if (entry->text) {
        strbuf_puts(b, ": ");
        strbuf_puts(b, entry->text);
    }
    strbuf_putc(b, '\n');
}

static void release_entry(struct out_entry *entry)
{
    mem_free(entry->page);
    mem_free(entry->text);
    mem_free(entry->head);
    *entry = (struct out_entry){0};
}

/* A file's page is written, a directory's is kept. */
static int end_page(struct out_tree *t, struct dobby_err *e)
{
    int rc = 0;

    if (!t->now.page)
        return 0;
    if (t->is_dir) {
        t->now.head = strbuf_take(&t->page, NULL);
        if (!t->now.head)
            return err_nomem(e, "a page");
    } else {
        rc = write_page(t, t->now.page, &t->page, e);
    }
    if (rc == 0 &&
        mem_grow((void **)&t->entries, &t->cap_entries, t->n_entries + 1, sizeof(*t->entries)) < 0)
        rc = err_nomem(e, "the index");
    if (rc < 0)
        return rc;
    t->entries[t->n_entries++] = t->now;
    t->now = (struct out_entry){0};
    strbuf_reset(&t->page);
    return 0;
}

int out_tree_begin(struct out_tree *t, const char *path, size_t len, bool is_dir,
                   struct dobby_err *e)
{
    struct strbuf b = {0};
    bool root = is_dir && len == 1 && path[0] == '.';
    int rc = end_page(t, e);

    if (rc == 0 && !root)
        rc = escape_path(&b, path, len, is_dir, e);
    strbuf_puts(&b, root ? INDEX : is_dir ? "/" INDEX : ".md");
    if (rc == 0) {
        t->is_dir = is_dir;
        t->now.page = strbuf_take(&b, NULL);
        if (!t->now.page)
            rc = err_nomem(e, "an output name");
    }
    strbuf_release(&b);
    return rc;
}

int out_tree_tell(struct out_tree *t, const char *text, size_t n, struct dobby_err *e)
{
    mem_free(t->now.text);
    t->now.text = mem_strndup(text, n);
    return t->now.text ? 0 : err_nomem(e, "the index");
}

int out_tree_add(struct out_tree *t, const void *p, size_t n, struct dobby_err *e)
{
    strbuf_add(&t->page, p, n);
    return strbuf_failed(&t->page) ? err_nomem(e, "a page") : 0;
}

/* Links to what lies in a directory itself: its entry's path begins all of theirs, and they follow one another. */
static void put_children(struct strbuf *b, const struct out_tree *t, size_t at)
{
    size_t dir = strlen(t->entries[at].page) - strlen(INDEX);
    bool begun = false;

    for (size_t i = at + 1; i < t->n_entries; i++) {
        const struct out_entry *entry = &t->entries[i];
        const char *slash;

        if (strncmp(entry->page, t->entries[at].page, dir) != 0) {
            if (begun)
                return;
            continue;
        }
        begun = true;
        slash = strchr(entry->page + dir, '/');
        if (!slash)
            put_link(b, entry, dir, strlen(".md"));
        else if (entry->head && strcmp(slash + 1, INDEX) == 0)
            put_link(b, entry, dir, strlen(INDEX));
    }
}

static int write_directories(const struct out_tree *t, struct dobby_err *e)
{
    struct strbuf b = {0};
    int rc = 0;

    for (size_t i = 0; i < t->n_entries && rc == 0; i++) {
        const struct out_entry *entry = &t->entries[i];

        if (!entry->head || strcmp(entry->page, INDEX) == 0)
            continue;
        strbuf_reset(&b);
        strbuf_puts(&b, entry->head);
        strbuf_putc(&b, '\n');
        put_children(&b, t, i);
        rc = write_page(t, entry->page, &b, e);
    }
    strbuf_release(&b);
    return rc;
}

static int write_index(const struct out_tree *t, struct dobby_err *e)
{
    struct strbuf b = {0};
    int rc;

    strbuf_add(&b, strbuf_str(&t->head), t->head.len);
    strbuf_puts(&b, t->head.len > 0 ? "\n## Pages\n\n" : "# Index\n\n");
    for (size_t i = 0; i < t->n_entries && t->head.len == 0; i++)
        if (strcmp(t->entries[i].page, INDEX) == 0 && t->entries[i].text)
            strbuf_printf(&b, "%s\n\n", t->entries[i].text);
    for (size_t i = 0; i < t->n_entries; i++)
        if (!t->entries[i].head)
            put_link(&b, &t->entries[i], 0, strlen(".md"));
    rc = strbuf_failed(&t->head) ? err_nomem(e, "a page") : write_page(t, INDEX, &b, e);
    strbuf_release(&b);
    return rc;
}

int out_tree_commit(struct out_tree *t, struct dobby_err *e)
{
    int rc = end_page(t, e);

    if (rc == 0)
        rc = write_directories(t, e);
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
    for (size_t i = 0; i < t->n_entries; i++)
        release_entry(&t->entries[i]);
    mem_free(t->entries);
    release_entry(&t->now);
    strbuf_release(&t->head);
    strbuf_release(&t->page);
    *t = (struct out_tree){.fd = -1};
}
