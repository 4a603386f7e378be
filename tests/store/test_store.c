/* test_store.c - what goes into a store comes out, in order; what must be refused is, and stays as it was. */
#include "store_fix.h"

#include "base/fault.h"
#include "base/file.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

static char *path_in(const char *dir, const char *name)
{
    char *p = NULL;

    assert_true(asprintf(&p, "%s/%s", dir, name) > 0);
    return p;
}

static void write_file(const char *path, const void *p, size_t n)
{
    FILE *out = fopen(path, "wb");

    assert_non_null(out);
    assert_int_equal(fwrite(p, 1, n, out), n);
    assert_int_equal(fclose(out), 0);
}

/* ---- rows as text, for comparing ---------------------------------------------------------------- */

static int add_row(void *ctx, const struct dobby_row *row)
{
    struct strbuf *b = ctx;

    strbuf_add(b, row->path, row->path_len);
    strbuf_printf(b, "|%s|%d-%d|%s|%s|%s\n", row->name, row->start_line, row->end_line, row->source,
                  row->model ? row->model : "-", row->summary);
    return 0;
}

static void expect_rows(struct fix *f, const char *scope, const char *name, size_t limit,
                        const char *want)
{
    struct store_reader *r = reader_ok(f);
    struct strbuf got = {0};

    assert_int_equal(store_each_row(r, bytes(scope), name, limit, add_row, &got, NULL), 0);
    assert_string_equal(strbuf_str(&got), want);
    strbuf_release(&got);
    store_reader_free(r);
}

/* ---- the folder --------------------------------------------------------------------------------- */

static void test_place_is_made(void **state)
{
    struct fix *f = *state;
    struct strbuf text = {0};
    char *ignore = path_in(f->dir, ".dobby/.gitignore");

    close_ok(open_ok(f));
    assert_int_equal(file_read_all(&text, ignore, 100, NULL), 0);
    assert_string_equal(strbuf_str(&text), "*\n");
    assert_true(file_exists(f->place.db));
    close_ok(open_ok(f)); /* and opened again */
    free(ignore);
    strbuf_release(&text);
}

static void test_place_refuses_links(void **state)
{
    struct fix *f = *state;
    struct store_place p;
    struct dobby_err e = {0};
    struct store *s;
    char *own = path_in(f->dir, ".dobby");

    assert_int_equal(symlink("/tmp", own), 0);
    assert_int_equal(store_place_init(&p, f->dir, NULL, &e), DOBBY_E_CONFIG);
    assert_non_null(strstr(e.message, "symbolic link"));
    /* A link that comes between the look and the making is seen too. */
    assert_int_equal(store_open(&s, &f->place, NULL), DOBBY_E_CONFIG);
    assert_null(s);
    assert_int_equal(unlink(own), 0);
    write_file(own, "x", 1);
    e = (struct dobby_err){0};
    assert_int_equal(store_place_init(&p, f->dir, NULL, &e), DOBBY_E_CONFIG);
    assert_non_null(strstr(e.message, "not a folder"));
    free(own);
}

static void test_place_lock_follows_the_database(void **state)
{
    struct fix *f = *state;
    struct store_place p;
    char *named;

    close_ok(open_ok(f));
    named = path_in(f->dir, ".dobby/dobby.db");
    assert_int_equal(store_place_init(&p, f->dir, named, NULL), 0);
    assert_string_equal(p.lock, f->place.lock);
    store_place_release(&p);
    free(named);
    named = path_in(f->dir, "other.db");
    assert_int_equal(store_place_init(&p, f->dir, named, NULL), 0);
    assert_non_null(strstr(p.lock, "other.db.lock"));
    store_place_release(&p);
    free(named);
    named = path_in(f->dir, "absent/other.db");
    assert_int_equal(store_place_init(&p, f->dir, named, NULL), DOBBY_E_NOTFOUND);
    free(named);
    assert_int_equal(store_place_init(&p, f->dir, "somewhere/", NULL), DOBBY_E_USAGE);
}

static void test_lock_second_writer(void **state)
{
    struct fix *f = *state;
    struct store *s = open_ok(f), *other;
    struct dobby_err e = {0};
    char pid[32];

    snprintf(pid, sizeof(pid), "another dobby (%ld)", (long)getpid());
    assert_int_equal(store_open(&other, &f->place, &e), DOBBY_E_CONFIG);
    assert_null(other);
    assert_non_null(strstr(e.message, pid));
    close_ok(s);
    close_ok(open_ok(f)); /* given back */
}

/* ---- rows --------------------------------------------------------------------------------------- */

static void fill(struct store *s)
{
    struct store_txn *t = store_txn_new();

    put_file(t, "b/z.c", "c");
    put_unit(t, "b/z.c", "late", 0, 9, 12, 3, "Named late.");
    put_unit(t, "b/z.c", "inner", 0, 2, 3, 2, "Named inner.");
    put_unit(t, "b/z.c", "outer", 0, 2, 8, 1, "Named outer.");
    put_file(t, "b!", "c");
    put_unit(t, "b!", "f", 0, 1, 1, 0, "From a comment.");
    put_file(t, "a", "c");
    put_unit(t, "a", "g", 1, 5, 6, 1, "Named g.");
    put_unit(t, "a", "g", 0, 1, 2, 4, "Named g.");
    put_summary(t, 1, "One.");
    put_summary(t, 2, "Two.");
    put_summary(t, 3, NULL);
    commit_ok(s, t); /* 4 is not there yet */
}

static void test_rows_order_and_sources(void **state)
{
    struct fix *f = *state;
    struct store *s = open_ok(f);

    fill(s);
    close_ok(s);
    /* Paths by bytes ('!' before '/'), lines, the longer first; a shared key; a fallback; one not done. */
    expect_rows(f, "", NULL, 0,
                "a|g|5-6|model|tiny|One.\n"
                "b!|f|1-1|doc|-|From a comment.\n"
                "b/z.c|outer|2-8|model|tiny|One.\n"
                "b/z.c|inner|2-3|model|tiny|Two.\n"
                "b/z.c|late|9-12|signature|tiny|Named late.\n");
    expect_rows(f, "b", NULL, 1, "b/z.c|outer|2-8|model|tiny|One.\n"); /* not b! */
    expect_rows(f, "a", NULL, 1, ""); /* the first unit is not done, and is the limit */
    expect_rows(f, "", "inner", 0, "b/z.c|inner|2-3|model|tiny|Two.\n");
    expect_rows(f, "b/z.c", "nobody", 0, "");
    expect_rows(f, "b/z", NULL, 0, "");
}

struct known {
    struct strbuf text;
    int n;
};

static int see_unit(void *ctx, const struct store_unit *u, bool done)
{
    struct known *k = ctx;
    static const uint8_t code[16] = "0123456789abcde";

    k->n++;
    assert_true(done);
    strbuf_printf(&k->text, "%.*s|%s|%s|%d\n", (int)u->qname.n, (const char *)u->qname.p,
                  u->calls ? u->calls : "NULL", u->uses ? u->uses : "NULL",
                  u->code_hash ? memcmp(u->code_hash, code, sizeof(code)) : -1);
    return 0;
}

static int see_file(void *ctx, const struct store_file *f)
{
    struct known *k = ctx;
    uint8_t want[STORE_KEY];

    key_of(want, 77);
    k->n++;
    strbuf_printf(&k->text, "%.*s|%d\n", (int)f->path.n, (const char *)f->path.p,
                  f->context ? memcmp(f->context, want, STORE_KEY) : -1);
    return 0;
}

/* What a unit calls and uses, the hash of its code, and the context of a file: there and back, "" and NULL told apart. */
static void test_names_and_contexts(void **state)
{
    struct fix *f = *state;
    struct store *s = open_ok(f);
    struct store_txn *t = store_txn_new();
    struct store_unit u = {.qname = bytes("a"),
                           .name = bytes("a"),
                           .kind = "function",
                           .start_line = 1,
                           .end_line = 2,
                           .spans = bytes("spans"),
                           .text = "Is there.",
                           .calls = "first\nsecond\nfirst_of_all",
                           .uses = "",
                           .code_hash = (const uint8_t *)"0123456789abcde"};
    struct known k = {.n = 0};
    struct store_reader *r;
    uint8_t hash[STORE_KEY], context[STORE_KEY];

    store_put_file(t, &(struct store_file){.path = bytes("a.c"),
                                           .hash = key_of(hash, 7),
                                           .grammar = "test/1",
                                           .language = "c",
                                           .context = key_of(context, 77)});
    store_put_unit(t, bytes("a.c"), &u);
    u.qname = u.name = bytes("b");
    u.start_line = u.end_line = 3;
    u.calls = "";
    u.uses = "Row\nColumn";
    u.code_hash = NULL;
    store_put_unit(t, bytes("a.c"), &u);
    put_file(t, "b.c", "c");
    put_unit(t, "b.c", "c", 0, 1, 2, 0, "Is there, too.");
    commit_ok(s, t);
    close_ok(s);
    assert_int_equal(store_reader_open(&r, &f->place, NULL), 0);
    assert_int_equal(store_each_unit(r, bytes("a.c"), see_unit, &k, NULL), 0);
    assert_int_equal(store_each_unit(r, bytes("b.c"), see_unit, &k, NULL), 0);
    assert_int_equal(store_each_file(r, bytes(""), see_file, &k, NULL), 0);
    assert_string_equal(strbuf_str(&k.text), "a|first\nsecond\nfirst_of_all||0\n"
                                             "b||Row\nColumn|-1\n"
                                             "c|NULL|NULL|-1\n"
                                             "a.c|0\n"
                                             "b.c|-1\n");
    strbuf_release(&k.text);
    store_reader_free(r);
}

static void test_rows_while_writing(void **state)
{
    struct fix *f = *state;
    struct store *s = open_ok(f);
    struct store_txn *t;
    uint64_t seq;

    fill(s);
    assert_int_equal(store_flush(s, NULL), 0);
    t = store_txn_new();
    put_summary(t, 4, "Four.");
    put_summary(t, 1, "Another one."); /* the first stays: a key has one text */
    assert_int_equal(store_commit(s, t, &seq, NULL), 0);
    assert_int_equal(store_flush(s, NULL), 0);
    assert_true(store_committed(s) >= seq);
    expect_rows(f, "a", NULL, 0, "a|g|1-2|model|tiny|Four.\na|g|5-6|model|tiny|One.\n");
    close_ok(s);
}

static void test_files_replaced_and_dropped(void **state)
{
    struct fix *f = *state;
    struct store *s = open_ok(f);
    struct store_txn *t;
    struct store_reader *r;
    uint8_t key[STORE_KEY];

    fill(s);
    t = store_txn_new();
    put_file(t, "a", "python");
    put_unit(t, "a", "h", 0, 1, 1, 2, "Named h.");
    store_drop_file(t, bytes("b/z.c"));
    store_drop_file(t, bytes("never/there"));
    commit_ok(s, t);
    close_ok(s);
    expect_rows(f, "", NULL, 0, "a|h|1-1|model|tiny|Two.\nb!|f|1-1|doc|-|From a comment.\n");
    r = reader_ok(f);
    assert_int_equal(store_has_summary(r, key_of(key, 3), NULL), 1); /* its unit went, it did not */
    assert_int_equal(store_has_summary(r, key_of(key, 99), NULL), 0);
    store_reader_free(r);
}

static void test_names_of_any_bytes(void **state)
{
    struct fix *f = *state;
    struct store *s = open_ok(f);
    struct store_txn *t = store_txn_new();

    put_file(t, "new\nline.c", "c");
    put_unit(t, "new\nline.c", "f", 0, 1, 1, 0, "A text here.");
    put_file(t, "\xff\xfe\x80.c", "c");
    put_unit(t, "\xff\xfe\x80.c", "g\xc3", 0, 1, 1, 0, "Another text.");
    put_file(t, "it's;--.c", "c");
    put_unit(t, "it's;--.c", "h", 0, 1, 1, 0, "A third text.");
    commit_ok(s, t);
    close_ok(s);
    expect_rows(f, "", NULL, 0,
                "it's;--.c|h|1-1|doc|-|A third text.\n"
                "new\nline.c|f|1-1|doc|-|A text here.\n"
                "\xff\xfe\x80.c|g\xc3|1-1|doc|-|Another text.\n");
    expect_rows(f, "\xff\xfe\x80.c", NULL, 0, "\xff\xfe\x80.c|g\xc3|1-1|doc|-|Another text.\n");
}

static int check_unit(void *ctx, const struct store_unit *u, bool done)
{
    int *n = ctx;

    assert_int_equal(u->spans.n, 5);
    assert_memory_equal(u->spans.p, "spans", 5);
    assert_int_equal(u->ordinal, *n); /* in the order of lines */
    assert_int_equal(done, *n == 1);
    assert_non_null(u->unit_key);
    ++*n;
    return 0;
}

static int check_file(void *ctx, const struct store_file *f)
{
    int *n = ctx;

    assert_string_equal(f->grammar, "test/1");
    assert_null(f->recipe);
    assert_null(f->note);
    return ++*n == 2 ? 42 : 0;
}

static void test_units_and_files_read_back(void **state)
{
    struct fix *f = *state;
    struct store *s = open_ok(f);
    struct store_reader *r;
    int n = 0;

    fill(s);
    close_ok(s);
    r = reader_ok(f);
    assert_int_equal(store_each_unit(r, bytes("a"), check_unit, &n, NULL), 0);
    assert_int_equal(n, 2);
    n = 0;
    assert_int_equal(store_each_file(r, bytes(""), check_file, &n, NULL), 42); /* ended by it */
    assert_int_equal(n, 2);
    store_reader_free(r);
}

static void test_runs_and_counts(void **state)
{
    struct fix *f = *state;
    struct store *s = open_ok(f);
    struct store_run run = {.id = 1, .started_ms = 1700000000000, .options = "x", .n_units = 5};
    struct store_txn *t = store_txn_new();
    struct dobby_store_info info = {0};
    struct strbuf last = {0};
    struct store_reader *r;
    int64_t id = 0;

    fill(s);
    store_put_run(t, &run);
    store_put_event(t, 1, 1700000000001, "note", "a line");
    commit_ok(s, t);
    assert_int_equal(store_flush(s, NULL), 0);
    r = reader_ok(f);
    assert_int_equal(store_counts(r, &info, &last, NULL), 0);
    assert_non_null(strstr(strbuf_str(&last), "not ended"));
    run.ended_ms = run.started_ms + 2500;
    run.n_failed = 3;
    t = store_txn_new();
    store_put_run(t, &run);
    commit_ok(s, t);
    assert_int_equal(store_flush(s, NULL), 0);
    strbuf_reset(&last);
    assert_int_equal(store_counts(r, &info, &last, NULL), 0);
    assert_string_equal(strbuf_str(&last), "2023-11-14 22:13:20 UTC: 0 done, 0 from the store, 3 "
                                           "failed, 0 left, 2.5 s, code 0");
    assert_int_equal(info.n_units, 6);
    assert_int_equal(info.n_summaries, 3);
    assert_int_equal(info.n_model, 3);
    assert_int_equal(info.n_doc, 1);
    assert_int_equal(info.n_signature, 1);
    assert_int_equal(info.n_runs, 1);
    assert_int_equal(info.n_failed, 3);
    assert_int_equal(store_next_run(r, &id, NULL), 0);
    assert_int_equal(id, 2);
    store_reader_free(r);
    strbuf_release(&last);
    close_ok(s);
}

static void test_unit_without_file_is_told(void **state)
{
    struct fix *f = *state;
    struct store *s = open_ok(f);
    struct store_txn *t = store_txn_new();
    struct dobby_err e = {0};

    put_unit(t, "no/such/file", "f", 0, 1, 1, 0, "x"); /* breaks the foreign key */
    commit_ok(s, t);
    assert_int_equal(store_flush(s, &e), DOBBY_E_INTERNAL);
    assert_int_equal(store_close(s, NULL), DOBBY_E_INTERNAL);
}

/* ---- files that are not ours, or not whole ------------------------------------------------------ */

static void expect_refused(struct fix *f, int code, const char *words)
{
    struct dobby_err e = {0}, e2 = {0};
    struct strbuf before = {0}, after = {0};
    struct store_reader *r;
    struct store *s;

    assert_int_equal(file_read_all(&before, f->place.db, 1 << 24, NULL), 0);
    assert_int_equal(store_open(&s, &f->place, &e), code);
    assert_null(s);
    assert_non_null(strstr(e.message, words));
    assert_non_null(strstr(e.message, f->place.db));
    assert_int_equal(store_reader_open(&r, &f->place, &e2), code);
    assert_null(r);
    assert_int_equal(file_read_all(&after, f->place.db, 1 << 24, NULL), 0);
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.s, after.s, before.len);
    strbuf_release(&before);
    strbuf_release(&after);
}

static void sql(const char *path, const char *text)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_refuses_garbage(void **state)
{
    struct fix *f = *state;
    char junk[5000];

    close_ok(open_ok(f));
    memset(junk, 'j', sizeof(junk));
    write_file(f->place.db, junk, sizeof(junk));
    expect_refused(f, DOBBY_E_FORMAT, "not a database");
}

static void test_refuses_foreign(void **state)
{
    struct fix *f = *state;

    close_ok(open_ok(f));
    assert_int_equal(unlink(f->place.db), 0);
    sql(f->place.db, "CREATE TABLE bookmarks(x)");
    expect_refused(f, DOBBY_E_FORMAT, "another program");
}

static void test_refuses_newer(void **state)
{
    struct fix *f = *state;

    close_ok(open_ok(f));
    sql(f->place.db, "PRAGMA user_version=99; PRAGMA journal_mode=DELETE");
    expect_refused(f, DOBBY_E_UNSUPPORTED, "newer dobby");
}

static void test_damage_is_told(void **state)
{
    struct fix *f = *state;
    struct store *s = open_ok(f);
    struct store_reader *r = NULL;
    struct dobby_err e = {0};
    struct strbuf rows = {0};
    char junk[4096];
    int fd, rc;

    for (uint32_t i = 0; i < 50; i++) {
        struct store_txn *t = store_txn_new();
        char path[32];

        snprintf(path, sizeof(path), "file%03u.c", i);
        put_file(t, path, "c");
        for (int j = 0; j < 20; j++)
            put_unit(t, path, "f", j, j + 1, j + 1, 0, "Some text that takes some room.");
        commit_ok(s, t);
    }
    close_ok(s);
    memset(junk, 0xA5, sizeof(junk));
    fd = open(f->place.db, O_RDWR);
    assert_true(fd >= 0);
    for (off_t page = 1; page < lseek(fd, 0, SEEK_END) / 4096; page++) /* all but the first */
        assert_int_equal(pwrite(fd, junk, sizeof(junk), page * 4096), sizeof(junk));
    close(fd);
    rc = store_reader_open(&r, &f->place, &e);
    if (rc == 0)
        rc = store_each_row(r, bytes(""), NULL, 0, add_row, &rows, &e);
    assert_int_equal(rc, DOBBY_E_FORMAT);
    assert_non_null(strstr(e.message, "damaged"));
    store_reader_free(r);
    strbuf_release(&rows);
}

static void test_reader_without_store(void **state)
{
    struct fix *f = *state;
    struct store_reader *r;
    struct dobby_err e = {0};
    char *own = path_in(f->dir, ".dobby");

    assert_int_equal(store_reader_open(&r, &f->place, &e), DOBBY_E_NOTFOUND);
    assert_int_not_equal(access(own, F_OK), 0); /* reading makes nothing */
    free(own);
}

/* In a child without the right to write where the store lies. */
static int read_as_nobody(struct fix *f)
{
    struct store_reader *r;
    struct dobby_err e = {0};
    struct strbuf got = {0};
    int rc;

    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
        return 90;
    rc = store_reader_open(&r, &f->place, &e);
    if (rc == 0)
        rc = store_each_row(r, bytes("b!"), NULL, 0, add_row, &got, &e);
    if (rc < 0)
        fprintf(stderr, "%s\n", e.message);
    else if (strcmp(strbuf_str(&got), "b!|f|1-1|doc|-|From a comment.\n") != 0)
        rc = -91;
    strbuf_release(&got);
    store_reader_free(r);
    return -rc;
}

static void test_reader_on_readonly_folder(void **state)
{
    struct fix *f = *state;
    struct store *s = open_ok(f);
    char *own = path_in(f->dir, ".dobby");
    int status = 0;
    pid_t pid;

    fill(s);
    close_ok(s);
    assert_int_equal(chmod(own, 0555), 0);
    assert_int_equal(chmod(f->place.db, 0444), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(read_as_nobody(f));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(chmod(own, 0755), 0);
    free(own);
}

/* ---- no room, no memory, no thread -------------------------------------------------------------- */

/* Write until it fails. Returns how many groups were committed, or -code through *rc. */
static uint64_t write_until_failure(struct store *s, struct dobby_err *e, int *rc)
{
    char text[2000];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    *rc = 0;
    for (uint32_t i = 1; i < 3000 && *rc == 0; i++) {
        struct store_txn *t = store_txn_new();

        put_summary(t, i, text);
        *rc = store_commit(s, t, NULL, e);
        if (*rc == 0 && i % 20 == 0)
            *rc = store_flush(s, e);
    }
    return store_committed(s);
}

static void expect_sound(struct fix *f, uint64_t at_least)
{
    struct store *s = open_ok(f);
    struct store_reader *r = reader_ok(f);
    uint8_t key[STORE_KEY];

    for (uint32_t i = 1; i <= at_least; i++)
        assert_int_equal(store_has_summary(r, key_of(key, i), NULL), 1);
    store_reader_free(r);
    close_ok(s);
}

static void test_disk_full(void **state)
{
    struct fix *f = *state;
    struct rlimit old, small;
    struct dobby_err e = {0};
    struct store *s = open_ok(f);
    uint64_t n;
    int rc;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = (struct rlimit){1 << 19, old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    n = write_until_failure(s, &e, &rc);
    assert_int_equal(rc, DOBBY_E_IO);
    assert_true(n > 0);
    assert_non_null(strstr(e.message, "cannot write to the store"));
    e = (struct dobby_err){0};
    assert_int_equal(store_commit(s, store_txn_new(), NULL, &e), DOBBY_E_IO); /* it sticks */
    assert_int_equal(store_close(s, &e), DOBBY_E_IO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    expect_sound(f, n);
}

static void test_disk_full_tmpfs(void **state)
{
    struct fix *f = *state;
    char *mnt = path_in(f->dir, "mnt");
    struct fix small = {mnt, {0}};
    struct dobby_err e = {0};
    struct store *s;
    uint64_t n;
    int rc;

    assert_int_equal(mkdir(mnt, 0755), 0);
    if (mount("none", mnt, "tmpfs", 0, "size=1m") != 0) {
        free(mnt);
        skip(); /* needs the right to mount */
    }
    assert_int_equal(store_place_init(&small.place, mnt, NULL, NULL), 0);
    s = open_ok(&small);
    n = write_until_failure(s, &e, &rc);
    assert_int_equal(rc, DOBBY_E_IO);
    assert_non_null(strstr(e.message, "disk full"));
    assert_int_equal(store_close(s, NULL), DOBBY_E_IO);
    assert_true(n > 0);
    assert_int_equal(mount("none", mnt, "tmpfs", MS_REMOUNT, "size=8m"), 0);
    expect_sound(&small, n);
    store_place_release(&small.place);
    assert_int_equal(umount(mnt), 0);
    free(mnt);
}

static void test_sync_failure_surfaces(void **state)
{
    struct fix *f = *state;
    struct dobby_err e = {0};
    struct store *s = open_ok(f);

    fill(s);
    assert_int_equal(store_flush(s, NULL), 0);
    fault_arm(FAULT_SYNC, 1, false);
    fill(s);
    assert_int_equal(store_flush(s, &e), DOBBY_E_IO);
    assert_true(fault_disarm(FAULT_SYNC));
    assert_int_equal(store_close(s, &e), DOBBY_E_IO);
    expect_rows(f, "b!", NULL, 0, "b!|f|1-1|doc|-|From a comment.\n");
}

static void test_write_failure_is_all_or_nothing(void **state)
{
    struct fix *f = *state;
    size_t n = 0;
    int rc;

    do { /* the 1st, 2nd, 3rd ... operation of a group fails */
        struct store *s = open_ok(f);

        fault_arm(FAULT_WRITE, ++n, false);
        fill(s);
        rc = store_flush(s, NULL);
        assert_true(rc == 0 || rc == DOBBY_E_IO);
        (void)store_close(s, NULL);
        if (rc != 0)
            expect_rows(f, "", NULL, 0, "");
    } while (fault_disarm(FAULT_WRITE));
    assert_true(rc == 0 && n > 10);
}

static int fault_run(struct fix *f)
{
    struct store_reader *r = NULL;
    struct strbuf rows = {0};
    struct store_txn *t;
    struct store *s;
    int rc = store_open(&s, &f->place, NULL);

    if (rc == 0) {
        t = store_txn_new();
        if (t) {
            put_file(t, "a", "c");
            put_unit(t, "a", "f", 0, 1, 1, 0, "A text.");
            rc = store_commit(s, t, NULL, NULL);
        } else {
            rc = DOBBY_E_NOMEM;
        }
    }
    if (rc == 0)
        rc = store_flush(s, NULL);
    if (rc == 0)
        rc = store_reader_open(&r, &f->place, NULL);
    if (rc == 0)
        rc = store_each_row(r, bytes("a"), NULL, 0, add_row, &rows, NULL);
    if (rc == 0 && strbuf_failed(&rows))
        rc = DOBBY_E_NOMEM;
    strbuf_release(&rows);
    store_reader_free(r);
    (void)store_close(s, NULL);
    return rc;
}

static void test_no_memory(void **state)
{
    struct fix *f = *state;
    size_t n = 0;
    int rc;

    close_ok(open_ok(f));
    fault_count(true);
    do {
        fault_arm(FAULT_ALLOC, ++n, false);
        rc = fault_run(f);
        assert_true(rc == 0 || rc == DOBBY_E_NOMEM);
        assert_int_equal(fault_live(), 0);
    } while (fault_disarm(FAULT_ALLOC));
    fault_count(false);
    assert_true(rc == 0 && n > 5);
}

static void test_no_thread(void **state)
{
    struct fix *f = *state;
    struct store *s;

    fault_arm(FAULT_THREAD, 1, false);
    assert_true(store_open(&s, &f->place, NULL) < 0);
    assert_null(s);
    assert_true(fault_disarm(FAULT_THREAD));
    close_ok(open_ok(f)); /* the lock was given back */
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_place_is_made),
        T(test_place_refuses_links),
        T(test_place_lock_follows_the_database),
        T(test_lock_second_writer),
        T(test_rows_order_and_sources),
        T(test_names_and_contexts),
        T(test_rows_while_writing),
        T(test_files_replaced_and_dropped),
        T(test_names_of_any_bytes),
        T(test_units_and_files_read_back),
        T(test_runs_and_counts),
        T(test_unit_without_file_is_told),
        T(test_refuses_garbage),
        T(test_refuses_foreign),
        T(test_refuses_newer),
        T(test_damage_is_told),
        T(test_reader_without_store),
        T(test_reader_on_readonly_folder),
        T(test_disk_full),
        T(test_disk_full_tmpfs),
        T(test_sync_failure_surfaces),
        T(test_write_failure_is_all_or_nothing),
        T(test_no_memory),
        T(test_no_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
