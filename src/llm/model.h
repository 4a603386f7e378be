/* model.h - one set of weights, ready to multiply (llm).
 * What     Hyperparameters checked against the file's tensors, tokenizer, chat template, and every matrix
 *          packed for the kernels (pack.h). A model may be opened in two steps: its head knows all but the weights (their
 *          size, too), and keeps the file open until dobby_model_load() packs them. Then the file is closed: nothing
 *          that happens to it later can hurt.
 * Adapter  One may be merged into the weights as they are packed (merge.h): from then on it is a model like others.
 * Memory   Pages of the file are given up as they are packed, so that file and weights are never there both.
 * Owns     All weights in one allocation. Everything handed out dies with dobby_model_free().
 * Threads  Immutable once open, but for dobby_model_load().
 * Source   Architectures llama and qwen2 as in the GGUF files of llama.cpp's converters.
 * Next     graph.c for the forward pass, engine.c for who calls it. */
#ifndef LLM_MODEL_H
#define LLM_MODEL_H

#include "base/arena.h"
#include "llm/chat.h"
#include "llm/pack.h"
#include "llm/tokenizer.h"

#define MODEL_MAX_LAYERS 512

struct model_source; /* the file and where its matrices go: model.c */

struct layer {
    struct matrix q, k, v,
        o; /* q: n_heads * head_dim x n_embd; k, v: n_kv * head_dim; o: n_embd rows */
    struct matrix gate, up, down;      /* n_ff x n_embd twice; n_embd x n_ff */
    const float *attn_norm, *ffn_norm; /* [n_embd] */
};

struct dobby_model {
    struct arena mem;
    const char *path, *arch, *title, *chat_name;
    char sha256[65], *file_type;
    /* Of the adapter that is merged into the weights: its file, its hash, the type of what is merged. NULL, "", NULL: none. */
    const char *adapter_path;
    uint8_t adapter_hash[32];
    char adapter_sha256[65]; /* the same in hex */
    const char *merge_type;
    const char *packed_name; /* of what is kept of the weights (packed.h) */
    uint64_t file_size, n_params;
    size_t n_layers, n_embd, n_ff, n_heads, n_kv, head_dim, n_ctx_train;
    size_t n_vocab; /* rows of the output; ids from the tokenizer's size on are never sampled */
    size_t longest_token; /* bytes */
    float eps, rope_base;
    bool exact;
    bool needs_floats; /* some matrix wants activations as floats */
    const struct kernels *kernels;
    struct layer *layers;
    const float *output_norm;
    struct matrix output;
    /* Embeddings: rows of the file's tensor, or NULL when they are the rows of `output`. */
    unsigned char *embd;
    enum quant_type embd_type;
    size_t embd_size;
    uint8_t *banned;        /* [n_vocab] 1: never sampled */
    unsigned char *weights; /* NULL: the head only */
    size_t weights_size;
    struct model_source *source;  /* of a head; NULL once the weights are there */
    const char *cache_dir;        /* packed weights are kept there; NULL: nowhere */
    struct packed_writer *writer; /* who keeps them, while the model is in use */
    struct tokenizer *tokenizer;
    struct chat chat;
};

/* Bytes of all weights in memory, also of a head. */
size_t model_weights(const struct dobby_model *m);
/* The embedding of one token, [n_embd]. id < n_vocab. */
void model_embed(const struct dobby_model *m, int32_t id, float *out);
/* Cosines and sines for positions 0..n_ctx-1: [n_ctx][head_dim], cosines first. */
void model_rope_table(const struct dobby_model *m, size_t n_ctx, float *cs);

#endif
