/* test_gguf.c - right files are read as they are, wrong ones are refused with the message that fits.
 * The malformed corpus is built in code: a function a case, each a named test with the code and a part of the message. */
#include "llm/gguf.h"

#include "base/fault.h"
#include "base/size.h"
#include "support/gguf_build.h"
#include "support/models.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    F32 = 0,
    Q4_0 = 2,
    U8 = 0,
    I8 = 1,
    U32 = 4,
    I32 = 5,
    BOOL = 7,
    STRING = 8,
    ARRAY = 9,
    U64 = 10,
    I64 = 11,
    F64 = 12
};

/* ---- a right file ------------------------------------------------------------------------------ */

static const float WEIGHTS[8] = {0, 1, -2, 3.5f, 4, 5, 6, 7};

static void make_good(struct gguf_build *b)
{
    static const char *const words[] = {"one", "", "drei"};
    static const int32_t numbers[] = {7, -8, 9};
    static const uint8_t block[36] = {0x00, 0x3C, 0x88};

    gb_str(b, "general.architecture", "llama");
    gb_str(b, "general.name", "a name");
    gb_u32(b, "llama.block_count", 30);
    gb_f32(b, "llama.rope.freq_base", 10000.0f);
    gb_bool(b, "yes", 1);
    gb_bool(b, "no", 0);
    gb_strs(b, "words", words, ARRAY_LEN(words));
    gb_i32s(b, "numbers", numbers, ARRAY_LEN(numbers));
    gb_key(b, "tiny", I8);
    gb_put_u8(b, 0x85);
    gb_key(b, "small", U8);
    gb_put_u8(b, 200);
    gb_key(b, "large", U64);
    gb_put_u64(b, 1ull << 32);
    gb_key(b, "signed", I64);
    gb_put_u64(b, UINT32_MAX);
    gb_key(b, "double", F64);
    gb_put_u64(b, 0x3FF8000000000000u); /* 1.5 */
    gb_u32(b, "general.quantization_version", 2);
    gb_tensor(b, "token_embd.weight", F32, 2, (uint64_t[]){4, 2}, WEIGHTS, sizeof(WEIGHTS));
    gb_tensor(b, "blk.0.ffn_up.weight", Q4_0, 2, (uint64_t[]){32, 2}, block, sizeof(block));
    gb_tensor(b, "output_norm.weight", F32, 1, (uint64_t[]){3}, WEIGHTS, 12);
}

/* Touch every byte that the view offers, so that a sanitizer sees a wrong range. */
static uint64_t touch(const struct gguf *g)
{
    static float row[QUANT_MAX_BLOCK];
    uint64_t sum = 0;

    for (size_t i = 0; i < g->n_kv; i++) {
        const struct gguf_kv *kv = &g->kv[i];

        for (size_t k = 0; k < kv->size; k++)
            sum += ((const unsigned char *)kv->data)[k];
        for (size_t k = 0, n;
             kv->type == GGUF_ARRAY && kv->array.type == GGUF_STRING && k < kv->array.count; k++) {
            const char *s = gguf_array_str(&kv->array, k, &n);

            for (size_t j = 0; j < n; j++)
                sum += (unsigned char)s[j];
        }
        assert_ptr_equal(gguf_find_kv(g, kv->key), kv);
    }
    for (size_t i = 0; i < g->n_tensors; i++) {
        const struct gguf_tensor *t = &g->tensor[i];
        size_t len = quant_block_len(t->type), bytes = quant_block_bytes(t->type);

        for (size_t at = 0; at < t->size; at += bytes) {
            quant_dequantize(t->type, (const char *)t->data + at, row, len);
            sum += f32_bits(row[len - 1]);
        }
        assert_ptr_equal(gguf_find_tensor(g, t->name), t);
    }
    return sum;
}

static void test_good_file(void **state)
{
    struct gguf_build b;
    struct gguf g;
    struct dobby_err e = {0};
    struct strbuf types = {0};
    const struct gguf_tensor *t;
    size_t size;
    const void *image;

    (void)state;
    gb_init(&b);
    make_good(&b);
    image = gb_finish(&b, &size);
    assert_int_equal(gguf_parse(&g, image, size, "good.gguf", &e), 0);
    assert_string_equal(e.message, "");
    assert_int_equal(g.version, 3);
    assert_int_equal(g.n_kv, 14);
    assert_int_equal(g.n_tensors, 3);
    assert_int_equal(g.n_params, 8 + 64 + 3);
    assert_int_equal(g.data_pos % 32, 0);
    t = gguf_find_tensor(&g, "token_embd.weight");
    assert_non_null(t);
    assert_int_equal(t->dim[0], 4);
    assert_int_equal(t->dim[1], 2);
    assert_int_equal(t->dim[2] * t->dim[3], 1);
    assert_int_equal(t->size, 32);
    assert_memory_equal(t->data, WEIGHTS, 32);
    assert_ptr_equal(t->data, (const char *)image + t->pos);
    t = gguf_find_tensor(&g, "blk.0.ffn_up.weight");
    assert_int_equal(t->type, QUANT_Q4_0);
    assert_int_equal(t->size, 36);
    assert_null(gguf_find_tensor(&g, "output.weight"));
    gguf_put_tensor_types(&g, &types);
    assert_string_equal(strbuf_str(&types), "F32:2 Q4_0:1");
    strbuf_release(&types);
    touch(&g);
    assert_int_equal(gguf_check_unchanged(&g, &e), 0);
    gguf_release(&g);
    gguf_release(&g); /* twice is fine */
    gb_release(&b);
}

static void test_version_2(void **state)
{
    struct gguf_build b;
    struct gguf g;
    size_t size;

    (void)state;
    gb_init(&b);
    make_good(&b);
    b.version = 2;
    gb_finish(&b, &size);
    assert_int_equal(gguf_parse(&g, b.image.s, size, "v2", NULL), 0);
    gguf_release(&g);
    gb_release(&b);
}

static void test_alignment_64(void **state)
{
    struct gguf_build b;
    struct gguf g;
    size_t size;

    (void)state;
    gb_init(&b);
    b.alignment = 64;
    gb_u32(&b, "general.alignment", 64);
    gb_tensor(&b, "a", F32, 1, (uint64_t[]){1}, WEIGHTS, 4);
    gb_tensor(&b, "b", F32, 1, (uint64_t[]){2}, WEIGHTS, 8);
    gb_finish(&b, &size);
    assert_int_equal(gguf_parse(&g, b.image.s, size, "a64", NULL), 0);
    assert_int_equal(g.alignment, 64);
    assert_int_equal(gguf_find_tensor(&g, "b")->pos - gguf_find_tensor(&g, "a")->pos, 64);
    gguf_release(&g);
    gb_release(&b);
}

/* Gaps and another order than the file's are unusual, not wrong. */
static void test_any_order_of_tensors(void **state)
{
    struct gguf_build b;
    struct gguf g;
    size_t size;

    (void)state;
    gb_init(&b);
    gb_info(&b, "late", F32, 1, (uint64_t[]){2}, 96);
    gb_info(&b, "early", F32, 1, (uint64_t[]){1}, 0);
    strbuf_add(&b.data, (char[104]){0}, 104);
    gb_finish(&b, &size);
    assert_int_equal(gguf_parse(&g, b.image.s, size, "order", NULL), 0);
    assert_string_equal(g.tensor[0].name, "late"); /* file order is kept */
    gguf_release(&g);
    gb_release(&b);
}

static void test_metadata_only(void **state)
{
    struct gguf_build b;
    struct gguf g;
    size_t size;

    (void)state;
    gb_init(&b);
    gb_u32(&b, "k", 1);
    gb_finish(&b, &size);
    assert_int_equal(gguf_parse(&g, b.image.s, size, "kv", NULL), 0);
    assert_int_equal(g.n_tensors, 0);
    assert_null(gguf_find_tensor(&g, "x"));
    gguf_release(&g);
    gb_release(&b);
}

/* ---- getters ----------------------------------------------------------------------------------- */

static struct gguf_build good_build;
static struct gguf good;

static int set_up_good(void **state)
{
    size_t size;

    (void)state;
    gb_init(&good_build);
    make_good(&good_build);
    gb_finish(&good_build, &size);
    return gguf_parse(&good, good_build.image.s, size, "good.gguf", NULL);
}

static int tear_down_good(void **state)
{
    (void)state;
    gguf_release(&good);
    gb_release(&good_build);
    return 0;
}

static void test_integers(void **state)
{
    uint32_t v = 77;
    struct dobby_err e = {0};

    (void)state;
    assert_int_equal(gguf_get_u32(&good, "llama.block_count", &v, &e), 0);
    assert_int_equal(v, 30);
    assert_int_equal(gguf_get_u32(&good, "small", &v, &e), 0);
    assert_int_equal(v, 200);
    assert_int_equal(gguf_get_u32(&good, "signed", &v, &e), 0);
    assert_int_equal(v, UINT32_MAX);
    assert_int_equal(gguf_get_u32(&good, "absent", &v, &e), DOBBY_E_NOTFOUND);
    assert_int_equal(v, UINT32_MAX);                                       /* untouched */
    assert_int_equal(e.code, 0);                                           /* and silent */
    assert_int_equal(gguf_get_u32(&good, "tiny", &v, &e), DOBBY_E_FORMAT); /* negative */
    assert_non_null(strstr(e.message, "good.gguf: byte "));
    assert_non_null(strstr(e.message, "key tiny is of type i8, not an integer from 0"));
    assert_int_equal(gguf_get_u32(&good, "large", &v, NULL), DOBBY_E_FORMAT);
    assert_int_equal(gguf_get_u32(&good, "general.name", &v, NULL), DOBBY_E_FORMAT);
    assert_int_equal(gguf_get_u32(&good, "yes", &v, NULL), DOBBY_E_FORMAT);
    assert_int_equal(gguf_get_u32(&good, "double", &v, NULL), DOBBY_E_FORMAT);
    assert_int_equal(v, UINT32_MAX);
}

static void test_integer_per_layer(void **state)
{
    uint32_t v = 0;
    struct dobby_err e = {0};

    (void)state;
    assert_int_equal(gguf_get_u32_at(&good, "numbers", 2, &v, &e), 0);
    assert_int_equal(v, 9);
    assert_int_equal(gguf_get_u32_at(&good, "llama.block_count", 12, &v, &e),
                     0); /* the same for all */
    assert_int_equal(v, 30);
    assert_int_equal(gguf_get_u32_at(&good, "absent", 0, &v, &e), DOBBY_E_NOTFOUND);
    assert_int_equal(e.code, 0);
    assert_int_equal(gguf_get_u32_at(&good, "numbers", 1, &v, NULL), DOBBY_E_FORMAT); /* -8 */
    assert_int_equal(gguf_get_u32_at(&good, "words", 0, &v, NULL), DOBBY_E_FORMAT);
    assert_int_equal(gguf_get_u32_at(&good, "numbers", 3, &v, &e), DOBBY_E_FORMAT);
    assert_non_null(strstr(e.message, "key numbers has 3 elements"));
}

static void test_other_scalars(void **state)
{
    float f = 0;
    bool y = false, n = true;
    const char *s = NULL;
    size_t len = 0;
    struct dobby_err e = {0};

    (void)state;
    assert_int_equal(gguf_get_f32(&good, "llama.rope.freq_base", &f, &e), 0);
    assert_true(f == 10000.0f);
    assert_int_equal(gguf_get_f32(&good, "double", &f, &e), 0);
    assert_true(f == 1.5f);
    assert_int_equal(gguf_get_bool(&good, "yes", &y, &e), 0);
    assert_int_equal(gguf_get_bool(&good, "no", &n, &e), 0);
    assert_true(y && !n);
    assert_int_equal(gguf_get_str(&good, "general.name", &s, &len, &e), 0);
    assert_int_equal(len, 6);
    assert_memory_equal(s, "a name", 6);
    assert_int_equal(gguf_get_f32(&good, "absent", &f, &e), DOBBY_E_NOTFOUND);
    assert_int_equal(gguf_get_bool(&good, "absent", &y, &e), DOBBY_E_NOTFOUND);
    assert_int_equal(gguf_get_str(&good, "absent", &s, &len, &e), DOBBY_E_NOTFOUND);
    assert_int_equal(e.code, 0);
    assert_int_equal(gguf_get_f32(&good, "llama.block_count", &f, NULL), DOBBY_E_FORMAT);
    assert_int_equal(gguf_get_bool(&good, "small", &y, NULL), DOBBY_E_FORMAT);
    assert_int_equal(gguf_get_str(&good, "words", &s, &len, &e), DOBBY_E_FORMAT);
    assert_non_null(strstr(e.message, "key words is of type array of string, not string"));
}

static void test_arrays(void **state)
{
    struct gguf_array a;
    size_t len;
    struct dobby_err e = {0};

    (void)state;
    assert_int_equal(gguf_get_array(&good, "words", GGUF_STRING, &a, &e), 0);
    assert_int_equal(a.count, 3);
    assert_memory_equal(gguf_array_str(&a, 2, &len), "drei", 4);
    assert_int_equal(len, 4);
    (void)gguf_array_str(&a, 1, &len);
    assert_int_equal(len, 0);
    assert_int_equal(gguf_get_array(&good, "numbers", GGUF_I32, &a, &e), 0);
    assert_int_equal(gguf_array_i32(&a, 1), -8);
    assert_int_equal(gguf_get_array(&good, "absent", GGUF_I32, &a, &e), DOBBY_E_NOTFOUND);
    assert_int_equal(e.code, 0);
    assert_int_equal(gguf_get_array(&good, "yes", GGUF_I32, &a, NULL), DOBBY_E_FORMAT);
    assert_int_equal(gguf_get_array(&good, "numbers", GGUF_U32, &a, &e),
                     DOBBY_E_FORMAT); /* never reinterpreted */
    assert_non_null(strstr(e.message, "array of i32, not array of u32"));
}

/* ---- the malformed corpus ------------------------------------------------------------------------ */

static void tensor(struct gguf_build *b, uint32_t type, uint32_t n_dims, const uint64_t *dim,
                   uint64_t offset)
{
    gb_info(b, "t", type, n_dims, dim, offset);
    strbuf_add(&b->data, (char[64]){0}, 64);
}

static void two_tensors(struct gguf_build *b, const char *n1, uint64_t o1, const char *n2,
                        uint64_t o2)
{
    gb_info(b, n1, F32, 1, (uint64_t[]){8}, o1);
    gb_info(b, n2, F32, 1, (uint64_t[]){8}, o2);
    strbuf_add(&b->data, (char[64]){0}, 64);
}

#define CASE(name) static void bad_##name(struct gguf_build *b)

CASE(magic)
{
    memcpy(b->magic, "GGUG", 4);
}
CASE(old_ggml)
{
    memcpy(b->magic, "lmgg", 4);
}
CASE(old_ggjt)
{
    memcpy(b->magic, "tjgg", 4);
}
CASE(zip)
{
    memcpy(b->magic, "PK\003\004", 4);
}
CASE(web_page)
{
    memcpy(b->magic, "<!DO", 4);
}
CASE(big_endian)
{
    b->version = 0x03000000;
}
CASE(version_0)
{
    b->version = 0;
}
CASE(version_1)
{
    b->version = 1;
}
CASE(version_4)
{
    b->version = 4;
}
CASE(n_tensors_huge)
{
    b->n_tensors = UINT64_MAX;
}
CASE(n_tensors_negative)
{
    gb_u32(b, "k", 1);
    b->n_tensors = (uint64_t)INT64_MIN;
}
CASE(n_kv_huge)
{
    b->n_kv = 1ull << 60;
}
CASE(n_kv_one_more)
{
    gb_u32(b, "k", 1);
    b->n_kv = 2;
}
CASE(too_many_keys)
{
    b->n_kv = GGUF_MAX_KEYS + 1;
    for (unsigned i = 0; i < 14 * (GGUF_MAX_KEYS + 1); i++)
        strbuf_putc(&b->kv, 'x');
}
CASE(too_many_tensors)
{
    b->n_tensors = GGUF_MAX_TENSORS + 1;
    for (unsigned i = 0; i < 33 * (GGUF_MAX_TENSORS + 1); i++)
        strbuf_putc(&b->kv, 'x');
}
CASE(key_empty)
{
    gb_u32(b, "", 1);
}
CASE(key_control_byte)
{
    gb_u32(b, "evil\x1b[31m", 1);
}
CASE(key_not_ascii)
{
    gb_u32(b, "sch\xc3\xb6n", 1);
}
CASE(key_with_nul)
{
    gb_put_str(b, "a\0b", 3);
    gb_put_u32(b, U32);
    gb_put_u32(b, 1);
    b->n_kv++;
}
CASE(key_length_huge)
{
    gb_put_u64(b, UINT64_MAX); /* +1 would wrap to 0 */
    gb_put_u64(b, 0);
    b->n_kv++;
}
CASE(key_too_long)
{
    static char key[GGUF_MAX_KEY + 2];

    memset(key, 'k', sizeof(key) - 1);
    gb_u32(b, key, 1);
}
CASE(key_duplicate)
{
    gb_u32(b, "twice", 1);
    gb_u32(b, "once", 1);
    gb_str(b, "twice", "x");
}
CASE(type_unknown)
{
    gb_key(b, "k", 13);
    gb_put_u64(b, 0);
}
CASE(value_missing)
{
    gb_key(b, "a.key.of.some.length", U64);
    gb_put_u8(b, 0);
}
CASE(string_length_huge)
{
    gb_key(b, "k", STRING);
    gb_put_u64(b, UINT64_MAX);
}
CASE(string_length_signed)
{
    gb_key(b, "k", STRING);
    gb_put_u64(b, 0x80000000u); /* a negative length where someone casts to int */
}
CASE(string_too_long)
{
    gb_key(b, "k", STRING);
    gb_put_u64(b, GGUF_MAX_STRING + 1);
    for (unsigned i = 0; i <= GGUF_MAX_STRING; i++)
        gb_put_u8(b, 'x');
}
CASE(bool_two)
{
    gb_bool(b, "k", 2);
}
CASE(bool_array_two)
{
    gb_key(b, "k", ARRAY);
    gb_put_u32(b, BOOL);
    gb_put_u64(b, 3);
    gb_put_u8(b, 0);
    gb_put_u8(b, 1);
    gb_put_u8(b, 2);
}
CASE(array_nested)
{
    gb_key(b, "k", ARRAY);
    gb_put_u32(b, ARRAY);
    gb_put_u64(b, 1);
    gb_put_u64(b, 0);
}
CASE(array_type_unknown)
{
    gb_key(b, "k", ARRAY);
    gb_put_u32(b, 99);
    gb_put_u64(b, 1);
    gb_put_u64(b, 0);
}
CASE(array_count_2_63)
{
    gb_key(b, "k", ARRAY);
    gb_put_u32(b, U8);
    gb_put_u64(b, 1ull << 63);
}
CASE(array_count_beyond_file)
{
    gb_key(b, "k", ARRAY);
    gb_put_u32(b, U32);
    gb_put_u64(b, 3);
    gb_put_u64(b, 0);
}
CASE(array_strings_beyond_file)
{
    gb_key(b, "k", ARRAY);
    gb_put_u32(b, STRING);
    gb_put_u64(b, 3);
    gb_put_u64(b, 0);
    gb_put_u64(b, 0);
}
CASE(array_string_length)
{
    gb_key(b, "k", ARRAY);
    gb_put_u32(b, STRING);
    gb_put_u64(b, 2);
    gb_put_str(b, "fine", 4);
    gb_put_u64(b, (uint64_t)-8);
}
CASE(array_string_too_long)
{
    gb_key(b, "k", ARRAY);
    gb_put_u32(b, STRING);
    gb_put_u64(b, 1);
    gb_put_u64(b, GGUF_MAX_STRING + 1);
    for (unsigned i = 0; i <= GGUF_MAX_STRING; i++)
        gb_put_u8(b, 'x');
}
CASE(array_header_cut)
{
    gb_key(b, "k", ARRAY);
    gb_put_u32(b, U32);
}
CASE(alignment_type)
{
    gb_key(b, "general.alignment", U64);
    gb_put_u64(b, 32);
}
CASE(alignment_zero)
{
    gb_u32(b, "general.alignment", 0);
}
CASE(alignment_odd)
{
    gb_u32(b, "general.alignment", 48);
}
CASE(alignment_huge)
{
    gb_u32(b, "general.alignment", 1u << 31);
}
CASE(split)
{
    gb_key(b, "split.count", 2 /* u16 */);
    gb_put_u8(b, 3);
    gb_put_u8(b, 0);
}
CASE(split_type)
{
    gb_str(b, "split.count", "three");
}
CASE(tensor_name_empty)
{
    gb_info(b, "", F32, 2, (uint64_t[]){1, 1}, 0); /* two, or the count check finds it too short */
}
CASE(tensor_name_long)
{
    gb_info(b, "a.tensor.name.of.sixty-four.bytes.which.is.one.more.than.allowed", F32, 1,
            (uint64_t[]){1}, 0);
}
CASE(tensor_name_length_huge)
{
    gb_info(b, "t", F32, 1, (uint64_t[]){1}, 0);
    memset(b->info.s, 0xFF, 8);
}
CASE(tensor_name_byte)
{
    gb_info(b, "t\n", F32, 1, (uint64_t[]){1}, 0);
}
CASE(dims_none)
{
    tensor(b, F32, 0, NULL, 0);
    strbuf_add(&b->info, "12345678", 8); /* the count check wants 33 bytes a tensor */
}
CASE(dims_five)
{
    tensor(b, F32, 5, (uint64_t[]){1, 1, 1, 1, 1}, 0);
}
CASE(dim_zero)
{
    tensor(b, F32, 2, (uint64_t[]){4, 0}, 0);
}
CASE(dim_negative)
{
    tensor(b, F32, 1, (uint64_t[]){UINT64_MAX}, 0);
}
CASE(dims_overflow)
{
    tensor(b, F32, 3, (uint64_t[]){1ull << 31, 1ull << 31, 4}, 0);
}
CASE(bytes_overflow)
{
    tensor(b, F32, 2, (uint64_t[]){1ull << 32, (1ull << 31) - 1}, 0);
}
CASE(bytes_overflow_by_padding)
{
    tensor(b, F32, 1, (uint64_t[]){(1ull << 62) - 1}, 0);
}
CASE(tensor_type_retired)
{
    tensor(b, 4, 1, (uint64_t[]){32}, 0);
}
CASE(tensor_type_beyond)
{
    tensor(b, 100000, 1, (uint64_t[]){32}, 0);
}
CASE(tensor_type_unsupported)
{
    tensor(b, 16, 1, (uint64_t[]){256}, 0);
}
CASE(tensor_type_activation)
{
    tensor(b, 9, 1, (uint64_t[]){32}, 0);
}
CASE(row_not_whole_blocks)
{
    tensor(b, Q4_0, 2, (uint64_t[]){33, 1}, 0);
}
CASE(offset_misaligned)
{
    tensor(b, F32, 1, (uint64_t[]){1}, 4);
}
CASE(offset_beyond_file)
{
    tensor(b, F32, 1, (uint64_t[]){1}, 1ull << 40);
}
CASE(offset_near_wrap)
{
    tensor(b, F32, 1, (uint64_t[]){8}, UINT64_MAX - 31);
}
CASE(tensor_larger_than_file)
{
    tensor(b, F32, 1, (uint64_t[]){1ull << 30}, 0);
}
CASE(cut_short)
{
    tensor(b, F32, 1, (uint64_t[]){16}, 0);
    b->cut = 1;
}
CASE(cut_before_data)
{
    gb_info(b, "t", F32, 1, (uint64_t[]){1}, 0);
}
CASE(cut_in_info)
{
    gb_info(b, "t", F32, 1, (uint64_t[]){1}, 0);
    gb_info(b, "longer.name.so.that.the.count.is.believed", F32, 4, (uint64_t[]){1, 1, 1, 1}, 0);
    b->cut = 20;
}
CASE(overlap)
{
    two_tensors(b, "a", 0, "b", 0);
}
CASE(tensor_duplicate)
{
    two_tensors(b, "a", 0, "a", 32);
}
CASE(quantization_version)
{
    gb_u32(b, "general.quantization_version", 1);
    tensor(b, Q4_0, 1, (uint64_t[]){32}, 0);
}
struct bad_case {
    const char *name;
    void (*make)(struct gguf_build *b);
    int code;
    const char *part; /* of the message */
};

#define BAD(name, code, part)                                                                      \
    {                                                                                              \
#name, bad_##name, DOBBY_E_##code, part                                                    \
    }
static const struct bad_case BAD_CASES[] = {
    BAD(magic, FORMAT, "byte 0: not a GGUF file: it begins with 47 47 55 47"),
    BAD(old_ggml, FORMAT, "older than GGUF"),
    BAD(old_ggjt, FORMAT, "older than GGUF"),
    BAD(zip, FORMAT, "zip archive"),
    BAD(web_page, FORMAT, "web page"),
    BAD(big_endian, UNSUPPORTED, "big-endian"),
    BAD(version_0, FORMAT, "version 0 does not exist"),
    BAD(version_1, UNSUPPORTED, "version 1 is not supported (supported: 2 and 3)"),
    BAD(version_4, UNSUPPORTED, "version 4 is not supported"),
    BAD(n_tensors_huge, FORMAT, "byte 8: 18446744073709551615 tensors are declared"),
    BAD(n_tensors_negative, FORMAT, "tensors are declared, more than"),
    BAD(n_kv_huge, FORMAT, "byte 16: 1152921504606846976 keys are declared"),
    BAD(n_kv_one_more, FORMAT, "2 keys are declared, more than the 17 bytes"),
    BAD(too_many_keys, FORMAT, "too many keys (65537, limit 65536)"),
    BAD(too_many_tensors, FORMAT, "too many tensors (65537, limit 65536)"),
    BAD(key_empty, FORMAT, "byte 24: a key is empty"),
    BAD(key_control_byte, FORMAT, "holds the byte 0x1b"),
    BAD(key_not_ascii, FORMAT, "holds the byte 0xc3"),
    BAD(key_with_nul, FORMAT, "holds the byte 0x00"),
    BAD(key_length_huge, FORMAT, "a key has a length of 18446744073709551615 bytes"),
    BAD(key_too_long, FORMAT, "a key is too long (65536 bytes, limit 65535)"),
    BAD(key_duplicate, FORMAT, "key twice occurs twice"),
    BAD(type_unknown, FORMAT, "key k: unknown value type 13"),
    BAD(value_missing, FORMAT, "the file ends inside a value"),
    BAD(string_length_huge, FORMAT,
        "the string of key k has a length of 18446744073709551615 bytes"),
    BAD(string_length_signed, FORMAT, "the string of key k has a length of 2147483648 bytes"),
    BAD(string_too_long, FORMAT, "the string of key k is too long (1048577 bytes, limit 1048576)"),
    BAD(bool_two, FORMAT, "key k: a bool has the value 2"),
    BAD(bool_array_two, FORMAT, "key k: a bool has the value 2"),
    BAD(array_nested, UNSUPPORTED, "nested array in key k"),
    BAD(array_type_unknown, FORMAT, "key k: unknown element type 99"),
    BAD(array_count_2_63, FORMAT, "too many elements (9223372036854775808, limit 1073741824)"),
    BAD(array_count_beyond_file, FORMAT, "has 3 elements of type u32, more than the 8 bytes"),
    BAD(array_strings_beyond_file, FORMAT, "has 3 elements of type string, more than the 16 bytes"),
    BAD(array_string_length, FORMAT,
        "a string of key k has a length of 18446744073709551608 bytes"),
    BAD(array_string_too_long, FORMAT, "a string of key k is too long"),
    BAD(array_header_cut, FORMAT, "the file ends inside an array's header"),
    BAD(alignment_type, FORMAT, "general.alignment is of type u64, not u32"),
    BAD(alignment_zero, FORMAT, "general.alignment is 0"),
    BAD(alignment_odd, FORMAT, "general.alignment is 48"),
    BAD(alignment_huge, FORMAT, "general.alignment is 2147483648"),
    BAD(split, UNSUPPORTED, "one of 3 parts of a split model; join the parts"),
    BAD(split_type, FORMAT, "key split.count is of type string"),
    BAD(tensor_name_empty, FORMAT, "a tensor's name is empty"),
    BAD(tensor_name_long, FORMAT, "a tensor's name is too long (64 bytes, limit 63)"),
    BAD(tensor_name_length_huge, FORMAT,
        "a tensor's name has a length of 18446744073709551615 bytes"),
    BAD(tensor_name_byte, FORMAT, "holds the byte 0x0a"),
    BAD(dims_none, FORMAT, "tensor t has 0 dimensions"),
    BAD(dims_five, FORMAT, "tensor t has 5 dimensions"),
    BAD(dim_zero, FORMAT, "dimension 1 of tensor t is 0"),
    BAD(dim_negative, FORMAT, "tensor t is too large: dimension 0 is 18446744073709551615"),
    BAD(dims_overflow, FORMAT, "tensor t is too large: dimension 2 is 4"),
    BAD(bytes_overflow, FORMAT, "the size of tensor t in bytes does not fit"),
    BAD(bytes_overflow_by_padding, FORMAT, "the size of tensor t in bytes does not fit"),
    BAD(tensor_type_retired, FORMAT, "tensor t has type 4, which no version"),
    BAD(tensor_type_beyond, FORMAT, "tensor t has type 100000"),
    BAD(tensor_type_unsupported, UNSUPPORTED,
        "of type IQ2_XXS, which is not supported (supported: F32 F16"),
    BAD(tensor_type_activation, UNSUPPORTED, "of type Q8_1, which is not supported"),
    BAD(row_not_whole_blocks, FORMAT,
        "rows of tensor t have 33 columns, not a multiple of the 32 of a Q4_0 block"),
    BAD(offset_misaligned, FORMAT,
        "the offset 4 of tensor t is not a multiple of the alignment 32"),
    BAD(offset_beyond_file, FORMAT,
        "the file is cut short: tensor t ends at byte 1099511627844, the file has 128 bytes"),
    BAD(offset_near_wrap, FORMAT, "tensor t ends beyond 2^64"),
    BAD(tensor_larger_than_file, FORMAT, "the file is cut short: tensor t ends at byte 42949673"),
    BAD(cut_short, FORMAT, "tensor t ends at byte 128, the file has 127 bytes"),
    BAD(cut_before_data, FORMAT, "the file ends before its tensor data"),
    BAD(cut_in_info, FORMAT, "the file ends inside a tensor's description"),
    BAD(overlap, FORMAT, "overlap"),
    BAD(tensor_duplicate, FORMAT, "two tensors are named a"),
    BAD(quantization_version, UNSUPPORTED, "general.quantization_version is 1 (supported: 2)"),
};

static void test_bad_case(void **state)
{
    const struct bad_case *c = *state;
    struct gguf_build b;
    struct gguf g;
    struct dobby_err e = {0};
    size_t size;
    void *exact; /* so that a sanitizer sees a read beyond the end */
    int rc;

    gb_init(&b);
    c->make(&b);
    gb_finish(&b, &size);
    exact = malloc(size);
    assert_non_null(exact);
    memcpy(exact, b.image.s, size);
    rc = gguf_parse(&g, exact, size, "bad.gguf", &e);
    if (rc != c->code || !strstr(e.message, c->part))
        fail_msg("got %d \"%s\", wanted %d \"...%s...\"", rc, e.message, c->code, c->part);
    assert_int_equal(e.code, c->code);
    assert_non_null(strstr(e.message, "model file: bad.gguf: byte ")); /* where */
    assert_non_null(strstr(e.message, "; "));                          /* what to do */
    assert_null(strpbrk(e.message, "\n\x1b"));                         /* one line, harmless */
    assert_null(g.kv);
    free(exact);
    gb_release(&b);
}

/* A Git LFS pointer has another start than the writer can make. */
static void test_lfs_pointer(void **state)
{
    static const char text[] =
        "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n";
    struct gguf g;
    struct dobby_err e = {0};

    (void)state;
    assert_int_equal(gguf_parse(&g, text, strlen(text), "lfs", &e), DOBBY_E_FORMAT);
    assert_non_null(strstr(e.message, "Git LFS pointer"));
}

/* Whatever prefix of a right file is given: refused, and nothing beyond its end is read. */
static void test_every_prefix(void **state)
{
    (void)state;
    for (size_t n = 0; n < good.size; n++) {
        char *part = malloc(n + !n);
        struct gguf g;
        struct dobby_err e = {0};

        assert_non_null(part);
        memcpy(part, good_build.image.s, n);
        assert_int_equal(gguf_parse(&g, part, n, "part", &e), DOBBY_E_FORMAT);
        assert_int_not_equal(e.message[0], 0);
        free(part);
    }
}

/* A wrong byte anywhere: refused, or read within bounds. */
static void test_every_byte_wrong(void **state)
{
    static const unsigned char flips[] = {0x01, 0x04, 0x80, 0xFF};
    size_t n_refused = 0;
    char *copy = malloc(good.size);

    (void)state;
    assert_non_null(copy);
    for (size_t i = 0; i < good.data_pos; i++) {
        for (size_t k = 0; k < ARRAY_LEN(flips); k++) {
            struct gguf g;
            struct dobby_err e = {0};

            memcpy(copy, good_build.image.s, good.size);
            copy[i] = (char)(copy[i] ^ flips[k]);
            if (gguf_parse(&g, copy, good.size, "flip", &e) == 0) {
                touch(&g);
                gguf_release(&g);
            } else {
                assert_true(e.code == DOBBY_E_FORMAT || e.code == DOBBY_E_UNSUPPORTED);
                assert_null(strpbrk(e.message, "\n\x1b"));
                n_refused++;
            }
        }
    }
    free(copy);
    assert_true(n_refused > good.data_pos); /* more than a quarter */
}

static void test_no_memory(void **state)
{
    struct gguf g;
    size_t n = 0;
    int rc;

    (void)state;
    do { /* refuse the 1st, 2nd, 3rd ... allocation until the parse gets through */
        struct dobby_err e = {0};

        fault_count(true);
        fault_arm(FAULT_ALLOC, ++n, false);
        rc = gguf_parse(&g, good_build.image.s, good.size, "good.gguf", &e);
        assert_true(rc == 0 || rc == DOBBY_E_NOMEM);
        assert_int_equal(rc, e.code);
        gguf_release(&g);                  /* also fine after a failure */
        assert_int_equal(fault_live(), 0); /* nothing left behind */
        fault_count(false);
    } while (fault_disarm(FAULT_ALLOC));
    assert_true(rc == 0 && n > 4); /* the loop bit, then it let go */
}

/* ---- files ------------------------------------------------------------------------------------- */

static void test_open_file(void **state)
{
    char *dir = temp_dir();
    const char *path = temp_path(dir, "a model.gguf");
    struct gguf g;
    struct dobby_err e = {0};

    (void)state;
    put_file(path, good_build.image.s, good.size);
    assert_int_equal(gguf_open(&g, path, &e), 0);
    assert_string_equal(g.name, path);
    assert_int_equal(g.size, good.size);
    touch(&g);
    assert_int_equal(gguf_check_unchanged(&g, &e), 0);
    put_file(path, "shorter", 7);
    assert_int_equal(gguf_check_unchanged(&g, &e), DOBBY_E_IO);
    assert_non_null(strstr(e.message, "changed while it was read"));
    gguf_release(&g);
    temp_dir_remove(dir);
}

static void test_open_refusals(void **state)
{
    char *dir = temp_dir();
    const char *empty = temp_path(dir, "empty");
    struct gguf g;
    struct dobby_err e = {0};

    (void)state;
    assert_int_equal(gguf_open(&g, temp_path(dir, "missing"), &e), DOBBY_E_NOTFOUND);
    assert_non_null(strstr(e.message, "missing"));
    gguf_release(&g);
    e = (struct dobby_err){0};
    put_file(empty, "", 0);
    assert_int_equal(gguf_open(&g, empty, &e), DOBBY_E_FORMAT);
    assert_non_null(strstr(e.message, "the file is empty"));
    gguf_release(&g);
    e = (struct dobby_err){0};
    assert_true(gguf_open(&g, dir, &e) < 0);
    assert_int_not_equal(e.message[0], 0);
    gguf_release(&g);
    temp_dir_remove(dir);
}

static void test_real_file(void **state)
{
    struct gguf g;
    struct strbuf types = {0};
    const struct gguf_tensor *t;
    uint32_t v;
    struct gguf_array a;

    (void)state;
    assert_int_equal(gguf_open(&g, model_path(MODEL_SMOLLM2), NULL), 0);
    assert_int_equal(g.n_kv, 33);
    assert_int_equal(g.n_tensors, 272);
    assert_int_equal(g.n_params, 134515008);
    gguf_put_tensor_types(&g, &types);
    assert_string_equal(strbuf_str(&types), "F32:61 Q4_1:210 Q8_0:1");
    assert_int_equal(gguf_get_u32(&g, "llama.block_count", &v, NULL), 0);
    assert_int_equal(v, 30);
    t = gguf_find_tensor(&g, "blk.29.ffn_down.weight");
    assert_int_equal(t->dim[0], 1536);
    assert_int_equal(t->dim[1], 576);
    assert_int_equal((uintptr_t)t->data % 32, 0);
    assert_int_equal(gguf_get_array(&g, "tokenizer.ggml.merges", GGUF_STRING, &a, NULL), 0);
    assert_int_equal(a.count, 48900);
    assert_int_equal(gguf_check_unchanged(&g, NULL), 0);
    strbuf_release(&types);
    gguf_release(&g);
}

int main(void)
{
    const struct CMUnitTest fixed[] = {
        cmocka_unit_test(test_good_file),
        cmocka_unit_test(test_version_2),
        cmocka_unit_test(test_alignment_64),
        cmocka_unit_test(test_any_order_of_tensors),
        cmocka_unit_test(test_metadata_only),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_integer_per_layer),
        cmocka_unit_test(test_other_scalars),
        cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_lfs_pointer),
        cmocka_unit_test(test_every_prefix),
        cmocka_unit_test(test_every_byte_wrong),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_open_file),
        cmocka_unit_test(test_open_refusals),
        cmocka_unit_test(test_real_file),
    };
    struct CMUnitTest tests[ARRAY_LEN(fixed) + ARRAY_LEN(BAD_CASES)];
    size_t n = ARRAY_LEN(fixed);

    memcpy(tests, fixed, sizeof(fixed));
    for (size_t i = 0; i < ARRAY_LEN(BAD_CASES); i++)
        tests[n++] = (struct CMUnitTest){.name = BAD_CASES[i].name,
                                         .test_func = test_bad_case,
                                         .initial_state = (void *)(uintptr_t)&BAD_CASES[i]};
    return _cmocka_run_group_tests("gguf", tests, n, set_up_good, tear_down_good);
}
