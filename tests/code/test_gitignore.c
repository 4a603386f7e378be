/* test_gitignore.c - ignore rules: rows observed with git 2.39, limits, hostile patterns. What git itself says about a
 * whole tree is compared in test_walk.c. */
#include "support/test.h"

#include "base/fault.h"
#include "base/size.h"
#include "code/gitignore.h"

#include <string.h>

/* What a list says about a path; a slash at its end makes it a directory. Parents are asked first, as the walk
 * does: nothing inside an ignored directory can be kept. */
static bool ignored(const char *text, size_t len, const char *path)
{
    struct arena a = {0};
    struct ignore_list l;
    size_t n = strlen(path), i;
    bool drop = false;

    assert_int_equal(ignore_parse(&l, &a, text, len, NULL), 0);
    for (i = 1; i <= n && !drop; i++)
        if (i == n || path[i] == '/')
            drop = ignore_match(&l, path, i - (i == n && path[i - 1] == '/'),
                                i < n || path[n - 1] == '/') == IGNORE_DROP;
    arena_release(&a);
    return drop;
}

struct row {
    const char *rules, *path;
    bool ignored;
};

static void check_rows(const struct row *rows, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (ignored(rows[i].rules, strlen(rows[i].rules), rows[i].path) != rows[i].ignored)
            fail_msg("rules \"%s\", path \"%s\": must %sbe ignored", rows[i].rules, rows[i].path,
                     rows[i].ignored ? "" : "not ");
}

static void test_ignore_places(void **state)
{
    static const struct row rows[] = {
        {"foo", "foo", true},      {"foo", "a/foo", true},   {"foo", "a/b/foo", true},
        {"foo", "foox", false},    {"/foo", "foo", true},    {"/foo", "a/foo", false},
        {"foo/", "foo/x", true},   {"foo/", "a/foo", false}, {"foo/", "a/foo/", true},
        {"a/b", "a/b", true},      {"a/b", "c/a/b", false},  {"./foo", "foo", false},
        {"a//b", "a/b", false},    {"//foo", "foo", false},  {"/", "a", false},
        {"a/b/", "a/b/c", true},   {"a/b/", "a/b", false},   {"!", "a", false},
        {"foo//", "foo/x", false},
    };

    (void)state;
    check_rows(rows, ARRAY_LEN(rows));
}

static void test_ignore_negation(void **state)
{
    static const struct row rows[] = {
        {"*.c\n!keep.c", "x.c", true},       {"*.c\n!keep.c", "keep.c", false},
        {"*.c\n!keep.c", "d/keep.c", false}, {"dir/\n!dir/keep", "dir/keep", true},
        {"dir/*\n!dir/keep", "dir/x", true}, {"dir/*\n!dir/keep", "dir/keep", false},
        {"!keep.c\n*.c", "keep.c", true},    {"*\n!*/\n!*.h", "a/b.h", false},
        {"*\n!*/\n!*.h", "a/b.c", true},
    };

    (void)state;
    check_rows(rows, ARRAY_LEN(rows));
}

static void test_ignore_wildcards(void **state)
{
    static const struct row rows[] = {
        {"**/x", "x", true},
        {"**/x", "q/x", true},
        {"**/x", "q/r/x", true},
        {"a/**", "a/b", true},
        {"a/**", "a/b/c", true},
        {"a/**", "a/", false},
        {"a/**/b", "a/b", true},
        {"a/**/b", "a/q/b", true},
        {"a/**/b", "a/q/r/b", true},
        {"a/**/b", "a/qb", false},
        {"a**b", "axxb", true},
        {"a**b", "a/b", false},
        {"x/foo**", "x/foobar", true},
        {"x/foo**", "x/foo/y", true},
        {"/**", "anything", true},
        {"**", "anything", true},
        {"a/**/**/b", "a/b", true},
        {"a/**/**", "a/b", true},
        {"a/**/**", "a/", false},
        {"a/***/b", "a/x/b", true},
        {"**/a/**/b", "x/a/y/b", true},
        {"[a-c].t", "b.t", true},
        {"[a-c].t", "d.t", false},
        {"?.u", "1.u", true},
        {"?.u", "12.u", false},
        {"q*r", "qxr", true},
        {"q*r", "q/r", false},
        {"f[!a]", "fb", true},
        {"f[!a]", "fa", false},
        {"g[^a]", "gb", true},
        {"g[^a]", "ga", false},
        {"[]a]x", "]x", true},
        {"[]-]x", "-x", true},
        {"[[:digit:]]z", "7z", true},
        {"[[:digit:]]z", "az", false},
        {"[[:nope:]]z", "nz", false},
        {"[abc", "[abc", false},
        {"a[", "a[", false},
        {"[a\\]b]", "]", true},
        {"*.tar.gz", "x.tar.gz", true},
        {"*a*a*b", "xaxaxb", true},
        {"a*", "a", true},
        {"*?", "", false},
        {"x/*/z", "x/y/z", true},
        {"x/*/z", "x/y/q/z", false},
        {"[--0]k", ".k", true},
        {"**/", "d/x", true},
        {"**/", "f", false},
    };

    (void)state;
    check_rows(rows, ARRAY_LEN(rows));
}

static void test_ignore_lines(void **state)
{
    static const struct row rows[] = {
        {"foo ", "foo", true},
        {"foo ", "foo ", false},
        {"foo\\ ", "foo ", true},
        {"foo\\ ", "foo", false},
        {"foo\t", "foo", false},
        {"foo\t", "foo\t", true},
        {"\\#x", "#x", true},
        {"\\!y", "!y", true},
        {"#z", "#z", false},
        {"foo\r\nbar\r\n", "foo", true},
        {"foo\r\nbar", "bar", true},
        {"\xef\xbb\xbf"
         "foo",
         "foo", true},
        {"foo\\", "foo", false},
        {"foo\\", "foo\\", false},
        {"   ", "   ", false},
        {"\n\n\nfoo\n\n", "foo", true},
        {"a \\ b  ", "a  b", true},
        {"foo\\  ", "foo ", true},
    };

    (void)state;
    check_rows(rows, ARRAY_LEN(rows));
    assert_true(ignored("foo\0bar\nbaz", 11, "foo")); /* a line ends at a NUL for git too */
    assert_true(ignored("foo\0bar\nbaz", 11, "baz"));
}

/* Patterns that ruin a backtracking matcher. */
static void test_ignore_hostile(void **state)
{
    char pattern[600], path[4000];
    size_t i;

    (void)state;
    for (i = 0; i + 3 < sizeof(pattern); i += 2)
        memcpy(pattern + i, "a*", 2);
    memcpy(pattern + i, "b", 2);
    memset(path, 'a', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    assert_false(ignored(pattern, strlen(pattern), path));
    for (i = 0; i + 5 < sizeof(pattern); i += 4)
        memcpy(pattern + i, "**/x", 4), pattern[i + 3] = '/';
    pattern[i] = '\0';
    for (i = 0; i + 2 < sizeof(path); i += 2)
        memcpy(path + i, "a/", 2);
    path[i] = 'b';
    path[i + 1] = '\0';
    (void)ignored(pattern, strlen(pattern), path);
    for (i = 0; i + 6 < sizeof(pattern); i += 5)
        memcpy(pattern + i, "a*/**", 5), pattern[i + 4] = '/';
    memcpy(pattern + i, "c", 2);
    assert_false(ignored(pattern, strlen(pattern), path));
}

static void test_ignore_limits(void **state)
{
    static char text[IGNORE_MAX_RULES * 2 + 100];
    char longest[IGNORE_MAX_PATTERN + 2];
    struct arena a = {0};
    struct ignore_list l;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(text); i += 2)
        memcpy(text + i, "a\n", 2);
    assert_int_equal(ignore_parse(&l, &a, text, sizeof(text), NULL), 0);
    assert_int_equal(l.n_rules, IGNORE_MAX_RULES);
    assert_int_equal(l.n_dropped, 50);
    memset(longest, 'a', sizeof(longest));
    assert_int_equal(ignore_parse(&l, &a, longest, IGNORE_MAX_PATTERN, NULL), 0);
    assert_int_equal(l.n_rules, 1);
    assert_int_equal(ignore_parse(&l, &a, longest, IGNORE_MAX_PATTERN + 1, NULL), 0);
    assert_int_equal(l.n_rules, 0);
    assert_int_equal(l.n_dropped, 1);
    assert_int_equal(ignore_parse(&l, &a, "", 0, NULL), 0);
    assert_int_equal(ignore_match(&l, "a", 1, false), IGNORE_SILENT);
    arena_release(&a);
}

static void test_ignore_nomem(void **state)
{
    struct ignore_list l;
    size_t n = 0;
    int rc;

    (void)state;
    do {
        struct arena a = {0};

        fault_arm(FAULT_ALLOC, ++n, false);
        rc = ignore_parse(&l, &a, "a/b\n**/c\n", 9, NULL);
        assert_true(rc == 0 || rc == DOBBY_E_NOMEM);
        arena_release(&a);
    } while (fault_disarm(FAULT_ALLOC));
    assert_true(rc == 0 && n > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ignore_places),    cmocka_unit_test(test_ignore_negation),
        cmocka_unit_test(test_ignore_wildcards), cmocka_unit_test(test_ignore_lines),
        cmocka_unit_test(test_ignore_hostile),   cmocka_unit_test(test_ignore_limits),
        cmocka_unit_test(test_ignore_nomem),
    };

    return cmocka_run_group_tests_name("code/gitignore", tests, NULL, NULL);
}
