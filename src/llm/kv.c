/* kv.c - see kv.h. */
#include "llm/kv.h"

#include "base/mem.h"
#include "base/size.h"

#include <assert.h>
#include <string.h>

enum node_state { NODE_FREE, NODE_PRIVATE, NODE_PENDING, NODE_READY };

struct kv_node {
    int32_t ids[KV_TOKENS];
    uint32_t parent, child, next, prev; /* tree: first child, siblings */
    uint32_t older, newer;              /* idle lists; `older` also links the free list */
    uint32_t readers;
    bool hot; /* a second sequence has read it */
    enum node_state state;
};

int kv_pool_init(struct kv_pool *p, size_t n_blocks, size_t block_bytes, struct dobby_err *e)
{
    size_t bytes;

    *p = (struct kv_pool){.block_bytes = block_bytes, .n_blocks = n_blocks, .n_free = n_blocks};
    if (n_blocks == 0 || n_blocks >= KV_NONE || !size_mul(n_blocks, block_bytes, &bytes))
        return err_set(e, DOBBY_E_LIMIT,
                       "KV pool: %zu blocks of %zu bytes cannot be; ask for less memory", n_blocks,
                       block_bytes);
    p->base = mem_aligned(64, bytes); /* touched only as it is used */
    p->nodes = mem_array(n_blocks + 1, sizeof(*p->nodes));
    if (!p->base || !p->nodes) {
        kv_pool_release(p);
        return err_nomem(e, "the KV pool");
    }
    for (uint32_t i = 0; i < n_blocks; i++)
        p->nodes[i].older = i + 1 < n_blocks ? i + 1 : KV_NONE;
    p->nodes[n_blocks].child = KV_NONE;
    p->n_untouched = n_blocks;
    for (int hot = 0; hot < 2; hot++)
        p->idle[hot] = (struct kv_idle){KV_NONE, KV_NONE, 0};
    return 0;
}

void kv_pool_release(struct kv_pool *p)
{
    mem_free(p->base);
    mem_free(p->nodes);
    *p = (struct kv_pool){0};
}

static struct kv_node *node(const struct kv_pool *p, uint32_t block)
{
    return &p->nodes[block == KV_NONE ? p->n_blocks : block];
}

/* ---- the idle lists: oldest at the head ------------------------------------------------------------------ */

static void idle_remove(struct kv_pool *p, uint32_t b)
{
    struct kv_node *n = node(p, b);
    struct kv_idle *list = &p->idle[n->hot];
    if (n->older == KV_NONE)
        list->head = n->newer;
    else
        p->nodes[n->older].newer = n->newer;
    if (n->newer == KV_NONE)
        list->tail = n->older;
    else
        p->nodes[n->newer].older = n->older;
    list->n--;
    p->n_idle--;
}

static void idle_append(struct kv_pool *p, uint32_t b)
{
    struct kv_node *n = node(p, b);
    struct kv_idle *list = &p->idle[n->hot];
    n->older = list->tail;
    n->newer = KV_NONE;
    if (list->tail == KV_NONE)
        list->head = b;
    else
        p->nodes[list->tail].newer = b;
    list->tail = b;
    list->n++;
    p->n_idle++;
}

/* ---- the tree -------------------------------------------------------------------------------------------- */

static void detach(struct kv_pool *p, uint32_t b)
{
    struct kv_node *n = node(p, b);
    assert(n->child == KV_NONE);
    if (n->prev == KV_NONE)
        node(p, n->parent)->child = n->next;
    else
        p->nodes[n->prev].next = n->next;
    if (n->next != KV_NONE)
        p->nodes[n->next].prev = n->prev;
}

static void make_free(struct kv_pool *p, uint32_t b)
{
    struct kv_node *n = node(p, b);
    n->state = NODE_FREE;
    n->older = p->free_head;
    p->free_head = b;
    p->n_free++;
}

uint32_t kv_find(const struct kv_pool *p, uint32_t parent, const int32_t *ids)
{
    for (uint32_t b = node(p, parent)->child; b != KV_NONE; b = p->nodes[b].next)
        if (memcmp(p->nodes[b].ids, ids, sizeof(p->nodes[b].ids)) == 0)
            return b;
    return KV_NONE;
}

bool kv_is_ready(const struct kv_pool *p, uint32_t block)
{
    return node(p, block)->state == NODE_READY;
}

void kv_pin(struct kv_pool *p, uint32_t block)
{
    struct kv_node *n = node(p, block);
    assert(n->state == NODE_READY);
    if (n->readers++ == 0)
        idle_remove(p, block);
    n->hot = true;
}

static size_t common_ids(const struct kv_node *k, const int32_t *ids, size_t n)
{
    size_t c = 0;
    while (c < n && k->ids[c] == ids[c])
        c++;
    return c;
}

uint32_t kv_find_partial(const struct kv_pool *p, uint32_t parent, const int32_t *ids, size_t n,
                         size_t *common, size_t *pending)
{
    uint32_t best = KV_NONE;

    *common = *pending = 0;
    for (uint32_t b = node(p, parent)->child; b != KV_NONE; b = p->nodes[b].next) {
        size_t k = common_ids(&p->nodes[b], ids, n);
        if (p->nodes[b].state != NODE_READY) {
            *pending = size_max(*pending, k);
        } else if (k > *common) {
            *common = k;
            best = b;
        }
    }
    return best;
}

/* Make one block free that was idle: the oldest of a list has no child, because a child is idle too, in the same list
 * or the cold one, which goes first, and was put there before it (kv_drop: last first). */
static void evict(struct kv_pool *p)
{
    uint32_t old = p->idle[0].head != KV_NONE ? p->idle[0].head : p->idle[1].head;
    idle_remove(p, old);
    detach(p, old);
    make_free(p, old);
}

bool kv_take(struct kv_pool *p, size_t n, uint32_t *blocks)
{
    if (n > p->n_free + p->n_idle)
        return false;
    for (size_t i = 0; i < n; i++) {
        bool used_free = p->n_free > p->n_untouched;
        if (!used_free && (p->idle[0].n > KV_KEEP || p->n_free == 0))
            evict(p);
        else if (!used_free)
            p->n_untouched--;
        blocks[i] = p->free_head;
        struct kv_node *k = node(p, blocks[i]);
        p->free_head = k->older;
        p->n_free--;
        k->state = NODE_PRIVATE;
        k->readers = 1;
        k->hot = false;
        k->child = KV_NONE;
    }
    return true;
}

void kv_publish(struct kv_pool *p, uint32_t parent, const int32_t *ids, uint32_t block)
{
    struct kv_node *n = node(p, block), *up = node(p, parent);
    assert(n->state == NODE_PRIVATE);
    memcpy(n->ids, ids, sizeof(n->ids));
    n->state = NODE_PENDING;
    n->parent = parent;
    n->prev = KV_NONE;
    n->next = up->child;
    if (up->child != KV_NONE)
        p->nodes[up->child].prev = block;
    up->child = block;
}

void kv_ready(struct kv_pool *p, uint32_t block)
{
    struct kv_node *n = node(p, block);
    assert(n->state == NODE_PENDING);
    n->state = NODE_READY;
}

void kv_drop(struct kv_pool *p, uint32_t block)
{
    struct kv_node *n = node(p, block);
    assert(n->readers > 0);
    n->readers--;
    if (n->state == NODE_PRIVATE) {
        make_free(p, block);
    } else if (n->state == NODE_PENDING) { /* nobody else can hold it */
        detach(p, block);
        make_free(p, block);
    } else if (n->readers == 0) {
        idle_append(p, block);
    }
}
