/* kernels_scalar.c - the reference: what every other table must equal bit for bit (llm/kernels).
 * Plain C for any machine. Tiles hold the unsigned numbers of the file; offsets are removed through the
 * sum of the activations, in integers.
 * Next  kernels_avx2.c and its like for the fast ones, pack_layout.h for the bytes. */
#include "llm/kernels/elem.h"
#include "llm/kernels/pack_layout.h"

static void unpack_nibbles(uint8_t q[8][16][4], const uint8_t *qs)
{
    for (int j = 0; j < 4; j++)
        for (int i = 0; i < 64; i++) {
            (&q[j][0][0])[i] = qs[j * 64 + i] & 15;
            (&q[j + 4][0][0])[i] = qs[j * 64 + i] >> 4;
        }
}

static void unpack_q4_0(const unsigned char *panel, size_t blk0, size_t n, struct tile *t)
{
    const struct pack_q4_0 *p = (const struct pack_q4_0 *)(const void *)panel + blk0;
    for (size_t b = 0; b < n; b++, p++) {
        unpack_nibbles(&t->q[b * 8], p->qs[0]);
        for (int r = 0; r < 16; r++)
            t->d[b][r] = f16_to_f32(p->d[r]);
    }
}

static void unpack_q4_1(const unsigned char *panel, size_t blk0, size_t n, struct tile *t)
{
    const struct pack_q4_1 *p = (const struct pack_q4_1 *)(const void *)panel + blk0;
    for (size_t b = 0; b < n; b++, p++) {
        unpack_nibbles(&t->q[b * 8], p->qs[0]);
        for (int r = 0; r < 16; r++) {
            t->d[b][r] = f16_to_f32(p->d[r]);
            t->m[b][r] = f16_to_f32(p->m[r]);
        }
    }
}

static void unpack_q5_0(const unsigned char *panel, size_t blk0, size_t n, struct tile *t)
{
    const struct pack_q5_0 *p = (const struct pack_q5_0 *)(const void *)panel + blk0;
    for (size_t b = 0; b < n; b++, p++) {
        unpack_nibbles(&t->q[b * 8], p->qs[0]);
        for (int g = 0; g < 8; g++)
            for (int i = 0; i < 64; i++)
                (&t->q[b * 8 + g][0][0])[i] |= (uint8_t)((p->qh[i] >> g & 1) << 4);
        for (int r = 0; r < 16; r++)
            t->d[b][r] = f16_to_f32(p->d[r]);
    }
}

static void unpack_q8_0(const unsigned char *panel, size_t blk0, size_t n, struct tile *t)
{
    const struct pack_q8_0 *p = (const struct pack_q8_0 *)(const void *)panel + blk0;
    for (size_t b = 0; b < n; b++, p++) {
        for (int i = 0; i < 512; i++)
            (&t->q[b * 8][0][0])[i] = (uint8_t)((&p->qs[0][0])[i] + 128);
        for (int r = 0; r < 16; r++)
            t->d[b][r] = f16_to_f32(p->d[r]);
    }
}

static void unpack_q4_k(const unsigned char *panel, size_t blk0, size_t n, struct tile *t)
{
    const struct pack_q4_k *p = (const struct pack_q4_k *)(const void *)panel + blk0 / 8;
    for (size_t b = 0; b < n; b++) {
        const struct pack_q4_k *s = p + b / 8;
        unpack_nibbles(&t->q[b * 8], s->b[b % 8].qs[0]);
        for (int r = 0; r < 16; r++) { /* both products are exact in float32: 11 and 6 bits */
            t->d[b][r] = f16_to_f32(s->d[r]) * (float)s->b[b % 8].sc[r];
            t->m[b][r] = -f16_to_f32(s->dmin[r]) * (float)s->b[b % 8].m[r];
        }
    }
}

static void unpack_q6_k(const unsigned char *panel, size_t blk0, size_t n, struct tile *t)
{
    const struct pack_q6_k *p = (const struct pack_q6_k *)(const void *)panel + blk0 / 8;
    for (size_t b = 0; b < n; b++) {
        const struct pack_q6_k *s = p + b / 8;
        unpack_nibbles(&t->q[b * 8], s->b[b % 8].qs[0]);
        for (int g = 0; g < 8; g++)
            for (int i = 0; i < 64; i++)
                (&t->q[b * 8 + g][0][0])[i] |=
                    (uint8_t)((s->b[b % 8].qh[g / 4][i] >> 2 * (g % 4) & 3) << 4);
        for (int r = 0; r < 16; r++) {
            t->d[b][r] = f16_to_f32(s->d[r]);
            t->sc[b][0][r] = s->b[b % 8].sc[0][r];
            t->sc[b][1][r] = s->b[b % 8].sc[1][r];
        }
    }
}

/* Sum over columns 4*g0 .. 4*g1-1 of a block for one row. */
static int32_t dot_groups(const struct tile *t, size_t b, int g0, int g1, int r, const int8_t *x)
{
    int32_t s = 0;
    for (int g = g0; g < g1; g++)
        for (int i = 0; i < 4; i++)
            s += t->q[b * 8 + (size_t)g][r][i] * x[g * 4 + i];
    return s;
}

enum { OFFSET, MINIMUM, HALVES };

static inline void gemm(const struct tile *t, size_t blk0, size_t n_blk, const struct acts *x,
                        size_t col0, size_t n_cols, float *y, size_t ldy, bool first, int kind,
                        int offset)
{
    for (size_t c = 0; c < n_cols; c++, y += ldy)
        for (int r = 0; r < PANEL_ROWS; r++) {
            float acc = first ? 0 : y[r];
            for (size_t b = 0; b < n_blk; b++) {
                size_t i = (col0 + c) * (x->k / BLOCK) + blk0 + b;
                const int8_t *q = x->q + (col0 + c) * x->k + (blk0 + b) * BLOCK;
                float f;
                if (kind == HALVES)
                    f = t->sc[b][0][r] *
                            (float)(dot_groups(t, b, 0, 4, r, q) + offset * acts_half(x, i, 0)) +
                        t->sc[b][1][r] *
                            (float)(dot_groups(t, b, 4, 8, r, q) + offset * acts_half(x, i, 1));
                else
                    f = (float)(dot_groups(t, b, 0, 8, r, q) + offset * x->ns[i]);
                acc = fmaf(t->d[b][r] * x->dx[i], f, acc);
                if (kind == MINIMUM)
                    acc = fmaf(t->m[b][r], x->ds[i], acc);
            }
            y[r] = acc;
        }
}

#define GEMM(name, kind, offset)                                                                   \
    static void name(const struct tile *t, size_t blk0, size_t n_blk, const struct acts *x,        \
                     size_t col0, size_t n_cols, float *y, size_t ldy, bool first)                 \
    {                                                                                              \
        gemm(t, blk0, n_blk, x, col0, n_cols, y, ldy, first, kind, offset);                        \
    }
GEMM(gemm_q4_0, OFFSET, 8)
GEMM(gemm_q5_0, OFFSET, 16)
GEMM(gemm_q8_0, OFFSET, 128)
GEMM(gemm_q4_1, MINIMUM, 0)
GEMM(gemm_q4_k, MINIMUM, 0)
GEMM(gemm_q6_k, HALVES, 32)

const struct kernels kernels_scalar = KERNELS("scalar", 1, 1);
