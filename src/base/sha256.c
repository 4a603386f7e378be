/* sha256.c - SHA-256 by OpenSSL's libcrypto (base). */
#include "base/sha256.h"
#include "base/fault.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#define FILE_BLOCK ((size_t)1 << 20) /* progress is told after each */

static void drop(struct sha256 *h)
{
    EVP_MD_CTX_free(h->ctx);
    h->ctx = NULL;
}

void sha256_begin(struct sha256 *h)
{
    h->ctx = fault_hit(FAULT_ALLOC) ? NULL : EVP_MD_CTX_new();
    if (h->ctx && !EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL))
        drop(h);
}

void sha256_add(struct sha256 *h, const void *p, size_t n)
{
    if (h->ctx && n && !EVP_DigestUpdate(h->ctx, p, n))
        drop(h);
}

void sha256_field(struct sha256 *h, const void *p, size_t n)
{
    uint8_t len[8];
    size_t i;

    for (i = 0; i < sizeof(len); i++)
        len[i] = (uint8_t)((uint64_t)n >> (8 * i));
    sha256_add(h, len, sizeof(len));
    sha256_add(h, p, n);
}

int sha256_end(struct sha256 *h, uint8_t out[32], struct dobby_err *e)
{
    int ok = h->ctx && EVP_DigestFinal_ex(h->ctx, out, NULL);

    drop(h);
    return ok ? 0 : err_nomem(e, "a SHA-256");
}

static int hash_fd(struct sha256 *h, int fd, const char *path,
                   void (*progress)(void *ctx, uint64_t done), void *ctx, struct dobby_err *e)
{
    void *buf = mem_alloc(FILE_BLOCK);
    uint64_t done = 0;
    int rc = 0;

    if (!buf)
        return err_nomem(e, "reading a file");
    for (;;) {
        ssize_t n = fault_hit(FAULT_READ) ? (errno = EIO, -1) : read(fd, buf, FILE_BLOCK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            rc = err_errno(e, errno, NULL, "read: %s", path);
        if (n <= 0)
            break;
        sha256_add(h, buf, (size_t)n);
        done += (uint64_t)n;
        if (progress)
            progress(ctx, done);
    }
    mem_free(buf);
    return rc;
}

int sha256_file(const char *path, uint8_t out[32], void (*progress)(void *ctx, uint64_t done),
                void *ctx, struct dobby_err *e)
{
    struct sha256 h;
    uint8_t sum[32];
    int fd, rc, end;

    fd = fault_hit(FAULT_OPEN) ? (errno = EMFILE, -1) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, errno, NULL, "open: %s", path);
    sha256_begin(&h);
    rc = hash_fd(&h, fd, path, progress, ctx, e);
    close(fd);
    end = sha256_end(&h, sum, rc < 0 ? NULL : e);
    if (rc == 0)
        rc = end;
    if (rc == 0)
        for (size_t i = 0; i < sizeof(sum); i++)
            out[i] = sum[i];
    return rc;
}

void hex_encode(char *out, const uint8_t *p, size_t n)
{
    static const char digit[] = "0123456789abcdef";
    size_t i;

    for (i = 0; i < n; i++) {
        out[2 * i] = digit[p[i] >> 4];
        out[2 * i + 1] = digit[p[i] & 15];
    }
    out[2 * n] = '\0';
}
