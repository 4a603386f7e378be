/* tiny_adapter.c - see tiny_adapter.h. */
#include "support/tiny_adapter.h"
#include "support/gguf_build.h"
#include "support/test.h"

#include "base/size.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct tiny_adapter tiny_lora = {
    .general_type = "adapter",
    .arch = "llama",
    .type = "lora",
    .alpha = 16,
    .rank = 32,
    .a = QUANT_Q8_0,
    .b = QUANT_F16,
    .size = 0.1f,
};

static uint32_t state; /* of draw() */

static uint32_t draw(void) /* xorshift */
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static float entry(float size)
{
    return size * ((float)(draw() % 2001) - 1000) / 1000;
}

/* n values of the type, the first of them not finite if spoilt. */
static void fill(enum quant_type type, unsigned char *p, size_t n, float size, bool spoilt)
{
    size_t len = quant_block_len(type), bytes = quant_block_bytes(type);

    for (size_t i = 0; i < n; i += len, p += bytes) {
        float f = spoilt && i == 0 ? INFINITY : entry(size);
        uint16_t h = f32_to_f16(f);

        if (type == QUANT_F32) {
            memcpy(p, &f, 4);
            continue;
        }
        if (type == QUANT_BF16)
            h = (uint16_t)(f32_bits(f) >> 16);
        if (type == QUANT_Q8_0) {
            h = f32_to_f16(spoilt && i == 0 ? f : size / 127);
            for (size_t j = 0; j < 32; j++)
                p[2 + j] = (unsigned char)(draw() | (j == 0));
        }
        memcpy(p, &h, 2);
    }
}

static bool is(const char *name, const char *which)
{
    return which && strcmp(name, which) == 0;
}

static void tensor(struct gguf_build *g, const struct tiny_adapter *t, const char *name,
                   enum quant_type type, size_t cols, size_t rows)
{
    uint64_t dim[2] = {cols + (is(name, t->wide) ? 32 : 0), rows + is(name, t->tall)};
    size_t n = dim[0] * dim[1], bytes = n / quant_block_len(type) * quant_block_bytes(type);
    unsigned char *data = calloc(1, bytes + 256); /* other types may want more */

    assert_non_null(data);
    if (quant_supported(type))
        fill(type, data, n, t->size, is(name, t->spoil));
    for (int i = 0; i <= is(name, t->twice); i++)
        if (!is(name, t->drop))
            gb_tensor(g, name, type, 2, dim, data, bytes);
    free(data);
}

static void layer(struct gguf_build *g, const struct tiny_model *m, const struct tiny_adapter *t,
                  unsigned i)
{
    size_t head = m->embd / m->heads, kv = head * m->kv;
    const struct {
        const char *name;
        size_t cols, rows;
    } mats[] = {{"attn_q", m->embd, m->embd}, {"attn_k", m->embd, kv},
                {"attn_v", m->embd, kv},      {"attn_output", m->embd, m->embd},
                {"ffn_gate", m->embd, m->ff}, {"ffn_up", m->embd, m->ff},
                {"ffn_down", m->ff, m->embd}};
    char name[64];

    for (size_t k = 0; k < ARRAY_LEN(mats); k++) {
        snprintf(name, sizeof(name), "blk.%u.%s.weight.lora_a", i, mats[k].name);
        tensor(g, t, name, t->a, mats[k].cols, t->rank);
        snprintf(name, sizeof(name), "blk.%u.%s.weight.lora_b", i, mats[k].name);
        tensor(g, t, name, t->b, t->rank, mats[k].rows);
    }
}

static void key(struct gguf_build *g, const char *name, const char *value)
{
    if (value)
        gb_str(g, name, value);
}

const char *tiny_adapter_write(const char *dir, const char *name, const struct tiny_model *m,
                               const struct tiny_adapter *t)
{
    const char *path = temp_path(dir, name);
    struct gguf_build g;
    const void *image;
    size_t size;

    state = 54321;
    gb_init(&g);
    key(&g, "general.type", t->general_type);
    key(&g, "general.architecture", t->arch);
    key(&g, "adapter.type", t->type);
    key(&g, "dobby.base.sha256", t->base);
    key(&g, "dobby.merge.type", t->merge);
    if (!isnan(t->alpha))
        gb_f32(&g, "adapter.lora.alpha", t->alpha);
    if (t->string)
        gb_str(&g, t->string, "x");
    for (unsigned i = 0; i < m->layers && !t->empty; i++)
        layer(&g, m, t, i);
    if (t->extra)
        tensor(&g, t, t->extra, QUANT_F32, 32, 4);
    image = gb_finish(&g, &size);
    put_file(path, image, size);
    gb_release(&g);
    return path;
}
