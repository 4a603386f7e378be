/* graph.c - see graph.h.
 * A layer, and who does what (R: rows of the matrix divided, C: columns divided, H: queries and kv heads divided):
 *
 *     x --norm,quantise(C)--> a --q,k,v(R)--> rotate, store k v(C) --attention(H)--> quantise(C) --o(R)--> x +=
 *       --norm,quantise(C)--> a --gate,up,silu,quantise(R, 32 at a time)--> f --down(R)--> x +=
 *
 * with a barrier at each arrow between different divisions. Gate and up never exist as whole matrices: 32 rows
 * of both give one block of 8-bit activations for down, which is all that is kept. */
#include "llm/graph.h"

#include "base/mem.h"
#include "base/size.h"
#include "base/thread.h"
#include "llm/realmath.h"

#include <math.h>
#include <string.h>

#define HEAD_COLS  32 /* outputs that share a pass over the output matrix */
#define FEW_COLS   16 /* up to here a step waits for weights to come from memory */
#define FEW_BLOCKS 8  /* blocks unpacked at a time then; a K-quant's */

/* Scratch of one team member. */
struct rank {
    struct tile tile;
    float *gate, *up; /* [max_cols][32] */
    float *attn;
    float *logits; /* [HEAD_COLS][HEAD_ROWS] */
};

struct graph {
    const struct dobby_model *m;
    const float *rope;
    size_t max_cols, max_ctx, n_tiles;
    unsigned n_ranks;
    float *x, *h;            /* [col][n_embd] residual; products on their way to it */
    float *q, *k, *v, *att;  /* [col][...] */
    struct acts a, f, o;     /* inputs of q k v gate up; of down; of attn_output */
    struct acts last;        /* [HEAD_COLS] inputs of the output matrix */
    float *normed;           /* [rank][widest] */
    struct head_part *parts; /* [tile][HEAD_COLS] */
    struct rank *ranks;
    size_t *pos;                /* [col] */
    const struct segment **seg; /* [col] */
    unsigned char *memory;
};

/* ---- memory ------------------------------------------------------------------------------------------ */

/* Pieces of one allocation: first counted, then handed out. */
struct carve {
    unsigned char *base;
    size_t used;
};

static void *carve(struct carve *c, size_t n, size_t size)
{
    void *p = c->base ? c->base + c->used : NULL;
    c->used += (n * size + 63) & ~(size_t)63;
    return p;
}

static void carve_acts(struct carve *c, struct acts *a, size_t cols, size_t k, bool floats)
{
    size_t nb = k / BLOCK;
    a->k = k;
    a->q = carve(c, cols * k, 1);
    a->dx = carve(c, cols * nb, sizeof(float));
    a->ds = carve(c, cols * nb, sizeof(float));
    a->ns = carve(c, cols * nb, sizeof(int32_t));
    a->nh = carve(c, cols * nb * 2, sizeof(int16_t));
    a->f = floats ? carve(c, cols * k, sizeof(float)) : NULL;
}

static size_t widest(const struct dobby_model *m)
{
    size_t w = m->n_heads * m->head_dim;
    return w > m->n_embd ? w : m->n_embd;
}

static void carve_graph(struct carve *c, struct graph *g)
{
    const struct dobby_model *m = g->m;
    size_t n = g->max_cols, q = m->n_heads * m->head_dim, kv = m->n_kv * m->head_dim;

    g->x = carve(c, n * m->n_embd, sizeof(float));
    g->h = carve(c, n * (m->n_embd + PANEL_ROWS), sizeof(float));
    g->q = carve(c, n * (q + PANEL_ROWS), sizeof(float));
    g->k = carve(c, n * (kv + PANEL_ROWS), sizeof(float));
    g->v = carve(c, n * (kv + PANEL_ROWS), sizeof(float));
    g->att = carve(c, n * q, sizeof(float));
    carve_acts(c, &g->a, n, m->n_embd, m->needs_floats);
    carve_acts(c, &g->o, n, q, m->needs_floats);
    carve_acts(c, &g->f, n, m->n_ff, m->needs_floats);
    carve_acts(c, &g->last, HEAD_COLS, m->n_embd, m->needs_floats);
    g->normed = carve(c, g->n_ranks * widest(m), sizeof(float));
    g->parts = carve(c, g->n_tiles * HEAD_COLS, sizeof(*g->parts));
    g->pos = carve(c, n, sizeof(*g->pos));
    g->seg = carve(c, n, sizeof(*g->seg));
    g->ranks = carve(c, g->n_ranks, sizeof(*g->ranks));
    for (unsigned r = 0; r < g->n_ranks; r++) {
        float *gate = carve(c, n * BLOCK, sizeof(float)), *up = carve(c, n * BLOCK, sizeof(float));
        float *attn =
            carve(c, attn_scratch(g->max_ctx, m->n_heads / m->n_kv, m->head_dim), sizeof(float));
        float *logits = carve(c, HEAD_COLS * HEAD_ROWS, sizeof(float));
        if (c->base) {
            g->ranks[r].gate = gate;
            g->ranks[r].up = up;
            g->ranks[r].attn = attn;
            g->ranks[r].logits = logits;
        }
    }
}

static void shape(struct graph *g, const struct dobby_model *m, size_t max_cols, size_t max_ctx,
                  unsigned ranks)
{
    *g = (struct graph){.m = m, .max_cols = max_cols, .max_ctx = max_ctx, .n_ranks = ranks};
    g->n_tiles = (m->n_vocab + HEAD_ROWS - 1) / HEAD_ROWS;
}

size_t graph_bytes(const struct dobby_model *m, size_t max_cols, size_t max_ctx, unsigned ranks)
{
    struct graph g;
    struct carve c = {0};
    shape(&g, m, max_cols, max_ctx, ranks);
    carve_graph(&c, &g);
    return c.used;
}

int graph_new(struct graph **out, const struct dobby_model *m, const float *rope, size_t max_cols,
              size_t max_ctx, unsigned ranks, struct dobby_err *e)
{
    struct graph *g = mem_zalloc(sizeof(*g));
    struct carve c = {0};

    *out = NULL;
    if (!g)
        return err_nomem(e, "a worker");
    shape(g, m, max_cols, max_ctx, ranks);
    g->rope = rope;
    carve_graph(&c, g);
    g->memory = mem_aligned(64, c.used);
    if (!g->memory) {
        mem_free(g);
        return err_nomem(e, "a worker's scratch");
    }
    c = (struct carve){.base = g->memory};
    carve_graph(&c, g);
    *out = g;
    return 0;
}

void graph_free(struct graph *g)
{
    if (!g)
        return;
    mem_free(g->memory);
    mem_free(g);
}

size_t graph_kv_block(const struct dobby_model *m, int kv_type)
{
    return m->n_layers * kv_layer_bytes(kv_type, m->n_kv, m->head_dim);
}

/* ---- a team ------------------------------------------------------------------------------------------- */

void team_wait(struct team *t)
{
    unsigned phase;

    if (!t || t->n == 1)
        return;
    phase = atomic_load_explicit(&t->phase, memory_order_acquire);
    if (atomic_fetch_add_explicit(&t->arrived, 1, memory_order_acq_rel) + 1 == t->n) {
        atomic_store_explicit(&t->arrived, 0, memory_order_relaxed);
        atomic_store_explicit(&t->phase, phase + 1, memory_order_seq_cst);
        if (atomic_load_explicit(&t->sleepers, memory_order_seq_cst) > 0)
            thread_wake_all(&t->phase);
        return;
    }
    for (unsigned spins = 0; spins < t->spins; spins++) {
        if (atomic_load_explicit(&t->phase, memory_order_acquire) != phase)
            return;
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
    }
    /* Either the last to arrive sees the sleeper, or the sleeper sees the new phase: both are sequentially consistent. */
    atomic_fetch_add_explicit(&t->sleepers, 1, memory_order_seq_cst);
    while (atomic_load_explicit(&t->phase, memory_order_seq_cst) == phase)
        thread_sleep_on(&t->phase, phase);
    atomic_fetch_sub_explicit(&t->sleepers, 1, memory_order_relaxed);
}

/* This member's share of n things. */
struct share {
    size_t from, to;
};

static struct share divide(size_t n, const struct team *t, unsigned rank)
{
    size_t members = t ? t->n : 1;
    return (struct share){n * rank / members, n * (rank + 1) / members};
}

/* ---- products ------------------------------------------------------------------------------------------- */

/* Ask for n bytes that will be read soon; what stands behind the end of an array does no harm. */
static void ask_ahead(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i += 64)
        __builtin_prefetch(p + i);
}

/* Few columns are soon done with what was unpacked: then that is less at a time, and the weights behind it come from memory
 * while these are multiplied. */
void graph_panel(const struct kernels *k, struct tile *tile, const struct matrix *w, size_t p,
                 const struct acts *x, size_t n, float *y, size_t ldy)
{
    const unsigned char *panel = w->data + p * w->panel_bytes;
    size_t blocks = w->cols / BLOCK, most = n > FEW_COLS ? TILE_BLOCKS : FEW_BLOCKS;
    size_t each = w->panel_bytes / blocks;

    if (pack_is_quantized(w->type))
        for (size_t b = 0; b < blocks; b += most) {
            size_t nb = size_min(blocks - b, most);
            k->unpack[w->type](panel, b, nb, tile);
            if (n <= FEW_COLS)
                ask_ahead(panel + each * (b + nb), each * nb);
            k->gemm[w->type](tile, b, nb, x, 0, n, y, ldy, b == 0);
        }
    else
        k->gemm_float(w->type, panel, x, 0, n, y, ldy);
    if (w->bias)
        for (size_t c = 0; c < n; c++)
            k->add(y + c * ldy, w->bias + p * PANEL_ROWS, PANEL_ROWS);
}

static void product(struct graph *g, const struct matrix *w, const struct acts *x, size_t n,
                    float *y, size_t ldy, const struct team *t, unsigned rank)
{
    struct share s = divide(w->n_panels, t, rank);
    for (size_t p = s.from; p < s.to; p++)
        graph_panel(g->m->kernels, &g->ranks[rank].tile, w, p, x, n, y + p * PANEL_ROWS, ldy);
}

static void mark(const struct step *s, size_t col)
{
    atomic_store_explicit(&s->bad[col], 1, memory_order_relaxed);
}

static void set_acts(struct graph *g, const struct step *s, struct acts *a, size_t slot, size_t col,
                     const float *x, size_t k0, size_t n)
{
    if (a->f)
        memcpy(a->f + slot * a->k + k0, x, n * sizeof(*x));
    if (!g->m->kernels->quantize(a, slot, x, k0, n))
        mark(s, col);
}

static void norm_columns(struct graph *g, const struct step *s, const float *w,
                         const struct team *t, unsigned rank)
{
    const struct dobby_model *m = g->m;
    float *out = g->normed + rank * widest(m);
    struct share c = divide(s->n_cols, t, rank);

    for (size_t i = c.from; i < c.to; i++) {
        m->kernels->rmsnorm(g->x + i * m->n_embd, w, m->n_embd, m->eps, out);
        set_acts(g, s, &g->a, i, i, out, 0, m->n_embd);
    }
}

/* x += h, for this member's rows. */
static void add_rows(struct graph *g, const struct step *s, const struct matrix *w, size_t ldh,
                     const struct team *t, unsigned rank)
{
    struct share p = divide(w->n_panels, t, rank);
    size_t from = p.from * PANEL_ROWS, to = p.to * PANEL_ROWS;
    if (from < to)
        for (size_t c = 0; c < s->n_cols; c++)
            g->m->kernels->add(g->x + c * g->m->n_embd + from, g->h + c * ldh + from, to - from);
}

/* ---- attention ------------------------------------------------------------------------------------------ */

static struct kv_view kv_of(const struct graph *g, const struct step *s, const struct segment *seg,
                            size_t layer)
{
    const struct dobby_model *m = g->m;
    return (struct kv_view){.base = s->kv_base +
                                    layer * kv_layer_bytes(s->kv_type, m->n_kv, m->head_dim),
                            .stride = s->kv_stride,
                            .blocks = seg->blocks,
                            .type = s->kv_type,
                            .n_kv = m->n_kv,
                            .head_dim = m->head_dim};
}

static void rotate_and_store(struct graph *g, const struct step *s, size_t layer, size_t ldq,
                             size_t ldkv, const struct team *t, unsigned rank)
{
    const struct dobby_model *m = g->m;
    float scale = 1.0f / sqrtf((float)m->head_dim);
    struct share c = divide(s->n_cols, t, rank);

    for (size_t i = c.from; i < c.to; i++) {
        struct kv_view kv = kv_of(g, s, g->seg[i], layer);
        const float *cs = g->rope + g->pos[i] * m->head_dim;
        float limit = kv_top(s->kv_type);
        /* The softmax would make a finite weight of a score that is no number: damaged weights must be found here. */
        if (!isfinite(m->kernels->top(g->q + i * ldq, m->n_heads * m->head_dim)) ||
            m->kernels->top(g->k + i * ldkv, m->n_kv * m->head_dim) > limit ||
            m->kernels->top(g->v + i * ldkv, m->n_kv * m->head_dim) > limit)
            mark(s, i);
        m->kernels->rope(g->q + i * ldq, m->n_heads, m->head_dim, cs, scale);
        m->kernels->rope(g->k + i * ldkv, m->n_kv, m->head_dim, cs, 1.0f);
        m->kernels->kv_store(&kv, g->pos[i], g->k + i * ldkv, g->v + i * ldkv);
    }
}

static void attend(struct graph *g, const struct step *s, size_t layer, size_t ldq,
                   const struct team *t, unsigned rank)
{
    const struct dobby_model *m = g->m;
    size_t group = m->n_heads / m->n_kv, item = 0, members = t ? t->n : 1,
           ld = m->n_heads * m->head_dim;

    for (size_t i = 0; i < s->n_segs; i++)
        for (size_t from = 0; from < s->segs[i].n; from += ATTN_QUERIES)
            for (size_t h = 0; h < m->n_kv; h++, item++) {
                const struct segment *seg = &s->segs[i];
                size_t col = seg->col + from;
                if (item % members != rank)
                    continue;
                struct attn_job j = {.kv = kv_of(g, s, seg, layer),
                                     .head = h,
                                     .group = group,
                                     .pos = seg->pos + from,
                                     .n = seg->n - from < ATTN_QUERIES ? seg->n - from
                                                                       : ATTN_QUERIES,
                                     .q = g->q + col * ldq + h * group * m->head_dim,
                                     .out = g->att + col * ld + h * group * m->head_dim,
                                     .ldq = ldq,
                                     .ldo = ld,
                                     .scratch = g->ranks[rank].attn};
                m->kernels->attention(&j);
            }
}

/* ---- the layers ------------------------------------------------------------------------------------------ */

static void attention_part(struct graph *g, const struct step *s, size_t layer, struct team *t,
                           unsigned rank)
{
    const struct dobby_model *m = g->m;
    const struct layer *y = &m->layers[layer];
    size_t n = s->n_cols, ldq = y->q.n_panels * PANEL_ROWS, ldkv = y->k.n_panels * PANEL_ROWS;
    size_t ld = m->n_heads * m->head_dim, ldh = y->o.n_panels * PANEL_ROWS;
    struct share c = divide(n, t, rank);

    norm_columns(g, s, y->attn_norm, t, rank);
    team_wait(t);
    product(g, &y->q, &g->a, n, g->q, ldq, t, rank);
    product(g, &y->k, &g->a, n, g->k, ldkv, t, rank);
    product(g, &y->v, &g->a, n, g->v, ldkv, t, rank);
    team_wait(t);
    rotate_and_store(g, s, layer, ldq, ldkv, t, rank);
    team_wait(t);
    attend(g, s, layer, ldq, t, rank);
    team_wait(t);
    for (size_t i = c.from; i < c.to; i++)
        set_acts(g, s, &g->o, i, i, g->att + i * ld, 0, ld);
    team_wait(t);
    product(g, &y->o, &g->o, n, g->h, ldh, t, rank);
    add_rows(g, s, &y->o, ldh, t, rank);
    team_wait(t);
}

/* 32 rows of gate and up at a time become one block of down's input. */
static void gate_up(struct graph *g, const struct step *s, const struct layer *y,
                    const struct team *t, unsigned rank)
{
    const struct dobby_model *m = g->m;
    struct rank *r = &g->ranks[rank];
    struct share b = divide(m->n_ff / BLOCK, t, rank);

    for (size_t i = b.from; i < b.to; i++) {
        for (size_t half = 0; half < 2; half++) {
            size_t p = 2 * i + half;
            graph_panel(m->kernels, &r->tile, &y->gate, p, &g->a, s->n_cols,
                        r->gate + half * PANEL_ROWS, BLOCK);
            graph_panel(m->kernels, &r->tile, &y->up, p, &g->a, s->n_cols,
                        r->up + half * PANEL_ROWS, BLOCK);
        }
        m->kernels->silu_mul(r->gate, r->up, r->gate, s->n_cols * BLOCK);
        for (size_t c = 0; c < s->n_cols; c++)
            set_acts(g, s, &g->f, c, c, r->gate + c * BLOCK, i * BLOCK, BLOCK);
    }
}

static void feed_forward_part(struct graph *g, const struct step *s, size_t layer, struct team *t,
                              unsigned rank)
{
    const struct layer *y = &g->m->layers[layer];
    size_t ldh = y->down.n_panels * PANEL_ROWS;

    norm_columns(g, s, y->ffn_norm, t, rank);
    team_wait(t);
    gate_up(g, s, y, t, rank);
    team_wait(t);
    product(g, &y->down, &g->f, s->n_cols, g->h, ldh, t, rank);
    add_rows(g, s, &y->down, ldh, t, rank);
    team_wait(t);
}

static void begin(struct graph *g, const struct step *s, const struct team *t, unsigned rank)
{
    struct share c = divide(s->n_cols, t, rank);

    for (size_t i = c.from; i < c.to; i++) {
        atomic_store_explicit(&s->bad[i], 0, memory_order_relaxed);
        model_embed(g->m, s->ids[i], g->x + i * g->m->n_embd);
    }
    if (rank == 0)
        for (size_t i = 0; i < s->n_segs; i++)
            for (size_t k = 0; k < s->segs[i].n; k++) {
                g->seg[s->segs[i].col + k] = &s->segs[i];
                g->pos[s->segs[i].col + k] = s->segs[i].pos + k;
            }
}

/* ---- the output ------------------------------------------------------------------------------------------ */

/* Tiles of 64 rows of the output matrix times up to 32 columns. */
static void head_tiles(struct graph *g, const struct output *outs, size_t n, const struct team *t,
                       unsigned rank)
{
    const struct dobby_model *m = g->m;
    struct rank *r = &g->ranks[rank];
    struct share tiles = divide(g->n_tiles, t, rank);

    for (size_t i = tiles.from; i < tiles.to; i++) {
        size_t row = i * HEAD_ROWS,
               rows = m->n_vocab - row < HEAD_ROWS ? m->n_vocab - row : HEAD_ROWS;
        for (size_t p = row / PANEL_ROWS;
             p < m->output.n_panels && p < (row + HEAD_ROWS) / PANEL_ROWS; p++)
            graph_panel(m->kernels, &r->tile, &m->output, p, &g->last, n,
                        r->logits + p * PANEL_ROWS - row, HEAD_ROWS);
        for (size_t c = 0; c < n; c++) {
            const float *logits = r->logits + c * HEAD_ROWS;
            m->kernels->head(logits, rows, (int32_t)row, m->banned + row,
                             &g->parts[i * HEAD_COLS + c]);
            if (outs[c].logits)
                memcpy(outs[c].logits + row, logits, rows * sizeof(*logits));
        }
    }
}

/* Put the tiles' findings together, in order. */
static void combine(struct graph *g, const struct step *s, struct output *o, size_t slot)
{
    float max = -INFINITY, second = -INFINITY, top = -INFINITY;
    double sum = 0, lse;

    o->id = -1;
    for (size_t i = 0; i < g->n_tiles; i++) {
        const struct head_part *p = &g->parts[i * HEAD_COLS + slot];
        top = p->lse_max > top ? p->lse_max : top;
        if (p->id >= 0 && p->max > max) {
            second = max > p->second ? max : p->second;
            max = p->max;
            o->id = p->id;
        } else if (p->max > second) {
            second = p->max;
        }
    }
    for (size_t i = 0; i < g->n_tiles; i++) {
        const struct head_part *p = &g->parts[i * HEAD_COLS + slot];
        double d = (double)p->lse_max - (double)top;
        if (d > -60) /* below that a tile cannot change the sum */
            sum += (double)p->lse_sum * real_exp(d);
    }
    lse = (double)top + real_log(sum);
    o->logprob = (float)((double)max - lse);
    o->margin = max - second;
    if (!isfinite(max) || !isfinite(lse) ||
        atomic_load_explicit(&s->bad[o->col], memory_order_relaxed))
        o->id = -1;
}

static void outputs(struct graph *g, const struct step *s, size_t n_outs, struct team *t,
                    unsigned rank)
{
    const struct dobby_model *m = g->m;
    float *normed = g->normed + rank * widest(m);

    for (size_t from = 0; from < n_outs; from += HEAD_COLS) {
        size_t n = n_outs - from < HEAD_COLS ? n_outs - from : HEAD_COLS;
        struct share c = divide(n, t, rank);
        for (size_t i = c.from; i < c.to; i++) {
            size_t col = s->outs[from + i].col;
            m->kernels->rmsnorm(g->x + col * m->n_embd, m->output_norm, m->n_embd, m->eps, normed);
            set_acts(g, s, &g->last, i, col, normed, 0, m->n_embd);
        }
        team_wait(t);
        head_tiles(g, s->outs + from, n, t, rank);
        team_wait(t);
        for (size_t i = c.from; i < c.to; i++)
            combine(g, s, &s->outs[from + i], i);
        team_wait(t);
    }
}

void graph_step(struct graph *g, const struct step *s, struct team *team, unsigned rank)
{
    /* After a member has passed the last barrier the leader may fill the next step: nobody reads *s then. */
    size_t n_outs = s->n_outs;

    begin(g, s, team, rank);
    team_wait(team);
    for (size_t i = 0; i < g->m->n_layers; i++) {
        attention_part(g, s, i, team, rank);
        feed_forward_part(g, s, i, team, rank);
    }
    outputs(g, s, n_outs, team, rank);
}
