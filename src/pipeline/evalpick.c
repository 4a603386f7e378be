/* evalpick.c - see evalpick.h (pipeline). */
#include "pipeline/evalpick.h"

#include "base/mem.h"
#include "base/sha256.h"
#include "code/check.h"
#include "code/prompt.h"
#include "pipeline/wording.h"

#include <stdlib.h>
#include <string.h>

struct picker {
    struct eval_pick *p;
    const struct scan *s;
    const struct walk *w;
    const struct eval_pick_options *o;
    struct dobby_err *e;
    struct strbuf source, text, scratch;
};

static bool stopped(const struct picker *k)
{
    return k->o->stop && *k->o->stop;
}

/* Keep a copy of k->text; NULL when memory ran out. */
static const char *keep(struct picker *k)
{
    return strbuf_failed(&k->text) ? NULL
                                   : arena_strndup(&k->p->arena, strbuf_str(&k->text), k->text.len);
}

/* The text of a file as it was scanned; 1 if it is another one by now. */
static int read_source(struct picker *k, const struct scan_file *f)
{
    struct dobby_err why = {0};
    uint8_t hash[KEY_LEN];
    int rc = walk_read(k->w, f->wf, &k->source, hash, &why);

    if (rc < 0)
        return err_set(k->e, rc, "%s", why.message);
    return f->wf->skip != WALK_TAKEN || memcmp(hash, f->hash, KEY_LEN) != 0;
}

/* ---- what is documented ------------------------------------------------------------------------- */

static int add_unit(struct picker *k, size_t file, size_t unit)
{
    const struct scan_file *f = &k->s->files[file];
    const struct unit *u = &f->units[unit];
    struct eval_pick *p = k->p;

    if (!f->docs[unit] || (k->o->language && strcmp(scan_language(f, u), k->o->language) != 0))
        return 0;
    strbuf_reset(&k->text);
    strbuf_puts(&k->text, f->docs[unit]);
    if (strbuf_failed(&k->text))
        return err_nomem(k->e, "a comment");
    if (mem_grow((void **)&p->all, &p->cap, p->n_all + 1, sizeof(*p->all)) < 0)
        return err_nomem(k->e, "the documented units");
    p->all[p->n_all] = (struct eval_unit){
        .file = file, .unit = unit, .language = scan_language(f, u), .target = keep(k)};
    return p->all[p->n_all++].target ? 0 : err_nomem(k->e, "a comment");
}

static int list_file(struct picker *k, size_t file)
{
    const struct scan_file *f = &k->s->files[file];
    int rc = f->n > 0 ? read_source(k, f) : 0;

    k->p->n_changed += rc > 0;
    for (size_t i = 0; i < f->n && rc == 0; i++)
        rc = add_unit(k, file, i);
    return rc < 0 ? rc : 0;
}

static int list_all(struct picker *k)
{
    int rc = 0;

    for (size_t i = 0; i < k->s->n_files && rc == 0; i++) {
        if (stopped(k))
            return err_set(k->e, DOBBY_E_CANCELLED, "eval: stopped");
        rc = list_file(k, i);
    }
    return rc;
}

/* ---- the sample --------------------------------------------------------------------------------- */

/* A candidate: its place in an order that has nothing to do with where it stands. */
struct lot {
    size_t at, file;
    const char *language;
    uint8_t hash[32];
    size_t round; /* how many of its file, later of its language, come before it */
};

static int by_hash(const struct lot *a, const struct lot *b)
{
    int c = memcmp(a->hash, b->hash, sizeof(a->hash));

    return c ? c : a->at < b->at ? -1 : a->at > b->at;
}

static int by_file(const void *pa, const void *pb)
{
    const struct lot *a = pa, *b = pb;

    return a->file != b->file ? (a->file < b->file ? -1 : 1) : by_hash(a, b);
}

static int by_language(const void *pa, const void *pb)
{
    const struct lot *a = pa, *b = pb;
    int c = strcmp(a->language, b->language);

    if (c == 0 && a->round != b->round)
        c = a->round < b->round ? -1 : 1;
    return c ? c : by_hash(a, b);
}

static int by_round(const void *pa, const void *pb)
{
    const struct lot *a = pa, *b = pb;

    if (a->round != b->round)
        return a->round < b->round ? -1 : 1;
    return strcmp(a->language, b->language);
}

static int by_place(const void *pa, const void *pb)
{
    const size_t *a = pa, *b = pb;

    return *a < *b ? -1 : *a > *b;
}

static int draw(struct picker *k, struct lot *l, size_t at)
{
    const struct eval_unit *x = &k->p->all[at];
    const struct scan_file *f = &k->s->files[x->file];
    const char *name = f->units[x->unit].qualified;
    struct sha256 h;
    uint8_t seed[8];

    *l = (struct lot){.at = at, .file = x->file, .language = x->language};
    for (int i = 0; i < 8; i++)
        seed[i] = (uint8_t)(k->o->seed >> 8 * i);
    sha256_begin(&h);
    sha256_field(&h, seed, sizeof(seed));
    sha256_field(&h, f->wf->path, f->wf->path_len);
    sha256_field(&h, name, strlen(name));
    return sha256_end(&h, l->hash, k->e);
}

/* Rounds within files first, then within languages: the first of each file, then the second of each. */
static void order(struct lot *l, size_t n)
{
    qsort(l, n, sizeof(*l), by_file);
    for (size_t i = 1; i < n; i++)
        l[i].round = l[i].file == l[i - 1].file ? l[i - 1].round + 1 : 0;
    qsort(l, n, sizeof(*l), by_language);
    l[0].round = 0;
    for (size_t i = 1; i < n; i++)
        l[i].round = strcmp(l[i].language, l[i - 1].language) == 0 ? l[i - 1].round + 1 : 0;
    qsort(l, n, sizeof(*l), by_round);
}

static int choose(struct picker *k)
{
    struct eval_pick *p = k->p;
    struct lot *lots = mem_array(p->n_all ? p->n_all : 1, sizeof(*lots));
    size_t n = k->o->limit && k->o->limit < p->n_all ? k->o->limit : p->n_all;
    int rc = 0;

    p->picked = mem_array(n ? n : 1, sizeof(*p->picked));
    if (!lots || !p->picked)
        rc = err_nomem(k->e, "the sample");
    for (size_t i = 0; i < p->n_all && rc == 0; i++)
        rc = draw(k, &lots[i], i);
    if (rc == 0 && n > 0)
        order(lots, p->n_all);
    for (size_t i = 0; i < n && rc == 0; i++)
        p->picked[i] = lots[i].at;
    p->n_picked = rc == 0 ? n : 0;
    if (p->n_picked > 1)
        qsort(p->picked, n, sizeof(*p->picked), by_place);
    mem_free(lots);
    return rc;
}

/* ---- what is known of the picked ones ----------------------------------------------------------- */

/* The words of a name, or the name where it has none (an operator), with a full stop. */
static int put_words(struct picker *k, struct eval_unit *x, const struct unit *u)
{
    strbuf_reset(&k->text);
    signature_name(&k->text, u->name);
    if (k->text.len == 0)
        strbuf_puts(&k->text, u->name);
    strbuf_putc(&k->text, '.');
    x->words = keep(k);
    return x->words ? 0 : err_nomem(k->e, "a name");
}

/* 1: a search for secrets had to be given up, so that the code may enter no question. */
static int put_code(struct picker *k, struct eval_unit *x, const struct scan_file *f,
                    const struct unit *u)
{
    struct dobby_err why = {0};
    int rc = prompt_code(&k->text, u, f->wf->language, strbuf_str(&k->source), k->source.len,
                         f->units, f->n, &why);

    if (rc == DOBBY_E_LIMIT)
        return 1;
    if (rc < 0)
        return err_set(k->e, rc, "%s", why.message);
    x->code_len = k->text.len;
    x->code = keep(k);
    return x->code ? 0 : err_nomem(k->e, "a unit");
}

static int put_signature(struct picker *k, struct eval_unit *x, const struct scan_file *f,
                         const struct unit *u)
{
    signature_summary(&k->text, u, f->wf->language, strbuf_str(&k->source), k->source.len);
    x->signature = keep(k);
    return x->signature ? 0 : err_nomem(k->e, "a summary");
}

static size_t distance(int a, int b)
{
    return (size_t)(a < b ? b - a : a - b);
}

/* The nearest of the same file by lines; else of the units before and behind it the one in the nearer file, if it is in the same
 * language. */
static const char *sibling_of(const struct picker *k, size_t at)
{
    const struct eval_pick *p = k->p;
    const struct eval_unit *x = &p->all[at], *best = NULL;
    int line = k->s->files[x->file].units[x->unit].start_line;
    size_t lo = at, hi = at, least = 0;

    while (lo > 0 && p->all[lo - 1].file == x->file)
        lo--;
    while (hi + 1 < p->n_all && p->all[hi + 1].file == x->file)
        hi++;
    for (size_t i = lo; i <= hi; i++) {
        const struct eval_unit *y = &p->all[i];
        size_t d = distance(line, k->s->files[y->file].units[y->unit].start_line);

        if (i != at && (!best || d < least)) {
            best = y;
            least = d;
        }
    }
    for (size_t i = lo; !best && i-- > 0;)
        if (strcmp(p->all[i].language, x->language) == 0)
            best = &p->all[i];
    for (size_t i = hi + 1; i < p->n_all; i++)
        if (strcmp(p->all[i].language, x->language) == 0) {
            if (!best || (best->file != x->file && p->all[i].file - x->file < x->file - best->file))
                best = &p->all[i];
            break;
        }
    return best ? best->target : NULL;
}

/* Picked units of one file: n of them from `first` on. Those that may not be asked about are dropped: *left is how many stay
 * in front. */
static int fill_file(struct picker *k, size_t first, size_t n, size_t *left)
{
    struct eval_pick *p = k->p;
    const struct scan_file *f = &k->s->files[p->all[p->picked[first]].file];
    int rc = read_source(k, f);

    if (rc > 0) {
        p->n_changed++;
        return 0;
    }
    for (size_t i = first; i < first + n && rc >= 0; i++) {
        struct eval_unit *x = &p->all[p->picked[i]];
        const struct unit *u = &f->units[x->unit];

        rc = put_code(k, x, f, u);
        if (rc > 0)
            continue;
        if (rc == 0)
            rc = put_words(k, x, u);
        if (rc == 0)
            rc = put_signature(k, x, f, u);
        x->sibling = sibling_of(k, p->picked[i]);
        p->picked[(*left)++] = p->picked[i];
    }
    return rc < 0 ? rc : 0;
}

static int fill(struct picker *k)
{
    struct eval_pick *p = k->p;
    size_t n, left = 0;
    int rc = 0;

    for (size_t i = 0; i < p->n_picked && rc == 0; i += n) {
        size_t file = p->all[p->picked[i]].file;

        if (stopped(k))
            return err_set(k->e, DOBBY_E_CANCELLED, "eval: stopped");
        for (n = 1; i + n < p->n_picked && p->all[p->picked[i + n]].file == file; n++)
            ;
        rc = fill_file(k, i, n, &left);
    }
    p->n_picked = left;
    return rc;
}

int eval_pick(struct eval_pick *p, const struct scan *s, const struct walk *w,
              const struct eval_pick_options *o, struct dobby_err *e)
{
    struct picker k = {.p = p, .s = s, .w = w, .o = o, .e = e};
    int rc;

    *p = (struct eval_pick){0};
    rc = list_all(&k);
    if (rc == 0)
        rc = choose(&k);
    if (rc == 0)
        rc = fill(&k);
    strbuf_release(&k.source);
    strbuf_release(&k.text);
    strbuf_release(&k.scratch);
    if (rc < 0)
        eval_pick_release(p);
    return rc;
}

void eval_pick_release(struct eval_pick *p)
{
    mem_free(p->all);
    mem_free(p->picked);
    arena_release(&p->arena);
    *p = (struct eval_pick){0};
}
