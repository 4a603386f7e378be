/* question.c - see question.h (pipeline). */
#include "pipeline/question.h"

#include "llm/modelfile.h"

void question_init(struct question *q, const char *model_path, const char *cache_dir, int exact,
                   int kv)
{
    *q = (struct question){.model_path = model_path, .model = "", .cache_dir = cache_dir};
    q->base.exact = exact;
    q->base.kv = kv;
}

void question_init_remote(struct question *q,
                          int (*ask_name)(void *ctx, const char **name, struct dobby_err *e),
                          void *ctx)
{
    *q = (struct question){.model = "", .ask_name = ask_name, .ask_ctx = ctx};
    q->base.remote = 1;
}

void question_release(struct question *q)
{
    tokenizer_free(q->tokenizer);
    gguf_release(&q->gguf);
    arena_release(&q->arena);
    token_list_release(&q->ids);
    *q = (struct question){0};
}

/* What the keys say of the model. */
static int model_hash(struct question *q, struct dobby_err *e)
{
    int rc;

    if (q->ask_name) {
        rc = q->ask_name(q->ask_ctx, &q->model, e);
        return rc < 0 ? rc : key_remote_model(q->base.model, q->model, e);
    }
    if (!q->model_path)
        return err_set(e, DOBBY_E_USAGE,
                       "summarize: some units need a model and none was named; name one");
    return modelfile_hash(q->model_path, q->cache_dir, q->base.model, NULL, NULL, e);
}

int question_keys(struct question *q, struct dobby_err *e)
{
    int rc;

    if (q->have_keys)
        return 0;
    rc = model_hash(q, e);
    if (rc == 0)
        rc = key_digest(q->digest, &q->base, e);
    q->have_keys = rc == 0;
    return rc;
}

struct unit question_unit(const struct unit *u)
{
    struct unit plain = *u;

    plain.qualified = u->name;
    return plain;
}

int question_words(struct question *q, const struct unit *u, enum language_id lang,
                   const char *code, size_t len, int attempt, struct dobby_err *e)
{
    struct unit plain = question_unit(u);

    arena_reset(&q->arena);
    q->prompt = (struct prompt){0};
    return prompt_build(&q->prompt, &q->arena, &plain, lang, code, len, PROMPT_MAX_CODE, attempt,
                        e);
}

static int open_tokenizer(struct question *q, struct dobby_err *e)
{
    int rc;

    if (q->tokenizer)
        return 0;
    rc = gguf_open(&q->gguf, q->model_path, e);
    if (rc == 0)
        rc = tokenizer_new(&q->tokenizer, &q->gguf, e);
    if (rc == 0)
        rc = chat_init(&q->chat, &q->gguf, q->tokenizer, e);
    if (rc < 0) {
        tokenizer_free(q->tokenizer);
        q->tokenizer = NULL;
        gguf_release(&q->gguf);
    }
    return rc;
}

int question_tokens(struct question *q, struct dobby_err *e)
{
    int rc =
        question_keys(q, e); /* first, so that the hash is of the file that is read now or later */

    if (rc < 0 || q->base.remote)
        return rc;
    rc = open_tokenizer(q, e);
    if (rc < 0)
        return rc;
    q->ids.n = 0;
    return chat_encode(&q->chat, q->tokenizer, q->prompt.msg, q->prompt.n, true, &q->ids, e);
}

int question_prompt_key(struct question *q, uint8_t out[KEY_LEN], const uint8_t words[KEY_LEN],
                        const char *language, const char *kind, struct dobby_err *e)
{
    int rc = question_tokens(q, e);

    if (rc < 0)
        return rc;
    return q->base.remote ? key_prompt_words(out, &q->base, words, language, kind, e)
                          : key_prompt(out, &q->base, q->ids.id, q->ids.n, language, kind, e);
}
