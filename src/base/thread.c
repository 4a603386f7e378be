/* thread.c - the little of pthreads that dobby uses (base). */
#include "base/thread.h"
#include "base/fault.h"
#include "base/size.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int thread_start(pthread_t *t, const char *name, void *(*fn)(void *), void *arg,
                 struct dobby_err *e)
{
    char short_name[16];
    sigset_t all, before;
    int rc;

    /* The new thread inherits the mask: signals are taken by the thread that the program chose for them. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = fault_hit(FAULT_THREAD) ? EAGAIN : pthread_create(t, NULL, fn, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return err_errno(e, rc, "raise the limit of processes, or use fewer threads",
                         "start thread: %s", name);
    snprintf(short_name, sizeof(short_name), "%s", name);
    pthread_setname_np(*t, short_name);
    return 0;
}

/* Processors of the affinity mask. The mask may be longer than cpu_set_t on large machines, so it grows
 * until the kernel accepts it. */
static int affinity_cpus(void)
{
    int n_max, n = 0;

    for (n_max = 1024; n_max <= 1 << 20 && n == 0; n_max *= 4) {
        size_t size = CPU_ALLOC_SIZE(n_max);
        cpu_set_t *set = CPU_ALLOC(n_max);

        if (!set)
            break;
        if (sched_getaffinity(0, size, set) == 0)
            n = CPU_COUNT_S(size, set);
        else if (errno != EINVAL)
            n = -1;
        CPU_FREE(set);
    }
    if (n <= 0)
        n = (int)sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? n : 1;
}

/* The first `size - 1` bytes of a small file of the kernel's; "" when it cannot be read. */
static void read_small(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, out, size - 1);

    if (fd >= 0)
        close(fd);
    out[n > 0 ? n : 0] = '\0';
}

int thread_quota_cpus(const char *cpu_max)
{
    char *end;
    long long quota, period;

    quota = strtoll(cpu_max, &end, 10); /* "max 100000" has no number here: no limit */
    if (end == cpu_max || quota <= 0)
        return 0;
    period = strtoll(end, NULL, 10);
    if (period <= 0 || quota / period > 1 << 20)
        return 0;
    return (int)((quota + period - 1) / period);
}

/* The tightest cpu.max from this process's group up to the root (cgroup v2); 0 where there is none. In a
 * container the path may lie outside of what is mounted: then only the root of the mount is asked. */
static int cgroup_cpus(void)
{
    static const char root[] = "/sys/fs/cgroup";
    char text[4096], path[sizeof(root) + sizeof(text) + 16], *group, *slash;
    int best = 0;

    read_small("/proc/self/cgroup", text, sizeof(text));
    group = strstr(text, "0::/");
    if (!group)
        return 0;
    group += 3;
    group[strcspn(group, "\n")] = '\0';
    for (;;) {
        char limit[64];
        int n;

        snprintf(path, sizeof(path), "%s%s/cpu.max", root, group);
        read_small(path, limit, sizeof(limit));
        n = thread_quota_cpus(limit);
        if (n > 0 && (best == 0 || n < best))
            best = n;
        if (*group == '\0')
            return best;
        slash = strrchr(group, '/');
        *slash = '\0';
    }
}

int thread_cpus(void)
{
    int n = affinity_cpus(), quota = cgroup_cpus();

    return quota > 0 && quota < n ? quota : n;
}

#define PARALLEL_MAX 256

struct parallel {
    atomic_size_t next; /* relaxed: hands out indices; joining orders the results */
    size_t n;
    void (*fn)(void *ctx, size_t i);
    void *ctx;
};

static void *parallel_main(void *arg)
{
    struct parallel *p = arg;
    size_t i;

    while ((i = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed)) < p->n)
        p->fn(p->ctx, i);
    return NULL;
}

void thread_parallel(int threads, size_t n, void (*fn)(void *ctx, size_t i), void *ctx)
{
    struct parallel p = {.n = n, .fn = fn, .ctx = ctx};
    pthread_t helper[PARALLEL_MAX];
    size_t want = threads > 1 ? size_min(size_min((size_t)threads, n), PARALLEL_MAX) : 1,
           started = 0;

    while (started + 1 < want &&
           thread_start(&helper[started], "dobby-part", parallel_main, &p, NULL) == 0)
        started++; /* one that cannot start leaves more work to the others */
    parallel_main(&p);
    while (started > 0)
        pthread_join(helper[--started], NULL);
}

double time_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double time_used(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void thread_sleep_on(atomic_uint *word, unsigned old)
{
    (void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, old, NULL, NULL, 0);
}

void thread_wake_all(atomic_uint *word)
{
    (void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}
