/* token_vectors.c - see token_vectors.h. */
#include "support/token_vectors.h"

#include "llm/chat.h"
#include "support/test.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_MESSAGES 8

void decode_tokens(const struct tokenizer *t, const struct token_list *l, struct strbuf *out)
{
    for (size_t i = 0; i < l->n; i++) {
        size_t len;
        const char *s = tokenizer_bytes(t, l->id[i], &len);

        strbuf_add(out, s, len);
    }
}

static void put_hex(struct strbuf *out, const char *hex)
{
    for (; *hex; hex += 2) {
        char pair[3] = {hex[0], hex[1], '\0'};

        strbuf_putc(out, (char)strtoul(pair, NULL, 16));
    }
}

static void same_ids(const struct token_list *got, const json_t *want, size_t row)
{
    size_t n = json_array_size(want);

    for (size_t i = 0; i < got->n && i < n; i++)
        if (got->id[i] != json_integer_value(json_array_get(want, i)))
            fail_msg("row %zu: id %zu is %d, not %lld", row, i, got->id[i],
                     (long long)json_integer_value(json_array_get(want, i)));
    if (got->n != n)
        fail_msg("row %zu: %zu ids, not %zu", row, got->n, n);
}

static void check_row(const struct tokenizer *t, const json_t *row, size_t number)
{
    const json_t *text = json_object_get(row, "text"), *hex = json_object_get(row, "detok_hex");
    bool special = json_is_true(json_object_get(row, "parse_special"));
    struct token_list ids = {0};
    struct strbuf got = {0}, want = {0};
    struct dobby_err e = {0};

    if (json_is_true(json_object_get(row, "add_special")) && tokenizer_add_bos(t))
        assert_int_equal(token_list_add(&ids, tokenizer_bos(t)), 0);
    assert_int_equal(
        tokenizer_encode(t, json_string_value(text), json_string_length(text), special, &ids, &e),
        0);
    same_ids(&ids, json_object_get(row, "ids"), number);
    decode_tokens(t, &ids, &got);
    if (hex)
        put_hex(&want, json_string_value(hex));
    else
        strbuf_add(&want, json_string_value(text), json_string_length(text));
    if (got.len != want.len || memcmp(strbuf_str(&got), strbuf_str(&want), want.len) != 0)
        fail_msg("row %zu decodes to \"%s\", not \"%s\"", number, strbuf_str(&got),
                 strbuf_str(&want));
    strbuf_release(&got);
    strbuf_release(&want);
    token_list_release(&ids);
}

size_t check_token_vectors(const struct tokenizer *t, const char *path)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t cap = 0, n = 0;
    ssize_t len;

    assert_non_null(f);
    while ((len = getline(&line, &cap, f)) > 0) {
        json_error_t je;
        json_t *row = json_loadb(line, (size_t)len, JSON_ALLOW_NUL, &je);

        assert_non_null(row);
        check_row(t, row, ++n);
        json_decref(row);
    }
    free(line);
    fclose(f);
    return n;
}

static size_t read_messages(const json_t *list, struct dobby_message *msg, bool *hostile)
{
    size_t n = json_array_size(list);

    *hostile = false;
    assert_in_range(n, 1, MAX_MESSAGES);
    for (size_t i = 0; i < n; i++) {
        const json_t *m = json_array_get(list, i), *text = json_object_get(m, "content");

        msg[i].role = json_string_value(json_object_get(m, "role"));
        msg[i].text = json_string_value(text);
        msg[i].len = json_string_length(text);
        *hostile = *hostile || strstr(msg[i].text, "<|im_");
    }
    return n;
}

static size_t count_control(const struct tokenizer *t, const struct token_list *l)
{
    size_t n = 0;

    for (size_t i = 0; i < l->n; i++)
        n += tokenizer_is_control(t, l->id[i]);
    return n;
}

static bool check_list(const struct chat *c, const struct tokenizer *t, const json_t *list,
                       size_t number)
{
    const char *prompt = json_string_value(json_object_get(list, "prompt"));
    bool reply = json_is_true(json_object_get(list, "add_generation_prompt")), hostile;
    struct dobby_message msg[MAX_MESSAGES];
    size_t n = read_messages(json_object_get(list, "messages"), msg, &hostile);
    struct token_list ids = {0};
    struct strbuf text = {0}, spelled = {0};
    struct dobby_err e = {0};
    size_t with_system = n + (strcmp(msg[0].role, "system") != 0);

    assert_int_equal(chat_render(c, msg, n, reply, &text, &e), 0);
    assert_string_equal(strbuf_str(&text), prompt);
    assert_int_equal(chat_encode(c, t, msg, n, reply, &ids, &e), 0);
    if (!hostile)
        same_ids(&ids, json_object_get(list, "ids_parse_special"), number);
    /* Two control tokens a message and one for the reply, whatever the texts say. */
    assert_int_equal(count_control(t, &ids), 2 * with_system + reply);
    decode_tokens(t, &ids, &spelled);
    assert_string_equal(strbuf_str(&spelled), prompt);
    token_list_release(&ids);
    strbuf_release(&text);
    strbuf_release(&spelled);
    return hostile;
}

size_t check_chat_vectors(const struct gguf *g, const struct tokenizer *t, const char *path)
{
    json_error_t je;
    json_t *root = json_load_file(path, 0, &je), *list;
    struct chat c;
    struct dobby_err e = {0};
    size_t n_hostile = 0, i;

    assert_non_null(root);
    assert_int_equal(json_array_size(root), 5);
    assert_int_equal(chat_init(&c, g, t, &e), 0);
    assert_int_equal(c.kind, CHAT_CHATML);
    json_array_foreach(root, i, list) n_hostile += check_list(&c, t, list, i);
    json_decref(root);
    return n_hostile;
}
