/* modelfile.c - see modelfile.h. A line of CACHE/hashes is "HASH DEV INO SIZE MTIME_NS CTIME_NS", hex and
 * decimal numbers; the newest line stands last. */
#include "llm/modelfile.h"

#include "base/file.h"
#include "base/log.h"
#include "base/sha256.h"
#include "base/strbuf.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define HASHES_NAME "hashes"
#define MAX_HASHES  (256u << 10) /* bytes of the file; the oldest lines go first */
#define MAX_LINE    256u
#define SETTLED_NS                                                                                 \
    50000000LL /* more than the clock tick by which file systems stamp their files (10 ms at most) */

static bool same_file(const struct file_id *a, const struct file_id *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
           a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One line without its end; false if it is not understood. */
static bool parse_line(const char *s, size_t n, struct file_id *id, uint8_t hash[32])
{
    char line[MAX_LINE];
    int end = 0;

    if (n < 66 || n >= sizeof(line) || memchr(s, '\0', n) || s[64] != ' ')
        return false;
    for (size_t i = 0; i < 32; i++) {
        int hi = hex_value(s[2 * i]), lo = hex_value(s[2 * i + 1]);

        if (hi < 0 || lo < 0)
            return false;
        hash[i] = (uint8_t)(hi << 4 | lo);
    }
    memcpy(line, s, n);
    line[n] = '\0';
    return sscanf(line + 65, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNd64 " %" SCNd64 "%n",
                  &id->dev, &id->ino, &id->size, &id->mtime_ns, &id->ctime_ns, &end) == 5 &&
           line[65 + end] == '\0';
}

/* Walk the lines of a hashes file. Lines about other files are copied to *keep if it is not NULL. Returns true
 * and the hash if one is about *id. */
static bool scan(const struct strbuf *file, const struct file_id *id, uint8_t hash[32],
                 struct strbuf *keep)
{
    const char *s = strbuf_str(file), *end = s + file->len;
    bool found = false;

    while (s < end) {
        const char *nl = memchr(s, '\n', (size_t)(end - s));
        size_t n = (size_t)((nl ? nl : end) - s);
        struct file_id at;
        uint8_t h[32];

        if (nl && parse_line(s, n, &at, h)) { /* a line without its end was cut off */
            if (same_file(&at, id)) {
                found = true;
                memcpy(hash, h, sizeof(h));
            } else if (keep && !(at.dev == id->dev && at.ino == id->ino)) {
                strbuf_add(keep, s, n + 1);
            }
        }
        s += n + (nl ? 1 : 0);
    }
    return found;
}

/* The hashes file, or an empty text if it is absent, too large or unreadable: a cache is not worth a failure. */
static void read_hashes(struct strbuf *out, const char *path)
{
    struct dobby_err e = {0};
    int rc = file_read_all(out, path, 2 * MAX_HASHES, &e);

    if (rc == 0 && !strbuf_failed(out))
        return;
    if (rc < 0 && rc != DOBBY_E_NOTFOUND)
        log_msg(LOG_WARN, "model hashes: not used: %s", e.message);
    strbuf_reset(out);
}

static bool recall(const char *path, const struct file_id *id, uint8_t hash[32])
{
    struct strbuf file = {0};
    bool found;

    read_hashes(&file, path);
    found = scan(&file, id, hash, NULL);
    strbuf_release(&file);
    return found;
}

static bool settled(const struct file_id *id)
{
    struct timespec now;

    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return false;
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec - id->ctime_ns > SETTLED_NS;
}

/* Lines that are kept, the oldest dropped while there are too many. */
static void drop_oldest(struct strbuf *b)
{
    const char *cut;
    size_t over;

    if (strbuf_failed(b) || b->len <= MAX_HASHES)
        return;
    over = b->len - MAX_HASHES;
    cut = memchr(b->s + over, '\n', b->len - over);
    over = cut ? (size_t)(cut + 1 - b->s) : b->len;
    memmove(b->s, b->s + over, b->len - over);
    strbuf_truncate(b, b->len - over);
}

static void remember(const char *cache_dir, const char *path, const struct file_id *id,
                     const uint8_t hash[32])
{
    struct strbuf old = {0}, text = {0};
    struct dobby_err e = {0};
    uint8_t unused[32];
    char hex[65];
    int rc = file_mkdirs(cache_dir, 0700, &e);

    if (rc < 0)
        goto out;
    read_hashes(&old, path);
    (void)scan(&old, id, unused, &text); /* only the copy is wanted */
    drop_oldest(&text);
    hex_encode(hex, hash, 32);
    strbuf_printf(&text, "%s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64 "\n", hex,
                  id->dev, id->ino, id->size, id->mtime_ns, id->ctime_ns);
    rc = strbuf_failed(&text) ? err_nomem(&e, "model hashes")
                              : file_write_atomic(path, text.s, text.len, 0600, &e);
out:
    if (rc < 0)
        log_msg(LOG_WARN, "model hashes: not remembered: %s", e.message);
    strbuf_release(&old);
    strbuf_release(&text);
}

static int compute(const char *path, struct file_id *id, uint8_t out[32],
                   void (*progress)(void *, uint64_t), void *ctx, struct dobby_err *e)
{
    struct file_id after;
    int rc = sha256_file(path, out, progress, ctx, e);

    if (rc == 0)
        rc = file_identify(&after, path, e);
    if (rc == 0 && !same_file(id, &after))
        rc = err_set(e, DOBBY_E_IO,
                     "model file: %s: changed while it was read; try again when it is complete",
                     path);
    return rc;
}

int modelfile_hash(const char *path, const char *cache_dir, uint8_t out[32],
                   void (*progress)(void *ctx, uint64_t done), void *ctx, struct dobby_err *e)
{
    struct strbuf hashes = {0};
    struct file_id id;
    int rc = file_identify(&id, path, e);

    if (rc < 0)
        return rc;
    if (cache_dir) {
        file_join(&hashes, cache_dir, HASHES_NAME);
        if (strbuf_failed(&hashes))
            return err_nomem(e, "a path");
        if (recall(hashes.s, &id, out))
            goto out;
    }
    rc = compute(path, &id, out, progress, ctx, e);
    if (rc == 0 && cache_dir && settled(&id))
        remember(cache_dir, hashes.s, &id, out);
out:
    strbuf_release(&hashes);
    return rc;
}
