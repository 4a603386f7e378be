/* chat.c - see chat.h. One walk over the conversation produces fragments: control tokens, and texts that are encoded
 * in one piece each because white space merges across the line break between role and text. */
#include "llm/chat.h"

#include "base/size.h"
#include "llm/gguf.h"

#include <string.h>

#define IM_START "<|im_start|>"
#define IM_END   "<|im_end|>"
#define KEY      "tokenizer.chat_template"

/* What templates say when the conversation has no system message, word by word. Recognised by their text,
 * because the template itself is not run. */
static const char *const DEFAULT_SYSTEM[] = {
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face",
    "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
};

static bool contains(const char *s, size_t n, const char *what)
{
    return memmem(s, n, what, strlen(what)) != NULL;
}

int chat_init(struct chat *c, const struct gguf *g, const struct tokenizer *t, struct dobby_err *e)
{
    const char *s;
    size_t n;
    int rc = gguf_get_str(g, KEY, &s, &n, e);

    *c = (struct chat){.im_start = -1, .im_end = -1};
    if (rc == DOBBY_E_NOTFOUND) {
        c->why_none = "the model file has none (a base model?)";
        return 0;
    }
    if (rc < 0)
        return rc;
    if (!contains(s, n, IM_START) || contains(s, n, "<|im_sep|>") ||
        contains(s, n, "<end_of_utterance>")) {
        c->why_none = "that of the model file is not ChatML, the only one that is known";
        return 0;
    }
    c->im_start = tokenizer_find_control(t, IM_START);
    c->im_end = tokenizer_find_control(t, IM_END);
    if (c->im_start < 0 || c->im_end < 0)
        return err_set(
            e, DOBBY_E_FORMAT,
            "chat template: %s: it uses " IM_START " and " IM_END
            ", but the vocabulary has no such control tokens; fetch another file of the model",
            g->name);
    c->kind = CHAT_CHATML;
    for (size_t i = 0; i < ARRAY_LEN(DEFAULT_SYSTEM) && !c->default_system; i++)
        if (contains(s, n, DEFAULT_SYSTEM[i]))
            c->default_system = DEFAULT_SYSTEM[i];
    return 0;
}

const char *chat_name(enum chat_kind kind)
{
    return kind == CHAT_CHATML ? "chatml" : "";
}

static bool known_role(const char *role)
{
    return strcmp(role, "system") == 0 || strcmp(role, "user") == 0 ||
           strcmp(role, "assistant") == 0;
}

static int check(const struct chat *c, const struct dobby_message *msg, size_t n,
                 struct dobby_err *e)
{
    if (c->kind == CHAT_NONE)
        return err_set(e, DOBBY_E_UNSUPPORTED,
                       "chat template: %s; use a model with a ChatML template, or a plain prompt",
                       c->why_none);
    if (n == 0)
        return err_set(e, DOBBY_E_USAGE, "conversation: it has no message; give at least one");
    for (size_t i = 0; i < n; i++)
        if (!known_role(msg[i].role))
            return err_set(e, DOBBY_E_USAGE,
                           "conversation: message %zu: unknown role; use system, user or assistant",
                           i);
    return 0;
}

/* Where the walk delivers its fragments: ids or text. */
struct sink {
    const struct chat *c;
    const struct tokenizer *t; /* NULL: text */
    struct token_list *ids;
    struct strbuf *text;
    struct strbuf fragment; /* "ROLE\nTEXT" while it is put together */
    struct dobby_err *e;
};

static int put_control(struct sink *k, bool start)
{
    if (!k->t) {
        strbuf_puts(k->text, start ? IM_START : IM_END);
        return 0;
    }
    if (token_list_add(k->ids, start ? k->c->im_start : k->c->im_end) < 0)
        return err_nomem(k->e, "the tokens of a conversation");
    return 0;
}

static int put_text(struct sink *k, const char *s, size_t n)
{
    if (k->t)
        return tokenizer_encode(k->t, s, n, false, k->ids, k->e);
    strbuf_add(k->text, s, n);
    return 0;
}

static int put_message(struct sink *k, const char *role, const char *text, size_t len)
{
    int rc;

    strbuf_reset(&k->fragment);
    strbuf_puts(&k->fragment, role);
    strbuf_putc(&k->fragment, '\n');
    strbuf_add(&k->fragment, text, len);
    if (strbuf_failed(&k->fragment))
        return err_nomem(k->e, "the text of a conversation");
    if ((rc = put_control(k, true)) < 0 || (rc = put_text(k, k->fragment.s, k->fragment.len)) < 0 ||
        (rc = put_control(k, false)) < 0)
        return rc;
    return put_text(k, "\n", 1);
}

static int put_all(struct sink *k, const struct dobby_message *msg, size_t n, bool reply)
{
    const char *first = k->c->default_system;
    int rc = 0;

    if (first && strcmp(msg[0].role, "system") != 0)
        rc = put_message(k, "system", first, strlen(first));
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = put_message(k, msg[i].role, msg[i].text, msg[i].len);
    if (rc == 0 && reply && (rc = put_control(k, true)) == 0)
        rc = put_text(k, "assistant\n", strlen("assistant\n"));
    strbuf_release(&k->fragment);
    return rc;
}

int chat_encode(const struct chat *c, const struct tokenizer *t, const struct dobby_message *msg,
                size_t n, bool reply, struct token_list *out, struct dobby_err *e)
{
    struct sink k = {.c = c, .t = t, .ids = out, .e = e};
    size_t n_before = out->n;
    int rc = check(c, msg, n, e);

    if (rc == 0)
        rc = put_all(&k, msg, n, reply);
    if (rc < 0)
        out->n = n_before;
    return rc;
}

int chat_render(const struct chat *c, const struct dobby_message *msg, size_t n, bool reply,
                struct strbuf *out, struct dobby_err *e)
{
    struct sink k = {.c = c, .text = out, .e = e};
    int rc = check(c, msg, n, e);

    if (rc == 0)
        rc = put_all(&k, msg, n, reply);
    if (rc == 0 && strbuf_failed(out))
        rc = err_nomem(e, "the text of a conversation");
    return rc;
}
