/* test_view.c - the plan's lines for people, and numbers as they are shown. */
#include "support/test.h"

#include "cli/cli.h"
#include "cli/view.h"

#include <string.h>

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
        cmocka_unit_test(test_view_plan_lines),
        cmocka_unit_test(test_view_numbers),
        cmocka_unit_test(test_view_exit_codes),
    };

    return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}
