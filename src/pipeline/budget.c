/* budget.c - see budget.h (pipeline). */
#include "pipeline/budget.h"

#include "base/mem.h"
#include "base/memory.h"
#include "base/size.h"
#include "code/parse.h"

#define MIB ((size_t)1 << 20)
#define GOOD_SHARE                                                                                 \
    (64 *                                                                                          \
     MIB) /* enough for files of some 2 MB; below it fewer workers are better than small ones */

/* n workers need n + 1/4 shares (parse.h). */
static size_t shares(int n, size_t share)
{
    return (size_t)n * share + share / 4;
}

/* The largest share for n workers in so much room, of which a quarter stays free: what is found of the tree grows into it
 * before the workers have to give something up. */
static size_t share_of(int n, size_t room)
{
    return size_min(room / 4 * 3 / (4 * (size_t)n + 1) * 4, PARSE_MAX_SHARE);
}

int budget_shares(size_t *share, int *n, size_t bound, size_t used, struct dobby_err *e)
{
    size_t room = bound > used + BUDGET_RESERVE ? bound - used - BUDGET_RESERVE : 0,
           least = shares(1, PARSE_MIN_SHARE) / 3 * 4 + MIB;

    *share = PARSE_MAX_SHARE;
    if (bound == 0)
        return 0;
    while (*n > 1 && share_of(*n, room) < GOOD_SHARE)
        --*n;
    *share = share_of(*n, room);
    if (*share >= PARSE_MIN_SHARE)
        return 0;
    return err_set(e, DOBBY_E_LIMIT,
                   "memory: a bound of %zu MiB is too small to read the tree: %zu MiB are in use, "
                   "and a parser needs %zu more; the smallest that works is %zuM, and a model "
                   "needs more",
                   bound / MIB, used / MIB, (BUDGET_RESERVE + least) / MIB,
                   (used + used / 16 + BUDGET_RESERVE + least) / MIB + 2);
}

int budget_parsers(size_t *share, int *n, size_t bound, struct dobby_err *e)
{
    if (bound > 0)
        mem_trim();
    return budget_shares(share, n, bound, bound > 0 ? memory_used() : 0, e);
}

int budget_check(size_t bound, int n, size_t share, struct dobby_err *e)
{
    size_t used = bound > 0 ? memory_used() : 0;

    if (bound == 0 || used + (n > 0 ? shares(n, share) : 0) + BUDGET_RESERVE <= bound)
        return 0;
    return err_set(e, DOBBY_E_LIMIT,
                   "memory: a bound of %zu MiB is too small for this tree: %zu MiB are in use and "
                   "%zu stay in reserve, with part of it read; give more, or summarise a part of "
                   "the tree",
                   bound / MIB, used / MIB, BUDGET_RESERVE / MIB);
}
