/* test_chunk.c - files cut into chunks: what they cover, where they break, what they are called, and that nothing in a text
 * upsets them. */
#include "support/test.h"

#include "base/fault.h"
#include "base/mem.h"
#include "base/size.h"
#include "base/utf8.h"
#include "code/check.h"
#include "code/chunk.h"
#include "code/prompt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct unit_list cut(enum language_id lang, const char *text, size_t len)
{
    struct unit_list l;
    const char *note;

    assert_int_equal(chunk_text(&l, &note, lang, text, len, NULL), 0);
    assert_null(note);
    return l;
}

static struct unit_list cut_text(enum language_id lang, const char *text)
{
    return cut(lang, text, strlen(text));
}

static int line_at(const char *text, size_t at)
{
    int line = 1;

    for (size_t i = 0; i < at; i++)
        line += text[i] == '\n';
    return line;
}

/* Whatever the text: chunks lie in it, one behind the other, begin and end with something, and their lines are right. */
static void expect_sound(const struct unit_list *l, const char *text, size_t len)
{
    uint32_t before = 0;

    for (size_t i = 0; i < l->n; i++) {
        const struct unit *u = &l->units[i];

        assert_int_equal(u->kind, UNIT_CHUNK);
        assert_true(u->span.start >= before && u->span.start < u->span.end && u->span.end <= len);
        assert_null(memchr(" \t\r\n", text[u->span.start], 4));
        assert_null(memchr(" \t\r\n", text[u->span.end - 1], 4));
        assert_true(u->span.start == 0 || text[u->span.start - 1] != '\\');
        assert_true(u->name[0] && utf8_valid(u->name, strlen(u->name)));
        for (const char *c = u->name; *c; c++)
            assert_true((unsigned char)*c >= ' ');
        assert_true(u->start_line <= u->end_line);
        before = u->span.end;
    }
    if (l->n > 0) { /* all of them would take long */
        const struct unit *last = &l->units[l->n - 1];

        assert_int_equal(last->start_line, line_at(text, last->span.start));
        assert_int_equal(last->end_line, line_at(text, last->span.end));
    }
}

/* Functions of a made-up language with # comments; the texts of no two are alike. */
static void put_functions(struct strbuf *b, int from, int to)
{
    for (int i = from; i < to; i++) {
        strbuf_printf(b, "# Counts what is called %d.\nsub count_%d {\n    my ($of) = @_;\n", i, i);
        for (int k = 0; k < 3 + i * 7 % 23; k++)
            strbuf_printf(b, "%s    total_%d += of[%d]\n", k % 6 == 5 ? "\n" : "", i, k * i);
        strbuf_puts(b, "}\n\n");
    }
}

static void test_sizes_and_borders(void **state)
{
    struct strbuf b = {0};
    struct unit_list l;
    size_t at_functions = 0;

    (void)state;
    put_functions(&b, 0, 200);
    l = cut(LANGUAGE_PERL, strbuf_str(&b), b.len);
    expect_sound(&l, strbuf_str(&b), b.len);
    assert_true(l.n > 30);
    for (size_t i = 0; i < l.n; i++) {
        const struct unit *u = &l.units[i];
        int n = u->end_line - u->start_line + 1;

        assert_true(n <= CHUNK_MAX && n >= CHUNK_MIN - 1); /* a blank line at the end is dropped */
        at_functions += strncmp(b.s + u->span.start, "# Counts", 8) == 0;
        assert_int_equal(u->name[0] == 's', strncmp(b.s + u->span.start, "# Counts", 8) == 0);
        assert_true(span_len(u->span) <= CHUNK_MAX_BYTES);
    }
    assert_int_equal(at_functions, l.n); /* there is always one within reach */
    assert_string_equal(l.units[0].name, "sub count_0");
    assert_int_equal(l.units[0].start_line, 1);
    unit_list_release(&l);
    strbuf_release(&b);
}

static size_t n_same(const struct unit_list *a, const char *ta, const struct unit_list *b,
                     const char *tb)
{
    size_t n = 0;

    for (size_t i = 0; i < a->n; i++)
        for (size_t k = 0; k < b->n; k++) {
            struct span x = a->units[i].span, y = b->units[k].span;

            if (span_len(x) == span_len(y) &&
                memcmp(ta + x.start, tb + y.start, span_len(x)) == 0) {
                n++;
                break;
            }
        }
    return n;
}

/* Lines put in anywhere change the chunks around them; most of the rest are what they were. */
static void test_edits_stay_local(void **state)
{
    struct strbuf old = {0}, new = {0};
    size_t worst = 0, at;

    (void)state;
    put_functions(&old, 0, 200);
    for (at = 0; at < old.len; at += 1 + old.len / 40) {
        struct unit_list a = cut(LANGUAGE_PERL, strbuf_str(&old), old.len), b;
        const char *eol = memchr(old.s + at, '\n', old.len - at);
        size_t n = eol ? (size_t)(eol + 1 - old.s) : old.len, same;

        strbuf_reset(&new);
        strbuf_add(&new, old.s, n);
        for (int i = 0; i < 7; i++)
            strbuf_printf(&new, "say %zu\n", at + (size_t)i);
        strbuf_add(&new, old.s + n, old.len - n);
        b = cut(LANGUAGE_PERL, strbuf_str(&new), new.len);
        same = n_same(&a, strbuf_str(&old), &b, strbuf_str(&new));
        assert_true(a.n - same >= 1);
        worst = size_max(worst, a.n - same);
        unit_list_release(&a);
        unit_list_release(&b);
    }
    if (worst > 8)
        fail_msg("an edit changed %zu chunks", worst);
    strbuf_release(&old);
    strbuf_release(&new);
}

/* ---- anything at all ---------------------------------------------------------------------------- */

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void put_noise(struct strbuf *b, uint32_t *seed)
{
    static const char *const pieces[] = {
        "x = 1",     "\n",    "\n\n\n", "    ",      "\t}\n",         "# note\n",  "#!a\n",
        "sub f {\n", "end\n", "\r\n",   "\xff\xfe",  "\xe2\x82\xac",  "=pod\n",    "=cut\n",
        "__END__\n", "/*",    "*/\n",   "```perl\n", "~~~ python\n",  "```\n",     "## Head\n",
        "---\n",     "\"\n",  "\\\n",   "(*",        "-----BEGIN\n",  "<!--",      "-->\n",
        "{\"a\":[",  "]}",    "%%\n",   "'''",       "caf\xc3\xa9\n", "\x1b[2J\n", "\xc3",
    };
    size_t n = next(seed) % 400;

    for (size_t i = 0; i < n; i++) {
        uint32_t what = next(seed) % 45;

        if (what < ARRAY_LEN(pieces))
            strbuf_puts(b, pieces[what]);
        else if (what == 44 && next(seed) % 8 == 0)
            for (int k = 0; k < 7000; k++)
                strbuf_putc(b, 'w');
        else
            strbuf_putc(b, (char)(next(seed) & 0xff));
    }
}

/* Is a line of a language with # comments one of code? */
static bool is_code(const char *s, size_t n)
{
    while (n > 0 && memchr(" \t\r\n\f\v", *s, 6)) {
        s++;
        n--;
    }
    return n > 0 && s[0] != '#';
}

static void expect_covered(const struct unit_list *l, const char *text, size_t len)
{
    size_t at = 0, unit = 0;

    while (at < len) {
        const char *eol = memchr(text + at, '\n', len - at);
        size_t end = eol ? (size_t)(eol - text) : len, first = at;

        while (first < end && memchr(" \t\r\f\v", text[first], 5))
            first++;
        while (unit < l->n && l->units[unit].span.end <= first)
            unit++;
        if (is_code(text + at, end - at))
            assert_true(unit < l->n && l->units[unit].span.start <= first);
        at = end + 1;
    }
}

static void test_any_text(void **state)
{
    struct strbuf b = {0};
    uint32_t seed = 1;
    size_t n_chunks = 0;

    (void)state;
    for (int round = 0; round < 400; round++) {
        enum language_id lang =
            (enum language_id)(LANGUAGE_NONE + 1 + (unsigned)round % (LANGUAGE_COUNT - 1));
        struct unit_list l;
        const char *note;
        char *exact;

        strbuf_reset(&b);
        put_noise(&b, &seed);
        exact = mem_dup(strbuf_str(&b), b.len); /* of just this size, for a sanitizer */
        assert_non_null(exact);
        assert_int_equal(chunk_text(&l, &note, lang, exact, b.len, NULL), 0);
        if (lang != LANGUAGE_MARKDOWN)
            assert_true(note == NULL || lang == LANGUAGE_JUPYTER);
        expect_sound(&l, exact, b.len);
        n_chunks += l.n;
        unit_list_release(&l);
        l = cut(LANGUAGE_AWK, exact, b.len);
        expect_sound(&l, exact, b.len);
        expect_covered(&l, exact, b.len);
        unit_list_release(&l);
        l = cut(LANGUAGE_MARKDOWN, exact, b.len);
        expect_sound(&l, exact, b.len);
        assert_int_equal(l.n > 0, chunk_in_markdown(exact, b.len));
        unit_list_release(&l);
        mem_free(exact);
    }
    assert_true(n_chunks > 100);
    strbuf_release(&b);
}

/* Each in a few milliseconds, not in hours: lines of nothing, one endless line, keys without end, fences. */
static void test_large(void **state)
{
    static const char *const units[] = {"\n",
                                        "a\n",
                                        "a",
                                        "}\n",
                                        "\n\n\nx = 1\n",
                                        "-----BEGIN ",
                                        "```perl\n",
                                        "## Head\n~~~~ sh\n",
                                        "/* ",
                                        "=pod\n\n=cut\n",
                                        "[[",
                                        "{\"cells\":["};
    static const enum language_id langs[] = {LANGUAGE_PERL, LANGUAGE_CSS, LANGUAGE_MARKDOWN,
                                             LANGUAGE_JUPYTER};
    const size_t len = (size_t)1 << 20;
    char *text = malloc(len);

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        size_t n = strlen(units[i]);

        for (size_t at = 0; at < len; at++)
            text[at] = units[i][at % n];
        for (size_t k = 0; k < ARRAY_LEN(langs); k++) {
            struct unit_list l;
            const char *note;

            assert_int_equal(chunk_text(&l, &note, langs[k], text, len, NULL), 0);
            if (note)
                assert_int_equal(l.n, 0);
            if (note && langs[k] != LANGUAGE_JUPYTER)
                assert_string_equal(note, CHUNK_TOO_MANY);
            unit_list_release(&l);
        }
    }
    free(text);
}

/* ---- secrets ------------------------------------------------------------------------------------- */

static void prompt_text(struct strbuf *out, const struct unit *u, enum language_id lang,
                        const char *text, size_t len)
{
    assert_int_equal(prompt_code(out, u, lang, text, len, u, 1, NULL), 0);
}

/* Wherever a key stands, it is in one chunk: its inside would not be known for one. */
static void test_key_is_whole(void **state)
{
    (void)state;
    for (int before = 0; before < 130; before++) {
        struct strbuf b = {0}, code = {0};
        struct unit_list l;

        for (int i = 0; i < before; i++)
            strbuf_printf(&b, "line %d\n", i);
        strbuf_puts(&b, "my $key = <<KEY;\n-----BEGIN RSA PRIVATE KEY-----\n");
        for (int i = 0; i < 100; i++)
            strbuf_printf(&b, "%sMIIEpAIBAAKCAQEA%d\n", i % 9 == 8 ? "\n" : "", i);
        strbuf_puts(&b, "-----END RSA PRIVATE KEY-----\nKEY\n");
        for (int i = 0; i < 50; i++)
            strbuf_printf(&b, "then %d\n", i);
        l = cut(LANGUAGE_PERL, strbuf_str(&b), b.len);
        expect_sound(&l, strbuf_str(&b), b.len);
        for (size_t i = 0; i < l.n; i++) {
            prompt_text(&code, &l.units[i], LANGUAGE_PERL, strbuf_str(&b), b.len);
            assert_null(strstr(strbuf_str(&code), "MIIE"));
            assert_null(strstr(l.units[i].name, "MIIE"));
        }
        unit_list_release(&l);
        strbuf_release(&b);
        strbuf_release(&code);
    }
}

static void test_names(void **state)
{
    static const struct {
        enum language_id lang;
        const char *text, *want;
    } rows[] = {
        {LANGUAGE_MAKE, "# How it is built.\n\nall: prog test\n\tcc prog.c\n", "all: prog test"},
        {LANGUAGE_PERL, "#!/usr/bin/perl\nprint 1;\n", "print 1"},
        {LANGUAGE_SCHEME, "#!/usr/bin/guile\n(f)\n", "(f)"},
        {LANGUAGE_PERL, "\n}\n\nsub  run\t{\n    1;\n}\n", "sub  run"},
        {LANGUAGE_R, "password <- f(password = \"kX9#vLq2!mZp7Rt\")\n",
         "password <- f(password = \"[redacted:secret]\")"},
        {LANGUAGE_CSS, "/* one\n two */\n.button {\n}\n", ".button"},
        {LANGUAGE_CSS, "/* one */ .button {\n}\n", "/* one */ .button"},
        {LANGUAGE_TCL, "set x \x1b[2J\n", "set x \\x1B[2J"},
        {LANGUAGE_TCL, "a\xff\n", "a\\xFF"},
        {LANGUAGE_AWK, "{ ; }\n", "lines"},
        {LANGUAGE_VIM, "let some_quite_long_name = another_long_name + 12 + more_of_it\n",
         "let some_quite_long_name = another_long_name + 12 +"},
        {LANGUAGE_LUA, "--[[\nnot code\n]]\nlocal t = {\n1 }\n", "local t"}, /* its parser failed */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct unit_list l = cut_text(rows[i].lang, rows[i].text);

        assert_int_equal(l.n, 1);
        assert_string_equal(l.units[0].name, rows[i].want);
        assert_string_equal(l.units[0].qualified, rows[i].want);
        unit_list_release(&l);
    }
}

static void test_no_code_no_chunk(void **state)
{
    static const struct {
        enum language_id lang;
        const char *text;
    } rows[] = {
        {LANGUAGE_PERL, ""},
        {LANGUAGE_PERL, "\n  \n\t\n"},
        {LANGUAGE_PERL, "# a\n# b\n"},
        {LANGUAGE_PERL, "=head1 NAME\n\nWords.\n\n=cut\n"},
        {LANGUAGE_PERL, "=head1 NAME\n\nWords, and no end\n"},
        {LANGUAGE_PERL, "__END__\nThis is no code.\n"},
        {LANGUAGE_CSS, "/* a\n\n b */\n"},
        {LANGUAGE_LISP, "; a\n;; b"},
        {LANGUAGE_VIM, "\" a\n"},
    };
    struct unit_list l;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        l = cut_text(rows[i].lang, rows[i].text);
        if (l.n != 0)
            fail_msg("row %zu: %s", i, l.units[0].name);
        unit_list_release(&l);
    }
    l = cut_text(LANGUAGE_PERL, "=pod\n\nWords.\n\n=cut\n\nsub a { 1 }\n\n__DATA__\nrows\n");
    assert_int_equal(l.n, 1);
    assert_int_equal(l.units[0].start_line, 7);
    assert_int_equal(l.units[0].end_line, 7);
    unit_list_release(&l);
}

/* ---- Markdown ------------------------------------------------------------------------------------ */

#define FIVE "a 1\na 2\na 3\na 4\na 5\n"

static void test_markdown(void **state)
{
    static const struct {
        const char *text;
        const char *want; /* NAME:FIRST-LAST:LANGUAGE a block */
    } rows[] = {
        {"# Use `it` #\n\n```sh\n" FIVE "```\n", "Use `it`:4-8:bash "},
        {"~~~~ Python\n\n" FIVE "```\n~~~\n\n~~~~\n", "a 1:3-9:python "},
        {"```ruby\n" FIVE, "a 1:2-6:ruby "}, /* without an end */
        {"   ```c++ title=\"x\"\n" FIVE "   `````\n", "a 1:2-6:cpp "},
        {"    ```c\n" FIVE "```\n", ""}, /* indented code, then a fence without a language */
        {"```\n" FIVE "```\n", ""},
        {"```text\n" FIVE "```\n```json\n" FIVE "```\n", ""},
        {"```perl\na\nb\nc\nd\n\n```\n", ""}, /* too short */
        {"``` `perl\n" FIVE "```\n", ""},     /* no fence: a code span */
        {"```{r setup, echo=FALSE}\n" FIVE "```\n```{.python .n}\n" FIVE "```\n",
         "a 1:2-6:r a 1:9-13:python "},
        {"## Build\n```rust,ignore\n" FIVE "``` x\n```\n## Run\n```js\n" FIVE "```\n",
         "Build:3-8:rust Run:12-16:javascript "},
        {"---\n```sh\n---\n\n#nothing\n####### no\n#\t Yes\n```fsharp\r\n" FIVE "```\r\n",
         "Yes:9-13:fsharp "},
        {"---\n\n```lua\n" FIVE "```\n", "a 1:4-8:lua "}, /* no front matter: it has no end */
        {"# AKIAIOSFODNN7QWERTY2\n```go\n" FIVE "```\n", "[redacted:aws-key]:3-7:go "},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct unit_list l = cut_text(LANGUAGE_MARKDOWN, rows[i].text);
        struct strbuf got = {0};

        for (size_t k = 0; k < l.n; k++)
            strbuf_printf(&got, "%s:%d-%d:%s ", l.units[k].name, l.units[k].start_line,
                          l.units[k].end_line, language_get(l.units[k].language)->name);
        if (strcmp(strbuf_str(&got), rows[i].want) != 0)
            fail_msg("row %zu: %s", i, strbuf_str(&got));
        unit_list_release(&l);
        strbuf_release(&got);
    }
}

/* ---- notebooks ----------------------------------------------------------------------------------- */

static const char notebook[] =
    "{\n"
    " \"metadata\": {\"kernelspec\": {\"language\": \"R\"},\n"
    "  \"language_info\": {\"name\": \"python\"}},\n"
    " \"nbformat\": 4, \"nbformat_minor\": 5,\n"
    " \"cells\": [\n"
    "  {\"cell_type\": \"markdown\", \"metadata\": {}, \"source\": [\"# Title\"]},\n"
    "  {\n"
    "   \"cell_type\": \"code\",\n"
    "   \"outputs\": [{\"text\": [\"token SOURCE\\n\"], \"source\": [\"not this\"],\n"
    "     \"data\": {\"image/png\": \"iVBORw0KGgo ] } \\\" ,\"}}],\n"
    "   \"source\": [\n"
    "    \"import os\\n\",\n"
    "    \"%matplotlib inline\\n\",\n"
    "    \"print(\\\"\\u00e9 [x]\\\")\"\n"
    "   ],\n"
    "   \"metadata\": {\"source\": \"nor this\"}\n"
    "  },\n"
    "  {\"cell_type\": \"code\", \"source\": []},\n"
    "  {\"cell_type\": \"code\", \"source\": [\" \\n\", \"\\n\"]},\n"
    "  {\"source\": \"%%bash -s\\nls | wc -l\\n\", \"cell_type\": \"code\"},\n"
    "  {\"source\": \"%%html\\n<b>no</b>\", \"cell_type\": \"code\"},\n"
    "  {\"source\": [\"f(1)\", {\"a\": \"b\"}], \"cell_type\": \"code\"},\n"
    "  7, \"source\", [\"source\", \"x\"],\n"
    "  {\"source\": \"!pip install x\", \"cell_type\": \"code\"}\n"
    " ]\n"
    "}\n";

static void test_notebook(void **state)
{
    static const struct {
        const char *name, *language, *code;
        int start_line, end_line;
    } want[] = {
        {"cell 2", "python", "import os\n%matplotlib inline\nprint(\"\xc3\xa9 [x]\")", 12, 14},
        {"cell 5", "bash", "%%bash -s\nls | wc -l\n", 20, 20},
        {"cell 11", "python", "!pip install x", 24, 24},
    };
    struct unit_list l = cut_text(LANGUAGE_JUPYTER, notebook);
    struct strbuf code = {0};

    (void)state;
    assert_int_equal(l.n, ARRAY_LEN(want));
    for (size_t i = 0; i < l.n; i++) {
        const struct unit *u = &l.units[i];

        assert_string_equal(u->name, want[i].name);
        assert_string_equal(language_get(u->language)->name, want[i].language);
        assert_int_equal(u->start_line, want[i].start_line);
        assert_int_equal(u->end_line, want[i].end_line);
        prompt_text(&code, u, LANGUAGE_JUPYTER, notebook, sizeof(notebook) - 1);
        assert_string_equal(strbuf_str(&code), want[i].code);
    }
    unit_list_release(&l);
    strbuf_release(&code);
}

/* Positions from a damaged store: an error, never what a cell printed. */
static void test_notebook_wrong_span(void **state)
{
    struct strbuf out = {0};
    size_t n = sizeof(notebook) - 1;

    (void)state;
    for (uint32_t i = 0; i < n; i += 5)
        for (uint32_t k = i; k <= n; k += 7) {
            struct unit u = {.kind = UNIT_CHUNK, .name = "cell 1", .span = {i, k}};
            int rc;

            strbuf_reset(&out);
            rc = chunk_cell(&out, &u, notebook, n, NULL);
            assert_true(rc == 0 || rc == DOBBY_E_INTERNAL);
        }
    assert_int_equal(
        chunk_cell(&out, &(struct unit){.name = "cell 1", .span = {1, 4000}}, notebook, n, NULL),
        DOBBY_E_INTERNAL);
    strbuf_release(&out);
}

static void test_no_notebook(void **state)
{
    static const char *const texts[] = {"",
                                        "{",
                                        "[]",
                                        "{\"nbformat\":4",
                                        "{\"nbformat\":3,\"worksheets\":[]}",
                                        "{\"cells\":[{\"cell_type\":\"code\",\"source\":\"x\"}]}",
                                        "{\"nbformat\":4}x"};
    struct unit_list l;
    const char *note;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_int_equal(chunk_text(&l, &note, LANGUAGE_JUPYTER, texts[i], strlen(texts[i]), NULL),
                         0);
        assert_string_equal(note, CHUNK_NO_NOTEBOOK);
        assert_int_equal(l.n, 0);
        unit_list_release(&l);
    }
    l = cut_text(LANGUAGE_JUPYTER, "{\"nbformat\":4,\"cells\":{\"source\":\"x\"}}");
    assert_int_equal(l.n, 0);
    unit_list_release(&l);
    /* No word about its language: it is left open. */
    l = cut_text(LANGUAGE_JUPYTER,
                 "{\"nbformat\":4,\"cells\":[{\"cell_type\":\"code\",\"source\":\"x\"}]}");
    assert_int_equal(l.n, 1);
    assert_int_equal(l.units[0].language, LANGUAGE_NONE);
    unit_list_release(&l);
}

/* ---- words --------------------------------------------------------------------------------------- */

static void test_words(void **state)
{
    static const struct {
        enum language_id file, unit;
        const char *question, *summary;
    } rows[] = {
        {LANGUAGE_PERL, LANGUAGE_NONE, "Summarize this part of a Perl file in one sentence.",
         "Lines 3-40 of a Perl file."},
        {LANGUAGE_MAKE, LANGUAGE_NONE, "this part of a Makefile in", "Lines 3-40 of a Makefile."},
        {LANGUAGE_R, LANGUAGE_NONE, "this part of an R file in", "Lines 3-40 of an R file."},
        {LANGUAGE_SASS, LANGUAGE_NONE, "this part of a Sass file in", "Lines 3-40 of a Sass file."},
        {LANGUAGE_HCL, LANGUAGE_NONE, "this part of an HCL file in", "Lines 3-40 of an HCL file."},
        {LANGUAGE_ADA, LANGUAGE_NONE, "this part of an Ada file in", "Lines 3-40 of an Ada file."},
        {LANGUAGE_C, LANGUAGE_NONE, "this part of a C file in", "Lines 3-40 of a C file."},
        {LANGUAGE_JUPYTER, LANGUAGE_PYTHON, "this part of a Python notebook in",
         "Cell 7 of a Python notebook."},
        {LANGUAGE_JUPYTER, LANGUAGE_NONE, "this part of a Jupyter notebook in",
         "Cell 7 of a Jupyter notebook."},
        {LANGUAGE_MARKDOWN, LANGUAGE_BASH, "this piece of shell code in",
         "Lines 3-40 of a document, shell code."},
    };
    struct arena a = {0};
    struct strbuf b = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct unit u = {.kind = UNIT_CHUNK,
                         .language = rows[i].unit,
                         .name = "cell 7",
                         .qualified = "cell 7",
                         .start_line = 3,
                         .end_line = 40};
        struct prompt p;

        for (int attempt = 0; attempt < PROMPT_ATTEMPTS; attempt++) {
            assert_int_equal(
                prompt_build(&p, &a, &u, rows[i].file, "x", 1, 0, attempt, false, NULL, NULL), 0);
            assert_null(strstr(p.msg[p.n - 1].text, "cell 7")); /* the same wherever it stands */
            if (attempt == 0)
                assert_non_null(strstr(p.msg[p.n - 1].text, rows[i].question));
        }
        signature_summary(&b, &u, rows[i].file, "", 0);
        assert_string_equal(strbuf_str(&b), rows[i].summary);
    }
    arena_release(&a);
    strbuf_release(&b);
}

/* The 1st, 2nd, 3rd ... allocation is refused until it gets through. jansson has its own. */
static void test_nomem(void **state)
{
    static const struct {
        enum language_id lang;
        const char *text;
    } rows[] = {
        {LANGUAGE_PERL, "sub a {\n    1;\n}\n"},
        {LANGUAGE_MARKDOWN, "# A\n```sh\n" FIVE "```\n"},
        {LANGUAGE_JUPYTER, notebook},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t n = 0;
        int rc;

        fault_count(true);
        do {
            struct unit_list l;
            const char *note;

            fault_arm(FAULT_ALLOC, ++n, false);
            rc = chunk_text(&l, &note, rows[i].lang, rows[i].text, strlen(rows[i].text), NULL);
            assert_true(rc == 0 || rc == DOBBY_E_NOMEM);
            unit_list_release(&l);
            assert_int_equal(fault_live(), 0);
        } while (fault_disarm(FAULT_ALLOC));
        fault_count(false);
        assert_true(rc == 0 && n > 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_and_borders),
        cmocka_unit_test(test_edits_stay_local),
        cmocka_unit_test(test_any_text),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_key_is_whole),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_no_code_no_chunk),
        cmocka_unit_test(test_markdown),
        cmocka_unit_test(test_notebook),
        cmocka_unit_test(test_notebook_wrong_span),
        cmocka_unit_test(test_no_notebook),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_nomem),
    };

    return cmocka_run_group_tests_name("code/chunk", tests, NULL, NULL);
}
