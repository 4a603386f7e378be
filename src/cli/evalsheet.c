/* evalsheet.c - see evalsheet.h (cli). */
#include "cli/evalsheet.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "cli/out.h"

#include <stdio.h>
#include <string.h>

static const char task[] =
    "For each unit of code, give every text a whole number from 0 to 4. Judge it as a summary for "
    "somebody who has to decide whether to read the code: is it true, and does it tell what "
    "matters? The order means nothing. Score every text on its own; several may be equally good.";
static const char *const meaning[] = {"useless", "mostly wrong", "partly wrong", "right but vague",
                                      "right and specific"};

/* A text, and who wrote it; several may have. */
struct sheet_text {
    const char *text;
    const struct dobby_eval_text **by;
    size_t n_by;
};

struct sheet_unit {
    const char *path, *name, *kind, *language, *code;
    size_t path_len, code_len;
    struct sheet_text *texts;
    size_t n_texts;
};

/* ---- collecting --------------------------------------------------------------------------------- */

/* One line: white space of any kind is one space. */
static const char *one_line(struct sheet *s, const char *text)
{
    size_t n = strlen(text), k = 0;
    char *out = arena_alloc(&s->arena, n + 1);

    for (size_t i = 0; out && i < n; i++) {
        bool space = text[i] == ' ' || (text[i] >= '\t' && text[i] <= '\r');

        if (!space)
            out[k++] = text[i];
        else if (k > 0 && out[k - 1] != ' ')
            out[k++] = ' ';
    }
    while (out && k > 0 && out[k - 1] == ' ')
        out[--k] = '\0';
    return out;
}

static struct dobby_eval_text *copy_text(struct sheet *s, const struct dobby_eval_text *t)
{
    struct dobby_eval_text *c = arena_alloc(&s->arena, sizeof(*c));

    if (!c)
        return NULL;
    *c = *t;
    c->system = arena_strdup(&s->arena, t->system);
    c->refused = arena_strdup(&s->arena, t->refused);
    c->text = NULL; /* it stands in the sheet */
    return c->system && c->refused ? c : NULL;
}

/* Put a text to those of the unit, equal ones together. */
static int add_text(struct sheet *s, struct sheet_unit *x, const struct dobby_eval_text *t,
                    size_t most)
{
    const char *line = one_line(s, t->text);
    struct sheet_text *to = NULL;

    if (!line)
        return DOBBY_E_NOMEM;
    if (!*line)
        return 0;
    for (size_t i = 0; i < x->n_texts && !to; i++)
        if (strcmp(x->texts[i].text, line) == 0)
            to = &x->texts[i];
    if (!to) {
        to = &x->texts[x->n_texts++];
        to->text = line;
        to->by = arena_array(&s->arena, most, sizeof(*to->by));
        if (!to->by)
            return DOBBY_E_NOMEM;
    }
    to->by[to->n_by] = copy_text(s, t);
    return to->by[to->n_by++] ? 0 : DOBBY_E_NOMEM;
}

int sheet_add(struct sheet *s, const struct dobby_eval_unit *u, struct dobby_err *e)
{
    struct sheet_unit *x;
    int rc = 0;

    if (mem_grow((void **)&s->units, &s->cap, s->n + 1, sizeof(*s->units)) < 0)
        return err_nomem(e, "the sheet");
    x = &s->units[s->n++];
    *x = (struct sheet_unit){
        .path = arena_strndup(&s->arena, u->path, u->path_len),
        .path_len = u->path_len,
        .name = arena_strdup(&s->arena, u->name),
        .kind = arena_strdup(&s->arena, u->kind),
        .language = arena_strdup(&s->arena, u->language),
        .code = arena_strndup(&s->arena, u->code, u->code_len),
        .code_len = u->code_len,
        .texts = arena_array(&s->arena, u->n_texts, sizeof(*x->texts)),
    };
    if (!x->path || !x->name || !x->kind || !x->language || !x->code || !x->texts)
        return err_nomem(e, "the sheet");
    for (size_t i = 0; i < u->n_texts && rc == 0; i++)
        if (u->texts[i].text)
            rc = add_text(s, x, &u->texts[i], u->n_texts);
    return rc < 0 ? err_nomem(e, "the sheet") : 0;
}

void sheet_release(struct sheet *s)
{
    mem_free(s->units);
    arena_release(&s->arena);
    *s = (struct sheet){0};
}

/* ---- an order that says nothing ------------------------------------------------------------------ */

/* splitmix64 (Steele, Lea, Flood 2014): any seed will do. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static void shuffle(void *base, size_t n, size_t size, uint64_t *state)
{
    unsigned char *p = base;

    for (size_t i = n; i > 1; i--) {
        size_t k = (size_t)(next_random(state) % i);

        for (size_t b = 0; b < size; b++) {
            unsigned char c = p[(i - 1) * size + b];

            p[(i - 1) * size + b] = p[k * size + b];
            p[k * size + b] = c;
        }
    }
}

static void shuffle_all(struct sheet *s, uint64_t seed)
{
    shuffle(s->units, s->n, sizeof(*s->units), &seed);
    for (size_t i = 0; i < s->n; i++)
        shuffle(s->units[i].texts, s->units[i].n_texts, sizeof(*s->units[i].texts), &seed);
}

/* ---- the sheet ---------------------------------------------------------------------------------- */

static void put_json(struct strbuf *b, const char *before, const char *s, size_t n)
{
    strbuf_puts(b, before);
    json_put_string(b, s, n);
}

static void put_id(struct strbuf *b, size_t i)
{
    strbuf_printf(b, "u%03zu", i + 1);
}

static void put_json_head(struct strbuf *b)
{
    put_json(b, "{\"task\":", task, strlen(task));
    strbuf_puts(b, ",\"meaning\":{");
    for (int i = 0; i <= 4; i++)
        strbuf_printf(b, "%s\"%d\":\"%s\"", i ? "," : "", i, meaning[i]);
    strbuf_puts(b, "}}\n");
}

static void put_json_unit(struct strbuf *b, const struct sheet_unit *x, size_t i)
{
    strbuf_puts(b, "{\"id\":\"");
    put_id(b, i);
    put_json(b, "\",\"language\":", x->language, strlen(x->language));
    put_json(b, ",\"code\":", x->code, x->code_len);
    strbuf_puts(b, ",\"texts\":");
    for (size_t k = 0; k < x->n_texts; k++)
        put_json(b, k ? "," : "[", x->texts[k].text, strlen(x->texts[k].text));
    strbuf_puts(b, "],\"scores\":");
    for (size_t k = 0; k < x->n_texts; k++)
        strbuf_puts(b, k ? ",null" : "[null");
    strbuf_puts(b, "]}\n");
}

static void put_markdown_head(struct strbuf *b)
{
    strbuf_printf(b, "# Summaries to be scored\n\n%s\nPut the number between the brackets.\n\n",
                  task);
    for (int i = 0; i <= 4; i++)
        strbuf_printf(b, "* %d %s\n", i, meaning[i]);
}

static void put_markdown_unit(struct strbuf *b, const struct sheet_unit *x, size_t i)
{
    bool begins = true;

    strbuf_puts(b, "\n## ");
    put_id(b, i);
    strbuf_printf(b, " %s\n\n", x->language);
    for (size_t k = 0; k < x->code_len; k++) {
        if (begins && x->code[k] != '\n')
            strbuf_puts(b, "    ");
        strbuf_putc(b, x->code[k]);
        begins = x->code[k] == '\n';
    }
    strbuf_puts(b, begins ? "\n" : "\n\n");
    for (size_t k = 0; k < x->n_texts; k++)
        strbuf_printf(b, "- [ ] %s\n", x->texts[k].text);
}

/* ---- the key ------------------------------------------------------------------------------------ */

int sheet_check(char out[EVAL_CHECK_LEN + 1], const char *const *texts, size_t n,
                struct dobby_err *e)
{
    uint8_t hash[32];
    struct sha256 h;
    int rc;

    sha256_begin(&h);
    for (size_t i = 0; i < n; i++)
        sha256_field(&h, texts[i], strlen(texts[i]));
    rc = sha256_end(&h, hash, e);
    if (rc == 0)
        hex_encode(out, hash, EVAL_CHECK_LEN / 2);
    return rc;
}

static int check_of(char out[EVAL_CHECK_LEN + 1], const struct sheet_unit *x, struct dobby_err *e)
{
    const char **texts = mem_array(x->n_texts ? x->n_texts : 1, sizeof(*texts));
    int rc = texts ? 0 : err_nomem(e, "the sheet");

    for (size_t i = 0; i < x->n_texts && rc == 0; i++)
        texts[i] = x->texts[i].text;
    if (rc == 0)
        rc = sheet_check(out, texts, x->n_texts, e);
    mem_free(texts);
    return rc;
}

const char *eval_source_name(enum dobby_eval_source s)
{
    static const char *const names[] = {"author", "name", "signature", "sibling", "model", "given"};

    return names[s];
}

static void put_system(struct strbuf *b, const struct dobby_eval_text *t)
{
    put_json(b, "{\"system\":", t->system, strlen(t->system));
    strbuf_printf(b, ",\"source\":\"%s\",\"bleu\":%.2f,\"rouge_l\":%.4f",
                  eval_source_name(t->source), t->bleu, t->rouge_l);
    if (t->n_names > 0)
        strbuf_printf(b, ",\"recall\":%.4f", (double)t->n_named / (double)t->n_names);
    strbuf_printf(b, ",\"ungrounded\":%zu,\"copied\":%s", t->n_ungrounded,
                  t->copied ? "true" : "false");
    if (t->source == DOBBY_EVAL_MODEL) {
        if (t->confidence >= 0)
            strbuf_printf(b, ",\"confidence\":%.4f", t->confidence);
        else
            strbuf_puts(b, ",\"confidence\":null");
        put_json(b, ",\"refused\":", t->refused, strlen(t->refused));
        strbuf_printf(b, ",\"fallback\":%s", t->fallback ? "true" : "false");
    }
    strbuf_putc(b, '}');
}

static void put_path(struct strbuf *b, const char *path, size_t len)
{
    char hex[3];

    if (utf8_valid(path, len)) {
        put_json(b, "\"path\":", path, len);
        return;
    }
    strbuf_puts(b, "\"path_hex\":\"");
    for (size_t i = 0; i < len; i++) {
        hex_encode(hex, (const uint8_t *)path + i, 1);
        strbuf_puts(b, hex);
    }
    strbuf_putc(b, '"');
}

static int put_key(struct strbuf *b, const struct sheet_unit *x, size_t i, struct dobby_err *e)
{
    char check[EVAL_CHECK_LEN + 1];
    int rc = check_of(check, x, e);

    if (rc < 0)
        return rc;
    strbuf_puts(b, "{\"id\":\"");
    put_id(b, i);
    strbuf_puts(b, "\",");
    put_path(b, x->path, x->path_len);
    put_json(b, ",\"name\":", x->name, strlen(x->name));
    strbuf_printf(b, ",\"kind\":\"%s\",\"language\":\"%s\",\"check\":\"%s\",\"texts\":[", x->kind,
                  x->language, check);
    for (size_t k = 0; k < x->n_texts; k++) {
        strbuf_puts(b, k ? ",[" : "[");
        for (size_t s = 0; s < x->texts[k].n_by; s++) {
            strbuf_puts(b, s ? "," : "");
            put_system(b, x->texts[k].by[s]);
        }
        strbuf_putc(b, ']');
    }
    strbuf_puts(b, "]}\n");
    return 0;
}

/* ---- files -------------------------------------------------------------------------------------- */

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);

    return n >= m && strcmp(s + n - m, end) == 0;
}

void sheet_key_name(struct strbuf *out, const char *sheet)
{
    strbuf_printf(out, "%s.key.jsonl", sheet);
}

static int write_file(const char *path, const struct strbuf *b, struct dobby_err *e)
{
    struct out o = {.fd = -1};
    int rc = strbuf_failed(b) ? err_nomem(e, "the sheet") : out_open(&o, path, e);

    if (rc == 0)
        rc = out_write(&o, strbuf_str(b), b->len, e);
    if (rc == 0)
        rc = out_commit(&o, e);
    out_release(&o);
    return rc;
}

/* The key goes first: a sheet without its key would be filled in for nothing. */
int sheet_write(struct sheet *s, const char *path, const char *key, uint64_t seed,
                struct dobby_err *e)
{
    bool json = ends_with(path, ".jsonl");
    struct strbuf sheet = {0}, keys = {0}, name = {0};
    int rc = 0;

    shuffle_all(s, seed);
    if (json)
        put_json_head(&sheet);
    else
        put_markdown_head(&sheet);
    for (size_t i = 0; i < s->n && rc == 0; i++) {
        if (json)
            put_json_unit(&sheet, &s->units[i], i);
        else
            put_markdown_unit(&sheet, &s->units[i], i);
        rc = put_key(&keys, &s->units[i], i, e);
    }
    sheet_key_name(&name, path);
    if (rc == 0 && strbuf_failed(&name))
        rc = err_nomem(e, "the sheet");
    if (rc == 0)
        rc = write_file(key ? key : strbuf_str(&name), &keys, e);
    if (rc == 0)
        rc = write_file(path, &sheet, e);
    strbuf_release(&sheet);
    strbuf_release(&keys);
    strbuf_release(&name);
    return rc;
}

/* ---- pairs -------------------------------------------------------------------------------------- */

void pair_put(struct strbuf *out, const struct dobby_eval_unit *u)
{
    strbuf_putc(out, '{');
    put_path(out, u->path, u->path_len);
    put_json(out, ",\"name\":", u->name, strlen(u->name));
    strbuf_printf(out, ",\"kind\":\"%s\",\"language\":\"%s\",\"messages\":[", u->kind, u->language);
    for (size_t i = 0; i < u->n_msg; i++) {
        strbuf_printf(out, "%s{\"role\":\"%s\"", i ? "," : "", u->msg[i].role);
        put_json(out, ",\"content\":", u->msg[i].text, u->msg[i].len);
        strbuf_putc(out, '}');
    }
    put_json(out, "],\"code\":", u->code, u->code_len);
    put_json(out, ",\"target\":", u->target, strlen(u->target));
    strbuf_puts(out, "}\n");
}
