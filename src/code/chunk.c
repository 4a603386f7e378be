/* chunk.c - chunks of lines, and what all chunks share (code). The manual is chunk.h. */
#include "code/chunk.h"

#include "base/mem.h"
#include "base/size.h"
#include "base/utf8.h"
#include "code/chunk_list.h"
#include "code/redact.h"

#include <string.h>

#define NAME_BYTES 60  /* of a name, about */
#define NAME_LINE  400 /* a longer line names nothing */

/* ---- units of chunks --------------------------------------------------------------------------------- */

struct text chunk_line(const char *text, size_t len, size_t at, size_t *next)
{
    const char *eol = memchr(text + at, '\n', len - at);
    size_t end = eol ? (size_t)(eol - text) : len;

    *next = eol ? end + 1 : len;
    return (struct text){text + at, end - at};
}

struct text chunk_trim(struct text t)
{
    while (t.n > 0 && text_is_space(t.s[0]))
        t = text_skip(t, 1);
    while (t.n > 0 && text_is_space(t.s[t.n - 1]))
        t.n--;
    return t;
}

bool chunk_may_name(struct text line)
{
    size_t i = 0;

    while (i < line.n && !text_is_ident(line.s[i]))
        i++;
    return i < line.n && line.n <= NAME_LINE && !text_begins(line, "#!");
}

/* What a definition opens with says nothing about it. */
static struct text strip_opening(struct text t)
{
    while (t.n > 0 && (text_is_space(t.s[t.n - 1]) || strchr("{([=:;,\\", t.s[t.n - 1])))
        t.n--;
    return t;
}

/* At most NAME_BYTES, cut between words where there are any. */
static struct text shorten(struct text t)
{
    size_t n;

    if (t.n <= NAME_BYTES)
        return t;
    for (n = NAME_BYTES; n > NAME_BYTES / 2 && !text_is_space(t.s[n]); n--)
        ;
    t.n = n > NAME_BYTES / 2 ? n : utf8_complete(t.s, NAME_BYTES);
    return t;
}

/* c->name becomes the name that `raw` gives: its secrets are searched for before anything is cut. */
static int make_name(struct chunk_list *c, struct text raw)
{
    struct dobby_err why = {0};
    struct text t = chunk_trim(raw);
    int rc;

    strbuf_reset(&c->safe);
    strbuf_reset(&c->name);
    rc = redact(&c->safe, t.s, t.n, NULL, &why);
    if (rc == DOBBY_E_LIMIT)
        strbuf_reset(&c->safe);
    else if (rc < 0)
        return err_set(c->e, rc, "%s", why.message);
    t = strip_opening(shorten((struct text){strbuf_str(&c->safe), c->safe.len}));
    if (t.n == 0)
        t = (struct text){"lines", 5};
    for (size_t i = 0; i < c->safe.len && !strbuf_failed(&c->safe); i++)
        if (text_is_space(c->safe.s[i]))
            c->safe.s[i] = ' ';
    utf8_escape(&c->name, t.s, t.n, "");
    return strbuf_failed(&c->safe) || strbuf_failed(&c->name) ? err_nomem(c->e, "a chunk") : 0;
}

/* The number of the line that holds byte `at`; calls go forward. */
static int line_of(struct chunk_list *c, size_t at)
{
    const char *p = c->text + c->at, *stop = c->text + at;

    while (p < stop && (p = memchr(p, '\n', (size_t)(stop - p))) != NULL) {
        c->line++;
        p++;
    }
    c->at = size_max(c->at, at);
    return c->line;
}

int chunk_add(struct chunk_list *c, struct span s, enum language_id lang, struct text name)
{
    struct unit_list *l = c->l;
    struct unit *u;
    int rc = make_name(c, name);

    if (rc < 0)
        return rc;
    if (l->n == CHUNK_MAX_UNITS) {
        c->note = CHUNK_TOO_MANY;
        return DOBBY_E_LIMIT;
    }
    if (mem_grow((void **)&l->units, &c->cap, l->n + 1, sizeof(*l->units)) < 0)
        return err_nomem(c->e, "chunks");
    u = &l->units[l->n];
    *u = (struct unit){.kind = UNIT_CHUNK, .span = s};
    u->language = lang == c->file ? LANGUAGE_NONE : lang;
    u->signature = u->body = (struct span){s.start, s.start};
    u->name = arena_strndup(&l->arena, strbuf_str(&c->name), c->name.len);
    u->qualified = u->name;
    u->start_line = line_of(c, s.start);
    u->end_line = line_of(c, s.end - 1);
    if (!u->name)
        return err_nomem(c->e, "chunks");
    l->n++;
    return 0;
}

/* ---- lines ----------------------------------------------------------------------------------------------- */

/* A line, or a whole block of a key. */
struct line {
    uint32_t start,
        end; /* without white space around; start == end: blank, or no code and no comment */
    uint64_t hash;
    int8_t rank; /* as the first line of a chunk */
    bool code;   /* something other than comment and white space */
};

/* One line of look-back, and what is open. */
struct cutter {
    struct chunk_list *c;
    const struct language *language;
    bool perl;
    size_t pos;                                           /* of the next line */
    bool block;                                           /* a block comment is open */
    bool pod;                                             /* Perl's documentation */
    enum { BLANK, COMMENT, CLOSING, OPEN, OTHER } before; /* the line before */
    uint64_t hash_before;
    struct line lines[CHUNK_MAX + CHUNK_MIN + 1]; /* the next ones */
    size_t n;
};

static uint64_t hash_of(struct text t)
{
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */

    for (size_t i = 0; i < t.n; i++)
        h = (h ^ (unsigned char)t.s[i]) * 0x100000001b3u;
    return h ^ h >> 29;
}

/* Lines that only end something: a bracket, end, fi. */
static bool is_closing(struct text t)
{
    static const char *const words[] = {"end",   "fi",          "done", "esac",
                                        "endif", "endfunction", "else"};

    if (t.n > 0 && (t.s[0] == '}' || t.s[0] == ')' || t.s[0] == ']'))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t n = strlen(words[i]);

        if (text_starts(t.s, t.n, words[i]) && (t.n == n || !text_is_ident(t.s[n])))
            return true;
    }
    return false;
}

/* The next line belongs to this one. */
static bool goes_on(struct text t)
{
    char last = t.n > 0 ? t.s[t.n - 1] : '\0';

    if (last == '>')
        return t.n > 1 && (t.s[t.n - 2] == '=' || t.s[t.n - 2] == '-');
    return last && strchr("\\=:(,+|&", last);
}

/* The head of a private key begins at p, as redact.c has it. */
static bool is_key_head(const char *p, const char *stop)
{
    const char *words = p + 10;
    size_t left = p + 10 < stop ? (size_t)(stop - words) : 0;
    const char *dashes = memmem(words, size_min(left, 130), "-----", 5);

    return dashes && memmem(words, (size_t)(dashes - words), "PRIVATE KEY", 11);
}

/* Behind the last line of the private key that begins in this line; 0 if none does. One without an end goes to the end of the
 * text. */
static size_t key_end(const struct chunk_list *c, struct text line)
{
    const char *p = line.s, *end = line.s + line.n, *stop = c->text + c->len;
    size_t next;

    while ((p = memmem(p, (size_t)(end - p), "-----BEGIN", 10)) != NULL && !is_key_head(p, stop))
        p += 10;
    if (!p)
        return 0;
    p = memmem(p + 10, (size_t)(stop - p) - 10, "-----END", 8);
    if (!p)
        return c->len;
    (void)chunk_line(c->text, c->len, (size_t)(p - c->text), &next);
    return next;
}

/* Is the line documentation of Perl, or behind the end of its code? */
static bool is_pod(struct cutter *k, struct text line)
{
    bool was = k->pod;

    if (!k->perl)
        return false;
    if (!k->pod && (text_begins(line, "__END__") || text_begins(line, "__DATA__"))) {
        k->pos = k->c->len;
        return true;
    }
    if (k->pod && text_begins(line, "=cut"))
        k->pod = false;
    else if (!k->pod && line.n > 1 && line.s[0] == '=' && text_is_letter(line.s[1]))
        k->pod = true;
    return was || k->pod;
}

/* Is all of the line a comment? */
static bool is_comment(struct cutter *k, struct text t)
{
    const struct language *l = k->language;
    size_t n = l->block_open ? strlen(l->block_open) : 0;
    const char *close;

    if (!k->block) {
        if (n == 0 || !text_begins(t, l->block_open)) /* first: Lua's --[[ begins like a line's */
            return l->line && text_begins(t, l->line);
        t = text_skip(t, n);
        k->block = true;
    }
    close = memmem(t.s, t.n, l->block_close, strlen(l->block_close));
    if (!close)
        return true;
    k->block = false;
    return close + strlen(l->block_close) == t.s + t.n; /* code may follow */
}

/* How well a chunk begins with the line t that is indented so far. */
static int rank_of(const struct cutter *k, struct text t, size_t indent)
{
    if (k->before == OPEN)
        return -1;
    if (k->before == COMMENT || is_closing(t))
        return 0;
    if (indent == 0)
        return k->before == BLANK ? 4 : k->before == CLOSING ? 3 : 1;
    return k->before == BLANK ? 2 : 0;
}

static void read_line(struct cutter *k, struct line *out)
{
    size_t at = k->pos, end;
    struct text line = chunk_line(k->c->text, k->c->len, at, &k->pos), t;
    bool was_block = k->block, pod = is_pod(k, line);

    end = pod ? 0 : key_end(k->c, line);
    if (end > 0) {
        line.n = end - at;
        k->pos = end;
    }
    t = chunk_trim(line);
    *out = (struct line){.start = (uint32_t)(t.s - k->c->text), .rank = -2};
    out->end = out->start;
    if (pod || t.n == 0) {
        k->before = was_block ? COMMENT : BLANK;
        return;
    }
    out->end += (uint32_t)t.n;
    out->hash = hash_of(t);
    out->code = !is_comment(k, t) || end > 0;
    out->rank = was_block ? -1 : (int8_t)rank_of(k, t, (size_t)(t.s - line.s));
    /* Equal lines do not all look alike: what stands before them counts too. */
    out->hash ^= k->hash_before << 7 | k->hash_before >> 57;
    k->hash_before = hash_of(t);
    k->before = !out->code ? COMMENT : goes_on(t) ? OPEN : is_closing(t) ? CLOSING : OTHER;
}

static void drop(struct cutter *k, size_t n)
{
    k->n -= n;
    memmove(k->lines, k->lines + n, k->n * sizeof(*k->lines));
}

/* Read on until there is as much to choose from as ever is, beginning with a line that is not blank. */
static void fill(struct cutter *k)
{
    size_t skip = 0;

    while (skip < k->n && k->lines[skip].start == k->lines[skip].end)
        skip++;
    drop(k, skip);
    while (k->n < ARRAY_LEN(k->lines) && k->pos < k->c->len) {
        read_line(k, &k->lines[k->n]);
        k->n += k->n > 0 || k->lines[0].end > k->lines[0].start;
    }
}

/* How many of the lines make the next chunk. */
static size_t choose(const struct cutter *k)
{
    size_t max = 1, min, best, i;

    while (max < k->n && max < CHUNK_MAX &&
           k->lines[max].end - k->lines[0].start <= CHUNK_MAX_BYTES)
        max++;
    if (max == k->n)
        return max;
    min = size_min(CHUNK_MIN, (max + 1) / 2);
    /* Near the end enough is left for another one. */
    if (k->n < ARRAY_LEN(k->lines) && k->n >= min + CHUNK_MIN)
        max = size_min(max, k->n - CHUNK_MIN);
    for (best = i = min; i <= max; i++) {
        const struct line *a = &k->lines[i], *b = &k->lines[best];

        if (a->rank > b->rank || (a->rank == b->rank && a->hash > b->hash))
            best = i;
    }
    return best;
}

/* The first n lines as a chunk, if there is code in them. */
static int put(struct cutter *k, size_t n)
{
    const struct line *first = NULL, *name = NULL, *last = k->lines;
    struct text t = {k->c->text, 0};

    for (size_t i = 0; i < n; i++) {
        const struct line *l = &k->lines[i];
        struct text line = {k->c->text + l->start, l->end - l->start};

        if (l->end > l->start)
            last = l;
        if (!l->code)
            continue;
        first = first ? first : l;
        if (!name && chunk_may_name(line))
            name = l;
    }
    if (!first)
        return 0;
    if (name)
        t = (struct text){k->c->text + name->start, name->end - name->start};
    return chunk_add(k->c, (struct span){k->lines[0].start, last->end}, k->c->file, t);
}

static int cut_lines(struct chunk_list *c)
{
    struct cutter k = {.c = c, .language = language_get(c->file)};
    int rc = 0;

    k.perl = c->file == LANGUAGE_PERL;
    while (rc == 0) {
        size_t n;

        fill(&k);
        if (k.n == 0)
            break;
        n = choose(&k);
        rc = put(&k, n);
        drop(&k, n);
    }
    return rc;
}

/* ---- in words -------------------------------------------------------------------------------------------- */

/* As it is said: an Ada file, an R file, an SQL file, but a Scala file. */
static const char *article(const char *title)
{
    bool spelled = title[1] < 'a' || title[1] > 'z'; /* R, F#, HCL; "C shell" too */

    return strchr("AEIOaeio", title[0]) || (spelled && strchr("FHLMNRSX", title[0])) ? "an" : "a";
}

static bool ends_in_file(const char *title)
{
    size_t n = strlen(title);

    return n > 4 && strcmp(title + n - 4, "file") == 0;
}

void chunk_put_file(struct strbuf *out, const struct unit *u, enum language_id file)
{
    const char *title = language_get(unit_language(u, file))->title;

    strbuf_printf(out, "%s %s", article(title), title);
    if (file == LANGUAGE_JUPYTER)
        strbuf_puts(out, " notebook");
    else if (!ends_in_file(title))
        strbuf_puts(out, " file");
}

void chunk_summary(struct strbuf *out, const struct unit *u, enum language_id file)
{
    size_t at = out->len;

    if (file == LANGUAGE_JUPYTER)
        strbuf_printf(out, "%s of ", u->name); /* "cell 3" */
    else
        strbuf_printf(out, "Lines %d-%d of ", u->start_line, u->end_line);
    if (!strbuf_failed(out) && out->s[at] == 'c')
        out->s[at] = 'C';
    if (file == LANGUAGE_MARKDOWN)
        strbuf_printf(out, "a document, %s code", language_get(unit_language(u, file))->title);
    else
        chunk_put_file(out, u, file);
    strbuf_putc(out, '.');
}

/* ---- all together ------------------------------------------------------------------------------------------ */

int chunk_text(struct unit_list *l, const char **note, enum language_id lang, const char *text,
               size_t len, struct dobby_err *e)
{
    struct chunk_list c = {.l = l, .file = lang, .text = text, .len = len, .line = 1, .e = e};
    int rc;

    *l = (struct unit_list){0};
    rc = lang == LANGUAGE_JUPYTER    ? chunk_notebook(&c)
         : lang == LANGUAGE_MARKDOWN ? chunk_markdown(&c)
                                     : cut_lines(&c);
    strbuf_release(&c.name);
    strbuf_release(&c.safe);
    *note = c.note;
    if (rc < 0 || c.note)
        unit_list_release(l);
    return c.note ? 0 : rc;
}
