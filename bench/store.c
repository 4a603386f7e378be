/* store.c - `bench store`: a store of very many functions (bench). Files, units and summaries of made-up code go in through the
 * real writer; then status and find are timed, each with the opening of the store. Words are drawn as in texts: the i-th most
 * frequent one with a share of 1/i, so the first stands in about every second name, which no real tree is as bad as. */
#include "bench.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/size.h"
#include "base/thread.h"
#include "store/store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct store_opts {
    int rows, rounds, bare;
};

#define FIELD(f) offsetof(struct store_opts, f)

static const struct opt rows_store[] = {
    {0, "rows", OPT_INT, FIELD(rows), 1000, 10000000, "N", NULL, "Functions (1000000)"},
    {0, "rounds", OPT_INT, FIELD(rounds), 1, 1000, "N", NULL, "Times of each question (9)"},
    {0, "bare", OPT_FLAG, FIELD(bare), 0, 0, NULL, NULL,
     "Only time the writing, without keeping the index: what it costs"},
    {.name = NULL},
};

const struct opt_verb opt_bench_store = {
    "bench store",
    "DIR",
    "Time writing, status and find of a store with very many functions",
    "DIR is an empty folder for the store (some 700 MB for a million), which stays there; one that "
    "is\n"
    "there already is only asked, after it was brought up to date.\n"
    "Rows: case,value,unit.\n",
    rows_store,
    1,
    1};

/* ---- made-up code ------------------------------------------------------------------------------- */

#define WORDS    20000
#define PER_FILE 16

static const char *const frequent[] = {
    "get",    "set",     "parse", "read",   "write",   "init",   "header", "value",  "next",
    "buffer", "string",  "test",  "error",  "create",  "update", "handle", "name",   "list",
    "node",   "request", "size",  "thread", "message", "config", "socket", "cursor", "token"};

struct maker {
    uint64_t seed;
    char word[WORDS][12];
    double upto[WORDS]; /* summed shares */
};

static uint32_t draw(struct maker *m)
{
    m->seed = m->seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(m->seed >> 33);
}

static void make_words(struct maker *m)
{
    static const char head[] = "bcdfghklmnprstvw", tail[] = "aeiou";
    double sum = 0;

    for (size_t i = 0; i < WORDS; i++) {
        size_t n = 2 + draw(m) % 3;

        if (i < ARRAY_LEN(frequent))
            snprintf(m->word[i], sizeof(m->word[i]), "%s", frequent[i]);
        for (size_t j = 0; i >= ARRAY_LEN(frequent) && j < n; j++) {
            m->word[i][2 * j] = head[draw(m) % 16];
            m->word[i][2 * j + 1] = tail[draw(m) % 5];
        }
        sum += 1 / ((double)i + 1);
        m->upto[i] = sum;
    }
}

static const char *pick(struct maker *m)
{
    double at = (double)draw(m) / 2147483648.0 * m->upto[WORDS - 1];
    size_t low = 0, high = WORDS - 1;

    while (low < high) {
        size_t mid = (low + high) / 2;

        if (m->upto[mid] <= at)
            low = mid + 1;
        else
            high = mid;
    }
    return m->word[low];
}

/* One to three words, in one of the two usual ways, half of them in a class. */
static void put_name(struct strbuf *b, struct maker *m, size_t *last)
{
    uint32_t r = draw(m);

    strbuf_reset(b);
    if (r & 1) {
        strbuf_puts(b, pick(m));
        b->s[0] = (char)(b->s[0] - 32);
        strbuf_putc(b, '.');
    }
    *last = b->len;
    for (uint32_t i = 0; i <= (r >> 2) % 3; i++) {
        size_t at = b->len;

        if (i > 0 && (r & 2))
            strbuf_putc(b, '_');
        strbuf_puts(b, pick(m));
        if (i > 0 && !(r & 2))
            b->s[at] = (char)(b->s[at] - 32);
    }
}

static void put_sentence(struct strbuf *b, struct maker *m)
{
    static const char *const small[] = {"the", "a",  "of",  "and",  "to",
                                        "in",  "is", "for", "with", "by"};
    uint32_t n = 8 + draw(m) % 9;

    strbuf_reset(b);
    for (uint32_t i = 0; i < n; i++) {
        strbuf_puts(b, i ? " " : "");
        strbuf_puts(b, draw(m) & 1 ? small[draw(m) % ARRAY_LEN(small)] : pick(m));
    }
    strbuf_putc(b, '.');
}

static void make_key(uint8_t key[STORE_KEY], struct maker *m)
{
    for (int i = 0; i < STORE_KEY; i++)
        key[i] = (uint8_t)draw(m);
}

/* One unit of six has a comment, the others a model's text, which comes in a group of its own. */
static void put_units(struct store_txn *t, struct store_txn *texts, struct store_bytes path,
                      struct maker *m, size_t n, struct strbuf *name, struct strbuf *text)
{
    uint8_t key[3][STORE_KEY];
    size_t last;

    for (size_t i = 0; i < n; i++) {
        bool doc = draw(m) % 6 == 0;

        put_name(name, m, &last);
        put_sentence(text, m);
        for (int k = 0; k < 3; k++)
            make_key(key[k], m);
        store_put_unit(t, path,
                       &(struct store_unit){.qname = {name->s, name->len},
                                            .name = {name->s + last, name->len - last},
                                            .ordinal = (int)i, /* names may come twice */
                                            .kind = "function",
                                            .start_line = (int)i * 20 + 1,
                                            .end_line = (int)i * 20 + 18,
                                            .spans = {"0,18,2,4,5,9", 12},
                                            .text = doc ? text->s : NULL,
                                            .unit_key = doc ? NULL : key[0],
                                            .prompt_hash = doc ? NULL : key[1],
                                            .prompt_key = doc ? NULL : key[2]});
        if (!doc)
            store_put_summary(texts, &(struct store_summary){.prompt_key = key[2],
                                                             .unit_key = key[0],
                                                             .source = "model",
                                                             .text = text->s,
                                                             .model = "model",
                                                             .confidence = 0.5,
                                                             .attempts = 1,
                                                             .n_prompt = 500,
                                                             .n_written = 20,
                                                             .run = 1});
    }
}

static int put_file(struct store *s, struct maker *m, size_t file, size_t n, struct dobby_err *e)
{
    struct store_txn *t = store_txn_new(), *texts = store_txn_new();
    struct strbuf path = {0}, name = {0}, text = {0};
    uint8_t hash[STORE_KEY];
    int rc = t && texts ? 0 : err_nomem(e, "rows");

    strbuf_printf(&path, "src/%s/%s_%zu.c", m->word[file / 256 % WORDS], pick(m), file);
    make_key(hash, m);
    if (rc == 0) {
        struct store_bytes p = {path.s, path.len};

        store_put_file(
            t, &(struct store_file){.path = p, .hash = hash, .grammar = "c/1", .language = "c"});
        put_units(t, texts, p, m, n, &name, &text);
        rc = store_commit(s, t, NULL, e);
        t = NULL;
    }
    if (rc == 0) {
        rc = store_commit(s, texts, NULL, e);
        texts = NULL;
    }
    store_txn_free(t);
    store_txn_free(texts);
    strbuf_release(&path);
    strbuf_release(&name);
    strbuf_release(&text);
    return rc;
}

static int write_all(const struct store_place *p, const struct store_opts *o, struct dobby_err *e)
{
    struct maker *m = mem_zalloc(sizeof(*m));
    struct store *s = NULL;
    int rc = m ? store_open(&s, p, e) : err_nomem(e, "words"), closed;

    if (rc == 0) {
        m->seed = 1;
        make_words(m);
    }
    for (size_t i = 0; i < (size_t)o->rows && rc == 0; i += PER_FILE)
        rc = put_file(s, m, i / PER_FILE,
                      (size_t)o->rows - i < PER_FILE ? (size_t)o->rows - i : PER_FILE, e);
    if (rc == 0)
        rc = store_flush(s, e);
    closed = store_close(s, rc == 0 ? e : NULL);
    mem_free(m);
    return rc < 0 ? rc : closed;
}

/* As a run opens it: one of an older schema is brought up to date. */
static int open_once(const struct store_place *p, struct dobby_err *e)
{
    struct store *s = NULL;
    int rc = store_open(&s, p, e);

    return rc < 0 ? rc : store_close(s, e);
}

/* Files of a store that has neither index nor counts: the writer's statements need `search`, so it stays, and nothing is in it. */
static int make_bare(const struct store_place *p, struct dobby_err *e)
{
    sqlite3 *db = NULL;
    int rc = open_once(p, e);

    if (rc == 0 && (sqlite3_open(p->db, &db) != SQLITE_OK ||
                    sqlite3_exec(db,
                                 "DROP TRIGGER units_in; DROP TRIGGER units_out; DROP TRIGGER "
                                 "summaries_in; DROP VIEW shown; CREATE VIEW shown AS SELECT 0 AS "
                                 "id, x'' AS name, x'' AS marks, x'' AS text, "
                                 "x'' AS path WHERE 0",
                                 NULL, NULL, NULL) != SQLITE_OK))
        rc = err_set(e, DOBBY_E_IO, "bench store: %s: %s", p->db, sqlite3_errmsg(db));
    sqlite3_close(db);
    return rc;
}

/* ---- questions ---------------------------------------------------------------------------------- */

/* Common, rare and both; names; parts; beginnings; a part of the tree. NULL asks for the status. */
static const struct question {
    const char *name, *query, *scope;
} questions[] = {
    {"status", NULL, ""},
    {"find: the most frequent word", "get", ""},
    {"find: the", "the", ""},
    {"find: two frequent words", "get parse", ""},
    {"find: five frequent words", "get set parse read write", ""},
    {"find: eight frequent words", "get set parse read write init header value", ""},
    {"find: a name", "parseHeader", ""},
    {"find: a name of three words", "read_next_buffer", ""},
    {"find: a rare word", "vose", ""},
    {"find: a frequent and a rare word", "get vose", ""},
    {"find: the beginning of a frequent word", "pars", ""},
    {"find: three letters", "hea", ""},
    {"find: four letters", "requ", ""},
    {"find: beginnings of two frequent words", "pars head", ""},
    {"find: a frequent word with a beginning", "get sock", ""},
    {"find: nothing", "qqqqq zzzzz", ""},
    {"find: a frequent word in a folder", "get", "src/parse"},
    {"find: a name in a folder", "parse header", "src/get"},
};

static int count_row(void *ctx, const struct dobby_row *row)
{
    (void)row;
    ++*(size_t *)ctx;
    return 0;
}

static int ask(const struct store_place *p, const struct question *q, size_t *n,
               struct dobby_err *e)
{
    struct store_reader *r = NULL;
    struct dobby_store_info info = {0};
    struct strbuf last = {0};
    int rc = store_reader_open(&r, p, e);

    if (rc == 0 && !q->query)
        rc = store_counts(r, &info, &last, e);
    else if (rc == 0)
        rc = store_find(r, (struct store_bytes){q->query, strlen(q->query)},
                        (struct store_bytes){q->scope, strlen(q->scope)}, 20, count_row, n, e);
    store_reader_free(r);
    strbuf_release(&last);
    return rc;
}

static int time_question(const struct store_place *p, const struct question *q, int rounds,
                         struct dobby_err *e)
{
    double *ms = mem_zalloc((size_t)rounds * sizeof(*ms));
    size_t n = 0;
    int rc = ms ? 0 : err_nomem(e, "times");

    for (int i = 0; i < rounds && rc == 0; i++) {
        double from = time_now();

        n = 0;
        rc = ask(p, q, &n, e);
        ms[i] = (time_now() - from) * 1000;
    }
    if (rc == 0) {
        bench_sort(ms, (size_t)rounds);
        printf("%s,%.2f,ms\n%s: slowest,%.2f,ms\n", q->name,
               bench_quantile(ms, (size_t)rounds, 0.5), q->name, ms[rounds - 1]);
        if (q->query)
            printf("%s: rows,%zu,\n", q->name, n);
        fflush(stdout);
    }
    mem_free(ms);
    return rc;
}

int bench_store(int argc, char **argv)
{
    struct store_opts o = {.rows = 1000000, .rounds = 9};
    struct opt_operands dir;
    struct dobby_err e = {0};
    struct store_place p = {0};
    struct store_reader *r = NULL;
    struct dobby_store_info info = {0};
    struct strbuf last = {0};
    double from, s;
    bool there;
    int rc = bench_options(&opt_bench_store, argc, argv, &o, &dir);

    if (rc >= 0)
        return rc;
    rc = store_place_init(&p, dir.arg[0], NULL, &e);
    there = rc == 0 && file_exists(p.db);
    if (there && o.bare)
        rc = err_set(&e, DOBBY_E_USAGE, "bench store: %s: is there already; name an empty folder",
                     p.db);
    if (rc == 0 && o.bare)
        rc = make_bare(&p, &e);
    from = time_now();
    if (rc == 0)
        rc = there ? open_once(&p, &e) : write_all(&p, &o, &e);
    s = time_now() - from;
    if (rc == 0)
        rc = store_reader_open(&r, &p, &e);
    if (rc == 0)
        rc = store_counts(r, &info, &last, &e);
    if (rc == 0) {
        printf("case,value,unit\n");
        if (!o.bare) /* which is not counted either */
            printf("rows,%llu,\n", (unsigned long long)info.n_units);
        if (there)
            printf("opening,%.2f,s\n", s);
        else
            printf("writing,%.1f,s\nwriting: 1000 rows,%.2f,ms\ndatabase: a row,%.1f,bytes\n", s,
                   s * 1e6 / o.rows, (double)info.db_bytes / o.rows);
        fflush(stdout);
    }
    for (size_t i = 0; i < ARRAY_LEN(questions) && rc == 0 && !o.bare; i++)
        rc = time_question(&p, &questions[i], o.rounds, &e);
    store_reader_free(r);
    strbuf_release(&last);
    store_place_release(&p);
    return rc < 0 ? bench_fail(&e) : 0;
}
