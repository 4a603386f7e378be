/* quantize.c - see quantize.h. One function a block type; none of them meets a value that is not finite. */
#include "llm/quantize.h"

#include "base/size.h"

#include <math.h>

/* Blocks of one type from n values. False: a scale does not fit. */
typedef bool (*block_fn)(const float *x, uint8_t *b);

static void store16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

/* A scale as the half that is stored; false if it is too large for one. */
static bool store_scale(uint8_t *p, float d)
{
    uint16_t h = f32_to_f16(d);

    store16(p, h);
    return (h & 0x7C00u) != 0x7C00u;
}

static float reciprocal(float d)
{
    float i = d != 0 ? 1.0f / d : 0;

    return isfinite(i) ? i : 0;
}

static bool block_f32(const float *x, uint8_t *b)
{
    uint32_t u = f32_bits(*x);

    store16(b, (uint16_t)u);
    store16(b + 2, (uint16_t)(u >> 16));
    return true;
}

static bool block_f16(const float *x, uint8_t *b)
{
    return store_scale(b, *x);
}

static bool block_q8_0(const float *x, uint8_t *b)
{
    float most = 0, d, i;

    for (int j = 0; j < 32; j++)
        most = fabsf(x[j]) > most ? fabsf(x[j]) : most;
    d = most / 127.0f;
    i = reciprocal(d);
    if (!store_scale(b, d))
        return false;
    for (int j = 0; j < 32; j++)
        b[2 + j] = (uint8_t)(int8_t)roundf(x[j] * i);
    return true;
}

/* The first of the values that are farthest from 0. */
static float farthest(const float *x)
{
    float most = 0, at = 0;

    for (int j = 0; j < 32; j++)
        if (fabsf(x[j]) > most) {
            most = fabsf(x[j]);
            at = x[j];
        }
    return at;
}

/* x·i + half as an integer from 0 to top. */
static unsigned level(float v, unsigned top)
{
    unsigned q = v > 0 ? (unsigned)v : 0;

    return q < top ? q : top;
}

static bool block_q4_0(const float *x, uint8_t *b)
{
    float d = farthest(x) / -8.0f, i = reciprocal(d);

    if (!store_scale(b, d))
        return false;
    for (int j = 0; j < 16; j++)
        b[2 + j] = (uint8_t)(level(x[j] * i + 8.5f, 15) | level(x[j + 16] * i + 8.5f, 15) << 4);
    return true;
}

static bool block_q5_0(const float *x, uint8_t *b)
{
    float d = farthest(x) / -16.0f, i = reciprocal(d);
    uint32_t high = 0;

    if (!store_scale(b, d))
        return false;
    for (int j = 0; j < 16; j++) {
        unsigned lo = level(x[j] * i + 16.5f, 31), hi = level(x[j + 16] * i + 16.5f, 31);

        b[6 + j] = (uint8_t)((lo & 15) | (hi & 15) << 4);
        high |= lo >> 4 << j | hi >> 4 << (j + 16);
    }
    store16(b + 2, (uint16_t)high);
    store16(b + 4, (uint16_t)(high >> 16));
    return true;
}

static bool block_q4_1(const float *x, uint8_t *b)
{
    float min = x[0], max = x[0], d, i;

    for (int j = 1; j < 32; j++) {
        min = x[j] < min ? x[j] : min;
        max = x[j] > max ? x[j] : max;
    }
    d = (max - min) / 15.0f;
    i = reciprocal(d);
    if (!store_scale(b, d) || !store_scale(b + 2, min))
        return false;
    for (int j = 0; j < 16; j++)
        b[4 + j] = (uint8_t)(level((x[j] - min) * i + 0.5f, 15) |
                             level((x[j + 16] - min) * i + 0.5f, 15) << 4);
    return true;
}

static const struct {
    enum quant_type type;
    block_fn fn;
} types[] = {
    {QUANT_F32, block_f32},   {QUANT_F16, block_f16},   {QUANT_Q8_0, block_q8_0},
    {QUANT_Q5_0, block_q5_0}, {QUANT_Q4_1, block_q4_1}, {QUANT_Q4_0, block_q4_0},
};

static block_fn find(enum quant_type t)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (types[i].type == t)
            return types[i].fn;
    return NULL;
}

bool quantize_supported(enum quant_type t)
{
    return find(t) != NULL;
}

bool quantize_type(const char *name, size_t len, enum quant_type *out)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        const char *known = quant_name(types[i].type);

        if (strlen(known) == len && memcmp(known, name, len) == 0) {
            *out = types[i].type;
            return true;
        }
    }
    return false;
}

const char *quantize_names(void)
{
    return "F32 F16 Q8_0 Q5_0 Q4_1 Q4_0";
}

bool quantize_row(enum quant_type t, const float *src, void *dst, size_t n)
{
    block_fn fn = find(t);
    size_t len = quant_block_len(t), bytes = quant_block_bytes(t);
    uint8_t *b = dst;

    for (size_t i = 0; i < n; i++)
        if (!isfinite(src[i]))
            return false;
    for (size_t i = 0; i < n; i += len, b += bytes)
        if (!fn(src + i, b))
            return false;
    return true;
}
