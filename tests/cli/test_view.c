/* test_view.c - lines for people: the plan's, those of agents, what is left undone; and numbers as they are shown. */
#include "support/test.h"

#include "cli/cli.h"
#include "cli/sig.h"
#include "cli/view.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void test_view_plan_lines(void **state)
{
    static const struct {
        const char *json, *line;
    } row[] = {
        {"{\"path\":\"src/"
         "a.c\",\"language\":\"c\",\"units\":[{\"name\":\"f\",\"kind\":\"function\",\"start_line\":"
         "1,"
         "\"end_line\":2},{\"name\":\"}]{\\\"path\\\":\",\"kind\":\"function\",\"start_line\":3,"
         "\"end_line\":4}]}",
         "c, 2 units                   src/a.c\n"},
        {"{\"path\":\"b.py\",\"language\":\"python\",\"units\":[{\"name\":\"units\"}]}",
         "python, 1 unit               b.py\n"},
        {"{\"path\":\"e.py\",\"language\":\"python\",\"units\":[]}",
         "python, 0 units              e.py\n"},
        {"{\"path\":\"x.bin\",\"language\":null,\"skipped\":\"binary\"}",
         "skipped: binary              x.bin\n"},
        {"{\"path_hex\":\"ff2e63\",\"language\":\"c\",\"units\":[]}",
         "c, 0 units                   (hex) ff2e63\n"},
        {"{\"path\":\"q\\\"\\n.c\",\"language\":\"c\",\"units\":[]}",
         "c, 0 units                   q\\\"\\n.c\n"},
    };
    struct strbuf b = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        strbuf_reset(&b);
        view_plan_line(&b, row[i].json);
        assert_string_equal(strbuf_str(&b), row[i].line);
    }
    strbuf_release(&b);
}

static void test_view_agents(void **state)
{
    static const struct {
        struct dobby_agent agent;
        const char *line;
    } row[] = {
        {{.label = "a.c: f",
          .slot = 0,
          .attempt = 1,
          .tries = 1,
          .progress = {.state = DOBBY_ST_READING, .n_prompt = 512, .n_read = 300, .ms = 1240}},
         "  1  reading    300/512    1.2 s  a.c: f"},
        {{.label = "a.c: f",
          .slot = 9,
          .attempt = 2,
          .tries = 1,
          .progress = {.state = DOBBY_ST_WRITING, .n_written = 17, .ms = 61000}},
         " 10  writing         17   61.0 s  a.c: f (form 2)"},
        {{.label = "a.c: f", .slot = 1, .attempt = 1, .tries = 3, .backing_off = 1, .wait_s = 0.4},
         "  2  retrying           in 0.4 s  a.c: f (try 3)"},
        {{.label = "a.c: f",
          .slot = 1,
          .attempt = 1,
          .tries = 1,
          .progress = {.state = DOBBY_ST_PARKED, .n_prompt = 512, .ms = 10}},
         "  2  waiting               0.0 s  a.c: f"},
        {{.label = "", .slot = 1, .attempt = 1, .tries = 1}, "  2  working               0.0 s  "},
    };
    struct strbuf b = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        strbuf_reset(&b);
        view_agent_line(&b, &row[i].agent);
        assert_string_equal(strbuf_str(&b), row[i].line);
    }
    strbuf_release(&b);
}

/* What fn writes to stderr; release it. */
static struct strbuf stderr_of(void (*fn)(struct view *v), struct view *v)
{
    char *dir = temp_dir(), *text;
    const char *path = temp_path(dir, "err");
    struct strbuf out = {0};
    int keep = dup(STDERR_FILENO), fd = open(path, O_WRONLY | O_CREAT, 0600);
    size_t n;

    assert_true(keep >= 0 && fd >= 0);
    assert_true(dup2(fd, STDERR_FILENO) >= 0);
    fn(v);
    assert_true(dup2(keep, STDERR_FILENO) >= 0);
    close(keep);
    close(fd);
    text = get_file(path, &n);
    strbuf_add(&out, text, n);
    free(text);
    temp_dir_remove(dir);
    return out;
}

static void fail_unit(struct view *v, const char *name, const char *why, size_t n_units)
{
    struct dobby_event ev = {
        .kind = DOBBY_EV_FAILED, .text = name, .failure = why, .n_tries = 3, .n_units = n_units};

    view_event(v, &ev);
}

/* Grouped by reason, the largest first; numbers make no other reason; beyond ten reasons they are counted. */
static void test_view_undone(void **state)
{
    struct term t;
    struct view v;
    struct strbuf out;
    char name[32], why[64];

    (void)state;
    term_init(&t, true);
    view_init(&v, &t);
    out = stderr_of(view_undone, &v);
    assert_string_equal(strbuf_str(&out), "");
    strbuf_release(&out);
    fail_unit(&v, "a.c: one", "no end after 1 ms", 1);
    for (int i = 0; i < 5; i++) {
        snprintf(name, sizeof(name), "b.c: f%d", i);
        snprintf(why, sizeof(why), "prompt of %d tokens: too long", 9000 + 500 * i);
        fail_unit(&v, name, why, 2);
    }
    out = stderr_of(view_undone, &v);
    assert_string_equal(strbuf_str(&out),
                        "dobby: undone:    10 units  prompt of 9000 tokens: too long  "
                        "(b.c: f0, b.c: f1, b.c: f2, ...)\n"
                        "dobby: undone:     1 unit   no end after 1 ms  (a.c: one)\n");
    strbuf_release(&out);
    for (char c = 'a'; c < 'z'; c++) {
        snprintf(why, sizeof(why), "reason %c", c);
        fail_unit(&v, "c.c: g", why, 1);
    }
    out = stderr_of(view_undone, &v);
    assert_non_null(strstr(strbuf_str(&out), "undone:    17 units  for other reasons\n"));
    strbuf_release(&out);
    view_release(&v);
}

/* Going on after a stop is noticed, once. */
static void test_view_resumed(void **state)
{
    (void)state;
    sig_install();
    assert_false(sig_resumed());
    assert_int_equal(raise(SIGCONT), 0);
    assert_true(sig_resumed());
    assert_false(sig_resumed());
}

static void test_view_numbers(void **state)
{
    static const struct {
        double n;
        const char *text;
    } bytes[] =
        {{0, "0 B"},         {999, "999 B"},        {1000, "1.0 kB"},       {98362432, "98.4 MB"},
         {999600, "1.0 MB"}, {491400064, "491 MB"}, {1117320768, "1.12 GB"}},
      seconds[] = {{0, "0.00 s"},       {0.25, "0.25 s"},  {1.04, "1.0 s"},
                   {59.4, "59.4 s"},    {61, "1 min 1 s"}, {3599, "59 min 59 s"},
                   {3700, "1 h 1 min"}, {-3, "0.00 s"},    {1e9, "days"}};
    struct strbuf b = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
        strbuf_reset(&b);
        cli_put_bytes(&b, bytes[i].n);
        assert_string_equal(strbuf_str(&b), bytes[i].text);
    }
    for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
        strbuf_reset(&b);
        cli_put_seconds(&b, seconds[i].n);
        assert_string_equal(strbuf_str(&b), seconds[i].text);
    }
    strbuf_release(&b);
}

static void test_view_exit_codes(void **state)
{
    static const struct {
        int code, exit;
    } row[] = {{0, 0},
               {DOBBY_E_NOMEM, 70},
               {DOBBY_E_IO, 74},
               {DOBBY_E_FORMAT, 65},
               {DOBBY_E_UNSUPPORTED, 65},
               {DOBBY_E_NOTFOUND, 66},
               {DOBBY_E_PERMISSION, 77},
               {DOBBY_E_USAGE, 64},
               {DOBBY_E_UNAVAILABLE, 69},
               {DOBBY_E_CREATE, 73},
               {DOBBY_E_CONFIG, 78},
               {DOBBY_E_LIMIT, 65},
               {DOBBY_E_NUMERIC, 65},
               {DOBBY_E_INTERNAL, 70},
               {DOBBY_E_UNDONE, 75},
               {-1000, 70}};

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
        assert_int_equal(cli_exit_code(row[i].code), row[i].exit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_view_plan_lines), cmocka_unit_test(test_view_agents),
        cmocka_unit_test(test_view_undone),     cmocka_unit_test(test_view_resumed),
        cmocka_unit_test(test_view_numbers),    cmocka_unit_test(test_view_exit_codes),
    };

    return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}
