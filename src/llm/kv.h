/* kv.h - keys and values of all sequences: one pool of blocks with one radix tree over token ids (llm).
 * What     A block holds 16 tokens of all layers (graph_kv_block bytes). A sequence is a list of blocks. A full
 *          block of a prompt stands in the tree under the path of the ids before it, so prompts that begin
 *          alike share it. A node is its block: there is one record for each, made with the pool, and nothing is
 *          allocated later.
 *
 *              root --[16 ids]--> block 7 --[16 ids]--> block 9     a shared beginning
 *                                              \--[16 ids]--> block 12   where two prompts part
 *
 * States   free; private (one sequence writes it); pending (in the tree, its sequence still computes it: others
 *          wait rather than compute it again); ready (immutable, any number of readers). Ready blocks without
 *          readers stay until memory is needed and are then taken, least recently used first, leaves before
 *          their parents. Those that only one sequence ever read go before memory that was never used is
 *          touched: most of them are ends of prompts that nobody asks for again, and so the pool's real size stays
 *          near what is alive; KV_KEEP of them stay, for the next agent that begins alike. Those that a second one has
 *          read stay until the pool is used up.
 * Threads  None of its own: the engine calls under its mutex. Contents of ready blocks are read without it.
 * Source   PagedAttention (Kwon et al. 2023) for blocks, RadixAttention (Zheng et al. 2024) for the tree.
 * Next     engine.c, admit(). */
#ifndef LLM_KV_H
#define LLM_KV_H

#include "base/err.h"
#include "llm/kernels/kernels.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KV_NONE UINT32_MAX
#define KV_KEEP 48 /* blocks: 768 tokens, 9 MB with a 0.5B model in f16 */

struct kv_node;
struct kv_pool {
    unsigned char *base;
    size_t block_bytes, n_blocks;
    size_t n_free;         /* not counting ready blocks without readers */
    size_t n_untouched;    /* of these, never used: no memory stands behind them yet */
    size_t n_idle;         /* ready blocks without readers */
    struct kv_node *nodes; /* [n_blocks + 1]; the last is the root */
    struct kv_idle {
        uint32_t head, tail;
        size_t n;
    } idle[2];          /* read by one sequence only; read by several */
    uint32_t free_head; /* used ones before untouched ones */
};

MUST_CHECK int kv_pool_init(struct kv_pool *p, size_t n_blocks, size_t block_bytes,
                            struct dobby_err *e);
void kv_pool_release(struct kv_pool *p);

/* The child of `parent` (KV_NONE: the root) whose ids are ids[0..15], or KV_NONE. */
uint32_t kv_find(const struct kv_pool *p, uint32_t parent, const int32_t *ids);
bool kv_is_ready(const struct kv_pool *p, uint32_t block);
/* One more reader of a ready block. */
void kv_pin(struct kv_pool *p, uint32_t block);
/* The ready child of `parent` that has the most ids in common with ids[0..n-1], n <= 16; *common of them. KV_NONE if
 * none has any. *pending: the most that a child which is not ready yet has in common. */
uint32_t kv_find_partial(const struct kv_pool *p, uint32_t parent, const int32_t *ids, size_t n,
                         size_t *common, size_t *pending);
/* Take n private blocks; false and nothing taken if there are not as many. */
bool kv_take(struct kv_pool *p, size_t n, uint32_t *blocks);
/* Put a private block into the tree as pending; its owner stays its only reader. */
void kv_publish(struct kv_pool *p, uint32_t parent, const int32_t *ids, uint32_t block);
/* The owner has computed all of it. */
void kv_ready(struct kv_pool *p, uint32_t block);
/* One reader or owner less. Private and pending blocks become free, ready ones idle when they have no reader left.
 * Give back a sequence's blocks last first: a node goes before its parent. */
void kv_drop(struct kv_pool *p, uint32_t block);

#endif
