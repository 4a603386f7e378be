/* fault.c - staged failures (base). Counters per class; see fault.h. */
#include "base/fault.h"
#include "base/mem.h"

#include <stdatomic.h>

/* armed is written last when arming and read first at a door: with it off, a door costs one relaxed load.
 * Tests arm and disarm while no other thread is at a door, or accept that the count is off by those. */
static struct {
    atomic_bool armed;
    atomic_size_t calls; /* since arming; relaxed: only the count matters */
    atomic_size_t nth;
    atomic_bool sticky, delivered;
} door[FAULT_CLASSES];

void fault_arm(enum fault_class c, size_t nth, bool sticky)
{
    atomic_store(&door[c].armed, false);
    atomic_store(&door[c].calls, 0);
    atomic_store(&door[c].nth, nth);
    atomic_store(&door[c].sticky, sticky);
    atomic_store(&door[c].delivered, false);
    atomic_store(&door[c].armed, true);
}

bool fault_disarm(enum fault_class c)
{
    atomic_store(&door[c].armed, false);
    return atomic_load(&door[c].delivered);
}

bool fault_hit(enum fault_class c)
{
    size_t n, nth;

    if (!atomic_load_explicit(&door[c].armed, memory_order_relaxed))
        return false;
    n = atomic_fetch_add(&door[c].calls, 1) + 1;
    nth = atomic_load(&door[c].nth);
    if (n != nth && !(n > nth && atomic_load(&door[c].sticky)))
        return false;
    atomic_store(&door[c].delivered, true);
    return true;
}
