/* test_quantize.c - floats to blocks: the bits that the Python package gguf makes of them, and what is refused. */
#include "llm/quantize.h"

#include "base/size.h"
#include "support/test.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    enum quant_type type;
} TYPES[] = {{"Q8_0", QUANT_Q8_0},
             {"Q5_0", QUANT_Q5_0},
             {"Q4_1", QUANT_Q4_1},
             {"Q4_0", QUANT_Q4_0},
             {"F16", QUANT_F16}};

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

static void test_blocks_as_ggml_makes_them(void **state)
{
    json_error_t je;
    json_t *root = json_load_file("tests/data/quantize.json", 0, &je), *block;
    size_t i;

    (void)state;
    if (!root)
        fail_msg("tests/data/quantize.json: %s", je.text);
    assert_int_equal(json_array_size(json_object_get(root, "blocks")), 20);
    json_array_foreach(json_object_get(root, "blocks"), i, block)
    {
        uint8_t bits[128], want[128], got[128];
        float x[32];

        assert_int_equal(
            from_hex(json_string_value(json_object_get(block, "x")), bits, sizeof(bits)), 128);
        for (size_t j = 0; j < 32; j++)
            quant_dequantize(QUANT_F32, bits + 4 * j, x + j, 1);
        for (size_t t = 0; t < ARRAY_LEN(TYPES); t++) {
            size_t n = from_hex(json_string_value(json_object_get(block, TYPES[t].name)), want,
                                sizeof(want));

            assert_int_equal(n, quant_row_bytes(TYPES[t].type, 32));
            assert_true(quantize_row(TYPES[t].type, x, got, 32));
            if (memcmp(got, want, n) != 0)
                fail_msg("block %zu differs in %s", i, TYPES[t].name);
        }
        assert_true(quantize_row(QUANT_F32, x, got, 32));
        assert_memory_equal(got, bits, 128);
    }
    json_decref(root);
}

/* What no type can hold is refused, and numbers too small for a scale become zero. */
static void test_limits(void **state)
{
    uint8_t out[256];
    float x[64], back[64];

    (void)state;
    for (size_t t = 0; t < ARRAY_LEN(TYPES); t++) {
        const float bad[] = {INFINITY, -INFINITY, NAN, 3e38f};

        for (size_t b = 0; b < ARRAY_LEN(bad); b++) {
            memset(x, 0, sizeof(x));
            x[63] = bad[b];
            assert_false(quantize_row(TYPES[t].type, x, out, 64));
        }
        for (size_t j = 0; j < 64; j++)
            x[j] = j % 2 ? 1e-45f : -1e-45f;
        assert_true(quantize_row(TYPES[t].type, x, out, 64));
        quant_dequantize(TYPES[t].type, out, back, 64);
        for (size_t j = 0; j < 64; j++)
            assert_true(back[j] == 0);
    }
}

static void test_names(void **state)
{
    enum quant_type t;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(TYPES); i++) {
        assert_true(quantize_type(TYPES[i].name, strlen(TYPES[i].name), &t));
        assert_int_equal(t, TYPES[i].type);
        assert_true(quantize_supported(t));
        assert_non_null(strstr(quantize_names(), TYPES[i].name));
    }
    assert_false(quantize_type("Q6_K", 4, &t));
    assert_false(quantize_supported(QUANT_Q6_K));
    assert_false(quantize_type("Q8_0 ", 5, &t));
    assert_false(quantize_type("", 0, &t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_as_ggml_makes_them),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
