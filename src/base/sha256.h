/* sha256.h - SHA-256 by OpenSSL's libcrypto (base); the only file that touches it. */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct sha256 {
    void *ctx; /* NULL after a failure: sha256_end then reports it */
};
void sha256_begin(struct sha256 *h);
void sha256_add(struct sha256 *h, const void *p, size_t n);
/* A field of a key: its length as 8 bytes little-endian, then its bytes: no two lists of fields run together alike. */
void sha256_field(struct sha256 *h, const void *p, size_t n);
MUST_CHECK int sha256_end(struct sha256 *h, uint8_t out[32],
                          struct dobby_err *e); /* always releases */
MUST_CHECK int sha256_file(const char *path, uint8_t out[32],
                           void (*progress)(void *ctx, uint64_t done), void *ctx,
                           struct dobby_err *e);
void hex_encode(char *out, const uint8_t *p, size_t n); /* 2n digits and a NUL */

#endif
