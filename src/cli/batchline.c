/* batchline.c - see batchline.h (cli). */
#include "cli/batchline.h"

#include "base/mem.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* "line 7: stop: ..." */
static int bad(struct dobby_err *e, uint64_t no, const char *member, const char *why)
{
    return err_set(e, DOBBY_E_FORMAT, "line %" PRIu64 ": %s: %s", no, member, why);
}

static int bad_type(struct dobby_err *e, uint64_t no, const char *member,
                    const struct json_value *v, const char *want)
{
    return err_set(e, DOBBY_E_FORMAT, "line %" PRIu64 ": %s: is %s; give %s", no, member,
                   json_value_type_name(v), want);
}

static const struct json_value *member(const struct json_value *v, const char *key)
{
    const struct json_value *m = json_value_member(v, key);

    return json_value_type(m) == JSON_VALUE_NULL ? NULL : m;
}

/* ---- the id ------------------------------------------------------------------------------------- */

/* As it was written; a key that was spelled with escapes hides that, and only the value is left. */
static void put_number(struct strbuf *out, const struct json_value *v, const char *line, size_t len)
{
    const char *raw;
    int64_t i;
    double d;
    size_t n;

    if ((raw = json_text_member(line, len, "id", &n)) != NULL)
        strbuf_add(out, raw, n);
    else if (json_value_integer(v, &i))
        strbuf_printf(out, "%" PRId64, i);
    else if (json_value_number(v, &d))
        strbuf_printf(out, "%.17g", d);
}

static int take_id(struct batch_request *r, uint64_t no, const char *line, size_t len,
                   struct dobby_err *e)
{
    const struct json_value *v = member(r->doc, "id");
    const char *s;
    size_t n;

    if (!v)
        return 0;
    switch (json_value_type(v)) {
    case JSON_VALUE_STRING:
        s = json_value_string(v, &n);
        strbuf_reset(&r->id);
        json_put_string(&r->id, s, n);
        return 0;
    case JSON_VALUE_INTEGER:
    case JSON_VALUE_REAL:
        strbuf_reset(&r->id);
        put_number(&r->id, v, line, len);
        return 0;
    default:
        return bad_type(e, no, "id", v, "a string or a number");
    }
}

/* ---- the prompt --------------------------------------------------------------------------------- */

/* A string of a message, named as in JavaScript: messages[0].role. */
static const char *message_string(const struct json_value *v, const char *key, size_t i,
                                  size_t *len, uint64_t no, struct dobby_err *e)
{
    const struct json_value *m = member(v, key);
    const char *s = json_value_string(m, len);
    char where[64];

    (void)snprintf(where, sizeof(where), "messages[%zu].%s", i, key);
    if (!s)
        (void)bad_type(e, no, where, m, "a string");
    return s;
}

static int take_message(struct dobby_message *m, const struct json_value *v, size_t i, uint64_t no,
                        struct dobby_err *e)
{
    size_t role_len;

    m->role = message_string(v, "role", i, &role_len, no, e);
    m->text = m->role ? message_string(v, "content", i, &m->len, no, e) : NULL;
    if (!m->text)
        return DOBBY_E_FORMAT;
    if (strlen(m->role) != role_len)
        return bad(e, no, "messages", "a role holds NUL; use system, user or assistant");
    return 0;
}

static int take_messages(struct batch_request *r, const struct json_value *v, uint64_t no,
                         struct dobby_err *e)
{
    int rc = 0;

    if (json_value_type(v) != JSON_VALUE_ARRAY)
        return bad_type(e, no, "messages", v, "an array of objects with role and content");
    r->n_msg = json_value_len(v);
    if (r->n_msg == 0)
        return bad(e, no, "messages", "holds none; give at least one");
    r->msg = mem_array(r->n_msg, sizeof(*r->msg));
    if (!r->msg)
        return err_nomem(e, "a conversation");
    for (size_t i = 0; i < r->n_msg && rc == 0; i++)
        rc = take_message(&r->msg[i], json_value_at(v, i), i, no, e);
    return rc;
}

static int take_prompt(struct batch_request *r, uint64_t no, struct dobby_err *e)
{
    const struct json_value *prompt = member(r->doc, "prompt"),
                            *messages = member(r->doc, "messages");

    if (prompt && messages)
        return bad(e, no, "prompt and messages", "both are there; leave one of them away");
    if (messages)
        return take_messages(r, messages, no, e);
    if (!prompt)
        return bad(e, no, "prompt", "is not there, nor are messages; give one of them");
    r->prompt = json_value_string(prompt, &r->len);
    if (!r->prompt)
        return bad_type(e, no, "prompt", prompt, "a string");
    return r->len > 0 ? 0 : bad(e, no, "prompt", "is empty; give some text");
}

/* ---- limits ------------------------------------------------------------------------------------- */

static int take_max_tokens(struct batch_request *r, uint64_t no, struct dobby_err *e)
{
    const struct json_value *v = member(r->doc, "max_tokens");
    int64_t n;

    if (!v)
        return 0;
    if (!json_value_integer(v, &n))
        return bad_type(e, no, "max_tokens", v, "an integer");
    if (n < 1 || n > BATCH_TOKENS_MAX)
        return err_set(e, DOBBY_E_FORMAT,
                       "line %" PRIu64 ": max_tokens: is %" PRId64 "; give 1 to %d", no, n,
                       BATCH_TOKENS_MAX);
    r->max_tokens = (int)n;
    return 0;
}

static int take_stop(struct batch_request *r, size_t i, const struct json_value *v, uint64_t no,
                     struct dobby_err *e)
{
    size_t len;

    r->stops[i] = json_value_string(v, &len);
    if (!r->stops[i])
        return bad_type(e, no, "stop", v, "a string, or an array of strings");
    if (len == 0 || strlen(r->stops[i]) != len)
        return bad(e, no, "stop", "a stop string is empty or holds NUL; give other text");
    return 0;
}

static int take_stops(struct batch_request *r, uint64_t no, struct dobby_err *e)
{
    const struct json_value *v = member(r->doc, "stop");
    bool list = json_value_type(v) == JSON_VALUE_ARRAY;
    size_t n = list ? json_value_len(v) : 1;
    int rc = 0;

    if (!v)
        return 0;
    if (n > BATCH_STOPS_MAX)
        return err_set(e, DOBBY_E_LIMIT, "line %" PRIu64 ": stop: %zu strings; give at most %d", no,
                       n, BATCH_STOPS_MAX);
    r->stops = mem_array(n + 1, sizeof(*r->stops));
    if (!r->stops)
        return err_nomem(e, "stop strings");
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = take_stop(r, i, list ? json_value_at(v, i) : v, no, e);
    return rc;
}

/* ---- a line ------------------------------------------------------------------------------------- */

void batch_request_number(struct batch_request *r, uint64_t no)
{
    *r = (struct batch_request){0};
    strbuf_printf(&r->id, "%" PRIu64, no);
}

int batch_request_parse(struct batch_request *r, uint64_t no, const char *line, size_t len,
                        struct dobby_err *e)
{
    char what[32];
    int rc;

    batch_request_number(r, no);
    (void)snprintf(what, sizeof(what), "line %" PRIu64, no);
    rc = json_value_parse(&r->doc, line, len, what, e);
    if (rc == 0 && json_value_type(r->doc) != JSON_VALUE_OBJECT)
        rc = err_set(e, DOBBY_E_FORMAT, "%s: is %s; give an object with a prompt or messages", what,
                     json_value_type_name(r->doc));
    if (rc == 0)
        rc = take_id(r, no, line, len, e);
    if (rc == 0)
        rc = take_prompt(r, no, e);
    if (rc == 0)
        rc = take_max_tokens(r, no, e);
    if (rc == 0)
        rc = take_stops(r, no, e);
    if (strbuf_failed(&r->id))
        rc = err_nomem(e, "an id");
    return rc;
}

void batch_request_forget(struct batch_request *r)
{
    mem_free(r->msg);
    mem_free(r->stops);
    json_value_free(r->doc);
    *r = (struct batch_request){.id = r->id};
}

void batch_request_release(struct batch_request *r)
{
    batch_request_forget(r);
    strbuf_release(&r->id);
}

/* ---- out ---------------------------------------------------------------------------------------- */

static void put_id(struct strbuf *out, const struct strbuf *id)
{
    strbuf_puts(out, "{\"id\":");
    strbuf_add(out, strbuf_str(id), id->len);
}

void batch_put_result(struct strbuf *out, const struct strbuf *id, const char *text, size_t len,
                      size_t tokens, double logprob, const char *stop)
{
    put_id(out, id);
    strbuf_puts(out, ",\"text\":");
    json_put_string(out, text, len);
    strbuf_printf(out, ",\"tokens\":%zu,\"logprob\":", tokens);
    if (isfinite(logprob))
        strbuf_printf(out, "%.6f", fabs(logprob) < 5e-7 ? 0.0 : logprob); /* no "-0.000000" */
    else
        strbuf_puts(out, "null");
    strbuf_printf(out, ",\"stop\":\"%s\"}\n", stop);
}

void batch_put_error(struct strbuf *out, const struct strbuf *id, const char *message)
{
    put_id(out, id);
    strbuf_puts(out, ",\"error\":");
    json_put_string(out, message, strlen(message));
    strbuf_puts(out, "}\n");
}
