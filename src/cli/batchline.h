/* batchline.h - one line of a batch: a prompt that came in, a completion that goes out (cli).
 *
 * In       {"id":.., "prompt":".."} or {"id":.., "messages":[{"role":"..","content":".."},..]}, and if wanted
 *          "max_tokens": N and "stop": "STR" or ["STR",..]. A member that is null is like one that is not there; members of
 *          other names are left alone, since such files carry more than prompts. Without an id it is the line's number.
 * Out      {"id":..,"text":"..","tokens":N,"logprob":X,"stop":"end|string|length"} or {"id":..,"error":".."}. The id is the
 *          one that came in: a number as it was written, a string with the same characters. Bytes of a text that are not
 *          UTF-8 become U+FFFD. */
#ifndef CLI_BATCHLINE_H
#define CLI_BATCHLINE_H

#include "base/err.h"
#include "base/json.h"
#include "base/strbuf.h"

#include <stdint.h>

#define BATCH_TOKENS_MAX (1 << 20)
#define BATCH_STOPS_MAX  64

struct batch_request {
    struct strbuf id;   /* JSON */
    const char *prompt; /* may hold NUL; NULL: a conversation */
    size_t len;
    struct dobby_message *msg;
    size_t n_msg;
    int max_tokens;         /* 0: not given */
    const char **stops;     /* NULL-terminated; NULL: not given */
    struct json_value *doc; /* what the others point into */
};

/* Parse line number `no`. r is uninitialised or released; whatever comes of it, r->id is set, as far as it can be known,
 * and r wants its release. Returns 0, DOBBY_E_FORMAT or _LIMIT for a line that is not as it must be, DOBBY_E_NOMEM. */
MUST_CHECK int batch_request_parse(struct batch_request *r, uint64_t no, const char *line,
                                   size_t len, struct dobby_err *e);
/* The same for a line that could not even be read. */
void batch_request_number(struct batch_request *r, uint64_t no);
/* Drop all but the id, once the prompt is not wanted any more. */
void batch_request_forget(struct batch_request *r);
void batch_request_release(struct batch_request *r);

/* Lines out, with their ends. tokens: of the text. logprob: the sum of the natural logarithms of the probabilities of these
 * tokens and of the end token, if one ended the text; NAN: not known, which is null. */
void batch_put_result(struct strbuf *out, const struct strbuf *id, const char *text, size_t len,
                      size_t tokens, double logprob, const char *stop);
void batch_put_error(struct strbuf *out, const struct strbuf *id, const char *message);

#endif
