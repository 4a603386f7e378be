/* prompt.c - what a model is asked about a unit (code). The manual is prompt.h. */
#include "code/prompt.h"

#include "base/size.h"
#include "base/utf8.h"
#include "code/chunk.h"
#include "code/doc.h"
#include "code/prompt_examples.h"
#include "code/redact.h"
#include "code/steer.h"

#include <string.h>

static const char system_text[] = "You write one-sentence summaries of code.";

/* Small functions of our own. The answers show the form: a verb first, what happens, what comes back,
 * what goes wrong; words instead of code. Three languages, so that none of them is the rule.
 * Then a type: asked for a verb, small models write "Define a class that" and list its members. */
const struct prompt_generic prompt_examples[PROMPT_EXAMPLES] = {
    {LANGUAGE_PYTHON,
     "def drain(queue, limit):\n"
     "    taken = []\n"
     "    while queue and len(taken) < limit:\n"
     "        taken.append(queue.popleft())\n"
     "    return taken",
     "Remove up to a limit of entries from the front of a queue and return them as a list."},
    {LANGUAGE_C,
     "int save_all(int fd, const char *buf, size_t len)\n"
     "{\n"
     "    while (len > 0) {\n"
     "        ssize_t n = write(fd, buf, len);\n"
     "        if (n < 0)\n"
     "            return -1;\n"
     "        buf += n;\n"
     "        len -= n;\n"
     "    }\n"
     "    return 0;\n"
     "}",
     "Write a whole buffer to a file descriptor, retrying short writes, and return -1 on the first "
     "error."},
    {LANGUAGE_JAVASCRIPT,
     "function onTimeout(id) {\n"
     "  const job = this.jobs.get(id);\n"
     "  if (!job) return;\n"
     "  job.cancel();\n"
     "  this.jobs.delete(id);\n"
     "}",
     "Cancel the job with the given id and forget it, doing nothing when there is no such job."},
    {LANGUAGE_JAVA,
     "public final class Kettle {\n"
     "    private final Heater heater;\n"
     "    private int degrees;\n"
     "\n"
     "    public Kettle(Heater heater) ...\n"
     "    public void heatTo(int degrees) ...\n"
     "    public boolean isReady() ...\n"
     "}",
     "A kettle that heats water to a given temperature and tells when it is ready."},
};

int prompt_code(struct strbuf *out, const struct unit *u, enum language_id lang, const char *source,
                size_t len, const struct unit *units, size_t n_units, struct dobby_err *e)
{
    struct strbuf plain = {0}, code = {0};
    int rc = 0;

    strbuf_reset(out);
    if (u->span.end > len || u->span.start >= u->span.end)
        return err_set(e, DOBBY_E_INTERNAL, "prompt: the unit %s lies outside of its file",
                       u->qualified);
    if (u->kind == UNIT_CHUNK && lang == LANGUAGE_JUPYTER)
        rc = chunk_cell(&plain, u, source, len, e);
    else
        doc_hide(&plain, u, source, len, units, n_units);
    steer_hide(&code, strbuf_str(&plain), plain.len, false);
    if (rc == 0)
        rc = strbuf_failed(&plain) || strbuf_failed(&code)
                 ? err_nomem(e, "a prompt")
                 : redact(out, strbuf_str(&code), code.len, NULL, e);
    strbuf_release(&plain);
    strbuf_release(&code);
    return rc;
}

/* ---- cutting ------------------------------------------------------------------------------------------ */

/* The longest head of at most max bytes that ends after a line; a single long line is cut between characters. */
static size_t head_len(const char *s, size_t n, size_t max)
{
    const char *eol;

    if (n <= max)
        return n;
    eol = memrchr(s, '\n', max);
    return eol ? (size_t)(eol - s) + 1 : utf8_complete(s, max);
}

/* Where the tail of at most max bytes begins. */
static size_t tail_start(const char *s, size_t n, size_t max)
{
    size_t at = n - size_min(n, max);
    const char *eol;

    if (at == 0)
        return 0;
    eol = memchr(s + at - 1, '\n', n - at + 1);
    if (eol && (size_t)(eol - s) + 1 < n)
        return (size_t)(eol - s) + 1;
    while (at < n && ((unsigned char)s[at] & 0xC0) == 0x80)
        at++;
    return at;
}

/* Two thirds of the budget for the head, which holds the signature, one for the end. */
void prompt_cut(struct strbuf *out, const char *code, size_t len, size_t max)
{
    size_t head, tail;

    if (len <= max) {
        strbuf_add(out, code, len);
        return;
    }
    head = head_len(code, len, max - max / 3);
    tail = tail_start(code, len, max / 3);
    strbuf_add(out, code, head);
    if (head > 0 && code[head - 1] != '\n')
        strbuf_putc(out, '\n');
    strbuf_puts(out, "...\n");
    strbuf_add(out, code + tail, len - tail);
}

/* ---- messages ------------------------------------------------------------------------------------------- */

static size_t longest_ticks(const char *s, size_t n)
{
    size_t i, run = 0, longest = 0;

    for (i = 0; i < n; i++) {
        run = s[i] == '`' ? run + 1 : 0;
        longest = size_max(longest, run);
    }
    return longest;
}

/* The fence is longer than any run of backticks in the code, so nothing in it can close it. */
static void put_fenced(struct strbuf *out, enum language_id lang, const char *code, size_t len)
{
    size_t ticks = size_max(3, longest_ticks(code, len) + 1), i;
    const struct language *l = language_get(lang);

    for (i = 0; i < ticks; i++)
        strbuf_putc(out, '`');
    strbuf_puts(out, l ? l->fence : "");
    strbuf_putc(out, '\n');
    strbuf_add(out, code, len);
    strbuf_putc(out, '\n');
    for (i = 0; i < ticks; i++)
        strbuf_putc(out, '`');
}

/* "Perl function", "part of a Perl file", "part of a Makefile", "piece of shell code": what follows "this". */
static void put_thing(struct strbuf *out, const struct unit *u, enum language_id file)
{
    const struct language *l = language_get(unit_language(u, file));
    const char *title = l ? l->title : "code";

    if (u->kind != UNIT_CHUNK) {
        strbuf_printf(out, "%s %s", title,
                      unit_is_outline(u) ? unit_kind_name(u->kind) : "function");
    } else if (file == LANGUAGE_MARKDOWN) {
        strbuf_printf(out, "piece of %s code", title);
    } else {
        strbuf_puts(out, "part of ");
        chunk_put_file(out, u, file);
    }
}

static void put_question(struct strbuf *out, const struct unit *u, enum language_id file,
                         int attempt)
{
    bool outline = unit_is_outline(u);

    strbuf_puts(out, attempt == 0 ? "Summarize this "
                                  : "Say in one short sentence of plain words what this ");
    put_thing(out, u, file);
    if (attempt == 0)
        strbuf_printf(out, " in one sentence. %s.\n\n",
                      outline ? "Say what it stands for" : "Start with a verb");
    else if (outline)
        strbuf_printf(out, ", %s, stands for. Do not copy code.\n\n", u->name);
    else if (u->kind == UNIT_CHUNK) /* its name is code */
        strbuf_puts(out, " does. Start with a verb. Do not copy code.\n\n");
    else
        strbuf_printf(out, ", %s, does. Start with a verb. Do not copy code.\n\n", u->name);
}

/* Move the built text into the arena as a message. */
static int take(struct dobby_message *m, struct arena *a, const char *role, struct strbuf *b)
{
    m->role = role;
    m->len = b->len;
    m->text = strbuf_failed(b) ? NULL : arena_strndup(a, strbuf_str(b), b->len);
    strbuf_reset(b);
    return m->text ? 0 : DOBBY_E_NOMEM;
}

static void set(struct dobby_message *m, const char *role, const char *text)
{
    *m = (struct dobby_message){.role = role, .text = text, .len = strlen(text)};
}

/* ---- context -------------------------------------------------------------------------------------------- */

/* The text of a note, cut between words. */
static void put_note(struct strbuf *out, const char *text)
{
    size_t n = strlen(text);
    const char *space;

    if (n > PROMPT_MAX_NOTE) {
        n = utf8_complete(text, PROMPT_MAX_NOTE);
        space = memrchr(text, ' ', n);
        n = space ? (size_t)(space - text) : n;
    }
    strbuf_add(out, text, n);
    strbuf_puts(out, text[n] ? " ...\n" : "\n");
}

static void put_notes(struct strbuf *out, const char *title, const struct prompt_note *notes,
                      size_t n)
{
    if (n > 0)
        strbuf_puts(out, title);
    for (size_t i = 0; i < n; i++) {
        strbuf_printf(out, "- %s: ", notes[i].name);
        put_note(out, notes[i].text);
    }
}

/* What many units of a file share comes first. */
static void put_context(struct strbuf *out, const struct prompt_context *c)
{
    if (c->file) {
        strbuf_puts(out, "Its file: ");
        put_note(out, c->file);
    }
    if (c->owner.name) {
        strbuf_printf(out, "It belongs to %s%s", c->owner.name, c->owner.text ? ": " : ".\n");
        if (c->owner.text)
            put_note(out, c->owner.text);
    }
    put_notes(out, "Near it:\n", c->near, c->n_near);
    put_notes(out, "It is called by:\n", c->callers, c->n_callers);
    put_notes(out, "It uses:\n", c->used, c->n_used);
    put_notes(out, "It calls:\n", c->called, c->n_called);
}

static bool has_context(const struct prompt_context *c)
{
    return c->file || c->owner.name || c->n_near + c->n_callers + c->n_used + c->n_called > 0;
}

static void add_said(struct prompt *p, const char *text)
{
    if (text)
        p->said[p->n_said++] = (struct text){text, strlen(text)};
}

static void list_said(struct prompt *p, const struct prompt_context *c)
{
    add_said(p, c->file);
    add_said(p, c->owner.text);
    for (size_t i = 0; i < c->n_near; i++)
        add_said(p, c->near[i].text);
    for (size_t i = 0; i < c->n_callers; i++)
        add_said(p, c->callers[i].text);
    for (size_t i = 0; i < c->n_used; i++)
        add_said(p, c->used[i].text);
    for (size_t i = 0; i < c->n_called; i++)
        add_said(p, c->called[i].text);
}

/* ---- all together --------------------------------------------------------------------------------------- */

static int put_examples(struct dobby_message *m, struct arena *a, struct strbuf *b, size_t n)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        const struct prompt_generic *x = &prompt_examples[i];
        struct unit example = {.kind = i < PROMPT_FUNCTIONS ? UNIT_FUNCTION : UNIT_TYPE};

        put_question(b, &example, x->lang, 0);
        put_fenced(b, x->lang, x->code, strlen(x->code));
        rc = take(&m[2 * i], a, "user", b);
        set(&m[2 * i + 1], "assistant", x->answer);
    }
    return rc;
}

/* The last message: context, question, code. */
static int put_unit(struct prompt *out, struct arena *a, struct strbuf *b, const struct unit *u,
                    enum language_id lang, const struct strbuf *code, int attempt,
                    struct dobby_message *m)
{
    if (out->context[0])
        strbuf_printf(b, "Context:\n%s\n", out->context);
    put_question(b, u, lang, attempt);
    put_fenced(b, unit_language(u, lang), strbuf_str(code), code->len);
    return strbuf_failed(code) ? DOBBY_E_NOMEM : take(m, a, "user", b);
}

int prompt_build(struct prompt *out, struct arena *a, const struct unit *u, enum language_id lang,
                 const char *code, size_t len, size_t max_code, int attempt, bool bare,
                 const struct prompt_context *c, struct dobby_err *e)
{
    size_t n_examples = bare ? 0 : unit_is_outline(u) ? PROMPT_EXAMPLES : PROMPT_FUNCTIONS;
    size_t n = 2 + 2 * n_examples;
    struct dobby_message *m = arena_array(a, n, sizeof(*m));
    struct strbuf b = {0}, cut = {0};
    int rc = m ? 0 : DOBBY_E_NOMEM;

    *out = (struct prompt){
        .msg = m, .n = n, .n_shared = n_examples ? 1 + 2 * PROMPT_FUNCTIONS : 1, .context = ""};
    if (rc == 0 && c && attempt == 0) {
        put_context(&b, c);
        list_said(out, c);
        out->context = strbuf_failed(&b) ? NULL : arena_strndup(a, strbuf_str(&b), b.len);
        strbuf_reset(&b);
    }
    if (!out->context)
        rc = DOBBY_E_NOMEM;
    if (rc == 0) {
        set(&m[0], "system", system_text);
        rc = put_examples(m + 1, a, &b, n_examples);
    }
    prompt_cut(&cut, code, len, max_code ? max_code : PROMPT_MAX_CODE);
    if (rc == 0)
        rc = put_unit(out, a, &b, u, lang, &cut, bare && c && has_context(c) ? 0 : attempt,
                      &m[n - 1]);
    strbuf_release(&b);
    strbuf_release(&cut);
    return rc < 0 ? err_nomem(e, "a prompt") : 0;
}
