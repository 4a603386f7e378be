/* plan.h - what is to be done about each unit (pipeline).
 * What     A unit with a good comment is summarised by it, here and now. For any other the store is asked, in this
 *          order: a summary under its prompt key, wherever it was made; else the one that the same
 *          place showed for an equal unit key; else the one of a place that vanished, for an equal unit key. The last
 *          two mean that only what the prompt quotes around the unit has changed: they are kept, marked old, and made
 *          again by a refresh. What is left is work for the model.
 *
 *          A file's header comment is its own row's text, likewise; what else files and directories show is put together later
 *          (rollup.h).
 *
 *          Files whose hash, recipe, model and context are those of the store are settled: nothing is computed for them.
 * Result   Changes that bring the store's files and units up to the tree, and the list of what is to be written. Units
 *          that ask the same are one item. Where places have vanished the changes are one group (all of it or none, so that
 *          a killed run leaves these places to be found); where none has, as in an empty store, they are given away
 *          in groups of whole files, so that a very large tree does not wait in memory.
 * Next     run.h for the work. */
#ifndef PIPELINE_PLAN_H
#define PIPELINE_PLAN_H

#include "base/err.h"
#include "pipeline/context.h"
#include "pipeline/question.h"
#include "pipeline/scan.h"
#include "store/store.h"

/* One question to be asked. */
struct plan_item {
    size_t file, unit; /* in scan.files and its units: the first one that asks */
    size_t n_same;     /* units that its answer serves, at least 1 */
    size_t n_tokens;   /* of the question; 0: not counted */
    uint8_t unit_key[KEY_LEN], prompt_key[KEY_LEN];
};

/* A file that changed since it was scanned. */
struct plan_left {
    size_t file, n_units;
};

struct plan {
    struct plan_item *items; /* in the order of the outputs */
    size_t n_items;
    size_t n_todo;    /* units that wait for an item */
    size_t n_cached;  /* units that the store already had */
    size_t n_doc;     /* units summarised without the model now: from their comment, nearly all */
    size_t n_changed; /* units of files that changed since they were scanned; left undone: */
    struct plan_left *left;
    size_t n_left, left_cap;
    size_t *same; /* open addressing by prompt key: index + 1 */
    size_t same_cap, items_cap;
};

struct plan_options {
    int no_docs, refresh;
    struct store_bytes scope; /* of the walk */
    size_t limit;             /* units; 0: all */
    size_t memory;            /* bound on what the process holds, bytes; 0: none */
    int64_t run;              /* its number, for the store */
    const volatile int *stop;
    void (*on_note)(void *ctx, const char *line);
    /* Takes a group that has grown large, and gives another one to go on with. NULL: all stays in one. */
    int (*on_group)(void *ctx, struct store_txn **t, struct dobby_err *e);
    void *ctx;
};

#define PLAN_GROUP 10000 /* rows */

/* Decide, and put the changes to t, or to the one that on_group put in its place. r is the store as it is.
 * Returns 0, DOBBY_E_CANCELLED, DOBBY_E_LIMIT when the bound on memory is too small, or a failure; p is released then. */
MUST_CHECK int plan_make(struct plan *p, const struct scan *s, struct walk *w, struct question *q,
                         struct context *c, struct store_reader *r, struct store_txn *t,
                         const struct plan_options *o, struct dobby_err *e);
void plan_release(struct plan *p);

#endif
