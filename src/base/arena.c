/* arena.c - a list of blocks, filled from the front (base). The newest block is the head and the only
 * one that is still filled; a piece that does not fit starts a new one, made as large as it asks for. */
#include "base/arena.h"
#include "base/mem.h"
#include "base/size.h"

#include <stdint.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define REDZONE        ((size_t)32) /* poisoned after each piece */
#define BLOCK_SIZE     ((size_t)512) /* small, so that growth is exercised where bugs are looked for */
#define POISON(p, n)   ASAN_POISON_MEMORY_REGION(p, n)
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define REDZONE        ((size_t)0)
#define BLOCK_SIZE     ((size_t)64 << 10)
#define POISON(p, n)   ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

#define ALIGN ((size_t)16)

struct arena_block {
    struct arena_block *next;
    size_t size, used; /* bytes of data[] */
    _Alignas(16) unsigned char data[];
};

static struct arena_block *block_new(size_t need)
{
    size_t size = size_max(need, BLOCK_SIZE), total;
    struct arena_block *b;

    if (!size_add(size, sizeof(*b), &total))
        return NULL;
    b = mem_aligned(ALIGN, total);
    if (!b)
        return NULL;
    b->next = NULL;
    b->size = size;
    b->used = 0;
    POISON(b->data, size);
    return b;
}

static void block_free(struct arena_block *b)
{
    UNPOISON(b->data, b->size);
    mem_free(b);
}

void *arena_alloc(struct arena *a, size_t size)
{
    size_t need;
    struct arena_block *b = a->head;
    unsigned char *p;

    if (!size_align(size ? size : 1, ALIGN, &need) || !size_add(need, REDZONE, &need))
        return NULL;
    if (!b || need > b->size - b->used) {
        b = block_new(need);
        if (!b)
            return NULL;
        b->next = a->head;
        a->head = b;
    }
    p = b->data + b->used;
    b->used += need;
    a->used += size;
    UNPOISON(p, size);
    return memset(p, 0, size);
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
    size_t bytes;

    if (!size_mul(n, size, &bytes))
        return NULL;
    return arena_alloc(a, bytes);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
    size_t size;
    char *p;

    if (!size_add(n, 1, &size))
        return NULL;
    p = arena_alloc(a, size);
    if (p && n)
        memcpy(p, s, n);
    return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return arena_strndup(a, s, strlen(s));
}

void arena_reset(struct arena *a)
{
    struct arena_block *keep = a->head, *b, *next;

    for (b = a->head; b; b = b->next)
        if (b->size > keep->size)
            keep = b;
    for (b = a->head; b; b = next) {
        next = b->next;
        if (b != keep)
            block_free(b);
    }
    if (keep) {
        keep->next = NULL;
        keep->used = 0;
        POISON(keep->data, keep->size);
    }
    a->head = keep;
    a->used = 0;
}

void arena_release(struct arena *a)
{
    struct arena_block *b, *next;

    for (b = a->head; b; b = next) {
        next = b->next;
        block_free(b);
    }
    *a = (struct arena){0};
}
