/* jsonl.c - see jsonl.h (bench). */
#include "jsonl.h"

#include "base/file.h"
#include "base/mem.h"

#include <jansson.h>
#include <string.h>

#define FILE_MAX ((size_t)256 << 20)

static int take_message(struct prompt_file *f, struct dobby_message *out, const json_t *from)
{
    const json_t *text = json_object_get(from, "content");
    const char *role = json_string_value(json_object_get(from, "role"));

    if (!role || !json_is_string(text))
        return DOBBY_E_FORMAT;
    out->len = json_string_length(text);
    out->role = arena_strdup(&f->arena, role);
    out->text = arena_strndup(&f->arena, json_string_value(text), out->len);
    return out->role && out->text ? 0 : DOBBY_E_NOMEM;
}

static int take_prompt(struct prompt_file *f, struct bench_prompt *out, const json_t *line)
{
    const json_t *list = json_object_get(line, "messages");
    const char *id = json_string_value(json_object_get(line, "id"));
    int rc = 0;

    out->n_msg = json_array_size(list);
    if (!id || out->n_msg == 0 || out->n_msg > PROMPT_MESSAGES_MAX)
        return DOBBY_E_FORMAT;
    out->id = arena_strdup(&f->arena, id);
    out->msg = arena_array(&f->arena, out->n_msg, sizeof(*out->msg));
    if (!out->id || !out->msg)
        return DOBBY_E_NOMEM;
    for (size_t i = 0; i < out->n_msg && rc == 0; i++)
        rc = take_message(f, &out->msg[i], json_array_get(list, i));
    return rc;
}

static int take_line(struct prompt_file *f, size_t *cap, const char *s, size_t len,
                     const char *path, struct dobby_err *e)
{
    json_error_t why;
    json_t *line = json_loadb(s, len, 0, &why);
    int rc = line ? 0 : DOBBY_E_FORMAT;

    if (rc == 0 && mem_grow((void **)&f->v, cap, f->n + 1, sizeof(*f->v)) < 0)
        rc = DOBBY_E_NOMEM;
    if (rc == 0)
        rc = take_prompt(f, &f->v[f->n], line);
    json_decref(line);
    if (rc == DOBBY_E_NOMEM)
        return err_nomem(e, "the prompts");
    if (rc < 0)
        return err_set(e, rc,
                       "%s: line %zu: no object with \"id\" and \"messages\"; make the file "
                       "with bench/job prompts",
                       path, f->n + 1);
    f->n++;
    return 0;
}

int prompt_file_read(struct prompt_file *f, const char *path, size_t limit, struct dobby_err *e)
{
    struct strbuf b = {0};
    size_t cap = 0;
    const char *at, *end;
    int rc;

    *f = (struct prompt_file){0};
    rc = file_read_all(&b, path, FILE_MAX, e);
    at = strbuf_str(&b);
    end = at + b.len;
    while (rc == 0 && at < end && (limit == 0 || f->n < limit)) {
        const char *nl = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((nl ? nl : end) - at);

        rc = take_line(f, &cap, at, len, path, e);
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
