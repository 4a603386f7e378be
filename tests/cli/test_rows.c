/* test_rows.c - rows of every kind as HTML page, llms.txt and SCIP index, made by hand: names and texts as bad as they come, and
 * memory that runs out. */
#include "support/test.h"

#include "base/fault.h"
#include "base/file.h"
#include "base/size.h"
#include "cli/rows.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[64];

static int setup(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/dobby-rows-XXXXXX");
    return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
    char cmd[96];

    (void)state;
    snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
    return chdir("/") == 0 && system(cmd) == 0 ? 0 : -1;
}

#define PATH(s) .path = (s), .path_len = sizeof(s) - 1

static const char *const finding[] = {"its comment names `</script>`", "a second one", NULL};

static const struct dobby_row all[] = {
    {PATH("."), .name = ".", .kind = "repository", .summary = "All of <it>.", .source = "model",
     .model = "m", .confidence = 0.715},
    {PATH("README.md"), .kind = "chunk", .start_line = 1, .end_line = 9, .language = "markdown",
     .summary = "Tell how to build it.", .source = "model", .model = "m", .confidence = 0.5},
    {PATH("bad\xff\x1b.c"), .name = "f", .kind = "function", .start_line = 1, .end_line = 2,
     .language = "c", .confidence = -1},
    {PATH("src"), .name = "src", .kind = "directory", .summary = "The [sources].",
     .source = "model", .model = "m", .confidence = 0.5},
    {PATH("src/a b.cpp"), .name = "a b.cpp", .kind = "file", .language = "cpp",
     .summary = "Circles and *what* they do.", .source = "model", .model = "m", .confidence = 2},
    {PATH("src/a b.cpp"), .name = "geo::Circle", .kind = "type", .start_line = 1, .end_line = 20,
     .language = "cpp", .confidence = -1},
    {PATH("src/a b.cpp"), .name = "geo::Circle::area", .kind = "method", .start_line = 2,
     .end_line = 4, .language = "cpp", .summary = "Say </script><script>x</script><!--.",
     .source = "doc", .confidence = -1},
    {PATH("src/a b.cpp"), .name = "geo::Circle::area", .kind = "method", .start_line = 5,
     .end_line = 5, .language = "cpp", .summary = "Another \xe2\x80\xae one\n\xff.",
     .source = "signature", .confidence = -1, .findings = finding},
    {PATH("src/a b.cpp"), .name = "geo::Circle::operator+", .kind = "method", .start_line = 6,
     .end_line = 9, .language = "cpp", .summary = "Add.", .source = "remote", .model = "r",
     .confidence = 0.25, .label = "low"},
    {PATH("src/a b.cpp"), .name = "geo::Circle", .kind = "type", .start_line = 21, .end_line = 22,
     .language = "cpp", .confidence = -1},
    {PATH("src/a b.cpp"), .name = "odd`name", .kind = "function", .start_line = 23, .end_line = 24,
     .language = "cpp", .confidence = -1},
    {PATH("src/a b.cpp"), .name = "mod", .kind = "module", .start_line = 25, .end_line = 26,
     .language = "cpp", .confidence = -1},
    {PATH("src/a b.cpp"), .kind = "chunk", .start_line = 27, .end_line = 28, .language = "cpp",
     .confidence = -1},
};

/* All rows in a form, into the file "out". */
static int write_rows(enum rows_form form, const struct dobby_row *row, size_t n,
                      struct dobby_err *e)
{
    struct rows_to to = {.form = form, .output = "out", .title = "A <p>  &"};
    struct rows r;
    int rc = rows_open(&r, "show", &to, e);

    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = rows_put(&r, &row[i]);
        if (rc < 0)
            *e = r.err;
    }
    if (rc == 0)
        rc = rows_commit(&r, e);
    rows_release(&r);
    return rc;
}

static void read_out(struct strbuf *b)
{
    *b = (struct strbuf){0};
    assert_int_equal(file_read_all(b, "out", 1 << 24, NULL), 0);
}

static bool holds(const struct strbuf *b, const char *s, size_t n)
{
    return memmem(strbuf_str(b), b->len, s, n) != NULL;
}
#define HOLDS(b, s) assert_true(holds(&(b), (s), sizeof(s) - 1))
#define LACKS(b, s) assert_false(holds(&(b), (s), sizeof(s) - 1))

static void test_page_rows(void **state)
{
    static const char head[] = "id=\"rows\">";
    struct dobby_err e = {0};
    struct strbuf b;
    const char *from, *to;
    json_t *rows, *r;

    (void)state;
    assert_int_equal(write_rows(ROWS_HTML, all, ARRAY_LEN(all), &e), 0);
    read_out(&b);
    HOLDS(b, "<title>A &#60;p&#62;  &#38;</title>");
    from = strstr(b.s, head) + sizeof(head) - 1;
    to = strstr(from, "</script>");
    assert_null(memchr(from, '<', (size_t)(to - from)));
    rows = json_loadb(from, (size_t)(to - from), 0, NULL);
    assert_non_null(rows);
    assert_int_equal(json_array_size(rows), ARRAY_LEN(all));
    r = json_array_get(rows, 0);
    assert_string_equal(json_string_value(json_array_get(r, 6)), "All of <it>.");
    assert_int_equal(json_integer_value(json_array_get(r, 8)), 72);
    assert_int_equal(json_array_size(r), 10);
    r = json_array_get(rows, 2);
    assert_string_equal(json_string_value(json_array_get(r, 0)), "bad\\xFF\\x1B.c");
    assert_true(json_is_null(json_array_get(r, 9))); /* a model before, none now */
    r = json_array_get(rows, 4);
    assert_int_equal(json_integer_value(json_array_get(r, 8)), 100);
    r = json_array_get(rows, 7);
    assert_true(json_is_integer(json_array_get(r, 0))); /* as before */
    assert_string_equal(json_string_value(json_array_get(r, 6)),
                        "Another \\u{202E} one\\x0A\\xFF.");
    assert_int_equal(json_array_size(json_array_get(r, 10)), 2);
    r = json_array_get(rows, 8);
    assert_int_equal(json_array_size(r), 12);
    assert_true(json_is_null(json_array_get(r, 10)));
    assert_string_equal(json_string_value(json_array_get(r, 11)), "low");
    r = json_array_get(rows, 12);
    assert_true(json_is_null(json_array_get(r, 1)));
    json_decref(rows);
    strbuf_release(&b);
}

static void test_scip_symbols(void **state)
{
    struct dobby_err e = {0};
    struct strbuf b;

    (void)state;
    assert_int_equal(write_rows(ROWS_SCIP, all, ARRAY_LEN(all), &e), 0);
    read_out(&b);
    /* The index begins with its metadata: 28 bytes, of which the tool takes 14. */
    assert_memory_equal(b.s,
                        "\x0a\x1c\x12\x0e\x0a\x05"
                        "dobby"
                        "\x12\x05" DOBBY_VERSION,
                        18);
    HOLDS(b, "\x1a\x08"
             "file:///"
             "\x20\x01");
#define PLACE "dobby . A  <p>    & . src/`a b.cpp`/"
    HOLDS(b, "\x12\x24" PLACE "\x18\x01"); /* the file's occurrence */
    HOLDS(b, "\x12\x2f" PLACE "geo#Circle#"
             "\x18\x01\x3a\x04"); /* has an enclosing range */
    HOLDS(b, PLACE "geo#Circle#area()."
                   "\x18\x01");
    HOLDS(b, PLACE "geo#Circle#area(+1)."
                   "\x18\x01\x32"); /* and diagnostics */
    HOLDS(b, PLACE "`geo::Circle::operator+`()."
                   "\x18\x01"); /* in one piece */
    HOLDS(b, PLACE "geo#`Circle~2`#"
                   "\x18\x01");
    HOLDS(b, PLACE "`odd``name`()."
                   "\x18\x01");
    HOLDS(b, PLACE "mod/"
                   "\x18\x01");
    HOLDS(b, PLACE "`line 27`."
                   "\x18\x01");
    HOLDS(b, "Circles and \\*what\\* they do.");
    HOLDS(b, "Say \\</script\\>");
    HOLDS(b, "Another \\\\u{202E} one\\\\x0A\\\\xFF.\n\n*From name and parameters only.*");
    HOLDS(b, "Add.\n\n*By a remote model, sure of it to 25%: doubtful.*");
    HOLDS(b, "\x22\x03"
             "CPP"
             "\x30\x01");
    HOLDS(b, "a second one\x22\x05"
             "dobby");
    LACKS(b, "All of"); /* no file */
    LACKS(b, "sources");
    LACKS(b, "bad");
    strbuf_release(&b);
}

static void test_llms_lines(void **state)
{
    struct dobby_err e = {0};
    struct strbuf b;

    (void)state;
    assert_int_equal(write_rows(ROWS_LLMS, all, ARRAY_LEN(all), &e), 0);
    read_out(&b);
    assert_string_equal(strbuf_str(&b),
                        "# A \\<p\\>  \\&\n\n> All of \\<it\\>.\n\n"
                        "## Top level\n\n"
                        "- [README.md](README.md): 1 unit\n"
                        "- [bad\\\\xFF\\\\x1B.c](bad%FF%1B.c): `f`\n\n"
                        "## src/\n\n"
                        "- [src/](src/): The \\[sources\\].\n"
                        "- [src/a b.cpp](src/a%20b.cpp): Circles and \\*what\\* they do.\n");
    strbuf_release(&b);
}

/* 40 directories of 30 files each, in two: more than there are lines. */
static void test_llms_bounded(void **state)
{
    static char paths[1200][32];
    static struct dobby_row row[1202];
    struct dobby_err e = {0};
    size_t n_lines = 0, n = 0;
    struct strbuf b;

    (void)state;
    row[n++] = (struct dobby_row){PATH("deep"), .name = "deep", .kind = "directory",
                                  .summary = "What lies deep.", .confidence = -1};
    row[n++] = (struct dobby_row){PATH("deep/d07"), .name = "d07", .kind = "directory",
                                  .summary = "The seventh.", .confidence = -1};
    for (int i = 0; i < 1200; i++) {
        snprintf(paths[i], sizeof(paths[i]), i < 900 ? "deep/d%02d/f%02d.c" : "top/d%02d/f%02d.c",
                 i / 30, i % 30);
        row[n++] = (struct dobby_row){.path = paths[i],
                                      .path_len = strlen(paths[i]),
                                      .name = "f",
                                      .kind = "function",
                                      .start_line = 1,
                                      .end_line = 2,
                                      .language = "c",
                                      .confidence = -1};
    }
    assert_int_equal(write_rows(ROWS_LLMS, row, n, &e), 0);
    read_out(&b);
    for (const char *s = b.s; (s = strstr(s, "\n- [")) != NULL; s++)
        n_lines++;
    assert_true(n_lines > LLMS_LINES_MAX - 40 && n_lines <= LLMS_LINES_MAX + 2);
    HOLDS(b, "## deep/\n\n- [deep/](deep/): What lies deep.\n");
    HOLDS(b, "- [deep/d07/f00.c](deep/d07/f00.c): `f`\n"); /* opened while there were lines */
    HOLDS(b, "## deep/d07/\n\n- [deep/d07/](deep/d07/): The seventh.\n");
    HOLDS(b, "- [deep/d29/](deep/d29/): 30 files, 30 units\n");
    HOLDS(b, "- [top/d39/](top/d39/): 30 files, 30 units\n");
    strbuf_release(&b);
    /* A closed directory keeps its own summary, and takes none from what lies in it. */
    row[1].path = "deep/d29";
    memmove(row + 1, row + 2, 871 * sizeof(row[0]));
    row[871] = (struct dobby_row){PATH("deep/d29"), .name = "d29", .kind = "directory",
                                  .summary = "The last.", .confidence = -1};
    assert_int_equal(write_rows(ROWS_LLMS, row, n, &e), 0);
    read_out(&b);
    HOLDS(b, "- [deep/d29/](deep/d29/): The last. (30 files, 30 units)\n");
    strbuf_release(&b);
}

static void test_rows_of_nothing(void **state)
{
    struct dobby_err e = {0};
    struct strbuf b;

    (void)state;
    for (int form = ROWS_HTML; form <= ROWS_SCIP; form++) {
        assert_int_equal(write_rows((enum rows_form)form, NULL, 0, &e), 0);
        read_out(&b);
        assert_true(b.len > 20);
        strbuf_release(&b);
    }
}

static void test_rows_faults(void **state)
{
    static const enum fault_class class[] = {FAULT_ALLOC, FAULT_WRITE};

    (void)state;
    for (int form = ROWS_MD; form <= ROWS_SCIP; form++) {
        for (size_t k = 0; k < ARRAY_LEN(class); k++) {
            size_t n = 0;
            int rc;

            unlink("out");
            do {
                struct dobby_err e = {0};

                fault_count(true);
                fault_arm(class[k], ++n, false);
                if (form >= ROWS_HTML) {
                    rc = write_rows((enum rows_form)form, all, ARRAY_LEN(all), &e);
                } else {
                    struct rows_to to = {.form = form, .output = "out"};
                    struct rows r;

                    rc = rows_open(&r, "show", &to, &e);
                    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(all); i++) {
                        rc = rows_put(&r, &all[i]);
                        if (rc < 0)
                            e = r.err;
                    }
                    if (rc == 0)
                        rc = rows_commit(&r, &e);
                    rows_release(&r);
                }
                assert_int_equal(fault_live(), 0);
                assert_true(rc == 0 || (rc < 0 && e.code == rc));
                assert_int_equal(file_exists("out"), rc == 0); /* whole or not at all */
            } while (fault_disarm(class[k]));
            fault_count(false);
            assert_int_equal(rc, 0);
            assert_true(n > 1);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_page_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_scip_symbols, setup, teardown),
        cmocka_unit_test_setup_teardown(test_llms_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(test_llms_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rows_of_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rows_faults, setup, teardown),
    };

    return cmocka_run_group_tests_name("rows", tests, NULL, NULL);
}
