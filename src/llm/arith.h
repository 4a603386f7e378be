/* arith.h - the number of the engine's arithmetic (llm).
 * It is part of every key: raise it when a change makes any bit of any logit differ. What is fixed stands in kernels/kernels.h
 * (products, reductions), kernels/elem.h (norms, rotation, attention) and graph.c (the output). 1: the first. */
#ifndef LLM_ARITH_H
#define LLM_ARITH_H

#define LLM_ARITHMETIC 1

#endif
