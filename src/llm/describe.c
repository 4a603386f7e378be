/* describe.c - a model file in words, for people (llm): dobby_model_describe() of dobby.h.
 * Reads header, keys and tensor table only. Whatever comes from the file is escaped for a terminal. A file whose
 * architecture or tokenizer is not supported is described nevertheless, and told so. An adapter must be sound to be described. */
#include "base/mem.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "dobby.h"
#include "llm/adapter.h"
#include "llm/chat.h"
#include "llm/gguf.h"
#include "llm/model.h"
#include "llm/tokenizer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LABEL_WIDTH 16

static void put_label(struct strbuf *b, const char *label)
{
    strbuf_printf(b, "%-*s", LABEL_WIDTH, label);
}

static void put_line(struct strbuf *b, const char *label, const char *s, size_t n)
{
    put_label(b, label);
    utf8_escape(b, s, n, "");
    strbuf_putc(b, '\n');
}

/* A line for a string key; nothing if it is absent or not a string. */
static void put_str(struct strbuf *b, const struct gguf *g, const char *label, const char *key)
{
    const char *s;
    size_t n;

    if (gguf_get_str(g, key, &s, &n, NULL) == 0)
        put_line(b, label, s, n);
}

/* 1234567 as "1,234,567". */
static void put_number(struct strbuf *b, uint64_t v)
{
    char digits[24];
    int n = snprintf(digits, sizeof(digits), "%" PRIu64, v);

    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            strbuf_putc(b, ',');
        strbuf_putc(b, digits[i]);
    }
}

static void put_size(struct strbuf *b, uint64_t bytes)
{
    put_number(b, bytes);
    strbuf_printf(b, " bytes (%.1f MB)\n", (double)bytes / 1e6);
}

/* The integer keys of an architecture: "llama.block_count" and so on. Some files have one number a layer. */
static const struct {
    const char *label, *suffix;
} SHAPE[] = {
    {"layers", "block_count"},
    {"context", "context_length"},
    {"embedding", "embedding_length"},
    {"feed forward", "feed_forward_length"},
    {"heads", "attention.head_count"},
    {"kv heads", "attention.head_count_kv"},
    {"head size", "attention.key_length"},
    {"rope dims", "rope.dimension_count"},
};

static const struct {
    const char *label, *suffix;
} REALS[] = {
    {"rope base", "rope.freq_base"},
    {"norm epsilon", "attention.layer_norm_rms_epsilon"},
};

static int put_shape(struct strbuf *b, const struct gguf *g, const char *arch, size_t n_arch,
                     struct dobby_err *e)
{
    struct strbuf key = {0};
    uint32_t v;
    float f;
    int rc;

    for (size_t i = 0; i < sizeof(SHAPE) / sizeof(SHAPE[0]); i++) {
        strbuf_reset(&key);
        strbuf_add(&key, arch, n_arch);
        strbuf_printf(&key, ".%s", SHAPE[i].suffix);
        if (gguf_get_u32_at(g, strbuf_str(&key), 0, &v, NULL) == 0) {
            put_label(b, SHAPE[i].label);
            put_number(b, v);
            strbuf_putc(b, '\n');
        }
    }
    for (size_t i = 0; i < sizeof(REALS) / sizeof(REALS[0]); i++) {
        strbuf_reset(&key);
        strbuf_add(&key, arch, n_arch);
        strbuf_printf(&key, ".%s", REALS[i].suffix);
        if (gguf_get_f32(g, strbuf_str(&key), &f, NULL) == 0) {
            put_label(b, REALS[i].label);
            strbuf_printf(b, "%.7g\n", (double)f);
        }
    }
    rc = strbuf_failed(&key) ? err_nomem(e, "the description of a model") : 0;
    strbuf_release(&key);
    return rc;
}

static void put_token(struct strbuf *b, const struct tokenizer *t, const char *label, int32_t id)
{
    size_t n;
    const char *s = tokenizer_bytes(t, id, &n);

    if (id < 0)
        return;
    put_label(b, label);
    strbuf_printf(b, "%d ", id);
    utf8_escape(b, s, n, "");
    strbuf_putc(b, '\n');
}

static void put_vocabulary(struct strbuf *b, const struct tokenizer *t)
{
    size_t n_unused = 0;

    for (size_t i = 0; i < tokenizer_n_vocab(t); i++)
        n_unused += tokenizer_is_unused(t, (int32_t)i);
    put_label(b, "vocabulary");
    put_number(b, tokenizer_n_vocab(t));
    if (n_unused > 0)
        strbuf_printf(b, " (%zu unused)", n_unused);
    strbuf_putc(b, '\n');
    put_token(b, t, "begin token", tokenizer_bos(t));
    put_token(b, t, "end token", tokenizer_eos(t));
}

/* Tokenizer and chat template. What is not supported becomes a line; only a lack of memory is a failure here. */
static int put_text_side(struct strbuf *b, const struct gguf *g, struct dobby_err *e)
{
    struct tokenizer *t = NULL;
    struct dobby_err why = {0};
    struct chat chat;
    int rc = tokenizer_new(&t, g, &why);

    if (rc == DOBBY_E_NOMEM)
        return err_set(e, rc, "%s", why.message);
    put_label(b, "tokenizer");
    if (rc < 0) {
        strbuf_puts(b, "not usable: ");
        utf8_escape(b, why.message, strlen(why.message), "");
        strbuf_putc(b, '\n');
        return 0;
    }
    strbuf_printf(b, "%s\n", tokenizer_kind(t));
    put_vocabulary(b, t);
    put_label(b, "chat template");
    if (chat_init(&chat, g, t, &why) < 0)
        utf8_escape(b, why.message, strlen(why.message), "");
    else if (chat.kind == CHAT_NONE)
        strbuf_printf(b, "none recognised: %s", chat.why_none);
    else
        strbuf_printf(b, "%s, recognised by content", chat_name(chat.kind));
    strbuf_putc(b, '\n');
    tokenizer_free(t);
    return 0;
}

static int describe(struct strbuf *b, const struct gguf *g, struct dobby_err *e)
{
    const char *arch = "";
    size_t n_arch = 0;
    int rc;

    put_line(b, "file", g->name, strlen(g->name));
    put_label(b, "format");
    strbuf_printf(b, "GGUF version %u, %zu keys, %zu tensors\n", g->version, g->n_kv, g->n_tensors);
    put_label(b, "file size");
    put_size(b, g->size);
    rc = gguf_get_str(g, "general.architecture", &arch, &n_arch, e);
    if (rc < 0 && rc != DOBBY_E_NOTFOUND)
        return rc;
    put_line(b, "architecture", rc == 0 ? arch : "not named",
             rc == 0 ? n_arch : strlen("not named"));
    put_str(b, g, "name", "general.name");
    put_str(b, g, "organisation", "general.organization");
    put_str(b, g, "license", "general.license");
    put_label(b, "parameters");
    put_number(b, g->n_params);
    strbuf_putc(b, '\n');
    if (g->n_tensors > 0) {
        put_label(b, "tensor types");
        gguf_put_tensor_types(g, b);
        strbuf_putc(b, '\n');
    }
    rc = put_shape(b, g, arch, n_arch, e);
    return rc < 0 ? rc : put_text_side(b, g, e);
}

/* ---- adapters ---------------------------------------------------------------------------------------- */

static void put_ranks(struct strbuf *b, const struct adapter *a)
{
    put_label(b, "rank");
    strbuf_printf(b, a->min_rank == a->max_rank ? "%zu\n" : "%zu to %zu\n", a->min_rank,
                  a->max_rank);
    put_label(b, "alpha");
    strbuf_printf(b, "%.7g (weight alpha / rank: %.7g)\n", (double)a->alpha,
                  (double)a->alpha / (double)a->max_rank);
}

static void put_base(struct strbuf *b, const struct adapter *a, bool checked)
{
    put_label(b, "made for");
    if (!*a->base)
        strbuf_puts(b, "not said (dobby.base.sha256 is missing): not checked\n");
    else
        strbuf_printf(b, "%s%s\n", a->base, checked ? " (this model)" : "");
}

static void put_adapter(struct strbuf *b, const struct adapter *a, const struct dobby_model *m)
{
    put_line(b, "adapter", a->g.name, strlen(a->g.name));
    put_label(b, "file size");
    put_size(b, a->g.size);
    put_label(b, "sha256");
    strbuf_printf(b, "%s\n", a->sha256);
    put_str(b, &a->g, "architecture", "general.architecture");
    put_str(b, &a->g, "name", "general.name");
    put_str(b, &a->g, "license", "general.license");
    put_base(b, a, m != NULL);
    put_ranks(b, a);
    put_label(b, "tensors");
    strbuf_printf(b, "%zu for %zu matrices, ", a->g.n_tensors, a->n_pairs);
    gguf_put_tensor_types(&a->g, b);
    put_label(b, "\nmerge type");
    strbuf_printf(b, " %s%s\n", quant_name(a->merge), a->merge_stated ? "" : " (none is stated)");
}

/* What the weights of the model become with it. */
static int put_merged(struct strbuf *b, const struct dobby_model *m, const char *cache_dir,
                      struct dobby_err *e)
{
    struct dobby_model_options o;
    struct dobby_model *plain;
    int rc;

    DOBBY_INIT(o);
    o.head = 1;
    o.cache_dir = cache_dir;
    rc = dobby_model_open(&plain, m->path, &o, e);
    if (rc < 0)
        return rc;
    put_label(b, "weights");
    put_number(b, model_weights(m));
    strbuf_puts(b, " bytes with it, ");
    put_number(b, model_weights(plain));
    strbuf_puts(b, " without\n");
    dobby_model_free(plain);
    return 0;
}

static int describe_adapter(struct strbuf *b, const char *path, const char *model_path,
                            const char *cache_dir, struct dobby_err *e)
{
    struct dobby_model_options o;
    struct dobby_model *m = NULL;
    struct adapter a = {0};
    int rc = adapter_open(&a, path, cache_dir, NULL, e);

    DOBBY_INIT(o);
    o.head = 1;
    o.cache_dir = cache_dir;
    o.adapter = path;
    if (rc == 0 && model_path)
        rc = dobby_model_open(&m, model_path, &o, e);
    if (rc == 0)
        put_adapter(b, &a, m);
    if (rc == 0 && m)
        rc = put_merged(b, m, cache_dir, e);
    dobby_model_free(m);
    adapter_release(&a);
    return rc;
}

int dobby_adapter_describe(char **out, const char *path, const char *model_path,
                           const char *cache_dir, struct dobby_err *e)
{
    struct strbuf b = {0};
    int rc = describe_adapter(&b, path, model_path, cache_dir, e);

    *out = NULL;
    if (rc == 0) {
        *out = strbuf_take(&b, NULL);
        if (!*out)
            rc = err_nomem(e, "the description of an adapter");
    }
    strbuf_release(&b);
    return rc;
}

/* ---- models ------------------------------------------------------------------------------------------ */

/* general.type says it is an adapter. */
static bool is_adapter(const struct gguf *g)
{
    const char *s;
    size_t n;

    return gguf_get_str(g, "general.type", &s, &n, NULL) == 0 && n == 7 &&
           memcmp(s, "adapter", 7) == 0;
}

int dobby_model_describe(char **out, const char *path, struct dobby_err *e)
{
    struct strbuf b = {0};
    struct gguf g;
    int rc = gguf_open(&g, path, e);

    *out = NULL;
    if (rc < 0)
        return rc;
    rc = is_adapter(&g) ? describe_adapter(&b, path, NULL, NULL, e) : describe(&b, &g, e);
    if (rc == 0) {
        *out = strbuf_take(&b, NULL);
        if (!*out)
            rc = err_nomem(e, "the description of a model");
    }
    strbuf_release(&b);
    gguf_release(&g);
    return rc;
}
