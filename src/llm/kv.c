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
    uint32_t older, newer;              /* idle list; `older` also links the free list */
    uint32_t readers;
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
    p->lru_head = p->lru_tail = KV_NONE;
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

/* ---- the idle list: oldest at lru_head ---------------------------------------------------------------- */

static void idle_remove(struct kv_pool *p, uint32_t b)
{
    struct kv_node *n = node(p, b);
    if (n->older == KV_NONE)
        p->lru_head = n->newer;
    else
        p->nodes[n->older].newer = n->newer;
    if (n->newer == KV_NONE)
        p->lru_tail = n->older;
    else
        p->nodes[n->newer].older = n->older;
    p->n_idle--;
}

static void idle_append(struct kv_pool *p, uint32_t b)
{
    struct kv_node *n = node(p, b);
    n->older = p->lru_tail;
    n->newer = KV_NONE;
    if (p->lru_tail == KV_NONE)
        p->lru_head = b;
    else
        p->nodes[p->lru_tail].newer = b;
    p->lru_tail = b;
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
}

uint32_t kv_find_partial(const struct kv_pool *p, uint32_t parent, const int32_t *ids, size_t n,
                         size_t *common)
{
    uint32_t best = KV_NONE;

    *common = 0;
    for (uint32_t b = node(p, parent)->child; b != KV_NONE; b = p->nodes[b].next) {
        size_t k = 0;
        while (k < n && p->nodes[b].ids[k] == ids[k])
            k++;
        if (k > *common && p->nodes[b].state == NODE_READY) {
            *common = k;
            best = b;
        }
    }
    return best;
}

bool kv_take(struct kv_pool *p, size_t n, uint32_t *blocks)
{
    if (n > p->n_free + p->n_idle)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (p->n_free == 0) {
            /* The oldest idle node has no child: a child is idle too and was put on the list before it. */
            uint32_t old = p->lru_head;
            idle_remove(p, old);
            detach(p, old);
            make_free(p, old);
        }
        blocks[i] = p->free_head;
        struct kv_node *k = node(p, blocks[i]);
        p->free_head = k->older;
        p->n_free--;
        k->state = NODE_PRIVATE;
        k->readers = 1;
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
