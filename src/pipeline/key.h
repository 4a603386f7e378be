/* key.h - what a summary depends on, as two digests (pipeline).
 * What     unit_key: the unit's own code. prompt_key: the exact tokens of the question. Both hold everything else that can
 *          change a text: prompts and checks, model, engine and its arithmetic, sampling, the cache's type. So an equal
 *          prompt_key means an equal summary, wherever and whenever it is made.
 * Form     SHA-256 over fields, each with its length before it (8 bytes, little-endian), in this order:
 *            code, or the ids as 4 bytes little-endian each | language | kind | PROMPT_VERSION | model's SHA-256
 *            | adapter's SHA-256, or nothing | engine | its arithmetic's number | sampling | type of the KV cache
 *          The adapter's field is the SHA-256 over two fields, its file's SHA-256 and the name of the type that merged weights
 *          are rounded to (key_adapter). Numbers are decimal text. Changing any of it makes every stored summary be made again: do it by the
 *          versions, on purpose.
 * Remote   For a server by URL the ids are not known: the digest of the words (key_words) stands in their place, the
 *          SHA-256 of a tag and the server's name for its model in that of the model file, "remote" as engine, 0 as its
 *          arithmetic, nothing as type of the cache. The URL is no part of it. Such a key says what was asked of whom; that
 *          an equal key means an equal text holds for the text in the store only.
 * Cascade  Where a second model is asked about what the first left doubtful, the digest of both (key_cascade) stands in the place
 *          of the model file's hash.
 * Next     plan.c for how they are used. */
#ifndef PIPELINE_KEY_H
#define PIPELINE_KEY_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

#define KEY_LEN 32

/* What is the same for all units of a run. */
struct key_base {
    uint8_t model[KEY_LEN];   /* SHA-256 of the model file */
    uint8_t adapter[KEY_LEN]; /* from key_adapter; counts if has_adapter */
    int has_adapter;
    int exact;  /* the engine's float32 mode: its own arithmetic, and its cache is always float32 */
    int kv;     /* enum dobby_kv */
    int remote; /* a server by URL; model is from key_remote_model, exact and kv say nothing */
};

MUST_CHECK int key_unit(uint8_t out[KEY_LEN], const struct key_base *b, const char *code,
                        size_t len, const char *language, const char *kind, struct dobby_err *e);
MUST_CHECK int key_prompt(uint8_t out[KEY_LEN], const struct key_base *b, const int32_t *ids,
                          size_t n, const char *language, const char *kind, struct dobby_err *e);
/* A digest of the base alone: equal digests, equal keys for equal units. */
MUST_CHECK int key_digest(uint8_t out[KEY_LEN], const struct key_base *b, struct dobby_err *e);
/* The same for a server by URL: words is from key_words. */
MUST_CHECK int key_prompt_words(uint8_t out[KEY_LEN], const struct key_base *b,
                                const uint8_t words[KEY_LEN], const char *language,
                                const char *kind, struct dobby_err *e);
/* What stands for the model file's hash where there is none: of the server's name for its model. */
MUST_CHECK int key_remote_model(uint8_t out[KEY_LEN], const char *name, struct dobby_err *e);
/* What stands for the model file's hash where two models work in turn: the SHA-256 over four fields, of the first and then of the
 * second its model and its adapter, or nothing. */
MUST_CHECK int key_cascade(uint8_t out[KEY_LEN], const struct key_base *first,
                           const struct key_base *second, struct dobby_err *e);
/* What stands for an adapter: sha256 of its file, merge_type as in dobby_model_info. */
MUST_CHECK int key_adapter(uint8_t out[KEY_LEN], const uint8_t sha256[KEY_LEN],
                           const char *merge_type, struct dobby_err *e);
/* A digest of the words of a prompt; with an equal unit_key (and so an equal tokenizer), equal words are equal ids. */
MUST_CHECK int key_words(uint8_t out[KEY_LEN], const struct dobby_message *msg, size_t n,
                         struct dobby_err *e);

#endif
