/* kernels.h - the operations of a forward pass, one table per instruction set (llm/kernels).
 *
 * What     Matrix products of quantised weights with 8-bit activations, and the float operations around
 *          them. `kernels_find` picks a table before the first thread starts; nothing switches later.
 * Bits     Every table gives the same bits for the same input. SIMD lanes hold different outputs; a
 *          reduction runs in index order, one fused multiply-add a term; where it must be split it has 8
 *          virtual lanes (element i in lane i mod 8) and the tree ((0+4)+(2+6))+((1+5)+(3+7)). Integer sums
 *          are exact, so their order is free. kernels_scalar.c is the definition (tests/llm/test_kernels.c).
 * Axes     Row-major, y(rows) = W(rows, cols) x(cols). A batch is columns: x[column][k], y[column][row].
 * Arithmetic of a product (float32, each operation rounded once), blocks b of 32 values in order:
 *            acc = fmaf(fl(dw[b] * dx[b]), (float)I[b], acc)      I[b] = sum of w*x over the block, exact
 *          then for types with a minimum  acc = fmaf(m[b], fl(dx[b] * (float)s[b]), acc), s[b] = sum of x.
 *          Q6_K has integer scales per 16 values: I = sc0*I0 + sc1*I1, at most 16,646,144 < 2^24, so each
 *          of these numbers is exact in a float too.
 * Threads  Tables are const; functions touch only what they are given.
 * Next     pack.h for the layout in memory, elem.h for the float operations, graph.c for the caller. */
#ifndef LLM_KERNELS_KERNELS_H
#define LLM_KERNELS_KERNELS_H

#include "dobby.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PANEL_ROWS  16 /* rows of a panel: the lanes of one 512-bit vector */
#define BLOCK       32 /* columns that share a scale */
#define TILE_BLOCKS 32 /* blocks unpacked at a time: 16 KB of weights, half of a small L1 */
#define KV_TOKENS   16 /* tokens of a KV block */
#define KV_GROUP    16 /* values of the cache in 8 bits that share a scale */

/* How the packed bytes of a panel are laid out; pack.h draws each. */
enum pack_type {
    PACK_Q4_0,
    PACK_Q4_1,
    PACK_Q5_0,
    PACK_Q8_0,
    PACK_Q4_K,
    PACK_Q6_K,
    PACK_F16,
    PACK_BF16,
    PACK_F32,
    PACK_TYPES
};

/* A part of one panel made ready for multiplication. Which number stands in q (unsigned with an offset, or
 * signed) is between unpack and gemm of the same table. Group g of 4 columns, row r, byte i: column 4g+i. */
struct tile {
    _Alignas(64) uint8_t q[TILE_BLOCKS * 8][PANEL_ROWS][4];
    _Alignas(64) float d[TILE_BLOCKS][PANEL_ROWS];     /* dw */
    _Alignas(64) float m[TILE_BLOCKS][PANEL_ROWS];     /* factor of the sum, types with a minimum */
    _Alignas(64) float sc[TILE_BLOCKS][2][PANEL_ROWS]; /* Q6_K: integers */
};

/* Columns of activations, quantised per block: x is about dx * q. Arrays are [column][...]. */
struct acts {
    size_t k;    /* values a column, a multiple of BLOCK */
    int8_t *q;   /* [k], -127..127 */
    float *dx;   /* [k/32] */
    float *ds;   /* [k/32] fl(dx * (float)sum) */
    int32_t *ns; /* [k/32] minus the sum of q */
    int16_t *
        np; /* [k/32][2][2] minus the sums of each half's columns 4g, 4g+1 and 4g+2, 4g+3: at most 8 * 127 */
    float *f; /* [k] the values themselves, or NULL where no float matrix needs them */
};

/* Minus the sum of half h (0, 1) of block i, counted through all columns. */
static inline int acts_half(const struct acts *a, size_t i, size_t h)
{
    return a->np[4 * i + 2 * h] + a->np[4 * i + 2 * h + 1];
}

/* Keys and values of one sequence in one layer. Block i of the sequence lies at base + blocks[i] * stride:
 * keys [kv head][head_dim][16], then values [kv head][16][head_dim]. In q8 these are bytes -127..127, and behind them
 * stand float16 scales, one for KV_GROUP values of a token: of keys [kv head][head_dim/KV_GROUP][16], of values
 * [kv head][16][head_dim/KV_GROUP]. A value is fl(q * scale), which is exact. */
struct kv_view {
    unsigned char *base;
    size_t stride; /* bytes from block to block */
    const uint32_t *blocks;
    int type; /* enum dobby_kv */
    size_t n_kv, head_dim;
};

/* Bytes of a block in one layer. */
static inline size_t kv_layer_bytes(int type, size_t n_kv, size_t head_dim)
{
    size_t values = 2 * n_kv * head_dim * KV_TOKENS;

    if (type == DOBBY_KV_Q8)
        return values + values / KV_GROUP * sizeof(uint16_t);
    return values * (type == DOBBY_KV_F32 ? sizeof(float) : sizeof(uint16_t));
}

/* The largest magnitude that the cache holds. */
static inline float kv_top(int type)
{
    return type == DOBBY_KV_F16 ? 65504.0f : type == DOBBY_KV_Q8 ? 127 * 65504.0f : 3.402823466e38f;
}

/* Attention of `n` consecutive queries of one sequence with one kv head. */
struct attn_job {
    struct kv_view kv;
    size_t head;  /* kv head */
    size_t group; /* query heads to a kv head */
    size_t pos;   /* position of the first query; its keys are 0..pos */
    size_t n;     /* queries, at most ATTN_QUERIES */
    const float
        *q; /* first query's first head of the group; heads are head_dim apart, scaled already */
    float *out;      /* the same shape, apart from ldo */
    size_t ldq, ldo; /* floats from query to query, in q and in out */
    float *scratch;  /* attn_scratch() floats */
};
#define ATTN_QUERIES 16
#define ATTN_FEW     8 /* rows that do not pay for converting a block */
/* Blocks whose values are converted together: what a level-1 cache holds beside the rest, four at most. */
#define ATTN_BLOCKS(head_dim) ((head_dim) <= 64 ? 4u : (head_dim) <= 128 ? 2u : 1u)

/* Best, runner-up and log-sum-exp of some rows of one column of logits. */
struct head_part {
    float max, second; /* over the allowed ids */
    int32_t id;        /* of max, the lowest among equals; -1: none allowed */
    float lse_max;     /* over all rows */
    float lse_sum;     /* sum of exp(logit - lse_max) */
};
#define HEAD_ROWS 64

struct kernels {
    const char *name;
    /* Blocks blk0..blk0+n-1 of a packed panel. blk0 and n are multiples of 8 for K-types. */
    void (*unpack[PACK_TYPES])(const unsigned char *panel, size_t blk0, size_t n, struct tile *t);
    /* y[c][0..15] (+)= tile * x[col0 + c]; `first` starts from zero, otherwise from y. */
    void (*gemm[PACK_TYPES])(const struct tile *t, size_t blk0, size_t n_blk, const struct acts *x,
                             size_t col0, size_t n_cols, float *y, size_t ldy, bool first);
    size_t at_once[PACK_TYPES]; /* columns that gemm takes together: multiples of them cost least */
    /* Float matrices: y[c][0..15] = panel * x.f, one fmaf a column. */
    void (*gemm_float)(enum pack_type type, const unsigned char *panel, const struct acts *x,
                       size_t col0, size_t n_cols, float *y, size_t ldy);
    /* Quantise column `col` of a from x[k0 .. k0+n-1], n a multiple of BLOCK. False if a value is not finite. */
    bool (*quantize)(const struct acts *a, size_t col, const float *x, size_t k0, size_t n);
    void (*rmsnorm)(const float *x, const float *w, size_t n, float eps, float *out);
    /* Largest magnitude; infinity if any value is infinite or no number. */
    float (*top)(const float *x, size_t n);
    /* In place on n_heads vectors of head_dim: pairs (i, i + head_dim/2) turned by the angles whose cosines
     * and sines are cs[0..half-1] and cs[half..]; then times scale. */
    void (*rope)(float *x, size_t n_heads, size_t head_dim, const float *cs, float scale);
    void (*add)(float *x, const float *y, size_t n); /* x += y */
    void (*silu_mul)(const float *gate, const float *up, float *out,
                     size_t n); /* silu(gate) * up */
    /* Round one token's keys and values (n_kv * head_dim floats each) into the cache at position pos. Magnitudes are at
     * most kv_top(type), or what is stored is no number and attention does not show it. */
    void (*kv_store)(const struct kv_view *kv, size_t pos, const float *k, const float *v);
    void (*attention)(const struct attn_job *j);
    /* HEAD_ROWS logits (or fewer) of rows id0.. ; banned[i] != 0 keeps row i out of max and second; NULL: none. */
    void (*head)(const float *logits, size_t n, int32_t id0, const uint8_t *banned,
                 struct head_part *p);
};

/* Floats that attention needs for contexts of n_ctx tokens. */
static inline size_t attn_scratch(size_t n_ctx, size_t group, size_t head_dim)
{
    size_t padded = (n_ctx + KV_TOKENS - 1) / KV_TOKENS * KV_TOKENS;
    return ATTN_QUERIES * group * (padded + 2 * head_dim + 1) +
           ATTN_BLOCKS(head_dim) * KV_TOKENS * head_dim;
}

/* The table of that name, or the best for name NULL. NULL if there is none or this machine lacks it. */
const struct kernels *kernels_find(const char *name);
/* True if the name is one that dobby knows (--isa), whatever this machine or this build has. */
bool kernels_known(const char *name);
/* Name of table i of this build, reference first; NULL at the end. */
const char *kernels_name(size_t i);
/* Table i of this build that the machine can run, reference first; NULL at the end. For tests. */
const struct kernels *kernels_at(size_t i);

extern const struct kernels kernels_scalar; /* the definition */
extern const struct kernels kernels_exact;  /* float32 weights, dots in double: --exact */
#if defined(__x86_64__)
extern const struct kernels kernels_avx2, kernels_avxvnni, kernels_avx512vnni;
#elif defined(__aarch64__)
extern const struct kernels kernels_dotprod, kernels_i8mm;
#endif

#endif
