/* ring.c - a ring of bytes with one reader and one writer.
 * Sample for tests: every oddity in it is on purpose. */
#include <stddef.h>

struct ring {
    unsigned char *data;
    size_t cap, head, tail;
};

size_t ring_used(const struct ring *r); /* a prototype is no unit */

/* Number of bytes that wait to be read. */
size_t ring_used(const struct ring *r)
{
    return r->head - r->tail;
}

/* This comment is about nothing in particular. */

static int
ring_put(struct ring *r, unsigned char byte)
{
    if (ring_used(r) == r->cap)
        return -1;
    r->data[r->head++ % r->cap] = byte;
    return 0;
}

int ring_errors; // not a doc of what follows
static unsigned char *ring_peek(struct ring *r)
{
    return ring_used(r) ? &r->data[r->tail % r->cap] : NULL;
}

#ifdef RING_HOOKS
// Register a function that is called on overflow;
// the previous one is returned.
void (*ring_set_hook(struct ring *r, void (*hook)(void)))(void)
{
    (void)r;
    return hook;
}
#endif

int old_style(a, b)
int a, b;
{
    return a + b;
}
