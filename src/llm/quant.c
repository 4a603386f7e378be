/* quant.c - see quant.h. One function a block type, all over unaligned bytes. */
#include "llm/quant.h"

#include "base/size.h"

#include <assert.h>

/* Values of one block to y. */
typedef void (*block_fn)(const uint8_t *b, float *y);

struct quant_info {
    const char *name;    /* NULL: the number names nothing */
    uint16_t len, bytes; /* elements and bytes of a block; 0: known, not supported */
    block_fn fn;
};

static uint16_t load16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t load32(const uint8_t *p)
{
    return (uint32_t)load16(p) | (uint32_t)load16(p + 2) << 16;
}

static void block_f32(const uint8_t *b, float *y)
{
    *y = f32_from_bits(load32(b));
}

static void block_f16(const uint8_t *b, float *y)
{
    *y = f16_to_f32(load16(b));
}

static void block_bf16(const uint8_t *b, float *y)
{
    *y = bf16_to_f32(load16(b));
}

/* d, then 16 bytes: low nibbles are columns 0..15, high ones 16..31; the stored number is 8 too large. */
static void block_q4_0(const uint8_t *b, float *y)
{
    float d = f16_to_f32(load16(b));

    for (int j = 0; j < 16; j++) {
        y[j] = (float)((b[2 + j] & 15) - 8) * d;
        y[j + 16] = (float)((b[2 + j] >> 4) - 8) * d;
    }
}

/* d, m, then nibbles as in q4_0. */
static void block_q4_1(const uint8_t *b, float *y)
{
    float d = f16_to_f32(load16(b)), m = f16_to_f32(load16(b + 2));

    for (int j = 0; j < 16; j++) {
        y[j] = (float)(b[4 + j] & 15) * d + m;
        y[j + 16] = (float)(b[4 + j] >> 4) * d + m;
    }
}

/* d, a word with the fifth bits (bit j for column j), nibbles as in q4_0; 16 too large. */
static void block_q5_0(const uint8_t *b, float *y)
{
    float d = f16_to_f32(load16(b));
    uint32_t high = load32(b + 2);

    for (int j = 0; j < 16; j++) {
        int q0 = (int)((b[6 + j] & 15u) | (high >> j & 1u) << 4);
        int q1 = (int)((uint32_t)b[6 + j] >> 4 | (high >> (j + 16) & 1u) << 4);

        y[j] = (float)(q0 - 16) * d;
        y[j + 16] = (float)(q1 - 16) * d;
    }
}

static void block_q8_0(const uint8_t *b, float *y)
{
    float d = f16_to_f32(load16(b));

    for (int j = 0; j < 32; j++)
        y[j] = (float)(int8_t)b[2 + j] * d;
}

/* Scale and minimum of sub-block j, 6 bits each, from 12 bytes: the first four lie in the low bits of bytes 0..7, the
 * last four in the nibbles of bytes 8..11 with their top bits in the two high bits of bytes 0..7. */
static void q4_k_scale(const uint8_t *s, int j, int *sc, int *m)
{
    if (j < 4) {
        *sc = s[j] & 63;
        *m = s[j + 4] & 63;
    } else {
        *sc = (s[j + 4] & 15) | (s[j - 4] >> 6) << 4;
        *m = s[j + 4] >> 4 | (s[j] >> 6) << 4;
    }
}

/* d, dmin, 12 bytes of scales, 128 bytes of nibbles: each 32 bytes hold sub-block 2i (low) and 2i+1 (high). */
static void block_q4_k(const uint8_t *b, float *y)
{
    float d = f16_to_f32(load16(b)), dmin = f16_to_f32(load16(b + 2));
    const uint8_t *q = b + 16;

    for (int j = 0; j < 8; j++) {
        int sc, m;
        float ds, dm;

        q4_k_scale(b + 4, j, &sc, &m);
        ds = d * (float)sc;
        dm = dmin * (float)m;
        for (int l = 0; l < 32; l++)
            *y++ = ds * (float)(j & 1 ? q[l] >> 4 : q[l] & 15) - dm;
        if (j & 1)
            q += 32;
    }
}

/* 128 bytes of low nibbles, 64 bytes of high bit pairs, 16 signed scales, d. In each half of 128 columns, column
 * 32k+l takes nibble k/2 of byte l + 32*(k&1), bit pair k of byte l, and scale 2k + l/16; 32 too large. */
static void block_q6_k(const uint8_t *b, float *y)
{
    float d = f16_to_f32(load16(b + 208));

    for (int n = 0; n < 2; n++) {
        const uint8_t *ql = b + 64 * n, *qh = b + 128 + 32 * n, *sc = b + 192 + 8 * n;

        for (int k = 0; k < 4; k++) {
            for (int l = 0; l < 32; l++) {
                int low = ql[l + 32 * (k & 1)] >> (k & 2 ? 4 : 0) & 15;
                int q = (low | (qh[l] >> 2 * k & 3) << 4) - 32;

                *y++ = d * (float)(int8_t)sc[2 * k + l / 16] * (float)q;
            }
        }
    }
}

/* Types that exist but cannot be computed with have a name only. Gaps were never given or are retired. */
static const struct quant_info INFO[QUANT_IDS] = {
    [QUANT_F32] = {"F32", 1, 4, block_f32},
    [QUANT_F16] = {"F16", 1, 2, block_f16},
    [QUANT_Q4_0] = {"Q4_0", 32, 18, block_q4_0},
    [QUANT_Q4_1] = {"Q4_1", 32, 20, block_q4_1},
    [QUANT_Q5_0] = {"Q5_0", 32, 22, block_q5_0},
    [7] = {"Q5_1", 0, 0, NULL},
    [QUANT_Q8_0] = {"Q8_0", 32, 34, block_q8_0},
    [9] = {"Q8_1", 0, 0, NULL},
    [10] = {"Q2_K", 0, 0, NULL},
    [11] = {"Q3_K", 0, 0, NULL},
    [QUANT_Q4_K] = {"Q4_K", 256, 144, block_q4_k},
    [13] = {"Q5_K", 0, 0, NULL},
    [QUANT_Q6_K] = {"Q6_K", 256, 210, block_q6_k},
    [15] = {"Q8_K", 0, 0, NULL},
    [16] = {"IQ2_XXS", 0, 0, NULL},
    [17] = {"IQ2_XS", 0, 0, NULL},
    [18] = {"IQ3_XXS", 0, 0, NULL},
    [19] = {"IQ1_S", 0, 0, NULL},
    [20] = {"IQ4_NL", 0, 0, NULL},
    [21] = {"IQ3_S", 0, 0, NULL},
    [22] = {"IQ2_S", 0, 0, NULL},
    [23] = {"IQ4_XS", 0, 0, NULL},
    [24] = {"I8", 0, 0, NULL},
    [25] = {"I16", 0, 0, NULL},
    [26] = {"I32", 0, 0, NULL},
    [27] = {"I64", 0, 0, NULL},
    [28] = {"F64", 0, 0, NULL},
    [29] = {"IQ1_M", 0, 0, NULL},
    [QUANT_BF16] = {"BF16", 1, 2, block_bf16},
    [34] = {"TQ1_0", 0, 0, NULL},
    [35] = {"TQ2_0", 0, 0, NULL},
    [39] = {"MXFP4", 0, 0, NULL},
    [40] = {"NVFP4", 0, 0, NULL},
};

const char *quant_name(uint32_t id)
{
    return id < QUANT_IDS ? INFO[id].name : NULL;
}

bool quant_supported(uint32_t id)
{
    return id < QUANT_IDS && INFO[id].len > 0;
}

const char *quant_supported_names(void)
{
    return "F32 F16 BF16 Q4_0 Q4_1 Q4_K Q5_0 Q6_K Q8_0";
}

size_t quant_block_len(enum quant_type t)
{
    assert(quant_supported(t));
    return INFO[t].len;
}

size_t quant_block_bytes(enum quant_type t)
{
    assert(quant_supported(t));
    return INFO[t].bytes;
}

size_t quant_row_bytes(enum quant_type t, size_t n)
{
    assert(n % quant_block_len(t) == 0);
    return n / INFO[t].len * INFO[t].bytes;
}

void quant_dequantize(enum quant_type t, const void *src, float *dst, size_t n)
{
    const uint8_t *b = src;
    const struct quant_info *q = &INFO[t];

    assert(quant_supported(t) && n % q->len == 0);
    for (size_t i = 0; i < n; i += q->len, b += q->bytes)
        q->fn(b, dst + i);
}
