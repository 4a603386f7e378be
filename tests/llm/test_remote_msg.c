/* test_remote_msg.c - what is said to a server and what is made of its answers, without any network. */
#include "support/test.h"

#include "base/fault.h"
#include "base/mem.h"
#include "llm/remote_msg.h"

#include <math.h>
#include <string.h>

static struct dobby_generate generate(const char *const *stops)
{
    struct dobby_generate g;

    DOBBY_INIT(g);
    g.max_tokens = 48;
    g.stops = stops;
    return g;
}

/* ---- requests ------------------------------------------------------------------------------------------------ */

static void test_request_chat(void **state)
{
    static const struct dobby_message msg[] = {{"system", "Be \"brief\".", 11},
                                               {"user", "a\nb\xff", 4}};
    static const char *const stops[] = {"\n", "", "END", NULL};
    struct engine_prompt p = {.msg = msg, .n_msg = 2};
    struct dobby_generate g = generate(stops);
    struct strbuf b = {0};
    size_t plain;

    (void)state;
    assert_int_equal(remote_put_request(&b, &plain, "owner/m", &p, &g, true, NULL), 0);
    assert_string_equal(
        b.s, "{\"model\":\"owner/m\",\"messages\":[{\"role\":\"system\",\"content\":\"Be "
             "\\\"brief\\\".\"},{\"role\":\"user\",\"content\":\"a\\nb\xEF\xBF\xBD\"}],"
             "\"max_tokens\":48,\"temperature\":0,\"stream\":false,\"stop\":[\"\\n\",\"END\"],"
             "\"logprobs\":true,\"top_logprobs\":1}");
    remote_drop_logprobs(&b, plain);
    assert_non_null(strstr(b.s, "\"END\"]}"));
    assert_null(strstr(b.s, "logprobs"));
    remote_drop_logprobs(&b, plain); /* nothing more to drop */
    assert_non_null(strstr(b.s, "\"END\"]}"));
    strbuf_release(&b);
}

static void test_request_text(void **state)
{
    static const char *const stops[] = {"1", "2", "3", "4", "5", NULL};
    struct engine_prompt p = {.text = "x\0y", .len = 3};
    struct dobby_generate g = generate(stops);
    struct strbuf b = {0}, plainly = {0};
    size_t plain;

    (void)state;
    assert_int_equal(remote_put_request(&b, &plain, "m", &p, &g, true, NULL), 0);
    assert_string_equal(b.s, "{\"model\":\"m\",\"prompt\":\"x\\u0000y\",\"max_tokens\":48,"
                             "\"temperature\":0,\"stream\":false,\"stop\":[\"1\",\"2\",\"3\","
                             "\"4\"],\"logprobs\":1}");
    assert_int_equal(remote_put_request(&plainly, &plain, "m", &p, &g, false, NULL), 0);
    remote_drop_logprobs(&b, plain);
    assert_string_equal(b.s, plainly.s);
    strbuf_release(&b);
    strbuf_release(&plainly);
}

static void on_logits(void *ctx, size_t pos, const float *logits, size_t n_vocab)
{
    (void)ctx, (void)pos, (void)logits, (void)n_vocab;
}

static void refuse(const struct engine_prompt *p, const struct dobby_generate *g, int code)
{
    struct dobby_err e = {0};
    struct strbuf b = {0};
    size_t plain;

    assert_int_equal(remote_put_request(&b, &plain, "m", p, g, true, &e), code);
    assert_int_equal(e.code, code);
    strbuf_release(&b);
}

static void test_request_refused(void **state)
{
    static const int32_t ids[] = {1};
    static const struct dobby_message odd = {"tool", "x", 1};
    struct dobby_generate g = generate(NULL), bare = generate(NULL), logits = generate(NULL);

    (void)state;
    bare.ignore_eog = 1;
    logits.on_logits = on_logits;
    refuse(&(struct engine_prompt){.ids = ids, .n_ids = 1}, &g, DOBBY_E_UNSUPPORTED);
    refuse(&(struct engine_prompt){.text = "x", .len = 1}, &bare, DOBBY_E_UNSUPPORTED);
    refuse(&(struct engine_prompt){.text = "x", .len = 1}, &logits, DOBBY_E_UNSUPPORTED);
    refuse(&(struct engine_prompt){.text = "", .len = 0}, &g, DOBBY_E_USAGE);
    refuse(&(struct engine_prompt){.msg = &odd, .n_msg = 1}, &g, DOBBY_E_USAGE);
    refuse(&(struct engine_prompt){.msg = &odd, .n_msg = 0}, &g, DOBBY_E_USAGE);
}

/* ---- answers ------------------------------------------------------------------------------------------------- */

static void read_ok(struct remote_answer *a, const char *body, const char *const *stops)
{
    struct dobby_err e = {0};

    if (remote_read_answer(a, body, strlen(body), stops, &e) < 0)
        fail_msg("%s: %s", body, e.message);
}

static void test_answer_chat(void **state)
{
    struct remote_answer a;

    (void)state;
    read_ok(&a,
            "{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"Adds.\"},"
            "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":12,"
            "\"completion_tokens\":3,\"prompt_tokens_details\":{\"cached_tokens\":8}}}",
            NULL);
    assert_string_equal(a.text, "Adds.");
    assert_int_equal(a.len, 5);
    assert_string_equal(a.stop, "end");
    assert_int_equal(a.n_prompt, 12);
    assert_int_equal(a.n_cached, 8);
    assert_int_equal(a.n_ids, 3);
    assert_null(a.logprob);
    remote_answer_release(&a);
    read_ok(&a,
            "{\"choices\":[{\"message\":{\"content\":null},\"finish_reason\":\"length\"}],"
            "\"usage\":{\"prompt_tokens\":-1,\"completion_tokens\":1e3,"
            "\"prompt_tokens_details\":{\"cached_tokens\":99}}}",
            NULL);
    assert_string_equal(a.text, "");
    assert_string_equal(a.stop, "length");
    assert_int_equal(a.n_prompt + a.n_cached + a.n_ids, 0); /* nonsense is not told */
    remote_answer_release(&a);
}

static void test_answer_text_cut(void **state)
{
    static const char *const stops[] = {"", "zzz", "\n", "two", NULL};
    struct remote_answer a;

    (void)state;
    read_ok(&a, "{\"choices\":[{\"text\":\"one\\ntwo\",\"finish_reason\":\"length\"}]}", stops);
    assert_string_equal(a.text, "one");
    assert_string_equal(a.stop, "string"); /* what follows is not missed */
    remote_answer_release(&a);
    read_ok(&a, "{\"choices\":[{\"text\":\"a\\u0000b\",\"finish_reason\":null}]}", stops);
    assert_int_equal(a.len, 3);
    assert_memory_equal(a.text, "a\0b", 4);
    assert_string_equal(a.stop, "end");
    remote_answer_release(&a);
}

#define TOKEN(t, bytes, p) "{\"token\":\"" t "\",\"bytes\":" bytes ",\"logprob\":" p "}"

static void test_answer_logprobs(void **state)
{
    static const char *const stops[] = {"\n", NULL};
    struct remote_answer a;

    (void)state;
    /* As llama.cpp tells them; the last one is the end token. */
    read_ok(&a,
            "{\"choices\":[{\"message\":{\"content\":\"Ad\xC3\xA9\"},\"logprobs\":{\"content\":"
            "[" TOKEN("A", "[65]", "-0.5") "," TOKEN("d?", "[100,195]", "-0.25") "," TOKEN(
                "?", "[169]", "1e-6") "," TOKEN("", "[]",
                                                "-1") "]},"
                                                      "\"finish_reason\":\"stop\"}],\"usage\":{"
                                                      "\"completion_tokens\":9}}",
            stops);
    assert_int_equal(a.n_ids, 3);
    assert_true(a.logprob[0] == -0.5f && a.logprob[1] == -0.25f && a.logprob[2] == 0);
    assert_true(fabs(a.sum_logprob + 1.75) < 1e-9);
    remote_answer_release(&a);
    /* Cut: the token that holds the stop string counts, those behind it do not. */
    read_ok(
        &a,
        "{\"choices\":[{\"message\":{\"content\":\"Ad\\nxy\"},\"logprobs\":{\"content\":[" TOKEN(
            "A", "null", "-0.5") "," TOKEN("d\\n", "null",
                                           "-0.25") "," TOKEN("x", "null",
                                                              "-1") "," TOKEN("y", "null",
                                                                              "-1") "]}}]}",
        stops);
    assert_string_equal(a.text, "Ad");
    assert_int_equal(a.n_ids, 2);
    assert_true(fabs(a.sum_logprob + 0.75) < 1e-9);
    remote_answer_release(&a);
    /* The older form of text completions. */
    read_ok(&a,
            "{\"choices\":[{\"text\":\"ab\",\"logprobs\":{\"tokens\":[\"a\",\"b\"],"
            "\"token_logprobs\":[-2,-1.5]}}]}",
            stops);
    assert_int_equal(a.n_ids, 2);
    assert_true(a.logprob[0] == -2 && a.logprob[1] == -1.5f);
    remote_answer_release(&a);
}

/* One that makes no sense makes all unknown; the text is there all the same. */
static void test_answer_odd_logprobs(void **state)
{
    static const char *const odd[] = {
        "null",
        "3",
        "[]",
        "{}",
        "{\"content\":null}",
        "{\"content\":[]}",
        "{\"content\":[{\"token\":\"ab\",\"logprob\":null}]}",
        "{\"content\":[{\"token\":\"ab\",\"logprob\":0.5}]}",
        "{\"content\":[{\"token\":\"ab\",\"logprob\":\"-1\"}]}",
        "{\"content\":[{\"token\":\"a\",\"logprob\":-1},{\"token\":\"b\"}]}",
        "{\"content\":[{\"logprob\":-1}]}",
        "{\"content\":[7]}",
        "{\"tokens\":[\"a\"],\"token_logprobs\":[null]}",
        "{\"tokens\":\"a\",\"token_logprobs\":[-1]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
        struct remote_answer a;
        struct strbuf b = {0};

        strbuf_printf(&b,
                      "{\"choices\":[{\"text\":\"ab\",\"logprobs\":%s}],"
                      "\"usage\":{\"completion_tokens\":2}}",
                      odd[i]);
        read_ok(&a, b.s, NULL);
        assert_string_equal(a.text, "ab");
        assert_null(a.logprob);
        assert_true(a.sum_logprob == 0);
        assert_int_equal(a.n_ids, 2); /* by the server's count */
        remote_answer_release(&a);
        strbuf_release(&b);
    }
}

static void test_answer_refused(void **state)
{
    static const char *const bodies[] = {
        "",
        "<html>busy</html>",
        "{",
        "null",
        "[]",
        "{}",
        "{\"choices\":null}",
        "{\"choices\":[]}",
        "{\"choices\":{\"0\":{\"text\":\"x\"}}}",
        "{\"choices\":[7]}",
        "{\"choices\":[{\"text\":7}]}",
        "{\"choices\":[{\"text\":null}]}",
        "{\"choices\":[{\"message\":\"x\"}]}",
        "{\"choices\":[{\"message\":{}}]}",
        "{\"choices\":[{\"message\":{\"content\":[{\"text\":\"x\"}]}}]}",
        "{\"choices\":[{\"text\":\"x\",\"finish_reason\":\"content_filter\"}]}",
        "{\"choices\":[{\"message\":{\"content\":null},\"finish_reason\":\"tool_calls\"}]}",
        "{\"choices\":[{\"text\":\"x\",\"finish_reason\":7}]}",
        "{\"choices\":[{\"text\":\"x\"}]} trailing",
        "{\"choices\":[{\"text\":\"\xff\"}]}",
        ("{\"choices\":[{\"text\":\"x\"}],\"usage\":{\"prompt_tokens\":"
         "123456789012345678901234567890}}"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
        struct remote_answer a;
        struct dobby_err e = {0};

        assert_int_equal(remote_read_answer(&a, bodies[i], strlen(bodies[i]), NULL, &e),
                         DOBBY_E_FORMAT);
        assert_true(e.code == DOBBY_E_FORMAT && e.message[0]);
        assert_null(a.text);
    }
}

/* Deep and wide documents are refused before they cost anything. */
static void test_answer_too_much(void **state)
{
    struct remote_answer a;
    struct strbuf b = {0};

    (void)state;
    for (int i = 0; i < 100000; i++)
        strbuf_putc(&b, '[');
    assert_int_equal(remote_read_answer(&a, b.s, b.len, NULL, NULL), DOBBY_E_LIMIT);
    strbuf_release(&b);
}

static void test_answer_nomem(void **state)
{
    static const char body[] =
        "{\"choices\":[{\"message\":{\"content\":\"ab\"},\"logprobs\":{\"content\":[" TOKEN(
            "a", "null", "-1") "," TOKEN("b", "null", "-1") "]}}]}";
    struct remote_answer a = {0};
    size_t n = 0;
    int rc;

    (void)state;
    fault_count(true);
    do {
        struct dobby_err e = {0};

        fault_arm(FAULT_ALLOC, ++n, false);
        rc = remote_read_answer(&a, body, strlen(body), NULL, &e);
        assert_true(rc == 0 || (rc == DOBBY_E_NOMEM && e.code == rc));
        remote_answer_release(&a);
        assert_int_equal(fault_live(), 0);
    } while (fault_disarm(FAULT_ALLOC));
    fault_count(false);
    assert_true(rc == 0 && n > 2);
}

/* ---- errors -------------------------------------------------------------------------------------------------- */

static void test_http_errors(void **state)
{
    static const struct {
        long status;
        const char *body;
        int code;
        const char *says;
    } t[] = {
        {429, "{\"error\":{\"message\":\"Rate limit reached\"}}", DOBBY_E_UNAVAILABLE,
         "429: Rate limit reached; try again"},
        {503, "{\"error\":{\"code\":503,\"message\":\"Loading model\"}}", DOBBY_E_UNAVAILABLE,
         "Loading model"},
        {500, "oops", DOBBY_E_UNAVAILABLE, "status 500; try"},
        {502, "<html><h1>Bad Gateway</h1></html>", DOBBY_E_UNAVAILABLE, "status 502; try"},
        {400, "{\"error\":\"no such field\"}", DOBBY_E_FORMAT, "400: no such field; "},
        {422, "{\"detail\":\"bad\"}", DOBBY_E_FORMAT, "422: bad; "},
        {400, "{\"message\":\"m\"}", DOBBY_E_FORMAT, "400: m; "},
        {400, "{\"error\":{\"message\":7}}", DOBBY_E_FORMAT, "status 400; "},
        {413, "", DOBBY_E_LIMIT, "larger context"},
        {400,
         "{\"error\":{\"code\":400,\"message\":\"the request exceeds the available context "
         "size. try increasing\",\"type\":\"invalid_request_error\"}}",
         DOBBY_E_LIMIT, "exceeds the available context size"},
        {400, "{\"error\":{\"code\":\"context_length_exceeded\",\"message\":\"x\"}}", DOBBY_E_LIMIT,
         "400: x"},
        {400, "{\"error\":{\"message\":\"n\",\"type\":\"exceed_context_size_error\"}}",
         DOBBY_E_LIMIT, "400: n"},
        {500, "{\"error\":{\"message\":\"input is larger than the max context size. skipping\"}}",
         DOBBY_E_LIMIT, "skipping"},
        {500, "{\"error\":{\"message\":\"input is too large to process. increase\"}}",
         DOBBY_E_LIMIT, "too large"},
        {401, "{\"error\":{\"message\":\"Invalid API Key\"}}", DOBBY_E_PERMISSION,
         "Invalid API Key; give the server's API key"},
        {403, "", DOBBY_E_PERMISSION, "API key"},
        {404, "{\"error\":{\"message\":\"File Not Found\"}}", DOBBY_E_NOTFOUND, "check the URL"},
        {301, "", DOBBY_E_CONFIG, "redirects are not followed"},
        {501, "", DOBBY_E_FORMAT, "501"},
        {100, "", DOBBY_E_FORMAT, "100"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
        struct dobby_err e = {0};
        int rc = remote_http_error(t[i].status, t[i].body, strlen(t[i].body), "sk-1", &e);

        if (rc != t[i].code || e.code != rc || !strstr(e.message, t[i].says))
            fail_msg("%ld %s: %d, %s", t[i].status, t[i].body, rc, e.message);
    }
}

/* The server's words are one short line in which nothing drives a terminal, and never hold the key. */
static void test_http_error_words(void **state)
{
    struct dobby_err e = {0};
    struct strbuf b = {0};
    const char *key = "{\"error\":{\"message\":\"Incorrect API key provided: sk-secret.\"}}",
               *escape = "{\"error\":\"a\\u001b[31m\\nb\"}";

    (void)state;
    assert_int_equal(remote_http_error(400, key, strlen(key), "sk-secret", &e), DOBBY_E_FORMAT);
    assert_null(strstr(e.message, "sk-secret"));
    e = (struct dobby_err){0};
    (void)remote_http_error(400, escape, strlen(escape), NULL, &e);
    assert_null(strpbrk(e.message, "\x1b\n"));
    assert_non_null(strstr(e.message, "[31m"));
    strbuf_puts(&b, "{\"error\":\"");
    for (int i = 0; i < 1000; i++)
        strbuf_puts(&b, "\xC3\xA9");
    strbuf_puts(&b, "\"}");
    e = (struct dobby_err){0};
    (void)remote_http_error(400, b.s, b.len, NULL, &e);
    assert_non_null(strstr(e.message, "\xC3\xA9...; "));
    assert_true(strlen(e.message) < 450);
    strbuf_release(&b);
}

static void test_refuses_logprobs(void **state)
{
    const char *yes = "{\"error\":{\"message\":\"logprobs are not supported\"}}",
               *no = "{\"error\":{\"message\":\"stop\"}}";

    (void)state;
    assert_true(remote_refuses_logprobs(400, yes, strlen(yes)));
    assert_true(remote_refuses_logprobs(422, yes, strlen(yes)));
    assert_false(remote_refuses_logprobs(500, yes, strlen(yes)));
    assert_false(remote_refuses_logprobs(400, no, strlen(no)));
    assert_false(remote_refuses_logprobs(400, "logprobs", 8));
}

/* ---- names --------------------------------------------------------------------------------------------------- */

static void test_models(void **state)
{
    static const char *const bad[] = {
        "",
        "{}",
        "{\"data\":[]}",
        "{\"data\":[{}]}",
        "{\"data\":[{\"id\":7}]}",
        "{\"data\":[{\"id\":\"\"}]}",
        "{\"data\":[{\"id\":\"a\\nb\"}]}",
        "{\"data\":[{\"id\":\"a\\u0000b\"}]}",
        "{\"data\":{\"id\":\"a\"}}",
    };
    const char *good = "{\"object\":\"list\",\"data\":[{\"id\":\"a/b\"},{\"id\":\"c\"}]}";
    char *name, long_name[REMOTE_NAME_MAX + 2];

    (void)state;
    assert_int_equal(remote_read_models(&name, good, strlen(good), NULL), 0);
    assert_string_equal(name, "a/b");
    mem_free(name);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(remote_read_models(&name, bad[i], strlen(bad[i]), NULL), DOBBY_E_FORMAT);
        assert_null(name);
    }
    memset(long_name, 'x', sizeof(long_name));
    assert_int_equal(remote_check_name(long_name, REMOTE_NAME_MAX, NULL), 0);
    assert_int_equal(remote_check_name(long_name, REMOTE_NAME_MAX + 1, NULL), DOBBY_E_FORMAT);
    assert_int_equal(remote_check_name("\xff", 1, NULL), DOBBY_E_FORMAT);
}

static void test_title(void **state)
{
    static const char *const t[][2] = {
        {"/home/me/models/a.gguf", "a.gguf"},
        {"models/a.GGUF", "a.GGUF"},
        {"./a", "a"},
        {"~/m/b", "b"},
        {"C:\\m\\a.gguf", "a.gguf"},
        {"Qwen/Qwen2.5-Coder", "Qwen/Qwen2.5-Coder"},
        {"gpt-x", "gpt-x"},
        {"a.gguf", "a.gguf"},
        {"/models/dir/", "dir/"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++)
        assert_string_equal(remote_title(t[i][0]), t[i][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_chat),
        cmocka_unit_test(test_request_text),
        cmocka_unit_test(test_request_refused),
        cmocka_unit_test(test_answer_chat),
        cmocka_unit_test(test_answer_text_cut),
        cmocka_unit_test(test_answer_logprobs),
        cmocka_unit_test(test_answer_odd_logprobs),
        cmocka_unit_test(test_answer_refused),
        cmocka_unit_test(test_answer_too_much),
        cmocka_unit_test(test_answer_nomem),
        cmocka_unit_test(test_http_errors),
        cmocka_unit_test(test_http_error_words),
        cmocka_unit_test(test_refuses_logprobs),
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_title),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
