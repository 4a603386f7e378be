/* emulated.h - tables for processors that this one is not (tests/llm). */
#ifndef TESTS_LLM_EMULATED_H
#define TESTS_LLM_EMULATED_H

#include "llm/kernels/kernels.h"

/* Table i of those that the machine lacks and whose instructions SIMDe stands in for; NULL at the end. The same sources as
 * in the program, so their arithmetic is tested everywhere; their speed is not to be seen. */
const struct kernels *emulated_at(size_t i);

#endif
