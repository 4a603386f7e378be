/* memory.h - how much memory there is, and how much of it this process holds (base).
 * Source   proc(5); the kernel's cgroup-v1/memory and cgroup-v2 documents. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

/* Bytes that this process may hope for: the smaller of what the system says is available (MemAvailable) and the tightest
 * limit of its control groups, from its own up to the root, versions 1 and 2 (memory.max, memory.high). `root` stands
 * before /proc and /sys, "" but in tests. Without any of these the machine's size; never 0. */
size_t memory_there(const char *root);
/* The budget when nobody names one: 70% of that. */
size_t memory_auto(const char *root);

/* Bytes of this process that are in memory, shared pages counted in full: at least its share of any sum over
 * processes. Exact, and costs a walk of its page tables: about 0.1 ms for 50 MB. */
size_t memory_used(void);

#endif
