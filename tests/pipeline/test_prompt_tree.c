/* test_prompt_tree.c - dobby_prompt_tree: what tests/cli/test_prompt.sh cannot stage. This program is its own parser worker. */
#include "store/store_help.h"
#include "support/tree_help.h"

#include "base/fault.h"
#include "base/strbuf.h"
#include "dobby.h"

struct fix {
    char *dir, *file;
    struct dobby_prompt o;
    struct strbuf seen; /* of each unit: its name, how many messages and examples, and its notes */
    int code, stop;
};

static int on_unit(void *ctx, const struct dobby_prompt_unit *u)
{
    struct fix *f = ctx;

    strbuf_printf(&f->seen, "%.*s:%s %zu-%zu", (int)u->path_len, u->path, u->name, u->n_msg,
                  u->n_examples);
    for (size_t i = 0; i < u->n_notes; i++)
        strbuf_printf(&f->seen, " %s:%s", u->notes[i].what, u->notes[i].name);
    strbuf_puts(&f->seen, "\n");
    return strbuf_failed(&f->seen) ? DOBBY_E_NOMEM : f->code;
}

static int setup(void **state)
{
    struct fix *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    f->dir = scratch_new();
    write_text(f->dir, ".dobby/.gitignore", "*\n");
    write_text(f->dir, "src/user.c",
               "int user(int a)\n{\n    return helper(a);\n}\n\n"
               "int other(int a)\n{\n    return 2 * a;\n}\n");
    write_text(f->dir, "lib/helper.c",
               "/* Helps with one value here. */\nint helper(int a)\n{\n    return a;\n}\n");
    assert_true(asprintf(&f->file, "%s/src/user.c", f->dir) > 0);
    DOBBY_INIT(f->o);
    f->o.path = f->file;
    f->o.worker_path = "/proc/self/exe";
    f->o.threads = 1;
    f->o.stop = &f->stop;
    f->o.ctx = f;
    f->o.on_unit = on_unit;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fix *f = *state;

    strbuf_release(&f->seen);
    free(f->file);
    scratch_remove(f->dir);
    free(f);
    return 0;
}

static int prompt(struct fix *f, struct dobby_err *e)
{
    *e = (struct dobby_err){0};
    strbuf_reset(&f->seen);
    return dobby_prompt_tree(&f->o, e);
}

#define BOTH "src/user.c:user 8-6 called:helper\nsrc/user.c:other 8-6\n"

static void test_units(void **state)
{
    struct fix *f = *state;
    struct dobby_err e;

    assert_int_equal(prompt(f, &e), 0);
    assert_string_equal(strbuf_str(&f->seen), BOTH);
    f->o.name = "user";
    f->o.bare = 1;
    assert_int_equal(prompt(f, &e), 0);
    assert_string_equal(strbuf_str(&f->seen), "src/user.c:user 2-0 called:helper\n");
    f->o.second = 1;
    assert_int_equal(prompt(f, &e), 0);
    assert_string_equal(strbuf_str(&f->seen), "src/user.c:user 2-0\n");
}

/* The prompt of a unit that needs none does not show what it hides, wherever that is said. */
static void test_own_comment_is_hidden(void **state)
{
    struct fix *f = *state;
    struct dobby_err e;

    write_text(f->dir, "src/user.c",
               "/* Says the same thing twice. */\nint user(int a)\n{\n    return a;\n}\n\n"
               "/* Says the same thing twice. */\nint twin(int a)\n{\n    return a;\n}\n\n"
               "/* Says another thing once. */\nint third(int a)\n{\n    return a;\n}\n");
    f->o.name = "user";
    assert_int_equal(prompt(f, &e), 0);
    assert_string_equal(strbuf_str(&f->seen), "src/user.c:user 8-6 near:third\n");
}

static void test_ends_early(void **state)
{
    struct fix *f = *state;
    struct dobby_err e;

    f->code = 7;
    assert_int_equal(prompt(f, &e), 7);
    assert_string_equal(strbuf_str(&f->seen), "src/user.c:user 8-6 called:helper\n");
    f->stop = 1;
    assert_int_equal(prompt(f, &e), DOBBY_E_CANCELLED);
    assert_string_equal(strbuf_str(&f->seen), "");
    f->stop = 0;
    f->o.store_path = "/nowhere/at/all.db";
    assert_int_equal(prompt(f, &e), DOBBY_E_NOTFOUND);
    assert_non_null(strstr(e.message, "/nowhere/at"));
    f->o.store_path = NULL;
    f->o.on_unit = NULL;
    assert_int_equal(prompt(f, &e), DOBBY_E_USAGE);
    f->o.on_unit = on_unit;
    f->o.path = NULL;
    assert_int_equal(prompt(f, &e), DOBBY_E_USAGE);
}

/* Refuse the 1st, 2nd, ... allocation until it gets through: a code, or the right units. */
static void test_faults(void **state)
{
    struct fix *f = *state;
    size_t n = 0;
    bool more = true;

    while (more) {
        struct dobby_err e;
        int rc;

        strbuf_release(&f->seen);
        fault_count(true);
        fault_arm(FAULT_ALLOC, ++n, false);
        rc = prompt(f, &e);
        more = fault_disarm(FAULT_ALLOC);
        if (rc != 0 && rc != DOBBY_E_NOMEM)
            fail_msg("allocation %zu: code %d: %s", n, rc, e.message);
        if (rc == 0)
            assert_string_equal(strbuf_str(&f->seen), BOTH);
        strbuf_release(&f->seen);
        assert_int_equal(fault_live(), 0);
        fault_count(false);
    }
    assert_true(n > 50);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {T(test_units), T(test_own_comment_is_hidden),
                                       T(test_ends_early), T(test_faults)};

    if (argc > 1 && strcmp(argv[1], "--parse-worker") == 0)
        return dobby_parse_worker();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
