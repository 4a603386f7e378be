/* test_packed.c - packed weights that are kept: read back to the same bytes, refused when they are not to be trusted. */
#include "support/test.h"
#include "support/tiny_model.h"

#include "base/fault.h"
#include "base/size.h"
#include "dobby.h"
#include "llm/model.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct fix {
    char *dir, cache[300], kept[500], part[520], sha256[65];
    const char *model;
    unsigned char *weights; /* as packed from the file */
    size_t size;
};

static struct dobby_model *open_cached(const struct fix *f, int exact)
{
    struct dobby_model_options o;
    struct dobby_model *m;
    struct dobby_err e = {0};

    DOBBY_INIT(o);
    o.cache_dir = f->cache;
    o.threads = 2;
    o.exact = exact;
    if (dobby_model_open(&m, f->model, &o, &e) < 0)
        fail_msg("%s", e.message);
    return m;
}

/* Open, compare with the file's own weights, free: which waits for the writer. */
static void open_and_compare(const struct fix *f, bool same)
{
    struct dobby_model *m = open_cached(f, 0);

    assert_int_equal(m->weights_size, f->size);
    assert_int_equal(memcmp(m->weights, f->weights, f->size) == 0, same);
    dobby_model_free(m);
}

static int begin(void **state)
{
    struct fix *f = calloc(1, sizeof(*f));
    struct dobby_model *m;

    f->dir = temp_dir();
    f->model = strdup(tiny_write(f->dir, &tiny_plain));
    snprintf(f->cache, sizeof(f->cache), "%s", temp_path(f->dir, "cache"));
    m = tiny_open(f->model, 0, NULL);
    f->size = m->weights_size;
    f->weights = malloc(f->size);
    memcpy(f->weights, m->weights, f->size);
    memcpy(f->sha256, m->sha256, sizeof(f->sha256));
    snprintf(f->kept, sizeof(f->kept), "%s/packed/%s", f->cache, m->sha256);
    snprintf(f->part, sizeof(f->part), "%s.part", f->kept);
    dobby_model_free(m);
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fix *f = *state;

    temp_dir_remove(f->dir);
    free((void *)(uintptr_t)f->model);
    free(f->weights);
    free(f);
    return 0;
}

static void flip(const char *path, off_t at)
{
    unsigned char c;
    int fd = open(path, O_RDWR);

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &c, 1, at), 1);
    c ^= 1;
    assert_int_equal(pwrite(fd, &c, 1, at), 1);
    close(fd);
}

static bool there(const char *path)
{
    return access(path, F_OK) == 0;
}

static ino_t inode(const char *path)
{
    struct stat st;

    assert_int_equal(lstat(path, &st), 0);
    return st.st_ino;
}

static void test_kept_and_read(void **state)
{
    struct fix *f = *state;
    struct dobby_err e = {0};
    struct stat st;
    ino_t first;

    assert_int_equal(dobby_model_verify_packed(f->sha256, NULL, &e), DOBBY_E_NOTFOUND);
    assert_int_equal(dobby_model_verify_packed(f->sha256, f->cache, &e), DOBBY_E_NOTFOUND);
    open_and_compare(f, true);
    assert_int_equal(stat(f->kept, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true((size_t)st.st_size >= f->size);
    assert_false(there(f->part));
    assert_int_equal(dobby_model_verify_packed(f->sha256, f->cache, &e), 0);
    first = inode(f->kept);
    open_and_compare(f, true);
    assert_int_equal(inode(f->kept), first); /* it was good: not written again */
    /* A bit of the contents that is another one arrives, so the file is what was read; verifying finds it. */
    flip(f->kept, 4096 + 100);
    open_and_compare(f, false);
    e = (struct dobby_err){0};
    assert_int_equal(dobby_model_verify_packed(f->sha256, f->cache, &e), DOBBY_E_FORMAT);
    assert_non_null(strstr(e.message, "checksum"));
    assert_false(there(f->kept));
    open_and_compare(f, true);
    assert_true(there(f->kept));
}

/* What is not to be trusted is packed anew, and replaced. */
static void replaced(const struct fix *f)
{
    struct stat st;

    open_and_compare(f, true);
    assert_int_equal(lstat(f->kept, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(dobby_model_verify_packed(f->sha256, f->cache, NULL), 0);
}

static void test_not_trusted(void **state)
{
    static const off_t header[] = {0 /* magic */, 8 /* a size */, 24 /* the table */,
                                   56 /* the source */};
    struct fix *f = *state;
    const char *other = temp_path(f->dir, "other");

    open_and_compare(f, true);
    for (size_t i = 0; i < ARRAY_LEN(header); i++) {
        flip(f->kept, header[i]);
        flip(f->kept, 4096 + 100); /* were it read, the weights would tell */
        replaced(f);
    }
    flip(f->kept, 4096 + 100);
    assert_int_equal(chmod(f->kept, 0620), 0);
    replaced(f);
    flip(f->kept, 4096 + 100);
    assert_int_equal(truncate(f->kept, 4096 + (off_t)f->size / 2), 0);
    replaced(f);
    assert_int_equal(truncate(f->kept, 10), 0);
    replaced(f);
    flip(f->kept, 4096 + 100);
    assert_int_equal(rename(f->kept, other), 0);
    assert_int_equal(symlink(other, f->kept), 0);
    replaced(f);
}

static void test_what_a_killed_one_left(void **state)
{
    struct fix *f = *state;
    int fd;

    open_and_compare(f, true);
    assert_int_equal(unlink(f->kept), 0);
    put_file(f->part, "half", 4);
    open_and_compare(f, true);
    assert_true(there(f->kept));
    assert_false(there(f->part));
    assert_int_equal(dobby_model_verify_packed(f->sha256, f->cache, NULL), 0);
    /* One that is still at it is left alone. */
    assert_int_equal(unlink(f->kept), 0);
    put_file(f->part, "half", 4);
    fd = open(f->part, O_WRONLY);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    open_and_compare(f, true);
    assert_false(there(f->kept));
    assert_true(there(f->part));
    close(fd);
    open_and_compare(f, true);
    assert_true(there(f->kept));
}

static void test_nothing_kept(void **state)
{
    struct fix *f = *state;
    struct dobby_model *m;

    fault_arm(FAULT_WRITE, 1, true); /* the hash of the model is not remembered either */
    open_and_compare(f, true);
    assert_true(fault_disarm(FAULT_WRITE));
    assert_false(there(f->kept));
    assert_false(there(f->part));
    fault_arm(FAULT_THREAD, 1, true);
    open_and_compare(f, true);
    assert_true(fault_disarm(FAULT_THREAD));
    assert_false(there(f->kept));
    m = open_cached(f, 1); /* exact weights are not */
    dobby_model_free(m);
    assert_false(there(f->kept));
    snprintf(f->cache, sizeof(f->cache), "%s/file", f->dir);
    put_file(f->cache, "", 0); /* no directory can be there */
    open_and_compare(f, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kept_and_read, begin, end),
        cmocka_unit_test_setup_teardown(test_not_trusted, begin, end),
        cmocka_unit_test_setup_teardown(test_what_a_killed_one_left, begin, end),
        cmocka_unit_test_setup_teardown(test_nothing_kept, begin, end),
    };

    return cmocka_run_group_tests_name("llm/packed", tests, NULL, NULL);
}
