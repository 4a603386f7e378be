/* prompt.c - `dobby prompt`: what a model would be asked about a unit, and where it comes from (cli). */
#include "base/json.h"
#include "base/size.h"
#include "base/utf8.h"
#include "cli/cli.h"
#include "cli/place.h"

#include <string.h>

struct prompt_opts {
    const char *store;
    int json, no_docs, bare, second, threads;
};

#define FIELD(f) offsetof(struct prompt_opts, f)

static const struct opt rows_prompt[] = {
    {0, "json", OPT_FLAG, FIELD(json), 0, 0, NULL, NULL, "A JSON object a unit, one a line"},
    {0, "no-docs", OPT_FLAG, FIELD(no_docs), 0, 0, NULL, NULL,
     "As summarize --no-docs asks: nothing that comments say"},
    {0, "bare", OPT_FLAG, FIELD(bare), 0, 0, NULL, NULL,
     "As a model with an adapter is asked: without examples"},
    {0, "second", OPT_FLAG, FIELD(second), 0, 0, NULL, NULL,
     "The form that is used after a refused answer"},
    {0, "store", OPT_STRING, FIELD(store), 0, 0, "FILE", NULL,
     "The store (.dobby/dobby.db of the tree)"},
    {'t', "threads", OPT_INT, FIELD(threads), 1, CLI_THREADS_MAX, "N", NULL,
     "Parsers at most (as many as there are processors)"},
    {.name = NULL},
};

const struct opt_verb opt_verb_prompt = {
    "prompt",
    "PATH[:NAME]",
    "Print the exact prompt of a unit, and where each part of it comes from",
    "No model is needed. NAME is a plain or qualified name; without it, all units of the file are "
    "shown.\n",
    rows_prompt,
    1,
    1};

struct job {
    struct cli *c;
    const struct prompt_opts *o;
    struct strbuf out;
    size_t n;
    int rc;
};

static void on_note(void *ctx, const char *line)
{
    struct job *j = ctx;

    term_say(&j->c->term, "%s", line);
}

/* What a message is for. */
static const char *purpose(const struct dobby_prompt_unit *u, size_t i)
{
    return i == 0              ? "instructions"
           : i + 1 == u->n_msg ? "the unit"
           : i % 2             ? "an example, the same for all units"
                               : "its answer";
}

static void put_text(struct strbuf *b, const struct dobby_prompt_unit *u)
{
    utf8_escape(b, u->path, u->path_len, "");
    strbuf_printf(b, ":%d-%d ", u->start_line, u->end_line);
    utf8_escape(b, u->name, strlen(u->name), "");
    strbuf_printf(b, " (%s %s)\n", u->language, u->kind);
    if (u->doc)
        strbuf_puts(b, "Its comment is used as it stands; without it, this would be asked:\n");
    for (size_t i = 0; i < u->n_msg; i++) {
        strbuf_printf(b, "\n--- %s: %s\n", u->msg[i].role, purpose(u, i));
        utf8_escape(b, u->msg[i].text, u->msg[i].len, "\n\t");
        strbuf_putc(b, '\n');
    }
    strbuf_puts(b, u->n_notes ? "\n--- where the context comes from\n" : "");
    for (size_t i = 0; i < u->n_notes; i++) {
        const struct dobby_prompt_note *n = &u->notes[i];

        strbuf_printf(b, "%-7s ", n->what);
        utf8_escape(b, n->path, n->path_len, "");
        strbuf_puts(b, *n->name ? ": " : "");
        utf8_escape(b, n->name, strlen(n->name), "");
        strbuf_putc(b, '\n');
    }
}

static void put_field(struct strbuf *b, const char *key, const char *s, size_t n)
{
    strbuf_printf(b, "%s\"%s\":", b->len && b->s[b->len - 1] != '{' ? "," : "", key);
    if (s && utf8_valid(s, n))
        json_put_string(b, s, n);
    else
        strbuf_puts(b, "null");
}

static void put_word(struct strbuf *b, const char *key, const char *s)
{
    put_field(b, key, s, s ? strlen(s) : 0);
}

static void put_json(struct strbuf *b, const struct dobby_prompt_unit *u)
{
    strbuf_putc(b, '{');
    put_field(b, "path", u->path, u->path_len);
    put_word(b, "name", u->name);
    put_word(b, "kind", u->kind);
    put_word(b, "language", u->language);
    strbuf_printf(b, ",\"start_line\":%d,\"end_line\":%d", u->start_line, u->end_line);
    put_word(b, "doc", u->doc);
    strbuf_puts(b, ",\"messages\":[");
    for (size_t i = 0; i < u->n_msg; i++) {
        strbuf_puts(b, i ? ",{" : "{");
        put_word(b, "role", u->msg[i].role);
        put_field(b, "content", u->msg[i].text, u->msg[i].len);
        strbuf_putc(b, '}');
    }
    strbuf_puts(b, "],\"context\":[");
    for (size_t i = 0; i < u->n_notes; i++) {
        const struct dobby_prompt_note *n = &u->notes[i];

        strbuf_puts(b, i ? ",{" : "{");
        put_word(b, "what", n->what);
        put_word(b, "name", n->name);
        put_field(b, "path", n->path, n->path_len);
        put_word(b, "text", n->text);
        strbuf_putc(b, '}');
    }
    strbuf_puts(b, "]}\n");
}

static int on_unit(void *ctx, const struct dobby_prompt_unit *u)
{
    struct job *j = ctx;

    if (j->o->json)
        put_json(&j->out, u);
    else
        put_text(&j->out, u);
    if (strbuf_failed(&j->out))
        return DOBBY_E_NOMEM;
    if (!j->o->json)
        strbuf_puts(&j->out, "\n");
    return 0;
}

int verb_prompt(struct cli *c, int argc, char **argv)
{
    struct opt_operands operands;
    struct prompt_opts o = {0};
    struct job j = {.c = c, .o = &o};
    struct dobby_err e = {0};
    struct dobby_prompt p;
    struct place place = {0};
    int rc = cli_options(c, &opt_verb_prompt, argc, argv, &o, &operands);

    if (rc >= 0)
        return rc;
    cli_log_apply(c, &(struct cli_log){.level = LOG_WARN}, 0);
    DOBBY_INIT(p);
    rc = place_named(&place, "prompt", operands.arg[0], &e);
    p.path = strbuf_str(&place.full);
    p.name = place.name;
    p.store_path = o.store;
    p.worker_path = "/proc/self/exe"; /* this very program, even if its file was replaced */
    p.threads = o.threads;
    p.no_docs = o.no_docs;
    p.bare = o.bare;
    p.second = o.second;
    p.ctx = &j;
    p.on_note = on_note;
    p.on_unit = on_unit;
    if (rc == 0)
        rc = dobby_prompt_tree(&p, &e);
    rc = rc < 0 ? cli_fail(c, &e) : cli_print(c, &j.out);
    place_release(&place);
    strbuf_release(&j.out);
    return rc;
}
