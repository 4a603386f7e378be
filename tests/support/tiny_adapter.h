/* tiny_adapter.h - adapters for tiny models (tiny_model.h), right ones and wrong ones; their values are random.
 * The same description gives the same file. */
#ifndef TESTS_TINY_ADAPTER_H
#define TESTS_TINY_ADAPTER_H

#include "support/tiny_model.h"

struct tiny_adapter {
    const char *general_type, *arch, *type; /* NULL: the key is left out */
    const char *base, *merge;               /* NULL: left out */
    float alpha;                            /* NAN leaves it out */
    uint32_t rank;
    enum quant_type a, b;
    float size;         /* of the entries */
    const char *drop;   /* a tensor to leave out */
    const char *extra;  /* a tensor of 32 by 4 to add */
    const char *twice;  /* a tensor that stands twice */
    const char *wide;   /* a tensor with 32 columns too many */
    const char *tall;   /* a tensor with a row too many */
    const char *spoil;  /* a tensor whose first value is not finite */
    const char *string; /* a key to add, with the value "x" */
    bool empty;         /* no tensors */
};

extern const struct tiny_adapter
    tiny_lora; /* rank 32, alpha 16, A in Q8_0, B in F16, for no model in particular */

/* Write one for all matrices of the model's layers to dir/NAME; the path is good for the next seven calls of temp_path. */
const char *tiny_adapter_write(const char *dir, const char *name, const struct tiny_model *m,
                               const struct tiny_adapter *t);

#endif
