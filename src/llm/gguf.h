/* gguf.h - read-only view of a GGUF model file (llm).
 * What     Header, metadata and tensor table are parsed; strings, arrays and tensor bytes stay where they are.
 * Owns     One mapping (none for images), one arena, two tables. Every pointer handed out dies with gguf_release().
 * Trust    None in the file: no byte is used before its range is checked, nothing is allocated for a count
 *          before that count of things was seen in the file.
 * Holds    After success: keys and tensor names are unique, printable ASCII; every array element lies in the
 *          image; every tensor has a supported type, 1 to 4 dimensions of at least 1, whole blocks in a row, and
 *          its bytes lie in the image, aligned and apart from those of all others.
 * Threads  Immutable once open: any number of readers, no lock.
 * Source   GGUF v2 and v3, docs/gguf.md of the ggml project; little-endian files only.
 * Next     gguf.c for the parser, quant.h for the types, tokenizer.h and model.h for what is asked of a file. */
#ifndef LLM_GGUF_H
#define LLM_GGUF_H

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "llm/quant.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Types of metadata values, as numbered in the file. */
enum gguf_type {
    GGUF_U8 = 0,
    GGUF_I8,
    GGUF_U16,
    GGUF_I16,
    GGUF_U32,
    GGUF_I32,
    GGUF_F32,
    GGUF_BOOL,
    GGUF_STRING,
    GGUF_ARRAY,
    GGUF_U64,
    GGUF_I64,
    GGUF_F64,
    GGUF_TYPES /* how many there are */
};

#define GGUF_MAX_TENSORS 65536u
#define GGUF_MAX_KEYS    65536u
#define GGUF_MAX_NAME    63u         /* bytes of a tensor name */
#define GGUF_MAX_KEY     65535u      /* bytes of a key */
#define GGUF_MAX_STRING  (1u << 20)  /* bytes of a string value or an array's string */
#define GGUF_MAX_TEXT    (16u << 20) /* bytes of a chat template or of embedded JSON */
#define GGUF_MAX_ARRAY   (1u << 30)  /* elements */

/* Elements of an array, packed in the file without alignment: read them with the functions below. */
struct gguf_array {
    enum gguf_type type; /* of the elements; never GGUF_ARRAY */
    size_t count;
    const void *data;       /* into the image */
    const uint32_t *offset; /* strings only: where string i's length field starts, from data */
};

struct gguf_kv {
    const char *key; /* in the arena, NUL-terminated */
    enum gguf_type type;
    const void *
        data; /* the value in the image; for strings the first byte, for arrays the first element */
    size_t size;             /* bytes at data */
    size_t pos;              /* offset of the key in the file, for messages */
    struct gguf_array array; /* if type is GGUF_ARRAY */
};

struct gguf_tensor {
    const char *name;     /* in the arena, NUL-terminated */
    enum quant_type type; /* block layout: quant.h */
    uint32_t n_dims;      /* as written in the file, 1..4 */
    size_t dim[4];        /* elements; dim[0] is contiguous (columns), absent dims are 1 */
    const void *data;     /* into the image, aligned to `alignment` if the image itself is */
    size_t size; /* bytes, equal to quant_row_bytes(type, dim[0]) * dim[1] * dim[2] * dim[3] */
    size_t pos;  /* offset of data in the file */
};

struct gguf {
    struct file_map map; /* zero for images */
    struct file_id id;   /* of the file when it was opened */
    struct arena mem;
    const char *name;   /* path, or the name given for the image */
    size_t size;        /* bytes of file or image */
    uint32_t version;   /* 2 or 3 */
    size_t alignment;   /* of tensor data */
    size_t data_pos;    /* offset where tensor data begins */
    struct gguf_kv *kv; /* in file order */
    size_t n_kv;
    struct gguf_tensor *tensor; /* in file order */
    size_t n_tensors;
    uint64_t n_params;                         /* elements of all tensors */
    const struct gguf_kv **kv_by_name;         /* sorted */
    const struct gguf_tensor **tensor_by_name; /* sorted */
};

/* Map the file at `path` and check all its tables; O(tables), whatever the size of the weights.
 * g  uninitialised or released; filled on success, left released on failure.
 * Returns 0, or DOBBY_E_NOTFOUND, _PERMISSION, _IO, _FORMAT (the message gives the offset), _UNSUPPORTED, _NOMEM. */
MUST_CHECK int gguf_open(struct gguf *g, const char *path, struct dobby_err *e);
/* The same for `size` bytes at `data`, borrowed until gguf_release(); `name` (copied) is for messages. */
MUST_CHECK int gguf_parse(struct gguf *g, const void *data, size_t size, const char *name,
                          struct dobby_err *e);
void gguf_release(struct gguf *g);
/* What was read of the file so far stops counting as this process's memory (base/file.h); nothing for images. */
void gguf_forget(const struct gguf *g);
/* Has the file kept its identity (inode, size, times) since gguf_open? DOBBY_E_IO with advice if not: what was
 * read in between is worthless. Always 0 for images. */
MUST_CHECK int gguf_check_unchanged(const struct gguf *g, struct dobby_err *e);

/* Lookups: O(log n); NULL if absent. */
const struct gguf_tensor *gguf_find_tensor(const struct gguf *g, const char *name);
const struct gguf_kv *gguf_find_kv(const struct gguf *g, const char *key);

/* Values by key. An absent key gives DOBBY_E_NOTFOUND, leaves *out alone and makes no message, so a default may
 * stand in *out. A value of another type, or one that does not fit, gives DOBBY_E_FORMAT with a message. */
MUST_CHECK int gguf_get_u32(const struct gguf *g, const char *key, uint32_t *out,
                            struct dobby_err *e); /* any integer type */
MUST_CHECK int gguf_get_f32(const struct gguf *g, const char *key, float *out,
                            struct dobby_err *e); /* f32 or f64 */
MUST_CHECK int gguf_get_bool(const struct gguf *g, const char *key, bool *out, struct dobby_err *e);
/* Bytes in the image, not NUL-terminated, any content. */
MUST_CHECK int gguf_get_str(const struct gguf *g, const char *key, const char **s, size_t *len,
                            struct dobby_err *e);
/* An array whose elements are of type `type`, exactly. */
MUST_CHECK int gguf_get_array(const struct gguf *g, const char *key, enum gguf_type type,
                              struct gguf_array *out, struct dobby_err *e);
/* A number per layer: element i of an integer array (DOBBY_E_FORMAT if it is too short), or the plain integer
 * that holds for all layers. */
MUST_CHECK int gguf_get_u32_at(const struct gguf *g, const char *key, size_t i, uint32_t *out,
                               struct dobby_err *e);

/* Elements; i < a->count, and the array has that type. */
const char *gguf_array_str(const struct gguf_array *a, size_t i,
                           size_t *len); /* bytes in the image, no NUL */
int32_t gguf_array_i32(const struct gguf_array *a, size_t i);
float gguf_array_f32(const struct gguf_array *a, size_t i);

const char *gguf_type_name(uint32_t type); /* "u32", "string", ...; "?" for unknown numbers */
/* Append the tensor types with their counts, "F32:61 Q4_1:210", by type id. */
void gguf_put_tensor_types(const struct gguf *g, struct strbuf *out);

#endif
