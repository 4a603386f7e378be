/* packed.h - packed weights kept from one run to the next (llm).
 * What     CACHE/packed/SHA256 holds the weights of the model file with that hash as the kernels want them (pack.h): a
 *          page of header, the matrices, the embeddings. Reading it takes a fraction of packing.
 *          With an adapter merged into them their name is SHA256+ADAPTERSHA256-TYPE, where TYPE is what merged matrices are rounded to.
 * Trust    A file counts only if it is regular, this user's, writable by nobody else, of the right size, and if its header
 *          names the same source, the same layout and the same table of matrices; anything else is packed and written anew. Its checksum is
 *          not looked at then (packed_verify is): kernels are safe with any bytes.
 * Writing  By a thread of its own while the model is in use: into SHA256.part, mode 0600, under a lock, synced, then renamed. Two
 *          processes cannot both write; what a killed one left is taken over by the next. A failure is logged and costs nothing
 *          but the next run's time. Nothing is written that would leave less free space than it takes.
 * Next     model.c for when it is asked. */
#ifndef LLM_PACKED_H
#define LLM_PACKED_H

#include "base/arena.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKED_PARTS 2

struct packed {
    const char *cache_dir; /* borrowed; NULL: nothing is read or written */
    const char *sha256;    /* borrowed: 64 hex digits of the source */
    const char *name;      /* borrowed: of the file; see packed_name */
    uint8_t table[32];     /* hash of all that decides what the bytes mean */
    struct {
        void *data;
        size_t size; /* 0: no such part */
    } part[PACKED_PARTS];
};

/* What the file of a model with an adapter is called, in the arena; NULL when memory runs out. Without one: as the model's hash. */
const char *packed_name(struct arena *mem, const char *sha256, const char *adapter_sha256,
                        const char *merge_type);
/* Fill the parts on up to `threads` threads. False if there is nothing to be used; the parts may be half filled then. */
bool packed_read(const struct packed *k, int threads);

struct packed_writer;

/* Begin to write the parts, which must not change or go away before packed_write_end. NULL if nothing is to be done or the
 * thread cannot be started (logged). */
struct packed_writer *packed_write(const struct packed *k);
/* Wait for the end; NULL is fine. */
void packed_write_end(struct packed_writer *w);

/* Compare all that is kept for a source, with adapters and without, with the checksums written beside it. DOBBY_E_NOTFOUND: nothing is kept; DOBBY_E_FORMAT: it
 * is damaged, and has been removed. */
MUST_CHECK int packed_verify(const char *cache_dir, const char *sha256, struct dobby_err *e);

#endif
