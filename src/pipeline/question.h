/* question.h - prompts as token ids, without loading any weights (pipeline).
 * What     Keys need the model's hash, prompts its tokenizer; both come from the model file's head and a remembered
 *          hash, in milliseconds. Each is made when it is first asked for, so a run that finds everything in
 *          the store opens neither.
 * Remote   For a server by URL there is no file and there are no tokens: keys are made of the words and of the server's name
 *          for its model, which is asked for when the first key is wanted, unless it was given.
 * Owns     The model's head (llm/model.h). Whoever runs the model loads its weights into the same one, so there is one
 *          tokenizer, and weights cannot come from another file than tokens and keys.
 * Threads  One at a time.
 * Next     key.h for the keys, plan.c and run.c for the two that ask. */
#ifndef PIPELINE_QUESTION_H
#define PIPELINE_QUESTION_H

#include "base/arena.h"
#include "base/err.h"
#include "code/prompt.h"
#include "code/unit.h"
#include "llm/model.h"
#include "pipeline/key.h"

#include <stdbool.h>

struct question {
    const char *model_path, *cache_dir; /* borrowed; cache_dir may be NULL */
    const char *isa;                    /* borrowed; for the head; NULL: the best */
    const char *adapter_path,
        *merge_type;  /* borrowed; as in dobby_model_options; set after question_init */
    const char *name; /* the model's, for people; borrowed; of a server: after question_keys */
    int (*ask_name)(void *ctx, const char **name, struct dobby_err *e); /* NULL: a model file */
    void *ask_ctx;
    struct question *
        second; /* borrowed; of a model that is asked about what this one leaves doubtful, whose keys are part of these; may be
                    NULL; set after question_init */
    struct key_base base;    /* after question_keys */
    uint8_t file[KEY_LEN];   /* SHA-256 of the model file */
    uint8_t digest[KEY_LEN]; /* of base */
    bool have_keys;
    bool
        bare; /* the model was trained for the question: it needs no examples. question_keys sets it for an adapter that
                  says which model it was made for */
    bool own; /* the model itself will answer: tokens are its head's */
    struct dobby_model *model; /* NULL until question_model */
    /* Else another engine answers, and of the file only the tokenizer is looked at. NULL until it is needed. */
    struct tokenizer *tokenizer;
    struct chat chat;
    struct arena arena;    /* the last prompt */
    struct token_list ids; /* its tokens */
    struct prompt prompt;  /* its words, in the arena */
};

/* Nothing is opened. exact, kv: as in dobby_summarize. q->name is "" until the caller sets it. */
void question_init(struct question *q, const char *model_path, const char *cache_dir, int exact,
                   int kv);
/* For a server by URL: ask_name gives its name for its model, which must live as long as q. It is called at most once
 * with success. */
void question_init_remote(struct question *q,
                          int (*ask_name)(void *ctx, const char **name, struct dobby_err *e),
                          void *ctx);
void question_release(struct question *q);
/* Free the model, or the tokenizer, and keep the keys. No engine may use it any more. */
void question_close(struct question *q);
/* *out is the adapter in a directory that was made for the model (adapter_default), allocated; NULL when there is none, or the model
 * file is not there: it is nobody's yet, which is told when it is needed. cache_dir may be NULL. */
MUST_CHECK int question_find_adapter(char **out, const char *dir, const char *model_path,
                                     const char *cache_dir, struct dobby_err *e);

/* base, digest and name are known: the model file has been hashed, or the server has told its model's name.
 * DOBBY_E_NOTFOUND etc. when it cannot be read, DOBBY_E_UNAVAILABLE when nobody answers. */
MUST_CHECK int question_keys(struct question *q, struct dobby_err *e);
/* q->model is there, its head at least. DOBBY_E_IO when the file is not the one any more that keys were made of. */
MUST_CHECK int question_model(struct question *q, struct dobby_err *e);
/* The unit as it may enter prompt and check: without the names of what encloses it, which its code does not hold, so that
 * units with equal code are asked and judged alike. */
struct unit question_unit(const struct unit *u);
/* q->prompt is the question about `code` (from prompt_code) in the context c (NULL: none), valid until the next one. */
MUST_CHECK int question_words(struct question *q, const struct unit *u, enum language_id lang,
                              const char *code, size_t len, int attempt,
                              const struct prompt_context *c, struct dobby_err *e);
/* q->ids are the tokens of q->prompt; none for a server by URL. */
MUST_CHECK int question_tokens(struct question *q, struct dobby_err *e);
/* The prompt_key of q->prompt, whose words have the digest `words`. */
MUST_CHECK int question_prompt_key(struct question *q, uint8_t out[KEY_LEN],
                                   const uint8_t words[KEY_LEN], const char *language,
                                   const char *kind, struct dobby_err *e);
/* *n: how many tokens all questions begin with; 0 before the first question_words. */
MUST_CHECK int question_shared(struct question *q, size_t *n, struct dobby_err *e);

#endif
