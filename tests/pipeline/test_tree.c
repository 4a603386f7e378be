/* test_tree.c - whole runs over small trees: real walk, parsers, prompts, keys and store, a scripted engine.
 * The model file holds a tokenizer of bytes and no weights. This program is its own parser worker. */
#include "store/store_help.h"
#include "support/script_engine.h"
#include "support/tree_help.h"

#include "base/fault.h"
#include "base/file.h"
#include "base/mem.h"
#include "code/parse.h"
#include "code/protocol.h"
#include "pipeline/summarize.h"

#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <sqlite3.h>
#include <sys/wait.h>

struct fix {
    char *dir, *tree, *model;
    struct script_engine engine, *larger; /* larger: of the second model; NULL: none */
    struct dobby_summarize o;
    struct dobby_summary_stats st;
    struct dobby_err e;
    struct strbuf rows, parents, plan, notes, stages,
        undone;           /* parents: rows of files and directories */
    int stop, stop_after; /* after so many units: */
    int stop_to;
    const char *touch; /* file to rewrite at the first question; NULL: none */
    int row_code;      /* what on_row returns */
};

/* One of some texts that are true of the code below; which one depends on every token of the question. */
static struct script_answer tell(void *ctx, const int32_t *ids, size_t n, int times)
{
    static const char *const texts[] = {
        "Return the result of the given values.",
        "Combine the given values into one result.",
        "Work out a result and give it back.",
        "Take the values and return what they make.",
        "Give back what the inputs amount to together.",
        "Turn the inputs into a single result.",
        "Join the inputs and return the outcome.",
        "Derive an outcome from what is given.",
    };
    struct fix *f = ctx;
    uint32_t h = 2166136261u;

    (void)times;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (uint32_t)ids[i]) * 16777619u;
    if (f->touch) {
        FILE *out = fopen(f->touch, "a");

        fputs("\nint later(int a) { return a; }\n", out);
        fclose(out);
        f->touch = NULL;
    }
    if (h % 5 == 0)
        return (struct script_answer){.text =
                                          "See https://example.org for all of it."}; /* refused */
    return (struct script_answer){.text = texts[(h >> 8) % 8]};
}

static int on_row(void *ctx, const struct dobby_row *row)
{
    struct fix *f = ctx;
    char *line = dobby_row_json(row);
    struct strbuf *to = row->start_line > 0 ? &f->rows : &f->parents;

    if (line)
        strbuf_puts(to, line);
    if (!line || strbuf_failed(to))
        return DOBBY_E_NOMEM; /* the faults of test_faults come here, too */
    dobby_free(line);
    return row->start_line > 0 ? f->row_code : 0;
}

static void on_event(void *ctx, const struct dobby_event *ev)
{
    struct fix *f = ctx;

    assert_true(ev->n_done + ev->n_cached + ev->n_failed <= ev->n_total || ev->n_total == 0);
    if (ev->kind == DOBBY_EV_FILE)
        strbuf_printf(&f->plan, "%s\n", ev->text);
    if (ev->kind == DOBBY_EV_NOTE)
        strbuf_printf(&f->notes, "%s\n", ev->text);
    if (ev->kind == DOBBY_EV_STAGE)
        strbuf_printf(&f->stages, "%s ", ev->text);
    if (ev->kind == DOBBY_EV_FAILED)
        strbuf_printf(&f->undone, "%s|%s|%d|%zu\n", ev->text, ev->failure, ev->n_tries,
                      ev->n_units);
    if (f->stop_after && (int)ev->n_done >= f->stop_after)
        f->stop = f->stop_to;
}

static const char maths_c[] = "/* Adds two numbers and returns the sum of them. */\n"
                              "int add(int a, int b)\n{\n    return a + b;\n}\n\n"
                              "int twice(int a)\n{\n    return 2 * a;\n}\n\n"
                              "static int thrice(int a)\n{\n    return 3 * a;\n}\n";
static const char shapes_py[] =
    "class Circle:\n"
    "    def area(self):\n"
    "        \"\"\"Return the area of this circle in square units.\"\"\"\n"
    "        return 3.14 * self.r * self.r\n\n"
    "    def grow(self, by):\n"
    "        self.r += by\n"
    "        return self.r\n\n"
    "def outer(x):\n"
    "    return x * 4\n";
static const char same_c[] = "int quad(int a)\n{\n    return 4 * a;\n}\n\n"
                             "int quint(int a)\n{\n    return 5 * a;\n}\n";

static void fill_tree(struct fix *f)
{
    write_text(f->tree, "src/maths.c", maths_c);
    write_text(f->tree, "src/shapes.py", shapes_py);
    write_text(f->tree, "a/same.c", same_c);
    write_text(f->tree, "b/same.c", same_c); /* asks the same twice */
    write_text(f->tree, "README.md", "words\n");
}

static struct fix *begin(uint32_t seed)
{
    struct fix *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    f->dir = scratch_new();
    assert_true(asprintf(&f->tree, "%s/tree", f->dir) > 0);
    assert_true(asprintf(&f->model, "%s/tiny.gguf", f->dir) > 0);
    assert_int_equal(mkdir(f->tree, 0755), 0);
    make_model(f->dir);
    f->engine = (struct script_engine){.answer = tell, .ctx = f, .seed = seed};
    script_start(&f->engine);
    DOBBY_INIT(f->o);
    f->o.path = f->tree;
    f->o.model_path = f->model;
    f->o.cache_dir = f->dir;
    f->o.worker_path = "/proc/self/exe";
    f->o.agents = 4;
    f->o.threads = 2;
    f->o.stop = &f->stop;
    f->o.ctx = f;
    f->o.on_event = on_event;
    f->o.on_row = on_row;
    return f;
}

static void end(struct fix *f)
{
    script_end(&f->engine);
    strbuf_release(&f->rows);
    strbuf_release(&f->parents);
    strbuf_release(&f->plan);
    strbuf_release(&f->notes);
    strbuf_release(&f->stages);
    strbuf_release(&f->undone);
    free(f->tree);
    free(f->model);
    scratch_remove(f->dir);
    free(f);
}

/* Run; what was collected is of this run alone. */
static int run(struct fix *f)
{
    struct run_engine seams[2] = {script_seam(&f->engine)};

    strbuf_reset(&f->rows);
    strbuf_reset(&f->parents);
    strbuf_reset(&f->plan);
    strbuf_reset(&f->notes);
    strbuf_reset(&f->stages);
    strbuf_reset(&f->undone);
    f->stop = 0;
    f->e = (struct dobby_err){0};
    f->engine.n_submitted = 0;
    if (f->larger) {
        f->larger->n_submitted = 0;
        seams[1] = script_seam(f->larger);
    }
    return summarize_tree(&f->o, seams, &f->st, &f->e);
}

static void run_ok(struct fix *f)
{
    if (run(f) != 0)
        fail_msg("%s", f->e.message);
}

static char *take_rows(struct fix *f)
{
    char *rows = mem_strdup(strbuf_str(&f->rows));

    assert_non_null(rows);
    return rows;
}

/* The n-th row (from 0) as JSON; decref it. */
static json_t *row_at(struct fix *f, int n)
{
    const char *line = strbuf_str(&f->rows);
    json_t *o;

    for (; n > 0; n--) {
        line = strchr(line, '\n');
        assert_non_null(line);
        line++;
    }
    o = json_loads(line, JSON_DISABLE_EOF_CHECK, NULL);
    assert_non_null(o);
    return o;
}

static void expect_row(struct fix *f, int n, const char *path, const char *name, const char *source)
{
    json_t *o = row_at(f, n);
    const char *summary = json_string_value(json_object_get(o, "summary"));

    assert_string_equal(json_string_value(json_object_get(o, "path")), path);
    assert_string_equal(json_string_value(json_object_get(o, "name")), name);
    if (source)
        assert_string_equal(json_string_value(json_object_get(o, "source")), source);
    assert_non_null(summary);
    assert_true(strlen(summary) > 10);
    assert_int_equal(json_is_null(json_object_get(o, "key")), source && strcmp(source, "doc") == 0);
    json_decref(o);
}

static size_t count_rows(struct fix *f)
{
    size_t n = 0;

    for (const char *c = strbuf_str(&f->rows); *c; c++)
        n += *c == '\n';
    return n;
}

static void sql(struct fix *f, const char *text)
{
    struct strbuf path = {0};
    sqlite3 *db;

    strbuf_printf(&path, "%s/.dobby/dobby.db", f->tree);
    assert_int_equal(sqlite3_open(path.s, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA foreign_keys=ON", NULL, NULL, NULL), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(db));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    strbuf_release(&path);
}

/* The first column of the first row. */
static void expect_sql(struct fix *f, const char *text, const char *want)
{
    struct strbuf path = {0};
    sqlite3_stmt *st;
    sqlite3 *db;

    strbuf_printf(&path, "%s/.dobby/dobby.db", f->tree);
    assert_int_equal(sqlite3_open(path.s, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(st, 0), want);
    sqlite3_finalize(st);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    strbuf_release(&path);
}

/* ---- runs --------------------------------------------------------------------------------------- */

static void test_first_and_second_run(void **state)
{
    struct fix *f = begin(1);
    char *first;

    (void)state;
    fill_tree(f);
    run_ok(f);
    assert_int_equal(count_rows(f), 11);
    expect_row(f, 0, "a/same.c", "quad", NULL);
    expect_row(f, 3, "b/same.c", "quint", NULL);
    expect_row(f, 4, "src/maths.c", "add", "doc");
    expect_row(f, 6, "src/maths.c", "thrice", NULL);
    expect_row(f, 7, "src/shapes.py", "Circle", NULL);
    expect_row(f, 8, "src/shapes.py", "Circle.area", "doc");
    expect_row(f, 9, "src/shapes.py", "Circle.grow", NULL);
    assert_int_equal(f->st.n_files, 4);
    assert_int_equal(f->st.n_units, 11);
    assert_int_equal(f->st.n_done, 11);
    assert_int_equal(f->st.n_cached, 0);
    assert_string_equal(strbuf_str(&f->stages), "walk parse plan summarize ");
    assert_int_equal(f->st.n_parents, 8);
    first = take_rows(f);

    run_ok(f);
    assert_int_equal(f->engine.n_submitted, 0);
    assert_int_equal(f->st.n_parents, 0);
    assert_int_equal(f->st.n_cached, 11);
    assert_int_equal(f->st.n_done, 0);
    assert_string_equal(strbuf_str(&f->rows), first);
    assert_string_equal(strbuf_str(&f->stages), "walk parse plan ");

    f->o.model_path =
        "/nowhere/tiny.gguf"; /* without a model nothing can be compared: told, not guessed */
    assert_int_equal(run(f), DOBBY_E_NOTFOUND);
    mem_free(first);
    end(f);
}

static void test_same_for_any_number_of_agents(void **state)
{
    static const int agents[] = {1, 2, 16};
    char *first = NULL;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct fix *f = begin(50 + (uint32_t)i);

        fill_tree(f);
        f->o.agents = agents[i];
        f->o.threads = 1 + (int)i;
        run_ok(f);
        if (first)
            assert_string_equal(strbuf_str(&f->rows), first);
        else
            first = take_rows(f);
        end(f);
    }
    mem_free(first);
}

static void test_equal_code_is_asked_once(void **state)
{
    struct fix *f = begin(2);
    json_t *one, *two;

    (void)state;
    write_text(f->tree, "a.c", same_c);
    write_text(f->tree, "b.c", same_c);
    f->engine.answer = tell;
    run_ok(f);
    assert_true(f->engine.n_submitted >= 2 &&
                f->engine.n_submitted <= 4); /* two questions, two forms */
    one = row_at(f, 0);
    two = row_at(f, 2);
    assert_true(json_equal(json_object_get(one, "key"), json_object_get(two, "key")));
    assert_true(json_equal(json_object_get(one, "summary"), json_object_get(two, "summary")));
    assert_int_equal(f->st.n_done, 4);
    json_decref(one);
    json_decref(two);
    end(f);
}

static void test_moves_edits_and_deletions(void **state)
{
    struct fix *f = begin(3);
    struct strbuf from = {0}, to = {0};
    size_t asked;

    (void)state;
    fill_tree(f);
    run_ok(f);
    strbuf_printf(&from, "%s/src/maths.c", f->tree);
    strbuf_printf(&to, "%s/src/numbers.c", f->tree);
    assert_int_equal(rename(from.s, to.s), 0); /* a move: nothing to ask */
    run_ok(f);
    assert_int_equal(f->engine.n_submitted, 0);
    assert_int_equal(count_rows(f), 11);
    expect_row(f, 4, "src/numbers.c", "add", "doc");

    write_text(
        f->tree, "src/shapes.py", /* one function edited, one copied, one gone from its type */
        "class Circle:\n    def grow(self, by):\n        self.r += by\n        return self.r\n\n"
        "def outer(x):\n    return x * 5 + 1\n\n");
    write_text(f->tree, "src/extra.c", "int twice(int a)\n{\n    return 2 * a;\n}\n");
    run_ok(f);
    asked = f->engine.n_submitted;
    assert_in_range(asked, 2, 4); /* outer and Circle, in one or two forms */
    assert_int_equal(f->st.n_done, 2);
    assert_int_equal(count_rows(f), 11);
    expect_row(f, 4, "src/extra.c", "twice", NULL);

    assert_int_equal(unlink(to.s), 0);
    run_ok(f);
    assert_int_equal(f->engine.n_submitted, 0);
    assert_int_equal(count_rows(f), 8);

    write_text(f->tree, "src/numbers.c", maths_c); /* back again: what was made is still known */
    run_ok(f);
    assert_int_equal(f->engine.n_submitted, 0);
    assert_int_equal(count_rows(f), 11);
    strbuf_release(&from);
    strbuf_release(&to);
    end(f);
}

/* A type is asked about again when its outline has changed, not when a method's body or comment has. */
static void test_a_type_is_its_outline(void **state)
{
    struct fix *f = begin(21);

    (void)state;
    write_text(f->tree, "shop.py",
               "class Cart:\n    limit = 3\n\n    def add(self, n):\n"
               "        self.n += n\n        return self.n\n");
    run_ok(f);
    assert_int_equal(f->st.n_done, 2);
    write_text(f->tree, "shop.py",
               "class Cart:\n    limit = 3\n\n    # Not much is said here\n"
               "    def add(self, n):\n        self.n += 2 * n\n"
               "        return self.n\n");
    run_ok(f);
    assert_int_equal(f->st.n_done, 1);
    assert_int_equal(f->st.n_cached, 1);
    write_text(f->tree, "shop.py",
               "class Cart:\n    limit = 3\n\n    def add(self, n, by=1):\n"
               "        self.n += 2 * n\n        return self.n\n");
    run_ok(f);
    assert_int_equal(f->st.n_done, 2);
    write_text(f->tree, "shop.py",
               "class Cart:\n    limit = 4\n\n    def add(self, n, by=1):\n"
               "        self.n += 2 * n\n        return self.n\n");
    run_ok(f);
    assert_int_equal(f->st.n_done, 1); /* the type alone */
    run_ok(f);
    assert_int_equal(f->engine.n_submitted,
                     0); /* its units are the store's now, and its key the same */
    sql(f, "UPDATE files SET recipe=NULL");
    run_ok(f);
    assert_int_equal(f->engine.n_submitted, 0);
    end(f);
}

static int count_row(void *ctx, const struct dobby_row *row)
{
    *(size_t *)ctx += row->start_line > 0;
    return 0;
}

/* What `show` would show. */
static size_t stored_rows(struct fix *f)
{
    struct dobby_store *s;
    size_t n = 0;

    assert_int_equal(dobby_store_open(&s, f->tree, NULL, NULL), 0);
    assert_int_equal(dobby_store_rows(s, "", NULL, count_row, &n, NULL), 0);
    dobby_store_free(s);
    return n;
}

static void test_limit(void **state)
{
    struct fix *f = begin(4);
    char *all;

    (void)state;
    fill_tree(f);
    run_ok(f);
    all = take_rows(f);
    sql(f, "DELETE FROM files; DELETE FROM summaries");
    f->o.limit = 3;
    run_ok(f);
    assert_int_equal(count_rows(f), 3);
    assert_memory_equal(strbuf_str(&f->rows), all, f->rows.len);
    assert_int_equal(f->st.n_units, 3);
    assert_int_equal(f->st.n_done, 3);
    run_ok(f);
    assert_int_equal(f->engine.n_submitted, 0);
    assert_int_equal(f->st.n_cached, 3);
    assert_int_equal(count_rows(f), 3);
    f->o.limit = 0;
    run_ok(f);
    assert_string_equal(strbuf_str(&f->rows), all);
    f->o.limit = 5; /* smaller again: the rest stays known */
    run_ok(f);
    assert_int_equal(count_rows(f), 5);
    sql(f, "UPDATE files SET recipe=NULL"); /* also where a file has to be planned again */
    run_ok(f);
    assert_int_equal(stored_rows(f), 11);
    f->o.limit = 0;
    run_ok(f);
    assert_int_equal(f->engine.n_submitted, 0);
    assert_string_equal(strbuf_str(&f->rows), all);
    mem_free(all);
    end(f);
}

static void test_no_docs(void **state)
{
    struct fix *f = begin(5);
    char *docs;

    (void)state;
    fill_tree(f);
    run_ok(f);
    docs = take_rows(f);
    f->o.no_docs = 1;
    run_ok(f);
    assert_true(f->engine.n_submitted >= 2 &&
                f->engine.n_submitted <= 4); /* the two with comments */
    assert_null(strstr(strbuf_str(&f->rows), "\"source\":\"doc\""));
    f->o.no_docs = 0;
    run_ok(f);
    assert_int_equal(f->engine.n_submitted, 0);
    assert_string_equal(strbuf_str(&f->rows), docs);
    mem_free(docs);
    end(f);
}

static void test_path_below_the_root(void **state)
{
    struct fix *f = begin(6);
    struct strbuf path = {0};

    (void)state;
    fill_tree(f);
    write_text(f->tree, ".git/HEAD", "ref: refs/heads/main\n"); /* makes it a root */
    strbuf_printf(&path, "%s/src/maths.c", f->tree);
    f->o.path = path.s;
    run_ok(f);
    assert_int_equal(count_rows(f), 3);
    expect_row(f, 0, "src/maths.c", "add", "doc");
    strbuf_reset(&path);
    strbuf_printf(&path, "%s/a", f->tree);
    f->o.path = path.s;
    run_ok(f);
    assert_int_equal(count_rows(f), 2);
    expect_row(f, 0, "a/same.c", "quad", NULL);
    f->o.path = f->tree;
    run_ok(f);
    assert_int_equal(count_rows(f), 11);
    assert_int_equal(f->st.n_cached, 3 + 4); /* b/same.c asks what a/same.c did */
    strbuf_release(&path);
    end(f);
}

static void test_names_of_any_bytes(void **state)
{
    struct fix *f = begin(7);
    json_t *o;

    (void)state;
    write_text(f->tree, "new\nline.c", same_c);
    write_text(f->tree, "\xff\xfe.c", same_c);
    run_ok(f);
    assert_int_equal(count_rows(f), 4);
    expect_row(f, 0, "new\nline.c", "quad", NULL);
    o = row_at(f, 2);
    assert_string_equal(json_string_value(json_object_get(o, "path_hex")), "fffe2e63");
    json_decref(o);
    end(f);
}

static void test_empty_tree(void **state)
{
    struct fix *f = begin(8);

    (void)state;
    f->o.model_path = NULL; /* none is needed */
    run_ok(f);
    assert_int_equal(count_rows(f), 0);
    write_text(f->tree, "a.c",
               "/* Adds two numbers and returns the sum of them. */\n"
               "int add(int a, int b)\n{\n    return a + b;\n}\n");
    run_ok(f);
    expect_row(f, 0, "a.c", "add", "doc");
    write_text(f->tree, "b.c", same_c);
    assert_int_equal(run(f), DOBBY_E_USAGE);
    end(f);
}

/* ---- the dry run -------------------------------------------------------------------------------- */

static void test_dry_run(void **state)
{
    struct fix *f = begin(9);
    struct strbuf own = {0};

    (void)state;
    fill_tree(f);
    write_text(f->tree, "node_modules/x/y.js", "function a() { return 1 }\n");
    f->o.dry_run = 1;
    run_ok(f);
    assert_int_equal(count_rows(f), 0);
    assert_non_null(
        strstr(strbuf_str(&f->plan),
               "{\"path\":\"a/"
               "same.c\",\"language\":\"c\",\"units\":[{\"name\":\"quad\",\"kind\":\"function\","
               "\"start_line\":1,\"end_line\":4,\"calls\":[],\"uses\":[]},{\"name\":\"quint\","
               "\"kind\":\"function\",\"start_"
               "line\":6,"
               "\"end_line\":9,\"calls\":[],\"uses\":[]}]}\n"));
    assert_non_null(
        strstr(strbuf_str(&f->plan), "{\"path\":\"node_modules\",\"skipped\":\"vendored\"}\n"));
    assert_non_null(strstr(strbuf_str(&f->plan), "\"name\":\"Circle.area\",\"kind\":\"method\""));
    strbuf_printf(&own, "%s/.dobby", f->tree);
    assert_false(file_exists(own.s)); /* nothing is made */
    f->o.limit = 3;
    run_ok(f);
    assert_non_null(
        strstr(strbuf_str(&f->plan),
               "\"quad\",\"kind\":\"function\",\"start_line\":1,"
               "\"end_line\":4,\"calls\":[],\"uses\":[]}]}\n{\"path\":\"node_modules\""));
    assert_null(strstr(strbuf_str(&f->plan), "maths.c"));
    strbuf_release(&own);
    end(f);
}

/* ---- neighbours --------------------------------------------------------------------------------- */

/* Make the store look as if `twice` had been asked among other neighbours: another prompt, another key. */
static void age(struct fix *f)
{
    sql(f, "CREATE TEMP TABLE k AS SELECT prompt_key AS p FROM units WHERE qname=CAST('twice' AS "
           "BLOB);"
           "UPDATE summaries SET prompt_key=zeroblob(32),text='Kept from before, word by word.',"
           "source='model' WHERE prompt_key=(SELECT p FROM k);"
           "UPDATE units SET prompt_key=zeroblob(32),prompt_hash=zeroblob(32)"
           " WHERE prompt_key=(SELECT p FROM k);"
           "UPDATE files SET recipe=NULL WHERE path=CAST('src/maths.c' AS BLOB)");
}

static void test_changed_context_is_kept_until_refresh(void **state)
{
    struct fix *f = begin(10);
    struct strbuf from = {0}, to = {0};
    char *fresh;

    (void)state;
    fill_tree(f);
    run_ok(f);
    fresh = take_rows(f);
    age(f);
    for (int i = 0; i < 2; i++) { /* kept, and kept again */
        run_ok(f);
        assert_int_equal(f->engine.n_submitted, 0);
        assert_non_null(strstr(strbuf_str(&f->rows), "Kept from before, word by word."));
    }
    strbuf_printf(&from, "%s/src/maths.c", f->tree);
    strbuf_printf(&to, "%s/src/numbers.c", f->tree);
    assert_int_equal(rename(from.s, to.s), 0); /* a move takes it along */
    run_ok(f);
    assert_int_equal(f->engine.n_submitted, 0);
    assert_non_null(strstr(strbuf_str(&f->rows), "Kept from before, word by word."));
    assert_int_equal(rename(to.s, from.s), 0);
    f->o.refresh = 1;
    run_ok(f);
    assert_int_equal(f->st.n_done, 2); /* that one, and the comment at its new place */
    assert_string_equal(strbuf_str(&f->rows), fresh);
    run_ok(f);
    assert_int_equal(f->engine.n_submitted, 0);
    strbuf_release(&from);
    strbuf_release(&to);
    mem_free(fresh);
    end(f);
}

/* ---- what stands around a unit ------------------------------------------------------------------ */

#define HELPER(says) "/* " says " */\nint helper(int a)\n{\n    return a;\n}\n"
#define BARE_USER                                                                                  \
    "int user(int a)\n{\n    return helper(a) + 1;\n}\n\n"                                         \
    "int loner(int a)\n{\n    return 3 * a;\n}\n"
static const char user_c[] = BARE_USER;

/* The row of a unit, free it. */
static char *row_of(struct fix *f, const char *name)
{
    struct strbuf want = {0};
    const char *at, *end;
    char *row;

    strbuf_printf(&want, "\"name\":\"%s\"", name);
    at = strstr(strbuf_str(&f->rows), want.s);
    assert_non_null(at);
    while (at > f->rows.s && at[-1] != '\n')
        at--;
    end = strchr(at, '\n');
    assert_non_null(end);
    row = strndup(at, (size_t)(end - at));
    assert_non_null(row);
    strbuf_release(&want);
    return row;
}

static void expect_old(struct fix *f, const char *names)
{
    expect_sql(f,
               "SELECT coalesce(group_concat(CAST(qname AS TEXT)),'') FROM units WHERE old=1 ORDER "
               "BY path,start_line",
               names);
}

/* A comment that others' prompts quote is edited: they keep what they have, as old, until a refresh; it comes back: as if nothing had been. */
static void test_quoted_comment_is_edited(void **state)
{
    struct fix *f = begin(31);
    char *fresh, *now, *user;

    (void)state;
    write_text(f->tree, "a/user.c", user_c);
    write_text(f->tree, "a/own.py", "def alone(x):\n    return x * 4\n");
    write_text(f->tree, "lib/b.c", HELPER("Helps with one value here."));
    run_ok(f);
    fresh = take_rows(f);
    user = row_of(f, "user");
    expect_old(f, "");

    write_text(f->tree, "lib/b.c", HELPER("Helps with two values here."));
    for (int i = 0; i < 2; i++) {
        run_ok(f);
        assert_int_equal(f->engine.n_submitted, 0);
        now = row_of(f, "helper");
        assert_non_null(strstr(now, "Helps with two values here."));
        free(now);
        now = row_of(f, "user");
        assert_string_equal(now, user);
        free(now);
        expect_old(f, "user");
        expect_sql(f, "SELECT count(*) FROM summaries", "3");
    }

    write_text(f->tree, "lib/b.c", HELPER("Helps with one value here."));
    for (int i = 0; i < 2; i++) { /* back again */
        run_ok(f);
        assert_int_equal(f->engine.n_submitted, 0);
        assert_string_equal(strbuf_str(&f->rows), fresh);
        expect_old(f, "");
    }

    write_text(f->tree, "lib/b.c", HELPER("Helps with two values here."));
    run_ok(f);
    expect_old(f, "user");
    f->o.refresh = 1;
    run_ok(f);
    assert_in_range(f->engine.n_submitted, 1, 2); /* that one, in one form or two */
    assert_int_equal(f->st.n_done, 1);
    now = row_of(f, "user");
    assert_string_not_equal(now, user); /* another key at least */
    free(now);
    expect_old(f, "");
    expect_sql(f, "SELECT count(*) FROM summaries", "4");
    run_ok(f);
    assert_int_equal(f->engine.n_submitted, 0);
    mem_free(fresh);
    free(user);
    end(f);
}

/* Nothing that prompts quote: the body of what is called, and a comment that nobody quotes. */
static void test_body_is_edited(void **state)
{
    struct fix *f = begin(32);

    (void)state;
    write_text(f->tree, "a/user.c", user_c);
    write_text(f->tree, "lib/b.c",
               HELPER("Helps with one value here.") "int twice(int a)\n{\n    return 2 * a;\n}\n");
    write_text(f->tree, "z/c.c",
               "/* Stands for itself in here. */\nint itself(int a)\n{\n    return 7;\n}\n");
    run_ok(f);
    assert_int_equal(f->st.n_done, 5);
    write_text(f->tree, "lib/b.c",
               HELPER("Helps with one value here.") "int twice(int a)\n{\n    return a + a;\n}\n");
    write_text(f->tree, "z/c.c",
               "/* Stands for nothing else here. */\nint itself(int a)\n{\n    return 8;\n}\n");
    run_ok(f);
    assert_int_equal(f->st.n_done, 2); /* twice, and the other comment */
    assert_in_range(f->engine.n_submitted, 1, 2);
    expect_old(f, "");
    end(f);
}

/* The same whether all is planned or a part: the rest is as the store has it. */
static void test_part_has_the_same_context(void **state)
{
    struct fix *f = begin(33);
    char *part = NULL;

    (void)state;
    write_text(f->tree, "a/user.c", user_c);
    write_text(f->tree, "lib/b.c", HELPER("Helps with one value here."));
    write_text(f->tree, ".dobby/.gitignore", "*\n");
    run_ok(f);
    assert_true(asprintf(&part, "%s/a/user.c", f->tree) > 0);
    f->o.path = part;
    run_ok(f);
    assert_int_equal(f->engine.n_submitted, 0);
    assert_int_equal(f->st.n_cached, 2);
    expect_old(f, "");
    write_text(f->tree, "a/user.c", "\n" BARE_USER);
    run_ok(f);
    assert_int_equal(f->engine.n_submitted, 0);
    expect_old(f, "");
    f->o.path = f->tree;
    run_ok(f);
    assert_int_equal(f->engine.n_submitted, 0);
    expect_old(f, "");
    free(part);
    end(f);
}

/* ---- trouble ------------------------------------------------------------------------------------ */

static void test_stopped_and_resumed(void **state)
{
    struct fix *f = begin(11);
    char *whole, *parents;

    (void)state;
    fill_tree(f);
    run_ok(f);
    whole = take_rows(f);
    parents = mem_strdup(strbuf_str(&f->parents));
    assert_non_null(parents);
    for (int after = 1; after < 8; after++) {
        sql(f, "DELETE FROM files; DELETE FROM summaries");
        f->stop_after = after;
        f->stop_to = after % 2 + 1;
        f->o.agents = after % 3 + 1;
        if (run(f) != 0) {
            assert_int_equal(f->e.code, DOBBY_E_CANCELLED);
            assert_int_equal(f->rows.len, 0);
        }
        f->stop_after = 0;
        run_ok(f);
        assert_string_equal(strbuf_str(&f->rows), whole);
        assert_string_equal(strbuf_str(&f->parents), parents);
    }
    mem_free(whole);
    mem_free(parents);
    end(f);
}

/* Refused, accepted at once or at the second attempt, as the question's tokens say. */
static struct script_answer half(void *ctx, const int32_t *ids, size_t n, int times)
{
    uint32_t h = 2166136261u;

    (void)ctx;
    (void)times;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (uint32_t)ids[i]) * 16777619u;
    return (struct script_answer){.text = h >> 7 & 1 ? "Work out a result and give it back." : ""};
}

static struct script_answer better(void *ctx, const int32_t *ids, size_t n, int times)
{
    (void)ctx;
    (void)ids;
    (void)n;
    (void)times;
    return (struct script_answer){.text = "Derive an outcome from what is given."};
}

static void add_second(struct fix *f, struct script_engine *larger)
{
    script_start(larger);
    f->larger = larger;
    f->engine.answer = half;
    f->o.second_path = f->model;
    f->o.second_name = "larger";
}

/* The row with its model against that of a run of the first one alone: true if it went on. */
static bool went_on(const json_t *one, const json_t *two)
{
    const char *source = json_string_value(json_object_get(one, "source"));
    bool on = json_is_string(json_object_get(one, "label")) || strcmp(source, "signature") == 0;

    if (strcmp(source, "doc") == 0)
        return false;
    assert_string_not_equal(json_string_value(json_object_get(one, "key")),
                            json_string_value(json_object_get(two, "key")));
    assert_string_equal(json_string_value(json_object_get(two, "model")),
                        on ? "larger" : "tiny.gguf");
    if (on)
        assert_string_equal(json_string_value(json_object_get(two, "summary")),
                            "Derive an outcome from what is given.");
    else
        assert_true(json_equal(json_object_get(one, "summary"), json_object_get(two, "summary")));
    return on;
}

static void test_second_model(void **state)
{
    struct script_engine larger = {.answer = better, .seed = 21};
    struct fix *f = begin(21);
    json_t *one[16];
    char *whole;
    size_t n = 0, n_on = 0;

    (void)state;
    fill_tree(f);
    f->engine.answer = half;
    run_ok(f);
    for (const char *p = strbuf_str(&f->rows); *p; p = strchr(p, '\n') + 1)
        assert_true(n < 16 && (one[n] = row_at(f, (int)n)) && ++n);
    add_second(f, &larger);
    run_ok(f);
    whole = take_rows(f);
    for (size_t i = 0; i < n; i++) {
        json_t *two = row_at(f, (int)i);

        n_on += went_on(one[i], two);
        json_decref(two);
        json_decref(one[i]);
    }
    assert_true(n_on > 1 && n_on < n - 2);
    assert_int_equal(f->st.n_second, n_on);
    assert_int_equal(f->st.n_replaced, n_on);
    assert_int_equal(f->st.n_done + f->st.n_cached, n);
    assert_int_equal(f->st.n_left, 0);
    assert_non_null(strstr(strbuf_str(&f->stages), "summarize second "));
    run_ok(f);
    assert_int_equal(f->engine.n_submitted + larger.n_submitted, 0);
    assert_string_equal(strbuf_str(&f->rows), whole);
    for (int after = 1; after < 9; after++) { /* wherever it is stopped */
        sql(f, "DELETE FROM files; DELETE FROM summaries");
        f->stop_after = after;
        f->stop_to = after % 2 + 1;
        f->o.agents = after % 2 ? 1 : 10;
        if (run(f) != 0)
            assert_int_equal(f->e.code, DOBBY_E_CANCELLED);
        f->stop_after = 0;
        run_ok(f);
        assert_string_equal(strbuf_str(&f->rows), whole);
    }
    mem_free(whole);
    script_end(&larger);
    end(f);
}

/* This program as a process that runs over a tree: `--run TREE MODEL CACHE`. Slow enough to be killed in it. */
static int run_as_child(char **argv)
{
    struct fix f = {.engine = {.answer = tell, .seed = 5, .delay_us = 3000}};
    struct run_engine seam;
    int rc;

    f.engine.ctx = &f;
    script_start(&f.engine);
    seam = script_seam(&f.engine);
    DOBBY_INIT(f.o);
    f.o.path = argv[2];
    f.o.model_path = argv[3];
    f.o.cache_dir = argv[4];
    f.o.worker_path = "/proc/self/exe";
    f.o.agents = 3;
    f.o.threads = 2;
    rc = summarize_tree(&f.o, &seam, &f.st, &f.e);
    if (rc != 0)
        fprintf(stderr, "%s\n", f.e.message);
    script_end(&f.engine);
    return rc == 0 ? 0 : 1;
}

/* Start it, kill it after so many microseconds. True if it was still running. */
static bool run_and_kill(struct fix *f, unsigned after_us)
{
    char *argv[] = {(char *)"test_tree", (char *)"--run", f->tree, f->model, f->dir, NULL};
    int status = 0;
    pid_t pid;

    assert_int_equal(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ), 0);
    usleep(after_us);
    (void)kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status))
        return true;
    assert_int_equal(WEXITSTATUS(status), 0); /* it never fails by itself */
    return false;
}

static void test_killed_and_resumed(void **state)
{
    struct fix *f = begin(12);
    int rounds = getenv("DOBBY_TEST_SHORT") ? 4 : 16, n_killed = 0;
    uint32_t seed = 99;
    unsigned took_us;
    char *whole;

    (void)state;
    fill_tree(f);
    run_ok(f);
    whole = take_rows(f);
    took_us = (unsigned)(f->st.s_total * 1e6) + 60000; /* the child is slower by its delays */
    for (int i = 0; i < rounds; i++) {
        sql(f, "DELETE FROM files; DELETE FROM summaries");
        seed = seed * 1664525u + 1013904223u;
        n_killed += run_and_kill(f, (seed >> 8) % took_us); /* in any stage of it */
        run_ok(f);
        assert_string_equal(strbuf_str(&f->rows), whole);
    }
    assert_true(n_killed >= rounds / 4);
    mem_free(whole);
    end(f);
}

static void test_file_changes_meanwhile(void **state)
{
    struct fix *f = begin(13);
    struct strbuf path = {0};

    (void)state;
    fill_tree(f);
    strbuf_printf(&path, "%s/src/shapes.py", f->tree);
    f->touch = path.s;
    f->o.agents = 1;
    assert_int_equal(run(f), DOBBY_E_UNDONE);
    assert_int_equal(f->st.n_failed, 3);
    assert_non_null(strstr(strbuf_str(&f->notes), "src/shapes.py: Circle.grow: changed"));
    assert_non_null(strstr(strbuf_str(&f->undone), "src/shapes.py: Circle.grow|changed while"));
    assert_non_null(strstr(strbuf_str(&f->undone), "src/shapes.py: outer|changed while"));
    assert_int_equal(count_rows(f), 8); /* what is done is there */
    run_ok(f);
    assert_true(count_rows(f) >= 11);
    strbuf_release(&path);
    end(f);
}

/* Questions about `quad` are too long, those about `outer` meet a broken engine. */
static bool asks_about(const int32_t *ids, size_t n, const char *word)
{
    size_t len = strlen(word), k;

    for (size_t i = 0; i + len <= n; i++) {
        for (k = 0; k < len && (size_t)(ids[i + k] - ids[i]) + (size_t)word[0] == (size_t)word[k];)
            k++;
        if (k == len)
            return true;
    }
    return false;
}

static struct script_answer tell_some(void *ctx, const int32_t *ids, size_t n, int times)
{
    if (asks_about(ids, n, "int quad(int a)"))
        return (struct script_answer){.status = DOBBY_E_LIMIT, .refuse = true};
    if (asks_about(ids, n, "return x * 4"))
        return (struct script_answer){.status = DOBBY_E_NUMERIC};
    return tell(ctx, ids, n, times);
}

/* What is left undone is told with its reason, kept with it, and all that the next run does. */
static void test_undone_units_are_what_the_next_run_does(void **state)
{
    struct fix *f = begin(19);
    char *whole;

    (void)state;
    fill_tree(f);
    run_ok(f);
    whole = take_rows(f);
    sql(f, "DELETE FROM files; DELETE FROM summaries; DELETE FROM attempts");
    f->engine.answer = tell_some;
    assert_int_equal(run(f), DOBBY_E_UNDONE);
    assert_int_equal(f->st.n_failed, 3); /* quad stands there twice, and is asked once */
    assert_int_equal(f->st.n_done, 8);
    assert_string_equal(strbuf_str(&f->undone), "a/same.c: quad|script: refused|1|2\n"
                                                "src/shapes.py: outer|script: failed|3|1\n");
    expect_sql(f, "SELECT group_concat(text,';') FROM events WHERE kind='failed'",
               "a/same.c: quad: script: refused (1 tries, 2 units);"
               "src/shapes.py: outer: script: failed (3 tries, 1 units)");
    expect_sql(f, "SELECT count(*) FROM attempts WHERE outcome='failed'", "4");
    expect_sql(f, "SELECT n_failed FROM runs ORDER BY id DESC LIMIT 1", "3");
    f->engine.answer = tell;
    run_ok(f);
    assert_int_equal(f->st.n_done, 3);
    assert_int_equal(f->st.n_cached, 8);
    assert_in_range(f->engine.n_submitted, 2, 4); /* two questions, in one or two forms */
    assert_int_equal(f->undone.len, 0);
    assert_string_equal(strbuf_str(&f->rows), whole);
    mem_free(whole);
    end(f);
}

/* A worker that says hello and dies of the first text. */
static int die_of_work(void)
{
    uint8_t hello[8], request;

    protocol_put_u32(hello, PROTOCOL_HELLO);
    protocol_put_u32(hello + 4, PARSE_VERSION);
    if (write(STDOUT_FILENO, hello, sizeof(hello)) != (ssize_t)sizeof(hello) ||
        read(STDIN_FILENO, &request, 1) != 1)
        return 1;
    return kill(getpid(), SIGKILL);
}

/* The death of a parser is told, counted and kept; what another one could read is there. */
static void test_parsers_that_die(void **state)
{
    char self[PATH_MAX];
    struct strbuf script = {0}, path = {0};
    struct fix *f = begin(20);
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

    (void)state;
    assert_true(n > 0);
    self[n] = '\0';
    strbuf_printf(&path, "%s/worker", f->dir);
    strbuf_printf(&script,
                  "#!/bin/sh\n/bin/mkdir '%s/once' 2>/dev/null && exec '%s' --die\n"
                  "[ -e '%s/always' ] && exec '%s' --die\nexec '%s' --parse-worker\n",
                  f->dir, self, f->dir, self, self);
    write_text(f->dir, "worker", strbuf_str(&script));
    assert_int_equal(chmod(path.s, 0755), 0);
    fill_tree(f);
    f->o.worker_path = path.s;
    f->o.threads = 1;
    run_ok(f);
    assert_int_equal(count_rows(f), 11);
    assert_int_equal(f->st.n_parser_ends, 1);
    assert_int_equal(f->st.n_unparsed, 0);
    assert_non_null(strstr(strbuf_str(&f->notes), "a/same.c: its parser died; another one read"));
    expect_sql(f, "SELECT count(*) FROM events WHERE kind='note' AND text LIKE '%parser died%'",
               "1");
    write_text(f->dir, "always", "");
    write_text(f->tree, "new.c", "int last(void)\n{\n    return 1;\n}\n");
    for (int i = 0; i < 2; i++) { /* by the second run it is known */
        run_ok(f);
        assert_int_equal(f->st.n_unparsed, 1);
        assert_int_equal(f->st.n_parser_ends, i ? 0 : 2);
        assert_int_equal(count_rows(f), 12); /* in one piece */
        expect_row(f, 4, "new.c", "int last(void)", NULL);
        expect_sql(
            f,
            "SELECT kind||note FROM units JOIN files USING(path) WHERE path=CAST('new.c' AS BLOB)",
            "chunkparser crashed");
    }
    expect_sql(f, "SELECT count(*) FROM events WHERE text='new.c: parser crashed'", "1");
    strbuf_release(&script);
    strbuf_release(&path);
    end(f);
}

/* Files of languages without a grammar, notebooks and documents: units like others. */
static void test_chunks(void **state)
{
    struct fix *f = begin(21);
    json_t *o;

    (void)state;
    write_text(f->tree, "a.pl", "use strict;\nmy $sum = 0;\n$sum += $_ for @ARGV;\n");
    write_text(f->tree, "b.md", "# Start\n\n```sh\none\ntwo\nthree\nfour\nfive\n```\n");
    write_text(f->tree, "c.ipynb",
               "{\"nbformat\":4,\"metadata\":{\"language_info\":{\"name\":\"julia\"}},\n"
               "\"cells\":[{\"cell_type\":\"code\",\"outputs\":[{\"text\":\"hidden\"}],\n"
               "\"source\":[\"f(x) = 2x\\n\",\n\"f(3)\"]}]}");
    write_text(f->tree, "d.json", "{}");
    write_text(f->tree, "e.md", "Words only.\n");
    write_text(f->tree, "f.ipynb", "no notebook");
    run_ok(f);
    assert_int_equal(count_rows(f), 3);
    assert_int_equal(f->st.n_files, 4);
    assert_int_equal(f->st.n_skipped, 2);
    assert_int_equal(f->st.n_unparsed, 1);
    assert_non_null(strstr(strbuf_str(&f->notes), "f.ipynb: not a notebook"));
    expect_row(f, 0, "a.pl", "use strict", NULL);
    expect_row(f, 1, "b.md", "Start", NULL);
    o = row_at(f, 1);
    assert_string_equal(json_string_value(json_object_get(o, "language")), "bash");
    assert_string_equal(json_string_value(json_object_get(o, "kind")), "chunk");
    assert_int_equal(json_integer_value(json_object_get(o, "start_line")), 4);
    json_decref(o);
    expect_row(f, 2, "c.ipynb", "cell 1", NULL);
    o = row_at(f, 2);
    assert_string_equal(json_string_value(json_object_get(o, "language")), "julia");
    assert_int_equal(json_integer_value(json_object_get(o, "start_line")), 3);
    assert_int_equal(json_integer_value(json_object_get(o, "end_line")), 4);
    json_decref(o);
    run_ok(f);
    assert_int_equal(f->engine.n_submitted, 0);
    assert_int_equal(f->st.n_cached, 3);

    /* Moved down, into another file, and below another heading: nothing is asked. */
    write_text(f->tree, "a.pl",
               "# A new comment.\n\n=pod\n\nMore.\n\n=cut\n\n"
               "use strict;\nmy $sum = 0;\n$sum += $_ for @ARGV;\n");
    write_text(f->tree, "b.md", "");
    write_text(f->tree, "g.md", "Words.\n## Go\n~~~bash\n\none\ntwo\nthree\nfour\nfive\n~~~\n");
    write_text(f->tree, "c.ipynb",
               "{\"nbformat\":4,\"metadata\":{\"language_info\":{\"name\":\"julia\"}},\"cells\":[\n"
               "{\"cell_type\":\"markdown\",\"source\":\"# Why\"},\n"
               "{\"source\":\"f(x) = 2x\\nf(3)\",\"cell_type\":\"code\"}]}");
    run_ok(f);
    assert_int_equal(f->st.n_done, 1); /* a comment before the first line is part of it */
    assert_int_equal(count_rows(f), 3);
    expect_row(f, 1, "c.ipynb", "cell 2", NULL);
    expect_row(f, 2, "g.md", "Go", NULL);
    expect_sql(f, "SELECT count(*) FROM files WHERE path=CAST('b.md' AS BLOB)", "0");
    end(f);
}

static void test_two_at_once(void **state)
{
    struct fix *f = begin(14);
    struct store_place place;
    struct store *other;

    (void)state;
    fill_tree(f);
    assert_int_equal(store_place_init(&place, f->tree, NULL, NULL), 0);
    assert_int_equal(store_open(&other, &place, NULL), 0);
    assert_int_equal(run(f), DOBBY_E_CONFIG);
    assert_non_null(strstr(f->e.message, "another dobby"));
    assert_int_equal(store_close(other, NULL), 0);
    run_ok(f);
    store_place_release(&place);
    end(f);
}

static void test_options_are_checked(void **state)
{
    struct fix *f = begin(15);
    struct {
        struct dobby_summarize o;
        char more[16];
    } big = {.more = {0}};
    struct dobby_err e = {0};

    (void)state;
    f->o.dry_run = 1;
    big.o = f->o;
    big.o.size = sizeof(big); /* a newer caller that sets nothing new */
    assert_int_equal(dobby_summarize_tree(&big.o, NULL, &e), 0);
    big.more[15] = 1;
    assert_int_equal(dobby_summarize_tree(&big.o, NULL, &e), DOBBY_E_USAGE);
    f->o.size = offsetof(struct dobby_summarize, stop); /* an older one */
    assert_int_equal(run(f), 0);
    f->o.size = 0;
    assert_int_equal(run(f), DOBBY_E_USAGE);
    f->o.size = sizeof(f->o);
    f->o.agents = -1;
    assert_int_equal(run(f), DOBBY_E_USAGE);
    f->o.agents = 1;
    f->o.worker_path = NULL;
    assert_int_equal(run(f), DOBBY_E_USAGE);
    f->o.worker_path = "/bin/true"; /* no parser */
    write_text(f->tree, "a.c", same_c);
    assert_int_equal(run(f), DOBBY_E_CONFIG);
    f->o.worker_path = "/proc/self/exe";
    f->o.path = "/nowhere/at/all";
    assert_int_equal(run(f), DOBBY_E_NOTFOUND);
    end(f);
}

static void test_row_callback_ends_the_call(void **state)
{
    struct fix *f = begin(16);

    (void)state;
    fill_tree(f);
    f->row_code = 17;
    assert_int_equal(run(f), 17);
    assert_int_equal(count_rows(f), 1);
    end(f);
}

/* Refuse one allocation, here and there: every one would take minutes, as each run starts its parsers. */
static void faults(struct fix *f, size_t sparse)
{
    bool more = true;
    char *whole;

    fill_tree(f);
    run_ok(f);
    whole = take_rows(f);
    for (size_t n = 1; more; n += 1 + n / sparse) {
        int rc;

        sql(f, "DELETE FROM files; DELETE FROM summaries");
        fault_arm(FAULT_ALLOC, n, false);
        rc = run(f);
        more = fault_disarm(FAULT_ALLOC);
        /* The parsers' own allocations are not counted here; one that fails for notes only is survived. */
        if (rc != 0 && rc != DOBBY_E_NOMEM)
            fail_msg("allocation %zu: code %d: %s", n, rc, f->e.message);
        if (rc == DOBBY_E_NOMEM)
            run_ok(f);
        if (strcmp(strbuf_str(&f->rows), whole) != 0)
            fail_msg("allocation %zu changed the result: %s", n, strbuf_str(&f->notes));
    }
    mem_free(whole);
}

static void test_faults(void **state)
{
    struct fix *f = begin(17);

    (void)state;
    faults(f, 6);
    end(f);
}

static void test_faults_with_a_second_model(void **state)
{
    struct script_engine larger = {.answer = better, .seed = 17};
    struct fix *f = begin(17);

    (void)state;
    add_second(f, &larger);
    faults(f, 9);
    script_end(&larger);
    end(f);
}

static void test_disk_failure(void **state)
{
    struct fix *f = begin(18);
    size_t n = 1, failed = 0;
    char *whole;

    (void)state;
    fill_tree(f);
    run_ok(f);
    whole = take_rows(f);
    /* Each commit of a run in turn: the plan's, those of summaries. How many there are depends on how many
     * summaries a commit catches, so the runs go on until one gets through. */
    for (bool hit = true; hit; n++) {
        sql(f, "DELETE FROM files; DELETE FROM summaries");
        fault_arm(FAULT_SYNC, n, false);
        int rc = run(f);
        hit = fault_disarm(FAULT_SYNC);
        if (rc == 0) { /* no fault, or one in what may be lost: the remembered hash of the model */
            assert_string_equal(strbuf_str(&f->rows), whole);
        } else {
            assert_int_equal(rc, DOBBY_E_IO);
            assert_true(hit);
            assert_non_null(strstr(f->e.message, "cannot write to the store"));
            failed++;
        }
        run_ok(f);
        assert_string_equal(strbuf_str(&f->rows), whole);
    }
    assert_true(failed >= 2);
    mem_free(whole);
    end(f);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_and_second_run),
        cmocka_unit_test(test_same_for_any_number_of_agents),
        cmocka_unit_test(test_equal_code_is_asked_once),
        cmocka_unit_test(test_moves_edits_and_deletions),
        cmocka_unit_test(test_a_type_is_its_outline),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_no_docs),
        cmocka_unit_test(test_path_below_the_root),
        cmocka_unit_test(test_names_of_any_bytes),
        cmocka_unit_test(test_empty_tree),
        cmocka_unit_test(test_dry_run),
        cmocka_unit_test(test_changed_context_is_kept_until_refresh),
        cmocka_unit_test(test_quoted_comment_is_edited),
        cmocka_unit_test(test_body_is_edited),
        cmocka_unit_test(test_part_has_the_same_context),
        cmocka_unit_test(test_stopped_and_resumed),
        cmocka_unit_test(test_second_model),
        cmocka_unit_test(test_killed_and_resumed),
        cmocka_unit_test(test_file_changes_meanwhile),
        cmocka_unit_test(test_undone_units_are_what_the_next_run_does),
        cmocka_unit_test(test_parsers_that_die),
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_two_at_once),
        cmocka_unit_test(test_options_are_checked),
        cmocka_unit_test(test_row_callback_ends_the_call),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_faults_with_a_second_model),
        cmocka_unit_test(test_disk_failure),
    };

    if (argc > 1 && strcmp(argv[1], "--parse-worker") == 0)
        return dobby_parse_worker();
    if (argc > 1 && strcmp(argv[1], "--die") == 0)
        return die_of_work();
    if (argc > 4 && strcmp(argv[1], "--run") == 0)
        return run_as_child(argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
