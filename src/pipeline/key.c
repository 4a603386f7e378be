/* key.c - see key.h (pipeline). */
#include "pipeline/key.h"

#include "base/sha256.h"
#include "base/size.h"
#include "code/prompt.h"
#include "llm/arith.h"

#include <stdio.h>
#include <string.h>

static void field_text(struct sha256 *h, const char *s)
{
    sha256_field(h, s, strlen(s));
}

static void field_number(struct sha256 *h, int n)
{
    char text[16];

    snprintf(text, sizeof(text), "%d", n);
    field_text(h, text);
}

static const char *kv_name(const struct key_base *b)
{
    if (b->remote)
        return "";
    if (b->exact)
        return "f32";
    switch (b->kv) {
    case DOBBY_KV_F32:
        return "f32";
    case DOBBY_KV_Q8:
        return "q8";
    default:
        return "f16";
    }
}

/* The fields after code, language and kind. */
static void fields_base(struct sha256 *h, const struct key_base *b)
{
    char sampling[64];

    snprintf(sampling, sizeof(sampling), "greedy max=%d stop=newline attempts=%d",
             PROMPT_MAX_TOKENS, PROMPT_ATTEMPTS);
    field_number(h, PROMPT_VERSION);
    sha256_field(h, b->model, KEY_LEN);
    sha256_field(h, b->adapter, b->has_adapter ? KEY_LEN : 0);
    field_text(h, b->remote ? "remote" : b->exact ? "dobby-exact" : "dobby");
    field_number(h, b->remote ? 0 : LLM_ARITHMETIC);
    field_text(h, sampling);
    field_text(h, kv_name(b));
}

int key_unit(uint8_t out[KEY_LEN], const struct key_base *b, const char *code, size_t len,
             const char *language, const char *kind, struct dobby_err *e)
{
    struct sha256 h;

    sha256_begin(&h);
    sha256_field(&h, code, len);
    field_text(&h, language);
    field_text(&h, kind);
    fields_base(&h, b);
    return sha256_end(&h, out, e);
}

/* The length that goes before the ids: that of a field. */
static void put_length(struct sha256 *h, uint64_t n)
{
    unsigned char bytes[8];

    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(n >> 8 * i);
    sha256_add(h, bytes, sizeof(bytes));
}

int key_prompt(uint8_t out[KEY_LEN], const struct key_base *b, const int32_t *ids, size_t n,
               const char *language, const char *kind, struct dobby_err *e)
{
    struct sha256 h;

    sha256_begin(&h);
    put_length(&h, (uint64_t)n * 4);
    for (size_t i = 0; i < n; i++) {
        uint32_t id = (uint32_t)ids[i];
        unsigned char le[4] = {(unsigned char)id, (unsigned char)(id >> 8),
                               (unsigned char)(id >> 16), (unsigned char)(id >> 24)};

        sha256_add(&h, le, sizeof(le));
    }
    field_text(&h, language);
    field_text(&h, kind);
    fields_base(&h, b);
    return sha256_end(&h, out, e);
}

int key_prompt_words(uint8_t out[KEY_LEN], const struct key_base *b, const uint8_t words[KEY_LEN],
                     const char *language, const char *kind, struct dobby_err *e)
{
    struct sha256 h;

    sha256_begin(&h);
    sha256_field(&h, words, KEY_LEN);
    field_text(&h, language);
    field_text(&h, kind);
    fields_base(&h, b);
    return sha256_end(&h, out, e);
}

int key_remote_model(uint8_t out[KEY_LEN], const char *name, struct dobby_err *e)
{
    struct sha256 h;

    sha256_begin(&h);
    field_text(&h, "dobby remote model");
    field_text(&h, name);
    return sha256_end(&h, out, e);
}

int key_cascade(uint8_t out[KEY_LEN], const struct key_base *first, const struct key_base *second,
                struct dobby_err *e)
{
    const struct key_base *both[] = {first, second};
    struct sha256 h;

    sha256_begin(&h);
    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        sha256_field(&h, both[i]->model, KEY_LEN);
        sha256_field(&h, both[i]->adapter, both[i]->has_adapter ? KEY_LEN : 0);
    }
    return sha256_end(&h, out, e);
}

int key_adapter(uint8_t out[KEY_LEN], const uint8_t sha256[KEY_LEN], const char *merge_type,
                struct dobby_err *e)
{
    struct sha256 h;

    sha256_begin(&h);
    sha256_field(&h, sha256, KEY_LEN);
    field_text(&h, merge_type);
    return sha256_end(&h, out, e);
}

int key_digest(uint8_t out[KEY_LEN], const struct key_base *b, struct dobby_err *e)
{
    struct sha256 h;

    sha256_begin(&h);
    fields_base(&h, b);
    return sha256_end(&h, out, e);
}

int key_words(uint8_t out[KEY_LEN], const struct dobby_message *msg, size_t n, struct dobby_err *e)
{
    struct sha256 h;

    sha256_begin(&h);
    for (size_t i = 0; i < n; i++) {
        field_text(&h, msg[i].role);
        sha256_field(&h, msg[i].text, msg[i].len);
    }
    return sha256_end(&h, out, e);
}
