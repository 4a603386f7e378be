/* language.c - table of languages, and how a file's language is told (code). The manual is language.h. */
#include "code/language.h"

#include "base/size.h"

#include <string.h>

/* Made from queries/NAME.scm by the linker: see the Makefile. */
#define QUERY(name)                                                                                \
    extern const char _binary_src_code_queries_##name##_scm_start[];                               \
    extern const char _binary_src_code_queries_##name##_scm_end[];
QUERY(c)
QUERY(cpp)
QUERY(python)
QUERY(javascript)
QUERY(typescript)
QUERY(go)
QUERY(rust)
QUERY(java)
QUERY(csharp)
QUERY(ruby)
QUERY(php)
QUERY(kotlin)
QUERY(swift)
QUERY(scala)
QUERY(lua)
QUERY(bash)
QUERY(zig)
QUERY(haskell)
QUERY(ocaml)
QUERY(sql)
#undef QUERY

struct query_text {
    const char *start, *end;
};
#define QUERY(name)                                                                                \
    {                                                                                              \
        _binary_src_code_queries_##name##_scm_start, _binary_src_code_queries_##name##_scm_end     \
    }

/* TSX is TypeScript with elements in it: one query serves both. */
static const struct query_text queries[LANGUAGE_COUNT] = {
    [LANGUAGE_C] = QUERY(c),
    [LANGUAGE_CPP] = QUERY(cpp),
    [LANGUAGE_PYTHON] = QUERY(python),
    [LANGUAGE_JAVASCRIPT] = QUERY(javascript),
    [LANGUAGE_TYPESCRIPT] = QUERY(typescript),
    [LANGUAGE_TSX] = QUERY(typescript),
    [LANGUAGE_GO] = QUERY(go),
    [LANGUAGE_RUST] = QUERY(rust),
    [LANGUAGE_JAVA] = QUERY(java),
    [LANGUAGE_CSHARP] = QUERY(csharp),
    [LANGUAGE_RUBY] = QUERY(ruby),
    [LANGUAGE_PHP] = QUERY(php),
    [LANGUAGE_KOTLIN] = QUERY(kotlin),
    [LANGUAGE_SWIFT] = QUERY(swift),
    [LANGUAGE_SCALA] = QUERY(scala),
    [LANGUAGE_LUA] = QUERY(lua),
    [LANGUAGE_BASH] = QUERY(bash),
    [LANGUAGE_ZIG] = QUERY(zig),
    [LANGUAGE_HASKELL] = QUERY(haskell),
    [LANGUAGE_OCAML] = QUERY(ocaml),
    [LANGUAGE_SQL] = QUERY(sql),
};
#undef QUERY

/* Comments as in C. */
#define SLASHES "//", "/*", "*/"

static const struct language languages[LANGUAGE_COUNT] = {
    [LANGUAGE_C] = {"c", "C", "c", SLASHES, ".", ".", .params = PARAMS_DECLARATOR, .self = "void"},
    [LANGUAGE_CPP] = {"cpp", "C++", "cpp", SLASHES, "::", "::", .params = PARAMS_DECLARATOR,
                      .self = "void"},
    [LANGUAGE_PYTHON] = {"python", "Python", "python", "#", NULL, NULL, ".", ".",
                         .params = PARAMS_BEFORE_COLON, .self = "self cls",
                         .make = "__init__ __new__", .docstrings = true},
    [LANGUAGE_JAVASCRIPT] = {"javascript", "JavaScript", "javascript", SLASHES, ".", ".",
                             .params = PARAMS_BEFORE_COLON, .make = "constructor"},
    [LANGUAGE_TYPESCRIPT] = {"typescript", "TypeScript", "typescript", SLASHES, ".", ".",
                             .params = PARAMS_BEFORE_COLON, .make = "constructor"},
    [LANGUAGE_TSX] = {"tsx", "TypeScript", "tsx", SLASHES, ".", ".", .params = PARAMS_BEFORE_COLON,
                      .make = "constructor"},
    [LANGUAGE_GO] = {"go", "Go", "go", SLASHES, ".", ".", .params = PARAMS_BEFORE_TYPE},
    [LANGUAGE_RUST] = {"rust", "Rust", "rust", SLASHES, "::", "::", .params = PARAMS_BEFORE_COLON,
                       .self = "self"},
    [LANGUAGE_JAVA] = {"java", "Java", "java", SLASHES, ".", ".", .params = PARAMS_AFTER_TYPE},
    [LANGUAGE_CSHARP] = {"csharp", "C#", "csharp", SLASHES, ".", ".", .params = PARAMS_AFTER_TYPE,
                         .xml_docs = true},
    [LANGUAGE_RUBY] = {"ruby", "Ruby", "ruby", "#", "=begin", "=end", "::", ".",
                       .params = PARAMS_BEFORE_COLON, .make = "initialize"},
    [LANGUAGE_PHP] = {"php", "PHP", "php", SLASHES, "\\", "::", .params = PARAMS_AFTER_TYPE,
                      .make = "__construct", .unmake = "__destruct"},
    [LANGUAGE_KOTLIN] = {"kotlin", "Kotlin", "kotlin", SLASHES, ".", ".",
                         .params = PARAMS_BEFORE_COLON, .make = "constructor"},
    [LANGUAGE_SWIFT] = {"swift", "Swift", "swift", SLASHES, ".", ".", .params = PARAMS_BEFORE_COLON,
                        .make = "init", .unmake = "deinit"},
    [LANGUAGE_SCALA] = {"scala", "Scala", "scala", SLASHES, ".", ".", .params = PARAMS_BEFORE_COLON,
                        .make = "this"},
    [LANGUAGE_LUA] = {"lua", "Lua", "lua", "--", "--[[", "]]", ".", ".",
                      .params = PARAMS_BEFORE_COLON, .self = "self"},
    [LANGUAGE_BASH] = {"bash", "shell", "bash", "#", NULL, NULL, ".", ".", .params = PARAMS_UNSAID},
    [LANGUAGE_ZIG] = {"zig", "Zig", "zig", "//", NULL, NULL, ".", ".",
                      .params = PARAMS_BEFORE_COLON, .self = "self"},
    [LANGUAGE_HASKELL] = {"haskell", "Haskell", "haskell", "--", "{-", "-}", ".", ".",
                          .params = PARAMS_UNSAID},
    [LANGUAGE_OCAML] = {"ocaml", "OCaml", "ocaml", NULL, "(*", "*)", ".", ".",
                        .params = PARAMS_UNSAID},
    [LANGUAGE_SQL] = {"sql", "SQL", "sql", "--", "/*", "*/", ".", ".",
                      .params = PARAMS_BEFORE_TYPE},
};
#undef SLASHES

struct extension {
    const char *text; /* without a dot; case matters: .C is C++ */
    enum language_id id;
};

static const struct extension extensions[] = {
    {"c", LANGUAGE_C},
    {"h", LANGUAGE_C},
    {"cc", LANGUAGE_CPP},
    {"cpp", LANGUAGE_CPP},
    {"cxx", LANGUAGE_CPP},
    {"c++", LANGUAGE_CPP},
    {"C", LANGUAGE_CPP},
    {"hh", LANGUAGE_CPP},
    {"hpp", LANGUAGE_CPP},
    {"hxx", LANGUAGE_CPP},
    {"h++", LANGUAGE_CPP},
    {"ipp", LANGUAGE_CPP},
    {"tpp", LANGUAGE_CPP},
    {"py", LANGUAGE_PYTHON},
    {"pyi", LANGUAGE_PYTHON},
    {"pyw", LANGUAGE_PYTHON},
    {"js", LANGUAGE_JAVASCRIPT},
    {"mjs", LANGUAGE_JAVASCRIPT},
    {"cjs", LANGUAGE_JAVASCRIPT},
    {"jsx", LANGUAGE_JAVASCRIPT},
    {"ts", LANGUAGE_TYPESCRIPT},
    {"mts", LANGUAGE_TYPESCRIPT},
    {"cts", LANGUAGE_TYPESCRIPT},
    {"tsx", LANGUAGE_TSX},
    {"go", LANGUAGE_GO},
    {"rs", LANGUAGE_RUST},
    {"java", LANGUAGE_JAVA},
    {"cs", LANGUAGE_CSHARP},
    {"rb", LANGUAGE_RUBY},
    {"rake", LANGUAGE_RUBY},
    {"gemspec", LANGUAGE_RUBY},
    {"php", LANGUAGE_PHP},
    {"phtml", LANGUAGE_PHP},
    {"kt", LANGUAGE_KOTLIN},
    {"kts", LANGUAGE_KOTLIN},
    {"swift", LANGUAGE_SWIFT},
    {"scala", LANGUAGE_SCALA},
    {"sc", LANGUAGE_SCALA},
    {"lua", LANGUAGE_LUA},
    {"sh", LANGUAGE_BASH},
    {"bash", LANGUAGE_BASH},
    {"zig", LANGUAGE_ZIG},
    {"hs", LANGUAGE_HASKELL},
    {"ml", LANGUAGE_OCAML},
    {"sql", LANGUAGE_SQL},
};

/* Files that go by their whole name. */
static const struct extension names[] = {
    {"Rakefile", LANGUAGE_RUBY},
    {"Gemfile", LANGUAGE_RUBY},
};

/* What interpreter lines name; a version may follow: python3.11, lua5.4. */
static const struct extension programs[] = {
    {"python", LANGUAGE_PYTHON},   {"pypy", LANGUAGE_PYTHON},
    {"node", LANGUAGE_JAVASCRIPT}, {"nodejs", LANGUAGE_JAVASCRIPT},
    {"deno", LANGUAGE_TYPESCRIPT}, {"sh", LANGUAGE_BASH},
    {"bash", LANGUAGE_BASH},       {"dash", LANGUAGE_BASH},
    {"ruby", LANGUAGE_RUBY},       {"php", LANGUAGE_PHP},
    {"lua", LANGUAGE_LUA},         {"luajit", LANGUAGE_LUA},
    {"runghc", LANGUAGE_HASKELL},  {"runhaskell", LANGUAGE_HASKELL},
};

const struct language *language_get(enum language_id id)
{
    if ((int)id <= LANGUAGE_NONE || id >= LANGUAGE_COUNT)
        return NULL;
    return &languages[id];
}

const char *language_query(enum language_id id, size_t *len)
{
    if (!language_get(id)) {
        *len = 0;
        return "";
    }
    *len = (size_t)(queries[id].end - queries[id].start);
    return queries[id].start;
}

static enum language_id find_text(const struct extension *rows, size_t n_rows, const char *s,
                                  size_t n)
{
    size_t i;

    for (i = 0; i < n_rows; i++)
        if (strlen(rows[i].text) == n && memcmp(rows[i].text, s, n) == 0)
            return rows[i].id;
    return LANGUAGE_NONE;
}

enum language_id language_of_name(const char *name, size_t len)
{
    const char *dot = memrchr(name, '.', len);

    if (!dot)
        return find_text(names, ARRAY_LEN(names), name, len);
    if (dot == name)
        return LANGUAGE_NONE;
    dot++;
    return find_text(extensions, ARRAY_LEN(extensions), dot, len - (size_t)(dot - name));
}

/* The word at p that ends before white space or `end`. */
static size_t word_len(const char *p, const char *end)
{
    size_t n = 0;

    while (p + n < end && p[n] != ' ' && p[n] != '\t' && p[n] != '\r')
        n++;
    return n;
}

/* "/usr/bin/python3.11" and "python3" are python. */
static enum language_id language_of_program(const char *p, size_t n)
{
    const char *slash = memrchr(p, '/', n);

    if (slash) {
        n -= (size_t)(slash + 1 - p);
        p = slash + 1;
    }
    while (n > 0 && ((p[n - 1] >= '0' && p[n - 1] <= '9') || p[n - 1] == '.'))
        n--;
    return find_text(programs, ARRAY_LEN(programs), p, n);
}

enum language_id language_of_shebang(const char *text, size_t len)
{
    char line[128];
    const char *p = line, *end;
    const char *eol = memchr(text, '\n', len);
    size_t n = eol ? (size_t)(eol - text) : len;
    enum language_id id;

    if (n < 3 || text[0] != '#' || text[1] != '!')
        return LANGUAGE_NONE;
    n = size_min(n, sizeof(line) - 1);
    memcpy(line, text, n);
    line[n] = '\0'; /* strspn below needs an end */
    end = line + n;
    /* Each word is asked in turn: "env -S python3 -u" names its program after an option. */
    for (p += 2; p < end;) {
        size_t w = word_len(p, end);

        id = language_of_program(p, w);
        if (id != LANGUAGE_NONE)
            return id;
        p += w + 1;
    }
    return LANGUAGE_NONE;
}

static bool is_ident(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* p starts with `word` and no identifier goes on. */
static bool starts_word(const char *p, size_t n, const char *word)
{
    size_t w = strlen(word);

    return n >= w && memcmp(p, word, w) == 0 && (n == w || !is_ident(p[w]));
}

/* "class Name {", "class Name : Base", "class Name;": a sentence that begins with "class" does not go on
 * like that. */
static bool is_class_line(const char *p, size_t n)
{
    size_t i = 5, words = 0;

    if (!starts_word(p, n, "class"))
        return false;
    while (i < n && p[i] == ' ')
        i++;
    if (i >= n || !is_ident(p[i]))
        return false;
    for (; i < n && (is_ident(p[i]) || p[i] == ' '); i++)
        words += p[i] != ' ' && p[i - 1] == ' ';
    if (i == n)
        return words <= 2; /* the brace is on the next line; a macro may stand before the name */
    return p[i] == '{' || p[i] == ':' || p[i] == ';';
}

static bool is_cpp_line(const char *p, size_t n)
{
    static const char *const words[] = {"public:", "private:", "protected:", "template<",
                                        "template <"};
    size_t i;

    for (i = 0; i < ARRAY_LEN(words); i++)
        if (n >= strlen(words[i]) && memcmp(p, words[i], strlen(words[i])) == 0)
            return true;
    if (starts_word(p, n, "namespace") && memchr(p, '{', n))
        return true;
    return starts_word(p, n, "using namespace") || is_class_line(p, n);
}

/* Depth bookkeeping of "#ifdef __cplusplus" blocks, which a C header has for its guests. */
static void track_guard(const char *p, size_t n, int *depth)
{
    bool opens;

    p++;
    n--;
    while (n > 0 && (*p == ' ' || *p == '\t')) {
        p++;
        n--;
    }
    opens = n >= 2 && memcmp(p, "if", 2) == 0;
    if (opens && (*depth > 0 || memmem(p, n, "__cplusplus", 11)))
        ++*depth;
    else if (*depth > 0 && starts_word(p, n, "endif"))
        --*depth;
    else if (*depth == 1 && starts_word(p, n, "else"))
        *depth = 0;
}

static bool looks_like_cpp(const char *text, size_t len)
{
    const char *p = text, *end = text + len;
    int guard = 0;

    while (p < end) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        const char *stop = eol ? eol : end;

        while (p < stop && (*p == ' ' || *p == '\t'))
            p++;
        if (p < stop && *p == '#')
            track_guard(p, (size_t)(stop - p), &guard);
        else if (p < stop && guard == 0 && is_cpp_line(p, (size_t)(stop - p)))
            return true;
        p = stop + 1;
    }
    return false;
}

enum language_id language_refine(enum language_id id, const char *name, size_t name_len,
                                 const char *text, size_t len)
{
    if (id == LANGUAGE_C && name_len >= 2 && memcmp(name + name_len - 2, ".h", 2) == 0 &&
        looks_like_cpp(text, len))
        return LANGUAGE_CPP;
    return id;
}
