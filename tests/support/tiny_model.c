/* tiny_model.c - see tiny_model.h. */
#include "support/tiny_model.h"
#include "support/gguf_build.h"
#include "support/test.h"

#include "base/size.h"
#include "llm/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct tiny_model tiny_plain = {
    .arch = "llama",
    .type = {QUANT_Q4_K, QUANT_Q5_0, QUANT_Q6_K, QUANT_Q8_0, QUANT_Q4_0, QUANT_Q4_1, QUANT_Q8_0},
    .output = QUANT_Q6_K,
    .layers = 2,
    .embd = 256,
    .ff = 512,
    .heads = 4,
    .kv = 2,
    .ctx = 512,
    .eps = 1e-5f,
    .base = 10000,
};

const struct tiny_model tiny_small = {
    .arch = "qwen2",
    .type = {QUANT_Q4_0, QUANT_Q5_0, QUANT_Q8_0, QUANT_Q4_1, QUANT_Q4_0, QUANT_Q4_1, QUANT_Q8_0},
    .output = QUANT_Q8_0,
    .layers = 2,
    .embd = 64,
    .ff = 96,
    .heads = 2,
    .kv = 1,
    .ctx = 2048,
    .eps = 1e-5f,
    .base = 10000,
};

static uint32_t state; /* of draw() */

static uint32_t draw(void) /* xorshift */
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static void key_u32(struct gguf_build *b, const struct tiny_model *t, const char *name, uint32_t v)
{
    char key[96];
    snprintf(key, sizeof(key), "%s.%s", t->arch, name);
    if (!t->drop || strcmp(t->drop, name) != 0)
        gb_u32(b, key, v);
}

static void key_f32(struct gguf_build *b, const struct tiny_model *t, const char *name, float v)
{
    char key[96];
    snprintf(key, sizeof(key), "%s.%s", t->arch, name);
    gb_f32(b, key, v);
}

/* Random blocks whose scales make values of about 1/16. */
static void random_blocks(enum quant_type type, unsigned char *p, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        p[i] = (unsigned char)draw();
    for (size_t at = 0; at < bytes; at += quant_block_bytes(type)) {
        float small = type == QUANT_Q8_0                         ? 0.001f
                      : type == QUANT_Q4_K || type == QUANT_Q6_K ? 0.0001f
                                                                 : 0.01f;
        uint16_t d = f32_to_f16(small);
        if (type == QUANT_F32) {
            float f = ((float)(draw() % 2001) - 1000) / 16000;
            memcpy(p + at, &f, 4);
        } else if (type == QUANT_F16 || type == QUANT_BF16) {
            float f = ((float)(draw() % 2001) - 1000) / 16000;
            d = type == QUANT_F16 ? f32_to_f16(f) : (uint16_t)(f32_bits(f) >> 16);
            memcpy(p + at, &d, 2);
        } else {
            memcpy(p + at + (type == QUANT_Q6_K ? 208 : 0), &d, 2);
            if (type == QUANT_Q4_1 || type == QUANT_Q4_K)
                memcpy(p + at + 2, &d, 2);
        }
    }
}

static void tensor(struct gguf_build *b, const struct tiny_model *t, const char *name,
                   enum quant_type type, size_t cols, size_t rows)
{
    bool wrong = t->wrong && strcmp(t->wrong, name) == 0;
    uint64_t dim[2] = {cols, rows + wrong};
    size_t bytes = quant_row_bytes(type, cols) * dim[1];
    unsigned char *data = malloc(bytes);

    assert_non_null(data);
    random_blocks(type, data, bytes);
    if (!t->drop || strcmp(t->drop, name) != 0)
        gb_tensor(b, name, type, rows == 1 && !wrong ? 1 : 2, dim, data, bytes);
    free(data);
}

static void layer(struct gguf_build *b, const struct tiny_model *t, unsigned i)
{
    /* Counts of 0 are refused as such: the tensors beside them stay valid. */
    size_t heads = t->heads ? t->heads : 1, head = t->embd / heads, q = head * heads;
    size_t kv = head * (t->kv ? t->kv : 1), ff = t->ff ? t->ff : 32;
    const struct {
        const char *name;
        size_t cols, rows;
    } m[] = {{"attn_q", t->embd, q},      {"attn_k", t->embd, kv},   {"attn_v", t->embd, kv},
             {"attn_output", q, t->embd}, {"ffn_gate", t->embd, ff}, {"ffn_up", t->embd, ff},
             {"ffn_down", ff, t->embd}};
    char name[64];

    for (size_t k = 0; k < ARRAY_LEN(m); k++) {
        snprintf(name, sizeof(name), "blk.%u.%s.weight", i, m[k].name);
        tensor(b, t, name, t->type[k], m[k].cols, m[k].rows);
        snprintf(name, sizeof(name), "blk.%u.%s.bias", i, m[k].name);
        if (k < 3 && strcmp(t->arch, "qwen2") == 0)
            tensor(b, t, name, QUANT_F32, m[k].rows, 1);
    }
    snprintf(name, sizeof(name), "blk.%u.attn_norm.weight", i);
    tensor(b, t, name, QUANT_F32, t->embd, 1);
    snprintf(name, sizeof(name), "blk.%u.ffn_norm.weight", i);
    tensor(b, t, name, QUANT_F32, t->embd, 1);
}

const char *tiny_write(const char *dir, const struct tiny_model *t)
{
    const char *path = temp_path(dir, "tiny.gguf");
    struct gguf_build b;
    size_t size;

    state = 12345;
    gb_init(&b);
    gb_str(&b, "general.architecture", t->arch);
    gb_u32(&b, "general.quantization_version", 2);
    key_u32(&b, t, "block_count", t->layers);
    key_u32(&b, t, "embedding_length", t->embd);
    key_u32(&b, t, "feed_forward_length", t->ff);
    key_u32(&b, t, "attention.head_count", t->heads);
    key_u32(&b, t, "attention.head_count_kv", t->kv);
    key_u32(&b, t, "context_length", t->ctx);
    key_f32(&b, t, "attention.layer_norm_rms_epsilon", t->eps);
    key_f32(&b, t, "rope.freq_base", t->base);
    if (t->extra)
        key_u32(&b, t, t->extra, 2);
    gb_str(&b, "tokenizer.ggml.model", "gpt2");
    gb_str(&b, "tokenizer.ggml.pre", "qwen2");
    gb_vocab(&b, NULL, NULL, 0);
    gb_strs(&b, "tokenizer.ggml.merges", NULL, 0);
    tensor(&b, t, "token_embd.weight", QUANT_Q8_0, t->embd, 256);
    if (!t->tied)
        tensor(&b, t, "output.weight", t->output, t->embd, 256);
    tensor(&b, t, "output_norm.weight", QUANT_F32, t->embd, 1);
    for (unsigned i = 0; i < t->layers && i < 4; i++)
        layer(&b, t, i);
    const void *image = gb_finish(&b, &size);
    put_file(path, image, size);
    gb_release(&b);
    return path;
}

struct dobby_model *tiny_open(const char *path, int exact, const char *isa)
{
    struct dobby_model_options o;
    struct dobby_model *m;
    struct dobby_err e = {0};
    DOBBY_INIT(o);
    o.exact = exact;
    o.isa = isa;
    if (dobby_model_open(&m, path, &o, &e) < 0)
        fail_msg("%s", e.message);
    return m;
}
