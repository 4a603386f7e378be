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
    static const char *const data[] = {"a.json", "a.yaml", "a.yml",  "a.toml", "a.xml", "a.csv",
                                       "a.svg",  "a.txt",  "a.html", "a.ini",  "a.pod", "a.rst",
                                       "a.log",  "a.lock", "README", "LICENSE"};

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
    assert_int_equal(by_name("a.zsh"), LANGUAGE_ZSH);
    assert_int_equal(by_name("a.mli"), LANGUAGE_NONE); /* signatures only: no bodies */
    assert_int_equal(by_name("Gemfile.lock"), LANGUAGE_NONE);
    assert_int_equal(by_name("Makefile"), LANGUAGE_MAKE);
    assert_int_equal(by_name("CMakeLists.txt"), LANGUAGE_CMAKE);
    assert_int_equal(by_name("Dockerfile.dev"), LANGUAGE_DOCKERFILE);
    assert_int_equal(by_name("Dockerfile."), LANGUAGE_NONE);
    assert_int_equal(by_name(".vimrc"), LANGUAGE_VIM);
    assert_int_equal(by_name("a.ipynb"), LANGUAGE_JUPYTER);
    assert_int_equal(by_name("README.md"), LANGUAGE_MARKDOWN);
    for (size_t i = 0; i < ARRAY_LEN(data); i++) /* data and prose */
        assert_int_equal(by_name(data[i]), LANGUAGE_NONE);
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
    assert_int_equal(by_line("#!/bin/zsh\npython3\n"), LANGUAGE_ZSH);
    assert_int_equal(by_line("#!/usr/bin/perl -w\n"), LANGUAGE_PERL);
    assert_int_equal(by_line("#!/usr/bin/make -f\n"), LANGUAGE_MAKE);
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

/* Extensions that several languages share. */
static void test_language_shared(void **state)
{
    static const struct {
        const char *name, *text;
        enum language_id want;
    } rows[] = {
        {"a.m", "/* x */\n#import <A.h>\n", LANGUAGE_OBJECTIVE_C},
        {"a.m", "function y = f(x)\n  y = x;\nend\n", LANGUAGE_MATLAB},
        {"a.m", "Some words.\n", LANGUAGE_NONE},
        {"a.pl", "# x\nuse strict;\n", LANGUAGE_PERL},
        {"a.pl", ":- module(a, []).\n", LANGUAGE_PROLOG},
        {"a.t", "  $ ls\n  a\n", LANGUAGE_NONE},
        {"a.t", "use Test::More;\n", LANGUAGE_PERL},
        {"a.v", "module a(input b);\nendmodule\n", LANGUAGE_VERILOG},
        {"a.v", "module main\n\nfn main() {\n}\n", LANGUAGE_V},
        {"a.v", "Theorem x : True.\n", LANGUAGE_NONE},
        {"a.d", "module a;\n", LANGUAGE_D},
        {"a.d", "a.o: a.c a.h\n", LANGUAGE_NONE},
        {"a.py", "Theorem x : True.\n", LANGUAGE_PYTHON},
        {"cpanfile", "requires 'JSON';\n", LANGUAGE_PERL},
        {"a.groovy", "Some words.\n", LANGUAGE_GROOVY},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (refined(rows[i].name, rows[i].text) != rows[i].want)
            fail_msg("row %zu: %d", i, refined(rows[i].name, rows[i].text));
}

static void test_language_words(void **state)
{
    static const struct {
        const char *word;
        enum language_id want;
    } rows[] = {
        {"py", LANGUAGE_PYTHON},
        {"Python3", LANGUAGE_PYTHON},
        {"ipython", LANGUAGE_PYTHON},
        {"sh", LANGUAGE_BASH},
        {"Shell", LANGUAGE_BASH},
        {"C++", LANGUAGE_CPP},
        {"c#", LANGUAGE_CSHARP},
        {"JS", LANGUAGE_JAVASCRIPT},
        {"golang", LANGUAGE_GO},
        {"R", LANGUAGE_R},
        {"make", LANGUAGE_MAKE},
        {"makefile", LANGUAGE_MAKE},
        {"hcl", LANGUAGE_HCL},
        {"objc", LANGUAGE_OBJECTIVE_C},
        {"json", LANGUAGE_NONE},
        {"text", LANGUAGE_NONE},
        {"console", LANGUAGE_NONE},
        {"markdown", LANGUAGE_NONE},
        {"md", LANGUAGE_NONE},
        {"", LANGUAGE_NONE},
        {"a-word-that-is-longer-than-any", LANGUAGE_NONE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (language_of_word(rows[i].word, strlen(rows[i].word)) != rows[i].want)
            fail_msg("%s: %d", rows[i].word, language_of_word(rows[i].word, strlen(rows[i].word)));
    /* A store keeps the name: it has to lead back. */
    for (int i = LANGUAGE_NONE + 1; i < LANGUAGE_JUPYTER; i++) {
        const char *name = language_get((enum language_id)i)->name;

        if (language_of_word(name, strlen(name)) != (enum language_id)i)
            fail_msg("%s", name);
    }
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
        assert_true(!l->block_open == !l->block_close);
        assert_int_equal(language_has_grammar((enum language_id)i),
                         outline_grammar((enum language_id)i) != NULL);
        if (!language_has_grammar((enum language_id)i))
            continue;
        q = outline_query((enum language_id)i, &offset);
        if (!q)
            fail_msg("the query of %s does not fit its grammar at byte %u", l->name, offset);
        ts_query_delete(q);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_language_names),   cmocka_unit_test(test_language_shebang),
        cmocka_unit_test(test_language_headers), cmocka_unit_test(test_language_shared),
        cmocka_unit_test(test_language_words),   cmocka_unit_test(test_language_queries),
    };

    return cmocka_run_group_tests_name("code/language", tests, NULL, NULL);
}
