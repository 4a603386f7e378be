/* test_file.c - maps, whole files, atomic writes that lose nothing, directories. */
#include "support/test.h"

#include "base/fault.h"
#include "base/file.h"
#include "base/mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int count_entries(const char *dir)
{
    DIR *d = opendir(dir);
    int n = 0;

    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2; /* . and .. */
}

static void check_file(const char *path, const char *want)
{
    char *s = get_file(path, NULL);

    assert_string_equal(s, want);
    free(s);
}

static void test_file_map(void **state)
{
    char *dir = temp_dir();
    struct dobby_err e = {0};
    struct file_map m;

    (void)state;
    put_file(temp_path(dir, "f"), "hello", 5);
    put_file(temp_path(dir, "empty"), "", 0);
    assert_int_equal(mkfifo(temp_path(dir, "pipe"), 0600), 0);
    assert_int_equal(file_map_open(&m, temp_path(dir, "f"), &e), 0);
    assert_int_equal(m.size, 5);
    assert_memory_equal(m.data, "hello", 5);
    file_map_close(&m);
    file_map_close(&m);
    assert_int_equal(file_map_open(&m, temp_path(dir, "empty"), &e), 0);
    assert_true(m.data == NULL && m.size == 0);
    assert_int_equal(file_map_open(&m, temp_path(dir, "none"), &e), DOBBY_E_NOTFOUND);
    err_clear(&e);
    assert_int_equal(file_map_open(&m, dir, &e), DOBBY_E_FORMAT);
    assert_non_null(strstr(e.message, "is a directory"));
    err_clear(&e);
    assert_int_equal(file_map_open(&m, temp_path(dir, "pipe"), &e),
                     DOBBY_E_FORMAT); /* at once: nobody writes */
    fault_arm(FAULT_READ, 1, false);
    assert_int_equal(file_map_open(&m, temp_path(dir, "f"), NULL), DOBBY_E_NOMEM);
    assert_true(fault_disarm(FAULT_READ));
    assert_null(m.data);
    temp_dir_remove(dir);
}

static void test_file_read_all(void **state)
{
    char *dir = temp_dir();
    struct strbuf b = {0};
    struct dobby_err e = {0};
    char big[50000];

    (void)state;
    memset(big, 'q', sizeof(big));
    put_file(temp_path(dir, "big"), big, sizeof(big));
    strbuf_puts(&b, "before ");
    assert_int_equal(file_read_all(&b, temp_path(dir, "big"), sizeof(big), &e),
                     0); /* exactly the limit */
    assert_int_equal(b.len, 7 + sizeof(big));
    assert_memory_equal(b.s + 7, big, sizeof(big));
    strbuf_truncate(&b, 7);
    assert_int_equal(file_read_all(&b, temp_path(dir, "big"), sizeof(big) - 1, &e), DOBBY_E_LIMIT);
    assert_string_equal(strbuf_str(&b), "before "); /* nothing of it stays */
    err_clear(&e);
    fault_arm(FAULT_READ, 3, false);
    assert_int_equal(file_read_all(&b, temp_path(dir, "big"), sizeof(big), &e), DOBBY_E_IO);
    assert_true(fault_disarm(FAULT_READ));
    assert_string_equal(strbuf_str(&b), "before ");
    assert_int_equal(file_read_all(&b, temp_path(dir, "none"), 10, NULL), DOBBY_E_NOTFOUND);
    assert_int_equal(file_read_all(&b, "/proc/self/stat", 10000, NULL),
                     0); /* a size of 0 means nothing there */
    assert_true(b.len > 20);
    fault_arm(FAULT_ALLOC, 1, false);
    strbuf_release(&b);
    assert_int_equal(file_read_all(&b, temp_path(dir, "big"), sizeof(big), NULL), DOBBY_E_NOMEM);
    assert_true(fault_disarm(FAULT_ALLOC));
    strbuf_release(&b);
    temp_dir_remove(dir);
}

static void test_file_write_atomic(void **state)
{
    char *dir = temp_dir();
    const char *path = temp_path(dir, "out");
    struct dobby_err e = {0};
    struct stat st;

    (void)state;
    assert_int_equal(file_write_atomic(path, "one", 3, 0600, &e), 0);
    check_file(path, "one");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(file_write_atomic(path, "two!", 4, 0600, &e), 0);
    check_file(path, "two!");
    assert_int_equal(file_write_atomic(temp_path(dir, "no/out"), "x", 1, 0600, &e), DOBBY_E_CREATE);
    err_clear(&e);
    assert_int_equal(mkdir(temp_path(dir, "d"), 0700), 0);
    assert_int_equal(file_write_atomic(temp_path(dir, "d"), "x", 1, 0600, &e), DOBBY_E_CREATE);
    assert_non_null(strstr(e.message, "rename: "));
    assert_int_equal(count_entries(dir), 2);
    temp_dir_remove(dir);
}

/* Whatever fails and when: the old content or the new is there, whole, and nothing beside it. */
static void test_file_write_atomic_failures(void **state)
{
    enum fault_class classes[] = {FAULT_ALLOC, FAULT_OPEN, FAULT_WRITE, FAULT_SYNC};
    char *dir = temp_dir(), *s;
    const char *path = temp_path(dir, "out");
    size_t i, n;
    int rc;

    (void)state;
    fault_count(true);
    for (i = 0; i < 4; i++) {
        n = 0;
        do {
            struct dobby_err e = {0};
            put_file(path, "old", 3);
            fault_arm(classes[i], ++n, false);
            rc = file_write_atomic(path, "new", 3, 0600, &e);
            assert_int_equal(e.code, rc);
            s = get_file(path, NULL);
            assert_true(strcmp(s, rc ? "old" : "new") == 0 || strcmp(s, "new") == 0);
            free(s);
            assert_int_equal(count_entries(dir), 1);
            assert_int_equal(fault_live(), 0);
        } while (fault_disarm(classes[i]));
        assert_true(rc == 0 && n > 1);
    }
    fault_count(false);
    temp_dir_remove(dir);
}

static void test_file_write_fd_full(void **state)
{
    struct dobby_err e = {0};
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(file_write_fd(fd, "x", 1, "out.md", &e), DOBBY_E_IO);
    assert_non_null(strstr(e.message, "out.md: disk full"));
    close(fd);
}

static void test_file_dirs(void **state)
{
    char *dir = temp_dir();
    struct dobby_err e = {0};
    struct file_id a, b;
    struct strbuf p = {0};
    size_t n = 0;
    int rc;

    (void)state;
    assert_int_equal(file_mkdirs(temp_path(dir, "a/b//c/"), 0700, &e), 0);
    assert_int_equal(file_mkdirs(temp_path(dir, "a/b/c"), 0700, &e), 0); /* again */
    assert_true(file_exists(temp_path(dir, "a/b/c")));
    assert_false(file_exists(temp_path(dir, "a/x")));
    put_file(temp_path(dir, "a/f"), "1", 1);
    assert_int_equal(file_mkdirs(temp_path(dir, "a/f/g"), 0700, &e), DOBBY_E_CREATE);
    assert_int_equal(file_mkdirs(temp_path(dir, "a/f"), 0700, NULL), DOBBY_E_CREATE);
    assert_int_equal(file_mkdirs("/", 0700, NULL), 0);
    do {
        fault_arm(FAULT_ALLOC, ++n, false);
        rc = file_mkdirs(temp_path(dir, "q/r"), 0700, NULL);
    } while (fault_disarm(FAULT_ALLOC));
    assert_true(rc == 0 && n == 2);

    err_clear(&e);
    assert_int_equal(file_identify(&a, temp_path(dir, "a/f"), &e), 0);
    assert_int_equal(a.size, 1);
    put_file(temp_path(dir, "a/f"), "22", 2);
    assert_int_equal(file_identify(&b, temp_path(dir, "a/f"), &e), 0);
    assert_true(a.ino == b.ino && b.size == 2);
    assert_int_equal(file_identify(&b, temp_path(dir, "a/none"), &e), DOBBY_E_NOTFOUND);

    file_join(&p, "dir", "name");
    assert_string_equal(strbuf_str(&p), "dir/name");
    file_join(&p, "dir/", "name");
    assert_string_equal(strbuf_str(&p), "dir/name");
    file_join(&p, "/", "name");
    assert_string_equal(strbuf_str(&p), "/name");
    file_join(&p, "", "name");
    assert_string_equal(strbuf_str(&p), "name");
    strbuf_release(&p);
    temp_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_map),
        cmocka_unit_test(test_file_read_all),
        cmocka_unit_test(test_file_write_atomic),
        cmocka_unit_test(test_file_write_atomic_failures),
        cmocka_unit_test(test_file_write_fd_full),
        cmocka_unit_test(test_file_dirs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
