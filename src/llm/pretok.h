/* pretok.h - cutting text into the pieces that byte-level BPE works on (llm).
 * What     Hand-written equivalents of the regular expressions named by tokenizer.ggml.pre:
 *            smollm  each \p{N} alone, then in what lies between
 *                    's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 *            qwen2   (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}
 *                    | ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
 *          The first alternative that matches wins, not the longest; all bytes belong to some piece.
 * Holds    A piece depends only on the text from its start on, so text is cut in one pass, O(1) memory.
 *          A byte that is not valid UTF-8 counts as one U+FFFD (neither letter, number nor space). Code points
 *          that Unicode has not assigned count as neither, too.
 * Source   The regular expressions are those of the models' published tokenizer.json; Unicode classes from
 *          unicode_data.h. Next: tokenizer.h. */
#ifndef LLM_PRETOK_H
#define LLM_PRETOK_H

#include <stdbool.h>
#include <stddef.h>

enum pretok_kind { PRETOK_SMOLLM, PRETOK_QWEN2 };

/* The splitter for a value of tokenizer.ggml.pre; false if it is not a known one. */
bool pretok_find(const char *pre, size_t len, enum pretok_kind *out);
/* "smollm, qwen2", for messages. */
const char *pretok_names(void);
/* Length of the first piece of the n >= 1 bytes at s: 1..n. */
size_t pretok_next(enum pretok_kind kind, const char *s, size_t n);

#endif
