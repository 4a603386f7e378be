/* test_tokenizer.c - byte-level BPE: splitting, merging, special tokens, refusals; SmolLM2's ids. */
#include "llm/tokenizer.h"

#include "base/fault.h"
#include "base/mem.h"
#include "base/size.h"
#include "base/thread.h"
#include "llm/gguf.h"
#include "llm/pretok.h"
#include "support/gguf_build.h"
#include "support/models.h"
#include "support/test.h"
#include "support/token_vectors.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- splitting --------------------------------------------------------------------------------- */

/* The pieces of a text, joined by '|'. */
static void split(enum pretok_kind kind, const char *s, size_t n, char *out, size_t cap)
{
    size_t k = 0;

    while (n > 0) {
        size_t len = pretok_next(kind, s, n);

        assert_in_range(len, 1, n);
        assert_true(k + len + 2 < cap);
        memcpy(out + k, s, len);
        k += len;
        s += len;
        n -= len;
        if (n > 0)
            out[k++] = '|';
    }
    out[k] = '\0';
}

struct split_row {
    const char *text, *smollm, *qwen2;
};

static const struct split_row SPLITS[] = {
    {"int x = 12;", "int| x| =| |1|2|;", "int| x| =| |1|2|;"},
    {"It's I'LL we'Re", "It|'s| I|'|LL| we|'|Re", "It|'s| I|'LL| we|'Re"},
    {"'tis 'dog 'x", "'t|is| '|dog| '|x", "'t|is| '|dog| '|x"},
    {"'\305\277x '\305", "'|\305\277x| '\305",
     "'\305\277|x| '\305"}, /* the long s is an s without case; cut short it is none */
    {"a'lx 'r", "a|'|lx| '|r", "a|'lx| '|r"},
    {"  two  three   end", " | two| | three|  | end", " | two| | three|  | end"},
    {"a\n\n\n  b", "a|\n\n\n | b", "a|\n\n\n| | b"},
    {"x;\r\n\r\n\ty", "x|;|\r\n\r\n|\t|y", "x|;\r\n\r\n|\ty"},
    {"\tfoo(bar)", "\t|foo|(|bar|)", "\tfoo|(bar|)"},
    {"==foo  ", "==|foo|  ", "==|foo|  "},
    {"x  1", "x|  |1", "x| | |1"},
    {"   \n", "   \n", "   \n"},
    {" \n \n x", " \n \n| x", " \n \n| x"},
    {"caf\xc3\xa9 \xd9\xa3\xc2\xbd!", "caf\xc3\xa9| |\xd9\xa3|\xc2\xbd|!",
     "caf\xc3\xa9| |\xd9\xa3|\xc2\xbd|!"},
    {"a\302\240b\342\200\203 c", "a|\xc2\xa0|b|\xe2\x80\x83| c", "a|\302\240b|\342\200\203| c"},
    {"a\xff\xfe z\xc3", "a|\xff\xfe| z|\xc3", "a|\xff\xfe| z|\xc3"},
    {"e\xcc\x81x", "e|\xcc\x81|x", "e|\xcc\x81x"}, /* a combining mark is no letter */
    {"\x1c\x1d", "\x1c\x1d", "\x1c\x1d"}, /* isspace() says otherwise, White_Space does not */
    {"\xc2\x85\xe3\x80\x80x", "\xc2\x85|\xe3\x80\x80|x", "\xc2\x85|\xe3\x80\x80x"},
    {"\xcd\xb8 \xcd\xb8", "\xcd\xb8| \xcd\xb8", "\xcd\xb8| \xcd\xb8"}, /* U+0378 is not assigned */
};

static void test_split(void **state)
{
    char got[256];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(SPLITS); i++) {
        split(PRETOK_SMOLLM, SPLITS[i].text, strlen(SPLITS[i].text), got, sizeof(got));
        assert_string_equal(got, SPLITS[i].smollm);
        split(PRETOK_QWEN2, SPLITS[i].text, strlen(SPLITS[i].text), got, sizeof(got));
        assert_string_equal(got, SPLITS[i].qwen2);
    }
}

static void test_split_names(void **state)
{
    enum pretok_kind k = PRETOK_SMOLLM;

    (void)state;
    assert_true(pretok_find("qwen2", 5, &k));
    assert_int_equal(k, PRETOK_QWEN2);
    assert_true(pretok_find("smollm", 6, &k));
    assert_int_equal(k, PRETOK_SMOLLM);
    assert_false(pretok_find("qwen", 4, &k));
    assert_false(pretok_find("qwen22", 6, &k));
    assert_false(pretok_find("", 0, &k));
}

/* ---- a small tokenizer --------------------------------------------------------------------------- */

/* Ids 256.. : */
enum { AB = 256, ABC, CD, BC, HELLO_TAG, IM_END, IM_ENDING, PAD0, UNK, SP_A, N_SMALL };
static const char *const EXTRA[] = {"ab",         "abc",           "cd",     "bc",    "<hello>",
                                    "<|im_end|>", "<|im_end|>ing", "[PAD0]", "<unk>", "\304\240a"};
static const int32_t TYPES[] = {1, 1, 1, 1, 4, 3, 3, 5, 2, 1};
static const char *const MERGES[] = {"c d", "a b", "b c", "ab c", "\304\240 a"};

static void make_small(struct gguf_build *b)
{
    gb_str(b, "tokenizer.ggml.model", "gpt2");
    gb_str(b, "tokenizer.ggml.pre", "qwen2");
    gb_vocab(b, EXTRA, TYPES, ARRAY_LEN(EXTRA));
    gb_strs(b, "tokenizer.ggml.merges", MERGES, ARRAY_LEN(MERGES));
    gb_u32(b, "tokenizer.ggml.eos_token_id", IM_END);
}

static struct tokenizer *open_build(struct gguf_build *b, struct dobby_err *e, int *rc)
{
    struct tokenizer *t = NULL;
    struct gguf g;
    size_t size;

    gb_finish(b, &size);
    assert_int_equal(gguf_parse(&g, b->image.s, size, "small.gguf", e), 0);
    *rc = tokenizer_new(&t, &g, e);
    gguf_release(&g); /* the tokenizer stands alone */
    gb_release(b);
    return t;
}

static struct tokenizer *open_small(void)
{
    struct gguf_build b;
    struct dobby_err e = {0};
    struct tokenizer *t;
    int rc;

    gb_init(&b);
    make_small(&b);
    t = open_build(&b, &e, &rc);
    assert_string_equal(e.message, "");
    assert_int_equal(rc, 0);
    return t;
}

static void expect_ids(const struct tokenizer *t, const char *s, bool special, const int32_t *want,
                       size_t n)
{
    struct token_list l = {0};

    assert_int_equal(tokenizer_encode(t, s, strlen(s), special, &l, NULL), 0);
    assert_int_equal(l.n, n);
    if (n > 0)
        assert_memory_equal(l.id, want, n * sizeof(*want));
    token_list_release(&l);
}

#define EXPECT(t, s, special, ...)                                                                 \
    expect_ids(t, s, special, (const int32_t[]){__VA_ARGS__},                                      \
               sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t))

static void test_merge_order(void **state)
{
    struct tokenizer *t = open_small();

    (void)state;
    EXPECT(t, "ab", false, AB);
    EXPECT(t, "abc", false, ABC);
    EXPECT(t, "abcd", false, AB, CD); /* c d has the best rank */
    EXPECT(t, "bcb", false, BC, 'b');
    EXPECT(t, "ababab", false, AB, AB, AB);
    EXPECT(t, " a", false, SP_A);
    EXPECT(t, "\n", false, '\n');
    EXPECT(t, "\xff\xc3", false, 0xFF, 0xC3);
    expect_ids(t, "", false, NULL, 0);
    tokenizer_free(t);
}

static void test_special_only_where_asked(void **state)
{
    struct tokenizer *t = open_small();

    (void)state;
    EXPECT(t, "b<|im_end|>b", true, 'b', IM_END, 'b');
    EXPECT(t, "<|im_end|>", false, '<', '|', 'i', 'm', '_', 'e', 'n', 'd', '|', '>');
    EXPECT(t, "b<hello>b", false, 'b', HELLO_TAG, 'b'); /* user-defined: always */
    EXPECT(t, "<unk>", true, UNK);
    EXPECT(t, "<unk>", false, '<', 'u', 'n', 'k', '>');
    EXPECT(t, "<|im_end|>ing", true, IM_ENDING); /* the longest first */
    EXPECT(t, "<|im_end|>in", true, IM_END, 'i', 'n');
    EXPECT(t, "<|im_end|><|im_end|>", true, IM_END, IM_END);
    EXPECT(t, "<hello", true, '<', 'h', 'e', 'l', 'l', 'o');
    EXPECT(t, "[PAD0]", true, '[', 'P', 'A', 'D', '0', ']'); /* a filler is never produced */
    tokenizer_free(t);
}

/* The longest takes all its places first, even those behind where a shorter one begins. */
static void test_special_overlap(void **state)
{
    static const char *const extra[] = {"<ab", "b<ab<", "<a"};
    static const int32_t types[] = {4, 4, 4};
    struct gguf_build b;
    struct dobby_err e = {0};
    struct tokenizer *t;
    int rc;

    (void)state;
    gb_init(&b);
    gb_str(&b, "tokenizer.ggml.model", "gpt2");
    gb_str(&b, "tokenizer.ggml.pre", "smollm");
    gb_vocab(&b, extra, types, 3);
    gb_strs(&b, "tokenizer.ggml.merges", NULL, 0);
    t = open_build(&b, &e, &rc);
    assert_int_equal(rc, 0);
    EXPECT(t, "<ab<ab<x", false, 258, 257, 'x'); /* <a, b<ab<, x */
    EXPECT(t, "<abb", false, 256, 'b');
    tokenizer_free(t);
}

static void test_questions(void **state)
{
    struct tokenizer *t = open_small();
    size_t len = 7;

    (void)state;
    assert_int_equal(tokenizer_n_vocab(t), N_SMALL);
    assert_int_equal(tokenizer_bos(t), -1);
    assert_int_equal(tokenizer_eos(t), IM_END);
    assert_false(tokenizer_add_bos(t));
    assert_true(tokenizer_is_eog(t, IM_END));
    assert_false(tokenizer_is_eog(t, IM_ENDING));
    assert_false(tokenizer_is_eog(t, -1));
    assert_false(tokenizer_is_eog(t, N_SMALL));
    assert_true(tokenizer_is_unused(t, PAD0));
    assert_false(tokenizer_is_unused(t, AB));
    assert_true(tokenizer_is_unused(t, -1));
    assert_true(tokenizer_is_unused(t, N_SMALL));
    assert_true(tokenizer_is_control(t, IM_END));
    assert_false(tokenizer_is_control(t, HELLO_TAG));
    assert_int_equal(tokenizer_find_control(t, "<|im_end|>"), IM_END);
    assert_int_equal(tokenizer_find_control(t, "<hello>"), -1);
    assert_int_equal(tokenizer_find_control(t, "ab"), -1);
    assert_string_equal(tokenizer_kind(t), "gpt2/qwen2");
    assert_memory_equal(tokenizer_bytes(t, SP_A, &len), " a", 2); /* decoded from the alphabet */
    assert_int_equal(len, 2);
    assert_memory_equal(tokenizer_bytes(t, 0, &len), "\0", 1);
    assert_int_equal(len, 1);
    assert_memory_equal(tokenizer_bytes(t, IM_END, &len), "<|im_end|>", 10);
    (void)tokenizer_bytes(t, N_SMALL, &len);
    assert_int_equal(len, 0);
    (void)tokenizer_bytes(t, INT32_MIN, &len);
    assert_int_equal(len, 0);
    tokenizer_free(t);
    tokenizer_free(NULL);
}

/* Names make an end only of control tokens: </s> is HTML. Keys make one of any token. */
static void test_end_of_generation(void **state)
{
    static const char *const extra[] = {"</s>", "<|endoftext|>", "<|file_sep|>", "<|im_end|>"};
    static const int32_t types[] = {1, 3, 3, 4};
    struct gguf_build b;
    struct dobby_err e = {0};
    struct tokenizer *t;
    int rc;

    (void)state;
    gb_init(&b);
    gb_str(&b, "tokenizer.ggml.model", "gpt2");
    gb_str(&b, "tokenizer.ggml.pre", "qwen2");
    gb_vocab(&b, extra, types, 4);
    gb_strs(&b, "tokenizer.ggml.merges", NULL, 0);
    gb_u32(&b, "tokenizer.ggml.bos_token_id", 257);
    gb_bool(&b, "tokenizer.ggml.add_bos_token", 1);
    gb_u32(&b, "tokenizer.ggml.eot_token_id", 'x');
    gb_u32(&b, "tokenizer.ggml.eom_token_id", 9999); /* out of range: dropped */
    t = open_build(&b, &e, &rc);
    assert_int_equal(rc, 0);
    assert_false(tokenizer_is_eog(t, 256));
    assert_true(tokenizer_is_eog(t, 257));
    assert_true(tokenizer_is_eog(t, 258));
    assert_false(tokenizer_is_eog(t, 259));
    assert_true(tokenizer_is_eog(t, 'x'));
    assert_int_equal(tokenizer_eos(t), -1); /* absent: none is made up */
    assert_true(tokenizer_add_bos(t));
    assert_int_equal(tokenizer_bos(t), 257);
    tokenizer_free(t);
}

/* ---- refusals ------------------------------------------------------------------------------------ */

/* Everything a tokenizer needs, with the parts that a case wants otherwise left out or replaced. */
struct bad_case {
    const char *name, *model, *pre;
    const char *merge;  /* the only one; NULL: the key is missing */
    const char *extra;  /* one token more */
    const char *id_key; /* an id that is out of range */
    void (*more)(struct gguf_build *b);
    int code;
    const char *part;
    bool no_vocab;
};

static void more_add_bos(struct gguf_build *b)
{
    gb_bool(b, "tokenizer.ggml.add_bos_token", 1);
}

static void more_empty_vocab(struct gguf_build *b)
{
    gb_strs(b, "tokenizer.ggml.tokens", NULL, 0);
}

static void more_huge_vocab(struct gguf_build *b)
{
    gb_key(b, "tokenizer.ggml.tokens", 9);
    gb_put_u32(b, 8);
    gb_put_u64(b, TOKENIZER_MAX_VOCAB + 1);
    for (size_t i = 0; i <= TOKENIZER_MAX_VOCAB; i++)
        gb_put_u64(b, 0);
}

static void more_wrong_vocab(struct gguf_build *b)
{
    gb_i32s(b, "tokenizer.ggml.tokens", (const int32_t[]){1, 2}, 2);
}

static void more_short_types(struct gguf_build *b)
{
    gb_strs(b, "tokenizer.ggml.tokens", (const char *const[]){"a", "b"}, 2);
    gb_i32s(b, "tokenizer.ggml.token_type", (const int32_t[]){1}, 1);
}

static void more_byte_types(struct gguf_build *b)
{
    gb_strs(b, "tokenizer.ggml.tokens", (const char *const[]){"a", "b"}, 2);
    gb_key(b, "tokenizer.ggml.token_type", 9);
    gb_put_u32(b, 0);
    gb_put_u64(b, 2);
    gb_put_u8(b, 1);
    gb_put_u8(b, 1);
}

static const struct bad_case BAD_CASES[] = {
    {.name = "no model key",
     .code = DOBBY_E_FORMAT,
     .part = "the file has none (key tokenizer.ggml.model)"},
    {.name = "model llama",
     .model = "llama",
     .code = DOBBY_E_UNSUPPORTED,
     .part = "\"llama\", which is not supported (supported: gpt2 with the pre-tokenizers smollm, "
             "qwen2)"},
    {.name = "model with escape",
     .model = "\x1b[2J",
     .code = DOBBY_E_UNSUPPORTED,
     .part = "is not supported"},
    {.name = "pre unknown",
     .model = "gpt2",
     .pre = "llama-bpe",
     .code = DOBBY_E_UNSUPPORTED,
     .part = "\"llama-bpe\", which is not supported (supported: smollm, qwen2)"},
    {.name = "pre missing",
     .model = "gpt2",
     .code = DOBBY_E_UNSUPPORTED,
     .part = "tokenizer.ggml.pre is \"\""},
    {.name = "tokens missing",
     .model = "gpt2",
     .pre = "qwen2",
     .no_vocab = true,
     .code = DOBBY_E_FORMAT,
     .part = "key tokenizer.ggml.tokens is missing"},
    {.name = "tokens empty",
     .model = "gpt2",
     .pre = "qwen2",
     .no_vocab = true,
     .more = more_empty_vocab,
     .code = DOBBY_E_FORMAT,
     .part = "has 0 entries"},
    {.name = "tokens too many",
     .model = "gpt2",
     .pre = "qwen2",
     .no_vocab = true,
     .more = more_huge_vocab,
     .code = DOBBY_E_FORMAT,
     .part = "has 1048577 entries"},
    {.name = "tokens of wrong type",
     .model = "gpt2",
     .pre = "qwen2",
     .no_vocab = true,
     .more = more_wrong_vocab,
     .code = DOBBY_E_FORMAT,
     .part = "array of i32, not array of string"},
    {.name = "types too few",
     .model = "gpt2",
     .pre = "qwen2",
     .no_vocab = true,
     .more = more_short_types,
     .code = DOBBY_E_FORMAT,
     .part = "token_type has 1 entries for 2 tokens"},
    {.name = "types as bytes",
     .model = "gpt2",
     .pre = "qwen2",
     .no_vocab = true,
     .more = more_byte_types,
     .code = DOBBY_E_FORMAT,
     .part = "array of u8, not array of i32"},
    {.name = "token twice",
     .model = "gpt2",
     .pre = "qwen2",
     .extra = "a",
     .merge = "a b",
     .code = DOBBY_E_FORMAT,
     .part = "tokens 97 and 256 have the same text \"a\""},
    {.name = "merges missing",
     .model = "gpt2",
     .pre = "qwen2",
     .extra = "ab",
     .code = DOBBY_E_FORMAT,
     .part = "key tokenizer.ggml.merges is missing"},
    {.name = "merge without space",
     .model = "gpt2",
     .pre = "qwen2",
     .extra = "ab",
     .merge = "ab",
     .code = DOBBY_E_FORMAT,
     .part = "merge 0 \"ab\" is not two tokens"},
    {.name = "merge with two spaces",
     .model = "gpt2",
     .pre = "qwen2",
     .extra = "ab",
     .merge = "a  b",
     .code = DOBBY_E_FORMAT,
     .part = "is not two tokens"},
    {.name = "merge ends in space",
     .model = "gpt2",
     .pre = "qwen2",
     .extra = "ab",
     .merge = "a ",
     .code = DOBBY_E_FORMAT,
     .part = "is not two tokens"},
    {.name = "merge empty",
     .model = "gpt2",
     .pre = "qwen2",
     .extra = "ab",
     .merge = "",
     .code = DOBBY_E_FORMAT,
     .part = "is not two tokens"},
    {.name = "merge of unknown left",
     .model = "gpt2",
     .pre = "qwen2",
     .extra = "ab",
     .merge = "zz b",
     .code = DOBBY_E_FORMAT,
     .part = "its left half is not a token"},
    {.name = "merge of unknown right",
     .model = "gpt2",
     .pre = "qwen2",
     .extra = "ab",
     .merge = "a zz",
     .code = DOBBY_E_FORMAT,
     .part = "its right half is not a token"},
    {.name = "merge of unknown result",
     .model = "gpt2",
     .pre = "qwen2",
     .extra = "ab",
     .merge = "b a",
     .code = DOBBY_E_FORMAT,
     .part = "what it makes is not a token"},
    {.name = "bos out of range",
     .model = "gpt2",
     .pre = "qwen2",
     .extra = "ab",
     .merge = "a b",
     .id_key = "tokenizer.ggml.bos_token_id",
     .code = DOBBY_E_FORMAT,
     .part = "bos_token_id is 257, but there are 257 tokens"},
    {.name = "eos out of range",
     .model = "gpt2",
     .pre = "qwen2",
     .extra = "ab",
     .merge = "a b",
     .id_key = "tokenizer.ggml.eos_token_id",
     .code = DOBBY_E_FORMAT,
     .part = "eos_token_id is 257, but there are 257 tokens"},
    {.name = "add_bos without bos",
     .model = "gpt2",
     .pre = "qwen2",
     .extra = "ab",
     .merge = "a b",
     .more = more_add_bos,
     .code = DOBBY_E_FORMAT,
     .part = "add_bos_token is set, but bos_token_id is missing"},
};

static void test_bad_case(void **state)
{
    const struct bad_case *c = *state;
    struct gguf_build b;
    struct dobby_err e = {0};
    struct tokenizer *t;
    int rc;

    gb_init(&b);
    if (c->model)
        gb_str(&b, "tokenizer.ggml.model", c->model);
    if (c->pre)
        gb_str(&b, "tokenizer.ggml.pre", c->pre);
    if (c->merge)
        gb_strs(&b, "tokenizer.ggml.merges", &c->merge, 1);
    if (!c->no_vocab)
        gb_vocab(&b, &c->extra, NULL, c->extra != NULL);
    if (c->id_key)
        gb_u32(&b, c->id_key, 257);
    if (c->more)
        c->more(&b);
    t = open_build(&b, &e, &rc);
    assert_null(t);
    if (rc != c->code || !strstr(e.message, c->part))
        fail_msg("got %d \"%s\", wanted %d \"...%s...\"", rc, e.message, c->code, c->part);
    assert_non_null(strstr(e.message, "small.gguf"));
    assert_null(strpbrk(e.message, "\n\x1b"));
}

static void test_no_memory(void **state)
{
    static char text[400];
    struct gguf_build b;
    struct gguf g;
    size_t n = 0, size;
    int rc;

    (void)state;
    memset(text, 'a', sizeof(text)); /* one long piece: the heap's way */
    memcpy(text + 10, "<hello>", 7);
    gb_init(&b);
    make_small(&b);
    gb_finish(&b, &size);
    assert_int_equal(gguf_parse(&g, b.image.s, size, "small.gguf", NULL), 0);
    do {
        struct tokenizer *t = NULL;
        struct token_list l = {0};
        struct dobby_err e = {0};

        fault_count(true);
        fault_arm(FAULT_ALLOC, ++n, false);
        rc = tokenizer_new(&t, &g, &e);
        if (rc == 0)
            rc = tokenizer_encode(t, text, sizeof(text), false, &l, &e);
        assert_true(rc == 0 || rc == DOBBY_E_NOMEM);
        assert_int_equal(rc, e.code);
        assert_true(rc == 0 || l.n == 0);
        token_list_release(&l);
        tokenizer_free(t);
        assert_int_equal(fault_live(), 0);
        fault_count(false);
    } while (fault_disarm(FAULT_ALLOC));
    assert_true(rc == 0 && n > 10);
    gguf_release(&g);
    gb_release(&b);
}

static void test_text_too_long(void **state)
{
    struct tokenizer *t = open_small();
    struct token_list l = {0};
    struct dobby_err e = {0};

    (void)state;
    /* The length is refused before the text is looked at. */
    assert_int_equal(tokenizer_encode(t, "", (size_t)TOKENIZER_MAX_TEXT + 1, false, &l, &e),
                     DOBBY_E_LIMIT);
    assert_non_null(strstr(e.message, "shorten it"));
    tokenizer_free(t);
}

/* ---- SmolLM2 ------------------------------------------------------------------------------------- */

static struct gguf smol;
static struct tokenizer *smol_t;

static int set_up_smol(void **state)
{
    (void)state;
    if (gguf_open(&smol, model_path(MODEL_SMOLLM2), NULL) < 0)
        return -1;
    return tokenizer_new(&smol_t, &smol, NULL);
}

static int tear_down_smol(void **state)
{
    (void)state;
    tokenizer_free(smol_t);
    gguf_release(&smol);
    return 0;
}

static void test_smollm2_vectors(void **state)
{
    size_t n;

    (void)state;
    n = check_token_vectors(smol_t, "tests/data/tokenizer-smollm2-135m.jsonl");
    assert_int_equal(n, 430);
    print_message("# note: %zu texts, all ids equal\n", n);
}

static void test_smollm2_ends(void **state)
{
    (void)state;
    for (int32_t id = 0; id < (int32_t)tokenizer_n_vocab(smol_t); id++)
        assert_int_equal(tokenizer_is_eog(smol_t, id), id == 0 || id == 2 || id == 4);
}

/* Merging by the book, for words of plain letters: strings in place of ids, all pairs looked at each time. */
struct book {
    struct hsearch_data rank;
};

static char *append(char *to, const char *s)
{
    memmove(to + strlen(to), s, strlen(s) + 1);
    return to;
}

static size_t merge_by_book(struct book *bk, const char *s, size_t n, char part[][64])
{
    size_t n_part = n;

    for (size_t i = 0; i < n; i++) {
        part[i][0] = s[i];
        part[i][1] = '\0';
    }
    for (;;) {
        size_t best = SIZE_MAX, at = 0;

        for (size_t i = 0; i + 1 < n_part; i++) {
            char key[160] = "";
            ENTRY *found = NULL;

            append(append(append(key, part[i]), " "), part[i + 1]);
            if (hsearch_r((ENTRY){.key = key}, FIND, &found, &bk->rank) &&
                (size_t)(uintptr_t)found->data < best) {
                best = (size_t)(uintptr_t)found->data;
                at = i;
            }
        }
        if (best == SIZE_MAX)
            return n_part;
        append(part[at], part[at + 1]);
        memmove(part[at + 1], part[at + 2], (n_part - at - 2) * sizeof(part[0]));
        n_part--;
    }
}

static void open_book(struct book *bk, struct strbuf *names)
{
    struct gguf_array merges;
    size_t pos = 0;

    assert_int_equal(gguf_get_array(&smol, "tokenizer.ggml.merges", GGUF_STRING, &merges, NULL), 0);
    for (size_t i = 0; i < merges.count; i++) {
        size_t len;
        const char *s = gguf_array_str(&merges, i, &len);

        strbuf_add(names, s, len);
        strbuf_putc(names, '\0');
    }
    assert_false(strbuf_failed(names));
    memset(&bk->rank, 0, sizeof(bk->rank));
    assert_true(hcreate_r(2 * merges.count, &bk->rank));
    for (size_t i = 0; i < merges.count; i++, pos += strlen(names->s + pos) + 1) {
        ENTRY *entry;

        assert_true(hsearch_r((ENTRY){.key = names->s + pos, .data = (void *)(uintptr_t)i}, ENTER,
                              &entry, &bk->rank));
    }
}

/* Both ways of merging, below and above the limit of the small one. */
static void test_merging_by_the_book(void **state)
{
    static char part[200][64];
    static const char letters[] = "eeeeetttaaaoooiinnsshhrdlucmfwypvbgkqjxzETAO_";
    struct book bk;
    struct strbuf names = {0};
    uint32_t seed = 12345;

    (void)state;
    open_book(&bk, &names);
    for (int round = 0; round < 400; round++) {
        char s[200];
        size_t n = 2 + (size_t)round % 150, n_part, pos = 0;
        struct token_list l = {0};

        for (size_t i = 0; i < n; i++) {
            seed = seed * 1664525u + 1013904223u;
            s[i] = letters[(seed >> 16) % (round % 3 ? sizeof(letters) - 2
                                                     : 6)]; /* few letters: many equal pairs */
        }
        n_part = merge_by_book(&bk, s, n, part);
        assert_int_equal(tokenizer_encode(smol_t, s, n, false, &l, NULL), 0);
        assert_int_equal(l.n, n_part);
        for (size_t i = 0; i < l.n; i++) {
            size_t len;
            const char *b = tokenizer_bytes(smol_t, l.id[i], &len);

            assert_int_equal(len, strlen(part[i]));
            assert_memory_equal(b, part[i], len);
            pos += len;
        }
        assert_int_equal(pos, n);
        token_list_release(&l);
    }
    hdestroy_r(&bk.rank);
    strbuf_release(&names);
}

/* A megabyte without a break: a naive merge would take hours. */
static void test_long_piece(void **state)
{
    size_t n = 1 << 20;
    char *s = malloc(n);
    struct token_list l = {0};
    struct strbuf back = {0};
    uint32_t seed = 1;

    (void)state;
    assert_non_null(s);
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        s[i] = (char)('a' + (seed >> 16) % 26);
    }
    assert_int_equal(tokenizer_encode(smol_t, s, n, false, &l, NULL), 0);
    decode_tokens(smol_t, &l, &back);
    assert_int_equal(back.len, n);
    assert_memory_equal(back.s, s, n);
    strbuf_release(&back);
    token_list_release(&l);
    free(s);
}

/* Any bytes come back, but for those that this vocabulary has no token for. */
static void test_any_bytes(void **state)
{
    static const char missing[] =
        "\x04\x06\x13\x14\x16\x1d\xc0\xc1\xf1\xf2\xf5\xf6\xf7\xf8\xf9\xfa\xfb\xfc\xfd\xfe\xff";
    uint32_t seed = 99;

    (void)state;
    for (int round = 0; round < 300; round++) {
        char s[256], want[256];
        size_t n = (size_t)round % sizeof(s), n_want = 0;
        struct token_list l = {0};
        struct strbuf back = {0};

        for (size_t i = 0; i < n; i++) {
            seed = seed * 1664525u + 1013904223u;
            s[i] = (char)(round & 1 ? seed >> 24 : 0x20 + (seed >> 24) % 0x60);
            if (!memchr(missing, s[i], sizeof(missing) - 1))
                want[n_want++] = s[i];
        }
        assert_int_equal(tokenizer_encode(smol_t, s, n, false, &l, NULL), 0);
        decode_tokens(smol_t, &l, &back);
        assert_int_equal(back.len, n_want);
        assert_memory_equal(strbuf_str(&back), want, n_want);
        strbuf_release(&back);
        token_list_release(&l);
    }
}

struct shared_text {
    const char *s;
    size_t n;
    struct token_list out[8];
};

static void encode_shared(void *ctx, size_t i)
{
    struct shared_text *x = ctx;

    for (int k = 0; k < 20; k++) {
        x->out[i].n = 0;
        if (tokenizer_encode(smol_t, x->s, x->n, true, &x->out[i], NULL) < 0)
            x->out[i].n = 0;
    }
}

static void test_many_threads(void **state)
{
    struct shared_text x = {0};
    size_t n;
    char *s = get_file("tests/data/tokenizer-smollm2-135m.jsonl", &n);

    (void)state;
    x.s = s;
    x.n = n;
    thread_parallel(8, 8, encode_shared, &x);
    assert_true(x.out[0].n > 1000);
    for (size_t i = 1; i < 8; i++) {
        assert_int_equal(x.out[i].n, x.out[0].n);
        assert_memory_equal(x.out[i].id, x.out[0].id, x.out[0].n * sizeof(int32_t));
    }
    for (size_t i = 0; i < 8; i++)
        token_list_release(&x.out[i]);
    free(s);
}

int main(void)
{
    const struct CMUnitTest fixed[] = {
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_split_names),
        cmocka_unit_test(test_merge_order),
        cmocka_unit_test(test_special_only_where_asked),
        cmocka_unit_test(test_special_overlap),
        cmocka_unit_test(test_questions),
        cmocka_unit_test(test_end_of_generation),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_text_too_long),
        cmocka_unit_test(test_smollm2_vectors),
        cmocka_unit_test(test_smollm2_ends),
        cmocka_unit_test(test_merging_by_the_book),
        cmocka_unit_test(test_long_piece),
        cmocka_unit_test(test_any_bytes),
        cmocka_unit_test(test_many_threads),
    };
    struct CMUnitTest tests[ARRAY_LEN(fixed) + ARRAY_LEN(BAD_CASES)];
    size_t n = ARRAY_LEN(fixed);

    memcpy(tests, fixed, sizeof(fixed));
    for (size_t i = 0; i < ARRAY_LEN(BAD_CASES); i++)
        tests[n++] = (struct CMUnitTest){.name = BAD_CASES[i].name,
                                         .test_func = test_bad_case,
                                         .initial_state = (void *)(uintptr_t)&BAD_CASES[i]};
    return _cmocka_run_group_tests("tokenizer", tests, n, set_up_smol, tear_down_smol);
}
