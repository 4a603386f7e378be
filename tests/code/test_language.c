/* test_language.c - names, first lines and texts that tell a language; the embedded queries. */
#include "support/test.h"

#include "base/size.h"
#include "code/language.h"
#include "code/outline.h"

#include <string.h>

static enum language_id by_name(const char *name)
{
    return language_of_name(name, strlen(name));
}

static enum language_id by_line(const char *text)
{
    return language_of_shebang(text, strlen(text));
}

static enum language_id refined(const char *name, const char *text)
{
    return language_refine(by_name(name), name, strlen(name), text, strlen(text));
}

static void test_language_names(void **state)
{
    (void)state;
    assert_int_equal(by_name("a.c"), LANGUAGE_C);
    assert_int_equal(by_name("a.C"), LANGUAGE_CPP);
    assert_int_equal(by_name("a.tar.py"), LANGUAGE_PYTHON);
    assert_int_equal(by_name("x.d.ts"), LANGUAGE_TYPESCRIPT);
    assert_int_equal(by_name("x.tsx"), LANGUAGE_TSX);
    assert_int_equal(by_name("Main.java"), LANGUAGE_JAVA);
    assert_int_equal(by_name("lib.rs"), LANGUAGE_RUST);
    assert_int_equal(by_name("a.go"), LANGUAGE_GO);
    assert_int_equal(by_name("a.mjs"), LANGUAGE_JAVASCRIPT);
    assert_int_equal(by_name("Clock.cs"), LANGUAGE_CSHARP);
    assert_int_equal(by_name("a.rb"), LANGUAGE_RUBY);
    assert_int_equal(by_name("a.rake"), LANGUAGE_RUBY);
    assert_int_equal(by_name("a.gemspec"), LANGUAGE_RUBY);
    assert_int_equal(by_name("Rakefile"), LANGUAGE_RUBY);
    assert_int_equal(by_name("Gemfile"), LANGUAGE_RUBY);
    assert_int_equal(by_name("a.php"), LANGUAGE_PHP);
    assert_int_equal(by_name("a.phtml"), LANGUAGE_PHP);
    assert_int_equal(by_name("a.kt"), LANGUAGE_KOTLIN);
    assert_int_equal(by_name("build.gradle.kts"), LANGUAGE_KOTLIN);
    assert_int_equal(by_name("a.swift"), LANGUAGE_SWIFT);
    assert_int_equal(by_name("a.scala"), LANGUAGE_SCALA);
    assert_int_equal(by_name("a.sc"), LANGUAGE_SCALA);
    assert_int_equal(by_name("a.lua"), LANGUAGE_LUA);
    assert_int_equal(by_name("a.sh"), LANGUAGE_BASH);
    assert_int_equal(by_name("a.bash"), LANGUAGE_BASH);
    assert_int_equal(by_name("a.zig"), LANGUAGE_ZIG);
    assert_int_equal(by_name("a.hs"), LANGUAGE_HASKELL);
    assert_int_equal(by_name("a.ml"), LANGUAGE_OCAML);
    assert_int_equal(by_name("a.sql"), LANGUAGE_SQL);
    assert_int_equal(by_name("a.zsh"), LANGUAGE_NONE);
    assert_int_equal(by_name("a.mli"), LANGUAGE_NONE); /* signatures only: no bodies */
    assert_int_equal(by_name("Gemfile.lock"), LANGUAGE_NONE);
    assert_int_equal(by_name(".c"), LANGUAGE_NONE); /* a hidden file, not an extension */
    assert_int_equal(by_name("c"), LANGUAGE_NONE);
    assert_int_equal(by_name("a."), LANGUAGE_NONE);
    assert_int_equal(by_name("a.PY"), LANGUAGE_NONE);
}

static void test_language_shebang(void **state)
{
    (void)state;
    assert_int_equal(by_line("#!/usr/bin/env python3\n"), LANGUAGE_PYTHON);
    assert_int_equal(by_line("#!/usr/bin/python3.11 -u\n"), LANGUAGE_PYTHON);
    assert_int_equal(by_line("#!/usr/bin/env -S node --flag"), LANGUAGE_JAVASCRIPT);
    assert_int_equal(by_line("#!/bin/sh\npython3\n"), LANGUAGE_BASH);
    assert_int_equal(by_line("#!/usr/bin/env -S bash -e\n"), LANGUAGE_BASH);
    assert_int_equal(by_line("#! /usr/bin/ruby3.1 -w\n"), LANGUAGE_RUBY);
    assert_int_equal(by_line("#!/usr/bin/env php8.2\n"), LANGUAGE_PHP);
    assert_int_equal(by_line("#!/usr/bin/lua5.4\n"), LANGUAGE_LUA);
    assert_int_equal(by_line("#!/bin/zsh\npython3\n"), LANGUAGE_NONE);
    assert_int_equal(by_line("#!/usr/bin/pythonic\n"), LANGUAGE_NONE);
    assert_int_equal(by_line("#!"), LANGUAGE_NONE);
    assert_int_equal(by_line(""), LANGUAGE_NONE);
}

static void test_language_headers(void **state)
{
    (void)state;
    assert_int_equal(refined("a.h", "struct a { int b; };\nint class_of(int);\n"), LANGUAGE_C);
    assert_int_equal(refined("a.h", "#pragma once\nclass Base;\n"), LANGUAGE_CPP);
    assert_int_equal(refined("a.h", "  namespace geo {\n"), LANGUAGE_CPP);
    assert_int_equal(refined("a.h", "template <typename T>\nT f();\n"), LANGUAGE_CPP);
    assert_int_equal(refined("a.h", "/*\nclass of values that sort\n*/\nint f(void);\n"),
                     LANGUAGE_C);
    assert_int_equal(refined("a.h", "#ifdef __cplusplus\nclass Guest;\n#endif\nint f(void);\n"),
                     LANGUAGE_C);
    assert_int_equal(refined("a.h", "#ifdef __cplusplus\n#endif\nclass Base {\n"), LANGUAGE_CPP);
    assert_int_equal(refined("a.c", "class Base;\n"), LANGUAGE_C); /* the name decides */
}

static void test_language_queries(void **state)
{
    int i;

    (void)state;
    assert_null(language_get(LANGUAGE_NONE));
    assert_null(language_get(LANGUAGE_COUNT));
    for (i = LANGUAGE_NONE + 1; i < LANGUAGE_COUNT; i++) {
        const struct language *l = language_get((enum language_id)i);
        TSQuery *q;
        uint32_t offset;

        assert_non_null(l);
        assert_true(strlen(l->name) > 0 && strlen(l->title) > 0);
        q = outline_query((enum language_id)i, &offset);
        if (!q)
            fail_msg("the query of %s does not fit its grammar at byte %u", l->name, offset);
        ts_query_delete(q);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_language_names),
        cmocka_unit_test(test_language_shebang),
        cmocka_unit_test(test_language_headers),
        cmocka_unit_test(test_language_queries),
    };

    return cmocka_run_group_tests_name("code/language", tests, NULL, NULL);
}
