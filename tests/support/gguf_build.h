/* gguf_build.h - writes GGUF images for tests, right ones and wrong ones.
 * Keys, tensor infos and data are collected apart and joined by gb_finish(). What the writer would get right by
 * itself (magic, version, counts, offsets) can be overridden. */
#ifndef TESTS_GGUF_BUILD_H
#define TESTS_GGUF_BUILD_H

#include "base/strbuf.h"

#include <stddef.h>
#include <stdint.h>

struct gguf_build {
    struct strbuf kv, info, data, image;
    uint64_t n_kv, n_tensors; /* counted; may be changed before gb_finish() */
    uint32_t version;         /* 3 */
    char magic[4];
    size_t alignment; /* of the data section, 32 */
    size_t cut;       /* bytes to drop from the end */
};

void gb_init(struct gguf_build *b);
void gb_release(struct gguf_build *b);

/* Pieces of values, appended to the key section. */
void gb_put_u8(struct gguf_build *b, uint8_t v);
void gb_put_u32(struct gguf_build *b, uint32_t v);
void gb_put_u64(struct gguf_build *b, uint64_t v);
void gb_put_str(struct gguf_build *b, const char *s, size_t n);
/* Key and type of a value whose bytes follow by gb_put_*; counts a key. */
void gb_key(struct gguf_build *b, const char *key, uint32_t type);

void gb_str(struct gguf_build *b, const char *key, const char *v);
void gb_u32(struct gguf_build *b, const char *key, uint32_t v);
void gb_f32(struct gguf_build *b, const char *key, float v);
void gb_bool(struct gguf_build *b, const char *key, uint8_t v);
void gb_strs(struct gguf_build *b, const char *key, const char *const *v, size_t n);
void gb_i32s(struct gguf_build *b, const char *key, const int32_t *v, size_t n);

/* A tensor info with everything as given; adds no data. */
void gb_info(struct gguf_build *b, const char *name, uint32_t type, uint32_t n_dims,
             const uint64_t *dim, uint64_t offset);
/* A tensor with its data, placed behind the ones before it. */
void gb_tensor(struct gguf_build *b, const char *name, uint32_t type, uint32_t n_dims,
               const uint64_t *dim, const void *data, size_t size);

/* The image; lives until gb_release(). */
const void *gb_finish(struct gguf_build *b, size_t *size);

/* A vocabulary for a tokenizer: the 256 byte tokens of GPT-2's alphabet in order (id = byte), then `extra` tokens;
 * types[i] of extra token i, or NULL: all normal. */
void gb_vocab(struct gguf_build *b, const char *const *extra, const int32_t *types, size_t n_extra);

#endif
