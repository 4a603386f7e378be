/* quant.h - tensor types of GGUF files: names, block sizes, values (llm).
 * What     A row of a tensor is a sequence of blocks; a block holds a fixed number of values ("elements")
 *          in a fixed number of bytes. Here stand the sizes, and the scalar conversion to float32 that
 *          defines what a block means; kernels are tested against it.
 * Trust    Any bytes are valid blocks: nothing here can fail or read outside the block, but scales may
 *          be infinite or NaN and so may be the values.
 * Bits     Products are formed in the order of ggml's C code, each rounded to float32, so values equal
 *          ggml's bit for bit (tests/data/quant.json).
 * Source   ggml-common.h and ggml-quants.c of the ggml project, for the layouts; numbers are GGUF's type ids.
 * Next     gguf.h for the tensors, kernels/ for the fast paths. */
#ifndef LLM_QUANT_H
#define LLM_QUANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The types that can be computed with. */
enum quant_type {
    QUANT_F32 = 0,
    QUANT_F16 = 1,
    QUANT_Q4_0 = 2,
    QUANT_Q4_1 = 3,
    QUANT_Q5_0 = 6,
    QUANT_Q8_0 = 8,
    QUANT_Q4_K = 12,
    QUANT_Q6_K = 14,
    QUANT_BF16 = 30
};
#define QUANT_IDS       64  /* every id that gguf files may hold is below this */
#define QUANT_MAX_BLOCK 256 /* elements in the largest block */

/* Name of a type id, also of types that are known but not supported; NULL for ids that name nothing
 * (never assigned, or retired). */
const char *quant_name(uint32_t id);
bool quant_supported(uint32_t id);
/* "F32 F16 ..." of all supported types, for messages. */
const char *quant_supported_names(void);

/* Elements and bytes of a block of a supported type; 1 element for the plain float types. */
size_t quant_block_len(enum quant_type t);
size_t quant_block_bytes(enum quant_type t);
/* Bytes of n elements, n a multiple of quant_block_len(t). For sizes already checked by gguf.c. */
size_t quant_row_bytes(enum quant_type t, size_t n);

/* Values of n elements at src (no alignment needed) to dst; n a multiple of quant_block_len(t). */
void quant_dequantize(enum quant_type t, const void *src, float *dst, size_t n);

static inline float f32_from_bits(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof(f));
    return f;
}

static inline uint32_t f32_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof(u));
    return u;
}

/* IEEE half to float: exact for every input; NaN keeps sign and payload and becomes quiet. */
static inline float f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16;
    uint32_t exp = (h >> 10) & 31u, man = h & 0x3FFu;

    if (exp == 31)
        return f32_from_bits(sign | 0x7F800000u | man << 13 | (man ? 0x400000u : 0u));
    if (exp == 0) { /* zero or subnormal: man * 2^-24, exact in float32 */
        float v = (float)man * 0x1p-24f;
        return f32_from_bits(f32_bits(v) | sign);
    }
    return f32_from_bits(sign | (exp + 112u) << 23 | man << 13);
}

/* Float to IEEE half, rounded to nearest, ties to even; too large becomes infinite, NaN a quiet NaN. Equal to what
 * F16C's conversion does. */
static inline uint16_t f32_to_f16(float f)
{
    uint32_t u = f32_bits(f), sign = (u >> 16) & 0x8000u, a = u & 0x7FFFFFFFu, r, rest, half;
    unsigned shift;

    if (a >= 0x7F800000u) /* infinity, or NaN with the top of its payload */
        return (uint16_t)(sign | 0x7C00u | (a > 0x7F800000u ? 0x200u | (a >> 13 & 0x3FFu) : 0u));
    if (a >= 0x47800000u) /* 65536 and more; 65520..65535 round up to infinity below */
        return (uint16_t)(sign | 0x7C00u);
    if (a < 0x33000000u) /* below 2^-25: zero */
        return (uint16_t)sign;
    if (a >= 0x38800000u) { /* normal: rebias, drop 13 bits */
        shift = 13;
        r = (a - 0x38000000u) >> 13;
        rest = a & 0x1FFFu;
    } else { /* subnormal: the significand with its leading one, moved to units of 2^-24 */
        uint32_t m = (a & 0x7FFFFFu) | 0x800000u;
        shift = 126u - (a >> 23);
        r = m >> shift;
        rest = m & ((1u << shift) - 1u);
    }
    half = 1u << (shift - 1);
    if (rest > half || (rest == half && (r & 1u)))
        r++; /* a carry runs into the exponent, which is right */
    return (uint16_t)(sign | r);
}

static inline float bf16_to_f32(uint16_t h)
{
    return f32_from_bits((uint32_t)h << 16);
}

#endif
