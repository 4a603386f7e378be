/* language.h - the languages that dobby reads (code).
 * What     One row a language: the names it goes by, what its comments look like, the query that finds its
 *          units, and its grammar. A file's language follows from its name, else from its first line.
 *          Languages without a grammar are known by name only: their files are cut into chunks (chunk.h).
 * Absent   What is data or prose: JSON, YAML, TOML, XML, CSV, SVG, plain text, and HTML, whose files are pages in their
 *          masses (generated documentation above all) and seldom the program. Of Markdown only the code blocks count.
 * Owns     Nothing: constant tables.
 * Threads  Immutable; any thread.
 * Next     unit.h for what is found in a file, queries/ for the queries. */
#ifndef CODE_LANGUAGE_H
#define CODE_LANGUAGE_H

#include <stdbool.h>
#include <stddef.h>

/* The numbers travel between dobby and its parser workers, which are the same build: free to change. */
enum language_id {
    LANGUAGE_NONE,
    LANGUAGE_C,
    LANGUAGE_CPP,
    LANGUAGE_PYTHON,
    LANGUAGE_JAVASCRIPT,
    LANGUAGE_TYPESCRIPT,
    LANGUAGE_TSX,
    LANGUAGE_GO,
    LANGUAGE_RUST,
    LANGUAGE_JAVA,
    LANGUAGE_CSHARP,
    LANGUAGE_RUBY,
    LANGUAGE_PHP,
    LANGUAGE_KOTLIN,
    LANGUAGE_SWIFT,
    LANGUAGE_SCALA,
    LANGUAGE_LUA,
    LANGUAGE_BASH,
    LANGUAGE_ZIG,
    LANGUAGE_HASKELL,
    LANGUAGE_OCAML,
    LANGUAGE_SQL,
    LANGUAGE_GRAMMARS, /* from here on without a grammar */
    LANGUAGE_ADA = LANGUAGE_GRAMMARS,
    LANGUAGE_ASSEMBLY,
    LANGUAGE_AWK,
    LANGUAGE_BATCH,
    LANGUAGE_CLOJURE,
    LANGUAGE_CMAKE,
    LANGUAGE_COBOL,
    LANGUAGE_COFFEESCRIPT,
    LANGUAGE_CRYSTAL,
    LANGUAGE_CSH,
    LANGUAGE_CSS,
    LANGUAGE_CUDA,
    LANGUAGE_D,
    LANGUAGE_DART,
    LANGUAGE_DOCKERFILE,
    LANGUAGE_ELIXIR,
    LANGUAGE_ELM,
    LANGUAGE_EMACS_LISP,
    LANGUAGE_ERLANG,
    LANGUAGE_FISH,
    LANGUAGE_FORTRAN,
    LANGUAGE_FSHARP,
    LANGUAGE_GDSCRIPT,
    LANGUAGE_GLSL,
    LANGUAGE_GRAPHQL,
    LANGUAGE_GROOVY,
    LANGUAGE_HAXE,
    LANGUAGE_HCL,
    LANGUAGE_HLSL,
    LANGUAGE_JULIA,
    LANGUAGE_LESS,
    LANGUAGE_LEX,
    LANGUAGE_LISP,
    LANGUAGE_M4,
    LANGUAGE_MAKE,
    LANGUAGE_MATLAB,
    LANGUAGE_MESON,
    LANGUAGE_METAL,
    LANGUAGE_NIM,
    LANGUAGE_NIX,
    LANGUAGE_OBJECTIVE_C,
    LANGUAGE_PASCAL,
    LANGUAGE_PERL,
    LANGUAGE_POWERSHELL,
    LANGUAGE_PROLOG,
    LANGUAGE_PROTOBUF,
    LANGUAGE_PURESCRIPT,
    LANGUAGE_QML,
    LANGUAGE_R,
    LANGUAGE_RACKET,
    LANGUAGE_RAKU,
    LANGUAGE_SASS,
    LANGUAGE_SCHEME,
    LANGUAGE_SOLIDITY,
    LANGUAGE_STARLARK,
    LANGUAGE_SVELTE,
    LANGUAGE_SYSTEMVERILOG,
    LANGUAGE_TCL,
    LANGUAGE_TERRAFORM,
    LANGUAGE_THRIFT,
    LANGUAGE_V,
    LANGUAGE_VERILOG,
    LANGUAGE_VHDL,
    LANGUAGE_VIM,
    LANGUAGE_VISUAL_BASIC,
    LANGUAGE_VUE,
    LANGUAGE_WGSL,
    LANGUAGE_YACC,
    LANGUAGE_ZSH,
    /* These hold code of other languages. */
    LANGUAGE_JUPYTER,
    LANGUAGE_MARKDOWN,
    LANGUAGE_COUNT
};

/* How a parameter says its name: what a sentence from the signature alone goes by. */
enum language_params {
    PARAMS_BEFORE_COLON, /* name: Type = value, and whatever else ends in the name */
    PARAMS_DECLARATOR,   /* int (*name)(int), char name[8] */
    PARAMS_AFTER_TYPE,   /* Type name = value */
    PARAMS_BEFORE_TYPE,  /* name Type, or the type alone */
    PARAMS_UNSAID,       /* not in parentheses behind the name */
};

struct language {
    const char *name;       /* as in the outputs: "c", "cpp", "python" */
    const char *title;      /* as in prompts: "C", "C++", "Python" */
    const char *fence;      /* info string of a fenced code block */
    const char *line;       /* start of a line comment; NULL if the language has none */
    const char *block_open; /* of a block comment, NULL likewise */
    const char *block_close;
    const char *scope;  /* in a qualified name, after a namespace and between types: "::" */
    const char *member; /* in a qualified name, before what a type or a function holds: "." */
    enum language_params params;
    /* Names, a space between them; NULL for none. */
    const char *self; /* parameters that are the object itself, or a word for nothing */
    const char
        *make; /* methods that make an object, besides those that are called like their type */
    const char *unmake; /* methods that end one */
    bool docstrings;    /* a string as the first statement of a body documents it */
    bool xml_docs;      /* documentation comments hold XML elements */
};

/* The row of a language; NULL for LANGUAGE_NONE and numbers out of range. */
const struct language *language_get(enum language_id id);
bool language_has_grammar(enum language_id id);

/* By the name of a file (its last component, bytes). Names ending in .h say C: language_refine knows better
 * once the text is there. LANGUAGE_NONE when the name says nothing. */
enum language_id language_of_name(const char *name, size_t len);

/* By an interpreter line ("#!/usr/bin/env python3") at the start of text; LANGUAGE_NONE otherwise. */
enum language_id language_of_shebang(const char *text, size_t len);

/* By a word that people write for a language ("py", "Shell", "c++"): its names, its extensions, some more. Case does
 * not matter. LANGUAGE_NONE for any other, and for what holds code of other languages. */
enum language_id language_of_word(const char *word, size_t len);

/* The language of a text whose name says `id`: a .h that uses words of C++ at the start of its lines is C++; what several
 * languages call their files (.m, .v, .pl, .d) is told by how lines begin, LANGUAGE_NONE when none of them says so.
 * Everything else stays as it is. O(len). */
enum language_id language_refine(enum language_id id, const char *name, size_t name_len,
                                 const char *text, size_t len);

/* The source of the tree-sitter query that finds units; embedded at build time. "" without a grammar. */
const char *language_query(enum language_id id, size_t *len);

#endif
