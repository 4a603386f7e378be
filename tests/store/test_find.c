/* test_find.c - what a store shows is found by its words, the best first, whatever was put, changed or dropped; no query
 * is an error of syntax; a store of the schema before is brought up to date whole, or stays as it is. */
#include "store_fix.h"

#include "base/fault.h"
#include "store/words.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>

/* Commit and wait; t is given away. */
static void put_now(struct store *s, struct store_txn *t)
{
    struct dobby_err e = {0};

    if (store_commit(s, t, NULL, &e) < 0 || store_flush(s, &e) < 0)
        fail_msg("%s", e.message);
}

static int add_name(void *ctx, const struct dobby_row *row)
{
    strbuf_printf(ctx, "%s%s", ((struct strbuf *)ctx)->len ? " " : "", row->name);
    return 0;
}

static void expect_in(struct fix *f, const char *query, const char *scope, size_t limit,
                      const char *want)
{
    struct store_reader *r = reader_ok(f);
    struct dobby_err e = {0};
    struct strbuf got = {0};

    if (store_find(r, bytes(query), bytes(scope), limit, add_name, &got, &e) < 0)
        fail_msg("%s: %s", query, e.message);
    if (strcmp(strbuf_str(&got), want) != 0)
        fail_msg("%s: %s, not %s", query, strbuf_str(&got), want);
    strbuf_release(&got);
    store_reader_free(r);
}

static void expect(struct fix *f, const char *query, const char *want)
{
    expect_in(f, query, "", 0, want);
}

/* ---- the database beside the store -------------------------------------------------------------- */

static sqlite3 *db_ok(struct fix *f)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(f->place.db, &db), SQLITE_OK);
    assert_int_equal(words_register(db), SQLITE_OK);
    return db;
}

static void sql(struct fix *f, const char *text)
{
    sqlite3 *db = db_ok(f);
    char *why = NULL;

    if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", text, why);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static int64_t sql_int(struct fix *f, const char *text)
{
    sqlite3 *db = db_ok(f);
    sqlite3_stmt *st;
    int64_t n;

    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return n;
}

/* The index holds exactly what is shown (rank 1 compares with the view), and the counts are what counting gives. */
static void expect_current(struct fix *f)
{
    sql(f, "INSERT INTO search(search,rank) VALUES('integrity-check',1)");
    assert_int_equal(sql_int(f, "SELECT count(*) FROM search_docsize"),
                     sql_int(f, "SELECT count(*) FROM shown"));
    assert_int_equal(sql_int(f, "SELECT n FROM counts WHERE what='units'"),
                     sql_int(f, "SELECT count(*) FROM units WHERE ordinal<>-1"));
    assert_int_equal(sql_int(f, "SELECT n FROM counts WHERE what='parents'"),
                     sql_int(f, "SELECT count(*) FROM units WHERE ordinal=-1"));
    assert_int_equal(sql_int(f, "SELECT n FROM counts WHERE what='summaries'"),
                     sql_int(f, "SELECT count(*) FROM summaries"));
    assert_int_equal(
        sql_int(f, "SELECT count(*) FROM counts c WHERE what NOT IN ('units','summaries','parents')"
                   " AND n<>(SELECT count(*) FROM done WHERE source=c.what)"),
        0);
}

/* ---- words -------------------------------------------------------------------------------------- */

static void expect_words(const char *text, const char *want)
{
    struct words w = {.n = 0};
    struct strbuf got = {0};

    words_take(&w, bytes(text));
    for (size_t i = 0; i < w.n; i++) {
        strbuf_puts(&got, i ? " " : "");
        strbuf_add(&got, w.word[i].p, w.word[i].n);
    }
    assert_string_equal(strbuf_str(&got), want);
    strbuf_release(&got);
}

static void test_words_of_identifiers(void **state)
{
    struct strbuf joined = {0};

    (void)state;
    expect_words("parseHeader", "parse Header");
    expect_words("parse_header_", "parse header");
    expect_words("__HTTPServer2Go", "HTTP Server2 Go");
    expect_words("SHA256_Init utf8", "SHA256 Init utf8");
    expect_words("A", "A");
    expect_words("ab AB aB", "ab a B"); /* once each */
    expect_words("ns::Class.method(x)", "ns Class method x");
    expect_words("-- \"*\" ()", "");
    expect_words("", "");
    expect_words("gr\xc3\xb6\xc3\x9f"
                 "e \xff\xfe x\x80y",
                 "gr\xc3\xb6\xc3\x9f"
                 "e x y");
    words_join(&joined, bytes("parse_HeaderLine now"));
    assert_string_equal(strbuf_str(&joined), "parseheaderlinenow");
    strbuf_release(&joined);
}

/* ---- finding ------------------------------------------------------------------------------------ */

static void fill(struct fix *f)
{
    struct store *s = open_ok(f);
    struct store_txn *t = store_txn_new();

    put_file(t, "src/http.c", "c");
    put_unit(t, "src/http.c", "parseHeader", 0, 1, 9, 0, "Reads one line of a request.");
    put_unit(t, "src/http.c", "parse_header_fields", 0, 11, 19, 0, "Splits the fields.");
    put_unit(t, "src/http.c", "Conn.close", 0, 21, 29, 0, "Lets go of the socket.");
    put_unit(t, "src/http.c", "read_line", 0, 31, 39, 0, "Reads a line, to parse it as a header.");
    put_file(t, "lib/HTTPServer.go", "go");
    put_unit(t, "lib/HTTPServer.go", "Server.Close", 0, 1, 9, 1, "Named Close.");
    put_unit(t, "lib/HTTPServer.go", "NewHTTPServer", 0, 11, 19, 2, "Named NewHTTPServer.");
    put_unit(t, "lib/HTTPServer.go", "waiting", 0, 21, 29, 3, "Parses headers some day.");
    put_summary(t, 1, "Shuts the listener.");
    put_summary(t, 2, NULL);
    put_now(s, t); /* 3 is not there yet */
    assert_int_equal(store_close(s, NULL), 0);
}

static void test_found_by_parts(void **state)
{
    struct fix *f = *state;

    fill(f);
    expect_current(f);
    /* The name itself, names that hold both, texts; a name of which the query is the whole. */
    expect(f, "parse header", "parseHeader parse_header_fields read_line");
    expect(f, "header parse", "parseHeader parse_header_fields read_line");
    expect(f, "parseHeader", "parseHeader parse_header_fields read_line");
    expect(f, "parse_header", "parseHeader parse_header_fields read_line");
    expect(f, "PARSEHEADER", "parseHeader parse_header_fields"); /* a beginning of the whole */
    expect(f, "parseheader", "parseHeader parse_header_fields");
    expect(f, "Conn.close", "Conn.close");
    expect(f, "close", "Server.Close Conn.close");         /* both are it: by path */
    expect(f, "httpserver", "Server.Close NewHTTPServer"); /* by the file they are in */
    expect(f, "http server new", "NewHTTPServer");
    expect(f, "listener", "Server.Close");               /* the model's text, not the fallback */
    expect(f, "named", "NewHTTPServer");                 /* the fallback where there is no text */
    expect(f, "sock", "Conn.close");                     /* a beginning */
    expect(f, "reading lines", "read_line parseHeader"); /* by their stems */
    expect(f, "so", "");                                 /* too short to be one */
    expect(f, "waiting", "");                            /* it shows nothing yet */
    expect(f, "nothing of the kind", "");
}

static void test_scope_and_limit(void **state)
{
    struct fix *f = *state;

    fill(f);
    expect_in(f, "close", "lib", 0, "Server.Close");
    expect_in(f, "close", "lib/HTTPServer.go", 0, "Server.Close");
    expect_in(f, "close", "li", 0, "");
    expect_in(f, "close", "src", 0, "Conn.close");
    expect_in(f, "close", "go/lib", 0, ""); /* the words are there, the path is not */
    expect_in(f, "parse header", "", 1, "parseHeader");
    expect_in(f, "parse header", "", 2, "parseHeader parse_header_fields");
    expect_in(f, "parse header", "", 100, "parseHeader parse_header_fields read_line");
}

static void test_ties_are_in_order(void **state)
{
    struct fix *f = *state;
    struct store *s = open_ok(f);
    struct store_txn *t = store_txn_new();

    put_file(t, "z.c", "c");
    put_unit(t, "z.c", "z_run", 0, 1, 2, 0, "Text.");
    put_file(t, "a.c", "c"); /* later in the store, earlier in order */
    put_unit(t, "a.c", "c_run", 0, 5, 6, 0, "Text.");
    put_unit(t, "a.c", "b_run", 0, 1, 2, 0, "Text.");
    put_unit(t, "a.c", "a_run", 0, 1, 9, 0, "Text.");
    put_now(s, t);
    assert_int_equal(store_close(s, NULL), 0);
    expect(f, "run", "a_run b_run c_run z_run");
    expect_in(f, "run", "", 3, "a_run b_run c_run");
}

static void test_rare_words_weigh_more(void **state)
{
    struct fix *f = *state;
    struct store *s = open_ok(f);
    struct store_txn *t = store_txn_new();

    put_file(t, "a.c", "c");
    for (int i = 0; i < 40; i++)
        put_unit(t, "a.c", "common", i, i + 1, i + 1, 0, "Nothing special.");
    put_unit(t, "a.c", "one", 0, 50, 50, 0, "A common thing, seldom.");
    put_unit(t, "a.c", "seldom", 0, 60, 60, 0, "A common thing, one.");
    put_now(s, t);
    assert_int_equal(store_close(s, NULL), 0);
    expect(f, "common seldom", "seldom one"); /* in the name it weighs more than in the text */
}

static void test_kept_current(void **state)
{
    struct fix *f = *state;
    struct store *s;
    struct store_txn *t;

    fill(f);
    s = open_ok(f);
    t = store_txn_new();
    put_summary(t, 3, "Waits for a frobnicator."); /* a summary after its unit */
    put_summary(t, 1, "Another text, which is not taken.");
    put_now(s, t);
    expect(f, "frobnicator", "waiting");
    expect(f, "another", "");
    expect_current(f);

    t = store_txn_new();
    put_file(t, "src/http.c",
             "c"); /* put anew: other units, one of which shares a text that is there */
    put_unit(t, "src/http.c", "patience", 0, 1, 2, 3, "Named patience.");
    put_unit(t, "src/http.c", "parseHeader", 0, 4, 5, 0, "Now it does something else.");
    put_now(s, t);
    expect(f, "frobnicator", "waiting patience");
    expect(f, "request", "");
    expect(f, "parse header", "parseHeader");
    expect_current(f);

    t = store_txn_new();
    store_drop_file(t, bytes("lib/HTTPServer.go"));
    store_drop_file(t, bytes("never/there"));
    put_now(s, t);
    expect(f, "frobnicator", "patience");
    expect(f, "listener", "");
    expect_current(f);

    t = store_txn_new();
    put_file(t, "src/http.c", "c"); /* put and dropped in one group */
    put_unit(t, "src/http.c", "gone", 0, 1, 2, 0, "Never seen.");
    store_drop_file(t, bytes("src/http.c"));
    put_now(s, t);
    expect(f, "frobnicator", "");
    expect(f, "seen", "");
    expect_current(f);
    assert_int_equal(store_close(s, NULL), 0);
}

/* Files and summaries at random, then the same question of the index, of the view and of the counts. */
static void test_random_changes(void **state)
{
    struct fix *f = *state;
    struct store *s = open_ok(f);
    uint32_t seed = 99;

    for (int round = 0; round < 60; round++) {
        struct store_txn *t = store_txn_new();

        for (int i = 0; i < 5; i++) {
            char path[16], name[32], text[32];

            seed = seed * 1664525u + 1013904223u;
            snprintf(path, sizeof(path), "d/f%u.c", seed >> 28);
            switch (seed >> 20 & 3) {
            case 0:
                store_drop_file(t, bytes(path));
                break;
            case 1:
                put_summary(t, 1 + (seed >> 10 & 31), seed & 1u << 15 ? "Some text." : NULL);
                break;
            default:
                put_file(t, path, "c");
                for (uint32_t j = 0; j < 1 + (seed >> 16 & 7); j++) {
                    snprintf(name, sizeof(name), "get%uThing_%u", seed >> 24 & 15, j);
                    snprintf(text, sizeof(text), "Gets thing %u.", seed >> 12 & 63);
                    put_unit(t, path, name, 0, (int)j + 1, (int)j + 1,
                             j % 3 ? (seed >> 8 & 31) + j : 0, text);
                }
            }
        }
        put_now(s, t);
    }
    assert_int_equal(store_close(s, NULL), 0);
    expect_current(f);
    assert_true(sql_int(f, "SELECT count(*) FROM shown") > 10);
}

static void test_write_failure_leaves_index_and_rows_equal(void **state)
{
    struct fix *f = *state;
    size_t n = 0;
    int rc;

    fill(f);
    do {
        struct store *s = open_ok(f);
        struct store_txn *t = store_txn_new();

        store_drop_file(t, bytes("src/http.c"));
        put_summary(t, 3, "Waits.");
        put_file(t, "x.c", "c");
        put_unit(t, "x.c", "x", 0, 1, 1, 0, "Xylophone.");
        fault_arm(FAULT_WRITE, ++n, false);
        assert_int_equal(store_commit(s, t, NULL, NULL), 0);
        rc = store_flush(s, NULL);
        (void)store_close(s, NULL);
        expect_current(f);
        expect(f, "xylophone", rc == 0 ? "x" : "");
    } while (fault_disarm(FAULT_WRITE));
    assert_true(rc == 0 && n > 5);
}

/* ---- queries ------------------------------------------------------------------------------------ */

static void test_hostile_queries(void **state)
{
    static const char *const none[] = {
        "",  " \t\n", "\"", "*", "()",       "--", "^",  "\xff\xc0", "___",  "+ - ^", "\"\"",
        ":", "{}",    "%",  "'", "\x01\x02", "!?", "\\", "...",      "\xc2", "(\"*)"};
    static const char *const some[] = {
        "foo-bar",
        "foo\"bar",
        "\"foo",
        "foo*",
        "* foo",
        "foo AND",
        "NOT foo",
        "OR",
        "AND AND AND",
        "NEAR(foo bar, 2)",
        "name: foo",
        "name:foo",
        "{name} : foo",
        "-name:foo",
        "foo^",
        "^foo",
        "(foo",
        "foo)",
        "'; DROP TABLE units; --",
        "foo\\",
        "a\xff-b",
        "\xe2\x86\x92 x",
        "x\xc3\x97y",
        "\xe4\xb8\xad\xe6\x96\x87",
        "caf\xc3\xa9",
        "\xd0\xa4\xd1\x83\xd0\xbd",
        "search rank rowid",
        "foo + bar",
        "foo , bar",
        "\xf0\x9f\x98\x80",
        "e\xcc\x81",
    };
    struct fix *f = *state;
    struct store_reader *r;
    struct strbuf got = {0};
    char junk[64], many[200];
    uint32_t seed = 7;

    fill(f);
    r = reader_ok(f);
    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
        struct dobby_err e = {0};

        assert_int_equal(store_find(r, bytes(none[i]), bytes(""), 0, add_name, &got, &e),
                         DOBBY_E_USAGE);
        assert_non_null(strstr(e.message, "no word"));
    }
    for (size_t i = 0; i < sizeof(some) / sizeof(*some); i++) {
        struct dobby_err e = {0};

        if (store_find(r, bytes(some[i]), bytes(some[i]), 5, add_name, &got, &e) != 0)
            fail_msg("%s: %s", some[i], e.message);
    }
    assert_int_equal(
        store_find(r, (struct store_bytes){"a\0close", 7}, bytes(""), 0, add_name, &got, NULL), 0);
    for (int round = 0; round < 3000; round++) { /* bytes at random, the plain ones often */
        struct dobby_err e = {0};
        size_t n = 1 + seed % (sizeof(junk) - 1);
        int rc;

        for (size_t i = 0; i < n; i++) {
            seed = seed * 1664525u + 1013904223u;
            junk[i] = seed & 1u << 20 ? (char)(seed >> 24) : "aB_9\"* (\xc3\x9f"[seed >> 24 & 7];
        }
        rc = store_find(r, (struct store_bytes){junk, n}, (struct store_bytes){junk, n / 2}, 5,
                        add_name, &got, &e);
        if (rc != 0 && rc != DOBBY_E_USAGE)
            fail_msg("round %d: %s", round, e.message);
    }
    memset(many, 0, sizeof(many));
    for (int i = 0; i < 40; i++)
        snprintf(many + strlen(many), sizeof(many) - strlen(many), "w%d ", i);
    assert_int_equal(store_find(r, bytes(many), bytes(""), 0, add_name, &got, NULL), DOBBY_E_USAGE);
    strbuf_release(&got);
    store_reader_free(r);
}

static void test_names_of_any_bytes(void **state)
{
    struct fix *f = *state;
    struct store *s = open_ok(f);
    struct store_txn *t = store_txn_new();
    char longest[600];

    memset(longest, 'q', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    put_file(t, "\xff\xfe/new\nline.c", "c");
    put_unit(t, "\xff\xfe/new\nline.c", "g\xc3\xffodd", 0, 1, 1, 0,
             "Text \xc3 broken \xf0\x9f here.");
    put_unit(t, "\xff\xfe/new\nline.c", longest, 0, 2, 2, 0, "Long.");
    put_unit(t, "\xff\xfe/new\nline.c", "\xd0\xa4\xd1\x83\xd0\xbd", 0, 3, 3, 0,
             "\xc3\x84rger mit \xd0\x96.");
    put_now(s, t);
    expect_current(f);
    expect(f, "odd", "g\xc3\xffodd");
    expect(f, "broken here", "g\xc3\xffodd");
    expect(f, longest, longest);
    expect(f, "\xd1\x84\xd1\x83\xd0\xbd", "\xd0\xa4\xd1\x83\xd0\xbd"); /* in small letters */
    expect(f, "\xc3\xa4rger \xd0\xb6", "\xd0\xa4\xd1\x83\xd0\xbd");
    expect_in(f, "odd", "\xff\xfe", 0, "g\xc3\xffodd");
    t = store_txn_new();
    store_drop_file(t, bytes("\xff\xfe/new\nline.c"));
    put_now(s, t);
    assert_int_equal(store_close(s, NULL), 0);
    expect_current(f);
    expect(f, "odd", "");
}

/* More match than are ranked: the name itself is found all the same, and a rare word beside a common one. */
static void test_very_many_matches(void **state)
{
    struct fix *f = *state;
    struct store *s = open_ok(f);
    struct store_txn *t = store_txn_new();
    char path[32], name[32];

    for (int i = 0; i < 120; i++) {
        snprintf(path, sizeof(path), "src/f%03d.c", i);
        put_file(t, path, "c");
        for (int j = 0; j < 100; j++) {
            snprintf(name, sizeof(name), "get_%c%d", 'a' + i % 26, j);
            put_unit(t, path, name, i, j + 1, j + 1, 0, "Gets what was asked.");
        }
    }
    put_file(t, "z/last.c", "c");
    put_unit(t, "z/last.c", "get", 0, 1, 2, 0, "Gets anything.");
    put_unit(t, "z/last.c", "get_rarity", 0, 3, 4, 0, "Gets one.");
    put_now(s, t);
    assert_int_equal(store_close(s, NULL), 0);
    expect_in(f, "get", "", 1, "get");
    expect(f, "rarity get", "get_rarity");
    expect(f, "get rari", "get_rarity");
    expect_in(f, "get", "z", 0, "get get_rarity");
}

/* Rows are looked at in windows of their numbers: wherever these lie, all are found, and it ends. */
static void test_numbers_far_apart(void **state)
{
    struct fix *f = *state;

    fill(f);
    sql(f, "UPDATE units SET id=id+500000 WHERE qname<>CAST('parseHeader' AS BLOB);"
           "UPDATE units SET id=9223372036854775807 WHERE qname=CAST('read_line' AS BLOB);"
           "INSERT INTO search(search) VALUES('rebuild')");
    expect_current(f);
    expect_in(f, "parse header", "", 1, "parseHeader");
    expect_in(f, "parse header", "", 2, "parseHeader parse_header_fields");
    expect_in(f, "parse header", "", 100, "parseHeader parse_header_fields read_line");
    expect(f, "parse header", "parseHeader parse_header_fields read_line");
    expect_in(f, "close", "lib", 5, "Server.Close");
    expect_in(f, "nonsense", "", 5, "");
}

static int stop_at_once(void *ctx, const struct dobby_row *row)
{
    (void)row;
    ++*(int *)ctx;
    return 42;
}

static void test_callback_ends_it(void **state)
{
    struct fix *f = *state;
    struct store_reader *r;
    int n = 0;

    fill(f);
    r = reader_ok(f);
    assert_int_equal(store_find(r, bytes("close"), bytes(""), 0, stop_at_once, &n, NULL), 42);
    assert_int_equal(n, 1);
    n = 0; /* the reader is as before */
    assert_int_equal(store_find(r, bytes("close"), bytes(""), 0, stop_at_once, &n, NULL), 42);
    store_reader_free(r);
}

static void test_no_memory(void **state)
{
    struct fix *f = *state;
    size_t n = 0;
    int rc;

    fill(f);
    fault_count(true);
    do {
        struct strbuf got = {0};
        struct store_reader *r = NULL;

        fault_arm(FAULT_ALLOC, ++n, false);
        rc = store_reader_open(&r, &f->place, NULL);
        if (rc == 0)
            rc = store_find(r, bytes("parse head"), bytes("src"), 0, add_name, &got, NULL);
        if (rc == 0 && strbuf_failed(&got))
            rc = DOBBY_E_NOMEM;
        strbuf_release(&got);
        store_reader_free(r);
        assert_true(rc == 0 || rc == DOBBY_E_NOMEM);
        assert_int_equal(fault_live(), 0);
    } while (fault_disarm(FAULT_ALLOC));
    fault_count(false);
    assert_true(rc == 0 && n > 10);
}

/* ---- parents ------------------------------------------------------------------------------------ */

static void put_parent(struct store_txn *t, const char *path, const char *kind, const char *text,
                       const char *source)
{
    store_put_parent(t, &(struct store_parent){bytes(path), kind, text, source});
}

static int add_row_line(void *ctx, const struct dobby_row *row)
{
    strbuf_printf(ctx, "%s %s %s %s %d %s %s\n", row->path, row->name, row->kind,
                  row->language ? row->language : "-", row->start_line, row->source, row->summary);
    return 0;
}

static int add_parent_line(void *ctx, const struct store_parent *p)
{
    strbuf_printf(ctx, "%.*s %s %s %s\n", (int)p->path.n, (const char *)p->path.p, p->kind,
                  p->source, p->text);
    return 0;
}

static int count_file(void *ctx, const struct store_file *f)
{
    (void)f;
    ++*(int *)ctx;
    return 0;
}

static int count_unit(void *ctx, const struct store_unit *u, bool done)
{
    (void)u;
    (void)done;
    ++*(int *)ctx;
    return 0;
}

/* Rows of files and directories: shown before what they hold, found, counted apart, and no files or units for a scan. */
static void test_parents(void **state)
{
    static const char rows[] = ". . repository - 0 doc A tree of things.\n"
                               "a a directory - 0 signature Holds x.c.\n"
                               "a/x.c x.c file c 0 doc Sums of numbers.\n"
                               "a/x.c add function c 1 doc Adds.\n"
                               "a/x.c x.c function c 3 doc Is called like its file.\n";
    struct fix *f = *state;
    struct store *s = open_ok(f);
    struct store_txn *t = store_txn_new();
    struct store_reader *r;
    struct strbuf got = {0};
    struct dobby_store_info info = {0};
    uint8_t hash[STORE_KEY];
    const char *source = NULL;
    int n = 0;

    store_put_file(t, &(struct store_file){.path = bytes("a/x.c"),
                                           .hash = key_of(hash, 7),
                                           .grammar = "c/1",
                                           .language = "c",
                                           .text = "Sums of letters.",
                                           .source = "doc"});
    put_unit(t, "a/x.c", "add", 0, 1, 2, 0, "Adds.");
    put_unit(t, "a/x.c", "x.c", 0, 3, 4, 0, "Is called like its file.");
    put_parent(t, ".", "repository", "A tree of things.", "doc");
    put_parent(t, "a", "directory", "Holds y.c.", "signature");
    put_parent(t, "a", "directory", "Holds x.c.", "signature"); /* in one group: the last counts */
    put_parent(t, "a/x.c", "file", "Sums of numbers.", "doc");
    put_now(s, t);
    expect_current(f);
    r = reader_ok(f);
    assert_int_equal(store_each_row(r, bytes(""), NULL, 0, add_row_line, &got, NULL), 0);
    assert_string_equal(strbuf_str(&got), rows);
    strbuf_reset(&got); /* a limit counts units, and what comes before its last one is there */
    assert_int_equal(store_each_row(r, bytes(""), NULL, 1, add_row_line, &got, NULL), 0);
    assert_int_equal(got.len, strstr(rows, "a/x.c x.c function") - rows);
    strbuf_reset(&got);
    assert_int_equal(store_each_parent(r, bytes("a"), add_parent_line, &got, NULL), 0);
    assert_string_equal(strbuf_str(&got), "a directory signature Holds x.c.\n"
                                          "a/x.c file doc Sums of numbers.\n");
    assert_int_equal(store_each_file(r, bytes(""), count_file, &n, NULL), 0);
    assert_int_equal(n, 1);
    n = 0;
    assert_int_equal(store_each_unit(r, bytes("a/x.c"), count_unit, &n, NULL), 0);
    assert_int_equal(n, 2);
    strbuf_reset(&got);
    assert_int_equal(store_unit_text(r, bytes("a/x.c"), "add", &got, &source, NULL), 1);
    assert_string_equal(strbuf_str(&got), "Adds.");
    assert_string_equal(source, "doc");
    assert_int_equal(store_unit_text(r, bytes("a/x.c"), "sub", &got, &source, NULL), 0);
    strbuf_reset(&got);
    assert_int_equal(store_counts(r, &info, &got, NULL), 0);
    assert_int_equal(info.n_units, 2);
    assert_int_equal(info.n_doc, 2);
    assert_int_equal(info.n_parents, 3);
    expect(f, "things", ".");
    expect(f, "sums numbers", "x.c");
    expect(f, "letters", "");

    t = store_txn_new();
    store_drop_parent(t, bytes("a/x.c"), "file");
    store_drop_parent(t, bytes("."), "repository");
    put_now(s, t);
    expect_current(f);
    strbuf_reset(&got);
    assert_int_equal(store_each_parent(r, bytes(""), add_parent_line, &got, NULL), 0);
    assert_string_equal(strbuf_str(&got), "a directory signature Holds x.c.\n");
    n = 0;
    assert_int_equal(store_each_unit(r, bytes("a/x.c"), count_unit, &n, NULL), 0);
    assert_int_equal(n, 2);
    t = store_txn_new();
    put_file(t, "a", "c"); /* a file where a directory was */
    put_now(s, t);
    expect_current(f);
    assert_int_equal(sql_int(f, "SELECT count(*) FROM units WHERE ordinal=-1"), 0);
    strbuf_release(&got);
    store_reader_free(r);
    close_ok(s);
}

/* As schema 2 was: no language, source, findings, calls or uses of units, no parents, imports or lines; and an index that did not know
 * places, which is empty here. */
static void make_2(struct fix *f)
{
    fill(f);
    sql(f,
        "INSERT INTO search(search) VALUES('delete-all'); UPDATE counts SET n=n+1 WHERE what='doc';"
        "ALTER TABLE files DROP COLUMN n_lines; DROP TABLE imports; DROP TABLE facts;"
        "DROP TRIGGER units_in; DROP TRIGGER units_out; DROP TRIGGER summaries_in;"
        "DROP VIEW shown; DROP VIEW done; ALTER TABLE units DROP COLUMN source;"
        "ALTER TABLE units DROP COLUMN language; ALTER TABLE units DROP COLUMN findings;"
        "ALTER TABLE units DROP COLUMN calls; ALTER TABLE units DROP COLUMN uses;"
        "ALTER TABLE units DROP COLUMN code_hash; ALTER TABLE files DROP COLUMN context;"
        "DELETE FROM counts WHERE what='parents';"
        "CREATE VIEW done AS SELECT 0 AS id,'doc' AS source;"
        "CREATE VIEW shown AS SELECT id,prompt_key,'doc' AS source,qname AS name,'' AS marks,text,"
        "path FROM units;"
        "CREATE TRIGGER units_in AFTER INSERT ON units BEGIN SELECT 1; END;"
        "CREATE TRIGGER units_out BEFORE DELETE ON units BEGIN SELECT 1; END;"
        "CREATE TRIGGER summaries_in AFTER INSERT ON summaries BEGIN SELECT 1; END;"
        "PRAGMA user_version=2");
}

/* ---- from schema 1 ------------------------------------------------------------------------------ */

/* As the first version wrote it: no number of a unit, no index, no counts, no imports. */
static void make_old(struct fix *f)
{
    fill(f);
    sql(f,
        "ALTER TABLE files DROP COLUMN n_lines; ALTER TABLE files DROP COLUMN context;"
        "DROP TABLE imports; DROP TABLE facts;"
        "DROP TRIGGER units_in; DROP TRIGGER units_out; DROP TRIGGER summaries_in;"
        "DROP TABLE search; DROP VIEW shown; DROP VIEW done; DROP TABLE counts;"
        "DROP INDEX units_order; DROP INDEX units_prompt; ALTER TABLE units RENAME TO u2;"
        "CREATE TABLE units(path BLOB NOT NULL REFERENCES files(path) ON DELETE CASCADE,"
        " qname BLOB NOT NULL, ordinal INTEGER NOT NULL, name BLOB NOT NULL, kind TEXT NOT NULL,"
        " start_line INTEGER, end_line INTEGER, spans BLOB, text TEXT,"
        " unit_key BLOB CHECK(unit_key IS NULL OR length(unit_key)=32),"
        " prompt_hash BLOB CHECK(prompt_hash IS NULL OR length(prompt_hash)=32),"
        " prompt_key BLOB CHECK(prompt_key IS NULL OR length(prompt_key)=32),"
        " old INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(path, qname, ordinal)) STRICT, WITHOUT ROWID;"
        "INSERT INTO units SELECT path,qname,ordinal,name,kind,start_line,end_line,spans,text,"
        " unit_key,prompt_hash,prompt_key,old FROM u2; DROP TABLE u2;"
        "CREATE UNIQUE INDEX units_order ON units(path, start_line, end_line DESC, kind, qname,"
        " ordinal);"
        "CREATE INDEX units_prompt ON units(prompt_key) WHERE prompt_key IS NOT NULL;"
        "UPDATE units SET old=1 WHERE qname=CAST('waiting' AS BLOB); PRAGMA user_version=1");
}

static void add_all(struct fix *f, struct strbuf *out)
{
    sqlite3 *db = db_ok(f);
    sqlite3_stmt *st;

    assert_int_equal(
        sqlite3_prepare_v2(
            db,
            "SELECT hex(path)||'|'||hex(qname)||'|'||ordinal||'|'||hex(name)||'|'||kind||'|'||"
            "start_line||'|'||end_line||'|'||quote(spans)||'|'||quote(text)||'|'||quote(unit_key)||"
            "'|'||quote(prompt_hash)||'|'||quote(prompt_key)||'|'||old FROM units"
            " UNION ALL SELECT hex(path)||hex(hash)||grammar||language FROM files"
            " UNION ALL SELECT hex(prompt_key)||source||quote(text)||quote(confidence)"
            " FROM summaries ORDER BY 1",
            -1, &st, NULL),
        SQLITE_OK);
    while (sqlite3_step(st) == SQLITE_ROW)
        strbuf_printf(out, "%s\n", (const char *)sqlite3_column_text(st, 0));
    sqlite3_finalize(st);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_old_store_is_brought_up(void **state)
{
    struct fix *f = *state;
    struct strbuf before = {0}, after = {0}, names = {0};
    struct dobby_store_info was = {0}, is = {0};
    struct store_reader *r;
    struct dobby_err e = {0};
    struct store *s;
    struct store_txn *t;

    make_old(f);
    add_all(f, &before);
    /* A reader leaves it as it is: what it could tell before it tells now, and it says what is missing. */
    r = reader_ok(f);
    assert_int_equal(store_each_row(r, bytes(""), "Server.Close", 0, add_name, &names, NULL), 0);
    assert_string_equal(strbuf_str(&names), "Server.Close");
    assert_int_equal(store_counts(r, &was, &names, NULL), 0);
    assert_int_equal(store_find(r, bytes("close"), bytes(""), 0, add_name, &names, &e),
                     DOBBY_E_UNSUPPORTED);
    assert_non_null(strstr(e.message, "older dobby"));
    assert_int_equal(sql_int(f, "PRAGMA user_version"), 1);

    s = open_ok(f); /* beside an open reader */
    assert_int_equal(sql_int(f, "PRAGMA user_version"), DB_SCHEMA);
    add_all(f, &after);
    assert_true(after.len > 500);
    assert_string_equal(strbuf_str(&before), strbuf_str(&after));
    strbuf_reset(&names);
    assert_int_equal(store_find(r, bytes("close"), bytes(""), 0, add_name, &names, NULL), 0);
    assert_string_equal(strbuf_str(&names), "Server.Close Conn.close");
    assert_int_equal(store_counts(r, &is, &names, NULL), 0);
    assert_int_equal(was.n_units, 7);
    assert_int_equal(was.n_model, 1);
    is.db_bytes = was.db_bytes;
    assert_memory_equal(&was, &is, sizeof(is));
    store_reader_free(r);
    expect_current(f);

    t = store_txn_new(); /* and it goes on as one that was always so */
    put_summary(t, 3, "Waits.");
    store_drop_file(t, bytes("src/http.c"));
    put_now(s, t);
    assert_int_equal(store_close(s, NULL), 0);
    expect_current(f);
    expect(f, "waits", "waiting");
    assert_int_equal(sql_int(f, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
    strbuf_release(&before);
    strbuf_release(&after);
    strbuf_release(&names);
}

static int add_unlooked(void *ctx, const struct dobby_row *row)
{
    assert_null(row->findings); /* nobody has looked */
    strbuf_printf(ctx, "%s:%s ", row->name, row->language);
    return 0;
}

static int add_lines(void *ctx, const struct store_file *f)
{
    assert_int_equal(f->n_lines, -1); /* nobody has counted */
    return count_file(ctx, f);
}

static int no_import(void *ctx, struct store_bytes path, const struct store_import *im)
{
    (void)path;
    (void)im;
    ++*(int *)ctx;
    return 0;
}

static void test_schema_2_is_brought_up(void **state)
{
    int n_files = 0, n_imports = 0;
    struct fix *f = *state;
    struct strbuf before = {0}, after = {0}, rows = {0}, none = {0};
    struct dobby_store_info info = {0};
    struct dobby_err e = {0};
    struct store_reader *r;
    struct store_txn *t;
    struct store *s;

    make_2(f);
    add_all(f, &before);
    r = reader_ok(f); /* as it is, before and after */
    assert_int_equal(store_each_row(r, bytes(""), "Server.Close", 0, add_unlooked, &rows, NULL), 0);
    assert_int_equal(store_each_parent(r, bytes(""), add_parent_line, &none, NULL), 0);
    assert_int_equal(none.len, 0);
    assert_int_equal(store_find(r, bytes("close"), bytes(""), 0, add_unlooked, &none, &e),
                     DOBBY_E_UNSUPPORTED);
    assert_int_equal(store_counts(r, &info, &none, NULL), 0);
    assert_int_equal(info.n_units, 7);
    assert_int_equal(store_each_file(r, bytes(""), add_lines, &n_files, NULL), 0);
    assert_true(n_files > 1);
    assert_int_equal(store_each_import(r, bytes(""), no_import, &n_imports, &e),
                     DOBBY_E_UNSUPPORTED);
    assert_non_null(strstr(e.message, "older dobby"));
    assert_int_equal(sql_int(f, "PRAGMA user_version"), 2);
    s = open_ok(f);
    store_reader_free(r);
    r = reader_ok(f);
    assert_int_equal(store_each_file(r, bytes(""), add_lines, &n_files, NULL), 0);
    assert_int_equal(store_each_import(r, bytes(""), no_import, &n_imports, NULL), 0);
    assert_int_equal(n_imports, 0);
    assert_int_equal(sql_int(f, "PRAGMA user_version"), DB_SCHEMA);
    assert_int_equal(store_each_row(r, bytes(""), "Server.Close", 0, add_unlooked, &rows, NULL), 0);
    assert_string_equal(strbuf_str(&rows), "Server.Close:go Server.Close:go ");
    add_all(f, &after);
    assert_string_equal(strbuf_str(&before), strbuf_str(&after));
    expect_current(f);
    expect_in(f, "close", "src", 0, "Conn.close");

    t = store_txn_new(); /* and it goes on as one that was always so */
    put_parent(t, ".", "repository", "A tree of servers.", "doc");
    put_file(t, "a.md", "markdown");
    store_put_unit(t, bytes("a.md"),
                   &(struct store_unit){.qname = bytes("Go"),
                                        .name = bytes("Go"),
                                        .kind = "chunk",
                                        .language = "bash",
                                        .spans = bytes("spans"),
                                        .text = "Blocks."});
    store_drop_file(t, bytes("src/http.c"));
    put_now(s, t);
    strbuf_reset(&rows);
    assert_int_equal(store_each_row(r, bytes("a.md"), NULL, 0, add_unlooked, &rows, NULL), 0);
    assert_int_equal(store_find(r, bytes("blocks"), bytes(""), 0, add_unlooked, &rows, NULL), 0);
    assert_string_equal(strbuf_str(&rows), "Go:bash Go:bash ");
    expect(f, "tree", ".");
    expect_current(f);
    assert_int_equal(sql_int(f, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
    store_reader_free(r);
    close_ok(s);
    strbuf_release(&before);
    strbuf_release(&after);
    strbuf_release(&rows);
    strbuf_release(&none);
}

static void test_no_room_to_bring_it_up(void **state)
{
    struct fix *f = *state;
    struct strbuf before = {0}, after = {0};
    struct rlimit old, small;
    struct dobby_err e = {0};
    struct store *s;

    make_old(f);
    add_all(f, &before);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = (struct rlimit){40000, old.rlim_max}; /* the log, and not the memory shared by name */
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(store_open(&s, &f->place, &e), DOBBY_E_IO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    if (!strstr(e.message, "up to date"))
        fail_msg("%s", e.message);
    assert_int_equal(sql_int(f, "PRAGMA user_version"), 1);
    add_all(f, &after);
    assert_string_equal(strbuf_str(&before), strbuf_str(&after));
    assert_int_equal(store_close(open_ok(f), NULL), 0); /* with room it goes */
    expect_current(f);
    strbuf_release(&before);
    strbuf_release(&after);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_of_identifiers),
        T(test_found_by_parts),
        T(test_scope_and_limit),
        T(test_ties_are_in_order),
        T(test_rare_words_weigh_more),
        T(test_kept_current),
        T(test_random_changes),
        T(test_write_failure_leaves_index_and_rows_equal),
        T(test_hostile_queries),
        T(test_names_of_any_bytes),
        T(test_very_many_matches),
        T(test_numbers_far_apart),
        T(test_callback_ends_it),
        T(test_no_memory),
        T(test_parents),
        T(test_schema_2_is_brought_up),
        T(test_old_store_is_brought_up),
        T(test_no_room_to_bring_it_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
