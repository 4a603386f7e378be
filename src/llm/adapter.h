/* adapter.h - a low-rank adapter (LoRA) for one model: read, checked, found by matrix (llm).
 * What     For a matrix W(rows, cols) of the model an adapter holds A(rank, cols) and B(rows, rank); what the model then
 *          computes with is W + scale·B·A, scale = alpha / rank (merge.h).
 * Form     GGUF as llama.cpp's convert_lora_to_gguf writes it: general.type "adapter", general.architecture as the model's,
 *          adapter.type "lora", adapter.lora.alpha a float; for the matrix NAME the tensors NAME.lora_a, {cols, rank} in the file's
 *          order of dimensions, and NAME.lora_b, {rank, rows}, of the types F32, F16, BF16 or Q8_0. Two keys of our own:
 *            dobby.base.sha256  64 hex digits: of the model file it was trained on; it fits no other
 *            dobby.merge.type   the type that merged matrices are rounded to, by name: the narrowest that keeps what the
 *                               adapter gained; Q8_0 when absent
 * Trust    None in the file: beyond what gguf.h holds, every tensor belongs to a pair, both of a pair have the same rank of at most
 *          ADAPTER_MAX_RANK, every value is finite, and so is alpha, which is above 0.
 * Owns     One mapping until adapter_release().
 * Threads  Immutable between adapter_bind and adapter_release.
 * Next     merge.h for the sum, model.c for when it is made. */
#ifndef LLM_ADAPTER_H
#define LLM_ADAPTER_H

#include "llm/gguf.h"

#define ADAPTER_MAX_RANK  512u
#define ADAPTER_MAX_BYTES ((size_t)1 << 30) /* of the file */

struct adapter_pair {
    const char *name;            /* of the matrix: "blk.0.attn_q.weight" */
    const struct gguf_tensor *a; /* [rank][cols] */
    const struct gguf_tensor *b; /* [rows][rank] */
    size_t rank;
    float scale;
    bool taken; /* by adapter_take */
};

struct adapter {
    struct gguf g;
    struct arena mem;
    uint8_t hash[32]; /* SHA-256 of the file */
    char sha256[65],
        base[65]; /* the same in hex; of the model it is for, "" when it does not say */
    float alpha;
    enum quant_type merge; /* of merged matrices */
    bool merge_stated;     /* by the file, or by who opened it */
    size_t min_rank, max_rank;
    struct adapter_pair *pair; /* by name */
    size_t n_pairs;
};

/* Read the tables of the file, and its hash, which cache_dir remembers (modelfile.h; NULL: nowhere). Values are not looked at.
 * a           uninitialised or released; left released on failure
 * merge_type  a name that stands in for the file's dobby.merge.type; NULL: the file's
 * Returns 0, or DOBBY_E_NOTFOUND, _PERMISSION, _IO, _FORMAT, _UNSUPPORTED, _LIMIT, _USAGE (merge_type), _NOMEM. */
MUST_CHECK int adapter_open(struct adapter *a, const char *path, const char *cache_dir,
                            const char *merge_type, struct dobby_err *e);
void adapter_release(struct adapter *a);

/* Is it for the model of this architecture and SHA-256, and are all its values finite? O(size). An adapter that does not say which
 * model it is for gets a line in the log. DOBBY_E_UNSUPPORTED: another model; DOBBY_E_FORMAT: values. */
MUST_CHECK int adapter_bind(const struct adapter *a, const char *arch, const char *sha256,
                            struct dobby_err *e);
/* *out is the pair for the matrix `name` of rows x cols, NULL if the adapter leaves it alone. DOBBY_E_FORMAT: shapes. */
MUST_CHECK int adapter_take(struct adapter *a, const char *name, size_t rows, size_t cols,
                            const struct adapter_pair **out, struct dobby_err *e);
/* DOBBY_E_FORMAT when there is a pair that no matrix took. */
MUST_CHECK int adapter_all_taken(const struct adapter *a, struct dobby_err *e);

/* The adapter in a directory that is for the model with this SHA-256: of the files *.gguf that say so in dobby.base.sha256 the
 * first by the bytes of its name. *out is its path, allocated; NULL when there is none, or no directory, which is no failure. Files
 * that are no adapters are passed over, with a line in the log. */
MUST_CHECK int adapter_default(char **out, const char *dir, const char *sha256,
                               struct dobby_err *e);
/* Does the directory hold any *.gguf? */
bool adapter_any(const char *dir);

#endif
