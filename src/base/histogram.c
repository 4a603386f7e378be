/* histogram.c - see histogram.h: four buckets to a power of two, from 1/16 to about 2^20 (a quarter of an hour
 * in milliseconds). */
#include "base/histogram.h"

#include <math.h>

static double edge(size_t i)
{
    return exp2((double)i / 4) / 16;
}

void histogram_add(struct dobby_histogram *h, double value)
{
    double i = value > 0 ? ceil(4 * log2(value * 16)) : 0;
    size_t at = i < 0 ? 0 : i >= DOBBY_BUCKETS ? DOBBY_BUCKETS - 1 : (size_t)i;

    while (at > 0 && value < edge(at - 1))
        at--;
    while (at + 1 < DOBBY_BUCKETS && value >= edge(at))
        at++;
    h->bucket[at]++;
    h->n++;
    h->sum += value;
    h->max = value > h->max ? value : h->max;
}

double dobby_quantile(const struct dobby_histogram *h, double q)
{
    uint64_t rank = (uint64_t)ceil(q * (double)h->n), seen = 0;

    for (size_t i = 0; i < DOBBY_BUCKETS && h->n > 0; i++) {
        seen += h->bucket[i];
        if (seen >= rank && seen > 0)
            return i + 1 == DOBBY_BUCKETS || edge(i) > h->max ? h->max : edge(i);
    }
    return 0;
}
