/* util.c - see bench.h (bench). */
#include "bench.h"

#include "base/size.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int bench_fail(const struct dobby_err *e)
{
    fprintf(stderr, "dobby-bench: %s\n", e->message);
    switch (e->code) {
    case DOBBY_E_USAGE:
        return 64;
    case DOBBY_E_FORMAT:
    case DOBBY_E_UNSUPPORTED:
        return 65;
    case DOBBY_E_NOTFOUND:
        return 66;
    case DOBBY_E_UNAVAILABLE:
        return 69;
    case DOBBY_E_IO:
        return 74;
    default:
        return 70;
    }
}

int bench_numbers(struct bench_list *out, const char *text, const char *what, struct dobby_err *e)
{
    const char *at = text;

    for (out->n = 0;;) {
        char *end;
        long v;

        errno = 0;
        v = strtol(at, &end, 10);
        if (errno || end == at || v < 1 || v > 4096 || (*end && *end != ',') ||
            out->n == BENCH_LIST_MAX)
            return err_set(e, DOBBY_E_USAGE,
                           "%s: %s: give up to %d numbers from 1 to 4096, with commas between",
                           what, text, BENCH_LIST_MAX);
        out->v[out->n++] = (int)v;
        if (!*end)
            return 0;
        at = end + 1;
    }
}

bool bench_is_taken(size_t i, size_t n, size_t count)
{
    return count == 0 || count >= n || (i + 1) * count / n != i * count / n;
}

int bench_options(const struct opt_verb *v, int argc, char **argv, void *out,
                  struct opt_operands *operands)
{
    struct dobby_err e = {0};
    struct strbuf b = {0};
    int rc = opt_parse(v, argc, argv, out, operands, &e);

    if (rc == 0)
        return -1;
    if (rc < 0)
        return bench_fail(&e);
    opt_help(&b, v);
    fputs(strbuf_str(&b), stdout);
    strbuf_release(&b);
    return 0;
}

static int ascending(const void *pa, const void *pb)
{
    double a = *(const double *)pa, b = *(const double *)pb;

    return (a > b) - (a < b);
}

void bench_sort(double *v, size_t n)
{
    if (n > 0)
        qsort(v, n, sizeof(*v), ascending);
}

double bench_quantile(const double *sorted, size_t n, double q)
{
    size_t rank = (size_t)(q * (double)n + 0.999999);

    if (n == 0)
        return 0;
    return sorted[size_min(rank > 0 ? rank - 1 : 0, n - 1)];
}
