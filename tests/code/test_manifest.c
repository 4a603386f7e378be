/* test_manifest.c - what manifests say, and texts that are none. */
#include "code/manifest.h"
#include "support/test.h"

#include "base/strbuf.h"

#include <string.h>

static struct manifest m;

static void check(const char *path, const char *text, const char *want)
{
    struct strbuf got = {0};
    struct dobby_err e = {0};

    assert_true(manifest_is(path, strlen(path)));
    if (manifest_read(&m, path, strlen(path), text, strlen(text), &e) != 0)
        fail_msg("%s", e.message);
    for (size_t i = 0; i < m.n; i++)
        strbuf_printf(&got, "%s %s\n", m.facts[i].key, m.facts[i].value);
    assert_string_equal(strbuf_str(&got), want);
    strbuf_release(&got);
    manifest_release(&m);
}

static void test_manifests(void **state)
{
    (void)state;
    check("go.mod", "// a comment\nmodule example.org/a/b // why\n\ngo 1.21\nmodule second\n",
          "name example.org/a/b\n");
    check("x/go.mod", "module \"quoted.org/c\"\n", "name quoted.org/c\n");
    check("package.json",
          "{\"name\":\"@me/tool\",\"main\":\"./lib/a.js\",\"module\":\"./lib/a.mjs\","
          "\"bin\":{\"tool\":\"bin/t.js\",\"a=b\":\"x\",\"other\":7}}",
          "name @me/tool\nmain ./lib/a.js\nmain ./lib/a.mjs\nrun tool=bin/t.js\n");
    check("package.json", "{\"name\":\"@me/tool\",\"bin\":\"./t.js\"}",
          "name @me/tool\nmain index.js\nrun tool=./t.js\n");
    check("package.json", "{\"private\":true}", "");
    check("package.json", "[1]", "");
    check("a/Cargo.toml",
          "[package]\nname = \"my-crate\" # \"x\"\nversion = \"1\"\n[lib]\nname = \"l\"\n"
          "path = 'src/l.rs'\n[dependencies]\nname = \"no\"\n[[bin]]\nname = \"no\"\n",
          "name my-crate\nmain src/l.rs\n");
    check("pyproject.toml",
          "[build-system]\nrequires = [\"x\"]\n[project]\nname='Shop'\ndescription = \"\"\"\n"
          "[project]\nname = \"no\"\n\"\"\"\n[project.scripts]\nshop = \"shop.cli:main\"\n"
          "\"shop-2\" = \"shop.two:run\"\n[tool.other]\nshop = \"no\"\n",
          "name Shop\nrun shop=shop.cli:main\nrun shop-2=shop.two:run\n");
}

static void test_no_manifests(void **state)
{
    static const char *const bad[] = {"", "{", "nonsense", "{\"name\":\"a\",}", "\xff\xfe"};
    struct dobby_err e = {0};

    (void)state;
    assert_false(manifest_is("a/go.mod.bak", 12));
    assert_false(manifest_is("package.jsonc", 13));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_true(manifest_read(&m, "package.json", 12, bad[i], strlen(bad[i]), &e) < 0);
    check("pyproject.toml", "[project\nname=\"a\nname=\n=\n[]]\n\xff=\"\xff\"\n\"\"\"", "");
    check("go.mod", "module\nmodule \nmodulex y\n", "");
    check("Cargo.toml", "[package]\nname = \"a\x1b[31m\"\n", "");
    check("package.json", "{\"name\":\"a\\u0000b\",\"main\":\"x\\ny\",\"exports\":1}", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifests),
        cmocka_unit_test(test_no_manifests),
    };

    return cmocka_run_group_tests_name("code/manifest", tests, NULL, NULL);
}
