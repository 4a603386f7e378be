/* pack_layout.h - how weights lie in memory once they are packed (llm/kernels).
 * A panel is 16 rows. Its blocks of 32 columns follow each other, each as one of the structs below.
 *
 * Nibbles: 4 vectors of 64 bytes. Byte 4r+i of vector j holds for row r column 4j+i in its low half and
 * column 16+4j+i in its high half, so a 32-bit lane belongs to one row and there is never a sum across lanes:
 *
 *     vector j | row 0: i=0..3 | row 1: i=0..3 | ... | row 15: i=0..3 |
 *
 * masked gives group j (columns 4j..4j+3), shifted by 4 and masked gives group j+4.
 * Fifth bits (Q5_0): one vector; bit g of byte 4r+i belongs to column 4g+i of row r.
 * Bits 4 and 5 (Q6_K): two vectors; bits 2g,2g+1 of byte 4r+i of vector h belong to column 16h+4g+i.
 * Bytes (Q8_0): 8 vectors, byte 4r+i of vector g is column 4g+i of row r.
 * Source of the formats: ggml (ggml-common.h, the block structs; quant.c has their arithmetic).
 * Scales stay in the half precision of the file; a packed file is at most 3% larger than its source (Q4_K). */
#ifndef LLM_KERNELS_PACK_LAYOUT_H
#define LLM_KERNELS_PACK_LAYOUT_H

#include "llm/kernels/kernels.h"

#include <stddef.h>
#include <stdint.h>

#define PACK_LAYOUT                                                                                \
    1 /* raised whenever a struct below or the order of panels changes: packed files are kept */

struct pack_q4_0 {
    uint16_t d[16];
    uint8_t qs[4][64]; /* value + 8 */
};
struct pack_q4_1 {
    uint16_t d[16], m[16];
    uint8_t qs[4][64];
};
struct pack_q5_0 {
    uint16_t d[16];
    uint8_t qh[64];
    uint8_t qs[4][64]; /* value + 16, low four bits */
};
struct pack_q8_0 {
    uint16_t d[16];
    int8_t qs[8][64];
};
struct pack_q4_k { /* 256 columns */
    uint16_t d[16], dmin[16];
    struct {
        uint8_t sc[16], m[16];
        uint8_t qs[4][64];
    } b[8];
};
struct pack_q6_k { /* 256 columns */
    uint16_t d[16];
    struct {
        int8_t sc[2][16];
        uint8_t qh[2][64];
        uint8_t qs[4][64]; /* value + 32, low four bits */
    } b[8];
};

/* What becomes straight code for each type that it is called with. */
#define INLINE static inline __attribute__((always_inline))

/* Has the type a factor of the sum of activations? */
INLINE bool has_minimum(const enum pack_type type)
{
    return type == PACK_Q4_1 || type == PACK_Q4_K;
}

/* Where a block keeps what; what its type has not is NULL. */
struct packed_block {
    const uint16_t *d, *m; /* [16] scales and minima, in K-types of the 256 columns around */
    const uint8_t *sc;     /* [16] or, in Q6_K, signed [2][16]: factors of d */
    const uint8_t *mn;     /* [16] factors of m */
    const uint8_t *qs;     /* [4][64], in Q8_0 signed [8][64] */
    const uint8_t *qh;     /* [64], in Q6_K [2][64] */
};

/* Block b of a panel. `type` is a constant wherever this is called. */
INLINE struct packed_block packed_block(enum pack_type type, const unsigned char *panel, size_t b)
{
    const void *at = panel;

    switch (type) {
    case PACK_Q4_0: {
        const struct pack_q4_0 *p = (const struct pack_q4_0 *)at + b;
        return (struct packed_block){.d = p->d, .qs = p->qs[0]};
    }
    case PACK_Q4_1: {
        const struct pack_q4_1 *p = (const struct pack_q4_1 *)at + b;
        return (struct packed_block){.d = p->d, .m = p->m, .qs = p->qs[0]};
    }
    case PACK_Q5_0: {
        const struct pack_q5_0 *p = (const struct pack_q5_0 *)at + b;
        return (struct packed_block){.d = p->d, .qs = p->qs[0], .qh = p->qh};
    }
    case PACK_Q8_0: {
        const struct pack_q8_0 *p = (const struct pack_q8_0 *)at + b;
        return (struct packed_block){.d = p->d, .qs = (const uint8_t *)p->qs[0]};
    }
    case PACK_Q4_K: {
        const struct pack_q4_k *p = (const struct pack_q4_k *)at + b / 8;
        return (struct packed_block){.d = p->d,
                                     .m = p->dmin,
                                     .sc = p->b[b % 8].sc,
                                     .mn = p->b[b % 8].m,
                                     .qs = p->b[b % 8].qs[0]};
    }
    case PACK_Q6_K: {
        const struct pack_q6_k *p = (const struct pack_q6_k *)at + b / 8;
        return (struct packed_block){.d = p->d,
                                     .sc = (const uint8_t *)p->b[b % 8].sc[0],
                                     .qs = p->b[b % 8].qs[0],
                                     .qh = p->b[b % 8].qh[0]};
    }
    default: /* float types have no blocks */
        return (struct packed_block){0};
    }
}

#endif
