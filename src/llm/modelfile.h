/* modelfile.h - the SHA-256 of a model file, computed once (llm).
 * What     Hashing 500 MB takes a good part of a second, so the result is remembered in CACHE/hashes, a text
 *          file with one line a model: hash, device, inode, size, mtime, ctime. An entry holds only while all five are equal.
 * Trust    Lines that are not understood are dropped, a damaged file costs a new hash and nothing else. The
 *          file is replaced atomically, mode 0600; two processes at once may lose an entry, never invent one.
 * Limits   A file changed less than a clock tick ago is not remembered: a second change could carry the same time. */
#ifndef LLM_MODELFILE_H
#define LLM_MODELFILE_H

#include "base/err.h"

#include <stdint.h>

/* SHA-256 of the file at `path`, which must not change meanwhile (DOBBY_E_IO if it does).
 * cache_dir  directory that holds or gets `hashes` (made if missing); NULL: always compute, remember nothing. That
 *            something cannot be remembered is logged, not a failure.
 * progress   called with the number of bytes hashed so far; may be NULL; not called when the hash is remembered. */
MUST_CHECK int modelfile_hash(const char *path, const char *cache_dir, uint8_t out[32],
                              void (*progress)(void *ctx, uint64_t done), void *ctx,
                              struct dobby_err *e);

#endif
