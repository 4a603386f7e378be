/* test_quant.c - block types against reference values, half-precision conversions. */
#include "llm/quant.h"

#include "base/size.h"
#include "support/test.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *name;
    enum quant_type type;
    size_t len, bytes;
} TYPES[] = {
    {"F32", QUANT_F32, 1, 4},     {"F16", QUANT_F16, 1, 2},       {"BF16", QUANT_BF16, 1, 2},
    {"Q4_0", QUANT_Q4_0, 32, 18}, {"Q4_1", QUANT_Q4_1, 32, 20},   {"Q5_0", QUANT_Q5_0, 32, 22},
    {"Q8_0", QUANT_Q8_0, 32, 34}, {"Q4_K", QUANT_Q4_K, 256, 144}, {"Q6_K", QUANT_Q6_K, 256, 210},
};

static void test_names_and_sizes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(TYPES); i++) {
        assert_string_equal(quant_name(TYPES[i].type), TYPES[i].name);
        assert_true(quant_supported(TYPES[i].type));
        assert_int_equal(quant_block_len(TYPES[i].type), TYPES[i].len);
        assert_int_equal(quant_block_bytes(TYPES[i].type), TYPES[i].bytes);
        assert_int_equal(quant_row_bytes(TYPES[i].type, 512), 512 / TYPES[i].len * TYPES[i].bytes);
        assert_non_null(strstr(quant_supported_names(), TYPES[i].name));
    }
}

static void test_unsupported_have_names(void **state)
{
    static const uint32_t retired[] = {4, 5, 31, 32, 33, 36, 37, 38, 63, 64, 1000, UINT32_MAX};

    (void)state;
    assert_string_equal(quant_name(16), "IQ2_XXS");
    assert_string_equal(quant_name(13), "Q5_K");
    assert_false(quant_supported(16));
    assert_false(quant_supported(15)); /* Q8_K: for activations only */
    for (size_t i = 0; i < ARRAY_LEN(retired); i++) {
        assert_null(quant_name(retired[i]));
        assert_false(quant_supported(retired[i]));
    }
}

static size_t from_hex(const char *hex, uint8_t *out, size_t max)
{
    size_t n = 0;

    for (; hex[2 * n]; n++) {
        char pair[3] = {hex[2 * n], hex[2 * n + 1], '\0'};

        assert_true(n < max);
        out[n] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return n;
}

/* The reference prints floats so that they are exact, but zero without its sign. */
static bool same(float a, float b)
{
    return f32_bits(a) == f32_bits(b) || (f32_bits(a) << 1 == 0 && f32_bits(b) << 1 == 0);
}

static size_t check_block(enum quant_type t, json_t *block)
{
    json_t *values = json_object_get(block, "values");
    uint8_t raw[1 + 256];
    float y[QUANT_MAX_BLOCK];
    size_t n = json_array_size(values), bytes;

    assert_in_range(n, 1, QUANT_MAX_BLOCK);
    bytes = from_hex(json_string_value(json_object_get(block, "hex")), raw + 1, sizeof(raw) - 1);
    assert_int_equal(bytes, quant_row_bytes(t, n));
    quant_dequantize(t, raw + 1, y, n); /* off by one: no alignment is needed */
    for (size_t i = 0; i < n; i++) {
        float want = (float)json_number_value(json_array_get(values, i));

        if (!same(want, y[i]))
            fail_msg("%s value %zu is %.9g, not %.9g", quant_name(t), i, (double)y[i],
                     (double)want);
    }
    return n;
}

static void test_reference_blocks(void **state)
{
    json_error_t je;
    json_t *root = json_load_file("tests/data/quant.json", 0, &je), *block;
    size_t n_types = 0, n_values = 0, k;

    (void)state;
    assert_non_null(root);
    for (size_t i = 0; i < ARRAY_LEN(TYPES); i++) {
        json_t *blocks = json_object_get(json_object_get(root, TYPES[i].name), "blocks");

        if (TYPES[i].type == QUANT_F32)
            continue; /* not in the file */
        assert_int_equal(json_array_size(blocks), 4);
        json_array_foreach(blocks, k, block) n_values += check_block(TYPES[i].type, block);
        n_types++;
    }
    assert_int_equal(n_types, 8);
    assert_int_equal(n_values, 4 * (6 * 32 + 2 * 256));
    json_decref(root);
}

static void test_f32_is_copied(void **state)
{
    float x[3] = {-0.0f, 1.5f, INFINITY}, y[3];

    (void)state;
    quant_dequantize(QUANT_F32, x, y, 3);
    assert_memory_equal(x, y, sizeof(x));
}

/* The value of a half by its definition, in double. */
static double half_value(uint16_t h)
{
    int exp = h >> 10 & 31, man = h & 0x3FF;
    double v = exp == 0 ? ldexp(man, -24) : ldexp(1024 + man, exp - 25);

    return h & 0x8000 ? -v : v;
}

static void test_half_to_float(void **state)
{
    (void)state;
    for (unsigned h = 0; h < 65536; h++) {
        float f = f16_to_f32((uint16_t)h);

        if ((h & 0x7C00) != 0x7C00) {
            assert_true((double)f == half_value((uint16_t)h));
            assert_int_equal(signbit(f) != 0, h >> 15);
        } else if (h & 0x3FF) {
            assert_true(isnan(f));
        } else {
            assert_true(isinf(f) && (signbit(f) != 0) == (h >> 15 != 0));
        }
    }
}

static void test_half_there_and_back(void **state)
{
    (void)state;
    for (unsigned h = 0; h < 65536; h++) {
        uint16_t back = f32_to_f16(f16_to_f32((uint16_t)h));

        if ((h & 0x7C00) == 0x7C00 && (h & 0x3FF))
            assert_int_equal(back, h | 0x200); /* quiet */
        else
            assert_int_equal(back, h);
    }
}

/* Between two neighbouring halves, the middle goes to the even one, all else to the nearer. */
static void test_float_to_half_rounds(void **state)
{
    (void)state;
    for (unsigned h = 0; h < 0x7BFF; h++) {
        float lo = f16_to_f32((uint16_t)h), hi = f16_to_f32((uint16_t)(h + 1));
        float mid = (float)(((double)lo + (double)hi) / 2); /* exact: halves have few bits */
        unsigned even = h & 1 ? h + 1 : h;

        assert_int_equal(f32_to_f16(mid), even);
        assert_int_equal(f32_to_f16(-mid), even | 0x8000);
        assert_int_equal(f32_to_f16(nextafterf(mid, -1.0f)), h);
        assert_int_equal(f32_to_f16(nextafterf(mid, INFINITY)), h + 1);
    }
}

static void test_float_to_half_extremes(void **state)
{
    (void)state;
    assert_int_equal(f32_to_f16(65504.0f), 0x7BFF);
    assert_int_equal(f32_to_f16(65519.996f), 0x7BFF);
    assert_int_equal(f32_to_f16(65520.0f),
                     0x7C00); /* halfway to what would be 65536, which is even */
    assert_int_equal(f32_to_f16(3e38f), 0x7C00);
    assert_int_equal(f32_to_f16(-INFINITY), 0xFC00);
    assert_int_equal(f32_to_f16(0x1p-24f), 1);
    assert_int_equal(f32_to_f16(0x1p-25f), 0); /* a tie: zero is even */
    assert_int_equal(f32_to_f16(0x1.000002p-25f), 1);
    assert_int_equal(f32_to_f16(-0x1p-149f), 0x8000);
    assert_int_equal(f32_to_f16(-0.0f), 0x8000);
    assert_int_equal(f32_to_f16(NAN) & 0x7E00, 0x7E00);
}

static void test_brain_floats(void **state)
{
    (void)state;
    assert_true(bf16_to_f32(0x3F80) == 1.0f);
    assert_true(bf16_to_f32(0xC000) == -2.0f);
    assert_true(isinf(bf16_to_f32(0x7F80)));
    assert_int_equal(f32_bits(bf16_to_f32(0x0001)), 0x10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_and_sizes),      cmocka_unit_test(test_unsupported_have_names),
        cmocka_unit_test(test_reference_blocks),     cmocka_unit_test(test_f32_is_copied),
        cmocka_unit_test(test_half_to_float),        cmocka_unit_test(test_half_there_and_back),
        cmocka_unit_test(test_float_to_half_rounds), cmocka_unit_test(test_float_to_half_extremes),
        cmocka_unit_test(test_brain_floats),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
