/* arith.h - the number of the engine's arithmetic (llm).
 * It is part of every key: raise it when a change makes any bit of any logit differ (DESIGN.md, "Arithmetic
 * of the 8-bit path", and the essays in kernels/ say what is fixed). 1: first light. */
#ifndef LLM_ARITH_H
#define LLM_ARITH_H

#define LLM_ARITHMETIC 1

#endif
