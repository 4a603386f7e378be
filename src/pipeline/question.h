/* question.h - prompts as token ids, without loading any weights (pipeline).
 * What     Keys need the model's hash, prompts its tokenizer; both come from the model file's head and a remembered
 *          hash, in milliseconds. Each is made when it is first asked for, so a run that finds everything in
 *          the store opens neither.
 * Owns     The mapping of the file's head and the tokenizer.
 * Threads  One at a time.
 * Next     key.h for the keys, plan.c and run.c for the two that ask. */
#ifndef PIPELINE_QUESTION_H
#define PIPELINE_QUESTION_H

#include "base/arena.h"
#include "base/err.h"
#include "code/prompt.h"
#include "code/unit.h"
#include "llm/chat.h"
#include "llm/gguf.h"
#include "llm/tokenizer.h"
#include "pipeline/key.h"

#include <stdbool.h>

struct question {
    const char *model_path, *cache_dir; /* borrowed; cache_dir may be NULL */
    struct key_base base;               /* after question_keys */
    uint8_t digest[KEY_LEN];            /* of base */
    bool have_keys;
    struct gguf gguf;
    struct tokenizer *tokenizer; /* NULL until question_open */
    struct chat chat;
    struct arena arena;    /* the last prompt */
    struct token_list ids; /* its tokens */
    struct prompt prompt;  /* its words, in the arena */
};

/* Nothing is opened. exact, kv: as in dobby_summarize. */
void question_init(struct question *q, const char *model_path, const char *cache_dir, int exact,
                   int kv);
void question_release(struct question *q);

/* base and digest are known: the model file has been hashed. DOBBY_E_NOTFOUND etc. when it cannot be read. */
MUST_CHECK int question_keys(struct question *q, struct dobby_err *e);
/* The unit as it may enter prompt and check: without the names of what encloses it, which its code does not hold, so that
 * units with equal code are asked and judged alike. */
struct unit question_unit(const struct unit *u);
/* q->prompt is the question about `code` (from prompt_code), valid until the next one. */
MUST_CHECK int question_words(struct question *q, const struct unit *u, enum language_id lang,
                              const char *code, size_t len, int attempt, struct dobby_err *e);
/* q->ids are the tokens of q->prompt. */
MUST_CHECK int question_tokens(struct question *q, struct dobby_err *e);

#endif
