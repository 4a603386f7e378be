/* tokenizer.h - text to token ids and back: byte-level BPE (llm).
 * What     Built from the tokenizer.* keys of a GGUF file; independent of the file afterwards.
 *          Encoding: cut out special tokens, cut the rest into pieces (pretok.h), merge each piece's bytes by
 *          rank, lowest first, leftmost on ties. O(n log n) whatever the text.
 * Special  Control tokens (<|im_end|> and such) are recognised in text only when the caller asks: text from
 *          outside is encoded with special == false and can then never become a control token. Tokens that the
 *          file marks user-defined are always recognised, they carry no control meaning.
 * Text     Any bytes, invalid UTF-8 and NUL included; decoding gives them back exactly, but for bytes that the
 *          vocabulary has no token for: they vanish, as they do in the model's own tokenizer (SmolLM2 lacks
 *          six control characters and the bytes that text does not contain; Qwen2.5 lacks none).
 * Threads  A tokenizer is immutable: any number of threads may encode at the same time.
 * Source   Sennrich et al., Neural Machine Translation of Rare Words with Subword Units, 2016; the byte alphabet is
 *          GPT-2's. Next: chat.h for conversations. */
#ifndef LLM_TOKENIZER_H
#define LLM_TOKENIZER_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gguf;
struct tokenizer;

/* A growing list of ids. The zeroed struct is a valid empty list. */
struct token_list {
    int32_t *id;
    size_t n, cap;
};
MUST_CHECK int token_list_add(struct token_list *l,
                              int32_t id); /* 0 or DOBBY_E_NOMEM, list unchanged */
void token_list_release(struct token_list *l);

#define TOKENIZER_MAX_VOCAB (1u << 20)
#define TOKENIZER_MAX_TEXT  (1u << 28) /* bytes of one text */

/* Build from the file's metadata: about 50 ms for 150,000 tokens. *out is NULL on failure.
 * Returns 0, DOBBY_E_FORMAT (damaged tables), _UNSUPPORTED (another kind of tokenizer; says which are known), _NOMEM. */
MUST_CHECK int tokenizer_new(struct tokenizer **out, const struct gguf *g, struct dobby_err *e);
void tokenizer_free(struct tokenizer *t);

/* Append the ids of len bytes of text to *out. On failure (DOBBY_E_NOMEM, _LIMIT) *out is as before. No BOS is
 * added: see tokenizer_add_bos(). */
MUST_CHECK int tokenizer_encode(const struct tokenizer *t, const char *text, size_t len,
                                bool special, struct token_list *out, struct dobby_err *e);
/* The bytes that a token stands for, not NUL-terminated (NULs may occur inside); may be part of a UTF-8 sequence.
 * Control tokens give their name. "" and 0 for ids out of range. Lives as long as t. */
const char *tokenizer_bytes(const struct tokenizer *t, int32_t id, size_t *len);

size_t tokenizer_n_vocab(const struct tokenizer *t); /* ids are 0 .. n_vocab-1 */
int32_t tokenizer_bos(const struct tokenizer *t);    /* -1: none */
int32_t tokenizer_eos(const struct tokenizer *t);    /* -1: none */
bool tokenizer_add_bos(
    const struct tokenizer *t); /* does the model want BOS before a text? then bos >= 0 */
/* Does this token end the model's turn? (eos, eot, eom, and control tokens with such a name) */
bool tokenizer_is_eog(const struct tokenizer *t, int32_t id);
/* Must never be sampled: a filler of the vocabulary, or an id beyond it. */
bool tokenizer_is_unused(const struct tokenizer *t, int32_t id);
bool tokenizer_is_control(const struct tokenizer *t, int32_t id);
/* The control token with exactly this name, or -1. */
int32_t tokenizer_find_control(const struct tokenizer *t, const char *name);
/* "gpt2/qwen2": tokenizer.ggml.model and .pre, for people. */
const char *tokenizer_kind(const struct tokenizer *t);

#endif
