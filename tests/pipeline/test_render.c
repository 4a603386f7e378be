/* test_render.c - rows as JSON lines and as Markdown. */
#include "dobby.h"

#include "base/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <locale.h>
#include <math.h>
#include <string.h>

static struct dobby_row plain_row(void)
{
    return (struct dobby_row){
        .path = "src/a.c",
        .path_len = 7,
        .name = "area",
        .kind = "function",
        .start_line = 3,
        .end_line = 9,
        .language = "c",
        .summary = "Return the area of a \"circle\".",
        .source = "model",
        .model = "tiny",
        .confidence = 0.81234,
        .key = "00ff",
    };
}

static void expect_json(const struct dobby_row *row, const char *want)
{
    char *got = dobby_row_json(row);

    assert_non_null(got);
    assert_string_equal(got, want);
    dobby_free(got);
}

static void expect_markdown(const struct dobby_row *row, const struct dobby_row *prev,
                            const char *want)
{
    char *got = dobby_row_markdown(row, prev);

    assert_non_null(got);
    assert_string_equal(got, want);
    dobby_free(got);
}

static void test_json_keys_in_order(void **state)
{
    struct dobby_row row = plain_row();

    (void)state;
    expect_json(&row,
                "{\"path\":\"src/a.c\",\"name\":\"area\",\"kind\":\"function\",\"start_line\":3,"
                "\"end_line\":9,\"language\":\"c\",\"summary\":\"Return the area of a "
                "\\\"circle\\\".\",\"source\":\"model\",\"model\":\"tiny\",\"confidence\":0.8123,"
                "\"key\":\"00ff\",\"findings\":null,\"label\":null}\n");
}

static void test_json_absent_is_null(void **state)
{
    struct dobby_row row = {.path = "d", .path_len = 1, .confidence = -1};

    (void)state;
    expect_json(&row,
                "{\"path\":\"d\",\"name\":null,\"kind\":null,\"start_line\":null,\"end_line\":null,"
                "\"language\":null,\"summary\":null,\"source\":null,\"model\":null,"
                "\"confidence\":null,\"key\":null,\"findings\":null,"
                "\"label\":null}\n");
}

static void test_json_findings_and_confidence(void **state)
{
    static const char *const findings[] = {"stale", "a \"b\"", NULL};
    static const struct {
        double c;
        const char *text;
    } table[] = {{0, "0.0000"},   {1, "1.0000"},   {0.99996, "1.0000"},   {0.00004, "0.0000"},
                 {1.5, "1.0000"}, {0.5, "0.5000"}, {(double)NAN, "null"}, {-0.5, "null"}};
    struct dobby_row row = plain_row();

    (void)state;
    row.findings = findings;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char want[64], *got;

        row.confidence = table[i].c;
        snprintf(want, sizeof(want), "\"confidence\":%s,", table[i].text);
        got = dobby_row_json(&row);
        assert_non_null(strstr(got, want));
        assert_non_null(strstr(got, "\"findings\":[\"stale\",\"a \\\"b\\\"\"],\"label\":null}\n"));
        dobby_free(got);
    }
}

static void test_label(void **state)
{
    struct dobby_row row = plain_row();

    (void)state;
    row.label = "low";
    row.confidence = 0.4;
    expect_json(&row,
                "{\"path\":\"src/a.c\",\"name\":\"area\",\"kind\":\"function\",\"start_line\":3,"
                "\"end_line\":9,\"language\":\"c\",\"summary\":\"Return the area of a "
                "\\\"circle\\\".\",\"source\":\"model\",\"model\":\"tiny\",\"confidence\":0.4000,"
                "\"key\":\"00ff\",\"findings\":null,\"label\":\"low\"}\n");
    expect_markdown(&row, &row,
                    "- **`area`** (lines 3-9): Return the area of a \"circle\". *(model, 40%, "
                    "low)*\n");
    row.source = "remote";
    row.confidence = -1;
    expect_markdown(&row, &row,
                    "- **`area`** (lines 3-9): Return the area of a \"circle\". *(remote, low)*\n");
}

/* Whatever bytes a row holds, the line is one line, and JSON. */
static void test_json_of_any_bytes(void **state)
{
    struct dobby_row row = plain_row();
    json_t *o;
    char *got;

    (void)state;
    row.path = "a\xff/new\nline";
    row.path_len = strlen(row.path);
    row.name = "n\xc3\x01\"\\";
    row.summary = "two\nlines \xe2\x80\xa8 and \x1b[31m";
    got = dobby_row_json(&row);
    assert_non_null(got);
    assert_ptr_equal(strchr(got, '\n'), got + strlen(got) - 1);
    o = json_loads(got, 0, NULL);
    assert_non_null(o);
    assert_null(json_object_get(o, "path"));
    assert_string_equal(json_string_value(json_object_get(o, "path_hex")),
                        "61ff2f6e65770a6c696e65");
    assert_string_equal(json_string_value(json_object_get(o, "name")), "n\xef\xbf\xbd\x01\"\\");
    json_decref(o);
    dobby_free(got);
    row.path = "new\nline";
    row.path_len = 8;
    got = dobby_row_json(&row);
    assert_non_null(strstr(got, "\"path\":\"new\\nline\""));
    dobby_free(got);
}

static void test_markdown_headings(void **state)
{
    struct dobby_row a = plain_row(), b = plain_row(), c = plain_row();

    (void)state;
    b.source = "doc";
    b.confidence = -1;
    c.path = "src/b.c";
    c.source = "signature";
    c.confidence = -1;
    expect_markdown(&a, NULL,
                    "## `src/a.c`\n\n- **`area`** (lines 3-9): Return the area of a "
                    "\"circle\". *(model, 81%)*\n");
    expect_markdown(&b, &a,
                    "- **`area`** (lines 3-9): Return the area of a \"circle\". *(from its "
                    "comment)*\n");
    expect_markdown(&c, &b,
                    "\n## `src/b.c`\n\n- **`area`** (lines 3-9): Return the area of a "
                    "\"circle\". *(from name and parameters only)*\n");
}

static void test_markdown_is_escaped(void **state)
{
    struct dobby_row row = plain_row();

    (void)state;
    row.path = "a`b``c\n# d";
    row.path_len = strlen(row.path);
    row.name = "operator*\x1b[2J";
    row.summary = "<img src=x> [a](b) **c** _d_ my_name `e` # f \x1b[31m\n- g";
    expect_markdown(
        &row, NULL,
        "## ``` a`b``c\\x0A# d ```\n\n- **`operator*\\x1B[2J`** (lines 3-9): \\<img "
        "src=x\\> \\[a\\](b) \\*\\*c\\*\\* \\_d\\_ my_name \\`e\\` \\# f \\\\x1B\\[31m\\\\x0A- g "
        "*(model, 81%)*\n");
}

static void test_no_memory(void **state)
{
    struct dobby_row row = plain_row();
    size_t n = 0;
    char *got;

    (void)state;
    do {
        fault_arm(FAULT_ALLOC, ++n, false);
        got = dobby_row_json(&row);
        if (got) {
            dobby_free(got);
            got = dobby_row_markdown(&row, NULL);
        }
        dobby_free(got);
    } while (fault_disarm(FAULT_ALLOC));
    assert_non_null(got);
    assert_true(n > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_keys_in_order),
        cmocka_unit_test(test_json_absent_is_null),
        cmocka_unit_test(test_json_findings_and_confidence),
        cmocka_unit_test(test_label),
        cmocka_unit_test(test_json_of_any_bytes),
        cmocka_unit_test(test_markdown_headings),
        cmocka_unit_test(test_markdown_is_escaped),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
