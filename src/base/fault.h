/* fault.h - staged failures for tests (base). Off unless armed; a relaxed atomic load when off.
 * Classes fail on their own: FAULT_ALLOC (mem.h, strbuf, arena), FAULT_READ, FAULT_WRITE, FAULT_SYNC,
 * FAULT_OPEN (file.h), FAULT_THREAD (thread.h), FAULT_NUMERIC (the engine takes a column's numbers for infinite). */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include <stdbool.h>
#include <stddef.h>

enum fault_class {
    FAULT_ALLOC,
    FAULT_OPEN,
    FAULT_READ,
    FAULT_WRITE,
    FAULT_SYNC,
    FAULT_THREAD,
    FAULT_NUMERIC,
    FAULT_CLASSES
};

/* Make the nth call (1-based) of that class from now on fail; with `sticky` all later ones too. */
void fault_arm(enum fault_class c, size_t nth, bool sticky);
/* End it. True if the failure was delivered. */
bool fault_disarm(enum fault_class c);
/* Called at each door: true if this call has to fail. */
bool fault_hit(enum fault_class c);
/* Allocations now alive, counted only between fault_count(true) and fault_count(false); 0 otherwise. */
long fault_live(void);
void fault_count(bool on);

#endif
