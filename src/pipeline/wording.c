/* wording.c - see wording.h (pipeline). */
#include "pipeline/wording.h"

#include "base/sha256.h"
#include "base/utf8.h"
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

int wording_doc(struct strbuf *text, struct strbuf *scratch, const struct unit *u,
                enum language_id lang, const char *source, size_t len, bool *doc,
                struct dobby_err *e)
{
    struct dobby_err why = {0};
    int rc;

    strbuf_reset(scratch);
    strbuf_reset(text);
    *doc = doc_first_sentence(scratch, u, lang, source, len);
    if (strbuf_failed(scratch))
        return err_nomem(e, "a comment");
    if (!*doc)
        return 0;
    rc = redact(text, strbuf_str(scratch), scratch->len, NULL, &why);
    *doc = rc == 0;
    if (strbuf_failed(text))
        return err_nomem(e, "a comment");
    return rc == 0 || rc == DOBBY_E_LIMIT ? 0 : err_set(e, rc, "%s", why.message);
}

int wording_own(struct strbuf *text, const char *doc, const struct unit *u, enum language_id lang,
                const char *source, size_t len, struct dobby_err *e)
{
    strbuf_reset(text);
    if (doc)
        strbuf_puts(text, doc);
    else
        signature_summary(text, u, lang, source, len);
    return strbuf_failed(text) ? err_nomem(e, "a summary") : 0;
}

struct finding_list {
    struct strbuf *out;
    const char *kind;
};

static void put_finding(void *ctx, const char *name, size_t n)
{
    struct finding_list *l = ctx;

    if (!utf8_valid(name, n)) /* the text is no UTF-8: neither are its names */
        return;
    strbuf_printf(l->out, "%s%s: ", l->out->len ? "\n" : "", l->kind);
    strbuf_add(l->out, name, n);
}

int wording_findings(struct strbuf *text, struct strbuf *scratch, int no_docs, const struct unit *u,
                     enum language_id lang, const char *source, size_t len, struct dobby_err *e)
{
    struct finding_list l = {scratch, "doc-mismatch"};
    struct dobby_err why = {0};
    int rc;

    strbuf_reset(text);
    strbuf_reset(scratch);
    if (no_docs)
        return 0;
    doc_stray_params(u, lang, source, len, put_finding, &l);
    l.kind = "doc-missing-parameter";
    doc_missing_params(u, lang, source, len, put_finding, &l);
    if (strbuf_failed(scratch))
        return err_nomem(e, "findings");
    rc = redact(text, strbuf_str(scratch), scratch->len, NULL, &why); /* a name may be anything */
    if (rc == DOBBY_E_LIMIT)
        strbuf_reset(text);
    else if (rc < 0)
        return err_set(e, rc, "%s", why.message);
    return strbuf_failed(text) ? err_nomem(e, "findings") : 0;
}

int wording_question(uint8_t out[KEY_LEN], struct question *q, struct strbuf *code,
                     struct context *c, const struct scan *s, size_t file, size_t unit,
                     const char *source, size_t len, struct dobby_err *e)
{
    const struct scan_file *f = &s->files[file];
    const struct unit *u = &f->units[unit];
    struct prompt_context around;
    struct dobby_err why = {0};
    int rc = prompt_code(code, u, f->wf->language, source, len, f->units, f->n, &why);

    if (rc == DOBBY_E_LIMIT) {
        rc = key_words(out, NULL, 0, e);
        return rc < 0 ? rc : 0;
    }
    if (rc < 0)
        return err_set(e, rc, "%s", why.message);
    context_find(c, &around, file, unit, NULL);
    rc = question_words(q, u, f->wf->language, strbuf_str(code), code->len, 0, &around, e);
    if (rc == 0)
        rc = key_words(out, q->prompt.msg, q->prompt.n, e);
    return rc < 0 ? rc : 1;
}

int wording_code(uint8_t out[WORDING_CODE], const struct strbuf *code, struct dobby_err *e)
{
    struct sha256 h;
    uint8_t whole[KEY_LEN];
    int rc;

    sha256_begin(&h);
    sha256_field(&h, strbuf_str(code), code->len);
    rc = sha256_end(&h, whole, e);
    if (rc == 0)
        memcpy(out, whole, WORDING_CODE);
    return rc;
}
