/* arena.h - memory of one life, dropped whole (base). Not thread-safe. The zeroed struct is a valid empty
 * arena. Under AddressSanitizer pieces are separated by poisoned redzones. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena_block;
struct arena {
    struct arena_block *head;
    size_t used; /* bytes handed out */
};

void *arena_alloc(struct arena *a, size_t size); /* 16-byte aligned, zeroed; NULL on failure */
void *arena_array(struct arena *a, size_t n, size_t size);     /* NULL on overflow too */
char *arena_strndup(struct arena *a, const char *s, size_t n); /* n bytes and a NUL */
char *arena_strdup(struct arena *a, const char *s);
void arena_reset(struct arena *a);   /* empty; keeps the largest block */
void arena_release(struct arena *a); /* back to the zeroed struct */

#endif
