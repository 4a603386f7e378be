/* wording.c - see wording.h (pipeline). */
#include "pipeline/wording.h"

#include "base/sha256.h"
#include "code/check.h"
#include "code/doc.h"
#include "code/redact.h"

#include <stdio.h>
#include <string.h>

int wording_recipe(uint8_t out[KEY_LEN], int no_docs, bool whole, struct dobby_err *e)
{
    struct sha256 h;
    char text[96];

    snprintf(text, sizeof(text), "prompt=%d code=%d no_docs=%d%s", PROMPT_VERSION, PROMPT_MAX_CODE,
             no_docs != 0, whole ? "" : " part");
    sha256_begin(&h);
    sha256_field(&h, text, strlen(text));
    return sha256_end(&h, out, e);
}

static int doc_text(struct strbuf *text, struct strbuf *scratch, int no_docs, const struct unit *u,
                    enum language_id lang, const char *source, size_t len, bool *doc,
                    struct dobby_err *e)
{
    struct dobby_err why = {0};
    int rc;

    strbuf_reset(scratch);
    strbuf_reset(text);
    *doc = !no_docs && doc_first_sentence(scratch, u, lang, source, len);
    if (strbuf_failed(scratch))
        return err_nomem(e, "a comment");
    if (!*doc)
        return 0;
    rc = redact(text, strbuf_str(scratch), scratch->len, NULL, &why);
    *doc = rc == 0;
    return rc == 0 || rc == DOBBY_E_LIMIT ? 0 : err_set(e, rc, "%s", why.message);
}

int wording_own(struct strbuf *text, struct strbuf *scratch, int no_docs, const struct unit *u,
                enum language_id lang, const char *source, size_t len, bool *doc,
                struct dobby_err *e)
{
    int rc = doc_text(text, scratch, no_docs, u, lang, source, len, doc, e);

    if (rc == 0 && !*doc)
        signature_summary(text, u, lang, source, len);
    if (rc == 0 && strbuf_failed(text))
        rc = err_nomem(e, "a summary");
    return rc;
}

int wording_question(uint8_t out[KEY_LEN], struct question *q, struct strbuf *code,
                     const struct unit *u, enum language_id lang, const char *source, size_t len,
                     const struct unit *units, size_t n_units, struct dobby_err *e)
{
    struct dobby_err why = {0};
    int rc = prompt_code(code, u, source, len, units, n_units, &why);

    if (rc == DOBBY_E_LIMIT) {
        rc = key_words(out, NULL, 0, e);
        return rc < 0 ? rc : 0;
    }
    if (rc < 0)
        return err_set(e, rc, "%s", why.message);
    rc = question_words(q, u, lang, strbuf_str(code), code->len, 0, e);
    if (rc == 0)
        rc = key_words(out, q->prompt.msg, q->prompt.n, e);
    return rc < 0 ? rc : 1;
}
