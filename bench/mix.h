/* mix.h - how fast a core does the instructions of a matrix kernel when nothing else is in the way (bench).
 * What     The products, additions and conversions of a kernel's inner loop in the same numbers, on registers alone: no
 *          load, no store, no unpacking. A kernel cannot be faster; what it reaches of this is its quality on any machine. */
#ifndef BENCH_MIX_H
#define BENCH_MIX_H

#include "llm/kernels/kernels.h"

/* Multiply-adds a second of one core with the mix that table `isa` uses for `type`, measured for 10 ms of its time; 0: there is
 * no such loop. What else the machine does slows both: measure it beside the kernel each time. */
double mix_rate(const char *isa, enum pack_type type);

#endif
