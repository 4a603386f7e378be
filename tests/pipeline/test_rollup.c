/* test_rollup.c - sentences about files and directories that are made of names. */
#include "pipeline/rollup_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define F(n)                                                                                       \
    {                                                                                              \
        .name = n, .qualified = n, .kind = UNIT_FUNCTION                                           \
    }
#define M(q, n)                                                                                    \
    {                                                                                              \
        .name = n, .qualified = q, .kind = UNIT_METHOD, .depth = 1                                 \
    }

static void expect_file(enum language_id lang, const char *name, const struct unit *units, size_t n,
                        const char *shown, const char *want)
{
    const struct unit *sole;
    struct strbuf got = {0};
    struct dobby_err e = {0};
    int rc = rollup_file_text(&got, &sole, lang, name, units, n, &e);

    assert_int_equal(rc, want != NULL);
    assert_int_equal(sole != NULL, shown != NULL);
    if (sole)
        rollup_add(&got, sole->name, shown);
    assert_string_equal(strbuf_str(&got), want ? want : "");
    strbuf_release(&got);
}

static void test_files(void **state)
{
    static const struct unit shop[] = {F("load_prices"),
                                       F("total"),
                                       M("Cart.__init__", "__init__"),
                                       M("Cart.add", "add"),
                                       M("Cart.remove", "remove"),
                                       F("cheapest")};
    static const struct unit queue[] = {M("Queue.Push", "Push"), M("Queue.Pop", "Pop")};
    static const struct unit walk[] = {F("add_file"),  F("add_dir"),     F("pop"),
                                       F("push"),      F("visit"),       F("step"),
                                       F("walk_tree"), F("walk_release")};
    static const struct unit one[] = {F("clamp")};
    static const struct unit nested[] = {
        F("outer"),
        {.name = "inner", .qualified = "outer.inner", .kind = UNIT_FUNCTION, .depth = 1}};
    static const struct unit tests[] = {F("test_a"), F("test_b")};
    static const struct unit traits[] = {M("a::Tree::fmt", "fmt"), M("b::Tree::fmt", "fmt")};

    (void)state;
    expect_file(
        LANGUAGE_PYTHON, "shop.py", shop, 6, NULL,
        "Defines Cart with add and remove, and the functions load_prices, total and cheapest.");
    expect_file(LANGUAGE_GO, "queue.go", queue, 2, NULL,
                "Defines the methods Push and Pop of Queue.");
    expect_file(LANGUAGE_C, "walk.c", walk, 8, NULL,
                "Defines 8 functions: walk_tree, walk_release, add_file, add_dir, pop and 3 more.");
    expect_file(LANGUAGE_JAVASCRIPT, "clamp.js", one, 1, "Keeps a number in a range.",
                "Defines the function clamp: keeps a number in a range.");
    expect_file(LANGUAGE_JAVASCRIPT, "clamp.js", one, 1, "clamp keeps a number in a range.",
                "Defines the function clamp, which keeps a number in a range.");
    expect_file(LANGUAGE_JAVASCRIPT, "clamp.js", one, 1, "JSON goes in, numbers come out.",
                "Defines the function clamp: JSON goes in, numbers come out.");
    expect_file(LANGUAGE_PYTHON, "a.py", nested, 2, "", "Defines the function outer.");
    expect_file(LANGUAGE_C, "test_x.c", tests, 2, NULL, "Defines the tests test_a and test_b.");
    expect_file(LANGUAGE_RUST, "tree.rs", traits, 2, NULL, "Defines the method fmt of Tree.");
    expect_file(LANGUAGE_C, "empty.c", NULL, 0, NULL, NULL);
}

static void expect_directory(const struct rollup_child *child, size_t n, const char *want)
{
    struct strbuf got = {0};

    rollup_directory_text(&got, "src", child, n);
    assert_string_equal(strbuf_str(&got), want);
    strbuf_release(&got);
}

#define C_FILE(name, text, own)                                                                    \
    {                                                                                              \
        name, sizeof(name) - 1, text, own, false, LANGUAGE_C                                       \
    }

static void test_directories(void **state)
{
    static const struct rollup_child one[] = {C_FILE("a.c", "Defines the function f.", false)};
    static const struct rollup_child said[] = {C_FILE("a.c", "Sums of numbers.", true)};
    static const struct rollup_child silent[] = {C_FILE("a.c", NULL, false)};
    static const struct rollup_child few[] = {C_FILE("a.c", "Sums of numbers (base).", true),
                                              C_FILE("b.c", "Defines the function f.", false),
                                              {"lib", 3, "A library.", true, true, LANGUAGE_NONE}};
    static const struct rollup_child many[] = {
        C_FILE("a.c", NULL, false),      C_FILE("b.c", "Says it.", true),
        C_FILE("b.h", "Says it.", true), C_FILE("c.c", NULL, false),
        C_FILE("main.c", NULL, false),   C_FILE("src.c", NULL, false)};
    static const struct rollup_child mixed[] = {
        C_FILE("a.c", NULL, false),
        {"b.tsx", 5, NULL, false, false, LANGUAGE_TSX},
        {"c.ts", 4, NULL, false, false, LANGUAGE_TYPESCRIPT}};
    static const struct rollup_child odd[] = {C_FILE("a\x1b[2J\xff.c", NULL, false)};

    (void)state;
    expect_directory(one, 1, "Holds one file, a.c, which defines the function f.");
    expect_directory(said, 1, "Holds one file, a.c: sums of numbers.");
    expect_directory(silent, 1, "Holds one C file, a.c.");
    expect_directory(
        few, 3,
        "Holds 2 C files: a.c (sums of numbers) and b.c, and the directory lib (a library).");
    expect_directory(many, 6, "Holds 6 C files, among them b.c (says it), main.c and src.c.");
    expect_directory(mixed, 3, "Holds 3 files of TypeScript and C: a.c, b.tsx and c.ts.");
    expect_directory(odd, 1, "Holds one C file, a\\x1B[2J\\xFF.c.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_directories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
