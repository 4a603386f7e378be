/* test_out.c - results into files and trees: whole or not at all, and never outside of the tree. */
#include "support/test.h"

#include "base/fault.h"
#include "base/file.h"
#include "cli/out.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];

static int setup(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/dobby-out-XXXXXX");
    return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
    char cmd[96];

    (void)state;
    snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
    return chdir("/") == 0 && system(cmd) == 0 ? 0 : -1;
}

static void expect_file(const char *path, const char *text)
{
    struct strbuf b = {0};

    assert_int_equal(file_read_all(&b, path, 1 << 20, NULL), 0);
    assert_string_equal(strbuf_str(&b), text);
    strbuf_release(&b);
}

static size_t entries(const char *path)
{
    DIR *d = opendir(path);
    size_t n = 0;

    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

static void test_out_file_whole_or_not(void **state)
{
    struct dobby_err e = {0};
    struct stat st;
    struct out o;

    (void)state;
    assert_int_equal(out_open(&o, "a", &e), 0);
    assert_int_equal(out_write(&o, "one\n", 4, &e), 0);
    assert_false(file_exists("a")); /* not before it is whole */
    assert_int_equal(out_commit(&o, &e), 0);
    out_release(&o);
    expect_file("a", "one\n");

    assert_int_equal(chmod("a", 0640), 0);
    assert_int_equal(symlink("a", "link"), 0);
    assert_int_equal(out_open(&o, "link", &e), 0);
    assert_int_equal(out_write(&o, "two\n", 4, &e), 0);
    assert_int_equal(out_commit(&o, &e), 0);
    out_release(&o);
    expect_file("a", "two\n"); /* the link stays one, the mode stays */
    assert_int_equal(lstat("link", &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(stat("a", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);

    assert_int_equal(out_open(&o, "a", &e), 0);
    assert_int_equal(out_write(&o, "three\n", 6, &e), 0);
    out_release(&o); /* without a commit */
    expect_file("a", "two\n");
    assert_int_equal(entries("."), 2); /* no temporary file is left */
}

static void test_out_refused(void **state)
{
    struct dobby_err e = {0};
    struct out o;

    (void)state;
    assert_int_equal(out_open(&o, "no/such/dir/file", &e), DOBBY_E_CREATE);
    out_release(&o);
    e = (struct dobby_err){0};
    assert_int_equal(out_open(&o, "/tmp", &e), DOBBY_E_CREATE); /* a directory */
    out_release(&o);
    e = (struct dobby_err){0};
    assert_int_equal(out_open(&o, "/dev/full", &e), 0);
    assert_int_equal(out_write(&o, "x", 1, &e), 0);
    assert_int_equal(out_commit(&o, &e), DOBBY_E_IO);
    assert_non_null(strstr(e.message, "disk full"));
    assert_false(o.broken);
    out_release(&o);
}

static void test_out_broken_pipe(void **state)
{
    struct dobby_err e = {0};
    struct out o = {.name = "pipe"};
    int fd[2];

    (void)state;
    assert_int_equal(pipe(fd), 0);
    close(fd[0]);
    o.fd = fd[1];
    o.own = true;
    assert_int_equal(out_write(&o, "x", 1, &e), 0);
    assert_int_equal(out_flush(&o, &e), DOBBY_E_IO);
    assert_true(o.broken);
    out_release(&o);
}

static void test_out_faults(void **state)
{
    static const enum fault_class class[] = {FAULT_ALLOC, FAULT_WRITE};

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        size_t n = 0;
        int rc;

        do {
            struct dobby_err e = {0};
            struct out o;

            fault_arm(class[k], ++n, false);
            rc = out_open(&o, "f", &e);
            for (int i = 0; rc == 0 && i < 9000; i++) /* more than the buffer holds */
                rc = out_write(&o, "0123456789", 10, &e);
            if (rc == 0)
                rc = out_commit(&o, &e);
            out_release(&o);
            assert_true(rc == 0 || (rc < 0 && e.code == rc));
            assert_int_equal(entries("."), rc == 0 ? 1 : 0);
        } while (fault_disarm(class[k]));
        assert_int_equal(rc, 0);
        assert_true(n > 1);
        unlink("f");
    }
}

/* ---- trees ---- */

static int put(struct out_tree *t, const char *path, size_t len, const char *text,
               struct dobby_err *e)
{
    int rc = out_tree_begin(t, path, len, false, e);

    return rc < 0 ? rc : out_tree_add(t, text, strlen(text), e);
}

static void test_out_tree_names(void **state)
{
    static const struct {
        const char *path, *page;
    } row[] = {
        {"a.c", "t/a.c.md"},
        {"src/b.c", "t/src/b.c.md"},
        {"src/with space%.c", "t/src/with space%25.c.md"},
        {"new\nline/\x1b[31m.c", "t/new%0Aline/%1B[31m.c.md"},
        {"bad\xff utf.c", "t/bad%FF utf.c.md"},
        {"gr\xc3\xbc\xc3\x9f.c", "t/gr\xc3\xbc\xc3\x9f.c.md"},
        {"index", "t/%69ndex.md"},
        {"x", "t/x.md"}, /* and the directory x.md beside it: */
        {"x.md/y", "t/x%2Emd/y.md"},
        {"..x/...", "t/..x/....md"},
        {"x/index", "t/x/%69ndex.md"},
    };
    struct dobby_err e = {0};
    struct out_tree t;

    (void)state;
    assert_int_equal(out_tree_open(&t, "t", &e), 0);
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
        assert_int_equal(put(&t, row[i].path, strlen(row[i].path), row[i].path, &e), 0);
    assert_int_equal(out_tree_commit(&t, &e), 0);
    assert_int_equal(t.n_entries, sizeof(row) / sizeof(row[0]));
    out_tree_release(&t);
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
        expect_file(row[i].page, row[i].path);
    assert_true(file_exists("t/index.md"));
}

static void test_out_tree_long_names(void **state)
{
    struct dobby_err e = {0};
    struct out_tree t;
    char a[256], b[256];

    (void)state;
    memset(a, 'a', 255); /* as long as a file system allows: no room for ".md" */
    a[255] = '\0';
    strcpy(b, a);
    b[254] = 'b';
    assert_int_equal(out_tree_open(&t, "t", &e), 0);
    assert_int_equal(put(&t, a, 255, "A", &e), 0);
    assert_int_equal(put(&t, b, 255, "B", &e), 0);
    assert_int_equal(out_tree_commit(&t, &e), 0);
    out_tree_release(&t);
    assert_int_equal(entries("t"), 3); /* two pages that differ, and the index */
}

static void test_out_tree_stays_inside(void **state)
{
    static const char *const bad[] = {"../a", "a/../../b", "/etc/passwd", "a//b",
                                      "",     ".",         "a/.",         "a/"};
    struct dobby_err e = {0};
    struct out_tree t;

    (void)state;
    assert_int_equal(mkdir("outside", 0777), 0);
    assert_int_equal(mkdir("t", 0777), 0);
    assert_int_equal(symlink("../outside", "t/src"), 0);
    assert_int_equal(symlink("../outside/page", "t/a.c.md"), 0);
    assert_int_equal(out_tree_open(&t, "t", &e), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        e = (struct dobby_err){0};
        assert_int_equal(out_tree_begin(&t, bad[i], strlen(bad[i]), false, &e), DOBBY_E_FORMAT);
    }
    e = (struct dobby_err){0};
    assert_int_equal(out_tree_begin(&t, "a\0b", 3, false, &e), DOBBY_E_FORMAT);
    e = (struct dobby_err){0};
    assert_int_equal(put(&t, "a.c", 3, "page", &e), 0); /* the link in its place is replaced */
    assert_int_equal(put(&t, "src/b.c", 7, "page", &e), 0);
    assert_int_equal(out_tree_commit(&t, &e),
                     DOBBY_E_CREATE); /* the directory that is a link is not entered */
    out_tree_release(&t);
    expect_file("t/a.c.md", "page");
    assert_int_equal(entries("outside"), 0);
}

static void test_out_tree_faults(void **state)
{
    size_t n = 0;
    int rc;

    (void)state;
    fault_count(true);
    do {
        struct dobby_err e = {0};
        struct out_tree t;

        fault_arm(FAULT_ALLOC, ++n, false);
        rc = out_tree_open(&t, "t", &e);
        if (rc == 0)
            rc = put(&t, "a/b\n.c", 6, "text", &e);
        if (rc == 0)
            rc = out_tree_commit(&t, &e);
        out_tree_release(&t);
        assert_true(rc == 0 || (rc < 0 && e.code == rc));
        assert_int_equal(fault_live(), 0);
    } while (fault_disarm(FAULT_ALLOC));
    fault_count(false);
    assert_int_equal(rc, 0);
    assert_true(n > 3);
    expect_file("t/a/b%0A.c.md", "text");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_out_file_whole_or_not, setup, teardown),
        cmocka_unit_test_setup_teardown(test_out_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_out_broken_pipe, setup, teardown),
        cmocka_unit_test_setup_teardown(test_out_faults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_out_tree_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_out_tree_long_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_out_tree_stays_inside, setup, teardown),
        cmocka_unit_test_setup_teardown(test_out_tree_faults, setup, teardown),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("out", tests, NULL, NULL);
}
