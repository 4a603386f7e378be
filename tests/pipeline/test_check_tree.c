/* test_check_tree.c - a tree against its store, without a model: what tests/cli/test_check.sh cannot stage.
 * Stores are made by whole runs with a scripted engine. This program is its own parser worker. */
#include "store/store_help.h"
#include "support/script_engine.h"
#include "support/tree_help.h"

#include "base/fault.h"
#include "pipeline/summarize.h"

#include <sqlite3.h>

struct fix {
    char *dir, *tree, *model;
    struct dobby_check o;
    struct dobby_check_stats st;
    struct dobby_err e;
    struct strbuf found, parents, notes; /* parents: findings about files and directories */
    int stop, code;                      /* code: what on_finding returns */
    const char *rewrite;                 /* file to write anew at the first finding; NULL: none */
    size_t limit;                        /* of summarize */
};

static struct script_answer tell(void *ctx, const int32_t *ids, size_t n, int times)
{
    (void)ctx;
    (void)ids;
    (void)n;
    (void)times;
    return (struct script_answer){.text = "Return the result of the given values."};
}

static int on_finding(void *ctx, const struct dobby_finding *d)
{
    struct fix *f = ctx;

    if (d->start_line == 0) {
        strbuf_printf(&f->parents, "%.*s %s %s %s %s\n", (int)d->path_len, d->path,
                      dobby_finding_name(d->kind), d->language ? d->language : "-", d->unit_kind,
                      d->name);
        return 0;
    }
    strbuf_printf(&f->found, "%.*s:%d-%d %s %s %s %s#%d\n", (int)d->path_len, d->path,
                  d->start_line, d->end_line, dobby_finding_name(d->kind), d->language,
                  d->unit_kind, d->name, d->ordinal);
    if (f->rewrite)
        write_text(f->tree, f->rewrite, "int other(int a)\n{\n    return -a;\n}\n");
    f->rewrite = NULL;
    return f->code;
}

static void on_note(void *ctx, const char *line)
{
    struct fix *f = ctx;

    strbuf_printf(&f->notes, "%s\n", line);
}

static const char maths_c[] = "/* Adds two numbers and returns the sum of them. */\n"
                              "int add(int a, int b)\n{\n    return a + b;\n}\n\n"
                              "int twice(int a)\n{\n    return 2 * a;\n}\n";
static const char shapes_py[] = "def area(r):\n    return 3 * r * r\n\n"
                                "def area(r):\n    return 4 * r * r\n";

static struct fix *begin(void)
{
    struct fix *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    f->dir = scratch_new();
    assert_true(asprintf(&f->tree, "%s/tree", f->dir) > 0);
    assert_true(asprintf(&f->model, "%s/tiny.gguf", f->dir) > 0);
    assert_int_equal(mkdir(f->tree, 0755), 0);
    make_model(f->dir);
    write_text(f->tree, "src/maths.c", maths_c);
    write_text(f->tree, "src/shapes.py", shapes_py);
    DOBBY_INIT(f->o);
    f->o.path = f->tree;
    f->o.worker_path = "/proc/self/exe";
    f->o.threads = 2;
    f->o.stop = &f->stop;
    f->o.ctx = f;
    f->o.on_note = on_note;
    f->o.on_finding = on_finding;
    return f;
}

static void end(struct fix *f)
{
    strbuf_release(&f->found);
    strbuf_release(&f->parents);
    strbuf_release(&f->notes);
    free(f->tree);
    free(f->model);
    scratch_remove(f->dir);
    free(f);
}

static void summarize(struct fix *f)
{
    struct script_engine engine = {.answer = tell, .seed = 1};
    struct run_engine seam = script_seam(&engine);
    struct dobby_summarize o;
    struct dobby_err e = {0};

    DOBBY_INIT(o);
    o.path = f->tree;
    o.model_path = f->model;
    o.cache_dir = f->dir;
    o.worker_path = "/proc/self/exe";
    o.threads = 2;
    o.limit = f->limit;
    script_start(&engine);
    if (summarize_tree(&o, &seam, NULL, &e) != 0)
        fail_msg("%s", e.message);
    script_end(&engine);
}

static int check(struct fix *f)
{
    strbuf_reset(&f->found);
    strbuf_reset(&f->parents);
    strbuf_reset(&f->notes);
    f->e = (struct dobby_err){0};
    return dobby_check_tree(&f->o, &f->st, &f->e);
}

/* These are the findings, and the counts agree. */
static void expect(struct fix *f, const char *want)
{
    size_t n = 0;

    if (check(f) != 0)
        fail_msg("%s", f->e.message);
    assert_string_equal(strbuf_str(&f->found), want);
    for (const char *c = want; *c; c++)
        n += *c == '\n';
    assert_int_equal(f->st.n_missing + f->st.n_stale, n);
    assert_int_equal(f->st.n_current + n, f->st.n_units);
}

static void sql(struct fix *f, const char *text)
{
    struct strbuf path = {0};
    sqlite3 *db;

    strbuf_printf(&path, "%s/.dobby/dobby.db", f->tree);
    assert_int_equal(sqlite3_open(path.s, &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(db));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    strbuf_release(&path);
}

#define ALL_MISSING                                                                                \
    "src/maths.c:2-5 missing c function add#0\nsrc/maths.c:7-10 missing c function twice#0\n"      \
    "src/shapes.py:1-2 missing python function area#0\nsrc/shapes.py:4-5 missing python function " \
    "area#1\n"

static void test_before_and_after(void **state)
{
    struct fix *f = begin();

    (void)state;
    expect(f, ALL_MISSING);
    assert_int_equal(f->st.have_store, 0);
    assert_int_equal(f->st.n_files, 2);
    summarize(f);
    expect(f, "");
    assert_int_equal(f->st.have_store, 1);
    f->o.on_finding = NULL; /* counts are enough for some */
    write_text(f->tree, "src/maths.c", "int add(int a, int b)\n{\n    return b + a;\n}\n");
    assert_int_equal(check(f), 0);
    assert_int_equal(f->st.n_stale, 1);
    end(f);
}

/* Of two units of one name the edited one is told by its number. */
static void test_equal_names(void **state)
{
    struct fix *f = begin();

    (void)state;
    summarize(f);
    write_text(f->tree, "src/shapes.py",
               "def area(r):\n    return 3 * r * r\n\ndef area(r):\n    return 5 * r * r\n");
    expect(f, "src/shapes.py:4-5 stale python function area#1\n");
    end(f);
}

/* Code that the store knows from elsewhere has its answer there: a run would find it under its key. */
static void test_copies_are_current(void **state)
{
    struct fix *f = begin();

    (void)state;
    summarize(f);
    write_text(f->tree, "lib/copy.c", maths_c);
    expect(f, "");
    write_text(f->tree, "lib/copy.py", "int = lambda a: a\n\ndef twice(a):\n    return 2 * a\n");
    expect(f, "lib/copy.py:3-4 missing python function twice#0\n");
    end(f);
}

static void test_limit(void **state)
{
    struct fix *f = begin();

    (void)state;
    f->limit = 3;
    summarize(f);
    expect(f, "src/shapes.py:4-5 missing python function area#1\n");
    /* What was made is known by its words, too. */
    write_text(
        f->tree, "src/shapes.py",
        "# moved\ndef area(r):\n    return 3 * r * r\n\ndef area(r):\n    return 4 * r * r\n");
    expect(f, "src/shapes.py:5-6 stale python function area#1\n");
    f->limit = 0;
    summarize(f);
    expect(f, "");
    f->limit = 1; /* a smaller limit leaves the others as they were */
    summarize(f);
    expect(f, "");
    end(f);
}

/* Another version of the prompts: sentences from comments stand, answers do not. */
static void test_other_recipe(void **state)
{
    static const char want[] = "src/maths.c:7-10 stale c function twice#0\n"
                               "src/shapes.py:1-2 stale python function area#0\n"
                               "src/shapes.py:4-5 stale python function area#1\n";
    struct fix *f = begin();

    (void)state;
    summarize(f);
    sql(f, "UPDATE files SET recipe=zeroblob(32)");
    expect(f, want);
    sql(f, "UPDATE files SET recipe=NULL");
    expect(f, want);
    summarize(f);
    expect(f, "");
    end(f);
}

/* Another grammar's cut, or positions that make no sense: the file is parsed, and its words are known. */
static void test_parsed_again(void **state)
{
    struct fix *f = begin();

    (void)state;
    summarize(f);
    sql(f, "UPDATE files SET grammar='c/0' WHERE language='c'; UPDATE units SET spans=x'00'");
    expect(f, "");
    end(f);
}

/* A run that was stopped after its plan: the summaries are not there. */
static void test_planned_only(void **state)
{
    struct fix *f = begin();

    (void)state;
    summarize(f);
    sql(f, "DELETE FROM summaries");
    expect(f, "src/maths.c:7-10 missing c function twice#0\n"
              "src/shapes.py:1-2 missing python function area#0\n"
              "src/shapes.py:4-5 missing python function area#1\n");
    end(f);
}

/* Kept from an older context is current, where it stands and when the file changes elsewhere; it is no answer for others. */
static void test_kept_as_old(void **state)
{
    struct fix *f = begin();
    struct strbuf more = {0};

    (void)state;
    summarize(f);
    sql(f, "UPDATE units SET old=1 WHERE qname=CAST('twice' AS BLOB)");
    expect(f, "");
    strbuf_printf(&more, "/* File of sums. */\n\n%s", maths_c);
    write_text(f->tree, "src/maths.c", more.s);
    expect(f, "");
    write_text(f->tree, "lib/copy.c", "int twice(int a)\n{\n    return 2 * a;\n}\n");
    expect(f, "lib/copy.c:1-4 missing c function twice#0\n");
    strbuf_release(&more);
    end(f);
}

static const char user_c[] = "int user(int a)\n{\n    return helper(a) + 1;\n}\n";
static const char helper_c[] = "/* Helps with one value here. */\n"
                               "int helper(int a)\n{\n    return a;\n}\n";

/* A comment that the prompts of others quote: what they have is kept, so it is current. An edit of code is not. */
static void test_quoted_comment(void **state)
{
    struct fix *f = begin();

    (void)state;
    write_text(f->tree, "a/user.c", user_c);
    write_text(f->tree, "lib/helper.c", helper_c);
    summarize(f);
    expect(f, "");
    write_text(f->tree, "lib/helper.c",
               "/* Helps with two values here. */\nint helper(int a)\n{\n    return a;\n}\n");
    expect(f, "lib/helper.c:2-5 stale c function helper#0\n"); /* its comment is its summary */
    write_text(f->tree, "b/copy.c", user_c); /* a copy would be asked in the context of today */
    expect(f, "b/copy.c:1-4 missing c function user#0\n"
              "lib/helper.c:2-5 stale c function helper#0\n");
    summarize(f);
    expect(f, ""); /* kept as old */
    write_text(f->tree, "a/user.c", "int user(int a)\n{\n    return helper(a) + 2;\n}\n");
    expect(f, "a/user.c:1-4 stale c function user#0\n");
    end(f);
}

/* A part of the tree is judged in the context of the whole: the same words of a copy have their answer. */
static void test_part_of_a_tree(void **state)
{
    struct fix *f = begin();
    char *part;

    (void)state;
    write_text(f->tree, ".dobby/.gitignore", "*\n");
    write_text(f->tree, "a/user.c", user_c);
    write_text(f->tree, "lib/helper.c", helper_c);
    summarize(f);
    write_text(f->tree, "b/copy.c", user_c);
    expect(f, "");
    assert_true(asprintf(&part, "%s/b/copy.c", f->tree) > 0);
    f->o.path = part;
    expect(f, "");
    assert_int_equal(f->st.n_units, 1);
    f->o.path = f->tree;
    free(part);
    end(f);
}

static void test_file_changes_meanwhile(void **state)
{
    struct fix *f = begin();

    (void)state;
    summarize(f);
    write_text(f->tree, "src/maths.c", "int add(int a, int b)\n{\n    return b + a;\n}\n");
    write_text(f->tree, "src/new.c", maths_c);
    f->rewrite = "src/new.c";
    assert_int_equal(check(f), DOBBY_E_UNDONE);
    assert_int_equal(f->st.n_changed, 2);
    assert_string_equal(strbuf_str(&f->found), "src/maths.c:1-4 stale c function add#0\n");
    assert_string_equal(strbuf_str(&f->notes),
                        "src/new.c: changed while it was read; its units are not judged\n");
    end(f);
}

/* What files and directories show is compared with what they would show now. */
static void test_parents(void **state)
{
    struct fix *f = begin();

    (void)state;
    expect(f, ALL_MISSING);
    assert_string_equal(strbuf_str(&f->parents), ". missing - repository .\n"
                                                 "src missing - directory src\n"
                                                 "src/maths.c missing c file maths.c\n"
                                                 "src/shapes.py missing python file shapes.py\n");
    assert_int_equal(f->st.n_parents, 4);
    assert_int_equal(f->st.n_parents_missing, 4);
    summarize(f);
    expect(f, "");
    assert_string_equal(strbuf_str(&f->parents), "");
    assert_int_equal(f->st.n_parents, 4);
    write_text(f->tree, "src/maths.c",
               "/* Sums of whole numbers. */\n\nint twice(int a)\n{\n    return 2 * a;\n}\n");
    write_text(f->tree, "lib/README.md", "Words about no code.\n"); /* no file of code there */
    expect(f, "");
    assert_string_equal(strbuf_str(&f->parents), "src stale - directory src\n"
                                                 "src/maths.c stale c file maths.c\n");
    f->o.no_docs = 1; /* another recipe: made from names */
    assert_int_equal(check(f), 0);
    assert_string_equal(strbuf_str(&f->parents), "src/maths.c stale c file maths.c\n");
    f->o.no_docs = 0;
    write_text(f->tree, "lib/more.c", "static int x;\n"); /* nothing to show, and yet it is there */
    expect(f, "");
    assert_string_equal(strbuf_str(&f->parents), ". stale - repository .\n"
                                                 "lib missing - directory lib\n"
                                                 "src stale - directory src\n"
                                                 "src/maths.c stale c file maths.c\n");
    summarize(f);
    expect(f, "");
    assert_string_equal(strbuf_str(&f->parents), "");
    end(f);
}

static void test_ends_early(void **state)
{
    struct fix *f = begin();

    (void)state;
    f->code = 7;
    assert_int_equal(check(f), 7);
    assert_string_equal(strbuf_str(&f->found), "src/maths.c:2-5 missing c function add#0\n");
    f->stop = 1;
    assert_int_equal(check(f), DOBBY_E_CANCELLED);
    f->o.path = NULL;
    assert_int_equal(check(f), DOBBY_E_USAGE);
    f->o.path = f->tree;
    f->o.worker_path = NULL;
    assert_int_equal(check(f), DOBBY_E_USAGE);
    assert_string_equal(f->e.message, "check: worker_path is not set");
    end(f);
}

/* Refuse the 1st, 2nd, ... allocation until it gets through: a code, or the right findings. */
static void test_faults(void **state)
{
    struct fix *f = begin();
    size_t n = 0;
    bool more = true;

    (void)state;
    summarize(f);
    write_text(f->tree, "src/maths.c", "int twice(int a)\n{\n    return a + a;\n}\n");
    fault_count(true);
    f->o.on_finding = NULL; /* its text would count */
    f->o.on_note = NULL;
    while (more) {
        int rc;

        fault_arm(FAULT_ALLOC, ++n, false);
        rc = check(f);
        more = fault_disarm(FAULT_ALLOC);
        if (rc != 0 && rc != DOBBY_E_NOMEM)
            fail_msg("allocation %zu: code %d: %s", n, rc, f->e.message);
        if (rc == 0)
            assert_int_equal(f->st.n_stale, 1);
        assert_int_equal(fault_live(), 0);
    }
    fault_count(false);
    assert_true(n > 20);
    end(f);
}

static void test_names(void **state)
{
    struct dobby_finding d = {.kind = DOBBY_FIND_STALE,
                              .path = "a\"b.py",
                              .path_len = 6,
                              .name = "Cart.total",
                              .unit_kind = "method",
                              .language = "python",
                              .start_line = 3,
                              .end_line = 9};
    char *line = dobby_finding_json(&d);

    (void)state;
    assert_non_null(line);
    assert_string_equal(line, "{\"path\":\"a\\\"b.py\",\"name\":\"Cart.total\",\"kind\":\"method\","
                              "\"start_line\":3,\"end_line\":9,\"language\":\"python\","
                              "\"finding\":\"stale\",\"detail\":null}\n");
    dobby_free(line);
    fault_arm(FAULT_ALLOC, 1, false);
    assert_null(dobby_finding_json(&d));
    assert_true(fault_disarm(FAULT_ALLOC));
    assert_string_equal(dobby_finding_name((enum dobby_finding_kind)99), "");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_before_and_after),
        cmocka_unit_test(test_equal_names),
        cmocka_unit_test(test_copies_are_current),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_other_recipe),
        cmocka_unit_test(test_parsed_again),
        cmocka_unit_test(test_planned_only),
        cmocka_unit_test(test_kept_as_old),
        cmocka_unit_test(test_quoted_comment),
        cmocka_unit_test(test_part_of_a_tree),
        cmocka_unit_test(test_file_changes_meanwhile),
        cmocka_unit_test(test_parents),
        cmocka_unit_test(test_ends_early),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_names),
    };

    if (argc > 1 && strcmp(argv[1], "--parse-worker") == 0)
        return dobby_parse_worker();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
