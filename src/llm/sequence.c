/* sequence.c - see sequence.h. */
#include "llm/sequence.h"

#include "base/mem.h"
#include "base/size.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

static int copy_stops(struct sequence *s, const char *const *stops)
{
    size_t n = 0;
    while (stops && stops[n])
        n++;
    s->stops = mem_array(n + 1, sizeof(*s->stops));
    if (!s->stops)
        return -1;
    for (; s->n_stops < n; s->n_stops++)
        if (!(s->stops[s->n_stops] = mem_strdup(stops[s->n_stops])))
            return -1;
    return 0;
}

int sequence_new(struct sequence **out, const struct dobby_model *m, const int32_t *ids, size_t n,
                 const struct dobby_generate *g, struct dobby_err *e)
{
    struct sequence *s = mem_zalloc(sizeof(*s));
    size_t max_tokens = (size_t)g->max_tokens, text;

    *out = NULL;
    if (!s)
        return err_nomem(e, "a sequence");
    s->opt = *g;
    s->n_prompt = s->n_ids = n;
    s->max_ids = n + max_tokens;
    s->n_blocks = (s->max_ids + KV_TOKENS - 1) / KV_TOKENS;
    s->ids = mem_array(s->max_ids, sizeof(*s->ids));
    s->blocks = mem_array(s->n_blocks, sizeof(*s->blocks));
    s->logprob = mem_array(max_tokens, sizeof(*s->logprob));
    s->margin = mem_array(max_tokens, sizeof(*s->margin));
    if (size_mul(max_tokens, m->longest_token, &text))
        s->text = mem_alloc(text + 1);
    if (s->opt.on_logits)
        s->logits = mem_array(SEQ_LOGIT_COLS * m->n_vocab, sizeof(*s->logits));
    if (!s->ids || !s->blocks || !s->logprob || !s->margin || !s->text ||
        (s->opt.on_logits && !s->logits) || copy_stops(s, g->stops) < 0) {
        sequence_free(s);
        return err_nomem(e, "a sequence");
    }
    memcpy(s->ids, ids, n * sizeof(*ids));
    s->text[0] = '\0';
    s->stop_reason = "";
    *out = s;
    return 0;
}

void sequence_free(struct sequence *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_stops; i++)
        mem_free(s->stops[i]);
    mem_free(s->stops);
    mem_free(s->ids);
    mem_free(s->blocks);
    mem_free(s->logprob);
    mem_free(s->margin);
    mem_free(s->text);
    mem_free(s->logits);
    mem_free(s);
}

static void complete(struct sequence *s, const char *reason)
{
    s->ended = true;
    s->stop_reason = reason;
    s->safe = s->len;
}

/* Cut the text at the first stop string that it now holds; `from` bytes were searched before. */
static bool find_stop(struct sequence *s, size_t from)
{
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < s->n_stops; i++) {
        size_t n = strlen(s->stops[i]), start = from > n ? from - n : 0;
        const char *hit = n ? memmem(s->text + start, s->len - start, s->stops[i], n) : NULL;
        if (hit)
            best = size_min(best, (size_t)(hit - s->text));
    }
    if (best == SIZE_MAX)
        return false;
    s->len = best;
    s->text[best] = '\0';
    return true;
}

/* How much of the text can be shown: not what may become a stop string, not a cut character. */
static size_t safe_length(const struct sequence *s)
{
    size_t safe = s->len;
    for (size_t i = 0; i < s->n_stops; i++) {
        size_t n = strlen(s->stops[i]);
        for (size_t k = size_min(n ? n - 1 : 0, s->len); k > 0; k--)
            if (memcmp(s->text + s->len - k, s->stops[i], k) == 0) {
                safe = size_min(safe, s->len - k);
                break;
            }
    }
    return s->told + utf8_complete(s->text + s->told, safe - size_min(safe, s->told));
}

void sequence_accept(struct sequence *s, const struct dobby_model *m, int32_t id, float logprob,
                     float margin)
{
    size_t len, before = s->len;
    const char *bytes;

    s->sum_logprob += (double)logprob;
    if (!s->opt.ignore_eog && tokenizer_is_eog(m->tokenizer, id)) {
        complete(s, "end");
        return;
    }
    s->ids[s->n_ids++] = id;
    s->logprob[s->n_out] = logprob;
    s->margin[s->n_out++] = margin;
    bytes = tokenizer_bytes(m->tokenizer, id, &len);
    memcpy(s->text + s->len, bytes, len);
    s->len += len;
    s->text[s->len] = '\0';
    if (find_stop(s, before))
        complete(s, "string");
    else if (s->n_out == (size_t)s->opt.max_tokens)
        complete(s, "length");
    else
        s->safe = safe_length(s);
}

void sequence_fail(struct sequence *s, int code, const char *message)
{
    if (s->ended)
        return;
    err_clear(&s->err);
    s->status = err_set(&s->err, code, "%s", message);
    s->ended = true;
}

void sequence_abort(struct sequence *s)
{
    char text[96] = "cancelled";

    if (s->abort == DOBBY_E_TIME && s->opt.time_limit_ms > 0)
        snprintf(text, sizeof(text), "no end after %d ms, the time limit; raise it, or try again",
                 s->opt.time_limit_ms);
    else if (s->abort != DOBBY_E_CANCELLED)
        snprintf(text, sizeof(text), "ended by its callback (code %d)", s->abort);
    sequence_fail(s, s->abort, text);
}
