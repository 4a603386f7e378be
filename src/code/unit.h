/* unit.h - a function, method, type, module or chunk of a source file, as byte ranges (code).
 * What     Units are found by a parser process (parse.h) and hold positions only; the text stays where
 *          it was read. Ranges are half-open bytes from the start of the file, lines are 1-based inclusive.
 *
 *              // Doubles what it is given.        <- doc (a comment before, or a docstring: docstring)
 *              @traced                             <- start, start_line
 *              int twice(int x)                    <- signature: from start up to the body
 *              {
 *                  return 2 * x;                   <- body: with its braces where there are any
 *              }                                   <- end, end_line
 *
 *          What counts: functions and methods that have a body, an expression in some languages. Prototypes and
 *          anonymous callbacks do not; a named function inside another one does from three lines on.
 *          Types count where they are defined, by a body or, as records do, by their fields: classes, structures, unions,
 *          enumerations, interfaces, traits, protocols, objects, variants, tables and views, and what `type` of Go declares.
 *          Declarations and other names for a type do not, nor do extensions and implementations of one (impl, extension,
 *          instance): these only enclose. A type inside a function or another type does from three lines on.
 *          A module is what a language has for functions without an object: a module of Ruby or OCaml counts when
 *          functions of its own stand in it. Those, and the namespaces of the other languages, count besides when a comment
 *          says what they are for (doc_first_sentence): one that only groups, and is opened again in every file, tells nothing. A
 *          comment on a module of Ruby around a single class or module is about that one.
 *          What reaches to the end of its file (`namespace A;`) is the file, not a unit.
 * Chunks   Where no parser serves, a unit is a chunk of lines (chunk.h): it has neither signature, body nor comment.
 * Words    What a unit calls, and which other names it uses: each name once, in the order of their first appearance, '\n' between them,
 *          the first UNIT_MAX_WORDS that fit into UNIT_WORDS_BYTES. Of a.b.f(x) the last part counts, of new T(x) T; macros and
 *          constructors are called like functions. Uses are the other names: of types, fields, constants, variables (parameters
 *          and locals among them), of functions that are handed on; not the unit's own, nor self and this, nor those of one
 *          letter. A name is no longer than UNIT_WORD_BYTES and has a letter; comments and strings hold none.
 *          What stands in a unit inside of a type or module is that one's alone; what stands in a function inside of a function
 *          is of both. Names are what the text says: no type is looked up, so a cast of C is a call where it looks like one, and an
 *          operator that is a name (a map f in Scala and Kotlin) a use. Not known (NULL): of chunks, and behind the place where
 *          the lists of a file have grown longer than its text, as they can in functions nested a hundred deep.
 * Trust    What a parser process says is checked before a struct unit exists: ranges lie in the file and
 *          in each other, lines agree with the text, names are short and hold no control characters.
 * Imports  A list apart: what the file takes from elsewhere, what it says it is, where a program starts. At most
 *          PROTOCOL_MAX_IMPORTS (protocol.h) a file, the first ones.
 * Owns     A list owns one arena with its units and names.
 * Next     doc.h for what their comments say, prompt.h for what a model reads. */
#ifndef CODE_UNIT_H
#define CODE_UNIT_H

#include "base/arena.h"
#include "code/language.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of each list of names (see Words). */
#define UNIT_MAX_WORDS   48
#define UNIT_WORDS_BYTES 1500
#define UNIT_WORD_BYTES  128

enum unit_kind { UNIT_FUNCTION, UNIT_METHOD, UNIT_TYPE, UNIT_MODULE, UNIT_CHUNK, UNIT_KINDS };

struct span {
    uint32_t start, end; /* start == end: absent */
};

struct unit {
    const char *name; /* "area"; for an operator or destructor as it is written */
    const char
        *qualified; /* "Circle.area", "geo::Circle::area": signs between parts as in language.h */
    enum unit_kind kind;
    enum language_id
        language; /* where it is not the file's: code in a document; else LANGUAGE_NONE */
    struct span
        span; /* with decorators, attributes, template header; a leading comment is outside */
    int start_line, end_line;
    struct span
        signature; /* starts at span.start, ends before the body, no white space at its end */
    struct span body;
    struct span doc; /* contiguous comments before span; white space trimmed */
    struct span
        docstring; /* inside body; the string with its quotes, or a module's inner comment */
    int depth;     /* 0, or the number of units that enclose this one */
    const char *calls, *uses; /* see Words; "" for none, NULL: not known */
};

/* What a file says about what is outside of it. */
enum import_kind {
    IMPORT_NAME, /* it takes this from elsewhere, written as its language does: "base/err.h" or <stdio.h> in C (with the
                       signs around it), os.path, ..core.Tree (of `from ..core import Tree`), ./a.js, crate::a::b; "$/lib.sh"
                       where the program finds out what stands before the slash */
    IMPORT_TYPES,   /* Python: as IMPORT_NAME, for type checkers only (`if TYPE_CHECKING:`) */
    IMPORT_CHILD,   /* Rust: a module of it that stands in a file of its own */
    IMPORT_PACKAGE, /* the package, namespace or module that it says it is part of, or is */
    IMPORT_ENTRY, /* a program starts here: "main", "@main", "App", "__main__", or "#!" for an interpreter line */
    IMPORT_KINDS
};

struct import {
    enum import_kind kind;
    int line;
    const char *what;
};

struct unit_list {
    struct arena arena;
    struct unit *units; /* by start; ties: the longer first */
    size_t n;
    struct import *imports; /* by line; each kind and text once, at its first line */
    size_t n_imports;
    bool partial; /* the parser met errors: units may be missing or cut */
};

void unit_list_release(struct unit_list *l);
const char *unit_kind_name(enum unit_kind k); /* "function", "method", "type", "module", "chunk" */
/* By its name; false when there is none such. */
bool unit_kind_find(enum unit_kind *out, const char *name);
const char *
import_kind_name(enum import_kind k); /* "import", "types", "child", "package", "entry" */
/* A type or module: its text holds units, which are not its own (doc_hide). */
static inline bool unit_is_outline(const struct unit *u)
{
    return u->kind == UNIT_TYPE || u->kind == UNIT_MODULE;
}

/* The language of a unit in a file of language `file`. */
static inline enum language_id unit_language(const struct unit *u, enum language_id file)
{
    return u->language != LANGUAGE_NONE ? u->language : file;
}

static inline size_t span_len(struct span s)
{
    return s.end - s.start;
}

#endif
