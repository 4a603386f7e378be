/* test_lines.c - lines of an input in pieces of any size, lines that are too long, and how much memory that takes. */
#include "support/test.h"

#include "base/size.h"
#include "cli/lines.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX 10

/* All lines of `text`, written to a pipe `piece` bytes at a time, joined by '|'; one that is too long is "!". */
static void read_all(struct strbuf *out, const char *text, size_t len, size_t piece)
{
    struct line_reader r;
    size_t at = 0, line_len;
    const char *line;
    int fd[2];

    assert_int_equal(pipe(fd), 0);
    line_reader_init(&r, fd[0], "test", MAX);
    while (!r.eof) {
        size_t n = size_min(piece, len - at);

        if (n > 0)
            assert_int_equal(write(fd[1], text + at, n), n);
        else
            close(fd[1]);
        at += n;
        assert_int_equal(line_reader_fill(&r, NULL), 0);
        assert_true(r.buf.cap < 65536 * 4);
        for (;;) {
            bool ready = line_reader_ready(&r);
            enum line_kind k = line_reader_next(&r, &line, &line_len);

            assert_int_equal(ready, k != LINE_NONE);
            if (k == LINE_NONE)
                break;
            if (k == LINE_WHOLE)
                strbuf_add(out, line, line_len);
            strbuf_puts(out, k == LINE_WHOLE ? "|" : "!|");
        }
    }
    assert_int_equal(r.size, len);
    strbuf_printf(out, "%d", (int)r.n);
    line_reader_release(&r);
    close(fd[0]);
}

static void test_lines_any_pieces(void **state)
{
    static const struct {
        const char *text, *want;
    } row[] = {
        {"", "0"},
        {"\n", "|1"},
        {"a", "a|1"},
        {"a\nbc\n\nd", "a|bc||d|4"},
        {"a\nbc\n\nd\n", "a|bc||d|4"},
        {"1234567890\n1234567890", "1234567890|1234567890|2"}, /* as long as may be */
        {"12345678901\nx", "!|x|2"},
        {"x\n12345678901234567890123456789012345678901234567890\n\ny", "x|!||y|4"},
        {"123456789012345678901234567890", "!|1"},
        {"1234567890123456789012\n1234567890123456789012\nz\n", "!|!|z|3"},
        {"a\r\nb", "a\r|b|2"},
    };
    struct strbuf out = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(row); i++) {
        for (size_t piece = 1; piece < 60; piece++) {
            strbuf_reset(&out);
            read_all(&out, row[i].text, strlen(row[i].text), piece);
            assert_string_equal(strbuf_str(&out), row[i].want);
        }
    }
    strbuf_reset(&out);
    read_all(&out, "a\0b\nc", 5, 2);
    assert_memory_equal(out.s, "a\0b|c|2", 8);
    strbuf_release(&out);
}

/* A line without an end must not grow the memory. */
static void test_lines_endless(void **state)
{
    struct line_reader r;
    const char *line;
    size_t len, n_long = 0;
    char block[4096];
    int fd[2];

    (void)state;
    memset(block, 'x', sizeof(block));
    assert_int_equal(pipe(fd), 0);
    line_reader_init(&r, fd[0], "test", 10000);
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(write(fd[1], block, sizeof(block)), sizeof(block));
        assert_int_equal(line_reader_fill(&r, NULL), 0);
        n_long += line_reader_next(&r, &line, &len) == LINE_TOO_LONG;
        assert_int_equal(line_reader_next(&r, &line, &len), LINE_NONE);
        assert_true(r.buf.cap < 65536);
    }
    assert_int_equal(n_long, 1);
    line_reader_release(&r);
    close(fd[0]);
    close(fd[1]);
}

static void test_lines_unreadable(void **state)
{
    struct line_reader r;
    struct dobby_err e = {0};
    int fd[2];

    (void)state;
    assert_int_equal(pipe(fd), 0);
    line_reader_init(&r, fd[1], "the wrong end", 10);
    assert_int_equal(line_reader_fill(&r, &e), DOBBY_E_IO);
    assert_non_null(strstr(e.message, "the wrong end"));
    line_reader_release(&r);
    close(fd[0]);
    close(fd[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_any_pieces),
        cmocka_unit_test(test_lines_endless),
        cmocka_unit_test(test_lines_unreadable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
