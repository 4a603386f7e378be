/* batch.c - see batch.h. */
#include "llm/batch.h"

#include "base/mem.h"
#include "base/size.h"

struct candidate {
    struct sequence *s;
    size_t n; /* columns it gets */
};

int batch_init(struct batch *b, size_t cols, size_t seqs)
{
    *b = (struct batch){0};
    b->ids = mem_array(cols, sizeof(*b->ids));
    b->segs = mem_array(seqs, sizeof(*b->segs));
    b->outs = mem_array(cols, sizeof(*b->outs));
    b->bad = mem_array(cols, sizeof(*b->bad));
    b->seq_of_seg = mem_array(seqs, sizeof(struct sequence *));
    b->seq_of_out = mem_array(cols, sizeof(struct sequence *));
    b->cand = mem_array(seqs, sizeof(*b->cand));
    return b->ids && b->segs && b->outs && b->bad && b->seq_of_seg && b->seq_of_out && b->cand ? 0
                                                                                               : -1;
}

void batch_release(struct batch *b)
{
    mem_free(b->ids);
    mem_free(b->segs);
    mem_free(b->outs);
    mem_free((void *)b->bad);
    mem_free(b->seq_of_seg);
    mem_free(b->seq_of_out);
    mem_free(b->cand);
    *b = (struct batch){0};
}

double batch_token_cost(const struct dobby_model *m)
{
    double q = (double)(m->n_heads * m->head_dim), kv = (double)(m->n_kv * m->head_dim),
           embd = (double)m->n_embd;
    return (double)m->n_layers * (embd * (2 * q + 2 * kv) + 3 * embd * (double)m->n_ff);
}

double batch_position_cost(const struct dobby_model *m)
{
    return (double)m->n_layers * 2 * (double)(m->n_heads * m->head_dim);
}

void batch_begin(struct batch *b, unsigned char *kv_base, size_t kv_stride, int kv_type)
{
    b->step = (struct step){.ids = b->ids,
                            .segs = b->segs,
                            .outs = b->outs,
                            .bad = b->bad,
                            .kv_base = kv_base,
                            .kv_stride = kv_stride,
                            .kv_type = kv_type};
    b->n_cand = 0;
    b->cost = 0;
}

void batch_add(struct batch *b, struct sequence *const *seqs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        b->cand[b->n_cand++] = (struct candidate){seqs[i], 0};
}

static size_t unread(const struct sequence *s)
{
    return s->n_ids - s->pos;
}

/* Writers first; among prompts the one with the least to read, then the one that came first. */
static bool before(const struct sequence *a, const struct sequence *b)
{
    size_t ra = unread(a), rb = unread(b);

    return ra != rb ? ra < rb : a->ticket < b->ticket;
}

/* Shell's sort in place: the library's qsort allocates, and a step must not. */
static void sort(struct candidate *c, size_t n)
{
    static const size_t gaps[] = {1750, 701, 301, 132, 57, 23, 10, 4, 1}; /* Ciura 2001 */

    for (size_t k = 0; k < ARRAY_LEN(gaps); k++)
        for (size_t i = gaps[k]; i < n; i++) {
            struct candidate x = c[i];
            size_t j = i;
            for (; j >= gaps[k] && before(x.s, c[j - gaps[k]].s); j -= gaps[k])
                c[j] = c[j - gaps[k]];
            c[j] = x;
        }
}

/* Columns that candidate c may still get at this cost, `left` of them at most. */
static size_t affordable(const struct batch *b, const struct dobby_model *m,
                         const struct candidate *c, size_t left, double cost)
{
    size_t want = unread(c->s) - c->n, n;
    double each = batch_token_cost(m) + ATTENTION_COST * batch_position_cost(m) *
                                            (double)(c->s->pos + c->n + size_min(want, left) / 2);
    double room = (cost - b->cost) / each;

    if (c->s->opt.on_logits)
        want = size_min(want, SEQ_LOGIT_COLS - size_min(c->n, SEQ_LOGIT_COLS));
    n = size_min(want, left);
    return room < (double)n ? (room > 0 ? (size_t)room : 0) : n;
}

static void grant(struct batch *b, const struct dobby_model *m, struct candidate *c, size_t n)
{
    double pos = (double)(c->s->pos + c->n) + (double)n / 2;
    c->n += n;
    b->cost += (double)n * (batch_token_cost(m) + ATTENTION_COST * batch_position_cost(m) * pos);
}

static void add_segment(struct batch *b, const struct dobby_model *m, struct sequence *s, size_t n)
{
    struct step *st = &b->step;
    size_t end = s->pos + n;

    b->seq_of_seg[st->n_segs] = s;
    b->segs[st->n_segs++] = (struct segment){st->n_cols, n, s->pos, s->blocks};
    for (size_t i = 0; i < n; i++) {
        size_t pos = s->pos + i;
        bool wanted = s->opt.on_logits && pos >= s->opt.logits_from;
        b->ids[st->n_cols + i] = s->ids[pos];
        if (!wanted && !(pos + 1 == end && end == s->n_ids))
            continue;
        b->seq_of_out[st->n_outs] = s;
        b->outs[st->n_outs++] = (struct output){
            .col = st->n_cols + i, .logits = wanted ? s->logits + i * m->n_vocab : NULL};
    }
    st->n_cols += n;
}

/* Share `left` columns among the prompts, which stand from `first` on. */
static void share_prompts(struct batch *b, const struct dobby_model *m, size_t first, size_t left,
                          double cost)
{
    struct candidate *oldest = &b->cand[first];
    size_t n;

    for (size_t i = first + 1; i < b->n_cand; i++)
        if (b->cand[i].s->ticket < oldest->s->ticket)
            oldest = &b->cand[i];
    n = affordable(b, m, oldest, left / 4 + 1, b->cost + (cost - b->cost) / 4);
    if (n == 0)
        n = 1; /* beyond the cost, but a prompt must move on */
    grant(b, m, oldest, n);
    left -= n;
    for (size_t i = first; i < b->n_cand && left > 0; i++) {
        n = affordable(b, m, &b->cand[i], left, cost);
        grant(b, m, &b->cand[i], n);
        left -= n;
    }
}

void batch_fill(struct batch *b, const struct dobby_model *m, size_t cols, double cost)
{
    size_t writers = 0, n;

    sort(b->cand, b->n_cand);
    while (writers < b->n_cand && unread(b->cand[writers].s) == 1)
        writers++;
    n = size_min(writers, cols);
    for (size_t i = 0; i < n; i++)
        grant(b, m, &b->cand[(b->turn + i) % writers], 1);
    b->turn = n < writers ? (b->turn + n) % writers : 0;
    if (n < cols && writers < b->n_cand)
        share_prompts(b, m, writers, cols - n, cost);
    for (size_t i = 0; i < b->n_cand; i++)
        if (b->cand[i].n > 0)
            add_segment(b, m, b->cand[i].s, b->cand[i].n);
}
