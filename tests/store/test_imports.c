/* test_imports.c - imports, facts and sizes in the store: there and back, gone with their file, and from schema 2. */
#include "store_fix.h"

#include "base/strbuf.h"
#include "store/db.h"

static int add_import(void *ctx, struct store_bytes path, const struct store_import *im)
{
    strbuf_printf(ctx, "%.*s %d %s %.*s\n", (int)path.n, (const char *)path.p, im->line, im->kind,
                  (int)im->what.n, (const char *)im->what.p);
    return 0;
}

static int add_fact(void *ctx, const struct store_fact *f)
{
    strbuf_printf(ctx, "%.*s %s %.*s\n", (int)f->path.n, (const char *)f->path.p, f->key,
                  (int)f->value.n, (const char *)f->value.p);
    return 0;
}

static int add_size(void *ctx, struct store_bytes path, int64_t n)
{
    strbuf_printf(ctx, "%.*s %d\n", (int)path.n, (const char *)path.p, (int)n);
    return 0;
}

static void put_import(struct store_txn *t, const char *path, int ordinal, const char *what)
{
    store_put_import(
        t, bytes(path), ordinal,
        &(struct store_import){.kind = "import", .what = bytes(what), .line = ordinal + 1});
}

static void put_fact(struct store_txn *t, const char *path, const char *value)
{
    store_put_fact(t, 0, &(struct store_fact){bytes(path), "name", bytes(value)});
}

static void fill(struct store_txn *t)
{
    put_file(t, "a/x.c", "c");
    put_file(t, "a0.c", "c");
    put_file(t, "b.c", "c");
    put_unit(t, "a/x.c", "f", 0, 1, 2, 0, "Doc.");
    put_unit(t, "a/x.c", "g", 0, 3, 4, 0, "Doc.");
    put_import(t, "a/x.c", 0, "<one.h>");
    put_import(t, "a/x.c", 1, "\"two\xff.h\"");
    put_import(t, "b.c", 0, "<b.h>");
    put_fact(t, "a/go.mod", "m/a");
    put_fact(t, "go.mod", "m");
}

static void expect(struct fix *f, const char *scope, const char *imports, const char *facts)
{
    struct store_reader *r = reader_ok(f);
    struct strbuf got = {0};

    assert_int_equal(store_each_import(r, bytes(scope), add_import, &got, NULL), 0);
    assert_string_equal(strbuf_str(&got), imports);
    strbuf_reset(&got);
    assert_int_equal(store_each_fact(r, bytes(scope), add_fact, &got, NULL), 0);
    assert_string_equal(strbuf_str(&got), facts);
    strbuf_release(&got);
    store_reader_free(r);
}

static void test_there_and_gone(void **state)
{
    struct fix *f = *state;
    struct store *s = open_ok(f);
    struct store_txn *t = store_txn_new();
    struct strbuf got = {0};
    struct store_reader *r;

    fill(t);
    commit_ok(s, t);
    assert_int_equal(store_flush(s, NULL), 0);
    expect(f, "", "a/x.c 1 import <one.h>\na/x.c 2 import \"two\xff.h\"\nb.c 1 import <b.h>\n",
           "a/go.mod name m/a\ngo.mod name m\n");
    expect(f, "a", "a/x.c 1 import <one.h>\na/x.c 2 import \"two\xff.h\"\n", "a/go.mod name m/a\n");
    r = reader_ok(f);
    assert_int_equal(store_each_size(r, bytes(""), add_size, &got, NULL), 0);
    assert_string_equal(strbuf_str(&got), "a/x.c 2\n");
    store_reader_free(r);
    strbuf_release(&got);

    t = store_txn_new();
    put_file(t, "a/x.c", "c"); /* in place of the old one */
    put_import(t, "a/x.c", 0, "<new.h>");
    store_drop_file(t, bytes("b.c"));
    store_drop_facts(t, bytes("a"));
    put_fact(t, "a/Cargo.toml", "crate");
    commit_ok(s, t);
    assert_int_equal(store_flush(s, NULL), 0);
    expect(f, "", "a/x.c 1 import <new.h>\n", "a/Cargo.toml name crate\ngo.mod name m\n");
    t = store_txn_new();
    store_drop_facts(t, bytes(""));
    commit_ok(s, t);
    close_ok(s);
    expect(f, "", "a/x.c 1 import <new.h>\n", "");
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_there_and_gone),
    };

    return cmocka_run_group_tests_name("store/imports", tests, NULL, NULL);
}
