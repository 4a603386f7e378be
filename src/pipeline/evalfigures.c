/* evalfigures.c - see evalfigures.h (pipeline). */
#include "pipeline/evalfigures.h"

#include "base/mem.h"
#include "base/size.h"
#include "code/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct text text_of(const char *s)
{
    return (struct text){s, strlen(s)};
}

/* ---- of one text -------------------------------------------------------------------------------- */

int eval_comments_make(struct eval_comments *c, const struct eval_pick *p, struct dobby_err *e)
{
    c->n = p->n_all;
    c->of = mem_array(c->n ? c->n : 1, sizeof(*c->of));
    if (!c->of)
        return err_nomem(e, "the comments");
    for (size_t i = 0; i < c->n; i++)
        copy_words(&c->of[i], text_of(p->all[i].target));
    return 0;
}

void eval_comments_release(struct eval_comments *c)
{
    mem_free(c->of);
    *c = (struct eval_comments){0};
}

static bool is_copied(const struct eval_comments *c, size_t at, const char *text)
{
    struct copy_words w;

    copy_words(&w, text_of(text));
    if (w.n < COPY_MIN_WORDS || copy_nearness(&w, &c->of[at], COPY_LEAST) >= COPY_LEAST)
        return false;
    for (size_t i = 0; i < c->n; i++)
        if (i != at && copy_nearness(&w, &c->of[i], COPY_LEAST) >= COPY_LEAST)
            return true;
    return false;
}

void eval_measure(struct dobby_eval_text *t, const struct eval_comments *c,
                  const struct eval_pick *p, size_t at, const char *known)
{
    const struct eval_unit *x = &p->all[at];
    struct text code = {x->code, x->code_len}, own = text_of(known), target = text_of(x->target);

    t->bleu = t->rouge_l = (double)NAN;
    if (!t->text)
        return;
    t->bleu = bleu_sentence(text_of(t->text), target);
    t->rouge_l = rouge_l(text_of(t->text), target);
    identifier_recall(&t->n_names, &t->n_named, text_of(t->text), target, code);
    t->n_ungrounded = ungrounded(&t->n_identifiers, text_of(t->text), code, own);
    t->copied = is_copied(c, at, t->text);
}

/* ---- of a system -------------------------------------------------------------------------------- */

struct point {
    double confidence, rouge_l;
};

struct sums {
    struct bleu corpus;
    double bleu, rouge_l;
    size_t n_names, n_named;
    struct point *points; /* of accepted answers */
    size_t n_points;
};

static void count_reason(struct dobby_eval_figures *f, const char *why, size_t n)
{
    size_t i = 0;

    while (i < f->n_reasons &&
           (strlen(f->refused[i].why) != n || memcmp(f->refused[i].why, why, n) != 0))
        i++;
    if (i < f->n_reasons)
        f->refused[i].n++;
}

/* Reasons are those of check.h, each counted under its own string. */
static void count_refused(struct dobby_eval_figures *f, const char *refused)
{
    while (*refused) {
        size_t n = strcspn(refused, ";");

        count_reason(f, refused, n);
        refused += n;
        refused += strspn(refused, "; ");
    }
}

static void add(struct dobby_eval_figures *f, struct sums *s, const struct dobby_eval_text *t,
                const struct eval_unit *x)
{
    if (!t->text)
        return;
    f->n++;
    bleu_add(&s->corpus, text_of(t->text), text_of(x->target));
    s->bleu += t->bleu;
    s->rouge_l += t->rouge_l;
    s->n_names += t->n_names;
    s->n_named += t->n_named;
    f->n_identifiers += t->n_identifiers;
    f->n_ungrounded += t->n_ungrounded;
    f->n_copied += t->copied != 0;
    f->n_fallback += t->fallback != 0;
    count_refused(f, t->refused);
    if (!t->fallback && t->confidence >= 0)
        s->points[s->n_points++] = (struct point){t->confidence, t->rouge_l};
}

static int by_confidence(const void *pa, const void *pb)
{
    const struct point *a = pa, *b = pb;

    return a->confidence < b->confidence ? -1 : a->confidence > b->confidence;
}

static void divide(struct dobby_eval_part *parts, size_t n_parts, const struct point *p, size_t n)
{
    for (size_t k = 0; k < n_parts; k++) {
        size_t from = n * k / n_parts, to = n * (k + 1) / n_parts;
        double sum = 0, none = (double)NAN;

        for (size_t i = from; i < to; i++)
            sum += p[i].rouge_l;
        parts[k] =
            (struct dobby_eval_part){.n = to - from,
                                     .confidence_from = to > from ? p[from].confidence : none,
                                     .confidence_to = to > from ? p[to - 1].confidence : none,
                                     .rouge_l = to > from ? sum / (double)(to - from) : none};
    }
}

static double ratio(double a, size_t n)
{
    return n > 0 ? a / (double)n : (double)NAN;
}

static void list_reasons(struct dobby_eval_figures *f)
{
    f->n_reasons = 0;
    for (int v = CHECK_OK + 1; v < CHECK_VERDICTS && f->n_reasons < DOBBY_EVAL_REASONS; v++)
        f->refused[f->n_reasons++].why = check_reason((enum check_verdict)v);
}

static void drop_unseen(struct dobby_eval_figures *f)
{
    size_t n = 0;

    for (size_t i = 0; i < f->n_reasons; i++)
        if (f->refused[i].n > 0)
            f->refused[n++] = f->refused[i];
    f->n_reasons = n;
}

int eval_figures(struct dobby_eval_figures *f, const struct eval_pick *p,
                 const struct dobby_eval_text *texts, size_t n_systems, size_t system,
                 struct dobby_err *e)
{
    struct sums s = {.points = mem_array(p->n_picked ? p->n_picked : 1, sizeof(*s.points))};

    if (!s.points)
        return err_nomem(e, "the figures");
    list_reasons(f);
    for (size_t i = 0; i < p->n_picked; i++) {
        const struct eval_unit *x = &p->all[p->picked[i]];

        if (!f->language || strcmp(x->language, f->language) == 0)
            add(f, &s, &texts[i * n_systems + system], x);
    }
    f->bleu = ratio(s.bleu, f->n);
    f->bleu_corpus = f->n ? bleu_corpus(&s.corpus) : (double)NAN;
    f->rouge_l = ratio(s.rouge_l, f->n);
    f->recall = ratio((double)s.n_named, s.n_names);
    drop_unseen(f);
    if (s.n_points > 1)
        qsort(s.points, s.n_points, sizeof(*s.points), by_confidence);
    divide(f->thirds, ARRAY_LEN(f->thirds), s.points, s.n_points);
    divide(f->tenths, ARRAY_LEN(f->tenths), s.points, s.n_points);
    mem_free(s.points);
    return 0;
}
