/* remote_msg.h - what is said to an OpenAI-compatible server and what it says, without the network (llm).
 * What     Requests as JSON, answers and errors read from JSON. Pure functions of their arguments.
 * Trust    None in a server: every field may be absent or of another type, every number out of range, every text hostile. A text
 *          that cannot be used is refused with a reason; numbers that make no sense count as not told. The server's own words
 *          reach messages only escaped (err.h), cut to a line, and never with the API key in them.
 * Source   OpenAI's API reference (completions, chat completions, models) as llama.cpp's server, vLLM and others implement it.
 * Next     remote.c for the transport. */
#ifndef LLM_REMOTE_MSG_H
#define LLM_REMOTE_MSG_H

#include "base/err.h"
#include "base/strbuf.h"
#include "llm/engine.h"

#include <stdbool.h>

#define REMOTE_STOPS_MAX 4 /* stop strings in a request: what OpenAI allows; all are cut at here */
#define REMOTE_NAME_MAX  256 /* bytes of a model's name */

/* Append the body of a request for `p` (words only). With `logprobs` the tokens' log-probabilities are asked for; *plain is
 * how long the body is without that, for remote_drop_logprobs. Text that is not UTF-8 is sent with U+FFFD in its place.
 * Returns 0, DOBBY_E_UNSUPPORTED (ids; options that a server cannot honour), _USAGE, _NOMEM. */
MUST_CHECK int remote_put_request(struct strbuf *b, size_t *plain, const char *model,
                                  const struct engine_prompt *p, const struct dobby_generate *g,
                                  bool logprobs, struct dobby_err *e);
/* Make the body one that asks for no log-probabilities. It only shrinks, so that this cannot fail. */
void remote_drop_logprobs(struct strbuf *b, size_t plain);

struct remote_answer {
    char *text; /* cut at the first stop string; NUL-terminated; may hold NUL */
    size_t len;
    const char *stop; /* "end", "string" (cut here), "length" */
    float *logprob;   /* [n_ids], or NULL when the server told none */
    size_t n_ids;     /* tokens of the text; 0 when not told */
    double sum_logprob;
    size_t n_prompt, n_cached; /* 0 when not told */
};

/* Read the body of a successful answer. stops: NULL-terminated, or NULL. DOBBY_E_FORMAT when it holds no text that can be
 * used, _LIMIT (JSON beyond json.h's bounds), _NOMEM; *out is released then. */
MUST_CHECK int remote_read_answer(struct remote_answer *out, const char *body, size_t len,
                                  const char *const *stops, struct dobby_err *e);
void remote_answer_release(struct remote_answer *a);

/* The failure that an answer with this HTTP status is, put into *e: what the server says in `body`, if anything, and what to
 * do. api_key is kept out of the message; may be NULL.
 * DOBBY_E_UNAVAILABLE  429, 500, 502, 503, 504 and what else may pass: try again
 * DOBBY_E_LIMIT        413, or its words say that the prompt is too long
 * DOBBY_E_PERMISSION   401, 403, 407
 * DOBBY_E_NOTFOUND     404, 410
 * DOBBY_E_CONFIG       3xx: redirects are not followed
 * DOBBY_E_FORMAT       the rest: the request is refused as it is */
int remote_http_error(long status, const char *body, size_t len, const char *api_key,
                      struct dobby_err *e);
/* Does a refusal (400, 422) speak of log-probabilities? */
bool remote_refuses_logprobs(long status, const char *body, size_t len);

/* The id of the first model in the answer to GET /v1/models, allocated. DOBBY_E_FORMAT when there is none that can be
 * used as a name. */
MUST_CHECK int remote_read_models(char **out, const char *body, size_t len, struct dobby_err *e);
/* 0 if this can be a model's name: 1 to REMOTE_NAME_MAX bytes of UTF-8 without control characters; or DOBBY_E_FORMAT. */
MUST_CHECK int remote_check_name(const char *name, size_t len, struct dobby_err *e);
/* The name as people and rows see it: servers call a model by the path of its file, of which only the last part is shown. A
 * name like "owner/model" is none. Points into `name`. */
const char *remote_title(const char *name);

#endif
