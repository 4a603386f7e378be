/* kernels.c - `bench kernels`: multiply-adds a second of one core, kernel by kernel (bench).
 *
 * What     Products of matrices of random weights in each packed type, in the shapes that small models have, with as many
 *          columns as a step may hold: what graph.c does with a matrix, unpacking included. And attention over a context of 1000
 *          tokens. One thread.
 * Cold     A matrix is one of as many as fill COLD_BYTES, used in turn: weights come from memory, as they do in a step.
 * Beside   The same instructions on registers alone (mix.h), just before each measurement, since a neighbour on the same core or
 *          a lower clock slows both; and the scalar reference, with few columns since it takes its time.
 * Time     Of the processor, as the thread had it.
 * Repeated Rounds over the numbers of columns, CASE_SECONDS each at least; a row is the median of the rounds, as is its share. */
#include "bench.h"
#include "mix.h"

#include "base/mem.h"
#include "base/size.h"
#include "base/thread.h"
#include "llm/graph.h"
#include "llm/pack.h"
#include "llm/quant.h"

#include <stdio.h>
#include <string.h>

#define COLD_BYTES   ((size_t)64 << 20)
#define CASE_SECONDS 0.05
#define MAX_ROUNDS   101
#define CONTEXT      1000
#define BODY_PANELS  304 /* more have output matrices only: HEAD_ROWS at a time */

struct kernels_opts {
    const char *isa, *types, *columns;
    int rounds;
};

static const struct opt rows[] = {
    {0, "isa", OPT_STRING, offsetof(struct kernels_opts, isa), 0, 0, "NAME", NULL,
     "Instruction set (the best of this machine)"},
    {0, "types", OPT_STRING, offsetof(struct kernels_opts, types), 0, 0, "NAME,...", NULL,
     "Types of weights, and attention (all)"},
    {'c', "columns", OPT_STRING, offsetof(struct kernels_opts, columns), 0, 0, "N,...", NULL,
     "Columns of a product (1,4,10,16,64,256,512)"},
    {'r', "rounds", OPT_INT, offsetof(struct kernels_opts, rounds), 1, MAX_ROUNDS, "N", NULL,
     "How often all cases run, in turn (5)"},
    {.name = NULL},
};

const struct opt_verb opt_bench_kernels = {
    "bench kernels",
    "",
    "Speed of matrix products and of attention, one core",
    "Prints rows isa,kernel,rows,cols,columns,gmacs,mix,share,scalar: billions of multiply-adds a "
    "second, of the kernel, of its\n"
    "instructions on registers alone, the one over the other, and of the scalar reference. For "
    "attention rows are queries' heads of\n"
    "a group, cols the width of a head, columns the queries.\n",
    rows,
    0,
    0};

static const struct {
    size_t rows, cols;
} shapes[] = {
    {576, 576}, {1536, 576}, {576, 1536}, {4864, 896}, {896, 4864}, {49152, 576}, {151936, 896},
};

static const enum quant_type types[] = {QUANT_Q4_0, QUANT_Q4_1, QUANT_Q4_K, QUANT_Q5_0, QUANT_Q6_K,
                                        QUANT_Q8_0, QUANT_F16,  QUANT_BF16, QUANT_F32};

static const struct {
    const char *name;
    int type;
} caches[] = {{"attention-f16", DOBBY_KV_F16}, {"attention-q8", DOBBY_KV_Q8}};

/* ---- numbers to multiply ------------------------------------------------------------------------------------- */

static uint64_t state = 1;

static uint32_t draw(void) /* splitmix64 */
{
    uint64_t z = (state += 0x9E3779B97F4A7C15ull);

    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ z >> 27) * 0x94D049BB133111EBull;
    return (uint32_t)(z >> 32);
}

static void put_half(unsigned char *p, float v)
{
    uint16_t h = f32_to_f16(v);

    memcpy(p, &h, sizeof(h));
}

/* Any bits will do but for scales, and for floats, which are small numbers. */
static void make_rows(enum quant_type t, unsigned char *p, size_t bytes)
{
    size_t block = quant_block_bytes(t);

    for (size_t i = 0; i < bytes; i += sizeof(uint32_t)) {
        uint32_t v = draw();

        memcpy(p + i, &v, size_min(bytes - i, sizeof(v)));
    }
    for (size_t b = 0; b < bytes; b += block) {
        if (t == QUANT_F32)
            memcpy(p + b, &(float){0.01f}, sizeof(float));
        else if (t == QUANT_BF16)
            p[b + 1] = 0x3c;
        else
            put_half(p + b + (t == QUANT_Q6_K ? 208 : 0), 0.01f);
        if (t == QUANT_Q4_1 || t == QUANT_Q4_K)
            put_half(p + b + 2, 0.01f);
    }
}

/* n matrices of one shape, all with the same weights. */
static int make_matrices(struct matrix **out, size_t *n, enum quant_type t, size_t shape,
                         struct dobby_err *e)
{
    size_t bytes, src_bytes = quant_row_bytes(t, shapes[shape].cols) * shapes[shape].rows;
    unsigned char *src = mem_array(src_bytes, 1), *data;
    struct matrix m, *v;

    matrix_shape(&m, pack_type_of(t, false), shapes[shape].rows, shapes[shape].cols);
    bytes = (matrix_bytes(&m) + 63) & ~(size_t)63;
    *n = (COLD_BYTES + bytes - 1) / bytes;
    v = mem_array(*n, sizeof(*v));
    data = mem_aligned(64, *n * bytes);
    if (!src || !v || !data) {
        mem_free(src);
        mem_free(v);
        mem_free(data);
        return err_nomem(e, "matrices");
    }
    make_rows(t, src, src_bytes);
    m.data = data;
    m.bias = NULL;
    for (size_t p = 0; p < m.n_panels; p++)
        pack_panel(&m, p, t, src, 0);
    for (size_t i = 0; i < *n; i++) {
        v[i] = m;
        v[i].data = data + i * bytes;
        if (i > 0)
            memcpy(v[i].data, data, matrix_bytes(&m));
    }
    mem_free(src);
    *out = v;
    return 0;
}

static void free_matrices(struct matrix *v)
{
    if (v)
        mem_free(v[0].data);
    mem_free(v);
}

/* Columns of random numbers, quantised as `type` wants them. */
static int make_acts(struct acts *a, const struct kernels *k, size_t width, size_t n,
                     struct dobby_err *e)
{
    size_t nb = width / BLOCK;

    *a = (struct acts){.k = width,
                       .q = mem_array(n * width, 1),
                       .dx = mem_array(n * nb, sizeof(float)),
                       .ds = mem_array(n * nb, sizeof(float)),
                       .ns = mem_array(n * nb, sizeof(int32_t)),
                       .np = mem_array(n * nb * 4, sizeof(int16_t)),
                       .f = mem_array(n * width, sizeof(float))};
    if (!a->q || !a->dx || !a->ds || !a->ns || !a->np || !a->f)
        return err_nomem(e, "columns");
    for (size_t i = 0; i < n * width; i++)
        a->f[i] = (float)draw() / 4294967296.0f - 0.5f;
    for (size_t c = 0; c < n; c++)
        if (!k->quantize(a, c, a->f + c * width, 0, width))
            return err_set(e, DOBBY_E_FORMAT, "bench kernels: a column that is not finite");
    return 0;
}

static void free_acts(struct acts *a)
{
    mem_free(a->q);
    mem_free(a->dx);
    mem_free(a->ds);
    mem_free(a->ns);
    mem_free(a->np);
    mem_free(a->f);
}

/* ---- products ---------------------------------------------------------------------------------------------------- */

struct bench {
    const struct kernels *k;
    struct bench_list columns;
    int rounds;
    double results[BENCH_LIST_MAX][MAX_ROUNDS]; /* multiply-adds a second */
    double mixes[BENCH_LIST_MAX][MAX_ROUNDS];   /* the same on registers, just before */
};

/* The median of a round's numbers, each divided by the other's where there is one. */
static double median(const struct bench *b, const double *v, const double *by)
{
    double sorted[MAX_ROUNDS];

    for (int r = 0; r < b->rounds; r++)
        sorted[r] = by ? v[r] / by[r] : v[r];
    bench_sort(sorted, (size_t)b->rounds);
    return bench_quantile(sorted, (size_t)b->rounds, 0.5);
}

static void put(const struct bench *b, const char *name, size_t n_rows, size_t n_cols, size_t i,
                double scalar)
{
    printf("%s,%s,%zu,%zu,%d,%.2f,", b->k->name, name, n_rows, n_cols, b->columns.v[i],
           median(b, b->results[i], NULL) / 1e9);
    if (b->mixes[i][0] > 0)
        printf("%.2f,%.3f,", median(b, b->mixes[i], NULL) / 1e9,
               median(b, b->results[i], b->mixes[i]));
    else
        printf(",,");
    printf("%.2f\n", scalar / 1e9);
    fflush(stdout);
}

/* Panels that are multiplied together. */
static size_t together(size_t panels)
{
    return panels <= BODY_PANELS ? panels : HEAD_ROWS / PANEL_ROWS;
}

/* Multiply-adds a second of k with n columns: one matrix after the other, `panels` of each, until the time is over. */
static double product_rate(const struct kernels *k, const struct matrix *m, size_t n_matrices,
                           size_t panels, const struct acts *x, size_t n, float *y, size_t *next)
{
    static struct tile tile;
    double start = time_used(), seconds, macs = 0;

    do {
        const struct matrix *w = &m[(*next)++ % n_matrices];
        size_t each = together(panels);

        for (size_t p = 0; p < panels; p += each)
            graph_product(k, &tile, w, p, size_min(p + each, panels), x, 0, n, y,
                          each * PANEL_ROWS);
        macs += (double)(panels * PANEL_ROWS * w->cols * n);
        seconds = time_used() - start;
    } while (seconds < CASE_SECONDS);
    return macs / seconds;
}

static int run_shape(struct bench *b, enum quant_type t, size_t shape, struct dobby_err *e)
{
    const struct kernels *reference = kernels_find("scalar");
    struct acts x = {0};
    struct matrix *m = NULL;
    size_t n = 0, next = 0, most = 0;
    double scalar;
    float *y;
    int rc;

    for (size_t i = 0; i < b->columns.n; i++)
        most = size_max(most, (size_t)b->columns.v[i]);
    rc = make_matrices(&m, &n, t, shape, e);
    if (rc == 0)
        rc = make_acts(&x, b->k, shapes[shape].cols, most, e);
    y = rc == 0 ? mem_array(most * together(m->n_panels) * PANEL_ROWS, sizeof(*y)) : NULL;
    if (rc == 0 && !y)
        rc = err_nomem(e, "results");
    if (rc == 0) {
        for (int r = 0; r < b->rounds; r++)
            for (size_t i = 0; i < b->columns.n; i++) {
                b->mixes[i][r] = mix_rate(b->k->name, pack_type_of(t, false));
                b->results[i][r] =
                    product_rate(b->k, m, n, m->n_panels, &x, (size_t)b->columns.v[i], y, &next);
            }
        scalar = product_rate(reference, m, n, 4, &x, size_min(most, 4), y, &next);
        for (size_t i = 0; i < b->columns.n; i++)
            put(b, quant_name(t), shapes[shape].rows, shapes[shape].cols, i, scalar);
    }
    free_acts(&x);
    free_matrices(m);
    mem_free(y);
    return rc;
}

static bool wanted(const char *list, const char *name)
{
    size_t n = strlen(name);

    for (const char *at = list; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, n) == 0 && (at[n] == '\0' || at[n] == ','))
            return true;
    }
    return !list;
}

/* Is each name of the list one of ours? */
static int check_names(const char *list, struct dobby_err *e)
{
    for (const char *at = list; at;) {
        size_t n = strcspn(at, ","), known = 0;

        for (size_t t = 0; t < ARRAY_LEN(types); t++)
            known += strlen(quant_name(types[t])) == n && strncmp(at, quant_name(types[t]), n) == 0;
        for (size_t c = 0; c < ARRAY_LEN(caches); c++)
            known += strlen(caches[c].name) == n && strncmp(at, caches[c].name, n) == 0;
        if (!known)
            return err_set(e, DOBBY_E_USAGE,
                           "--types %s: %.*s is no type of weights that kernels take, nor "
                           "attention-f16 or attention-q8",
                           list, (int)n, at);
        at = at[n] ? at + n + 1 : NULL;
    }
    return 0;
}

static int run_products(struct bench *b, const char *list, struct dobby_err *e)
{
    int rc = 0;

    for (size_t t = 0; t < ARRAY_LEN(types) && rc == 0; t++)
        for (size_t s = 0; s < ARRAY_LEN(shapes) && rc == 0; s++)
            if (wanted(list, quant_name(types[t])) &&
                shapes[s].cols % quant_block_len(types[t]) == 0)
                rc = run_shape(b, types[t], s, e);
    return rc;
}

/* ---- attention --------------------------------------------------------------------------------------------------- */

/* Query heads of a group, width of a head: SmolLM2-135M, Qwen2.5-Coder-0.5B. */
static const size_t groups[] = {3, 7};
#define HEAD_DIM 64

static double attention_rate(const struct kernels *k, struct attn_job *j)
{
    double start = time_used(), seconds, macs = 0;

    do {
        for (j->head = 0; j->head < j->kv.n_kv; j->head++)
            k->attention(j);
        for (size_t i = 0; i < j->n; i++) /* keys, and values */
            macs += 2.0 * (double)(j->kv.n_kv * j->group * HEAD_DIM * (j->pos + i + 1));
        seconds = time_used() - start;
    } while (seconds < CASE_SECONDS);
    return macs / seconds;
}

/* One head of a context; the rows are queries, each of a group's heads. */
static int run_attention(struct bench *b, size_t cache, size_t group, struct dobby_err *e)
{
    const struct kernels *reference = kernels_find("scalar");
    static const int queries[] = {1, 4, ATTN_QUERIES};
    struct bench_list all = b->columns;
    size_t blocks = (CONTEXT + ATTN_QUERIES) / KV_TOKENS + 1, width = group * HEAD_DIM;
    struct kv_view kv = {.type = caches[cache].type, .n_kv = 1, .head_dim = HEAD_DIM};
    uint32_t *index = mem_array(blocks, sizeof(*index));
    float *q = mem_array(ATTN_QUERIES * width, sizeof(*q)),
          *out = mem_array(ATTN_QUERIES * width, sizeof(*out)),
          *scratch =
              mem_array(attn_scratch(CONTEXT + ATTN_QUERIES, group, HEAD_DIM), sizeof(*scratch));
    struct attn_job j = {.group = group,
                         .pos = CONTEXT - 1,
                         .q = q,
                         .out = out,
                         .ldq = width,
                         .ldo = width,
                         .scratch = scratch};
    double scalar;
    int rc = 0;

    kv.stride = (kv_layer_bytes(kv.type, kv.n_kv, kv.head_dim) + 63) & ~(size_t)63;
    kv.base = mem_aligned(64, blocks * kv.stride);
    kv.blocks = index;
    if (!index || !q || !out || !scratch || !kv.base) {
        rc = err_nomem(e, "a context");
    } else {
        for (size_t i = 0; i < blocks; i++)
            index[i] = (uint32_t)i;
        for (size_t i = 0; i < ATTN_QUERIES * width; i++)
            q[i] = (float)draw() / 4294967296.0f - 0.5f;
        for (size_t p = 0; p < CONTEXT + ATTN_QUERIES; p++)
            b->k->kv_store(&kv, p, q + p % ATTN_QUERIES * width, q);
        j.kv = kv;
        b->columns.n = ARRAY_LEN(queries);
        for (size_t i = 0; i < ARRAY_LEN(queries); i++)
            b->columns.v[i] = queries[i];
        for (int r = 0; r < b->rounds; r++)
            for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
                j.n = (size_t)queries[i];
                b->mixes[i][r] = mix_rate(b->k->name, PACK_F32);
                b->results[i][r] = attention_rate(b->k, &j);
            }
        j.n = 1;
        scalar = attention_rate(reference, &j);
        for (size_t i = 0; i < ARRAY_LEN(queries); i++)
            put(b, caches[cache].name, group, HEAD_DIM, i, scalar);
        b->columns = all;
    }
    mem_free(index);
    mem_free(q);
    mem_free(out);
    mem_free(scratch);
    mem_free(kv.base);
    return rc;
}

int bench_kernels(int argc, char **argv)
{
    struct kernels_opts o = {.columns = "1,4,10,16,64,256,512", .rounds = 5};
    struct bench b = {0};
    struct opt_operands none;
    struct dobby_err e = {0};
    int rc = bench_options(&opt_bench_kernels, argc, argv, &o, &none);

    if (rc >= 0)
        return rc;
    b.rounds = o.rounds;
    b.k = kernels_find(o.isa);
    rc = bench_numbers(&b.columns, o.columns, "--columns", &e);
    if (rc == 0)
        rc = check_names(o.types, &e);
    if (rc == 0 && !b.k)
        rc = err_set(&e, DOBBY_E_USAGE,
                     "--isa %s: this machine or this build has none of that name", o.isa);
    if (rc == 0) {
        puts("isa,kernel,rows,cols,columns,gmacs,mix,share,scalar");
        rc = run_products(&b, o.types, &e);
    }
    for (size_t c = 0; c < ARRAY_LEN(caches) && rc == 0; c++)
        for (size_t g = 0; g < ARRAY_LEN(groups) && rc == 0; g++)
            if (wanted(o.types, caches[c].name))
                rc = run_attention(&b, c, groups[g], &e);
    return rc == 0 ? 0 : bench_fail(&e);
}
