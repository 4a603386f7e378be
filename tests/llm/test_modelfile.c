/* test_modelfile.c - hashes of model files and their memory; the description of a model. */
#include "llm/modelfile.h"

#include "base/fault.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/size.h"
#include "support/gguf_build.h"
#include "support/models.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char ABC_HASH[] =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; /* of "abc", FIPS 180-2 */

static void count(void *ctx, uint64_t done)
{
    *(uint64_t *)ctx = done;
}

static void expect_hash(const char *path, const char *cache, const char *want, bool computed)
{
    uint8_t h[32];
    char hex[65];
    struct dobby_err e = {0};
    uint64_t seen = UINT64_MAX;

    assert_int_equal(modelfile_hash(path, cache, h, count, &seen, &e), 0);
    hex_encode(hex, h, 32);
    assert_string_equal(hex, want);
    assert_int_equal(seen != UINT64_MAX,
                     computed); /* the progress tells whether the file was read */
}

/* Longer than the time for which a fresh file is not remembered. */
static void let_settle(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 80000000}, NULL);
}

static void test_without_cache(void **state)
{
    char *dir = temp_dir();
    const char *file = temp_path(dir, "abc");

    (void)state;
    put_file(file, "abc", 3);
    expect_hash(file, NULL, ABC_HASH, true);
    expect_hash(file, NULL, ABC_HASH, true);
    temp_dir_remove(dir);
}

static void test_remembered(void **state)
{
    char *dir = temp_dir();
    const char *file = temp_path(dir, "abc"), *cache = temp_path(dir, "deep/cache"),
               *hashes = temp_path(dir, "deep/cache/hashes");
    struct stat st;

    (void)state;
    put_file(file, "abc", 3);
    let_settle();
    expect_hash(file, cache, ABC_HASH, true);
    expect_hash(file, cache, ABC_HASH, false);
    assert_int_equal(stat(hashes, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    temp_dir_remove(dir);
}

static void test_change_is_seen(void **state)
{
    static const char abd[] = "a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9";
    char *dir = temp_dir();
    const char *file = temp_path(dir, "abc"), *other = temp_path(dir, "copy");

    (void)state;
    put_file(file, "abc", 3);
    let_settle();
    expect_hash(file, dir, ABC_HASH, true);
    put_file(file, "abd", 3); /* the same size, the same inode */
    let_settle();
    expect_hash(file, dir, abd, true);
    expect_hash(file, dir, abd, false);
    put_file(other, "abc", 3); /* another inode in its place */
    assert_int_equal(rename(other, file), 0);
    let_settle();
    expect_hash(file, dir, ABC_HASH, true);
    expect_hash(file, dir, ABC_HASH, false);
    temp_dir_remove(dir);
}

static void test_fresh_file_is_not_remembered(void **state)
{
    char *dir = temp_dir();
    const char *file = temp_path(dir, "abc");
    double start;
    struct timespec now;
    struct stat st;

    (void)state;
    put_file(file, "abc", 3);
    expect_hash(file, dir, ABC_HASH, true);
    assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
    assert_int_equal(stat(file, &st), 0);
    start = (double)(now.tv_sec - st.st_ctim.tv_sec) +
            (double)(now.tv_nsec - st.st_ctim.tv_nsec) * 1e-9;
    if (start < 0.05) /* on a machine that was not held up in between */
        assert_int_not_equal(access(temp_path(dir, "hashes"), F_OK), 0);
    temp_dir_remove(dir);
}

static void test_several_files(void **state)
{
    char *dir = temp_dir();
    const char *a = temp_path(dir, "a"), *b = temp_path(dir, "b");

    (void)state;
    put_file(a, "abc", 3);
    put_file(b, "abc", 3);
    let_settle();
    expect_hash(a, dir, ABC_HASH, true);
    expect_hash(b, dir, ABC_HASH, true);
    expect_hash(a, dir, ABC_HASH, false);
    expect_hash(b, dir, ABC_HASH, false);
    temp_dir_remove(dir);
}

/* Whatever stands in the file of hashes: the right hash comes out, and the file is whole again. */
static void test_damaged_memory(void **state)
{
    static const char *const damage[] = {
        "",
        "\n\n\n",
        "garbage without end",
        "ba7816bf\n",
        "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD 1 2 3 4 5\n",
        "zz7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad 1 2 3 4 5\n",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad 1 2 3 4\n",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad 1 2 3 4 5 6\n",
        ("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad 1 2 3 4 "
         "99999999999999999999999999999999999999\n"),
    };
    char *dir = temp_dir();
    const char *file = temp_path(dir, "abc"), *hashes = temp_path(dir, "hashes");

    (void)state;
    put_file(file, "abc", 3);
    let_settle();
    for (size_t i = 0; i < ARRAY_LEN(damage); i++) {
        put_file(hashes, damage[i], strlen(damage[i]));
        expect_hash(file, dir, ABC_HASH, true);
        expect_hash(file, dir, ABC_HASH, false);
    }
    temp_dir_remove(dir);
}

/* A line that was cut off in the middle of its last number must not be taken for a whole one. */
static void test_cut_line(void **state)
{
    char *dir = temp_dir(), *text;
    const char *file = temp_path(dir, "abc"), *hashes = temp_path(dir, "hashes");
    size_t n;

    (void)state;
    put_file(file, "abc", 3);
    let_settle();
    expect_hash(file, dir, ABC_HASH, true);
    text = get_file(hashes, &n);
    for (size_t keep = 0; keep < n; keep += 7) {
        put_file(hashes, text, keep);
        expect_hash(file, dir, ABC_HASH, true);
    }
    free(text);
    temp_dir_remove(dir);
}

static void test_oldest_lines_go(void **state)
{
    char *dir = temp_dir();
    const char *file = temp_path(dir, "abc"), *hashes = temp_path(dir, "hashes");
    struct strbuf many = {0};
    struct stat st;

    (void)state;
    for (int i = 0; i < 3000; i++)
        strbuf_printf(&many, "%s 1 %d 3 1111111111111111111 2222222222222222222\n", ABC_HASH, i);
    put_file(file, "abc", 3);
    put_file(hashes, many.s, many.len);
    let_settle();
    expect_hash(file, dir, ABC_HASH, true);
    expect_hash(file, dir, ABC_HASH, false);
    assert_int_equal(stat(hashes, &st), 0);
    assert_in_range(st.st_size, 200 << 10, (256 << 10) + 256);
    strbuf_release(&many);
    temp_dir_remove(dir);
}

/* The cache is a comfort: where it cannot be kept, the hash is right nevertheless. */
static void test_unusable_cache(void **state)
{
    char *dir = temp_dir();
    const char *file = temp_path(dir, "abc");

    (void)state;
    put_file(file, "abc", 3);
    let_settle();
    expect_hash(file, file, ABC_HASH, true); /* a file where a directory should be */
    fault_arm(FAULT_WRITE, 1, true);
    expect_hash(file, dir, ABC_HASH, true);
    assert_true(fault_disarm(FAULT_WRITE));
    assert_int_not_equal(access(temp_path(dir, "hashes"), F_OK), 0);
    temp_dir_remove(dir);
}

static void test_missing_file(void **state)
{
    char *dir = temp_dir();
    uint8_t h[32];
    struct dobby_err e = {0};

    (void)state;
    assert_int_equal(modelfile_hash(temp_path(dir, "none"), dir, h, NULL, NULL, &e),
                     DOBBY_E_NOTFOUND);
    assert_non_null(strstr(e.message, "none"));
    e = (struct dobby_err){0};
    assert_true(modelfile_hash(dir, dir, h, NULL, NULL, &e) < 0); /* a directory */
    assert_int_not_equal(e.message[0], 0);
    temp_dir_remove(dir);
}

static void test_failures_are_told(void **state)
{
    char *dir = temp_dir();
    const char *file = temp_path(dir, "abc"), *hashes = temp_path(dir, "hashes");
    size_t n = 0;
    int rc;

    (void)state;
    put_file(file, "abc", 3);
    let_settle();
    do {
        uint8_t h[32];
        struct dobby_err e = {0};

        (void)unlink(hashes);
        fault_count(true);
        fault_arm(FAULT_ALLOC, ++n, false);
        rc = modelfile_hash(file, dir, h, NULL, NULL, &e);
        if (rc != 0 && rc != DOBBY_E_NOMEM)
            fail_msg("allocation %zu: %d \"%s\"", n, rc, e.message);
        assert_int_equal(rc, e.code);
        assert_int_equal(fault_live(), 0);
        fault_count(false);
    } while (fault_disarm(FAULT_ALLOC));
    assert_true(rc == 0 && n > 2);
    temp_dir_remove(dir);
}

static void test_real_model(void **state)
{
    (void)state;
    expect_hash(model_path(MODEL_SMOLLM2), NULL,
                "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53", true);
}

/* ---- description ------------------------------------------------------------------------------- */

static void expect_line(const char *text, const char *line)
{
    const char *at = strstr(text, line);

    if (!at || (at > text && at[-1] != '\n') || at[strlen(line)] != '\n')
        fail_msg("no line \"%s\" in:\n%s", line, text);
}

static void test_describe_real(void **state)
{
    char *s = NULL;
    struct dobby_err e = {0};

    (void)state;
    assert_int_equal(dobby_model_describe(&s, model_path(MODEL_SMOLLM2), &e), 0);
    expect_line(s, "architecture    llama");
    expect_line(s, "name            Smollm2 135M 8k Lc100K Mix1 Ep2");
    expect_line(s, "license         apache-2.0");
    expect_line(s, "file size       98,362,432 bytes (98.4 MB)");
    expect_line(s, "parameters      134,515,008");
    expect_line(s, "tensor types    F32:61 Q4_1:210 Q8_0:1");
    expect_line(s, "layers          30");
    expect_line(s, "kv heads        3");
    expect_line(s, "rope base       100000");
    expect_line(s, "norm epsilon    1e-05");
    expect_line(s, "tokenizer       gpt2/smollm");
    expect_line(s, "vocabulary      49,152");
    expect_line(s, "end token       2 <|im_end|>");
    expect_line(s, "chat template   chatml, recognised by content");
    mem_free(s);
}

/* A hostile, foreign file is described, not refused, and cannot steer the terminal. */
static void test_describe_foreign(void **state)
{
    char *dir = temp_dir(), *s = NULL;
    const char *path = temp_path(dir, "foreign.gguf");
    struct gguf_build b;
    struct dobby_err e = {0};
    size_t size;

    (void)state;
    gb_init(&b);
    gb_str(&b, "general.architecture", "mamba\x1b[2J");
    gb_str(&b, "general.name", "two\nlines");
    gb_str(&b, "tokenizer.ggml.model", "llama");
    gb_finish(&b, &size);
    put_file(path, b.image.s, size);
    gb_release(&b);
    assert_int_equal(dobby_model_describe(&s, path, &e), 0);
    expect_line(s, "architecture    mamba\\x1B[2J");
    expect_line(s, "name            two\\x0Alines");
    assert_non_null(strstr(s, "tokenizer       not usable: "));
    assert_null(strchr(s, '\x1b'));
    mem_free(s);
    temp_dir_remove(dir);
}

static void test_describe_refusals(void **state)
{
    char *dir = temp_dir(), *s = dir;
    const char *path = temp_path(dir, "not.gguf");
    struct dobby_err e = {0};

    (void)state;
    put_file(path, "hello, this is no model", 23);
    assert_int_equal(dobby_model_describe(&s, path, &e), DOBBY_E_FORMAT);
    assert_null(s);
    assert_non_null(strstr(e.message, "not a GGUF file"));
    e = (struct dobby_err){0};
    assert_int_equal(dobby_model_describe(&s, temp_path(dir, "none"), &e), DOBBY_E_NOTFOUND);
    temp_dir_remove(dir);
}

static void test_describe_no_memory(void **state)
{
    static const char *const extra[] = {"<|im_start|>", "<|im_end|>"};
    static const int32_t types[] = {3, 3};
    char *dir = temp_dir();
    const char *path = temp_path(dir, "small.gguf");
    struct gguf_build b;
    size_t n = 0, size;
    int rc;

    (void)state;
    gb_init(&b);
    gb_str(&b, "general.architecture", "llama");
    gb_str(&b, "tokenizer.ggml.model", "gpt2");
    gb_str(&b, "tokenizer.ggml.pre", "qwen2");
    gb_vocab(&b, extra, types, 2);
    gb_strs(&b, "tokenizer.ggml.merges", NULL, 0);
    gb_str(&b, "tokenizer.chat_template", "<|im_start|>");
    gb_u32(&b, "llama.block_count", 2);
    gb_finish(&b, &size);
    put_file(path, b.image.s, size);
    gb_release(&b);
    do {
        char *s;
        struct dobby_err e = {0};

        fault_count(true);
        fault_arm(FAULT_ALLOC, ++n, false);
        rc = dobby_model_describe(&s, path, &e);
        assert_true((rc == 0 && s) || (rc == DOBBY_E_NOMEM && !s));
        assert_int_equal(rc, e.code);
        mem_free(s);
        assert_int_equal(fault_live(), 0);
        fault_count(false);
    } while (fault_disarm(FAULT_ALLOC));
    assert_true(rc == 0 && n > 10);
    temp_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_cache),
        cmocka_unit_test(test_remembered),
        cmocka_unit_test(test_change_is_seen),
        cmocka_unit_test(test_fresh_file_is_not_remembered),
        cmocka_unit_test(test_several_files),
        cmocka_unit_test(test_damaged_memory),
        cmocka_unit_test(test_cut_line),
        cmocka_unit_test(test_oldest_lines_go),
        cmocka_unit_test(test_unusable_cache),
        cmocka_unit_test(test_missing_file),
        cmocka_unit_test(test_failures_are_told),
        cmocka_unit_test(test_real_model),
        cmocka_unit_test(test_describe_real),
        cmocka_unit_test(test_describe_foreign),
        cmocka_unit_test(test_describe_refusals),
        cmocka_unit_test(test_describe_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
