/* words.c - see words.h (store). */
#include "store/words.h"

#include "base/mem.h"
#include "base/sha256.h"
#include "base/size.h"
#include "base/utf8.h"

#include <math.h>
#include <string.h>
#include <strings.h>

/* ---- dividing ----------------------------------------------------------------------------------- */

enum letter { DIVIDES, CONNECTS, UPPER, LOWER };

/* What stands at s, n >= 1, and its length. Beyond ASCII punctuation is not known one by one: the blocks that hold it divide. */
static enum letter letter_at(const char *s, size_t n, size_t *len)
{
    uint32_t c;

    *len = utf8_decode(s, n, &c);
    if (c >= 'A' && c <= 'Z')
        return UPPER;
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
        return LOWER;
    if (c == '_')
        return CONNECTS;
    if (c < 0xC0 || c == UTF8_BAD || (c >= 0x2000 && c <= 0x206F) || (c >= 0x3000 && c <= 0x303F))
        return DIVIDES;
    return LOWER;
}

static uint32_t small(uint32_t c)
{
    if ((c >= 'A' && c <= 'Z') || (c >= 0xC0 && c <= 0xDE && c != 0xD7) ||
        (c >= 0x391 && c <= 0x3A9 && c != 0x3A2) || (c >= 0x410 && c <= 0x42F))
        return c + 32;
    return c >= 0x400 && c <= 0x40F ? c + 80 : c;
}

struct cursor {
    const char *p;
    size_t n, at;
};

/* The next part; false at the end. *begins: it is the first of its identifier. */
static bool next_part(struct cursor *c, struct store_bytes *part, bool *begins)
{
    enum letter before, l = DIVIDES;
    size_t len = 0, start;

    for (*begins = c->at == 0; c->at < c->n; c->at += len) {
        l = letter_at(c->p + c->at, c->n - c->at, &len);
        if (l >= UPPER)
            break;
        *begins |= l == DIVIDES;
    }
    if (c->at >= c->n)
        return false;
    start = c->at;
    for (before = l, c->at += len; c->at < c->n; before = l, c->at += len) {
        size_t after = 0;

        l = letter_at(c->p + c->at, c->n - c->at, &len);
        if (l < UPPER || (l == UPPER && before == LOWER))
            break;
        /* The last of several capitals begins a word of small ones: HTTPServer. A digit is no such word: SHA256. */
        if (l == UPPER && before == UPPER && c->at + len < c->n &&
            letter_at(c->p + c->at + len, c->n - c->at - len, &after) == LOWER &&
            !(c->p[c->at + len] >= '0' && c->p[c->at + len] <= '9'))
            break;
    }
    *part = (struct store_bytes){c->p + start, c->at - start};
    return true;
}

static bool same_word(struct store_bytes a, struct store_bytes b)
{
    return a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

void words_take(struct words *w, struct store_bytes text)
{
    struct cursor c = {text.p ? text.p : "", text.p ? text.n : 0, 0};
    struct store_bytes part;
    bool begins;

    while (next_part(&c, &part, &begins)) {
        size_t i = 0;

        while (i < w->n && !same_word(w->word[i], part))
            i++;
        if (i < w->n)
            continue;
        if (w->n == WORDS_MAX) {
            w->too_many = true;
            return;
        }
        w->word[w->n++] = part;
    }
}

void words_join(struct strbuf *out, struct store_bytes text)
{
    struct cursor c = {text.p ? text.p : "", text.p ? text.n : 0, 0};
    struct store_bytes part;
    bool begins;

    while (next_part(&c, &part, &begins))
        for (size_t i = 0; i < part.n; i++) {
            char ch = ((const char *)part.p)[i];

            strbuf_putc(out, ch >= 'A' && ch <= 'Z' ? (char)(ch + 32) : ch);
        }
}

#define PLACE 17 /* bytes of its word */

int words_place(struct strbuf *out, struct store_bytes path)
{
    uint8_t digest[32];
    struct sha256 h;
    char hex[PLACE];

    sha256_begin(&h);
    sha256_add(&h, path.p, path.n);
    if (sha256_end(&h, digest, NULL) < 0)
        return SQLITE_NOMEM;
    hex_encode(hex, digest, (PLACE - 1) / 2);
    strbuf_putc(out, WORDS_PLACE);
    strbuf_puts(out, hex);
    return SQLITE_OK;
}

/* The words of a path and of each folder on the way to it. */
static int put_places(struct strbuf *out, const char *path, size_t n)
{
    int rc = SQLITE_OK;

    for (size_t i = 1; i <= n && rc == SQLITE_OK; i++)
        if (i == n || path[i] == '/')
            rc = words_place(out, (struct store_bytes){path, i});
    return rc;
}

static struct store_bytes bytes_of(sqlite3_value *v)
{
    const void *p = sqlite3_value_blob(v);

    return (struct store_bytes){p ? p : "", p ? (size_t)sqlite3_value_bytes(v) : 0};
}

static void sql_marked(sqlite3_context *ctx, int n, sqlite3_value **v)
{
    struct store_bytes name = bytes_of(v[0]), qname = bytes_of(v[1]), path = bytes_of(v[2]);
    struct strbuf b = {0};
    int rc;

    (void)n;
    strbuf_putc(&b, WORDS_MARK);
    words_join(&b, name);
    strbuf_putc(&b, WORDS_MARK);
    rc = put_places(&b, path.p, path.n);
    strbuf_putc(&b, WORDS_MARK);
    strbuf_add(&b, qname.p, qname.n);
    if (strbuf_failed(&b))
        rc = SQLITE_NOMEM;
    if (rc == SQLITE_OK)
        sqlite3_result_text64(ctx, strbuf_str(&b), b.len, SQLITE_TRANSIENT, SQLITE_UTF8);
    else
        sqlite3_result_error_code(ctx, rc);
    strbuf_release(&b);
}

/* ---- the tokenizer ------------------------------------------------------------------------------ */

typedef int (*token_fn)(void *ctx, int flags, const char *token, int len, int start, int end);

#define TOKEN_MAX 255 /* bytes; what is longer is cut, between code points */

struct token {
    char s[TOKEN_MAX];
    int len;
    bool full;
};

/* Append in small letters. */
static void token_add(struct token *t, struct store_bytes part)
{
    const char *s = part.p;

    for (size_t i = 0; i < part.n && !t->full;) {
        char out[4];
        uint32_t c;
        size_t n;

        i += utf8_decode(s + i, part.n - i, &c);
        if (c == UTF8_BAD)
            continue; /* not of a word: those have none */
        n = utf8_encode(small(c), out);
        t->full = t->len + (int)n > TOKEN_MAX;
        if (!t->full) {
            memcpy(t->s + t->len, out, n);
            t->len += (int)n;
        }
    }
}

static void token_mark(struct token *t, char mark)
{
    if (mark)
        t->s[t->len++] = mark;
}

/* One tokenizer has nothing of its own; FTS5 wants an address. */
static int tokenizer_new(void *ctx, const char **arg, int n, Fts5Tokenizer **out)
{
    static char any;

    (void)ctx;
    (void)arg;
    *out = (Fts5Tokenizer *)(void *)&any;
    return n == 0 ? SQLITE_OK : SQLITE_ERROR;
}

static void tokenizer_free(Fts5Tokenizer *t)
{
    (void)t;
}

/* The words of a text, each behind `mark` unless that is 0. */
static int each_word(void *ctx, int why, char mark, struct store_bytes text, token_fn fn)
{
    struct cursor c = {text.p, text.n, 0};
    struct token whole = {.len = 0};
    struct store_bytes part;
    int n_parts = 0, end = 0, rc = SQLITE_OK;
    bool begins, more;

    do {
        more = next_part(&c, &part, &begins);
        if ((!more || begins) && n_parts > 1 && !(why & FTS5_TOKENIZE_QUERY))
            rc = fn(ctx, FTS5_TOKEN_COLOCATED, whole.s, whole.len, end, end);
        if (more && rc == SQLITE_OK) {
            struct token t = {.len = 0};

            if (begins) {
                whole = (struct token){.len = 0};
                token_mark(&whole, mark);
                n_parts = 0;
            }
            token_mark(&t, mark);
            token_add(&t, part);
            token_add(&whole, part);
            n_parts++;
            end = (int)c.at;
            rc = fn(ctx, 0, t.s, t.len, end - (int)part.n, end);
        }
    } while (more && rc == SQLITE_OK);
    return rc;
}

/* The next part of what dobby_marked made: up to a mark or the end. *text becomes what follows. */
static struct store_bytes cut_marked(struct store_bytes *text)
{
    const char *s = text->p, *mark = memchr(s, WORDS_MARK, text->n);
    size_t n = mark ? (size_t)(mark - s) : text->n, after = n + (mark != NULL);

    *text = (struct store_bytes){s + after, text->n - after};
    return (struct store_bytes){s, n};
}

/* Places are no words of a name: they do not make it longer (a colocated word is not counted). */
static int each_place(void *ctx, struct store_bytes places, token_fn fn)
{
    const char *s = places.p;
    int rc = SQLITE_OK;

    for (size_t i = 0; i + PLACE <= places.n && rc == SQLITE_OK; i += PLACE)
        rc = fn(ctx, FTS5_TOKEN_COLOCATED, s + i, PLACE, 0, 0);
    return rc;
}

/* Behind a mark: in a query a word as it is; in a row what dobby_marked made. */
static int each_marked(void *ctx, int why, struct store_bytes text, token_fn fn)
{
    bool row = !(why & FTS5_TOKENIZE_QUERY);
    struct store_bytes name = row ? cut_marked(&text) : text;
    struct token t = {.len = 0};
    int rc = SQLITE_OK;

    if (row)
        token_mark(&t, WORDS_NAME_IS);
    token_add(&t, name);
    if (name.n > 0)
        rc = fn(ctx, 0, t.s, t.len, 0, (int)name.n);
    if (row && rc == SQLITE_OK)
        rc = each_place(ctx, cut_marked(&text), fn);
    if (row && rc == SQLITE_OK)
        rc = each_word(ctx, why, WORDS_NAME_HAS, text, fn);
    return rc;
}

static int tokenize(Fts5Tokenizer *self, void *ctx, int why, const char *text, int len, token_fn fn)
{
    struct store_bytes all = {text ? text : "", text && len > 0 ? (size_t)len : 0};

    (void)self;
    if (all.n == 0 || *text != WORDS_MARK)
        return each_word(ctx, why, 0, all, fn);
    return each_marked(ctx, why, (struct store_bytes){text + 1, all.n - 1}, fn);
}

/* ---- ranking ------------------------------------------------------------------------------------ */

/* By column of the index: name, marks, text, path. A name says what a function is; its path is shared with many others. */
static const double column_weight[] = {10, 10, 2, 1};
#define COLUMNS    ((int)ARRAY_LEN(column_weight))
#define SATURATION 2.0 /* k1 */
#define LENGTH     0.6 /* b: how much a long column counts against its words */

/* Mean lengths, which hold for a whole query. */
struct means {
    double words[COLUMNS];
};

static void free_means(void *p)
{
    mem_free(p);
}

static int make_means(const Fts5ExtensionApi *api, Fts5Context *fts, struct means **out)
{
    struct means *m = mem_zalloc(sizeof(*m));
    sqlite3_int64 n_rows = 0, n = 0;
    int rc;

    if (!m)
        return SQLITE_NOMEM;
    rc = api->xRowCount(fts, &n_rows);
    for (int i = 0; i < COLUMNS && rc == SQLITE_OK; i++) {
        rc = api->xColumnTotalSize(fts, i, &n);
        m->words[i] = n > 0 && n_rows > 0 ? (double)n / (double)n_rows : 1;
    }
    if (rc != SQLITE_OK) {
        mem_free(m);
        return rc;
    }
    *out = m;
    return api->xSetAuxdata(fts, m, free_means); /* it frees on failure too */
}

/* What a phrase counts in this row: the columns it stands in, by weight and length. */
static int phrase_score(const Fts5ExtensionApi *api, Fts5Context *fts, int phrase,
                        const struct means *m, double *out)
{
    Fts5PhraseIter it;
    double sum = 0;
    int column = -1, n = 0, rc = api->xPhraseFirstColumn(fts, phrase, &it, &column);

    for (; rc == SQLITE_OK && column >= 0; api->xPhraseNextColumn(fts, &it, &column)) {
        if (column >= COLUMNS)
            return SQLITE_CORRUPT_VTAB;
        rc = api->xColumnSize(fts, column, &n);
        sum += column_weight[column] / (1 - LENGTH + LENGTH * n / m->words[column]);
    }
    *out = sum / (sum + SATURATION);
    return rc;
}

static void score(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *ctx, int n_values,
                  sqlite3_value **values)
{
    struct means *m = api->xGetAuxdata(fts, 0);
    double sum = 0, s = 0;
    int rc = m ? SQLITE_OK : make_means(api, fts, &m), n = api->xPhraseCount(fts);

    for (int i = 0; i < n_values && i < n && rc == SQLITE_OK; i++) {
        rc = phrase_score(api, fts, i, m, &s);
        sum += sqlite3_value_double(values[i]) * s;
    }
    if (rc == SQLITE_OK)
        sqlite3_result_double(ctx, sum);
    else
        sqlite3_result_error_code(ctx, rc);
}

/* ---- registering -------------------------------------------------------------------------------- */

static int fts_api(sqlite3 *db, fts5_api **out)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(db, "SELECT fts5(?1)", -1, &st, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_bind_pointer(st, 1, out, "fts5_api_ptr", NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(st) == SQLITE_ROW ? SQLITE_OK : SQLITE_ERROR;
    sqlite3_finalize(st);
    return rc == SQLITE_OK && !*out ? SQLITE_ERROR : rc;
}

int words_register(sqlite3 *db)
{
    /* Innocuous: the schema's view calls it, and a schema is not trusted with others. */
    int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, rc;
    fts5_tokenizer words = {tokenizer_new, tokenizer_free, tokenize};
    fts5_api *api = NULL;

    rc = sqlite3_create_function_v2(db, "dobby_marked", 3, flags, NULL, sql_marked, NULL, NULL,
                                    NULL);
    if (rc == SQLITE_OK)
        rc = fts_api(db, &api);
    if (rc == SQLITE_OK)
        rc = api->xCreateTokenizer(api, "dobby", NULL, &words, NULL);
    if (rc == SQLITE_OK)
        rc = api->xCreateFunction(api, "dobby_score", NULL, score, NULL);
    return rc;
}
