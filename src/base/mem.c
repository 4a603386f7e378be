/* mem.c - the one door to the allocator (base). Nothing else in dobby calls malloc and its kin. */
#include "base/mem.h"
#include "base/fault.h"
#include "base/size.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_bool counting;
static atomic_long live; /* relaxed: read by tests when all is quiet */

void fault_count(bool on)
{
    atomic_store(&live, 0);
    atomic_store(&counting, on);
}

long fault_live(void)
{
    return atomic_load(&live);
}

static void count(long d)
{
    if (atomic_load_explicit(&counting, memory_order_relaxed))
        atomic_fetch_add_explicit(&live, d, memory_order_relaxed);
}

static void *counted(void *p)
{
    if (p)
        count(1);
    return p;
}

void *mem_alloc(size_t size)
{
    if (fault_hit(FAULT_ALLOC))
        return NULL;
    return counted(malloc(size ? size : 1));
}

void *mem_zalloc(size_t size)
{
    return mem_array(1, size);
}

void *mem_array(size_t n, size_t size)
{
    size_t bytes;

    /* calloc refuses a product that wraps as well, but sanitizers end the program there. */
    if (!size_mul(n, size, &bytes) || fault_hit(FAULT_ALLOC))
        return NULL;
    return counted(calloc(1, bytes ? bytes : 1));
}

void *mem_realloc(void *p, size_t size)
{
    void *q;

    if (fault_hit(FAULT_ALLOC))
        return NULL;
    q = realloc(p, size ? size : 1);
    if (q && !p)
        count(1);
    return q;
}

int mem_grow(void **p, size_t *cap, size_t need, size_t size)
{
    size_t n, bytes;
    void *q;

    if (need <= *cap)
        return 0;
    if (!size_mul(*cap, 2, &n))
        n = need;
    n = size_max(size_max(n, need), 8);
    if (!size_mul(n, size, &bytes))
        return -1;
    q = mem_realloc(*p, bytes);
    if (!q)
        return -1;
    *p = q;
    *cap = n;
    return 0;
}

void *mem_aligned(size_t align, size_t size)
{
    void *p;

    if (fault_hit(FAULT_ALLOC))
        return NULL;
    if (align < sizeof(void *))
        align = sizeof(void *);
    if (posix_memalign(&p, align, size ? size : 1) != 0)
        return NULL;
    return counted(p);
}

char *mem_strdup(const char *s)
{
    return mem_strndup(s, strlen(s));
}

char *mem_strndup(const char *s, size_t n)
{
    size_t size;
    char *p;

    if (!size_add(n, 1, &size))
        return NULL;
    p = mem_alloc(size);
    if (!p)
        return NULL;
    if (n)
        memcpy(p, s, n);
    p[n] = '\0';
    return p;
}

void *mem_dup(const void *p, size_t n)
{
    void *q = mem_alloc(n);

    if (q && n)
        memcpy(q, p, n);
    return q;
}

void mem_free(void *p)
{
    if (p)
        count(-1);
    free(p);
}

void mem_trim(void)
{
#if defined(__GLIBC__)
    (void)malloc_trim(0);
#endif
}
