/* token_vectors.h - checks of token ids and chat prompts against tests/data, for any model that has such files. */
#ifndef TESTS_TOKEN_VECTORS_H
#define TESTS_TOKEN_VECTORS_H

#include "llm/gguf.h"
#include "llm/tokenizer.h"

#include <stddef.h>

/* Each row of a tokenizer-*.jsonl: the ids must be those of `ids` (made by llama.cpp; where another library
 * normalises the text first it is not followed), and decode to the text or to `detok_hex`. Returns how many rows. */
size_t check_token_vectors(const struct tokenizer *t, const char *path);

/* Each list of a chat-*.json: rendered and encoded. Where a text holds a control token's name, the ids must differ from the
 * reference, which takes it for one, and still spell the same prompt. Returns how many such lists there were. */
size_t check_chat_vectors(const struct gguf *g, const struct tokenizer *t, const char *path);

/* All bytes of a list of tokens. */
void decode_tokens(const struct tokenizer *t, const struct token_list *l, struct strbuf *out);

#endif
