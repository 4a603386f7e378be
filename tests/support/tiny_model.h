/* tiny_model.h - a model small enough to be made by the test that wants one; its weights are random.
 * The vocabulary is the 256 bytes, so that a text's ids are its bytes. The same description gives the same file. */
#ifndef TESTS_TINY_MODEL_H
#define TESTS_TINY_MODEL_H

#include "dobby.h"
#include "llm/quant.h"

#include <stdbool.h>
#include <stdint.h>

struct tiny_model {
    const char *arch;
    enum quant_type type[7]; /* q k v o gate up down */
    enum quant_type output;  /* when it is not tied */
    uint32_t layers, embd, ff, heads, kv, ctx;
    float eps, base;
    const char *drop;  /* a key or tensor to leave out */
    const char *extra; /* a u32 key to add with value 2 */
    const char *wrong; /* a tensor that gets a row too many */
    bool tied;
};

extern const struct tiny_model
    tiny_plain; /* 2 layers, 256 wide, 4 heads of 64 over 2, every type of tensor */
extern const struct tiny_model
    tiny_small; /* 2 layers, 64 wide, 2 heads of 32 over 1: thousands of runs take seconds */

/* Write the model to dir/tiny.gguf; the path is good for the next seven calls of temp_path. */
const char *tiny_write(const char *dir, const struct tiny_model *t);
/* Open it or fail the test. isa NULL: the best. */
struct dobby_model *tiny_open(const char *path, int exact, const char *isa);

#endif
