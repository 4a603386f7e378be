/* gguf.c - see gguf.h. The file is read once, front to back, by a bounded cursor (base/reader.h): header, keys, tensor
 * infos. Only then is the place of the data section known, and the tensors' ranges are checked. Tables grow as
 * entries are seen; counts in the file only ever shorten the way to a refusal. */
#include "llm/gguf.h"

#include "base/mem.h"
#include "base/reader.h"
#include "base/size.h"
#include "base/utf8.h"

#include <assert.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIN_HEADER    24u /* magic, version, two counts */
#define MIN_KV        14u /* length, one byte of key, type, one byte of value */
#define MIN_TENSOR    33u /* length, one byte of name, dimensions, one dimension, type, offset */
#define MAX_ALIGNMENT 65536u
#define DEFAULT_ALIGN 32u
#define REFETCH       "fetch the file again"
#define BAD_FILE                                                                                   \
    "the file is damaged or was made by a faulty program; fetch it again or convert it anew"

struct parse {
    struct gguf *g;
    struct reader r;
    struct dobby_err *e;
    size_t kv_cap, tensor_cap;
    uint64_t kv_count, tensor_count; /* as declared */
    struct strbuf tmp;               /* for text in messages */
};

static const struct {
    const char *name;
    size_t size; /* bytes of a value; 0: not fixed */
} TYPE[GGUF_TYPES] = {
    [GGUF_U8] = {"u8", 1},       [GGUF_I8] = {"i8", 1},     [GGUF_U16] = {"u16", 2},
    [GGUF_I16] = {"i16", 2},     [GGUF_U32] = {"u32", 4},   [GGUF_I32] = {"i32", 4},
    [GGUF_F32] = {"f32", 4},     [GGUF_BOOL] = {"bool", 1}, [GGUF_STRING] = {"string", 0},
    [GGUF_ARRAY] = {"array", 0}, [GGUF_U64] = {"u64", 8},   [GGUF_I64] = {"i64", 8},
    [GGUF_F64] = {"f64", 8},
};

const char *gguf_type_name(uint32_t type)
{
    return type < GGUF_TYPES ? TYPE[type].name : "?";
}

/* "model file: NAME: byte POS: why; what to do". */
__attribute__((format(printf, 5, 6))) static int refuse(struct parse *p, int code, size_t pos,
                                                        const char *hint, const char *fmt, ...)
{
    char why[512];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(why, sizeof(why), fmt, ap); /* a message cut short is still a message */
    va_end(ap);
    return err_set(p->e, code, "model file: %s: byte %zu: %s; %s", p->g->name, pos, why, hint);
}

#define DAMAGED(p, pos, ...) refuse(p, DOBBY_E_FORMAT, pos, BAD_FILE, __VA_ARGS__)

static int nomem(struct parse *p)
{
    return err_nomem(p->e, "the tables of a model file");
}

/* The reader ran off the end while reading `what`. */
static int cut_short(struct parse *p, const char *what)
{
    return refuse(p, DOBBY_E_FORMAT, p->r.fail_pos, REFETCH,
                  "the file ends inside %s (it has %zu bytes and needs %zu more here)", what,
                  p->g->size,
                  p->r.fail_need - size_min(p->r.fail_need, p->g->size - p->r.fail_pos));
}

/* Bytes from the file, fit for a message. */
static const char *shown(struct parse *p, const void *s, size_t n)
{
    strbuf_reset(&p->tmp);
    utf8_escape(&p->tmp, s, size_min(n, 80), "");
    return strbuf_str(&p->tmp);
}

/* ---- header ---------------------------------------------------------------------------------- */

static bool starts_with(const struct gguf *g, const void *image, const char *s)
{
    size_t n = strlen(s);

    return g->size >= n && memcmp(image, s, n) == 0;
}

/* What people mistake for a model file. */
static const char *guess_content(const struct gguf *g, const void *image)
{
    if (starts_with(g, image, "version https://git-lfs"))
        return "this is a Git LFS pointer, a few lines of text in place of the model; download the "
               "file itself";
    if (starts_with(g, image, "<!") || starts_with(g, image, "<html") ||
        starts_with(g, image, "<HTML"))
        return "this is a web page, probably an error page saved under the model's name; download "
               "the file itself";
    if (starts_with(g, image, "PK\003\004"))
        return "this is a zip archive (a PyTorch model?); dobby reads GGUF files only";
    if (starts_with(g, image, "lmgg") || starts_with(g, image, "tjgg") ||
        starts_with(g, image, "fmgg") || starts_with(g, image, "GGML") ||
        starts_with(g, image, "ggjt"))
        return "this is a model in a format older than GGUF; convert it or fetch a newer one";
    return "dobby reads GGUF files only";
}

static int parse_header(struct parse *p)
{
    struct gguf *g = p->g;
    const unsigned char *magic = p->r.p;

    if (g->size < 4 || memcmp(magic, "GGUF", 4) != 0) {
        unsigned char m[4] = {0};

        if (g->size == 0)
            return refuse(p, DOBBY_E_FORMAT, 0, REFETCH, "the file is empty");
        memcpy(m, magic, size_min(4, g->size));
        return refuse(p, DOBBY_E_FORMAT, 0, guess_content(g, magic),
                      "not a GGUF file: it begins with %02x %02x %02x %02x", m[0], m[1], m[2],
                      m[3]);
    }
    (void)reader_bytes(&p->r, 4);
    g->version = reader_u32(&p->r);
    p->tensor_count = reader_u64(&p->r);
    p->kv_count = reader_u64(&p->r);
    if (p->r.failed)
        return cut_short(p, "the header");
    if ((g->version & 0xFFFFu) == 0 && g->version != 0)
        return refuse(p, DOBBY_E_UNSUPPORTED, 4, "fetch or convert a little-endian one",
                      "a big-endian GGUF file (version 0x%08x)", g->version);
    if (g->version == 0)
        return DAMAGED(p, 4, "GGUF version 0 does not exist");
    if (g->version == 1)
        return refuse(p, DOBBY_E_UNSUPPORTED, 4, "fetch a newer one",
                      "GGUF version 1 is not supported (supported: 2 and 3)");
    if (g->version > 3)
        return refuse(p, DOBBY_E_UNSUPPORTED, 4, "a newer dobby may read it",
                      "GGUF version %u is not supported (supported: 2 and 3)", g->version);
    /* llama.cpp writes the counts as signed, the specification says unsigned: what differs is nonsense in both. */
    if (p->tensor_count > reader_left(&p->r) / MIN_TENSOR)
        return DAMAGED(p, 8,
                       "%llu tensors are declared, more than the %zu bytes that follow can hold",
                       (unsigned long long)p->tensor_count, reader_left(&p->r));
    if (p->kv_count > reader_left(&p->r) / MIN_KV)
        return DAMAGED(p, 16,
                       "%llu keys are declared, more than the %zu bytes that follow can hold",
                       (unsigned long long)p->kv_count, reader_left(&p->r));
    if (p->tensor_count > GGUF_MAX_TENSORS)
        return DAMAGED(p, 8, "too many tensors (%llu, limit %u)",
                       (unsigned long long)p->tensor_count, GGUF_MAX_TENSORS);
    if (p->kv_count > GGUF_MAX_KEYS)
        return DAMAGED(p, 16, "too many keys (%llu, limit %u)", (unsigned long long)p->kv_count,
                       GGUF_MAX_KEYS);
    return 0;
}

/* ---- keys and values ------------------------------------------------------------------------- */

/* The bytes of a string of at most `max`; NULL after a refusal. `what` names it in messages, with `key` if that is
 * known already (NULL otherwise). */
static const char *parse_string(struct parse *p, size_t max, const char *what, const char *key,
                                size_t *len)
{
    const char *of = key ? " of key " : "", *name = key ? key : "";
    size_t pos = p->r.pos;
    uint64_t n = reader_u64(&p->r);
    const char *s;

    if (p->r.failed) {
        (void)cut_short(p, what);
        return NULL;
    }
    if (n > reader_left(&p->r)) {
        (void)DAMAGED(p, pos, "%s%s%s has a length of %llu bytes, but %zu are left in the file",
                      what, of, name, (unsigned long long)n, reader_left(&p->r));
        return NULL;
    }
    if (n > max) {
        (void)DAMAGED(p, pos, "%s%s%s is too long (%llu bytes, limit %zu)", what, of, name,
                      (unsigned long long)n, max);
        return NULL;
    }
    s = reader_bytes(&p->r, (size_t)n);
    *len = (size_t)n;
    return s ? s : "";
}

/* A key or tensor name: not empty, printable ASCII; copied. NULL after a refusal. */
static const char *parse_name(struct parse *p, size_t max, const char *what)
{
    size_t pos = p->r.pos, n = 0;
    const char *s = parse_string(p, max, what, NULL, &n);
    const char *copy;

    if (!s)
        return NULL;
    if (n == 0) {
        (void)DAMAGED(p, pos, "%s is empty", what);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        if (s[i] < 0x20 ||
            s[i] > 0x7e) { /* NUL and everything beyond ASCII, too: char may be signed or not */
            (void)DAMAGED(p, pos, "%s \"%s\" holds the byte 0x%02x", what, shown(p, s, n),
                          (unsigned)(unsigned char)s[i]);
            return NULL;
        }
    }
    copy = arena_strndup(&p->g->mem, s, n);
    if (!copy)
        (void)nomem(p);
    return copy;
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);

    return n >= m && strcmp(s + n - m, end) == 0;
}

static size_t string_limit(const char *key)
{
    bool text = strncmp(key, "tokenizer.chat_template", strlen("tokenizer.chat_template")) == 0 ||
                ends_with(key, ".json");

    return text ? GGUF_MAX_TEXT : GGUF_MAX_STRING;
}

static int check_bool(struct parse *p, const struct gguf_kv *kv, const unsigned char *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (v[i] > 1)
            return DAMAGED(p, (size_t)(v + i - p->r.p),
                           "key %s: a bool has the value %u (allowed: 0, 1)", kv->key, v[i]);
    return 0;
}

static int parse_string_array(struct parse *p, struct gguf_kv *kv)
{
    struct gguf_array *a = &kv->array;
    size_t start = p->r.pos, end;
    uint32_t *offset;

    /* First walk all strings, then allocate: what is allocated for is in the file. */
    for (size_t i = 0; i < a->count; i++) {
        size_t n;

        if (!parse_string(p, GGUF_MAX_STRING, "a string", kv->key, &n))
            return DOBBY_E_FORMAT;
        if (p->r.pos - start > UINT32_MAX)
            return DAMAGED(p, start, "the array of key %s is longer than 4 GiB", kv->key);
    }
    end = p->r.pos;
    offset = arena_array(&p->g->mem, a->count, sizeof(*offset));
    if (!offset && a->count > 0)
        return nomem(p);
    p->r.pos = start;
    for (size_t i = 0; i < a->count; i++) {
        offset[i] = (uint32_t)(p->r.pos - start);
        (void)reader_bytes(&p->r, (size_t)reader_u64(&p->r));
    }
    assert(p->r.pos == end);
    a->data = p->r.p + start;
    a->offset = offset;
    kv->data = a->data;
    kv->size = end - start;
    return 0;
}

static int parse_array(struct parse *p, struct gguf_kv *kv)
{
    size_t pos = p->r.pos, min;
    uint32_t type = reader_u32(&p->r);
    uint64_t count = reader_u64(&p->r);

    if (p->r.failed)
        return cut_short(p, "an array's header");
    if (type == GGUF_ARRAY)
        return refuse(p, DOBBY_E_UNSUPPORTED, pos, "no known model needs it; fetch another file",
                      "nested array in key %s", kv->key);
    if (type >= GGUF_TYPES)
        return DAMAGED(p, pos, "key %s: unknown element type %u (allowed: 0..%d, not 9)", kv->key,
                       type, GGUF_TYPES - 1);
    if (count > GGUF_MAX_ARRAY)
        return DAMAGED(p, pos, "the array of key %s has too many elements (%llu, limit %u)",
                       kv->key, (unsigned long long)count, GGUF_MAX_ARRAY);
    min = type == GGUF_STRING ? 8 : TYPE[type].size;
    if (count > reader_left(&p->r) / min)
        return DAMAGED(p, pos,
                       "the array of key %s has %llu elements of type %s, more than the %zu bytes "
                       "that follow can hold",
                       kv->key, (unsigned long long)count, TYPE[type].name, reader_left(&p->r));
    kv->array = (struct gguf_array){.type = (enum gguf_type)type, .count = (size_t)count};
    if (type == GGUF_STRING)
        return parse_string_array(p, kv);
    kv->size = (size_t)count * min;
    kv->data = kv->array.data = reader_bytes(&p->r, kv->size);
    return type == GGUF_BOOL ? check_bool(p, kv, kv->data, kv->size) : 0;
}

static int parse_value(struct parse *p, struct gguf_kv *kv)
{
    size_t pos = p->r.pos;
    uint32_t type = reader_u32(&p->r);

    if (p->r.failed)
        return cut_short(p, "the type of a value");
    if (type >= GGUF_TYPES)
        return DAMAGED(p, pos, "key %s: unknown value type %u (allowed: 0..%d)", kv->key, type,
                       GGUF_TYPES - 1);
    kv->type = (enum gguf_type)type;
    if (type == GGUF_ARRAY)
        return parse_array(p, kv);
    if (type == GGUF_STRING) {
        kv->data = parse_string(p, string_limit(kv->key), "the string", kv->key, &kv->size);
        return kv->data ? 0 : DOBBY_E_FORMAT;
    }
    kv->size = TYPE[type].size;
    kv->data = reader_bytes(&p->r, kv->size);
    if (!kv->data)
        return cut_short(p, "a value");
    return type == GGUF_BOOL ? check_bool(p, kv, kv->data, 1) : 0;
}

static int parse_kvs(struct parse *p)
{
    struct gguf *g = p->g;

    for (uint64_t i = 0; i < p->kv_count; i++) {
        struct gguf_kv kv = {.pos = p->r.pos};
        int rc;

        kv.key = parse_name(p, GGUF_MAX_KEY, "a key");
        if (!kv.key)
            return DOBBY_E_FORMAT; /* or out of memory: gguf_parse takes the code from the message */
        rc = parse_value(p, &kv);
        if (rc < 0)
            return rc;
        if (mem_grow((void **)&g->kv, &p->kv_cap, g->n_kv + 1, sizeof(kv)) < 0)
            return nomem(p);
        g->kv[g->n_kv++] = kv;
    }
    return 0;
}

static int compare_kv(const void *a, const void *b)
{
    const struct gguf_kv *x = *(const struct gguf_kv *const *)a,
                         *y = *(const struct gguf_kv *const *)b;
    int c = strcmp(x->key, y->key);

    return c ? c : (x->pos > y->pos) - (x->pos < y->pos);
}

static int index_kvs(struct parse *p)
{
    struct gguf *g = p->g;

    g->kv_by_name = mem_array(g->n_kv + 1, sizeof(struct gguf_kv *));
    if (!g->kv_by_name)
        return nomem(p);
    for (size_t i = 0; i < g->n_kv; i++)
        g->kv_by_name[i] = &g->kv[i];
    qsort(g->kv_by_name, g->n_kv, sizeof(*g->kv_by_name), compare_kv);
    for (size_t i = 1; i < g->n_kv; i++)
        if (strcmp(g->kv_by_name[i - 1]->key, g->kv_by_name[i]->key) == 0)
            return DAMAGED(p, g->kv_by_name[i]->pos, "key %s occurs twice", g->kv_by_name[i]->key);
    return 0;
}

static uint64_t load_le(const unsigned char *p, size_t n)
{
    uint64_t v = 0;

    while (n-- > 0)
        v = v << 8 | p[n];
    return v;
}

/* ---- tensors --------------------------------------------------------------------------------- */

/* Keys that the rest of the parse depends on. */
static int apply_settings(struct parse *p)
{
    struct gguf *g = p->g;
    const struct gguf_kv *kv = gguf_find_kv(g, "general.alignment");
    uint32_t shards = 1;
    int rc;

    g->alignment = DEFAULT_ALIGN;
    if (kv) {
        uint32_t a = 0;

        if (kv->type != GGUF_U32)
            return DAMAGED(p, kv->pos, "general.alignment is of type %s, not u32",
                           gguf_type_name(kv->type));
        a = (uint32_t)load_le(kv->data, 4);
        if (a < 8 || a > MAX_ALIGNMENT || (a & (a - 1)) != 0)
            return DAMAGED(p, kv->pos,
                           "general.alignment is %u (allowed: powers of two from 8 to %u)", a,
                           MAX_ALIGNMENT);
        g->alignment = a;
    }
    rc = gguf_get_u32(g, "split.count", &shards, p->e);
    if (rc < 0 && rc != DOBBY_E_NOTFOUND)
        return rc;
    if (shards > 1)
        return refuse(
            p, DOBBY_E_UNSUPPORTED, gguf_find_kv(g, "split.count")->pos,
            "join the parts with llama.cpp's `gguf-split --merge`, or fetch the model as one file",
            "one of %u parts of a split model", shards);
    return 0;
}

/* The dimensions, in a budget of 2^63 elements: each one shrinks what is left for the next. */
static int parse_dims(struct parse *p, struct gguf_tensor *t, size_t pos)
{
    uint64_t budget = INT64_MAX;

    t->n_dims = reader_u32(&p->r);
    if (p->r.failed)
        return cut_short(p, "a tensor's description");
    if (t->n_dims < 1 || t->n_dims > 4)
        return DAMAGED(p, pos, "tensor %s has %u dimensions (allowed: 1 to 4)", t->name, t->n_dims);
    for (uint32_t i = 0; i < 4; i++) {
        uint64_t ne = i < t->n_dims ? reader_u64(&p->r) : 1;

        if (p->r.failed)
            return cut_short(p, "a tensor's description");
        if (ne == 0)
            return DAMAGED(p, pos, "dimension %u of tensor %s is 0", i, t->name);
        if (ne > budget)
            return DAMAGED(p, pos, "tensor %s is too large: dimension %u is %llu", t->name, i,
                           (unsigned long long)ne);
        budget /= ne;
        t->dim[i] = (size_t)ne;
    }
    return 0;
}

static int check_type(struct parse *p, struct gguf_tensor *t, uint32_t type, size_t pos)
{
    if (!quant_name(type))
        return DAMAGED(p, pos,
                       "tensor %s has type %u, which no version of GGUF knows or which is retired",
                       t->name, type);
    if (!quant_supported(type))
        return refuse(p, DOBBY_E_UNSUPPORTED, pos, "fetch the model in another quantisation",
                      "tensor %s is of type %s, which is not supported (supported: %s)", t->name,
                      quant_name(type), quant_supported_names());
    t->type = (enum quant_type)type;
    if (t->dim[0] % quant_block_len(t->type) != 0)
        return DAMAGED(
            p, pos,
            "the rows of tensor %s have %zu columns, not a multiple of the %zu of a %s block",
            t->name, t->dim[0], quant_block_len(t->type), quant_name(type));
    return 0;
}

/* Bytes of the tensor. Elements fit 2^63, but float32 takes four bytes each. */
static int size_tensor(struct parse *p, struct gguf_tensor *t, size_t pos)
{
    size_t n = t->dim[0] / quant_block_len(t->type), padded;
    bool ok = size_mul(n, quant_block_bytes(t->type), &n);

    for (int i = 1; i < 4; i++)
        ok = ok && size_mul(n, t->dim[i], &n);
    /* The padded size wraps for the last few values, which once was a way around this check. */
    if (!ok || n > INT64_MAX || !size_align(n, p->g->alignment, &padded))
        return DAMAGED(p, pos, "the size of tensor %s in bytes does not fit 63 bits", t->name);
    t->size = n;
    return 0;
}

static int parse_tensor(struct parse *p, struct gguf_tensor *t, uint64_t *offset)
{
    size_t pos = p->r.pos;
    uint32_t type;
    int rc;

    t->name = parse_name(p, GGUF_MAX_NAME, "a tensor's name");
    if (!t->name)
        return DOBBY_E_FORMAT;
    rc = parse_dims(p, t, pos);
    if (rc < 0)
        return rc;
    type = reader_u32(&p->r);
    *offset = reader_u64(&p->r);
    if (p->r.failed)
        return cut_short(p, "a tensor's description");
    rc = check_type(p, t, type, pos);
    if (rc < 0)
        return rc;
    if (*offset % p->g->alignment != 0)
        return DAMAGED(p, pos,
                       "the offset %llu of tensor %s is not a multiple of the alignment %zu",
                       (unsigned long long)*offset, t->name, p->g->alignment);
    return size_tensor(p, t, pos);
}

static int parse_tensors(struct parse *p)
{
    struct gguf *g = p->g;

    for (uint64_t i = 0; i < p->tensor_count; i++) {
        struct gguf_tensor t = {0};
        uint64_t offset, elements;
        int rc = parse_tensor(p, &t, &offset);

        if (rc < 0)
            return rc;
        elements = (uint64_t)t.dim[0] * t.dim[1] * t.dim[2] * t.dim[3];
        if (__builtin_add_overflow(g->n_params, elements, &g->n_params))
            return DAMAGED(p, p->r.pos, "the tensors up to %s have more than 2^64 elements",
                           t.name);
        t.pos = (size_t)offset; /* relative, until place_tensors() knows where the data begin */
        if (mem_grow((void **)&g->tensor, &p->tensor_cap, g->n_tensors + 1, sizeof(t)) < 0)
            return nomem(p);
        g->tensor[g->n_tensors++] = t;
    }
    return 0;
}

static int compare_tensor_name(const void *a, const void *b)
{
    return strcmp((*(const struct gguf_tensor *const *)a)->name,
                  (*(const struct gguf_tensor *const *)b)->name);
}

static int compare_tensor_pos(const void *a, const void *b)
{
    size_t x = (*(const struct gguf_tensor *const *)a)->pos,
           y = (*(const struct gguf_tensor *const *)b)->pos;

    return (x > y) - (x < y);
}

/* Turn offsets into ranges of the image. Always subtract from what is there, never add to what is claimed. */
static int place_tensors(struct parse *p)
{
    struct gguf *g = p->g;

    if (!size_align(p->r.pos, g->alignment, &g->data_pos) || g->data_pos > g->size) {
        if (g->n_tensors == 0) { /* a file of metadata only need not be padded */
            g->data_pos = g->size;
            return 0;
        }
        return refuse(p, DOBBY_E_FORMAT, p->r.pos, REFETCH,
                      "the file ends before its tensor data: it has %zu bytes", g->size);
    }
    for (size_t i = 0; i < g->n_tensors; i++) {
        struct gguf_tensor *t = &g->tensor[i];
        size_t room = g->size - g->data_pos, need;

        if (t->pos > room || t->size > room - t->pos) {
            if (!size_add(t->pos, t->size, &need) || !size_add(need, g->data_pos, &need))
                return DAMAGED(p, g->data_pos, "tensor %s ends beyond 2^64", t->name);
            return refuse(
                p, DOBBY_E_FORMAT, g->size, REFETCH,
                "the file is cut short: tensor %s ends at byte %zu, the file has %zu bytes",
                t->name, need, g->size);
        }
        t->pos += g->data_pos;
        t->data = p->r.p + t->pos;
    }
    return 0;
}

static int index_tensors(struct parse *p)
{
    struct gguf *g = p->g;
    const struct gguf_tensor **v = mem_array(g->n_tensors + 1, sizeof(*v));

    g->tensor_by_name = v;
    if (!v)
        return nomem(p);
    for (size_t i = 0; i < g->n_tensors; i++)
        v[i] = &g->tensor[i];
    qsort(v, g->n_tensors, sizeof(*v), compare_tensor_pos);
    for (size_t i = 1; i < g->n_tensors; i++)
        if (v[i]->pos - v[i - 1]->pos < v[i - 1]->size)
            return DAMAGED(p, v[i]->pos, "tensors %s and %s overlap", v[i - 1]->name, v[i]->name);
    qsort(v, g->n_tensors, sizeof(*v), compare_tensor_name);
    for (size_t i = 1; i < g->n_tensors; i++)
        if (strcmp(v[i - 1]->name, v[i]->name) == 0)
            return DAMAGED(p, v[i]->pos, "two tensors are named %s", v[i]->name);
    return 0;
}

/* Block layouts changed once, long ago; every file of today says 2. */
static int check_quantization(struct parse *p)
{
    struct gguf *g = p->g;
    const char *key = "general.quantization_version";
    uint32_t version = 2;
    bool quantised = false;
    int rc = gguf_get_u32(g, key, &version, p->e);

    if (rc < 0 && rc != DOBBY_E_NOTFOUND)
        return rc;
    for (size_t i = 0; i < g->n_tensors; i++)
        quantised = quantised || quant_block_len(g->tensor[i].type) > 1;
    if (version != 2 && quantised)
        return refuse(p, DOBBY_E_UNSUPPORTED, gguf_find_kv(g, key)->pos, "fetch a newer file",
                      "%s is %u (supported: 2)", key, version);
    return 0;
}

/* ---- opening --------------------------------------------------------------------------------- */

static int parse_all(struct parse *p)
{
    int (*const step[])(struct parse *) = {parse_header,   parse_kvs,         index_kvs,
                                           apply_settings, parse_tensors,     place_tensors,
                                           index_tensors,  check_quantization};

    for (size_t i = 0; i < ARRAY_LEN(step); i++) {
        int rc = step[i](p);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int gguf_parse(struct gguf *g, const void *data, size_t size, const char *name, struct dobby_err *e)
{
    struct dobby_err local = {0}; /* the code is read from it, so there must be one */
    struct parse p = {.g = g, .e = &local};
    int rc;

    *g = (struct gguf){.size = size};
    g->name = arena_strdup(&g->mem, name);
    reader_init(&p.r, data, size);
    if (!g->name)
        rc = nomem(&p);
    else
        rc = parse_all(&p);
    strbuf_release(&p.tmp);
    if (rc < 0) {
        rc = local.code;
        (void)err_set(e, local.code, "%s", local.message);
        gguf_release(g);
    }
    return rc;
}

int gguf_open(struct gguf *g, const char *path, struct dobby_err *e)
{
    struct file_map map;
    struct file_id id;
    int rc;

    *g = (struct gguf){0};
    rc = file_identify(&id, path, e);
    if (rc < 0)
        return rc;
    rc = file_map_open(&map, path, e);
    if (rc < 0)
        return rc;
    rc = gguf_parse(g, map.data, map.size, path, e);
    if (rc < 0)
        goto out;
    g->id = id;
    g->map = map; /* ownership moves last, when nothing can fail any more */
    map = (struct file_map){0};
out:
    file_map_close(&map);
    return rc;
}

void gguf_release(struct gguf *g)
{
    file_map_close(&g->map);
    arena_release(&g->mem);
    mem_free(g->kv);
    mem_free(g->tensor);
    mem_free(g->kv_by_name);
    mem_free(g->tensor_by_name);
    *g = (struct gguf){0};
}

void gguf_forget(const struct gguf *g)
{
    file_map_forget(&g->map, g->map.data, g->map.size);
}

int gguf_check_unchanged(const struct gguf *g, struct dobby_err *e)
{
    struct file_id now;
    int rc;

    if (!g->map.data)
        return 0;
    rc = file_identify(&now, g->name, e);
    if (rc < 0)
        return rc;
    if (now.dev != g->id.dev || now.ino != g->id.ino || now.size != g->id.size ||
        now.mtime_ns != g->id.mtime_ns || now.ctime_ns != g->id.ctime_ns)
        return err_set(e, DOBBY_E_IO,
                       "model file: %s: changed while it was read; try again when it is complete",
                       g->name);
    return 0;
}

/* ---- lookups --------------------------------------------------------------------------------- */

const struct gguf_tensor *gguf_find_tensor(const struct gguf *g, const char *name)
{
    size_t lo = 0, hi = g->n_tensors;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = strcmp(name, g->tensor_by_name[mid]->name);

        if (c == 0)
            return g->tensor_by_name[mid];
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

const struct gguf_kv *gguf_find_kv(const struct gguf *g, const char *key)
{
    size_t lo = 0, hi = g->n_kv;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = strcmp(key, g->kv_by_name[mid]->key);

        if (c == 0)
            return g->kv_by_name[mid];
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

static int wrong_type(const struct gguf *g, const struct gguf_kv *kv, const char *wanted,
                      struct dobby_err *e)
{
    const char *of = kv->type == GGUF_ARRAY ? " of " : "",
               *elem = kv->type == GGUF_ARRAY ? gguf_type_name(kv->array.type) : "";

    return err_set(e, DOBBY_E_FORMAT,
                   "model file: %s: byte %zu: key %s is of type %s%s%s, not %s; %s", g->name,
                   kv->pos, kv->key, gguf_type_name(kv->type), of, elem, wanted, BAD_FILE);
}

/* An integer of any type at p; false if the type is none, the number is negative or beyond 32 bits. */
static bool load_u32(enum gguf_type type, const void *p, uint32_t *out)
{
    uint64_t v;

    switch (type) {
    case GGUF_U8:
    case GGUF_U16:
    case GGUF_U32:
    case GGUF_U64:
        v = load_le(p, TYPE[type].size);
        break;
    case GGUF_I8:
    case GGUF_I16:
    case GGUF_I32:
    case GGUF_I64: /* the sign bit makes it too large for the type's positive half */
        v = load_le(p, TYPE[type].size);
        if (v >> (8 * TYPE[type].size - 1))
            return false;
        break;
    default:
        return false;
    }
    if (v > UINT32_MAX)
        return false;
    *out = (uint32_t)v;
    return true;
}

#define U32_WANTED "an integer from 0 to 4294967295"

int gguf_get_u32(const struct gguf *g, const char *key, uint32_t *out, struct dobby_err *e)
{
    const struct gguf_kv *kv = gguf_find_kv(g, key);

    if (!kv)
        return DOBBY_E_NOTFOUND;
    return load_u32(kv->type, kv->data, out) ? 0 : wrong_type(g, kv, U32_WANTED, e);
}

int gguf_get_u32_at(const struct gguf *g, const char *key, size_t i, uint32_t *out,
                    struct dobby_err *e)
{
    const struct gguf_kv *kv = gguf_find_kv(g, key);
    const struct gguf_array *a;

    if (!kv || kv->type != GGUF_ARRAY)
        return gguf_get_u32(g, key, out, e);
    a = &kv->array;
    if (a->type == GGUF_STRING)
        return wrong_type(g, kv, U32_WANTED, e);
    if (i >= a->count)
        return err_set(
            e, DOBBY_E_FORMAT,
            "model file: %s: byte %zu: key %s has %zu elements, but number %zu is needed; %s",
            g->name, kv->pos, key, a->count, i, BAD_FILE);
    if (!load_u32(a->type, (const char *)a->data + i * TYPE[a->type].size, out))
        return wrong_type(g, kv, "array of integers from 0 to 4294967295", e);
    return 0;
}

int gguf_get_f32(const struct gguf *g, const char *key, float *out, struct dobby_err *e)
{
    const struct gguf_kv *kv = gguf_find_kv(g, key);
    double d;

    if (!kv)
        return DOBBY_E_NOTFOUND;
    if (kv->type == GGUF_F32) {
        *out = f32_from_bits((uint32_t)load_le(kv->data, 4));
        return 0;
    }
    if (kv->type != GGUF_F64)
        return wrong_type(g, kv, "f32", e);
    memcpy(&d, &(uint64_t){load_le(kv->data, 8)}, sizeof(d));
    *out = (float)d;
    return 0;
}

int gguf_get_bool(const struct gguf *g, const char *key, bool *out, struct dobby_err *e)
{
    const struct gguf_kv *kv = gguf_find_kv(g, key);

    if (!kv)
        return DOBBY_E_NOTFOUND;
    if (kv->type != GGUF_BOOL)
        return wrong_type(g, kv, "bool", e);
    *out = *(const unsigned char *)kv->data != 0;
    return 0;
}

int gguf_get_str(const struct gguf *g, const char *key, const char **s, size_t *len,
                 struct dobby_err *e)
{
    const struct gguf_kv *kv = gguf_find_kv(g, key);

    if (!kv)
        return DOBBY_E_NOTFOUND;
    if (kv->type != GGUF_STRING)
        return wrong_type(g, kv, "string", e);
    *s = kv->data;
    *len = kv->size;
    return 0;
}

int gguf_get_array(const struct gguf *g, const char *key, enum gguf_type type,
                   struct gguf_array *out, struct dobby_err *e)
{
    const struct gguf_kv *kv = gguf_find_kv(g, key);
    char wanted[32];

    if (!kv)
        return DOBBY_E_NOTFOUND;
    if (kv->type == GGUF_ARRAY && kv->array.type == type) {
        *out = kv->array;
        return 0;
    }
    (void)snprintf(wanted, sizeof(wanted), "array of %s", gguf_type_name(type));
    return wrong_type(g, kv, wanted, e);
}

const char *gguf_array_str(const struct gguf_array *a, size_t i, size_t *len)
{
    const char *p = (const char *)a->data + a->offset[i];
    uint64_t n;

    assert(a->type == GGUF_STRING && i < a->count);
    memcpy(&n, p, sizeof(n)); /* load_le() would do, but this is called a million times */
    *len = (size_t)le64toh(n);
    return p + 8;
}

int32_t gguf_array_i32(const struct gguf_array *a, size_t i)
{
    assert(a->type == GGUF_I32 && i < a->count);
    return (int32_t)(uint32_t)load_le((const unsigned char *)a->data + 4 * i, 4);
}

float gguf_array_f32(const struct gguf_array *a, size_t i)
{
    assert(a->type == GGUF_F32 && i < a->count);
    return f32_from_bits((uint32_t)load_le((const unsigned char *)a->data + 4 * i, 4));
}

void gguf_put_tensor_types(const struct gguf *g, struct strbuf *out)
{
    size_t count[QUANT_IDS] = {0};
    const char *sep = "";

    for (size_t i = 0; i < g->n_tensors; i++)
        count[g->tensor[i].type]++;
    for (uint32_t t = 0; t < QUANT_IDS; t++) {
        if (count[t] == 0)
            continue;
        strbuf_printf(out, "%s%s:%zu", sep, quant_name(t), count[t]);
        sep = " ";
    }
}
