/* test_doc_params.c - parameters that a comment names and the code lacks, in all dialects, and the other way round; and when nothing
 * is said. */
#include "support/test.h"

#include "base/size.h"
#include "base/strbuf.h"
#include "code/doc.h"

#include <string.h>

static void add(void *ctx, const char *name, size_t n)
{
    struct strbuf *out = ctx;

    strbuf_add(out, name, n);
    strbuf_putc(out, ' ');
}

struct row {
    enum language_id lang;
    const char *doc, *signature, *body, *want;
};

typedef void seek(const struct unit *u, enum language_id lang, const char *source, size_t len,
                  void (*fn)(void *ctx, const char *name, size_t n), void *ctx);

/* The source is the comment, the signature and the body; a docstring is the body's. */
static void expect_of(const struct row *r, seek *params)
{
    struct strbuf source = {0}, out = {0};
    struct unit u = {.name = "f", .qualified = "f"};
    bool docstring = r->doc[0] == '"';
    uint32_t doc = (uint32_t)strlen(r->doc), sig = (uint32_t)strlen(r->signature), at;

    if (docstring) {
        strbuf_printf(&source, "%s%s%s", r->signature, r->doc, r->body);
        u.docstring = (struct span){sig, sig + doc};
        at = 0;
    } else {
        strbuf_printf(&source, "%s%s%s", r->doc, r->signature, r->body);
        u.doc = (struct span){0, doc};
        at = doc;
    }
    u.span = (struct span){at, (uint32_t)source.len};
    u.signature = (struct span){at, at + sig};
    params(&u, r->lang, strbuf_str(&source), source.len, add, &out);
    if (strcmp(strbuf_str(&out), r->want) != 0)
        fail_msg("%s: \"%s\", not \"%s\"", r->doc, strbuf_str(&out), r->want);
    strbuf_release(&source);
    strbuf_release(&out);
}

static void expect(const struct row *r)
{
    expect_of(r, doc_stray_params);
}

#define C_SIG  "int f(const char *buf, size_t len)"
#define PY_SIG "def f(self, path, mode='r'):\n"

static void test_dialects(void **state)
{
    static const struct row rows[] = {
        {LANGUAGE_C, "/**\n * Does it.\n * @param buf a\n * @param size b\n */", C_SIG, "{}",
         "size "},
        {LANGUAGE_C, "/** \\param[in] buf a\n \\param [in,out] n b */", C_SIG, "{}", "n "},
        {LANGUAGE_C, "/// @param buf, len, more all of it\n/// @param more again", C_SIG, "{}",
         "more "},
        {LANGUAGE_C, "// @param bu a\n// @param buff b", C_SIG, "{}", "bu buff "},
        {LANGUAGE_JAVA, "/** @param <T> type\n * @param other x\n * @return y */", "T f(T one)",
         "{}", "other "},
        {LANGUAGE_JAVASCRIPT, "/** @param {{a: number}} one x\n * @param {string} [two=3] y */",
         "function f(one)", "{}", "two "},
        {LANGUAGE_TYPESCRIPT, "/** @param one.member - x\n * @param two - y */",
         "f(one: { member: A })", "{}", ""},
        {LANGUAGE_PYTHON, "\"\"\"Open.\n\n    :param str path: a\n    :param flags: b\n    \"\"\"",
         PY_SIG, "", "flags "},
        {LANGUAGE_PYTHON,
         "\"\"\"Open.\n\n    Args:\n        path (str): a:\n            deeper: no\n        "
         "flags: b\n        mode, encoding: c\n\n    Returns:\n        file: d\n    \"\"\"",
         PY_SIG, "", "flags encoding "},
        {LANGUAGE_PYTHON, "\"\"\"Args:\n        flag: a\n    Returns:\n        file: d\n    \"\"\"",
         PY_SIG, "", "flag "},
        {LANGUAGE_RUST,
         "/// Opens.\n///\n/// # Arguments\n///\n/// * `path` - a\n/// * `flags` - b\n///\n/// # "
         "Errors\n///\n/// * `none_such` - c",
         "fn f(path: &str)", "{}", "flags "},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect(&rows[i]);
}

static void test_says_nothing(void **state)
{
    static const struct row rows[] = {
        {LANGUAGE_C, "/** @param buf a\n * @param len b */", C_SIG, "{}", ""},
        {LANGUAGE_C, "/** @param none */", "int f(void)", "{}", ""},
        {LANGUAGE_C, "/** @param", C_SIG, "{}", ""},
        {LANGUAGE_C, "/** @param [in", C_SIG, "{}", ""},
        {LANGUAGE_C, "/** @parametrised by x\n * mail@param y */", C_SIG, "{}", ""},
        {LANGUAGE_C, "/** @param fmt a\n * @param values b */", "int f(const char *fmt, ...)", "{}",
         ""},
        {LANGUAGE_C, "", C_SIG, "{}", ""},
        {LANGUAGE_C, "/** @param size b */", "", "", ""},
        {LANGUAGE_PYTHON, "\"\"\":param a: x\n:param b: y\"\"\"", "def f(a, **options):\n", "", ""},
        {LANGUAGE_PYTHON, "\"\"\":param\n:param x\n:param a.b: y\"\"\"", "def f(a):\n", "", ""},
        {LANGUAGE_PYTHON, "\"\"\"Args:\n  so much for\n  a (int: x\n  every one: y\n\"\"\"",
         "def f(a):\n", "", ""},
        {LANGUAGE_PYTHON, "\"\"\"Args:\n  a: x\n\nA word: y\n  b: z\n\"\"\"", "def f(a):\n", "",
         ""},
        {LANGUAGE_JAVASCRIPT, "/** @param {object} options x */", "function f({ a, b })", "{}", ""},
        {LANGUAGE_JAVASCRIPT, "/** @param a x\n * @param b y */", "const f = (a) =>",
         "(b) => a + b", ""},
        {LANGUAGE_JAVASCRIPT, "/** @param {{ x */", "function f(a)", "{}", ""},
        {LANGUAGE_RUST, "/// * `flags` - b", "fn f(path: &str)", "{}", ""},
        {LANGUAGE_GO, "// f opens. Args: none of path.", "func f(p string)", "{}", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect(&rows[i]);
}

/* However many there are, the first ones are told. */
static void test_many(void **state)
{
    struct strbuf doc = {0};
    struct row r = {LANGUAGE_C, NULL, C_SIG, "{}",
                    "p0 p1 p2 p3 p4 p5 p6 p7 p8 p9 p10 p11 p12 p13 "
                    "p14 p15 "};

    (void)state;
    strbuf_puts(&doc, "/**\n");
    for (int i = 0; i < 40; i++)
        strbuf_printf(&doc, " * @param p%d x\n", i);
    strbuf_puts(&doc, " */");
    r.doc = strbuf_str(&doc);
    expect(&r);
    strbuf_release(&doc);
}

/* What the comment of a type calls its parameters are those of a constructor that stands somewhere in it, or its fields. */
static void test_types_have_none(void **state)
{
    static const char source[] =
        "/** A point.\n * @param x where it is */\nclass P {\n  P(int y) {}\n}";
    struct unit u = {.name = "P", .qualified = "P", .kind = UNIT_TYPE};
    struct strbuf out = {0};

    (void)state;
    u.doc = (struct span){0, (uint32_t)(strstr(source, "class") - source) - 1};
    u.span = (struct span){u.doc.end + 1, sizeof(source) - 1};
    u.signature = (struct span){u.span.start, u.span.start + 7};
    doc_stray_params(&u, LANGUAGE_JAVA, source, sizeof(source) - 1, add, &out);
    assert_int_equal(out.len, 0);
    u.kind = UNIT_METHOD; /* it would be told */
    doc_stray_params(&u, LANGUAGE_JAVA, source, sizeof(source) - 1, add, &out);
    assert_string_equal(strbuf_str(&out), "x ");
    strbuf_release(&out);
}

static void test_missing(void **state)
{
    static const struct row rows[] = {
        {LANGUAGE_C, "/** @param buf a */", C_SIG, "{}", "len "},
        {LANGUAGE_C, "/** @param buf a\n * @param size b */", C_SIG, "{}", "len "},
        {LANGUAGE_C, "/** Reads len bytes.\n * @param buf a */", C_SIG, "{}", ""},
        {LANGUAGE_C, "/** Reads it. */", C_SIG, "{}", ""},
        {LANGUAGE_C, "/** @param size b */", C_SIG, "{}", ""},
        {LANGUAGE_C, "/** @param buf a */", "int f(char *buf, ...)", "{}", ""},
        {LANGUAGE_C, "/** @param buf a */", "int f(char *buf, int)", "{}", ""},
        {LANGUAGE_CPP, "/** @param buf a */", "void f(char *buf, Event, int n)", "{}", "n "},
        {LANGUAGE_C, "/** @param buf a */", "int f(char *buf, void (*done)(int n, int m))", "{}",
         "done "},
        {LANGUAGE_PYTHON, "\"\"\"Does.\n\n    Args:\n        path: a\n    \"\"\"", PY_SIG, "",
         "mode "},
        {LANGUAGE_PYTHON, "\"\"\":param path: a\"\"\"", "def f(cls, path, _x=1, *rest):\n", "", ""},
        {LANGUAGE_PYTHON, "\"\"\":param path: a\"\"\"", "def f(cls, path, _x=1):\n", "", ""},
        {LANGUAGE_JAVA, "/** @param a x */", "int f(int a, Map<K, List<V>> b)", "{}", "b "},
        {LANGUAGE_TYPESCRIPT, "/** @param a x */",
         "function f(a: (x: T, y: T) => U, b?: (i: T, j: U) => V): W", "{}", "b "},
        {LANGUAGE_TYPESCRIPT, "/** @param a x */", "function f(a: T, { b, c }: U)", "{}", ""},
        {LANGUAGE_RUST, "/// # Arguments\n/// * `path` - x", "fn f(path: &str, flags: u32)", "{}",
         "flags "},
        {LANGUAGE_KOTLIN, "/** @param a x */", "fun f(a: Int, b: Int)", "{}", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect_of(&rows[i], doc_missing_params);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dialects), cmocka_unit_test(test_says_nothing),
        cmocka_unit_test(test_many),     cmocka_unit_test(test_types_have_none),
        cmocka_unit_test(test_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
