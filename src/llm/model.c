/* model.c - see model.h. Loading: hyperparameters, shapes, tokenizer, then packing in parallel. */
#include "llm/model.h"

#include "base/mem.h"
#include "base/options.h"
#include "base/sha256.h"
#include "base/size.h"
#include "base/thread.h"
#include "llm/adapter.h"
#include "llm/kernels/pack_layout.h"
#include "llm/merge.h"
#include "llm/modelfile.h"
#include "llm/packed.h"
#include "llm/realmath.h"

#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define WEIGHTS_ALIGN ((size_t)2 << 20) /* huge pages where the system has them */

/* One matrix to be packed. */
struct pack_job {
    struct matrix *m;
    const struct gguf_tensor *t;
    size_t rope_dim;
    const struct adapter_pair *pair; /* to be added; NULL: none */
    enum quant_type from;            /* what is packed: the file's type, or the one merged to */
};

/* What a head keeps until its weights are loaded. */
struct model_source {
    struct gguf g;
    struct adapter adapter; /* zero: none */
    struct pack_job *jobs;
    size_t n_jobs;
    const struct gguf_tensor *embd; /* to be copied as it is; NULL: the output's rows serve */
};

struct loader {
    struct dobby_model *m;
    struct model_source *s;
    struct dobby_err *e;
};

/* ---- hyperparameters ---------------------------------------------------------------------------- */

static const char *arch_key(const struct loader *l, char *buf, size_t size, const char *name)
{
    snprintf(buf, size, "%s.%s", l->m->arch, name);
    return buf;
}

static int bad(struct loader *l, const char *what, const char *key, double found)
{
    return err_set(l->e, DOBBY_E_FORMAT,
                   "%s: %s.%s is %g: %s; get the model file again or use another one", l->s->g.name,
                   l->m->arch, key, found, what);
}

/* An integer in min..max. `needed` 0: *out keeps its default when the key is absent. */
static int hyper(struct loader *l, const char *name, size_t min, size_t max, bool needed,
                 size_t *out)
{
    char key[96];
    uint32_t v = 0;
    int rc = gguf_get_u32_at(&l->s->g, arch_key(l, key, sizeof(key), name), 0, &v, l->e);

    if (rc == DOBBY_E_NOTFOUND)
        return needed ? err_set(l->e, DOBBY_E_FORMAT,
                                "%s: the key %s is missing; get the model file again", l->s->g.name,
                                key)
                      : 0;
    if (rc < 0)
        return rc;
    if (v < min || v > max)
        return bad(l, "out of range", name, v);
    *out = v;
    return 0;
}

static int hyper_float(struct loader *l, const char *name, double min, double max, float *out)
{
    char key[96];
    int rc = gguf_get_f32(&l->s->g, arch_key(l, key, sizeof(key), name), out, l->e);
    if (rc < 0 && rc != DOBBY_E_NOTFOUND)
        return rc;
    if (!((double)*out >= min && (double)*out <= max))
        return bad(l, "out of range", name, (double)*out);
    return 0;
}

/* What these architectures may have and this engine lacks; silently wrong would be worse. */
static int refuse_variants(struct loader *l)
{
    static const char *const keys[] = {"expert_count", "attention.scale",
                                       "attention.sliding_window", "attn_logit_softcapping",
                                       "final_logit_softcapping"};
    char key[96];
    const char *s;
    size_t len;
    float factor = 1;
    int rc;

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        uint32_t v = 1; /* a key that is no integer counts as used */
        if (gguf_find_kv(&l->s->g, arch_key(l, key, sizeof(key), keys[i])) &&
            (gguf_get_u32(&l->s->g, key, &v, NULL) < 0 || v != 0))
            return err_set(l->e, DOBBY_E_UNSUPPORTED,
                           "%s: %s is set: this variant of the architecture is not supported",
                           l->s->g.name, key);
    }
    rc = gguf_get_str(&l->s->g, arch_key(l, key, sizeof(key), "rope.scaling.type"), &s, &len, l->e);
    if (rc == 0 && !(len == 4 && memcmp(s, "none", 4) == 0) &&
        !(len == 6 && memcmp(s, "linear", 6) == 0))
        return err_set(l->e, DOBBY_E_UNSUPPORTED, "%s: %s is not supported; only none is",
                       l->s->g.name, key);
    if (rc < 0 && rc != DOBBY_E_NOTFOUND)
        return rc;
    rc =
        gguf_get_f32(&l->s->g, arch_key(l, key, sizeof(key), "rope.scaling.factor"), &factor, l->e);
    if (rc < 0 && rc != DOBBY_E_NOTFOUND)
        return rc;
    if (factor != 1.0f || gguf_find_tensor(&l->s->g, "rope_freqs.weight"))
        return err_set(l->e, DOBBY_E_UNSUPPORTED, "%s: scaled rotary positions are not supported",
                       l->s->g.name);
    return 0;
}

static int read_arch(struct loader *l)
{
    const char *s;
    size_t len;
    int rc = gguf_get_str(&l->s->g, "general.architecture", &s, &len, l->e);

    if (rc == DOBBY_E_NOTFOUND)
        return err_set(l->e, DOBBY_E_FORMAT,
                       "%s: general.architecture is missing: not a language model", l->s->g.name);
    if (rc < 0)
        return rc;
    l->m->arch = arena_strndup(&l->m->mem, s, len < 64 ? len : 64);
    l->m->title = "";
    if (gguf_get_str(&l->s->g, "general.name", &s, &len, NULL) == 0)
        l->m->title = arena_strndup(&l->m->mem, s, len < 256 ? len : 256);
    if (!l->m->arch || !l->m->title)
        return err_nomem(l->e, "a model's name");
    if (strcmp(l->m->arch, "llama") != 0 && strcmp(l->m->arch, "qwen2") != 0)
        return err_set(l->e, DOBBY_E_UNSUPPORTED,
                       "%s: architecture '%.40s' is not supported (llama and qwen2 are); see "
                       "`dobby models list`",
                       l->s->g.name, l->m->arch);
    return 0;
}

static int read_hyper(struct loader *l)
{
    struct dobby_model *m = l->m;
    size_t rope_dim, key_length, value_length;
    int rc;

    m->rope_base = 10000;
    m->eps = 1e-5f;
    if ((rc = refuse_variants(l)) < 0 ||
        (rc = hyper(l, "block_count", 1, MODEL_MAX_LAYERS, true, &m->n_layers)) < 0 ||
        (rc = hyper(l, "embedding_length", 32, 1 << 16, true, &m->n_embd)) < 0 ||
        (rc = hyper(l, "feed_forward_length", 32, 1 << 18, true, &m->n_ff)) < 0 ||
        (rc = hyper(l, "attention.head_count", 1, 1024, true, &m->n_heads)) < 0)
        return rc;
    m->n_kv = m->n_heads;
    m->n_ctx_train = 2048;
    if ((rc = hyper(l, "attention.head_count_kv", 1, 1024, false, &m->n_kv)) < 0 ||
        (rc = hyper(l, "context_length", 1, 1 << 24, false, &m->n_ctx_train)) < 0 ||
        (rc = hyper_float(l, "attention.layer_norm_rms_epsilon", 0, 1, &m->eps)) < 0 ||
        (rc = hyper_float(l, "rope.freq_base", 1, 1e9, &m->rope_base)) < 0)
        return rc;
    key_length = m->n_embd / m->n_heads;
    if ((rc = hyper(l, "attention.key_length", 1, 4096, false, &key_length)) < 0)
        return rc;
    value_length = rope_dim = m->head_dim = key_length;
    if ((rc = hyper(l, "attention.value_length", 1, 4096, false, &value_length)) < 0 ||
        (rc = hyper(l, "rope.dimension_count", 1, 4096, false, &rope_dim)) < 0)
        return rc;
    if (m->n_embd % m->n_heads && !gguf_find_kv(&l->s->g, "llama.attention.key_length"))
        return bad(l, "not a multiple of attention.head_count", "embedding_length",
                   (double)m->n_embd);
    if (m->n_heads % m->n_kv)
        return bad(l, "does not divide attention.head_count", "attention.head_count_kv",
                   (double)m->n_kv);
    if (rope_dim != m->head_dim || value_length != m->head_dim)
        return bad(l, "only heads that are rotated whole are supported", "rope.dimension_count",
                   (double)rope_dim);
    if (m->head_dim % 32 || m->head_dim > 256 || m->n_heads / m->n_kv > 64)
        return bad(l, "heads of 32 to 256 in steps of 32, at most 64 to a key, are supported",
                   "attention.head_count", (double)m->n_heads);
    if (m->n_embd % 32 || m->n_ff % 32)
        return bad(l, "rows must be a multiple of 32",
                   m->n_embd % 32 ? "embedding_length" : "feed_forward_length",
                   (double)(m->n_embd % 32 ? m->n_embd : m->n_ff));
    return 0;
}

/* ---- tensors -------------------------------------------------------------------------------------- */

/* The tensor blk.I.NAME.KIND; its full name is left in buf. */
static const struct gguf_tensor *find(struct loader *l, size_t i, const char *name,
                                      const char *kind, char *buf, size_t size)
{
    snprintf(buf, size, "blk.%zu.%s.%s", i, name, kind);
    return gguf_find_tensor(&l->s->g, buf);
}

static int check_shape(struct loader *l, const struct gguf_tensor *t, const char *name, size_t rows,
                       size_t cols)
{
    if (!t)
        return err_set(l->e, DOBBY_E_FORMAT,
                       "%s: the tensor %s is missing; get the model file again", l->s->g.name,
                       name);
    if (t->dim[0] != cols || t->dim[1] != rows || t->dim[2] != 1 || t->dim[3] != 1)
        return err_set(l->e, DOBBY_E_FORMAT, "%s: %s is %zux%zux%zux%zu, expected %zux%zu",
                       l->s->g.name, name, t->dim[0], t->dim[1], t->dim[2], t->dim[3], cols, rows);
    return 0;
}

/* A vector as floats, padded with zeros to whole panels. */
static int take_vector(struct loader *l, const struct gguf_tensor *t, const char *name, size_t n,
                       const float **out)
{
    float *v;
    int rc = check_shape(l, t, name, 1, n);
    if (rc < 0)
        return rc;
    v = arena_array(&l->m->mem, n + PANEL_ROWS, sizeof(*v));
    if (!v)
        return err_nomem(l->e, name);
    quant_dequantize(t->type, t->data, v, n);
    *out = v;
    return 0;
}

static int take_matrix(struct loader *l, const struct gguf_tensor *t, const char *name, size_t rows,
                       size_t cols, size_t rope_dim, struct matrix *out)
{
    const struct adapter_pair *pair = NULL;
    enum quant_type from;
    int rc = check_shape(l, t, name, rows, cols);

    if (rc == 0 && strcmp(name, "token_embd.weight") != 0) /* its rows are looked up, too */
        rc = adapter_take(&l->s->adapter, name, rows, cols, &pair, l->e);
    if (rc < 0)
        return rc;
    from = pair ? l->s->adapter.merge : t->type;
    matrix_shape(out, pack_type_of(from, l->m->exact), rows, cols);
    if (!pack_is_quantized(out->type))
        l->m->needs_floats = true;
    l->s->jobs[l->s->n_jobs++] = (struct pack_job){out, t, rope_dim, pair, from};
    return 0;
}

/* The bias of an attention matrix, where the file has one, in the order of the packed rows. */
static int take_bias(struct loader *l, size_t i, const char *name, struct matrix *m,
                     size_t rope_dim)
{
    char buf[64];
    const struct gguf_tensor *t = find(l, i, name, "bias", buf, sizeof(buf));
    const float *bias;
    int rc;

    if (!t && strcmp(l->m->arch, "llama") == 0)
        return 0;
    rc = take_vector(l, t, buf, m->rows, &bias);
    if (rc < 0)
        return rc;
    if (rope_dim) { /* llama files with a bias: move its entries like the rows */
        float *moved = arena_array(&l->m->mem, m->rows + PANEL_ROWS, sizeof(*moved));
        if (!moved)
            return err_nomem(l->e, buf);
        for (size_t r = 0; r < m->rows; r++) {
            size_t k = r % rope_dim, half = rope_dim / 2;
            moved[r] = bias[r - k + (k < half ? 2 * k : 2 * (k - half) + 1)];
        }
        bias = moved;
    }
    m->bias = bias;
    return 0;
}

static int take_layer(struct loader *l, size_t i)
{
    struct dobby_model *m = l->m;
    struct layer *y = &m->layers[i];
    size_t q = m->n_heads * m->head_dim, kv = m->n_kv * m->head_dim;
    /* llama's converter leaves rotary pairs side by side, qwen2's half a head apart. */
    size_t rope = strcmp(m->arch, "llama") == 0 ? m->head_dim : 0;
    const struct {
        const char *name;
        struct matrix *m;
        size_t rows, cols, rope;
    } mats[] = {
        {"attn_q", &y->q, q, m->n_embd, rope},         {"attn_k", &y->k, kv, m->n_embd, rope},
        {"attn_v", &y->v, kv, m->n_embd, 0},           {"attn_output", &y->o, m->n_embd, q, 0},
        {"ffn_gate", &y->gate, m->n_ff, m->n_embd, 0}, {"ffn_up", &y->up, m->n_ff, m->n_embd, 0},
        {"ffn_down", &y->down, m->n_embd, m->n_ff, 0}};
    char buf[64];
    const struct gguf_tensor *t;
    int rc;

    for (size_t k = 0; k < ARRAY_LEN(mats); k++) {
        t = find(l, i, mats[k].name, "weight", buf, sizeof(buf));
        rc = take_matrix(l, t, buf, mats[k].rows, mats[k].cols, mats[k].rope, mats[k].m);
        if (rc == 0 && k < 3)
            rc = take_bias(l, i, mats[k].name, mats[k].m, mats[k].rope);
        if (rc < 0)
            return rc;
    }
    t = find(l, i, "attn_norm", "weight", buf, sizeof(buf));
    rc = take_vector(l, t, buf, m->n_embd, &y->attn_norm);
    if (rc < 0)
        return rc;
    t = find(l, i, "ffn_norm", "weight", buf, sizeof(buf));
    return take_vector(l, t, buf, m->n_embd, &y->ffn_norm);
}

static int take_embedding(struct loader *l)
{
    struct dobby_model *m = l->m;
    const struct gguf_tensor *embd = gguf_find_tensor(&l->s->g, "token_embd.weight");
    const struct gguf_tensor *head = gguf_find_tensor(&l->s->g, "output.weight");
    size_t n_tokens = tokenizer_n_vocab(m->tokenizer);
    int rc;

    if (!embd)
        return check_shape(l, NULL, "token_embd.weight", 0, 0);
    m->n_vocab = embd->dim[1];
    if (m->n_vocab < n_tokens || m->n_vocab > TOKENIZER_MAX_VOCAB)
        return err_set(l->e, DOBBY_E_FORMAT, "%s: token_embd.weight has %zu rows for %zu tokens",
                       l->s->g.name, m->n_vocab, n_tokens);
    if ((rc = check_shape(l, embd, "token_embd.weight", m->n_vocab, m->n_embd)) < 0)
        return rc;
    rc = take_matrix(l, head ? head : embd, head ? "output.weight" : "token_embd.weight",
                     m->n_vocab, m->n_embd, 0, &m->output);
    if (rc < 0)
        return rc;
    if (head) {
        m->embd_type = embd->type;
        m->embd_size = embd->size;
        l->s->embd = embd;
    }
    m->banned = arena_array(&m->mem, m->n_vocab + HEAD_ROWS, 1);
    if (!m->banned)
        return err_nomem(l->e, "the vocabulary");
    m->longest_token = 1;
    for (size_t i = 0; i < n_tokens; i++) {
        size_t len;
        (void)tokenizer_bytes(m->tokenizer, (int32_t)i, &len);
        m->longest_token = size_max(m->longest_token, len);
    }
    for (size_t i = 0; i < m->n_vocab; i++)
        m->banned[i] = i >= n_tokens || tokenizer_is_unused(m->tokenizer, (int32_t)i);
    return take_vector(l, gguf_find_tensor(&l->s->g, "output_norm.weight"), "output_norm.weight",
                       m->n_embd, &m->output_norm);
}

/* ---- packing -------------------------------------------------------------------------------------- */

#define PACK_PANELS 32                /* panels a work item */
#define COPY_STEP   ((size_t)1 << 20) /* bytes of the embeddings a work item */

/* A stretch of panels, or (job NULL) of the embeddings, which are copied as they are. */
struct pack_item {
    const struct pack_job *job;
    size_t at; /* first panel; offset */
};

struct packing {
    struct dobby_model *m;
    struct pack_item *items;
    atomic_int failed;                          /* the code of a merge; 0: none */
    _Atomic(const struct pack_job *) failed_at; /* its job */
};

static void copy_some(const struct packing *k, size_t at)
{
    const struct model_source *s = k->m->source;
    size_t n = size_min(COPY_STEP, s->embd->size - at);
    const unsigned char *from = (const unsigned char *)s->embd->data + at;

    memcpy(k->m->embd + at, from, n);
    file_map_forget(&s->g.map, from, n);
}

static void merge_some(struct packing *k, const struct pack_job *job, size_t from, size_t to)
{
    struct merge g = {job->m, job->t, job->rope_dim, job->pair, job->from};
    int rc = merge_panels(&g, from, to);

    if (rc < 0) {
        atomic_store(&k->failed_at, job);
        atomic_store(&k->failed, rc);
    }
}

/* The file's pages go as they are done with; what another item still needs of them comes back at its touch. */
static void pack_some(void *ctx, size_t i)
{
    struct packing *k = ctx;
    const struct pack_job *job = k->items[i].job;
    size_t from = k->items[i].at, to, row;

    if (!job) {
        copy_some(k, from);
        return;
    }
    to = size_min(from + PACK_PANELS, job->m->n_panels);
    if (job->pair)
        merge_some(k, job, from, to);
    else
        for (size_t p = from; p < to; p++)
            pack_panel(job->m, p, job->t->type, job->t->data, job->rope_dim);
    row = quant_row_bytes(job->t->type, job->m->cols);
    file_map_forget(&k->m->source->g.map,
                    (const unsigned char *)job->t->data + from * PANEL_ROWS * row,
                    (size_min(to * PANEL_ROWS, job->m->rows) - from * PANEL_ROWS) * row);
}

static size_t packed_bytes(const struct matrix *m)
{
    return (matrix_bytes(m) + 63) & ~(size_t)63;
}

/* One allocation for all matrices, in huge pages where the system has them. */
static int allot_weights(struct dobby_model *m, struct dobby_err *e)
{
    const struct model_source *s = m->source;
    size_t at = 0;

    m->weights =
        mem_aligned(WEIGHTS_ALIGN, (m->weights_size + WEIGHTS_ALIGN - 1) & ~(WEIGHTS_ALIGN - 1));
    if (s->embd)
        m->embd = mem_alloc(s->embd->size);
    if (!m->weights || (s->embd && !m->embd))
        return err_nomem(e, "the weights");
    (void)madvise(m->weights, m->weights_size,
                  MADV_HUGEPAGE); /* advice: its absence costs speed only */
    for (size_t i = 0; i < s->n_jobs; i++) {
        s->jobs[i].m->data = m->weights + at;
        at += packed_bytes(s->jobs[i].m);
    }
    return 0;
}

/* All work items in the order of the allocation. items NULL: only their number. */
static size_t list_items(const struct model_source *s, struct pack_item *items)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_jobs; i++)
        for (size_t p = 0; p < s->jobs[i].m->n_panels; p += PACK_PANELS, n++)
            if (items)
                items[n] = (struct pack_item){&s->jobs[i], p};
    for (size_t at = 0; s->embd && at < s->embd->size; at += COPY_STEP, n++)
        if (items)
            items[n] = (struct pack_item){NULL, at};
    return n;
}

static void source_free(struct model_source *s)
{
    if (!s)
        return;
    mem_free(s->jobs);
    adapter_release(&s->adapter);
    gguf_release(&s->g);
    mem_free(s);
}

static void drop_weights(struct dobby_model *m)
{
    packed_write_end(m->writer);
    m->writer = NULL;
    mem_free(m->weights);
    mem_free(m->embd);
    m->weights = m->embd = NULL;
}

static int pack_all(struct dobby_model *m, int threads, struct dobby_err *e)
{
    struct packing k = {.m = m};
    size_t n = list_items(m->source, NULL);

    k.items = mem_array(n, sizeof(*k.items));
    if (!k.items)
        return err_nomem(e, "the weights");
    list_items(m->source, k.items);
    thread_parallel(threads, n, pack_some, &k);
    mem_free(k.items);
    if (atomic_load(&k.failed) == DOBBY_E_NOMEM)
        return err_nomem(e, "merging an adapter");
    if (atomic_load(&k.failed) < 0)
        return err_set(e, DOBBY_E_FORMAT,
                       "adapter: %s: merged into %s its values do not fit into %s; use another one",
                       m->adapter_path, atomic_load(&k.failed_at)->t->name, m->merge_type);
    return 0;
}

/* What is kept for this model. The table holds all that decides which byte of the file went where. */
static int describe_packed(struct packed *k, const struct dobby_model *m, struct dobby_err *e)
{
    const struct model_source *s = m->source;
    uint64_t layout = PACK_LAYOUT;
    struct sha256 h;

    *k = (struct packed){
        .cache_dir = m->exact ? NULL : m->cache_dir,
        .sha256 = m->sha256,
        .name = m->packed_name,
        .part = {{m->weights, m->weights_size}, {m->embd, m->embd ? m->embd_size : 0}}};
    sha256_begin(&h);
    sha256_field(&h, &layout, sizeof(layout));
    for (size_t i = 0; i < s->n_jobs; i++) {
        const struct pack_job *j = &s->jobs[i];
        uint64_t row[] = {j->m->type,  j->t->type,        j->m->rows,        j->m->cols,
                          j->rope_dim, j->m->panel_bytes, packed_bytes(j->m)};

        sha256_field(&h, row, sizeof(row));
        sha256_field(&h, j->t->name, strlen(j->t->name));
    }
    if (m->adapter_path) {
        sha256_field(&h, m->adapter_sha256, strlen(m->adapter_sha256));
        sha256_field(&h, m->merge_type, strlen(m->merge_type));
    }
    return sha256_end(&h, k->table, e);
}

int dobby_model_load(struct dobby_model *m, int threads, struct dobby_err *e)
{
    struct packed kept;
    bool there = false;
    int rc;

    if (m->weights)
        return 0;
    threads = threads > 0 ? threads : thread_cpus();
    rc = allot_weights(m, e);
    if (rc == 0)
        rc = describe_packed(&kept, m, e);
    if (rc == 0) {
        there = packed_read(&kept, threads);
        if (!there)
            rc = pack_all(m, threads, e);
    }
    if (rc == 0)
        rc = gguf_check_unchanged(&m->source->g, e);
    if (rc == 0)
        rc = gguf_check_unchanged(&m->source->adapter.g, e);
    if (rc < 0) {
        drop_weights(m);
        return rc;
    }
    source_free(m->source);
    m->source = NULL;
    if (!there)
        m->writer = packed_write(&kept);
    return 0;
}

int dobby_model_verify_packed(const char *sha256, const char *cache_dir, struct dobby_err *e)
{
    return packed_verify(cache_dir, sha256, e);
}

size_t model_weights(const struct dobby_model *m)
{
    return m->weights_size + m->embd_size;
}

/* ---- opening ---------------------------------------------------------------------------------------- */

static int choose_kernels(struct dobby_model *m, const struct dobby_model_options *o,
                          struct dobby_err *e)
{
    struct strbuf names = {0};

    m->exact = o->exact != 0;
    m->needs_floats = m->exact;
    m->kernels = m->exact ? &kernels_exact : kernels_find(o->isa);
    if (m->exact && o->isa && strcmp(o->isa, "scalar") != 0)
        return err_set(e, DOBBY_E_USAGE,
                       "exact arithmetic is scalar: leave out the instruction set '%s'", o->isa);
    if (m->kernels)
        return 0;
    if (kernels_known(o->isa))
        return err_set(
            e, DOBBY_E_UNAVAILABLE,
            "this machine lacks the instruction set %s; leave it out to use the best it has",
            o->isa);
    for (size_t i = 0; kernels_name(i); i++)
        strbuf_printf(&names, " %s", kernels_name(i));
    err_set(e, DOBBY_E_USAGE, "unknown instruction set '%s'; this build knows%s", o->isa,
            strbuf_str(&names));
    strbuf_release(&names);
    return DOBBY_E_USAGE;
}

static int describe(struct loader *l, const char *cache_dir)
{
    struct dobby_model *m = l->m;
    struct strbuf types = {0};
    uint8_t sha[32];
    int rc = modelfile_hash(l->s->g.name, cache_dir, sha, NULL, NULL, l->e);

    if (rc < 0)
        return rc;
    hex_encode(m->sha256, sha, sizeof(sha));
    gguf_put_tensor_types(&l->s->g, &types);
    m->file_type = strbuf_take(&types, NULL);
    m->path = arena_strdup(&m->mem, l->s->g.name);
    m->cache_dir = cache_dir ? arena_strdup(&m->mem, cache_dir) : NULL;
    m->file_size = l->s->g.size;
    m->n_params = l->s->g.n_params;
    if (!m->file_type || !m->path || (cache_dir && !m->cache_dir))
        return err_nomem(l->e, "a model's description");
    return 0;
}

/* The adapter, and what of it outlives the head. Its pairs are taken as the matrices are. */
static int read_adapter(struct loader *l, const struct dobby_model_options *o)
{
    struct dobby_model *m = l->m;
    struct adapter *a = &l->s->adapter;
    int rc;

    m->packed_name = m->sha256;
    if (!o->adapter)
        return o->merge_type ? err_set(l->e, DOBBY_E_USAGE,
                                       "model: the type %.20s for merged weights goes with an "
                                       "adapter, and there is none",
                                       o->merge_type)
                             : 0;
    rc = adapter_open(a, o->adapter, o->cache_dir, o->merge_type, l->e);
    if (rc == 0)
        rc = adapter_bind(a, m->arch, m->sha256, l->e);
    if (rc < 0)
        return rc;
    memcpy(m->adapter_hash, a->hash, sizeof(m->adapter_hash));
    memcpy(m->adapter_sha256, a->sha256, sizeof(m->adapter_sha256));
    m->merge_type = quant_name(a->merge);
    m->adapter_path = arena_strdup(&m->mem, o->adapter);
    m->packed_name = packed_name(&m->mem, m->sha256, a->sha256, m->merge_type);
    return m->adapter_path && m->packed_name ? 0 : err_nomem(l->e, "an adapter's description");
}

/* All but the weights. */
static int read_head(struct loader *l, const struct dobby_model_options *o)
{
    struct dobby_model *m = l->m;
    int rc;

    if ((rc = choose_kernels(m, o, l->e)) < 0 || (rc = read_arch(l)) < 0 ||
        (rc = read_hyper(l)) < 0 || (rc = tokenizer_new(&m->tokenizer, &l->s->g, l->e)) < 0 ||
        (rc = chat_init(&m->chat, &l->s->g, m->tokenizer, l->e)) < 0 ||
        (rc = describe(l, o->cache_dir)) < 0 || (rc = read_adapter(l, o)) < 0)
        return rc;
    m->chat_name = chat_name(m->chat.kind);
    m->layers = arena_array(&m->mem, m->n_layers, sizeof(*m->layers));
    l->s->jobs = mem_array(m->n_layers * 7 + 1, sizeof(*l->s->jobs));
    if (!m->layers || !l->s->jobs)
        return err_nomem(l->e, "a model's tables");
    for (size_t i = 0; i < m->n_layers; i++)
        if ((rc = take_layer(l, i)) < 0)
            return rc;
    if ((rc = take_embedding(l)) < 0 || (rc = adapter_all_taken(&l->s->adapter, l->e)) < 0)
        return rc;
    for (size_t i = 0; i < l->s->n_jobs; i++)
        m->weights_size += packed_bytes(l->s->jobs[i].m);
    gguf_forget(&l->s->g); /* tables and vectors have been taken over */
    return 0;
}

static int open_head(struct dobby_model *m, const char *path, const struct dobby_model_options *o,
                     struct dobby_err *e)
{
    struct loader l = {.m = m, .e = e};
    int rc;

    m->source = l.s = mem_zalloc(sizeof(*l.s));
    if (!l.s)
        return err_nomem(e, "a model");
    rc = gguf_open(&l.s->g, path, e);
    return rc < 0 ? rc : read_head(&l, o);
}

int dobby_model_open(struct dobby_model **out, const char *path,
                     const struct dobby_model_options *o, struct dobby_err *e)
{
    struct dobby_model_options opt;
    struct dobby_model *m;
    int rc = options_take(&opt, sizeof(opt), o, "model", e);

    *out = NULL;
    if (rc < 0)
        return rc;
    m = mem_zalloc(sizeof(*m));
    rc = m ? open_head(m, path, &opt, e) : err_nomem(e, "a model");
    if (rc == 0 && !opt.head)
        rc = dobby_model_load(m, opt.threads, e);
    if (rc == 0)
        *out = m;
    else
        dobby_model_free(m);
    return rc;
}

void dobby_model_free(struct dobby_model *m)
{
    if (!m)
        return;
    source_free(m->source);
    drop_weights(m);
    tokenizer_free(m->tokenizer);
    mem_free(m->file_type);
    arena_release(&m->mem);
    mem_free(m);
}

void dobby_model_get_info(const struct dobby_model *m, struct dobby_model_info *out)
{
    *out = (struct dobby_model_info){
        .arch = m->arch,
        .name = m->title,
        .path = m->path,
        .sha256 = m->sha256,
        .adapter = m->adapter_path ? m->adapter_path : "",
        .adapter_sha256 = m->adapter_sha256,
        .merge_type = m->merge_type ? m->merge_type : "",
        .isa = m->kernels->name,
        .chat = m->chat_name,
        .file_type = m->file_type,
        .n_params = m->n_params,
        .file_size = m->file_size,
        .packed_size = model_weights(m),
        .n_layers = (int)m->n_layers,
        .n_embd = (int)m->n_embd,
        .n_ff = (int)m->n_ff,
        .n_heads = (int)m->n_heads,
        .n_kv_heads = (int)m->n_kv,
        .head_dim = (int)m->head_dim,
        .n_vocab = (int)m->n_vocab,
        .n_ctx_train = (int)m->n_ctx_train,
        .kv_bytes_per_token = 2 * 2 * m->n_layers * m->n_kv * m->head_dim,
    };
}

void model_embed(const struct dobby_model *m, int32_t id, float *out)
{
    if (m->embd)
        quant_dequantize(m->embd_type,
                         m->embd + (size_t)id * quant_row_bytes(m->embd_type, m->n_embd), out,
                         m->n_embd);
    else
        pack_row(&m->output, (size_t)id, out);
}

/* Angle of pair p at position t: t * base^(-2p / head_dim). */
void model_rope_table(const struct dobby_model *m, size_t n_ctx, float *cs)
{
    size_t half = m->head_dim / 2;
    double log_base = real_log((double)m->rope_base);

    for (size_t p = 0; p < half; p++) {
        double freq = real_exp(-2.0 * (double)p / (double)m->head_dim * log_base), s, c;
        for (size_t t = 0; t < n_ctx; t++) {
            real_sincos((double)t * freq, &s, &c);
            cs[t * m->head_dim + p] = (float)c;
            cs[t * m->head_dim + half + p] = (float)s;
        }
    }
}

/* ---- tokens ------------------------------------------------------------------------------------------ */

static int hand_out(struct token_list *l, int rc, int32_t **ids, size_t *n, struct dobby_err *e)
{
    *ids = NULL;
    *n = 0;
    if (rc == 0 && !l->id) { /* an empty list still gives a pointer to free */
        l->id = mem_alloc(sizeof(*l->id));
        if (!l->id)
            rc = err_nomem(e, "tokens");
    }
    if (rc < 0) {
        token_list_release(l);
        return rc;
    }
    *ids = l->id;
    *n = l->n;
    return 0;
}

int dobby_tokenize(const struct dobby_model *m, const char *text, size_t len, int special,
                   int add_bos, int32_t **ids, size_t *n, struct dobby_err *e)
{
    struct token_list l = {0};
    int rc = 0;

    if (add_bos && tokenizer_add_bos(m->tokenizer))
        rc = token_list_add(&l, tokenizer_bos(m->tokenizer));
    if (rc < 0)
        rc = err_nomem(e, "tokens");
    else
        rc = tokenizer_encode(m->tokenizer, text, len, special != 0, &l, e);
    return hand_out(&l, rc, ids, n, e);
}

int dobby_chat_tokens(const struct dobby_model *m, const struct dobby_message *msg, size_t n_msg,
                      int32_t **ids, size_t *n, struct dobby_err *e)
{
    struct token_list l = {0};
    int rc = chat_encode(&m->chat, m->tokenizer, msg, n_msg, true, &l, e);
    return hand_out(&l, rc, ids, n, e);
}

const char *dobby_token_bytes(const struct dobby_model *m, int32_t id, size_t *len)
{
    return tokenizer_bytes(m->tokenizer, id, len);
}
