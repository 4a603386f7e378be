/* graph.c - see graph.h.
 * A layer, and who of a team does what (R: rows of the matrix divided, C: columns divided, H: queries and kv heads divided):
 *
 *     x --norm,quantise(C)--> a --q,k,v(R)--> rotate, store k v(C) --attention(H)--> quantise(C) --o(R)--> x +=
 *       --norm,quantise(C)--> a --gate,up,silu,quantise(R, 32 at a time)--> f --down(R)--> x +=
 *
 * with a barrier at each arrow between different divisions. That is for few columns. Of many, blocks of columns go through
 * a layer each with all rows, and wait only for the keys of blocks before them. Behind the keys of the last layer only columns
 * remain whose logits are asked for. Gate and up never exist as whole matrices: 32 rows
 * of both give one block of 8-bit activations for down, which is all that is kept. */
#include "llm/graph.h"

#include "base/mem.h"
#include "base/size.h"
#include "base/thread.h"
#include "llm/realmath.h"

#include <math.h>
#include <string.h>

#define HEAD_COLS  32  /* outputs that share a pass over the output matrix */
#define FEW_COLS   16  /* up to here a step waits for weights to come from memory */
#define FEW_BLOCKS 8   /* blocks unpacked at a time then; a K-quant's */
#define WIDE_COLS  128 /* columns at a time of a matrix that is unpacked in parts */
#define SLICES     32  /* of the columns of a product, between which what comes next is asked for */
#define APART_COLS 32  /* columns of each member, from which on they are divided instead of rows */
#define BLOCK_COLS 64  /* columns that go through a layer together then */

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
    atomic_size_t taken;        /* blocks of columns through a layer that members have begun */
    atomic_uint *progress;      /* [block of columns] see publish() */
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
    a->np = carve(c, cols * nb * 4, sizeof(int16_t));
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
    g->progress = carve(c, n, sizeof(*g->progress));
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

/* Wait until *word is no longer `value`: turn a while, then sleep. */
static void wait_while(struct team *t, atomic_uint *word, unsigned value)
{
    for (unsigned spins = 0; spins < t->spins; spins++) {
        if (atomic_load_explicit(word, memory_order_acquire) != value)
            return;
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
    }
    /* Either who writes sees the sleeper, or the sleeper sees what was written: both are sequentially consistent. */
    atomic_fetch_add_explicit(&t->sleepers, 1, memory_order_seq_cst);
    while (atomic_load_explicit(word, memory_order_seq_cst) == value)
        thread_sleep_on(word, value);
    atomic_fetch_sub_explicit(&t->sleepers, 1, memory_order_relaxed);
}

static void write_and_wake(struct team *t, atomic_uint *word, unsigned value)
{
    atomic_store_explicit(word, value, memory_order_seq_cst);
    if (atomic_load_explicit(&t->sleepers, memory_order_seq_cst) > 0)
        thread_wake_all(word);
}

void team_wait(struct team *t)
{
    unsigned phase;

    if (!t || t->n == 1)
        return;
    phase = atomic_load_explicit(&t->phase, memory_order_acquire);
    if (atomic_fetch_add_explicit(&t->arrived, 1, memory_order_acq_rel) + 1 == t->n) {
        atomic_store_explicit(&t->arrived, 0, memory_order_relaxed);
        write_and_wake(t, &t->phase, phase + 1);
    } else {
        wait_while(t, &t->phase, phase);
    }
}

/* This member's share of n things. */
struct share {
    size_t from, to;
};

/* What one member does in a step. */
struct part {
    struct graph *g;
    const struct step *s;
    struct team *team;
    unsigned rank, members;
    bool outs;           /* the columns are those of outputs, not all of the step */
    size_t n;            /* columns */
    bool apart;          /* a block of columns is all its own; else rows are divided */
    struct share mine;   /* columns of this member, where columns are divided */
    struct share worked; /* columns that it multiplies: its own, or all */
};

static struct share divide(size_t n, size_t members, size_t rank)
{
    return (struct share){n * rank / members, n * (rank + 1) / members};
}

/* Rows (or what stands for them) of this member, of n. */
static struct share rows_of(const struct part *w, size_t n)
{
    return w->apart ? (struct share){0, n} : divide(n, w->members, w->rank);
}

/* Where in the step column i of the part stands. */
static size_t column(const struct part *w, size_t i)
{
    return w->outs ? w->s->outs[i].col : i;
}

/* Wait for the others where what follows reads what they wrote. */
static void meet(const struct part *w)
{
    if (!w->apart)
        team_wait(w->team);
}

/* All members work on the same n columns, those of the step or of its outputs: rows are divided. */
static void take_all(struct part *w, size_t n, bool outs)
{
    w->n = n;
    w->outs = outs;
    w->apart = false;
    w->mine = divide(n, w->members, w->rank);
    w->worked = (struct share){0, n};
}

/* This member has these columns, and all their rows, to itself. */
static void take_own(struct part *w, struct share c)
{
    w->apart = true;
    w->mine = w->worked = c;
}

/* ---- products ------------------------------------------------------------------------------------------- */

/* Ask for n bytes that will be read, into the level-1 cache if soon, else into level 2; what stands behind the end of an array
 * does no harm. */
static inline void ask_ahead(const unsigned char *p, size_t n, bool soon)
{
    for (size_t i = 0; i < n; i += 64)
        if (soon)
            __builtin_prefetch(p + i, 0, 3);
        else
            __builtin_prefetch(p + i, 0, 2);
}

/* Blocks b..b+nb-1 of panel p times n columns. What comes next is asked for meanwhile: of few columns the blocks behind, of
 * many the same blocks of the panel behind, a little at each slice of the columns, as many as a core can wait for. */
static void multiply(const struct kernels *k, struct tile *tile, const struct matrix *w, size_t p,
                     size_t b, size_t nb, const struct acts *x, size_t col, size_t n, float *y,
                     size_t ldy)
{
    const unsigned char *panel = w->data + p * w->panel_bytes;
    size_t each = w->panel_bytes / (w->cols / BLOCK);
    size_t some = k->at_once[w->type], slice = (n / (SLICES * some) + 1) * some;

    k->unpack[w->type](panel, b, nb, tile);
    if (n <= FEW_COLS) {
        ask_ahead(panel + each * (b + nb), each * nb, true);
        k->gemm[w->type](tile, b, nb, x, col, n, y, ldy, b == 0);
        return;
    }
    for (size_t c = 0, now; c < n; c += now) {
        now = size_min(n - c, slice);
        size_t from = each * nb * c / n, to = each * nb * (c + now) / n;
        ask_ahead(panel + w->panel_bytes + each * b + from, to - from, false);
        k->gemm[w->type](tile, b, nb, x, col + c, now, y + c * ldy, ldy, b == 0);
    }
}

/* The size of parts when n > 0 things are cut into as few of at most `most` as can be, alike. */
static size_t evenly(size_t n, size_t most)
{
    size_t parts = (n + most - 1) / most;
    return (n + parts - 1) / parts;
}

/* Few columns are soon done with what was unpacked: then that is less at a time, and the weights behind it come from memory
 * while these are multiplied. Of many columns the part that meets a tile stays in the level-2 cache for all panels, and where
 * there are several parts, what was added up so far does too, if the columns are not too many. */
void graph_product(const struct kernels *k, struct tile *tile, const struct matrix *w, size_t from,
                   size_t to, const struct acts *x, size_t col, size_t n, float *y, size_t ldy)
{
    size_t blocks = w->cols / BLOCK;
    size_t part = (evenly(blocks, TILE_BLOCKS) + 7) / 8 * 8; /* in eights for K-quants */
    size_t group = blocks > TILE_BLOCKS ? evenly(n, WIDE_COLS) : n;

    if (!pack_is_quantized(w->type))
        for (size_t p = from; p < to; p++)
            k->gemm_float(w->type, w->data + p * w->panel_bytes, x, col, n,
                          y + (p - from) * PANEL_ROWS, ldy);
    else if (n <= FEW_COLS)
        for (size_t p = from; p < to; p++)
            for (size_t b = 0; b < blocks; b += FEW_BLOCKS)
                multiply(k, tile, w, p, b, size_min(blocks - b, FEW_BLOCKS), x, col, n,
                         y + (p - from) * PANEL_ROWS, ldy);
    else
        for (size_t c = 0; c < n; c += group)
            for (size_t b = 0; b < blocks; b += part)
                for (size_t p = from; p < to; p++)
                    multiply(k, tile, w, p, b, size_min(blocks - b, part), x, col + c,
                             size_min(n - c, group), y + c * ldy + (p - from) * PANEL_ROWS, ldy);
    if (w->bias)
        for (size_t c = 0; c < n; c++)
            k->add(y + c * ldy, w->bias + from * PANEL_ROWS, (to - from) * PANEL_ROWS);
}

/* This member's part of y = W x. */
static void product(const struct part *w, const struct matrix *m, const struct acts *x, float *y,
                    size_t ldy)
{
    struct graph *g = w->g;
    struct share p = rows_of(w, m->n_panels), c = w->worked;

    graph_product(g->m->kernels, &g->ranks[w->rank].tile, m, p.from, p.to, x, c.from, c.to - c.from,
                  y + c.from * ldy + p.from * PANEL_ROWS, ldy);
}

static void mark(const struct step *s, size_t col)
{
    atomic_store_explicit(&s->bad[col], 1, memory_order_relaxed);
}

/* Part of the inputs of column i: n values from k0 on. */
static void set_acts(const struct part *w, struct acts *a, size_t i, const float *x, size_t k0,
                     size_t n)
{
    if (a->f)
        memcpy(a->f + i * a->k + k0, x, n * sizeof(*x));
    if (!w->g->m->kernels->quantize(a, i, x, k0, n))
        mark(w->s, column(w, i));
}

/* Columns of this member: a = quantised norm of x. */
static void norm_columns(const struct part *w, const float *weight)
{
    struct graph *g = w->g;
    const struct dobby_model *m = g->m;
    float *normed = g->normed + w->rank * widest(m);

    for (size_t i = w->mine.from; i < w->mine.to; i++) {
        m->kernels->rmsnorm(g->x + column(w, i) * m->n_embd, weight, m->n_embd, m->eps, normed);
        set_acts(w, &g->a, i, normed, 0, m->n_embd);
    }
}

/* x += W a, this member's part. */
static void add_product(const struct part *w, const struct matrix *m, const struct acts *a)
{
    struct graph *g = w->g;
    struct share p = rows_of(w, m->n_panels);
    size_t ldh = m->n_panels * PANEL_ROWS, from = p.from * PANEL_ROWS,
           n = (p.to - p.from) * PANEL_ROWS;

    product(w, m, a, g->h, ldh);
    for (size_t i = w->worked.from; i < w->worked.to; i++)
        g->m->kernels->add(g->x + column(w, i) * g->m->n_embd + from, g->h + i * ldh + from, n);
}

/* ---- attention ------------------------------------------------------------------------------------------ */

static struct kv_view kv_of(const struct part *w, const struct segment *seg, size_t layer)
{
    const struct dobby_model *m = w->g->m;
    const struct step *s = w->s;
    return (struct kv_view){.base = s->kv_base +
                                    layer * kv_layer_bytes(s->kv_type, m->n_kv, m->head_dim),
                            .stride = s->kv_stride,
                            .blocks = seg->blocks,
                            .type = s->kv_type,
                            .n_kv = m->n_kv,
                            .head_dim = m->head_dim};
}

static void rotate_and_store(const struct part *w, size_t layer, size_t ldq, size_t ldkv)
{
    struct graph *g = w->g;
    const struct dobby_model *m = g->m;
    float scale = 1.0f / sqrtf((float)m->head_dim), limit = kv_top(w->s->kv_type);

    for (size_t i = w->mine.from; i < w->mine.to; i++) {
        struct kv_view kv = kv_of(w, g->seg[i], layer);
        const float *cs = g->rope + g->pos[i] * m->head_dim;
        /* The softmax would make a finite weight of a score that is no number: damaged weights must be found here. */
        if (!isfinite(m->kernels->top(g->q + i * ldq, m->n_heads * m->head_dim)) ||
            m->kernels->top(g->k + i * ldkv, m->n_kv * m->head_dim) > limit ||
            m->kernels->top(g->v + i * ldkv, m->n_kv * m->head_dim) > limit)
            mark(w->s, i);
        m->kernels->rope(g->q + i * ldq, m->n_heads, m->head_dim, cs, scale);
        m->kernels->rope(g->k + i * ldkv, m->n_kv, m->head_dim, cs, 1.0f);
        m->kernels->kv_store(&kv, g->pos[i], g->k + i * ldkv, g->v + i * ldkv);
    }
}

/* How many columns from i on, below `to`, are consecutive in one sequence: at most what attention takes at a time. */
static size_t run_of(const struct part *w, size_t i, size_t to)
{
    size_t col = column(w, i), n = 1;

    while (n < ATTN_QUERIES && i + n < to && column(w, i + n) == col + n &&
           w->g->seg[col + n] == w->g->seg[col])
        n++;
    return n;
}

/* Runs of queries with one kv head each are dealt to the members in turn, or all of a member's own are its own. */
static void attend(const struct part *w, size_t layer, size_t ldq)
{
    struct graph *g = w->g;
    const struct dobby_model *m = g->m;
    size_t group = m->n_heads / m->n_kv, item = 0, ld = m->n_heads * m->head_dim, n;

    for (size_t i = w->worked.from; i < w->worked.to; i += n) {
        size_t col = column(w, i);

        n = run_of(w, i, w->worked.to);
        for (size_t h = 0; h < m->n_kv; h++, item++) {
            struct attn_job j = {.kv = kv_of(w, g->seg[col], layer),
                                 .head = h,
                                 .group = group,
                                 .pos = g->pos[col],
                                 .n = n,
                                 .q = g->q + col * ldq + h * group * m->head_dim,
                                 .out = g->att + i * ld + h * group * m->head_dim,
                                 .ldq = ldq,
                                 .ldo = ld,
                                 .scratch = g->ranks[w->rank].attn};
            if (w->apart || item % w->members == w->rank)
                m->kernels->attention(&j);
        }
    }
}

/* ---- the layers ------------------------------------------------------------------------------------------ */

/* Queries of all columns, and their keys and values in the cache. */
static void keys_part(const struct part *w, size_t layer)
{
    struct graph *g = w->g;
    const struct layer *y = &g->m->layers[layer];
    size_t ldq = y->q.n_panels * PANEL_ROWS, ldkv = y->k.n_panels * PANEL_ROWS;

    norm_columns(w, y->attn_norm);
    meet(w);
    product(w, &y->q, &g->a, g->q, ldq);
    product(w, &y->k, &g->a, g->k, ldkv);
    product(w, &y->v, &g->a, g->v, ldkv);
    meet(w);
    rotate_and_store(w, layer, ldq, ldkv);
}

static void attention_part(const struct part *w, size_t layer)
{
    struct graph *g = w->g;
    const struct dobby_model *m = g->m;
    const struct layer *y = &m->layers[layer];
    size_t ld = m->n_heads * m->head_dim;

    attend(w, layer, y->q.n_panels * PANEL_ROWS);
    meet(w);
    for (size_t i = w->mine.from; i < w->mine.to; i++)
        set_acts(w, &g->o, i, g->att + i * ld, 0, ld);
    meet(w);
    add_product(w, &y->o, &g->o);
    meet(w);
}

/* 32 rows of gate and up at a time become one block of down's input. */
static void gate_up(const struct part *w, const struct layer *y)
{
    struct graph *g = w->g;
    const struct kernels *k = g->m->kernels;
    struct rank *r = &g->ranks[w->rank];
    struct share b = rows_of(w, g->m->n_ff / BLOCK), c = w->worked;
    size_t n = c.to - c.from, panels = BLOCK / PANEL_ROWS;

    for (size_t i = b.from; i < b.to; i++) {
        graph_product(k, &r->tile, &y->gate, i * panels, (i + 1) * panels, &g->a, c.from, n,
                      r->gate, BLOCK);
        graph_product(k, &r->tile, &y->up, i * panels, (i + 1) * panels, &g->a, c.from, n, r->up,
                      BLOCK);
        k->silu_mul(r->gate, r->up, r->gate, n * BLOCK);
        for (size_t j = 0; j < n; j++)
            set_acts(w, &g->f, c.from + j, r->gate + j * BLOCK, i * BLOCK, BLOCK);
    }
}

static void feed_forward_part(const struct part *w, size_t layer)
{
    struct graph *g = w->g;
    const struct layer *y = &g->m->layers[layer];

    norm_columns(w, y->ffn_norm);
    meet(w);
    gate_up(w, y);
    meet(w);
    add_product(w, &y->down, &g->f);
    meet(w);
}

static void begin(const struct part *w)
{
    struct graph *g = w->g;
    const struct step *s = w->s;
    struct share c = divide(s->n_cols, w->members, w->rank);

    for (size_t i = c.from; i < c.to; i++) {
        atomic_store_explicit(&s->bad[i], 0, memory_order_relaxed);
        model_embed(g->m, s->ids[i], g->x + i * g->m->n_embd);
    }
    if (w->rank == 0) {
        for (size_t i = 0; i < s->n_segs; i++)
            for (size_t k = 0; k < s->segs[i].n; k++) {
                g->seg[s->segs[i].col + k] = &s->segs[i];
                g->pos[s->segs[i].col + k] = s->segs[i].pos + k;
            }
        for (size_t i = 0; i < s->n_cols; i++)
            atomic_store_explicit(&g->progress[i], 0, memory_order_relaxed);
        atomic_store_explicit(&g->taken, 0, memory_order_relaxed);
    }
    team_wait(w->team);
}

/* ---- the output ------------------------------------------------------------------------------------------ */

/* Tiles of 64 rows of the output matrix times up to 32 columns. */
static void head_tiles(const struct part *w, const struct output *outs, size_t n)
{
    struct graph *g = w->g;
    const struct dobby_model *m = g->m;
    struct rank *r = &g->ranks[w->rank];
    struct share tiles = divide(g->n_tiles, w->members, w->rank);

    for (size_t i = tiles.from; i < tiles.to; i++) {
        size_t row = i * HEAD_ROWS, rows = size_min(m->n_vocab - row, HEAD_ROWS),
               from = row / PANEL_ROWS,
               to = size_min(m->output.n_panels, from + HEAD_ROWS / PANEL_ROWS);
        graph_product(m->kernels, &r->tile, &m->output, from, to, &g->last, 0, n, r->logits,
                      HEAD_ROWS);
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

static void outputs(const struct part *w)
{
    struct graph *g = w->g;
    const struct dobby_model *m = g->m;
    const struct step *s = w->s;
    float *normed = g->normed + w->rank * widest(m);

    for (size_t from = 0; from < w->n; from += HEAD_COLS) {
        size_t n = size_min(w->n - from, HEAD_COLS);
        struct share c = divide(n, w->members, w->rank);
        for (size_t i = c.from; i < c.to; i++) {
            m->kernels->rmsnorm(g->x + s->outs[from + i].col * m->n_embd, m->output_norm, m->n_embd,
                                m->eps, normed);
            if (g->last.f)
                memcpy(g->last.f + i * m->n_embd, normed, m->n_embd * sizeof(*normed));
            if (!m->kernels->quantize(&g->last, i, normed, 0, m->n_embd))
                mark(s, s->outs[from + i].col);
        }
        team_wait(w->team);
        head_tiles(w, s->outs + from, n);
        team_wait(w->team);
        for (size_t i = c.from; i < c.to; i++)
            combine(g, s, &s->outs[from + i], i);
        team_wait(w->team);
    }
}

/* All layers up to the last keys, rows divided. */
static void by_rows(struct part *w)
{
    size_t last = w->g->m->n_layers - 1;

    for (size_t i = 0; i < last; i++) {
        keys_part(w, i);
        team_wait(w->team);
        attention_part(w, i);
        feed_forward_part(w, i);
    }
    keys_part(w, last);
}

/* Block b of columns has come so far: 2 * layer + 1 when its keys of the layer are there, 2 * layer + 2 when it is through. */
static void publish(const struct part *w, size_t b, size_t progress)
{
    write_and_wake(w->team, &w->g->progress[b], (unsigned)progress);
}

static void await(const struct part *w, size_t b, size_t progress)
{
    atomic_uint *word = &w->g->progress[b];
    unsigned now;

    while ((now = atomic_load_explicit(word, memory_order_acquire)) < (unsigned)progress)
        wait_while(w->team, word, now);
}

/* The same, columns divided into blocks: who is free takes the next block through a layer, layer after layer, so that what a
 * block waits for was always taken before it. */
static void by_blocks(struct part *w)
{
    struct graph *g = w->g;
    size_t blocks = size_max(w->members, w->n / BLOCK_COLS), last = g->m->n_layers - 1, i;

    while ((i = atomic_fetch_add_explicit(&g->taken, 1, memory_order_relaxed)) <
           (last + 1) * blocks) {
        size_t layer = i / blocks, b = i % blocks;

        take_own(w, divide(w->n, blocks, b));
        await(w, b, 2 * layer);
        keys_part(w, layer);
        publish(w, b, 2 * layer + 1);
        if (layer == last)
            continue;
        for (size_t before = 0; before < b; before++)
            await(w, before, 2 * layer + 1);
        attention_part(w, layer);
        feed_forward_part(w, layer);
        publish(w, b, 2 * layer + 2);
    }
}

void graph_step(struct graph *g, const struct step *s, struct team *team, unsigned rank)
{
    struct part w = {.g = g, .s = s, .team = team, .rank = rank, .members = team ? team->n : 1};
    /* After a member has passed the last barrier the leader may fill the next step: nobody reads *s then. */
    size_t n_outs = s->n_outs, last = g->m->n_layers - 1;

    begin(&w);
    take_all(&w, s->n_cols, false);
    if (w.members > 1 && w.n >= w.members * APART_COLS)
        by_blocks(&w);
    else
        by_rows(&w);
    team_wait(team);
    if (n_outs == 0)
        return;
    take_all(&w, n_outs, true); /* what follows the last keys serves these columns only */
    attention_part(&w, last);
    feed_forward_part(&w, last);
    outputs(&w);
}
