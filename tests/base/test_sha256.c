/* test_sha256.c - vectors of FIPS 180-4's examples, fields of keys, files, failures. */
#include "support/test.h"

#include "base/fault.h"
#include "base/sha256.h"

#include <stdlib.h>
#include <string.h>

static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const char a_million[] = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

static void check(struct sha256 *h, const char *want)
{
    struct dobby_err e = {0};
    uint8_t sum[32];
    char hex[65];

    assert_int_equal(sha256_end(h, sum, &e), 0);
    hex_encode(hex, sum, 32);
    assert_string_equal(hex, want);
}

static void test_sha256_vectors(void **state)
{
    struct sha256 h;
    int i;

    (void)state;
    sha256_begin(&h);
    sha256_add(&h, "ab", 2);
    sha256_add(&h, "", 0);
    sha256_add(&h, "c", 1);
    check(&h, abc);
    sha256_begin(&h);
    for (i = 0; i < 100000; i++)
        sha256_add(&h, "aaaaaaaaaa", 10);
    check(&h, a_million);
}

static void test_sha256_field(void **state)
{
    struct sha256 h;
    uint8_t a[32], b[32];

    (void)state;
    sha256_begin(&h); /* the definition: 8 bytes of length, little-endian, then the bytes */
    sha256_add(&h, "\x03\0\0\0\0\0\0\0abc\0\0\0\0\0\0\0\0", 19);
    assert_int_equal(sha256_end(&h, a, NULL), 0);
    sha256_begin(&h);
    sha256_field(&h, "abc", 3);
    sha256_field(&h, NULL, 0);
    assert_int_equal(sha256_end(&h, b, NULL), 0);
    assert_memory_equal(a, b, 32);
    sha256_begin(&h); /* the border between fields counts */
    sha256_field(&h, "ab", 2);
    sha256_field(&h, "c", 1);
    assert_int_equal(sha256_end(&h, b, NULL), 0);
    assert_memory_not_equal(a, b, 32);
}

static void progress(void *ctx, uint64_t done)
{
    assert_true(done > *(uint64_t *)ctx);
    *(uint64_t *)ctx = done;
}

static void test_sha256_file(void **state)
{
    char *dir = temp_dir();
    const char *path = temp_path(dir, "big");
    size_t size = 3000000;
    char *p = malloc(size), hex[65];
    struct dobby_err e = {0};
    uint8_t sum[32], want[32];
    uint64_t told = 0;
    struct sha256 h;

    (void)state;
    assert_non_null(p);
    memset(p, 'x', size);
    put_file(path, p, size);
    sha256_begin(&h);
    sha256_add(&h, p, size);
    assert_int_equal(sha256_end(&h, want, &e), 0);
    assert_int_equal(sha256_file(path, sum, progress, &told, &e), 0);
    assert_memory_equal(sum, want, 32);
    assert_int_equal(told, size);
    put_file(path, "abc", 3);
    assert_int_equal(sha256_file(path, sum, NULL, NULL, &e), 0);
    hex_encode(hex, sum, 32);
    assert_string_equal(hex, abc);
    assert_int_equal(sha256_file(temp_path(dir, "none"), sum, NULL, NULL, &e), DOBBY_E_NOTFOUND);
    assert_non_null(strstr(e.message, "/none"));
    assert_int_equal(sha256_file(dir, sum, NULL, NULL, NULL),
                     DOBBY_E_IO); /* a directory cannot be read */
    free(p);
    temp_dir_remove(dir);
}

static void test_sha256_failures(void **state)
{
    enum fault_class classes[] = {FAULT_ALLOC, FAULT_OPEN, FAULT_READ};
    char *dir = temp_dir();
    const char *path = temp_path(dir, "f");
    uint8_t sum[32], zero[32] = {0};
    size_t i, n;
    int rc;

    (void)state;
    put_file(path, "abc", 3);
    fault_count(true);
    for (i = 0; i < 3; i++) {
        n = 0;
        do {
            struct dobby_err e = {0};
            memset(sum, 0, 32);
            fault_arm(classes[i], ++n, false);
            rc = sha256_file(path, sum, NULL, NULL, &e);
            assert_int_equal(e.code, rc);
            assert_int_equal(memcmp(sum, zero, 32) == 0, rc != 0); /* no sum of half a file */
            assert_int_equal(fault_live(), 0);
        } while (fault_disarm(classes[i]));
        assert_true(rc == 0 && n > 1);
    }
    fault_count(false);
    temp_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256_vectors),
        cmocka_unit_test(test_sha256_field),
        cmocka_unit_test(test_sha256_file),
        cmocka_unit_test(test_sha256_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
