/* test_batchline.c - lines of a batch: what is taken, what is refused and in which words, what comes out. */
#include "support/test.h"

#include "base/fault.h"
#include "base/mem.h"
#include "base/size.h"
#include "cli/batchline.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int parse(struct batch_request *r, const char *line, struct dobby_err *e)
{
    *e = (struct dobby_err){0};
    return batch_request_parse(r, 7, line, strlen(line), e);
}

static void test_batchline_takes(void **state)
{
    struct batch_request r;
    struct dobby_err e;

    (void)state;
    assert_int_equal(parse(&r,
                           "{\"id\":\"a\\u0000\\\"é\",\"prompt\":\"x\\u0000y\",\"max_tokens\":5,"
                           "\"stop\":[\"\\n\",\"END\"],\"other\":[1]}\r",
                           &e),
                     0);
    assert_string_equal(strbuf_str(&r.id), "\"a\\u0000\\\"é\"");
    assert_int_equal(r.len, 3);
    assert_memory_equal(r.prompt, "x\0y", 4); /* NUL does not cut it */
    assert_int_equal(r.max_tokens, 5);
    assert_string_equal(r.stops[0], "\n");
    assert_string_equal(r.stops[1], "END");
    assert_null(r.stops[2]);
    assert_null(r.msg);
    batch_request_forget(&r);
    assert_string_equal(strbuf_str(&r.id), "\"a\\u0000\\\"é\"");
    assert_null(r.prompt);
    batch_request_release(&r);

    assert_int_equal(
        parse(&r,
              "{\"messages\":[{\"role\":\"system\",\"content\":\"\"},{\"content\":\"a\\u0000b\","
              "\"role\":\"user\",\"name\":\"n\"}],\"prompt\":null,\"stop\":\"x\",\"id\":null}",
              &e),
        0);
    assert_string_equal(strbuf_str(&r.id), "7");
    assert_null(r.prompt);
    assert_int_equal(r.n_msg, 2);
    assert_string_equal(r.msg[0].role, "system");
    assert_int_equal(r.msg[0].len, 0);
    assert_int_equal(r.msg[1].len, 3);
    assert_string_equal(r.stops[0], "x");
    assert_null(r.stops[1]);
    assert_int_equal(r.max_tokens, 0);
    batch_request_release(&r);

    assert_int_equal(parse(&r, "{\"prompt\":\"x\",\"stop\":[]}", &e), 0);
    assert_non_null(r.stops); /* none, rather than not given */
    assert_null(r.stops[0]);
    batch_request_release(&r);
    batch_request_release(&r); /* fine again */
}

static void test_batchline_ids(void **state)
{
    static const char *const row[][2] = {
        {"{\"id\":1.10,\"prompt\":\"x\"}", "1.10"},
        {"{\"prompt\":\"x\", \"id\" : -0 }", "-0"},
        {"{\"id\":1E+2,\"prompt\":\"x\"}", "1E+2"},
        {"{\"id\":9223372036854775807,\"prompt\":\"x\"}", "9223372036854775807"},
        {"{\"\\u0069d\":12,\"prompt\":\"x\"}", "12"},
        {"{\"i\\u0064\":0.5,\"prompt\":\"x\"}", "0.5"},
        {"{\"id\":\"\",\"prompt\":\"x\"}", "\"\""},
        {"{\"prompt\":\"x\"}", "7"},
        {"{\"id\":\"known\"}", "\"known\""}, /* also when the line is refused */
        {"{\"id\":[1],\"prompt\":\"x\"}", "7"},
        {"{", "7"},
    };
    struct batch_request r;
    struct dobby_err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(row); i++) {
        assert_int_equal(parse(&r, row[i][0], &e) == 0, i < 8);
        assert_string_equal(strbuf_str(&r.id), row[i][1]);
        batch_request_release(&r);
    }
}

static void test_batchline_refuses(void **state)
{
    static const char *const row[][2] = {
        {"{\"a\":", "line 7: byte 5: not JSON"},
        {"[1]", "line 7: is an array; give an object with a prompt or messages"},
        {"3", "line 7: is an integer;"},
        {"{}", "line 7: prompt: is not there, nor are messages"},
        {"{\"prompt\":null}", "line 7: prompt: is not there"},
        {"{\"prompt\":\"\"}", "line 7: prompt: is empty"},
        {"{\"prompt\":5}", "line 7: prompt: is an integer; give a string"},
        {"{\"prompt\":\"a\",\"messages\":[]}", "line 7: prompt and messages: both are there"},
        {"{\"prompt\":\"a\",\"prompt\":\"b\"}", "duplicate object key"},
        {"{\"messages\":[]}", "line 7: messages: holds none"},
        {"{\"messages\":{\"role\":\"user\"}}", "line 7: messages: is an object; give an array"},
        {"{\"messages\":[\"hi\"]}", "line 7: messages[0].role: is nothing; give a string"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"user\",\"content\":[1]}]"
         "}",
         "line 7: messages[1].content: is an array; give a string"},
        {"{\"messages\":[{\"role\":\"user\\u0000x\",\"content\":\"a\"}]}", "role holds NUL"},
        {"{\"prompt\":\"a\",\"max_tokens\":0}", "line 7: max_tokens: is 0; give 1 to 1048576"},
        {"{\"prompt\":\"a\",\"max_tokens\":1048577}", "max_tokens: is 1048577"},
        {"{\"prompt\":\"a\",\"max_tokens\":2.0}", "max_tokens: is a real number; give an integer"},
        {"{\"prompt\":\"a\",\"stop\":1}",
         "line 7: stop: is an integer; give a string, or an array"},
        {"{\"prompt\":\"a\",\"stop\":[\"x\",null]}", "line 7: stop: is null; give a string"},
        {"{\"prompt\":\"a\",\"stop\":\"\"}", "stop: a stop string is empty"},
        {"{\"prompt\":\"a\",\"stop\":[\"a\\u0000b\"]}",
         "stop: a stop string is empty or holds NUL"},
        {"{\"prompt\":\"a\",\"id\":true}",
         "line 7: id: is true or false; give a string or a number"},
    };
    struct batch_request r;
    struct dobby_err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(row); i++) {
        assert_int_equal(parse(&r, row[i][0], &e), DOBBY_E_FORMAT);
        if (!strstr(e.message, row[i][1]))
            fail_msg("%s: %s", row[i][0], e.message);
        batch_request_release(&r);
    }
}

static void test_batchline_out(void **state)
{
    struct strbuf out = {0}, id = {0};

    (void)state;
    strbuf_puts(&id, "\"a\"");
    batch_put_result(&out, &id, "x\0\xFF\n", 4, 3, -1.25, "end");
    assert_string_equal(strbuf_str(&out),
                        "{\"id\":\"a\",\"text\":\"x\\u0000\xEF\xBF\xBD\\n\",\"tokens\":3,"
                        "\"logprob\":-1.250000,\"stop\":\"end\"}\n");
    strbuf_reset(&out);
    batch_put_result(&out, &id, "", 0, 0, -1e-9, "string");
    assert_string_equal(
        strbuf_str(&out),
        "{\"id\":\"a\",\"text\":\"\",\"tokens\":0,\"logprob\":0.000000,\"stop\":\"string\"}\n");
    strbuf_reset(&out);
    batch_put_result(&out, &id, "", 0, 9, (double)NAN, "length");
    assert_non_null(strstr(strbuf_str(&out), "\"logprob\":null,"));
    strbuf_reset(&out);
    batch_put_error(&out, &id, "line 1: \"x\"");
    assert_string_equal(strbuf_str(&out), "{\"id\":\"a\",\"error\":\"line 1: \\\"x\\\"\"}\n");
    strbuf_release(&out);
    strbuf_release(&id);
}

static uint32_t random_next(uint32_t *x)
{
    *x = *x * 1664525u + 1013904223u;
    return *x >> 8;
}

/* Random pieces of JSON one after the other, or a good line with a few bytes changed. */
static void put_noise(struct strbuf *b, uint32_t *x)
{
    static const char good[] =
        "{\"id\":\"a\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"stop\":[\"b\"]}";
    static const char *const piece[] = {"{",
                                        "}",
                                        "[",
                                        "]",
                                        ":",
                                        ",",
                                        "\"",
                                        "\\",
                                        "\"id\"",
                                        "null",
                                        "true",
                                        "\"prompt\"",
                                        "\"messages\"",
                                        "\"role\"",
                                        "\"stop\"",
                                        "1",
                                        "-",
                                        "1e9",
                                        "\"a\"",
                                        "\\u0000",
                                        "\\ud800",
                                        "\xFF",
                                        "\xC3",
                                        "\t"};
    uint32_t n = random_next(x) % 12;

    if (random_next(x) % 2) {
        strbuf_add(b, good, sizeof(good) - 1);
        for (uint32_t k = 0; k < n % 4; k++)
            b->s[random_next(x) % b->len] = (char)random_next(x);
        return;
    }
    for (uint32_t k = 0; k < n; k++)
        strbuf_puts(b, piece[random_next(x) % ARRAY_LEN(piece)]);
}

/* Refused or taken, never more, and always with an id. */
static void test_batchline_noise(void **state)
{
    size_t n_taken = 0, n_rounds = 50000;
    uint32_t x = 12345;

    (void)state;
    for (size_t i = 0; i < n_rounds; i++) {
        struct batch_request r;
        struct dobby_err e = {0};
        struct strbuf b = {0};
        char *exact;
        int rc;

        put_noise(&b, &x);
        exact = mem_dup(strbuf_str(&b), b.len); /* a read behind it would be seen by a sanitizer */
        rc = batch_request_parse(&r, 7, exact, b.len, &e);
        assert_true(rc == 0 || rc == DOBBY_E_FORMAT);
        assert_int_equal(rc == 0, e.code == 0);
        assert_true(r.id.len > 0);
        assert_true(rc < 0 || (r.prompt && r.len) || r.n_msg);
        n_taken += rc == 0;
        batch_request_release(&r);
        mem_free(exact);
        strbuf_release(&b);
    }
    assert_in_range(n_taken, n_rounds / 20, n_rounds / 2);
}

static void test_batchline_nomem(void **state)
{
    static const char line[] =
        "{\"id\":1,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"stop\":[\"a\",\"b\"]}";
    struct batch_request r;
    size_t n = 0;
    int rc;

    (void)state;
    do {
        struct dobby_err e = {0};

        fault_count(true);
        fault_arm(FAULT_ALLOC, ++n, false);
        rc = batch_request_parse(&r, 7, line, sizeof(line) - 1, &e);
        assert_true(rc == 0 || rc == DOBBY_E_NOMEM);
        assert_int_equal(rc, e.code);
        batch_request_release(&r);
        assert_int_equal(fault_live(), 0);
    } while (fault_disarm(FAULT_ALLOC));
    fault_count(false);
    assert_true(rc == 0 && n > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batchline_takes),   cmocka_unit_test(test_batchline_ids),
        cmocka_unit_test(test_batchline_refuses), cmocka_unit_test(test_batchline_out),
        cmocka_unit_test(test_batchline_noise),   cmocka_unit_test(test_batchline_nomem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
