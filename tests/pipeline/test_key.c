/* test_key.c - keys never change by accident, and change whenever something does that they stand for.
 * The golden values were computed apart from this code, by Python's hashlib over the fields that key.h lists, with
 * PROMPT_VERSION 3, two attempts and arithmetic 1: a change of either is meant to break them. */
#include "base/sha256.h"
#include "code/prompt.h"
#include "llm/arith.h"
#include "pipeline/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

static struct key_base base(void)
{
    struct key_base b = {.kv = DOBBY_KV_F16};

    for (int i = 0; i < KEY_LEN; i++)
        b.model[i] = (uint8_t)i;
    return b;
}

/* The form of key.h once more, by hand. */
struct fields {
    unsigned char b[4096];
    size_t n;
};

static void field(struct fields *f, const void *p, size_t n)
{
    for (int i = 0; i < 8; i++)
        f->b[f->n++] = (unsigned char)((uint64_t)n >> 8 * i);
    memcpy(f->b + f->n, p, n);
    f->n += n;
}

static void field_s(struct fields *f, const char *s)
{
    field(f, s, strlen(s));
}

static void rest(struct fields *f, const struct key_base *b, const char *engine, const char *kv)
{
    char version[16], arith[16], sampling[64];

    snprintf(version, sizeof(version), "%d", PROMPT_VERSION);
    snprintf(arith, sizeof(arith), "%d", LLM_ARITHMETIC);
    snprintf(sampling, sizeof(sampling), "greedy max=%d stop=newline attempts=%d",
             PROMPT_MAX_TOKENS, PROMPT_ATTEMPTS);
    field_s(f, "c");
    field_s(f, "function");
    field_s(f, version);
    field(f, b->model, KEY_LEN);
    field(f, b->adapter, b->has_adapter ? KEY_LEN : 0);
    field_s(f, engine);
    field_s(f, arith);
    field_s(f, sampling);
    field_s(f, kv);
}

static void test_unit_key_form(void **state)
{
    struct key_base b = base();
    struct fields f = {.n = 0};
    uint8_t got[KEY_LEN], want[KEY_LEN];

    (void)state;
    field_s(&f, "int f(void) { return 1; }");
    rest(&f, &b, "dobby", "f16");
    SHA256(f.b, f.n, want);
    assert_int_equal(key_unit(got, &b, "int f(void) { return 1; }", 25, "c", "function", NULL), 0);
    assert_memory_equal(got, want, KEY_LEN);
}

static void test_prompt_key_form(void **state)
{
    static const int32_t ids[] = {1, 0x01020304, 49151};
    static const unsigned char le[] = {1, 0, 0, 0, 4, 3, 2, 1, 0xff, 0xbf, 0, 0};
    struct key_base b = base();
    struct fields f = {.n = 0};
    uint8_t got[KEY_LEN], want[KEY_LEN];

    (void)state;
    field(&f, le, sizeof(le));
    rest(&f, &b, "dobby", "f16");
    SHA256(f.b, f.n, want);
    assert_int_equal(key_prompt(got, &b, ids, 3, "c", "function", NULL), 0);
    assert_memory_equal(got, want, KEY_LEN);
}

/* An adapter: its hash and the type that merged weights have, in one field. */
static void test_adapter_form(void **state)
{
    struct key_base b = base();
    struct fields f = {.n = 0}, a = {.n = 0};
    uint8_t sha[KEY_LEN], got[KEY_LEN], want[KEY_LEN], without[KEY_LEN];

    (void)state;
    for (int i = 0; i < KEY_LEN; i++)
        sha[i] = (uint8_t)(200 - i);
    field(&a, sha, KEY_LEN);
    field_s(&a, "Q5_0");
    SHA256(a.b, a.n, want);
    assert_int_equal(key_adapter(b.adapter, sha, "Q5_0", NULL), 0);
    assert_memory_equal(b.adapter, want, KEY_LEN);
    assert_int_equal(key_unit(without, &b, "x", 1, "c", "function", NULL), 0);
    b.has_adapter = 1;
    field_s(&f, "x");
    rest(&f, &b, "dobby", "f16");
    SHA256(f.b, f.n, want);
    assert_int_equal(key_unit(got, &b, "x", 1, "c", "function", NULL), 0);
    assert_memory_equal(got, want, KEY_LEN);
    assert_memory_not_equal(got, without, KEY_LEN);
    assert_int_equal(key_adapter(b.adapter, sha, "Q8_0", NULL), 0);
    assert_int_equal(key_unit(want, &b, "x", 1, "c", "function", NULL), 0);
    assert_memory_not_equal(got, want, KEY_LEN);
    assert_int_equal(key_digest(got, &b, NULL), 0);
    b.has_adapter = 0;
    assert_int_equal(key_digest(want, &b, NULL), 0);
    assert_memory_not_equal(got, want, KEY_LEN);
}

/* Two models: four fields in one digest, which depends on each and on their order. */
static void test_cascade_form(void **state)
{
    struct key_base one = base(), two = base();
    uint8_t got[KEY_LEN], want[KEY_LEN], other[KEY_LEN];
    struct fields f = {.n = 0};
    struct sha256 h;

    (void)state;
    two.model[0] = 99;
    memset(two.adapter, 7, KEY_LEN);
    two.has_adapter = 1;
    field(&f, one.model, KEY_LEN);
    field(&f, one.adapter, 0);
    field(&f, two.model, KEY_LEN);
    field(&f, two.adapter, KEY_LEN);
    sha256_begin(&h);
    sha256_add(&h, f.b, f.n);
    assert_int_equal(sha256_end(&h, want, NULL), 0);
    assert_int_equal(key_cascade(got, &one, &two, NULL), 0);
    assert_memory_equal(got, want, KEY_LEN);
    assert_int_equal(key_cascade(other, &two, &one, NULL), 0);
    assert_memory_not_equal(got, other, KEY_LEN);
    two.has_adapter = 0;
    assert_int_equal(key_cascade(other, &one, &two, NULL), 0);
    assert_memory_not_equal(got, other, KEY_LEN);
}

static void test_golden(void **state)
{
    static const int32_t ids[] = {1, 2, 3};
    struct key_base b = base();
    uint8_t key[KEY_LEN];
    char hex[2 * KEY_LEN + 1];

    (void)state;
    if (PROMPT_VERSION != 3 || PROMPT_ATTEMPTS != 2 || LLM_ARITHMETIC != 1)
        fail_msg("a version was raised: compute the golden keys anew (see the head of this file)");
    assert_int_equal(key_unit(key, &b, "x", 1, "python", "method", NULL), 0);
    hex_encode(hex, key, KEY_LEN);
    assert_string_equal(hex, "b30541a7edb9b367903dbe7fe82c1abeef114379f69abb0c120bf4c9e1883b19");
    assert_int_equal(key_prompt(key, &b, ids, 3, "python", "method", NULL), 0);
    hex_encode(hex, key, KEY_LEN);
    assert_string_equal(hex, "5fa533390053edbda2f84afcd11c8ef87a8eea0c4dbfe25697c1f4d394a07b1c");
}

static void test_everything_counts(void **state)
{
    uint8_t keys[9][KEY_LEN];
    struct key_base b = base();
    size_t n = 0;

    (void)state;
    assert_int_equal(key_unit(keys[n++], &b, "ab", 2, "c", "function", NULL), 0);
    assert_int_equal(key_unit(keys[n++], &b, "a", 1, "bc", "function", NULL),
                     0); /* lengths count */
    assert_int_equal(key_unit(keys[n++], &b, "ab", 2, "cpp", "function", NULL), 0);
    assert_int_equal(key_unit(keys[n++], &b, "ab", 2, "c", "method", NULL), 0);
    b.model[0] ^= 1;
    assert_int_equal(key_unit(keys[n++], &b, "ab", 2, "c", "function", NULL), 0);
    b = base();
    b.kv = DOBBY_KV_F32;
    assert_int_equal(key_unit(keys[n++], &b, "ab", 2, "c", "function", NULL), 0);
    b.exact = 1;
    assert_int_equal(key_unit(keys[n++], &b, "ab", 2, "c", "function", NULL), 0);
    b.kv = DOBBY_KV_F16; /* exact is float32 whatever was asked */
    assert_int_equal(key_unit(keys[n++], &b, "ab", 2, "c", "function", NULL), 0);
    assert_memory_equal(keys[n - 1], keys[n - 2], KEY_LEN);
    for (size_t i = 0; i + 1 < n; i++)
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(keys[i], keys[j], KEY_LEN);
}

/* A server by URL: words instead of ids, its name for its model instead of a hash, none of the engine's settings. */
static void test_remote_form(void **state)
{
    static const struct dobby_message msg[] = {{"user", "ab", 2}};
    struct key_base b = base();
    struct fields words = {.n = 0}, model = {.n = 0}, f = {.n = 0};
    uint8_t got[KEY_LEN], want[KEY_LEN], digest[KEY_LEN];
    char version[16], sampling[64];

    (void)state;
    field_s(&model, "dobby remote model");
    field_s(&model, "tiny.gguf");
    SHA256(model.b, model.n, want);
    assert_int_equal(key_remote_model(b.model, "tiny.gguf", NULL), 0);
    assert_memory_equal(b.model, want, KEY_LEN);
    field_s(&words, "user");
    field_s(&words, "ab");
    SHA256(words.b, words.n, digest);
    field(&f, digest, KEY_LEN);
    field_s(&f, "c");
    field_s(&f, "function");
    snprintf(version, sizeof(version), "%d", PROMPT_VERSION);
    snprintf(sampling, sizeof(sampling), "greedy max=%d stop=newline attempts=%d",
             PROMPT_MAX_TOKENS, PROMPT_ATTEMPTS);
    field_s(&f, version);
    field(&f, b.model, KEY_LEN);
    field_s(&f, "");
    field_s(&f, "remote");
    field_s(&f, "0");
    field_s(&f, sampling);
    field_s(&f, "");
    SHA256(f.b, f.n, want);
    b.remote = 1;
    b.kv = DOBBY_KV_F32; /* says nothing */
    b.exact = 1;
    assert_int_equal(key_words(digest, msg, 1, NULL), 0);
    assert_int_equal(key_prompt_words(got, &b, digest, "c", "function", NULL), 0);
    assert_memory_equal(got, want, KEY_LEN);
}

static void test_words_are_told_apart(void **state)
{
    struct dobby_message a[] = {{"user", "ab", 2}, {"assistant", "c", 1}};
    struct dobby_message b[] = {{"user", "a", 1}, {"assistant", "bc", 2}};
    uint8_t ka[KEY_LEN], kb[KEY_LEN], k1[KEY_LEN];

    (void)state;
    assert_int_equal(key_words(ka, a, 2, NULL), 0);
    assert_int_equal(key_words(kb, b, 2, NULL), 0);
    assert_int_equal(key_words(k1, a, 1, NULL), 0);
    assert_memory_not_equal(ka, kb, KEY_LEN);
    assert_memory_not_equal(ka, k1, KEY_LEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unit_key_form), cmocka_unit_test(test_prompt_key_form),
        cmocka_unit_test(test_adapter_form),  cmocka_unit_test(test_cascade_form),
        cmocka_unit_test(test_golden),        cmocka_unit_test(test_everything_counts),
        cmocka_unit_test(test_remote_form),   cmocka_unit_test(test_words_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
