/* test_api.c - dobby_store_*: what dobby.h promises about reading a store. */
#include "store_help.h"

struct seen {
    struct strbuf text;
    int code; /* what the callback returns */
};

static int on_row(void *ctx, const struct dobby_row *row)
{
    struct seen *s = ctx;

    strbuf_printf(&s->text, "%s:%s ", row->path, row->name);
    return s->code;
}

static char *tree_with_store(void)
{
    char *dir = scratch_new(), *sub = NULL;
    struct store_place p;
    struct store_txn *t = store_txn_new();
    struct store *s;

    assert_true(asprintf(&sub, "%s/lib", dir) > 0);
    assert_int_equal(mkdir(sub, 0755), 0);
    assert_int_equal(store_place_init(&p, dir, NULL, NULL), 0);
    assert_int_equal(store_open(&s, &p, NULL), 0);
    put_file(t, "lib/a.c", "c");
    put_unit(t, "lib/a.c", "f", 0, 1, 2, 0, "A text of f.");
    put_unit(t, "lib/a.c", "g", 0, 4, 5, 1, "Named g.");
    put_file(t, "top.c", "c");
    put_unit(t, "top.c", "f", 0, 1, 2, 1, "Named f.");
    put_summary(t, 1, "A text of both.");
    store_put_run(t, &(struct store_run){.id = 1, .started_ms = 1, .ended_ms = 2, .options = ""});
    assert_int_equal(store_commit(s, t, NULL, NULL), 0);
    assert_int_equal(store_close(s, NULL), 0);
    store_place_release(&p);
    free(sub);
    return dir;
}

static void expect(struct dobby_store *s, const char *path, const char *name, const char *want)
{
    struct seen seen = {0};

    assert_int_equal(dobby_store_rows(s, path, name, on_row, &seen, NULL), 0);
    assert_string_equal(strbuf_str(&seen.text), want);
    strbuf_release(&seen.text);
}

static void test_rows_and_info(void **state)
{
    char *dir = tree_with_store(), *below = NULL;
    struct dobby_store_info info;
    struct dobby_store *s;
    struct seen seen = {.code = 5};

    (void)state;
    assert_true(asprintf(&below, "%s/lib", dir) > 0);
    assert_int_equal(dobby_store_open(&s, below, NULL, NULL), 0); /* the root is found from below */
    expect(s, "", NULL, "lib/a.c:f lib/a.c:g top.c:f ");
    expect(s, NULL, NULL, "lib/a.c:f lib/a.c:g top.c:f ");
    expect(s, "lib", NULL, "lib/a.c:f lib/a.c:g ");
    expect(s, "lib/a.c", "g", "lib/a.c:g ");
    expect(s, "", "f", "lib/a.c:f top.c:f ");
    expect(s, "li", NULL, "");
    assert_int_equal(dobby_store_rows(s, "", NULL, on_row, &seen, NULL), 5);
    assert_string_equal(strbuf_str(&seen.text), "lib/a.c:f ");
    strbuf_release(&seen.text);
    assert_int_equal(dobby_store_get_info(s, &info, NULL), 0);
    assert_int_equal(info.n_units, 3);
    assert_int_equal(info.n_doc, 1);
    assert_int_equal(info.n_model, 2);
    assert_int_equal(info.n_runs, 1);
    assert_true(info.db_bytes > 0);
    assert_non_null(strstr(info.db_path, "/.dobby/dobby.db"));
    assert_non_null(strstr(info.last_run, "1970-01-01"));
    dobby_store_free(s);
    dobby_store_free(NULL);
    free(below);
    scratch_remove(dir);
}

static void test_named_store(void **state)
{
    char *dir = tree_with_store(), *db = NULL;
    struct dobby_store *s;

    (void)state;
    assert_true(asprintf(&db, "%s/.dobby/dobby.db", dir) > 0);
    assert_int_equal(dobby_store_open(&s, "/", db, NULL), 0);
    expect(s, "top.c", NULL, "top.c:f ");
    dobby_store_free(s);
    free(db);
    scratch_remove(dir);
}

static void test_absent(void **state)
{
    char *dir = scratch_new();
    struct dobby_err e = {0};
    struct dobby_store *s;

    (void)state;
    assert_int_equal(dobby_store_open(&s, dir, NULL, &e), DOBBY_E_NOTFOUND);
    assert_null(s);
    assert_non_null(strstr(e.message, "no store"));
    assert_int_equal(dobby_store_open(&s, "/nowhere/at/all", NULL, NULL), DOBBY_E_NOTFOUND);
    scratch_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_and_info),
        cmocka_unit_test(test_named_store),
        cmocka_unit_test(test_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
