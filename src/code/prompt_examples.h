/* prompt_examples.h - the examples of every prompt (code, private to prompt.c and check.c). */
#ifndef CODE_PROMPT_EXAMPLES_H
#define CODE_PROMPT_EXAMPLES_H

#include "code/language.h"

#define PROMPT_EXAMPLES  4
#define PROMPT_FUNCTIONS 3 /* the first ones are functions */

struct prompt_generic {
    enum language_id lang;
    const char *code, *answer;
};

extern const struct prompt_generic prompt_examples[PROMPT_EXAMPLES];

#endif
