/* test_resolve.c - which file an import means, in each language; what is not one file is none. */
#include "pipeline/resolve.h"
#include "support/test.h"

#include "base/size.h"

#include <stdio.h>
#include <string.h>

struct member {
    const char *path, *package;
};

struct fact {
    const char *path, *key, *value;
};

struct question {
    const char *from, *what, *want; /* a path, "package NAME", "standard", "itself" or "unknown" */
};

/* Lists end in a NULL. */
static void check(const char *const *files, const struct member *members, const struct fact *facts,
                  const struct question *questions)
{
    struct resolver *r = resolver_new();
    struct resolution out = {0};
    size_t n = 0;

    assert_non_null(r);
    for (; files[n]; n++) {
        const char *slash = strrchr(files[n], '/'), *name = slash ? slash + 1 : files[n];

        assert_true(n == 0 || strcmp(files[n - 1], files[n]) < 0); /* as the store gives them */
        assert_int_equal(resolver_add_file(r, files[n], strlen(files[n]),
                                           language_of_name(name, strlen(name)), NULL),
                         0);
    }
    for (; members && members->path; members++)
        for (size_t i = 0; i < n; i++)
            if (strcmp(files[i], members->path) == 0)
                assert_int_equal(
                    resolver_add_package(r, i, members->package, strlen(members->package), NULL),
                    0);
    for (; facts && facts->path; facts++)
        assert_int_equal(resolver_add_fact(r, facts->path, strlen(facts->path), facts->key,
                                           facts->value, strlen(facts->value), NULL),
                         0);
    resolver_ready(r);
    for (; questions->from; questions++) {
        static const char *const kinds[] = {"", "", "standard", "itself", "unknown"};
        bool child = questions->what[0] == '!';
        const char *what = questions->what + child;
        char got[256];
        size_t from = 0;

        while (from < n && strcmp(files[from], questions->from) != 0)
            from++;
        assert_true(from < n);
        assert_int_equal(resolver_ask(r, from, what, strlen(what), child, &out, NULL), 0);
        if (out.kind == RESOLVED_FILE)
            snprintf(got, sizeof(got), "%s", files[out.file]);
        else if (out.kind == RESOLVED_PACKAGE)
            snprintf(got, sizeof(got), "package %s", strbuf_str(&out.package));
        else
            snprintf(got, sizeof(got), "%s", kinds[out.kind]);
        if (strcmp(got, questions->want) != 0)
            fail_msg("%s in %s: %s, not %s", what, questions->from, got, questions->want);
    }
    strbuf_release(&out.package);
    resolver_free(r);
}

static void test_resolve_c(void **state)
{
    static const char *const files[] = {"a/include/own.h", "a/src/main.c",   "a/src/util.h",
                                        "b/include/own.h", "b/main.c",       "b/util.h",
                                        "include/lib.h",   "src/base/err.h", "src/code/walk.c",
                                        "src/code/walk.h", "tests/t.c",      NULL};
    static const struct question questions[] = {
        {"src/code/walk.c", "\"code/walk.h\"", "src/code/walk.h"},
        {"src/code/walk.c", "\"base/err.h\"", "src/base/err.h"},
        {"src/code/walk.c", "\"walk.h\"", "src/code/walk.h"},
        {"src/code/walk.c", "\"../base/err.h\"", "src/base/err.h"},
        {"src/code/walk.c", "\"../../../etc/passwd\"", "unknown"},
        {"src/code/walk.c", "\"lib.h\"", "include/lib.h"},
        {"src/code/walk.c", "<lib.h>", "include/lib.h"},
        {"src/code/walk.c", "<stdio.h>", "standard"},
        {"src/code/walk.c", "<sys/stat.h>", "standard"},
        {"src/code/walk.c", "<sqlite3.h>", "package sqlite3.h"},
        {"src/code/walk.c", "<openssl/sha.h>", "package openssl"},
        {"src/code/walk.c", "\"config.h\"", "unknown"},
        {"a/src/main.c", "\"own.h\"", "a/include/own.h"}, /* the nearer one */
        {"b/main.c", "\"own.h\"", "b/include/own.h"},
        {"tests/t.c", "\"own.h\"", "unknown"}, /* two, and neither is nearer */
        {"tests/t.c", "\"base/err.h\"", "src/base/err.h"},
        {"tests/t.c", "\"util.h\"", "unknown"},
        {"tests/t.c", "\"tests/t.c\"", "itself"},
        {NULL, NULL, NULL}};

    (void)state;
    check(files, NULL, NULL, questions);
}

static void test_resolve_python(void **state)
{
    static const char *const files[] = {"lib2/other/__init__.py",
                                        "proto/types/__init__.py",
                                        "setup.py",
                                        "src/pkg/__init__.py",
                                        "src/pkg/core.py",
                                        "src/pkg/json/__init__.py",
                                        "src/pkg/json/tag.py",
                                        "src/pkg/logging.py",
                                        "tests/conftest.py",
                                        "tests/helper.py",
                                        "tests/sub/test_a.py",
                                        "tools/run.py",
                                        "tools/util.py",
                                        "twice/a/two/__init__.py",
                                        "twice/b/two/__init__.py",
                                        NULL};
    static const struct question questions[] = {
        {"src/pkg/core.py", ".logging", "src/pkg/logging.py"},
        {"src/pkg/core.py", ".json.tag", "src/pkg/json/tag.py"},
        {"src/pkg/core.py", ".json.tag.Tag", "src/pkg/json/tag.py"},
        {"src/pkg/core.py", ".version", "src/pkg/__init__.py"}, /* a name in the package */
        {"src/pkg/core.py", ".logging.*", "src/pkg/logging.py"},
        {"src/pkg/core.py", ".*", "src/pkg/__init__.py"},
        {"src/pkg/json/tag.py", "..core.run", "src/pkg/core.py"},
        {"src/pkg/json/tag.py", "....core.run", "unknown"},
        {"src/pkg/json/tag.py", ".....core.run", "unknown"},
        {"src/pkg/core.py", "logging", "standard"}, /* not the one beside it */
        {"src/pkg/core.py", "json.loads", "standard"},
        {"src/pkg/core.py", "types", "standard"},
        {"src/pkg/core.py", "pkg.json", "src/pkg/json/__init__.py"},
        {"src/pkg/core.py", "requests.get", "package requests"},
        {"src/pkg/core.py", "two.x", "unknown"}, /* two packages of one name */
        {"tests/sub/test_a.py", "pkg.core.run", "src/pkg/core.py"},
        {"tests/sub/test_a.py", "pkg.missing.x", "unknown"},
        {"tests/sub/test_a.py", "helper", "tests/helper.py"},
        {"tests/sub/test_a.py", "other.thing", "lib2/other/__init__.py"},
        {"tests/sub/test_a.py", "util",
         "package util"}, /* no package: only for what is beside it */
        {"tools/run.py", "util.f", "tools/util.py"},
        {"tools/run.py", "run", "itself"},
        {NULL, NULL, NULL}};

    (void)state;
    check(files, NULL, NULL, questions);
}

static void test_resolve_scripts(void **state)
{
    static const char *const files[] = {"packages/app/main.ts",
                                        "packages/app/src/a.tsx",
                                        "packages/app/src/dir/index.ts",
                                        "packages/app/src/util.ts",
                                        "packages/lib/entry.js",
                                        "packages/lib/src/deep/x.ts",
                                        "root.js",
                                        NULL};
    static const struct fact facts[] = {{"packages/app/package.json", "name", "app"},
                                        {"packages/lib/package.json", "name", "@me/lib"},
                                        {"packages/lib/package.json", "main", "./entry"},
                                        {NULL, NULL, NULL}};
    static const struct question questions[] = {
        {"packages/app/main.ts", "./src/a", "packages/app/src/a.tsx"},
        {"packages/app/main.ts", "./src/util.js", "packages/app/src/util.ts"},
        {"packages/app/main.ts", "./src/dir", "packages/app/src/dir/index.ts"},
        {"packages/app/main.ts", "./src/dir/", "packages/app/src/dir/index.ts"},
        {"packages/app/main.ts", "./missing", "unknown"},
        {"packages/app/main.ts", "../../../../etc", "unknown"},
        {"packages/app/main.ts", "./style.css", "itself"},
        {"packages/app/main.ts", "../../root", "root.js"},
        {"packages/app/src/a.tsx", "@/util", "packages/app/src/util.ts"},
        {"packages/app/src/a.tsx", "@me/lib", "packages/lib/entry.js"},
        {"packages/app/src/a.tsx", "@me/lib/deep/x", "packages/lib/src/deep/x.ts"},
        {"packages/app/src/a.tsx", "@me/lib/none", "unknown"},
        {"packages/app/src/a.tsx", "@other/lib/none", "package @other/lib"},
        {"packages/app/src/a.tsx", "lodash/fp", "package lodash"},
        {"packages/app/src/a.tsx", "fs", "standard"},
        {"packages/app/src/a.tsx", "fs/promises", "standard"},
        {"packages/app/src/a.tsx", "node:test", "standard"},
        {"packages/app/src/a.tsx", "#internal", "unknown"},
        {NULL, NULL, NULL}};

    (void)state;
    check(files, NULL, facts, questions);
}

static void test_resolve_go_rust(void **state)
{
    static const char *const go[] = {
        "cmd/x/main.go", "sub/go/a.go",    "util-2/c.go", "util/a_test.go",
        "util/b.go",     "util/deep/z.go", NULL};
    static const struct fact modules[] = {{"go.mod", "name", "h.org/me/mod"},
                                          {"sub/go.mod", "name", "h.org/me/mod/sub"},
                                          {NULL, NULL, NULL}};
    static const struct question about_go[] = {
        {"cmd/x/main.go", "h.org/me/mod/util", "util/b.go"},
        {"cmd/x/main.go", "h.org/me/mod/util/deep", "util/deep/z.go"},
        {"cmd/x/main.go", "h.org/me/mod/sub/go", "sub/go/a.go"},
        {"cmd/x/main.go", "h.org/me/mod/none", "unknown"},
        {"cmd/x/main.go", "h.org/me/module", "package h.org/me"},
        {"cmd/x/main.go", "github.com/a/b/c/d", "package github.com/a/b"},
        {"cmd/x/main.go", "net/http", "standard"},
        {"cmd/x/main.go", "C", "standard"},
        {NULL, NULL, NULL}};
    static const char *const rust[] = {
        "core/src/lib.rs", "src/a.rs",       "src/a/b.rs",      "src/a/b/c.rs", "src/lib.rs",
        "src/main.rs",     "src/util/fs.rs", "src/util/mod.rs", "tests/it.rs",  NULL};
    static const struct fact crates[] = {{"Cargo.toml", "name", "my-crate"},
                                         {"core/Cargo.toml", "name", "my-core"},
                                         {NULL, NULL, NULL}};
    static const struct question about_rust[] = {
        {"src/lib.rs", "!a", "src/a.rs"},
        {"src/lib.rs", "!util", "src/util/mod.rs"},
        {"src/lib.rs", "!none", "unknown"},
        {"src/a.rs", "!b", "src/a/b.rs"},
        {"src/util/mod.rs", "!fs", "src/util/fs.rs"},
        {"src/a/b/c.rs", "crate::util::fs::read", "src/util/fs.rs"},
        {"src/a/b/c.rs", "crate::util::Thing", "src/util/mod.rs"},
        {"src/a/b/c.rs", "crate::Thing", "src/lib.rs"},
        {"src/a/b/c.rs", "super::x", "src/a/b.rs"},
        {"src/a/b/c.rs", "super::super::x", "src/a.rs"},
        {"src/a/b/c.rs", "super::super::super::util::x", "src/util/mod.rs"},
        {"src/a/b/c.rs", "super::super::super::super::super::x", "unknown"},
        {"src/a.rs", "self::b::c::x", "src/a/b/c.rs"},
        {"src/lib.rs", "a::b::x", "src/a/b.rs"},
        {"src/main.rs", "my_crate::util::fs::x", "src/util/fs.rs"},
        {"tests/it.rs", "my_core::x", "core/src/lib.rs"},
        {"src/a.rs", "std::io", "standard"},
        {"src/a.rs", "serde::de::x", "package serde"},
        {"src/a.rs", "Kind::*", "itself"},
        {NULL, NULL, NULL}};

    (void)state;
    check(go, NULL, modules, about_go);
    check(rust, NULL, crates, about_rust);
}

static void test_resolve_packages(void **state)
{
    static const char *const files[] = {"cs/A/Tool.cs",
                                        "cs/Split/one/X.cs",
                                        "cs/Split/two/Y.cs",
                                        "hs/app/Tree.hs",
                                        "java/com/me/A.java",
                                        "java/com/me/B.java",
                                        "java/dup/1/D.java",
                                        "java/dup/2/D.java",
                                        "kt/anywhere/use.kt",
                                        "kt/anywhere/util.kt",
                                        "php/src/Cart/Item.php",
                                        "php/src/boot.php",
                                        NULL};
    static const struct member members[] = {{"cs/A/Tool.cs", "Me.A"},
                                            {"cs/Split/one/X.cs", "Me.Split"},
                                            {"cs/Split/two/Y.cs", "Me.Split"},
                                            {"hs/app/Tree.hs", "Data.Tree.Own"},
                                            {"java/com/me/A.java", "com.me"},
                                            {"java/com/me/B.java", "com.me"},
                                            {"java/dup/1/D.java", "dup"},
                                            {"java/dup/2/D.java", "dup"},
                                            {"kt/anywhere/util.kt", "com.me.util"},
                                            {"php/src/Cart/Item.php", "Shop\\Cart"},
                                            {NULL, NULL}};
    static const struct question questions[] = {
        {"java/com/me/A.java", "com.me.B", "java/com/me/B.java"},
        {"java/com/me/A.java", "com.me.B.Inner.CONSTANT", "java/com/me/B.java"},
        {"java/com/me/B.java", "com.me.*", "java/com/me/A.java"},
        {"kt/anywhere/use.kt", "com.me.util.helper", "kt/anywhere/util.kt"},
        {"kt/anywhere/use.kt", "com.me.A", "java/com/me/A.java"},
        {"java/com/me/A.java", "com.me.Gone", "unknown"},
        {"java/com/me/A.java", "dup.D", "unknown"},
        {"java/com/me/A.java", "com.me.none.Gone", "unknown"},
        {"java/com/me/A.java", "java.util.List", "standard"},
        {"java/com/me/A.java", "org.junit.jupiter.api.Test", "package org.junit.jupiter"},
        {"cs/Split/one/X.cs", "Me.A", "cs/A/Tool.cs"},
        {"cs/A/Tool.cs", "Me.Split", "unknown"},
        {"cs/A/Tool.cs", "System.Linq", "standard"},
        {"cs/A/Tool.cs", "Newtonsoft.Json.Linq", "package Newtonsoft.Json"},
        {"php/src/boot.php", "Shop\\Cart\\Item", "php/src/Cart/Item.php"},
        {"php/src/boot.php", "$/Cart/Item.php", "php/src/Cart/Item.php"},
        {"php/src/boot.php", "Vendor\\Lib\\Deep\\X", "package Vendor\\Lib"},
        {"php/src/boot.php", "Exception", "standard"},
        {"hs/app/Tree.hs", "Data.Tree.Own", "itself"},
        {"hs/app/Tree.hs", "Data.List", "standard"},
        {NULL, NULL, NULL}};

    (void)state;
    check(files, members, NULL, questions);
}

static void test_resolve_paths(void **state)
{
    static const char *const files[] = {"Sources/Lib/Deep/a.swift",
                                        "Sources/Lib/b.swift",
                                        "Tests/t.swift",
                                        "bin/run.rb",
                                        "lib/shop.rb",
                                        "lib/shop/cart.rb",
                                        "lua/plug/init.lua",
                                        "lua/plug/util.lua",
                                        "ml/list.ml",
                                        "ml/main.ml",
                                        "ml2/other.ml",
                                        "scripts/lib.sh",
                                        "scripts/run",
                                        "scripts/run.sh",
                                        "zig/a.zig",
                                        "zig/b/c.zig",
                                        NULL};
    static const struct question questions[] = {
        {"bin/run.rb", "shop/cart", "lib/shop/cart.rb"},
        {"bin/run.rb", "./../lib/shop", "lib/shop.rb"},
        {"bin/run.rb", "json", "standard"},
        {"bin/run.rb", "rails/all", "package rails"},
        {"lua/plug/util.lua", "plug", "lua/plug/init.lua"},
        {"lua/plug/init.lua", "plug.util", "lua/plug/util.lua"},
        {"lua/plug/init.lua", "lpeg", "package lpeg"},
        {"ml/main.ml", "List", "ml/list.ml"}, /* beside it, before the standard one */
        {"ml/main.ml", "Other", "ml2/other.ml"},
        {"ml2/other.ml", "List", "standard"},
        {"ml2/other.ml", "Lwt", "package Lwt"},
        {"scripts/run.sh", "$/lib.sh", "scripts/lib.sh"},
        {"scripts/run.sh", "./lib.sh", "scripts/lib.sh"},
        {"scripts/run.sh", "/scripts/lib.sh", "standard"},
        {"zig/a.zig", "b/c.zig", "zig/b/c.zig"},
        {"zig/b/c.zig", "../a.zig", "zig/a.zig"},
        {"zig/a.zig", "std", "standard"},
        {"zig/a.zig", "known_folders", "package known_folders"},
        {"Tests/t.swift", "Lib", "Sources/Lib/Deep/a.swift"},
        {"Tests/t.swift", "Foundation", "standard"},
        {"Tests/t.swift", "Alamofire", "package Alamofire"},
        {NULL, NULL, NULL}};

    (void)state;
    check(files, NULL, NULL, questions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resolve_c),        cmocka_unit_test(test_resolve_python),
        cmocka_unit_test(test_resolve_scripts),  cmocka_unit_test(test_resolve_go_rust),
        cmocka_unit_test(test_resolve_packages), cmocka_unit_test(test_resolve_paths),
    };

    return cmocka_run_group_tests_name("pipeline/resolve", tests, NULL, NULL);
}
