/* remote_msg.c - see remote_msg.h. */
#include "llm/remote_msg.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/size.h"
#include "base/utf8.h"

#include <math.h>
#include <string.h>

#define SERVER_WORDS_MAX 300        /* bytes of a server's error text in a message */
#define COUNT_MAX        1000000000 /* no server counts more tokens than this */

/* ---- requests ------------------------------------------------------------------------------------------------ */

static void put_string(struct strbuf *b, const char *before, const char *s, size_t len)
{
    strbuf_puts(b, before);
    json_put_string(b, s, len);
}

static int put_messages(struct strbuf *b, const struct engine_prompt *p, struct dobby_err *e)
{
    static const char *const roles[] = {"system", "user", "assistant"};

    strbuf_puts(b, ",\"messages\":[");
    for (size_t i = 0; i < p->n_msg; i++) {
        size_t r = 0;

        while (r < ARRAY_LEN(roles) && strcmp(p->msg[i].role, roles[r]) != 0)
            r++;
        if (r == ARRAY_LEN(roles))
            return err_set(e, DOBBY_E_USAGE,
                           "conversation: message %zu: unknown role; use system, user or assistant",
                           i);
        strbuf_printf(b, "%s{\"role\":\"%s\"", i ? "," : "", roles[r]);
        put_string(b, ",\"content\":", p->msg[i].text, p->msg[i].len);
        strbuf_putc(b, '}');
    }
    strbuf_putc(b, ']');
    return p->n_msg
               ? 0
               : err_set(e, DOBBY_E_USAGE, "conversation: it has no message; give at least one");
}

static void put_stops(struct strbuf *b, const char *const *stops)
{
    size_t n = 0;

    for (size_t i = 0; stops && stops[i] && n < REMOTE_STOPS_MAX; i++)
        if (stops[i][0])
            put_string(b, n++ ? "," : ",\"stop\":[", stops[i], strlen(stops[i]));
    if (n)
        strbuf_putc(b, ']');
}

/* What only the engine of this process can do. */
static int check_request(const struct engine_prompt *p, const struct dobby_generate *g,
                         struct dobby_err *e)
{
    if (p->ids)
        return err_set(e, DOBBY_E_UNSUPPORTED,
                       "a prompt of token ids: an engine by URL takes words only; give a text or a "
                       "conversation");
    if (g->on_logits || g->ignore_eog)
        return err_set(e, DOBBY_E_UNSUPPORTED,
                       "generation options: %s: not with an engine by URL; leave it out",
                       g->on_logits ? "on_logits" : "ignore_eog");
    if (!p->msg && p->len == 0)
        return err_set(e, DOBBY_E_USAGE, "the prompt is empty; a model needs at least one token");
    return 0;
}

int remote_put_request(struct strbuf *b, size_t *plain, const char *model,
                       const struct engine_prompt *p, const struct dobby_generate *g, bool logprobs,
                       struct dobby_err *e)
{
    int rc = check_request(p, g, e);

    if (rc < 0)
        return rc;
    put_string(b, "{\"model\":", model, strlen(model));
    if (p->msg)
        rc = put_messages(b, p, e);
    else
        put_string(b, ",\"prompt\":", p->text, p->len);
    strbuf_printf(b, ",\"max_tokens\":%d,\"temperature\":0,\"stream\":false", g->max_tokens);
    put_stops(b, g->stops);
    *plain = b->len;
    /* The two interfaces ask for the same in different ways; one runner-up is the least that servers take. */
    if (logprobs)
        strbuf_puts(b, p->msg ? ",\"logprobs\":true,\"top_logprobs\":1" : ",\"logprobs\":1");
    strbuf_putc(b, '}');
    if (rc == 0 && strbuf_failed(b))
        rc = err_nomem(e, "a request");
    return rc;
}

void remote_drop_logprobs(struct strbuf *b, size_t plain)
{
    if (plain + 1 >= b->len)
        return; /* nothing was asked for */
    strbuf_truncate(b, plain + 1);
    b->s[plain] = '}';
}

/* ---- answers ------------------------------------------------------------------------------------------------- */

static size_t count_of(const struct json_value *o, const char *key)
{
    int64_t n;

    return json_value_integer(json_value_member(o, key), &n) && n > 0 && n <= COUNT_MAX ? (size_t)n
                                                                                        : 0;
}

/* Where the text is to be cut, and behind the stop string that stands there; *end is len when none does. */
static size_t find_stop(const char *text, size_t len, const char *const *stops, size_t *end)
{
    size_t best = len;

    *end = len;
    for (size_t i = 0; stops && stops[i]; i++) {
        size_t n = strlen(stops[i]);
        const char *hit = n ? memmem(text, len, stops[i], n) : NULL;

        if (hit && (size_t)(hit - text) < best) {
            best = (size_t)(hit - text);
            *end = best + n;
        }
    }
    return best;
}

static int read_text(struct remote_answer *out, const struct json_value *choice,
                     const char *const *stops, size_t *end, struct dobby_err *e)
{
    const struct json_value *message = json_value_member(choice, "message");
    const struct json_value *v =
        message ? json_value_member(message, "content") : json_value_member(choice, "text");
    size_t len = 0, cut;
    const char *s = json_value_string(v, &len);

    if (!s && message && v && json_value_type(v) == JSON_VALUE_NULL)
        s = ""; /* it had nothing to say */
    if (!s)
        return err_set(e, DOBBY_E_FORMAT,
                       "the server's answer holds no text (%s instead); is it an OpenAI-compatible "
                       "server?",
                       json_value_type_name(v));
    cut = find_stop(s, len, stops, end);
    out->text = mem_strndup(s, cut);
    out->len = cut;
    out->stop = *end > cut ? "string" : "end";
    return out->text ? 0 : err_nomem(e, "an answer");
}

/* Why the server stopped. A text that was ended for another reason than these is not what was asked for. */
static int read_reason(struct remote_answer *out, const struct json_value *choice,
                       struct dobby_err *e)
{
    static const char *const ends[] = {"stop", "eos", "eos_token", "stop_sequence"};
    const struct json_value *v = json_value_member(choice, "finish_reason");
    const char *reason = json_value_string(v, NULL);

    if (json_value_type(v) == JSON_VALUE_NULL)
        return 0; /* not told */
    if (reason && strcmp(reason, "length") == 0) {
        if (strcmp(out->stop, "end") == 0)
            out->stop = "length"; /* what was cut off behind a stop string is not missed */
        return 0;
    }
    for (size_t i = 0; reason && i < ARRAY_LEN(ends); i++)
        if (strcmp(reason, ends[i]) == 0)
            return 0;
    return err_set(e, DOBBY_E_FORMAT,
                   "the server ended its text for the reason '%.40s', not at its end; ask another "
                   "way, or another server",
                   reason ? reason : json_value_type_name(v));
}

/* The i-th token of an answer: its log-probability and how many bytes it has. False if it makes no sense. Chat answers hold
 * objects ("content"), older text completions two arrays; llama.cpp uses objects in both. */
static bool token_at(const struct json_value *logprobs, size_t i, double *logprob, size_t *len)
{
    const struct json_value *content = json_value_member(logprobs, "content");
    const struct json_value *o = json_value_at(content, i), *bytes = json_value_member(o, "bytes");
    const struct json_value *number =
        content ? json_value_member(o, "logprob")
                : json_value_at(json_value_member(logprobs, "token_logprobs"), i);
    const struct json_value *token = content
                                         ? json_value_member(o, "token")
                                         : json_value_at(json_value_member(logprobs, "tokens"), i);

    *len = 0;
    if (json_value_type(bytes) == JSON_VALUE_ARRAY)
        *len = json_value_len(bytes);
    else if (!json_value_string(token, len))
        return false;
    return json_value_number(number, logprob) && isfinite(*logprob) && *logprob <= 1e-3;
}

/* Take over what is told about the tokens that begin before `end`, the end of the text and of the stop string that it was cut
 * at: as in the model's own engine. One that cannot be read makes all of them unknown. */
static int read_logprobs(struct remote_answer *out, const struct json_value *choice, size_t end,
                         struct dobby_err *e)
{
    const struct json_value *logprobs = json_value_member(choice, "logprobs");
    const struct json_value *content = json_value_member(logprobs, "content");
    size_t n = json_value_len(content ? content : json_value_member(logprobs, "token_logprobs"));
    bool cut = strcmp(out->stop, "string") == 0;
    size_t at = 0, len;
    double logprob;

    if (json_value_type(logprobs) != JSON_VALUE_OBJECT || n == 0)
        return 0;
    out->logprob = mem_array(n, sizeof(*out->logprob));
    if (!out->logprob)
        return err_nomem(e, "an answer");
    out->n_ids = 0;
    for (size_t i = 0; i < n && !(cut && at >= end); i++, at += len) {
        if (!token_at(logprobs, i, &logprob, &len)) {
            mem_free(out->logprob);
            out->logprob = NULL;
            out->n_ids = 0;
            out->sum_logprob = 0;
            return 0;
        }
        logprob = logprob > 0 ? 0 : logprob; /* rounding of the server's */
        out->sum_logprob += logprob;
        if (len > 0 || i + 1 < n) /* the last one, if it is no text, is the end token */
            out->logprob[out->n_ids++] = (float)logprob;
    }
    return 0;
}

static void read_usage(struct remote_answer *out, const struct json_value *doc)
{
    const struct json_value *usage = json_value_member(doc, "usage");
    size_t cached = count_of(json_value_member(usage, "prompt_tokens_details"), "cached_tokens");

    out->n_prompt = count_of(usage, "prompt_tokens");
    out->n_cached = size_min(cached, out->n_prompt);
    if (!out->logprob)
        out->n_ids = count_of(usage, "completion_tokens");
}

/* As json_value_parse; what to do about bytes from a server is another thing than about a file of one's own. */
static int parse(struct json_value **out, const char *body, size_t len, const char *what,
                 struct dobby_err *e)
{
    int rc = json_value_parse(out, body, len, what, NULL);

    if (rc == DOBBY_E_NOMEM)
        return err_nomem(e, what);
    if (rc < 0)
        return err_set(e, rc, "%s is %s; is it an OpenAI-compatible server?", what,
                       rc == DOBBY_E_LIMIT ? "too deep or has too many values" : "not JSON");
    return 0;
}

int remote_read_answer(struct remote_answer *out, const char *body, size_t len,
                       const char *const *stops, struct dobby_err *e)
{
    struct json_value *doc;
    const struct json_value *choice;
    size_t end = 0;
    int rc;

    *out = (struct remote_answer){.stop = "end"};
    rc = parse(&doc, body, len, "the server's answer", e);
    if (rc < 0)
        return rc;
    choice = json_value_at(json_value_member(doc, "choices"), 0);
    rc = read_text(out, choice, stops, &end, e);
    if (rc == 0)
        rc = read_reason(out, choice, e);
    if (rc == 0)
        rc = read_logprobs(out, choice, end, e);
    if (rc == 0)
        read_usage(out, doc);
    else
        remote_answer_release(out);
    json_value_free(doc);
    return rc;
}

void remote_answer_release(struct remote_answer *a)
{
    mem_free(a->text);
    mem_free(a->logprob);
    *a = (struct remote_answer){0};
}

/* ---- errors -------------------------------------------------------------------------------------------------- */

/* What the server says about a failure: {"error":{"message":...}} of OpenAI and llama.cpp, {"error":"..."}, {"message":...},
 * {"detail":...}. NULL when it says nothing in these forms: pages for people are not for a line. */
static const char *server_words(const struct json_value *doc)
{
    const struct json_value *error = json_value_member(doc, "error");
    const char *s = json_value_string(json_value_member(error, "message"), NULL);

    if (!s)
        s = json_value_string(error, NULL);
    if (!s)
        s = json_value_string(json_value_member(doc, "message"), NULL);
    if (!s)
        s = json_value_string(json_value_member(doc, "detail"), NULL);
    return s && *s ? s : NULL;
}

static bool says(const char *words, const char *what)
{
    return words && strcasestr(words, what) != NULL;
}

/* Servers have no common code for a prompt that does not fit; these are the words of llama.cpp, OpenAI and vLLM. */
static bool is_too_long(const struct json_value *doc, const char *words)
{
    const struct json_value *error = json_value_member(doc, "error");
    const char *code = json_value_string(json_value_member(error, "code"), NULL),
               *type = json_value_string(json_value_member(error, "type"), NULL);

    return says(code, "context_length") || says(type, "exceed_context") ||
           (says(words, "context") && (says(words, "exceed") || says(words, "maximum") ||
                                       says(words, "larger") || says(words, "length"))) ||
           says(words, "too large to process");
}

static int code_of(long status)
{
    switch (status) {
    case 401:
    case 403:
    case 407:
        return DOBBY_E_PERMISSION;
    case 404:
    case 410:
        return DOBBY_E_NOTFOUND;
    case 408:
    case 409:
    case 425:
    case 429:
        return DOBBY_E_UNAVAILABLE;
    case 413:
        return DOBBY_E_LIMIT;
    case 501:
    case 505:
        return DOBBY_E_FORMAT;
    default:
        return status >= 500                   ? DOBBY_E_UNAVAILABLE
               : status >= 300 && status < 400 ? DOBBY_E_CONFIG
                                               : DOBBY_E_FORMAT;
    }
}

static const char *advice(int code)
{
    switch (code) {
    case DOBBY_E_PERMISSION:
        return "give the server's API key, or another one";
    case DOBBY_E_NOTFOUND:
        return "check the URL and the model's name";
    case DOBBY_E_UNAVAILABLE:
        return "try again later";
    case DOBBY_E_LIMIT:
        return "give the server a larger context, or ask for less";
    case DOBBY_E_CONFIG:
        return "redirects are not followed; give the final URL";
    default:
        return "the request is refused as it is; is it an OpenAI-compatible server?";
    }
}

/* An answer that is no JSON has no words; memory that ran out has none either, and the status says enough. */
static struct json_value *parse_quietly(const char *body, size_t len)
{
    struct json_value *doc;

    return json_value_parse(&doc, body, len, "", NULL) == 0 ? doc : NULL;
}

int remote_http_error(long status, const char *body, size_t len, const char *api_key,
                      struct dobby_err *e)
{
    struct json_value *doc = parse_quietly(body, len);
    const char *words = server_words(doc);
    int code = code_of(status);
    size_t n;

    if (status >= 400 && code != DOBBY_E_PERMISSION && is_too_long(doc, words))
        code = DOBBY_E_LIMIT;
    if (words && api_key && *api_key && strstr(words, api_key))
        words = "(its words hold the API key and are not shown)";
    n = words ? utf8_complete(words, strnlen(words, SERVER_WORDS_MAX)) : 0;
    code = err_set(e, code, "the server answers with status %ld%s%.*s%s; %s", status,
                   words ? ": " : "", (int)n, words ? words : "", words && words[n] ? "..." : "",
                   advice(code));
    json_value_free(doc);
    return code;
}

bool remote_refuses_logprobs(long status, const char *body, size_t len)
{
    struct json_value *doc;
    bool refuses;

    if (status != 400 && status != 422)
        return false;
    doc = parse_quietly(body, len);
    refuses = says(server_words(doc), "logprob");
    json_value_free(doc);
    return refuses;
}

/* ---- names --------------------------------------------------------------------------------------------------- */

int remote_check_name(const char *name, size_t len, struct dobby_err *e)
{
    bool good = len > 0 && len <= REMOTE_NAME_MAX && utf8_valid(name, len);

    for (size_t i = 0; i < len && good; i++)
        good = (unsigned char)name[i] >= 0x20 && name[i] != 0x7F;
    return good ? 0
                : err_set(e, DOBBY_E_FORMAT,
                          "a model's name must be 1 to %d bytes of text; name the model yourself",
                          REMOTE_NAME_MAX);
}

int remote_read_models(char **out, const char *body, size_t len, struct dobby_err *e)
{
    struct json_value *doc;
    const char *id;
    size_t n = 0;
    int rc;

    *out = NULL;
    rc = parse(&doc, body, len, "the server's list of models", e);
    if (rc < 0)
        return rc;
    id = json_value_string(
        json_value_member(json_value_at(json_value_member(doc, "data"), 0), "id"), &n);
    if (!id)
        rc = err_set(e, DOBBY_E_FORMAT,
                     "the server lists no model; load one there, or name the model yourself");
    else
        rc = remote_check_name(id, n, e);
    if (rc == 0) {
        *out = mem_strndup(id, n);
        rc = *out ? 0 : err_nomem(e, "a model's name");
    }
    json_value_free(doc);
    return rc;
}

const char *remote_title(const char *name)
{
    size_t n = strlen(name), at;
    bool path = n > 0 && (strchr("/.~", name[0]) || strchr(name, '\\') ||
                          (n > 5 && strcasecmp(name + n - 5, ".gguf") == 0));

    while (n > 0 && strchr("/\\", name[n - 1])) /* a directory */
        n--;
    for (at = n; path && at > 0 && !strchr("/\\", name[at - 1]); at--)
        ;
    return path && at < n ? name + at : name;
}
