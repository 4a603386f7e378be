/* adapter.c - see adapter.h (llm). */
#include "llm/adapter.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/size.h"
#include "llm/modelfile.h"
#include "llm/quantize.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SUFFIX_LEN 7    /* of ".lora_a" */
#define CHUNK      1024 /* values looked at together; a multiple of every block */

/* ---- keys ------------------------------------------------------------------------------------------------ */

/* The string at `key` must be `want`. */
static int need_str(const struct adapter *a, const char *key, const char *want, const char *advice,
                    struct dobby_err *e)
{
    const char *s = "";
    size_t len = 0;
    int rc = gguf_get_str(&a->g, key, &s, &len, e);

    if (rc < 0 && rc != DOBBY_E_NOTFOUND)
        return rc;
    if (rc == 0 && len == strlen(want) && memcmp(s, want, len) == 0)
        return 0;
    return err_set(e, DOBBY_E_UNSUPPORTED, "adapter: %s: %s is not \"%s\": %s", a->g.name, key,
                   want, advice);
}

static int read_alpha(struct adapter *a, struct dobby_err *e)
{
    int rc = gguf_get_f32(&a->g, "adapter.lora.alpha", &a->alpha, e);

    if (rc == DOBBY_E_NOTFOUND)
        return err_set(e, DOBBY_E_FORMAT,
                       "adapter: %s: adapter.lora.alpha is missing: its weight is not known; "
                       "convert it again with llama.cpp's convert_lora_to_gguf",
                       a->g.name);
    if (rc == 0 && !(isfinite(a->alpha) && a->alpha > 0))
        return err_set(e, DOBBY_E_FORMAT,
                       "adapter: %s: adapter.lora.alpha is %g; it must be above 0 and finite",
                       a->g.name, (double)a->alpha);
    return rc;
}

static int read_base(struct adapter *a, struct dobby_err *e)
{
    const char *s;
    size_t len;
    int rc = gguf_get_str(&a->g, "dobby.base.sha256", &s, &len, e);

    if (rc == DOBBY_E_NOTFOUND)
        return 0;
    if (rc < 0)
        return rc;
    if (len != 64)
        len = 0;
    for (size_t i = 0; i < len; i++)
        if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f')))
            len = 0;
    if (len == 0)
        return err_set(e, DOBBY_E_FORMAT,
                       "adapter: %s: dobby.base.sha256 is not 64 hex digits in lower case",
                       a->g.name);
    memcpy(a->base, s, len);
    return 0;
}

static int read_merge_type(struct adapter *a, const char *asked, struct dobby_err *e)
{
    const char *s;
    size_t len;
    int rc;

    a->merge = QUANT_Q8_0;
    a->merge_stated = asked || gguf_find_kv(&a->g, "dobby.merge.type");
    if (asked)
        return quantize_type(asked, strlen(asked), &a->merge)
                   ? 0
                   : err_set(e, DOBBY_E_USAGE,
                             "adapter: weights cannot be rounded to the type '%.20s'; %s are "
                             "possible",
                             asked, quantize_names());
    rc = gguf_get_str(&a->g, "dobby.merge.type", &s, &len, e);
    if (rc == DOBBY_E_NOTFOUND)
        return 0;
    if (rc == 0 && !quantize_type(s, len, &a->merge))
        return err_set(e, DOBBY_E_UNSUPPORTED,
                       "adapter: %s: dobby.merge.type names a type that weights cannot be rounded "
                       "to; %s are possible",
                       a->g.name, quantize_names());
    return rc;
}

static int read_keys(struct adapter *a, const char *merge_type, struct dobby_err *e)
{
    int rc;

    if ((rc = need_str(a, "general.type", "adapter", "it is no adapter", e)) < 0 ||
        (rc = need_str(a, "adapter.type", "lora", "only low-rank adapters are supported", e)) < 0)
        return rc;
    if (gguf_find_kv(&a->g, "adapter.alora.invocation_tokens"))
        return err_set(e, DOBBY_E_UNSUPPORTED,
                       "adapter: %s: adapter.alora.invocation_tokens is set: an adapter that "
                       "works behind certain tokens only cannot be merged",
                       a->g.name);
    if ((rc = read_alpha(a, e)) < 0 || (rc = read_base(a, e)) < 0)
        return rc;
    return read_merge_type(a, merge_type, e);
}

/* ---- pairs ----------------------------------------------------------------------------------------------- */

static bool has_suffix(const char *name, const char *suffix)
{
    size_t n = strlen(name);

    return n > SUFFIX_LEN && strcmp(name + n - SUFFIX_LEN, suffix) == 0;
}

static bool type_taken(enum quant_type t)
{
    return t == QUANT_F32 || t == QUANT_F16 || t == QUANT_BF16 || t == QUANT_Q8_0;
}

static int check_tensor(const struct adapter *a, const struct gguf_tensor *t, struct dobby_err *e)
{
    if (!has_suffix(t->name, ".lora_a") && !has_suffix(t->name, ".lora_b"))
        return err_set(e, DOBBY_E_UNSUPPORTED,
                       "adapter: %s: the tensor %s is not part of a low-rank pair "
                       "(NAME.lora_a and NAME.lora_b)",
                       a->g.name, t->name);
    if (!type_taken(t->type))
        return err_set(e, DOBBY_E_UNSUPPORTED,
                       "adapter: %s: %s is of the type %s; F32, F16, BF16 and Q8_0 are possible",
                       a->g.name, t->name, quant_name(t->type));
    if (t->dim[2] != 1 || t->dim[3] != 1)
        return err_set(e, DOBBY_E_FORMAT, "adapter: %s: %s is %zux%zux%zux%zu: not a matrix",
                       a->g.name, t->name, t->dim[0], t->dim[1], t->dim[2], t->dim[3]);
    return 0;
}

/* The other one of a pair: its name is t's with another last letter. */
static const struct gguf_tensor *other(const struct adapter *a, const struct gguf_tensor *t)
{
    char name[GGUF_MAX_NAME + 1];
    size_t n = strlen(t->name);

    memcpy(name, t->name, n + 1);
    name[n - 1] = name[n - 1] == 'a' ? 'b' : 'a';
    return gguf_find_tensor(&a->g, name);
}

static int add_pair(struct adapter *a, const struct gguf_tensor *t, struct dobby_err *e)
{
    const struct gguf_tensor *b = other(a, t);
    struct adapter_pair *p = &a->pair[a->n_pairs];
    size_t rank = t->dim[1];

    if (b->dim[0] != rank)
        return err_set(e, DOBBY_E_FORMAT,
                       "adapter: %s: %s is of the rank %zu, and %s of %zu: they must be equal",
                       a->g.name, t->name, rank, b->name, b->dim[0]);
    if (rank > ADAPTER_MAX_RANK)
        return err_set(e, DOBBY_E_LIMIT, "adapter: %s: %s is of the rank %zu; the limit is %u",
                       a->g.name, t->name, rank, ADAPTER_MAX_RANK);
    *p =
        (struct adapter_pair){.name = arena_strndup(&a->mem, t->name, strlen(t->name) - SUFFIX_LEN),
                              .a = t,
                              .b = b,
                              .rank = rank,
                              .scale = a->alpha / (float)rank};
    if (!p->name)
        return err_nomem(e, "an adapter's tables");
    a->min_rank = a->n_pairs ? size_min(a->min_rank, rank) : rank;
    a->max_rank = size_max(a->max_rank, rank);
    a->n_pairs++;
    return 0;
}

static int compare_pairs(const void *pa, const void *pb)
{
    const struct adapter_pair *a = pa, *b = pb;

    return strcmp(a->name, b->name);
}

static int read_pairs(struct adapter *a, struct dobby_err *e)
{
    int rc = 0;

    if (a->g.n_tensors == 0)
        return err_set(e, DOBBY_E_FORMAT, "adapter: %s: it has no tensors; get it again",
                       a->g.name);
    a->pair = arena_array(&a->mem, a->g.n_tensors, sizeof(*a->pair));
    if (!a->pair)
        return err_nomem(e, "an adapter's tables");
    for (size_t i = 0; rc == 0 && i < a->g.n_tensors; i++) {
        const struct gguf_tensor *t = &a->g.tensor[i];

        rc = check_tensor(a, t, e);
        if (rc == 0 && !other(a, t))
            rc = err_set(e, DOBBY_E_FORMAT, "adapter: %s: %s stands alone: its lora_%s is missing",
                         a->g.name, t->name, has_suffix(t->name, ".lora_a") ? "b" : "a");
        if (rc == 0 && has_suffix(t->name, ".lora_a"))
            rc = add_pair(a, t, e);
    }
    if (rc == 0)
        qsort(a->pair, a->n_pairs, sizeof(*a->pair), compare_pairs);
    return rc;
}

/* ---- opening --------------------------------------------------------------------------------------------- */

static int take_hash(struct adapter *a, const char *cache_dir, struct dobby_err *e)
{
    int rc = modelfile_hash(a->g.name, cache_dir, a->hash, NULL, NULL, e);

    if (rc == 0)
        hex_encode(a->sha256, a->hash, sizeof(a->hash));
    return rc;
}

int adapter_open(struct adapter *a, const char *path, const char *cache_dir, const char *merge_type,
                 struct dobby_err *e)
{
    int rc;

    *a = (struct adapter){0};
    rc = gguf_open(&a->g, path, e);
    if (rc < 0)
        return rc;
    if (a->g.size > ADAPTER_MAX_BYTES)
        rc = err_set(e, DOBBY_E_LIMIT, "adapter: %s: %zu bytes; the limit is %zu", path, a->g.size,
                     ADAPTER_MAX_BYTES);
    if (rc == 0)
        rc = read_keys(a, merge_type, e);
    if (rc == 0)
        rc = read_pairs(a, e);
    if (rc == 0)
        rc = take_hash(a, cache_dir, e);
    if (rc == 0)
        rc = gguf_check_unchanged(&a->g, e);
    if (rc < 0)
        adapter_release(a);
    return rc;
}

void adapter_release(struct adapter *a)
{
    gguf_release(&a->g);
    arena_release(&a->mem);
    *a = (struct adapter){0};
}

/* ---- binding --------------------------------------------------------------------------------------------- */

static int check_values(const struct adapter *a, const struct gguf_tensor *t, struct dobby_err *e)
{
    const unsigned char *from = t->data;
    float v[CHUNK];
    size_t left = t->dim[0] * t->dim[1];

    while (left > 0) {
        size_t n = size_min(left, CHUNK);

        quant_dequantize(t->type, from, v, n);
        for (size_t i = 0; i < n; i++)
            if (!isfinite(v[i]))
                return err_set(e, DOBBY_E_FORMAT,
                               "adapter: %s: %s holds a value that is not finite; get it again or "
                               "train it anew",
                               a->g.name, t->name);
        from += quant_row_bytes(t->type, n);
        left -= n;
    }
    return 0;
}

int adapter_bind(const struct adapter *a, const char *arch, const char *sha256, struct dobby_err *e)
{
    int rc = need_str(a, "general.architecture", arch, "it was made for another model", e);

    if (rc == 0 && *a->base && strcmp(a->base, sha256) != 0)
        rc = err_set(e, DOBBY_E_UNSUPPORTED,
                     "adapter: %s: it was made for the model with the SHA-256 %.12s..., and this "
                     "one has %.12s...; use it with that model, or leave it out",
                     a->g.name, a->base, sha256);
    for (size_t i = 0; rc == 0 && i < a->g.n_tensors; i++)
        rc = check_values(a, &a->g.tensor[i], e);
    gguf_forget(&a->g);
    if (rc == 0 && !*a->base)
        log_msg(LOG_WARN,
                "adapter: %s: it does not say which model it was made for (dobby.base.sha256): "
                "that is not checked",
                a->g.name);
    return rc;
}

int adapter_take(struct adapter *a, const char *name, size_t rows, size_t cols,
                 const struct adapter_pair **out, struct dobby_err *e)
{
    struct adapter_pair key = {.name = name};
    struct adapter_pair *p =
        a->n_pairs ? bsearch(&key, a->pair, a->n_pairs, sizeof(*p), compare_pairs) : NULL;

    *out = p;
    if (!p)
        return 0;
    if (p->a->dim[0] != cols || p->b->dim[1] != rows)
        return err_set(e, DOBBY_E_FORMAT,
                       "adapter: %s: the pair for %s makes a matrix of %zux%zu; the model's is "
                       "%zux%zu",
                       a->g.name, name, p->a->dim[0], p->b->dim[1], cols, rows);
    p->taken = true;
    return 0;
}

int adapter_all_taken(const struct adapter *a, struct dobby_err *e)
{
    for (size_t i = 0; i < a->n_pairs; i++)
        if (!a->pair[i].taken)
            return err_set(e, DOBBY_E_FORMAT,
                           "adapter: %s: it changes %s, which the model does not have or which "
                           "cannot be changed; only matrices of layers and the output can",
                           a->g.name, a->pair[i].name);
    return 0;
}

/* ---- a directory of adapters ----------------------------------------------------------------------------- */

static bool is_gguf(const struct dirent *d)
{
    size_t n = strlen(d->d_name);

    return n > 5 && strcmp(d->d_name + n - 5, ".gguf") == 0;
}

/* Is the file an adapter that says it is for this model? */
static bool is_for(const char *path, const char *sha256)
{
    struct dobby_err why = {0};
    struct adapter a = {0};
    bool fits;
    int rc = gguf_open(&a.g, path, &why);

    if (rc == 0)
        rc = need_str(&a, "general.type", "adapter", "it is no adapter", &why);
    if (rc == 0)
        rc = read_base(&a, &why);
    if (rc < 0)
        log_msg(LOG_WARN, "adapters: passed over: %s", why.message);
    fits = rc == 0 && strcmp(a.base, sha256) == 0;
    adapter_release(&a);
    return fits;
}

bool adapter_any(const char *dir)
{
    DIR *d = opendir(dir);
    const struct dirent *at;
    bool found = false;

    if (!d)
        return false;
    while (!found && (at = readdir(d)) != NULL)
        found = is_gguf(at);
    closedir(d);
    return found;
}

/* *best becomes dir/name if that is for the model and its name comes before the one there. */
static int better(char **best, const char *dir, const char *name, const char *sha256,
                  struct dobby_err *e)
{
    struct strbuf path = {0};
    int rc = 0;

    file_join(&path, dir, name);
    if (strbuf_failed(&path)) {
        rc = err_nomem(e, "a path");
    } else if ((!*best || strcmp(path.s, *best) < 0) && is_for(path.s, sha256)) {
        mem_free(*best);
        *best = strbuf_take(&path, NULL);
        rc = *best ? 0 : err_nomem(e, "a path");
    }
    strbuf_release(&path);
    return rc;
}

int adapter_default(char **out, const char *dir, const char *sha256, struct dobby_err *e)
{
    DIR *d = opendir(dir);
    const struct dirent *at;
    int rc = 0;

    *out = NULL;
    if (!d)
        return errno == ENOENT || errno == ENOTDIR ? 0
                                                   : err_errno(e, errno, NULL, "adapters: %s", dir);
    while (rc == 0 && (at = readdir(d)) != NULL)
        if (is_gguf(at))
            rc = better(out, dir, at->d_name, sha256, e);
    closedir(d);
    if (rc < 0) {
        mem_free(*out);
        *out = NULL;
    }
    return rc;
}
