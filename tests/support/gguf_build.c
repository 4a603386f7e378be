/* gguf_build.c - see gguf_build.h. */
#include "support/gguf_build.h"

#include "base/utf8.h"

#include <assert.h>
#include <string.h>

static void put_le(struct strbuf *out, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        strbuf_putc(out, (char)(v >> 8 * i & 0xFF));
}

static void put_str(struct strbuf *out, const char *s, size_t n)
{
    put_le(out, n, 8);
    strbuf_add(out, s, n);
}

void gb_init(struct gguf_build *b)
{
    *b = (struct gguf_build){.version = 3, .magic = {'G', 'G', 'U', 'F'}, .alignment = 32};
}

void gb_release(struct gguf_build *b)
{
    strbuf_release(&b->kv);
    strbuf_release(&b->info);
    strbuf_release(&b->data);
    strbuf_release(&b->image);
}

void gb_put_u8(struct gguf_build *b, uint8_t v)
{
    put_le(&b->kv, v, 1);
}

void gb_put_u32(struct gguf_build *b, uint32_t v)
{
    put_le(&b->kv, v, 4);
}

void gb_put_u64(struct gguf_build *b, uint64_t v)
{
    put_le(&b->kv, v, 8);
}

void gb_put_str(struct gguf_build *b, const char *s, size_t n)
{
    put_str(&b->kv, s, n);
}

void gb_key(struct gguf_build *b, const char *key, uint32_t type)
{
    put_str(&b->kv, key, strlen(key));
    put_le(&b->kv, type, 4);
    b->n_kv++;
}

void gb_str(struct gguf_build *b, const char *key, const char *v)
{
    gb_key(b, key, 8);
    gb_put_str(b, v, strlen(v));
}

void gb_u32(struct gguf_build *b, const char *key, uint32_t v)
{
    gb_key(b, key, 4);
    gb_put_u32(b, v);
}

void gb_f32(struct gguf_build *b, const char *key, float v)
{
    uint32_t u;

    memcpy(&u, &v, sizeof(u));
    gb_key(b, key, 6);
    gb_put_u32(b, u);
}

void gb_bool(struct gguf_build *b, const char *key, uint8_t v)
{
    gb_key(b, key, 7);
    gb_put_u8(b, v);
}

void gb_strs(struct gguf_build *b, const char *key, const char *const *v, size_t n)
{
    gb_key(b, key, 9);
    gb_put_u32(b, 8);
    gb_put_u64(b, n);
    for (size_t i = 0; i < n; i++)
        gb_put_str(b, v[i], strlen(v[i]));
}

void gb_i32s(struct gguf_build *b, const char *key, const int32_t *v, size_t n)
{
    gb_key(b, key, 9);
    gb_put_u32(b, 5);
    gb_put_u64(b, n);
    for (size_t i = 0; i < n; i++)
        gb_put_u32(b, (uint32_t)v[i]);
}

void gb_info(struct gguf_build *b, const char *name, uint32_t type, uint32_t n_dims,
             const uint64_t *dim, uint64_t offset)
{
    put_str(&b->info, name, strlen(name));
    put_le(&b->info, n_dims, 4);
    for (uint32_t i = 0; i < n_dims; i++)
        put_le(&b->info, dim[i], 8);
    put_le(&b->info, type, 4);
    put_le(&b->info, offset, 8);
    b->n_tensors++;
}

static void pad(struct strbuf *s, size_t align)
{
    while (s->len % align != 0)
        strbuf_putc(s, '\0');
}

void gb_tensor(struct gguf_build *b, const char *name, uint32_t type, uint32_t n_dims,
               const uint64_t *dim, const void *data, size_t size)
{
    pad(&b->data, b->alignment);
    gb_info(b, name, type, n_dims, dim, b->data.len);
    strbuf_add(&b->data, data, size);
}

const void *gb_finish(struct gguf_build *b, size_t *size)
{
    struct strbuf *out = &b->image;

    strbuf_reset(out);
    strbuf_add(out, b->magic, sizeof(b->magic));
    put_le(out, b->version, 4);
    put_le(out, b->n_tensors, 8);
    put_le(out, b->n_kv, 8);
    strbuf_add(out, strbuf_str(&b->kv), b->kv.len);
    strbuf_add(out, strbuf_str(&b->info), b->info.len);
    if (b->data.len > 0) {
        pad(out, b->alignment);
        strbuf_add(out, b->data.s, b->data.len);
    }
    assert(!strbuf_failed(out) && b->cut <= out->len);
    *size = out->len - b->cut;
    return out->s;
}

void gb_vocab(struct gguf_build *b, const char *const *extra, const int32_t *types, size_t n_extra)
{
    uint32_t above = 0x100;

    gb_key(b, "tokenizer.ggml.tokens", 9);
    gb_put_u32(b, 8);
    gb_put_u64(b, 256 + n_extra);
    for (uint32_t c = 0; c < 256; c++) {
        int prints = (c >= 0x21 && c <= 0x7E) || (c >= 0xA1 && c <= 0xAC) || c >= 0xAE;
        char s[4];

        gb_put_str(b, s, utf8_encode(prints ? c : above++, s));
    }
    for (size_t i = 0; i < n_extra; i++)
        gb_put_str(b, extra[i], strlen(extra[i]));
    gb_key(b, "tokenizer.ggml.token_type", 9);
    gb_put_u32(b, 5);
    gb_put_u64(b, 256 + n_extra);
    for (size_t i = 0; i < 256 + n_extra; i++)
        gb_put_u32(b, i < 256 || !types ? 1 : (uint32_t)types[i - 256]);
}
