/* test_err.c - failures as values, log lines, the two free-standing calls of dobby.h. */
#include "support/test.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void test_err_first_wins(void **state)
{
    struct dobby_err e = {0};

    (void)state;
    assert_int_equal(err_set(&e, DOBBY_E_FORMAT, "%s: byte %d", "x.gguf", 7), DOBBY_E_FORMAT);
    assert_int_equal(err_errno(&e, ENOENT, NULL, "later"), DOBBY_E_NOTFOUND);
    assert_int_equal(err_nomem(&e, "later"), DOBBY_E_NOMEM);
    assert_int_equal(e.code, DOBBY_E_FORMAT);
    assert_string_equal(e.message, "x.gguf: byte 7");
    err_clear(&e);
    assert_int_equal(e.code, 0);
    assert_string_equal(e.message, "");
    assert_int_equal(err_set(NULL, DOBBY_E_IO, "nobody listens"), DOBBY_E_IO);
    err_clear(NULL);
}

static void test_err_errno(void **state)
{
    static const struct {
        int errnum, code;
    } t[] = {{ENOENT, DOBBY_E_NOTFOUND},  {EACCES, DOBBY_E_PERMISSION}, {EPERM, DOBBY_E_PERMISSION},
             {EROFS, DOBBY_E_PERMISSION}, {ENOMEM, DOBBY_E_NOMEM},      {ENOSPC, DOBBY_E_IO}};
    struct dobby_err e = {0};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        err_clear(&e);
        assert_int_equal(err_errno(&e, t[i].errnum, NULL, "open: f"), t[i].code);
        assert_int_equal(e.code, t[i].code);
    }
    err_clear(&e);
    err_errno(&e, ENOENT, "look elsewhere", "open: %s", "f");
    assert_string_equal(e.message, "open: f: No such file or directory; look elsewhere");
}

static void test_err_is_one_line(void **state)
{
    struct dobby_err e = {0};
    char name[5000];
    size_t i;

    (void)state;
    err_set(&e, DOBBY_E_IO, "open: %s", "a\nb\x1b[2J");
    assert_string_equal(e.message, "open: a\\x0Ab\\x1B[2J");
    for (i = 0; i + 2 < sizeof(name); i += 2)
        memcpy(name + i, "\xC3\xA9", 2);
    name[i] = '\0';
    for (i = 0; i < 4; i++) { /* wherever the cut falls, no half of a letter is left */
        err_clear(&e);
        err_set(&e, DOBBY_E_IO, "%.*s%s", (int)i, "abc", name);
        assert_true(strlen(e.message) >= sizeof(e.message) - 4);
        assert_true(utf8_valid(e.message, strlen(e.message)));
        assert_null(strstr(e.message, "\\x"));
        err_clear(&e);
        err_errno(&e, ENOENT, "hint", "%.*s%s", (int)i, "abc", name);
        assert_true(utf8_valid(e.message, strlen(e.message)));
    }
}

static char seen[3000];
static int n_seen, last_level;

static void sink(void *ctx, int level, const char *line)
{
    assert_ptr_equal(ctx, &n_seen);
    snprintf(seen, sizeof(seen), "%s", line);
    last_level = level;
    n_seen++;
}

static void test_log(void **state)
{
    char big[4000];

    (void)state;
    log_msg(LOG_ERROR, "nobody listens yet");
    dobby_set_log(sink, &n_seen, 1);
    log_msg(LOG_INFO, "too quiet");
    assert_int_equal(n_seen, 0);
    log_msg(LOG_WARN, "file %s", "x\ny");
    assert_int_equal(n_seen, 1);
    assert_int_equal(last_level, 1);
    assert_string_equal(seen, "file x\\x0Ay");
    memset(big, 'b', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    log_msg(LOG_ERROR, "%s", big);
    assert_true(strlen(seen) > 2000);
    dobby_set_log(NULL, NULL, 3);
    log_msg(LOG_ERROR, "gone");
    assert_int_equal(n_seen, 2);
}

static void test_public(void **state)
{
    (void)state;
    assert_string_equal(dobby_version(), DOBBY_VERSION);
    dobby_free(mem_strdup("x"));
    dobby_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_err_first_wins),  cmocka_unit_test(test_err_errno),
        cmocka_unit_test(test_err_is_one_line), cmocka_unit_test(test_log),
        cmocka_unit_test(test_public),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
