/* pack.c - see pack.h. One function takes a block of 16 rows apart into small integers and scales, one puts
 * them into the layout; load time, not run time, so plain C. */
#include "llm/pack.h"

#include "llm/kernels/pack_layout.h"

#include <assert.h>
#include <string.h>

enum pack_type pack_type_of(enum quant_type type, bool exact)
{
    if (exact)
        return PACK_F32;
    switch (type) {
    case QUANT_F32:
        return PACK_F32;
    case QUANT_F16:
        return PACK_F16;
    case QUANT_BF16:
        return PACK_BF16;
    case QUANT_Q4_0:
        return PACK_Q4_0;
    case QUANT_Q4_1:
        return PACK_Q4_1;
    case QUANT_Q5_0:
        return PACK_Q5_0;
    case QUANT_Q8_0:
        return PACK_Q8_0;
    case QUANT_Q4_K:
        return PACK_Q4_K;
    case QUANT_Q6_K:
        return PACK_Q6_K;
    }
    assert(0 && "a tensor type without a packed form");
    return PACK_F32;
}

void matrix_shape(struct matrix *m, enum pack_type type, size_t rows, size_t cols)
{
    static const struct {
        size_t cols, bytes;
    } unit[PACK_TYPES] = {
        [PACK_Q4_0] = {32, sizeof(struct pack_q4_0)},
        [PACK_Q4_1] = {32, sizeof(struct pack_q4_1)},
        [PACK_Q5_0] = {32, sizeof(struct pack_q5_0)},
        [PACK_Q8_0] = {32, sizeof(struct pack_q8_0)},
        [PACK_Q4_K] = {256, sizeof(struct pack_q4_k)},
        [PACK_Q6_K] = {256, sizeof(struct pack_q6_k)},
        [PACK_F16] = {1, 2 * PANEL_ROWS},
        [PACK_BF16] = {1, 2 * PANEL_ROWS},
        [PACK_F32] = {1, 4 * PANEL_ROWS},
    };
    *m = (struct matrix){.type = type, .rows = rows, .cols = cols};
    m->n_panels = (rows + PANEL_ROWS - 1) / PANEL_ROWS;
    m->panel_bytes = cols / unit[type].cols * unit[type].bytes;
}

/* 256 columns or one block of a row, taken apart. */
struct parts {
    uint8_t q[256]; /* unsigned, as stored */
    uint16_t d, m;
    uint8_t sc[8], mn[8];
    int8_t sc16[16];
};

static uint16_t u16_at(const unsigned char *p)
{
    uint16_t v;
    memcpy(&v, p, 2);
    return v;
}

static void nibbles(uint8_t *q, const unsigned char *qs)
{
    for (int i = 0; i < 16; i++) {
        q[i] = qs[i] & 15;
        q[i + 16] = qs[i] >> 4;
    }
}

static void take_q5_0(struct parts *o, const unsigned char *b)
{
    uint32_t qh;
    memcpy(&qh, b + 2, 4);
    nibbles(o->q, b + 6);
    for (int i = 0; i < 32; i++)
        o->q[i] |= (uint8_t)((qh >> i & 1) << 4);
}

/* Sub-blocks of 32: six-bit scales and minima in 12 bytes, nibbles in pairs of sub-blocks. */
static void take_q4_k(struct parts *o, const unsigned char *b)
{
    const unsigned char *s = b + 4, *qs = b + 16;
    for (int j = 0; j < 4; j++) {
        o->sc[j] = s[j] & 63;
        o->mn[j] = s[j + 4] & 63;
        o->sc[j + 4] = (uint8_t)((s[j + 8] & 15) | (s[j] >> 6) << 4);
        o->mn[j + 4] = (uint8_t)(s[j + 8] >> 4 | (s[j + 4] >> 6) << 4);
        for (int i = 0; i < 32; i++) {
            o->q[64 * j + i] = qs[32 * j + i] & 15;
            o->q[64 * j + 32 + i] = qs[32 * j + i] >> 4;
        }
    }
}

static void take_q6_k(struct parts *o, const unsigned char *b)
{
    for (int n = 0; n < 2; n++) {
        const unsigned char *ql = b + 64 * n, *qh = b + 128 + 32 * n;
        uint8_t *q = o->q + 128 * n;
        for (int i = 0; i < 32; i++) {
            q[i] = (uint8_t)((ql[i] & 15) | (qh[i] & 3) << 4);
            q[i + 32] = (uint8_t)((ql[i + 32] & 15) | (qh[i] >> 2 & 3) << 4);
            q[i + 64] = (uint8_t)(ql[i] >> 4 | (qh[i] >> 4 & 3) << 4);
            q[i + 96] = (uint8_t)(ql[i + 32] >> 4 | (qh[i] >> 6) << 4);
        }
    }
    memcpy(o->sc16, b + 192, 16);
    o->d = u16_at(b + 208);
}

static void take_block(struct parts *o, enum pack_type type, const unsigned char *b)
{
    o->d = u16_at(b);
    switch (type) {
    case PACK_Q4_0:
        nibbles(o->q, b + 2);
        break;
    case PACK_Q4_1:
        o->m = u16_at(b + 2);
        nibbles(o->q, b + 4);
        break;
    case PACK_Q5_0:
        take_q5_0(o, b);
        break;
    case PACK_Q8_0:
        memcpy(o->q, b + 2, 32);
        break;
    case PACK_Q4_K:
        o->m = u16_at(b + 2);
        take_q4_k(o, b);
        break;
    case PACK_Q6_K:
        take_q6_k(o, b);
        break;
    default:
        assert(0 && "not a block type");
    }
}

/* 32 numbers of row r into the nibble vectors. */
static void put_nibbles(uint8_t qs[4][64], size_t r, const uint8_t *q)
{
    for (size_t j = 0; j < 4; j++)
        for (size_t i = 0; i < 4; i++)
            qs[j][4 * r + i] = (uint8_t)((q[4 * j + i] & 15) | (q[16 + 4 * j + i] & 15) << 4);
}

static void put_q5_0(struct pack_q5_0 *p, size_t r, const struct parts *o)
{
    p->d[r] = o->d;
    put_nibbles(p->qs, r, o->q);
    for (size_t i = 0; i < 4; i++) {
        unsigned bits = 0;
        for (size_t g = 0; g < 8; g++)
            bits |= (unsigned)(o->q[4 * g + i] >> 4) << g;
        p->qh[4 * r + i] = (uint8_t)bits;
    }
}

static void put_q4_k(struct pack_q4_k *p, size_t r, const struct parts *o)
{
    p->d[r] = o->d;
    p->dmin[r] = o->m;
    for (size_t b = 0; b < 8; b++) {
        p->b[b].sc[r] = o->sc[b];
        p->b[b].m[r] = o->mn[b];
        put_nibbles(p->b[b].qs, r, o->q + 32 * b);
    }
}

static void put_q6_k(struct pack_q6_k *p, size_t r, const struct parts *o)
{
    p->d[r] = o->d;
    for (size_t b = 0; b < 8; b++) {
        const uint8_t *q = o->q + 32 * b;
        p->b[b].sc[0][r] = o->sc16[2 * b];
        p->b[b].sc[1][r] = o->sc16[2 * b + 1];
        put_nibbles(p->b[b].qs, r, q);
        for (size_t h = 0; h < 2; h++)
            for (size_t i = 0; i < 4; i++) {
                unsigned bits = 0;
                for (size_t g = 0; g < 4; g++)
                    bits |= (unsigned)(q[16 * h + 4 * g + i] >> 4) << 2 * g;
                p->b[b].qh[h][4 * r + i] = (uint8_t)bits;
            }
    }
}

static void put_block(unsigned char *panel, enum pack_type type, size_t n, size_t r,
                      const struct parts *o)
{
    switch (type) {
    case PACK_Q4_0: {
        struct pack_q4_0 *p = (struct pack_q4_0 *)(void *)panel + n;
        p->d[r] = o->d;
        put_nibbles(p->qs, r, o->q);
        break;
    }
    case PACK_Q4_1: {
        struct pack_q4_1 *p = (struct pack_q4_1 *)(void *)panel + n;
        p->d[r] = o->d;
        p->m[r] = o->m;
        put_nibbles(p->qs, r, o->q);
        break;
    }
    case PACK_Q5_0:
        put_q5_0((struct pack_q5_0 *)(void *)panel + n, r, o);
        break;
    case PACK_Q8_0: {
        struct pack_q8_0 *p = (struct pack_q8_0 *)(void *)panel + n;
        p->d[r] = o->d;
        for (size_t g = 0; g < 8; g++)
            memcpy(&p->qs[g][4 * r], o->q + 4 * g, 4);
        break;
    }
    case PACK_Q4_K:
        put_q4_k((struct pack_q4_k *)(void *)panel + n, r, o);
        break;
    case PACK_Q6_K:
        put_q6_k((struct pack_q6_k *)(void *)panel + n, r, o);
        break;
    default:
        assert(0 && "not a block type");
    }
}

size_t pack_source_row(size_t r, size_t rope_dim)
{
    if (!rope_dim)
        return r;
    size_t i = r % rope_dim, half = rope_dim / 2;
    return r - i + (i < half ? 2 * i : 2 * (i - half) + 1);
}

/* Float panels: [column][16]. */
static void pack_floats(const struct matrix *m, unsigned char *panel, size_t r,
                        enum quant_type from, const unsigned char *row)
{
    float block[QUANT_MAX_BLOCK];
    size_t len = quant_block_len(from), bytes = quant_block_bytes(from);

    if (m->type != PACK_F32) { /* halves stay as they are */
        for (size_t c = 0; c < m->cols; c++)
            memcpy(panel + 2 * (c * PANEL_ROWS + r), row + 2 * c, 2);
        return;
    }
    for (size_t c = 0; c < m->cols; c += len, row += bytes) {
        quant_dequantize(from, row, block, len);
        for (size_t i = 0; i < len; i++)
            ((float *)(void *)panel)[(c + i) * PANEL_ROWS + r] = block[i];
    }
}

void pack_line(const struct matrix *m, size_t r, enum quant_type from, const void *row)
{
    unsigned char *panel = m->data + r / PANEL_ROWS * m->panel_bytes;
    size_t len = quant_block_len(from), bytes = quant_block_bytes(from);

    if (!pack_is_quantized(m->type)) {
        pack_floats(m, panel, r % PANEL_ROWS, from, row);
        return;
    }
    for (size_t b = 0; b < m->cols / len; b++) {
        struct parts o;
        take_block(&o, m->type, (const unsigned char *)row + b * bytes);
        put_block(panel, m->type, b, r % PANEL_ROWS, &o);
    }
}

void pack_panel(const struct matrix *m, size_t p, enum quant_type from, const void *src,
                size_t rope_dim)
{
    size_t row_bytes = quant_row_bytes(from, m->cols);

    memset(m->data + p * m->panel_bytes, 0, m->panel_bytes);
    for (size_t r = p * PANEL_ROWS; r < (p + 1) * PANEL_ROWS && r < m->rows; r++)
        pack_line(m, r, from,
                  (const unsigned char *)src + pack_source_row(r, rope_dim) * row_bytes);
}

/* Value of column c of row r: the reverse of pack_panel, through the reference's tile. */
void pack_row(const struct matrix *m, size_t r, float *out)
{
    const unsigned char *panel = m->data + r / PANEL_ROWS * m->panel_bytes;
    static const int offset[PACK_TYPES] = {
        [PACK_Q4_0] = 8, [PACK_Q5_0] = 16, [PACK_Q8_0] = 128, [PACK_Q6_K] = 32};
    size_t lane = r % PANEL_ROWS;

    if (!pack_is_quantized(m->type)) {
        for (size_t c = 0; c < m->cols; c++) {
            size_t i = c * PANEL_ROWS + lane;
            uint16_t h = 0;
            if (m->type == PACK_F32) {
                memcpy(out + c, panel + 4 * i, 4);
                continue;
            }
            memcpy(&h, panel + 2 * i, 2);
            out[c] = m->type == PACK_F16 ? f16_to_f32(h) : bf16_to_f32(h);
        }
        return;
    }
    for (size_t b = 0; b < m->cols / BLOCK; b += 8) {
        struct tile t;
        size_t n = m->cols / BLOCK - b < 8 ? m->cols / BLOCK - b : 8;
        kernels_scalar.unpack[m->type](panel, b, n, &t);
        for (size_t c = 0; c < n * BLOCK; c++) {
            float q = (float)(t.q[c / 4][lane][c % 4] - offset[m->type]), d = t.d[c / BLOCK][lane];
            if (m->type == PACK_Q6_K)
                d *= t.sc[c / BLOCK][c / 16 % 2][lane];
            out[b * BLOCK + c] = d * q;
            if (m->type == PACK_Q4_1 || m->type == PACK_Q4_K)
                out[b * BLOCK + c] += t.m[c / BLOCK][lane];
        }
    }
}
