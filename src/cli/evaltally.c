/* evaltally.c - see evaltally.h (cli). */
#include "cli/evaltally.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/size.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 2000 /* of the bootstrap */

/* What one system came to, over all units or those of a language. NAN: nothing to tell. */
struct result {
    size_t system, n, n_fallback;
    double mean, low, high, bad; /* bad: share scored 0 or 1 */
    double way, way_low, way_high;
};

struct point {
    double x, y;
};

struct tally {
    const struct scores *s;
    size_t author, name; /* systems; n_systems: not on the sheet */
    size_t *units;       /* [n]: those at hand, or a draw of them */
    size_t n;
    struct result results[SCORES_SYSTEMS]; /* the best first */
    struct point *points;                  /* [s->n * n_systems]: scratch */
};

/* ---- means -------------------------------------------------------------------------------------- */

static const struct score *score_of(const struct tally *t, size_t i, size_t system)
{
    return &t->s->units[t->units[i]].of[system];
}

static double mean_of(const struct tally *t, size_t system)
{
    double sum = 0;
    size_t n = 0;

    for (size_t i = 0; i < t->n; i++) {
        const struct score *c = score_of(t, i, system);

        sum += c->there ? c->score : 0;
        n += c->there;
    }
    return n ? sum / (double)n : (double)NAN;
}

static double way_of(const struct tally *t, size_t system)
{
    double own = 0, name = 0, author = 0;

    if (t->author == t->s->n_systems || t->name == t->s->n_systems)
        return (double)NAN;
    for (size_t i = 0; i < t->n; i++) {
        const struct score *c = score_of(t, i, system), *a = score_of(t, i, t->author),
                           *b = score_of(t, i, t->name);

        if (!c->there || !a->there || !b->there)
            continue;
        own += c->score;
        author += a->score;
        name += b->score;
    }
    return author > name ? (own - name) / (author - name) : (double)NAN;
}

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static int by_value(const void *pa, const void *pb)
{
    double a = *(const double *)pa, b = *(const double *)pb;

    if (isnan(a) || isnan(b)) /* those that say nothing come last */
        return isnan(a) - isnan(b);
    return a < b ? -1 : a > b;
}

static void bounds(double *values, double *low, double *high)
{
    size_t n = 0;

    qsort(values, ROUNDS, sizeof(*values), by_value);
    while (n < ROUNDS && !isnan(values[n]))
        n++;
    *low = n ? values[n * 25 / 1000] : (double)NAN;
    *high = n ? values[n - 1 - n * 25 / 1000] : (double)NAN;
}

/* Bounds of mean and way of a system, by drawing the units at hand anew. */
static int bootstrap(struct tally *t, struct result *r, struct dobby_err *e)
{
    size_t *drawn = mem_array(t->n, sizeof(*drawn));
    double *means = mem_array(ROUNDS, sizeof(*means)), *ways = mem_array(ROUNDS, sizeof(*ways));
    struct tally again = *t;
    uint64_t state = 1;
    int rc = drawn && means && ways ? 0 : err_nomem(e, "the tally");

    again.units = drawn;
    for (size_t k = 0; k < ROUNDS && rc == 0; k++) {
        for (size_t i = 0; i < t->n; i++)
            drawn[i] = t->units[next_random(&state) % t->n];
        means[k] = mean_of(&again, r->system);
        ways[k] = way_of(&again, r->system);
    }
    if (rc == 0) {
        bounds(means, &r->low, &r->high);
        bounds(ways, &r->way_low, &r->way_high);
        if (isnan(r->way))
            r->way_low = r->way_high = (double)NAN;
    }
    mem_free(drawn);
    mem_free(means);
    mem_free(ways);
    return rc;
}

static int by_mean(const void *pa, const void *pb)
{
    const struct result *a = pa, *b = pb;

    if (a->mean > b->mean || (isnan(b->mean) && !isnan(a->mean)))
        return -1;
    if (b->mean > a->mean || (isnan(a->mean) && !isnan(b->mean)))
        return 1;
    return a->system < b->system ? -1 : a->system > b->system;
}

/* t->results of the units at hand. */
static int reckon(struct tally *t, bool with_bounds, struct dobby_err *e)
{
    int rc = 0;

    for (size_t s = 0; s < t->s->n_systems && rc == 0; s++) {
        struct result *r = &t->results[s];

        *r = (struct result){.system = s, .mean = mean_of(t, s), .way = way_of(t, s)};
        for (size_t i = 0; i < t->n; i++) {
            const struct score *c = score_of(t, i, s);

            r->n += c->there;
            r->n_fallback += c->there && c->fallback;
            r->bad += c->there && c->score <= 1;
        }
        r->bad = r->n ? r->bad / (double)r->n : (double)NAN;
        if (with_bounds)
            rc = bootstrap(t, r, e);
    }
    qsort(t->results, t->s->n_systems, sizeof(*t->results), by_mean);
    return rc;
}

/* ---- confidence, figures ------------------------------------------------------------------------ */

static int by_x(const void *pa, const void *pb)
{
    const struct point *a = pa, *b = pb;

    return a->x < b->x ? -1 : a->x > b->x;
}

/* x becomes its rank, equal ones the mean of theirs; p is sorted by x. */
static void rank_x(struct point *p, size_t n)
{
    for (size_t i = 0, k; i < n; i = k) {
        double rank;

        for (k = i + 1; k < n && p[k].x == p[i].x; k++)
            ;
        rank = (double)(i + k - 1) / 2;
        for (size_t m = i; m < k; m++)
            p[m].x = rank;
    }
}

static void swap_axes(struct point *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (struct point){p[i].y, p[i].x};
}

/* Spearman's rank correlation; NAN where one of the two does not vary. Changes p. */
static double spearman(struct point *p, size_t n)
{
    double middle = n ? (double)(n - 1) / 2 : 0, xy = 0, xx = 0, yy = 0;

    for (int axis = 0; axis < 2; axis++) {
        qsort(p, n, sizeof(*p), by_x);
        rank_x(p, n);
        swap_axes(p, n);
    }
    for (size_t i = 0; i < n; i++) {
        xy += (p[i].x - middle) * (p[i].y - middle);
        xx += (p[i].x - middle) * (p[i].x - middle);
        yy += (p[i].y - middle) * (p[i].y - middle);
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : (double)NAN;
}

/* Accepted answers of a system by confidence: t->points, sorted; how many. */
static size_t by_confidence(struct tally *t, size_t system)
{
    size_t n = 0;

    for (size_t i = 0; i < t->n; i++) {
        const struct score *c = score_of(t, i, system);

        if (c->there && !c->fallback && c->confidence >= 0)
            t->points[n++] = (struct point){c->confidence, c->score};
    }
    if (n > 1)
        qsort(t->points, n, sizeof(*t->points), by_x);
    return n;
}

/* Texts of models and other programs that have this figure. */
static size_t by_figure(struct tally *t, size_t figure)
{
    size_t n = 0;

    for (size_t s = 0; s < t->s->n_systems; s++) {
        if (strcmp(t->s->sources[s], "model") != 0 && strcmp(t->s->sources[s], "given") != 0)
            continue;
        for (size_t i = 0; i < t->n; i++) {
            const struct score *c = score_of(t, i, s);

            if (c->there && !isnan(c->figure[figure]))
                t->points[n++] = (struct point){c->figure[figure], c->score};
        }
    }
    return n;
}

/* ---- as JSON ------------------------------------------------------------------------------------ */

static void put_number(struct strbuf *b, const char *key, double v)
{
    if (isnan(v))
        strbuf_printf(b, ",\"%s\":null", key);
    else
        strbuf_printf(b, ",\"%s\":%.4f", key, v);
}

static void put_name(struct strbuf *b, const char *before, const char *name)
{
    strbuf_puts(b, before);
    json_put_string(b, name, strlen(name));
}

static void json_results(struct strbuf *b, const struct tally *t, bool with_bounds)
{
    const char *before = "[{\"system\":";

    for (size_t i = 0; i < t->s->n_systems; i++) {
        const struct result *r = &t->results[i];

        if (r->n == 0)
            continue;
        put_name(b, before, t->s->systems[r->system]);
        before = ",{\"system\":";
        strbuf_printf(b, ",\"source\":\"%s\",\"n\":%zu,\"n_fallback\":%zu",
                      t->s->sources[r->system], r->n, r->n_fallback);
        put_number(b, "mean", r->mean);
        if (with_bounds) {
            put_number(b, "low", r->low);
            put_number(b, "high", r->high);
        }
        put_number(b, "share_0_1", r->bad);
        put_number(b, "way", r->way);
        if (with_bounds) {
            put_number(b, "way_low", r->way_low);
            put_number(b, "way_high", r->way_high);
        }
        strbuf_putc(b, '}');
    }
    strbuf_puts(b, before[0] == '[' ? "[]" : "]");
}

static void json_parts(struct strbuf *b, const struct tally *t, size_t n, size_t parts)
{
    for (size_t p = 0; p < parts; p++) {
        size_t from = n * p / parts, to = n * (p + 1) / parts;
        double sum = 0;

        for (size_t i = from; i < to; i++)
            sum += t->points[i].y;
        strbuf_printf(b, "%s{\"n\":%zu", p ? "," : "[", to - from);
        put_number(b, "confidence_from", to > from ? t->points[from].x : (double)NAN);
        put_number(b, "confidence_to", to > from ? t->points[to - 1].x : (double)NAN);
        put_number(b, "score", to > from ? sum / (double)(to - from) : (double)NAN);
        strbuf_putc(b, '}');
    }
    strbuf_putc(b, ']');
}

static void json_reliability(struct strbuf *b, struct tally *t)
{
    const char *before = "{\"system\":";

    strbuf_puts(b, ",\"reliability\":[");
    for (size_t s = 0; s < t->s->n_systems; s++) {
        size_t n = by_confidence(t, s);

        if (n == 0)
            continue;
        put_name(b, before, t->s->systems[s]);
        before = ",{\"system\":";
        strbuf_printf(b, ",\"n\":%zu,\"thirds\":", n);
        json_parts(b, t, n, 3);
        strbuf_puts(b, ",\"halves\":");
        json_parts(b, t, n, 2);
        put_number(b, "spearman", spearman(t->points, n));
        strbuf_putc(b, '}');
    }
    strbuf_putc(b, ']');
}

static void json_figures(struct strbuf *b, struct tally *t)
{
    strbuf_puts(b, ",\"figures\":[");
    for (size_t f = 0; f < SCORES_FIGURES; f++) {
        size_t n = by_figure(t, f);

        strbuf_printf(b, "%s{\"figure\":\"%s\",\"n\":%zu", f ? "," : "", scores_figures[f], n);
        put_number(b, "spearman", spearman(t->points, n));
        strbuf_putc(b, '}');
    }
    strbuf_puts(b, "]}\n");
}

/* ---- for people --------------------------------------------------------------------------------- */

static void put_cell(struct strbuf *b, double v, int digits)
{
    if (isnan(v))
        strbuf_printf(b, " %7s", "-");
    else
        strbuf_printf(b, " %7.*f", digits, v);
}

static void table_head(struct strbuf *b, const char *what, size_t n)
{
    strbuf_printf(b, "%-34s %5s %7s %7s %7s %7s %7s %7s %7s   (%zu units)\n", what, "n", "mean",
                  "low", "high", "0-1", "way", "low", "high", n);
}

static void table_results(struct strbuf *b, const struct tally *t, bool with_bounds)
{
    for (size_t i = 0; i < t->s->n_systems; i++) {
        const struct result *r = &t->results[i];
        double none = (double)NAN;

        if (r->n == 0)
            continue;
        strbuf_printf(b, "%-34s %5zu", t->s->systems[r->system], r->n);
        put_cell(b, r->mean, 2);
        put_cell(b, with_bounds ? r->low : none, 2);
        put_cell(b, with_bounds ? r->high : none, 2);
        put_cell(b, r->bad, 3);
        put_cell(b, r->way, 2);
        put_cell(b, with_bounds ? r->way_low : none, 2);
        put_cell(b, with_bounds ? r->way_high : none, 2);
        if (r->n_fallback)
            strbuf_printf(b, "   %zu from the signature", r->n_fallback);
        strbuf_putc(b, '\n');
    }
}

static void table_parts(struct strbuf *b, const struct tally *t, size_t n, size_t parts)
{
    for (size_t p = 0; p < parts; p++) {
        size_t from = n * p / parts, to = n * (p + 1) / parts;
        double sum = 0;

        for (size_t i = from; i < to; i++)
            sum += t->points[i].y;
        if (to > from)
            strbuf_printf(b, "  %zu of %zu   confidence %.4f to %.4f   score %.2f (%zu)\n", p + 1,
                          parts, t->points[from].x, t->points[to - 1].x, sum / (double)(to - from),
                          to - from);
    }
}

static void table_reliability(struct strbuf *b, struct tally *t)
{
    for (size_t s = 0; s < t->s->n_systems; s++) {
        size_t n = by_confidence(t, s);

        if (n == 0)
            continue;
        strbuf_printf(b, "\n%s, by confidence:\n", t->s->systems[s]);
        table_parts(b, t, n, 3);
        table_parts(b, t, n, 2);
        strbuf_puts(b, "  rank correlation with the score");
        put_cell(b, spearman(t->points, n), 2);
        strbuf_putc(b, '\n');
    }
}

static void table_figures(struct strbuf *b, struct tally *t)
{
    bool any = false;

    for (size_t f = 0; f < SCORES_FIGURES; f++) {
        size_t n = by_figure(t, f);

        if (n == 0)
            continue;
        if (!any)
            strbuf_puts(b, "\nRank correlation of automatic figures with the score:\n");
        any = true;
        strbuf_printf(b, "  %-12s", scores_figures[f]);
        put_cell(b, spearman(t->points, n), 2);
        strbuf_printf(b, "   (%zu texts)\n", n);
    }
}

/* ---- the whole ---------------------------------------------------------------------------------- */

static void take_all(struct tally *t)
{
    for (t->n = 0; t->n < t->s->n; t->n++)
        t->units[t->n] = t->n;
}

/* The units of a language; false where it was there before unit `first`. */
static bool take_language(struct tally *t, size_t first)
{
    const char *language = t->s->units[first].language;

    t->n = 0;
    for (size_t i = 0; i < t->s->n; i++) {
        if (strcmp(t->s->units[i].language, language) != 0)
            continue;
        if (i < first)
            return false;
        t->units[t->n++] = i;
    }
    return true;
}

static int put_languages(struct strbuf *out, struct tally *t, bool json, struct dobby_err *e)
{
    bool any = false;
    int rc = 0;

    if (json)
        strbuf_puts(out, ",\"languages\":[");
    for (size_t i = 0; i < t->s->n && rc == 0; i++) {
        const char *language = t->s->units[i].language;

        if (!take_language(t, i))
            continue;
        rc = reckon(t, false, e);
        if (json) {
            put_name(out, any ? ",{\"language\":" : "{\"language\":", language);
            strbuf_printf(out, ",\"n\":%zu,\"systems\":", t->n);
            json_results(out, t, false);
            strbuf_putc(out, '}');
        } else {
            strbuf_putc(out, '\n');
            table_head(out, language, t->n);
            table_results(out, t, false);
        }
        any = true;
    }
    if (json)
        strbuf_putc(out, ']');
    take_all(t);
    return rc;
}

static int put_all(struct strbuf *out, struct tally *t, bool json, struct dobby_err *e)
{
    int rc;

    take_all(t);
    rc = reckon(t, true, e);
    if (rc < 0)
        return rc;
    if (json) {
        strbuf_printf(out, "{\"n\":%zu,\"systems\":", t->n);
        json_results(out, t, true);
    } else {
        table_head(out, "all", t->n);
        table_results(out, t, true);
    }
    rc = put_languages(out, t, json, e);
    if (rc < 0)
        return rc;
    if (json) {
        json_reliability(out, t);
        json_figures(out, t);
    } else {
        table_reliability(out, t);
        table_figures(out, t);
    }
    return strbuf_failed(out) ? err_nomem(e, "the tally") : 0;
}

int tally_put(struct strbuf *out, const struct scores *s, bool json, struct dobby_err *e)
{
    struct tally t = {
        .s = s, .author = scores_system(s, "author"), .name = scores_system(s, "name")};
    size_t n_points;
    int rc;

    if (!size_mul(s->n, s->n_systems, &n_points))
        return err_nomem(e, "the tally");
    t.units = mem_array(s->n, sizeof(*t.units));
    t.points = mem_array(n_points ? n_points : 1, sizeof(*t.points));
    rc = t.units && t.points ? put_all(out, &t, json, e) : err_nomem(e, "the tally");
    mem_free(t.units);
    mem_free(t.points);
    return rc;
}
