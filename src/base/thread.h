/* thread.h - the little of pthreads that dobby uses, with staged failures (base). */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include "base/err.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

/* Start a thread with all signals blocked and a name (15 characters, seen in tools). */
MUST_CHECK int thread_start(pthread_t *t, const char *name, void *(*fn)(void *), void *arg,
                            struct dobby_err *e);
/* Processors that this process may run on (affinity mask and cgroup cpu.max, at least 1). */
int thread_cpus(void);
/* Processors that a line of cpu.max ("200000 100000", "max 100000") allows, rounded up; 0: no limit. */
int thread_quota_cpus(const char *cpu_max);
/* Run fn(ctx, i) for i in 0..n-1 on up to `threads` threads, the caller included; items are handed out in
 * order. Returns when all are done. Falls back to fewer threads when some cannot be started. */
void thread_parallel(int threads, size_t n, void (*fn)(void *ctx, size_t i), void *ctx);
/* Sleep while *word is `old`; may return early. Wake all who sleep on it, after changing it. (Linux futex.) */
void thread_sleep_on(atomic_uint *word, unsigned old);
void thread_wake_all(atomic_uint *word);
double time_now(void);  /* seconds, monotonic */
double time_used(void); /* seconds of a processor that the calling thread had */

#endif
