/* chat.h - conversations as token ids (llm).
 * What     ChatML, and nothing else so far: `<|im_start|>ROLE\nTEXT<|im_end|>\n` per message, then
 *          `<|im_start|>assistant\n` where the model is to speak.
 * Template The Jinja program in the file is never run. It is recognised by what it contains, and so is the system
 *          message that it puts first when a conversation has none. A template that is not recognised is
 *          refused when a conversation is to be encoded, with advice, and never guessed.
 * Safety   The two control tokens are placed by id; roles come from a fixed set; texts are encoded without special
 *          parsing. So no text can end its own turn or open another.
 * Next     tokenizer.h; code/prompt.h for what is asked. */
#ifndef LLM_CHAT_H
#define LLM_CHAT_H

#include "base/err.h"
#include "base/strbuf.h"
#include "llm/tokenizer.h"

#include <stdbool.h>
#include <stddef.h>

struct gguf;

enum chat_kind { CHAT_NONE, CHAT_CHATML };

/* Plain value; nothing to release. */
struct chat {
    enum chat_kind kind;
    const char *why_none; /* CHAT_NONE: half a sentence for messages; static */
    const char *
        default_system; /* put first when msg[0] is not a system message; static, NULL: nothing is */
    int32_t im_start, im_end; /* CHAT_CHATML: the control tokens */
};

/* Look at tokenizer.chat_template. An absent or unknown template is no failure: kind is CHAT_NONE then.
 * DOBBY_E_FORMAT if the key is not a string, or the template uses tokens that the vocabulary lacks. */
MUST_CHECK int chat_init(struct chat *c, const struct gguf *g, const struct tokenizer *t,
                         struct dobby_err *e);
const char *chat_name(enum chat_kind kind); /* "chatml", "" for none */

/* Append the ids of a conversation of n >= 1 messages; with `reply`, up to where the assistant speaks.
 * On failure *out is as before: DOBBY_E_UNSUPPORTED (no known template), _USAGE (a role other than system, user,
 * assistant; no message), _NOMEM, _LIMIT. */
MUST_CHECK int chat_encode(const struct chat *c, const struct tokenizer *t,
                           const struct dobby_message *msg, size_t n, bool reply,
                           struct token_list *out, struct dobby_err *e);
/* The same as text, as the template would render it; for people and tests, never to be encoded. */
MUST_CHECK int chat_render(const struct chat *c, const struct dobby_message *msg, size_t n,
                           bool reply, struct strbuf *out, struct dobby_err *e);

#endif
