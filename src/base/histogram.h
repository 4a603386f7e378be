/* histogram.h - counts of values in buckets of growing width (base). The struct and its reading are in dobby.h. */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include "dobby.h"

void histogram_add(struct dobby_histogram *h, double value);

#endif
