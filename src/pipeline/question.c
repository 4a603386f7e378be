/* question.c - see question.h (pipeline). */
#include "pipeline/question.h"

#include "base/sha256.h"
#include "llm/adapter.h"
#include "llm/modelfile.h"

#include <string.h>

void question_init(struct question *q, const char *model_path, const char *cache_dir, int exact,
                   int kv)
{
    *q = (struct question){.model_path = model_path, .name = "", .cache_dir = cache_dir};
    q->base.exact = exact;
    q->base.kv = kv;
}

void question_init_remote(struct question *q,
                          int (*ask_name)(void *ctx, const char **name, struct dobby_err *e),
                          void *ctx)
{
    *q = (struct question){.name = "", .ask_name = ask_name, .ask_ctx = ctx};
    q->base.remote = 1;
}

void question_close(struct question *q)
{
    dobby_model_free(q->model);
    tokenizer_free(q->tokenizer);
    q->model = NULL;
    q->tokenizer = NULL;
}

void question_release(struct question *q)
{
    question_close(q);
    arena_release(&q->arena);
    token_list_release(&q->ids);
    *q = (struct question){0};
}

/* What the keys say of the model. */
static int model_hash(struct question *q, struct dobby_err *e)
{
    int rc;

    if (q->ask_name) {
        rc = q->ask_name(q->ask_ctx, &q->name, e);
        return rc < 0 ? rc : key_remote_model(q->base.model, q->name, e);
    }
    if (!q->model_path)
        return err_set(e, DOBBY_E_USAGE,
                       "summarize: some units need a model and none was named; name one");
    rc = modelfile_hash(q->model_path, q->cache_dir, q->file, NULL, NULL, e);
    memcpy(q->base.model, q->file, sizeof(q->file));
    return rc;
}

int question_find_adapter(char **out, const char *dir, const char *model_path,
                          const char *cache_dir, struct dobby_err *e)
{
    uint8_t sha[32];
    char hex[65];
    struct dobby_err why = {0};
    int rc;

    *out = NULL;
    if (!adapter_any(dir))
        return 0;
    rc = modelfile_hash(model_path, cache_dir, sha, NULL, NULL, &why);
    if (rc == DOBBY_E_NOTFOUND)
        return 0;
    if (rc < 0)
        return err_set(e, rc, "%s", why.message);
    hex_encode(hex, sha, sizeof(sha));
    return adapter_default(out, dir, hex, e);
}

/* What the keys say of the adapter. Its values are looked at with the model (question_model). */
static int adapter_hash(struct question *q, struct dobby_err *e)
{
    struct adapter a;
    int rc = adapter_open(&a, q->adapter_path, q->cache_dir, q->merge_type, e);

    if (rc < 0)
        return rc;
    rc = key_adapter(q->base.adapter, a.hash, quant_name(a.merge), e);
    q->base.has_adapter = 1;
    q->bare = a.base[0] != '\0';
    adapter_release(&a);
    return rc;
}

/* The hash of both models takes the place of the first's. */
static int cascade_hash(struct question *q, struct dobby_err *e)
{
    struct key_base own = q->base;
    int rc = question_keys(q->second, e);

    return rc < 0 ? rc : key_cascade(q->base.model, &own, &q->second->base, e);
}

int question_keys(struct question *q, struct dobby_err *e)
{
    int rc;

    if (q->have_keys)
        return 0;
    rc = model_hash(q, e);
    if (rc == 0 && q->adapter_path)
        rc = adapter_hash(q, e);
    if (rc == 0 && q->second)
        rc = cascade_hash(q, e);
    if (rc == 0)
        rc = key_digest(q->digest, &q->base, e);
    q->have_keys = rc == 0;
    return rc;
}

struct unit question_unit(const struct unit *u)
{
    struct unit plain = *u;

    if (u->kind == UNIT_CHUNK) /* its name may be a heading */
        plain.name = "";
    plain.qualified = plain.name;
    return plain;
}

int question_words(struct question *q, const struct unit *u, enum language_id lang,
                   const char *code, size_t len, int attempt, const struct prompt_context *c,
                   struct dobby_err *e)
{
    struct unit plain = question_unit(u);

    arena_reset(&q->arena);
    q->prompt = (struct prompt){0};
    return prompt_build(&q->prompt, &q->arena, &plain, lang, code, len, PROMPT_MAX_CODE, attempt,
                        q->bare, c, e);
}

/* The files may have been replaced since they were hashed. */
static int check_hash(const struct question *q, const struct dobby_model *m, struct dobby_err *e)
{
    uint8_t adapter[KEY_LEN];
    char hex[65];
    bool same;

    hex_encode(hex, q->file, sizeof(q->file));
    same = strcmp(hex, m->sha256) == 0;
    if (same && q->base.has_adapter) {
        int rc = key_adapter(adapter, m->adapter_hash, m->merge_type, e);

        if (rc < 0)
            return rc;
        same = memcmp(adapter, q->base.adapter, KEY_LEN) == 0;
    }
    return same ? 0
                : err_set(e, DOBBY_E_IO,
                          "model file: %s%s%s: changed while it was read; try again when it is "
                          "complete",
                          q->model_path, q->adapter_path ? " with " : "",
                          q->adapter_path ? q->adapter_path : "");
}

int question_model(struct question *q, struct dobby_err *e)
{
    struct dobby_model_options o;
    struct dobby_model *m = NULL;
    int rc = question_keys(q, e);

    if (rc < 0 || q->model)
        return rc;
    DOBBY_INIT(o);
    o.exact = q->base.exact;
    o.isa = q->isa;
    o.cache_dir = q->cache_dir;
    o.adapter = q->adapter_path;
    o.merge_type = q->merge_type;
    o.head = 1;
    rc = dobby_model_open(&m, q->model_path, &o, e);
    if (rc == 0)
        rc = check_hash(q, m, e);
    if (rc < 0)
        dobby_model_free(m);
    else
        q->model = m;
    return rc;
}

static int open_tokenizer(struct question *q, struct dobby_err *e)
{
    struct gguf g;
    int rc = question_keys(q, e);

    if (rc < 0 || q->tokenizer)
        return rc;
    rc = gguf_open(&g, q->model_path, e);
    if (rc < 0)
        return rc;
    rc = tokenizer_new(&q->tokenizer, &g, e);
    if (rc == 0)
        rc = chat_init(&q->chat, &g, q->tokenizer, e);
    if (rc < 0) {
        tokenizer_free(q->tokenizer);
        q->tokenizer = NULL;
    }
    gguf_release(&g);
    return rc;
}

static int encode(struct question *q, size_t n, bool reply, struct token_list *out,
                  struct dobby_err *e)
{
    int rc = q->own ? question_model(q, e) : open_tokenizer(q, e);

    if (rc < 0)
        return rc;
    return chat_encode(q->own ? &q->model->chat : &q->chat,
                       q->own ? q->model->tokenizer : q->tokenizer, q->prompt.msg, n, reply, out,
                       e);
}

int question_tokens(struct question *q, struct dobby_err *e)
{
    int rc =
        question_keys(q, e); /* first, so that the hash is of the file that is read now or later */

    if (rc < 0 || q->base.remote)
        return rc;
    q->ids.n = 0;
    return encode(q, q->prompt.n, true, &q->ids, e);
}

int question_shared(struct question *q, size_t *n, struct dobby_err *e)
{
    struct token_list ids = {0};
    int rc = q->prompt.n_shared ? encode(q, q->prompt.n_shared, false, &ids, e) : 0;

    *n = ids.n;
    token_list_release(&ids);
    return rc;
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
