/* mem.h - every allocation of dobby outside third-party libraries (base).
 * One door, so that tests can refuse the 1st, 2nd, 3rd ... allocation (fault.h) and count what is left.
 * `make check` holds that no object outside base refers to malloc and its kin.
 * All return NULL on failure (callers make the error); mem_free(NULL) is fine. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size)
    __attribute__((malloc, warn_unused_result)); /* uninitialised; size 0 gives a pointer too */
void *mem_zalloc(size_t size) __attribute__((malloc, warn_unused_result));
void *mem_array(size_t n, size_t size)
    __attribute__((malloc, warn_unused_result)); /* zeroed, NULL on overflow */
void *mem_realloc(void *p, size_t size) __attribute__((warn_unused_result));
/* Grow an array that holds *cap elements of `size` bytes to at least `need`, by doubling; the new part is
 * not initialised. Returns 0 or -1 with *p and *cap untouched. Use: mem_grow((void **)&v, &cap, n + 1, sizeof(*v)) */
int mem_grow(void **p, size_t *cap, size_t need, size_t size) __attribute__((warn_unused_result));
void *mem_aligned(size_t align, size_t size)
    __attribute__((malloc, warn_unused_result)); /* power of two; free with mem_free */
char *mem_strdup(const char *s) __attribute__((malloc, warn_unused_result));
char *mem_strndup(const char *s, size_t n)
    __attribute__((malloc, warn_unused_result)); /* n bytes and a NUL */
void *mem_dup(const void *p, size_t n) __attribute__((malloc, warn_unused_result));
void mem_free(void *p);
/* Give back to the system what was freed and is kept for reuse; a moment's work for small heaps. */
void mem_trim(void);

#endif
