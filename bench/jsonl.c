/* jsonl.c - see jsonl.h (bench). */
#include "jsonl.h"
#include "bench.h"

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define FILE_MAX ((size_t)256 << 20)

static int take_message(struct prompt_file *f, struct dobby_message *out,
                        const struct json_value *from)
{
    const char *text = json_value_string(json_value_member(from, "content"), &out->len);
    const char *role = json_value_string(json_value_member(from, "role"), NULL);

    if (!role || !text)
        return DOBBY_E_FORMAT;
    out->role = arena_strdup(&f->arena, role);
    out->text = arena_strndup(&f->arena, text, out->len);
    return out->role && out->text ? 0 : DOBBY_E_NOMEM;
}

static int take_prompt(struct prompt_file *f, struct bench_prompt *out,
                       const struct json_value *line)
{
    const struct json_value *list = json_value_member(line, "messages");
    const char *id = json_value_string(json_value_member(line, "id"), NULL);
    int rc = 0;

    out->n_msg = json_value_len(list);
    if (!id || out->n_msg == 0 || out->n_msg > PROMPT_MESSAGES_MAX)
        return DOBBY_E_FORMAT;
    out->id = arena_strdup(&f->arena, id);
    out->msg = arena_array(&f->arena, out->n_msg, sizeof(*out->msg));
    if (!out->id || !out->msg)
        return DOBBY_E_NOMEM;
    for (size_t i = 0; i < out->n_msg && rc == 0; i++)
        rc = take_message(f, &out->msg[i], json_value_at(list, i));
    return rc;
}

static int take_line(struct prompt_file *f, size_t *cap, size_t at, const char *s, size_t len,
                     const char *path, struct dobby_err *e)
{
    struct json_value *line = NULL;
    char what[96];
    int rc;

    snprintf(what, sizeof(what), "prompts: line %zu", at + 1);
    rc = json_value_parse(&line, s, len, what, e);
    if (rc < 0)
        return rc;
    rc = mem_grow((void **)&f->v, cap, f->n + 1, sizeof(*f->v)) < 0 ? DOBBY_E_NOMEM : 0;
    if (rc == 0)
        rc = take_prompt(f, &f->v[f->n], line);
    json_value_free(line);
    if (rc == DOBBY_E_NOMEM)
        return err_nomem(e, "the prompts");
    if (rc < 0)
        return err_set(e, rc,
                       "%s: line %zu: no object with \"id\" and \"messages\" of \"role\" and "
                       "\"content\"; make the file with bench/prompts",
                       path, at + 1);
    f->n++;
    return 0;
}

/* Lines from `at` on; the last one may lack its end. */
static size_t count_lines(const char *at, const char *end)
{
    size_t n = 0;

    for (; at < end; n++) {
        const char *nl = memchr(at, '\n', (size_t)(end - at));

        at = nl ? nl + 1 : end;
    }
    return n;
}

int prompt_file_read(struct prompt_file *f, const char *path, size_t limit, struct dobby_err *e)
{
    struct strbuf b = {0};
    size_t cap = 0, n_lines, line = 0;
    const char *at, *end;
    int rc;

    *f = (struct prompt_file){0};
    rc = file_read_all(&b, path, FILE_MAX, e);
    at = strbuf_str(&b);
    end = at + b.len;
    n_lines = count_lines(at, end);
    for (; rc == 0 && at < end; line++) {
        const char *nl = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((nl ? nl : end) - at);

        if (bench_is_taken(line, n_lines, limit))
            rc = take_line(f, &cap, line, at, len, path, e);
        at += len + 1;
    }
    if (rc == 0 && f->n == 0)
        rc = err_set(e, DOBBY_E_FORMAT, "%s: holds no prompt", path);
    strbuf_release(&b);
    if (rc < 0)
        prompt_file_release(f);
    return rc;
}

void prompt_file_release(struct prompt_file *f)
{
    mem_free(f->v);
    arena_release(&f->arena);
    *f = (struct prompt_file){0};
}
