/* language.c - table of languages, and how a file's language is told (code). The manual is language.h. */
#include "code/language.h"

#include "base/size.h"

#include <string.h>
#include <strings.h>

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
static const struct query_text queries[LANGUAGE_GRAMMARS] = {
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

/* Without a grammar: names, and what comments look like. */
#define PLAIN(name, title, fence, ...)                                                             \
    {                                                                                              \
        name, title, fence, __VA_ARGS__, ".", ".", .params = PARAMS_UNSAID                         \
    }
#define HASH      "#", NULL, NULL
#define SEMICOLON ";", NULL, NULL
    [LANGUAGE_ADA] = PLAIN("ada", "Ada", "ada", "--", NULL, NULL),
    [LANGUAGE_ASSEMBLY] = PLAIN("assembly", "assembly", "asm", NULL, "/*", "*/"),
    [LANGUAGE_AWK] = PLAIN("awk", "AWK", "awk", HASH),
    [LANGUAGE_BATCH] = PLAIN("batch", "Windows batch", "bat", "::", NULL, NULL),
    [LANGUAGE_CLOJURE] = PLAIN("clojure", "Clojure", "clojure", SEMICOLON),
    [LANGUAGE_CMAKE] = PLAIN("cmake", "CMake", "cmake", "#", "#[[", "]]"),
    [LANGUAGE_COBOL] = PLAIN("cobol", "COBOL", "cobol", "*>", NULL, NULL),
    [LANGUAGE_COFFEESCRIPT] = PLAIN("coffeescript", "CoffeeScript", "coffee", HASH),
    [LANGUAGE_CRYSTAL] = PLAIN("crystal", "Crystal", "crystal", HASH),
    [LANGUAGE_CSH] = PLAIN("csh", "C shell", "csh", HASH),
    [LANGUAGE_CSS] = PLAIN("css", "CSS", "css", NULL, "/*", "*/"),
    [LANGUAGE_CUDA] = PLAIN("cuda", "CUDA", "cuda", SLASHES),
    [LANGUAGE_D] = PLAIN("d", "D", "d", SLASHES),
    [LANGUAGE_DART] = PLAIN("dart", "Dart", "dart", SLASHES),
    [LANGUAGE_DOCKERFILE] = PLAIN("dockerfile", "Dockerfile", "dockerfile", HASH),
    [LANGUAGE_ELIXIR] = PLAIN("elixir", "Elixir", "elixir", HASH),
    [LANGUAGE_ELM] = PLAIN("elm", "Elm", "elm", "--", "{-", "-}"),
    [LANGUAGE_EMACS_LISP] = PLAIN("emacs-lisp", "Emacs Lisp", "elisp", SEMICOLON),
    [LANGUAGE_ERLANG] = PLAIN("erlang", "Erlang", "erlang", "%", NULL, NULL),
    [LANGUAGE_FISH] = PLAIN("fish", "fish", "fish", HASH),
    [LANGUAGE_FORTRAN] = PLAIN("fortran", "Fortran", "fortran", "!", NULL, NULL),
    [LANGUAGE_FSHARP] = PLAIN("fsharp", "F#", "fsharp", "//", "(*", "*)"),
    [LANGUAGE_GDSCRIPT] = PLAIN("gdscript", "GDScript", "gdscript", HASH),
    [LANGUAGE_GLSL] = PLAIN("glsl", "GLSL", "glsl", SLASHES),
    [LANGUAGE_GRAPHQL] = PLAIN("graphql", "GraphQL", "graphql", HASH),
    [LANGUAGE_GROOVY] = PLAIN("groovy", "Groovy", "groovy", SLASHES),
    [LANGUAGE_HAXE] = PLAIN("haxe", "Haxe", "haxe", SLASHES),
    [LANGUAGE_HCL] = PLAIN("hcl", "HCL", "hcl", "#", "/*", "*/"),
    [LANGUAGE_HLSL] = PLAIN("hlsl", "HLSL", "hlsl", SLASHES),
    [LANGUAGE_JULIA] = PLAIN("julia", "Julia", "julia", "#", "#=", "=#"),
    [LANGUAGE_LESS] = PLAIN("less", "Less", "less", SLASHES),
    [LANGUAGE_LEX] = PLAIN("lex", "Lex", "lex", SLASHES),
    [LANGUAGE_LISP] = PLAIN("lisp", "Lisp", "lisp", ";", "#|", "|#"),
    [LANGUAGE_M4] = PLAIN("m4", "M4", "m4", "dnl", NULL, NULL),
    [LANGUAGE_MAKE] = PLAIN("make", "Makefile", "make", HASH),
    [LANGUAGE_MATLAB] = PLAIN("matlab", "MATLAB", "matlab", "%", "%{", "%}"),
    [LANGUAGE_MESON] = PLAIN("meson", "Meson", "meson", HASH),
    [LANGUAGE_METAL] = PLAIN("metal", "Metal", "metal", SLASHES),
    [LANGUAGE_NIM] = PLAIN("nim", "Nim", "nim", "#", "#[", "]#"),
    [LANGUAGE_NIX] = PLAIN("nix", "Nix", "nix", "#", "/*", "*/"),
    [LANGUAGE_OBJECTIVE_C] = PLAIN("objective-c", "Objective-C", "objc", SLASHES),
    [LANGUAGE_PASCAL] = PLAIN("pascal", "Pascal", "pascal", "//", "(*", "*)"),
    [LANGUAGE_PERL] = PLAIN("perl", "Perl", "perl", HASH),
    [LANGUAGE_POWERSHELL] = PLAIN("powershell", "PowerShell", "powershell", "#", "<#", "#>"),
    [LANGUAGE_PROLOG] = PLAIN("prolog", "Prolog", "prolog", "%", "/*", "*/"),
    [LANGUAGE_PROTOBUF] = PLAIN("protobuf", "Protocol Buffers", "protobuf", SLASHES),
    [LANGUAGE_PURESCRIPT] = PLAIN("purescript", "PureScript", "purescript", "--", "{-", "-}"),
    [LANGUAGE_QML] = PLAIN("qml", "QML", "qml", SLASHES),
    [LANGUAGE_R] = PLAIN("r", "R", "r", HASH),
    [LANGUAGE_RACKET] = PLAIN("racket", "Racket", "racket", ";", "#|", "|#"),
    [LANGUAGE_RAKU] = PLAIN("raku", "Raku", "raku", HASH),
    [LANGUAGE_SASS] = PLAIN("scss", "Sass", "scss", SLASHES),
    [LANGUAGE_SCHEME] = PLAIN("scheme", "Scheme", "scheme", ";", "#|", "|#"),
    [LANGUAGE_SOLIDITY] = PLAIN("solidity", "Solidity", "solidity", SLASHES),
    [LANGUAGE_STARLARK] = PLAIN("starlark", "Starlark", "python", HASH),
    [LANGUAGE_SVELTE] = PLAIN("svelte", "Svelte", "svelte", NULL, "<!--", "-->"),
    [LANGUAGE_SYSTEMVERILOG] = PLAIN("systemverilog", "SystemVerilog", "systemverilog", SLASHES),
    [LANGUAGE_TCL] = PLAIN("tcl", "Tcl", "tcl", HASH),
    [LANGUAGE_TERRAFORM] = PLAIN("terraform", "Terraform", "hcl", "#", "/*", "*/"),
    [LANGUAGE_THRIFT] = PLAIN("thrift", "Thrift", "thrift", SLASHES),
    [LANGUAGE_V] = PLAIN("v", "V", "v", SLASHES),
    [LANGUAGE_VERILOG] = PLAIN("verilog", "Verilog", "verilog", SLASHES),
    [LANGUAGE_VHDL] = PLAIN("vhdl", "VHDL", "vhdl", "--", NULL, NULL),
    [LANGUAGE_VIM] = PLAIN("vim", "Vim script", "vim", "\"", NULL, NULL),
    [LANGUAGE_VISUAL_BASIC] = PLAIN("visual-basic", "Visual Basic", "vb", "'", NULL, NULL),
    [LANGUAGE_VUE] = PLAIN("vue", "Vue", "vue", NULL, "<!--", "-->"),
    [LANGUAGE_WGSL] = PLAIN("wgsl", "WGSL", "wgsl", SLASHES),
    [LANGUAGE_YACC] = PLAIN("yacc", "Yacc", "yacc", SLASHES),
    [LANGUAGE_ZSH] = PLAIN("zsh", "zsh", "zsh", HASH),
    [LANGUAGE_JUPYTER] = PLAIN("jupyter", "Jupyter", "", NULL, NULL, NULL),
    [LANGUAGE_MARKDOWN] = PLAIN("markdown", "Markdown", "markdown", NULL, NULL, NULL),
};
#undef PLAIN
#undef HASH
#undef SEMICOLON
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
    /* Without a grammar; language_refine looks closer at .d, .m, .pl, .t and .v. */
    {"adb", LANGUAGE_ADA},
    {"ads", LANGUAGE_ADA},
    {"s", LANGUAGE_ASSEMBLY},
    {"S", LANGUAGE_ASSEMBLY},
    {"asm", LANGUAGE_ASSEMBLY},
    {"nasm", LANGUAGE_ASSEMBLY},
    {"awk", LANGUAGE_AWK},
    {"bat", LANGUAGE_BATCH},
    {"cmd", LANGUAGE_BATCH},
    {"clj", LANGUAGE_CLOJURE},
    {"cljs", LANGUAGE_CLOJURE},
    {"cljc", LANGUAGE_CLOJURE},
    {"cmake", LANGUAGE_CMAKE},
    {"cob", LANGUAGE_COBOL},
    {"cbl", LANGUAGE_COBOL},
    {"cpy", LANGUAGE_COBOL},
    {"coffee", LANGUAGE_COFFEESCRIPT},
    {"cr", LANGUAGE_CRYSTAL},
    {"csh", LANGUAGE_CSH},
    {"tcsh", LANGUAGE_CSH},
    {"css", LANGUAGE_CSS},
    {"cu", LANGUAGE_CUDA},
    {"cuh", LANGUAGE_CUDA},
    {"d", LANGUAGE_D},
    {"dart", LANGUAGE_DART},
    {"dockerfile", LANGUAGE_DOCKERFILE},
    {"ex", LANGUAGE_ELIXIR},
    {"exs", LANGUAGE_ELIXIR},
    {"elm", LANGUAGE_ELM},
    {"el", LANGUAGE_EMACS_LISP},
    {"erl", LANGUAGE_ERLANG},
    {"hrl", LANGUAGE_ERLANG},
    {"fish", LANGUAGE_FISH},
    {"f", LANGUAGE_FORTRAN},
    {"F", LANGUAGE_FORTRAN},
    {"f77", LANGUAGE_FORTRAN},
    {"f90", LANGUAGE_FORTRAN},
    {"F90", LANGUAGE_FORTRAN},
    {"f95", LANGUAGE_FORTRAN},
    {"f03", LANGUAGE_FORTRAN},
    {"f08", LANGUAGE_FORTRAN},
    {"for", LANGUAGE_FORTRAN},
    {"fs", LANGUAGE_FSHARP},
    {"fsi", LANGUAGE_FSHARP},
    {"fsx", LANGUAGE_FSHARP},
    {"gd", LANGUAGE_GDSCRIPT},
    {"glsl", LANGUAGE_GLSL},
    {"vert", LANGUAGE_GLSL},
    {"frag", LANGUAGE_GLSL},
    {"geom", LANGUAGE_GLSL},
    {"comp", LANGUAGE_GLSL},
    {"tesc", LANGUAGE_GLSL},
    {"tese", LANGUAGE_GLSL},
    {"graphql", LANGUAGE_GRAPHQL},
    {"gql", LANGUAGE_GRAPHQL},
    {"groovy", LANGUAGE_GROOVY},
    {"gradle", LANGUAGE_GROOVY},
    {"hx", LANGUAGE_HAXE},
    {"hcl", LANGUAGE_HCL},
    {"hlsl", LANGUAGE_HLSL},
    {"jl", LANGUAGE_JULIA},
    {"less", LANGUAGE_LESS},
    {"l", LANGUAGE_LEX},
    {"ll", LANGUAGE_LEX},
    {"lisp", LANGUAGE_LISP},
    {"lsp", LANGUAGE_LISP},
    {"m4", LANGUAGE_M4},
    {"mk", LANGUAGE_MAKE},
    {"mak", LANGUAGE_MAKE},
    {"metal", LANGUAGE_METAL},
    {"nim", LANGUAGE_NIM},
    {"nims", LANGUAGE_NIM},
    {"nix", LANGUAGE_NIX},
    {"m", LANGUAGE_OBJECTIVE_C},
    {"mm", LANGUAGE_OBJECTIVE_C},
    {"pas", LANGUAGE_PASCAL},
    {"dpr", LANGUAGE_PASCAL},
    {"lpr", LANGUAGE_PASCAL},
    {"pl", LANGUAGE_PERL},
    {"pm", LANGUAGE_PERL},
    {"t", LANGUAGE_PERL},
    {"ps1", LANGUAGE_POWERSHELL},
    {"psm1", LANGUAGE_POWERSHELL},
    {"proto", LANGUAGE_PROTOBUF},
    {"purs", LANGUAGE_PURESCRIPT},
    {"qml", LANGUAGE_QML},
    {"r", LANGUAGE_R},
    {"R", LANGUAGE_R},
    {"rkt", LANGUAGE_RACKET},
    {"raku", LANGUAGE_RAKU},
    {"rakumod", LANGUAGE_RAKU},
    {"scss", LANGUAGE_SASS},
    {"sass", LANGUAGE_SASS},
    {"scm", LANGUAGE_SCHEME},
    {"ss", LANGUAGE_SCHEME},
    {"sol", LANGUAGE_SOLIDITY},
    {"bzl", LANGUAGE_STARLARK},
    {"svelte", LANGUAGE_SVELTE},
    {"sv", LANGUAGE_SYSTEMVERILOG},
    {"svh", LANGUAGE_SYSTEMVERILOG},
    {"tcl", LANGUAGE_TCL},
    {"tf", LANGUAGE_TERRAFORM},
    {"thrift", LANGUAGE_THRIFT},
    {"v", LANGUAGE_VERILOG},
    {"vhd", LANGUAGE_VHDL},
    {"vhdl", LANGUAGE_VHDL},
    {"vim", LANGUAGE_VIM},
    {"vb", LANGUAGE_VISUAL_BASIC},
    {"vue", LANGUAGE_VUE},
    {"wgsl", LANGUAGE_WGSL},
    {"y", LANGUAGE_YACC},
    {"yy", LANGUAGE_YACC},
    {"zsh", LANGUAGE_ZSH},
    {"ipynb", LANGUAGE_JUPYTER},
    {"md", LANGUAGE_MARKDOWN},
    {"markdown", LANGUAGE_MARKDOWN},
    {"Rmd", LANGUAGE_MARKDOWN},
    {"qmd", LANGUAGE_MARKDOWN},
};

/* Files that go by their whole name. */
static const struct extension names[] = {
    {"Rakefile", LANGUAGE_RUBY},
    {"Gemfile", LANGUAGE_RUBY},
    {"Makefile", LANGUAGE_MAKE},
    {"makefile", LANGUAGE_MAKE},
    {"GNUmakefile", LANGUAGE_MAKE},
    {"Makefile.am", LANGUAGE_MAKE},
    {"CMakeLists.txt", LANGUAGE_CMAKE},
    {"Dockerfile", LANGUAGE_DOCKERFILE},
    {"Containerfile", LANGUAGE_DOCKERFILE},
    {"Jenkinsfile", LANGUAGE_GROOVY},
    {"Vagrantfile", LANGUAGE_RUBY},
    {"configure.ac", LANGUAGE_M4},
    {"meson.build", LANGUAGE_MESON},
    {"BUILD.bazel", LANGUAGE_STARLARK},
    {"WORKSPACE", LANGUAGE_STARLARK},
    {"Makefile.PL", LANGUAGE_PERL},
    {"cpanfile", LANGUAGE_PERL},
    {".vimrc", LANGUAGE_VIM},
    {".emacs", LANGUAGE_EMACS_LISP},
    {".zshrc", LANGUAGE_ZSH},
};

/* Other words that people write for a language: in front of a block of code, in a notebook. */
static const struct extension spoken[] = {
    {"asm", LANGUAGE_ASSEMBLY},
    {"bazel", LANGUAGE_STARLARK},
    {"clisp", LANGUAGE_LISP},
    {"common-lisp", LANGUAGE_LISP},
    {"docker", LANGUAGE_DOCKERFILE},
    {"elisp", LANGUAGE_EMACS_LISP},
    {"golang", LANGUAGE_GO},
    {"ipython", LANGUAGE_PYTHON},
    {"ipython3", LANGUAGE_PYTHON},
    {"ksh", LANGUAGE_BASH},
    {"node", LANGUAGE_JAVASCRIPT},
    {"objc", LANGUAGE_OBJECTIVE_C},
    {"objectivec", LANGUAGE_OBJECTIVE_C},
    {"octave", LANGUAGE_MATLAB},
    {"pwsh", LANGUAGE_POWERSHELL},
    {"python2", LANGUAGE_PYTHON},
    {"python3", LANGUAGE_PYTHON},
    {"viml", LANGUAGE_VIM},
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
    {"perl", LANGUAGE_PERL},       {"awk", LANGUAGE_AWK},
    {"gawk", LANGUAGE_AWK},        {"mawk", LANGUAGE_AWK},
    {"tclsh", LANGUAGE_TCL},       {"wish", LANGUAGE_TCL},
    {"expect", LANGUAGE_TCL},      {"Rscript", LANGUAGE_R},
    {"julia", LANGUAGE_JULIA},     {"elixir", LANGUAGE_ELIXIR},
    {"escript", LANGUAGE_ERLANG},  {"groovy", LANGUAGE_GROOVY},
    {"pwsh", LANGUAGE_POWERSHELL}, {"zsh", LANGUAGE_ZSH},
    {"fish", LANGUAGE_FISH},       {"csh", LANGUAGE_CSH},
    {"tcsh", LANGUAGE_CSH},        {"make", LANGUAGE_MAKE},
    {"guile", LANGUAGE_SCHEME},    {"racket", LANGUAGE_RACKET},
    {"raku", LANGUAGE_RAKU},       {"crystal", LANGUAGE_CRYSTAL},
    {"swipl", LANGUAGE_PROLOG},    {"sbcl", LANGUAGE_LISP},
};

const struct language *language_get(enum language_id id)
{
    if ((int)id <= LANGUAGE_NONE || id >= LANGUAGE_COUNT)
        return NULL;
    return &languages[id];
}

bool language_has_grammar(enum language_id id)
{
    return (int)id > LANGUAGE_NONE && id < LANGUAGE_GRAMMARS;
}

const char *language_query(enum language_id id, size_t *len)
{
    if (!language_has_grammar(id)) {
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
    enum language_id id = find_text(names, ARRAY_LEN(names), name, len);

    if (id != LANGUAGE_NONE)
        return id;
    if (len > 11 && memcmp(name, "Dockerfile.", 11) == 0)
        return LANGUAGE_DOCKERFILE;
    if (!dot || dot == name)
        return LANGUAGE_NONE;
    dot++;
    return find_text(extensions, ARRAY_LEN(extensions), dot, len - (size_t)(dot - name));
}

static bool same_fold(const char *a, const char *b, size_t n)
{
    return strlen(b) == n && strncasecmp(a, b, n) == 0;
}

enum language_id language_of_word(const char *word, size_t len)
{
    enum language_id id = LANGUAGE_NONE;
    char small[16];
    int i;

    for (i = LANGUAGE_NONE + 1; i < LANGUAGE_JUPYTER; i++)
        if (same_fold(word, languages[i].name, len) || same_fold(word, languages[i].title, len) ||
            same_fold(word, languages[i].fence, len))
            return (enum language_id)i;
    if (len >= sizeof(small))
        return LANGUAGE_NONE;
    for (i = 0; i < (int)len; i++)
        small[i] = (char)(word[i] >= 'A' && word[i] <= 'Z' ? word[i] - 'A' + 'a' : word[i]);
    id = find_text(spoken, ARRAY_LEN(spoken), small, len);
    if (id == LANGUAGE_NONE)
        id = find_text(extensions, ARRAY_LEN(extensions), small, len);
    return id < LANGUAGE_JUPYTER ? id : LANGUAGE_NONE;
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

/* How lines of a language begin that shares its extension with another one. The first row that holds decides. */
struct opening {
    enum language_id by_name, id;
    const char *words[12]; /* at the start of a line, after white space */
};

static const struct opening openings[] = {
    {LANGUAGE_D, LANGUAGE_D, {"module ", "import ", "public import ", "static import "}},
    {LANGUAGE_OBJECTIVE_C,
     LANGUAGE_OBJECTIVE_C,
     {"#import", "#include", "@interface", "@implementation", "@protocol", "@class", "@import"}},
    {LANGUAGE_OBJECTIVE_C, LANGUAGE_MATLAB, {"function ", "%", "classdef ", "end", "if ", "for "}},
    {LANGUAGE_PERL, LANGUAGE_PROLOG, {":- "}},
    {LANGUAGE_PERL,
     LANGUAGE_PERL,
     {"use ", "my ", "package ", "sub ", "require ", "our ", "#!", "print ", "local ", "return "}},
    {LANGUAGE_VERILOG, LANGUAGE_VERILOG, {"endmodule", "`include", "`define"}},
    {LANGUAGE_VERILOG, LANGUAGE_V, {"fn ", "pub fn ", "pub struct ", "struct "}},
};

/* A line begins with one of the words of the row. */
static bool has_opening(const struct opening *o, const char *text, size_t len)
{
    const char *p = text, *end = text + len;

    while (p < end) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        const char *stop = eol ? eol : end;

        while (p < stop && (*p == ' ' || *p == '\t'))
            p++;
        for (size_t i = 0; i < ARRAY_LEN(o->words) && o->words[i]; i++) {
            size_t n = strlen(o->words[i]);

            if ((size_t)(stop - p) >= n && memcmp(p, o->words[i], n) == 0)
                return true;
        }
        p = stop + 1;
    }
    return false;
}

static enum language_id by_opening(enum language_id id, const char *text, size_t len)
{
    bool asked = false;

    for (size_t i = 0; i < ARRAY_LEN(openings); i++) {
        if (openings[i].by_name != id)
            continue;
        if (has_opening(&openings[i], text, len))
            return openings[i].id;
        asked = true;
    }
    return asked ? LANGUAGE_NONE : id;
}

enum language_id language_refine(enum language_id id, const char *name, size_t name_len,
                                 const char *text, size_t len)
{
    const char *dot = memrchr(name, '.', name_len);

    if (!language_has_grammar(id))
        return dot && name + name_len - dot <= 3 ? by_opening(id, text, len) : id;
    if (id == LANGUAGE_C && name_len >= 2 && memcmp(name + name_len - 2, ".h", 2) == 0 &&
        looks_like_cpp(text, len))
        return LANGUAGE_CPP;
    return id;
}
