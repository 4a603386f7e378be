/* test.c - helpers of the tests. */
#include "support/test.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

char *temp_dir(void)
{
    const char *base = getenv("TMPDIR");
    char *dir = NULL;

    assert_true(asprintf(&dir, "%s/dobby-test-XXXXXX", base ? base : "/tmp") > 0);
    assert_non_null(mkdtemp(dir));
    return dir;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

void temp_dir_remove(char *dir)
{
    assert_int_equal(nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    free(dir);
}

const char *temp_path(const char *dir, const char *name)
{
    static char path[8][4096];
    static unsigned turn;
    char *p = path[turn++ % 8];

    assert_true((size_t)snprintf(p, sizeof(path[0]), "%s/%s", dir, name) < sizeof(path[0]));
    return p;
}

void put_file(const char *path, const void *p, size_t n)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

char *get_file(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    long size;
    char *s;

    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    size = ftell(f);
    assert_true(size >= 0);
    rewind(f);
    s = malloc((size_t)size + 1);
    assert_non_null(s);
    assert_int_equal(fread(s, 1, (size_t)size, f), (size_t)size);
    fclose(f);
    s[size] = '\0';
    if (n)
        *n = (size_t)size;
    return s;
}
